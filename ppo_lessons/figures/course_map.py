"""The map of the course: every lesson with its function, and which function is used where, read from the code."""

import itertools

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ppo_lessons import LESSONS
from ppo_lessons.experiments.course_map import called_by_trainer, uses
from ppo_lessons.figures.style import POLICY, QUIET, Picture

MAIN_FUNCTION = {
    "expectation": "expectation",
    "policy_gradient": "expected_return",
    "log_trick": "score_objective",
    "reward_to_go": "reward_to_go",
    "baseline": "subtract_baseline",
    "advantage": "td_error",
    "gae": "gae",
    "importance_sampling": "ratio",
    "kl_penalty": "penalized_objective",
    "clip": "clipped_objective",
    "entropy": "entropy",
}
WIDTH, HEIGHT = 2.0, 0.86
COLUMNS = 4


def place(number):
    """Centre of lesson `number` (from 0): rows of four, every second one from right to left."""
    row, column = divmod(number, COLUMNS)
    column = COLUMNS - 1 - column if row % 2 else column
    return column * 2.4, -row * 1.55


def build(figure):
    axes = figure.subplots()
    axes.set(xlim=(-1.15, 8.35), ylim=(-3.7, 0.6))
    axes.axis("off")
    where = {name: place(number) for number, name in enumerate(LESSONS)}
    for number, name in enumerate(LESSONS):
        x, y = where[name]
        called = name in called_by_trainer()
        box = FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0.04",
            facecolor="#DCEBF5" if called else "white",
            edgecolor=POLICY["color"] if called else QUIET,
            linewidth=1.5,
        )
        axes.add_patch(box)
        axes.text(
            x,
            y + 0.14,
            f"{number + 1:02d} {name.replace('_', ' ')}",
            ha="center",
            va="center",
            weight="bold",
            fontsize=9,
        )
        axes.text(x, y - 0.2, MAIN_FUNCTION[name], ha="center", va="center", family="monospace", fontsize=8.5)
    for before, after in itertools.pairwise(LESSONS):
        arrow(axes, where[before], where[after], color=QUIET, linestyle="-")
    for user in LESSONS:
        for name in uses()[user]:
            if abs(LESSONS.index(user) - LESSONS.index(name)) > 1:
                arrow(axes, where[name], where[user], color=POLICY["color"], linestyle="--")
    box = FancyBboxPatch((6.2, -3.53), WIDTH, HEIGHT, boxstyle="round,pad=0.04", fc=POLICY["color"], ec="none")
    axes.add_patch(box)
    axes.text(7.2, -2.96, "12 a full PPO run", ha="center", va="center", weight="bold", color="white")
    axes.text(7.2, -3.3, "calls all blue lessons", ha="center", va="center", fontsize=8.5, color="white")


def arrow(axes, start, end, *, color, linestyle):
    """An arrow between two boxes that stops at their edges."""
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        reach = (WIDTH / 2 + 0.04) * (1 if x1 > x0 else -1)
        x0, x1 = x0 + reach, x1 - reach
    else:
        reach = (HEIGHT / 2 + 0.04) * (1 if y1 > y0 else -1)
        lean = 0.5 * (x1 > x0) - 0.5 * (x1 < x0)  # leave and arrive beside the middle, where other arrows are
        x0, x1, y0, y1 = x0 + lean, x1 - lean, y0 + reach, y1 - reach
    line = {"color": color, "linestyle": linestyle, "linewidth": 1.4}
    axes.add_patch(
        FancyArrowPatch((x0, y0), (x1, y1), arrowstyle="-|>", mutation_scale=13, shrinkA=0, shrinkB=0, **line)
    )


def update(artists):
    called = ", ".join(name.replace("_", " ") for name in called_by_trainer())
    return (
        "Eleven lessons, each leading to the next; a dashed arrow means that a function is built from an earlier one. "
        f"The trainer of lesson 12 calls the functions of: {called}."
    )


course_map = Picture(build, update, size=(820, 380))
