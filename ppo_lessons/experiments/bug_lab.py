"""Known bugs, planted into the trainer from outside: each replaces one function that `ppo.py` calls.

The trainer has no switch for a bug, and knows nothing of this page.
"""

from unittest import mock

import numpy as np
import torch

from ppo_lessons import ppo
from ppo_lessons.advantage import td_error
from ppo_lessons.clip import clipped_objective
from ppo_lessons.experiments.replay import replay
from ppo_lessons.kl_penalty import approximate_kl
from ppo_lessons.trainer.config import PLAIN


def no_bootstrap_at_a_time_limit(gae):
    def wrong(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        return gae(rewards, values, next_values, terminated | truncated, truncated, gamma=gamma, lam=lam)

    return wrong


def sum_across_resets(gae):
    def wrong(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        delta = td_error(rewards, values, next_values, terminated, gamma=gamma)
        nothing, never = torch.zeros_like(delta), torch.zeros_like(terminated)
        return gae(delta, nothing, nothing, never, never, gamma=gamma, lam=lam)

    return wrong


def stale_values(gae):
    before = []

    def wrong(rewards, values, next_values, terminated, truncated, *, gamma, lam):
        before.append((values, next_values))
        return gae(rewards, *before[-2:][0], terminated, truncated, gamma=gamma, lam=lam)

    return wrong


def advantages_turned_round(normalize):
    return lambda advantages: -normalize(advantages)


def not_normalized(normalize):
    return lambda advantages: advantages


def another_samples_log_probability(objective):
    def wrong(logp, old_logp, advantages, *, epsilon):
        return objective(logp, old_logp.roll(1, 0), advantages, epsilon=epsilon)

    return wrong


def entropy_turned_round(total_loss):
    def wrong(objective, bonus, critic_loss, config):
        return total_loss(objective, -bonus, critic_loss, config)

    return wrong


BUGS = {  # what is wrong: (the function of the trainer that is replaced, what it is replaced by)
    "no bootstrap at a time limit": ("gae", no_bootstrap_at_a_time_limit),
    "the sum runs across resets": ("gae", sum_across_resets),
    "values of the rollout before": ("gae", stale_values),
    "advantages of the wrong sign": ("normalize", advantages_turned_round),
    "advantages not normalised": ("normalize", not_normalized),
    "ratio from another sample's log-probability": ("clipped_objective", another_samples_log_probability),
    "entropy of the wrong sign": ("total_loss", entropy_turned_round),
}


def train_using(config, **functions):
    """`train(config)` with at least one of the functions that `ppo.py` calls replaced, and nothing else changed.

    >>> silent = lambda advantages: 0 * advantages
    >>> records = list(train_using(ppo.Config(total_steps=2048, device="cpu"), normalize=silent))
    """
    trainer = ppo.train(config)
    while True:
        with mock.patch.multiple(ppo, **functions):  # only while the trainer works, not while the caller looks
            record = next(trainer, None)
        if record is None:
            return
        yield record


def train_with(bug, config):
    """Train with a bug planted, None for the trainer as it is.

    Yields:
        (record, first_kl): `first_kl` is the KL divergence between the policy that played and the policy being trained,
        in nats, estimated (k3) from the log-probabilities that the clipped objective is given at the first minibatch of
        the update. Nothing has been learned from the rollout yet, so it should be 0. nan before the first update.
    """
    first_kl = []

    def noting(logp, old_logp, advantages, *, epsilon):
        first_kl.append(approximate_kl(logp.detach(), old_logp, estimator="k3").mean().item())
        return clipped_objective(logp, old_logp, advantages, epsilon=epsilon)

    functions = {"clipped_objective": noting}
    if bug is not None:
        name, wrong = BUGS[bug]
        functions[name] = wrong(functions.get(name, getattr(ppo, name)))
    for record in train_using(config, **functions):
        yield record, first_kl[0] if first_kl else torch.nan
        first_kl.clear()


# A run and its twin

SETTINGS = {**PLAIN, "device": "cpu"}
CURVES = ("return", "KL at the first minibatch", "explained variance", "value loss", "entropy")
NONE = "none of them"
TELLS = {  # the curve that betrays each bug most clearly
    "no bootstrap at a time limit": "value loss",
    "the sum runs across resets": "value loss",
    "values of the rollout before": "value loss",
    "advantages of the wrong sign": "return",
    "advantages not normalised": NONE,
    "ratio from another sample's log-probability": "KL at the first minibatch",
    "entropy of the wrong sign": "entropy",
}
# The same bugs without their names, in an order that does not follow the list.
CASES = dict(zip("ABCDEFG", (list(BUGS)[i] for i in (3, 6, 2, 5, 0, 4, 1)), strict=True))
FINISHED = {}  # (bug, seed): the run, so that nobody waits for the same run twice


def rows(bug, seed):
    """One run, update by update: steps / 1000, then the numbers of `CURVES` in their order."""

    def train():
        for record, first_kl in train_with(bug, ppo.Config(seed=seed, **SETTINGS)):
            numbers = record.mean_return, first_kl, record.explained_variance, record.value_loss, record.entropy
            yield record.env_steps / 1000, *numbers

    return replay(FINISHED, (bug, seed), train)


def column(bug, name, seed):
    """One of the `CURVES` of a whole run, from the first update on: an array [updates]."""
    return np.array(list(rows(bug, seed)))[1:, 1 + CURVES.index(name)]
