"""Lesson 01. Expectation: the average of a random number, exact when every outcome is listed."""

from ppo_lessons.validation import check_distribution, check_finite, check_floating, check_time_axis


def expectation(values, probabilities):
    """Expected value of a random number whose outcomes are all listed.

    E[x] = sum_i x_i p(x_i)

    Args:
        values: [K, ...] value of each outcome, in any unit.
        probabilities: [K, ...] probability of each outcome; each column sums to 1.

    Returns:
        [...] the expected value, in the unit of `values` (0-d for inputs of shape [K]).

    Raises:
        ValueError: shapes differ, no outcome, a value is not finite, or the probabilities are no distribution.

    Source: Sutton & Barto (2018), Reinforcement Learning: An Introduction, Summary of Notation.

    >>> import torch
    >>> exam = expectation(torch.tensor([80.0, 90.0]), torch.tensor([0.2, 0.8]))
    >>> round(exam.item(), 4)
    88.0
    """
    check_time_axis(values=values, probabilities=probabilities)
    check_finite(values=values)
    check_distribution(probabilities=probabilities)
    return (values * probabilities).sum(0)


def standard_error(samples):
    """How far a sample mean typically lies from the expectation.

    SE = s / sqrt(n),  s^2 = sum_i (x_i - mean)^2 / (n - 1)

    Args:
        samples: [n, ...] independent draws, n >= 2.

    Returns:
        [...] the standard error of the mean, in the unit of `samples`.

    Raises:
        ValueError: fewer than two samples, or a sample is not finite.

    Source: any statistics text; the n - 1 is Bessel's correction.

    >>> import torch
    >>> standard_error(torch.tensor([80.0, 90.0, 90.0, 80.0])).item()  # doctest: +ELLIPSIS
    2.886...
    """
    check_time_axis(samples=samples)
    check_floating(samples=samples)
    check_finite(samples=samples)
    n = samples.shape[0]
    if n < 2:
        raise ValueError("a standard error needs at least two samples, got 1")
    return samples.std(0, correction=1) / n**0.5
