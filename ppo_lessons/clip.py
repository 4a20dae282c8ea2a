"""Lesson 10. Clip: take away the reward for moving far, instead of charging for it."""

from typing import NamedTuple

import torch

from ppo_lessons.importance_sampling import ratio
from ppo_lessons.validation import check_finite, check_floating, check_not_negative, check_shapes, check_values


class ClipTerms(NamedTuple):
    """What `clipped_objective` computes on its way."""

    objective: torch.Tensor  # 0-d, maximise it
    ratio: torch.Tensor  # [...] rho_t
    clipped: torch.Tensor  # [...] bool, rho_t lies outside the band: |rho_t - 1| > epsilon


def clip_ratio(ratio, *, epsilon):
    """The ratio, held inside the band.

    clip(rho, 1 - epsilon, 1 + epsilon) = max(min(rho, 1 + epsilon), 1 - epsilon)

    Args:
        ratio: [...] rho_t.
        epsilon: half width of the band, at least 0; inf switches the clip off.

    Returns:
        [...] the clipped ratio. Its gradient is 1 inside the band and on its edge, 0 outside.

    Raises:
        ValueError: no ratio, one is nan, or epsilon is negative or nan.

    Source: Schulman et al. (2017), eq. 7.

    >>> clip_ratio(torch.tensor([0.5, 1.0, 1.5]), epsilon=0.2)
    tensor([0.8000, 1.0000, 1.2000])
    """
    check_shapes(ratio=ratio)
    check_floating(ratio=ratio)
    check_values(lambda rho: ~rho.isnan(), ratio, "ratio must be a number")
    check_not_negative(epsilon=epsilon)
    return ratio.clamp(1 - epsilon, 1 + epsilon)


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """PPO's objective: the worse of the plain and the clipped term, for each sample.

    L = mean min( rho_t A_t,  clip(rho_t, 1 - epsilon, 1 + epsilon) A_t )

    It is never above the surrogate mean rho_t A_t. The gradient of a sample is zero in exactly two cases:
    rho > 1 + epsilon with A > 0, and rho < 1 - epsilon with A < 0. In the others d(-L)/d pi is -A / pi_old for one
    sample.

    Args:
        logp: [...] log pi(a_t|s_t). The gradient flows through it.
        old_logp: [...] log pi_old(a_t|s_t). Data: no gradient flows through it.
        advantages: [...] A_t. Data: no gradient flows through it.
        epsilon: half width of the band, at least 0; inf gives the surrogate of importance sampling.

    Returns:
        ClipTerms: `objective` 0-d (maximise it), `ratio` and `clipped` in the shape of `logp`.

    Raises:
        ValueError: shapes differ, nothing given, a number is not finite, or epsilon is negative.

    Source: Schulman et al. (2017), eq. 7; the cases and the derivatives: Bick (2021), Towards Delivering a Coherent
    Self-Contained Explanation of Proximal Policy Optimization.

    >>> new, old = torch.tensor([0.9, 0.3]).log(), torch.tensor([0.5, 0.5]).log()
    >>> terms = clipped_objective(new, old, torch.tensor([1.0, 1.0]), epsilon=0.2)
    >>> terms.objective, terms.clipped
    (tensor(0.9000), tensor([True, True]))
    """
    check_shapes(logp=logp, old_logp=old_logp, advantages=advantages)
    check_finite(advantages=advantages)
    rho = ratio(logp, old_logp)
    advantages = advantages.detach()
    pessimistic = torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages)
    return ClipTerms(pessimistic.mean(), rho, (rho - 1).abs() > epsilon)
