"""The ten algorithms of the course: one trainer with other settings."""

import dataclasses
import itertools
import math

import pytest
import torch

from ppo_lessons import cli, ppo
from ppo_lessons.ppo import ALGORITHMS, Config, evaluate, train
from ppo_lessons.trainer import variants
from ppo_lessons.trainer.config import MONTE_CARLO, settings_for
from ppo_lessons.trainer.rollout import Game, Rollout
from ppo_lessons.trainer.variants import whole_episodes

STATED = {  # mean of 100 greedy episodes that seed 0 reaches within 100,000 steps; a random policy has about 20
    "reinforce": 150,
    "reward-to-go": 250,
    "baseline": 400,
    "a2c": 300,
    "gae": 300,
    "importance-sampling": 200,
    "trpo": 450,
    "ppo-penalty": 475,
    "ppo-penalty-adaptive": 300,
    "ppo-clip": 475,
}


def rollout(rewards, terminated, truncated):
    """A rollout [T, N] of which only rewards and ends matter; the observation is the step number."""
    rewards = torch.tensor(rewards, dtype=torch.float32)
    terminated, truncated = torch.tensor(terminated) > 0, torch.tensor(truncated) > 0
    steps = torch.arange(len(rewards), dtype=torch.float32)[:, None].expand_as(rewards)
    logits = torch.zeros(*rewards.shape, 2)
    actions = torch.zeros(rewards.shape, dtype=torch.int64)
    nothing = torch.full(rewards.shape, torch.nan)
    return Rollout(
        observations=steps[..., None],
        actions=actions,
        dist_params=logits,
        rewards=rewards,
        next_observations=steps[..., None] + 1,
        terminated=terminated,
        truncated=truncated,
        episode_returns=nothing,
    )


def settings(name, **changes):
    return Config(**{"device": "cpu", **settings_for("CartPole-v1", name), **changes})


def test_whole_episodes_by_hand():
    # game 0: ends after step 1 and after step 3; game 1: ends after step 2 (cut), then one step that did not end
    episodes = whole_episodes(
        rollout(
            rewards=[[1, 10], [2, 20], [3, 30], [4, 40]],
            terminated=[[0, 0], [1, 0], [0, 0], [1, 0]],
            truncated=[[0, 0], [0, 0], [0, 1], [0, 0]],
        )
    )
    assert episodes.rewards.T.tolist() == [[1, 2, 0], [3, 4, 0], [10, 20, 30]]
    assert episodes.mask.T.tolist() == [[True, True, False], [True, True, False], [True, True, True]]
    assert episodes.observations[..., 0].T.tolist() == [[0, 1, 0], [2, 3, 0], [0, 1, 2]]
    assert episodes.truncated.T.tolist() == [[False, False, False], [False, False, False], [False, False, True]]


def test_whole_episodes_refuses_a_rollout_in_which_nothing_ended():
    with pytest.raises(ValueError, match="no episode ended within 2 steps"):
        whole_episodes(rollout([[1.0], [1.0]], [[0], [0]], [[0], [0]]))


@pytest.mark.parametrize(
    ("estimator", "expected", "targets"),
    [
        # rewards 1, 2, 4, gamma 1/2, the third step terminates; V = 1 everywhere
        ("total_return", [3.0, 3.0, 3.0], [3.0, 4.0, 4.0]),  # 1 + 2/2 + 4/4 = 3
        ("reward_to_go", [3.0, 4.0, 4.0], [3.0, 4.0, 4.0]),  # 3;  2 + 4/2 = 4;  4
        ("baseline", [2.0, 3.0, 3.0], [3.0, 4.0, 4.0]),
        ("td_error", [0.5, 1.5, 3.0], [1.5, 2.5, 4.0]),  # 1 + 1/2 - 1;  2 + 1/2 - 1;  4 - 1
        ("gae", [2.0, 3.0, 3.0], [3.0, 4.0, 4.0]),  # lam 1: A_2 = 3;  A_1 = 3/2 + 3/2 = 3;  A_0 = 1/2 + 3/2 = 2
    ],
)
def test_estimators_by_hand(estimator, expected, targets):
    played = rollout([[1.0], [2.0], [4.0]], [[0], [0], [1]], [[0], [0], [0]])
    values = torch.ones(3, 1)
    config = settings("ppo-clip", advantage_estimator=estimator, gamma=0.5, lam=1.0)
    judge = variants.of(config).advantages_and_targets or ppo.advantages_and_targets
    got, target = judge(played, values, torch.ones(3, 1), config)
    assert got.flatten().tolist() == expected
    assert target.flatten().tolist() == targets


@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_runs_and_moves_its_policy(name):
    records = list(train(settings(name, total_steps=6144)))
    assert all(record.kl > 0 for record in records[1:])
    assert all(math.isfinite(record.value_loss) for record in records[1:])


@pytest.mark.parametrize("name", ["reinforce", "a2c", "trpo"])
def test_one_step_algorithms_have_no_clip_fraction(name):
    *_, last = train(settings(name, total_steps=2048))
    assert math.isnan(last.clip_fraction)


def test_without_a_critic_the_critic_does_not_learn():
    records = list(train(settings("reward-to-go", total_steps=4096)))
    before, after = records[1].checkpoint["critic"], records[2].checkpoint["critic"]
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_trpo_obeys_its_limit_in_every_update():
    records = list(train(settings("trpo", total_steps=20_480)))
    moved = [record.kl for record in records[1:]]
    assert max(moved) <= 0.01 * 1.001
    assert sum(moved) / len(moved) > 0.001


def test_monte_carlo_rollouts_begin_with_fresh_episodes(monkeypatch):
    begun = []
    original = Game.reset
    monkeypatch.setattr(Game, "reset", lambda game: (begun.append(1), original(game))[1])
    list(train(settings("reinforce", total_steps=4096)))
    assert len(begun) == 2
    list(train(settings("a2c", total_steps=1024)))
    assert len(begun) == 2


def test_adaptive_beta_follows_the_kl_and_survives_a_resume(tmp_path):
    config = settings("ppo-penalty-adaptive", total_steps=20_480)
    whole = list(train(config))
    betas = [record.checkpoint["beta"] for record in whole]
    for record, (before, after) in zip(whole[1:], itertools.pairwise(betas), strict=True):
        low, high = config.beta_target_kl / 1.5, config.beta_target_kl * 1.5
        factor = 0.5 if record.kl < low else 2.0 if record.kl > high else 1.0
        assert after == before * factor
    assert len(set(betas)) > 1
    whole[4].save(tmp_path / "run.pt")
    rest = list(train(config, resume=tmp_path / "run.pt"))
    assert [record.kl for record in rest] == [record.kl for record in whole[5:]]


def test_the_rungs_call_the_functions_of_their_lessons(monkeypatch):
    called = {}

    def spy(module, name):
        function = getattr(module, name)

        def call(*args, **kwargs):
            called.setdefault(algorithm, set()).add(name)
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, call)

    for name in ("gae", "normalize"):
        spy(ppo, name)
    for name in ("score_objective", "reward_to_go", "subtract_baseline", "td_error", "surrogate_objective"):
        spy(variants, name)
    for name in ("trust_region_step", "penalized_objective", "adapt_beta"):
        spy(variants, name)
    for algorithm in ALGORITHMS:
        list(train(settings(algorithm, total_steps=2048)))
    assert called["reinforce"] == {"score_objective", "reward_to_go"}
    assert called["reward-to-go"] == {"score_objective", "reward_to_go"}
    assert called["baseline"] == {"score_objective", "reward_to_go", "subtract_baseline", "normalize"}
    assert called["a2c"] == {"score_objective", "td_error", "normalize"}
    assert called["gae"] == {"score_objective", "gae", "normalize"}
    assert called["trpo"] == {"trust_region_step", "surrogate_objective", "gae", "normalize"}
    assert called["ppo-penalty"] == {"penalized_objective", "gae", "normalize"}
    assert called["ppo-penalty-adaptive"] == called["ppo-penalty"] | {"adapt_beta"}
    assert called["ppo-clip"] == {"gae", "normalize"}


def test_importance_sampling_without_a_leash_is_the_surrogate():
    assert settings("importance-sampling").epsilon == math.inf


def test_monte_carlo_weights_are_used_once_with_the_score():
    for name, changes in ALGORITHMS.items():
        config = settings(name)
        if config.advantage_estimator in MONTE_CARLO:
            assert config.objective == "score", name
            assert config.num_steps >= 500, name
        if config.advantage_estimator in ("total_return", "reward_to_go"):
            assert config.normalize == "none", name
        assert set(changes) <= {field.name for field in dataclasses.fields(Config)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_reaches_its_stated_return_on_gymnasiums_own_game(name):
    *_, last = train(settings(name, env_id="CartPole-v1"))
    assert evaluate(last.policy, "CartPole-v1", episodes=100, seed=10_000).mean() >= STATED[name]


def test_command_line_knows_the_algorithms(capsys):
    cli.main(["--algorithm", "trpo", "--total-steps", "4096", "--device", "cpu", "--max-kl", "0.005"])
    assert "100 greedy episodes" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--algorithm", "sarsa"])
    assert "sarsa" in capsys.readouterr().err
