"""What learners may write for lesson 13."""

import numpy as np
import torch


def in_numpy(kl, *, target):
    return np.mean(kl.numpy()) > target


def by_hand(kl, *, target):
    total = 0.0
    for x in kl.flatten():
        total += x.item()
    return total / kl.numel() > target


def as_a_tensor(kl, *, target):
    return ~(kl.sum() / kl.numel() <= target)


def by_moves(values, targets, old_values, *, epsilon):
    old, y = old_values.detach(), targets.detach()
    held = old + torch.clip(values - old, -epsilon, epsilon)
    return torch.max((values - y) ** 2, (held - y) ** 2).mean()


def one_by_one(values, targets, old_values, *, epsilon):
    terms = []
    for v, y, old in zip(values.flatten(), targets.flatten(), old_values.flatten(), strict=True):
        held = min(max(v, old.item() - epsilon), old.item() + epsilon)
        terms.append(max((v - y.item()) ** 2, (held - y.item()) ** 2))
    return sum(terms) / len(terms)


def by_distance(values, targets, old_values, *, epsilon):
    old, y = old_values.detach(), targets.detach()
    held = torch.minimum(torch.maximum(values, old - epsilon), old + epsilon)
    return torch.stack([(values - y).abs(), (held - y).abs()]).amax(0).square().mean()


RIGHT = {
    "my_early_stop": [in_numpy, by_hand, as_a_tensor],
    "my_clipped_value_loss": [by_moves, one_by_one, by_distance],
}


def stop(rule):
    """A decision from a rule for the list of numbers and the target."""

    def my_early_stop(kl, *, target):
        return rule([x.item() for x in kl.flatten()], target)

    return my_early_stop


def on_tensors(rule):
    def my_early_stop(kl, *, target):
        return rule(kl, target)

    return my_early_stop


def average(terms):
    return sum(terms) / len(terms)


def attempt(formula):
    """A loss from a formula, with targets and old values as data."""

    def my_clipped_value_loss(values, targets, old_values, *, epsilon):
        return formula(values, targets.detach(), old_values.detach(), epsilon)

    return my_clipped_value_loss


def looped(term, join=average):
    """The same for one state at a time."""
    return attempt(
        lambda v, y, old, e: join(
            [term(*numbers, e) for numbers in zip(v.flatten(), y.flatten(), old.flatten(), strict=True)]
        )
    )


def held(v, old, e):
    return torch.min(torch.max(v, old - e), old + e)


def both(v, y, old, e):
    return (v - y) ** 2, (held(v, old, e) - y) ** 2


def flowing(values, targets, old_values, *, epsilon):
    return torch.max(*both(values, targets, old_values, epsilon)).mean()


def half_flowing(values, targets, old_values, *, epsilon):
    return torch.max(*both(values, targets, old_values.detach(), epsilon)).mean()


WRONG = {
    "my_early_stop": {
        "stops where the policy has moved too little": [
            stop(lambda kl, d: average(kl) < d),
            on_tensors(lambda kl, d: not kl.mean() > d),
        ],
        "stops at the target already": [
            stop(lambda kl, d: average(kl) >= d),
            on_tensors(lambda kl, d: not kl.mean() < d),
        ],
        "adds up the KL of the states": [stop(lambda kl, d: sum(kl) > d), on_tensors(lambda kl, d: kl.sum() > d)],
        "divides by the number of rows alone": [
            on_tensors(lambda kl, d: kl.sum() / kl.shape[0] > d),
            on_tensors(lambda kl, d: sum(row.sum() for row in kl) > d * len(kl)),
        ],
        "stops as soon as one state has moved far": [
            stop(lambda kl, d: max(kl) > d),
            on_tensors(lambda kl, d: (kl > d).any()),
        ],
        "stops only when every state has moved far": [
            stop(lambda kl, d: min(kl) > d),
            on_tensors(lambda kl, d: (kl > d).all()),
        ],
        "goes on up to 1.5 times the target": [
            stop(lambda kl, d: average(kl) > 1.5 * d),
            on_tensors(lambda kl, d: kl.mean() / 1.5 > d),
            on_tensors(lambda kl, d: not kl.mean() < 1.5 * d),
        ],
        "takes the estimates without their sign": [
            stop(lambda kl, d: average([abs(x) for x in kl]) > d),
            on_tensors(lambda kl, d: kl.mean() > d or kl.mean() < -d),
        ],
        "leaves out the estimates below 0": [
            stop(lambda kl, d: average([max(x, 0.0) for x in kl]) > d),
            on_tensors(lambda kl, d: torch.relu(kl).mean() > d),
        ],
        "squares the KL of the states": [
            stop(lambda kl, d: sum(x * x for x in kl) ** 0.5 > d),
            stop(lambda kl, d: average([x**2 for x in kl]) > d),
        ],
        "takes the median for the mean": [
            stop(lambda kl, d: sorted(kl)[(len(kl) - 1) // 2] > d),
            stop(lambda kl, d: np.median(kl) > d),
        ],
        "looks at one state alone": [stop(lambda kl, d: kl[-1] > d), stop(lambda kl, d: kl[0] > d)],
        "answers more than once": [
            on_tensors(lambda kl, d: torch.gt(kl, d)),
            on_tensors(lambda kl, d: kl.sum(0) / len(kl) > d),
        ],
        "never stops": [stop(lambda kl, d: 0), stop(lambda kl, d: average(kl) > d + 100)],
        "always stops": [stop(lambda kl, d: 1), stop(lambda kl, d: average(kl) < 100)],
    },
    "my_clipped_value_loss": {
        "takes the smaller error": [
            attempt(lambda v, y, old, e: torch.min(*both(v, y, old, e)).mean()),
            looped(lambda v, y, old, e: min(both(v, y, old, e))),
        ],
        "has no maximum at all": [
            attempt(lambda v, y, old, e: torch.nn.functional.mse_loss(held(v, old, e), y)),
            looped(lambda v, y, old, e: both(v, y, old, e)[1]),
        ],
        "leaves out the states outside of the band": [
            attempt(lambda v, y, old, e: ((v - y) ** 2).masked_fill((v - old).abs() > e, 0).mean()),
            looped(lambda v, y, old, e: (v - y) ** 2 if abs(v - old) <= e else 0 * v),
            attempt(lambda v, y, old, e: torch.nn.functional.mse_loss(*(x[(v - old).abs() <= e] for x in (v, y)))),
        ],
        "compares the held value with the old one": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, (v - old).clip(-e, e) ** 2).mean()),
            looped(lambda v, y, old, e: max(abs(v - y), abs(held(v, old, e) - old)) ** 2),
        ],
        "does not clip": [
            attempt(lambda v, y, old, e: torch.nn.functional.mse_loss(v, y)),
            looped(lambda v, y, old, e: max((v - y) ** 2, (held(v, y, e) - y) ** 2)),
        ],
        "clips by a factor, as a ratio": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, (old * (v / old).clip(1 - e, 1 + e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: max((v - y) ** 2, (torch.clip(v / old, 1 - e, 1 + e) * old - y) ** 2)),
            attempt(
                lambda v, y, old, e: torch.max((v - y) ** 2, (v.clip(old - e * old, old + e * old) - y) ** 2).mean()
            ),
        ],
        "clips the old value around the new one": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, (held(old, v, e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: max((v - y) ** 2, (held(old, v, e) - y) ** 2)),
        ],
        "has the band around 0": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, ((v - old).clip(-e, e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: max((v - y) ** 2, (v.clip(-e, e) - y) ** 2)),
        ],
        "has the band around 1": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, (v.clip(1 - e, 1 + e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: max((v - y) ** 2, (v.clip(1 - e, 1 + e) - y) ** 2)),
        ],
        "clips the error": [
            attempt(lambda v, y, old, e: ((v - y).clip(-e, e) ** 2).mean()),
            looped(lambda v, y, old, e: torch.clip(v - y, -e, e) ** 2),
        ],
        "clips the targets": [
            attempt(lambda v, y, old, e: ((v - held(y, old, e)) ** 2).mean()),
            looped(lambda v, y, old, e: (v - old - torch.clip(y - old, -e, e)) ** 2),
        ],
        "compares the differences before it squares them": [
            attempt(lambda v, y, old, e: (torch.max(v - y, held(v, old, e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: (max(v, held(v, old, e)) - y) ** 2),
        ],
        "clips on one side only": [
            attempt(lambda v, y, old, e: torch.max((v - y) ** 2, (torch.min(v, old + e) - y) ** 2).mean()),
            looped(lambda v, y, old, e: max((v - y) ** 2, (max(v, old - e) - y) ** 2)),
        ],
        "takes the maximum of the means": [
            attempt(lambda v, y, old, e: max(error.mean() for error in both(v, y, old, e))),
            attempt(lambda v, y, old, e: torch.stack([error.sum() for error in both(v, y, old, e)]).amax() / v.numel()),
        ],
        "lets a gradient through the data": [flowing, half_flowing],
        "detaches the values": [
            lambda values, targets, old_values, *, epsilon: by_moves(
                values.detach(), targets, old_values, epsilon=epsilon
            ),
            lambda values, targets, old_values, *, epsilon: by_moves(
                values, targets, old_values, epsilon=epsilon
            ).item(),
        ],
        "exchanges targets and old values": [
            attempt(lambda v, y, old, e: torch.max(*both(v, old, y, e)).mean()),
            looped(lambda v, y, old, e: max(both(v, old, y, e))),
        ],
        "adds the two errors": [
            attempt(lambda v, y, old, e: sum(both(v, y, old, e)).mean()),
            looped(lambda v, y, old, e: sum(both(v, y, old, e)) / 2),
        ],
        "does not square the differences": [
            attempt(lambda v, y, old, e: torch.max((v - y).abs(), (held(v, old, e) - y).abs()).mean()),
            looped(lambda v, y, old, e: max(v - y, held(v, old, e) - y)),
        ],
        "sums instead of averaging": [
            attempt(lambda v, y, old, e: torch.max(*both(v, y, old, e)).sum()),
            looped(lambda v, y, old, e: max(both(v, y, old, e)), sum),
        ],
        "returns one loss for each state": [
            attempt(lambda v, y, old, e: torch.max(*both(v, y, old, e))),
            attempt(lambda v, y, old, e: torch.max(*both(v, y, old, e)).sum(0) / len(v)),
        ],
        "halves the loss": [
            attempt(lambda v, y, old, e: 0.5 * torch.max(*both(v, y, old, e)).mean()),
            looped(lambda v, y, old, e: max(both(v, y, old, e)) / 2),
        ],
        "has the wrong sign": [
            attempt(lambda v, y, old, e: -torch.max(*both(v, y, old, e)).mean()),
            looped(lambda v, y, old, e: -max(both(v, y, old, e))),
        ],
    },
}

EQUIVALENT = {
    "my_clipped_value_loss": {
        "return torch.maximum((clipped - targets).square(), (values - targets).square()).mean()",
        # the larger of the distances from the target to V and to the band: the same number
        "clipped = targets.clamp(old_values - epsilon, old_values + epsilon)",
    }
}
