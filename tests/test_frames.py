"""Frames drawn ahead for the site: which values, and what the sheet of frames shows."""

import base64
import inspect
import io
import itertools
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from notebook_runner import NOTEBOOKS
from pictures import EXPLORED, start
from PIL import Image

from ppo_lessons.controls import explore, make_control
from ppo_lessons.figures import gae, ppo
from ppo_lessons.figures.style import ADVANTAGE, BIAS, TOTAL, VARIANCE, Canvas, Picture
from ppo_lessons.practice import EXERCISES

sys.path.insert(0, str(Path(__file__).parents[1] / "website"))
import execute
import frames
import live
import stops


def controls(**settings):
    return {name: make_control(name, setting) for name, setting in settings.items()}


def build(figure):
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes.plot([0], [0], "o", color="#2B88BF", markersize=30)[0]


def update(dot, *, height, side="left"):
    dot.set_data([2 if side == "left" else 8], [height])
    return f"The dot is {side} <at {height}>."


# Which stops

NAMED = {frames.name_of(picture): (picture, settings) for picture, settings in EXPLORED.values()}


def test_stops_hold_both_ends_and_the_start_and_lie_on_the_steps():
    (values,) = stops.grid(controls(lam=(0.0, 1.0, 0.05, 0.95)), 6).values()
    assert values == [0.0, 0.25, 0.5, 0.75, 0.95, 1.0]
    (values,) = stops.grid(controls(n=(2, 1000, 1, 50)), 3).values()
    assert values == [2, 50, 1000]


def test_stops_are_evenly_spaced_where_the_start_allows_it():
    """The start, 0, lies in the middle of 80 steps: 40 distances of two steps, and not 63 uneven ones."""
    (values,) = stops.grid(controls(b=(-4.0, 4.0, 0.1, 0.0)), 64).values()
    assert len(values) == 41 and np.allclose(np.diff(values), 0.2)


def test_a_coarse_slider_gets_all_its_values_and_no_more():
    assert stops.grid(controls(n=(1, 6, 1, 1)), 64) == {"n": [1, 2, 3, 4, 5, 6]}


def test_frames_are_shared_and_dice_get_few():
    values = stops.grid(controls(p=(0.0, 1.0, 0.05, 0.8), n=(0, 10, 1, 5), sample=(0, 19, 1, 3)), 64)
    assert values == {"p": [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], "n": [0, 5, 10], "sample": [3, 4]}


def test_menus_are_complete_and_the_last_sliders_stay_when_it_is_too_much():
    many = controls(kind=["a", "b"], lam=(0.0, 1.0, 0.1, 0.5), beta=(0.0, 1.0, 0.1, 0.5), seed=(0, 9, 1, 3))
    values = stops.grid(many, 20)
    assert values == {"kind": ["a", "b"], "lam": [0.0, 0.5, 1.0], "beta": [0.0, 0.5, 1.0], "seed": [3]}


def test_chosen_stops_stay_as_they_are():
    some = controls(kind=["a", "b", "c"], lam=(0.0, 1.0, 0.1, 0.5), seed=(0, 9, 1, 3))
    chosen = {"kind": ["a", "c"], "seed": [3, 4, 7]}
    assert stops.grid(some, 18, chosen) == chosen | {"lam": [0.0, 0.5, 1.0]}


def test_settings_that_differ_in_what_has_no_effect_share_a_picture():
    values = {"side": ["left", "right"], "height": [0, 4]}
    pictures, numbers = stops.settings(values, {"side": "left", "height": 4}, {"height": ("side", "right")})
    assert pictures == [{"side": "left", "height": 4}, *({"side": "right", "height": height} for height in (0, 4))]
    assert numbers == [0, 0, 1, 2]


def test_of_controls_that_exclude_each_other_one_at_a_time_is_drawn():
    values = {"a": [0, 1, 2], "b": [0, 1], "kind": ["x", "y"]}
    start = {"a": 0, "b": 0, "kind": "x"}
    pictures, numbers = stops.settings(values, start, {}, ["a", "b"])
    assert len(pictures) == 2 * (1 + 2 + 1) and pictures[numbers[0]] == start
    away = [(setting["a"] > 0) + (setting["b"] > 0) for setting in pictures]
    assert max(away) == 1
    both_away = [n for n, (a, b, _) in enumerate(itertools.product(*values.values())) if a and b]
    assert {numbers[n] for n in both_away} == {numbers[0]}


def test_a_control_that_moves_alone_is_marked():
    (control,) = controls(height=(0, 4, 1, 3)).values()
    assert frames.control_tag(control, [0, 3, 4], alone=True).startswith("<label data-alone><span>height")
    assert frames.control_tag(control, [0, 3, 4], "0 1").startswith('<label data-needs="0 1"><span>height')


@pytest.mark.parametrize("name", stops.ALONE)
def test_controls_that_exclude_each_other_are_there_in_the_notebook(name):
    assert set(stops.ALONE[name]) <= set(NAMED[name][1])


@pytest.mark.parametrize("name", stops.NEEDS)
def test_what_the_site_hides_is_there_in_the_notebook(name):
    _, settings = NAMED[name]
    for key, (other, value) in stops.NEEDS[name].items():
        assert key in settings and value in settings[other]


@pytest.mark.parametrize("name", stops.STOPS)
def test_the_table_of_stops_fits_the_notebooks(name):
    """Each picture is shown in a notebook; its stops ascend, lie on the slider's steps, and hold the start."""
    _, settings = NAMED[name]
    for key, chosen in stops.STOPS[name].items():
        setting = settings[key]
        assert start(settings)[key] in chosen
        if isinstance(setting, list):
            assert set(chosen) < set(setting)
        else:
            low, high, step, _ = setting
            places = [(value - low) / step for value in chosen]
            assert chosen == sorted(chosen) and low <= chosen[0] and chosen[-1] <= high
            assert np.allclose(places, np.round(places), atol=1e-6)


@pytest.mark.parametrize("name", sorted(EXPLORED))
def test_the_page_has_every_value_that_the_text_asks_for(name):
    """Where the text before a picture writes `symbol = number` or `symbol to number`, the picture stops there."""
    picture, settings = EXPLORED[name]
    known = frames.name_of(picture)
    if known in live.PICTURES:
        return
    made = controls(**settings)
    trains = inspect.isgeneratorfunction(picture.update)
    values = stops.grid(made, stops.TRAINED if trains else stops.FRAMES, stops.STOPS.get(known))
    for key, found in values.items():
        if isinstance(settings[key], list) or len(found) == 1:
            continue
        low, high, _, _ = settings[key]
        for asked in asked_for(text_before(name), {key.replace("_", " "), key, made[key].description}):
            assert not low <= asked <= high or any(abs(asked - value) < 1e-6 for value in found), (key, asked)


def text_before(name):
    """The Markdown above the cell that shows this picture, from "Predict" on: what the reader is asked to do."""
    stem, _, picture = name.partition(":")
    (path,) = (path for path in NOTEBOOKS if path.stem == stem)
    cells = nbformat.read(path, 4).cells
    (place,) = (n for n, cell in enumerate(cells) if re.search(rf"explore\(\s*{re.escape(picture)}[,)]", cell.source))
    text = next(cell.source for cell in reversed(cells[:place]) if cell.cell_type == "markdown")
    return text.partition("Predict")[2]


def asked_for(text, words):
    for word in words:
        for number in re.findall(rf"(?<!\w)`?{re.escape(word)}`? *(?:=|to|from) *([−-]?\d+(?:\.\d+)?)", text):
            yield float(number.replace("−", "-"))


def test_what_the_text_asks_for_is_found():
    text = "ε = 0.02, then `step size` to 2.5, β = −3 and first β = 7."
    assert list(asked_for(text, ["ε"])) == [0.02]
    assert list(asked_for(text, ["step size"])) == [2.5]
    assert 0.02 in asked_for(text_before("10_clip:pictures.training"), ["ε"])


# What is drawn


def test_every_frame_shows_the_picture_of_its_values(tmp_path):
    explorer = explore(Picture(build, update, (320, 200)), height=(0, 10, 1, 3), side=["left", "right"])
    page = frames.moving(explorer, tmp_path, "demo")  # 22 frames: too many for two pixels a point
    sheet = np.asarray(Image.open(tmp_path / "demo.webp").convert("RGB")).astype(int)
    columns, rows = (int(re.search(rf'data-{name}="(\d+)"', page)[1]) for name in ("columns", "rows"))
    assert sheet.shape == (200 * rows, 320 * columns, 3)
    for number, (height, side) in enumerate((h, s) for h in range(11) for s in ("left", "right")):
        explorer.canvas.move(height=height, side=side)
        drawn = np.asarray(frames.picture_of(explorer.canvas)).astype(int)
        down, right = 200 * (number // columns), 320 * (number % columns)
        assert np.abs(sheet[down : down + 200, right : right + 320] - drawn).max() < 40
    assert "The dot is right \\u003cat 10>." in page
    assert 'aria-label="height" aria-valuetext="3"' in page
    assert "&lt;at 3&gt;" in page and "on this page" not in page


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
    assert [f"Now {height}, before [2]." in page for height in (0, 1, 3, 4)] == [True] * 4
    assert "Now 2, before []." in page  # the start itself, drawn first and not again
    words = [text.get_text() for text in explorer.canvas.figure.axes[0].get_legend().get_texts()]
    assert words == ["the first setting", "now"]


def test_the_pictures_that_remember_use_the_known_words():
    figure = Figure()
    ppo.build_retrain(figure)
    assert frames.BEFORE in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_thin_lines_keep_their_colours(tmp_path):
    settings = {"lam": 0.95, "gamma": 1.0, "critic_error": 2.0}
    canvas = Canvas(gae.tradeoff, **settings)
    drawn = frames.picture_of(canvas)
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


def two_panels(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([0, 1], [0, 1], label="a line")
    right.plot([0, 1], [1, 0])
    figure.suptitle("both")
    figure.legend(loc="outside lower center")
    return left, right


def test_panels_side_by_side_are_cut_apart_for_narrow_pages(tmp_path):
    """The cut lies between the panels; the title above and the legend below them are parts of their own."""
    canvas = Canvas(Picture(two_panels, lambda _: "Two lines.", (760, 300)))
    page = frames.still(canvas, tmp_path, "two", "../frames")
    title, left, right, legend = frames.panels(canvas)
    assert left[0] == 0 and left[2] == right[0] and 0.4 < left[2] < 0.6 and right[2] == 1
    assert left[1] == right[1] == title[3] > 0 and left[3] == right[3] == legend[1] > 0.8 and legend[3] == 1
    assert 0.3 < legend[0] < legend[2] < 0.7 and (title[0], title[2]) == (0, 1)
    assert re.findall(r'class="frame (\w+)"', page) == ["whole", "part", "part", "part", "part"]
    assert page.count('role="img" aria-label="Two lines."') == 1


def test_no_cut_goes_through_ink(tmp_path):
    canvas = Canvas(Picture(two_panels, lambda _: "Two lines.", (760, 300)))
    frames.still(canvas, tmp_path, "two", "../frames")
    pixels = np.asarray(frames.picture_of(canvas))
    _, (_, top, cut, bottom), *_ = frames.panels(canvas)
    rows = slice(round(top * len(pixels)), round(bottom * len(pixels)))
    assert (pixels[rows, round(cut * pixels.shape[1])] == 255).all()


def test_panels_that_share_an_axis_all_get_its_numbers(tmp_path):
    """Below each other, the right one would have none."""
    canvas = Canvas(Picture(two_panels, lambda _: "Two lines.", (760, 300)))
    left, right = canvas.artists

    def numbers():
        return [[label.get_text() for label in axes.get_yticklabels() if label.get_visible()] for axes in (left, right)]

    assert numbers()[1] == []
    frames.still(canvas, tmp_path, "two", "../frames")
    assert numbers()[0] == numbers()[1] != []


def test_a_long_legend_becomes_two_lines():
    def build(figure):
        left, right = figure.subplots(1, 2)
        for number in range(4):
            left.plot([0, 1], [0, number], label=f"line {number} with a rather long name")
        right.plot([0, 1], [1, 0])
        figure.legend(loc="outside lower center", ncols=4)

    canvas = Canvas(Picture(build, lambda _: "Lines.", (900, 300)))
    *_, first, second = frames.panels(canvas)
    assert first[1] == second[1] > 0.8 and first[2] == second[0] and 0.45 < first[2] < 0.55


@pytest.mark.parametrize("size, shown", [((320, 200), 320), ((640, 300), 640), ((760, 340), frames.WHOLE)])
def test_one_panel_stays_whole_and_is_narrow_enough(tmp_path, size, shown):
    canvas = Canvas(Picture(build, update, size), height=3)
    page = frames.still(canvas, tmp_path, "one", "../frames")
    assert frames.panels(canvas) == []
    assert re.findall(r'class="frame (\w+)" style="max-width: (\d+)px', page) == [("only", str(shown))]
    assert Image.open(tmp_path / "one.webp").size == (2 * shown, 2 * size[1])


OPENED = [path for path in NOTEBOOKS if path.stem not in ("00_start_here", "glossary")]


@pytest.mark.parametrize("path", OPENED, ids=lambda path: path.stem)
def test_the_opening_picture_of_a_notebook_is_known(path):
    """The site draws it as it draws the others."""
    (name,) = (name for name, _ in execute.OPENING.findall(nbformat.read(path, 4).cells[0].source))
    assert name in execute.PICTURES


def test_an_opening_picture_has_panels_and_keeps_its_words(tmp_path):
    text = 'A\n\n<img src="../../assets/gae.png" width="760" alt="Weights &amp; errors.">\n\nB'
    page = execute.with_panels(text, tmp_path, "../../frames")
    assert page.startswith("A\n\n<div") and page.endswith("</div>\n\nB") and "\n\n" not in page[3:-3]
    assert page.count('src="../../frames/opening-gae.webp"') == 3 and (tmp_path / "opening-gae.webp").is_file()
    assert 'aria-label="Weights &amp; errors."' in page


def test_a_film_has_a_picture_that_stands_still():
    file = io.BytesIO()
    colours = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    colours[0].save(file, "png", save_all=True, append_images=colours[1:], duration=100)
    page = frames.picture_tag(file.getvalue(), "a film")
    source, image = (base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", page))
    assert "prefers-reduced-motion: reduce" in page and image == file.getvalue()
    still = Image.open(io.BytesIO(source))
    assert getattr(still, "n_frames", 1) == 1 and still.convert("RGB").getpixel((4, 4)) == (0, 0, 255)
    assert "film" not in frames.picture_tag(source, "a picture")


def test_what_stands_still_is_said():
    explorer = explore(Picture(build, update, (320, 200)), side=["left", "right"], height=(0, 4, 1, 3))
    said = frames.what_is_missing(explorer, {"side": ["left"], "height": [3]})
    assert "side = left" in said and "height = 3" in said and "“side” has 1 of 2 entries" in said
    assert frames.what_is_missing(explorer, {"side": ["left", "right"], "height": [0, 3]}) == ""


def test_code_is_folded_and_what_tells_an_answer_stays_so():
    plain, telling = nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_code_cell("explore(p)")
    telling.metadata["jupyter"] = {"source_hidden": True}
    for cell in (plain, telling):
        execute.fit(cell, "notebooks/00.ipynb", set())
    assert plain.metadata.tags == ["hide-input"] and telling.metadata.tags == ["hide-input", "spoils"]


def test_a_check_says_that_it_needs_a_kernel():
    (note,) = execute.without_a_check(nbformat.v4.new_code_cell("check(my_gae)"))
    assert note.cell_type == "markdown" and "kernel" in note.source
    kept = nbformat.v4.new_code_cell("hints(my_gae)")
    assert execute.without_a_check(kept) == [kept]


def test_the_teachers_page_knows_every_exercise_and_its_mistakes():
    """A row for each exercise, in their order; the mistakes named are those that the check knows."""
    rows = re.findall(r"^\| `(my_\w+)` \|[^|]+\| ([^|]+) \|$", execute.teachers(["notebooks/07_gae.ipynb"]), re.M)
    assert [name for name, _ in rows] == list(EXERCISES)
    for name, mistakes in rows:
        assert set(mistakes.split("; ")) <= {mistake.name for mistake in EXERCISES[name].mistakes}, name


def test_links_of_the_teachers_page():
    page = execute.teachers(["notebooks/07_gae.ipynb"])
    assert set(re.findall(r"\]\((.*?)\)", page)) == {"notebooks/07_gae.ipynb"}
    for link in re.findall(r"\]\((.*?)\)", (execute.HERE / "teachers.md").read_text("utf-8")):
        assert (execute.HERE / link).is_file(), link


def test_the_first_page_takes_its_lessons_from_the_readme(tmp_path):
    page = execute.index(["notebooks/07_gae.ipynb", "notebooks/extras/glossary.ipynb"], tmp_path)
    assert page.count("](notebooks/07_gae.ipynb)") == 1 and "| 08 · " in page and "<!--" not in page
    assert 'data-picture="clip.objective"' in page
    assert page.index("notebooks/extras/glossary.ipynb\n```") < page.index("teachers\n```")


def test_links_in_outputs_are_mended():
    cell = nbformat.v4.new_code_cell("hints(f)", metadata={"jupyter": {"source_hidden": True}})
    page = '<a href="../ppo_lessons/gae.py"><code>gae</code></a> <a href="https://example.org">x</a>'
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": page})]
    execute.fit(cell, "notebooks/00.ipynb", set())
    assert cell.outputs[0].data["text/html"] == '<code>gae</code> <a href="https://example.org">x</a>'


def test_a_picture_that_leads_to_a_lesson_leads_to_its_page():
    tile = '<a href="{}"><img src="../assets/map_01.png" {} alt="01 A"></a>'
    both = tile.format("01_a.ipynb", 'align="top"') + tile.format("02_b.ipynb", 'align="top"')
    fit = execute.tiles(both, "notebooks/00.ipynb", {"notebooks/01_a.ipynb"})
    picture = '<img src="../assets/map_01.png" class="tile" alt="01 A">'
    assert fit == f'<a href="01_a.html">{picture}</a>{picture}'
    assert execute.tiles("no tile", "notebooks/00.ipynb", set()) == "no tile"
