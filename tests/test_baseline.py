"""Lesson 05: subtract what the state was worth anyway, and how that number is learned."""

import itertools
import re

import numpy
import pytest
import torch
from torch.distributions import Categorical

from ppo_lessons.baseline import clipped_value_loss, explained_variance, subtract_baseline, value_loss
from ppo_lessons.log_trick import score_objective


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


SHAPES = [  # for all three functions: the two tensors, and what is said about them after their names
    (torch.zeros(7, 3), torch.zeros(6, 3), "expected one shape, got {} (7, 3), {} (6, 3)"),
    (torch.zeros(7, 1), torch.zeros(7), "expected one shape, got {} (7, 1), {} (7,)"),
    (torch.zeros(0, 2), torch.zeros(0, 2), "expected at least one element, got {} (0, 2), {} (0, 2)"),
    ([0.0], torch.zeros(1), "{} must be a torch tensor, got list"),
    (torch.tensor([0.0, torch.nan]), torch.zeros(2), "{} must be finite, got nan in shape (2,)"),
]


# subtract_baseline


def test_subtract_by_hand():
    # the running trajectory with V = (1, -1, 1): 3 - 1 = 2, -2 + 1 = -1, -2 - 1 = -3
    returns, values = torch.tensor([3.0, -2.0, -2.0]), torch.tensor([1.0, -1.0, 1.0])
    assert subtract_baseline(returns, values).tolist() == [2, -1, -3]


def test_weights_are_data():
    returns, values = draw(3).requires_grad_(), draw(3, seed=1).requires_grad_()
    assert not subtract_baseline(returns, values).requires_grad


def test_subtract_without_a_baseline_is_the_lesson_before():
    returns = draw(4, 2)
    assert torch.equal(subtract_baseline(returns, torch.zeros_like(returns)), returns)


def test_subtract_plays_do_not_mix():
    returns, values = draw(4, 2), draw(4, 2, seed=1)
    for n in range(2):
        assert torch.equal(subtract_baseline(returns, values)[:, n], subtract_baseline(returns[:, n], values[:, n]))


def test_mean_score_is_zero():
    """E[b grad log pi] = b grad sum_a pi(a) = b grad 1 = 0, every action listed."""
    logits = draw(5).requires_grad_()
    actions = torch.arange(5)
    logp = Categorical(logits=logits).log_prob(actions)
    weights = subtract_baseline(torch.zeros(5), torch.full((5,), 7.0)) * logp.detach().exp()
    (bias,) = torch.autograd.grad(score_objective(logp, weights), logits)
    assert bias.abs().max() < 1e-14


@pytest.mark.parametrize("number", [2, 3])
def test_a_baseline_that_contains_the_play_takes_its_share_of_the_gradient(number):
    """E[mean (R_n - mean R) grad log pi_n] = (1 - 1/N) grad J; with the mean of the others it is grad J."""
    logits, rewards = draw(3).requires_grad_(), draw(3, seed=1)
    pi = logits.detach().softmax(-1)
    (truth,) = torch.autograd.grad(logits.softmax(-1) @ rewards, logits)
    own, others = torch.zeros(2, 3, dtype=torch.float64)
    for drawn in itertools.product(range(3), repeat=number):
        actions = torch.tensor(drawn)
        returns, chance = rewards[actions], pi[actions].prod()
        mean = returns.mean().expand(number)
        for total, values in ((own, mean), (others, (number * mean - returns) / (number - 1))):
            logp = Categorical(logits=logits).log_prob(actions)
            weights = subtract_baseline(returns[None], values[None])
            (estimate,) = torch.autograd.grad(score_objective(logp[None], weights), logits)
            total += chance * estimate
    torch.testing.assert_close(own, (1 - 1 / number) * truth, rtol=0, atol=1e-14)
    torch.testing.assert_close(others, truth, rtol=0, atol=1e-14)


@pytest.mark.parametrize("returns", [8.0, -7.0])
def test_through_weights_that_are_not_detached_a_value_could_only_rise(returns):
    """d/dV of -(G - V) log pi is log pi < 0 whatever G is. With the lesson's function no gradient arrives."""
    logp = torch.tensor([0.7]).log()
    wrong = torch.zeros(1, requires_grad=True)
    (-(returns - wrong) * logp).sum().backward()
    assert torch.equal(wrong.grad, logp) and logp < 0
    right = torch.zeros(1, requires_grad=True)
    assert not score_objective(logp, subtract_baseline(torch.tensor([returns]), right)).requires_grad


@pytest.mark.parametrize(("returns", "values", "message"), SHAPES)
def test_subtract_refuses(returns, values, message):
    with pytest.raises(ValueError, match=re.escape(message.format("returns", "values"))):
        subtract_baseline(returns, values)


def test_subtract_refuses_other_values():
    with pytest.raises(ValueError, match=re.escape("values must be finite, got inf in shape (2,)")):
        subtract_baseline(torch.zeros(2), torch.tensor([torch.inf, 0.0]))
    with pytest.raises(ValueError, match=re.escape("a shape [T, ...] is needed, got returns (), values ()")):
        subtract_baseline(torch.tensor(0.0), torch.tensor(0.0))


# value_loss


def test_value_loss_by_hand():
    # ((1 - 3)^2 + (0 - 0)^2 + (2 + 1)^2) / 3 = (4 + 0 + 9) / 3 = 13/3
    values, targets = torch.tensor([1.0, 0, 2], dtype=torch.float64), torch.tensor([3.0, 0, -1], dtype=torch.float64)
    assert value_loss(values, targets).item() == pytest.approx(13 / 3, abs=1e-15)


def test_value_loss_gradient_leaves_the_targets_alone():
    values, targets = draw(3, 2).requires_grad_(), draw(3, 2, seed=1).requires_grad_()
    value_loss(values, targets).backward()
    torch.testing.assert_close(values.grad, 2 * (values - targets).detach() / 6, rtol=0, atol=1e-15)
    assert targets.grad is None


def test_targets_made_of_the_values_themselves_are_still_data():
    values = draw(3).requires_grad_()
    value_loss(values, values + 1).backward()
    # 2 (V - target) / 3 = -2/3; with a gradient through the target it would be 0
    assert values.grad.tolist() == pytest.approx([-2 / 3] * 3, abs=1e-14)


def test_value_loss_equation():
    values, targets = draw(3, 4), draw(3, 4, seed=1)
    pairs = zip(values.flatten().tolist(), targets.flatten().tolist(), strict=True)
    expected = sum((v - target) ** 2 for v, target in pairs) / 12
    result = value_loss(values, targets)
    assert result.dim() == 0
    assert result.item() == pytest.approx(expected, abs=1e-14)


def test_least_squares_finds_the_expectation():
    """The exam again, once 80 and four times 90: the loss is flat at 88 and nowhere else."""
    targets = torch.tensor([80.0, 90, 90, 90, 90], dtype=torch.float64)
    guess = torch.tensor(88.0, dtype=torch.float64, requires_grad=True)
    value_loss(guess.expand(5), targets).backward()
    assert guess.grad.item() == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize(("values", "targets", "message"), SHAPES)
def test_value_loss_refuses(values, targets, message):
    with pytest.raises(ValueError, match=re.escape(message.format("values", "targets"))):
        value_loss(values, targets)


def test_value_loss_refuses_targets_that_are_not_finite():
    with pytest.raises(ValueError, match=re.escape("targets must be finite, got inf in shape (2,)")):
        value_loss(torch.zeros(2), torch.tensor([torch.inf, 0.0]))


# clipped_value_loss


def test_clipped_value_loss_by_hand():
    # epsilon 1/2. V = 1 from 0 towards 2: max((1 - 2)^2, (1/2 - 2)^2) = 9/4.  V = -1 from 0, away from 2:
    # (-1 - 2)^2 = 9.  V = 3 from 3, not moved: (3 - 2)^2 = 1.  The mean of 9/4, 9 and 1 is 49/12
    values, targets, old_values = (torch.tensor(x, dtype=torch.float64) for x in ([1, -1, 3], [2, 2, 2], [0, 0, 3]))
    result = clipped_value_loss(values, targets, old_values, epsilon=0.5)
    assert result.dim() == 0
    assert result.item() == pytest.approx(49 / 12, abs=1e-15)


@pytest.mark.parametrize(
    ("value", "target", "slope"),
    [  # V_old = 0 and epsilon = 1/2: the slope is 2 (V - target), or 0 where V has left the band towards its target
        (1.0, 2.0, 0.0),  # above the band, target above
        (1.0, -2.0, 6.0),  # above the band, target below: it has to come back
        (0.25, 2.0, -3.5),  # inside
        (0.25, -2.0, 4.5),
        (-1.0, 2.0, -6.0),  # below the band, target above: it has to come back
        (-1.0, -2.0, 0.0),  # below the band, target below
        (1.0, 0.875, 0.0),  # a target between the edge and V: the larger of the two errors counts
        (1.0, 0.625, 0.75),
        (1.0, 0.75, 0.25),  # half way between them the errors are equal, and autograd gives half of 1/2
    ],
)
def test_clipped_value_loss_holds_two_of_six_cases(value, target, slope):
    value = torch.tensor([value], requires_grad=True)
    clipped_value_loss(value, torch.tensor([target]), torch.zeros(1), epsilon=0.5).backward()
    assert value.grad.item() == slope


def test_clipped_value_loss_leaves_the_data_alone():
    values, targets, old_values = (draw(3, 2, seed=seed).requires_grad_() for seed in range(3))
    clipped_value_loss(values, targets, old_values, epsilon=0.5).backward()
    assert values.grad.any()
    assert targets.grad is None
    assert old_values.grad is None


def test_clipped_value_loss_with_targets_and_old_values_made_of_the_values_themselves():
    values = draw(3).requires_grad_()
    clipped_value_loss(values, values + 1, values, epsilon=0.5).backward()
    # in the middle of the band: 2 (V - target) / 3 = -2/3
    assert values.grad.tolist() == pytest.approx([-2 / 3] * 3, abs=1e-14)


@pytest.mark.parametrize("epsilon", [0, 0.3, 2.0])
def test_clipped_value_loss_equation(epsilon):
    values, targets, old_values = (draw(4, 3, seed=seed) for seed in range(3))
    expected = 0.0
    for v, target, old in zip(*(x.flatten().tolist() for x in (values, targets, old_values)), strict=True):
        clipped = old + max(min(v - old, epsilon), -epsilon)
        expected += max((v - target) ** 2, (clipped - target) ** 2) / 12
    assert clipped_value_loss(values, targets, old_values, epsilon=epsilon).item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("epsilon", [torch.inf, 100.0])
def test_in_a_wide_band_it_is_the_value_loss_bit_for_bit(epsilon):
    values, targets, old_values = (10 * draw(7, 5, seed=seed).float() for seed in range(3))
    values, others = values.clone().requires_grad_(), values.clone().requires_grad_()
    clipped, plain = clipped_value_loss(values, targets, old_values, epsilon=epsilon), value_loss(others, targets)
    assert torch.equal(clipped, plain)
    clipped.backward()
    plain.backward()
    assert torch.equal(values.grad, others.grad)


def test_clipping_never_makes_the_value_loss_smaller():
    values, targets, old_values = (draw(50, seed=seed) for seed in range(3))
    losses = [clipped_value_loss(values, targets, old_values, epsilon=epsilon) for epsilon in (0, 0.1, 1, torch.inf)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == value_loss(values, targets)


def test_clipped_value_loss_of_columns_is_the_mean_of_theirs():
    values, targets, old_values = (draw(4, 2, seed=seed) for seed in range(3))
    columns = zip(values.T, targets.T, old_values.T, strict=True)
    each = torch.stack([clipped_value_loss(*column, epsilon=0.3) for column in columns])
    torch.testing.assert_close(clipped_value_loss(values, targets, old_values, epsilon=0.3), each.mean())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"old_values": torch.zeros(3)}, "expected one shape, got values (2,), targets (2,), old_values (3,)"),
        ({"targets": torch.zeros(2, 1)}, "expected one shape, got values (2,), targets (2, 1), old_values (2,)"),
        (dict.fromkeys(["values", "targets", "old_values"], torch.zeros(0)), "expected at least one element"),
        ({"old_values": [0.0, 0.0]}, "old_values must be a torch tensor, got list"),
        ({"old_values": torch.tensor([0, 1])}, "old_values must hold floating-point numbers, got torch.int64"),
        ({"values": torch.tensor([0.0, torch.nan])}, "values must be finite, got nan in shape (2,)"),
        ({"targets": torch.tensor([0.0, torch.inf])}, "targets must be finite, got inf in shape (2,)"),
        ({"old_values": torch.tensor([0.0, -torch.inf])}, "old_values must be finite, got -inf in shape (2,)"),
        ({"epsilon": -0.1}, "epsilon must not be negative, got -0.1"),
        ({"epsilon": torch.nan}, "epsilon must not be negative, got nan"),
    ],
)
def test_clipped_value_loss_refuses(change, message):
    call = {**dict.fromkeys(["values", "targets", "old_values"], torch.zeros(2)), "epsilon": 0.2, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        clipped_value_loss(**call)


# explained_variance


def test_explained_variance_by_hand():
    # targets (0, 2, 4): Var = (4 + 0 + 4) / 3 = 8/3.  Left over: (0, 1, 0), Var = 1/3 - 1/9 = 2/9
    # 1 - (2/9) / (8/3) = 1 - 1/12 = 11/12
    values, targets = torch.tensor([0.0, 1, 4], dtype=torch.float64), torch.tensor([0.0, 2, 4], dtype=torch.float64)
    assert explained_variance(values, targets).item() == pytest.approx(11 / 12, abs=1e-15)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 6.0], 1),  # perfect
        ([11.0, 12.0, 16.0], 1),  # a constant error is not seen
        ([5.0, 5.0, 5.0], 0),  # a constant explains nothing
        (
            [-1.0, -2.0, -6.0],
            -3,
        ),  # the wrong sign: what is left over is twice the targets, its variance four times theirs
    ],
)
def test_explained_variance_of_critics(values, expected):
    result = explained_variance(torch.tensor(values, dtype=torch.float64), torch.tensor([1.0, 2.0, 6.0]).double())
    assert result.dim() == 0
    assert result.item() == pytest.approx(expected, abs=1e-14)


def test_explained_variance_agrees_with_numpy():
    values, targets = draw(6, 5), draw(6, 5, seed=1)
    expected = 1 - numpy.var((targets - values).numpy()) / numpy.var(targets.numpy())
    assert explained_variance(values, targets).item() == pytest.approx(expected, abs=1e-13)


def test_explained_variance_of_targets_that_do_not_vary():
    assert explained_variance(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0])).isnan()
    assert explained_variance(torch.tensor([1.0]), torch.tensor([3.0])).isnan()


@pytest.mark.parametrize(("values", "targets", "message"), SHAPES)
def test_explained_variance_refuses(values, targets, message):
    with pytest.raises(ValueError, match=re.escape(message.format("values", "targets"))):
        explained_variance(values, targets)


def test_explained_variance_refuses_targets_that_are_not_finite():
    with pytest.raises(ValueError, match=re.escape("targets must be finite, got -inf in shape (2,)")):
        explained_variance(torch.zeros(2), torch.tensor([-torch.inf, 0.0]))


def test_explained_variance_of_constant_targets_is_nan_in_spite_of_rounding():
    assert explained_variance(torch.randn(1000), torch.full((1000,), 0.1)).isnan()


@pytest.mark.parametrize("function", [value_loss, explained_variance])
def test_whole_numbers_are_refused_in_words(function):
    with pytest.raises(ValueError, match="floating-point"):
        function(torch.tensor([1, 2]), torch.tensor([1, 2]))
