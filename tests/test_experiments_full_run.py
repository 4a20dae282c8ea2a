"""The full run: its search, its evaluation, and what the record promises."""

from unittest.mock import patch

import numpy as np
import pytest
import torch

from ppo_lessons import data
from ppo_lessons.envs.breakout import BALL, BRICK, COLOURS
from ppo_lessons.experiments import full_run
from ppo_lessons.ppo import Config
from ppo_lessons.trainer import networks
from ppo_lessons.trainer.networks import hidden_layers

RECORD = data.load("full_run")


def test_all_candidates_can_be_trained():
    drawn = full_run.at_random()
    assert len(drawn) == full_run.RANDOM and drawn == full_run.at_random()
    for settings in drawn:
        assert all(settings[name] in values for name, values in full_run.GRID.items() if name != "rows")
        rows = settings["num_envs"] * settings["num_steps"] // settings["minibatches"]
        assert rows in full_run.GRID["rows"]
    for settings in [*drawn, *({**full_run.BASE, **change} for change in full_run.BY_HAND), *full_run.WHOLE]:
        assert settings["network"] in full_run.NETWORKS
        Config(**{name: value for name, value in settings.items() if name != "network"}, total_steps=full_run.SHORT)


def test_search_comparison_and_runs_share_no_seed():
    seeds = [*full_run.SEARCH_SEEDS.values(), *full_run.NETWORK_SEEDS, *range(full_run.SEEDS)]
    assert len(set(seeds)) == len(seeds)


def test_the_best_at_random_go_on_and_the_best_of_the_whole_length_wins(monkeypatch):
    """Here candidate k of the random ones reaches k, and of the others the last one most."""
    numbered = [{"network": "flat", "number": number} for number in range(16)]
    monkeypatch.setattr(full_run, "at_random", lambda: numbered)

    def attempts(settings, total_steps, seed):
        rows = [{"settings": one, "total_steps": total_steps, "seed": seed} for one in settings]
        return [{**row, "return": row["settings"].get("number", place)} for place, row in enumerate(rows)]

    monkeypatch.setattr(full_run, "attempts", attempts)
    tried, chosen = full_run.search()
    seeds = full_run.SEARCH_SEEDS
    again = [row["settings"]["number"] for row in tried if row["seed"] == seeds["the best of these"]]
    assert again == [15, 14]
    assert chosen == full_run.WHOLE[-1]
    assert {row["total_steps"] for row in tried if row["seed"] == seeds["whole"]} == {full_run.LONG}


@pytest.mark.parametrize("name", full_run.NETWORKS)
def test_each_network_of_the_comparison_learns(name):
    """Two updates: it takes a gradient, and its features are as many as it says."""
    layers, features = full_run.NETWORKS[name]((10, 10, 4), 16)
    assert torch.nn.Sequential(*layers)(torch.zeros(3, 10, 10, 4, dtype=torch.uint8)).shape == (3, features)
    with patch.object(networks, "hidden_layers", full_run.NETWORKS[name]):
        config = full_run.config(seed=0, total_steps=512, num_envs=8, num_steps=32, minibatches=2, hidden=16)
        policy, curve = full_run.learn(config)
    assert len(curve) == 3
    assert all(parameter.grad is not None for parameter in policy.parameters())


def test_the_package_has_the_network_that_was_chosen():
    chosen = RECORD["chosen"]["network"]
    ours, theirs = (layers((10, 10, 4), 16)[0] for layers in (hidden_layers, full_run.NETWORKS[chosen]))
    assert [type(layer) for layer in ours] == [type(layer) for layer in theirs]
    assert [p.shape for p in torch.nn.Sequential(*ours).parameters()] == [
        p.shape for p in torch.nn.Sequential(*theirs).parameters()
    ]


def test_a_curve_is_thinned_to_means():
    curve = [(step, float(step)) for step in range(1, 9)]
    assert full_run.thinned(curve, 4) == [[2, 1.5], [4, 3.5], [6, 5.5], [8, 7.5]]
    assert full_run.thinned([(1, np.nan), (2, np.nan), (3, 5.0), (4, np.nan)], 2) == [[4, 5.0]]


def test_where_the_time_goes_adds_up():
    found = full_run.cost(8, num_steps=4)
    assert set(found) == {*full_run.PARTS, "operations"}
    assert all(number >= 0 for number in found.values())
    weights = sum(p.numel() for p in full_run.player(trained=False).parameters())
    assert found["operations"] > 2 * weights * 3 * full_run.SETTINGS["epochs"]


def test_a_short_run_is_shown_update_by_update_and_remembered(monkeypatch):
    monkeypatch.setattr(full_run, "LIVE_STEPS", 4 * 16 * full_run.SETTINGS["num_steps"])
    monkeypatch.setattr(full_run, "FINISHED", {})
    first = list(full_run.rows(16, 0.9, 0.2, 0))
    steps = [step for step, _ in first]
    assert steps == sorted(steps) and steps[-1] <= full_run.LIVE_STEPS / 1000
    monkeypatch.setattr(full_run, "train", None)  # not trained again
    assert list(full_run.rows(16, 0.9, 0.2, 0)) == first


# How episodes end


def test_shares_of_episodes_by_hand():
    ends = {"0": 1, "28": 2, "29": 4, "31": 1}
    returns, shares = full_run.reaching(ends)
    assert returns.tolist() == [0, 28, 29, 31]
    assert shares.tolist() == [8 / 8, 7 / 8, 5 / 8, 1 / 8]
    assert [full_run.share_from(ends, least) for least in (0, 1, 29, 30, 32)] == [1, 7 / 8, 5 / 8, 1 / 8, 0]
    assert full_run.share_at(ends, 28, 29, 30) == 6 / 8


def test_endings_count_the_episodes_of_the_weights_of_a_run(monkeypatch, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(full_run.player().state_dict(), path)
    monkeypatch.setattr(full_run, "EPISODES", 8)
    monkeypatch.setattr(full_run, "weights_of", lambda *run: path if run == (full_run.LONG, 7) else None)
    ends = full_run.endings(7)
    returns = full_run.judged(full_run.player())
    assert sorted(int(paid) for paid, number in ends.items() for _ in range(number)) == sorted(returns.tolist())


def test_the_moments_of_an_episode_are_what_they_say():
    """In the pictures blue is a brick, 16 x 16 points each, and the ball is yellow."""
    screens = full_run.screens()
    assert [seen for seen, *_ in screens] == list(full_run.MOMENTS)
    assert [step for _, step, _ in screens] == sorted({step for _, step, _ in screens})
    cells = [picture[8::16, 8::16] for *_, picture in screens]
    bricks = [int((picture == COLOURS[BRICK]).all(-1).sum()) for picture in cells]
    assert bricks[0] >= 29 and 0 < bricks[1] < 30 and bricks[2] == 1 and bricks[3] == 30
    assert (cells[1] == COLOURS[BALL]).all(-1)[0].any()


# The record


def test_the_settings_of_the_game_are_what_the_search_chose():
    chosen = {name: value for name, value in RECORD["chosen"].items() if name != "network"}
    config = full_run.config(seed=0, total_steps=full_run.LONG)
    assert {name: getattr(config, name) for name in chosen} == chosen
    assert full_run.SETTINGS["total_steps"] == full_run.LONG


def test_the_record_holds_every_run():
    for kind in ("runs", "short"):
        assert [run["seed"] for run in RECORD[kind]] == list(range(full_run.SEEDS))
    assert len(RECORD["tried"]) == full_run.RANDOM + 2 + len(full_run.BY_HAND) + len(full_run.WHOLE)
    assert len(RECORD["networks"]) == len(full_run.NETWORKS) * len(full_run.NETWORK_SEEDS)
    assert len(data.resource("full_run.json").read_bytes()) < 300_000


def test_the_endings_are_those_of_the_recorded_runs():
    for run, ends in zip(RECORD["runs"], RECORD["endings"], strict=True):
        assert sum(ends.values()) == full_run.EPISODES
        assert sum(int(paid) * number for paid, number in ends.items()) / full_run.EPISODES == run["mean"]
        assert max(map(int, ends)) == run["deciles"][-1]


def test_the_kept_weights_are_small_and_those_of_the_middle_run():
    assert len(data.resource(full_run.WEIGHTS).read_bytes()) < 1_000_000
    order = sorted(RECORD["runs"], key=lambda run: run["mean"])
    assert RECORD["weights_of_seed"] == order[full_run.SEEDS // 2]["seed"]


def test_the_kept_weights_play_as_the_record_says():
    run = RECORD["runs"][RECORD["weights_of_seed"]]
    returns = full_run.sampled_returns(full_run.player(), episodes=200, seed=1)
    error = 4 * run["standard_error"] * (full_run.EPISODES / 200) ** 0.5
    assert returns.mean().item() == pytest.approx(run["mean"], abs=error)
