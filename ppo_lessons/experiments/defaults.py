"""Where the defaults of `Config` come from: the fewest steps with which every seed learns CartPole. `make defaults`.

A candidate may take no more gradient steps in its whole run than a run with the settings before the search, `PLAIN`:
that is where the time goes, and a result that needs fewer plays but keeps the learner waiting would be no gain.
Settings are drawn at random from a grid. At each budget of environment steps, the smallest first, they race: a
candidate stops at the first seed that fails, and the half that came further goes on to the next budget. What passes
with all seeds of the search is tried with as many other seeds, which had no part in the choice.
"""

import numpy as np

from ppo_lessons import data
from ppo_lessons.experiments.runs import circumstances, perform
from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer.config import PLAIN

GRID = {
    "num_envs": [16, 32, 64],
    "num_steps": [16, 32, 64, 128],
    "epochs": [4, 8, 16],
    "minibatches": [2, 4, 8],
    "learning_rate": [2e-3, 3.5e-3, 5e-3, 7e-3, 1e-2],
    "gamma": [0.98, 0.99],
    "lam": [0.8, 0.9, 0.95],
    "epsilon": [0.2, 0.3],
    "entropy_weight": [0.0, 0.01],
}
CANDIDATES, AT_LEAST = 96, 16
BUDGETS = [20_000, 25_000, 30_000, 35_000, 40_000, 50_000, 65_000, 80_000, 100_000]
GRADIENT_STEPS = 768  # 48 updates, 4 epochs, 4 minibatches
SEARCH, CONFIRM = range(1000, 1020), range(20)
PASSED, EPISODES = 475.0, 100


def candidates():
    """What was in use before, then settings drawn from the grid that are quick enough at a budget of 30,000 steps."""
    rng = np.random.default_rng(0)
    found = [{name: PLAIN[name] for name in GRID}]
    while len(found) < CANDIDATES:
        drawn = {name: rng.choice(values).item() for name, values in GRID.items()}
        if drawn not in found and quick(drawn, 30_000):
            found.append(drawn)
    return found


def quick(settings, total_steps):
    """Does a run take no more gradient steps than before the search?"""
    config = Config(**settings, total_steps=total_steps)
    return config.updates * config.epochs * config.minibatches <= GRADIENT_STEPS


def final_return(settings, total_steps, seed):
    """Mean of 100 greedy episodes in Gymnasium's own game after training."""
    *_, last = train(Config(**settings, total_steps=total_steps, seed=seed, device="cpu"))
    return evaluate(last.policy, Config.env_id, episodes=EPISODES, seed=10_000).mean().item()


def race(settings, total_steps, seeds):
    """The returns of one seed after the other, up to the first that fails."""
    returns = []
    for seed in seeds:
        returns.append(final_return(settings, total_steps, seed))
        if returns[-1] < PASSED:
            break
    return returns


def measure():
    """The search: a dict with the returns of every race at every budget, and those of the confirmation."""
    racing, tried = candidates(), []
    for budget in BUDGETS:
        finished = rank(races([one for one in racing if quick(one, budget)], budget, SEARCH))
        tried += finished
        retried = races([row["settings"] for row in finished if survived(row)], budget, CONFIRM)
        confirmed = sorted(filter(survived, retried), key=lambda row: changed(row["settings"]))
        if confirmed:
            return {
                "game": "CartPole-v1, 100 greedy episodes in Gymnasium's own game after training",
                "tried": tried,
                "retried": retried,
                "chosen": {"total_steps": budget, **confirmed[0]["settings"]},
                "confirmed": confirmed[0]["returns"],
                **circumstances(),
            }
        racing = [row["settings"] for row in finished[: max(AT_LEAST, len(finished) // 2)]]
    raise RuntimeError("no candidate passed with every seed")


def races(settings, total_steps, seeds):
    """One race for each candidate: what it was, and the returns that it came to."""
    jobs = [{"settings": one, "total_steps": total_steps, "seeds": list(seeds)} for one in settings]
    returns = perform("defaults", race, jobs)
    return [
        {"total_steps": total_steps, "settings": one, "returns": its_returns}
        for one, its_returns in zip(settings, returns, strict=True)
    ]


def rank(rows):
    """Those that came furthest first: by seeds passed, then by the return of the seed that failed."""
    return sorted(rows, key=lambda row: (len(row["returns"]), row["returns"][-1]), reverse=True)


def changed(settings):
    """How many numbers are not what they were before: of several that are confirmed the nearest is chosen."""
    return sum(settings[name] != PLAIN[name] for name in GRID)


def survived(row):
    return len(row["returns"]) == len(SEARCH) and min(row["returns"]) >= PASSED


if __name__ == "__main__":
    data.store("defaults", measure())
