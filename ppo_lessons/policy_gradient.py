"""Lesson 02. Policy gradient: a policy with parameters, and the expected return as a function of them."""

import torch

from ppo_lessons.expectation import expectation
from ppo_lessons.validation import check_finite, check_positive, check_same_width


def softmax_policy(logits, *, temperature):
    """Turn one number per action into one probability per action.

    pi(a|s) = exp(logits_a / T) / sum_b exp(logits_b / T)

    Args:
        logits: [..., actions] one real number per action.
        temperature: T > 0; above 1 flattens the distribution, below 1 sharpens it.

    Returns:
        [..., actions] probabilities; the last axis sums to 1.

    Raises:
        ValueError: no action axis, logits not finite, or temperature not positive.

    Source: Sutton & Barto (2018), eq. 13.2.

    >>> softmax_policy(torch.tensor([0.0, 0.0]), temperature=1.0)
    tensor([0.5000, 0.5000])
    """
    check_same_width(logits=logits)
    check_finite(logits=logits)
    check_positive(temperature=temperature)
    return torch.softmax(logits / temperature, dim=-1)


def expected_return(returns, probabilities):
    """The objective: the return that the policy earns on average.

    J(theta) = sum_tau R(tau) P_theta(tau)

    R(tau) does not depend on theta once the trajectory tau is given: the gradient flows through `probabilities` alone.

    Args:
        returns: [K] R(tau), the total return of each trajectory, in reward units. Data: no gradient flows through it.
        probabilities: [K] P_theta(tau), the probability of each trajectory under the policy.

    Returns:
        0-d J(theta), in reward units. Maximise it.

    Raises:
        ValueError: as `expectation`.

    Source: Spinning Up, Part 3 (Intro to Policy Optimization).

    >>> expected_return(torch.tensor([3.0, 8.0]), torch.tensor([0.5, 0.5])).item()
    5.5
    """
    return expectation(returns.detach(), probabilities)
