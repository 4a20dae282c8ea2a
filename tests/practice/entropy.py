"""What learners may write for lesson 11."""

import math

import torch
from torch.distributions import Bernoulli, Categorical, kl_divergence
from torch.nn.functional import cross_entropy


def of_distribution(logits):
    return Categorical(logits=logits).entropy()


def log_sum_minus_mean(logits):
    mean = torch.einsum("...a,...a", logits.softmax(-1), logits)
    return logits.logsumexp(-1) - mean


def action_by_action(logits):
    shifted = logits - logits.max(-1, keepdim=True).values
    weights = [torch.exp(z) for z in shifted.unbind(-1)]
    total = sum(weights)
    return total.log() - sum(w * z for w, z in zip(weights, shifted.unbind(-1), strict=True)) / total


def as_a_loss(logits):
    rows = logits.reshape(-1, logits.shape[-1])
    return cross_entropy(rows, rows.softmax(-1), reduction="none").reshape(logits.shape[:-1])


def with_xlogy(logits):
    pi = torch.softmax(logits, dim=-1)
    return -torch.xlogy(pi, pi.clamp(min=1e-300)).sum(dim=-1)


RIGHT = {"my_entropy": [of_distribution, log_sum_minus_mean, action_by_action, as_a_loss, with_xlogy]}


def looped(term, start=0.0):
    """The sum over the actions as a loop: term(pi, logp) for one action in all states."""

    def my_entropy(logits):
        normaliser, total = logits.logsumexp(-1), start
        for z in logits.unbind(-1):
            total = total + term(torch.exp(z - normaliser), z - normaliser)
        return total

    return my_entropy


def attempt(expression):
    """A function from an expression in probabilities and log-probabilities."""

    def my_entropy(logits):
        policy = Categorical(logits=logits)
        return expression(policy.probs, policy.logits)

    return my_entropy


def dot(a, b):
    return torch.einsum("...a,...a", a, b)


WRONG = {
    "my_entropy": {
        "forgets the minus": [
            lambda logits: -of_distribution(logits),
            looped(lambda pi, logp: logp * pi),
        ],
        "leaves out the weights": [
            lambda logits: logits.shape[-1] * logits.logsumexp(-1) - logits.sum(-1),
            looped(lambda pi, logp: logp),
        ],
        "weighs with log-probabilities": [
            looped(lambda pi, logp: -(logp**2)),
            attempt(lambda pi, logp: -dot(logp, logp)),
        ],
        "leaves out the logarithm": [
            looped(lambda pi, logp: pi - pi**2),
            attempt(lambda pi, logp: -dot(pi, pi)),
        ],
        "takes logits for log-probabilities": [
            lambda logits: -dot(torch.exp(logits), logits),
            lambda logits: dot(logits.softmax(-1), logits.max(-1, keepdim=True).values - logits),
            lambda logits: sum(-p * z for p, z in zip(logits.softmax(-1).unbind(-1), logits.unbind(-1), strict=True)),
        ],
        "returns the distance to the uniform policy": [
            lambda logits: kl_divergence(Categorical(logits=logits), Categorical(logits=0 * logits)),
            attempt(lambda pi, logp: dot(pi, logp + math.log(pi.shape[-1]))),
        ],
        "guards the logarithm with a small number": [
            lambda logits: -(logits.softmax(-1).clip(1e-6, 1) * logits.softmax(-1).clip(1e-6, 1).log()).sum(-1),
            attempt(lambda pi, logp: -dot(pi, torch.log(pi + 1e-5))),
            looped(lambda pi, logp: pi * torch.log(1 / (1e-4 + pi))),
        ],
        "takes logits for probabilities": [
            lambda logits: -sum(z * torch.log(z) for z in logits.unbind(-1)),
            lambda logits: -dot(logits, logits - logits.logsumexp(-1, keepdim=True)),
        ],
        "takes the mean over the actions": [
            lambda logits: of_distribution(logits) / logits.shape[-1],
            attempt(lambda pi, logp: torch.mean(-logp * pi, dim=-1)),
        ],
        "looks at the likeliest action only": [
            lambda logits: logits.logsumexp(-1) - logits.amax(-1),
            lambda logits: -logits.log_softmax(-1).max(dim=-1)[0],
        ],
        "takes each action for a yes or no of its own": [
            lambda logits: Bernoulli(logits.softmax(-1)).entropy().sum(-1),
            looped(lambda pi, logp: -pi * logp - (1 - pi) * torch.log1p(-pi)),
        ],
        "keeps the actions apart": [
            attempt(lambda pi, logp: -logp * logp.exp()),
            lambda logits: torch.stack([-pi * pi.log() for pi in logits.softmax(-1).unbind(-1)], dim=-1),
        ],
        "mixes the states": [
            lambda logits: of_distribution(logits).mean(),
            lambda logits: Categorical(logits=logits.movedim(0, -1)).entropy(),
        ],
        "loses the axis of the actions": [
            lambda logits: -dot(logits.exp() / logits.exp().sum(-1), (logits.exp() / logits.exp().sum(-1)).log()),
            lambda logits: -sum(x * x.log() for x in torch.exp(logits).div(torch.exp(logits).sum(-1)).unbind(-1)),
        ],
        "takes the logarithm of the mean": [
            lambda logits: -(logits.softmax(-1) ** 2).sum(-1).log(),
            lambda logits: -torch.logsumexp(2 * logits.log_softmax(-1), -1),
        ],
        "divides by the largest entropy": [
            lambda logits: of_distribution(logits) / math.log(logits.shape[-1]),
            lambda logits: action_by_action(logits) / of_distribution(torch.zeros_like(logits)),
        ],
        "counts in bits": [
            lambda logits: of_distribution(logits) / math.log(2),
            lambda logits: -torch.sum(logits.softmax(-1) * logits.softmax(-1).log2(), dim=-1),
        ],
        "returns e to the entropy": [
            lambda logits: torch.exp(of_distribution(logits)),
            lambda logits: math.e ** log_sum_minus_mean(logits),
        ],
        "lets no gradient through the weights": [
            looped(lambda pi, logp: -pi.data * logp),
            lambda logits: of_distribution(logits.detach()),
        ],
        "takes the logarithm of a probability that is 0": [
            lambda logits: -torch.sum(logits.softmax(-1) * torch.log(torch.softmax(logits, -1)), -1),
            lambda logits: sum(pi * (1 / pi).log() for pi in torch.softmax(logits, dim=-1).unbind(-1)),
        ],
    }
}

EQUIVALENT = {}
