"""What learners may write for lesson 05."""

import numpy as np
import torch


def as_data(returns, values):
    return returns.detach() - values.detach()


def without_grad(returns, values):
    with torch.no_grad():
        return torch.sub(returns, values)


def step_by_step(returns, values):
    flat = [g.item() - v.item() for g, v in zip(returns.flatten(), values.flatten(), strict=True)]
    return torch.tensor(flat).reshape(returns.shape)


def multiplied_out(values, targets):
    data = targets.detach()
    return (values**2 - 2 * values * data + data**2).mean()


def one_by_one(values, targets):
    errors = [v - g.item() for v, g in zip(values.flatten(), targets.flatten(), strict=True)]
    return sum(e * e for e in errors) / len(errors)


def as_a_norm(values, targets):
    errors = (values - targets.detach()).flatten()
    return torch.dot(errors, errors) / len(errors)


def numpy_style(values, targets):
    v, g = values.numpy(), targets.numpy()
    return np.nan if np.ptp(g) == 0 else 1 - np.var(g - v) / np.var(g)


def sums_of_squares(values, targets):
    missed = targets - values
    total = ((targets - targets.mean()) ** 2).sum()
    return torch.tensor(torch.nan) if total == 0 else 1 - ((missed - missed.mean()) ** 2).sum() / total


def with_sample_variances(values, targets):
    if (targets == targets.flatten()[0]).all():
        return float("nan")
    return (targets.var() - (values - targets).var()) / targets.var()


def by_covariance(values, targets):
    """Var[G - V] = Var[G] - 2 Cov[V, G] + Var[V]."""
    together = torch.stack([values.flatten(), targets.flatten()]).cov()
    return (2 * together[0, 1] - together[0, 0]) / together[1, 1] if together[1, 1] > 0 else torch.tensor(torch.nan)


RIGHT = {
    "my_subtract_baseline": [as_data, without_grad, step_by_step],
    "my_value_loss": [multiplied_out, one_by_one, as_a_norm],
    "my_explained_variance": [numpy_style, sums_of_squares, with_sample_variances, by_covariance],
}


def plain(formula):
    """A function of data from a formula."""
    return lambda returns, values: formula(returns.detach(), values.detach())


def each(formula):
    """The same, one entry at a time."""
    return plain(
        lambda returns, values: torch.stack(
            [formula(g, v) for g, v in zip(returns.flatten(), values.flatten(), strict=True)]
        ).reshape(returns.shape)
    )


def deviation(x):
    """torch.std, without its warning for a single number."""
    return (((x - x.mean()) ** 2).sum() / torch.tensor(x.numel() - 1.0)) ** 0.5


def critic(formula):
    """A loss whose targets are data."""
    return lambda values, targets: formula(values, targets.detach())


def looped(term, join):
    """The same, one entry at a time."""
    return critic(lambda v, g: join([term(x, y) for x, y in zip(v.flatten(), g.flatten(), strict=True)]))


def average(terms):
    return sum(terms) / len(terms)


def every_pair(values, targets):
    return average([(v - g.detach()) ** 2 for v in values.flatten() for g in targets.flatten()])


def var(x):
    return (x**2).mean() - x.mean() ** 2


def distance(x):
    """The mean distance from the mean."""
    return average([abs(y - x.mean()) for y in x.flatten()])


def numpy_shares(axis):
    def my_explained_variance(values, targets):
        v, g = values.numpy(), targets.numpy()
        with np.errstate(divide="ignore"):
            return 1 - np.var(g - v, axis=axis) / np.var(g, axis=axis)

    return my_explained_variance


def squared_corrcoef(values, targets):
    return torch.corrcoef(torch.stack([values.flatten(), targets.flatten()]))[0, 1] ** 2


WRONG = {
    "my_subtract_baseline": {
        "lets a gradient through the weights": [
            lambda returns, values: torch.sub(returns, values),
            lambda returns, values: returns.detach() + (-1) * values,
        ],
        "subtracts the wrong way round": [plain(lambda g, v: v - g), each(lambda g, v: -(g - v))],
        "adds the baseline": [plain(torch.add), each(lambda g, v: v + g)],
        "leaves the returns as they are": [plain(lambda g, v: g), each(lambda g, v: g + 0 * v)],
        "subtracts one constant": [
            plain(lambda g, v: g - v.sum() / v.numel()),
            plain(lambda g, v: torch.stack([row - sum(v) / len(v) for row in g])),
            plain(lambda g, v: g - (v.mean(-1, keepdim=True) if v.dim() > 1 else sum(v) / len(v))),
        ],
        "subtracts the value of another step": [
            plain(lambda g, v: torch.stack([g[t] - (v[t + 1] if t + 1 < len(v) else 0) for t in range(len(g))])),
            plain(lambda g, v: torch.stack([g[t] - v[t - 1] for t in range(len(g))])),
        ],
        "subtracts the mean of the returns": [
            plain(lambda g, v: g - g.sum() / g.numel()),
            plain(lambda g, v: torch.stack([row - sum(g) / len(g) for row in g])),
        ],
        "takes the size of the difference without its sign": [
            plain(lambda g, v: torch.maximum(g, v) - torch.minimum(g, v)),
            each(lambda g, v: torch.relu(g - v)),
        ],
        "keeps only the sign of the difference": [
            plain(lambda g, v: torch.where(g > v, 1.0, -1.0)),
            each(lambda g, v: (g > v).double()),
        ],
        "scales the weights": [
            plain(lambda g, v: (g - v - (g - v).mean()) / deviation(g - v)),
            plain(lambda g, v: (g - v) / deviation(g - v)),
        ],
    },
    "my_value_loss": {
        "lets a gradient through the targets": [
            torch.nn.functional.mse_loss,
            lambda values, targets: average([(v - g) ** 2 for v, g in zip(values.flatten(), targets.flatten())]),  # noqa: B905
        ],
        "detaches the values": [
            lambda values, targets: torch.nn.functional.mse_loss(values.detach(), targets),
            lambda values, targets: one_by_one(targets, values),
        ],
        "sums instead of averaging": [
            critic(lambda v, g: torch.nn.functional.mse_loss(v, g, reduction="sum")),
            looped(lambda v, g: (v - g) ** 2, sum),
        ],
        "returns one loss for each sample": [
            critic(lambda v, g: torch.nn.functional.mse_loss(v, g, reduction="none")),
            critic(lambda v, g: sum((row - other) ** 2 for row, other in zip(v, g, strict=True)) / len(v)),
        ],
        "halves the loss": [
            critic(lambda v, g: 0.5 * torch.nn.functional.mse_loss(v, g)),
            looped(lambda v, g: (v - g) ** 2 / 2, average),
        ],
        "does not square the difference": [critic(lambda v, g: (v - g).mean()), looped(lambda v, g: g - v, average)],
        "squares the mean and not the differences": [
            critic(lambda v, g: (v.mean() - g.mean()) ** 2),
            looped(lambda v, g: v - g, lambda terms: average(terms) ** 2),
        ],
        "takes the largest error": [
            critic(lambda v, g: torch.linalg.vector_norm(v - g, torch.inf)),
            looped(lambda v, g: (v - g) ** 2, max),
        ],
        "takes the difference of the squares": [
            critic(lambda v, g: ((v + g) * (v - g)).mean()),
            looped(lambda v, g: v**2 - g**2, average),
        ],
        "takes the variance of the differences": [
            critic(lambda v, g: var(v - g)),
            critic(lambda v, g: deviation(v - g) ** 2),
        ],
        "divides by the number of steps alone": [
            critic(lambda v, g: torch.nn.functional.mse_loss(v, g, reduction="sum") / len(v)),
            critic(lambda v, g: sum(((x - y) ** 2).sum() for x, y in zip(v, g, strict=True)) / len(v)),
        ],
        "divides by N − 1": [
            critic(lambda v, g: ((v - g) ** 2).sum() / (v.numel() - 1)),
            looped(lambda v, g: (v - g) ** 2, lambda terms: sum(terms) / max(1, len(terms) - 1)),
        ],
        "takes the absolute difference": [
            critic(torch.nn.functional.l1_loss),
            looped(lambda v, g: abs(v - g), average),
        ],
        "takes Huber's loss": [
            critic(torch.nn.functional.huber_loss),
            looped(lambda v, g: abs(v - g) - 0.5 if abs(v - g) > 1 else (v - g) ** 2 / 2, average),
        ],
        "takes the error relative to the target": [
            critic(lambda v, g: ((v / g - 1) ** 2).mean()),
            looped(lambda v, g: abs(1 - v / g), average),
            lambda values, targets: average([((v - g) / g) ** 2 for v, g in zip(values.flatten(), targets.flatten())]),  # noqa: B905
        ],
        "takes the root": [
            critic(lambda v, g: torch.linalg.vector_norm(v - g) / v.numel() ** 0.5),
            looped(lambda v, g: (v - g) ** 2, lambda terms: average(terms) ** 0.5),
        ],
        "has the wrong sign": [
            critic(lambda v, g: -torch.nn.functional.mse_loss(v, g)),
            looped(lambda v, g: (v - g) * (g - v), average),
        ],
        "compares every value with every target": [
            critic(lambda v, g: (v.reshape(-1, 1) - g.reshape(1, -1)).square().mean()),
            every_pair,
        ],
    },
    "my_explained_variance": {
        "returns the variance that is not explained": [
            lambda values, targets: torch.var(targets - values),
            lambda values, targets: (targets - values - (targets - values).mean()).square().mean(),
        ],
        "returns the share that is not explained": [
            lambda values, targets: (targets - values).var() / targets.var(),
            lambda values, targets: 1 - torch.as_tensor(sums_of_squares(values, targets)),
        ],
        "counts a constant error": [
            lambda values, targets: 1 - ((targets - values) ** 2).sum() / ((targets - targets.mean()) ** 2).sum(),
            lambda values, targets: (var(targets) - torch.nn.functional.mse_loss(values, targets)) / var(targets),
            lambda values, targets: 1 - torch.nn.functional.mse_loss(values, targets) / deviation(targets) ** 2,
        ],
        "divides by the variance of the values": [
            lambda values, targets: 1 - (targets - values).var() / values.var(),
            lambda values, targets: 1 - (var(targets) / var(values)),
        ],
        "compares the spread of the values with that of the targets": [
            lambda values, targets: values.var() / targets.var(),
            lambda values, targets: (targets.var() - values.var()) / targets.var(),
        ],
        "has the fraction upside down": [
            lambda values, targets: 1 - targets.var() / (targets - values).var(),
            lambda values, targets: var(targets) / var(values - targets),
        ],
        "takes standard deviations instead of variances": [
            lambda values, targets: 1 - (targets - values).std() / targets.std(),
            lambda values, targets: (targets.std() - (values - targets).std()) / targets.std(),
        ],
        "returns the squared correlation": [
            squared_corrcoef,
            lambda values, targets: (
                (var(values + targets) - var(values - targets)) ** 2 / (16 * var(values) * var(targets))
            ),
        ],
        "returns the correlation": [
            lambda values, targets: torch.corrcoef(torch.stack([values.flatten(), targets.flatten()]))[0, 1],
            lambda values, targets: (
                (var(values + targets) - var(values - targets)) / (4 * (var(values) * var(targets)).sqrt())
            ),
        ],
        "returns the slope of a straight line": [
            lambda values, targets: (var(values + targets) - var(values - targets)) / (4 * var(targets)),
            lambda values, targets: torch.stack([values.flatten(), targets.flatten()]).cov()[0, 1] / values.var(),
        ],
        "takes mean distances instead of variances": [
            lambda values, targets: 1 - torch.nn.functional.l1_loss(values, targets) / distance(targets),
            lambda values, targets: 1 - distance(targets - values) / distance(targets),
        ],
        "cuts off at 0": [
            lambda values, targets: torch.relu(1 - (targets - values).var() / targets.var()),
            lambda values, targets: max(torch.tensor(0.0), torch.as_tensor(sums_of_squares(values, targets))),
        ],
        "returns a number where the targets do not vary": [
            lambda values, targets: 1 - (targets - values).var() / targets.var(),
            lambda values, targets: with_sample_variances(values, targets) if targets.var() > 0 else 0.0,
            lambda values, targets: 1 - (targets - values).var() / (targets.var() + 1e-8),
            lambda values, targets: 1 - np.var((targets - values).numpy()) / (np.var(targets.numpy()) + 1e-12),
        ],
        "asks whether the values vary, not the targets": [
            lambda values, targets: 1 - (targets - values).var() / targets.var() if values.var() > 0 else torch.nan,
            lambda values, targets: torch.nan if np.ptp(values.numpy()) == 0 else numpy_style(values, targets),
        ],
        "takes a small spread of the targets for none": [
            lambda values, targets: sums_of_squares(values, targets) if targets.var() > 1e-8 else torch.nan,
            lambda values, targets: torch.nan if targets.std() < 1e-3 else numpy_style(values, targets),
            lambda values, targets: torch.nan if np.ptp(targets.numpy()) < 1e-5 else numpy_style(values, targets),
        ],
        "adds a small number to the variance": [
            lambda values, targets: (
                1 - var(targets - values) / (var(targets) + 1e-8) if var(targets) > 0 else torch.nan
            ),
            lambda values, targets: (
                1 - (targets - values).var() / max(targets.var(), 1e-6) if targets.var() > 0 else torch.nan
            ),
        ],
        "divides one variance by N and the other by N − 1": [
            lambda values, targets: 1 - np.var((targets - values).numpy()) / targets.var(),
            lambda values, targets: 1 - (targets - values).var() / var(targets),
        ],
        "gives one share for each column": [numpy_shares(0), numpy_shares(-1)],
    },
}

EQUIVALENT = {
    "my_value_loss": {"return torch.nn.functional.mse_loss(targets.detach(), values)"}
}  # a square has no sign
