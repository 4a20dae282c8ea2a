"""What the formula does not say: every detail of the trainer switched alone. Run it by `make details`.

A detail that practitioners set is a field of `Config`; what nobody sets is replaced from outside, as in the bug lab.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ppo_lessons import data, ppo
from ppo_lessons.advantage import normalize
from ppo_lessons.clip import clipped_objective
from ppo_lessons.experiments.bug_lab import no_bootstrap_at_a_time_limit, train_using
from ppo_lessons.experiments.intervals import difference_interval
from ppo_lessons.experiments.replay import replay
from ppo_lessons.experiments.runs import circumstances, perform
from ppo_lessons.ppo import Config, evaluate, train
from ppo_lessons.trainer.config import GAMES as SETTINGS
from ppo_lessons.trainer.config import PLAIN
from ppo_lessons.trainer.distributions import Gaussian, Softmax
from ppo_lessons.trainer.optimizer import Adam

# A game with its settings, at half of its usual budget, Breakout at a fiftieth. With all of it the default succeeds
# with nearly every seed, and what is at its ceiling cannot show that a detail helps.
GAMES = {
    "CartPole": {"total_steps": Config.total_steps // 2},
    "Acrobot": {**SETTINGS["Acrobot-v1"], "env_id": "ppo_lessons/Acrobot-v1", "total_steps": 100_000},
    "Pendulum": {**SETTINGS["Pendulum-v1"], "env_id": "Pendulum-v1", "total_steps": 150_000},
    "Breakout": {**SETTINGS["Breakout-v0"], "env_id": "ppo_lessons/Breakout-v0", "total_steps": 200_000},
}
SEEDS, DEFAULT_SEEDS, EPISODES = 10, 20, 100
MEASURES = {  # what is recorded of a run
    "over the training": "mean return of the updates, played by the sampled policy",
    "after training": f"mean return of {EPISODES} greedy episodes",
}


# How a detail is switched: config -> the config to train with, and the functions of `ppo.py` to replace


def setting(**changes):
    return lambda config: (dataclasses.replace(config, **changes), {})


def times(name, factor):
    def switch(config):
        value = getattr(config, name)
        return dataclasses.replace(config, **{name: type(value)(value * factor)}), {}

    return switch


def replacing(name, change):
    return lambda config: (config, {name: change(getattr(ppo, name))})


def with_epsilon(eps):
    """Adam with another epsilon than the trainer's."""
    return lambda adam: lambda parameters, *, lr, **_: adam(parameters, lr=lr, eps=eps)


def usual_weights(actor_and_critic):
    """What PyTorch gives new layers, uniform up to 1 / sqrt(inputs), for all but the actor's last."""

    def other(*args, generator):
        actor, critic = actor_and_critic(*args, generator=generator)
        for layer in filter(has_weights, (*actor.layers[:-1], *critic.layers)):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in (layer.weight, layer.bias):
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
        return actor, critic

    return other


def has_weights(layer):
    return hasattr(layer, "weight")


def large_last_layer(actor_and_critic):
    """The actor's last layer as large as the critic's: gain 1 in place of 0.01."""

    def other(*args, generator):
        actor, critic = actor_and_critic(*args, generator=generator)
        with torch.no_grad():
            actor.layers[-1].weight *= 100
        return actor, critic

    return other


def with_activation(new):
    """The same networks with another function after each hidden layer."""

    def change(actor_and_critic):
        def other(*args, generator):
            networks = actor_and_critic(*args, generator=generator)
            for network in networks:
                for place, layer in enumerate(network.layers):
                    if isinstance(layer, nn.Tanh | nn.ReLU):
                        network.layers[place] = new()
            return networks

        return other

    return change


SWITCHES = {
    "Adam's ε 1e-8": replacing("Adam", with_epsilon(1e-8)),
    "no annealing": setting(anneal=False),
    "gradient norm not cut": setting(max_grad_norm=1e9),
    "usual initial weights": replacing("actor_and_critic", usual_weights),
    "large last layer": replacing("actor_and_critic", large_last_layer),
    "ReLU": replacing("actor_and_critic", with_activation(nn.ReLU)),
    "tanh": replacing("actor_and_critic", with_activation(nn.Tanh)),
    "advantages as they are": setting(normalize="none"),
    "normalised by minibatch": setting(normalize="minibatch"),
    "value clip 0.2": setting(value_clip=0.2),
    "entropy weight 0": setting(entropy_weight=0.0),
    "entropy weight 0.01": setting(entropy_weight=0.01),
    "entropy weight 0.1": setting(entropy_weight=0.1),
    "stop at KL 0.015": setting(target_kl=0.015),
    "1 epoch": setting(epochs=1),
    "epochs × 3": times("epochs", 3),
    "time limit is an end": replacing("gae", no_bootstrap_at_a_time_limit),
    "observations normalised": setting(normalize_observations=True),
    "rewards normalised": setting(normalize_rewards=True),
    # What the formulas do say, as a yardstick
    "learning rate ÷ 3": times("learning_rate", 1 / 3),
    "learning rate × 3": times("learning_rate", 3),
    "γ 0.95": setting(gamma=0.95),
    "γ 0.99": setting(gamma=0.99),
    "λ 1": setting(lam=1.0),
}
OF_NUMPY_GAMES = ("observations normalised", "rewards normalised")
NOT_THERE = {  # details that are so already, or never come to act
    "CartPole": ["tanh"],
    "Acrobot": ["tanh"],
    "Pendulum": ["tanh"],
    "Breakout": ["ReLU", "time limit is an end"],
}
YARDSTICKS = [name for name in SWITCHES if name.startswith(("learning rate", "γ", "λ"))]


def default(game, seed):
    """The run that all others are compared with: a `Config`."""
    return Config(**GAMES[game], seed=seed, device="cpu")


def switches_of(game):
    """The names of what is switched in a game; what is so already is left out.

    A game in NumPy is played for what only such games have: its steps take several times as long.
    """
    config = default(game, 0)
    in_torch = config.env_id.startswith("ppo_lessons/")
    names = [name for name in SWITCHES if (name in OF_NUMPY_GAMES) != in_torch and name not in NOT_THERE[game]]
    return [name for name in names if SWITCHES[name](config) != (config, {})]


def training(game, switch, seed):
    """Train with one detail switched, None for the default: an iterator of `Record`."""
    config, functions = default(game, seed), {}
    if switch is not None:
        config, functions = SWITCHES[switch](config)
    return train_using(config, **functions) if functions else train(config)


def over_training(records):
    """The mean over the updates of the last return known: how high the learning curve lies.

    Updates before the first episode has ended do not count.
    """
    known = []
    for record in records:
        if math.isfinite(record.mean_return):
            known.append(record.mean_return)
        elif known:
            known.append(known[-1])
    return float(np.mean(known))


def run(game, switch, seed):
    """One run as numbers: a dict with the names of `MEASURES`."""
    records = list(training(game, switch, seed))
    final = evaluate(records[-1].policy, default(game, seed).env_id, episodes=EPISODES, seed=10_000)
    return dict(zip(MEASURES, (round(over_training(records), 2), round(final.mean().item(), 2)), strict=True))


def measure(*, games=GAMES, seeds=SEEDS, default_seeds=DEFAULT_SEEDS):
    """Every detail of every game with every seed: a dict that says what was run, where, and what came out."""
    rows = [(game, None, seed) for game in games for seed in range(default_seeds)]
    rows += [(game, name, seed) for game in games for name in switches_of(game) for seed in range(seeds)]
    rows.sort(key=lambda row: (row[0] != "Pendulum", row[2]))  # the longest first, or one core waits at the end
    runs = perform("details", run, [dict(zip(("game", "switch", "seed"), row, strict=True)) for row in rows])
    found = {}
    for (game, name, _), numbers in zip(rows, runs, strict=True):
        columns = found.setdefault(game, {}).setdefault(name, {measure: [] for measure in MEASURES})
        for kind in MEASURES:
            columns[kind].append(numbers[kind])
    return {
        "seeds": seeds,
        "default_seeds": default_seeds,
        "games": {
            game: {
                "settings": {name: str(value) for name, value in dataclasses.asdict(default(game, 0)).items()},
                "default": found[game][None],
                "switches": {name: compared(found[game][name], found[game][None]) for name in switches_of(game)},
            }
            for game in games
        },
        **circumstances(),
    }


def compared(switched, plain):
    """The runs of a detail, and for each measure the difference of the means to the default, with its interval."""
    effects = {}
    for kind in MEASURES:
        difference = np.mean(switched[kind]) - np.mean(plain[kind])
        ends = difference_interval(switched[kind], plain[kind])
        effects[kind] = [round(float(number), 2) for number in (difference, *ends)]
    return {**switched, "effect": effects}


class Effect(NamedTuple):
    """The difference of a detail to the default, with the ends of its 95% interval."""

    name: str
    difference: float
    low: float
    high: float

    @property
    def verdict(self):
        """Which way the interval points: "better" or "worse"; "undecided" if it holds 0."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "undecided"


def effects(game, kind, record=None):
    """All details of a game, the largest gain first: a list of `Effect`.

    Args:
        game: a name of `GAMES`.
        kind: a name of `MEASURES`.
        record: what `measure` returned; None for the one in the package.
    """
    rows = (record or data.load("details"))["games"][game]["switches"]
    found = [Effect(name, *row["effect"][kind]) for name, row in rows.items()]
    return sorted(found, key=lambda effect: effect.difference, reverse=True)


def table(game, names=SWITCHES, kind="over the training"):
    """The effects of these details as lines of text; a star where the interval leaves out 0."""
    for effect in effects(game, kind):
        if effect.name in names:
            star = " " if effect.verdict == "undecided" else "*"
            yield f"{star} {effect.name:24} {effect.difference:+8.3g}   {effect.low:+8.3g} to {effect.high:+8.3g}"


# A detail tried while one looks

LIVE = "CartPole"
FINISHED = {}  # (switch, seed): the run, so that nobody waits for the same run twice


def rows(switch, seed):
    """One run of `LIVE`, update by update: (steps / 1000, mean return, KL)."""

    def train():
        for record in training(LIVE, switch, seed):
            yield record.env_steps / 1000, record.mean_return, record.kl

    return replay(FINISHED, (switch, seed), train)


# Failure modes (Hsu et al. 2020): one decision, a reward for it, and PPO's own objective. Ten seeds side by side.

LINE = torch.linspace(-6, 6, 601)  # where a reward is paid for a real number
UPDATES, PLAYS, RUNS = 100, 16, 10


def plateau(actions):
    """A peak at 1, and nothing beyond a distance of 1.5."""
    return (1 - (actions - 1).abs() / 1.5).clamp(min=0)


def two_hills(actions):
    """A low hill at 0.5, a high one at 4."""
    return 0.4 * (-((actions - 0.5) ** 2)).exp() + (-((actions - 4) ** 2)).exp()


def one_in_many(actions):
    """`actions` are numbers 0, 1, ...: the last pays 1, every eighth 0.4, the others nothing."""
    often = 0.4 * (actions % 8 == 0).float()
    return often.masked_fill(actions == actions.max(), 1.0)


FAILURES = {  # what fails: the reward of a real number, None where the actions are numbered
    "flat reward": plateau,
    "near hill": two_hills,
    "many actions": None,
}
REMEDIES = {  # each with what it depends on: as it fails, and as it does not
    "flat reward, step size 0.5": ("flat reward", {"step_size": 0.5}),
    "flat reward, step size 0.05": ("flat reward", {"step_size": 0.05}),
    "near hill, first spread 0.5": ("near hill", {"spread": 0.5}),
    "near hill, first spread 3": ("near hill", {"spread": 3.0}),
    "512 actions": ("many actions", {"actions": 512}),
    "8 actions": ("many actions", {"actions": 8}),
}


def failing(case, *, step_size=0.05, spread=1.0, actions=64, seed=0):
    """Ten runs of PPO on a game of one decision.

    Args:
        case: a name of `FAILURES`.
        step_size: the learning rate, the same for all updates.
        spread: standard deviation of the first policy, for real numbers.
        actions: how many there are, where they are numbered.
        seed: of the ten runs together.

    Yields:
        After every tenth update the parameters of the policies [RUNS, P], and the mean rewards so far [updates, RUNS].
    """
    reward, policy = FAILURES[case], Gaussian
    first = torch.tensor([0.0, math.log(spread)])
    if reward is None:
        policy, first = Softmax, torch.zeros(actions)
        paid = one_in_many(torch.arange(actions))
    generator = torch.Generator().manual_seed(seed)
    dist_params = first.repeat(RUNS, 1).requires_grad_()
    optimizer = Adam([dist_params], lr=step_size, eps=1e-8)
    history = []
    for update in range(1, UPDATES + 1):
        old = dist_params.detach().clone().expand(PLAYS, *dist_params.shape)
        chosen = policy.sample(old, generator=generator)
        rewards = paid[chosen] if reward is None else reward(chosen[..., 0])
        history.append(rewards.mean(0))
        advantages = torch.stack([normalize(column) for column in rewards.T], 1)
        old_logp = policy.log_probability(old, chosen)
        for _ in range(PLAIN["epochs"]):
            logp = policy.log_probability(dist_params.expand_as(old), chosen)
            optimizer.zero_grad()
            (-clipped_objective(logp, old_logp, advantages, epsilon=PLAIN["epsilon"]).objective).backward()
            optimizer.step()
        if update % 10 == 0:
            yield dist_params.detach().clone(), torch.stack(history)


def failure(case, **control):
    """The end of `failing`: the last policies, and the mean reward in each update [UPDATES, RUNS]."""
    *_, last = failing(case, **control)
    return last


def found_the_best(history):
    """How many of the runs earn more than 0.7 in their last ten updates, where 1 is the most."""
    return int((history[-10:].mean(0) > 0.7).sum())


if __name__ == "__main__":
    data.store("details", measure())
