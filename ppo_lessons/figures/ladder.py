"""What each step of the course buys, drawn from the recorded result of `make ladder`."""

from ppo_lessons import data
from ppo_lessons.experiments.ladder import learning_curves
from ppo_lessons.experiments.ppo import SOLVED
from ppo_lessons.figures.style import BIAS, OLD_POLICY, RETURN, Picture, quiet_grid


def curves(result=None):
    """Learning curves of all algorithms, each with the one before it in grey: a `Picture` without controls."""
    result = result or data.load("ladder")
    grid, curve = learning_curves(result)

    def build(figure):
        before = None
        panels = figure.subplots(2, 5, sharex=True, sharey=True).flat
        for number, (axes, (name, (mean, low, high))) in enumerate(zip(panels, curve.items(), strict=True)):
            quiet_grid(axes)
            if before is not None:
                axes.plot(grid / 1000, before, **{**OLD_POLICY, "linewidth": 1.2})
            axes.fill_between(grid / 1000, low, high, color=RETURN["color"], alpha=0.22, linewidth=0)
            axes.plot(grid / 1000, mean, **RETURN)
            axes.set(ylim=(0, 520), xlim=(0, result["total_steps"] / 1000))
            axes.set_title(f"{number + 1}. {name}", fontsize=9)
            before = mean
        figure.supxlabel("environment steps / 1000", fontsize=9.5)
        figure.supylabel("return (sampled)", fontsize=9.5)

    words = f"Learning curves of {len(curve)} algorithms, mean and 95% interval over {len(result['seeds'])} seeds"
    last = ", ".join(f"{name} {mean[-1]:.0f}" for name, (mean, _, _) in curve.items())
    return Picture(build, lambda artists: f"{words}. Last return on average: {last}.", size=(880, 420))


def finals(result=None):
    """Greedy return after training, mean and 95% interval, and what an update costs: a `Picture` without controls."""
    result = result or data.load("ladder")
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
