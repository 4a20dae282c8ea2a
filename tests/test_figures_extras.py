"""The numbers behind the pictures of the extras."""

import math

import pytest
import torch

from ppo_lessons.experiments import scaling as parallel_scaling
from ppo_lessons.figures import continuous_actions
from ppo_lessons.figures import scaling as parallel
from ppo_lessons.figures.style import Canvas


def test_one_step_by_hand():
    """mu 1, sigma 1, a 3, A -1: the score is (2, 2^2 - 1) = (2, 3)."""
    step = continuous_actions.STEP
    assert continuous_actions.one_step(1.0, 0.0, 3.0, -1.0) == pytest.approx([1 - 2 * step, -3 * step])


def test_the_density_integrates_to_one():
    actions = torch.tensor(continuous_actions.ACTIONS)
    assert torch.trapezoid(continuous_actions.density(0.5, -0.5), actions).item() == pytest.approx(1, abs=1e-4)


def test_the_mean_score_is_zero_for_raw_actions_and_known_for_cut_ones():
    means = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    assert continuous_actions.mean_score(means, 0.3, cut=False).abs().max() < 1e-12
    pull = continuous_actions.mean_score(means, 0.0, cut=True)
    assert pull[1].abs() < 1e-12  # in the middle of the box both sides pull alike
    # at the upper edge half of the draws are cut: -E[max(noise, 0)], and the far edge adds 3e-6 or so
    assert pull[2].item() == pytest.approx(-1 / math.sqrt(2 * math.pi), abs=1e-4)


def test_without_delay_nothing_is_stale():
    _, cosines = parallel.climb(1.0, 0)
    assert cosines == pytest.approx([1.0] * parallel.UPDATES)


def test_a_delay_applies_the_first_gradient_until_the_second_arrives():
    fresh, stale = parallel.climb(0.5, 0)[0], parallel.climb(0.5, 3)[0]
    assert stale[:2] == fresh[:2]
    assert stale[2] != fresh[2]


def test_the_scaling_picture_tells_the_gain_of_every_row():
    rows = [
        {"name": "game", "num_envs": 8, "steps_per_second": {"1": 100.0, "2": 150.0}, "speedup": 1.5},
        {"name": "other", "num_envs": 64, "steps_per_second": {"1": 100.0, "2": 80.0}, "speedup": 0.8},
    ]
    text = Canvas(parallel.scaling({"rows": rows, "machine": "a machine"})).text
    assert text == "Two processes against one: game with 8 games ×1.50, other with 64 games ×0.80."


def test_the_recorded_scaling_is_consistent():
    result = parallel_scaling.load()
    assert {"machine", "date", "versions", "load"} <= set(result)
    for row, (name, settings) in zip(result["rows"], parallel_scaling.RUNS, strict=True):
        assert row["name"] == name
        assert {key: row[key] for key in settings} == settings
        assert row["speedup"] == row["steps_per_second"]["2"] / row["steps_per_second"]["1"]


@pytest.mark.slow
def test_scaling_can_be_measured():
    settings = {"num_envs": 8, "total_steps": 2048}
    result = parallel_scaling.measure(runs=[("CartPole in torch", settings)], repeats=1)
    assert all(speed > 0 for speed in result["rows"][0]["steps_per_second"].values())
