"""Pong from pixels on a CPU: one long run, which may be stopped and goes on from its last checkpoint (`make pong`)."""

import contextlib
import json
import math
import time

import torch
from tqdm import tqdm

from ppo_lessons import data
from ppo_lessons.envs.atari import LearnersAtari, make_atari
from ppo_lessons.experiments.runs import FOLDER, circumstances
from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer.config import settings_for

ENV = "ALE/Pong-v5"
STEPS = 2_000_000
EVERY = 5  # updates from one checkpoint to the next


def go_on(config, folder):
    """Train from the last checkpoint in `folder`, or from the start: yields a row an update, those before it included.

    A row is (environment steps, mean points of the games that ended or None, how many ended, entropy).
    """
    checkpoint, log = folder / "pong.pt", folder / "pong.jsonl"
    done = torch.load(checkpoint, weights_only=True)["update"] if checkpoint.exists() else 0
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()[:done]] if done else []
    yield from rows
    with log.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
        for record in train(config, resume=checkpoint if done else None):
            if record.update <= done:
                continue  # before any learning, or what the checkpoint knows
            points = None if math.isnan(record.mean_return) else round(record.mean_return, 3)
            row = [record.env_steps, points, record.episodes, round(record.entropy, 4)]
            file.write(f"{json.dumps(row)}\n")
            file.flush()
            if record.update % EVERY == 0 or record.update == config.updates:
                record.save(checkpoint)
            yield row


def smoothed(rows, games=20):
    """The mean of the last games that ended, at each update at which there are so many: steps [K], points [K]."""
    steps, means, ended = [], [], []
    for env_steps, points, episodes, _ in rows:
        if points is not None:
            ended += [points] * episodes
        if len(ended) >= games:
            steps.append(env_steps)
            means.append(sum(ended[-games:]) / games)
    return steps, means


def emulator_speed(config, steps=2000):
    """Steps a second, of all games together, when nobody learns and all actions are random."""
    with contextlib.closing(LearnersAtari(make_atari(config.env_id, config.num_envs))) as games:
        games.reset(seed=0)
        began = time.perf_counter()
        for _ in range(steps):
            games.step(games.action_space.sample())
        return round(steps * config.num_envs / (time.perf_counter() - began))


def record_of(config, rows):
    """What `data/pong.json` holds: the run as far as it came."""
    return {
        "game": config.env_id,
        "total_steps": config.total_steps,
        "settings": {name: getattr(config, name) for name in settings_for(config.env_id)},
        "rows": rows,
        "threads": torch.get_num_threads(),
        "versions": circumstances()["versions"],
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    config = Config(**{**settings_for(ENV), "env_id": ENV, "seed": 0, "device": "cpu", "total_steps": STEPS})
    rows = []
    try:
        for row in tqdm(go_on(config, FOLDER), total=config.updates, desc="pong", unit=" updates"):
            rows.append(row)
    finally:  # stopped or not: as far as it came
        data.store("pong", {**record_of(config, rows), "emulator_steps_per_second": emulator_speed(config)})
