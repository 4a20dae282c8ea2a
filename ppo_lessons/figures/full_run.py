"""Lesson 14 drawn: the recorded runs of Breakout, the search behind them, and where the time goes."""

import numpy as np
from matplotlib.collections import LineCollection

from ppo_lessons import data
from ppo_lessons.experiments import full_run as experiments
from ppo_lessons.experiments import pong as of_pong
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
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


# A game


def build_opening(figure):
    screens = experiments.screens()
    for axes, (seen, step, picture) in zip(figure.subplots(1, len(screens)), screens, strict=True):
        axes.imshow(picture)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(f"step {step}\n{seen}", fontsize=15)
    return [f"{seen} (step {step})" for seen, step, _ in screens]


opening = Picture(build_opening, lambda seen: f"A trained player, in one episode: {', '.join(seen)}.", size=(860, 300))


# Recorded runs


def runs(record):
    """Learning curves of five seeds, and which share of the episodes reaches which return: a `Picture`."""
    means = [run["mean"] for run in record["runs"]]
    order = np.argsort(means)[::-1].tolist()  # the seeds, the best one first
    worst = order[-1]
    between = [{"color": QUIET, "linewidth": 1.2, "linestyle": dashes} for dashes in ("-", "--", ":")]
    looks = dict(zip(order, [RETURN, *between, BIAS], strict=True))

    def build(figure):
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            quiet_grid(axes)
        for seed, look in looks.items():
            steps, returns = np.array(record["runs"][seed]["curve"]).T
            left.plot(steps / MILLION, returns, **look, label=f"seed {seed}")
            left.text(10.15, returns[-1], f"seed {seed}", color=look["color"], va="center", fontsize=9)
            paid, shares = experiments.reaching(record["endings"][seed])
            right.step([0, *paid], 100 * np.array([1, *shares]), where="pre", **look, label=f"seed {seed}")
        left.set(xlabel="million environment steps", ylabel="return while training (sampled)", xlim=(0, 11.7))
        left.set_xticks(range(0, 11, 2))
        left.set_ylim(0, None)
        left.set_title(f"one setting, five seeds: {min(means):.0f} to {max(means):.0f}")
        for wall in (30, 60, 90):
            right.axvline(wall, color=TOTAL["color"], linewidth=0.8, linestyle=":", zorder=1, gid="wall")
        right.set(xlabel="return of an episode (a wall has 30 bricks)", ylabel="% of episodes that reach it")
        right.set(xlim=(0, 160), ylim=(0, 102))
        right.set_xticks(range(0, 160, 30))
        right.legend(loc="upper right")
        lost = 100 * experiments.share_at(record["endings"][worst], 28, 29)
        right.set_title(f"seed {worst}: {lost:.0f}% end with one or two bricks left")

    passed = [experiments.share_from(ends, 30) for ends in record["endings"]]
    words = (
        f"After 10 million steps the mean return of {experiments.EPISODES} sampled episodes is "
        f"{', '.join(f'{mean:.1f}' for mean in means)} with the five seeds, {np.mean(means):.1f} on average. "
        f"{', '.join(f'{100 * share:.0f}' for share in passed)}% of their episodes break the first wall of 30 bricks."
    )
    return Picture(build, lambda artists: words, size=(860, 340))


def searched(record):
    """Every attempt of the search, and the networks compared: a `Picture`."""
    budgets = sorted({row["total_steps"] for row in record["tried"]})
    seeds = experiments.SEARCH_SEEDS
    first = max((row for row in record["tried"] if row["seed"] == seeds["at random"]), key=lambda row: row["return"])
    again = [row for row in record["tried"] if row["seed"] == seeds["the best of these"]]
    promised, kept = first["return"], again[0]["return"]

    def build(figure):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        quiet_grid(left)
        places = {}
        for number, row in enumerate(record["tried"]):
            place = budgets.index(row["total_steps"]) + 0.1 * (number % 5 - 2) / 2
            places.setdefault(str(row["settings"]), []).append((place, row["return"]))
            left.plot(place, row["return"], **look_of_attempt(row, record["chosen"]), markersize=5.5)
        for path in places.values():
            left.add_collection(LineCollection([path], color=QUIET, linewidth=1, zorder=1))
        left.set_xticks(range(len(budgets)), [f"{steps // 10**6} million" for steps in budgets])
        left.set(xlabel="steps of the whole run", ylabel="return, one seed", xlim=(-0.3, len(budgets) - 0.6))
        left.set_ylim(0, None)
        left.set_title(f"the best of the short runs: {promised:.1f}, then {kept:.1f}")
        handles = {line.get_label(): line for line in left.lines}
        left.legend(handles.values(), handles, loc="lower right")
        quiet_grid(right)
        names = list(dict.fromkeys(row["settings"]["network"] for row in record["networks"]))
        for row in record["networks"]:
            place = names.index(row["settings"]["network"])
            right.scatter(row["return"], place, marker=MARKS[names[place]], color=POLICY["color"], gid="attempt")
        right.set_yticks(range(len(names)), names)
        right.set(xlabel="return after 1 million steps", ylim=(-0.6, len(names) - 0.4))
        right.set_xlim(0, 20)
        right.set_title("the chosen settings, four networks")

    best = max(row["return"] for row in record["tried"] if row["total_steps"] == budgets[-1])
    middle = {
        name: np.mean([row["return"] for row in record["networks"] if row["settings"]["network"] == name])
        for name in experiments.NETWORKS
    }
    told = ", ".join(f"{name} {mean:.1f}" for name, mean in middle.items())
    words = (
        f"{len(record['tried'])} attempts. The best of the short ones reaches {promised:.1f}, tried again with more "
        f"steps {kept:.1f}; the best of {budgets[-1] // 10**6} million steps reaches {best:.1f}. The networks after 1 "
        f"million, mean of three seeds: {told}."
    )
    return Picture(build, lambda artists: words, size=(860, 320))


def look_of_attempt(row, chosen):
    """Its shape is the network; open is drawn at random, filled is by hand."""
    network = row["settings"]["network"]
    by_hand = row["seed"] in (experiments.SEARCH_SEEDS["by hand"], experiments.SEARCH_SEEDS["whole"])
    color = POLICY["color"] if by_hand else QUIET
    look = {"marker": MARKS[network], "linestyle": "None", "color": color, "gid": "attempt"}
    if row["settings"] == chosen:
        return {**look, "color": TOTAL["color"], "gid": "chosen", "label": f"{network}, chosen"}
    look["fillstyle"] = "full" if by_hand else "none"
    return {**look, "label": f"{network}, {'by hand' if by_hand else 'at random'}"}


LOOKS = {"game": VALUE, "policy plays": POLICY, "learning": ADVANTAGE}


def speed(costs):
    """Steps a second against the number of games, and where the time of a step goes: a `Picture`."""
    games = np.array(list(costs["games"]), dtype=float)
    parts = {name: np.array([row[name] for row in costs["games"].values()]) for name in experiments.PARTS}
    total = sum(parts.values())
    least = np.array([row["operations"] for row in costs["games"].values()]) / costs["roof"]

    rate = 1 / total
    enough = games[rate >= 0.9 * rate.max()][0]

    def build(figure):
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            quiet_grid(axes)
            number_of_games(axes, games)
        left.plot(games, 1 / least, **OLD_POLICY, label="the roof: arithmetic alone")
        left.plot(games, rate, **RETURN, marker="o", markersize=4.5, label="measured")
        left.set(yscale="log", ylabel="environment steps a second", ylim=(1000, 200_000))
        left.set_xlim(games[0] / 1.3, games[-1] * 1.3)  # the marks at the ends are seen whole
        right.set_xlim(games[0], games[-1])
        left.set_yticks([1000, 10_000, 100_000], ["1,000", "10,000", "100,000"])
        left.minorticks_off()
        left.set_title(f"{enough:,.0f} games reach nine tenths of the best speed")
        left.legend(loc="lower right")
        bottom = np.zeros(len(games))
        for name, seconds in parts.items():
            share = 100 * seconds / total
            right.fill_between(games, bottom, bottom + share, color=LOOKS[name]["color"], alpha=0.75, label=name)
            bottom = bottom + share
        right.set(ylabel="share of the time in %", ylim=(0, 100))
        right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

    few, many = (f"{rate[end]:,.0f} steps a second with {int(games[end]):,} games" for end in (0, -1))
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


def pong(record):
    """Points of Pong while training, as far as the recorded run came: a `Picture`."""
    steps, points = map(np.array, of_pong.smoothed(record["rows"]))
    games = sum(ended for _, _, ended, _ in record["rows"])

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        seen = np.array([(s, paid) for s, paid, _, _ in record["rows"] if paid is not None]).T
        axes.plot(seen[0] / MILLION, seen[1], "o", color=QUIET, markersize=2.5, label="games that ended in one update")
        axes.plot(steps / MILLION, points, **RETURN, label="mean of the last 20 games")
        axes.axhline(0, color=TOTAL["color"], linewidth=0.8)
        axes.set(xlabel="million environment steps (four frames each)", ylabel="points, own less the other's")
        axes.set(ylim=(-21.8, 21.8), xlim=(0, 1.02 * record["rows"][-1][0] / MILLION))
        axes.legend(loc="upper left")

    words = (
        f"Pong, one seed, {record['rows'][-1][0]:,} of {record['total_steps']:,} steps, {games} games: the mean of 20 "
        f"games rises from {points[0]:.1f} to {points[-1]:.1f} points; {points.max():.1f} at its highest."
    )
    return Picture(build, lambda artists: words, size=(680, 320))


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
    axes.plot(steps / MILLION, returns, **RETURN, label="five runs of 10 million, mean")
    ends = [run["mean"] for run in record["short"]]
    place = [experiments.SHORT / MILLION] * len(ends)
    axes.plot(place, ends, "_", color=TOTAL["color"], markersize=9, label="five runs of 1 million")
    line = axes.axvline(0, **BIAS, label="your choice")
    axes.set(xlabel="million environment steps", ylabel="return while training", xlim=(0, 10.3), ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=3)
    seconds = np.mean([run["seconds"] for run in record["runs"]]) / experiments.LONG
    return {"axes": axes, "line": line, "seconds": seconds, "curve": (steps, returns)}


def update_budget(artists, *, steps):
    wanted = int(steps.replace(",", ""))
    artists["line"].set_xdata([wanted / MILLION] * 2)
    expected = np.interp(wanted, *artists["curve"])
    artists["axes"].set_title(f"{steps} steps: about {expected:.0f}")
    took = artists["seconds"] * wanted
    return (
        f"After {steps} steps the curve stands at {expected:.0f}. They took {took:.0f} s of one CPU thread where the "
        f"record was made: {took / 60:.1f} minutes."
    )


budget = Picture(build_budget, update_budget, size=(640, 290))


# A short run while one looks


def build_live(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    (before,) = axes.plot([], [], **OLD_POLICY, label="the setting before")
    (now,) = axes.plot([], [], **RETURN, marker="o", markersize=3, label="this setting")
    axes.set(xlim=(0, experiments.LIVE_STEPS / 1000), ylim=(0, 8), xlabel="environment steps / 1000")
    axes.set_ylabel("return of the episodes\nthat ended in the update")
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
