"""How long until CartPole-v1 is solved? `train(Config())` against Stable-Baselines3's PPO, in one run on one machine.

    python -m venv .bench
    .bench/bin/pip install -r tests/benchmarks/requirements.txt
    .bench/bin/python tests/benchmarks/solve_cartpole.py

Every training runs in a fresh process. The clock starts when the process does and stops when training is over, so
imports count. Beside it stand the seconds of training alone, and of processor time, which a busy machine disturbs
less. Seeds 0, 1, 2, ours and theirs in turn, each with PyTorch's default number of threads and with one. Then both play
the same 100 greedy episodes in Gymnasium's CartPole-v1. Ours is reported with the default number of threads, theirs
with what was faster.

Theirs has the settings that its own collection of tuned settings (rl-baselines3-zoo) lists for CartPole-v1.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "assets" / "bench_cartpole.json"
SEEDS = (0, 1, 2)
THREADS = ("default", "1")


def train_ours(seed):
    from ppo_lessons.ppo import Config, train

    began = time.perf_counter()
    records = list(train(Config(seed=seed, device="cpu")))
    return time.perf_counter() - began, records[-1].policy


def train_theirs(seed):
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    began = time.perf_counter()
    model = PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=8, seed=seed),
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gae_lambda=0.8,
        gamma=0.98,
        ent_coef=0.0,
        learning_rate=lambda remaining: remaining * 1e-3,
        clip_range=lambda remaining: remaining * 0.2,
        seed=seed,
        device="cpu",
    )
    model.learn(100_000)
    seconds = time.perf_counter() - began
    return seconds, lambda observations: model.policy.get_distribution(observations).distribution.logits


def child(side, seed, threads):
    """Train once, say so, then evaluate."""
    import torch

    if threads != "default":
        torch.set_num_threads(int(threads))
    training_seconds, policy = {"ours": train_ours, "theirs": train_theirs}[side](seed)
    print("trained", flush=True)
    cpu_seconds = time.process_time()
    from ppo_lessons.ppo import evaluate

    returns = evaluate(policy, "CartPole-v1", episodes=100, seed=10_000)
    numbers = {"training_seconds": training_seconds, "cpu_seconds": cpu_seconds, "mean_return": returns.mean().item()}
    print(json.dumps(numbers))


def measure(side, seed, threads):
    """Run `child` in a fresh process: its result, and the seconds from process start until training was over."""
    command = [sys.executable, __file__, "--child", side, str(seed), threads]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        first = process.stdout.readline()
        seconds = time.perf_counter() - began
        rest = process.stdout.read()
    if process.returncode != 0 or first != "trained\n":
        raise SystemExit(f"{' '.join(command)} failed")
    return {"side": side, "seed": seed, "threads": threads, "seconds": seconds, **json.loads(rest)}


def machine():
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(": ")[1] for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    )
    return {"cpu": names[0] if names else platform.processor(), "cores": os.cpu_count(), "system": platform.system()}


def main():
    versions = {name: importlib.metadata.version(name) for name in ("torch", "stable-baselines3", "gymnasium", "numpy")}
    runs = []
    for seed in SEEDS:
        for threads in THREADS:
            for side in ("ours", "theirs"):
                runs.append(measure(side, seed, threads))
                print("{side:>6}, seed {seed}, threads {threads}: {seconds:.1f} s".format(**runs[-1]), flush=True)

    rows = []
    for side in ("ours", "theirs"):
        for threads in THREADS:
            mine = [run for run in runs if (run["side"], run["threads"]) == (side, threads)]
            numbers = {key: median(run[key] for run in mine) for key in ("seconds", "training_seconds", "cpu_seconds")}
            returns = [run["mean_return"] for run in mine]
            rows.append({"side": side, "threads": threads, **numbers, "mean_returns": returns})
    ours = rows[0]
    theirs = min(rows[2:], key=lambda row: row["seconds"])
    result = {
        "versions": {"python": platform.python_version(), **versions},
        "machine": machine(),
        "seeds": SEEDS,
        "medians": rows,
        "ours_seconds": ours["seconds"],
        "theirs_seconds": theirs["seconds"],
        "ratio": theirs["seconds"] / ours["seconds"],
        "training_ratio": theirs["training_seconds"] / ours["training_seconds"],
        "runs": runs,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")

    print("\n" + ", ".join(f"{name} {version}" for name, version in result["versions"].items()))
    print("{cpu}, {cores} cores, {system}".format(**result["machine"]))
    print(
        "\n  side  threads  s from process start  s of training  s of CPU   mean of 100 greedy episodes, seed by seed"
    )
    for row in rows:
        returns = "  ".join(f"{value:.1f}" for value in row["mean_returns"])
        print(
            "{side:>6}  {threads:>7}  {seconds:>20.2f}  {training_seconds:>13.2f}  {cpu_seconds:>8.2f}".format(**row),
            f" {returns}",
        )
    print("\nmedians of {0}; ours (threads: default) is {ratio:.1f} times faster".format(len(SEEDS), **result))
    print(f"(training alone: {result['training_ratio']:.1f} times); written to {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", nargs=3, metavar=("SIDE", "SEED", "THREADS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], int(arguments.child[1]), arguments.child[2])
    else:
        main()
