"""Lesson 03 drawn: what cancels in the log, one push, the sampled gradient against the exact one, and stale plays."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, SLIDES_POLICY, Corridor
from ppo_lessons.experiments.tabular import train_reinforce
from ppo_lessons.figures.style import OLD_BARS, POLICY, QUIET, RETURN, TOTAL, VARIANCE, Picture, quiet_grid
from ppo_lessons.figures.variance_ladder import running_trajectory
from ppo_lessons.log_trick import score_objective

RIGHT = ACTIONS.index("right")


# What the log takes apart


def with_right(right):
    """Logits [12, 3] of the slides' policy with another probability of `right`; left and up keep their proportion."""
    return Corridor().policy(((1 - right) / 3, 2 * (1 - right) / 3, right))


def log_parts(success, right):
    """log P of the running trajectory in its three parts, when `right` works with this probability.

    Returns log p(s_0), [3] log p(s', r | s, a), [3] log pi(a | s), and the derivatives of P and of log P with respect
    to theta, the logit of `right` in cell 2 by day, both by autograd.
    """
    world, play = Corridor(success=(0.9, 0.8, success)), running_trajectory()
    logits = with_right(right).requires_grad_()
    states = play.states[:, 0].tolist()
    chances = [world.outcomes(state, RIGHT)[0].probability for state in states]
    environment = torch.tensor(chances, dtype=torch.float64).log()
    policy = world.log_probabilities(logits, play)[:, 0]
    start = torch.tensor(0.5, dtype=torch.float64).log()
    log_p = start + environment.sum() + policy.sum()
    (of_p,) = torch.autograd.grad(log_p.exp(), logits, retain_graph=True)
    (of_log,) = torch.autograd.grad(log_p, logits)
    return start, environment, policy.detach(), of_p[2, RIGHT].item(), of_log[2, RIGHT].item()


CHANCES = np.linspace(0.5, 1.0, 26)


@cache
def slopes(right):
    """Derivatives of P and of log P for every success probability of `CHANCES`: [26, 2]."""
    return np.array([log_parts(chance, right)[3:] for chance in CHANCES.tolist()])


def build_cancel(figure):
    left, middle, last = figure.subplots(1, 3, width_ratios=[3, 2.4, 2.4])
    names = ["start\n$\\log p(s_0)$", "policy\n$\\Sigma \\log \\pi$", "environment\n$\\Sigma \\log p(s', r)$"]
    bars = left.bar(names, [0, 0, 0], color=[QUIET, POLICY["color"], QUIET], width=0.6)
    labels = [left.text(i, 0, "", ha="center", va="top") for i in range(3)]
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(ylim=(-8, 0.4), ylabel="part of log P(τ)")
    left.tick_params(axis="x", labelsize=8.5)
    curves, dots = [], []
    for axes, line, top, name in ((middle, RETURN, 0.06, "∂P / ∂θ"), (last, POLICY, 1.0, "∂ log P / ∂θ")):
        quiet_grid(axes)
        curves.append(axes.plot([], [], **line)[0])
        dots.append(axes.plot([], [], "o", color=line["color"], markersize=8)[0])
        axes.set(xlim=(0.48, 1.02), ylim=(0, top), xlabel="success of `right`", ylabel=name)
    return locals()


def update_cancel(artists, *, success, right):
    start, environment, policy, of_p, of_log = log_parts(success, right)
    heights = [start.item(), policy.sum().item(), environment.sum().item()]
    for bar, label, height in zip(artists["bars"], artists["labels"], heights, strict=True):
        bar.set_height(height)
        label.set_y(height - 0.1)
        label.set_text(f"{height:.2f}")
    for curve, dot, values, now in zip(
        artists["curves"], artists["dots"], slopes(right).T, (of_p, of_log), strict=True
    ):
        curve.set_data(CHANCES, values)
        dot.set_data([success], [now])
    artists["left"].title.set_text(f"log P(τ) = {sum(heights):.2f}: a sum of three parts")
    artists["middle"].title.set_text(f"∂P/∂θ = {of_p:.4f} moves")
    artists["last"].title.set_text(f"∂ log P/∂θ = {of_log:.2f} stays")
    return (
        f"With success probability {success:.2f} and π(right) = {right:.2f} the running trajectory has log P = "
        f"{sum(heights):.3f}; the derivative of P is {of_p:.4f}, that of log P is {of_log:.3f}, "
        f"whatever the success probability."
    )


cancel = Picture(build_cancel, update_cancel, size=(780, 330))


# One push


def push_of(action, weight, step_size):
    """One ascent step on one action in one state: direction, push [3], and the policy before and after [3]."""
    logits = torch.tensor(SLIDES_POLICY, dtype=torch.float64).log().requires_grad_()
    logp = logits.log_softmax(-1)[ACTIONS.index(action)][None]
    (direction,) = torch.autograd.grad(logp.sum(), logits, retain_graph=True)
    (push,) = torch.autograd.grad(score_objective(logp, torch.full_like(logp, weight).detach()), logits)
    before = logits.detach()
    return direction, push, before.softmax(-1), (before + step_size * push).softmax(-1)


def build_push(figure):
    left, right = figure.subplots(1, 2, width_ratios=[4, 3])
    places = np.arange(3)
    panels = []
    for axes, names, styles in (
        (left, ("direction: ∇ log π", "weight × direction"), (OLD_BARS, {"color": RETURN["color"]})),
        (right, ("π before", "π after one step"), (OLD_BARS, {"color": POLICY["color"]})),
    ):
        axes.axhline(0, color=QUIET, linewidth=0.8)
        groups = []
        for offset, name, style in zip((-0.2, 0.2), names, styles, strict=True):
            bars = axes.bar(places + offset, np.zeros(3), width=0.36, **style, label=name)
            labels = [axes.text(place + offset, 0, "", ha="center", fontsize=8.5) for place in places]
            groups.append((bars, labels))
        panels.append(groups)
        axes.set_xticks(places, ACTIONS)
        axes.legend(loc="upper left")
    left.set(ylim=(-8.2, 11), ylabel="change of the logit, per unit of step")
    right.set(ylim=(0, 1.3), ylabel="probability")
    return locals()


def update_push(artists, *, weight, action, step_size):
    for pad, groups, pair in zip(
        (0.15, 0.01), artists["panels"], np.split(np.stack(push_of(action, weight, step_size)), 2), strict=True
    ):
        for (bars, labels), values in zip(groups, pair, strict=True):
            for bar, label, value in zip(bars, labels, values, strict=True):
                bar.set_height(value)
                label.set_text(f"{value:.2f}")
                label.set_y(value + pad * (1 if value >= 0 else -1))
                label.set_va("bottom" if value >= 0 else "top")
    taken = ACTIONS.index(action)
    *_, before, after = push_of(action, weight, step_size)
    moves = "is not moved" if weight == 0 else "becomes more likely" if weight > 0 else "becomes less likely"
    artists["left"].title.set_text(f"`{action}` was taken and weighed {weight:+.0f}")
    artists["right"].title.set_text(f"`{action}`: {before[taken]:.2f} → {after[taken]:.2f}")
    return (
        f"The action {action} was taken and weighed {weight:+.0f}; after a step of size {step_size:.2f} it {moves}: "
        f"from {before[taken]:.3f} to {after[taken]:.3f}."
    )


push = Picture(build_push, update_push, size=(760, 340))


# The estimate against the truth

SAMPLES = 40
MOST_DOUBLINGS = 12


@cache
def exact():
    """Everything that no sample changes: world, policy, list of plays, exact gradient [36], variance of one play."""
    world = Corridor()
    policy, plays = world.policy(SLIDES_POLICY), world.trajectories()
    weights = plays.returns.expand_as(plays.rewards)
    truth = world.gradient(policy).flatten()
    return world, policy, plays, truth, world.scores(policy, weights), world.gradient_moments(policy, weights).variance


@cache
def drawn(doublings):
    """Numbers of the plays in `SAMPLES` samples of 2**doublings plays each: [SAMPLES, N]."""
    world, policy, *_ = exact()
    generator = torch.Generator().manual_seed(doublings)
    number = SAMPLES * 2**doublings
    return torch.multinomial(world.probabilities(policy), number, replacement=True, generator=generator).view(
        SAMPLES, -1
    )


def sampled_gradient(doublings, sample):
    """The policy gradient estimated from one of the samples, by autograd through the lesson's function: [36]."""
    world, policy, plays, *_ = exact()
    plays = plays.select(drawn(doublings)[sample])
    logits = policy.clone().requires_grad_()
    objective = score_objective(world.log_probabilities(logits, plays), plays.returns.expand_as(plays.rewards))
    return torch.autograd.grad(objective, logits)[0].flatten()


@cache
def cloud(doublings):
    """Angle to the truth (radians), length and length of the error of all samples: three arrays [SAMPLES]."""
    *_, truth, scores, _ = exact()
    estimates = torch.stack([scores[plays].mean(0) for plays in drawn(doublings)])
    return compare(estimates, truth)


def compare(estimates, truth):
    """Angle to the truth (radians; a right angle where an estimate is 0), length, length of the error."""
    cosine = torch.cosine_similarity(estimates, truth[None], dim=1).clamp(-1, 1)
    return cosine.acos().numpy(), estimates.norm(dim=1).numpy(), (estimates - truth).norm(dim=1).numpy()


def radius(length):
    """Lengths on a logarithmic scale that starts at 0.1."""
    return np.log10(np.maximum(length, 0.1)) + 1


def build_estimate(figure):
    *_, truth, _, variance = exact()
    truth = truth.norm().item()
    grid = figure.add_gridspec(1, 2, width_ratios=[6, 5])
    left, right = figure.add_subplot(grid[0], projection="polar"), figure.add_subplot(grid[1])
    left.set_thetalim(0, np.pi)
    left.set_rlim(0, 2.6)
    left.set_rticks([0, 1, 2], ["0.1", "1", "10"])
    left.set_thetagrids([0, 45, 90, 135, 180])
    left.set_xlabel("length of the estimate, angle to the truth", labelpad=-24)
    left.set_title("", pad=14)
    left.text(0.08, 1.0, "truth", fontsize=8.5, color=RETURN["color"])
    (others,) = left.plot([], [], "o", color=VARIANCE["color"], markersize=4, alpha=0.8, linestyle="none")
    (arrow,) = left.plot([], [], **POLICY, marker="o", markersize=8, markevery=[-1])
    left.plot([0, 0], [0, radius(truth)], **RETURN, linewidth=4, marker="D", markersize=6, markevery=[-1])
    quiet_grid(right)
    plays = 2.0 ** np.arange(-1, MOST_DOUBLINGS + 2)
    right.plot(plays, np.sqrt(variance.item() / plays), **VARIANCE)
    right.axhline(truth, **RETURN)
    right.text(1, truth * 0.93, f"truth: {truth:.3f}", va="top", fontsize=8.5, color=RETURN["color"])
    right.text(5, 4.5, f"√({variance:.2f} / N)", fontsize=8.5, color=VARIANCE["color"])
    crossing = variance.item() / truth**2
    right.plot([crossing], [truth], "s", color=TOTAL["color"], markersize=5)
    right.text(crossing * 1.1, truth * 1.1, f"N = {crossing:.0f}", fontsize=8.5)
    (dots,) = right.plot([], [], "o", color=VARIANCE["color"], markersize=4, alpha=0.8, linestyle="none")
    (dot,) = right.plot([], [], "D", color=POLICY["color"], markersize=7)
    right.set(xscale="log", yscale="log", xlim=(0.7, 6000), ylim=(0.03, 40))
    right.set(xlabel="N, number of plays", ylabel="length of the error")
    return locals()


def update_estimate(artists, *, doublings, sample):
    *_, truth, _, variance = exact()
    number = 2**doublings
    angles, lengths, errors = cloud(doublings)
    (angle,), (length,), (error,) = compare(sampled_gradient(doublings, sample)[None], truth)
    artists["others"].set_data(angles, radius(lengths))
    artists["arrow"].set_data([angle, angle], [0, radius(length)])
    artists["dots"].set_data(np.full(SAMPLES, number), np.maximum(errors, 0.03))
    artists["dot"].set_data([number], [error])
    degrees, times = np.degrees(angle), length / truth.norm().item()
    typical = (variance / number).sqrt().item()
    artists["left"].title.set_text(f"N = {number}: {degrees:.0f}° off, {times:.1f} times as long")
    artists["right"].title.set_text(f"error {error:.2f}; the root mean square is {typical:.2f}")
    return (
        f"Sample {sample} of N = {number} plays gives an estimate {degrees:.0f}° away from the exact gradient and "
        f"{times:.2f} times as long; its error has length {error:.3f}, and the exact root mean square error of "
        f"{number} plays is {typical:.3f}."
    )


estimate = Picture(build_estimate, update_estimate, size=(780, 340))


# REINFORCE, and what happens when the plays are used again

UPDATES, STEP_SIZE, RUNS = 20, 0.2, 10


def total_return(sample):
    """R(tau) on every step of every play of a sample: [T, N]."""
    return sample.returns.expand_as(sample.rewards)


def runs(weigh, plays, reuse, *, updates=UPDATES, step_size=STEP_SIZE):
    """True J after each update for ten samples, one list at a time."""
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    for seed in range(RUNS):
        records = train_reinforce(
            world, start, weigh, updates=updates, plays=plays, reuse=reuse, step_size=step_size, seed=seed
        )
        yield [record.expected_return for record in records]


def build_runs(axes, color, updates):
    """Ten thin lines and their mean, with the best possible J as a mark: (lines, mean)."""
    quiet_grid(axes)
    best = Corridor().best_return()
    lines = [axes.plot([], [], color=color, linewidth=1.0, alpha=0.75, gid="runs")[0] for _ in range(RUNS)]
    (mean,) = axes.plot([], [], color=color, linewidth=2.8)
    axes.axhline(best, color=TOTAL["color"], linewidth=0.8)
    axes.text(updates, best + 0.05, f"best possible {best:.3f}", ha="right", va="bottom", fontsize=8)
    axes.set(xlim=(-0.3, updates + 0.3), ylim=(-2.4, 4.9), xlabel="update", ylabel="true J")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return lines, mean


def show_runs(lines, mean, curves):
    """Draw the curves that are there, and their mean."""
    for line, curve in zip(lines, [*curves, *[[]] * (RUNS - len(curves))], strict=True):
        line.set_data(range(len(curve)), curve)
    mean.set_data(range(len(curves[0])), np.mean(curves, axis=0))


def compare_runs(artists, names, pairs, labels):
    """Draw two groups of runs side by side as they come; yields the number of samples and what each group reached.

    `names` are the two groups' artists, `pairs` gives one curve for each group, `labels` begin the two titles.
    """
    groups = [], []
    for pair in pairs:
        words = []
        for axes, name, group, curve, label in zip(("left", "right"), names, groups, pair, labels, strict=True):
            group.append(curve)
            show_runs(*artists[name], group)
            end = [one[-1] for one in group]
            words.append(f"J from {min(end):.2f} to {max(end):.2f}, mean {np.mean(end):.2f}")
            artists[axes].title.set_text(f"{label}:\n{words[-1]}")
        yield len(groups[0]), words


def build_reinforce(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    once = build_runs(left, RETURN["color"], UPDATES)
    again = build_runs(right, POLICY["color"], UPDATES)
    right.set_ylabel("")
    return locals()


def update_reinforce(artists, *, plays, reuse):
    pairs = zip(runs(total_return, plays, 1), runs(total_return, plays, reuse), strict=True)
    labels = "each sample used once", f"each sample used {reuse} times"
    for samples, words in compare_runs(artists, ("once", "again"), pairs, labels):
        yield (
            f"After {UPDATES} updates of {plays} plays, {samples} samples: used once {words[0]}; "
            f"used {reuse} times {words[1]}."
        )


reinforce = Picture(build_reinforce, update_reinforce, size=(780, 340))
