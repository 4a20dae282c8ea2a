"""The numbers of lesson 04: what the past adds, what gamma costs, what gamma aims at, what less variance buys."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments.log_trick import runs, with_right
from ppo_lessons.reward_to_go import reward_to_go

PLAYS = 64  # N, the number of plays that an estimate averages over


# What the past adds


@cache
def pairs(right):
    """Each reward times each step's grad log pi: length of the exact mean, and root mean square, [6, 6] each.

    Row t is the action's step, column k the reward's. Every listed play counts with its probability.
    """
    world, logits = Corridor(), with_right(right)
    plays, p = world.trajectories(), world.probabilities(logits)
    score = torch.eye(len(ACTIONS)) - logits.softmax(-1)[:, None]  # [state, action taken, logit]
    score = torch.cat([score, torch.zeros_like(score[:1])])  # after the end
    weighed = torch.stack([plays.rewards * p, plays.rewards.square() * p], dim=-1).movedim(1, 0)  # [K, 6, 2]
    mean, square = torch.zeros(2, world.steps, world.steps, dtype=torch.float64)
    for t in range(world.steps):
        taken = plays.states[t] * len(ACTIONS) + plays.actions[t]
        sums = torch.zeros(score[..., 0].numel(), *weighed.shape[1:], dtype=torch.float64).index_add_(0, taken, weighed)
        first, second = sums.unflatten(0, score.shape[:2]).unbind(-1)
        mean[t] = torch.einsum("sak,sab->ksb", first, score).flatten(1).norm(dim=1)
        square[t] = torch.einsum("sak,sab->k", second, score.square())
    return mean.numpy(), square.sqrt().numpy()


# What gamma costs

GAMMAS = np.linspace(0, 1, 51)
GOALS = ["return J", "discounted return"]


@cache
def reward_moments():
    """Moments of the six estimates that weigh step t with r_{t+k}, k = 0..5, and the gradients they might aim at.

    G_t = sum_k gamma^k r_{t+k} is a mixture of these six, so they give bias and variance for every gamma.

    Returns:
        mean [6, 36], covariance [6, 6], and the exact gradients of E[r_t], t = 0..5: [6, 36].
    """
    world = Corridor()
    policy, plays = world.policy(SLIDES_POLICY), world.trajectories()
    shifted = [torch.cat([plays.rewards[k:], torch.zeros_like(plays.rewards[:k])]) for k in range(world.steps)]
    mean, covariance = world.joint_moments(policy, torch.stack(shifted))
    logits = policy.clone().requires_grad_()
    expected = plays.rewards @ world.probabilities(logits)
    gradients = [torch.autograd.grad(reward, logits, retain_graph=True)[0].flatten() for reward in expected]
    return mean, covariance, torch.stack(gradients)


@cache
def errors(goal):
    """Exact squared bias against the goal's gradient, and variance of one play, for all `GAMMAS`: two arrays [51]."""
    mean, covariance, gradients = reward_moments()
    mix = torch.as_tensor(GAMMAS)[:, None] ** torch.arange(len(mean))
    aim = gradients.sum(0) if goal == GOALS[0] else mix @ gradients
    bias = (mix @ mean - aim).square().sum(1)
    return bias.numpy(), torch.einsum("gi,ij,gj->g", mix, covariance, mix).numpy()


def mean_squared_error(goal):
    """Exact mean squared error of the estimate from `PLAYS` plays, for all `GAMMAS`.

    Returns:
        its two parts, bias² and variance / PLAYS, and their sum: three arrays [51].
    """
    bias, variance = errors(goal)
    return bias, variance / PLAYS, bias + variance / PLAYS


# What gamma aims at

ASCENT_STEPS, ASCENT_SIZE = 200, 2.0
GAMES = {  # what leaving cell 0 pays, by day and by night
    "coin and toll: +5, −5": Corridor(),
    "small toll: −1, −1": Corridor(leaving=(-1.0, -1.0)),
}


def mean_gradient(world, logits, gamma):
    """Exact mean [12, 3] of the estimate sum_t G_t grad log pi, without listing plays.

    sum_t d_t(s) pi(a|s) (Q_t(s, a) - V_t(s)),   d_t(s) the probability of being in s at time t.
    """
    table = world.tables(logits, gamma=gamma)
    advantage = table.action_values - table.values[:-1, :STATES, None]
    return (world.visits(logits)[..., None] * logits.softmax(-1) * advantage).sum(0)


def ascent(world, gamma):
    """Climb along the exact mean of the estimate, from the slides' policy: logits [12, 3] after each step."""
    logits = world.policy(SLIDES_POLICY)
    yield logits
    for _ in range(ASCENT_STEPS):
        logits = logits + ASCENT_SIZE * mean_gradient(world, logits, gamma)
        yield logits


# What less variance buys

UPDATES, STEP_SIZE = 60, 0.2


def to_go(gamma):
    """G_t as weights for `train_reinforce`."""
    return lambda sample: reward_to_go(sample.rewards, gamma=gamma)


def training_runs(weigh, plays):
    """True J after each update for ten samples, one list at a time."""
    return runs(weigh, plays, 1, updates=UPDATES, step_size=STEP_SIZE)
