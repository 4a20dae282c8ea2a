"""The notebooks' pictures with controls, for the tests that look at them: at the start, at the corners, on the way."""

import ast
import itertools
from functools import lru_cache

import numpy as np
import pytest
from matplotlib.text import Text
from notebook_runner import NOTEBOOKS, code_of

from ppo_lessons.figures.style import Canvas


def explored():
    """All `explore(picture, name=setting, ...)` calls that need nothing but imports: id -> (picture, settings)."""
    found = {}
    for path in NOTEBOOKS:
        nodes = [node for source in code_of(path) for node in ast.walk(ast.parse(source))]
        names = {}
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(compile(ast.Module([node], []), str(path), "exec"), names)
        for node in nodes:
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explore" and node.keywords:
                picture = ast.unparse(node.args[0])
                settings = {k.arg: eval(ast.unparse(k.value), names) for k in node.keywords}
                name = f"{path.stem}:{picture}"
                assert name not in found, f"{name} is shown twice"
                found[name] = eval(picture, names), settings
    return found


EXPLORED = explored()
each_picture = pytest.mark.parametrize("name", EXPLORED, scope="module")  # all tests of a picture, then the next one


def start(settings):
    return {name: s[0] if isinstance(s, list) else s[3] for name, s in settings.items()}


@lru_cache(maxsize=1)
def at_start(name):
    """The canvas as the notebook first shows it. All tests share it: look at it, do not move it."""
    picture, settings = EXPLORED[name]
    return Canvas(picture, **start(settings))


def corners(settings, *, trains=False):
    """Every combination of the ends of the sliders and the entries of the menus.

    Where each of them `trains`, fewer: every combination of the ends of the sliders, and every entry of each menu, side
    by side.
    """
    ends = {name: setting if isinstance(setting, list) else setting[:2] for name, setting in settings.items()}
    if not trains:
        return [dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values())]
    menus = [name for name in settings if isinstance(settings[name], list)]
    sliders = [name for name in settings if name not in menus]
    combinations = list(itertools.product(*(ends[name] for name in sliders)))
    number = max(len(combinations), *(len(settings[name]) for name in menus), 1)
    return [
        dict(zip(sliders, combinations[i % len(combinations)], strict=True))
        | {name: settings[name][i % len(settings[name])] for name in menus}
        for i in range(number)
    ]


def values_of(setting):
    """Four values of a control, spread over its range."""
    if isinstance(setting, list):
        return (setting * 4)[:4]
    low, high, step, _ = setting
    count = round((high - low) / step)
    return [low + step * (count * share // 4) for share in range(1, 5)]


def drags(settings):
    """Settings one after the other, as when each control is moved in turn."""
    for name, setting in settings.items():
        for value in values_of(setting):
            yield start(settings) | {name: value}


def misplaced(figure):
    """Texts that leave the figure, and legends that lie on a curve."""
    renderer = figure.canvas.get_renderer()
    wrong = []
    unused = set()  # labels of ticks outside the limits exist, but are not drawn
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = (*axis.get_major_ticks(), *axis.get_minor_ticks())
        unused.update(label for t in ticks if not low <= t.get_loc() <= high for label in (t.label1, t.label2))
    for text in figure.findobj(Text):
        if text in unused or not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent(renderer)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1:
            wrong.append(f"cut off: {text.get_text()!r}")
    for axes in figure.axes:
        if axes.get_legend() is None:
            continue
        legend = axes.get_legend().get_window_extent(renderer)
        for line in axes.lines:
            points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
            if len(points) > 1 and not line.get_label().startswith("_"):
                dense = np.concatenate([np.linspace(a, b, 20) for a, b in itertools.pairwise(points)])
                if legend.count_contains(dense):
                    wrong.append(f"legend over {line.get_label()!r}")
    return wrong
