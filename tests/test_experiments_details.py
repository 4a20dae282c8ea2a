"""Each detail switched alone: what a switch changes, and what is made of the runs."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from ppo_lessons import data, ppo
from ppo_lessons.experiments import details
from ppo_lessons.experiments.details import FAILURES, GAMES, MEASURES, REMEDIES, SWITCHES, failure
from ppo_lessons.ppo import Config, Record
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game

SHORT = {"total_steps": 3 * Config().batch_size}


@pytest.fixture
def short(monkeypatch):
    """Three updates of CartPole, none of them known yet."""
    monkeypatch.setitem(GAMES, "CartPole", SHORT)
    monkeypatch.setattr(details, "FINISHED", {})


def networks(game, switch=None):
    """The actor and the critic that a game begins with."""
    config = details.default(game, 0)
    games = Game(config.env_id, 1, device=torch.device("cpu"), seed=0)
    spaces = games.observation_space, games.action_space
    games.close()
    build = SWITCHES[switch](config)[1]["actor_and_critic"] if switch else actor_and_critic
    return build(*spaces, config.hidden, generator=torch.Generator().manual_seed(0))


# What a switch changes


@pytest.mark.parametrize("game", GAMES)
def test_each_switch_changes_one_thing(game):
    config = details.default(game, 3)
    for name in details.switches_of(game):
        changed, functions = SWITCHES[name](config)
        fields = [f.name for f in dataclasses.fields(Config) if getattr(changed, f.name) != getattr(config, f.name)]
        assert len(fields) + len(functions) == 1, name
        assert all(hasattr(ppo, function) for function in functions)


def test_what_is_so_already_and_what_a_game_does_not_have_is_left_out():
    assert details.default("Pendulum", 0).entropy_weight == 0
    assert "entropy weight 0" not in details.switches_of("Pendulum")
    assert "rewards normalised" in details.switches_of("Pendulum")
    assert "rewards normalised" not in details.switches_of("Acrobot")
    assert set(details.YARDSTICKS) < set(SWITCHES)


def test_a_number_is_multiplied_and_keeps_its_type():
    config = Config(epochs=4, learning_rate=3e-3)
    assert SWITCHES["epochs × 3"](config) == (dataclasses.replace(config, epochs=12), {})
    assert SWITCHES["learning rate ÷ 3"](config)[0].learning_rate == pytest.approx(1e-3)


def test_adam_gets_another_epsilon_and_the_same_learning_rate():
    weight = torch.zeros(1, requires_grad=True)
    (adam,) = SWITCHES["Adam's ε 1e-8"](Config())[1].values()
    optimizer = adam([weight], lr=0.25, eps=1e-5)
    assert (optimizer.eps, optimizer.param_groups[0]["lr"]) == (1e-8, 0.25)


def test_usual_weights_are_those_of_pytorch_in_size():
    before, after = networks("CartPole"), networks("CartPole", "usual initial weights")
    assert torch.equal(before[0].layers[4].weight, after[0].layers[4].weight)
    for layer in (after[0].layers[0], after[0].layers[2], *after[1].layers[::2]):
        bound = 1 / math.sqrt(layer.in_features)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert 0 < layer.bias.abs().max() <= bound


def test_the_large_last_layer_has_the_gain_of_the_critics():
    actor, critic = networks("CartPole", "large last layer")
    assert [torch.linalg.matrix_norm(n.layers[-1].weight, 2).item() for n in (actor, critic)] == pytest.approx([1, 1])


@pytest.mark.parametrize("game", ["CartPole", "Pendulum"])
def test_relu_takes_the_place_of_tanh_and_of_nothing_else(game):
    for plain, relu in zip(networks(game), networks(game, "ReLU"), strict=True):
        x = torch.randn(5, plain.layers[0].in_features)
        first, second, third = plain.layers[::2]
        expected = third(second(first(x).clamp(min=0)).clamp(min=0))
        outputs = relu(x)
        assert torch.allclose(outputs[:, : expected.shape[1]], expected, atol=1e-6)
        assert outputs.shape == plain(x).shape
        assert len(list(relu.parameters())) == len(list(plain.parameters()))


def test_every_detail_shows_within_three_updates_but_the_time_limit(short):
    """No episode reaches a time limit so early. An update that stops early needs a KL above its target."""
    runs = {
        name: [
            dataclasses.replace(r, seconds=0.0, policy=None, checkpoint=None)
            for r in details.training("CartPole", name, 0)
        ]
        for name in (None, *details.switches_of("CartPole"))
    }
    same = {name for name, run in runs.items() if str(run) == str(runs[None])} - {None}
    assert "time limit is an end" in same
    assert same <= {"time limit is an end", "stop at KL 0.015"}


# What is made of the runs


def test_the_learning_curve_keeps_the_last_return_that_is_known():
    """Nothing is known of two updates; then 10, 10 again, 40: a mean of 20."""
    returns = [math.nan, math.nan, 10.0, math.nan, 40.0]
    assert details.over_training([Record(u, u, 0.0, mean_return=r) for u, r in enumerate(returns)]) == 20


def test_a_difference_is_one_of_means():
    switched, plain = ({name: numbers for name in MEASURES} for numbers in ([4.0, 4.0], [1.0, 3.0]))
    assert details.compared(switched, plain)["effect"] == {name: [2.0, 1.0, 3.0] for name in MEASURES}


@pytest.mark.parametrize(("ends", "verdict"), [((1, 3), "better"), ((-3, -1), "worse"), ((-1, 3), "undecided")])
def test_the_interval_decides(ends, verdict):
    assert details.Effect("a detail", sum(ends) / 2, *ends).verdict == verdict


def test_measuring_runs_each_detail_with_each_seed(short, monkeypatch):
    monkeypatch.setattr(details, "perform", lambda name, function, jobs: [function(**job) for job in jobs])
    monkeypatch.setattr(details, "EPISODES", 2)
    monkeypatch.setattr(details, "switches_of", lambda game: ["1 epoch", "λ 1"])
    record = details.measure(games=["CartPole"], seeds=1, default_seeds=2)
    game = record["games"]["CartPole"]
    assert list(game["switches"]) == ["1 epoch", "λ 1"] and record["default_seeds"] == 2
    assert all(len(game["default"][name]) == 2 for name in MEASURES)
    for row in game["switches"].values():
        for name in MEASURES:
            assert len(row[name]) == 1
            assert row["effect"][name][0] == pytest.approx(row[name][0] - np.mean(game["default"][name]), abs=0.01)
    found = details.effects("CartPole", "after training", record)
    assert [e.difference for e in found] == sorted((e.difference for e in found), reverse=True)


def test_the_record_is_one_of_these_details():
    record = data.load("details")
    assert len(data.resource("details.json").read_bytes()) < 300_000
    assert {"versions", "machine"} <= set(record)
    for name, game in record["games"].items():
        assert list(game["switches"]) == details.switches_of(name)
        assert all(len(game["default"][kind]) == record["default_seeds"] for kind in MEASURES)
        for row in game["switches"].values():
            assert all(len(row[kind]) == record["seeds"] for kind in MEASURES)
            assert details.compared({kind: row[kind] for kind in MEASURES}, game["default"]) == row


def test_the_table_marks_what_is_decided():
    lines = list(details.table("CartPole"))
    decided = [e.verdict != "undecided" for e in details.effects("CartPole", "over the training")]
    assert [line.startswith("*") for line in lines] == decided


def test_a_live_run_is_the_recorded_one_and_is_kept(short):
    run = list(details.rows("1 epoch", 0))
    records = list(details.training("CartPole", "1 epoch", 0))
    assert str(run) == str([(r.env_steps / 1000, r.mean_return, r.kl) for r in records])
    assert list(details.rows("1 epoch", 0)) == run
    assert list(details.FINISHED) == [("1 epoch", 0)]


# Failure modes


def last(case, **control):
    """What each of the ten runs earns in its last ten updates."""
    return failure(case, **control)[1][-10:].mean(0)


def test_rewards_of_the_failure_modes():
    assert details.plateau(torch.tensor([1.0, 0.25, 2.5, -0.5, 9.0])).tolist() == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert details.two_hills(torch.tensor([0.5, 4.0])).tolist() == pytest.approx([0.4, 1.0], abs=1e-4)
    paid = details.one_in_many(torch.arange(16))
    assert paid.tolist() == pytest.approx([0.4, *[0] * 7, 0.4, *[0] * 6, 1.0])
    assert {case for case, _ in REMEDIES.values()} == set(FAILURES)


def test_too_large_a_step_ends_where_no_reward_tells_the_way_back():
    assert last("flat reward", step_size=0.05).min() > 0.9
    lost, history = failure("flat reward", step_size=0.5)
    assert (history[-10:].mean(0) < 0.7).sum() >= 3
    stuck = (history[-20:] == 0).all(0)
    assert stuck.any()
    width = lost[stuck, 1].exp()
    assert bool(((lost[stuck, 0] - 1).abs() > 1.5 + width).all())


def test_a_narrow_first_policy_finds_the_near_hill_only():
    assert last("near hill", spread=0.5).max() < 0.45
    assert last("near hill", spread=3.0).min() > 0.7


def test_the_more_actions_the_more_runs_settle_for_less():
    settled = [(last("many actions", actions=n) < 0.7).sum().item() for n in (8, 64, 512)]
    assert settled[0] == 0 < settled[2] and settled[1] <= settled[2]


@pytest.mark.parametrize(("fails", "helps"), list(zip(list(REMEDIES)[::2], list(REMEDIES)[1::2], strict=True)))
def test_the_remedy_helps(fails, helps):
    (one, worse), (other, better) = REMEDIES[fails], REMEDIES[helps]
    assert one == other
    assert details.found_the_best(failure(one, **worse)[1]) < details.found_the_best(failure(other, **better)[1]) == 10


def test_another_seed_is_another_ten_runs():
    first, other = (failure("near hill", spread=2.0, seed=seed)[1] for seed in (0, 1))
    assert not torch.equal(first, other)
    assert torch.equal(first, failure("near hill", spread=2.0, seed=0)[1])
