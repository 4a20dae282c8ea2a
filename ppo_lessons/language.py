"""A language small enough to list: its sentences are trajectories, and every sum over all of them is exact.

A string has at most six letters. It is written one token at a time: the state is what was written so far, the action
the next letter or the end sign, and the world adds no chance. After the sixth letter the string ends by itself, so
nothing is chosen there. Letters a, b, c, d make 5,461 strings and 1,365 states in which something is chosen.

States are numbered like the nodes of a tree: 0 is the empty string, and letter a (0, 1, ...) leads from state s to
4 s + 1 + a. A finished string has the number of the state in which it ended, so "" is 0, "a" 1, "dddddd" 5,460.
A policy is a table of logits [1365, 5], one row for each state; a network writes such a table.
"""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from ppo_lessons.expectation import expectation
from ppo_lessons.validation import check_finite, check_floating, check_positive, check_shapes


class Strings(NamedTuple):
    """Strings side by side: N columns, one token a row. After its end a column is filled up: mask False, action END."""

    states: torch.Tensor  # [T, N] int64, what was written before the token; the number of states after the end
    actions: torch.Tensor  # [T, N] int64, the letter, or the end sign
    mask: torch.Tensor  # [T, N] bool, True where a token was chosen: the end sign counts, the filling does not
    number: torch.Tensor  # [N] int64, the string's place in the list of all strings

    @property
    def lengths(self):
        """[N] int64, the number of chosen tokens."""
        return self.mask.sum(0)

    @property
    def last(self):
        """[T, N] bool, True at the last chosen token of each string."""
        following = torch.cat([self.mask[1:], torch.zeros_like(self.mask[:1])])
        return self.mask & ~following

    def select(self, columns):
        """The strings in these columns [n], in this order."""
        return Strings(*(tensor[..., columns] for tensor in self))


class Optimum(NamedTuple):
    """What the best policy does at a price beta of one nat."""

    probabilities: torch.Tensor  # [K] pi*(x)
    objective: torch.Tensor  # 0-d J*, in reward units


@dataclass(frozen=True)
class Language:
    """The list of strings, and exact answers about any policy table.

    >>> language = Language()
    >>> language.size, language.states, language.strings().actions.shape
    (5461, 1365, torch.Size([6, 5461]))
    >>> language.write([0, 1, 2, 5460])
    ['', 'a', 'b', 'dddddd']
    """

    letters: str = "abcd"
    length: int = 6  # T, the most letters

    @property
    def end(self):
        """The action that ends a string: the number after the last letter's."""
        return len(self.letters)

    @property
    def states(self):
        """S, how many strings may still grow: those with less than T letters."""
        return sum(len(self.letters) ** n for n in range(self.length))

    @property
    def size(self):
        """K, how many strings there are."""
        return self.states + len(self.letters) ** self.length

    def _depth(self, t):
        """The states with t letters, as a slice: they stand side by side."""
        first = sum(len(self.letters) ** n for n in range(t))
        return slice(first, first + len(self.letters) ** t)

    def read(self, actions):
        """The strings that a table of actions [T, N] writes: what follows an end sign does not count."""
        state = torch.zeros_like(actions[0])
        running = torch.ones_like(state, dtype=torch.bool)
        states, mask = [], []
        for action in actions:
            states.append(state.masked_fill(~running, self.states))
            mask.append(running)
            running = running & (action != self.end)
            state = torch.where(running, len(self.letters) * state + 1 + action, state)
        mask = torch.stack(mask)
        return Strings(torch.stack(states), actions.masked_fill(~mask, self.end), mask, state)

    @cache  # noqa: B019 (the key is the letters and the length, a frozen dataclass)
    def strings(self):
        """All strings, column k is the string with number k. Listed once, then remembered: do not change it."""
        letters = range(len(self.letters))
        rows = [
            (*string, *[self.end] * (self.length - n))
            for n in range(self.length + 1)
            for string in itertools.product(letters, repeat=n)
        ]
        return self.read(torch.tensor(rows).T)

    def write(self, numbers):
        """The strings with these numbers [n], as a list of text."""
        columns = self.strings().actions[:, torch.as_tensor(numbers)].T.tolist()
        return ["".join(self.letters[a] for a in column if a != self.end) for column in columns]

    def number_of(self, text):
        """The number of a string."""
        number = 0
        for letter in text:
            number = len(self.letters) * number + 1 + self.letters.index(letter)
        return number

    def count(self, letter):
        """How often each listed string has this letter: [K] float64. The reward of this course counts b."""
        return (self.strings().actions == self.letters.index(letter)).sum(0).to(torch.float64)

    def inputs(self, strings):
        """What a network reads before each token: a start sign (number end + 1), then the tokens before. [T, N]."""
        start = torch.full_like(strings.actions[:1], self.end + 1)
        return torch.cat([start, strings.actions[:-1]])

    def table(self, network):
        """The logits [S, actions] that a network gives in every state. Differentiable.

        `network` maps inputs [T, N] to logits [T, N, actions] (and values). All strings of T - 1 letters contain every
        state.
        """
        return self.tabulate(network)[0]

    def tabulate(self, network):
        """Logits [S, actions] and values [S] of a network in every state."""
        longest = self.strings().select(torch.arange(self.states)[self._depth(self.length - 1)])
        logits, values = network(self.inputs(longest))
        steps = [len(self.letters) ** (self.length - 1 - t) for t in range(self.length)]  # columns that share a state
        rows = [(logits[t, ::step], values[t, ::step]) for t, step in enumerate(steps)]
        return tuple(torch.cat(part) for part in zip(*rows, strict=True))

    def log_probabilities(self, table, strings=None):
        """log pi(a_t|s_t) [T, N] of every token (default: of every string), 0 after the end. Differentiable."""
        strings = self.strings() if strings is None else strings
        logp = torch.cat([table.log_softmax(-1), torch.zeros_like(table[:1])])
        return logp[strings.states, strings.actions]

    def probabilities(self, table):
        """pi(x) [K] = product over the tokens of pi(a_t|s_t). Sums to 1. Differentiable."""
        return self.log_probabilities(table).sum(0).exp()

    def expected_reward(self, table, rewards):
        """E[r] = sum_x pi(x) r(x), 0-d, for rewards [K]. Differentiable."""
        return expectation(rewards, self.probabilities(table))

    def kl(self, table_p, table_q):
        """KL(p||q) = sum_x p(x) (log p(x) - log q(x)) between whole strings, 0-d, in nats. Differentiable."""
        log_p, log_q = self.log_probabilities(table_p).sum(0), self.log_probabilities(table_q).sum(0)
        return (log_p.exp() * (log_p - log_q)).sum()

    def objective(self, table, reference, rewards, *, beta):
        """J = E[r] - beta KL(pi||pi_ref), 0-d, in reward units. Maximise it. Differentiable."""
        return self.expected_reward(table, rewards) - beta * self.kl(table, reference)

    def optimum(self, reference, rewards, *, beta):
        """The policy with the largest J, in closed form: an `Optimum`.

        pi*(x) = pi_ref(x) exp(r(x) / beta) / Z,   J* = beta log Z,   Z = sum_x pi_ref(x) exp(r(x) / beta)

        For any policy J = J* - beta KL(pi||pi*), and a KL is never negative.

        Source: Peters et al. (2010), Relative Entropy Policy Search; for language models Korbak et al. (2022), RL with
        KL Penalties is Better Viewed as Bayesian Inference.
        """
        check_positive(beta=beta)
        log_weights = self.log_probabilities(reference).sum(0) + rewards / beta
        return Optimum(log_weights.softmax(0), beta * log_weights.logsumexp(0))

    def backward(self, rewards, rule):
        """Solve from the last token to the first.

        Args:
            rewards: [K] r(x).
            rule: (rows, q [n, actions]) -> (logits [n, actions], values [n]). `rows` is the slice of states with t
                letters, q what each of their tokens is worth.

        Returns:
            logits [S, actions] and values [S].
        """
        worth = rewards.clone()  # of being in a state; at first that of the finished strings alone
        tables = []
        for t in reversed(range(self.length)):
            rows = self._depth(t)
            following = worth[self._depth(t + 1)].reshape(-1, len(self.letters))
            logits, values = rule(rows, torch.cat([following, rewards[rows, None]], -1))
            worth[rows] = values
            tables.append(logits)
        return torch.cat(tables[::-1]), worth[: self.states]

    def action_values(self, table, rewards, costs=None):
        """Exact Q(s, a) [S, actions] and V(s) [S] of a policy, less `costs` [S, actions] at each token, if given.

        Q(s, a) = -cost(s, a) + V(s'),   V(s) = sum_a pi(a|s) Q(s, a),   V(x) = r(x) once the string x has ended
        """
        table, costs = table.detach(), torch.zeros_like(table) if costs is None else costs

        def follow(rows, q):
            q = q - costs[rows]
            return q, (table[rows].softmax(-1) * q).sum(-1)

        return self.backward(rewards, follow)

    def landing(self, reference, rewards, *, beta, estimator):
        """The table [S, actions] at which E[r] and a KL price summed over tokens stop pushing: where training lands.

        With Q the worth of a token and ref, pi short for the probabilities in one state:
            "reward"  the KL is taken off the reward, Q counts it:   pi = ref exp(Q / beta) / Z, the optimum pi*
            "k2"      k2 is a loss, Q counts the reward alone:       pi = ref exp(Q / beta) / Z
            "k3"      k3 is a loss, Q counts the reward alone:       pi = beta ref / (nu - Q), the reverse KL

        As a loss k2 pays for the KL of this token, but not for what the token leads to. k1 as a loss has no such table:
        nothing holds the policy back.
        """
        check_positive(beta=beta)
        log_ref = reference.detach().log_softmax(-1)

        def rule(rows, q):
            if estimator == "k3":
                logits = reverse_kl_policy(log_ref[rows].exp(), q, beta=beta).log()
            else:
                logits = log_ref[rows] + q / beta
            values = (logits.softmax(-1) * q).sum(-1)
            if estimator == "reward":
                values = beta * logits.logsumexp(-1)
            return logits, values

        if estimator not in ("reward", "k2", "k3"):
            raise ValueError(f'estimator must be "reward", "k2" or "k3", got {estimator!r}')
        return self.backward(rewards, rule)[0]

    def mean_over_strings(self, samples, behaviour):
        """Mean of one number for each listed string, drawn by the policy table `behaviour`: 0-d.

        No gradient flows through the probabilities of the draw. The gradient of this mean is therefore the exact
        expectation of the gradient that a trainer computes on sampled strings.
        """
        return expectation(samples, self.probabilities(behaviour.detach()))

    def sample(self, network, number, *, generator, temperature):
        """Write `number` strings, token by token, as a language model does: each from softmax(logits / temperature)."""
        actions = torch.full((self.length, number), self.end)
        with torch.no_grad():
            for t in range(self.length):
                so_far = self.read(actions[: t + 1])  # the last row is still empty, and is not read
                logits = network(self.inputs(so_far))[0][-1] / temperature
                actions[t] = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        return self.read(actions)


def reverse_kl_policy(reference, q, *, beta):
    """The policy that maximises sum_a pi(a) q(a) - beta KL(reference||pi): the KL in the other direction.

    Where the derivative with respect to pi(a) is one number nu for all a, q(a) + beta ref(a) / pi(a) = nu, so

    pi(a) = beta ref(a) / (nu - q(a)),   with nu above every q such that the sum is 1

    Args:
        reference: [..., actions] probabilities.
        q: [..., actions] what each action is worth, in reward units.
        beta: price of one nat, in reward units, above 0.

    Returns:
        [..., actions] probabilities. Where q is far above the rest they fall like 1 / (nu - q), not exponentially.

    Raises:
        ValueError: shapes differ, no floating-point numbers, a number is not finite, or beta is not above 0.

    Source: the condition of Lagrange; lesson 09 uses it for the old policy.

    >>> reverse_kl_policy(torch.tensor([0.5, 0.5]), torch.tensor([0.0, 1.0]), beta=1.0)
    tensor([0.2929, 0.7071])
    """
    check_shapes(reference=reference, q=q)
    check_floating(reference=reference, q=q)
    check_finite(reference=reference, q=q)
    check_positive(beta=beta)
    highest = q.max(-1, keepdim=True).values
    gap = highest - q  # nu - q = gap + x, and x lies between 0 and beta
    low, high = torch.zeros_like(highest), torch.full_like(highest, beta)
    for _ in range(60):
        x = (low + high) / 2
        too_much = (beta * reference / (gap + x)).sum(-1, keepdim=True) > 1
        low, high = torch.where(too_much, x, low), torch.where(too_much, high, x)
    pi = beta * reference / (gap + high)
    return pi / pi.sum(-1, keepdim=True)


def reference_kl(logp, ref_logp, *, estimator):
    """Estimate of KL(pi||pi_ref) from the log-probabilities of tokens, or of whole strings, that pi wrote.

    With d = log pi - log pi_ref:
        k1 = d                     right on average; its gradient is 0 on average
        k2 = d^2 / 2               wrong on average; its gradient is that of KL(pi||pi_ref)
        k3 = exp(-d) - 1 + d       right on average; its gradient is that of KL(pi_ref||pi), the other direction

    The values are those of `approximate_kl` with the two policies in each other's place. There the policy that wrote is
    data; here it is the one being trained, so that the gradient flows through it and not through the reference. The
    three gradients hold for one token or one whole string, drawn from pi as it is now.

    Args:
        logp: [...] log pi. The gradient flows through it.
        ref_logp: [...] log pi_ref. Data: no gradient flows through it.
        estimator: "k1", "k2" or "k3"; or "k3 by k2", the value of k3 with the gradient of k2.

    Returns:
        [...] one number per sample, in nats.

    Raises:
        ValueError: shapes differ, no floating-point numbers, a log-probability is not finite, or the estimator is
            unknown.

    Source: Schulman (2020), Approximating KL Divergence; k3 as a loss: Shao et al. (2024), DeepSeekMath, eq. 4.

    >>> new, ref = torch.tensor([0.6]).log(), torch.tensor([0.5]).log()
    >>> reference_kl(new, ref, estimator="k3")
    tensor([0.0157])
    """
    check_shapes(logp=logp, ref_logp=ref_logp)
    check_floating(logp=logp, ref_logp=ref_logp)
    check_finite(logp=logp, ref_logp=ref_logp)
    d = logp - ref_logp.detach()
    if estimator == "k1":
        return d
    if estimator == "k2":
        return d.square() / 2
    if estimator == "k3":
        return torch.expm1(-d) + d
    if estimator == "k3 by k2":
        k2 = d.square() / 2
        return (torch.expm1(-d) + d - k2).detach() + k2
    raise ValueError(f'estimator must be "k1", "k2", "k3" or "k3 by k2", got {estimator!r}')


def per_token_rewards(rewards, logp, ref_logp, last, *, beta):
    """What each token of a string earns: the KL price at every token, and the string's reward at its last one.

    r_t = -beta (log pi(a_t|s_t) - log pi_ref(a_t|s_t)) + [t is the last token] r(x)

    Their sum over a string is r(x) - beta log(pi(x) / pi_ref(x)), whose mean is E[r] - beta KL(pi||pi_ref).

    Args:
        rewards: [N] r(x), in reward units.
        logp: [T, N] log pi of each token under the policy that wrote it, 0 after the end. Data.
        ref_logp: [T, N] log pi_ref of each token, 0 after the end. Data.
        last: [T, N] bool, the last chosen token of each string.
        beta: price of one nat, in reward units.

    Returns:
        [T, N] r_t, in reward units; 0 after the end. No gradient flows through it.

    Raises:
        ValueError: shapes differ, `last` not bool, or a number is not finite.

    Source: Ziegler et al. (2019), section 2; Ouyang et al. (2022), eq. 2.

    >>> logp, ref = torch.tensor([[-1.0], [-0.5]]), torch.tensor([[-2.0], [-0.5]])
    >>> per_token_rewards(torch.tensor([3.0]), logp, ref, torch.tensor([[False], [True]]), beta=0.5)
    tensor([[-0.5000],
            [ 3.0000]])
    """
    check_shapes(logp=logp, ref_logp=ref_logp, last=last)
    check_shapes(rewards=rewards, one_row=logp[0])
    check_finite(rewards=rewards, logp=logp, ref_logp=ref_logp)
    if last.dtype != torch.bool:
        raise ValueError(f"last must be a bool tensor, got {last.dtype}")
    return (torch.where(last, rewards, 0.0) - beta * (logp - ref_logp)).detach()


def group_advantages(returns, *, divide):
    """How much better each answer was than the other answers to the same question: a baseline without a critic.

    A_i = R_i - mean(R),   divided by std(R) + 1e-8 where `divide`

    Args:
        returns: [N, G] one number for each of G answers to each of N questions, in reward units.
        divide: whether to divide by the standard deviation of the group (that of a sample, with G - 1).

    Returns:
        [N, G] A_i, in reward units, or without unit where divided; 0 in a group without spread. No gradient flows
        through it.

    Raises:
        ValueError: no group axis, fewer than two answers a group, no floating-point numbers, or not finite.

    Source: Shao et al. (2024), section 4.1; without the division: Liu et al. (2025), Understanding R1-Zero-Like
    Training.

    >>> group_advantages(torch.tensor([[1.0, 0.0], [2.0, 2.0]]), divide=False)
    tensor([[ 0.5000, -0.5000],
            [ 0.0000,  0.0000]])
    """
    check_shapes(returns=returns)
    check_floating(returns=returns)
    check_finite(returns=returns)
    if returns.dim() != 2 or returns.shape[1] < 2:
        raise ValueError(f"returns must be [N, G] with at least two answers a group, got {tuple(returns.shape)}")
    advantages = returns - returns.mean(1, keepdim=True)
    if divide:
        advantages = advantages / (returns.std(1, keepdim=True) + 1e-8)
    return advantages.detach()


class Block(nn.Module):
    """One layer of a transformer: every token looks at itself and those before it, then thinks by itself.

    Source: Vaswani et al. (2017), Attention Is All You Need; normalised before each part, as GPT-2 is.
    """

    def __init__(self, width, heads):
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):  # [N, T, width]
        qkv = self.query_key_value(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each [N, heads, T, width / heads]
        seen = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.projection(seen.transpose(1, 2).flatten(2))
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    """A decoder-only transformer: tokens [T, N] become logits [T, N, actions] and values [T, N].

    The value head reads detached features: the critic's error does not move the policy.
    """

    def __init__(self, tokens, actions, length, *, width, layers=1, heads=2):
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, width)
        self.position_embedding = nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.policy_head, self.value_head = nn.Linear(width, actions), nn.Linear(width, 1)

    def forward(self, tokens):
        x = self.token_embedding(tokens.T) + self.position_embedding.weight[: len(tokens)]
        features = self.norm(self.blocks(x)).transpose(0, 1)
        return self.policy_head(features), self.value_head(features.detach()).squeeze(-1)


class RecurrentPolicy(nn.Module):
    """The same from a gated recurrent unit (GRU), which reads one token after the other.

    Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder.
    """

    def __init__(self, tokens, actions, *, width):
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, width)
        self.gru = nn.GRU(width, width)
        self.policy_head, self.value_head = nn.Linear(width, actions), nn.Linear(width, 1)

    def forward(self, tokens):
        features, _ = self.gru(self.token_embedding(tokens))
        return self.policy_head(features), self.value_head(features.detach()).squeeze(-1)
