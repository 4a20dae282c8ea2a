"""The numbers of lesson 10: one sample's objective and gradient, its six cases, and clip against penalty in tables."""

import torch

from ppo_lessons.clip import clipped_objective
from ppo_lessons.experiments.kl_penalty import penalty_with, train_objective

# One sample

CASES = [  # rho against the band, sign of A
    ("below", "+"),
    ("inside", "+"),
    ("above", "+"),
    ("below", "−"),
    ("inside", "−"),
    ("above", "−"),
]


def gradient_of_sample(ratio, advantage, epsilon):
    """Objective of one sample and its derivative with respect to the ratio, by autograd: two floats."""
    rho = torch.tensor([ratio], dtype=torch.float64, requires_grad=True)
    zero, adv = torch.zeros(1, dtype=torch.float64), torch.tensor([advantage], dtype=torch.float64)
    objective = clipped_objective(rho.log(), zero, adv, epsilon=epsilon).objective
    (gradient,) = torch.autograd.grad(objective, rho)
    return objective.item(), gradient.item()


def case_of(ratio, advantage, epsilon):
    """Number of the row in `CASES`, or None where the advantage is 0."""
    if advantage == 0:
        return None
    place = 0 if ratio < 1 - epsilon else 2 if ratio > 1 + epsilon else 1
    return place + (0 if advantage > 0 else 3)


def example_of(place, sign, epsilon):
    """A sample of this row of `CASES`: its ratio and its advantage, two floats."""
    ratio = {"below": (1 - epsilon) / 2, "inside": 1.0, "above": 1.5 + epsilon}[place]
    return ratio, 1.0 if sign == "+" else -1.0


def smaller_term(ratio, advantage, epsilon):
    """Which of the plain term rho A and the clipped term clip(rho) A is the smaller: its name, or "both"."""
    plain, held = ratio * advantage, min(max(ratio, 1 - epsilon), 1 + epsilon) * advantage
    return "both" if plain == held else "plain" if plain < held else "clipped"


# Two leashes on the Corridor

EPOCHS = 100


def clip_with(epsilon):
    """PPO-clip's objective in the form that `train_table` takes."""

    def objective(logp, old_logp, advantages, kl):
        return clipped_objective(logp, old_logp, advantages, epsilon=epsilon).objective

    return objective


def train_both(epsilon, beta, *, seed):
    """PPO-clip and PPO-penalty on plays drawn with one seed: an iterator of pairs of records, one pair an update."""
    objectives = clip_with(epsilon), penalty_with(beta)
    return zip(*(train_objective(objective, epochs=EPOCHS, seed=seed) for objective in objectives), strict=True)
