"""The trainer: it calls the lessons, counts right, repeats itself, survives a kill, and says clearly what is wrong."""

import ast
import copy
import dataclasses
import importlib
import inspect
import math
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from itertools import pairwise

import gymnasium
import numpy as np
import pytest
import torch

from ppo_lessons import cli, ppo
from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer import distributions, variants
from ppo_lessons.trainer import record as records_of_updates
from ppo_lessons.trainer.config import ADVANTAGE_ESTIMATORS, OBJECTIVES
from ppo_lessons.trainer.distributions import Softmax
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game, collect
from ppo_lessons.validation import NonFiniteError

CARTPOLE = "ppo_lessons/CartPole-v1"
SMALL = Config(  # 4 updates in a twentieth of a second
    total_steps=1024, num_envs=8, num_steps=32, epochs=4, minibatches=4, learning_rate=5e-3, device="cpu"
)


def small(**changes):
    return dataclasses.replace(SMALL, **changes)


def without_seconds(records):
    """Records as text that can be compared: nan equals nan, and the clock does not count."""
    return [repr(dataclasses.replace(record, seconds=0.0)) for record in records]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# Games that tests need


class Tape(gymnasium.Env):
    """Shows its step number in a Box of shape [2, 3] and pays it. Actions 1 and 2; ends after `length` steps."""

    observation_space = gymnasium.spaces.Box(0, 100, (2, 3))
    action_space = gymnasium.spaces.Discrete(2, start=1)

    def __init__(self, length=5, reward=None):
        self.length, self.reward = length, reward

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.now = 0
        return self._observation(), {}

    def step(self, action):
        if action not in (1, 2):
            raise AssertionError(f"actions are 1 and 2, got {action}")
        self.now += 1
        reward = self.now if self.reward is None else self.reward
        return self._observation(), float(reward), self.now == self.length, False, {}

    def _observation(self):
        return np.full((2, 3), self.now, dtype=np.float32)


class BadObservation(Tape):
    """Sees nan in its third step."""

    def _observation(self):
        return np.full((2, 3), np.nan if self.now == 3 else 0, dtype=np.float32)


class ManySwitches(Tape):
    """Its actions are neither Discrete nor a Box."""

    action_space = gymnasium.spaces.MultiBinary(3)


gymnasium.register("ppo_tests/Tape-v0", Tape)
gymnasium.register("ppo_tests/ManySwitches-v0", ManySwitches)
gymnasium.register("ppo_tests/CutTape-v0", Tape, max_episode_steps=3)  # truncated before it ends
gymnasium.register("ppo_tests/CutAtTheEnd-v0", Tape, max_episode_steps=5)  # both flags in the same step
gymnasium.register("ppo_tests/NanReward-v0", Tape, kwargs={"reward": math.nan})
gymnasium.register("ppo_tests/HugeReward-v0", Tape, kwargs={"reward": 1e300})
gymnasium.register("ppo_tests/NanObservation-v0", BadObservation)


# Config


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"total_steps": 0}, "total_steps must be an integer of at least 1"),
        ({"num_envs": 0}, "num_envs"),
        ({"num_steps": 2.5}, "num_steps must be an integer .* got 2.5"),
        ({"epochs": 0}, "epochs"),
        ({"minibatches": -1}, "minibatches"),
        ({"hidden": 0}, "hidden"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"seed": "7"}, "seed"),
        ({"minibatches": 3}, "num_envs \\* num_steps = 2048 must be .* a multiple of minibatches = 3"),
        ({"num_envs": 1, "num_steps": 1, "minibatches": 1}, "at least 2"),
        ({"total_steps": 2047}, "total_steps = 2047 is less than one rollout of 2048"),
        ({"objective": "trpo"}, "objective must be one of .*clip, penalty, got 'trpo'"),
        ({"advantage_estimator": "returns"}, "advantage_estimator must be one of total_return, .*gae, got 'returns'"),
        ({"max_kl": 0.0}, "max_kl"),
        ({"damping": math.nan}, "damping"),
        ({"beta_target_kl": -0.1}, "beta_target_kl"),
        ({"capture": True, "objective": "trust_region"}, "capture needs an update that is the same program"),
        ({"capture": True, "advantage_estimator": "baseline"}, "capture needs"),
        ({"capture": True, "objective": "penalty", "beta_target_kl": 0.01}, "capture needs"),
        ({"gamma": 1.01}, "gamma must lie in"),
        ({"gamma": math.nan}, "gamma"),
        ({"gamma": "x"}, "gamma must be a number, got 'x'"),
        ({"epsilon": None}, "epsilon must be a number, got None"),
        ({"lam": -0.1}, "lam"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"max_grad_norm": 0.0}, "max_grad_norm"),
        ({"epsilon": -0.2}, "epsilon must not be negative"),
        ({"beta": math.nan}, "beta"),
        ({"entropy_weight": -0.01}, "entropy_weight"),
        ({"value_weight": -1.0}, "value_weight"),
        ({"normalize": True}, "normalize must be one of rollout, minibatch, none, got True"),
        ({"normalize": "batch"}, "normalize must be one of .* got 'batch'"),
        ({"normalize": "minibatch", "minibatches": 2048}, "minibatches of one step cannot be normalized"),
        ({"normalize": "minibatch", "objective": "score"}, "with the objective 'score' the actor takes one step"),
        ({"normalize": "minibatch", "objective": "trust_region"}, "with the objective 'trust_region' the actor takes"),
        ({"target_kl": -0.01}, "target_kl must not be negative, got -0.01"),
        ({"target_kl": math.nan}, "target_kl"),
        ({"target_kl": 0.02, "objective": "score"}, "no epoch stopped"),
        ({"target_kl": 0.02, "capture": True}, "capture needs .* nor a target of the KL"),
        ({"value_clip": -0.2}, "value_clip must not be negative, got -0.2"),
        ({"value_clip": math.nan}, "value_clip"),
    ],
)
def test_config_refuses(changes, words):
    with pytest.raises(ValueError, match=words):
        Config(**changes)


def test_config_counts_whole_rollouts_and_is_frozen():
    config = Config(total_steps=10_000, num_envs=10, num_steps=30, minibatches=3)
    assert (config.batch_size, config.updates) == (300, 33)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1
    assert Config(epsilon=math.inf).epsilon == math.inf
    assert Config(normalize="minibatch", minibatches=1024).batch_size == 2 * 1024
    assert [Config(target_kl=target).stops_early for target in (0.0, 0.02, math.inf)] == [True, True, False]


# No formula of its own

ON_THE_PAGE = {
    "gae": "gae",
    "normalize": "advantage",
    "value_loss": "baseline",
    "clipped_objective": "clip",
    "early_stop": "kl_penalty",
}
FORMULAS = {  # where the trainer calls it, its name: the lesson that derives it
    **{(ppo, name): lesson for name, lesson in ON_THE_PAGE.items()},
    (records_of_updates, "explained_variance"): "baseline",
    (records_of_updates, "standard_error"): "expectation",
    (variants, "penalized_objective"): "kl_penalty",
    (variants, "clipped_value_loss"): "baseline",
}
CUT_OF_THE_GRADIENT = "torch.nn.utils.clip_grad_norm_"
OF_A_SOFTMAX = {"entropy": "entropy", "kl_divergence": "kl_penalty"}  # and for a Gaussian something else


@pytest.mark.parametrize(("place", "lesson"), FORMULAS.items(), ids=str)
def test_formulas_are_the_lessons_objects(place, lesson):
    module, name = place
    assert getattr(module, name) is getattr(importlib.import_module(f"ppo_lessons.{lesson}"), name)


@pytest.mark.parametrize(("name", "lesson"), OF_A_SOFTMAX.items())
def test_a_softmax_policy_holds_the_lessons_objects(name, lesson):
    assert getattr(Softmax, name) is getattr(importlib.import_module(f"ppo_lessons.{lesson}"), name)


def test_sampling_uses_the_lessons_softmax():
    assert distributions.softmax_policy is importlib.import_module("ppo_lessons.policy_gradient").softmax_policy


@pytest.mark.parametrize(
    ("changes", "not_needed"),
    [
        ({}, {"penalized_objective", "clipped_value_loss", "early_stop"}),
        ({"objective": "penalty"}, {"clipped_objective", "clipped_value_loss", "early_stop"}),
        ({"value_clip": 1.0, "target_kl": 0.02}, {"penalized_objective", "value_loss"}),
    ],
)
def test_formulas_are_called(changes, not_needed, monkeypatch):
    called = set()

    def spy(name, function):
        def call(*args, **kwargs):
            called.add(name)
            return function(*args, **kwargs)

        return call

    for module, name in FORMULAS:
        monkeypatch.setattr(module, name, spy(name, getattr(module, name)))
    for name in OF_A_SOFTMAX:
        monkeypatch.setattr(Softmax, name, staticmethod(spy(name, getattr(Softmax, name))))
    list(train(small(**changes)))
    formulas = {name for _, name in FORMULAS} | set(OF_A_SOFTMAX)
    assert called == formulas - not_needed


def test_the_page_is_a_page():
    """A reader of lesson 12 reads it in one go: short, no other algorithm by name, hardly a word about processes."""
    source = inspect.getsource(ppo)
    assert source.count("\n") <= 220
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    calls = [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)]
    assert sum(call.startswith("distributed.") for call in calls) <= 3
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert strings.isdisjoint(OBJECTIVES + ADVANTAGE_ESTIMATORS)  # no branch for another algorithm
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    parts = {"advantages_and_targets", "policy_terms", "critic_loss", "total_loss", "gradient_step"}
    assert defined == {"train", "improve", *parts}


def test_the_page_holds_no_formula():
    """It computes nothing itself but the critic's target, the weighted sum of the losses, and the falling step size."""
    arithmetic, from_torch = {}, set()
    for function in ast.parse(inspect.getsource(ppo)).body:
        for node in ast.walk(function):
            if isinstance(node, ast.BinOp) or (
                isinstance(node, ast.UnaryOp) and not isinstance(node.operand, ast.Constant)
            ):
                arithmetic.setdefault(getattr(function, "name", "outside"), []).append(ast.unparse(node))
            if isinstance(node, ast.Attribute) and re.fullmatch(r"torch(\.\w+)+", ast.unparse(node)):
                from_torch.add(ast.unparse(node))
    assert set(arithmetic) == {"train", "advantages_and_targets", "total_loss"}
    assert len(arithmetic["advantages_and_targets"]) == 1
    assert from_torch <= {"torch.Generator", "torch.no_grad", "torch.nn", "torch.nn.utils", CUT_OF_THE_GRADIENT}


@pytest.mark.parametrize("objective", ["clip", "penalty"])
def test_one_update_equals_the_equations_written_out(objective):
    """PPO's update literally, from the papers' equations in one place, against `improve`: the same weights come out."""
    config = small(
        objective=objective,
        beta=3.0,
        epochs=3,
        learning_rate=0.02,
        gamma=0.9,
        lam=0.8,
        entropy_weight=0.05,
        value_weight=0.7,
    )
    game = Game(CARTPOLE, 8, device=torch.device("cpu"), seed=0)
    actor, critic = actor_and_critic(game.observation_space, game.action_space, 64, generator=generator())
    rollout = collect(game, actor, 32, generator=generator())
    other_actor, other_critic = copy.deepcopy((actor, critic))

    def adam(*networks):
        parameters = [p for network in networks for p in network.parameters()]
        return torch.optim.Adam(parameters, lr=config.learning_rate, eps=1e-5)

    optimizer = adam(actor, critic)
    numbers = records_of_updates.numbers(ppo.improve(actor, critic, optimizer, rollout, config, generator=generator(1)))

    steps, games = rollout.rewards.shape
    ended = rollout.terminated | rollout.truncated
    with torch.no_grad():
        v, v_next = other_critic(rollout.observations)[..., 0], other_critic(rollout.next_observations)[..., 0]
        delta = rollout.rewards + config.gamma * v_next * ~rollout.terminated - v
        advantages = torch.zeros(steps, games)
        for t in range(steps):
            alive = torch.ones(games)
            for k in range(t, steps):
                advantages[t] += (config.gamma * config.lam) ** (k - t) * alive * delta[k]
                alive *= ~ended[k]
    targets = (advantages + v).flatten()
    scaled = ((advantages - advantages.mean()) / (advantages.std() + 1e-8)).flatten()
    observations, actions = rollout.observations.flatten(0, 1), rollout.actions.flatten()
    old = rollout.dist_params.flatten(0, 1).log_softmax(-1)
    optimizer, randomness, clipped = adam(other_actor, other_critic), generator(1), []
    for _ in range(config.epochs):
        for i in torch.randperm(256, generator=randomness).split(64):
            logp = other_actor(observations[i]).log_softmax(-1)
            rho = (logp - old[i]).gather(1, actions[i, None])[:, 0].exp()
            if objective == "clip":
                surrogate = torch.min(rho * scaled[i], rho.clip(0.8, 1.2) * scaled[i]).mean()
            else:
                surrogate = (rho * scaled[i]).mean() - 3 * (old[i].exp() * (old[i] - logp)).sum(-1).mean()
            entropy = -(logp.exp() * logp).sum(-1).mean()
            error = (other_critic(observations[i])[:, 0] - targets[i]).pow(2).mean()
            optimizer.zero_grad()
            (-surrogate - 0.05 * entropy + 0.7 * error).backward()
            torch.nn.utils.clip_grad_norm_([*other_actor.parameters(), *other_critic.parameters()], 0.5)
            optimizer.step()
            clipped.append(((rho < 0.8) | (rho > 1.2)).float().mean().item())
    for ours, literal in zip(
        [*actor.parameters(), *critic.parameters()],
        [*other_actor.parameters(), *other_critic.parameters()],
        strict=True,
    ):
        torch.testing.assert_close(ours, literal, rtol=1e-4, atol=1e-5)
    new = other_actor(observations).log_softmax(-1)
    assert numbers["kl"] == pytest.approx((old.exp() * (old - new)).sum(-1).mean().item(), rel=1e-3)
    assert numbers["clip_fraction"] == pytest.approx(np.mean(clipped), abs=0.01)
    assert numbers["clip_fraction"] > 0.05  # the clip was at work
    unexplained = (targets - v.flatten()).var() / targets.var()
    assert numbers["explained_variance"] == pytest.approx(1 - unexplained.item(), abs=1e-4)
    assert numbers["entropy"] == pytest.approx(-(old.exp() * old).sum(-1).mean().item(), rel=1e-5)


@pytest.mark.parametrize(("anneal", "expected"), [(True, [0.004, 0.003, 0.002, 0.001]), (False, [0.004] * 4)])
def test_learning_rate_falls_linearly_or_stays(anneal, expected, monkeypatch):
    rates = []
    original = ppo.improve

    def watch(actor, critic, optimizer, *args, **kwargs):
        rates.append(optimizer.param_groups[0]["lr"])
        return original(actor, critic, optimizer, *args, **kwargs)

    monkeypatch.setattr(ppo, "improve", watch)
    list(train(small(learning_rate=0.004, anneal=anneal)))
    assert rates == pytest.approx(expected)


# What practitioners set: each setting does what its name says, and nothing where it is off


def gradient_steps(config, monkeypatch):
    """The number of gradient steps in each update, and the records."""
    steps, records = [], []
    original = ppo.gradient_step

    def count(*args):
        steps[-1] += 1
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(ppo, "gradient_step", count)
        training = train(config)
        for _ in range(config.updates + 1):
            steps.append(0)
            records.append(next(training))
    return steps[1:], records[1:]


def test_the_epochs_end_where_the_policy_has_moved_far_enough(monkeypatch):
    """4 minibatches an epoch: one epoch where any move is too far, all four where none is."""
    kl = {}
    for target, expected in ((0.0, [4] * 4), (math.inf, [16] * 4), (1e6, [16] * 4)):
        steps, records = gradient_steps(small(target_kl=target), monkeypatch)
        assert steps == expected
        kl[target] = [record.kl for record in records]
    assert kl[1e6] == kl[math.inf]
    assert kl[0.0] != kl[math.inf]


def test_an_update_ends_with_the_first_epoch_beyond_the_target(monkeypatch):
    """`after[i]` is the KL after i + 1 epochs; the update that stops has done the same up to there."""
    once, epochs = small(total_steps=256, learning_rate=0.002), set()
    after = [gradient_steps(dataclasses.replace(once, epochs=n), monkeypatch)[1][0].kl for n in (1, 2, 3, 4)]
    for target in (0.9 * min(after), *after):  # to reach a target is not to be beyond it
        last = next((i for i, kl in enumerate(after) if kl > target), 3)
        steps, records = gradient_steps(dataclasses.replace(once, target_kl=target), monkeypatch)
        assert (steps, records[0].kl) == ([4 * (last + 1)], after[last])
        epochs.add(last + 1)
    assert len(epochs) >= 3


def trained_critic(**changes):
    *_, last = train(small(**changes))
    return last.checkpoint["critic"]


def test_a_wide_value_clip_changes_no_bit_and_a_narrow_one_gives_another_critic():
    plain, wide, narrow = (trained_critic(**change) for change in ({}, {"value_clip": 1e6}, {"value_clip": 0.01}))
    assert all(torch.equal(plain[name], wide[name]) for name in plain)
    assert not any(torch.equal(plain[name], narrow[name]) for name in plain)


def test_a_value_clip_of_0_lets_no_value_move_towards_its_target(monkeypatch):
    """The first step is full, for V is V_old there; afterwards only values that went the wrong way pull back."""
    errors, original = [], ppo.total_loss

    def watch(objective, bonus, error, config):
        errors.append(error.item())
        return original(objective, bonus, error, config)

    monkeypatch.setattr(ppo, "total_loss", watch)
    for clip in (0.0, math.inf):
        list(train(small(value_clip=clip, total_steps=256, minibatches=1, epochs=8)))
    held, free = errors[:8], errors[8:]
    assert held[0] == free[0]
    assert held[-1] > 0.9 * held[0] > free[-1]


@pytest.mark.parametrize("how", ["rollout", "minibatch", "none"])
def test_advantages_are_normalized_where_the_setting_says(how, monkeypatch):
    seen, original = [], ppo.clipped_objective

    def watch(logp, old_logp, advantages, *, epsilon):
        seen.append(advantages)
        return original(logp, old_logp, advantages, epsilon=epsilon)

    monkeypatch.setattr(ppo, "clipped_objective", watch)
    list(train(small(normalize=how, epochs=1, total_steps=256)))

    def is_normal(advantages):
        return abs(advantages.mean()) < 1e-5 and abs(advantages.std() - 1) < 1e-4

    assert len(seen) == 4
    assert [is_normal(piece) for piece in seen] == [how == "minibatch"] * 4
    assert is_normal(torch.cat(seen)) == (how == "rollout")


def test_each_way_to_normalize_trains_in_its_own_way():
    runs = [without_seconds(train(small(normalize=how))) for how in ("rollout", "minibatch", "none")]
    assert len({run[-1] for run in runs}) == 3
    assert runs[0] == without_seconds(train(small()))


# Records


def test_record_0_precedes_learning():
    training = train(small())
    first = next(training)
    assert (first.update, first.env_steps, first.episodes) == (0, 0, 0)
    assert math.isnan(first.mean_return)
    untrained, _ = actor_and_critic(
        gymnasium.spaces.Box(-1, 1, (4,)), gymnasium.spaces.Discrete(2), 64, generator=generator(0)
    )
    assert all(torch.equal(a, b) for a, b in zip(first.policy.parameters(), untrained.parameters(), strict=True))
    before = [p.clone() for p in first.policy.parameters()]
    second = next(training)
    assert second.policy is first.policy  # live: an old record's policy goes on learning
    assert not any(torch.equal(a, b) for a, b in zip(before, second.policy.parameters(), strict=True))
    training.close()


@pytest.mark.parametrize("env_id", [CARTPOLE, "CartPole-v1", "ppo_lessons/Corridor-v0", "ppo_tests/Tape-v0"])
def test_records_are_consistent(env_id):
    config = small(env_id=env_id)
    records = list(train(config))
    assert [record.update for record in records] == [0, 1, 2, 3, 4]
    assert [record.env_steps for record in records] == [0, 256, 512, 768, 1024]
    assert all(later.seconds > earlier.seconds for earlier, later in pairwise(records))
    actions = records[-1].policy.layers[-1].out_features
    for record in records[1:]:
        assert record.episodes > 1
        assert math.isfinite(record.mean_return)
        assert 0 <= record.return_standard_error < math.inf
        assert 0 <= record.kl < math.inf
        assert 0 <= record.clip_fraction <= 1
        assert 0 < record.entropy <= math.log(actions) + 1e-6
        assert 0 <= record.value_loss < math.inf
        assert record.explained_variance <= 1
    assert len({record.value_loss for record in records[1:]}) == 4


def test_episodes_and_returns_are_counted_right():
    """A tape of 5 pays 1 + 2 + 3 + 4 + 5 = 15. In 8 games of 32 steps end 6 episodes each, later 6 or 7."""
    records = list(train(small(env_id="ppo_tests/Tape-v0")))
    assert [record.mean_return for record in records[1:]] == [15, 15, 15, 15]
    assert [record.return_standard_error for record in records[1:]] == [0, 0, 0, 0]
    # 8 * floor(32 n / 5) episodes after n updates: 48, 96, 152, 200
    assert [record.episodes for record in records[1:]] == [48, 48, 56, 48]


def test_an_update_without_a_finished_episode_has_no_return():
    record = list(train(Config(total_steps=8, num_envs=2, num_steps=4, device="cpu")))[-1]
    assert record.episodes == 0
    assert math.isnan(record.mean_return)
    assert math.isnan(record.return_standard_error)
    assert math.isfinite(record.value_loss)


def test_a_single_finished_episode_has_no_standard_error():
    record = list(train(Config(env_id="ppo_tests/Tape-v0", total_steps=5, num_envs=1, num_steps=5, minibatches=1)))[-1]
    assert (record.episodes, record.mean_return) == (1, 15)
    assert math.isnan(record.return_standard_error)


# Playing


def test_torch_and_numpy_games_report_the_true_successor():
    """Where an episode ends, next_observations holds its last observation; the step after starts a new one."""
    for env_id, ends_as in [
        ("ppo_tests/Tape-v0", (True, False)),
        ("ppo_tests/CutTape-v0", (False, True)),
        ("ppo_tests/CutAtTheEnd-v0", (True, True)),
    ]:
        game = Game(env_id, 2, device=torch.device("cpu"), seed=0)
        rollout = collect(game, lambda o: torch.zeros(len(o), 2), 11, generator=generator())
        length = 3 if env_id == "ppo_tests/CutTape-v0" else 5
        for t in range(11):
            now = t % length
            assert (rollout.observations[t] == now).all()
            assert (rollout.next_observations[t] == now + 1).all()
            assert (rollout.rewards[t] == now + 1).all()
            ended = now == length - 1
            flags = (rollout.terminated[t].tolist(), rollout.truncated[t].tolist())
            assert flags == (([ends_as[0]] * 2, [ends_as[1]] * 2) if ended else ([False] * 2, [False] * 2))
            expected = sum(range(1, length + 1)) if ended else math.nan
            assert rollout.episode_returns[t].tolist() == pytest.approx([expected] * 2, nan_ok=True)


@pytest.mark.parametrize(("env_id", "states"), [("FrozenLake-v1", 16), ("CliffWalking-v1", 48), ("Taxi-v4", 500)])
def test_discrete_observations_are_unit_vectors(env_id, states):
    game = Game(env_id, 3, device=torch.device("cpu"), seed=0)
    bare = gymnasium.make_vec(env_id, 3, vectorization_mode="sync")
    first, _ = bare.reset(seed=0)
    assert game.observations.shape == (3, states)
    assert game.observations.argmax(1).tolist() == first.tolist()
    rollout = collect(game, lambda o: torch.zeros(len(o), game.action_space.n), 40, generator=generator())
    for seen in (rollout.observations, rollout.next_observations):
        assert seen.sum(-1).eq(1).all()
        assert seen.max(-1).values.eq(1).all()


def test_a_game_with_discrete_observations_is_learned_and_judged():
    """Slippery FrozenLake pays 1 at the goal; a random walk finds it in one play of seventy."""
    config = small(env_id="FrozenLake-v1", num_envs=16, num_steps=64, total_steps=40_960, gamma=0.99)
    records = list(train(config))
    before, after = (np.nanmean([r.mean_return for r in part]) for part in (records[1:9], records[-8:]))
    assert after > before + 0.1
    assert evaluate(records[-1].policy, "FrozenLake-v1", episodes=50, seed=0).mean() > 0.1
    assert len(ppo.play(records[-1].policy, "FrozenLake-v1", seed=0)) > 1


@pytest.mark.parametrize("env_id", [CARTPOLE, "CartPole-v1"])
def test_successors_and_returns_in_cartpole(env_id):
    game = Game(env_id, 4, device=torch.device("cpu"), seed=0)
    rollout = collect(game, lambda o: torch.stack([o[:, 2] * 0, o[:, 2] * 200], 1), 600, generator=generator())
    ended = rollout.terminated | rollout.truncated
    assert ended.any()
    following = rollout.observations[1:]
    assert torch.equal(rollout.next_observations[:-1][~ended[:-1]], following[~ended[:-1]])
    assert (following[ended[:-1]].abs() <= 0.05).all()
    last = rollout.next_observations[rollout.terminated]
    assert ((last[:, 0].abs() > 2.4) | (last[:, 2].abs() > 12 * math.pi / 180)).all()
    assert torch.equal(ended, ~rollout.episode_returns.isnan())
    length = torch.zeros(4)
    for t in range(600):
        length += 1
        assert torch.equal(rollout.episode_returns[t, ended[t]], length[ended[t]])
        length[ended[t]] = 0


def test_device_game_reports_the_last_observation_at_truncation():
    game = Game(CARTPOLE, 3, device=torch.device("cpu"), seed=0)
    game.envs.elapsed += torch.tensor([499, 0, 498])
    transition = game.step(torch.tensor([1, 1, 1]))
    assert transition.truncated.tolist() == [True, False, False]
    assert not transition.terminated.any()
    assert transition.next_observations[0, 1] > 0.1  # pushed: no first state is that fast
    assert (transition.observations[0].abs() <= 0.05).all()
    assert torch.equal(transition.next_observations[1:], transition.observations[1:])


def test_sampled_actions_follow_the_policy():
    """Shares of 40,000 draws within 4 standard errors of the probabilities."""
    p = torch.tensor([0.1, 0.2, 0.7])
    actions = Softmax.sample(p.log().expand(40_000, 3), generator=generator())
    shares = torch.bincount(actions, minlength=3) / 40_000
    assert ((shares - p).abs() <= 4 * (p * (1 - p) / 40_000).sqrt()).all()


def test_log_probability_picks_the_taken_action():
    logits, actions = torch.randn(5, 4, 3, generator=generator()), torch.randint(3, (5, 4), generator=generator())
    expected = logits.log_softmax(-1).gather(-1, actions[..., None])[..., 0]
    torch.testing.assert_close(Softmax.log_probability(logits, actions), expected)


def test_networks_take_boxes_of_any_shape():
    space = gymnasium.spaces.Box(-1, 1, (2, 3))
    actor, critic = actor_and_critic(space, gymnasium.spaces.Discrete(4), 16, generator=generator())
    observations = torch.randn(7, 5, 2, 3, generator=generator())
    assert actor(observations).shape == (7, 5, 4)
    assert critic(observations).shape == (7, 5, 1)
    torch.testing.assert_close(actor(observations)[3, 2], actor(observations[3, 2]))
    assert (actor(observations).softmax(-1) - 1 / 4).abs().max() < 0.02  # the first policy is close to uniform


# It repeats itself, and leaves no trace


@pytest.mark.parametrize("env_id", [CARTPOLE, "CartPole-v1"])
def test_same_seed_same_records_other_seed_others(env_id):
    first, again, other = (without_seconds(train(small(env_id=env_id, seed=seed))) for seed in (1, 1, 2))
    assert first == again
    assert all(a != b for a, b in zip(first[1:], other[1:], strict=True))
    games = [Game(env_id, 4, device=torch.device("cpu"), seed=seed) for seed in (1, 2)]
    assert not torch.equal(games[0].observations, games[1].observations)


def test_the_number_of_threads_does_not_show():
    one = without_seconds(train(small()))
    torch.set_num_threads(2)
    try:
        assert without_seconds(train(small())) == one
    finally:
        torch.set_num_threads(1)


def test_training_and_evaluation_run_on_one_thread(monkeypatch):
    seen = []

    def normalize(advantages, original=ppo.normalize):
        seen.append(torch.get_num_threads())
        return original(advantages)

    def policy(observations):
        seen.append(torch.get_num_threads())
        return torch.zeros(len(observations), 2)

    monkeypatch.setattr(ppo, "normalize", normalize)
    torch.set_num_threads(2)
    try:
        list(train(small()))
        evaluate(policy, "CartPole-v1", episodes=1, seed=0)
    finally:
        torch.set_num_threads(1)
    assert len(seen) > 5
    assert set(seen) == {1}


@pytest.mark.parametrize("env_id", [CARTPOLE, "CartPole-v1"])
def test_global_random_numbers_and_threads_are_left_alone(env_id):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    try:
        records = []
        for record in train(small(env_id=env_id)):
            records.append(record)
            assert torch.get_num_threads() == 2
        evaluate(records[-1].policy, "CartPole-v1", episodes=2, seed=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]
    assert random.getstate() == states[2]


# What it cannot play, and what goes wrong on the way


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("ppo_tests/ManySwitches-v0", "plays games with Discrete actions or a Box of real numbers, got MultiBinary"),
        ("Blackjack-v1", "plays games with Box or Discrete observations, got Tuple.*FlattenObservation"),
    ],
)
def test_unsupported_spaces_are_refused(env_id, words):
    with pytest.raises(ValueError, match=words):
        next(train(small(env_id=env_id)))


def test_unknown_devices_are_refused():
    with pytest.raises(ValueError, match=r"device must be .* got 'gpu'"):
        next(train(small(device="gpu")))


@pytest.mark.filterwarnings("ignore:.*The reward is a NaN value")
@pytest.mark.parametrize("name", ["NanReward", "HugeReward", "NanObservation"])
def test_a_game_that_is_not_finite_stops_training(name):
    training = train(small(env_id=f"ppo_tests/{name}-v0"))
    assert next(training).update == 0
    with pytest.raises(NonFiniteError, match=r"update 1: .*observations_or_rewards.* must be finite.*learning_rate"):
        next(training)
    assert list(training) == []


@pytest.mark.parametrize("learning_rate", [1e30, 1e38])
def test_a_huge_learning_rate_stops_training(learning_rate, tmp_path):
    threads = torch.get_num_threads()
    training = train(small(learning_rate=learning_rate))
    record = next(training)
    with pytest.raises(NonFiniteError, match=r"training stopped in update 1: .*try a smaller learning_rate than"):
        next(training)
    assert torch.get_num_threads() == threads
    record.save(tmp_path / "before.pt")  # the last good record is not spoilt
    saved = torch.load(tmp_path / "before.pt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in saved["actor"].values())


# Evaluation


def test_evaluate_plays_greedily_in_gymnasiums_own_game():
    """Always-right in CartPole, against a plain loop; the plain function prefers action 1 by a hair."""

    def policy(observations):
        return torch.tensor([0.0, 1e-3]).expand(len(observations), 2)

    expected = []
    for i in range(5):
        env, total, over = gymnasium.make("CartPole-v1"), 0.0, False
        env.reset(seed=40 + i)
        while not over:
            _, reward, terminated, truncated, _ = env.step(1)
            total, over = total + reward, terminated or truncated
        expected.append(total)
    for env_id in ("CartPole-v1", CARTPOLE):
        assert evaluate(policy, env_id, episodes=5, seed=40).tolist() == expected


def test_evaluate_reaches_the_limit_with_a_controller():
    def policy(observations):
        lean = observations @ torch.tensor([0.03, 0.06, 1.0, 0.3])
        return torch.stack([-lean, lean], dim=1)

    assert evaluate(policy, "CartPole-v1", episodes=3, seed=0).tolist() == [500, 500, 500]


def test_evaluate_adds_action_start_and_stops_at_the_first_end():
    returns = evaluate(lambda o: torch.zeros(len(o), 2), "ppo_tests/Tape-v0", episodes=3, seed=0)
    assert returns.tolist() == [15, 15, 15]
    assert evaluate(lambda o: torch.zeros(len(o), 2), "ppo_tests/CutTape-v0", episodes=1, seed=0).tolist() == [6]


def test_evaluate_agrees_with_the_corridors_exact_value():
    """A greedy run right by day ends in the pit: 3 or less. Mean of 400 plays within 4 standard errors of exact."""
    from ppo_lessons.corridor import Corridor

    world = Corridor()
    always_right = torch.tensor([0.0, 0.0, 60.0])
    exact = world.start_value(always_right.double().expand(12, 3))
    returns = evaluate(lambda o: always_right.expand(len(o), 3), "ppo_lessons/Corridor-v0", episodes=400, seed=0)
    assert abs(returns.mean().item() - exact) <= 4 * returns.std().item() / 20


def test_evaluate_refuses_zero_episodes():
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        evaluate(lambda o: o, "CartPole-v1", episodes=0, seed=0)


def test_a_film_has_one_picture_a_step():
    """From the start to the first end, greedily: always `left` stands at the wall for six steps."""

    def policy(observations):
        return torch.tensor([1.0, 0.0, 0.0]).expand(len(observations), 3)

    frames = ppo.play(policy, "ppo_lessons/Corridor-v0", seed=0)
    assert len(frames) == 7
    assert all(frame.dtype == np.uint8 and frame.shape == frames[0].shape for frame in frames)
    assert frames[0].ndim == 3
    assert frames[0].shape[2] == 3
    assert all((a != b).any() for a, b in pairwise(frames))  # the step number moves


def test_a_film_needs_no_screen_and_says_nothing(capfd, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    frames = ppo.play(lambda observations: torch.tensor([[1.0, 0.0]]), "CartPole-v1", seed=0)
    assert 5 < len(frames) < 20  # always to the left: it falls at once
    assert capfd.readouterr().err == ""
    assert "SDL_VIDEODRIVER" not in os.environ


# Save and resume


@pytest.mark.parametrize("objective", ["clip", "penalty"])
def test_any_record_can_be_saved_later_and_resumed_exactly(objective, tmp_path):
    config = small(objective=objective, total_steps=2048)
    records = list(train(config))
    for update in (0, 3, 7):
        records[update].save(tmp_path / "run.pt")
        resumed = list(train(config, resume=tmp_path / "run.pt"))
        assert without_seconds(resumed) == without_seconds(records[update + 1 :])
        assert resumed[0].seconds > records[update].seconds
    assert os.listdir(tmp_path) == ["run.pt"]


def test_a_finished_run_has_nothing_left_and_a_longer_one_goes_on(tmp_path):
    records = list(train(small()))
    records[-1].save(tmp_path / "run.pt")
    assert list(train(small(), resume=tmp_path / "run.pt")) == []
    assert [r.update for r in train(small(total_steps=1536), resume=tmp_path / "run.pt")] == [5, 6]


@pytest.mark.parametrize("fails_in", ["save", "replace"])
def test_a_save_that_fails_leaves_the_old_file(fails_in, tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    first, second = list(train(small()))[:2]
    first.save(path)
    old = path.read_bytes()

    def write_half(checkpoint, file):
        file.write(old[: len(old) // 2])
        raise KeyboardInterrupt

    def refuse(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(*((torch, "save", write_half) if fails_in == "save" else (os, "replace", refuse)))
    with pytest.raises((KeyboardInterrupt, OSError)):
        second.save(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["run.pt"]


class Boom:
    """Unpickling it would run code."""

    def __reduce__(self):
        return (os.mkdir, ("boom",))


def test_loading_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"config": Boom()}, "run.pt")
    with pytest.raises(ValueError, match=r"run.pt is not a checkpoint") as caught:
        next(train(small(), resume="run.pt"))
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "run.pt").write_bytes(content)
    with pytest.raises(ValueError, match=r"run.pt is not a checkpoint"):
        next(train(small(), resume=tmp_path / "run.pt"))
    with pytest.raises(FileNotFoundError):
        next(train(small(), resume=tmp_path / "none.pt"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 3}, "seed was 0 and is 3"),
        ({"lam": 0.5}, "lam was 0.95 and is 0.5"),
        ({"hidden": 32}, "hidden was 64 and is 32"),
        ({"env_id": "CartPole-v1"}, "env_id was 'ppo_lessons/CartPole-v1' and is 'CartPole-v1'"),
        ({"normalize": "minibatch"}, "normalize was 'rollout' and is 'minibatch'"),
        ({"anneal": False}, "anneal was True and is False"),
        ({"target_kl": 0.02}, "target_kl was inf and is 0.02"),
    ],
)
def test_resume_with_other_settings_is_refused(changes, words, tmp_path):
    next(train(small())).save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match=f"other settings: {words}"):
        next(train(small(**changes), resume=tmp_path / "run.pt"))


def test_a_checkpoint_from_when_normalize_was_yes_or_no_is_refused_in_words(tmp_path):
    first = next(train(small()))
    first.checkpoint["config"]["normalize"] = True
    first.save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match="other settings: normalize was True and is 'rollout'"):
        next(train(small(), resume=tmp_path / "run.pt"))
    for name in ("anneal", "target_kl", "value_clip"):
        del first.checkpoint["config"][name]
    first.save(tmp_path / "run.pt")
    with pytest.raises(ValueError, match=r"another version .* \['anneal', 'target_kl', 'value_clip'\]"):
        next(train(small(), resume=tmp_path / "run.pt"))


def test_a_checkpoint_says_on_which_device_it_was_written(tmp_path):
    next(train(small())).save(tmp_path / "run.pt")
    if torch.cuda.is_available():
        with pytest.raises(ValueError, match="device was 'cpu' and is 'cuda'"):
            next(train(small(device="auto"), resume=tmp_path / "run.pt"))
    else:
        assert next(train(small(device="auto"), resume=tmp_path / "run.pt")).update == 1


def test_a_numpy_game_resumes_with_fresh_episodes_and_says_so(tmp_path):
    config = small(env_id="ppo_tests/Tape-v0")
    records = list(train(config))
    records[1].save(tmp_path / "run.pt")  # 32 steps of tapes of 5: two steps into the seventh
    with pytest.warns(UserWarning, match="Tape-v0 cannot be saved in mid-game: fresh episodes begin"):
        resumed = list(train(config, resume=tmp_path / "run.pt"))
    assert [record.update for record in resumed] == [2, 3, 4]
    assert [record.episodes for record in resumed] == [48, 48, 56]  # as from the start, not 48, 56, 48
    assert resumed[0].entropy != records[1].entropy  # but the policy is the trained one
    assert resumed[0].entropy == pytest.approx(records[2].entropy, rel=0.01)


def test_a_device_game_resumes_without_a_warning(tmp_path):
    next(train(small())).save(tmp_path / "run.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(train(small(), resume=tmp_path / "run.pt"))


CHILD = """
import sys
from ppo_lessons.ppo import Config, train
for record in train(Config(device="cpu")):
    record.save(sys.argv[1])
    print(record.update, flush=True)
"""


@pytest.fixture(scope="module")
def default_run():
    """The default settings with seed 0, from the first record to the last."""
    return list(train(Config(device="cpu")))


@pytest.mark.parametrize("attempt", range(2))
def test_a_killed_run_resumes_as_if_nothing_had_happened(attempt, default_run, tmp_path):
    path = tmp_path / "run.pt"
    moment = random.SystemRandom()
    updates = Config().updates
    seen, pause = moment.randrange(updates - 5), moment.uniform(0, 0.05)
    with subprocess.Popen([sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, text=True) as child:
        for _ in range(seen + 1):
            child.stdout.readline()
        time.sleep(pause)
        child.kill()
    assert child.returncode == (1 if os.name == "nt" else -signal.SIGKILL), f"it ended by itself: {seen=}, {pause=}"
    resumed = list(train(Config(device="cpu"), resume=path))
    assert 1 <= len(resumed) <= updates - seen
    assert without_seconds(resumed) == without_seconds(default_run[-len(resumed) :])
    ours, theirs = resumed[-1].policy.state_dict(), default_run[-1].policy.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_interrupting_keeps_what_was_learned(tmp_path, monkeypatch):
    """A KeyboardInterrupt in the middle of update 3: the caller still holds record 2 and a policy that plays."""
    records, calls = [], []
    original = ppo.value_loss

    def interrupt(*args):
        calls.append(1)
        if len(calls) == 2 * 16 + 5:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(ppo, "value_loss", interrupt)
    with pytest.raises(KeyboardInterrupt):
        for record in train(small()):
            records.append(record)
    monkeypatch.undo()
    assert [record.update for record in records] == [0, 1, 2]
    assert evaluate(records[-1].policy, "CartPole-v1", episodes=2, seed=0).isfinite().all()
    records[-1].save(tmp_path / "run.pt")
    resumed = list(train(small(), resume=tmp_path / "run.pt"))
    assert without_seconds(records + resumed) == without_seconds(train(small()))


# The command line

SHORT = ["--total-steps", "1024", "--num-envs", "8", "--num-steps", "32", "--device", "cpu"]


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "ppo_lessons.ppo", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_command_line_trains_saves_and_resumes(tmp_path):
    path = tmp_path / "run.pt"
    first = command("--env", "CartPole-v1", "--seed", 3, *SHORT, "--save", path)
    assert first.returncode == 0, first.stderr
    head, *rows, verdict = first.stdout.splitlines()
    assert head.split()[:4] == ["update", "env_steps", "seconds", "mean_return"]
    assert [row.split()[:2] for row in rows] == [[str(n), str(256 * n)] for n in range(5)]
    assert verdict.startswith("100 greedy episodes of CartPole-v1: mean return ")
    assert "steps/s" in first.stderr  # the progress bar
    assert "return " in first.stderr
    assert torch.load(path, weights_only=True)["config"]["seed"] == 3
    longer = ["--total-steps", "1536", *SHORT[2:]]
    second = command("--env", "CartPole-v1", "--seed", 3, *longer, "--resume", path)
    assert second.returncode == 0, second.stderr
    assert [row.split()[0] for row in second.stdout.splitlines()[1:-1]] == ["5", "6"]
    assert "fresh episodes begin" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lam", "2"], "lam must lie in [0, 1], got 2.0"),
        (["--normalize", "True"], "normalize must be one of rollout, minibatch, none, got 'True'"),
        (["--target-kl", "-1"], "target_kl must not be negative, got -1.0"),
        (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["--speed", "9"], "unrecognized arguments: --speed 9"),
        (["--env", "Nope-v0"], "Environment `Nope` doesn't exist"),
        (["--env", "Blackjack-v1"], "plays games with Box or Discrete observations"),
        (["--normalize-rewards"], "are for NumPy games such as CartPole-v1"),
        (["--device", "gpu"], "device must be"),
        (["--resume", "nowhere.pt"], "nowhere.pt"),
        (["--save", "nowhere/run.pt"], "nowhere"),
        (["--learning-rate", "1e30"], "try a smaller learning_rate"),
    ],
)
def test_command_line_says_what_is_wrong(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main([*SHORT, *arguments])
    assert stopped.value.code != 0
    said = capsys.readouterr().err
    assert "error: " in said
    assert words in said
    assert os.listdir(tmp_path) == []


def test_command_line_sets_what_practitioners_set(capsys, monkeypatch):
    seen, original = [], cli.run
    monkeypatch.setattr(cli, "run", lambda config, **options: seen.append(config) or original(config, **options))
    cli.main([*SHORT, "--no-anneal", "--normalize", "minibatch", "--target-kl", "0.02", "--value-clip", "0.2"])
    changes = {"anneal": False, "normalize": "minibatch", "target_kl": 0.02, "value_clip": 0.2}
    assert seen == [Config(total_steps=1024, num_envs=8, num_steps=32, device="cpu", **changes)]
    assert "100 greedy episodes of ppo_lessons/CartPole-v1" in capsys.readouterr().out


def test_command_line_error_is_one_line_without_a_traceback():
    wrong = command("--env", "Blackjack-v1", *SHORT)
    assert wrong.returncode == 1
    assert wrong.stdout == ""
    assert "Traceback" not in wrong.stderr
    assert wrong.stderr.startswith("python -m ppo_lessons.ppo: error: the trainer plays games with")  # no bar before it


def test_command_line_help_shows_each_setting_with_its_default(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for setting in dataclasses.fields(Config):
        flag = "--env" if setting.name == "env_id" else "--" + setting.name.replace("_", "-")
        assert flag in said
        assert f"default: {setting.default}" in said


def test_command_line_interrupted_shows_what_was_learned(capsys, monkeypatch):
    original, calls = ppo.improve, []

    def interrupt(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(ppo, "improve", interrupt)
    cli.main(SHORT)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("stopped by you")
    assert [row.split()[0] for row in said[2:-1]] == ["0", "1", "2"]
    assert said[-1].startswith("100 greedy episodes")


def test_command_line_with_nothing_left_to_do_says_so(capsys, tmp_path):
    list(train(Config(total_steps=1024, num_envs=8, num_steps=32, device="cpu")))[-1].save(tmp_path / "run.pt")
    cli.main([*SHORT, "--resume", str(tmp_path / "run.pt")])
    assert "no update was made" in capsys.readouterr().out


def test_table_is_short_and_ends_with_the_last_record():
    records = [ppo.Record(update, 2048 * update, 0.1, kl=-1.234567e-5, entropy=123.456) for update in range(49)]
    for number in (1, 2, 12, 13, 49):
        head, *rows = cli.table(records[:number]).splitlines()
        assert 1 <= len(rows) <= 12
        assert rows[-1].split()[0] == str(number - 1)
        assert {len(row) for row in rows} == {len(head)}  # the columns stand under their names
        assert all(len(row.split()) == len(head.split()) == 11 for row in rows)


# It learns


def solved(policy):
    return evaluate(policy, "CartPole-v1", episodes=100, seed=10_000).mean().item() >= 475


def test_default_settings_solve_cartpole(default_run):
    assert solved(default_run[-1].policy)
    assert default_run[-1].env_steps <= 100_000


def test_the_penalty_trains_too():
    records = list(train(Config(objective="penalty", device="cpu", total_steps=50_000)))
    assert evaluate(records[0].policy, "CartPole-v1", episodes=20, seed=0).mean() > 100
    assert records[-1].mean_return > 5 * records[1].mean_return


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_gpu_solves_cartpole():
    records = list(train(Config(device="cuda")))
    assert next(records[-1].policy.parameters()).is_cuda
    assert solved(records[-1].policy)
