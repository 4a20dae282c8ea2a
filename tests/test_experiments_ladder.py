"""The ladder: one change a rung, everything else in common, and a record that fits."""

import dataclasses
import itertools
import json
import math
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
import torch

from ppo_lessons import data
from ppo_lessons.experiments import ladder
from ppo_lessons.experiments.intervals import bootstrap_interval, difference_interval, interquartile_mean
from ppo_lessons.experiments.ladder import CHANGES, RUNGS
from ppo_lessons.log_trick import score_objective
from ppo_lessons.ppo import Config
from ppo_lessons.trainer.distributions import Softmax
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game, Transition
from ppo_lessons.validation import NonFiniteError

each_rung = pytest.mark.parametrize("name", RUNGS)
RATE = 1e-2  # a learning rate, and a limit of the KL, that every rung can take
GAMMA = Config.gamma


def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def game():
    game = Game(Config.env_id, ladder.GAMES, device="cpu", seed=0)
    yield game
    game.close()


def networks(game):
    return actor_and_critic(game.observation_space, game.action_space, 8, generator=generator())


# The rungs


def test_one_change_a_rung():
    assert list(CHANGES) == list(RUNGS)[1:]
    for name, (before, _) in CHANGES.items():
        assert list(RUNGS).index(before) < list(RUNGS).index(name)
        one, other = (dataclasses.asdict(RUNGS[key]) for key in (name, before))
        assert len([field for field in one if one[field] != other[field]]) == 1, name
    assert len(set(RUNGS.values())) == len(RUNGS) == 13


def test_every_field_is_changed_on_some_rung():
    changed = {field for _, change in CHANGES.values() for field in change}
    assert changed == {field.name for field in dataclasses.fields(ladder.Rung)}


def test_the_last_rung_is_the_defaults():
    assert (Config.advantage_estimator, Config.objective, Config.normalize) == ("gae", "clip", "rollout")
    assert list(RUNGS.values())[-1] == ladder.Rung(
        past=False,
        critic=True,
        lam=Config.lam,
        epochs=Config.epochs,
        minibatches=Config.minibatches,
        objective="clip",
        whole_episodes=False,
        normalize=True,
    )


# What is played


def test_each_game_plays_exactly_one_episode(game):
    actor, _ = networks(game)
    rollout = ladder.play_once(game, actor, generator=generator())
    ended = rollout.terminated | rollout.truncated
    for column in range(ladder.GAMES):
        length = int(ended[:, column].nonzero()[0]) + 1
        assert rollout.mask[:, column].tolist() == [True] * length + [False] * (len(ended) - length)
        assert rollout.rewards[:, column].sum() == length  # CartPole pays 1 a step
    assert rollout.mask.sum(0).max() > ladder.PIECE  # it went on after the first look
    again = ladder.play_once(game, actor, generator=generator())
    assert not torch.equal(again.observations[0], rollout.observations[0])  # fresh episodes


class Scripted:
    """Two games that pay and end as told; after an end they pay 1000 a step, which must not be seen."""

    action_space = gymnasium.spaces.Discrete(2)
    rewards = ((1.0, 2.0), (3.0, 4.0), (1000.0, 8.0))
    ends = ((False, False), (True, False), (False, True))

    def __init__(self, *, cut=False):
        self.cut, self.returns = cut, torch.zeros(2)

    def reset(self):
        self.played, self.observations = 0, torch.zeros(2, 1)

    def step(self, actions):
        paid = self.rewards[self.played] if self.played < 3 else (1000.0, 1000.0)
        ended = torch.tensor(self.ends[self.played] if self.played < 3 else (True, False))
        self.played += 1
        self.observations = now = torch.full((2, 1), float(self.played))
        flags = (torch.zeros_like(ended), ended) if self.cut else (ended, torch.zeros_like(ended))
        return Transition(now, torch.tensor(paid), now, *flags, torch.zeros(2))


def judged(name, *, cut=False, critic=None):
    """Rows (game 0, game 1) of the advantages and targets of the scripted games, in the order of time."""
    rollout = ladder.play_once(Scripted(cut=cut), lambda x: torch.zeros(len(x), 2), generator=generator())
    batch = ladder.judge(RUNGS[name], rollout, critic)
    assert len(batch.targets) == 2 + 3
    return batch


def ten(observations):
    return torch.full((*observations.shape[:-1], 1), 10.0)


def test_masked_steps_do_not_enter():
    """Game 0 pays 1, 3, game 1 pays 2, 4, 8; the batch is in the order of time."""
    first, second = 1 + GAMMA * 3, 2 + GAMMA * 4 + GAMMA**2 * 8
    assert judged("REINFORCE").advantages.tolist() == pytest.approx([first, second, first, second, second])
    to_go = [first, second, 3, 4 + GAMMA * 8, 8]
    batch = judged("reward-to-go")
    assert batch.advantages.tolist() == pytest.approx(to_go)
    assert batch.observations.flatten().tolist() == [0, 0, 1, 1, 2]
    baseline = judged("baseline", critic=ten)
    assert baseline.advantages.tolist() == pytest.approx([number - 10 for number in to_go])
    assert baseline.targets.tolist() == pytest.approx(to_go)


def test_the_critic_speaks_for_what_a_time_limit_cuts_off():
    batch = judged("baseline", cut=True, critic=ten)
    first, second = 1 + GAMMA * 3 + GAMMA**2 * 10, 2 + GAMMA * 4 + GAMMA**2 * 8 + GAMMA**3 * 10
    to_go = [first, second, 3 + GAMMA * 10, 4 + GAMMA * 8 + GAMMA**2 * 10, 8 + GAMMA * 10]
    assert batch.targets.tolist() == pytest.approx(to_go)
    without = judged("reward-to-go", cut=True)
    assert without.advantages.tolist() == pytest.approx(judged("reward-to-go").advantages.tolist())


def test_lambda_and_the_targets_that_move_with_it():
    one_step = judged("one-step TD", critic=ten)
    step, last = GAMMA * 10 - 10, -10
    deltas = [1 + step, 2 + step, 3 + last, 4 + step, 8 + last]
    assert one_step.advantages.tolist() == pytest.approx(deltas)
    assert one_step.targets.tolist() == pytest.approx([delta + 10 for delta in deltas])
    decay = GAMMA * Config.lam
    batch = judged("GAE", critic=ten)
    assert batch.advantages.tolist() == pytest.approx(
        [
            deltas[0] + decay * deltas[2],
            deltas[1] + decay * deltas[3] + decay**2 * deltas[4],
            deltas[2],
            deltas[3] + decay * deltas[4],
            deltas[4],
        ]
    )


def test_only_the_last_rung_normalises(game):
    actor, critic = networks(game)
    rollout = ladder.play_once(game, actor, generator=generator())
    for name, rung in RUNGS.items():
        advantages = ladder.judge(rung, rollout, critic).advantages
        normal = abs(advantages.mean()) < 1e-5 and abs(advantages.std() - 1) < 1e-3
        assert normal == (name == "normalised")


# The update


@pytest.mark.parametrize("name", ["REINFORCE", "GAE", "several epochs", "clip", "fixed price"])
def test_the_first_gradient_is_the_policy_gradient(game, name):
    actor, critic = networks(game)
    batch = ladder.judge(RUNGS[name], ladder.play_once(game, actor, generator=generator()), critic)
    objective = ladder.actor_objective(RUNGS[name], actor, batch, Config.beta)
    logits = actor(batch.observations)
    logp = Softmax.log_probability(logits, batch.actions)
    known = score_objective(logp[None], batch.advantages[None]) + Config.entropy_weight * Softmax.entropy(logits).mean()
    for one, other in zip(*(torch.autograd.grad(o, actor.parameters()) for o in (objective, known)), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_away_from_ratio_one_the_objectives_differ(game):
    actor, critic = networks(game)
    batch = ladder.judge(RUNGS["clip"], ladder.play_once(game, actor, generator=generator()), critic)
    with torch.no_grad():
        actor.layers[-1].bias.add_(torch.tensor([1.0, 0.0]))
    surrogate, clip, price = (
        ladder.actor_objective(RUNGS[name], actor, batch, 2.0) for name in ("minibatches", "clip", "fixed price")
    )
    kl = Softmax.kl_divergence(batch.dist_params, actor(batch.observations)).mean()
    assert clip < surrogate
    assert (surrogate - price).item() == pytest.approx(2 * kl.item(), rel=1e-4)


@each_rung
def test_an_update_takes_the_steps_that_the_rung_says(monkeypatch, name):
    rung, counted, sizes = RUNGS[name], [], []
    gradient_step, objective = ladder.gradient_step, ladder.actor_objective

    def counting(optimizer, loss, config):
        counted.append(optimizer)
        gradient_step(optimizer, loss, config)

    def sized(rung, actor, batch, beta):
        sizes.append(len(batch.targets))
        return objective(rung, actor, batch, beta)

    monkeypatch.setattr(ladder, "gradient_step", counting)
    monkeypatch.setattr(ladder, "actor_objective", sized)
    training = ladder.train(rung, RATE, seed=0, total_steps=100_000)
    assert next(training)[0] == 0
    used, _ = next(training)
    actors = [one for one in counted if one is counted[0]] if rung.objective != "trust region" else []
    assert len(actors) == (0 if rung.objective == "trust region" else rung.epochs * rung.minibatches)
    assert len(counted) - len(actors) == (Config.epochs * Config.minibatches if rung.critic else 0)
    assert set(counted[: len(actors)]) == set(actors)
    if rung.objective == "trust region":
        assert set(sizes) == {used}
    else:
        assert sum(sizes) == used * rung.epochs
        assert max(sizes) - min(sizes) < rung.minibatches
    if not rung.whole_episodes:
        assert used == Config().batch_size


def test_every_update_is_one_episode_of_each_game(monkeypatch):
    rollouts, judge = [], ladder.judge

    def spy(rung, rollout, critic):
        rollouts.append(rollout)
        return judge(rung, rollout, critic)

    monkeypatch.setattr(ladder, "judge", spy)
    used = [used for used, _ in ladder.train(RUNGS["clip"], RATE, seed=0, total_steps=2000)]
    assert all(rollout.mask.any(0).all() and rollout.mask.shape[1] == 16 for rollout in rollouts)
    lengths = [int(rollout.mask.sum()) for rollout in rollouts]
    assert used == [0, *itertools.accumulate(lengths[:-1])]
    assert used[-1] <= 2000 < used[-1] + lengths[-1]  # the update that would exceed the budget is left out


def test_rates_fall_with_the_steps_used(monkeypatch):
    told = []

    class Spy(ladder.Adam):
        def set_learning_rate(self, lr):
            told.append(lr)
            super().set_learning_rate(lr)

    monkeypatch.setattr(ladder, "Adam", Spy)
    used = [used for used, _ in ladder.train(RUNGS["GAE"], RATE, seed=0, total_steps=2000)]
    left = [1 - steps / 2000 for steps in used[:-1]]
    assert told[0::2] == pytest.approx([RATE * share for share in left])
    assert told[1::2] == pytest.approx([Config.learning_rate * share for share in left])


def test_gradients_are_cut_apart(game):
    actor, critic = networks(game)
    for network in (actor, critic):
        before = [parameter.clone() for parameter in network.parameters()]
        optimizer = SimpleNamespace(param_groups=[{"params": list(network.parameters())}], step=lambda: None)
        optimizer.zero_grad = lambda network=network: network.zero_grad()
        loss = 1e3 * sum(parameter.square().sum() for parameter in network.parameters())
        ladder.gradient_step(optimizer, loss, Config)
        norm = torch.stack([parameter.grad.norm() for parameter in network.parameters()]).norm()
        assert norm.item() == pytest.approx(Config.max_grad_norm, rel=1e-4)
        assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))


def test_the_price_adapts_to_what_an_update_did(monkeypatch):
    prices, objective = [], ladder.actor_objective

    def spy(rung, actor, batch, beta):
        prices.append(beta)
        return objective(rung, actor, batch, beta)

    monkeypatch.setattr(ladder, "actor_objective", spy)
    for name in ("fixed price", "adaptive price"):
        prices.clear()
        list(ladder.train(RUNGS[name], RATE, seed=0, total_steps=3000))
        assert prices[0] == Config.beta
        assert (len(set(prices)) > 1) == (name == "adaptive price")


def test_the_trust_region_holds(game):
    actor, critic = networks(game)
    batch = ladder.judge(RUNGS["TRPO"], ladder.play_once(game, actor, generator=generator()), critic)
    ladder.natural_step(RUNGS["TRPO"], actor, batch, 0.01)
    assert 1e-4 < ladder.divergence(actor, batch).mean() <= 0.01


# Measuring


def test_the_policy_plays_now_and_then():
    used, returns, actors = zip(*ladder.learn(RUNGS["clip"], RATE, seed=0, total_steps=4000), strict=True)
    *_, last = (used for used, _ in ladder.train(RUNGS["clip"], RATE, seed=0, total_steps=4000))
    assert used[0] == 0 and used[-1] == last
    assert all(b - a >= 4000 / ladder.POINTS for a, b in itertools.pairwise(used[:-1]))
    assert 8 < returns[0] < 40  # nothing learned
    assert len(set(actors)) == 1


def test_a_training_that_breaks_ends_with_what_it_has(monkeypatch):
    train = ladder.train

    def breaks(*args, **kwargs):
        for number, step in enumerate(train(*args, **kwargs)):
            if number == 3:
                raise NonFiniteError("ratio must be finite")
            yield step

    monkeypatch.setattr(ladder, "train", breaks)
    points = list(ladder.learn(RUNGS["clip"], RATE, seed=0, total_steps=100_000))
    assert [used > 0 for used, _, _ in points] == [False, True]


def test_a_run_is_the_same_each_time_and_fits_json(monkeypatch):
    monkeypatch.setattr(ladder, "EPISODES", 2)
    fields = dataclasses.asdict(RUNGS["GAE"])
    one, other = (ladder.run(fields, RATE, 0, 1500) for _ in range(2))
    assert json.loads(json.dumps(one)) == one
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert len(one["curve"]) == len(ladder.steps_of(1500)) == 21


def at_once(name, function, jobs):
    """In place of `perform`: in this process, without a file."""
    return [function(**job) for job in jobs]


def test_the_rate_with_the_largest_area_is_taken(monkeypatch):
    def run(rung, rate, seed, total_steps):
        value = 100.0 - abs(math.log10(rate / 6e-3)) + seed
        return {"curve": [value] * 21, "final": value, "seconds": 1.0}

    monkeypatch.setattr(ladder, "perform", at_once)
    monkeypatch.setattr(ladder, "run", run)
    result = ladder.measure(seeds=range(2), seeds_of_rates=range(1000, 1003))
    assert result["rungs"]["clip"]["rate"] == 6e-3
    assert not result["rungs"]["clip"]["rate_at_the_edge"]
    assert result["rungs"]["TRPO"]["rate"] in ladder.MAX_KLS
    assert result["rungs"]["clip"]["finals"] == [100.0, 101.0]
    assert list(result["rungs"]["clip"]["rates"]) == [f"{rate:g}" for rate in ladder.RATES]
    edge = ladder.measure(seeds=range(1), seeds_of_rates=range(1000, 1001), grid=lambda rung: [1e-4, 1e-3])
    assert edge["rungs"]["clip"]["rate_at_the_edge"]


@pytest.mark.slow
def test_a_small_ladder_can_be_measured(monkeypatch):
    monkeypatch.setattr(ladder, "perform", at_once)
    monkeypatch.setattr(ladder, "EPISODES", 2)
    result = ladder.measure(
        seeds=range(2), seeds_of_rates=range(1000, 1001), grid=lambda rung: [RATE], total_steps=Config().batch_size
    )
    assert json.loads(json.dumps(result)) == result
    for row in result["rungs"].values():
        assert all(curve[0] != curve[-1] for curve in row["curves"])  # something was learned
    assert len(ladder.differences(result, "areas")) == len(CHANGES)


# The record


def two_seeds(*pairs):
    """A result in which each rung has two finals, and curves of half that height."""
    rows = {
        name: {"finals": list(pair), "curves": [[number / 2] * 21 for number in pair]}
        for name, pair in zip(RUNGS, itertools.cycle(pairs), strict=False)
    }
    return {"rungs": rows, "seeds": [0, 1], "total_steps": 100_000}


def test_reading_a_record_by_hand():
    result = two_seeds([10.0, 10.0], [30.0, 30.0])
    assert ladder.scores(result, "REINFORCE", "finals") == [10, 10]
    assert ladder.scores(result, "REINFORCE", "areas") == [5, 5]
    assert ladder.summary(result, "finals")["reward-to-go"] == (30, [30, 30])
    assert ladder.differences(result, "finals")["reward-to-go"] == (20, [20, 20])
    assert ladder.differences(result, "areas")["baseline"] == (-10, [-10, -10])
    curves = ladder.learning_curves(result)
    assert [column.tolist() for column in curves["baseline"]] == [[5.0] * 21] * 3


def test_intervals_are_those_of_the_seeds():
    result = two_seeds([10.0, 20.0], [15.0, 50.0])
    for statistic in (np.mean, interquartile_mean):
        _, interval = ladder.summary(result, "finals", statistic=statistic)["REINFORCE"]
        assert interval == bootstrap_interval([10.0, 20.0], statistic=statistic)
        added, interval = ladder.differences(result, "finals", statistic=statistic)["reward-to-go"]
        assert added == pytest.approx(32.5 - 15)
        assert interval == difference_interval([15.0, 50.0], [10.0, 20.0], statistic=statistic)


@pytest.mark.parametrize(
    ("interval", "decided"), [([1, 2], True), ([-2, -1], True), ([-1, 1], False), ([0, 1], False), ([-1, 0], False)]
)
def test_decided(interval, decided):
    assert ladder.decided(interval) == decided


def test_the_record_is_of_todays_rungs_and_settings():
    result = data.load("ladder")
    assert list(result["rungs"]) == list(RUNGS)
    assert result["common"] == {name: getattr(Config, name) for name in ladder.COMMON}
    assert not set(result["seeds"]) & set(result["seeds_of_rates"])
    assert result["seeds"] == list(ladder.SEEDS) and result["seeds_of_rates"] == list(ladder.SEEDS_OF_RATES)
    for name, row in result["rungs"].items():
        assert row["settings"] == dataclasses.asdict(RUNGS[name])
        assert {float(rate) for rate in row["rates"]} <= set(ladder.grid_of(RUNGS[name]))
        means = {rate: areas.mean() for rate, areas in ladder.areas_by_rate(result, name).items()}
        assert means[row["rate"]] == max(means.values())
        assert {len(areas) for areas in row["rates"].values()} == {len(result["seeds_of_rates"])}
        assert len(row["finals"]) == len(row["curves"]) == len(row["seconds"]) == len(result["seeds"])
        assert {len(curve) for curve in row["curves"]} == {ladder.POINTS + 1}
    assert len(data.resource("ladder.json").read_text("utf-8")) < 300_000
