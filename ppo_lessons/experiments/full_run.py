"""The full run of lesson 14: Breakout for 10 million steps with five seeds, and where its settings come from.

`make full-run` searches on seeds of its own, compares networks, trains, judges, measures where the time goes, and keeps
the weights of one run. It may be stopped and goes on where it was.
"""

import itertools
import math
import shutil
import time
from importlib.resources import as_file
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ppo_lessons import data
from ppo_lessons.envs.breakout import BALL, BRICK, SIZE, BreakoutEnv
from ppo_lessons.experiments.replay import replay
from ppo_lessons.experiments.runs import FOLDER, circumstances, perform
from ppo_lessons.ppo import Config, improve, train
from ppo_lessons.trainer import networks
from ppo_lessons.trainer.config import settings_for
from ppo_lessons.trainer.distributions import Softmax
from ppo_lessons.trainer.evaluation import first_returns
from ppo_lessons.trainer.networks import actor_and_critic, hidden_layers, one_thread
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.rollout import Game, collect

ENV = "ppo_lessons/Breakout-v0"
SETTINGS = settings_for(ENV)
LONG, SHORT = 10_000_000, 1_000_000
SEEDS, EPISODES = 5, 1000
WEIGHTS = "breakout.pt"  # of one of the runs

# The search, one seed an attempt: at random with short runs, and the best of those again with longer ones; by hand,
# from a middling candidate; at last the whole length, with a larger rollout.

GRID = {
    "network": ["flat", "convolution"],
    "hidden": [64, 128],
    "num_envs": [64, 128, 256],
    "num_steps": [32, 64, 128],
    "epochs": [2, 3, 4],
    "rows": [256, 512, 1024],  # of a minibatch
    "learning_rate": [1e-3, 2.5e-3, 5e-3],
    "gamma": [0.99, 0.995, 0.999],
    "lam": [0.9, 0.95],
    "epsilon": [0.1, 0.2],
    "entropy_weight": [0.0, 0.001, 0.005],
}
RANDOM, MIDDLE = 16, 3_000_000
SEARCH_SEEDS = {"at random": 1000, "the best of these": 1001, "by hand": 2000, "whole": 3000}
BASE = {
    "network": "flat",
    "hidden": 64,
    "num_envs": 128,
    "num_steps": 64,
    "epochs": 4,
    "minibatches": 16,
    "learning_rate": 2.5e-3,
    "gamma": 0.99,
    "lam": 0.9,
    "epsilon": 0.2,
    "entropy_weight": 0.005,
}
BY_HAND = [
    {},
    {"entropy_weight": 0.01},
    {"entropy_weight": 0.02},
    {"gamma": 0.995, "lam": 0.95},
    {"gamma": 0.999, "lam": 0.95},
    {"epsilon": 0.1, "gamma": 0.995, "entropy_weight": 0.01},
    {"network": "convolution", "entropy_weight": 0.01},
    {"hidden": 128, "entropy_weight": 0.01},
    {"lam": 0.8, "entropy_weight": 0.01},
    {"gamma": 0.98, "entropy_weight": 0.01},
]
LARGE = {**BASE, "num_envs": 256, "minibatches": 8, "learning_rate": 5e-3, "gamma": 0.995}
WHOLE = [
    {**LARGE, "lam": 0.95},
    {**LARGE, "entropy_weight": 0.01},
]
NETWORK_SEEDS = range(1100, 1103)


def convolution(shape, hidden):
    """One convolution that looks at 2 x 2 cells at a time, then one layer, in place of `hidden_layers`."""
    rows, columns, channels = shape
    layers = [networks.Images(shape), networks.Conv2d(channels, 16, 2, stride=2), nn.ReLU(), nn.Flatten()]
    return [*layers, networks.Linear(16 * (rows // 2) * (columns // 2), hidden), nn.ReLU()], hidden


def with_tanh(layers_of):
    """The same layers with tanh(z) in place of max(0, z)."""

    def other(shape, hidden):
        layers, features = layers_of(shape, hidden)
        return [nn.Tanh() if isinstance(layer, nn.ReLU) else layer for layer in layers], features

    return other


NETWORKS = {
    "flat": hidden_layers,
    "convolution": convolution,
    "flat, tanh": with_tanh(hidden_layers),
    "convolution, tanh": with_tanh(convolution),
}


def at_random():
    """Settings drawn from the grid."""
    rng, found = np.random.default_rng(0), []
    for _ in range(RANDOM):
        drawn = {name: rng.choice(values).item() for name, values in GRID.items()}
        minibatches = drawn["num_envs"] * drawn["num_steps"] // drawn.pop("rows")
        found.append({**drawn, "minibatches": minibatches})
    return found


def search():
    """All attempts: what was tried, with what seed, and what it reached; and the settings that are chosen."""
    first = attempts(at_random(), SHORT, SEARCH_SEEDS["at random"])
    best = sorted(first, key=lambda row: -row["return"])[:2]
    second = attempts([row["settings"] for row in best], MIDDLE, SEARCH_SEEDS["the best of these"])
    third = attempts([{**BASE, **change} for change in BY_HAND], MIDDLE, SEARCH_SEEDS["by hand"])
    whole = attempts(WHOLE, LONG, SEARCH_SEEDS["whole"])
    return [*first, *second, *third, *whole], max(whole, key=lambda row: row["return"])["settings"]


def compare_networks(settings):
    """The same settings with each network of `NETWORKS`, three seeds of 1 million steps: a list of attempts."""
    each = [{**settings, "network": name} for name in NETWORKS]
    return [row for seed in NETWORK_SEEDS for row in attempts(each, SHORT, seed)]


def attempts(settings, total_steps, seed):
    """Each of these settings with what it reached."""
    jobs = [{"settings": one, "total_steps": total_steps, "seed": seed} for one in settings]
    return [{**job, **result} for job, result in zip(jobs, perform("full_run", attempt, jobs), strict=True)]


def attempt(settings, total_steps, seed):
    """One run of the search: the return of its sampled policy, the learning curve, seconds of CPU."""
    settings, began = dict(settings), time.process_time()
    with patch.object(networks, "hidden_layers", NETWORKS[settings.pop("network")]):
        policy, curve = learn(Config(env_id=ENV, total_steps=total_steps, seed=seed, device="cpu", **settings))
    score = sampled_returns(policy, episodes=256, seed=seed + 10_000).mean().item()
    return {"return": score, "curve": thinned(curve), "seconds": time.process_time() - began}


# One run, and how good its policy is


def learn(config):
    """Train: the policy, and (steps, mean return) of each update."""
    curve = []
    for record in train(config):
        curve.append((record.env_steps, record.mean_return))
    return record.policy, curve


@torch.no_grad()
def sampled_returns(policy, *, episodes, seed, device="cpu"):
    """The returns of the first episode of each of many games, actions sampled as in training: [episodes]."""
    device = torch.device(device)
    game = Game(ENV, episodes, device=device, seed=seed)
    generator = torch.Generator(device).manual_seed(seed)
    return first_returns(game, lambda observations: Softmax.sample(policy(observations), generator=generator))


def thinned(curve, points=50):
    """At most so many (steps, return), each return the mean of those around it, nan left out."""
    pieces = np.array_split(np.array(curve, dtype=float), min(points, len(curve)))
    kept = [(piece[-1, 0], np.nanmean(piece[:, 1])) for piece in pieces if np.isfinite(piece[:, 1]).any()]
    return [[int(steps), round(float(mean), 2)] for steps, mean in kept]


def config(*, seed, total_steps, device="cpu", **changes):
    """The full run, or a shorter one: a `Config`."""
    run_of_it = {"env_id": ENV, "seed": seed, "total_steps": total_steps, "device": device}
    return Config(**{**SETTINGS, **run_of_it, **changes})


def run(total_steps, seed):
    """Train one of the runs that count; its weights go to a file."""
    seconds, (policy, curve) = timed(lambda: learn(config(seed=seed, total_steps=total_steps)))
    torch.save(policy.state_dict(), weights_of(total_steps, seed))
    returns = judged(policy).double()
    return {
        "seed": seed,
        "mean": returns.mean().item(),
        "standard_error": (returns.std() / EPISODES**0.5).item(),
        "deciles": returns.quantile(torch.linspace(0, 1, 11).double()).tolist(),
        "curve": thinned(curve, 100),
        "seconds": seconds,
    }


def judged(policy):
    """The returns that count after a run: [EPISODES]."""
    return sampled_returns(policy, episodes=EPISODES, seed=10_000)


def weights_of(total_steps, seed):
    return FOLDER / f"full_run_{total_steps}_{seed}.pt"


def player(*, trained=True):
    """The actor of a recorded run, with its weights; or one that has not learned anything."""
    if not trained:
        return untrained()
    with as_file(data.resource(WEIGHTS)) as path:
        return with_weights(path)


def untrained():
    game = Game(ENV, 1, device=torch.device("cpu"), seed=0)
    hidden, generator = config(seed=0, total_steps=LONG).hidden, torch.Generator().manual_seed(0)
    return actor_and_critic(game.observation_space, game.action_space, hidden, generator=generator)[0]


def with_weights(path):
    actor = untrained()
    actor.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return actor


# How episodes end


def endings(seed):
    """Of the episodes that judge a long run, how many end at each return: {return: episodes}, from its weights."""
    returns, episodes = judged(with_weights(weights_of(LONG, seed))).long().unique(return_counts=True)
    return dict(zip(map(str, returns.tolist()), episodes.tolist(), strict=True))


def reaching(ends):
    """The share of episodes that reach each return, from `endings`: returns [K], shares [K]."""
    returns, episodes = np.array([(int(paid), number) for paid, number in ends.items()]).T
    return returns, episodes[::-1].cumsum()[::-1] / episodes.sum()


def share_from(ends, least):
    """The share of episodes that reach this return."""
    return sum(number for paid, number in ends.items() if int(paid) >= least) / sum(ends.values())


def share_at(ends, *returns):
    """The share of episodes that end at one of these returns."""
    return sum(ends.get(str(paid), 0) for paid in returns) / sum(ends.values())


MOMENTS = {  # what one sees: (row of the ball, bricks that stand, return so far) -> is it that?
    "the start": lambda ball, bricks, paid: True,
    "behind the wall": lambda ball, bricks, paid: ball == 0 and 0 < bricks < 30,
    "the last brick": lambda ball, bricks, paid: bricks == 1,
    "a new wall": lambda ball, bricks, paid: bricks == 30 and paid == 30,
}


@torch.no_grad()
def screens(seed=3):
    """An episode of the recorded player, greedy: (what one sees, step, its picture [160, 160, 3]) of each of `MOMENTS`.

    Each is the first step of that kind that comes after the moment before.
    """
    env, policy, paid = BreakoutEnv(render_mode="rgb_array"), player(), 0
    observation, _ = env.reset(seed=seed)
    found, left, over = [], list(MOMENTS), False
    for step in itertools.count():
        ball, bricks = observation[..., BALL].argmax() // SIZE, observation[..., BRICK].sum()
        if MOMENTS[left[0]](ball, bricks, paid):
            found.append((left.pop(0), step, env.render()))
        if over or not left:
            return found
        observation, reward, terminated, truncated, _ = env.step(policy(torch.as_tensor(observation)[None]).argmax())
        paid, over = paid + reward, terminated or truncated


# Where the time goes

GAMES = (4, 16, 64, 256, 1024, 4096)
PARTS = ("game", "policy plays", "learning")


def costs(repeats=3):
    """Games -> seconds of each of `PARTS` and floating-point operations, for an environment step; and the roof.

    The roof is what one thread makes of a large matrix product, the best that arithmetic can do here.
    """
    with one_thread():
        found = {games: [cost(games) for _ in range(repeats)] for games in GAMES}
        roof = max(matrix_product() for _ in range(10))
    rows = {
        str(games): {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
        for games, rows in found.items()
    }
    return {"games": rows, "roof": roof}


def cost(games, num_steps=32):
    """One update with so many games: seconds of CPU and operations, for each environment step."""
    rows = max(games * num_steps, 2)
    settings = config(seed=0, total_steps=rows, num_envs=games, num_steps=num_steps, minibatches=max(1, rows // 512))
    game = Game(ENV, games, device=torch.device("cpu"), seed=0)
    generator = torch.Generator().manual_seed(0)
    actor, critic = actor_and_critic(game.observation_space, game.action_space, settings.hidden, generator=generator)
    optimizer = Adam([*actor.parameters(), *critic.parameters()], lr=1e-3, eps=1e-5)
    actions = torch.randint(3, (games,), generator=generator)
    collect(game, actor, 2, generator=generator)  # the first calls set things up

    playing, rollout = timed(lambda: collect(game, actor, num_steps, generator=generator))
    stepping, _ = timed(lambda: [game.step(actions) for _ in range(num_steps)])
    learning, _ = timed(lambda: improve(actor, critic, optimizer, rollout, settings, generator=generator))
    with FlopCounterMode(display=False) as counter:
        collect(game, actor, num_steps, generator=generator)
        improve(actor, critic, optimizer, rollout, settings, generator=generator)
    seconds = stepping, max(playing - stepping, 0.0), learning
    spent = {name: part / rows for name, part in zip(PARTS, seconds, strict=True)}
    return {**spent, "operations": counter.get_total_flops() / rows}


def timed(function):
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def matrix_product(size=1024):
    """Operations a second of one thread in a product of two square matrices."""
    matrix = torch.ones(size, size)
    seconds, _ = timed(lambda: matrix @ matrix)
    return 2 * size**3 / seconds


# A run while one looks

LIVE_STEPS = 100_000
LIVE = {"num_envs": 64, "lam": SETTINGS["lam"], "epsilon": SETTINGS["epsilon"]}
MOVES = [{}, {"num_envs": 16}, {"num_envs": 512}, {"lam": 0.0}, {"lam": 1.0}, {"epsilon": 0.02}, {"epsilon": 1.0}]
FINISHED = {}  # the settings: the run, so that nobody waits for the same run twice


def rows(num_envs, lam, epsilon, seed):
    """A short run, update by update: (steps / 1000, mean return of the episodes that ended in the update)."""

    def train_live():
        short = config(seed=seed, total_steps=LIVE_STEPS, num_envs=num_envs, lam=lam, epsilon=epsilon)
        for record in train(short):
            if math.isfinite(record.mean_return):
                yield record.env_steps / 1000, record.mean_return

    return replay(FINISHED, (num_envs, lam, epsilon, seed), train_live)


def live(change, seed):
    """What such a run comes to, and how long it takes."""
    seconds, points = timed(lambda: list(rows(**{**LIVE, **change}, seed=seed)))
    return {"return": points[-1][1], "seconds": seconds}


def measure():
    """All of it: a dict."""
    tried, chosen = search()
    jobs = [{"total_steps": total, "seed": seed} for total, seed in itertools.product((LONG, SHORT), range(SEEDS))]
    runs = perform("full_run", run, jobs)
    long, short = runs[:SEEDS], runs[SEEDS:]
    compared = compare_networks(chosen)
    moves = [{"change": change, "seed": seed} for change in MOVES for seed in (0, 1)]
    moved = [{**move, **found} for move, found in zip(moves, perform("full_run", live, moves), strict=True)]
    kept = sorted(long, key=lambda one: one["mean"])[SEEDS // 2]["seed"]
    shutil.copy(weights_of(LONG, kept), data.resource(WEIGHTS))
    return {
        "game": f"{ENV}, sticky actions 0.1; return: mean of {EPISODES} sampled episodes after training",
        "tried": tried,
        "chosen": chosen,
        "networks": compared,
        "runs": long,
        "short": short,
        "endings": perform("full_run", endings, [{"seed": seed} for seed in range(SEEDS)]),
        "weights_of_seed": kept,
        "live": moved,
        "costs": costs(),
        **circumstances(),
    }


if __name__ == "__main__":
    data.store("full_run", measure())
