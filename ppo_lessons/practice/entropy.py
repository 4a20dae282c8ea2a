"""Practice for lesson 11."""

import math

import torch

from ppo_lessons.entropy import entropy
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import LOGITS


def case(label, logits):
    return Case(label, real(logits=logits), {})


CASES = [
    case("two equally likely actions", [0.0, 0.0]),
    case("logits that are no log-probabilities", [1.0, 2.0]),
    case("100 added to all logits", [100.0, 101.0, 102.0]),
    case("two states", [[1.0, 2.0], [0.5, 0.0]]),
    case("a nearly certain policy", [0.0, 800.0, 0.0, 799.0, 0.0]),
    case("several states", normal(5, 3, seed=1)),
    case("steps and games", normal(4, 2, 3, seed=2)),
]


def of_policy(formula, axis=-1, total=lambda terms: terms.sum(-1)):
    """The terms `formula(pi, logp)`, added up; with the logarithm taken by log_softmax, or of the softmax."""

    def stable(logits):
        logp = logits.log_softmax(axis)
        return total(formula(logp.exp(), logp))

    def naive(logits):
        pi = logits.softmax(axis)
        return total(formula(pi, pi.log()))

    return stable, naive


def totals(*totals):
    return tuple(version for total in totals for version in of_policy(terms, total=total))


def terms(pi, logp):
    return -pi * logp


def yes_or_no(pi, logp):
    return terms(pi, logp) + terms(1 - pi, (1 - pi).log())


def minus_log_of_sum(terms):
    return -terms.sum(-1).log()


def without_keepdim(logits):
    pi = logits.exp() / logits.exp().sum(-1)
    return terms(pi, pi.log()).sum(-1)


def padded(number):
    def function(logits):
        pi = logits.softmax(-1)
        return -(pi * (pi + number).log()).sum(-1)

    return function


def floored(number):
    """Probabilities are not below a number."""

    def function(logits):
        pi = logits.softmax(-1).clamp(min=number)
        return -(pi * pi.log()).sum(-1)

    return function


WEIGHTS_DETACHED = of_policy(lambda pi, logp: -pi.detach() * logp)
NO_GRADIENT = of_policy(lambda pi, logp: terms(pi, logp).detach())

UNDECIDED, GRADIENT = "1. How undecided is a policy?", "2. What its gradient does"
EXERCISES = [
    Exercise(
        function=entropy,
        notebook="11_entropy",
        differentiable=True,
        first="make log-probabilities of the logits with `logits.log_softmax(-1)` and return minus their sum over the "
        "actions. The check then says what is missing.",
        hints=(
            "Two things are needed from the logits: log-probabilities, `logp = logits.log_softmax(-1)`, and "
            "probabilities, `logp.exp()`.",
            "Entropy is the mean surprise: each action's surprise −log π counts as often as the policy takes it, "
            "π · (−log π).",
            "Add up over the last axis, the actions: `-(logp.exp() * logp).sum(-1)`. Nothing is detached.",
        ),
        running=case("the new policy on the running trajectory", LOGITS),
        cases=CASES,
        mistakes=[
            Mistake(
                "forgets the minus",
                "log π is never above 0, so the sum needs a minus to be a surprise: entropy is never negative.",
                UNDECIDED,
                of_policy(lambda pi, logp: pi * logp),
            ),
            Mistake(
                "leaves out the weights",
                "The surprise of each action counts as often as the policy takes it: times π.",
                UNDECIDED,
                (
                    *of_policy(lambda pi, logp: -logp),
                    *of_policy(lambda pi, logp: logp),
                    *of_policy(lambda pi, logp: -logp, total=lambda terms: terms.mean(-1)),
                ),
            ),
            Mistake(
                "weighs with log-probabilities",
                "The weight of an action is its probability: π = exp(log π), or softmax of the logits.",
                UNDECIDED,
                of_policy(lambda pi, logp: -logp * logp),
            ),
            Mistake(
                "leaves out the logarithm",
                "The surprise of an action of probability π is −log π.",
                UNDECIDED,
                (
                    *of_policy(lambda pi, logp: -pi),
                    *of_policy(lambda pi, logp: -pi * pi),
                    *of_policy(lambda pi, logp: pi * (1 - pi)),
                ),
            ),
            Mistake(
                "takes logits for log-probabilities",
                "100 more on all logits is the same policy: make them log-probabilities first, with log_softmax(-1).",
                UNDECIDED,
                (
                    lambda logits: -(logits.softmax(-1) * logits).sum(-1),
                    lambda logits: -(logits.softmax(-1) * (logits - logits.amax(-1, keepdim=True))).sum(-1),
                    lambda logits: -(logits.exp() * logits).sum(-1),
                ),
            ),
            Mistake(
                "takes logits for probabilities",
                "Logits may be negative and do not sum to 1; softmax(-1) makes probabilities of them.",
                UNDECIDED,
                (
                    lambda logits: -(logits * logits.log()).sum(-1),
                    lambda logits: -(logits * logits.log_softmax(-1)).sum(-1),
                ),
            ),
            Mistake(
                "takes the mean over the actions",
                "The weights π already make the sum an average: do not divide by the number of actions.",
                UNDECIDED,
                totals(lambda terms: terms.mean(-1), torch.mean),
            ),
            Mistake(
                "looks at the likeliest action only",
                "Every action surprises, as often as it is taken: the sum goes over all of them.",
                UNDECIDED,
                (
                    *of_policy(lambda pi, logp: logp, total=lambda logp: -logp.max(-1).values),
                    *of_policy(lambda pi, logp: logp, total=lambda logp: -logp.amax(-1)),
                    *of_policy(terms, total=lambda terms: terms.max(-1).values),
                ),
            ),
            Mistake(
                "takes each action for a yes or no of its own",
                "(1 − π) log(1 − π) is the surprise of not taking the action, and that is a term of the others: "
                "with two actions their sum comes out as twice the entropy.",
                UNDECIDED,
                (*of_policy(yes_or_no), *of_policy(yes_or_no, total=lambda terms: terms.mean(-1))),
            ),
            Mistake(
                "keeps the actions apart",
                "The terms are right; the entropy of a state is their sum over the actions.",
                UNDECIDED,
                totals(lambda terms: terms),
            ),
            Mistake(
                "mixes the states",
                "Softmax and sum go along the last axis, the actions, so that each state keeps a number of its own.",
                UNDECIDED,
                (
                    *totals(torch.sum, lambda terms: terms.sum(-1).mean(), lambda terms: terms.sum(0)),
                    *of_policy(terms, axis=0),
                    *of_policy(terms, axis=0, total=torch.sum),
                    *of_policy(terms, axis=0, total=lambda terms: terms.sum(0)),
                ),
            ),
            Mistake(
                "loses the axis of the actions",
                "sum(-1) drops the axis, and the division meets a wrong one: sum(-1, keepdim=True), or softmax(-1).",
                UNDECIDED,
                (without_keepdim,),
            ),
            Mistake(
                "takes the logarithm of the mean",
                "Asked for is the mean of −log π. Minus the logarithm of the mean of π, Σ π², is another entropy, and "
                "never larger.",
                UNDECIDED,
                of_policy(lambda pi, logp: pi * pi, total=minus_log_of_sum),
            ),
            Mistake(
                "returns the distance to the uniform policy",
                "That is log n − H, which is 0 where all actions are equally likely. Entropy is largest there.",
                UNDECIDED,
                (lambda logits: math.log(logits.shape[-1]) - entropy(logits),),
            ),
            Mistake(
                "guards the logarithm with a small number",
                "It changes the entropy a little, and a policy that is nearly certain needs no help: log_softmax(-1).",
                UNDECIDED,
                (
                    *(padded(number) for number in (1e-2, 1e-3, 1e-4, 1e-5)),
                    *(floored(number) for number in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)),
                ),
            ),
            Mistake(
                "divides by the largest entropy",
                "Divided by log n it would lie between 0 and 1; asked for is the entropy itself, in nats.",
                UNDECIDED,
                (lambda logits: entropy(logits) / math.log(logits.shape[-1]),),
            ),
            Mistake(
                "counts in bits",
                "Asked for are nats: the natural logarithm, not the one to base 2.",
                UNDECIDED,
                of_policy(lambda pi, logp: terms(pi, logp) / torch.tensor(2.0).double().log()),
            ),
            Mistake(
                "returns e to the entropy",
                "That is the number of equally likely actions that would be as undecided; asked for is H, in nats.",
                UNDECIDED,
                totals(lambda terms: terms.sum(-1).exp()),
            ),
            Mistake(
                "lets no gradient through the weights",
                "π is in the formula twice; with the weights detached the gradient is 0, and a bonus does nothing.",
                GRADIENT,
                (WEIGHTS_DETACHED[0], NO_GRADIENT[0]),
            ),
            Mistake(
                "takes the logarithm of a probability that is 0",
                "softmax rounds rare actions to 0, and 0 times log 0 is nan: log_softmax(-1) avoids it.",
                UNDECIDED,
                (of_policy(terms)[1], WEIGHTS_DETACHED[1], NO_GRADIENT[1]),
            ),
        ],
    )
]
