"""Two pictures that grow with the course: the variance ladder, and the weights on the running trajectory."""

from ppo_lessons.experiments.variance_ladder import LAM, running_weights, variances
from ppo_lessons.figures.corridor import draw_cells
from ppo_lessons.figures.style import ADVANTAGE, OLD_BARS, QUIET, RETURN, VALUE, Picture, quiet_grid

RUNGS = {  # lesson -> name of the weights, line of the idea
    "log_trick": ("total return R(τ)", RETURN),
    "reward_to_go": ("reward-to-go $G_t$", RETURN),
    "baseline": ("$G_t - V(s_t)$", VALUE),
    "advantage": ("TD error $A^{(1)}_t$", ADVANTAGE),
    "gae": (f"GAE, λ = {LAM}", ADVANTAGE),
}


LESSONS = dict(zip(RUNGS, range(3, 8), strict=True))  # lesson -> its number
TITLES = {
    "log_trick": "The variance ladder: every lesson steps on the next rung",
    "reward_to_go": "Without the past: {before:.2f} → {now:.2f}",
    "baseline": "Less what the state is worth: {before:.2f} → {now:.2f}",
    "advantage": "One reward, then the critic: {before:.2f} → {now:.2f}",
    "gae": f"GAE, λ = {LAM}: {{now:.2f}}, between the TD error and $G_t - V(s_t)$",
}
NOTES = ("the bias of every rung is 0", "V: the exact value of each state and time")
SPOKEN = {
    "log_trick": "total return",
    "reward_to_go": "reward-to-go",
    "baseline": "reward-to-go minus V",
    "advantage": "TD error",
    "gae": f"GAE with λ = {LAM}",
}


def ladder(lesson):
    """The variance ladder up to this lesson: a `Picture` without controls.

    Each bar is the exact variance, over all 25,472 plays, of the gradient estimated from one play. Where a rung needs
    V, it has the exact one. A rung that is still empty says which lesson fills it.
    """
    heights = variances(lesson)
    *_, before, now = [*heights.values()] if len(heights) > 1 else [0.0, *heights.values()]

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        axes.grid(visible=False, axis="y")
        for place, (name, (_, line)) in enumerate(RUNGS.items()):
            newest = name == lesson
            if name in heights:
                edge = {"edgecolor": "black", "linewidth": 1.6} if newest else {}
                axes.barh(place, heights[name], color=line["color"], height=0.62, gid="rungs", **edge)
                weight = "bold" if newest else "normal"
                axes.text(heights[name] + 0.6, place, f"{heights[name]:.2f}", va="center", weight=weight)
            else:
                axes.text(0.6, place, f"in lesson {LESSONS[name]:02}", va="center", color=QUIET, fontsize=8.5)
        axes.set_yticks(range(len(RUNGS)), [label for label, _ in RUNGS.values()])
        for label, name in zip(axes.get_yticklabels(), RUNGS, strict=True):
            label.set_color("black" if name in heights else QUIET)
        axes.set(xlim=(0, 54), ylim=(len(RUNGS) - 0.5, -0.5), xlabel="exact variance of the gradient from one play")
        notes = "\n".join(NOTES if len(heights) > 2 else NOTES[:1])
        axes.text(53.5, len(RUNGS) - 0.6, notes, ha="right", va="bottom", fontsize=8.5)
        axes.set_title(TITLES[lesson].format(before=before, now=now))

    words = ", ".join(f"{SPOKEN[name]} {height:.2f}" for name, height in heights.items())
    return Picture(build, lambda artists: f"Variance of the gradient from one play: {words}.", size=(700, 280))


def running(lesson):
    """The running trajectory on its cells, with the weights of this lesson and of the one before: a `Picture`."""
    weights = running_weights(lesson)
    before = list(weights)[-2] if len(weights) > 1 else None

    def build(figure):
        top, bottom = figure.subplots(2, 1, height_ratios=[3, 4])
        draw_cells(top, "day")
        for cell, reward in enumerate(("+5", "0", "−2")):
            arrow = {"arrowstyle": "-|>", "color": "black", "lw": 1.6}
            top.annotate("", (cell + 0.72, 0.05), (cell + 0.28, 0.05), arrowprops=arrow)
            top.text(cell + 0.5, 0.55, f"right: {reward}", ha="center", fontsize=8.5)
        label, line = RUNGS[lesson]
        if before:
            places = [step - 0.2 for step in range(3)]
            bottom.bar(places, weights[before], width=0.36, **OLD_BARS, label=RUNGS[before][0])
        places = [step + (0.2 if before else 0.0) for step in range(3)]
        bars = bottom.bar(places, weights[lesson], width=0.36, color=line["color"], label=label)
        bottom.bar_label(bars, fmt="%.2f", padding=2, fontsize=8.5)
        bottom.axhline(0, color=QUIET, linewidth=0.8)
        bottom.set(xlim=(-0.6, 4.4), ylim=(-3.2, 4.4), ylabel="weight of the step", xticks=range(3))
        bottom.set_xticklabels([f"step {step}" for step in range(3)])
        bottom.legend(loc="upper right")

    numbers = ", ".join(f"{weight:.2f}".replace("-", "−") for weight in weights[lesson])
    words = f"With {SPOKEN[lesson]} as weights the three steps get {numbers}."
    return Picture(build, lambda artists: words, size=(700, 360))
