"""Lesson 10's pictures: what they tell, and what they leave to the reader."""

import pytest
from pictures import at_start

from ppo_lessons.experiments.clip import CASES, example_of
from ppo_lessons.figures import clip
from ppo_lessons.figures.style import Canvas


def told(canvas):
    """Rows of the table whose last two columns are filled in."""
    rows = [[cell.get_text() for cell in row[2:]] for row in canvas.artists["table"]]
    return [place for place, words in enumerate(rows) if words != [clip.UNKNOWN, clip.UNKNOWN]]


@pytest.mark.parametrize("row", range(6))
def test_the_table_tells_the_row_of_the_sample_only(row):
    ratio, advantage = example_of(*CASES[row], 0.2)
    canvas = Canvas(clip.objective, epsilon=0.2, advantage=advantage, ratio=ratio)
    assert told(canvas) == [row]
    canvas.move(epsilon=0.2, advantage=0.0, ratio=ratio)
    assert told(canvas) == []


def test_the_start_gives_no_silent_row_away():
    canvas = at_start("10_clip:pictures.objective")
    assert "0" not in [row[3].get_text() for row in canvas.artists["table"]]


@pytest.mark.parametrize("advantage", [-1.0, 1.0])
def test_the_flat_part_fills_a_fair_share_of_the_axis(advantage):
    """At ρ = 2 or 0 the plain term is a sixth of the axis and more away from the objective."""
    canvas = Canvas(clip.objective, epsilon=0.2, advantage=advantage, ratio=1.0)
    low, high = canvas.artists["left"].get_ylim()
    plain, least = (canvas.artists[name].get_ydata() for name in ("plain", "least"))
    assert abs(plain - least).max() > (high - low) / 6


def test_no_zero_has_a_sign():
    for advantage in (-1.0, 0.0, 1.0):
        canvas = Canvas(clip.objective, epsilon=0.2, advantage=advantage, ratio=0.5)
        words = [canvas.text, canvas.artists["left"].get_title(), canvas.artists["right"].get_title()]
        assert not any(zero in text for text in words for zero in ("-0.00", "-0.0;", "+0.0,"))
