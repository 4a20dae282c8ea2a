"""Lesson 14 drawn: the recorded runs of Breakout, the search behind them, and where the time goes."""

import numpy as np
from matplotlib.collections import LineCollection

from ppo_lessons import data
from ppo_lessons.experiments import full_run as experiments
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    OF_SEEDS,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VALUE,
    VARIANCE,
    Picture,
    number_of_games,
    quiet_grid,
)

MILLION = 1e6
MARKS = {"flat": "o", "convolution": "^", "flat, tanh": "s", "convolution, tanh": "v"}


def runs(record):
    """Five seeds of 10 million steps beside published numbers, and how their episodes end: a `Picture`."""

    def build(figure):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        quiet_grid(left)
        for run, style in zip(record["runs"], OF_SEEDS, strict=True):
            steps, returns = np.array(run["curve"]).T
            name = f"seed {run['seed']}"
            left.plot(steps / MILLION, returns, color=RETURN["color"], linestyle=style, linewidth=1.3, label=name)
            left.text(10.2, returns[-1], name, color=RETURN["color"], va="center", fontsize=9)
        for (name, (paid, steps)), mark in zip(experiments.PUBLISHED.items(), "sDX", strict=True):
            left.scatter(steps / MILLION, paid, marker=mark, color=QUIET, s=36, gid="published")
            if steps / MILLION > 10:
                left.text(
                    steps / MILLION - 0.4,
                    paid,
                    name.replace(" (", "\n(").replace(" et", "\net"),
                    color=QUIET,
                    va="center",
                    ha="right",
                )
            else:
                left.text(steps / MILLION + 0.4, paid, name, color=QUIET, va="center")
        left.set(xlabel="million environment steps", ylabel="return while training (sampled)", xlim=(0, 21))
        left.set_xticks(range(0, 21, 5))
        left.set_ylim(0, None)
        left.set_title("every seed, and what others report")
        quiet_grid(right)
        places = range(len(record["runs"]))[::-1]
        for place, run in zip(places, record["runs"], strict=True):
            low, high = run["deciles"][1], run["deciles"][9]
            right.hlines(place, low, high, color=RETURN["color"], linewidth=1.5)
            right.scatter(run["mean"], place, color=RETURN["color"], gid="mean")
        right.set_yticks(places, [f"seed {run['seed']}" for run in record["runs"]])
        right.set(xlabel="return of an episode", ylim=(-0.6, len(places) - 0.4))
        right.set_xlim(0, None)
        right.set_title("mean, and 8 of 10 episodes")

    means = [run["mean"] for run in record["runs"]]
    words = (
        f"After 10 million steps the mean return of {experiments.EPISODES} sampled episodes is "
        f"{', '.join(f'{mean:.0f}' for mean in means)} with the five seeds, {np.mean(means):.0f} on average."
    )
    return Picture(build, lambda artists: words, size=(860, 340))


def searched(record):
    """Every attempt of the search, and the networks compared: a `Picture`."""
    budgets = sorted({row["total_steps"] for row in record["tried"]})

    def build(figure):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        quiet_grid(left)
        paths = {}
        for row in record["tried"]:
            paths.setdefault(str(row["settings"]), []).append(row)
        for rows in paths.values():
            chosen = rows[0]["settings"] == record["chosen"]
            color = TOTAL["color"] if chosen else QUIET
            points = [(budgets.index(row["total_steps"]), row["return"]) for row in rows]
            mark = MARKS[rows[0]["settings"]["network"]]
            left.scatter(*zip(*points, strict=True), color=color, marker=mark, s=25, zorder=2 + chosen, gid=f"{chosen}")
            left.add_collection(LineCollection([points], color=color, linewidth=1))
        left.set_xticks(range(len(budgets)), [f"{steps // 10**6} million" for steps in budgets])
        left.set(xlabel="steps of the whole run", ylabel="return, one seed", xlim=(-0.3, len(budgets) - 0.7))
        left.set_ylim(0, None)
        left.set_title("each attempt: ▲ convolution, ● flat; black is chosen")
        quiet_grid(right)
        names = list(dict.fromkeys(row["settings"]["network"] for row in record["networks"]))
        for row in record["networks"]:
            place = names.index(row["settings"]["network"])
            right.scatter(row["return"], place, marker=MARKS[names[place]], color=POLICY["color"], gid="attempt")
        right.set_yticks(range(len(names)), names)
        right.set(xlabel="return after 1 million steps", ylim=(-0.6, len(names) - 0.4))
        right.set_xlim(0, None)
        right.set_title("the chosen settings, four networks")

    best = max(row["return"] for row in record["tried"] if row["total_steps"] == budgets[-1])
    middle = {
        name: np.mean([row["return"] for row in record["networks"] if row["settings"]["network"] == name])
        for name in experiments.NETWORKS
    }
    told = ", ".join(f"{name} {mean:.1f}" for name, mean in middle.items())
    words = (
        f"{len(record['tried'])} attempts; the best reaches {best:.0f} after {budgets[-1] // 10**6} million steps. The "
        f"networks after 1 million, mean of three seeds: {told}."
    )
    return Picture(build, lambda artists: words, size=(860, 320))


LOOKS = {"game": VALUE, "policy plays": POLICY, "learning": ADVANTAGE}


def speed(costs):
    """Steps a second against the number of games, and where the time of a step goes: a `Picture`."""
    games = np.array(list(costs["games"]), dtype=float)
    parts = {name: np.array([row[name] for row in costs["games"].values()]) for name in experiments.PARTS}
    total = sum(parts.values())
    least = np.array([row["operations"] for row in costs["games"].values()]) / costs["roof"]

    def build(figure):
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            quiet_grid(axes)
            number_of_games(axes, games)
            axes.set_xlim(games[0], games[-1])
        left.plot(games, 1 / least, **OLD_POLICY, label="the roof: arithmetic alone")
        left.plot(games, 1 / total, **RETURN, marker="o", markersize=4.5, label="measured")
        left.set(yscale="log", ylabel="environment steps a second", ylim=(1000, 200_000))
        left.set_yticks([1000, 10_000, 100_000], ["1,000", "10,000", "100,000"])
        left.minorticks_off()
        left.set_title("one thread of a CPU")
        left.legend(loc="lower right")
        bottom = np.zeros(len(games))
        for name, seconds in parts.items():
            share = 100 * seconds / total
            right.fill_between(games, bottom, bottom + share, color=LOOKS[name]["color"], alpha=0.75, label=name)
            bottom = bottom + share
        right.set(ylabel="share of the time in %", ylim=(0, 100))
        right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    few, many = (f"{1 / total[end]:,.0f} steps a second with {int(games[end]):,} games" for end in (0, -1))
    reached = 100 * least[-1] / total[-1]
    words = (
        f"{few}, {many}, which is {reached:.0f}% of what arithmetic alone would allow; learning takes "
        f"{100 * parts['learning'][-1] / total[-1]:.0f}% of the time there."
    )
    return Picture(build, lambda artists: words, size=(820, 320))


SIDES = {"plain": OLD_POLICY, "captured": RETURN, "PureJaxRL": VARIANCE}


def gpu(record):
    """Steps a second on a GPU against the number of games, plain, captured and beside a peer: a `Picture`."""
    lines = {
        (game, side): sorted((int(games), rate) for games, rate in rates.items())
        for game, sides in record["speed"].items()
        for side, rates in sides.items()
    }

    def build(figure):
        games = sorted({n for points in lines.values() for n, _ in points})
        for axes, game in zip(figure.subplots(1, 2, sharey=True), record["speed"], strict=True):
            quiet_grid(axes)
            for (name, side), points in lines.items():
                if name == game:
                    axes.plot(*zip(*points, strict=True), **SIDES[side], marker="o", markersize=4.5, label=side)
            axes.set(yscale="log", title=game)
            number_of_games(axes, games)
            axes.legend()
        figure.axes[0].set_ylabel("environment steps a second")

    best = {name: max(points, key=lambda point: point[1]) for name, points in lines.items()}
    told = ", ".join(f"{game} {side} {rate:,.0f} with {n:,} games" for (game, side), (n, rate) in best.items())
    words = f"Steps a second on one {record['gpu']}, {record['date']}, at best: {told}."
    return Picture(build, lambda artists: words, size=(820, 320))


# A budget to choose


def mean_curve(record):
    """The mean of the recorded runs: steps [K], returns [K]."""
    curves = np.array([run["curve"] for run in record["runs"]])
    return curves[0, :, 0], curves[:, :, 1].mean(0)


def build_budget(figure):
    record = data.load("full_run")
    axes = figure.subplots()
    quiet_grid(axes)
    steps, returns = mean_curve(record)
    axes.plot(steps / MILLION, returns, **RETURN, label="mean of the five recorded runs")
    line = axes.axvline(0, **BIAS)
    axes.set(xlabel="million environment steps", ylabel="return while training", xlim=(0, 10.2), ylim=(0, None))
    axes.legend(loc="lower right")
    seconds = np.mean([run["seconds"] for run in record["runs"]]) / experiments.LONG
    return {"axes": axes, "line": line, "seconds": seconds}


def update_budget(artists, *, steps):
    wanted = int(steps.replace(",", ""))
    artists["line"].set_xdata([wanted / MILLION] * 2)
    artists["axes"].set_title(f"{steps} steps")
    took = artists["seconds"] * wanted
    return f"{steps} steps took {took:.0f} s of one CPU thread where the record was made: {took / 60:.1f} minutes."


budget = Picture(build_budget, update_budget, size=(640, 260))


# A short run while one looks


def build_live(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    (before,) = axes.plot([], [], **OLD_POLICY, label="the setting before")
    (now,) = axes.plot([], [], **RETURN, marker="o", markersize=3, label="this setting")
    axes.set(xlim=(0, experiments.LIVE_STEPS / 1000), ylim=(0, 10), xlabel="environment steps / 1000")
    axes.set_ylabel("return of the policy as it acts")
    axes.legend(loc="upper left", ncols=2)
    return {"axes": axes, "before": before, "now": now}


def update_live(artists, *, num_envs, lam, epsilon, seed):
    """Train for a small budget, and move the curve after each update; the one before stays in grey."""
    artists["before"].set_data(*artists["now"].get_data())
    points = []
    name = f"{num_envs} games, λ = {lam:.2f}, ε = {epsilon:.2f}, seed {seed}"
    for steps, paid in experiments.rows(num_envs, lam, epsilon, seed):
        points.append((steps, paid))
        artists["now"].set_data(*np.array(points).T)
        artists["axes"].set_title(f"{name}: return {paid:.1f}")
        yield f"{name}: after {1000 * steps:,.0f} of {experiments.LIVE_STEPS:,} steps the mean return is {paid:.1f}."


live = Picture(build_live, update_live, size=(640, 320))
