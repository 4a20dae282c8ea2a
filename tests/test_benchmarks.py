"""The bench's own arithmetic: when the clock runs, what counts as solved, and that the peers get the same settings."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))
import one_run
import peers

from ppo_lessons.trainer.config import PLAIN, Config, settings_for


def balance(observations):
    """Push towards where the pole falls: passes. The other way round it fails at once."""
    return (observations @ np.array([0.1, 0.3, 3.0, 1.0]) > 0).astype(np.int64)


def fall(observations):
    return 1 - balance(observations)


def test_the_judge_tells_good_from_bad():
    assert one_run.judge(balance) == 500
    assert one_run.judge(fall) < 20


@pytest.mark.parametrize(("last", "solved"), [(balance, True), (fall, False)])
def test_the_first_pass_and_the_end_are_told_apart(last, solved):
    def train(seed, settings, after_update):
        for steps, act in [
            (0, fall),
            (2000, balance),
            (6000, fall),
            (9000, balance),
            (12_000, balance),
            (20_000, last),
        ]:
            after_update(steps, act)

    result = one_run.solve(train, 0, {}, time.time())
    assert result["first_steps"] == 12_000  # looks at 6,000 and 12,000; 9,000 is less than 5,000 after the first
    assert (result["steps"], result["solved"]) == (20_000, solved)


def test_the_clock_stands_still_while_a_policy_is_judged(monkeypatch):
    monkeypatch.setattr(one_run, "judge", lambda act: time.sleep(0.4) or 0.0)

    def train(seed, settings, after_update):
        for steps in (5000, 10_000, 15_000):
            after_update(steps, fall)

    assert one_run.solve(train, 0, {}, time.time())["seconds"] < 0.4


def test_speed_leaves_out_the_first_update(monkeypatch):
    monkeypatch.setattr(one_run, "SHORTEST", 0.2)

    def train(seed, settings, after_update):
        time.sleep(0.5)  # compilation
        steps, ended = 0, False
        while not ended:
            ended = after_update(steps := steps + 100, fall)
            time.sleep(0.1)

    result = one_run.speed(train, 0, {}, time.time())
    assert result["updates"] >= 2
    assert result["steps_per_second"] <= 1000
    assert result["steps_per_cpu_second"] > 2 * result["steps_per_second"]  # it slept most of the time


def test_a_return_is_reached_once_and_ends_the_training():
    def train(seed, settings, after_update):
        for steps, mean_return in [(0, float("nan")), (100, 14.9), (200, 15.1), (300, 3.0)]:
            if after_update(steps, fall, mean_return):
                return

    began = time.time()
    result = one_run.reach(train, 0, {}, began - 5)
    assert result["steps"] == 200 and 5 <= result["seconds"] < 6
    never = one_run.reach(lambda seed, settings, after_update: after_update(1, fall, 1.0), 0, {}, began)
    assert never == {"seconds": None, "steps": None}


def test_our_settings_are_those_of_the_course():
    names = {"entropy": "entropy_weight"}
    plain, ours = (
        {names.get(name, name): value for name, value in settings.items() if name != "annealed"}
        for settings in (peers.PLAIN, peers.OURS)
    )
    assert plain == PLAIN
    assert Config(**ours) == Config(**settings_for("CartPole-v1")) == Config()


def test_our_trainer_under_the_bench():
    seen = []
    peers.ours(0, peers.PLAIN | {"total_steps": 4096}, lambda steps, act, mean_return: seen.append((steps, act)))
    assert [steps for steps, _ in seen] == [0, 2048, 4096]
    actions = seen[-1][1](np.zeros((3, 4), dtype=np.float32))
    assert actions.shape == (3,) and set(actions) <= {0, 1}
