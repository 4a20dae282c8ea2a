"""What learners may write for lesson 08."""

import math

import numpy as np
import torch

from ppo_lessons.importance_sampling import ratio


def one_by_one(logp, old_logp, advantages):
    total, samples = 0.0, zip(logp.flatten(), old_logp.flatten(), advantages.flatten(), strict=True)
    for new, old, a in samples:
        total = total + math.exp(-old.item()) * new.exp() * a.item()
    return total / logp.numel()


def scalar_product(logp, old_logp, advantages):
    with torch.no_grad():
        weight = advantages / old_logp.exp() / advantages.numel()
    return logp.exp().flatten() @ weight.flatten()


def with_ratio(logp, old_logp, advantages):
    return torch.mean(advantages.detach() * ratio(logp, old_logp))


def logs_above_the_largest(weights):
    log_w = weights[weights > 0].log()
    return torch.exp(2 * torch.logsumexp(log_w, 0) - torch.logsumexp(2 * log_w, 0))


def of_shares(weights):
    shares = weights.numpy() / weights.numpy().max()
    shares = shares / np.sum(shares)
    return 1 / np.sum(shares**2)


def with_a_loop(weights):
    above, below = 0.0, 0.0
    numbers = weights.flatten().tolist()
    for w in numbers:
        above += w / max(numbers)
        below += (w / max(numbers)) ** 2
    return above**2 / below


def from_the_variance(weights):
    w = weights / weights.max()
    return w.numel() / (1 + w.var(unbiased=False) / w.mean() ** 2)


RIGHT = {
    "my_surrogate_objective": [one_by_one, scalar_product, with_ratio],
    "my_effective_sample_size": [logs_above_the_largest, of_shares, with_a_loop, from_the_variance],
}


def attempt(expression, mean=torch.mean):
    """A function from an expression in rho and a for one sample, with data detached."""

    def my_surrogate_objective(logp, old_logp, advantages):
        return mean(expression(logp.exp() / old_logp.detach().exp(), advantages.detach()))

    return my_surrogate_objective


def looped(term):
    """A function from a term in the two log-probabilities and a, summed in a loop."""

    def my_surrogate_objective(logp, old_logp, advantages):
        data = old_logp.detach().flatten().tolist(), advantages.detach().flatten().tolist()
        return sum(term(*sample) for sample in zip(logp.flatten(), *data, strict=True)) / logp.numel()

    return my_surrogate_objective


def without_detach(logp, old_logp, advantages):
    return (torch.exp(logp) / torch.exp(old_logp) * advantages).mean()


def old_flows(logp, old_logp, advantages):
    return torch.dot((logp - old_logp).exp().flatten(), advantages.detach().flatten()) / logp.numel()


def apart(logp, old_logp, advantages):
    return advantages.mean().item() * (logp - old_logp.detach()).exp().mean()


def apart_summed(logp, old_logp, advantages):
    rho = logp.exp() / old_logp.detach().exp()
    return rho.sum() * advantages.detach().sum() / logp.numel() ** 2


def self_normalised(logp, old_logp, advantages):
    weights = (logp - old_logp.detach()).flatten().softmax(0)
    return (weights * advantages.detach().flatten()).sum()


def self_normalised_flowing(logp, old_logp, advantages):
    rho = (logp - old_logp).exp()
    return torch.sum(rho / rho.sum() * advantages)


def centred(x):
    return x - x.sum() / x.numel()


def deviation(x):
    return (centred(x) @ centred(x) / (len(x) - 1)) ** 0.5 if x.dim() == 1 else x.std()


def squares(weights):
    return weights * weights


def squared_sum_by_squares(w):
    return w.sum() ** 2 / squares(w).sum()


def shares(weights):
    scaled = weights / weights.max()
    return scaled / scaled.sum()


WRONG = {
    "my_surrogate_objective": {
        "has the ratio upside down": [
            attempt(lambda rho, a: a / rho),
            looped(lambda new, old, a: math.exp(old) / new.exp() * a),
        ],
        "takes the log ratio for the ratio": [
            attempt(lambda rho, a: rho.log() * a),
            looped(lambda new, old, a: (new - old) * a),
        ],
        "divides log-probabilities": [
            lambda logp, old_logp, advantages: (logp / old_logp * advantages).mean(),
            looped(lambda new, old, a: a / old * new),
        ],
        "subtracts probabilities": [
            lambda logp, old_logp, advantages: (torch.exp(logp) - torch.exp(old_logp)).mul(advantages).mean(),
            looped(lambda new, old, a: (new.exp() - math.exp(old)) * a),
        ],
        "leaves out the old policy": [
            lambda logp, old_logp, advantages: torch.mean(advantages * torch.exp(logp)),
            looped(lambda new, old, a: a * new.exp()),
        ],
        "has log π where the ratio belongs": [
            lambda logp, old_logp, advantages: torch.mean(advantages * logp),
            looped(lambda new, old, a: math.exp(new.item() - old) * a * new),
            looped(lambda new, old, a: (new - old).exp() * a * new),
        ],
        "uses a ratio that is always 1": [
            lambda logp, old_logp, advantages: (torch.exp(logp) / logp.exp().detach() * advantages.detach()).mean(),
            looped(lambda new, old, a: a),
        ],
        "lets no gradient through the ratio": [
            lambda logp, old_logp, advantages: (ratio(logp, old_logp).data * advantages.detach()).mean(),
            looped(lambda new, old, a: math.exp(new.item() - old) * a),
        ],
        "takes the logarithm twice": [
            lambda logp, old_logp, advantages: (torch.log(logp) / torch.log(old_logp) * advantages).mean(),
            lambda logp, old_logp, advantages: (
                torch.sum(torch.exp(torch.log(logp) - torch.log(old_logp)) * advantages) / len(logp)
            ),
        ],
        "takes the exponential of one of the two only": [
            lambda logp, old_logp, advantages: torch.mean((math.e**logp - old_logp) * advantages),
            lambda logp, old_logp, advantages: torch.mean(torch.exp(logp) * advantages / old_logp),
        ],
        "averages ratios and advantages apart": [apart, apart_summed],
        "divides by the sum of the ratios": [self_normalised, self_normalised_flowing],
        "normalises the advantages": [
            lambda logp, old_logp, advantages: (ratio(logp, old_logp) * centred(advantages.detach())).mean(),
            lambda logp, old_logp, advantages: with_ratio(
                logp, old_logp, centred(advantages) / (1e-8 + deviation(advantages))
            ),
        ],
        "returns one number per sample": [
            attempt(lambda rho, a: rho * a, mean=lambda x: x),
            lambda logp, old_logp, advantages: torch.exp(logp) / torch.exp(old_logp) * advantages,
        ],
        "sums instead of averaging": [
            attempt(lambda rho, a: rho * a, mean=torch.sum),
            lambda logp, old_logp, advantages: ((logp - old_logp).exp() * advantages.detach()).flatten().sum(0),
        ],
        "has the wrong sign": [
            attempt(lambda rho, a: -rho * a),
            looped(lambda new, old, a: -a * (new - old).exp()),
        ],
        "differentiates data": [without_detach, old_flows],
    },
    "my_effective_sample_size": {
        "is upside down": [
            lambda weights: squares(weights).sum() / weights.sum() ** 2,
            lambda weights: ((weights / weights.sum()) ** 2).sum(),
        ],
        "leaves out a square": [
            lambda weights: weights.sum() / squares(weights).sum(),
            lambda weights: sum(weights.flatten().tolist()),
        ],
        "squares in the same place twice": [
            lambda weights: squares(weights / weights.max()).sum() / squares(weights / weights.max()).sum(),
            lambda weights: 1.0,
        ],
        "returns a share": [
            lambda weights: weights.mean() ** 2 / squares(weights).mean(),
            lambda weights: with_a_loop(weights) / weights.numel(),
        ],
        "takes the weights for normalised": [
            lambda weights: 1 / squares(weights).sum(),
            lambda weights: weights.numel() / squares(weights).sum(),
        ],
        "takes the variance that divides by n − 1": [
            lambda weights: weights.numel() / (1 + (weights.std() / weights.mean()) ** 2),
            lambda weights: len(weights.flatten()) / (1 + np.var((weights / weights.mean()).numpy(), ddof=1)),
            lambda weights: weights.numel() / (1 + (weights / weights.mean()).var()) if weights.numel() > 1 else 1.0,
        ],
        "takes e to the entropy of the weights": [
            lambda weights: torch.distributions.Categorical(probs=weights.flatten() / weights.max()).entropy().exp(),
            lambda weights: torch.prod(shares(weights) ** -shares(weights)),
        ],
        "counts draws instead of weighing them": [
            lambda weights: sum(w > 0 for w in weights.flatten().tolist()),
            lambda weights: len(weights.flatten()),
        ],
        "divides by the largest weight": [
            lambda weights: sum(weights.flatten().tolist()) / max(weights.flatten().tolist()),
            lambda weights: torch.sum(weights / torch.max(weights)),
        ],
        "treats every column as a sample of its own": [
            lambda weights: torch.sum(weights, dim=0) ** 2 / torch.sum(squares(weights), dim=0),
            lambda weights: of_each_column(weights),
        ],
        "cuts the weights off": [
            lambda weights: weights.clamp(max=1e100).sum() ** 2 / squares(weights.clamp(max=1e100)).sum(),
            lambda weights: with_a_loop(weights.clip(1e-100, 1e100)),
            lambda weights: weights.clamp(min=1e-12).sum() ** 2 / squares(weights.clamp(min=1e-12)).sum(),
        ],
        "guards the division with a small number": [
            lambda weights: 1 / squares(weights / (1e-10 + weights.sum())).sum(),
            lambda weights: 1 / squares(weights / weights.sum().clamp(min=1e-8)).sum(),
            lambda weights: squared_sum_by_squares(weights / (weights.max() + 1e-12)),
        ],
        "lets the squares overflow or vanish": [
            lambda weights: weights.sum() ** 2 / squares(weights).sum(),
            lambda weights: sum(weights.flatten()) ** 2 / sum(w * w for w in weights.flatten()),
        ],
    },
}


def of_each_column(weights):
    weights = weights / weights.max()
    if weights.dim() == 1:
        return with_a_loop(weights)
    return [with_a_loop(column) for column in weights.T]


EQUIVALENT = {}
