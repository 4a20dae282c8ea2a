"""Observations and rewards of NumPy games on one scale, by Gymnasium's own wrappers.

All games share one set of running statistics. The policy that leaves the training carries them with it.
"""

import torch
from gymnasium.wrappers import NormalizeObservation
from gymnasium.wrappers.vector import NormalizeReward, RecordEpisodeStatistics

EPSILON = 1e-8  # of Gymnasium's wrappers


class Normalization:
    """Which of the two is on, and the statistics so far.

    `NormalizeObservation` gives each number of an observation mean 0 and variance 1; `NormalizeReward` divides rewards
    by the standard deviation of the discounted return.
    """

    def __init__(self, *, observations=False, rewards=False, gamma=0.99):
        self.observations, self.rewards, self.gamma = observations, rewards, gamma
        self.statistics = {}

    def check_unused(self, env_id):
        """Torch games have no wrappers of Gymnasium."""
        if self.observations or self.rewards:
            numpy_id = env_id.removeprefix("ppo_lessons/")
            raise ValueError(f"normalize_observations and normalize_rewards are for NumPy games such as {numpy_id}")

    def wrappers(self):
        """Wrappers for each single game."""
        return [self._shared_observations] if self.observations else []

    def _shared_observations(self, env):
        wrapped = NormalizeObservation(env, epsilon=EPSILON)
        wrapped.obs_rms = self.statistics.setdefault("observations", wrapped.obs_rms)
        return wrapped

    def wrap(self, envs):
        """The wrapper for all games together; the episode statistics inside it tell what was really paid."""
        if self.rewards:
            envs = NormalizeReward(RecordEpisodeStatistics(envs), gamma=self.gamma, epsilon=EPSILON)
            self.statistics["rewards"] = envs.return_rms
        return envs

    def policy(self, actor):
        """The actor as a policy of the bare game: it sees observations through the statistics of training."""
        return Normalized(actor, self.statistics["observations"]) if self.observations else actor

    def state_dict(self):
        """The statistics as tensors."""
        names = ("mean", "var", "count")
        return {
            kind: {name: torch.as_tensor(getattr(running, name)).double() for name in names}
            for kind, running in self.statistics.items()
        }

    def load_state_dict(self, saved):
        """Go on with the statistics of `state_dict`."""
        for kind, numbers in saved.items():
            running = self.statistics[kind]
            running.mean, running.var = (numbers[n].numpy().astype(running.mean.dtype) for n in ("mean", "var"))
            running.count = numbers["count"].item()


class Normalized(torch.nn.Module):
    """A policy of a game whose observations were normalised: the same shift and scale, and then the actor."""

    def __init__(self, actor, statistics):
        super().__init__()
        self.actor, self.statistics = actor, statistics

    def forward(self, observations):
        shift, variance = (torch.as_tensor(n).to(observations) for n in (self.statistics.mean, self.statistics.var))
        return self.actor((observations - shift) / (variance + EPSILON).sqrt())
