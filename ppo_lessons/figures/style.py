"""What all pictures share: one colour for each idea, and the canvas that draws a picture."""

import itertools
import struct
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from PIL import Image

# The colour-blind-safe set of Okabe and Ito, darkened until words in these colours can be read on white. Each idea
# keeps its colour and its line style through the whole course; `tests/test_accessible.py` checks what comes of it.
POLICY = {"color": "#0072B2", "linestyle": "-"}
OLD_POLICY = {"color": "#6E6E6E", "linestyle": "--"}
RETURN = {"color": "#007A5A", "linestyle": "-"}
VALUE = {"color": "#9C6300", "linestyle": "-."}
ADVANTAGE = {"color": "#A6478A", "linestyle": "-"}
BIAS = {"color": "#BF5300", "linestyle": "--"}
VARIANCE = {"color": "#1F78AB", "linestyle": ":"}
TOTAL = {"color": "#000000", "linestyle": "-"}
CLIPPED = {"color": "#BF5300", "linestyle": ":"}
PENALTY = {"color": "#9C6300", "linestyle": "--"}
QUIET = "#6E6E6E"
OLD_BARS = {"color": QUIET, "hatch": "////", "edgecolor": "white"}  # beside bars that are as dark
GRID = "#DDDDDD"
OF_SEEDS = ["-", "--", "-.", ":", (0, (1, 1))]  # one line style a seed, all in the colour of what is drawn

DPI, SHARPNESS = 100, 2  # a picture has twice the pixels of the place where it is shown, so that it is sharp
RC = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.axisbelow": True,  # below bars too: an axis that nothing moves under need not be drawn again
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "text.parse_math": True,
    "text.hinting": "no_hinting",  # with so many pixels it changes nothing that one sees, and takes a tenth of the time
}


class Picture(NamedTuple):
    """A picture with controls, known to notebooks, tests and `make figures` alike.

    `build(figure)` draws what never changes and returns the artists that do. `update(artists, **values)` moves them
    and returns one sentence that says what is seen, for readers who cannot see it. A picture that trains while one
    looks is an `update` that yields such a sentence after each stage. `needs` says which controls have no effect at
    some settings: {"beta": ("objective", "penalty")} when beta counts only while the objective is the penalty.
    """

    build: Callable
    update: Callable
    size: tuple[int, int] = (720, 330)  # pixels of the page; the image has `SHARPNESS` times as many
    needs: Mapping[str, tuple[str, Any]] = MappingProxyType({})


class Canvas:
    """A picture on a Matplotlib canvas of its own: built once, its layout frozen after the first draw.

    What has never moved is drawn once and kept as the background. A redraw copies it and draws the rest on top, in
    the usual order, so that the pixels are those of a whole draw.
    """

    def __init__(self, picture: Picture, **values: Any):
        self.picture = picture
        with matplotlib.rc_context(RC):
            width, height = picture.size
            self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=SHARPNESS * DPI, layout="constrained")
            self.canvas = FigureCanvasAgg(self.figure)
            self.artists = picture.build(self.figure)
            for legend in self.figure.findobj(Legend):
                legend.set_zorder(0.6)  # below the data, which must not reach it anyway: part of what never moves
            self.move(**values)
            self.canvas.draw()
        self.figure.set_layout_engine("none")
        self.parts, self.moving, self.above, self.background = [], set(), [], None

    def move(self, **values):
        """Move the artists to these values, to the end of what trains: the sentence, kept in `text`."""
        *_, self.text = self.stages(**values)
        return self.text

    def stages(self, **values):
        """The same for those who draw while a picture trains: an iterator of sentences, one a stage."""
        with matplotlib.rc_context(RC):
            result = self.picture.update(self.artists, **values)
        return iter([result]) if isinstance(result, str) else self._in_style(result)

    @staticmethod
    def _in_style(result):
        """The sentences of a picture that trains; each stage is drawn in the style of the course."""
        finished = object()
        while True:
            with matplotlib.rc_context(RC):
                text = next(result, finished)
            if text is finished:
                return
            yield text

    def png(self) -> bytes:
        """The picture as it stands."""
        self.draw()
        size = self.canvas.get_width_height(physical=True)
        return encode(Image.frombuffer("RGBA", size, self.canvas.buffer_rgba()).convert("RGB"))

    @matplotlib.rc_context(RC)
    def draw(self):
        """Bring the canvas up to date; Matplotlib marks what changed since it was last drawn as stale."""
        parts = drawing_order(self.figure)
        flat = [part for layer in parts for part in layer]
        moved = {part for part in flat if part.stale and not isinstance(part, Axis)}
        if parts != self.parts or moved - self.moving or any(axis.stale for axis in flat if isinstance(axis, Axis)):
            self.parts, self.moving = parts, (self.moving | moved).intersection(flat)
            self.above = [part for layer in parts for part in from_first(layer, self.moving)]
            for part in flat:
                part.set_animated(part in self.above)
            self.canvas.draw()
            self.background = self.canvas.copy_from_bbox(self.figure.bbox)
        else:
            self.canvas.restore_region(self.background)
        for part in self.above:
            part.draw(self.canvas.get_renderer())


def encode(image):
    """An RGB image as a PNG, every pixel as it is: rows without a filter, the fastest compression.

    Drawn lines on white compress well without the filters of Pillow's encoder, which takes more than twice as long.
    """
    rows = np.zeros((image.height, 1 + 3 * image.width), np.uint8)  # each begins with the number of its filter: none
    rows[:, 1:] = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, -1)
    head = struct.pack(">2I5B", *image.size, 8, 2, 0, 0, 0)  # 8 bits a colour, type 2: red, green, blue
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return file


def drawing_order(figure):
    """What Matplotlib draws, from the bottom up: a list for each of the axes, and one for the figure's own artists."""
    layers = []
    for axes in sorted(figure.axes, key=lambda axes: axes.zorder):
        hidden = {axes.patch} if axes.axison else {axes.patch, *axes.spines.values(), axes.xaxis, axes.yaxis}
        layers.append([part for part in axes.get_children() if part not in hidden])
    layers.append([part for part in figure.get_children() if part is not figure.patch and part not in figure.axes])
    return [sorted(layer, key=lambda part: part.zorder) for layer in layers]


def from_first(parts, moving):
    """The parts from the first moving one on: those before it never have to be drawn again."""
    return list(itertools.dropwhile(lambda part: part not in moving, parts))


def label_bars(bars, **style):
    """An empty label in the middle above each bar; `move_bars` writes and moves it."""
    return [bar.axes.text(bar.get_x() + bar.get_width() / 2, 0, "", ha="center", **style) for bar in bars]


def move_bars(bars, heights, labels=None, *, form="{:.2f}", gap=0.0):
    """Give each bar its height; a label stands `gap` beyond its end, below it where the height is negative."""
    heights = [float(height) for height in heights]
    for bar, height in zip(bars, heights, strict=True):
        bar.set_height(height)
    for label, height in zip(labels or (), heights, strict=labels is not None):
        label.set_text(form.format(height if float(form.format(height)) else 0.0))  # no zero has a sign
        label.set_y(height + (gap if height >= 0 else -gap))
        label.set_va("bottom" if height >= 0 else "top")


def quiet_grid(axes):
    """A light grid behind the data."""
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def number_of_games(axes, games):
    """A logarithmic axis of the number of games side by side, with these ticks."""
    axes.set(xscale="log", xlabel="games side by side")
    axes.set_xticks(games, [f"{int(n):,}" for n in games])
    axes.minorticks_off()
