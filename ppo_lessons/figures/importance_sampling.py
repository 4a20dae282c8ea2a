"""Lesson 08 drawn: fish weighed for another lake, the price of distance, the surrogate, and a batch used too often."""

from functools import cache, partial

import numpy as np
import torch

from ppo_lessons.clip import clipped_objective
from ppo_lessons.corridor import CELLS, FLAG, PIT, SLIDES_POLICY, STATES, Corridor
from ppo_lessons.expectation import expectation
from ppo_lessons.experiments.tabular import exact_ascent, exact_batch, reuse_batch, sampled_batch
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
    quiet_grid,
)
from ppo_lessons.importance_sampling import effective_sample_size, ratio, surrogate_objective


def double(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def draw(probabilities, number, seed):
    """`number` places drawn from a table of probabilities [K]: one uniform number each, looked up in the sums.

    The uniform numbers depend on the seed only, so that a picture moves smoothly while the probabilities move.
    """
    uniform = torch.rand(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.searchsorted(probabilities.cumsum(0), uniform * probabilities.sum()).clamp(max=len(probabilities) - 1)


def with_titles(panels):
    """Titles in the size of the course; `update` changes their words alone, so that they keep it."""
    for axes in panels:
        axes.set_title(" ")


# Two lakes

FISH = ("carp", "perch", "others")
LENGTH = double(30.0, 20.0, 15.0)  # cm
LAKE_A = double(0.1, 0.4, 0.5)
CATCH = 1000


def lake_b(perch):
    """Half of lake B is carp; `perch` per cent are perch, the rest are other fish: [3]."""
    return double(0.5, perch / 100, 0.5 - perch / 100)


def fish_weights(perch):
    """p_A / p_B for each kind [3]; 0 for a kind that lake B does not have, since nobody will ever draw it there."""
    b = lake_b(perch)
    there = b > 0
    weights = torch.zeros(3, dtype=torch.float64)
    weights[there] = ratio(LAKE_A[there].log(), b[there].log())
    return weights


def running_mean(samples):
    return samples.cumsum(0) / torch.arange(1, len(samples) + 1)


def build_lakes(figure):
    left, right = panels = figure.subplots(1, 2, width_ratios=[4, 5])
    with_titles(panels)
    places = np.arange(3)
    left.bar(places - 0.2, LAKE_A.numpy(), width=0.36, color=POLICY["color"], label="lake A, asked for")
    bars = left.bar(places + 0.2, np.zeros(3), width=0.36, **OLD_BARS, label="lake B, fished")
    weights = [left.text(place, 0.56, "", ha="center", fontsize=9.5) for place in places]
    left.set(ylim=(0, 0.78), ylabel="share of the fish")
    left.set_xticks(places, [f"{name}\n{length:g} cm" for name, length in zip(FISH, LENGTH.tolist(), strict=True)])
    left.legend(loc="upper center", ncols=2, fontsize=8.5)
    quiet_grid(right)
    right.axhline(expectation(LENGTH, LAKE_A), color=POLICY["color"], linewidth=1.0)
    (plain,) = right.plot([], [], **OLD_POLICY, label="plain mean of the catch")
    (weighted,) = right.plot([], [], **RETURN, label="weighted mean")
    right.text(1000, 18.3, "truth in A: 18.5", ha="right", va="top", fontsize=8.5, color=POLICY["color"])
    right.set(xlim=(1, 1000), ylim=(0, 45), xscale="log", xlabel="fish caught in lake B", ylabel="mean length, cm")
    right.legend(loc="upper right")
    return locals()


def update_lakes(artists, *, perch, sample):
    b, weights = lake_b(perch), fish_weights(perch)
    for bar, height in zip(artists["bars"], b.tolist(), strict=True):
        bar.set_height(height)
    for label, weight, share in zip(artists["weights"], weights.tolist(), b.tolist(), strict=True):
        label.set_text(f"weight {weight:.3g}" if share > 0 else "never seen")
    caught = draw(b, CATCH, sample)
    plain, weighted = running_mean(LENGTH[caught]), running_mean((LENGTH * weights)[caught])
    number = np.arange(1, CATCH + 1)
    artists["plain"].set_data(number, plain)
    artists["weighted"].set_data(number, weighted)
    limit = expectation(LENGTH * weights, b).item()
    artists["left"].title.set_text(f"{perch}% perch in lake B")
    artists["right"].title.set_text(
        f"{CATCH} fish of B: plain {plain[-1]:.2f}, weighted {weighted[-1]:.2f};\n"
        f"in the long run the weighted mean is {limit:.2f}"
    )
    said = ", ".join(f"{name} {weight:.3g}" for name, weight in zip(FISH, weights.tolist(), strict=True))
    return (
        f"With {perch}% perch in lake B the weights are {said}. After {CATCH} fish the plain mean is "
        f"{plain[-1]:.2f} cm and the weighted mean {weighted[-1]:.2f} cm; it tends to {limit:.2f}; lake A has 18.50."
    )


lakes = Picture(build_lakes, update_lakes, size=(780, 340))


# The distance of p and q

GRID = torch.arange(-90, 91, dtype=torch.float64) / 10  # the 181 values that x can take
VALUES = GRID.exp()  # f(x)
DISTANCES = torch.arange(-60, 81, dtype=torch.float64) / 20


def bell(distance):
    """Probabilities [181] of a bell curve of width 1 around `distance`, on the grid."""
    return (-((GRID - distance) ** 2) / 2).softmax(0)


def weights_on_grid(distance):
    """p/q [181], with p around 0 and q around `distance`."""
    return ratio(bell(0.0).log(), bell(distance).log())


def exact_variance(values, probabilities):
    return expectation((values - expectation(values, probabilities)).square(), probabilities)


@cache
def price(distance):
    """Listed, not sampled: the variance of f p/q under q, and how much of n draws is effective, n large. Floats."""
    q, weights = bell(distance), weights_on_grid(distance)
    variance = exact_variance(VALUES * weights, q).item()
    return variance if variance > 1e-12 else 0.0, 1 / expectation(weights.square(), q).item()


def draws_of(distance, number, sample):
    """`number` draws of q: where they fell, their weights, and the estimate of E_p[f] that they give."""
    places = draw(bell(distance), number, sample)
    weights = weights_on_grid(distance)[places]
    return GRID[places], weights, (VALUES[places] * weights).mean().item()


def compact(number):
    """With two decimals while it is small, with separators and without decimals when it is large."""
    return f"{number:.2f}" if number < 1000 else f"{number:,.0f}"


def build_distance(figure):
    panels = figure.subplot_mosaic([["left", "top"], ["left", "bottom"]], width_ratios=[6, 5])
    left, top, bottom = panels["left"], panels["top"], panels["bottom"]
    with_titles(panels.values())
    p = bell(0.0)
    left.plot(GRID, p * 10, **POLICY, label="p: asked")
    (q,) = left.plot([], [], **OLD_POLICY, label="q: drawn")
    best = VALUES * p
    left.plot(GRID, 10 * best / best.sum(), **RETURN, linewidth=1.0, label="shape of f p: best q")
    (marks,) = left.plot([], [], "|", color="black", markersize=9, markeredgewidth=0.7)
    (heavy,) = left.plot([], [], "o", color=BIAS["color"], markersize=7)
    note = left.text(0, -0.115, "", fontsize=8.5, color=BIAS["color"], ha="center", va="top")
    left.set(xlim=(-6.6, 7.6), ylim=(-0.2, 0.62), xlabel="x", ylabel="density", yticks=[0, 0.2, 0.4])
    left.legend(loc="upper center", ncols=3, fontsize=8.5, columnspacing=1.0, handlelength=1.6)
    listed = [price(d) for d in DISTANCES.tolist()]
    quiet_grid(top)
    top.plot(DISTANCES, [max(variance, 1e-3) for variance, _ in listed], **VARIANCE)
    top.axhline(price(0.0)[0], color=POLICY["color"], linewidth=1.0)
    top.text(-3, 2.6, "drawn from p itself", ha="left", va="top", fontsize=8, color=POLICY["color"])
    (dot,) = top.plot([], [], "o", color=VARIANCE["color"], markersize=7, clip_on=False)
    top.set(xlim=(-3.1, 4.1), ylim=(1e-2, 1e8), yscale="log", ylabel="variance")
    top.set_yticks([1e-2, 1e2, 1e6])
    quiet_grid(bottom)
    bottom.plot(DISTANCES, [share for _, share in listed], **TOTAL)
    (measured,) = bottom.plot([], [], "o", color=BIAS["color"], markersize=7, clip_on=False)
    bottom.set(xlim=(-3.1, 4.1), ylim=(0, 1.05), ylabel="effective share", xlabel="distance: centre of q − centre of p")
    return locals()


def update_distance(artists, *, distance, number, sample):
    artists["q"].set_data(GRID, bell(distance) * 10)
    x, weights, estimate = draws_of(distance, number, sample)
    variance, share = price(distance)
    effective = effective_sample_size(weights).item()
    largest = int(weights.argmax())
    part = (weights[largest] / weights.sum()).item()
    artists["marks"].set_data(x, np.full(number, -0.04))
    artists["heavy"].set_data([x[largest]], [-0.085])
    artists["note"].set_text(f"this draw has {100 * part:.0f}% of all weight")
    artists["note"].set_x(min(max(x[largest].item(), -3.6), 4.6))
    artists["dot"].set_data([distance], [max(variance, 1e-2)])
    artists["measured"].set_data([distance], [effective / number])
    truth = expectation(VALUES, bell(0.0)).item()
    long_run = f"{share:.2%}" if share > 1e-4 else "less than 0.01%"
    artists["left"].title.set_text(f"{number} draws of q say {estimate:.2f}, the truth is {truth:.2f}")
    artists["top"].title.set_text(f"variance of one f p/q: {compact(variance)}")
    artists["bottom"].title.set_text(f"effective: {effective:.0f} of {number} draws")
    return (
        f"At distance {distance:+.2f} one weighted draw has variance {compact(variance)}, a draw of p itself "
        f"{compact(price(0.0)[0])}. {number} draws estimate {estimate:.3f} (truth {truth:.3f}); they are worth "
        f"{effective:.1f} equally weighted draws, in the long run {long_run}."
    )


distance = Picture(build_distance, update_distance, size=(780, 380))


# The surrogate beside the truth

STARTS = ("slides' policy", "half-trained")
SIZES = torch.linspace(0, 20, 81, dtype=torch.float64)
ACTING = [cell for cell in range(CELLS) if cell not in (PIT, FLAG)]


@cache
def policies():
    """Where the pictures start: the slides' policy, and what ten exact ascent steps of size 1 make of it."""
    world = Corridor()
    slides = world.policy(SLIDES_POLICY)
    *_, half = exact_ascent(world, slides, updates=10, step_size=1.0)
    return dict(zip(STARTS, (slides, half.logits), strict=True))


def gains(world, old, new):
    """What pi' = `new` gains over pi = `old`, three times: floats.

    J(new) - J(old) itself; the sum of A_pi over the states of the new policy; the same over the states of the old.
    """
    values, action_values = world.tables(old, gamma=1.0)
    expected = (new.softmax(-1) * (action_values - values[:-1, :STATES, None])).sum(-1)  # [T, 12]
    true = world.start_value(new) - world.start_value(old)
    return true, (world.visits(new) * expected).sum().item(), (world.visits(old) * expected).sum().item()


@cache
def along_the_gradient(start):
    """The gradient of J at the policy named `start`, and for each of `SIZES` what one step of that size along it
    gains: in truth, and by the surrogate. [12, 3] and [81, 2]"""
    world, old = Corridor(), policies()[start]
    gradient = world.gradient(old)
    found = [gains(world, old, old + size * gradient) for size in SIZES]
    return gradient, np.array([(true, promised) for true, _, promised in found])


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
    return locals()


def update_surrogate(artists, *, size, start):
    world, before = Corridor(), policies()[start]
    gradient, curve = along_the_gradient(start)
    after = before + size * gradient
    true, _, promised = gains(world, before, after)
    artists["true"].set_data(SIZES, curve[:, 0])
    artists["promised"].set_data(SIZES, curve[:, 1])
    artists["tangent"].set_data([0, 20], [0, 20 * gradient.square().sum().item()])
    artists["dots"].set_data([size, size], [true, promised])
    if artists["left"].get_ylim()[1] != 1.15 * curve.max():
        artists["left"].set_ylim(0, 1.15 * curve.max())
    for name, logits in (("old", before), ("new", after)):
        steps = world.visits(logits).sum(0).reshape(2, CELLS).sum(0)[ACTING]
        for bar, height in zip(artists[name], steps.tolist(), strict=True):
            bar.set_height(height)
    artists["left"].title.set_text(f"step {size:.2f}: true gain {true:.3f}, surrogate {promised:.3f}")
    artists["right"].title.set_text("The surrogate counts the gray states")
    return (
        f"One step of size {size:.2f}, start {start}: J gains {true:.4f} in truth; the surrogate, with the states of "
        f"the old policy, says {promised:.4f}."
    )


surrogate = Picture(build_surrogate, update_surrogate, size=(780, 350))


# One batch, used 200 times

EPOCHS, STEP_SIZE, EPSILON, SHOW_EVERY = 200, 1.0, 0.2, 10


def clipped(logp, old_logp, advantages):
    """The leash of lesson 10, in the form that `reuse_batch` takes."""
    return clipped_objective(logp, old_logp, advantages, epsilon=EPSILON).objective


def effective_share(record):
    """Effective sample size over sample size, where each step of the batch counts with its share. A float."""
    return ((record.share * record.ratio).sum() ** 2 / (record.share * record.ratio.square()).sum()).item()


climb = partial(reuse_batch, epochs=EPOCHS, step_size=STEP_SIZE)


def sampled_run(objective, *, plays, lam, sample):
    """`EPOCHS` epochs on one batch of sampled plays, from the half-trained policy: an iterator of `ReuseRecord`."""
    world, start = Corridor(), policies()["half-trained"]
    return climb(world, start, objective, sampled_batch(world, start, plays=plays, lam=lam, seed=sample))


@cache
def exact_run(start):
    """The same with the exact batch of the policy named `start`, without a leash: J and the effective share, [201]."""
    world, logits = Corridor(), policies()[start]
    records = climb(world, logits, surrogate_objective, exact_batch(world, logits))
    found = [(record.expected_return, effective_share(record)) for record in records]
    return tuple(np.array(found).T)


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
        highest, mean = both[0].ratio.max().item(), both[0].ratio.mean().item()
        artists["left"].title.set_text(
            f"epoch {epoch}: J = {free:.2f} without a leash,\n{clip:.2f} with the clip; it was {runs['free'][0][0]:.2f}"
        )
        artists["right"].title.set_text(
            f"effective: {100 * runs['free'][-1][1]:.0f}% without a leash, {100 * runs['clip'][-1][1]:.0f}% with;\n"
            f"ratio without: mean {mean:.2f}, largest {highest:.1f}"
        )
        yield (
            f"After {epoch} epochs on {plays} sampled plays (λ = {lam:.2f}) the true J is {free:.3f} without a leash "
            f"and {clip:.3f} with the clip, from {runs['free'][0][0]:.3f}. Without a leash the largest ratio is "
            f"{highest:.2f}, the mean ratio {mean:.2f}, the effective share {runs['free'][-1][1]:.2f}. "
            f"The exact batch has J = {exact_run(STARTS[1])[0][epoch]:.3f} from the half-trained policy and "
            f"{exact_run(STARTS[0])[0][epoch]:.3f} from the slides' policy."
        )


reuse = Picture(build_reuse, update_reuse, size=(780, 370))


def many_runs(objective, *, plays, lam, samples):
    """J at the end of `EPOCHS` epochs, for each of the samples 0 .. `samples` - 1, in order of size: floats."""
    ends = []
    for sample in range(samples):
        *_, last = sampled_run(objective, plays=plays, lam=lam, sample=sample)
        ends.append(last.expected_return)
    return sorted(ends)


def whole_trajectory_weights(world, old, new):
    """Product of the ratios of all steps of each listed play [K]; the environment's part cancels."""
    rho = ratio(world.log_probabilities(new), world.log_probabilities(old))  # 1 after the end
    return rho.prod(0)
