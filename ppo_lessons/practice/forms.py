"""Other ways to write functions of the course, step by step, as learners write them: each can be wrong in places that
the short one does not have."""

import torch


def standard_error(samples):
    n = samples.shape[0]
    variance = ((samples - samples.mean(0)) ** 2).sum(0) / (n - 1)
    return (variance / n) ** 0.5


def softmax_policy(logits, *, temperature):
    scaled = logits / temperature
    powers = (scaled - scaled.max(dim=-1, keepdim=True).values).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def reward_to_go(rewards, *, gamma):
    result = torch.zeros_like(rewards)
    for t in range(len(rewards)):
        for k in range(t, len(rewards)):
            result[t] = result[t] + gamma ** (k - t) * rewards[k]
    return result


def explained_variance(values, targets):
    errors = targets - values
    unexplained = ((errors - errors.mean()) ** 2).mean()
    total = ((targets - targets.mean()) ** 2).mean()
    return torch.where(targets.max() > targets.min(), 1 - unexplained / total, torch.nan)


def normalize(advantages):
    n = advantages.numel()
    centred = advantages - advantages.sum() / n
    return centred / (((centred**2).sum() / (n - 1)) ** 0.5 + 1e-8)


def n_step_advantage(rewards, values, next_values, terminated, truncated, *, gamma, n):
    result = torch.zeros_like(rewards)
    for t in range(len(rewards)):
        goes_on = torch.ones_like(rewards[0])
        for k in range(min(n, len(rewards) - t)):
            following = next_values[t + k].masked_fill(terminated[t + k], 0)
            delta = rewards[t + k] + gamma * following - values[t + k]
            result[t] = result[t] + goes_on * gamma**k * delta
            goes_on = goes_on * ~(terminated[t + k] | truncated[t + k])
    return result


def gae(rewards, values, next_values, terminated, truncated, *, gamma, lam):
    result = torch.zeros_like(rewards)
    for t in range(len(rewards)):
        goes_on = torch.ones_like(rewards[0])
        for k in range(t, len(rewards)):
            following = next_values[k].masked_fill(terminated[k], 0)
            delta = rewards[k] + gamma * following - values[k]
            result[t] = result[t] + goes_on * (gamma * lam) ** (k - t) * delta
            goes_on = goes_on * ~(terminated[k] | truncated[k])
    return result


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()


def effective_sample_size(weights):
    shares = weights / weights.sum()
    return 1 / (shares**2).sum()
