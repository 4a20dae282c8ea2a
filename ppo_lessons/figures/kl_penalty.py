"""Lesson 09 drawn: steps against behaviour, a price against a limit, three estimators, and leashes on the Corridor."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments.tabular import train_table, train_trust_region
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
    quiet_grid,
)
from ppo_lessons.kl_penalty import adapt_beta, approximate_kl, kl_divergence, penalized_objective

NAMES = ("left", "up", "right")

# A step in the parameters against what it does

LENGTHS = torch.linspace(0, 4, 81, dtype=torch.float64)


def stepped(sure, length):
    """Old logits (0, 0, sure) and new ones, `length` further in the logit of `left`: [..., 3] each."""
    length = torch.as_tensor(length, dtype=torch.float64)
    old = torch.tensor([0.0, 0.0, sure], dtype=torch.float64).expand(*length.shape, 3)
    return old, old + length[..., None] * torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def second_order(sure, length):
    """Half of step . F step for that step: the parabola that both directions of KL touch at 0.

    F of a softmax is diag(pi) - pi pi^T; its entry for `left` is pi (1 - pi).
    """
    pi = stepped(sure, torch.zeros(()))[0].softmax(-1)[0]
    return torch.as_tensor(length, dtype=torch.float64).square() / 2 * pi * (1 - pi)


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
    right.set(xlim=(-0.05, 4.05), ylim=(-0.06, 2.6), xlabel="length of the step in θ", ylabel="nats")
    figure.legend(handles=[forward, backward, parabola], loc="outside lower right", ncols=3)
    return locals()


def update_step(artists, *, sure, length):
    old, new = stepped(sure, torch.tensor(length))
    for name, logits in (("old", old), ("new", new)):
        for bar, p in zip(artists[name], logits.softmax(-1).tolist(), strict=True):
            bar.set_height(p)
    olds, news = stepped(sure, LENGTHS)
    artists["forward"].set_data(LENGTHS, kl_divergence(olds, news))
    artists["backward"].set_data(LENGTHS, kl_divergence(news, olds))
    artists["parabola"].set_data(LENGTHS, second_order(sure, LENGTHS))
    there, back = kl_divergence(old, new).item(), kl_divergence(new, old).item()
    artists["dot"].set_data([length], [there])
    artists["left"].set_title(f"old: right is {old.softmax(-1)[2]:.1%} sure")
    artists["right"].set_title(f"{length:.2f} in θ moves behaviour by {there:.5f} nats\n(KL(new‖old) says {back:.5f})")
    return (
        f"From logits 0, 0, {sure:.1f} a step of length {length:.2f} in the logit of left has "
        f"KL(old‖new) = {there:.6f}, KL(new‖old) = {back:.6f}; second order says {second_order(sure, length):.6f}."
    )


step = Picture(build_step, update_step, size=(760, 350))

# A price and a limit are the same thing: all policies over three actions, as a triangle

OLD = torch.tensor(SLIDES_POLICY, dtype=torch.float64)
CORNERS = np.array([[0.0, 0.0], [0.5, 3**0.5 / 2], [1.0, 0.0]])  # left, up, right
BETAS = np.geomspace(0.2, 20, 60)


@cache
def advantages_in_cell_2():
    """Exact A(s, a) [3] of the slides' policy, by day in cell 2 at step 2: next to the pit."""
    world = Corridor()
    values, action_values = world.tables(world.policy(SLIDES_POLICY), gamma=1.0)
    return action_values[2, 2] - values[2, 2]


def best_for_price(beta, advantages=None):
    """The policy [3] that maximises sum_a pi(a) A(a) - beta KL(old||pi) in one state, exactly.

    Where the derivative with respect to pi(a) is the same number nu for all actions, A(a) + beta old(a) / pi(a) = nu,
    so pi(a) = beta old(a) / (nu - A(a)); nu is the number that makes the three sum to 1.
    """
    advantages = advantages_in_cell_2() if advantages is None else advantages
    low, high = advantages.max() + 1e-9, advantages.max() + 2 * beta + 1e-9  # the sum falls from above 1 to below 1
    for _ in range(80):
        nu = (low + high) / 2
        if (beta * OLD / (nu - advantages)).sum() > 1:
            low = nu
        else:
            high = nu
    pi = beta * OLD / (nu - advantages)
    return pi / pi.sum()


@cache
def bought():
    """For each of `BETAS`: KL(old||pi) and the surrogate's gain of the best policy at that price, two arrays."""
    best = [best_for_price(beta) for beta in BETAS]
    kl = [kl_divergence(OLD.log(), pi.log()).item() for pi in best]
    return np.array(kl), np.array([(pi @ advantages_in_cell_2()).item() for pi in best])


def level(delta, directions=240):
    """The policies with KL(old||pi) = delta, in order around the old one: [directions, 3]."""
    angle = torch.linspace(0, 2 * torch.pi, directions, dtype=torch.float64)[:, None]
    across = torch.tensor([[1.0, -1.0, 0.0]], dtype=torch.float64) / 2**0.5
    along = torch.tensor([[1.0, 1.0, -2.0]], dtype=torch.float64) / 6**0.5
    ray = angle.cos() * across + angle.sin() * along
    high = torch.where(ray < 0, -OLD / ray, torch.inf).min(1, keepdim=True).values  # where the ray leaves the triangle
    low = torch.zeros_like(high)
    for _ in range(50):
        middle = (low + high) / 2
        kl = (OLD * (OLD / (OLD + middle * ray)).log()).sum(1, keepdim=True)
        low, high = torch.where(kl < delta, middle, low), torch.where(kl < delta, high, middle)
    return OLD + low * ray


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
    kl, gain = bought()
    right.plot(BETAS, kl, color=TOTAL["color"], label="KL(old‖best)")
    right.plot(BETAS, gain, **ADVANTAGE, label="gain of the surrogate")
    here = right.axvline(1, color=PENALTY["color"], linewidth=1.2)
    (dots,) = right.plot([], [], "o", color=PENALTY["color"], markersize=7)
    right.set(xscale="log", yscale="log", xlim=(0.18, 22), ylim=(1e-3, 9), xlabel="price β of one nat")
    figure.legend(loc="outside lower right", ncols=2)
    return {"left": left, "right": right, "ball": ball, "best": best, "here": here, "dots": dots}


def update_price(artists, *, beta):
    best = best_for_price(beta)
    delta = kl_divergence(OLD.log(), best.log()).item()
    gain = (best @ advantages_in_cell_2()).item()
    artists["ball"].set_data(*(level(delta).numpy() @ CORNERS).T)
    artists["best"].set_data(*(best.numpy() @ CORNERS)[:, None])
    artists["here"].set_xdata([beta, beta])
    artists["dots"].set_data([beta, beta], [delta, gain])
    words = ", ".join(f"{p:.2f}" for p in best.tolist())
    artists["left"].set_title(f"price β = {beta:.2f} is the limit δ = {delta:.3f}\nbest policy ({words})")
    artists["right"].set_title(f"{delta:.3f} nats buy {gain:.3f}")
    return (
        f"At price β = {beta:.2f} the best policy in this state is ({words}). It lies {delta:.4f} nats from the old "
        f"one and gains {gain:.4f}; no policy within that limit gains more."
    )


price = Picture(build_price, update_price, size=(740, 350))

# Three estimators, every action listed

DIRECTION = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)
STEPS = torch.linspace(0.1, 2.0, 77, dtype=torch.float64)
ESTIMATORS = {"k1": VARIANCE, "k2": BIAS, "k3": {**PENALTY, "linestyle": "-."}}
MARKERS = {"k1": "o", "k2": "s", "k3": "D"}


def moved(length):
    """log pi_old and log pi [..., 3]: the slides' policy, and a shift of `length` from right to left in its logits."""
    length = torch.as_tensor(length, dtype=torch.float64)[..., None]
    new = (OLD.log() + length * DIRECTION).log_softmax(-1)
    return OLD.log().expand_as(new), new


def estimator_moments(length):
    """Exact KL(old||new) and, for k1, k2, k3, mean and standard deviation of one sample from the old policy."""
    old, new = moved(length)
    moments = {}
    for name in ESTIMATORS:
        samples = approximate_kl(new, old, estimator=name)
        mean = (old.exp() * samples).sum(-1)
        spread = ((old.exp() * samples.square()).sum(-1) - mean.square()).clamp(min=0).sqrt()
        moments[name] = mean, spread
    return kl_divergence(old, new), moments


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


def update_estimators(artists, *, length, samples):
    kl, moments = estimator_moments(length)
    sentences = []
    for row, (name, (mean, spread)) in enumerate(moments.items()):
        centre, error = (mean / kl).item(), (spread / kl).item() / samples**0.5
        artists["bars"][name].set_data([centre - error, centre + error], [row, row])
        artists["dots"][name].set_data([centre], [row])
        artists["words"][name].set_text(f"{centre - 1:+.1%} ± {error:.1%}".replace("-0.0%", "+0.0%"))
        sentences.append(
            f"{name} has bias {round((mean - kl).item(), 5) + 0.0:.5f} and standard error {error * kl.item():.5f}"
        )
    artists["here"].set_xdata([length, length])
    artists["left"].set_title(f"KL = {kl:.4f} nats, N = {samples} samples\nk2 is {moments['k2'][0] / kl - 1:+.1%} off")
    ratio = (moments["k1"][1] / moments["k3"][1]).item()
    artists["right"].set_title(f"k1 is {ratio:.1f} times as noisy as k3")
    return (
        f"After a step of {length:.1f} in the logits the true KL is {kl:.5f} nats. With {samples} samples "
        + "; ".join(sentences)
        + "."
    )


estimators = Picture(build_estimators, update_estimators, size=(760, 340))

# Leashes on the Corridor

UPDATES, PLAYS, EPOCHS, STEP_SIZE, LAM, DAMPING = 12, 12, 40, 1.0, 0.95, 1e-3


def penalty_with(beta):
    """PPO-penalty's objective in the form that `train_table` takes."""
    return lambda logp, old_logp, advantages, kl: penalized_objective(logp, old_logp, advantages, kl, beta=beta)


def train_penalty(beta, *, seed):
    """PPO-penalty with a fixed price, from the slides' policy: an iterator of records."""
    world = Corridor()
    settings = {"updates": UPDATES, "plays": PLAYS, "epochs": EPOCHS, "step_size": STEP_SIZE, "lam": LAM, "seed": seed}
    return train_table(world, world.policy(SLIDES_POLICY), penalty_with(beta), **settings)


def train_adaptive(beta, *, target, seed, adapt=adapt_beta):
    """PPO-penalty whose price is adapted after each update: an iterator of (record, price used in that update)."""
    world, price = Corridor(), [beta]

    def objective(logp, old_logp, advantages, kl):
        return penalized_objective(logp, old_logp, advantages, kl, beta=price[0])

    settings = {"updates": UPDATES, "plays": PLAYS, "epochs": EPOCHS, "step_size": STEP_SIZE, "lam": LAM, "seed": seed}
    for record in train_table(world, world.policy(SLIDES_POLICY), objective, **settings):
        yield record, price[0]
        if record.update:
            price[0] = adapt(price[0], record.kl, target=target)


def train_trpo(max_kl, *, seed):
    """TRPO from the slides' policy: an iterator of records."""
    world = Corridor()
    settings = {"updates": UPDATES, "plays": PLAYS, "max_kl": max_kl, "damping": DAMPING, "lam": LAM, "seed": seed}
    return train_trust_region(world, world.policy(SLIDES_POLICY), **settings)


def prepare(axes, ylabel):
    """An axis of updates."""
    quiet_grid(axes)
    axes.set(xlim=(-0.3, UPDATES + 0.3), xlabel="update", ylabel=ylabel)
    axes.set_xticks(range(0, UPDATES + 1, 3))


def draw_best(axes):
    best = Corridor().best_return()
    axes.axhline(best, color=QUIET, linewidth=0.8)
    axes.text(UPDATES, best, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8)


def build_training(figure):
    left, right = figure.subplots(1, 2)
    prepare(left, "true J")
    prepare(right, "true KL(old‖new), nats")
    lines = {}
    for axes, name in ((left, "J"), (right, "KL")):
        (lines[name, "penalty"],) = axes.plot([], [], **PENALTY, marker="s", markersize=4, label="PPO-penalty, fixed β")
        (lines[name, "trpo"],) = axes.plot([], [], **POLICY, marker="o", markersize=4, label="TRPO")
    limit = right.axhline(0.03, color=POLICY["color"], linewidth=1, linestyle=":")
    draw_best(left)
    left.set(ylim=(-2.4, 4.9))
    left.legend(loc="lower right")
    right.set(ylim=(1e-5, 30), yscale="log")
    return {"lines": lines, "left": left, "right": right, "limit": limit}


def update_training(artists, *, beta, max_kl, sample):
    artists["limit"].set_ydata([max_kl, max_kl])
    runs = {"penalty": [], "trpo": []}
    for both in zip(train_penalty(beta, seed=sample), train_trpo(max_kl, seed=sample), strict=True):
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
            f"{last['trpo']:.2f} (TRPO, δ = {max_kl:.2f})"
        )
        artists["right"].set_title(
            f"largest KL of one update:\npenalty {most['penalty']:.3f}, TRPO {most['trpo']:.3f} nats"
        )
        yield (
            f"After {done} updates PPO-penalty with β = {beta:.1f} has J = {last['penalty']:.3f} and moved by at most "
            f"{most['penalty']:.4f} nats in one update; TRPO with δ = {max_kl:.2f} has J = {last['trpo']:.3f}, at most "
            f"{most['trpo']:.4f}."
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
    low, high = target_kl / 1.5, target_kl * 1.5
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
        inside = sum(low <= r.kl <= high for r in records[1:])
        artists["left"].set_title(f"J after {record.update} updates:\n{record.expected_return:.2f}")
        artists["middle"].set_title(f"{inside} of {record.update} updates in the\nband around {target_kl:.2f} nats")
        artists["right"].set_title(f"β started at {first_beta:.1f},\nis now {price:.3g}")
        yield (
            f"Target {target_kl:.2f} nats, first β = {first_beta:.1f}: after {record.update} updates J = "
            f"{record.expected_return:.3f}, β = {price:.3f}, {inside} updates inside the band from {low:.4f} to "
            f"{high:.4f}; the largest moved by {max(r.kl for r in records):.4f}."
        )


adaptive = Picture(build_adaptive, update_adaptive, size=(780, 340))
