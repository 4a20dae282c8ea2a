"""Lesson 11. Entropy: how undecided a policy is."""

from ppo_lessons.validation import check_finite, check_same_width


def entropy(logits):
    """Entropy of a softmax policy, one number per state.

    H = -sum_a pi(a|s) log pi(a|s),   between 0 (one action is certain) and log n (all n equally likely)

    Args:
        logits: [..., actions] one real number per action. The gradient flows through it.

    Returns:
        [...] in nats.

    Raises:
        ValueError: no action axis, or a logit is not finite.

    Source: Shannon (1948); as a bonus: Williams & Peng (1991), Mnih et al. (2016).

    >>> import torch
    >>> entropy(torch.zeros(4)).item()  # log 4
    1.3862943649291992
    """
    check_same_width(logits=logits)
    check_finite(logits=logits)
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)
