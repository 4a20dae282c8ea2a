"""Lesson 13 drawn: what each detail does, a detail tried while one looks, and three ways to fail."""

import math

import numpy as np
import torch

from ppo_lessons import data
from ppo_lessons.experiments import details as experiments
from ppo_lessons.experiments.details import FAILURES, LINE, LIVE, REMEDIES, RUNS, UPDATES
from ppo_lessons.figures.style import BIAS, GRID, OLD_POLICY, POLICY, QUIET, RETURN, TOTAL, Picture, quiet_grid

VERDICTS = {  # how an effect is drawn: what its interval says -> marker, colour, and line of the interval
    "better": (">", RETURN["color"], {"linewidth": 1.8}),
    "worse": ("<", BIAS["color"], {"linewidth": 1.8, "linestyle": (0, (3, 0.6))}),
    "undecided": ("|", QUIET, {"linewidth": 1.0}),
}


def effects(record=None):
    """All details of all games as differences to the default, with intervals: a `Picture`, sorted by one of the games.

    Args:
        record: what `experiments.details.measure` returned; None for the one in the package.
    """
    record = record or data.load("details")
    games = list(record["games"])
    names = list(dict.fromkeys(name for game in record["games"].values() for name in game["switches"]))

    def build(figure):
        panels = figure.subplots(1, len(games), sharey=True, squeeze=False)[0]
        artists = {}
        for panel, game in zip(panels, games, strict=True):
            panel.grid(axis="x", color=GRID, linewidth=0.7)
            panel.axvline(0, color=TOTAL["color"], linewidth=0.8)
            panel.set_xlabel("difference in return", fontsize=8)
            panel.tick_params(axis="x", labelsize=7.5)
            panel.tick_params(axis="y", length=0)
            panel.set_title(game, fontsize=9.5)
            lines = {}
            for verdict, (marker, color, line) in VERDICTS.items():
                (interval,) = panel.plot([], [], color=color, **line, gid=verdict)
                (mean,) = panel.plot([], [], marker, color=color, markersize=6, gid=verdict)
                lines[verdict] = interval, mean
            artists[game] = panel, lines
        panels[0].set(ylim=(-0.7, len(names) - 0.3))
        panels[0].tick_params(axis="y", labelsize=8)
        panels[0].set_yticks(range(len(names)), names)
        return artists

    def update(artists, *, game, measure):
        found = {game: {e.name: e for e in experiments.effects(game, measure, record)} for game in games}
        order = sorted(names, key=lambda name: found[game][name].difference if name in found[game] else -math.inf)
        next(iter(artists.values()))[0].set_yticks(range(len(names)), order)
        for other, (panel, lines) in artists.items():
            ends = [end for effect in found[other].values() for end in (effect.low, effect.high)]
            margin = 0.06 * (max(ends) - min(ends))
            panel.set_xlim(min(0, *ends) - margin, max(0, *ends) + margin)
            for verdict, (interval, mean) in lines.items():
                chosen = [(order.index(name), e) for name, e in found[other].items() if e.verdict == verdict]
                mean.set_data([e.difference for _, e in chosen], [place for place, _ in chosen])
                broken = [(x, place) for place, e in chosen for x in (e.low, e.high, math.nan)]
                interval.set_data(*np.array(broken).reshape(-1, 2).T)
        return in_words(found[game].values(), game, measure, record)

    return Picture(build, update, size=(680, 490))


def in_words(found, game, measure, record):
    """The sentence of `effects`."""
    found = list(found)
    told = [f"{e.name} {e.difference:+.3g} ({e.low:+.3g} to {e.high:+.3g})" for e in (found[0], found[-1])]
    counts = {verdict: sum(e.verdict == verdict for e in found) for verdict in VERDICTS}
    return (
        f"{game}, {measure}, {record['seeds']} seeds a detail and {record['default_seeds']} of the default: "
        f"{counts['better']} details are better, {counts['worse']} worse, {counts['undecided']} undecided; "
        f"the largest gain is {told[0]}, the largest loss {told[1]}."
    )


# One detail, tried while one looks


def build_live(figure):
    left, right = figure.subplots(1, 2)
    steps = experiments.default(LIVE, 0).total_steps / 1000
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(0, steps), xlabel="environment steps / 1000")
    (plain,) = left.plot([], [], **OLD_POLICY, label="the default")
    (switched,) = left.plot([], [], **RETURN, label="one detail switched")
    (plain_kl,) = right.plot([], [], **OLD_POLICY)
    (kl,) = right.plot([], [], **POLICY)
    left.set(ylim=(0, 620), ylabel="return (sampled)")
    left.set_yticks(range(0, 501, 100))
    left.legend(loc="upper left", ncols=2)
    right.set(ylim=(1e-5, 10), yscale="log", ylabel="KL(old‖new) of one update, nats")
    return {"left": left, "right": right, "returns": (plain, switched), "kls": (plain_kl, kl)}


def update_live(artists, *, detail, seed):
    """Train the default and the switched trainer side by side; a sentence a stage."""
    runs = [], []
    for rows in zip(experiments.rows(None, seed), experiments.rows(detail, seed), strict=True):
        for i, row in enumerate(rows):
            runs[i].append(row)
            steps, returns, kls = np.array(runs[i]).T
            artists["returns"][i].set_data(steps[np.isfinite(returns)], returns[np.isfinite(returns)])
            artists["kls"][i].set_data(steps[np.isfinite(kls)], kls[np.isfinite(kls)].clip(1.5e-5))
        plain, switched = (last_known(run) for run in runs)
        artists["left"].set_title(f"{detail}: {switched}, default {plain}")
        artists["right"].set_title(f"step {1000 * rows[0][0]:,.0f}, seed {seed}")
        yield (
            f"{detail}, seed {seed}: after {1000 * rows[0][0]:.0f} steps the mean return is {switched}, with the "
            f"default {plain}."
        )


def last_known(run):
    known = [returns for _, returns, _ in run if math.isfinite(returns)]
    return f"{known[-1]:.0f}" if known else "not known yet"


live = Picture(build_live, update_live, size=(820, 340))


# Failure modes


def build_failure(figure):
    left, right = figure.subplots(1, 2)
    quiet_grid(left)
    quiet_grid(right)
    (reward,) = left.plot([], [], **RETURN, label="reward")
    policies = [
        left.plot([], [], color=POLICY["color"], linewidth=1.1, linestyle="--", gid="policies")[0] for _ in range(RUNS)
    ]
    policies[0].set_label("each policy at the end, scaled to height 1")
    left.set(xlim=(-6, 6), ylim=(0, 1.38), xlabel="action")
    left.set_xticks([])
    left.set_yticks([0, 0.5, 1])
    left.legend(loc="upper left")
    history = [right.plot([], [], color=RETURN["color"], linewidth=1.1, gid="runs", alpha=0.85)[0] for _ in range(RUNS)]
    right.set(xlim=(0, UPDATES), ylim=(-0.05, 1.1), xlabel="update", ylabel="mean reward of the plays")
    return {"left": left, "right": right, "reward": reward, "policies": policies, "history": history}


def update_failure(artists, *, case, seed):
    """Ten runs side by side; a sentence every ten updates."""
    kind, control = REMEDIES[case]
    reward = FAILURES[kind]
    places = np.linspace(-6, 6, control["actions"]) if reward is None else LINE.numpy()
    paid = experiments.one_in_many(torch.arange(len(places))) if reward is None else reward(LINE)
    artists["reward"].set_data(places, paid.numpy())
    artists["left"].set_title(case)
    for dist_params, history in experiments.failing(kind, **control, seed=seed):
        for line, heights in zip(artists["policies"], shapes(dist_params, reward is None), strict=True):
            line.set_data(places, heights.numpy())
        for line, run in zip(artists["history"], history.T, strict=True):
            line.set_data(range(len(run)), run.numpy())
        best = experiments.found_the_best(history)
        artists["right"].set_title(f"{best} of {RUNS} runs earn more than 0.7")
        yield (
            f"{case}, seed {seed}, after {len(history)} updates: {best} of {RUNS} runs earn more than 0.7 in the last "
            f"ten, where 1 is the most; the lowest earns {history[-10:].mean(0).min():.2f}."
        )


def shapes(dist_params, numbered):
    """How likely each action is beside the most likely one: [RUNS, actions]."""
    if numbered:
        probabilities = dist_params.softmax(-1)
        return probabilities / probabilities.max(-1, keepdim=True).values
    mean, log_std = dist_params.T[:, :, None]
    width = log_std.exp().clamp(min=0.03)  # a narrower one would fall between two points of the line
    return (-(((LINE - mean) / width) ** 2) / 2).exp()


failure = Picture(build_failure, update_failure, size=(780, 320))
