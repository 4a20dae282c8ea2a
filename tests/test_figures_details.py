"""The pictures of lesson 13: an effect stands where its numbers say, and a run where its records say."""

import numpy as np
import pytest
from pictures import misplaced
from test_accessible import problems

from ppo_lessons.experiments import details as experiments
from ppo_lessons.figures import details
from ppo_lessons.figures.style import Canvas

ROW = {"better": [10.0, 5.0, 15.0], "worse": [-20.0, -30.0, -10.0], "undecided": [1.0, -2.0, 4.0]}
FIRST = {"ReLU": "worse", "1 epoch": "better", "λ 1": "undecided"}
OTHER = {"ReLU": "undecided", "1 epoch": "worse", "rewards normalised": "better"}


def record_of(**games):
    return {
        "seeds": 3,
        "default_seeds": 4,
        "games": {
            game: {"switches": {name: {"effect": {"after training": ROW[v]}} for name, v in rows.items()}}
            for game, rows in games.items()
        },
    }


@pytest.fixture
def canvas():
    return Canvas(details.effects(record_of(one=FIRST, other=OTHER)), game="one", measure="after training")


def labels(canvas):
    return [label.get_text() for label in canvas.figure.axes[0].get_yticklabels()]


def test_each_effect_stands_at_its_numbers_in_the_row_of_its_name(canvas):
    assert labels(canvas) == ["rewards normalised", "ReLU", "λ 1", "1 epoch"]  # from below: what the game lacks first
    _, lines = canvas.artists["one"]
    for verdict, place in (("worse", 1), ("undecided", 2), ("better", 3)):
        interval, mean = lines[verdict]
        assert (list(mean.get_xdata()), list(mean.get_ydata())) == ([ROW[verdict][0]], [place])
        assert list(interval.get_xdata())[:2] == ROW[verdict][1:]
        assert list(interval.get_ydata())[:2] == [place, place]
    _, lines = canvas.artists["other"]
    assert [list(lines[v][1].get_ydata()) for v in ("better", "undecided", "worse")] == [[0], [1], [3]]


def test_the_rows_follow_the_game_that_sorts_them(canvas):
    canvas.move(game="other", measure="after training")
    assert labels(canvas) == ["λ 1", "1 epoch", "ReLU", "rewards normalised"]
    assert "rewards normalised +10 (+5 to +15)" in canvas.text and "1 epoch -20" in canvas.text
    assert misplaced(canvas.figure) == [] and problems(canvas) == set()


def test_the_three_verdicts_differ_by_more_than_colour(canvas):
    _, lines = canvas.artists["one"]
    assert len({mean.get_marker() for _, mean in lines.values()}) == 3


def test_the_live_picture_shows_both_runs(monkeypatch):
    runs = {None: [(0.0, np.nan, np.nan), (2.0, 20.0, 0.01)], "1 epoch": [(0.0, np.nan, np.nan), (2.0, 30.0, 0.02)]}
    monkeypatch.setattr(experiments, "rows", lambda switch, seed: iter(runs[switch]))
    canvas = Canvas(details.live, detail="1 epoch", seed=0)
    plain, switched = (line.get_data() for line in canvas.artists["returns"])
    assert [list(x) for x in (*plain, *switched)] == [[2.0], [20.0], [2.0], [30.0]]
    assert [list(line.get_ydata()) for line in canvas.artists["kls"]] == [[0.01], [0.02]]
    assert "30" in canvas.text and "20" in canvas.text and "2000" in canvas.text


@pytest.mark.parametrize("case", experiments.REMEDIES)
def test_a_failure_is_drawn_as_it_was_computed(case):
    kind, control = experiments.REMEDIES[case]
    canvas = Canvas(details.failure, case=case, seed=0)
    dist_params, history = experiments.failure(kind, **control, seed=0)
    for line, run in zip(canvas.artists["history"], history.T, strict=True):
        assert line.get_ydata().tolist() == run.tolist()
    peaks = np.array([line.get_xdata()[line.get_ydata().argmax()] for line in canvas.artists["policies"]])
    modes = dist_params[:, 0].numpy()
    if kind == "many actions":
        modes = -6 + 12 * dist_params.argmax(-1).numpy() / (control["actions"] - 1)
    seen = abs(modes) <= 6
    assert np.allclose(peaks[seen], modes[seen], atol=0.02)
    assert f"{experiments.found_the_best(history)} of 10" in canvas.text
    assert misplaced(canvas.figure) == [] and problems(canvas) == set()
