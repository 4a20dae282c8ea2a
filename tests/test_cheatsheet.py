"""The printable page: complete, legible, and the file in assets/ is what `make figures` writes."""

import importlib
import inspect
import itertools
import re

import matplotlib
import pypdf
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ppo_lessons import LESSONS
from ppo_lessons.figures import cheatsheet
from ppo_lessons.figures.__main__ import ASSETS


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cheatsheet") / "page.pdf"
    cheatsheet.write(path)
    return path


def words(path):
    return "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def test_every_lesson_function_has_its_formula_and_every_name_exists():
    public = {
        f"{lesson}.{name}"
        for lesson in (*LESSONS, "trust_region")
        for name, function in inspect.getmembers(importlib.import_module(f"ppo_lessons.{lesson}"), inspect.isfunction)
        if function.__module__ == f"ppo_lessons.{lesson}" and not name.startswith("_")
    }
    assert public <= set(cheatsheet.FORMULAS)
    for name in cheatsheet.FORMULAS:
        module, *path = name.split(".")
        found = importlib.import_module(f"ppo_lessons.{module}")
        for part in path:
            found = getattr(found, part)


def test_the_page_names_them_all_and_the_numbers_of_the_course(file):
    text = words(file)
    names = re.findall(r"ppo_lessons\.([\w.]+)", text)
    assert names == list(cheatsheet.FORMULAS)
    assert all(number in text for number in ("48.01", "21.71", "6.00", "2.53", "5.40"))
    assert all(rung in text for rung in ("1. REINFORCE", "6. TRPO", "13. normalised"))


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


def test_nothing_overlaps_is_cut_or_too_small_to_read():
    with matplotlib.rc_context(cheatsheet.PAGE_RC):
        figure = cheatsheet.page()
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        in_table = {cell.get_text() for table in figure.axes[2].tables for cell in table.get_celld().values()}
        boxes = {text: text.get_window_extent(renderer) for text in shown if text not in in_table}
    assert len(boxes) > 2 * len(cheatsheet.FORMULAS)
    assert min(text.get_size() for text in shown) >= 6.5
    margin = 0.18 * figure.dpi  # inches; many printers leave the outer 4 mm white
    low, high = [margin, margin], [figure.bbox.x1 - margin, figure.bbox.y1 - margin]
    outside = [text.get_text() for text, box in boxes.items() if (box.min < low).any() or (box.max > high).any()]
    assert outside == []
    overlaps = [(a.get_text(), b.get_text()) for a, b in itertools.combinations(boxes, 2) if touch(boxes[a], boxes[b])]
    assert overlaps == []


def touch(a, b, slack=1):
    """Do two boxes share more than a rim of `slack` pixels?"""
    return min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack
