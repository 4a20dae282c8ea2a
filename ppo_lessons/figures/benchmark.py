"""The trainer beside its peers, drawn from the recorded result of `make bench`."""

from ppo_lessons import data
from ppo_lessons.figures.style import (
    BIAS,
    OLD_POLICY,
    POLICY,
    RETURN,
    VALUE,
    VARIANCE,
    Picture,
    number_of_games,
    quiet_grid,
)

LINES = {
    "ours": {**RETURN, "marker": "o"},
    "rejax": {**VARIANCE, "linestyle": "-", "marker": "s"},
    "SBX": {**VALUE, "marker": "^"},
    "PureJaxRL": {**POLICY, "marker": "D"},
    "Stable-Baselines3": {**OLD_POLICY, "marker": "v"},
}


def build(figure):
    result = data.load("bench")
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    quiet_grid(left)
    rows = result["solve"]
    for place, (name, row) in zip(range(len(rows))[::-1], rows.items(), strict=True):
        style = LINES[name.split(",")[0]]
        if row["seconds"] is None:
            left.text(0, place, " not every seed came to its end", va="center", fontsize=8.5)
            continue
        left.barh(place, row["seconds"], color=style["color"], alpha=0.6, height=0.62)
        seconds = [run["seconds"] for run in row["runs"]]
        left.plot(seconds, [place] * len(seconds), "|", color="black", markersize=9)
        missed = len(seconds) - row["solved"]
        note = f", {missed} not solved" if missed else ""
        left.text(max(seconds), place, f"  {row['seconds']:.1f}{note}", va="center", fontsize=8.5)
        if row["first_seconds"]:
            left.plot(row["first_seconds"], place, "o", color="black", markersize=4)
    left.set_yticks(range(len(rows))[::-1], list(rows))
    left.set(xlabel="seconds from process start until training is over; | a seed,\n● first policy that passes")
    left.margins(x=0.2)
    left.set_title("CartPole-v1: 100 greedy episodes with a mean of 475", fontsize=9.5)
    quiet_grid(right)
    for trainer, row in result["speed"].items():
        known = [(int(games), one["steps_per_second"]) for games, one in row.items() if one["steps_per_second"]]
        if known:
            right.plot(*zip(*known, strict=True), **LINES[trainer], markersize=4.5, label=trainer)
    right.axhline(result["limit"]["steps_per_second"], **BIAS, label="limit: matrix products alone")
    right.set(yscale="log", ylabel="environment steps a second")
    number_of_games(right, [int(number) for number in result["speed"]["ours"]])
    right.set_ylim(bottom=min(min(line.get_ydata()) for line in right.lines) / 20)  # room for the legend
    right.legend(fontsize=8, loc="lower right")
    right.set_title("steps a second while training", fontsize=9.5)
    return result


def words(result):
    solved = ", ".join(
        f"{name} {row['seconds']:.1f} s ({row['solved']} of {len(row['runs'])} seeds)"
        for name, row in result["solve"].items()
        if row["seconds"]
    )
    return f"CartPole-v1 trained and solved, medians of {len(result['seeds'])} seeds: {solved}."


comparison = Picture(build, words, size=(900, 380))
