"""The numbers of lesson 02: softmax, the return as a function of the policy, the climb, and the staircase."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, SLIDES_POLICY, START, STATES, Corridor
from ppo_lessons.experiments.tabular import exact_ascent
from ppo_lessons.policy_gradient import softmax_policy

LEFT, UP, RIGHT = range(3)
UPDATES = 60  # steps of a climb
DRAWS = 100  # actions sampled from one policy
NIGHT = CELLS + START  # the state in which standing still would pay
STARTS = {
    "slides": SLIDES_POLICY,
    "even": (1 / 3, 1 / 3, 1 / 3),
    "hesitant": (0.5, 0.25, 0.25),
    "reluctant": (0.9, 0.05, 0.05),
}


def row(left, up, right):
    """Three logits as a tensor [3] (float64)."""
    return torch.tensor([left, up, right], dtype=torch.float64)


# Softmax and its gradient

TEMPERATURES = np.geomspace(0.1, 10, 101)


def softmax_by_temperature(logits):
    """The probabilities [101, actions] that the logits [actions] give at each of `TEMPERATURES`."""
    return np.stack([softmax_policy(logits, temperature=temperature).numpy() for temperature in TEMPERATURES])


def drawn_shares(probabilities, sample):
    """How often each action was drawn in `DRAWS` draws from these probabilities [actions]: shares [actions]."""
    generator = torch.Generator().manual_seed(sample)
    drawn = torch.multinomial(probabilities, DRAWS, replacement=True, generator=generator)
    return drawn.bincount(minlength=len(probabilities)) / DRAWS


def push(right, action, step):
    """pi before, one-hot - pi, and pi after a step of that size along the gradient of log pi(action): [3] each."""
    rest = 1 - right
    before = torch.tensor([rest / 3, 2 * rest / 3, right], dtype=torch.float64)
    logits = before.log().requires_grad_()
    probabilities = softmax_policy(logits, temperature=1.0)
    (gradient,) = torch.autograd.grad(probabilities[ACTIONS.index(action)].log(), logits)
    return before, gradient, softmax_policy(logits.detach() + step * gradient, temperature=1.0)


# J as a function of two numbers

LOGITS = np.linspace(-4, 6, 61)


@cache
def slice_of_return(right):
    """J of policies that use the logits (0, up, right) in every cell, for all `LOGITS` of up: [61]."""
    return np.array([Corridor().start_value(row(0.0, up, right).expand(STATES, -1)) for up in LOGITS])


@cache
def returns_of_plays():
    """The seven returns that occur [7], and which of them each listed play has [K]."""
    return Corridor().trajectories().returns.unique(return_inverse=True)


def slope_of_return(up, right):
    """P(R) of the seven returns [7], J, and dJ/d(logit of up).

    The slope is the sum of R(tau) dP(tau) over the listed plays, by autograd.
    """
    logits = row(0.0, up, right).requires_grad_()
    world = Corridor()
    J = world.expected_return(logits.expand(STATES, -1))
    (gradient,) = torch.autograd.grad(J, logits)
    values, place = returns_of_plays()
    chance = world.probabilities(logits.detach().expand(STATES, -1))
    return torch.zeros(len(values), dtype=torch.float64).index_add(0, place, chance), J.item(), gradient[UP].item()


# The climb


class Climb(NamedTuple):
    """Where a climb stands after so many steps. All numbers are exact."""

    steps: int
    probabilities: torch.Tensor  # [12, 3] the policy
    expected_return: float  # J
    by_situation: list  # expected return by day, and by night


def climb(start, step_size):
    """`UPDATES` steps of exact gradient ascent from one of `STARTS`: a `Climb` before them and after each."""
    world = Corridor()
    for record in exact_ascent(world, world.policy(STARTS[start]), updates=UPDATES, step_size=step_size):
        values = world.tables(record.logits, gamma=1.0).values[0]
        yield Climb(record.update, record.logits.softmax(-1), record.expected_return, values[[START, NIGHT]].tolist())


def local_optimum(stay=0.0):
    """Probabilities [12, 3] of the policy that the climb approaches: jump, (right), jump, right, by day and by night.

    By night in cell 0 it plays `left`, which is to stay, with probability `stay` instead.
    """
    probabilities = torch.full((STATES, 3), 1 / 3, dtype=torch.float64)
    for situation in range(len(SITUATIONS)):
        for cell, action in ((0, UP), (1, RIGHT), (2, UP), (4, RIGHT)):
            probabilities[CELLS * situation + cell] = torch.eye(3, dtype=torch.float64)[action]
    probabilities[NIGHT] = torch.tensor([stay, 1 - stay, 0.0], dtype=torch.float64)
    return probabilities


STAYS = np.linspace(0, 1, 101)


def night_of(stay):
    """J, the chance to pay the toll, and the chance to reach the flag, when `left` has this probability by night."""
    world = Corridor()
    logits = local_optimum(stay).log()
    toll = 1 - (stay + (1 - stay) * (1 - world.success[UP])) ** world.steps
    # by night the expected return is flag * P(flag) - 5 * toll: no play meets the pit
    night = world.tables(logits, gamma=1.0).values[0][NIGHT].item()
    return world.start_value(logits), toll, (night - world.leaving[1] * toll) / world.flag


@cache
def nights():
    """What `night_of` says for each of `STAYS`: J [101], toll [101], flag [101]."""
    return np.array([night_of(stay) for stay in STAYS]).T


# Why the sample mean has no gradient

STAIRS = np.linspace(-6, 4, 201)
CELL = 2  # whose logit of `up` is moved, by day and by night alike
NUDGE = 1e-6  # in the logit, either way
SHIFTS = np.linspace(-0.5, 0.5, 101)  # of the logit, where one looks closely


def tilted(up):
    """The slides' policy with another logit for `up` in cell 2. `up` is [G]; the tables are [G, 12, 3]."""
    up = torch.as_tensor(up, dtype=torch.float64)
    logits = Corridor().policy(SLIDES_POLICY).repeat(len(up), 1, 1)
    logits[:, [CELL, CELLS + CELL], UP] = up[:, None]
    return logits


def play_with(luck, logits):
    """Play N games with each of G policies, all with the same luck: returns [G, N].

    `luck` [2 T + 1, N] are numbers between 0 and 1: one decides day or night, then two a step, the action and
    whether it succeeds. An action is the first one whose cumulative probability exceeds its number.
    """
    world = Corridor()
    possible, reward = world.transitions()
    state = (luck[0] < 0.5).long().mul(CELLS).expand(len(logits), -1)  # below 0.5: night
    total = torch.zeros(state.shape, dtype=torch.float64)
    policy = logits.softmax(-1).cumsum(-1)[..., :-1]
    policy = torch.cat([policy, torch.zeros_like(policy[:, :1])], 1)  # a row for the ended game
    possible = torch.cat([possible, torch.nn.functional.one_hot(torch.tensor([[STATES] * 3]), STATES + 1)])
    reward = torch.cat([reward, torch.zeros_like(reward[:1])])
    below, which = possible.cumsum(-1)[..., :-1], torch.arange(len(logits))[:, None]
    for t in range(world.steps):
        action = (luck[2 * t + 1, :, None] >= policy[which, state]).sum(-1)
        successor = (luck[2 * t + 2, :, None] >= below[state, action]).sum(-1)
        total += reward[state, action, successor]
        state = successor
    return total


@cache
def luck_of(sample, plays):
    """Numbers between 0 and 1 for so many plays [2 T + 1, N], the same for the same sample number."""
    generator = torch.Generator().manual_seed(sample)
    return torch.rand(2 * Corridor().steps + 1, plays, generator=generator, dtype=torch.float64)


@cache
def staircase_of(plays, sample):
    """Sample mean of the return for all `STAIRS`: [201]."""
    return play_with(luck_of(sample, plays), tilted(STAIRS)).mean(1).numpy()


@cache
def smooth():
    """Exact J for all `STAIRS`: [201]."""
    return np.interp(STAIRS, *exact_curve())


@cache
def exact_curve():
    """Logits of `up` in steps of 0.05, from `SHIFTS` below to `SHIFTS` above `STAIRS`, and exact J: [221] each."""
    reach = SHIFTS[-1]
    logits = np.linspace(STAIRS[0] - reach, STAIRS[-1] + reach, 221)
    return logits, np.array([Corridor().start_value(table) for table in tilted(logits)])


def heights(up, plays, sample):
    """J and the sample mean of the return at this logit: two floats."""
    logits = tilted([up])
    return Corridor().start_value(logits[0]), play_with(luck_of(sample, plays), logits).mean().item()


def changes_nearby(up, plays, sample):
    """How much J and the sample mean change when the logit moves from `up` by each of `SHIFTS`: [101], [101]."""
    mean = play_with(luck_of(sample, plays), tilted(up + SHIFTS)).mean(1).numpy()
    exact = np.interp(up + SHIFTS, *exact_curve())
    middle = len(SHIFTS) // 2
    return exact - exact[middle], mean - mean[middle]


def slopes(up, plays, sample):
    """Derivative of J and of the sample mean at this logit, both by a difference over 2e-6."""
    pair = tilted([up - NUDGE, up + NUDGE])
    low, high = (Corridor().start_value(logits) for logits in pair)
    below, above = play_with(luck_of(sample, plays), pair).mean(1).tolist()
    return (high - low) / (2 * NUDGE), (above - below) / (2 * NUDGE)
