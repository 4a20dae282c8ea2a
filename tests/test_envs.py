"""The games: the Corridor against its own tables, CartPole in torch against Gymnasium's."""

import math
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import ppo_lessons  # noqa: F401 (registers the games)
from ppo_lessons.corridor import CELLS, ENDED, FLAG, PIT, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.envs.cartpole import ANGLE_LIMIT, POSITION_LIMIT, cartpole_step

CORRIDOR, CARTPOLE = "ppo_lessons/Corridor-v0", "ppo_lessons/CartPole-v1"
LEFT, UP, RIGHT = 0, 1, 2


# The Corridor


@pytest.fixture
def corridor():
    with gymnasium.make(CORRIDOR) as env:
        yield env.unwrapped


def test_corridor_passes_the_checker(corridor):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(corridor, skip_render_check=True)


def test_corridor_passes_the_checker_with_its_pictures():
    env = gymnasium.make(CORRIDOR, render_mode="rgb_array").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


def test_corridor_has_no_time_limit_wrapper():
    env = gymnasium.make(CORRIDOR)
    assert env.spec.max_episode_steps is None
    while env is not env.unwrapped:
        assert not isinstance(env, gymnasium.wrappers.TimeLimit)
        env = env.env


@pytest.mark.parametrize("situation", ["day", "night"])
def test_corridor_sixth_step_terminates(corridor, situation):
    corridor.reset(seed=0, options={"situation": situation})
    for step in range(1, 7):
        observation, reward, terminated, truncated, info = corridor.step(LEFT)  # at the wall: stay and earn nothing
        assert (reward, truncated) == (0, False)
        assert terminated == (step == 6)
        assert observation[STATES] == step
        assert info == {"situation": situation, "cell": 0}


def test_corridor_observation_is_state_and_step_number(corridor):
    observation, _ = corridor.reset(seed=1, options={"situation": "night"})
    assert observation.dtype == np.float32
    assert observation.shape == (STATES + 1,)
    expected = np.zeros(STATES + 1)
    expected[CELLS] = 1
    assert observation.tolist() == expected.tolist()
    observation, reward, *_, info = corridor.step(RIGHT)
    expected = np.zeros(STATES + 1)
    expected[CELLS + info["cell"]] = 1
    expected[STATES] = 1
    assert observation.tolist() == expected.tolist()
    assert reward == (-5 if info["cell"] == 1 else 0)


@pytest.mark.parametrize(
    ("cell", "action", "end", "reward"),
    [(1, UP, PIT, -2), (2, RIGHT, PIT, -2), (4, LEFT, PIT, -2), (4, UP, FLAG, 3), (4, RIGHT, FLAG, 3)],
)
def test_corridor_pit_and_flag_end_the_game(cell, action, end, reward):
    env = gymnasium.make(CORRIDOR, world=Corridor(success=(1.0, 1.0, 1.0))).unwrapped
    env.reset(seed=0, options={"situation": "day"})
    env.cell = cell
    observation, got, terminated, truncated, info = env.step(action)
    assert (got, terminated, truncated, info["cell"]) == (reward, True, False, end)
    assert observation.argmax() == end


def test_corridor_frequencies_agree_with_the_tables(corridor):
    """Each outcome's share within 4 standard errors of its probability; what is impossible never happens."""
    probability, reward = Corridor().transitions()
    probability, reward = probability.numpy(), reward.numpy()
    counts = np.zeros_like(probability)
    actions = np.random.default_rng(0)
    starts = np.zeros(2)
    corridor.reset(seed=0)
    for _ in range(3000):
        corridor.reset()
        starts[corridor.situation] += 1
        terminated = False
        while not terminated:
            state, action = CELLS * corridor.situation + corridor.cell, actions.integers(3)
            _, got, terminated, _, _ = corridor.step(action)
            successor = ENDED if corridor.cell in (PIT, FLAG) else CELLS * corridor.situation + corridor.cell
            counts[state, action, successor] += 1
            assert got == reward[state, action, successor]
    number = counts.sum(-1, keepdims=True).clip(min=1)
    visited = [CELLS * situation + cell for situation in (0, 1) for cell in (0, 1, 2, 4)]
    assert number[visited].min() > 90
    error = np.sqrt(probability * (1 - probability) / number)[visited]
    assert (np.abs(counts / number - probability)[visited] <= 4 * error + 1e-12).all()
    assert abs(starts[0] / 3000 - 1 / 2) <= 4 * (1 / 4 / 3000) ** 0.5


def test_corridor_earns_what_the_list_promises(corridor):
    """Mean return of 3,000 plays under the slides' policy within 4 standard errors of J = -1.247."""
    actions = np.random.default_rng(1)
    corridor.reset(seed=1)
    returns = []
    for _ in range(3000):
        corridor.reset()
        terminated = False
        while not terminated:
            terminated = corridor.step(actions.choice(3, p=SLIDES_POLICY))[2]
        returns.append(corridor.total)
    world = Corridor()
    exact = world.start_value(world.policy(SLIDES_POLICY))
    assert abs(np.mean(returns) - exact) <= 4 * np.std(returns) / 3000**0.5


def test_corridor_seed_repeats_the_play():
    def play(seed):
        env = gymnasium.make(CORRIDOR)
        seen = [env.reset(seed=seed)]
        while len(seen) == 1 or not seen[-1][2]:
            seen.append(env.step(RIGHT))
        return [(step[0].tolist(), *step[1:]) for step in seen]

    assert play(5) == play(5)
    assert len({str(play(seed)) for seed in range(10)}) > 1


def test_corridor_renders_as_text():
    env = gymnasium.make(CORRIDOR, render_mode="ansi", world=Corridor(success=(1.0, 1.0, 1.0)))
    env.reset(seed=0, options={"situation": "day"})
    assert env.render() == "[A][ ][ ][x][ ][F]  day, step 0, return so far +0"
    env.step(RIGHT)
    assert env.render() == "[ ][A][ ][x][ ][F]  day, step 1, after right, return so far +5"
    env.step(UP)
    assert env.render() == "[ ][ ][ ][A][ ][F]  day, step 2, after up, return so far +3"
    env.reset(seed=0, options={"situation": "night"})
    assert env.render() == "[A][ ][ ][x][ ][F]  night, step 0, return so far +0"


def test_corridor_renders_as_a_picture():
    env = gymnasium.make(CORRIDOR, render_mode="rgb_array", world=Corridor(success=(1.0, 1.0, 1.0)))
    env.reset(seed=0, options={"situation": "day"})
    before = env.render()
    assert before.dtype == np.uint8
    assert before.ndim == 3
    assert before.shape[2] == 3
    assert np.array_equal(before, env.render())
    env.step(RIGHT)
    after = env.render()
    assert after.shape == before.shape
    assert not np.array_equal(before, after)
    env.reset(options={"situation": "night"})
    assert not np.array_equal(before, env.render())


def test_corridor_without_a_render_mode_draws_nothing(corridor):
    corridor.reset(seed=0)
    assert corridor.render() is None


@pytest.mark.parametrize("action", [3, -1, 1.0, "up"])
def test_corridor_refuses_unknown_actions(corridor, action):
    corridor.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 0"):
        corridor.step(action)


def test_corridor_refuses_unknown_words(corridor):
    with pytest.raises(ValueError, match=r"situation must be one of .* got 'dawn'"):
        corridor.reset(options={"situation": "dawn"})
    with pytest.raises(ValueError, match="render_mode"):
        type(corridor)(render_mode="human")


# CartPole in torch


def balance(state):
    """Keeps the pole up for ever: push towards the side that it leans to, corrected by where the cart is."""
    position, velocity, angle, spin = state
    return int(angle + 0.3 * spin + 0.03 * position + 0.06 * velocity > 0)


def side_by_side(episodes, choose, *, seed):
    """Play Gymnasium's games and the torch games with the same actions, each step from Gymnasium's own state.

    Yields for each step and game what both said: (observation, reward, terminated, truncated), twice.
    """
    ours = gymnasium.make_vec(CARTPOLE, episodes)
    theirs = [gymnasium.make("CartPole-v1") for _ in range(episodes)]
    for i, env in enumerate(theirs):
        env.reset(seed=seed + i)
    ours.reset(seed=0)
    playing = set(range(episodes))
    while playing:
        ours.state = torch.tensor(np.stack([env.unwrapped.state for env in theirs]), dtype=torch.float32)
        actions = [choose(env.unwrapped.state) for env in theirs]
        _, rewards, terminated, truncated, info = ours.step(torch.tensor(actions))
        for i in sorted(playing):
            answer = theirs[i].step(actions[i])[:4]
            yield (info["final_obs"][i], rewards[i], terminated[i], truncated[i]), answer
            if answer[2] or answer[3]:
                playing.remove(i)


@pytest.mark.parametrize("controller", ["random", "balance"])
def test_cartpole_equals_gymnasium_over_whole_episodes(controller):
    random = np.random.default_rng(0)
    choose = {"random": lambda _: int(random.integers(2)), "balance": balance}[controller]
    ends = []
    for ours, theirs in side_by_side(6, choose, seed=0):
        observation, reward, terminated, truncated = ours
        assert np.abs(observation.numpy() - theirs[0]).max() < 1e-5
        assert reward == theirs[1] == 1
        assert terminated == theirs[2]
        assert truncated == theirs[3]
        if theirs[2] or theirs[3]:
            ends.append((theirs[2], theirs[3]))
    assert len(ends) == 6
    # a random player drops every pole; the controller really gets to step 500, six times
    assert set(ends) == {(True, False) if controller == "random" else (False, True)}


def test_cartpole_truncates_at_step_500_and_not_before():
    envs = gymnasium.make_vec(CARTPOLE, 1)
    state, _ = envs.reset(seed=0)
    for step in range(1, 501):
        state, _, terminated, truncated, _ = envs.step(torch.tensor([balance(state[0].tolist())]))
        assert not terminated
        assert truncated.item() == (step == 500)
    assert envs.elapsed.item() == 0


def test_cartpole_pole_that_falls_in_step_500_is_both_terminated_and_truncated():
    falling = [0.0, 0.0, 0.2, 3.0]
    theirs = gymnasium.make("CartPole-v1")
    theirs.reset(seed=0)
    theirs.unwrapped.state = np.array(falling)
    theirs._elapsed_steps = 499
    ours = gymnasium.make_vec(CARTPOLE, 1)
    ours.reset(seed=0)
    ours.state, ours.elapsed = torch.tensor([falling]), torch.tensor([499])
    _, reward, terminated, truncated, _ = ours.step(torch.tensor([1]))
    assert theirs.step(1)[1:4] == (reward.item(), terminated.item(), truncated.item()) == (1.0, True, True)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("part", "limit"), [(0, POSITION_LIMIT), (2, ANGLE_LIMIT)])
def test_cartpole_terminates_beyond_its_limits_only(part, limit, sign):
    envs = gymnasium.make_vec(CARTPOLE, 2)
    envs.reset(seed=0)
    envs.state = torch.zeros(2, 4)
    envs.state[:, part] = sign * torch.tensor([limit - 1e-4, limit + 1e-4])
    assert envs.step(torch.tensor([0, 0]))[2].tolist() == [False, True]


def test_cartpole_resets_in_the_same_step():
    envs = gymnasium.make_vec(CARTPOLE, 3)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    envs.reset(seed=0)
    before = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.2, 3.0], [0.01, 0.0, 0.0, 0.0]])
    envs.state = before
    observations, _, terminated, _, info = envs.step(torch.tensor([0, 1, 1]))
    assert terminated.tolist() == info["_final_obs"].tolist() == [False, True, False]
    last = cartpole_step(before, torch.tensor([0, 1, 1]))
    assert torch.equal(info["final_obs"], last)
    assert torch.equal(observations[[0, 2]], last[[0, 2]])
    assert (observations[1].abs() <= 0.05).all()
    assert envs.elapsed.tolist() == [1, 0, 1]
    assert torch.equal(envs.state, observations)


def test_cartpole_first_states_are_uniform():
    """Mean 0 and variance 0.1^2 / 12, each within 4 standard errors; never beyond 0.05."""
    states, _ = gymnasium.make_vec(CARTPOLE, 20_000).reset(seed=0)
    assert states.abs().max() <= 0.05
    variance = 0.1**2 / 12
    assert (states.mean(0).abs() <= 4 * math.sqrt(variance / 20_000)).all()
    assert ((states.var(0) - variance).abs() <= 4 * math.sqrt((0.05**4 / 5 - variance**2) / 20_000)).all()


def test_cartpole_seeded_resets_repeat():
    first, again = gymnasium.make_vec(CARTPOLE, 4), gymnasium.make_vec(CARTPOLE, 4)
    state = first.reset(seed=7)[0]
    assert torch.equal(state, again.reset(seed=7)[0])
    assert not torch.equal(state, again.reset(seed=8)[0])
    assert torch.equal(state, again.reset(seed=7)[0])
    assert not torch.equal(state, again.reset()[0])
    again.step(torch.tensor([0, 0, 1, 1]))
    again.reset()
    assert again.elapsed.tolist() == [0, 0, 0, 0]


def test_cartpole_state_dict_continues_exactly():
    def play(envs, steps):
        seen = []
        for t in range(steps):
            state, rewards, terminated, truncated, _ = envs.step(torch.arange(8) * 5 // (t % 7 + 1) % 2)
            seen += [state, rewards, terminated, truncated]
        return seen

    original = gymnasium.make_vec(CARTPOLE, 8, max_episode_steps=40)
    original.reset(seed=0)
    play(original, 30)
    saved = original.state_dict()
    expected = play(original, 100)
    assert sum(int(flag.sum()) for flag in expected[2::4]) > 0  # resets happened, so the generator mattered
    assert sum(int(flag.sum()) for flag in expected[3::4]) > 0  # and so did the number of steps so far
    copy = gymnasium.make_vec(CARTPOLE, 8, max_episode_steps=40)
    copy.reset(seed=99)
    copy.load_state_dict(saved)
    for ours, theirs in zip(play(copy, 100), expected, strict=True):
        assert torch.equal(ours, theirs)


def test_cartpole_is_reached_in_every_way_that_gymnasium_knows():
    assert type(gymnasium.make_vec(CARTPOLE, 2)).__name__ == "CartPoleTorchEnv"
    assert gymnasium.make_vec(CARTPOLE, 2, max_episode_steps=7).max_episode_steps == 7
    single = gymnasium.make(CARTPOLE)
    assert type(single.unwrapped).__name__ == "CartPoleEnv"
    assert single.spec.max_episode_steps == 500
    sync = gymnasium.make_vec(CARTPOLE, 2, vectorization_mode="sync")
    assert isinstance(sync, gymnasium.vector.SyncVectorEnv)
    for envs in (gymnasium.make_vec(CARTPOLE, 2), sync):
        assert envs.single_observation_space == single.observation_space
        assert envs.single_action_space == single.action_space
        assert envs.observation_space.shape == (2, 4)
        assert envs.action_space.shape == (2,)


def test_cartpole_step_changes_no_input():
    envs = gymnasium.make_vec(CARTPOLE, 4)
    state, _ = envs.reset(seed=0)
    kept, actions = state.clone(), torch.tensor([0, 1, 0, 1])
    envs.step(actions)
    assert torch.equal(state, kept)
    assert actions.tolist() == [0, 1, 0, 1]
