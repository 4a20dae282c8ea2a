"""The games: the Corridor against its own tables, the games in torch against Gymnasium's."""

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
from ppo_lessons.envs.acrobot import acrobot_step
from ppo_lessons.envs.cartpole import ANGLE_LIMIT, POSITION_LIMIT, cartpole_step
from ppo_lessons.envs.mountain_car import mountain_car_step
from ppo_lessons.envs.pendulum import pendulum_step

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


def test_corridor_tells_pit_from_flag_by_the_cell_and_not_by_the_reward():
    """A world in which both ends pay the same."""
    env = gymnasium.make(CORRIDOR, world=Corridor(success=(1.0, 1.0, 1.0), pit=3.0)).unwrapped
    for cell, action, end in ((2, RIGHT, PIT), (1, UP, PIT), (4, LEFT, PIT), (4, RIGHT, FLAG), (4, UP, FLAG)):
        env.reset(seed=0)
        env.cell = cell
        assert env.step(action)[4]["cell"] == end


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


# Acrobot, MountainCar and Pendulum in torch


def pump(state):
    """Pushes the way the car already rolls: reaches the goal."""
    return 2 if state[1] >= 0 else 0


def swing(state):
    """Turns the joint with the spin of the first rod: lifts the free end above the line."""
    return 2 if state[2] < 0 else 0


def hold(state):
    """Adds energy where there is too little, and holds the pendulum near the top."""
    angle = math.remainder(state[0], 2 * math.pi)
    if abs(angle) < 0.5:
        return np.array([-12 * angle - 3 * state[1]], dtype=np.float32)
    return np.array([2.0 if state[1] >= 0 else -2.0], dtype=np.float32)


RANDOM = np.random.default_rng(0)
PLAYERS = {  # game -> a player that reaches the end that only a good one sees, and a random one
    "Acrobot-v1": (swing, lambda _: int(RANDOM.integers(3))),
    "MountainCar-v0": (pump, lambda _: int(RANDOM.integers(3))),
    "Pendulum-v1": (hold, lambda _: RANDOM.uniform(-3, 3, 1).astype(np.float32)),  # beyond the box, too
}
ENDS = {("Acrobot-v1", 0): (True, False), ("MountainCar-v0", 0): (True, False)}  # all others end at the time limit


@pytest.mark.parametrize("player", [0, 1], ids=["controller", "random"])
@pytest.mark.parametrize("name", PLAYERS)
def test_torch_game_equals_gymnasium_over_whole_episodes(name, player):
    """Each step starts from Gymnasium's own state: next state, observation, reward and both flags agree."""
    choose, count, ends = PLAYERS[name][player], 4, []
    ours = gymnasium.make_vec(f"ppo_lessons/{name}", count)
    theirs = [gymnasium.make(name) for _ in range(count)]
    for i, env in enumerate(theirs):
        env.reset(seed=i)
    ours.reset(seed=0)
    playing = set(range(count))
    while playing:
        ours.state = torch.tensor(np.stack([env.unwrapped.state for env in theirs]), dtype=torch.float32)
        actions = [choose(env.unwrapped.state) for env in theirs]
        _, rewards, terminated, truncated, info = ours.step(torch.tensor(np.stack(actions)))
        for i in sorted(playing):
            observation, reward, *flags, _ = theirs[i].step(actions[i])
            assert np.abs(info["final_obs"][i].numpy() - observation).max() < 2e-5
            assert rewards[i].item() == pytest.approx(reward, abs=1e-4)
            assert [terminated[i].item(), truncated[i].item()] == flags
            if any(flags):
                playing.remove(i)
                ends.append(tuple(flags))
    assert ends == [ENDS.get((name, player), (False, True))] * count


@pytest.mark.parametrize("name", PLAYERS)
def test_torch_game_stays_beside_gymnasium_when_it_runs_on_its_own(name):
    """50 steps from the same first state without correction: float32 has not drifted."""
    theirs = gymnasium.make(name).unwrapped
    theirs.reset(seed=3)
    ours = gymnasium.make_vec(f"ppo_lessons/{name}", 1)
    ours.reset(seed=0)
    ours.state = torch.tensor(np.array(theirs.state)[None], dtype=torch.float32)
    for _ in range(50):
        action = PLAYERS[name][1](None)
        observation, *_ = ours.step(torch.tensor(np.stack([action])))
        expected = theirs.step(action)[0]
        assert np.abs(observation[0].numpy() - expected).max() < 1e-3


@pytest.mark.parametrize("name", PLAYERS)
def test_torch_game_has_gymnasiums_spaces_and_limit(name):
    single, ours = gymnasium.make(name), gymnasium.make_vec(f"ppo_lessons/{name}", 3)
    assert ours.single_observation_space == single.observation_space
    assert ours.single_action_space == single.action_space
    assert ours.max_episode_steps == single.spec.max_episode_steps
    assert type(gymnasium.make(f"ppo_lessons/{name}").unwrapped) is type(single.unwrapped)
    assert ours.observation_space.shape == ours.reset(seed=0)[0].shape


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("Acrobot-v1", [-0.1] * 4, [0.1] * 4),
        ("MountainCar-v0", [-0.6, 0.0], [-0.4, 0.0]),
        ("Pendulum-v1", [-math.pi, -1.0], [math.pi, 1.0]),
    ],
)
def test_first_states_are_uniform_as_gymnasiums(name, low, high):
    """Mean and variance within 4 standard errors; never beyond the limits, in Gymnasium neither."""
    envs = gymnasium.make_vec(f"ppo_lessons/{name}", 20_000)
    envs.reset(seed=0)
    low, high = torch.tensor(low), torch.tensor(high)
    variance = (high - low).square() / 12
    assert ((envs.state >= low - 1e-6) & (envs.state <= high + 1e-6)).all()
    assert ((envs.state.mean(0) - (low + high) / 2).abs() <= 4 * (variance / 20_000).sqrt() + 1e-7).all()
    error = ((high - low).pow(4) / 80 - variance.square()).div(20_000).sqrt()  # fourth moment w^4 / 80
    assert ((envs.state.var(0) - variance).abs() <= 4 * error + 1e-9).all()
    theirs = gymnasium.make(name).unwrapped
    for seed in range(50):
        theirs.reset(seed=seed)
        state = torch.tensor(np.array(theirs.state))
        assert ((state >= low - 1e-6) & (state <= high + 1e-6)).all()


def test_mountain_car_stands_still_at_the_left_end():
    theirs = gymnasium.make("MountainCar-v0").unwrapped
    theirs.reset(seed=0)
    theirs.state = (-1.19, -0.05)
    theirs.step(0)
    assert theirs.state == (-1.2, 0)
    assert mountain_car_step(torch.tensor([[-1.19, -0.05]]), torch.tensor([0]))[0].tolist() == pytest.approx([-1.2, 0])


def test_mountain_car_goal_needs_no_speed_but_must_not_be_left_again():
    envs = gymnasium.make_vec("ppo_lessons/MountainCar-v0", 2)
    envs.reset(seed=0)
    envs.state = torch.tensor([[0.49, 0.02], [0.46, 0.02]])
    assert envs.step(torch.tensor([2, 2]))[2].tolist() == [True, False]


def test_pendulum_cuts_the_torque():
    state = torch.tensor([[1.0, 0.5]])
    (far, paid), (cut, also_paid) = (pendulum_step(state, torch.tensor([torque])) for torque in (50.0, 2.0))
    assert torch.equal(far, cut)
    assert torch.equal(paid, also_paid)


def test_acrobot_keeps_angles_and_speeds_within_their_limits():
    wild = torch.tensor([[3.1, -3.1, 12.0, 28.0], [-3.1, 3.1, -12.0, -28.0]])
    theirs = gymnasium.make("Acrobot-v1").unwrapped
    theirs.reset(seed=0)
    for i in range(2):
        theirs.state = wild[i].double().numpy()
        theirs.step(2)
        ours = acrobot_step(wild, torch.tensor([2, 2]))[i]
        assert np.abs(ours.numpy() - theirs.state).max() < 1e-3
        assert (ours.abs() <= torch.tensor([math.pi, math.pi, 4 * math.pi, 9 * math.pi]) + 1e-5).all()


@pytest.mark.parametrize("name", ["CartPole-v1", *PLAYERS])
def test_a_slice_of_the_games_plays_as_among_all(name):
    """Games 2 and 3 of 6 alone: the same first states, and the same new episodes after the limit."""
    settings = {"max_episode_steps": 3}
    everyone = gymnasium.make_vec(f"ppo_lessons/{name}", 6, **settings)
    some = gymnasium.make_vec(f"ppo_lessons/{name}", 2, first=2, total=6, **settings)
    assert torch.equal(everyone.reset(seed=5)[0][2:4], some.reset(seed=5)[0])
    for _ in range(7):
        actions = torch.tensor(everyone.action_space.sample())
        assert torch.equal(everyone.step(actions)[0][2:4], some.step(actions[2:4])[0])
