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
    """The lessons whose functions the trainer calls, in order.

    The trainer is the page of lesson 12 and every module of `trainer`, the distributions among them: with them it calls
    `softmax_policy` for each action and `entropy` for each minibatch. `tests/test_experiments_course_map.py` runs all
    algorithms of the course and compares.
    """
    modules = [PACKAGE / "ppo.py", *(PACKAGE / "trainer").glob("*.py")]
    called = set().union(*map(imported_lessons, modules))
    return [lesson for lesson in LESSONS if lesson in called]
