"""What learners may write for lesson 01."""

import math
import statistics

import numpy as np
import torch


def one_by_one(values, probabilities):
    total = 0
    for x, p in zip(values, probabilities, strict=True):
        total = total + x * p
    return total


def numpy_average(values, probabilities):
    return np.average(values.numpy(), axis=0, weights=probabilities.numpy())


def einsum(values, probabilities):
    return torch.einsum("k...,k...->...", values, probabilities)


def steps_of_the_tail(values, probabilities):
    """E[x] = x_1 + sum of (x_k - x_{k-1}) P(outcome k or later)."""
    tail = probabilities.flip(0).cumsum(0).flip(0)
    return values[0] + (values.diff(dim=0) * tail[1:]).sum(0)


def column_by_column(samples):
    columns = samples.reshape(len(samples), -1).T.tolist()
    errors = [statistics.stdev(column) / math.sqrt(len(column)) for column in columns]
    return torch.tensor(errors, dtype=torch.float64).reshape(samples.shape[1:])


def numpy_ddof(samples):
    x = samples.numpy()
    return np.std(x, axis=0, ddof=1) / np.sqrt(x.shape[0])


def other_place_for_the_correction(samples):
    n = len(samples)
    return samples.std(0, correction=0) / (n - 1) ** 0.5


def all_pairs(samples):
    """s² is half the mean squared difference of two different samples."""
    n = len(samples)
    return ((samples[:, None] - samples[None]).square().sum((0, 1)) / (2 * n * (n - 1)) / n).sqrt()


def shortcut(samples):
    n, total, squares = len(samples), 0.0, 0.0
    for x in samples:
        total, squares = total + x, squares + x * x
    return ((squares - total * total / n) / (n - 1) / n) ** 0.5


RIGHT = {
    "my_expectation": [one_by_one, numpy_average, einsum, steps_of_the_tail],
    "my_standard_error": [column_by_column, numpy_ddof, other_place_for_the_correction, all_pairs, shortcut],
}


def stops_after_the_first(values, probabilities):
    for x, p in zip(values, probabilities, strict=True):
        return x * p


def overwrites(values, probabilities):
    for i in range(len(values)):
        total = values[i] * probabilities[i]
    return total


def counted(start, stop):
    """A loop over range(start, len(values) + stop)."""

    def my_expectation(values, probabilities):
        total = torch.zeros_like(values[0])
        for i in range(start, len(values) + stop):
            total += values[i] * probabilities[i]
        return total

    return my_expectation


def most_likely(values, probabilities):
    best, value = probabilities[0], values[0]
    for x, p in zip(values[1:], probabilities[1:], strict=True):
        best, value = torch.where(p > best, p, best), torch.where(p > best, x, value)
    return value


def spread(power=2, average=lambda d: d.sum(0) / (len(d) - 1), root=0.5, center=True):
    """What stands for σ, written with NumPy: powers of distances, their average, a root."""

    def function(samples):
        x = samples.numpy()
        return torch.as_tensor(average(np.abs(x - center * x.mean(0)) ** power)) ** root

    return function


def with_n(sigma, divide):
    """A function from what stands for σ and what is made of it and n."""
    return lambda samples: divide(sigma(samples), len(samples))


def population(d):
    return d.mean(0)


def looped_sigma(samples):
    """σ by a loop over the samples."""
    mean, total = sum(samples) / len(samples), 0
    for x in samples:
        total = total + (x - mean) ** 2
    return (total / (len(samples) - 1)) ** 0.5


WRONG = {
    "my_expectation": {
        "ignores the probabilities": [
            lambda values, probabilities: sum(values) / len(values),
            lambda values, probabilities: np.mean(values.numpy()),
        ],
        "adds up the values without their probabilities": [
            lambda values, probabilities: sum(values),
            lambda values, probabilities: values.numpy().sum(0) * probabilities.numpy().sum(0),
        ],
        "divides by the number of outcomes": [
            lambda values, probabilities: one_by_one(values, probabilities) / len(values),
            lambda values, probabilities: np.mean(values.numpy() * probabilities.numpy()),
        ],
        "returns the products without adding them up": [
            lambda values, probabilities: [x * p for x, p in zip(values, probabilities, strict=True)],
            lambda values, probabilities: np.multiply(values.numpy(), probabilities.numpy()),
        ],
        "adds up along the wrong axis": [
            lambda values, probabilities: np.sum(values.numpy() * probabilities.numpy(), axis=-1),
            lambda values, probabilities: torch.dot(values.flatten(), probabilities.flatten()),
            lambda values, probabilities: np.average(values.numpy(), axis=0, weights=probabilities.numpy()).mean(),
        ],
        "multiplies matrices": [
            torch.matmul,
            lambda values, probabilities: probabilities.numpy() @ values.numpy(),
        ],
        "returns one of the products": [stops_after_the_first, overwrites],
        "leaves out an outcome": [counted(1, 0), counted(0, -1)],
        "divides by the sum of the values": [
            lambda values, probabilities: one_by_one(values, probabilities) / sum(values),
            lambda values, probabilities: (values / values.sum(0) * probabilities).sum(0),
        ],
        "returns the most likely value": [
            most_likely,
            lambda values, probabilities: values.take_along_dim(probabilities.topk(1, dim=0).indices, 0)[0],
        ],
        "lets 1 − p into the weights": [
            lambda values, probabilities: one_by_one(values, probabilities) - one_by_one(values, 1 - probabilities),
            lambda values, probabilities: np.sum(values.numpy() * (1 - probabilities.numpy()), axis=0),
        ],
    },
    "my_standard_error": {
        "returns σ": [looped_sigma, spread()],
        "divides by n, not by its root": [
            with_n(looped_sigma, lambda s, n: s / n),
            with_n(spread(average=population), lambda s, n: s / n),
        ],
        "divides by n where n − 1 belongs": [
            with_n(spread(average=population), lambda s, n: s / math.sqrt(n)),
            lambda samples: (samples.square().mean(0) - samples.mean(0) ** 2).div(len(samples)).sqrt(),
        ],
        "corrects with n − 1 twice": [
            with_n(looped_sigma, lambda s, n: s / math.sqrt(n - 1)),
            with_n(spread(), lambda s, n: s * (n - 1) ** -0.5),
        ],
        "subtracts 1 after the division": [
            with_n(spread(average=lambda d: d.sum(0) / len(d) - 1), lambda s, n: s / math.sqrt(n)),
            lambda samples: (samples.var(0, correction=0) - 1).div(len(samples)).sqrt(),
        ],
        "returns the square of the standard error": [
            with_n(looped_sigma, lambda s, n: s**2 / n),
            with_n(spread(average=population, root=1), lambda s, n: s / n),
        ],
        "takes the variance for σ": [
            with_n(spread(root=1), lambda s, n: s / math.sqrt(n)),
            with_n(looped_sigma, lambda s, n: s * s * n**-0.5),
        ],
        "takes σ for the variance": [
            with_n(looped_sigma, lambda s, n: math.e ** (0.5 * (s / n).log())),
            with_n(spread(average=population), lambda s, n: (s / n) ** 0.5),
        ],
        "writes the root as ** 1 / 2": [
            with_n(looped_sigma, lambda s, n: s / n**1 / 2),
            with_n(spread(average=population, root=1), lambda s, n: (s / n) ** 1 / 2),
        ],
        "multiplies by √n": [
            with_n(looped_sigma, lambda s, n: s * math.sqrt(n)),
            with_n(spread(average=population), lambda s, n: s / n**-0.5),
        ],
        "does not subtract the mean": [
            with_n(spread(center=False), lambda s, n: s / math.sqrt(n)),
            lambda samples: samples.norm(dim=0) / len(samples),
        ],
        "does not square the distances": [
            with_n(spread(power=1, average=population, root=1), lambda s, n: s / math.sqrt(n)),
            lambda samples: sum(abs(x - samples.mean(0)) for x in samples) / (len(samples) - 1) / len(samples) ** 0.5,
        ],
        "takes the range for σ": [
            lambda samples: np.ptp(samples.numpy(), axis=0) / math.sqrt(len(samples)),
            lambda samples: samples.sort(0).values[-1] - samples.sort(0).values[0],
        ],
        "counts the numbers of all columns": [
            with_n(looped_sigma, lambda s, n: s / (n * s.numel()) ** 0.5),
            lambda samples: samples.std(0) * ((len(samples) - 1) / (samples.numel() - 1) / samples.numel()) ** 0.5,
        ],
        "mixes the columns": [
            lambda samples: np.std(samples.numpy(), ddof=1) / math.sqrt(len(samples)),
            lambda samples: sum((x - samples.mean()) ** 2 / (len(samples) - 1) / len(samples) for x in samples) ** 0.5,
            lambda samples: torch.as_tensor(
                np.mean((samples.numpy() - samples.numpy().mean()) ** 2, 0) / len(samples)
            ).sqrt(),
            lambda samples: math.sqrt(((samples - samples.mean()) ** 2).sum() / (len(samples) - 1) / len(samples)),
        ],
    },
}

EQUIVALENT = {}
