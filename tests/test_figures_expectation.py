"""The numbers behind the pictures of lesson 01."""

import pytest
import torch

from ppo_lessons.corridor import Corridor
from ppo_lessons.figures import expectation as pictures
from ppo_lessons.figures.style import Canvas


@pytest.mark.parametrize(("p", "mean", "variance"), [(0.8, 88, 16), (0.5, 85, 25), (0.0, 80, 0), (1.0, 90, 0)])
def test_moments_of_one_exam(p, mean, variance):
    # mean 80 + 10 p, variance 100 p (1 - p)
    assert pictures.moments(p) == pytest.approx((mean, variance), abs=1e-12)


def test_band_by_hand():
    # sqrt(16 / 4) = 2, sqrt(16 / 16) = 1
    low, high = pictures.band(88, 16, [4, 16])
    assert low.tolist() == [86, 87]
    assert high.tolist() == [90, 89]


def test_running_means_by_hand_column_by_column():
    samples = torch.tensor([[80.0, 0.0], [90.0, 2.0], [100.0, 7.0]])
    assert pictures.running_means(samples).tolist() == [[80, 0], [85, 1], [90, 3]]
    assert pictures.running_means(samples[:, 0]).tolist() == [80, 85, 90]


def test_the_same_luck_is_never_worse_with_a_higher_chance():
    low, high = pictures.exams(0.3, 7, 500), pictures.exams(0.6, 7, 500)
    assert set(low.tolist()) == {80.0, 90.0}
    assert (high >= low).all()
    assert (high > low).any()
    assert (pictures.exams(0.0, 7, 500) == 80).all()
    assert (pictures.exams(1.0, 7, 500) == 90).all()
    assert not torch.equal(low, pictures.exams(0.3, 8, 500))


def test_the_exam_picture_shows_the_sample_and_the_truth():
    canvas = Canvas(pictures.exam, n=50, p=0.8, sample=3)
    marks = pictures.exams(0.8, 3, pictures.LONGEST)
    assert canvas.artists["dot"].get_ydata()[0] == pytest.approx(marks[:50].mean().item())
    assert canvas.artists["truth"].get_ydata()[0] == pytest.approx(88)
    assert canvas.artists["bars"][1].get_height() == pytest.approx((marks[:50] == 90).double().mean().item())
    assert "the standard error is 0.566" in canvas.text  # 4 / sqrt(50)


def test_the_histogram_counts_every_student_once():
    for n in (1, 7, 200):
        canvas = Canvas(pictures.again, n=n, p=0.9)
        assert sum(bar.get_width() for bar in canvas.artists["bars"]) == pytest.approx(1)


@pytest.mark.parametrize("policy", pictures.POLICIES)
def test_distribution_of_returns(policy):
    world = Corridor()
    values, chances = pictures.distribution(policy)
    assert values.tolist() == [-7, -5, -2, 0, 3, 5, 8]
    assert chances.sum().item() == pytest.approx(1, abs=1e-12)
    exact = world.start_value(world.policy(pictures.POLICIES[policy]))
    assert (values * chances).sum().item() == pytest.approx(exact, abs=1e-12)
    # nothing but the start differs between day and night, so +5 - 2, +5, +5 + 3 mirror -5 - 2, -5, -5 + 3
    assert chances[[4, 5, 6]].tolist() == pytest.approx(chances[[0, 1, 2]].tolist(), abs=1e-12)


def test_sampled_returns_come_from_the_policy():
    values, chances = pictures.distribution("leftward")
    drawn = pictures.sampled_returns("leftward", 5)
    share = (drawn[:, None] == values).double().mean(0)
    assert (share - chances).abs().max() < 4 * (0.25 / len(drawn)) ** 0.5
