"""What `bench.py` and `gpu.py` share: a training in a process of its own, the median of several, the machine."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
LIMIT = 400  # seconds that one process may take


def run(figure, trainer, seed, settings):
    """Start `one_run.py` and read its last line. What fails is told and left out."""
    command = [sys.executable, str(HERE / "one_run.py"), figure, trainer, str(seed), json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    try:
        done = subprocess.run(
            [*command, str(time.time())], capture_output=True, text=True, env=environment, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return {"seed": seed, "failed": f"took longer than {LIMIT} s"}
    if done.returncode:
        return {"seed": seed, "failed": done.stderr.strip().splitlines()[-1]}
    return {"seed": seed, **json.loads(done.stdout.splitlines()[-1])}


def middle(runs, key):
    """Median over the seeds, None where one of them did not get there."""
    values = [one.get(key) for one in runs]
    return None if None in values else median(values)


def versions(*packages):
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def machine():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    cpu = names[0] if names else platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "load_before": load}
