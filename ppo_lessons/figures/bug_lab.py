"""The bug lab drawn: the trainer as it is beside the trainer with a bug, same seed."""

import math
import textwrap

import numpy as np

from ppo_lessons.experiments.bug_lab import CASES, CURVES, SETTINGS, rows
from ppo_lessons.figures.style import BIAS, OLD_POLICY, Picture, quiet_grid

STYLES = (  # of each curve: (title, limits, scale)
    ("return", (0, 520), "linear"),
    ("KL at the first minibatch, nats", (-0.005, 0.105), "linear"),
    ("explained variance", (-0.55, 1.05), "linear"),
    ("value loss", (1e-3, 1e3), "log"),
    ("entropy, nats", (0, 0.75), "linear"),
)
BUG = {**BIAS, "linestyle": "-"}  # one colour in all five, so that the legend says what it means
PANELS = dict(zip(CURVES, STYLES, strict=True))


def build(figure):
    lines = {}
    axes = figure.subplots(2, 3)
    for panel, (name, (title, limits, scale)) in zip(axes.flat, PANELS.items(), strict=False):
        quiet_grid(panel)
        (right,) = panel.plot([], [], **OLD_POLICY)
        (wrong,) = panel.plot([], [], **BUG)
        panel.set(ylim=limits, yscale=scale, xlim=(0, SETTINGS["total_steps"] / 1000))
        panel.set_title(title, fontsize=9.5)
        lines[name] = right, wrong
    for panel in axes.flat[2:5]:
        panel.set_xlabel("environment steps / 1000")
    axes.flat[5].axis("off")
    axes.flat[5].plot([], [], **OLD_POLICY, label="the trainer as it is")
    axes.flat[5].plot([], [], **BUG, label="the trainer with the bug")
    axes.flat[5].legend(loc="upper left")
    words = axes.flat[5].text(0.02, 0.45, "", transform=axes.flat[5].transAxes, va="top", fontsize=9.5)
    return {"lines": lines, "words": words}


def compare(artists, bug, name, seed):
    """Train both and move the curves: a sentence a stage."""
    right, wrong = [], []
    for good, bad in zip(rows(None, seed), rows(bug, seed), strict=True):
        right.append(good)
        wrong.append(bad)
        for i, (curve, lines) in enumerate(artists["lines"].items(), start=1):
            for line, run in zip(lines, (right, wrong), strict=True):
                steps, values = np.array(run)[:, [0, i]].T
                known = np.isfinite(values)
                line.set_data(steps[known], values[known].clip(*PANELS[curve][1]))
        artists["words"].set_text(f"{textwrap.fill(name, 30)}\nseed {seed}, step {1000 * good[0]:,.0f}")
        if len(right) > 1:
            pairs = zip(PANELS, good[1:], bad[1:], strict=True)
            told = ", ".join(f"{curve} {shown(b)} ({shown(a)})" for curve, a, b in pairs)
            yield f"{name}, seed {seed}, step {1000 * good[0]:,.0f}, with the bug (and without): {told}."


def shown(number):
    return f"{number:.3g}" if math.isfinite(number) else "not known"


def update_known(artists, *, bug, seed):
    yield from compare(artists, bug, bug, seed)


def update_hidden(artists, *, case, seed):
    yield from compare(artists, CASES[case], f"case {case}", seed)


known = Picture(build, update_known, size=(860, 420))
hidden = Picture(build, update_hidden, size=(860, 420))
