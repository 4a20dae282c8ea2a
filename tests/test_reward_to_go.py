"""Lesson 04: an action is judged by what comes after it."""

import re

import numpy
import pytest
import torch

from ppo_lessons.reward_to_go import reward_to_go


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (1.0, [3, -2, -2]),  # 5 + 0 - 2, 0 - 2, -2
        (0.5, [9 / 2, -1, -2]),  # 5 + 0/2 - 2/4 = 9/2, 0 - 2/2 = -1, -2
        (0.0, [5, 0, -2]),  # each reward alone
    ],
)
def test_running_trajectory_by_hand(gamma, expected):
    assert reward_to_go(torch.tensor([5.0, 0.0, -2.0]), gamma=gamma).tolist() == expected


def test_first_and_last_weight_of_four_steps():
    # t = 2 of four steps: r_2 + 0.9 r_3;  t = 1: r_1 + 0.9 r_2 + 0.81 r_3
    result = reward_to_go(torch.tensor([7.0, 10.0, 100.0, 1000.0], dtype=torch.float64), gamma=0.9)
    assert result[1:].tolist() == pytest.approx([10 + 90 + 810, 100 + 900, 1000], abs=1e-12)


def test_gradient_counts_only_later_steps():
    """dG_t/dr_k = gamma^(k-t) from t on and 0 before: an action never answers for the past."""
    jacobian = torch.autograd.functional.jacobian(lambda r: reward_to_go(r, gamma=0.5), draw(4))
    expected = [[1, 1 / 2, 1 / 4, 1 / 8], [0, 1, 1 / 2, 1 / 4], [0, 0, 1, 1 / 2], [0, 0, 0, 1]]
    assert jacobian.tolist() == expected


@pytest.mark.parametrize("gamma", [1.0, 0.99, 0.3, 0.0])
def test_equation(gamma):
    rewards = draw(8, 3)
    result = reward_to_go(rewards, gamma=gamma)
    for n in range(3):
        for t in range(8):
            expected = sum(gamma ** (k - t) * rewards[k, n].item() for k in range(t, 8))
            assert result[t, n].item() == pytest.approx(expected, abs=1e-14)


def test_agrees_with_numpy():
    """G_t is a polynomial in gamma whose coefficients are the rewards from t on."""
    rewards = draw(20)
    expected = [numpy.polyval(rewards[t:].numpy()[::-1], 0.97) for t in range(20)]
    assert reward_to_go(rewards, gamma=0.97).tolist() == pytest.approx(expected, abs=1e-13)


def test_reduction_to_total_return():
    """Undiscounted, the first step gets the total return that the lesson before gives to every step."""
    rewards = draw(6, 4)
    torch.testing.assert_close(reward_to_go(rewards, gamma=1.0)[0], rewards.sum(0), rtol=0, atol=1e-14)


def test_plays_do_not_mix():
    rewards = draw(6, 2, 3)
    result = reward_to_go(rewards, gamma=0.9)
    assert result.shape == rewards.shape
    for i in range(2):
        for j in range(3):
            assert torch.equal(result[:, i, j], reward_to_go(rewards[:, i, j], gamma=0.9))


def test_cut_and_join():
    """Both parts joined, plus the discounted value of the second part in the steps of the first."""
    rewards = draw(7, 2)
    first, second = reward_to_go(rewards[:3], gamma=0.9), reward_to_go(rewards[3:], gamma=0.9)
    bridge = torch.tensor([0.9**3, 0.9**2, 0.9], dtype=torch.float64)[:, None] * second[0]
    joined = torch.cat([first + bridge, second])
    torch.testing.assert_close(reward_to_go(rewards, gamma=0.9), joined, rtol=0, atol=1e-14)


def test_zeros_after_the_end_change_nothing():
    rewards = draw(4)
    padded = torch.cat([rewards, torch.zeros(3, dtype=torch.float64)])
    assert torch.equal(reward_to_go(padded, gamma=0.9)[:4], reward_to_go(rewards, gamma=0.9))


def test_one_step():
    assert reward_to_go(torch.tensor([[3.0, -1.0]]), gamma=0.9).tolist() == [[3, -1]]


def test_whole_numbers_are_welcome():
    assert reward_to_go(torch.tensor([5, 0, -2]), gamma=0.5).tolist() == [4.5, -1, -2]


@pytest.mark.parametrize(
    ("rewards", "gamma", "message"),
    [
        (torch.zeros(3), -0.1, "gamma must lie in [0, 1], got -0.1"),
        (torch.zeros(3), 1.01, "gamma must lie in [0, 1], got 1.01"),
        (torch.zeros(3), float("nan"), "gamma must lie in [0, 1], got nan"),
        (torch.zeros(0, 2), 0.9, "expected at least one element, got rewards (0, 2)"),
        (torch.tensor(1.0), 0.9, "a shape [T, ...] is needed, got rewards ()"),
        (torch.tensor([[0.0], [torch.inf]]), 0.9, "rewards must be finite, got inf in shape (2, 1)"),
        (torch.tensor([torch.nan, 0.0]), 0.9, "rewards must be finite, got nan in shape (2,)"),
        ([5.0, 0.0, -2.0], 0.9, "rewards must be a torch tensor, got list"),
    ],
)
def test_refuses(rewards, gamma, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        reward_to_go(rewards, gamma=gamma)
