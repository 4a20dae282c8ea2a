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

STYLES = ["-", "--", "-.", ":", (0, (1, 1))]
PANELS = [  # field of the record, title, line, limits
    ("mean_return", "return of the episodes that ended", RETURN, (0, 520)),
    ("kl", "KL(old‖new) of one update", POLICY, (0, 0.08)),
    ("clip_fraction", "share of ratios outside the band", CLIPPED, (0, 0.5)),
    ("entropy", "entropy of the policy", ADVANTAGE, (0, 0.75)),
    ("value_loss", "value loss", VALUE, (1e-6, 1e4)),
    ("explained_variance", "explained variance of the critic", VARIANCE, (-1.05, 1.05)),
]


def build_curves(figure):
    lines, panels = {}, {}
    for axes, (name, title, line, limits) in zip(figure.subplots(2, 3).flat, PANELS, strict=True):
        quiet_grid(axes)
        (lines[name],) = axes.plot([], [], **{**line, "linestyle": "-"})
        axes.set(ylim=limits)
        axes.set_title(title, fontsize=9.5)
        panels[name] = axes
    panels["value_loss"].set_yscale("log")
    for axes in list(panels.values())[3:]:
        axes.set_xlabel("environment steps / 1000")
    band = panels["mean_return"].fill_between([], [], [], color=RETURN["color"], alpha=0.2, linewidth=0)
    return {"lines": lines, "panels": panels, "band": band}


def update_curves(artists, *, records, config):
    steps = np.array([record.env_steps / 1000 for record in records])
    for name, axes in artists["panels"].items():
        if axes.get_xlim()[1] != config.updates * config.batch_size / 1000:
            axes.set_xlim(0, config.updates * config.batch_size / 1000)
        values = np.array([getattr(record, name) for record in records])
        known = np.isfinite(values)
        low, high = axes.get_ylim()
        if known.any() and values[known].max() > high:
            axes.set_ylim(low, values[known].max() * 1.05)
        artists["lines"][name].set_data(steps[known], np.clip(values[known], low, None))
    mean = np.array([record.mean_return for record in records])
    error = np.array([record.return_standard_error for record in records])
    known = np.isfinite(mean) & np.isfinite(error)
    artists["band"].set_data(steps[known], (mean - error)[known], (mean + error)[known])
    if not records:
        return "Training has not begun."
    last = records[-1]
    return (
        f"After {last.env_steps} environment steps: mean return {last.mean_return:.1f}, KL {last.kl:.4f}, clip "
        f"fraction {last.clip_fraction:.3f}, entropy {last.entropy:.3f}, value loss {last.value_loss:.3g}, "
        f"explained variance {last.explained_variance:.3f}."
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
            line = {"color": RETURN["color"], "linestyle": STYLES[seed % len(STYLES)], "linewidth": 1.3}
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


def gpu_run(record):
    """Steps a second on a GPU against the number of games, plain, captured and beside a peer: a `Picture`."""
    lines = {"ours, plain": OLD_POLICY, "ours, captured": RETURN, "rejax": VARIANCE}
    games = [int(number) for number in record["speed"]]
    rates = {
        name: [row[name]["steps_per_second"] if name in row else None for row in record["speed"].values()]
        for name in lines
    }
    known = {
        name: [(n, rate) for n, rate in zip(games, column, strict=True) if rate is not None]
        for name, column in rates.items()
    }

    def build(figure):
        axes = figure.subplots()
        quiet_grid(axes)
        for name, points in known.items():
            if points:
                axes.plot(*zip(*points, strict=True), **lines[name], marker="o", markersize=4.5, label=name)
        axes.set(xscale="log", yscale="log", xlabel="games side by side", ylabel="environment steps a second")
        axes.set_xticks(games, [f"{number:,}" for number in games])
        axes.minorticks_off()
        axes.legend()
        axes.set_title(f"{record['gpu']}, {record['date']}", fontsize=9.5)

    best = {name: max(points, key=lambda point: point[1]) for name, points in known.items() if points}
    words = ", ".join(f"{name} {rate:,.0f} steps a second with {n:,} games" for name, (n, rate) in best.items())
    return Picture(build, lambda artists: f"On one {record['gpu']}, {record['date']}, at best: {words}.")


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


def watch(artists, config, name):
    """Train, and move the curves after each update; the run before stays in grey. Yields a sentence each time."""
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


def update_retrain(artists, *, objective, lam, epsilon, beta, seed):
    config = experiments.retraining(objective=objective, lam=lam, epsilon=epsilon, beta=beta, seed=seed)
    leash = f"ε = {epsilon:.2f}" if objective == "clip" else f"β = {beta:.2f}"
    yield from watch(artists, config, f"{objective}, {leash}, λ = {lam:.2f}, seed {seed}")


def update_rung(artists, *, algorithm, budget, seed):
    config = experiments.rung(algorithm=algorithm, budget=budget, seed=seed)
    yield from watch(artists, config, f"{algorithm}, seed {seed}")


retrain = Picture(build_retrain, update_retrain, size=(820, 340))
rung = Picture(build_retrain, update_rung, size=(820, 340))


def film(before, after, *, every=3, longest=300, colors=32):
    """Both runs side by side as an animated PNG (bytes): half size, every third frame, few colours.

    The run that ends first keeps its last frame. One palette for all frames, so that only what moves is stored again.
    """
    length = min(max(len(before), len(after)), longest)
    frames = []
    for i in range(0, length, every):
        pair = [Image.fromarray(run[min(i, len(run) - 1)]) for run in (before, after)]
        pair = [image.resize((image.width // 2, image.height // 2)) for image in pair]
        frame = Image.new("RGB", (sum(image.width for image in pair) + 8, pair[0].height), GRID)
        frame.paste(pair[0], (0, 0))
        frame.paste(pair[1], (pair[0].width + 8, 0))
        draw = ImageDraw.Draw(frame)
        for title, run, left in (("before", before, 0), ("after", after, pair[0].width + 8)):
            words = f"{title}: step {min(i, len(run) - 1)}" + (" (over)" if i >= len(run) - 1 else "")
            draw.text((left + 8, 6), words, fill=TOTAL["color"], font_size=14)
        palette = frames[0] if frames else frame.quantize(colors)
        frames.append(frame.quantize(palette=palette, dither=Image.Dither.NONE))
    file = io.BytesIO()
    frames[0].save(file, "png", save_all=True, append_images=frames[1:], duration=20 * every, loop=0)
    return file.getvalue()
