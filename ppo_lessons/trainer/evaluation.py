"""Judging and watching a policy in Gymnasium's own version of its game."""

import contextlib
import os
from unittest.mock import patch

import gymnasium
import torch

from ppo_lessons.trainer.distributions import distribution, for_the_game
from ppo_lessons.trainer.networks import one_thread
from ppo_lessons.trainer.rollout import discrete_to_one_hot


@torch.no_grad()
def evaluate(policy, env_id, *, episodes, seed):
    """Play greedy episodes (the most likely action, always) in Gymnasium's own version of the game.

    Args:
        policy: observations [N, ...] -> the distribution's parameters [N, P] (logits, or means and log standard
            deviations), for instance `Record.policy`. A Discrete observation is shown as a one-hot vector.
        env_id: a Gymnasium id; for a torch game of this package its twin in Gymnasium is played.
        episodes: how many, played side by side; episode i is seeded with seed + i.
        seed: an integer.

    Returns:
        [episodes] the return of each, in reward units.

    Raises:
        ValueError: episodes is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    envs = gymnasium.make_vec(env_id, episodes, vectorization_mode="sync", wrappers=[discrete_to_one_hot])
    with contextlib.closing(envs), one_thread():
        observations, _ = envs.reset(seed=seed)
        returns = torch.zeros(episodes, dtype=torch.float64)
        playing = torch.ones(episodes, dtype=torch.bool)
        while playing.any():
            actions = greedy(policy, observations, envs.single_action_space)
            observations, rewards, terminated, truncated, _ = envs.step(actions)
            returns += torch.as_tensor(rewards).masked_fill(~playing, 0)
            playing &= ~torch.as_tensor(terminated | truncated)
    return returns


@torch.no_grad()
def play(policy, env_id, *, seed):
    """Play one greedy episode in Gymnasium's own version of the game and film it: a list of RGB arrays [H, W, 3]."""
    no_screen = patch.dict(os.environ, SDL_VIDEODRIVER="dummy")  # a film needs none, and SDL complains if there is none
    with no_screen, contextlib.closing(gymnasium.make(env_id, render_mode="rgb_array")) as bare, one_thread():
        env = discrete_to_one_hot(bare)
        observation, _ = env.reset(seed=seed)
        frames, ended = [env.render()], False
        while not ended:
            action = greedy(policy, observation[None], env.action_space)[0]
            observation, _, terminated, truncated, _ = env.step(action)
            frames.append(env.render())
            ended = terminated or truncated
    return frames


def greedy(policy, observations, action_space):
    """The policy's most likely actions, as NumPy games take them."""
    device = next((p.device for p in policy.parameters()), None) if isinstance(policy, torch.nn.Module) else None
    dist_params = policy(torch.tensor(observations, dtype=torch.get_default_dtype(), device=device))
    return for_the_game(distribution(action_space).greedy(dist_params), action_space)
