"""The pictures of lesson 11 show the numbers of its experiments."""

import re

import pytest

from ppo_lessons.experiments import entropy as experiments
from ppo_lessons.figures import entropy as pictures
from ppo_lessons.figures.style import Canvas


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_the_bars_at_a_temperature_are_softmax_and_say_so():
    canvas = Canvas(pictures.temperature, up=0.0, right=0.0, temperature=0.5)
    assert [bar.get_height() for bar in canvas.artists["bars"]] == pytest.approx([1 / 3] * 3)
    assert [label.get_text() for label in canvas.artists["labels"]] == ["0.333"] * 3
    assert canvas.artists["dot"].get_ydata() == pytest.approx([1.0986], abs=1e-4)  # log 3


def test_the_dot_of_the_night_is_the_resting_place():
    canvas = Canvas(pictures.trap, weight=2.0)
    place, height = experiments.resting_place(2.0)
    value, _ = experiments.night()
    p = experiments.STAY[place].item()
    assert (*canvas.artists["dot"].get_xdata(), *canvas.artists["dot"].get_ydata()) == pytest.approx(
        (p, height[place].item())
    )
    assert {round(p, 3), abs(round(value[place].item(), 3))} <= set(numbers(canvas.text))


def test_the_change_shows_each_update_of_both_worlds():
    canvas = Canvas(pictures.change, weight=0.6, decay="constant", sample=0)
    records = list(experiments.train_changing(lambda update: 0.6, seed=0))
    assert canvas.artists["J"].get_ydata() == [r.expected_return for r in records]
    assert canvas.artists["leaves"].get_ydata() == [r.leaves for r in records]
    said = {round(100 * records[100].leaves, 2), round(100 * records[200].leaves, 2)}
    assert said | {round(records[200].expected_return, 2)} <= set(numbers(canvas.text))


@pytest.mark.parametrize("weights", experiments.WEIGHTS)
def test_the_three_errors_of_a_stored_gradient_are_in_the_sentence(weights):
    canvas = Canvas(pictures.stored, temperature=2.0, weights=weights)
    plain, acting, tempered, untempered = experiments.stored_gradients(2.0, weights)
    errors = [experiments.distance(*pair) for pair in ((tempered, acting), (untempered, acting), (untempered, plain))]
    assert {round(100 * error, 1) for error in errors} <= set(numbers(canvas.text))
