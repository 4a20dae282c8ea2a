"""The check of the inner loop's body: it learns with what was written, and says which number betrays the mistake."""

import copy
import types

import pytest
import torch

from ppo_lessons import ppo
from ppo_lessons.practice import EXERCISES, check
from ppo_lessons.practice.checking import diagnose
from ppo_lessons.practice.ppo import MEASURED, STEP, Descent, minibatch_step, networks
from ppo_lessons.trainer.config import Config
from ppo_lessons.trainer.optimizer import Adam
from ppo_lessons.trainer.rollout import Batch
from tests.practice.ppo import WRONG

BETRAYED_BY = {  # the words of the feedback: the numbers that must differ on the card
    "number of steps": [0],
    "length of the gradient": [1],
    "second step": [2],
    "gradient of length 0": [1],
    "KL": [3],
    "clip fraction": [3],
    "objective afterwards": [5],
    "entropy afterwards": [6],
    "value loss afterwards": [7],
}


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setattr("ppo_lessons.practice.progress.file", lambda: tmp_path / "practice.json")


def minibatch_of(case):
    observations, actions, old_logits, advantages, targets = case.inputs.values()
    old_logp = old_logits.log_softmax(-1).gather(-1, actions[:, None]).squeeze(-1)
    return Batch(observations, actions, old_logits, old_logp, advantages, targets, 0 * targets, 1, 1.0)


@pytest.mark.parametrize("case", [STEP.running, *STEP.cases], ids=lambda case: case.label)
def test_the_solution_is_the_page_bit_for_bit(case):
    config, minibatch = Config(**case.numbers), minibatch_of(case)
    ours = networks(3)
    theirs = copy.deepcopy(ours)
    optimizers = [Adam([*a.parameters(), *c.parameters()], lr=0.01, eps=1e-5) for a, c in (ours, theirs)]
    for _ in range(3):
        minibatch_step(*ours, optimizers[0], minibatch, config)
        actor, critic = theirs
        objective, bonus, _ = ppo.policy_terms(actor, minibatch, config)
        loss = ppo.total_loss(objective, bonus, ppo.critic_loss(critic, minibatch, config), config)
        ppo.gradient_step(optimizers[1], loss, config)
    for a, b in zip(ours, theirs, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_the_measured_numbers_against_a_step_made_here():
    """The length of the first gradient, cut or not, and the value loss after one step of plain descent."""
    for case in STEP.cases:
        actor, critic = networks(3)
        minibatch, config = minibatch_of(case), types.SimpleNamespace(**case.numbers)
        parameters = [*actor.parameters(), *critic.parameters()]
        objective, bonus, _ = ppo.policy_terms(actor, minibatch, config)
        loss = ppo.total_loss(objective, bonus, ppo.critic_loss(critic, minibatch, config), config)
        length = torch.stack([g.square().sum() for g in torch.autograd.grad(loss, parameters)]).sum().sqrt().item()
        found = dict(zip(MEASURED, STEP.function(*case.inputs.values(), **case.numbers).tolist(), strict=True))
        assert found["steps that the optimiser made"] == 2
        assert found["length of the gradient, step 1"] == pytest.approx(min(length, config.max_grad_norm), rel=1e-5)


def test_the_cases_cut_clip_and_move():
    """Each setting is at work somewhere: a gradient that is cut, one that is not, ratios on both sides of the band."""
    found = [STEP.function(*case.inputs.values(), **case.numbers) for case in STEP.cases]
    limits = [case.numbers["max_grad_norm"] for case in STEP.cases]
    cut = [numbers[1] > 0.999 * limit for numbers, limit in zip(found, limits, strict=True)]
    assert any(cut) and not all(cut)
    fractions = [numbers[4].item() for numbers in found]
    assert min(fractions) == 0 and max(fractions) > 0


@pytest.mark.parametrize("mistake", STEP.mistakes, ids=lambda mistake: mistake.name)
def test_the_number_that_is_said_to_betray_a_mistake_does(mistake):
    wanted = next(places for words, places in BETRAYED_BY.items() if words in mistake.why)
    for function in (*mistake.versions, *WRONG[STEP.name][mistake.name]):
        found = diagnose(STEP, function)
        difference = (found.got.value - found.expected.value).abs() > 1e-5
        assert all(difference[place] for place in wanted)
        if "too small" in mistake.why:
            assert (found.got.value < found.expected.value)[wanted].all()
        if "too large" in mistake.why or "has grown" in mistake.why or "is larger" in mistake.why:
            assert (found.got.value > found.expected.value)[wanted].all()


def test_the_card_names_the_numbers_and_marks_those_that_differ():
    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        WRONG[STEP.name]["does not cut the gradient"][0](actor, critic, optimizer, minibatch, config)

    told = str(check(my_minibatch_step))
    rows = {name: next(line for line in told.splitlines() if line.startswith(name)) for name in MEASURED}
    assert "does not cut the gradient" in told and "max_grad_norm" in told
    assert "expected 0.5, yours" in rows[MEASURED[1]] and "←" in rows[MEASURED[1]]
    assert "←" not in rows[MEASURED[0]]
    assert "expected" in check(my_minibatch_step)._repr_html_()


def test_a_right_step_is_shown_in_numbers():
    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        minibatch_step(actor, critic, optimizer, minibatch, config)

    answer = check(my_minibatch_step)
    assert answer.state == "right" and answer.function is my_minibatch_step
    assert all(name in str(answer) for name in MEASURED)


def test_a_step_that_is_not_written_or_stops_is_answered():
    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        """Write it here."""
        ...

    assert "not attempted yet" in str(check(my_minibatch_step))

    def my_minibatch_step(actor, critic, optimizer, minibatch, config):
        return actor(minibatch.observation)

    told = str(check(my_minibatch_step))
    assert "has no attribute" in told and "line " in told and "actor(minibatch.observation)" in told

    def my_minibatch_step(minibatch):
        return minibatch

    told = str(check(my_minibatch_step))
    assert "The check calls my_minibatch_step(actor, critic, optimizer, minibatch, config)." in told


def test_descent_notes_the_length_and_goes_down():
    p = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    optimizer = Descent([p], lr=0.1)
    optimizer.step()
    (p.square().sum() / 2).backward()
    optimizer.step()
    assert [length.item() for length in optimizer.lengths] == [0, 5]
    assert p.tolist() == pytest.approx([2.7, 3.6])
    optimizer.zero_grad()
    assert p.grad is None


def test_the_exercise_is_registered():
    assert EXERCISES["my_minibatch_step"] is STEP
