"""The pictures of lesson 02, and the policy drawn on the cells."""

import pytest
import torch
from matplotlib.figure import Figure

from ppo_lessons.experiments.policy_gradient import DRAWS, climb, push
from ppo_lessons.figures import policy_gradient as pictures
from ppo_lessons.figures.corridor import draw_policy, move_policy
from ppo_lessons.figures.style import Canvas


def test_bars_stand_in_the_four_cells_that_act_and_follow_the_policy():
    axes = Figure().subplots()
    probabilities = torch.arange(36, dtype=torch.float64).reshape(12, 3)
    bars = draw_policy(axes, "night", probabilities)
    assert {cell for cell, _ in bars} == {0, 1, 2, 4}
    assert len(bars) == 12
    unit = bars[0, 1].get_height() / 19  # night: row 6 + 0 is 18, 19, 20
    assert [bars[4, action].get_height() / unit for action in range(3)] == pytest.approx([30, 31, 32])
    move_policy(bars, "day", probabilities)
    assert [bars[4, action].get_height() / unit for action in range(3)] == pytest.approx([12, 13, 14])


def test_softmax_picture_draws_its_probabilities():
    canvas = Canvas(pictures.softmax, temperature=1.0, up=0.0, right=0.0, sample=1)
    assert [bar.get_height() for bar in canvas.artists["bars"]] == pytest.approx([1 / 3] * 3)
    shares = canvas.artists["seen"].get_ydata()
    assert sum(shares) == pytest.approx(1)
    assert max(abs(share - 1 / 3) for share in shares) < 4 * (2 / 9 / DRAWS) ** 0.5


def test_push_picture_draws_the_gradient_and_both_policies():
    canvas = Canvas(pictures.one_hot, action="up", right=0.7, step=1.0)
    before, gradient, after = push(0.7, "up", 1.0)
    for name, heights in (("bars", gradient), ("before", before), ("after", after)):
        assert [bar.get_height() for bar in canvas.artists[name]] == heights.tolist()
    assert [label.get_va() for label in canvas.artists["labels"]] == ["top", "bottom", "top"]


def test_the_climb_is_drawn_to_its_end():
    canvas = Canvas(pictures.ascent, step_size=1.0, start="even")
    records = list(climb("even", 1.0))
    x, y = canvas.artists["line"].get_data()
    assert list(x) == [record.steps for record in records]
    assert list(y) == [record.expected_return for record in records]
