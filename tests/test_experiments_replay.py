"""A run is trained once, and only a whole one is remembered."""

from ppo_lessons.experiments.replay import replay


def test_a_run_is_trained_once_and_only_a_whole_one_is_remembered():
    finished, begun = {}, []

    def train():
        begun.append(1)
        yield from "ab"

    assert next(replay(finished, 0, train)) == "a" and finished == {}
    assert [list(replay(finished, 0, train)) for _ in range(2)] == [["a", "b"]] * 2
    assert list(replay(finished, 1, train)) == ["a", "b"]
    assert len(begun) == 3 and list(finished) == [0, 1]
