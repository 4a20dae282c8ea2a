"""What a notebook shows when nobody is there to run it: sliders over frames that were drawn ahead.

`execute.py` calls `install` in each notebook's kernel. From then on pictures with controls are displayed as plain HTML:
one WebP image that holds all frames, a range input for each slider, and one sentence for each frame.
"""

import base64
import html
import inspect
import io
import itertools
import json
import math
from pathlib import Path

import ipywidgets
from IPython import get_ipython
from IPython.display import Image, Javascript
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image as Pillow

from ppo_lessons.controls import LOTS, CorridorGame, Explorer, LiveCurves, Prediction
from ppo_lessons.figures import style

FRAMES = 64  # of a picture: six pictures on a page stay below 3 MB
TRAINED = 36  # of a picture that trains for each frame: all of them together take minutes
TALLEST = 16383  # pixels, the limit of WebP
COLOURS = 64
BEFORE = "the setting before"  # in a notebook the run before stays in grey; here that is the run at the start
NEEDS_KERNEL = {
    CorridorGame: "The buttons need a running notebook: <code>make lab</code> opens it in JupyterLab.",
    LiveCurves: "The last picture of the run. In a running notebook the curves grow while the agent learns.",
}


def install(folder, prefix, address):
    """Display the course's widgets as HTML from now on.

    The frames go to `folder`, their names begin with `prefix`, and the page finds them at `address`.
    """
    style.SHARPNESS = 1  # with two pixels a point the pages would be too heavy
    numbers = itertools.count(1)
    displays = get_ipython().display_formatter
    displays.ipython_display_formatter.for_type(Javascript, lambda shown: None)  # what JupyterLab's page needs
    formatter = displays.mimebundle_formatter
    formatter.for_type(
        Explorer, lambda shown: bundle(moving(shown, folder, f"{prefix}-{next(numbers)}", address), shown.text)
    )
    for kind, note in NEEDS_KERNEL.items():
        formatter.for_type(kind, lambda shown, note=note: still(shown, note))
    formatter.for_type(Prediction, lambda shown: bundle(folded(shown), shown.text))
    formatter.for_type(Image, lambda shown: bundle(picture_tag(shown.data, shown.alt), shown.alt))


def bundle(page, text):
    """Display data as IPython wants them: by type, and metadata."""
    return {"text/html": page, "text/plain": text}, {}


def picture_tag(data, text):
    """An image inside the page."""
    source = base64.b64encode(data).decode()
    return f'<img class="picture" src="data:image/png;base64,{source}" alt="{html.escape(text)}">'


def folded(prediction):
    """A question, and its answer behind a fold."""
    question, answer = (html.escape(text) for text in (prediction.asks, prediction.solution(prediction.answer())))
    return f"<p><b>{question}</b></p><details><summary>reveal</summary><p>{answer}</p></details>"


def still(shown, note):
    """A widget whose controls need a kernel: its picture as it stands."""
    text = getattr(shown, "text", None) or shown.canvas.text
    words = f'<p>{html.escape(text)}</p><p class="note">{note}</p>'
    return bundle(f'<div class="frames">{picture_tag(small(shown.canvas), text)}{words}</div>', text)


def small(canvas):
    """The picture as it stands, as a PNG with few colours."""
    file = io.BytesIO()
    Pillow.open(io.BytesIO(canvas.png())).quantize(
        COLOURS, Pillow.Quantize.MAXCOVERAGE, dither=Pillow.Dither.NONE
    ).save(file, "png", optimize=True)
    return file.getvalue()


# Which values


def spaced(low, high, step, count):
    """`count` values from low to high, as even as the steps of the slider allow."""
    last = round((high - low) / step)
    return [round(low + step * round(last * k / (count - 1)), 10) for k in range(count)]


def positions(control, more_than):
    """Values for a control, if possible more than a number: both ends of a slider, its start, and others between."""
    if isinstance(control, ipywidgets.Dropdown):
        return list(control.options)
    for count in range(2, round((control.max - control.min) / control.step) + 2):
        values = sorted({*spaced(control.min, control.max, control.step, count), control.value})
        if len(values) > more_than:
            break
    return values


def grid(controls, frames):
    """The values for which frames are drawn: name -> list, at most `frames` combinations.

    Each slider begins with its ends and its start. If that is too much, the last sliders stay where they start. What is
    left is shared out: the slider with the fewest positions gets one more.
    """
    values = {name: positions(control, 1) for name, control in controls.items()}
    movable = [name for name, control in controls.items() if not isinstance(control, ipywidgets.Dropdown)]
    while math.prod(map(len, values.values())) > frames:
        name = movable.pop()
        values[name] = [controls[name].value]
    movable = [name for name in movable if name not in LOTS]  # few draws are enough
    while movable:
        name = min(movable, key=lambda name: len(values[name]))
        finer = {**values, name: positions(controls[name], len(values[name]))}
        if math.prod(map(len, finer.values())) > frames or finer[name] == values[name]:
            movable.remove(name)
        else:
            values = finer
    return values


# The page


def moving(explorer, folder, name, address="../frames"):
    """HTML for an Explorer: its controls over frames drawn ahead."""
    trains = inspect.isgeneratorfunction(explorer.canvas.picture.update)
    values = grid(explorer.controls, TRAINED if trains else FRAMES)
    start = explorer.values
    pictures, sentences, first = [], [], 0
    figure = explorer.canvas.figure
    for text in figure.findobj(Text):
        if text.get_text() == BEFORE:
            text.set_text("the first setting")
    lines = [(line, *line.get_data()) for line in figure.findobj(Line2D)]
    for number, setting in enumerate(itertools.product(*values.values())):
        setting = dict(zip(values, setting, strict=True))
        first = number if setting == start else first
        for line, x, y in lines:  # a frame must not depend on the one drawn before it
            line.set_data(x, y)
        sentences.append(explorer.canvas.move(**setting))
        pictures.append(Pillow.open(io.BytesIO(explorer.canvas.png())))
    columns = write_sheet(pictures, Path(folder, f"{name}.webp"))
    width, height = explorer.canvas.picture.size
    rows = math.ceil(len(pictures) / columns)
    labels = {key: control.description for key, control in explorer.controls.items()}
    moved = {key: chosen for key, chosen in values.items() if len(chosen) > 1}
    inputs = []
    for key, chosen in moved.items():
        other, needed = explorer.canvas.picture.needs.get(key, (None, None))
        needs = f"{list(moved).index(other)} {moved[other].index(needed)}" if other in moved else ""
        inputs.append(control_tag(explorer.controls[key], chosen, needs))
    fixed = ", ".join(f"{labels[key]} = {shown(start[key])}" for key, chosen in values.items() if len(chosen) == 1)
    note = f'<p class="note">Fixed on this page: {html.escape(fixed)}.</p>' if fixed else ""
    place = f"translate({-100 * (first % columns) / columns}%, {-100 * (first // columns) / rows}%)"
    data = json.dumps(sentences, ensure_ascii=False).replace("<", "\\u003c")
    return f"""<div class="frames" data-columns="{columns}" data-rows="{rows}">
{"".join(inputs)}
<div class="frame" role="img" aria-labelledby="{name}" style="max-width: {width}px; aspect-ratio: {width} / {height}">
<img src="{address}/{name}.webp" alt="" loading="lazy" style="width: {100 * columns}%; transform: {place}"></div>
<p id="{name}" aria-live="polite">{html.escape(sentences[first])}</p>{note}
<script type="application/json">{data}</script></div>"""


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


def shown(value):
    """A value as the reader sees it."""
    return value if isinstance(value, str) else f"{value:g}"


def control_tag(control, values, needs=""):
    """A drop-down, or a slider over the positions 0, 1, 2, ... of `values`.

    A control with `needs`, two numbers, is shown only while the control with the first is at the second position.
    """
    label, place = html.escape(control.description), values.index(control.value)
    opening = f'<label data-needs="{needs}">' if needs else "<label>"
    texts = [html.escape(shown(value)) for value in values]
    if isinstance(control, ipywidgets.Dropdown):
        options = "".join(f"<option{' selected' * (n == place)}>{text}</option>" for n, text in enumerate(texts))
        return f"{opening}<span>{label}</span><select>{options}</select></label>\n"
    return (
        f'{opening}<span>{label}</span><input type="range" min="0" max="{len(values) - 1}" value="{place}" '
        f'aria-label="{label}" aria-valuetext="{texts[place]}" data-values="{" ".join(texts)}">'
        f"<output>{texts[place]}</output></label>\n"
    )
