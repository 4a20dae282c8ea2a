"""Lesson 11: how undecided a policy is."""

import math
import re

import pytest
import torch
from torch.distributions import Categorical

from ppo_lessons.entropy import entropy
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.policy_gradient import softmax_policy


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([1 / 2, 1 / 4, 1 / 4], 1.5 * math.log(2)),  # 1/2 log 2 + 2 * 1/4 log 4 = 1/2 log 2 + log 2
        ([1 / 4, 1 / 4, 1 / 4, 1 / 4], 2 * math.log(2)),  # 4 * 1/4 log 4
        ([1.0], 0),
    ],
)
def test_by_hand(probabilities, expected):
    logits = torch.tensor(probabilities, dtype=torch.float64).log()
    assert entropy(logits).item() == pytest.approx(expected, abs=1e-15)


def test_gradient():
    # dH/dlogit_a = -pi(a) (log pi(a) + H): a rare action is raised, a frequent one lowered
    logits = draw(4, 3).requires_grad_()
    h = entropy(logits)
    h.sum().backward()
    logp = logits.detach().log_softmax(-1)
    expected = -logp.exp() * (logp + h.detach()[:, None])
    torch.testing.assert_close(logits.grad, expected, rtol=0, atol=1e-15)


def test_passes_gradcheck():
    assert torch.autograd.gradcheck(entropy, (draw(2, 3).requires_grad_(),))


def test_equation_state_by_state():
    logits = draw(4, 2, 3)
    result = entropy(logits)
    assert result.shape == (4, 2)
    for t in range(4):
        for n in range(2):
            powers = [math.exp(x) for x in logits[t, n].tolist()]
            p = [x / sum(powers) for x in powers]
            assert result[t, n].item() == pytest.approx(-sum(x * math.log(x) for x in p), abs=1e-14)


def test_distance_to_the_undecided_policy():
    """The lesson before: H(pi) = log A - KL(pi||uniform)."""
    logits = draw(6, 4)
    expected = math.log(4) - kl_divergence(logits, torch.zeros_like(logits))
    torch.testing.assert_close(entropy(logits), expected, rtol=0, atol=1e-14)


def test_agrees_with_torch_distributions():
    logits = draw(7, 5)
    torch.testing.assert_close(entropy(logits), Categorical(logits=logits).entropy(), rtol=0, atol=1e-14)


def test_bounds():
    """log A where all actions are equally likely, 0 where one is certain (0 log 0 counts as 0), else between."""
    assert entropy(torch.full((5,), 3.0)).item() == pytest.approx(math.log(5))
    assert entropy(torch.tensor([1000.0, 0.0, 0.0])).item() == 0
    logits = draw(100, 5)
    assert ((entropy(logits) > 0) & (entropy(logits) < math.log(5))).all()


def test_a_certain_policy_gets_no_gradient_and_no_nan():
    logits = torch.tensor([1000.0, 0.0], requires_grad=True)
    entropy(logits).backward()
    assert logits.grad.tolist() == [0, 0]


def test_hotter_is_less_decided():
    logits = draw(3)
    ladder = [entropy(softmax_policy(logits, temperature=t).log()).item() for t in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert ladder == sorted(ladder)
    assert ladder[-1] - ladder[0] > 0.1


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (torch.tensor(0.0), "a shape [..., actions] is needed, got logits ()"),
        (torch.zeros(0, 3), "expected at least one element, got logits (0, 3)"),
        (torch.zeros(3, 0), "expected at least one element, got logits (3, 0)"),
        (torch.tensor([0, 1]), "logits must hold floating-point numbers, got torch.int64"),
        (torch.tensor([0.0, -torch.inf]), "logits must be finite, got -inf in shape (2,)"),
        (torch.tensor([[0.0], [torch.nan]]), "logits must be finite, got nan in shape (2, 1)"),
        ([0.0, 1.0], "logits must be a torch tensor, got list"),
    ],
)
def test_refuses(logits, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        entropy(logits)
