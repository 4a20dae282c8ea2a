"""The variance ladder: what each lesson multiplies a step by, and the exact variance that comes of it."""

import torch

from ppo_lessons.advantage import td_error
from ppo_lessons.baseline import subtract_baseline
from ppo_lessons.corridor import SLIDES_POLICY, Corridor, Trajectories
from ppo_lessons.gae import gae
from ppo_lessons.reward_to_go import reward_to_go

LAM = 0.95


def total_return(plays, *_):
    """R(tau) on every step of every play: [T, N]. It needs no critic."""
    return plays.returns.expand_as(plays.rewards)


def to_go(plays, *_):
    """G_t, gamma = 1: [T, N]."""
    return reward_to_go(plays.rewards, gamma=1.0)


def minus_value(plays, values, next_values):
    """G_t - V_t(s_t): [T, N]."""
    return subtract_baseline(to_go(plays), values)


def one_step(plays, values, next_values):
    """The TD error: one reward, then the critic. [T, N]"""
    return td_error(plays.rewards, values, next_values, plays.terminated, gamma=1.0)


def generalised(plays, values, next_values):
    """GAE: [T, N]."""
    never = torch.zeros_like(plays.terminated)
    return gae(plays.rewards, values, next_values, plays.terminated, never, gamma=1.0, lam=LAM)


RUNGS = {  # lesson -> (plays, values [T, N], next_values [T, N]) -> weights [T, N]
    "log_trick": total_return,
    "reward_to_go": to_go,
    "baseline": minus_value,
    "advantage": one_step,
    "gae": generalised,
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
    weights = {name: rung(plays, values, next_values) for name, rung in up_to(lesson).items()}
    return {name: world.gradient_moments(policy, weight).variance.item() for name, weight in weights.items()}


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
    return {name: rung(play, values, next_values)[:, 0].tolist() for name, rung in up_to(lesson).items()}
