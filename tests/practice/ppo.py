"""What learners may write for lesson 12."""

import torch
from torch.distributions import Categorical

from ppo_lessons import ppo
from ppo_lessons.trainer.config import Config


def with_categorical(actor, critic, optimizer, minibatch, config):
    policy = Categorical(logits=actor(minibatch.observations))
    rho = torch.exp(policy.log_prob(minibatch.actions) - minibatch.old_logp)
    a, e = minibatch.advantages, config.epsilon
    surrogate = torch.min(rho * a, rho.clip(1 - e, 1 + e) * a).mean()
    error = torch.nn.functional.mse_loss(critic(minibatch.observations)[:, 0], minibatch.targets)
    optimizer.zero_grad()
    (-surrogate - config.entropy_weight * policy.entropy().mean() + config.value_weight * error).backward()
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], config.max_grad_norm)
    optimizer.step()


def with_the_page(actor, critic, optimizer, minibatch, config):
    """The functions of ppo.py themselves."""
    settings = Config(**vars(config))
    objective, bonus, _ = ppo.policy_terms(actor, minibatch, settings)
    error = ppo.critic_loss(critic, minibatch, settings)
    ppo.gradient_step(optimizer, ppo.total_loss(objective, bonus, error, settings), settings)


def one_by_one(actor, critic, optimizer, minibatch, config):
    loss, e = 0.0, config.epsilon
    for i in range(len(minibatch.actions)):
        log_pi = actor(minibatch.observations[i]).log_softmax(-1)
        rho = (log_pi[minibatch.actions[i]] - minibatch.old_logp[i]).exp()
        a = minibatch.advantages[i]
        loss = loss - torch.minimum(rho * a, rho.clamp(1 - e, 1 + e) * a)
        loss = loss + config.entropy_weight * (log_pi.exp() * log_pi).sum()
        loss = loss + config.value_weight * (critic(minibatch.observations[i])[0] - minibatch.targets[i]) ** 2
    loss = loss / len(minibatch.actions)
    optimizer.zero_grad()
    loss.backward()
    parameters = [*actor.parameters(), *critic.parameters()]
    length = sum(p.grad.square().sum() for p in parameters) ** 0.5
    for p in parameters:
        p.grad *= (config.max_grad_norm / (length + 1e-6)).clamp(max=1)
    optimizer.step()


def forgets_at_the_end(actor, critic, optimizer, minibatch, config):
    """Gradients are set to zero after the step: the next one begins with none either."""
    with_categorical(actor, critic, optimizer, minibatch, config)
    optimizer.zero_grad()


RIGHT = {"my_minibatch_step": [with_categorical, with_the_page, one_by_one, forgets_at_the_end]}


def parts(actor, critic, minibatch, config):
    policy = Categorical(logits=actor(minibatch.observations))
    return policy, policy.log_prob(minibatch.actions), critic(minibatch.observations)[:, 0]


def clipped(rho, a, config):
    return torch.min(rho * a, rho.clip(1 - config.epsilon, 1 + config.epsilon) * a)


def finish(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], config.max_grad_norm)
    optimizer.step()


def attempt(surrogate=None, bonus=None, error=None, weights=(-1, -1, 1), finish=finish, value_weight=True):
    """A step from a surrogate of (new log-probabilities, minibatch, config), a bonus and an error."""

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        policy, logp, values = parts(actor, critic, minibatch, config)
        first = clipped((logp - minibatch.old_logp).exp(), minibatch.advantages, config).mean()
        if surrogate:
            first = surrogate(logp, minibatch, config)
        second = (bonus or torch.mean)(policy.entropy())
        third = (error or torch.nn.functional.mse_loss)(values, minibatch.targets)
        terms = first, config.entropy_weight * second, (config.value_weight if value_weight else 1) * third
        finish(actor, critic, optimizer, sum(w * x for w, x in zip(weights, terms, strict=True)), config)

    return my_minibatch_step


def of_logits(read):
    """A step whose log-probabilities are read from the logits in another way."""

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        policy, _, values = parts(actor, critic, minibatch, config)
        logp = read(actor(minibatch.observations))[torch.arange(len(minibatch.actions)), minibatch.actions]
        surrogate = clipped((logp - minibatch.old_logp).exp(), minibatch.advantages, config).mean()
        error = (values - minibatch.targets).square().mean()
        loss = -surrogate - config.entropy_weight * policy.entropy().mean() + config.value_weight * error
        finish(actor, critic, optimizer, loss, config)

    return my_minibatch_step


def ratio_to(old):
    """A surrogate with the ratio to other log-probabilities: a function of the minibatch's and the new ones."""
    return lambda logp, m, c: clipped((logp - old(m.old_logp, logp)).exp(), m.advantages, c).mean()


def loss_with(change):
    """A surrogate from the ratio, the advantages and epsilon."""
    return lambda logp, m, c: change((logp - m.old_logp).exp(), m.advantages, c.epsilon)


def smaller(rho, a, e):
    return torch.min(rho * a, rho.clip(1 - e, 1 + e) * a).mean()


def uncut(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def cut_to_100(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(actor.parameters(), 1e6)
    optimizer.step()


def each_network(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    for parameters in (list(critic.parameters()), list(actor.parameters())):
        torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
    optimizer.step()


def critic_uncut(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(actor.parameters()), config.max_grad_norm)
    optimizer.step()


def each_number(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    for p in optimizer.param_groups[0]["params"]:
        p.grad.clamp_(-config.max_grad_norm, config.max_grad_norm)
    optimizer.step()


def each_number_of_torch(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(optimizer.param_groups[0]["params"], config.max_grad_norm)
    optimizer.step()


def in_two_steps(actor, critic, optimizer, minibatch, config):
    policy, logp, values = parts(actor, critic, minibatch, config)
    rho = (logp - minibatch.old_logp).exp()
    bonus = config.entropy_weight * policy.entropy().mean()
    finish(actor, critic, optimizer, -clipped(rho, minibatch.advantages, config).mean() - bonus, config)
    finish(actor, critic, optimizer, config.value_weight * (values - minibatch.targets).pow(2).mean(), config)


def in_two_steps_with_zeros(actor, critic, optimizer, minibatch, config):
    """Each loss reaches the other network, too, with a gradient of 0."""
    policy, logp, values = parts(actor, critic, minibatch, config)
    terms = clipped((logp - minibatch.old_logp).exp(), minibatch.advantages, config)
    actors = -terms.mean() - config.entropy_weight * policy.entropy().mean()
    finish(actor, critic, optimizer, actors + 0 * values.sum(), config)
    error = torch.nn.functional.mse_loss(critic(minibatch.observations)[:, 0], minibatch.targets)
    finish(actor, critic, optimizer, config.value_weight * error, config)


def without_a_gradient(actor, critic, optimizer, minibatch, config):
    with torch.no_grad():
        policy, logp, _ = parts(actor, critic, minibatch, config)
        surrogate = clipped((logp - minibatch.old_logp).exp(), minibatch.advantages, config).mean()
    error = (critic(minibatch.observations)[:, 0] - minibatch.targets).square().mean()
    loss = -surrogate - config.entropy_weight * policy.entropy().mean() + config.value_weight * error
    finish(actor, critic, optimizer, loss, config)


def with_the_entropy_of(bonus):
    """A step whose bonus is made of the log-probabilities of the actions that were taken."""

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        _, logp, values = parts(actor, critic, minibatch, config)
        surrogate = clipped((logp - minibatch.old_logp).exp(), minibatch.advantages, config).mean()
        error = (values - minibatch.targets).square().mean()
        loss = -surrogate - config.entropy_weight * bonus(logp) + config.value_weight * error
        finish(actor, critic, optimizer, loss, config)

    return my_minibatch_step


def no_zero(actor, critic, optimizer, loss, config):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], config.max_grad_norm)
    optimizer.step()


def no_zero_by_hand(actor, critic, optimizer, loss, config):
    parameters = optimizer.param_groups[0]["params"]
    for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = gradient if p.grad is None else p.grad + gradient
    torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
    optimizer.step()


def zero_of_the_actor(actor, critic, optimizer, loss, config):
    actor.zero_grad()
    no_zero(actor, critic, optimizer, loss, config)


def zero_of_the_critic(actor, critic, optimizer, loss, config):
    for p in critic.parameters():
        p.grad = None
    no_zero(actor, critic, optimizer, loss, config)


def step_first(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], config.max_grad_norm)


def zero_last(actor, critic, optimizer, loss, config):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()


def two_steps(actor, critic, optimizer, loss, config):
    finish(actor, critic, optimizer, loss, config)
    optimizer.step()


def for_each_network(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)
    for _ in (actor, critic):
        optimizer.step()


def critic_to(target):
    """A step whose critic goes to another list of the minibatch."""

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        with_categorical(actor, critic, optimizer, minibatch._replace(targets=target(minibatch)), config)

    return my_minibatch_step


def actor_by(advantages):
    """A step whose actor follows another list of the minibatch."""

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        with_the_page(actor, critic, optimizer, minibatch._replace(advantages=advantages(minibatch)), config)

    return my_minibatch_step


def nothing(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()


def only_a_loss(actor, critic, optimizer, loss, config):
    return loss


WRONG = {
    "my_minibatch_step": {
        "does not cut the gradient": [attempt(finish=uncut), attempt(finish=cut_to_100)],
        "cuts the two networks apart": [attempt(finish=each_network), attempt(finish=critic_uncut)],
        "cuts each number of the gradient": [attempt(finish=each_number), attempt(finish=each_number_of_torch)],
        "makes two steps on one gradient": [attempt(finish=two_steps), attempt(finish=for_each_network)],
        "compares the critic with the advantages": [
            critic_to(lambda m: m.advantages),
            critic_to(lambda m: m.advantages * 1.0),
        ],
        "takes the targets for the advantages": [
            actor_by(lambda m: m.targets),
            attempt(lambda logp, m, c: clipped((logp - m.old_logp).exp(), m.targets, c).mean()),
        ],
        "sums the objective over the steps": [
            attempt(lambda logp, m, c: clipped((logp - m.old_logp).exp(), m.advantages, c).sum()),
            attempt(loss_with(lambda rho, a, e: len(a) * smaller(rho, a, e))),
        ],
        "makes a step for each network": [in_two_steps, in_two_steps_with_zeros],
        "does not set the gradients to zero": [
            *(attempt(finish=finish) for finish in (no_zero, no_zero_by_hand, zero_of_the_actor, zero_of_the_critic)),
        ],
        "steps before it has a gradient": [attempt(finish=step_first), attempt(finish=zero_last)],
        "never makes a step": [attempt(finish=nothing), attempt(finish=only_a_loss)],
        "has the entropy with the wrong sign": [
            attempt(weights=(-1, 1, 1)),
            attempt(bonus=lambda h: -h.sum() / len(h)),
        ],
        "leaves the entropy out": [attempt(weights=(-1, 0, 1)), attempt(bonus=lambda h: h.detach().mean())],
        "takes the actions alone for the entropy": [
            with_the_entropy_of(lambda logp: -logp.mean()),
            with_the_entropy_of(lambda logp: -(logp.exp() * logp).sum() / len(logp)),
        ],
        "sums the entropy over the steps": [attempt(bonus=torch.sum), attempt(bonus=lambda h: len(h) * h.mean())],
        "leaves the weight of the critic's error out": [
            attempt(value_weight=False),
            attempt(error=lambda v, y: (v - y).square().sum() / len(y), value_weight=False),
        ],
        "halves the critic's error": [
            attempt(weights=(-1, -1, 0.5)),
            attempt(error=lambda v, y: ((v - y) ** 2).mean() / 2),
        ],
        "leaves the critic as it is": [
            attempt(weights=(-1, -1, 0)),
            attempt(error=lambda v, y: torch.nn.functional.mse_loss(v.detach(), y)),
            attempt(error=lambda v, y: (v - (y - y.mean() + v)).square().mean()),
        ],
        "pushes the critic away from its targets": [
            attempt(weights=(-1, -1, -1)),
            attempt(error=lambda v, y: -(v - y).pow(2).mean()),
        ],
        "compares every value with every target": [
            attempt(error=lambda v, y: (v[:, None] - y).square().mean()),
            attempt(error=lambda v, y: sum(((v - target) ** 2).mean() for target in y) / len(y)),
        ],
        "follows the advantages with the wrong sign": [
            attempt(weights=(1, -1, 1)),
            attempt(ratio_to(lambda old, new: old), weights=(1, -1, 1)),
        ],
        "adds where it has to subtract": [
            attempt(weights=(1, 1, 1)),
            attempt(ratio_to(lambda old, new: old), bonus=lambda h: h.sum() / len(h), weights=(1, 1, 1)),
        ],
        "leaves the objective out": [
            without_a_gradient,
            attempt(ratio_to(lambda old, new: new)),
            attempt(lambda logp, m, c: clipped(logp.exp() / logp.exp(), m.advantages, c).mean()),
        ],
        "normalises the advantages once more": [
            attempt(loss_with(lambda rho, a, e: smaller(rho, (a - a.mean()) / (a.std() + 1e-8), e))),
            attempt(loss_with(lambda rho, a, e: smaller(rho, (a - a.mean()) / (a.var(correction=0) ** 0.5 + 1e-8), e))),
        ],
        "has the ratio upside down": [
            attempt(loss_with(lambda rho, a, e: smaller(1 / rho, a, e))),
            attempt(lambda logp, m, c: clipped((m.old_logp - logp).exp(), m.advantages, c).mean()),
        ],
        "takes the ratio's logarithm for the ratio": [
            attempt(lambda logp, m, c: clipped(logp - m.old_logp, m.advantages, c).mean()),
            attempt(loss_with(lambda rho, a, e: smaller(rho.log(), a, e))),
        ],
        "divides every step by every other": [
            attempt(lambda logp, m, c: clipped((logp[:, None] - m.old_logp).exp(), m.advantages, c).mean()),
            attempt(lambda logp, m, c: clipped(logp.exp()[:, None] / m.old_logp.exp()[None], m.advantages, c).mean()),
        ],
        "divides the new policy by itself": [
            attempt(lambda logp, m, c: (logp * m.advantages).mean()),
            attempt(ratio_to(lambda old, new: new.detach())),
        ],
        "takes the log-probabilities of other samples": [
            attempt(ratio_to(lambda old, new: old.roll(1))),
            attempt(ratio_to(lambda old, new: torch.cat([old[1:], old[:1]]))),
        ],
        "takes the logits for log-probabilities": [of_logits(lambda x: x), of_logits(lambda x: x * 1.0)],
        "takes the probabilities for their logarithms": [
            of_logits(lambda x: x.softmax(-1)),
            of_logits(lambda x: x.exp() / x.exp().sum(-1, keepdim=True)),
        ],
        "clips without the minimum": [
            attempt(loss_with(lambda rho, a, e: (rho.clip(1 - e, 1 + e) * a).mean())),
            attempt(loss_with(lambda rho, a, e: (torch.min(rho, 0 * rho + 1 + e).clamp(min=1 - e) * a).mean())),
        ],
        "takes the larger of the two terms": [
            attempt(loss_with(lambda rho, a, e: torch.max(rho * a, rho.clip(1 - e, 1 + e) * a).mean())),
            attempt(loss_with(lambda rho, a, e: -smaller(rho, -a, e))),
        ],
        "does not clip": [
            attempt(loss_with(lambda rho, a, e: (rho * a).mean())),
            attempt(loss_with(lambda rho, a, e: torch.dot(rho, a) / len(a))),
        ],
    }
}

EQUIVALENT = {
    "my_minibatch_step": {  # of two axes, the last is number 1
        "logp = logits.log_softmax(1).gather(-1, minibatch.actions[:, None]).squeeze(-1)",
        "logp = logits.log_softmax(-1).gather(1, minibatch.actions[:, None]).squeeze(-1)",
        "logp = logits.log_softmax(-1).gather(-1, minibatch.actions[:, None]).squeeze(1)",
        "values = critic(minibatch.observations).squeeze(1)",
    }
}
