"""Lesson 07 drawn: what lambda mixes, what it costs, and where the sum stops."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.corridor import SLIDES_POLICY, STATES, Corridor
from ppo_lessons.figures.style import ADVANTAGE, BIAS, QUIET, TOTAL, VALUE, VARIANCE, Picture, quiet_grid
from ppo_lessons.gae import gae

PLAYS = 64  # N, the number of plays that an estimate averages over
LAMBDAS = torch.linspace(0, 1, 101, dtype=torch.float64)


def mixture(lam, n):
    """Weights of GAE on A^(1) .. A^(n): (1 - lam) lam^(k-1), and what is left, lam^(n-1), on the last. [..., n]"""
    lam = torch.as_tensor(lam, dtype=torch.float64)[..., None]
    power = lam ** torch.arange(n)
    return torch.cat([(1 - lam) * power[..., :-1], power[..., -1:]], dim=-1)


def critic_noise():
    """A fixed direction in which the critic errs: a unit vector over the 12 states."""
    noise = torch.randn(STATES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return noise / noise.norm()


@cache
def n_step_moments(gamma):
    """Exact joint moments of twelve gradient estimates: A^(1..6) with the exact critic, A^(1..6) of its error alone.

    An advantage is linear in the critic, A[V + e u] = A[V] + e A[u without rewards], so these twelve give the moments
    for every size e of the error and, mixed by `mixture`, for every lambda.
    """
    world = Corridor()
    plays, policy = world.trajectories(), world.policy(SLIDES_POLICY)
    exact = world.tables(policy, gamma=gamma).values
    wrong = torch.zeros_like(exact)
    wrong[:-1, :STATES] = critic_noise()
    weights = []
    for rewards, table in ((plays.rewards, exact), (torch.zeros_like(plays.rewards), wrong)):
        values, next_values = world.step_values(table)
        flags = plays.terminated, torch.zeros_like(plays.terminated)
        for n in range(1, world.steps + 1):
            weights.append(n_step_advantage(rewards, values, next_values, *flags, gamma=gamma, n=n))
    mean, covariance = world.joint_moments(policy, torch.stack(weights))
    return mean, covariance, world.gradient(policy).flatten()


def errors(gamma, critic_error):
    """Exact squared bias and variance / N of the GAE gradient for all of `LAMBDAS`: two arrays [101]."""
    mean, covariance, truth = n_step_moments(gamma)
    mix = mixture(LAMBDAS, Corridor().steps)
    mix = torch.cat([mix, critic_error * mix], dim=1)
    bias = (mix @ mean - truth).square().sum(1)
    variance = torch.einsum("li,ij,lj->l", mix, covariance, mix) / PLAYS
    return bias.numpy(), variance.numpy()


def build_tradeoff(figure):
    steps = Corridor().steps
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(range(1, steps + 1), np.zeros(steps), color=ADVANTAGE["color"], width=0.7)
    labels = [left.text(n, 0, "", ha="center", va="bottom", fontsize=8.5) for n in range(1, steps + 1)]
    left.set(ylim=(0, 1.12), xlabel="n, number of real rewards used", ylabel=r"weight on $A^{(n)}$")
    left.set_xticks(range(1, steps + 1))
    quiet_grid(right)
    (bias,) = right.plot([], [], **BIAS, label="bias²")
    (variance,) = right.plot([], [], **VARIANCE, label=f"variance / {PLAYS}")
    (total,) = right.plot([], [], **TOTAL, label="sum: mean squared error")
    (best,) = right.plot([], [], "v", color="black", markersize=8, label="lowest point")
    here = right.axvline(0, ymax=0.82, color=ADVANTAGE["color"], linewidth=1.2)
    (dot,) = right.plot([], [], "o", color=ADVANTAGE["color"], markersize=7)
    right.set(xlim=(-0.02, 1.02), ylim=(0, 0.28), xlabel="λ", ylabel=f"error of the gradient, {PLAYS} plays")
    right.legend(loc="upper center", ncols=2)
    return locals()


def update_tradeoff(artists, *, lam, gamma, critic_error):
    for bar, label, weight in zip(artists["bars"], artists["labels"], mixture(lam, Corridor().steps), strict=True):
        bar.set_height(weight)
        label.set_y(weight + 0.01)
        label.set_text(f"{weight:.2f}")
    bias, variance = errors(gamma, critic_error)
    total = bias + variance
    for name, curve in (("bias", bias), ("variance", variance), ("total", total)):
        artists[name].set_data(LAMBDAS, curve)
    lowest = int(total.argmin())
    now = int((LAMBDAS - lam).abs().argmin())
    artists["best"].set_data([LAMBDAS[lowest]], [total[lowest]])
    artists["here"].set_xdata([lam, lam])
    artists["dot"].set_data([lam], [total[now]])
    artists["left"].set_title(f"λ = {lam:.2f} mixes the n-step advantages")
    artists["right"].set_title(
        f"λ = {LAMBDAS[lowest]:.2f} has the least error\n"
        f"here: {bias[now]:.3f} bias² + {variance[now]:.3f} variance ≈ {total[now]:.3f}"
    )
    return (
        f"With λ = {lam:.2f}, γ = {gamma:.2f} and a critic error of {critic_error:.2f}, squared bias is "
        f"{bias[now]:.4f} and variance over {PLAYS} plays is {variance[now]:.4f}; "
        f"the sum is least at λ = {LAMBDAS[lowest]:.2f}."
    )


tradeoff = Picture(build_tradeoff, update_tradeoff, size=(760, 350))


# Six steps of one game. The same rewards and values each time; what differs is what happens at step 2.
REWARDS = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
VALUES = torch.tensor([3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
NEXT_VALUES = torch.tensor([3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
NOTHING = torch.zeros(6, dtype=torch.bool)
AT_STEP_2 = torch.tensor([False, False, True, False, False, False])
SCENES = {
    "terminated at step 2": (AT_STEP_2, NOTHING),
    "truncated at step 2": (NOTHING, AT_STEP_2),
    "no end, only the rollout's": (NOTHING, NOTHING),
}
AT_THE_CUT = torch.tensor([False, False, False, False, False, True])
MISTAKES = {  # what is handed to `gae` instead: next values, terminated, truncated
    "none": lambda end, cut: (NEXT_VALUES, end, cut),
    "truncation treated as termination": lambda end, cut: (NEXT_VALUES, end | cut, cut),
    "sum runs across the reset": lambda end, cut: (NEXT_VALUES.masked_fill(end, 0), NOTHING, NOTHING),
    "bootstraps through a terminal state": lambda end, cut: (NEXT_VALUES, NOTHING, end | cut),
    "rollout's end treated as an end": lambda end, cut: (NEXT_VALUES, end | AT_THE_CUT, cut),
}


def build_ends(figure):
    panels = []
    for axes, title in zip(figure.subplots(1, 3, sharey=True), SCENES, strict=True):
        axes.set(title=title, xlim=(-0.6, 5.6), ylim=(-3.4, 6.6), xlabel="step t", xticks=range(6))
        axes.axhline(0, color=QUIET, linewidth=0.8)
        bars = axes.bar(range(6), np.zeros(6), color=ADVANTAGE["color"], width=0.7)
        marks = axes.plot(range(6), np.zeros(6), "D", color=BIAS["color"], markersize=6, linestyle="none")[0]
        labels = [axes.text(t, 0, "", ha="center", fontsize=8) for t in range(6)]
        note = axes.text(2.5, 6.4, "", ha="center", va="top", fontsize=8.5, bbox={"fc": "white", "ec": "none"})
        if "no end" not in title:
            axes.axvline(2.5, color=VALUE["color"], linewidth=1.5, linestyle="--")
        axes.axvline(5.5, color=QUIET, linewidth=1.5, linestyle=":")
        panels.append({"bars": bars, "marks": marks, "labels": labels, "note": note})
    figure.axes[0].set_ylabel("advantage $A_t$")
    handles = [figure.axes[0].patches[0], panels[0]["marks"]]
    figure.legend(handles, ["right", "with the mistake"], loc="outside lower center", ncols=2)
    return {"panels": panels, "figure": figure}


def update_ends(artists, *, lam, gamma, mistake):
    sentences = []
    for panel, (scene, flags) in zip(artists["panels"], SCENES.items(), strict=True):
        right = gae(REWARDS, VALUES, NEXT_VALUES, *flags, gamma=gamma, lam=lam)
        wrong = gae(REWARDS, VALUES, *MISTAKES[mistake](*flags), gamma=gamma, lam=lam)
        for bar, label, height in zip(panel["bars"], panel["labels"], right.tolist(), strict=True):
            bar.set_height(height)
            label.set_text(f"{height:.1f}")
            label.set_y(height)
            label.set_va("bottom" if height >= 0 else "top")
        differ = int((right - wrong).abs().gt(1e-6).sum())
        panel["marks"].set_ydata(np.where((right - wrong).abs() > 1e-6, wrong, np.nan))
        panel["note"].set_text("" if mistake == "none" else f"{differ} of 6 advantages wrong")
        sentences.append(f"{scene}: " + ", ".join(f"{a:.2f}" for a in right.tolist()) + f"; {differ} wrong")
    return f"Advantages at λ = {lam:.2f}, γ = {gamma:.2f}, mistake: {mistake}. " + ". ".join(sentences) + "."


ends = Picture(build_ends, update_ends, size=(760, 340))
