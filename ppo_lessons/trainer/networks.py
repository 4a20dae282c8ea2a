"""The actor and the critic: two separate networks of the same shape."""

import contextlib
import itertools
import math

import torch
from torch import nn
from torch.nn.utils import skip_init

from ppo_lessons.trainer.distributions import Softmax, check_spaces, distribution
from ppo_lessons.trainer.fast_network import fast_network


class Network(nn.Module):
    """Two hidden tanh layers. Observations [..., *observation_shape] become [..., outputs]."""

    def __init__(self, observation_shape, hidden, outputs, *, last_gain, generator):
        super().__init__()
        self.observation_dims = len(observation_shape)
        sizes = [math.prod(observation_shape), hidden, hidden, outputs]
        linear = [skip_init(nn.Linear, before, after) for before, after in itertools.pairwise(sizes)]
        for layer, gain in zip(linear, [2**0.5, 2**0.5, last_gain], strict=True):
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(linear[0], nn.Tanh(), linear[1], nn.Tanh(), linear[2])

    def forward(self, observations):
        batch = observations.shape[: observations.dim() - self.observation_dims]
        x = observations.reshape(*batch, -1)
        if x.is_cuda or torch.compiler.is_compiling():
            return self.layers(x)
        first, _, second, _, third = self.layers
        parameters = first.weight, first.bias, second.weight, second.bias, third.weight, third.bias
        return fast_network(x.reshape(-1, first.in_features), *parameters).reshape(*batch, third.out_features)


class GaussianNetwork(Network):
    """Its outputs are D means. Beside them stand D log standard deviations, learned, the same in every state."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.log_std = nn.Parameter(torch.zeros(self.layers[-1].out_features))

    def forward(self, observations):
        mean = super().forward(observations)
        return torch.cat([mean, self.log_std.expand_as(mean)], -1)


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
    `distributions.py`. Orthogonal weights; the actor's last layer is small, so that the first policy is close to
    uniform, or to a standard normal (Andrychowicz et al. 2021). Drawn on the CPU and on one thread, so that a seed
    gives the same networks everywhere.

    Raises:
        ValueError: observations are not a `Box` of numbers, or actions neither `Discrete` nor a `Box` of real numbers.
    """
    check_spaces(observation_space, action_space)
    shape = observation_space.shape
    with one_thread():
        if distribution(action_space) is Softmax:
            actor = Network(shape, hidden, int(action_space.n), last_gain=0.01, generator=generator)
        else:
            outputs = math.prod(action_space.shape)
            actor = GaussianNetwork(shape, hidden, outputs, last_gain=0.01, generator=generator)
        critic = Network(shape, hidden, 1, last_gain=1.0, generator=generator)
    return actor, critic
