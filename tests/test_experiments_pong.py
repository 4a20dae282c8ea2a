"""The long run of Pong: it goes on where it was stopped, and its curve is what its rows say."""

import itertools
import json

import pytest
import torch
from pictures import misplaced
from test_accessible import problems

from ppo_lessons.experiments import pong
from ppo_lessons.figures import full_run
from ppo_lessons.figures.style import Canvas
from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer.config import settings_for

SHORT = Config(total_steps=12 * 256, num_envs=4, num_steps=64, device="cpu")


@pytest.fixture(autouse=True)
def a_checkpoint_after_every_third_update(monkeypatch):
    monkeypatch.setattr(pong, "EVERY", 3)


@pytest.mark.parametrize("stopped", [1, 3, 7, 12])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(stopped, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    rows = [json.loads(json.dumps(row)) for row in pong.go_on(SHORT, whole)]
    assert [row[0] for row in rows] == list(range(256, SHORT.total_steps + 1, 256))
    begun = pong.go_on(SHORT, parts)
    assert list(itertools.islice(begun, stopped)) == rows[:stopped]
    begun.close()
    assert [list(row) for row in pong.go_on(SHORT, parts)] == rows
    assert torch.load(parts / "pong.pt", weights_only=True)["update"] == 12


def test_the_curve_is_the_mean_of_the_last_games():
    rows = [[10, None, 0, 1.0], [20, -21.0, 1, 1.0], [30, -19.0, 2, 1.0], [40, None, 0, 1.0], [50, 3.0, 1, 1.0]]
    steps, points = pong.smoothed(rows, games=2)
    assert steps == [30, 40, 50]
    assert points == [-19.0, -19.0, -8.0]


def test_the_emulator_alone_is_faster_than_learning():
    pytest.importorskip("ale_py")
    config = Config(**{**settings_for(pong.ENV), "env_id": pong.ENV, "device": "cpu", "total_steps": 1024, "epochs": 1})
    alone = pong.emulator_speed(config, steps=50)
    *_, last = train(config)
    assert alone > last.env_steps / last.seconds > 0


def test_the_picture_tells_how_far_it_came():
    rows = [[1024 * n, None if n % 2 else n / 10 - 21, 1 - n % 2, 1.7] for n in range(1, 201)]
    record = pong.record_of(Config(env_id="ALE/Pong-v5", total_steps=2_000_000, device="cpu"), rows)
    canvas = Canvas(full_run.pong(record))
    assert "204,800 of 2,000,000 steps, 100 games" in canvas.text
    assert "from -18.9 to -2.9 points" in canvas.text
    assert misplaced(canvas.figure) == [] and problems(canvas) == set()
