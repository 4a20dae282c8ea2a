"""Lesson 01 drawn: one mean of an exam, many means, and the mean return of the Corridor."""

import numpy as np

from ppo_lessons.expectation import standard_error
from ppo_lessons.experiments.expectation import (
    EXAMS,
    HIGH,
    LONGEST,
    LOW,
    MOST_PLAYS,
    POLICIES,
    STUDENTS,
    band,
    distribution,
    exact_error,
    exams,
    mean_and_variance,
    moments,
    running_means,
    sampled_returns,
    share_between,
    share_inside,
    share_of,
    students,
)
from ppo_lessons.figures.style import RETURN, TOTAL, VARIANCE, Picture, label_bars, move_bars, quiet_grid

DRAWN = 25  # so many of the students' means are drawn as lines


def build_mean(axes, longest, unit):
    """Running mean of one sample with the band of its exact standard error: what `exam` and `returns` share."""
    quiet_grid(axes)
    shade = axes.fill_between([1, longest], [0, 0], [0, 0], color=VARIANCE["color"], alpha=0.25, linewidth=0)
    (curve,) = axes.plot([], [], **RETURN)
    truth = axes.axhline(0, color=TOTAL["color"], linewidth=1.0)
    here = axes.axvline(1, color=RETURN["color"], linewidth=1.0, linestyle="--")
    (dot,) = axes.plot([], [], "o", color=RETURN["color"], markersize=7, clip_on=False)
    axes.set(xscale="log", xlim=(1, longest), ylabel=unit)
    handles = [curve, truth, shade]
    axes.figure.legend(
        handles, ["mean of the sample", "expectation", "± standard error"], loc="outside lower center", ncols=3
    )
    return {"axes": axes, "shade": shade, "curve": curve, "truth": truth, "here": here, "dot": dot}


def update_mean(artists, samples, n, mean, variance):
    """Move what `build_mean` drew to these samples, and return the mean of the first n of them."""
    count = np.arange(1, len(samples) + 1)
    means = running_means(samples).numpy()
    artists["shade"].set_data(count, *band(mean, variance, count))
    artists["curve"].set_data(count, means)
    artists["truth"].set_ydata([mean, mean])
    artists["here"].set_xdata([n, n])
    artists["dot"].set_data([n], [means[n - 1]])
    return means[n - 1]


def where(off, reach):
    """Is a mean that is so far off inside the band of its standard error, or outside?"""
    return "inside the band" if abs(off) <= reach + 1e-9 else "outside the band"


def build_exam(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar([0, 1], [0, 0], width=0.55, color=RETURN["color"], alpha=0.8)
    chances = left.hlines([0, 0], [-0.38, 0.62], [0.38, 1.38], color=TOTAL["color"], linewidth=2.0)
    labels = label_bars(bars, va="bottom", fontsize=8.5)
    left.set(xlim=(-0.6, 1.6), ylim=(0, 1.15), ylabel="bar: share seen, line: probability")
    left.set_xticks([0, 1], [f"mark {LOW:.0f}", f"mark {HIGH:.0f}"])
    artists = build_mean(right, LONGEST, "mean mark")
    right.set(ylim=(LOW - 0.7, HIGH + 0.7), xlabel="number of exams n (logarithmic)")
    return {"left": left, "bars": bars, "labels": labels, "chances": chances, **artists}


def update_exam(artists, *, n, p, sample):
    mean, variance = moments(p)
    marks = exams(p, sample, LONGEST)
    seen = share_of(marks[:n], [HIGH]).item()
    move_bars(artists["bars"], (1 - seen, seen))
    for label, share, chance in zip(artists["labels"], (1 - seen, seen), (1 - p, p), strict=True):
        label.set_y(max(share, chance) + 0.02)  # above the bar and the line
        label.set_text(f"{share:.2f}")
    artists["chances"].set_segments([[(x - 0.38, y), (x + 0.38, y)] for x, y in ((0, 1 - p), (1, p))])
    now = update_mean(artists, marks, n, mean, variance)
    true_error, guessed = exact_error(variance, n), standard_error(marks[:n]).item()
    artists["left"].set_title(f"P({HIGH:.0f}) = {p:.2f}, seen in {seen:.0%} of {n}")
    artists["axes"].set_title(f"n = {n}: mean {now:.2f}, expectation {mean:.2f},\nstandard error {true_error:.2f}")
    return (
        f"With P(90) = {p:.2f} the mean of {n} exams of sample {sample} lies {where(now - mean, true_error)} "
        f"± {true_error:.3f}; from this sample alone one would guess ± {guessed:.3f}."
    )


exam = Picture(build_exam, update_exam, size=(760, 350))


def build_again(figure):
    left, right = figure.subplots(1, 2, width_ratios=[3, 2], sharey=True)
    count = np.arange(1, EXAMS + 1)
    quiet_grid(left)
    shades = [
        axes.fill_between([0, EXAMS], [0, 0], [0, 0], color=VARIANCE["color"], alpha=0.3, linewidth=0)
        for axes in (left, left, right)
    ]
    thin = {"color": RETURN["color"], "linewidth": 0.6, "alpha": 0.75, "gid": "groups"}
    lines = [left.plot(count, count, **thin)[0] for _ in range(DRAWN)]
    here = left.axvline(1, color=TOTAL["color"], linewidth=1.2)
    left.set(xlim=(1, EXAMS), ylim=(LOW - 0.4, HIGH + 0.4), ylabel="mean mark", xlabel="number of exams n")
    bins = np.arange(LOW - 0.125, HIGH + 0.25, 0.25)
    bars = right.barh(bins[:-1] + 0.125, np.zeros(len(bins) - 1), height=0.22, color=RETURN["color"])
    right.set(xlim=(0, 1.0), xlabel=f"share of {STUDENTS:,} students with this mean")
    return {"left": left, "right": right, "shades": shades, "lines": lines, "here": here, "bins": bins, "bars": bars}


def update_again(artists, *, n, p):
    mean, variance = moments(p)
    means = students(p)
    count = np.arange(1, EXAMS + 1)
    one, two, beside = artists["shades"]
    one.set_data(count, *band(mean, variance, count))
    two.set_data(count, *band(mean, 4 * variance, count))
    reach = exact_error(variance, n)
    beside.set_data([0, 1], [mean - reach] * 2, [mean + reach] * 2)
    for line, curve in zip(artists["lines"], means.T[:DRAWN], strict=True):
        line.set_ydata(curve)
    artists["here"].set_xdata([n, n])
    for bar, share in zip(artists["bars"], share_between(means[n - 1], artists["bins"]), strict=True):
        bar.set_width(share)
    inside = [share_inside(means[n - 1], mean, k * reach) for k in (1, 2)]
    spread = means[n - 1].std(correction=0).item()
    artists["left"].set_title(
        f"{DRAWN} students: the means close in on {mean:.2f}\n(bands: ± 1 and ± 2 standard errors)"
    )
    artists["right"].set_title(f"n = {n}: means spread by {spread:.2f},\nstandard error {reach:.2f}")
    return (
        f"n = {n}, P(90) = {p:.2f}: {inside[0]:.0%} of the students' means lie within one standard error of "
        f"the expectation, {inside[1]:.0%} within two."
    )


again = Picture(build_again, update_again, size=(780, 350))


def build_returns(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    returns, _ = distribution(next(iter(POLICIES)))
    places = range(len(returns))
    bars = left.bar(places, np.zeros(len(returns)), width=0.6, color=RETURN["color"], alpha=0.8)
    chances = left.hlines(np.zeros(len(returns)), 0, 0, color=TOTAL["color"], linewidth=2.0)
    left.set(xlim=(-0.7, len(returns) - 0.3), ylim=(0, 1.04), xlabel="return R of a play")
    left.set_ylabel("bar: share seen, line: probability")
    left.set_xticks(places, [f"{value:+.0f}".replace("+0", "0").replace("-", "−") for value in returns.tolist()])
    artists = build_mean(right, MOST_PLAYS, "mean return")
    right.set(ylim=(-7.5, 8.5), xlabel="number of plays N (logarithmic)")
    return {"left": left, "bars": bars, "chances": chances, **artists}


def update_returns(artists, *, plays, policy, sample):
    returns, chances = distribution(policy)
    drawn = sampled_returns(policy, sample)
    mean, variance = mean_and_variance(returns, chances)
    move_bars(artists["bars"], share_of(drawn[:plays], returns))
    artists["chances"].set_segments([[(x - 0.42, y), (x + 0.42, y)] for x, y in enumerate(chances.tolist())])
    now = update_mean(artists, drawn, plays, mean, variance)
    reach, guessed = exact_error(variance, plays), standard_error(drawn[:plays]).item()
    artists["left"].set_title(f"J = {mean:.3f} is the\nreturn of no play")
    artists["axes"].set_title(f"N = {plays}: mean {now:.2f}, exact J {mean:.3f},\nstandard error {reach:.2f}")
    return (
        f"Policy {policy}: the mean of the {plays} plays of sample {sample} lies {where(now - mean, reach)} "
        f"± {reach:.2f}; from this sample alone one would guess ± {guessed:.2f}."
    )


returns = Picture(build_returns, update_returns, size=(760, 350))
