"""The numbers behind the pictures of lesson 01."""

import pytest
import torch

from ppo_lessons.corridor import Corridor
from ppo_lessons.experiments import expectation as experiments


@pytest.mark.parametrize(("p", "mean", "variance"), [(0.8, 88, 16), (0.5, 85, 25), (0.0, 80, 0), (1.0, 90, 0)])
def test_moments_of_one_exam(p, mean, variance):
    # mean 80 + 10 p, variance 100 p (1 - p)
    assert experiments.moments(p) == pytest.approx((mean, variance), abs=1e-12)


def test_band_by_hand():
    # sqrt(16 / 4) = 2, sqrt(16 / 16) = 1
    low, high = experiments.band(88, 16, [4, 16])
    assert low.tolist() == [86, 87]
    assert high.tolist() == [90, 89]


def test_running_means_by_hand_column_by_column():
    samples = torch.tensor([[80.0, 0.0], [90.0, 2.0], [100.0, 7.0]])
    assert experiments.running_means(samples).tolist() == [[80, 0], [85, 1], [90, 3]]
    assert experiments.running_means(samples[:, 0]).tolist() == [80, 85, 90]


def test_the_same_luck_is_never_worse_with_a_higher_chance():
    low, high = experiments.exams(0.3, 7, 500), experiments.exams(0.6, 7, 500)
    assert set(low.tolist()) == {80.0, 90.0}
    assert (high >= low).all()
    assert (high > low).any()
    assert (experiments.exams(0.0, 7, 500) == 80).all()
    assert (experiments.exams(1.0, 7, 500) == 90).all()
    assert not torch.equal(low, experiments.exams(0.3, 8, 500))


@pytest.mark.parametrize("policy", experiments.POLICIES)
def test_distribution_of_returns(policy):
    world = Corridor()
    values, chances = experiments.distribution(policy)
    assert values.tolist() == [-7, -5, -2, 0, 3, 5, 8]
    assert chances.sum().item() == pytest.approx(1, abs=1e-12)
    exact = world.start_value(world.policy(experiments.POLICIES[policy]))
    assert (values * chances).sum().item() == pytest.approx(exact, abs=1e-12)
    # nothing but the start differs between day and night, so +5 - 2, +5, +5 + 3 mirror -5 - 2, -5, -5 + 3
    assert chances[[4, 5, 6]].tolist() == pytest.approx(chances[[0, 1, 2]].tolist(), abs=1e-12)


def test_sampled_returns_come_from_the_policy():
    values, chances = experiments.distribution("leftward")
    drawn = experiments.sampled_returns("leftward", 5)
    share = (drawn[:, None] == values).double().mean(0)
    assert (share - chances).abs().max() < 4 * (0.25 / len(drawn)) ** 0.5


def test_shares_by_hand():
    marks = torch.tensor([80.0, 90.0, 90.0, 90.0], dtype=torch.float64)
    assert experiments.share_of(marks, [80, 90, 100]).tolist() == [0.25, 0.75, 0]
    assert experiments.share_between(marks, [79, 85, 95]).tolist() == [0.25, 0.75]
    assert experiments.share_inside(marks, 88, 2) == 0.75  # the edge of the band belongs to it
    assert experiments.exact_error(16, 4) == 2


def test_two_of_three_students_stand_inside_one_standard_error():
    means = experiments.students(0.8)[199]
    reach = experiments.exact_error(16, 200)
    assert experiments.share_inside(means, 88, reach) == pytest.approx(0.68, abs=0.04)
    assert experiments.share_inside(means, 88, 2 * reach) == pytest.approx(0.95, abs=0.02)
