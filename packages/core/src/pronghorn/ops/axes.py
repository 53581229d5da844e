"""Canonical axes and small arguments: one place for the leniency that ops share."""

from typing import Any

import numpy as np

from pronghorn.backend.families import check_axis
from pronghorn.backend.op import unwrap


def canonical_axis(op: str, axis: Any, ndim: int) -> int:
    """Return one axis as a non-negative int."""
    if isinstance(axis, (bool, float)) or not isinstance(axis, (int, np.integer)):
        raise TypeError(f"{op}: axis must be an int; received {axis!r}.")
    return check_axis(op, int(axis), ndim)


def canonical_axes(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return `axis` (None for all, an int, or a sequence of ints) as a tuple of non-negative ints.

    Example:
        >>> canonical_axes("sum", -1, 3), canonical_axes("sum", None, 2)
        ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (int, np.integer)):
        return (canonical_axis(op, axis, ndim),)
    axes = tuple(canonical_axis(op, a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{op}: an axis occurs twice in {tuple(axis)}.")
    return axes


def is_number(x: Any) -> bool:
    """Tell whether `x` is a host number (not a tensor, not an array)."""
    return isinstance(unwrap(x), (bool, int, float, complex, np.generic))
