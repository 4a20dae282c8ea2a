"""The Corridor as a game in the page: its tables, for `static/corridor.js`, and its board, for `static/game.js`."""

import json

from ppo_lessons.corridor import ACTIONS, CELLS, FLAG, PIT, SITUATIONS, START, STATES, Corridor
from ppo_lessons.figures.corridor import signed


def tables(world=None):
    """The rules as plain lists: outcomes[state][action] lists [probability, next state, reward, next cell].

    The next cell of a play that ends is where it ends, for the board to show.
    """
    world = world or Corridor()
    return {
        "actions": ACTIONS,
        "situations": SITUATIONS,
        "cells": CELLS,
        "start": START,
        "steps": world.steps,
        "outcomes": [[outcomes(world, state, action) for action in range(len(ACTIONS))] for state in range(STATES)],
    }


def outcomes(world, state, action):
    """What may happen, with the cell on the board: the first outcome is to get there, the second to stay."""
    cell = state % CELLS
    ends = world.target(cell, action), cell
    return [[*outcome[:3], end] for outcome, end in zip(world.outcomes(state, action), ends, strict=False)]


def words_tag(cell, *lines):
    """Lines of words below a cell."""
    spans = (f'<tspan x="{100 * cell + 50}" dy="{1.15 * bool(n)}em">{line}</tspan>' for n, line in enumerate(lines))
    return f'<text class="words" y="138">{"".join(spans)}</text>'


def cell_tag(cell, world):
    """One cell of the board, 100 wide."""
    kind = {PIT: " pit", FLAG: " flag"}.get(cell, "")
    below = {PIT: (f"pit: {signed(world.pit)}", "end"), FLAG: (f"flag: {signed(world.flag)}", "end")}.get(cell, ())
    return (
        f'<rect class="cell{kind}" x="{100 * cell + 6}" y="30" width="88" height="88" rx="8"/>'
        f'<text class="small" x="{100 * cell + 13}" y="47">{cell}</text>{words_tag(cell, *below)}'
    )


def board():
    """The board as SVG: six cells, and what lies in them."""
    world = Corridor()
    day, night = (signed(reward) for reward in world.leaving)
    coin, toll = (f"{abs(reward):g}" for reward in world.leaving)
    cells = "".join(cell_tag(cell, world) for cell in range(CELLS))
    wall = "".join(f'<rect class="stone" x="95" y="{31 + 18 * row}" width="10" height="15"/>' for row in range(5))
    return f"""<svg viewBox="-8 0 616 166" class="board" role="img" aria-label="the Corridor">
{cells}{wall}<text class="words" x="100" y="22">one way →</text>
<ellipse class="hole" cx="350" cy="98" rx="30" ry="11"/>
<path class="pole" d="M565 108 V45"/><path class="cloth" d="M565 46 L533 60 L565 74 Z"/>
<g class="by-day"><circle class="coin" cx="78" cy="55" r="12"/><text class="coin-worth" x="78" y="60">{coin}</text>
{words_tag(START, f"leaving: {day}", "(coin)")}</g>
<g class="by-night"><path class="toll" d="M56 66 H92"/><text class="small price" x="31" y="55">toll {toll}</text>
{words_tag(START, f"leaving: {night}", "(toll)")}</g>
<g class="agent"><circle class="body" cx="50" cy="92" r="19"/><circle class="eye" cx="45" cy="86" r="5"/>
<circle class="eye" cx="58" cy="86" r="5"/><circle class="pupil" cx="47" cy="86" r="2.2"/>
<circle class="pupil" cx="60" cy="86" r="2.2"/></g>
</svg>"""


def tag():
    """The game: buttons, board, what happened so far."""
    buttons = "".join(
        f'<button type="button" data-action="{number}">{arrow} {action}</button>'
        for number, (arrow, action) in enumerate(zip("←↑→", ACTIONS, strict=True))
    )
    return f"""<div class="game" tabindex="0" role="group" aria-label="the Corridor, also played with the arrow keys">
<p class="buttons">{buttons}<button type="button" class="again">new play</button></p>
<p class="status"></p>
<div class="card">{board()}</div>
<ol class="trajectory"></ol>
<p class="result" aria-live="polite"></p>
<script type="application/json">{json.dumps(tables())}</script></div>"""
