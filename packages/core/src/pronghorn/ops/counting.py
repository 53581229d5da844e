"""Counting values, finding their bins, comparing within a tolerance, choosing by conditions."""

from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import same
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, ndim, ones_like, shape, zeros, zeros_like
from pronghorn.ops.elementwise import isnan
from pronghorn.ops.indexing import argsort
from pronghorn.ops.reduction import cast_count
from pronghorn.ops.segments import count_up_to

__all__ = ["allclose", "argpartition", "bincount", "digitize", "histogram", "isclose", "isin", "select"]


@op(operands="x weights")
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """Count how often each integer occurs, or add up the weights of each.

    Args:
        x: integers, (n,) or (batch, n), none of them negative.
        weights: tensor of the shape of `x`.
        minlength: smallest length of the result.
        sparse: sparse results are not supported.

    Returns:
        Counts (int32), or sums in the common dtype of `x` and `weights`, (length,) or (batch, length); `length` is one more than the largest integer.

    Raises:
        ValueError: negative integers; or values that are not known, since the shape depends on them.

    Example:
        >>> bincount([1, 1, 3], minlength=5)
        array([0, 2, 0, 1, 0], dtype=int32)
    """
    if sparse:
        raise ValueError("bincount: sparse tensors are not supported yet; use sparse=False.")
    if dtype_of(x) not in dtypes.INTEGER | dtypes.BOOL:
        raise TypeError(f"bincount: expected integers; received {dtype_of(x)}. Cast them first.")
    dims = shape(x)
    if len(dims) not in (1, 2):
        raise ValueError(f"bincount: expected a vector or a matrix; received shape {show(dims)}.")
    length = count_up_to("bincount", x, int(minlength), "Call bincount outside of the compiled function.")
    total = "int32" if weights is None else dtypes.result_type(dtype_of(x), dtype_of(weights))
    x = cast(x, "int32")
    weights = ones_like(x) if weights is None else cast(weights, "int32" if total == "bool" else total)
    index = p.reshape(x, (*dims, 1))
    if len(dims) == 2:
        rows = p.broadcast_to(p.reshape(arange(0, dims[0], 1, "int32"), (-1, 1, 1)), tuple(shape(index)))
        index = p.concatenate([rows, index], 2)
    return p.scatter(zeros((*dims[:-1], length), dtype_of(weights)), index, weights, "add")


@op(operands="x bins", dtype=same)
def digitize(x: Any, bins: Any) -> Any:
    """Return for each number the index (int32) of its bin: how many of the edges it has passed.

    Args:
        x: numbers.
        bins: vector of edges, ascending or descending; an edge belongs to the bin above it.

    Example:
        >>> digitize([0.5, 1.0, 9.0], [0.0, 1.0, 2.0])
        array([1, 2, 3], dtype=int32)
    """
    dims = shape(bins)
    if len(dims) != 1:
        raise ValueError(f"digitize: bins must be a vector; received shape {show(dims)}.")
    n = dims[0]
    if isinstance(n, int) and n == 0:
        return zeros_like(x, "int32")
    if dtype_of(x) == "bool":
        x, bins = cast(x, "int32"), cast(bins, "int32")
    first, last = p.slice(bins, (0,), (1,), (1,)), p.slice(bins, (n - 1,), (n,), (1,))
    descending = p.less(last, first)
    found = p.searchsorted(p.where(descending, p.flip(bins, (0,)), bins), x, "right")
    count = n if isinstance(n, int) else cast_count(n, found)
    return p.where(p.reshape(descending, ()), p.subtract(count, found), found)


@op
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple:
    """Count the numbers of a vector in bins of equal width.

    Args:
        x: vector.
        bins: number of bins.
        range: `(lowest, highest)` edge, by default those of the data; numbers outside are not counted.

    Returns:
        Counts (bins,) and edges (bins + 1,), both in the float dtype of `x`.

    Raises:
        TypeError: `bins` is no int.
        ValueError: `x` is no vector, `bins` is negative or the range descends.

    Example:
        >>> histogram([1.0, 2.0, 1.0], bins=2)
        (array([2., 1.], dtype=float32), array([1. , 1.5, 2. ], dtype=float32))
    """
    if not isinstance(bins, (int, np.integer)) or isinstance(bins, bool):
        raise TypeError(f"histogram: bins must be an int; received {bins!r}.")
    if bins < 0:
        raise ValueError(f"histogram: bins must not be negative; received {bins}.")
    dims, name = shape(x), dtypes.to_float(dtype_of(x))
    if len(dims) != 1:
        raise ValueError(f"histogram: expected a vector; received shape {show(dims)}.")
    wide = "float32" if name in ("float16", "bfloat16") else name
    z = cast(x, wide)
    if range is not None:
        low, high = (float(v) for v in range)
        if high < low:
            raise ValueError(f"histogram: the highest edge must not be below the lowest; received range={tuple(range)}.")
        ends = [convert_to_tensor(v, wide) for v in (low, high)]
    elif isinstance(dims[0], int) and dims[0] == 0:
        ends = [convert_to_tensor(v, wide) for v in (0.0, 1.0)]
    else:
        ends = [p.min(z, (0,), False), p.max(z, (0,), False)]
    equal = p.equal(*ends)
    bottom, top = p.where(equal, p.subtract(ends[0], 0.5), ends[0]), p.where(equal, p.add(ends[1], 0.5), ends[1])
    n = int(bins)
    places = convert_to_tensor(np.arange(n + 1) / max(n, 1), wide)
    edges = p.add(bottom, p.multiply(p.subtract(top, bottom), places))
    edges = p.where(convert_to_tensor(np.arange(n + 1) == n), top, edges) if n else edges
    found = p.subtract(p.searchsorted(edges, z, "right"), 1)
    found = p.where(p.equal(z, top), n - 1, found)  # the last bin has both its edges
    lost = p.logical_or(p.logical_or(p.less(found, 0), p.less(n - 1, found)), p.logical_not(p.less_equal(z, top)))
    counts = p.scatter(zeros((n + 1,), "int32"), p.reshape(p.where(lost, n, found), (-1, 1)), ones_like(found), "add")
    return cast(p.slice(counts, (0,), (n,), (1,)), name), cast(edges, name)


@op(operands="x1 x2", dtype=same)
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Return where elements of `x1` occur in `x2`.

    Args:
        x1: tensor.
        x2: tensor of any shape; nan is equal to nothing.
        assume_unique: whether no element occurs twice; a hint.
        invert: whether to return where they do not occur.

    Example:
        >>> isin([1, 2, 3], [3, 1])
        array([ True, False,  True])
    """
    if dtype_of(x1) == "bool":
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    known = p.sort(p.reshape(x2, (-1,)), 0)
    n = shape(known)[0]
    if isinstance(n, int) and n == 0:
        found = zeros_like(x1, "bool")
    else:
        place = p.searchsorted(known, x1, "left")
        last = n - 1 if isinstance(n, int) else p.subtract(cast_count(n, place), 1)
        found = p.equal(p.take(known, p.minimum(place, last), 0), x1)
    return p.logical_not(found) if invert else found


@op(operands="x1 x2", dtype=same)
def isclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Return where `|x1 - x2| <= atol + rtol * |x2|`; infinities of one sign are close.

    Example:
        >>> isclose([1.0, 2.0], [1.0, 2.1])
        array([ True, False])
    """
    name = dtypes.to_float(dtype_of(x1))
    a, b = cast(x1, name), cast(x2, name)
    finite = p.logical_and(p.isfinite(a), p.isfinite(b))
    near = p.less_equal(p.abs(p.subtract(a, b)), p.add(p.multiply(p.abs(b), rtol), atol))
    out = p.logical_or(p.equal(a, b), p.logical_and(finite, near))
    return p.logical_or(out, p.logical_and(isnan(a), isnan(b))) if equal_nan else out


@op(operands="x1 x2", dtype=same)
def allclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Return whether all elements are close, as `isclose` has it.

    Example:
        >>> bool(allclose([1.0, 2.0], [1.0, 2.0]))
        True
    """
    out = isclose(x1, x2, rtol, atol, equal_nan)
    return p.all(out, tuple(range(ndim(out))), False)


@op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Return indices (int32) that put the element of rank `kth` in its place, smaller ones before it and larger ones behind.

    Raises:
        ValueError: `kth` is out of range.

    Example:
        >>> argpartition([30, 10, 20], 1)
        array([1, 2, 0], dtype=int32)
    """
    if axis is None:
        x, axis = p.reshape(x, (-1,)), 0
    a = canonical_axis("argpartition", axis, ndim(x))
    n = shape(x)[a]
    for k in kth if isinstance(kth, (list, tuple)) else (kth,):
        if isinstance(n, int) and not -n <= k < n:
            raise ValueError(f"argpartition: kth {k} is out of range for an axis of size {n}.")
    return argsort(x, a)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Return, element by element, the choice of the first condition that holds, `default` where none does.

    Args:
        condlist: boolean tensors.
        choicelist: as many tensors or numbers; all broadcast together.
        default: tensor or number.

    Raises:
        ValueError: empty lists or lists of different lengths.

    Example:
        >>> select([[True, False], [True, True]], [[1, 2], [3, 4]])
        array([1, 4], dtype=int32)
    """
    if not len(condlist) or not len(choicelist):
        raise ValueError(f"select: condlist and choicelist must not be empty; received {condlist} and {choicelist}.")
    if len(condlist) != len(choicelist):
        raise ValueError(f"select: there must be one choice per condition; received {len(condlist)} conditions and {len(choicelist)} choices.")
    return _select([*condlist, *choicelist, default])


def _conditions(op: str, *names: str) -> tuple[str, ...]:
    """Conditions become bool; as many choices, and the default, get their common dtype."""
    n = len(names) // 2
    return ("bool",) * n + same(op, *names[n:])


@op(operands="[xs]", dtype=_conditions)
def _select(xs: Any) -> Any:
    n = len(xs) // 2
    out = xs[-1]
    for condition, choice in zip(reversed(xs[:n]), reversed(xs[n : 2 * n]), strict=True):
        out = p.where(condition, choice, out)
    return out
