"""What few runs can say."""

import numpy as np
import pytest

from ppo_lessons.experiments.intervals import bootstrap_interval, difference_interval, interquartile_mean


def test_interquartile_mean_by_hand():
    assert interquartile_mean([100.0, 1.0, 2.0, 0.0]) == pytest.approx((1 + 2) / 2)
    assert interquartile_mean([0.0, 1.0, 2.0, 3.0, 100.0]) == pytest.approx(0.3 * 1 + 0.4 * 2 + 0.3 * 3)
    assert interquartile_mean([7.0]) == pytest.approx(7)


def test_interquartile_mean_along_an_axis():
    table = np.random.default_rng(0).normal(size=(3, 8))
    middle = np.sort(table, 1)[:, 2:6].mean(1)
    assert interquartile_mean(table, axis=1).tolist() == pytest.approx(middle.tolist())
    assert interquartile_mean(table.T, axis=0).tolist() == pytest.approx(middle.tolist())


def test_equal_runs_have_an_interval_without_width():
    assert bootstrap_interval([5.0, 5.0, 5.0]) == [5.0, 5.0]
    assert difference_interval([5.0, 5.0], [2.0, 2.0, 2.0]) == [3.0, 3.0]


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    low, high = bootstrap_interval(range(100))  # mean 49.5, standard error 2.89
    assert low == pytest.approx(49.5 - 1.96 * 2.89, abs=0.4)
    assert high == pytest.approx(49.5 + 1.96 * 2.89, abs=0.4)
    narrow = bootstrap_interval(range(100), level=0.5)
    assert narrow == pytest.approx([49.5 - 0.674 * 2.89, 49.5 + 0.674 * 2.89], abs=0.4)


def test_the_interval_of_a_difference_does_not_pair_the_runs():
    """Paired, a group against itself would have the interval [0, 0]."""
    low, high = difference_interval(range(100), range(100))
    error = 2.89 * 2**0.5
    assert [low, high] == pytest.approx([-1.96 * error, 1.96 * error], abs=0.5)
    shifted = difference_interval([n + 30 for n in range(100)], range(100))
    assert shifted == pytest.approx([30 + low, 30 + high])


def test_another_statistic_than_the_mean():
    runs = [*range(40), 1e6]
    assert bootstrap_interval(runs, statistic=interquartile_mean)[1] < 40 < bootstrap_interval(runs)[1]
    low, high = difference_interval(runs, range(40), statistic=interquartile_mean)
    assert -20 < low < 0 < high < 20


def test_the_same_numbers_give_the_same_interval():
    assert bootstrap_interval([1.0, 4.0, 9.0]) == bootstrap_interval([1.0, 4.0, 9.0])
