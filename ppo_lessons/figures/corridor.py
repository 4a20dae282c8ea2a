"""The Corridor drawn: its cells, the agent, and what the policy does in each cell."""

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import Arc, Circle, Ellipse, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from ppo_lessons.corridor import ACTIONS, CELLS, FLAG, PIT, SITUATIONS, START, Corridor
from ppo_lessons.figures.style import BIAS, POLICY, QUIET, RETURN, Canvas, Picture

SKY = {"day": "#FFF6D9", "night": "#DCE1EE"}
GOLD, GOLD_EDGE, STONE = "#F2B90C", "#9C6300", "#8A8178"


def signed(reward):
    """A reward with its sign, nothing as 0."""
    return f"{reward:+g}".replace("-", "−") if reward else "0"


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
    below = {START: "", PIT: f"pit: {signed(world.pit)}\nend", FLAG: f"flag: {signed(world.flag)}\nend"}
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
    note.set_text(f"leaving: {signed(leaving)}\n({'coin' if leaving > 0 else 'toll'})")


def draw_pit(axes):
    """A hole in the floor of cell 3."""
    axes.add_patch(Ellipse((PIT, -0.22), 0.62, 0.26, fc="#3A332E", ec="none", zorder=2))
    axes.add_patch(Arc((PIT, -0.22), 0.62, 0.26, theta1=180, theta2=360, color=STONE, lw=2.5, zorder=3))


def draw_flag(axes):
    """A flag on its pole in cell 5."""
    axes.add_patch(Rectangle((FLAG + 0.17, -0.34), 0.035, 0.66, fc="#3A332E", ec="none", zorder=2))
    cloth = [(FLAG + 0.17, 0.31), (FLAG + 0.17, 0.05), (FLAG - 0.14, 0.18)]
    axes.add_patch(Polygon(cloth, closed=True, fc=RETURN["color"], ec="none", zorder=2))


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
    draw_pit(axes)
    draw_flag(axes)
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


def draw_wall(axes):
    """The wall on the left of cell 1: who has left the start does not come back."""
    for row in range(5):
        low, shift = -0.46 + 0.185 * row, 0.03 * (row % 2)
        axes.add_patch(Rectangle((0.44 + shift, low), 0.1, 0.165, fc=STONE, ec="white", lw=0.8, zorder=3))
    axes.text(0.49, 0.5, "one way →", ha="center", va="bottom", fontsize=7.5)


def draw_coin(axes):
    """A coin beside the way out of the start: a list of artists."""
    coin = Circle((0.25, 0.19), 0.15, fc=GOLD, ec=GOLD_EDGE, lw=1.5, zorder=3)
    ring = Circle((0.25, 0.19), 0.11, fc="none", ec=GOLD_EDGE, lw=0.8, zorder=3)
    worth = axes.text(0.25, 0.18, "5", ha="center", va="center", fontsize=9, weight="bold", color="black", zorder=3.5)
    return [axes.add_patch(coin), axes.add_patch(ring), worth]


def draw_toll(axes):
    """A striped barrier across the way out of the start: a list of artists."""
    post = Rectangle((0.33, -0.36), 0.07, 0.5, fc="#3A332E", ec="none", zorder=3)
    beam = Rectangle((-0.1, 0.12), 0.5, 0.09, fc="white", ec=BIAS["color"], lw=1.2, zorder=3)
    stripes = [Rectangle((-0.1 + 0.2 * n, 0.12), 0.1, 0.09, fc=BIAS["color"], ec="none", zorder=3.2) for n in range(3)]
    worth = axes.text(0.14, 0.3, "toll 5", ha="center", va="center", fontsize=8, weight="bold", zorder=3.5)
    return [*(axes.add_patch(patch) for patch in (post, beam, *stripes)), worth]


def draw_sky(axes):
    """Sun and moon above the start: situation -> its artists."""
    sun = [axes.add_patch(Circle((-0.4, 0.65), 0.1, fc=GOLD, ec=GOLD_EDGE, lw=1.2))]
    for angle in np.arange(0, 2 * np.pi, np.pi / 4):
        way = np.array([np.cos(angle), np.sin(angle)])
        start, end = np.array([-0.4, 0.65]) + 0.13 * way, np.array([-0.4, 0.65]) + 0.18 * way
        sun.append(axes.add_patch(Polygon([start, end], closed=False, ec=GOLD_EDGE, lw=1.5)))
    moon = [
        axes.add_patch(Circle((-0.4, 0.65), 0.13, fc="#4A5A85", ec="none")),
        axes.add_patch(Circle((-0.34, 0.69), 0.115, fc="white", ec="none")),
    ]
    return {"day": sun, "night": moon}


def draw_agent(axes):
    """The agent, a head with two eyes: artist -> its place as seen from the middle of the cell."""
    parts = {Circle((0, 0), 0.17, color=POLICY["color"], zorder=4): (0, -0.14)}
    for side in (-1, 1):
        parts[Circle((0, 0), 0.045, color="white", zorder=4.2)] = (0.02 + 0.065 * side, -0.09)
        parts[Circle((0, 0), 0.02, color="black", zorder=4.4)] = (0.035 + 0.065 * side, -0.09)
    return {axes.add_patch(part): shift for part, shift in parts.items()}


def build(figure):
    axes = figure.subplots()
    cells = draw_cells(axes, "day")
    axes.set_ylim(-0.95, 0.85)
    for draw in (draw_pit, draw_flag, draw_wall):
        draw(axes)
    signs = {"day": draw_coin(axes), "night": draw_toll(axes)}
    return {"axes": axes, "cells": cells, "signs": signs, "sky": draw_sky(axes), "agent": draw_agent(axes)}


def update(artists, *, situation, cell, step, total):
    change_situation(artists["cells"], situation)
    for name in SITUATIONS:
        for part in artists["sky"][name]:
            part.set_visible(name == situation)
        for part in artists["signs"][name]:  # the coin is taken by whoever leaves; the toll is asked once
            part.set_visible(name == situation and cell == START)
    for part, (x, y) in artists["agent"].items():
        part.center = (cell + x, y)
    text = f"{situation}, step {step} of {Corridor().steps}, return so far {signed(total)}"
    artists["axes"].set_title(text)
    return f"The agent stands in cell {cell}: {text}."


board = Picture(build, update, size=(640, 220))


# What an action may do


def build_moves(figure):
    artists = build(figure)
    axes = artists["axes"]
    axes.set_ylim(-0.95, 1.3)
    line = {"arrowstyle": "-|>", "mutation_scale": 12, "lw": 1.8, "color": POLICY["color"], "zorder": 5}
    arrows = [axes.add_patch(FancyArrowPatch((0, 0), (1, 1), **line)) for _ in range(2)]
    style = {"ha": "center", "va": "bottom", "fontsize": 8.5, "zorder": 6}
    notes = [axes.text(0, 0, "", **style, bbox={"fc": "white", "ec": "none", "pad": 0.8}) for _ in range(2)]
    return {**artists, "arrows": arrows, "notes": notes}


def update_moves(artists, *, situation, cell, action):
    update(artists, situation=situation, cell=cell, step=0, total=0)
    world, number = Corridor(), ACTIONS.index(action)
    outcomes = world.outcomes(CELLS * SITUATIONS.index(situation) + cell, number)
    target, told = world.target(cell, number), []
    for place, (arrow, note) in enumerate(zip(artists["arrows"], artists["notes"], strict=True)):
        shown = place < len(outcomes)
        arrow.set_visible(shown)
        note.set_text("")
        if shown:
            end = target if place == 0 else cell  # the second outcome is to stay
            stays, ahead = end == cell, 0.3 if end > cell else -0.3
            ends = [(cell - 0.12, 0.47), (cell + 0.12, 0.47)] if stays else [(cell, 0.47), (end, 0.47)]
            arrow.set_positions(*ends)
            arrow.set_connectionstyle("arc3", rad=-3.2 if stays else -0.35 if end > cell else 0.35)
            words = f"{outcomes[place].probability:.1f}, pays {signed(outcomes[place].reward)}"
            note.set_position((cell, 0.93) if stays else ((cell + end) / 2 + ahead, 0.52 + 0.16 * abs(end - cell)))
            note.set_text(f"stays: {words}" if stays else words)
            told.append(f"{'it stays' if stays else f'it moves to cell {end}'} with probability {words}")
    artists["axes"].set_title(f"by {situation} in cell {cell}, action {action}")
    return f"By {situation} in cell {cell}, {action}: {'; '.join(told)}."


moves = Picture(build_moves, update_moves, size=(640, 260))


def picture(situation, cell, step, total):
    """The game as an RGB array [H, W, 3] (uint8), a pixel of it for each pixel of the page."""
    canvas = Canvas(board, situation=SITUATIONS[situation], cell=cell, step=step, total=total)
    canvas.draw()
    sharp = np.asarray(canvas.canvas.buffer_rgba())[..., :3]
    width, height = board.size
    finer = len(sharp) // height
    blocks = sharp.reshape(height, finer, width, finer, 3)
    return blocks.mean((1, 3)).round().astype(np.uint8)
