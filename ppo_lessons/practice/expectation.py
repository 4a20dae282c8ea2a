"""Practice for lesson 01."""

import torch

from ppo_lessons.expectation import expectation, standard_error
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import RETURN, REWARDS

AVERAGE, SPREAD, SAMPLED = (
    "1. An average of outcomes",
    "2. Variance: how much it spreads",
    "4. How far off? The standard error",
)


# The expectation


def outcomes(label, values, probabilities):
    return Case(label, real(values=values, probabilities=probabilities), {})


def random_outcomes(label, *shape, seed):
    values, weights = normal(2, *shape, seed=seed)
    return outcomes(label, values, weights.softmax(0))


EXPECTATION = Exercise(
    function=expectation,
    notebook="01_expectation",
    first="multiply each value by its probability, `values * probabilities`, and return the products. "
    "The check then says what is missing.",
    hints=(
        "For the exam the sum is 80 · 0.2 + 90 · 0.8. `values * probabilities` makes both products.",
        "Then add up the products. With one list, `.sum()` is enough; with several columns each one has its own sum.",
        "Axis 0 lists the outcomes: add up along it, with `.sum(0)`, or with a loop over "
        "`zip(values, probabilities)` that begins at 0 and adds one product at a time.",
    ),
    running=outcomes(
        "the running trajectory, with steps that fail one time in ten and then pay nothing",
        torch.stack([REWARDS, torch.zeros_like(REWARDS)]),
        [[0.9] * 3, [0.1] * 3],
    ),
    cases=[
        outcomes("two outcomes", [80.0, 90.0], [0.2, 0.8]),
        outcomes("an outcome that never comes", [3.0, 100.0], [1.0, 0.0]),
        outcomes("three outcomes", [-2.0, 1.0, 5.0], [0.5, 0.3, 0.2]),
        outcomes("two exams side by side", [[80.0, 50.0], [90.0, 70.0]], [[0.2, 0.5], [0.8, 0.5]]),
        random_outcomes("five outcomes in three columns", 5, 3, seed=1),
        random_outcomes("a batch of any shape", 3, 2, 4, seed=2),
    ],
    mistakes=[
        Mistake(
            "ignores the probabilities",
            "The plain mean is right only where all outcomes are equally likely.",
            AVERAGE,
            (lambda v, p: v.mean(0), lambda v, p: v.mean()),
        ),
        Mistake(
            "adds up the values without their probabilities",
            "Each value counts with its probability: multiply before you add.",
            AVERAGE,
            (lambda v, p: v.sum(0), lambda v, p: v.sum()),
        ),
        Mistake(
            "divides by the number of outcomes",
            "The probabilities sum to 1, so the sum of the products already is the average.",
            AVERAGE,
            (lambda v, p: (v * p).mean(0), lambda v, p: (v * p).mean()),
        ),
        Mistake(
            "divides by the sum of the values",
            "The weights are the probabilities, and they sum to 1 already: nothing is left to divide by.",
            AVERAGE,
            (lambda v, p: (v * p).sum(0) / v.sum(0),),
        ),
        Mistake(
            "returns the products without adding them up",
            "80 · 0.2 and 90 · 0.8 are the parts; the expectation is their sum.",
            AVERAGE,
            (lambda v, p: v * p,),
        ),
        Mistake(
            "adds up along the wrong axis",
            "Axis 0 lists the outcomes; each column is a random number of its own and keeps its own sum: .sum(0).",
            AVERAGE,
            (lambda v, p: (v * p).sum(), lambda v, p: (v * p).sum(-1), lambda v, p: (v * p).sum(0).mean()),
        ),
        Mistake(
            "multiplies matrices",
            "`@` makes a table of sums where there are several columns. Multiply number by number, by `*`, and then "
            "add up: `.sum(0)`.",
            AVERAGE,
            (
                lambda v, p: v @ p,
                lambda v, p: p @ v,
                lambda v, p: v.mT @ p if v.dim() > 1 else v @ p,
                lambda v, p: p.mT @ v if v.dim() > 1 else p @ v,
                lambda v, p: torch.tensordot(v, p, 1),
            ),
        ),
        Mistake(
            "returns one of the products",
            "A loop must add to what it has so far, and return only after its last round.",
            AVERAGE,
            (lambda v, p: (v * p)[0], lambda v, p: (v * p)[-1]),
        ),
        Mistake(
            "leaves out an outcome",
            "The sum runs over all outcomes: range(len(values)) begins at 0 and includes the last one.",
            AVERAGE,
            (lambda v, p: (v * p)[1:].sum(0), lambda v, p: (v * p)[:-1].sum(0)),
        ),
        Mistake(
            "returns the most likely value",
            "The expectation is an average over all outcomes and need not be one of them.",
            AVERAGE,
            (
                lambda v, p: v.gather(0, p.argmax(0, keepdim=True))[0],
                lambda v, p: v[p.argmax()],
                lambda v, p: v[p.argmax(0)],
            ),
        ),
        Mistake(
            "lets 1 − p into the weights",
            "A value counts with its own p. 1 − p, the chance that another outcome comes, is not the weight, nor is it "
            "subtracted from p: an outcome that never comes would then move the result.",
            AVERAGE,
            (lambda v, p: (v * (2 * p - 1)).sum(0), lambda v, p: (v * (1 - p)).sum(0)),
        ),
    ],
)


# The standard error


def samples(label, x):
    return Case(label, real(samples=x), {})


def about_mean(x):
    return x - x.mean(0)


STANDARD_ERROR = Exercise(
    function=standard_error,
    notebook="01_expectation",
    first="return `samples.std(0)`. The check then says what is missing.",
    hints=(
        "Two steps: estimate σ from the sample, then divide it by √n. Here n is `len(samples)`.",
        "σ²: take the distances from the sample's own mean, square, add up, divide by n − 1. σ is the root.",
        "`samples.std(0)` does all of that along axis 0; torch divides by n − 1 unless told otherwise. What is left is "
        "the √n, in Python `len(samples) ** 0.5`.",
    ),
    running=samples("the returns of four plays, the running trajectory first", [RETURN, -7.0, 8.0, -2.0]),
    cases=[
        samples("two samples", [80.0, 90.0]),
        samples("samples that are all equal", [90.0, 90.0, 90.0]),
        samples("five samples", [80.0, 90.0, 90.0, 80.0, 90.0]),
        samples("three samples in two columns", [[80.0, 1.0], [90.0, 4.0], [90.0, -3.0]]),
        samples("as many samples as columns", normal(3, 3, seed=1)),
        samples("nine samples in four columns", 3 * normal(9, 4, seed=2) + 5),
        samples("a batch of any shape", normal(5, 2, 3, seed=3)),
    ],
    mistakes=[
        Mistake(
            "returns σ",
            "σ says how different single samples are. Their mean is known better, by the factor 1/√n.",
            SAMPLED,
            (lambda x: x.std(0), lambda x: x.std(0, correction=0)),
        ),
        Mistake(
            "divides by n, not by its root",
            "It is the variance that falls as 1/n; the standard error is its root and falls as 1/√n.",
            SAMPLED,
            (lambda x: x.std(0) / len(x), lambda x: x.std(0, correction=0) / len(x)),
        ),
        Mistake(
            "divides by n where n − 1 belongs",
            "Distances from the sample's own mean come out a little too small; n − 1 corrects that. (NumPy's std "
            "divides by n unless told ddof=1.)",
            SAMPLED,
            (lambda x: x.std(0, correction=0) / len(x) ** 0.5,),
        ),
        Mistake(
            "corrects with n − 1 twice",
            "The n − 1 belongs into the variance; the root that divides it at the end is √n.",
            SAMPLED,
            (lambda x: x.std(0) / (len(x) - 1) ** 0.5,),
        ),
        Mistake(
            "subtracts 1 after the division",
            "Python divides before it subtracts, so n − 1 needs brackets: / (n - 1).",
            SAMPLED,
            (lambda x: ((about_mean(x).square().sum(0) / len(x) - 1) / len(x)) ** 0.5,),
        ),
        Mistake(
            "returns the square of the standard error",
            "s²/n is the variance of the mean; its root has the unit of the samples.",
            SAMPLED,
            (lambda x: x.var(0) / len(x), lambda x: x.var(0, correction=0) / len(x)),
        ),
        Mistake(
            "takes the variance for σ",
            "σ is the root of the variance: take it before you divide by √n.",
            SPREAD,
            (lambda x: x.var(0) / len(x) ** 0.5, lambda x: x.var(0, correction=0) / len(x) ** 0.5),
        ),
        Mistake(
            "takes σ for the variance",
            "Under the root stands the VARIANCE over n: √(σ²/n) = σ/√n.",
            SAMPLED,
            (lambda x: (x.std(0) / len(x)).sqrt(), lambda x: (x.std(0, correction=0) / len(x)).sqrt()),
        ),
        Mistake(
            "writes the root as ** 1 / 2",
            "Python takes the power first: n ** 1 / 2 is n/2 and no root. Write n ** 0.5 or n ** (1 / 2).",
            SAMPLED,
            (
                lambda x: x.std(0) / len(x) ** 1 / 2,
                lambda x: x.std(0, correction=0) / len(x) ** 1 / 2,
                lambda x: (x.var(0) / len(x)) ** 1 / 2,
                lambda x: (x.var(0, correction=0) / len(x)) ** 1 / 2,
            ),
        ),
        Mistake(
            "multiplies by √n",
            "More samples make the mean more certain, so √n divides.",
            SAMPLED,
            (lambda x: x.std(0) * len(x) ** 0.5, lambda x: x.std(0, correction=0) * len(x) ** 0.5),
        ),
        Mistake(
            "does not subtract the mean",
            "What counts is the distance from the mean, not the distance from 0.",
            SPREAD,
            (
                lambda x: (x.square().sum(0) / (len(x) - 1) / len(x)).sqrt(),
                lambda x: (x.square().mean(0) / len(x)).sqrt(),
            ),
        ),
        Mistake(
            "does not square the distances",
            "The variance is made of squared distances; the mean distance without sign is another measure of spread.",
            SPREAD,
            (
                lambda x: about_mean(x).abs().mean(0) / len(x) ** 0.5,
                lambda x: about_mean(x).abs().sum(0) / (len(x) - 1) / len(x) ** 0.5,
            ),
        ),
        Mistake(
            "takes the range for σ",
            "The largest sample less the smallest looks at two samples only, and one outlier sets it. σ is made of the "
            "distances of all samples from their mean.",
            SPREAD,
            (lambda x: (x.amax(0) - x.amin(0)) / len(x) ** 0.5, lambda x: x.amax(0) - x.amin(0)),
        ),
        Mistake(
            "counts the numbers of all columns",
            "n is the number of samples in one column, len(samples); numel counts the numbers of the whole table.",
            SAMPLED,
            (
                lambda x: x.std(0) / x.numel() ** 0.5,
                lambda x: (about_mean(x).square().sum(0) / (x.numel() - 1) / x.numel()) ** 0.5,
            ),
        ),
        Mistake(
            "mixes the columns",
            "Axis 0 lists the samples; each column is a sample of its own, with n = len(samples): .std(0).",
            SAMPLED,
            (
                lambda x: x.std() / len(x) ** 0.5,
                lambda x: x.std() / x.numel() ** 0.5,
                lambda x: x.std(-1) / len(x) ** 0.5,
                lambda x: x.std(-1) / x.shape[-1] ** 0.5,
                lambda x: ((x - x.mean()).square().sum(0) / (len(x) - 1) / len(x)).sqrt(),
                lambda x: ((x - x.mean()).square().mean(0) / len(x)).sqrt(),
                lambda x: ((x - x.mean()).square().sum() / (len(x) - 1) / len(x)).sqrt(),
            ),
        ),
    ],
)

EXERCISES = [EXPECTATION, STANDARD_ERROR]
