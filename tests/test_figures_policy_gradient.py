"""The pictures of lesson 02, the policy drawn on the cells, and the board of lesson 00."""

import pytest
import torch
from matplotlib.figure import Figure

from ppo_lessons.corridor import ACTIONS, CELLS, PIT, SITUATIONS, Corridor
from ppo_lessons.experiments.policy_gradient import DRAWS, SHIFTS, changes_nearby, climb, push
from ppo_lessons.figures import corridor
from ppo_lessons.figures import policy_gradient as pictures
from ppo_lessons.figures.corridor import draw_policy, move_policy
from ppo_lessons.figures.style import Canvas, label_bars, move_bars


def test_bars_stand_in_the_four_cells_that_act_and_follow_the_policy():
    axes = Figure().subplots()
    probabilities = torch.arange(36, dtype=torch.float64).reshape(12, 3)
    bars = draw_policy(axes, "night", probabilities)
    assert {cell for cell, _ in bars} == {0, 1, 2, 4}
    assert len(bars) == 12
    unit = bars[0, 1].get_height() / 19  # night: row 6 + 0 is 18, 19, 20
    assert [bars[4, action].get_height() / unit for action in range(3)] == pytest.approx([30, 31, 32])
    move_policy(bars, "day", probabilities)
    assert [bars[4, action].get_height() / unit for action in range(3)] == pytest.approx([12, 13, 14])


def test_softmax_picture_draws_its_probabilities():
    canvas = Canvas(pictures.softmax, temperature=1.0, logit_of_up=0.0, logit_of_right=0.0, sample=1)
    assert [bar.get_height() for bar in canvas.artists["bars"]] == pytest.approx([1 / 3] * 3)
    shares = canvas.artists["seen"].get_ydata()
    assert sum(shares) == pytest.approx(1)
    assert max(abs(share - 1 / 3) for share in shares) < 4 * (2 / 9 / DRAWS) ** 0.5


def test_push_picture_draws_the_gradient_and_both_policies():
    canvas = Canvas(pictures.one_hot, action="up", chance_of_right=0.7, step=1.0)
    before, gradient, after = push(0.7, "up", 1.0)
    for name, heights in (("bars", gradient), ("before", before), ("after", after)):
        assert [bar.get_height() for bar in canvas.artists[name]] == heights.tolist()
    assert [label.get_va() for label in canvas.artists["labels"]] == ["top", "bottom", "top"]


def test_the_label_of_a_zero_has_no_sign():
    (bar,) = Figure().subplots().bar([0], [0])
    labels = label_bars([bar])
    for height, text in ((-0.04, "0.0"), (-0.06, "-0.1")):
        move_bars([bar], [height], labels, form="{:.1f}")
        assert labels[0].get_text() == text


def test_the_climb_is_drawn_to_its_end():
    canvas = Canvas(pictures.ascent, step_size=1.0, start="even")
    records = list(climb("even", 1.0))
    x, y = canvas.artists["line"].get_data()
    assert list(x) == [record.steps for record in records]
    assert list(y) == [record.expected_return for record in records]


def test_the_stairs_seen_closely_and_their_axis():
    canvas = Canvas(pictures.staircase, logit_of_up=0.0, plays=10, sample=0)
    for name, change in zip(("line", "treads"), changes_nearby(0.0, 10, 0), strict=True):
        assert canvas.artists[name].get_ydata().tolist() == change.tolist()
    assert SHIFTS[50] == 0


def test_one_axis_holds_the_stairs_of_every_sample():
    """Its limits stay, so that one sees the stairs move and not the axis; a mean of one play reaches furthest."""
    canvas = Canvas(pictures.staircase, logit_of_up=0.0, plays=10, sample=0)
    low, high = canvas.artists["left"].get_ylim()
    for sample in range(10):
        canvas.move(logit_of_up=0.0, plays=1, sample=sample)
        stairs = canvas.artists["stairs"].get_ydata()
        assert low < min(stairs) and max(stairs) < high
    assert canvas.artists["left"].get_ylim() == (low, high)


def test_no_title_at_the_start_tells_what_is_to_be_predicted():
    canvas = Canvas(pictures.objective, logit_of_up=0.7, logit_of_right=2.0)
    assert "stay" not in canvas.artists["left"].get_title()
    canvas = Canvas(pictures.softmax, temperature=1.0, logit_of_up=0.5, logit_of_right=2.0, sample=0)
    assert not {"hot", "cold"} & set(canvas.artists["right"].get_title().split())


def test_all_returns_that_are_likeliest_are_named():
    """Where the play leaves cell 0 for certain, the night is the day less 10."""
    told = Canvas(pictures.objective, logit_of_up=0.7, logit_of_right=2.0).text
    assert "-1.27" in told and "-7 and +3" in told and "42% each" in told
    told = Canvas(pictures.objective, logit_of_up=-4.0, logit_of_right=-2.0).text
    assert "return is 0, with 47%;" in told


@pytest.mark.parametrize(
    "picture, values", [(pictures.valley, {"stay": 0.56}), (pictures.ascent, {"step_size": 1.0, "start": "slides"})]
)
def test_the_chance_of_left_is_not_called_that_of_staying(picture, values):
    """Who plays another action may stay, too: it fails now and then."""
    canvas = Canvas(picture, **values)
    assert "left" in canvas.text and "stay" not in canvas.text


# The board of lesson 00


def test_coin_by_day_and_toll_by_night_until_one_leaves():
    canvas = Canvas(corridor.board, situation="day", cell=0, step=0, total=0)
    for situation in SITUATIONS:
        for cell in range(CELLS):
            canvas.move(situation=situation, cell=cell, step=1, total=0)
            for name, parts in canvas.artists["signs"].items():
                assert all(part.get_visible() == (name == situation and cell == 0) for part in parts)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("cell", [0, 1, 2, 4])
def test_the_moves_are_those_of_the_world(action, cell):
    canvas = Canvas(corridor.moves, situation="night", cell=cell, action=action)
    outcomes = Corridor().outcomes(CELLS + cell, ACTIONS.index(action))
    shown = [arrow for arrow in canvas.artists["arrows"] if arrow.get_visible()]
    notes = [note.get_text() for note in canvas.artists["notes"] if note.get_text()]
    assert len(shown) == len(notes) == len(outcomes)
    for note, outcome in zip(notes, outcomes, strict=True):
        assert f"{outcome.probability:.1f}" in note
        assert corridor.signed(outcome.reward) in note
    if (cell, action) == (1, "up"):
        assert f"cell {PIT}" in canvas.text
