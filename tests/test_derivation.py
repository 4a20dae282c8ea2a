"""The course in one page: every lesson contains the one before it. One test for each arrow, exact on the Corridor.

Nothing is sampled. The lesson functions take a plain mean over the plays that they are given; here they are given all
25,472, so each weight carries the probability of its play times their number, and the mean is the expectation.
"""

import math

import torch

from ppo_lessons.advantage import n_step_advantage, td_error
from ppo_lessons.baseline import subtract_baseline
from ppo_lessons.clip import clipped_objective
from ppo_lessons.corridor import SLIDES_POLICY, STATES, Corridor
from ppo_lessons.entropy import entropy
from ppo_lessons.expectation import expectation
from ppo_lessons.gae import gae
from ppo_lessons.importance_sampling import ratio, surrogate_objective
from ppo_lessons.kl_penalty import approximate_kl, kl_divergence, penalized_objective
from ppo_lessons.log_trick import score_objective
from ppo_lessons.policy_gradient import expected_return, softmax_policy
from ppo_lessons.reward_to_go import reward_to_go

world = Corridor()
plays = world.trajectories()
slides = world.policy(SLIDES_POLICY)
p = world.probabilities(slides)
listed = p * len(p)  # the factor that turns a mean over the list into an expectation
old_logp = world.log_probabilities(slides)
exact = world.gradient(slides)  # of J, by differentiating the sum over all plays

noise = torch.Generator().manual_seed(0)
another = slides + torch.randn(STATES, 3, dtype=torch.float64, generator=noise)
returns = reward_to_go(plays.rewards, gamma=1.0)
values, following = world.step_values(world.tables(slides, gamma=1.0).values)  # the exact critic
wrong_values, wrong_following = world.step_values(torch.randn(7, STATES + 1, dtype=torch.float64, generator=noise))
ends, never = plays.terminated, torch.zeros_like(plays.terminated)


def gradient_of(objective, at=slides):
    """Gradient with respect to the policy's table of `objective(log-probabilities of all plays' steps)`."""
    table = at.clone().requires_grad_()
    return torch.autograd.grad(objective(world.log_probabilities(table)), table)[0]


def mean_score(weights):
    """Expectation of the one-play gradient estimate sum_t w_t grad log pi(a_t|s_t)."""
    return gradient_of(lambda logp: score_objective(logp, weights * plays.mask * listed))


def same(a, b, tolerance=1e-12):
    return (a - b).abs().max() <= tolerance


# 01 expectation -> 02 policy gradient


def test_the_objective_is_an_expectation_over_plays():
    assert same(expected_return(plays.returns, p), expectation(plays.returns, p), 0)


def test_a_network_and_a_softmax_make_the_policy_that_is_listed():
    likely = softmax_policy(slides, temperature=1.0)[plays.states.clamp(max=STATES - 1), plays.actions]
    assert same(plays.probability * likely.where(plays.mask == 1, 1.0).prod(0), p, 1e-15)


# 02 -> 03 log trick


def test_log_trick_keeps_the_gradient_although_the_world_is_not_differentiated():
    assert same(mean_score(plays.returns.expand_as(plays.rewards)), exact)


# 03 -> 04 reward-to-go


def test_reward_to_go_keeps_the_gradient():
    assert same(mean_score(returns), exact)


# 04 -> 05 baseline


def test_any_baseline_that_knows_only_state_and_time_keeps_the_gradient():
    assert same(mean_score(subtract_baseline(returns, wrong_values)), exact)


# 05 -> 06 advantage


def test_td_error_with_the_exact_critic_keeps_the_gradient():
    assert same(mean_score(td_error(plays.rewards, values, following, ends, gamma=1.0)), exact)


def test_one_step_is_the_td_error():
    one = n_step_advantage(plays.rewards, wrong_values, wrong_following, ends, never, gamma=0.9, n=1)
    assert same(one, td_error(plays.rewards, wrong_values, wrong_following, ends, gamma=0.9), 0)


def test_all_steps_to_the_end_are_reward_to_go_minus_the_baseline():
    longest = n_step_advantage(plays.rewards, wrong_values, wrong_following, ends, never, gamma=0.9, n=6)
    expected = subtract_baseline(reward_to_go(plays.rewards, gamma=0.9), wrong_values)
    assert same(longest * plays.mask, expected * plays.mask)


# 06 -> 07 GAE


def test_gae_without_lam_is_the_td_error():
    shortest = gae(plays.rewards, wrong_values, wrong_following, ends, never, gamma=0.9, lam=0.0)
    assert same(shortest, td_error(plays.rewards, wrong_values, wrong_following, ends, gamma=0.9), 0)


def test_gae_with_lam_one_is_the_longest_n_step_advantage():
    longest = gae(plays.rewards, wrong_values, wrong_following, never, ends, gamma=0.9, lam=1.0)
    assert same(longest, n_step_advantage(plays.rewards, wrong_values, wrong_following, never, ends, gamma=0.9, n=6))


def test_gae_with_lam_one_plus_the_values_is_reward_to_go_where_the_episode_terminated():
    target = gae(plays.rewards, wrong_values, wrong_following, ends, never, gamma=0.9, lam=1.0) + wrong_values
    assert same(target * plays.mask, reward_to_go(plays.rewards, gamma=0.9))


def test_gae_with_the_exact_critic_keeps_the_gradient():
    assert same(mean_score(gae(plays.rewards, values, following, ends, never, gamma=1.0, lam=0.7)), exact)


# 07 -> 08 importance sampling

advantages = gae(plays.rewards, values, following, ends, never, gamma=1.0, lam=0.95) * plays.mask


def test_another_policys_return_from_the_old_policys_plays():
    weights = ratio(world.log_probabilities(another).sum(0), old_logp.sum(0))
    assert same(expected_return(plays.returns * weights, p), world.expected_return(another))


def test_surrogate_gradient_at_the_old_policy_is_the_policy_gradient_per_step():
    per_step = gradient_of(lambda logp: surrogate_objective(logp, old_logp, advantages * listed))
    assert same(per_step * world.steps, exact)  # a mean over steps where the score objective sums over them


# 08 -> 09 KL penalty


def test_penalty_without_a_price_is_the_surrogate():
    logp, kl = world.log_probabilities(another), kl_divergence(slides, another).mean()
    penalized = penalized_objective(logp, old_logp, advantages, kl, beta=0.0)
    assert same(penalized, surrogate_objective(logp, old_logp, advantages), 0)


def test_penalty_at_the_old_policy_leaves_the_policy_gradient_alone():
    table = slides.clone().requires_grad_()
    kl = kl_divergence(slides, table).mean()
    penalized = penalized_objective(
        world.log_probabilities(table), old_logp, advantages * listed * world.steps, kl, beta=10.0
    )
    assert same(torch.autograd.grad(penalized, table)[0], exact)


def test_kl_is_the_expectation_of_k1_and_of_k3():
    kl, old_pi = kl_divergence(slides, another), softmax_policy(slides, temperature=1.0)
    k1, k3 = (
        approximate_kl(another.log_softmax(-1), slides.log_softmax(-1), estimator=estimator)
        for estimator in ("k1", "k3")
    )
    assert same(torch.stack([expectation(k1.T, old_pi.T), expectation(k3.T, old_pi.T)]), kl)


# 08 -> 10 clip


def test_clip_with_an_infinite_band_is_importance_sampling():
    logp = world.log_probabilities(another)
    clipped = clipped_objective(logp, old_logp, advantages, epsilon=math.inf)
    assert same(clipped.objective, surrogate_objective(logp, old_logp, advantages), 0)


def test_clip_gradient_at_ratio_one_is_the_policy_gradient_per_step():
    per_step = gradient_of(lambda logp: clipped_objective(logp, old_logp, advantages * listed, epsilon=0.2).objective)
    assert same(per_step * world.steps, exact)


def test_clip_never_promises_more_than_the_surrogate():
    logp = world.log_probabilities(another)
    bound = clipped_objective(logp, old_logp, advantages * listed, epsilon=0.2).objective
    assert bound < surrogate_objective(logp, old_logp, advantages * listed) - 1e-3


# 09 -> 11 entropy


def test_entropy_is_what_is_left_of_the_distance_to_the_undecided_policy():
    assert same(entropy(another), math.log(3) - kl_divergence(another, torch.zeros_like(another)))


def test_entropy_is_the_expectation_of_minus_the_log_probability():
    pi = softmax_policy(another, temperature=1.0)
    assert same(entropy(another), expectation(-pi.log().T, pi.T))
