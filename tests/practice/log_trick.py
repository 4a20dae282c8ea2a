"""What learners may write for lesson 03."""

import torch


def play_by_play(logp, weights):
    total, plays = 0, logp.reshape(len(logp), -1).unbind(1)
    for play, weight in zip(plays, weights.reshape(len(logp), -1).unbind(1), strict=True):
        total = total + sum(w.item() * x for w, x in zip(weight, play, strict=True))
    return total / len(plays)


def mean_over_plays_first(logp, weights):
    products = logp * weights.detach()
    return products.reshape(len(logp), -1).mean(1).sum()


def total_over_number(logp, weights):
    return torch.dot(logp.flatten(), weights.detach().flatten()) * len(logp) / logp.numel()


def through_the_product(logp, weights):
    """The log of the product of π to the power of the weight."""
    return (logp.exp() ** weights.detach()).prod(0).log().mean()


RIGHT = {"my_score_objective": [play_by_play, mean_over_plays_first, total_over_number, through_the_product]}


def attempt(expression):
    """A function of logp and weights as [T, N], with the weights detached."""

    def my_score_objective(logp, weights):
        return expression(logp.reshape(len(logp), -1), weights.detach().reshape(len(logp), -1))

    return my_score_objective


def looped(term, finish):
    """A double loop: finish(sums over time, one for each play; number of steps)."""

    def my_score_objective(logp, weights):
        steps, sums = len(logp), []
        for play, weight in zip(logp.reshape(steps, -1).T, weights.reshape(steps, -1).T, strict=True):
            total = 0
            for x, w in zip(play, weight, strict=True):
                total = total + term(x, w)
            sums.append(total)
        return finish(torch.stack(sums), steps)

    return my_score_objective


def mean(sums, steps):
    return sums.mean()


def times(x, w):
    return x * w.detach()


def without_gradient(logp, weights):
    with torch.no_grad():
        return mean_over_plays_first(logp, weights)


def by_live_steps(logp, weights):
    alive = weights.detach() != 0
    return (weights.detach() * logp)[alive].mean()


WRONG = {
    "my_score_objective": {
        "differentiates the weights": [
            looped(lambda x, w: x * w, mean),
            lambda logp, weights: torch.einsum("t...,t...->...", logp, weights).mean(),
        ],
        "stops the gradient at log π": [
            without_gradient,
            looped(lambda x, w: x.item() * w, mean),
        ],
        "has the wrong sign": [
            looped(times, lambda sums, steps: -sums.mean()),
            attempt(lambda logp, w: torch.einsum("tn,tn->n", -logp, w).mean()),
        ],
        "averages over the steps": [looped(times, lambda sums, steps: sums.mean() / steps), by_live_steps],
        "divides by the sum of the weights": [
            lambda logp, weights: torch.dot(logp.flatten(), weights.flatten()) / weights.sum(),
            attempt(lambda logp, w: (torch.einsum("tn,tn->n", logp, w) / sum(w)).mean()),
        ],
        "adds up over the plays": [
            looped(times, lambda sums, steps: sums.sum()),
            lambda logp, weights: torch.dot(logp.flatten(), weights.flatten()),
        ],
        "exchanges steps and plays": [
            attempt(lambda logp, w: torch.einsum("tn,tn->", logp, w) / len(logp)),
            lambda logp, weights: (logp * weights).mean(0).sum(),
        ],
        "returns more than one number": [
            lambda logp, weights: sum(logp * weights.detach()),
            lambda logp, weights: torch.stack([x * w for x, w in zip(logp, weights, strict=True)]),
        ],
        "takes π in place of log π": [
            looped(lambda x, w: torch.exp(x) * w.detach(), mean),
            lambda logp, weights: (logp.exp() * weights).sum(0).mean(),
        ],
        "takes the logarithm twice": [
            looped(lambda x, w: torch.log(x) * w.detach(), mean),
            lambda logp, weights: sum(weights * torch.log(logp)).mean(),
        ],
        "subtracts the mean of the weights": [
            attempt(lambda logp, w: torch.einsum("tn,tn->n", logp, w - w.mean()).mean()),
            attempt(lambda logp, w: (logp * (w - sum(w) / len(w))).sum() / logp.shape[1]),
        ],
        "keeps only the sign of the weights": [
            attempt(lambda logp, w: torch.einsum("tn,tn->n", logp, torch.sign(w)).mean()),
            looped(lambda x, w: x if w > 0 else -x if w < 0 else 0 * x, mean),
        ],
        "gives every step the log-probability of the whole play": [
            lambda logp, weights: (weights.detach() * sum(logp)).mean(),
            attempt(lambda logp, w: torch.dot(logp.sum(0), w.mean(0)) / logp.shape[1]),
        ],
        "averages the weights alone": [
            looped(lambda x, w: w, mean),
            lambda logp, weights: sum(weights.detach()).mean(),
        ],
        "multiplies two sums": [
            attempt(lambda logp, w: torch.stack([x.sum() * y.sum() for x, y in zip(logp.T, w.T, strict=True)]).mean()),
            lambda logp, weights: (sum(logp) * sum(weights)).mean(),
        ],
        "gives a step the weight of another step": [
            attempt(lambda logp, w: torch.einsum("tn,tn->n", logp[1:], w[:-1]).mean()),
            lambda logp, weights: sum(logp[t] * weights[t - 1].detach() for t in range(len(logp))).mean(),
            lambda logp, weights: (logp.flip(0) * weights).sum(0).mean(),
        ],
        "gives all steps the weight of the first": [
            attempt(lambda logp, w: torch.einsum("tn,n->n", logp, w[0]).mean()),
            lambda logp, weights: (weights[:1] * logp).sum(0).mean(),
        ],
    }
}

EQUIVALENT = {}
