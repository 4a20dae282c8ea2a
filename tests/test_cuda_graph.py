"""The captured update: the same first updates as the plain one, always in the same memory, never a question asked."""

import dataclasses

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ppo_lessons import validation
from ppo_lessons.ppo import ALGORITHMS, Config, train
from ppo_lessons.trainer import cuda_graph
from ppo_lessons.trainer.cuda_graph import Captured
from ppo_lessons.trainer.record import Measured, numbers
from ppo_lessons.validation import NonFiniteError

SMALL = Config(total_steps=3 * 256, num_envs=8, num_steps=32, device="cpu")
NUMBERS = ("mean_return", "episodes", "kl", "clip_fraction", "entropy", "value_loss", "explained_variance")
SETTINGS = {
    "clip": {},
    "penalty": {"objective": "penalty"},
    "a2c": ALGORITHMS["a2c"] | {"num_steps": 32},
    "Acrobot": {"env_id": "ppo_lessons/Acrobot-v1"},
    "Pendulum": {"env_id": "ppo_lessons/Pendulum-v1"},  # real-valued actions
    "MountainCar": {"env_id": "ppo_lessons/MountainCar-v0"},
}


def compare(config, *, rtol, atol):
    """Train with and without capture: all records and the weights afterwards are the same."""
    plain = list(train(config))
    recorded = list(train(dataclasses.replace(config, capture=True)))
    assert len(plain) == len(recorded) == 4
    for one, other in zip(plain, recorded, strict=True):
        for name in NUMBERS:
            expected = pytest.approx(getattr(one, name), rel=rtol, abs=atol, nan_ok=True)
            assert getattr(other, name) == expected, f"{name} in update {one.update}"
    for one, other in zip(plain[-1].policy.parameters(), recorded[-1].policy.parameters(), strict=True):
        torch.testing.assert_close(other, one, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_first_three_updates_are_the_same(name):
    compare(dataclasses.replace(SMALL, **SETTINGS[name]), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", SETTINGS)
def test_the_first_three_updates_are_the_same_on_a_gpu(name):
    """There the second update is a recording and the third its replay."""
    compare(dataclasses.replace(SMALL, device="cuda", **SETTINGS[name]), rtol=1e-3, atol=1e-4)


class NoQuestions(TorchDispatchMode):
    """Refuses what a CUDA graph cannot record: values that Python asks for, shapes that depend on values, new data."""

    FORBIDDEN = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "lift_fresh", "unique")

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        name = function.overloadpacket.__name__
        if name in self.FORBIDDEN:
            raise AssertionError(f"the update asks: {name}")
        if name == "index" and any(i is not None and i.dtype == torch.bool for i in arguments[1]):
            raise AssertionError("the update selects by a mask: a shape that depends on values")
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_update_asks_no_tensor_for_its_values(name, monkeypatch):
    """What a recording would refuse is refused here, on a CPU, in all that `Captured` is given."""
    calls = []

    def watched(function, **where):
        def call():
            with monkeypatch.context() as during, NoQuestions():
                during.setattr(validation, "_recorded", lambda tensor: True)
                calls.append(1)
                return function()

        return Captured(call, **where)

    monkeypatch.setattr(cuda_graph, "Captured", watched)
    list(train(dataclasses.replace(SMALL, capture=True, **SETTINGS[name])))
    assert len(calls) == 3


@pytest.mark.parametrize(
    "question",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: x[x > 0],
        lambda x: x + torch.tensor([1.0, 2.0]),
        lambda x: x.nonzero(),
    ],
)
def test_a_question_would_be_found(question):
    with pytest.raises(AssertionError, match="the update"), NoQuestions():
        question(torch.ones(2))


class Counter:
    def __init__(self):
        self.count = torch.zeros(2)

    def step(self):
        self.count = self.count + 1  # a new tensor
        return {"double": 2 * self.count}


def test_replaced_tensors_go_back_into_the_old_memory():
    counter = Counter()
    step = Captured(counter.step, device=torch.device("cpu"), generators=[], held=[(counter, "count")])
    place = counter.count.data_ptr()
    for number in range(1, 4):
        assert step()["double"].tolist() == [2 * number] * 2
        assert counter.count.tolist() == [number] * 2
        assert counter.count.data_ptr() == place


def test_two_names_of_one_tensor_get_memory_of_their_own():
    """CartPole shows its state as it is: one tensor, held under two names."""
    one, other = Counter(), Counter()
    other.count = one.count
    step = Captured(one.step, device=torch.device("cpu"), generators=[], held=[(one, "count"), (other, "count")])
    step()
    assert (one.count.tolist(), other.count.tolist()) == ([1, 1], [0, 0])


def test_a_gradient_that_is_not_finite_is_found_after_the_update():
    fine = torch.ones(())
    measured = Measured(torch.ones(3), fine, fine, fine, fine, fine, gradient_norms=torch.ones(4))
    assert numbers(measured)["episodes"] == 3
    measured.gradient_norms[2] = torch.nan
    with pytest.raises(NonFiniteError, match="gradient_norm must be finite"):
        numbers(measured)


def test_a_numpy_game_cannot_be_captured():
    with pytest.raises(ValueError, match="capture needs a torch game of this package"):
        next(train(dataclasses.replace(SMALL, env_id="CartPole-v1", capture=True)))


def test_a_captured_run_goes_on_where_it_was_saved(tmp_path):
    config = dataclasses.replace(SMALL, capture=True)
    whole = list(train(config))
    for record in train(config):
        if record.update == 1:
            record.save(tmp_path / "run.pt")
            break
    rest = list(train(config, resume=tmp_path / "run.pt"))
    assert [record.kl for record in rest] == [record.kl for record in whole[2:]]
