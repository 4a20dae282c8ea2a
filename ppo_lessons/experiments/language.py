"""The extra on language models in numbers: PPO and GRPO on a language whose optimum is known, and on sorting.

The formulas are those of the lessons, the same objects. What a language model adds stands in `ppo_lessons.language`.
"""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from unittest import mock

import torch

from ppo_lessons.advantage import normalize
from ppo_lessons.baseline import value_loss
from ppo_lessons.clip import clipped_objective
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.replay import replay
from ppo_lessons.gae import gae
from ppo_lessons.language import (
    Language,
    RecurrentPolicy,
    Transformer,
    group_advantages,
    per_token_rewards,
    reference_kl,
)
from ppo_lessons.trainer.networks import one_thread
from ppo_lessons.trainer.optimizer import Adam

LANGUAGE = Language()
REWARDS = LANGUAGE.count("b")  # [K] the reward of each string
WIDTH = 32
STOP, NOISE = 0.4, 0.05  # of the corpus

# The language and a model of it


@cache
def corpus():
    """The table [S, actions] that writes the corpus: vowels (a, b) and consonants (c, d) alternate, but for 5% noise.

    The first letter is any of the four. After each letter the string ends with probability 0.4.
    """
    letter = torch.arange(LANGUAGE.states)[:, None].sub(1).remainder(4)  # the last letter of each state
    vowel, following = letter < 2, torch.arange(4) < 2
    share = torch.where(vowel == following, NOISE, 1 - NOISE).to(torch.float64) / 2
    share[0] = 1 / 4
    stop = torch.full((LANGUAGE.states, 1), STOP, dtype=torch.float64)
    stop[0] = 0
    return torch.cat([(1 - stop) * share, stop], 1).clamp(min=1e-12).log()


def new_network(kind, seed):
    """A transformer or a GRU for the language, with weights that belong to the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == "transformer":
            return Transformer(LANGUAGE.end + 2, LANGUAGE.end + 1, LANGUAGE.length, width=WIDTH)
        return RecurrentPolicy(LANGUAGE.end + 2, LANGUAGE.end + 1, width=WIDTH)


def exact_table(network):
    """The network's table [S, actions] in float64, without gradient."""
    with torch.no_grad():
        return LANGUAGE.table(network).double()


class Scores(NamedTuple):
    """What a network says about tokens that were written."""

    logp: torch.Tensor  # [T, N] log pi of each token
    logits: torch.Tensor  # [T, N, actions]
    values: torch.Tensor  # [T, N]


def score(network, inputs, actions):
    """Log-probability and value of every token: `Scores`."""
    logits, values = network(inputs)
    logp = logits.log_softmax(-1).gather(-1, actions[..., None]).squeeze(-1)
    return Scores(logp, logits, values)


@cache
def trained_reference(kind):
    """A network that has learned the corpus, letter by letter: the reference model. Do not change it."""
    steps, batch, learning_rate = 400, 256, 1e-2
    network, generator = new_network(kind, 0), torch.Generator().manual_seed(0)
    optimizer = Adam(network.parameters(), lr=learning_rate, eps=1e-8)
    probabilities = LANGUAGE.probabilities(corpus())
    with one_thread():
        for step in range(steps):
            drawn = torch.multinomial(probabilities, batch, replacement=True, generator=generator)
            strings = LANGUAGE.strings().select(drawn)
            logp = score(network, LANGUAGE.inputs(strings), strings.actions).logp
            optimizer.set_learning_rate(learning_rate * (1 - step / steps))
            optimizer.zero_grad()
            (-logp[strings.mask].mean()).backward()
            optimizer.step()
    return network.requires_grad_(False)


@cache
def reference_table():
    """The reference model's table [S, actions], float64. Do not change it."""
    return exact_table(trained_reference("transformer"))


# PPO and GRPO


@dataclass(frozen=True)
class Settings:
    """The numbers of a run."""

    judge: str = "critic"  # of the tokens: "critic" (PPO, GAE) or "group" (GRPO)
    kl_in: str = "reward"  # where the price is paid: "reward" or "loss"
    estimator: str = "k2"  # of the KL in the loss
    whole: bool = False  # whether that estimator takes the log-ratio of the whole string, not one token's at a time
    beta: float = 1.0  # price of one nat to the reference, in reward units
    lam: float = 1.0  # of GAE; gamma is 1
    group: int = 8  # answers to one question
    divide: bool = False  # a group's advantages by its standard deviation
    by_length: bool = False  # mean over the tokens of each answer, as in the GRPO paper, not their sum
    whiten: bool = False  # normalise the advantages of the batch
    epsilon: float = 0.2
    epsilon_high: float = 0.2  # for tokens with a positive advantage
    updates: int = 60
    strings: int = 512
    epochs: int = 2
    minibatches: int = 4
    learning_rate: float = 3e-3  # falls to 0
    seed: int = 0


class Batch(NamedTuple):
    """Written tokens and what is known about them: data, all [T, N]."""

    inputs: torch.Tensor
    actions: torch.Tensor
    mask: torch.Tensor  # bool, the tokens that were chosen
    old_logp: torch.Tensor
    ref_logp: torch.Tensor
    advantages: torch.Tensor
    targets: torch.Tensor  # of the critic

    def select(self, columns):
        return Batch(*(tensor[:, columns] for tensor in self))


def write(network, settings, generator):
    """The strings of one update. At temperature 1: what is scored later must be what was drawn from."""
    return LANGUAGE.sample(network, settings.strings, generator=generator, temperature=1.0)


def chosen(strings):
    """[T, N] bool: the tokens that were chosen, the end sign among them."""
    return strings.mask


def critic_advantages(rewards, values, last, mask, *, lam):
    """GAE over written tokens: A and the critic's targets, both [T, N]. The last token ends the episode."""
    values = values.masked_fill(~mask, 0)
    following = torch.cat([values[1:], torch.zeros_like(values[:1])])
    never = torch.zeros_like(last)
    advantages = gae(rewards, values, following, last | ~mask, never, gamma=1.0, lam=lam)
    return advantages, advantages + values


def judge(strings, rewards, old, ref_logp, settings):
    """How much better each token was than expected, and what the critic should have said: two [T, N]."""
    mask, last = chosen(strings), strings.last
    old_logp = old.logp.masked_fill(~mask, 0)
    price = settings.beta if settings.kl_in == "reward" else 0.0
    earned = per_token_rewards(rewards, old_logp, ref_logp.masked_fill(~mask, 0), last, beta=price)
    if settings.judge == "critic":
        advantages, targets = critic_advantages(earned, old.values, last, mask, lam=settings.lam)
    else:
        returns = earned.sum(0).reshape(-1, settings.group)
        of_string = group_advantages(returns, divide=settings.divide).reshape(-1)
        advantages, targets = of_string.expand_as(earned), torch.zeros_like(earned)
    if settings.by_length:
        advantages = advantages / mask.sum(0)
    if settings.whiten:
        advantages = torch.zeros_like(advantages).masked_scatter(mask, normalize(advantages[mask]))
    return advantages, targets


def policy_objective(logp, old_logp, advantages, settings):
    """The clipped objective of the chosen tokens; with two epsilons the clip is wider upwards (clip-higher).

    The upper edge of the band binds only where A > 0, the lower one only where A < 0: the same function, once for
    the positive part of the advantages and once for the negative.
    """
    if settings.epsilon_high == settings.epsilon:
        return clipped_objective(logp, old_logp, advantages, epsilon=settings.epsilon).objective
    better = clipped_objective(logp, old_logp, advantages.clamp(min=0), epsilon=settings.epsilon_high)
    worse = clipped_objective(logp, old_logp, advantages.clamp(max=0), epsilon=settings.epsilon)
    return better.objective + worse.objective


def kl_of_strings(logp, ref_logp, mask, settings):
    """The estimate of KL(pi||pi_ref) that is a loss: one number for each string, [N]."""
    logp, ref_logp = logp.masked_fill(~mask, 0), ref_logp.masked_fill(~mask, 0)
    if settings.whole:
        return reference_kl(logp.sum(0), ref_logp.sum(0), estimator=settings.estimator)
    return reference_kl(logp, ref_logp, estimator=settings.estimator).sum(0)


def loss_of(network, batch, settings):
    """What a gradient step minimises: the objective per string, turned round, the KL price, and the critic's loss."""
    now = score(network, batch.inputs, batch.actions)
    logp, old_logp = now.logp[batch.mask], batch.old_logp[batch.mask]
    tokens = len(logp) / batch.mask.shape[1]  # per string: the mean over tokens becomes a sum over each string's
    objective = tokens * policy_objective(logp, old_logp, batch.advantages[batch.mask], settings)
    if settings.kl_in == "loss":
        objective = objective - settings.beta * kl_of_strings(now.logp, batch.ref_logp, batch.mask, settings).mean()
    loss = -objective
    if settings.judge == "critic":
        loss = loss + value_loss(now.values[batch.mask], batch.targets[batch.mask])
    return loss


def improve(network, optimizer, batch, settings, generator):
    """Epochs of minibatches over one batch, as in lesson 12."""
    for _ in range(settings.epochs):
        for columns in torch.randperm(batch.mask.shape[1], generator=generator).chunk(settings.minibatches):
            optimizer.zero_grad()
            loss_of(network, batch.select(columns), settings).backward()
            optimizer.step()


class Seen(NamedTuple):
    """What is known from the strings of an update alone, without listing any: means of what was written."""

    reward: float  # of the strings
    kl: float  # k1 of the strings, in nats
    surprise: float  # -log pi of a token, in nats: on average the entropy, if pi wrote it
    entropy: float  # of the states in which a token was chosen, in nats


class Record(NamedTuple):
    """A policy after an update. Reward, KL and J are exact sums over all strings."""

    update: int
    table: torch.Tensor  # [S, actions] float64
    reward: float  # E[r]
    kl: float  # KL(pi||pi_ref), in nats
    objective: float  # J
    seen: Seen  # what a log would show of the update's strings


NOTHING_SEEN = Seen(*[torch.nan] * 4)


def look(old, rewards, ref_logp, mask):
    """The update's means: `Seen`."""
    kl = (old.logp - ref_logp).masked_fill(~mask, 0).sum(0)
    means = rewards.mean(), kl.mean(), -old.logp[mask].mean(), entropy(old.logits[mask]).mean()
    return Seen(*(mean.item() for mean in means))


def judged(update, network, settings, seen=NOTHING_SEEN):
    """Judge the network exactly."""
    table, reference = exact_table(network), reference_table()
    reward, kl = LANGUAGE.expected_reward(table, REWARDS).item(), LANGUAGE.kl(table, reference).item()
    return Record(update, table, reward, kl, reward - settings.beta * kl, seen)


def train(settings, *, rewards=REWARDS, every=5):
    """PPO or GRPO from the reference model, with a reward [K] for each string.

    Yields a `Record` before any learning, and after every fifth update.
    """
    network = new_network("transformer", 0)
    network.load_state_dict(trained_reference("transformer").state_dict())
    optimizer = Adam(network.parameters(), lr=settings.learning_rate, eps=1e-8)
    generator = torch.Generator().manual_seed(settings.seed)
    reference = reference_table().float()
    yield judged(0, network, settings)
    for update in range(1, settings.updates + 1):
        with one_thread():
            optimizer.set_learning_rate(settings.learning_rate * (1 - (update - 1) / settings.updates))
            strings = write(network, settings, generator)
            inputs, mask = LANGUAGE.inputs(strings), chosen(strings)
            ref_logp = LANGUAGE.log_probabilities(reference, strings)
            with torch.no_grad():
                old = score(network, inputs, strings.actions)
            earned = rewards[strings.number].float()
            advantages, targets = judge(strings, earned, old, ref_logp, settings)
            batch = Batch(inputs, strings.actions, mask, old.logp, ref_logp, advantages, targets)
            improve(network, optimizer, batch, settings, generator)
        if update % every == 0:
            yield judged(update, network, settings, look(old, earned, ref_logp, mask))


RUNS = {  # the settings that the pictures and the notebook compare
    "PPO, KL in the reward": Settings(),
    "PPO, λ = 0.95": Settings(lam=0.95),
    "GRPO, KL in the reward": Settings(judge="group"),
    "GRPO, divided by the deviation": Settings(judge="group", divide=True),
    "GRPO, clip-higher": Settings(judge="group", epsilon_high=0.28),
    "PPO, k1 as loss": Settings(kl_in="loss", estimator="k1"),
    "PPO, k2 as loss": Settings(kl_in="loss", estimator="k2"),
    "PPO, k2 of whole strings as loss": Settings(kl_in="loss", estimator="k2", whole=True),
    "PPO, k3 as loss": Settings(kl_in="loss", estimator="k3"),
    "PPO, k3 by k2 as loss": Settings(kl_in="loss", estimator="k3 by k2"),
    "GRPO, k2 as loss": Settings(judge="group", kl_in="loss", estimator="k2"),
    "GRPO, divided, k2 as loss": Settings(judge="group", divide=True, kl_in="loss", estimator="k2"),
    "GRPO, k3 as loss": Settings(judge="group", kl_in="loss", estimator="k3"),
}
FINISHED = {}  # (settings, bug): the records, so that nobody waits for the same run twice


def run(settings, bug=None):
    """`train_with`, remembered: an iterator of records."""
    return replay(FINISHED, (settings, bug), lambda: train_with(bug, settings))


def worth(table, beta):
    """(E[r], KL, J) of a policy table, exactly: three floats."""
    reward = LANGUAGE.expected_reward(table, REWARDS).item()
    kl = LANGUAGE.kl(table, reference_table()).item()
    return reward, kl, reward - beta * kl


def landing(settings):
    """(E[r], KL, J) where these settings should land, exactly, if no clip and no stale sample stood in the way.

    In a group of G the mean contains the answer itself, so that the expected advantage is (G - 1) / G of the true one:
    beside a KL in the loss, which is not scaled, the price is beta G / (G - 1).
    """
    if settings.kl_in == "loss" and settings.divide:
        return worth(divided_landing(settings), settings.beta)
    price, place = settings.beta, "reward"
    if settings.kl_in == "loss":
        price = price * settings.group / (settings.group - 1) if settings.judge == "group" else price
        place = "reward" if settings.whole else settings.estimator.split()[-1]
    table = LANGUAGE.landing(reference_table(), REWARDS, beta=price, estimator=place)
    return worth(table, settings.beta)


def divided_landing(settings):
    """The table [S, actions] where groups that are divided by their deviation land beside a KL in the loss.

    What a reward counts depends on what the policy writes, and that on what a reward counts: both are solved in turn,
    each time half of the way, until they agree.
    """
    table, levels = reference_table(), torch.arange(LANGUAGE.length + 1, dtype=torch.float64)
    for _ in range(30):
        shares = shares_of(LANGUAGE.probabilities(table))
        counts = mean_group_advantage(levels, shares, group=settings.group, divide=True)[REWARDS.long()]
        place = LANGUAGE.landing(reference_table(), counts, beta=settings.beta, estimator=settings.estimator)
        table = (table.log_softmax(-1) + place.log_softmax(-1)) / 2
    return table


def shares_of(probabilities):
    """How likely each number of b is, 0 to 6: [7]."""
    return torch.zeros(LANGUAGE.length + 1, dtype=torch.float64).index_add(0, REWARDS.long(), probabilities)


@cache
def frontier(points=61):
    """The largest E[r] at each KL: two lists, KL and reward of the optimum for prices from 10 down to 0.2."""
    prices = torch.logspace(1, -0.7, points).tolist()
    tables = [LANGUAGE.landing(reference_table(), REWARDS, beta=price, estimator="reward") for price in prices]
    reward, kl, _ = zip(*(worth(table, 0.0) for table in tables), strict=True)
    return list(kl), list(reward)


def token_advantages(text):
    """Under the reference: exact A(s_t, a_t) of the string's tokens, a large group's advantages, the tokens' names.

    The exact ones sum to r(x) - E[r]: each token is paid for what it changed. The group gives that sum to all of them.
    """
    reference = reference_table()
    strings = LANGUAGE.strings().select(torch.tensor([LANGUAGE.number_of(text)]))
    states, actions = (tensor[strings.mask] for tensor in (strings.states, strings.actions))
    q, v = LANGUAGE.action_values(reference, REWARDS)
    advantages = q[states, actions] - v[states]
    whole = (REWARDS[strings.number] - v[0]).item()
    names = [*LANGUAGE.letters, "end"]
    return advantages.tolist(), [whole] * len(states), [names[action] for action in actions]


# What dividing by the standard deviation does, on average over all groups


def mean_group_advantage(levels, shares, *, group, divide):
    """The advantage that a reward gets on average over the other answers of its group, exactly: [R].

    Args:
        levels: [R] the rewards that occur.
        shares: [R] how likely each is.
        group: G, answers to one question.
        divide: as in `group_advantages`.

    Returns:
        [R] E[A_i | r_i = level]. Without division it is (G - 1) / G (level - E[r]).
    """
    counts = torch.tensor(list(itertools.combinations_with_replacement(range(len(levels)), group - 1)))
    counts = torch.nn.functional.one_hot(counts, len(levels)).sum(1).to(shares.dtype)  # [M, R] of the others
    log_ways = torch.lgamma(torch.tensor(float(group))) - torch.lgamma(counts + 1).sum(1)
    chance = (log_ways + torch.xlogy(counts, shares).sum(1)).exp()  # of each multiset of others
    means = []
    for level in range(len(levels)):
        everyone = counts.clone()
        everyone[:, level] += 1
        mean = everyone @ levels / group
        deviation = (everyone * (levels - mean[:, None]).square()).sum(1).div(group - 1).sqrt()
        advantage = levels[level] - mean
        means.append(chance @ (advantage / (deviation + 1e-8) if divide else advantage))
    return torch.stack(means)


# Bugs, planted from outside


def tempered(network, settings, generator):
    """Strings drawn at temperature 2, which are scored as if they had been drawn at 1."""
    return LANGUAGE.sample(network, settings.strings, generator=generator, temperature=2.0)


def letters_only(strings):
    """The mask by comparison with the filling: it also drops the end sign, which was chosen."""
    return strings.actions != LANGUAGE.end


BUGS = {  # what is wrong: (the function above that is replaced, what it is replaced by)
    "sampled at temperature 2, scored at 1": ("write", tempered),
    "end sign masked out": ("chosen", letters_only),
}


def train_with(bug, settings, *, every=5):
    """Train with a bug planted, None for the trainer as it is: an iterator of records."""
    trainer = train(settings, every=every)
    functions = {} if bug is None else dict([BUGS[bug]])
    while True:
        with mock.patch.dict(globals(), functions):  # only while the trainer works
            step = next(trainer, None)
        if step is None:
            return
        yield step


# Reward models from pairs


def preferences(pairs, seed):
    """Pairs of strings that the reference wrote, the preferred one first: numbers [2, pairs].

    Bradley & Terry (1952): x is preferred to y with probability sigmoid(r(x) - r(y)).
    """
    generator = torch.Generator().manual_seed(seed)
    chances = LANGUAGE.probabilities(reference_table())
    drawn = torch.multinomial(chances, 2 * pairs, replacement=True, generator=generator).reshape(2, -1)
    first = torch.rand(pairs, generator=generator) < (REWARDS[drawn[0]] - REWARDS[drawn[1]]).sigmoid()
    return torch.where(first, drawn, drawn.flip(0))


def reward_of(network, strings):
    """A reward model's number for each string [N]: its value at the last token."""
    logits, _ = network(strings.actions)
    return (logits[..., 0] * strings.last).sum(0)


@cache
def reward_model(pairs, seed):
    """The proxy reward [K] of a transformer trained on so many pairs, float64. Do not change it.

    Pairs leave one number open, what all rewards have in common: E_ref[proxy] = E_ref[r] settles it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Transformer(LANGUAGE.end + 1, 1, LANGUAGE.length, width=WIDTH)
    better, worse = (LANGUAGE.strings().select(numbers) for numbers in preferences(pairs, seed))
    optimizer = Adam(network.parameters(), lr=3e-3, eps=1e-8)
    with one_thread():
        for _ in range(40):
            optimizer.zero_grad()
            loss = -torch.nn.functional.logsigmoid(reward_of(network, better) - reward_of(network, worse)).mean()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            proxy = reward_of(network, LANGUAGE.strings()).double()
    chances = LANGUAGE.probabilities(reference_table())
    return proxy + chances @ (REWARDS - proxy)


class Overoptimised(NamedTuple):
    """The best policy for a proxy reward at each price, exactly: tensors [B]."""

    kl: torch.Tensor
    proxy: torch.Tensor
    true: torch.Tensor


def overoptimise(pairs, seed, prices):
    """What the proxy's optimum really earns, as the price of the KL falls: `Overoptimised`."""
    proxy, reference = reward_model(pairs, seed), reference_table()
    rows = []
    for price in prices:
        best = LANGUAGE.optimum(reference, proxy, beta=price)
        mean = best.probabilities @ proxy
        rows.append(((mean - best.objective) / price, mean, best.probabilities @ REWARDS))
    return Overoptimised(*(torch.stack(column) for column in zip(*rows, strict=True)))


# A reward that can be verified: sort five digits

DIGITS, SEPARATOR, LEN = 10, 10, 5
MISTAKES = 0.1  # share of the teacher's digits that are drawn blindly


def sorting_network(seed):
    """A transformer of two layers that reads five digits, a separator and the answer so far."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Transformer(DIGITS + 1, DIGITS, 2 * LEN, width=64, layers=2, heads=4)


def questions(number, generator):
    """Five digits each: [5, N]."""
    return torch.randint(DIGITS, (LEN, number), generator=generator)


def reading(digits, answer):
    """What the network reads: the question, the separator, the answer but for its last digit: [10, N]."""
    return torch.cat([digits, torch.full_like(digits[:1], SEPARATOR), answer[:-1]])


def answer_scores(network, digits, answer):
    """`Scores` of the answer's digits: [5, N]."""
    logits, values = network(reading(digits, answer))
    logits, values = logits[LEN:], values[LEN:]
    return Scores(logits.log_softmax(-1).gather(-1, answer[..., None]).squeeze(-1), logits, values)


@torch.no_grad()
def answer_to(network, digits, *, generator=None):
    """Write answers, digit by digit: sampled with a generator, greedy without. [5, N]"""
    answer = torch.zeros_like(digits)
    for t in range(LEN):
        logits = network(reading(digits, answer)[: LEN + 1 + t])[0][-1]
        if generator is None:
            answer[t] = logits.argmax(-1)
        else:
            answer[t] = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
    return answer


def is_sorted(digits, answer):
    """The verifiable reward [N]: 1 where the answer is the question in order, else 0."""
    return (answer == digits.sort(0).values).all(0).float()


@cache
def taught():
    """A network that has learned from a teacher who writes one digit in ten blindly. Do not change it."""
    steps, batch, learning_rate = 300, 128, 3e-3
    network, generator = sorting_network(0), torch.Generator().manual_seed(0)
    optimizer = Adam(network.parameters(), lr=learning_rate, eps=1e-8)
    with one_thread():
        for step in range(steps):
            digits = questions(batch, generator)
            blind = torch.rand(digits.shape, generator=generator) < MISTAKES
            answer = torch.where(blind, questions(batch, generator), digits.sort(0).values)
            optimizer.set_learning_rate(learning_rate * (1 - step / steps))
            optimizer.zero_grad()
            (-answer_scores(network, digits, answer).logp.mean()).backward()
            optimizer.step()
    return network.requires_grad_(False)


class SortingRecord(NamedTuple):
    """Accuracies on questions that training does not see, and the groups of the last update."""

    update: int
    sampled: float
    greedy: float
    flat: float  # share of the groups whose answers all earned the same: nothing is learned from them


def train_sorting(*, updates=60, questions_each=32, group=8, learning_rate=8e-4, minibatches=4, seed=0, every=15):
    """GRPO with the verifiable reward, without a KL: an iterator of `SortingRecord`, the first before any learning.

    The learning rate falls to 0. Held constant, its noise spoils greedy answers that were right.
    """
    network = sorting_network(0)
    network.load_state_dict(taught().state_dict())
    optimizer = Adam(network.parameters(), lr=learning_rate, eps=1e-8)
    generator = torch.Generator().manual_seed(seed)
    flat = torch.nan

    def judged(update):
        exam = torch.Generator().manual_seed(10_000)
        asked = questions(1000, exam)
        sampled = is_sorted(asked, answer_to(network, asked, generator=exam)).mean().item()
        return SortingRecord(update, sampled, is_sorted(asked, answer_to(network, asked)).mean().item(), flat)

    yield judged(0)
    for update in range(1, updates + 1):
        with one_thread():
            optimizer.set_learning_rate(learning_rate * (1 - (update - 1) / updates))
            digits = questions(questions_each, generator).repeat_interleave(group, 1)
            answer = answer_to(network, digits, generator=generator)
            returns = is_sorted(digits, answer).reshape(-1, group)
            flat = (returns.max(1).values == returns.min(1).values).float().mean().item()
            advantages = group_advantages(returns, divide=True).reshape(-1).expand(LEN, -1)
            with torch.no_grad():
                old_logp = answer_scores(network, digits, answer).logp
            for columns in torch.randperm(questions_each * group, generator=generator).chunk(minibatches):
                optimizer.zero_grad()
                logp = answer_scores(network, digits[:, columns], answer[:, columns]).logp
                old, of_these = old_logp[:, columns], advantages[:, columns]
                (-LEN * clipped_objective(logp, old, of_these, epsilon=0.2).objective).backward()
                optimizer.step()
        if update % every == 0:
            yield judged(update)
