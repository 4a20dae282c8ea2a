"""Practice for lesson 10."""

import torch

from ppo_lessons.clip import clip_ratio, clipped_objective
from ppo_lessons.importance_sampling import ratio, surrogate_objective
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal
from ppo_lessons.practice.running import ADVANTAGES, LOGP, OLD_LOGP


def case(label, rho, advantages, *, epsilon):
    """Log-probabilities with these ratios, and advantages."""
    rho, advantages = (torch.as_tensor(x, dtype=torch.float64) for x in (rho, advantages))
    old_logp = torch.full_like(rho, 0.25).log()
    inputs = {"logp": old_logp + rho.log(), "old_logp": old_logp, "advantages": advantages}
    return Case(label, inputs, {"epsilon": epsilon})


def random_case(label, *shape, seed, epsilon):
    logp, old_logp, advantages = normal(3, *shape, seed=seed)
    inputs = {"logp": 0.3 * logp - 1, "old_logp": 0.3 * old_logp - 1, "advantages": advantages}
    return Case(label, inputs, {"epsilon": epsilon})


RUNNING = Case(
    "the running trajectory", {"logp": LOGP, "old_logp": OLD_LOGP, "advantages": ADVANTAGES}, {"epsilon": 0.2}
)
CASES = [
    case("a ratio of 1", [1.0], [2.0], epsilon=0.2),
    case("a ratio inside the band, A > 0", [1.1], [2.0], epsilon=0.2),
    case("a ratio inside the band, A < 0", [1.1], [-2.0], epsilon=0.2),
    case("a ratio above the band, A > 0", [1.5], [2.0], epsilon=0.2),
    case("a ratio above the band, A < 0", [1.5], [-2.0], epsilon=0.2),
    case("a ratio below the band, A > 0", [0.5], [2.0], epsilon=0.2),
    case("a ratio below the band, A < 0", [0.5], [-2.0], epsilon=0.2),
    case("a ratio far above the band, A < 0", [8.0], [-2.0], epsilon=0.2),
    case("two samples, one paid for going too far", [1.5, 0.5], [2.0, 1.0], epsilon=0.2),
    case("a wider band", [1.5, 0.5, 2.4, 0.2], [1.0, -1.0, -2.0, 3.0], epsilon=0.6),
    case("ε = 0", [1.5, 0.5, 0.9], [1.0, -1.0, -2.0], epsilon=0.0),
    random_case("several samples", 7, seed=1, epsilon=0.2),
    random_case("steps and games", 5, 4, seed=2, epsilon=0.1),
]


def variant(choose=torch.minimum, bounded=lambda rho, epsilon: clip_ratio(rho, epsilon=epsilon), mean=torch.mean):
    """The clipped objective with three parts to get wrong."""

    def function(logp, old_logp, advantages, *, epsilon):
        rho, advantages = ratio(logp, old_logp), advantages.detach()
        return mean(choose(rho * advantages, bounded(rho, epsilon) * advantages))

    return function


def floor(logp, old_logp, advantages, *, epsilon):
    """The larger of the term and its bound."""
    rho, a = ratio(logp, old_logp), advantages.detach()
    return torch.maximum(rho * a, torch.where(a > 0, (1 + epsilon) * a, (1 - epsilon) * a)).mean()


def dual_clip(c):
    """Where A < 0 the term is not below c A."""

    def function(logp, old_logp, advantages, *, epsilon):
        rho, a = ratio(logp, old_logp), advantages.detach()
        smaller = torch.minimum(rho * a, clip_ratio(rho, epsilon=epsilon) * a)
        return torch.where(a < 0, torch.maximum(smaller, c * a), smaller).mean()

    return function


def clips_product(logp, old_logp, advantages, *, epsilon):
    product = ratio(logp, old_logp) * advantages.detach()
    return torch.minimum(product, product.clamp(1 - epsilon, 1 + epsilon)).mean()


def clips_product_alone(logp, old_logp, advantages, *, epsilon):
    return (ratio(logp, old_logp) * advantages.detach()).clamp(1 - epsilon, 1 + epsilon).mean()


def loss(logp, old_logp, advantages, *, epsilon):
    return -clipped_objective(logp, old_logp, advantages, epsilon=epsilon).objective


def negative_advantages(logp, old_logp, advantages, *, epsilon):
    return clipped_objective(logp, old_logp, -advantages, epsilon=epsilon).objective


def differentiates_advantages(logp, old_logp, advantages, *, epsilon):
    rho = ratio(logp, old_logp)
    return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages).mean()


def differentiates_old(logp, old_logp, advantages, *, epsilon):
    rho, advantages = (logp - old_logp).exp(), advantages.detach()
    return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages).mean()


def differentiates_all(logp, old_logp, advantages, *, epsilon):
    rho = (logp - old_logp).exp()
    return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages).mean()


def without_clip(logp, old_logp, advantages, *, epsilon):
    return surrogate_objective(logp, old_logp, advantages)


def upside_down(logp, old_logp, advantages, *, epsilon):
    rho, advantages = (old_logp.detach() - logp).exp(), advantages.detach()
    return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages).mean()


def ratio_of_logarithms(logp, old_logp, advantages, *, epsilon):
    rho, advantages = logp / old_logp.detach(), advantages.detach()
    return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=epsilon) * advantages).mean()


def minimum_of_means(logp, old_logp, advantages, *, epsilon):
    rho, advantages = ratio(logp, old_logp), advantages.detach()
    return torch.minimum((rho * advantages).mean(), (clip_ratio(rho, epsilon=epsilon) * advantages).mean())


def minimum_of_means_apart(logp, old_logp, advantages, *, epsilon):
    rho, advantage = ratio(logp, old_logp), advantages.detach().mean()
    return torch.minimum(rho.mean() * advantage, clip_ratio(rho, epsilon=epsilon).mean() * advantage)


def minimum_of_ratios(logp, old_logp, advantages, *, epsilon):
    rho = ratio(logp, old_logp)
    return (torch.minimum(rho, clip_ratio(rho, epsilon=epsilon)) * advantages.detach()).mean()


def by_sign(where_good, where_bad):
    """The ratio held at one edge: by where_good(rho, epsilon) where A > 0, by where_bad(rho, epsilon) elsewhere."""

    def function(logp, old_logp, advantages, *, epsilon):
        rho, advantages = ratio(logp, old_logp), advantages.detach()
        return (torch.where(advantages > 0, where_good(rho, epsilon), where_bad(rho, epsilon)) * advantages).mean()

    return function


def at_most(sign):
    """The ratio, at most 1 + sign epsilon."""
    return lambda rho, epsilon: rho.clamp(max=1 + sign * epsilon)


def at_least(sign):
    """The ratio, at least 1 + sign epsilon."""
    return lambda rho, epsilon: rho.clamp(min=1 + sign * epsilon)


def log_ratio_as_ratio(logp, old_logp, advantages, *, epsilon):
    rho, advantages = logp - old_logp.detach(), advantages.detach()
    return torch.minimum(rho * advantages, rho.clamp(1 - epsilon, 1 + epsilon) * advantages).mean()


def clips_log_ratio(low, high):
    """Clips log rho to [low, high] and takes exp afterwards."""

    def function(logp, old_logp, advantages, *, epsilon):
        log_rho, advantages = logp - old_logp.detach(), advantages.detach()
        bounded = log_rho.clamp(low(epsilon), high(epsilon)).exp()
        return torch.minimum(log_rho.exp() * advantages, bounded * advantages).mean()

    return function


def only_inside(logp, old_logp, advantages, *, epsilon):
    """The mean over the samples in the band; nan where there is none."""
    rho = ratio(logp, old_logp)
    return (rho * advantages.detach())[(rho - 1).abs() <= epsilon].mean()


def log_of_log(everything_is_data):
    """log(log pi) is nan. The old log-probabilities and advantages are data, or not."""

    def function(logp, old_logp, advantages, *, epsilon):
        old_logp, advantages = (x.detach() if everything_is_data else x for x in (old_logp, advantages))
        rho = (logp.log() - old_logp.log()).exp()
        return torch.minimum(rho * advantages, clip_ratio_of_nan(rho, epsilon) * advantages).mean()

    return function


def clip_ratio_of_nan(rho, epsilon):
    return rho.clamp(1 - epsilon, 1 + epsilon)


MINIMUM, CASES_OF_SIX, WRONG = "2. Why the minimum", "3. Six cases", "7. What usually goes wrong"
EXERCISES = [
    Exercise(
        function=clipped_objective,
        notebook="10_clip",
        differentiable=True,
        first="return the mean of ratio times advantage. The check then shows a case in which a clip is needed.",
        hints=(
            "Compute the ratio from the log-probabilities, `rho = (logp - old_logp.detach()).exp()`, and clip it: "
            "`rho.clamp(1 - epsilon, 1 + epsilon)`.",
            "Each sample has two terms: the ratio times A, and the clipped ratio times A. Take the smaller one, with "
            "`torch.minimum`.",
            "A is data: `advantages.detach()` keeps the gradient out of it. The result is the mean over all samples.",
        ),
        running=RUNNING,
        cases=CASES,
        mistakes=[
            Mistake(
                "takes max instead of min",
                "The larger of the two terms is the optimistic one: it rewards the runaway cases.",
                MINIMUM,
                (variant(torch.maximum), floor),
            ),
            Mistake(
                "has no minimum at all",
                "With the clipped term alone a sample that moved the wrong way gets gradient zero and stays there.",
                MINIMUM,
                (variant(lambda plain, clipped: clipped),),
            ),
            Mistake(
                "clips the product",
                "The band [1 − ε, 1 + ε] is meant for the ratio; ratio times A can be any number.",
                WRONG,
                (clips_product, clips_product_alone),
            ),
            Mistake(
                "clips log ratios",
                "The band [1 − ε, 1 + ε] lies around a ratio of 1; for log ρ nothing has changed at 0.",
                WRONG,
                (
                    log_ratio_as_ratio,
                    clips_log_ratio(lambda e: 1 - e, lambda e: 1 + e),
                    clips_log_ratio(lambda e: -e, lambda e: e),
                ),
            ),
            Mistake(
                "has the band around 0",
                "Nothing has changed at a ratio of 1, so the band is [1 − ε, 1 + ε] and not [−ε, ε].",
                WRONG,
                (
                    variant(bounded=lambda rho, epsilon: rho.clamp(-epsilon, epsilon)),
                    variant(lambda plain, clipped: clipped, lambda rho, epsilon: rho.clamp(-epsilon, epsilon)),
                    variant(bounded=lambda rho, epsilon: (rho - 1).clamp(-epsilon, epsilon)),
                    variant(lambda plain, clipped: clipped, lambda rho, epsilon: (rho - 1).clamp(-epsilon, epsilon)),
                    variant(bounded=lambda rho, epsilon: rho.clamp(0, epsilon)),
                ),
            ),
            Mistake(
                "takes the logarithm twice",
                "`logp` is log π already, a negative number without a logarithm: the result is nan.",
                CASES_OF_SIX,
                (log_of_log(True), log_of_log(False)),
            ),
            Mistake(
                "has the wrong sign",
                "An objective is maximised. The one minus sign stands in the trainer, where the loss is made.",
                WRONG,
                (loss, negative_advantages),
            ),
            Mistake(
                "differentiates the advantage",
                "Advantages and old log-probabilities are data: detach them.",
                WRONG,
                (differentiates_advantages, differentiates_old, differentiates_all),
            ),
            Mistake(
                "does not clip",
                "Ratio times A alone is the surrogate of lesson 08: nothing ends the reward for going further.",
                "1. The problem: paid for going too far",
                (without_clip,),
            ),
            Mistake(
                "leaves out the samples outside of the band",
                "A sample that moved the wrong way must keep its pull, however far outside it is, and every sample "
                "counts in the mean: clip the ratio, and take the smaller term.",
                MINIMUM,
                (
                    variant(lambda plain, clipped: plain * (plain == clipped)),
                    only_inside,
                ),
            ),
            Mistake(
                "has a floor under the samples that went the wrong way",
                "Above the band with A < 0 the plain term counts, however large the ratio: dual clip is another "
                "objective.",
                WRONG,
                (dual_clip(2.0), dual_clip(3.0), dual_clip(5.0)),
            ),
            Mistake(
                "clips on one side only",
                "The band has two edges: 1 − ε matters where A < 0, 1 + ε where A > 0.",
                CASES_OF_SIX,
                (
                    variant(bounded=lambda rho, epsilon: rho.clamp(max=1 + epsilon)),
                    variant(bounded=lambda rho, epsilon: rho.clamp(min=1 - epsilon)),
                ),
            ),
            Mistake(
                "has the ratio upside down",
                "The ratio is new over old: exp(logp − old_logp).",
                CASES_OF_SIX,
                (upside_down,),
            ),
            Mistake(
                "takes the minimum of the ratios",
                "Multiply by A first: where A < 0 the smaller ratio gives the larger term.",
                MINIMUM,
                (minimum_of_ratios,),
            ),
            Mistake(
                "holds the ratio at the wrong edge, or from the wrong side",
                "Where A > 0 the ratio is held at 1 + ε at most, where A < 0 at 1 − ε at least: each sign has one "
                "edge, and a direction.",
                CASES_OF_SIX,
                (
                    by_sign(at_most(1), at_most(-1)),
                    by_sign(at_least(1), at_least(-1)),
                    by_sign(at_most(-1), at_least(1)),
                    by_sign(at_least(-1), at_least(-1)),
                ),
            ),
            Mistake(
                "has a lower edge of 1/(1 + ε)",
                "The band reaches as far down as up: its edges are 1 − ε and 1 + ε.",
                WRONG,
                (variant(bounded=lambda rho, epsilon: rho.clamp(1 / (1 + epsilon), 1 + epsilon)),),
            ),
            Mistake(
                "takes the minimum of the means",
                "The minimum belongs to each sample; the mean over the samples comes last.",
                MINIMUM,
                (minimum_of_means, minimum_of_means_apart),
            ),
            Mistake(
                "divides log-probabilities",
                "The ratio divides probabilities, so it is exp(logp − old_logp).",
                CASES_OF_SIX,
                (ratio_of_logarithms,),
            ),
            Mistake(
                "sums instead of averaging",
                "The objective is a mean over samples, so that its size does not depend on the batch.",
                MINIMUM,
                (variant(mean=torch.sum),),
            ),
        ],
    )
]
