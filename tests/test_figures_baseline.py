"""The pictures of lesson 05."""

import pytest

from ppo_lessons.experiments.baseline import (
    PLACES,
    best_baseline,
    exact_values,
    expected_loss,
    outcomes,
    variance_with,
)
from ppo_lessons.figures import baseline
from ppo_lessons.figures.style import Canvas


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("guess", [-8.0, 0.0, 8.0])
def test_the_dot_is_the_loss_or_points_out_of_the_picture(place, guess):
    canvas = Canvas(baseline.regression, place=place, guess=guess)
    dot, loss = canvas.artists["dot"], expected_loss(guess, *outcomes(*PLACES[place]))
    (height,) = dot.get_ydata()
    assert height < baseline.HIGHEST
    assert (dot.get_marker() == "o") == (height == pytest.approx(loss))


def test_the_parabola_does_not_tell_what_the_next_section_asks():
    """The variance with V, and with the best baseline: the reader is to guess them first."""
    axes = Canvas(baseline.parabola, b=0.0).artists["axes"]
    words = " ".join(text.get_text() for text in axes.texts)
    later = [variance_with(b).sum().item() for b in (exact_values(), best_baseline(by_time=True))]
    assert "20.82" in words and not any(f"{variance:.2f}" in words for variance in later)
    heights = {float(line.get_ydata()[0]) for line in axes.lines if len(set(line.get_ydata())) == 1}
    assert heights.isdisjoint(later)


def test_the_least_loss_can_be_told_from_zero():
    """One twentieth of the axis at least, in the first place that is shown."""
    values, p = outcomes(*next(iter(PLACES.values())))
    assert expected_loss((values * p).sum().item(), values, p) > 0.04 * baseline.HIGHEST
