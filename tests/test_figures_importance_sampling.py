"""Lesson 08's pictures show and say the numbers of their experiments."""

import re

from pictures import misplaced

from ppo_lessons.experiments import importance_sampling as experiments
from ppo_lessons.figures import importance_sampling as pictures
from ppo_lessons.figures.style import Canvas
from ppo_lessons.importance_sampling import surrogate_objective


def numbers(text):
    """The numbers with decimals that a sentence says, as they are written."""
    return re.findall(r"-?\d+\.\d+", text)


def test_fish_that_lake_b_does_not_have_are_never_seen():
    canvas = Canvas(pictures.lakes, perch=0, sample=0)
    assert f"{experiments.long_run(0):.2f}" in numbers(canvas.text)
    assert [label.get_text().startswith("weight") for label in canvas.artists["weights"]] == [True, False, True]
    canvas.move(perch=10, sample=0)
    weights = [float(label.get_text().split()[-1]) for label in canvas.artists["weights"]]
    assert weights == [0.2, 4.0, 1.25]
    assert [bar.get_height() for bar in canvas.artists["bars"]] == experiments.lake_b(10).tolist()


def test_the_truth_stands_beside_the_curves_and_not_on_them():
    canvas = Canvas(pictures.lakes, perch=10, sample=0)
    canvas.png()
    axes = canvas.artists["right"]
    (label,) = (text for text in axes.texts if "18.5" in text.get_text())
    assert label.get_window_extent().x0 >= axes.get_window_extent().x1


def test_the_picture_of_reuse_says_what_the_run_found():
    canvas = Canvas(pictures.reuse, plays=20, lam=0.95, sample=3)
    *_, last = experiments.sampled_run(surrogate_objective, plays=20, lam=0.95, sample=3)
    assert f"{last.expected_return:.2f}" in numbers(canvas.text)
    assert f"{last.ratio.max().item():.1f}" in numbers(canvas.text)
    x, y = canvas.artists["lines"][0, "free"].get_data()
    assert len(x) == len(y) == experiments.EPOCHS + 1
    assert y[-1] == last.expected_return


def test_a_step_of_size_zero_gains_nothing_and_no_zero_has_a_sign():
    canvas = Canvas(pictures.surrogate, step_size=0.0, start="slides' policy")
    assert "just that" in canvas.text and "-0.0" not in canvas.text + canvas.artists["left"].get_title()


def test_the_title_says_when_the_dot_stands_on_the_edge_of_its_axis():
    canvas = Canvas(pictures.distance, distance=1.0, number=10, sample=0)
    low, _ = canvas.artists["top"].get_ylim()
    assert canvas.artists["dot"].get_ydata()[0] == low and "below the axis" in canvas.artists["top"].get_title()
    canvas.move(distance=1.25, number=10, sample=0)
    assert canvas.artists["dot"].get_ydata()[0] > low and "below the axis" not in canvas.artists["top"].get_title()


def test_the_title_fits_where_it_is_longest():
    canvas = Canvas(pictures.distance, distance=1.0, number=1000, sample=0)
    assert misplaced(canvas.figure) == []
