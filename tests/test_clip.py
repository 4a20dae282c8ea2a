"""Lesson 10: take away the reward for moving far, instead of charging for it."""

import math
import re

import pytest
import torch

from ppo_lessons.clip import clip_ratio, clipped_objective
from ppo_lessons.importance_sampling import ratio, surrogate_objective

# epsilon = 1/5 and |A| = 2. The objective is the smaller of the two terms.
SIX_CASES = [
    # rho, A, objective, gradient (rho A or 0), clipped
    (0.5, 2, 1.0, 1.0, True),  # min(1/2 * 2, 4/5 * 2): still too rare, may come back
    (1.0, 2, 2.0, 2.0, False),
    (2.0, 2, 2.4, 0.0, True),  # min(2 * 2, 6/5 * 2): far enough
    (0.5, -2, -1.6, 0.0, True),  # min(-1/2 * 2, -4/5 * 2): far enough
    (1.0, -2, -2.0, -2.0, False),
    (2.0, -2, -4.0, -4.0, True),  # min(-2 * 2, -6/5 * 2): still too frequent, may come back
]


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def one(number):
    return torch.tensor([number], dtype=torch.float64)


# numbers and gradients by hand


@pytest.mark.parametrize(("rho", "advantage", "objective", "gradient", "clipped"), SIX_CASES)
def test_six_cases(rho, advantage, objective, gradient, clipped):
    logp = one(rho).log().requires_grad_()
    terms = clipped_objective(logp, one(0.0), one(float(advantage)), epsilon=0.2)
    terms.objective.backward()
    assert terms.objective.item() == pytest.approx(objective, abs=1e-14)
    assert logp.grad.item() == pytest.approx(gradient, abs=1e-14)
    assert terms.ratio.item() == pytest.approx(rho, abs=1e-15)
    assert terms.clipped.item() is clipped


def test_two_of_six_gradients_are_zero_while_four_ratios_are_clipped():
    rho, advantages = torch.tensor([case[:2] for case in SIX_CASES], dtype=torch.float64).T
    logp = rho.log().requires_grad_()
    terms = clipped_objective(logp, torch.zeros_like(rho), advantages, epsilon=0.2)
    terms.objective.backward()
    dead = logp.grad == 0
    assert dead.tolist() == [False, False, True, True, False, False]
    assert terms.clipped.tolist() == [True, False, True, True, False, True]
    assert terms.objective.item() == pytest.approx((1 + 2 + 2.4 - 1.6 - 2 - 4) / 6, abs=1e-15)


@pytest.mark.parametrize("log_rho", [0.3, -0.3])
@pytest.mark.parametrize("advantage", [2.0, -2.0])
def test_on_the_edge_of_the_band_nothing_is_clipped_and_the_gradient_is_whole(log_rho, advantage):
    """Both terms are equal there: autograd takes half of each, and the clipped half still has its slope."""
    logp = one(log_rho).requires_grad_()
    rho = logp.detach().exp().item()
    epsilon = abs(rho - 1)
    assert rho in (1 + epsilon, 1 - epsilon)  # exact in floating point, so this is the edge and nothing beside it
    terms = clipped_objective(logp, one(0.0), one(advantage), epsilon=epsilon)
    terms.objective.backward()
    assert not terms.clipped.item()
    assert terms.objective.item() == rho * advantage
    assert logp.grad.item() == pytest.approx(rho * advantage, abs=1e-15)


def test_gradients_that_must_not_exist():
    logp, old_logp, advantages = (draw(20, seed=seed).requires_grad_() for seed in range(3))
    clipped_objective(logp, old_logp, advantages, epsilon=0.2).objective.backward()
    assert (logp.grad != 0).any()
    assert old_logp.grad is None
    assert advantages.grad is None


def test_first_minibatch_has_the_whole_gradient_even_in_a_band_of_width_zero():
    """New and old are one tensor: the ratio is 1, yet grad rho = grad log pi. What depends on the policy is data."""
    for epsilon in (0.2, 0.0):
        logp = draw(3).requires_grad_()
        terms = clipped_objective(logp, logp, logp * 2, epsilon=epsilon)
        terms.objective.backward()
        torch.testing.assert_close(logp.grad, 2 * logp.detach() / 3, rtol=0, atol=1e-15)
        assert not terms.clipped.any()


@pytest.mark.parametrize(("rho", "alive"), [(0.5, (True, False)), (1.0, (True, True)), (1.5, (False, True))])
@pytest.mark.parametrize("old", [0.1, 0.5])
def test_the_chain_down_to_the_probability(rho, alive, old):
    """d(-L)/d pi = -1 * (A or 0) * 1/pi_old, and the objective has the sign of A in all six cases."""
    for advantage, lives in zip((2.0, -2.0), alive, strict=True):
        pi = one(rho * old).requires_grad_()
        terms = clipped_objective(pi.log(), one(old).log(), one(advantage), epsilon=0.2)
        (-terms.objective).backward()
        assert pi.grad.item() == pytest.approx(-advantage / old if lives else 0, abs=1e-12)
        assert terms.objective.item() * advantage > 0


# the equation


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.2, 0.5, 1.0, 3.0, math.inf])
def test_equation(epsilon):
    logp, old_logp, advantages = (draw(6, 5, seed=seed) for seed in range(3))
    terms = clipped_objective(logp, old_logp, advantages, epsilon=epsilon)
    total = 0.0
    for t in range(6):
        for n in range(5):
            rho, a = math.exp(logp[t, n] - old_logp[t, n]), advantages[t, n].item()
            held = max(min(rho, 1 + epsilon), 1 - epsilon)
            total += min(rho * a, held * a)
            assert terms.ratio[t, n].item() == pytest.approx(rho, rel=1e-14)
            assert terms.clipped[t, n].item() is (abs(rho - 1) > epsilon)
    assert terms.objective.dim() == 0
    assert terms.ratio.shape == terms.clipped.shape == (6, 5)
    assert terms.clipped.dtype == torch.bool
    assert terms.objective.item() == pytest.approx(total / 30, abs=1e-14)


def test_gradient_equals_finite_differences():
    old_logp, advantages = draw(20, seed=1), draw(20, seed=2)
    objective = lambda logp: clipped_objective(logp, old_logp, advantages, epsilon=0.2).objective  # noqa: E731
    assert torch.autograd.gradcheck(objective, (draw(20).requires_grad_(),))


# the lesson before


def test_without_a_band_it_is_the_surrogate():
    logp, old_logp, advantages = (draw(30, seed=seed) for seed in range(3))
    terms = clipped_objective(logp, old_logp, advantages, epsilon=math.inf)
    assert torch.equal(terms.objective, surrogate_objective(logp, old_logp, advantages))
    assert torch.equal(terms.ratio, ratio(logp, old_logp))
    assert not terms.clipped.any()


def test_it_bounds_the_surrogate_from_below_sample_by_sample():
    logp, old_logp, advantages = (draw(200, seed=seed) for seed in range(3))
    lower = 0
    for sample in zip(logp[:, None], old_logp[:, None], advantages[:, None], strict=True):
        bound, plain = clipped_objective(*sample, epsilon=0.2).objective, surrogate_objective(*sample)
        assert bound <= plain
        lower += (bound < plain).item()
    assert 0 < lower < 200


def test_samples_do_not_mix():
    logp, old_logp, advantages = (draw(8, seed=seed) for seed in range(3))
    whole = clipped_objective(logp, old_logp, advantages, epsilon=0.2)
    parts = [clipped_objective(logp[i], old_logp[i], advantages[i], epsilon=0.2) for i in range(8)]
    assert whole.objective.item() == pytest.approx(sum(part.objective.item() for part in parts) / 8, abs=1e-14)
    assert torch.equal(whole.ratio, torch.stack([part.ratio for part in parts]))
    assert torch.equal(whole.clipped, torch.stack([part.clipped for part in parts]))


# clip_ratio


def test_clip_ratio_by_hand():
    # the band of 1/4 is 3/4 to 5/4
    rho = torch.tensor([0.5, 0.75, 1.0, 1.25, 1.5], requires_grad=True)
    result = clip_ratio(rho, epsilon=0.25)
    result.sum().backward()
    assert result.tolist() == [0.75, 0.75, 1.0, 1.25, 1.25]
    assert rho.grad.tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(("epsilon", "expected"), [(0.0, [1, 1, 1]), (2.0, [0, 1, 3]), (math.inf, [0, 1, 9])])
def test_clip_ratio_in_narrow_and_wide_bands(epsilon, expected):
    assert clip_ratio(torch.tensor([0.0, 1.0, 9.0]), epsilon=epsilon).tolist() == expected


def test_clip_ratio_agrees_with_torch():
    rho = draw(50).exp()
    expected = torch.nn.functional.hardtanh(rho, 0.7, 1.3)
    torch.testing.assert_close(clip_ratio(rho, epsilon=0.3), expected, rtol=0, atol=1e-15)


# wrong input


@pytest.mark.parametrize("epsilon", [-0.1, -math.inf, math.nan])
def test_refuses_epsilon(epsilon):
    message = re.escape(f"epsilon must not be negative, got {epsilon}")
    with pytest.raises(ValueError, match=message):
        clip_ratio(torch.ones(2), epsilon=epsilon)
    with pytest.raises(ValueError, match=message):
        clipped_objective(torch.zeros(2), torch.zeros(2), torch.zeros(2), epsilon=epsilon)


def test_clip_ratio_refuses_whole_numbers():
    with pytest.raises(ValueError, match=re.escape("ratio must hold floating-point numbers, got torch.int64")):
        clip_ratio(torch.tensor([1, 2]), epsilon=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"old_logp": torch.zeros(2)}, "expected one shape, got logp (3,), old_logp (2,), advantages (3,)"),
        ({"advantages": torch.zeros(3, 1)}, "expected one shape, got logp (3,), old_logp (3,), advantages (3, 1)"),
        (
            dict.fromkeys(["logp", "old_logp", "advantages"], torch.zeros(0, 2)),
            "expected at least one element, got logp (0, 2), old_logp (0, 2), advantages (0, 2)",
        ),
        ({"advantages": [1.0, 1.0, 1.0]}, "advantages must be a torch tensor, got list"),
        ({"logp": torch.zeros(3).int()}, "logp must hold floating-point numbers, got torch.int32"),
        ({"logp": torch.tensor([torch.nan, 0.0, 0.0])}, "logp must be finite, got nan in shape (3,)"),
        ({"old_logp": torch.tensor([0.0, -torch.inf, 0.0])}, "old_logp must be finite, got -inf in shape (3,)"),
        ({"advantages": torch.tensor([torch.inf, 0.0, 0.0])}, "advantages must be finite, got inf in shape (3,)"),
    ],
)
def test_refuses(change, message):
    call = {**dict.fromkeys(["logp", "old_logp", "advantages"], torch.zeros(3)), "epsilon": 0.2, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        clipped_objective(**call)


@pytest.mark.parametrize("ratios", [torch.tensor([]), torch.tensor([1.0, torch.nan])])
def test_clip_ratio_needs_numbers(ratios):
    with pytest.raises(ValueError, match="ratio"):
        clip_ratio(ratios, epsilon=0.2)


def test_a_ratio_beyond_float32_is_refused_and_not_turned_into_a_nan_gradient():
    """exp(89) is about 4e38, above the largest float32; in float64 it is a number like any other."""
    new, old, advantages = torch.tensor([0.0]), torch.tensor([-89.0]), torch.tensor([1.0])
    with pytest.raises(ValueError, match="ratio must be finite"):
        clipped_objective(new, old, advantages, epsilon=0.2)
    assert clipped_objective(new.double(), old.double(), advantages, epsilon=0.2).objective.isfinite()
