"""Sliders, live curves and films for the notebooks: the one place that knows ipywidgets."""

import asyncio
import base64
import html
import inspect
import json
import threading
import time
from functools import partial

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

# What is written beside a control whose name is not what the lesson calls it: symbols, and units.
SYMBOLS = {
    "lam": "λ",
    "gamma": "γ",
    "epsilon": "ε",
    "beta": "β",
    "first_beta": "first β",
    "delta": "δ (nats)",
    "target_kl": "target KL (nats)",
    "ratio": "ρ",
    "mean": "μ",
    "spread": "σ",
    "log_std": "log σ",
    "budget": "1000 steps",
    "delay": "delay (updates)",
    "doublings": "log₂ of the plays",
    "length": "step length in θ",
    "number": "number of draws",
    "perch": "perch in B (%)",
    "stay": "π(left)",
    "success": "P(success)",
}
LOTS = ("sample", "seed")  # sliders that only draw anew
REDRAW_EVERY = 0.25  # seconds between pictures while something trains

# Blue and grey are seen on white and on JupyterLab's dark pages alike: at least 3 to 1 for what is drawn. Words have
# the colour of the page, or one for each theme.
STYLE = """
.ppo { min-width: 0; max-width: 100%; overflow: visible; }
.ppo .jupyter-widgets { margin: 2px 0; }
.ppo .widget-hbox { flex-wrap: wrap; gap: 4px; overflow: visible; }
.ppo .widget-inline-hbox { align-items: center; flex-wrap: wrap; height: auto; max-width: 100%; min-width: 0; }
.ppo .widget-hprogress { height: 28px; }
.ppo .widget-inline-hbox .widget-label {
  height: auto; line-height: 1.25; overflow-wrap: anywhere; white-space: normal;
}
.ppo .widget-slider .slider-container { min-width: 90px; }
.ppo .widget-slider .noUi-connects { background: #767676; }
.ppo .widget-slider .noUi-target { background: #767676; border: 0; box-shadow: none; }
.ppo .widget-slider .noUi-connect { background: #0072b2; }
.ppo .widget-slider .noUi-target .noUi-handle,
.ppo .widget-slider .noUi-target:not([disabled]) .noUi-handle:hover,
.ppo .widget-slider .noUi-target:not([disabled]) .noUi-handle:focus {
  background: #0072b2; border: 0; box-shadow: 0 0 0 2px var(--jp-layout-color0, white);
}
.ppo .widget-slider .noUi-target .noUi-handle:focus { outline: 3px solid #0072b2; outline-offset: 3px; }
.ppo .widget-readout { color: inherit; min-width: 44px; }
.ppo .widget-dropdown > select { border: 1px solid #767676; flex: 0 1 auto; height: 28px; max-width: 100%; }
.ppo .widget-button { color: inherit; background: transparent; border: 1px solid #767676; opacity: 1; }
.ppo .widget-button.ppo-main { color: white; background: #005a8c; border-color: #767676; }
.ppo .widget-button:disabled { border-style: dashed; color: #767676; }
.ppo .widget-image { transition: opacity 0.15s; }
.ppo .ppo-waiting { opacity: 0.4; }
.ppo .widget-html-content { overflow-wrap: break-word; }
.ppo .ppo-wrong { color: #b00020; white-space: pre-wrap; }
[data-jp-theme-light="false"] .ppo .ppo-wrong { color: #ff9e9e; }
.ppo-game:focus-within { outline: 2px solid #0072b2; outline-offset: 2px; }
"""

# What ipywidgets 8.1 has no setting for. To a screen reader its handles and images are nameless, and a value may read
# "1.0000000000000002": this names those on the page, and with an observer all that come later. The arrow keys play the
# game that has the focus; JupyterLab, which moves between cells with them, does not hear of it.
SCRIPT = """
if (!window.ppoLessons) {
  const style = document.createElement("style");
  style.textContent = STYLE;
  document.head.append(style);
  const name = () => {
    for (const handle of document.querySelectorAll(".widget-slider [role=slider]")) {
      const slider = handle.closest(".widget-slider"), label = slider.querySelector(".widget-label").textContent;
      const readout = slider.querySelector(".widget-readout");
      if (!handle.hasAttribute("aria-label")) {
        handle.setAttribute("aria-label", label);
        readout?.setAttribute("role", "textbox");
        readout?.setAttribute("aria-label", label + ", typed");
      }
      if (readout?.textContent && handle.getAttribute("aria-valuetext") !== readout.textContent)
        handle.setAttribute("aria-valuetext", readout.textContent);
    }
    for (const image of document.querySelectorAll("img.widget-image:not([alt])"))
      image.alt = "picture; the text below says what it shows";
    for (const game of document.querySelectorAll(".ppo-game:not([tabindex])")) {
      game.tabIndex = 0;
      game.setAttribute("role", "group");
      game.setAttribute("aria-label", "the Corridor, played with the arrow keys");
    }
  };
  window.ppoLessons = new MutationObserver(name);
  const changes = {attributes: true, attributeFilter: ["aria-valuetext"], childList: true, subtree: true};
  window.ppoLessons.observe(document.body, changes);
  name();
  const keys = {ArrowLeft: 0, ArrowUp: 1, ArrowRight: 2};
  window.addEventListener("keydown", event => {
    const game = event.target.closest?.(".ppo-game");
    if (!game || !(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    game.querySelectorAll("button")[keys[event.key]].click();
  }, true);
}
""".replace("STYLE", json.dumps(STYLE))


def explore(picture, **sliders):
    """Show a picture with its controls.

    Args:
        picture: a `Picture`.
        sliders: one for each value that the picture takes. (min, max, step, start) is a slider, of whole numbers if
            all four are whole; a list is a drop-down that starts with its first entry. Numbers in it are shown in their
            order, words as they stand.

    Returns:
        Explorer, a widget. An error in the picture is raised at the first draw, and later shown under it.
    """
    prepare_page()
    return Explorer(picture, {name: make_control(name, setting) for name, setting in sliders.items()})


def prepare_page():
    """Give the page the style and the script of the controls; outside of a notebook there is no page."""
    if InteractiveShell.initialized():
        display(Javascript(SCRIPT))


def make_control(name, setting):
    """The ipywidget for one setting of `explore`."""
    label = label_of(name, setting)
    shared = {"description": label, "tooltip": label, "style": {"description_width": "120px"}}
    if isinstance(setting, list):
        numbers = all(isinstance(entry, int | float) for entry in setting)
        entries = sorted(setting) if numbers else setting
        whole_texts = widgets.Layout(width="max-content", max_width="100%")
        return widgets.Dropdown(options=entries, value=setting[0], layout=whole_texts, **shared)
    low, high, step, start = setting
    whole = all(isinstance(number, int) for number in setting)
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    layout = widgets.Layout(width="100%", max_width="460px", min_width="0")
    return kind(min=low, max=high, step=step, value=start, continuous_update=True, layout=layout, **shared)


def label_of(name, setting):
    """What is written beside a control. An action is a logit where its slider can be negative, else a probability."""
    if name in ACTIONS and not isinstance(setting, list):
        return f"logit of {name}" if setting[0] < 0 else f"π({name})"
    return SYMBOLS.get(name, name.replace("_", " "))


def push_button(text, action, main=False):
    """A button that calls `action` without arguments; the main one of its group is filled."""
    button = widgets.Button(description=text, layout=widgets.Layout(width="auto", min_width="84px"))
    if main:
        button.add_class("ppo-main")
    button.on_click(lambda _: action())
    return button


def page_image(size, png=b""):
    """A place for a picture: `size` pixels of the page, or as wide as the page is."""
    return widgets.Image(format="png", value=png, layout=widgets.Layout(width=f"{size[0]}px", max_width="100%"))


def in_words(text, live="polite"):
    """What stands under a picture; a screen reader reads it out when it changes, unless `live` is "off"."""
    return f'<div aria-live="{live}" style="max-width:760px;line-height:1.35">{html.escape(text)}</div>'


class Explorer(widgets.VBox):
    """Controls, the picture, and one sentence that says what is seen.

    The first draw happens at once. Every change of a control starts a task on the main thread's event loop and
    cancels the one before: the newest value wins. A picture that trains is dimmed until its first stage is drawn, gives
    way to other events after each stage, and says at the end how long the whole training took. A control that has no
    effect at the current setting is hidden.
    """

    def __init__(self, picture, controls):
        self.controls = controls
        self.at_start = self.values
        began = time.monotonic()
        self.canvas = Canvas(picture, **self.values)
        self.trains = inspect.isgeneratorfunction(picture.update)
        self.image = page_image(picture.size)
        self.words = widgets.HTML()
        self.task = None
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None
        buttons = [push_button(f"new {name}", partial(self.draw_lots, name)) for name in controls if name in LOTS]
        buttons += [push_button("reset", self.reset)] if len(controls) > 2 else []
        super().__init__([*controls.values(), *([widgets.HBox(buttons)] if buttons else []), self.image, self.words])
        self.add_class("ppo")
        self.hide_the_idle()
        self.show(self.canvas.text)
        self.say_how_long(began)
        for control in controls.values():
            control.observe(self.changed, "value")

    @property
    def values(self):
        """The current settings by name."""
        return {name: control.value for name, control in self.controls.items()}

    def draw_lots(self, name):
        """The next value of a slider that only draws anew, after the last one the first."""
        control = self.controls[name]
        following = control.value + control.step
        control.value = following if following <= control.max else control.min

    def reset(self):
        """All controls back to where they started."""
        for name, value in self.at_start.items():
            self.controls[name].value = value

    def hide_the_idle(self):
        """Show a control that needs another one to have a certain value only while it has it."""
        for name, (other, value) in self.canvas.picture.needs.items():
            self.controls[name].layout.display = None if self.controls[other].value == value else "none"

    def show(self, text):
        """Send the picture as it stands, and its sentence, to the page."""
        self.text = text
        self.image.value = self.canvas.png()
        self.image.remove_class("ppo-waiting")
        self.shown = time.monotonic()
        self.words.value = in_words(text)

    def say_how_long(self, began):
        """Under a picture that trains: the seconds since `began`."""
        if self.trains:
            self.words.value += f"<div>Trained and drawn in {time.monotonic() - began:.1f} s.</div>"

    def changed(self, _):
        """A control moved. Newer JupyterLabs call this on another thread; drawing belongs on the main one."""
        self.hide_the_idle()
        if self.trains:
            self.image.add_class("ppo-waiting")
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
            self.image.remove_class("ppo-waiting")
            self.words.value = f'<pre role="alert" class="ppo-wrong">⚠ {message}</pre>'

    def _repr_mimebundle_(self, **options):
        return with_snapshot(super()._repr_mimebundle_(**options), self)


class CorridorGame(widgets.VBox):
    """The Corridor with three buttons: each press is one step, and the trajectory writes itself.

    The arrow keys press them while the game has the focus, that is after a click on it.
    """

    def __init__(self, seed=None):
        self.game = gymnasium.make("ppo_lessons/Corridor-v0").unwrapped
        self.game.reset(seed=seed)
        self.canvas = Canvas(corridor_figures.board, **self.shown())
        self.buttons = [push_button(f"{'←↑→'[a]} {name}", partial(self.act, a)) for a, name in enumerate(ACTIONS)]
        self.again = push_button("new play", self.begin, main=True)
        self.image, self.words = page_image(corridor_figures.board.size), widgets.HTML()
        super().__init__([widgets.HBox([*self.buttons, self.again]), self.image, self.words])
        self.add_class("ppo")
        self.add_class("ppo-game")
        self.begin(reset=False)
        prepare_page()

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
        if self.over:
            self.again.focus()

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
        return with_snapshot(super()._repr_mimebundle_(**options), self)


class LiveCurves(widgets.VBox):
    """Progress bar and curves of a training run: `with LiveCurves(config) as live: ... live.show(record)`.

    Redrawn at most four times a second. ■ Interrupt ends the loop, not the notebook: what was learned so far stays.
    The last picture is stored in the notebook, also without a running kernel.
    """

    def __init__(self, config):
        self.config, self.records, self.stopped = config, [], False
        self.canvas = Canvas(ppo_figures.curves, records=[], config=config)
        self.text = self.canvas.text
        self.bar = widgets.IntProgress(max=config.updates, layout=widgets.Layout(width="300px", max_width="100%"))
        self.label = widgets.Label("starting")
        self.image, self.words = page_image(ppo_figures.curves.size, self.canvas.png()), widgets.HTML()
        super().__init__([widgets.HBox([self.bar, self.label]), self.image, self.words])
        self.add_class("ppo")

    def __enter__(self):
        self.began = self.drawn = time.monotonic()
        prepare_page()
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
        self.text = self.canvas.text
        self.words.value = in_words(self.text, live="off")  # four times a second is too often
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
        return with_snapshot(super()._repr_mimebundle_(**options), self)


def show_film(before, after, **how):
    """Two runs of the game side by side as an animated picture, which plays without a kernel.

    Args:
        before, after: lists of RGB arrays [H, W, 3], as `ppo.play` returns them.
        how: `steps` and `milliseconds` of `figures.ppo.film`.
    """
    film = Image(data=ppo_figures.film(before, after, **how), format="png")
    film.alt = "The agent before learning on the left, after learning on the right"  # no argument in older IPythons
    return film


def with_words(bundle, text):
    """A widget's display data, with a sentence for readers without a kernel."""
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    return {**data, "text/plain": text}, metadata


def with_snapshot(bundle, shown):
    """The same for a widget that shows a picture, with the picture in the size that it has on the page."""
    data, metadata = with_words(bundle, shown.text)
    width, height = shown.canvas.picture.size
    picture = base64.b64encode(shown.image.value).decode()
    return {**data, "image/png": picture}, {**metadata, "image/png": {"width": width, "height": height}}


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
    prepare_page()
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
        self.button = push_button("reveal", self.reveal, main=True)
        self.words = widgets.HTML()
        self.text = f"{question} (to predict and reveal, run the notebook)"
        super().__init__([self.question, widgets.HBox([self.choice, self.button]), self.words])
        self.add_class("ppo")

    def reveal(self):
        """Show the answer beside the prediction. An error in a callback would be lost, so it is shown in words."""
        try:
            self.text = self.verdict(self.choice.value, self.answer())
        except Exception as error:
            self.text = f"Run the cells above first ({type(error).__name__}: {error})."
        self.words.value = in_words(self.text)

    def verdict(self, guess, answer):
        """What the learner is told."""
        if isinstance(guess, str):
            told = "Right" if guess == answer else f"You chose “{guess}”"
        else:
            off = abs(guess - answer)
            told = "Right" if off <= self.choice.step / 2 else f"You said {guess:g}, which is {off:.4g} off"
        return f"{told}. {self.solution(answer)}"

    def solution(self, answer):
        """The answer and its reason, whatever was predicted."""
        told = answer if isinstance(answer, str) else f"{answer:.4g}"
        return f"The answer: {told}. {self.because}".strip()

    def _repr_mimebundle_(self, **options):
        return with_words(super()._repr_mimebundle_(**options), self.text)
