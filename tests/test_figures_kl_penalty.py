"""The pictures of lesson 09 show the numbers of its experiments."""

import re

import pytest

from ppo_lessons.experiments import kl_penalty as experiments
from ppo_lessons.figures import kl_penalty as pictures
from ppo_lessons.figures.style import Canvas
from ppo_lessons.kl_penalty import kl_divergence


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_the_bars_of_a_step_are_the_two_policies():
    canvas = Canvas(pictures.step, sure=2.0, length=0.7)
    old, new = experiments.stepped(2.0, 0.7)
    for name, logits in (("old", old), ("new", new)):
        heights = [bar.get_height() for bar in canvas.artists[name]]
        assert heights == pytest.approx(logits.softmax(-1).tolist())
    assert canvas.artists["dot"].get_ydata() == pytest.approx([kl_divergence(old, new).item()])


def test_the_dots_of_a_price_are_what_its_best_policy_costs_and_gains():
    canvas = Canvas(pictures.price, beta=3.0)
    worth = experiments.worth(experiments.best_for_price(3.0))
    assert canvas.artists["dots"].get_ydata() == pytest.approx(worth)
    assert {round(number, 4) for number in worth} <= set(numbers(canvas.text))


def test_the_adaptive_picture_counts_the_updates_in_its_band():
    canvas = Canvas(pictures.adaptive, target_kl=0.03, first_beta=3.0, sample=3)
    records = [record for record, _ in experiments.train_adaptive(3.0, target=0.03, seed=3)]
    band = canvas.artists["band"]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.02, 0.045))
    assert {experiments.inside_band(records, 0.03), 0.02, 0.045} <= set(numbers(canvas.text))
    assert numbers(canvas.artists["middle"].get_title())[0] == experiments.inside_band(records, 0.03)
