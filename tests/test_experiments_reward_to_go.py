"""The numbers of lesson 04."""

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments import reward_to_go as experiments
from ppo_lessons.experiments.log_trick import with_right
from ppo_lessons.reward_to_go import reward_to_go


@pytest.mark.parametrize("right", [0.3, 0.7])
def test_pairs_equal_the_moments_of_single_rewards(right):
    """Weighing step t alone with r_k: `Corridor.scores` gives the same mean and the same second moment."""
    world, logits = Corridor(), with_right(right)
    plays, p = world.trajectories(), world.probabilities(logits)
    mean, noise = experiments.pairs(right)
    for t, k in ((0, 0), (2, 0), (2, 2), (1, 4), (5, 5), (5, 1)):
        weights = torch.zeros_like(plays.rewards)
        weights[t] = plays.rewards[k]
        scores = world.scores(logits, weights)
        assert mean[t, k] == pytest.approx((p @ scores).norm().item(), abs=1e-13)
        assert noise[t, k] == pytest.approx((p @ scores.square().sum(1)).sqrt().item(), abs=1e-12)


@pytest.mark.parametrize("right", [0.1, 0.7, 0.9])
def test_the_past_adds_nothing_and_the_future_does(right):
    mean, noise = experiments.pairs(right)
    assert all(mean[t, k] < 1e-13 for t in range(6) for k in range(t))
    assert all(mean[t, k] > 1e-5 for t in range(6) for k in range(t, 6))
    assert (noise > 0.01).all()


@pytest.mark.parametrize("place", [0, 25, 45, 50])
def test_errors_equal_those_of_the_function_itself(place):
    world = Corridor()
    plays, policy = world.trajectories(), world.policy(SLIDES_POLICY)
    gamma = float(experiments.GAMMAS[place])
    moments = world.gradient_moments(policy, reward_to_go(plays.rewards, gamma=gamma))
    bias, variance = experiments.errors(experiments.GOALS[0])
    assert bias[place] == pytest.approx(moments.bias.square().sum().item(), abs=1e-12)
    assert variance[place] == pytest.approx(moments.variance.item(), abs=1e-11)

    logits = policy.clone().requires_grad_()
    discounted = sum(gamma**t * reward for t, reward in enumerate(plays.rewards))
    (aim,) = torch.autograd.grad(world.probabilities(logits) @ discounted, logits)
    bias, variance = experiments.errors(experiments.GOALS[1])
    assert bias[place] == pytest.approx((moments.mean - aim).square().sum().item(), abs=1e-12)
    assert variance[place] == pytest.approx(moments.variance.item(), abs=1e-11)


@pytest.mark.parametrize("goal", experiments.GOALS)
def test_the_error_of_many_plays_is_bias_and_the_share_of_the_variance(goal):
    bias, variance = experiments.errors(goal)
    parts = experiments.mean_squared_error(goal)
    assert parts[0].tolist() == bias.tolist()
    assert parts[1].tolist() == pytest.approx(variance / 64)
    assert parts[2].tolist() == pytest.approx(bias + variance / 64)


@pytest.mark.parametrize("game", experiments.GAMES)
@pytest.mark.parametrize("gamma", [0.0, 0.6, 1.0])
def test_mean_gradient_equals_the_listed_one(game, gamma):
    world = experiments.GAMES[game]
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    listed = world.gradient_moments(logits, reward_to_go(world.trajectories().rewards, gamma=gamma)).mean
    torch.testing.assert_close(experiments.mean_gradient(world, logits, gamma), listed, rtol=0, atol=1e-13)


def test_at_gamma_one_the_mean_is_the_gradient_of_j():
    world = Corridor()
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    torch.testing.assert_close(
        experiments.mean_gradient(world, logits, 1.0), world.gradient(logits), rtol=0, atol=1e-13
    )


def test_the_ascent_begins_with_the_slides_policy_and_climbs():
    world = Corridor()
    steps = list(experiments.ascent(world, 1.0))
    assert len(steps) == experiments.ASCENT_STEPS + 1
    assert torch.equal(steps[0], world.policy(SLIDES_POLICY))
    returns = [world.start_value(logits) for logits in steps]
    assert returns == sorted(returns)
