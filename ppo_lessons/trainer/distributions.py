"""The two kinds of policy that the trainer knows: what an actor's output means, and what can be computed from it.

An actor gives one tensor `dist_params` [..., P] for each state: the parameters of a distribution. `Softmax` reads it
for `Discrete` actions and calls the lessons, `Gaussian` reads it for `Box` actions. Both hold the same five functions.
"""

import math

import gymnasium
import numpy as np
import torch

from ppo_lessons.entropy import entropy
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.policy_gradient import softmax_policy
from ppo_lessons.validation import check_finite, check_same_width


class Softmax:
    """A policy over `Discrete` actions. Parameters: logits [..., actions]; an action is a number from 0: [...]."""

    entropy = staticmethod(entropy)
    kl_divergence = staticmethod(kl_divergence)

    @staticmethod
    def sample(logits, *, generator):
        """Draw one action for each row of logits: [N, actions] -> [N].

        Each action waits an exponential time with rate pi(a|s); the first to ring is drawn, and that is a with
        probability pi(a|s). `torch.multinomial` draws the same actions from the same generator, but looks at its input.
        """
        probabilities = softmax_policy(logits, temperature=1.0)
        return (probabilities / torch.empty_like(probabilities).exponential_(generator=generator)).argmax(-1)

    @staticmethod
    def log_probability(logits, actions):
        """log pi(a|s) of the actions taken: [..., actions] and [...] -> [...]."""
        return logits.log_softmax(-1).gather(-1, actions[..., None]).squeeze(-1)

    @staticmethod
    def greedy(logits):
        """The most likely action: [..., actions] -> [...]."""
        return logits.argmax(-1)


class Gaussian:
    """A policy over `Box` actions: D independent normal distributions.

    Parameters [..., 2 D]: D means mu, then D logarithms of standard deviations sigma. An action is D real numbers
    [..., D], before it is cut to the game's box. Each sum runs over the dimensions d of the action, and over all terms
    in the bracket:

        log pi(a|s) = sum_d [ -1/2 ((a_d - mu_d) / sigma_d)^2 - log sigma_d - 1/2 log(2 pi) ]
        H           = sum_d [ log sigma_d + 1/2 log(2 pi e) ]
        KL(p||q)    = sum_d [ log(sigma_q / sigma_p) + (sigma_p^2 + (mu_p - mu_q)^2) / (2 sigma_q^2) - 1/2 ]

    >>> standard = torch.zeros(2)  # mu = 0, sigma = e^0 = 1
    >>> Gaussian.log_probability(standard, torch.tensor([1.0]))  # -1/2 - 1/2 log(2 pi)
    tensor(-1.4189)
    >>> Gaussian.kl_divergence(standard, torch.tensor([1.0, 0.0]))  # (1 + 1) / 2 - 1/2
    tensor(0.5000)
    >>> Gaussian.entropy(torch.zeros(4))  # two dimensions: 2 (0 + 1/2 log(2 pi e))
    tensor(2.8379)
    """

    @staticmethod
    def sample(dist_params, *, generator):
        """Draw one action for each row of parameters: [N, 2 D] -> [N, D]."""
        mean, log_std = dist_params.chunk(2, -1)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + log_std.exp() * noise

    @staticmethod
    def log_probability(dist_params, actions):
        """log pi(a|s) of the actions taken, summed over their dimensions: [..., 2 D] and [..., D] -> [...]."""
        mean, log_std = dist_params.chunk(2, -1)
        return (-((actions - mean) / log_std.exp()).square() / 2 - log_std - math.log(2 * math.pi) / 2).sum(-1)

    @staticmethod
    def entropy(dist_params):
        """Entropy in nats: [..., 2 D] -> [...]. Unlike that of a softmax it can be negative."""
        check_same_width(dist_params=dist_params)
        check_finite(dist_params=dist_params)
        _, log_std = dist_params.chunk(2, -1)
        return (log_std + math.log(2 * math.pi * math.e) / 2).sum(-1)

    @staticmethod
    def kl_divergence(params_p, params_q):
        """KL(p||q) in nats, at least 0: two tensors [..., 2 D] -> [...]."""
        check_same_width(params_p=params_p, params_q=params_q)
        check_finite(params_p=params_p, params_q=params_q)
        (mean_p, log_p), (mean_q, log_q) = params_p.chunk(2, -1), params_q.chunk(2, -1)
        spread = (2 * (log_p - log_q)).exp() + ((mean_p - mean_q) / log_q.exp()).square()
        return (log_q - log_p + spread / 2 - 1 / 2).sum(-1)

    @staticmethod
    def greedy(dist_params):
        """The most likely action, the mean: [..., 2 D] -> [..., D]."""
        return dist_params.chunk(2, -1)[0]


def distribution(action_space):
    """The kind of policy for an action space: `Softmax` or `Gaussian`.

    Raises:
        ValueError: the space is neither `Discrete` nor a `Box` of real numbers.
    """
    if isinstance(action_space, gymnasium.spaces.Discrete):
        return Softmax
    if isinstance(action_space, gymnasium.spaces.Box) and np.issubdtype(action_space.dtype, np.floating):
        return Gaussian
    raise ValueError(f"the trainer plays games with Discrete actions or a Box of real numbers, got {action_space}")


def check_spaces(observation_space, action_space):
    """The trainer has a network for such observations and a policy for such actions.

    Raises:
        ValueError: it has not.
    """
    if not isinstance(observation_space, gymnasium.spaces.Box):
        raise ValueError(
            f"the trainer plays games with Box or Discrete observations, got {observation_space}; the wrapper "
            "gymnasium.wrappers.FlattenObservation turns MultiDiscrete, Tuple and Dict into a Box"
        )
    distribution(action_space)


def distribution_of(actions):
    """The kind of policy that gave these actions: whole numbers are `Discrete`."""
    return Gaussian if actions.is_floating_point() else Softmax


def for_the_game(actions, action_space):
    """What a NumPy game is given: numbers from the space's own start, or real numbers cut to its box."""
    actions = actions.cpu().numpy()
    if distribution(action_space) is Softmax:
        return actions + action_space.start
    actions = actions.reshape(-1, *action_space.shape).clip(action_space.low, action_space.high)
    return actions.astype(action_space.dtype)
