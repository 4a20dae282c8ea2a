"""Practice for lesson 13."""

import torch

from ppo_lessons.baseline import clipped_value_loss, value_loss
from ppo_lessons.kl_penalty import early_stop, kl_divergence
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal, real
from ppo_lessons.practice.running import LOGITS, OLD_LOGITS, RETURNS, VALUES

NOTEBOOK = "13_details"
EARLY, CLIPPED = "5. How often a rollout is used", "4. Advantages and the critic"  # headings of the notebook

# early_stop


def stops(label, kl, target):
    return Case(label, real(kl=kl), {"target": target})


def decision(formula):
    """A function from a formula in the KL and the target."""

    def function(kl, *, target):
        return torch.as_tensor(formula(kl, target))

    return function


STOP = Exercise(
    function=early_stop,
    notebook=NOTEBOOK,
    first="compare the mean of `kl` with the target. What should happen where the two are equal?",
    hints=(
        "One number decides for the whole batch: the mean of the KL over all states, whatever the shape.",
        "The epochs go on as long as that mean is at most the target; above it they stop.",
        "The result is a single yes or no: `bool(...)` makes one of a tensor with one entry.",
    ),
    running=Case("the running trajectory", {"kl": kl_divergence(OLD_LOGITS, LOGITS)}, {"target": 0.2}),
    cases=[
        stops("one state that moved far", [0.5], 0.25),
        stops("one state that hardly moved", [0.1], 0.25),
        stops("a little beyond the target", [0.3], 0.25),
        stops("exactly at the target", [0.25, 0.25], 0.25),
        stops("two states, both below the target", [0.1, 0.2], 0.25),
        stops("one state beyond the target, the mean below", [0.0, 0.4], 0.25),
        stops("one state below the target, the mean beyond", [0.4, 0.15], 0.25),
        stops("an estimate that is negative", [-0.3, 0.5], 0.25),
        stops("one estimate that is negative", [-0.4], 0.25),
        stops("two estimates whose mean is negative", [-0.4, 0.1], 0.2),
        stops("two estimates that nearly cancel", [-0.5, 0.6], 0.25),
        stops("one state of three moved", [0.0, 0.0, 0.9], 0.25),
        stops("the first state of three moved", [0.9, 0.0, 0.0], 0.25),
        stops("a target of 0 and no move", [0.0, 0.0], 0.0),
        stops("a target of 0 and a small move", [0.0, 0.001], 0.0),
        stops("no target", [10.0, 20.0], torch.inf),
        stops("a target that is a good deal larger", [0.6, 0.6], 0.5),
        stops("two columns, one of which moved", [[0.5, 0.0], [0.5, 0.0]], 0.3),
        stops("one state of four far beyond the target, the mean below", [0.9, 0.0, 0.0, 0.0], 0.25),
        stops("one state of two very far, the mean below", [2.0, 0.0], 1.2),
        stops("several states and columns", normal(6, 3, seed=1).square() / 10, 0.05),
    ],
    mistakes=[
        Mistake(
            "stops where the policy has moved too little",
            "The danger is to move too far: the epochs end where the mean is above the target.",
            EARLY,
            (decision(lambda kl, d: kl.mean() < d), decision(lambda kl, d: kl.mean() <= d)),
        ),
        Mistake(
            "stops at the target already",
            "The target may be reached: the epochs end where the mean is larger.",
            EARLY,
            (decision(lambda kl, d: kl.mean() >= d),),
        ),
        Mistake(
            "adds up the KL of the states",
            "A sum grows with the number of states: a large batch would always stop after its first epoch.",
            EARLY,
            (decision(lambda kl, d: kl.sum() > d),),
        ),
        Mistake(
            "divides by the number of rows alone",
            "Every entry counts as one: `.mean()`, or divide by `kl.numel()`.",
            EARLY,
            (decision(lambda kl, d: kl.sum() / len(kl) > d),),
        ),
        Mistake(
            "stops as soon as one state has moved far",
            "In a large batch some state always has. The mean is compared with the target.",
            EARLY,
            (decision(lambda kl, d: kl.max() > d),),
        ),
        Mistake(
            "stops only when every state has moved far",
            "The mean is compared with the target: some states may stay where they were.",
            EARLY,
            (decision(lambda kl, d: kl.min() > d),),
        ),
        Mistake(
            "goes on up to 1.5 times the target",
            "Some libraries do so and mean the same by a smaller number. Here the target is the edge itself.",
            EARLY,
            (decision(lambda kl, d: kl.mean() > 1.5 * d), decision(lambda kl, d: kl.mean() >= 1.5 * d)),
        ),
        Mistake(
            "takes the estimates without their sign",
            "Estimates such as k1 may be negative for one sample; in the mean they must cancel.",
            EARLY,
            (decision(lambda kl, d: kl.abs().mean() > d), decision(lambda kl, d: kl.mean().abs() > d)),
        ),
        Mistake(
            "leaves out the estimates below 0",
            "Estimates such as k1 may be negative for one sample; in the mean they must cancel.",
            EARLY,
            (decision(lambda kl, d: kl.clamp(min=0).mean() > d),),
        ),
        Mistake(
            "squares the KL of the states",
            "The KL itself is averaged; estimates below 0 must cancel.",
            EARLY,
            (
                decision(lambda kl, d: kl.norm() > d),
                decision(lambda kl, d: kl.square().mean().sqrt() > d),
                decision(lambda kl, d: kl.square().mean() > d),
            ),
        ),
        Mistake(
            "takes the median for the mean",
            "The few states that moved far count in the mean and not in the median.",
            EARLY,
            (decision(lambda kl, d: kl.median() > d), decision(lambda kl, d: kl.quantile(0.5) > d)),
        ),
        Mistake(
            "looks at one state alone",
            "All states of the batch count, in one mean.",
            EARLY,
            (decision(lambda kl, d: kl.flatten()[-1] > d), decision(lambda kl, d: kl.flatten()[0] > d)),
        ),
        Mistake(
            "answers more than once",
            "The epochs end for the whole batch or not at all: take the mean over all entries, then compare.",
            EARLY,
            (decision(lambda kl, d: kl > d), decision(lambda kl, d: kl.mean(0) > d)),
        ),
        Mistake(
            "never stops",
            "Where the mean is above the target the answer is yes.",
            EARLY,
            (decision(lambda kl, d: False),),
        ),
        Mistake(
            "always stops",
            "Where the mean is at most the target the answer is no.",
            EARLY,
            (decision(lambda kl, d: True),),
        ),
    ],
)

# clipped_value_loss


def guesses(label, values, targets, old_values, *, epsilon):
    return Case(label, real(values=values, targets=targets, old_values=old_values), {"epsilon": epsilon})


def band(values, old_values, epsilon):
    return values.clamp(old_values - epsilon, old_values + epsilon)


def loss(formula):
    """A function from a formula in values, targets, old values and epsilon: with the last two tensors as data."""

    def function(values, targets, old_values, *, epsilon):
        return formula(values, targets.detach(), old_values.detach(), epsilon)

    return function


def variant(clip=band, choose=torch.maximum, size=torch.square, mean=torch.mean):
    """The clipped value loss with four parts to get wrong."""
    return loss(lambda v, y, old, e: mean(choose(size(v - y), size(clip(v, old, e) - y))))


def everything_flows(values, targets, old_values, *, epsilon):
    clipped = old_values + (values - old_values).clamp(-epsilon, epsilon)
    return torch.maximum((values - targets).square(), (clipped - targets).square()).mean()


def targets_flow(values, targets, old_values, *, epsilon):
    return everything_flows(values, targets, old_values.detach(), epsilon=epsilon)


def old_values_flow(values, targets, old_values, *, epsilon):
    return everything_flows(values, targets.detach(), old_values, epsilon=epsilon)


def no_gradient(values, targets, old_values, *, epsilon):
    return everything_flows(values.detach(), targets.detach(), old_values.detach(), epsilon=epsilon)


def relative(values, old_values, epsilon):
    return old_values * (values / old_values).clamp(1 - epsilon, 1 + epsilon)


LOSS = Exercise(
    function=clipped_value_loss,
    notebook=NOTEBOOK,
    differentiable=True,
    first="return the mean of the squared differences of values and targets. The check then shows a value that moved "
    "too far.",
    hints=(
        "There are two errors for each state: that of V, and that of V held within ε of the old value. "
        "`torch.maximum` takes the larger one.",
        "The band lies around what the critic said before: `values.clamp(old_values - epsilon, old_values + epsilon)`.",
        "Square both differences, take the larger one state by state, and then the mean. `.detach()` keeps targets and "
        "old values data.",
    ),
    running=Case(
        "the running trajectory",
        {"values": VALUES + torch.tensor([1.0, -0.5, 0.1]), "targets": RETURNS, "old_values": VALUES},
        {"epsilon": 0.2},
    ),
    cases=[
        guesses("a value that has not moved", [1.0], [3.0], [1.0], epsilon=0.5),
        guesses("inside the band, target above", [1.25], [3.0], [1.0], epsilon=0.5),
        guesses("inside the band, target below", [1.25], [-3.0], [1.0], epsilon=0.5),
        guesses("above the band, target above", [2.0], [3.0], [1.0], epsilon=0.5),
        guesses("above the band, target below", [2.0], [-3.0], [1.0], epsilon=0.5),
        guesses("below the band, target above", [0.0], [3.0], [1.0], epsilon=0.5),
        guesses("below the band, target below", [0.25], [-3.0], [1.0], epsilon=0.5),
        guesses("an old value below 0", [-1.0], [1.0], [-2.0], epsilon=0.5),
        guesses("a target passed on the way", [3.0], [2.0], [1.0], epsilon=0.5),
        guesses("two states, one of them held", [2.0, 1.0], [3.0, 4.0], [1.0, 2.0], epsilon=0.5),
        guesses("ε = 0", [2.0, 1.0], [3.0, 4.0], [1.0, 2.5], epsilon=0.0),
        guesses("ε = ∞", [2.0, 1.0], [3.0, -4.0], [1.0, 2.5], epsilon=torch.inf),
        guesses("several states", *normal(3, 7, seed=1), epsilon=0.3),
        guesses("states and games", *normal(3, 5, 4, seed=2), epsilon=0.8),
    ],
    mistakes=[
        Mistake(
            "takes the smaller error",
            "A loss is minimised, so the pessimistic choice is the larger one, as the minimum is for an objective.",
            CLIPPED,
            (variant(choose=torch.minimum),),
        ),
        Mistake(
            "has no maximum at all",
            "With the clipped error alone a value that moved away from its target gets no gradient and stays there.",
            CLIPPED,
            (variant(choose=lambda plain, clipped: clipped),),
        ),
        Mistake(
            "leaves out the states outside of the band",
            "A value that moved away from its target must be drawn back, however far outside of the band it is. Every "
            "state counts in the mean.",
            CLIPPED,
            (
                loss(lambda v, y, old, e: ((v - y).square() * (v == band(v, old, e))).mean()),
                loss(lambda v, y, old, e: (v - y).square()[v == band(v, old, e)].mean()),
            ),
        ),
        Mistake(
            "compares the held value with the old one",
            "The old value sets the band and nothing else: both errors are distances from the target.",
            CLIPPED,
            (loss(lambda v, y, old, e: torch.maximum((v - y).square(), (band(v, old, e) - old).square()).mean()),),
        ),
        Mistake(
            "does not clip",
            "That is the value loss of lesson 05: nothing holds a value near what it was. A band around the target "
            "does the same: the larger error is then always that of V itself.",
            CLIPPED,
            (loss(lambda v, y, old, e: value_loss(v, y)),),
        ),
        Mistake(
            "clips by a factor, as a ratio",
            "The band is V_old − ε to V_old + ε, in reward units: at V_old = 0 a factor would allow nothing.",
            CLIPPED,
            (variant(relative), variant(lambda v, old, e: v.clamp(old * (1 - e), old * (1 + e)))),
        ),
        Mistake(
            "clips the old value around the new one",
            "The band lies around the old value, and V is held in it. The old value stays what it is.",
            CLIPPED,
            (variant(lambda v, old, e: old.clamp(v - e, v + e)),),
        ),
        Mistake(
            "has the band around 0",
            "What is clipped is the move V − V_old; the old value has to be added again.",
            CLIPPED,
            (
                variant(lambda v, old, e: (v - old).clamp(-e, e)),
                variant(lambda v, old, e: v.clamp(-e, e)),
            ),
        ),
        Mistake(
            "has the band around 1",
            "1 ± ε is the band of a ratio. A value is held around what it was.",
            CLIPPED,
            (variant(lambda v, old, e: v.clamp(1 - e, 1 + e)),),
        ),
        Mistake(
            "clips the error",
            "It is the move of V that is held, before the difference to the target is taken.",
            CLIPPED,
            (loss(lambda v, y, old, e: (v - y).clamp(-e, e).square().mean()),),
        ),
        Mistake(
            "clips the targets",
            "It is the move of V that is held; the target stays what it is.",
            CLIPPED,
            (loss(lambda v, y, old, e: (v - band(y, old, e)).square().mean()),),
        ),
        Mistake(
            "compares the differences before it squares them",
            "A difference far below 0 is a large error: square both, then take the larger one.",
            CLIPPED,
            (loss(lambda v, y, old, e: torch.maximum(v - y, band(v, old, e) - y).square().mean()),),
        ),
        Mistake(
            "clips on one side only",
            "The band has two edges: V may rise by ε and fall by ε.",
            CLIPPED,
            (
                variant(lambda v, old, e: torch.minimum(v, old + e)),
                variant(lambda v, old, e: torch.maximum(v, old - e)),
            ),
        ),
        Mistake(
            "takes the maximum of the means",
            "The larger error is chosen state by state; the mean over the states comes last.",
            CLIPPED,
            (loss(lambda v, y, old, e: torch.maximum(value_loss(v, y), value_loss(band(v, old, e), y))),),
        ),
        Mistake(
            "lets a gradient through the data",
            "Targets and old values are data: detach them.",
            CLIPPED,
            (everything_flows, targets_flow, old_values_flow),
        ),
        Mistake(
            "detaches the values",
            "The critic learns through its values; targets and old values are data.",
            CLIPPED,
            (no_gradient,),
        ),
        Mistake(
            "exchanges targets and old values",
            "The band lies around the old values, and the differences are taken to the targets.",
            CLIPPED,
            (loss(lambda v, y, old, e: torch.maximum((v - old).square(), (band(v, y, e) - old).square()).mean()),),
        ),
        Mistake(
            "adds the two errors",
            "Only one of the two counts for each state: the larger.",
            CLIPPED,
            (variant(choose=torch.add), variant(choose=lambda plain, clipped: (plain + clipped) / 2)),
        ),
        Mistake(
            "does not square the differences",
            "The loss is a mean of squares: their minimum is the mean of the targets.",
            CLIPPED,
            (variant(size=torch.abs), variant(size=lambda x: x)),
        ),
        Mistake(
            "sums instead of averaging",
            "The loss is a mean, so that its size does not depend on the number of states.",
            CLIPPED,
            (variant(mean=torch.sum),),
        ),
        Mistake(
            "returns one loss for each state",
            "Gradient descent goes down one number: take the mean over all entries.",
            CLIPPED,
            (variant(mean=lambda x: x), variant(mean=lambda x: x.mean(0))),
        ),
        Mistake(
            "halves the loss",
            "Some codes write ½ in front; here a factor belongs to the weight that the trainer gives to the loss.",
            CLIPPED,
            (variant(mean=lambda x: x.mean() / 2),),
        ),
        Mistake(
            "has the wrong sign",
            "A loss is minimised, so the worse the guess, the larger it must be.",
            CLIPPED,
            (variant(mean=lambda x: -x.mean()),),
        ),
    ],
)
EXERCISES = [STOP, LOSS]
