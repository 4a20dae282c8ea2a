"""Lesson 07 drawn: what lambda mixes, what it costs, and where the sum stops."""

import numpy as np
import torch

from ppo_lessons.corridor import Corridor
from ppo_lessons.experiments.gae import LAMBDAS, PLAYS, SCENES, errors, mixture, right_and_wrong
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    QUIET,
    TOTAL,
    VALUE,
    VARIANCE,
    Picture,
    label_bars,
    move_bars,
    quiet_grid,
)

# What lambda mixes, and what it costs. The curves of all lambdas come from the moments of the six n-step advantages,
# mixed with the weights on the left; tests/test_experiments_gae.py compares them with those of `gae` itself.


def build_tradeoff(figure):
    steps = Corridor().steps
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(range(1, steps + 1), np.zeros(steps), color=ADVANTAGE["color"], width=0.7)
    labels = label_bars(bars, fontsize=8.5)
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
    lines = {"bias": bias, "variance": variance, "total": total, "best": best, "here": here, "dot": dot}
    return {"left": left, "right": right, "bars": bars, "labels": labels, **lines}


def update_tradeoff(artists, *, lam, gamma, critic_error):
    move_bars(artists["bars"], mixture(lam, Corridor().steps), artists["labels"], gap=0.01)
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


# Where the sum stops


def build_ends(figure):
    panels = []
    for axes, title in zip(figure.subplots(1, 3, sharey=True), SCENES, strict=True):
        axes.set(title=title, xlim=(-0.6, 5.6), ylim=(-3.8, 6.8), xlabel="step t", xticks=range(6))
        axes.axhline(0, color=QUIET, linewidth=0.8)
        bars = axes.bar(range(6), np.zeros(6), color=ADVANTAGE["color"], width=0.7)
        marks = axes.plot(range(6), np.zeros(6), "D", color=BIAS["color"], markersize=6, linestyle="none")[0]
        labels = label_bars(bars, fontsize=8)
        note = axes.text(2.5, -3.3, "", ha="center", va="center", fontsize=8.5)  # no bar and no mark gets there
        if "no end" not in title:
            axes.axvline(2.5, ymin=0.1, color=VALUE["color"], linewidth=1.5, linestyle="--")
        axes.axvline(5.5, color=QUIET, linewidth=1.5, linestyle=":")
        panels.append({"bars": bars, "marks": marks, "labels": labels, "note": note})
    figure.axes[0].set_ylabel("advantage $A_t$")
    handles = [figure.axes[0].patches[0], panels[0]["marks"]]
    figure.legend(handles, ["right", "with the mistake"], loc="outside lower center", ncols=2)
    return panels


def update_ends(panels, *, lam, gamma, mistake):
    told = []
    for panel, scene in zip(panels, SCENES, strict=True):
        right, wrong = right_and_wrong(scene, mistake, gamma=gamma, lam=lam)
        move_bars(panel["bars"], right, panel["labels"], form="{:.1f}", gap=0.1)
        spoilt = (right - wrong).abs() > 1e-6
        differ = int(spoilt.sum())
        panel["marks"].set_ydata(torch.where(spoilt, wrong, torch.nan))
        panel["note"].set_text("" if mistake == "none" else f"{differ} of 6 advantages wrong")
        told.append(f"{right[2]:.2f}" if mistake == "none" else f"{differ} of 6")
    point = "the advantage of step 2 is" if mistake == "none" else "it spoils"
    return (
        f"λ = {lam:.2f}, γ = {gamma:.2f}, mistake: {mistake}; {point} {told[0]} where step 2 terminated, {told[1]} "
        f"where it was truncated and {told[2]} where only the rollout ends."
    )


ends = Picture(build_ends, update_ends, size=(760, 340))
