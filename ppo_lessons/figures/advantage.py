"""Lesson 06 drawn: Q, V and A on the cells, what n trades, an actor with a critic, and a Gaussian policy."""

from functools import cache

import numpy as np
import torch
from torch.distributions import Normal

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.corridor import ACTIONS, CELLS, FLAG, PIT, SITUATIONS, SLIDES_POLICY, Corridor
from ppo_lessons.experiments.tabular import train_actor_critic
from ppo_lessons.figures.corridor import change_situation, draw_cells
from ppo_lessons.figures.gae import critic_noise, n_step_moments
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    CLIPPED,
    GRID,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VALUE,
    VARIANCE,
    Picture,
    quiet_grid,
)
from ppo_lessons.figures.variance_ladder import running_trajectory

# Q, V and A on the cells


@cache
def tables():
    """The exact V [7, 13], Q [6, 12, 3] and visits [6, 12] of the slides' policy, gamma = 1."""
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    return *world.tables(policy, gamma=1.0), world.visits(policy)


def build_cells(figure):
    top, axes = figure.subplots(2, 1, height_ratios=[2, 7])
    quiet_grid(axes)
    axes.grid(visible=False, axis="x")
    columns = {}
    for cell in set(range(CELLS)) - {PIT, FLAG}:
        (line,) = axes.plot([cell - 0.42, cell + 0.42], [0, 0], **VALUE, gid="V")
        bars = axes.bar(cell + np.array([-0.27, 0, 0.27]), np.zeros(3), width=0.2, color=ADVANTAGE["color"], gid="A")
        labels = [axes.text(bar.get_x() + 0.1, 0, "", ha="center", fontsize=7.5) for bar in bars]
        note = axes.text(cell, 9.3, "", ha="center", va="top", fontsize=8.5, color=VALUE["color"])
        columns[cell] = line, bars, labels, note
    axes.set(xlim=(-0.6, CELLS - 0.4), ylim=(-9.6, 9.6), ylabel="expected rest of the play")
    axes.set_xticks([cell + shift for cell in columns for shift in (-0.27, 0, 0.27)])
    axes.set_xticklabels(list(ACTIONS) * len(columns), fontsize=7.5)
    axes.text(PIT, 0, "pit: end", ha="center", color=QUIET, fontsize=8.5)
    axes.text(FLAG, 0, "flag: end", ha="center", color=QUIET, fontsize=8.5)
    top_cells = draw_cells(top, "day")
    top.set_aspect("auto")
    return {"top": top, "top_cells": top_cells, "axes": axes, "columns": columns}


def update_cells(artists, *, situation, step):
    values, action_values, visits = tables()
    top = artists["top"]
    change_situation(artists["top_cells"], situation)
    told = []
    for cell, (line, bars, labels, note) in artists["columns"].items():
        state = SITUATIONS.index(situation) * CELLS + cell
        v, q = values[step, state].item(), action_values[step, state].tolist()
        reached = bool(visits[step, state] > 0)
        line.set_ydata([v, v])
        line.set_visible(reached)
        for bar, label, height in zip(bars, labels, q, strict=True):
            bar.set_y(v)
            bar.set_height(height - v)
            bar.set_visible(reached)
            label.set_text(f"{height - v:+.2f}" if reached else "")
            label.set_y(height + 0.15 if height >= v else height - 0.15)
            label.set_va("bottom" if height >= v else "top")
        note.set_text(f"V = {v:.2f}" if reached else "not reached")
        if reached:
            numbers = ", ".join(f"{name} {height:.2f}" for name, height in zip(ACTIONS, q, strict=True))
            told.append(f"cell {cell}: V = {v:.2f}, Q of {numbers}")
    part = slice(SITUATIONS.index(situation) * CELLS, (SITUATIONS.index(situation) + 1) * CELLS)
    gain = action_values[step, part] - values[step, part][:, None]
    cell, action = divmod(int(gain.masked_fill(visits[step, part, None] == 0, -torch.inf).argmax()), len(ACTIONS))
    best = f"{gain[cell, action]:.2f}, of {ACTIONS[action]} in cell {cell}"
    top.set_title(f"{situation}, step {step}: the largest advantage is {best}")
    return f"By {situation} at step {step}. " + "; ".join(told) + "."


cells = Picture(build_cells, update_cells, size=(760, 370))


# What n trades

STEPS = Corridor().steps
NAMES = ["$r_0$", "$r_1$", "$r_2$", "$V(s_n)$", "$-V(s_0)$", "$A^{(n)}_0$"]


def parts(n, critic_error):
    """A^(n)_0 of the running trajectory in its parts: r_0, r_1, r_2, V(s_n), -V(s_0), and their sum. Six floats."""
    world, play = Corridor(), running_trajectory()
    table = tables()[0].clone()
    table[:-1, :-1] += critic_error * critic_noise()
    values, next_values = world.step_values(table[[0, 1, 2, STEPS]], play)
    end = torch.tensor([[False], [False], [True]])
    advantage = n_step_advantage(play.rewards, values, next_values, end, torch.zeros_like(end), gamma=1.0, n=n)
    rewards = [reward if t < n else 0.0 for t, reward in enumerate(play.rewards[:, 0].tolist())]
    last = min(n, 3) - 1
    return [*rewards, next_values[last, 0].item(), -values[0, 0].item(), advantage[0, 0].item()]


def errors(critic_error):
    """Exact squared bias and variance (one play) of the gradient with A^(1) .. A^(6), gamma = 1: two arrays [6]."""
    mean, covariance, truth = n_step_moments(1.0)
    each = torch.eye(STEPS, dtype=torch.float64)
    mix = torch.cat([each, critic_error * each], dim=1)
    bias = (mix @ mean - truth).square().sum(1)
    variance = torch.einsum("li,ij,lj->l", mix, covariance, mix)
    return bias.numpy(), variance.numpy()


def build_n_steps(figure):
    left, right = figure.subplots(1, 2, width_ratios=[4, 5])
    colors = [RETURN["color"]] * 3 + [VALUE["color"]] * 2 + [ADVANTAGE["color"]]
    left.axhline(0, color=QUIET, linewidth=0.8)
    bars = left.bar(range(6), np.zeros(6), color=colors, width=0.7)
    labels = [left.text(place, 0, "", ha="center", fontsize=8.5) for place in range(6)]
    left.set(ylim=(-7, 7), xticks=range(6))
    left.set_xticklabels(NAMES)
    quiet_grid(right)
    ns = range(1, STEPS + 1)
    (bias,) = right.plot(ns, np.ones(STEPS), **BIAS, marker="s", markersize=4)
    (variance,) = right.plot(ns, np.ones(STEPS), **VARIANCE, marker="o", markersize=4)
    (total,) = right.plot(ns, np.ones(STEPS), **TOTAL)
    (best,) = right.plot([], [], "v", color="black", markersize=8)
    here = right.axvline(1, color=ADVANTAGE["color"], linewidth=1.2)
    right.set(xlim=(0.7, STEPS + 0.3), ylim=(1e-4, 30), yscale="log", xlabel="n, number of real rewards used")
    right.set(ylabel="error of the gradient", xticks=ns)
    handles, names = [bias, variance, total, best], ["bias²", "variance / N", "sum", "lowest point"]
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return locals()


def update_n_steps(artists, *, n, critic_error, plays):
    for bar, label, height in zip(artists["bars"], artists["labels"], parts(n, critic_error), strict=True):
        bar.set_height(height)
        label.set_text(f"{height:.2f}")
        label.set_y(height + (0.15 if height >= 0 else -0.15))
        label.set_va("bottom" if height >= 0 else "top")
    bias, variance = errors(critic_error)
    variance = variance / plays
    total = bias + variance
    lowest = int(total.argmin())
    artists["bias"].set_ydata(np.where(bias > 1e-4, bias, np.nan))
    artists["variance"].set_ydata(variance)
    artists["total"].set_ydata(total)
    artists["best"].set_data([lowest + 1], [total[lowest]])
    artists["here"].set_xdata([n, n])
    artists["left"].set_title(f"right, right, right by day:\n$A^{{({n})}}_0$ = {parts(n, critic_error)[-1]:.2f}")
    artists["right"].set_title(
        f"n = {lowest + 1} has the least error with N = {plays}\n"
        f"here: {bias[n - 1]:.4f} bias² + {variance[n - 1]:.4f} variance"
    )
    return (
        f"With n = {n}, a critic error of {critic_error:.2f} and N = {plays} plays, squared bias is {bias[n - 1]:.4f} "
        f"and variance {variance[n - 1]:.4f}; their sum is least at n = {lowest + 1}."
    )


n_steps = Picture(build_n_steps, update_n_steps, size=(760, 370))


# Actor and critic

UPDATES, PLAYS, STEP_SIZE = 60, 16, 1.0


def build_training(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(-1, UPDATES + 1), xlabel=f"update ({PLAYS} plays each)")
    (actor,) = left.plot([], [], **POLICY)
    (critic,) = right.plot([], [], **VALUE)
    best = left.axhline(0, color=TOTAL["color"], linewidth=0.8)
    name = left.text(UPDATES, 0, "", ha="right", va="bottom", fontsize=8)
    left.set(ylim=(-1.6, 5.6), ylabel="true J of the actor")
    right.set(ylim=(0, 5.2), ylabel="true error of the critic")
    return locals()


def update_training(artists, *, toll, n, critic_step, sample):
    world = Corridor(leaving=(5.0, -float(toll)))
    best = world.best_return()
    artists["best"].set_ydata([best, best])
    artists["name"].set_y(best)
    artists["name"].set_text(f"best possible {best:.2f}")
    settings = {"updates": UPDATES, "plays": PLAYS, "n": n, "step_size": STEP_SIZE, "critic_step": critic_step}
    run = []
    for record in train_actor_critic(world, world.policy(SLIDES_POLICY), seed=sample, **settings):
        run.append(record)
        artists["actor"].set_data(range(len(run)), [r.expected_return for r in run])
        artists["critic"].set_data(range(len(run)), [r.critic_error for r in run])
        artists["left"].set_title(f"toll {toll}, n = {n}, update {record.update}:\nJ = {record.expected_return:.2f}")
        artists["right"].set_title(
            f"critic step {critic_step:.2f}: the critic is off\nby {record.critic_error:.2f} (root mean square)"
        )
        yield (
            f"Toll {toll}: after {record.update} updates with n = {n} and a critic step of {critic_step:.2f} the actor "
            f"has J = {record.expected_return:.3f}, of {best:.3f} possible; the critic is off by "
            f"{record.critic_error:.3f}."
        )


training = Picture(build_training, update_training, size=(760, 350))


# A Gaussian policy

BOX = 1.0  # the game takes actions from -1 to 1
ACTION_AXIS = torch.linspace(-4, 4, 801, dtype=torch.float64)


def score_of_mean(action, mean, spread):
    """d log pi(a) / d mean of a Gaussian policy, by autograd. Same shape as `action`."""
    mean = torch.full_like(action, float(mean)).requires_grad_()
    logp = Normal(mean, spread).log_prob(action)
    (score,) = torch.autograd.grad(logp.sum(), mean)
    return score


def mean_score(mean, spread, *, clipped):
    """E[d log pi / d mean] over the policy's own actions, by a fine sum: of the raw or of the clipped action."""
    mean, spread = torch.tensor([mean, spread], dtype=torch.float64)
    action = mean + spread * torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = Normal(mean, spread).log_prob(action).exp()
    used = action.clamp(-BOX, BOX) if clipped else action
    return ((weight * score_of_mean(used, mean, spread)).sum() / weight.sum()).item()


def build_gaussian(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.axvspan(-BOX, BOX, color=GRID, alpha=0.6, linewidth=0)
    (density,) = left.plot([], [], **POLICY)
    (raw,) = left.plot([], [], "o", color=POLICY["color"], markersize=8)
    (held,) = left.plot([], [], "D", color=CLIPPED["color"], markersize=7)
    left.set(xlim=(-4, 4), ylim=(0, 0.9), xlabel="action a (grey: what the game takes)", ylabel="density π(a)")
    (right_line,) = right.plot([], [], **POLICY)
    (wrong_line,) = right.plot([], [], **CLIPPED)
    (right_dot,) = right.plot([], [], "o", color=POLICY["color"], markersize=8)
    (wrong_dot,) = right.plot([], [], "D", color=CLIPPED["color"], markersize=7)
    right.set(xlim=(-4, 4), ylim=(-17, 17), xlabel="action a", ylabel="d log π / d mean")
    names = ["log π of the raw action", "log π of the clipped action (wrong)"]
    figure.legend([right_dot, wrong_dot], names, loc="outside lower center", ncols=2)
    return locals()


def update_gaussian(artists, *, mean, spread, action):
    policy = Normal(torch.tensor(mean, dtype=torch.float64), spread)
    a = torch.tensor(action, dtype=torch.float64)
    held = a.clamp(-BOX, BOX)
    artists["density"].set_data(ACTION_AXIS, policy.log_prob(ACTION_AXIS).exp())
    artists["raw"].set_data([a], [policy.log_prob(a).exp()])
    artists["held"].set_data([held], [0.012])
    artists["right_line"].set_data(ACTION_AXIS, score_of_mean(ACTION_AXIS, mean, spread))
    artists["wrong_line"].set_data(ACTION_AXIS, score_of_mean(ACTION_AXIS.clamp(-BOX, BOX), mean, spread))
    scores = [score_of_mean(x[None], mean, spread).item() for x in (a, held)]
    artists["right_dot"].set_data([a], [scores[0]])
    artists["wrong_dot"].set_data([a], [scores[1]])
    means = [mean_score(mean, spread, clipped=clipped) for clipped in (False, True)]
    means = [0.0 if abs(number) < 5e-4 else number for number in means]
    outside = 1 - (policy.cdf(torch.tensor(BOX)) - policy.cdf(torch.tensor(-BOX))).item()
    logp = policy.log_prob(a).item()
    artists["left"].set_title(f"log π(a) = {logp:.2f};\n{outside:.0%} of the actions leave the box")
    artists["right"].set_title(f"mean over all actions:\nraw {means[0]:.2f}, clipped {means[1]:.2f}")
    return (
        f"Mean {mean:.2f}, standard deviation {spread:.2f}: the action {action:.2f} has log π = {logp:.3f} and score "
        f"{scores[0]:.2f}. Over all actions the score has mean {means[0]:.3f}; with clipped actions {means[1]:.3f}."
    )


gaussian = Picture(build_gaussian, update_gaussian, size=(760, 360))
