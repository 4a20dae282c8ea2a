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
TERMS = {"plain": "plain ρA", "clipped": "clipped", "both": "both equal"}


def case_row(place, sign, epsilon):
    """One row of the table in words, found by asking autograd: [rho, A, smaller term, gradient]."""
    ratio, advantage = example_of(place, sign, epsilon)
    _, gradient = gradient_of_sample(ratio, advantage, epsilon)
    return [f"{place} band", sign, TERMS[smaller_term(ratio, advantage, epsilon)], "0" if gradient == 0 else "A"]


def build_objective(figure):
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    quiet_grid(left)
    band = left.axvspan(0.8, 1.2, color=GRID, alpha=0.6, linewidth=0, zorder=0.55)  # above the grid, below the legend
    (plain,) = left.plot([], [], **OLD_POLICY, label="plain: ρA")
    (held,) = left.plot([], [], **CLIPPED, label="clipped: clip(ρ) A")
    (least,) = left.plot([], [], **TOTAL, linewidth=2.6, label="the smaller: objective")
    (dot,) = left.plot([], [], "o", color=POLICY["color"], markersize=9, zorder=5)
    arrow = left.annotate("", (1, 0), (1, 0), arrowprops={"arrowstyle": "-|>", "lw": 2.2, "color": POLICY["color"]})
    left.set(xlim=(0, 2), ylim=(-4.3, 6.4), xlabel="ratio ρ = π / π_old", ylabel="objective of one sample")
    left.legend(loc="upper left", fontsize=8.5)
    right.axis("off")
    right.set(xlim=(0, 1), ylim=(7.15, -0.15))
    mark = right.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=POLICY["color"], linewidth=2.2, zorder=4))
    edges = list(itertools.accumulate((0, 0.29, 0.1, 0.37, 0.24)))
    right.hlines(range(8), 0, 1, color=GRID, linewidth=1)
    right.vlines(edges, 0, 7, color=GRID, linewidth=1)
    places = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    centred = {"ha": "center", "va": "center", "fontsize": 9}
    for x, words in zip(places, ("ρ", "A", "smaller term", "gradient"), strict=True):
        right.text(x, 0.5, words, weight="bold", **centred)
    table = [[right.text(x, row + 1.5, "", **centred) for x in places] for row in range(len(CASES))]
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
    for row, (place, sign) in enumerate(CASES):
        for cell, words in zip(artists["table"][row], case_row(place, sign, epsilon), strict=True):
            cell.set_text(words)
    artists["mark"].set_visible(now is not None)
    artists["mark"].set_y(1 + (now or 0))
    push = "pushes ρ up" if gradient > 0 else "pushes ρ down" if gradient < 0 else "moves nothing"
    artists["left"].set_title(f"ε = {epsilon:.2f}, A = {advantage:+.1f}, ρ = {ratio:.2f}: objective {value:+.2f}")
    artists["right"].set_title(f"gradient {gradient:+.1f} {push}".replace("+0.0", "0"))
    return (
        f"At ε = {epsilon:.2f}, A = {advantage:+.1f} and ρ = {ratio:.2f} the objective is {value:+.3f}; "
        f"its gradient, {gradient:+.1f}, {push}."
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
    left.text(UPDATES, best, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8)
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
            f"After {last['clip'].update} updates PPO-clip with ε = {epsilon:.2f} has J = "
            f"{last['clip'].expected_return:.3f} and moved by at most {most['clip']:.4f} nats in one update; "
            f"PPO-penalty with β = {beta:.1f} has J = {last['penalty'].expected_return:.3f}, "
            f"at most {most['penalty']:.4f}."
        )


training = Picture(build_training, update_training, size=(780, 340))
