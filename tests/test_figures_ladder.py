"""The pictures of what each step buys."""

import re

import pytest
from pictures import misplaced
from test_accessible import problems

from ppo_lessons import data
from ppo_lessons.experiments import ladder as experiments
from ppo_lessons.figures import ladder
from ppo_lessons.figures.style import Canvas


@pytest.fixture
def result():
    """Two seeds a rung: the baseline gains 100, one-step TD loses 50, all else stays as it was."""
    places = dict.fromkeys(experiments.RUNGS, 300.0) | {"REINFORCE": 250.0, "reward-to-go": 250.0, "baseline": 350.0}
    rows = {name: {"finals": [at, at], "curves": [[at / 2] * 21] * 2, "rate": 0.01} for name, at in places.items()}
    rows["clip"]["finals"] = [100.0, 600.0]  # undecided
    return {"rungs": rows, "seeds": [0, 1], "total_steps": 100_000}


def test_each_rung_has_its_curve_and_in_grey_the_one_that_it_is_compared_with():
    canvas = Canvas(ladder.curves())
    mean = {name: curve[0].tolist() for name, curve in experiments.learning_curves(data.load("ladder")).items()}
    panels = [axes for axes in canvas.figure.axes if axes.axison]
    assert [axes.get_title() for axes in panels] == list(experiments.RUNGS)
    first, *others = ([line.get_ydata().tolist() for line in axes.lines] for axes in panels)
    assert first == [mean["REINFORCE"]]
    assert others == [[mean[before], mean[name]] for name, (before, _) in experiments.CHANGES.items()]
    for name in mean:
        assert f"{name} {mean[name][-1]:.0f}" in canvas.text
    assert misplaced(canvas.figure) == []


def test_differences_that_the_intervals_decide_stand_out(result):
    canvas = Canvas(ladder.differences(result))
    finals, areas = canvas.figure.axes
    assert [re.findall(r"\d+", axes.get_title()) for axes in (finals, areas)] == [["2", "12", "0"]] * 2
    marks = [line for line in areas.lines if line.get_marker() != "None"]
    assert [line.get_gid() for line in marks] == ["undecided", "better", "worse", *["undecided"] * 9]
    assert [line.get_xdata()[0] for line in marks][1:3] == [50, -25]
    intervals = [line.get_xdata() for line in finals.lines if line.get_marker() == "None"][1:]
    assert list(intervals[list(experiments.CHANGES).index("clip")]) == [-200, 300]
    assert "baseline against reward-to-go +100 (+100 to +100)" in canvas.text
    assert "one-step TD against baseline −50 (−50 to −50)" in canvas.text
    assert "clip against" not in canvas.text  # only counted
    assert "-5" not in canvas.text
    assert misplaced(canvas.figure) == []
    assert problems(canvas) == set()


def test_without_any_decided_difference_the_sentence_says_so(result):
    for row in result["rungs"].values():
        row.update(finals=[1.0, 3.0], curves=[[1.0] * 21, [3.0] * 21])
    text = Canvas(ladder.differences(result)).text
    assert text.count("0 of 12") == 2
    assert text.endswith("exclude 0.")


def test_the_recorded_differences_fit():
    canvas = Canvas(ladder.differences())
    assert misplaced(canvas.figure) == []
    assert problems(canvas) == set()


def test_a_rung_trains_live_at_a_multiple_of_its_recorded_rate(monkeypatch):
    monkeypatch.setattr(ladder, "LIVE_STEPS", 3000)
    canvas = Canvas(ladder.live, rung="clip", rate_factor=1.0, seed=0)
    now, before = (canvas.artists[name] for name in ("now", "before"))
    first = list(zip(*now.get_data(), strict=True))
    known = experiments.learn(
        experiments.RUNGS["clip"], data.load("ladder")["rungs"]["clip"]["rate"], seed=0, total_steps=3000
    )
    assert first == [(used / 1000, played) for used, played, _ in known]
    stages = canvas.stages(rung="TRPO", rate_factor=0.5, seed=1)
    text = next(stages)  # before anything is learned
    assert "TRPO" in text and "0.5" in text and "seed 1" in text and "after 0 steps" in text
    assert f"{data.load('ladder')['rungs']['TRPO']['rate'] / 2:.3g}" in text
    assert len(now.get_xdata()) == 1
    assert list(zip(*before.get_data(), strict=True)) == first
    assert misplaced(canvas.figure) == []
