"""Reductions and scans."""
# ruff: noqa: A001

import builtins
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.convert import is_scalar
from pronghorn.backend.families import floating, size_of
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.creation import cast, dtype_of, full, ndim, shape

# integers too small to add many of are summed in 32 bits, as in NumPy and JAX
_WIDER = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def _widened(x: Any, dtype: Any) -> Any:
    name = dtype_of(x)
    if dtype is None:
        dtype = _WIDER.get(name, name)
        if dtype == name and not is_scalar(x):
            return x
    return cast(x, dtype)


@op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum along axes; integers of 8 and 16 bits are summed in 32.

    Example:
        >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=1)
        array([3., 7.], dtype=float32)
    """
    return p.sum(_widened(x, None), canonical_axes("sum", axis, ndim(x)), bool(keepdims))


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Multiply along axes.

    Example:
        >>> prod([1.0, 2.0, 3.0])
        array(6., dtype=float32)
    """
    return p.prod(_widened(x, dtype), canonical_axes("prod", axis, ndim(x)), bool(keepdims))


def _extreme(name: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    axes = canonical_axes(name, axis, ndim(x))
    primitive, combine = (p.max, p.maximum) if name == "max" else (p.min, p.minimum)
    if initial is None:
        return primitive(x, axes, bool(keepdims))
    dims = shape(x)
    if builtins.any(isinstance(dims[a], int) and dims[a] == 0 for a in axes):
        kept = [1 if i in axes else d for i, d in enumerate(dims) if keepdims or i not in axes]
        return full(tuple(kept), initial, dtype_of(x))
    return combine(primitive(x, axes, bool(keepdims)), initial)


@op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the largest element along axes; nan if there is one.

    Raises:
        ValueError: an axis of size zero without `initial`.

    Example:
        >>> max([[1, 5], [3, 4]], axis=0)
        array([3, 5], dtype=int32)
    """
    return _extreme("max", x, axis, keepdims, initial)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the smallest element along axes; nan if there is one.

    Example:
        >>> min([[1, 5], [3, 4]], axis=0)
        array([1, 4], dtype=int32)
    """
    return _extreme("min", x, axis, keepdims, initial)


@op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether any element along axes is true.

    Example:
        >>> any([[True, False], [False, False]], axis=1)
        array([ True, False])
    """
    return p.any(x, canonical_axes("any", axis, ndim(x)), bool(keepdims))


@op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Tell whether all elements along axes are true.

    Example:
        >>> all([[True, False], [True, True]], axis=1)
        array([False,  True])
    """
    return p.all(x, canonical_axes("all", axis, ndim(x)), bool(keepdims))


def _arg(name: str, primitive: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    n = ndim(x)
    if axis is None:
        out = primitive(p.reshape(x, (-1,)), 0)
        return p.reshape(out, (1,) * n) if keepdims else out
    a = canonical_axis(name, axis, n)
    out = primitive(x, a)
    if keepdims:
        dims = shape(x)
        out = p.reshape(out, (*dims[:a], 1, *dims[a + 1 :]))
    return out


@op
def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the index (int32) of the first largest element, of the flattened tensor without `axis`.

    Example:
        >>> argmax([[1, 5], [7, 4]], axis=1)
        array([1, 0], dtype=int32)
    """
    return _arg("argmax", p.argmax, x, axis, keepdims)


@op
def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the index (int32) of the first smallest element, of the flattened tensor without `axis`.

    Example:
        >>> argmin([[1, 5], [7, 4]], axis=1)
        array([0, 1], dtype=int32)
    """
    return _arg("argmin", p.argmin, x, axis, keepdims)


def _scan(name: str, primitive: Any, x: Any, axis: Any, dtype: Any) -> Any:
    if dtype is not None:
        x = cast(x, dtype)
    elif dtype_of(x) == "bool":
        x = cast(x, "int32")
    if axis is None:
        return primitive(p.reshape(x, (-1,)), 0)
    return primitive(x, canonical_axis(name, axis, ndim(x)))


@op
def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Return the running sum along an axis, of the flattened tensor without one.

    Example:
        >>> cumsum([1.0, 2.0, 3.0])
        array([1., 3., 6.], dtype=float32)
    """
    return _scan("cumsum", p.cumsum, x, axis, dtype)


@op
def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Return the running product along an axis, of the flattened tensor without one.

    Example:
        >>> cumprod([1.0, 2.0, 3.0])
        array([1., 2., 6.], dtype=float32)
    """
    return _scan("cumprod", p.cumprod, x, axis, dtype)


def count_of(x: Any, axes: tuple) -> Any:
    """Return the number of elements along `axes`, in the float dtype of `x` where it is not known."""
    dims = shape(x)
    n = size_of(dims[a] for a in axes)
    return n if isinstance(n, int) else cast_count(n, x)


def cast_count(n: Any, x: Any) -> Any:
    """Return a size that is not a Python int as a scalar of the dtype of `x`."""
    from pronghorn.backend.dims import Dim
    from pronghorn.symbolic.spec import Spec

    return Spec((), dtype_of(x)) if isinstance(n, Dim) else cast(n, dtype_of(x))


@op(dtype=floating)
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the arithmetic mean along axes, as a float.

    Example:
        >>> mean([[1.0, 2.0], [3.0, 6.0]], axis=0)
        array([2., 4.], dtype=float32)
    """
    axes = canonical_axes("mean", axis, ndim(x))
    name = dtype_of(x)
    low = name in ("float16", "bfloat16")
    z = cast(x, "float32") if low else x
    out = p.divide(p.sum(z, axes, bool(keepdims)), _at_least_float(count_of(z, axes)))
    return cast(out, name) if low else out


def _at_least_float(n: Any) -> Any:
    return float(n) if isinstance(n, int) else n


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance (divided by the count) along axes, as a float.

    Example:
        >>> float(var([1.0, 3.0]))
        1.0
    """
    name = dtype_of(x)
    if name in dtypes.COMPLEX:
        d = p.abs(p.subtract(x, mean(x, axis, True)))
        return mean(p.multiply(d, d), axis, keepdims)
    z = cast(x, "float32") if name in ("float16", "bfloat16") else cast(x, dtypes.to_float(name))
    d = p.subtract(z, mean(z, axis, True))
    return cast(mean(p.multiply(d, d), axis, keepdims), dtypes.to_float(name))


@op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation (of the population) along axes, as a float.

    Example:
        >>> float(std([1.0, 3.0]))
        1.0
    """
    return p.sqrt(var(x, axis, keepdims))


@op
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest element along axes: `max` without a start value.

    Example:
        >>> amax([[1, 5], [3, 4]], axis=0)
        array([3, 5], dtype=int32)
    """
    return max(x, axis, keepdims)


@op
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest element along axes: `min` without a start value.

    Example:
        >>> amin([[1, 5], [3, 4]], axis=0)
        array([1, 4], dtype=int32)
    """
    return min(x, axis, keepdims)
