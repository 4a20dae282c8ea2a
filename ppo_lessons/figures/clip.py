"""Lesson 10 drawn: the clipped objective of one sample, its six cases, and clip against penalty on the Corridor."""

import itertools

import torch
from matplotlib.patches import Rectangle

from ppo_lessons.clip import clip_ratio
from ppo_lessons.corridor import Corridor
from ppo_lessons.experiments.clip import (
    CASES,
    case_of,
    example_of,
    gradient_of_sample,
    smaller_term,
    train_both,
)
from ppo_lessons.experiments.kl_penalty import UPDATES
from ppo_lessons.figures.style import CLIPPED, GRID, OLD_POLICY, PENALTY, POLICY, TOTAL, Picture, quiet_grid

# The objective of one sample

RATIOS = torch.linspace(0.0, 2.0, 201, dtype=torch.float64)
RATIO = r"ratio $\rho = \pi\,/\,\pi_{\mathrm{old}}$"
UNKNOWN = "?"  # in the rows of the table that the sample is not in: what stands there is the reader's to find
TERMS = {"plain": "plain ρA", "clipped": "clipped", "both": "both equal"}


def case_row(place, sign, epsilon):
    """What stands in the last two columns of a row, found by asking autograd: [smaller term, gradient]."""
    ratio, advantage = example_of(place, sign, epsilon)
    _, gradient = gradient_of_sample(ratio, advantage, epsilon)
    return [TERMS[smaller_term(ratio, advantage, epsilon)], "0" if gradient == 0 else "A"]


def build_objective(figure):
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    quiet_grid(left)
    band = left.axvspan(0.8, 1.2, color=GRID, alpha=0.6, linewidth=0, zorder=0.55)  # above the grid, below the legend
    (plain,) = left.plot([], [], **OLD_POLICY, label="plain: ρA")
    (held,) = left.plot([], [], **CLIPPED, label="clipped: clip(ρ) A")
    (least,) = left.plot([], [], **TOTAL, linewidth=2.6, label="the smaller: objective")
    (dot,) = left.plot([], [], "o", color=POLICY["color"], markersize=9, zorder=5)
    arrow = left.annotate("", (1, 0), (1, 0), arrowprops={"arrowstyle": "-|>", "lw": 2.2, "color": POLICY["color"]})
    left.set(xlim=(0, 2), ylim=(-2.15, 2.15), xlabel=RATIO, ylabel="objective of one sample")
    left.set(xticks=[0, 0.5, 1, 1.5, 2], yticks=[-2, -1, 0, 1, 2])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8.5)
    right.axis("off")
    right.set(xlim=(-0.01, 1.01), ylim=(7.15, -0.15))  # the outer lines whole
    mark = right.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=POLICY["color"], linewidth=2.2, zorder=4))
    edges = list(itertools.accumulate((0, 0.29, 0.1, 0.37, 0.24)))
    right.hlines(range(8), 0, 1, color=GRID, linewidth=1)
    right.vlines(edges, 0, 7, color=GRID, linewidth=1)
    places = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    centred = {"ha": "center", "va": "center", "fontsize": 9}
    for x, words in zip(places, ("ρ", "A", "smaller term", "gradient"), strict=True):
        right.text(x, 0.5, words, weight="bold", **centred)
    rows = [(f"{place} band", sign, "", "") for place, sign in CASES]
    table = [
        [right.text(x, row + 1.5, word, **centred) for x, word in zip(places, words, strict=True)]
        for row, words in enumerate(rows)
    ]
    lines = {"band": band, "plain": plain, "held": held, "least": least, "dot": dot, "arrow": arrow}
    return {"left": left, "right": right, "table": table, "mark": mark, **lines}


def update_objective(artists, *, epsilon, advantage, ratio):
    plain = RATIOS * advantage
    held = clip_ratio(RATIOS, epsilon=epsilon) * advantage
    artists["plain"].set_data(RATIOS, plain)
    artists["held"].set_data(RATIOS, held)
    artists["least"].set_data(RATIOS, torch.minimum(plain, held))
    artists["band"].set_x(1 - epsilon)
    artists["band"].set_width(2 * epsilon)
    value, gradient = gradient_of_sample(ratio, advantage, epsilon)
    artists["dot"].set_data([ratio], [value])
    artists["arrow"].xy = (ratio + 0.2 * gradient, value)
    artists["arrow"].set_position((ratio, value))
    artists["arrow"].arrow_patch.set_visible(gradient != 0)
    now = case_of(ratio, advantage, epsilon)
    for row, cells in enumerate(artists["table"]):
        told = case_row(*CASES[row], epsilon) if row == now else [UNKNOWN, UNKNOWN]
        for cell, words in zip(cells[2:], told, strict=True):
            cell.set_text(words)
    artists["mark"].set_visible(now is not None)
    artists["mark"].set_y(1 + (now or 0))
    gradient = gradient or 0.0  # never -0
    given, slope = (f"{number:+.1f}" if number else "0" for number in (advantage, gradient))
    push = "pushes ρ up" if gradient > 0 else "pushes ρ down" if gradient < 0 else "moves nothing"
    artists["left"].set_title(f"A = {given}, ρ = {ratio:.2f}: objective {value + 0.0:.2f}")
    artists["right"].set_title(f"gradient {slope} {push}")
    place = "inside" if abs(ratio - 1) <= epsilon else "above" if ratio > 1 else "below"
    return (
        f"ρ = {ratio:.2f} lies {place} the band (ε = {epsilon:.2f}) and A = {given}: the objective is "
        f"{value + 0.0:.2f}; its gradient, {slope}, {push}."
    )


objective = Picture(build_objective, update_objective, size=(780, 350))


# Two leashes on the Corridor


def build_training(figure):
    left, right = figure.subplots(1, 2)
    lines = {}
    for axes, name in ((left, "J"), (right, "KL")):
        quiet_grid(axes)
        (lines[name, "clip"],) = axes.plot([], [], **POLICY, marker="o", markersize=4, label="PPO-clip")
        (lines[name, "penalty"],) = axes.plot([], [], **PENALTY, marker="s", markersize=4, label="PPO-penalty")
        axes.set(xlim=(-0.3, UPDATES + 0.3), xlabel="update")
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.set(ylim=(-2.4, 4.9), ylabel="true J")
    best = Corridor().best_return()
    left.axhline(best, color=TOTAL["color"], linewidth=0.8)
    beside = {"transform": left.get_yaxis_transform(), "va": "center", "fontsize": 8}
    left.text(1.02, best, f"best\n{best:.3f}", **beside)
    left.legend(loc="lower right")
    right.set(ylim=(1e-5, 30), yscale="log", ylabel="true KL(old‖new), nats")
    return {"lines": lines, "left": left, "right": right}


def update_training(artists, *, epsilon, beta, sample):
    runs = {"clip": [], "penalty": []}
    for both in train_both(epsilon, beta, seed=sample):
        for name, record in zip(runs, both, strict=True):
            runs[name].append(record)
            updates = [r.update for r in runs[name]]
            artists["lines"]["J", name].set_data(updates, [r.expected_return for r in runs[name]])
            artists["lines"]["KL", name].set_data(updates[1:], [max(r.kl, 2e-5) for r in runs[name][1:]])
        last = {name: run[-1] for name, run in runs.items()}
        most = {name: max(r.kl for r in run) for name, run in runs.items()}
        artists["left"].set_title(
            f"J after {last['clip'].update} updates: {last['clip'].expected_return:.2f} (clip, ε = {epsilon:.2f}),\n"
            f"{last['penalty'].expected_return:.2f} (penalty, β = {beta:.1f})"
        )
        artists["right"].set_title(
            f"largest KL of one update:\nclip {most['clip']:.3f}, penalty {most['penalty']:.3f} nats"
        )
        yield (
            f"After {last['clip'].update} updates J is {last['clip'].expected_return:.2f} with the clip "
            f"(ε = {epsilon:.2f}) and {last['penalty'].expected_return:.2f} with the penalty (β = {beta:.1f}); "
            f"one update moved by at most {most['clip']:.3f} and {most['penalty']:.3f} nats."
        )


training = Picture(build_training, update_training, size=(780, 340))
