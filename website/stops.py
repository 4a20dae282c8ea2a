"""Where a slider stops on a page without a kernel: a picture is drawn ahead for each combination of its stops."""

import itertools
import math

import ipywidgets

from ppo_lessons.controls import LOTS

FRAMES = 64  # of a picture: six pictures on a page stay below 3 MB
TRAINED = 16  # of a picture that trains for each frame
FEW_DRAWS = 2  # of a slider that only draws anew

# Stops chosen by hand, by picture and control: those that the text asks for, and few where each costs seconds of
# training. They contain the start; a test compares them with the text. A menu may leave entries out.
STOPS = {
    "expectation.exam": {"n": [2, 10, 50, 200, 1000], "p": [0.0, 0.2, 0.5, 0.8, 1.0], "sample": [0, 1, 2]},
    "expectation.again": {"n": [1, 5, 10, 25, 50, 100, 200]},
    "expectation.returns": {"plays": [2, 10, 100, 500, 2000], "sample": [0, 5, 9]},
    "policy_gradient.ascent": {"step_size": [0.5, 1.0, 2.5, 5.0, 7.5, 8.0, 10.0]},
    "policy_gradient.staircase": {"plays": [1, 10, 50, 200]},
    "log_trick.reinforce": {"plays": [8, 16], "reuse": [1, 3, 10, 30]},
    "reward_to_go.discount": {"gamma": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]},
    "reward_to_go.training": {"plays": [2, 4, 8, 16], "gamma": [0.5, 1.0]},
    "reward_to_go.goal": {"gamma": [0.0, 0.25, 0.5, 0.6, 0.75, 0.9, 0.95, 1.0]},
    "baseline.regression": {"guess": [-8.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]},
    "baseline.learning": {"plays": [8, 16, 32, 64, 128, 256], "step_size": [1.0, 2.0], "sample": [0, 1, 2]},
    "advantage.n_steps": {"n": [1, 2, 3, 4, 5, 6], "critic_error": [0.0, 1.0, 2.0, 3.0]},
    "advantage.training": {"n": [1, 3], "critic_step": [0.0, 1.0, 2.5], "sample": [0, 1]},
    "advantage.gaussian": {"mean": [-1.0, -0.5, 0.0, 0.5, 1.0], "spread": [0.7, 1.0, 1.4], "action": [-2.0, 0.0, 1.6]},
    "gae.ends": {"lam": [0.0, 0.5, 0.95, 1.0], "gamma": [0.8, 0.9, 1.0]},
    "importance_sampling.distance": {
        "distance": [-3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0],
        "number": [10, 100, 1000],
        "sample": [0, 1, 2],
    },
    "importance_sampling.reuse": {"plays": [20, 60, 200], "lam": [0.0, 0.5, 0.95], "sample": [0, 3]},
    "kl_penalty.training": {"beta": [0.0, 3.0, 10.0], "delta": [0.01, 0.03, 0.1], "sample": [0, 3]},
    "kl_penalty.adaptive": {"target_kl": [0.01, 0.03, 0.1], "first_beta": [0.1, 3.0, 10.0], "sample": [0, 3]},
    "kl_penalty.estimators": {"length": [0.1, 0.3, 0.5, 1.0, 1.5, 2.0], "samples": [10, 30, 100, 300, 1000]},
    "clip.training": {"epsilon": [0.02, 0.2, 1.0], "beta": [0.0, 3.0, 10.0], "sample": [0, 3]},
    "entropy.training": {"weight": [0.0, 0.05, 0.3, 0.6, 2.0], "sample": [0, 1]},
    "entropy.change": {"weight": [0.0, 0.6], "sample": [0, 1]},
    "ppo.retrain": {"lam": [0.0, 0.95, 1.0], "epsilon": [0.05, 0.2, 1.0], "beta": [0.0, 1.0, 10.0], "seed": [0, 1]},
    "ladder.live": {
        "rung": ["REINFORCE", "minibatches", "clip"],
        "rate_factor": [1.0, 4.0],
        "seed": [0],
    },
    "details.live": {
        "detail": [
            "Adam's ε 1e-8",
            "no annealing",
            "advantages as they are",
            "1 epoch",
            "learning rate × 3",
        ],
        "seed": [0, 1],
    },
    "details.failure": {"seed": [0, 1]},
    "bug_lab.known": {"seed": [0, 1]},
    "bug_lab.hidden": {"seed": [0, 1]},
    "continuous_actions.step": {"mean": [-2.0, 0.0, 1.0, 2.0], "draw": [-1.5, 0.5, 1.5]},
    "full_run.live": {"num_envs": [64, 512], "lam": [0.0, 0.9, 1.0], "epsilon": [0.2], "seed": [0]},
    "scaling.stale": {"step_size": [0.25, 0.5, 1.0, 1.5, 2.0]},
    "language.frontier": {
        "run": [
            "PPO, KL in the reward",
            "GRPO, KL in the reward",
            "PPO, k2 as loss",
            "PPO, k3 as loss",
        ]
    },
    "language.groups": {"group": [2, 4, 8, 32]},
    "language.overoptimisation": {"seed": [0, 5, 7]},
}

# Controls that are shown only while another one has a certain value, beside those that the picture names itself.
NEEDS = {"ppo.retrain": {"lam": ("objective", "clip"), "seed": ("objective", "clip")}}

# Where each run takes seconds, only one of these controls is away from its start: a move sends the others back.
ALONE = {"ppo.retrain": ["lam", "epsilon", "beta", "seed"], "full_run.live": ["num_envs", "lam"]}


def even(control):
    """Sets of stops for a slider, ever finer: both ends, the start, and others at equal distances.

    The distances are such that the start lies on them, else at least the upper end, else any.
    """
    start = round((control.value - control.min) / control.step)
    last = round((control.max - control.min) / control.step)
    strides = divisors(math.gcd(start, last)), divisors(last), [*range(last, 0, -1)]
    strides = next((found for found in strides if any(1 < stride < last for stride in found)), strides[-1])
    sets = [sorted({0, start, last}), *(sorted({*range(0, last, stride), start, last}) for stride in strides)]
    return [[round(control.min + control.step * place, 10) for place in places] for places in sets]


def divisors(number):
    """From the largest to 1."""
    return [share for share in range(number, 0, -1) if number % share == 0]


def finer(control, stops):
    """The next set of stops after these, or None."""
    return next((found for found in even(control) if len(found) > len(stops)), None)


def grid(controls, frames, chosen=None):
    """The stops of each control: name -> list, with at most `frames` combinations of those that are not `chosen`.

    Each slider begins with its ends and its start. If that is too much, the last sliders stay where they start. What is
    left is shared out: the slider with the fewest stops gets more.
    """
    stops = {}
    for name, control in controls.items():
        menu = isinstance(control, ipywidgets.Dropdown)
        stops[name] = list(control.options) if menu else even(control)[0]
        if name in LOTS and not menu:
            stops[name] = [control.value + control.step * k for k in range(FEW_DRAWS)]
    stops |= chosen or {}
    free = [name for name in controls if name not in (chosen or {})]
    movable = [name for name in free if not isinstance(controls[name], ipywidgets.Dropdown)]
    while movable and math.prod(map(len, stops.values())) > frames:
        name = movable.pop()
        stops[name] = [controls[name].value]
    movable = [name for name in movable if name not in LOTS]
    while movable:
        name = min(movable, key=lambda name: len(stops[name]))
        more = {**stops, name: finer(controls[name], stops[name])}
        if more[name] is None or math.prod(map(len, more.values())) > frames:
            movable.remove(name)
        else:
            stops = more
    return stops


def settings(stops, start, needs, alone=()):
    """Every combination of stops, the last control counting fastest, and what is drawn for it.

    A control that has no effect there counts as if it stood where it starts: those combinations share one picture. A
    combination with two of the controls in `alone` away from their starts cannot be reached; it has that of the start.

    Returns:
        list of dicts, the different pictures; and for each combination the number of its picture.
    """
    pictures, numbers = [], []
    for values in itertools.product(*stops.values()):
        setting = dict(zip(stops, values, strict=True))
        for name, (other, value) in needs.items():
            if setting[other] != value:
                setting[name] = start[name]
        if sum(setting[name] != start[name] for name in alone) > 1:
            setting = start
        if setting not in pictures:
            pictures.append(setting)
        numbers.append(pictures.index(setting))
    return pictures, numbers
