"""Lesson 05 drawn: praise and blame, the parabola of the variance, least squares, and a baseline that is learned."""

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, START
from ppo_lessons.expectation import expectation
from ppo_lessons.experiments.baseline import (
    CONSTANTS,
    GUESSES,
    JUDGES,
    PLACES,
    STEPS,
    best_constant,
    draw_plays,
    exact_values,
    expected_loss,
    explained,
    judges,
    learn_baseline,
    loss_curve,
    outcomes,
    parabolas,
    praised,
    praised_share,
    variance_with,
    world_and_plays,
)
from ppo_lessons.figures.corridor import draw_cells
from ppo_lessons.figures.style import QUIET, RETURN, TOTAL, VALUE, VARIANCE, Picture, move_bars, quiet_grid

# Praise and blame


def build_praise(figure):
    grid = figure.subplots(2, 2, height_ratios=[3, 7])
    panels = []
    for situation, (top, axes) in enumerate(grid.T):
        draw_cells(top, SITUATIONS[situation])
        top.set_title(SITUATIONS[situation])
        quiet_grid(axes)
        axes.set(xlim=(-0.5, 2.5), ylim=(-9.5, 11.5), xticks=range(3))
        axes.set_xticklabels([f"{name} in cell 0" for name in ACTIONS])
        (line,) = axes.plot([-0.5, 2.5], [0, 0], **VALUE)
        dots = {}
        for action in range(len(ACTIONS)):
            values, p = outcomes(0, situation * CELLS + START, action)
            for value, probability in zip(values.tolist(), p.tolist(), strict=True):
                if probability > 0.001:
                    size = 4 + 16 * probability**0.5
                    (dot,) = axes.plot([action], [value], "o", color=RETURN["color"], markersize=size, gid="G")
                    dots[dot] = value
        notes = [axes.text(action, 10.2, "", ha="center", fontsize=8.5) for action in range(3)]
        panels.append({"line": line, "dots": dots, "notes": notes, "axes": axes})
    panels[0]["axes"].set_ylabel("return $G_0$, and baseline")
    return {"panels": panels, "title": figure.suptitle(" ", fontsize=10.5)}


def update_praise(artists, *, baseline, b):
    told = []
    for situation, panel in enumerate(artists["panels"]):
        level = exact_values()[0, situation * CELLS + START].item() if baseline == "V(s)" else b
        panel["line"].set_ydata([level, level])
        for dot, value in panel["dots"].items():
            dot.set_markerfacecolor(RETURN["color"] if value > level else "white")
        shares = praised(situation, level).tolist()
        for note, share in zip(panel["notes"], shares, strict=True):
            note.set_text(f"praised {share:.0%}")
        told.append(shares)
    name = "V(s)" if baseline == "V(s)" else f"constant b = {b:.1f}"
    by_day, by_night = (f"{praised_share(shares):.0%}" for shares in told)
    artists["title"].set_text(
        f"Baseline {name}: first action praised in {by_day} of the plays by day, {by_night} by night"
    )
    return (
        f"With the baseline {name} the first action is praised in {by_day} of the plays by day and {by_night} by night."
    )


praise = Picture(build_praise, update_praise, size=(760, 400), needs={"b": ("baseline", "constant b")})


# The parabola


def build_parabola(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    day, night, total = parabolas()
    axes.plot(CONSTANTS, total, **TOTAL)
    axes.plot(CONSTANTS, day, **VARIANCE)
    axes.plot(CONSTANTS, night, **{**VARIANCE, "linestyle": (0, (6, 2))})
    axes.text(4.15, total[-1], "sum", va="center")
    axes.text(4.15, day[-1], "day", va="center", color=VARIANCE["color"])
    axes.text(4.15, night[-1], "night", va="center", color=VARIANCE["color"])
    dots = [axes.plot([], [], "o", color="black", markersize=7, gid="b")[0] for _ in range(3)]
    bottom = best_constant()
    axes.plot([bottom], [total.min()], "v", color="black", markersize=8)
    axes.annotate(
        f"best constant {bottom:.3f}: {variance_with(bottom).sum():.2f}",
        (bottom, total.min()),
        (bottom, 31),
        ha="center",
        arrowprops={"arrowstyle": "-", "color": QUIET},
    )
    axes.set(xlim=(-4.1, 4.7), ylim=(0, 60), xlabel="the constant b", ylabel="variance of the gradient, one play")
    return {"axes": axes, "dots": dots}


def update_parabola(artists, *, b):
    day, night = variance_with(b).tolist()
    for dot, height in zip(artists["dots"], (day, night, day + night), strict=True):
        dot.set_data([b], [height])
    artists["axes"].set_title(f"b = {b:.2f}: variance {day + night:.2f} = {day:.2f} by day + {night:.2f} by night")
    return (
        f"With the constant b = {b:.2f} the gradient from one play has variance {day + night:.2f}, of which {day:.2f} "
        f"by day; the best constant, {best_constant():.3f}, saves little."
    )


parabola = Picture(build_parabola, update_parabola, size=(720, 340))


# Least squares

HIGHEST = 60  # loss that is shown; the curve goes on above
REWARDS = range(-8, 9, 4)  # what the axes number


def build_regression(figure):
    left, right = figure.subplots(1, 2)
    bars = left.bar(range(8), np.zeros(8), width=0.7, color=RETURN["color"])
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # the line of the guess passes behind the number
    labels = [left.text(0, 0, "", ha="center", va="bottom", fontsize=8.5, bbox=paper) for _ in range(8)]
    guess = left.axvline(0, **VALUE)
    left.set(xlim=(-8.6, 9), ylim=(0, 1.12), xlabel="reward-to-go G from here", ylabel="probability", xticks=REWARDS)
    quiet_grid(right)
    (curve,) = right.plot([], [], **TOTAL)
    (dot,) = right.plot([], [], "o", color=VALUE["color"], markersize=8)
    right.set(xlim=(-8.4, 8.4), ylim=(0, HIGHEST), xlabel="guess c", ylabel=r"mean of $(c - G)^2$", xticks=REWARDS)
    return {
        "left": left,
        "right": right,
        "bars": bars,
        "labels": labels,
        "guess": guess,
        "curve": curve,
        "dot": dot,
    }


def update_regression(artists, *, place, guess):
    values, p = outcomes(*PLACES[place])
    move_bars(artists["bars"], [*p, *[0] * (len(artists["bars"]) - len(p))])
    for number, (bar, label) in enumerate(zip(artists["bars"], artists["labels"], strict=True)):
        there = number < len(values)
        bar.set_x((values[number].item() if there else 0) - 0.35)
        shown = there and p[number] > 0.005
        label.set_text(f"{p[number]:.2f}" if shown else "")
        label.set_position((values[number].item(), p[number].item() + 0.015) if shown else (0, 0))
    mean = expectation(values, p).item()
    loss = expected_loss(guess, values, p)
    artists["guess"].set_xdata([guess, guess])
    artists["curve"].set_data(GUESSES, loss_curve(place))
    artists["dot"].set_data([guess], [min(loss, 0.96 * HIGHEST)])
    artists["dot"].set_marker("o" if loss < 0.96 * HIGHEST else "^")  # above what is shown
    artists["left"].set_title(f"{place}:\nguess {guess:.2f}, E[G|s] = {mean:.3f}")
    square = (guess - mean) ** 2
    artists["right"].set_title(f"loss {loss:.2f}, of this (c − E[G|s])² = {square:.2f}\nfor being off the mean")
    return (
        f"{place.capitalize()}: the guess {guess:.2f} has a mean squared error of {loss:.2f}; {square:.2f} of it is "
        f"for being off the mean return {mean:.2f}, the rest is luck."
    )


regression = Picture(build_regression, update_regression, size=(760, 340))


# A baseline that is learned


def build_learning(figure):
    left, right = figure.subplots(1, 2)
    world, policy, *_ = world_and_plays()
    visits = world.visits(policy)
    met = visits > 1e-3
    quiet_grid(left)
    left.plot([-8, 8], [-8, 8], color=QUIET, linewidth=0.8)
    dots = left.scatter(
        exact_values()[met], np.zeros(int(met.sum())), s=20 + 400 * visits[met], color=VALUE["color"], alpha=0.8
    )
    left.set(xlim=(-8, 6), ylim=(-8, 6), xlabel="exact $V_t(s)$", ylabel="learned $b_t(s)$")
    quiet_grid(right)
    (curve,) = right.plot([], [], **VARIANCE)
    none, exact = variance_with(0.0).sum().item(), variance_with(exact_values()).sum().item()
    right.axhline(none, **RETURN)
    right.text(STEPS, none + 0.4, f"no baseline {none:.2f}", ha="right", va="bottom", fontsize=8.5)
    right.axhline(exact, **VALUE)
    right.text(STEPS, exact - 0.4, f"exact V {exact:.2f}", ha="right", va="top", fontsize=8.5)
    right.set(xlim=(-2, STEPS + 2), ylim=(0, 25), xlabel="gradient step", ylabel="variance of the policy gradient")
    return {"left": left, "right": right, "dots": dots, "curve": curve, "met": met}


def update_learning(artists, *, plays, step_size, sample):
    own = draw_plays(plays, sample)
    met = artists["met"]
    exact = exact_values()[met]
    curve = []
    for step, (baseline, loss) in enumerate(learn_baseline(own, step_size=step_size, steps=STEPS)):
        curve.append(variance_with(baseline).sum().item())
        if step % 10:
            continue
        artists["dots"].set_offsets(torch.stack([exact, baseline[met].clamp(-7.9, 5.9)], dim=1))
        artists["curve"].set_data(range(len(curve)), curve)
        here, fresh = explained(baseline, own), explained(baseline, judges())
        artists["left"].set_title(f"explained variance: own plays {here:.2f},\nnew plays {fresh:.2f}")
        artists["right"].set_title(f"step {step}: value loss {loss:.2f},\nvariance of the gradient {curve[-1]:.2f}")
        yield (
            f"Learned from {plays} plays in {step} steps of size {step_size:.1f}, the baseline explains {here:.2f} of "
            f"the variance on these plays and {fresh:.2f} on {JUDGES} new ones; the gradient has variance "
            f"{curve[-1]:.2f}."
        )


learning = Picture(build_learning, update_learning, size=(760, 370))
