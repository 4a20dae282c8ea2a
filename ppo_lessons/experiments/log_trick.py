"""The numbers of lesson 03: log P in its parts, one push, the estimate against the truth, and stale plays."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, SLIDES_POLICY, Corridor, Trajectories
from ppo_lessons.experiments.tabular import train_reinforce
from ppo_lessons.experiments.variance_ladder import running_trajectory, total_return
from ppo_lessons.log_trick import score_objective

RIGHT = ACTIONS.index("right")


# What the log takes apart


def with_right(right):
    """Logits [12, 3] of the slides' policy with another probability of `right`; left and up keep their proportion."""
    return Corridor().policy(((1 - right) / 3, 2 * (1 - right) / 3, right))


def log_parts(success, right):
    """log P of the running trajectory in its three parts, when `right` works with this probability.

    Returns log p(s_0), [3] log p(s', r | s, a), [3] log pi(a | s), and the derivatives of P and of log P with respect
    to theta, the logit of `right` in cell 2 by day, both by autograd.
    """
    world, play = Corridor(success=(0.9, 0.8, success)), running_trajectory()
    logits = with_right(right).requires_grad_()
    states = play.states[:, 0].tolist()
    chances = [world.outcomes(state, RIGHT)[0].probability for state in states]
    environment = torch.tensor(chances, dtype=torch.float64).log()
    policy = world.log_probabilities(logits, play)[:, 0]
    start = torch.tensor(0.5, dtype=torch.float64).log()
    log_p = start + environment.sum() + policy.sum()
    (of_p,) = torch.autograd.grad(log_p.exp(), logits, retain_graph=True)
    (of_log,) = torch.autograd.grad(log_p, logits)
    return start, environment, policy.detach(), of_p[2, RIGHT].item(), of_log[2, RIGHT].item()


CHANCES = np.linspace(0.5, 1.0, 26)  # that `right` succeeds


@cache
def slopes(right):
    """Derivatives of P and of log P for every success probability of `CHANCES`: [26, 2]."""
    return np.array([log_parts(chance, right)[3:] for chance in CHANCES.tolist()])


# One push


def push_of(action, weight, step_size):
    """One ascent step on one action in one state: direction, push [3], and the policy before and after [3]."""
    logits = torch.tensor(SLIDES_POLICY, dtype=torch.float64).log().requires_grad_()
    logp = logits.log_softmax(-1)[ACTIONS.index(action)][None]
    (direction,) = torch.autograd.grad(logp.sum(), logits, retain_graph=True)
    (push,) = torch.autograd.grad(score_objective(logp, torch.full_like(logp, weight).detach()), logits)
    before = logits.detach()
    return direction, push, before.softmax(-1), (before + step_size * push).softmax(-1)


# The estimate against the truth

SAMPLES = 40
MOST_DOUBLINGS = 12


class Exact(NamedTuple):
    """Everything that no sample changes."""

    world: Corridor
    policy: torch.Tensor  # [12, 3] logits
    plays: Trajectories  # all K of them
    gradient: torch.Tensor  # [36] of J
    scores: torch.Tensor  # [K, 36] what each play alone says of it
    variance: torch.Tensor  # 0-d, of one play's estimate, summed over the 36 parameters


@cache
def exact():
    """The slides' policy on the Corridor, by listing all plays: an `Exact`."""
    world = Corridor()
    policy, plays = world.policy(SLIDES_POLICY), world.trajectories()
    weights = total_return(plays)
    gradient, variance = world.gradient(policy).flatten(), world.gradient_moments(policy, weights).variance
    return Exact(world, policy, plays, gradient, world.scores(policy, weights), variance)


def typical_error(number):
    """Root mean square length of the error of an estimate from this many plays. A float."""
    return (exact().variance / number).sqrt().item()


def plays_needed():
    """The number of plays from which on the error is typically shorter than the gradient itself. A float."""
    return exact().variance.item() / exact().gradient.norm().item() ** 2


@cache
def drawn(doublings):
    """Numbers of the plays in `SAMPLES` samples of 2**doublings plays each: [SAMPLES, N]."""
    probabilities = exact().world.probabilities(exact().policy)
    generator = torch.Generator().manual_seed(doublings)
    number = SAMPLES * 2**doublings
    return torch.multinomial(probabilities, number, replacement=True, generator=generator).view(SAMPLES, -1)


def sampled_gradient(doublings, sample):
    """The policy gradient estimated from one of the samples, by autograd through the lesson's function: [36]."""
    plays = exact().plays.select(drawn(doublings)[sample])
    logits = exact().policy.clone().requires_grad_()
    objective = score_objective(exact().world.log_probabilities(logits, plays), total_return(plays))
    return torch.autograd.grad(objective, logits)[0].flatten()


@cache
def cloud(doublings):
    """Angle to the truth (radians), length and length of the error of all samples: three arrays [SAMPLES]."""
    estimates = torch.stack([exact().scores[plays].mean(0) for plays in drawn(doublings)])
    return compare(estimates, exact().gradient)


def compare(estimates, truth):
    """Angle to the truth (radians; a right angle where an estimate is 0), length, length of the error."""
    cosine = torch.cosine_similarity(estimates, truth[None], dim=1).clamp(-1, 1)
    return cosine.acos().numpy(), estimates.norm(dim=1).numpy(), (estimates - truth).norm(dim=1).numpy()


def compare_one(doublings, sample):
    """The same for one of the samples, computed by autograd: three floats."""
    return [number.item() for number in compare(sampled_gradient(doublings, sample)[None], exact().gradient)]


# REINFORCE, and what happens when the plays are used again

UPDATES, STEP_SIZE, RUNS = 20, 0.2, 10  # runs differ in the plays that they draw, and in nothing else


def runs(weigh, plays, reuse, *, updates=UPDATES, step_size=STEP_SIZE):
    """True J after each update, for ten runs, one list at a time. Each batch of `plays` is used `reuse` times."""
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    for seed in range(RUNS):
        records = train_reinforce(
            world, start, weigh, updates=updates, plays=plays, reuse=reuse, step_size=step_size, seed=seed
        )
        yield [record.expected_return for record in records]


def reached(curves):
    """Where several runs ended: lowest, highest and mean J after the last update. Three floats."""
    ends = [curve[-1] for curve in curves]
    return min(ends), max(ends), sum(ends) / len(ends)
