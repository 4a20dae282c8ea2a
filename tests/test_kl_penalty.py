"""Lesson 09: stay close to the policy that collected the data, measured by what it does."""

import math
import re

import pytest
import torch
from torch.distributions import Categorical
from torch.distributions import kl_divergence as torch_kl

from ppo_lessons.expectation import expectation
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.kl_penalty import adapt_beta, approximate_kl, early_stop, kl_divergence, penalized_objective

LN2 = math.log(2)


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# kl_divergence


def test_kl_by_hand():
    # p = (1/2, 1/2), q = (3/4, 1/4)
    p, q = torch.tensor([0.5, 0.5]).double().log(), torch.tensor([0.75, 0.25]).double().log()
    # KL(p||q) = 1/2 log(2/3) + 1/2 log(2) = 1/2 log(4/3)
    assert kl_divergence(p, q).item() == pytest.approx(math.log(4 / 3) / 2, abs=1e-15)
    # KL(q||p) = 3/4 log(3/2) + 1/4 log(1/2), which is another number
    assert kl_divergence(q, p).item() == pytest.approx(0.75 * math.log(1.5) - 0.25 * LN2, abs=1e-15)


def test_kl_gradient_of_the_second_argument_is_q_minus_p():
    # only -sum_a p(a) log q(a) depends on q, and grad log softmax is one-hot - q
    p, q = draw(4, 3), draw(4, 3, seed=1).requires_grad_()
    kl_divergence(p, q).sum().backward()
    torch.testing.assert_close(q.grad, q.detach().softmax(-1) - p.softmax(-1), rtol=0, atol=1e-15)


def test_kl_passes_gradcheck():
    inputs = (draw(2, 3).requires_grad_(), draw(2, 3, seed=1).requires_grad_())
    assert torch.autograd.gradcheck(kl_divergence, inputs)


def test_kl_equation_state_by_state():
    p, q = draw(4, 2, 3), draw(4, 2, 3, seed=1)
    result = kl_divergence(p, q)
    assert result.shape == (4, 2)
    for t in range(4):
        for n in range(2):
            a, b = ([math.exp(x) for x in row.tolist()] for row in (p[t, n], q[t, n]))
            a, b = [x / sum(a) for x in a], [x / sum(b) for x in b]
            expected = sum(x * math.log(x / y) for x, y in zip(a, b, strict=True))
            assert result[t, n].item() == pytest.approx(expected, abs=1e-14)


def test_kl_agrees_with_torch():
    p, q = draw(6, 5), draw(6, 5, seed=1)
    expected = torch_kl(Categorical(logits=p), Categorical(logits=q))
    torch.testing.assert_close(kl_divergence(p, q), expected, rtol=0, atol=1e-14)
    functional = torch.nn.functional.kl_div(q.log_softmax(-1), p.softmax(-1), reduction="none").sum(-1)
    torch.testing.assert_close(kl_divergence(p, q), functional, rtol=0, atol=1e-14)


def test_kl_is_zero_where_nothing_changed_and_positive_elsewhere():
    p = draw(50, 3)
    assert (kl_divergence(p, p) == 0).all()
    assert (kl_divergence(p, draw(50, 3, seed=1)) > 0).all()
    torch.testing.assert_close(kl_divergence(p, p + 100), torch.zeros(50).double(), rtol=0, atol=1e-12)


def test_kl_of_a_certain_policy_is_finite():
    # p = (1, 0) against q = (1/2, 1/2): log 2, and 0 log 0 counts as 0
    assert kl_divergence(torch.tensor([1000.0, 0.0]), torch.zeros(2)).item() == pytest.approx(LN2)


# approximate_kl


@pytest.mark.parametrize(
    ("estimator", "doubled", "halved"),
    [
        ("k1", -LN2, LN2),  # -log 2;  -log(1/2)
        ("k2", LN2**2 / 2, LN2**2 / 2),
        ("k3", 1 - LN2, LN2 - 1 / 2),  # (2 - 1) - log 2;  (1/2 - 1) + log 2
    ],
)
def test_estimators_by_hand(estimator, doubled, halved):
    # the new policy makes the first action twice as likely and the second half as likely
    logp, old_logp = torch.tensor([0.8, 0.2]).double().log(), torch.tensor([0.4, 0.4]).double().log()
    result = approximate_kl(logp, old_logp, estimator=estimator)
    assert result.tolist() == pytest.approx([doubled, halved], abs=1e-7)


@pytest.mark.parametrize(
    ("estimator", "slope"),
    [("k1", lambda log_rho: -1), ("k2", lambda log_rho: log_rho), ("k3", lambda log_rho: math.exp(log_rho) - 1)],
)
def test_estimator_gradients(estimator, slope):
    logp, old_logp = draw(5).requires_grad_(), draw(5, seed=1).requires_grad_()
    approximate_kl(logp, old_logp, estimator=estimator).sum().backward()
    expected = [slope(x) for x in (logp - old_logp).tolist()]
    assert logp.grad.tolist() == pytest.approx(expected, abs=1e-14)
    assert old_logp.grad is None


def mean_over_old_actions(logits, old_logits, estimator):
    """E over actions of the old policy of the estimate: every action listed, nothing drawn."""
    samples = approximate_kl(logits.log_softmax(-1), old_logits.log_softmax(-1), estimator=estimator)
    return expectation(samples, old_logits.softmax(-1))


def test_k1_and_k3_are_right_on_average_and_k2_is_not():
    new, old = draw(4), draw(4, seed=1)
    exact = kl_divergence(old, new).item()
    assert mean_over_old_actions(new, old, "k1").item() == pytest.approx(exact, abs=1e-14)
    assert mean_over_old_actions(new, old, "k3").item() == pytest.approx(exact, abs=1e-14)
    assert abs(mean_over_old_actions(new, old, "k2").item() - exact) > 0.01 * exact


def test_as_losses_k1_and_k3_have_the_right_gradient_and_k2_has_not():
    new, old = draw(4).requires_grad_(), draw(4, seed=1)
    (exact,) = torch.autograd.grad(kl_divergence(old, new), new)
    k1, k2, k3 = (torch.autograd.grad(mean_over_old_actions(new, old, k), new)[0] for k in ("k1", "k2", "k3"))
    torch.testing.assert_close(k1, exact, rtol=0, atol=1e-14)
    torch.testing.assert_close(k3, exact, rtol=0, atol=1e-14)
    assert (k2 - exact).norm() > 0.01 * exact.norm()


def test_k2_and_k3_are_never_negative_and_k1_may_be():
    logp, old_logp = draw(1000).float(), draw(1000, seed=1).float()
    assert (approximate_kl(logp, old_logp, estimator="k1") < 0).any()
    for estimator in ("k2", "k3"):
        assert (approximate_kl(logp, old_logp, estimator=estimator) >= 0).all()


def test_k3_of_a_small_step_is_not_lost_in_rounding():
    # float32, log rho = 1e-4: k3 = 5e-9 + 1.7e-13; with exp() - 1 the error would be about 1e-8
    result = approximate_kl(torch.tensor([1e-4]), torch.tensor([0.0]), estimator="k3")
    assert result.item() == pytest.approx(5e-9, rel=2e-3)


def test_estimators_keep_the_shape():
    for estimator in ("k1", "k2", "k3"):
        assert approximate_kl(draw(4, 3), draw(4, 3, seed=1), estimator=estimator).shape == (4, 3)


# penalized_objective


def test_penalty_by_hand():
    # ratios 3/2 and 1/2, advantages 4 and -2: (6 - 1) / 2 = 5/2.  KL 0.1 and 0.3: mean 0.2.  5/2 - 3 * 0.2 = 1.9
    logp, old_logp = torch.tensor([0.6, 0.2]).double().log(), torch.tensor([0.4, 0.4]).double().log()
    advantages, kl = torch.tensor([4.0, -2.0], dtype=torch.float64), torch.tensor([0.1, 0.3], dtype=torch.float64)
    result = penalized_objective(logp, old_logp, advantages, kl, beta=3.0)
    assert result.dim() == 0
    assert result.item() == pytest.approx(1.9, abs=1e-7)
    assert penalized_objective(logp, old_logp, advantages, kl.mean(), beta=3.0).item() == result.item()


def test_penalty_gradients():
    logp, old_logp, advantages, kl = (draw(3, 2, seed=seed).requires_grad_() for seed in range(4))
    penalized_objective(logp, old_logp, advantages, kl, beta=0.7).backward()
    rho_advantage = ((logp - old_logp).exp() * advantages).detach()
    torch.testing.assert_close(logp.grad, rho_advantage / 6, rtol=0, atol=1e-15)
    torch.testing.assert_close(kl.grad, torch.full_like(kl, -0.7 / 6), rtol=0, atol=1e-15)
    assert old_logp.grad is None
    assert advantages.grad is None


def test_penalty_equation():
    logp, old_logp, advantages, kl = (draw(3, 2, seed=seed) for seed in range(4))
    rows = zip(*(tensor.flatten().tolist() for tensor in (logp, old_logp, advantages, kl)), strict=True)
    expected = sum(math.exp(x - y) * a - 0.7 * d for x, y, a, d in rows) / 6
    assert penalized_objective(logp, old_logp, advantages, kl, beta=0.7).item() == pytest.approx(expected, abs=1e-14)


def test_without_a_price_it_is_the_surrogate():
    logp, old_logp, advantages, kl = (draw(5, seed=seed) for seed in range(4))
    expected = surrogate_objective(logp, old_logp, advantages)
    assert torch.equal(penalized_objective(logp, old_logp, advantages, kl, beta=0), expected)


# adapt_beta


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (0.0, 2.0),
        (0.99, 2.0),  # target 3/2: the band is 1 to 9/4
        (1.0, 4.0),  # on its edges nothing changes
        (1.5, 4.0),
        (2.25, 4.0),
        (2.26, 8.0),
        (float("inf"), 8.0),
        (-0.1, 2.0),  # k1 can be negative
    ],
)
def test_adapt_beta_by_hand(kl, expected):
    assert adapt_beta(4.0, kl, target=1.5) == expected


def test_adapt_beta_gives_a_float():
    for result in (adapt_beta(2, torch.tensor(0.5), target=1), adapt_beta(torch.tensor(2.0), 1, target=1)):
        assert type(result) is float
    assert adapt_beta(0.0, 100.0, target=0.01) == 0


# early_stop


@pytest.mark.parametrize(
    ("kl", "target", "expected"),
    [
        ([0.125, 0.375], 0.125, True),  # mean 1/4
        ([0.125, 0.375], 0.25, False),  # at the target it goes on
        ([0.125, 0.375], 0.3, False),
        ([[0.0, 1.0], [0.0, 0.0]], 0.24, True),  # all states together: mean 1/4
        ([[0.0, 1.0], [0.0, 0.0]], 0.26, False),
        ([0.5], 0, True),
        ([0.0], 0, False),  # nothing has moved yet
        ([-0.5, 0.25], 0, False),  # estimates (k1) may be negative
        ([1e30], math.inf, False),
    ],
)
def test_early_stop_by_hand(kl, target, expected):
    assert early_stop(torch.tensor(kl), target=target) is expected


def test_early_stop_is_no_part_of_a_gradient():
    kl = torch.tensor([0.5], requires_grad=True)
    assert early_stop(kl, target=0.1) is True
    assert kl.grad is None


def test_early_stop_equation():
    for seed in range(20):
        new, old = draw(6, 3, seed=seed), draw(6, 3, seed=seed + 100)
        kl = kl_divergence(old, new)
        mean = sum(kl.tolist()) / 6
        assert early_stop(kl, target=mean * 1.001) is False
        assert early_stop(kl, target=mean * 0.999) is True


def test_early_stop_looks_at_the_mean_and_not_at_the_columns():
    kl = torch.tensor([[0.5, 0.0], [0.5, 0.0]])
    assert [early_stop(column, target=0.3) for column in kl.T] == [True, False]
    assert early_stop(kl, target=0.3) is False


def test_early_stop_leaves_its_input_alone():
    kl = draw(4, 2).abs()
    before = kl.clone()
    early_stop(kl, target=0.1)
    assert torch.equal(kl, before)


# wrong input


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), "expected one shape, got logits_p (2, 3), logits_q (2, 4)"),
        (torch.zeros(2, 3), torch.zeros(3), "expected one shape, got logits_p (2, 3), logits_q (3,)"),
        (torch.tensor(0.0), torch.tensor(0.0), "a shape [..., actions] is needed, got logits_p (), logits_q ()"),
        (torch.zeros(0, 3), torch.zeros(0, 3), "expected at least one element, got logits_p (0, 3), logits_q (0, 3)"),
        (torch.zeros(2).int(), torch.zeros(2), "logits_p must hold floating-point numbers, got torch.int32"),
        (torch.zeros(2), torch.zeros(2).int(), "logits_q must hold floating-point numbers, got torch.int32"),
        (torch.tensor([0.0, torch.inf]), torch.zeros(2), "logits_p must be finite, got inf in shape (2,)"),
        (torch.zeros(2), torch.tensor([0.0, -torch.inf]), "logits_q must be finite, got -inf in shape (2,)"),
        ([0.0, 0.0], torch.zeros(2), "logits_p must be a torch tensor, got list"),
    ],
)
def test_kl_refuses(p, q, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        kl_divergence(p, q)


@pytest.mark.parametrize(
    ("logp", "old_logp", "estimator", "message"),
    [
        (torch.zeros(3), torch.zeros(3), "k4", 'estimator must be "k1", "k2" or "k3", got \'k4\''),
        (torch.zeros(3), torch.zeros(3), None, 'estimator must be "k1", "k2" or "k3", got None'),
        (torch.zeros(7, 3), torch.zeros(6, 3), "k1", "expected one shape, got logp (7, 3), old_logp (6, 3)"),
        (torch.zeros(0), torch.zeros(0), "k3", "expected at least one element, got logp (0,), old_logp (0,)"),
        (torch.tensor([torch.nan]), torch.zeros(1), "k2", "logp must be finite, got nan in shape (1,)"),
        (torch.zeros(1), torch.tensor([-torch.inf]), "k2", "old_logp must be finite, got -inf in shape (1,)"),
    ],
)
def test_approximate_kl_refuses(logp, old_logp, estimator, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        approximate_kl(logp, old_logp, estimator=estimator)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta": -0.1}, "beta must not be negative, got -0.1"),
        ({"beta": float("nan")}, "beta must not be negative, got nan"),
        ({"kl": torch.zeros(2)}, "expected one shape, got logp (3,), kl (2,)"),
        ({"kl": torch.zeros(0)}, "got logp (3,), kl (0,)"),
        ({"kl": 0.1}, "kl must be a torch tensor, got float"),
        ({"kl": torch.tensor([0.0, torch.nan, 0.0])}, "kl must be finite, got nan in shape (3,)"),
        ({"kl": torch.tensor(torch.inf)}, "kl must be finite, got inf in shape ()"),
        ({"old_logp": torch.zeros(2)}, "expected one shape, got logp (3,), old_logp (2,), advantages (3,)"),
        ({"advantages": torch.tensor([torch.inf, 0.0, 0.0])}, "advantages must be finite, got inf in shape (3,)"),
        ({"logp": torch.tensor([torch.nan, 0.0, 0.0])}, "logp must be finite, got nan in shape (3,)"),
    ],
)
def test_penalty_refuses(change, message):
    call = {**dict.fromkeys(["logp", "old_logp", "advantages", "kl"], torch.zeros(3)), "beta": 1.0, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        penalized_objective(**call)


@pytest.mark.parametrize(
    ("beta", "kl", "target", "message"),
    [
        (-1.0, 0.1, 0.1, "beta must not be negative, got -1.0"),
        (float("nan"), 0.1, 0.1, "beta must not be negative, got nan"),
        (1.0, float("nan"), 0.1, "kl must be a number, got nan"),
        (1.0, 0.1, 0.0, "target must be a positive number, got 0.0"),
        (1.0, 0.1, -0.1, "target must be a positive number, got -0.1"),
        (1.0, 0.1, float("nan"), "target must be a positive number, got nan"),
    ],
)
def test_adapt_beta_refuses(beta, kl, target, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        adapt_beta(beta, kl, target=target)


@pytest.mark.parametrize(
    ("kl", "target", "message"),
    [
        (torch.zeros(2), -0.1, "target must not be negative, got -0.1"),
        (torch.zeros(2), float("nan"), "target must not be negative, got nan"),
        (torch.zeros(2), "0.1", "target must be a number, got '0.1'"),
        (torch.zeros(0), 0.1, "expected at least one element, got kl (0,)"),
        (torch.zeros(2).int(), 0.1, "kl must hold floating-point numbers, got torch.int32"),
        (torch.tensor([0.0, torch.nan]), 0.1, "kl must be finite, got nan in shape (2,)"),
        (torch.tensor([0.0, torch.inf]), 0.1, "kl must be finite, got inf in shape (2,)"),
        (0.1, 0.1, "kl must be a torch tensor, got float"),
    ],
)
def test_early_stop_refuses(kl, target, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        early_stop(kl, target=target)
