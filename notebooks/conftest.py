"""Under nbval a notebook fails at the cell with which it has used more of a processor than it may.

Seconds of the processor, not of the clock, so that a busy machine changes nothing. Today most use less than half.
"""

from pathlib import Path

import psutil
import pytest

collect_ignore = ["conftest.py"]  # no doctests in it
SECONDS = {"language_model": 90}
USUALLY = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if hasattr(item.parent, "kernel"):
        name = Path(item.path).stem
        used = sum(psutil.Process(item.parent.kernel.km.provisioner.pid).cpu_times()[:2])  # user and system
        if used > SECONDS.get(name, USUALLY):
            pytest.fail(f"{name} has used {used:.0f} s of the processor")
    return result
