"""Distinct elements."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import size_of
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis, check_concrete
from pronghorn.ops.creation import arange, cast, dtype_of, full, ones_like, shape, zeros_like
from pronghorn.ops.segments import building

__all__ = ["unique"]


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the distinct elements in ascending order.

    Args:
        x: tensor.
        sorted: whether order matters; the result is in order in any case.
        return_index: whether to return where each occurs first.
        return_inverse: whether to return for each element of `x` which distinct one it is.
        return_counts: whether to return how often each occurs.
        axis: compare the slices along this axis; without one, the elements of the flattened tensor.
        size: number of distinct elements in the result, cut or filled up; functions that are traced by an engine need it.
        fill_value: fills up the elements, zero by default.

    Returns:
        The distinct elements, or a tuple of them and what was asked for (int32), in the order of the arguments. Under `size`, indices are filled up with
        that of the first element, and counts with zero.

    Raises:
        ValueError: no `size` while the values are not known.

    Example:
        >>> unique([3, 1, 3])
        array([1, 3], dtype=int32)
    """
    dims = tuple(shape(x))
    if axis is None:
        rows = p.reshape(x, (-1,))
    else:
        a = canonical_axis("unique", axis, len(dims))
        rows = p.transpose(x, (a, *[i for i in range(len(dims)) if i != a])) if a else x
    n, row = shape(rows)[0], tuple(shape(rows)[1:])
    table = p.reshape(rows, (n, size_of(row))) if len(row) != 1 else rows
    order, first = _in_order(table)
    rank = p.subtract(p.cumsum(cast(first, "int32"), 0), 1)
    if size is None:
        if not building(x):
            check_concrete("unique", x, "Pass size.")
        (at,) = p.nonzero(first)
        index = p.take(order, at, 0)
        values = p.take(rows, index, 0)
        fits = None
    else:
        at, fits = _first_places(first, rank, n, int(size))
        index = p.take(order, at, 0) if not _nothing(n) else zeros_like(at)
        values = p.take(rows, index, 0) if not _nothing(n) else full((int(size), *row), 0, dtype_of(x))
        fill = full((), 0 if fill_value is None else fill_value, dtype_of(x))
        values = p.where(p.reshape(fits, (-1, *[1] * len(row))), values, fill)
    if axis is not None and a:
        values = p.transpose(values, (*range(1, a + 1), 0, *range(a + 1, len(dims))))
    out = [values]
    if return_index:
        out.append(index)
    if return_inverse:
        inverse = p.scatter(zeros_like(order), p.reshape(order, (-1, 1)), rank, "set")
        out.append(p.reshape(inverse, dims) if axis is None else inverse)
    if return_counts:
        out.append(_counts(rank, at, fits, n))
    return out[0] if len(out) == 1 else tuple(out)


def _nothing(n: Any) -> bool:
    return isinstance(n, int) and n == 0


def _in_order(table: Any) -> tuple:
    """The order that sorts rows (n, m), the first column first, and where in it a new row begins."""
    keys = cast(table, "int32") if dtype_of(table) == "bool" else table
    n, m = shape(keys)
    if not isinstance(m, int):
        raise ValueError(f"unique: the slices must have a known size; received shape {show(shape(table))}.")
    columns = [p.reshape(p.slice(keys, (0, i), (n, i + 1), (1, 1)), (-1,)) for i in range(m)]
    order = arange(0, n, 1, "int32")
    for i, column in enumerate(reversed(columns)):  # a stable sort by the last column, then the one before it
        order = p.argsort(column, 0) if i == 0 else p.take(order, p.argsort(p.take(column, order, 0), 0), 0)
    if _nothing(n):
        return order, cast(zeros_like(order), "bool")
    ordered = p.take(keys, order, 0)
    differs = p.logical_not(p.equal(p.slice(ordered, (1, 0), (n, m), (1, 1)), p.slice(ordered, (0, 0), (n - 1, m), (1, 1))))
    start = ones_like(p.slice(order, (0,), (1,), (1,)), "bool")
    return order, p.concatenate([start, p.any(differs, (1,), False)], 0)


def _first_places(first: Any, rank: Any, n: Any, size: int) -> tuple:
    """Positions in the order at which the first `size` distinct rows begin, and which of them there are."""
    positions = p.reshape(arange(0, n, 1, "int32"), (-1,))
    # every position is written to its rank, so that the smallest, where the row begins, remains
    limit = p.minimum(rank, size)
    start = full((size + 1,), int(np.iinfo("int32").max), "int32")
    at = p.slice(p.scatter(start, p.reshape(limit, (-1, 1)), positions, "min"), (0,), (size,), (1,))
    fits = p.less(at, int(np.iinfo("int32").max))
    return p.where(fits, at, 0), fits


def _counts(rank: Any, at: Any, fits: Any, n: Any) -> Any:
    """How many positions have each rank."""
    many = shape(at)[0]
    if fits is None:
        return p.scatter(zeros_like(at), p.reshape(rank, (-1, 1)), ones_like(rank), "add")
    total = p.scatter(full((many + 1,), 0, "int32"), p.reshape(p.minimum(rank, many), (-1, 1)), ones_like(rank), "add")
    return p.slice(total, (0,), (many,), (1,))
