"""The extra on continuous actions drawn: one gradient step of a Gaussian policy, and what cut actions would do."""

import math

import numpy as np
import torch

from ppo_lessons.figures.style import ADVANTAGE, BIAS, GRID, OLD_POLICY, POLICY, QUIET, TOTAL, Picture, quiet_grid
from ppo_lessons.trainer.distributions import Gaussian

BOX = 2.0  # Pendulum's torque, N m
STEP = 0.25  # length of the gradient step that is drawn
ACTIONS = np.linspace(-5, 5, 301)
MEANS = torch.linspace(-4, 4, 81, dtype=torch.float64)


def density(mean, log_std):
    """pi(a) on the grid of actions."""
    parameters = torch.tensor([mean, log_std], dtype=torch.float64).expand(len(ACTIONS), 2)
    return Gaussian.log_probability(parameters, torch.tensor(ACTIONS)[:, None]).exp()


def one_step(mean, log_std, action, advantage):
    """Mean and log standard deviation after one step of gradient ascent on A log pi(a): two floats."""
    parameters = torch.tensor([mean, log_std], dtype=torch.float64, requires_grad=True)
    objective = advantage * Gaussian.log_probability(parameters, torch.tensor([action], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(objective, parameters)
    return (parameters + STEP * gradient).tolist()


def mean_score(means, log_std, *, cut):
    """E[d log pi(a) / d mu] for a drawn from pi, with the action as drawn or cut to the box, one number for each mean.

    By summing over a fine grid. As drawn it is 0: the identity behind the baseline. Cut, it pulls the mean inwards.
    """
    sigma = math.exp(log_std)
    noise = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = (-noise.square() / 2).exp()
    weight = weight / weight.sum()
    actions = means[:, None] + sigma * noise
    taken = actions.clamp(-BOX, BOX) if cut else actions
    return ((taken - means[:, None]) / sigma**2 * weight).sum(1)


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
    return locals()


def update_step(artists, *, mean, log_std, draw, advantage):
    action = mean + math.exp(log_std) * draw
    cut = min(max(action, -BOX), BOX)
    new_mean, new_log_std = one_step(mean, log_std, action, advantage)
    artists["before"].set_data(ACTIONS, density(mean, log_std))
    artists["after"].set_data(ACTIONS, density(new_mean, new_log_std))
    artists["raw"].set_data([action], [0])
    artists["given"].set_data([cut], [0])
    artists["pull"].set_data(MEANS, mean_score(MEANS, log_std, cut=True))
    artists["here"].set_xdata([mean] * 2)
    bias = mean_score(torch.tensor([mean], dtype=torch.float64), log_std, cut=True).item()
    width, new_width = math.exp(log_std), math.exp(new_log_std)
    artists["left"].set_title(f"A = {advantage:+g}: μ {mean:.2f} → {new_mean:.2f}, σ {width:.2f} → {new_width:.2f}")
    artists["right"].set_title(f"the cut action would add {bias + 0.0:+.2f}".replace("-0.00", "+0.00"))
    return (
        f"A draw of {draw:+g} standard deviations gives the action {action:+.2f}. Its advantage {advantage:+g} moves "
        f"the mean from {mean:.2f} to {new_mean:.2f} and the standard deviation from {width:.2f} to {new_width:.2f}; "
        f"the mean score of the cut action is {bias:+.2f}."
    )


step = Picture(build_step, update_step, size=(780, 350))
