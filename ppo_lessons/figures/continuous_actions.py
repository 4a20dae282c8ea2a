"""The extra on continuous actions drawn: one gradient step of a Gaussian policy, and what cut actions would do."""

import math

import torch

from ppo_lessons.experiments.advantage import mean_score
from ppo_lessons.experiments.continuous_actions import BOX, density, one_step
from ppo_lessons.figures.style import ADVANTAGE, BIAS, GRID, OLD_POLICY, POLICY, QUIET, TOTAL, Picture, quiet_grid

ACTIONS = torch.linspace(-5, 5, 301, dtype=torch.float64)
MEANS = torch.linspace(-4, 4, 81, dtype=torch.float64)


def build_step(figure):
    left, right = figure.subplots(1, 2, width_ratios=[4, 3])
    quiet_grid(left)
    left.axvspan(-BOX, BOX, color=GRID, alpha=0.6, linewidth=0)
    (before,) = left.plot([], [], **OLD_POLICY, label="policy that acted")
    (after,) = left.plot([], [], **POLICY, label="after one step")
    (raw,) = left.plot([], [], "o", color=ADVANTAGE["color"], markersize=8, label="raw action", zorder=5)
    (given,) = left.plot([], [], "x", color=TOTAL["color"], markersize=8, label="given to the game", zorder=6)
    left.set(xlim=(-5, 5), ylim=(-0.05, 2.4), xlabel="action a (grey: the box)", ylabel="density π(a)")
    left.legend(loc="upper center", ncols=2, fontsize=8.5)
    quiet_grid(right)
    right.axhline(0, **{**POLICY, "linewidth": 2.2}, label="with the raw action")
    (pull,) = right.plot([], [], **BIAS, label="with the cut action")
    here = right.axvline(0, color=QUIET, linewidth=0.9)
    right.set(xlim=(-4, 4), ylim=(-10, 10), xlabel="mean μ", ylabel="E[∂ log π / ∂μ], should be 0")
    right.legend(loc="upper right", fontsize=8.5)
    lines = {"before": before, "after": after, "raw": raw, "given": given, "pull": pull, "here": here}
    return {"left": left, "right": right, **lines}


def update_step(artists, *, mean, log_std, draw, advantage):
    action = mean + math.exp(log_std) * draw
    cut = min(max(action, -BOX), BOX)
    new_mean, new_log_std = one_step(mean, log_std, action, advantage)
    width, new_width = math.exp(log_std), math.exp(new_log_std)
    artists["before"].set_data(ACTIONS, density(ACTIONS, mean, log_std))
    artists["after"].set_data(ACTIONS, density(ACTIONS, new_mean, new_log_std))
    artists["raw"].set_data([action], [0])
    artists["given"].set_data([cut], [0])
    artists["pull"].set_data(MEANS, mean_score(MEANS, width, box=BOX))
    artists["here"].set_xdata([mean] * 2)
    bias = mean_score(mean, width, box=BOX).item()
    artists["left"].set_title(f"A = {advantage:+g}: μ {mean:.2f} → {new_mean:.2f}, σ {width:.2f} → {new_width:.2f}")
    artists["right"].set_title(f"the cut action would add {bias + 0.0:+.2f}".replace("-0.00", "+0.00"))
    return (
        f"A draw of {draw:+g} standard deviations gives the action {action:+.2f}. Its advantage {advantage:+g} moves "
        f"the mean from {mean:.2f} to {new_mean:.2f} and the standard deviation from {width:.2f} to {new_width:.2f}; "
        f"the mean score of the cut action is {bias:+.2f}."
    )


step = Picture(build_step, update_step, size=(780, 350))
