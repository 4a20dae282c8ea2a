"""The pictures of the full run."""

import io

import numpy as np
import pytest
from pictures import misplaced
from PIL import Image
from test_accessible import problems

from ppo_lessons import data
from ppo_lessons.experiments import full_run as experiments
from ppo_lessons.figures import full_run, ppo
from ppo_lessons.figures.style import Canvas

RECORD = data.load("full_run")
PICTURES = {
    "opening": lambda: full_run.opening,
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
    curves = {line.get_label(): line.get_ydata().tolist() for line in canvas.figure.axes[0].lines}
    assert curves == {f"seed {run['seed']}": [paid for _, paid in run["curve"]] for run in RECORD["runs"]}
    assert all(f"{run['mean']:.1f}" in canvas.text for run in RECORD["runs"])


def test_the_share_of_episodes_that_reach_a_return_can_be_read_off():
    right = Canvas(full_run.runs(RECORD)).figure.axes[1]
    for line in (line for line in right.lines if line.get_gid() != "wall"):
        ends = RECORD["endings"][int(line.get_label().removeprefix("seed "))]
        paid, shares = line.get_data()
        for least in (1, 29, 30, 31, 90):
            shown = shares[np.searchsorted(paid, least)]  # a step holds up to the return at its right end
            assert shown == pytest.approx(100 * experiments.share_from(ends, least))


def test_the_worst_run_is_named_with_its_share():
    record = {
        "runs": [
            {"seed": seed, "mean": mean, "curve": [[1, 0], [2, mean]]} for seed, mean in enumerate([5, 3, 9, 4, 8])
        ],
        "endings": [{"3": 1, "9": 1}, {"2": 1, "28": 1, "29": 2}, {"3": 1}, {"3": 1}, {"3": 1}],
    }
    left, right = Canvas(full_run.runs(record)).figure.axes
    assert left.get_title() == "one setting, five seeds: 3 to 9"
    assert right.get_title() == "seed 1: 75% end with one or two bricks left"


def test_each_attempt_of_the_search_has_its_mark():
    left, right = Canvas(full_run.searched(RECORD)).figure.axes
    shown = sorted(line.get_ydata()[0] for line in left.lines)
    assert shown == sorted(row["return"] for row in RECORD["tried"])
    assert [line.get_ydata()[0] for line in left.lines if line.get_gid() == "chosen"] == [
        row["return"] for row in RECORD["tried"] if row["settings"] == RECORD["chosen"]
    ]
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
    assert canvas.figure.axes[0].get_title() == "64 games reach nine tenths of the best speed"
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


def test_the_budget_tells_what_the_recorded_curve_reaches():
    canvas = Canvas(full_run.budget, steps="3,000,000")
    steps, returns = full_run.mean_curve(RECORD)
    expected = f"{np.interp(3e6, steps, returns):.0f}"
    assert canvas.figure.axes[0].get_title() == f"3,000,000 steps: about {expected}"
    assert canvas.artists["line"].get_xdata() == [3, 3]


def test_a_slow_film_shows_every_step_and_calls_no_cut_an_end():
    """In both runs a white square moves to the right, two points a step."""
    run = [np.zeros((60, 100, 3), dtype=np.uint8) for _ in range(30)]
    for step, frame in enumerate(run):
        frame[20:40, 2 * step : 2 * step + 2] = 255
    film = Image.open(io.BytesIO(ppo.film(run[:4], run, steps=20, milliseconds=100)))
    seen = []
    for number in range(film.n_frames):
        film.seek(number)
        after = np.asarray(film.convert("L"))[ppo.STRIP + 30, 108:]
        seen.append((after.argmax() // 2, film.info["duration"]))
    assert seen == [*((step, 100) for step in range(20)), (20, 2000)]
    cut, whole = (np.asarray(ppo.part_of_film(run[:length], "after", 20, 21)) for length in (30, 21))
    assert not np.array_equal(cut, whole)  # the words say "(end)" only where the episode ends
