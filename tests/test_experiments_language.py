"""Language models in numbers: what is trained lands where the exact sums say."""

import dataclasses
import math

import pytest
import torch

from ppo_lessons import advantage, clip, gae, language
from ppo_lessons.experiments import language as experiments
from ppo_lessons.experiments.language import LANGUAGE, REWARDS, RUNS, Settings

SHORT = Settings(updates=4, strings=64)


def last(settings, bug=None):
    *_, final = experiments.train_with(bug, settings, every=settings.updates)
    return final


# The corpus and the reference model


def test_the_corpus_by_hand():
    p = LANGUAGE.probabilities(experiments.corpus())
    # "bc": b of four, then not the end (0.6), a consonant (0.95), c of two, then the end (0.4)
    assert p[LANGUAGE.number_of("bc")].item() == pytest.approx(0.25 * 0.6 * 0.95 / 2 * 0.4)
    assert p[LANGUAGE.number_of("ba")].item() == pytest.approx(0.25 * 0.6 * 0.05 / 2 * 0.4)
    assert p[LANGUAGE.number_of("")].item() == pytest.approx(0, abs=1e-11)
    assert p.sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("kind", ["transformer", pytest.param("GRU", marks=pytest.mark.slow)])
def test_a_network_learns_the_corpus_in_seconds(kind):
    table = experiments.exact_table(experiments.trained_reference(kind))
    assert LANGUAGE.kl(experiments.corpus(), table) < 0.01


def test_the_trainer_calls_the_functions_of_the_lessons():
    assert experiments.gae is gae.gae
    assert experiments.clipped_objective is clip.clipped_objective
    assert experiments.normalize is advantage.normalize
    assert experiments.reference_kl is language.reference_kl


# The pieces of an update


def sample(number=32, seed=0):
    network = experiments.trained_reference("transformer")
    strings = LANGUAGE.sample(network, number, generator=torch.Generator().manual_seed(seed), temperature=1.0)
    return network, strings


def test_filling_moves_nothing():
    """A network's loss and its gradient do not depend on what the arrays hold after the end of a string."""
    _, strings = sample()
    network = experiments.new_network("transformer", 1)
    inputs, mask = LANGUAGE.inputs(strings), strings.mask
    noise = torch.randn(4, *mask.shape, generator=torch.Generator().manual_seed(0))
    tables = [torch.randn(mask.shape, generator=torch.Generator().manual_seed(k)) - 2 for k in range(4)]
    for settings in (Settings(kl_in="loss"), Settings(judge="group", kl_in="loss", whole=True)):
        losses = []
        for filling in (torch.zeros_like(noise), noise):
            filled = [torch.where(mask, data, fill) for data, fill in zip(tables, filling, strict=True)]
            batch = experiments.Batch(inputs, strings.actions, mask, *filled)
            losses.append(experiments.loss_of(network, batch, settings).item())
        assert losses[0] == losses[1]


@pytest.mark.parametrize("by", ["critic", "group"])
def test_advantages_of_a_string_by_hand(by):
    network, strings = sample(number=8)
    with torch.no_grad():
        old = experiments.score(network, LANGUAGE.inputs(strings), strings.actions)
    ref = old.logp - 0.1  # the policy likes each token 0.1 nats more than the reference does
    rewards = REWARDS[strings.number].float()
    settings = Settings(judge=by, beta=0.5)
    advantages, _ = experiments.judge(strings, rewards, old, ref, settings)
    lengths = strings.lengths
    returns = rewards - 0.5 * 0.1 * lengths
    for column in range(8):
        for t in range(lengths[column]):
            if by == "critic":  # lambda = 1: what is still earned, minus V
                expected = rewards[column] - 0.05 * (lengths[column] - t) - old.values[t, column]
            else:
                expected = returns[column] - returns.mean()
            assert advantages[t, column].item() == pytest.approx(expected.item(), abs=1e-5)


def test_clip_higher_binds_upwards_later():
    logp = torch.tensor([1.25, 1.25, 0.75]).log()  # ratios
    old, advantages = torch.zeros(3), torch.tensor([1.0, -1.0, -1.0])
    settings = Settings(epsilon=0.2, epsilon_high=0.28)
    # 1.25 (inside the wider band) - 1.25 (a bad token is not protected) - 0.8, over three tokens
    expected = (1.25 - 1.25 - 0.8) / 3
    assert experiments.policy_objective(logp, old, advantages, settings).item() == pytest.approx(expected)
    same = Settings(epsilon=0.2, epsilon_high=0.2 + 1e-9)
    plain = experiments.policy_objective(logp, old, advantages, Settings())
    assert experiments.policy_objective(logp, old, advantages, same).item() == pytest.approx(plain.item())


def test_a_run_belongs_to_its_seed_and_starts_at_the_reference():
    first, *_, once = experiments.train(SHORT, every=4)
    assert torch.equal(last(SHORT).table, once.table)
    assert first.kl == pytest.approx(0, abs=1e-6)
    assert not torch.equal(last(dataclasses.replace(SHORT, seed=1)).table, once.table)


def test_runs_are_remembered():
    records = list(experiments.run(SHORT))
    assert next(experiments.run(SHORT)) is records[0]


# The expected advantage in a group


def test_without_division_a_group_shrinks_the_advantage_by_its_own_share():
    levels, shares = torch.tensor([0.0, 1.0, 3.0]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    for group in (2, 5):
        found = experiments.mean_group_advantage(levels, shares, group=group, divide=False)
        torch.testing.assert_close(found, (group - 1) / group * (levels - levels @ shares), rtol=0, atol=1e-6)


def test_in_a_pair_dividing_leaves_only_who_won():
    # G = 2: mean of both taken off, the deviation is |r1 - r2| / sqrt 2, so the winner gets 1 / sqrt 2 whatever it won
    levels, shares = torch.tensor([0.0, 1.0, 30.0]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    found = experiments.mean_group_advantage(levels, shares, group=2, divide=True)
    expected = torch.tensor([-0.3 - 0.2, 0.5 - 0.2, 0.5 + 0.3]) / math.sqrt(2)
    torch.testing.assert_close(found, expected.double(), rtol=0, atol=1e-6)


# Landings, exactly


def test_no_landing_lies_above_the_frontier():
    best = LANGUAGE.optimum(experiments.reference_table(), REWARDS, beta=1.0).objective.item()
    for name, settings in RUNS.items():
        if settings.estimator != "k1":
            assert experiments.landing(settings)[2] <= best + 1e-9, name
    assert experiments.landing(Settings())[2] == pytest.approx(best, abs=1e-9)
    assert experiments.landing(RUNS["PPO, k3 as loss"])[2] < best - 0.05


def test_where_divided_groups_land_reward_and_price_push_against_each_other():
    """The mean gradient of one update is 0 there: of all strings, with the exact mean of the divided advantage."""
    settings = Settings(judge="group", divide=True, kl_in="loss", estimator="k2", group=3)
    table = experiments.divided_landing(settings).requires_grad_()
    logp, ref_logp = (LANGUAGE.log_probabilities(x) for x in (table, experiments.reference_table()))
    shares = experiments.shares_of(LANGUAGE.probabilities(table.detach()))
    levels = torch.arange(7.0, dtype=torch.float64)
    counts = experiments.mean_group_advantage(levels, shares, group=3, divide=True)[REWARDS.long()]
    price = language.reference_kl(logp, ref_logp, estimator="k2").sum(0)
    LANGUAGE.mean_over_strings(counts * logp.sum(0) - settings.beta * price, table).backward()
    assert table.grad.abs().max() < 1e-6


def test_the_frontier_rises_and_bends():
    kl, reward = map(torch.tensor, experiments.frontier())
    slopes = reward.diff() / kl.diff()
    assert (slopes > 0).all()
    assert (slopes.diff() < 1e-6).all()


# Reward models


def test_the_first_of_a_pair_is_the_better_one_more_often():
    better, worse = experiments.preferences(4000, seed=0)
    gap = REWARDS[better] - REWARDS[worse]
    decided = gap[gap != 0]
    chance = decided.abs().sigmoid().mean().item()  # each gap wins with probability sigmoid of it
    assert (decided > 0).double().mean().item() == pytest.approx(chance, abs=4 * 0.5 / len(decided) ** 0.5)


def test_the_optimum_of_the_truth_never_falls_and_that_of_a_proxy_is_below_it():
    prices = [3.0, 1.0, 0.5, 0.2]
    reference = experiments.reference_table()
    proxy = experiments.overoptimise(64, 0, prices)
    assert (proxy.kl.diff() > 0).all()
    assert (proxy.proxy.diff() > 0).all()
    kl, reward = map(torch.tensor, experiments.frontier())
    for k, true in zip(proxy.kl.tolist(), proxy.true.tolist(), strict=True):
        above = reward[kl >= k]
        assert not len(above) or true <= above[0] + 1e-9
    chances = LANGUAGE.probabilities(reference)
    assert (chances @ experiments.reward_model(64, 0)).item() == pytest.approx((chances @ REWARDS).item())


# Sorting


def test_the_reward_of_sorting_is_verifiable():
    digits = torch.tensor([[3, 1], [0, 1], [2, 0], [9, 5], [2, 4]])
    answer = torch.tensor([[0, 0], [2, 1], [2, 1], [3, 4], [9, 4]])
    assert experiments.is_sorted(digits, answer).tolist() == [1.0, 0.0]


def test_an_answer_is_scored_as_it_is_written():
    """Writing digit by digit and scoring all at once agree: the greedy answer has the largest probability each time."""
    network, digits = experiments.sorting_network(3), experiments.questions(20, torch.Generator().manual_seed(0))
    answer = experiments.answer_to(network, digits)
    scores = experiments.answer_scores(network, digits, answer)
    assert torch.equal(scores.logits.argmax(-1), answer)
    assert sum(p.numel() for p in network.parameters()) == 102_155


# Long runs


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "beta"), [(1, 1.0), (2, 0.3)])
@pytest.mark.parametrize("name", ["PPO, KL in the reward", "GRPO, KL in the reward"])
def test_with_the_kl_in_the_reward_training_reaches_the_optimum(name, seed, beta):
    """Seed 0 is the notebook's."""
    settings = dataclasses.replace(RUNS[name], seed=seed, beta=beta)
    best = LANGUAGE.optimum(experiments.reference_table(), REWARDS, beta=beta).objective.item()
    assert 0 <= best - last(settings).objective < 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "PPO, k2 as loss",
        "PPO, k2 of whole strings as loss",
        "PPO, k3 as loss",
        "PPO, k3 by k2 as loss",
        "GRPO, k2 as loss",
        "GRPO, divided, k2 as loss",
        "GRPO, k3 as loss",
    ],
)
def test_a_kl_in_the_loss_lands_where_the_exact_sums_say(name):
    found, (reward, kl, objective) = last(RUNS[name]), experiments.landing(RUNS[name])
    assert found.reward == pytest.approx(reward, abs=0.04)
    assert found.kl == pytest.approx(kl, abs=0.04)
    assert found.objective == pytest.approx(objective, abs=0.02)


@pytest.mark.slow
def test_k1_as_a_loss_holds_nothing_back():
    found = last(RUNS["PPO, k1 as loss"])
    assert found.reward > 5.9
    assert found.kl > 10


@pytest.mark.slow
def test_each_bug_is_betrayed_by_a_number():
    sound, hot, deaf = (last(Settings(updates=20), bug).seen for bug in (None, *experiments.BUGS))
    assert abs(sound.surprise - sound.entropy) < 0.05
    assert hot.surprise - hot.entropy > 0.2
    assert sound.reward - sound.kl > 0.85  # J of the samples
    assert deaf.reward - deaf.kl < 0.6


@pytest.mark.slow
def test_a_verifiable_reward_sharpens_what_was_there():
    """Seed 0 is the notebook's."""
    before, *_, after = experiments.train_sorting(seed=1)
    assert before.sampled < 0.75
    assert before.greedy > 0.95
    assert after.sampled > 0.96
    assert after.greedy > 0.98
