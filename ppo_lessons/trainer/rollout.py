"""Playing: one interface to NumPy and torch games, and the rollout that a policy collects in them."""

from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

from ppo_lessons.trainer import distributed as parallel
from ppo_lessons.trainer.distributions import distribution, for_the_game
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
    parameters: torch.Tensor  # [T, N, P] of the policy that acted: logits, or means and log standard deviations
    rewards: torch.Tensor  # [T, N]
    next_observations: torch.Tensor  # [T, N, ...] s_{t+1}
    terminated: torch.Tensor  # [T, N] bool
    truncated: torch.Tensor  # [T, N] bool
    episode_returns: torch.Tensor  # [T, N] nan where no episode ended
    mask: torch.Tensor  # [T, N] bool, False where a column is only filled up


class Game:
    """N copies of a Gymnasium game that speak tensors; with several processes, this process's part of them.

    Games of this package that are written in torch run on `device`; all others run in NumPy, one after the other, with
    autoreset in the same step. With `normalization`, a NumPy game shows and pays what Gymnasium's wrappers make of it.
    Close it when done.
    """

    def __init__(self, env_id, num_envs, *, device, seed, normalization=None):
        ours = env_id.startswith("ppo_lessons/")
        self.on_device = ours and gymnasium.spec(env_id).vector_entry_point is not None
        self.device = device
        self.normalization = normalization or Normalization()
        first, number = parallel.slice_of(num_envs)
        if self.on_device:
            self.normalization.check_unused(env_id)
            self.envs = gymnasium.make_vec(env_id, number, device=device, first=first, total=num_envs)
        else:
            same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
            wrappers = self.normalization.wrappers()
            self.envs = self.normalization.wrap(
                gymnasium.make_vec(
                    env_id, number, vectorization_mode="sync", vector_kwargs=same_step, wrappers=wrappers
                )
            )
            seed += first
        self.observation_space, self.action_space = self.envs.single_observation_space, self.envs.single_action_space
        self.observations = self._tensor(self.envs.reset(seed=seed)[0])
        self.returns = torch.zeros(number, device=device)

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
        if "episode" in info:  # rewards are normalised, but a record tells what the game paid
            returns = self._tensor(info["episode"]["r"])
        return Transition(
            self.observations,
            rewards,
            self._successors(info),
            terminated,
            truncated,
            returns.masked_fill(~ended, torch.nan),
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
        tensor = torch.tensor(array, dtype=torch.get_default_dtype(), device=self.device)
        check_finite(observations_or_rewards_of_the_game=tensor)
        return tensor

    def begin(self):
        """Begin new episodes in all games."""
        self.observations = self._tensor(self.envs.reset()[0])
        self.returns = torch.zeros_like(self.returns)

    def state_dict(self):
        """Everything that the next steps of all processes depend on; None for games that cannot be saved."""
        if not self.on_device:
            return None
        envs = self.envs.state_dict()
        columns = {"observations": self.observations, "returns": self.returns, **envs["columns"]}
        columns = {name: parallel.everyone(tensor) for name, tensor in columns.items()}
        return {"columns": columns, "generator": envs["generator"]}

    def load_state_dict(self, saved):
        """Continue exactly where `state_dict` was taken."""
        columns = {name: parallel.mine(tensor).to(self.device) for name, tensor in saved["columns"].items()}
        self.observations, self.returns = columns.pop("observations"), columns.pop("returns")
        self.envs.load_state_dict({"columns": columns, "generator": saved["generator"]})

    def close(self):
        self.envs.close()


@torch.no_grad()
def collect(game, policy, num_steps, *, generator):
    """Let the policy play `num_steps` steps in every game: a `Rollout`."""
    kind, steps = distribution(game.action_space), []
    for _ in range(num_steps):
        observations = game.observations
        parameters = policy(observations)
        actions = parallel.mine(kind.sample(parallel.among_all(parameters), generator=generator))
        transition = game.step(actions)
        steps.append((observations, actions, parameters, *transition[1:]))
    rollout = Rollout(*(torch.stack(column) for column in zip(*steps, strict=True)), mask=None)
    return rollout._replace(mask=torch.ones_like(rollout.rewards, dtype=torch.bool))


def whole_plays(rollout):
    """Cut a rollout that began with fresh episodes into plays: one column for each episode that ended in it.

    Monte Carlo returns need the end of the play. Steps of episodes that had not ended when the rollout did are left
    out; so are their rewards. Shorter plays are filled up with zeros, where `mask` is False.

    Raises:
        ValueError: no episode ended.
    """
    ended = rollout.terminated | rollout.truncated
    plays = []
    for game in range(ended.shape[1]):
        start = 0
        for end in (ended[:, game].nonzero().flatten() + 1).tolist():
            plays.append((game, start, end))
            start = end
    if not plays:
        raise ValueError(f"no episode ended within {len(ended)} steps: returns need whole episodes, raise num_steps")

    def columns(tensor):
        return torch.nn.utils.rnn.pad_sequence([tensor[start:end, game] for game, start, end in plays])

    return Rollout(*(columns(tensor) for tensor in rollout))
