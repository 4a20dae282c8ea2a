"""Lesson 08. Importance sampling: learn about one policy from the actions of another."""

from ppo_lessons.validation import check_finite, check_floating, check_shapes, check_values


def ratio(logp, old_logp):
    """How much more likely the policy makes an action than the policy that took it.

    rho_t = pi(a_t|s_t) / pi_old(a_t|s_t) = exp(log pi(a_t|s_t) - log pi_old(a_t|s_t))

    Args:
        logp: [...] log pi(a_t|s_t) under the policy being trained. The gradient flows through it.
        old_logp: [...] log pi_old(a_t|s_t), stored when the action was taken. Data: no gradient flows through it.

    Returns:
        [...] rho_t, no unit; 1 where nothing has changed.

    Raises:
        ValueError: shapes differ, nothing given, a log-probability is not finite, or a ratio is too large for its
            dtype (in float32 from log rho = 88.8 on).

    Source: Schulman et al. (2017), section 3 (there r_t; here r_t is the reward).

    >>> import torch
    >>> ratio(torch.tensor([0.6]).log(), torch.tensor([0.5]).log())
    tensor([1.2000])
    """
    check_shapes(logp=logp, old_logp=old_logp)
    check_floating(logp=logp, old_logp=old_logp)
    check_finite(logp=logp, old_logp=old_logp)
    rho = (logp - old_logp.detach()).exp()
    check_finite(ratio=rho)  # too large for its dtype, it would turn the gradient into nan
    return rho


def effective_sample_size(weights):
    """How many equally weighted samples a weighted sample is worth.

    ESS = (sum_i w_i)^2 / sum_i w_i^2,   between 1 and n

    Args:
        weights: [...] importance weights w_i = p(x_i) / q(x_i), at least 0 and not all 0.

    Returns:
        0-d, a number of samples.

    Raises:
        ValueError: nothing given, a weight is negative or not finite, or all are 0.

    Source: Kong (1992), A Note on Importance Sampling using Standardized Weights.

    >>> import torch
    >>> effective_sample_size(torch.tensor([1.0, 1.0, 0.0, 0.0])).item()
    2.0
    """
    check_shapes(weights=weights)
    check_floating(weights=weights)
    check_finite(weights=weights)
    check_values(lambda w: w >= 0, weights, "weights must not be negative")
    largest = weights.max()
    check_values(lambda w: w > 0, largest, "weights must not all be 0")
    weights = weights / largest  # their scale does not matter, and now no square can overflow or vanish
    return weights.sum().square() / weights.square().sum()


def surrogate_objective(logp, old_logp, advantages):
    """Estimate, from old data, of how good the new policy is. States stay those that the old policy visited.

    L = mean rho_t A_t,   whose gradient at pi = pi_old is the policy gradient

    Args:
        logp: [...] log pi(a_t|s_t). The gradient flows through it.
        old_logp: [...] log pi_old(a_t|s_t). Data.
        advantages: [...] A_t under the old policy, in reward units. Data.

    Returns:
        0-d, in reward units. Maximise it.

    Raises:
        ValueError: shapes differ, nothing given, or a number is not finite.

    Source: Schulman et al. (2017), eq. 6; Kakade & Langford (2002).

    >>> import torch
    >>> surrogate_objective(torch.tensor([0.6]).log(), torch.tensor([0.5]).log(), torch.tensor([2.0])).item()
    2.4000000953674316
    """
    check_shapes(logp=logp, old_logp=old_logp, advantages=advantages)
    check_finite(advantages=advantages)
    return (ratio(logp, old_logp) * advantages.detach()).mean()
