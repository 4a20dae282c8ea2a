"""Sliders, live curves and films for the notebooks: the one place that knows ipywidgets."""

import asyncio
import base64
import html
import inspect
import threading
import time

import gymnasium
import ipywidgets as widgets
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import Image, Javascript, display

from ppo_lessons.corridor import ACTIONS, SITUATIONS
from ppo_lessons.figures import corridor as corridor_figures
from ppo_lessons.figures import ppo as ppo_figures
from ppo_lessons.figures.style import Canvas

torch.set_num_threads(1)  # in a notebook: small tensors gain nothing from a second, and lose much beside a busy process

SYMBOLS = {"lam": "λ", "gamma": "γ", "epsilon": "ε", "beta": "β"}
REDRAW_EVERY = 0.25  # seconds between pictures while something trains

# To a screen reader the handles and images of ipywidgets 8.1 are nameless, and no setting changes that. This names
# those on the page, and with an observer all that come later.
NAMES = """
if (!window.ppoLessonsNames) {
  const name = () => {
    for (const handle of document.querySelectorAll(".widget-slider [role=slider]:not([aria-label])")) {
      const slider = handle.closest(".widget-slider"), label = slider.querySelector(".widget-label").textContent;
      const readout = slider.querySelector(".widget-readout");
      handle.setAttribute("aria-label", label);
      readout?.setAttribute("role", "textbox");
      readout?.setAttribute("aria-label", label + ", typed");
    }
    for (const image of document.querySelectorAll("img.widget-image:not([alt])"))
      image.alt = "picture; the text below says what it shows";
  };
  window.ppoLessonsNames = new MutationObserver(name);
  window.ppoLessonsNames.observe(document.body, {childList: true, subtree: true});
  name();
}
"""


def explore(picture, **sliders):
    """Show a picture with its controls.

    Args:
        picture: a `Picture`.
        sliders: one for each value that the picture takes. (min, max, step, start) is a slider, of whole numbers if
            all four are whole; a list is a drop-down that starts with its first entry.

    Returns:
        Explorer, a widget. An error in the picture is raised at the first draw, and later shown under it.
    """
    name_for_screen_readers()
    return Explorer(picture, {name: make_control(name, setting) for name, setting in sliders.items()})


def name_for_screen_readers():
    """Let the page name its sliders and images; outside of a notebook there is no page."""
    if InteractiveShell.initialized():
        display(Javascript(NAMES))


def make_control(name, setting):
    """The ipywidget for one setting of `explore`."""
    label = SYMBOLS.get(name, name.replace("_", " "))
    shared = {"description": label, "tooltip": label, "style": {"description_width": "110px"}}
    if isinstance(setting, list):
        return widgets.Dropdown(options=setting, value=setting[0], **shared)
    low, high, step, start = setting
    whole = all(isinstance(number, int) for number in setting)
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    wide = widgets.Layout(width="460px")
    return kind(min=low, max=high, step=step, value=start, continuous_update=True, layout=wide, **shared)


class Explorer(widgets.VBox):
    """Controls, the picture, and one sentence that says what is seen.

    The first draw happens at once. Every change of a control starts a task on the main thread's event loop and
    cancels the one before: the newest value wins. A picture that trains gives way to other events after each stage,
    and says at the end how long the whole training took.
    """

    def __init__(self, picture, controls):
        self.controls = controls
        began = time.monotonic()
        self.canvas = Canvas(picture, **self.values)
        self.image = widgets.Image(format="png", layout=widgets.Layout(width=f"{picture.size[0]}px", max_width="100%"))
        self.words = widgets.HTML()
        self.task = None
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None
        super().__init__([*controls.values(), self.image, self.words])
        self.show(self.canvas.text)
        self.say_how_long(began)
        for control in controls.values():
            control.observe(self.changed, "value")

    @property
    def values(self):
        """The current settings by name."""
        return {name: control.value for name, control in self.controls.items()}

    def show(self, text):
        """Send the picture as it stands, and its sentence, to the page."""
        self.text = text
        self.image.value = self.canvas.png()
        self.shown = time.monotonic()
        self.words.value = f'<div aria-live="polite" style="max-width:760px;line-height:1.35">{html.escape(text)}</div>'

    def say_how_long(self, began):
        """Under a picture that trains: the seconds since `began`."""
        if inspect.isgeneratorfunction(self.canvas.picture.update):
            took = time.monotonic() - began
            self.words.value += f'<div style="color:#6e6e6e">Trained and drawn in {took:.1f} s.</div>'

    def changed(self, _):
        """A control moved. Newer JupyterLabs call this on another thread; drawing belongs on the main one."""
        if self.loop is None or not self.loop.is_running():
            asyncio.run(self.redraw())
        elif threading.current_thread() is threading.main_thread():
            self.restart()
        else:
            self.loop.call_soon_threadsafe(self.restart)

    def restart(self):
        if self.task:
            self.task.cancel()
        self.task = self.loop.create_task(self.redraw())

    async def redraw(self):
        """Draw the current values, stage by stage; stages that follow each other quickly share one drawing."""
        try:
            longest, began = 0.0, time.monotonic()
            pressed = began
            for text in self.canvas.stages(**self.values):
                took = time.monotonic() - began
                longest = max(longest, took)
                if due := time.monotonic() + longest > self.shown + REDRAW_EVERY:
                    self.show(text)
                await asyncio.sleep(0.01 if took > 0.02 else 0)  # a message needs several turns of the loop
                began = time.monotonic()
            if not due:
                self.show(text)
            self.say_how_long(pressed)
        except Exception as error:
            message = html.escape(f"{type(error).__name__}: {error}")
            self.words.value = f'<pre role="alert" style="color:#b00020;white-space:pre-wrap">⚠ {message}</pre>'

    def _repr_mimebundle_(self, **options):
        return with_snapshot(super()._repr_mimebundle_(**options), self.image.value, self.text)


class CorridorGame(widgets.VBox):
    """The Corridor with three buttons: each press is one step, and the trajectory writes itself."""

    def __init__(self, seed=None):
        self.game = gymnasium.make("ppo_lessons/Corridor-v0").unwrapped
        self.game.reset(seed=seed)
        self.canvas = Canvas(corridor_figures.board, **self.shown())
        self.buttons = [widgets.Button(description=name, layout=widgets.Layout(width="110px")) for name in ACTIONS]
        self.again = widgets.Button(description="new play", button_style="info", layout=widgets.Layout(width="110px"))
        width = widgets.Layout(width=f"{corridor_figures.board.size[0]}px", max_width="100%")
        self.image, self.words = widgets.Image(format="png", layout=width), widgets.HTML()
        super().__init__([widgets.HBox([*self.buttons, self.again]), self.image, self.words])
        for action, button in enumerate(self.buttons):
            button.on_click(lambda _, action=action: self.act(action))
        self.again.on_click(lambda _: self.begin())
        self.begin(reset=False)
        name_for_screen_readers()

    def shown(self):
        """What the board shows now."""
        game = self.game
        situation = SITUATIONS[game.situation]
        return {"situation": situation, "cell": game.cell, "step": game.step_number, "total": game.total}

    def begin(self, reset=True):
        """A new play: day or night, with probability 1/2 each."""
        if reset:
            self.game.reset()
        self.lines, self.rewards, self.over = [], [], False
        self.draw()

    def act(self, action):
        """One step, unless the play is over."""
        if self.over:
            return
        state = f"({SITUATIONS[self.game.situation]}, cell {self.game.cell})"
        _, reward, self.over, _, _ = self.game.step(action)
        t = len(self.rewards)
        self.rewards.append(reward)
        taken = ACTIONS[action]
        self.lines.append(f"s<sub>{t}</sub> = {state}, a<sub>{t}</sub> = {taken}, r<sub>{t}</sub> = {reward:+g}")
        self.draw()

    def draw(self):
        for button in self.buttons:
            button.disabled = self.over
        self.text = self.canvas.move(**self.shown())
        self.image.value = self.canvas.png()
        lines = [html.escape(self.text), *self.lines]
        if self.over:
            added = " ".join(f"{reward:+g}" for reward in self.rewards)
            lines.append(f"<b>The play is over. Return R(τ) = {added} = {sum(self.rewards):+g}</b>")
        trajectory = "<br>".join(lines)
        self.words.value = f'<div aria-live="polite" style="line-height:1.5;min-height:12.5em">{trajectory}</div>'

    def _repr_mimebundle_(self, **options):
        return with_snapshot(super()._repr_mimebundle_(**options), self.image.value, self.text)


class LiveCurves(widgets.VBox):
    """Progress bar and curves of a training run: `with LiveCurves(config) as live: ... live.show(record)`.

    Redrawn at most four times a second. ■ Interrupt ends the loop, not the notebook: what was learned so far stays.
    The last picture is stored in the notebook, also without a running kernel.
    """

    def __init__(self, config):
        self.config, self.records, self.stopped = config, [], False
        self.canvas = Canvas(ppo_figures.curves, records=[], config=config)
        self.bar = widgets.IntProgress(max=config.updates, layout=widgets.Layout(width="300px"))
        self.label = widgets.Label("starting")
        width = widgets.Layout(width=f"{ppo_figures.curves.size[0]}px", max_width="100%")
        self.image = widgets.Image(format="png", value=self.canvas.png(), layout=width)
        self.words = widgets.HTML()
        super().__init__([widgets.HBox([self.bar, self.label]), self.image, self.words])

    def __enter__(self):
        self.began = self.drawn = time.monotonic()
        name_for_screen_readers()
        self.handle = display(self, display_id=True)
        return self

    def show(self, record):
        """Add a record; draw if the last drawing is old enough."""
        self.records.append(record)
        if time.monotonic() - self.drawn > REDRAW_EVERY:
            elapsed = time.monotonic() - self.began
            left = elapsed / max(record.update, 1) * (self.config.updates - record.update)
            self.draw(f"update {record.update} of {self.config.updates}, {elapsed:.0f} s, about {left:.0f} s left")

    def draw(self, words):
        self.bar.value = self.records[-1].update if self.records else 0
        self.label.value = words
        self.canvas.move(records=self.records, config=self.config)
        self.image.value = self.canvas.png()
        self.words.value = f'<div style="max-width:860px;line-height:1.35">{html.escape(self.canvas.text)}</div>'
        self.drawn = time.monotonic()

    def __exit__(self, kind, error, trace):
        self.stopped = kind is KeyboardInterrupt
        done = self.records[-1].update if self.records else 0
        elapsed = time.monotonic() - self.began
        if self.stopped:
            self.bar.bar_style, words = "warning", f"stopped by you at update {done} of {self.config.updates}"
        elif error:
            self.bar.bar_style, words = "danger", f"failed after update {done}: {error}"
        else:
            self.bar.bar_style, words = "success", f"{done} updates in {elapsed:.1f} s"
        self.draw(words)
        if self.handle:
            self.handle.update(self)
        return self.stopped

    def _repr_mimebundle_(self, **options):
        return with_snapshot(super()._repr_mimebundle_(**options), self.image.value, self.canvas.text)


def show_film(before, after):
    """Two runs of the game side by side as an animated picture, which plays without a kernel.

    Args:
        before, after: lists of RGB arrays [H, W, 3], as `ppo.play` returns them.
    """
    film = Image(data=ppo_figures.film(before, after), format="png")
    film.alt = "The agent before learning on the left, after learning on the right"  # no argument in older IPythons
    return film


def with_words(bundle, text):
    """A widget's display data, with a sentence for readers without a kernel."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**data, "text/plain": text}, metadata


def with_snapshot(bundle, png, text):
    """The same with a picture."""
    data, metadata = with_words(bundle, text)
    return {**data, "image/png": base64.b64encode(png).decode()}, metadata


def predict(question, choices, *, answer, because=""):
    """Ask for a prediction before the result is shown; then reveal the answer beside it.

    Args:
        question: what to predict, in words.
        choices: (min, max, step) is a slider, of whole numbers if all three are whole; a list is a drop-down.
        answer: a function without arguments that computes the answer when it is asked for, so that the cell does not
            betray it. With a slider a number, with a drop-down one of its entries.
        because: one sentence that explains the answer.

    Returns:
        Prediction, a widget.
    """
    name_for_screen_readers()
    return Prediction(question, choices, answer, because)


class Prediction(widgets.VBox):
    """A question, a slider or drop-down, and a button that reveals the answer beside the prediction."""

    def __init__(self, question, choices, answer, because):
        self.asks, self.answer, self.because = question, answer, because
        if isinstance(choices, list):
            self.choice = make_control("your_prediction", choices)
        else:
            low, high, step = choices
            middle = low + round((high - low) / step / 2) * step
            self.choice = make_control("your_prediction", (low, high, step, middle))
        self.question = widgets.HTML(f"<b>{html.escape(question)}</b>")
        self.button = widgets.Button(description="reveal", button_style="info", layout=widgets.Layout(width="110px"))
        self.words = widgets.HTML()
        self.button.on_click(lambda _: self.reveal())
        self.text = f"{question} (to predict and reveal, run the notebook)"
        super().__init__([self.question, widgets.HBox([self.choice, self.button]), self.words])

    def reveal(self):
        """Show the answer beside the prediction. An error in a callback would be lost, so it is shown in words."""
        try:
            self.text = self.verdict(self.choice.value, self.answer())
        except Exception as error:
            self.text = f"Run the cells above first ({type(error).__name__}: {error})."
        self.words.value = f'<div aria-live="polite" style="max-width:760px">{html.escape(self.text)}</div>'

    def verdict(self, guess, answer):
        """What the learner is told."""
        if isinstance(guess, str):
            told = "Right" if guess == answer else f"You chose “{guess}”"
        else:
            off = abs(guess - answer)
            told = "Right" if off <= self.choice.step / 2 else f"You said {guess:g}, which is {off:.3g} off"
        return f"{told}. {self.solution(answer)}"

    def solution(self, answer):
        """The answer and its reason, whatever was predicted."""
        told = answer if isinstance(answer, str) else f"{answer:.4g}"
        return f"The answer: {told}. {self.because}".strip()

    def _repr_mimebundle_(self, **options):
        return with_words(super()._repr_mimebundle_(**options), self.text)
