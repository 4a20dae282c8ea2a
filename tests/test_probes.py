"""The probe games: what they pay, the answers that the trainer must find, and the bugs that it must not hide."""

import functools
import warnings

import gymnasium
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from ppo_lessons import ppo
from ppo_lessons.envs import probes as games
from ppo_lessons.experiments import probes
from ppo_lessons.experiments.bug_lab import BUGS
from ppo_lessons.experiments.probes import PROBES, config_of

seeds = pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
check = functools.cache(probes.check)  # the same run is asked for more than once

CATCHES = {  # the probe that is made for a bug, and the answer that is wrong then
    "no bootstrap at a time limit": ("Delay", "V where 1 is seen"),
    "the sum runs across resets": ("Observation", "the critic's error"),
    "values of the rollout before": ("Observation", "V where 1 is seen"),
    "advantages of the wrong sign": ("Match", "π(1) where 1 is seen"),
    "advantages not normalised": ("Action", "π(1)"),
    "ratio from another sample's log-probability": ("Action", "ratios outside the band"),
    "entropy of the wrong sign": ("Constant", "π(1)"),
}


def played(probe, steps=1, copies=1000):
    """What many copies of a probe show and pay, with random actions."""
    envs = gymnasium.make_vec(f"ppo_lessons/Probe{probe}-v0", copies)
    seen, _ = envs.reset(seed=0)
    generator, transitions = torch.Generator().manual_seed(1), []
    for _ in range(steps):
        actions = torch.randint(envs.single_action_space.n, (copies,), generator=generator)
        following, rewards, terminated, truncated, info = envs.step(actions)
        transitions.append((seen[:, 0], actions, rewards, info["final_obs"][:, 0], terminated, truncated))
        seen = following
    return transitions


# The games


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_is_reached_in_every_way_that_gymnasium_knows(probe):
    env_id = f"ppo_lessons/Probe{probe}-v0"
    with gymnasium.make(env_id) as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    for mode in ("sync", None):
        envs = gymnasium.make_vec(env_id, 3, vectorization_mode=mode)
        assert envs.reset(seed=0)[0].shape == (3, 1)
        envs.close()


@pytest.mark.parametrize("probe", PROBES)
def test_a_single_probe_plays_as_one_of_many(probe):
    env_id = f"ppo_lessons/Probe{probe}-v0"
    single, many = gymnasium.make(env_id), gymnasium.make_vec(env_id, 1)
    first, _ = single.reset(seed=3)
    assert first == many.reset(seed=3)[0].numpy()
    for _ in range(3):
        action = single.action_space.n - 1
        ours, theirs = single.step(action), many.step(torch.tensor([action]))
        assert ours[0] == theirs[4]["final_obs"].numpy()
        assert ours[1:4] == tuple(x.item() for x in theirs[1:4])
        if ours[2] or ours[3]:
            single.reset()  # the many have done so by themselves: both go on with the same random numbers
            break


@pytest.mark.parametrize("probe", ["Constant", "Observation", "Action", "Match"])
def test_one_step_is_a_whole_play(probe):
    ((_, _, _, _, terminated, truncated),) = played(probe)
    assert terminated.all()
    assert not truncated.any()


def test_constant_pays_1_for_either_action():
    ((seen, actions, rewards, *_),) = played("Constant")
    assert set(seen.tolist()) == set(rewards.tolist()) == {1.0}
    assert set(actions.tolist()) == {0, 1}


def test_observation_pays_what_is_seen_and_a_coin():
    """The share of heads within 4 standard errors of a half, whatever is seen."""
    ((seen, _, rewards, *_),) = played("Observation", copies=10_000)
    assert set(seen.tolist()) == set((rewards - seen).tolist()) == {-1.0, 1.0}
    for shown in (-1, 1):
        heads = (rewards - seen)[seen == shown] > 0
        assert 4_800 <= len(heads) <= 5_200
        assert abs(heads.float().mean() - 0.5) < 4 * 0.5 / len(heads) ** 0.5


def test_delay_goes_to_and_fro_and_is_cut_after_two_steps():
    for t, (seen, _, rewards, following, terminated, truncated) in enumerate(played("Delay", steps=6, copies=3)):
        way = 1.0 if t % 2 else -1.0
        assert seen.tolist() == [way] * 3 and following.tolist() == [-way] * 3
        assert rewards.tolist() == [float(t % 2)] * 3
        assert not terminated.any()
        assert truncated.tolist() == [t % 2 == 1] * 3


def test_action_pays_little_for_1_and_nothing_for_0():
    ((seen, actions, rewards, *_),) = played("Action")
    assert set(seen.tolist()) == {1.0}
    torch.testing.assert_close(rewards, 0.01 * actions)


def test_match_pays_the_action_that_is_seen():
    ((seen, actions, rewards, *_),) = played("Match")
    for shown, action, reward in ((-1, 0, 1), (-1, 1, -1), (1, 0, -1), (1, 1, 1)):
        these = (seen == shown) & (actions == action)
        assert these.sum() > 150
        assert set(rewards[these].tolist()) == {reward}


@pytest.mark.parametrize("game", [games.ObservationProbe, games.MatchProbe])
def test_a_slice_of_a_probe_plays_as_among_all(game):
    whole, part = game(8, max_episode_steps=2), game(3, max_episode_steps=2, first=4, total=8)
    assert torch.equal(whole.reset(seed=5)[0][4:7], part.reset(seed=5)[0])
    actions = torch.zeros(8, dtype=torch.int64)
    for a, b in zip(whole.step(actions)[:4], part.step(actions[4:7])[:4], strict=True):
        assert torch.equal(a[4:7], b)


def test_the_values_of_delay_solve_bellmans_equations():
    gamma, (there, back) = probes.GAMMA, (answer.known for answer in PROBES["Delay"].answers(Blind()))
    assert there == pytest.approx(gamma * back)
    assert back == pytest.approx(1 + gamma * there)


class Blind:
    """A run that found nothing."""

    def value(self, seen):
        return 0.0


# The trainer on them


@seeds
@pytest.mark.parametrize("probe", PROBES)
def test_the_trainer_finds_the_known_answers(probe, seed):
    assert [answer for answer in check(probe, None, seed) if not answer.right] == []


@seeds
@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_is_caught_by_the_probe_that_is_made_for_it(bug, seed):
    probe, what = CATCHES[bug]
    answers = {answer.what: answer for answer in check(probe, bug, seed)}
    assert not answers[what].right


def test_two_bugs_leave_the_number_that_theory_gives():
    """Without a bootstrap V is 1 and gamma; without normalising pi(1) is the softmax of reward over entropy weight."""
    there, back = check("Delay", "no bootstrap at a time limit", 0)
    assert (there.found, back.found) == pytest.approx((probes.GAMMA, 1.0), abs=0.05)
    pi, _ = check("Action", "advantages not normalised", 0)
    soft = torch.tensor(0.01 / probes.SETTINGS["entropy_weight"]).sigmoid().item()
    assert pi.found == pytest.approx(soft, abs=0.05)


def test_a_bug_that_a_probe_is_blind_to_changes_nothing_there():
    """Where nothing is truncated a missing bootstrap is no bug."""
    for probe in ("Observation", "Action"):
        assert check(probe, "no bootstrap at a time limit", 0) == check(probe, None, 0)


def test_every_bug_and_every_probe_has_its_place():
    assert list(CATCHES) == list(BUGS)
    assert {f"ppo_lessons/Probe{probe}-v0" for probe in PROBES} == {
        name for name in gymnasium.registry if name.startswith("ppo_lessons/Probe")
    }
    assert {probe for probe, _ in CATCHES.values()} == set(PROBES)


def test_the_settings_do_not_lean_on_defaults_that_may_change():
    config = config_of("Action", 7)
    assert (config.seed, config.epochs, config.minibatches, config.env_id) == (7, 1, 1, "ppo_lessons/ProbeAction-v0")
    assert isinstance(config, ppo.Config) and config.updates == 40
