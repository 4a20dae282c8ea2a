"""The pictures of lesson 03."""

import re

import pytest

from ppo_lessons.experiments.log_trick import RUNS, UPDATES
from ppo_lessons.figures import log_trick
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
    assert "1" in re.findall(r"[\d.]+", first)  # of the ten samples one is there
