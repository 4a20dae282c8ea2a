"""Five games so small that the right answer is known: each finds one kind of bug in a trainer.

A trainer that fails on one of them has a bug where the game points; a trainer that passes on all of them and fails on a
real game may have met a hard game. Each is played in one or two steps and learned in about a second.

Source: the idea is Andy Jones' (2021), Debugging RL, Without the Agonizing Pain.
"""

import functools

import gymnasium
import torch

from ppo_lessons.envs.torch_env import SingleGame, TorchEnv


class Probe(TorchEnv):
    """What the probes share: the first number of the state is seen, as -1 or 1, and all plays end after one step.

    A probe says what an action pays, in `pay`.
    """

    single_observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    single_action_space = gymnasium.spaces.Discrete(2)
    first_low, first_high = (-1.0, -1.0), (1.0, 1.0)

    def observe(self, state):
        return coin(state[:, :1])

    def pay(self, state, actions):
        """What the only step of a play pays: [N]."""
        raise NotImplementedError

    def advance(self, state, actions):
        return state, self.pay(state, actions), torch.ones_like(actions, dtype=torch.bool)


def coin(x):
    """-1 or 1, as the sign of a number says."""
    return torch.where(x < 0, -1.0, 1.0)


class ConstantProbe(Probe):
    """`ppo_lessons/ProbeConstant-v0`: one observation, and both actions pay 1.

    V = 1. There is nothing for the policy to learn, so the entropy bonus holds it at 1/2 and 1/2.
    """

    first_low, first_high = (0.0,), (0.0,)

    def pay(self, state, actions):
        return torch.ones_like(state[:, 0])


class ObservationProbe(Probe):
    """`ppo_lessons/ProbeObservation-v0`: pays what is seen, -1 or 1, and a hidden coin of -1 or 1 on top.

    V = -1 or 1, as is seen: the critic has to use its input. The coin cannot be foreseen: its variance, 1, is the
    critic's error in the end.
    """

    single_action_space = gymnasium.spaces.Discrete(1)

    def pay(self, state, actions):
        return self.observe(state)[:, 0] + coin(state[:, 1])


class DelayProbe(Probe):
    """`ppo_lessons/ProbeDelay-v0`: to and fro between -1 and 1 for ever, and the way back pays 1; cut after two steps.

    V(-1) = gamma V(1) and V(1) = 1 + gamma V(-1), so V(1) = 1 / (1 - gamma^2) and V(-1) = gamma / (1 - gamma^2). Who
    takes the time limit for an end finds 1 and gamma.
    """

    single_action_space = gymnasium.spaces.Discrete(1)
    first_low, first_high = (-1.0,), (-1.0,)

    def advance(self, state, actions):
        return -state, (state[:, 0] > 0).float(), torch.zeros_like(actions, dtype=torch.bool)


class ActionProbe(Probe):
    """`ppo_lessons/ProbeAction-v0`: one observation; action 1 pays 0.01, action 0 nothing.

    Action 1 is right, however little it pays. Without normalised advantages the policy would weigh the reward against
    the entropy bonus and end where pi(1) / pi(0) = exp(0.01 / entropy weight).
    """

    first_low, first_high = (0.0,), (0.0,)

    def pay(self, state, actions):
        return 0.01 * actions.float()


class MatchProbe(Probe):
    """`ppo_lessons/ProbeMatch-v0`: action 0 pays 1 where -1 is seen, action 1 where 1 is seen; the other one -1.

    V = 1 with the right action in each state: the policy has to use its input.
    """

    def pay(self, state, actions):
        return self.observe(state)[:, 0] * (2 * actions - 1).float()


LIMIT = 2  # steps; only `DelayProbe` lasts so long


def single(game):
    """One copy of a probe, for `gymnasium.make`."""
    return SingleGame(game(1, max_episode_steps=LIMIT))


ConstantSingle, ObservationSingle, DelaySingle, ActionSingle, MatchSingle = (
    functools.partial(single, game) for game in (ConstantProbe, ObservationProbe, DelayProbe, ActionProbe, MatchProbe)
)
