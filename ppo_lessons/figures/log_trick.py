"""Lesson 03 drawn: what cancels in the log, one push, the sampled gradient against the exact one, and stale plays."""

from math import ceil

import numpy as np

from ppo_lessons.corridor import ACTIONS, Corridor
from ppo_lessons.experiments.log_trick import (
    CHANCES,
    MOST_DOUBLINGS,
    RUNS,
    SAMPLES,
    UPDATES,
    cloud,
    compare_one,
    exact,
    log_parts,
    plays_needed,
    push_of,
    reached,
    runs,
    slopes,
    typical_error,
)
from ppo_lessons.experiments.variance_ladder import total_return
from ppo_lessons.figures.style import (
    OLD_BARS,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VARIANCE,
    Picture,
    label_bars,
    move_bars,
    quiet_grid,
)

# What the log takes apart

STANDARD = Corridor().success[ACTIONS.index("right")]


def build_cancel(figure):
    left, middle, last = figure.subplots(1, 3, width_ratios=[3, 2.4, 2.4])
    names = ["start\n$\\log p(s_0)$", "policy\n$\\Sigma \\log \\pi$", "environment\n$\\Sigma \\log p(s', r)$"]
    bars = left.bar(names, [0, 0, 0], color=[QUIET, POLICY["color"], QUIET], width=0.6)
    labels = [left.text(i, 0, "", ha="center", va="top") for i in range(3)]
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(ylim=(-8, 0.4), ylabel="part of log P(τ)")
    left.tick_params(axis="x", labelsize=8.5)
    curves, dots = [], []
    for axes, line, top, name in ((middle, RETURN, 0.06, "∂P / ∂θ₁"), (last, POLICY, 1.0, "∂ log P / ∂θ₁")):
        quiet_grid(axes)
        curves.append(axes.plot([], [], **line)[0])
        dots.append(axes.plot([], [], "o", color=line["color"], markersize=8, clip_on=False)[0])
        axes.set(xlim=(0.48, 1.02), ylim=(0, top), xlabel="probability that right works", ylabel=name)
    return {
        "left": left,
        "middle": middle,
        "last": last,
        "bars": bars,
        "labels": labels,
        "curves": curves,
        "dots": dots,
    }


def update_cancel(artists, *, success, right):
    start, environment, policy, of_p, of_log = log_parts(success, right)
    heights = [start.item(), policy.sum().item(), environment.sum().item()]
    move_bars(artists["bars"], heights)
    for label, height in zip(artists["labels"], heights, strict=True):
        label.set_y(height - 0.1)  # below the end, also of a part that is 0
        label.set_text(f"{height:.2f}")
    low, high = sorted((success, STANDARD))
    trail = (low - 1e-9 <= CHANCES) & (high + 1e-9 >= CHANCES)  # from the game's own rule to this one
    for curve, dot, values, now in zip(
        artists["curves"], artists["dots"], slopes(right).T, (of_p, of_log), strict=True
    ):
        curve.set_data(CHANCES[trail], values[trail])
        dot.set_data([success], [now])
    artists["left"].title.set_text(f"log P(τ) = {sum(heights):.2f}: a sum of three parts")
    artists["middle"].title.set_text(f"∂P/∂θ₁ = {of_p:.4f}")
    artists["last"].title.set_text(f"∂ log P/∂θ₁ = {of_log:.2f}")
    return (
        f"Right works with probability {success:.2f} and is chosen with {right:.2f}: the derivative of P is "
        f"{of_p:.4f}, that of log P is {of_log:.2f}."
    )


cancel = Picture(build_cancel, update_cancel, size=(780, 330))


# One push


def build_push(figure):
    left, right = figure.subplots(1, 2, width_ratios=[4, 3])
    places = np.arange(3)
    panels = []
    for axes, names, styles in (
        (left, ("direction: ∇ log π", "weight × direction"), (OLD_BARS, {"color": RETURN["color"]})),
        (right, ("π before", "π after one step"), (OLD_BARS, {"color": POLICY["color"]})),
    ):
        axes.axhline(0, color=QUIET, linewidth=0.8)
        groups = []
        for offset, name, style in zip((-0.2, 0.2), names, styles, strict=True):
            bars = axes.bar(places + offset, np.zeros(3), width=0.36, **style, label=name)
            groups.append((bars, label_bars(bars, fontsize=8.5)))
        panels.append(groups)
        axes.set_xticks(places, ACTIONS)
        axes.legend(loc="upper left", ncols=2, columnspacing=1.2, handlelength=1.6)
    left.set(ylim=(-3.3, 4.1), ylabel="change of the logit, per unit of step")
    right.set(ylim=(0, 1.2), ylabel="probability")
    return {"left": left, "right": right, "panels": panels}


def update_push(artists, *, weight, action, step_size):
    direction, pushed, before, after = push_of(action, weight, step_size)
    pairs = (direction, pushed), (before, after)
    for gap, groups, pair in zip((0.06, 0.01), artists["panels"], pairs, strict=True):
        for (bars, labels), values in zip(groups, pair, strict=True):
            move_bars(bars, values, labels, gap=gap)
    taken = ACTIONS.index(action)
    moves = "is not moved" if weight == 0 else "becomes more likely" if weight > 0 else "becomes less likely"
    sign = f"{weight:+.0f}".replace("-", "−") if weight else "0"
    artists["left"].title.set_text(f"The action taken was {action}, its weight {sign}")
    artists["right"].title.set_text(f"π({action}): {before[taken]:.2f} → {after[taken]:.2f}")
    return (
        f"The action {action} with weight {weight:+.0f} {moves}: one step of size {step_size:.1f} takes its "
        f"probability from {before[taken]:.2f} to {after[taken]:.2f}."
    )


push = Picture(build_push, update_push, size=(760, 340))


# The estimate against the truth

POINTER = {"arrowstyle": "-", "color": QUIET}


def radius(length):
    """Lengths on a logarithmic scale that starts at 0.1."""
    return np.log10(np.maximum(length, 0.1)) + 1


def build_estimate(figure):
    truth = exact().gradient.norm().item()
    right = figure.add_subplot(figure.add_gridspec(1, 2, width_ratios=[3, 2])[1])
    left = figure.add_axes((0.043, 0.09, 0.5, 1.0), projection="polar")  # a square of which half is drawn
    left.set_thetalim(0, np.pi)
    left.set_rlim(0, 2.6)
    left.set_rticks([0, 1, 2], ["0.1", "1", "10"])
    left.set_thetagrids([0, 45, 90, 135, 180])
    left.tick_params(pad=3)
    words = "length of the estimate, and its angle to the truth"
    left.text(0.5, 0.12, words, transform=left.transAxes, ha="center", va="bottom")
    left.set_title(" ", y=0.85)
    (others,) = left.plot([], [], "o", color=VARIANCE["color"], markersize=4.5, alpha=0.8, linestyle="none")
    (arrow,) = left.plot([], [], **POLICY, marker="D", markersize=7, markevery=[-1])
    (exactly,) = left.plot([0, 0], [0, radius(truth)], **RETURN, linewidth=4, marker="s", markersize=7, markevery=[-1])
    quiet_grid(right)
    plays = 2.0 ** np.arange(-1, MOST_DOUBLINGS + 2)
    (typical,) = right.plot(plays, [typical_error(number) for number in plays], **VARIANCE)
    right.axhline(truth, **RETURN)
    crossing = plays_needed()
    right.plot([crossing], [truth], "s", color=TOTAL["color"], markersize=5)
    right.annotate(f"N = {ceil(crossing)}", (crossing, truth), (crossing, 6), ha="center", arrowprops=POINTER)
    (dots,) = right.plot([], [], "o", color=VARIANCE["color"], markersize=4, alpha=0.8, linestyle="none")
    (dot,) = right.plot([], [], "D", color=POLICY["color"], markersize=7)
    right.set(xscale="log", yscale="log", xlim=(0.7, 6000), ylim=(0.03, 40))
    right.set(xlabel="N, number of plays", ylabel="length of the error")
    figure.legend(
        (exactly, arrow, others, typical),
        (f"truth, {truth:.3f} long", "this sample", "other samples", f"typical error √({exact().variance:.2f}/N)"),
        loc="outside lower center",
        ncols=4,
    )
    return {"left": left, "right": right, "others": others, "arrow": arrow, "dots": dots, "dot": dot}


def update_estimate(artists, *, doublings, sample):
    number = 2**doublings
    angles, lengths, errors = cloud(doublings)
    angle, length, error = compare_one(doublings, sample)
    artists["others"].set_data(angles, radius(lengths))
    artists["arrow"].set_data([angle, angle], [0, radius(length)])
    artists["dots"].set_data(np.full(SAMPLES, number), np.maximum(errors, 0.03))
    artists["dot"].set_data([number], [error])
    degrees, times, typical = np.degrees(angle), length / exact().gradient.norm().item(), typical_error(number)
    artists["left"].title.set_text(f"N = {number}: {degrees:.0f}° off, {times:.1f} times as long")
    artists["right"].title.set_text(f"error {error:.2f}, typically {typical:.2f}")
    plays = "one play" if number == 1 else f"{number} plays"
    return (
        f"This sample of {plays} points {degrees:.0f}° away from the exact gradient and is {times:.1f} times as long; "
        f"the typical error of {plays} is {typical:.2f}."
    )


estimate = Picture(build_estimate, update_estimate, size=(820, 400))


# REINFORCE, and what happens when the plays are used again


def build_runs(axes, color, updates):
    """Ten thin lines and their mean, with the best possible J as a mark: (lines, mean)."""
    quiet_grid(axes)
    best = Corridor().best_return()
    lines = [axes.plot([], [], color=color, linewidth=1.0, alpha=0.75, gid="runs")[0] for _ in range(RUNS)]
    (mean,) = axes.plot([], [], color=color, linewidth=2.8)
    axes.axhline(best, color=TOTAL["color"], linewidth=0.8)
    axes.text(updates, best + 0.15, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8.5)
    axes.set(xlim=(-0.3, updates + 0.3), ylim=(-2.4, 4.9), xlabel="update", ylabel="true J")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return lines, mean


def show_runs(lines, mean, curves):
    """Draw the curves that are there, and their mean."""
    for line, curve in zip(lines, [*curves, *[[]] * (RUNS - len(curves))], strict=True):
        line.set_data(range(len(curve)), curve)
    mean.set_data(range(len(curves[0])), np.mean(curves, axis=0))


def compare_runs(artists, names, pairs, labels):
    """Draw two groups of runs side by side as they come; yields how many there are and what each group reached.

    `names` are the two groups' artists, `pairs` gives one curve for each group, `labels` begin the two titles.
    """
    groups = [], []
    for pair in pairs:
        words = []
        for axes, name, group, curve, label in zip(("left", "right"), names, groups, pair, labels, strict=True):
            group.append(curve)
            show_runs(*artists[name], group)
            low, high, mean = reached(group)
            words.append(f"J from {low:.2f} to {high:.2f}, mean {mean:.2f}")
            artists[axes].title.set_text(f"{label}:\n{words[-1]}")
        yield len(groups[0]), words


def build_reinforce(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    once = build_runs(left, RETURN["color"], UPDATES)
    again = build_runs(right, POLICY["color"], UPDATES)
    right.set_ylabel("")
    return {"left": left, "right": right, "once": once, "again": again}


def update_reinforce(artists, *, plays, reuse):
    pairs = zip(runs(total_return, plays, 1), runs(total_return, plays, reuse), strict=True)
    times = "once" if reuse == 1 else f"{reuse} times"
    labels = "each batch used once", f"each batch used {times}"
    for number, words in compare_runs(artists, ("once", "again"), pairs, labels):
        yield (
            f"{number} of {RUNS} runs, {UPDATES} updates with batches of {plays} plays: each used once, {words[0]}; "
            f"used {times}, {words[1]}."
        )


reinforce = Picture(build_reinforce, update_reinforce, size=(780, 340))
