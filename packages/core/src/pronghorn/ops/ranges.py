"""Evenly spaced numbers, matrices of a fixed pattern and windows."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.backend.owners import is_host, unwrap
from pronghorn.ops.axes import canonical_axis, concrete
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, ndim, ones_like, shape, sizes
from pronghorn.ops.shaping import expand_dims

__all__ = [
    "bartlett", "blackman", "eye", "geomspace", "hamming", "hanning", "identity", "kaiser", "linspace", "logspace", "tri", "vander",
]  # fmt: skip


# -- patterns ------------------------------------------------------------------------------------------------------------------------------
def _rows_and_columns(name: str, N: Any, M: Any, k: Any) -> tuple:
    """Indices of rows, moved by `k`, as a column, and of columns as a row."""
    (n,), (m,) = sizes(N, name), sizes(N if M is None else M, name)
    if not isinstance(k, (int, np.integer)):
        raise TypeError(f"{name}: k must be an int; received {k!r}.")
    rows, columns = arange(0, n, 1, "int32"), arange(0, m, 1, "int32")
    return p.reshape(p.add(rows, int(k)), (-1, 1)), p.reshape(columns, (1, -1))


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an `N` by `M` matrix with ones on the `k`-th diagonal; `floatx` by default.

    Example:
        >>> eye(2, 3, k=1)
        array([[0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    return cast(p.equal(*_rows_and_columns("eye", N, M, k)), dtypes.standardize(dtype))


def identity(n: Any, dtype: Any = None) -> Any:
    """Return the identity matrix of size `n`.

    Example:
        >>> identity(2, "int32")
        array([[1, 0],
               [0, 1]], dtype=int32)
    """
    return eye(n, dtype=dtype)


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an `N` by `M` matrix with ones on and below the `k`-th diagonal.

    Example:
        >>> tri(2, 3)
        array([[1., 0., 0.],
               [1., 1., 0.]], dtype=float32)
    """
    rows, columns = _rows_and_columns("tri", N, M, k)
    return cast(p.less_equal(columns, rows), dtypes.standardize(dtype))


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the powers of a vector as columns, `N` of them (the length of `x` by default), the highest first unless `increasing`.

    Raises:
        ValueError: `x` is no vector.

    Example:
        >>> vander([1, 2, 3], 3)
        array([[1, 1, 1],
               [4, 2, 1],
               [9, 3, 1]], dtype=int32)
    """
    dims = shape(x)
    if len(dims) != 1:
        raise ValueError(f"vander: expected a vector; received shape {show(dims)}.")
    n = dims[0] if N is None else N
    column = p.reshape(x, (-1, 1))
    if isinstance(n, int):
        if n < 0:
            raise ValueError(f"vander: N must not be negative; received {n}.")
        # blocks of twice the size: exact for integers, and without the power of zero to zero whose gradient is nan
        out, factor, width = ones_like(column), column, 1
        while width < n:
            out = p.concatenate([out, p.multiply(out, factor)], 1)
            factor, width = p.multiply(factor, factor), 2 * width
        if width != n:
            out = p.slice(out, (0, 0), (dims[0], n), (1, 1))
    else:
        out = p.power(column, p.reshape(arange(0, n, 1, "int32"), (1, -1)))
    return out if increasing else p.flip(out, (1,))


# -- spaces --------------------------------------------------------------------------------------------------------------------------------
def _spaced(name: str, start: Any, stop: Any, num: Any, dtype: Any, on_host: Callable, on_tensors: Callable) -> Any:
    """Numbers from `start` to `stop`, from NumPy in float64 where both are host data, else as an op; returns the result and its float dtype."""
    if not isinstance(num, (int, np.integer)) or num < 0:
        raise ValueError(f"{name}: num must be an int that is not negative; received {num!r}.")
    start, stop = unwrap(start), unwrap(stop)
    want = None if dtype is None else dtypes.standardize(dtype)
    if is_host(start) and is_host(stop):
        b = registry.active()
        kind = b.canonical(dtypes.to_float(dtypes.promote(*[dtypes.WEAK.get(type(v)) or dtype_of(v) for v in (start, stop)])))
        out = on_host(*[np.asarray(v, "float64") for v in (start, stop)])
        return convert_to_tensor(_whole(out, want) if want in dtypes.INTEGER else out, kind if want is None else want), kind
    out = on_tensors(start, stop)
    return (out if want is None else cast(out, want)), dtype_of(out)


def _whole(x: np.ndarray, want: Any) -> np.ndarray:
    """Numbers without their fractions, where rounding errors below a whole number do not count."""
    near = np.round(x)
    return np.where(np.abs(x - near) < 1e-9 * np.abs(x), near, np.trunc(x))


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0) -> Any:
    """Return `num` evenly spaced numbers from `start` to `stop`.

    Args:
        start: number or tensor.
        stop: number or tensor that broadcasts with `start`.
        num: how many.
        endpoint: whether `stop` is the last of them.
        retstep: whether to return `(numbers, step)`.
        dtype: dtype of the result, by default that of the limits as a float; an integer dtype rounds down.
        axis: where the numbers run in the result, for limits that are tensors.

    Example:
        >>> linspace(0.0, 1.0, 5)
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    integer = dtype is not None and dtypes.standardize(dtype) in dtypes.INTEGER

    def on_host(a: Any, b: Any) -> Any:
        out = np.linspace(a, b, num, endpoint=endpoint, axis=axis)
        return np.floor(out) if integer else out

    def on_tensors(a: Any, b: Any) -> Any:
        out = _linspace(a, b, int(num), bool(endpoint), axis)
        return p.floor(out) if integer else out

    out, kind = _spaced("linspace", start, stop, num, dtype, on_host, on_tensors)
    if not retstep:
        return out
    parts = num - 1 if endpoint else num
    start, stop = unwrap(start), unwrap(stop)
    if is_host(start) and is_host(stop):
        return out, convert_to_tensor(np.subtract(stop, start, dtype="float64") / (parts if parts > 0 else np.nan), kind)
    return out, p.divide(cast(p.subtract(stop, start), kind), float(parts) if parts > 0 else float("nan"))


@op(operands="start stop", dtype=floating)
def _linspace(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return _between(start, stop, num, endpoint, axis, lambda a, b, t: p.add(a, p.multiply(p.subtract(b, a), t)))


@op(operands="start stop", dtype=floating)
def _geomspace(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> Any:
    return _between(start, stop, num, endpoint, axis, lambda a, b, t: p.multiply(a, p.power(p.divide(b, a), t)))


def _between(start: Any, stop: Any, num: int, endpoint: bool, axis: int, mix: Callable) -> Any:
    """`mix(start, stop, t)` for `t` from 0 to 1 along a new axis, with exact ends; 16-bit floats in float32."""
    name = dtype_of(start)
    wide = "float32" if name in ("float16", "bfloat16") else name
    rank = max(ndim(start), ndim(stop))
    a = canonical_axis("linspace", axis, rank + 1)
    ends = [p.reshape(cast(v, wide), (1,) * (rank - ndim(v)) + tuple(shape(v))) for v in (start, stop)]
    low, high = (expand_dims(v, a) for v in ends)
    parts = num - 1 if endpoint else num
    along = (1,) * a + (num,) + (1,) * (rank - a)
    t = np.arange(num, dtype="float64") / max(parts, 1)
    out = mix(low, high, p.reshape(convert_to_tensor(t, dtypes.REAL_OF.get(wide, wide)), along))
    if endpoint and num > 1:
        out = p.where(p.reshape(convert_to_tensor(np.arange(num) == num - 1), along), high, out)
    return cast(out, name)


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0) -> Any:
    """Return `num` numbers evenly spaced on a logarithmic scale, from `base**start` to `base**stop`.

    Example:
        >>> logspace(0, 2, 3)
        array([  1.,  10., 100.], dtype=float32)
    """
    return _spaced(
        "logspace", start, stop, num, dtype,
        lambda a, b: np.logspace(a, b, num, endpoint=endpoint, base=base, axis=axis),
        lambda a, b: p.power(base, _linspace(a, b, int(num), bool(endpoint), axis)),
    )[0]  # fmt: skip


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """Return `num` numbers of which each is a constant multiple of the one before, from `start` to `stop`.

    Raises:
        ValueError: host data with a zero; tensors with one give nan.

    Example:
        >>> geomspace(1.0, 16.0, 5)
        array([ 1.,  2.,  4.,  8., 16.], dtype=float32)
    """
    return _spaced(
        "geomspace", start, stop, num, dtype,
        lambda a, b: np.geomspace(a, b, num, endpoint=endpoint, axis=axis),
        lambda a, b: _geomspace(a, b, int(num), bool(endpoint), axis),
    )[0]  # fmt: skip


# -- windows -------------------------------------------------------------------------------------------------------------------------------
def _window(name: str, x: Any, fn: Callable) -> Any:
    """The window `fn` of `x` points, in floatx."""
    points = concrete(name, x, "Pass the number of points as an int.")
    if points.ndim or points.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected the number of points, an int; received {x!r}.")
    return convert_to_tensor(fn(max(int(points), 0)), dtypes.standardize(None))


def bartlett(x: Any) -> Any:
    """Return the Bartlett (triangular) window of `x` points.

    Example:
        >>> bartlett(5)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window("bartlett", x, np.bartlett)


def blackman(x: Any) -> Any:
    """Return the Blackman window of `x` points.

    Example:
        >>> float(blackman(5)[2])
        1.0
    """
    return _window("blackman", x, np.blackman)


def hamming(x: Any) -> Any:
    """Return the Hamming window of `x` points.

    Example:
        >>> hamming(3)
        array([0.08, 1.  , 0.08], dtype=float32)
    """
    return _window("hamming", x, np.hamming)


def hanning(x: Any) -> Any:
    """Return the Hann window of `x` points.

    Example:
        >>> hanning(5)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window("hanning", x, np.hanning)


def kaiser(x: Any, beta: Any) -> Any:
    """Return the Kaiser window of `x` points and shape parameter `beta`.

    Example:
        >>> float(kaiser(5, 3.0)[2])
        1.0
    """
    shape_parameter = float(concrete("kaiser", beta, "Pass beta as a number."))
    return _window("kaiser", x, lambda n: np.kaiser(n, shape_parameter))
