"""The numbers behind the pictures of the extras."""

import re

import pytest

from ppo_lessons.figures import continuous_actions, scaling
from ppo_lessons.figures.style import Canvas


def test_the_gaussian_steps_and_is_cut_as_the_experiment_says():
    """mu 1, sigma 1, a 3, A -1: one step of 0.25 along -(2, 3), and the game gets 2."""
    canvas = Canvas(continuous_actions.step, mean=1.0, log_std=0.0, draw=2.0, advantage=-1.0)
    assert canvas.artists["raw"].get_xdata() == [3.0]
    assert canvas.artists["given"].get_xdata() == [2.0]
    before, after = (canvas.artists[name].get_ydata().argmax() for name in ("before", "after"))
    actions = continuous_actions.ACTIONS
    assert [actions[before].item(), actions[after].item()] == pytest.approx([1.0, 0.5], abs=0.02)


@pytest.mark.parametrize("mean", [-2.0, 0.5, 2.0])
def test_the_push_of_cut_actions_has_the_sign_of_the_mean_weight(mean):
    """Equal weights of 1 push the mean inwards, equal weights of -1 by as much over the edge."""
    pushes = []
    for advantage in (1.0, -1.0):
        canvas = Canvas(continuous_actions.step, mean=mean, log_std=0.0, draw=0.5, advantage=advantage)
        means, push = canvas.artists["push"].get_data()
        pushes.append(push[abs(means - mean).argmin()].item())
    assert pushes[0] == pytest.approx(-pushes[1])
    assert pushes[0] * mean < 0


def test_the_scaling_picture_tells_the_gain_of_every_row():
    rows = [
        {"name": "game", "num_envs": 8, "steps_per_second": {"1": 100.0, "2": 150.0}, "speedup": 1.5},
        {"name": "other", "num_envs": 64, "steps_per_second": {"1": 100.0, "2": 80.0}, "speedup": 0.8},
    ]
    text = Canvas(scaling.scaling({"rows": rows, "machine": "a machine"})).text
    assert re.findall(r"(game|other) with (\d+) games ×(\d+\.\d+)", text) == [
        ("game", "8", "1.50"),
        ("other", "64", "0.80"),
    ]
