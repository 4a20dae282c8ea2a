"""Lesson 12 drawn: the curves of a run, several seeds against a verdict, retraining, and the film of the agent."""

import io
import math

import numpy as np
from PIL import Image, ImageDraw

from ppo_lessons.experiments import ppo as experiments
from ppo_lessons.experiments.ppo import SOLVED
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    CLIPPED,
    GRID,
    OF_SEEDS,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VALUE,
    VARIANCE,
    Picture,
    quiet_grid,
)
from ppo_lessons.ppo import train

WIDEST, STRIP = 400, 24  # pixels of a film: wider pictures are halved; the words above them
PAUSE = 20  # steps for which the shorter run of a film stands at its end before it begins anew


def around(values):
    """Limits that hold 0 and all of these numbers: a game may pay −1300, and the entropy of a density may be negative.

    The ends are multiples of half a power of ten, so that the axis stays where it is for many updates.
    """

    def beyond(end):
        if end == 0:
            return 0.0
        unit = 10 ** math.floor(math.log10(abs(end))) / 2
        return math.copysign(math.ceil(1.04 * abs(end) / unit) * unit, end)

    low, high = beyond(min(values.min(), 0)), beyond(max(values.max(), 0))
    return (low, high) if low < high else (0.0, 1.0)


def decades(values):
    """Limits in whole powers of ten, for an axis with a logarithmic scale."""
    known = values[values > 0]
    if not known.size:
        return 0.1, 10.0
    low, high = (math.log10(end) for end in (known.min(), known.max()))
    return 10.0 ** math.floor(low), 10.0 ** (math.floor(high) + 1)


def fixed(values):
    """The explained variance is at most 1; below −1 it says no more than that the critic is useless."""
    return -1.05, 1.05


PANELS = [  # field of the record, title, line, limits from the values so far
    ("mean_return", "return of the episodes that ended", RETURN, around),
    ("kl", "KL(old‖new) of one update", POLICY, around),
    ("clip_fraction", "share of ratios outside the band", CLIPPED, around),
    ("entropy", "entropy of the policy in nats", ADVANTAGE, around),
    ("value_loss", "value loss", VALUE, decades),
    ("explained_variance", "explained variance of the critic", VARIANCE, fixed),
]


def build_curves(figure):
    figure.get_layout_engine().set(w_pad=0.17)  # inches beside each panel: its numbers may get longer, as −1500
    lines, panels = {}, {}
    for axes, (name, title, line, _) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        quiet_grid(axes)
        (lines[name],) = axes.plot([], [], **{**line, "linestyle": "-"})
        axes.set_title(title, fontsize=9.5)
        panels[name] = axes
    panels["value_loss"].set_yscale("log")
    for axes in list(panels.values())[3:]:
        axes.set_xlabel("environment steps / 1000")
    band = panels["mean_return"].fill_between([], [], [], color=RETURN["color"], alpha=0.2, linewidth=0)
    return {"lines": lines, "panels": panels, "band": band}


def update_curves(artists, *, records, config):
    steps = np.array([record.env_steps / 1000 for record in records])
    for name, _, _, limits in PANELS:
        axes = artists["panels"][name]
        if axes.get_xlim()[1] != config.updates * config.batch_size / 1000:
            axes.set_xlim(0, config.updates * config.batch_size / 1000)
        values = np.array([getattr(record, name) for record in records])
        known = np.isfinite(values)
        low, high = limits(values[known]) if known.any() else axes.get_ylim()
        if axes.get_ylim() != (low, high):
            axes.set_ylim(low, high)
        artists["lines"][name].set_data(steps[known], np.clip(values[known], low, None))
    mean = np.array([record.mean_return for record in records])
    error = np.array([record.return_standard_error for record in records])
    known = np.isfinite(mean) & np.isfinite(error)
    artists["band"].set_data(steps[known], (mean - error)[known], (mean + error)[known])
    if not records:
        return "Training has not begun."
    last = records[-1]
    ended = mean[np.isfinite(mean)]
    paid = f"went from {ended[0]:.1f} to {ended[-1]:.1f}" if len(ended) else "is not known yet"
    return (
        f"After {last.env_steps} environment steps the mean return {paid}; the last update moved the policy by a KL "
        f"of {last.kl:.4f}, and the critic explains {last.explained_variance:.2f} of the variance of its targets."
    )


curves = Picture(build_curves, update_curves, size=(860, 400))


def seeds(runs, scores, published):
    """All seeds of one setting, and how they compare: a `Picture` without controls.

    Args:
        runs: one list of records for each seed.
        scores: for each seed the mean return of greedy episodes after training.
        published: what others report: name -> (mean, spread).
    """

    def build(figure):
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        quiet_grid(left)
        left.set(xlabel="environment steps / 1000", ylabel="return while training (sampled)", ylim=(0, 520))
        for seed, run in enumerate(runs):
            known = [(r.env_steps / 1000, r.mean_return) for r in run if math.isfinite(r.mean_return)]
            line = {"color": RETURN["color"], "linestyle": OF_SEEDS[seed % len(OF_SEEDS)], "linewidth": 1.3}
            left.plot(*zip(*known, strict=True), **line, label=f"seed {seed}")
        left.legend(loc="lower right")
        left.set_title("every seed, not the best one")
        names = [f"ours, seed {seed}, greedy" for seed in range(len(scores))] + list(published)
        means = [*scores, *(mean for mean, _ in published.values())]
        spreads = [0.0] * len(scores) + [spread for _, spread in published.values()]
        places = range(len(names))[::-1]
        colors = [RETURN["color"]] * len(scores) + [QUIET] * len(published)
        right.barh(places, means, xerr=spreads, color=colors, height=0.6, error_kw={"lw": 1.2, "capsize": 3})
        right.set(xlabel="mean return", xlim=(0, 540), ylim=(-0.6, len(names) - 0.4))
        right.set_yticks(places, names)
        right.axvline(SOLVED, color=BIAS["color"], linewidth=1.2, linestyle="--")
        right.set_title(f"{solved} of {len(scores)} seeds solved ({SOLVED})")

    solved = experiments.solved(scores)
    words = f"{solved} of {len(scores)} seeds reach a greedy mean of {SOLVED}; the lowest is {min(scores):.1f}."
    return Picture(build, lambda artists: words, size=(860, 340))


def build_retrain(figure):
    left, right = figure.subplots(1, 2)
    quiet_grid(left)
    quiet_grid(right)
    (before,) = left.plot([], [], **OLD_POLICY, label="the setting before")
    (now,) = left.plot([], [], **RETURN, label="this setting")
    (kl_before,) = right.plot([], [], **OLD_POLICY)
    (kl,) = right.plot([], [], **POLICY)
    left.set(ylim=(0, 620), xlabel="environment steps / 1000", ylabel="return (sampled)")
    left.set_yticks(range(0, 501, 100))
    left.legend(loc="upper left", ncols=2)
    right.set(ylim=(1e-5, 10), yscale="log", xlabel="environment steps / 1000", ylabel="KL(old‖new)")
    return {"left": left, "right": right, "before": before, "now": now, "kl_before": kl_before, "kl": kl}


def update_retrain(artists, *, objective, lam, epsilon, beta, seed):
    """Train, and move the curves after each update; the run before stays in grey. Yields a sentence each time."""
    config = experiments.retraining(objective=objective, lam=lam, epsilon=epsilon, beta=beta, seed=seed)
    leash = f"ε = {epsilon:.2f}" if objective == "clip" else f"β = {beta:.2f}"
    name = f"{objective}, {leash}, λ = {lam:.2f}, seed {seed}"
    for old, new in (("before", "now"), ("kl_before", "kl")):
        artists[old].set_data(*artists[new].get_data())
    for axes in (artists["left"], artists["right"]):
        if axes.get_xlim()[1] != config.total_steps / 1000:
            axes.set_xlim(0, config.total_steps / 1000)
    returns, moved = [], []
    for record in train(config):
        if math.isfinite(record.mean_return):
            returns.append((record.env_steps / 1000, record.mean_return))
        if math.isfinite(record.kl):
            moved.append((record.env_steps / 1000, max(record.kl, 1.5e-5)))
        artists["now"].set_data(*np.array(returns).reshape(-1, 2).T)
        artists["kl"].set_data(*np.array(moved).reshape(-1, 2).T)
        last = f"{returns[-1][1]:.1f}" if returns else "not known yet"
        artists["left"].set_title(f"{name}: return {last}")
        artists["right"].set_title(f"step {record.env_steps:,}: KL {moved[-1][1] if moved else 0:.4f}")
        yield f"{name}: after {record.env_steps} of {config.total_steps} steps the mean return is {last}."


only_with = {"epsilon": ("objective", "clip"), "beta": ("objective", "penalty")}
retrain = Picture(build_retrain, update_retrain, size=(820, 340), needs=only_with)


def film(before, after, *, steps=None, milliseconds=20, largest=100_000):
    """Both runs side by side as an animated PNG (bytes): few colours, and twelve frames a second at most.

    The longer run is shown to its end, and stands for two seconds before all begins again. The shorter one is played
    anew, soon after its end, as often as it fits whole. A film of more than `largest` bytes gets fewer frames.

    Args:
        before, after: lists of RGB arrays [H, W, 3].
        steps: how many are shown, if not all of the longer run.
        milliseconds: that a step lasts; from 80 on every step has its frame.
    """
    for every in sorted({max(1, apart // milliseconds) for apart in (80, 120, 180, 280, 400)}):
        file = animate(before, after, every, steps=steps, milliseconds=milliseconds)
        if len(file) <= largest:
            break
    return file


def animate(before, after, every, *, steps=None, milliseconds=20):
    """The film with every so many frames. One palette for all, so that only what moves is stored again."""
    length = max(len(before), len(after))
    length = length if steps is None else min(length, steps + 1)
    moments = [*range(0, length - 1, every), length - 1]
    frames = []
    for moment in moments:
        pair = [part_of_film(*run, moment, length) for run in ((before, "before"), (after, "after"))]
        frame = Image.new("RGB", (sum(image.width for image in pair) + 8, pair[0].height), GRID)
        frame.paste(pair[0], (0, 0))
        frame.paste(pair[1], (pair[0].width + 8, 0))
        frames.append(frame)
    few = frames[:: max(1, len(frames) // 4)]
    sheet = Image.fromarray(np.concatenate([np.asarray(frame) for frame in few]))
    palette = sheet.quantize(16, Image.Quantize.MAXCOVERAGE)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    times = [milliseconds * every] * len(others) + [2000]
    first.save(file, "png", save_all=True, append_images=others, duration=times, loop=0, compress_level=9)
    return file.getvalue()


def part_of_film(run, title, moment, length):
    """What one run shows at a moment of a film of `length` steps: words, and below them an image."""
    period = len(run) + PAUSE
    tries = max(1, (length + PAUSE) // period)
    number = min(moment // period, tries - 1)
    step = min(moment - number * period, len(run) - 1)
    image = Image.fromarray(run[step])
    image = image.reduce(2) if image.width > WIDEST else image
    again = f", try {number + 1}" if tries > 1 else ""
    words = f"{title}{again}: step {step}" + (" (end)" if step == len(run) - 1 else "")
    titled = Image.new("RGB", (image.width, image.height + STRIP), "white")
    titled.paste(image, (0, STRIP))
    ImageDraw.Draw(titled).text((4, 4), words, fill=TOTAL["color"], font_size=13)
    return titled
