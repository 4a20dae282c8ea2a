"""Lesson 05. Baseline: subtract what the state was worth anyway."""

import torch

from ppo_lessons.validation import check_finite, check_floating, check_not_negative, check_shapes, check_time_axis


def subtract_baseline(returns, values):
    """How much better the play went than the state promised.

    weight_t = G_t - b(s_t),   usually b = V

    Args:
        returns: [T, ...] G_t, reward-to-go, in reward units.
        values: [T, ...] b(s_t), a number that may depend on the state but not on the action.

    Returns:
        [T, ...] the weights, in reward units. They are data: no gradient flows through them.

    Raises:
        ValueError: shapes differ, empty time axis, or a number is not finite.

    Source: Williams (1992); Sutton & Barto (2018), eq. 13.11.

    >>> subtract_baseline(torch.tensor([3.0, -2.0]), torch.tensor([1.0, -1.0]))
    tensor([ 2., -1.])
    """
    check_time_axis(returns=returns, values=values)
    check_finite(returns=returns, values=values)
    return (returns - values).detach()


def value_loss(values, targets):
    """Mean squared error of the critic. Its minimum is the expected target, V(s) = E[G|s].

    L = mean (V(s_t) - target_t)^2

    Args:
        values: [...] V(s_t), the critic's prediction. The gradient flows through it.
        targets: [...] what it should have said, in reward units. Data: no gradient flows through it.

    Returns:
        0-d, in squared reward units. Minimise it.

    Raises:
        ValueError: shapes differ, nothing given, or a number is not finite.

    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms, eq. 9 (there L^VF).

    >>> value_loss(torch.tensor([1.0, 0.0]), torch.tensor([3.0, 0.0])).item()
    2.0
    """
    check_shapes(values=values, targets=targets)
    check_floating(values=values, targets=targets)
    check_finite(values=values, targets=targets)
    return torch.nn.functional.mse_loss(values, targets.detach())


def clipped_value_loss(values, targets, old_values, *, epsilon):
    """The critic's error, with no gain from moving further than epsilon from what it said before.

    L = mean max( (V - target)^2, (V_clip - target)^2 ),   V_clip = clip(V, V_old - epsilon, V_old + epsilon)

    The maximum is the pessimistic choice, as the minimum is in the clipped objective: the gradient vanishes where V has
    left the band on the way to its target, and stays where V has moved away from it. Unlike a ratio, epsilon is in
    reward units: what is much for one game is little for another.

    Args:
        values: [...] V(s_t), the critic's prediction. The gradient flows through it.
        targets: [...] what it should have said, in reward units. Data.
        old_values: [...] V_old(s_t), what the critic said when the rollout was judged. Data.
        epsilon: how far V may move and gain, in reward units, at least 0; inf gives `value_loss`.

    Returns:
        0-d, in squared reward units. Minimise it.

    Raises:
        ValueError: shapes differ, nothing given, a number is not finite, or epsilon is negative.

    Source: OpenAI Baselines, ppo2; not in the paper. Andrychowicz et al. (2021) find that it hurts.

    >>> old, target = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 1.0])
    >>> clipped_value_loss(torch.tensor([0.5, -0.5]), target, old, epsilon=0.25).item()  # (0.75^2 + 1.5^2) / 2
    1.40625
    """
    check_shapes(values=values, targets=targets, old_values=old_values)
    check_floating(values=values, targets=targets, old_values=old_values)
    check_finite(values=values, targets=targets, old_values=old_values)
    check_not_negative(epsilon=epsilon)
    targets, old_values = targets.detach(), old_values.detach()
    clipped = values.clamp(old_values - epsilon, old_values + epsilon)
    return torch.maximum((values - targets).square(), (clipped - targets).square()).mean()


def explained_variance(values, targets):
    """Share of the targets' variance that the critic predicts.

    1 - Var[target - V] / Var[target]:  1 is perfect, 0 is as good as a constant, below 0 is worse than that

    Args:
        values: [...] V(s_t), in reward units.
        targets: [...] what the critic should have said, in reward units.

    Returns:
        0-d, no unit; nan where the targets do not vary.

    Raises:
        ValueError: shapes differ, nothing given, or a number is not finite.

    Source: OpenAI Baselines, `explained_variance`; the coefficient of determination without its bias term.

    >>> explained_variance(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 3.0])).item()
    0.0
    """
    check_shapes(values=values, targets=targets)
    check_floating(values=values, targets=targets)
    check_finite(values=values, targets=targets)
    total = targets.var(correction=0)
    unexplained = (targets - values).var(correction=0)
    return torch.where(targets.max() > targets.min(), 1 - unexplained / total, torch.nan)
