"""Sliders without a browser: set a value, look at the pixels."""

import asyncio
import base64
import io
import threading
import time

import ipywidgets
import pytest
from PIL import Image

from ppo_lessons import controls
from ppo_lessons.controls import CorridorGame, LiveCurves, explore, predict, show_film
from ppo_lessons.figures.style import Picture
from ppo_lessons.ppo import Config, train


def build(figure):
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes.plot([0], [0], "o")[0]


def update(dot, *, height, color="red"):
    if height == 13:
        raise ValueError("<13> is refused")
    dot.set_ydata([height])
    dot.set_color(color)
    return f"The dot is at {height} & {color}."


def slow_update(dot, *, height):
    for stage in range(4):
        time.sleep(0.1)
        dot.set_ydata([height * stage / 3])
        yield f"height {height}, stage {stage}"


picture = Picture(build, update)


def test_a_slider_moves_the_picture_and_its_sentence():
    explorer = explore(picture, height=(0, 20, 1, 2))
    before = explorer.image.value
    assert "The dot is at 2 &amp; red." in explorer.words.value
    explorer.controls["height"].value = 7
    assert explorer.image.value != before
    assert "The dot is at 7 &amp; red." in explorer.words.value
    explorer.controls["height"].value = 2
    assert explorer.image.value == before


def test_kinds_of_controls():
    explorer = explore(picture, height=(0.0, 20.0, 0.5, 2.0), color=["red", "blue"])
    assert isinstance(explorer.controls["height"], ipywidgets.FloatSlider)
    assert isinstance(explorer.controls["color"], ipywidgets.Dropdown)
    assert isinstance(explore(picture, height=(0, 20, 1, 2)).controls["height"], ipywidgets.IntSlider)
    assert explorer.values == {"height": 2.0, "color": "red"}
    explorer.controls["color"].value = "blue"
    assert "blue" in explorer.text


def test_labels_use_the_symbols_of_the_course():
    labels = [controls.make_control(name, (0, 1, 0.1, 0)).description for name in ("lam", "epsilon", "critic_error")]
    assert labels == ["λ", "ε", "critic error"]


@pytest.mark.parametrize(
    ("name", "setting", "label"),
    [
        ("ratio", (0.0, 2.0, 0.1, 1.0), "ρ"),
        ("perch", (0, 40, 5, 10), "perch in B (%)"),
        ("right", (-3.0, 3.0, 0.5, 2.0), "logit of right"),
        ("right", (0.05, 0.95, 0.05, 0.7), "π(right)"),
    ],
)
def test_labels_say_what_is_set_and_in_which_unit(name, setting, label):
    assert controls.make_control(name, setting).description == label


def test_menus_start_with_their_first_entry_and_show_numbers_in_order():
    plays = controls.make_control("plays", [64, 1, 1024])
    assert (list(plays.options), plays.value) == ([1, 64, 1024], 64)
    words = controls.make_control("start", ["slides", "even"])
    assert (list(words.options), words.value) == (["slides", "even"], "slides")


def test_a_new_sample_and_the_way_back():
    explorer = explore(picture, height=(0, 20, 1, 2))
    assert len(explorer.children) == 3  # nothing to reset, nothing to draw anew

    def lots(dot, *, height, color, sample):
        return f"{height} {color} {sample}."

    explorer = explore(Picture(build, lots), height=(0, 20, 1, 2), color=["red", "blue"], sample=(0, 2, 1, 1))
    new, reset = explorer.children[3].children
    assert (new.description, reset.description) == ("new sample", "reset")
    for expected in (2, 0, 1):
        new.click()
        assert explorer.text == f"2 red {expected}."
    explorer.controls["height"].value, explorer.controls["color"].value = 7, "blue"
    reset.click()
    assert explorer.text == "2 red 1."


def test_a_control_without_effect_is_hidden():
    needs = {"height": ("color", "red")}
    explorer = explore(Picture(build, update, needs=needs), height=(0, 20, 1, 2), color=["red", "blue"])
    assert explorer.controls["height"].layout.display is None
    explorer.controls["color"].value = "blue"
    assert explorer.controls["height"].layout.display == "none"
    explorer.controls["color"].value = "red"
    assert explorer.controls["height"].layout.display is None


def test_a_picture_is_dim_until_its_retraining_shows_something():
    async def retrain(update):
        explorer = explore(Picture(build, update), height=(0, 9, 1, 0))
        shown = []
        explorer.image.observe(lambda change: shown.append("ppo-waiting" in change.new), "_dom_classes")
        explorer.controls["height"].value = 5
        await explorer.task
        return shown, explorer

    def fails(dot, *, height):
        if height == 5:
            raise ValueError("no")
        yield "One."

    shown, explorer = asyncio.run(retrain(slow_update))
    assert shown == [True, False]
    shown, _ = asyncio.run(retrain(update))
    assert shown == []  # what does not train changes at once
    _, explorer = asyncio.run(retrain(fails))
    assert "ppo-waiting" not in explorer.image._dom_classes and "⚠" in explorer.words.value


def test_an_error_at_the_first_draw_is_raised():
    with pytest.raises(ValueError, match="<13> is refused"):
        explore(picture, height=(0, 20, 1, 13))


def test_a_later_error_is_shown_in_words_and_the_next_move_recovers():
    explorer = explore(picture, height=(0, 20, 1, 2))
    good = explorer.image.value
    explorer.controls["height"].value = 13
    assert "⚠ ValueError: &lt;13&gt; is refused" in explorer.words.value
    assert explorer.image.value == good
    explorer.controls["height"].value = 3
    assert "⚠" not in explorer.words.value
    assert explorer.image.value != good


def test_the_newest_value_wins_and_cancels_the_work_on_the_others():
    async def drag():
        explorer = explore(Picture(build, slow_update), height=(0, 9, 1, 0))
        shown = []
        explorer.image.observe(lambda change: shown.append(explorer.text), "value")
        for height in (3, 6, 9):
            explorer.controls["height"].value = height
            await asyncio.sleep(0.05)
        await explorer.task
        return explorer, shown

    explorer, shown = asyncio.run(drag())
    assert explorer.text == "height 9, stage 3"
    assert not any(text.startswith("height 3, stage 3") for text in shown)
    assert {"height 9, stage 1", "height 9, stage 2"} & set(shown)  # drawn on the way


def test_a_drag_that_outruns_the_training_still_moves_the_picture():
    async def drag():
        explorer = explore(Picture(build, slow_update), height=(0, 40, 1, 0))
        shown = []
        explorer.image.observe(lambda change: shown.append(time.monotonic()), "value")
        began = time.monotonic()
        for height in range(1, 11):
            explorer.controls["height"].value = height
            await asyncio.sleep(0.12)
        return [moment - began for moment in shown]

    shown = asyncio.run(drag())
    assert len(shown) >= 3, shown


def test_a_burst_of_changes_is_drawn_once_and_ends_with_the_last():
    async def burst():
        explorer = explore(picture, height=(0, 30, 1, 0))
        shown = []
        explorer.image.observe(lambda change: shown.append(explorer.text), "value")
        for height in [*range(14, 31), *range(12, 0, -1)]:
            explorer.controls["height"].value = height
        await explorer.task
        return shown

    assert asyncio.run(burst()) == ["The dot is at 1 & red."]


def test_other_events_get_their_turn_while_a_picture_trains():
    async def look():
        explorer = explore(Picture(build, slow_update), height=(0, 9, 1, 0))
        explorer.controls["height"].value = 9
        turns = 0
        while explorer.task is None or not explorer.task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(look()) >= 4


def test_drawing_stays_on_the_main_thread():
    threads = []

    def watched(dot, *, height):
        threads.append(threading.current_thread())
        return f"height {height}."

    async def move_from_another_thread():
        explorer = explore(Picture(build, watched), height=(0, 9, 1, 0))
        await asyncio.to_thread(setattr, explorer.controls["height"], "value", 5)
        while explorer.task is None:
            await asyncio.sleep(0.01)
        await explorer.task
        return explorer

    explorer = asyncio.run(move_from_another_thread())
    assert explorer.text == "height 5."
    assert set(threads) == {threading.main_thread()}


def test_what_is_stored_for_readers_without_a_kernel():
    explorer = explore(picture, height=(0, 20, 1, 2))
    data, metadata = explorer._repr_mimebundle_()
    assert data["text/plain"] == "The dot is at 2 & red."
    assert base64.b64decode(data["image/png"]) == explorer.image.value
    assert "application/vnd.jupyter.widget-view+json" in data
    width, height = picture.size
    assert Image.open(io.BytesIO(explorer.image.value)).size == (2 * width, 2 * height)
    assert metadata["image/png"] == {"width": width, "height": height}
    assert explorer.image.layout.width == f"{width}px"


def test_the_buttons_play_the_corridor_and_write_the_trajectory():
    game = CorridorGame(seed=0)
    right = game.buttons[2]
    first = game.image.value
    while not game.over:
        right.click()
    assert game.image.value != first
    assert len(game.lines) == len(game.rewards) == game.game.step_number <= 6
    assert "a<sub>0</sub> = right" in game.words.value
    assert f"= {sum(game.rewards):+g}</b>" in game.words.value
    assert all(button.disabled for button in game.buttons)
    steps = len(game.lines)
    game.act(0)
    assert len(game.lines) == steps  # nothing happens after the end
    game.again.click()
    assert game.rewards == []
    assert not any(button.disabled for button in game.buttons)


def test_live_curves_end_with_all_records():
    config = Config(total_steps=6144, device="cpu")
    with LiveCurves(config) as live:
        for record in train(config):
            live.show(record)
    assert [record.update for record in live.records] == [0, 1, 2, 3]
    assert live.bar.value == 3
    assert live.bar.bar_style == "success"
    assert "6144" in live._repr_mimebundle_()[0]["text/plain"]


def test_interrupting_ends_the_loop_and_keeps_what_was_learned():
    config = Config(total_steps=20480, device="cpu")
    with LiveCurves(config) as live:
        for record in train(config):
            live.show(record)
            if record.update == 2:
                raise KeyboardInterrupt
    assert live.stopped
    assert live.label.value == "stopped by you at update 2 of 10"
    assert live.records[-1].policy is record.policy


def test_other_errors_are_not_swallowed():
    with pytest.raises(RuntimeError, match="boom"), LiveCurves(Config(device="cpu")) as live:
        raise RuntimeError("boom")
    assert live.bar.bar_style == "danger"
    assert "boom" in live.label.value


def test_the_film_is_shown_as_png():
    import numpy as np

    frames = [np.full((40, 60, 3), 20 * i, dtype=np.uint8) for i in range(9)]
    data, _ = show_film(frames[:2], frames)._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).n_frames == 3


# Predictions


@pytest.mark.parametrize(
    ("guess", "told"),
    [
        (0.5, "Right. The answer: 0.52. Because."),
        (0.4, "You said 0.4, which is 0.12 off. The answer: 0.52. Because."),
    ],
)
def test_a_predicted_number_is_set_beside_the_answer(guess, told):
    prediction = predict("How much?", (0.0, 1.0, 0.1), answer=lambda: 0.52, because="Because.")
    assert isinstance(prediction.choice, ipywidgets.FloatSlider) and prediction.words.value == ""
    prediction.choice.value = guess
    prediction.button.click()
    assert prediction.text == told and "0.52" in prediction.words.value


def test_a_predicted_choice():
    prediction = predict("Which?", ["this", "that"], answer=lambda: "that")
    prediction.button.click()
    assert prediction.text == "You chose “this”. The answer: that."
    prediction.choice.value = "that"
    prediction.button.click()
    assert prediction.text == "Right. The answer: that."


def test_whole_numbers_make_a_slider_of_whole_numbers():
    assert isinstance(predict("How many?", (0, 10, 1), answer=lambda: 3).choice, ipywidgets.IntSlider)


def test_an_answer_that_cannot_be_computed_yet_says_so():
    prediction = predict("How many?", (0, 10, 1), answer=lambda: not_yet_defined)  # noqa: F821
    prediction.button.click()
    assert "Run the cells above first" in prediction.words.value and "not_yet_defined" in prediction.words.value


def test_without_a_kernel_the_question_can_be_read():
    data, _ = predict("How <many>?", (0, 10, 1), answer=lambda: 3)._repr_mimebundle_()
    assert "How <many>?" in data["text/plain"] and "3" not in data["text/plain"]
    assert "&lt;many&gt;" in predict("How <many>?", (0, 10, 1), answer=lambda: 3).question.value
