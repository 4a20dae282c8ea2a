"""The pictures of the full run."""

import pytest
from matplotlib.collections import LineCollection
from pictures import misplaced
from test_accessible import problems

from ppo_lessons import data
from ppo_lessons.figures import full_run
from ppo_lessons.figures.style import Canvas

RECORD = data.load("full_run")
PICTURES = {
    "runs": lambda: full_run.runs(RECORD),
    "searched": lambda: full_run.searched(RECORD),
    "speed": lambda: full_run.speed(RECORD["costs"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_cut_off_or_covered(name):
    canvas = Canvas(PICTURES[name]())
    assert misplaced(canvas.figure) == []
    assert problems(canvas) == set()


def test_each_run_has_its_curve_and_its_mean_is_told():
    canvas = Canvas(full_run.runs(RECORD))
    left, right = canvas.figure.axes
    curves = [line for line in left.lines if line.get_label().startswith("seed")]
    assert [line.get_ydata().tolist() for line in curves] == [
        [paid for _, paid in run["curve"]] for run in RECORD["runs"]
    ]
    means = [marks.get_offsets()[0][0] for marks in right.collections if marks.get_gid() == "mean"]
    assert means == [run["mean"] for run in RECORD["runs"]]
    assert all(f"{run['mean']:.0f}" in canvas.text for run in RECORD["runs"])


def test_each_attempt_of_the_search_has_its_mark():
    left, right = Canvas(full_run.searched(RECORD)).figure.axes
    marks = [marks for marks in left.collections if not isinstance(marks, LineCollection)]
    assert sum(len(mark.get_offsets()) for mark in marks) == len(RECORD["tried"])
    assert len(right.collections) == len(RECORD["networks"])


def test_the_shares_of_the_time_add_up_to_all_of_it():
    costs = {
        "games": {
            "4": {"game": 1.0, "policy plays": 2.0, "learning": 1.0, "operations": 8.0},
            "64": {"game": 0.1, "policy plays": 0.1, "learning": 0.8, "operations": 8.0},
        },
        "roof": 16.0,
    }
    canvas = Canvas(full_run.speed(costs))
    roof, measured = canvas.figure.axes[0].lines
    assert roof.get_ydata().tolist() == [2, 2]
    assert measured.get_ydata().tolist() == [0.25, 1]
    top = canvas.figure.axes[1].collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(100)
    assert "which is 50% of what arithmetic alone would allow" in canvas.text


def test_the_gpu_picture_shows_what_was_recorded():
    rates = {"plain": {"256": 1e5, "1024": 2e5}, "captured": {"256": 2e6, "1024": 5e6}}
    record = {"gpu": "Some GPU", "date": "2026-01-01", "speed": {"CartPole": rates, "Breakout": rates}}
    canvas = Canvas(full_run.gpu(record))
    assert "Some GPU, 2026-01-01" in canvas.text and "Breakout captured 5,000,000 with 1,024 games" in canvas.text
    assert [[line.get_label() for line in axes.lines] for axes in canvas.figure.axes] == [["plain", "captured"]] * 2
    assert misplaced(canvas.figure) == []
