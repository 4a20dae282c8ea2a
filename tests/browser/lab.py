"""What a learner does in JupyterLab: open a notebook, run it, move a slider, look at the picture."""

import json
import os
import time
import urllib.request
from functools import cached_property
from pathlib import Path

import nbformat

# A fingerprint of the picture once it has stood `still` for some milliseconds. With `before`, its fingerprint so far, a
# change is first waited for, `patience` seconds at most. Asked for in the page: questions from outside cost much more.
SETTLED = """async (image, {before, patience, seconds, still}) => {
    const pause = () => new Promise(next => setTimeout(next, 40));
    const fingerprint = async source => {
        const hash = await crypto.subtle.digest("SHA-256", await (await fetch(source)).arrayBuffer());
        return Array.from(new Uint8Array(hash)).join();
    };
    let source = image.src, pixels = await fingerprint(source), since = performance.now();
    const look = async () => {
        await pause();
        if (image.src === source) return;
        source = image.src;
        const now = await fingerprint(source);
        if (now !== pixels) [pixels, since] = [now, performance.now()];
    };
    const began = since;
    while (pixels === before && performance.now() - began < 1000 * patience) await look();
    while (performance.now() - since < still) {
        await look();
        if (performance.now() - began > 1000 * seconds) throw "the picture never stood still";
    }
    return pixels;
}"""
# Brings a slider into view and takes hold of it; whether the key will move it.
TAKEN = """(slider, key) => {
    slider.scrollIntoView({block: "nearest"});
    slider.focus();
    return slider.ariaValueNow !== (key === "Home" ? slider.ariaValueMin : slider.ariaValueMax);
}"""
READOUT = """slider => slider.closest(".widget-inline-hbox").querySelector(".widget-readout").innerText"""
APP = os.environ.get("JUPYTER_APP", "lab")
SHOTS = os.environ.get("BROWSER_SHOTS")  # a folder: screenshots of every picture at both ends of its sliders


def visit(browser, server, **options):
    """A page of JupyterLab in a fresh browser profile; options are those of Playwright's `new_context`."""
    page = browser.new_context(viewport={"width": 1280, "height": 1000}, **options).new_page()
    page.set_default_timeout(60_000)
    return Lab(page, *server)


class Lab:
    def __init__(self, page, address, token, folder):
        self.page, self.address, self.token, self.folder = page, address, token, folder

    def api(self, path, method="GET"):
        request = urllib.request.Request(f"{self.address}/api/{path}?token={self.token}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def shut_down_kernels(self):
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", "DELETE")

    def open(self, path, workspace=None):
        """Open the notebook in a workspace: one of its own if there is no name. A workspace remembers its tabs."""
        self.path = path
        workspace = workspace or path.replace("/", "-").replace(".", "-")
        place = {"lab": f"lab/workspaces/{workspace}/tree", "notebook": "notebooks"}[APP]
        self.page.goto(f"{self.address}/{place}/{path}?token={self.token}")
        self.notebook = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.wait_idle(120)

    def run_all(self, path, seconds=240):
        """Open the notebook and run all of its cells."""
        self.open(path)
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_timeout(500)
        self.wait_idle(seconds)

    def narrow(self, width):
        """A window of this width, the list of files closed."""
        self.page.set_viewport_size({"width": width, "height": 1000})
        if self.page.locator("#filebrowser").is_visible():
            self.page.keyboard.press("Control+b")
            self.page.locator("#filebrowser").wait_for(state="hidden")
        self.page.wait_for_timeout(500)

    def wait_idle(self, seconds=60):
        """Until the server and JupyterLab's status bar both say that the kernel rests, three times in a row."""
        end, rests = time.monotonic() + seconds, 0
        while rests < 3:
            assert time.monotonic() < end, "the kernel never came to rest"
            sessions = [session for session in self.api("sessions") if session["path"] == self.path]
            kernel = sessions[0]["kernel"] if sessions else {}
            resting = kernel.get("execution_state") == "idle" and kernel.get("connections", 0) > 0
            bar = APP == "notebook" or self.page.locator("#jp-main-statusbar").get_by_text("| Idle").count()
            rests = rests + 1 if resting and bar else 0
            self.page.wait_for_timeout(300)

    def pictures(self):
        """All pictures with controls, in the order of the page."""
        cards = self.notebook.locator(".jp-OutputArea-output .widget-vbox:has(img.widget-image)")
        return [Picture(self, cards.nth(i)) for i in range(cards.count())]

    def saved(self, path):
        """Save, and read the file: cells out of sight may be missing from the page, but not from the file."""
        file = Path(self.folder / path)
        before = file.stat().st_mtime_ns
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        for _ in range(200):
            if file.stat().st_mtime_ns != before:
                try:
                    return nbformat.read(file, 4)
                except ValueError:  # half written: NotJSONError is one
                    pass
            self.page.wait_for_timeout(100)
        raise AssertionError("the notebook was not saved")


class Picture:
    def __init__(self, lab, card):
        self.lab, self.card, self.page = lab, card, lab.page
        self.image = card.locator("img.widget-image").first

    @property
    def sliders(self):
        handles = self.card.locator(".noUi-handle:visible")  # a control without effect is hidden
        return [handles.nth(i) for i in range(handles.count())]

    @property
    def menus(self):
        menus = self.card.locator("select")
        return [menus.nth(i) for i in range(menus.count())]

    @cached_property
    def shown(self):
        """The image itself: to look it up takes the page longer than what is asked of it."""
        return self.image.element_handle()

    def settled(self, before=None, patience=3, seconds=40, still=350):
        """The picture's fingerprint once it stands still, after a change to one that is not `before`: see `SETTLED`."""
        asked = {"before": before, "patience": patience, "seconds": seconds, "still": still}
        return self.shown.evaluate(SETTLED, asked)

    def pixels(self):
        return self.settled(still=0)

    def press(self, slider, key, patience=3):
        """Move a slider by keyboard, "Home" or "End": (fingerprint, value shown beside it)."""
        handle = slider.element_handle()
        before = self.pixels() if handle.evaluate(TAKEN, key) else None
        self.page.keyboard.press(key)
        pixels = self.settled(before, patience)
        return pixels, float(handle.evaluate(READOUT).replace("−", "-"))

    def drag(self, slider, by):
        """Drag a slider by so many pixels, in many small moves as a hand does."""
        slider.scroll_into_view_if_needed()
        before = self.pixels()
        box = slider.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for i in range(1, 11):
            self.page.mouse.move(x + by * i / 10, y)
        self.page.mouse.up()
        return self.settled(before)

    def words(self):
        return self.card.inner_text()

    def shoot(self, name):
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            self.card.screenshot(path=f"{SHOTS}/{name}.png")
