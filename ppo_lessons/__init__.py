"""The lessons of the course, in the order of the derivation. Importing this package also registers its games."""

from gymnasium.envs.registration import register

__version__ = "0.4.3"

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
for name, module, limit in (
    ("CartPole-v1", "cartpole", 500),
    ("Acrobot-v1", "acrobot", 500),
    ("MountainCar-v0", "mountain_car", 200),
    ("Pendulum-v1", "pendulum", 200),
):
    game = name.partition("-")[0]
    register(
        id=f"ppo_lessons/{name}",
        entry_point=f"gymnasium.envs.classic_control.{module}:{game}Env",
        vector_entry_point=f"ppo_lessons.envs.{module}:{game}TorchEnv",
        max_episode_steps=limit,
    )
register(
    id="ppo_lessons/Breakout-v0",
    entry_point="ppo_lessons.envs.breakout:BreakoutEnv",
    vector_entry_point="ppo_lessons.envs.breakout:BreakoutTorchEnv",
    max_episode_steps=10_000,
)
for name in ("Constant", "Observation", "Delay", "Action", "Match"):
    register(
        id=f"ppo_lessons/Probe{name}-v0",
        entry_point=f"ppo_lessons.envs.probes:{name}Single",
        vector_entry_point=f"ppo_lessons.envs.probes:{name}Probe",
        max_episode_steps=2,
    )
