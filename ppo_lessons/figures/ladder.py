"""What each step of the course buys, drawn from the recorded result of `make ladder`."""

import numpy as np

from ppo_lessons.experiments.ladder import bootstrap_interval, load
from ppo_lessons.figures.style import BIAS, OLD_POLICY, RETURN, Picture, quiet_grid

SOLVED = 475


def on_grid(result, name, grid):
    """Returns of all seeds at the same numbers of steps, each the last one known: [seeds, grid]."""
    rows = []
    for run in result["algorithms"][name]["runs"]:
        place = np.searchsorted(run["steps"], grid, side="right") - 1
        rows.append(np.where(place >= 0, np.array(run["returns"])[place.clip(0)], np.nan))
    return np.array(rows)


def curves(result=None):
    """Learning curves of all algorithms, each with the one before it in grey: a `Picture` without controls."""
    result = result or load()
    names = list(result["algorithms"])
    grid = np.linspace(4096, result["total_steps"] * 0.98, 24)

    def build(figure):
        before = None
        for number, (axes, name) in enumerate(
            zip(figure.subplots(2, 5, sharex=True, sharey=True).flat, names, strict=True)
        ):
            quiet_grid(axes)
            table = on_grid(result, name, grid)
            mean = table.mean(0)
            low, high = np.array([bootstrap_interval(column, draws=1000) for column in table.T]).T
            if before is not None:
                axes.plot(grid / 1000, before, **{**OLD_POLICY, "linewidth": 1.2})
            axes.fill_between(grid / 1000, low, high, color=RETURN["color"], alpha=0.22, linewidth=0)
            axes.plot(grid / 1000, mean, **RETURN)
            axes.set(ylim=(0, 520), xlim=(0, result["total_steps"] / 1000))
            axes.set_title(f"{number + 1}. {name}", fontsize=9)
            before = mean
        figure.supxlabel("environment steps / 1000", fontsize=9.5)
        figure.supylabel("return (sampled)", fontsize=9.5)

    words = f"Learning curves of {len(names)} algorithms, mean and 95% interval over {len(result['seeds'])} seeds"
    last = ", ".join(f"{name} {on_grid(result, name, grid)[:, -1].mean():.0f}" for name in names)
    return Picture(build, lambda artists: f"{words}. Last return on average: {last}.", size=(880, 420))


def finals(result=None):
    """Greedy return after training, mean and 95% interval, and what an update costs: a `Picture` without controls."""
    result = result or load()
    rows = result["algorithms"]

    def build(figure):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2], sharey=True)
        places = range(len(rows))[::-1]
        for place, row in zip(places, rows.values(), strict=True):
            low, high = row["interval"]
            left.barh(place, row["mean"], color=RETURN["color"], alpha=0.8, height=0.62, gid="mean")
            left.plot([low, high], [place, place], color="black", linewidth=1.6, gid="interval")
            left.plot(
                [run["final"] for run in row["runs"]],
                [place] * len(row["runs"]),
                "|",
                color="black",
                markersize=9,
                gid="runs",
            )
            cost = row["seconds_per_update"] * 1000
            right.barh(place, cost, color=OLD_POLICY["color"], height=0.62, gid="cost")
            right.text(cost, place, f" {cost:.0f}", va="center", fontsize=8.5)
        left.axvline(SOLVED, color=BIAS["color"], linestyle="--", linewidth=1.2)
        left.set_yticks(places, [f"{number}. {name}" for number, name in enumerate(rows, start=1)])
        left.set(xlim=(0, 508), xlabel="mean return of 100 greedy episodes; each | is a seed")
        left.set_title(f"{len(result['seeds'])} seeds each, line: 95% interval of the mean", fontsize=9.5)
        right.set(xlabel="milliseconds per update (sizes differ)")
        right.margins(x=0.15)

    words = ", ".join(
        f"{name} {row['mean']:.0f} ({row['interval'][0]:.0f} to {row['interval'][1]:.0f})" for name, row in rows.items()
    )
    return Picture(build, lambda artists: f"Mean greedy return with 95% interval: {words}.", size=(860, 380))
