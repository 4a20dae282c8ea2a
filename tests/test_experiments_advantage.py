"""The numbers of lesson 06, and the tabular actor-critic."""

import math

import pytest
import torch

from ppo_lessons.advantage import n_step_advantage
from ppo_lessons.corridor import CELLS, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments import advantage as experiments
from ppo_lessons.experiments.tabular import critic_error, train_actor_critic

WORLD = Corridor()
POLICY = WORLD.policy(SLIDES_POLICY)


def run(**changes):
    settings = {"updates": 3, "plays": 4, "n": 2, "step_size": 0.5, "critic_step": 1.0, "seed": 0}
    return list(train_actor_critic(WORLD, POLICY, **{**settings, **changes}))


@pytest.mark.parametrize("size", [0.0, 2.0])
@pytest.mark.parametrize("n", [1, 3, 6])
def test_errors_equal_those_of_the_n_step_advantage_itself(n, size):
    table = WORLD.tables(POLICY, gamma=1.0).values.clone()
    table[:-1, :STATES] += size * experiments.critic_noise()
    plays = WORLD.trajectories()
    values, next_values = WORLD.step_values(table)
    flags = plays.terminated, torch.zeros_like(plays.terminated)
    moments = WORLD.gradient_moments(
        POLICY, n_step_advantage(plays.rewards, values, next_values, *flags, gamma=1.0, n=n)
    )
    bias, variance = experiments.errors(size)
    assert bias[n - 1].item() == pytest.approx(moments.bias.square().sum().item(), abs=1e-12)
    assert variance[n - 1].item() == pytest.approx(moments.variance.item(), abs=1e-10)


@pytest.mark.parametrize("size", [0.0, 1.5])
@pytest.mark.parametrize("n", range(1, 7))
def test_the_parts_of_an_advantage_add_up(n, size):
    *terms, advantage = experiments.parts(n, size)
    assert sum(terms) == pytest.approx(advantage, abs=1e-12)
    assert [term != 0 for term in terms[:3]] == [True, False, n >= 3]  # +5, 0, -2
    assert (terms[3] == 0) == (n >= 3)  # nothing after the pit


def test_a_mixture_of_n_step_advantages_has_the_errors_of_their_mean():
    """Half of A^(1) and half of A^(2): as one estimate made of the averaged weights."""
    plays = WORLD.trajectories()
    values, next_values = WORLD.step_values(WORLD.tables(POLICY, gamma=1.0).values)
    flags = plays.terminated, torch.zeros_like(plays.terminated)
    one, two = (n_step_advantage(plays.rewards, values, next_values, *flags, gamma=1.0, n=n) for n in (1, 2))
    half = torch.tensor([[0.5, 0.5, 0, 0, 0, 0]], dtype=torch.float64)
    bias, variance = experiments.errors_of(half, gamma=1.0, critic_error=0.0)
    assert bias.item() == pytest.approx(0, abs=1e-12)
    expected = WORLD.gradient_moments(POLICY, (one + two) / 2).variance.item()
    assert variance.item() == pytest.approx(expected, abs=1e-10)


def test_critic_noise_is_a_unit_vector():
    assert experiments.critic_noise().norm().item() == pytest.approx(1)


@pytest.mark.parametrize(("situation", "first"), [("day", 0), ("night", CELLS)])
def test_the_cells_are_their_part_of_the_tables(situation, first):
    values, action_values = WORLD.tables(POLICY, gamma=1.0)
    cells = experiments.cells_at(situation, 2)
    assert torch.equal(cells.values, values[2, first : first + CELLS])
    assert torch.equal(cells.action_values, action_values[2, first : first + CELLS])


def test_at_step_0_only_the_start_is_reached():
    for situation in ("day", "night"):
        assert experiments.cells_at(situation, 0).reached.nonzero().flatten().tolist() == [0]
        assert experiments.best_move(situation, 0)[0] == 0


def test_the_best_move_by_day_at_step_2_is_the_jump_over_the_pit():
    cell, action, advantage = experiments.best_move("day", 2)
    assert (cell, action) == (2, 1)
    assert advantage == pytest.approx(2.87, abs=0.005)


def test_score_of_a_gaussian_by_hand():
    # (a - mean) / spread^2 = (1.6 - 0.5) / 0.25 = 4.4
    action = torch.tensor([1.6], dtype=torch.float64)
    assert experiments.score_of_mean(action, 0.5, 0.5).item() == pytest.approx(4.4)


def test_mean_score_of_raw_and_clipped_actions():
    assert experiments.mean_score(0.9, 0.5, box=math.inf).item() == pytest.approx(0, abs=1e-9)
    assert experiments.mean_score(0.0, 1.0, box=1.0).item() == pytest.approx(0, abs=1e-9)  # both sides alike
    # mean 1, spread 1, box up to 1 (the other side is 2 spreads away, its part is added):
    # E[min(a, 1)] - 1 = -phi(0) = -0.3989;  E[max(-1 - a, 0)] = phi(2) - 2 (1 - Phi(2)) = 0.0085
    low = math.exp(-2) / math.sqrt(2 * math.pi) - 2 * 0.5 * math.erfc(2 / math.sqrt(2))
    expected = -1 / math.sqrt(2 * math.pi) + low
    assert experiments.mean_score(1.0, 1.0, box=1.0).item() == pytest.approx(expected, abs=1e-5)


def test_share_outside_of_one_standard_deviation():
    assert experiments.share_outside(0.0, 1.0, box=1.0) == pytest.approx(math.erfc(1 / math.sqrt(2)), abs=1e-7)


# The actor and the critic in tables


def test_record_0_precedes_learning():
    first = run()[0]
    assert first.update == 0
    assert torch.equal(first.logits, POLICY)
    assert first.values.abs().max() == 0
    assert first.expected_return == pytest.approx(-1.247, abs=1e-3)


def test_critic_error_by_hand():
    exact = WORLD.tables(POLICY, gamma=1.0).values
    assert critic_error(WORLD, POLICY, exact) == 0
    shifted = exact.clone()
    shifted[:-1] += 0.5  # off by 0.5 everywhere
    assert critic_error(WORLD, POLICY, shifted) == pytest.approx(0.5)
    shifted = exact.clone()
    shifted[:-1, [3, 5, 9, 11]] += 9.0  # nobody is ever in the pit or at the flag
    assert critic_error(WORLD, POLICY, shifted) == 0


def test_without_a_critic_and_with_all_rewards_it_is_reward_to_go():
    """One update by hand: the mean over the plays of sum_t G_t grad log pi, times the step size."""
    first, second = run(updates=1, n=6, critic_step=0.0)
    plays = WORLD.sample(POLICY, 4, generator=torch.Generator().manual_seed(0))
    gradient = torch.zeros_like(POLICY)
    pi = POLICY.softmax(-1)
    for play in range(4):
        for t in range(6):
            if plays.mask[t, play]:
                row, score = plays.states[t, play], -pi[plays.states[t, play]].clone()
                score[plays.actions[t, play]] += 1
                gradient[row] += plays.rewards[t:, play].sum() * score / 4
    torch.testing.assert_close(second.logits - first.logits, 0.5 * gradient, rtol=0, atol=1e-12)
    assert second.values.abs().max() == 0


def test_the_critic_moves_towards_its_targets():
    """One update from 0 with n = 1: each visited entry moves by 2 / M times the rewards seen there."""
    _, second = run(updates=1, n=1, critic_step=1.0)
    plays = WORLD.sample(POLICY, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(7, 13, dtype=torch.float64)
    for play in range(4):
        for t in range(6):
            if plays.mask[t, play]:
                expected[t, plays.states[t, play]] += 2 * plays.rewards[t, play] / plays.mask.sum()
    torch.testing.assert_close(second.values, expected, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    assert torch.equal(run()[-1].logits, run()[-1].logits)
    assert not torch.equal(run()[-1].logits, run(seed=1)[-1].logits)


def test_with_an_actor_that_stands_still_the_critic_finds_the_values():
    last = run(updates=300, plays=200, n=6, step_size=0.0, critic_step=2.0)[-1]
    assert torch.equal(last.logits, POLICY)
    assert last.critic_error < 0.3
