"""What holds for every lesson function: it leaves its inputs alone and can be recorded as one graph.

A lesson that is not listed here brings the calls of its functions in its own test file, as `CALLS`.
"""

from importlib import import_module

import pytest
import torch
from test_layout import FUNCTIONS

from ppo_lessons import LESSONS
from ppo_lessons.validation import NonFiniteError, check_finite

NUMBERS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LOGP = [NUMBERS.log_softmax(-1), NUMBERS.flip(0).log_softmax(-1)]
FLAGS = [NUMBERS > 1, NUMBERS < -1]
CALLS = {
    "expectation.expectation": ([NUMBERS, NUMBERS.softmax(0)], {}),
    "expectation.standard_error": ([NUMBERS], {}),
    "policy_gradient.softmax_policy": ([NUMBERS], {"temperature": 0.5}),
    "policy_gradient.expected_return": ([NUMBERS[0], NUMBERS[1].softmax(0)], {}),
    "log_trick.score_objective": ([LOGP[0], NUMBERS], {}),
    "reward_to_go.reward_to_go": ([NUMBERS], {"gamma": 0.9}),
    "baseline.subtract_baseline": ([NUMBERS, LOGP[0]], {}),
    "baseline.value_loss": ([NUMBERS, LOGP[0]], {}),
    "baseline.clipped_value_loss": ([NUMBERS, *LOGP], {"epsilon": 0.5}),
    "baseline.explained_variance": ([NUMBERS, LOGP[0]], {}),
    "advantage.td_error": ([NUMBERS, *LOGP, FLAGS[0]], {"gamma": 0.9}),
    "advantage.n_step_advantage": ([NUMBERS, *LOGP, *FLAGS], {"gamma": 0.9, "n": 3}),
    "advantage.normalize": ([NUMBERS], {}),
    "gae.gae": ([NUMBERS, *LOGP, *FLAGS], {"gamma": 0.9, "lam": 0.8}),
    "importance_sampling.ratio": (LOGP, {}),
    "importance_sampling.effective_sample_size": ([NUMBERS.exp()], {}),
    "importance_sampling.surrogate_objective": ([*LOGP, NUMBERS], {}),
    "kl_penalty.kl_divergence": (LOGP, {}),
    "kl_penalty.approximate_kl": (LOGP, {"estimator": "k3"}),
    "kl_penalty.penalized_objective": ([*LOGP, NUMBERS, NUMBERS.square()], {"beta": 0.5}),
    "clip.clip_ratio": ([NUMBERS.exp()], {"epsilon": 0.2}),
    "clip.clipped_objective": ([*LOGP, NUMBERS], {"epsilon": 0.2}),
    "entropy.entropy": ([NUMBERS], {}),
}
for lesson in sorted(set(LESSONS) - {name.split(".")[0] for name in CALLS}):
    CALLS |= import_module(f"test_{lesson}").CALLS


def test_every_lesson_function_is_listed():
    give_no_tensor = {"kl_penalty.adapt_beta", "kl_penalty.early_stop"}  # a float, a bool
    assert FUNCTIONS.keys() - give_no_tensor == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_inputs_are_never_changed_in_place(name):
    tensors, numbers = CALLS[name]
    tensors = [tensor.clone() for tensor in tensors]
    before = [tensor.clone() for tensor in tensors]
    result = FUNCTIONS[name](*tensors, **numbers)
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(tensors, before, strict=True))
    # nor may a caller who changes the result change an input: no result shares memory with one
    results = [result] if isinstance(result, torch.Tensor) else list(result)
    memory = {tensor.data_ptr() for tensor in tensors}
    assert all(tensor.data_ptr() not in memory for tensor in results)


@pytest.mark.parametrize("name", CALLS)
def test_recorded_as_one_graph(name):
    """`fullgraph` refuses a function that looks at a tensor's values on its way."""
    tensors, numbers = CALLS[name]
    function = FUNCTIONS[name]
    torch.compiler.reset()  # every case compiles the same line, and torch allows a line only a few recordings
    recorded = torch.compile(lambda *args: function(*args, **numbers), backend="eager", fullgraph=True)
    torch.testing.assert_close(recorded(*tensors), function(*tensors, **numbers), rtol=0, atol=0, equal_nan=True)


def test_a_recorded_call_does_not_look_at_values_but_still_at_shapes_and_numbers():
    torch.compiler.reset()
    reward_to_go = FUNCTIONS["reward_to_go.reward_to_go"]
    bad = torch.tensor([1.0, torch.nan])
    assert torch.compile(lambda r: reward_to_go(r, gamma=0.9), backend="eager", fullgraph=True)(bad).isnan().all()
    with pytest.raises(NonFiniteError, match="rewards must be finite, got nan"):
        reward_to_go(bad, gamma=0.9)
    for rewards, gamma in ((bad, 2.0), (torch.zeros(0, 2), 0.9)):
        with pytest.raises(ValueError, match=r"gamma must lie in|expected at least one element"):
            torch.compile(lambda r, gamma=gamma: reward_to_go(r, gamma=gamma), backend="eager")(rewards)


@pytest.mark.parametrize("capturing", [True, False])
def test_values_are_looked_at_on_the_gpu_unless_a_graph_is_being_captured(monkeypatch, capturing):
    class OnGpu(torch.Tensor):
        is_cuda = True  # says so, and lives on the CPU: the decision is what is tested

    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing)
    bad = torch.tensor([torch.nan]).as_subclass(OnGpu)
    if capturing:
        check_finite(rewards=bad)
    else:
        with pytest.raises(NonFiniteError, match="rewards must be finite"):
            check_finite(rewards=bad)
