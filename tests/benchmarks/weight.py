"""What the hand-written parts gain today, each against the plain way: `.venv/bin/python tests/benchmarks/weight.py`.

Both sides take turns, in fresh processes where the whole run counts, and medians are printed. A quiet machine, please.
README.md in this folder holds the last table, and what was decided.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 7
DEFAULT_RUN = "from ppo_lessons.ppo import Config, train\nlist(train(Config(device='cpu')))"
PYTORCHS_ADAM = """
import torch
from ppo_lessons import ppo

class Adam(torch.optim.Adam):
    def __init__(self, parameters, *, lr, eps):
        super().__init__(parameters, lr=lr, eps=eps, fused=True)

    def set_learning_rate(self, lr):
        self.param_groups[0]["lr"] = lr

ppo.Adam = Adam
"""
PLAIN_NETWORK = """
from ppo_lessons.trainer import fast_network, networks
networks.fast_network = fast_network.plain_network
"""
REDRAW = """
import statistics, sys, time
sys.path.insert(0, "tests")
import torch
from pictures import drags, explored, start
from ppo_lessons.figures.style import Canvas

torch.set_num_threads(1)
rows = []
for picture, settings in explored().values():
    if picture.update.__code__.co_flags & 0x20:  # one that trains: drawing is not what takes the time
        continue
    spent = {"draw": [], "canvas.draw": []}  # what has moved, and the whole
    canvases = {side: Canvas(picture, **start(settings)) for side in spent}
    for values in drags(settings):
        for side, canvas in canvases.items():
            canvas.move(**values)
            began = time.process_time()
            canvas.draw() if side == "draw" else canvas.canvas.draw()
            spent[side].append(time.process_time() - began)
    rows.append([statistics.median(times) * 1000 for times in spent.values()])
print([statistics.median(column) for column in zip(*rows)])
"""


def seconds(code):
    """From the start of a process to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - began


def whole_runs(plain, name):
    """A default run with ours and with the plain way, in turns."""
    spent = {"ours": [], "plain": []}
    for _ in range(RUNS):
        for side, code in (("ours", DEFAULT_RUN), ("plain", plain + DEFAULT_RUN)):
            spent[side].append(seconds(code))
    ours, theirs = (statistics.median(spent[side]) for side in ("ours", "plain"))
    print(f"{name}: {ours:.2f} s, plain {theirs:.2f} s, {theirs / ours:.2f} times", flush=True)


def processes():
    """Steps a second with one and with two processes, by the number of games."""
    from ppo_lessons.experiments.scaling import steps_per_second

    for games, steps in ((64, 40_960), (1024, 524_288), (8192, 2_097_152)):
        settings = {"env_id": "ppo_lessons/CartPole-v1", "num_envs": games, "total_steps": steps}
        speeds = {1: [], 2: []}
        for _ in range(3):
            for count in speeds:
                speeds[count].append(steps_per_second(count, settings))
        one, two = (statistics.median(speeds[count]) for count in (1, 2))
        print(f"{games} games: {one:.0f} steps a second, two processes {two:.0f}, {two / one:.2f} times", flush=True)


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.1f}")
    whole_runs(PYTORCHS_ADAM, "a default run, our Adam")
    whole_runs(PLAIN_NETWORK, "a default run, our gradient of the network")
    done = subprocess.run([sys.executable, "-c", REDRAW], cwd=ROOT, check=True, capture_output=True, text=True)
    redraw, whole = json.loads(done.stdout)
    print(f"a picture, only what moved: {redraw:.1f} ms, the whole {whole:.1f} ms, {whole / redraw:.2f} times")
    processes()
