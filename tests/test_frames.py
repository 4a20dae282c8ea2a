"""Frames drawn ahead for the site: which values, and what the sheet of frames shows."""

import io
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ppo_lessons.controls import explore, make_control
from ppo_lessons.figures import gae, ppo, style
from ppo_lessons.figures.style import ADVANTAGE, BIAS, TOTAL, VARIANCE, Canvas, Picture

sys.path.insert(0, str(Path(__file__).parents[1] / "website"))
import execute
import frames


@pytest.fixture(autouse=True)
def one_pixel_a_point(monkeypatch):
    """As `frames.install` sets it in a notebook's kernel."""
    monkeypatch.setattr(style, "SHARPNESS", 1)


def controls(**settings):
    return {name: make_control(name, setting) for name, setting in settings.items()}


def build(figure):
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes.plot([0], [0], "o", color="#2B88BF", markersize=30)[0]


def update(dot, *, height, side="left"):
    dot.set_data([2 if side == "left" else 8], [height])
    return f"The dot is {side} <at {height}>."


def test_values_hold_both_ends_the_start_and_lie_on_the_steps():
    (values,) = frames.grid(controls(lam=(0.0, 1.0, 0.05, 0.95)), 6).values()
    assert values == [0.0, 0.25, 0.5, 0.75, 0.95, 1.0]
    (values,) = frames.grid(controls(n=(2, 1000, 1, 50)), 3).values()
    assert values == [2, 50, 1000]


def test_a_coarse_slider_gets_all_its_values_and_no_more():
    assert frames.grid(controls(n=(1, 6, 1, 1)), 64) == {"n": [1, 2, 3, 4, 5, 6]}


def test_frames_are_shared_and_dice_get_few():
    values = frames.grid(controls(p=(0.0, 1.0, 0.05, 0.8), n=(2, 1000, 1, 50), sample=(0, 19, 1, 0)), 64)
    assert [len(chosen) for chosen in values.values()] == [6, 5, 2]
    assert values["sample"] == [0, 19]


def test_drop_downs_are_complete_and_the_last_sliders_stay_when_it_is_too_much():
    many = controls(kind=["a", "b"], lam=(0.0, 1.0, 0.1, 0.5), beta=(0.0, 1.0, 0.1, 0.5), seed=(0, 9, 1, 3))
    values = frames.grid(many, 20)
    assert values == {"kind": ["a", "b"], "lam": [0.0, 0.5, 1.0], "beta": [0.0, 0.5, 1.0], "seed": [3]}


def test_every_frame_shows_the_picture_of_its_values(tmp_path):
    explorer = explore(Picture(build, update, (320, 200)), height=(0, 10, 1, 3), side=["left", "right"])
    page = frames.moving(explorer, tmp_path, "demo")
    sheet = np.asarray(Image.open(tmp_path / "demo.webp").convert("RGB")).astype(int)
    columns, rows = (int(re.search(rf'data-{name}="(\d+)"', page)[1]) for name in ("columns", "rows"))
    assert sheet.shape == (200 * rows, 320 * columns, 3)
    for number, (height, side) in enumerate((h, s) for h in range(11) for s in ("left", "right")):
        explorer.canvas.move(height=height, side=side)
        drawn = np.asarray(Image.open(io.BytesIO(explorer.canvas.png()))).astype(int)
        down, right = 200 * (number // columns), 320 * (number % columns)
        assert np.abs(sheet[down : down + 200, right : right + 320] - drawn).max() < 40
    assert "The dot is right \\u003cat 10>." in page
    assert 'aria-label="height" aria-valuetext="3"' in page
    assert "&lt;at 3&gt;" in page and "Fixed on this page" not in page


def build_two(figure):
    axes = figure.subplots()
    (old,), (now,) = axes.plot([], [], label=frames.BEFORE), axes.plot([], [], label="now")
    axes.set(xlim=(0, 1), ylim=(0, 10))
    axes.legend(loc="upper left")
    return old, now


def update_two(lines, *, height):
    old, now = lines
    old.set_data(*now.get_data())
    now.set_data([0, 1], [height, height])
    yield f"Now {height}, before {[*old.get_ydata()][:1]}."


def test_a_frame_depends_on_the_start_and_not_on_the_frame_before_it(tmp_path):
    explorer = explore(Picture(build_two, update_two, (320, 200)), height=(0, 4, 1, 2))
    page = frames.moving(explorer, tmp_path, "two")
    assert [f"Now {height}, before [2]." in page for height in range(5)] == [True] * 5
    words = [text.get_text() for text in explorer.canvas.figure.axes[0].get_legend().get_texts()]
    assert words == ["the first setting", "now"]


def test_the_pictures_that_remember_use_the_known_words():
    figure = Figure()
    ppo.build_retrain(figure)
    assert frames.BEFORE in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_thin_lines_keep_their_colours(tmp_path):
    settings = {"lam": 0.95, "gamma": 1.0, "critic_error": 2.0}
    canvas = Canvas(gae.tradeoff, **settings)
    drawn = Image.open(io.BytesIO(canvas.png()))
    frames.write_sheet([drawn] * 3, tmp_path / "sheet.webp")
    sheet = np.asarray(Image.open(tmp_path / "sheet.webp").convert("RGB"))[: drawn.height].astype(int)
    for line in (ADVANTAGE, BIAS, VARIANCE, TOTAL):
        colour = np.array([int(line["color"][place : place + 2], 16) for place in (1, 3, 5)])
        inked = (np.asarray(drawn) == colour).all(-1)
        assert inked.sum() > 20
        assert np.abs(sheet[inked] - colour).max() < 20, line


@pytest.mark.parametrize("setting", [[5, 1], ["a", "b"]])
def test_drop_downs_of_numbers_and_of_words(setting):
    (control,) = controls(kind=setting).values()
    tag = frames.control_tag(control, list(control.options))
    assert tag.count("<option") == 2 and "<option selected>" in tag and "range" not in tag


def test_what_has_no_effect_is_marked(tmp_path):
    needs = {"height": ("side", "right")}
    explorer = explore(Picture(build, update, (320, 200), needs), side=["left", "right"], height=(0, 4, 1, 3))
    page = frames.moving(explorer, tmp_path, "needs")
    assert page.count("data-needs") == 1 and '<label data-needs="0 1"><span>height' in page


# The notebooks as pages


def test_links_to_what_is_no_page_become_words():
    pages = {"notebooks/01_a.ipynb", "notebooks/extras/b.ipynb"}
    text = (
        "[a](01_a.ipynb) · [b](extras/b.ipynb#part) · [c](02_c.ipynb) [`ppo_lessons.gae`](../ppo_lessons/gae.py) "
        "[paper](https://example.org/x) [print](../assets/cheatsheet.pdf) ![](../assets/gae.png)"
    )
    assert execute.without_dead_links(text, "notebooks/00.ipynb", pages) == (
        "[a](01_a.ipynb) · [b](extras/b.ipynb#part) · c `ppo_lessons.gae` "
        "[paper](https://example.org/x) [print](../assets/cheatsheet.pdf) ![](../assets/gae.png)"
    )
    assert execute.without_dead_links("[a](../01_a.ipynb)", "notebooks/extras/b.ipynb", pages) == "[a](../01_a.ipynb)"


def test_folded_sources_stay_folded():
    cell = nbformat.v4.new_code_cell("hints(f)", metadata={"jupyter": {"source_hidden": True}})
    page = '<a href="../ppo_lessons/gae.py"><code>gae</code></a> <a href="https://example.org">x</a>'
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": page})]
    execute.fit(cell, "notebooks/00.ipynb", set())
    assert cell.metadata.tags == ["hide-input"]
    assert cell.outputs[0].data["text/html"] == '<code>gae</code> <a href="https://example.org">x</a>'


def test_a_picture_that_leads_to_a_lesson_leads_to_its_page():
    tile = '<a href="{}"><img src="../assets/map_01.png" {} alt="01 A"></a>'
    both = tile.format("01_a.ipynb", 'align="top"') + tile.format("02_b.ipynb", 'align="top"')
    fit = execute.tiles(both, "notebooks/00.ipynb", {"notebooks/01_a.ipynb"})
    picture = '<img src="../assets/map_01.png" class="tile" alt="01 A">'
    assert fit == f'<a href="01_a.html">{picture}</a>{picture}'
    assert execute.tiles("no tile", "notebooks/00.ipynb", set()) == "no tile"
