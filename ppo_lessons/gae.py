"""Lesson 07. Generalised advantage estimation: all n-step advantages at once, the longer ones counting less."""

import torch

from ppo_lessons.advantage import td_error
from ppo_lessons.validation import check_bool, check_time_axis, check_unit_interval


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """Exponentially weighted average of the n-step advantages.

    A_t = (1 - lam) (A^(1)_t + lam A^(2)_t + lam^2 A^(3)_t + ...)
        = sum_{l=0}^{T-1-t} (gamma lam)^l delta_{t+l},   computed backwards as A_t = delta_t + gamma lam A_{t+1}

    At `terminated` nothing is bootstrapped and the sum ends. At `truncated` the sum ends too, but delta_t still
    contains the critic's value of the last observation. The end of the rollout is a cut of that second kind.

    Args:
        rewards: [T, ...] r_t, in reward units.
        values: [T, ...] V(s_t), in reward units.
        next_values: [T, ...] V of the true successor of step t; ignored where `terminated`.
        terminated: [T, ...] bool, the world ended at step t.
        truncated: [T, ...] bool, the episode was cut at step t.
        gamma: discount in [0, 1].
        lam: in [0, 1]. 0 is the TD error (the critic decides), 1 uses every reward up to the cut (luck decides).

    Returns:
        [T, ...] A_t, in reward units. `gae(...) + values` is the critic's target.

    Raises:
        ValueError: shapes differ, empty time axis, flags not bool, gamma or lam outside [0, 1], or a number that
            enters the sum is not finite.

    Source: Schulman et al. (2016), High-Dimensional Continuous Control Using Generalized Advantage Estimation,
    eq. 16; Schulman et al. (2017), eq. 11.

    >>> r, v = torch.tensor([5.0, 0.0, -2.0]), torch.tensor([1.0, -1.0, 1.0])
    >>> end, cut = torch.tensor([False, False, True]), torch.zeros(3, dtype=torch.bool)
    >>> gae(r, v, torch.tensor([-1.0, 1.0, 0.0]), end, cut, gamma=1.0, lam=0.5)
    tensor([ 3.2500,  0.5000, -3.0000])
    """
    check_time_axis(rewards=rewards, truncated=truncated)
    check_bool(truncated=truncated)
    check_unit_interval(lam=lam)
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    ended = terminated | truncated
    advantages = []
    following = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        following = delta[t] + gamma * lam * following.masked_fill(ended[t], 0)
        advantages.append(following)
    return torch.stack(advantages[::-1])
