"""The trainer's Adam is PyTorch's Adam."""

import subprocess
import sys

import pytest
import torch

from ppo_lessons.trainer.optimizer import Adam


def networks():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((3, 4), (4,), (2, 3))]


def step(optimizer, parameters, seed, only=None):
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad()
    for number, parameter in enumerate(parameters):
        if only is None or number in only:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()


def test_first_step_by_hand():
    # mean = 0.1 g, square = 0.001 g^2, both divided by (1 - 0.9) and (1 - 0.999): the step is lr g / (|g| + eps)
    parameter = torch.tensor([1.0], requires_grad=True)
    optimizer = Adam([parameter], lr=0.5, eps=1.0)
    parameter.grad = torch.tensor([3.0])
    optimizer.step()
    assert parameter.item() == pytest.approx(1.0 - 0.5 * 3 / (3 + 1))


def test_same_numbers_as_pytorch():
    ours, theirs = networks(), networks()
    mine, reference = Adam(ours, lr=0.01, eps=1e-5), torch.optim.Adam(theirs, lr=0.01, eps=1e-5, fused=True)
    for seed in range(20):
        for optimizer, parameters in ((mine, ours), (reference, theirs)):
            optimizer.param_groups[0]["lr"] = 0.01 / (seed + 1)
            step(optimizer, parameters, seed, only=None if seed % 3 else {1, 2})
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_parameter_without_gradient_stays():
    parameters = networks()
    before = parameters[0].detach().clone()
    step(Adam(parameters, lr=0.1, eps=1e-5), parameters, 0, only={1})
    assert torch.equal(parameters[0], before)
    assert not torch.equal(parameters[1], networks()[1])


def test_it_goes_on_from_a_saved_state():
    ours, others = networks(), networks()
    first, second = Adam(ours, lr=0.1, eps=1e-5), Adam(others, lr=0.1, eps=1e-5)
    step(first, ours, 0)
    second.load_state_dict(first.state_dict())
    for target, source in zip(others, ours, strict=True):
        target.data.copy_(source.data)
    step(first, ours, 1)
    step(second, others, 1)
    assert all(torch.equal(a, b) for a, b in zip(ours, others, strict=True))


def test_its_reason_still_holds():
    """Building PyTorch's class imports hundreds of modules that training does not need. If not: use that class."""
    code = (
        "import sys, torch; from ppo_lessons.ppo import Config, train\n"
        "list(train(Config(total_steps=2048, device='cpu')))\n"
        "before = set(sys.modules); torch.optim.Adam([torch.ones(1)], fused=True)\n"
        "print(len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) > 300
