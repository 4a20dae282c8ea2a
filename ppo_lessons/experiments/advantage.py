"""The numbers of lesson 06: exact tables, what n trades, and the score of a Gaussian policy."""

from functools import cache
from typing import NamedTuple

import torch
from torch.distributions import Normal

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.corridor import CELLS, SITUATIONS, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments.tabular import train_actor_critic
from ppo_lessons.experiments.variance_ladder import running_trajectory

# Q, V and A on the cells


@cache
def tables():
    """The exact V [7, 13], Q [6, 12, 3] and visits [6, 12] of the slides' policy, gamma = 1."""
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    return *world.tables(policy, gamma=1.0), world.visits(policy)


class Cells(NamedTuple):
    """What the slides' policy can expect in each cell, in one situation at one step. Exact, gamma = 1."""

    values: torch.Tensor  # [6] V
    action_values: torch.Tensor  # [6, 3] Q
    reached: torch.Tensor  # [6] bool, can it be there at that time?


def cells_at(situation, step):
    """V, Q and what is reached, in the six cells of a situation ("day", "night") at one step: `Cells`."""
    first = SITUATIONS.index(situation) * CELLS
    values, action_values, visits = (table[step, first : first + CELLS] for table in tables())
    return Cells(values, action_values, visits > 0)


def best_move(situation, step):
    """Where the advantage is largest, of the cells that are reached: cell, action, and its A. Two ints and a float."""
    values, action_values, reached = cells_at(situation, step)
    advantages = (action_values - values[:, None]).masked_fill(~reached[:, None], -torch.inf)
    cell, action = divmod(int(advantages.argmax()), advantages.shape[1])
    return cell, action, advantages[cell, action].item()


# What n trades

STEPS = Corridor().steps


def critic_noise():
    """A fixed direction in which the critic errs: a unit vector over the 12 states."""
    noise = torch.randn(STATES, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return noise / noise.norm()


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


@cache
def n_step_moments(gamma):
    """Exact joint moments of twelve gradient estimates: A^(1..6) with the exact critic, A^(1..6) of its error alone.

    An advantage is linear in the critic, A[V + e u] = A[V] + e A[u without rewards], so these twelve give the moments
    for every size e of the error and every mixture: see `errors_of`.
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


def errors_of(mixtures, *, gamma, critic_error):
    """Exact squared bias and variance (one play) of the gradient with mixtures of A^(1) .. A^(6).

    Args:
        mixtures: [M, 6] float64, the weights of the six advantages in each of M mixtures.
        gamma: discount of the advantages; the goal is the gradient of J, without a discount.
        critic_error: length of the critic's error, in the direction of `critic_noise`.

    Returns:
        Two tensors [M].
    """
    mean, covariance, truth = n_step_moments(gamma)
    mix = torch.cat([mixtures, critic_error * mixtures], dim=1)
    bias = (mix @ mean - truth).square().sum(1)
    return bias, torch.einsum("li,ij,lj->l", mix, covariance, mix)


def errors(critic_error):
    """Exact squared bias and variance (one play) of the gradient with A^(1) .. A^(6), gamma = 1: two tensors [6]."""
    return errors_of(torch.eye(STEPS, dtype=torch.float64), gamma=1.0, critic_error=critic_error)


# Actor and critic

UPDATES, PLAYS, STEP_SIZE = 60, 16, 1.0


def train(world, *, n, critic_step, seed):
    """The tabular actor-critic from the slides' policy, `UPDATES` updates: an iterator of `ActorCriticRecord`."""
    settings = {"updates": UPDATES, "plays": PLAYS, "n": n, "step_size": STEP_SIZE, "critic_step": critic_step}
    return train_actor_critic(world, world.policy(SLIDES_POLICY), seed=seed, **settings)


# A Gaussian policy

BOX = 1.0  # the game takes actions from -1 to 1


def log_density(actions, mean, spread):
    """log pi(a) of a Gaussian policy. Same shape as `actions`."""
    return Normal(torch.tensor(mean, dtype=torch.float64), spread).log_prob(actions)


def share_outside(mean, spread, *, box):
    """Probability that the policy draws an action beyond -box or box. A float."""
    policy = Normal(torch.tensor(mean, dtype=torch.float64), spread)
    return 1 - (policy.cdf(torch.tensor(box)) - policy.cdf(torch.tensor(-box))).item()


def score_of_mean(actions, mean, spread):
    """d log pi(a) / d mean of a Gaussian policy, by autograd. Same shape as `actions`; `mean` broadcasts against it."""
    mean = torch.as_tensor(mean, dtype=actions.dtype).expand_as(actions).clone().requires_grad_()
    (score,) = torch.autograd.grad(Normal(mean, spread).log_prob(actions).sum(), mean)
    return score


def mean_score(mean, spread, *, box):
    """E[d log pi(a) / d mean] for a drawn from the policy and cut to [-box, box], for each `mean`. Same shape as it.

    By summing over a fine grid. With an infinite box the action is as drawn, and the result 0: the identity behind the
    baseline. Cut, it pulls the mean inwards.
    """
    mean = torch.as_tensor(mean, dtype=torch.float64)[..., None]
    noise = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = (-noise.square() / 2).softmax(-1)
    return (score_of_mean((mean + spread * noise).clamp(-box, box), mean, spread) * weight).sum(-1)
