"""Lesson 08 drawn: fish weighed for another lake, the price of distance, the surrogate, and a batch used too often."""

import numpy as np

from ppo_lessons.corridor import CELLS, FLAG, PIT
from ppo_lessons.expectation import expectation
from ppo_lessons.experiments.importance_sampling import (
    CATCH,
    DISTANCES,
    EPOCHS,
    EPSILON,
    FISH,
    GRID,
    LAKE_A,
    LENGTH,
    PER_UNIT,
    SIZES,
    TRUTH,
    along_the_gradient,
    bell,
    best_q,
    catch,
    clipped,
    draws_of,
    effective_share,
    exact_run,
    fish_weights,
    heaviest,
    lake_b,
    long_run,
    policies,
    price,
    sampled_run,
    slope,
    step,
    steps_in_cells,
)
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    OLD_BARS,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VARIANCE,
    Picture,
    move_bars,
    quiet_grid,
)
from ppo_lessons.importance_sampling import effective_sample_size, surrogate_objective


def with_titles(panels):
    """Titles in the size of the course; `update` changes their words alone, so that they keep it."""
    for axes in panels:
        axes.set_title(" ")


# Two lakes


def build_lakes(figure):
    left, right = panels = figure.subplots(1, 2, width_ratios=[4, 5])
    with_titles(panels)
    places = np.arange(3)
    left.bar(places - 0.2, LAKE_A.numpy(), width=0.36, color=POLICY["color"], label="lake A, asked for")
    bars = left.bar(places + 0.2, np.zeros(3), width=0.36, **OLD_BARS, label="lake B, fished")
    weights = [left.text(place, 0.56, "", ha="center", fontsize=9.5) for place in places]
    left.set(ylim=(0, 0.78), ylabel="share of the fish")
    left.set_xticks(places, [f"{name}\n{length:g} cm" for name, length in zip(FISH, LENGTH.tolist(), strict=True)])
    left.legend(loc="upper center", ncols=2, fontsize=8.5, columnspacing=1.0, handlelength=1.5)
    quiet_grid(right)
    truth = expectation(LENGTH, LAKE_A).item()
    right.axhline(truth, color=POLICY["color"], linewidth=1.0)
    (plain,) = right.plot([], [], **OLD_POLICY, label="plain mean of the catch")
    (weighted,) = right.plot([], [], **RETURN, label="weighted mean")
    beside = {"transform": right.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    right.text(1.02, truth, f"in A\n{truth:.1f} cm", color=POLICY["color"], **beside)
    right.set(xlim=(1, CATCH), ylim=(5, 40), xscale="log", xlabel="fish caught in lake B", ylabel="mean length, cm")
    right.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    right.legend(loc="upper right")
    return {"left": left, "right": right, "bars": bars, "weights": weights, "plain": plain, "weighted": weighted}


def update_lakes(artists, *, perch, sample):
    b, weights = lake_b(perch).tolist(), fish_weights(perch).tolist()
    move_bars(artists["bars"], b)
    for label, weight, share in zip(artists["weights"], weights, b, strict=True):
        label.set_text(f"weight {weight:.3g}" if share > 0 else "never seen")
    plain, weighted = catch(perch, sample)
    number = np.arange(1, CATCH + 1)
    artists["plain"].set_data(number, plain)
    artists["weighted"].set_data(number, weighted)
    artists["left"].title.set_text(f"{perch}% perch in lake B")
    artists["right"].title.set_text(f"{CATCH:,} fish of B: plain {plain[-1]:.2f} cm, weighted {weighted[-1]:.2f} cm")
    return (
        f"With {perch}% perch in lake B, {CATCH:,} fish are {plain[-1]:.2f} cm long in the plain mean and "
        f"{weighted[-1]:.2f} cm in the weighted mean, which tends to {long_run(perch):.2f} cm."
    )


lakes = Picture(build_lakes, update_lakes, size=(780, 340))


# The distance of p and q


def compact(number):
    """With two decimals while it is small, with separators and without decimals when it is large."""
    return f"{number:.2f}" if number < 1000 else f"{number:,.0f}"


def build_distance(figure):
    panels = figure.subplot_mosaic([["left", "top"], ["left", "bottom"]], width_ratios=[6, 5])
    left, top, bottom = panels["left"], panels["top"], panels["bottom"]
    with_titles(panels.values())
    left.plot(GRID, PER_UNIT * bell(0.0), **POLICY, label="p: asked")
    (q,) = left.plot([], [], **OLD_POLICY, label="q: drawn")
    left.plot(GRID, PER_UNIT * best_q(), **RETURN, linewidth=1.0, label="shape of f p: best q")
    (marks,) = left.plot([], [], "|", color="black", markersize=9, markeredgewidth=0.7)
    (heavy,) = left.plot([], [], "o", color=BIAS["color"], markersize=7)
    note = left.text(0, -0.115, "", fontsize=8.5, color=BIAS["color"], ha="center", va="top")
    left.set(xlim=(-6.6, 7.6), ylim=(-0.2, 0.62), xlabel="x", ylabel="density", yticks=[0, 0.2, 0.4])
    left.legend(loc="upper center", ncols=3, fontsize=8.5, columnspacing=1.0, handlelength=1.6)
    variances, shares = zip(*map(price, DISTANCES.tolist()), strict=True)
    quiet_grid(top)
    top.plot(DISTANCES, np.maximum(variances, 1e-3), **VARIANCE)
    top.axhline(price(0.0)[0], color=POLICY["color"], linewidth=1.0)
    top.text(-3, 2.6, "drawn from p itself", ha="left", va="top", fontsize=8, color=POLICY["color"])
    (dot,) = top.plot([], [], "o", color=VARIANCE["color"], markersize=7, clip_on=False)
    top.set(xlim=(-3.1, 4.1), ylim=(1e-2, 1e8), yscale="log", ylabel="variance")
    top.set_yticks([1e-2, 1e2, 1e6])
    quiet_grid(bottom)
    bottom.plot(DISTANCES, shares, **TOTAL)
    (measured,) = bottom.plot([], [], "o", color=BIAS["color"], markersize=7, clip_on=False)
    bottom.set(
        xlim=(-3.1, 4.1), ylim=(0, 1.05), ylabel="effective share", xlabel="distance of q from p, in widths of p"
    )
    return {**panels, "q": q, "marks": marks, "heavy": heavy, "note": note, "dot": dot, "measured": measured}


def update_distance(artists, *, distance, number, sample):
    artists["q"].set_data(GRID, PER_UNIT * bell(distance))
    x, weights, estimate = draws_of(distance, number, sample)
    variance, _ = price(distance)
    effective = effective_sample_size(weights).item()
    place, part = heaviest(weights)
    artists["marks"].set_data(x, np.full(number, -0.04))
    artists["heavy"].set_data([x[place]], [-0.085])
    artists["note"].set_text(f"this draw has {100 * part:.0f}% of all weight")
    artists["note"].set_x(min(max(x[place].item(), -3.6), 4.6))
    artists["dot"].set_data([distance], [max(variance, 1e-2)])
    artists["measured"].set_data([distance], [effective / number])
    artists["left"].title.set_text(f"{number} draws of q say {estimate:.2f}, the truth is {TRUTH:.2f}")
    below = variance < 1e-2
    title = f"variance {compact(variance)}, below the axis" if below else f"variance of one f p/q: {compact(variance)}"
    artists["top"].title.set_text(title)
    artists["bottom"].title.set_text(f"effective: {effective:.0f} of {number} draws")
    return (
        f"At distance {distance:+.2f} one weighted draw has variance {compact(variance)}, a draw of p "
        f"{compact(price(0.0)[0])}. {number} draws, worth {effective:.0f} of equal weight, estimate {estimate:.2f}."
    )


distance = Picture(build_distance, update_distance, size=(780, 380))


# The surrogate beside the truth

ACTING = [cell for cell in range(CELLS) if cell not in (PIT, FLAG)]


def build_surrogate(figure):
    left, right = panels = figure.subplots(1, 2, width_ratios=[5, 4])
    with_titles(panels)
    quiet_grid(left)
    (true,) = left.plot([], [], **RETURN, label="true gain J(π′) − J(π)")
    (promised,) = left.plot([], [], **ADVANTAGE, dashes=(5, 2), label="surrogate, states of π")
    (tangent,) = left.plot([], [], color=QUIET, linestyle=":", linewidth=1.2, label="their common slope at 0")
    (dots,) = left.plot([], [], "o", color=TOTAL["color"], markersize=6, zorder=5)
    left.set(xlim=(0, 20.3), xlabel="size of one step along the gradient", ylabel="gain")
    left.yaxis.set_major_formatter("{x:.1f}")
    left.legend(loc="lower right")
    places = np.arange(len(ACTING))
    old = right.bar(places - 0.2, np.zeros(len(places)), width=0.36, **OLD_BARS, label="old policy π")
    new = right.bar(places + 0.2, np.zeros(len(places)), width=0.36, color=POLICY["color"], label="new policy π′")
    right.set(ylim=(0, 1.75), xlabel="cell", ylabel="mean number of steps spent in it")
    right.set_xticks(places, ACTING)
    right.legend(loc="upper right", ncols=2)
    lines = {"true": true, "promised": promised, "tangent": tangent, "dots": dots}
    return {"left": left, "right": right, "old": old, "new": new, **lines}


def update_surrogate(artists, *, step_size, start):
    new, *both = step(start, step_size)
    true, promised = (round(gain, 12) + 0.0 for gain in both)  # a step of size 0 gains 0, without a sign
    curves = along_the_gradient(start)
    artists["true"].set_data(SIZES, curves[:, 0])
    artists["promised"].set_data(SIZES, curves[:, 1])
    artists["tangent"].set_data([0, 20], [0, 20 * slope(start)])
    artists["dots"].set_data([step_size, step_size], [true, promised])
    if artists["left"].get_ylim()[1] != 1.15 * curves.max():
        artists["left"].set_ylim(0, 1.15 * curves.max())
    move_bars(artists["old"], steps_in_cells(policies()[start])[ACTING])
    move_bars(artists["new"], steps_in_cells(new)[ACTING])
    artists["left"].title.set_text(f"step {step_size:.2f}: true gain {true:.3f}, surrogate {promised:.3f}")
    artists["right"].title.set_text("The surrogate counts the grey states")
    verdict = "just that" if true == promised else "too little" if promised < true else "too much"
    return (
        f"One step of size {step_size:.2f}, start {start}: J gains {true:.3f}; the surrogate, with the states of the "
        f"old policy, says {promised:.3f}, {verdict}."
    )


surrogate = Picture(build_surrogate, update_surrogate, size=(780, 350))


# One batch, used 200 times

SHOW_EVERY = 10  # epochs


def build_reuse(figure):
    left, right = panels = figure.subplots(1, 2, width_ratios=[1, 1])
    with_titles(panels)
    styles = {
        "free": {**ADVANTAGE, "linewidth": 2.2, "label": "sampled plays, no leash"},
        "clip": {**POLICY, "label": f"the same plays, clip ε = {EPSILON}"},
    }
    exact = {"half-trained": {**TOTAL, "linewidth": 1.3}, "slides' policy": {**OLD_POLICY}}
    lines = {}
    for place, axes in enumerate((left, right)):
        quiet_grid(axes)
        for start, style in exact.items():
            run = exact_run(start)[place]
            axes.plot(range(len(run)), run, **style, label=f"exact batch, {start}")
        for name, style in styles.items():
            (lines[place, name],) = axes.plot([], [], **style)
        axes.set(xlim=(0, EPOCHS), xlabel="epoch on the same batch")
    left.axhline(exact_run("half-trained")[0][0], color=QUIET, linewidth=0.8, linestyle=":")
    left.set(ylim=(-3.2, 4.2), ylabel="true J")
    right.set(ylim=(0, 1.05), ylabel="effective share of the batch")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles[2:] + handles[:2], labels[2:] + labels[:2], loc="outside lower center", ncols=2, fontsize=8.5)
    return {"lines": lines, "left": left, "right": right}


def update_reuse(artists, *, plays, lam, sample):
    objectives = {"free": surrogate_objective, "clip": clipped}
    iterators = [sampled_run(objective, plays=plays, lam=lam, sample=sample) for objective in objectives.values()]
    runs = {name: [] for name in objectives}
    for both in zip(*iterators, strict=True):
        for name, record in zip(runs, both, strict=True):
            runs[name].append((record.expected_return, effective_share(record)))
        epoch = both[0].epoch
        if epoch % SHOW_EVERY:
            continue
        for name, run in runs.items():
            for place in range(2):
                artists["lines"][place, name].set_data(range(epoch + 1), [pair[place] for pair in run])
        free, clip = (run[-1][0] for run in runs.values())
        before, highest = runs["free"][0][0], both[0].ratio.max().item()
        shares = [f"{run[-1][1]:.0%}" for run in runs.values()]
        artists["left"].title.set_text(f"epoch {epoch}: J {free:.2f} without a leash,\n{clip:.2f} with the clip")
        artists["right"].title.set_text(f"effective: {shares[0]} without a leash,\n{shares[1]} with the clip")
        yield (
            f"{epoch} epochs on {plays} sampled plays (λ = {lam:.2f}) took the true J from {before:.2f} to {free:.2f} "
            f"without a leash, to {clip:.2f} with the clip; the largest ratio without a leash is {highest:.1f}."
        )


reuse = Picture(build_reuse, update_reuse, size=(780, 370))
