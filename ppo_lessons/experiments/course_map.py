"""Which lesson's functions are used where, read from the code: what the map of the course draws."""

import ast
from functools import cache
from pathlib import Path

import ppo_lessons
from ppo_lessons import LESSONS

PACKAGE = Path(ppo_lessons.__file__).parent


def imported_lessons(path):
    """The lessons from which the module in this file imports something, as a set of names."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {lesson for lesson in LESSONS if f"ppo_lessons.{lesson}" in modules}


@cache
def uses():
    """Which lessons each lesson is built from: name -> set of lessons."""
    return {lesson: imported_lessons(PACKAGE / f"{lesson}.py") for lesson in LESSONS}


@cache
def called_by_trainer():
    """The lessons whose functions the trainer calls by name, in order.

    The trainer is the page of lesson 12 and the modules of `trainer`. Not counted is what it reaches through a
    distribution only: a game with other actions has another one in place of the lesson's softmax and its entropy.
    """
    modules = [PACKAGE / "ppo.py", *(PACKAGE / "trainer").glob("*.py")]
    called = set().union(*(imported_lessons(path) for path in modules if path.stem != "distributions"))
    return [lesson for lesson in LESSONS if lesson in called]
