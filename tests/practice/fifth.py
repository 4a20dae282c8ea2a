"""Wrong attempts of the fifth round, at most one for each exercise: what is said about them."""

import torch

from ppo_lessons import baseline, clip, entropy


def standard_error(samples):
    """The mean over the columns."""
    return (samples.std(0) / len(samples) ** 0.5).mean()


def subtract_baseline(returns, values):
    """Subtracts in place."""
    returns -= values
    return returns.detach()


def value_loss(values, targets):
    """The square of the mean distance."""
    return (values - targets.detach()).abs().mean() ** 2


def td_error(rewards, values, next_values, terminated, *, gamma):
    """Sets the next values to 0 in place."""
    next_values[terminated] = 0
    return rewards + gamma * next_values - values


def normalize(advantages):
    """The layer of PyTorch."""
    return torch.nn.functional.layer_norm(advantages, advantages.shape, eps=1e-8)


def surrogate_objective(logp, old_logp, advantages):
    """Detaches the new policy in place of the old one."""
    return ((logp.detach() - old_logp).exp() * advantages.detach()).mean()


def kl_divergence(logits_p, logits_q):
    """No action counts below 0."""
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).clamp(min=0).sum(-1)


def adapt_beta(beta, kl, *, target):
    """Nothing is returned in the band."""
    if kl < target / 1.5:
        return beta / 2
    elif kl > 1.5 * target:
        return beta * 2


def clipped_objective(logp, old_logp, advantages, *, epsilon):
    """The clipped ratio without the advantage."""
    rho, a = (logp - old_logp.detach()).exp(), advantages.detach()
    return torch.min(rho * a, rho.clamp(1 - epsilon, 1 + epsilon)).mean()


def minibatch_step(actor, critic, optimizer, minibatch, config):
    """No weight at the entropy."""
    logits = actor(minibatch.observations)
    logp = logits.log_softmax(-1).gather(-1, minibatch.actions[:, None]).squeeze(-1)
    terms = clip.clipped_objective(logp, minibatch.old_logp, minibatch.advantages, epsilon=config.epsilon)
    error = baseline.value_loss(critic(minibatch.observations).squeeze(-1), minibatch.targets)
    loss = -terms.objective - entropy.entropy(logits).mean() + config.value_weight * error
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)
    optimizer.step()


def early_stop(kl, *, target):
    """No mean."""
    stop = False
    if kl > target:
        stop = True
    return stop


TOLD = {
    standard_error: "returns one number too few",
    subtract_baseline: "changes its input",
    value_loss: "makes two mistakes at once",
    td_error: "changes its input",
    normalize: "goes wrong on two numbers",
    surrogate_objective: "differentiates old_logp in place of logp",
    kl_divergence: ".relu()` stood",
    adapt_beta: "your function returns nothing",
    clipped_objective: "`clip_ratio(rho, epsilon=epsilon)` stood",
    minibatch_step: "leaves entropy_weight out",
    early_stop: "Boolean value of Tensor with more than one value is ambiguous",
}
