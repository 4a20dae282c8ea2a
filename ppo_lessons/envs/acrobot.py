"""Acrobot-v1 in torch: two rods hang in a chain; swing the free end above the line by torque at the joint alone."""

import math

import gymnasium
import numpy as np
import torch

from ppo_lessons.envs.torch_env import TorchEnv

GRAVITY, TIME_STEP = 9.8, 0.2  # m/s^2, s
MASS, LENGTH, CENTRE, INERTIA = 1.0, 1.0, 0.5, 1.0  # of either rod: kg, m, m from its joint, kg m^2
SPEED_LIMITS = (4 * math.pi, 9 * math.pi)  # rad/s


def acrobot_change(state, torque):
    """The time derivative of the state.

    Args:
        state: [N, 4] angle of the first rod (rad, 0 hangs down), angle of the second against the first, both
            angular velocities (rad/s).
        torque: [N] N m between the rods.

    Returns:
        [N, 4].

    Source: Sutton & Barto (2018), section 11.3 of the first edition; the equations of Gymnasium's Acrobot-v1.
    """
    angle_1, angle_2, speed_1, speed_2 = state.unbind(1)
    sin, cos = angle_2.sin(), angle_2.cos()
    d1 = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2 + 2 * LENGTH * CENTRE * cos) + 2 * INERTIA
    d2 = MASS * (CENTRE**2 + LENGTH * CENTRE * cos) + INERTIA
    pull_2 = MASS * CENTRE * GRAVITY * (angle_1 + angle_2).sin()
    swing = MASS * LENGTH * CENTRE * sin
    pull_1 = (
        -swing * speed_2.square()
        - 2 * swing * speed_2 * speed_1
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * angle_1.sin()
        + pull_2
    )
    change_2 = (torque + d2 / d1 * pull_1 - swing * speed_1.square() - pull_2) / (
        MASS * CENTRE**2 + INERTIA - d2.square() / d1
    )
    change_1 = -(d2 * change_2 + pull_1) / d1
    return torch.stack([speed_1, speed_2, change_1, change_2], dim=1)


def acrobot_step(state, action):
    """One step of Runge and Kutta's fourth order, then angles back into [-pi, pi) and speeds within their limits.

    Args:
        state: [N, 4] as in `acrobot_change`.
        action: [N] 0, 1, 2 for a torque of -1, 0, +1 N m.

    Returns:
        [N, 4] the state 0.2 s later.
    """
    torque = action - 1
    k1 = acrobot_change(state, torque)
    k2 = acrobot_change(state + TIME_STEP / 2 * k1, torque)
    k3 = acrobot_change(state + TIME_STEP / 2 * k2, torque)
    k4 = acrobot_change(state + TIME_STEP * k3, torque)
    state = state + TIME_STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    angles = torch.remainder(state[:, :2] + math.pi, 2 * math.pi) - math.pi
    speeds = [state[:, 2 + i, None].clamp(-limit, limit) for i, limit in enumerate(SPEED_LIMITS)]
    return torch.cat([angles, *speeds], dim=1)


class AcrobotTorchEnv(TorchEnv):
    """`gymnasium.make_vec("ppo_lessons/Acrobot-v1", num_envs, device=...)`.

    Reward -1 a step; with the free end one rod's length above the hinge, 0 and terminated. Step 500 truncates.
    """

    limits = np.array([1, 1, 1, 1, *SPEED_LIMITS], dtype=np.float32)
    single_observation_space = gymnasium.spaces.Box(-limits, limits)  # cos and sin of both angles, both speeds
    single_action_space = gymnasium.spaces.Discrete(3)
    first_low, first_high = (-0.1,) * 4, (0.1,) * 4

    def advance(self, state, actions):
        state = acrobot_step(state, actions)
        height = -state[:, 0].cos() - (state[:, 0] + state[:, 1]).cos()
        terminated = height > 1
        return state, terminated.to(state.dtype) - 1, terminated

    def observe(self, state):
        angle_1, angle_2, speed_1, speed_2 = state.unbind(1)
        return torch.stack([angle_1.cos(), angle_1.sin(), angle_2.cos(), angle_2.sin(), speed_1, speed_2], dim=1)
