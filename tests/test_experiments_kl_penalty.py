"""The numbers of lesson 09, and TRPO on a table."""

import itertools
import math

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments import kl_penalty as experiments
from ppo_lessons.experiments.tabular import judged_sample, train_table, train_trust_region
from ppo_lessons.kl_penalty import adapt_beta, kl_divergence


def test_a_step_by_hand():
    # old (1/3, 1/3, 1/3), the logit of left raised by log 2: new (1/2, 1/4, 1/4)
    old, new = experiments.stepped(0.0, math.log(2))
    assert new.softmax(-1).tolist() == pytest.approx([1 / 2, 1 / 4, 1 / 4])
    # KL(old||new) = 1/3 log(2/3) + 2/3 log(4/3)
    assert kl_divergence(old, new).item() == pytest.approx(math.log(2 / 3) / 3 + 2 / 3 * math.log(4 / 3))


@pytest.mark.parametrize("sure", [0.0, 3.0, 6.0])
def test_both_directions_touch_the_parabola(sure):
    old, new = experiments.stepped(sure, 1e-3)
    expected = experiments.second_order(sure, 1e-3).item()
    assert kl_divergence(old, new).item() == pytest.approx(expected, rel=1e-3)
    assert kl_divergence(new, old).item() == pytest.approx(expected, rel=1e-3)


def test_advantages_beside_the_pit_average_to_zero():
    advantages = experiments.advantages_in_cell_2()
    assert (experiments.OLD @ advantages).item() == pytest.approx(0, abs=1e-14)
    assert advantages.argmax() == 1  # up flies over the pit


@pytest.mark.parametrize("beta", [0.25, 3.0, 20.0])
def test_no_policy_is_better_than_the_best_at_its_price(beta):
    best = experiments.best_for_price(beta)
    advantages = experiments.advantages_in_cell_2()

    def worth(policies):
        kl = (experiments.OLD * (experiments.OLD / policies).log()).sum(-1)
        return policies @ advantages - beta * kl

    others = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    near = best + 1e-3 * (others - others.mean(1, keepdim=True)) * best.min()
    assert best.sum().item() == pytest.approx(1)
    assert (worth(others / others.sum(1, keepdim=True)) < worth(best)).all()
    assert (worth(near) < worth(best)).all()


@pytest.mark.parametrize("delta", [0.003, 0.2, 1.8])
def test_the_edge_of_the_region_has_the_kl_it_is_named_after(delta):
    edge = experiments.level(delta)
    assert (edge > 0).all()
    assert torch.allclose(edge.sum(1), torch.ones(len(edge), dtype=torch.float64))
    kl = (experiments.OLD * (experiments.OLD / edge).log()).sum(1)
    assert torch.allclose(kl, torch.full_like(kl, delta), rtol=1e-6)  # steep beside the sides


def test_a_price_buys_less_the_higher_it_is():
    kl, gain = experiments.bought()
    assert (kl[1:] < kl[:-1]).all()
    assert (gain[1:] < gain[:-1]).all()


@pytest.mark.parametrize("beta", [0.5, 3.0, 12.0])
def test_a_price_is_the_slope_of_what_a_limit_gains(beta):
    (low, less), (high, more) = (experiments.worth(experiments.best_for_price(beta * f)) for f in (1.001, 0.999))
    assert (more - less) / (high - low) == pytest.approx(beta, rel=1e-3)
    delta, gain = experiments.worth(experiments.best_for_price(beta))
    assert experiments.tangent(beta, delta) == pytest.approx(gain)
    assert experiments.tangent(beta, delta + 1) == pytest.approx(gain + beta)


@pytest.mark.parametrize(
    ("step", "surrogate", "promised", "truth"), [(0.1, 0.0334, 0.0027, 0.0336), (1.0, 0.370, -2.93, 0.386)]
)
def test_the_bound_behind_trpo_on_the_corridor(step, surrogate, promised, truth):
    bound = experiments.step_uphill(step)
    assert bound.surrogate == pytest.approx(surrogate, rel=2e-3)
    assert bound.promised == pytest.approx(promised, rel=2e-2)
    assert bound.truth == pytest.approx(truth, rel=2e-3)


def test_the_surrogate_of_the_bound_by_listing_all_plays():
    """L = sum over plays of P_old times sum_t rho_t A_t: the mean over the actions is then a mean of ratios."""
    world = Corridor()
    old = world.policy(SLIDES_POLICY)
    new = old + torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plays, (values, action_values) = world.trajectories(), world.tables(old, gamma=1.0)
    rho = (world.log_probabilities(new) - world.log_probabilities(old)).exp()
    time = torch.arange(6)[:, None]
    states, running = plays.states.clamp(max=11), plays.mask
    advantages = (action_values[time, states, plays.actions] - values[time, states]) * running
    by_plays = (world.probabilities(old) * (rho * advantages).sum(0)).sum().item()
    assert experiments.lower_bound(world, old, new).surrogate == pytest.approx(by_plays, abs=1e-12)


@pytest.mark.parametrize("size", [0.01, 0.1, 1.0, 3.0])
def test_the_bound_holds_for_any_two_policies(size):
    world, generator = Corridor(), torch.Generator().manual_seed(1)
    for _ in range(20):
        old, move = torch.randn(2, 12, 3, generator=generator, dtype=torch.float64)
        bound = experiments.lower_bound(world, old, old + size * move)
        assert bound.promised <= bound.truth
    assert experiments.lower_bound(world, old, old).promised == pytest.approx(0, abs=1e-12)


def test_steps_that_promise_a_rise_keep_the_promise_and_are_tiny():
    returns = experiments.climb_on_promises(12)
    assert all(after > before for before, after in itertools.pairwise(returns))
    assert returns[-1] - returns[0] < 0.25
    *_, cheap = experiments.train_penalty(3.0, seed=0)
    assert cheap.expected_return - returns[0] > 15 * (returns[-1] - returns[0])


def test_the_old_policy_costs_nothing_and_gains_nothing():
    assert experiments.worth(experiments.OLD) == pytest.approx((0, 0), abs=1e-14)


def test_estimator_moments_by_hand():
    old, new = (tensor.tolist() for tensor in experiments.moved(0.7))
    exact, moments = experiments.estimator_moments(0.7)
    p, x = [math.exp(a) for a in old], [b - a for a, b in zip(old, new, strict=True)]
    for name, samples in {
        "k1": [-v for v in x],
        "k2": [v * v / 2 for v in x],
        "k3": [math.exp(v) - 1 - v for v in x],
    }.items():
        mean = sum(a * k for a, k in zip(p, samples, strict=True))
        spread = sum(a * (k - mean) ** 2 for a, k in zip(p, samples, strict=True)) ** 0.5
        assert [m.item() for m in moments[name]] == pytest.approx([mean, spread], abs=1e-12)
    assert exact.item() == pytest.approx(moments["k1"][0].item(), abs=1e-14)


def test_the_price_follows_the_rule_from_update_to_update():
    run = list(experiments.train_adaptive(3.0, target=0.03, seed=3))
    assert [record.update for record, _ in run] == list(range(experiments.UPDATES + 1))
    for (record, beta), (_, following) in itertools.pairwise(run[1:]):
        assert following == adapt_beta(beta, record.kl, target=0.03)
    assert len({beta for _, beta in run}) > 1


def test_a_price_that_never_changes_is_the_fixed_one():
    fixed = [record.expected_return for record in experiments.train_penalty(3.0, seed=5)]
    held = experiments.train_adaptive(3.0, target=0.03, seed=5, adapt=lambda beta, kl, target: beta)
    assert [record.expected_return for record, _ in held] == fixed


def test_trpo_on_a_table_obeys_the_limit_on_its_sample():
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    settings = {"updates": 3, "plays": 12, "max_kl": 0.02, "damping": 1e-3, "lam": 0.95, "seed": 7}
    records = list(train_trust_region(world, policy, **settings))
    generator = torch.Generator().manual_seed(7)
    for before, after in itertools.pairwise(records):
        states, _, _ = judged_sample(world, before.logits, plays=12, lam=0.95, generator=generator)
        moved = kl_divergence(before.logits, after.logits)[states].mean().item()
        assert 0 < moved <= 0.02
    assert torch.equal(records[0].logits, policy)


def test_entropy_weight_of_the_table_trainer():
    """One step with weight w differs from one without by step_size * w * gradient of the mean entropy."""
    world = Corridor()
    policy = world.policy(SLIDES_POLICY)
    settings = {"updates": 1, "plays": 12, "epochs": 1, "step_size": 0.5, "lam": 0.95, "seed": 1}
    *_, plain = train_table(world, policy, experiments.penalty_with(0.0), **settings)
    *_, paid = train_table(world, policy, experiments.penalty_with(0.0), **settings, entropy_weight=lambda update: 0.4)
    generator = torch.Generator().manual_seed(1)
    states, _, _ = judged_sample(world, policy, plays=12, lam=0.95, generator=generator)
    share = torch.bincount(states, minlength=12) / len(states)
    logp = policy.log_softmax(-1)
    h = -(logp.exp() * logp).sum(-1, keepdim=True)
    gradient = -logp.exp() * (logp + h) * share[:, None]
    assert torch.allclose(paid.logits - plain.logits, 0.5 * 0.4 * gradient, atol=1e-12)


def test_the_band_is_where_the_price_rests():
    low, high = experiments.resting_band(0.03)
    assert (low, high) == pytest.approx((0.02, 0.045))
    for kl, price in ((low * 0.999, 1.5), (low * 1.001, 3.0), (high * 0.999, 3.0), (high * 1.001, 6.0)):
        assert adapt_beta(3.0, kl, target=0.03) == price


def test_the_updates_inside_the_band_are_those_after_which_the_price_rests():
    run = list(experiments.train_adaptive(3.0, target=0.03, seed=3))
    rested = sum(adapt_beta(beta, record.kl, target=0.03) == beta for record, beta in run[1:])
    assert experiments.inside_band([record for record, _ in run], 0.03) == rested
    assert 0 < rested < experiments.UPDATES
