"""Wrong attempts of the second round, at most one for each exercise: what is said about them."""

import math

import torch


def expectation(values, probabilities):
    """Each value meets the probability of the outcome before it."""
    total = 0
    for i in range(1, len(values)):
        total = total + values[i] * probabilities[i - 1]
    return total


def standard_error(samples):
    """n is the number of columns."""
    n = samples.shape[-1]
    m = samples.mean(0)
    s2 = ((samples - m) ** 2).sum(0) / (n - 1)
    return torch.sqrt(s2 / n)


def softmax_policy(logits, *, temperature):
    """Adds the temperature to the logits."""
    z = logits + temperature
    z = z - z.max(dim=-1, keepdim=True).values
    e = torch.exp(z)
    return e / e.sum(dim=-1, keepdim=True)


def expected_return(returns, probabilities):
    """Squares the probabilities."""
    total = 0.0
    for R, P in zip(returns.detach(), probabilities, strict=True):
        total = total + R * P * P
    return total


def score_objective(logp, weights):
    """The log-probability of the play so far."""
    return (logp.cumsum(0) * weights.detach()).sum(0).mean()


def reward_to_go(rewards, *, gamma):
    """Subtracts what follows."""
    G = torch.zeros_like(rewards)
    G[-1] = rewards[-1]
    for t in range(len(rewards) - 2, -1, -1):
        G[t] = rewards[t] - gamma * G[t + 1]
    return G


def subtract_baseline(returns, values):
    """Cuts off what is below 0."""
    advantage = returns - values
    advantage[advantage < 0] = 0
    return advantage.detach()


def value_loss(values, targets):
    """The root of the mean square."""
    return ((values - targets.detach()) ** 2).mean().sqrt()


def explained_variance(values, targets):
    """The squared correlation."""
    if (targets == targets.mean()).all():
        return torch.tensor(torch.nan)
    v = values - values.mean()
    t = targets - targets.mean()
    return (v * t).sum() ** 2 / ((v**2).sum() * (t**2).sum())


def td_error(rewards, values, next_values, terminated, *, gamma):
    """Bootstraps from the larger of two values."""
    alive = (~terminated).to(rewards.dtype)
    return (rewards + gamma * torch.maximum(values, next_values) * alive) - values


def normalize(advantages):
    """Adds the 1e-8 after the division."""
    return (advantages - advantages.mean()) / advantages.std() + 1e-8


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    """Treats a limit as an end, and returns minus the advantage."""
    T = len(rewards)
    done = terminated | truncated
    nv = torch.where(done, torch.zeros_like(next_values), next_values)
    delta = rewards + gamma * nv - values
    adv = torch.zeros_like(delta)
    for t in range(T):
        alive = torch.ones_like(delta[0])
        for k in range(n):
            if t + k < T:
                adv[t] = adv[t] + alive * (gamma**k) * delta[t + k]
                alive = alive * (1 - done[t + k].to(delta.dtype))
    return -adv


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """No discount at the next value."""
    done = terminated | truncated
    adv = torch.zeros_like(rewards)
    acc = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        delta = rewards[t] + torch.where(terminated[t], 0.0, next_values[t]) - values[t]
        acc = delta + gamma * lam * torch.where(done[t], 0.0, acc)
        adv[t] = acc
    return adv


def surrogate_objective(logp, old_logp, advantages):
    """The mean over time, and the sum over games."""
    rho = torch.exp(logp - old_logp.detach())
    return (rho * advantages.detach()).mean(0).sum()


def effective_sample_size(weights):
    """e to the entropy of the weights."""
    p = (weights / weights.max()).flatten()
    p = p / p.sum()
    H = -(p * torch.log(p.clamp(min=1e-300))).sum()
    return torch.exp(H)


def kl_divergence(logits_p, logits_q):
    """The cross-entropy alone."""
    p = torch.softmax(logits_p, dim=-1)
    return -(p * torch.log_softmax(logits_q, dim=-1)).sum(dim=-1)


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """The lower edge is ε."""
    rho = torch.exp(logp - old_logp.detach())
    a = advantages.detach()
    clipped = torch.clamp(rho, epsilon, 1 + epsilon)
    return torch.min(rho * a, clipped * a).mean()


def entropy(logits):
    """The share of the largest entropy."""
    lp = torch.log_softmax(logits, dim=-1)
    H = -(lp.exp() * lp).sum(-1)
    return H / math.log(logits.shape[-1])


TOLD = {
    expectation: "takes values of the step after",
    standard_error: "`samples.shape[-1]` stood",
    softmax_policy: "ignores the temperature",
    expected_return: "`values * probabilities * probabilities` stood",
    score_objective: "`weights.detach().flip(0).cumsum(0).flip(0)` stood",
    reward_to_go: "`reward - gamma * following` stood",
    subtract_baseline: "takes the size of the difference without its sign",
    value_loss: "takes the root",
    explained_variance: "returns the squared correlation",
    td_error: "`torch.maximum(next_values, values)` stood",
    normalize: "divides by the standard deviation alone",
    n_step_advantage: "makes two mistakes at once",
    gae: "forgets γ inside δ",
    surrogate_objective: "treats each column by itself",
    effective_sample_size: "takes e to the entropy of the weights",
    kl_divergence: "leaves out a logarithm",
    clipped_objective: "`epsilon` stood",
    entropy: "divides by the largest entropy",
}
