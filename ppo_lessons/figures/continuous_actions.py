"""The extra on continuous actions drawn: one gradient step of a Gaussian policy, and what cut actions would do."""

import math

import torch

from ppo_lessons.experiments.advantage import mean_score
from ppo_lessons.experiments.continuous_actions import BOX, density, one_step
from ppo_lessons.figures.style import ADVANTAGE, BIAS, GRID, OLD_POLICY, POLICY, QUIET, TOTAL, Picture, quiet_grid

ACTIONS = torch.linspace(-5, 5, 301, dtype=torch.float64)
MEANS = torch.linspace(-3.2, 3.2, 65, dtype=torch.float64)


def draw_policy(axes):
    """The policy that acted, the policy after the step, and what the game gets of the action."""
    quiet_grid(axes)
    axes.axvspan(-BOX, BOX, color=GRID, alpha=0.6, linewidth=0)
    (before,) = axes.plot([], [], **OLD_POLICY, label="policy that acted")
    (after,) = axes.plot([], [], **POLICY, label="after one step")
    (raw,) = axes.plot([], [], "o", color=ADVANTAGE["color"], markersize=8, zorder=5, label="raw action")
    (given,) = axes.plot([], [], "x", color=TOTAL["color"], markersize=8, zorder=6, label="given to the game")
    axes.set(xlim=(-5, 5), ylim=(-0.05, 1.0), xlabel="action a in N m (grey: the box)", ylabel="density π(a)")
    return {"left": axes, "before": before, "after": after, "raw": raw, "given": given}


def build_policy(figure):
    artists = draw_policy(figure.subplots())
    figure.legend(loc="outside lower center", ncols=2)
    return artists


def build_step(figure):
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    artists = draw_policy(left)
    quiet_grid(right)
    right.axhline(0, **{**POLICY, "linewidth": 2.2}, label="push, with raw actions")
    (push,) = right.plot([], [], **BIAS, label="push, with cut actions")
    here = right.axvline(0, color=QUIET, linewidth=0.9)
    right.set(xlim=(-3.2, 3.2), ylim=(-3, 3), xlabel="mean μ in N m", ylabel="A · E[∂ log π / ∂μ], should be 0")
    figure.legend(loc="outside lower center", ncols=3)
    return {**artists, "right": right, "push": push, "here": here}


def update_policy(artists, *, mean, log_std, draw, advantage):
    action = mean + math.exp(log_std) * draw
    cut = min(max(action, -BOX), BOX)
    new_mean, new_log_std = one_step(mean, log_std, action, advantage)
    width, new_width = math.exp(log_std), math.exp(new_log_std)
    artists["before"].set_data(ACTIONS, density(ACTIONS, mean, log_std))
    artists["after"].set_data(ACTIONS, density(ACTIONS, new_mean, new_log_std))
    artists["raw"].set_data([action], [0])
    artists["given"].set_data([cut], [0])
    artists["left"].set_title(f"A = {advantage:+g}: μ {mean:.2f} → {new_mean:.2f}, σ {width:.2f} → {new_width:.2f}")
    return (
        f"The action {action:+.2f}, {draw:+g} σ from the mean {mean:.2f}, has A = {advantage:+g}: the mean goes to "
        f"{new_mean:.2f} and log σ from {log_std:.2f} to {new_log_std:.2f}."
    )


def update_step(artists, *, mean, log_std, draw, advantage):
    told = update_policy(artists, mean=mean, log_std=log_std, draw=draw, advantage=advantage)
    width = math.exp(log_std)
    artists["push"].set_data(MEANS, advantage * mean_score(MEANS, width, box=BOX))
    artists["here"].set_xdata([mean] * 2)
    push = round(advantage * mean_score(mean, width, box=BOX).item(), 2) + 0.0
    artists["right"].set_title(f"A = {advantage:+g} for all: cut actions push {push:+.2f}")
    return f"{told} Equal weights on cut actions would push the mean by {push:+.2f}."


policy = Picture(build_policy, update_policy, size=(560, 330))
step = Picture(build_step, update_step, size=(780, 380))
