"""Wrong attempts that came up after the lists of mistakes were made, one for each exercise: what is said about them."""

import torch


def expectation(values, probabilities):
    """Subtracts the probabilities of the others."""
    return (values * (2 * probabilities - 1)).sum(0)


def standard_error(samples):
    """The range stands for the spread."""
    return (samples.max(0).values - samples.min(0).values) / len(samples) ** 0.5


def softmax_policy(logits, *, temperature):
    """Powers of 2."""
    scaled = (logits - logits.max(-1, keepdim=True).values) / temperature
    return 2**scaled / (2**scaled).sum(-1, keepdim=True)


def expected_return(returns, probabilities):
    """Centres the returns."""
    return ((returns.detach() - returns.detach().mean()) * probabilities).sum()


def score_objective(logp, weights):
    """The log-probability of a step counts with the weight of the step after it."""
    return (logp[:-1] * weights.detach()[1:]).sum(0).mean()


def reward_to_go(rewards, *, gamma):
    """Reads the step after the last one."""
    result = torch.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        result[t] = rewards[t] + gamma * result[t + 1]
    return result


def subtract_baseline(returns, values):
    """Divides by the baseline."""
    return (returns.detach() - values.detach()) / values.detach()


def value_loss(values, targets):
    """The error relative to the target."""
    return ((values - targets.detach()) / targets.detach()).square().mean()


def explained_variance(values, targets):
    """Column by column, and then the mean."""
    if values.dim() == 1:
        return 1 - (targets - values).var() / targets.var() if targets.var() > 0 else torch.tensor(torch.nan)
    return (1 - (targets - values).var(0) / targets.var(0)).mean()


def td_error(rewards, values, next_values, terminated, *, gamma):
    """Adds the minus of the flag to the reward."""
    return rewards + gamma * (next_values - terminated.double()) - values


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    """Walks until the index runs out."""
    result = torch.zeros_like(rewards)
    for t in range(len(rewards)):
        for k in range(n):
            result[t] = result[t] + gamma**k * rewards[t + k]
    return result - values


def normalize(advantages):
    """The median for the mean."""
    return (advantages - advantages.median()) / (advantages.std() + 1e-8)


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    """Both flags must be set."""
    delta = rewards + gamma * next_values * ~terminated - values
    for t in range(len(delta) - 2, -1, -1):
        if not (terminated[t].any() and truncated[t].any()):
            delta[t] += gamma * lam * delta[t + 1]
    return delta


def surrogate_objective(logp, old_logp, advantages):
    """The first-order ratio."""
    return ((1 + logp - old_logp.detach()) * advantages.detach()).mean()


def effective_sample_size(weights):
    """n over one plus the standard deviation."""
    return weights.numel() / (1 + weights.flatten().var(correction=0))


def kl_divergence(logits_p, logits_q):
    """The mean of both directions."""
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1) / 2


def approximate_kl(logp, old_logp, *, estimator):
    """Asks for the numbers 1, 2 and 3."""
    x = logp - old_logp.detach()
    if estimator == 1:
        return -x
    if estimator == 2:
        return x**2 / 2
    return torch.expm1(x) - x


def adapt_beta(beta, kl, *, target):
    """Moves by a small step."""
    return beta + 0.1 if kl > 1.5 * target else beta - 0.1 if kl < target / 1.5 else beta


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """Leaves the samples outside of the band out."""
    rho = (logp - old_logp.detach()).exp()
    inside = (rho - 1).abs() <= epsilon
    return (rho * advantages.detach() * inside).mean()


def entropy(logits):
    """The entropy of one action against all others."""
    pi = logits.softmax(-1)
    return -(pi * pi.log() + (1 - pi) * (1 - pi).log()).sum(-1)


# What is said about each: a listed name, or a part of the words on an exception or on the inputs that are right.
TOLD = {
    expectation: "lets 1 − p into the weights",
    standard_error: "takes the range for σ",
    softmax_policy: "takes another base than e",
    expected_return: "centres the returns",
    score_objective: "gives a step the weight of another step",
    reward_to_go: "The last step has none: begin with 0",
    subtract_baseline: "scales the weights",
    value_loss: "takes the error relative to the target",
    explained_variance: "treats each column by itself",
    td_error: "adds or subtracts the flag",
    n_step_advantage: "leaves next_values out",
    normalize: "takes the median for the mean",
    gae: "lets the sum run across a reset",
    surrogate_objective: "takes the log ratio for the ratio",
    effective_sample_size: "takes the weights for normalised",
    kl_divergence: "adds the other direction",
    approximate_kl: "pays no attention to `estimator`",
    adapt_beta: "moves β by a fixed step",
    clipped_objective: "leaves out the samples outside of the band",
    entropy: "takes each action for a yes or no of its own",
}
