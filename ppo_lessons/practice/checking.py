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
from ppo_lessons.practice import limit
from ppo_lessons.practice.exercise import Case, Mistake

RELATIVE = 1e-5  # loose enough for float32


EXPLAINED = {  # what the commonest exceptions of PyTorch mean here: part of the message -> words
    "Boolean value of Tensor with more than one value": "Several numbers stand side by side, and `if`, `min` or `max` "
    "chooses only once. Use `torch.where(flag, a, b)`, `torch.minimum(a, b)` or `x.masked_fill(flag, 0)`.",
    "bitwise_xor": "A power is written `**` in Python, and `^` is something else.",
    "out of bounds": "Does a step look at the one after it? The last step has none: begin with 0 for what follows.",
    "list index out of range": "Does a step look at the one after it? The last step has none: begin with 0 there.",
    "converted to": "`math` and `float` take a single number. The functions of torch take all numbers at once.",
    "maximum recursion depth": "The function calls itself again and again. Somewhere it must stop, or call another.",
    "1D tensors expected": "`torch.dot` takes two plain lists. With several columns multiply by `*` and add up along "
    "one axis.",
    "shapes cannot be multiplied": "`@` multiplies matrices. Multiply number by number, by `*`; then add up along one "
    "axis.",
    "Can't call numpy()": "NumPy does not take a tensor that carries a gradient. The functions of torch do.",
}
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
    cases = sorted([*exercise.cases, exercise.running], key=lambda case: case.size)
    got = run_all(exercise, function, cases)
    cases = cases[: len(got)]
    right = [run(exercise, exercise.function, case) for case in cases]
    failing = [i for i in range(len(cases)) if not same(got[i], right[i])]
    if got[-1].endless:
        failing = [len(cases) - 1]
    if failing:  # a wrong number says more than a wrong gradient
        wrong = [i for i in failing if got[i].trouble or not same_values(got[i], right[i])]
        return explain(exercise, cases, right, got, wrong or failing)
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


def explain(exercise, cases, right, got, failing):
    """The `Finding` for a function that is wrong in the cases with numbers `failing`, the smallest first."""
    first = failing[0]
    found = Finding("wrong", "", case=cases[first], expected=right[first], got=got[first])
    if got[first].trouble:
        call = "" if got[first].line else how_it_is_called(exercise)
        found.title, found.text = got[first].trouble, got[first].advice or call
        return found
    everywhere, found.mistake = nearest_mistake(exercise, cases, right, got, failing)
    if everywhere:
        found.title, found.text, found.look = found.mistake[:3]
        return found
    found.title, found.text = describe(cases, right, got, failing)
    if found.mistake and not found.text:
        found.text = f"On this input it {found.mistake.name}: {found.mistake.why}"
        found.look = found.mistake.look
    if not found.text:
        found.text = where_it_is_right(cases, failing)
    return found


def nearest_mistake(exercise, cases, right, got, failing):
    """The listed mistake that does the same as the function: (in all cases?, the mistake or None).

    Where a value is wrong, one whose values agree is enough if there is none whose gradients agree as well. Without one
    that agrees in all cases, it is the one that agrees in the smallest failing case and in most others; agreeing in a
    single one of several is chance.
    """
    best, score, by_value, first = None, min(len(failing) - 1, 1), None, failing[0]
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
            if agrees[first] and agreeing > score:
                best, score = mistake, agreeing
            if not by_value and all(agree(a, b) for a, b in zip(theirs, got, strict=True)):
                by_value = mistake
    return by_value is not None, by_value or best


def describe(cases, right, got, failing):
    """Title and text for a mistake that is not on the list; no text where there is nothing to say but the numbers."""
    first, usable = failing[0], [i for i in failing if not got[i].trouble]
    mine, theirs = got[first], right[first]
    if mine.value.shape != theirs.value.shape:
        shapes = f"Expected is {tuple(theirs.value.shape)}, yours is {tuple(mine.value.shape)}."
        nearly = theirs.value.dim() == 0 and same_numbers(mine.value.mean(), theirs.value)
        return "returns another shape", f"{shapes} Its mean would be right." if nearly else shapes
    if mine.value.isnan().any() and not theirs.value.isnan().any():
        causes = "a division by 0, a logarithm of 0 or of a negative number, or infinity minus infinity."
        return "returns nan", f"Look for {causes}"
    if all(same_values(got[i], right[i]) for i in usable):
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
    single = [i for i in range(len(cases)) if i not in failing and widest(cases[i]) == 1]
    if single and all(widest(cases[i]) > 1 for i in failing):
        words = "Each column is a play, a game or a state of its own; along which axis do you sum, shift or turn round?"
        return "goes wrong where several lists stand side by side", f"With a single list it is right. {words}"
    factor = common_factor([(got[i].value, right[i].value) for i in usable]) if len(usable) == len(failing) else None
    if factor:
        return "is off by a factor", f"Everywhere it goes wrong your result is the right one times {factor:.4g}."
    return f"goes wrong on {cases[first].label}", ""


def common_factor(pairs):
    """The number by which the right results are multiplied, None if there is no such number."""
    mine, theirs = (torch.cat([x.flatten() for x in side]) for side in zip(*pairs, strict=True))
    if not (mine.isfinite().all() and theirs.isfinite().all() and theirs.any()):
        return None
    factor = torch.dot(mine, theirs) / torch.dot(theirs, theirs)
    return factor.item() if factor and same_numbers(mine, factor * theirs) else None


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
    numbers = (f"{name}={number!r}" for name, number in exercise.running.numbers.items())
    return f"The check calls {exercise.name}({', '.join((*exercise.running.inputs, *numbers))})."


def run(exercise, function, case):
    """Call the function on a copy of the inputs and note all it does: an `Outcome`."""
    leaves = {name: own_copy(x, exercise.differentiable) for name, x in case.inputs.items()}
    arguments = {name: x.clone() if isinstance(x, torch.Tensor) else x for name, x in leaves.items()}
    printed = io.StringIO()
    try:
        file = getattr(getattr(function, "__code__", None), "co_filename", None)
        with contextlib.redirect_stdout(printed), limit.time_limit(limit.SECONDS, file):
            value = as_tensor(function(*arguments.values(), **case.numbers))
    except limit.Endless as error:
        trouble = f"your code did not come to an end within {limit.SECONDS:g} seconds"
        line = own_line(error, function)
        return Outcome(trouble=trouble, line=line, advice=ENDLESS, endless=True, printed=printed.getvalue())
    except Unusable as error:
        return Outcome(trouble=str(error), printed=printed.getvalue())
    except Exception as error:
        message = next(iter(str(error).splitlines()), "")  # PyTorch adds pages to some
        trouble = f"your code stopped with {type(error).__name__}: {message}"
        line, advice = own_line(error, function), what_helps(error, function, [*case.inputs, *case.numbers])
        return Outcome(trouble=trouble, line=line, advice=advice, printed=printed.getvalue())
    gradients = gradients_of(value, leaves) if exercise.differentiable else {}
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
