"""Atari: the emulator's own game, what a learner is told of it, judging, filming, and a few updates."""

import dataclasses
import importlib.util
import itertools

import ale_py
import numpy as np
import pytest
import torch

from ppo_lessons import cli, ppo
from ppo_lessons.envs.atari import LearnersAtari, make_atari
from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer import evaluation
from ppo_lessons.trainer.config import GAMES, settings_for
from ppo_lessons.trainer.rollout import Game, collect

PONG, BREAKOUT, PACMAN = "ALE/Pong-v5", "ALE/Breakout-v5", "ALE/MsPacman-v5"
FIRE = 1  # of Breakout's four actions: none, fire, right, left
TINY = Config(
    **settings_for(PONG)
    | {"env_id": PONG, "device": "cpu", "total_steps": 96, "num_envs": 2, "num_steps": 16, "minibatches": 2}
)


def actions_of(steps, games, *, actions=4, seed=0):
    return np.random.default_rng(seed).integers(0, actions, (steps, games))


def always(action):
    """A policy of Breakout that prefers one action."""
    return lambda observations: torch.eye(4)[action].expand(len(observations), 4)


def breakout(games, **how):
    return LearnersAtari(make_atari(BREAKOUT, games, **how))


# Settings


def test_the_settings_are_those_of_the_37_details():
    """Huang et al. (2022); they are those of Schulman et al. (2017), table 5, but for 3 epochs and a falling clip."""
    config = Config(**settings_for(PONG), env_id=PONG)
    expected = {
        "num_envs": 8, "num_steps": 128, "learning_rate": 2.5e-4, "anneal": True, "epochs": 4, "minibatches": 4,
        "gamma": 0.99, "lam": 0.95, "epsilon": 0.1, "entropy_weight": 0.01, "max_grad_norm": 0.5,
        "normalize": "minibatch", "total_steps": 10_000_000,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in expected} == expected
    assert config.value_weight == 0.5 / 2  # of the squared error, which their code halves
    assert {PONG, BREAKOUT} < GAMES.keys()
    assert settings_for(PONG) == settings_for(BREAKOUT) == settings_for(PACMAN)


@pytest.mark.parametrize("name", ["normalize_observations", "normalize_rewards"])
def test_atari_is_not_normalised(name):
    with pytest.raises(ValueError, match="are not for Atari"):
        Config(**settings_for(PONG), env_id=PONG, **{name: True})


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--env", PONG, "--device", "cpu"])
    assert stopped.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert PONG in line
    assert 'pip install -e ".[atari]"' in line


# The game


class Emulator:
    """Breakout in ale-py's emulator, frame by frame; begins as a game that has taken so many frames to begin."""

    def __init__(self, frames):
        self.ale = ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", 0.0)
        self.ale.loadROM(ale_py.roms.get_rom_path("breakout"))
        self.ale.reset_game()
        self.ale.act(ale_py.Action.FIRE)
        for _ in range(frames - 1):
            self.ale.act(ale_py.Action.NOOP)

    def step(self, action):
        """Four frames: what they pay, and the maximum of the last two."""
        paid, screens = 0, []
        for _ in range(4):
            paid += self.ale.act(self.ale.getMinimalActionSet()[action])
            screens.append(self.ale.getScreenRGB())
        return paid, np.maximum(*screens[-2:])


def test_it_is_the_emulators_game():
    """Rewards, lives, end and picture of a whole random game; only the shot after a lost life is not as chosen."""
    envs = breakout(1, grayscale=False, img_height=210, img_width=160, stack_num=1)
    _, info = envs.reset(seed=3)
    emulator, lost, seen_lives = Emulator(info["episode_frame_number"][0]), False, {5}
    for action in actions_of(1000, 1)[:, 0]:
        picture, reward, terminated, truncated, info = envs.step(np.array([action]))
        paid, screen = emulator.step(FIRE if lost else action)
        assert reward[0] == np.sign(paid)
        assert not truncated[0]
        assert info["_episode"][0] == emulator.ale.game_over()
        if info["_episode"][0]:
            break
        assert np.array_equal(picture[0, 0], screen)
        lives = emulator.ale.lives()
        assert info["lives"][0] == lives
        lost = lives < min(seen_lives)
        assert terminated[0] == lost
        seen_lives.add(lives)
    assert terminated[0]
    assert seen_lives == {1, 2, 3, 4, 5}
    envs.close()


def test_a_learner_is_paid_the_sign_and_a_record_told_the_points():
    """Ms. Pacman pays tens; no action of hers is to fire, and none is changed."""
    plain, learner = make_atari(PACMAN, 2), LearnersAtari(make_atari(PACMAN, 2))
    assert learner.fire is None
    points, told = np.zeros(2), []
    for envs in (plain, learner):
        envs.reset(seed=1)
    for actions in actions_of(700, 2, actions=9):
        _, paid, over, _, _ = plain.step(actions)
        _, reward, terminated, _, info = learner.step(actions)
        assert np.array_equal(reward, np.sign(paid))
        assert (terminated >= over).all()
        points += paid
        assert np.array_equal(info["episode"]["r"], points)
        told += points[over].tolist()
        points[over] = 0
    assert len(told) >= 2
    assert min(told) >= 60
    assert all(total % 10 == 0 for total in told)


def test_a_transition_keeps_bytes_and_knows_the_true_successor():
    """The older three pictures of what came next are the newer three of what was seen, also where the game is over."""
    game = Game(BREAKOUT, 3, device=torch.device("cpu"), seed=0)
    assert game.observations.dtype == torch.uint8
    rollout = collect(game, lambda o: torch.zeros(len(o), 4), 300, generator=torch.Generator().manual_seed(0))
    game.close()
    assert rollout.observations.dtype == rollout.next_observations.dtype == torch.uint8
    assert rollout.observations.shape == (300, 3, 4, 84, 84)
    assert torch.equal(rollout.next_observations[:, :, :3], rollout.observations[:, :, 1:])
    over = ~rollout.episode_returns.isnan()
    assert (over <= rollout.terminated).all()
    assert over.sum() >= 3
    lost = rollout.terminated & ~over
    assert 4 * over.sum() <= lost.sum() <= 4 * (over.sum() + 3)
    on = ~over[:-1]
    assert torch.equal(rollout.next_observations[:-1][on], rollout.observations[1:][on])
    assert not rollout.observations[1:][over[:-1]][:, :3].any()  # a new game begins in the dark


def test_the_limit_cuts_a_game_and_is_no_end():
    envs = LearnersAtari(make_atari(PONG, 2, max_num_frames_per_episode=40))
    envs.reset(seed=0)
    flags = [envs.step(np.zeros(2, dtype=int))[2:4] for _ in range(20)]
    envs.close()
    terminated, truncated = (np.stack(flag) for flag in zip(*flags, strict=True))
    assert not terminated.any()
    assert np.flatnonzero(truncated[:, 0]).tolist() == np.flatnonzero(truncated[:, 1]).tolist() == [9, 19]


def test_a_seed_gives_the_same_games():
    def play(seed):
        game = Game(BREAKOUT, 2, device=torch.device("cpu"), seed=seed)
        steps = [game.step(torch.from_numpy(actions).expand(2)).observations for actions in actions_of(40, 1)]
        game.close()
        return torch.stack(steps)

    one = play(5)
    assert torch.equal(one, play(5))
    assert not torch.equal(one, play(50))
    assert torch.equal(one[:, 1], play(6)[:, 0])  # game i is seeded with seed + i


# Judging and watching


def test_evaluate_plays_whole_games_for_their_points():
    """Always to the left, until all five lives are lost; the ball comes by itself."""
    emulated = []
    for seed in (7, 8):
        envs = make_atari(BREAKOUT, 1)
        emulator = Emulator(envs.reset(seed=seed)[1]["episode_frame_number"][0])
        envs.close()
        total, lives = 0, 5
        while not emulator.ale.game_over():
            lost, lives = emulator.ale.lives() < lives, emulator.ale.lives()
            total += emulator.step(FIRE if lost else 3)[0]
        emulated.append(total)
    assert evaluate(always(3), BREAKOUT, episodes=2, seed=7).tolist() == emulated


def test_a_film_shows_a_whole_game_in_colour(monkeypatch):
    frames = ppo.play(always(3), BREAKOUT, seed=7)
    emulator = Emulator(make_atari(BREAKOUT, 1).reset(seed=7)[1]["episode_frame_number"][0])
    assert np.array_equal(frames[0], emulator.ale.getScreenRGB())
    assert np.array_equal(frames[5], [emulator.step(3)[1] for _ in range(5)][-1])
    assert all(frame.dtype == np.uint8 and frame.shape == (210, 160, 3) for frame in frames)
    assert 60 < len(frames) < 400
    monkeypatch.setattr(evaluation, "PICTURES", 20)
    assert np.array_equal(ppo.play(always(3), BREAKOUT, seed=7), frames[:20])


# Training


@pytest.mark.slow
@pytest.mark.parametrize("env_id", [PONG, BREAKOUT])
def test_a_few_updates_from_the_command_line(env_id, capsys):
    tiny = ["--total-steps", "96", "--num-envs", "2", "--num-steps", "16", "--minibatches", "2", "--device", "cpu"]
    cli.main(["--env", env_id, *tiny])
    assert f"10 greedy episodes of {env_id}: mean return" in capsys.readouterr().out


@pytest.mark.slow
def test_training_repeats_itself_and_resumes_with_fresh_games(tmp_path):
    def numbers(records):
        return [repr(dataclasses.replace(record, seconds=0.0)) for record in records]

    records = list(train(TINY))
    assert [record.env_steps for record in records] == [0, 32, 64, 96]
    assert all(record.kl > 0 and np.isfinite(record.value_loss) for record in records[1:])
    assert numbers(train(TINY)) == numbers(records)
    records[1].save(tmp_path / "run.pt")
    with pytest.warns(UserWarning, match="cannot be saved in mid-game: fresh episodes begin"):
        resumed = list(train(TINY, resume=tmp_path / "run.pt"))
    assert [record.update for record in resumed] == [2, 3]
    assert resumed[-1].policy.layers[0].layers[1].weight.isfinite().all()


@pytest.mark.slow
def test_an_update_moves_every_weight_of_a_trunk_and_two_last_layers():
    first, last = itertools.islice(train(dataclasses.replace(TINY, env_id=BREAKOUT)), 2)
    for network in ("actor", "critic"):
        before, after = first.checkpoint[network], last.checkpoint[network]
        assert not any(torch.equal(before[name], after[name]) for name in before)
    shared = [name for name in last.checkpoint["actor"] if name.startswith("layers.0.")]
    assert len(shared) == 8
    assert all(torch.equal(last.checkpoint["actor"][name], last.checkpoint["critic"][name]) for name in shared)
