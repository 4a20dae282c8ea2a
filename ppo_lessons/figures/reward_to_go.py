"""Lesson 04 drawn: what the past adds, what gamma costs, and what gamma aims at."""

import numpy as np

from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, START, Corridor
from ppo_lessons.experiments.log_trick import RUNS
from ppo_lessons.experiments.reward_to_go import (
    ASCENT_STEPS,
    GAMES,
    GAMMAS,
    PLAYS,
    UPDATES,
    ascent,
    errors,
    mean_squared_error,
    pairs,
    to_go,
    training_runs,
)
from ppo_lessons.experiments.variance_ladder import running_trajectory, total_return
from ppo_lessons.figures.log_trick import build_runs, compare_runs
from ppo_lessons.figures.style import (
    BIAS,
    OLD_BARS,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VARIANCE,
    Picture,
    label_bars,
    move_bars,
    quiet_grid,
)
from ppo_lessons.reward_to_go import reward_to_go

# What the past adds


def build_causality(figure):
    panels = []
    names = ("length of the mean", "typical size in one play")
    for axes, name, top in zip(figure.subplots(1, 2), names, (0.95, 4.6), strict=True):
        steps = Corridor().steps
        bars = axes.bar(range(steps), np.zeros(steps), width=0.7)
        labels = label_bars(bars, fontsize=8.5)
        here = axes.axvline(-0.5, color=POLICY["color"], linewidth=1.4, linestyle="--")
        word = axes.text(-0.42, 0.98 * top, "the action", color=POLICY["color"], va="top", fontsize=8.5)
        axes.set(xlim=(-0.7, steps - 0.3), ylim=(0, top), xlabel="step k of the reward", ylabel=name)
        panels.append({"axes": axes, "bars": bars, "labels": labels, "here": here, "word": word})
    return {"panels": panels}


def update_causality(artists, *, step, right):
    mean, noise = (table[step] for table in pairs(right))
    for panel, heights, form in zip(artists["panels"], (mean, noise), ("{:.3f}", "{:.2f}"), strict=True):
        panel["here"].set_xdata([step - 0.5, step - 0.5])
        panel["word"].set_x(step - 0.42 if step < 4 else step - 0.58)
        panel["word"].set_ha("left" if step < 4 else "right")
        move_bars(panel["bars"], heights, panel["labels"], form=form)
        for k, (bar, label) in enumerate(zip(panel["bars"], panel["labels"], strict=True)):
            bar.set_color(QUIET if k < step else RETURN["color"])
            if heights[k] < 1e-12:
                label.set_text("0")
    left, last = (panel["axes"] for panel in artists["panels"])
    chosen = f"For the action of step {step}, with π(right) = {right:.2f},"
    if not step:
        left.title.set_text("No past: every reward adds to the mean")
        last.title.set_text("... and every reward adds noise")
        return f"{chosen} nothing was paid before: every reward adds to the mean, and every reward adds noise."
    left.title.set_text(f"Before step {step} the mean is 0 ...")
    last.title.set_text(f"... the noise is not: {noise[0]:.2f} at k = 0")
    return f"{chosen} earlier rewards have the mean 0, and yet noise of up to {max(noise[:step]):.2f} in one play."


causality = Picture(build_causality, update_causality, size=(760, 330))


# What gamma costs


def build_discount(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    play = running_trajectory()
    left.bar(np.arange(3) - 0.2, play.rewards[:, 0].tolist(), width=0.36, label="reward $r_t$", **OLD_BARS)
    bars = left.bar(np.arange(3) + 0.2, np.zeros(3), width=0.36, color=RETURN["color"], label="weight $G_t$")
    labels = label_bars(bars, fontsize=8.5)
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(xlim=(-0.6, 2.6), ylim=(-3, 6.8), xticks=range(3), xlabel="step t")
    left.legend(loc="upper right")
    quiet_grid(right)
    (bias,) = right.plot([], [], **BIAS, label="bias²")
    (variance,) = right.plot([], [], **VARIANCE, label=f"variance / {PLAYS}")
    (total,) = right.plot([], [], **TOTAL, label="sum: mean squared error")
    here = right.axvline(0, ymax=0.8, color=RETURN["color"], linewidth=1.2)
    (dot,) = right.plot([], [], "o", color=RETURN["color"], markersize=7)
    right.set(xlim=(-0.02, 1.02), ylim=(0, 0.72), xlabel="γ", ylabel=f"error of the gradient, {PLAYS} plays")
    right.legend(loc="upper center", ncols=2, fontsize=8.5)
    return {
        "left": left,
        "right": right,
        "bars": bars,
        "labels": labels,
        "curves": (bias, variance, total),
        "here": here,
        "dot": dot,
    }


def update_discount(artists, *, gamma, goal):
    heights = reward_to_go(running_trajectory().rewards[:, 0], gamma=gamma).tolist()
    move_bars(artists["bars"], heights, artists["labels"], gap=0.1)
    bias, variance = errors(goal)
    parts = mean_squared_error(goal)
    for curve, values in zip(artists["curves"], parts, strict=True):
        curve.set_data(GAMMAS, values)
    now = int(np.abs(GAMMAS - gamma).argmin())
    artists["here"].set_xdata([gamma, gamma])
    artists["dot"].set_data([gamma], [parts[-1][now]])
    artists["left"].title.set_text(f"γ = {gamma:.2f}: $G_0$ = {heights[0]:.2f}")
    artists["right"].title.set_text(
        f"One play: variance {variance[now]:.1f}; bias {np.sqrt(bias[now]):.3f}\nagainst the gradient of the {goal}"
    )
    off = np.sqrt(bias[now])
    return (
        f"With γ = {gamma:.2f} the estimate is off the gradient of the {goal} by "
        f"{'nothing' if off < 1e-9 else f'{off:.3f}'}, and one play has variance {variance[now]:.1f} instead of "
        f"{variance[-1]:.1f}."
    )


discount = Picture(build_discount, update_discount, size=(780, 350))


# What gamma aims at


def build_goal(figure):
    left, right = figure.subplots(1, 2, width_ratios=[3, 3])
    quiet_grid(left)
    best = left.axhline(0, color=TOTAL["color"], linewidth=0.8)
    words = left.text(ASCENT_STEPS, 0, "", ha="right", va="bottom", fontsize=8.5)
    (curve,) = left.plot([], [], **RETURN)
    left.set(xlim=(-3, ASCENT_STEPS + 3), ylim=(-2.4, 4.9), xlabel="step of exact ascent", ylabel="true J, γ = 1")
    groups = []
    for offset, situation, style in zip((-0.2, 0.2), SITUATIONS, ({"color": POLICY["color"]}, OLD_BARS), strict=True):
        bars = right.bar(np.arange(3) + offset, np.zeros(3), width=0.36, **style, label=situation)
        groups.append((bars, label_bars(bars, fontsize=8.5)))
    right.set_xticks(range(3), ACTIONS)
    right.set(ylim=(0, 1.35), ylabel="probability in cell 0")
    right.legend(loc="upper right", ncols=2)
    return {"left": left, "right": right, "best": best, "words": words, "curve": curve, "groups": groups}


def update_goal(artists, *, gamma, game):
    world, returns = GAMES[game], []
    best = world.best_return()
    artists["best"].set_ydata([best, best])
    artists["words"].set_y(best + 0.15)
    artists["words"].set_text(f"best possible {best:.3f}")
    for number, logits in enumerate(ascent(world, gamma)):
        returns.append(world.start_value(logits))
        if number % 10:
            continue
        artists["curve"].set_data(range(len(returns)), returns)
        pi = logits.softmax(-1)
        for (bars, labels), state in zip(artists["groups"], (START, CELLS + START), strict=True):
            move_bars(bars, pi[state], labels)
        favourite = [ACTIONS[pi[state].argmax()] for state in (START, CELLS + START)]
        artists["left"].title.set_text(f"γ = {gamma:.2f}: J = {returns[-1]:.2f} after {number} steps")
        artists["right"].title.set_text(f"In cell 0: {favourite[0]} by day, {favourite[1]} by night")
        yield (
            f"{game}. With γ = {gamma:.2f}, {number} exact steps reach J = {returns[-1]:.2f}; in cell 0 the policy "
            f"prefers {favourite[0]} by day and {favourite[1]} by night."
        )


goal = Picture(build_goal, update_goal, size=(760, 340))


# What less variance buys


def build_training(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    total = build_runs(left, QUIET, UPDATES)
    later = build_runs(right, RETURN["color"], UPDATES)
    right.set_ylabel("")
    return {"left": left, "right": right, "total": total, "later": later}


def update_training(artists, *, plays, gamma):
    pairs = zip(training_runs(total_return, plays), training_runs(to_go(gamma), plays), strict=True)
    labels = "total return R(τ)", f"reward-to-go, γ = {gamma:.2f}"
    for samples, words in compare_runs(artists, ("total", "later"), pairs, labels):
        yield (
            f"{samples} of {RUNS} runs, N = {plays}, {UPDATES} updates: total return, {words[0]}; "
            f"reward-to-go with γ = {gamma:.2f}, {words[1]}."
        )


training = Picture(build_training, update_training, size=(780, 340))
