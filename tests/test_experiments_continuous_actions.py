"""The numbers of the extra on continuous actions."""

import math

import pytest
import torch

from ppo_lessons.experiments import continuous_actions as experiments
from ppo_lessons.experiments.advantage import mean_score


def test_one_step_by_hand():
    """mu 1, sigma 1, a 3, A -1: the score is (2, 2^2 - 1) = (2, 3)."""
    step = experiments.STEP
    assert experiments.one_step(1.0, 0.0, 3.0, -1.0) == pytest.approx([1 - 2 * step, -3 * step])


def test_the_density_integrates_to_one():
    actions = torch.linspace(-5, 5, 301, dtype=torch.float64)
    assert torch.trapezoid(experiments.density(actions, 0.5, -0.5), actions).item() == pytest.approx(1, abs=1e-4)


def test_the_mean_score_in_pendulums_box():
    means = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    assert mean_score(means, math.exp(0.3), box=math.inf).abs().max() < 1e-12
    pull = mean_score(means, 1.0, box=experiments.BOX)
    assert pull[1].abs() < 1e-12  # in the middle of the box both sides pull alike
    # at the upper edge half of the draws are cut: -E[max(noise, 0)], and the far edge adds 3e-6 or so
    assert pull[2].item() == pytest.approx(-1 / math.sqrt(2 * math.pi), abs=1e-4)
