"""The numbers of lesson 10: the six cases of a sample, and the two leashes on the Corridor."""

import itertools

import pytest
import torch

from ppo_lessons.experiments import clip as experiments

# rho, A, d objective / d rho, row of the table, the smaller term
SAMPLES = [
    (0.5, 1, 1, 0, "plain"),
    (1, 1, 1, 1, "both"),
    (1.5, 1, 0, 2, "clipped"),
    (0.5, -1, 0, 3, "clipped"),
    (1, -1, -1, 4, "both"),
    (1.5, -1, -1, 5, "plain"),
]


@pytest.mark.parametrize(("ratio", "advantage", "gradient", "row", "term"), SAMPLES)
def test_the_case_of_a_sample(ratio, advantage, gradient, row, term):
    assert experiments.case_of(ratio, advantage, 0.2) == row
    assert experiments.gradient_of_sample(ratio, advantage, 0.2)[1] == gradient
    assert experiments.smaller_term(ratio, advantage, 0.2) == term


@pytest.mark.parametrize("epsilon", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("row", range(6))
def test_the_example_of_a_row_belongs_to_it(row, epsilon):
    assert experiments.case_of(*experiments.example_of(*experiments.CASES[row], epsilon), epsilon) == row


def test_no_advantage_is_no_case():
    assert experiments.case_of(1.5, 0, 0.2) is None


def test_without_a_band_and_without_a_price_both_leashes_are_none():
    """PPO-clip with an infinite band and PPO-penalty at price 0 climb the same surrogate."""
    for clip, penalty in itertools.islice(experiments.train_both(torch.inf, 0.0, seed=0), 3):
        assert clip.update == penalty.update
        torch.testing.assert_close(clip.logits, penalty.logits, rtol=0, atol=1e-12)


def test_the_clip_holds_a_policy_back():
    clip, penalty = list(itertools.islice(experiments.train_both(0.2, 0.0, seed=3), 2))[1]
    assert 0 < clip.kl < penalty.kl
