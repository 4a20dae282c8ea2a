"""What the map of the course says is read from the code, and it is true; its boxes lead to the lessons."""

import importlib
import re
import sys

import nbformat
import pytest
from matplotlib.text import Text
from notebook_runner import FOLDER

from ppo_lessons import LESSONS
from ppo_lessons.experiments.course_map import PACKAGE, called_by_trainer, imported_lessons, uses
from ppo_lessons.figures import course_map as pictures
from ppo_lessons.figures.course_map import MAIN_FUNCTION, boxes
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


# The picture and its links


def test_no_word_reaches_the_edge_of_its_box():
    canvas = Canvas(pictures.course_map)
    around = {name: [SHARPNESS * pixel for pixel in box] for name, box in boxes().items()}
    height = SHARPNESS * pictures.course_map.size[1]
    words = [text for text in canvas.figure.findobj(Text) if text.get_text()]
    assert len(words) == 2 * len(around)
    for text in words:
        box = text.get_window_extent(canvas.figure.canvas.get_renderer())
        middle = (box.x0 + box.x1) / 2, height - (box.y0 + box.y1) / 2
        (inside,) = [b for b in around.values() if b[0] < middle[0] < b[2] and b[1] < middle[1] < b[3]]
        assert inside[0] + 8 < box.x0 and box.x1 < inside[2] - 8, text.get_text()


def test_the_boxes_lie_side_by_side_on_the_picture():
    width, height = pictures.course_map.size
    found = list(boxes().values())
    assert all(0 <= left < right <= width and 0 <= top < bottom <= height for left, top, right, bottom in found)
    for number, (left, top, right, bottom) in enumerate(found):
        for other in found[number + 1 :]:
            assert other[0] > right or other[2] < left or other[1] > bottom or other[3] < top


def test_a_lesson_without_a_main_function_is_left_out(monkeypatch):
    before = boxes()
    monkeypatch.setattr(pictures, "LESSONS", (*LESSONS, "a_lesson_to_come"))
    assert boxes() == before


def test_the_first_notebook_leads_where_its_map_shows():
    """Over each box lies a link to its lesson, and the same links stand below in plain Markdown."""
    opening = "\n".join(cell.source for cell in nbformat.read(FOLDER / "00_start_here.ipynb", 4).cells[:3])
    areas = re.findall(r'<area shape="rect" coords="([\d,]+)" href="(\d\d_(\w+)\.ipynb)" alt="[^"]+">', opening)
    assert {name: tuple(map(int, coords.split(","))) for coords, _, name in areas} == boxes()
    assert re.search(r'<img src="../assets/start_here.png" width="820" usemap="#lessons" alt="[^"]+">', opening)
    assert f'width="{pictures.course_map.size[0]}"' in opening
    assert all((FOLDER / file).is_file() for _, file, _ in areas)
    assert {file for _, file, _ in areas} <= set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", opening))


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
    assert hours == [15, 9]
    assert "about fifteen hours" in start and "about nine" in start
