"""What learners may write for lesson 09."""

import math

import torch
from torch.distributions import Categorical
from torch.distributions import kl_divergence as kl_of
from torch.nn.functional import kl_div


def of_distributions(logits_p, logits_q):
    return kl_of(Categorical(logits=logits_p), Categorical(logits=logits_q))


def of_losses(logits_p, logits_q):
    inputs = logits_q - logits_q.logsumexp(-1, keepdim=True), logits_p - logits_p.logsumexp(-1, keepdim=True)
    return kl_div(*inputs, log_target=True, reduction="none").sum(-1)


def rows(term):
    """A function that walks over the states: term(log_p, log_q) for the two rows of one state."""

    def my_kl_divergence(logits_p, logits_q):
        width = logits_p.shape[-1]
        pairs = zip(logits_p.reshape(-1, width), logits_q.reshape(-1, width), strict=True)
        results = [term(p - p.logsumexp(0), q - q.logsumexp(0)) for p, q in pairs]
        return torch.stack(results).reshape(logits_p.shape[:-1])

    return my_kl_divergence


def as_entropies(logits_p, logits_q):
    cross = torch.einsum("...a,...a", logits_p.softmax(-1), -logits_q.log_softmax(-1))
    return cross - Categorical(logits=logits_p).entropy()


def by_formula(logp, old_logp, *, estimator):
    log_rho = logp - old_logp.detach()
    return {"k1": -log_rho, "k2": log_rho**2 * 0.5, "k3": torch.special.expm1(log_rho) - log_rho}[estimator]


def sample_by_sample(logp, old_logp, *, estimator):
    results = []
    for new, old in zip(logp.flatten(), old_logp.flatten().tolist(), strict=True):
        if estimator == "k1":
            results.append(old - new)
        elif estimator == "k2":
            results.append(0.5 * (old - new) * (old - new))
        else:
            results.append(torch.expm1(new - old) - (new - old))
    return torch.stack(results).reshape(logp.shape)


def from_k1(logp, old_logp, *, estimator):
    with torch.no_grad():
        old = old_logp.exp()
    k1 = torch.log(old / logp.exp())
    if estimator == "k3":
        return k1 + 2 * torch.sinh(-k1 / 2) * torch.exp(-k1 / 2)  # ρ − 1, as a product
    return k1 if estimator == "k1" else k1.square().div(2)


def by_relative_size(beta, kl, *, target):
    relative = kl / target
    if relative > 1.5:
        return 2 * beta
    return beta * 0.5 if 1.5 * relative < 1 else beta


def with_a_power(beta, kl, *, target):
    return beta * 2.0 ** (int(kl > 1.5 * target) - int(1.5 * kl < target))


def with_a_tensor(beta, kl, *, target):
    low, high = target / 1.5, target * 1.5
    price = torch.tensor(beta)
    if not low <= kl <= high:
        price *= 0.5 if kl < low else 2.0
    return price


RIGHT = {
    "my_kl_divergence": [of_distributions, of_losses, rows(lambda p, q: torch.dot(p.exp(), p - q)), as_entropies],
    "my_approximate_kl": [by_formula, sample_by_sample, from_k1],
    "my_adapt_beta": [by_relative_size, with_a_power, with_a_tensor],
}


def attempt(expression):
    """A function from an expression in p, q (probabilities), and their logarithms."""

    def my_kl_divergence(logits_p, logits_q):
        p, q = Categorical(logits=logits_p), Categorical(logits=logits_q)
        return expression(p.probs, q.probs, p.logits, q.logits)

    return my_kl_divergence


def terms(p, q, log_p, log_q):
    return p * (log_p - log_q)


def dot_of_shares(x, y):
    p, q = x / x.sum(-1), y / y.sum(-1)
    return torch.einsum("...a,...a", p, torch.log(p) - torch.log(q))


def sum_of_shares(p, q):
    return sum(a * torch.log(a / b) for a, b in zip(p.unbind(-1), q.unbind(-1), strict=True))


def sum_of_shifted(shifted_p, shifted_q):
    """The logits less the largest are taken for log-probabilities."""
    return torch.einsum("...a,...a", shifted_p.softmax(-1), shifted_p - shifted_q)


def looped(term):
    """The sum over the actions as a loop: term(p, q, log_p, log_q) for one action in all states."""

    def my_kl_divergence(logits_p, logits_q):
        total = 0.0
        for log_p, log_q in zip(logits_p.log_softmax(-1).unbind(-1), logits_q.log_softmax(-1).unbind(-1), strict=True):
            total = total + term(log_p.exp(), log_q.exp(), log_p, log_q)
        return total

    return my_kl_divergence


def estimate(log_rho=lambda logp, old_logp: logp - old_logp.detach(), after=lambda k, old_logp: k, **wrong):
    """The three estimators with if and elif, some of them replaced by another formula of rho and log rho."""

    def my_approximate_kl(logp, old_logp, *, estimator):
        x = log_rho(logp, old_logp)
        if estimator in wrong:
            k = wrong[estimator](torch.exp(x), x)
        elif estimator == "k1":
            k = 0 - x
        elif estimator == "k2":
            k = x * x / 2
        else:
            k = torch.expm1(x) - x
        return after(k, old_logp.detach())

    return my_approximate_kl


def squares_for_k2(logp, old_logp, estimator, k3):
    old_logp = old_logp.detach()
    if estimator == "k2":
        return (logp**2 - old_logp**2) / 2
    return old_logp - logp if estimator == "k1" else k3(logp - old_logp)


def divided(logp, old_logp):
    """log of a quotient of probabilities."""
    return torch.log(logp.exp() / old_logp.detach().exp())


def adapt(below=lambda kl, target: kl < target / 1.5, above=lambda kl, target: kl > target * 1.5, down=2, up=2):
    """With if and elif: two conditions and two factors."""

    def my_adapt_beta(beta, kl, *, target):
        if below(kl, target):
            beta = beta / down
        elif above(kl, target):
            beta *= up
        return beta

    return my_adapt_beta


def chosen(low, high, results=lambda beta, target: (beta / 2, beta, beta * 2)):
    """With a list of three results, from which the number of edges below the KL chooses."""

    def my_adapt_beta(beta, kl, *, target):
        return results(beta, target)[(kl >= low(target)) + (kl > high(target))]

    return my_adapt_beta


def until_it_fits(beta, kl, *, target):
    if kl == 0:
        return beta / 2
    while kl < target / 1.5:
        beta, kl = beta / 2, kl * 2
    while kl > 1.5 * target:
        beta, kl = beta * 2, kl / 2
    return beta


def until_it_fits_by_calls(beta, kl, *, target):
    if kl < target / 1.5:
        return until_it_fits_by_calls(beta / 2, 1.5 * kl, target=target) if kl > 0 else beta / 2
    return until_it_fits_by_calls(2 * beta, kl / 1.5, target=target) if kl > 1.5 * target else beta


def without_assignment(beta, kl, *, target):
    if kl < target / 1.5:
        beta / 2
    elif kl > target * 1.5:
        beta * 2
    return beta


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return sum((x * (x / middle).log()).sum(-1) for x in (p, q)) / 2


def third_below(target):
    return target / 1.5


def half_above(target):
    return 1.5 * target


WRONG = {
    "my_kl_divergence": {
        "has the two policies the wrong way round": [
            lambda logits_p, logits_q: of_losses(logits_q, logits_p),
            looped(lambda p, q, log_p, log_q: log_q.exp() * (log_q - log_p)),
        ],
        "averages over the wrong policy": [
            attempt(lambda p, q, log_p, log_q: torch.einsum("...a,...a", q, log_p - log_q)),
            rows(lambda p, q: q.exp() @ (p - q)),
        ],
        "has the wrong sign": [
            lambda logits_p, logits_q: -of_distributions(logits_p, logits_q),
            looped(lambda p, q, log_p, log_q: p * log_q - p * log_p),
        ],
        "takes the differences without their sign": [
            lambda logits_p, logits_q: torch.sum(torch.abs(logits_p.softmax(-1) - logits_q.softmax(-1)), dim=-1),
            rows(lambda p, q: p.exp() @ torch.abs(q - p)),
        ],
        "takes the approximation for small steps": [
            attempt(lambda p, q, log_p, log_q: ((p - q) ** 2 / (2 * q)).sum(-1)),
            looped(lambda p, q, log_p, log_q: (q - p) ** 2 / (2 * p)),
            rows(lambda p, q: (p.exp() @ (p - q) ** 2 - (p.exp() @ (p - q)) ** 2) / 2),
        ],
        "adds the other direction": [
            lambda logits_p, logits_q: of_losses(logits_p, logits_q) + of_losses(logits_q, logits_p),
            rows(lambda p, q: (p.exp() @ (p - q) + q.exp() @ (q - p)) / 2),
        ],
        "compares with the mean of both policies": [
            attempt(lambda p, q, log_p, log_q: (p * (p.log() - torch.log(0.5 * p + 0.5 * q))).sum(-1)),
            attempt(lambda p, q, log_p, log_q: jensen_shannon(p, q)),
        ],
        "leaves out the weights": [
            rows(lambda p, q: sum(p) - sum(q)),
            looped(lambda p, q, log_p, log_q: log_p - log_q),
        ],
        "weighs each logarithm with its own policy": [
            lambda logits_p, logits_q: Categorical(logits=logits_q).entropy() - Categorical(logits=logits_p).entropy(),
            looped(lambda p, q, log_p, log_q: p * log_p - q * log_q),
        ],
        "weighs with log-probabilities": [
            looped(lambda p, q, log_p, log_q: log_p * log_p - log_p * log_q),
            rows(lambda p, q: p @ (p - q)),
        ],
        "leaves out a logarithm": [
            attempt(lambda p, q, log_p, log_q: -torch.einsum("...a,...a", p, log_q)),
            lambda logits_p, logits_q: -Categorical(logits=logits_p).entropy(),
        ],
        "takes logits for log-probabilities": [
            lambda logits_p, logits_q: torch.einsum("...a,...a", torch.exp(logits_p), logits_p - logits_q),
            lambda logits_p, logits_q: kl_div(logits_q, logits_p, log_target=True, reduction="none").sum(-1),
            lambda logits_p, logits_q: sum_of_shifted(*(z - z.max(-1, True).values for z in (logits_p, logits_q))),
        ],
        "takes softmax twice": [
            lambda logits_p, logits_q: of_distributions(logits_p.softmax(-1), logits_q.softmax(-1)),
            lambda logits_p, logits_q: looped(terms)(logits_p.log_softmax(-1).exp(), logits_q.log_softmax(-1).exp()),
        ],
        "takes logits for probabilities": [
            lambda logits_p, logits_q: sum(
                p * torch.log(p / q) for p, q in zip(logits_p.unbind(-1), logits_q.unbind(-1), strict=True)
            ),
            lambda logits_p, logits_q: torch.sum(logits_p * (torch.log(logits_p) - torch.log(logits_q)), dim=-1),
        ],
        "takes the mean over the actions": [
            lambda logits_p, logits_q: of_distributions(logits_p, logits_q) / logits_p.shape[-1],
            rows(lambda p, q: (p.exp() * (p - q)).mean()),
        ],
        "mixes the states": [
            lambda logits_p, logits_q: of_losses(logits_p, logits_q).mean(),
            lambda logits_p, logits_q: kl_div(logits_q.log_softmax(-1), logits_p.softmax(-1), reduction="batchmean"),
            lambda logits_p, logits_q: rows(lambda p, q: p.exp() @ (p - q))(logits_p, logits_q).sum(),
        ],
        "counts in bits": [
            lambda logits_p, logits_q: of_losses(logits_p, logits_q) / math.log(2),
            looped(lambda p, q, log_p, log_q: p * (log_p.exp().log2() - log_q.exp().log2())),
        ],
        "loses the axis of the actions": [
            lambda logits_p, logits_q: dot_of_shares(torch.exp(logits_p), torch.exp(logits_q)),
            lambda logits_p, logits_q: sum_of_shares(*(z.exp().div(z.exp().sum(-1)) for z in (logits_p, logits_q))),
        ],
        "detaches a part of the formula": [
            lambda logits_p, logits_q: of_losses(logits_p.detach(), logits_q),
            rows(lambda p, q: torch.dot(p.detach().exp(), p - q)),
        ],
        "guards the logarithm with a small number": [
            lambda logits_p, logits_q: (
                logits_p.softmax(-1).clip(1e-6, 1)
                * (logits_p.softmax(-1).clip(1e-6, 1) / logits_q.softmax(-1).clip(1e-6, 1)).log()
            ).sum(-1),
            lambda logits_p, logits_q: (
                logits_p.softmax(-1) * torch.log((logits_p.softmax(-1) + 1e-8) / (logits_q.softmax(-1) + 1e-8))
            ).sum(-1),
            lambda logits_p, logits_q: sum(
                p * (torch.log(p + 1e-10) - torch.log(q + 1e-10))
                for p, q in zip(logits_p.softmax(-1).unbind(-1), logits_q.softmax(-1).unbind(-1), strict=True)
            ),
        ],
        "takes the logarithm of a probability that is 0": [
            lambda logits_p, logits_q: (
                (logits_p.softmax(-1) * torch.log(logits_p.softmax(-1))).sum(-1)
                - (logits_p.softmax(-1) * torch.log(logits_q.softmax(-1))).sum(-1)
            ),
            lambda logits_p, logits_q: sum(
                p * torch.log(p / q)
                for p, q in zip(logits_p.softmax(-1).unbind(-1), logits_q.softmax(-1).unbind(-1), strict=True)
            ),
        ],
    },
    "my_approximate_kl": {
        "has the ratio upside down": [
            estimate(lambda logp, old_logp: old_logp.detach() - logp),
            estimate(k3=lambda rho, x: 1 / rho - 1 + x),
        ],
        "takes a difference of probabilities for log ρ": [
            estimate(lambda logp, old_logp: logp.exp() - old_logp.detach().exp()),
            lambda logp, old_logp, *, estimator: by_formula(logp.exp(), old_logp.exp(), estimator=estimator),
        ],
        "forgets the minus of k1": [estimate(k1=lambda rho, x: x), estimate(divided, k1=lambda rho, x: rho.log())],
        "makes k1 positive": [estimate(k1=lambda rho, x: x.abs()), estimate(divided, k1=lambda rho, x: torch.relu(-x))],
        "has another factor than ½ in k2": [
            estimate(k2=lambda rho, x: x * x),
            estimate(divided, k2=lambda rho, x: (0.5 * x) ** 2),
        ],
        "squares ρ inside the logarithm": [
            estimate(k2=lambda rho, x: torch.log(rho**2) / 2),
            estimate(divided, k2=lambda rho, x: (rho * rho).log()),
        ],
        "estimates the other direction in k3": [
            estimate(k3=lambda rho, x: rho * x - torch.expm1(x)),
            estimate(k3=lambda rho, x: rho * x - (rho - 1)),
        ],
        "takes the difference of the squares in k2": [
            lambda *logs, estimator: squares_for_k2(*logs, estimator, lambda x: x.exp() - 1 - x),
            lambda *logs, estimator: squares_for_k2(*logs, estimator, lambda x: torch.expm1(x) - x),
        ],
        "takes ρ − 1 for log ρ in k2": [
            estimate(k2=lambda rho, x: 0.5 * (1 - rho) ** 2),
            estimate(divided, k2=lambda rho, x: rho * rho / 2),
        ],
        "forgets the 1 in k3": [estimate(k3=lambda rho, x: rho - x), estimate(divided, k3=lambda rho, x: rho - x)],
        "has the wrong sign at log ρ in k3": [
            estimate(k3=lambda rho, x: rho - 1 + x),
            estimate(divided, k3=lambda rho, x: 1 + x - rho),
        ],
        "mixes up ρ and log ρ in k3": [
            estimate(k3=lambda rho, x: (x - 1) - x),
            estimate(divided, k3=lambda rho, x: (rho - 1) - rho),
        ],
        "loses the digits of k3": [
            estimate(k3=lambda rho, x: rho - 1 - x),
            estimate(k3=lambda rho, x: rho - (1 + x)),
            estimate(k3=lambda rho, x: rho - x - 1),
        ],
        "exchanges k2 and k3": [
            estimate(k2=lambda rho, x: rho - 1 - x, k3=lambda rho, x: x**2 / 2),
            lambda *logs, estimator: by_formula(*logs, estimator={"k1": "k1", "k2": "k3", "k3": "k2"}[estimator]),
        ],
        "divides log-probabilities": [
            estimate(lambda logp, old_logp: torch.log(logp / old_logp.detach())),
            estimate(lambda logp, old_logp: logp / old_logp),
        ],
        "pays no attention to `estimator`": [
            lambda *logs, estimator: by_formula(*logs, estimator="k3"),
            lambda *logs, estimator: [by_formula(*logs, estimator=k) for k in ("k1", "k2", "k3")],
        ],
        "weighs the samples with their probability": [
            estimate(after=lambda k, old_logp: k * old_logp.exp()),
            estimate(divided, after=lambda k, old_logp: torch.tensordot(old_logp.exp(), k, dims=k.dim())),
        ],
        "returns one number for all samples": [
            estimate(after=lambda k, old_logp: k.flatten().mean(0)),
            estimate(divided, after=lambda k, old_logp: sum(k.flatten())),
        ],
        "detaches a part of k3": [
            estimate(k3=lambda rho, x: torch.expm1(x.detach()) - x),
            estimate(k3=lambda rho, x: torch.expm1(x) - x.detach()),
        ],
        "stops the gradient at logp": [
            estimate(lambda logp, old_logp: (logp - old_logp).detach()),
            lambda logp, old_logp, *, estimator: by_formula(-old_logp, -logp, estimator=estimator),
        ],
        "differentiates the old log-probabilities": [
            estimate(lambda logp, old_logp: logp - old_logp),
            estimate(lambda logp, old_logp: torch.log(logp.exp() / old_logp.exp())),
        ],
    },
    "my_adapt_beta": {
        "turns β the wrong way": [
            adapt(down=0.5, up=0.5),
            adapt(lambda kl, d: kl > 1.5 * d, lambda kl, d: kl < d / 1.5),
        ],
        "returns β unchanged": [lambda beta, kl, *, target: beta, adapt(down=1, up=1), without_assignment],
        "never lowers β": [
            lambda beta, kl, *, target: 2 * beta if kl > target * 1.5 else beta,
            chosen(third_below, half_above, lambda beta, target: (beta, beta, beta + beta)),
        ],
        "never raises β": [
            lambda beta, kl, *, target: beta / 2 if kl < target / 1.5 else beta,
            chosen(third_below, half_above, lambda beta, target: (beta / 2, beta, beta)),
        ],
        "has no band around the target": [
            adapt(lambda kl, target: kl < target, lambda kl, target: kl > target),
            lambda beta, kl, *, target: beta * 2 if kl >= target / 1.5 else beta / 2,
            adapt(lambda kl, target: kl < 1.5 * target, lambda kl, target: kl > target / 1.5),
        ],
        "compares with fixed numbers": [
            adapt(lambda kl, target: kl < 2 / 3, lambda kl, target: kl > 1.5),
            chosen(lambda target: 0.02, lambda target: 0.045),
        ],
        "takes 1.5 for a distance": [
            adapt(lambda kl, target: kl - target < -1.5, lambda kl, target: kl - target > 1.5),
            chosen(lambda target: target - 1.5, lambda target: 1.5 + target),
        ],
        "compares the KL with β": [
            lambda beta, kl, *, target: adapt()(beta, kl, target=beta),
            lambda beta, kl, *, target: beta * 2 if kl > beta else 0.5 * beta if beta > kl else beta,
        ],
        "exchanges 1.5 and 2": [
            adapt(lambda kl, target: kl < target / 2, lambda kl, target: kl > 2 * target, down=1.5, up=1.5),
            chosen(lambda t: 0.5 * t, lambda t: 2.0 * t, lambda beta, target: (beta / 1.5, beta, 1.5 * beta)),
        ],
        "moves β by the factor of the band": [
            adapt(down=1.5, up=1.5),
            chosen(third_below, half_above, lambda beta, target: (beta / 1.5, beta, 1.5 * beta)),
        ],
        "moves β by another factor than 2": [
            adapt(down=3, up=3),
            adapt(down=2**0.5, up=2**0.5),
            chosen(third_below, half_above, lambda beta, target: (0.9 * beta, beta, 1.1 * beta)),
        ],
        "has a band of another width": [
            adapt(lambda kl, target: kl < target / 2, lambda kl, target: kl > 2 * target),
            adapt(lambda kl, target: kl < 0.5 * target),
        ],
        "takes 1.5 for a power": [
            adapt(above=lambda kl, target: kl > target**1.5),
            adapt(above=lambda kl, target: kl > math.exp(1.5 * math.log(target))),
            adapt(lambda kl, target: kl < target**-1.5, lambda kl, target: kl > math.pow(target, 1.5)),
            adapt(lambda kl, target: kl < target ** (1 / 1.5), lambda kl, target: kl > target**1.5),
        ],
        "changes β more than once": [until_it_fits, until_it_fits_by_calls],
        "halves with //": [
            chosen(third_below, half_above, lambda beta, target: (beta // 2, beta, beta * 2)),
            lambda beta, kl, *, target: adapt()(beta, kl, target=target) if kl >= target / 1.5 else beta // 2,
        ],
        "returns the factor and not the price": [
            lambda beta, kl, *, target: adapt()(1.0, kl, target=target),
            chosen(third_below, half_above, lambda beta, target: (0.5, 1.0, 2.0)),
        ],
        "changes the target": [
            lambda beta, kl, *, target: adapt()(target, kl, target=target),
            chosen(third_below, half_above, lambda beta, target: (2 * target, target, target / 2)),
        ],
        "makes β proportional to the KL": [
            lambda beta, kl, *, target: beta * (kl / target),
            lambda beta, kl, *, target: kl / target * beta,
        ],
        "holds β between bounds": [
            lambda beta, kl, *, target: max(1e-3, adapt()(beta, kl, target=target)),
            lambda beta, kl, *, target: min(10.0, adapt()(beta, kl, target=target)),
            chosen(third_below, half_above, lambda beta, target: [max(0.1, b) for b in (beta / 2, beta, 2 * beta)]),
        ],
        "moves β by a fixed step": [
            chosen(third_below, half_above, lambda beta, target: (beta - 0.5, beta, beta + 0.5)),
            lambda beta, kl, *, target: beta + 0.01 * ((kl > 1.5 * target) - (kl < target / 1.5)),
        ],
        "counts an edge of the band as outside": [
            adapt(lambda kl, target: kl <= target / 1.5, lambda kl, target: kl >= target * 1.5),
            lambda beta, kl, *, target: (
                beta if target / 1.5 < kl < 1.5 * target else beta * (2 if kl > target else 0.5)
            ),
        ],
    },
}

EQUIVALENT = {"my_adapt_beta": {"left out: beta, kl = (float(beta), float(kl))"}}
