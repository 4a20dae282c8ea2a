"""The numbers behind the pictures of lesson 02, and the exact climb."""

import math

import pytest
import torch

from ppo_lessons.corridor import PIT, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments import policy_gradient as experiments
from ppo_lessons.experiments.tabular import exact_ascent

world = Corridor()
slides = world.policy(SLIDES_POLICY)


# exact_ascent


def test_the_first_step_goes_along_the_gradient():
    before = slides.clone()
    start, first = exact_ascent(world, slides, updates=1, step_size=0.5)
    assert torch.equal(slides, before)
    assert torch.equal(start.logits, before)
    assert (start.update, first.update, start.kl) == (0, 1, 0.0)
    h = 1e-5
    for state, action in ((2, 1), (7, 2), (0, 0)):  # one entry at a time, by a difference that shares no code
        nudge = torch.zeros_like(slides)
        nudge[state, action] = h
        slope = (world.start_value(slides + nudge) - world.start_value(slides - nudge)) / (2 * h)
        assert (first.logits - slides)[state, action].item() == pytest.approx(0.5 * slope, abs=1e-9)


def test_ten_steps_of_size_one():
    records = list(exact_ascent(world, slides, updates=10, step_size=1.0))
    assert [record.update for record in records] == list(range(11))
    returns = [record.expected_return for record in records]
    assert returns == sorted(returns)
    assert returns[0] == pytest.approx(-1.247, abs=5e-4)
    assert returns[10] == pytest.approx(2.44, abs=5e-3)
    assert all(record.kl > 0 for record in records[1:])


# softmax and its gradient


def test_push_by_hand():
    before, gradient, after = experiments.push(0.7, "up", 1.0)
    assert before.tolist() == pytest.approx([0.1, 0.2, 0.7])
    assert gradient.tolist() == pytest.approx([-0.1, 0.8, -0.7])  # one-hot - pi
    odds = [0.1 * math.exp(-0.1), 0.2 * math.exp(0.8), 0.7 * math.exp(-0.7)]
    assert after.tolist() == pytest.approx([odd / sum(odds) for odd in odds])
    assert torch.allclose(experiments.push(0.7, "up", 0.0)[2], before)


def test_hot_is_even_and_cold_is_sharp():
    by_temperature = experiments.softmax_by_temperature(experiments.row(0.0, 1.0, 2.0))
    assert by_temperature.sum(1) == pytest.approx(1)
    assert by_temperature[0, 2] > 0.9999
    assert by_temperature[-1] == pytest.approx([1 / 3] * 3, abs=0.04)


def test_draws_follow_the_probabilities():
    probabilities = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
    shares = torch.stack([experiments.drawn_shares(probabilities, sample) for sample in range(20)])
    assert shares.sum(1).tolist() == pytest.approx([1] * 20)
    error = (probabilities * (1 - probabilities) / (20 * experiments.DRAWS)).sqrt()
    assert ((shares.mean(0) - probabilities).abs() < 4 * error).all()


# J and its slope


@pytest.mark.parametrize(("up", "right"), [(math.log(2), math.log(7)), (-4.0, -2.0), (3.0, 4.0)])
def test_slope_of_return(up, right):
    chances, J, slope = experiments.slope_of_return(up, right)
    tables = [experiments.row(0.0, up + nudge, right).expand(STATES, -1) for nudge in (-1e-5, 0.0, 1e-5)]
    low, now, high = map(world.start_value, tables)
    assert chances.sum().item() == pytest.approx(1, abs=1e-12)
    assert pytest.approx(now, abs=1e-12) == J
    assert slope == pytest.approx((high - low) / 2e-5, abs=1e-8)


def test_odds_1_2_7_are_the_slides_policy():
    assert experiments.slope_of_return(math.log(2), math.log(7))[1] == pytest.approx(-1.247, abs=5e-4)


# the local maximum


def test_the_climb_nears_the_local_optimum_from_below():
    top = world.start_value(experiments.local_optimum().log())
    *_, last = exact_ascent(world, slides, updates=60, step_size=10.0)
    assert top - 0.01 < last.expected_return < top
    assert top == pytest.approx(2.9704, abs=5e-5)


def test_every_small_change_of_the_local_optimum_costs_or_does_nothing():
    end = experiments.local_optimum()
    visits, tables = world.visits(end.log()), world.tables(end.log(), gamma=1.0)
    slopes = torch.einsum("ts,tsa->sa", visits, tables.action_values - tables.values[:-1, :STATES, None])
    reached = [0, 2, 4, 6, 8, 10]
    assert (slopes[reached][end[reached] == 0] < 0).all()
    assert slopes.max() < 1e-12
    # and staying always is better, so it is not the best
    assert world.start_value(experiments.local_optimum(1.0).log()) > 3.98


def test_the_climb_says_what_day_and_night_earn():
    *_, last = experiments.climb("slides", 10.0)
    assert last.steps == experiments.UPDATES
    assert sum(last.by_situation) / 2 == pytest.approx(last.expected_return, abs=1e-12)
    assert torch.allclose(last.probabilities.sum(-1), torch.ones(STATES, dtype=torch.float64))
    assert last.expected_return == pytest.approx(world.start_value(last.probabilities.log()), abs=1e-12)


@pytest.mark.parametrize("stay", [0.0, 0.3, 0.56, 1.0])
def test_night_by_listing_every_play(stay):
    J, toll, flag = experiments.night_of(stay)
    plays, p = world.trajectories(), world.probabilities(experiments.local_optimum(stay).log())
    night = plays.states[0] >= 6
    assert pytest.approx((plays.returns * p).sum().item(), abs=1e-12) == J
    paid = night & (plays.rewards == -5).any(0)
    assert toll == pytest.approx(2 * p[paid].sum().item(), abs=1e-12)
    assert flag == pytest.approx(2 * p[night & (plays.rewards == 3).any(0)].sum().item(), abs=1e-12)
    assert p[(plays.rewards == world.pit).any(0)].sum() == 0
    assert PIT == 3


def test_toll_by_hand():
    assert experiments.night_of(0.0)[1] == pytest.approx(1 - 0.2**6)  # six jumps in a row fail
    assert experiments.night_of(1.0)[1:] == (0, 0)


# the staircase


def test_the_running_trajectory_by_luck():
    # day (not below 0.5); action above 0.1 + 0.2: right; the world: not below 0.1, so it succeeds
    luck = torch.tensor([0.6] + 6 * [0.9, 0.5], dtype=torch.float64)[:, None]
    assert experiments.play_with(luck, slides[None]).tolist() == [[5 + 0 - 2]]
    luck[0] = 0.4
    assert experiments.play_with(luck, slides[None]).tolist() == [[-5 + 0 - 2]]
    luck[2::2] = 0.05  # every step fails
    assert experiments.play_with(luck, slides[None]).tolist() == [[0]]


def test_played_returns_have_the_exact_mean():
    luck = experiments.luck_of(0, 20_000)
    policies = torch.stack([slides, experiments.tilted([2.0])[0]])
    returns = experiments.play_with(luck, policies)
    for mean, spread, logits in zip(returns.mean(1), returns.std(1), policies, strict=True):
        assert abs(mean - world.start_value(logits)) < 4 * spread / len(luck[0]) ** 0.5


def test_the_sample_mean_is_flat_where_the_exact_return_is_not():
    gradient = world.gradient(experiments.tilted([0.0])[0])
    exact, sampled = experiments.slopes(0.0, 50, 0)
    assert exact == pytest.approx((gradient[2, 1] + gradient[8, 1]).item(), abs=1e-7)
    assert sampled == 0
    stairs = experiments.staircase_of(50, 0)
    assert len(set(stairs.tolist())) > 10  # and yet it follows: it jumps
    assert abs(stairs - experiments.smooth()).max() < 3


def test_heights_are_those_of_the_curves():
    place = 120  # the logit 0
    assert experiments.STAIRS[place] == 0
    J, mean = experiments.heights(0.0, 50, 3)
    assert pytest.approx(experiments.smooth()[place]) == J
    assert mean == pytest.approx(experiments.staircase_of(50, 3)[place])


@pytest.mark.parametrize("up", [-6.0, 0.0, 4.0])
def test_changes_nearby_are_differences_of_heights(up):
    exact, sampled = experiments.changes_nearby(up, 50, 3)
    here = experiments.heights(up, 50, 3)
    for place in (0, 30, 100):
        there = experiments.heights(up + experiments.SHIFTS[place], 50, 3)
        assert exact[place] == pytest.approx(there[0] - here[0], abs=1e-3)  # a straight line between listed points
        assert sampled[place] == pytest.approx(there[1] - here[1])
