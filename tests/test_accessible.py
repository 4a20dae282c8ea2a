"""Pictures that do not need full sight: contrast, and series that differ by more than their hue.

Limits: 3 to 1 for what is drawn and 4.5 to 1 for words (WCAG 2.2, 1.4.11 and 1.4.3). Two series in one axes differ in
line style, marker or hatch; or their colours stay apart in grey and for each of the three kinds of colour blindness.
"""

import itertools

import numpy as np
import pytest
from colorspacious import cspace_convert, deltaE
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.text import Text
from pictures import EXPLORED, at_start, each_picture, start

from ppo_lessons.figures import ladder, style, variance_ladder
from ppo_lessons.figures.style import Canvas

pytestmark = pytest.mark.usefixtures("short_training")
APART = 12.0  # CAM02-UCS distance; from about 10 on nobody takes two colours for one
BLIND = ("deuteranomaly", "protanomaly", "tritanomaly")
IDEAS = {name: line for name, line in vars(style).items() if isinstance(line, dict) and "linestyle" in line}


def over(color, background, alpha=None):
    """The colour that is seen: [r, g, b] after blending."""
    *rgb, opacity = to_rgba(color, alpha)
    return np.array(rgb) * opacity + np.array(to_rgb(background)) * (1 - opacity)


def luminance(rgb):
    rgb = np.asarray(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """WCAG's ratio of two opaque colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def grey(rgb):
    return [min(1.0, luminance(rgb)) ** (1 / 2.2)] * 3


def seen_apart(one, other):
    """The least distance of two colours over four ways to see them."""
    views = [(grey(one), grey(other))]
    for kind in BLIND:
        space = {"name": "sRGB1+CVD", "cvd_type": kind, "severity": 100}
        views.append([np.clip(cspace_convert(color, space, "sRGB1"), 0, 1) for color in (one, other)])
    return min(deltaE(a, b, input_space="sRGB1") for a, b in views)


def series(axes):
    """What is drawn from data: kind, style and colour. Artists with one gid are one series, such as ten equal runs."""
    found = []
    for line in axes.lines:
        if line.get_visible() and np.isfinite(np.asarray(line.get_ydata(), float)).any():
            drawn = line.get_linestyle() != "None"
            marker = line.get_marker() if line.get_marker() not in ("None", None, "") else ""
            name = (str(line._unscaled_dash_pattern) + f"{line.get_linewidth():.1f}" if drawn else "") + marker
            found.append((line.get_gid() or line, name, line.get_color(), line.get_alpha()))
    for bars in axes.containers:
        for bar in bars.patches if hasattr(bars, "patches") else []:
            if bar.get_height() and bar.get_width():
                gid = bar.get_gid() or bars.get_label()
                found.append((gid, f"bars {bar.get_hatch()}", bar.get_facecolor(), None))
    for dots in axes.collections:
        if isinstance(dots, PathCollection) and len(dots.get_offsets()):
            found.append((dots.get_gid() or dots, "dots", dots.get_facecolor()[0], None))
    return found


def alike(axes):
    """Pairs of series that cannot be told apart, in words."""
    wrong = set()
    background = axes.get_facecolor()
    for (a, style_a, *color_a), (b, style_b, *color_b) in itertools.combinations(series(axes), 2):
        if a != b and style_a == style_b:
            one, other = (over(color, background, alpha) for color, alpha in (color_a, color_b))
            if (distance := seen_apart(one, other)) < APART:
                wrong.add(f"{style_a}: {to_hex(one)} and {to_hex(other)} are {distance:.0f} apart")
    return wrong


def faint(figure):
    """Series and words with too little contrast, in words."""
    wrong = set()
    for axes in figure.axes:
        for _, name, color, alpha in series(axes):
            if (ratio := contrast(over(color, "white", alpha), [1, 1, 1])) < 3:
                wrong.add(f"{name} {to_hex(color)} {alpha}: {ratio:.1f}")
    for text in figure.findobj(Text):
        ratio = contrast(over(text.get_color(), "white", text.get_alpha()), [1, 1, 1])
        if text.get_visible() and text.get_text().strip() and ratio < 4.5:
            wrong.add(f"{text.get_text()!r} {text.get_color()}: {ratio:.1f}")
    return wrong


def problems(canvas):
    return set().union(faint(canvas.figure), *(alike(axes) for axes in canvas.figure.axes))


def numbers_in(sentence, value):
    """Does the sentence name this setting, as a word or as a number in one of the usual forms?"""
    if isinstance(value, str):
        return value.lower() in sentence.lower()
    forms = {f"{value}", f"{value:g}", f"{value:.1f}", f"{value:.2f}", f"{value:+.1f}", f"{value:+g}", f"{value:.0%}"}
    return any(form in sentence for form in forms)


@pytest.mark.parametrize("name", IDEAS)
def test_the_colour_of_each_idea_serves_for_lines_and_words(name):
    assert contrast(to_rgb(IDEAS[name]["color"]), [1, 1, 1]) >= 4.5


@each_picture
def test_series_can_be_told_apart_and_are_seen(name):
    """At the corners of the controls it is test_figures.py that asks."""
    assert problems(at_start(name)) == set()


STILL = {
    "curves of the rungs": ladder.curves,
    "what each change adds": ladder.differences,
    "ladder": lambda: variance_ladder.ladder("gae"),
    "running trajectory": lambda: variance_ladder.running("gae"),
}


@pytest.mark.parametrize("name", STILL)
def test_pictures_without_controls(name):
    assert problems(Canvas(STILL[name]())) == set()


@each_picture
def test_the_sentence_names_the_settings(name):
    """Samples and seeds are only drawn anew; they have no meaning that could be told."""
    text, values = at_start(name).text, start(EXPLORED[name][1])
    told = {name: value for name, value in values.items() if name not in ("sample", "seed", "doublings")}
    assert [name for name, value in told.items() if not numbers_in(text, value)] == []


def test_planted_faults_are_found():
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#0072B2")
    axes.plot([0, 1], [1, 0], color="#6E6E6E")  # as dark as the blue: one line in grey
    axes.bar([0], [1], color="#A6478A")
    axes.bar([1], [1], color="#5c6f8a")
    axes.plot([0], [0], "o", color="#BBBBBB")
    axes.set_title("pale", color="#999999")
    assert len(alike(axes)) == 2
    assert len(faint(figure)) == 2
    assert contrast([0, 0, 0], [1, 1, 1]) == pytest.approx(21)
    assert seen_apart([1, 0, 0], [0, 0.53, 0]) < APART < seen_apart([0, 0, 0], [1, 1, 0])
