"""Lesson 09 drawn: steps against behaviour, a price against a limit, three estimators, and leashes on the Corridor."""

import numpy as np
import torch

from ppo_lessons.corridor import Corridor
from ppo_lessons.experiments.kl_penalty import (
    OLD,
    UPDATES,
    advantages_in_cell_2,
    best_for_price,
    bought,
    estimator_moments,
    inside_band,
    level,
    resting_band,
    second_order,
    stepped,
    tangent,
    train_adaptive,
    train_penalty,
    train_trpo,
    worth,
)
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    GRID,
    OLD_BARS,
    OLD_POLICY,
    PENALTY,
    POLICY,
    QUIET,
    TOTAL,
    VARIANCE,
    Picture,
    move_bars,
    quiet_grid,
)
from ppo_lessons.kl_penalty import kl_divergence

NAMES = ("left", "up", "right")

# A step in the parameters against what it does

LENGTHS = torch.linspace(0, 4, 81, dtype=torch.float64)


def build_step(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    places = np.arange(3)
    old = left.bar(places - 0.2, np.zeros(3), 0.36, **OLD_BARS, label="old")
    new = left.bar(places + 0.2, np.zeros(3), 0.36, color=POLICY["color"], label="new")
    left.set(ylim=(0, 1.25), yticks=[0, 0.5, 1], ylabel="probability")
    left.set_xticks(places, NAMES)
    left.legend(loc="upper center", ncols=2)
    quiet_grid(right)
    (forward,) = right.plot([], [], **PENALTY, label="KL(old‖new)")
    (backward,) = right.plot([], [], **ADVANTAGE, label="KL(new‖old)")
    (parabola,) = right.plot([], [], **VARIANCE, label="second order")
    (dot,) = right.plot([], [], "o", color=PENALTY["color"], markersize=7)
    right.set(xlim=(-0.05, 4.05), ylim=(-0.06, 2.6), xlabel="length of the step in θ", ylabel="KL divergence, nats")
    figure.legend(handles=[forward, backward, parabola], loc="outside lower right", ncols=3)
    return {
        "left": left,
        "right": right,
        "old": old,
        "new": new,
        "forward": forward,
        "backward": backward,
        "parabola": parabola,
        "dot": dot,
    }


def update_step(artists, *, sure, length):
    old, new = stepped(sure, length)
    move_bars(artists["old"], old.softmax(-1))
    move_bars(artists["new"], new.softmax(-1))
    olds, news = stepped(sure, LENGTHS)
    artists["forward"].set_data(LENGTHS, kl_divergence(olds, news))
    artists["backward"].set_data(LENGTHS, kl_divergence(news, olds))
    artists["parabola"].set_data(LENGTHS, second_order(sure, LENGTHS))
    there, back = kl_divergence(old, new).item(), kl_divergence(new, old).item()
    artists["dot"].set_data([length], [there])
    artists["left"].set_title(f"old: right is {old.softmax(-1)[2]:.1%} sure")
    artists["right"].set_title(f"{length:.1f} in θ moves behaviour by {there:.4f} nats\n(KL(new‖old) says {back:.4f})")
    return (
        f"From logits 0, 0, {sure:g} a step of {length:.1f} in the logit of left moves behaviour by "
        f"{there:.4f} nats; in the other direction KL says {back:.4f}."
    )


step = Picture(build_step, update_step, size=(760, 350))

# A price and a limit are the same thing: all policies over three actions, as a triangle

CORNERS = np.array([[0.0, 0.0], [0.5, 3**0.5 / 2], [1.0, 0.0]])  # left, up, right


def build_price(figure):
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    left.set(xlim=(-0.16, 1.2), ylim=(-0.13, 0.98), aspect="equal", xticks=[], yticks=[])
    left.spines[:].set_visible(False)
    left.plot(*CORNERS[[0, 1, 2, 0]].T, color=QUIET, linewidth=1)
    for corner, name, shift in zip(CORNERS, NAMES, ((0, -0.09), (0, 0.03), (0, -0.09)), strict=True):
        left.text(*(corner + shift), f"always {name}", ha="center", fontsize=8.5)
    grid = torch.tensor([[i, j, 60 - i - j] for i in range(61) for j in range(61 - i)], dtype=torch.float64) / 60
    gain = (grid @ advantages_in_cell_2()).numpy()
    left.tricontour(*(grid.numpy() @ CORNERS).T, gain, levels=12, colors=GRID, linewidths=0.9, linestyles="solid")
    start = OLD.numpy() @ CORNERS
    left.plot(*start, "s", color=OLD_POLICY["color"], markersize=7)
    left.text(start[0] - 0.03, start[1] - 0.06, "old", color=OLD_POLICY["color"], ha="right", fontsize=9)
    (ball,) = left.plot([], [], color=TOTAL["color"], linewidth=1.6)
    (best,) = left.plot([], [], "o", color=PENALTY["color"], markersize=8, zorder=4)
    quiet_grid(right)
    right.plot(*bought(), **ADVANTAGE, label="most that δ nats can gain")
    (slope,) = right.plot([], [], **PENALTY, label="line of slope β")
    (dot,) = right.plot([], [], "o", color=PENALTY["color"], markersize=7)
    right.set(xlim=(-0.04, 2.04), ylim=(0, 3.2), xlabel="limit δ on KL(old‖new), nats")
    right.set_ylabel("gain of the surrogate, reward units")
    figure.legend(loc="outside lower right", ncols=2)
    return {"left": left, "right": right, "ball": ball, "best": best, "slope": slope, "dot": dot}


def update_price(artists, *, beta):
    best = best_for_price(beta)
    delta, gain = worth(best)
    artists["ball"].set_data(*(level(delta).numpy() @ CORNERS).T)
    artists["best"].set_data(*(best.numpy() @ CORNERS)[:, None])
    reach = np.array([0.0, 2.0])
    artists["slope"].set_data(reach, tangent(beta, reach))
    artists["dot"].set_data([delta], [gain])
    words = ", ".join(f"{p:.2f}" for p in best.tolist())
    artists["left"].set_title(f"price β = {beta:.2f} is the limit δ = {delta:.3f}\nbest policy ({words})")
    artists["right"].set_title(f"{delta:.3f} nats gain {gain:.3f}; there the\ncurve rises by β = {beta:.2f} a nat")
    return (
        f"At price β = {beta:.2f} the best policy lies {delta:.4f} nats from the old one and gains {gain:.4f}; "
        f"no policy within that limit gains more."
    )


price = Picture(build_price, update_price, size=(740, 350))

# Three estimators, every action listed

STEPS = torch.linspace(0.1, 2.0, 77, dtype=torch.float64)
ESTIMATORS = {"k1": VARIANCE, "k2": BIAS, "k3": {**PENALTY, "linestyle": "-."}}
MARKERS = {"k1": "o", "k2": "s", "k3": "D"}


def build_estimators(figure):
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    quiet_grid(left)
    left.axvline(1, color=TOTAL["color"], linewidth=1.4)
    left.text(1.06, -0.62, "the truth", fontsize=8.5)
    bars, dots, words = {}, {}, {}
    for row, (name, line) in enumerate(ESTIMATORS.items()):
        (bars[name],) = left.plot([], [], color=line["color"], linestyle=line["linestyle"], linewidth=3)
        (dots[name],) = left.plot([], [], MARKERS[name], color=line["color"], markersize=8)
        words[name] = left.text(3.45, row + 0.34, "", fontsize=8.5, ha="right")
    left.set(xlim=(-1.5, 3.5), ylim=(2.65, -0.9), xlabel="estimate / true KL: mean ± standard error")
    left.set_yticks(range(3), ESTIMATORS)
    quiet_grid(right)
    kl, moments = estimator_moments(STEPS)
    for name, line in ESTIMATORS.items():
        right.plot(STEPS, moments[name][1] / kl, **line)
        right.text(
            2.03, (moments[name][1] / kl)[-1], name, color=line["color"], va="bottom" if name == "k1" else "center"
        )
    here = right.axvline(1, color=QUIET, linewidth=1.2)
    right.set(
        yscale="log", xlim=(0, 2.25), ylim=(0.3, 60), xlabel="step in the logits", ylabel="std of one sample / KL"
    )
    return {"left": left, "right": right, "bars": bars, "dots": dots, "words": words, "here": here}


def signed(share):
    """A share in percent with its sign, never a negative zero."""
    return f"{round(share, 3) + 0.0:+.1%}".replace("-", "−")


def update_estimators(artists, *, length, samples):
    kl, moments = estimator_moments(length)
    shares = {}
    for row, (name, (mean, spread)) in enumerate(moments.items()):
        centre, error = (mean / kl).item(), (spread / kl).item() / samples**0.5
        artists["bars"][name].set_data([centre - error, centre + error], [row, row])
        artists["dots"][name].set_data([centre], [row])
        artists["words"][name].set_text(f"{signed(centre - 1)} ± {error:.1%}")
        shares[name] = centre - 1, error
    artists["here"].set_xdata([length, length])
    (bias, _), (_, noise) = shares["k2"], shares["k1"]
    artists["left"].set_title(f"true KL = {kl:.4f} nats, N = {samples} samples:\nk2 is off by {signed(bias)}")
    ratio = (moments["k1"][1] / moments["k3"][1]).item()
    artists["right"].set_title(f"k1 is {ratio:.1f} times as noisy as k3")
    return (
        f"After a step of {length:.1f} in the logits, with {samples} samples: k1 and k3 are right on average with "
        f"standard errors of {noise:.1%} and {shares['k3'][1]:.1%} of the KL; k2 is off by {signed(bias)}."
    )


estimators = Picture(build_estimators, update_estimators, size=(760, 340))

# Leashes on the Corridor


def prepare(axes, ylabel):
    """An axis of updates."""
    quiet_grid(axes)
    axes.set(xlim=(-0.3, UPDATES + 0.3), xlabel="update", ylabel=ylabel)
    axes.set_xticks(range(0, UPDATES + 1, 3))


def draw_best(axes):
    best = Corridor().best_return()
    axes.axhline(best, color=QUIET, linewidth=0.8)
    axes.text(UPDATES, best + 0.08, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8)


def build_training(figure):
    left, right = figure.subplots(1, 2)
    prepare(left, "true J")
    prepare(right, "true KL(old‖new), nats")
    lines = {}
    for axes, name in ((left, "J"), (right, "KL")):
        (lines[name, "penalty"],) = axes.plot([], [], **PENALTY, marker="s", markersize=4, label="PPO-penalty, fixed β")
        (lines[name, "trpo"],) = axes.plot([], [], **POLICY, marker="o", markersize=4, label="TRPO")
    limit = right.axhline(0.03, color=POLICY["color"], linewidth=1, linestyle=":")
    limit_name = right.text(UPDATES + 0.5, 0.03, "δ", color=POLICY["color"], va="center")
    draw_best(left)
    left.set(ylim=(-2.4, 4.9))
    left.legend(loc="lower right")
    right.set(ylim=(1e-5, 30), yscale="log")
    return {"lines": lines, "left": left, "right": right, "limit": limit, "limit_name": limit_name}


def update_training(artists, *, beta, delta, sample):
    artists["limit"].set_ydata([delta, delta])
    artists["limit_name"].set_y(delta)
    runs = {"penalty": [], "trpo": []}
    for both in zip(train_penalty(beta, seed=sample), train_trpo(delta, seed=sample), strict=True):
        for name, record in zip(runs, both, strict=True):
            runs[name].append(record)
            updates = [r.update for r in runs[name]]
            artists["lines"]["J", name].set_data(updates, [r.expected_return for r in runs[name]])
            artists["lines"]["KL", name].set_data(updates[1:], [max(r.kl, 2e-5) for r in runs[name][1:]])
        last = {name: run[-1].expected_return for name, run in runs.items()}
        most = {name: max(r.kl for r in run) for name, run in runs.items()}
        done = both[0].update
        artists["left"].set_title(
            f"J after {done} updates: {last['penalty']:.2f} (penalty, β = {beta:.1f}),\n"
            f"{last['trpo']:.2f} (TRPO, δ = {delta:.2f})"
        )
        artists["right"].set_title(
            f"largest KL of one update:\npenalty {most['penalty']:.3f}, TRPO {most['trpo']:.3f} nats"
        )
        yield (
            f"After {done} updates PPO-penalty with β = {beta:.1f} has J = {last['penalty']:.2f} and moved by at most "
            f"{most['penalty']:.3f} nats in one update; TRPO with δ = {delta:.2f} has {last['trpo']:.2f}, at most "
            f"{most['trpo']:.3f} nats."
        )


training = Picture(build_training, update_training, size=(780, 350))


def build_adaptive(figure):
    left, middle, right = figure.subplots(1, 3)
    prepare(left, "true J")
    prepare(middle, "true KL(old‖new), nats")
    prepare(right, "price β")
    draw_best(left)
    left.set(ylim=(-2.4, 4.9))
    middle.set(ylim=(1e-4, 10), yscale="log")
    right.set(ylim=(0.001, 100), yscale="log")
    band = middle.axhspan(0.02, 0.045, color=GRID, linewidth=0)
    (J,) = left.plot([], [], **PENALTY, marker="s", markersize=4)
    (kl,) = middle.plot([], [], **PENALTY, marker="s", markersize=4)
    (prices,) = right.plot([], [], **PENALTY, marker="s", markersize=4)
    return {"left": left, "middle": middle, "right": right, "band": band, "J": J, "kl": kl, "prices": prices}


def update_adaptive(artists, *, target_kl, first_beta, sample):
    low, high = resting_band(target_kl)
    artists["band"].set_y(low)
    artists["band"].set_height(high - low)
    records, prices = [], []
    for record, price in train_adaptive(first_beta, target=target_kl, seed=sample):
        records.append(record)
        prices.append(price)
        updates = range(1, len(records))
        artists["J"].set_data([r.update for r in records], [r.expected_return for r in records])
        artists["kl"].set_data(updates, [max(r.kl, 1.2e-4) for r in records[1:]])
        artists["prices"].set_data(updates, [max(p, 1.2e-3) for p in prices[1:]])
        inside = inside_band(records, target_kl)
        artists["left"].set_title(f"J after {record.update} updates:\n{record.expected_return:.2f}")
        artists["middle"].set_title(f"{inside} of {record.update} updates in the\nband around {target_kl:.2f} nats")
        artists["right"].set_title(f"β started at {first_beta:.1f},\nis now {price:.3g}")
        yield (
            f"First β {first_beta:.1f}: {inside} of {record.update} updates end in the band from {low:.3f} to "
            f"{high:.3f} nats, the farthest at {max(r.kl for r in records):.3f}; now J = "
            f"{record.expected_return:.2f}, β = {price:.3g}."
        )


adaptive = Picture(build_adaptive, update_adaptive, size=(780, 340))
