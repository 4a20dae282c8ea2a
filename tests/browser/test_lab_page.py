"""JupyterLab as a learner meets it: names, two themes, narrow windows, the game's buttons, errors, practice."""

import functools

import nbformat
import pytest
from lab import SHOTS, visit
from notebook_runner import FOLDER, write

pytestmark = pytest.mark.slow

OVERFLOWING = """outputs => outputs.filter(output => output.scrollWidth > output.clientWidth)
    .map(output => `${output.scrollWidth} > ${output.clientWidth}: ${output.innerText.slice(0, 80)}`)"""

# Two lessons that have run, for several tests in a row. The last one makes their windows narrow.


@pytest.fixture(scope="module")
def run(server, browser):
    """A lesson in a page of its own, all cells run, two pixels a point: the same page each time it is asked for."""

    @functools.cache
    def page_with(name):
        lab = visit(browser, server, device_scale_factor=2)
        lab.run_all(f"my/{name}.ipynb")
        return lab

    return page_with


def test_sliders_and_pictures_have_names(run):
    lab = run("07_gae")
    card = lab.pictures()[0].card
    for name in ("λ", "γ", "critic error"):
        assert card.get_by_role("slider", name=name, exact=True).count() == 1
        assert card.get_by_role("textbox", name=f"{name}, typed").count() == 1
    assert lab.notebook.get_by_role("combobox", name="mistake").count() == 1
    assert card.get_by_role("img", name="picture; the text below says what it shows").count() == 1


def test_sources_that_would_tell_the_answer_are_folded(run):
    lab = run("07_gae")
    cells = nbformat.read(FOLDER / "07_gae.ipynb", 4).cells
    hidden = [cell for cell in cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(hidden) == lab.notebook.locator(".jp-CodeCell .jp-InputPlaceholder:visible").count() > 3


def test_a_value_reads_as_it_is_shown(run):
    lab = run("07_gae")
    picture = next(picture for picture in lab.pictures() if picture.sliders)
    slider = picture.sliders[1]
    slider.focus()
    for key in ("Home", *["ArrowRight"] * 3):
        lab.page.keyboard.press(key)
    lab.page.wait_for_timeout(300)
    assert slider.get_attribute("aria-valuetext") == "0.95"


def test_pictures_have_two_pixels_a_point(run):
    lab = run("07_gae")
    sizes = "images => images.map(image => [image.naturalWidth, image.clientWidth])"
    found = lab.notebook.locator("img.widget-image").evaluate_all(sizes)
    assert found and all(pixels == 2 * shown for pixels, shown in found), found


def test_the_buttons_play_the_corridor(run):
    lab = run("00_start_here")
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
    game.locator("img").click()
    for key in ("ArrowRight", "ArrowUp"):
        lab.page.keyboard.press(key)
        lab.wait_idle()
    assert "a0 = right" in game.inner_text() and "a1 = up" in game.inner_text()
    assert lab.page.evaluate("document.activeElement.closest('.ppo-game') !== null")


@pytest.mark.parametrize("name", ["00_start_here", "07_gae"])
def test_at_480_pixels_nothing_is_cut_off(run, name):
    lab = run(name)
    lab.narrow(480)
    assert lab.notebook.locator(".jp-OutputArea-output").evaluate_all(OVERFLOWING) == []
    cards = lab.notebook.locator(".ppo")
    places = cards.locator(".noUi-handle:visible, select, button, img.widget-image").all()
    assert len(places) >= 10
    for place in places:
        box = place.bounding_box()
        assert box["width"] >= 10 and box["x"] >= 0 and box["x"] + box["width"] <= 480, place.inner_text()
    labels = ".widget-label"
    cut = "labels => labels.filter(label => label.scrollWidth > label.clientWidth + 1).map(label => label.innerText)"
    assert cards.locator(labels).evaluate_all(cut) == []


# How it looks on a narrow page and in the dark

FAINT = """boxes => {
    const rgba = text => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
    const over = ([r, g, b, a], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
    const paper = node => {
        if (!node) return [255, 255, 255];
        const colour = rgba(getComputedStyle(node).backgroundColor);
        return colour[3] === 1 ? colour.slice(0, 3) : over(colour, paper(node.parentElement));
    };
    const light = rgb => {
        const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const faint = [];
    for (const node of boxes.flatMap(box => [...box.querySelectorAll("*")])) {
        const texts = [...node.childNodes].filter(child => child.nodeType === 3);
        const words = texts.map(text => text.data.trim()).join("");
        if (!words || !node.offsetParent || node.disabled || node.tagName === "OPTION") continue;
        const below = paper(node), ink = over(rgba(getComputedStyle(node).color), below);
        const [low, high] = [light(ink), light(below)].sort((a, b) => a - b);
        if (high / low < 4.5) faint.push(`${(high / low).toFixed(1)}: ${words.slice(0, 60)}`);
    }
    return faint;
}"""


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


LIVE = """
from ppo_lessons.controls import LiveCurves
from ppo_lessons.ppo import Config

with LiveCurves(Config(device="cpu")):
    pass
"""


def test_at_480_pixels_the_progress_bar_stands_over_its_label(lab):
    write(lab.folder / "live.ipynb", LIVE)
    lab.run_all("live.ipynb")
    lab.narrow(480)
    bar = lab.notebook.locator(".widget-hprogress .progress").bounding_box()
    label = lab.notebook.get_by_text("0 updates in").bounding_box()
    assert bar["width"] > 200 and bar["height"] > 10
    assert bar["y"] + bar["height"] <= label["y"] and label["x"] + label["width"] <= 480


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_words_can_be_read_in_both_themes(lab, theme):
    setting = lab.folder.parent / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    setting.write_text(f'{{"theme": "JupyterLab {theme}"}}')
    try:
        write(lab.folder / "words.ipynb", WRONG_ANSWER, "hints(my_gae)", PREDICTION, PLANTED)
        lab.run_all("words.ipynb")
        assert lab.page.locator("body").get_attribute("data-jp-theme-light") == str(theme == "Light").lower()
        lab.notebook.get_by_role("button", name="reveal").click()
        (picture,) = (picture for picture in lab.pictures() if picture.sliders)
        picture.press(picture.sliders[0], "End")
        assert "planted mistake" in picture.words()
        assert lab.notebook.locator(".ppo, [role=status]").evaluate_all(FAINT) == []
    finally:
        setting.unlink()


def test_a_box_of_the_map_opens_its_lesson(lab):
    lab.open("my/00_start_here.ipynb", workspace="map")
    lab.notebook.get_by_role("img", name="07 Generalised advantage estimation (GAE)").click()
    lab.page.wait_for_url("**/my/07_gae.ipynb")
    lab.notebook.get_by_role("heading", name="07 · Generalised advantage estimation (GAE)").wait_for()


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


NEEDY = """
from ppo_lessons.controls import explore
from ppo_lessons.figures.style import Picture

picture = Picture(lambda figure: figure.subplots(), lambda axes, **values: f"{values}.", needs={"b": ("kind", "two")})
explore(picture, kind=["one", "two"], b=(0, 3, 1, 0))
"""


def test_a_control_without_effect_is_hidden(lab):
    write(lab.folder / "needy.ipynb", NEEDY)
    lab.run_all("needy.ipynb")
    (picture,) = lab.pictures()
    for kind, visible in (("one", 0), ("two", 1), ("one", 0)):
        picture.menus[0].select_option(kind)
        lab.wait_idle()
        assert len(picture.sliders) == visible


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
    solution = page.locator("pre", has_text="def my_gae(")
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
