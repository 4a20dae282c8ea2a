"""Practice for the extra on language models."""

import torch

from ppo_lessons.language import group_advantages, per_token_rewards
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real

NOTEBOOK = "extras/language_model"
TOKENS, GROUP = "3. The KL as a reward for each token", "5. GRPO: the group is the baseline"  # headings of the notebook

# per_token_rewards


def string(label, reward, logp, ref_logp, *, beta, filling=0):
    """One string, with so many rows of filling behind it."""
    empty = [0.0] * filling
    columns = {"logp": [*logp, *empty], "ref_logp": [*ref_logp, *empty]}
    inputs = real(rewards=[reward], **{name: [[x] for x in column] for name, column in columns.items()})
    return Case(label, {**inputs, "last": ends([len(logp)], len(logp) + filling)}, {"beta": beta})


def strings(label, lengths, *, seed, beta):
    """Random strings of these lengths, filled up to the longest."""
    last = ends(lengths, max(lengths))
    logp, ref_logp = (-normal(*last.shape, seed=seed + k).abs().masked_fill(~before(last), 0) for k in (0, 1))
    rewards = 2 * normal(len(lengths), seed=seed + 2)
    return Case(label, {"rewards": rewards, "logp": logp, "ref_logp": ref_logp, "last": last}, {"beta": beta})


def ends(lengths, rows):
    """[rows, N] bool, true at the last token of strings of these lengths."""
    return torch.arange(rows)[:, None] == torch.tensor(lengths) - 1


def before(last):
    """[T, N] bool, the tokens up to the last one: not the filling."""
    return last.flip(0).cumsum(0).flip(0).bool()


def at_last(rewards, last):
    return torch.where(last, rewards, 0.0)


def in_row(row):
    """Where the reward is paid: in the same row of every column."""

    def place(rewards, last):
        paid = torch.zeros(last.shape, dtype=rewards.dtype)
        paid[row] = rewards
        return paid

    return place


def variant(pay=at_last, price=torch.sub, finish=lambda reward, price, beta, last: reward - beta * price):
    """r_t with three parts to get wrong: where the reward is paid, the price of a token, what becomes of the two."""

    def function(rewards, logp, ref_logp, last, *, beta):
        return finish(pay(rewards, last), price(logp, ref_logp), beta, last).detach()

    return function


def by_length(reward, price):
    """A mean over the string's tokens in place of a sum: of the reward, of the price, or of both."""

    def finish(paid, d, beta, last):
        length = before(last).sum(0)
        return paid / (length if reward else 1) - beta * d / (length if price else 1)

    return variant(finish=finish)


def flowing(*names):
    """The right numbers, with a gradient through these inputs."""

    def function(rewards, logp, ref_logp, last, *, beta):
        data = {"rewards": rewards, "logp": logp, "ref_logp": ref_logp}
        r, p, q = (x if name in names else x.detach() for name, x in data.items())
        return at_last(r, last) - beta * (p - q)

    return function


PER_TOKEN = Exercise(
    function=per_token_rewards,
    notebook=NOTEBOOK,
    differentiable=True,
    first="return the price of every token, `-beta * (logp - ref_logp)`. The check then asks for the reward.",
    hints=(
        "Every token pays its own log-ratio times β, the last one too: `-beta * (logp - ref_logp)` is already [T, N].",
        "The reward is added in one row of each column, the one in which `last` is true: "
        "`torch.where(last, rewards, 0.0)`.",
        "Add the two, then `.detach()`: rewards are data, as in every lesson.",
    ),
    running=string(
        "the string bcb, its end sign, and two rows of filling",
        2.0,
        [-1.2, -0.8, -0.9, -0.6],
        [-1.4, -1.3, -1.3, -0.5],
        beta=0.5,
        filling=2,
    ),
    cases=[
        string("a single token", 3.0, [-0.5], [-1.5], beta=0.5),
        string("a token that the reference likes more", 3.0, [-1.5], [-0.5], beta=0.5),
        string("two tokens", 3.0, [-0.5, -1.0], [-1.5, -1.25], beta=0.5),
        string("two tokens without a reward", 0.0, [-0.5, -1.0], [-1.5, -1.25], beta=0.5),
        string("a policy that is still the reference", 3.0, [-0.5, -1.0], [-0.5, -1.0], beta=0.5),
        string("a price of 0", 3.0, [-0.5, -1.0], [-1.5, -1.25], beta=0.0),
        string("a price of 2", 3.0, [-0.5, -1.0], [-1.5, -1.25], beta=2.0),
        string("a token and a row of filling", 3.0, [-0.5], [-1.5], beta=0.5, filling=1),
        string("two tokens and a row of filling", 3.0, [-0.5, -1.0], [-1.5, -1.25], beta=0.5, filling=1),
        strings("two strings of one length", [2, 2], seed=1, beta=0.5),
        strings("two strings of different lengths", [1, 3], seed=4, beta=0.5),
        strings("several strings", [3, 1, 6, 4, 6, 2], seed=7, beta=0.3),
    ],
    mistakes=[
        Mistake(
            "pays the reward on the filling",
            "What follows the last token was not chosen: the reward belongs to the row in which `last` is true, and "
            "that is the array's last row for the longest strings alone.",
            TOKENS,
            (variant(in_row(-1)), variant(lambda r, last: torch.where(last.cumsum(0) > 0, r, 0.0))),
        ),
        Mistake(
            "lays the rewards along the wrong axis",
            "`rewards` is [N], one number for each string, and strings are columns. As [N, 1] it would go down the "
            "rows, which are time.",
            TOKENS,
            (variant(lambda r, last: r[:, None] * last),),
        ),
        Mistake(
            "turns the sign of the KL",
            "A token that the policy likes more than the reference does costs: −β (log π − log π_ref). With + the "
            "policy is paid for leaving.",
            TOKENS,
            (variant(price=lambda p, q: q - p),),
        ),
        Mistake(
            "forgets the price of the last token",
            "The end sign was chosen like every other token, and pays its KL beside the reward.",
            TOKENS,
            (variant(finish=lambda r, d, beta, last: torch.where(last, r, -beta * d)),),
        ),
        Mistake(
            "pays the whole price at the last token",
            "The sum over the string is right. But each token pays its own log-ratio, so that the advantages know "
            "which one was dear.",
            TOKENS,
            (variant(finish=lambda r, d, beta, last: torch.where(last, r - beta * d.sum(0), 0.0)),),
        ),
        Mistake(
            "keeps the last token alone",
            "Every token pays its price in its own row; only the reward waits for the last one.",
            TOKENS,
            (variant(finish=lambda r, d, beta, last: torch.where(last, r - beta * d, 0.0)),),
        ),
        Mistake(
            "pays at each token for all tokens so far",
            "Each token pays its own log-ratio once: the sum over the string comes by itself.",
            TOKENS,
            (
                variant(price=lambda p, q: (p - q).cumsum(0)),
                variant(finish=lambda r, d, beta, last: r - beta * d.cumsum(0) * before(last)),
            ),
        ),
        Mistake(
            "spreads the reward over the rows",
            "The reward is paid in one piece where `last` is true: before that nobody knows it.",
            TOKENS,
            (
                variant(lambda r, last: (r / len(last)).expand(last.shape)),
                variant(lambda r, last: torch.where(before(last), r / before(last).sum(0), 0.0)),
            ),
        ),
        Mistake(
            "pays the reward at every token",
            "The string is judged once, at its end: summed over the tokens the reward must be r(x).",
            TOKENS,
            (
                variant(lambda r, last: r.expand(last.shape)),
                variant(lambda r, last: torch.where(before(last), r, 0.0)),
            ),
        ),
        Mistake(
            "pays the reward at the first token",
            "The reward is known when the string is complete: it is paid where `last` is true.",
            TOKENS,
            (variant(in_row(0)),),
        ),
        Mistake(
            "divides by the string's length",
            "A mean over the tokens in place of their sum is another objective: long strings would pay less.",
            TOKENS,
            (by_length(True, True), by_length(True, False), by_length(False, True)),
        ),
        Mistake(
            "multiplies the reward with β",
            "β is the price of a nat in reward units: it stands before the KL alone.",
            TOKENS,
            (
                variant(finish=lambda r, d, beta, last: beta * (r - d)),
                variant(finish=lambda r, d, beta, last: beta * r - d),
            ),
        ),
        Mistake(
            "leaves β out",
            "A nat costs β, not 1.",
            TOKENS,
            (variant(finish=lambda r, d, beta, last: r - d),),
        ),
        Mistake(
            "leaves the KL out",
            "Every token pays −β (log π − log π_ref), also where it earns no reward.",
            TOKENS,
            (variant(price=lambda p, q: 0 * p),),
        ),
        Mistake(
            "leaves the reward out",
            "The last token of a string earns r(x) beside its own price.",
            TOKENS,
            (variant(lambda r, last: 0.0 * last),),
        ),
        Mistake(
            "subtracts probabilities in place of their logarithms",
            "d is the difference of the logarithms: the probabilities' ratio, then its logarithm.",
            TOKENS,
            (variant(price=lambda p, q: p.exp() - q.exp()),),
        ),
        Mistake(
            "takes the ratio for its logarithm",
            "d is log π − log π_ref; its exponential is the ratio, which is 1 where nothing has changed.",
            TOKENS,
            (
                variant(price=lambda p, q: (p - q).exp()),
                variant(price=lambda p, q: torch.expm1(p - q)),
            ),
        ),
        Mistake(
            "makes every price positive",
            "A token that the reference likes more earns a little: only with its sign is the mean over strings the KL.",
            TOKENS,
            (
                variant(price=lambda p, q: (p - q).square() / 2),
                variant(price=lambda p, q: torch.expm1(q - p) + p - q),
                variant(price=lambda p, q: (p - q).abs()),
                variant(price=lambda p, q: (p - q).clamp(min=0)),
            ),
        ),
        Mistake(
            "weighs the log-ratio with the token's probability",
            "Strings that π wrote already come as often as π writes them: the weight belongs to the exact sum.",
            TOKENS,
            (variant(price=lambda p, q: p.exp() * (p - q)),),
        ),
        Mistake(
            "returns one number for each string",
            "Asked for is what each token earns, [T, N]. Their sum is the return of the string.",
            TOKENS,
            (variant(finish=lambda r, d, beta, last: (r - beta * d).sum(0)),),
        ),
        Mistake(
            "lets a gradient through",
            "What a token earned is data: `.detach()` it. A gradient here would be that of k1, which is 0 on average.",
            TOKENS,
            (
                flowing("rewards", "logp", "ref_logp"),
                flowing("logp", "ref_logp"),
                flowing("rewards", "logp"),
                flowing("logp"),
                flowing("ref_logp"),
                flowing("rewards"),
            ),
        ),
    ],
)

# group_advantages


def answers(label, returns, *, divide):
    return Case(label, real(returns=returns), {"divide": divide})


def mean(x):
    return x.mean(1, keepdim=True)


def deviation(x):
    return x.std(1, keepdim=True)


def group(baseline=mean, below=deviation, small=1e-8, divides=lambda divide: divide, finish=torch.detach):
    """(R - baseline) / (below + small), with parts to get wrong."""

    def function(returns, *, divide):
        advantages = returns - baseline(returns)
        if divides(divide):
            advantages = advantages / (below(returns) + small)
        return finish(advantages)

    return function


def of_the_others(x):
    return (x.sum(1, keepdim=True) - x) / (x.shape[1] - 1)


def over_questions(x):
    """torch.std along axis 0, without its warning: nan for a single question."""
    return x.std(0) if len(x) > 1 else torch.nan * x[0]


def reaches(only_the_mean):
    """The division reaches one of the two only."""

    def function(returns, *, divide):
        below = deviation(returns) + 1e-8 if divide else 1.0
        parts = (returns, mean(returns) / below) if only_the_mean else (returns / below, mean(returns))
        return torch.sub(*parts).detach()

    return function


GROUP_ADVANTAGES = Exercise(
    function=group_advantages,
    notebook=NOTEBOOK,
    differentiable=True,
    first="return the returns less the mean of each row. The check then asks for `divide`.",
    hints=(
        "Each row is one question, with its answers side by side: `returns.mean(1, keepdim=True)` is the baseline of "
        "each row, [N, 1].",
        "Where `divide` is true, divide by `returns.std(1, keepdim=True) + 1e-8`: in a group without spread it would "
        "be 0 / 0.",
        "Advantages are data: `.detach()` the result.",
    ),
    running=answers("a group of four, and one without spread", [[3.0, 1.0, 0.0, 0.0], [1.0] * 4], divide=True),
    cases=[
        answers("two answers", [[1.0, 0.0]], divide=False),
        answers("two answers, divided", [[1.0, 0.0]], divide=True),
        answers("three answers", [[1.0, 2.0, 6.0]], divide=False),
        answers("three answers, divided", [[1.0, 2.0, 6.0]], divide=True),
        answers("a group without spread", [[2.0, 2.0, 2.0]], divide=False),
        answers("a group without spread, divided", [[2.0, 2.0, 2.0]], divide=True),
        answers("a group with a spread as small as the 1e-8, divided", [[1e-8, 2e-8, 6e-8]], divide=True),
        answers("two groups", [[1.0, 2.0], [3.0, 10.0]], divide=False),
        answers("two groups, divided", [[1.0, 2.0], [3.0, 10.0]], divide=True),
        answers("an easy and a hard question, divided", [[1.0, 1.0, 0.0], [0.0, 9.0, 30.0]], divide=True),
        answers("several groups", 2 * normal(5, 8, seed=1) + 1, divide=False),
        answers("several groups, divided", 2 * normal(5, 8, seed=2) + 1, divide=True),
    ],
    mistakes=[
        Mistake(
            "takes the mean over the questions",
            "A row is a question and its answers: the mean runs along the last axis, number 1.",
            GROUP,
            (
                group(lambda x: x.mean(0), over_questions),
                group(lambda x: x.mean(0), lambda x: x.std(0, correction=0)),
                group(lambda x: x.mean(0)),
            ),
        ),
        Mistake(
            "loses the axis of the mean",
            "`mean(1)` is [N] and not [N, 1], and does not line up with the rows: keep the axis by `keepdim=True`.",
            GROUP,
            (group(lambda x: x.mean(1), lambda x: x.std(1)), group(lambda x: x.mean(1))),
        ),
        Mistake(
            "subtracts the mean of all answers",
            "An answer is compared with other answers to the same question: one mean for each row.",
            GROUP,
            (group(torch.mean, torch.std), group(torch.mean)),
        ),
        Mistake(
            "divides by the deviation over the questions",
            "A row is a question and its answers: the deviation runs along the same axis as the mean.",
            GROUP,
            (group(below=over_questions), group(below=lambda x: x.std(0, correction=0))),
        ),
        Mistake(
            "divides by the deviation of all answers",
            "The mean is that of each row; the deviation must be, too. (Some programs do it on purpose.)",
            GROUP,
            (group(below=torch.std), group(below=lambda x: (x - mean(x)).std())),
        ),
        Mistake(
            "leaves the answer itself out of the mean",
            "The mean of the others is a good baseline as well, and gives G / (G − 1) times the advantage; GRPO "
            "takes the mean of all G.",
            GROUP,
            (group(of_the_others),),
        ),
        Mistake(
            "subtracts the sum",
            "The baseline is the mean of the group, its sum divided by G.",
            GROUP,
            (group(lambda x: x.sum(1, keepdim=True)),),
        ),
        Mistake(
            "takes the median for the mean",
            "The baseline is the mean: only without it do the advantages of a group sum to 0.",
            GROUP,
            (
                group(lambda x: x.median(1, keepdim=True).values),
                group(lambda x: x.quantile(0.5, dim=1, keepdim=True)),
            ),
        ),
        Mistake(
            "compares with the best answer",
            "Then no answer is better than the baseline, and all become rarer. The baseline is the mean.",
            GROUP,
            (group(lambda x: x.max(1, keepdim=True).values),),
        ),
        Mistake(
            "does not subtract the mean",
            "Without a baseline every answer with a positive return becomes more likely, the worst one too.",
            GROUP,
            (group(lambda x: 0.0),),
        ),
        Mistake(
            "divides by G instead of G − 1 inside the standard deviation",
            "The course takes torch.std, which divides by G − 1. numpy.std divides by G.",
            GROUP,
            (group(below=lambda x: x.std(1, keepdim=True, correction=0)),),
        ),
        Mistake(
            "divides by the variance",
            "The variance has the square of the unit; the standard deviation is its root.",
            GROUP,
            (group(below=lambda x: x.var(1, keepdim=True)),),
        ),
        Mistake(
            "divides by another measure of spread",
            "Asked for is the standard deviation of the group, `returns.std(1, keepdim=True)`: not its range, its mean "
            "distance or its standard error.",
            GROUP,
            (
                group(below=lambda x: x.amax(1, keepdim=True) - x.amin(1, keepdim=True)),
                group(below=lambda x: (x - mean(x)).abs().mean(1, keepdim=True)),
                group(below=lambda x: deviation(x) / x.shape[1] ** 0.5),
            ),
        ),
        Mistake(
            "divides by 0 in a group without spread",
            "Where all answers earned the same the deviation is 0, and 0 / 0 is nan: add the 1e-8 to it.",
            GROUP,
            (group(small=0.0),),
        ),
        Mistake(
            "has another small number, or has it in another place",
            "The 1e-8 is added to the standard deviation: below the fraction, and not under the root.",
            GROUP,
            (
                *(group(small=10.0**-k) for k in (4, 5, 6, 7, 9, 10, 12)),
                group(below=lambda x: deviation(x).clamp(min=1e-8), small=0.0),
                group(below=lambda x: (x.var(1, keepdim=True) + 1e-8).sqrt(), small=0.0),
            ),
        ),
        Mistake(
            "lets the division reach only one of the two",
            "R − mean / std divides the mean alone: put the difference in parentheses, and then divide it.",
            GROUP,
            (reaches(only_the_mean=True), reaches(only_the_mean=False)),
        ),
        Mistake(
            "never divides",
            "Where `divide` is true the difference is divided by the group's standard deviation.",
            GROUP,
            (group(divides=lambda divide: False),),
        ),
        Mistake(
            "always divides",
            "Where `divide` is false the advantage keeps its unit: the difference alone.",
            GROUP,
            (group(divides=lambda divide: True),),
        ),
        Mistake(
            "has `divide` upside down",
            "Divided is where `divide` is true.",
            GROUP,
            (group(divides=lambda divide: not divide),),
        ),
        Mistake(
            "turns the signs around",
            "Better than the mean must stay positive: R − mean.",
            GROUP,
            (group(finish=lambda advantages: -advantages.detach()),),
        ),
        Mistake(
            "lets a gradient through",
            "An advantage is data, however it was computed: `.detach()` it.",
            GROUP,
            (group(finish=lambda advantages: advantages),),
        ),
    ],
)
EXERCISES = [PER_TOKEN, GROUP_ADVANTAGES]
