"""Hints and solutions where they stand: in the notebook, at the exercise, after all cells before it have run."""

import ast
import builtins
import re

import pytest
import torch
from notebook_runner import FOLDER, code_of

from ppo_lessons.practice import EXERCISES, check
from ppo_lessons.practice.card import solution

NOTEBOOKS = sorted({exercise.notebook for exercise in EXERCISES.values()})
CODE = re.compile("`([^`]+)`")
OUTSIDE = re.compile(r"[a-z]{2,}_[a-z]+|[a-z]\.\w+\(|\)\.\w|\[[tn:]|\*\*")  # what looks like Python


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
    known = {"_", *names, *dir(builtins), *exercise.running.inputs, *exercise.running.numbers}
    known |= {node.id for node in nodes(trees, ast.Name) if isinstance(node.ctx, ast.Store)}
    imported = {}
    for tree in trees:
        if isinstance(tree.body[0], ast.Import | ast.ImportFrom):
            exec(compile(tree, "hint", "exec"), imported)
    used = {node.id for node in nodes(trees, ast.Name)} - known - set(imported)
    attributes = {node.attr for node in nodes(trees, ast.Attribute)}
    return used | {name for name in attributes if not (hasattr(torch.Tensor, name) or hasattr(torch, name))}


def without_shows(source):
    """A cell as code without the calls that only show something: they make no names, and take the time."""
    tree = ast.parse(source)
    shows = ("explore", "predict", "check", "hints")
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) in shows)
    ]
    return compile(tree, "cell", "exec")


def called(call):
    return getattr(call.func, "id", "")


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_hints_set_their_code_as_code(exercise):
    assert not OUTSIDE.search(CODE.sub("", " ".join((exercise.first, *exercise.hints))))
    assert list(fragments(exercise))


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_solution_stands_on_its_own(exercise, monkeypatch, tmp_path):
    monkeypatch.setattr("ppo_lessons.practice.progress.file", lambda: tmp_path / "practice.json")
    names = {}
    exec(solution(exercise), names)
    assert check(names[exercise.name]).state == "right"


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_hints_and_solution_work_at_the_exercise(notebook, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ppo_lessons.practice.progress.file", lambda: tmp_path / "practice.json")
    left = {exercise.name: exercise for exercise in EXERCISES.values() if exercise.notebook == notebook}
    names = {}
    for source in code_of(FOLDER / f"{notebook}.ipynb"):
        found = next((name for name in left if f"def {name}(" in source), None)
        exec(without_shows(source), names)
        if found:
            exercise = left.pop(found)
            assert not unknown(exercise, names), found
            pasted = dict(names)
            exec(solution(exercise), pasted)
            assert pasted["check"](pasted[found]).state == "right", found
        if not left:
            return
    raise AssertionError(f"not in the notebook: {', '.join(left)}")
