"""Lesson 02 drawn: softmax, the return as a function of the policy, the climb, and why the climb stops elsewhere."""

import numpy as np

from ppo_lessons.corridor import ACTIONS, SITUATIONS, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.policy_gradient import (
    DRAWS,
    LEFT,
    LOGITS,
    NIGHT,
    SHIFTS,
    STAIRS,
    STAYS,
    TEMPERATURES,
    UPDATES,
    changes_nearby,
    climb,
    drawn_shares,
    heights,
    local_optimum,
    night_of,
    nights,
    push,
    returns_of_plays,
    row,
    slice_of_return,
    slope_of_return,
    slopes,
    smooth,
    softmax_by_temperature,
    staircase_of,
)
from ppo_lessons.figures.corridor import draw_policy, move_policy
from ppo_lessons.figures.style import (
    OLD_BARS,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VALUE,
    Picture,
    label_bars,
    move_bars,
    quiet_grid,
)
from ppo_lessons.policy_gradient import softmax_policy


def signed(number, digits=2):
    """A number with its sign, without a negative zero."""
    return f"{round(number, digits) + 0.0:+.{digits}f}"


# Softmax and its temperature


def build_softmax(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(range(3), np.zeros(3), width=0.6, color=POLICY["color"], alpha=0.8, label="probability")
    (seen,) = left.plot(range(3), np.zeros(3), "D", color=RETURN["color"], label=f"share of {DRAWS} draws")
    labels = label_bars(bars, va="bottom", fontsize=8.5)
    left.set(xlim=(-0.6, 2.6), ylim=(0, 1.12), ylabel="π(a)")
    left.set_xticks(range(3), ACTIONS)
    quiet_grid(right)
    curves = [
        right.plot([], [], color=POLICY["color"], linestyle=style, label=action)[0]
        for style, action in zip(("-", "--", ":"), ACTIONS, strict=True)
    ]
    here = right.axvline(1, color=TOTAL["color"], linewidth=1.0)
    right.axhline(1 / 3, color=QUIET, linewidth=0.8)
    right.set(xscale="log", xlim=(0.1, 10), ylim=(0, 1.12), xlabel="temperature T (logarithmic)", ylabel="π(a)")
    right.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
    figure.legend(loc="outside lower center", ncols=5)
    axes = {"left": left, "right": right}
    return {**axes, "bars": bars, "seen": seen, "labels": labels, "curves": curves, "here": here}


def update_softmax(artists, *, temperature, logit_of_up, logit_of_right, sample):
    logits = row(0.0, logit_of_up, logit_of_right)
    probabilities = softmax_policy(logits, temperature=temperature)
    shares = drawn_shares(probabilities, sample)
    artists["seen"].set_ydata(shares)
    move_bars(artists["bars"], probabilities)
    for label, height, share in zip(artists["labels"], probabilities.tolist(), shares.tolist(), strict=True):
        label.set_y(max(height, share) + 0.03)  # above the bar and the diamond
        label.set_text(f"{height:.2f}")
    for curve, values in zip(artists["curves"], softmax_by_temperature(logits).T, strict=True):
        curve.set_data(TEMPERATURES, values)
    artists["here"].set_xdata([temperature] * 2)
    undecided = entropy(logits / temperature).item()
    artists["left"].set_title(f"logits 0, {logit_of_up:g}, {logit_of_right:g} at T = {temperature:.1f}")
    artists["right"].set_title(f"entropy {undecided:.2f}, at most 1.10 nats")
    most = probabilities.argmax().item()
    return (
        f"At temperature {temperature:.1f} the logits 0, {logit_of_up:g} and {logit_of_right:g} give {ACTIONS[most]} "
        f"the probability {probabilities[most].item():.2f}; in {DRAWS} draws it came with {shares[most].item():.2f}."
    )


softmax = Picture(build_softmax, update_softmax, size=(760, 340))


# The gradient of log softmax


def build_push(figure):
    left, right = figure.subplots(1, 2)
    bars = left.bar(range(3), np.zeros(3), width=0.6, color=VALUE["color"])
    labels = label_bars(bars, fontsize=9)
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(xlim=(-0.6, 2.6), ylim=(-1.15, 1.15), ylabel="gradient of log π(a)")
    before = right.bar([x - 0.2 for x in range(3)], np.zeros(3), width=0.36, **OLD_BARS, label="before")
    after = right.bar([x + 0.2 for x in range(3)], np.zeros(3), width=0.36, color=POLICY["color"], label="after")
    right.set(xlim=(-0.6, 2.6), ylim=(0, 1.05), ylabel="π")
    for axes in (left, right):
        axes.set_xticks(range(3), ACTIONS)
    left.set_xlabel("logit of")
    right.set_xlabel("probability of")
    figure.legend(loc="outside lower center", ncols=2)
    return {"left": left, "right": right, "bars": bars, "labels": labels, "before": before, "after": after}


def update_push(artists, *, action, chance_of_right, step):
    before, gradient, after = push(chance_of_right, action, step)
    move_bars(artists["bars"], gradient, artists["labels"], form="{:+.2f}", gap=0.03)
    move_bars(artists["before"], before)
    move_bars(artists["after"], after)
    place = ACTIONS.index(action)
    old, new = before[place].item(), after[place].item()
    artists["left"].set_title(f"{action}: 1 − {old:.2f}; the others: 0 − π")
    artists["right"].set_title(f"step {step:.2f}: π({action}) goes {old:.2f} → {new:.2f}")
    down = ACTIONS[gradient.argmin().item()]
    return (
        f"With π(right) = {chance_of_right:.2f} a step of {step:.2f} for {action} raises its own logit and lowers that "
        f"of {down} most; the gradient has the length {gradient.norm().item():.2f}."
    )


one_hot = Picture(build_push, update_push, size=(760, 330))


# J as a function of two numbers


def build_objective(figure):
    left, right = figure.subplots(1, 2)
    values, _ = returns_of_plays()
    bars = left.bar(values, np.zeros(len(values)), width=0.7, color=RETURN["color"])
    mean = left.axvline(0, color=TOTAL["color"], linewidth=1.6)
    left.set(xlim=(-8, 9), ylim=(0, 0.62), xlabel="return R(τ)", ylabel="probability of that return")
    left.set_xticks(values, ["−7", "−5", "−2", "0", "+3", "+5", "+8"])
    quiet_grid(right)
    (curve,) = right.plot([], [], **RETURN)
    (tangent,) = right.plot([], [], **TOTAL)
    (dot,) = right.plot([], [], "o", color=RETURN["color"], markersize=8, clip_on=False)
    right.set(xlim=(LOGITS[0], LOGITS[-1]), ylim=(-2.6, 3.4), xlabel="logit of up, in every cell", ylabel="J(θ)")
    return {"left": left, "right": right, "bars": bars, "mean": mean, "curve": curve, "tangent": tangent, "dot": dot}


def update_objective(artists, *, logit_of_up, logit_of_right):
    chances, J, slope = slope_of_return(logit_of_up, logit_of_right)
    move_bars(artists["bars"], chances)
    artists["mean"].set_xdata([J, J])
    artists["curve"].set_data(LOGITS, slice_of_return(logit_of_right))
    reach = 1.2
    artists["tangent"].set_data([logit_of_up - reach, logit_of_up + reach], [J - reach * slope, J + reach * slope])
    artists["dot"].set_data([logit_of_up], [J])
    artists["left"].set_title(f"black line: J = {signed(J)}")
    artists["right"].set_title(f"slope of J at this logit: {signed(slope, 3)}")
    likeliest = (chances > chances.max() - 1e-9).nonzero()[:, 0].tolist()  # often two: the night mirrors the day
    values = " and ".join(signed(returns_of_plays()[0][place].item(), 0).replace("+0", "0") for place in likeliest)
    are, each = ("returns are", " each") if len(likeliest) > 1 else ("return is", "")
    effect = "raise" if slope > 0 else "lower"
    return (
        f"With the logits 0, {logit_of_up:g} and {logit_of_right:g} in every cell J is {signed(J)}; the likeliest "
        f"{are} {values}, with {chances.max().item():.0%}{each}; more of up would {effect} J."
    )


objective = Picture(build_objective, update_objective, size=(760, 330))


# The climb


def build_ascent(figure):
    mosaic = figure.subplot_mosaic([["J", "day"], ["J", "night"]], width_ratios=[4, 5])
    curve = mosaic["J"]
    quiet_grid(curve)
    (line,) = curve.plot([], [], **RETURN)
    caught = Corridor().start_value(local_optimum().log())
    for height, words, dash in ((Corridor().best_return(), "best possible", "-"), (caught, "local maximum", "--")):
        curve.axhline(height, color=TOTAL["color"], linewidth=0.8, linestyle=dash, label=f"{words} {height:.3f}")
    curve.set(xlim=(-0.5, UPDATES + 0.5), ylim=(-1.6, 4.3), xlabel="step of gradient ascent", ylabel="exact J")
    figure.legend(loc="outside lower left", ncols=2)
    policy = local_optimum()  # until the first update
    bars = {situation: draw_policy(mosaic[situation], situation, policy) for situation in SITUATIONS}
    return {"axes": mosaic, "line": line, "bars": bars}


def update_ascent(artists, *, step_size, start):
    curve, best = [], Corridor().best_return()
    for steps, probabilities, J, by_situation in climb(start, step_size):
        curve.append(J)
        artists["line"].set_data(range(steps + 1), curve)
        artists["axes"]["J"].set_title(f"after {steps} steps: J = {J:.3f}")
        day, night = map(signed, by_situation)
        for situation, earned in zip(SITUATIONS, (day, night), strict=True):
            move_policy(artists["bars"][situation], situation, probabilities)
            artists["axes"][situation].set_title(f"by {situation}: expected return {earned}")
        yield (
            f"{steps} steps of size {step_size:.1f} from the policy {start} end {best - J:.2f} below the best "
            f"possible; by night in cell 0 it plays left with probability {probabilities[NIGHT, LEFT].item():.3f}."
        )


ascent = Picture(build_ascent, update_ascent, size=(780, 340))


def build_valley(figure):
    left, right = figure.subplots(1, 2)
    J, toll, goal = nights()
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(-0.02, 1.02), xlabel="π(left) by night in cell 0")
    left.plot(STAYS, J, **RETURN)
    left.set(ylim=(2.6, 4.2), ylabel="exact J")
    right.plot(STAYS, toll, **OLD_POLICY, label="pays the toll")
    right.plot(STAYS, goal, **VALUE, label="reaches the flag")
    right.set(ylim=(0, 1.05), ylabel="probability, by night")
    right.legend(loc="lower left")
    (dot,) = left.plot([], [], "o", color=RETURN["color"], markersize=8)
    (dots,) = right.plot([], [], "o", color=TOTAL["color"], markersize=6, clip_on=False)
    return {"left": left, "right": right, "dot": dot, "dots": dots}


def update_valley(artists, *, stay):
    J, toll, goal = night_of(stay)
    artists["dot"].set_data([stay], [J])
    artists["dots"].set_data([stay, stay], [toll, goal])
    artists["left"].set_title(f"π(left) = {stay:.2f}: J = {J:.3f}")
    artists["right"].set_title(f"by night: toll {toll:.0%}, flag {goal:.0%}")
    gain = J - nights()[0][0]
    where = f"{abs(gain):.3f} {'below' if gain < 0 else 'above'}" if stay else "just"
    return f"With π(left) = {stay:.2f} by night in cell 0, J is {where} what leaving at once earns."


valley = Picture(build_valley, update_valley, size=(760, 330))


# Why the sample mean has no gradient


def build_staircase(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
    left.plot(STAIRS, smooth(), **TOTAL, label="exact J")
    (stairs,) = left.plot([], [], **RETURN, drawstyle="steps-mid", label="mean of N sampled returns")
    (dots,) = left.plot([], [], "o", color=RETURN["color"], markersize=7, clip_on=False)
    left.set(xlim=(STAIRS[0], STAIRS[-1]), xlabel="logit of up in cell 2", ylabel="J, and its estimate")
    left.set(ylim=(-7.6, 8.6), yticks=range(-6, 9, 2))  # every return lies in between, so the mean of one play, too
    (line,) = right.plot(SHIFTS, np.zeros_like(SHIFTS), **TOTAL)
    (treads,) = right.plot(SHIFTS, np.zeros_like(SHIFTS), **RETURN, drawstyle="steps-mid")
    right.plot([0], [0], "o", color=RETURN["color"], markersize=7)
    right.set(xlim=(SHIFTS[0], SHIFTS[-1]), ylim=(-0.75, 0.75), xlabel="shift of the logit", ylabel="change")
    figure.legend(loc="outside lower center", ncols=2)
    return {"left": left, "right": right, "stairs": stairs, "dots": dots, "line": line, "treads": treads}


def update_staircase(artists, *, logit_of_up, plays, sample):
    artists["stairs"].set_data(STAIRS, staircase_of(plays, sample))
    exact, sampled = slopes(logit_of_up, plays, sample)
    J, mean = heights(logit_of_up, plays, sample)
    artists["dots"].set_data([logit_of_up, logit_of_up], [J, mean])
    for name, change in zip(("line", "treads"), changes_nearby(logit_of_up, plays, sample), strict=True):
        artists[name].set_ydata(change)
    artists["left"].set_title(f"N = {plays}: J = {J:.2f}, sample mean {mean:.2f}")
    artists["right"].set_title(f"seen closely: slope of J {signed(exact, 3)},\nof the sample mean {sampled + 0.0:.3g}")
    return (
        f"At the logit {logit_of_up:.1f} of up in cell 2 a small move changes J, but the sample mean over N = {plays} "
        f"stays {mean:.2f} until a draw tips over."
    )


staircase = Picture(build_staircase, update_staircase, size=(760, 350))
