"""Lesson 06: better or worse than the policy's own average, from one step or from n."""

import itertools
import re

import numpy
import pytest
import torch
from cases import draw, rollout

from ppo_lessons.advantage import n_step_advantage, normalize, td_error
from ppo_lessons.baseline import subtract_baseline
from ppo_lessons.reward_to_go import reward_to_go

NEVER = torch.zeros(3, dtype=torch.bool)
AT_LAST = torch.tensor([False, False, True])
AT_ONE = torch.tensor([False, True, False])
# the running trajectory: right, right, right by day, with a critic that says (1, -1, 1), and 8 for what came last
RUN = {
    "rewards": torch.tensor([5.0, 0.0, -2.0]),
    "values": torch.tensor([1.0, -1.0, 1.0]),
    "next_values": torch.tensor([-1.0, 1.0, 8.0]),
}


# td_error


@pytest.mark.parametrize(
    ("terminated", "expected"),
    [
        # 5 + 1/2 (-1) - 1 = 7/2;  0 + 1/2 (1) + 1 = 3/2;  -2 + 1/2 (8) - 1 = 1
        (NEVER, [7 / 2, 3 / 2, 1]),
        # the same, but nothing follows the last step: -2 - 1 = -3
        (AT_LAST, [7 / 2, 3 / 2, -3]),
    ],
)
def test_td_error_by_hand(terminated, expected):
    assert td_error(**RUN, terminated=terminated, gamma=0.5).tolist() == expected


def test_td_error_gradient_stops_at_the_end_of_the_world():
    rewards, values, next_values = (tensor.clone().requires_grad_() for tensor in RUN.values())
    td_error(rewards, values, next_values, AT_LAST, gamma=0.5).sum().backward()
    assert rewards.grad.tolist() == [1, 1, 1]
    assert values.grad.tolist() == [-1, -1, -1]
    assert next_values.grad.tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize("anything", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_the_value_after_the_end_of_the_world_may_be_anything(anything):
    next_values = torch.tensor([-1.0, 1.0, anything], requires_grad=True)
    result = td_error(RUN["rewards"], RUN["values"], next_values, AT_LAST, gamma=0.5)
    assert result.tolist() == [7 / 2, 3 / 2, -3]
    result.sum().backward()
    assert next_values.grad[-1] == 0


def test_td_error_equation():
    rewards, values, next_values, terminated, _ = rollout(0)
    result = td_error(rewards, values, next_values, terminated, gamma=0.9)
    assert result.shape == rewards.shape
    for t, n in itertools.product(range(12), range(5)):
        expected = rewards[t, n].item() - values[t, n].item()
        if not terminated[t, n]:
            expected += 0.9 * next_values[t, n].item()
        assert result[t, n].item() == pytest.approx(expected, abs=1e-15)


def test_td_error_without_a_future_is_the_reward_minus_the_baseline():
    rewards, values, next_values, terminated, _ = rollout(1)
    result = td_error(rewards, values, next_values, terminated, gamma=0.0)
    assert torch.equal(result, subtract_baseline(rewards, values))


# n_step_advantage


@pytest.mark.parametrize(
    ("terminated", "truncated", "n", "expected"),
    [
        # the TD errors are 7/2, 3/2, 1, and gamma = 1/2
        (NEVER, NEVER, 1, [7 / 2, 3 / 2, 1]),
        # 7/2 + 1/2 * 3/2 = 17/4;  3/2 + 1/2 * 1 = 2
        (NEVER, NEVER, 2, [17 / 4, 2, 1]),
        # 7/2 + 1/2 * 3/2 + 1/4 * 1 = 9/2, which is 5 + 0/2 - 2/4 + 8/8 - 1
        (NEVER, NEVER, 3, [9 / 2, 2, 1]),
        (NEVER, NEVER, 100, [9 / 2, 2, 1]),
        # the world ends at the last step: -3 instead of 1;  3/2 - 3/2 = 0;  7/2 + 3/4 - 3/4 = 7/2
        (AT_LAST, NEVER, 3, [7 / 2, 0, -3]),
        # a limit at the last step is what the end of the rollout is anyway
        (NEVER, AT_LAST, 3, [9 / 2, 2, 1]),
        # a limit at step 1: nothing of step 2 gets past it
        (NEVER, AT_ONE, 3, [17 / 4, 3 / 2, 1]),
        # the world ends at step 1: 0 + 1 = 1, and 7/2 + 1/2 = 4
        (AT_ONE, NEVER, 3, [4, 1, 1]),
        # both at once: the end of the world wins
        (AT_ONE, AT_ONE, 3, [4, 1, 1]),
    ],
)
def test_n_step_by_hand(terminated, truncated, n, expected):
    assert n_step_advantage(**RUN, terminated=terminated, truncated=truncated, gamma=0.5, n=n).tolist() == expected


def test_n_step_gradient_reaches_n_steps_ahead_and_no_further_than_the_end():
    """dA_t/dr_k = gamma^(k-t) for k < t + n inside one episode. Step 2 of five is a time limit."""
    cut = torch.tensor([False, False, True, False, False])

    def advantage(rewards):
        return n_step_advantage(rewards, draw(5), draw(5), torch.zeros_like(cut), cut, gamma=0.5, n=2)

    expected = [[1, 0.5, 0, 0, 0], [0, 1, 0.5, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0.5], [0, 0, 0, 0, 1]]
    assert torch.autograd.functional.jacobian(advantage, draw(5)).tolist() == expected


@pytest.mark.parametrize("n", [1, 2, 3, 5, 12, 50])
@pytest.mark.parametrize("gamma", [1.0, 0.9, 0.0])
def test_n_step_equation(n, gamma):
    """The first line of the docstring, word by word: rewards, then the critic, minus V(s_t)."""
    rewards, values, next_values, terminated, truncated = rollout(2)
    assert (terminated & truncated).any()
    result = n_step_advantage(rewards, values, next_values, terminated, truncated, gamma=gamma, n=n)
    for t, k in itertools.product(range(12), range(5)):
        expected, last = -values[t, k].item(), t
        for step in range(t, min(t + n, 12)):
            expected += gamma ** (step - t) * rewards[step, k].item()
            last = step
            if terminated[step, k] or truncated[step, k]:
                break
        if not terminated[last, k]:
            expected += gamma ** (last - t + 1) * next_values[last, k].item()
        assert result[t, k].item() == pytest.approx(expected, abs=1e-13)


def test_one_step_is_the_td_error():
    *data, truncated = rollout(3)
    assert torch.equal(n_step_advantage(*data, truncated, gamma=0.9, n=1), td_error(*data, gamma=0.9))


def test_all_steps_of_a_terminated_episode_are_reward_to_go_minus_the_baseline():
    rewards, values = draw(6, 3), draw(6, 3, seed=1)
    never, terminated = torch.zeros(2, 6, 3, dtype=torch.bool)
    terminated[-1] = True
    next_values = torch.cat([values[1:], values[:1]])
    result = n_step_advantage(rewards, values, next_values, terminated, never, gamma=0.9, n=6)
    expected = subtract_baseline(reward_to_go(rewards, gamma=0.9), values)
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-14)


def test_games_do_not_mix():
    data = rollout(4)
    result = n_step_advantage(*data, gamma=0.9, n=3)
    for k in range(5):
        assert torch.equal(result[:, k], n_step_advantage(*(tensor[:, k] for tensor in data), gamma=0.9, n=3))
    shaped = [tensor[:, :4].reshape(12, 2, 2) for tensor in data]
    assert torch.equal(n_step_advantage(*shaped, gamma=0.9, n=3), result[:, :4].reshape(12, 2, 2))


@pytest.mark.parametrize("kind", [3, 4], ids=["terminated", "truncated"])
def test_cut_and_join_at_an_ended_step(kind):
    data = rollout(5)
    data[kind][6] = True
    parts = [n_step_advantage(*(tensor[part] for tensor in data), gamma=0.9, n=4) for part in (slice(7), slice(7, 12))]
    assert torch.equal(n_step_advantage(*data, gamma=0.9, n=4), torch.cat(parts))


def test_end_of_the_rollout_is_a_time_limit():
    rewards, values, next_values, terminated, truncated = rollout(6)
    terminated[7] = truncated[7] = False
    short = [tensor[:8] for tensor in (rewards, values, next_values, terminated, truncated)]
    truncated = truncated.clone()
    truncated[7] = True
    whole = n_step_advantage(rewards, values, next_values, terminated, truncated, gamma=0.9, n=5)
    assert torch.equal(n_step_advantage(*short, gamma=0.9, n=5), whole[:8])


def test_one_step_rollout():
    # 3 + 1/2 * 4 - 1 = 4 where it goes on, 3 - 1 = 2 where the world ended
    data = (torch.tensor([[3.0, 3.0]]), torch.ones(1, 2), torch.full((1, 2), 4.0), torch.tensor([[False, True]]))
    never = torch.zeros(1, 2, dtype=torch.bool)
    assert td_error(*data, gamma=0.5).tolist() == [[4, 2]]
    assert n_step_advantage(*data, never, gamma=0.5, n=5).tolist() == [[4, 2]]


def test_an_overflow_in_the_next_episode_does_not_leak():
    rewards = torch.tensor([1.0, 3e38, 3e38])
    zero, ended = torch.zeros(3), torch.tensor([True, False, False])
    result = n_step_advantage(rewards, zero, zero, NEVER, ended, gamma=1.0, n=3)
    assert result.tolist() == pytest.approx([1.0, float("inf"), 3e38])


# normalize


def test_normalize_by_hand():
    # mean 4, s^2 = (9 + 1 + 16) / 2 = 13: (1, 3, 8) -> (-3, -1, 4) / sqrt(13)
    result = normalize(torch.tensor([1.0, 3, 8], dtype=torch.float64))
    assert result.tolist() == pytest.approx([x / 13**0.5 for x in (-3, -1, 4)], abs=1e-8)


def test_normalize_takes_the_whole_batch_together():
    advantages = draw(4, 3)
    flat = advantages.flatten().numpy()
    expected = (flat - flat.mean()) / (numpy.std(flat, ddof=1) + 1e-8)
    result = normalize(advantages)
    assert result.shape == (4, 3)
    assert result.flatten().tolist() == pytest.approx(expected.tolist(), abs=1e-14)


def test_normalize_keeps_the_order_and_forgets_the_unit():
    advantages = draw(20)
    result = normalize(advantages)
    assert torch.equal(result.argsort(), advantages.argsort())
    torch.testing.assert_close(normalize(1000 * advantages - 5), result, rtol=0, atol=1e-7)


def test_normalize_small_numbers():
    # the 1e-8 in the equation: (0, 1e-8) has mean 5e-9 and s = 1e-8 / sqrt(2), so -5e-9 / (1e-8 / sqrt(2) + 1e-8)
    expected = 0.5 / (0.5**0.5 + 1)
    result = normalize(torch.tensor([0.0, 1e-8], dtype=torch.float64))
    assert result.tolist() == pytest.approx([-expected, expected], abs=1e-9)
    assert normalize(torch.tensor([2.0, 2.0])).tolist() == [0, 0]


# wrong input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"values": torch.zeros(2)},
            "expected one shape, got rewards (3,), values (2,), next_values (3,), terminated (3,)",
        ),
        ({"next_values": torch.zeros(3, 1)}, "rewards (3,), values (3,), next_values (3, 1), terminated (3,)"),
        ({"terminated": NEVER[:1]}, "rewards (3,), values (3,), next_values (3,), terminated (1,)"),
        ({"rewards": [5.0, 0.0, -2.0]}, "rewards must be a torch tensor, got list"),
        ({"terminated": torch.zeros(3)}, "terminated must be a bool tensor, got torch.float32"),
        ({"terminated": torch.zeros(3, dtype=torch.int64)}, "terminated must be a bool tensor, got torch.int64"),
        ({"gamma": -0.1}, "gamma must lie in [0, 1], got -0.1"),
        ({"gamma": 1.1}, "gamma must lie in [0, 1], got 1.1"),
        ({"gamma": float("nan")}, "gamma must lie in [0, 1], got nan"),
        ({"rewards": torch.tensor([0.0, torch.nan, 0.0])}, "rewards must be finite, got nan in shape (3,)"),
        ({"values": torch.tensor([0.0, torch.inf, 0.0])}, "values must be finite, got inf in shape (3,)"),
        ({"next_values": torch.tensor([torch.nan, 0.0, 0.0])}, "next_values must be finite, got nan in shape (3,)"),
        (
            dict.fromkeys(RUN, torch.zeros(0, 2)) | {"terminated": torch.zeros(0, 2) > 0},
            "expected at least one element",
        ),
        (dict.fromkeys(RUN, torch.tensor(0.0)) | {"terminated": torch.tensor(False)}, "a shape [T, ...] is needed"),
    ],
)
def test_td_error_and_n_step_refuse(change, message):
    call = {**RUN, "terminated": AT_LAST, "gamma": 0.5, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        td_error(**call)
    truncated = torch.zeros_like(torch.as_tensor(call["rewards"]), dtype=torch.bool)
    with pytest.raises(ValueError, match=re.escape(message)):
        n_step_advantage(**call, truncated=truncated, n=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truncated": NEVER[:2]}, "expected one shape, got rewards (3,), truncated (2,)"),
        ({"truncated": torch.zeros(3)}, "truncated must be a bool tensor, got torch.float32"),
        ({"n": 0}, "n must be an integer of at least 1, got 0"),
        ({"n": -1}, "n must be an integer of at least 1, got -1"),
        ({"n": 2.0}, "n must be an integer of at least 1, got 2.0"),
        ({"n": float("nan")}, "n must be an integer of at least 1, got nan"),
    ],
)
def test_n_step_refuses(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        n_step_advantage(**{**RUN, "terminated": AT_LAST, "truncated": NEVER, "gamma": 0.5, "n": 2, **change})


@pytest.mark.parametrize(
    ("advantages", "message"),
    [
        (torch.tensor([1.0]), "normalising needs at least two advantages"),
        (torch.tensor(1.0), "normalising needs at least two advantages"),
        (torch.zeros(0), "expected at least one element, got advantages (0,)"),
        (torch.tensor([1.0, torch.nan]), "advantages must be finite, got nan in shape (2,)"),
        ([1.0, 2.0], "advantages must be a torch tensor, got list"),
    ],
)
def test_normalize_refuses(advantages, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        normalize(advantages)
