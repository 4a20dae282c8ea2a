"""The numbers of the variance ladder, and the weights of the running trajectory."""

import math

import pytest

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments import variance_ladder as ladder


def test_each_lesson_has_its_variance():
    rungs = ladder.variances("gae")
    assert list(rungs) == ["log_trick", "reward_to_go", "baseline", "advantage", "gae"]
    assert [round(variance, 2) for variance in rungs.values()] == [48.01, 21.71, 6.00, 2.53, 5.40]


def test_the_ladder_ends_with_the_lesson():
    so_far = ["log_trick", "reward_to_go"]
    assert list(ladder.variances("reward_to_go")) == so_far
    assert list(ladder.running_weights("reward_to_go")) == so_far


def test_weights_of_the_running_trajectory_by_hand():
    weights = ladder.running_weights("advantage")
    assert weights["log_trick"] == [3, 3, 3]  # 5 + 0 - 2
    assert weights["reward_to_go"] == [3, -2, -2]
    value = [g - w for g, w in zip(weights["reward_to_go"], weights["baseline"], strict=True)]
    td = [5 + value[1] - value[0], 0 + value[2] - value[1], -2 - value[2]]  # the pit ends the play
    assert weights["advantage"] == pytest.approx(td)


def test_an_unknown_lesson_is_refused():
    with pytest.raises(ValueError, match=r"has the rungs log_trick, .*, got 'clip'"):
        ladder.variances("clip")


def test_no_rung_has_a_bias():
    """With the exact V. The picture says so."""
    world = Corridor()
    plays, policy = world.trajectories(), world.policy(SLIDES_POLICY)
    values = world.step_values(world.tables(policy, gamma=1.0).values)
    for rung in ladder.RUNGS.values():
        assert world.gradient_moments(policy, rung(plays, *values)).bias.norm() < 1e-12


def test_gae_lies_between_its_two_ends():
    rungs = ladder.variances("gae")
    assert rungs["advantage"] < rungs["gae"] < rungs["baseline"]


def test_so_many_plays_do_what_a_hundred_did():
    """A count of plays is rounded up: with 45 the error would still be a little larger."""
    rungs = ladder.variances("reward_to_go")
    assert math.ceil(100 * rungs["reward_to_go"] / rungs["log_trick"]) == 46
