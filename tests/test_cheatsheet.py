"""The printable page: complete, legible, its links lead to files, and assets/ holds what `make figures` writes."""

import dataclasses
import importlib
import inspect
import itertools
import pkgutil
import re
import sys

import matplotlib
import pypdf
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ppo_lessons import LESSONS
from ppo_lessons.figures import cheatsheet
from ppo_lessons.figures.__main__ import ASSETS
from ppo_lessons.ppo import Config, train

LOOP = [name for lines in cheatsheet.LOOP.values() for name in lines]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cheatsheet") / "page.pdf"
    cheatsheet.write(path)
    return path


@pytest.fixture(scope="module")
def boxes():
    """Every text of the page that is seen -> the box that it takes, in pixels."""
    with matplotlib.rc_context(cheatsheet.PAGE_RC):
        figure = cheatsheet.page()
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        return {text: text.get_window_extent(renderer) for text in shown}


def words(path):
    return "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def links(path):
    """The targets of the page's links, in the order in which they were drawn."""
    (page,) = pypdf.PdfReader(path).pages
    return [link.get_object()["/A"]["/URI"] for link in page["/Annots"]]


def function(name):
    return inspect.unwrap(pkgutil.resolve_name(f"ppo_lessons.{name}"))


def test_every_lesson_function_has_its_formula_and_every_name_exists():
    public = {
        f"{lesson}.{name}"
        for lesson in (*LESSONS, "trust_region")
        for name, function in inspect.getmembers(importlib.import_module(f"ppo_lessons.{lesson}"), inspect.isfunction)
        if function.__module__ == f"ppo_lessons.{lesson}" and not name.startswith("_")
    }
    assert public <= set(cheatsheet.FORMULAS)
    assert all(callable(function(name)) for name in (*cheatsheet.FORMULAS, *LOOP))


def test_each_formula_stands_with_its_function_below_the_number_of_its_lesson(boxes):
    found, lesson = {}, None
    for text in boxes:
        words = text.get_text()
        if heading := re.match(r"(\d\d)  \w", words) if text.get_weight() == "bold" else None:
            lesson = heading[1]
        elif lesson == "12":
            continue
        elif text.get_family() == ["monospace"]:
            found[words] = (lesson, [])
        elif text.get_family() == ["STIXGeneral"]:
            found[list(found)[-1]][1].append(words)
    for name, formula in cheatsheet.FORMULAS.items():
        number = 1 + LESSONS.index(cheatsheet.lesson_of(name))
        assert found[cheatsheet.short(name)] == (f"{number:02}", formula.split("\n")), name


def test_the_loop_calls_what_the_page_says():
    called = set()
    sys.setprofile(lambda frame, event, argument: called.add(frame.f_code) if event == "call" else None)
    try:
        list(train(Config(total_steps=2048, device="cpu")))
    finally:
        sys.setprofile(None)
    assert [name for name in LOOP if function(name).__code__ not in called] == []


def test_the_page_gives_every_default_and_the_numbers_of_the_course(file, boxes):
    rows = [text.get_text() for text in boxes]
    rows = rows[[row.startswith("Config") for row in rows].index(True) :]
    for field in dataclasses.fields(Config)[1:]:
        after = rows[rows.index(field.name) + 1 :][:2]  # the letter of the formulas, if it has one, then the default
        assert str(field.default) in after, field.name
    text = words(file)
    assert Config.env_id.removeprefix("ppo_lessons/") in text
    assert all(number in text for number in ("48.01", "21.71", "6.00", "2.53", "5.40"))


def test_its_links_lead_to_the_notebooks_and_to_the_code(file):
    found = links(file)
    assert [target for target in found if not (ASSETS / target).resolve().is_file()] == []
    names = [*cheatsheet.FORMULAS, *LOOP, "trainer.config.Config"]
    assert {cheatsheet.file_of(name) for name in names} <= set(found)
    assert {cheatsheet.notebook_of(lesson) for lesson in (*LESSONS, "ppo")} <= set(found)
    for name in names:
        module = inspect.getmodule(function(name)).__name__
        assert cheatsheet.file_of(name).removeprefix("../").removesuffix(".py") == module.replace(".", "/")


def test_one_page_of_a4_with_all_fonts_inside(file):
    (page,) = pypdf.PdfReader(file).pages
    assert (page.mediabox.width, page.mediabox.height) == pytest.approx((842, 595), abs=1)
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert len(fonts) >= 4
    for font in fonts:
        (inner,) = font["/DescendantFonts"]
        assert "/FontFile2" in inner.get_object()["/FontDescriptor"], font["/BaseFont"]


def test_it_is_the_same_each_time_and_the_one_in_assets(file, tmp_path):
    cheatsheet.write(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == file.read_bytes()
    assert words(ASSETS / "cheatsheet.pdf") == words(file)
    assert links(ASSETS / "cheatsheet.pdf") == links(file)


def test_nothing_overlaps_is_cut_or_too_small_to_read(boxes):
    assert len(boxes) > 2 * len(cheatsheet.FORMULAS)
    assert min(text.get_size() for text in boxes) >= 7
    figure = next(iter(boxes)).figure
    margin = 0.18 * figure.dpi  # inches; many printers leave the outer 4 mm white
    low, high = [margin, margin], [figure.bbox.x1 - margin, figure.bbox.y1 - margin]
    outside = [text.get_text() for text, box in boxes.items() if (box.min < low).any() or (box.max > high).any()]
    assert outside == []
    overlaps = [(a.get_text(), b.get_text()) for a, b in itertools.combinations(boxes, 2) if touch(boxes[a], boxes[b])]
    assert overlaps == []


def touch(a, b, slack=1):
    """Do two boxes share more than a rim of `slack` pixels?"""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
