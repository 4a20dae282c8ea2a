"""The loop that all trainers of a policy table share."""

import itertools

import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments.tabular import ascend, exact_ascent, mean_kl, train, train_reinforce, train_table
from ppo_lessons.reward_to_go import reward_to_go


def test_train_records_the_start_and_every_update():
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    kept, asked = start.clone(), []

    def improve(logits, update):
        asked.append(update)
        return logits + update * torch.eye(12, 3)

    records = list(train(world, start, improve, updates=3))
    assert [record.update for record in records] == [0, 1, 2, 3]
    assert asked == [1, 2, 3]
    assert torch.equal(start, kept) and torch.equal(records[0].logits, start)
    assert torch.equal(records[3].logits, start + 6 * torch.eye(12, 3))
    assert records[0].kl == 0
    for before, record in itertools.pairwise(records):
        assert record.expected_return == world.start_value(record.logits)
        assert record.kl == mean_kl(world, before.logits, record.logits) > 0


def test_ascent_by_hand():
    """x - x^2 has slope 1 - 2x: from 0 with steps of 1/4 to 1/4, then to 1/4 + 1/8 = 3/8."""
    start = torch.zeros(1, dtype=torch.float64)
    end = ascend(lambda x: (x - x.square()).sum(), start, steps=2, step_size=0.25)
    assert end.item() == 3 / 8
    assert not end.requires_grad and not start.requires_grad
    assert torch.equal(ascend(lambda x: x.sum(), start, steps=0, step_size=0.25), start)


def test_exact_ascent_follows_the_gradient():
    world = Corridor()
    start = world.policy(SLIDES_POLICY)
    first, second, third = exact_ascent(world, start, updates=2, step_size=0.5)
    assert torch.equal(second.logits, start + 0.5 * world.gradient(start))
    assert first.expected_return < second.expected_return < third.expected_return


def test_an_objective_may_ask_for_the_kl_of_each_step():
    world, asked = Corridor(), []

    def objective(logp, old_logp, advantages, kl):
        asked.append((logp, old_logp, kl()))
        return (logp * advantages).mean()

    settings = {"updates": 1, "plays": 8, "epochs": 2, "step_size": 1.0, "lam": 0.95, "seed": 0}
    list(train_table(world, world.policy(SLIDES_POLICY), objective, **settings))
    (logp, old_logp, none), (_, _, some) = asked
    assert torch.equal(logp, old_logp) and logp.shape == none.shape == some.shape
    assert none.abs().max() == 0 < some.min()


def test_records_are_data_and_a_seed_repeats_them():
    world = Corridor()
    settings = {"updates": 3, "plays": 8, "reuse": 2, "step_size": 0.5, "seed": 4}

    def weigh(plays):
        return reward_to_go(plays.rewards, gamma=1.0)

    def run():
        return list(train_reinforce(world, world.policy(SLIDES_POLICY), weigh, **settings))

    first, again = run(), run()
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.logits, other.logits) and not one.logits.requires_grad
        assert one.kl == other.kl
