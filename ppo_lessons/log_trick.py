"""Lesson 03. Log trick: the gradient of an expectation, written as an expectation that can be sampled."""

from ppo_lessons.validation import check_finite, check_floating, check_time_axis


def score_objective(logp, weights):
    """The objective whose gradient is the sampled policy gradient.

    (1/N) sum_n sum_t weight_t log pi(a_t|s_t),   gradient: (1/N) sum_n sum_t weight_t grad log pi(a_t|s_t)

    The value itself means nothing; only its gradient does. The mean is over plays, not over steps.

    Args:
        logp: [T, ...] log pi(a_t|s_t) of the actions taken. The gradient flows through it.
        weights: [T, ...] what each step is multiplied by (total return, reward-to-go, advantage), in reward units;
            0 after the end of a play. Data: no gradient flows through it.

    Returns:
        0-d: sum over time, mean over the plays. Maximise it.

    Raises:
        ValueError: shapes differ, empty time axis, or a number is not finite.

    Source: Williams (1992), REINFORCE; Sutton & Barto (2018), section 13.3.

    >>> import torch
    >>> score_objective(torch.tensor([-1.0, -2.0]), torch.tensor([3.0, 3.0])).item()
    -9.0
    """
    check_time_axis(logp=logp, weights=weights)
    check_floating(logp=logp)
    check_finite(logp=logp, weights=weights)
    return (weights.detach() * logp).sum(0).mean()
