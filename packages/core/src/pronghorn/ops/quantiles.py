"""Quantiles: sort, find the place, mix two neighbours."""

import builtins
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.errors import closest
from pronghorn.backend.families import size_of
from pronghorn.backend.op import op
from pronghorn.backend.owners import is_host, unwrap
from pronghorn.ops.axes import canonical_axes
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, full, ndim, shape
from pronghorn.ops.elementwise import isnan
from pronghorn.ops.reduction import cast_count

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _levels(name: str, q: Any, largest: float, x: Any) -> Any:
    """`q` between 0 and 1: a float64 array if it is host data, else a tensor that has the precision of `x` at least."""
    q = unwrap(q)
    if not is_host(q):
        return q if largest == 1.0 else p.divide(cast(q, "float64") if dtype_of(x) == "float64" else q, largest)
    levels = np.asarray(q, "float64")
    if not np.all((levels >= 0) & (levels <= largest)):
        raise ValueError(f"{name}: q must be between 0 and {largest:g}; received {q}.")
    return np.asarray(levels / largest)  # a quotient of scalars would be a NumPy scalar


def _places(q: Any, last: Any, method: str, host: bool) -> tuple:
    """Lower neighbour, upper neighbour and the weight of the upper one, for levels `q` of elements numbered up to `last`; NumPy or tensors."""
    floor, ceil, nearest = (np.floor, np.ceil, np.round) if host else (p.floor, p.ceil, p.round)
    at = q * last if host else p.multiply(q, last)
    if method == "nearest":
        return nearest(at), None, None
    if method == "higher":
        return ceil(at), None, None
    low = floor(at)
    if method == "lower":
        return low, None, None
    weight = at - low if host else p.subtract(at, low)
    if method == "midpoint":
        weight = np.where(weight > 0, 0.5, 0.0) if host else p.where(p.less(0.0, weight), 0.5, p.multiply(weight, 0.0))
    return low, ceil(at), weight


def _mixed(low: Any, high: Any, weight: Any) -> Any:
    """Between two neighbours; the lower one itself where the upper one has no weight, since it may be infinite."""
    mean = p.add(p.multiply(low, p.subtract(1.0, weight)), p.multiply(high, weight))
    return p.where(p.equal(weight, 0), low, mean)


def _quantile(name: str, x: Any, q: Any, axis: Any, method: str, keepdims: bool, skip_nan: bool) -> Any:
    if method not in _METHODS:
        raise ValueError(f"{name}: method must be one of {', '.join(_METHODS)}; received {method!r}.{closest(str(method), _METHODS)}")
    dims, kind = shape(x), dtype_of(x)
    axes = canonical_axes(name, axis, len(dims))
    skip_nan = skip_nan and kind in dtypes.FLOAT
    result = dtypes.to_float(kind)
    wide = "float32" if result in ("float16", "bfloat16") else result
    kept = [i for i in range(len(dims)) if i not in axes]
    rest, n = tuple(dims[i] for i in kept), size_of(dims[a] for a in axes)
    last_axis = len(rest)
    rows = cast(x, wide)
    if kept + list(axes) != list(range(len(dims))):
        rows = p.transpose(rows, (*kept, *axes))
    if len(axes) != 1:
        rows = p.reshape(rows, (*rest, n))
    q_dims = tuple(shape(q))
    final = (*q_dims, *[1 if i in axes else d for i, d in enumerate(dims)]) if keepdims else (*q_dims, *rest)
    if isinstance(n, int) and n == 0:
        if name in ("quantile", "percentile"):
            raise ValueError(f"{name}: there are no elements along axis {axis} of shape {show(dims)}.")
        return full(final, float("nan"), result)
    rows = p.sort(rows, last_axis)
    if skip_nan:
        counts = p.sum(cast(p.equal(rows, rows), wide), (last_axis,), True)
        out = _at_tensors(rows, q, p.maximum(p.subtract(counts, 1.0), 0.0), wide, method, True)  # rows of nan alone begin with one
    else:
        if isinstance(q, np.ndarray) and isinstance(n, int):
            out = _at_constants(rows, q.reshape(-1), n, wide, method)
        else:
            steps: Any = float(n - 1) if isinstance(n, int) else p.subtract(cast_count(n, rows), 1.0)
            out = _at_tensors(rows, q, steps, wide, method, False)
        if kind in dtypes.FLOAT:
            end = p.slice(rows, (0,) * last_axis + (n - 1,), tuple(shape(rows)), (1,) * (last_axis + 1))
            out = p.where(isnan(end), float("nan"), out)
    # one column per level, which leads in the result
    if q_dims:
        out = p.transpose(out, (last_axis, *range(last_axis)))
    return cast(p.reshape(out, final), result)


def _at_constants(rows: Any, q: np.ndarray, n: int, wide: str, method: str) -> Any:
    """Columns of sorted rows for levels and a number of elements that are both known."""
    low, high, weight = _places(q, n - 1, method, True)
    a = ndim(rows) - 1

    def column(places: np.ndarray) -> Any:
        if len(places) != 1:
            return p.take(rows, convert_to_tensor(places.astype("int32"), "int32"), a)
        i = int(places[0])
        return p.slice(rows, (0,) * a + (i,), (*shape(rows)[:-1], i + 1), (1,) * (a + 1))

    if high is None or not np.any(weight):
        return column(low)
    return _mixed(column(low), column(high), convert_to_tensor(weight, wide))


def _at_tensors(rows: Any, q: Any, last: Any, wide: str, method: str, each: bool) -> Any:
    """The same for levels or numbers of elements that are tensors; `each` row has a number of its own."""
    a = ndim(rows) - 1
    levels = p.reshape(convert_to_tensor(q, wide) if isinstance(q, np.ndarray) else cast(q, wide), (-1,))
    low, high, weight = _places(levels, last, method, False)
    places = [None if v is None else cast(v, "int32") for v in (low, high)]
    if each:
        found = [None if v is None else p.take_along_axis(rows, v, a) for v in places]
    else:
        top = p.maximum(cast(last, "int32"), 0) if not isinstance(last, float) else builtins.max(int(last), 0)
        found = [None if v is None else p.take(rows, p.minimum(p.maximum(v, 0), top), a) for v in places]
    return found[0] if found[1] is None else _mixed(found[0], found[1], weight)


@op
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return quantiles along axes, as floats; nan where there is one.

    Args:
        x: tensor.
        q: level or levels between 0 and 1; their axes lead in the result.
        axis: axis or axes, all by default.
        method: between two elements, "linear" interpolates, "lower", "higher" and "nearest" choose one, "midpoint" takes the mean.
        keepdims: whether reduced axes stay with size one.

    Raises:
        ValueError: a level out of range (known while it is host data), an unknown method, no elements.

    Example:
        >>> quantile([1.0, 2.0, 3.0], [0.0, 0.25])
        array([1. , 1.5], dtype=float32)
    """
    return _quantile("quantile", x, _levels("quantile", q, 1.0, x), axis, method, keepdims, False)


@op
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return percentiles along axes: `quantile` with `q` between 0 and 100.

    Example:
        >>> percentile([1.0, 2.0, 3.0], 50)
        array(2., dtype=float32)
    """
    return _quantile("percentile", x, _levels("percentile", q, 100.0, x), axis, method, keepdims, False)


@op
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the median along axes, as a float; nan where there is one, and of nothing.

    Example:
        >>> median([1, 2, 4, 9])
        array(3., dtype=float32)
    """
    return _quantile("median", x, np.asarray(0.5), axis, "linear", keepdims, False)


@op
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return quantiles along axes of the elements that are numbers; nan where there is none.

    Example:
        >>> nanquantile([1.0, float("nan"), 3.0], 0.5)
        array(2., dtype=float32)
    """
    return _quantile("nanquantile", x, _levels("nanquantile", q, 1.0, x), axis, method, keepdims, True)


@op
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Return percentiles along axes of the elements that are numbers; nan where none is.

    Example:
        >>> nanpercentile([1.0, float("nan"), 3.0], 50)
        array(2., dtype=float32)
    """
    return _quantile("nanpercentile", x, _levels("nanpercentile", q, 100.0, x), axis, method, keepdims, True)


@op
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the median along axes of the elements that are numbers; nan where none is.

    Example:
        >>> nanmedian([1.0, float("nan"), 3.0])
        array(2., dtype=float32)
    """
    return _quantile("nanmedian", x, np.asarray(0.5), axis, "linear", keepdims, True)
