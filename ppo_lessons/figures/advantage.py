"""Lesson 06 drawn: Q, V and A on the cells, what n trades, an actor with a critic, and a Gaussian policy."""

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, CELLS, FLAG, PIT, Corridor
from ppo_lessons.experiments.advantage import (
    BOX,
    PLAYS,
    STEPS,
    UPDATES,
    best_move,
    cells_at,
    errors,
    log_density,
    mean_score,
    parts,
    score_of_mean,
    share_outside,
    train,
)
from ppo_lessons.figures.corridor import change_situation, draw_cells
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
    label_bars,
    move_bars,
    quiet_grid,
)


def rounded(number):
    """Two digits for a label, and never a zero with a minus sign."""
    return round(float(number), 2) + 0.0


# Q, V and A on the cells

PLACES = np.array([-0.31, 0, 0.31])  # of the three actions beside the middle of their cell


def build_cells(figure):
    top, axes = figure.subplots(2, 1, height_ratios=[2, 7])
    quiet_grid(axes)
    axes.grid(visible=False, axis="x")
    columns = {}
    for cell in set(range(CELLS)) - {PIT, FLAG}:
        (line,) = axes.plot([cell - 0.42, cell + 0.42], [0, 0], **VALUE, gid="V")
        bars = axes.bar(cell + PLACES, np.zeros(3), width=0.22, color=ADVANTAGE["color"], gid="A")
        labels = label_bars(bars, fontsize=7.5)
        note = axes.text(cell, 7.6, "", ha="center", va="top", fontsize=8.5, color=VALUE["color"])
        columns[cell] = line, bars, labels, note
    axes.set(xlim=(-0.6, CELLS - 0.4), ylim=(-7.8, 7.8), ylabel="expected rest of the play")
    axes.set_xticks([cell + place for cell in columns for place in PLACES])
    axes.set_xticklabels(list(ACTIONS) * len(columns), fontsize=7.5)
    axes.text(PIT, 0, "pit: end", ha="center", color=QUIET, fontsize=8.5)
    axes.text(FLAG, 0, "flag: end", ha="center", color=QUIET, fontsize=8.5)
    top_cells = draw_cells(top, "day")
    top.set_aspect("auto")
    return {"top": top, "top_cells": top_cells, "columns": columns}


def update_cells(artists, *, situation, step):
    values, action_values, cells_reached = cells_at(situation, step)
    change_situation(artists["top_cells"], situation)
    for cell, (line, bars, labels, note) in artists["columns"].items():
        v, q, reached = values[cell].item(), action_values[cell].tolist(), bool(cells_reached[cell])
        line.set_ydata([v, v])
        line.set_visible(reached)
        for bar, label, height in zip(bars, labels, q, strict=True):
            bar.set_y(v)
            bar.set_height(height - v)
            bar.set_visible(reached)
            label.set_text(f"{rounded(height - v):+.2f}" if reached else "")
            label.set_y(height + 0.15 if height >= v else height - 0.15)
            label.set_va("bottom" if height >= v else "top")
        note.set_text(f"V = {v:.2f}" if reached else "not reached")
    cell, action, most = best_move(situation, step)
    name, v, q = ACTIONS[action], values[cell], action_values[cell, action]
    artists["top"].set_title(f"{situation}, step {step}: the largest advantage is {most:.2f}, of {name} in cell {cell}")
    return (
        f"By {situation} at step {step} no bar is longer upwards than that of {name} in cell {cell}: it goes from "
        f"V = {rounded(v):.2f} to Q = {rounded(q):.2f}, so that A = {most:+.2f}."
    )


cells = Picture(build_cells, update_cells, size=(760, 370))


# What n trades

NAMES = ["$r_0$", "$r_1$", "$r_2$", "$V(s_n)$", "$-V(s_0)$", "$A^{(n)}_0$"]


def build_n_steps(figure):
    left, right = figure.subplots(1, 2, width_ratios=[4, 5])
    colors = [RETURN["color"]] * 3 + [VALUE["color"]] * 2 + [ADVANTAGE["color"]]
    left.axhline(0, color=QUIET, linewidth=0.8)
    bars = left.bar(range(6), np.zeros(6), color=colors, width=0.7)
    labels = label_bars(bars, fontsize=8.5)
    left.set(ylim=(-7, 7), xticks=range(6))
    left.set_xticklabels(NAMES)
    quiet_grid(right)
    ns = range(1, STEPS + 1)
    (bias,) = right.plot(ns, np.ones(STEPS), **BIAS, marker="s", markersize=4)
    (variance,) = right.plot(ns, np.ones(STEPS), **VARIANCE, marker="o", markersize=4)
    (total,) = right.plot(ns, np.ones(STEPS), **TOTAL)
    (best,) = right.plot([], [], "v", color="black", markersize=8)
    here = right.axvline(1, color=ADVANTAGE["color"], linewidth=1.2)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # the line at n passes behind the words
    right.text(0.62, 0.272, "the sum in numbers:", va="top", fontsize=8.5, bbox=paper)  # it may be nearly flat
    sums = [right.text(n, 0.224, "", ha="center", va="bottom", fontsize=8.5, bbox=paper) for n in ns]
    right.set(xlim=(0.5, STEPS + 0.5), ylim=(0, 0.275), xlabel="n, number of real rewards used")
    right.set(ylabel="error of the gradient", xticks=ns, yticks=[0, 0.05, 0.1, 0.15, 0.2])
    handles, names = [bias, variance, total, best], ["bias²", "variance / N", "sum", "lowest point"]
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    lines = {"bias": bias, "variance": variance, "total": total, "best": best, "here": here}
    return {"left": left, "right": right, "bars": bars, "labels": labels, "sums": sums, **lines}


def update_n_steps(artists, *, n, critic_error, plays):
    terms = parts(n, critic_error)
    move_bars(artists["bars"], terms, artists["labels"], gap=0.15)
    bias, variance = errors(critic_error)
    variance = variance / plays
    total = bias + variance
    lowest = int(total.argmin())
    artists["bias"].set_ydata(bias)
    artists["variance"].set_ydata(variance)
    artists["total"].set_ydata(total)
    artists["best"].set_data([lowest + 1], [total[lowest]])
    artists["here"].set_xdata([n, n])
    for place, (label, height) in enumerate(zip(artists["sums"], total, strict=True)):
        label.set_text(f"{height:.4f}")
        label.set_weight("bold" if place == lowest else "normal")
    artists["left"].set_title(f"right, right, right by day:\n$A^{{({n})}}_0$ = {terms[-1]:.2f}")
    artists["right"].set_title(
        f"n = {lowest + 1} has the least error with N = {plays}\n"
        f"at n = {n}: {bias[n - 1]:.4f} bias² + {variance[n - 1]:.4f} variance / N"
    )
    return (
        f"A critic error of {critic_error:.2f} and {plays} plays: at n = {n} squared bias is {bias[n - 1]:.4f} and "
        f"variance {variance[n - 1]:.4f}; their sum is least at n = {lowest + 1}, where it is {total[lowest]:.4f}."
    )


n_steps = Picture(build_n_steps, update_n_steps, size=(760, 370))


# Actor and critic


def build_training(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(-1, UPDATES + 1), xlabel=f"update ({PLAYS} plays each)")
    (actor,) = left.plot([], [], **POLICY)
    (critic,) = right.plot([], [], **VALUE)
    best = left.axhline(0, color=TOTAL["color"], linewidth=0.8)
    name = left.text(0, 0, "", va="bottom", fontsize=8)  # on the left, where the curve is still far below
    left.set(ylim=(-1.6, 5.6), ylabel="true J of the actor")
    right.set(ylim=(0, 4.2), ylabel="the critic is off by (root mean square)")
    return {"left": left, "right": right, "actor": actor, "critic": critic, "best": best, "name": name}


def update_training(artists, *, toll, n, critic_step, sample):
    world = Corridor(leaving=(5.0, -float(toll)))
    best = world.best_return()
    artists["best"].set_ydata([best, best])
    artists["name"].set_y(best + 0.05)
    artists["name"].set_text(f"best possible {best:.2f}")
    run = []
    for record in train(world, n=n, critic_step=critic_step, seed=sample):
        run.append(record)
        artists["actor"].set_data(range(len(run)), [r.expected_return for r in run])
        artists["critic"].set_data(range(len(run)), [r.critic_error for r in run])
        artists["left"].set_title(f"toll {toll}, n = {n}, update {record.update}:\nJ = {record.expected_return:.2f}")
        artists["right"].set_title(f"critic step {critic_step:.2f}:\nthe critic is off by {record.critic_error:.2f}")
        yield (
            f"Toll {toll}: after {record.update} updates with n = {n} and a critic step of {critic_step:.2f} the actor "
            f"has J = {record.expected_return:.2f} of {best:.2f} possible; the critic is off by "
            f"{record.critic_error:.2f}."
        )


training = Picture(build_training, update_training, size=(760, 350))


# A Gaussian policy

ACTION_AXIS = torch.linspace(-3, 3, 601, dtype=torch.float64)


def build_gaussian(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.axvspan(-BOX, BOX, color=GRID, alpha=0.6, linewidth=0)
    (density,) = left.plot([], [], **POLICY)
    (raw,) = left.plot([], [], "o", color=POLICY["color"], markersize=8)
    (held,) = left.plot([], [], "D", color=CLIPPED["color"], markersize=7)
    left.set(xlim=(-3, 3), ylim=(-0.02, 0.75), xlabel="action a (grey: what the game takes)", ylabel="density π(a)")
    (right_line,) = right.plot([], [], **POLICY)
    (wrong_line,) = right.plot([], [], **CLIPPED)
    (right_dot,) = right.plot([], [], "o", color=POLICY["color"], markersize=8)
    (wrong_dot,) = right.plot([], [], "D", color=CLIPPED["color"], markersize=7)
    right.set(xlim=(-3, 3), ylim=(-9, 9), xlabel="action a", ylabel="d log π / d mean")
    names = ["the action as drawn (raw)", "the action as the game takes it (clipped)"]
    figure.legend([right_dot, wrong_dot], names, loc="outside lower center", ncols=2)
    lines = {"right_line": right_line, "wrong_line": wrong_line, "right_dot": right_dot, "wrong_dot": wrong_dot}
    return {"left": left, "right": right, "density": density, "raw": raw, "held": held, **lines}


def update_gaussian(artists, *, mean, spread, action):
    a = torch.tensor(action, dtype=torch.float64)
    held = a.clamp(-BOX, BOX)
    logp = log_density(a, mean, spread)
    artists["density"].set_data(ACTION_AXIS, log_density(ACTION_AXIS, mean, spread).exp())
    artists["raw"].set_data([a], [logp.exp()])
    artists["held"].set_data([held], [0.012])
    artists["right_line"].set_data(ACTION_AXIS, score_of_mean(ACTION_AXIS, mean, spread))
    artists["wrong_line"].set_data(ACTION_AXIS, score_of_mean(ACTION_AXIS.clamp(-BOX, BOX), mean, spread))
    scores = [rounded(score_of_mean(x, mean, spread)) for x in (a, held)]
    artists["right_dot"].set_data([a], [scores[0]])
    artists["wrong_dot"].set_data([a], [scores[1]])
    means = [rounded(mean_score(mean, spread, box=box)) for box in (torch.inf, BOX)]
    outside = share_outside(mean, spread, box=BOX)
    artists["left"].set_title(f"log π(a) = {logp:.2f};\n{outside:.0%} of the actions leave the box")
    artists["right"].set_title(f"mean over all actions, which must be 0:\nraw {means[0]:.2f}, clipped {means[1]:.2f}")
    return (
        f"Mean {mean:.2f}, spread {spread:.2f}: the action {action:.2f} has log π = {logp:.2f} and score "
        f"{scores[0]:.2f}. Over all actions the score has mean {means[0]:.2f}, with clipped actions {means[1]:.2f}."
    )


gaussian = Picture(build_gaussian, update_gaussian, size=(760, 360))
