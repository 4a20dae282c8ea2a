"""CartPole-v1 in torch: all games advance in one tensor, on the device of the network."""

import math

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

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


class CartPoleTorchEnv(gymnasium.vector.VectorEnv):
    """`gymnasium.make_vec("ppo_lessons/CartPole-v1", num_envs, device=...)`.

    Observations, rewards and flags are tensors [N, ...] on `device`. Autoreset happens in the same step: where an
    episode ended, the observation is the first of the next one and `info["final_obs"]` [N, 4] holds the last of the old
    one (`info["_final_obs"]` [N] says where). Reward 1 a step; step 500 truncates unless the pole fell in that step.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, num_envs=1, *, max_episode_steps=500, device="cpu"):
        limits = np.array([POSITION_LIMIT * 2, np.inf, ANGLE_LIMIT * 2, np.inf], dtype=np.float32)
        self.num_envs, self.max_episode_steps = num_envs, max_episode_steps
        self.single_observation_space = gymnasium.spaces.Box(-limits, limits)
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device)
        self.state = torch.zeros(num_envs, 4, device=self.device)
        self.elapsed = torch.zeros(num_envs, dtype=torch.int64, device=self.device)

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.generator.manual_seed(seed)
        self.state = self._first_states()
        self.elapsed = torch.zeros_like(self.elapsed)
        return self.state, {}

    def step(self, actions):
        final = cartpole_step(self.state, actions)
        elapsed = self.elapsed + 1
        terminated = (final[:, 0].abs() > POSITION_LIMIT) | (final[:, 2].abs() > ANGLE_LIMIT)
        truncated = elapsed >= self.max_episode_steps
        ended = terminated | truncated
        self.state = torch.where(ended[:, None], self._first_states(), final)
        self.elapsed = elapsed.masked_fill(ended, 0)
        rewards = torch.ones(self.num_envs, device=self.device)
        return self.state, rewards, terminated, truncated, {"final_obs": final, "_final_obs": ended}

    def state_dict(self):
        """Everything that the next steps depend on."""
        return {"state": self.state, "elapsed": self.elapsed, "generator": self.generator.get_state()}

    def load_state_dict(self, saved):
        """Continue exactly where `state_dict` was taken."""
        self.state, self.elapsed = saved["state"].to(self.device), saved["elapsed"].to(self.device)
        self.generator.set_state(saved["generator"].cpu())

    def _first_states(self):
        return torch.rand(self.num_envs, 4, generator=self.generator, device=self.device) * 0.1 - 0.05
