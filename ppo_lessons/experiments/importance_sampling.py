"""The numbers of lesson 08: fish weighed for another lake, the price of distance, the surrogate, one batch reused."""

from functools import cache, partial

import numpy as np
import torch

from ppo_lessons.clip import clipped_objective
from ppo_lessons.corridor import CELLS, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.expectation import expectation
from ppo_lessons.experiments.expectation import mean_and_variance, running_means
from ppo_lessons.experiments.tabular import exact_ascent, exact_batch, reuse_batch, sampled_batch
from ppo_lessons.importance_sampling import ratio, surrogate_objective


def double(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def draw(probabilities, number, seed):
    """`number` places drawn from a table of probabilities [K]: one uniform number each, looked up in the sums.

    The uniform numbers depend on the seed only, so that a picture moves smoothly while the probabilities move.
    """
    uniform = torch.rand(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.searchsorted(probabilities.cumsum(0), uniform * probabilities.sum()).clamp(max=len(probabilities) - 1)


# Two lakes

FISH = ("carp", "perch", "others")
LENGTH = double(30.0, 20.0, 15.0)  # cm
LAKE_A = double(0.1, 0.4, 0.5)
CATCH = 1000


def lake_b(perch):
    """Half of lake B is carp; `perch` per cent are perch, the rest are other fish: [3]."""
    return double(0.5, perch / 100, 0.5 - perch / 100)


def fish_weights(perch):
    """p_A / p_B for each kind [3]; 0 for a kind that lake B does not have, since nobody will ever draw it there."""
    b = lake_b(perch)
    there = b > 0
    weights = torch.zeros(3, dtype=torch.float64)
    weights[there] = ratio(LAKE_A[there].log(), b[there].log())
    return weights


def catch(perch, sample):
    """`CATCH` fish of lake B: their mean length in cm, plain and weighted, after each fish. Two tensors [CATCH]."""
    caught = draw(lake_b(perch), CATCH, sample)
    return running_means(LENGTH[caught]), running_means((LENGTH * fish_weights(perch))[caught])


def long_run(perch):
    """What the weighted mean of the catch tends to, in cm: the mean length in lake A, if B has all kinds. A float."""
    return expectation(LENGTH * fish_weights(perch), lake_b(perch)).item()


# The distance of p and q

PER_UNIT = 10  # values on the grid in one unit of x: a probability times this is a density
GRID = torch.arange(-90, 91, dtype=torch.float64) / PER_UNIT  # the 181 values that x can take
VALUES = GRID.exp()  # f(x)
DISTANCES = torch.arange(-60, 81, dtype=torch.float64) / 20


def bell(distance):
    """Probabilities [181] of a bell curve of width 1 around `distance`, on the grid."""
    return (-((GRID - distance) ** 2) / 2).softmax(0)


TRUTH = expectation(VALUES, bell(0.0)).item()  # E_p[f]


def best_q():
    """Probabilities [181] proportional to f p, which make every weighted draw say the truth."""
    terms = VALUES * bell(0.0)
    return terms / terms.sum()


def weights_on_grid(distance):
    """p/q [181], with p around 0 and q around `distance`."""
    return ratio(bell(0.0).log(), bell(distance).log())


@cache
def price(distance):
    """Listed, not sampled: the variance of f p/q under q, and how much of n draws is effective, n large. Floats."""
    q, weights = bell(distance), weights_on_grid(distance)
    _, variance = mean_and_variance(VALUES * weights, q)
    return variance if variance > 1e-12 else 0.0, 1 / expectation(weights.square(), q).item()


def draws_of(distance, number, sample):
    """`number` draws of q: where they fell, their weights, and the estimate of E_p[f] that they give."""
    places = draw(bell(distance), number, sample)
    weights = weights_on_grid(distance)[places]
    return GRID[places], weights, (VALUES[places] * weights).mean().item()


def heaviest(weights):
    """The place of the largest weight, and its part of the sum of all: an int and a float."""
    place = int(weights.argmax())
    return place, (weights[place] / weights.sum()).item()


# The surrogate beside the truth

STARTS = ("slides' policy", "half-trained")
SIZES = torch.linspace(0, 20, 81, dtype=torch.float64)


@cache
def policies():
    """Where the pictures start: the slides' policy, and what ten exact ascent steps of size 1 make of it."""
    world = Corridor()
    slides = world.policy(SLIDES_POLICY)
    *_, half = exact_ascent(world, slides, updates=10, step_size=1.0)
    return dict(zip(STARTS, (slides, half.logits), strict=True))


def gains(world, old, new):
    """What pi' = `new` gains over pi = `old`, three times: floats.

    J(new) - J(old) itself; the sum of A_pi over the states of the new policy; the same over the states of the old.
    """
    values, action_values = world.tables(old, gamma=1.0)
    expected = (new.softmax(-1) * (action_values - values[:-1, :STATES, None])).sum(-1)  # [T, 12]
    true = world.start_value(new) - world.start_value(old)
    return true, (world.visits(new) * expected).sum().item(), (world.visits(old) * expected).sum().item()


@cache
def gradient_at(start):
    """The exact gradient of J at the policy named `start`: [12, 3]."""
    return Corridor().gradient(policies()[start])


def slope(start):
    """dJ / d size at size 0, along the gradient: its squared length. A float."""
    return gradient_at(start).square().sum().item()


def step(start, size):
    """The policy after one step of this size along the gradient, and what it gains.

    Returns:
        logits [12, 3]; the true gain; the gain by the surrogate, with the states of the policy named `start`. Floats.
    """
    old = policies()[start]
    new = old + size * gradient_at(start)
    true, _, promised = gains(Corridor(), old, new)
    return new, true, promised


@cache
def along_the_gradient(start):
    """True gain and surrogate of one step from the policy named `start`, for each of `SIZES`: an array [81, 2]."""
    return np.array([step(start, size)[1:] for size in SIZES])


def steps_in_cells(logits):
    """Mean number of steps that a play spends in each cell, day and night together: [6]."""
    return Corridor().visits(logits).sum(0).reshape(2, CELLS).sum(0)


def whole_trajectory_weights(world, old, new):
    """Product of the ratios of all steps of each listed play [K]; the environment's part cancels."""
    rho = ratio(world.log_probabilities(new), world.log_probabilities(old))  # 1 after the end
    return rho.prod(0)


# One batch, used 200 times

EPOCHS, STEP_SIZE, EPSILON = 200, 1.0, 0.2


def clipped(logp, old_logp, advantages):
    """The leash of lesson 10, in the form that `reuse_batch` takes."""
    return clipped_objective(logp, old_logp, advantages, epsilon=EPSILON).objective


def effective_share(record):
    """Effective sample size over sample size, where each step of the batch counts with its share. A float."""
    return ((record.share * record.ratio).sum() ** 2 / (record.share * record.ratio.square()).sum()).item()


climb = partial(reuse_batch, epochs=EPOCHS, step_size=STEP_SIZE)


def sampled_run(objective, *, plays, lam, sample):
    """`EPOCHS` epochs on one batch of sampled plays, from the half-trained policy: an iterator of `ReuseRecord`."""
    world, start = Corridor(), policies()["half-trained"]
    return climb(world, start, objective, sampled_batch(world, start, plays=plays, lam=lam, seed=sample))


@cache
def exact_run(start):
    """The same with the exact batch of the policy named `start`, without a leash: J and the effective share, [201]."""
    world, logits = Corridor(), policies()[start]
    records = climb(world, logits, surrogate_objective, exact_batch(world, logits))
    found = [(record.expected_return, effective_share(record)) for record in records]
    return tuple(np.array(found).T)


def many_runs(objective, *, plays, lam, samples):
    """J at the end of `EPOCHS` epochs, for each of the samples 0 .. `samples` - 1, in order of size: floats."""
    ends = []
    for sample in range(samples):
        *_, last = sampled_run(objective, plays=plays, lam=lam, sample=sample)
        ends.append(last.expected_return)
    return sorted(ends)
