"""Lesson 11 in numbers: a trap that entropy opens, one that it does not, a world that changes, and stored log π."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
import torch

from ppo_lessons.corridor import CELLS, SLIDES_POLICY, START, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.tabular import TableRecord, exact_ascent, train_table
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.reward_to_go import reward_to_go

# Home: a Corridor where staying is tempting. Leaving costs 1 by day and by night, the pit 5; the flag still pays 3.

HOME = Corridor(leaving=(-1.0, -1.0), pit=-5.0)
HOMEBODY = (0.5, 0.25, 0.25)  # left, up, right
UPDATES, PLAYS, STEP_SIZE, LAM, DECAY_END, HALF_LIFE = 100, 30, 3.0, 0.95, 60, 20


def decaying(weight, update):
    """The entropy weight in this update: on a straight line from `weight` to 0 at update 60."""
    return weight * max(0.0, 1 - update / DECAY_END)


def halving(weight, update):
    """The entropy weight in this update: half as large every 20 updates. Exponential decay; it never reaches 0.

    All its weights together are 30 times the first one, nearly, as with `decaying`.
    """
    return weight * 0.5 ** (update / HALF_LIFE)


def constant(weight, update):
    """The entropy weight in this update: always the same."""
    return weight


SCHEDULES = {"to 0 at update 60": decaying, "halved every 20 updates": halving, "constant": constant}


def surrogate(logp, old_logp, advantages, kl):
    """The plain surrogate in the form that `train_table` takes. With one epoch: the policy gradient."""
    return surrogate_objective(logp, old_logp, advantages)


def train_home(weight, *, decay, seed):
    """One gradient step per sample on the world HOME, with an entropy bonus: an iterator of records."""
    settings = {"updates": UPDATES, "plays": PLAYS, "epochs": 1, "step_size": STEP_SIZE, "lam": LAM, "seed": seed}
    bonus = partial(SCHEDULES[decay], weight)
    return train_table(HOME, HOME.policy(HOMEBODY), surrogate, **settings, entropy_weight=bonus)


def mean_entropy(world, logits):
    """Entropy averaged over the states that the policy visits, exactly. A float, in nats."""
    visits = world.visits(logits).sum(0)
    return ((visits * entropy(logits)).sum() / visits.sum()).item()


def found(world, logits):
    """In how many of the two situations the policy earns more than by staying at home."""
    values = world.tables(logits, gamma=1.0).values[0]
    return int(values[START] > 0.1) + int(values[CELLS + START] > 0.1)


# A world that changes: at first leaving costs 5, by day and by night, and staying at home is best. Then it pays 1.

BEFORE, AFTER = Corridor(leaving=(-5.0, -5.0)), Corridor(leaving=(1.0, 1.0))
CHANGE = 100  # updates in each of the two


@dataclass(frozen=True)
class ChangeRecord(TableRecord):
    """One update before or after the change; `world` is that of this update."""

    @cached_property
    def leaves(self):
        """Probability of an action that leaves cell 0, mean over the two situations. A float."""
        return 1 - self.logits[[START, CELLS + START]].softmax(-1)[:, 0].mean().item()


def train_changing(bonus, *, seed) -> Iterator[ChangeRecord]:
    """100 updates in the world BEFORE, then 100 in the world AFTER. `bonus` gives the weight in update 1, 2, ..., 200.

    Record 0 precedes any learning. The world changes after record 100, without a word to the learner.
    """
    settings = {"updates": CHANGE, "plays": PLAYS, "epochs": 1, "step_size": STEP_SIZE, "lam": LAM}
    logits = BEFORE.policy(HOMEBODY)
    for world, first in ((BEFORE, 0), (AFTER, CHANGE)):

        def weight(update, first=first):
            return bonus(first + update)

        for record in train_table(world, logits, surrogate, **settings, seed=first + seed, entropy_weight=weight):
            logits = record.logits
            if record.update or not first:
                yield ChangeRecord(first + record.update, logits, record.old_logits, world)


# The night of the plain Corridor: a trap that the bonus does not open

STAY = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)  # probabilities of `left` in cell 0 by night


@cache
def trapped():
    """Where exact ascent from the slides' policy ends: logits [12, 3]."""
    world = Corridor()
    *_, end = exact_ascent(world, world.policy(SLIDES_POLICY), updates=400, step_size=1.0)
    return end.logits


def stay_at_home(p):
    """The trapped policy, but by night it says `left` in cell 0 with probability p: logits [12, 3]."""
    logits = trapped().clone()
    first = logits[CELLS + START].softmax(-1)
    rest = first[1:] / first[1:].sum() * (1 - p)
    logits[CELLS + START] = torch.cat([torch.as_tensor(p, dtype=torch.float64)[None], rest]).log()
    return logits


@cache
def night():
    """For each p in `STAY`: the exact value of the night, and the entropy of that one row. Two tensors [999]."""
    tables = [stay_at_home(p) for p in STAY]
    values = [Corridor().tables(logits, gamma=1.0).values[0, CELLS + START] for logits in tables]
    return torch.stack(values), torch.stack([entropy(logits[CELLS + START]) for logits in tables])


def valley():
    """The probability of staying from which on more of it pays: where the night is worth least. A float."""
    return STAY[night()[0].argmin()].item()


def resting_place(weight):
    """Climb value + weight * entropy from p = 0 up: the place in `STAY` where it rests, and the whole curve [999]."""
    value, undecided = night()
    height = value + weight * undecided
    place = 0
    while place + 1 < len(height) and height[place + 1] > height[place]:
        place += 1
    return place, height


def rolls_back(place):
    """Whether the value falls at this place in `STAY`, so that a climb goes back to p = 0 when it loses its bonus."""
    value, _ = night()
    return bool(value[min(place + 1, len(value) - 1)] < value[max(place - 1, 0)])


# Acting at a temperature, and what is stored

WEIGHTS = ("reward-to-go", "reward-to-go minus V")
ACTING_TEMPERATURES = np.round(np.arange(0.5, 3.01, 0.25), 2)


def stored_gradients(temperature, weights):
    """Mean gradient estimates [36] when the slides' policy acts at a temperature, every play listed with its chance.

    Returns:
        truth of the policy at T = 1; truth of the policy that acts, pi_T; the estimate with its own, tempered
        log-probabilities; the estimate with untempered ones.
    """
    world = Corridor()
    logits = world.policy(SLIDES_POLICY)
    acting = logits / temperature
    plays, chance = world.trajectories(), world.probabilities(acting)
    weight = reward_to_go(plays.rewards, gamma=1.0)
    if weights == WEIGHTS[1]:
        weight = weight - world.step_values(world.tables(acting, gamma=1.0).values)[0]
    tempered = chance @ world.scores(acting, weight) / temperature  # d(logits / T) / d logits
    untempered = chance @ world.scores(logits, weight)
    truths = world.gradient(logits).flatten(), world.gradient(acting).flatten() / temperature
    return *truths, tempered, untempered


def distance(estimate, truth):
    """|estimate - truth| / |truth|, a float."""
    return ((estimate - truth).norm() / truth.norm()).item()


@cache
def stored_errors(weights):
    """Relative errors [3, 11], a column for each of `ACTING_TEMPERATURES`.

    The rows: tempered against pi_T, untempered against pi_T, untempered against pi.
    """
    rows = []
    for temperature in ACTING_TEMPERATURES:
        plain, acting, tempered, untempered = stored_gradients(float(temperature), weights)
        rows.append([distance(tempered, acting), distance(untempered, acting), distance(untempered, plain)])
    return np.array(rows).T
