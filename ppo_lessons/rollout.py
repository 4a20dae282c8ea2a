"""Playing: one interface to NumPy and torch games, and the rollout that a policy collects in them."""

from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode

from ppo_lessons.policy_gradient import softmax_policy
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
    actions: torch.Tensor  # [T, N]
    logits: torch.Tensor  # [T, N, A] of the policy that acted
    rewards: torch.Tensor  # [T, N]
    next_observations: torch.Tensor  # [T, N, ...] s_{t+1}
    terminated: torch.Tensor  # [T, N] bool
    truncated: torch.Tensor  # [T, N] bool
    episode_returns: torch.Tensor  # [T, N] nan where no episode ended
    mask: torch.Tensor  # [T, N] bool, False where a column is only filled up


class Game:
    """N copies of a Gymnasium game that speak tensors.

    Games of this package that are written in torch run on `device`; all others run in NumPy, one after the other, with
    autoreset in the same step. Close it when done.
    """

    def __init__(self, env_id, num_envs, *, device, seed):
        ours = env_id.startswith("ppo_lessons/")
        self.on_device = ours and gymnasium.spec(env_id).vector_entry_point is not None
        self.device = device
        if self.on_device:
            self.envs = gymnasium.make_vec(env_id, num_envs, device=device)
        else:
            same_step = {"autoreset_mode": AutoresetMode.SAME_STEP}
            self.envs = gymnasium.make_vec(env_id, num_envs, vectorization_mode="sync", vector_kwargs=same_step)
        self.observation_space, self.action_space = self.envs.single_observation_space, self.envs.single_action_space
        self.observations = self._tensor(self.envs.reset(seed=seed)[0])
        self.returns = torch.zeros(num_envs, device=device)

    def step(self, actions):
        """Act in all games: [N] action numbers from 0 -> `Transition`."""
        if not self.on_device:
            actions = actions.cpu().numpy() + self.action_space.start
        observations, rewards, terminated, truncated, info = self.envs.step(actions)
        self.observations = self._tensor(observations)
        rewards = self._tensor(rewards)
        terminated, truncated = (torch.as_tensor(flag, device=self.device) for flag in (terminated, truncated))
        ended = terminated | truncated
        returns = self.returns + rewards
        self.returns = returns.masked_fill(ended, 0)
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
        tensor = torch.tensor(array, dtype=torch.float32, device=self.device)
        check_finite(observations_or_rewards_of_the_game=tensor)
        return tensor

    def begin(self):
        """Begin new episodes in all games."""
        self.observations = self._tensor(self.envs.reset()[0])
        self.returns = torch.zeros_like(self.returns)

    def state_dict(self):
        """Everything that the next steps depend on; None for games that cannot be saved."""
        if not self.on_device:
            return None
        return {"envs": self.envs.state_dict(), "observations": self.observations, "returns": self.returns}

    def load_state_dict(self, saved):
        """Continue exactly where `state_dict` was taken."""
        self.envs.load_state_dict(saved["envs"])
        self.observations = saved["observations"].to(self.device)
        self.returns = saved["returns"].to(self.device)

    def close(self):
        self.envs.close()


def sample_actions(logits, *, generator):
    """Draw one action for each row of logits: [N, A] -> [N]."""
    return torch.multinomial(softmax_policy(logits, temperature=1.0), 1, generator=generator).squeeze(-1)


def log_probability(logits, actions):
    """log pi(a|s) of the actions taken: [..., A] and [...] -> [...]."""
    return torch.distributions.Categorical(logits=logits, validate_args=False).log_prob(actions)


@torch.no_grad()
def collect(game, policy, num_steps, *, generator):
    """Let the policy play `num_steps` steps in every game: a `Rollout`."""
    steps = []
    for _ in range(num_steps):
        observations = game.observations
        logits = policy(observations)
        actions = sample_actions(logits, generator=generator)
        transition = game.step(actions)
        steps.append((observations, actions, logits, *transition[1:]))
    rollout = [torch.stack(column) for column in zip(*steps, strict=True)]
    return Rollout(*rollout, mask=torch.ones_like(rollout[1], dtype=torch.bool))


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
