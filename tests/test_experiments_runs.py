"""Measurements of many runs: every result is kept, and none is computed twice."""

import dataclasses
import json
import statistics
from concurrent.futures import ThreadPoolExecutor

import pytest

from ppo_lessons.experiments import runs
from ppo_lessons.ppo import Config

JOBS = [{"data": [number, number + 2.0]} for number in range(3)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "FOLDER", tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture
def in_this_process(monkeypatch):
    """Starting processes takes seconds: one test does, the others use a thread."""
    monkeypatch.setattr(runs, "ProcessPoolExecutor", lambda **_: ThreadPoolExecutor(1))


def lines(folder):
    return [json.loads(line) for line in (folder / "means.jsonl").read_text("utf-8").splitlines()]


def must_not_be_called(**job):
    raise AssertionError(f"done again: {job}")


def test_results_come_in_the_order_of_the_jobs_and_are_kept(folder):
    assert runs.perform("means", statistics.fmean, JOBS) == [1.0, 2.0, 3.0]
    assert sorted(lines(folder)) == sorted(
        [runs.key(job), mean] for job, mean in zip(JOBS, [1.0, 2.0, 3.0], strict=True)
    )
    assert runs.perform("means", must_not_be_called, JOBS[::-1]) == [3.0, 2.0, 1.0]
    assert len(lines(folder)) == 3


@pytest.mark.usefixtures("in_this_process")
def test_only_what_is_missing_is_done(folder):
    folder.mkdir()
    (folder / "means.jsonl").write_text(json.dumps([runs.key(JOBS[1]), "kept"]) + "\n", "utf-8")
    assert runs.perform("means", statistics.fmean, JOBS[:2]) == [1.0, "kept"]
    assert [result for _, result in lines(folder)] == ["kept", 1.0]


def test_a_result_of_other_defaults_does_not_count(monkeypatch):
    before = runs.key(JOBS[0])
    assert before == runs.key(dict(JOBS[0]))
    assert before != runs.key(JOBS[1])
    monkeypatch.setattr(runs, "Config", lambda: dataclasses.replace(Config(), gamma=Config.gamma / 2))
    assert runs.key(JOBS[0]) != before


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_fails_stops_the_measurement_and_keeps_what_is_done(folder):
    runs.perform("means", statistics.fmean, JOBS[:1])
    with pytest.raises(statistics.StatisticsError):
        runs.perform("means", statistics.fmean, [*JOBS[:1], {"data": []}])
    assert [result for _, result in lines(folder)] == [1.0]


def test_circumstances_name_the_versions_and_the_machine():
    found = runs.circumstances()
    assert set(found["versions"]) == {"python", "torch"}
    assert "cores" in found["machine"]
    assert json.loads(json.dumps(found)) == found
