"""Lesson 09 in numbers: steps against behaviour, a price against a limit, a bound, three estimators, and training."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons.corridor import SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments.tabular import train_table, train_trust_region
from ppo_lessons.kl_penalty import adapt_beta, approximate_kl, kl_divergence, penalized_objective

OLD = torch.tensor(SLIDES_POLICY, dtype=torch.float64)  # [3] the policy that played, in one state

# A step in the parameters against what it does


def stepped(sure, length):
    """Old logits (0, 0, sure) and new ones, `length` further in the logit of `left`: [..., 3] each."""
    length = torch.as_tensor(length, dtype=torch.float64)
    old = torch.tensor([0.0, 0.0, sure], dtype=torch.float64).expand(*length.shape, 3)
    return old, old + length[..., None] * torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def second_order(sure, length):
    """Half of step . F step for that step: the parabola that both directions of KL touch at 0, in nats [...].

    F of a softmax is diag(pi) - pi pi^T; its entry for `left` is pi (1 - pi).
    """
    pi = stepped(sure, torch.zeros(()))[0].softmax(-1)[0]
    return torch.as_tensor(length, dtype=torch.float64).square() / 2 * pi * (1 - pi)


# A price and a limit are the same thing: one state, all policies over three actions

BETAS = np.geomspace(0.2, 20, 60)  # prices of one nat, in reward units


@cache
def advantages_in_cell_2():
    """Exact A(s, a) [3] of the slides' policy, by day in cell 2 at step 2: next to the pit."""
    world = Corridor()
    values, action_values = world.tables(world.policy(SLIDES_POLICY), gamma=1.0)
    return action_values[2, 2] - values[2, 2]


def best_for_price(beta):
    """The policy [3] that maximises sum_a pi(a) A(a) - beta KL(old||pi) in that state, exactly.

    Where the derivative with respect to pi(a) is the same number nu for all actions, A(a) + beta old(a) / pi(a) = nu,
    so pi(a) = beta old(a) / (nu - A(a)); nu is the number that makes the three sum to 1.
    """
    advantages = advantages_in_cell_2()
    low, high = advantages.max() + 1e-9, advantages.max() + 2 * beta + 1e-9  # the sum falls from above 1 to below 1
    for _ in range(80):
        nu = (low + high) / 2
        if (beta * OLD / (nu - advantages)).sum() > 1:
            low = nu
        else:
            high = nu
    pi = beta * OLD / (nu - advantages)
    return pi / pi.sum()


def worth(policy):
    """What a policy [3] costs and brings in that state: KL(old||policy) in nats, and the surrogate's gain. Floats."""
    return kl_divergence(OLD.log(), policy.log()).item(), (policy @ advantages_in_cell_2()).item()


@cache
def bought():
    """For each of `BETAS`: KL(old||pi) and the surrogate's gain of the best policy at that price, two arrays."""
    kl, gain = zip(*(worth(best_for_price(beta)) for beta in BETAS), strict=True)
    return np.array(kl), np.array(gain)


def level(delta, directions=240):
    """The policies with KL(old||pi) = delta, in order around the old one: [directions, 3]."""
    angle = torch.linspace(0, 2 * torch.pi, directions, dtype=torch.float64)[:, None]
    across = torch.tensor([[1.0, -1.0, 0.0]], dtype=torch.float64) / 2**0.5
    along = torch.tensor([[1.0, 1.0, -2.0]], dtype=torch.float64) / 6**0.5
    ray = angle.cos() * across + angle.sin() * along
    high = torch.where(ray < 0, -OLD / ray, torch.inf).min(1, keepdim=True).values  # where the ray leaves the triangle
    low = torch.zeros_like(high)
    for _ in range(50):
        middle = (low + high) / 2
        kl = (OLD * (OLD / (OLD + middle * ray)).log()).sum(1, keepdim=True)
        low, high = torch.where(kl < delta, middle, low), torch.where(kl < delta, high, middle)
    return OLD + low * ray


def tangent(beta, kl):
    """The straight line that touches `bought` where the price is beta: the surrogate's gain at `kl`, in reward units.

    The best policy at a price maximises gain - beta KL, so that no policy lies above this line.
    """
    delta, gain = worth(best_for_price(beta))
    return gain + beta * (kl - delta)


# A price that promises a rise: TRPO's lower bound, for plays of T steps without discount


class Bound(NamedTuple):
    """What is known about a new policy, and what is true. In reward units, but for the KL."""

    surrogate: float  # L = sum_t E_old[sum_a pi(a|s_t) A_t(s_t, a)]: states of the old policy, actions of the new one
    largest_kl: float  # max_s KL(old || new), in nats
    constant: float  # T (T - 1) max |A|: the price of one nat of the largest KL
    truth: float  # J(new) - J(old)

    @property
    def promised(self):
        """The rise that is certain: J(new) - J(old) >= L - T (T - 1) max |A| max_s KL(old || new)."""
        return self.surrogate - self.constant * self.largest_kl


def lower_bound(world, old_logits, logits):
    """TRPO's bound and the truth for two policy tables [12, 3], exactly: a `Bound`.

    Why it holds. With a = max_s TV(old, new), half the sum of |new - old| over the actions: after t steps the two
    policies' state distributions differ by at most 2 t a, summed over states; a state's gain sum_a pi(a) A(a) is at
    most 2 a max |A|, because old's mean advantage is 0. So step t errs by at most 4 t a^2 max |A|, and all T steps by
    2 T (T - 1) a^2 max |A|. Pinsker's inequality, a^2 <= KL / 2, does the rest.

    Source: Schulman et al. (2015), theorem 1, whose factor 4 gamma / (1 - gamma)^2 is infinite at gamma = 1.
    """
    values, action_values = world.tables(old_logits, gamma=1.0)
    advantages = action_values - values[:-1, :STATES, None]
    visits = world.visits(old_logits)[..., None]  # [T, 12, 1]
    largest = (advantages.abs() * (visits > 0)).max()
    return Bound(
        surrogate=(visits * logits.softmax(-1) * advantages).sum().item(),
        largest_kl=kl_divergence(old_logits, logits).max().item(),
        constant=(world.steps * (world.steps - 1) * largest).item(),
        truth=world.start_value(logits) - world.start_value(old_logits),
    )


def step_uphill(step_size):
    """TRPO's bound for a step of the slides' policy along the exact gradient of J: a `Bound`."""
    world = Corridor()
    old = world.policy(SLIDES_POLICY)
    return lower_bound(world, old, old + step_size * world.gradient(old))


STEP_SIZES = np.geomspace(0.005, 2.0, 60)


def climb_on_promises(updates):
    """True J after each update that takes the step along the exact gradient with the largest promised rise: a list.

    The first number is J of the slides' policy.
    """
    world = Corridor()
    logits = world.policy(SLIDES_POLICY)
    returns = [world.start_value(logits)]
    for _ in range(updates):
        uphill = world.gradient(logits)
        trials = [logits + size * uphill for size in STEP_SIZES]
        logits = max(trials, key=lambda trial: lower_bound(world, logits, trial).promised)
        returns.append(world.start_value(logits))
    return returns


# Three estimators, every action listed

DIRECTION = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)


def moved(length):
    """log pi_old and log pi [..., 3]: the slides' policy, and a shift of `length` from right to left in its logits."""
    length = torch.as_tensor(length, dtype=torch.float64)[..., None]
    new = (OLD.log() + length * DIRECTION).log_softmax(-1)
    return OLD.log().expand_as(new), new


def estimator_moments(length):
    """Exact KL(old||new) and, for k1, k2, k3, mean and standard deviation of one sample from the old policy: [...]."""
    old, new = moved(length)
    moments = {}
    for name in ("k1", "k2", "k3"):
        samples = approximate_kl(new, old, estimator=name)
        mean = (old.exp() * samples).sum(-1)
        spread = ((old.exp() * samples.square()).sum(-1) - mean.square()).clamp(min=0).sqrt()
        moments[name] = mean, spread
    return kl_divergence(old, new), moments


# Leashes on the Corridor, from the slides' policy

UPDATES, PLAYS, EPOCHS, STEP_SIZE, LAM, DAMPING = 12, 12, 40, 1.0, 0.95, 1e-3


def penalty_with(beta):
    """PPO-penalty's objective in the form that `train_table` takes."""

    def objective(logp, old_logp, advantages, kl):
        return penalized_objective(logp, old_logp, advantages, kl(), beta=beta)

    return objective


def train_objective(objective, *, epochs, seed):
    """So many plain gradient steps a sample on an objective of `train_table`: an iterator of records."""
    world = Corridor()
    settings = {"updates": UPDATES, "plays": PLAYS, "epochs": epochs, "step_size": STEP_SIZE, "lam": LAM, "seed": seed}
    return train_table(world, world.policy(SLIDES_POLICY), objective, **settings)


def train_penalty(beta, *, seed):
    """PPO-penalty with a fixed price: an iterator of records."""
    return train_objective(penalty_with(beta), epochs=EPOCHS, seed=seed)


def train_adaptive(beta, *, target, seed, adapt=adapt_beta):
    """PPO-penalty whose price is adapted after each update: an iterator of (record, price used in that update)."""

    def objective(logp, old_logp, advantages, kl):
        return penalized_objective(logp, old_logp, advantages, kl(), beta=beta)  # the price of now: it changes below

    for record in train_objective(objective, epochs=EPOCHS, seed=seed):
        yield record, beta
        if record.update:
            beta = adapt(beta, record.kl, target=target)


def train_trpo(max_kl, *, seed):
    """TRPO: an iterator of records."""
    world = Corridor()
    settings = {"updates": UPDATES, "plays": PLAYS, "max_kl": max_kl, "damping": DAMPING, "lam": LAM, "seed": seed}
    return train_trust_region(world, world.policy(SLIDES_POLICY), **settings)


def resting_band(target):
    """Least and largest KL of an update, in nats, after which `adapt_beta` leaves the price as it is."""
    return target / 1.5, target * 1.5


def inside_band(records, target):
    """How many of these updates ended in the band. Record 0, which precedes any learning, is no update."""
    low, high = resting_band(target)
    return sum(low <= record.kl <= high for record in records if record.update)
