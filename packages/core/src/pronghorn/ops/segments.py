"""Reductions of rows that share a number."""

import math
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import Dim, same_dim, show
from pronghorn.backend.op import op
from pronghorn.ops.axes import concrete
from pronghorn.ops.creation import cast, dtype_of, full, shape
from pronghorn.ops.elementwise import isnan
from pronghorn.symbolic.graph import TRACE
from pronghorn.symbolic.spec import Spec

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]


def building(x: Any) -> bool:
    """Tell whether `x` is a symbolic tensor of a model, for which a size that depends on values is a new dimension; not one that a compiler traces."""
    return isinstance(x, Spec) and TRACE.tape is None


def count_up_to(name: str, numbers: Any, least: int, hint: str, negative: bool = False) -> Any:
    """Return one more than the largest of `numbers`, at least `least`; a new dimension while a model is being built."""
    if building(numbers):
        return Dim()
    values = concrete(name, numbers, hint)
    if not negative and values.size and values.min() < 0:
        raise ValueError(f"{name}: the numbers must not be negative; received {values.min()}.")
    return max(int(values.max()) + 1 if values.size else 0, least)


def _segments(name: str, data: Any, ids: Any, num: Any, mode: str, neutral: Any) -> Any:
    kind, dims, id_dims = dtype_of(data), shape(data), shape(ids)
    if dtype_of(ids) not in dtypes.INTEGER:
        raise TypeError(f"{name}: segment_ids must be integers; received {dtype_of(ids)}.")
    if len(id_dims) != 1 or not dims or not same_dim(dims[0], id_dims[0]):
        raise ValueError(f"{name}: segment_ids must be a vector with one number per row of data; received shapes {show(id_dims)} and {show(dims)}.")
    if num is None:
        num = count_up_to(name, ids, 0, "Pass num_segments.", negative=True)
    ids = cast(ids, "int32")
    # rows without a segment go to one more, which is cut off
    inside = p.logical_and(p.less_equal(0, ids), p.less(ids, _limit(num)))
    ids = p.where(inside, ids, _limit(num))
    ids = p.reshape(ids, (-1, 1))
    rows = (num + 1, *dims[1:])
    out = p.scatter(full(rows, neutral, kind), ids, data, mode)
    if mode in ("max", "min") and kind in dtypes.FLOAT:  # whether a nan wins in scatter is left to engines
        holes = p.scatter(full(rows, 0, "int32"), ids, cast(isnan(data), "int32"), "max")
        out = p.where(p.less(0, holes), math.nan, out)
    return p.slice(out, (0,) * len(dims), (num, *shape(out)[1:]), (1,) * len(dims))


def _limit(num: Any) -> Any:
    return Spec((), "int32") if isinstance(num, Dim) else num if isinstance(num, int) else int(num) if isinstance(num, np.integer) else cast(num, "int32")


def _lowest(name: str, sign: int) -> Any:
    """The smallest number of a dtype for sign -1, the largest for +1."""
    if name in dtypes.INTEGER:
        info = np.iinfo(name)
        return int(info.max if sign > 0 else info.min)
    return sign * math.inf


def _as_number(reduce: Any, data: Any, *args: Any) -> Any:
    """`reduce` of integers in place of booleans."""
    return p.cast(reduce(p.cast(data, "int32"), *args), "bool")


@op(operands="data segment_ids")
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Sum the rows of each segment; a segment without rows is zero.

    Args:
        data: (n, ...).
        segment_ids: (n,) integers; rows with a number that is negative or too large are left out.
        num_segments: number of segments, by default one more than the largest number. Functions that are traced need it.
        sorted: whether `segment_ids` ascend; a hint.

    Raises:
        ValueError: shapes that do not fit, or no `num_segments` while the values are not known.

    Example:
        >>> segment_sum([1, 2, 3], [0, 0, 2])
        array([3, 0, 3], dtype=int32)
    """
    if dtype_of(data) == "bool":
        return _as_number(segment_sum, data, segment_ids, num_segments, sorted)
    return _segments("segment_sum", data, segment_ids, num_segments, "add", 0)


@op(operands="data segment_ids")
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Multiply the rows of each segment; a segment without rows is one. Arguments as in `segment_sum`.

    Example:
        >>> segment_prod([2, 3, 4], [0, 0, 2])
        array([6, 1, 4], dtype=int32)
    """
    if dtype_of(data) == "bool":
        return _as_number(segment_prod, data, segment_ids, num_segments, sorted)
    return _segments("segment_prod", data, segment_ids, num_segments, "multiply", 1)


@op(operands="data segment_ids")
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the largest rows of each segment, elementwise; a segment without rows is minus infinity, or the smallest integer.

    Arguments as in `segment_sum`.

    Example:
        >>> segment_max([1.0, 2.0, 3.0], [0, 0, 2])
        array([  2., -inf,   3.], dtype=float32)
    """
    if dtype_of(data) == "bool":
        return p.less(0, segment_sum(p.cast(data, "int32"), segment_ids, num_segments, sorted))
    return _segments("segment_max", data, segment_ids, num_segments, "max", _lowest(dtype_of(data), -1))


@op(operands="data segment_ids")
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the smallest rows of each segment, elementwise; a segment without rows is infinity, or the largest integer.

    Arguments as in `segment_sum`.

    Example:
        >>> segment_min([1.0, 2.0, 3.0], [0, 0, 2])
        array([ 1., inf,  3.], dtype=float32)
    """
    if dtype_of(data) == "bool":
        return _as_number(segment_prod, data, segment_ids, num_segments, sorted)
    return _segments("segment_min", data, segment_ids, num_segments, "min", _lowest(dtype_of(data), 1))
