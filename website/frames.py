"""What a notebook shows when nobody is there to run it: pictures as plain HTML.

`execute.py` calls `install` in each notebook's kernel. From then on a picture with controls is computed in the page, if
`live.py` knows how, or drawn ahead: one WebP image that holds all frames, a range input for each slider, and one
sentence for each frame.
"""

import base64
import html
import inspect
import io
import itertools
import json
import math
import sys
from pathlib import Path

import game
import ipywidgets
import live
import stops
from IPython import get_ipython
from IPython.display import Image, Javascript
from matplotlib import rc_context
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image as Pillow

from ppo_lessons.controls import CorridorGame, Explorer, LiveCurves, Prediction
from ppo_lessons.figures import style

TALLEST = 16383  # pixels, the limit of WebP
COLOURS = 64
SHARP = 16  # so many frames, or fewer, are drawn with two pixels a point; more would be too heavy
WHOLE = 680  # pixels: so wide, or less, and a picture fits on a phone as a whole, its letters 7.5 pixels high
LEGEND = 560  # so wide, or less, and a legend stands on one line there; its letters are smaller
BEFORE = "the setting before"  # in a notebook the run before stays in grey; here that is the run at the start
LIVE_NOTE = "The last picture of the run. In a running notebook the curves grow while the agent learns."


def install(folder, prefix, address):
    """Display the course's widgets as HTML from now on.

    The frames go to `folder`, their names begin with `prefix`, and the page finds them at `address`.
    """
    numbers = itertools.count(1)
    displays = get_ipython().display_formatter
    displays.ipython_display_formatter.for_type(Javascript, lambda shown: None)  # what JupyterLab's page needs
    formatter = displays.mimebundle_formatter

    def explorer(shown):
        name = name_of(shown.canvas.picture)
        if name in live.PICTURES:
            return bundle(live.tag(name, shown), shown.text)
        return bundle(moving(shown, folder, f"{prefix}-{next(numbers)}", address), shown.text)

    def curves(shown):
        return bundle(still(shown.canvas, folder, f"{prefix}-{next(numbers)}", address, LIVE_NOTE), shown.text)

    formatter.for_type(Explorer, explorer)
    formatter.for_type(LiveCurves, curves)
    formatter.for_type(CorridorGame, lambda shown: bundle(game.tag(), shown.text))
    formatter.for_type(Prediction, lambda shown: bundle(folded(shown), shown.text))
    formatter.for_type(Image, lambda shown: bundle(picture_tag(shown.data, shown.alt), shown.alt))


def bundle(page, text):
    """Display data as IPython wants them: by type, and metadata."""
    return {"text/html": page, "text/plain": text}, {}


def name_of(picture):
    """Where a picture stands, for instance "gae.tradeoff", or None for one that a function made."""
    for module, found in list(sys.modules.items()):
        if module.startswith("ppo_lessons.figures."):
            for name, value in vars(found).items():
                if value is picture:
                    return f"{module.rpartition('.')[2]}.{name}"
    return None


def picture_tag(data, text):
    """An image inside the page. A film stands still where the reader has asked for less motion, or stops it."""
    words = html.escape(text)
    moving = Pillow.open(io.BytesIO(data))
    tag = f'<img class="picture" src="{in_page(data)}" alt="{words}">'
    if getattr(moving, "n_frames", 1) == 1:
        return tag
    moving.seek(moving.n_frames - 1)
    last = io.BytesIO()
    moving.convert("RGB").quantize(COLOURS).save(last, "png", optimize=True)
    return (
        f'<div class="film"><picture><source media="(prefers-reduced-motion: reduce)" '
        f'srcset="{in_page(last.getvalue())}">{tag}</picture></div>'
    )


def in_page(data):
    """The address of a PNG that is part of the page."""
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def folded(prediction):
    """A question, and its answer behind a fold."""
    question, answer = (html.escape(text) for text in (prediction.asks, prediction.solution(prediction.answer())))
    return f"<p><b>{question}</b></p><details><summary>reveal</summary><p>{answer}</p></details>"


# Pictures drawn ahead


def still(canvas, folder, name, address, note=""):
    """A picture as it stands, and its sentence."""
    sheet = card(canvas, folder, name, address, canvas.text)
    return f'<div class="frames">{sheet}<p id="{name}">{html.escape(canvas.text)}</p>{note_tag(note)}</div>'


def card(canvas, folder, name, address, text):
    """A picture as it stands."""
    fit_a_phone(canvas)
    return sheet_tag(canvas, [picture_of(canvas)], Path(folder, f"{name}.webp"), f"{address}/{name}.webp", text)


def moving(explorer, folder, name, address="../frames"):
    """HTML for an Explorer: its controls over frames drawn ahead."""
    canvas, start = explorer.canvas, explorer.values
    if not explorer.controls:
        return still(canvas, folder, name, address)
    known = name_of(canvas.picture)
    fit_a_phone(canvas)
    trains = inspect.isgeneratorfunction(canvas.picture.update)
    values = stops.grid(explorer.controls, stops.TRAINED if trains else stops.FRAMES, stops.STOPS.get(known))
    needs = {**canvas.picture.needs, **stops.NEEDS.get(known, {})}
    alone = stops.ALONE.get(known, ())
    settings, numbers = stops.settings(values, start, needs, alone)
    sentences, pictures = draw(canvas, settings, start)
    first = settings.index(start)
    inputs = [
        control_tag(control, values[key], needs_of(key, values, needs), key in alone)
        for key, control in explorer.controls.items()
        if len(values[key]) > 1
    ]
    sheet = sheet_tag(canvas, pictures, Path(folder, f"{name}.webp"), f"{address}/{name}.webp", sentences[first], first)
    note = note_tag(what_is_missing(explorer, values, alone))
    data = json.dumps({"numbers": numbers, "sentences": sentences}, ensure_ascii=False).replace("<", "\\u003c")
    return f"""<div class="frames moves">
<div class="controls">{"".join(inputs)}</div>{sheet}
<p id="{name}" aria-live="polite">{html.escape(sentences[first])}</p>{note}
<script type="application/json">{data}</script></div>"""


def draw(canvas, settings, start):
    """The sentence and the picture of each setting. The start comes first, as it stands: it is there already."""
    figure = canvas.figure
    for text in figure.findobj(Text):
        if text.get_text() == BEFORE:
            text.set_text("the first setting")
    if len(settings) > SHARP:
        figure.set_dpi(style.DPI)
        canvas.parts = []  # its background has the old size
    lines = [(line, *line.get_data()) for line in figure.findobj(Line2D)]
    sentences, pictures = {}, {}
    for number, setting in sorted(enumerate(settings), key=lambda numbered: numbered[1] != start):
        for line, x, y in lines:  # a frame must not depend on the one drawn before it
            line.set_data(x, y)
        sentences[number] = canvas.text if setting == start else canvas.move(**setting)
        pictures[number] = picture_of(canvas)
    places = range(len(settings))
    return [sentences[place] for place in places], [pictures[place] for place in places]


def picture_of(canvas):
    """The pixels as they stand."""
    canvas.draw()
    size = canvas.canvas.get_width_height(physical=True)
    return Pillow.frombuffer("RGBA", size, canvas.canvas.buffer_rgba()).convert("RGB")


@rc_context(style.RC)
def fit_a_phone(canvas):
    """Change a wide picture, before it is drawn, so that a narrow page can show it, too.

    Panels that share a y-axis all get its numbers: they will stand below each other. A picture that has no panels side
    by side becomes as narrow as `WHOLE`, or as its widest legend.
    """
    figure, (width, height) = canvas.figure, canvas.picture.size
    if width <= WHOLE:
        return
    for axes in figure.axes:
        if len(axes.get_shared_y_axes().get_siblings(axes)) > 1:
            axes.tick_params(axis="y", labelleft=True)
    lay_out(canvas)
    if not panels(canvas):
        lay_out(canvas, wspace=0.2)
    if not panels(canvas):
        legends = [legend.get_window_extent().width * width / figure.bbox.width for legend in figure.legends]
        canvas.picture = canvas.picture._replace(size=(math.ceil(max([WHOLE, *legends])), height))
        figure.set_size_inches(*(side / style.DPI for side in canvas.picture.size))
        lay_out(canvas)


def lay_out(canvas, **room):
    """Give everything its place anew, with more room between panels than a notebook needs."""
    canvas.figure.set_layout_engine("constrained", w_pad=0.08, **room)
    canvas.canvas.draw()
    canvas.figure.set_layout_engine("none")
    canvas.parts = []  # its background shows the old places


def panels(canvas):
    """Parts of a picture that may stand one below the other on a narrow page: (left, top, right, bottom), shares of it.

    Panels side by side are cut apart in the middle between them; a title above all of them and a legend below are parts
    of their own. An empty list where there is nothing to cut, or no need to.
    """
    figure = canvas.figure
    if canvas.picture.size[0] <= WHOLE:
        return []
    renderer = figure.canvas.get_renderer()
    width, height = figure.bbox.width, figure.bbox.height
    boxes = sorted((axes.get_tightbbox(renderer).extents for axes in figure.axes), key=lambda box: box[0])
    cuts = [0.0]
    for number, box in enumerate(boxes[1:], 1):
        reach = max(before[2] for before in boxes[:number])
        if box[0] >= reach:
            cuts.append((reach + box[0]) / 2 / width)
    titles = [text.get_window_extent(renderer) for text in figure.texts if text.get_text()]
    top = 1.01 - min((box.y0 / height for box in titles), default=1.01)
    bottom = 1 - max((legend.get_window_extent(renderer).y1 / height for legend in figure.legends), default=0.0)
    if len(cuts) == 1 or bottom < 0.6:
        return []
    above = [(0.0, 0.0, 1.0, top)] if titles else []  # the whole line: its words change from frame to frame
    beside = [(left, top, right, bottom) for left, right in itertools.pairwise([*cuts, 1.0])]
    below = [(left, bottom, right, 1.0) for legend in figure.legends for left, right in lines_of(legend, width)]
    return [*above, *beside, *below]


def lines_of(legend, width):
    """Left and right ends, shares of the picture, of a legend; of its two halves where it is too long for a phone."""
    box = legend.get_window_extent()
    low, high = max(box.x0 / width - 0.01, 0.0), min(box.x1 / width + 0.01, 1.0)
    if (high - low) * width < LEGEND * legend.figure.dpi / style.DPI:
        return [(low, high)]
    ends = [text.get_window_extent().x1 / width + 0.01 for text in legend.get_texts()]
    middle = min(ends, key=lambda end: abs(end - (low + high) / 2))
    return [(low, middle), (middle, high)]


def sheet_tag(canvas, pictures, file, source, text, first=0):
    """Windows on a sheet of frames: one on the whole picture, and for narrow pages one on each of its panels."""
    columns = write_sheet(pictures, file)
    rows = math.ceil(len(pictures) / columns)
    width, height = canvas.picture.size
    parts = panels(canvas)
    windows = [("whole" if parts else "only", (0.0, 0.0, 1.0, 1.0)), *(("part", part) for part in parts)]
    tags = []
    for kind, (left, top, right, bottom) in windows:
        wide, high = (right - left) * width, (bottom - top) * height
        across, down = -100 * (first % columns + left) / columns, -100 * (first // columns + top) / rows
        tags.append(
            f'<span class="frame {kind}" style="max-width: {wide:.0f}px; aspect-ratio: {wide:.1f} / {high:.1f}">'
            f'<img src="{source}" alt="" loading="lazy" data-left="{left:.4f}" data-top="{top:.4f}" '
            f'style="width: {100 * columns / (right - left):.3f}%; transform: translate({across:.4f}%, {down:.4f}%)">'
            "</span>"
        )
    return (
        f'<div class="card" role="img" aria-label="{html.escape(text)}" data-columns="{columns}" data-rows="{rows}" '
        f'style="max-width: {width + 14}px">'
        f"{''.join(tags)}</div>"
    )


def write_sheet(pictures, file):
    """Write all frames into one image, column beside column, and return the number of columns.

    Frame after frame repeats most of what is above it, which WebP stores once: 2 to 3 kB a frame instead of 13.
    """
    width, height = pictures[0].size
    columns = math.ceil(len(pictures) * height / TALLEST)
    sheet = Pillow.new("RGB", (width * columns, height * math.ceil(len(pictures) / columns)), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (width * (number % columns), height * (number // columns)))
    few = sheet.quantize(COLOURS, Pillow.Quantize.MAXCOVERAGE, dither=Pillow.Dither.NONE).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    few.save(file, lossless=True, quality=80, method=4)  # from 76 on the encoder looks back over several frames
    return columns


# Controls


def shown(value):
    """A value as the reader sees it."""
    return value if isinstance(value, str) else f"{value:g}"


def note_tag(note):
    return f'<p class="note">{html.escape(note)}</p>' if note else ""


def what_is_missing(explorer, values, alone=()):
    """Which controls stand still here, and which menus are shorter than in the notebook: a sentence, or nothing."""
    controls, told = explorer.controls, []
    if fixed := [
        f"{controls[key].description} = {shown(found[0])}" for key, found in values.items() if len(found) == 1
    ]:
        told.append(f"Fixed on this page: {', '.join(fixed)}.")
    for key, found in values.items():
        entries = getattr(controls[key], "options", found)
        if len(found) < len(entries):
            told.append(f"The menu “{controls[key].description}” has {len(found)} of {len(entries)} entries here.")
    if alone:
        told.append("One control at a time: a move sends the others back to their start.")
    return " ".join([*told, "The notebook has all settings."]) if told else ""


def needs_of(key, values, needs):
    """For a control that has an effect only at one place of another: the numbers of that control and of the place."""
    other, needed = needs.get(key, (None, None))
    moved = [name for name, found in values.items() if len(found) > 1]
    return f"{moved.index(other)} {values[other].index(needed)}" if other in moved else ""


def control_tag(control, values, needs="", alone=False):
    """A drop-down, or a slider over the positions 0, 1, 2, ... of `values`.

    A control with `needs`, two numbers, is shown only while the control with the first is at the second position. One
    that is `alone` sends the others of its kind back when it moves.
    """
    label, place = html.escape(control.description), values.index(control.value)
    needs = f' data-needs="{needs}"' if needs else ""
    opening = f"<label{needs}{' data-alone' * alone}>"
    texts = [html.escape(shown(value)) for value in values]
    if isinstance(control, ipywidgets.Dropdown):
        options = "".join(f"<option{' selected' * (n == place)}>{text}</option>" for n, text in enumerate(texts))
        return f"{opening}<span>{label}</span><select>{options}</select></label>\n"
    return (
        f'{opening}<span>{label}</span><input type="range" min="0" max="{len(values) - 1}" value="{place}" '
        f'aria-label="{label}" aria-valuetext="{texts[place]}" data-values="{" ".join(texts)}">'
        f"<output>{texts[place]}</output></label>\n"
    )
