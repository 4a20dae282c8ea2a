"""Every notebook from top to bottom, ten times in a row, in a folder elsewhere and without a network: `make ten-runs`.

Arguments: how many times, then parts of names to choose notebooks by. A failure ends the run and shows the cell.
"""

import sys
import tempfile
import time

from notebook_runner import NOTEBOOKS, run


def main(times="10", *names):
    for path in (path for path in NOTEBOOKS if not names or any(name in path.stem for name in names)):
        began = time.perf_counter()
        for _ in range(int(times)):
            with tempfile.TemporaryDirectory() as folder:
                run(path, folder)
        print(f"{path.stem}: {times} runs, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
