"""Every prediction of every notebook: it can be revealed, at its cell and also after the whole notebook has run.

A learner who runs all cells first and reads afterwards must get the same answers: no later cell may change what an
answer is computed from.
"""

import ast

import pytest
from notebook_runner import MODULE_OF, NOTEBOOKS, code_of

from ppo_lessons import LESSONS


def asks(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "predict"


def can_be_predicted(prediction):
    """Is the answer on the slider, or in the list?"""
    answer, choice = prediction.answer(), prediction.choice
    return answer in choice.options if isinstance(answer, str) else choice.min <= answer <= choice.max


ASKING = [path for path in NOTEBOOKS if "predict(" in path.read_text("utf-8")]


def test_every_lesson_with_a_formula_asks_for_a_prediction():
    assert {MODULE_OF.get(path.stem) for path in ASKING} >= set(LESSONS)


@pytest.mark.slow
@pytest.mark.parametrize("path", ASKING, ids=lambda path: path.stem)
def test_the_answer_is_the_same_at_the_cell_and_at_the_end(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ppo_lessons.practice.progress.file", lambda: tmp_path / "practice.json")
    names, revealed = {}, []
    for source in code_of(path):
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and asks(tree.body[-1]) else None
        exec(compile(tree, str(path), "exec"), names)
        if last:
            prediction = eval(compile(ast.Expression(last.value), str(path), "eval"), names)
            assert can_be_predicted(prediction), prediction.asks
            prediction.reveal()
            revealed.append((prediction, prediction.text))
    assert revealed
    for prediction, text in revealed:
        prediction.reveal()
        assert prediction.text == text and not text.startswith("Run the cells above")
