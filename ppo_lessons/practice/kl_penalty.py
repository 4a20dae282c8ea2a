"""Practice for lesson 09."""

import math

import torch

from ppo_lessons.kl_penalty import adapt_beta, approximate_kl, kl_divergence
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import LOGITS, LOGP, OLD_LOGITS, OLD_LOGP

BEHAVIOUR, DIRECTIONS, ADAPTIVE, ESTIMATORS, LOSSES, WRONG = (
    "1. Far in parameters, near in behaviour, and the reverse",
    "2. Two directions",
    "7. A price that finds itself",
    "8. Three estimators, as numbers (optional)",
    "9. The same three, as losses (optional)",
    "10. What usually goes wrong",
)


# The divergence


def logits_case(label, logits_p, logits_q):
    return Case(label, real(logits_p=logits_p, logits_q=logits_q), {})


BY_HAND = torch.tensor([[0.5, 0.5], [0.9, 0.1]], dtype=torch.float64).log()
POLICIES = [
    logits_case("two log-probabilities", *BY_HAND),
    logits_case("logits that are no log-probabilities", [1.0, 2.0], [0.5, -1.0]),
    logits_case("twice the same policy", [1.0, 2.0], [1.0, 2.0]),
    logits_case("100 added to all logits", [0.0, 0.0, 0.0], [100.0, 100.0, 100.0]),
    logits_case("an action that q nearly never takes", [0.0, 0.0], [0.0, 100.0]),
    logits_case("two states", [[1.0, 2.0], [0.5, 0.0]], [[0.5, -1.0], [1.0, 3.0]]),
    logits_case("an action that p never takes", [0.0, 800.0, 0.0, 799.0], [0.0, 0.5, 0.0, 1.0]),
    logits_case("several states", *normal(2, 5, 3, seed=1)),
    logits_case("steps and games", *normal(2, 4, 2, 3, seed=2)),
]


def divergence(formula, axis=-1, total=lambda terms: terms.sum(-1)):
    """The terms `formula(p, q, log_p, log_q)`, added up; with the logarithms as log_softmax, of p and q, of p/q."""

    def stable(logits_p, logits_q):
        log_p, log_q = logits_p.log_softmax(axis), logits_q.log_softmax(axis)
        return total(formula(log_p.exp(), log_q.exp(), log_p, log_q))

    def naive(logits_p, logits_q):
        p, q = logits_p.softmax(axis), logits_q.softmax(axis)
        return total(formula(p, q, p.log(), q.log()))

    def quotient(logits_p, logits_q):
        p, q = logits_p.softmax(axis), logits_q.softmax(axis)
        return total(formula(p, q, p.log(), p.log() - (p / q).log()))

    return stable, naive, quotient


def padded(number):
    def function(logits_p, logits_q):
        p, q = logits_p.softmax(-1), logits_q.softmax(-1)
        return (p * ((p + number).log() - (q + number).log())).sum(-1)

    return function


def floored(number):
    """Probabilities are not below a number: those of both policies, or of q alone."""

    def of_both(logits_p, logits_q):
        p, q = logits_p.softmax(-1).clamp(min=number), logits_q.softmax(-1).clamp(min=number)
        return (p * (p.log() - q.log())).sum(-1)

    def of_q(logits_p, logits_q):
        p, q = logits_p.softmax(-1), logits_q.softmax(-1).clamp(min=number)
        return (p * (logits_p.log_softmax(-1) - q.log())).sum(-1)

    def of_q_naive(logits_p, logits_q):
        p, q = logits_p.softmax(-1), logits_q.softmax(-1).clamp(min=number)
        return (p * (p.log() - q.log())).sum(-1)

    return of_both, of_q, of_q_naive


def terms(p, q, log_p, log_q):
    return p * (log_p - log_q)


def of_logits(weights):
    """Logits stand where log-probabilities belong."""
    return lambda logits_p, logits_q: (weights(logits_p) * (logits_p - logits_q)).sum(-1)


def softmax_twice(kl):
    """What softmax has made is taken for logits."""
    return lambda logits_p, logits_q: kl(logits_p.softmax(-1), logits_q.softmax(-1))


def shifted_logits(logits_p, logits_q):
    """The largest logit is subtracted, and the sum forgotten."""
    differences = logits_p - logits_p.amax(-1, keepdim=True) - logits_q + logits_q.amax(-1, keepdim=True)
    return (logits_p.softmax(-1) * differences).sum(-1)


def totals(formula, *totals):
    return tuple(version for total in totals for version in divergence(formula, total=total))


def without_keepdim():
    """The normaliser of each state meets the wrong axis, or no axis that fits."""

    def policies(*logits):
        return (z.exp() / z.exp().sum(-1) for z in logits)

    def of_logs(*logits):
        p, q = policies(*logits)
        return (p * (p.log() - q.log())).sum(-1)

    def of_quotient(*logits):
        p, q = policies(*logits)
        return (p * (p / q).log()).sum(-1)

    return of_logs, of_quotient


def partly_detached(kl, weights_only):
    return (
        lambda logits_p, logits_q: kl(logits_p.detach(), logits_q),
        lambda logits_p, logits_q: kl(logits_p, logits_q.detach()),
        lambda logits_p, logits_q: kl(logits_p, logits_q).detach(),
        weights_only,
    )


WEIGHTS_DETACHED = divergence(lambda p, q, log_p, log_q: terms(p.detach(), q, log_p, log_q))
PARTLY_DETACHED = [partly_detached(*both) for both in zip(divergence(terms), WEIGHTS_DETACHED, strict=True)]

KL_EXERCISE = Exercise(
    function=kl_divergence,
    notebook="09_kl_penalty",
    differentiable=True,
    first="make log-probabilities of both logits, and return the sum of their differences over the actions. "
    "The check then says what is missing.",
    hints=(
        "Logits are not yet log-probabilities. `log_p = logits_p.log_softmax(-1)` makes them so, "
        "`log_q = logits_q.log_softmax(-1)` likewise, and `p = log_p.exp()` are probabilities.",
        "Each action counts log p − log q, as often as p takes it: `p * (log_p - log_q)`.",
        "Add up over the last axis, the actions, and keep one number per state: `.sum(-1)`.",
    ),
    running=logits_case("the states of the running trajectory", OLD_LOGITS, LOGITS),
    cases=POLICIES,
    mistakes=[
        Mistake(
            "has the two policies the wrong way round",
            "KL(p‖q) averages over actions of p, the first argument, and log p stands first in the difference.",
            DIRECTIONS,
            (
                *divergence(lambda p, q, log_p, log_q: q * (log_q - log_p)),
                lambda logits_p, logits_q: divergence(terms)[2](logits_q, logits_p),
            ),
        ),
        Mistake(
            "averages over the wrong policy",
            "Actions are drawn from p, so p weighs the differences, not q.",
            DIRECTIONS,
            divergence(lambda p, q, log_p, log_q: q * (log_p - log_q)),
        ),
        Mistake(
            "has the wrong sign",
            "KL is never negative: log p − log q, weighted by p.",
            BEHAVIOUR,
            divergence(lambda p, q, log_p, log_q: p * (log_q - log_p)),
        ),
        Mistake(
            "takes the differences without their sign",
            "The sum needs both signs: where q is likelier than p, an action counts below 0. KL is another distance "
            "than the sum of |p − q|.",
            BEHAVIOUR,
            (
                *divergence(lambda p, q, log_p, log_q: p * (log_p - log_q).abs()),
                *divergence(lambda p, q, log_p, log_q: (p - q).abs()),
                *divergence(lambda p, q, log_p, log_q: (p - q).abs() / 2),
                *divergence(lambda p, q, log_p, log_q: (log_p - log_q).abs()),
                *divergence(lambda p, q, log_p, log_q: p * (log_p - log_q).square()),
                *divergence(lambda p, q, log_p, log_q: p * (log_p - log_q).square() / 2),
                *divergence(lambda p, q, log_p, log_q: (p - q).square()),
            ),
        ),
        Mistake(
            "takes the approximation for small steps",
            "Half of a weighted sum of squares is near KL only where the policies are nearly equal. Asked for is KL "
            "itself.",
            BEHAVIOUR,
            (
                *divergence(lambda p, q, log_p, log_q: (p - q).square() / p / 2),
                *divergence(lambda p, q, log_p, log_q: (p - q).square() / q / 2),
                *divergence(
                    lambda p, q, log_p, log_q: (
                        p * (log_p - log_q - (p * (log_p - log_q)).sum(-1, keepdim=True)).square() / 2
                    )
                ),
            ),
        ),
        Mistake(
            "adds the other direction",
            "KL(p‖q) is one of the two; their sum, or their mean, is another distance, the same in both directions.",
            DIRECTIONS,
            (
                *divergence(lambda p, q, log_p, log_q: (p - q) * (log_p - log_q)),
                *divergence(lambda p, q, log_p, log_q: (p - q) * (log_p - log_q) / 2),
            ),
        ),
        Mistake(
            "compares with the mean of both policies",
            "log q stands in the formula, not log of (p + q)/2: the mean of both is nearer to p than q is.",
            BEHAVIOUR,
            (
                *divergence(lambda p, q, log_p, log_q: p * (log_p - ((p + q) / 2).log())),
                *divergence(
                    lambda p, q, log_p, log_q: p * (log_p - ((p + q) / 2).log()) + q * (log_q - ((p + q) / 2).log()),
                    total=lambda terms: terms.sum(-1) / 2,
                ),
            ),
        ),
        Mistake(
            "leaves out the weights",
            "The difference log p − log q of each action counts as often as p takes that action.",
            BEHAVIOUR,
            divergence(lambda p, q, log_p, log_q: log_p - log_q),
        ),
        Mistake(
            "weighs each logarithm with its own policy",
            "Σ p log p − Σ q log q is a difference of two entropies, and may be negative. Both logarithms count as "
            "often as p takes the action.",
            BEHAVIOUR,
            divergence(lambda p, q, log_p, log_q: p * log_p - q * log_q),
        ),
        Mistake(
            "weighs with log-probabilities",
            "The weight of an action is its probability: p = exp(log p), or softmax of the logits.",
            BEHAVIOUR,
            (
                *divergence(lambda p, q, log_p, log_q: log_p * (log_p - log_q)),
                *divergence(lambda p, q, log_p, log_q: log_p * (p - q)),
            ),
        ),
        Mistake(
            "leaves out a logarithm",
            "Both log p and log q are needed: only their difference is 0 where the policies agree.",
            BEHAVIOUR,
            (
                *divergence(lambda p, q, log_p, log_q: -p * log_q),
                *divergence(lambda p, q, log_p, log_q: p * log_q),
                *divergence(lambda p, q, log_p, log_q: p * log_p),
                *divergence(lambda p, q, log_p, log_q: p * (p - q)),
            ),
        ),
        Mistake(
            "takes logits for log-probabilities",
            "100 more on all logits is the same policy: bring them to log-probabilities first, with log_softmax(-1).",
            BEHAVIOUR,
            (
                of_logits(lambda logits: logits.exp()),
                of_logits(lambda logits: logits.softmax(-1)),
                shifted_logits,
            ),
        ),
        Mistake(
            "takes softmax twice",
            "Probabilities are no logits: a second softmax makes both policies nearly equal. Take log_softmax(-1) of "
            "the logits as they come.",
            BEHAVIOUR,
            tuple(softmax_twice(kl) for kl in divergence(terms)),
        ),
        Mistake(
            "takes logits for probabilities",
            "Logits may be negative and do not sum to 1; softmax(-1) makes probabilities of them.",
            BEHAVIOUR,
            (
                lambda logits_p, logits_q: (logits_p * (logits_p / logits_q).log()).sum(-1),
                lambda logits_p, logits_q: (logits_p * (logits_p.log() - logits_q.log())).sum(-1),
            ),
        ),
        Mistake(
            "takes the mean over the actions",
            "The weights p already make the sum an average: do not divide by the number of actions.",
            BEHAVIOUR,
            totals(terms, lambda terms: terms.mean(-1), torch.mean),
        ),
        Mistake(
            "counts in bits",
            "Asked for are nats: the natural logarithm, not the one to base 2.",
            BEHAVIOUR,
            divergence(lambda p, q, log_p, log_q: terms(p, q, log_p, log_q) / math.log(2)),
        ),
        Mistake(
            "mixes the states",
            "Softmax and sum go along the last axis, the actions, so that each state keeps a number of its own.",
            DIRECTIONS,
            (
                *divergence(terms, total=lambda terms: terms.sum() / len(terms)),
                *totals(terms, torch.sum, lambda terms: terms.sum(-1).mean(), lambda terms: terms.sum(0)),
                *divergence(terms, axis=0),
                *divergence(terms, axis=0, total=torch.sum),
                *divergence(terms, axis=0, total=lambda terms: terms.sum(0)),
            ),
        ),
        Mistake(
            "loses the axis of the actions",
            "sum(-1) drops the axis, and the division meets a wrong one: sum(-1, keepdim=True), or softmax(-1).",
            BEHAVIOUR,
            without_keepdim(),
        ),
        Mistake(
            "detaches a part of the formula",
            "Here neither policy is data: who wants no gradient for one hands it in detached.",
            WRONG,
            PARTLY_DETACHED[0],
        ),
        Mistake(
            "takes the logarithm of a probability that is 0",
            "softmax rounds rare actions to 0, and 0 times log 0 is nan: log_softmax(-1) avoids it.",
            BEHAVIOUR,
            (*divergence(terms)[1:], *PARTLY_DETACHED[1], *PARTLY_DETACHED[2]),
        ),
        Mistake(
            "guards the logarithm with a small number",
            "A policy that nearly never takes an action then seems nearer than it is: log_softmax(-1) needs no help.",
            BEHAVIOUR,
            tuple(
                version
                for number in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
                for version in (padded(number), *floored(number))
            ),
        ),
    ],
)


# Its estimators


def estimates(label, new, old):
    """The same samples for all three estimators: probabilities of the actions under both policies."""
    logp, old_logp = (torch.as_tensor(x, dtype=torch.float64).log() for x in (new, old))
    inputs = {"logp": logp, "old_logp": old_logp}
    return [Case(f"{k} of {label}", inputs, {"estimator": k}) for k in ("k1", "k2", "k3")]


SAMPLES = [
    *estimates("a sample whose ratio is above 1", [0.6], [0.5]),
    *estimates("a sample whose ratio is below 1", [0.2], [0.5]),
    Case(  # k3 is 5e-17: exp(x) − 1 has lost the digits that count
        "k3 of a ratio that differs from 1 by 1e-8",
        real(logp=[1e-8 - 1], old_logp=[-1.0]),
        {"estimator": "k3"},
        close=1e-22,
    ),
    *estimates("several samples", *normal(2, 6, seed=3).sigmoid()),
    *estimates("steps and games", *normal(2, 4, 3, seed=4).sigmoid()),
]


def estimators(
    log_ratio=lambda logp, old_logp: logp - old_logp,
    k1=lambda x: -x,
    k2=lambda x: x.square() / 2,
    k3=None,
    finish=lambda k, old_logp: k,
):
    """The three estimators from log rho, with parts to get wrong; old_logp detached, and not.

    Without a k3 there are versions with the right one, and with those that lose digits.
    """

    def versions(k3):
        def flowing(logp, old_logp, *, estimator):
            return finish({"k1": k1, "k2": k2, "k3": k3}[estimator](log_ratio(logp, old_logp)), old_logp)

        def detached(logp, old_logp, *, estimator):
            return flowing(logp, old_logp.detach(), estimator=estimator)

        return detached, flowing

    return tuple(version for k in ([k3] if k3 else [right_k3, *LOSSY_K3]) for version in versions(k))


def right_k3(x):
    return torch.expm1(x) - x


LOSSY_K3 = (lambda x: (x.exp() - 1) - x, lambda x: x.exp() - (1 + x), lambda x: (x.exp() - x) - 1)


def squares_apart():
    """k2 from the squares of both logarithms: without and with a gradient through the old one."""

    def versions(k3):
        def flowing(logp, old_logp, *, estimator):
            x = logp - old_logp
            return {"k1": -x, "k2": (logp.square() - old_logp.square()) / 2, "k3": k3(x)}[estimator]

        def detached(logp, old_logp, *, estimator):
            return flowing(logp, old_logp.detach(), estimator=estimator)

        return detached, flowing

    return tuple(version for k3 in (right_k3, *LOSSY_K3) for version in versions(k3))


def always(estimator):
    def function(logp, old_logp, **ignored):
        return approximate_kl(logp, old_logp, estimator=estimator)

    return function


def all_three(logp, old_logp, *, estimator):
    return torch.stack([approximate_kl(logp, old_logp, estimator=k) for k in ("k1", "k2", "k3")])


ESTIMATOR_EXERCISE = Exercise(
    function=approximate_kl,
    notebook="09_kl_penalty",
    differentiable=True,
    first="compute log ρ, `logp - old_logp`, and return −log ρ, which is k1. The check then shows an input "
    "that asks for k2.",
    hints=(
        "All three need log ρ, `log_ratio = logp - old_logp.detach()`. Then there are three cases: "
        '`if estimator == "k1": return -log_ratio` is the first.',
        "k2 is `log_ratio.square() / 2`. Nothing is averaged: one number per sample.",
        "k3 is (ρ − 1) − log ρ. For a small step exp(log ρ) − 1 loses its digits; `torch.expm1(log_ratio)` is ρ − 1 "
        "and keeps them.",
    ),
    running=Case("the running trajectory", {"logp": LOGP, "old_logp": OLD_LOGP}, {"estimator": "k3"}),
    cases=SAMPLES,
    mistakes=[
        Mistake(
            "divides log-probabilities",
            "The ratio divides probabilities, so its logarithm is a difference: logp − old_logp.",
            ESTIMATORS,
            (
                *estimators(log_ratio=lambda logp, old_logp: (logp / old_logp).log()),
                *estimators(log_ratio=lambda logp, old_logp: logp / old_logp),
            ),
        ),
        Mistake(
            "takes a difference of probabilities for log ρ",
            "log ρ is the difference of the logarithms, and these are what is handed in: no exp.",
            ESTIMATORS,
            estimators(log_ratio=lambda logp, old_logp: logp.exp() - old_logp.exp()),
        ),
        Mistake(
            "forgets the minus of k1",
            "Actions that the old policy prefers have log ρ < 0, and they make the KL positive: k1 is −log ρ.",
            ESTIMATORS,
            estimators(k1=lambda x: x),
        ),
        Mistake(
            "makes k1 positive",
            "k1 is −log ρ, with its sign: samples with log ρ > 0 must be able to cancel others.",
            ESTIMATORS,
            (*estimators(k1=torch.abs), *estimators(k1=lambda x: (-x).clamp(min=0))),
        ),
        Mistake(
            "has another factor than ½ in k2",
            "k2 is half of the square: ½ (log ρ)², the first term that counts for small steps.",
            ESTIMATORS,
            (*estimators(k2=torch.square), *estimators(k2=lambda x: (x / 2).square())),
        ),
        Mistake(
            "squares ρ inside the logarithm",
            "½ log(ρ²) is log ρ again. k2 squares the logarithm: ½ (log ρ)².",
            ESTIMATORS,
            (*estimators(k2=lambda x: x), *estimators(k2=lambda x: 2 * x)),
        ),
        Mistake(
            "takes the difference of the squares in k2",
            "k2 squares the difference of the two logarithms, not each of them: it is never negative.",
            ESTIMATORS,
            squares_apart(),
        ),
        Mistake(
            "takes ρ − 1 for log ρ in k2",
            "k2 squares the logarithm of the ratio.",
            ESTIMATORS,
            (*estimators(k2=lambda x: torch.expm1(x).square() / 2), *estimators(k2=lambda x: x.exp().square() / 2)),
        ),
        Mistake(
            "forgets the 1 in k3",
            "k3 is (ρ − 1) − log ρ: without the 1 it is not 0 where nothing has changed.",
            ESTIMATORS,
            estimators(k3=lambda x: x.exp() - x),
        ),
        Mistake(
            "has the wrong sign at log ρ in k3",
            "−log ρ is k1; k3 adds ρ − 1 to it.",
            ESTIMATORS,
            (
                *estimators(k3=lambda x: torch.expm1(x) + x),
                *(version for k3 in (right_k3, *LOSSY_K3) for version in estimators(k3=lambda x, k3=k3: -k3(x))),
            ),
        ),
        Mistake(
            "mixes up ρ and log ρ in k3",
            "In (ρ − 1) − log ρ the first is the exponential of the second.",
            ESTIMATORS,
            (
                *estimators(k3=lambda x: (x - 1) - x),
                *estimators(k3=lambda x: (x.exp() - 1) - x.exp()),
                *estimators(k3=lambda x: (x - 1) - x.log()),
            ),
        ),
        Mistake(
            "estimates the other direction in k3",
            "ρ log ρ − (ρ − 1) has the mean KL(new‖old). Asked for is KL(old‖new): (ρ − 1) − log ρ.",
            ESTIMATORS,
            (
                *estimators(k3=lambda x: x.exp() * x - torch.expm1(x)),
                *estimators(k3=lambda x: x.exp() * x - (x.exp() - 1)),
            ),
        ),
        Mistake(
            "loses the digits of k3",
            "For a small step exp(log ρ) is 1 and a little, and `- 1` leaves what the rounding has left of the little. "
            "`torch.expm1` computes ρ − 1 without it.",
            ESTIMATORS,
            tuple(version for k3 in LOSSY_K3 for version in estimators(k3=k3)),
        ),
        Mistake(
            "exchanges k2 and k3",
            "k2 is the square, k3 the one with ρ − 1.",
            ESTIMATORS,
            estimators(k2=lambda x: torch.expm1(x) - x, k3=lambda x: x.square() / 2),
        ),
        Mistake(
            "has the ratio upside down",
            "ρ is new over old, so log ρ = logp − old_logp: the samples come from the old policy.",
            ESTIMATORS,
            (
                *estimators(log_ratio=lambda logp, old_logp: old_logp - logp),
                *(version for k3 in (right_k3, *LOSSY_K3) for version in estimators(k3=lambda x, k3=k3: k3(-x))),
                *estimators(k3=lambda x: 1 / x.exp() - 1 + x),
            ),
        ),
        Mistake(
            "pays no attention to `estimator`",
            "`estimator` says which of the three is asked for: one of them is returned.",
            ESTIMATORS,
            (*map(always, ("k1", "k2", "k3")), all_three),
        ),
        Mistake(
            "weighs the samples with their probability",
            "Samples of the old policy already come as often as it takes them: the weights belong to the exact sum.",
            ESTIMATORS,
            (
                *estimators(finish=lambda k, old_logp: old_logp.exp() * k),
                *estimators(finish=lambda k, old_logp: (old_logp.exp() * k).sum()),
            ),
        ),
        Mistake(
            "returns one number for all samples",
            "Asked for is one number per sample; the mean is taken by whoever uses them.",
            ESTIMATORS,
            (*estimators(finish=lambda k, old_logp: k.mean()), *estimators(finish=lambda k, old_logp: k.sum())),
        ),
        Mistake(
            "detaches a part of k3",
            "The value is right, but ρ − 1 and log ρ both move with logp: old_logp is data, and nothing else.",
            LOSSES,
            (
                *estimators(k3=lambda x: torch.expm1(x).detach() - x),
                *estimators(k3=lambda x: torch.expm1(x) - x.detach()),
            ),
        ),
        Mistake(
            "stops the gradient at logp",
            "The policy in training works through logp alone. It is old_logp that is data: detach that one.",
            LOSSES,
            estimators(log_ratio=lambda logp, old_logp: logp.detach() - old_logp),
        ),
        Mistake(
            "differentiates the old log-probabilities",
            "old_logp was stored when the action was taken: it is data, so detach it.",
            LOSSES,
            (estimators()[1],),
        ),
    ],
)


# The price that finds itself


def price(label, beta, kl, target):
    return Case(label, {"beta": beta, "kl": kl}, {"target": target})


PRICES = [
    price("a KL far below the target", 3.0, 0.001, 0.01),
    price("a KL far above the target", 3.0, 0.05, 0.01),
    price("a KL at the target", 3.0, 0.01, 0.01),
    price("a KL a little below the target", 3.0, 0.008, 0.01),
    price("a KL a little above the target", 3.0, 0.013, 0.01),
    price("a KL just below the band", 3.0, 0.0061, 0.01),
    price("a KL just above the band", 3.0, 0.0165, 0.01),
    price("a large target", 0.5, 1.7, 2.0),
    price("a small price, and a KL far above the target", 0.5, 0.05, 0.01),
    price("a KL of 0", 0.5, 0.0, 2.0),
    price("a price of 0", 0.0, 0.05, 0.01),
    price("a large price, and a KL far above the target", 1e4, 0.05, 0.01),
    price("a KL on the lower edge of the band", 3.0, 1.0, 1.5),  # both edges are exact in binary
    price("a KL on the upper edge of the band", 3.0, 3.0, 2.0),
]


def rule(low=1 / 1.5, high=1.5, down=0.5, up=2.0):
    """Beta times `down` below the band, times `up` above it."""

    def function(beta, kl, *, target):
        return beta * down if kl < low * target else beta * up if kl > high * target else beta

    return function


def again_and_again(by):
    """Halved or doubled until the KL, moved by a factor each time, lies in the band; once for a KL of 0."""

    def function(beta, kl, *, target):
        for _ in range(100 if kl else 1):
            if kl < target / 1.5:
                beta, kl = beta / 2, kl * by
            elif kl > 1.5 * target:
                beta, kl = beta * 2, kl / by
        return beta

    return function


def step(size):
    """Beta less `size` below the band, plus `size` above it."""

    def function(beta, kl, *, target):
        return beta - size if kl < target / 1.5 else beta + size if kl > 1.5 * target else beta

    return function


def between(edges):
    """Halved below, doubled above two numbers: edges(beta, target)."""

    def function(beta, kl, *, target):
        low, high = edges(beta, target)
        return beta / 2 if kl < low else beta * 2 if kl > high else beta

    return function


def one_edge(edge):
    """Halved on one side of one number, doubled on the other: beta never stays."""
    return (
        lambda beta, kl, *, target: beta / 2 if kl < edge * target else beta * 2,
        lambda beta, kl, *, target: beta * 2 if kl > edge * target else beta / 2,
    )


def edges_outside(low, high):
    """Which of the two edges counts as outside."""

    def function(beta, kl, *, target):
        below, above = (
            kl < target / 1.5 or (low and kl == target / 1.5),
            kl > 1.5 * target or (high and kl == 1.5 * target),
        )
        return beta / 2 if below else beta * 2 if above else beta

    return function


def scaled(result):
    """`adapt_beta` with something else than the new beta returned: result(beta, factor, target)."""
    return lambda beta, kl, *, target: result(beta, adapt_beta(1.0, kl, target=target), target)


def bounded(least, most):
    """`adapt_beta`, but never below the one and never above the other."""
    return lambda beta, kl, *, target: min(max(adapt_beta(beta, kl, target=target), least), most)


BETA_EXERCISE = Exercise(
    function=adapt_beta,
    notebook="09_kl_penalty",
    first="return `beta` as it is. The check then shows a KL that asks for another price.",
    hints=(
        "Three cases: the KL is below the band, above it, or in it. In the band β stays.",
        "The band goes from `target / 1.5` to `1.5 * target`. Its edges belong to it: compare with < and >.",
        "Too little movement: the price was too high, return `beta / 2`. Too much: it was too low, return `2 * beta`.",
    ),
    running=price("the running trajectory", 3.0, kl_divergence(OLD_LOGITS, LOGITS).mean().item(), 0.03),
    cases=PRICES,
    mistakes=[
        Mistake(
            "turns β the wrong way",
            "A KL above the target means that moving was too cheap: β must rise, and fall where the KL is too small.",
            ADAPTIVE,
            (rule(down=2.0, up=0.5),),
        ),
        Mistake(
            "returns β unchanged",
            "Whatever the KL is, β comes back as it went in. `beta / 2` alone changes nothing: return it, or assign it "
            "to beta.",
            ADAPTIVE,
            (lambda beta, kl, *, target: beta,),
        ),
        Mistake(
            "never lowers β",
            "Below target / 1.5 the policy was too timid, and β is halved.",
            ADAPTIVE,
            (rule(down=1.0),),
        ),
        Mistake(
            "never raises β",
            "Above 1.5 times the target the policy was too bold, and β is doubled.",
            ADAPTIVE,
            (rule(up=1.0),),
        ),
        Mistake(
            "has no band around the target",
            "Between target / 1.5 and 1.5 times the target β stays: no update meets the target exactly.",
            ADAPTIVE,
            (
                *(rule(low=1.0, high=1.0), rule(low=1.0), rule(high=1.0)),
                *(*one_edge(1.0), *one_edge(1 / 1.5), *one_edge(1.5)),
            ),
        ),
        Mistake(
            "compares with fixed numbers",
            "The band grows with the target: it goes from target / 1.5 to 1.5 times the target.",
            ADAPTIVE,
            (between(lambda beta, target: (1 / 1.5, 1.5)), between(lambda beta, target: (0.02, 0.045))),
        ),
        Mistake(
            "takes 1.5 for a distance",
            "1.5 is a factor: the edges are target / 1.5 and target * 1.5, not target − 1.5 and target + 1.5.",
            ADAPTIVE,
            (between(lambda beta, target: (target - 1.5, target + 1.5)),),
        ),
        Mistake(
            "compares the KL with β",
            "The KL in nats is compared with the target in nats; β is a price.",
            ADAPTIVE,
            (between(lambda beta, target: (beta / 1.5, 1.5 * beta)), between(lambda beta, target: (beta, beta))),
        ),
        Mistake(
            "exchanges 1.5 and 2",
            "1.5 makes the band, 2 is the step of β.",
            ADAPTIVE,
            (rule(low=0.5, high=2.0, down=1 / 1.5, up=1.5),),
        ),
        Mistake(
            "moves β by the factor of the band",
            "1.5 makes the band; β is halved or doubled.",
            ADAPTIVE,
            (rule(down=1 / 1.5, up=1.5),),
        ),
        Mistake(
            "moves β by another factor than 2",
            "The price is halved or doubled: the factor is 2 both ways.",
            ADAPTIVE,
            (
                *(rule(down=1 / by, up=by) for by in (1.1, 1.2, 1.25, 2**0.5, 3.0, 4.0, 10.0)),
                *(rule(down=1 - by, up=1 + by) for by in (0.1, 0.2, 0.25, 0.5)),
            ),
        ),
        Mistake(
            "has a band of another width",
            "The edges are target / 1.5 and 1.5 times the target; by 2 β is divided or multiplied.",
            ADAPTIVE,
            (
                *(rule(low=1 / width, high=width) for width in (1.25, 1.75, 2.0, 2.5, 3.0)),
                *(rule(low=0.5), rule(high=2.0)),
            ),
        ),
        Mistake(
            "takes 1.5 for a power",
            "`**` makes a power. 1.5 is a factor: the edges are target / 1.5 and 1.5 times the target.",
            ADAPTIVE,
            (
                between(lambda beta, target: (target / 1.5, target**1.5)),
                between(lambda beta, target: (target**-1.5, target**1.5)),
                between(lambda beta, target: (target ** (1 / 1.5), target**1.5)),
            ),
        ),
        Mistake(
            "changes β more than once",
            "β is halved or doubled once, however far the KL is outside of the band. The next update shows whether "
            "that was enough.",
            ADAPTIVE,
            tuple(again_and_again(by) for by in (1.5, 2.0)),
        ),
        Mistake(
            "halves with //",
            "`//` drops what stands behind the point; β is no whole number: `beta / 2`.",
            ADAPTIVE,
            (lambda beta, kl, *, target: beta // 2 if kl < target / 1.5 else beta * 2 if kl > 1.5 * target else beta,),
        ),
        Mistake(
            "returns the factor and not the price",
            "The factor ½ or 2 is still to be multiplied with β.",
            ADAPTIVE,
            (scaled(lambda beta, factor, target: factor),),
        ),
        Mistake(
            "changes the target",
            "The target is what is wanted and stays; what follows is β.",
            ADAPTIVE,
            (
                scaled(lambda beta, factor, target: factor * target),
                scaled(lambda beta, factor, target: target / factor),
            ),
        ),
        Mistake(
            "makes β proportional to the KL",
            "β moves by factors of two, however far the KL is from the target.",
            ADAPTIVE,
            (
                lambda beta, kl, *, target: beta * kl / target,
                lambda beta, kl, *, target: beta * target / (kl or 1e-300),
            ),
        ),
        Mistake(
            "holds β between bounds",
            "The rule knows no least and no largest price: β is halved or doubled, however small or large it is. And "
            "a β of 0 stays 0.",
            ADAPTIVE,
            (
                *(bounded(least, math.inf) for least in (1e-4, 1e-3, 0.01, 0.05, 0.1)),
                *(bounded(0.0, most) for most in (10.0, 20.0, 50.0, 100.0, 1000.0)),
                *(bounded(least, 1 / least) for least in (1e-4, 1e-3, 0.01, 0.1)),
                *(bounded(least, most) for least in (0.01, 0.1) for most in (10.0, 100.0)),
            ),
        ),
        Mistake(
            "moves β by a fixed step",
            "β is halved or doubled. A step that is added or subtracted is much for a small β and nothing for a large "
            "one; it also lifts a β of 0, which doubled stays 0.",
            ADAPTIVE,
            tuple(map(step, (0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0))),
        ),
        Mistake(
            "counts an edge of the band as outside",
            "The rule says < and >: at exactly target / 1.5, and at exactly 1.5 times the target, β stays.",
            ADAPTIVE,
            (edges_outside(True, True), edges_outside(True, False), edges_outside(False, True)),
        ),
    ],
)

EXERCISES = [KL_EXERCISE, ESTIMATOR_EXERCISE, BETA_EXERCISE]
