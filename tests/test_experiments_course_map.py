"""What the map of the course says is read from the code, and it is true; its tiles lead to the lessons."""

import importlib
import io
import re
import sys

import nbformat
import numpy as np
import pytest
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from notebook_runner import FOLDER, MODULE_OF, NOTEBOOKS
from PIL import Image

from ppo_lessons import LESSONS
from ppo_lessons.experiments.course_map import PACKAGE, called_by_trainer, imported_lessons, uses
from ppo_lessons.figures import course_map as pictures
from ppo_lessons.figures.__main__ import ASSETS
from ppo_lessons.figures.course_map import MAIN_FUNCTION, tiles
from ppo_lessons.figures.style import SHARPNESS, Canvas
from ppo_lessons.ppo import ALGORITHMS, Config, train


def test_imports_are_read_from_the_source(tmp_path):
    file = tmp_path / "lesson.py"
    file.write_text("import torch\nfrom ppo_lessons.gae import gae\nfrom ppo_lessons.trainer.rollout import collect\n")
    assert imported_lessons(file) == {"gae"}


def test_no_lesson_is_built_from_a_later_one():
    assert set(uses()) == set(LESSONS)
    for lesson, earlier in uses().items():
        assert earlier <= set(LESSONS[: LESSONS.index(lesson)])
    assert "advantage" in uses()["gae"]


# The trainer


def called_in(run):
    """The functions of lessons that are called while `run()` runs: set of (lesson, function)."""
    files = {str(PACKAGE / f"{lesson}.py"): lesson for lesson in LESSONS}
    seen = set()

    def watch(frame, event, _):
        if event == "call" and frame.f_code.co_filename in files:
            seen.add((files[frame.f_code.co_filename], frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return seen


@pytest.fixture(scope="module")
def called():
    """Algorithm -> the functions of lessons that two updates of it call."""
    size = {"num_envs": 4, "num_steps": 128, "total_steps": 1024, "epochs": 1, "minibatches": 1, "device": "cpu"}
    return {
        name: called_in(lambda settings=settings: list(train(Config(**(settings | size)))))
        for name, settings in ALGORITHMS.items()
    }


def test_the_lessons_that_a_run_calls_are_those_that_the_map_draws_in_blue(called):
    lessons = {lesson for functions in called.values() for lesson, _ in functions}
    assert called_by_trainer() == [lesson for lesson in LESSONS if lesson in lessons]


def test_every_algorithm_acts_by_softmax_and_weighs_entropy(called):
    for functions in called.values():
        assert {("policy_gradient", "softmax_policy"), ("entropy", "entropy")} <= functions


def test_the_function_on_a_blue_box_is_one_that_the_trainer_calls(called):
    assert list(MAIN_FUNCTION) == [lesson for lesson in LESSONS if lesson in MAIN_FUNCTION]
    functions = set().union(*called.values())
    for lesson, name in MAIN_FUNCTION.items():
        assert callable(getattr(importlib.import_module(f"ppo_lessons.{lesson}"), name))
        assert (lesson, name) in functions or lesson not in called_by_trainer()


# The picture and its tiles


def test_no_word_reaches_the_edge_of_its_box():
    canvas = Canvas(pictures.course_map)
    words = [text for text in canvas.figure.findobj(Text) if text.get_text()]
    boxes = [patch.get_window_extent() for patch in canvas.figure.findobj(FancyBboxPatch)]
    assert len(words) == 2 * len(boxes) == 2 * (len(MAIN_FUNCTION) + 1)
    for text in words:
        word = text.get_window_extent(canvas.figure.canvas.get_renderer())
        (inside,) = [box for box in boxes if box.contains((word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2)]
        assert inside.x0 + 8 < word.x0 and word.x1 < inside.x1 - 8, text.get_text()


def pixels(tile):
    return np.asarray(Image.open(io.BytesIO(tile)))


def test_the_tiles_are_the_picture_a_whole_box_on_each():
    rows, columns, found = pictures.ROWS, pictures.COLUMNS, tiles()
    assert len(found) == rows * columns
    grid = np.zeros((rows, columns), object)
    for name, (x, y) in pictures.places().items():
        grid[round(-y / pictures.STEP[1]), round(x / pictures.STEP[0])] = pixels(found[name])
    whole = pixels(Canvas(pictures.course_map).png())
    assert np.array_equal(np.vstack([np.hstack(list(row)) for row in grid]), whole)
    assert whole.shape[1] == SHARPNESS * pictures.course_map.size[0]
    for number, tile in enumerate(grid.flat):
        inked = (tile < 250).any(-1)
        across, down = inked.mean(0), inked.mean(1)
        assert max(across[0], across[-1], down[0], down[-1]) < 0.1, number  # an arrow at most, no edge of a box


def test_a_lesson_without_a_main_function_is_left_out(monkeypatch):
    before = tiles()
    monkeypatch.setattr(pictures, "LESSONS", (*LESSONS, "a_lesson_to_come"))
    assert tiles() == before


def test_each_tile_is_drawn_as_it_lies_in_assets_and_leads_to_its_lesson():
    """Row for row as on the picture; the line below leads in plain Markdown to every lesson, also to later ones."""
    _, shown, below = (cell.source for cell in nbformat.read(FOLDER / "00_start_here.ipynb", 4).cells[:3])
    found = re.findall(r'<a href="(\d\d)_(\w+)\.ipynb"><img src="\.\./assets/(map_\d\d\.png)"', shown)
    rows = [re.findall(r'<a href="\d\d_(\w+)\.ipynb">', line) for line in shown.split("<br>\n")]
    where, drawn = pictures.places(), tiles()
    assert [len(row) for row in rows] == [pictures.COLUMNS] * pictures.ROWS
    assert [name for row in rows for name in row] == sorted(where, key=lambda name: (-where[name][1], where[name][0]))
    for number, name, file in found:
        assert file == f"map_{number}.png"
        assert int(number) == list(where).index(name) + 1
        difference = pixels(drawn[name]).astype(int) - pixels((ASSETS / file).read_bytes())
        differs = (np.abs(difference) > 128).mean()  # other words: 1% and more
        assert differs < 0.002, f"make figures draws {file} anew"
    lessons = {path.name for path in NOTEBOOKS if path.stem in MODULE_OF} - {"00_start_here.ipynb"}
    assert lessons == set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", below))


# The short way


def text_of(path):
    """The Markdown cells of a notebook, one after the other."""
    return "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")


def test_the_first_notebook_knows_the_minutes_and_what_can_be_left_out():
    start = text_of(FOLDER / "00_start_here.ipynb")
    rows = re.findall(r"^\| \[\d\d [^|]*\]\((\w+\.ipynb)\) \| (\d+) \| (\d+) \| ?(.*) \|$", start, flags=re.MULTILINE)
    assert len(rows) >= len(LESSONS)
    for file, minutes, short, left_out in rows:
        lesson = text_of(FOLDER / file)
        optional = re.findall(r"^##+ (?:\d+\. )?(.*) \(optional\)$", lesson, flags=re.MULTILINE)
        assert left_out == "; ".join(optional), file
        assert re.findall(r"Time: about (\d+) minutes", lesson) == [minutes], file
        assert int(short) <= int(minutes)
    hours = [round(sum(int(row[column]) for row in rows) / 60) for column in (1, 2)]
    assert hours == [17, 11]
    assert "about seventeen hours" in start and "about eleven" in start
