"""The numbers of the extra on continuous actions: the density of a Gaussian policy, and one gradient step of it."""

import torch

from ppo_lessons.trainer.distributions import Gaussian

BOX = 2.0  # Pendulum's torque, N m
STEP = 0.25  # length of the gradient step that is drawn


def density(actions, mean, log_std):
    """pi(a) for each of `actions` [n]: a tensor [n]."""
    parameters = torch.tensor([mean, log_std], dtype=torch.float64).expand(len(actions), 2)
    return Gaussian.log_probability(parameters, actions[:, None]).exp()


def one_step(mean, log_std, action, advantage):
    """Mean and log standard deviation after one step of gradient ascent on A log pi(a): two floats."""
    parameters = torch.tensor([mean, log_std], dtype=torch.float64, requires_grad=True)
    objective = advantage * Gaussian.log_probability(parameters, torch.tensor([action], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(objective, parameters)
    return (parameters + STEP * gradient).tolist()
