"""Reductions and scans that pass over nan."""

import math
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes
from pronghorn.ops.creation import cast, dtype_of, ndim
from pronghorn.ops.elementwise import isnan
from pronghorn.ops.reduction import argmax, argmin, cumprod, cumsum, max, mean, min, prod, sum, var

__all__ = ["nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def _has_nan(x: Any) -> bool:
    return dtype_of(x) in dtypes.INEXACT


def _filled(x: Any, value: float) -> Any:
    """`x` with a number in place of nan."""
    return p.where(isnan(x), value, x) if _has_nan(x) else x


def _empty(name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    """Where all elements along axes are nan."""
    return p.all(isnan(x), canonical_axes(name, axis, ndim(x)), bool(keepdims))


@op
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum along axes with nan as zero.

    Example:
        >>> nansum([1.0, float("nan"), 3.0])
        array(4., dtype=float32)
    """
    return sum(_filled(x, 0.0), axis, keepdims)


@op
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Multiply along axes with nan as one.

    Example:
        >>> nanprod([2.0, float("nan"), 3.0])
        array(6., dtype=float32)
    """
    return prod(_filled(x, 1.0), axis, keepdims)


@op
def nancumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Return the running sum with nan as zero.

    Example:
        >>> nancumsum([1.0, float("nan"), 3.0])
        array([1., 1., 4.], dtype=float32)
    """
    return cumsum(_filled(x, 0.0), axis, dtype)


@op
def nancumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    """Return the running product with nan as one.

    Example:
        >>> nancumprod([2.0, float("nan"), 3.0])
        array([2., 2., 6.], dtype=float32)
    """
    return cumprod(_filled(x, 1.0), axis, dtype)


@op
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest number along axes; nan where there is none.

    Raises:
        ValueError: an axis of size zero.

    Example:
        >>> nanmax([1.0, float("nan"), 3.0])
        array(3., dtype=float32)
    """
    if not _has_nan(x):
        return max(x, axis, keepdims)
    return p.where(_empty("nanmax", x, axis, keepdims), math.nan, max(_filled(x, -math.inf), axis, keepdims))


@op
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest number along axes; nan where there is none.

    Raises:
        ValueError: an axis of size zero.

    Example:
        >>> nanmin([1.0, float("nan"), 3.0])
        array(1., dtype=float32)
    """
    if not _has_nan(x):
        return min(x, axis, keepdims)
    return p.where(_empty("nanmin", x, axis, keepdims), math.nan, min(_filled(x, math.inf), axis, keepdims))


@op
def nanargmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the index (int32) of the first largest number, of the flattened tensor without `axis`; -1 where there is none.

    Example:
        >>> nanargmax([1.0, float("nan"), 3.0])
        array(2, dtype=int32)
    """
    found = argmax(_filled(x, -math.inf), axis, keepdims)
    return p.where(_empty("nanargmax", x, axis, keepdims), -1, found) if _has_nan(x) else found


@op
def nanargmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the index (int32) of the first smallest number, of the flattened tensor without `axis`; -1 where there is none.

    Example:
        >>> nanargmin([float("nan"), 1.0, 3.0])
        array(1, dtype=int32)
    """
    found = argmin(_filled(x, math.inf), axis, keepdims)
    return p.where(_empty("nanargmin", x, axis, keepdims), -1, found) if _has_nan(x) else found


@op
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean of the numbers along axes, as a float; nan where there is none.

    Example:
        >>> float(nanmean([1.0, float("nan"), 3.0]))
        2.0
    """
    if not _has_nan(x):
        return mean(x, axis, keepdims)
    out, counts = _mean("nanmean", _filled(_wide(x), 0.0), isnan(x), axis, keepdims)
    return cast(p.where(p.equal(counts, 0), math.nan, out), dtype_of(x))


def _wide(x: Any) -> Any:
    return cast(x, "float32") if dtype_of(x) in ("float16", "bfloat16") else x


def _mean(name: str, x: Any, holes: Any, axis: Any, keepdims: bool) -> tuple:
    """The mean over elements that are no holes, which are zero in `x`, and their number; of holes alone, zero."""
    axes = canonical_axes(name, axis, ndim(x))
    real = dtypes.REAL_OF.get(dtype_of(x), dtype_of(x))
    counts = p.sum(cast(p.logical_not(holes), real), axes, bool(keepdims))
    return p.divide(p.sum(x, axes, bool(keepdims)), cast(p.maximum(counts, 1.0), dtype_of(x))), counts


@op
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance (divided by the count) of the numbers along axes, as a float; nan where there is none.

    Example:
        >>> float(nanvar([1.0, float("nan"), 3.0]))
        1.0
    """
    if not _has_nan(x):
        return var(x, axis, keepdims)
    holes, z = isnan(x), _filled(_wide(x), 0.0)
    away = p.abs(p.where(holes, 0.0, p.subtract(z, _mean("nanvar", z, holes, axis, True)[0])))
    out, counts = _mean("nanvar", p.multiply(away, away), holes, axis, keepdims)
    name = dtype_of(x)
    return cast(p.where(p.equal(counts, 0), math.nan, out), dtypes.REAL_OF.get(name, name))


@op
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation of the numbers along axes, as a float; nan where there is none. The gradient of a zero is zero.

    Example:
        >>> nanstd([1.0, float("nan"), 3.0])
        array(1., dtype=float32)
    """
    v = nanvar(x, axis, keepdims)
    zero = p.equal(v, 0)
    return p.where(zero, 0.0, p.sqrt(p.where(zero, 1.0, v)))
