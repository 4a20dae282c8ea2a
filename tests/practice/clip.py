"""What learners may write for lesson 10."""

import math

import torch


def by_cases(logp, old_logp, advantages, *, epsilon):
    rho, a = torch.exp(logp - old_logp.detach()), advantages.detach()
    best = torch.where(a > 0, rho.clamp(max=1 + epsilon), rho.clamp(min=1 - epsilon))
    return (best * a).mean()


def one_by_one(logp, old_logp, advantages, *, epsilon):
    terms = []
    for new, old, a in zip(logp.flatten(), old_logp.detach().flatten(), advantages.detach().flatten(), strict=True):
        rho = torch.exp(new) / torch.exp(old)
        bounded = torch.clip(rho, 1 - epsilon, 1 + epsilon)
        terms.append(min(rho * a, bounded * a))
    return sum(terms) / len(terms)


def spinning_up_style(logp, old_logp, advantages, *, epsilon):
    rho, a = (logp - old_logp.detach()).exp(), advantages.detach()
    ceiling = torch.where(a >= 0, (1 + epsilon) * a, (1 - epsilon) * a)
    return torch.min(rho * a, ceiling).mean()


RIGHT = {"my_clipped_objective": [by_cases, one_by_one, spinning_up_style]}


def attempt(expression):
    """A function from an expression in rho, a, epsilon, with data detached."""

    def my_clipped_objective(logp, old_logp, advantages, *, epsilon):
        return expression(torch.exp(logp - old_logp.detach()), advantages.detach(), epsilon)

    return my_clipped_objective


def looped(term):
    """The same for one sample at a time."""
    return attempt(
        lambda rho, a, e: torch.stack([term(x, y, e) for x, y in zip(rho.flatten(), a.flatten(), strict=True)]).mean()
    )


def quotient(expression):
    """The same with the quotient of the log-probabilities for rho."""

    def my_clipped_objective(logp, old_logp, advantages, *, epsilon):
        return expression(logp / old_logp.detach(), advantages.detach(), epsilon)

    return my_clipped_objective


def band(rho, e):
    return torch.clip(rho, 1 - e, 1 + e)


def floored(terms, a, c):
    """Where A < 0 not below c A."""
    return torch.where(a < 0, terms.clamp(min=c * a), terms)


def everything_flows(logp, old_logp, advantages, *, epsilon):
    rho = torch.exp(logp) / torch.exp(old_logp)
    return torch.min(rho * advantages, band(rho, epsilon) * advantages).mean()


def advantages_flow(logp, old_logp, advantages, *, epsilon):
    rho = torch.exp(logp - old_logp.detach())
    return torch.stack([rho * advantages, band(rho, epsilon) * advantages]).min(0).values.mean()


WRONG = {
    "my_clipped_objective": {
        "takes max instead of min": [
            attempt(lambda rho, a, e: torch.max(rho * a, band(rho, e) * a).mean()),
            looped(lambda rho, a, e: max(rho * a, band(rho, e) * a)),
        ],
        "has no minimum at all": [
            attempt(lambda rho, a, e: (band(rho, e) * a).mean()),
            looped(lambda rho, a, e: band(rho, e) * a),
        ],
        "clips the product": [
            attempt(lambda rho, a, e: band(rho * a, e).mean()),
            looped(lambda rho, a, e: min(rho * a, band(rho * a, e))),
        ],
        "clips log ratios": [
            attempt(lambda rho, a, e: torch.min(rho * a, band(rho.log(), e).exp() * a).mean()),
            looped(lambda rho, a, e: min(rho * a, rho.log().clip(-e, e).exp() * a)),
        ],
        "has the band around 0": [
            attempt(lambda rho, a, e: torch.min(rho * a, rho.clip(-e, e) * a).mean()),
            looped(lambda rho, a, e: min(rho * a, (rho - 1).clip(-e, e) * a)),
        ],
        "takes the logarithm twice": [
            lambda logp, old_logp, advantages, *, epsilon: by_cases(
                logp.log(), old_logp.detach().log(), advantages, epsilon=epsilon
            ),
            lambda logp, old_logp, advantages, *, epsilon: spinning_up_style(
                torch.log(logp), torch.log(old_logp), advantages, epsilon=epsilon
            ),
        ],
        "has the wrong sign": [
            attempt(lambda rho, a, e: -torch.min(rho * a, band(rho, e) * a).mean()),
            attempt(lambda rho, a, e: torch.max(-rho * a, -band(rho, e) * a).mean()),
        ],
        "differentiates the advantage": [everything_flows, advantages_flow],
        "does not clip": [
            attempt(lambda rho, a, e: (rho * a).mean()),
            looped(lambda rho, a, e: rho * a),
        ],
        "leaves out the samples outside of the band": [
            attempt(lambda rho, a, e: torch.where((rho - 1).abs() > e, 0.0, rho * a).mean()),
            attempt(lambda rho, a, e: (rho * a)[(rho >= 1 - e) & (rho <= 1 + e)].mean()),
        ],
        "has a floor under the samples that went the wrong way": [
            attempt(lambda rho, a, e: floored(torch.min(rho * a, band(rho, e) * a), a, 3).mean()),
            looped(lambda rho, a, e: floored(min(rho * a, band(rho, e) * a), a, 2)),
        ],
        "clips on one side only": [
            attempt(lambda rho, a, e: torch.min(rho * a, rho.clamp(max=1 + e) * a).mean()),
            looped(lambda rho, a, e: min(rho * a, rho.clip(min=1 - e) * a)),
        ],
        "has the ratio upside down": [
            attempt(lambda rho, a, e: torch.min(a / rho, band(1 / rho, e) * a).mean()),
            looped(lambda rho, a, e: min(rho**-1 * a, band(rho**-1, e) * a)),
        ],
        "takes the minimum of the ratios": [
            attempt(lambda rho, a, e: (torch.min(rho, band(rho, e)) * a).mean()),
            looped(lambda rho, a, e: rho.clip(1 - e, min(1 + e, rho.item())) * a if rho >= 1 - e else rho * a),
        ],
        "holds the ratio at the wrong edge, or from the wrong side": [
            attempt(lambda rho, a, e: torch.where(a < 0, rho.clip(max=1 - e), rho.clip(max=1 + e)).mul(a).mean()),
            attempt(lambda rho, a, e: torch.min(rho * a, torch.where(a > 0, (1 - e) * a, (1 + e) * a)).mean()),
            looped(lambda rho, a, e: rho.clip(min=1 - e) * a),
        ],
        "has a lower edge of 1/(1 + ε)": [
            attempt(lambda rho, a, e: torch.min(rho * a, rho.clip(1 / (1 + e), 1 + e) * a).mean()),
            looped(lambda rho, a, e: min(rho * a, rho.log().clip(-math.log(1 + e), math.log(1 + e)).exp() * a)),
        ],
        "takes the minimum of the means": [
            attempt(lambda rho, a, e: torch.min((rho * a).mean(), (band(rho, e) * a).mean())),
            attempt(lambda rho, a, e: min((rho * a).sum(), (band(rho, e) * a).sum()) / rho.numel()),
        ],
        "divides log-probabilities": [
            quotient(lambda rho, a, e: torch.min(rho * a, band(rho, e) * a).mean()),
            quotient(
                lambda rho, a, e: torch.where(a > 0, rho.clamp(max=1 + e), rho.clamp(min=1 - e)).mul(a).mean(),
            ),
        ],
        "sums instead of averaging": [
            attempt(lambda rho, a, e: torch.min(rho * a, band(rho, e) * a).sum()),
            attempt(lambda rho, a, e: torch.where(a > 0, rho.clamp(max=1 + e), rho.clamp(min=1 - e)).mul(a).sum()),
        ],
    }
}

EQUIVALENT = {
    "my_clipped_objective": {
        "pessimistic = torch.minimum(clip_ratio(rho, epsilon=epsilon) * advantages, rho * advantages)",
    }
}
