"""Breakout in torch: its rules by hand, and step by step against MinAtar, which shares no code with it."""

import time
import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from ppo_lessons import ppo
from ppo_lessons.envs import breakout
from ppo_lessons.envs.breakout import BALL, BRICK, LEFT, NONE, PADDLE, PARTS, RIGHT, TRAIL, breakout_step, draw_cells
from ppo_lessons.experiments.bug_lab import BUGS, train_using
from ppo_lessons.ppo import Config, train
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game, collect

ENV = "ppo_lessons/Breakout-v0"
minatar = pytest.importorskip("minatar", reason="MinAtar is not installed: `make .venv/installed-test` installs it")


def state_of(*, x, y, dx, dy, paddle=4, struck=0, bricks=()):
    """One state with the ball there, and bricks at these (row, column)."""
    wall = [int((row, column) in bricks) for row in range(1, 4) for column in range(10)]
    return torch.tensor([[x, y, dx, dy, x - dx, y - dy, paddle, struck, NONE, *wall]])


def step(state, action=NONE):
    """The state after one step as named numbers, the reward, whether the ball is lost."""
    after, reward, lost = breakout_step(state, torch.tensor([action]))
    names = ("x", "y", "dx", "dy", "trail_x", "trail_y", "paddle", "struck", "action")
    return dict(zip(names, after[0, :PARTS].tolist(), strict=True)), after[0, PARTS:], reward.item(), lost.item()


# By hand


def test_the_ball_flies_diagonally_and_leaves_a_trail():
    after, _, reward, lost = step(state_of(x=5, y=5, dx=1, dy=-1))
    assert [after[name] for name in ("x", "y", "dx", "dy", "trail_x", "trail_y")] == [6, 4, 1, -1, 5, 5]
    assert (reward, lost) == (0, False)


@pytest.mark.parametrize(("x", "dx"), [(0, -1), (9, 1)])
def test_a_side_turns_it_and_holds_its_column(x, dx):
    after, *_ = step(state_of(x=x, y=5, dx=dx, dy=1))
    assert [after[name] for name in ("x", "y", "dx", "dy")] == [x, 6, -dx, 1]


def test_the_top_turns_it_and_holds_its_row():
    after, *_ = step(state_of(x=5, y=0, dx=1, dy=-1))
    assert [after[name] for name in ("x", "y", "dx", "dy")] == [6, 0, 1, 1]


def test_a_brick_breaks_pays_and_turns_the_ball():
    after, wall, reward, _ = step(state_of(x=5, y=4, dx=1, dy=-1, bricks={(3, 6), (3, 5)}))
    assert [after[name] for name in ("x", "y", "dx", "dy", "struck")] == [6, 4, 1, 1, 1]
    assert reward == 1
    assert wall.nonzero().flatten().tolist() == [25]  # row 3 is the third of the wall: (3, 6) is gone, (3, 5) stands


def test_of_two_bricks_in_two_steps_running_the_second_stays():
    after, wall, reward, _ = step(state_of(x=5, y=4, dx=1, dy=-1, struck=1, bricks={(3, 6)}))
    assert [after[name] for name in ("x", "y", "dx", "dy", "struck")] == [6, 3, 1, -1, 1]
    assert (reward, int(wall.sum())) == (0, 1)
    after, *_ = step(state_of(x=5, y=5, dx=1, dy=-1, struck=1, bricks={(3, 6)}))
    assert after["struck"] == 0  # only the step before counts


@pytest.mark.parametrize(
    ("paddle", "action", "found"),
    [
        (5, NONE, (6, 8, 1, -1)),  # below the ball's old column: up
        (6, NONE, (6, 8, -1, -1)),  # below its new column: back the way it came
        (6, LEFT, (6, 8, 1, -1)),  # the paddle moves first
        (5, RIGHT, (6, 8, -1, -1)),
    ],
)
def test_the_paddle_saves_the_ball(paddle, action, found):
    after, _, reward, lost = step(state_of(x=5, y=8, dx=1, dy=1, paddle=paddle, bricks={(1, 0)}), action)
    assert tuple(after[name] for name in ("x", "y", "dx", "dy")) == found
    assert (reward, lost) == (0, False)


def test_no_paddle_below_ends_the_game():
    after, _, _, lost = step(state_of(x=5, y=8, dx=1, dy=1, paddle=2, bricks={(1, 0)}))
    assert lost
    assert (after["x"], after["y"]) == (6, 9)


@pytest.mark.parametrize(("paddle", "action", "found"), [(0, LEFT, 0), (9, RIGHT, 9), (4, LEFT, 3), (4, NONE, 4)])
def test_the_paddle_stays_on_the_screen(paddle, action, found):
    after, *_ = step(state_of(x=5, y=5, dx=1, dy=1, paddle=paddle), action)
    assert (after["paddle"], after["action"]) == (found, action)


def test_a_wall_that_is_gone_is_built_anew_when_the_ball_comes_down():
    _, wall, *_ = step(state_of(x=5, y=7, dx=1, dy=1, paddle=5))
    assert wall.sum() == 0
    _, wall, *_ = step(state_of(x=5, y=8, dx=1, dy=1, paddle=5))
    assert wall.sum() == 30


def test_what_is_seen_has_rows_first():
    seen = draw_cells(state_of(x=2, y=5, dx=-1, dy=1, paddle=7, bricks={(1, 9), (3, 0)}))[0]
    assert (seen.shape, seen.dtype, int(seen.sum())) == ((10, 10, 4), torch.uint8, 5)
    for row, column, channel in [(9, 7, PADDLE), (5, 2, BALL), (4, 3, TRAIL), (1, 9, BRICK), (3, 0, BRICK)]:
        assert seen[row, column, channel] == 1


# Against MinAtar


def begin(theirs, seen):
    """Restart MinAtar until its ball starts on the same side."""
    theirs.reset()
    while not np.array_equal(theirs.state(), seen):
        theirs.reset()


@pytest.mark.parametrize("sticky", [pytest.param(0.0, marks=pytest.mark.slow), 0.1])
def test_it_agrees_with_minatar_step_by_step(sticky):
    """For 100,000 steps. Where an action is repeated, MinAtar is given what was really executed."""
    copies, random = 20, np.random.default_rng(0)
    theirs = [minatar.Environment("breakout", sticky_action_prob=0.0) for _ in range(copies)]
    for seed, game in enumerate(theirs):
        game.seed(seed)
    ours = breakout.BreakoutTorchEnv(copies, sticky_action_probability=sticky, max_episode_steps=10_000)
    seen, _ = ours.reset(seed=0)
    for game, board in zip(theirs, seen.numpy(), strict=True):
        begin(game, board)
    repeated, built, episodes = 0, 0, 0
    for _ in range(5_000):
        x, dx, paddle = ours.state[:, [breakout.X, breakout.DX, breakout.PADDLE_X]].numpy().T
        follow = np.array([LEFT, NONE, RIGHT])[np.sign(x + dx - paddle) + 1]
        actions = np.where(random.random(copies) < 0.97, follow, random.integers(3, size=copies))
        bricks = ours.state[:, PARTS:].sum(1)
        seen, rewards, terminated, truncated, info = ours.step(torch.tensor(actions))
        executed = ours.state[:, breakout.LAST_ACTION].numpy()
        repeated += (executed != actions).sum()
        paid = [game.act((0, 1, 3)[action]) for game, action in zip(theirs, executed, strict=True)]
        assert paid == list(zip(rewards.tolist(), terminated.tolist(), strict=True))
        assert np.array_equal([game.state() for game in theirs], info["final_obs"].numpy())
        built += ((bricks == 0) & (seen[..., BRICK].sum((1, 2)) == 30)).sum().item()
        for i in (terminated | truncated).nonzero().flatten().tolist():
            episodes += 1
            begin(theirs[i], seen[i].numpy())
    assert built >= copies, "too few walls were built anew"
    assert episodes >= 10
    assert (repeated > 0) == (sticky > 0)


# As a game of Gymnasium


def test_it_passes_the_checker():
    env = gymnasium.make(ENV, render_mode="rgb_array").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


def test_it_draws_itself():
    picture = gymnasium.make(ENV, render_mode="rgb_array")
    picture.reset(seed=0)
    cells = picture.render()[8::16, 8::16]  # the middle of each cell
    assert cells.shape == (10, 10, 3)
    assert (cells[1:4, :] == breakout.COLOURS[BRICK]).all(-1).sum() == 29  # the ball stands before one of them
    assert (cells[9, 4] == breakout.COLOURS[PADDLE]).all()
    text = gymnasium.make(ENV, render_mode="ansi")
    text.reset(seed=0)
    lines = text.render().split("\n")
    assert lines[1] == lines[2] == "#" * 10
    assert sorted(lines[3]) == sorted("#" * 9 + "o")
    assert lines[9] == "    =     "


def test_a_seed_is_the_same_game_again():
    first, second = (gymnasium.make(ENV) for _ in range(2))
    actions = np.random.default_rng(0).integers(3, size=60)
    plays = []
    for env in (first, second):
        seen = [env.reset(seed=7)[0]]
        for action in actions:
            observation, _, terminated, *_ = env.step(action)
            seen.append(env.reset()[0] if terminated else observation)
        plays.append(np.stack(seen))
    assert np.array_equal(*plays)


def test_the_limit_truncates_and_is_counted():
    env = gymnasium.make_vec(ENV, 3, max_episode_steps=4)
    env.reset(seed=0)
    flags = [env.step(torch.zeros(3, dtype=torch.int64))[2:4] for _ in range(4)]
    assert not any(terminated.any() for terminated, _ in flags)  # the ball starts in row 3 and comes down in six steps
    assert [truncated.all().item() for _, truncated in flags] == [False, False, False, True]
    assert (env.elapsed == 0).all()
    assert gymnasium.make_vec(ENV, 1).unwrapped.max_episode_steps == breakout.LIMIT


def test_the_last_action_lives_on_in_the_next_episode():
    """MinAtar remembers it, too: the first action of an episode may be the last one of the episode before."""
    env = gymnasium.make_vec(ENV, 64, max_episode_steps=1, sticky_action_probability=1.0)
    env.reset(seed=0)
    env.sticky_action_probability = 0.0
    env.step(torch.full((64,), RIGHT))  # all episodes end
    env.sticky_action_probability = 1.0
    *_, info = env.step(torch.full((64,), LEFT))
    assert (info["final_obs"][:, 9, 5, PADDLE] == 1).all()  # RIGHT again


def test_a_tenth_of_the_actions_is_repeated():
    env = gymnasium.make_vec(ENV, 100_000)
    env.reset(seed=0)
    env.step(torch.full((100_000,), LEFT))
    repeated = (env.state[:, breakout.LAST_ACTION] == NONE).double().mean().item()
    assert repeated == pytest.approx(0.1, abs=4 * (0.1 * 0.9 / 100_000) ** 0.5)


def test_a_wrong_probability_is_refused():
    with pytest.raises(ValueError, match="sticky_action_probability"):
        gymnasium.make_vec(ENV, 1, sticky_action_probability=1.5)


@pytest.mark.slow
def test_thousands_of_games_are_fast():
    """300,000 steps a second on one thread are promised; a quiet machine makes 1.4 million."""
    env = gymnasium.make_vec(ENV, 4096)
    env.reset(seed=0)
    actions = torch.randint(3, (4096,))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        began = time.process_time()
        for _ in range(50):
            env.step(actions)
        rate = 50 * 4096 / (time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    assert rate > 300_000


# In the trainer


def small(**changes):
    return Config(**{"env_id": ENV, "device": "cpu", "total_steps": 1024, "num_envs": 8, "num_steps": 32, **changes})


def test_a_run_is_resumed_exactly(tmp_path):
    whole = list(train(small()))
    for record in train(small()):
        if record.update == 2:
            record.save(tmp_path / "run.pt")
            break
    rest = list(train(small(), resume=tmp_path / "run.pt"))
    assert [record.kl for record in rest] == [record.kl for record in whole[3:]]
    for ours, theirs in zip(whole[-1].policy.parameters(), rest[-1].policy.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_bytes_stay_bytes_until_the_network():
    game = Game(ENV, 4, device=torch.device("cpu"), seed=0)
    spaces = game.observation_space, game.action_space
    actor, _ = actor_and_critic(*spaces, 16, generator=torch.Generator().manual_seed(0))
    rollout = collect(game, actor, 5, generator=torch.Generator().manual_seed(0))
    assert rollout.observations.dtype == rollout.next_observations.dtype == torch.uint8
    assert rollout.observations.shape == (5, 4, 10, 10, 4)


@pytest.mark.parametrize("bug", BUGS)
def test_each_bug_of_the_bug_lab_can_be_planted(bug):
    """Another run than without it, from the second update on."""
    name, change = BUGS[bug]
    config = small(gamma=0.9)
    kls = [
        [record.kl for record in run][1:]
        for run in (train(config), train_using(config, **{name: change(getattr(ppo, name))}))
    ]
    assert np.isfinite(kls).all()
    assert (kls[0] == kls[1]) == (bug == "no bootstrap at a time limit")  # no episode comes to the limit so soon
