"""Slips that can happen in any exercise: the right formula of other inputs, or the right result with something done
to it. They are found, like the listed mistakes, by what they do: alone, or two at a time."""

import itertools
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch

from ppo_lessons.practice import forms
from ppo_lessons.practice.rewriting import rewritings

SECONDS = 4.0  # of computing, for the search


class Slip(NamedTuple):
    """One slip. `change` makes a function that has it out of one that has not."""

    name: str  # completes "your function ..."
    why: str
    change: Callable  # function -> function; of a slip in the result: (result, case) -> result


# What happens to one input


def later(x):
    """x_{t+1}, and three ways to fill the last step."""
    return torch.cat([x[1:], 0 * x[:1]]), torch.cat([x[1:], x[-1:]]), x.roll(-1, 0)


def earlier(x):
    """x_{t-1}, and three ways to fill the first step."""
    return torch.cat([0 * x[:1], x[:-1]]), torch.cat([x[:1], x[:-1]]), x.roll(1, 0)


def standardised(x):
    centred = x - x.mean()
    return centred / (centred.square().sum() / max(x.numel() - 1, 1)).sqrt()


NUMBERS = (  # of an input of real numbers: name, why, versions
    ("leaves {x} out", "With {x} set to 0 the right formula gives what yours gives.", [torch.zeros_like]),
    ("has the wrong sign at {x}", "With −{x} the right formula gives what yours gives.", [torch.neg]),
    (
        "takes {x} of the step after",
        "The numbers of one step belong together: {x}[t], not {x}[t + 1].",
        [lambda x, i=i: later(x)[i] for i in range(3)],
    ),
    (
        "takes {x} of the step before",
        "The numbers of one step belong together: {x}[t], not {x}[t − 1].",
        [lambda x, i=i: earlier(x)[i] for i in range(3)],
    ),
    (
        "reads {x} back to front",
        "{x} has to be turned round along with all else, or not at all.",
        [lambda x: x.flip(0)],
    ),
    (
        "uses one number of {x} for all",
        "Each place has its own number in {x}: no mean and no index is needed.",
        [
            lambda x: x.mean().expand_as(x),
            lambda x: x.mean(0).expand_as(x),
            lambda x: x[:1].expand_as(x),
            lambda x: x[-1:].expand_as(x),
            lambda x: x.sum(0).expand_as(x),
            lambda x: x.sum().expand_as(x),
        ],
    ),
    (
        "shifts or scales {x} before it is used",
        "{x} enters the formula as it is: nothing is subtracted from it, and it is not divided.",
        [
            lambda x: x - x.mean(),
            lambda x: x - x.mean(0),
            standardised,
            lambda x: x / x.abs().max(),
            lambda x: x / x.sum(),
            lambda x: x / x.sum(0),
            lambda x: x - x.amax(0),
            lambda x: 2 * x,
            lambda x: x / 2,
            lambda x: x + 1,
            lambda x: x - 1,
            lambda x: 1 - x,
        ],
    ),
    ("takes {x} without its sign", "{x} enters the formula with its sign.", [torch.abs]),
    ("cuts {x} off at 0", "Numbers below 0 count too in {x}.", [torch.relu]),
    ("squares {x}", "{x} enters the formula as it is.", [torch.square]),
    ("takes exp of {x}", "{x} enters the formula as it is, without a further exponential.", [torch.exp]),
    ("takes the logarithm of {x}", "{x} enters the formula as it is, without a further logarithm.", [torch.log]),
    (
        "takes a softmax of {x}",
        "{x} enters the formula as it is.",
        [lambda x: x.softmax(-1), lambda x: x.softmax(0), lambda x: x.log_softmax(-1), lambda x: x.log_softmax(0)],
    ),
    ("rounds {x}", "{x} has digits after the point that count.", [torch.round, torch.trunc, torch.floor]),
)
FLAGS = (
    ("pays no attention to {x}", "If {x} were never true, the right formula would give this.", [torch.zeros_like]),
    ("has {x} upside down", "The right formula gives this where {x} is false in place of true.", [torch.logical_not]),
    ("takes {x} for always true", "If {x} were true everywhere, the right formula would give this.", [torch.ones_like]),
    ("takes {x} of the step after", "The flag of step t is {x}[t].", [lambda x, i=i: later(x)[i] for i in range(3)]),
    ("takes {x} of the step before", "The flag of step t is {x}[t].", [lambda x, i=i: earlier(x)[i] for i in range(3)]),
)
FACTORS = (  # of a number that is given by its name
    ("leaves {x} out", "With {x} = 1 the right formula gives what yours gives.", [lambda g: 1.0]),
    ("takes {x} for 0", "With {x} = 0 the right formula gives what yours gives.", [lambda g: 0.0]),
    ("squares {x}", "{x} counts once: yours gives what {x}² would give.", [lambda g: g**2]),
    ("takes the root of {x}", "Yours gives what the root of {x} would give.", [lambda g: g**0.5]),
    ("takes 1 − {x} for {x}", "Yours gives what 1 − {x} would give.", [lambda g: 1 - g]),
    ("turns {x} upside down", "Yours gives what 1/{x} would give.", [lambda g: 1 / g]),
    ("doubles or halves {x}", "{x} enters the formula as it is.", [lambda g: 2 * g, lambda g: g / 2]),
)
COUNTS = (
    ("counts one too many in {x}", "Yours gives what {x} + 1 would give: where does the range end?", [lambda n: n + 1]),
    ("counts one too few in {x}", "Yours gives what {x} − 1 would give: where does the range end?", [lambda n: n - 1]),
)


def with_input(i, change, *names):
    """A slip in the i-th input, which may come from numbers of the exercise."""

    def slip(function):
        def changed(*inputs, **numbers):
            inputs = list(inputs)
            inputs[i] = change(inputs[i], *(numbers[name] for name in names))
            return function(*inputs, **numbers)

        return changed

    return slip


def with_number(name, change):
    def slip(function):
        return lambda *inputs, **numbers: function(*inputs, **{**numbers, name: change(numbers[name])})

    return slip


def with_order(order):
    """The inputs in another order; one may come twice."""

    def slip(function):
        return lambda *inputs, **numbers: function(*(inputs[i] for i in order), **numbers)

    return slip


def with_numbers_exchanged(first, second):
    def slip(function):
        def changed(*inputs, **numbers):
            return function(*inputs, **{**numbers, first: numbers[second], second: numbers[first]})

        return changed

    return slip


# What happens to the axes


def moved(x, axis):
    return x.movedim(axis, 0) if isinstance(x, torch.Tensor) and x.dim() > 1 else x


def along_the_last_axis(function):
    def changed(*inputs, **numbers):
        result = function(*(moved(x, -1) for x in inputs), **numbers)
        return result.movedim(0, -1) if result.shape == moved(inputs[0], -1).shape else result

    return changed


def as_one_list(function):
    def changed(*inputs, **numbers):
        result = function(*(x.flatten() for x in inputs), **numbers)
        return result.reshape(inputs[0].shape) if result.shape == inputs[0].flatten().shape else result

    return changed


def one_by_one(axis, total):
    """Each column (axis −1) or each row (axis 0) by itself, and then `total` of the results."""

    def slip(function):
        def changed(*inputs, **numbers):
            if inputs[0].dim() < 2:
                return function(*inputs, **numbers)
            lists = [x.reshape(len(x), -1) if axis else x.reshape(-1, x.shape[-1]) for x in inputs]
            parts = zip(*(x.unbind(axis) for x in lists), strict=True)
            results = torch.stack([function(*part, **numbers) for part in parts], axis)
            if total:
                return total(results)
            return results.reshape(inputs[0].shape) if results.numel() == inputs[0].numel() else results

        return changed

    return slip


def without(first, last, filled):
    """The first steps or the last ones are left out of all inputs, and stay at 0 in a result that has steps."""

    def slip(function):
        def changed(*inputs, **numbers):
            end = len(inputs[0]) - last
            result = function(*(x[first:end] for x in inputs), **numbers)
            if not filled:
                return result
            zero = torch.zeros_like(result[:1])
            return torch.cat([*[zero] * first, result, *[zero] * last])

        return changed

    return slip


AXES = (
    (
        "works along the last axis",
        "Axis 0 is the one to work along; each column is a list of its own.",
        [along_the_last_axis],
    ),
    (
        "takes all columns for one long list",
        "Each column stands for itself: work along axis 0 alone.",
        [as_one_list],
    ),
    (
        "treats each column by itself",
        "The columns belong to one batch here: take all entries at once, whatever the shape.",
        [one_by_one(-1, None), one_by_one(-1, torch.mean), one_by_one(-1, torch.sum)],
    ),
    (
        "treats each row by itself",
        "A row is no list of its own: what belongs together stands along axis 0 or in the whole batch.",
        [one_by_one(0, None), one_by_one(0, torch.mean), one_by_one(0, torch.sum)],
    ),
    (
        "leaves out the last step",
        "Count the rounds of the loop, and look at the slices: the last entry is there and counts.",
        [without(0, 1, False), without(0, 1, True)],
    ),
    (
        "leaves out the first step",
        "Count the rounds of the loop, and look at the slices: the first entry is number 0 and counts.",
        [without(1, 0, False), without(1, 0, True)],
    ),
)


# What happens to the result


def first_input(case):
    return next(iter(case.inputs.values()))


def counts(case):
    """What may be divided by, with its name: [(words, number)]."""
    x = first_input(case)
    if not isinstance(x, torch.Tensor) or x.dim() == 0:
        return
    n, width, columns = len(x), x.shape[-1], x.numel() // len(x)
    yield "the number of entries on axis 0", n
    yield "the number of columns", columns
    yield "the number of entries on the last axis", width
    yield "the number of all entries", x.numel()
    yield "the root of the number of entries on axis 0", n**0.5
    yield "the number of entries on axis 0, less one,", n - 1
    yield "the number of all entries, less one,", x.numel() - 1


def count(words, case):
    return dict(counts(case))[words]


def filled(y, step):
    y = y.clone()
    y[step] = 0
    return y


OF_RESULT = (
    ("has the wrong sign", "Your result is the right one times −1.", [torch.neg]),
    (
        "gives each step the result of the step after it",
        "The numbers are right and stand one place too early: in which round is the result noted?",
        [lambda y, i=i: later(y)[i] for i in range(3)],
    ),
    (
        "gives each step the result of the step before it",
        "The numbers are right and stand one place too late: in which round is the result noted?",
        [lambda y, i=i: earlier(y)[i] for i in range(3)],
    ),
    (
        "returns the steps back to front",
        "The numbers are right, in reverse order: whoever walks backwards collects the last step first.",
        [lambda y: y.flip(0)],
    ),
    (
        "exchanges rows and columns of the result",
        "The numbers are right: is a `.T` or `transpose` too much, or `torch.stack` along another axis?",
        [lambda y: y.transpose(0, -1), lambda y: y.movedim(0, -1), lambda y: y.movedim(-1, 0)],
    ),
    (
        "adds up the results of all steps before",
        "What is right at each step is added to a running sum once more.",
        [lambda y: y.cumsum(0)],
    ),
    (
        "adds up the results of all steps after",
        "What is right at each step is added to a running sum once more.",
        [lambda y: y.flip(0).cumsum(0).flip(0)],
    ),
    ("leaves the last step at 0", "The others are right: where does the loop begin?", [lambda y: filled(y, -1)]),
    ("leaves the first step at 0", "The others are right: where does the loop end?", [lambda y: filled(y, 0)]),
    ("leaves out the last step", "Where does the loop end, or which slice cuts it off?", [lambda y: y[:-1]]),
    ("leaves out the first step", "Where does the loop begin, or which slice cuts it off?", [lambda y: y[1:]]),
    (
        "repeats a step",
        "One number too many is returned: the list began with one that does not belong to any step.",
        [
            lambda y: torch.cat([y, 0 * y[:1]]),
            lambda y: torch.cat([0 * y[:1], y]),
            lambda y: torch.cat([y, y[-1:]]),
            lambda y: torch.cat([y[:1], y]),
        ],
    ),
    ("takes the result without its sign", "The sign of the result counts.", [torch.abs, lambda y: -y.abs()]),
    ("cuts the result off at 0", "The result may be on either side of 0.", [torch.relu, lambda y: -(-y).relu()]),
    ("squares the result", "The result is right before it is squared.", [torch.square]),
    ("takes the root of the result", "The result is right before the root is taken.", [torch.sqrt]),
    ("takes exp of the result", "The result is right before the exponential is taken.", [torch.exp]),
    ("takes the logarithm of the result", "The result is right before the logarithm is taken.", [torch.log]),
    ("rounds the result", "`//`, `int` and `round` drop digits that count.", [torch.round, torch.trunc, torch.floor]),
    ("is upside down", "Yours is 1 divided by the right result.", [torch.reciprocal]),
    ("returns 1 minus the result", "Yours is 1 minus the right result.", [lambda y: 1 - y]),
    ("is off by 1", "Yours is the right result and 1 more, or 1 less.", [lambda y: y + 1, lambda y: y - 1]),
    (
        "shifts or scales the result",
        "The result is right before its mean is subtracted, or before it is divided.",
        [
            lambda y: y - y.mean(),
            lambda y: y - y.mean(0),
            standardised,
            lambda y: y / y.sum(),
            lambda y: y / y.sum(0),
            lambda y: y / y.abs().max(),
        ],
    ),
    (
        "takes a softmax of the result",
        "The result is right before the softmax.",
        [lambda y: y.softmax(-1), lambda y: y.softmax(0)],
    ),
    (
        "returns one number too few",
        "The numbers are right before they are drawn together: asked for are all of them.",
        [
            lambda y: y.mean(),
            lambda y: y.sum(),
            lambda y: y.mean(0),
            lambda y: y.sum(0),
            lambda y: y.mean(-1),
            lambda y: y.sum(-1),
            lambda y: y[0],
            lambda y: y[-1],
            lambda y: y.amax(),
            lambda y: y.amin(),
        ],
    ),
    (
        "has an axis too many",
        "The numbers are right: drop the axis of length 1 with `.squeeze`, or leave out the `keepdim` that made it.",
        [lambda y: y.unsqueeze(-1), lambda y: y.unsqueeze(0)],
    ),
    (
        "returns the right numbers as one list",
        "Keep the shape of the input: no `flatten` and no `reshape(-1)`.",
        [lambda y: y.flatten()],
    ),
    ("returns 0 everywhere", "Is what was computed also what is returned?", [torch.zeros_like]),
    ("returns 1 everywhere", "Is what was computed also what is returned?", [torch.ones_like]),
)


# All of them, for one exercise


def of_inputs(exercise):
    """The slips in what goes in: [Slip]."""
    case = exercise.running
    names = [] if exercise.measure else list(case.inputs)  # else they would change what is measured with, too
    tensors = [i for i, name in enumerate(names) if isinstance(case.inputs[name], torch.Tensor)]
    for i in tensors:
        flag = case.inputs[names[i]].dtype == torch.bool
        for name, why, changes in FLAGS if flag else NUMBERS:
            for change in changes:
                yield Slip(name.format(x=names[i]), why.format(x=names[i]), with_input(i, change))
        for number, value in case.numbers.items():
            if not flag and isinstance(value, float):
                yield from slips_with(names[i], i, number)
    for i, j in itertools.permutations(range(len(names)), 2):
        if i in tensors and (case.inputs[names[i]].dtype == torch.bool) != (case.inputs[names[j]].dtype == torch.bool):
            continue
        order = list(range(len(names)))
        order[i] = j
        why = f"With {names[j]} in both places the right formula gives what yours gives."
        yield Slip(f"uses {names[j]} where {names[i]} belongs", why, with_order(order))
        if i < j:
            order = [*order[:j], i, *order[j + 1 :]]
            why = "With the two exchanged the right formula gives what yours gives."
            yield Slip(f"exchanges {names[i]} and {names[j]}", why, with_order(order))
    for name, number in case.numbers.items():
        for words, why, changes in COUNTS if isinstance(number, int) else FACTORS if isinstance(number, float) else ():
            for change in changes:
                yield Slip(words.format(x=name), why.format(x=name), with_number(name, change))
    for i in range(len(names)):
        for words, why, changes in () if i in tensors else FACTORS:
            for change in changes:
                yield Slip(words.format(x=names[i]), why.format(x=names[i]), with_input(i, change))
    for first, second in itertools.combinations(case.numbers, 2):
        why = "With the two exchanged the right formula gives what yours gives."
        yield Slip(f"exchanges {first} and {second}", why, with_numbers_exchanged(first, second))
    for name, why, changes in AXES if tensors else ():
        for change in changes if not changes_nothing(exercise, changes[0]) else ():
            yield Slip(name, why, change)


def changes_nothing(exercise, change):
    """Does the right function stay the same? To take each column by itself is no mistake where each stands alone.

    Then the name of the slip would tell a learner to change what is right.
    """
    function = change(exercise.function)
    for case in exercise.cases:
        a, b = value_of(function, case), value_of(exercise.function, case)
        if a is None or a.numel() != b.numel() or not torch.allclose(a.flatten(), b.flatten(), equal_nan=True):
            return False
    return True


def slips_with(x, i, number):
    """A number of the exercise gets into an input that it does not belong to."""
    for words, change in (
        ("multiplies {x} by {g}", torch.mul),
        ("divides {x} by {g}", torch.div),
        ("multiplies {x} by 1 − {g}", lambda x, g: x * (1 - g)),
    ):
        words = words.format(x=x, g=number)
        yield Slip(
            words,
            f"That factor does not belong there, or it is missing where {x} needs another one.",
            with_input(i, change, number),
        )


def of_result(exercise):
    """The slips in what comes out; their `change` takes the result and the case: [Slip]."""
    case = exercise.running
    for name, why, changes in OF_RESULT:
        for change in changes:
            yield Slip(name, why, lambda y, case, change=change: change(y))
    for name in case.numbers:
        if isinstance(case.numbers[name], float):
            without = "Without that factor it is right."
            yield Slip(f"has a factor {name} too many", without, lambda y, case, n=name: y * case.numbers[n])
            yield Slip(f"is divided by {name} once too often", without, lambda y, case, n=name: y / case.numbers[n])
    for a, b in itertools.combinations([n for n, x in case.numbers.items() if isinstance(x, float)], 2):
        both = f"Everything has the factor {a} · {b} once too often, also what is not to have it at all."
        yield Slip(f"has a factor {a} · {b} too many", both, product_of(a, b))
    for words, _ in counts(case):
        last = "The right result comes out without it."
        yield Slip(f"divides by {words} once too often", last, lambda y, case, w=words: y / count(w, case))
        yield Slip(
            f"does not divide by {words}",
            "Divided by it, the result is right.",
            lambda y, case, w=words: y * count(w, case),
        )
    for name, x in case.inputs.items():
        if isinstance(x, torch.Tensor) and x.dtype == torch.bool:
            why = f"The results are right elsewhere; {name} makes no result 0."
            yield Slip(f"sets the result to 0 where {name} is true", why, masked(name))
            yield Slip(f"sets the result to 0 where {name} is false", why, masked(name, False))
            continue
        extra = f"Leave it out, and the result is right: {name} is already in it, or does not belong to it."
        for verb, combine in (
            ("adds {x} to the result", torch.add),
            ("subtracts {x} from the result", torch.sub),
            ("subtracts the result from {x}", lambda y, x: x - y),
            ("multiplies the result by {x}", torch.mul),
            ("divides the result by {x}", torch.div),
        ):
            yield Slip(verb.format(x=name), extra, combined(name, combine))
        as_it_is = f"{name} comes out as it went in: is what was computed also what is returned?"
        yield Slip(f"returns {name}", as_it_is, lambda y, case, n=name: torch.as_tensor(case.inputs[n]))


def product_of(a, b):
    return lambda y, case: y * case.numbers[a] * case.numbers[b]


def masked(name, value=True):
    return lambda y, case: y.masked_fill(case.inputs[name] == value, 0)


def combined(name, combine):
    def change(y, case):
        x = torch.as_tensor(case.inputs[name], dtype=y.dtype)
        return combine(y, x if x.shape == y.shape else x.mean())

    return change


# The search


def find(exercise, cases, wanted, agree, probe, fully):
    """What a function does in all cases, in words: one slip, or two of them, or one and a listed mistake.

    Args:
        cases: the cases that the function came through, at least one of them wrong.
        wanted: [value, ...] what it returned there.
        agree: (value, value, close) -> bool.
        fully: candidate -> bool, do the gradients agree as well? One whose values alone agree is the second choice.
        probe: number of a case that came out wrong: what does not agree there is not tried on the others.

    Returns:
        [(name, why), ...]: one or two of them, or none where nothing was found.
    """

    order = [probe, *reversed(range(len(cases)))]

    def explains(function, slip=None):
        """Does the function, with a slip in its result, return what is wanted in every case?"""
        return all(
            matches(changed(slip, value_of(function, cases[i]), cases[i]), wanted[i], agree, cases[i]) for i in order
        )

    def right(function):
        """Is a function right in every case, and wrong at most in its gradients?"""
        return all(agree(value_of(function, case), value_of(exercise.function, case), case.close) for case in cases)

    second = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is wrong on purpose
        for found in candidates(exercise, cases[probe], wanted[probe], agree):
            if explains(found.function, found.slip) and not (len(found.words) > 1 and right(found.function)):
                if fully(found):
                    return found.words
                second = second or found.words
    return second


class Candidate(NamedTuple):
    """One explanation: a function, a slip in its result or None, and the words for both."""

    words: list
    function: Callable
    slip: Slip | None = None

    def whole(self, case):
        """The function with the slip in its result."""
        if self.slip is None:
            return self.function
        return lambda *inputs, **numbers: self.slip.change(self.function(*inputs, **numbers), case)


def candidates(exercise, case, wanted, agree):
    """Explanations to try, the simple ones first: [Candidate, ...]. They end when the time is up."""
    end = time.process_time() + SECONDS
    inputs, results = list(of_inputs(exercise)), list(of_result(exercise))
    made = [Candidate([slip[:2]], slip.change(exercise.function)) for slip in inputs]
    yield from made
    for slip in results:
        yield Candidate([slip[:2]], exercise.function, slip)
    listed = [Candidate([mistake[:2]], version) for mistake in exercise.mistakes for version in mistake.versions]
    yield from with_two(exercise, listed, results, case, wanted, agree, end)
    common = {slip.name: slip for slip in reversed(inputs)}.values()  # one version of each
    both = [
        Candidate([*first.words, slip[:2]], slip.change(first.function))
        for first, slip in itertools.product(listed, common)
    ]
    ways = dict.fromkeys([exercise.function, getattr(forms, exercise.function.__name__, exercise.function)])
    places, *others = ([Candidate([in_code(place)], place.function) for place in rewritings(way)] for way in ways)
    others = list(itertools.chain(*others))
    yield from itertools.takewhile(lambda _: time.process_time() < end, [*places, *both, *others])
    yield from with_two(exercise, [*made, *places, *others], results, case, wanted, agree, end)


def with_two(exercise, firsts, results, case, wanted, agree, end):
    """Those that agree in one case when a slip in the result is added; this costs nothing to try."""
    for first in itertools.takewhile(lambda _: time.process_time() < end, firsts):
        value = value_of(first.function, case)
        if value is None or value.shape != value_of(exercise.function, case).shape:
            continue
        for slip in results:
            if matches(changed(slip, value, case), wanted, agree, case):
                yield Candidate([*first.words, slip[:2]], first.function, slip)


def in_code(place):
    """Name and reason of a wrong place in the code."""
    names = "Yours may be written in another way and do the same; all else comes out as if it were right."
    return f"works as if `{place.new}` stood where `{place.old}` belongs", names


def matches(value, wanted, agree, case):
    return value is not None and value.shape == wanted.shape and agree(value, wanted, case.close)


def value_of(function, case):
    """What a function returns, as float64; None where it stops."""
    inputs = (x.clone() if isinstance(x, torch.Tensor) else x for x in case.inputs.values())
    try:
        result = function(*inputs, **case.numbers)
        result = getattr(result, "objective", result)
        result = result if isinstance(result, torch.Tensor) else torch.as_tensor(result, dtype=torch.float64)
        return None if result.is_complex() else result.detach().to(torch.float64)
    except Exception:
        return None


def changed(slip, value, case):
    """The result with a slip in it; None where that cannot be."""
    if slip is None or value is None:
        return value
    try:
        return slip.change(value, case)
    except Exception:
        return None
