"""The actor and the critic. Which layers they have depends on the shape of what they see."""

import contextlib
import math

import torch
from torch import nn

from ppo_lessons.trainer.distributions import Softmax, check_spaces, distribution
from ppo_lessons.trainer.fast_network import fast_network

ATARI = (4, 84, 84)  # the last four pictures, grey, in bytes
SMALL = 16  # rows or columns of a small image, at most


def hidden_layers(shape, hidden):
    """All layers but the last, for observations of this shape: a list, and how many features come out.

    Numbers: two tanh layers. Small images (rows, columns, channels): two ReLU layers on all cells in one row, which
    `experiments/full_run.py` compares with a convolution. Atari's pictures: the network of Mnih et al. (2015),
    whatever `hidden` is.
    """
    if shape == ATARI:
        layers = [Images(shape), Conv2d(4, 32, 8, stride=4), nn.ReLU(), Conv2d(32, 64, 4, stride=2), nn.ReLU()]
        return [*layers, Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), Linear(64 * 7 * 7, 512), nn.ReLU()], 512
    first, second = Linear(math.prod(shape), hidden), Linear(hidden, hidden)
    if len(shape) == 3 and max(shape[:2]) <= SMALL:
        return [Images(shape), nn.Flatten(), first, nn.ReLU(), second, nn.ReLU()], hidden
    return [first, nn.Tanh(), second, nn.Tanh()], hidden


class Network(nn.Module):
    """Observations [..., *observation_shape] become [..., outputs]: the hidden layers, or a shared `trunk`, and a last
    layer.

    Weights are orthogonal, biases 0. The last layer has a gain of its own, all others sqrt(2).
    """

    def __init__(self, shape, hidden, outputs, *, last_gain, generator, trunk=None):
        super().__init__()
        self.observation_dims = len(shape)
        if trunk:
            layers, features = [trunk], trunk.features
        else:
            layers, features = hidden_layers(shape, hidden)
            orthogonal(layers, 2**0.5, generator)
        self.layers = nn.Sequential(*layers, Linear(features, outputs))
        orthogonal(self.layers[-1:], last_gain, generator)

    def forward(self, observations):
        batch = observations.shape[: observations.dim() - self.observation_dims]
        first, *others, last = self.layers
        if not isinstance(first, nn.Linear):
            return self.layers(observations).reshape(*batch, last.out_features)
        x = observations.reshape(*batch, -1).to(first.weight.dtype)
        if not (x.is_cpu and isinstance(others[0], nn.Tanh)) or torch.compiler.is_compiling():
            return self.layers(x)
        parameters = [p for layer in (first, others[1], last) for p in (layer.weight, layer.bias)]
        return fast_network(x.reshape(-1, first.in_features), *parameters).reshape(*batch, last.out_features)


class GaussianNetwork(Network):
    """Its outputs are D means. Beside them stand D log standard deviations, learned, the same in every state."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.log_std = nn.Parameter(torch.zeros(self.layers[-1].out_features))

    def forward(self, observations):
        mean = super().forward(observations)
        return torch.cat([mean, self.log_std.expand_as(mean)], -1)


class Images(nn.Module):
    """Images [..., *shape] become one batch of numbers [B, channels, rows, columns] between 0 and 1."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, observations):
        x = observations.reshape(-1, *self.shape)
        if self.shape == ATARI:
            return (x / 255).contiguous(memory_format=torch.channels_last)  # a gradient step takes a quarter less
        return x.to(torch.get_default_dtype()).movedim(-1, 1)


class Trunk(nn.Module):
    """Hidden layers that actor and critic share; both are asked about a minibatch, and it passes through them once.

    An answer is kept for a second question about the same tensor, until a gradient has flowed back through it, or the
    tensor or a weight has changed.
    """

    def __init__(self, shape, hidden, *, generator):
        super().__init__()
        layers, self.features = hidden_layers(shape, hidden)
        orthogonal(layers, 2**0.5, generator)
        self.layers = nn.Sequential(*layers)
        self._forget()

    def forward(self, observations):
        if not torch.is_grad_enabled():
            return self.layers(observations)
        version = sum(tensor._version for tensor in (observations, *self.parameters()))  # counts changes
        if self.asked is not observations or self.version != version:
            self.asked, self.version, self.answer = observations, version, self.layers(observations)
            if self.answer.requires_grad:
                self.answer.register_hook(self._forget)
        return self.answer

    def _forget(self, gradient=None):
        self.asked, self.version, self.answer = None, None, None

    def __getstate__(self):
        return {**super().__getstate__(), "asked": None, "version": None, "answer": None}


class Linear(nn.Linear):
    """Without PyTorch's first weights: `orthogonal` gives others."""

    def reset_parameters(self):
        pass


class Conv2d(nn.Conv2d):
    """Likewise."""

    def reset_parameters(self):
        pass


def orthogonal(layers, gain, generator):
    """Give all layers that have weights orthogonal ones times `gain`, and no bias."""
    for layer in layers:
        if hasattr(layer, "weight"):
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)


def threads_for(shape):
    """On how many threads PyTorch works while it trains on observations of this shape: a context.

    Atari's network is large enough to gain: a gradient step on 256 pictures takes 0.6 of the time on two threads.
    """
    return contextlib.nullcontext() if shape == ATARI else one_thread()


@contextlib.contextmanager
def one_thread():
    """Small networks are no faster on two threads, and far slower beside a busy process."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def actor_and_critic(observation_space, action_space, hidden, *, generator):
    """An actor (observations -> parameters of a distribution [..., P]) and a critic (observations -> V [..., 1]).

    The parameters are logits for `Discrete` actions, means and log standard deviations for a `Box`: see
    `distributions.py`. Two separate networks; with Atari's pictures they share all but their last layers. The actor's
    last layer is small, so that the first policy is close to uniform, or to a standard normal (Andrychowicz et al.
    2021). Drawn on the CPU and on one thread, so that a seed gives the same networks everywhere.

    Raises:
        ValueError: observations are not a `Box` of numbers, or actions neither `Discrete` nor a `Box` of real numbers.
    """
    check_spaces(observation_space, action_space)
    shape = observation_space.shape
    discrete = distribution(action_space) is Softmax
    kind, outputs = (Network, int(action_space.n)) if discrete else (GaussianNetwork, math.prod(action_space.shape))
    with one_thread():
        how = {"generator": generator, "trunk": Trunk(shape, hidden, generator=generator) if shape == ATARI else None}
        actor = kind(shape, hidden, outputs, last_gain=0.01, **how)
        return actor, Network(shape, hidden, 1, last_gain=1.0, **how)
