"""Lesson 11 drawn: entropy against temperature, two traps, a world that changes, and stored log-probabilities."""

from functools import partial

import numpy as np
import torch

from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.entropy import (
    ACTING_TEMPERATURES,
    AFTER,
    CHANGE,
    HOME,
    PLAYS,
    SCHEDULES,
    STAY,
    UPDATES,
    found,
    mean_entropy,
    night,
    resting_place,
    rolls_back,
    stored_errors,
    train_changing,
    train_home,
    valley,
)
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    GRID,
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

TEMPERATURES = torch.logspace(-1, 1, 81, dtype=torch.float64)  # 0.1 to 10


def build_temperature(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(("left", "up", "right"), np.zeros(3), color=POLICY["color"], width=0.6)
    labels = label_bars(bars, fontsize=9)
    left.set(ylim=(0, 1.12), ylabel="probability π(a)")
    quiet_grid(right)
    ceiling = np.log(3)
    right.axhline(ceiling, color=OLD_POLICY["color"], linestyle=OLD_POLICY["linestyle"], linewidth=1.2)
    right.text(0.11, ceiling + 0.03, "log 3 = 1.099: all three equally likely", fontsize=8.5)
    (curve,) = right.plot([], [], **ADVANTAGE)
    (dot,) = right.plot([], [], "o", color=ADVANTAGE["color"], markersize=8, clip_on=False)
    right.set(xscale="log", xlim=(0.1, 10), ylim=(-0.03, 1.25), xlabel="temperature T", ylabel="entropy H, nats")
    return {"left": left, "right": right, "bars": bars, "labels": labels, "curve": curve, "dot": dot}


def update_temperature(artists, *, up, right, temperature):
    logits = torch.tensor([0.0, up, right], dtype=torch.float64)
    probabilities = softmax_policy(logits, temperature=temperature).tolist()
    move_bars(artists["bars"], probabilities, artists["labels"], form="{:.3f}", gap=0.01)
    artists["curve"].set_data(TEMPERATURES, entropy(logits / TEMPERATURES[:, None]))
    now = entropy(logits / temperature).item()
    artists["dot"].set_data([temperature], [now])
    artists["left"].set_title(f"logits 0, {up:g}, {right:g} at T = {temperature:.1f}")
    artists["right"].set_title(f"H = {now:.3f} nats: as undecided as {np.exp(now):.2f} equal actions")
    likeliest = ("left", "up", "right")[int(np.argmax(probabilities))]
    return (
        f"Logits 0, {up:g} and {right:g} at temperature {temperature:.1f}: {likeliest} has the probability "
        f"{max(probabilities):.3f}, and the entropy is {now:.3f} nats."
    )


temperature = Picture(build_temperature, update_temperature, size=(740, 330))

# Home, a Corridor where staying is tempting


def build_training(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(-2, UPDATES + 2), xlabel=f"update ({PLAYS} plays each)")
    best = HOME.best_return()
    left.axhline(best, color=QUIET, linewidth=0.9)
    left.text(UPDATES, best + 0.08, f"best possible: {best:.2f}", ha="right", va="bottom", fontsize=8.5)
    left.axhline(0, color=QUIET, linewidth=0.9, linestyle="--")
    left.text(UPDATES, -0.15, "staying at home: 0", ha="right", va="top", fontsize=8.5)
    (J,) = left.plot([], [], **RETURN)
    left.set(ylim=(-4.1, 2.6), ylabel="true J")
    (H,) = right.plot([], [], **ADVANTAGE)
    right.axhline(np.log(3), color=OLD_POLICY["color"], linestyle=OLD_POLICY["linestyle"], linewidth=1.2)
    right.text(UPDATES, np.log(3) + 0.01, "log 3", ha="right", va="bottom", fontsize=8.5)
    right.set(ylim=(-0.03, 1.25), ylabel="entropy in the states visited, nats")
    return {"left": left, "right": right, "J": J, "H": H}


def update_training(artists, *, weight, decay, sample):
    returns, entropies = [], []
    for record in train_home(weight, decay=decay, seed=sample):
        returns.append(record.expected_return)
        entropies.append(mean_entropy(HOME, record.logits))
        if record.update % 5:
            continue
        updates = range(len(returns))
        artists["J"].set_data(updates, returns)
        artists["H"].set_data(updates, entropies)
        number = found(HOME, record.logits)
        artists["left"].set_title(
            f"weight {weight:.2f}: J = {returns[-1]:.2f} after {record.update} updates,\n"
            f"it leaves home with profit in {number} of 2 situations"
        )
        artists["right"].set_title(f"weight {decay}:\nentropy {entropies[-1]:.3f} nats")
        yield (
            f"Entropy weight {weight:.2f}, {decay}: after {record.update} updates the policy leaves home with profit "
            f"in {number} of 2 situations; J = {returns[-1]:.2f}, entropy {entropies[-1]:.3f} nats."
        )


training = Picture(build_training, update_training, size=(760, 350))

# A world that changes


def build_change(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.axvline(CHANGE, color=TOTAL["color"], linewidth=1)
        axes.set(xlim=(-4, 2 * CHANGE + 4), xlabel=f"update ({PLAYS} plays each)")
    left.text(CHANGE - 5, -7.1, "leaving costs 5", ha="right", fontsize=8.5)
    left.text(CHANGE + 5, -7.1, "leaving pays 1", fontsize=8.5)
    best = AFTER.best_return()
    left.plot([CHANGE, 2 * CHANGE], [best, best], color=QUIET, linewidth=0.9)
    left.text(2 * CHANGE, best + 0.1, f"best possible: {best:.2f}", ha="right", va="bottom", fontsize=8.5)
    (J,) = left.plot([], [], **RETURN)
    left.set(ylim=(-7.5, 5.4), ylabel="true J")
    (leaves,) = right.plot([], [], **POLICY)
    right.set(yscale="log", ylim=(2e-4, 1.5), ylabel="probability of leaving cell 0 at a step")
    return {"left": left, "right": right, "J": J, "leaves": leaves}


def update_change(artists, *, weight, decay, sample):
    records = []
    for record in train_changing(partial(SCHEDULES[decay], weight), seed=sample):
        records.append(record)
        if record.update % 10:
            continue
        updates = [r.update for r in records]
        artists["J"].set_data(updates, [r.expected_return for r in records])
        artists["leaves"].set_data(updates, [r.leaves for r in records])
        before = records[min(record.update, CHANGE)]
        artists["left"].set_title(f"weight {weight:.1f}, {decay}:\nJ = {record.expected_return:.2f}")
        artists["right"].set_title(f"update {before.update}: leaves with {before.leaves:.2%},\nnow {record.leaves:.2%}")
        yield (
            f"Entropy weight {weight:.1f}, {decay}: after {before.update} updates the policy leaves home with "
            f"probability {before.leaves:.2%}; after {record.update} with {record.leaves:.2%}, and "
            f"J = {record.expected_return:.2f}."
        )


change = Picture(build_change, update_change, size=(760, 350))

# The night of the plain Corridor: a trap that the bonus does not open


def build_night(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    value, _ = night()
    axes.axvspan(valley(), 1.03, color=GRID, alpha=0.5, linewidth=0)
    axes.text((valley() + 1.03) / 2, -2.72, "from here on, more staying pays", ha="center", fontsize=8.5)
    axes.plot(STAY, value, **RETURN, label="value of the night")
    (total,) = axes.plot([], [], **{**ADVANTAGE, "linestyle": "--"}, label="value + weight × entropy")
    (dot,) = axes.plot([], [], "o", color=ADVANTAGE["color"], markersize=8)
    (back,) = axes.plot([], [], "D", color=RETURN["color"], markersize=7)
    axes.set(xlim=(-0.02, 1.03), ylim=(-2.85, 1.1), xlabel="p: probability of staying (left) in cell 0 by night")
    axes.set_ylabel("reward units")
    figure.legend(loc="outside lower center", ncols=2)
    return {"axes": axes, "total": total, "dot": dot, "back": back}


def update_night(artists, *, weight):
    place, height = resting_place(weight)
    value, _ = night()
    artists["total"].set_data(STAY, height)
    artists["dot"].set_data([STAY[place]], [height[place]])
    artists["back"].set_data([STAY[place]], [value[place]])
    p = STAY[place].item()
    if not place:
        way = "the walker stays in the trap"
    else:
        way = f"when the bonus ends, it rolls {'back into' if rolls_back(place) else 'out of'} the trap"
    artists["axes"].set_title(f"weight {weight:.1f}: the climb rests at p = {p:.2f};\n{way}")
    return (
        f"With entropy weight {weight:.1f} the climb from the trap rests at p = {p:.3f}, where the night is worth "
        f"{value[place]:.3f}; {way}."
    )


trap = Picture(build_night, update_night, size=(720, 370))

# Acting at a temperature, and what is stored


def build_stored(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    lines = [
        axes.plot([], [], **line, marker=marker, markersize=4, label=label)[0]
        for line, marker, label in (
            (POLICY, "o", "tempered log π against ∇J(π at T)"),
            (VALUE, "s", "untempered against ∇J(π at T)"),
            (BIAS, "D", "untempered against ∇J(π at 1)"),
        )
    ]
    here = axes.axvline(1, color=TOTAL["color"], linewidth=1)
    axes.set(xlim=(0.45, 3.05), ylim=(-0.3, 10), xlabel="temperature T when acting")
    axes.set_ylabel("|mean gradient − truth| / |truth|")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return {"axes": axes, "lines": lines, "here": here}


def update_stored(artists, *, temperature, weights):
    errors = stored_errors(weights)
    for line, error in zip(artists["lines"], errors, strict=True):
        line.set_data(ACTING_TEMPERATURES, error)
    artists["here"].set_xdata([temperature, temperature])
    right, against_acting, against_plain = errors[:, np.abs(ACTING_TEMPERATURES - temperature).argmin()]
    artists["axes"].set_title(
        f"{weights}, T = {temperature:.2f}: untempered log π is off by {against_plain:.1%} of ∇J at T = 1,\n"
        f"by {against_acting:.1%} of ∇J of the policy that acts; tempered by {right:.0%}"
    )
    return (
        f"{weights[0].upper()}{weights[1:]} as weights, T = {temperature:.2f}: untempered log π is off by "
        f"{against_plain:.1%} of ∇J at T = 1 and by {against_acting:.1%} of that of the policy that acts, tempered by "
        f"{right:.1%}."
    )


stored = Picture(build_stored, update_stored, size=(760, 350))
