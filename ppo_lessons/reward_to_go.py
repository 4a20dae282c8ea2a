"""Lesson 04. Reward-to-go: an action is judged by what comes after it."""

import torch

from ppo_lessons.validation import check_finite, check_time_axis, check_unit_interval


def reward_to_go(rewards, *, gamma):
    """Discounted sum of the rewards from each step to the last.

    G_t = sum_{k=t}^{T-1} gamma^(k-t) r_k,   computed backwards as G_t = r_t + gamma G_{t+1}

    Args:
        rewards: [T, ...] one play per column, in reward units; 0 after its end.
        gamma: discount in [0, 1]; 1 counts every later reward in full.

    Returns:
        [T, ...] G_t, in reward units.

    Raises:
        ValueError: empty time axis, a reward is not finite, or gamma outside [0, 1].

    Source: Sutton & Barto (2018), eqs. 3.8 and 3.9.

    >>> reward_to_go(torch.tensor([5.0, 0.0, -2.0]), gamma=1.0)
    tensor([ 3., -2., -2.])
    """
    check_time_axis(rewards=rewards)
    check_finite(rewards=rewards)
    check_unit_interval(gamma=gamma)
    result = []
    following = torch.zeros_like(rewards[0])
    for reward in rewards.flip(0):
        following = reward + gamma * following
        result.append(following)
    return torch.stack(result[::-1])
