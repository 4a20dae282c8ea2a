"""The static site in a real browser: no kernel, no network, only a folder behind plain HTTP on this machine."""

import functools
import http.server
import itertools
import os
import re
import subprocess
import sys
import threading
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from notebook_runner import FOLDER, NOTEBOOKS, ROOT

pytestmark = pytest.mark.slow
PAGES = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in NOTEBOOKS]
LESSONS = [name for name in PAGES if "/" not in name]
EXTRAS = [name for name in PAGES if "/" in name]
SPHINX = next((path for path in (ROOT / ".site").glob("*/python*") if path.stem == "python"), None)
HEAVIEST = 3_000_000  # bytes of a page with all that it loads
SOME = ["00_start_here", "07_gae"]
FINGER = 44  # pixels, the side of what a finger can hit
LIGHT_CARD = ("rgb(255, 255, 255)", "none")  # behind a picture, and the filter over its own white
DARK_CARD = ("rgb(224, 224, 224)", "brightness(0.88)")  # 0.88 × 255 = 224: the same grey


def build(folder, *names):
    """Build the site, or a part of it, as `make site` does."""
    if SPHINX is None:
        message = "no Sphinx in .site: `make .site/installed` installs it"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    only = ["--only", *(f"{name}.ipynb" for name in names)] if names else []
    source, site = folder / "source", folder / "site"
    run([sys.executable, "website/execute.py", source, *only])
    run([SPHINX, "-m", "sphinx", "-q", "-W", "-c", "website", "-d", folder / "doctrees", source, site])
    return site


def run(command):
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class Site:
    """Pages of a built site in a browser that reaches nothing else; what went wrong is kept."""

    def __init__(self, browser, folder, address, **options):
        self.context = browser.new_context(**options)
        self.folder, self.address, self.problems, self.asked = folder, address, [], set()
        self.context.route("**/*", self.watch)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def watch(self, route):
        address, _, path = route.request.url.partition("?")[0].partition(f"{self.address}/")
        if path:
            self.asked.add(path)
            route.continue_()
        elif address.startswith("data:"):
            route.continue_()
        else:
            self.problems.append(f"asks for {address}")
            route.abort()

    @property
    def weight(self):
        """Bytes of the page and of all that it asked for. A file that is missing raises."""
        return sum((self.folder / unquote(path)).stat().st_size for path in self.asked)

    def open(self, name):
        self.asked.clear()
        self.page.goto(f"{self.address}/{name}.html", wait_until="networkidle")
        if self.page.locator("article .math").count():
            self.page.wait_for_function("window.MathJax?.startup?.promise")
            self.page.evaluate("MathJax.startup.promise")


def serve(folder):
    """An address under which the folder is served, and what stops that."""
    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda request, client: None  # a page that is left while it loads hangs up
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.shutdown


def served(browser, folder):
    address, stop = serve(folder)
    sites = []

    def visit(**options):
        sites.append(Site(browser, folder, address, **options))
        return sites[-1]

    yield visit
    for site in sites:
        site.context.close()
    stop()


@pytest.fixture(scope="module")
def part(browser, tmp_path_factory):
    """The folder of a site with two lessons."""
    return build(tmp_path_factory.mktemp("part"), *SOME)


@pytest.fixture(scope="module")
def whole(browser, tmp_path_factory):
    """The folder of the whole site."""
    return build(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def visit_part(browser, part):
    yield from served(browser, part)


@pytest.fixture
def visit(browser, whole):
    yield from served(browser, whole)


# What is checked


def check_page(site, name):
    """It opens without an error or a request to elsewhere, its formulas are set, its pictures have words."""
    site.open(f"notebooks/{name}")
    page = site.page
    assert page.locator("article h1").count() >= 1
    formulas = page.locator("article .math")
    assert formulas.count() == page.locator("article .math mjx-container").count()
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert not re.search(r"\\\(|\\\[|\$\$", page.locator("article").inner_text())
    for picture in page.locator("article img:not(.frame img)").all():
        assert picture.get_attribute("alt")
    for card in page.locator(".card[role=img]").all():
        assert len(card.get_attribute("aria-label")) > 20
    for picture in page.locator("article img:not(.frame img)").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert "Error displaying widget" not in page.content()
    assert page.locator("article script:not([type='application/json'])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    move_all(page)
    page.locator("footer").first.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert site.problems == []
    assert site.weight < HEAVIEST, f"{name} loads {site.weight} bytes"
    return formulas.count()


def move_all(page):
    """Every slider, by keyboard, and every drop-down changes its picture and its sentence, which names the picture."""
    for box in page.locator(".frames.moves, .frames.live").all():
        box.scroll_into_view_if_needed()
        for sheet in box.locator("img:visible").all():  # one that is hidden is never loaded
            sheet.evaluate("image => image.decode()")
        menus = box.locator("select").all()
        for menu in menus:
            entries = range(menu.locator("option").count())
            assert len({look(box, menu.select_option, index=entry) for entry in entries}) == len(entries)
        idle = set(range(box.locator("input").count()))
        for entry in range(menus[0].locator("option").count()) if menus else [None]:
            if entry is not None:
                menus[0].select_option(index=entry)
            for number in list(idle):
                slider = box.locator("input").nth(number)
                if not slider.is_visible():  # without effect at this entry
                    continue
                assert slider.get_attribute("aria-label")
                low, high = look(box, slider.press, "Home"), look(box, slider.press, "End")
                value = slider.get_attribute("aria-valuetext")
                slider.press("ArrowLeft")
                assert slider.get_attribute("aria-valuetext") != value
                if low[0] != high[0] and low[1] != high[1]:
                    idle.discard(number)
        assert not idle, f"sliders that move nothing: {idle}"


def look(box, action, *arguments, **options):
    """Do something, then see: picture and sentence."""
    action(*arguments, **options)
    words = box.locator("p").first.inner_text()
    assert box.locator(".card").get_attribute("aria-label") == words
    return box.locator(".card").screenshot(), words


# Two lessons


def test_two_lessons_work_without_a_kernel(visit_part):
    site = visit_part()
    assert sum(check_page(site, name) for name in SOME) > 20
    assert site.page.locator(".frames").count() >= 2
    assert site.page.locator("article a[href$='.py']").count() == 0


def test_one_switch_opens_the_code_but_not_what_tells_an_answer(visit_part):
    site = visit_part()
    site.open("notebooks/07_gae")
    folds = site.page.locator("article details.above-input")
    telling = site.page.locator("article .tag_spoils details.above-input")
    assert folds.count() > telling.count() > 3
    opened = "folds => folds.filter(fold => fold.open).length"
    assert folds.evaluate_all(opened) == 0
    switch = site.page.get_by_role("button", name="Show all code")
    switch.click()
    assert folds.evaluate_all(opened) == folds.count() - telling.count()
    site.page.get_by_role("button", name="Fold all code").click()
    assert folds.evaluate_all(opened) == 0


def test_the_game_is_played_with_buttons_and_with_arrow_keys(visit_part):
    site = visit_part()
    site.open("notebooks/00_start_here")
    game = site.page.locator(".game")
    steps, result = game.locator(".trajectory li"), game.locator(".result")
    for _ in range(20):
        game.get_by_role("button", name="new play").click()
        for number in range(1, 7):
            if number % 2:
                game.get_by_role("button", name="right").click()
            else:
                game.press("ArrowUp")
            assert steps.count() == number
            if result.inner_text():
                break
        rewards = re.findall(r"r\d = ([+−]?)(\d+)", game.locator(".trajectory").inner_text())
        total = sum(int(amount) * (-1 if sign == "−" else 1) for sign, amount in rewards)
        assert len(rewards) == steps.count()
        assert result.inner_text().replace("−", "-").endswith(f"= {total:+d}" if total else "= 0")
        assert game.locator("[data-action]").first.is_disabled()
    assert site.problems == []


def test_frames_and_drawn_pictures_stand_in_stacked_panels_on_a_phone(visit_part):
    """Side by side the letters would be six pixels high; below each other they keep their size."""
    wide, narrow = visit_part(), visit_part(viewport={"width": 390, "height": 800})
    places = []
    for site in (wide, narrow):
        site.open("notebooks/07_gae")
        drawn, ahead = site.page.locator(".live").first, site.page.locator(".frames.moves").last
        panels = [panel.bounding_box() for panel in drawn.locator("svg.panel").all()]
        places.append((panels, [part.bounding_box() for part in ahead.locator(".frame:visible").all()]))
    (side_by_side, whole), (stacked, parts) = places
    assert side_by_side[0]["y"] == side_by_side[1]["y"] and stacked[1]["y"] >= stacked[0]["y"] + stacked[0]["height"]
    assert len(whole) == 1 and len(parts) >= 3
    assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in itertools.pairwise(parts))
    assert min(panel["width"] for panel in stacked) > 300


@pytest.mark.parametrize("width", [390, 1440])
def test_what_one_touches_is_large_enough_for_a_finger(visit_part, width):
    site = visit_part(viewport={"width": width, "height": 800})
    for name in ("index", *(f"notebooks/{name}" for name in SOME)):
        site.open(name)
        for thing in site.page.locator("article :is(input, select, button, summary, .start a)").all():
            if (box := thing.bounding_box()) is not None:
                assert min(box["width"], box["height"]) >= FINGER, thing.evaluate("thing => thing.outerHTML")


def stumbling_blocks(site):
    """Serious and critical findings of axe-core on the page that is open: rule and the first place.

    axe-core finds what people with a screen reader or with little sight stumble over.
    """
    found = Axe().run(site.page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("look", [(1440, "light"), (390, "dark")], ids=["wide light", "narrow dark"])
def test_axe_finds_nothing_serious(visit_part, look):
    width, scheme = look
    still = {"reduced_motion": "reduce"}  # what fades in has little contrast on the way
    site = visit_part(viewport={"width": width, "height": 900}, color_scheme=scheme, **still)
    for name in ("index", "teachers", *(f"notebooks/{name}" for name in SOME)):
        site.open(name)
        for fold in site.page.locator("article details").all():
            fold.evaluate("fold => { fold.open = true; }")
        assert stumbling_blocks(site) == [], name


def test_who_asks_for_less_motion_gets_less(visit_part):
    for motion, seconds in (("no-preference", "0.25s"), ("reduce", "0s")):
        site = visit_part(reduced_motion=motion)
        site.open("notebooks/00_start_here")
        agent = site.page.locator(".game .agent")
        assert agent.evaluate("agent => getComputedStyle(agent).transitionDuration") == seconds


def test_a_drawn_picture_follows_light_and_dark(visit_part):
    inks = []
    for scheme in ("light", "dark"):
        site = visit_part(color_scheme=scheme)
        site.open("notebooks/07_gae")
        line = site.page.locator(".live .total.solid").first
        inks.append(line.evaluate("line => getComputedStyle(line).stroke"))
    assert inks == ["rgb(0, 0, 0)", "rgb(240, 240, 240)"]


def test_the_way_to_the_notebook(part, tmp_path):
    """Without an address the page names the notebook; with one it links to it; Colab only where it is switched on."""
    page = (part / "notebooks" / "07_gae.html").read_text("utf-8")
    assert "<code>notebooks/07_gae.ipynb</code>" in page and "make lab" in page and "colab" not in page
    source = part.parent / "source"
    for colab in (0, 1):
        settings = ["-D", "repository=https://github.com/a/b", "-D", f"colab={colab}"]
        site, doctrees = tmp_path / f"site{colab}", tmp_path / "doctrees"
        run([SPHINX, "-m", "sphinx", "-q", "-W", "-c", "website", "-d", doctrees, *settings, source, site])
        page = (site / "notebooks" / "07_gae.html").read_text("utf-8")
        assert 'href="https://github.com/a/b/blob/main/notebooks/07_gae.ipynb"' in page
        place = "https://colab.research.google.com/github/a/b/blob/main/notebooks/07_gae.ipynb"
        assert (place in page) == bool(colab)


def test_a_box_of_the_map_leads_to_its_page(visit_part):
    site = visit_part()
    site.open("notebooks/00_start_here")
    tiles = site.page.locator("article img[src*='map_']")
    places = [tile.bounding_box() for tile in tiles.all()]
    assert len(places) == 12
    assert len({round(place["y"]) for place in places}) == 3 and len({round(place["x"]) for place in places}) == 4
    assert places[4]["y"] == pytest.approx(places[0]["y"] + places[0]["height"], abs=1)  # no gap
    assert site.page.locator("article a:has(img)").count() == 1  # the only one of these lessons with a page here
    tiles.nth(5).click()
    site.page.wait_for_url("**/notebooks/07_gae.html")
    assert site.problems == []


def test_a_narrow_page_scrolls_only_downwards(visit_part):
    site = visit_part(viewport={"width": 390, "height": 800})
    for name in ("index", *(f"notebooks/{name}" for name in SOME)):
        site.open(name)
        assert site.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert site.page.locator(".card").first.bounding_box()["width"] <= 390


def test_on_a_phone_the_map_scrolls_by_itself_and_can_be_read(visit_part):
    site = visit_part(viewport={"width": 390, "height": 800})
    site.open("notebooks/00_start_here")
    boxes = site.page.locator("article img[src*='map_']")
    assert all(box.bounding_box()["width"] > 390 * 0.4 for box in boxes.all())
    rows = site.page.locator("article p:has(img[src*='map_'])").evaluate_all(
        "rows => rows.map(row => row.scrollWidth > row.clientWidth && getComputedStyle(row).overflowX)"
    )
    assert rows and set(rows) == {"auto"}


def test_pictures_drawn_ahead_fit_a_phone_and_can_be_read(visit_part):
    """None scrolls sideways, and none is so much smaller than it was drawn that its letters fall below 7 pixels."""
    site = visit_part(viewport={"width": 390, "height": 800})
    drawn = 13.2  # pixels, the letters of a picture in its own size
    for name in SOME:
        site.open(f"notebooks/{name}")
        for card in site.page.locator(".card:has(.frame)").all():
            assert card.evaluate("card => card.scrollWidth <= card.clientWidth")
        shrunk = "frames => frames.map(frame => frame.clientWidth / parseFloat(frame.style.maxWidth))"
        shares = site.page.locator(".frame:visible").evaluate_all(shrunk)
        assert len(shares) > 0 and min(shares) * drawn > 7


def test_light_and_dark_and_pictures_stand_on_a_light_card(visit_part):
    site = visit_part(color_scheme="light")
    site.open("notebooks/07_gae")
    page = site.page

    def colours():
        ink = page.evaluate("getComputedStyle(document.body).color")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        card = page.evaluate("getComputedStyle(document.querySelector('.moves .card')).backgroundColor")
        dim = page.evaluate("getComputedStyle(document.querySelector('.moves img')).filter")
        return (*(sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, paper)), (card, dim))

    seen = [colours()]
    for _ in range(3):
        page.locator(".theme-toggle:visible").first.click()
        seen.append(colours())
    assert {(ink < paper, card) for ink, paper, card in seen} == {(True, LIGHT_CARD), (False, DARK_CARD)}
    assert all(abs(ink - paper) > 400 for ink, paper, _ in seen)


def test_it_opens_from_its_folder(browser, part):
    page = browser.new_page()
    problems = []
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.goto((part / "notebooks" / "07_gae.html").as_uri(), wait_until="networkidle")
    move_all(page)
    assert page.locator("article mjx-container").count() > 20
    assert problems == []
    page.close()


# All of it


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LESSONS + EXTRAS)
def test_every_page(visit, name):
    check_page(visit(), name)


@pytest.mark.timeout(3600)
def test_the_first_page_leads_through_all_lessons_and_back(visit):
    site = visit()
    site.open("index")
    assert site.weight < HEAVIEST
    page = site.page
    links = page.locator("article table a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == [f"notebooks/{name}.html" for name in LESSONS]
    assert page.locator(".film img").evaluate("image => image.naturalWidth") > 100
    assert page.locator("article a.download").get_attribute("href").endswith("cheatsheet.pdf")
    assert site.context.request.get(page.locator("article a.download").evaluate("link => link.href")).ok
    visited = []
    while (following := page.locator("a.next-page")).count():
        following.click()
        page.wait_for_load_state()
        visited.append(page.url.removeprefix(f"{site.address}/").removeprefix("notebooks/").removesuffix(".html"))
    assert visited == [*LESSONS, *EXTRAS, "teachers"]
    page.locator("a.prev-page").click()
    page.wait_for_load_state()
    assert page.url.endswith(f"{visited[-2]}.html")
    assert site.problems == []


@pytest.mark.timeout(3600)
def test_search_finds_gae(visit):
    site = visit()
    site.open("notebooks/01_expectation")
    site.page.locator("input[name=q]").first.fill("GAE")
    site.page.keyboard.press("Enter")
    found = site.page.locator("#search-results li a")
    found.first.wait_for()
    site.page.wait_for_load_state("networkidle")
    assert any("07_gae.html" in link for link in found.evaluate_all("links => links.map(link => link.href)"))
    assert site.problems == []
