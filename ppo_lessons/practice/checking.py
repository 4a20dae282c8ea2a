"""Find out what is wrong with a learner's function: run it beside the course's own and beside every known mistake."""

import ast
import contextlib
import difflib
import importlib
import inspect
import io
import linecache
import textwrap
import traceback
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons import LESSONS
from ppo_lessons.practice import limit, slips
from ppo_lessons.practice.exercise import Case, Mistake

RELATIVE = 1e-5  # loose enough for float32


EXPLAINED = {  # what the commonest exceptions of PyTorch mean here: part of the message -> words
    "ClipTerms": "`clipped_objective` returns three things; the number to maximise is its `.objective`.",
    "expected one shape, got": "Two shapes do not fit together. Did a sum, a `squeeze` or an index drop an axis too "
    "few or too many?",
    "Boolean value of Tensor with more than one value": "Several numbers stand side by side, and `if`, `min` or `max` "
    "chooses only once. One answer for all of them: make one number first, for instance with `.mean()`. An answer for "
    "each: `torch.where(flag, a, b)`, `torch.minimum(a, b)` or `x.masked_fill(flag, 0)`. The largest of each row: "
    "`x.max(-1, keepdim=True).values`.",
    "return_types": "`.max(-1, keepdim=True)` gives two things, the numbers and their places: take `.values`.",
    "Dimension out of range": "A plain list has one axis, number 0. The last axis is -1, however many there are.",
    "tuple index out of range": "A plain list has one axis and no `shape[1]`. `.mean()` divides by the right number, "
    "whatever the shape.",
    "can only concatenate list": "`tolist()` makes lists inside a list where plays stand side by side. Keep the "
    "tensor: `x.flip(0)` turns it round.",
    "requires_grad flags of leaf": "`x.detach()` gives the same numbers, held constant.",
    "cannot be converted to Scalar": "`.item()` takes a single number out of a tensor; here the result has many.",
    "bitwise_xor": "A power is written `**` in Python, and `^` is something else.",
    "out of bounds": "Does a step look at the one after it? The last step has none: begin with 0 for what follows.",
    "list index out of range": "Does a step look at the one after it? The last step has none: begin with 0 there.",
    "converted to": "`math` and `float` take a single number. The functions of torch take all numbers at once.",
    "maximum recursion depth": "The function calls itself again and again. Somewhere it must stop, or call another.",
    "1D tensors expected": "`torch.dot` takes two plain lists. With several columns multiply by `*` and add up along "
    "one axis.",
    "shapes cannot be multiplied": "`@` multiplies matrices. Multiply number by number, by `*`; then add up along one "
    "axis.",
    "must match the size of tensor": "Two shapes do not fit together. Did a sum or a mean drop an axis (`keepdim=True` "
    "keeps it), or is one of the two a step longer or shorter?",
    "must match the existing size": "Two shapes do not fit together. Did a sum or a mean drop an axis (`keepdim=True` "
    "keeps it), or is one of the two a step longer or shorter?",
    "step must be greater than zero": "A tensor cannot be read backwards by `[::-1]`: `x.flip(0)` turns it round.",
    "expected Tensor as element": "`torch.stack` and `torch.cat` take tensors; a list of plain numbers becomes one by "
    "`torch.tensor(...)`. Begin a sum with `torch.zeros_like(x[0])`, not with 0.",
    "cannot be concatenated": "`torch.cat` joins lists; single numbers are put side by side by `torch.stack`.",
    "must be Tensor, not": "This function of torch takes a tensor and was given a plain number or a list.",
    "with a bool tensor": "A flag is turned round by `~flag`; as a number it is `flag.float()`.",
    "only supports boolean masks": "The mask must be a flag: `terminated | truncated`, or a comparison.",
    "modified by an inplace operation": "A number that the gradient needs was changed in place (by `+=`, `x[t] = ...`, "
    "or a name that ends in `_`): write a new tensor. An optimiser changes the weights in place: its step comes last.",
    "0-d tensor": "This tensor is a single number: it has no length and no entries to walk over.",
    "0-dim tensor": "This tensor is a single number: it has no entries to pick from.",
    "Index put requires": "What is written into a tensor must have its kind of numbers: begin with "
    "`torch.zeros_like(rewards)`.",
    "cannot be interpreted as an integer": "`range` counts whole numbers: `/` makes a fraction of them, `//` does not.",
    "has no attribute": "Is the name written as in PyTorch? `dir(x)` lists what x can do.",
    "division by zero": "Python stops where it divides a plain number by 0. Which input can be 0 here?",
    "math domain error": "The logarithm or root of a number that is not positive.",
    "math range error": "The number is too large for Python's floats. Is the exponential needed?",
    "Can't call numpy()": "NumPy does not take a tensor that carries a gradient. The functions of torch do.",
}
DRAWN = (
    "Called twice with the same numbers, it returns two results: something in it is drawn at random, or kept from the "
    "call before. Asked for is the formula, with every outcome and its probability."
)
ENDLESS = (
    "A loop in it has no end. Does what stands behind `while` ever become false? Does a list grow while a `for` walks "
    "over it?"
)
LETTERS = {"γ": "gamma", "λ": "lam", "β": "beta", "ε": "epsilon", "T": "temperature"}
IMPORTS = {
    "torch": "import torch",
    "math": "import math",
    "np": "import numpy as np",
    "numpy": "import numpy",
    "F": "import torch.nn.functional as F",
}


class Outcome(NamedTuple):
    """What one function did with one case."""

    value: torch.Tensor | None = None
    gradients: dict | None = None  # by input: a tensor, None where no gradient arrives
    trouble: str = ""  # an exception or an unusable result, in words
    line: str = ""  # the line of the function at which the exception came
    advice: str = ""  # what the exception means here
    endless: bool = False
    close: float = 1e-6  # numbers that differ by less agree
    printed: str = ""
    changed: str = ""  # names of inputs that the function changed in place


@dataclass
class Finding:
    """What is said about the function. `state` is "open" (not attempted), "wrong" or "right"."""

    state: str
    title: str
    text: str = ""
    look: str = ""  # heading in the notebook
    case: Case | None = None
    expected: Outcome | None = None
    got: Outcome | None = None
    mistake: Mistake | None = None  # the one that was recognised, or seems to be at work among others
    tested: list[str] = field(default_factory=list)  # labels of the cases, where all came out right


def diagnose(exercise, function):
    """Compare a learner's function with the course's own on every case: a `Finding`."""
    if is_stub(function):
        return Finding("open", "not attempted yet", exercise.first)
    function = exercise.measure(function) if exercise.measure else function
    cases = sorted([*exercise.cases, exercise.running], key=lambda case: case.size)
    got = run_all(exercise, function, cases)
    cases = cases[: len(got)]
    right = [run(exercise, exercise.function, case) for case in cases]
    failing = [i for i in range(len(cases)) if not same(got[i], right[i])]
    if got[-1].endless:
        failing = [len(cases) - 1]
    if failing:
        return explain(exercise, function, cases, right, got, failing)
    touched = next((i for i in range(len(cases)) if got[i].changed), None)
    if touched is not None:
        text = f"The result is right, but {got[touched].changed} is not what it was before. Work on a new tensor."
        return Finding("wrong", "changes its input", text, "", cases[touched], right[touched], got[touched])
    tested = list(dict.fromkeys(case.label for case in cases))
    example = next(outcome for case, outcome in zip(cases, got, strict=True) if case is exercise.running)
    return Finding("right", "correct", case=exercise.running, got=example, tested=tested)


def run_all(exercise, function, cases):
    """What the function does with the cases, up to one that it does not finish."""
    outcomes = []
    for case in cases:
        outcomes.append(run(exercise, function, case))
        if outcomes[-1].endless:
            break
    return outcomes


def explain(exercise, function, cases, right, got, failing):
    """The `Finding` for a function that is wrong in the cases with numbers `failing`, the smallest first."""
    wrong = [i for i in failing if got[i].trouble or not same_values(got[i], right[i])] or failing
    first = wrong[0]  # a wrong number says more than a wrong gradient
    found = Finding("wrong", "", case=cases[first], expected=right[first], got=got[first])
    if got[first].trouble:
        call = "" if got[first].line else how_it_is_called(exercise)
        found.title, found.text = got[first].trouble, got[first].advice or call
        return found
    if not all(same(run(exercise, function, cases[i]), got[i]) for i in (first, wrong[-1])):  # in one it may be chance
        found.title, found.text = "gives another result each time", DRAWN
        return found
    everywhere, found.mistake = nearest_mistake(exercise, cases, right, got, wrong)
    if everywhere:
        found.title, found.text, found.look = found.mistake[:3]
        return found
    if exercise.yes_or_no:  # with two results only, agreement in a few cases is chance
        found.title, found.text = wrong_answer(cases, right, got, wrong)
        found.mistake = None
        return found
    found.title, found.text = describe(exercise, function, cases, right, got, wrong)
    if found.mistake and not found.text:
        found.text = f"On this input it {found.mistake.name}: {found.mistake.why}"
        found.look = found.mistake.look
    if not found.text:
        if exercise.names:
            found.title, found.text = first_wrong_number(exercise, right[first].value, got[first].value)
        else:
            found.title, found.text = slope(exercise, function, cases[first]) or (found.title, "")
        found.text = f"{found.text} {where_it_is_right(cases, failing)}".strip()
    stops = next((i for i in wrong if got[i].trouble), None)
    if stops is not None:
        found.text += f" And on {cases[stops].label} {got[stops].trouble}. {got[stops].advice}".rstrip()
    return found


def nearest_mistake(exercise, cases, right, got, failing):
    """The listed mistake that does the same as the function: (in all cases?, the mistake or None).

    Where a value is wrong, one whose values agree is enough if there is none whose gradients agree as well. Without one
    that agrees in all cases, it is the one that agrees in the smallest failing case, and wherever it shows or in most
    others; agreeing in a few of them is chance.
    """
    best, score, by_value, first = None, len(failing) // 2, None, failing[0]
    agree = same if same_values(got[first], right[first]) else same_values
    for mistake in exercise.mistakes:
        for version in mistake.versions:
            if not agree(run(exercise, version, cases[first]), got[first]):
                continue
            theirs = [run(exercise, version, case) for case in cases]
            agrees = [same(a, b) for a, b in zip(theirs, got, strict=True)]
            if all(agrees):
                return True, mistake
            agreeing = sum(agrees[i] for i in failing)
            if all(a or same(b, c) for a, b, c in zip(agrees, theirs, right, strict=True)):
                agreeing = len(cases)  # wherever the mistake shows, the function makes it; elsewhere it makes another
            if agrees[first] and agreeing > score:
                best, score = mistake, agreeing
            if not by_value and all(agree(a, b) for a, b in zip(theirs, got, strict=True)):
                by_value = mistake
    return by_value is not None, by_value or best


def describe(exercise, function, cases, right, got, failing):
    """Title and text for a mistake that is not on the list; no text where there is nothing to say but the numbers."""
    first, usable = failing[0], [i for i in range(len(cases)) if not got[i].trouble]
    mine, theirs = got[first], right[first]
    if mine.value.isnan().any() and not theirs.value.isnan().any():
        causes = "a division by 0, a logarithm of 0 or of a negative number, infinity minus infinity, or the spread "
        causes += "of a single number, which divides by n − 1 = 0."
        return "returns nan", f"Look for {causes}"
    if mine.value.isinf().any() and not theirs.value.isinf().any():
        causes = "a division by 0, the logarithm of 0, e to the power of a large number, or the square of a huge one."
        return "returns infinity", f"Look for {causes}"
    if mine.value.shape == theirs.value.shape and (theirs.value.isnan() & ~mine.value.isnan()).any():
        nothing = "Here there is nothing to divide by, and the answer is nan: test for it before you divide."
        return "returns a number where the answer is nan", nothing
    if all(same_values(got[i], right[i]) for i in usable):
        return describe_gradient(mine, theirs)
    pairs = [(got[i].value, right[i].value) for i in failing if not got[i].trouble]
    shapes = what_shape(pairs) if mine.value.shape != theirs.value.shape else ""
    if shapes.endswith("would be right."):
        return "returns another shape", shapes
    whole = len(pairs) == len(failing) and all(a.shape == b.shape for a, b in pairs)
    factor, more = (common_factor(pairs), common_difference(pairs)) if whole and len(pairs) > 1 else (None, None)
    others = [right[i].value for i in usable if i not in failing]  # they must not contradict
    if factor and abs(factor + 1) > RELATIVE and all(same_numbers(factor * x, x) for x in others):
        return "is off by a factor", f"Everywhere it goes wrong your result is the right one times {factor:.4g}."
    if more and all(same_numbers(x + more, x) for x in others):
        return "is off by a constant", f"Everywhere it goes wrong your result is the right one plus {more:.4g}."
    wrong = [usable.index(i) for i in failing if not got[i].trouble]
    values, probe = [got[i].value for i in usable], wrong[len(wrong) // 2]

    def fully(found):
        if not exercise.differentiable:
            return True
        return all(same(run(exercise, found.whole(cases[i]), cases[i]), got[i]) for i in usable)

    known = slips.find(exercise, [cases[i] for i in usable], values, same_numbers, probe, fully)
    if len(known) == 1:
        return known[0]
    if known:
        both = " And it ".join(f"{name}: {why}" for name, why in known)
        return "makes two mistakes at once", f"{shapes} It {both}".lstrip()
    if shapes:
        return "returns another shape", shapes
    ignored = pays_no_attention(exercise, function, [cases[i] for i in usable])
    if ignored:
        return (
            f"pays no attention to {ignored}",
            f"Yours stays the same when {ignored} changes, and the right one does not.",
        )
    single = [i for i in range(len(cases)) if widest(cases[i]) == 1 and same(got[i], right[i])]
    if single and all(widest(cases[i]) > 1 or same(got[i], right[i]) for i in range(len(cases))):
        words = "Each column is a play, a game or a state of its own; along which axis do you sum, shift or turn round?"
        return "goes wrong where several lists stand side by side", f"With a single list it is right. {words}"
    return f"goes wrong on {cases[first].label}", ""


def describe_gradient(mine, theirs):
    """Title and text where the value is right and its gradient is not."""
    names = [name for name in theirs.gradients if not same_numbers(mine.gradients[name], theirs.gradients[name])]
    if all(mine.gradients[name] is None for name in names):
        lost = "`.item()`, `.detach()`, `torch.tensor(...)` and NumPy cut it off."
        return "lets no gradient through", f"The value is right, but {', '.join(names)} gets no gradient: {lost}"
    data = [name for name in names if theirs.gradients[name] is None]
    held = [name for name in names if name not in data and mine.gradients[name] is None]
    if data and held:
        wrong = f"{data[0]} is data, and {held[0]} gets no gradient. Does `.detach()` stand at the wrong one?"
        return f"differentiates {data[0]} in place of {held[0]}", f"The value is right, but {wrong}"
    if data:
        return f"differentiates {data[0]}", f"The value is right, but {data[0]} is data: use {data[0]}.detach()."
    if any(mine.gradients[name] is not None and mine.gradients[name].isnan().any() for name in names):
        hidden = "a step on the way made nan or infinity, and hiding it afterwards does not mend its gradient."
        return "has a gradient that is nan", f"The value is right, but {hidden}"
    part = (
        "something in it has the right value and another derivative, such as a part that is detached or rounded, or a "
        "factor that is 1."
    )
    text = f"The value is right, but its gradient with respect to {', '.join(names)} is not: {part}"
    return "has another gradient", text


DRAWN_TOGETHER = {  # what would make a result of another shape right
    "The first of the results alone": lambda y: y[0],
    "The last of the results alone": lambda y: y[-1],
    "Its mean": torch.mean,
    "Its sum": torch.sum,
    "Its sum along axis 0": lambda y: y.sum(0),
    "Its mean along axis 0": lambda y: y.mean(0),
    "Its sum along the last axis": lambda y: y.sum(-1),
    "Its mean along the last axis": lambda y: y.mean(-1),
    "Its diagonal": lambda y: y.diagonal(),
    "Its sum over all columns": lambda y: y.flatten(1).sum(1),
}


def what_shape(pairs):
    """Both shapes, and what would make the wrong one right."""
    mine, theirs = next((a, b) for a, b in pairs if a.shape != b.shape)
    shapes = f"Expected is {tuple(theirs.shape)}, yours is {tuple(mine.shape)}."
    if mine.shape[1:] == theirs.shape[1:] and mine.shape[:1].numel() + 1 == theirs.shape[:1].numel() and mine.dim():
        shapes += " A slice such as [1:] or [:-1] makes a list shorter."
    for words, change in DRAWN_TOGETHER.items():
        with contextlib.suppress(IndexError, RuntimeError):
            if all(same_numbers(change(a) if a.shape != b.shape else a, b) for a, b in pairs):
                return f"{shapes} {words} would be right."
    return shapes


def pays_no_attention(exercise, function, cases):
    """The name of an argument that changes the right result and never the learner's; empty if there is none."""
    for name in [*exercise.running.inputs, *exercise.running.numbers]:
        others = [other_input(case, name) for case in cases]
        pairs = [(a, b) for a, b in zip(cases, others, strict=True) if b is not None]
        moves = [unlike(exercise.function, a, b) for a, b in pairs]
        if any(moves) and not any(unlike(function, a, b) for a, b in pairs):
            return name
    return ""


def other_input(case, name):
    """The case with another value of one argument, None where there is none to try."""
    x = case.inputs.get(name, case.numbers.get(name))
    if isinstance(x, str):
        return None
    if isinstance(x, torch.Tensor):
        other = ~x if x.dtype == torch.bool else x + 0.1 * torch.arange(1, x.numel() + 1).reshape(x.shape) ** 0.5
    else:
        other = x + 1 if isinstance(x, int) else 0.7 * x
    if name in case.inputs:
        return case._replace(inputs={**case.inputs, name: other})
    return case._replace(numbers={**case.numbers, name: other})


def unlike(function, case, other):
    """Does a function return something else on another input?"""
    with contextlib.redirect_stdout(io.StringIO()):
        a, b = slips.value_of(function, case), slips.value_of(function, other)
    return a is not None and b is not None and not same_numbers(a, b)


def first_wrong_number(exercise, expected, got):
    """Title and text on numbers with names, where no mistake was recognised."""
    off = [not same_numbers(a, b) for a, b in zip(got, expected, strict=True)]
    right = [name for name, wrong in zip(exercise.names, off, strict=True) if not wrong]
    title = f"gets another number for “{exercise.names[off.index(True)]}”"
    return title, f"Right are: {'; '.join(right) or 'none of the numbers'}. {exercise.reading}"


def is_answer(value):
    """Is a result a yes or a no?"""
    return value.dim() == 0 and value.item() in (0, 1)


def wrong_answer(cases, right, got, failing):
    """Title and text for a wrong result where the right one is yes or no."""
    usable = [i for i in failing if not got[i].trouble]
    if not all(is_answer(got[i].value) for i in usable):
        return "returns no yes or no", "Asked for is one `True` or `False`: compare two numbers and return the outcome."
    told = []
    for says, answer in (("no", 1), ("yes", 0)):
        labels = [cases[i].label for i in usable if right[i].value == answer]
        if labels:
            told.append(f"It says {says} on {'; '.join(labels[:3])}{' and others' if len(labels) > 3 else ''}.")
    return "gives the wrong answer", " ".join(told)


def slope(exercise, function, case):
    """Title and text on the first number of the input that moves the result too much or too little, or None."""
    for name, x in case.inputs.items():
        if isinstance(x, torch.Tensor) and x.dtype == torch.bool:
            continue
        for i in range(x.numel()) if isinstance(x, torch.Tensor) else [0]:
            with contextlib.redirect_stdout(io.StringIO()):
                mine, theirs = (moved_by(f, case, name, i) for f in (function, exercise.function))
            if mine is None or theirs is None or mine.shape != theirs.shape:
                return None
            if mine.abs().max() > 1e3 * (1 + theirs.abs().max()):
                return None  # the result jumps here, and has no slope
            off = ((mine - theirs).abs() > 1e-3 * (1 + theirs.abs())).nonzero()
            if len(off):
                cause, effect = place(name, x, i), place("result", mine, tuple(off[0].tolist()))
                return weighed(cause, effect, mine[tuple(off[0])].item(), theirs[tuple(off[0])].item())
    return None


def moved_by(function, case, name, i):
    """How much the result moves with the i-th number of an input, per unit."""
    x, h, sides = case.inputs[name], 1e-4, []
    for step in (h, -h):
        if isinstance(x, torch.Tensor):
            other = x.clone()
            other.view(-1)[i] += step
        else:
            other = x + step
        sides.append(slips.value_of(function, case._replace(inputs={**case.inputs, name: other})))
    up, down = sides
    return None if up is None or down is None or up.shape != down.shape else (up - down).detach() / (2 * h)


def place(name, x, index):
    """`name[1, 0]`; the name alone of a single number."""
    if not isinstance(x, torch.Tensor) or x.dim() == 0:
        return "the result" if name == "result" else name
    where = index if isinstance(index, tuple) else np.unravel_index(index, x.shape)
    return f"{name}[{', '.join(str(int(i)) for i in where)}]"


def weighed(cause, effect, mine, theirs):
    title = f"weighs {cause} wrongly in {effect}"
    if abs(theirs) < 1e-6:
        title = f"lets {cause} into {effect}"
    elif abs(mine) < 1e-6:
        title = f"leaves {cause} out of {effect}"
    elif abs(mine + theirs) < 1e-3 * abs(theirs):
        title = f"counts {cause} with the wrong sign in {effect}"
    times = [f"{x:.4g} times as much" if abs(x) >= 1e-6 else "not at all" for x in (theirs, mine)]
    return (
        f"{title}, on this input",
        f"If {cause} changes a little, {effect} must change {times[0]}; yours changes {times[1]}.",
    )


def common_factor(pairs):
    """The number by which the right results are multiplied, None if there is no such number."""
    mine, theirs = (torch.cat([x.flatten() for x in side]) for side in zip(*pairs, strict=True))
    if not (mine.isfinite().all() and theirs.isfinite().all() and theirs.any()):
        return None
    factor = torch.dot(mine, theirs) / torch.dot(theirs, theirs)
    return factor.item() if factor and same_numbers(mine, factor * theirs) else None


def common_difference(pairs):
    """The number that is added to the right results, None if there is no such number."""
    mine, theirs = (torch.cat([x.flatten() for x in side]) for side in zip(*pairs, strict=True))
    more = (mine - theirs).mean()
    return more.item() if more.isfinite() and same_numbers(mine, theirs + more) else None


def where_it_is_right(cases, failing):
    """A sentence on the inputs that come out right."""
    labels = list(dict.fromkeys(case.label for i, case in enumerate(cases) if i not in failing))
    if not labels:
        return "It is right on none of the inputs that were tried."
    return f"It is right on {'; '.join(labels[:4])}{' and others' if len(labels) > 4 else ''}."


def widest(case):
    """The number of axes of the inputs."""
    return max((x.dim() for x in case.inputs.values() if isinstance(x, torch.Tensor)), default=0)


def how_it_is_called(exercise):
    """The call, as the check makes it."""
    if exercise.measure:
        return f"The check calls {exercise.name}{inspect.signature(exercise.function)}."
    numbers = (f"{name}={number!r}" for name, number in exercise.running.numbers.items())
    return f"The check calls {exercise.name}({', '.join((*exercise.running.inputs, *numbers))})."


def run(exercise, function, case):
    """Call the function on a copy of the inputs and note all it does: an `Outcome`."""
    leaves = {name: own_copy(x, exercise.differentiable) for name, x in case.inputs.items()}
    arguments = {name: x.clone() if isinstance(x, torch.Tensor) else x for name, x in leaves.items()}
    printed, written = io.StringIO(), inspect.unwrap(function)
    try:
        file = getattr(getattr(written, "__code__", None), "co_filename", None)
        with contextlib.redirect_stdout(printed), limit.time_limit(limit.SECONDS, file):
            value = as_tensor(function(*arguments.values(), **case.numbers))
    except limit.Endless as error:
        trouble = f"your code did not come to an end within {limit.SECONDS:g} seconds"
        line = own_line(error, written)
        return Outcome(trouble=trouble, line=line, advice=ENDLESS, endless=True, printed=printed.getvalue())
    except Unusable as error:
        return Outcome(trouble=str(error), printed=printed.getvalue())
    except Exception as error:
        message = next(iter(str(error).splitlines()), "")  # PyTorch adds pages to some
        trouble = f"your code stopped with {type(error).__name__}: {message}"
        arguments = list(inspect.signature(exercise.function).parameters)
        line, advice = own_line(error, written), what_helps(error, written, arguments)
        return Outcome(trouble=trouble, line=line, advice=advice, printed=printed.getvalue())
    try:
        gradients = gradients_of(value, leaves) if exercise.differentiable else {}
    except RuntimeError as error:
        trouble = f"no gradient can be computed: {next(iter(str(error).splitlines()), '')}"
        return Outcome(trouble=trouble, advice=what_helps(error, function, []), printed=printed.getvalue())
    tensors = [name for name, x in leaves.items() if isinstance(x, torch.Tensor)]
    changed = ", ".join(
        n for n in tensors if not torch.equal(arguments[n].detach().nan_to_num(), leaves[n].detach().nan_to_num())
    )
    value = value.detach().to(torch.float64)
    return Outcome(value, gradients, printed=printed.getvalue(), changed=changed, close=case.close)


def what_helps(error, function, arguments):
    """Words on an exception in the learner's function, empty where there is nothing to add."""
    if isinstance(error, UnboundLocalError):
        return "A name that is assigned in a function belongs to it: give it a value before the line that reads it."
    if isinstance(error, NameError):
        return how_to_know(error.name, arguments)
    if isinstance(error, TypeError) and "not callable" in str(error):
        code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
        taken = [name for name in getattr(code, "co_names", ()) if name in known and not callable(known[name])]
        for name in filter(home, taken):
            if not inspect.ismodule(known[name]):
                return f"`{name}` is something else in this notebook. The function: `{home(name)}`"
    return next((words for message, words in EXPLAINED.items() if message in str(error)), "")


def how_to_know(name, arguments):
    """Where a name comes from that is not known."""
    if LETTERS.get(name) in arguments:
        return f"{name} is called {LETTERS[name]} here."
    if home(name):
        return f"`{name}` is not known here: `{home(name)}`"
    near = difflib.get_close_matches(name, arguments, n=1)
    known = f"The arguments are {', '.join(arguments)}; every other name must get a value or be imported first."
    return f"Did you mean {near[0]}? {known}" if near else known


def home(name):
    """The line that imports a name of the course, of PyTorch or of Python; empty where there is none."""
    for lesson in LESSONS:
        module = importlib.import_module(f"ppo_lessons.{lesson}")
        if getattr(getattr(module, name, None), "__module__", "") == module.__name__:
            return f"from {module.__name__} import {name}"
    return IMPORTS.get(name, "")


class Unusable(ValueError):
    """The function returned something that is not numbers."""


def as_tensor(result):
    """Whatever a function returned (tensor, array, list, number, `ClipTerms`) as a tensor."""
    result = getattr(result, "objective", result)
    if result is None:
        raise Unusable("your function returns nothing: does every way through it end with `return`?")
    if result is ...:
        raise Unusable("your function still returns `...`")
    try:
        if isinstance(result, list | tuple) and any(isinstance(x, torch.Tensor) for x in result):
            parts = [torch.as_tensor(x) for x in result]
            if len({x.shape for x in parts}) > 1:
                raise Unusable("your function returns several things of different shapes: return one tensor")
            result = torch.stack(parts)
        return result if isinstance(result, torch.Tensor) else torch.as_tensor(np.asarray(result, dtype=np.float64))
    except Unusable:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise Unusable(f"your function returns {type(result).__name__}, which is not a tensor of numbers") from error


def own_copy(x, differentiable):
    if not isinstance(x, torch.Tensor):
        return x
    return x.clone().requires_grad_(differentiable and x.is_floating_point())


def gradients_of(value, leaves):
    """Gradient of a fixed weighted sum of the result with respect to each input of real numbers."""
    real = {name: x for name, x in leaves.items() if isinstance(x, torch.Tensor) and x.requires_grad}
    if not value.requires_grad:
        return dict.fromkeys(real)
    weights = torch.arange(1, value.numel() + 1, dtype=value.dtype).reshape(value.shape)
    found = torch.autograd.grad((weights * value).sum(), list(real.values()), allow_unused=True)
    return dict(zip(real, found, strict=True))


def same(a, b):
    """Do two outcomes agree: the same numbers and the same gradients, or both stopped?"""
    if a.trouble or b.trouble:
        return same_values(a, b)
    return same_values(a, b) and all(same_numbers(a.gradients[n], b.gradients[n]) for n in b.gradients)


def same_values(a, b):
    """The same numbers, or both stopped?"""
    if a.trouble or b.trouble:
        return bool(a.trouble) == bool(b.trouble)
    return same_numbers(a.value, b.value, b.close)


def same_numbers(a, b, close=1e-6):
    """Equal shapes and numbers; no gradient is the same as a gradient of 0."""
    if a is None or b is None:
        return all(x is None or not x.any() for x in (a, b))
    return a.shape == b.shape and torch.allclose(a.to(b.dtype), b, rtol=RELATIVE, atol=close, equal_nan=True)


def is_stub(function):
    """Is the body still `...`?"""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    definition = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if definition is None:
        return False
    last = definition.body[-1]
    value = last.value if isinstance(last, ast.Expr | ast.Return) else None
    left_open = isinstance(value, ast.Constant) and value.value is ...
    return isinstance(last, ast.Pass) or left_open


def own_line(error, function):
    """The line of the learner's code at which the exception came, with its number in the cell."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if not frames:
        return ""
    return f"line {frames[-1].lineno}: {linecache.getline(file, frames[-1].lineno).strip()}"
