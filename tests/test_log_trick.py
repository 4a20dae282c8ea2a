"""Lesson 03: the objective whose gradient is the sampled policy gradient."""

import itertools
import re

import pytest
import torch
from torch.distributions import Categorical

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.log_trick import score_objective
from ppo_lessons.policy_gradient import expected_return, softmax_policy


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    # play 1: 3 * (-1) + 3 * (-2) = -9;  play 2: 1 * (-4) + 0 * (-5) = -4;  mean over the two plays: -13/2
    logp, weights = torch.tensor([[-1.0, -4.0], [-2.0, -5.0]]), torch.tensor([[3.0, 1.0], [3.0, 0.0]])
    assert score_objective(logp, weights).item() == -13 / 2


def test_gradient_is_the_weight_over_the_number_of_plays():
    logp, weights = draw(3, 4).requires_grad_(), draw(3, 4, seed=1).requires_grad_()
    score_objective(logp, weights).backward()
    assert torch.equal(logp.grad, weights.detach() / 4)
    assert weights.grad is None


def test_no_gradient_through_weights_that_depend_on_the_policy():
    logp = draw(3).requires_grad_()
    score_objective(logp, logp * 2).backward()
    assert torch.equal(logp.grad, 2 * logp.detach())  # with the product rule it would be 4 log p


@pytest.mark.parametrize("batch", [(), (1,), (4,), (4, 2)])
def test_equation(batch):
    logp, weights = draw(5, *batch), draw(5, *batch, seed=1)
    columns = list(itertools.product(*map(range, batch)))
    total = 0.0
    for column in columns:
        for t in range(5):
            total += weights[(t, *column)].item() * logp[(t, *column)].item()
    result = score_objective(logp, weights)
    assert result.dim() == 0
    assert result.item() == pytest.approx(total / len(columns), abs=1e-14)


def test_mean_gradient_of_one_choice_is_the_gradient_of_the_expected_return():
    """sum_a pi(a) R(a) grad log pi(a) = grad sum_a pi(a) R(a): the trick itself, every action listed."""
    logits, returns = draw(4).requires_grad_(), draw(4, seed=1)
    (exact,) = torch.autograd.grad(expected_return(returns, softmax_policy(logits, temperature=1.0)), logits)
    average = torch.zeros(4, dtype=torch.float64)
    for action, probability in enumerate(logits.detach().softmax(-1)):
        logp = Categorical(logits=logits).log_prob(torch.tensor(action))
        (estimate,) = torch.autograd.grad(score_objective(logp[None], returns[action, None]), logits)
        average += probability * estimate
    torch.testing.assert_close(average, exact, rtol=0, atol=1e-15)


def test_plays_do_not_mix():
    logp, weights = draw(5, 3).requires_grad_(), draw(5, 3, seed=1)
    (before,) = torch.autograd.grad(score_objective(logp, weights), logp)
    weights[:, 1] = 99
    (after,) = torch.autograd.grad(score_objective(logp, weights), logp)
    assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
    assert not torch.equal(before[:, 1], after[:, 1])


@pytest.mark.parametrize(
    ("logp", "weights", "message"),
    [
        (torch.zeros(7, 3), torch.zeros(6, 3), "expected one shape, got logp (7, 3), weights (6, 3)"),
        (torch.zeros(7, 3), torch.zeros(7), "expected one shape, got logp (7, 3), weights (7,)"),
        (torch.zeros(0, 3), torch.zeros(0, 3), "expected at least one element, got logp (0, 3), weights (0, 3)"),
        (torch.tensor(0.0), torch.tensor(0.0), "a shape [T, ...] is needed, got logp (), weights ()"),
        (torch.tensor([0.0, -torch.inf]), torch.zeros(2), "logp must be finite, got -inf in shape (2,)"),
        (torch.zeros(2), torch.tensor([0.0, torch.nan]), "weights must be finite, got nan in shape (2,)"),
        ([0.0], torch.zeros(1), "logp must be a torch tensor, got list"),
        (torch.zeros(1), 3.0, "weights must be a torch tensor, got float"),
    ],
)
def test_refuses(logp, weights, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        score_objective(logp, weights)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_over_steps_is_the_same_gradient_by_the_mean_length_of_the_plays(seed):
    """What PPO computes. In one batch it is one factor for all parameters; from batch to batch it changes."""
    world = Corridor()
    table = world.policy(SLIDES_POLICY).requires_grad_()
    sample = world.sample(table, 16, generator=torch.Generator().manual_seed(seed))
    logp, weights = world.log_probabilities(table, sample), sample.returns.expand_as(sample.rewards)
    (over_plays,) = torch.autograd.grad(score_objective(logp, weights), table, retain_graph=True)
    (over_steps,) = torch.autograd.grad((weights * logp)[sample.mask == 1].mean(), table)
    torch.testing.assert_close(over_steps * sample.mask.sum(0).mean(), over_plays, rtol=0, atol=1e-13)
