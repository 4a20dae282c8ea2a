"""The numbers of lesson 07: the weights of the mixture, what lambda costs, and what each mistake at an end does."""

import torch

from ppo_lessons.corridor import Corridor
from ppo_lessons.experiments.advantage import errors_of
from ppo_lessons.gae import gae

# What lambda mixes, and what it costs

PLAYS = 64  # N, the number of plays that an estimate averages over
LAMBDAS = torch.linspace(0, 1, 101, dtype=torch.float64)


def mixture(lam, n):
    """Weights of GAE on A^(1) .. A^(n): (1 - lam) lam^(k-1), and what is left, lam^(n-1), on the last. [..., n]"""
    lam = torch.as_tensor(lam, dtype=torch.float64)[..., None]
    power = lam ** torch.arange(n)
    return torch.cat([(1 - lam) * power[..., :-1], power[..., -1:]], dim=-1)


def errors(gamma, critic_error):
    """Exact squared bias and variance / N of the GAE gradient for all of `LAMBDAS`: two tensors [101]."""
    bias, variance = errors_of(mixture(LAMBDAS, Corridor().steps), gamma=gamma, critic_error=critic_error)
    return bias, variance / PLAYS


# Where the sum stops: six steps of one game. The same rewards and values each time; what differs is step 2.

REWARDS = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
VALUES = torch.tensor([3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
NEXT_VALUES = torch.tensor([3.0, 3.0, 3.0, 3.0, 3.0, 3.0])
NOTHING = torch.zeros(6, dtype=torch.bool)
AT_STEP_2 = torch.tensor([False, False, True, False, False, False])
SCENES = {
    "terminated at step 2": (AT_STEP_2, NOTHING),
    "truncated at step 2": (NOTHING, AT_STEP_2),
    "no end, only the rollout's": (NOTHING, NOTHING),
}
AT_THE_CUT = torch.tensor([False, False, False, False, False, True])
MISTAKES = {  # what is handed to `gae` instead: next values, terminated, truncated
    "none": lambda end, cut: (NEXT_VALUES, end, cut),
    "truncation treated as termination": lambda end, cut: (NEXT_VALUES, end | cut, cut),
    "sum runs across the reset": lambda end, cut: (NEXT_VALUES.masked_fill(end, 0), NOTHING, NOTHING),
    "bootstraps through a terminal state": lambda end, cut: (NEXT_VALUES, NOTHING, end | cut),
    "rollout's end treated as an end": lambda end, cut: (NEXT_VALUES, end | AT_THE_CUT, cut),
}


def right_and_wrong(scene, mistake, *, gamma, lam):
    """The advantages of a scene, as they should be and as the mistake makes them: two tensors [6]."""
    flags = SCENES[scene]
    right = gae(REWARDS, VALUES, NEXT_VALUES, *flags, gamma=gamma, lam=lam)
    wrong = gae(REWARDS, VALUES, *MISTAKES[mistake](*flags), gamma=gamma, lam=lam)
    return right, wrong
