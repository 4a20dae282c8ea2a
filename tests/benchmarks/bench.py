"""`make bench`: how soon CartPole-v1 is solved, and how many environment steps a second training takes, beside peers.

Every number is the median of three seeds, each in a process of its own; peers take turns, so that a busy minute slows
all alike. README.md in this folder says what is compared and how it is judged.
"""

import os
import time
from pathlib import Path

import torch
from peers import BREAKOUT, CLEANRL, OURS, PLAIN, REJAX, ZOO
from processes import machine, middle, run, versions

from ppo_lessons import data
from ppo_lessons.figures.benchmark import comparison
from ppo_lessons.figures.style import Canvas

ASSETS = Path(__file__).parents[2] / "assets"
SEEDS = (0, 1, 2)
GAMES = (4, 64, 1024, 8192)
SOLVE = {
    "ours": ("ours", OURS),
    "ours, CleanRL's settings": ("ours", CLEANRL),
    "Stable-Baselines3": ("Stable-Baselines3", ZOO),
    "Stable-Baselines3, our settings": ("Stable-Baselines3", OURS),
    "SBX": ("SBX", ZOO),
    "SBX, our settings": ("SBX", OURS),
    "rejax": ("rejax", REJAX),
    "rejax, our settings": ("rejax", OURS),
    "PureJaxRL": ("PureJaxRL", CLEANRL),
    "PureJaxRL, our settings": ("PureJaxRL", OURS),
}
SPEED = ("ours", "Stable-Baselines3", "SBX", "rejax", "PureJaxRL")
ON_BREAKOUT = ("ours", "PureJaxRL")
RATES = ("steps_per_second", "steps_per_cpu_second")
PACKAGES = ("torch", "stable-baselines3", "sbx-rl", "rejax", "gymnax", "jax", "flax", "gymnasium", "numpy")


def solve():
    """Seconds from process start to the end of training, and to the first policy that passes."""
    rows = {name: {"settings": settings, "runs": []} for name, (_, settings) in SOLVE.items()}
    for seed in SEEDS:
        for name, (trainer, settings) in SOLVE.items():
            rows[name]["runs"].append(run("solve", trainer, seed, settings))
            print(f"solve  seed {seed}  {name:32}", rows[name]["runs"][-1], flush=True)
    for row in rows.values():
        for key in ("seconds", "first_seconds", "first_steps"):
            row[key] = middle(row["runs"], key)
        row["solved"] = sum(one.get("solved", False) for one in row["runs"])
    return rows


def speed():
    """Environment steps a second while training, the same settings for all: trainer -> number of games -> row."""
    rows = {trainer: {str(games): {"runs": []} for games in GAMES} for trainer in SPEED}
    for seed in SEEDS:
        for games in GAMES:
            for trainer in SPEED:
                settings = PLAIN | {"num_envs": games, "total_steps": 10**9}
                row = rows[trainer][str(games)]
                row["runs"].append(run("speed", trainer, seed, settings))
                row.update({rate: middle(row["runs"], rate) for rate in RATES})
                print(f"speed  seed {seed}  {games:5} games  {trainer:18}", row["runs"][-1], flush=True)
    return rows


def breakout():
    """The same on Breakout with 1,024 games, and the seconds from process start to a mean return of 15."""
    rows = {trainer: {"speed": [], "reach": []} for trainer in ON_BREAKOUT}
    for seed in SEEDS:
        for trainer, row in rows.items():
            row["speed"].append(run("speed", trainer, seed, BREAKOUT | {"total_steps": 10**9}))
            row["reach"].append(run("reach", trainer, seed, BREAKOUT))
            print(f"Breakout  seed {seed}  {trainer:18}", row["speed"][-1], row["reach"][-1], flush=True)
    for row in rows.values():
        row.update({rate: middle(row["speed"], rate) for rate in RATES})
        row.update({key: middle(row["reach"], key) for key in ("seconds", "steps")})
    return rows


def limit():
    """The steps a second at which the matrix products of training alone would keep the whole machine busy.

    A step is played by the actor and valued by the critic (2 passes), and then learned from in each epoch, forward and
    backward (3 passes of both). A pass of a weight matrix takes two operations a weight.
    """
    actor, critic = (2 * (4 * 64 + 64 * 64 + 64 * outputs) for outputs in (2, 1))
    operations = (1 + 3 * PLAIN["epochs"]) * (actor + critic)
    rates = {threads: matrix_rate(threads) for threads in {1, os.cpu_count()}}
    return {
        "operations_per_step": operations,
        "operations_per_second": rates,
        "steps_per_second": max(rates.values()) / operations,
    }


def matrix_rate(threads, rows=8192, width=64):
    """Operations a second of the product that training does most: [8192, 64] times [64, 64], the best of 50."""
    torch.set_num_threads(threads)
    a, b = torch.randn(rows, width), torch.randn(width, width)
    times = []
    for _ in range(50):
        began = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - began)
    return 2 * rows * width * width / min(times)


def table(result):
    """The result as tables in Markdown."""

    def cell(number, form):
        return "-" if number is None else format(number, form)

    head = "| CartPole-v1, seconds from process start | training over | seeds solved then | first passed | at step |"
    lines = [head, "|---|---|---|---|---|"]
    for name, row in result["solve"].items():
        cells = [cell(row["seconds"], ".1f"), f"{row['solved']} of {len(result['seeds'])}"]
        cells += [cell(row["first_seconds"], ".1f"), cell(row["first_steps"], ",.0f")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "| Steps a second while training | " + " | ".join(f"{games:,} games" for games in GAMES) + " |"]
    lines.append("|---" * (len(GAMES) + 1) + "|")
    bound = result["limit"]["steps_per_second"]
    for trainer, row in result["speed"].items():
        rates = [row[str(games)]["steps_per_second"] for games in GAMES]
        cells = ["-" if rate is None else f"{rate:,.0f} ({rate / bound:.1%})" for rate in rates]
        lines.append(f"| {trainer} | " + " | ".join(cells) + " |")
    lines += ["", f"In brackets: share of the limit, {bound:,.0f} steps a second."]
    lines += ["", "| Steps a CPU second | " + " | ".join(f"{games:,} games" for games in GAMES) + " |"]
    lines.append("|---" * (len(GAMES) + 1) + "|")
    for trainer, row in result["speed"].items():
        cells = [cell(row[str(games)]["steps_per_cpu_second"], ",.0f") for games in GAMES]
        lines.append(f"| {trainer} | " + " | ".join(cells) + " |")
    lines += ["", "| Breakout, 1,024 games | steps a second | steps a CPU second | seconds to a return of 15 | steps |"]
    lines.append("|---|---|---|---|---|")
    for trainer, row in result["breakout"].items():
        cells = [cell(row[key], form) for key, form in [*((rate, ",.0f") for rate in RATES), ("seconds", ".1f")]]
        lines.append(f"| {trainer} | " + " | ".join([*cells, cell(row["steps"], ",.0f")]) + " |")
    rules = "no action is repeated against its will, and an episode ends after 1,000 steps"
    lines += ["", f"PureJaxRL plays gymnax's Breakout, whose rules differ: {rules}."]
    lines += ["", ", ".join(f"{name} {version}" for name, version in result["versions"].items()) + "."]
    where = result["machine"]
    lines += [f"{where['cpu']}, {where['cores']} cores, {where['system']}; {result['date']}.", ""]
    return "\n".join(lines)


def main():
    began = time.time()
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "versions": versions(*PACKAGES),
        "machine": machine(),
        "seeds": SEEDS,
        "limit": limit(),
        "solve": solve(),
        "speed": speed(),
        "breakout": breakout(),
    }
    data.store("bench", result)
    (ASSETS / "bench.md").write_text(table(result))
    (ASSETS / "bench.png").write_bytes(Canvas(comparison).png())
    print(f"\n{table(result)}\n{time.time() - began:.0f} s; written to ppo_lessons/data and assets")


if __name__ == "__main__":
    main()
