"""The probe games tried on the trainer, as it is and with a known bug: what it finds beside what is known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from ppo_lessons import ppo
from ppo_lessons.experiments.bug_lab import BUGS, train_using
from ppo_lessons.trainer.config import choose_device
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import make_game

GAMMA = 0.8
SETTINGS = {  # all that the known answers depend on, so that other defaults of `Config` do not change them
    "total_steps": 40 * 1024,
    "num_envs": 64,
    "num_steps": 16,
    "epochs": 4,
    "minibatches": 4,
    "learning_rate": 5e-3,
    "anneal": True,
    "gamma": GAMMA,
    "lam": 0.95,
    "entropy_weight": 0.01,
    "normalize": "rollout",
    "epsilon": 0.2,
    "value_weight": 0.5,
    "max_grad_norm": 0.5,
    "device": "cpu",
}
ONE_STEP = {"epochs": 1, "minibatches": 1}  # a gradient step for each rollout: all ratios are 1


class Answer(NamedTuple):
    """A number that training should have found."""

    what: str
    found: float
    known: float
    tolerance: float

    @property
    def right(self):
        return abs(self.found - self.known) <= self.tolerance


class Trained(NamedTuple):
    """What is left of a run: its records, and the two networks as they are at its end."""

    records: list
    actor: torch.nn.Module
    critic: torch.nn.Module

    @torch.no_grad()
    def value(self, seen):
        """V where `seen` is observed."""
        return self.critic(torch.tensor([[float(seen)]])).item()

    @torch.no_grad()
    def probability(self, seen):
        """pi(1) where `seen` is observed."""
        return self.actor(torch.tensor([[float(seen)]])).softmax(-1)[0, 1].item()

    @property
    def critics_error(self):
        """Value loss, mean over the last five updates."""
        return float(np.mean([record.value_loss for record in self.records[-5:]]))

    @property
    def clip_fraction(self):
        """The largest of all updates."""
        return max(record.clip_fraction for record in self.records[1:])


def constant(run):
    yield Answer("V", run.value(1), 1.0, 0.05)
    yield Answer("π(1)", run.probability(1), 0.5, 0.05)


def observation(run):
    yield Answer("V where −1 is seen", run.value(-1), -1.0, 0.2)
    yield Answer("V where 1 is seen", run.value(1), 1.0, 0.2)
    yield Answer("the critic's error", run.critics_error, 1.0, 0.2)


def delay(run):
    yield Answer("V where −1 is seen", run.value(-1), GAMMA / (1 - GAMMA**2), 0.05)
    yield Answer("V where 1 is seen", run.value(1), 1 / (1 - GAMMA**2), 0.05)


def action(run):
    yield Answer("π(1)", run.probability(1), 1.0, 0.05)
    yield Answer("ratios outside the band", run.clip_fraction, 0.0, 0.0)


def match(run):
    yield Answer("π(1) where −1 is seen", run.probability(-1), 0.0, 0.05)
    yield Answer("π(1) where 1 is seen", run.probability(1), 1.0, 0.05)
    yield Answer("V where −1 is seen", run.value(-1), 1.0, 0.1)
    yield Answer("V where 1 is seen", run.value(1), 1.0, 0.1)


class Probe(NamedTuple):
    """What a game is asked, and the settings that differ there. Lesson 13 says what a wrong answer points to."""

    answers: Callable  # Trained -> the answers, one after the other
    settings: dict


PROBES = {
    "Constant": Probe(constant, {}),
    "Observation": Probe(observation, {}),
    "Delay": Probe(delay, {}),
    "Action": Probe(action, ONE_STEP),
    "Match": Probe(match, {}),
}


def config_of(probe, seed):
    """The run that a probe asks for: a `Config`."""
    return ppo.Config(env_id=f"ppo_lessons/Probe{probe}-v0", seed=seed, **{**SETTINGS, **PROBES[probe].settings})


def train_on(probe, bug, seed):
    """Train on a probe, with one of `BUGS` planted or with None: what is left of the run."""
    config, functions = config_of(probe, seed), {}
    if bug is not None:
        name, wrong = BUGS[bug]
        functions[name] = wrong(getattr(ppo, name))
    records = list(train_using(config, **functions) if functions else ppo.train(config))
    game = make_game(config, choose_device(config.device))
    networks = actor_and_critic(game.observation_space, game.action_space, config.hidden, generator=torch.Generator())
    game.close()
    for network, name in zip(networks, ("actor", "critic"), strict=True):
        network.load_state_dict(records[-1].checkpoint[name])
    return Trained(records, *networks)


def check(probe, bug, seed):
    """What the trainer finds on a probe beside what is known.

    Args:
        probe: one of `PROBES`.
        bug: one of `BUGS` to plant, or None for the trainer as it is.
        seed: of the run.

    Returns:
        A list of `Answer`; the bug is caught if one of them is not right.
    """
    return list(PROBES[probe].answers(train_on(probe, bug, seed)))
