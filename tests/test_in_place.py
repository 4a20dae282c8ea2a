"""The hints and solutions themselves; `in_place.py` tries them where they stand, in the notebooks' own kernels."""

import re

import pytest
from in_place import CODE, fragments, passes
from notebook_runner import MODULE_OF, NOTEBOOKS

from ppo_lessons import LESSONS
from ppo_lessons.practice import EXERCISES
from ppo_lessons.practice.card import solution

OUTSIDE = re.compile(r"[a-z]{2,}_[a-z]+|[a-z]\.\w+\(|\)\.\w|\[[tn:]|\*\*")  # what looks like Python


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_hints_set_their_code_as_code(exercise):
    assert not OUTSIDE.search(CODE.sub("", " ".join((exercise.first, *exercise.hints))))
    assert list(fragments(exercise))


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_the_solution_stands_on_its_own(exercise):
    names = {}
    exec(solution(exercise), names)
    passes(exercise, names)


def test_every_lesson_with_a_formula_asks_for_a_prediction():
    asking = {MODULE_OF.get(path.stem) for path in NOTEBOOKS if "predict(" in path.read_text("utf-8")}
    assert asking >= set(LESSONS)
