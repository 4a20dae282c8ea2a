"""Every notebook in a real browser: it runs, every slider moves its picture, and errors are seen."""

import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from lab import SHOTS
from notebook_runner import FOLDER, NOTEBOOKS, write

QUICK = ("07_gae", "10_clip")  # enough to see that sliders and menus work, and a picture that trains
NAMES = [
    pytest.param(path.relative_to(FOLDER).as_posix(), marks=[] if path.stem in QUICK else pytest.mark.slow)
    for path in NOTEBOOKS
]
PLANTED = """
from ppo_lessons.controls import explore
from ppo_lessons.figures.style import Picture


def build(figure):
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes.plot([0], [0], "o")[0]


def update(dot, *, height):
    if height > 5:
        raise ValueError("planted mistake")
    dot.set_ydata([height])
    return f"The dot is at {height}."


explore(Picture(build, update), height=(0, 10, 1, 2))
"""


def test_the_server_asks_for_its_token(server):
    address, _, _ = server
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/api/contents", timeout=10)
    assert refused.value.code == 403


# Two classes, so that two workers of pytest-xdist (--dist loadscope) share the work.


@pytest.mark.parametrize("name", NAMES[::2])
class TestEverySecondNotebook:
    def test_runs_and_its_sliders_move_their_pictures(self, lab, name):
        run_and_move(lab, name)


@pytest.mark.parametrize("name", NAMES[1::2])
class TestTheOtherNotebooks:
    def test_runs_and_its_sliders_move_their_pictures(self, lab, name):
        run_and_move(lab, name)


def run_and_move(lab, name):
    path = f"my/{name}"
    lab.run_all(path)
    pictures = lab.pictures()
    cells = nbformat.read(FOLDER / name, 4).cells
    assert len(pictures) >= sum("explore(\n" in cell.source or "explore(p" in cell.source for cell in cells)
    for number, picture in enumerate(pictures):
        move_everything(picture, f"{Path(name).stem}-{number}")
    saved = lab.saved(path)
    code = [cell for cell in saved.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in code), "some cells did not run"
    outputs = [output for cell in code for output in cell.outputs]
    errors = [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert not errors, errors


def move_everything(picture, name):
    """Each entry of a drop-down is chosen; each slider goes to both ends by keyboard and is dragged by mouse.

    A slider that does nothing under one entry (beta while the clip is chosen) must do something under a later one.
    """
    idle = set(range(len(picture.sliders)))
    entries = picture.menus[0].locator("option").all_inner_texts() if picture.menus else [None]
    for entry in entries:
        if entry is not None:
            before = picture.pixels()
            picture.menus[0].select_option(entry)
            picture.settled(before if entry != entries[0] else None)
            picture.shoot(f"{name}-{entry}")
        for number in sorted(idle):
            slider = picture.sliders[number]
            at_low, low = picture.press(slider, "Home")
            picture.shoot(f"{name}-{number}-low")
            at_high, high = picture.press(slider, "End")
            picture.shoot(f"{name}-{number}-high")
            assert low < high
            dragged = picture.drag(slider, -150)
            if at_low != at_high != dragged:
                idle.discard(number)
        assert "⚠" not in picture.words(), picture.words()
    for number in sorted(idle):  # a busy machine may only have been slow: try once more, with patience
        at_low, _ = picture.press(picture.sliders[number], "Home", patience=20)
        at_high, _ = picture.press(picture.sliders[number], "End", patience=20)
        if at_low != at_high:
            idle.discard(number)
    assert not idle, f"sliders that move nothing: {idle}"


def test_the_buttons_play_the_corridor(lab):
    lab.run_all("my/00_start_here.ipynb")
    game = lab.notebook.locator(".widget-vbox:has(button)").first
    for _ in range(6):
        if game.get_by_text("The play is over").count():
            break
        game.get_by_role("button", name="right").click()
        lab.wait_idle()
    assert "The play is over. Return R(τ) =" in game.inner_text()
    assert game.get_by_role("button", name="right").is_disabled()
    game.get_by_role("button", name="new play").click()
    lab.wait_idle()
    assert "The play is over" not in game.inner_text()


def test_an_error_in_a_picture_is_shown_and_the_next_move_recovers(lab):
    write(lab.folder / "planted.ipynb", PLANTED)
    lab.run_all("planted.ipynb")
    (picture,) = lab.pictures()
    (slider,) = picture.sliders
    good = picture.pixels()
    picture.press(slider, "End")
    assert "⚠ ValueError: planted mistake" in picture.words()
    after, _ = picture.press(slider, "Home")
    assert "⚠" not in picture.words()
    assert after != good
    assert "The dot is at 0." in picture.words()


def test_sliders_and_pictures_have_names(lab):
    lab.run_all("my/07_gae.ipynb")
    card = lab.pictures()[0].card
    for name in ("λ", "γ", "critic error"):
        assert card.get_by_role("slider", name=name, exact=True).count() == 1
        assert card.get_by_role("textbox", name=f"{name}, typed").count() == 1
    assert lab.pictures()[1].card.get_by_role("combobox", name="mistake").count() == 1
    assert card.get_by_role("img", name="picture; the text below says what it shows").count() == 1


WRONG_ANSWER = """
from ppo_lessons.advantage import td_error
from ppo_lessons.practice import check, hints, predict


def my_gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    return td_error(rewards, values, next_values, terminated, gamma=gamma)


check(my_gae)
"""
PREDICTION = """predict("How much is 1 + 1?", (0, 10, 1), answer=lambda: 1 + 1, because="One more than one.")"""


def test_practice_names_the_mistake_folds_the_hints_and_reveals_the_answer(lab):
    write(lab.folder / "practice.ipynb", WRONG_ANSWER, "hints(my_gae)", PREDICTION)
    lab.run_all("practice.ipynb")
    page = lab.notebook
    assert page.get_by_text("Your function returns the TD errors").is_visible()
    assert page.get_by_text("3. From an average to a sum").is_visible()
    solution = page.locator("pre", has_text="def gae(")
    assert not solution.is_visible()
    for fold in ("Hint 1", "Hint 2", "Hint 3", "Solution"):
        page.get_by_text(fold, exact=True).click()
    assert solution.is_visible() and page.get_by_text("from the end to the start").is_visible()
    slider = page.get_by_role("slider", name="your prediction")
    slider.focus()
    lab.page.keyboard.press("Home")
    page.get_by_role("button", name="reveal").click()
    told = page.get_by_text("You said 0, which is 2 off. The answer: 2. One more than one.")
    told.wait_for(state="visible", timeout=20_000)
    if SHOTS:
        lab.page.screenshot(path=f"{SHOTS}/practice.png")
