"""How long each picture takes from a slider's event to new pixels: `make bench-ui` writes assets/bench_ui.json.

Kernel: a control of an `Explorer` gets a value, until the image widget has its new bytes; in this process, on an event
loop. Browser: a key press in JupyterLab, until the changed image is painted, less first_ms, the kernel's part of the
same presses. All are medians of times by the clock, but for cpu_ms, which is processor time: a busy machine disturbs it
less. A picture whose update yields trains live; then cpu_ms and wall_ms are of the whole retraining, longest_wait_ms is
between two drawings, and taken_up_ms is from a new value in the midst of training to its first drawing.
"""

import asyncio
import importlib.metadata
import inspect
import itertools
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from notebook_runner import FOLDER, NOTEBOOKS  # noqa: E402
from pictures import EXPLORED, start  # noqa: E402

from ppo_lessons.controls import explore  # noqa: E402
from ppo_lessons.figures.style import Canvas  # noqa: E402

RESULT = ROOT / "assets" / "bench_ui.json"
BURST = 30
PAINTED = """image => {
    window.painted = [];
    new MutationObserver(async () => {
        await image.decode().catch(() => {});
        requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push(performance.now())));
    }).observe(image, {attributes: true, attributeFilter: ["src"]});
    document.addEventListener("keydown", () => { window.pressed = performance.now(); }, true);
}"""


def milliseconds(seconds):
    return round(1000 * statistics.median(seconds), 1)


def other_values(setting, number):
    """Values of a control in the order of a drag, the start left out."""
    if isinstance(setting, list):
        return (setting[1:] + setting[:1])[:number]
    low, high, step, start = setting
    count = round((high - low) / step)
    values = [
        type(step)(low + step * place) if isinstance(step, int) else low + step * place for place in range(count + 1)
    ]
    values = [value for value in values if abs(value - start) > step / 2]
    return values[:: max(1, len(values) // number)][:number]


async def kernel(picture, settings):
    """Times of one picture, measured in this process."""
    live = inspect.isgeneratorfunction(picture.update)
    explorer = explore(picture, **settings)
    drawn, wall, cpu, sizes, waits = [], [], [], [], []
    explorer.image.observe(lambda change: drawn.append(time.perf_counter()), "value")
    for name, control in explorer.controls.items():
        for value in other_values(settings[name], 2 if live else 8):
            await asyncio.sleep(0)
            drawn.clear()
            began, busy = time.perf_counter(), time.process_time()
            control.value = value
            await explorer.task
            cpu.append(time.process_time() - busy)
            wall.append(time.perf_counter() - began)
            gaps = [after - before for before, after in itertools.pairwise([began, *drawn])]
            waits.append(max(gaps, default=0.0))  # no gap: this value changes no pixel
            sizes.append(len(explorer.image.value))
        control.value = start(settings)[name]
        await explorer.task
    result = {"cpu_ms": milliseconds(cpu), "wall_ms": milliseconds(wall), "bytes": round(statistics.median(sizes))}
    if sliders_of(settings):
        result["first_ms"] = milliseconds(await presses(explorer, settings))
    result["burst_redraws"] = await burst(explorer, settings)
    if live:
        result["longest_wait_ms"] = milliseconds(waits)
        result["taken_up_ms"] = milliseconds([await taken_up(explorer, settings, place) for place in range(5)])
    return result


def sliders_of(settings):
    """The controls that are no menus; a picture without any has no times of key presses."""
    return {name: setting for name, setting in settings.items() if not isinstance(setting, list)}


async def presses(explorer, settings):
    """Seconds to the first drawing for the presses of `in_browser`: one step to and fro at the low end."""
    sliders = sliders_of(settings)
    name = max(sliders, key=lambda name: sliders[name][1])
    low, _, step, _ = sliders[name]
    drawn, times = [], []
    explorer.controls[name].value = low
    explorer.image.observe(lambda change: drawn.append(time.perf_counter()), "value")
    for value in (low + step, low) * 4:
        await explorer.task
        await asyncio.sleep(0.35)  # as long as `Picture.settled` waits
        drawn.clear()
        began = time.perf_counter()
        explorer.controls[name].value = value
        await explorer.task
        times += [moment - began for moment in drawn[:1]]
    explorer.controls[name].value = start(settings)[name]
    await explorer.task
    return times


async def burst(explorer, settings):
    """How often changes that come faster than the loop turns are drawn; the last drawing is of the last value."""
    name, drawn = max(settings, key=lambda name: len(other_values(settings[name], BURST))), []
    explorer.image.observe(drawn.append, "value")
    for value in itertools.islice(itertools.cycle(other_values(settings[name], BURST)), BURST):
        explorer.controls[name].value = value
    await explorer.task
    explorer.image.unobserve(drawn.append, "value")
    assert explorer.text == Canvas(explorer.canvas.picture, **start(settings)).move(**explorer.values)
    return len(drawn)


async def taken_up(explorer, settings, place):
    """Seconds from a new value, set while the picture trains, to the first drawing made with it."""
    name, drawn = next(reversed(settings)), asyncio.Event()
    values = other_values(settings[name], 8)
    explorer.controls[name].value = values[place % len(values)]
    await asyncio.sleep(0.1)
    explorer.image.observe(lambda change: drawn.set(), "value")
    drawn.clear()  # the task before is cancelled by the next line and draws no more
    began = time.perf_counter()
    explorer.controls[name].value = values[(place + 1) % len(values)]
    await drawn.wait()
    waited = time.perf_counter() - began
    await explorer.task
    return waited


def press(lab, picture, key):
    """Seconds from a key press to the first changed image on the screen."""
    lab.page.evaluate("() => { window.painted = []; }")
    lab.page.keyboard.press(key)
    lab.page.wait_for_function("() => window.painted.length > 0", timeout=20_000)
    waited = lab.page.evaluate("() => window.painted[0] - window.pressed")
    picture.settled()
    return waited / 1000


def in_browser(lab, picture):
    """Press to pixels for the slider with the most steps, and a burst of presses: what was drawn of it."""
    slider = max(picture.sliders, key=lambda slider: float(slider.get_attribute("aria-valuemax")))
    slider.scroll_into_view_if_needed()
    lab.page.evaluate(PAINTED, picture.image.element_handle())
    picture.press(slider, "Home")
    times = [press(lab, picture, key) for key in ("ArrowRight", "ArrowLeft") * 4]
    lab.page.evaluate("() => { window.painted = []; }")
    for key in ("ArrowRight", "ArrowLeft") * (BURST // 2):
        lab.page.keyboard.press(key)
    picture.settled()
    drawings = lab.page.evaluate("() => window.painted.length")
    return {"press_to_pixels_ms": milliseconds(times), "browser_burst_redraws": drawings}


@pytest.fixture(scope="module")
def results():
    """id -> numbers. The kernel's part first, then the tests below add the browser's; written at the end.

    Asked for before `lab`: once Playwright's event loop runs, this thread can start no other.
    """
    torch.set_num_threads(1)
    found = {name: asyncio.run(kernel(picture, settings)) for name, (picture, settings) in EXPLORED.items()}
    yield found
    versions = {name: importlib.metadata.version(name) for name in ("torch", "matplotlib", "ipywidgets", "jupyterlab")}
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
    machine["load"] = round(os.getloadavg()[0], 1)
    versions["python"] = platform.python_version()
    RESULT.write_text(json.dumps({"machine": machine, "versions": versions, "pictures": found}, indent=1) + "\n")
    RESULT.with_suffix(".md").write_text(table(found))
    print("\n" + table(found))


def table(found):
    """The results as Markdown, one line a picture; the last columns are of the pictures that train."""
    columns = {
        "cpu_ms": "kernel, ms of CPU",
        "bytes": "bytes sent",
        "press_to_pixels_ms": "key press to pixels, ms",
        "browser_ms": "of these in the browser",
        "burst_redraws": f"drawn of {BURST} changes at once",
        "wall_ms": "whole training, ms",
        "longest_wait_ms": "longest between two drawings, ms",
        "taken_up_ms": "new value taken up, ms",
    }
    lines = [" | ".join(["picture", *columns.values()]), " | ".join(["---"] * (1 + len(columns)))]
    for name, numbers in found.items():
        shown = numbers if "taken_up_ms" in numbers else numbers | {"wall_ms": ""}
        cells = [str(shown.get(column, "")) for column in columns]
        lines.append(" | ".join([name.replace(":pictures.", " "), *cells]))
    return "".join(f"| {line} |\n" for line in lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_browser(results, lab, path):
    names = [
        name for name, (_, settings) in EXPLORED.items() if name.split(":")[0] == path.stem and sliders_of(settings)
    ]
    if not names:
        return
    lab.run_all(f"my/{path.relative_to(FOLDER)}")
    found = [picture for picture in lab.pictures() if picture.sliders]
    assert len(found) == len(names)
    for name, picture in zip(names, found, strict=True):
        results[name] |= in_browser(lab, picture)
        results[name]["browser_ms"] = round(results[name]["press_to_pixels_ms"] - results[name]["first_ms"], 1)


def test_goals(results):
    live = {name for name, numbers in results.items() if "taken_up_ms" in numbers}
    slow = {name: numbers["cpu_ms"] for name, numbers in results.items() if name not in live and numbers["cpu_ms"] > 50}
    late = [results[name] for name in live if max(results[name]["longest_wait_ms"], results[name]["taken_up_ms"]) > 300]
    assert (slow, late) == ({}, [])
    assert all(numbers["burst_redraws"] <= 2 for name, numbers in results.items() if name not in live)
