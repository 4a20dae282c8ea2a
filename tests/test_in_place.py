"""Predictions, hints and solutions where they stand: one run of each notebook, in a folder that is not its own.

An answer is revealed at its cell and again after the last: a learner who runs all cells first and reads afterwards must
get the same ones, so no later cell may change what an answer is computed from.
"""

import ast
import builtins
import inspect
import re

import pytest
import torch
from notebook_runner import FOLDER, MODULE_OF, NOTEBOOKS, code_of

from ppo_lessons import LESSONS
from ppo_lessons.clip import ClipTerms
from ppo_lessons.practice import EXERCISES, check
from ppo_lessons.practice.card import solution
from ppo_lessons.trainer.rollout import Batch

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


def can_be_predicted(prediction):
    """Is the answer on the slider, or in the list?"""
    answer, choice = prediction.answer(), prediction.choice
    return answer in choice.options if isinstance(answer, str) else choice.min <= answer <= choice.max


def is_call(node, *functions):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and called(node.value) in functions


def called(call):
    return getattr(call.func, "id", "")


def perform(source, names):
    """Run a cell, without the calls that only show something: they make no names, and take the time.

    Returns:
        The predictions that the cell asks for.
    """
    tree = ast.parse(source)
    asking = [ast.Expression(node.value) for node in tree.body if is_call(node, "predict")]
    tree.body = [node for node in tree.body if not is_call(node, "explore", "predict", "check", "hints")]
    exec(compile(tree, "cell", "exec"), names)
    return [eval(compile(call, "cell", "eval"), names) for call in asking]


def try_solution(exercise, names):
    """Every name in the hints is known here, and the solution passes when it is pasted."""
    assert not unknown(exercise, names), exercise.name
    pasted = dict(names)
    exec(solution(exercise), pasted)
    assert pasted["check"](pasted[exercise.name]).state == "right", exercise.name


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


def test_every_lesson_with_a_formula_asks_for_a_prediction():
    asking = {MODULE_OF.get(path.stem) for path in NOTEBOOKS if "predict(" in path.read_text("utf-8")}
    assert asking >= set(LESSONS)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_predictions_hints_and_solutions_work_where_they_stand(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ppo_lessons.practice.progress.file", lambda: tmp_path / "practice.json")
    place = path.relative_to(FOLDER).with_suffix("").as_posix()
    left = {exercise.name: exercise for exercise in EXERCISES.values() if exercise.notebook == place}
    names, revealed = {}, []
    for source in code_of(path):
        for prediction in perform(source, names):
            assert can_be_predicted(prediction), prediction.asks
            prediction.reveal()
            revealed.append((prediction, prediction.text))
        for found in [name for name in left if f"def {name}(" in source]:
            try_solution(left.pop(found), names)
    assert not left, "not in the notebook"
    for prediction, text in revealed:
        prediction.reveal()
        assert prediction.text == text and not text.startswith("Run the cells above")
