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


def ladder(lesson):
    """The variance ladder up to this lesson: a `Picture` without controls.

    Each bar is the exact variance, over all 25,472 plays, of the gradient estimated from one play.
    """
    heights = variances(lesson)

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        for place, (name, height) in enumerate(heights.items()):
            _, line = RUNGS[name]
            newest = name == lesson
            axes.barh(place, height, color=line["color"], alpha=1.0 if newest else 0.75, height=0.62, gid="rungs")
            axes.text(height + 0.5, place, f"{height:.2f}", va="center", weight="bold" if newest else "normal")
        axes.set_yticks(range(len(RUNGS)), [label for label, _ in RUNGS.values()])
        for label, name in zip(axes.get_yticklabels(), RUNGS, strict=True):
            label.set_color("black" if name in heights else QUIET)
        axes.set(xlim=(0, 54), ylim=(len(RUNGS) - 0.5, -0.5), xlabel="exact variance of the gradient from one play")
        axes.set_title(f"The variance ladder: {' → '.join(f'{height:.2f}' for height in heights.values())}")

    words = ", ".join(f"{name.replace('_', ' ')} {height:.2f}" for name, height in heights.items())
    return Picture(build, lambda artists: f"Variance of the gradient from one play: {words}.", size=(700, 270))


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

    numbers = ", ".join(f"{weight:.2f}" for weight in weights[lesson])
    name = lesson.replace("_", " ")
    return Picture(
        build, lambda artists: f"Weights of the three steps after lesson {name}: {numbers}.", size=(700, 360)
    )
