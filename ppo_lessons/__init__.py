"""The lessons of the course, in the order of the derivation. Importing this package also registers its games."""

from gymnasium.envs.registration import register

LESSONS = (
    "expectation",
    "policy_gradient",
    "log_trick",
    "reward_to_go",
    "baseline",
    "advantage",
    "gae",
    "importance_sampling",
    "kl_penalty",
    "clip",
    "entropy",
)

register(id="ppo_lessons/Corridor-v0", entry_point="ppo_lessons.envs.corridor:CorridorEnv")
register(
    id="ppo_lessons/CartPole-v1",
    entry_point="gymnasium.envs.classic_control.cartpole:CartPoleEnv",
    vector_entry_point="ppo_lessons.envs.cartpole:CartPoleTorchEnv",
    max_episode_steps=500,
)
