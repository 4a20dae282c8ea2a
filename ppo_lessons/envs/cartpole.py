"""CartPole-v1 in torch."""

import math

import gymnasium
import numpy as np
import torch

from ppo_lessons.envs.torch_env import TorchEnv

GRAVITY, CART_MASS, POLE_MASS, POLE_HALF_LENGTH = 9.8, 1.0, 0.1, 0.5  # m/s^2, kg, kg, m
FORCE, TIME_STEP = 10.0, 0.02  # N, s
POSITION_LIMIT, ANGLE_LIMIT = 2.4, 12 * 2 * math.pi / 360  # m, rad


def cartpole_step(state, action):
    """One Euler step of a pole on a cart.

    Args:
        state: [N, 4] position (m), velocity (m/s), angle (rad, 0 is upright), angular velocity (rad/s).
        action: [N] 0 pushes left, 1 pushes right.

    Returns:
        [N, 4] the state 0.02 s later.

    Source: Barto, Sutton & Anderson (1983); the equations of Gymnasium's CartPole-v1.
    """
    velocity, angle, spin = state[:, 1], state[:, 2], state[:, 3]
    force = FORCE * (2 * action - 1)
    sin, cos = angle.sin(), angle.cos()
    mass = CART_MASS + POLE_MASS
    moment = POLE_MASS * POLE_HALF_LENGTH
    push = (force + moment * spin.square() * sin) / mass
    spin_change = (GRAVITY * sin - cos * push) / (POLE_HALF_LENGTH * (4 / 3 - POLE_MASS * cos.square() / mass))
    velocity_change = push - moment * spin_change * cos / mass
    return state + TIME_STEP * torch.stack([velocity, velocity_change, spin, spin_change], dim=1)


class CartPoleTorchEnv(TorchEnv):
    """`gymnasium.make_vec("ppo_lessons/CartPole-v1", num_envs, device=...)`.

    Reward 1 a step. A fallen pole or a lost cart terminates, step 500 truncates.
    """

    limits = np.array([POSITION_LIMIT * 2, np.inf, ANGLE_LIMIT * 2, np.inf], dtype=np.float32)
    single_observation_space = gymnasium.spaces.Box(-limits, limits)
    single_action_space = gymnasium.spaces.Discrete(2)
    first_low, first_high = (-0.05,) * 4, (0.05,) * 4

    def advance(self, state, actions):
        state = cartpole_step(state, actions)
        terminated = (state[:, 0].abs() > POSITION_LIMIT) | (state[:, 2].abs() > ANGLE_LIMIT)
        return state, torch.ones_like(state[:, 0]), terminated
