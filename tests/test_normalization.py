"""Normalised observations and rewards: Gymnasium's numbers in training, the same statistics frozen in evaluation."""

import gymnasium
import numpy as np
import pytest
import torch

from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer.normalization import Normalization
from ppo_lessons.trainer.rollout import Game, collect


class Ramp(gymnasium.Env):
    """Shows 100 + the step number times (1, 10), pays 50 a step, ends after `length` steps."""

    observation_space = gymnasium.spaces.Box(0, 1000, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length=5):
        self.length = length

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now = 0
        return self._observation(), {}

    def step(self, action):
        self.now += 1
        return self._observation(), 50.0, self.now == self.length, False, {}

    def _observation(self):
        return np.array([100 + self.now, 10 * self.now], dtype=np.float32)


gymnasium.register("normalization_tests/Ramp-v0", Ramp)
RAMP = "normalization_tests/Ramp-v0"


def rollout(**which):
    normalization = Normalization(**which)
    game = Game(RAMP, 3, device=torch.device("cpu"), seed=0, normalization=normalization)
    played = collect(game, lambda o: torch.zeros(len(o), 2), 200, generator=torch.Generator().manual_seed(0))
    return played, normalization


def config(**changes):
    settings = {"total_steps": 960, "num_envs": 4, "num_steps": 80, "device": "cpu", "normalize_rewards": True}
    return Config(**{"env_id": RAMP, "normalize_observations": True, **settings, **changes})


def test_all_games_share_statistics_that_describe_what_was_seen():
    played, normalization = rollout(observations=True)
    statistics = normalization.statistics["observations"]
    # every episode shows the steps 0 to 5, once each: mean 2.5, variance 35/12
    assert statistics.mean == pytest.approx([102.5, 25], rel=0.01)
    assert statistics.var == pytest.approx([35 / 12, 3500 / 12], rel=0.05)
    assert statistics.count == pytest.approx(3 * (200 + 40 + 1), abs=1e-3)  # each step, each new episode
    late = played.observations[100:].flatten(0, 1)
    assert late.mean(0).abs().max() < 0.5
    assert (late.std(0) - 1).abs().max() < 0.25


def test_the_last_observation_of_an_episode_is_normalised_too():
    played, normalization = rollout(observations=True)
    end = played.next_observations[played.terminated][-1]
    statistics = normalization.statistics["observations"]
    expected = (np.array([105.0, 50.0]) - statistics.mean) / np.sqrt(statistics.var)
    assert end.tolist() == pytest.approx(expected.tolist(), rel=0.02)


def test_rewards_are_scaled_and_records_tell_what_was_paid():
    played, normalization = rollout(rewards=True)
    deviation = normalization.statistics["rewards"].var ** 0.5
    assert played.rewards[-1].tolist() == pytest.approx([50 / deviation] * 3)
    ended = played.terminated | played.truncated
    assert (played.episode_returns[ended] == 250).all()
    assert played.episode_returns[~ended].isnan().all()
    assert {record.mean_return for record in list(train(config()))[1:]} == {250}


def test_the_policy_of_a_record_plays_the_bare_game_through_frozen_statistics():
    *_, last = train(config())
    seen = []
    last.policy.actor.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    before = last.policy.statistics.count
    assert evaluate(last.policy, RAMP, episodes=2, seed=0).tolist() == [250, 250]
    assert last.policy.statistics.count == before
    statistics = last.policy.statistics
    expected = [(np.array([100 + t, 10 * t]) - statistics.mean) / np.sqrt(statistics.var) for t in range(5)]
    assert torch.stack([step[0] for step in seen]).numpy() == pytest.approx(np.array(expected), rel=1e-4, abs=1e-5)


def test_a_checkpoint_holds_the_statistics_and_training_goes_on_with_them(tmp_path):
    *_, last = train(config())
    last.save(tmp_path / "run.pt")
    saved = torch.load(tmp_path / "run.pt", weights_only=True)["normalization"]
    running = last.policy.statistics
    assert saved["observations"]["mean"].tolist() == running.mean.tolist()
    assert saved["observations"]["count"].item() == pytest.approx(running.count)
    assert saved["rewards"]["var"] > 100
    with pytest.warns(UserWarning, match="fresh episodes begin"):
        (more,) = train(config(total_steps=1280), resume=tmp_path / "run.pt")
    # 4 games: 80 steps and 16 new episodes each, and the four that begin
    assert more.policy.statistics.count == pytest.approx(running.count + 4 * (80 + 16) + 4, abs=8)
    assert more.policy.statistics.mean == pytest.approx(running.mean, rel=0.02)


def test_without_it_nothing_is_wrapped():
    *_, last = train(config(normalize_observations=False, normalize_rewards=False))
    assert last.checkpoint["normalization"] == {}
    assert type(last.policy).__name__ == "Network"


@pytest.mark.parametrize("name", ["normalize_observations", "normalize_rewards"])
def test_torch_games_refuse(name):
    with pytest.raises(ValueError, match="are for NumPy games such as Pendulum-v1"):
        next(train(Config(env_id="ppo_lessons/Pendulum-v1", device="cpu", **{name: True})))


def test_continuous_control_with_both_runs_through_the_command_line(capsys):
    from ppo_lessons import cli

    small = ["--total-steps", "512", "--num-envs", "4", "--num-steps", "64", "--minibatches", "4", "--device", "cpu"]
    cli.main(["--env", "Pendulum-v1", "--normalize-observations", "--normalize-rewards", *small])
    assert "100 greedy episodes of Pendulum-v1: mean return -" in capsys.readouterr().out
