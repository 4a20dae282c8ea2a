"""Policy tables trained on the Corridor, judged exactly: the small twin of `ppo.train`.

What the arguments mean everywhere below: `world` is a `Corridor`; `logits` [12, 3] the table to start from; `updates`
how often it is improved; `plays` N, the number of plays in a sample; `step_size` that of plain gradient ascent;
`lam` the lambda of `gae`, with gamma 1; `seed` that of the sampling.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.baseline import value_loss
from ppo_lessons.corridor import STATES, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.gae import gae
from ppo_lessons.importance_sampling import ratio, surrogate_objective
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.log_trick import score_objective
from ppo_lessons.trust_region import trust_region_step


@dataclass(frozen=True)
class TableRecord:
    """One update. Its two numbers are exact, not sampled, and computed when they are first asked for."""

    update: int
    logits: torch.Tensor  # [12, 3] the policy after the update
    old_logits: torch.Tensor  # [12, 3] the policy before it
    world: Corridor

    @cached_property
    def expected_return(self):
        """True J. A float."""
        return self.world.start_value(self.logits)

    @cached_property
    def kl(self):
        """True KL(old || new) of this update, mean over the states that the old policy visits. A float, in nats."""
        return mean_kl(self.world, self.old_logits, self.logits)


def mean_kl(world, old_logits, logits):
    """KL(old || new) averaged over the states that the old policy visits, exactly. A float, in nats."""
    visits = world.visits(old_logits).sum(0)
    return ((visits * kl_divergence(old_logits, logits)).sum() / visits.sum()).item()


def train(world, logits, improve, *, updates):
    """The loop of every trainer of a policy table: improve it again and again, with an exact judge at hand.

    `improve` takes logits and the number of the update, from 1, and returns the next logits.
    Yields a `TableRecord` after each update; the first one, update 0, precedes any learning: its KL is 0.
    """
    logits = logits.clone()
    yield TableRecord(0, logits, logits, world)
    for update in range(1, updates + 1):
        old_logits, logits = logits, improve(logits, update)
        yield TableRecord(update, logits, old_logits, world)


def ascend(gain, logits, *, steps, step_size):
    """Plain gradient ascent on `gain`, a function of logits [12, 3] -> 0-d: the logits after `steps` steps."""
    for _ in range(steps):
        theta = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(gain(theta), theta)
        logits = theta.detach() + step_size * gradient
    return logits


def judged_sample(world, logits, *, plays, lam, generator):
    """Draw plays and judge each step with GAE and the exact critic, gamma = 1: states, actions, advantages [steps]."""
    sample = world.sample(logits, plays, generator=generator)
    values, next_values = world.step_values(world.tables(logits, gamma=1.0).values, sample)
    flags = sample.terminated, torch.zeros_like(sample.terminated)
    advantages = gae(sample.rewards, values, next_values, *flags, gamma=1.0, lam=lam)
    taken = sample.states < STATES
    return sample.states[taken], sample.actions[taken], advantages[taken]


def exact_ascent(world, logits, *, updates, step_size):
    """Climb the exact J: theta <- theta + step_size * gradient of J, which `world` gets by listing all plays."""
    return train(world, logits, lambda theta, _: theta + step_size * world.gradient(theta), updates=updates)


def train_reinforce(world, logits, weigh, *, updates, plays, reuse, step_size, seed):
    """REINFORCE: sample plays, weigh their steps, climb, throw the plays away.

    `weigh` takes plays (`Trajectories`) and returns [T, N], what each step's log-probability is multiplied by.
    `reuse` counts the gradient steps on one sample: 1 is REINFORCE; from the second on the plays are stale.
    """
    generator = torch.Generator().manual_seed(seed)

    def improve(old_logits, _):
        sample = world.sample(old_logits, plays, generator=generator)
        weights = weigh(sample)

        def gain(theta):
            return score_objective(world.log_probabilities(theta, sample), weights)

        return ascend(gain, old_logits, steps=reuse, step_size=step_size)

    return train(world, logits, improve, updates=updates)


def train_table(world, logits, objective, *, updates, plays, epochs, step_size, lam, seed, entropy_weight=None):
    """Sample plays, judge their actions, reuse them for `epochs` gradient steps.

    The critic is exact, so that what is seen is the work of the objective alone.

    `objective` takes (logp, old_logp, advantages, kl) and returns 0-d, to be maximised. The first three are [steps of
    all plays]; kl is a function that computes the KL(old || new) of each step, for those who need it: () -> [steps].
    `entropy_weight` takes the number of the update and returns the weight of the visited states' mean entropy in the
    objective. None: no such term.
    """
    generator = torch.Generator().manual_seed(seed)

    def improve(old_logits, update):
        states, actions, advantages = judged_sample(world, old_logits, plays=plays, lam=lam, generator=generator)
        old_logp = old_logits.log_softmax(-1)[states, actions]
        weight = entropy_weight(update) if entropy_weight else 0

        def gain(theta):
            logp = theta.log_softmax(-1)[states, actions]
            value = objective(logp, old_logp, advantages, lambda: kl_divergence(old_logits, theta)[states])
            return value + weight * entropy(theta)[states].mean() if weight else value

        return ascend(gain, old_logits, steps=epochs, step_size=step_size)

    return train(world, logits, improve, updates=updates)


def train_trust_region(world, logits, *, updates, plays, max_kl, damping, lam, seed):
    """TRPO: as `train_table`, with one `trust_region_step` in place of the epochs.

    `max_kl` is delta, the limit on the sample's mean KL(old || new), in nats; `damping` that of `trust_region_step`.
    """
    generator = torch.Generator().manual_seed(seed)

    def improve(old_logits, _):
        states, actions, advantages = judged_sample(world, old_logits, plays=plays, lam=lam, generator=generator)
        old_logp = old_logits.log_softmax(-1)[states, actions]
        theta = old_logits.clone().requires_grad_()

        def gain():
            return surrogate_objective(theta.log_softmax(-1)[states, actions], old_logp, advantages)

        def distance():
            return kl_divergence(old_logits, theta)[states].mean()

        trust_region_step([theta], gain, distance, max_kl=max_kl, damping=damping)
        return theta.detach()

    return train(world, logits, improve, updates=updates)


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

    The critic starts at 0 and learns from the same plays as the actor, by gradient descent on `value_loss` with steps
    of size `critic_step`. With 0 it stays 0, and n = 6 steps of `n_step_advantage` are then the reward-to-go.

    Yields an `ActorCriticRecord` after each update; the first one, update 0, precedes any learning.
    """
    generator = torch.Generator().manual_seed(seed)
    table = torch.zeros(world.steps + 1, STATES + 1, dtype=torch.float64)

    def improve(logits, _):
        nonlocal table
        sample = world.sample(logits, plays, generator=generator)
        critic = table.clone().requires_grad_()
        values, next_values = world.step_values(critic, sample)
        flags = sample.terminated, torch.zeros_like(sample.terminated)
        advantages = n_step_advantage(sample.rewards, values, next_values, *flags, gamma=1.0, n=n).detach()
        taken = sample.states < STATES
        (downhill,) = torch.autograd.grad(value_loss(values[taken], (advantages + values)[taken]), critic)
        table = table - critic_step * downhill

        def gain(theta):
            return score_objective(world.log_probabilities(theta, sample), advantages)

        return ascend(gain, logits, steps=1, step_size=step_size)

    for record in train(world, logits, improve, updates=updates):
        error = critic_error(world, record.logits, table)
        yield ActorCriticRecord(record.update, record.logits, table, record.expected_return, error)


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
    """Climb the same `batch` again and again, and say after each epoch what became of the policy.

    `logits` is the policy that took the batch's steps, and where the climb starts; an epoch is one gradient step on
    the whole batch. `objective` takes (logp, old_logp, advantages), all [M], and returns 0-d, to be maximised.

    Yields a `ReuseRecord` after each epoch; the first one, epoch 0, precedes any learning.
    """
    states, actions, advantages, share = batch
    old_logp = logits.log_softmax(-1)[states, actions]

    def gain(theta):
        return objective(theta.log_softmax(-1)[states, actions], old_logp, advantages)

    logits = logits.clone()
    for epoch in range(epochs + 1):
        if epoch:
            logits = ascend(gain, logits, steps=1, step_size=step_size)
        rho = ratio(logits.log_softmax(-1)[states, actions], old_logp)
        yield ReuseRecord(epoch, logits, world.start_value(logits), rho, share)
