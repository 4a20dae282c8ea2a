"""The pictures of lesson 03."""

import re

import pytest
from matplotlib.text import Text

from ppo_lessons.experiments.log_trick import RUNS, UPDATES
from ppo_lessons.figures import __main__ as assets
from ppo_lessons.figures import log_trick, variance_ladder
from ppo_lessons.figures.style import Canvas


@pytest.mark.parametrize(("length", "expected"), [(0.0, 0), (0.1, 0), (1.0, 1), (10.0, 2)])
def test_radius(length, expected):
    assert log_trick.radius(length) == pytest.approx(expected)


def test_the_runs_that_are_not_there_yet_are_empty():
    canvas = Canvas(log_trick.reinforce, plays=2, reuse=2)
    lines, mean = canvas.artists["again"]
    assert [len(line.get_xdata()) for line in lines] == [UPDATES + 1] * RUNS
    first = next(canvas.stages(plays=2, reuse=3))
    assert [len(line.get_xdata()) for line in lines] == [UPDATES + 1] + [0] * (RUNS - 1)
    assert list(mean.get_ydata()) == list(lines[0].get_ydata())
    assert "1" in re.findall(r"[\d.]+", first)  # of the ten runs one is there


def test_one_play_is_called_so():
    told = Canvas(log_trick.estimate, doublings=0, sample=0).text
    assert told.count("one play") == 2 and "plays" not in told


def test_the_number_of_plays_is_rounded_up():
    texts = [text.get_text() for text in Canvas(log_trick.estimate, doublings=6, sample=0).artists["right"].texts]
    assert texts == ["N = 146"]  # at 145 the error is still a little longer than the gradient


def test_the_picture_that_opens_the_lesson_does_not_tell_how_many_plays_are_needed():
    picture, values = assets.PICTURES["log_trick"]
    figure = Canvas(picture, **values).figure
    words = [text.get_text() for text in figure.findobj(Text)]
    assert any("batch" in word for word in words) and not any("146" in word for word in words)


def test_the_curves_show_only_the_way_that_the_slider_went():
    canvas = Canvas(log_trick.cancel, success=0.9, right=0.7)
    assert [len(curve.get_xdata()) for curve in canvas.artists["curves"]] == [1, 1]  # nothing tells which will move
    canvas.move(success=0.6, right=0.7)
    of_p, of_log = (curve.get_ydata() for curve in canvas.artists["curves"])
    assert len(of_p) == 16 and of_p.std() > 1e-3 > of_log.std()


def test_the_ladder_says_which_lesson_fills_an_empty_rung():
    def words(lesson):
        return [text.get_text() for text in Canvas(variance_ladder.ladder(lesson)).figure.axes[0].texts]

    assert {"48.01", "in lesson 04", "in lesson 07"} <= set(words("log_trick"))
    assert {"6.00", "in lesson 06", "in lesson 07"} <= set(words("baseline"))
    assert "5.40" in words("gae") and not any("lesson" in text for text in words("gae"))
