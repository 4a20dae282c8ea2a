"""MountainCar-v0 in torch: a car too weak for the hill has to swing itself out of the valley."""

import gymnasium
import numpy as np
import torch

from ppo_lessons.envs.torch_env import TorchEnv

FORCE, GRAVITY = 0.001, 0.0025  # a step
LEFT_END, RIGHT_END, GOAL, SPEED_LIMIT = -1.2, 0.6, 0.5, 0.07


def mountain_car_step(state, action):
    """One step of a car in a valley of the shape sin(3 x).

    Args:
        state: [N, 2] position and velocity.
        action: [N] 0 pushes left, 1 does nothing, 2 pushes right.

    Returns:
        [N, 2] the next state. At the left end the car stands still.

    Source: Moore (1990); the equations of Gymnasium's MountainCar-v0.
    """
    position, velocity = state.unbind(1)
    velocity = velocity + (action - 1) * FORCE - GRAVITY * (3 * position).cos()
    velocity = velocity.clamp(-SPEED_LIMIT, SPEED_LIMIT)
    position = (position + velocity).clamp(LEFT_END, RIGHT_END)
    velocity = velocity.masked_fill((position <= LEFT_END) & (velocity < 0), 0)
    return torch.stack([position, velocity], dim=1)


class MountainCarTorchEnv(TorchEnv):
    """`gymnasium.make_vec("ppo_lessons/MountainCar-v0", num_envs, device=...)`.

    Reward -1 a step; the top of the right hill terminates, step 200 truncates.
    """

    single_observation_space = gymnasium.spaces.Box(
        np.array([LEFT_END, -SPEED_LIMIT], dtype=np.float32), np.array([RIGHT_END, SPEED_LIMIT], dtype=np.float32)
    )
    single_action_space = gymnasium.spaces.Discrete(3)
    first_low, first_high = (-0.6, 0.0), (-0.4, 0.0)

    def advance(self, state, actions):
        state = mountain_car_step(state, actions)
        return state, -torch.ones_like(state[:, 0]), (state[:, 0] >= GOAL) & (state[:, 1] >= 0)
