"""Where the defaults come from: the recorded search is of today's rules, and today's defaults are what it chose."""

import pytest

from ppo_lessons import data
from ppo_lessons.experiments import defaults
from ppo_lessons.ppo import Config
from ppo_lessons.trainer.config import PLAIN


def row(*returns, number=0):
    return {"settings": {"number": number}, "returns": list(returns)}


def test_the_candidates_are_in_the_grid_and_play_whole_rollouts():
    drawn = defaults.candidates()
    assert len(drawn) == defaults.CANDIDATES and drawn == defaults.candidates()
    for settings in drawn[1:]:
        assert all(settings[name] in values for name, values in defaults.GRID.items())
        Config(**settings, total_steps=defaults.BUDGETS[0])
        assert defaults.quick(settings, 30_000)
    assert defaults.quick(drawn[0], PLAIN["total_steps"])  # what the others are held to


def test_search_and_confirmation_share_no_seed():
    assert set(defaults.SEARCH).isdisjoint(defaults.CONFIRM) and len(defaults.SEARCH) == len(defaults.CONFIRM)


def test_a_race_ends_with_the_first_seed_that_fails(monkeypatch):
    scores = {7: 500.0, 8: 474.9, 9: 500.0}
    monkeypatch.setattr(defaults, "final_return", lambda settings, total_steps, seed: scores[seed])
    assert defaults.race({}, 1, [7, 8, 9]) == [500.0, 474.9]
    assert defaults.race({}, 1, [7, 9]) == [500.0, 500.0]


def test_more_seeds_passed_counts_before_the_return_of_the_last():
    ranked = defaults.rank([row(400.0, number=1), row(500.0, 100.0, number=2), row(500.0, 200.0, number=3)])
    assert [one["settings"]["number"] for one in ranked] == [3, 2, 1]


@pytest.mark.parametrize("last, passed", [(475.0, True), (474.9, False)])
def test_a_survivor_passed_with_every_seed(last, passed):
    assert defaults.survived(row(*[500.0] * (len(defaults.SEARCH) - 1), last)) == passed
    assert not defaults.survived(row(*[500.0] * (len(defaults.SEARCH) - 1)))


def test_the_smallest_budget_at_which_one_is_confirmed_wins(monkeypatch):
    """Here the candidate with the number b passes from budget b on, and number 40,000 only with the seeds searched."""
    numbers = [65_000, 40_000, 50_000]
    monkeypatch.setattr(defaults, "candidates", lambda: [{"number": number} for number in numbers])
    monkeypatch.setattr(defaults, "quick", lambda settings, total_steps: True)
    monkeypatch.setattr(defaults, "changed", lambda settings: 0)

    def final_return(settings, total_steps, seed):
        lucky = settings["number"] == 40_000 and seed in defaults.CONFIRM
        return 500.0 if total_steps >= settings["number"] and not lucky else 10.0

    monkeypatch.setattr(defaults, "final_return", final_return)
    monkeypatch.setattr(defaults, "perform", lambda name, function, jobs: [function(**job) for job in jobs])
    result = defaults.measure()
    assert result["chosen"] == {"total_steps": 50_000, "number": 50_000}
    assert result["confirmed"] == [500.0] * 20
    assert {row["total_steps"] for row in result["tried"]} == {b for b in defaults.BUDGETS if b <= 50_000}


# The record


def test_the_defaults_are_what_the_search_chose():
    chosen = data.load("defaults")["chosen"]
    assert chosen == {name: getattr(Config, name) for name in ("total_steps", *defaults.GRID)}


def test_the_record_confirms_them():
    record = data.load("defaults")
    assert len(record["confirmed"]) == len(defaults.CONFIRM) and min(record["confirmed"]) >= defaults.PASSED
    smaller = [row for row in record["tried"] if row["total_steps"] < record["chosen"]["total_steps"]]
    assert smaller  # it was not simply the first budget
