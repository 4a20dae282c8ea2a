"""The network of lesson 12 with its gradient written out: the same numbers as `networks.Network`, sooner on a CPU.

PyTorch's own way costs more than it must in three places. Its tanh takes 2.6 ns a number and its sigmoid 0.45, although
each is the other one stretched: tanh(z) = 1 - 2 sigmoid(-2 z). The gradient of the first layer, a product with few
columns, is seven times faster the other way round. And many rows pass through the layers in pieces, on two cores.
`tests/benchmarks/README.md` has the measurements.
"""

from functools import reduce

import torch
from torch.nn.functional import linear

from ppo_lessons.trainer.pieces import join, map_pieces, split

ONE = torch.ones(())  # a tensor, because only between tensors is there a subtraction into given memory


def plain_network(x, w1, b1, w2, b2, w3, b3):
    """Two hidden tanh layers, as one would write them: [B, inputs] -> [B, outputs]."""
    return linear(linear(linear(x, w1, b1).tanh(), w2, b2).tanh(), w3, b3)


def fast_network(x, *parameters):
    """`plain_network` on a CPU in about half the time, forward and backward."""
    if torch.is_grad_enabled():
        return _FastNetwork.apply(x, *parameters)
    return join(map_pieces(lambda x: _forward(x, *parameters)[0], split(x)))


def _tanh_layer(x, w, b):
    """tanh(z) of z = x w^T + b, as 1 - 2 sigmoid(-2 z), in the memory of z."""
    s = torch.addmm(b, x, w.t(), beta=-2, alpha=-2).sigmoid_()
    return torch.sub(ONE, s, alpha=2, out=s)


def _through_tanh(d, h):
    """d (1 - h^2), in the memory of d: the gradient by z where h = tanh(z)."""
    return torch.ops.aten.tanh_backward.grad_input(d, h, grad_input=d)


def _forward(x, w1, b1, w2, b2, w3, b3):
    h1 = _tanh_layer(x, w1, b1)
    h2 = _tanh_layer(h1, w2, b2)
    return linear(h2, w3, b3), h1, h2


def _gradients(d3, x, h1, h2, w2, w3):
    """The chain rule, from the last layer to the first. `d` is the gradient of the loss by each layer's z.

    Each gradient lies in memory as its weights do: the fused Adam pairs the two without a look at rows and columns.
    """
    d2 = _through_tanh(d3 @ w3, h2)
    d1 = _through_tanh(d2 @ w2, h1)
    return (x.t() @ d1).t().contiguous(), d1.sum(0), d2.t() @ h1, d2.sum(0), d3.t() @ h2, d3.sum(0)


class _FastNetwork(torch.autograd.Function):
    """The pieces' outputs one after the other; the sum of their gradients, always added in order."""

    @staticmethod
    def forward(ctx, x, *parameters):
        outputs, *ctx.hidden = zip(*map_pieces(lambda x: _forward(x, *parameters), split(x)), strict=True)
        ctx.save_for_backward(x, *parameters)
        return join(outputs)

    @staticmethod
    def backward(ctx, d3):
        x, *parameters = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient itself will be differentiated, by the trust region step
            y = plain_network(x, *parameters)
            return None, *torch.autograd.grad(y, parameters, d3, create_graph=True)
        _, _, w2, _, w3, _ = parameters
        of_pieces = map_pieces(lambda *piece: _gradients(*piece, w2, w3), split(d3), split(x), *ctx.hidden)
        return None, *(reduce(torch.add, gradients) for gradients in zip(*of_pieces, strict=True))
