"""The numbers of the variance ladder, and the weights of the running trajectory."""

import pytest

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
