"""What each step of the course buys: all algorithms, one game, one budget. Run it by `make ladder`."""

import math
import os
import platform
import statistics
import time

import numpy as np
import torch

from ppo_lessons import data
from ppo_lessons.ppo import ALGORITHMS, Config, evaluate, train

SEEDS, EPISODES = 10, 100


def run(name, seed, *, total_steps=Config.total_steps):
    """Train one algorithm with one seed, and judge it by greedy episodes in Gymnasium's own game.

    Returns:
        dict: `steps` and `returns` of the updates in which episodes ended, `final` (mean of the greedy episodes),
        `seconds_per_update`.
    """
    config = Config(seed=seed, device="cpu", total_steps=total_steps, **ALGORITHMS[name])
    began = time.perf_counter()
    records = list(train(config))
    seconds = time.perf_counter() - began
    known = [record for record in records if math.isfinite(record.mean_return)]
    return {
        "steps": [record.env_steps for record in known],
        "returns": [round(record.mean_return, 1) for record in known],
        "final": evaluate(records[-1].policy, config.env_id, episodes=EPISODES, seed=10_000).mean().item(),
        "seconds_per_update": seconds / config.updates,
    }


def bootstrap_interval(numbers, *, level=0.95, draws=10_000):
    """Percentile bootstrap interval of the mean: resample with replacement, take the middle `level` of the means.

    Source: Efron (1979); recommended for few runs by Agarwal et al. (2021).
    """
    numbers = np.asarray(numbers, dtype=float)
    chosen = np.random.default_rng(0).integers(len(numbers), size=(draws, len(numbers)))
    return np.quantile(numbers[chosen].mean(1), [(1 - level) / 2, (1 + level) / 2]).tolist()


def measure(*, seeds=SEEDS, total_steps=Config.total_steps):
    """Run every algorithm with every seed: a dict that says what was run, where, and what came out."""
    runs = {name: [] for name in ALGORITHMS}
    for seed in range(seeds):  # every algorithm once before the next seed, so that a busy minute slows all alike
        for name in ALGORITHMS:
            runs[name].append(run(name, seed, total_steps=total_steps))
            print(f"seed {seed}  {name:22} {runs[name][-1]['final']:6.1f}", flush=True)
    algorithms = {}
    for name, settings in ALGORITHMS.items():
        finals = [one["final"] for one in runs[name]]
        algorithms[name] = {
            "settings": {key: str(value) if value == math.inf else value for key, value in settings.items()},
            "runs": runs[name],
            "mean": statistics.mean(finals),
            "interval": bootstrap_interval(finals),
            "seconds_per_update": statistics.median(one["seconds_per_update"] for one in runs[name]),
        }
    return {
        "game": "CartPole-v1, 100 greedy episodes in Gymnasium's own game after training",
        "total_steps": total_steps,
        "seeds": list(range(seeds)),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread",
        "algorithms": algorithms,
    }


def learning_curves(result):
    """Mean and 95% interval over the seeds of the return while training.

    Returns:
        grid [24] environment steps, and name -> (mean, low, high), each [24]; of a seed the last return known counts.
    """
    grid = np.linspace(4096, result["total_steps"] * 0.98, 24)
    curves = {}
    for name, row in result["algorithms"].items():
        table = []
        for one in row["runs"]:
            place = np.searchsorted(one["steps"], grid, side="right") - 1
            table.append(np.where(place >= 0, np.array(one["returns"])[place.clip(0)], np.nan))
        table = np.array(table)
        low, high = np.array([bootstrap_interval(column, draws=1000) for column in table.T]).T
        curves[name] = table.mean(0), low, high
    return grid, curves


if __name__ == "__main__":
    data.store("ladder", measure())
