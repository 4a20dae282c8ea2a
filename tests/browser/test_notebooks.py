"""Every notebook in a real browser: it runs, and every slider moves its picture."""

import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from notebook_runner import FOLDER, NOTEBOOKS

QUICK = ("07_gae", "10_clip")  # enough to see that sliders and menus work, and a picture that trains
NAMES = [
    pytest.param(path.relative_to(FOLDER).as_posix(), marks=[] if path.stem in QUICK else pytest.mark.slow)
    for path in NOTEBOOKS
]


def test_the_server_asks_for_its_token(server):
    address, _, _ = server
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/api/contents", timeout=10)
    assert refused.value.code == 403


# Two classes, so that two workers of pytest-xdist (--dist loadscope) share the work.


@pytest.mark.parametrize("name", NAMES[::2])
class TestEverySecondNotebook:
    def test_runs_and_its_sliders_move_their_pictures(self, lab, name):
        run_and_move(lab, name)


@pytest.mark.parametrize("name", NAMES[1::2])
class TestTheOtherNotebooks:
    def test_runs_and_its_sliders_move_their_pictures(self, lab, name):
        run_and_move(lab, name)


def run_and_move(lab, name):
    path = f"my/{name}"
    lab.run_all(path)
    pictures = lab.pictures()
    cells = nbformat.read(FOLDER / name, 4).cells
    assert len(pictures) >= sum("explore(\n" in cell.source or "explore(p" in cell.source for cell in cells)
    for number, picture in enumerate(pictures):
        move_everything(picture, f"{Path(name).stem}-{number}")
    saved = lab.saved(path)
    code = [cell for cell in saved.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in code), "some cells did not run"
    outputs = [output for cell in code for output in cell.outputs]
    errors = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert not errors, errors


def move_everything(picture, name):
    """Entries of a drop-down are chosen, each slider goes to both ends by keyboard, one is dragged by mouse.

    Of more than five entries three: the others take the same way, and `tests/test_figures.py` draws them all. A slider
    that does nothing under one entry (beta while the clip is chosen) must do something under a later one. Where a
    picture trains for seconds, a drag would train again and again: there it is one step by keyboard.
    """
    idle, moved = set(), set()
    entries = picture.menus[0].locator("option").all_inner_texts() if picture.menus else [None]
    if len(entries) > 5:
        entries = [entries[0], entries[len(entries) // 2], entries[-1]]
    for entry in entries:
        if entry is not None:
            before = picture.pixels()
            chosen = picture.menus[0].evaluate("menu => menu.selectedOptions[0].text")
            picture.menus[0].select_option(entry)
            picture.settled(before if entry != chosen else None)
            picture.shoot(f"{name}-{entry}")
        for number, slider in enumerate(picture.sliders):
            label = slider.get_attribute("aria-label")
            if label in moved:
                continue
            at_low, low = picture.press(slider, "Home")
            picture.shoot(f"{name}-{number}-low")
            began = time.monotonic()
            at_high, high = picture.press(slider, "End")
            quick = time.monotonic() - began < 2
            picture.shoot(f"{name}-{number}-high")
            assert low < high
            differ = at_low != at_high
            if differ and not moved and quick:  # the others are of the same kind
                differ = picture.drag(slider, -150) != at_high
            elif differ:  # away from the end, where another slider may do nothing
                picture.page.keyboard.press("ArrowLeft")
                picture.settled(at_high, patience=1)
            (moved if differ else idle).add(label)
        assert "⚠" not in picture.words(), picture.words()
    idle -= moved
    for slider in picture.sliders:  # once more: with patience, and with the others at their ends instead of at 0
        if slider.get_attribute("aria-label") in idle:
            for other in picture.sliders:
                if other.get_attribute("aria-label") not in idle:
                    picture.press(other, "End")
            at_low, _ = picture.press(slider, "Home", patience=20)
            at_high, _ = picture.press(slider, "End", patience=20)
            if at_low != at_high:
                idle.discard(slider.get_attribute("aria-label"))
    assert not idle, f"sliders that move nothing: {idle}"
