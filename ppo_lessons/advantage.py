"""Lesson 06. Advantage: better or worse than the policy's own average, from one step or from n."""

from ppo_lessons.validation import (
    check_bool,
    check_finite,
    check_floating,
    check_shapes,
    check_time_axis,
    check_unit_interval,
)


def td_error(rewards, values, next_values, terminated, *, gamma):
    """One-step advantage, the temporal-difference error.

    delta_t = r_t + gamma V(s_{t+1}) - V(s_t),   with V(s_{t+1}) = 0 where the episode terminated

    It bootstraps: what comes after step t is not waited for, but taken from the critic's own estimate.

    Args:
        rewards: [T, ...] r_t, in reward units.
        values: [T, ...] V(s_t), in reward units.
        next_values: [T, ...] V of the true successor of step t: at a time limit that of the last observation, not of
            the one after the reset. Ignored where `terminated`, so it may be anything there.
        terminated: [T, ...] bool, the world ended at step t. A time limit is not an end of the world.
        gamma: discount in [0, 1].

    Returns:
        [T, ...] delta_t, in reward units.

    Raises:
        ValueError: shapes differ, empty time axis, `terminated` not bool, gamma outside [0, 1], or a number that
            enters the sum is not finite.

    Source: Sutton & Barto (2018), eq. 6.5.

    >>> import torch
    >>> r, v, end = torch.tensor([5.0, -2.0]), torch.tensor([1.0, 2.0]), torch.tensor([False, True])
    >>> td_error(r, v, torch.tensor([2.0, 9.0]), end, gamma=0.5)
    tensor([ 5., -4.])
    """
    check_time_axis(rewards=rewards, values=values, next_values=next_values, terminated=terminated)
    check_bool(terminated=terminated)
    check_unit_interval(gamma=gamma)
    bootstrap = next_values.masked_fill(terminated, 0)
    check_finite(rewards=rewards, values=values, next_values=bootstrap)
    return rewards + gamma * bootstrap - values


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    """Advantage from n real rewards and then the critic.

    A^(n)_t = r_t + gamma r_{t+1} + ... + gamma^(n-1) r_{t+n-1} + gamma^n V(s_{t+n}) - V(s_t)
            = delta_t + gamma delta_{t+1} + ... + gamma^(n-1) delta_{t+n-1}

    The sum ends early where the episode ends (terminated or truncated) and at the last step of the rollout.

    Args:
        rewards, values, next_values, terminated: as in `td_error`.
        truncated: [T, ...] bool, the episode was cut at step t (a time limit). The critic still speaks for the rest.
        gamma: discount in [0, 1].
        n: number of steps, an integer of at least 1.

    Returns:
        [T, ...] A^(n)_t, in reward units.

    Raises:
        ValueError: as `td_error`; also `truncated` not bool, n < 1 or n not an integer.

    Source: Sutton & Barto (2018), section 7.1; Schulman et al. (2016), eqs. 11 to 14.

    >>> import torch
    >>> r, v, never = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]), torch.tensor([False, False])
    >>> n_step_advantage(r, v, torch.tensor([0.0, 4.0]), never, never, gamma=0.5, n=2)
    tensor([3., 4.])
    """
    check_time_axis(rewards=rewards, truncated=truncated)
    check_bool(truncated=truncated)
    if not (isinstance(n, int) and n >= 1):
        raise ValueError(f"n must be an integer of at least 1, got {n}")
    delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
    ended = (terminated | truncated)[:-1]
    advantage = delta
    for _ in range(min(n, len(delta)) - 1):
        longer = delta.clone()
        longer[:-1] += gamma * advantage[1:].masked_fill(ended, 0)
        advantage = longer
    return advantage


def normalize(advantages):
    """Shift and scale a batch of advantages to mean 0 and standard deviation 1.

    (A - mean(A)) / (std(A) + 1e-8)

    Args:
        advantages: [...] at least two numbers, in reward units.

    Returns:
        [...] the same shape, no unit.

    Raises:
        ValueError: fewer than two numbers (one number has no standard deviation), or a number is not finite.

    Source: a habit of implementations, not of the paper. Andrychowicz et al. (2021), What Matters for On-Policy Deep
    Actor-Critic Methods? A Large-Scale Study, find little effect of it per minibatch, beside a critic.

    >>> import torch
    >>> normalize(torch.tensor([1.0, 2.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    check_shapes(advantages=advantages)
    check_floating(advantages=advantages)
    check_finite(advantages=advantages)
    if advantages.numel() < 2:
        raise ValueError("normalising needs at least two advantages: one number has no standard deviation")
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)
