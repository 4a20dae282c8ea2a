"""Practice for lesson 12: the body of PPO's inner loop, judged by what it does to two small networks."""

import functools
import types

import torch

from ppo_lessons.advantage import normalize
from ppo_lessons.baseline import value_loss
from ppo_lessons.clip import clip_ratio, clipped_objective
from ppo_lessons.entropy import entropy
from ppo_lessons.importance_sampling import ratio
from ppo_lessons.kl_penalty import kl_divergence
from ppo_lessons.ppo import critic_loss, total_loss
from ppo_lessons.practice.exercise import Case, Exercise, Mistake, normal
from ppo_lessons.trainer.distributions import Softmax
from ppo_lessons.trainer.rollout import Batch

MEASURED = (
    "steps that the optimiser made",
    "length of the gradient, step 1",
    "length of the gradient, step 2",
    "KL(old || new) afterwards",
    "clip fraction afterwards",
    "objective afterwards",
    "entropy afterwards",
    "value loss afterwards",
)


def minibatch_step(actor, critic, optimizer, minibatch, config):
    """One gradient step of both networks on a minibatch: the body of the inner loop, written out."""
    logits = actor(minibatch.observations)
    logp = logits.log_softmax(-1).gather(-1, minibatch.actions[:, None]).squeeze(-1)
    values = critic(minibatch.observations).squeeze(-1)
    objective = clipped_objective(logp, minibatch.old_logp, minibatch.advantages, epsilon=config.epsilon).objective
    bonus = entropy(logits).mean()
    error = value_loss(values, minibatch.targets)
    loss = -objective - config.entropy_weight * bonus + config.value_weight * error
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)
    optimizer.step()


# What a step does, in numbers


class Descent:
    """Plain gradient descent that notes the length of each gradient it is given: a longer one makes a longer step."""

    def __init__(self, parameters, *, lr):
        self.param_groups = [{"params": list(parameters), "lr": lr}]
        self.lengths = []

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            p.grad = None

    @torch.no_grad()
    def step(self):
        moving = [p for p in self.param_groups[0]["params"] if p.grad is not None]
        self.lengths.append(sum((p.grad.square().sum() for p in moving), torch.tensor(0.0).double()).sqrt())
        for p in moving:
            p -= self.param_groups[0]["lr"] * p.grad


class Network(torch.nn.Module):
    """A hidden tanh layer and fixed first weights, in float64: [..., width] -> [..., outputs]."""

    def __init__(self, width, outputs, *, gain, seed):
        super().__init__()
        self.first = torch.nn.Parameter(normal(width, 8, seed=seed) / width**0.5)
        self.last = torch.nn.Parameter(gain * normal(8, outputs, seed=seed + 1))
        self.bias = torch.nn.Parameter(torch.zeros(outputs, dtype=torch.float64))

    def forward(self, observations):
        return (observations @ self.first).tanh() @ self.last + self.bias


def networks(width):
    """An actor of two actions and a critic, the same in every check."""
    return Network(width, 2, gain=0.01, seed=300), Network(width, 1, gain=0.5, seed=302)


def measured(step):
    """A function of a minibatch's numbers that lets `step` learn from it twice: [len(MEASURED)] what came of it."""
    if hasattr(step, "__wrapped__"):
        return step

    @functools.wraps(step)
    def function(observations, actions, old_logits, advantages, targets, **numbers):
        actor, critic = networks(observations.shape[1])
        optimizer = Descent([*actor.parameters(), *critic.parameters()], lr=0.3)
        old_logp = Softmax.log_probability(old_logits, actions)
        values = critic(observations).squeeze(-1).detach()
        minibatch = Batch(observations, actions, old_logits, old_logp, advantages, targets, values, 1, 1.0)
        for _ in range(2):
            step(actor, critic, optimizer, minibatch, types.SimpleNamespace(**numbers))
        lengths = [*optimizer.lengths, *torch.zeros(2).double()]
        with torch.no_grad():
            logits = actor(observations)
            logp, epsilon = Softmax.log_probability(logits, actions), numbers["epsilon"]
            terms = clipped_objective(logp, old_logp, advantages, epsilon=epsilon)
            return torch.stack(
                [
                    torch.tensor(len(optimizer.lengths)).double(),
                    *lengths[:2],
                    kl_divergence(old_logits, logits).mean(),
                    terms.clipped.double().mean(),
                    terms.objective,
                    entropy(logits).mean(),
                    value_loss(critic(observations).squeeze(-1), targets),
                ]
            )

    return function


def case(label, size, *, seed, max_grad_norm=0.5, old=0.3, epsilon=0.2, entropy_weight=0.1, value_weight=0.5):
    """A random minibatch of some size. `old` is how far the policy has moved since it played."""
    inputs = {
        "observations": normal(size, 3, seed=seed),
        "actions": (normal(size, seed=seed + 50) > 0).long(),
        "old_logits": old * normal(size, 2, seed=seed + 100),
        "advantages": normal(size, seed=seed + 150),
        "targets": 2 * normal(size, seed=seed + 200) + 1,
    }
    numbers = {
        "epsilon": epsilon,
        "entropy_weight": entropy_weight,
        "value_weight": value_weight,
        "max_grad_norm": max_grad_norm,
    }
    return Case(label, inputs, numbers)


# Mistakes


def finish(actor, critic, optimizer, loss, config):
    """The last four lines, as they should be."""
    optimizer.zero_grad()
    loss.backward()
    cut(actor, critic, config)
    optimizer.step()


def cut(actor, critic, config):
    torch.nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)


def not_cut(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def cut_too_late(actor, critic, optimizer, loss, config):
    not_cut(actor, critic, optimizer, loss, config)
    cut(actor, critic, config)


def cut_too_early(actor, critic, optimizer, loss, config):
    cut(actor, critic, config)
    not_cut(actor, critic, optimizer, loss, config)


def cut_apart(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    for network in (actor, critic):
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
    optimizer.step()


def only_one_is_cut(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(actor.parameters(), config.max_grad_norm)
    optimizer.step()


def gradients_pile_up(actor, critic, optimizer, loss, config):
    loss.backward()
    cut(actor, critic, config)
    optimizer.step()


def gradients_of_one_pile_up(other):
    """Only the `other` network forgets its gradients."""

    def finish(actor, critic, optimizer, loss, config):
        other(actor, critic).zero_grad()
        gradients_pile_up(actor, critic, optimizer, loss, config)

    return finish


def steps_before_it_has_a_gradient(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()
    cut(actor, critic, config)


def throws_the_gradient_away(actor, critic, optimizer, loss, config):
    loss.backward()
    cut(actor, critic, config)
    optimizer.zero_grad()
    optimizer.step()


def cut_each_number(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_([*actor.parameters(), *critic.parameters()], config.max_grad_norm)
    optimizer.step()


def one_after_the_other(actor, critic, optimizer, losses, config):
    for loss in losses:
        finish(actor, critic, optimizer, loss, config)


def steps_twice(actor, critic, optimizer, loss, config):
    finish(actor, critic, optimizer, loss, config)
    optimizer.step()


def makes_no_step(actor, critic, optimizer, loss, config):
    optimizer.zero_grad()
    loss.backward()
    cut(actor, critic, config)


def objective_of(logp, minibatch, config):
    return clipped_objective(logp, minibatch.old_logp, minibatch.advantages, epsilon=config.epsilon).objective


def variant(
    log_probability=Softmax.log_probability,
    objective=objective_of,
    bonus=torch.mean,
    error=critic_loss,
    loss=total_loss,
    finish=finish,
):
    """The step with six parts to get wrong."""

    def minibatch_step(actor, critic, optimizer, minibatch, config):
        logits = actor(minibatch.observations)
        logp = log_probability(logits, minibatch.actions)
        parts = objective(logp, minibatch, config), bonus(entropy(logits)), error(critic, minibatch, config)
        finish(actor, critic, optimizer, loss(*parts, config), config)

    return measured(minibatch_step)


def of_old(change):
    """The objective with other old log-probabilities: a function of the right ones and the new ones."""

    def objective(logp, minibatch, config):
        other = change(minibatch.old_logp, logp)
        return clipped_objective(logp, other, minibatch.advantages, epsilon=config.epsilon).objective

    return objective


def of_ratio(form):
    """The clipped objective of another ratio: a function of the new log-probabilities and the old ones."""

    def objective(logp, minibatch, config):
        rho, advantages = form(logp, minibatch.old_logp), minibatch.advantages
        return torch.minimum(rho * advantages, clip_ratio(rho, epsilon=config.epsilon) * advantages).mean()

    return objective


def of_advantages(change):
    """The objective with other advantages: a function of the right ones."""
    return lambda logp, minibatch, config: objective_of(
        logp, minibatch._replace(advantages=change(minibatch.advantages)), config
    )


def with_bonus(bonus):
    """The step with another bonus: a function of the log-probabilities of the actions that were taken."""
    return variant(
        objective=lambda logp, minibatch, config: (
            objective_of(logp, minibatch, config) + config.entropy_weight * bonus(logp).mean()
        ),
        bonus=lambda entropies: 0 * entropies.mean(),
    )


def of_terms(choose):
    """The mean of what is chosen from the plain and the clipped term."""

    def objective(logp, minibatch, config):
        rho, advantages = ratio(logp, minibatch.old_logp), minibatch.advantages
        return choose(rho * advantages, clip_ratio(rho, epsilon=config.epsilon) * advantages).mean()

    return objective


def all_pairs(critic, minibatch, config):
    """[m, 1] minus [m]: each value against each target."""
    return (critic(minibatch.observations) - minibatch.targets).square().mean()


def targets_anew(critic, minibatch, config):
    """A + V with today's V: the error is A whatever the critic says."""
    values = critic(minibatch.observations).squeeze(-1)
    return (values - (minibatch.advantages + values)).square().mean()


def detached_error(critic, minibatch, config):
    return critic_loss(critic, minibatch, config).detach()


def error_against_advantages(critic, minibatch, config):
    return critic_loss(critic, minibatch._replace(targets=minibatch.advantages), config)


def of_targets(logp, minibatch, config):
    return objective_of(logp, minibatch._replace(advantages=minibatch.targets), config)


def summed_objective(logp, minibatch, config):
    return len(logp) * objective_of(logp, minibatch, config)


LOOP = "3. One update, in three functions"  # heading of the notebook
STEP = Exercise(
    function=measured(minibatch_step),
    notebook="12_ppo",
    first="compute what the actor says now about the observations of the minibatch, and the `.log_softmax(-1)` of it. "
    "The check then lets your function learn twice from a small minibatch, and measures.",
    hints=(
        "Three numbers make the loss: the clipped objective (its `.objective`, lesson 10), the mean entropy (11), the "
        "value loss (05). "
        "The log-probability of the action taken comes from `.log_softmax(-1)` and "
        "`.gather(-1, minibatch.actions[:, None]).squeeze(-1)`.",
        "The critic returns a column, one row for each step: `.squeeze(-1)` makes a list of it. The loss is minimised, "
        "the objective and the entropy are wanted large: mind the signs, and the two weights of the config.",
        "Then four lines, in this order: forget the gradients of the step before, `.backward()`, cut the length of the "
        "gradient of both networks together, and let the optimiser make one step.",
    ),
    running=case("eight steps of a rollout", 8, seed=1),
    cases=[
        case("two steps, a gradient that is short enough", 2, seed=3, max_grad_norm=100.0),
        case("two steps, a gradient that has to be cut", 2, seed=4),
        case("five steps, a policy that has not moved yet", 5, seed=5, max_grad_norm=100.0, old=0.0),
        case("six steps, a policy that has moved far", 6, seed=6, max_grad_norm=100.0, old=1.0),
        case("seven steps with other weights", 7, seed=7, entropy_weight=0.4, value_weight=1.5, epsilon=0.1),
    ],
    measure=measured,
    names=MEASURED,
    reading="If the value loss is right, so is the critic's part: look at the objective and the bonus. If the KL, the "
    "objective and the entropy are right, so is the actor's part: look at the critic's error and its weight.",
    mistakes=[
        Mistake(
            "does not cut the gradient",
            "The length of the gradient betrays it: it is larger than `max_grad_norm`.",
            LOOP,
            (variant(finish=not_cut), variant(finish=cut_too_late), variant(finish=cut_too_early)),
        ),
        Mistake(
            "cuts the two networks apart",
            "The length of the gradient betrays it: the cut is meant for all parameters together.",
            LOOP,
            (variant(finish=cut_apart), variant(finish=only_one_is_cut)),
        ),
        Mistake(
            "cuts each number of the gradient",
            "The length of the gradient betrays it: the cut is meant for the length, `clip_grad_norm_`, and keeps the "
            "direction.",
            LOOP,
            (variant(finish=cut_each_number),),
        ),
        Mistake(
            "does not set the gradients to zero",
            "The second step betrays it: the gradient of the first is still in it, for one network or for both. The "
            "first step is right.",
            LOOP,
            (
                variant(finish=gradients_pile_up),
                variant(finish=gradients_of_one_pile_up(lambda actor, critic: actor)),
                variant(finish=gradients_of_one_pile_up(lambda actor, critic: critic)),
            ),
        ),
        Mistake(
            "steps before it has a gradient",
            "A gradient of length 0 betrays it: the loss goes backward first, then the optimiser makes its step.",
            LOOP,
            (
                variant(finish=steps_before_it_has_a_gradient),
                variant(finish=throws_the_gradient_away),
            ),
        ),
        Mistake(
            "never makes a step",
            "The number of steps betrays it: without the optimiser's step nothing moves.",
            LOOP,
            (variant(finish=makes_no_step),),
        ),
        Mistake(
            "makes two steps on one gradient",
            "The number of steps betrays it: `optimizer.step()` stands once.",
            LOOP,
            (variant(finish=steps_twice),),
        ),
        Mistake(
            "makes a step for each network",
            "The number of steps betrays it: one loss holds objective, bonus and error, and one step follows it.",
            LOOP,
            (
                variant(
                    loss=lambda o, b, e, c: (total_loss(o, b, 0.0, c), total_loss(0.0, 0.0, e, c)),
                    finish=one_after_the_other,
                ),
            ),
        ),
        Mistake(
            "has the entropy with the wrong sign",
            "The entropy afterwards betrays it, it is too small: the loss is minimised, so the bonus is subtracted.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(o, -b, e, c)),),
        ),
        Mistake(
            "leaves the entropy out",
            "The entropy afterwards betrays it: the bonus has its part in the loss.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(o, 0.0, e, c)),),
        ),
        Mistake(
            "takes the actions alone for the entropy",
            "The entropy afterwards betrays it: the entropy is a sum over all actions, also those that were not taken.",
            LOOP,
            (with_bonus(torch.neg), with_bonus(lambda logp: -logp.exp() * logp)),
        ),
        Mistake(
            "sums the entropy over the steps",
            "The entropy afterwards betrays it, it is too large: the bonus is a mean, as the objective is.",
            LOOP,
            (variant(bonus=torch.sum),),
        ),
        Mistake(
            "leaves the weight of the critic's error out",
            "The value loss afterwards betrays it: the error counts with `value_weight`.",
            LOOP,
            (variant(loss=lambda o, b, e, c: -o - c.entropy_weight * b + e),),
        ),
        Mistake(
            "halves the critic's error",
            "The value loss afterwards betrays it: the error's only factor is `value_weight`.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(o, b, e / 2, c)),),
        ),
        Mistake(
            "leaves the critic as it is",
            "The value loss afterwards betrays it: it is what it was before. Is the error in the loss, and its "
            "gradient? Are the targets those of the minibatch, and not A + V with today's V?",
            LOOP,
            (
                variant(error=detached_error),
                variant(error=targets_anew),
                variant(loss=lambda o, b, e, c: -o - c.entropy_weight * b),
            ),
        ),
        Mistake(
            "compares the critic with the advantages",
            "The value loss afterwards betrays it: the critic goes to the targets.",
            LOOP,
            (variant(error=error_against_advantages),),
        ),
        Mistake(
            "pushes the critic away from its targets",
            "The value loss afterwards betrays it, it has grown: an error is minimised as it is.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(o, b, -e, c)),),
        ),
        Mistake(
            "compares every value with every target",
            "The value loss afterwards betrays it: [m, 1] minus [m] is [m, m], and all values are drawn to one mean.",
            LOOP,
            (variant(error=all_pairs),),
        ),
        Mistake(
            "follows the advantages with the wrong sign",
            "The objective afterwards betrays it, it is too small: it has to stand in the loss with a minus.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(-o, b, e, c)), variant(objective=of_advantages(torch.neg))),
        ),
        Mistake(
            "adds where it has to subtract",
            "The objective afterwards betrays it, it is too small, and so is the entropy: the optimiser goes down, so "
            "that only the critic's error has a plus.",
            LOOP,
            (variant(loss=lambda o, b, e, c: total_loss(-o, -b, e, c)),),
        ),
        Mistake(
            "leaves the objective out",
            "The objective afterwards betrays it: nothing pushes log π. Did `no_grad` or `detach` cut its gradient, "
            "are new and old log-probabilities exchanged, or is the new policy divided by itself?",
            LOOP,
            (
                variant(loss=lambda o, b, e, c: total_loss(0 * o, b, e, c)),
                variant(loss=lambda o, b, e, c: total_loss(0 * o, 0 * b, e, c)),
            ),
        ),
        Mistake(
            "takes the targets for the advantages",
            "The objective afterwards betrays it: the ratios are multiplied by the advantages; the targets are the "
            "critic's.",
            LOOP,
            (variant(objective=of_targets),),
        ),
        Mistake(
            "sums the objective over the steps",
            "The length of the gradient betrays it, it is too large: the objective is a mean, as the bonus is.",
            LOOP,
            (variant(objective=summed_objective),),
        ),
        Mistake(
            "normalises the advantages once more",
            "The objective afterwards betrays it: those of a rollout were normalised when it was judged.",
            LOOP,
            (
                variant(objective=of_advantages(normalize)),
                variant(objective=of_advantages(lambda a: (a - a.mean()) / (a.std(correction=0) + 1e-8))),
            ),
        ),
        Mistake(
            "has the ratio upside down",
            "The KL afterwards betrays it: the ratio is π / π_old, exp(log π − log π_old).",
            LOOP,
            (variant(objective=of_ratio(lambda new, old: (old - new).exp())),),
        ),
        Mistake(
            "takes the ratio's logarithm for the ratio",
            "The KL afterwards betrays it: the ratio is exp(log π − log π_old), which is 1 where nothing has moved.",
            LOOP,
            (variant(objective=of_ratio(torch.sub)),),
        ),
        Mistake(
            "divides every step by every other",
            "The KL afterwards betrays it: [m, 1] minus [m] is [m, m]. After `.gather` comes `.squeeze(-1)`.",
            LOOP,
            (variant(objective=of_ratio(lambda new, old: (new[:, None] - old).exp())),),
        ),
        Mistake(
            "divides the new policy by itself",
            "The clip fraction and the KL betray it: the ratio is always 1, or there is none, and nothing is clipped.",
            LOOP,
            (variant(objective=of_old(lambda old, new: new)),),
        ),
        Mistake(
            "takes the log-probabilities of other samples",
            "The KL afterwards betrays it: new and old log-probability belong to the same step.",
            LOOP,
            (
                variant(objective=of_old(lambda old, new: old.roll(1, 0))),
                variant(objective=of_old(lambda old, new: old.roll(-1, 0))),
                variant(objective=of_old(lambda old, new: old.flip(0))),
            ),
        ),
        Mistake(
            "takes the logits for log-probabilities",
            "The KL afterwards betrays it: logits become log-probabilities by `.log_softmax(-1)`.",
            LOOP,
            (variant(lambda logits, actions: logits.gather(-1, actions[:, None]).squeeze(-1)),),
        ),
        Mistake(
            "takes the probabilities for their logarithms",
            "The KL afterwards betrays it: the ratio is made of logarithms, `.log_softmax(-1)` and not `.softmax(-1)`.",
            LOOP,
            (variant(lambda logits, actions: Softmax.log_probability(logits, actions).exp()),),
        ),
        Mistake(
            "clips without the minimum",
            "The objective afterwards betrays it: a step whose action went the wrong way gets no gradient back.",
            LOOP,
            (variant(objective=of_terms(lambda plain, clipped: clipped)),),
        ),
        Mistake(
            "takes the larger of the two terms",
            "The objective afterwards betrays it: the smaller one counts, as a loss with both signs turned the larger.",
            LOOP,
            (variant(objective=of_terms(torch.maximum)),),
        ),
        Mistake(
            "does not clip",
            "The clip fraction afterwards betrays it: nothing ends the reward for going further.",
            LOOP,
            (variant(objective=of_terms(lambda plain, clipped: plain)),),
        ),
    ],
)
EXERCISES = [STEP]
