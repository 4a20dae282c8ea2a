"""The numbers of lesson 11."""

import math
from functools import partial

import pytest
import torch

from ppo_lessons.corridor import SLIDES_POLICY, Corridor
from ppo_lessons.experiments import entropy as experiments


def test_home_is_worth_nothing_and_leaving_is_worth_more():
    world = experiments.HOME
    stay = world.policy((1 - 2e-12, 1e-12, 1e-12))
    assert world.start_value(stay) == pytest.approx(0, abs=1e-9)
    # leave with up (0.8 a try), jump the pit with up, step on the flag: at most 3 - 1
    assert 1.9 < world.best_return() < 2
    assert experiments.found(world, stay) == 0


def test_schedules_by_hand():
    decay, constant = experiments.SCHEDULES["to 0 at update 60"], experiments.SCHEDULES["constant"]
    assert [decay(0.6, update) for update in (0, 30, 60, 90)] == pytest.approx([0.6, 0.3, 0, 0])
    assert {constant(0.6, update) for update in (0, 30, 60, 90)} == {0.6}
    halved = experiments.SCHEDULES["halved every 20 updates"]
    assert [halved(0.6, update) for update in (0, 20, 40, 100)] == pytest.approx([0.6, 0.3, 0.15, 0.01875])
    totals = [sum(schedule(0.6, update) for update in range(1, 101)) for schedule in (decay, halved)]
    assert totals[0] == pytest.approx(totals[1], rel=0.1)  # as much bonus in all, spent in another order


def test_when_the_world_changes_staying_is_first_best_and_then_not():
    stay = experiments.BEFORE.policy((1 - 2e-12, 1e-12, 1e-12))
    assert experiments.BEFORE.best_return() == 0
    assert experiments.BEFORE.start_value(stay) == pytest.approx(0, abs=1e-9)
    assert 3.9 < experiments.AFTER.best_return() < 4  # 1 for leaving, 3 for the flag


def test_the_world_changes_after_record_100_and_the_policy_goes_on():
    updates = []

    def bonus(update):
        updates.append(update)
        return 0.0

    records = list(experiments.train_changing(bonus, seed=1))
    assert [record.update for record in records] == list(range(201))
    assert updates == list(range(1, 201))
    for record, world in ((records[100], experiments.BEFORE), (records[101], experiments.AFTER)):
        assert record.expected_return == pytest.approx(world.start_value(record.logits))
    assert (records[101].logits - records[100].logits).abs().max() < 0.5  # one step, no new beginning
    assert records[0].leaves == pytest.approx(0.5)  # up 1/4, right 1/4


@pytest.mark.parametrize("seed", [0, 1])
def test_who_settled_early_misses_the_change(seed):
    ends = {}
    for decay in ("to 0 at update 60", "constant"):
        *_, end = experiments.train_changing(partial(experiments.SCHEDULES[decay], 0.6), seed=seed)
        ends[decay] = end.expected_return
    *_, without = experiments.train_changing(lambda update: 0.0, seed=seed)
    assert max(without.expected_return, ends["to 0 at update 60"]) < 0.1
    assert ends["constant"] > 3


def test_mean_entropy_counts_the_states_that_are_visited():
    world = Corridor()
    uniform = torch.zeros(12, 3, dtype=torch.float64)
    assert experiments.mean_entropy(world, uniform) == pytest.approx(math.log(3))
    unseen = uniform.clone()
    unseen[[3, 5, 9, 11]] = torch.tensor([50.0, 0.0, 0.0], dtype=torch.float64)  # pit and flag: nobody acts there
    assert experiments.mean_entropy(world, unseen) == pytest.approx(math.log(3))


def test_the_night_is_a_valley_between_leaving_and_staying():
    value, undecided = experiments.night()
    lowest = int(value.argmin())
    assert (value[1 : lowest + 1] < value[:lowest]).all()
    assert (value[lowest + 1 :] > value[lowest:-1]).all()
    assert value[-1] > -0.1  # staying is worth 0
    assert undecided.argmax() < lowest
    assert experiments.valley() == experiments.STAY[lowest]


def test_a_climb_rolls_back_before_the_valley_and_on_beyond_it():
    value, _ = experiments.night()
    lowest = int(value.argmin())
    assert experiments.rolls_back(0)
    assert experiments.rolls_back(lowest - 2)
    assert not experiments.rolls_back(lowest + 2)
    assert not experiments.rolls_back(len(value) - 1)


def test_one_policy_of_the_night_by_listing_all_plays():
    world, place = Corridor(), 399
    logits = experiments.stay_at_home(experiments.STAY[place])
    plays, chance = world.trajectories(), world.probabilities(logits)
    by_night = plays.states[0] == 6
    value = 2 * (chance * plays.returns)[by_night].sum()
    assert logits[6].softmax(-1)[0].item() == pytest.approx(0.4)
    assert experiments.night()[0][place].item() == pytest.approx(value.item(), abs=1e-12)


def test_resting_places_rise_with_the_weight_and_stay_on_their_side():
    value, _ = experiments.night()
    places = [experiments.resting_place(weight)[0] for weight in (0.0, 0.5, 2.0, 10.0)]
    assert places == sorted(places)
    assert places[0] == 0
    assert places[-1] < value.argmin()


@pytest.mark.parametrize("weights", experiments.WEIGHTS)
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_tempered_log_probabilities_give_the_gradient_of_the_policy_that_acts(weights, temperature):
    _, acting, tempered, untempered = experiments.stored_gradients(temperature, weights)
    assert torch.allclose(tempered, acting, atol=1e-12)
    assert experiments.distance(untempered, acting) > 0.4


def test_at_temperature_1_all_four_agree():
    plain, *others = experiments.stored_gradients(1.0, "reward-to-go")
    assert all(torch.allclose(other, plain, atol=1e-12) for other in others)


def test_the_gradient_of_the_policy_that_acts_is_that_of_its_return():
    world, step = Corridor(), 1e-5
    logits = world.policy(SLIDES_POLICY)
    _, acting, _, _ = experiments.stored_gradients(2.0, "reward-to-go")
    for state, action in ((0, 0), (2, 1), (7, 2)):
        shift = torch.zeros_like(logits)
        shift[state, action] = step
        slope = (world.start_value((logits + shift) / 2) - world.start_value((logits - shift) / 2)) / (2 * step)
        assert acting.reshape(12, 3)[state, action].item() == pytest.approx(slope, abs=1e-8)
