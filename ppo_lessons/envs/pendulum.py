"""Pendulum-v1 in torch: swing a rod up and keep it there. The action is a real number."""

import math

import gymnasium
import numpy as np
import torch

from ppo_lessons.envs.torch_env import TorchEnv

GRAVITY, MASS, LENGTH, TIME_STEP = 10.0, 1.0, 1.0, 0.05  # m/s^2, kg, m, s
TORQUE_LIMIT, SPEED_LIMIT = 2.0, 8.0  # N m, rad/s


def pendulum_step(state, torque):
    """One Euler step of a rod that hangs on one end, and what the state before it cost.

    Args:
        state: [N, 2] angle (rad, 0 is upright, never wrapped) and angular velocity (rad/s).
        torque: [N] N m, cut to +-2.

    Returns:
        [N, 2] the state 0.05 s later and [N] the reward, -(angle^2 + 0.1 speed^2 + 0.001 torque^2) with the angle in
        [-pi, pi).

    Source: the equations of Gymnasium's Pendulum-v1.
    """
    angle, speed = state.unbind(1)
    torque = torque.clamp(-TORQUE_LIMIT, TORQUE_LIMIT)
    from_upright = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
    reward = -(from_upright.square() + 0.1 * speed.square() + 0.001 * torque.square())
    change = 3 * GRAVITY / (2 * LENGTH) * angle.sin() + 3 / (MASS * LENGTH**2) * torque
    speed = (speed + TIME_STEP * change).clamp(-SPEED_LIMIT, SPEED_LIMIT)
    return torch.stack([angle + TIME_STEP * speed, speed], dim=1), reward


class PendulumTorchEnv(TorchEnv):
    """`gymnasium.make_vec("ppo_lessons/Pendulum-v1", num_envs, device=...)`. Nothing terminates; step 200 truncates."""

    limits = np.array([1, 1, SPEED_LIMIT], dtype=np.float32)
    single_observation_space = gymnasium.spaces.Box(-limits, limits)  # cos and sin of the angle, angular velocity
    single_action_space = gymnasium.spaces.Box(-TORQUE_LIMIT, TORQUE_LIMIT, (1,))
    first_low, first_high = (-math.pi, -1.0), (math.pi, 1.0)

    def advance(self, state, actions):
        state, rewards = pendulum_step(state, actions.squeeze(1))
        return state, rewards, torch.zeros_like(rewards, dtype=torch.bool)

    def observe(self, state):
        angle, speed = state.unbind(1)
        return torch.stack([angle.cos(), angle.sin(), speed], dim=1)
