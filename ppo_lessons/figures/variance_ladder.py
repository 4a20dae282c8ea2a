"""Two pictures that grow with the course: the variance ladder, and the weights on the running trajectory."""

import torch

from ppo_lessons.advantage import td_error
from ppo_lessons.baseline import subtract_baseline
from ppo_lessons.corridor import SLIDES_POLICY, Corridor, Trajectories
from ppo_lessons.figures.corridor import draw_cells
from ppo_lessons.figures.style import ADVANTAGE, OLD_BARS, QUIET, RETURN, VALUE, Picture, quiet_grid
from ppo_lessons.gae import gae
from ppo_lessons.reward_to_go import reward_to_go

LAM = 0.95


def total_return(plays, values, next_values):
    """R(tau) on every step."""
    return plays.returns.expand_as(plays.rewards)


def to_go(plays, values, next_values):
    """G_t, gamma = 1."""
    return reward_to_go(plays.rewards, gamma=1.0)


def minus_value(plays, values, next_values):
    """G_t - V_t(s_t)."""
    return subtract_baseline(reward_to_go(plays.rewards, gamma=1.0), values)


def one_step(plays, values, next_values):
    """The TD error: one reward, then the critic."""
    return td_error(plays.rewards, values, next_values, plays.terminated, gamma=1.0)


def generalised(plays, values, next_values):
    """GAE."""
    never = torch.zeros_like(plays.terminated)
    return gae(plays.rewards, values, next_values, plays.terminated, never, gamma=1.0, lam=LAM)


RUNGS = {  # lesson -> name of the weights, how they are computed, line of the idea
    "log_trick": ("total return R(τ)", total_return, RETURN),
    "reward_to_go": ("reward-to-go $G_t$", to_go, RETURN),
    "baseline": ("$G_t - V(s_t)$", minus_value, VALUE),
    "advantage": ("TD error $A^{(1)}_t$", one_step, ADVANTAGE),
    "gae": (f"GAE, λ = {LAM}", generalised, ADVANTAGE),
}


def up_to(lesson):
    """The rungs from the first lesson to this one."""
    if lesson not in RUNGS:
        raise ValueError(f"the ladder has the rungs {', '.join(RUNGS)}, got {lesson!r}")
    names = list(RUNGS)
    return {name: RUNGS[name] for name in names[: names.index(lesson) + 1]}


def variances(lesson):
    """Exact variance of the one-play gradient, with the exact critic, for each lesson so far: name -> float."""
    world = Corridor()
    plays, policy = world.trajectories(), world.policy(SLIDES_POLICY)
    values, next_values = world.step_values(world.tables(policy, gamma=1.0).values)
    weights = {name: rung(plays, values, next_values) for name, (_, rung, _) in up_to(lesson).items()}
    return {name: world.gradient_moments(policy, weight).variance.item() for name, weight in weights.items()}


def ladder(lesson):
    """The variance ladder up to this lesson: a `Picture` without controls.

    Each bar is the exact variance, over all 25,472 plays, of the gradient estimated from one play.
    """
    heights = variances(lesson)

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        for place, (name, height) in enumerate(heights.items()):
            label, _, line = RUNGS[name]
            newest = name == lesson
            axes.barh(place, height, color=line["color"], alpha=1.0 if newest else 0.75, height=0.62, gid="rungs")
            axes.text(height + 0.5, place, f"{height:.2f}", va="center", weight="bold" if newest else "normal")
        axes.set_yticks(range(len(RUNGS)), [label for label, _, _ in RUNGS.values()])
        for label, name in zip(axes.get_yticklabels(), RUNGS, strict=True):
            label.set_color("black" if name in heights else QUIET)
        axes.set(xlim=(0, 54), ylim=(len(RUNGS) - 0.5, -0.5), xlabel="exact variance of the gradient from one play")
        axes.set_title(f"The variance ladder: {' → '.join(f'{height:.2f}' for height in heights.values())}")

    words = ", ".join(f"{name.replace('_', ' ')} {height:.2f}" for name, height in heights.items())
    return Picture(build, lambda artists: f"Variance of the gradient from one play: {words}.", size=(700, 270))


def running_trajectory():
    """`right, right, right` by day: +5, 0, -2. As `Trajectories` with one column."""
    states = torch.tensor([[0], [1], [2]])
    rewards = torch.tensor([[5.0], [0.0], [-2.0]], dtype=torch.float64)
    return Trajectories(states, torch.full_like(states, 2), rewards, torch.ones_like(rewards), torch.ones(1))


def running_weights(lesson):
    """What each step of the running trajectory is multiplied by in each lesson so far: name -> [w_0, w_1, w_2]."""
    world, play = Corridor(), running_trajectory()
    table = world.tables(world.policy(SLIDES_POLICY), gamma=1.0).values
    values, next_values = world.step_values(table[[0, 1, 2, 6]], play)
    return {name: rung(play, values, next_values)[:, 0].tolist() for name, (_, rung, _) in up_to(lesson).items()}


def running(lesson):
    """The running trajectory on its cells, with the weights of this lesson and of the one before: a `Picture`."""
    weights = running_weights(lesson)
    before = list(weights)[-2] if len(weights) > 1 else None

    def build(figure):
        top, bottom = figure.subplots(2, 1, height_ratios=[3, 4])
        draw_cells(top, "day")
        for cell, reward in enumerate(("+5", "0", "−2")):
            arrow = {"arrowstyle": "-|>", "color": "black", "lw": 1.6}
            top.annotate("", (cell + 0.72, 0.05), (cell + 0.28, 0.05), arrowprops=arrow)
            top.text(cell + 0.5, 0.55, f"right: {reward}", ha="center", fontsize=8.5)
        label, _, line = RUNGS[lesson]
        if before:
            places = [step - 0.2 for step in range(3)]
            bottom.bar(places, weights[before], width=0.36, **OLD_BARS, label=RUNGS[before][0])
        places = [step + (0.2 if before else 0.0) for step in range(3)]
        bars = bottom.bar(places, weights[lesson], width=0.36, color=line["color"], label=label)
        bottom.bar_label(bars, fmt="%.2f", padding=2, fontsize=8.5)
        bottom.axhline(0, color=QUIET, linewidth=0.8)
        bottom.set(xlim=(-0.6, 4.4), ylim=(-3.2, 4.4), ylabel="weight of the step", xticks=range(3))
        bottom.set_xticklabels([f"step {step}" for step in range(3)])
        bottom.legend(loc="upper right")

    numbers = ", ".join(f"{weight:.2f}" for weight in weights[lesson])
    name = lesson.replace("_", " ")
    return Picture(
        build, lambda artists: f"Weights of the three steps after lesson {name}: {numbers}.", size=(700, 360)
    )
