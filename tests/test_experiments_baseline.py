"""The numbers of lesson 05: the variance as a parabola in every entry of a baseline."""

import pytest
import torch

from ppo_lessons.baseline import subtract_baseline
from ppo_lessons.corridor import STATES, Corridor
from ppo_lessons.experiments import baseline as experiments
from ppo_lessons.reward_to_go import reward_to_go


def padded(table):
    """[6, 12] -> [7, 13], as `Corridor.step_values` takes it."""
    full = torch.zeros(7, 13, dtype=torch.float64)
    full[:-1, :STATES] = table
    return full


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_variance_with_a_baseline_equals_that_of_the_weights_themselves(seed):
    world, policy, _, to_go, _ = experiments.world_and_plays()
    table = torch.zeros(6, STATES, dtype=torch.float64)
    if seed is not None:
        table = 3 * torch.randn(6, STATES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values, _ = world.step_values(padded(table))
    moments = world.gradient_moments(policy, subtract_baseline(to_go, values))
    assert moments.bias.norm() < 1e-12
    assert experiments.variance_with(table).sum().item() == pytest.approx(moments.variance.item(), rel=1e-10)


def test_day_and_night_are_the_variances_of_their_own_rows():
    world, policy, _, to_go, p = experiments.world_and_plays()
    g = world.scores(policy, to_go - 1.5)
    variance = (p @ g.square() - (p @ g).square()).reshape(2, -1).sum(1)
    torch.testing.assert_close(experiments.variance_with(1.5), variance, rtol=0, atol=1e-12)


@pytest.mark.parametrize("situation", [None, 0, 1])
def test_no_other_constant_is_better(situation):
    part = slice(None) if situation is None else slice(situation, situation + 1)
    best = experiments.best_constant(situation)
    here = experiments.variance_with(best)[part].sum()
    assert all(experiments.variance_with(best + step)[part].sum() > here for step in (-0.01, 0.01))


@pytest.mark.parametrize("by_time", [True, False])
def test_no_step_away_from_the_best_baseline_is_better(by_time):
    best = experiments.best_baseline(by_time=by_time)
    here = experiments.variance_with(best).sum()
    reached = experiments.variance_terms()[2] > 0
    for state in range(STATES):
        for step in range(6) if by_time else [slice(None)]:
            if reached[step, state].any():
                for change in (-0.01, 0.01):
                    other = best.clone()
                    other[step, state] += change
                    assert experiments.variance_with(other).sum() > here


def test_best_values_of_the_lesson():
    tables = (
        experiments.exact_values(),
        experiments.best_baseline(by_time=False),
        experiments.best_baseline(by_time=True),
    )
    assert [round(experiments.variance_with(table).sum().item(), 2) for table in tables] == [6.00, 5.05, 5.02]


def test_outcomes_are_those_of_the_value():
    values = experiments.world_and_plays()[2]
    for step, state in experiments.PLACES.values():
        returns, probability = experiments.outcomes(step, state)
        assert probability.sum().item() == pytest.approx(1)
        assert (returns * probability).sum().item() == pytest.approx(values[step, state].item(), abs=1e-12)


def test_the_expected_loss_is_variance_plus_squared_distance():
    # the exam: 80 with 20%, 90 with 80%; mean 88, variance 16; a guess of 85 costs 16 + 9
    values, p = torch.tensor([80.0, 90.0], dtype=torch.float64), torch.tensor([0.2, 0.8], dtype=torch.float64)
    assert experiments.expected_loss(85.0, values, p) == pytest.approx(25)


def test_praise_with_its_own_level_is_a_share_of_the_plays():
    assert experiments.praised(0, -10.0).tolist() == pytest.approx([1, 1, 1])
    assert experiments.praised(1, 0.0).tolist() == [0, 0, 0]
    # by night in cell 0, `left` stays: only a play that never leaves is worth 0, more than -1.
    # Five more steps each stay with 0.1 + 0.2 * 0.2 + 0.7 * 0.1 = 0.21
    assert experiments.praised(1, -1.0)[0].item() == pytest.approx(0.21**5)


def test_the_share_of_all_plays_weighs_each_action_with_its_probability():
    assert experiments.praised_share([1.0, 0.0, 0.5]) == pytest.approx(0.1 + 0.7 * 0.5)


def test_gradient_descent_arrives_at_the_mean_return_of_each_place():
    plays = experiments.draw_plays(4, 0)
    *_, (table, _) = experiments.learn_baseline(plays, step_size=2.0, steps=300)
    values = reward_to_go(plays.rewards, gamma=1.0)
    for step in range(Corridor().steps):
        for state in plays.states[step].unique().tolist():
            if state < STATES:
                assert table[step, state].item() == pytest.approx(values[step, plays.states[step] == state].mean())


def test_earlier_and_later_visits_of_a_state_both_move_its_best_baseline():
    """The best b_t(s) needs E[g . grad log pi_t], and g holds every visit of s. The often quoted form has t alone."""
    world, policy, _, to_go, p = experiments.world_and_plays()
    plays, pi = world.trajectories(), policy.softmax(-1)
    score = torch.eye(3, dtype=torch.float64) - pi[0]  # the slides' policy is the same in every state
    parts = dict.fromkeys(("earlier", "this", "later"), 0)
    state, t = 0, 1  # the start, met again after a failed action
    here = (plays.states[t] == state) & (plays.mask[t] == 1)
    for k in range(world.steps):
        both = here & (plays.states[k] == state) & (plays.mask[k] == 1)
        product = (score[plays.actions[k]] * score[plays.actions[t]]).sum(1)
        which = "earlier" if k < t else "this" if k == t else "later"
        parts[which] += (p * to_go[k] * product)[both].sum().item()
    assert min(abs(parts["earlier"]), abs(parts["later"])) > 1e-4
    assert sum(parts.values()) == pytest.approx(experiments.variance_terms()[1][t, state].item(), abs=1e-12)
