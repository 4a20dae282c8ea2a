"""`make bench-gpu`: the trainer on this machine's GPU, in one process that ends by itself after eight minutes.

In this order: is a captured update the same as the plain one; Breakout for 10 million steps with one seed; steps a
second at 256 to 65,536 games, plain, captured, and beside PureJaxRL where JAX sees the same GPU; Breakout with two
more seeds. After each part the record is written to ppo_lessons/data/gpu_run.json, which `figures.full_run.gpu` draws.
"""

import dataclasses
import importlib.util
import os
import time

import torch
from one_run import speed
from peers import purejaxrl
from processes import machine, versions

from ppo_lessons import data
from ppo_lessons.experiments import full_run
from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer.config import settings_for

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX takes what it needs, and PyTorch has the rest

LIMIT = 8 * 60  # seconds
PLAYED = {"CartPole": "ppo_lessons/CartPole-v1", "Breakout": full_run.ENV}
GAMES = (256, 1024, 4096, 16_384, 65_536)
COMPARED = ("kl", "value_loss", "entropy", "explained_variance")
STRETCH = 2.0  # seconds that are timed, at least


def same(env_id):
    """The largest difference between three captured updates and three plain ones, relative to 1 or to the number."""
    small = Config(env_id=env_id, total_steps=3 * 256, num_envs=8, num_steps=32, device="cuda")
    runs = [list(train(dataclasses.replace(small, capture=capture))) for capture in (False, True)]
    numbers = [torch.tensor([[getattr(r, name) for name in COMPARED] for r in run[1:]]).double() for run in runs]
    return ((numbers[0] - numbers[1]).abs() / numbers[0].abs().clamp(min=1)).max().item()


def steps_a_second(env_id, games, capture):
    """While training, after the updates that set things up."""
    settings = {**settings_for(env_id), "num_envs": games, "total_steps": 10**12}
    seen = []
    for record in train(Config(**settings, env_id=env_id, device="cuda", capture=capture)):
        seen.append((time.perf_counter(), record.env_steps))
        if len(seen) > 4 and seen[-1][0] - seen[3][0] > STRETCH:
            break
    (began, first), (ended, last) = seen[3], seen[-1]
    return (last - first) / (ended - began)


def peer(name, games):
    """PureJaxRL with the settings that ours has for this game."""
    import jax

    if jax.default_backend() != "gpu":
        raise RuntimeError("this JAX sees no GPU")
    ours = Config(**settings_for(PLAYED[name]), env_id=PLAYED[name], device="cuda")
    same = "num_steps", "epochs", "minibatches", "learning_rate", "gamma", "lam", "epsilon"
    settings = {key: getattr(ours, key) for key in same} | {"entropy": ours.entropy_weight, "annealed": ours.anneal}
    settings |= {"game": name, "num_envs": games, "total_steps": 10**9}
    return speed(purejaxrl, 0, settings, time.time())["steps_per_second"]


def whole_run(seed):
    """Breakout for 10 million steps, each update captured: how good, and how long it took."""
    began = time.perf_counter()
    config = full_run.config(seed=seed, total_steps=full_run.LONG, device="cuda", capture=True)
    policy, curve = full_run.learn(config)
    seconds = time.perf_counter() - began
    returns = full_run.sampled_returns(policy, episodes=full_run.EPISODES, seed=10_000, device="cuda")
    return {"seed": seed, "mean": returns.mean().item(), "seconds": seconds, "curve": full_run.thinned(curve, 100)}


def parts():
    """What is measured, in order: (where it goes in the record, a function without arguments)."""
    jax = importlib.util.find_spec("gymnax") is not None
    for name, env_id in PLAYED.items():
        yield ("same", name), lambda env_id=env_id: same(env_id)
    yield ("runs", "0"), lambda: whole_run(0)
    for games in GAMES:
        for name, env_id in PLAYED.items():
            for side, capture in (("plain", False), ("captured", True)):
                yield (
                    ("speed", name, side, str(games)),
                    lambda env_id=env_id, games=games, capture=capture: steps_a_second(env_id, games, capture),
                )
            if jax:
                yield ("speed", name, "PureJaxRL", str(games)), lambda name=name, games=games: peer(name, games)
    for seed in (1, 2):
        yield ("runs", str(seed)), lambda seed=seed: whole_run(seed)


def put(record, path, value):
    """Set record[path[0]][path[1]]... = value."""
    for name in path[:-1]:
        record = record.setdefault(name, {})
    record[path[-1]] = value


def main():
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no GPU here: nothing was measured")
    began = time.perf_counter()
    packages = [name for name in ("torch", "gymnasium", "jax", "gymnax") if importlib.util.find_spec(name)]
    record = {"date": time.strftime("%Y-%m-%d"), "gpu": torch.cuda.get_device_name(), "machine": machine()}
    record |= {"versions": versions(*packages), "failed": {}}
    for path, measure in parts():
        if time.perf_counter() - began > LIMIT:
            record["failed"]["/".join(path)] = "no time was left"
            continue
        try:
            put(record, path, measure())
        except Exception as error:  # a size that does not fit, or a peer that fails, must not lose the rest
            record["failed"]["/".join(path)] = f"{type(error).__name__}: {str(error)[:200]}"
            torch.cuda.empty_cache()
        data.store("gpu_run", record)
        print(f"{time.perf_counter() - began:5.0f} s  {'/'.join(path)}", flush=True)
    data.store("gpu_run", record)
    print("written to ppo_lessons/data/gpu_run.json; failed:", record["failed"] or "nothing")


if __name__ == "__main__":
    main()
