"""What learners may write for lesson 02."""

import math

import torch

# The softmax


def by_log_softmax(logits, *, temperature):
    return torch.exp(torch.log_softmax(logits / temperature, -1))


def row_by_row(logits, *, temperature):
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]):
        powers = [torch.exp((z - row.max()) / temperature) for z in row]
        rows.append(torch.stack([power / sum(powers) for power in powers]))
    return torch.stack(rows).reshape(logits.shape)


def through_sigmoids(logits, *, temperature):
    """One against all others together."""
    shares = []
    for a in range(logits.shape[-1]):
        others = torch.cat([logits[..., :a], logits[..., a + 1 :]], -1) / temperature
        shares.append(torch.sigmoid(logits[..., a] / temperature - others.logsumexp(-1)))
    return torch.stack(shares, -1)


def by_odds(logits, *, temperature):
    """π(a) = 1 / sum of the odds of all actions against a: where the odds overflow, the gradient is nan."""
    differences = logits[..., None, :] - logits[..., :, None]
    return 1 / torch.exp(differences / temperature).sum(-1)


def formula(shares):
    """A function from shares(logits, temperature)."""
    return lambda logits, *, temperature: shares(logits, temperature)


def soft(x):
    """The right softmax, written with log and exp."""
    return (x - x.logsumexp(-1, keepdim=True)).exp()


def divided(x):
    """The formula as it stands, with a product in place of the fraction."""
    total = torch.zeros_like(x[..., :1])
    for a in range(x.shape[-1]):
        total = total + torch.exp(x[..., a : a + 1])
    return torch.exp(x) * total.pow(-1)


def rows(x, one):
    """one(row) for every row."""
    return torch.stack([one(row) for row in x.reshape(-1, x.shape[-1])]).reshape(x.shape)


def chosen(z):
    pi = torch.zeros_like(z)
    pi[z.argmax()] = 1
    return pi


# The expected return


def dot(returns, probabilities):
    return returns.detach() @ probabilities


def play_by_play(returns, probabilities):
    total = 0
    for r, p in zip(returns.tolist(), probabilities, strict=True):
        total = total + r * p
    return total


def around_the_mean(returns, probabilities):
    R = returns.detach()
    return ((R - R.mean()) * probabilities).sum() + R.mean() * probabilities.sum()


RIGHT = {
    "my_softmax_policy": [by_log_softmax, row_by_row, through_sigmoids],
    "my_expected_return": [dot, play_by_play, around_the_mean],
}


def returns_too_early(returns, probabilities):
    total = 0.0
    for r, p in zip(returns, probabilities, strict=True):
        total = total + r.item() * p
        return total


def overwrites(returns, probabilities):
    for r, p in zip(returns.detach(), probabilities, strict=True):
        total = r * p
    return total


def no_grad(function):
    """The function without any gradient."""
    return lambda *arguments: torch.no_grad()(function)(*arguments)


WRONG = {
    "my_softmax_policy": {
        "breaks down for large logits": [
            formula(lambda z, T: divided(z / T)),
            formula(lambda z, T: divided(z / T - 1)),
        ],
        "cuts large logits off": [
            formula(lambda z, T: soft(torch.clip(z / T, -80, 80))),
            formula(lambda z, T: divided(torch.minimum(z / T, torch.tensor(30.0)))),
        ],
        "subtracts the same number from all states": [
            formula(lambda z, T: divided((z - max(z.flatten().tolist())) / T)),
            formula(lambda z, T: divided(z / T - torch.amax(z / T))),
        ],
        "subtracts another number than the largest": [
            by_odds,
            formula(lambda z, T: divided((z - z.amin(-1, keepdim=True)) / T)),
            formula(lambda z, T: divided((z - sum(z.unbind(-1))[..., None] / z.shape[-1]) / T)),
            formula(lambda z, T: rows(z, lambda row: ((row - row[0]) / T).exp() / sum(((row - row[0]) / T).exp()))),
        ],
        "takes the largest along the wrong axis": [
            formula(lambda z, T: divided((z - z.max(0).values) / T)),
            formula(lambda z, T: soft((z - z.amax(0, keepdim=True)) / T)),
        ],
        "ignores the temperature": [
            formula(lambda z, T: soft(z)),
            formula(lambda z, T: divided(z + math.log(T))),
        ],
        "multiplies by the temperature": [formula(lambda z, T: soft(T * z)), formula(lambda z, T: divided(z * T))],
        "divides the probabilities by the temperature": [
            formula(lambda z, T: soft(z) / T),
            formula(lambda z, T: divided(z) * T**-1),
        ],
        "applies the temperature on one side of the fraction only": [
            formula(lambda z, T: divided(z / T) * (z / T).exp().sum(-1, keepdim=True) / z.exp().sum(-1, keepdim=True)),
            formula(lambda z, T: torch.exp(z) / sum((z / T).exp().unbind(-1)).unsqueeze(-1)),
        ],
        "normalises over the wrong axis": [
            formula(lambda z, T: torch.exp(z / T - (z / T).logsumexp(0))),
            formula(lambda z, T: torch.exp(z / T) / torch.sum(torch.exp(z / T))),
        ],
        "does not divide by the sum": [
            formula(lambda z, T: math.e ** (z / T)),
            formula(lambda z, T: rows(z, lambda row: torch.stack([(x / T).exp() for x in row]))),
        ],
        "forgets the exponential": [
            formula(lambda z, T: z / T / (z / T).sum(-1, keepdim=True)),
            formula(lambda z, T: rows(z, lambda row: row / sum(row))),
        ],
        "takes another base than e": [
            formula(lambda z, T: soft(z * math.log(2) / T)),
            formula(lambda z, T: rows(z, lambda row: 10 ** (row / T) / sum(10 ** (row / T)))),
        ],
        "applies softmax twice": [
            formula(lambda z, T: soft(soft(z / T))),
            formula(lambda z, T: divided(divided(z / T))),
        ],
        "returns log-probabilities": [
            formula(lambda z, T: z / T - (z / T).logsumexp(-1, keepdim=True)),
            formula(lambda z, T: divided(z / T).log()),
        ],
        "puts everything on the largest logit": [
            formula(lambda z, T: rows(z, chosen)),
            formula(lambda z, T: 1.0 * (z >= z.amax(-1, keepdim=True))),
        ],
    },
    "my_expected_return": {
        "differentiates the returns": [
            lambda returns, probabilities: torch.dot(returns, probabilities),
            lambda returns, probabilities: sum(r * p for r, p in zip(returns, probabilities, strict=True)),
        ],
        "stops the gradient at the probabilities": [
            no_grad(dot),
            lambda returns, probabilities: sum(r * p.item() for r, p in zip(returns, probabilities, strict=True)),
        ],
        "takes the plain mean of the returns": [
            lambda returns, probabilities: sum(returns) / len(returns),
            lambda returns, probabilities: returns.detach().numpy().mean(),
        ],
        "adds up the returns without their probabilities": [
            lambda returns, probabilities: sum(returns),
            no_grad(lambda returns, probabilities: returns @ torch.ones_like(probabilities)),
        ],
        "has the wrong sign": [
            lambda returns, probabilities: 0 - torch.dot(returns, probabilities),
            lambda returns, probabilities: dot(-returns, probabilities),
        ],
        "divides by the number of plays": [
            lambda returns, probabilities: torch.dot(returns, probabilities) / len(returns),
            lambda returns, probabilities: play_by_play(returns, probabilities / len(probabilities)),
        ],
        "multiplies every return with every probability": [
            lambda returns, probabilities: torch.outer(returns, probabilities).sum(),
            lambda returns, probabilities: sum(r * p for r in returns.tolist() for p in probabilities),
        ],
        "returns one number per play": [
            lambda returns, probabilities: [r * p for r, p in zip(returns, probabilities, strict=True)],
            lambda returns, probabilities: torch.diag(returns.detach()) @ probabilities,
        ],
        "returns one of the products": [returns_too_early, overwrites],
        "takes the logarithm of the probabilities": [
            lambda returns, probabilities: torch.dot(returns, torch.log(probabilities)),
            lambda returns, probabilities: dot(returns * probabilities.detach(), probabilities.log()),
        ],
        "returns the return of the likeliest play": [
            lambda returns, probabilities: returns.detach()[probabilities.argmax()],
            lambda returns, probabilities: max(zip(probabilities.tolist(), returns, strict=True))[1],
        ],
        "divides by the sum of the probabilities": [
            lambda returns, probabilities: dot(returns, probabilities) / sum(probabilities),
            lambda returns, probabilities: torch.dot(returns, probabilities / probabilities.sum()),
        ],
        "centres the returns": [
            lambda returns, probabilities: dot(returns, probabilities) - returns.mean(),
            lambda returns, probabilities: play_by_play(returns - sum(returns) / len(returns), probabilities),
        ],
        "applies a softmax to the probabilities": [
            lambda returns, probabilities: returns @ soft(probabilities),
            lambda returns, probabilities: dot(returns, divided(probabilities)),
        ],
    },
}

EQUIVALENT = {}
