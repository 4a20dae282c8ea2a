"""Lesson 02 drawn: softmax, the return as a function of the policy, the climb, and why the climb stops elsewhere."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, SLIDES_POLICY, START, STATES, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.tabular import exact_ascent
from ppo_lessons.figures.corridor import draw_policy, move_policy
from ppo_lessons.figures.style import OLD_BARS, OLD_POLICY, POLICY, QUIET, RETURN, TOTAL, VALUE, Picture, quiet_grid
from ppo_lessons.policy_gradient import softmax_policy

LEFT, UP, RIGHT = range(3)
UPDATES = 60
DRAWS = 100
NIGHT = CELLS + START  # the state in which standing still would pay
STARTS = {
    "slides": SLIDES_POLICY,
    "even": (1 / 3, 1 / 3, 1 / 3),
    "hesitant": (0.5, 0.25, 0.25),
    "reluctant": (0.9, 0.05, 0.05),
}


def signed(number):
    """Two digits and a sign, without a negative zero."""
    return f"{round(number, 2) + 0.0:+.2f}"


def row(left, up, right):
    """Three logits as a tensor (float64)."""
    return torch.tensor([left, up, right], dtype=torch.float64)


# Softmax and its temperature

TEMPERATURES = np.geomspace(0.1, 10, 101)


def build_softmax(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(range(3), np.zeros(3), width=0.6, color=POLICY["color"], alpha=0.8, label="probability")
    (seen,) = left.plot(range(3), np.zeros(3), "D", color=RETURN["color"], label=f"share of {DRAWS} draws")
    labels = [left.text(action, 0, "", ha="center", va="bottom", fontsize=8.5) for action in range(3)]
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
    return locals()


def update_softmax(artists, *, temperature, up, right, sample):
    logits = row(0.0, up, right)
    probabilities = softmax_policy(logits, temperature=temperature)
    generator = torch.Generator().manual_seed(sample)
    drawn = torch.multinomial(probabilities, DRAWS, replacement=True, generator=generator)
    shares = drawn.bincount(minlength=3) / DRAWS
    artists["seen"].set_ydata(shares)
    for action, height in enumerate(probabilities.tolist()):
        bar, label = artists["bars"][action], artists["labels"][action]
        bar.set_height(height)
        label.set_y(max(height, shares[action].item()) + 0.03)
        label.set_text(f"{height:.2f}")
    by_temperature = np.stack([softmax_policy(logits, temperature=T).numpy() for T in TEMPERATURES])
    for curve, values in zip(artists["curves"], by_temperature.T, strict=True):
        curve.set_data(TEMPERATURES, values)
    artists["here"].set_xdata([temperature] * 2)
    undecided = entropy(logits / temperature).item()
    artists["left"].set_title(f"logits 0, {up:g}, {right:g} at T = {temperature:.1f}")
    artists["right"].set_title(f"hot is even, cold is sharp: entropy {undecided:.2f} nats")
    words = ", ".join(f"{action} {p:.3f}" for action, p in zip(ACTIONS, probabilities.tolist(), strict=True))
    return (
        f"Logits 0, {up:g} and {right:g} at temperature {temperature:.1f} give the probabilities {words}; "
        f"entropy {undecided:.3f} nats. Drawn {DRAWS} times: {', '.join(f'{share:.2f}' for share in shares.tolist())}."
    )


softmax = Picture(build_softmax, update_softmax, size=(760, 340))


# The gradient of log softmax


def push(right, action, step):
    """pi before, one-hot - pi, and pi after a step of that size along the gradient of log pi(action)."""
    rest = 1 - right
    before = torch.tensor([rest / 3, 2 * rest / 3, right], dtype=torch.float64)
    logits = before.log().requires_grad_()
    probabilities = softmax_policy(logits, temperature=1.0)
    (gradient,) = torch.autograd.grad(probabilities[ACTIONS.index(action)].log(), logits)
    return before, gradient, softmax_policy(logits.detach() + step * gradient, temperature=1.0)


def build_push(figure):
    left, right = figure.subplots(1, 2)
    bars = left.bar(range(3), np.zeros(3), width=0.6, color=VALUE["color"])
    labels = [left.text(action, 0, "", ha="center", fontsize=9) for action in range(3)]
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


def update_push(artists, *, action, right, step):
    before, gradient, after = push(right, action, step)
    for bar, label, height in zip(artists["bars"], artists["labels"], gradient.tolist(), strict=True):
        bar.set_height(height)
        label.set_y(height)
        label.set_va("bottom" if height >= 0 else "top")
        label.set_text(f"{height:+.2f}")
    for name, heights in (("before", before), ("after", after)):
        for bar, height in zip(artists[name], heights.tolist(), strict=True):
            bar.set_height(height)
    place = ACTIONS.index(action)
    old, new = before[place].item(), after[place].item()
    artists["left"].set_title(f"{action}: 1 − {old:.2f}; the others: 0 − π")
    artists["right"].set_title(f"step {step:.2f}: π({action}) goes {old:.2f} → {new:.2f}")
    words = ", ".join(f"{g:+.3f}" for g in gradient.tolist())
    return (
        f"The gradient of log π({action}) with respect to the logits of left, up, right is {words}; "
        f"a step of {step:.2f} along it takes π({action}) from {old:.3f} to {new:.3f}."
    )


one_hot = Picture(build_push, update_push, size=(760, 330))


# J as a function of two numbers

LOGITS = np.linspace(-4, 6, 61)


@cache
def slice_of_return(right):
    """J of policies that use the logits (0, up, right) in every cell, for all `LOGITS` of up."""
    return np.array([Corridor().start_value(row(0.0, up, right).expand(STATES, -1)) for up in LOGITS])


@cache
def returns_of_plays():
    """The seven returns that occur, and which of them each listed play has."""
    return Corridor().trajectories().returns.unique(return_inverse=True)


def slope_of_return(up, right):
    """P(R) of the seven returns, J, and dJ/d(logit of up): the sum of R(tau) dP(tau), by autograd through the list."""
    logits = row(0.0, up, right).requires_grad_()
    world = Corridor()
    J = world.expected_return(logits.expand(STATES, -1))
    (gradient,) = torch.autograd.grad(J, logits)
    values, place = returns_of_plays()
    chance = world.probabilities(logits.detach().expand(STATES, -1))
    return torch.zeros(len(values), dtype=torch.float64).index_add(0, place, chance), J.item(), gradient[UP].item()


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
    (dot,) = right.plot([], [], "o", color=RETURN["color"], markersize=8)
    right.set(xlim=(LOGITS[0], LOGITS[-1]), ylim=(-2.6, 3.4), xlabel="logit of up, in every cell", ylabel="J(θ)")
    return {"left": left, "right": right, "bars": bars, "mean": mean, "curve": curve, "tangent": tangent, "dot": dot}


def update_objective(artists, *, up, right):
    chances, J, slope = slope_of_return(up, right)
    for bar, chance in zip(artists["bars"], chances.tolist(), strict=True):
        bar.set_height(chance)
    artists["mean"].set_xdata([J, J])
    artists["curve"].set_data(LOGITS, slice_of_return(right))
    reach = 1.2
    artists["tangent"].set_data([up - reach, up + reach], [J - reach * slope, J + reach * slope])
    artists["dot"].set_data([up], [J])
    artists["left"].set_title(f"R(τ) stays, P(τ) moves: J = {J:.2f}")
    artists["right"].set_title(f"slope of J here: {slope:+.3f}")
    words = ", ".join(f"{r:+.0f} with {p:.3f}" for r, p in zip(returns_of_plays()[0], chances.tolist(), strict=True))
    return f"With logits 0, {up:g} and {right:g} the returns come {words}; J is {J:.3f}, its slope {slope:+.4f}."


objective = Picture(build_objective, update_objective, size=(760, 330))


# The climb


def local_optimum(stay=0.0):
    """Probabilities [12, 3] of the policy that the climb approaches: jump, (right), jump, right, by day and by night.

    By night in cell 0 it plays `left`, which is to stay, with probability `stay` instead.
    """
    probabilities = torch.full((STATES, 3), 1 / 3, dtype=torch.float64)
    for situation in range(len(SITUATIONS)):
        for cell, action in ((0, UP), (1, RIGHT), (2, UP), (4, RIGHT)):
            probabilities[CELLS * situation + cell] = torch.eye(3, dtype=torch.float64)[action]
    probabilities[NIGHT] = torch.tensor([stay, 1 - stay, 0.0], dtype=torch.float64)
    return probabilities


def build_ascent(figure):
    mosaic = figure.subplot_mosaic([["J", "day"], ["J", "night"]], width_ratios=[4, 5])
    curve = mosaic["J"]
    quiet_grid(curve)
    (line,) = curve.plot([], [], **RETURN)
    caught = Corridor().start_value(local_optimum().log())
    for height, words, dash in ((Corridor().best_return(), "best possible", "-"), (caught, "local maximum", "--")):
        curve.axhline(height, color=TOTAL["color"], linewidth=0.8, linestyle=dash)
        curve.text(UPDATES, height, f"{words} {height:.3f}", ha="right", va="bottom", fontsize=8)
    curve.set(xlim=(-0.5, UPDATES + 0.5), ylim=(-1.6, 4.7), xlabel="step of gradient ascent", ylabel="exact J")
    even = torch.full((STATES, 3), 1 / 3)
    bars = {situation: draw_policy(mosaic[situation], situation, even) for situation in SITUATIONS}
    return {"axes": mosaic, "line": line, "bars": bars}


def update_ascent(artists, *, step_size, start):
    world = Corridor()
    records = []
    for record in exact_ascent(world, world.policy(STARTS[start]), updates=UPDATES, step_size=step_size):
        records.append(record)
        artists["line"].set_data([r.update for r in records], [r.expected_return for r in records])
        probabilities = record.logits.softmax(-1)
        values = world.tables(record.logits, gamma=1.0).values[0]
        artists["axes"]["J"].set_title(f"after {record.update} steps: J = {record.expected_return:.3f}")
        for situation, place in zip(SITUATIONS, (START, NIGHT), strict=True):
            move_policy(artists["bars"][situation], situation, probabilities)
            axes = artists["axes"][situation]
            axes.set_title(f"by {situation}: expected return {signed(values[place].item())}")
        yield (
            f"After {record.update} steps of size {step_size:.1f} from the policy {start}, J = "
            f"{record.expected_return:.3f}: {signed(values[START].item())} by day, {signed(values[NIGHT].item())} "
            f"by night. By night in cell 0 it stays with probability {probabilities[NIGHT, LEFT].item():.3f}."
        )


ascent = Picture(build_ascent, update_ascent, size=(780, 340))

STAYS = np.linspace(0, 1, 101)


def night_of(stay):
    """J, the chance to pay the toll, and the chance to reach the flag, when `left` has this probability by night."""
    world = Corridor()
    logits = local_optimum(stay).log()
    toll = 1 - (stay + (1 - stay) * (1 - world.success[UP])) ** world.steps
    night = (
        world.tables(logits, gamma=1.0).values[0][NIGHT].item()
    )  # = flag * P(flag) - 5 * toll: no play meets the pit
    return world.start_value(logits), toll, (night - world.leaving[1] * toll) / world.flag


def build_valley(figure):
    left, right = figure.subplots(1, 2)
    J, toll, goal = np.array([night_of(stay) for stay in STAYS]).T
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
    (dots,) = right.plot([], [], "o", color=TOTAL["color"], markersize=6)
    return {"left": left, "right": right, "dot": dot, "dots": dots}


def update_valley(artists, *, stay):
    J, toll, goal = night_of(stay)
    artists["dot"].set_data([stay], [J])
    artists["dots"].set_data([stay, stay], [toll, goal])
    artists["left"].set_title(f"staying with {stay:.2f}: J = {J:.3f}")
    artists["right"].set_title(f"by night: toll {toll:.0%}, flag {goal:.0%}")
    return (
        f"If the agent stays in cell 0 by night with probability {stay:.2f} at each step, J is {J:.3f}; by night it "
        f"pays the toll in {toll:.1%} of the plays and reaches the flag in {goal:.1%}."
    )


valley = Picture(build_valley, update_valley, size=(760, 330))


# Why the sample mean has no gradient

STAIRS = np.linspace(-6, 4, 201)
CELL = 2  # whose logit of `up` is moved, by day and by night alike


def tilted(up):
    """The slides' policy with another logit for `up` in cell 2. `up` is [G]; the tables are [G, 12, 3]."""
    up = torch.as_tensor(up, dtype=torch.float64)
    logits = Corridor().policy(SLIDES_POLICY).repeat(len(up), 1, 1)
    logits[:, [CELL, CELLS + CELL], UP] = up[:, None]
    return logits


def play_with(luck, logits):
    """Play N games with each of G policies, all with the same luck: returns [G, N].

    `luck` [2 T + 1, N] are numbers between 0 and 1: one decides day or night, then two a step, the action and
    whether it succeeds. An action is the first one whose cumulative probability exceeds its number.
    """
    world = Corridor()
    possible, reward = world.transitions()
    state = (luck[0] < 0.5).long().mul(CELLS).expand(len(logits), -1)  # below 0.5: night
    total = torch.zeros(state.shape, dtype=torch.float64)
    policy = logits.softmax(-1).cumsum(-1)[..., :-1]
    policy = torch.cat([policy, torch.zeros_like(policy[:, :1])], 1)  # a row for the ended game
    possible = torch.cat([possible, torch.nn.functional.one_hot(torch.tensor([[STATES] * 3]), STATES + 1)])
    reward = torch.cat([reward, torch.zeros_like(reward[:1])])
    below, which = possible.cumsum(-1)[..., :-1], torch.arange(len(logits))[:, None]
    for t in range(world.steps):
        action = (luck[2 * t + 1, :, None] >= policy[which, state]).sum(-1)
        successor = (luck[2 * t + 2, :, None] >= below[state, action]).sum(-1)
        total += reward[state, action, successor]
        state = successor
    return total


@cache
def luck_of(sample, plays):
    return torch.rand(
        2 * Corridor().steps + 1, plays, generator=torch.Generator().manual_seed(sample), dtype=torch.float64
    )


@cache
def staircase_of(plays, sample):
    """Sample mean of the return for all `STAIRS`."""
    return play_with(luck_of(sample, plays), tilted(STAIRS)).mean(1).numpy()


@cache
def smooth():
    """Exact J for all `STAIRS`."""
    return np.array([Corridor().start_value(logits) for logits in tilted(STAIRS)])


def slopes(up, plays, sample):
    """Derivative of J and of the sample mean at this logit, both by a difference over 2e-6."""
    pair = tilted([up - 1e-6, up + 1e-6])
    low, high = (Corridor().start_value(logits) for logits in pair)
    below, above = play_with(luck_of(sample, plays), pair).mean(1).tolist()
    return (high - low) / 2e-6, (above - below) / 2e-6


def build_staircase(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    axes.plot(STAIRS, smooth(), **TOTAL, label="exact J")
    (stairs,) = axes.plot([], [], **RETURN, drawstyle="steps-mid", label="mean of N sampled returns")
    (dots,) = axes.plot([], [], "o", color=RETURN["color"], markersize=7)
    axes.set(
        xlim=(STAIRS[0], STAIRS[-1]), ylim=(-7.6, 8.6), xlabel="logit of up in cell 2", ylabel="J, and its estimate"
    )
    figure.legend(loc="outside lower center", ncols=2)
    return {"axes": axes, "stairs": stairs, "dots": dots}


def update_staircase(artists, *, up, plays, sample):
    artists["stairs"].set_data(STAIRS, staircase_of(plays, sample))
    exact, sampled = slopes(up, plays, sample)
    J = Corridor().start_value(tilted([up])[0])
    mean = play_with(luck_of(sample, plays), tilted([up])).mean().item()
    artists["dots"].set_data([up, up], [J, mean])
    artists["axes"].set_title(f"N = {plays}: slope of J {exact:+.3f}, slope of the sample mean {sampled:.3f}")
    return (
        f"At the logit {up:.1f} J is {J:.3f} with slope {exact:+.4f}; the mean of {plays} sampled returns is "
        f"{mean:.3f}, and its slope is {sampled:.4f}."
    )


staircase = Picture(build_staircase, update_staircase, size=(700, 340))
