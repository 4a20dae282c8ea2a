"""Every notebook from top to bottom, ten times in a row, in a folder elsewhere and without a network: `make ten-runs`.

Arguments: how many times, then parts of names to choose notebooks by. A failure ends the run and shows the cell.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
NO_NETWORK = ROOT / "tests" / "no_network"


def run(path, folder):
    """Execute one notebook with `folder` as its working directory. Raises CellExecutionError."""
    client = NotebookClient(
        nbformat.read(path, 4), timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    path = os.pathsep.join(filter(None, [str(NO_NETWORK), os.environ.get("PYTHONPATH")]))
    client.execute(env=os.environ | {"PYTHONPATH": path})


def main(times="10", *names):
    for path in (path for path in NOTEBOOKS if not names or any(name in path.stem for name in names)):
        began = time.perf_counter()
        for _ in range(int(times)):
            with tempfile.TemporaryDirectory() as folder:
                run(path, folder)
        print(f"{path.stem}: {times} runs, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
