"""A captured update without a GPU: every tensor on the device "meta", which has shapes and no values.

A tensor on another device, a question about a value or a shape that depends on one stops the update here, as it would
stop a recording on a GPU.
"""

import pytest
import torch
from test_cuda_graph import SETTINGS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ppo_lessons import validation
from ppo_lessons.ppo import Config, improve
from ppo_lessons.trainer import optimizer as optimizers
from ppo_lessons.trainer import rollout
from ppo_lessons.trainer.cuda_graph import capture_update
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.rollout import Game, collect

META = torch.device("meta")
CAPTURED = SETTINGS | {
    "Breakout": {"env_id": "ppo_lessons/Breakout-v0", "gamma": 0.995},
    "no leash": {"epsilon": float("inf")},
    "no entropy bonus": {"entropy_weight": 0.0},
    "minibatches normalised": {"normalize": "minibatch"},
    "clipped value loss": {"value_clip": 0.2},
}


class OnlyMeta(TorchDispatchMode):
    """Refuses an operation whose result lies on a device with values."""

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        results = function(*arguments, **(named or {}))
        for tensor in tree_leaves(results):
            if isinstance(tensor, torch.Tensor) and tensor.device != META:
                raise AssertionError(f"{function} made a tensor on {tensor.device}")
        return results


@pytest.fixture
def recording(monkeypatch):
    """What a recording does otherwise: no values are checked. And what "meta" lacks: random numbers, the fused Adam."""
    real = torch.Generator

    class Generator(real):
        def __new__(cls, device="cpu"):
            return real()

    def adam(parameters, gradients, *state, **_):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            assert gradient.shape == parameter.shape
            assert gradient.stride() == parameter.stride(), "the fused Adam would pair a transposed gradient wrongly"
        assert all(tensor.device == META for tensor in tree_leaves([parameters, gradients, state]))

    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(torch.Tensor, "exponential_", lambda self, *, generator: self)
    monkeypatch.setattr(optimizers, "adam", adam)
    monkeypatch.setattr(validation, "_recorded", lambda tensor: True)


def update_of(**settings):
    """A captured update with all of its tensors on "meta": a function without arguments."""
    config = Config(**{"total_steps": 256, "num_envs": 8, "epochs": 2, **settings, "num_steps": 8, "capture": True})
    game = Game(config.env_id, config.num_envs, device=META, seed=0)
    spaces = game.observation_space, game.action_space
    networks = actor_and_critic(*spaces, config.hidden, generator=torch.Generator())
    actor, critic = (network.to(META) for network in networks)
    optimizer = optimizers.Adam([*actor.parameters(), *critic.parameters()], lr=1e-3, eps=1e-5)
    generator = torch.Generator()

    def update():
        played = collect(game, actor, config.num_steps, generator=generator)
        return improve(actor, critic, optimizer, played, config, generator=generator)

    return capture_update(update, game=game, optimizer=optimizer, generator=generator)


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_update_is_pure(name, recording):
    update = update_of(**CAPTURED[name])
    with OnlyMeta():
        for _ in range(2):
            measured = update()
    assert all(tensor.device == META for tensor in measured)


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda t: t.sum().item(), "meta"),
        (lambda t: t[t > 0], "meta"),
        (lambda t: t.nonzero(), "meta"),
        (lambda t: t if (t > 0).any() else -t, "meta"),
        (lambda t: t + torch.ones(t.shape), "cpu"),
    ],
)
def test_a_mistake_would_be_found(mistake, told, recording, monkeypatch):
    original = rollout.Game.step

    def step(self, actions):
        transition = original(self, actions)
        mistake(transition.rewards)
        return transition

    update = update_of()
    monkeypatch.setattr(rollout.Game, "step", step)
    with pytest.raises((RuntimeError, NotImplementedError, AssertionError), match=told), OnlyMeta():
        update()
