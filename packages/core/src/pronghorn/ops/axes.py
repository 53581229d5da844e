"""Canonical axes and small arguments: one place for the leniency that ops share."""

from typing import Any

import numpy as np

from pronghorn.backend.families import check_axis
from pronghorn.backend.owners import owner, unwrap


def canonical_axis(op: str, axis: Any, ndim: int) -> int:
    """Return one axis as a non-negative int."""
    if type(axis) is int and -ndim <= axis < ndim:
        return axis if axis >= 0 else axis + ndim
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
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis if axis >= 0 else axis + ndim,)
    if isinstance(axis, (int, np.integer)):
        return (canonical_axis(op, axis, ndim),)
    if isinstance(axis, (list, tuple)) and len(axis) == 1:
        return (canonical_axis(op, axis[0], ndim),)
    if not isinstance(axis, (tuple, list, range, np.ndarray)):
        raise TypeError(f"{op}: axis must be an int or a sequence of ints; received {axis!r}.")
    axes = tuple(canonical_axis(op, a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{op}: an axis occurs twice in {tuple(axis)}.")
    return axes


def is_number(x: Any) -> bool:
    """Tell whether `x` is a host number (not a tensor, not an array)."""
    return isinstance(unwrap(x), (bool, int, float, complex, np.generic))


def concrete(op: str, x: Any, hint: str) -> Any:
    """Return a host number or the values of a tensor as a NumPy array.

    Raises:
        ValueError: the values are not known, see `check_concrete`.
    """
    x = unwrap(x)
    b = owner(type(x))
    check_concrete(op, x, hint)
    return np.asarray(x if b is None else b.convert_to_numpy(x))


def check_concrete(op: str, x: Any, hint: str) -> None:
    """Raise `ValueError` with `hint` while a compiler traces the function that `x` belongs to, for results whose shape depends on values."""
    b = owner(type(x))
    if b is not None and not b.is_concrete(x):
        error = ValueError(f"{op}: the shape of the result depends on values, which are not known while a function is traced. {hint}")
        error.needs_values = True  # type: ignore[attr-defined]  # an attribute, because TensorFlow's tracer keeps no classes of others
        raise error
