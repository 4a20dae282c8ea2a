"""What few runs can say: means of seeds with their uncertainty, and whether a difference is more than chance."""

import numpy as np


def interquartile_mean(numbers, axis=-1):
    """The mean of the middle half: the lowest and the highest quarter are left out, so that no single run decides.

    Where the quarter is no whole number of runs, the runs at its edge count in part.

    Source: Agarwal et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice.

    >>> float(interquartile_mean([0.0, 1.0, 2.0, 100.0]))
    1.5
    """
    numbers = np.sort(np.asarray(numbers, dtype=float), axis=axis)
    places = np.arange(numbers.shape[axis] + 1) / numbers.shape[axis]
    weights = np.diff(places.clip(0.25, 0.75)) * 2
    return np.moveaxis(numbers, axis, -1) @ weights


def bootstrap_interval(numbers, *, statistic=np.mean, level=0.95, draws=10_000):
    """Percentile bootstrap interval: resample with replacement, take the middle `level` of the statistics.

    Args:
        numbers: one for each run.
        statistic: an array and an axis -> one number for each row.

    Source: Efron (1979); recommended for few runs by Agarwal et al. (2021).
    """
    return _middle(statistic(_resampled(numbers, draws, seed=0), axis=1), level)


def difference_interval(numbers, others, *, statistic=np.mean, level=0.95, draws=10_000):
    """Percentile bootstrap interval of statistic(numbers) - statistic(others); the runs are not paired.

    >>> difference_interval([3.0, 3.0], [1.0, 1.0])
    [2.0, 2.0]
    """
    first, second = _resampled(numbers, draws, seed=0), _resampled(others, draws, seed=1)
    return _middle(statistic(first, axis=1) - statistic(second, axis=1), level)


def _resampled(numbers, draws, *, seed):
    numbers = np.asarray(numbers, dtype=float)
    return numbers[np.random.default_rng(seed).integers(len(numbers), size=(draws, len(numbers)))]


def _middle(statistics, level):
    return np.quantile(statistics, [(1 - level) / 2, (1 + level) / 2]).tolist()
