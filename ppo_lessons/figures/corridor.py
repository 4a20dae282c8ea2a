"""The Corridor drawn: its cells, the agent, and what the policy does in each cell."""

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from ppo_lessons.corridor import CELLS, FLAG, PIT, SITUATIONS, START, Corridor
from ppo_lessons.figures.style import BIAS, POLICY, QUIET, RETURN, Canvas, Picture

SKY = {"day": "#FFF6D9", "night": "#DCE1EE"}


def draw_cells(axes, situation, world=None):
    """The six cells with what each one pays, as a row on `axes`; cell i is centred at x = i.

    Returns:
        what `change_situation` needs: the boxes, the words below the start, and the world.
    """
    world = world or Corridor()
    boxes = []
    axes.set(xlim=(-0.6, CELLS - 0.4), ylim=(-0.95, 0.75), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for cell in range(CELLS):
        edge = {PIT: BIAS["color"], FLAG: RETURN["color"]}.get(cell, QUIET)
        box = FancyBboxPatch(
            (cell - 0.4, -0.4), 0.8, 0.8, boxstyle="round,pad=0.05", fc=SKY[situation], ec=edge, lw=1.5
        )
        boxes.append(axes.add_patch(box))
        axes.text(cell - 0.4, 0.38, str(cell), fontsize=8, va="top")
    below = {START: "", PIT: f"pit: {world.pit:+g}\nend", FLAG: f"flag: {world.flag:+g}\nend"}
    notes = {cell: axes.text(cell, -0.52, words, ha="center", va="top", fontsize=8.5) for cell, words in below.items()}
    cells = boxes, notes[START], world
    change_situation(cells, situation)
    return cells


def change_situation(cells, situation):
    """Day or night for the cells that `draw_cells` returned: the sky, and what leaving the start pays."""
    boxes, note, world = cells
    for box in boxes:
        if box.get_facecolor() != to_rgba(SKY[situation]):
            box.set_facecolor(SKY[situation])
    leaving = world.leaving[SITUATIONS.index(situation)]
    note.set_text(f"leaving: {leaving:+g}\n({'coin' if leaving > 0 else 'toll'})")


def draw_policy(axes, situation, probabilities):
    """The cells, and in each cell that acts three bars: how likely are left, up and right.

    Args:
        axes: where to draw.
        situation: "day" or "night".
        probabilities: [12, 3] pi(a|s), as in `Corridor`.

    Returns:
        dict: (cell, action) -> the bar. Hand it to `move_policy` when the policy changes.
    """
    draw_cells(axes, situation)
    bars = {}
    for cell in (cell for cell in range(CELLS) if cell not in (PIT, FLAG)):
        for action, arrow in enumerate("←↑→"):
            place = cell + 0.25 * (action - 1)
            axes.text(place, -0.3, arrow, ha="center", va="center", fontsize=7.5)
            bars[cell, action] = axes.add_patch(Rectangle((place - 0.09, -0.2), 0.18, 0, fc=POLICY["color"], zorder=4))
    move_policy(bars, situation, probabilities)
    return bars


def move_policy(bars, situation, probabilities):
    """Give the bars of `draw_policy` the heights of this policy [12, 3]; a full bar is probability 1."""
    first = CELLS * SITUATIONS.index(situation)
    for (cell, action), bar in bars.items():
        bar.set_height(0.42 * float(probabilities[first + cell, action]))


def build(figure):
    axes = figure.subplots()
    cells = draw_cells(axes, "day")
    agent = axes.add_patch(Circle((0, -0.02), 0.22, color=POLICY["color"], zorder=4))
    return {"axes": axes, "cells": cells, "agent": agent}


def update(artists, *, situation, cell, step, total):
    change_situation(artists["cells"], situation)
    artists["agent"].center = (cell, -0.02)
    text = f"{situation}, step {step} of {Corridor().steps}, return so far {total:+g}"
    artists["axes"].set_title(text)
    return f"The agent stands in cell {cell}: {text}."


board = Picture(build, update, size=(640, 220))


def picture(situation, cell, step, total):
    """The game as an RGB array [H, W, 3] (uint8)."""
    canvas = Canvas(board, situation=SITUATIONS[situation], cell=cell, step=step, total=total)
    canvas.draw()
    return np.asarray(canvas.canvas.buffer_rgba())[..., :3].copy()
