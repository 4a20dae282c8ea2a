"""What the processes of test_distributed.py run: `torchrun distributed_run.py FOLDER '{"name": settings}' [fault]`."""

import dataclasses
import datetime
import json
import os
import signal
import sys
import time
from pathlib import Path

import torch

from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer import distributed, pieces

folder, runs, fault = Path(sys.argv[1]), json.loads(sys.argv[2]), (*sys.argv[3:], "none")[0]
torch.set_num_threads(1)
os.cpu_count = lambda: 4  # rows in pieces: a second thread for each of two processes
ROWS = pieces.ROWS
rank = int(os.environ.get("RANK", 0))
if fault == "stuck":
    distributed.TIMEOUT = datetime.timedelta(seconds=3)


def fail(record):
    """What the second process does after its first update."""
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "stuck":
        time.sleep(60)
    if fault == "nan":
        with torch.no_grad():
            next(record.policy.parameters()).fill_(torch.nan)


def train_and_note(name, settings):
    """Train, save each record, and write down all of its numbers and the networks' weights."""
    torch.set_default_dtype(getattr(torch, settings.pop("dtype", "float32")))
    resume, rows = settings.pop("resume", None), []
    pieces.ROWS = settings.pop("rows_of_a_piece", ROWS)
    if fault == "other settings":
        settings["lam"] = 0.5 + rank / 10
    for record in train(Config(device="cpu", **settings), resume=resume):
        numbers = {
            f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.repr and f.name != "seconds"
        }
        rows.append({**numbers, "weights": torch.cat([p.flatten() for p in record.policy.parameters()]).tolist()})
        if distributed.world.rank == 0:
            record.save(folder / f"{name}.{record.update}.pt")
        if rank == 1 and record.update == 1:
            fail(record)
    (folder / f"{name}.rank{rank}.json").write_text(json.dumps(rows))


with distributed.processes("cpu"):
    for name, settings in runs.items():
        train_and_note(name, settings)
