"""The static site in a real browser: no kernel, no network, only a folder behind plain HTTP on this machine."""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from urllib.parse import unquote

import pytest
from notebook_runner import FOLDER, NOTEBOOKS, ROOT

PAGES = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in NOTEBOOKS]
LESSONS = [name for name in PAGES if "/" not in name]
EXTRAS = [name for name in PAGES if "/" in name]
SPHINX = next((path for path in (ROOT / ".site").glob("*/python*") if path.stem == "python"), None)
HEAVIEST = 3_000_000  # bytes of a page with all that it loads
SOME = ["00_start_here", "07_gae"]


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
    """Every slider, by keyboard, and every drop-down changes its picture and its sentence."""
    for box in page.locator(".frames[data-rows]").all():
        box.scroll_into_view_if_needed()
        assert box.locator(".frame").get_attribute("aria-labelledby") == box.locator("p").first.get_attribute("id")
        box.locator("img").evaluate("image => image.decode()")
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
    return box.locator(".frame").screenshot(), box.locator("p").first.inner_text()


# Quick: two lessons


def test_two_lessons_work_without_a_kernel(visit_part):
    site = visit_part()
    assert sum(check_page(site, name) for name in SOME) > 20
    assert site.page.locator(".frames").count() >= 2
    folds = site.page.locator("article details.hide.above-input")  # what would tell the answer
    assert folds.count() > 3 and not folds.first.locator("pre").is_visible()
    assert site.page.locator("article a[href$='.py']").count() == 0


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
    assert site.page.locator(".frame").first.bounding_box()["width"] <= 390


def test_light_and_dark_and_pictures_stay_on_white(visit_part):
    site = visit_part(color_scheme="light")
    site.open("notebooks/07_gae")
    page = site.page

    def colours():
        ink = page.evaluate("getComputedStyle(document.body).color")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        card = page.evaluate("getComputedStyle(document.querySelector('.frame')).backgroundColor")
        return (*(sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ink, paper)), card)

    seen = [colours()]
    for _ in range(3):
        page.locator(".theme-toggle:visible").first.click()
        seen.append(colours())
    assert all(card == "rgb(255, 255, 255)" for *_, card in seen)
    assert {ink < paper for ink, paper, _ in seen} == {True, False}
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


# Slow: all of it

slow = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=slow) for name in LESSONS + EXTRAS])
def test_every_page(visit, name):
    check_page(visit(), name)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_first_page_leads_through_all_lessons_and_back(visit):
    site = visit()
    site.open("index")
    assert site.weight < HEAVIEST
    page = site.page
    links = page.locator("article table a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert links == [f"notebooks/{name}.html" for name in LESSONS]
    assert page.locator("article a.download").get_attribute("href").endswith("cheatsheet.pdf")
    assert site.context.request.get(page.locator("article a.download").evaluate("link => link.href")).ok
    visited = []
    while (following := page.locator("a.next-page")).count():
        following.click()
        page.wait_for_load_state()
        visited.append(page.url.split("/notebooks/")[-1].removesuffix(".html"))
    assert visited == LESSONS + EXTRAS
    page.locator("a.prev-page").click()
    page.wait_for_load_state()
    assert page.url.endswith(f"{visited[-2]}.html")
    assert site.problems == []


@pytest.mark.slow
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
