"""What the map of the course says is read from the code, and it is true."""

import importlib

from ppo_lessons import LESSONS
from ppo_lessons.experiments.course_map import called_by_trainer, imported_lessons, uses
from ppo_lessons.figures.course_map import MAIN_FUNCTION


def test_imports_are_read_from_the_source(tmp_path):
    file = tmp_path / "lesson.py"
    file.write_text("import torch\nfrom ppo_lessons.gae import gae\nfrom ppo_lessons.trainer.rollout import collect\n")
    assert imported_lessons(file) == {"gae"}


def test_no_lesson_is_built_from_a_later_one():
    assert set(uses()) == set(LESSONS)
    for lesson, earlier in uses().items():
        assert earlier <= set(LESSONS[: LESSONS.index(lesson)])
    assert "advantage" in uses()["gae"]


def test_the_trainer_calls_what_the_map_draws_in_blue():
    called = called_by_trainer()
    assert called == [lesson for lesson in LESSONS if lesson in called]
    assert set(called) == set(LESSONS) - {"policy_gradient", "entropy"}  # a distribution brings these two


def test_the_function_named_on_each_box_exists():
    assert list(MAIN_FUNCTION) == list(LESSONS)
    for lesson, name in MAIN_FUNCTION.items():
        assert callable(getattr(importlib.import_module(f"ppo_lessons.{lesson}"), name))
