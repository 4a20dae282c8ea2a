"""The pictures of lesson 06 show the numbers of its experiments."""

import itertools

import pytest

from ppo_lessons.experiments import advantage as experiments
from ppo_lessons.figures import advantage as pictures
from ppo_lessons.figures.style import Canvas


def test_bars_go_from_value_to_action_value():
    canvas = Canvas(pictures.cells, situation="night", step=1)
    values, action_values, _ = experiments.tables()
    _, bars, _, note = canvas.artists["columns"][2]
    assert note.get_text() == f"V = {values[1, 8]:.2f}"
    assert [bar.get_y() + bar.get_height() for bar in bars] == pytest.approx(action_values[1, 8].tolist())
    assert canvas.artists["columns"][4][3].get_text() == "not reached"


def test_the_last_bar_is_the_advantage_and_the_marker_is_the_least_sum():
    canvas = Canvas(pictures.n_steps, n=2, critic_error=2.0, plays=64)
    heights = [bar.get_height() for bar in canvas.artists["bars"]]
    assert heights == pytest.approx(experiments.parts(2, 2.0))
    bias, variance = experiments.errors(2.0)
    total = bias + variance / 64
    assert canvas.artists["best"].get_xdata() == [total.argmin() + 1]


@pytest.mark.parametrize("situation", ["day", "night"])
def test_no_number_lies_on_another(situation):
    canvas = Canvas(pictures.cells, situation=situation, step=0)
    for step in range(6):
        canvas.move(situation=situation, step=step)
        canvas.draw()
        labels = [label for _, _, labels, _ in canvas.artists["columns"].values() for label in labels]
        shown = [label for label in labels if label.get_text()]
        boxes = [label.get_window_extent(canvas.canvas.get_renderer()) for label in shown]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        assert all(label.get_text() != "-0.00" for label in shown)


@pytest.mark.parametrize("plays", [64, 256, 1024])
@pytest.mark.parametrize("critic_error", [0.0, 1.0, 2.0, 3.0])
def test_errors_stay_inside_the_axes_and_the_lowest_point_is_seen(critic_error, plays):
    canvas = Canvas(pictures.n_steps, n=1, critic_error=critic_error, plays=plays)
    _, top = canvas.artists["right"].get_ylim()
    assert canvas.artists["right"].get_yscale() == "linear"
    assert max(canvas.artists["total"].get_ydata()) < top
    assert min(canvas.artists["total"].get_ydata()) == canvas.artists["best"].get_ydata()[0]


@pytest.mark.parametrize("plays", [64, 256, 1024])
def test_the_sums_in_numbers_tell_the_lowest_point_where_the_curve_is_nearly_flat(plays):
    canvas = Canvas(pictures.n_steps, n=1, critic_error=0.0, plays=plays)
    curve_top = 0.0
    for quarter in range(13):  # the slider's values, 0 to 3
        canvas.move(n=1, critic_error=quarter / 4, plays=plays)
        sums = [float(label.get_text()) for label in canvas.artists["sums"]]
        lowest = canvas.artists["best"].get_xdata()[0] - 1
        assert sums == pytest.approx(canvas.artists["total"].get_ydata(), abs=5e-5)
        assert sums[lowest] == min(sums)
        assert [label.get_weight() == "bold" for label in canvas.artists["sums"]].index(True) == lowest
        curve_top = max(curve_top, *canvas.artists["total"].get_ydata())
    assert curve_top < canvas.artists["sums"][0].get_position()[1]  # the numbers stand above the curves


def test_the_gaussian_does_not_say_beforehand_which_action_is_the_right_one():
    canvas = Canvas(pictures.gaussian, mean=0.0, spread=0.7, action=1.6)
    (legend,) = canvas.figure.legends
    words = " ".join(text.get_text() for text in legend.get_texts())
    assert "raw" in words and "clipped" in words and "wrong" not in words


def test_the_start_does_not_answer_which_n_is_best_for_a_wrong_critic():
    """The notebook asks for error 2; it starts with the exact critic, of which section 4 has told."""
    from pictures import at_start

    title = at_start("06_advantage:pictures.n_steps").artists["right"].get_title()
    assert title.startswith("n = 1")
    raw = at_start("06_advantage:pictures.gaussian").artists["right"].get_title()
    assert raw.endswith("raw 0.00, clipped 0.00")
