"""The map of the course: every lesson with its function, and which function is used where, read from the code.

A notebook shows it as tiles, one for each box, because a picture with links over it leads nowhere in JupyterLab.
"""

import io
import itertools

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

from ppo_lessons import LESSONS
from ppo_lessons.experiments.course_map import called_by_trainer, uses
from ppo_lessons.figures.style import POLICY, QUIET, Canvas, Picture, encode

MAIN_FUNCTION = {  # of each lesson on the map, one that the trainer calls
    "expectation": "standard_error",
    "policy_gradient": "softmax_policy",
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
LOOP = "ppo"  # the lesson after the derivation, and the last on the map
SHORT = {"kl_penalty": "KL penalty", "gae": "GAE"}
WIDTH, HEIGHT, PAD = 2.1, 0.86, 0.04
COLUMNS, ROWS = 4, 3
STEP = 2.4, 1.55  # from the middle of a box to that of the next one in its row, and in its column


def drawn():
    """The lessons on the map, in order: those with a main function."""
    return [name for name in LESSONS if name in MAIN_FUNCTION]


def places():
    """Centre of each box, the loop's last: rows of four, every second one from right to left."""
    found = {}
    for number, name in enumerate([*drawn(), LOOP]):
        row, column = divmod(number, COLUMNS)
        column = COLUMNS - 1 - column if row % 2 else column
        found[name] = column * STEP[0], -row * STEP[1]
    return found


def build(figure):
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))  # to the edges, so that equal tiles are cut in the middle between two boxes
    where = places()
    axes.set(xlim=(-STEP[0] / 2, (COLUMNS - 0.5) * STEP[0]), ylim=((0.5 - ROWS) * STEP[1], STEP[1] / 2))
    axes.axis("off")
    for name in drawn():
        called = name in called_by_trainer()
        title = f"{LESSONS.index(name) + 1:02d} {SHORT.get(name, name.replace('_', ' '))}"
        edge = POLICY["color"] if called else QUIET
        draw_box(axes, where[name], title, MAIN_FUNCTION[name], face="#DCEBF5" if called else "white", edge=edge)
    title = f"{len(drawn()) + 1:02d} the loop"
    draw_box(axes, where[LOOP], title, "calls all blue lessons", face=POLICY["color"], edge="none", ink="white")
    for before, after in itertools.pairwise(where):
        arrow(axes, where[before], where[after], color=QUIET, linestyle="-")
    for user in drawn():
        for name in uses()[user]:
            if name in where and abs(LESSONS.index(user) - LESSONS.index(name)) > 1:
                arrow(axes, where[name], where[user], color=POLICY["color"], linestyle="--")
    return {"axes": axes}


def draw_box(axes, centre, title, words, *, face, edge, ink="black"):
    """A lesson's box with its name and, below it, its function."""
    x, y = centre
    corner = x - WIDTH / 2, y - HEIGHT / 2
    axes.add_patch(
        FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=f"round,pad={PAD}", facecolor=face, edgecolor=edge, lw=1.5)
    )
    style = {"ha": "center", "va": "center", "color": ink}
    axes.text(x, y + 0.14, title, weight="bold", fontsize=8.5, **style)
    axes.text(x, y - 0.2, words, fontsize=8.5, **style, **({"family": "monospace"} if ink == "black" else {}))


def arrow(axes, start, end, *, color, linestyle):
    """An arrow between two boxes that stops at their edges."""
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        reach = (WIDTH / 2 + PAD) * (1 if x1 > x0 else -1)
        x0, x1 = x0 + reach, x1 - reach
    else:
        reach = (HEIGHT / 2 + PAD) * (1 if y1 > y0 else -1)
        lean = 0.5 * (x1 > x0) - 0.5 * (x1 < x0)  # leave and arrive beside the middle, where other arrows are
        x0, x1, y0, y1 = x0 + lean, x1 - lean, y0 + reach, y1 - reach
    line = {"color": color, "linestyle": linestyle, "linewidth": 1.4}
    axes.add_patch(
        FancyArrowPatch((x0, y0), (x1, y1), arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, **line)
    )


def update(artists):
    called = ", ".join(name.replace("_", " ") for name in called_by_trainer())
    return (
        f"{len(drawn())} lessons, each leading to the next and the last to the loop; a dashed arrow means that a "
        f"function is built from an earlier one. The trainer calls the functions of: {called}."
    )


course_map = Picture(build, update, size=(205 * COLUMNS, 130 * ROWS))


def tiles():
    """The map cut into one tile for each box.

    Returns:
        dict: lesson -> PNG, in the order of the course; that of the loop is called "ppo".
    """
    image = Image.open(io.BytesIO(Canvas(course_map).png()))
    width, height = image.width // COLUMNS, image.height // ROWS
    found = {}
    for name, (x, y) in places().items():
        left, top = round(x / STEP[0]) * width, round(-y / STEP[1]) * height
        found[name] = encode(image.crop((left, top, left + width, top + height)))
    return found
