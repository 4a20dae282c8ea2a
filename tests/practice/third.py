"""Wrong attempts of the third round, at most one for each exercise: what is said about them."""

import torch

from ppo_lessons import advantage


def expectation(values, probabilities):
    """Divides by the sum of the values."""
    weighted = values * probabilities
    return weighted.sum(0) / values.sum(0)


def standard_error(samples):
    """Half of it."""
    n = len(samples)
    total = 0
    mean = sum(samples) / n
    for x in samples:
        total += (x - mean) ** 2
    return (total / (n - 1)) ** 0.5 / n**0.5 / 2


def softmax_policy(logits, *, temperature):
    """Divides by the largest."""
    z = logits / temperature
    e = (z - z.max(-1, keepdim=True).values).exp()
    return e / e.max(-1, keepdim=True).values


def expected_return(returns, probabilities):
    """Returns in the first round of the loop."""
    J = 0
    for R, P in zip(returns, probabilities, strict=True):
        J = J + R.item() * P
        return J


def score_objective(logp, weights):
    """Divides by the number of steps that count."""
    w = weights.detach()
    return (logp * w).sum() / (w != 0).sum()


def reward_to_go(rewards, *, gamma):
    """Weighs each reward with 1 − γ."""
    out = torch.zeros_like(rewards)
    following = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        following = (1 - gamma) * rewards[t] + gamma * following
        out[t] = following
    return out


def subtract_baseline(returns, values):
    """The product of return and value is subtracted."""
    return (returns - values * returns).detach()


def value_loss(values, targets):
    """Huber's loss."""
    return torch.nn.functional.smooth_l1_loss(values, targets.detach())


def explained_variance(values, targets):
    """The share that is not explained."""
    total = targets.var()
    if total == 0:
        return torch.tensor(torch.nan)
    return (targets - values).var() / total


def td_error(rewards, values, next_values, terminated, *, gamma):
    """The square."""
    target = rewards + gamma * next_values.masked_fill(terminated, 0)
    return (target - values) ** 2


def normalize(advantages):
    """Returns mean and spread too."""
    m, s = advantages.mean(), advantages.std()
    return (advantages - m) / (s + 1e-8), m, s


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    """One factor γ for all distances."""
    delta = advantage.td_error(rewards, values, next_values, terminated, gamma=gamma)
    done = terminated | truncated
    adv = delta.clone()
    running = delta.clone()
    for _ in range(1, n):
        running = torch.cat([running[1:], torch.zeros_like(running[:1])]) * ~done
        adv = adv + gamma * running
    return adv


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """Masks the sum after the step is added."""
    deltas = advantage.td_error(rewards, values, next_values, terminated, gamma=gamma)
    over = terminated | truncated
    out = [None] * len(deltas)
    g = torch.zeros_like(deltas[0])
    for i in reversed(range(len(deltas))):
        g = deltas[i] + gamma * lam * g
        g = g.masked_fill(over[i], 0)
        out[i] = g
    return torch.stack(out)


def surrogate_objective(logp, old_logp, advantages):
    """The ratio less 1."""
    rho = torch.exp(logp) / torch.exp(old_logp.detach())
    return ((rho - 1) * advantages.detach()).mean()


def effective_sample_size(weights):
    """The variance with n − 1."""
    w = weights.flatten() / weights.max()
    n = w.numel()
    cv2 = w.var() / w.mean() ** 2
    return n / (1 + cv2)


def kl_divergence(logits_p, logits_q):
    """The mean of both policies in place of q."""
    p, q = logits_p.softmax(-1), logits_q.softmax(-1)
    m = (p + q) / 2
    return (p * (p.clamp(min=1e-300).log() - m.clamp(min=1e-300).log())).sum(-1)


def approximate_kl(logp, old_logp, *, estimator):
    """The distance in place of its square."""
    x = logp - old_logp.detach()
    return {"k1": -x, "k2": x.abs() / 2, "k3": torch.expm1(x) - x}[estimator]


def adapt_beta(beta, kl, *, target):
    """Halves the price where it should stay."""
    return beta * 2 if kl > 1.5 * target else beta / 2


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """The larger of the term and its bound."""
    rho = torch.exp(logp - old_logp.detach())
    A = advantages.detach()
    bound = torch.where(A > 0, (1 + epsilon) * A, (1 - epsilon) * A)
    return torch.max(rho * A, bound).mean()


def entropy(logits):
    """Minus the logarithm of the sum of squares."""
    p = torch.softmax(logits, dim=-1)
    return -torch.log((p**2).sum(-1))


TOLD = {
    expectation: "divides by the sum of the values",
    standard_error: "is off by a factor",
    softmax_policy: "does not divide by the sum",
    expected_return: "returns one of the products",
    score_objective: "averages over the steps",
    reward_to_go: "multiplies the rewards by 1 − γ",
    subtract_baseline: "`values * returns` stood",
    value_loss: "takes Huber's loss",
    explained_variance: "returns the share that is not explained",
    td_error: "squares the result",
    normalize: "your function returns several things of different shapes: return one tensor",
    n_step_advantage: "does not let γ grow with the distance",
    gae: "drops the TD error of the step that ends an episode",
    surrogate_objective: "subtracts advantages from the result",
    effective_sample_size: "takes the variance that divides by n − 1",
    kl_divergence: "compares with the mean of both policies",
    approximate_kl: "`log_ratio.abs()` stood",
    adapt_beta: "has no band around the target",
    clipped_objective: "takes max instead of min",
    entropy: "takes the logarithm of the mean",
}
