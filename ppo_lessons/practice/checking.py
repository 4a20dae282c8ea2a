"""Find out what is wrong with a learner's function: run it beside the course's own and beside every known mistake."""

import ast
import contextlib
import inspect
import io
import linecache
import textwrap
import traceback
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons.practice.exercise import Case, Mistake

CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # loose enough for float32


EXPLAINED = {  # what the commonest exceptions of PyTorch mean here: part of the message -> words
    "Boolean value of Tensor with more than one value": "There are several games side by side, so a flag is a tensor: "
    "`if` cannot choose. Use x.masked_fill(flag, 0) or torch.where(flag, a, b), or multiply by ~flag.",
    "bitwise_xor": "A power is written ** in Python, and ^ is something else.",
}


class Outcome(NamedTuple):
    """What one function did with one case."""

    value: torch.Tensor | None = None
    gradients: dict | None = None  # by input: a tensor, None where no gradient arrives
    trouble: str = ""  # an exception or an unusable result, in words
    line: str = ""  # the line of the function at which the exception came
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
    cases = sorted([*exercise.cases, exercise.running], key=lambda case: case.size)
    right = [run(exercise, exercise.function, case) for case in cases]
    got = [run(exercise, function, case) for case in cases]
    failing = [i for i in range(len(cases)) if not same(got[i], right[i])]
    if failing:  # a wrong number says more than a wrong gradient
        wrong = [i for i in failing if got[i].trouble or not same_numbers(got[i].value, right[i].value)]
        return explain(exercise, cases, right, got, wrong or failing)
    touched = next((i for i in range(len(cases)) if got[i].changed), None)
    if touched is not None:
        text = f"The result is right, but {got[touched].changed} is not what it was before. Work on a new tensor."
        return Finding("wrong", "changes its input", text, "", cases[touched], right[touched], got[touched])
    tested = list(dict.fromkeys(case.label for case in cases))
    example = next(outcome for case, outcome in zip(cases, got, strict=True) if case is exercise.running)
    return Finding("right", "correct", case=exercise.running, got=example, tested=tested)


def explain(exercise, cases, right, got, failing):
    """The `Finding` for a function that is wrong in the cases with numbers `failing`, the smallest first."""
    first = failing[0]
    found = Finding("wrong", "", case=cases[first], expected=right[first], got=got[first])
    if got[first].trouble:
        found.title, found.text = got[first].trouble, "" if got[first].line else how_it_is_called(exercise)
        for message, words in EXPLAINED.items():
            found.text = words if message in found.title else found.text
        return found
    everywhere, found.mistake = nearest_mistake(exercise, cases, got, failing)
    if everywhere:
        found.title, found.text, found.look = found.mistake[:3]
        return found
    found.title, found.text = describe(cases, right, got, failing)
    if found.mistake and not found.text:
        found.text = f"On this input it {found.mistake.name}: {found.mistake.why}"
        found.look = found.mistake.look
    return found


def nearest_mistake(exercise, cases, got, failing):
    """The listed mistake that does the same as the function: (in all cases?, the mistake or None).

    Without one that agrees in all cases, it is the one that agrees in the smallest failing case and in most others.
    """
    best, score = None, 0
    for mistake in exercise.mistakes:
        for version in mistake.versions:
            if not same(run(exercise, version, cases[failing[0]]), got[failing[0]]):
                continue
            agrees = [same(run(exercise, version, case), outcome) for case, outcome in zip(cases, got, strict=True)]
            if all(agrees):
                return True, mistake
            agreeing = sum(agrees[i] for i in failing)
            if agreeing > score:
                best, score = mistake, agreeing
    return False, best


def describe(cases, right, got, failing):
    """Title and text for a mistake that is not on the list; no text where there is nothing to say but the numbers."""
    first, usable = failing[0], [i for i in failing if not got[i].trouble]
    mine, theirs = got[first], right[first]
    if mine.value.shape != theirs.value.shape:
        shapes = f"Expected is {tuple(theirs.value.shape)}, yours is {tuple(mine.value.shape)}."
        nearly = theirs.value.dim() == 0 and same_numbers(mine.value.mean(), theirs.value)
        return "returns another shape", f"{shapes} Its mean would be right." if nearly else shapes
    if mine.value.isnan().any() and not theirs.value.isnan().any():
        return "returns nan", "Look for a division by 0, a logarithm of 0, or infinity minus infinity."
    if all(same_numbers(got[i].value, right[i].value) for i in usable):
        names = [name for name in theirs.gradients if not same_numbers(mine.gradients[name], theirs.gradients[name])]
        if all(mine.gradients[name] is None for name in names):
            lost = "`.item()`, `.detach()`, `torch.tensor(...)` and NumPy cut it off."
            return "lets no gradient through", f"The value is right, but {', '.join(names)} gets no gradient: {lost}"
        data = [name for name in names if theirs.gradients[name] is None]
        if data:
            return f"differentiates {data[0]}", f"The value is right, but {data[0]} is data: use {data[0]}.detach()."
        if any(mine.gradients[name] is not None and mine.gradients[name].isnan().any() for name in names):
            hidden = "a step on the way made nan or infinity, and hiding it afterwards does not mend its gradient."
            return "has a gradient that is nan", f"The value is right, but {hidden}"
        return (
            "has another gradient",
            f"The value is right, but its gradient with respect to {', '.join(names)} is not.",
        )
    if all(same_numbers(got[i].value, -right[i].value) for i in usable):
        return "has the wrong sign", "Your result is the right one times −1."
    return f"goes wrong on {cases[first].label}", ""


def how_it_is_called(exercise):
    """The call, as the check makes it."""
    numbers = (f"{name}={number!r}" for name, number in exercise.running.numbers.items())
    return f"The check calls {exercise.name}({', '.join((*exercise.running.inputs, *numbers))})."


def run(exercise, function, case):
    """Call the function on a copy of the inputs and note all it does: an `Outcome`."""
    leaves = {name: own_copy(x, exercise.differentiable) for name, x in case.inputs.items()}
    arguments = {name: x.clone() if isinstance(x, torch.Tensor) else x for name, x in leaves.items()}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = as_tensor(function(*arguments.values(), **case.numbers))
    except Unusable as error:
        return Outcome(trouble=str(error), printed=printed.getvalue())
    except Exception as error:
        message = next(iter(str(error).splitlines()), "")  # PyTorch adds pages to some
        trouble = f"your code stopped with {type(error).__name__}: {message}"
        return Outcome(trouble=trouble, line=own_line(error, function), printed=printed.getvalue())
    gradients = gradients_of(value, leaves) if exercise.differentiable else {}
    tensors = [name for name, x in leaves.items() if isinstance(x, torch.Tensor)]
    changed = ", ".join(
        n for n in tensors if not torch.equal(arguments[n].detach().nan_to_num(), leaves[n].detach().nan_to_num())
    )
    return Outcome(value.detach().to(torch.float64), gradients, printed=printed.getvalue(), changed=changed)


class Unusable(ValueError):
    """The function returned something that is not numbers."""


def as_tensor(result):
    """Whatever a function returned (tensor, array, list, number, `ClipTerms`) as a tensor."""
    result = getattr(result, "objective", result)
    if result is None:
        raise Unusable("your function returns nothing: does its last line begin with `return`?")
    if result is ...:
        raise Unusable("your function still returns `...`")
    try:
        if isinstance(result, list | tuple) and any(isinstance(x, torch.Tensor) for x in result):
            result = torch.stack([torch.as_tensor(x) for x in result])
        return result if isinstance(result, torch.Tensor) else torch.as_tensor(np.asarray(result, dtype=np.float64))
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
    """Do two outcomes agree: the same numbers and the same gradients?"""
    if a.trouble or b.trouble:
        return a.trouble == b.trouble
    return same_numbers(a.value, b.value) and all(same_numbers(a.gradients[n], b.gradients[n]) for n in b.gradients)


def same_numbers(a, b):
    """Equal shapes and numbers; no gradient is the same as a gradient of 0."""
    if a is None or b is None:
        return all(x is None or not x.any() for x in (a, b))
    return a.shape == b.shape and torch.allclose(a.to(b.dtype), b, equal_nan=True, **CLOSE)


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
