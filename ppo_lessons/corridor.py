"""The Corridor: a game small enough that every trajectory can be listed, so that claims become exact checks.

Six cells in a row, met in two situations: by day leaving cell 0 pays +5 (a coin), by night it costs 5 (a toll).

    cell    0        1       2       3       4       5
          start                     pit             flag
                                  -2, end         +3, end

Actions: `left`, `up` (a jump of two cells), `right`. Each may fail, and then the agent stays where it is. Left of
cell 1 is a wall. The sixth step ends the game: the limit is part of the rules, so it terminates and is worth nothing.

A state is one number: 6 * situation + cell, with day 0 and night 1; state 12 means that the game is over.
A policy is a table of logits [12, 3]: one row for each state, the same at every time step.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch

from ppo_lessons.policy_gradient import expected_return

ACTIONS = ("left", "up", "right")
SITUATIONS = ("day", "night")
CELLS, START, PIT, FLAG = 6, 0, 3, 5
STATES = len(SITUATIONS) * CELLS
ENDED = STATES
SLIDES_POLICY = (0.1, 0.2, 0.7)


class Outcome(NamedTuple):
    """One thing that may happen after an action."""

    probability: float
    next_state: int
    reward: float


class Trajectories(NamedTuple):
    """Plays side by side: K columns. After the end: state 12, action 0, reward 0, mask 0."""

    states: torch.Tensor  # [T, K] int64
    actions: torch.Tensor  # [T, K] int64
    rewards: torch.Tensor  # [T, K] float64
    mask: torch.Tensor  # [T, K] float64, 1 while the game runs
    probability: torch.Tensor  # [K] float64, the environment's part alone: p(s_0) prod_t p(s_{t+1}, r_t | s_t, a_t)

    @property
    def returns(self):
        """[K] total return of each play."""
        return self.rewards.sum(0)

    @property
    def terminated(self):
        """[T, K] bool, True at the last step of each play, and after it."""
        return torch.cat([self.mask[1:], torch.zeros_like(self.mask[:1])]) == 0

    def select(self, plays):
        """The plays with these column numbers [n], in this order."""
        return Trajectories(*(tensor[..., plays] for tensor in self))


class Tables(NamedTuple):
    """Exact values by time. Row T is the end of the game: 0."""

    values: torch.Tensor  # [T + 1, 13] V_t(s); column 12 is the ended game: 0
    action_values: torch.Tensor  # [T, 12, 3] Q_t(s, a)


class GradientMoments(NamedTuple):
    """What a one-play estimate of the policy gradient does on average. The mean of N plays has variance / N."""

    mean: torch.Tensor  # [12, 3] E[g]
    bias: torch.Tensor  # [12, 3] E[g] - gradient of J
    variance: torch.Tensor  # 0-d, E[|g - E[g]|^2], summed over all parameters


@dataclass(frozen=True)
class Corridor:
    """The game's rules, its list of plays, and exact answers about any policy table.

    >>> world = Corridor()
    >>> world.trajectories().states.shape
    torch.Size([6, 25472])
    >>> round(world.expected_return(world.policy(SLIDES_POLICY)).item(), 3)
    -1.247
    """

    success: tuple = (0.9, 0.8, 0.9)  # of left, up, right
    leaving: tuple = (5.0, -5.0)  # reward for leaving cell 0, by day and by night
    pit: float = -2.0
    flag: float = 3.0
    steps: int = 6  # T

    def target(self, cell, action):
        """The cell in which `action` ends where it succeeds; at the wall it is the cell itself."""
        target = min(cell + (-1, 2, 1)[action], FLAG)
        return cell if target < 0 or (cell, target) == (1, START) else target

    def outcomes(self, state, action):
        """Everything that may happen after `action` (0 left, 1 up, 2 right) in `state` (0..11): a list of `Outcome`.

        Outcomes with the same successor are one. The time limit is not in here: it depends on the step number.
        """
        situation, cell = divmod(state, CELLS)
        target = self.target(cell, action)
        if target == cell:
            return [Outcome(1.0, state, 0.0)]
        reward = self.leaving[situation] if cell == START else 0.0
        reward += {PIT: self.pit, FLAG: self.flag}.get(target, 0.0)
        successor = ENDED if target in (PIT, FLAG) else situation * CELLS + target
        p = self.success[action]
        return [Outcome(p, successor, reward), Outcome(1 - p, state, 0.0)]

    @cache  # noqa: B019 (the key is the rules, a frozen dataclass)
    def transitions(self):
        """P [12, 3, 13], the probability of each successor, and R [12, 3, 13], the reward on the way (float64)."""
        probability = torch.zeros(STATES, len(ACTIONS), STATES + 1, dtype=torch.float64)
        reward = torch.zeros_like(probability)
        for state in range(STATES):
            for action in range(len(ACTIONS)):
                for outcome in self.outcomes(state, action):
                    probability[state, action, outcome.next_state] = outcome.probability
                    reward[state, action, outcome.next_state] = outcome.reward
        return probability, reward

    @cache  # noqa: B019 (the key is the rules, a frozen dataclass)
    def trajectories(self):
        """Every possible play: 25,472 columns under the standard rules. Listed once, then remembered: do not change it.

        Breadth first: after each step every running play is replaced by its continuations.
        """
        possible, reward = self.transitions()
        starts = [situation * CELLS + START for situation in range(len(SITUATIONS))]
        states = torch.tensor([starts])
        actions = torch.zeros(0, len(starts), dtype=torch.int64)
        rewards = torch.zeros(0, len(starts), dtype=torch.float64)
        probability = torch.full((len(starts),), 1 / len(starts), dtype=torch.float64)
        over = torch.zeros(1, STATES + 1, dtype=torch.float64)
        over[0, ENDED] = 1  # the ended game goes on in one way: action 0, reward 0
        choices = [*possible, over]
        for _ in range(self.steps):
            now = states[-1]
            branches = [choice.nonzero() for choice in choices]
            counts = torch.tensor([len(branch) for branch in branches])[now]
            play = torch.arange(len(now)).repeat_interleave(counts)
            action, successor = torch.cat([branches[state] for state in now.tolist()]).T
            running = now[play] != ENDED
            state = now[play].clamp(max=STATES - 1)
            step_reward = torch.where(running, reward[state, action, successor], 0.0)
            step_probability = torch.where(running, possible[state, action, successor], 1.0)
            states = torch.cat([states[:, play], successor[None]])
            actions = torch.cat([actions[:, play], action[None]])
            rewards = torch.cat([rewards[:, play], step_reward[None]])
            probability = probability[play] * step_probability
        mask = (states[:-1] != ENDED).to(torch.float64)
        return Trajectories(states[:-1], actions, rewards, mask, probability)

    @cache  # noqa: B019 (the key is the rules, a frozen dataclass)
    def _places(self):
        """[T * K] where the state and action of each step of each listed play stand in a flattened table [13, 3]."""
        plays = self.trajectories()
        return (plays.states * len(ACTIONS) + plays.actions).flatten()

    def policy(self, probabilities):
        """Table of logits [12, 3] (float64) that plays `probabilities` (of left, up, right) in every state."""
        return torch.tensor(probabilities, dtype=torch.float64).log().expand(STATES, -1).clone()

    def log_probabilities(self, logits, plays=None):
        """log pi(a_t|s_t) [T, K] of every step of `plays` (default: all), 0 after the end. Differentiable."""
        table = torch.cat([logits.log_softmax(-1), torch.zeros_like(logits[:1])])
        if plays is None:  # as below, several times as fast
            return table.flatten().index_select(0, self._places()).reshape(self.steps, -1)
        return table[plays.states, plays.actions]

    def probabilities(self, logits):
        """P_theta(tau) [K]: the environment's part times the policy's. Sums to 1. Differentiable."""
        return self.trajectories().probability * self.log_probabilities(logits).sum(0).exp()

    def expected_return(self, logits):
        """J(theta) = sum_tau R(tau) P_theta(tau), 0-d. Differentiable."""
        return expected_return(self.trajectories().returns, self.probabilities(logits))

    def gradient(self, logits):
        """Exact gradient of J with respect to the table, [12, 3]."""
        logits = logits.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.expected_return(logits), logits)
        return gradient

    def tables(self, logits, *, gamma):
        """Exact V_t(s) and Q_t(s, a) by backward recursion from the last step.

        Q_t(s, a) = sum_s' P(s'|s, a) (R + gamma V_{t+1}(s')),   V_t(s) = sum_a pi(a|s) Q_t(s, a),   V_T = 0
        """
        probability, reward = self.transitions()
        pi = logits.detach().softmax(-1)
        values = [torch.zeros(STATES + 1, dtype=torch.float64)]
        action_values = []
        for _ in range(self.steps):
            q = (probability * (reward + gamma * values[-1])).sum(-1)
            action_values.append(q)
            values.append(torch.cat([(pi * q).sum(-1), torch.zeros(1, dtype=torch.float64)]))
        return Tables(torch.stack(values[::-1]), torch.stack(action_values[::-1]))

    def start_value(self, logits):
        """J(theta) again, from the value table: much faster than listing. A float."""
        values = self.tables(logits, gamma=1.0).values[0]
        return (values[START] / 2 + values[CELLS + START] / 2).item()

    def best_return(self):
        """The highest J that any policy reaches, by backward recursion with the best action in each state and step."""
        probability, reward = self.transitions()
        values = torch.zeros(STATES + 1, dtype=torch.float64)
        for _ in range(self.steps):
            best = (probability * (reward + values)).sum(-1).max(1).values
            values = torch.cat([best, torch.zeros(1, dtype=torch.float64)])
        return (values[START] / 2 + values[CELLS + START] / 2).item()

    def visits(self, logits):
        """Probability [T, 12] of being in state s at time t; rows sum to less than 1 once plays have ended."""
        step = torch.einsum("sa,sap->sp", logits.detach().softmax(-1), self.transitions()[0])
        now = torch.zeros(STATES, dtype=torch.float64)
        now[START] = now[CELLS + START] = 1 / 2
        rows = []
        for _ in range(self.steps):
            rows.append(now)
            now = now @ step[:, :STATES]
        return torch.stack(rows)

    def sample(self, logits, number, *, generator):
        """Draw `number` plays from the list, each with its probability under the policy: `Trajectories`."""
        drawn = torch.multinomial(self.probabilities(logits.detach()), number, replacement=True, generator=generator)
        return self.trajectories().select(drawn)

    def step_values(self, table, plays=None):
        """Look up values and successors' values for every step: V_t(s_t) and V_{t+1}(s_{t+1}), both [T, K].

        `table` is [T + 1, 13] as in `tables`. The successor's value is 0 where the play terminated.
        """
        plays = self.trajectories() if plays is None else plays
        values = table[:-1].gather(1, plays.states)
        following = torch.cat([values[1:], torch.zeros_like(values[:1])])
        return values, following.masked_fill(plays.terminated, 0)

    def scores(self, logits, weights):
        """The one-play estimates g(tau) = sum_t w_t grad log pi(a_t|s_t), one row for each listed play: [K, 36].

        In a softmax table, grad log pi(a|s) is one-hot(a) - pi(.|s) in the row of s and 0 elsewhere.
        """
        plays = self.trajectories()
        pi = logits.detach().softmax(-1)
        weights = weights * plays.mask
        number = weights.shape[1]
        g = torch.zeros(number, STATES + 1, len(ACTIONS), dtype=torch.float64)
        column = torch.arange(number)
        pi = torch.cat([pi, torch.zeros_like(pi[:1])])
        for t in range(self.steps):
            step = -weights[t, :, None] * pi[plays.states[t]]
            step[column, plays.actions[t]] += weights[t]
            g[column, plays.states[t]] += step
        return g[:, :STATES].reshape(number, -1)

    def joint_moments(self, logits, weights):
        """Exact mean and covariance of several one-play gradient estimates made from the same play.

        Args:
            logits: [12, 3] the policy.
            weights: [n, T, K] for each of n estimates, one weight for each step of each listed play.

        Returns:
            mean [n, 36], and covariance [n, n] of the estimates, summed over all parameters:
            E[(g_i - E g_i) . (g_j - E g_j)]. Any mixture c of them has mean c @ mean and variance c @ covariance @ c.
        """
        p = self.probabilities(logits.detach())
        g = torch.stack([self.scores(logits, weight) for weight in weights])
        mean = torch.einsum("k,nkp->np", p, g)
        spread = ((g - mean[:, None]) * p.sqrt()[:, None]).flatten(1)
        return mean, spread @ spread.T

    def gradient_moments(self, logits, weights):
        """Exact mean, bias and variance of the one-play gradient estimate sum_t w_t grad log pi(a_t|s_t).

        Args:
            logits: [12, 3] the policy.
            weights: [T, K] one weight for each step of each listed play; those after the end do not count.

        Returns:
            GradientMoments. Nothing is sampled: each listed play counts with its probability.
        """
        mean, covariance = self.joint_moments(logits, weights[None])
        mean = mean.reshape(STATES, -1)
        return GradientMoments(mean, mean - self.gradient(logits), covariance[0, 0])
