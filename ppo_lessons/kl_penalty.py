"""Lesson 09. KL penalty: stay close to the policy that collected the data, measured by what it does."""

import torch

from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.validation import (
    check_finite,
    check_floating,
    check_not_negative,
    check_positive,
    check_same_width,
    check_shapes,
)


def kl_divergence(logits_p, logits_q):
    """Kullback-Leibler divergence between two softmax policies, one number per state.

    KL(p||q) = sum_a p(a) (log p(a) - log q(a))

    Args:
        logits_p: [..., actions] logits of p, the policy that the average is taken over.
        logits_q: [..., actions] logits of q.

    Returns:
        [...] at least 0, in nats; 0 exactly where p = q. Not symmetric.

    Raises:
        ValueError: shapes differ, no action axis, or a logit is not finite.

    Source: Kullback & Leibler (1951).

    >>> p, q = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.9, 0.1]).log()
    >>> round(kl_divergence(p, q).item(), 4), round(kl_divergence(q, p).item(), 4)
    (0.5108, 0.3681)
    """
    check_same_width(logits_p=logits_p, logits_q=logits_q)
    check_finite(logits_p=logits_p, logits_q=logits_q)
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def approximate_kl(logp, old_logp, *, estimator):
    """Estimate of KL(pi_old||pi) from the log-probabilities of actions that pi_old took.

    With log rho = log pi(a|s) - log pi_old(a|s):
        k1 = -log rho              right on average, noisy, can be negative
        k2 = (log rho)^2 / 2       never negative, wrong on average
        k3 = (rho - 1) - log rho   right on average and never negative

    Args:
        logp: [...] log pi(a_t|s_t). The gradient flows through it.
        old_logp: [...] log pi_old(a_t|s_t). Data.
        estimator: "k1", "k2" or "k3".

    Returns:
        [...] one number per sample, in nats.

    Raises:
        ValueError: shapes differ, a log-probability is not finite, or the estimator is unknown.

    Source: Schulman (2020), Approximating KL Divergence.

    >>> new, old = torch.tensor([0.6]).log(), torch.tensor([0.5]).log()
    >>> approximate_kl(new, old, estimator="k3")
    tensor([0.0177])
    """
    check_shapes(logp=logp, old_logp=old_logp)
    check_finite(logp=logp, old_logp=old_logp)
    log_ratio = logp - old_logp.detach()
    if estimator == "k1":
        return -log_ratio
    if estimator == "k2":
        return log_ratio.square() / 2
    if estimator == "k3":
        return torch.expm1(log_ratio) - log_ratio
    raise ValueError(f'estimator must be "k1", "k2" or "k3", got {estimator!r}')


def penalized_objective(logp, old_logp, advantages, kl, *, beta):
    """The surrogate minus a price for moving away: PPO-penalty.

    L = mean rho_t A_t - beta mean KL_t

    Args:
        logp: [...] log pi(a_t|s_t). The gradient flows through it.
        old_logp: [...] log pi_old(a_t|s_t). Data.
        advantages: [...] A_t, in reward units. Data.
        kl: [...] KL(pi_old||pi) in each state, in nats, or its mean as a 0-d tensor. The gradient flows through it.
        beta: price of one nat, in reward units, at least 0.

    Returns:
        0-d, in reward units. Maximise it.

    Raises:
        ValueError: shapes differ, a number is not finite, or beta is negative.

    Source: Schulman et al. (2017), eq. 8.

    >>> half = torch.tensor([0.5]).log()
    >>> penalized_objective(half, half, torch.tensor([2.0]), torch.tensor([0.1]), beta=3.0).item()
    1.7000000476837158
    """
    if isinstance(kl, torch.Tensor) and kl.dim() > 0:
        check_shapes(logp=logp, kl=kl)
    else:
        check_shapes(kl=kl)
    check_finite(kl=kl)
    check_not_negative(beta=beta)
    return surrogate_objective(logp, old_logp, advantages) - beta * kl.mean()


def adapt_beta(beta, kl, *, target):
    """The next update's beta: half where the policy moved too little, double where it moved too far.

    beta / 2  if kl < target / 1.5;   2 beta  if kl > 1.5 target;   beta  otherwise

    Args:
        beta: the price used in this update, a float of at least 0.
        kl: the mean KL(pi_old||pi) that this update reached, a float in nats.
        target: the KL that is wanted, in nats, above 0.

    Returns:
        float, the price for the next update.

    Raises:
        ValueError: beta negative, kl not a number, or target not above 0.

    Source: Schulman et al. (2017), section 4.

    >>> adapt_beta(1.0, 0.05, target=0.01), adapt_beta(1.0, 0.001, target=0.01), adapt_beta(1.0, 0.01, target=0.01)
    (2.0, 0.5, 1.0)
    """
    check_not_negative(beta=beta)
    check_positive(target=target)
    beta, kl = float(beta), float(kl)
    if kl != kl:
        raise ValueError("kl must be a number, got nan")
    if kl < target / 1.5:
        return beta / 2
    if kl > target * 1.5:
        return beta * 2
    return beta


def early_stop(kl, *, target):
    """Has the policy moved further than `target` on average? Then the epochs that are left are skipped.

    stop  if  mean KL_t > target

    Args:
        kl: [...] KL(pi_old||pi) in each state, in nats, or an estimate for each sample.
        target: the mean KL that an update may reach and go on, in nats, at least 0; inf never stops.

    Returns:
        bool.

    Raises:
        ValueError: no number, a number that is not finite, or target negative.

    Source: a habit of implementations (Spinning Up and Stable-Baselines3 stop at 1.5 times their `target_kl`); Dossa et
    al. (2021), An Empirical Investigation of Early Stopping Optimizations in Proximal Policy Optimization.

    >>> early_stop(torch.tensor([0.01, 0.05]), target=0.02)
    True
    """
    check_shapes(kl=kl)
    check_floating(kl=kl)
    check_finite(kl=kl)
    check_not_negative(target=target)
    return bool(kl.mean() > target)
