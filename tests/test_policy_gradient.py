"""Lesson 02: from numbers to probabilities, and the expected return as a function of them."""

import math
import re

import pytest
import torch
from torch.distributions import Categorical

from ppo_lessons.expectation import expectation
from ppo_lessons.policy_gradient import expected_return, softmax_policy


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# softmax_policy


@pytest.mark.parametrize(
    ("odds", "temperature", "expected"),
    [
        ([1, 2, 5], 1.0, [1 / 8, 2 / 8, 5 / 8]),  # exp(log 5) = 5, and 1 + 2 + 5 = 8
        ([1, 2, 5], 0.5, [1 / 30, 4 / 30, 25 / 30]),  # cold, T = 1/2: exp(2 log 5) = 25, and 1 + 4 + 25 = 30
        ([1, 4, 9], 2.0, [1 / 6, 2 / 6, 3 / 6]),  # hot, T = 2: exp(log(9) / 2) = 3, and 1 + 2 + 3 = 6
    ],
)
def test_softmax_by_hand(odds, temperature, expected):
    p = softmax_policy(torch.tensor(odds, dtype=torch.float64).log(), temperature=temperature)
    torch.testing.assert_close(p, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_gradient_of_log_softmax_is_one_hot_minus_pi(temperature):
    logits = draw(4).requires_grad_()
    p = softmax_policy(logits, temperature=temperature)
    for action in range(4):
        (gradient,) = torch.autograd.grad(p[action].log(), logits, retain_graph=True)
        one_hot = torch.eye(4, dtype=torch.float64)[action]
        torch.testing.assert_close(gradient, (one_hot - p.detach()) / temperature, rtol=0, atol=1e-14)


def test_softmax_equation():
    logits, temperature = draw(3, 4), 0.7
    p = softmax_policy(logits, temperature=temperature)
    for s in range(3):
        powers = [math.exp(x / temperature) for x in logits[s].tolist()]
        assert p[s].tolist() == pytest.approx([power / sum(powers) for power in powers], abs=1e-15)


def test_softmax_agrees_with_torch_distributions():
    logits = draw(5, 2, 3)
    expected = Categorical(logits=logits / 1.7).probs
    torch.testing.assert_close(softmax_policy(logits, temperature=1.7), expected, rtol=0, atol=1e-15)


def test_softmax_passes_gradcheck():
    assert torch.autograd.gradcheck(lambda x: softmax_policy(x, temperature=0.6), (draw(2, 3).requires_grad_(),))


def test_hot_is_uniform_and_cold_is_certain():
    logits = torch.tensor([1.0, 3.0, 2.0])
    torch.testing.assert_close(softmax_policy(logits, temperature=1e6), torch.full((3,), 1 / 3), rtol=0, atol=1e-5)
    assert softmax_policy(logits, temperature=1e-3).tolist() == [0, 1, 0]


def test_only_differences_of_logits_count():
    logits = draw(3)
    shifted = softmax_policy(logits + 1000, temperature=1.0)  # exp(1000) alone would overflow
    torch.testing.assert_close(shifted, softmax_policy(logits, temperature=1.0), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("logits", "temperature", "message"),
    [
        (torch.zeros(3), 0.0, "temperature must be a positive number, got 0.0"),
        (torch.zeros(3), -1.0, "temperature must be a positive number, got -1.0"),
        (torch.zeros(3), math.nan, "temperature must be a positive number, got nan"),
        (torch.zeros(3), math.inf, "temperature must be a positive number, got inf"),
        (torch.tensor([0.0, torch.inf]), 1.0, "logits must be finite, got inf in shape (2,)"),
        (torch.tensor([[0.0, torch.nan]]), 1.0, "logits must be finite, got nan in shape (1, 2)"),
        (torch.tensor(0.0), 1.0, "a shape [..., actions] is needed, got logits ()"),
        (torch.zeros(4, 0), 1.0, "expected at least one element, got logits (4, 0)"),
        (torch.tensor([0, 1]), 1.0, "logits must hold floating-point numbers, got torch.int64"),
        ([0.0, 1.0], 1.0, "logits must be a torch tensor, got list"),
    ],
)
def test_softmax_refuses(logits, temperature, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        softmax_policy(logits, temperature=temperature)


# expected_return


def test_expected_return_by_hand():
    # 3 * 1/4 + (-1) * 1/2 + 8 * 1/4 = 3/4 - 2/4 + 8/4 = 9/4
    returns, p = torch.tensor([3.0, -1.0, 8.0]), torch.tensor([0.25, 0.5, 0.25])
    assert expected_return(returns, p).item() == 9 / 4


def test_gradient_flows_through_the_probabilities_alone():
    returns = torch.tensor([3.0, -1.0, 8.0], requires_grad=True)
    p = torch.tensor([0.25, 0.5, 0.25], requires_grad=True)
    expected_return(returns, p).backward()
    assert p.grad.tolist() == [3, -1, 8]
    assert returns.grad is None


def test_policy_gradient_of_one_choice():
    """dJ/dlogit_a = pi(a) (R(a) - J): what is better than the average becomes more likely."""
    logits, returns = draw(4).requires_grad_(), draw(4, seed=1)
    p = softmax_policy(logits, temperature=1.0)
    j = expected_return(returns, p)
    j.backward()
    torch.testing.assert_close(logits.grad, (p * (returns - j)).detach(), rtol=0, atol=1e-15)


def test_expected_return_is_an_expectation():
    returns, p = draw(10), draw(10, seed=1).softmax(0)
    assert torch.equal(expected_return(returns, p), expectation(returns, p))


@pytest.mark.parametrize(
    ("returns", "probabilities", "message"),
    [
        (torch.ones(3), torch.ones(2) / 2, "probabilities (2,)"),
        (torch.tensor([1.0, torch.nan]), torch.tensor([0.5, 0.5]), "must be finite, got nan in shape (2,)"),
        (torch.ones(2), torch.tensor([1.5, -0.5]), "probabilities must not be negative, got -0.5 in shape (2,)"),
        (torch.ones(2), torch.tensor([0.5, 0.25]), "probabilities must sum to 1 along axis 0, got 0.75"),
        (torch.ones(0), torch.ones(0), "expected at least one element"),
    ],
)
def test_expected_return_refuses(returns, probabilities, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        expected_return(returns, probabilities)
