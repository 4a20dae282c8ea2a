"""`make bench-gpu`: the trainer on this machine's GPU, plain and captured, beside rejax where JAX sees the same GPU.

Steps a second while training at 256 to 65,536 games, and seconds from process start to solved, medians of three seeds.
The record goes to ppo_lessons/data/gpu_run.json, which `figures.ppo.gpu_run` draws.
"""

import importlib.util
import time

import torch
from peers import OURS, REJAX
from processes import machine, middle, run, versions

from ppo_lessons import data

SEEDS = (0, 1, 2)
GAMES = (256, 1024, 4096, 16_384, 65_536)
ON_GPU = {"device": "cuda"}
SIDES = {
    "ours, plain": ("ours", OURS | ON_GPU),
    "ours, captured": ("ours", OURS | ON_GPU | {"capture": True}),
    "rejax": ("rejax", OURS | ON_GPU),
}
SOLVE = SIDES | {"rejax": ("rejax", REJAX | ON_GPU), "rejax, our settings": ("rejax", OURS | ON_GPU)}


def measure(figure, sides, changes):
    """Every side with every seed, in turns: name -> runs and the median of what the figure measures."""
    key = {"speed": "steps_per_second", "solve": "seconds"}[figure]
    rows = {name: {"runs": []} for name in sides}
    for seed in SEEDS:
        for name, (trainer, settings) in sides.items():
            rows[name]["runs"].append(run(figure, trainer, seed, settings | changes))
            print(f"{figure}  seed {seed}  {changes or ''}  {name:20}", rows[name]["runs"][-1], flush=True)
    for row in rows.values():
        row[key] = middle(row["runs"], key)
    return rows


def main():
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no GPU here: nothing was measured")
    jax = importlib.util.find_spec("rejax") is not None
    with_peer = {name: side for name, side in SIDES.items() if jax or side[0] == "ours"}
    solvers = {name: side for name, side in SOLVE.items() if jax or side[0] == "ours"}
    packages = ("torch", "gymnasium", *(("jax", "rejax", "gymnax") if jax else ()))
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "gpu": torch.cuda.get_device_name(),
        "machine": machine(),
        "versions": versions(*packages),
        "seeds": SEEDS,
        "speed": {
            str(games): measure("speed", with_peer, {"num_envs": games, "total_steps": 10**9}) for games in GAMES
        },
        "solve": measure("solve", solvers, {}),
    }
    data.store("gpu_run", result)
    print("written to ppo_lessons/data/gpu_run.json")


if __name__ == "__main__":
    main()
