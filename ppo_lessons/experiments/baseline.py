"""The numbers of lesson 05: praise and blame, the parabola of the variance, least squares, a learned baseline."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.baseline import explained_variance, subtract_baseline, value_loss
from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, SLIDES_POLICY, START, STATES, Corridor
from ppo_lessons.expectation import expectation
from ppo_lessons.reward_to_go import reward_to_go


@cache
def world_and_plays():
    """The Corridor, the slides' policy, its exact V [7, 13], and G_t [6, K] and probability [K] of all plays."""
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    values = world.tables(policy, gamma=1.0).values
    plays = world.trajectories()
    return world, policy, values, reward_to_go(plays.rewards, gamma=1.0), world.probabilities(policy)


@cache
def variance_terms():
    """The three numbers that make the variance a parabola in every entry of a baseline b_t(s).

    variance = constant - 2 sum_ts b_t(s) linear_ts + sum_ts b_t(s)^2 square_ts

    Products of different entries do not occur: of two steps, the later score has mean 0 whatever the earlier one was.

    Returns:
        constant [12], split by the state whose logits are meant; linear and square [6, 12].
    """
    world, policy, _, to_go, p = world_and_plays()
    plays = world.trajectories()
    g = world.scores(policy, to_go).reshape(-1, STATES, len(ACTIONS))
    mean = torch.einsum("k,ksa->sa", p, g)
    constant = torch.einsum("k,ksa->s", p, g.square()) - mean.square().sum(1)
    linear, square = torch.zeros(2, world.steps, STATES, dtype=torch.float64)
    pi = policy.softmax(-1)
    for t in range(world.steps):
        running = plays.mask[t] == 1
        state, action = plays.states[t, running], plays.actions[t, running]
        score = torch.nn.functional.one_hot(action, len(ACTIONS)) - pi[state]
        linear[t].index_add_(0, state, p[running] * (g[running, state] * score).sum(1))
        square[t].index_add_(0, state, p[running] * score.square().sum(1))
    return constant, linear, square


def variance_with(baseline):
    """Exact variance of the gradient from one play with weights G_t - b_t(s_t).

    Args:
        baseline: [6, 12] b_t(s), or anything that broadcasts to it.

    Returns:
        [2]: the part of day's logits and the part of night's. The variance is their sum.
    """
    constant, linear, square = variance_terms()
    by_state = constant + (square * baseline**2 - 2 * linear * baseline).sum(0)
    return by_state.reshape(len(SITUATIONS), CELLS).sum(1)


def best_constant(situation=None):
    """The constant b with the least variance: for all plays, or for the logits of one situation. A float."""
    _, linear, square = variance_terms()
    part = slice(None) if situation is None else slice(situation * CELLS, (situation + 1) * CELLS)
    return (linear[:, part].sum() / square[:, part].sum()).item()


def best_baseline(*, by_time):
    """The baseline with the least variance, [6, 12]: one number for each state, or one for each step and state."""
    _, linear, square = variance_terms()
    if not by_time:
        linear, square = linear.sum(0).expand_as(linear), square.sum(0).expand_as(square)
    return torch.where(square > 0, linear / square, 0.0)


def exact_values():
    """V_t(s) of the slides' policy, as a baseline: [6, 12]."""
    return world_and_plays()[2][:-1, :STATES]


# Praise and blame


@cache
def outcomes(step, state, action=None):
    """What the reward-to-go may be after (step, state) or (step, state, action): values and probabilities, two [n]."""
    world, _, _, to_go, p = world_and_plays()
    plays = world.trajectories()
    chosen = plays.states[step] == state
    if action is not None:
        chosen = chosen & (plays.actions[step] == action)
    values, which = to_go[step, chosen].unique(return_inverse=True)
    weights = torch.zeros_like(values).index_add_(0, which, p[chosen])
    return values, weights / weights.sum()


def praised(situation, b):
    """For each action in cell 0 at the start: the probability that the weight G_0 - b is positive. [3]"""
    shares = []
    for action in range(len(ACTIONS)):
        values, p = outcomes(0, situation * CELLS + START, action)
        shares.append(p[subtract_baseline(values, torch.full_like(values, b)) > 0].sum())
    return torch.stack(shares)


def praised_share(shares):
    """The share of all plays that praise their first action, from the shares [3] of the three actions. A float."""
    return sum(p * share for p, share in zip(SLIDES_POLICY, shares, strict=True))


# The parabola

CONSTANTS = torch.linspace(-4, 4, 161, dtype=torch.float64)


@cache
def parabolas():
    """Variance for each of `CONSTANTS`: day's part, night's part, both. [3, 161]"""
    parts = torch.stack([variance_with(b) for b in CONSTANTS], dim=1)
    return torch.cat([parts, parts.sum(0, keepdim=True)]).numpy()


# Least squares

PLACES = {  # name -> step, state
    "start by day": (0, 0),
    "start by night": (0, CELLS),
    "step 2, cell 2 by day": (2, 2),
    "step 2, cell 4 by day": (2, 4),
    "step 2, cell 1 by night": (2, CELLS + 1),
}
GUESSES = torch.linspace(-8, 8, 129, dtype=torch.float64)


def expected_loss(guess, values, probabilities):
    """E[(guess - G)^2]: `value_loss` of each possible G, weighed by its probability. A float."""
    guess = torch.as_tensor(guess, dtype=torch.float64)
    losses = torch.stack([value_loss(guess, value) for value in values])
    return expectation(losses, probabilities).item()


@cache
def loss_curve(place):
    """Expected loss at this one of `PLACES` for every guess of `GUESSES`: [129]."""
    return np.array([expected_loss(guess, *outcomes(*PLACES[place])) for guess in GUESSES])


# A baseline that is learned

STEPS = 100
JUDGES = 2000  # plays, drawn apart, on which a learned baseline is judged


def learn_baseline(plays, *, step_size, steps):
    """Gradient descent on `value_loss` with targets G_t, from b = 0.

    Yields:
        baseline [6, 12], loss (float): before each step and after the last one.
    """
    world = world_and_plays()[0]
    targets, taken = reward_to_go(plays.rewards, gamma=1.0), plays.mask == 1
    table = torch.zeros(world.steps + 1, STATES + 1, dtype=torch.float64)
    for step in range(steps + 1):
        table.requires_grad_()
        values, _ = world.step_values(table, plays)
        loss = value_loss(values[taken], targets[taken])
        (gradient,) = torch.autograd.grad(loss, table)
        yield table.detach()[:-1, :STATES], loss.item()
        if step < steps:
            table = table.detach() - step_size * gradient


def explained(baseline, plays):
    """`explained_variance` of a baseline [6, 12] on these plays. A float."""
    taken = plays.mask == 1
    padded = torch.cat([baseline, torch.zeros_like(baseline[:, :1])], dim=1)
    to_go = reward_to_go(plays.rewards, gamma=1.0)
    return explained_variance(padded.gather(1, plays.states)[taken], to_go[taken]).item()


def draw_plays(number, seed):
    """This many plays of the slides' policy: `Trajectories`."""
    world, policy, *_ = world_and_plays()
    return world.sample(policy, number, generator=torch.Generator().manual_seed(seed))


@cache
def judges():
    """The plays on which every learned baseline is judged."""
    return draw_plays(JUDGES, 1000)
