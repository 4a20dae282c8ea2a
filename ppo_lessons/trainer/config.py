"""Every number of a run, once, with its checks; the algorithms of the course; settings for known games."""

import math
from dataclasses import dataclass

import torch

from ppo_lessons.envs.atari import is_atari
from ppo_lessons.validation import check_not_negative, check_positive, check_unit_interval

MONTE_CARLO = ("total_return", "reward_to_go", "baseline")  # estimators that need the end of the episode
ADVANTAGE_ESTIMATORS = (*MONTE_CARLO, "td_error", "gae")
ACTOR_STEPS_ONCE = ("score", "trust_region")  # objectives with one step of the actor for each rollout
OBJECTIVES = (*ACTOR_STEPS_ONCE, "clip", "penalty")
NORMALIZE = ("rollout", "minibatch", "none")


@dataclass(frozen=True)
class Config:
    """Every number of a run, once. The defaults solve CartPole: `experiments/defaults.py` is how they were found."""

    env_id: str = "ppo_lessons/CartPole-v1"  # a Gymnasium id: Box or Discrete observations, Discrete or Box actions
    seed: int = 0
    device: str = "auto"  # "cpu", "cuda", or "auto": cuda where there is one
    total_steps: int = 35_000  # environment steps; the last, incomplete update is left out
    num_envs: int = 32  # N, games played side by side, in all processes together
    num_steps: int = 64  # T, steps of each game in one rollout
    epochs: int = 16  # times that a rollout is used
    minibatches: int = 2  # pieces that a rollout is cut into, anew in each epoch
    learning_rate: float = 1e-2  # of Adam at the start
    anneal: bool = True  # does it fall linearly to 0?
    gamma: float = 0.99
    lam: float = 0.95
    advantage_estimator: str = "gae"  # what log pi of each step is multiplied by, one of ADVANTAGE_ESTIMATORS
    normalize: str = "rollout"  # which advantages are shifted and scaled together, one of NORMALIZE
    objective: str = "clip"  # one of OBJECTIVES
    epsilon: float = 0.2  # of "clip"; inf is importance sampling without a leash
    beta: float = 1.0  # of "penalty", the price of one nat
    beta_target_kl: float = 0.0  # above 0, beta adapts to it after each update
    target_kl: float = math.inf  # an epoch that ends with a larger mean KL(old || new) is the last of its update
    max_kl: float = 0.01  # of "trust_region"
    damping: float = 0.1  # of "trust_region"
    entropy_weight: float = 0.01
    value_weight: float = 0.5
    value_clip: float = math.inf  # the critic gains nothing by moving further than this from what it said before
    max_grad_norm: float = 0.5
    hidden: int = 64  # width of both hidden layers
    capture: bool = False  # record an update of a torch game once as a CUDA graph, and replay it
    normalize_observations: bool = False  # NumPy games: each number of an observation to mean 0, variance 1
    normalize_rewards: bool = False  # NumPy games: rewards in standard deviations of the discounted return

    def __post_init__(self):
        for name in ("total_steps", "num_envs", "num_steps", "epochs", "minibatches", "hidden"):
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= 1):
                raise ValueError(f"{name} must be an integer of at least 1, got {getattr(self, name)!r}")
        if not (isinstance(self.seed, int) and self.seed >= 0):
            raise ValueError(f"seed must be an integer of at least 0, got {self.seed!r}")
        if self.batch_size < 2 or self.batch_size % self.minibatches:
            raise ValueError(
                f"num_envs * num_steps = {self.batch_size} must be at least 2 and a multiple of "
                f"minibatches = {self.minibatches}"
            )
        if self.updates < 1:
            raise ValueError(f"total_steps = {self.total_steps} is less than one rollout of {self.batch_size} steps")
        for name, known in (
            ("objective", OBJECTIVES),
            ("advantage_estimator", ADVANTAGE_ESTIMATORS),
            ("normalize", NORMALIZE),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        check_unit_interval(gamma=self.gamma, lam=self.lam)
        for name in ("learning_rate", "max_grad_norm", "max_kl"):
            check_positive(**{name: getattr(self, name)})
        not_negative = "epsilon", "value_clip", "beta", "beta_target_kl", "target_kl", "damping"
        for name in (*not_negative, "entropy_weight", "value_weight"):
            check_not_negative(**{name: getattr(self, name)})
        if self.objective in ACTOR_STEPS_ONCE and (self.normalize == "minibatch" or self.stops_early):
            raise ValueError(
                f"with the objective {self.objective!r} the actor takes one step a rollout: no minibatch of it can be "
                "normalized, no epoch stopped"
            )
        if self.normalize == "minibatch" and self.batch_size < 2 * self.minibatches:
            raise ValueError("minibatches of one step cannot be normalized: one number has no standard deviation")
        if is_atari(self.env_id) and (self.normalize_observations or self.normalize_rewards):
            raise ValueError(
                "normalize_observations and normalize_rewards are not for Atari: its pictures are divided by 255, its "
                "rewards are cut to their sign"
            )
        adapts = self.beta_target_kl > 0 or self.stops_early
        if self.capture and (self.objective == "trust_region" or self.whole_episodes or adapts):
            raise ValueError(
                "capture needs an update that is the same program each time: neither the trust region, nor an "
                "estimator of whole episodes, nor a target of the KL"
            )

    @property
    def batch_size(self):
        """Steps in one rollout, all games together."""
        return self.num_envs * self.num_steps

    @property
    def updates(self):
        """Rollouts that fit into the budget."""
        return self.total_steps // self.batch_size

    @property
    def whole_episodes(self):
        """Does the advantage estimator need the end of each episode?"""
        return self.advantage_estimator in MONTE_CARLO

    @property
    def stops_early(self):
        """May an update end before its last epoch?"""
        return self.target_kl < math.inf


# The algorithms of the course: the same trainer with other settings. The first three need whole episodes, and so they
# play few games for long. Without a critic nothing may shift the advantages: `normalize` would be a baseline.
SCORE = {"objective": "score"}
EPISODES = {**SCORE, "num_envs": 4, "num_steps": 512}
ALGORITHMS = {
    "reinforce": {**EPISODES, "advantage_estimator": "total_return", "normalize": "none", "value_weight": 0.0},
    "reward-to-go": {**EPISODES, "advantage_estimator": "reward_to_go", "normalize": "none", "value_weight": 0.0},
    "baseline": {**EPISODES, "advantage_estimator": "baseline"},
    "a2c": {**SCORE, "num_steps": 8, "advantage_estimator": "td_error"},
    "gae": {**SCORE, "num_steps": 8},
    "importance-sampling": {"epsilon": math.inf},
    "trpo": {"objective": "trust_region"},
    "ppo-penalty": {"objective": "penalty"},
    "ppo-penalty-adaptive": {"objective": "penalty", "beta_target_kl": 0.01},
    "ppo-clip": {},
}

# What other games and other algorithms begin with: the defaults of `Config` were searched for PPO-clip on CartPole.
PLAIN = {
    "total_steps": 100_000,
    "num_envs": 64,
    "num_steps": 32,
    "epochs": 4,
    "minibatches": 4,
    "learning_rate": 5e-3,
    "gamma": 0.99,
    "lam": 0.95,
    "epsilon": 0.2,
    "entropy_weight": 0.01,
}
# Atari, the same for all games, as in the 37 implementation details of Huang et al. (2022): the PPO paper's settings,
# but one epoch more and a clip that does not fall. Their code halves the critic's error and weighs that by 0.5. It also
# clips it; that is left out here, as in the paper.
ATARI = {
    **PLAIN,
    "total_steps": 10_000_000,
    "num_envs": 8,
    "num_steps": 128,
    "learning_rate": 2.5e-4,
    "normalize": "minibatch",
    "epsilon": 0.1,
    "value_weight": 0.25,
}
# Games with settings of their own, in torch or in NumPy. All Pendulums end together, every 200 steps: with rollouts of
# 200 steps each update sees whole episodes and not one phase of them.
GAMES = {
    "CartPole-v1": {},
    "Acrobot-v1": {**PLAIN, "total_steps": 200_000},
    "Pendulum-v1": {
        **PLAIN,
        "total_steps": 300_000,
        "num_envs": 32,
        "num_steps": 200,
        "epochs": 10,
        "minibatches": 10,
        "learning_rate": 3e-3,
        "gamma": 0.95,
        "entropy_weight": 0.0,
    },
    "Breakout-v0": {  # searched for by `experiments/full_run.py`
        **PLAIN,
        "total_steps": 10_000_000,
        "num_envs": 256,
        "num_steps": 64,
        "minibatches": 8,
        "gamma": 0.995,
        "lam": 0.9,
    },
    "ALE/Breakout-v5": ATARI,
    "ALE/Pong-v5": ATARI,
}


def settings_for(env_id, algorithm="ppo-clip"):
    """What the command line sets for a game and an algorithm, as far as it is not the default: a dict."""
    game = GAMES.get(env_id.removeprefix("ppo_lessons/"), ATARI if is_atari(env_id) else PLAIN)
    return {**({} if algorithm == "ppo-clip" else PLAIN), **game, **ALGORITHMS[algorithm]}


def choose_device(name):
    """The torch device called `name`; "auto" is cuda where there is one, else cpu.

    Raises:
        ValueError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.Generator(name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'device must be "auto", "cpu", or "cuda" where PyTorch finds a GPU, got {name!r}') from error
    return torch.device(name)
