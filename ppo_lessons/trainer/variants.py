"""What the earlier algorithms of the course do otherwise than PPO, one small function each.

They are settings of the same trainer (`config.ALGORITHMS`): `of(config)` says which of PPO's five parts they replace.
The page `ppo.py` takes its own part wherever a field is None.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from ppo_lessons.advantage import td_error
from ppo_lessons.baseline import clipped_value_loss, subtract_baseline
from ppo_lessons.clip import clipped_objective
from ppo_lessons.importance_sampling import surrogate_objective
from ppo_lessons.kl_penalty import adapt_beta, penalized_objective
from ppo_lessons.log_trick import score_objective
from ppo_lessons.reward_to_go import reward_to_go
from ppo_lessons.trainer.distributions import distribution_of
from ppo_lessons.trainer.rollout import Rollout, collect
from ppo_lessons.trust_region import trust_region_step


class Variant(NamedTuple):
    """Functions in place of PPO's own; None where PPO's own is meant."""

    collect: Callable | None = None  # (game, actor, num_steps, *, generator) -> Rollout
    advantages_and_targets: Callable | None = None  # (rollout, values, next_values, config) -> two [T, N]
    policy_step: Callable | None = None  # (actor, batch, config, minimise): the actor's only step, before the epochs
    policy_terms: Callable | None = None  # (actor, minibatch, config) -> objective, entropy bonus, what was clipped
    critic_loss: Callable | None = None  # (critic, minibatch, config) -> 0-d


def of(config):
    """Which parts these settings replace."""
    return Variant(
        collect=collect_whole_episodes if config.whole_episodes else None,
        advantages_and_targets=ESTIMATORS.get(config.advantage_estimator),
        policy_step=POLICY_STEPS.get(config.objective),
        policy_terms=POLICY_TERMS.get(config.objective),
        critic_loss=clipped_critic_loss if config.value_clip < math.inf else None,
    )


# Lessons 03 to 06: other estimators of the advantage


def total_return(rollout, values, next_values, config):
    """R(tau) on every step; rollouts of whole episodes."""
    returns = reward_to_go(rollout.rewards, gamma=config.gamma)
    return returns[0].expand_as(returns), returns


def only_reward_to_go(rollout, values, next_values, config):
    """G_t; rollouts of whole episodes."""
    returns = reward_to_go(rollout.rewards, gamma=config.gamma)
    return returns, returns


def minus_baseline(rollout, values, next_values, config):
    """G_t - V(s_t); rollouts of whole episodes."""
    returns = reward_to_go(rollout.rewards, gamma=config.gamma)
    return subtract_baseline(returns, values), returns


def one_step(rollout, values, next_values, config):
    """delta_t, as GAE with lambda = 0."""
    advantages = td_error(rollout.rewards, values, next_values, rollout.terminated, gamma=config.gamma)
    return advantages, advantages + values


ESTIMATORS = {
    "total_return": total_return,
    "reward_to_go": only_reward_to_go,
    "baseline": minus_baseline,
    "td_error": one_step,
}


def collect_whole_episodes(game, actor, num_steps, *, generator):
    """Monte Carlo returns need the end of the episode: begin anew, play, and keep the episodes that ended."""
    game.reset()
    return whole_episodes(collect(game, actor, num_steps, generator=generator))


def whole_episodes(rollout):
    """Cut a rollout that began with fresh episodes into columns, one for each episode that ended in it.

    Steps of episodes that had not ended when the rollout did are left out; so are their rewards. Shorter episodes are
    filled up with zeros, where `mask` is False. `episode_returns` stays as it is.

    Raises:
        ValueError: no episode ended.
    """
    ended = rollout.terminated | rollout.truncated
    episodes = []
    for game in range(ended.shape[1]):
        start = 0
        for end in (ended[:, game].nonzero().flatten() + 1).tolist():
            episodes.append((game, start, end))
            start = end
    if not episodes:
        raise ValueError(f"no episode ended within {len(ended)} steps: returns need whole episodes, raise num_steps")

    def columns(tensor):
        return torch.nn.utils.rnn.pad_sequence([tensor[start:end, game] for game, start, end in episodes])

    whole = rollout._replace(mask=torch.ones_like(ended))
    whole = Rollout(**{name: columns(tensor) for name, tensor in whole._asdict().items()})
    return whole._replace(episode_returns=rollout.episode_returns)


# Lessons 03 and 09: algorithms whose actor takes one step on a rollout; the epochs are the critic's


def score_step(actor, batch, config, minimise):
    """One gradient step on the score objective: REINFORCE, and with a critic A2C. A mean over steps, not plays."""
    policy, dist_params = distribution_of(batch.actions), actor(batch.observations)
    objective = score_objective(policy.log_probability(dist_params, batch.actions)[None], batch.advantages[None])
    minimise(objective, policy.entropy(dist_params).mean(), 0.0, batch.share)


def natural_step(actor, batch, config, minimise):
    """TRPO: the surrogate's best step within `max_kl`, without the optimiser."""
    policy = distribution_of(batch.actions)

    def surrogate():
        logp = policy.log_probability(actor(batch.observations), batch.actions)
        return surrogate_objective(logp, batch.old_logp, batch.advantages)

    def kl():
        return policy.kl_divergence(batch.dist_params, actor(batch.observations)).mean()

    trust_region_step(actor.parameters(), surrogate, kl, max_kl=config.max_kl, damping=config.damping)


def nothing(actor, minibatch, config):
    """The actor has made its step; a minibatch is the critic's alone."""
    return 0.0, 0.0, None


# Lesson 09: a price on the divergence in place of the clip


def penalty(actor, minibatch, config):
    """PPO-penalty: the surrogate minus `beta` times KL(old || new)."""
    policy, dist_params = distribution_of(minibatch.actions), actor(minibatch.observations)
    logp = policy.log_probability(dist_params, minibatch.actions)
    kl = policy.kl_divergence(minibatch.dist_params, dist_params)
    objective = penalized_objective(logp, minibatch.old_logp, minibatch.advantages, kl, beta=config.beta)
    clipped = clipped_objective(logp, minibatch.old_logp, minibatch.advantages, epsilon=config.epsilon).clipped
    return objective, policy.entropy(dist_params).mean(), clipped


POLICY_STEPS = {"score": score_step, "trust_region": natural_step}
POLICY_TERMS = {"score": nothing, "trust_region": nothing, "penalty": penalty}


def next_beta(config, kl):
    """The price for the next update: adapted where there is a target."""
    return adapt_beta(config.beta, kl, target=config.beta_target_kl) if config.beta_target_kl > 0 else config.beta


# Lesson 13: a clip for the critic, too


def clipped_critic_loss(critic, minibatch, config):
    """The critic gains nothing from moving further than `value_clip` from what it said before the update."""
    values = critic(minibatch.observations).squeeze(-1)
    return clipped_value_loss(values, minibatch.targets, minibatch.values, epsilon=config.value_clip)
