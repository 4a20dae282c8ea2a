"""Lesson 01: the average of a random number whose outcomes are all listed, and of one that is sampled."""

import itertools
import re

import numpy
import pytest
import torch

from ppo_lessons.expectation import expectation, standard_error

EXAM = torch.tensor([80.0, 90.0], dtype=torch.float64)
CHANCE = torch.tensor([0.2, 0.8], dtype=torch.float64)


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# expectation


def test_exam():
    # 80 * 1/5 + 90 * 4/5 = 16 + 72 = 88
    assert expectation(EXAM, CHANCE).item() == pytest.approx(88, abs=1e-13)


def test_gradient_is_the_other_factor():
    # d/dx_i sum_i x_i p_i = p_i,   d/dp_i = x_i
    values, p = EXAM.clone().requires_grad_(), CHANCE.clone().requires_grad_()
    expectation(values, p).backward()
    assert torch.equal(values.grad, CHANCE)
    assert torch.equal(p.grad, EXAM)


def test_equation_column_by_column():
    values, p = draw(5, 3, 2), draw(5, 3, 2, seed=1).softmax(0)
    result = expectation(values, p)
    assert result.shape == (3, 2)
    for i, j in itertools.product(range(3), range(2)):
        expected = sum(values[k, i, j].item() * p[k, i, j].item() for k in range(5))
        assert result[i, j].item() == pytest.approx(expected, abs=1e-14)


def test_agrees_with_numpy():
    values, p = draw(50), draw(50, seed=1).softmax(0)
    assert expectation(values, p).item() == pytest.approx(numpy.average(values, weights=p), abs=1e-14)


@pytest.mark.parametrize(("dtype", "third"), [(torch.float32, 0.33333), (torch.float64, 0.333333333)])
def test_rounded_probabilities_are_accepted(dtype, third):
    p = torch.full((3,), third, dtype=dtype)  # sums to 0.99999, or 0.999999999
    assert expectation(torch.ones(3, dtype=dtype), p).item() == pytest.approx(1, abs=2e-5)


def test_an_outcome_that_never_happens():
    assert expectation(torch.tensor([3.0, 1e30]), torch.tensor([1.0, 0.0])).item() == 3


@pytest.mark.parametrize(
    ("values", "probabilities", "message"),
    [
        (torch.ones(3), torch.ones(2) / 2, "expected one shape, got values (3,), probabilities (2,)"),
        (torch.ones(2, 1), torch.ones(2) / 2, "expected one shape, got values (2, 1), probabilities (2,)"),
        (torch.ones(0), torch.ones(0), "expected at least one element, got values (0,), probabilities (0,)"),
        (torch.tensor(1.0), torch.tensor(1.0), "got values (), probabilities ()"),
        ([80.0, 90.0], CHANCE, "values must be a torch tensor, got list"),
        (EXAM, [0.2, 0.8], "probabilities must be a torch tensor, got list"),
        (torch.tensor([1.0, torch.nan]), CHANCE, "values must be finite, got nan in shape (2,)"),
        (torch.tensor([-torch.inf, 1.0]), CHANCE, "values must be finite, got -inf in shape (2,)"),
        (EXAM, torch.tensor([1.25, -0.25]), "probabilities must not be negative, got -0.25 in shape (2,)"),
        (EXAM, torch.tensor([0.5, 0.25]), "probabilities must sum to 1 along axis 0, got 0.75"),
        (EXAM, torch.tensor([0.5, 0.75]), "probabilities must sum to 1 along axis 0, got 1.25"),
        (EXAM, torch.tensor([0.5, torch.nan]), "probabilities must"),
        (EXAM, torch.tensor([0, 1]), "probabilities must hold floating-point numbers, got torch.int64"),
        # each column is a distribution of its own: the rows summing to 1 does not help
        (torch.ones(2, 2), torch.tensor([[0.75, 0.25], [0.75, 0.25]]), "probabilities must sum to 1 along axis 0"),
    ],
)
def test_expectation_refuses(values, probabilities, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        expectation(values, probabilities)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 5e-4), (torch.float64, 5e-8)])
def test_a_sum_that_is_off_by_more_than_rounding_is_refused(dtype, error):
    with pytest.raises(ValueError, match="probabilities must sum to 1"):
        expectation(torch.ones(2, dtype=dtype), torch.tensor([0.5, 0.5 + error], dtype=dtype))


# standard_error


def test_standard_error_by_hand():
    # mean 85, s^2 = (25 + 25 + 25 + 25) / 3 = 100/3, SE = sqrt(100/3 / 4) = 5 / sqrt(3)
    samples = torch.tensor([80.0, 90, 90, 80], dtype=torch.float64)
    assert standard_error(samples).item() == pytest.approx(5 / 3**0.5, abs=1e-14)


def test_standard_error_of_two_samples():
    # mean 85, s^2 = (25 + 25) / 1, SE = sqrt(50 / 2) = 5
    assert standard_error(torch.tensor([80.0, 90.0])).item() == pytest.approx(5)


def test_squared_standard_error_is_right_on_average():
    """Over all 2^4 samples of four exams, each with its probability: E[SE^2] = Var / n = 16/4 = 4, exactly."""
    samples = torch.tensor(list(itertools.product([0, 1], repeat=4))).T  # [4, 16]
    p = CHANCE[samples].prod(0)
    variance = expectation((EXAM - 88).square(), CHANCE)
    assert variance.item() == pytest.approx(16, abs=1e-12)
    assert expectation(standard_error(EXAM[samples]).square(), p).item() == pytest.approx(4, abs=1e-12)
    spread_of_the_mean = expectation((EXAM[samples].mean(0) - 88).square(), p)
    assert spread_of_the_mean.item() == pytest.approx(4, abs=1e-12)


def test_standard_error_agrees_with_numpy_column_by_column():
    samples = draw(9, 3)
    expected = numpy.std(samples.numpy(), axis=0, ddof=1) / 3
    torch.testing.assert_close(standard_error(samples), torch.from_numpy(expected), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.tensor([1.0]), "a standard error needs at least two samples, got 1"),
        (torch.ones(1, 5), "a standard error needs at least two samples, got 1"),
        (torch.ones(0, 5), "expected at least one element, got samples (0, 5)"),
        (torch.tensor(1.0), "a shape [T, ...] is needed, got samples ()"),
        (torch.tensor([1, 2]), "samples must hold floating-point numbers, got torch.int64"),
        (torch.tensor([1.0, torch.inf]), "samples must be finite, got inf in shape (2,)"),
        ([1.0, 2.0], "samples must be a torch tensor, got list"),
    ],
)
def test_standard_error_refuses(samples, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        standard_error(samples)
