"""The numbers of lesson 07: the weights of the mixture, the errors of every lambda, the mistakes at an end."""

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, STATES, Corridor
from ppo_lessons.experiments import gae as experiments
from ppo_lessons.experiments.advantage import critic_noise
from ppo_lessons.experiments.variance_ladder import variances
from ppo_lessons.gae import gae


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("critic_error", [0.0, 2.0])
def test_errors_of_lambda_equal_those_of_gae_itself(gamma, critic_error):
    world = Corridor()
    plays, policy = world.trajectories(), world.policy(SLIDES_POLICY)
    table = world.tables(policy, gamma=gamma).values.clone()
    table[:-1, :STATES] += critic_error * critic_noise()
    values, next_values = world.step_values(table)
    flags = plays.terminated, torch.zeros_like(plays.terminated)
    bias, variance = experiments.errors(gamma, critic_error)
    for place in (0, 37, 100):
        lam = experiments.LAMBDAS[place].item()
        weights = gae(plays.rewards, values, next_values, *flags, gamma=gamma, lam=lam)
        moments = world.gradient_moments(policy, weights)
        assert bias[place].item() == pytest.approx(moments.bias.square().sum().item(), abs=1e-12)
        assert variance[place].item() == pytest.approx(moments.variance.item() / experiments.PLAYS, abs=1e-12)


def test_at_one_play_the_best_lambda_is_near_zero():
    bias, variance = experiments.errors(1.0, 2.0)
    assert experiments.LAMBDAS[(bias + variance * experiments.PLAYS).argmin()] <= 0.05
    assert 0 < (bias + variance).argmin() < 100


def test_gae_is_noisier_than_the_td_error_and_yet_better_with_a_wrong_critic():
    """Why the last rung of the ladder is climbed although it goes up: more plays cure variance, and no bias."""
    rungs = variances("gae")
    assert rungs["gae"] > 2 * rungs["advantage"]
    assert rungs["gae"] == pytest.approx(experiments.PLAYS * experiments.errors(1.0, 0.0)[1][95].item(), abs=1e-9)
    bias, variance = experiments.errors(1.0, 2.0)
    for plays, times in ((64, 1), (1024, 8)):
        error = bias + variance * experiments.PLAYS / plays
        assert error[0] > times * error[95]


def test_mixture_is_an_average():
    for lam in (0.0, 0.3, 1.0):
        assert experiments.mixture(lam, 6).sum().item() == pytest.approx(1)
    assert experiments.mixture(1.0, 6)[-1] == 1
    assert experiments.mixture(0.0, 6)[0] == 1


def test_mixtures_of_many_lambdas_are_those_of_each():
    lambdas = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    each = torch.stack([experiments.mixture(lam, 4) for lam in lambdas])
    assert torch.equal(experiments.mixture(lambdas, 4), each)


def test_each_mistake_spoils_the_scene_it_belongs_to():
    def spoilt(scene, mistake):
        right, wrong = experiments.right_and_wrong(scene, mistake, gamma=0.9, lam=0.95)
        return int(((right - wrong).abs() > 1e-6).sum())

    wrong = {mistake: [spoilt(scene, mistake) for scene in experiments.SCENES] for mistake in experiments.MISTAKES}
    assert wrong == {
        "none": [0, 0, 0],
        "truncation treated as termination": [0, 3, 0],
        "sum runs across the reset": [3, 3, 0],
        "bootstraps through a terminal state": [3, 0, 0],
        "rollout's end treated as an end": [3, 3, 6],
    }
