"""What each step of the course buys on CartPole, one change a rung. Run it by `make ladder`.

A rung differs from the one that it is compared with in a single field of `Rung`. All else is common. In each update 16
games play one episode each, to its end: to stop when enough steps are there would favour short episodes. The budget
counts the steps that are learned from. Actor and critic have an optimiser each, and a cut of their gradient each.
On every rung that has a critic it takes the same number of gradient steps an update, at the same rate. What the actor's
step may be, a learning rate or TRPO's limit, is chosen for each rung from one grid, on seeds of their own.
"""

import contextlib
import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from ppo_lessons import data
from ppo_lessons.advantage import normalize
from ppo_lessons.clip import clipped_objective
from ppo_lessons.experiments.intervals import bootstrap_interval, difference_interval
from ppo_lessons.experiments.runs import circumstances, perform
from ppo_lessons.gae import gae
from ppo_lessons.kl_penalty import adapt_beta, penalized_objective
from ppo_lessons.ppo import ALGORITHMS, Config, critic_loss, evaluate, gradient_step
from ppo_lessons.reward_to_go import reward_to_go
from ppo_lessons.trainer.distributions import distribution_of
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.record import divergence
from ppo_lessons.trainer.rollout import Game, Rollout, collect, to_batch
from ppo_lessons.trust_region import trust_region_step
from ppo_lessons.validation import NonFiniteError

EPOCHS, MINIBATCHES = Config.epochs, Config.minibatches  # of the critic, and of the actor where it has more than one


@dataclass(frozen=True)
class Rung:
    """What tells rungs apart."""

    past: bool  # is an action judged by the return of the whole play, also by what was paid before it?
    critic: bool  # is there one? It then speaks for what a time limit or the end of a rollout cuts off
    lam: float  # of GAE; the critic's target, A + V, moves with it
    epochs: int  # of the actor
    minibatches: int  # of the actor
    objective: str  # the surrogate and nothing else, or with "clip", "fixed price", "adaptive price", "trust region"
    whole_episodes: bool  # does each game play one episode an update? Else rollouts are as long as `Config` says
    normalize: bool  # are advantages shifted and scaled to mean 0 and standard deviation 1?


FIRST = Rung(
    past=True,
    critic=False,
    lam=1.0,
    epochs=1,
    minibatches=1,
    objective="surrogate",
    whole_episodes=True,
    normalize=False,
)
CHANGES = {  # rung -> the one that it is compared with, and what is changed there
    "reward-to-go": ("REINFORCE", {"past": False}),
    "baseline": ("reward-to-go", {"critic": True}),
    "one-step TD": ("baseline", {"lam": 0.0}),
    "GAE": ("one-step TD", {"lam": Config.lam}),
    "TRPO": ("GAE", {"objective": "trust region"}),
    "several epochs": ("GAE", {"epochs": EPOCHS}),
    "minibatches": ("several epochs", {"minibatches": MINIBATCHES}),
    "clip": ("minibatches", {"objective": "clip"}),
    "fixed price": ("minibatches", {"objective": "fixed price"}),
    "adaptive price": ("minibatches", {"objective": "adaptive price"}),
    "fixed length": ("clip", {"whole_episodes": False}),
    "normalised": ("fixed length", {"normalize": True}),
}


def rungs():
    """All rungs in the order of the course, each made of the one that it is compared with: name -> `Rung`."""
    made = {"REINFORCE": FIRST}
    for name, (before, change) in CHANGES.items():
        made[name] = dataclasses.replace(made[before], **change)
    return made


RUNGS = rungs()
COMMON = [  # fields of `Config` that count on every rung
    *("env_id", "num_envs", "num_steps", "epochs", "minibatches", "learning_rate", "gamma", "epsilon", "beta"),
    *("damping", "entropy_weight", "value_weight", "max_grad_norm", "hidden"),
]

GAMES = 16
RATES = [2e-4, 6e-4, 2e-3, 6e-3, 2e-2, 6e-2]
MAX_KLS = [1e-3, 3e-3, 1e-2, 3e-2, 1e-1]  # nats; the grid of TRPO, whose step has no learning rate
TARGET_KL = ALGORITHMS["ppo-penalty-adaptive"]["beta_target_kl"]

TOTAL_STEPS = 50_000  # with 100,000 nearly every rung ends at 500
SEEDS, SEEDS_OF_RATES = range(20), range(1000, 1005)
POINTS = 20  # of a learning curve, after the first
PLAYED = 32  # episodes for each of them, sampled
EPISODES = 100  # after training, greedy
PIECE = 20  # steps that are played before one looks whether all episodes have ended


def grid_of(rung):
    """The steps of the actor that are tried on a rung: learning rates of Adam, or TRPO's limits in nats."""
    return MAX_KLS if rung.objective == "trust region" else RATES


# Training


def play_once(game, actor, *, generator):
    """Let every game play one episode: a `Rollout`, masked after the end of each game's, where nothing is paid."""
    game.reset()
    pieces, ended = [], torch.zeros_like(game.returns, dtype=torch.bool)
    while not ended.all():
        pieces.append(collect(game, actor, PIECE, generator=generator))
        ended = ended | (pieces[-1].terminated | pieces[-1].truncated).any(0)
    *columns, _ = zip(*pieces, strict=True)
    rollout = Rollout(*map(torch.cat, columns))
    ends = (rollout.terminated | rollout.truncated).long()
    mask = ends.cumsum(0) - ends == 0  # no end before this step
    return rollout._replace(rewards=rollout.rewards.masked_fill(~mask, 0), mask=mask)


@torch.no_grad()
def judge(rung, rollout, critic):
    """The steps of a rollout that count, with their advantages and the critic's targets: a `Batch`."""
    values, next_values = torch.zeros_like(rollout.rewards), None
    if rung.critic:
        values, next_values = critic(rollout.observations).squeeze(-1), critic(rollout.next_observations).squeeze(-1)
        flags = rollout.terminated, rollout.truncated
        advantages = gae(rollout.rewards, values, next_values, *flags, gamma=Config.gamma, lam=rung.lam)
    else:
        advantages = reward_to_go(rollout.rewards, gamma=Config.gamma)
        if rung.past:
            advantages = advantages[0].expand_as(advantages)
    old_logp = distribution_of(rollout.actions).log_probability(rollout.dist_params, rollout.actions)
    batch = to_batch(rollout, old_logp=old_logp, advantages=advantages, targets=advantages + values, values=values)
    return batch._replace(advantages=normalize(batch.advantages)) if rung.normalize else batch


def actor_objective(rung, actor, batch, beta):
    """What the actor maximises, the entropy bonus with it. While the ratio is 1 the gradient is that of log pi."""
    policy, dist_params = distribution_of(batch.actions), actor(batch.observations)
    judged = policy.log_probability(dist_params, batch.actions), batch.old_logp, batch.advantages
    if rung.objective.endswith("price"):
        kl = policy.kl_divergence(batch.dist_params, dist_params)
        objective = penalized_objective(*judged, kl, beta=beta)
    else:
        epsilon = Config.epsilon if rung.objective == "clip" else math.inf
        objective = clipped_objective(*judged, epsilon=epsilon).objective
    return objective + Config.entropy_weight * policy.entropy(dist_params).mean()


def natural_step(rung, actor, batch, max_kl):
    """TRPO: the same objective, another step."""

    def kl():
        policy = distribution_of(batch.actions)
        return policy.kl_divergence(batch.dist_params, actor(batch.observations)).mean()

    def objective():
        return actor_objective(rung, actor, batch, 0.0)

    trust_region_step(actor.parameters(), objective, kl, max_kl=max_kl, damping=Config.damping)


def improve_actor(rung, actor, optimizer, batch, *, max_kl, beta, generator):
    """The rung's gradient steps on a rollout, or the one step of TRPO."""
    if rung.objective == "trust region":
        natural_step(rung, actor, batch, max_kl)
        return
    for _ in range(rung.epochs):
        for minibatch in batch.minibatches(rung.minibatches, generator=generator):
            gradient_step(optimizer, -actor_objective(rung, actor, minibatch, beta), Config)


def improve_critic(critic, optimizer, batch, *, generator):
    """The same number of gradient steps on every rung, whatever the actor's."""
    for _ in range(EPOCHS):
        for minibatch in batch.minibatches(MINIBATCHES, generator=generator):
            gradient_step(optimizer, Config.value_weight * critic_loss(critic, minibatch, Config), Config)


def train(rung, rate, *, seed, total_steps):
    """Train on one rung: an iterator of (steps learned from, actor), first before any learning, then after each update.

    Learning rates fall linearly with the steps used. An update that would exceed the budget is left out.

    Args:
        rung: a `Rung`.
        rate: of the actor's Adam at the start, or TRPO's limit in nats, which does not fall.
        seed: of weights, games, actions and minibatches.
        total_steps: the budget.

    Raises:
        NonFiniteError: a ratio, a loss or a gradient became nan or infinite.
    """
    generator, weights = (torch.Generator().manual_seed(seed) for _ in range(2))
    games = GAMES if rung.whole_episodes else Config.num_envs
    with contextlib.closing(Game(Config.env_id, games, device="cpu", seed=seed)) as game:
        spaces = game.observation_space, game.action_space
        actor, critic = actor_and_critic(*spaces, Config.hidden, generator=weights)
        optimizers = [Adam(network.parameters(), lr=0.0, eps=1e-5) for network in (actor, critic)]
        used, beta = 0, Config.beta
        yield used, actor
        while True:
            if rung.whole_episodes:
                rollout = play_once(game, actor, generator=generator)
            else:
                rollout = collect(game, actor, Config.num_steps, generator=generator)
            batch = judge(rung, rollout, critic)
            if used + len(batch.targets) > total_steps:
                return
            for optimizer, full in zip(optimizers, (rate, Config.learning_rate), strict=True):
                optimizer.set_learning_rate(full * (1 - used / total_steps))
            improve_actor(rung, actor, optimizers[0], batch, max_kl=rate, beta=beta, generator=generator)
            if rung.critic:
                improve_critic(critic, optimizers[1], batch, generator=generator)
            if rung.objective == "adaptive price":
                beta = adapt_beta(beta, divergence(actor, batch).mean(), target=TARGET_KL)
            used += len(batch.targets)
            yield used, actor


# Measuring


def learn(rung, rate, *, seed, total_steps):
    """Train, and let the policy play now and then, in games that are not learned from.

    A training whose numbers become infinite ends there, with the policy as it was then.

    Yields:
        steps used, mean return of 32 sampled episodes, the actor. About 20 times, evenly spread over the budget as far
        as the updates allow.
    """
    seed_of_playing, known = seed + 10_000, -math.inf
    generator = torch.Generator().manual_seed(seed_of_playing)
    with contextlib.closing(Game(Config.env_id, PLAYED, device="cpu", seed=seed_of_playing)) as game:
        with contextlib.suppress(NonFiniteError):
            for used, actor in train(rung, rate, seed=seed, total_steps=total_steps):
                if used >= known + total_steps / POINTS:
                    known = used
                    yield used, play_once(game, actor, generator=generator).rewards.sum(0).mean().item(), actor
        if used > known:  # after the last update
            yield used, play_once(game, actor, generator=generator).rewards.sum(0).mean().item(), actor


def steps_of(total_steps):
    """[21] environment steps at which learning curves are compared."""
    return np.linspace(0, total_steps, POINTS + 1)


def run(rung, rate, seed, total_steps):
    """One training: what JSON can hold.

    Args:
        rung: the fields of a `Rung`, as a dict.

    Returns:
        dict: `curve`, the return while training at the steps of `steps_of`; `final`, the mean of the greedy episodes
        after training in Gymnasium's own game; `seconds` of processor time, all in all.
    """
    began = time.process_time()
    used, returns, actors = zip(*learn(Rung(**rung), rate, seed=seed, total_steps=total_steps), strict=True)
    curve = np.interp(steps_of(total_steps), used, returns)
    final = evaluate(actors[-1], Config.env_id, episodes=EPISODES, seed=10_000).mean().item()
    seconds = time.process_time() - began
    return {"curve": curve.round(1).tolist(), "final": round(final, 2), "seconds": round(seconds, 1)}


def measure(*, seeds=SEEDS, seeds_of_rates=SEEDS_OF_RATES, grid=grid_of, total_steps=TOTAL_STEPS):
    """The whole comparison: a dict for `data/ladder.json`.

    The rate of a rung is the one with the largest mean return over the whole training.
    """
    tried = [(name, rate, seed) for name, rung in RUNGS.items() for rate in grid(rung) for seed in seeds_of_rates]
    areas = {}
    for (name, rate, _), one in zip(tried, perform("ladder", run, jobs(tried, total_steps)), strict=True):
        areas.setdefault(name, {}).setdefault(rate, []).append(area(one["curve"]))
    rates = {name: {rate: float(np.mean(found)) for rate, found in of_rung.items()} for name, of_rung in areas.items()}
    best = {name: max(of_rung, key=of_rung.get) for name, of_rung in rates.items()}

    chosen = [(name, best[name], seed) for name in RUNGS for seed in seeds]
    runs = {name: [] for name in RUNGS}
    for (name, _, _), one in zip(chosen, perform("ladder", run, jobs(chosen, total_steps)), strict=True):
        runs[name].append(one)
    return {
        "game": "CartPole-v1; finals are means of 100 greedy episodes in Gymnasium's own game",
        "total_steps": total_steps,
        "seeds": list(seeds),
        "seeds_of_rates": list(seeds_of_rates),
        "common": {name: getattr(Config, name) for name in COMMON},
        "rungs": {
            name: {
                "settings": dataclasses.asdict(rung),
                "rates": {f"{rate:g}": np.round(found, 1).tolist() for rate, found in areas[name].items()},
                "rate": best[name],
                "rate_at_the_edge": best[name] in (min(rates[name]), max(rates[name])),
                "finals": [one["final"] for one in runs[name]],
                "curves": [one["curve"] for one in runs[name]],
                "seconds": [one["seconds"] for one in runs[name]],
            }
            for name, rung in RUNGS.items()
        },
        **circumstances(),
    }


def jobs(trainings, total_steps):
    """Trainings as `perform` takes them: with all that tells a rung from others, so that a changed one is run anew."""
    return [
        {"rung": dataclasses.asdict(RUNGS[name]), "rate": rate, "seed": seed, "total_steps": total_steps}
        for name, rate, seed in trainings
    ]


def area(curve):
    """The mean return over a whole training: it tells apart what ends at 500 early and late."""
    return float(np.mean(curve))


# Reading the record


def scores(result, name, measured):
    """Of each seed of a rung the return after training ("finals"), or over the whole training ("areas")."""
    row = result["rungs"][name]
    return row["finals"] if measured == "finals" else [area(curve) for curve in row["curves"]]


def summary(result, measured, *, statistic=np.mean):
    """Rung -> (mean over the seeds, its interval), or of another statistic, such as `interquartile_mean`."""
    found = {}
    for name in result["rungs"]:
        numbers = scores(result, name, measured)
        found[name] = float(statistic(numbers, axis=0)), bootstrap_interval(numbers, statistic=statistic)
    return found


def differences(result, measured, *, statistic=np.mean):
    """Rung -> (what its change adds to the rung that it is compared with, the interval of that)."""
    found = {}
    for name, (before, _) in CHANGES.items():
        pair = [scores(result, one, measured) for one in (name, before)]
        added, taken = (float(statistic(numbers, axis=0)) for numbers in pair)
        found[name] = added - taken, difference_interval(*pair, statistic=statistic)
    return found


def areas_by_rate(result, name):
    """Rate -> [seeds of the rates] mean return over the whole training."""
    return {float(rate): np.array(areas) for rate, areas in result["rungs"][name]["rates"].items()}


def decided(interval):
    """Does an interval exclude 0?"""
    return interval[0] > 0 or interval[1] < 0


def learning_curves(result):
    """Rung -> (mean, low, high), each [21]: the return while training, with the 95% interval of the mean."""
    curves = {}
    for name, row in result["rungs"].items():
        columns = np.array(row["curves"]).T
        low, high = np.array([bootstrap_interval(column, draws=1000) for column in columns]).T
        curves[name] = columns.mean(1), low, high
    return curves


if __name__ == "__main__":
    data.store("ladder", measure())
