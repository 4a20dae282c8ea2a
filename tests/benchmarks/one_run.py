"""One training in a process of its own: `bench.py` starts it, the last line that it prints is the result in JSON.

    one_run.py solve TRAINER SEED SETTINGS STARTED    seconds from process start to solved CartPole-v1
    one_run.py speed TRAINER SEED SETTINGS STARTED    environment steps per second and per CPU second while training
    one_run.py reach TRAINER SEED SETTINGS STARTED    seconds from process start to a mean return of 15 (Breakout)

SETTINGS are JSON, STARTED is the time at which the process was started. The clock stands still while a policy is
judged, so nobody pays for the judge.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

EVERY = 5000  # environment steps between two judgements
EPISODES, SOLVED = 100, 475
REACHED = 15  # mean return of the episodes that ended in one update
SHORTEST = 2.0  # seconds that a measured stretch lasts at least


def judge(act):
    """Mean return of 100 greedy episodes in Gymnasium's own CartPole-v1, the same episodes for everybody."""
    import gymnasium
    import numpy

    games = gymnasium.make_vec("CartPole-v1", EPISODES)
    observations, _ = games.reset(seed=10_000)
    returns, playing = numpy.zeros(EPISODES), numpy.ones(EPISODES, dtype=bool)
    while playing.any():
        observations, rewards, terminated, truncated, _ = games.step(act(observations))
        returns += rewards * playing
        playing &= ~(terminated | truncated)
    games.close()
    return float(returns.mean())


def solve(train, seed, settings, started):
    """Train to the end of the budget: when did a policy pass first, when was training over, and did its last one pass?

    A policy passes when 100 greedy episodes have a mean of at least 475. Until the first one has passed there is a look
    every 5,000 steps, then one at the end.
    """
    result = {"first_seconds": None, "first_steps": None}
    paused, next_look, last = 0.0, EVERY, None

    def after_update(steps, act, mean_return=None):
        nonlocal paused, next_look, last
        last = time.time() - started - paused, steps, act
        if steps >= next_look and result["first_seconds"] is None:
            next_look = steps + EVERY
            if judge(act) >= SOLVED:
                result.update(first_seconds=last[0], first_steps=steps)
            paused = time.time() - started - last[0]

    train(seed, settings, after_update)
    seconds, steps, act = last
    mean_return = judge(act)
    return {**result, "seconds": seconds, "steps": steps, "mean_return": mean_return, "solved": mean_return >= SOLVED}


def speed(train, seed, settings, started):
    """Steps per second after the first update (with `capture` after the second), over at least an update and 2 s.

    A CPU second is a second of one core: a trainer that keeps two cores busy spends two in each second.
    """
    seen, skipped = [], 2 if settings.get("capture") else 1

    def after_update(steps, act, mean_return=None):
        if steps:
            seen.append((time.perf_counter(), time.process_time(), steps))
        return len(seen) > skipped and seen[-1][0] - seen[skipped - 1][0] > SHORTEST

    train(seed, settings, after_update)
    seconds, cpu_seconds, steps = (end - start for start, end in zip(seen[skipped - 1], seen[-1], strict=True))
    rates = {"steps_per_second": steps / seconds, "steps_per_cpu_second": steps / cpu_seconds}
    return {**rates, "updates": len(seen) - skipped}


def reach(train, seed, settings, started):
    """When did the episodes of an update first have a mean return of at least 15? None where the budget ended before.

    The policy samples its actions, as it does while it learns.
    """
    result = {"seconds": None, "steps": None}

    def after_update(steps, act, mean_return):
        if mean_return >= REACHED:
            result.update(seconds=time.time() - started, steps=steps)
        return result["steps"] is not None

    train(seed, settings, after_update)
    return result


if __name__ == "__main__":
    from peers import TRAINERS

    figure, trainer, seed, settings, started = sys.argv[1:]
    measure = {"solve": solve, "speed": speed, "reach": reach}[figure]
    print(json.dumps(measure(TRAINERS[trainer], int(seed), json.loads(settings), float(started))))
