"""Policy tables trained on the Corridor, judged exactly: the small twin of `ppo.train`."""

from typing import NamedTuple

import torch

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.baseline import value_loss
from ppo_lessons.corridor import STATES
from ppo_lessons.entropy import entropy
from ppo_lessons.gae import gae
from ppo_lessons.importance_sampling import ratio, surrogate_objective
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.log_trick import score_objective
from ppo_lessons.trust_region import trust_region_step


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


def judged_sample(world, logits, *, plays, lam, generator):
    """Draw plays and judge each step with GAE and the exact critic, gamma = 1: states, actions, advantages [steps]."""
    sample = world.sample(logits, plays, generator=generator)
    values, next_values = world.step_values(world.tables(logits, gamma=1.0).values, sample)
    flags = sample.terminated, torch.zeros_like(sample.terminated)
    advantages = gae(sample.rewards, values, next_values, *flags, gamma=1.0, lam=lam)
    taken = sample.states < STATES
    return sample.states[taken], sample.actions[taken], advantages[taken]


def train_table(world, logits, objective, *, updates, plays, epochs, step_size, lam, seed, entropy_weight=None):
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
        entropy_weight: update -> weight of the visited states' mean entropy in the objective. None: no such term.

    Yields:
        TableRecord after each update; the first one, update 0, precedes any learning.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = logits.clone()
    yield TableRecord(0, logits.clone(), world.start_value(logits), 0.0)
    for update in range(1, updates + 1):
        old_logits = logits.clone()
        states, actions, advantages = judged_sample(world, logits, plays=plays, lam=lam, generator=generator)
        old_logp = old_logits.log_softmax(-1)[states, actions]
        for _ in range(epochs):
            logits.requires_grad_()
            kl = kl_divergence(old_logits, logits)[states]
            value = objective(logits.log_softmax(-1)[states, actions], old_logp, advantages, kl)
            if entropy_weight:
                value = value + entropy_weight(update) * entropy(logits)[states].mean()
            (gradient,) = torch.autograd.grad(value, logits)
            logits = logits.detach() + step_size * gradient
        yield TableRecord(update, logits, world.start_value(logits), mean_kl(world, old_logits, logits))


def train_trust_region(world, logits, *, updates, plays, max_kl, damping, lam, seed):
    """TRPO on a table: as `train_table`, with one `trust_region_step` in place of the epochs.

    Args:
        world, logits, updates, plays, lam, seed: as in `train_table`.
        max_kl: delta, the limit on the sample's mean KL(old || new), in nats.
        damping: of `trust_region_step`.

    Yields:
        TableRecord after each update; the first one, update 0, precedes any learning.
    """
    generator = torch.Generator().manual_seed(seed)
    logits = logits.clone()
    yield TableRecord(0, logits.clone(), world.start_value(logits), 0.0)
    for update in range(1, updates + 1):
        old_logits = logits.clone()
        states, actions, advantages = judged_sample(world, logits, plays=plays, lam=lam, generator=generator)
        old_logp = old_logits.log_softmax(-1)[states, actions]
        new = logits.clone().requires_grad_()
        trust_region_step(
            [new],
            lambda: surrogate_objective(new.log_softmax(-1)[states, actions], old_logp, advantages),  # noqa: B023
            lambda: kl_divergence(old_logits, new)[states].mean(),  # noqa: B023
            max_kl=max_kl,
            damping=damping,
        )
        logits = new.detach()
        yield TableRecord(update, logits, world.start_value(logits), mean_kl(world, old_logits, logits))


def train_reinforce(world, logits, weigh, *, updates, plays, reuse, step_size, seed):
    """REINFORCE on a table: sample plays, weigh their steps, climb, throw the plays away.

    Args:
        world: a `Corridor`.
        logits: [12, 3] where to start.
        weigh: plays (`Trajectories`) -> [T, N], what each step's log-probability is multiplied by.
        updates: how often to sample anew.
        plays: N, the number of plays in a sample.
        reuse: gradient steps on one sample. 1 is REINFORCE; from the second on the plays are stale.
        step_size: of plain gradient ascent.
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
        weights = weigh(sample)
        for _ in range(reuse):
            logits.requires_grad_()
            value = score_objective(world.log_probabilities(logits, sample), weights)
            (gradient,) = torch.autograd.grad(value, logits)
            logits = logits.detach() + step_size * gradient
        yield TableRecord(update, logits, world.start_value(logits), mean_kl(world, old_logits, logits))


class ActorCriticRecord(NamedTuple):
    """One update of an actor with a learned critic. Both errors of judgement are exact, not sampled."""

    update: int
    logits: torch.Tensor  # [12, 3] the actor
    values: torch.Tensor  # [T + 1, 13] the critic's table
    expected_return: float  # true J of the actor
    critic_error: float  # root mean square of critic - V, over the states and times that the actor visits


def critic_error(world, logits, values):
    """Root mean square of critic - V_t(s), each (t, s) counted as often as the policy visits it. A float."""
    visits = world.visits(logits)
    wrong = (values - world.tables(logits, gamma=1.0).values)[:-1, :STATES]
    return ((visits * wrong.square()).sum() / visits.sum()).sqrt().item()


def train_actor_critic(world, logits, *, updates, plays, n, step_size, critic_step, seed):
    """Advantage actor-critic with two tables: one gradient step of each on every sample of plays.

    The critic starts at 0 and learns from the same plays as the actor. With `critic_step` 0 it stays 0, and n = 6
    is then the reward-to-go without a baseline.

    Args:
        world: a `Corridor`.
        logits: [12, 3] where the actor starts.
        updates: how often to sample anew.
        plays: N, the number of plays in a sample.
        n: steps of `n_step_advantage`; gamma is 1.
        step_size: of the actor's gradient ascent.
        critic_step: of the critic's gradient descent on `value_loss`.
        seed: of the sampling.

    Yields:
        ActorCriticRecord after each update; the first one, update 0, precedes any learning.
    """
    generator = torch.Generator().manual_seed(seed)
    logits, table = logits.clone(), torch.zeros(world.steps + 1, STATES + 1, dtype=torch.float64)
    yield ActorCriticRecord(0, logits, table, world.start_value(logits), critic_error(world, logits, table))
    for update in range(1, updates + 1):
        sample = world.sample(logits, plays, generator=generator)
        actor, critic = logits.requires_grad_(), table.requires_grad_()
        values, next_values = world.step_values(critic, sample)
        flags = sample.terminated, torch.zeros_like(sample.terminated)
        advantages = n_step_advantage(sample.rewards, values, next_values, *flags, gamma=1.0, n=n).detach()
        objective = score_objective(world.log_probabilities(actor, sample), advantages)
        taken = sample.states < STATES
        loss = value_loss(values[taken], (advantages + values)[taken])
        logits = (actor + step_size * torch.autograd.grad(objective, actor)[0]).detach()
        table = (critic - critic_step * torch.autograd.grad(loss, critic)[0]).detach()
        error = critic_error(world, logits, table)
        yield ActorCriticRecord(update, logits, table, world.start_value(logits), error)


def exact_ascent(world, logits, *, updates, step_size):
    """Climb the exact J: theta <- theta + step_size * gradient of J, which `world` gets by listing all plays.

    Args:
        world: a `Corridor`.
        logits: [12, 3] where to start.
        updates: number of steps.
        step_size: how far each step goes along the gradient.

    Yields:
        TableRecord after each update; the first one, update 0, precedes any learning.
    """
    logits = logits.clone()
    yield TableRecord(0, logits.clone(), world.start_value(logits), 0.0)
    for update in range(1, updates + 1):
        old_logits = logits
        logits = logits + step_size * world.gradient(logits)
        yield TableRecord(update, logits, world.start_value(logits), mean_kl(world, old_logits, logits))


class ReuseRecord(NamedTuple):
    """One epoch on a batch that is never renewed. J is exact; the ratios are those of the steps in the batch."""

    epoch: int
    logits: torch.Tensor  # [12, 3] the policy after the epoch
    expected_return: float  # true J
    ratio: torch.Tensor  # [M] pi(a|s) / pi_old(a|s) of each step in the batch
    share: torch.Tensor  # [M] how much each step counts in the batch; sums to 1


class Batch(NamedTuple):
    """Steps that an old policy took: M of them."""

    states: torch.Tensor  # [M] int64
    actions: torch.Tensor  # [M] int64
    advantages: torch.Tensor  # [M] scaled so that their mean is a mean over plays of sums over steps
    share: torch.Tensor  # [M] sums to 1


def sampled_batch(world, logits, *, plays, lam, seed):
    """The steps of `plays` sampled plays, judged by `gae` with the exact critic and gamma 1: a `Batch`."""
    generator = torch.Generator().manual_seed(seed)
    states, actions, advantages = judged_sample(world, logits, plays=plays, lam=lam, generator=generator)
    steps = len(states)
    share = torch.full((steps,), 1 / steps, dtype=torch.float64)
    return Batch(states, actions, advantages * steps / plays, share)


def exact_batch(world, logits):
    """Every (time, state, action) that the policy can meet, as often as it meets it, with the exact advantage.

    A `Batch` without noise. Its surrogate is the one that sampled batches approach with more and more plays,
    whatever their lambda.
    """
    values, action_values = world.tables(logits, gamma=1.0)
    met = world.visits(logits)[..., None] * logits.softmax(-1)  # [T, 12, 3], sums to the mean length of a play
    time, states, actions = met.nonzero().T
    often = met[time, states, actions]
    advantages = (action_values - values[:-1, :STATES, None])[time, states, actions]
    return Batch(states, actions, advantages * often * len(often), often / often.sum())


def reuse_batch(world, logits, objective, batch, *, epochs, step_size):
    """Climb the same batch again and again, and say after each epoch what became of the policy.

    Args:
        world: a `Corridor`.
        logits: [12, 3] the policy that took the steps of the batch, and from which the climb starts.
        objective: (logp, old_logp, advantages), all [M] -> 0-d, to be maximised.
        batch: a `Batch`.
        epochs: gradient steps, each on the whole batch.
        step_size: of plain gradient ascent.

    Yields:
        ReuseRecord after each epoch; the first one, epoch 0, precedes any learning.
    """
    states, actions, advantages, share = batch
    old_logp = logits.log_softmax(-1)[states, actions]
    logits = logits.clone()
    for epoch in range(epochs + 1):
        logits.requires_grad_()
        logp = logits.log_softmax(-1)[states, actions]
        rho = ratio(logp.detach(), old_logp)
        yield ReuseRecord(epoch, logits.detach(), world.start_value(logits), rho, share)
        (gradient,) = torch.autograd.grad(objective(logp, old_logp, advantages), logits)
        logits = logits.detach() + step_size * gradient
