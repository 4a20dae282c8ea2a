"""Judging and watching games that exist in torch alone; tests/test_ppo.py and tests/test_atari.py have the others."""

import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch

from ppo_lessons import ppo
from ppo_lessons.ppo import evaluate
from ppo_lessons.trainer import evaluation
from ppo_lessons.trainer.evaluation import first_returns, judge_of
from ppo_lessons.trainer.rollout import Game

BREAKOUT = "ppo_lessons/Breakout-v0"
TWINS = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1"]
PROBES = ["Constant", "Observation", "Delay", "Action", "Match"]


def follow(observations):
    """A player of Breakout: the paddle goes where the ball is."""
    board = observations.float()
    columns = torch.arange(10.0)
    paddle, ball = ((board[..., channel].sum(1) @ columns) for channel in (0, 1))
    return torch.stack([(ball == paddle).float(), (ball < paddle).float(), (ball > paddle).float()], 1)


def test_of_each_game_the_first_episode_counts():
    """Three games: episodes end at times that differ, and later ones do not count."""
    steps = torch.full((6, 3), torch.nan)
    steps[2, 0], steps[5, 0], steps[4, 1], steps[5, 1], steps[5, 2] = 1.0, 9.0, 2.0, 9.0, 3.0
    told = iter(steps)

    class ThreeGames:
        observations, returns, closed = None, torch.zeros(3), False

        def step(self, actions):
            return SimpleNamespace(episode_returns=next(told))

        def close(self):
            self.closed = True

    game = ThreeGames()
    assert first_returns(game, lambda observations: None).tolist() == [1, 2, 3]
    assert game.closed


def test_a_game_with_a_twin_is_judged_by_gymnasium_and_any_other_as_it_is():
    assert [judge_of(f"ppo_lessons/{name}") for name in TWINS] == TWINS
    others = [BREAKOUT, "ppo_lessons/Corridor-v0", "CartPole-v1", "ALE/Pong-v5"]
    others += [f"ppo_lessons/Probe{name}-v0" for name in PROBES]
    assert [judge_of(env_id) for env_id in others] == others


def test_breakout_is_judged_in_torch_each_copy_until_its_first_end():
    """Against the same copies, stepped here; a hundred of them side by side."""
    game = Game(BREAKOUT, 100, device=torch.device("cpu"), seed=3)
    totals, playing = torch.zeros(100), torch.ones(100, dtype=torch.bool)
    while playing.any():
        step = game.step(follow(game.observations).argmax(1))
        totals += step.rewards * playing
        playing &= ~(step.terminated | step.truncated)
    began = time.process_time()
    returns = evaluate(follow, BREAKOUT, episodes=100, seed=3)
    assert time.process_time() - began < 5
    assert returns.tolist() == totals.tolist()
    assert returns.mean() > 3  # a blind player gets 0 to 2


@pytest.mark.parametrize(("probe", "best"), [("Constant", 1), ("Delay", 1), ("Action", 0.01), ("Match", 1)])
def test_the_probes_are_judged(probe, best):
    def policy(observations):
        right = observations[:, :1].clamp(0, 1) if probe == "Match" else torch.ones(len(observations), 1)
        return torch.cat([0.5 - right, right - 0.5], 1)[:, -1 if probe == "Delay" else 0 :]

    returns = evaluate(policy, f"ppo_lessons/Probe{probe}-v0", episodes=8, seed=0)
    torch.testing.assert_close(returns, torch.full((8,), best).double())


def test_a_film_of_breakout_has_one_picture_a_step_and_a_longest_length(monkeypatch):
    frames = ppo.play(follow, BREAKOUT, seed=0)
    assert 10 < len(frames) <= 2_000
    assert {frame.shape for frame in frames} == {(160, 160, 3)}
    assert all((a != b).any() for a, b in pairwise(frames))
    monkeypatch.setattr(evaluation, "PICTURES", 7)
    short = ppo.play(follow, BREAKOUT, seed=0)
    assert len(short) == 7
    assert all((a == b).all() for a, b in zip(short, frames, strict=False))
