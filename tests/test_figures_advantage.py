"""The pictures of lesson 06 show the numbers of its experiments."""

import pytest

from ppo_lessons.experiments import advantage as experiments
from ppo_lessons.figures import advantage as pictures
from ppo_lessons.figures.style import Canvas


def test_bars_go_from_value_to_action_value():
    canvas = Canvas(pictures.cells, situation="night", step=1)
    values, action_values, _ = experiments.tables()
    _, bars, _, note = canvas.artists["columns"][2]
    assert note.get_text() == f"V = {values[1, 8]:.2f}"
    assert [bar.get_y() + bar.get_height() for bar in bars] == pytest.approx(action_values[1, 8].tolist())
    assert canvas.artists["columns"][4][3].get_text() == "not reached"


def test_the_last_bar_is_the_advantage_and_the_marker_is_the_least_sum():
    canvas = Canvas(pictures.n_steps, n=2, critic_error=2.0, plays=64)
    heights = [bar.get_height() for bar in canvas.artists["bars"]]
    assert heights == pytest.approx(experiments.parts(2, 2.0))
    bias, variance = experiments.errors(2.0)
    total = bias + variance / 64
    assert canvas.artists["best"].get_xdata() == [total.argmin() + 1]
