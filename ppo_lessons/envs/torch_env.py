"""What all games in torch share: all copies advance in one tensor, on the device of the network."""

import gymnasium
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space


class TorchEnv(gymnasium.vector.VectorEnv):
    """N copies of a game: observations, rewards and flags are tensors [N, ...] on `device`.

    Autoreset happens in the same step: where an episode ended, the observation is the first of the next one, and
    `info["final_obs"]` holds the last of the old one (`info["_final_obs"]` [N] says where). Step `max_episode_steps`
    truncates.

    A game is a class with two spaces of one copy, the range `first_low` to `first_high` of its first states (or a
    method `first_states`), and the method `advance`. With `total`, these are the games from number `first` on among so
    many; random numbers are drawn for all of them, so that a game plays the same wherever it is played.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012 (Gymnasium's own form)

    first_low = first_high = ()

    def __init__(self, num_envs=1, *, max_episode_steps, device="cpu", first=0, total=None):
        self.num_envs, self.max_episode_steps = num_envs, max_episode_steps
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device)
        self.first, self.total = first, total or num_envs
        low, high = (torch.tensor(limit, device=self.device) for limit in (self.first_low, self.first_high))
        self.low, self.width = low, high - low
        self.state = self.first_states()
        self.elapsed = torch.zeros(num_envs, dtype=torch.int64, device=self.device)

    def advance(self, state, actions):
        """One step of the game: states [N, S] and actions -> next states, rewards [N], terminated [N] bool."""
        raise NotImplementedError

    def observe(self, state):
        """What the player sees of the states [N, S]."""
        return state

    def first_states(self):
        """Where episodes begin: [N, S]."""
        return self._uniform(len(self.low)) * self.width + self.low

    def next_episode(self, final):
        """Where the next episodes begin after the states `final`: [N, S]."""
        return self.first_states()

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.generator.manual_seed(seed)
        self.state = self.first_states()
        self.elapsed = torch.zeros_like(self.elapsed)
        return self.observe(self.state), {}

    def step(self, actions):
        final, rewards, terminated = self.advance(self.state, actions)
        elapsed = self.elapsed + 1
        truncated = elapsed >= self.max_episode_steps
        ended = terminated | truncated
        self.state = torch.where(ended[:, None], self.next_episode(final), final)
        self.elapsed = elapsed.masked_fill(ended, 0)
        info = {"final_obs": self.observe(final), "_final_obs": ended}
        return self.observe(self.state), rewards, terminated, truncated, info

    def state_dict(self):
        """Everything that the next steps depend on."""
        return {"columns": {"state": self.state, "elapsed": self.elapsed}, "generator": self.generator.get_state()}

    def load_state_dict(self, saved):
        """Continue exactly where `state_dict` was taken."""
        self.state, self.elapsed = (saved["columns"][name].to(self.device) for name in ("state", "elapsed"))
        self.generator.set_state(saved["generator"].cpu())

    def _uniform(self, *shape):
        """Random numbers between 0 and 1 [N, *shape], drawn for all games, wherever they are played."""
        uniform = torch.rand(self.total, *shape, generator=self.generator, device=self.device)
        return uniform[self.first : self.first + self.num_envs]


class SingleGame(gymnasium.Env):
    """One copy of a game in torch for `gymnasium.make`: it speaks NumPy, and `gymnasium.make` sets its limit of steps.

    Args:
        copies: a `TorchEnv` of one.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, copies):
        self.copies = copies
        self.observation_space = copies.single_observation_space
        self.action_space = copies.single_action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = self.copies.reset(seed=seed)[0][0].numpy()
        return self.seen, {}

    def step(self, action):
        _, reward, terminated, _, info = self.copies.step(torch.tensor([int(action)]))
        self.seen = info["final_obs"][0].numpy()
        return self.seen, reward.item(), terminated.item(), False, {}
