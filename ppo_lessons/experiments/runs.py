"""Many trainings, recorded one by one: on all cores, with a bar, and a measurement that was stopped goes on."""

import dataclasses
import json
import multiprocessing
import os
import platform
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from tqdm import tqdm

from ppo_lessons.ppo import Config

FOLDER = Path("build")  # below the folder in which `make` runs; git ignores it


def perform(name, function, jobs):
    """Call `function(**job)` for each job, in processes of one thread, as many as there are cores.

    Each result is a line of `build/<name>.jsonl` as soon as it is there. A job that has its line is not done again, as
    long as the defaults of `Config` are what they were. Delete the file to measure anew, after a change of the code.

    Args:
        name: of the measurement.
        function: of a module, so that other processes find it; it returns what JSON can hold.
        jobs: a list of dicts that JSON can hold.

    Returns:
        The results, in the order of the jobs.
    """
    path = FOLDER / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    done = dict(map(json.loads, path.read_text("utf-8").splitlines())) if path.exists() else {}
    left = {key(job): job for job in jobs if key(job) not in done}
    spawn = multiprocessing.get_context("spawn")
    with (
        path.open("a", encoding="utf-8") as file,
        ProcessPoolExecutor(mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(left), desc=name, unit=" runs") as bar,
    ):
        working = {pool.submit(function, **job): name for name, job in left.items()}
        for future in as_completed(working):
            done[working[future]] = future.result()
            file.write(json.dumps([working[future], future.result()]) + "\n")
            file.flush()
            bar.update()
    return [done[key(job)] for job in jobs]


def key(job):
    """What a job is remembered by: itself, and the defaults that it leaves as they are."""
    return json.dumps([job, dataclasses.asdict(Config())], sort_keys=True)


def circumstances():
    """What a record says of where it was made."""
    return {
        "versions": {"python": platform.python_version(), "torch": torch.__version__.partition("+")[0]},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread a run",
    }
