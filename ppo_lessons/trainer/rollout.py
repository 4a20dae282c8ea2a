"""Playing: one interface to NumPy and torch games, the rollout that a policy collects in them, and its batches."""

from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

from ppo_lessons.envs.atari import LearnersAtari, is_atari, make_atari
from ppo_lessons.trainer import distributed
from ppo_lessons.trainer.distributions import check_spaces, distribution, for_the_game
from ppo_lessons.trainer.normalization import Normalization
from ppo_lessons.validation import check_finite


class Transition(NamedTuple):
    """What one step of N games gave."""

    observations: torch.Tensor  # [N, ...] where the next step starts: after an end, the first of a new episode
    rewards: torch.Tensor  # [N]
    next_observations: torch.Tensor  # [N, ...] the true successor, also at an end
    terminated: torch.Tensor  # [N] bool
    truncated: torch.Tensor  # [N] bool
    episode_returns: torch.Tensor  # [N] total reward of the episodes that ended here, nan elsewhere


class Rollout(NamedTuple):
    """T steps of N games, time first."""

    observations: torch.Tensor  # [T, N, ...] s_t
    actions: torch.Tensor  # [T, N] numbers from 0, or [T, N, D] real numbers before they are cut to the game's box
    dist_params: torch.Tensor  # [T, N, P] of the policy that acted: logits, or means and log standard deviations
    rewards: torch.Tensor  # [T, N]
    next_observations: torch.Tensor  # [T, N, ...] s_{t+1}
    terminated: torch.Tensor  # [T, N] bool
    truncated: torch.Tensor  # [T, N] bool
    episode_returns: torch.Tensor  # [T, N] nan where no episode ended
    mask: torch.Tensor | None = None  # [T, N] bool, False where a column is only filled up; None: nowhere

    def flat(self, tensor):
        """The steps that count, in one row: [T, N, ...] -> [M, ...]."""
        return tensor.flatten(0, 1) if self.mask is None else tensor[self.mask]


class Batch(NamedTuple):
    """M steps of a rollout in one row, and what is known of each before the gradient steps."""

    observations: torch.Tensor  # [M, ...]
    actions: torch.Tensor  # [M] or [M, D]
    dist_params: torch.Tensor  # [M, P] of the policy that acted
    old_logp: torch.Tensor  # [M] log probability of the action under that policy
    advantages: torch.Tensor  # [M]
    targets: torch.Tensor  # [M] what the critic should say
    values: torch.Tensor  # [M] what it said before
    games: int  # N of this process
    share: float  # this process's part of the steps that all processes hold together

    def minibatches(self, number, *, generator):
        """Cut the steps of all processes, in random order, into `number` pieces: an iterator of `Batch`."""
        *columns, games, _ = self
        order = torch.randperm(
            len(self.targets) * distributed.world.size, generator=generator, device=self.targets.device
        )
        for piece in order.chunk(number):
            chosen, share = distributed.members(piece, games)
            yield Batch(*(column.index_select(0, chosen) for column in columns), games, share)


def to_batch(rollout, *, old_logp, advantages, targets, values):
    """The steps of a rollout, with four more numbers [T, N] for each, as a `Batch`."""
    columns = rollout.observations, rollout.actions, rollout.dist_params, old_logp, advantages, targets, values
    games, share = rollout.rewards.shape[1], 1 / distributed.world.size
    return Batch(*(rollout.flat(column) for column in columns), games, share)


class Game:
    """N copies of a Gymnasium game that speak tensors; with several processes, this process's shard of them.

    Games of this package that are written in torch run on `device`; all others run in NumPy, one after the other, with
    autoreset in the same step; Atari's run side by side in threads of their own. With `normalization`, a NumPy game
    shows and pays what Gymnasium's wrappers make of it. Close it when done.
    """

    def __init__(self, env_id, num_envs, *, device, seed, normalization=None):
        ours = env_id.startswith("ppo_lessons/")
        self.on_device = ours and gymnasium.spec(env_id).vector_entry_point is not None
        self.device = device
        self.normalization = normalization or Normalization()
        first, number = distributed.shard_of(num_envs)
        if self.on_device:
            self.normalization.check_unused(env_id)
            self.envs = gymnasium.make_vec(env_id, number, device=device, first=first, total=num_envs)
        else:
            self.envs = self._numpy_games(env_id, number)
            seed += first
        self.observation_space, self.action_space = self.envs.single_observation_space, self.envs.single_action_space
        check_spaces(self.observation_space, self.action_space)
        self.observations = self._tensor(self.envs.reset(seed=seed)[0])
        self.returns = torch.zeros(number, device=device)

    def _numpy_games(self, env_id, number):
        if is_atari(env_id):
            return LearnersAtari(make_atari(env_id, number))
        how = {
            "vectorization_mode": "sync",
            "vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP},
            "wrappers": [discrete_to_one_hot, *self.normalization.wrappers()],
        }
        return self.normalization.wrap(gymnasium.make_vec(env_id, number, **how))

    def step(self, actions):
        """Act in all games: [N] action numbers from 0, or [N, D] real numbers -> `Transition`."""
        if not self.on_device:
            actions = for_the_game(actions, self.action_space)
        observations, rewards, terminated, truncated, info = self.envs.step(actions)
        self.observations = self._tensor(observations)
        rewards = self._tensor(rewards)
        terminated, truncated = (torch.as_tensor(flag, device=self.device) for flag in (terminated, truncated))
        ended = terminated | truncated
        returns = self.returns + rewards
        self.returns = returns.masked_fill(ended, 0)
        over = ended
        if "episode" in info:  # the learner is shown other rewards and ends, but a record tells what the game paid
            returns, over = self._tensor(info["episode"]["r"]), torch.as_tensor(info["_episode"], device=self.device)
        return Transition(
            observations=self.observations,
            rewards=rewards,
            next_observations=self._successors(info),
            terminated=terminated,
            truncated=truncated,
            episode_returns=returns.masked_fill(~over, torch.nan),
        )

    def _successors(self, info):
        if self.on_device:
            return info["final_obs"]
        if "final_obs" not in info:
            return self.observations
        ended = info["_final_obs"]
        successors = self.observations.clone()
        successors[torch.as_tensor(ended, device=self.device)] = self._tensor(np.stack(info["final_obs"][ended]))
        return successors

    def _tensor(self, array):
        if self.on_device:
            return array
        tensor = as_tensor(array, self.device)
        check_finite(observations_or_rewards_of_the_game=tensor)
        return tensor

    def reset(self):
        """Begin new episodes in all games."""
        self.observations = self._tensor(self.envs.reset()[0])
        self.returns = torch.zeros_like(self.returns)

    def state_dict(self):
        """Everything that the next steps of all processes depend on; None for games that cannot be saved."""
        if not self.on_device:
            return None
        envs = self.envs.state_dict()
        columns = {"observations": self.observations, "returns": self.returns, **envs["columns"]}
        columns = {name: distributed.all_gather(tensor) for name, tensor in columns.items()}
        return {"columns": columns, "generator": envs["generator"]}

    def load_state_dict(self, saved):
        """Continue exactly where `state_dict` was taken."""
        columns = {name: distributed.shard(tensor).to(self.device) for name, tensor in saved["columns"].items()}
        self.observations, self.returns = columns.pop("observations"), columns.pop("returns")
        self.envs.load_state_dict({"columns": columns, "generator": saved["generator"]})

    def close(self):
        self.envs.close()


def make_game(config, device):
    """The games of a run, as its `Config` says."""
    normalization = Normalization(
        observations=config.normalize_observations, rewards=config.normalize_rewards, gamma=config.gamma
    )
    return Game(config.env_id, config.num_envs, device=device, seed=config.seed, normalization=normalization)


def as_tensor(array, device):
    """What a NumPy game shows, as numbers of PyTorch's default type; bytes, which images are made of, stay bytes."""
    dtype = torch.uint8 if array.dtype == np.uint8 else torch.get_default_dtype()
    return torch.tensor(array, dtype=dtype, device=device)


def discrete_to_one_hot(env):
    """Show a Discrete observation k as the k-th unit vector; every other game stays as it is."""
    if isinstance(env.observation_space, gymnasium.spaces.Discrete):
        return gymnasium.wrappers.FlattenObservation(env)
    return env


@torch.no_grad()
def collect(game, actor, num_steps, *, generator):
    """Let the actor play `num_steps` steps in every game: a `Rollout`."""
    policy, steps = distribution(game.action_space), []
    for _ in range(num_steps):
        observations = game.observations
        dist_params = actor(observations)
        actions = distributed.shard(policy.sample(distributed.unshard(dist_params), generator=generator))
        transition = game.step(actions)._asdict() | {"observations": observations}
        steps.append({"actions": actions, "dist_params": dist_params, **transition})
    return Rollout(**{name: torch.stack([step[name] for step in steps]) for name in steps[0]})
