"""TRPO's step, a section of lesson 09: the best direction within a limit on the KL divergence, without its matrix."""

from typing import NamedTuple

import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ppo_lessons.validation import check_finite, check_not_negative, check_positive

ITERATIONS = 10  # of the conjugate gradient
BACKTRACKS, SHRINK = 10, 0.5  # trials of the line search; each is half as long as the one before


class TrustRegionStep(NamedTuple):
    """What a step did."""

    accepted: bool
    kl: float  # KL(old || new) after the step, at most max_kl
    improvement: float  # of the objective
    backtracks: int  # how often the step was halved


def fisher_product(kl, parameters, vector, *, damping):
    """(F + damping I) v, with F the Hessian of KL(pi_old || pi) at pi = pi_old: the Fisher information matrix.

    F v = grad( (grad KL) . v ): two gradients instead of a matrix of the size parameters x parameters.

    Args:
        kl: () -> 0-d mean KL(pi_old || pi). The gradient flows through it.
        parameters: list of the policy's tensors, P numbers in all.
        vector: [P].
        damping: at least 0, added to the diagonal; keeps the system solvable.

    Returns:
        [P].

    Source: Schulman et al. (2015), Trust Region Policy Optimization, appendix C; Pearlmutter (1994).
    """
    check_not_negative(damping=damping)
    first = torch.autograd.grad(kl(), parameters, create_graph=True)
    second = torch.autograd.grad(parameters_to_vector(first) @ vector, parameters)
    return parameters_to_vector([part.contiguous() for part in second]) + damping * vector


def conjugate_gradient(product, target, *, iterations):
    """Solve F x = b for a symmetric positive F that is known only through v -> F v.

    Args:
        product: v [P] -> F v [P].
        target: [P] b.
        iterations: at most so many products; exact after P of them, but for rounding.

    Returns:
        [P] x.

    The directions d_0, d_1, ... that `product` is asked for are conjugate, d_i . F d_j = 0 for i != j. What is left,
    b - F x, is perpendicular to all that were used, so that none of them is needed again.

    Source: Hestenes & Stiefel (1952).

    >>> matrix, b = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([1.0, 0.0])
    >>> conjugate_gradient(lambda v: matrix @ v, b, iterations=2)
    tensor([ 0.6667, -0.3333])
    """
    x = torch.zeros_like(target)
    residual, direction = target.clone(), target.clone()
    squared = residual @ residual
    for _ in range(iterations):
        if squared <= torch.finfo(target.dtype).eps ** 2 * (target @ target):
            break
        image = product(direction)
        length = squared / (direction @ image)
        x = x + length * direction
        residual = residual - length * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return x


def trust_region_step(parameters, objective, kl, *, max_kl, damping):
    """Maximise the objective within KL(pi_old || pi) <= max_kl, to second order, and change the parameters in place.

    x = F^{-1} g,   step = sqrt(2 max_kl / (x . F x)) x,   halved until the KL holds and the objective has risen

    Args:
        parameters: list of the policy's tensors; they hold pi_old when this is called.
        objective: () -> 0-d surrogate; g is its gradient.
        kl: () -> 0-d mean KL(pi_old || pi), 0 at the start.
        max_kl: the limit, in nats, above 0.
        damping: added to the diagonal of F, at least 0.

    Returns:
        TrustRegionStep. Where no trial is good enough the parameters stay as they were.

    Raises:
        ValueError: max_kl not above 0, damping negative, or a gradient that is not finite.

    Source: Schulman et al. (2015), appendix C.
    """
    check_positive(max_kl=max_kl)
    parameters = list(parameters)
    old = parameters_to_vector(parameters).detach().clone()
    before = objective()
    gradient = parameters_to_vector([part.contiguous() for part in torch.autograd.grad(before, parameters)])
    check_finite(gradient=gradient)

    def product(vector):
        return fisher_product(kl, parameters, vector, damping=damping)

    direction = conjugate_gradient(product, gradient, iterations=ITERATIONS)
    curvature = direction @ product(direction)
    if not curvature > 0:
        return TrustRegionStep(False, 0.0, 0.0, 0)
    step = (2 * max_kl / curvature).sqrt() * direction
    for trial in range(BACKTRACKS):
        with torch.no_grad():
            vector_to_parameters(old + SHRINK**trial * step, parameters)
            moved, improvement = kl().item(), (objective() - before).item()
        if moved <= max_kl and improvement > 0:
            return TrustRegionStep(True, moved, improvement, trial)
    with torch.no_grad():
        vector_to_parameters(old, parameters)
    return TrustRegionStep(False, 0.0, 0.0, BACKTRACKS)
