"""The numbers of lesson 01: one sample of an exam, many samples, and the returns of the Corridor."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.expectation import expectation

LOW, HIGH = 80.0, 90.0  # the two marks of Ming's exam
LONGEST = 1000  # exams in one sample
STUDENTS, EXAMS = 2000, 200  # samples, and exams in each, where sampling is repeated
MOST_PLAYS = 2000
POLICIES = {
    "slides": SLIDES_POLICY,
    "even": (1 / 3, 1 / 3, 1 / 3),
    "leftward": (0.8, 0.1, 0.1),
}


def mean_and_variance(values, probabilities):
    """Exact expectation and variance of a random number whose outcomes are listed: two floats."""
    mean = expectation(values, probabilities).item()
    return mean, expectation((values - mean).square(), probabilities).item()


def moments(p):
    """Exact expectation and variance of one exam with P(90) = p: two floats, in marks and marks squared."""
    marks = torch.tensor([LOW, HIGH], dtype=torch.float64)
    return mean_and_variance(marks, torch.tensor([1 - p, p], dtype=torch.float64))


@cache
def uniforms(sample, *shape):
    """Random numbers between 0 and 1, the same for the same sample number."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(sample), dtype=torch.float64)


def exams(p, sample, *shape):
    """Marks drawn with P(90) = p. The same sample number means the same luck for every p."""
    return LOW + (HIGH - LOW) * (uniforms(sample, *shape) < p).double()


def running_means(samples):
    """Mean of the first 1, 2, ..., n draws along axis 0, of the same shape as the samples [n, ...]."""
    count = torch.arange(1, len(samples) + 1, dtype=torch.float64)
    return samples.cumsum(0) / count.reshape(-1, *[1] * (samples.dim() - 1))


def exact_error(variance, n):
    """The exact standard error of the mean of n draws: sqrt(variance / n), in the unit of the draws."""
    return (variance / n) ** 0.5


def band(mean, variance, n):
    """The two edges mean - SE and mean + SE for each number of draws in n, where SE is the exact standard error."""
    reach = exact_error(variance, np.asarray(n, dtype=float))
    return mean - reach, mean + reach


def share_of(samples, values):
    """How often each of the values [K] occurs in the samples [n]: shares [K]."""
    return (samples[:, None] == torch.as_tensor(values, dtype=samples.dtype)).double().mean(0)


@cache
def students(p):
    """Running means of all students [EXAMS, STUDENTS], in marks."""
    return running_means(exams(p, 0, EXAMS, STUDENTS))


def share_inside(means, mean, reach):
    """Share of the means [M] that lie at most `reach` from the expectation: a float."""
    return ((means - mean).abs() <= reach + 1e-9).double().mean().item()


def share_between(means, edges):
    """Share of the means [M] between each edge and the next: [len(edges) - 1]."""
    return np.histogram(means, edges)[0] / len(means)


@cache
def distribution(policy):
    """The returns that occur [7] and the exact probability of each [7]."""
    world = Corridor()
    returns, place = world.trajectories().returns.unique(return_inverse=True)
    probability = world.probabilities(world.policy(POLICIES[policy]))
    return returns, torch.zeros(len(returns), dtype=torch.float64).index_add(0, place, probability)


@cache
def sampled_returns(policy, sample):
    """Returns of `MOST_PLAYS` plays drawn under the policy."""
    world = Corridor()
    generator = torch.Generator().manual_seed(sample)
    return world.sample(world.policy(POLICIES[policy]), MOST_PLAYS, generator=generator).returns
