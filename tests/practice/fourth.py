"""Wrong attempts of the fourth round, at most one for each exercise: what is said about them."""

import torch

from ppo_lessons import advantage


def expectation(values, probabilities):
    """The sum begins with the first value."""
    total = values[0]
    for v, p in zip(values, probabilities, strict=True):
        total = total + v * p
    return total


def softmax_policy(logits, *, temperature):
    """The square of the temperature."""
    z = logits / temperature**2
    return torch.softmax(z, -1)


def expected_return(returns, probabilities):
    """Divides by the largest probability."""
    return torch.sum(returns.detach() * probabilities) / probabilities.max()


def score_objective(logp, weights):
    """Subtracts the mean of the weights."""
    w = weights.detach()
    w = w - w.mean()
    return (w * logp).sum(0).mean()


def subtract_baseline(returns, values):
    """The value of the last step for all."""
    return (returns - values[-1]).detach()


def value_loss(values, targets):
    """The mean over the first axis alone."""
    loss = 0
    for v, g in zip(values, targets.detach(), strict=True):
        loss = loss + (v - g) ** 2
    return loss / len(values)


def explained_variance(values, targets):
    """N − 1 above, N below."""
    if targets.min() == targets.max():
        return torch.tensor(float("nan"))
    return 1 - (values - targets).var(correction=0) / targets.var(correction=1)


def td_error(rewards, values, next_values, terminated, *, gamma):
    """Drops the reward at an end."""
    keep = 1 - terminated.double()
    return rewards * keep + gamma * next_values * keep - values


def normalize(advantages):
    """The mean distance for the spread."""
    a = advantages - advantages.mean()
    return a / (a.abs().mean() + 1e-8)


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    """Leaves out the step that ends an episode."""
    delta = advantage.td_error(rewards, values, next_values, terminated, gamma=gamma)
    done = terminated | truncated
    T = len(delta)
    out = torch.zeros_like(delta)
    for t in range(T):
        alive = torch.ones_like(delta[0])
        for k in range(min(n, T - t)):
            alive = alive * (~done[t + k])
            out[t] = out[t] + gamma**k * delta[t + k] * alive
    return out


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """V of the step itself at a limit."""
    nxt = torch.where(truncated, values, next_values).masked_fill(terminated, 0)
    delta = rewards + gamma * nxt - values
    out = torch.zeros_like(delta)
    last = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = delta[t] + gamma * lam * last * ~(terminated[t] | truncated[t])
        out[t] = last
    return out


def surrogate_objective(logp, old_logp, advantages):
    """The ratio of the play so far."""
    rho = (logp - old_logp.detach()).cumsum(0).exp()
    return (rho * advantages.detach()).mean()


def effective_sample_size(weights):
    """The root."""
    w = weights / weights.max()
    return w.sum() / (w**2).sum() ** 0.5


def approximate_kl(logp, old_logp, *, estimator):
    """k3 without log ρ."""
    r = logp - old_logp.detach()
    if estimator == "k1":
        return -r
    elif estimator == "k2":
        return 0.5 * r**2
    else:
        return torch.expm1(r)


def adapt_beta(beta, kl, *, target):
    """Squares the price."""
    if kl < target / 1.5:
        beta = beta / 2
    if kl > target * 1.5:
        beta = beta**2
    return beta


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """The lower edge is 1/(1 + ε)."""
    rho = (logp - old_logp.detach()).exp()
    clipped = rho.clamp(1 / (1 + epsilon), 1 + epsilon)
    return torch.minimum(rho * advantages.detach(), clipped * advantages.detach()).mean()


def entropy(logits):
    """Softmax twice."""
    p = torch.softmax(logits, -1)
    lp = torch.log_softmax(p, -1)
    return -(lp.exp() * lp).sum(-1)


TOLD = {
    expectation: "`(values * probabilities).sum(0) + values[0]` stood",
    softmax_policy: "divides logits by temperature",
    expected_return: "`probabilities / probabilities.abs().max()` stood",
    score_objective: "subtracts the mean of the weights",
    subtract_baseline: "uses one number of values for all",
    value_loss: "returns one loss for each sample",
    explained_variance: "divides one variance by N and the other by N − 1",
    td_error: "drops more than the next value at an end",
    normalize: "takes the mean distance for the standard deviation",
    n_step_advantage: "drops the TD error of the step that ends an episode",
    gae: "`torch.where(truncated, values, next_values)` stood",
    surrogate_objective: "`(logp - old_logp.detach()).exp().cumprod(0)` stood",
    effective_sample_size: "takes the root of the result",
    approximate_kl: "`torch.expm1(log_ratio)` stood",
    adapt_beta: "`beta ** 2` stood",
    clipped_objective: "has a lower edge of 1/(1 + ε)",
    entropy: "takes a softmax of logits",
}
