"""Lesson 08: learn about one policy from the actions of another."""

import re

import pytest
import torch
from torch.distributions import Categorical

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.expectation import expectation
from ppo_lessons.importance_sampling import effective_sample_size, ratio, surrogate_objective

LAKE_A = torch.tensor([0.1, 0.4, 0.5], dtype=torch.float64)  # carp, perch, other fish
LAKE_B = torch.tensor([0.5, 0.1, 0.4], dtype=torch.float64)


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ratio


def test_weights_of_the_fish():
    # 10/50 = 1/5, 40/10 = 4, 50/40 = 5/4
    assert ratio(LAKE_A.log(), LAKE_B.log()).tolist() == pytest.approx([1 / 5, 4, 5 / 4], abs=1e-14)


def test_ratio_gradient_is_the_ratio_and_the_old_policy_gets_none():
    # d/dx exp(x - y) = exp(x - y)
    logp, old_logp = draw(4, 2).requires_grad_(), draw(4, 2, seed=1).requires_grad_()
    result = ratio(logp, old_logp)
    result.sum().backward()
    assert torch.equal(logp.grad, result.detach())
    assert old_logp.grad is None


def test_ratio_equation():
    logp, old_logp = draw(3, 2), draw(3, 2, seed=1)
    expected = [x.exp().item() / y.exp().item() for x, y in zip(logp.flatten(), old_logp.flatten(), strict=True)]
    result = ratio(logp, old_logp)
    assert result.shape == (3, 2)
    assert result.flatten().tolist() == pytest.approx(expected, rel=1e-14)


def test_ratio_is_one_where_nothing_has_changed():
    logp = -draw(100).square()
    assert torch.equal(ratio(logp, logp), torch.ones(100, dtype=torch.float64))


def test_ratio_of_tiny_probabilities_does_not_divide_zero_by_zero():
    # exp(-2000) is 0 in any dtype; the difference of the logarithms is not
    assert ratio(torch.tensor([-2000.0]), torch.tensor([-2001.0])).item() == pytest.approx(2.718282)


def test_fish_of_lake_b_tell_about_lake_a():
    """E_p[f] = E_q[f p/q], and the weights themselves are 1 on average."""
    length = torch.tensor([30.0, 20.0, 15.0], dtype=torch.float64)
    weights = ratio(LAKE_A.log(), LAKE_B.log())
    # 3 + 8 + 7.5 = 18.5
    assert expectation(length, LAKE_A).item() == pytest.approx(18.5, abs=1e-13)
    assert expectation(length * weights, LAKE_B).item() == pytest.approx(18.5, abs=1e-13)
    assert expectation(weights, LAKE_B).item() == pytest.approx(1, abs=1e-14)


def test_price_in_variance():
    """Var_q[f p/q] - Var_p[f] = E_p[f^2 (p/q - 1)]: large when p and q part, negative for q close to |f| p."""

    def variance(x, p):
        return expectation((x - expectation(x, p)).square(), p)

    length = torch.tensor([30.0, 20.0, 15.0], dtype=torch.float64)
    for q in (LAKE_B, length * LAKE_A / 18.5):
        weights = ratio(LAKE_A.log(), q.log())
        price = expectation(length.square() * (weights - 1), LAKE_A)
        difference = variance(length * weights, q) - variance(length, LAKE_A)
        assert difference.item() == pytest.approx(price.item(), abs=1e-11)
    assert price.item() == pytest.approx(-variance(length, LAKE_A).item(), abs=1e-11)  # the best q: nothing varies


# effective_sample_size


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([3.0, 3.0, 3.0, 3.0], 4),  # (12)^2 / 36: equal weights count in full
        ([0.0, 7.0, 0.0], 1),  # one sample speaks for all
        ([1.0, 1.0, 0.0, 0.0], 2),
        ([1.0, 2.0, 3.0], 36 / 14),  # 6^2 / (1 + 4 + 9)
        ([5.0], 1),
        ([0.1, 0.1], 2),  # the unit does not matter, nor whether the sum is below 1
    ],
)
def test_effective_sample_size_by_hand(weights, expected):
    result = effective_sample_size(torch.tensor(weights, dtype=torch.float64))
    assert result.dim() == 0
    assert result.item() == pytest.approx(expected, abs=1e-14)


def test_effective_sample_size_lies_between_one_and_n_and_has_no_unit():
    weights = draw(6, 5).exp()
    result = effective_sample_size(weights).item()
    numbers = weights.flatten().tolist()
    assert result == pytest.approx(sum(numbers) ** 2 / sum(w * w for w in numbers), abs=1e-12)
    assert 1 < result < 30
    assert effective_sample_size(1000 * weights).item() == pytest.approx(result, abs=1e-12)


# surrogate_objective


def test_surrogate_by_hand():
    # ratios 3/2 and 1/2, advantages 4 and -2: (6 - 1) / 2 = 5/2
    logp, old_logp = torch.tensor([0.6, 0.2]).double().log(), torch.tensor([0.4, 0.4]).double().log()
    advantages = torch.tensor([4.0, -2.0], dtype=torch.float64)
    assert surrogate_objective(logp, old_logp, advantages).item() == pytest.approx(5 / 2, abs=1e-7)


def test_surrogate_gradient_and_the_ones_that_must_not_exist():
    # d/dlogp mean(rho A) = rho A / n
    logp, old_logp, advantages = (draw(3, 2, seed=seed).requires_grad_() for seed in range(3))
    surrogate_objective(logp, old_logp, advantages).backward()
    expected = ((logp - old_logp).exp() * advantages).detach() / 6
    torch.testing.assert_close(logp.grad, expected, rtol=0, atol=1e-15)
    assert old_logp.grad is None
    assert advantages.grad is None


def test_no_gradient_when_old_and_new_are_one_tensor():
    """The usual first minibatch: the ratio is 1, but its gradient is grad log pi, not 0."""
    logp = draw(3).requires_grad_()
    surrogate_objective(logp, logp, logp * 2).backward()
    torch.testing.assert_close(logp.grad, 2 * logp.detach() / 3, rtol=0, atol=1e-15)


def test_surrogate_equation():
    logp, old_logp, advantages = (draw(3, 2, seed=seed) for seed in range(3))
    triples = zip(logp.flatten(), old_logp.flatten(), advantages.flatten(), strict=True)
    expected = sum((x.exp() / y.exp() * a).item() for x, y, a in triples) / 6
    result = surrogate_objective(logp, old_logp, advantages)
    assert result.dim() == 0
    assert result.item() == pytest.approx(expected, abs=1e-14)


def test_surrogate_samples_do_not_mix():
    logp, old_logp, advantages = (draw(4, seed=seed) for seed in range(3))
    alone = [surrogate_objective(logp[[i]], old_logp[[i]], advantages[[i]]).item() for i in range(4)]
    assert surrogate_objective(logp, old_logp, advantages).item() == pytest.approx(sum(alone) / 4, abs=1e-14)


def test_surrogate_agrees_with_torch_distributions():
    new, old = Categorical(logits=draw(5, 3)), Categorical(logits=draw(5, 3, seed=1))
    actions, advantages = torch.tensor([0, 2, 1, 1, 0]), draw(5, seed=2)
    share = new.probs.gather(1, actions[:, None]) / old.probs.gather(1, actions[:, None])
    result = surrogate_objective(new.log_prob(actions), old.log_prob(actions), advantages)
    assert result.item() == pytest.approx((share[:, 0] * advantages).mean().item(), abs=1e-14)


def test_what_dropping_the_states_costs():
    """One step of size 1 on the Corridor: J rises by the advantages met by the *new* policy; the surrogate,
    which meets the states of the old one, says something else."""
    world = Corridor()
    old = world.policy(SLIDES_POLICY)
    new = old + world.gradient(old)
    values, action_values = world.tables(old, gamma=1.0)
    advantages = action_values - values[:-1, :12, None]  # [T, 12, 3]
    gain = world.start_value(new) - world.start_value(old)
    truth = (world.visits(new)[..., None] * new.softmax(-1) * advantages).sum().item()

    ended = torch.zeros(6, 1, 3, dtype=torch.float64)
    plays = world.trajectories()
    taken = torch.cat([advantages, ended], dim=1)[torch.arange(6)[:, None], plays.states, plays.actions]
    listed = taken * world.probabilities(old) * taken.numel()  # every play counts with its probability
    surrogate = surrogate_objective(world.log_probabilities(new), world.log_probabilities(old), listed).item()
    assert gain == pytest.approx(truth, abs=1e-13)
    assert gain == pytest.approx(0.385731, abs=5e-7)
    assert surrogate == pytest.approx(0.370217, abs=5e-7)
    by_visits = (world.visits(old)[..., None] * new.softmax(-1) * advantages).sum().item()
    assert surrogate == pytest.approx(by_visits, abs=1e-13)


# wrong input

SHAPES = [
    (torch.zeros(7, 3), torch.zeros(6, 3), "expected one shape, got logp (7, 3), old_logp (6, 3)"),
    (torch.zeros(7, 1), torch.zeros(7), "expected one shape, got logp (7, 1), old_logp (7,)"),
    (torch.zeros(0), torch.zeros(0), "expected at least one element, got logp (0,), old_logp (0,)"),
    ([0.0], torch.zeros(1), "logp must be a torch tensor, got list"),
    (torch.zeros(2, dtype=torch.int64), torch.zeros(2), "logp must hold floating-point numbers, got torch.int64"),
    (torch.zeros(2), torch.zeros(2, dtype=torch.int64), "old_logp must hold floating-point numbers, got torch.int64"),
    (torch.tensor([0.0, torch.nan]), torch.zeros(2), "logp must be finite, got nan in shape (2,)"),
    (torch.zeros(2), torch.tensor([0.0, -torch.inf]), "old_logp must be finite, got -inf in shape (2,)"),
]


@pytest.mark.parametrize(("logp", "old_logp", "message"), SHAPES)
def test_ratio_refuses(logp, old_logp, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ratio(logp, old_logp)


@pytest.mark.parametrize(("logp", "old_logp", "message"), SHAPES)
def test_surrogate_refuses(logp, old_logp, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        surrogate_objective(logp, old_logp, torch.zeros_like(torch.as_tensor(logp), dtype=torch.float32))


@pytest.mark.parametrize(
    ("advantages", "message"),
    [
        (torch.zeros(3, 1), "expected one shape, got logp (3,), old_logp (3,), advantages (3, 1)"),
        (torch.tensor([0.0, torch.nan, 0.0]), "advantages must be finite, got nan in shape (3,)"),
        (2.0, "advantages must be a torch tensor, got float"),
    ],
)
def test_surrogate_refuses_advantages(advantages, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        surrogate_objective(torch.zeros(3), torch.zeros(3), advantages)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.zeros(3), "weights must not all be 0, got 0.0"),
        (torch.tensor([1.0, -0.5]), "weights must not be negative, got -0.5 in shape (2,)"),
        (torch.tensor([1.0, torch.nan]), "weights must be finite, got nan in shape (2,)"),
        (torch.tensor([1.0, torch.inf]), "weights must be finite, got inf in shape (2,)"),
        (torch.tensor([1, 2]), "weights must hold floating-point numbers, got torch.int64"),
        (torch.zeros(0), "expected at least one element, got weights (0,)"),
        ([1.0, 1.0], "weights must be a torch tensor, got list"),
    ],
)
def test_effective_sample_size_refuses(weights, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        effective_sample_size(weights)


@pytest.mark.parametrize("scale", [1e21, 1e-30])
def test_effective_sample_size_does_not_depend_on_the_scale(scale):
    assert effective_sample_size(torch.tensor([scale, scale])).item() == 2
