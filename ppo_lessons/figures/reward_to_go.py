"""Lesson 04 drawn: what the past adds, what gamma costs, and what gamma aims at."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import ACTIONS, CELLS, SITUATIONS, SLIDES_POLICY, START, STATES, Corridor
from ppo_lessons.figures.log_trick import build_runs, compare_runs, runs, total_return, with_right
from ppo_lessons.figures.style import BIAS, OLD_BARS, POLICY, QUIET, RETURN, TOTAL, VARIANCE, Picture, quiet_grid
from ppo_lessons.figures.variance_ladder import running_trajectory
from ppo_lessons.reward_to_go import reward_to_go

PLAYS = 64  # N, the number of plays that an estimate averages over


# What the past adds


@cache
def pairs(right):
    """Each reward times each step's grad log pi: length of the exact mean, and root mean square, [6, 6] each.

    Row t is the action's step, column k the reward's. Every listed play counts with its probability.
    """
    world, logits = Corridor(), with_right(right)
    plays, p = world.trajectories(), world.probabilities(logits)
    score = torch.eye(len(ACTIONS)) - logits.softmax(-1)[:, None]  # [state, action taken, logit]
    score = torch.cat([score, torch.zeros_like(score[:1])])  # after the end
    weighed = torch.stack([plays.rewards * p, plays.rewards.square() * p], dim=-1).movedim(1, 0)  # [K, 6, 2]
    mean, square = torch.zeros(2, world.steps, world.steps, dtype=torch.float64)
    for t in range(world.steps):
        taken = plays.states[t] * len(ACTIONS) + plays.actions[t]
        sums = torch.zeros(score[..., 0].numel(), *weighed.shape[1:], dtype=torch.float64).index_add_(0, taken, weighed)
        first, second = sums.unflatten(0, score.shape[:2]).unbind(-1)
        mean[t] = torch.einsum("sak,sab->ksb", first, score).flatten(1).norm(dim=1)
        square[t] = torch.einsum("sak,sab->k", second, score.square())
    return mean.numpy(), square.sqrt().numpy()


def build_causality(figure):
    panels = []
    names = ("length of the mean", "root mean square of one play")
    for axes, name, top in zip(figure.subplots(1, 2), names, (0.85, 4.6), strict=True):
        steps = Corridor().steps
        bars = axes.bar(range(steps), np.zeros(steps), width=0.7)
        labels = [axes.text(k, 0, "", ha="center", va="bottom", fontsize=8.5) for k in range(steps)]
        here = axes.axvline(-0.5, color=POLICY["color"], linewidth=1.4, linestyle="--")
        axes.set(xlim=(-0.7, steps - 0.3), ylim=(0, top), xlabel="step k of the reward", ylabel=name)
        panels.append({"axes": axes, "bars": bars, "labels": labels, "here": here})
    return {"panels": panels}


def update_causality(artists, *, step, right):
    mean, noise = (table[step] for table in pairs(right))
    for panel, heights in zip(artists["panels"], (mean, noise), strict=True):
        panel["here"].set_xdata([step - 0.5, step - 0.5])
        for k, (bar, label) in enumerate(zip(panel["bars"], panel["labels"], strict=True)):
            bar.set_height(heights[k])
            bar.set_color(QUIET if k < step else RETURN["color"])
            label.set_y(heights[k])
            label.set_text(f"{heights[k]:.2f}" if heights[k] > 1e-12 else "0")
    left, last = (panel["axes"] for panel in artists["panels"])
    if step:
        left.title.set_text(f"Before step {step} the mean is 0 ...")
        last.title.set_text(f"... the noise is not ({noise[0]:.2f} at k = 0)")
    else:
        left.title.set_text("Before step 0 there is no past")
        last.title.set_text("all noise comes with a mean")
    return (
        f"For the action of step {step} with π(right) = {right:.2f}: means "
        f"{', '.join('0' if m < 1e-12 else f'{m:.3f}' for m in mean)} and noise {', '.join(f'{n:.2f}' for n in noise)} "
        f"from the rewards of steps 0 to {len(mean) - 1}."
    )


causality = Picture(build_causality, update_causality, size=(760, 330))


# What gamma costs

GAMMAS = np.linspace(0, 1, 51)
GOALS = ["return J", "discounted return"]


@cache
def reward_moments():
    """Moments of the six estimates that weigh step t with r_{t+k}, k = 0..5, and the gradients they might aim at.

    G_t = sum_k gamma^k r_{t+k} is a mixture of these six, so they give bias and variance for every gamma.

    Returns:
        mean [6, 36], covariance [6, 6], and the exact gradients of E[r_t], t = 0..5: [6, 36].
    """
    world = Corridor()
    policy, plays = world.policy(SLIDES_POLICY), world.trajectories()
    shifted = [torch.cat([plays.rewards[k:], torch.zeros_like(plays.rewards[:k])]) for k in range(world.steps)]
    mean, covariance = world.joint_moments(policy, torch.stack(shifted))
    logits = policy.clone().requires_grad_()
    expected = plays.rewards @ world.probabilities(logits)
    gradients = [torch.autograd.grad(reward, logits, retain_graph=True)[0].flatten() for reward in expected]
    return mean, covariance, torch.stack(gradients)


@cache
def errors(goal):
    """Exact squared bias against the goal's gradient, and variance of one play, for all `GAMMAS`: two arrays [51]."""
    mean, covariance, gradients = reward_moments()
    mix = torch.as_tensor(GAMMAS)[:, None] ** torch.arange(len(mean))
    aim = gradients.sum(0) if goal == GOALS[0] else mix @ gradients
    bias = (mix @ mean - aim).square().sum(1)
    return bias.numpy(), torch.einsum("gi,ij,gj->g", mix, covariance, mix).numpy()


def build_discount(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    play = running_trajectory()
    left.bar(np.arange(3) - 0.2, play.rewards[:, 0].tolist(), width=0.36, label="reward $r_t$", **OLD_BARS)
    bars = left.bar(np.arange(3) + 0.2, np.zeros(3), width=0.36, color=RETURN["color"], label="weight $G_t$")
    labels = [left.text(t + 0.2, 0, "", ha="center", fontsize=8.5) for t in range(3)]
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(xlim=(-0.6, 2.6), ylim=(-3, 6.8), xticks=range(3), xlabel="step t")
    left.legend(loc="upper right")
    quiet_grid(right)
    (bias,) = right.plot([], [], **BIAS, label="bias²")
    (variance,) = right.plot([], [], **VARIANCE, label=f"variance / {PLAYS}")
    (total,) = right.plot([], [], **TOTAL, label="sum: mean squared error")
    here = right.axvline(0, ymax=0.82, color=RETURN["color"], linewidth=1.2)
    (dot,) = right.plot([], [], "o", color=RETURN["color"], markersize=7)
    right.set(xlim=(-0.02, 1.02), ylim=(0, 0.72), xlabel="γ", ylabel=f"error of the gradient, {PLAYS} plays")
    right.legend(loc="upper center", ncols=2, fontsize=8.5)
    return locals()


def update_discount(artists, *, gamma, goal):
    heights = reward_to_go(running_trajectory().rewards[:, 0], gamma=gamma).tolist()
    for bar, label, height in zip(artists["bars"], artists["labels"], heights, strict=True):
        bar.set_height(height)
        label.set_y(height + (0.1 if height >= 0 else -0.1))
        label.set_va("bottom" if height >= 0 else "top")
        label.set_text(f"{height:.2f}")
    bias, variance = errors(goal)
    curves = {"bias": bias, "variance": variance / PLAYS, "total": bias + variance / PLAYS}
    for name, curve in curves.items():
        artists[name].set_data(GAMMAS, curve)
    now = int(np.abs(GAMMAS - gamma).argmin())
    artists["here"].set_xdata([gamma, gamma])
    artists["dot"].set_data([gamma], [curves["total"][now]])
    artists["left"].title.set_text(f"γ = {gamma:.2f}: weights {', '.join(f'{h:.2f}' for h in heights)}")
    artists["right"].title.set_text(
        f"One play: variance {variance[now]:.1f}; bias {np.sqrt(bias[now]):.3f}\nagainst the gradient of the {goal}"
    )
    return (
        f"With γ = {gamma:.2f} the running trajectory has the weights {', '.join(f'{h:.3f}' for h in heights)}. "
        f"The variance of one play is {variance[now]:.2f}; the bias against the gradient of the {goal} is "
        f"{np.sqrt(bias[now]):.3f}."
    )


discount = Picture(build_discount, update_discount, size=(780, 350))


# What gamma aims at

ASCENT_STEPS, ASCENT_SIZE = 200, 2.0
GAMES = {  # what leaving cell 0 pays, by day and by night
    "coin and toll: +5, −5": Corridor(),
    "small toll: −1, −1": Corridor(leaving=(-1.0, -1.0)),
}


def mean_gradient(world, logits, gamma):
    """Exact mean [12, 3] of the estimate sum_t G_t grad log pi, without listing plays.

    sum_t d_t(s) pi(a|s) (Q_t(s, a) - V_t(s)),   d_t(s) the probability of being in s at time t.
    """
    table = world.tables(logits, gamma=gamma)
    advantage = table.action_values - table.values[:-1, :STATES, None]
    return (world.visits(logits)[..., None] * logits.softmax(-1) * advantage).sum(0)


def ascent(world, gamma):
    """Climb along the exact mean of the estimate, from the slides' policy: logits [12, 3] after each step."""
    logits = world.policy(SLIDES_POLICY)
    yield logits
    for _ in range(ASCENT_STEPS):
        logits = logits + ASCENT_SIZE * mean_gradient(world, logits, gamma)
        yield logits


def build_goal(figure):
    left, right = figure.subplots(1, 2, width_ratios=[3, 3])
    quiet_grid(left)
    best = left.axhline(0, color=TOTAL["color"], linewidth=0.8)
    words = left.text(ASCENT_STEPS, 0, "", ha="right", va="bottom", fontsize=8)
    (curve,) = left.plot([], [], **RETURN)
    left.set(xlim=(-3, ASCENT_STEPS + 3), ylim=(-2.4, 4.9), xlabel="step of exact ascent", ylabel="true J, γ = 1")
    groups = []
    for offset, situation, style in zip((-0.2, 0.2), SITUATIONS, ({"color": POLICY["color"]}, OLD_BARS), strict=True):
        bars = right.bar(np.arange(3) + offset, np.zeros(3), width=0.36, **style, label=situation)
        labels = [right.text(i + offset, 0, "", ha="center", va="bottom", fontsize=8.5) for i in range(3)]
        groups.append((bars, labels))
    right.set_xticks(range(3), ACTIONS)
    right.set(ylim=(0, 1.35), ylabel="probability in cell 0")
    right.legend(loc="upper right", ncols=2)
    return locals()


def update_goal(artists, *, gamma, game):
    world, returns = GAMES[game], []
    best = world.best_return()
    artists["best"].set_ydata([best, best])
    artists["words"].set_y(best + 0.05)
    artists["words"].set_text(f"best possible {best:.3f}")
    for number, logits in enumerate(ascent(world, gamma)):
        returns.append(world.start_value(logits))
        if number % 10:
            continue
        artists["curve"].set_data(range(len(returns)), returns)
        pi = logits.softmax(-1)
        for (bars, labels), state in zip(artists["groups"], (START, CELLS + START), strict=True):
            for bar, label, height in zip(bars, labels, pi[state].tolist(), strict=True):
                bar.set_height(height)
                label.set_y(height)
                label.set_text(f"{height:.2f}")
        favourite = [ACTIONS[pi[state].argmax()] for state in (START, CELLS + START)]
        artists["left"].title.set_text(f"γ = {gamma:.2f}: J = {returns[-1]:.2f} after {number} steps")
        artists["right"].title.set_text(f"In cell 0: `{favourite[0]}` by day, `{favourite[1]}` by night")
        yield (
            f"{game}. After {number} exact steps with γ = {gamma:.2f} the true J is {returns[-1]:.3f}; in cell 0 the "
            f"policy prefers {favourite[0]} by day and {favourite[1]} by night."
        )


goal = Picture(build_goal, update_goal, size=(760, 340))


# What less variance buys

UPDATES, STEP_SIZE = 60, 0.2


def to_go(gamma):
    """G_t as weights for `train_reinforce`."""
    return lambda sample: reward_to_go(sample.rewards, gamma=gamma)


def training_runs(weigh, plays):
    """True J after each update for ten samples, one list at a time."""
    return runs(weigh, plays, 1, updates=UPDATES, step_size=STEP_SIZE)


def build_training(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    total = build_runs(left, QUIET, UPDATES)
    later = build_runs(right, RETURN["color"], UPDATES)
    right.set_ylabel("")
    return locals()


def update_training(artists, *, plays, gamma):
    pairs = zip(training_runs(total_return, plays), training_runs(to_go(gamma), plays), strict=True)
    labels = "total return R(τ)", f"reward-to-go, γ = {gamma:.2f}"
    for samples, words in compare_runs(artists, ("total", "later"), pairs, labels):
        yield (
            f"After {UPDATES} updates of {plays} plays, {samples} samples: total return {words[0]}; "
            f"reward-to-go with γ = {gamma:.2f} {words[1]}."
        )


training = Picture(build_training, update_training, size=(780, 340))
