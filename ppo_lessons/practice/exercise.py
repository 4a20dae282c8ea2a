"""What an exercise is: a function of the course, inputs to try it on, and the mistakes that people make with it."""

from collections.abc import Callable
from typing import NamedTuple

import torch


class Case(NamedTuple):
    """One input, and what is special about it."""

    label: str  # completes "tested on ..."
    inputs: dict  # data by name, in the order of the function's arguments
    numbers: dict  # hyper-parameters by name, given by keyword
    close: float = 1e-6  # results that differ by less agree

    @property
    def size(self):
        """Numbers in the input: feedback shows the smallest case that fails."""
        return sum(x.numel() if isinstance(x, torch.Tensor) else 1 for x in self.inputs.values())


class Mistake(NamedTuple):
    """A known mistake: functions that make it, so that it is found by what it does and not by how it is written."""

    name: str  # completes "your function ..."
    why: str  # one sentence: what is wrong about it
    look: str  # the heading in the notebook to go back to
    versions: tuple[Callable, ...]


class Exercise(NamedTuple):
    """The learner writes `my_<function>`; it is compared with the course's own function."""

    function: Callable  # the one that the lesson derives
    notebook: str
    first: str  # what to try first
    hints: tuple[str, str, str]
    running: Case  # the running trajectory, on which a right answer is shown
    cases: list[Case]
    mistakes: list[Mistake]
    differentiable: bool = False  # compare gradients too, and that none reaches what is data
    measure: Callable | None = None  # where a function acts: makes one of it that returns what came of it, in numbers
    names: tuple[str, ...] = ()  # of these numbers
    reading: str = ""  # how to read them: which of them tells what

    @property
    def name(self):
        return f"my_{self.function.__name__}"

    @property
    def yes_or_no(self):
        """Does the function answer True or False?"""
        return isinstance(self.function(*self.running.inputs.values(), **self.running.numbers), bool)


def real(**inputs):
    """Inputs of a case by name, as float64 tensors."""
    return {name: torch.as_tensor(x, dtype=torch.float64) for name, x in inputs.items()}


def normal(*shape, seed):
    """Random numbers for a case, the same in every run: [*shape] float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chance(probability, *shape, seed):
    """Random flags for a case, the same in every run: [*shape] bool."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < probability
