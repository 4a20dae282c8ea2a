"""Practice for lesson 05."""

import torch

from ppo_lessons.baseline import explained_variance, subtract_baseline, value_loss
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import RETURNS, VALUES


def case(label, **inputs):
    return Case(label, real(**inputs), {})


def pairs(first, second):
    """Cases for a function of two inputs of one shape."""
    return [
        case("one step", **{first: [3.0], second: [0.5]}),
        case("two steps", **{first: [3.0, -2.0], second: [0.5, -1.5]}),
        case("two plays, one per column", **{first: [[3.0, 5.0], [-2.0, 4.0]], second: [[0.5, 6.0], [-1.5, 3.0]]}),
        case("several steps", **dict(zip((first, second), normal(2, 7, seed=1), strict=True))),
        case("several plays side by side", **dict(zip((first, second), normal(2, 5, 4, seed=2), strict=True))),
    ]


# subtract_baseline


def weights(*formulas):
    """Functions from formulas in returns and values: without and with a gradient, which is another mistake."""
    data = [lambda returns, values, f=formula: f(returns.detach(), values.detach()) for formula in formulas]
    return *data, *formulas


def half_data(returns, values):
    return returns.detach() - values


def other_half_data(returns, values):
    return returns - values.detach()


def scaled(x, epsilon=0.0):
    """Divided by its standard deviation; one number alone has none."""
    return x / (((x - x.mean()).square().sum() / (x.numel() - 1)).sqrt() + epsilon)


WHY, CONSTANT, VALUE, LEARNED, WRONG, PRACTICE = (
    "1. A good situation, a bad situation",
    "4. One constant: a parabola",
    "5. One number for each state: V",
    "7. Where does V come from?",
    "9. What usually goes wrong",
    "11. Practice",
)
SUBTRACT = Exercise(
    function=subtract_baseline,
    notebook="05_baseline",
    differentiable=True,
    first="return the difference. The check then looks at the gradient, too.",
    hints=(
        "The weight says how much better the play went than the state promised. So it is positive where the return is "
        "the larger of the two.",
        "It is one subtraction, G − V, the same for all steps and plays at once: no loop is needed.",
        "The weights are data: `.detach()` keeps the policy's loss from moving the critic.",
    ),
    running=case("the running trajectory", returns=RETURNS, values=VALUES),
    cases=pairs("returns", "values"),
    mistakes=[
        Mistake(
            "lets a gradient through the weights",
            "They are data. If the policy's loss also moved V, it would push V up without limit, whatever the returns.",
            WRONG,
            (torch.sub, half_data, other_half_data),
        ),
        Mistake(
            "subtracts the wrong way round",
            "A return above the baseline is praise, so it must give a positive weight: G − V.",
            VALUE,
            weights(lambda returns, values: values - returns),
        ),
        Mistake(
            "adds the baseline",
            "What the state was worth anyway is to be taken away.",
            VALUE,
            weights(lambda returns, values: returns + values),
        ),
        Mistake(
            "leaves the returns as they are",
            "Without a baseline nearly every first action by day is praised, and by night every one is blamed.",
            WHY,
            weights(lambda returns, values: returns),
        ),
        Mistake(
            "subtracts one constant",
            "One number cannot tell day from night: each step has the value of its own state.",
            CONSTANT,
            weights(
                lambda returns, values: returns - values.mean(),
                lambda returns, values: returns - values.mean(0),
                lambda returns, values: returns - values.mean(-1, keepdim=True),
            ),
        ),
        Mistake(
            "subtracts the value of another step",
            "G_t and V(s_t) belong to the same step: no shift is needed, and each number meets the one at its place.",
            VALUE,
            weights(
                lambda returns, values: returns - values.roll(-1, 0),
                lambda returns, values: returns - values.roll(1, 0),
                lambda returns, values: returns - torch.cat([values[1:], 0 * values[:1]]),
                lambda returns, values: returns - torch.cat([values[1:], values[-1:]]),
                lambda returns, values: returns - torch.cat([0 * values[:1], values[:-1]]),
                lambda returns, values: returns - torch.cat([values[:1], values[:-1]]),
                lambda returns, values: returns - values.flip(0),
            ),
        ),
        Mistake(
            "subtracts the mean of the returns",
            "That baseline contains the play itself and shrinks the gradient; V(s) comes from elsewhere.",
            WRONG,
            weights(
                lambda returns, values: returns - returns.mean(),
                lambda returns, values: returns - returns.mean(0),
            ),
        ),
        Mistake(
            "takes the size of the difference without its sign",
            "The sign is the message: praise above the baseline, blame below it.",
            WHY,
            weights(
                lambda returns, values: (returns - values).abs(),
                lambda returns, values: (returns - values) ** 2,
                lambda returns, values: (returns - values).clamp(min=0),
            ),
        ),
        Mistake(
            "keeps only the sign of the difference",
            "How much better or worse counts, too: asked for is the difference itself, in reward units.",
            VALUE,
            weights(
                lambda returns, values: (returns - values).sign(),
                lambda returns, values: (returns > values).to(returns),
            ),
        ),
        Mistake(
            "scales the weights",
            "Asked for is the difference alone, in reward units; dividing by a spread is a later step, and a choice.",
            VALUE,
            weights(
                lambda returns, values: (returns - values) / values,
                lambda returns, values: scaled(returns - values),
                lambda returns, values: scaled(returns - values - (returns - values).mean()),
                lambda returns, values: scaled(returns - values, epsilon=1e-8),
                lambda returns, values: scaled(returns - values - (returns - values).mean(), epsilon=1e-8),
            ),
        ),
    ],
)

# value_loss


def losses(*formulas):
    """Functions from formulas in the errors V - target: without and with a gradient through the targets."""
    right = [lambda values, targets, f=formula: f(values - targets.detach()) for formula in formulas]
    return *right, *(lambda values, targets, f=formula: f(values - targets) for formula in formulas)


def spread(x):
    """The variance, divided by N."""
    return (x - x.mean()).square().mean()


def mean_square(errors):
    return errors.square().mean()


def gradient_through_targets(values, targets):
    return mean_square(values - targets)


def gradient_through_targets_alone(values, targets):
    return mean_square(values.detach() - targets)


def of_squares(values, targets):
    return (values.square() - targets.square()).mean()


def of_squares_with_data(values, targets):
    return of_squares(values, targets.detach())


def relative(power):
    """The errors divided by the targets."""
    return lambda values, targets: power((values - targets.detach()) / targets.detach()).mean()


def all_pairs(values, targets):
    """Each value against each target: what [N, 1] minus [N] does."""
    return mean_square(values.flatten()[:, None] - targets.flatten())


def all_pairs_with_data(values, targets):
    return all_pairs(values, targets.detach())


LOSS = Exercise(
    function=value_loss,
    notebook="05_baseline",
    differentiable=True,
    first="return the mean of the squared differences. The check then says where a gradient may not flow.",
    hints=(
        "For each step take what the critic said less what it should have said.",
        "Square the differences and take the mean over all of them: one number.",
        "The targets are data: `targets.detach()` has the same numbers and lets no gradient through.",
    ),
    running=case("the running trajectory", values=VALUES, targets=RETURNS),
    cases=pairs("values", "targets"),
    mistakes=[
        Mistake(
            "lets a gradient through the targets",
            "The guess moves towards what happened, never what happened towards the guess: detach the targets.",
            LEARNED,
            (gradient_through_targets,),
        ),
        Mistake(
            "detaches the values",
            "The critic learns through its values; it is the targets that are data.",
            LEARNED,
            (gradient_through_targets_alone,),
        ),
        Mistake(
            "sums instead of averaging",
            "The loss is a mean, so that its size, and with it the step, does not depend on the number of samples.",
            LEARNED,
            losses(lambda e: e.square().sum(), lambda e: e.square().sum(0).mean()),
        ),
        Mistake(
            "returns one loss for each sample",
            "Gradient descent goes down one number: take the mean over all entries.",
            LEARNED,
            losses(lambda e: e.square(), lambda e: e.square().mean(0), lambda e: e.square().mean(-1)),
        ),
        Mistake(
            "halves the loss",
            "Many texts write ½ in front; here a factor belongs to the weight that the trainer gives to the loss.",
            LEARNED,
            losses(lambda e: mean_square(e) / 2),
        ),
        Mistake(
            "does not square the difference",
            "Differences of both signs would cancel: the mean can be 0 while every guess is wrong.",
            LEARNED,
            losses(torch.mean, lambda e: -e.mean()),
        ),
        Mistake(
            "squares the mean and not the differences",
            "Differences of both signs cancel in the mean: square each one first.",
            LEARNED,
            losses(lambda e: e.mean() ** 2),
        ),
        Mistake(
            "takes the largest error",
            "Only the sample with the largest error would be learned from. In a mean every sample counts.",
            LEARNED,
            losses(lambda e: e.abs().max(), lambda e: e.square().max()),
        ),
        Mistake(
            "takes the difference of the squares",
            "Square the difference, not the two numbers: v² − G² is 0 also for v = −G, and negative near v = 0.",
            LEARNED,
            (of_squares, of_squares_with_data),
        ),
        Mistake(
            "takes the variance of the differences",
            "A guess that is off by the same amount everywhere would cost nothing. The loss is the mean of the squares "
            "themselves.",
            LEARNED,
            losses(spread, lambda e: spread(e) * e.numel() / (e.numel() - 1 or torch.nan)),
        ),
        Mistake(
            "divides by the number of steps alone",
            "The mean is over steps AND plays: `.mean()`, or divide by `values.numel()`.",
            LEARNED,
            losses(lambda e: e.square().sum() / len(e)),
        ),
        Mistake(
            "divides by N − 1",
            "That belongs to a variance, whose mean is guessed from the same numbers. Here the mean of the squares is "
            "asked for: divide by N.",
            LEARNED,
            losses(
                lambda e: e.square().sum() / (e.numel() - 1),
                lambda e: e.square().sum() / max(e.numel() - 1, 1),
            ),
        ),
        Mistake(
            "takes the absolute difference",
            "Its minimum is the median of the returns. The square is what leads to their mean, which is V.",
            LEARNED,
            losses(lambda e: e.abs().mean()),
        ),
        Mistake(
            "takes Huber's loss",
            "Beyond a difference of 1 it grows like the distance, not like the square, and its minimum is no mean.",
            LEARNED,
            losses(lambda e: torch.nn.functional.smooth_l1_loss(e, torch.zeros_like(e))),
        ),
        Mistake(
            "takes the error relative to the target",
            "A miss of 1 costs the same at every target. Divided by the target, misses count most where the return is "
            "near 0, and at 0 the loss is infinite.",
            LEARNED,
            (relative(torch.square), relative(torch.abs)),
        ),
        Mistake(
            "takes the root",
            "The loss is the mean square itself: its derivative is the difference, times 2 over the number of samples.",
            LEARNED,
            losses(lambda e: mean_square(e).sqrt()),
        ),
        Mistake(
            "has the wrong sign",
            "A loss is minimised, so the worse the guess, the larger it must be.",
            LEARNED,
            losses(lambda e: -mean_square(e)),
        ),
        Mistake(
            "compares every value with every target",
            "[N, 1] minus [N] gives [N, N]: values and targets must keep the same shape.",
            LEARNED,
            (all_pairs, all_pairs_with_data),
        ),
    ],
)

# explained_variance


def careful(function):
    """The same, but nan where the targets do not vary."""

    def function_with_nan(values, targets):
        return torch.where(targets.max() > targets.min(), function(values, targets), torch.nan)

    return function_with_nan


def share(formula):
    """A formula in Var[target - V], Var[target] and Var[V], without and with care for targets that do not vary."""

    def function(values, targets):
        return formula(spread(targets - values), spread(targets), spread(values))

    return function, careful(function)


def with_bias(values, targets):
    return 1 - (targets - values).square().mean() / spread(targets)


def with_bias_and_correction(values, targets):
    return 1 - (targets - values).square().mean() / targets.var()


def against_zero(values, targets):
    return 1 - (targets - values).square().mean() / targets.square().mean()


def correlation(values, targets):
    both = ((values - values.mean()) * (targets - targets.mean())).mean()
    return both / (spread(values) * spread(targets)).sqrt()


def slope_on_targets(values, targets):
    return ((values - values.mean()) * (targets - targets.mean())).mean() / spread(targets)


def slope_on_values(values, targets):
    return slope_on_targets(targets, values)


def squared_correlation(values, targets):
    return correlation(values, targets) ** 2


def by_distances(values, targets):
    return 1 - (targets - values).abs().mean() / (targets - targets.mean()).abs().mean()


def by_distances_from_the_mean(values, targets):
    missed = targets - values
    return 1 - (missed - missed.mean()).abs().mean() / (targets - targets.mean()).abs().mean()


def mixed(values, targets):
    return 1 - (targets - values).var(correction=0) / targets.var(correction=1)


def mixed_up(values, targets):
    return 1 - (targets - values).var(correction=1) / targets.var(correction=0)


def by_column(values, targets):
    return 1 - (targets - values).var(0) / targets.var(0)


def by_row(values, targets):
    return 1 - (targets - values).var(-1) / targets.var(-1)


def where_constant(answer):
    """Right, but for `answer` where the targets do not vary."""

    def function(values, targets):
        right = explained_variance(values, targets)
        return torch.where(right.isnan(), answer((targets - values).var(correction=0)), right)

    return function


def padded(correction, epsilon):
    """A small number added to what is divided by."""
    return lambda values, targets: (
        1 - (targets - values).var(correction=correction) / (targets.var(correction=correction) + epsilon)
    )


def where_values_vary(function):
    """The function, but nan where the values do not vary."""
    return lambda values, targets: torch.where(values.max() > values.min(), function(values, targets), torch.nan)


def where_targets_vary_much(values, targets):
    """Right, but nan where the targets vary little."""
    return torch.where(spread(targets) < 1e-6, torch.nan, explained_variance(values, targets))


EXPLAINED = Exercise(
    function=explained_variance,
    notebook="05_baseline",
    first="return the share that the critic missed, `(targets - values).var() / targets.var()`. The check then says "
    "what is missing.",
    hints=(
        "What the critic did not explain is the variance of targets − values. A constant error does not count.",
        "Divide it by the variance of the targets: that is the share that was not explained. 1 minus it is the share "
        "that was. Both variances must divide by the same number, N or N − 1.",
        "Where all targets are equal there is nothing to explain: return `torch.tensor(torch.nan)` there, before you "
        "divide by 0.",
    ),
    running=case("the running trajectory", values=VALUES, targets=RETURNS),
    cases=[
        case("a constant guess", values=[0.0, 0.0], targets=[1.0, 3.0]),
        case("a perfect critic", values=[1.0, 3.0], targets=[1.0, 3.0]),
        case("a critic that is off by a constant", values=[4.0, 6.0], targets=[1.0, 3.0]),
        case("a critic that is worse than a constant", values=[3.0, 1.0], targets=[1.0, 3.0]),
        case("targets that do not vary", values=[1.0, 3.0], targets=[2.0, 2.0]),
        case("targets of a few millionths", values=[1e-6, 2e-6], targets=[1e-6, 3e-6]),
        case("a guess that goes only part of the way", values=[1.0, 2.0, 3.0], targets=[1.0, 4.0, 8.0]),
        case("two steps of two plays", values=[[1.0, 2.0], [3.0, 5.0]], targets=[[2.0, 1.0], [3.0, 8.0]]),
        case("several samples", values=normal(7, seed=1), targets=normal(7, seed=1) + normal(7, seed=2)),
        case("steps and plays", values=normal(5, 4, seed=3), targets=normal(5, 4, seed=3) - normal(5, 4, seed=4) / 2),
    ],
    mistakes=[
        Mistake(
            "returns the share that is not explained",
            "Var[G − V] / Var[G] is what the critic missed: the explained share is 1 minus it.",
            LEARNED,
            share(lambda missed, total, own: missed / total),
        ),
        Mistake(
            "returns the variance that is not explained",
            "That is the upper half of the fraction: divide it by the variance of the targets, and take it from 1.",
            LEARNED,
            (
                *share(lambda missed, total, own: missed),
                lambda values, targets: (targets - values).var(),
                careful(lambda values, targets: (targets - values).var()),
            ),
        ),
        Mistake(
            "counts a constant error",
            "The mean of squared errors holds the square of their mean, too; the variance leaves it out.",
            PRACTICE,
            (
                with_bias,
                careful(with_bias),
                with_bias_and_correction,
                careful(with_bias_and_correction),
                against_zero,
                careful(against_zero),
            ),
        ),
        Mistake(
            "divides by the variance of the values",
            "The yardstick is what there was to explain, the variance of the targets.",
            LEARNED,
            (
                *share(lambda missed, total, own: 1 - missed / own),
                *share(lambda missed, total, own: 1 - total / own),
            ),
        ),
        Mistake(
            "compares the spread of the values with that of the targets",
            "A critic may vary as much as the targets and miss them all: look at the differences, targets − values.",
            LEARNED,
            (*share(lambda missed, total, own: own / total), *share(lambda missed, total, own: 1 - own / total)),
        ),
        Mistake(
            "has the fraction upside down",
            "The variance of what was missed stands above, that of the targets below.",
            LEARNED,
            (*share(lambda missed, total, own: 1 - total / missed), *share(lambda missed, total, own: total / missed)),
        ),
        Mistake(
            "takes standard deviations instead of variances",
            "The share is one of variances: the squares, not their roots.",
            LEARNED,
            share(lambda missed, total, own: 1 - (missed / total).sqrt()),
        ),
        Mistake(
            "returns the squared correlation",
            "It forgives a critic whose values are ten times too large, and one with the wrong sign.",
            LEARNED,
            (squared_correlation, careful(squared_correlation)),
        ),
        Mistake(
            "returns the correlation",
            "It says whether values and targets rise together, and forgives a critic whose values are ten times too "
            "large. Asked for is how much of the variance is left.",
            LEARNED,
            (correlation, careful(correlation)),
        ),
        Mistake(
            "returns the slope of a straight line",
            "Covariance over variance says how steeply one rises with the other; how far the pairs scatter around the "
            "line does not show in it. Asked for is how much of the variance is left.",
            LEARNED,
            (slope_on_targets, careful(slope_on_targets), slope_on_values, careful(slope_on_values)),
        ),
        Mistake(
            "takes mean distances instead of variances",
            "The share is one of variances: square the distances from the mean.",
            LEARNED,
            (by_distances, careful(by_distances), by_distances_from_the_mean, careful(by_distances_from_the_mean)),
        ),
        Mistake(
            "cuts off at 0",
            "Below 0 means worse than a constant. That is worth knowing.",
            LEARNED,
            share(lambda missed, total, own: (1 - missed / total).clamp(min=0)),
        ),
        Mistake(
            "returns a number where the targets do not vary",
            "Then there is nothing to explain, and no share of it: the answer is nan.",
            PRACTICE,
            (
                where_constant(lambda missed: -missed / 0),
                where_constant(lambda missed: 1 - missed / 1e-8),
                where_constant(torch.zeros_like),
                where_constant(torch.ones_like),
                *(padded(correction, epsilon) for correction in (0, 1) for epsilon in (1e-6, 1e-8, 1e-12)),
            ),
        ),
        Mistake(
            "adds a small number to the variance",
            "Beside the variance of small targets that number is large. Divide by the variance alone.",
            PRACTICE,
            tuple(careful(padded(correction, 10.0**-k)) for correction in (0, 1) for k in (5, 6, 7, 8, 9, 10, 12)),
        ),
        Mistake(
            "asks whether the values vary, not the targets",
            "A constant guess explains nothing: its share is 0. Only targets without spread leave nothing to explain.",
            PRACTICE,
            tuple(where_values_vary(f) for f in share(lambda missed, total, own: 1 - missed / total)),
        ),
        Mistake(
            "takes a small spread of the targets for none",
            "Targets may be small numbers: there is nothing to explain only where they are all equal.",
            PRACTICE,
            (where_targets_vary_much,),
        ),
        Mistake(
            "divides one variance by N and the other by N − 1",
            "torch.var divides by N − 1 unless told otherwise, numpy.var by N: take the same for both.",
            PRACTICE,
            (mixed, careful(mixed), mixed_up, careful(mixed_up)),
        ),
        Mistake(
            "gives one share for each column",
            "The variances are taken over all steps and plays at once.",
            PRACTICE,
            (by_column, careful(by_column), by_row, careful(by_row)),
        ),
    ],
)
EXERCISES = [SUBTRACT, LOSS, EXPLAINED]
