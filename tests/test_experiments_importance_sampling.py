"""The numbers of lesson 08, and the batch that is used again and again."""

import math

import pytest
import torch

from ppo_lessons.corridor import STATES, Corridor
from ppo_lessons.experiments import importance_sampling as experiments
from ppo_lessons.experiments.tabular import exact_batch, reuse_batch, sampled_batch
from ppo_lessons.importance_sampling import effective_sample_size, surrogate_objective


def test_fish_without_perch_have_no_weight_for_them():
    # 0.1/0.5 = 1/5, nobody, 0.5/0.5 = 1
    assert experiments.fish_weights(0).tolist() == pytest.approx([0.2, 0, 1])
    assert experiments.fish_weights(10).tolist() == pytest.approx([0.2, 4, 1.25])
    assert experiments.long_run(0) == pytest.approx(10.5)  # 0.1 · 30 + 0.5 · 15
    for perch in (10, 40):
        assert experiments.long_run(perch) == pytest.approx(18.5)  # 0.1 · 30 + 0.4 · 20 + 0.5 · 15


def test_the_same_lake_is_worse_for_one_question_and_better_for_another():
    """Mean length: 1/2 · 6² + 1/10 · 80² + 4/10 · 18.75² − 18.5² = 456.375 against 20.25. Share of carp: f w is 1/5
    with probability 1/2, else 0, so 1/50 − 1/100 = 1/100 against 1/10 · 9/10 = 9/100."""
    p, q, weights = experiments.LAKE_A, experiments.lake_b(10), experiments.fish_weights(10)
    carp = experiments.double(1, 0, 0)
    for f, from_a, from_b in ((experiments.LENGTH, 20.25, 456.375), (carp, 0.09, 0.01)):
        assert experiments.mean_and_variance(f, p)[1] == pytest.approx(from_a)
        assert experiments.mean_and_variance(f * weights, q)[1] == pytest.approx(from_b)
        assert (p * f.square() * (weights - 1)).sum().item() == pytest.approx(from_b - from_a)


def test_drawing_follows_the_table():
    drawn = experiments.draw(torch.tensor([0.5, 0.0, 0.25, 0.25], dtype=torch.float64), 20000, 0)
    shares = torch.bincount(drawn, minlength=4) / 20000
    assert shares[1] == 0
    # standard error at most sqrt(1/4 / 20000) = 0.0035; four of them
    assert (shares - torch.tensor([0.5, 0.0, 0.25, 0.25])).abs().max() < 0.0142


@pytest.mark.parametrize("distance", [-3.0, -1.5, 0.0, 1.0, 2.0, 4.0])
def test_price_of_distance_equals_the_integrals(distance):
    """For two bells of width 1, d apart, and f = e^x: E_q[w^2] = e^(d^2), E_q[f^2 w^2] = e^(1 + (1 - d)^2) and
    E_p[f] = e^(1/2). The list on the grid must say the same as long as the bells lie well inside it."""
    variance, share = experiments.price(distance)
    assert share == pytest.approx(math.exp(-(distance**2)), rel=1e-5)
    assert variance == pytest.approx(math.exp(1 + (1 - distance) ** 2) - math.e, rel=1e-3, abs=1e-9)


def test_price_is_the_formula_of_the_lesson():
    p, f = experiments.bell(0.0), experiments.VALUES
    for distance in (-2.0, 0.5, 3.0):
        formula = (p * f.square() * (experiments.weights_on_grid(distance) - 1)).sum().item()
        listed = experiments.price(distance)[0] - experiments.price(0.0)[0]
        assert listed == pytest.approx(formula, rel=1e-9)
        assert (formula < 0) == (0 < distance < 2)


def test_at_the_best_q_every_weighted_draw_says_the_truth():
    best = experiments.best_q()
    assert best.sum().item() == pytest.approx(1, abs=1e-12)
    drawn = experiments.VALUES * experiments.bell(0.0) / best
    assert drawn.tolist() == pytest.approx([experiments.TRUTH] * len(best), rel=1e-9)


def test_the_heaviest_draw():
    place, part = experiments.heaviest(torch.tensor([1.0, 6.0, 3.0]))
    assert (place, part) == (1, pytest.approx(0.6))  # 6 of 10


def test_weighted_draws_estimate_the_truth():
    _, weights, estimate = experiments.draws_of(0.5, 100_000, 0)
    variance, share = experiments.price(0.5)
    assert abs(estimate - math.exp(0.5)) < 4 * math.sqrt(variance / 100_000)
    assert effective_sample_size(weights).item() / 100_000 == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("start", experiments.STARTS)
@pytest.mark.parametrize("size", [0.0, 1.0, 20.0])
def test_the_performance_difference_is_exact_and_the_surrogate_is_not(start, size):
    world, old = Corridor(), experiments.policies()[start]
    true, new_states, old_states = experiments.gains(world, old, old + size * world.gradient(old))
    assert true == pytest.approx(new_states, abs=1e-12)
    assert (abs(true - old_states) > 1e-4) == (size > 0)


@pytest.mark.parametrize("start", experiments.STARTS)
def test_a_step_along_the_gradient_is_a_point_of_the_curves(start):
    world, old = Corridor(), experiments.policies()[start]
    place = 40
    new, true, promised = experiments.step(start, experiments.SIZES[place].item())
    assert torch.equal(new, old + experiments.SIZES[place] * world.gradient(old))
    assert experiments.along_the_gradient(start)[place].tolist() == [true, promised]
    assert true == pytest.approx(world.start_value(new) - world.start_value(old), abs=1e-12)
    assert experiments.slope(start) == pytest.approx(world.gradient(old).square().sum().item())


def test_steps_in_cells_add_up_to_the_length_of_a_play():
    world, logits = Corridor(), experiments.policies()["half-trained"]
    steps = experiments.steps_in_cells(logits)
    length = (world.probabilities(logits) * world.trajectories().mask.sum(0)).sum().item()
    assert steps.sum().item() == pytest.approx(length, abs=1e-12)
    assert steps[[3, 5]].tolist() == [0, 0]  # the pit and the flag end the play


def test_both_curves_leave_zero_with_the_slope_of_the_gradient():
    world = Corridor()
    for start in experiments.STARTS:
        old = experiments.policies()[start]
        gradient = world.gradient(old)
        true, _, old_states = experiments.gains(world, old, old + 1e-6 * gradient)
        slope = gradient.square().sum().item()
        assert true / 1e-6 == pytest.approx(slope, rel=1e-4)
        assert old_states / 1e-6 == pytest.approx(slope, rel=1e-4)


def test_whole_trajectory_weights_move_the_mean_return():
    world = Corridor()
    old, new = experiments.policies().values()
    weights = experiments.whole_trajectory_weights(world, old, new)
    p = world.probabilities(old)
    assert (p * weights).sum().item() == pytest.approx(1, abs=1e-12)
    assert (p * weights * world.trajectories().returns).sum().item() == pytest.approx(world.start_value(new), abs=1e-12)
    torch.testing.assert_close(p * weights, world.probabilities(new), rtol=0, atol=1e-15)


def objective_gradient(logits, batch):
    theta = logits.clone().requires_grad_()
    old_logp = logits.log_softmax(-1)[batch.states, batch.actions]
    objective = surrogate_objective(theta.log_softmax(-1)[batch.states, batch.actions], old_logp, batch.advantages)
    return torch.autograd.grad(objective, theta)[0]


@pytest.mark.parametrize("start", experiments.STARTS)
def test_first_gradient_on_the_exact_batch_is_the_policy_gradient(start):
    world, logits = Corridor(), experiments.policies()[start]
    batch = exact_batch(world, logits)
    assert batch.share.sum().item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(objective_gradient(logits, batch), world.gradient(logits), rtol=0, atol=1e-12)


@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_sampled_batches_are_the_exact_one_on_average(lam):
    """Mean of 40 gradients from 100 plays each, within four standard errors, summed over the table."""
    world, logits = Corridor(), experiments.policies()["half-trained"]
    batches = [sampled_batch(world, logits, plays=100, lam=lam, seed=seed) for seed in range(40)]
    gradients = torch.stack([objective_gradient(logits, batch) for batch in batches])
    error = (gradients.mean(0) - world.gradient(logits)).norm().item()
    assert error < 4 * (gradients.var(0).sum() / 40).sqrt().item()
    assert all(batch.share.sum().item() == pytest.approx(1, abs=1e-12) for batch in batches)


def test_reuse_records_what_it_says():
    world, logits = Corridor(), experiments.policies()["half-trained"]
    batch = sampled_batch(world, logits, plays=10, lam=0.95, seed=1)
    records = list(reuse_batch(world, logits, surrogate_objective, batch, epochs=3, step_size=1.0))
    assert [record.epoch for record in records] == [0, 1, 2, 3]
    assert torch.equal(records[0].logits, logits)
    torch.testing.assert_close(
        records[1].logits, logits + objective_gradient(logits, batch), rtol=0, atol=1e-14
    )  # the first epoch is a policy gradient step
    for record in records:
        assert record.expected_return == world.start_value(record.logits)
        rho = record.logits.softmax(-1) / logits.softmax(-1)
        torch.testing.assert_close(record.ratio, rho[batch.states, batch.actions], rtol=1e-12, atol=0)
        share = effective_sample_size(record.ratio).item() / len(record.ratio)
        assert experiments.effective_share(record) == pytest.approx(share, abs=1e-12)
    assert experiments.effective_share(records[0]) == pytest.approx(1, abs=1e-12)
    assert not any(record.logits.requires_grad or record.ratio.requires_grad for record in records)
    assert torch.equal(logits, experiments.policies()["half-trained"])  # the start is left as it was


def test_effective_share_of_an_exact_batch_counts_each_step_with_its_share():
    world, logits = Corridor(), experiments.policies()["slides' policy"]
    new = experiments.policies()["half-trained"]
    batch = exact_batch(world, logits)
    (record, *_) = reuse_batch(world, logits, surrogate_objective, batch, epochs=0, step_size=1.0)
    rho = new.softmax(-1) / logits.softmax(-1)
    met = world.visits(logits)[..., None] * logits.softmax(-1)  # [T, 12, 3]
    by_hand = (met * rho).sum() ** 2 / ((met * rho.square()).sum() * met.sum())
    moved = record._replace(ratio=rho[batch.states, batch.actions])
    assert experiments.effective_share(moved) == pytest.approx(by_hand.item(), abs=1e-12)
    assert set(batch.states.tolist()) == {0, 1, 2, 4, 6, 7, 8, 10} < set(range(STATES))


def test_noise_collapses_and_the_exact_batch_does_not():
    ends = experiments.many_runs(surrogate_objective, plays=20, lam=0.95, samples=5)
    held = experiments.many_runs(experiments.clipped, plays=20, lam=0.95, samples=5)
    start = experiments.exact_run("half-trained")[0][0]
    assert start == pytest.approx(2.439, abs=1e-3)
    assert ends[0] < 0 < 1.5 < held[0]
    assert sum(ends) < sum(held)
    for name in experiments.STARTS:
        J, share = experiments.exact_run(name)
        assert (J[1:] > J[:-1]).all()  # it rises in every epoch
        assert share[-1] < 0.7
    assert experiments.exact_run("slides' policy")[0][100] == pytest.approx(2.85, abs=5e-3)
