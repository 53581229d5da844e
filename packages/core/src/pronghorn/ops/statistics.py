"""Averages, spreads, differences, integrals and correlations."""

from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, ndim, shape
from pronghorn.ops.elementwise import clip, not_equal
from pronghorn.ops.reduction import count_of, max, mean, min
from pronghorn.ops.shaping import expand_dims

__all__ = ["average", "cdist", "corrcoef", "correlate", "diff", "ptp", "trapezoid"]


def _wide(name: str) -> str:
    """The dtype in which sums of `name` are taken."""
    return "float32" if name in ("float16", "bfloat16") else name


@op
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the range of values along axes: the largest minus the smallest.

    Raises:
        TypeError: booleans.

    Example:
        >>> ptp([[1, 5], [2, 9]], axis=1)
        array([4, 7], dtype=int32)
    """
    if dtype_of(x) == "bool":
        raise TypeError("ptp: booleans have no difference; cast them to integers first.")
    return p.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Return the weighted mean along axes, as a float.

    Args:
        x: tensor.
        axis: axis or axes, all by default.
        weights: tensor of the shape of `x`, or with the sizes of `axis` alone; equal weights by default.

    Raises:
        ValueError: weights of another shape.

    Example:
        >>> float(average([1.0, 2.0], weights=[1.0, 3.0]))
        1.75
    """
    if weights is None:
        return mean(x, axis)
    w = convert_to_tensor(weights)
    name = dtypes.to_float(dtypes.promote(dtype_of(x), dtype_of(w)))
    dims, w_dims = shape(x), shape(w)
    axes = canonical_axes("average", axis, len(dims))
    if len(w_dims) != len(dims) or not all(map(same_dim, w_dims, dims)):
        if axis is None:
            raise ValueError(f"average: x has shape {show(dims)} and weights have {show(w_dims)}; say with axis to which axes the weights belong.")
        if len(w_dims) != len(axes) or not all(same_dim(d, dims[a]) for d, a in zip(w_dims, axes, strict=True)):
            raise ValueError(f"average: weights of shape {show(w_dims)} fit neither x of shape {show(dims)} nor its axes {axes}.")
        order = sorted(range(len(axes)), key=lambda i: axes[i])
        w = p.transpose(w, tuple(order))
        w = p.reshape(w, tuple(d if i in axes else 1 for i, d in enumerate(dims)))
    z, w = cast(x, _wide(name)), cast(w, _wide(name))
    total = p.sum(p.broadcast_to(w, tuple(shape(z))), axes, False)
    return cast(p.divide(p.sum(p.multiply(z, w), axes, False), total), name)


@op(operands="a")
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Return the `n`-th differences of neighbours along an axis; of booleans, where they differ.

    Raises:
        ValueError: a scalar, or a negative `n`.

    Example:
        >>> diff([1, 4, 9])
        array([3, 5], dtype=int32)
    """
    if n < 0:
        raise ValueError(f"diff: n must not be negative; received {n}.")
    if not shape(a):
        raise ValueError("diff: a scalar has no neighbours; expected a tensor of rank 1 or more.")
    at = canonical_axis("diff", axis, ndim(a))
    for _ in range(n):
        dims = shape(a)
        if isinstance(dims[at], int) and dims[at] == 0:
            break
        a = _neighbours(a, at, not_equal if dtype_of(a) == "bool" else p.subtract)
    return a


def _neighbours(x: Any, axis: int, fn: Any) -> Any:
    """`fn(next, this)` of neighbours along an axis."""
    dims = tuple(shape(x))
    start, stop = [0] * len(dims), list(dims)
    start[axis], stop[axis] = 1, dims[axis] - 1
    step = (1,) * len(dims)
    return fn(p.slice(x, tuple(start), dims, step), p.slice(x, (0,) * len(dims), tuple(stop), step))


@op(operands="y x", dtype=floating)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integrate along an axis with the trapezoidal rule.

    Args:
        y: values.
        x: where they are, of the shape of `y` or a vector for `axis`.
        dx: distance between them where there is no `x`.
        axis: axis.

    Example:
        >>> float(trapezoid([1.0, 2.0, 3.0]))
        4.0
    """
    a = canonical_axis("trapezoid", axis, ndim(y))
    name = dtype_of(y)
    z = cast(y, _wide(name))
    means = p.multiply(_neighbours(z, a, p.add), 0.5)
    if x is None:
        return cast(p.multiply(p.sum(means, (a,), False), dx if isinstance(dx, (int, float)) else cast(convert_to_tensor(dx), _wide(name))), name)
    x = cast(x, _wide(name))
    if ndim(x) == 1:
        steps = _neighbours(x, 0, p.subtract)
        steps = p.reshape(steps, (*[1] * a, -1, *[1] * (ndim(y) - a - 1)))
    else:
        steps = _neighbours(x, canonical_axis("trapezoid", axis, ndim(x)), p.subtract)
    return cast(p.sum(p.multiply(means, steps), (a,), False), name)


@op(dtype=floating)
def corrcoef(x: Any) -> Any:
    """Return the correlation coefficients of variables, which are rows of observations; of a vector, 1.

    Raises:
        ValueError: a tensor of rank three or more.

    Example:
        >>> corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
        array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    dims, name = shape(x), dtype_of(x)
    if len(dims) > 2:
        raise ValueError(f"corrcoef: expected rows of observations; received shape {show(dims)}.")
    z = p.reshape(cast(x, _wide(name)), (1, -1)) if len(dims) < 2 else cast(x, _wide(name))
    z = p.subtract(z, mean(z, 1, True))
    n = count_of(z, (1,))
    covariance = p.divide(p.matmul(z, p.transpose(z, (1, 0))), p.subtract(n, 1.0) if not isinstance(n, int) else float(n - 1) or float("nan"))
    variance = p.divide(p.sum(p.multiply(z, z), (1,), True), p.subtract(n, 1.0) if not isinstance(n, int) else float(n - 1) or float("nan"))
    deviation = p.sqrt(variance)
    out = clip(p.divide(p.divide(covariance, deviation), p.transpose(deviation, (1, 0))), -1.0, 1.0)
    rows = shape(z)[0]
    return cast(p.reshape(out, ()) if isinstance(rows, int) and rows == 1 else out, name)


@op(operands="x1 x2", dtype=floating)
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Return the cross-correlation of two vectors, as floats.

    Args:
        x1: vector.
        x2: vector.
        mode: "valid" where they overlap completely, "full" where they overlap at all, "same" as many as the longer one has.

    Raises:
        ValueError: tensors that are no vectors or empty, an unknown mode.

    Example:
        >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0])
        array([2., 3.], dtype=float32)
    """
    if mode not in ("valid", "same", "full"):
        raise ValueError(f'correlate: mode must be "valid", "same" or "full"; received {mode!r}.')
    (n, k), name = (shape(v) for v in (x1, x2)), dtype_of(x1)
    if len(n) != 1 or len(k) != 1:
        raise ValueError(f"correlate: expected two vectors; received shapes {show(n)} and {show(k)}.")
    n, k = n[0], k[0]
    if any(isinstance(v, int) and v == 0 for v in (n, k)):
        raise ValueError(f"correlate: the vectors must not be empty; received {n} and {k} elements.")
    swapped = isinstance(n, int) and isinstance(k, int) and n < k
    if swapped:
        x1, x2, k = x2, x1, n
    if not isinstance(k, int):
        raise ValueError("correlate: the length of the second vector must be known.")
    before, after = {"valid": (0, 0), "same": (k // 2, k - k // 2 - 1), "full": (k - 1, k - 1)}[mode]
    line, taps = cast(x1, _wide(name)), cast(x2, _wide(name))
    out = p.conv(p.reshape(line, (1, -1, 1)), p.reshape(taps, (k, 1, 1)), (1,), ((before, after),), (1,), 1)
    out = cast(p.reshape(out, (-1,)), name)
    return p.flip(out, (0,)) if swapped else out


@op(operands="x y", dtype=floating)
def cdist(x: Any, y: Any) -> Any:
    """Return the Euclidean distances between the rows of `x` and those of `y`; leading axes broadcast. The gradient of a zero distance is zero.

    Args:
        x: (..., n, d).
        y: (..., m, d).

    Returns:
        (..., n, m).

    Raises:
        ValueError: vectors, or rows of different lengths.

    Example:
        >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
        array([[5., 1.]], dtype=float32)
    """
    if ndim(x) < 2 or ndim(y) < 2:
        raise ValueError(f"cdist: expected tensors of rank 2 or more; received shapes {show(shape(x))} and {show(shape(y))}.")
    if not same_dim(shape(x)[-1], shape(y)[-1]):
        raise ValueError(f"cdist: rows must have one length; received shapes {show(shape(x))} and {show(shape(y))}.")
    name = dtype_of(x)
    # differences first: the shorter formula with products loses close points
    away = p.subtract(expand_dims(cast(x, _wide(name)), -2), expand_dims(cast(y, _wide(name)), -3))
    square = p.sum(p.multiply(away, away), (ndim(away) - 1,), False)
    zero = p.equal(square, 0)
    return cast(p.where(zero, 0.0, p.sqrt(p.where(zero, 1.0, square))), name)
