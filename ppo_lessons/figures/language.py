"""The extra on language models drawn: reward against KL, strings, tokens, and what a proxy reward does."""

import torch

from ppo_lessons.experiments import language as experiments
from ppo_lessons.experiments.language import LANGUAGE, REWARDS, RUNS, Settings
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    OLD_BARS,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    Picture,
    move_bars,
    quiet_grid,
)

BETA = 1.0  # price of the runs that are drawn
WIDEST, HIGHEST = 0.85, 1.75  # of the drawn KL and reward; what lies beyond is told in words

# Reward against KL, with the exact frontier


def build_frontier(figure):
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    quiet_grid(left)
    left.plot(*experiments.frontier(), **TOTAL)
    best = LANGUAGE.optimum(experiments.reference_table(), REWARDS, beta=BETA)
    reward = (best.probabilities @ REWARDS).item()
    left.plot([(reward - best.objective.item()) / BETA], [reward], "*", color=TOTAL["color"], markersize=13)
    (start,) = left.plot([0], [experiments.frontier()[1][0]], "s", color=OLD_POLICY["color"], markersize=6)
    start.set_ydata([LANGUAGE.expected_reward(experiments.reference_table(), REWARDS).item()])
    (path,) = left.plot([], [], **POLICY, marker="o", markersize=4)
    (mark,) = left.plot([], [], "D", color=BIAS["color"], markersize=10, fillstyle="none", markeredgewidth=2)
    left.set(xlim=(-0.03, WIDEST), ylim=(0.5, HIGHEST), xlabel="KL(π‖ref), nats, exact", ylabel="E[r], exact")
    quiet_grid(right)
    right.axhline(best.objective.item(), color=QUIET, linewidth=0.9, linestyle="--")
    (objective,) = right.plot([], [], **POLICY, marker="o", markersize=4)
    right.set(xlim=(0, Settings.updates), ylim=(0.55, 0.95), xlabel="updates", ylabel="J = E[r] − KL, dashed: the best")
    names = {
        "highest E[r] at each KL": left.lines[0],
        "optimum at β = 1": left.lines[1],
        "reference": start,
        "the run": path,
        "predicted landing": mark,
    }
    figure.legend(names.values(), names, loc="outside lower center", ncols=5)
    return {"left": left, "right": right, "path": path, "mark": mark, "objective": objective}


def follow(artists, name, settings):
    """Train with these settings and draw each record as it comes."""
    landing = experiments.landing(settings) if settings.estimator != "k1" else None
    artists["mark"].set_data(*([[landing[1]], [landing[0]]] if landing else [[], []]))
    told = f"exact sums predict E[r] {landing[0]:.3f}, KL {landing[1]:.3f}" if landing else "nothing holds it back"
    records = []
    for step in experiments.run(settings):
        records.append(step)
        artists["path"].set_data([r.kl for r in records], [r.reward for r in records])
        artists["objective"].set_data([r.update for r in records], [r.objective for r in records])
        artists["left"].set_title(f"{name}: E[r] {step.reward:.3f} at KL {step.kl:.3f}")
        artists["right"].set_title(f"J {step.objective:.3f} after {step.update} updates")
        yield (
            f"{name}, update {step.update}: E[r] {step.reward:.3f}, KL {step.kl:.3f}, J {step.objective:.3f}; {told}."
        )


def update_frontier(artists, *, run):
    yield from follow(artists, run, RUNS[run])


frontier = Picture(build_frontier, update_frontier, size=(820, 400))


def update_groups(artists, *, group):
    yield from follow(artists, f"groups of {group}", of_groups(group))


def of_groups(size):
    """GRPO with k2 as loss: about 512 strings an update, in whole groups."""
    return Settings(judge="group", kl_in="loss", group=size, strings=size * (512 // size), updates=40)


groups = Picture(build_frontier, update_groups, size=(820, 400))

# The strings that each policy writes

SHOWN, HIGHEST_BAR = 10, 0.2
PLACES = {"optimum π*": "reward", "k2 as loss lands at": "k2", "k3 as loss lands at": "k3"}


def build_strings(figure):
    axes = figure.subplots()
    places = torch.arange(SHOWN).numpy()
    old = axes.bar(places - 0.2, [0] * SHOWN, 0.36, **OLD_BARS, label="reference")
    new = axes.bar(places + 0.2, [0] * SHOWN, 0.36, color=POLICY["color"], label="the policy")
    axes.set_xticks(places)
    names = [axes.text(place, -0.008, "", ha="center", va="top", family="monospace") for place in places]
    axes.set(ylim=(0, HIGHEST_BAR), ylabel="probability")
    axes.tick_params(labelbottom=False)
    axes.legend(loc="upper right")
    return {"axes": axes, "old": old, "new": new, "names": names}


def update_strings(artists, *, policy, beta):
    reference = experiments.reference_table()
    table = LANGUAGE.landing(reference, REWARDS, beta=beta, estimator=PLACES[policy])
    old, new = LANGUAGE.probabilities(reference), LANGUAGE.probabilities(table)
    chances, numbers = new.topk(SHOWN)
    written = [text or "(empty)" for text in LANGUAGE.write(numbers)]
    move_bars(artists["old"], old[numbers].clamp(max=HIGHEST_BAR))
    move_bars(artists["new"], chances.clamp(max=HIGHEST_BAR))
    for name, text in zip(artists["names"], written, strict=True):
        name.set_text(text)
    reward, kl, objective = experiments.worth(table, beta)
    artists["axes"].set_title(f"{policy}, β = {beta:g}: E[r] {reward:.3f}, KL {kl:.3f}, J {objective:.3f}")
    first = ", ".join(f"{text} {chance:.3f}" for text, chance in zip(written[:4], chances[:4].tolist(), strict=True))
    return (
        f"{policy}, β = {beta:g}: E[r] {reward:.3f}, KL {kl:.3f} nats, J {objective:.3f}. It writes most often {first}."
    )


strings = Picture(build_strings, update_strings, size=(760, 340))

# The advantages of one string's tokens

SENTENCES = ["bcb", "cbdbcb", "bbc", "acac", "d"]


def build_tokens(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    places = torch.arange(LANGUAGE.length).numpy()
    bars = {}
    for axes, name in ((left, "critic"), (right, "group")):
        quiet_grid(axes)
        axes.axhline(0, color=QUIET, linewidth=0.9)
        bars[name] = axes.bar(places, [0] * len(places), 0.6, color=ADVANTAGE["color"])
        axes.set_xticks(places, [""] * len(places))
        axes.set(ylim=(-1.3, 2.6))
    names = [
        [axes.text(place, -1.25, "", ha="center", family="monospace") for place in places] for axes in (left, right)
    ]
    left.set_ylabel("advantage, reward units")
    return {"left": left, "right": right, "bars": bars, "names": names}


def update_tokens(artists, *, string):
    token, group, tokens = experiments.token_advantages(string)
    for name, values in (("critic", token), ("group", group)):
        move_bars(artists["bars"][name], [*values, *[0.0] * (LANGUAGE.length - len(values))])
    for texts in artists["names"]:
        for text, written in zip(texts, [*tokens, *[""] * (LANGUAGE.length - len(tokens))], strict=True):
            text.set_text(written)
    artists["left"].set_title(f"“{string}”, exact critic: they sum to {sum(token):+.2f}")
    artists["right"].set_title(f"group: {group[0]:+.2f} for every token")
    told = ", ".join(f"{name} {value:+.2f}" for name, value in zip(tokens, token, strict=True))
    return f"“{string}” under the reference: exact advantages {told}; a large group gives every token {group[0]:+.2f}."


tokens = Picture(build_tokens, update_tokens, size=(760, 340))

# What the optimum of a proxy reward really earns

PRICES = torch.logspace(0.7, -1, 30).tolist()


def build_overoptimise(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    axes.plot(*experiments.frontier(), **TOTAL, label="optimum of the true reward")
    (proxy,) = axes.plot([], [], **BIAS, label="what the reward model says")
    (true,) = axes.plot([], [], **RETURN, label="true reward of the same policy")
    (peak,) = axes.plot([], [], "o", color=RETURN["color"], markersize=8)
    axes.set(xlim=(0, 6), ylim=(0, 7), xlabel="KL(π‖ref), nats: the price falls to the right", ylabel="E[reward]")
    figure.legend(loc="outside lower center", ncols=3)
    return {"axes": axes, "proxy": proxy, "true": true, "peak": peak}


def update_overoptimise(artists, *, pairs, seed):
    """Train a reward model, unless it is known already, and draw what its optimum earns."""
    curve = experiments.overoptimise(pairs, seed, PRICES)
    artists["proxy"].set_data(curve.kl, curve.proxy)
    artists["true"].set_data(curve.kl, curve.true)
    best = curve.true.argmax().item()
    artists["peak"].set_data(curve.kl[[best]], curve.true[[best]])
    top, end = curve.true[best].item(), curve.true[-1].item()
    fell = f"then falls to {end:.2f}" if best < len(PRICES) - 1 else "and is still rising"
    artists["axes"].set_title(f"{pairs} pairs: the true reward reaches {top:.2f}, {fell}")
    yield (
        f"{pairs} pairs, sample {seed}: the proxy rises from {curve.proxy[0]:.2f} to {curve.proxy[-1]:.2f}, the true "
        f"reward from {curve.true[0]:.2f} to {top:.2f} at KL {curve.kl[best]:.2f}, {fell}."
    )


overoptimisation = Picture(build_overoptimise, update_overoptimise, size=(720, 360))
