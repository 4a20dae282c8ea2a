"""Stale gradients, and the recorded gain of a second process."""

import pytest

from ppo_lessons import data
from ppo_lessons.experiments import scaling


def test_without_delay_nothing_is_stale():
    _, cosines = scaling.climb(1.0, 0)
    assert cosines == pytest.approx([1.0] * scaling.UPDATES)


def test_a_delay_applies_the_first_gradient_until_the_second_arrives():
    fresh, stale = scaling.climb(0.5, 0)[0], scaling.climb(0.5, 3)[0]
    assert stale[:2] == fresh[:2]
    assert stale[2] != fresh[2]


def test_the_recorded_scaling_is_consistent():
    result = data.load("scaling")
    assert {"machine", "date", "versions", "load"} <= set(result)
    for row, (name, settings) in zip(result["rows"], scaling.RUNS, strict=True):
        assert row["name"] == name
        assert {key: row[key] for key in settings} == settings
        assert row["speedup"] == row["steps_per_second"]["2"] / row["steps_per_second"]["1"]


@pytest.mark.slow
def test_scaling_can_be_measured():
    settings = {"num_envs": 8, "total_steps": 2048}
    result = scaling.measure(runs=[("CartPole in torch", settings)], repeats=1)
    assert all(speed > 0 for speed in result["rows"][0]["steps_per_second"].values())
