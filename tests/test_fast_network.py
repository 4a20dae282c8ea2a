"""The network with its gradient by hand against the network as one would write it."""

import pytest
import torch
from torch.nn.functional import linear

from ppo_lessons.trainer.fast_network import fast_network, plain_network


def network(rows, dtype, *, inputs=4, hidden=64, outputs=2):
    """Observations of the size that games show, and weights that saturate some units."""
    generator = torch.Generator().manual_seed(rows)
    shapes = [(rows, inputs), (hidden, inputs), (hidden,), (hidden, hidden), (hidden,), (outputs, hidden), (outputs,)]
    tensors = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    tensors[3] /= hidden**0.5
    return [tensors[0], *(tensor.requires_grad_() for tensor in tensors[1:])]


def gradients(function, tensors, loss):
    return torch.autograd.grad(loss(function(*tensors)), tensors[1:])


def steep(y):
    """A loss whose gradient differs from row to row."""
    return (y * torch.linspace(-1, 1, len(y), dtype=y.dtype)[:, None]).square().mean()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(1, 4, 2), (512, 4, 1), (300, 27, 5)])
def test_same_numbers_and_gradients(rows, inputs, outputs, dtype, tolerance):
    tensors = network(rows, dtype, inputs=inputs, outputs=outputs)
    plain = plain_network(*tensors)
    torch.testing.assert_close(fast_network(*tensors), plain, rtol=tolerance, atol=10 * tolerance)
    with torch.no_grad():
        torch.testing.assert_close(fast_network(*tensors), plain, rtol=tolerance, atol=10 * tolerance)
    for by_hand, by_autograd in zip(
        gradients(fast_network, tensors, steep), gradients(plain_network, tensors, steep), strict=True
    ):
        assert by_hand.shape == by_autograd.shape
        torch.testing.assert_close(by_hand, by_autograd, rtol=20 * tolerance, atol=20 * tolerance)


def test_gradient_against_finite_differences():
    x, *parameters = network(3, torch.float64, hidden=5)
    assert torch.autograd.gradcheck(lambda *p: fast_network(x, *p), parameters)


def test_gradient_of_the_gradient():
    """The trust region step needs it: the gradient of (gradient . direction)."""
    tensors = network(7, torch.float64, hidden=6)
    products = []
    for function in (fast_network, plain_network):
        first = torch.autograd.grad(function(*tensors).square().mean(), tensors[1:], create_graph=True)
        along = sum((g * p.detach().cos()).sum() for g, p in zip(first, tensors[1:], strict=True))
        products.append(torch.autograd.grad(along, tensors[1:]))
    for by_hand, by_autograd in zip(*products, strict=True):
        torch.testing.assert_close(by_hand, by_autograd)


def test_a_wrong_gradient_would_be_found():
    """The comparison above tells tanh from a network that is only nearly tanh."""
    tensors = network(512, torch.float64)

    def clamped(x, w1, b1, w2, b2, w3, b3):
        return linear(linear(linear(x, w1, b1).tanh(), w2, b2).tanh().clamp(-0.999, 0.999), w3, b3)

    ours, other = gradients(fast_network, tensors, steep), gradients(clamped, tensors, steep)
    assert any((a - b).abs().max() > 1e-6 for a, b in zip(ours, other, strict=True))


@pytest.mark.parametrize("large", [-50.0, 50.0, -1e4, 1e4])
def test_saturated_units_stay_finite(large):
    tensors = network(4, torch.float32)
    tensors[0] = torch.full((4, 4), large)
    torch.testing.assert_close(fast_network(*tensors), plain_network(*tensors), rtol=1e-5, atol=1e-5)
    assert all(g.isfinite().all() for g in gradients(fast_network, tensors, steep))
