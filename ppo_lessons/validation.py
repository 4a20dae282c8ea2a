"""Refuse wrong input early, with a sentence that names it. Used by every lesson.

Shapes, dtypes and Python numbers are always checked. Tensor values are checked in one place, `check_values`,
which steps aside while `torch.compile` or a CUDA graph records the call.
"""

import math

import torch


class NonFiniteError(ValueError):
    """A tensor holds nan or infinity where that would poison the result."""


def check_shapes(**tensors):
    """All tensors have one shape, and none is empty."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"{name} must be a torch tensor, got {type(tensor).__name__}")
    if len({tensor.shape for tensor in tensors.values()}) > 1:
        raise ValueError(f"expected one shape, got {_describe(tensors)}")
    if any(tensor.numel() == 0 for tensor in tensors.values()):
        raise ValueError(f"expected at least one element, got {_describe(tensors)}")


def check_time_axis(**tensors):
    """All tensors have one shape [T, ...] with T >= 1."""
    check_shapes(**tensors)
    if any(tensor.dim() == 0 for tensor in tensors.values()):
        raise ValueError(f"axis 0 is time, so a shape [T, ...] is needed, got {_describe(tensors)}")


def check_same_width(**tensors):
    """All tensors have one shape [..., actions] and hold floating-point numbers."""
    check_shapes(**tensors)
    check_floating(**tensors)
    if any(tensor.dim() == 0 for tensor in tensors.values()):
        raise ValueError(f"the last axis lists the actions: a shape [..., actions] is needed, got {_describe(tensors)}")


def check_floating(**tensors):
    """All tensors hold floating-point numbers."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(f"{name} must hold floating-point numbers, got {tensor.dtype}")


def check_bool(**tensors):
    """All tensors hold booleans: a float mask would silently change the meaning of `~`."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.bool:
            raise ValueError(f"{name} must be a bool tensor, got {tensor.dtype}")


def check_unit_interval(**numbers):
    """All numbers lie in [0, 1]; nan does not."""
    _check_numbers(lambda x: 0 <= x <= 1, "lie in [0, 1]", numbers)


def check_not_negative(**numbers):
    """All numbers are at least 0; nan is not."""
    _check_numbers(lambda x: x >= 0, "not be negative", numbers)


def check_positive(**numbers):
    """All numbers are finite and above 0; nan is not."""
    _check_numbers(lambda x: 0 < x < math.inf, "be a positive number", numbers)


def _check_numbers(is_good, requirement, numbers):
    for name, number in numbers.items():
        try:
            good = is_good(number)
        except TypeError:  # not a number at all: show it as Python writes it
            raise ValueError(f"{name} must be a number, got {number!r}") from None
        if not good:
            raise ValueError(f"{name} must {requirement}, got {number}")


def check_finite(**tensors):
    """No nan and no infinity in any tensor."""
    for name, tensor in tensors.items():
        if not _recorded(tensor) and tensor.is_floating_point() and math.isfinite(tensor.detach().sum().item()):
            continue  # a finite sum has finite terms, and one pass is enough; a sum can overflow, so look again
        check_values(torch.isfinite, tensor, f"{name} must be finite", error=NonFiniteError)


def check_distribution(**tensors):
    """Along axis 0 all entries are at least 0 and sum to 1 (within the square root of the dtype's precision)."""
    check_floating(**tensors)
    for name, p in tensors.items():
        tolerance = torch.finfo(p.dtype).eps ** 0.5
        check_values(lambda x: x >= 0, p, f"{name} must not be negative")
        check_values(lambda x, tol=tolerance: (x - 1).abs() <= tol, p.sum(0), f"{name} must sum to 1 along axis 0")


def check_values(is_good, tensor, requirement, error=ValueError):
    """The one place that looks at tensor values: all of `is_good(tensor)` must hold."""
    if _recorded(tensor):
        return
    good = is_good(tensor)
    if not good.all():
        raise error(f"{requirement}, got {tensor[~good].flatten()[0].item()} in shape {tuple(tensor.shape)}")


def _recorded(tensor):
    """Whether this call becomes part of a program that runs later: then there are no values yet."""
    return torch.compiler.is_compiling() or (tensor.is_cuda and torch.cuda.is_current_stream_capturing())


def _describe(tensors):
    return ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
