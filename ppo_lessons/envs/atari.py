"""Atari's games from pixels, by the rules of the PPO paper: ale-py's vector environment and what it leaves out.

An observation is the last four pictures, 84 x 84, grey, in bytes; each is the maximum of two frames, since some games
draw half of it at a time. An action lasts four frames, a game at most 108,000 frames; it begins with fewer than 30 of
nothing. As in the published runs no action is repeated by chance; `gymnasium.make("ALE/Pong-v5")` does so in every
fourth frame.

What still differs from the published runs: before the first action the older three pictures are black, not copies of
the first; a shot is fired before the frames of nothing, not after them; the shot after a lost life is a step like all
others; and the critic's loss has no clip, as in the paper.

Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms, table 5; Huang et al. (2022), The 37
Implementation Details of Proximal Policy Optimization.
"""

import importlib.util

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

RULES = {"repeat_action_probability": 0.0, "noop_max": 30, "use_fire_reset": True, "reward_clipping": False}
COLOUR = {"grayscale": False, "img_height": 210, "img_width": 160, "stack_num": 1}  # what a spectator sees


def is_atari(env_id):
    """Is this one of ale-py's games?"""
    return env_id.startswith("ALE/")


def make_atari(env_id, num_envs, **how):
    """N copies of ale-py's game, bare.

    Args:
        env_id: such as "ALE/Pong-v5".
        num_envs: N.
        how: for ale-py, besides `RULES`.

    Raises:
        DependencyNotInstalled: ale-py is not here.
    """
    if importlib.util.find_spec("ale_py") is None:
        raise gymnasium.error.DependencyNotInstalled(
            f'{env_id} needs ale-py, which brings its games: in the folder of the course run pip install -e ".[atari]"'
        )
    how = {"vectorization_mode": "vector_entry_point", "autoreset_mode": AutoresetMode.SAME_STEP, **RULES, **how}
    return gymnasium.make_vec(f"ale_py:{env_id}", num_envs, **how)


class LearnersAtari(gymnasium.vector.VectorWrapper):
    """What a learner is told: rewards are -1, 0 or 1, and a lost life is an end, although the game goes on.

    After a lost life, as at the start, the next action is to fire, whatever was chosen: else no ball would come. Where
    a whole game is over, as `info["_episode"]` says, `info["episode"]["r"]` is what it paid, all lives together.
    """

    def __init__(self, envs):
        super().__init__(envs)
        actions = [action.name for action in envs.unwrapped.ale.get_action_set()]
        self.fire = actions.index("FIRE") if "FIRE" in actions else None

    def reset(self, *, seed=None, options=None):
        observations, info = self.env.reset(seed=seed, options=options)
        self.lives, self.lost = info["lives"], np.zeros(self.num_envs, dtype=bool)
        self.returns = np.zeros(self.num_envs)
        return observations, info

    def step(self, actions):
        if self.fire is not None:
            actions = np.where(self.lost, self.fire, actions)
        observations, rewards, terminated, truncated, info = self.env.step(actions)
        over = terminated | truncated
        self.lost = (info["lives"] < self.lives) & (info["lives"] > 0) & ~over
        self.lives = info["lives"]
        returns = self.returns + rewards
        self.returns = np.where(over, 0, returns)
        info |= {"_final_obs": over, "episode": {"r": returns}, "_episode": over}
        return observations, np.sign(rewards), terminated | self.lost, truncated, info
