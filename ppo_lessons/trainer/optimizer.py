"""Adam, computed by PyTorch, without what PyTorch's own class imports on the way."""

import torch
from torch.optim.adam import adam


class Adam:
    """The fused update of `torch.optim.Adam`, number for number, with the part of its interface that the trainer uses.

    Building `torch.optim.Adam` first imports PyTorch's compiler: 0.7 s, a fifth of a whole default run.

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization.
    """

    def __init__(self, parameters, *, lr, eps):
        parameters = list(dict.fromkeys(parameters))  # actor and critic may share some
        self.param_groups = [{"params": parameters, "lr": lr}]
        self.eps = eps
        self.state = {
            "means": [torch.zeros_like(p) for p in parameters],
            "squares": [torch.zeros_like(p) for p in parameters],
            "steps": [torch.zeros((), device=p.device) for p in parameters],
        }

    def set_learning_rate(self, lr):
        """Change the learning rate; where it is a tensor, in its place, so that a captured update sees it."""
        group = self.param_groups[0]
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr

    def zero_grad(self):
        for p in self.param_groups[0]["params"]:
            p.grad = None

    @torch.no_grad()
    def step(self):
        """Move every parameter that has a gradient."""
        group = self.param_groups[0]
        columns = zip(group["params"], *self.state.values(), strict=True)
        parameters, means, squares, steps = zip(*(row for row in columns if row[0].grad is not None), strict=True)
        gradients = [p.grad for p in parameters]
        moments = list(means), list(squares), [], list(steps)
        numbers = {"lr": group["lr"], "beta1": 0.9, "beta2": 0.999, "eps": self.eps, "weight_decay": 0.0}
        adam(list(parameters), gradients, *moments, **numbers, fused=True, amsgrad=False, maximize=False)

    def state_dict(self):
        return self.state

    def load_state_dict(self, saved):
        for name, tensors in self.state.items():
            for tensor, value in zip(tensors, saved[name], strict=True):
                tensor.copy_(value)
