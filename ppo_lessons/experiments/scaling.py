"""More than one process: climbing with stale gradients, and what a second process gains (`make scaling` records it)."""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from functools import cache

import torch

from ppo_lessons import data
from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments.reward_to_go import mean_gradient

# Stale gradients

UPDATES = 40


@cache
def climb(step_size, delay):
    """Climb J with exact gradients that are `delay` updates old.

    Returns:
        J before each update and after the last [UPDATES + 1], and the cosine of the angle between the gradient used and
        the gradient of the policy that it is applied to [UPDATES].
    """
    world = Corridor()
    policies = [world.policy(SLIDES_POLICY)]
    gradients, returns, cosines = [], [world.start_value(policies[0])], []
    for update in range(UPDATES):
        gradients.append(mean_gradient(world, policies[-1], gamma=1.0))  # exact, and quick: no plays are listed
        used = gradients[max(0, update - delay)]
        cosines.append(torch.nn.functional.cosine_similarity(used.flatten(), gradients[-1].flatten(), dim=0).item())
        policies.append(policies[-1] + step_size * used)
        returns.append(world.start_value(policies[-1]))
    return returns, cosines


# One process and two

REPEATS, PROCESSES = 5, (1, 2)
RUNS = [  # name, settings
    ("CartPole in torch", {"env_id": "ppo_lessons/CartPole-v1", "num_envs": 64, "total_steps": 40_960}),
    ("CartPole in torch", {"env_id": "ppo_lessons/CartPole-v1", "num_envs": 1024, "total_steps": 262_144}),
    ("CartPole in torch", {"env_id": "ppo_lessons/CartPole-v1", "num_envs": 8192, "total_steps": 1_310_720}),
    ("CartPole in NumPy", {"env_id": "CartPole-v1", "num_envs": 64, "total_steps": 40_960}),
]
CHILD = """
import json, sys
from ppo_lessons.trainer import distributed
from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer.config import PLAIN
with distributed.processes("cpu"):
    config = Config(**{**PLAIN, "device": "cpu", **json.loads(sys.argv[1])})
    seconds = [record.seconds for record in train(config)]
    if distributed.world.rank == 0:
        print((config.updates - 2) * config.batch_size / (seconds[-1] - seconds[2]))
"""


def steps_per_second(processes, settings):
    """Train once, and time all updates but the first two: environment steps a second, all processes together."""
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        "--no-python",
    ]
    command = [*launch, sys.executable, "-c", CHILD, json.dumps(settings)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def measure(*, runs=RUNS, repeats=REPEATS):
    """Medians of several runs, one and two processes taking turns, so that a busy minute slows both."""
    rows = []
    for name, settings in runs:
        speeds = {str(count): [] for count in PROCESSES}
        for _ in range(repeats):
            for count in PROCESSES:
                speeds[str(count)].append(steps_per_second(count, settings))
        medians = {count: statistics.median(numbers) for count, numbers in speeds.items()}
        gain = medians["2"] / medians["1"]
        rows.append({"name": name, **settings, "all": speeds, "steps_per_second": medians, "speedup": gain})
        print(f"{name}, {settings['num_envs']} games: {medians}, gain {gain:.2f}", flush=True)
    return {
        "rows": rows,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


if __name__ == "__main__":
    data.store("scaling", measure())
