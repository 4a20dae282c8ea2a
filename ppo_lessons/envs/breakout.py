"""Breakout on a screen of 10 × 10 cells, in torch: thousands of games are one tensor.

The rules are those of MinAtar's Breakout, with a limit of 10,000 steps (MinAtar has none, and a good player would never
end) and with the three actions that do something.

Source: Young & Tian (2019), MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement Learning
Experiments. The code is this course's own.
"""

import gymnasium
import numpy as np
import torch

from ppo_lessons.envs.torch_env import SingleGame, TorchEnv

SIZE = 10  # rows and columns
WALL = slice(1, 4)  # the rows in which a new wall stands
NONE, LEFT, RIGHT = range(3)  # the actions
PADDLE, BALL, TRAIL, BRICK = range(4)  # the channels of an observation
PARTS = 9  # numbers of a state before the 30 bricks
X, Y, DX, DY, TRAIL_X, TRAIL_Y, PADDLE_X, STRUCK, LAST_ACTION = range(PARTS)
LIMIT = 10_000  # steps


def breakout_step(state, action):
    """One step of ball, paddle and wall.

    The ball flies diagonally. It turns at the sides, at the top, and at a brick, which breaks; but of two bricks in two
    steps running it flies through the second. Over the paddle it turns up; where it lands beside the paddle's old side
    and on the paddle, it goes back the way it came. A ball in row 9 that meets no paddle ends the game.

    Args:
        state: [N, 39] int64: ball x and y (row 0 is the top), its direction dx and dy (-1 or 1), where it was a step
            ago, x of the paddle, whether the ball's place held a brick in this step, the action; then 30 bricks, row by
            row, 1 where one stands.
        action: [N] 0 none, 1 left, 2 right.

    Returns:
        [N, 39] the next state, [N] float reward (1 for a brick), [N] bool whether the ball is lost.
    """
    x, y, dx, dy, _, _, paddle, struck, _ = state[:, :PARTS].unbind(1)
    bricks = state[:, PARTS:]
    paddle = (paddle + (action == RIGHT).long() - (action == LEFT).long()).clamp(0, SIZE - 1)
    new_x, new_y = x + dx, y + dy
    dx = torch.where((new_x < 0) | (new_x >= SIZE), -dx, dx)
    new_x = new_x.clamp(0, SIZE - 1)

    place = (new_y - WALL.start) * SIZE + new_x  # among the bricks
    beside_wall = (new_y < WALL.start) | (new_y >= WALL.stop)
    place = place.masked_fill(beside_wall, 0)[:, None]
    on_brick = (bricks.gather(1, place)[:, 0] > 0) & ~beside_wall
    hit = on_brick & (struck == 0)
    bricks = bricks.scatter_add(1, place, -hit.long()[:, None])

    bottom = new_y == SIZE - 1
    bricks = bricks | (bottom & ~bricks.any(1)).long()[:, None]  # a wall that is gone is built anew
    over, beside = x == paddle, new_x == paddle
    saved = bottom & (over | beside)
    dx = torch.where(saved & ~over, -dx, dx)
    turned = (new_y < 0) | hit | saved
    dy, new_y = torch.where(turned, -dy, dy), torch.where(turned, y, new_y)
    parts = torch.stack([new_x, new_y, dx, dy, x, y, paddle, on_brick.long(), action], 1)
    return torch.cat([parts, bricks], 1), hit.to(torch.get_default_dtype()), bottom & ~saved


def draw_cells(state):
    """What is seen of states [N, 39]: [N, 10, 10, 4] bytes, rows first; 1 where the paddle, ball, trail, a brick is."""
    x, y, _, _, trail_x, trail_y, paddle, _, _ = state[:, :PARTS].unbind(1)
    seen = torch.zeros(len(state), SIZE, SIZE, 4, dtype=torch.uint8, device=state.device)
    seen[:, WALL, :, BRICK] = state[:, PARTS:].reshape(-1, WALL.stop - WALL.start, SIZE).byte()
    bottom = torch.full_like(paddle, SIZE - 1)
    rows, columns = torch.stack([bottom, y, trail_y], 1), torch.stack([paddle, x, trail_x], 1)
    channels = torch.arange(3, device=state.device)  # PADDLE, BALL, TRAIL
    seen.flatten(1).scatter_(1, (rows * SIZE + columns) * 4 + channels, 1)
    return seen


class BreakoutTorchEnv(TorchEnv):
    """`gymnasium.make_vec("ppo_lessons/Breakout-v0", num_envs, device=..., sticky_action_probability=0.1)`.

    Reward 1 a brick; a lost ball terminates, step 10,000 truncates. Actions 0 none, 1 left, 2 right. With
    `sticky_action_probability` the action executed last is executed again, whatever was chosen; also the first action
    of an episode may be the last one of the episode before, as in MinAtar.
    """

    single_observation_space = gymnasium.spaces.Box(0, 1, (SIZE, SIZE, 4), dtype=np.uint8)
    single_action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, num_envs=1, *, sticky_action_probability=0.1, device="cpu", **kwargs):
        if not 0 <= sticky_action_probability <= 1:
            raise ValueError(f"sticky_action_probability must be in [0, 1], got {sticky_action_probability}")
        self.sticky_action_probability = sticky_action_probability
        self.starts = torch.tensor([start(0, dx=1), start(SIZE - 1, dx=-1)], device=device)
        super().__init__(num_envs, device=device, **kwargs)

    def advance(self, state, actions):
        again = self._uniform() < self.sticky_action_probability
        return breakout_step(state, torch.where(again, state[:, LAST_ACTION], actions))

    def observe(self, state):
        return draw_cells(state)

    def first_states(self):
        return self.starts[(self._uniform() < 0.5).long()]

    def next_episode(self, final):
        first = self.first_states()
        first[:, LAST_ACTION] = final[:, LAST_ACTION]
        return first


def start(x, *, dx):
    """The ball in row 3 at a side, on its way down; the paddle near the middle; the wall whole."""
    return [x, WALL.stop - 1, dx, 1, x, WALL.stop - 1, 4, 0, NONE] + [1] * (WALL.stop - WALL.start) * SIZE


COLOURS = np.array([[230, 230, 230], [255, 210, 60], [150, 120, 40], [80, 150, 220]], dtype=np.uint8)  # by channel
SIGNS = "=o.#"
PIXELS = 16  # a cell


class BreakoutEnv(SingleGame):
    """One game in NumPy, for `gymnasium.make("ppo_lessons/Breakout-v0")`: one copy of `BreakoutTorchEnv`.

    Renders "rgb_array" [160, 160, 3], or "ansi": ten lines, = paddle, o ball, . where it was, # brick.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 15}  # noqa: RUF012 (Gymnasium's own form)

    def __init__(self, *, render_mode=None, sticky_action_probability=0.1):
        how = {"sticky_action_probability": sticky_action_probability, "max_episode_steps": LIMIT}
        super().__init__(BreakoutTorchEnv(1, **how))
        self.render_mode = render_mode

    def render(self):
        if self.render_mode == "ansi":
            return "\n".join("".join(SIGNS[cell.argmax()] if cell.any() else " " for cell in row) for row in self.seen)
        cells = np.where(self.seen.any(-1)[..., None], COLOURS[self.seen.argmax(-1)], np.uint8(20))
        return cells.repeat(PIXELS, 0).repeat(PIXELS, 1)
