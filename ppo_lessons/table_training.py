"""Policy tables trained on the Corridor from sampled plays, judged exactly: the small twin of `ppo.train`."""

from typing import NamedTuple

import torch

from ppo_lessons.corridor import STATES
from ppo_lessons.gae import gae
from ppo_lessons.kl_penalty import kl_divergence


class TableRecord(NamedTuple):
    """One update. Both numbers are exact, not sampled."""

    update: int
    logits: torch.Tensor  # [12, 3] the policy after the update
    expected_return: float  # true J
    kl: float  # true KL(old || new) of this update, mean over the states that the old policy visits


def mean_kl(world, old_logits, logits):
    """KL(old || new) averaged over the states that the old policy visits, exactly. A float, in nats."""
    visits = world.visits(old_logits).sum(0)
    return ((visits * kl_divergence(old_logits, logits)).sum() / visits.sum()).item()


def train_table(world, logits, objective, *, updates, plays, epochs, step_size, lam, seed):
    """Improve a policy table, again and again: sample plays, judge their actions, reuse them for several epochs.

    The critic is exact, so that what is seen is the work of the objective alone.

    Args:
        world: a `Corridor`.
        logits: [12, 3] where to start.
        objective: (logp, old_logp, advantages, kl), all of shape [steps of all plays] -> 0-d, to be maximised.
        updates: how often to sample anew.
        plays: N, the number of plays in a sample.
        epochs: gradient steps on one sample.
        step_size: of plain gradient ascent.
        lam: lambda of `gae`; gamma is 1.
        seed: of the sampling.

    Yields:
        TableRecord after each update; the first one, update 0, precedes any learning.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = logits.clone()
    yield TableRecord(0, logits.clone(), world.start_value(logits), 0.0)
    for update in range(1, updates + 1):
        old_logits = logits.clone()
        sample = world.sample(logits, plays, generator=generator)
        values, next_values = world.step_values(world.tables(logits, gamma=1.0).values, sample)
        flags = sample.terminated, torch.zeros_like(sample.terminated)
        advantages = gae(sample.rewards, values, next_values, *flags, gamma=1.0, lam=lam)
        taken = sample.states < STATES
        states, actions, advantages = sample.states[taken], sample.actions[taken], advantages[taken]
        old_logp = old_logits.log_softmax(-1)[states, actions]
        for _ in range(epochs):
            logits.requires_grad_()
            kl = kl_divergence(old_logits, logits)[states]
            value = objective(logits.log_softmax(-1)[states, actions], old_logp, advantages, kl)
            (gradient,) = torch.autograd.grad(value, logits)
            logits = logits.detach() + step_size * gradient
        yield TableRecord(update, logits, world.start_value(logits), mean_kl(world, old_logits, logits))
