"""The numbers of lesson 03."""

import math

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments import log_trick
from ppo_lessons.experiments.tabular import train_reinforce
from ppo_lessons.experiments.variance_ladder import total_return


@pytest.mark.parametrize(("success", "right"), [(0.9, 0.7), (0.5, 0.4), (1.0, 0.1)])
def test_parts_of_log_p_by_hand(success, right):
    start, environment, policy, of_p, of_log = log_trick.log_parts(success, right)
    assert start.item() == pytest.approx(math.log(1 / 2))
    assert environment.tolist() == pytest.approx([math.log(success)] * 3)
    assert policy.tolist() == pytest.approx([math.log(right)] * 3)
    assert of_log == pytest.approx(1 - right, abs=1e-14)  # one-hot - pi, in cell 2 only
    assert of_p == pytest.approx(0.5 * success**3 * right**3 * (1 - right), abs=1e-15)  # grad P = P grad log P


def test_slopes_are_those_of_the_parts():
    values = log_trick.slopes(0.7)
    assert values[20].tolist() == pytest.approx(log_trick.log_parts(log_trick.CHANCES[20], 0.7)[3:])
    assert values[:, 1].std() < 1e-14 < values[:, 0].std()


@pytest.mark.parametrize(("action", "one_hot"), [("left", (1, 0, 0)), ("up", (0, 1, 0)), ("right", (0, 0, 1))])
@pytest.mark.parametrize("weight", [-7.0, 0.0, 3.0])
def test_push_by_hand(action, one_hot, weight):
    direction, push, before, after = log_trick.push_of(action, weight, step_size=0.1)
    by_hand = [hot - p for hot, p in zip(one_hot, SLIDES_POLICY, strict=True)]
    assert direction.tolist() == pytest.approx(by_hand)
    assert push.tolist() == pytest.approx([weight * d for d in by_hand])
    grown = [p * math.exp(0.1 * weight * d) for p, d in zip(SLIDES_POLICY, by_hand, strict=True)]
    assert before.tolist() == pytest.approx(list(SLIDES_POLICY))
    assert after.tolist() == pytest.approx([g / sum(grown) for g in grown])


@pytest.mark.parametrize(("doublings", "sample"), [(0, 3), (4, 0), (6, 39)])
def test_the_large_dot_is_one_of_the_cloud(doublings, sample):
    """Autograd through `score_objective` and the rows of `Corridor.scores` give the same estimate."""
    truth = Corridor().gradient(Corridor().policy(SLIDES_POLICY)).flatten()
    estimate = log_trick.sampled_gradient(doublings, sample)
    (angle,), (length,), (error,) = log_trick.compare(estimate[None], truth)
    angles, lengths, errors = log_trick.cloud(doublings)
    assert (angle, length, error) == pytest.approx((angles[sample], lengths[sample], errors[sample]), abs=1e-7)


@pytest.mark.parametrize("doublings", [0, 4, 8])
def test_the_cloud_has_the_exact_mean_square_error(doublings):
    world, policy, _, truth, scores, variance = log_trick.exact()
    p = world.probabilities(policy)
    square = (scores - truth).square().sum(1)
    spread = (p @ (square - variance).square()).sqrt().item()  # of one play's squared error
    number = 2**doublings
    _, _, errors = log_trick.cloud(doublings)
    allowed = 4 * (spread / number + variance.item() * 2**0.5 / number) / log_trick.SAMPLES**0.5
    assert (errors**2).mean() == pytest.approx(variance.item() / number, abs=allowed)
    assert log_trick.typical_error(number) ** 2 == pytest.approx(variance.item() / number)


def test_from_so_many_plays_on_the_error_is_shorter_than_the_gradient():
    length = log_trick.exact().gradient.norm().item()
    assert log_trick.typical_error(log_trick.plays_needed()) == pytest.approx(length)


def test_angles_by_hand():
    estimates = torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    angles, lengths, errors = log_trick.compare(estimates, torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert [round(math.degrees(a)) for a in angles] == [0, 90, 180, 45, 90]
    assert lengths.tolist() == pytest.approx([2, 3, 1, 2**0.5, 0])
    assert errors.tolist() == pytest.approx([1, 10**0.5, 2, 1, 1])


def test_one_update_of_reinforce_is_one_step_along_the_estimate():
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    settings = {"updates": 1, "plays": 5, "reuse": 1, "step_size": 0.3, "seed": 4}
    first, second = train_reinforce(world, start, total_return, **settings)
    sample = world.sample(start, 5, generator=torch.Generator().manual_seed(4))
    by_hand = torch.zeros(13, 3, dtype=torch.float64)
    for play in range(5):
        for state, action in zip(sample.states[:, play].tolist(), sample.actions[:, play].tolist(), strict=True):
            if state < 12:
                direction = -torch.tensor(SLIDES_POLICY, dtype=torch.float64)
                direction[action] += 1
                by_hand[state] += sample.returns[play] * direction / 5
    assert torch.equal(first.logits, start)
    torch.testing.assert_close(second.logits, start + 0.3 * by_hand[:12], rtol=0, atol=1e-13)
    assert second.expected_return == pytest.approx(world.expected_return(second.logits).item(), abs=1e-12)


def test_reuse_counts_the_steps_on_one_sample():
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    settings = {"updates": 1, "plays": 5, "step_size": 0.3, "seed": 4}
    *_, once = train_reinforce(world, start, total_return, reuse=1, **settings)
    *_, none = train_reinforce(world, start, total_return, reuse=0, **settings)
    *_, twice = train_reinforce(world, start, total_return, reuse=2, **settings)
    assert torch.equal(none.logits, start)
    sample = world.sample(start, 5, generator=torch.Generator().manual_seed(4))
    logits = once.logits.clone().requires_grad_()
    value = (world.log_probabilities(logits, sample).sum(0) * sample.returns).mean()
    (gradient,) = torch.autograd.grad(value, logits)
    torch.testing.assert_close(twice.logits, once.logits + 0.3 * gradient, rtol=0, atol=1e-13)


def test_where_runs_end():
    assert log_trick.reached([[9.0, 1.0], [9.0, 4.0], [9.0, -2.0]]) == (-2, 4, 1)
