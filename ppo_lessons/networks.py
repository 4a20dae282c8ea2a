"""The actor and the critic: two separate networks of the same shape."""

import itertools
import math

import gymnasium
from torch import nn
from torch.nn.utils import skip_init


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
        return self.layers(observations.reshape(*batch, -1))


def actor_and_critic(observation_space, action_space, hidden, *, generator):
    """An actor (observations -> logits [..., A]) and a critic (observations -> V [..., 1]).

    Orthogonal weights; the actor's last layer is small, so that the first policy is close to uniform
    (Andrychowicz et al. 2021). Drawn on the CPU, so that a seed gives the same networks on every device.

    Raises:
        ValueError: observations are not a `Box` of numbers or actions not `Discrete`.
    """
    if not isinstance(observation_space, gymnasium.spaces.Box):
        raise ValueError(
            f"the trainer plays games with Box observations, got {observation_space}; a wrapper such as "
            "gymnasium.wrappers.FlattenObservation turns Discrete, MultiDiscrete, Tuple and Dict into a Box"
        )
    if not isinstance(action_space, gymnasium.spaces.Discrete):
        raise ValueError(f"the trainer plays games with Discrete actions, got {action_space}")
    shape = observation_space.shape
    actor = Network(shape, hidden, int(action_space.n), last_gain=0.01, generator=generator)
    critic = Network(shape, hidden, 1, last_gain=1.0, generator=generator)
    return actor, critic
