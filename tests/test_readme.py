"""The README: its numbers are those of the records, its times add up, and its film shows what it says."""

import itertools
import re

import numpy as np
import pytest
from notebook_runner import ROOT
from pictures import EXPLORED, misplaced
from PIL import Image
from test_corridor import plays, slides, weights_of, world
from test_layout import marked_table

from ppo_lessons import data
from ppo_lessons.experiments.ppo import SOLVED
from ppo_lessons.figures import clip, tour
from ppo_lessons.figures.__main__ import ASSETS
from ppo_lessons.figures.style import Canvas
from ppo_lessons.practice import EXERCISES

README = (ROOT / "README.md").read_text("utf-8")
PLAYS, VARIANCES, MISTAKES, SEEDS = zip(*marked_table(README, "four numbers"), strict=True)  # a number, then words
FILM = ASSETS / "tour.gif"


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))]


# Its numbers


def test_the_plays_and_the_variances_are_those_of_the_corridor():
    assert numbers(PLAYS[0]) == [len(plays.probability)]
    ladder = [weights_of(name) for name in ("total return", "reward-to-go", "minus V(s)", "exact advantage")]
    moments = [world.gradient_moments(slides, weights) for weights in ladder]
    assert numbers(VARIANCES[0]) == [round(moment.variance.item(), 1) for moment in moments]
    assert max(moment.bias.norm() for moment in moments) < 1e-13


def test_the_mistakes_are_those_that_the_checks_know():
    known = sum(len(exercise.mistakes) for exercise in EXERCISES.values())
    assert MISTAKES[0] == f"{known // 50 * 50}+"  # a new mistake does not change the page each time
    assert numbers(MISTAKES[1]) == [len(EXERCISES)]


def test_the_seeds_are_those_that_confirmed_the_defaults():
    search = data.load("defaults")
    scores = search["confirmed"]
    assert numbers(SEEDS[0]) == [sum(score >= SOLVED for score in scores), len(scores)]
    assert numbers(SEEDS[1]) == [SOLVED, 500, search["chosen"]["total_steps"]]


def test_the_hours_are_those_of_the_lessons():
    minutes = [int(row[3]) for row in re.findall(r"^\| *(\d\d) \|(.*?)\|(.*?)\| (\d+) \|", README, re.MULTILINE)]
    (hours,) = re.findall(r"(\d+) hours in all", README)
    assert len(minutes) > 10
    assert int(hours) == round(sum(minutes) / 60)


def test_the_speeds_are_those_of_the_bench():
    record = data.load("bench")
    _, *rows = marked_table(README, "ppo_lessons/data/bench.json")
    assert [name for name, *_ in rows] == list(record["speed"])
    for name, seconds, solved, rate in rows:
        row = record["solve"][name]
        assert seconds == f"{row['seconds']:.1f}"
        assert numbers(solved) == [row["solved"], len(row["runs"])]
        assert rate == f"{record['speed'][name]['1024']['steps_per_second']:,.0f}"


# Its film


def test_its_pictures_are_there_for_those_too_who_want_no_motion_or_see_none():
    (opening,) = re.findall(r"<picture>.*?</picture>", README, re.DOTALL)
    still, moving = re.findall(r'(?:src|srcset)="([^"]+)"', opening)
    assert (ROOT / still).is_file() and (ROOT / moving) == FILM
    assert "prefers-reduced-motion: reduce" in opening
    assert len(re.findall(r'alt="([^"]+)"', opening)[0].split()) > 20


def test_the_film_is_small_and_goes_on_and_on():
    assert FILM.stat().st_size < 1_000_000
    with Image.open(FILM) as film:
        assert film.size == tour.SIZE
        assert film.info["loop"] == 0
        assert 100 < film.n_frames < 200


def test_it_begins_with_the_slider_of_lesson_10():
    frame, _ = next(tour.dragged())
    with Image.open(FILM) as film:
        difference = np.abs(np.asarray(film.convert("RGB"), dtype=float) - np.asarray(frame))
    assert difference.mean() < 2


def test_the_drag_stays_on_the_stops_of_the_slider_and_shows_what_is_said():
    _, settings = EXPLORED["10_clip:pictures.objective"]
    low, high, step, start = settings["ratio"]
    stops = tour.stops()
    assert stops[0] == start and min(stops) == tour.LOW >= low and max(stops) == tour.HIGH <= high
    np.testing.assert_allclose(np.abs(np.diff(stops)), step, atol=1e-9)
    canvas, bar = Canvas(clip.objective, epsilon=0.2, advantage=1.0, ratio=1.0), Canvas(tour.slider, ratio=1.0)
    for ratio, gradient in ((tour.LOW, "+1.0"), (tour.HIGH, "0")):
        assert f"gradient, {gradient}," in canvas.move(epsilon=0.2, advantage=1.0, ratio=ratio)
        assert f"{ratio:.2f}" in bar.move(ratio=ratio)
        x, _ = bar.artists["handle"].get_center()
        assert (x - tour.FROM) / (tour.TO - tour.FROM) == pytest.approx(ratio / 2)
        assert misplaced(bar.figure) == []


def test_a_run_that_ends_early_is_played_anew(monkeypatch):
    seen = []
    monkeypatch.setattr(tour, "frame", lambda line, picture: seen.append(picture.text) or "frame")
    white = np.full((400, 600, 3), 255, np.uint8)
    times = [milliseconds for _, milliseconds in tour.played([white] * 11, [white] * 101)]
    steps = [tuple(map(int, re.findall(r"step (\d+)", text))) for text in seen]
    assert [after for _, after in steps] == [*range(0, 100, tour.EVERY), 100]
    before = [early for early, _ in steps]
    assert max(before) == 10 and before.count(10) > 3  # it lies there for a while
    assert sum(np.diff(before) < 0) == 3  # a try takes 11 steps and the pause 20
    assert set(times[:-1]) == {10 * tour.EVERY} and times[-1] == tour.LONG


def test_the_film_is_written_alike_each_time(tmp_path, monkeypatch):
    """Its first scene; that a run repeats itself is a test of the trainer."""
    scenes = tour.scenes
    monkeypatch.setattr(tour, "scenes", lambda: itertools.islice(scenes(), 16))
    for name in ("once.gif", "again.gif"):
        tour.write(tmp_path / name)
    assert (tmp_path / "once.gif").read_bytes() == (tmp_path / "again.gif").read_bytes()


@pytest.mark.slow
def test_the_film_is_the_one_in_assets(tmp_path):
    tour.write(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as new, Image.open(FILM) as stored:
        assert new.n_frames == stored.n_frames
        for number in (0, new.n_frames // 2, new.n_frames - 1):
            new.seek(number)
            stored.seek(number)
            assert new.info["duration"] == stored.info["duration"]
        assert new.convert("L").histogram()[255] == pytest.approx(stored.convert("L").histogram()[255], rel=0.05)
