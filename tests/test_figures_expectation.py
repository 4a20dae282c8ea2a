"""The pictures of lesson 01: they draw the numbers of `ppo_lessons.experiments.expectation`."""

import re

import pytest

from ppo_lessons.experiments.expectation import LONGEST, distribution, exams, sampled_returns
from ppo_lessons.figures import expectation as pictures
from ppo_lessons.figures.style import Canvas


def numbers_in(text):
    """All numbers of a sentence."""
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]


def test_the_exam_picture_shows_the_sample_and_the_truth():
    canvas = Canvas(pictures.exam, n=50, p=0.8, sample=3)
    marks = exams(0.8, 3, LONGEST)
    assert canvas.artists["dot"].get_ydata()[0] == pytest.approx(marks[:50].mean().item())
    assert canvas.artists["truth"].get_ydata()[0] == pytest.approx(88)
    assert canvas.artists["bars"][1].get_height() == pytest.approx((marks[:50] == 90).double().mean().item())
    assert 0.566 in numbers_in(canvas.text)  # the exact standard error, 4 / sqrt(50)


def test_the_histogram_counts_every_student_once():
    for n in (1, 7, 200):
        canvas = Canvas(pictures.again, n=n, p=0.9)
        assert sum(bar.get_width() for bar in canvas.artists["bars"]) == pytest.approx(1)


def test_the_bars_of_the_returns_are_the_shares_of_the_sample():
    canvas = Canvas(pictures.returns, plays=100, policy="slides", sample=2)
    drawn = sampled_returns("slides", 2)[:100]
    heights = [bar.get_height() for bar in canvas.artists["bars"]]
    assert heights == pytest.approx([(drawn == value).double().mean().item() for value in distribution("slides")[0]])
    assert canvas.artists["dot"].get_ydata()[0] == pytest.approx(drawn.mean().item())


def test_the_sentence_says_on_which_side_of_the_band_the_mean_lies():
    for sample in range(20):
        canvas = Canvas(pictures.exam, n=50, p=0.8, sample=sample)
        off = abs(exams(0.8, sample, LONGEST)[:50].mean().item() - 88)
        assert ("inside" if off <= 4 / 50**0.5 else "outside") in canvas.text
    assert "inside" in Canvas(pictures.exam, n=2, p=1.0, sample=0).text  # without chance the band is a line
