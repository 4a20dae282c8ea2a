"""Judging and watching a policy: in Gymnasium's own version of its game, where there is one."""

import contextlib
import os
from unittest.mock import patch

import gymnasium
import torch

from ppo_lessons.envs.atari import COLOUR, LearnersAtari, is_atari, make_atari
from ppo_lessons.trainer.distributions import distribution, for_the_game
from ppo_lessons.trainer.networks import one_thread
from ppo_lessons.trainer.rollout import Game, as_tensor, discrete_to_one_hot

PICTURES = 2_000  # of a film, at most: two minutes of Atari, 200 MB


@torch.no_grad()
def evaluate(policy, env_id, *, episodes, seed):
    """Play greedy episodes (the most likely action, always) in Gymnasium's own version of the game.

    Args:
        policy: observations [N, ...] -> the distribution's parameters [N, P] (logits, or means and log standard
            deviations), for instance `Record.policy`. A Discrete observation is shown as a one-hot vector, images are
            shown as bytes.
        env_id: a Gymnasium id. For a torch game of this package its twin in Gymnasium is played; a game that exists in
            torch alone is played in torch. Atari's games are played whole, with all lives, for the points that they
            pay.
        episodes: how many, played side by side; episode i is seeded with seed + i, in torch all together with seed.
        seed: an integer.

    Returns:
        [episodes] the return of each, in reward units.

    Raises:
        ValueError: episodes is below 1.
        NonFiniteError: a reward or an observation of the game is nan or infinite.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    game = Game(judge_of(env_id), episodes, device=device_of(policy), seed=seed)
    return first_returns(game, lambda observations: greedy(policy, observations, game.action_space)).double()


def first_returns(game, act):
    """Play until each game's first episode has ended, close the games: the return of each [N], on the CPU.

    The first episode of each game, and not the first so many that end: those would be the short ones.

    Args:
        game: a `Game`.
        act: observations [N, ...] -> actions, as `Game.step` takes them.
    """
    returns = torch.full_like(game.returns, torch.nan)
    with contextlib.closing(game), one_thread():
        while returns.isnan().any():
            returns = torch.where(returns.isnan(), game.step(act(game.observations)).episode_returns, returns)
    return returns.cpu()


def judge_of(env_id):
    """The game in which a policy is judged: of a torch game the twin in Gymnasium, if it has one."""
    ours = env_id.startswith("ppo_lessons/")
    twin = ours and str(gymnasium.spec(env_id).entry_point).startswith("gymnasium.")
    return env_id.removeprefix("ppo_lessons/") if twin else env_id


@torch.no_grad()
def play(policy, env_id, *, seed):
    """Play one greedy episode and film it: a list of RGB arrays [H, W, 3], of a long episode the first 2,000."""
    with one_thread():
        if is_atari(env_id):
            return film_of_atari(policy, env_id, seed=seed)
        return film_of_a_single_game(policy, env_id, seed=seed)


def film_of_a_single_game(policy, env_id, *, seed):
    """The film as Gymnasium's own version of the game renders it."""
    no_screen = patch.dict(os.environ, SDL_VIDEODRIVER="dummy")  # a film needs none, and SDL complains if there is none
    with no_screen, contextlib.closing(gymnasium.make(env_id, render_mode="rgb_array")) as bare:
        env = discrete_to_one_hot(bare)
        observation, _ = env.reset(seed=seed)
        frames, ended = [env.render()], False
        while not ended and len(frames) < PICTURES:
            actions = greedy(policy, as_tensor(observation[None], device_of(policy)), env.action_space)
            observation, _, terminated, truncated, _ = env.step(for_the_game(actions, env.action_space)[0])
            frames.append(env.render())
            ended = terminated or truncated
    return frames


def film_of_atari(policy, env_id, *, seed):
    """The film of a whole game: a second copy of it, in colour, is given the same actions."""
    with (
        contextlib.closing(Game(env_id, 1, device=device_of(policy), seed=seed)) as game,
        contextlib.closing(LearnersAtari(make_atari(env_id, 1, **COLOUR))) as colour,
    ):
        frames, ended = [colour.reset(seed=seed)[0][0, -1]], False
        while not ended and len(frames) < PICTURES:
            actions = greedy(policy, game.observations, game.action_space)
            game.step(actions)
            seen, *_, info = colour.step(for_the_game(actions, game.action_space))
            ended = info["_episode"][0]
            frames.append((info["final_obs"] if ended else seen)[0, -1])
    return frames


def device_of(policy):
    """Where a policy's weights are; a plain function works on the CPU."""
    parameters = policy.parameters() if isinstance(policy, torch.nn.Module) else ()
    return next((p.device for p in parameters), torch.device("cpu"))


def greedy(policy, observations, action_space):
    """The policy's most likely actions: [N] numbers from 0, or [N, D] real numbers."""
    return distribution(action_space).greedy(policy(observations))
