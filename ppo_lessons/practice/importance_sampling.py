"""Practice for lesson 08."""

from itertools import product

import torch

from ppo_lessons.importance_sampling import effective_sample_size, surrogate_objective
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import ADVANTAGES, LOGP, OLD_LOGP

FISH, PRICE, SURROGATE, WRONG = (
    "2. Fish of another lake",
    "3. The price",
    "5. The surrogate objective",
    "8. What usually goes wrong",
)


# The surrogate objective


def case(label, new, old, advantages):
    """Probabilities of the actions under both policies, and advantages."""
    new, old, advantages = (torch.tensor(x, dtype=torch.float64) for x in (new, old, advantages))
    return Case(label, {"logp": new.log(), "old_logp": old.log(), "advantages": advantages}, {})


def random_case(label, *shape, seed):
    logp, old_logp, advantages = normal(3, *shape, seed=seed)
    return Case(label, {"logp": 0.4 * logp - 1, "old_logp": 0.4 * old_logp - 1, "advantages": advantages}, {})


SAMPLES = [
    case("a ratio of 1", [0.5], [0.5], [2.0]),
    case("a ratio above 1", [0.6], [0.4], [2.0]),
    case("a ratio below 1, A < 0", [0.2], [0.4], [-2.0]),
    case("a ratio of 20", [0.8], [0.04], [2.0]),
    case("two samples", [0.6, 0.2], [0.4, 0.4], [4.0, -2.0]),
    random_case("several samples", 7, seed=1),
    random_case("steps and games", 5, 4, seed=2),
]


def ways(formula):
    """A formula of logp, old_logp and advantages: with both data detached, then with one of them or none."""

    def way(*keep):
        def function(logp, *data):
            return formula(logp, *(x if kept else x.detach() for x, kept in zip(data, keep, strict=True)))

        return function

    return tuple(way(*keep) for keep in product((False, True), repeat=2))


def spread(a):
    """`a.std()`, without its warning for a single number."""
    return ((a - a.mean()).square().sum() / (a.numel() - 1)).sqrt()


def means_apart(logp, old_logp, advantages):
    return (logp - old_logp).exp().mean() * advantages.mean()


def divided_by_the_weights(logp, old_logp, advantages):
    rho = (logp - old_logp).exp()
    return (rho * advantages).sum() / rho.sum()


SURROGATE_EXERCISE = Exercise(
    function=surrogate_objective,
    notebook="08_importance_sampling",
    differentiable=True,
    first="return the mean of the advantages, as if nothing had changed. The check then shows a case where it has.",
    hints=(
        "Each sample counts ρ_t A_t: its advantage, weighted by how much more likely its action has become.",
        "ρ_t is new over old. From log-probabilities: the exponential of a difference, "
        "`(logp - old_logp.detach()).exp()`. The function `ratio` does it: "
        "`from ppo_lessons.importance_sampling import ratio`.",
        "`old_logp` and `advantages` are data, so detach them: `advantages.detach()`. The result is one number, "
        "the mean over all samples.",
    ),
    running=Case("the running trajectory", {"logp": LOGP, "old_logp": OLD_LOGP, "advantages": ADVANTAGES}, {}),
    cases=SAMPLES,
    mistakes=[
        Mistake(
            "has the ratio upside down",
            "The ratio is new over old, exp(logp − old_logp): asked about is the new policy, drawn was from the old.",
            FISH,
            ways(lambda logp, old, a: ((old - logp).exp() * a).mean()),
        ),
        Mistake(
            "takes the log ratio for the ratio",
            "logp − old_logp is log ρ, which is 0 where nothing has changed; ρ is its exponential.",
            FISH,
            (
                *ways(lambda logp, old, a: ((logp - old) * a).mean()),
                *ways(lambda logp, old, a: ((1 + logp - old) * a).mean()),
            ),
        ),
        Mistake(
            "divides log-probabilities",
            "The ratio divides probabilities; with logarithms that is a difference inside an exponential.",
            FISH,
            ways(lambda logp, old, a: (logp / old * a).mean()),
        ),
        Mistake(
            "takes the logarithm twice",
            "`logp` is log π already, a negative number without a logarithm: the result is nan.",
            FISH,
            (
                *ways(lambda logp, old, a: ((logp.log() - old.log()).exp() * a).mean()),
                *ways(lambda logp, old, a: (logp.log() * a).mean()),
            ),
        ),
        Mistake(
            "takes the exponential of one of the two only",
            "Both are logarithms: take their difference first, and then one exponential, `(logp - old_logp).exp()`.",
            FISH,
            (
                *ways(lambda logp, old, a: ((logp.exp() - old) * a).mean()),
                *ways(lambda logp, old, a: ((logp - old.exp()) * a).mean()),
                *ways(lambda logp, old, a: (logp.exp() / old * a).mean()),
                *ways(lambda logp, old, a: (logp / old.exp() * a).mean()),
            ),
        ),
        Mistake(
            "subtracts probabilities",
            "A sample is weighted by the ratio π/π_old of the probabilities, not by their difference.",
            SURROGATE,
            ways(lambda logp, old, a: ((logp.exp() - old.exp()) * a).mean()),
        ),
        Mistake(
            "leaves out the old policy",
            "Dividing by π_old undoes how often the old policy took the action; π alone counts its favourites twice.",
            FISH,
            ways(lambda logp, old, a: (logp.exp() * a).mean()),
        ),
        Mistake(
            "has log π where the ratio belongs",
            "log π · A is the objective for fresh plays; on old plays each sample counts by its ratio ρ.",
            SURROGATE,
            (
                *ways(lambda logp, old, a: (logp * a).mean()),
                *ways(lambda logp, old, a: ((logp - old).exp().detach() * a * logp).mean()),
                *ways(lambda logp, old, a: ((logp - old).exp() * a * logp).mean()),
                *ways(lambda logp, old, a: ((logp - old).exp() * a * logp.detach()).mean()),
            ),
        ),
        Mistake(
            "uses a ratio that is always 1",
            "The old log-probabilities are those stored when the action was taken, not those of the policy of today.",
            WRONG,
            (
                *ways(lambda logp, old, a: ((logp - logp.detach()).exp() * a).mean()),
                *ways(lambda logp, old, a: a.mean()),
            ),
        ),
        Mistake(
            "lets no gradient through the ratio",
            "The value is right, but what is maximised must depend on the new policy: keep the gradient of logp.",
            SURROGATE,
            ways(lambda logp, old, a: ((logp - old).exp().detach() * a).mean()),
        ),
        Mistake(
            "averages ratios and advantages apart",
            "Each advantage has its own ratio: multiply sample by sample, then take the mean.",
            SURROGATE,
            ways(means_apart),
        ),
        Mistake(
            "divides by the sum of the ratios",
            "L divides by the number of samples; the ratios are 1 only on average.",
            SURROGATE,
            ways(divided_by_the_weights),
        ),
        Mistake(
            "normalises the advantages",
            "The objective takes the advantages as they are, in reward units.",
            SURROGATE,
            (
                *ways(lambda logp, old, a: ((logp - old).exp() * (a - a.mean())).mean()),
                *ways(lambda logp, old, a: ((logp - old).exp() * (a - a.mean()) / spread(a)).mean()),
                *ways(lambda logp, old, a: ((logp - old).exp() * (a - a.mean()) / (spread(a) + 1e-8)).mean()),
            ),
        ),
        Mistake(
            "returns one number per sample",
            "The products ρ_t A_t are right; the objective is their mean, one number.",
            SURROGATE,
            ways(lambda logp, old, a: (logp - old).exp() * a),
        ),
        Mistake(
            "sums instead of averaging",
            "The objective is a mean over samples, so that its size does not depend on the batch.",
            SURROGATE,
            ways(lambda logp, old, a: ((logp - old).exp() * a).sum()),
        ),
        Mistake(
            "has the wrong sign",
            "An objective is maximised. The one minus sign stands in the trainer, where the loss is made.",
            SURROGATE,
            ways(lambda logp, old, a: -((logp - old).exp() * a).mean()),
        ),
        Mistake(
            "differentiates data",
            "Old log-probabilities and advantages were measured and do not depend on the new policy: detach them.",
            WRONG,
            ways(lambda logp, old, a: ((logp - old).exp() * a).mean())[1:],
        ),
    ],
)


# The effective sample size


def weights_case(label, weights):
    return Case(label, real(weights=weights), {})


WEIGHTS = [
    weights_case("one weight", [3.0]),
    weights_case("two equal weights", [2.0, 2.0]),
    weights_case("a weight of 0", [1.0, 0.0]),
    weights_case("one weight that outweighs the others", [100.0, 1.0, 1.0, 1.0]),
    weights_case("two steps of two games", [[1.0, 2.0], [3.0, 4.0]]),
    weights_case("huge weights", [3e200, 2e200, 1e200, 1e200, 1e200]),
    weights_case("tiny weights", [3e-200, 2e-200, 1e-200, 1e-200, 1e-200]),
    weights_case("several weights", normal(9, seed=3).exp()),
    weights_case("steps and games", normal(5, 4, seed=4).exp()),
]


def at_any_scale(formula):
    """The formula on the weights as they are, and on weights of which the largest is 1."""
    return formula, lambda weights: formula(weights / weights.max())


def of_squares(above, below):
    """A quotient of two of: the square of the sum, the sum of the squares, the sum."""
    parts = {
        "(Σw)²": lambda w: w.sum().square(),
        "Σw²": lambda w: w.square().sum(),
        "Σw": lambda w: w.sum(),
    }
    return at_any_scale(lambda weights: parts[above](weights) / parts[below](weights))


def along(axis):
    return at_any_scale(lambda w: w.sum(axis).square() / w.square().sum(axis))


def perplexity(weights):
    shares = weights.flatten() / weights.max()
    shares = shares / shares.sum()
    return (-torch.xlogy(shares, shares).sum()).exp()


def cut_off(low, high):
    return lambda weights: weights.clamp(low, high).sum().square() / weights.clamp(low, high).square().sum()


def padded(number):
    """The weights divided by their sum or by the largest, and a small number is added to it."""

    def by_sum(weights):
        return 1 / (weights / (weights.sum() + number)).square().sum()

    def by_largest(weights):
        scaled = weights / (weights.max() + number)
        return scaled.sum().square() / scaled.square().sum()

    return by_sum, by_largest


def of_sample_variance(weights):
    """n / (1 + variance / mean²), where the variance divides by n − 1: nan for a single weight."""
    n, mean = weights.numel(), weights.mean()
    return n / (1 + (weights - mean).square().sum() / (n - 1) / mean.square())


def of_sample_deviation(weights):
    """The same with (deviation / mean)²: other numbers where a square is too large or too small for its dtype."""
    n, mean = weights.numel(), weights.mean()
    return n / (1 + (((weights - mean).square().sum() / (n - 1)).sqrt() / mean).square())


EFFECTIVE_EXERCISE = Exercise(
    function=effective_sample_size,
    notebook="08_importance_sampling",
    first="return the number of weights. The check then shows weights that are worth fewer draws.",
    hints=(
        "Two numbers are needed: the sum of the weights, and the sum of their squares.",
        "Square the sum, then divide by the sum of the squares: `weights.sum() ** 2 / (weights**2).sum()`.",
        "The square of a huge number is inf, that of a tiny one 0. Ten times all weights give the same result, so "
        "divide all of them by the largest first: `weights / weights.max()`.",
    ),
    running=weights_case("the ratios of the running trajectory", (LOGP - OLD_LOGP).exp()),
    cases=WEIGHTS,
    mistakes=[
        Mistake(
            "is upside down",
            "The square of the sum stands above, the sum of the squares below.",
            PRICE,
            of_squares("Σw²", "(Σw)²"),
        ),
        Mistake(
            "leaves out a square",
            "Both are squared, the sum above and each weight below: else the result changes with the weights' scale.",
            PRICE,
            (*of_squares("Σw", "Σw²"), of_squares("(Σw)²", "Σw")[0], torch.sum),
        ),
        Mistake(
            "squares in the same place twice",
            "Above, the sum is squared; below, each weight is squared before the sum. Twice the same gives 1, always.",
            PRICE,
            (*of_squares("(Σw)²", "(Σw)²"), *of_squares("Σw²", "Σw²"), lambda weights: torch.ones(())),
        ),
        Mistake(
            "returns a share",
            "Means in place of sums give ESS/n, between 0 and 1; asked for is a number of samples.",
            PRICE,
            at_any_scale(lambda w: w.mean().square() / w.square().mean()),
        ),
        Mistake(
            "takes the weights for normalised",
            "Nothing says that the weights sum to 1 or average to 1: the square of their sum stands above.",
            PRICE,
            (
                *at_any_scale(lambda w: 1 / w.square().sum()),
                *at_any_scale(lambda w: 1 / w.square().mean()),
                *at_any_scale(lambda w: w.numel() / (1 + (w - w.mean()).square().mean())),
                *at_any_scale(lambda w: len(w.flatten()) / w.square().mean()),
            ),
        ),
        Mistake(
            "takes the variance that divides by n − 1",
            "n / (1 + variance / mean²) is ESS only where the variance divides by n: `weights.var(correction=0)`.",
            PRICE,
            (
                *at_any_scale(of_sample_variance),
                of_sample_deviation,
                *at_any_scale(lambda w: of_sample_variance(w) if w.numel() > 1 else torch.ones(())),
            ),
        ),
        Mistake(
            "takes e to the entropy of the weights",
            "That is another count of equally weighted draws, and a larger one; ESS is made of squares.",
            PRICE,
            (perplexity,),
        ),
        Mistake(
            "counts draws instead of weighing them",
            "A draw with a small weight adds little: ESS is below n unless all weights are equal.",
            PRICE,
            (lambda weights: torch.tensor(weights.numel()), torch.count_nonzero),
        ),
        Mistake(
            "divides by the largest weight",
            "Sum over largest is another count; ESS divides the square of the sum by the sum of the squares.",
            PRICE,
            at_any_scale(lambda w: w.sum() / w.max()),
        ),
        Mistake(
            "treats every column as a sample of its own",
            "All weights together are one sample, whatever their shape, so the result is one number.",
            PRICE,
            (*along(0), *along(-1)),
        ),
        Mistake(
            "cuts the weights off",
            "All weights beyond a bound become equal to it. None has to be: divided by the largest, none is above 1.",
            PRICE,
            (cut_off(0.0, 1e50), cut_off(1e-50, 1e50), cut_off(1e-50, torch.inf)),
        ),
        Mistake(
            "guards the division with a small number",
            "Beside tiny weights that number is large. The weights are not all 0, so nothing needs a guard: divide by "
            "the largest weight alone.",
            PRICE,
            (*padded(1e-5), *padded(1e-8)),
        ),
        Mistake(
            "lets the squares overflow or vanish",
            "The formula is right, but 1e200 squared is inf, 1e-200 squared is 0: divide by the largest weight first.",
            PRICE,
            (of_squares("(Σw)²", "Σw²")[0], lambda weights: (weights.sum() / weights.norm()).square()),
        ),
    ],
)

EXERCISES = [SURROGATE_EXERCISE, EFFECTIVE_EXERCISE]
