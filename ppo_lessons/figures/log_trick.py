"""Lesson 03 drawn: what cancels in the log, one push, the sampled gradient against the exact one, and stale plays."""

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


def build_cancel(figure):
    left, middle, last = figure.subplots(1, 3, width_ratios=[3, 2.4, 2.4])
    names = ["start\n$\\log p(s_0)$", "policy\n$\\Sigma \\log \\pi$", "environment\n$\\Sigma \\log p(s', r)$"]
    bars = left.bar(names, [0, 0, 0], color=[QUIET, POLICY["color"], QUIET], width=0.6)
    labels = [left.text(i, 0, "", ha="center", va="top") for i in range(3)]
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(ylim=(-8, 0.4), ylabel="part of log P(τ)")
    left.tick_params(axis="x", labelsize=8.5)
    curves, dots = [], []
    for axes, line, top, name in ((middle, RETURN, 0.06, "∂P / ∂θ"), (last, POLICY, 1.0, "∂ log P / ∂θ")):
        quiet_grid(axes)
        curves.append(axes.plot([], [], **line)[0])
        dots.append(axes.plot([], [], "o", color=line["color"], markersize=8)[0])
        axes.set(xlim=(0.48, 1.02), ylim=(0, top), xlabel="success of `right`", ylabel=name)
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
    for curve, dot, values, now in zip(
        artists["curves"], artists["dots"], slopes(right).T, (of_p, of_log), strict=True
    ):
        curve.set_data(CHANCES, values)
        dot.set_data([success], [now])
    artists["left"].title.set_text(f"log P(τ) = {sum(heights):.2f}: a sum of three parts")
    artists["middle"].title.set_text(f"∂P/∂θ = {of_p:.4f} moves")
    artists["last"].title.set_text(f"∂ log P/∂θ = {of_log:.2f} stays")
    return (
        f"With success probability {success:.2f} and π(right) = {right:.2f} the running trajectory has log P = "
        f"{sum(heights):.3f}; the derivative of P is {of_p:.4f}, that of log P is {of_log:.3f}, "
        f"whatever the success probability."
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
        axes.legend(loc="upper left")
    left.set(ylim=(-8.2, 11), ylabel="change of the logit, per unit of step")
    right.set(ylim=(0, 1.3), ylabel="probability")
    return {"left": left, "right": right, "panels": panels}


def update_push(artists, *, weight, action, step_size):
    direction, pushed, before, after = push_of(action, weight, step_size)
    pairs = (direction, pushed), (before, after)
    for gap, groups, pair in zip((0.15, 0.01), artists["panels"], pairs, strict=True):
        for (bars, labels), values in zip(groups, pair, strict=True):
            move_bars(bars, values, labels, gap=gap)
    taken = ACTIONS.index(action)
    moves = "is not moved" if weight == 0 else "becomes more likely" if weight > 0 else "becomes less likely"
    artists["left"].title.set_text(f"`{action}` was taken and weighed {weight:+.0f}")
    artists["right"].title.set_text(f"`{action}`: {before[taken]:.2f} → {after[taken]:.2f}")
    return (
        f"The action {action} was taken and weighed {weight:+.0f}; after a step of size {step_size:.2f} it {moves}: "
        f"from {before[taken]:.3f} to {after[taken]:.3f}."
    )


push = Picture(build_push, update_push, size=(760, 340))


# The estimate against the truth


def radius(length):
    """Lengths on a logarithmic scale that starts at 0.1."""
    return np.log10(np.maximum(length, 0.1)) + 1


def build_estimate(figure):
    truth = exact().gradient.norm().item()
    grid = figure.add_gridspec(1, 2, width_ratios=[6, 5])
    left, right = figure.add_subplot(grid[0], projection="polar"), figure.add_subplot(grid[1])
    left.set_thetalim(0, np.pi)
    left.set_rlim(0, 2.6)
    left.set_rticks([0, 1, 2], ["0.1", "1", "10"])
    left.set_thetagrids([0, 45, 90, 135, 180])
    left.set_xlabel("length of the estimate, angle to the truth", labelpad=-24)
    left.set_title("", pad=14)
    left.text(0.08, 1.0, "truth", fontsize=8.5, color=RETURN["color"])
    (others,) = left.plot([], [], "o", color=VARIANCE["color"], markersize=4, alpha=0.8, linestyle="none")
    (arrow,) = left.plot([], [], **POLICY, marker="o", markersize=8, markevery=[-1])
    left.plot([0, 0], [0, radius(truth)], **RETURN, linewidth=4, marker="D", markersize=6, markevery=[-1])
    quiet_grid(right)
    plays = 2.0 ** np.arange(-1, MOST_DOUBLINGS + 2)
    right.plot(plays, [typical_error(number) for number in plays], **VARIANCE)
    right.axhline(truth, **RETURN)
    right.text(1, truth * 0.93, f"truth: {truth:.3f}", va="top", fontsize=8.5, color=RETURN["color"])
    right.text(5, 4.5, f"√({exact().variance:.2f} / N)", fontsize=8.5, color=VARIANCE["color"])
    crossing = plays_needed()
    right.plot([crossing], [truth], "s", color=TOTAL["color"], markersize=5)
    right.text(crossing * 1.1, truth * 1.1, f"N = {crossing:.0f}", fontsize=8.5)
    (dots,) = right.plot([], [], "o", color=VARIANCE["color"], markersize=4, alpha=0.8, linestyle="none")
    (dot,) = right.plot([], [], "D", color=POLICY["color"], markersize=7)
    right.set(xscale="log", yscale="log", xlim=(0.7, 6000), ylim=(0.03, 40))
    right.set(xlabel="N, number of plays", ylabel="length of the error")
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
    artists["right"].title.set_text(f"error {error:.2f}; the root mean square is {typical:.2f}")
    return (
        f"Sample {sample} of N = {number} plays gives an estimate {degrees:.0f}° away from the exact gradient and "
        f"{times:.2f} times as long; its error has length {error:.3f}, and the exact root mean square error of "
        f"{number} plays is {typical:.3f}."
    )


estimate = Picture(build_estimate, update_estimate, size=(780, 340))


# REINFORCE, and what happens when the plays are used again


def build_runs(axes, color, updates):
    """Ten thin lines and their mean, with the best possible J as a mark: (lines, mean)."""
    quiet_grid(axes)
    best = Corridor().best_return()
    lines = [axes.plot([], [], color=color, linewidth=1.0, alpha=0.75, gid="runs")[0] for _ in range(RUNS)]
    (mean,) = axes.plot([], [], color=color, linewidth=2.8)
    axes.axhline(best, color=TOTAL["color"], linewidth=0.8)
    axes.text(updates, best + 0.05, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8)
    axes.set(xlim=(-0.3, updates + 0.3), ylim=(-2.4, 4.9), xlabel="update", ylabel="true J")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return lines, mean


def show_runs(lines, mean, curves):
    """Draw the curves that are there, and their mean."""
    for line, curve in zip(lines, [*curves, *[[]] * (RUNS - len(curves))], strict=True):
        line.set_data(range(len(curve)), curve)
    mean.set_data(range(len(curves[0])), np.mean(curves, axis=0))


def compare_runs(artists, names, pairs, labels):
    """Draw two groups of runs side by side as they come; yields the number of samples and what each group reached.

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
    labels = "each sample used once", f"each sample used {reuse} times"
    for samples, words in compare_runs(artists, ("once", "again"), pairs, labels):
        yield (
            f"After {UPDATES} updates of {plays} plays, {samples} samples: used once {words[0]}; "
            f"used {reuse} times {words[1]}."
        )


reinforce = Picture(build_reinforce, update_reinforce, size=(780, 340))
