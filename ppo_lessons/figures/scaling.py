"""The extra on several processes drawn: climbing with stale gradients, and the recorded scaling."""

from ppo_lessons import data
from ppo_lessons.experiments.scaling import UPDATES, climb
from ppo_lessons.figures.style import BIAS, OLD_POLICY, POLICY, QUIET, RETURN, Picture, quiet_grid


def build_stale(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(0, UPDATES), xlabel="update")
    (fresh,) = left.plot([], [], **OLD_POLICY, label="fresh gradients")
    (stale,) = left.plot([], [], **RETURN, label="stale gradients")
    left.set(ylim=(-1.6, 3.6), ylabel="true J")
    left.legend(loc="lower right")
    (angle,) = right.plot([], [], **BIAS)
    right.axhline(1, color=QUIET, linewidth=0.8)
    right.set(ylim=(-0.1, 1.1), ylabel="cosine with the fresh gradient")
    return {"left": left, "right": right, "fresh": fresh, "stale": stale, "angle": angle}


def update_stale(artists, *, delay, step_size):
    (fresh, _), (stale, cosines) = climb(step_size, 0), climb(step_size, delay)
    artists["fresh"].set_data(range(UPDATES + 1), fresh)
    artists["stale"].set_data(range(UPDATES + 1), stale)
    artists["angle"].set_data(range(UPDATES), cosines)
    artists["left"].set_title(f"J after 10 updates: {stale[10]:.2f}, with fresh ones {fresh[10]:.2f}")
    artists["right"].set_title(f"{delay} updates late: lowest cosine {min(cosines):.2f}")
    return (
        f"With gradients {delay} updates late and step size {step_size:g}, J is {stale[10]:.2f} after 10 updates and "
        f"{stale[-1]:.2f} after {UPDATES}, with fresh ones {fresh[10]:.2f} and {fresh[-1]:.2f}."
    )


stale = Picture(build_stale, update_stale, size=(780, 330))


def scaling(result=None):
    """Steps per second with one and two processes, as recorded: a `Picture` without controls."""
    result = result or data.load("scaling")
    rows = result["rows"]

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        for shift, count, style in ((-0.2, "1", OLD_POLICY), (0.2, "2", POLICY)):
            heights = [row["steps_per_second"][count] / 1000 for row in rows]
            places = [place + shift for place in range(len(rows))]
            words = "process" if count == "1" else "processes"
            axes.bar(places, heights, width=0.38, color=style["color"], label=f"{count} {words}")
            for place, height in zip(places, heights, strict=True):
                axes.text(place, height, f"{height:.1f}", ha="center", va="bottom", fontsize=8.5)
        labels = [f"{row['name']}\n{row['num_envs']:,} games: ×{row['speedup']:.2f}" for row in rows]
        axes.set_xticks(range(len(rows)), labels, fontsize=8.5)
        axes.set(ylabel="thousand steps a second")
        axes.margins(y=0.15)
        axes.legend(loc="upper left")
        return {"axes": axes}

    def update(artists):
        artists["axes"].set_title(f"{result['machine']}: the gain of a second process")
        gains = ", ".join(f"{row['name']} with {row['num_envs']:,} games ×{row['speedup']:.2f}" for row in rows)
        return f"Two processes against one: {gains}."

    return Picture(build, update, size=(780, 340))
