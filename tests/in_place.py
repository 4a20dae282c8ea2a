"""Predictions, hints and solutions where they stand: what nbval does in a notebook's own kernel, after each cell.

An answer is revealed at its cell and again after the last: a learner who runs all cells first and reads afterwards must
get the same ones, so no later cell may change what an answer is computed from.
"""

import ast
import builtins
import inspect
import re
import tempfile
from pathlib import Path

import torch
from IPython import get_ipython

from ppo_lessons.clip import ClipTerms
from ppo_lessons.practice import EXERCISES, check, progress
from ppo_lessons.practice.card import solution
from ppo_lessons.trainer.rollout import Batch

CODE = re.compile("`([^`]+)`")
revealed, tried = [], set()  # what was met in this kernel so far


def after(source, names, place, last):
    """Try what stands in a cell that has just run. Raises AssertionError.

    Args:
        source: of the cell.
        names: the notebook's own names, as the cell left them.
        place: the notebook, as an exercise names it.
        last: is it the last cell?
    """
    tree = ast.parse(get_ipython().transform_cell(source))
    for node in tree.body:
        if isinstance(node, ast.Expr) and getattr(getattr(node.value, "func", None), "id", "") == "predict":
            reveal(eval(compile(ast.Expression(node.value), "cell", "eval"), names))
    exercises = {exercise.name: exercise for exercise in EXERCISES.values() if exercise.notebook == place}
    for name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} & set(exercises):
        try_solution(exercises[name], names)
        tried.add(name)
    if last:
        assert tried == set(exercises)
        for prediction, text in revealed:
            prediction.reveal()
            assert prediction.text == text


def reveal(prediction):
    """Its answer is on the slider, or in the list, and can be told."""
    answer, choice = prediction.answer(), prediction.choice
    allowed = answer in choice.options if isinstance(answer, str) else choice.min <= answer <= choice.max
    assert allowed, prediction.asks
    prediction.reveal()
    assert not prediction.text.startswith("Run the cells above")
    revealed.append((prediction, prediction.text))


def try_solution(exercise, names):
    """Every name in the hints is known here, and the solution passes when it is pasted."""
    assert not unknown(exercise, names), exercise.name
    pasted = dict(names)
    exec(solution(exercise), pasted)
    passes(exercise, pasted, pasted["check"])


def passes(exercise, names, check=check):
    """The function of this name is right; that is not noted as the learner's own work."""
    noted = progress.file
    with tempfile.TemporaryDirectory() as folder:
        progress.file = lambda: Path(folder) / "practice.json"
        try:
            assert check(names[exercise.name]).state == "right", exercise.name
        finally:
            progress.file = noted


def fragments(exercise):
    """The pieces of Python in the first advice and in the hints, as syntax trees. What lacks its left side gets a _."""
    for text in CODE.findall(" ".join((exercise.first, *exercise.hints))):
        text = f"_{text}" if text[0] in ".[/*+" else text
        text = f"{text}: pass" if text.startswith(("for ", "if ", "while ")) and ": " not in text else text
        yield text, ast.parse(text)


def nodes(trees, kind):
    return (node for tree in trees for node in ast.walk(tree) if isinstance(node, kind))


def unknown(exercise, names):
    """Names and attributes that hints mention and that nobody knows at the exercise's place."""
    trees = [tree for _, tree in fragments(exercise)]
    known = {"_", *names, *dir(builtins), *inspect.signature(names[exercise.name]).parameters}
    known |= {node.id for node in nodes(trees, ast.Name) if isinstance(node.ctx, ast.Store)}
    imported = {}
    for tree in trees:
        if isinstance(tree.body[0], ast.Import | ast.ImportFrom):
            exec(compile(tree, "hint", "exec"), imported)
    used = {node.id for node in nodes(trees, ast.Name)} - known - set(imported)
    attributes = {node.attr for node in nodes(trees, ast.Attribute)}
    return used | {
        name
        for name in attributes
        if not any(hasattr(thing, name) for thing in (torch.Tensor, torch, Batch, ClipTerms))
    }
