"""Practice: the learner writes a function of the course, and the check names the mistake.

check(my_gae)     what is wrong with it, or that it is right
hints(my_gae)     three hints and the solution, folded
predict(...)      say what you expect before you see it
"""

import importlib

from ppo_lessons import LESSONS
from ppo_lessons.controls import predict
from ppo_lessons.practice import progress
from ppo_lessons.practice.card import Answer, Hints, Unknown
from ppo_lessons.practice.checking import diagnose

__all__ = ["EXERCISES", "NotSolved", "check", "hints", "predict"]

EXERCISES = {
    exercise.name: exercise
    for lesson in (*LESSONS, "ppo", "details", "language")
    for exercise in importlib.import_module(f"ppo_lessons.practice.{lesson}").EXERCISES
}


class NotSolved(Exception):
    """With `strict=True`: the function is not right, or not written yet."""


def check(function, *, strict=False):
    """Say what is wrong with a learner's function, or that it is right.

    The exercise is found by the function's name, `my_` and the name of the course's own function. The learner's
    mistakes are found by what the function does: it is run on small inputs beside the course's own function and beside
    every known mistake.

    Args:
        function: the learner's function, or one whose body is still `...`.
        strict: raise where the function is not right. The course's own tests use it; learners do not need it.

    Returns:
        Answer: shown by the notebook as a card. `.state` is "open", "wrong" or "right"; `.function` is the learner's
        function if it is right and the course's own otherwise, so that later cells always run.

    Raises:
        NotSolved: only with `strict=True`.
    """
    name = getattr(function, "__name__", str(function))
    if name not in EXERCISES:
        answer = Unknown(name, list(EXERCISES))
    else:
        exercise = EXERCISES[name]
        finding = diagnose(exercise, function)
        right = finding.state == "right"
        answer = Answer(
            exercise, finding, function if right else exercise.function, progress.record(name) if right else ""
        )
    if strict and answer.state != "right":
        raise NotSolved(str(answer))
    return answer


def hints(function):
    """Three hints and the solution of an exercise, folded: open them one at a time."""
    name = getattr(function, "__name__", str(function))
    return Hints(EXERCISES[name]) if name in EXERCISES else Unknown(name, list(EXERCISES))
