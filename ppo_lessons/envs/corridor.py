"""The Corridor as a Gymnasium game: the same rules as the listed world, read from the same table."""

import gymnasium
import numpy as np

from ppo_lessons.corridor import ACTIONS, CELLS, ENDED, SITUATIONS, START, STATES, Corridor


class CorridorEnv(gymnasium.Env):
    """`gymnasium.make("ppo_lessons/Corridor-v0")`.

    Observation: Box [13] float32: one-hot over the 12 states (6 * situation + cell), then the step number 0..6.
    Actions: Discrete(3): 0 left, 1 up (a jump of two cells), 2 right.
    Reward: +5 (day) or -5 (night) for leaving cell 0, -2 for the pit, +3 for the flag.
    End: pit, flag, or the sixth step; each of them terminates, nothing truncates.
    `reset(options={"situation": "day"})` chooses the situation; else each has probability 1/2.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, world=None, render_mode=None):
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode must be one of {self.metadata['render_modes']}, got {render_mode!r}")
        self.world = world or Corridor()
        self.render_mode = render_mode
        high = np.ones(STATES + 1, dtype=np.float32)
        high[-1] = self.world.steps
        self.observation_space = gymnasium.spaces.Box(np.zeros_like(high), high)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.situation, self.cell, self.step_number = 0, START, 0
        self.last_action, self.total = None, 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        options = options or {}
        if "situation" in options:
            if options["situation"] not in SITUATIONS:
                raise ValueError(f"situation must be one of {SITUATIONS}, got {options['situation']!r}")
            self.situation = SITUATIONS.index(options["situation"])
        else:
            self.situation = int(self.np_random.integers(len(SITUATIONS)))
        self.cell, self.step_number = START, 0
        self.last_action, self.total = None, 0.0
        return self._observation(), self._info()

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"action must be 0 (left), 1 (up) or 2 (right), got {action!r}")
        outcomes = self.world.outcomes(self.situation * CELLS + self.cell, int(action))
        drawn = self.np_random.choice(len(outcomes), p=[outcome.probability for outcome in outcomes])
        outcome = outcomes[drawn]
        self.step_number += 1
        self.last_action = ACTIONS[action]
        self.total += outcome.reward
        over = outcome.next_state == ENDED
        self.cell = self.world.target(self.cell, int(action)) if over else outcome.next_state % CELLS
        terminated = over or self.step_number == self.world.steps
        return self._observation(), outcome.reward, terminated, False, self._info()

    def render(self):
        if self.render_mode == "ansi":
            cells = ["[ ]", "[ ]", "[ ]", "[x]", "[ ]", "[F]"]
            cells[self.cell] = "[A]"
            last = f", after {self.last_action}" if self.last_action else ""
            situation = SITUATIONS[self.situation]
            return f"{''.join(cells)}  {situation}, step {self.step_number}{last}, return so far {self.total:+g}"
        if self.render_mode == "rgb_array":
            from ppo_lessons.figures.corridor import picture  # drawing is needed only here

            return picture(self.situation, self.cell, self.step_number, self.total)
        return None

    def _observation(self):
        observation = np.zeros(STATES + 1, dtype=np.float32)
        observation[self.situation * CELLS + self.cell] = 1
        observation[-1] = self.step_number
        return observation

    def _info(self):
        return {"situation": SITUATIONS[self.situation], "cell": self.cell}
