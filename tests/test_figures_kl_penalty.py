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
    dot = canvas.artists["dot"]
    assert (*dot.get_xdata(), *dot.get_ydata()) == pytest.approx(worth)
    assert {round(number, 4) for number in worth} <= set(numbers(canvas.text))


def test_the_line_of_a_price_touches_the_curve_and_lies_above_it():
    canvas = Canvas(pictures.price, beta=3.0)
    (x0, x1), (y0, y1) = canvas.artists["slope"].get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(3.0)
    kl, gain = experiments.bought()
    above = y0 + 3.0 * (kl - x0) - gain
    assert (above > 0).all()
    assert above.min() < 0.01


def test_the_limit_of_trpo_is_named_where_it_is_drawn():
    canvas = Canvas(pictures.training, beta=3.0, delta=0.05, sample=0)
    assert canvas.artists["limit_name"].get_text() == "δ"
    assert canvas.artists["limit_name"].get_position()[1] == canvas.artists["limit"].get_ydata()[0] == 0.05


def test_the_estimators_say_the_bias_of_k2_and_the_noise_of_the_others():
    canvas = Canvas(pictures.estimators, length=0.5, samples=100)
    exact, moments = experiments.estimator_moments(0.5)
    noise = {name: round(100 * (spread / exact).item() / 10, 1) for name, (_, spread) in moments.items()}
    bias = round(100 * (1 - moments["k2"][0] / exact).item(), 1)  # written as −10.3%, read here without its sign
    assert {bias, noise["k1"], noise["k3"]} <= set(numbers(canvas.text))


def test_no_share_is_a_negative_zero():
    assert [pictures.signed(share) for share in (-1e-9, 0.0, -0.1034, 0.5)] == ["+0.0%", "+0.0%", "−10.3%", "+50.0%"]


def test_the_adaptive_picture_counts_the_updates_in_its_band():
    canvas = Canvas(pictures.adaptive, target_kl=0.03, first_beta=3.0, sample=3)
    records = [record for record, _ in experiments.train_adaptive(3.0, target=0.03, seed=3)]
    band = canvas.artists["band"]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.02, 0.045))
    assert {experiments.inside_band(records, 0.03), 0.02, 0.045} <= set(numbers(canvas.text))
    assert numbers(canvas.artists["middle"].get_title())[0] == experiments.inside_band(records, 0.03)
