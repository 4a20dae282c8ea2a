"""Lesson 12. Proximal Policy Optimization: collect, judge, improve, again.

This page is the algorithm and nothing else. Its formulas are imported from the lessons that derive them; games,
networks and records stand in `trainer/`. What REINFORCE, A2C, TRPO and the KL penalty do otherwise stands in
`trainer/variants.py`: where a `variant` has no function, PPO's own is meant.
"""

import contextlib
import dataclasses

import torch

from ppo_lessons.advantage import normalize
from ppo_lessons.baseline import value_loss
from ppo_lessons.clip import clipped_objective
from ppo_lessons.gae import gae
from ppo_lessons.kl_penalty import early_stop
from ppo_lessons.trainer import distributed, variants
from ppo_lessons.trainer.config import ALGORITHMS, Config, choose_device
from ppo_lessons.trainer.distributions import distribution_of
from ppo_lessons.trainer.evaluation import evaluate, play
from ppo_lessons.trainer.networks import actor_and_critic
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.record import GradientStep, Record, Run, divergence, measure
from ppo_lessons.trainer.rollout import collect, make_game, to_batch
from ppo_lessons.validation import check_finite

__all__ = ["ALGORITHMS", "Config", "Record", "choose_device", "evaluate", "play", "train"]


def train(config, *, resume=None):
    """Train by PPO and yield a `Record` after each update; the caller drives.

    The first record precedes any learning. With `resume`, a path written by `Record.save`, training goes on after
    that record: games on the device continue exactly, other games begin fresh episodes.

    Args:
        config: a `Config`, every number of the run.
        resume: a path, or None to begin anew.

    Raises:
        ValueError: a game that the trainer cannot play, or a checkpoint of other settings.
        NonFiniteError: a loss, a reward or an observation became nan or infinite.

    Source: Schulman et al. (2017), Proximal Policy Optimization Algorithms.

    >>> [record.update for record in train(Config(total_steps=4096, device="cpu"))]
    [0, 1, 2]
    """
    device = choose_device(config.device)
    config = dataclasses.replace(config, device=str(device))  # a checkpoint says where it was written
    variant = variants.of(config)
    generator = torch.Generator(device).manual_seed(config.seed)  # of actions and minibatches
    with contextlib.closing(make_game(config, device)) as game:
        spaces = game.observation_space, game.action_space
        networks = actor_and_critic(*spaces, config.hidden, generator=torch.Generator().manual_seed(config.seed))
        actor, critic = (network.to(device) for network in networks)
        optimizer = Adam([*actor.parameters(), *critic.parameters()], lr=config.learning_rate, eps=1e-5)
        run = Run(config, game=game, actor=actor, critic=critic, optimizer=optimizer, generator=generator)

        def update():
            rollout = (variant.collect or collect)(game, actor, config.num_steps, generator=generator)
            return improve(actor, critic, optimizer, rollout, run.config, generator=generator)

        if resume is None:
            yield run.record()
        else:
            run.resume(resume)
        while run.update < config.updates:
            left = 1 - run.progress if config.anneal else 1.0  # the learning rate falls linearly to 0
            optimizer.set_learning_rate(config.learning_rate * left)
            yield run.perform(update)


def improve(actor, critic, optimizer, rollout, config, *, generator):
    """Judge every action of a rollout, then take at most `epochs * minibatches` gradient steps on it.

    Args:
        actor, critic: the networks, both changed in place.
        optimizer: of the parameters of both.
        rollout: a `Rollout` that the actor, as it is now, has collected.
        config: a `Config`.
        generator: shuffles the steps.

    Returns:
        Measured: what the update did, as tensors.
    """
    variant = variants.of(config)
    with torch.no_grad():  # advantages, targets and old log-probabilities are constants
        values, next_values = critic(rollout.observations).squeeze(-1), critic(rollout.next_observations).squeeze(-1)
        judge = variant.advantages_and_targets or advantages_and_targets
        advantages, targets = judge(rollout, values, next_values, config)
        old_logp = distribution_of(rollout.actions).log_probability(rollout.dist_params, rollout.actions)
    batch = to_batch(rollout, old_logp=old_logp, advantages=advantages, targets=targets, values=values)
    if config.normalize == "rollout":
        batch = batch._replace(advantages=distributed.over_all(normalize, batch.advantages))

    def minimise(objective, bonus, error, share):
        return gradient_step(optimizer, total_loss(objective, bonus, error, config), config, share)

    if variant.policy_step:  # of REINFORCE, A2C and TRPO: the actor moves here, once
        variant.policy_step(actor, batch, config, minimise)
    terms, judge_critic = variant.policy_terms or policy_terms, variant.critic_loss or critic_loss
    steps = []
    for _ in range(config.epochs):
        for minibatch in batch.minibatches(config.minibatches, generator=generator):
            if config.normalize == "minibatch":
                minibatch = minibatch._replace(advantages=normalize(minibatch.advantages))
            objective, bonus, clipped = terms(actor, minibatch, config)
            error = judge_critic(critic, minibatch, config)
            norm = minimise(objective, bonus, error, minibatch.share)
            steps.append(GradientStep.of(norm, error, clipped, minibatch.share))
        if config.stops_early and early_stop(divergence(actor, batch), target=config.target_kl):
            break
    return measure(actor, rollout, batch, steps)


def advantages_and_targets(rollout, values, next_values, config):
    """How much better each action was than the policy's average, and what the critic should have said: two [T, N].

    Lesson 07: GAE. Lesson 06: the critic learns A + V, an estimate of the return that leans on the critic itself.
    """
    flags = rollout.terminated, rollout.truncated
    advantages = gae(rollout.rewards, values, next_values, *flags, gamma=config.gamma, lam=config.lam)
    return advantages, advantages + values


def policy_terms(actor, minibatch, config):
    """What the actor maximises on a minibatch: the clipped objective (lesson 10), the entropy bonus (lesson 11).

    Returns:
        Two 0-d tensors, and [M] bool: whose ratio (lesson 08) lies outside the band.
    """
    policy, dist_params = distribution_of(minibatch.actions), actor(minibatch.observations)
    logp = policy.log_probability(dist_params, minibatch.actions)
    terms = clipped_objective(logp, minibatch.old_logp, minibatch.advantages, epsilon=config.epsilon)
    return terms.objective, policy.entropy(dist_params).mean(), terms.clipped


def critic_loss(critic, minibatch, config):
    """How wrong the critic is on a minibatch (lesson 05): a 0-d tensor."""
    return value_loss(critic(minibatch.observations).squeeze(-1), minibatch.targets)


def total_loss(objective, bonus, error, config):
    """What the optimiser minimises. Here alone a sign is turned: the objective and the entropy bonus are maximised."""
    return -objective - config.entropy_weight * bonus + config.value_weight * error


def gradient_step(optimizer, loss, config, share=1.0):
    """One step of the optimiser, with a gradient no longer than `max_grad_norm`: the length that it had.

    With several processes the gradient is the sum of theirs, each times its share of the steps behind the loss.
    """
    optimizer.zero_grad()
    loss.backward()
    parameters = optimizer.param_groups[0]["params"]
    distributed.all_reduce_gradients(parameters, share)
    norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
    check_finite(gradient_norm=norm)
    optimizer.step()
    return norm


if __name__ == "__main__":
    from ppo_lessons.cli import main

    main()
