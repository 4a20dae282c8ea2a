"""What nbval does besides running a notebook: see that it stays quick, and that hints and answers hold in its place."""

from pathlib import Path

import psutil
import pytest

collect_ignore = ["conftest.py"]  # no doctests in it
FOLDER = Path(__file__).parent
SECONDS = {"language_model": 90}  # of a processor, not of the clock, so that a busy machine changes nothing
USUALLY = 60  # today most use less than half
IN_PLACE = (
    "import sys; sys.path.append({tests!r}); import in_place; sys.path.remove({tests!r})\n"
    "in_place.after({source!r}, names, {place!r}, {last})"
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if hasattr(item.parent, "kernel"):
        before = used(item)
        own = before - getattr(item.parent, "tried", 0.0)
        if own > SECONDS.get(Path(item.path).stem, USUALLY):
            pytest.fail(f"{Path(item.path).stem} has used {own:.0f} s of the processor")
        try_in_place(item)
        item.parent.tried = used(item) - own  # what all the trying has taken so far
    return result


def used(item):
    """Seconds that the cell's kernel has had of a processor."""
    return sum(psutil.Process(item.parent.kernel.km.provisioner.pid).cpu_times()[:2])  # user and system


def try_in_place(item):
    """Let the cell's kernel try what stands in it: tests/in_place.py. The notebook gets no new names from that."""
    code = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
    words = IN_PLACE.format(
        tests=str(FOLDER.parent / "tests"),
        source=item.cell.source,
        place=Path(item.path).relative_to(FOLDER).with_suffix("").as_posix(),
        last=item.cell is code[-1],
    )
    ask = item.parent.kernel.kc.execute_interactive
    reply = ask(
        f"exec({words!r}, {{'names': globals()}})", store_history=False, output_hook=lambda _: None, timeout=120
    )
    if reply["content"]["status"] != "ok":
        pytest.fail("\n".join(reply["content"]["traceback"]), pytrace=False)
