"""Practice for lesson 03."""

from ppo_lessons.log_trick import score_objective
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import OLD_LOGP, RETURN


def case(label, logp, weights):
    return Case(label, real(logp=logp, weights=weights), {})


def random_case(label, *shape, seed):
    logits, weights = normal(2, *shape, seed=seed)
    return case(label, -logits.exp(), 3 * weights)


def both(*formulas):
    """Each formula f(logp, weights) with the weights held constant, and with a gradient through them as well."""
    return (*formulas, *(lambda logp, w, f=f: f(logp, w.detach()) for f in formulas))


OBSTACLE, LOG, ESTIMATOR = "1. The obstacle", "2. The derivation, one line at a time", "4. The estimator"
LOSS, COMMON = "7. The loss, and REINFORCE", "9. What usually goes wrong"
EXERCISES = [
    Exercise(
        function=score_objective,
        notebook="03_log_trick",
        differentiable=True,
        first="return the products `weights * logp`, all of them. The check then says what is missing.",
        hints=(
            "Multiply each log-probability by its own weight. Only `logp` is differentiated: `weights.detach()`.",
            "Axis 0 is time. Add up along it: `.sum(0)`. Every play then has one number.",
            "The average over the plays is `.mean()` of these. With a single play, shape [T], it changes nothing.",
        ),
        running=case("the running trajectory, R = 3 on each step", OLD_LOGP, RETURN.expand(3)),
        cases=[
            case("two steps", [-0.5, -2.0], [3.0, -2.0]),
            case("three plays of one step", [[-0.5, -2.0, -1.0]], [[2.0, -3.0, 4.0]]),
            case("two plays of three steps", [[-0.5, -1.0], [-2.0, -0.3], [-0.7, -0.4]], [[3.0, -2.0]] * 3),
            case(
                "plays that end after one, two and three steps",
                [[-0.5, -1.0, -0.2], [-2.0, -0.3, -1.5], [-0.7, -0.4, -0.9]],
                [[5.0, 3.0, -2.0], [0.0, 3.0, -2.0], [0.0, 0.0, -2.0]],
            ),
            random_case("six steps of four plays, each step with its own weight", 6, 4, seed=1),
            random_case("plays in any shape", 4, 2, 3, seed=2),
        ],
        mistakes=[
            Mistake(
                "differentiates the weights",
                "The value is right, but the weights are data: weights.detach() keeps the gradient out of them.",
                COMMON,
                (lambda logp, w: (w * logp).sum(0).mean(),),
            ),
            Mistake(
                "stops the gradient at log π",
                "The value is right, but θ works through logp alone: detached or a plain number, nothing is learned.",
                ESTIMATOR,
                (
                    lambda logp, w: (w.detach() * logp.detach()).sum(0).mean(),
                    lambda logp, w: (w * logp.detach()).sum(0).mean(),
                ),
            ),
            Mistake(
                "has the wrong sign",
                "An objective is maximised. The minus sign stands in the loss, outside of this function.",
                LOSS,
                both(
                    lambda logp, w: -(w * logp).sum(0).mean(),
                    lambda logp, w: -(w * logp).mean(),
                    lambda logp, w: -(w * logp).sum(),
                ),
            ),
            Mistake(
                "averages over the steps",
                "The log of a product is a sum: add up over the steps of a play, and average over plays only.",
                COMMON,
                both(
                    lambda logp, w: (w * logp).mean(),
                    lambda logp, w: (w * logp).sum() / (w != 0).sum(),
                    lambda logp, w: ((w * logp).sum(0) / (w != 0).sum(0)).mean(),
                ),
            ),
            Mistake(
                "divides by the sum of the weights",
                "A weighted mean forgets how much was gained or lost, and a sum below 0 turns its sign. Divide by the "
                "number of plays.",
                ESTIMATOR,
                both(
                    lambda logp, w: (w * logp).sum() / w.sum(),
                    lambda logp, w: ((w * logp).sum(0) / w.sum(0)).mean(),
                ),
            ),
            Mistake(
                "adds up over the plays",
                "1/N is missing: the sum over plays grows with their number, and the step with it.",
                ESTIMATOR,
                both(lambda logp, w: (w * logp).sum()),
            ),
            Mistake(
                "exchanges steps and plays",
                "Axis 0 is time: the sum runs along it, and the mean over all other axes.",
                ESTIMATOR,
                both(lambda logp, w: (w * logp).mean(0).sum(), lambda logp, w: (w * logp).sum(-1).mean()),
            ),
            Mistake(
                "returns more than one number",
                "An objective is one number: the sum over time, then the mean over the plays.",
                ESTIMATOR,
                both(
                    lambda logp, w: w * logp,
                    lambda logp, w: (w * logp).sum(0),
                    lambda logp, w: (w * logp).sum(-1),
                ),
            ),
            Mistake(
                "takes π in place of log π",
                "logp holds logarithms already, and the gradient of log π is what the estimator needs: no exp.",
                LOG,
                both(lambda logp, w: (w * logp.exp()).sum(0).mean()),
            ),
            Mistake(
                "takes the logarithm twice",
                "logp is log π already: negative numbers, which have no logarithm.",
                LOG,
                both(lambda logp, w: (w * logp.log()).sum(0).mean()),
            ),
            Mistake(
                "subtracts the mean of the weights",
                "Each step counts with its weight as it is. What may be subtracted, and why, is lesson 05.",
                ESTIMATOR,
                both(
                    lambda logp, w: ((w - w.mean()) * logp).sum(0).mean(),
                    lambda logp, w: ((w - w.mean(0)) * logp).sum(0).mean(),
                ),
            ),
            Mistake(
                "keeps only the sign of the weights",
                "A play that paid 3 counts three times as much as one that paid 1: multiply by the weight itself.",
                ESTIMATOR,
                both(
                    lambda logp, w: (w.sign() * logp).sum(0).mean(),
                    lambda logp, w: ((w > 0).to(w) * logp).sum(0).mean(),
                ),
            ),
            Mistake(
                "gives every step the log-probability of the whole play",
                "A weight belongs to its own step: multiply step by step, before anything is added up.",
                ESTIMATOR,
                both(lambda logp, w: (w * logp.sum(0)).mean()),
            ),
            Mistake(
                "averages the weights alone",
                "Returns contain no θ. Each one must be multiplied by log π of its step.",
                OBSTACLE,
                both(lambda logp, w: w.sum(0).mean(), lambda logp, w: w.mean()),
            ),
            Mistake(
                "multiplies two sums",
                "Each step has its own weight: multiply step by step, and add up afterwards.",
                ESTIMATOR,
                both(lambda logp, w: (w.sum(0) * logp.sum(0)).mean(), lambda logp, w: w.sum() * logp.sum()),
            ),
            Mistake(
                "gives a step the weight of another step",
                "logp[t] and weights[t] belong to the same step, so nothing is shifted or turned round: with weights "
                "that differ, an action is praised for what another one did.",
                ESTIMATOR,
                both(
                    lambda logp, w: (logp[:-1] * w[1:]).sum(0).mean(),
                    lambda logp, w: (logp[1:] * w[:-1]).sum(0).mean(),
                    lambda logp, w: (logp * w.roll(-1, 0)).sum(0).mean(),
                    lambda logp, w: (logp * w.roll(1, 0)).sum(0).mean(),
                    lambda logp, w: (logp * w.flip(0)).sum(0).mean(),
                ),
            ),
            Mistake(
                "gives all steps the weight of the first",
                "The weights may differ from step to step, and are 0 after the end of a play.",
                ESTIMATOR,
                both(lambda logp, w: (w[0] * logp.sum(0)).mean()),
            ),
        ],
    )
]
