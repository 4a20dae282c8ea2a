"""What each step of the course buys: the recorded result of `make ladder` drawn, and a rung that trains live."""

import numpy as np

from ppo_lessons import data
from ppo_lessons.experiments import ladder as experiments
from ppo_lessons.figures.style import BIAS, CLIPPED, OLD_POLICY, POLICY, QUIET, RETURN, Picture, quiet_grid

MEASURED = {"finals": "after training, greedy", "areas": "mean over the whole training"}
LIVE_STEPS = 30_000


# Recorded


def curves(result=None):
    """Learning curves of all rungs, in grey the one that each is compared with: a `Picture` without controls."""
    result = result or data.load("ladder")
    thousands = experiments.steps_of(result["total_steps"]) / 1000
    curve = experiments.learning_curves(result)

    def build(figure):
        panels = figure.subplots(5, 3, sharex=True, sharey=True).flatten()
        for axes, (name, (mean, low, high)) in zip(panels, curve.items(), strict=False):
            quiet_grid(axes)
            if name in experiments.CHANGES:
                other, _ = experiments.CHANGES[name]
                axes.plot(thousands, curve[other][0], **OLD_POLICY)
                axes.text(0.97, 0.05, other, transform=axes.transAxes, ha="right", color=QUIET, fontsize=9)
            axes.fill_between(thousands, low, high, color=RETURN["color"], alpha=0.22, linewidth=0)
            axes.plot(thousands, mean, **RETURN)
            axes.set(ylim=(0, 520), xlim=(0, thousands[-1]))
            axes.set_title(name, color=RETURN["color"])
        for axes in panels[len(curve) :]:
            axes.set_axis_off()
        for axes in panels[len(curve) - 3 : len(curve)]:  # the lowest of each column
            axes.tick_params(labelbottom=True)
        note = "green: the mean of a rung\nand its 95% interval\ngrey: what it is compared with"
        panels[len(curve)].text(0.1, 0.5, note, va="center", fontsize=9.5)
        figure.supxlabel("environment steps / 1000", fontsize=10)
        figure.supylabel("return of the policy as it acts", fontsize=10)

    words = f"Learning curves of {len(curve)} rungs, mean and 95% interval over {len(result['seeds'])} seeds"
    last = ", ".join(f"{name} {mean[-1]:.0f}" for name, (mean, _, _) in curve.items())
    return Picture(build, lambda artists: f"{words}. Last return on average: {last}.", size=(640, 700))


def differences(result=None):
    """What each change adds, with its interval: a `Picture` without controls."""
    result = result or data.load("ladder")
    rows = {measured: experiments.differences(result, measured) for measured in MEASURED}
    names = {name: f"{name}\nagainst {other}" for name, (other, _) in experiments.CHANGES.items()}

    def build(figure):
        for axes, (measured, label) in zip(figure.subplots(1, 2, sharey=True), MEASURED.items(), strict=True):
            quiet_grid(axes)
            axes.axvline(0, color="black", linewidth=1)
            clear = 0
            for place, (added, interval) in enumerate(rows[measured].values()):
                decided = experiments.decided(interval)
                clear += decided
                look = look_of(added) if decided else UNDECIDED
                axes.plot(interval, [place, place], color="black", linewidth=1.6, gid="interval")
                axes.plot(added, place, linestyle="None", markersize=7, **look)
            reach = 1.08 * max(abs(end) for _, interval in rows[measured].values() for end in interval)
            axes.set(xlim=(-reach, reach), ylim=(len(names) - 0.5, -0.5), xlabel=f"difference of returns:\n{label}")
            axes.set_yticks(range(len(names)), names.values(), fontsize=9)
            axes.set_title(f"{clear} of {len(names)} intervals exclude 0")

    return Picture(build, lambda artists: in_words(rows), size=(640, 620))


def rates(result=None):
    """The mean return over the training against the learning rate, without a leash and with each: a `Picture`."""
    result = result or data.load("ladder")
    lines = {
        "minibatches": {**OLD_POLICY, "label": "no leash"},
        "clip": {**CLIPPED, "label": "clip"},
        "fixed price": {**POLICY, "label": "fixed price"},
        "adaptive price": {**POLICY, "linestyle": ":", "label": "adaptive price"},
    }
    found = {name: experiments.areas_by_rate(result, name) for name in lines}

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        for name, line in lines.items():
            places = list(found[name])
            axes.plot(places, [areas.mean() for areas in found[name].values()], **line, marker="o", markersize=5)
            for rate, areas in found[name].items():
                axes.plot([rate] * len(areas), areas, "_", color=line["color"], markersize=7, alpha=0.6)
        axes.set(xscale="log", ylim=(0, 500), xlabel="learning rate of the actor")
        axes.set_xticks(places, [f"{rate:g}" for rate in places])
        axes.minorticks_off()
        axes.set_ylabel("mean return over the training")
        axes.legend(loc="lower left")
        axes.set_title("A leash widens the range of rates that learn")

    told = "; ".join(
        f"{lines[name]['label']} " + ", ".join(f"{areas.mean():.0f} at {rate:g}" for rate, areas in row.items())
        for name, row in found.items()
    )
    return Picture(build, lambda artists: f"Mean return over the training by learning rate: {told}.", size=(640, 340))


UNDECIDED = {"color": QUIET, "marker": "o", "markerfacecolor": "white", "gid": "undecided"}


def look_of(added):
    """The mark of a difference that its interval decides."""
    better = {"color": RETURN["color"], "marker": "^", "gid": "better"}
    return better if added > 0 else {"color": BIAS["color"], "marker": "v", "gid": "worse"}


def in_words(rows):
    """The differences as sentences, one for each measure; what is undecided is only counted."""
    sentences = []
    for measured, found in rows.items():
        clear = {name: row for name, row in found.items() if experiments.decided(row[1])}
        told = f"{MEASURED[measured].capitalize()}: {len(clear)} of {len(found)} intervals of the difference exclude 0"
        listed = [
            f"{name} against {experiments.CHANGES[name][0]} {signed(added)} ({signed(low)} to {signed(high)})"
            for name, (added, (low, high)) in clear.items()
        ]
        sentences.append(": ".join([told, "; ".join(listed)]) if listed else told)
    return f"{'. '.join(sentences)}."


def signed(number):
    """A whole number with its sign."""
    return f"{number:+.0f}".replace("-", "−")


# Live


def build_live(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    (before,) = axes.plot([], [], **OLD_POLICY, label="the setting before")
    (now,) = axes.plot([], [], **RETURN, marker="o", markersize=4, label="this setting")
    axes.set(xlim=(0, LIVE_STEPS / 1000), ylim=(0, 620), xlabel="environment steps / 1000")
    axes.set_ylabel("return of the policy as it acts")
    axes.set_yticks(range(0, 501, 100))
    axes.legend(loc="upper left", ncols=2)
    return {"axes": axes, "before": before, "now": now}


def update_live(artists, *, rung, rate_factor, seed):
    """Train on a rung at so many times the rate that was chosen for it; the curve before stays in grey."""
    full = rate_factor * data.load("ladder")["rungs"][rung]["rate"]
    kind = "limit" if experiments.RUNGS[rung].objective == "trust region" else "rate"
    artists["before"].set_data(*artists["now"].get_data())
    points = []
    for used, played, _ in experiments.learn(experiments.RUNGS[rung], full, seed=seed, total_steps=LIVE_STEPS):
        points.append((used / 1000, played))
        artists["now"].set_data(*np.array(points).T)
        artists["axes"].set_title(f"{rung}, {kind} {full:.3g}, seed {seed}: return {played:.0f}")
        yield (
            f"{rung}, seed {seed}, {rate_factor:g} times the recorded {kind}, that is {full:.3g}: after {used} steps "
            f"of {LIVE_STEPS} the mean return is {played:.0f}."
        )


live = Picture(build_live, update_live, size=(640, 320))
