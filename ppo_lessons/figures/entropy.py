"""Lesson 11 drawn: entropy against temperature, two traps, and what a stored log-probability must be."""

from functools import cache

import numpy as np
import torch

from ppo_lessons.corridor import CELLS, SLIDES_POLICY, START, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.experiments.tabular import exact_ascent, train_table
from ppo_lessons.figures.style import (
    ADVANTAGE,
    BIAS,
    GRID,
    OLD_POLICY,
    POLICY,
    QUIET,
    RETURN,
    TOTAL,
    VALUE,
    Picture,
    quiet_grid,
)
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.policy_gradient import softmax_policy
from ppo_lessons.reward_to_go import reward_to_go

TEMPERATURES = torch.logspace(-1, 1, 81, dtype=torch.float64)  # 0.1 to 10


def build_temperature(figure):
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    bars = left.bar(("left", "up", "right"), np.zeros(3), color=POLICY["color"], width=0.6)
    labels = [left.text(place, 0, "", ha="center", va="bottom", fontsize=9) for place in range(3)]
    left.set(ylim=(0, 1.12), ylabel="π(a)")
    quiet_grid(right)
    ceiling = np.log(3)
    right.axhline(ceiling, color=OLD_POLICY["color"], linestyle=OLD_POLICY["linestyle"], linewidth=1.2)
    right.text(0.11, ceiling + 0.02, "log 3 = 1.099: all three equally likely", fontsize=8.5)
    (curve,) = right.plot([], [], **ADVANTAGE)
    (dot,) = right.plot([], [], "o", color=ADVANTAGE["color"], markersize=8)
    right.set(xscale="log", xlim=(0.1, 10), ylim=(-0.03, 1.25), xlabel="temperature T", ylabel="entropy H, nats")
    return {"left": left, "right": right, "bars": bars, "labels": labels, "curve": curve, "dot": dot}


def update_temperature(artists, *, up, right, temperature):
    logits = torch.tensor([0.0, up, right], dtype=torch.float64)
    probabilities = softmax_policy(logits, temperature=temperature).tolist()
    for bar, label, p in zip(artists["bars"], artists["labels"], probabilities, strict=True):
        bar.set_height(p)
        label.set_y(p + 0.01)
        label.set_text(f"{p:.3f}")
    artists["curve"].set_data(TEMPERATURES, entropy(logits / TEMPERATURES[:, None]))
    now = entropy(logits / temperature).item()
    artists["dot"].set_data([temperature], [now])
    artists["left"].set_title(f"logits 0, {up:g}, {right:g} at T = {temperature:.1f}")
    artists["right"].set_title(f"H = {now:.3f} nats: as undecided as {np.exp(now):.2f} equal actions")
    words = ", ".join(f"{p:.3f}" for p in probabilities)
    return (
        f"Logits 0, {up:g} and {right:g} at temperature {temperature:.1f} give the probabilities {words}; the entropy "
        f"is {now:.4f} nats, as much as {np.exp(now):.2f} equally likely actions have."
    )


temperature = Picture(build_temperature, update_temperature, size=(740, 330))

# Home: a Corridor where staying is tempting. Leaving costs 1 by day and by night, the pit 5; the flag still pays 3.

HOME = Corridor(leaving=(-1.0, -1.0), pit=-5.0)
HOMEBODY = (0.5, 0.25, 0.25)  # left, up, right
UPDATES, PLAYS, STEP_SIZE, LAM, DECAY_END = 100, 30, 3.0, 0.95, 60
SCHEDULES = {
    "to 0 at update 60": lambda weight, update: weight * max(0.0, 1 - update / DECAY_END),
    "constant": lambda weight, update: weight,
}


def surrogate(logp, old_logp, advantages, kl):
    """The plain surrogate in the form that `train_table` takes. With one epoch: the policy gradient."""
    return surrogate_objective(logp, old_logp, advantages)


def train_home(weight, *, decay, seed):
    """One gradient step per sample on the world HOME, with an entropy bonus: an iterator of records."""

    def bonus(update):
        return SCHEDULES[decay](weight, update)

    settings = {"updates": UPDATES, "plays": PLAYS, "epochs": 1, "step_size": STEP_SIZE, "lam": LAM, "seed": seed}
    return train_table(HOME, HOME.policy(HOMEBODY), surrogate, **settings, entropy_weight=bonus)


def mean_entropy(world, logits):
    """Entropy averaged over the states that the policy visits, exactly. A float, in nats."""
    visits = world.visits(logits).sum(0)
    return ((visits * entropy(logits)).sum() / visits.sum()).item()


def build_training(figure):
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        quiet_grid(axes)
        axes.set(xlim=(-2, UPDATES + 2), xlabel=f"update ({PLAYS} plays each)")
    best = HOME.best_return()
    left.axhline(best, color=QUIET, linewidth=0.9)
    left.text(UPDATES, best + 0.08, f"best possible: {best:.2f}", ha="right", va="bottom", fontsize=8.5)
    left.axhline(0, color=QUIET, linewidth=0.9, linestyle="--")
    left.text(UPDATES, -0.15, "staying at home: 0", ha="right", va="top", fontsize=8.5)
    (J,) = left.plot([], [], **RETURN)
    left.set(ylim=(-4.1, 2.6), ylabel="true J")
    (H,) = right.plot([], [], **ADVANTAGE)
    right.axhline(np.log(3), color=OLD_POLICY["color"], linestyle=OLD_POLICY["linestyle"], linewidth=1.2)
    right.text(UPDATES, np.log(3) + 0.01, "log 3", ha="right", va="bottom", fontsize=8.5)
    right.set(ylim=(-0.03, 1.25), ylabel="entropy in the states visited, nats")
    return {"left": left, "right": right, "J": J, "H": H}


def found(world, logits):
    """In how many of the two situations the policy earns more than by staying at home."""
    values = world.tables(logits, gamma=1.0).values[0]
    return int(values[START] > 0.1) + int(values[CELLS + START] > 0.1)


def update_training(artists, *, weight, decay, sample):
    returns, entropies = [], []
    for record in train_home(weight, decay=decay, seed=sample):
        returns.append(record.expected_return)
        entropies.append(mean_entropy(HOME, record.logits))
        if record.update % 5:
            continue
        updates = range(len(returns))
        artists["J"].set_data(updates, returns)
        artists["H"].set_data(updates, entropies)
        number = found(HOME, record.logits)
        artists["left"].set_title(
            f"weight {weight:.2f}: J = {returns[-1]:.2f} after {record.update} updates,\n"
            f"the flag is worth it in {number} of 2 situations"
        )
        artists["right"].set_title(f"weight {decay}:\nentropy {entropies[-1]:.3f} nats")
        yield (
            f"Entropy weight {weight:.2f}, {decay}: after {record.update} updates J = {returns[-1]:.3f}, entropy "
            f"{entropies[-1]:.3f} nats; the policy leaves home with profit in {number} of 2 situations."
        )


training = Picture(build_training, update_training, size=(760, 350))

# The night of the plain Corridor: a trap that the bonus does not open

STAY = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)


@cache
def trapped():
    """Where exact ascent from the slides' policy ends: logits [12, 3]."""
    world = Corridor()
    *_, end = exact_ascent(world, world.policy(SLIDES_POLICY), updates=400, step_size=1.0)
    return end.logits


def stay_at_home(p):
    """The trapped policy, but by night it says `left` in cell 0 with probability p: logits [12, 3]."""
    logits = trapped().clone()
    first = logits[CELLS + START].softmax(-1)
    rest = first[1:] / first[1:].sum() * (1 - p)
    logits[CELLS + START] = torch.cat([torch.as_tensor(p, dtype=torch.float64)[None], rest]).log()
    return logits


@cache
def night():
    """For each p in `STAY`: the exact value of the night, and the entropy of that one row. Two tensors [999]."""
    tables = [stay_at_home(p) for p in STAY]
    values = [Corridor().tables(logits, gamma=1.0).values[0, CELLS + START] for logits in tables]
    return torch.stack(values), torch.stack([entropy(logits[CELLS + START]) for logits in tables])


def resting_place(weight):
    """Climb value + weight * entropy from p = 0 up: the place in `STAY` where it rests, and the whole curve."""
    value, undecided = night()
    height = value + weight * undecided
    place = 0
    while place + 1 < len(height) and height[place + 1] > height[place]:
        place += 1
    return place, height


def build_night(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    value, _ = night()
    valley = STAY[value.argmin()].item()
    axes.axvspan(valley, 1.03, color=GRID, alpha=0.5, linewidth=0)
    axes.text((valley + 1.03) / 2, -2.95, "from here on, more left pays", ha="center", fontsize=8.5)
    axes.plot(STAY, value, **RETURN, label="value of the night")
    (total,) = axes.plot([], [], **{**ADVANTAGE, "linestyle": "--"}, label="value + weight × entropy")
    (dot,) = axes.plot([], [], "o", color=ADVANTAGE["color"], markersize=8)
    (back,) = axes.plot([], [], "D", color=RETURN["color"], markersize=7)
    axes.set(xlim=(-0.02, 1.03), ylim=(-3.2, 6.8), xlabel="probability of staying (left) in cell 0 by night")
    axes.set_ylabel("reward units")
    axes.legend(loc="upper right")
    return {"axes": axes, "total": total, "dot": dot, "back": back}


def update_night(artists, *, weight):
    place, height = resting_place(weight)
    value, _ = night()
    artists["total"].set_data(STAY, height)
    artists["dot"].set_data([STAY[place]], [height[place]])
    artists["back"].set_data([STAY[place]], [value[place]])
    slope = (value[min(place + 1, len(value) - 1)] - value[max(place - 1, 0)]).item()
    way = "back into the trap" if slope < 0 else "out of the trap"
    p = STAY[place].item()
    artists["axes"].set_title(f"weight {weight:.2f} lifts p to {p:.2f}; without the bonus it then rolls {way}")
    return (
        f"With entropy weight {weight:.2f} the climb from the trap rests at p = {p:.3f}, where the night is worth "
        f"{value[place]:.3f}; when the bonus is taken away it rolls {way}."
    )


trap = Picture(build_night, update_night, size=(720, 350))

# Acting at a temperature, and what is stored

WEIGHTS = ("reward-to-go", "reward-to-go minus V")


def stored_gradients(temperature, weights):
    """Mean gradient estimates [36] when the slides' policy acts at a temperature, every play listed with its chance.

    Returns:
        truth of the policy at T = 1; truth of the policy that acts, pi_T; the estimate with its own, tempered
        log-probabilities; the estimate with untempered ones.
    """
    world = Corridor()
    logits = world.policy(SLIDES_POLICY)
    acting = logits / temperature
    plays, chance = world.trajectories(), world.probabilities(acting)
    weight = reward_to_go(plays.rewards, gamma=1.0)
    if weights == WEIGHTS[1]:
        weight = weight - world.step_values(world.tables(acting, gamma=1.0).values)[0]
    tempered = chance @ world.scores(acting, weight) / temperature  # d(logits / T) / d logits
    untempered = chance @ world.scores(logits, weight)
    truths = world.gradient(logits).flatten(), world.gradient(acting).flatten() / temperature
    return *truths, tempered, untempered


def distance(estimate, truth):
    """|estimate - truth| / |truth|, a float."""
    return ((estimate - truth).norm() / truth.norm()).item()


GRID_OF_T = np.round(np.arange(0.5, 3.01, 0.25), 2)


@cache
def stored_errors(weights):
    """Relative errors for each of `GRID_OF_T`: tempered against pi_T, untempered against pi_T and against pi."""
    rows = []
    for temperature in GRID_OF_T:
        plain, acting, tempered, untempered = stored_gradients(float(temperature), weights)
        rows.append([distance(tempered, acting), distance(untempered, acting), distance(untempered, plain)])
    return np.array(rows).T


def build_stored(figure):
    axes = figure.subplots()
    quiet_grid(axes)
    lines = [
        axes.plot([], [], **line, marker=marker, markersize=4, label=label)[0]
        for line, marker, label in (
            (POLICY, "o", "tempered log π against ∇J(π at T)"),
            (VALUE, "s", "untempered against ∇J(π at T)"),
            (BIAS, "D", "untempered against ∇J(π at 1)"),
        )
    ]
    here = axes.axvline(1, color=TOTAL["color"], linewidth=1)
    axes.set(xlim=(0.45, 3.05), ylim=(-0.3, 10), xlabel="temperature T when acting", ylabel="|mean − truth| / |truth|")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return {"axes": axes, "lines": lines, "here": here}


def update_stored(artists, *, temperature, weights):
    errors = stored_errors(weights)
    for line, error in zip(artists["lines"], errors, strict=True):
        line.set_data(GRID_OF_T, error)
    artists["here"].set_xdata([temperature, temperature])
    right, against_acting, against_plain = errors[:, np.abs(GRID_OF_T - temperature).argmin()]
    artists["axes"].set_title(
        f"{weights}, T = {temperature:.2f}: untempered log π is off by {against_plain:.1%} of ∇J at T = 1,\n"
        f"by {against_acting:.1%} of ∇J of the policy that acts; tempered by {right:.0%}"
    )
    return (
        f"With {weights} as weights and T = {temperature:.2f} the mean gradient with untempered log-probabilities "
        f"misses the truth at T = 1 by {against_plain:.1%} and that of the policy that acts by {against_acting:.1%}; "
        f"with tempered ones it misses by {right:.1%}."
    )


stored = Picture(build_stored, update_stored, size=(760, 350))
