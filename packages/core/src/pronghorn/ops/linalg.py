"""Linear algebra on stacks of matrices: the last two axes are rows and columns, leading axes are independent problems.

Matrices of 16-bit floats are factored in float32 and the result is cast back; integers become floats.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes
from pronghorn.ops.complex import conj
from pronghorn.ops.contraction import diagonal, tril, triu
from pronghorn.ops.creation import arange, cast, dtype_of, ndim, ones_like, shape

__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd",
]  # fmt: skip

_HALF = ("float16", "bfloat16")


# -- shared --------------------------------------------------------------------------------------------------------------------------------
def _precise(operands: int = 1) -> Callable[[Callable], Callable]:
    """Compute in float32 what has half the bits: engines factor no matrices in less."""

    def decorate(body: Callable) -> Callable:
        @functools.wraps(body)
        def run(*args: Any, **kwargs: Any) -> Any:
            name = dtype_of(args[0])
            if name not in _HALF:
                return body(*args, **kwargs)
            out = body(*[cast(a, "float32") for a in args[:operands]], *args[operands:], **kwargs)
            parts = tuple(cast(v, name) if dtype_of(v) == "float32" else v for v in (out if isinstance(out, tuple) else (out,)))
            return parts if isinstance(out, tuple) else parts[0]

        return run

    return decorate


def _matrices(name: str, x: Any, square: bool = False) -> tuple:
    """Return the shape of matrices."""
    dims = shape(x)
    if len(dims) < 2:
        raise ValueError(f"{name}: expected matrices, a tensor of rank 2 or more; received shape {show(dims)}.")
    if square and isinstance(dims[-1], int) and isinstance(dims[-2], int) and dims[-1] != dims[-2]:
        raise ValueError(f"{name}: expected square matrices; received shape {show(dims)}.")
    return dims


def _transposed(x: Any) -> Any:
    """Swap rows and columns."""
    n = ndim(x)
    return p.transpose(x, (*range(n - 2), n - 1, n - 2))


def _adjoint(x: Any) -> Any:
    return conj(_transposed(x))


def _eye_like(x: Any) -> Any:
    """Return an identity for each matrix of `x`."""
    dims = shape(x)
    rows, columns = p.reshape(arange(dims[-2]), (dims[-2], 1)), p.reshape(arange(dims[-1]), (1, dims[-1]))
    return p.where(p.equal(rows, columns), ones_like(x), 0.0)


def _diagonal(x: Any) -> Any:
    return diagonal(x, 0, -2, -1)


def _columns(name: str, a: Any, b: Any) -> tuple[Any, bool]:
    """Return the right-hand sides as columns of matrices, and whether they were vectors: of one axis less than `a`."""
    m, n = _matrices(name, a), shape(b)
    if len(n) not in (len(m), len(m) - 1):
        raise ValueError(
            f"{name}: a of shape {show(m)} needs b of shape (..., {show(m[-2:-1])[1:-2]}) or (..., {show(m[-2:-1])[1:-2]}, columns); received {show(n)}."
        )
    vector = len(n) == len(m) - 1
    rows = n[-1] if vector else n[-2]
    if isinstance(rows, int) and isinstance(m[-2], int) and rows != m[-2]:
        raise ValueError(f"{name}: a of shape {show(m)} has {m[-2]} rows; b of shape {show(n)} has {rows}.")
    return (p.reshape(b, (*n, 1)) if vector else b), vector


def _flat(x: Any, vector: bool) -> Any:
    return p.reshape(x, shape(x)[:-1]) if vector else x


def _epsilon(x: Any) -> float:
    """Return the spacing of the dtype at one."""
    return float(np.finfo(dtypes.numpy_dtype(dtypes.REAL_OF.get(dtype_of(x), dtype_of(x)))).eps)


def _largest_side(name: str, dims: tuple) -> int:
    if not (isinstance(dims[-1], int) and isinstance(dims[-2], int)):
        raise ValueError(f"{name}: the numbers of rows and columns must be known; received shape {show(dims)}.")
    return max(dims[-1], dims[-2])


# -- factors -------------------------------------------------------------------------------------------------------------------------------
@op(dtype=floating)
@_precise()
def cholesky(x: Any, upper: bool = False) -> Any:
    """Return the triangular factor `l` of positive definite matrices `l @ l.T`; only the lower triangle of `x` is read.

    Args:
        x: (..., m, m), Hermitian if complex.
        upper: whether to return the transposed factor.

    Raises:
        ValueError: matrices that are not square. Those that are not positive definite give nan or an error of the engine.

    Example:
        >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
        array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    _matrices("cholesky", x, square=True)
    lower = p.cholesky(x)
    return _adjoint(lower) if upper else lower


@op(dtype=floating)
@_precise()
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Return the inverse of positive definite matrices from their Cholesky factors.

    Args:
        x: (..., m, m) factors, of which only one triangle is read.
        upper: whether they are upper triangular.

    Example:
        >>> cholesky_inverse([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.25, 0.0], [0.0, 0.0625]]
    """
    _matrices("cholesky_inverse", x, square=True)
    part = p.solve_triangular(triu(x) if upper else tril(x), _eye_like(x), not upper)
    return p.matmul(part, _adjoint(part)) if upper else p.matmul(_adjoint(part), part)


@op(dtype=floating)
@_precise()
def qr(x: Any, mode: str = "reduced") -> tuple:
    """Return the factors `q` with orthonormal columns and `r`, upper triangular, whose product is `x`.

    Args:
        x: (..., m, n).
        mode: "reduced" for q of (..., m, k) and r of (..., k, n) with k = min(m, n); "complete" for q of (..., m, m) and r of (..., m, n).

    Raises:
        ValueError: another mode.

    Example:
        >>> q, r = qr([[3.0, 1.0], [4.0, 2.0]])
        >>> abs(r[0, 0]).round(4).item(), (q @ r).round(4).tolist()
        (5.0, [[3.0, 1.0], [4.0, 2.0]])
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f'qr: mode must be "reduced" or "complete"; received {mode!r}.')
    _largest_side("qr", _matrices("qr", x))
    return p.qr(x, mode)


@op(dtype=floating)
@_precise()
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition `u @ diag(s) @ vh`, singular values in descending order.

    Args:
        x: (..., m, n).
        full_matrices: whether u is (..., m, m) and vh (..., n, n), rather than of min(m, n) columns and rows.
        compute_uv: whether to return `(u, s, vh)` rather than `s` alone.

    Example:
        >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
        array([4., 3.], dtype=float32)
    """
    _largest_side("svd", _matrices("svd", x))
    return p.svd(x, bool(full_matrices)) if compute_uv else p.svd(x, False)[1]


@op(dtype=floating)
@_precise()
def eigh(x: Any) -> tuple:
    """Return the eigenvalues, ascending, and the orthonormal eigenvectors, as columns, of symmetric or Hermitian matrices.

    Example:
        >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0]
        array([1., 2.], dtype=float32)
    """
    _matrices("eigh", x, square=True)
    return p.eigh(x)


@op(dtype=floating)
@_precise()
def eig(x: Any) -> tuple:
    """Return the eigenvalues and the eigenvectors, as columns, of square matrices; complex, in no particular order.

    Example:
        >>> values, vectors = eig([[0.0, 1.0], [-1.0, 0.0]])
        >>> sorted(values.imag.round(4).tolist())
        [-1.0, 1.0]
    """
    _matrices("eig", x, square=True)
    return p.eig(x)


@op(dtype=floating)
@_precise()
def lu_factor(x: Any) -> tuple:
    """Return L and U of matrices packed into one (the diagonal of L is one), and the row that each row was swapped with (int32, from zero).

    Args:
        x: (..., m, n).

    Example:
        >>> lu, pivots = lu_factor([[1.0, 2.0], [4.0, 4.0]])
        >>> lu.tolist(), pivots.tolist()
        ([[4.0, 4.0], [0.25, 1.0]], [1, 1])
    """
    _largest_side("lu_factor", _matrices("lu_factor", x))
    return p.lu_factor(x)


# -- determinants --------------------------------------------------------------------------------------------------------------------------
def _lu_diagonal(name: str, x: Any) -> tuple[Any, Any]:
    """Return the diagonal of U, and the sign that the row swaps make, in the dtype of `x`."""
    _largest_side(name, _matrices(name, x, square=True))
    lu, pivots = p.lu_factor(x)
    swaps = p.sum(cast(p.logical_not(p.equal(pivots, arange(shape(pivots)[-1]))), "int32"), (ndim(pivots) - 1,), False)
    return _diagonal(lu), cast(p.subtract(1, p.multiply(p.mod(swaps, 2), 2)), dtype_of(x))


@op(dtype=floating)
@_precise()
def det(x: Any) -> Any:
    """Return the determinants of square matrices.

    Example:
        >>> det([[1.0, 2.0], [3.0, 4.0]]).round(4).item()
        -2.0
    """
    d, sign = _lu_diagonal("det", x)
    return p.multiply(sign, p.prod(d, (ndim(d) - 1,), False))


@op(dtype=floating)
@_precise()
def slogdet(x: Any) -> tuple:
    """Return the sign, or for complex matrices the phase, of determinants, and the logarithm of their modulus; 0 and -inf where singular.

    Example:
        >>> sign, value = slogdet([[0.0, 1.0], [1.0, 0.0]])
        >>> sign.item(), value.item()
        (-1.0, 0.0)
    """
    d, sign = _lu_diagonal("slogdet", x)
    last, size = (ndim(d) - 1,), p.abs(d)
    if dtype_of(x) in dtypes.COMPLEX:
        zero = p.equal(size, 0)
        unit = p.divide(d, cast(p.where(zero, 1.0, size), dtype_of(x)))
    else:
        unit = p.stop_gradient(p.sign(d))
    return p.multiply(sign, p.prod(unit, last, False)), p.sum(p.log(size), last, False)


@op(dtype=floating)
def logdet(x: Any) -> Any:
    """Return the logarithm of the modulus of determinants.

    Example:
        >>> logdet([[1.0, 0.0], [0.0, 1.0]]).item()
        0.0
    """
    return slogdet(x)[1]


# -- equations -----------------------------------------------------------------------------------------------------------------------------
@op(operands="a b", dtype=floating)
@_precise(2)
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Return the solution `x` of `a @ x = b` for triangular `a`, of which the other triangle is not read.

    Args:
        a: (..., m, m).
        b: (..., m) vectors, or (..., m, n).
        lower: whether `a` is lower triangular.

    Example:
        >>> solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0], lower=True)
        array([1., 2.], dtype=float32)
    """
    _matrices("solve_triangular", a, square=True)
    columns, vector = _columns("solve_triangular", a, b)
    return _flat(p.solve_triangular(a, columns, bool(lower)), vector)


@op(operands="a b", dtype=floating)
@_precise(2)
def solve(a: Any, b: Any) -> Any:
    """Return the solution `x` of `a @ x = b`.

    Args:
        a: (..., m, m); singular ones give inf, nan or an error of the engine.
        b: (..., m) vectors, or (..., m, n).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> solve([[2.0, 1.0], [0.0, 4.0]], [4.0, 8.0]).round(4).tolist()
        [1.0, 2.0]
    """
    _largest_side("solve", _matrices("solve", a, square=True))
    columns, vector = _columns("solve", a, b)
    q, r = p.qr(a, "reduced")
    return _flat(p.solve_triangular(r, p.matmul(_adjoint(q), columns), False), vector)


@op(dtype=floating)
def inv(x: Any) -> Any:
    """Return the inverses of square matrices.

    Example:
        >>> inv([[2.0, 0.0], [0.0, 4.0]]).round(4).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    _largest_side("inv", _matrices("inv", x, square=True))
    return solve(x, _eye_like(x))


def _inverted(s: Any, cut: Any) -> Any:
    """Return one over the singular values above `cut`, zero for the others."""
    keep = p.less(cut, s)
    return p.where(keep, p.divide(1.0, p.where(keep, s, 1.0)), 0.0)


def _pseudo(name: str, x: Any, rcond: Any) -> tuple[Any, Any, Any]:
    """Return u, the inverted singular values as a row, and vh."""
    u, s, vh = p.svd(x, False)
    ratio = _largest_side(name, shape(x)) * _epsilon(s) if rcond is None else rcond
    largest = p.max(s, (ndim(s) - 1,), True)
    dims = shape(s)
    return u, p.reshape(_inverted(s, p.multiply(largest, ratio)), (*dims[:-1], 1, dims[-1])), vh


def _scaled(x: Any, row: Any) -> Any:
    """Multiply the columns of `x`, which may be complex, by real numbers."""
    return p.multiply(x, cast(row, dtype_of(x)))


@op(dtype=floating)
@_precise()
def pinv(x: Any, rcond: Any = None) -> Any:
    """Return the pseudo-inverses (Moore and Penrose) of matrices.

    Args:
        x: (..., m, n).
        rcond: singular values of at most `rcond` times the largest count as zero; `max(m, n)` times the dtype's epsilon by default.

    Example:
        >>> pinv([[2.0, 0.0], [0.0, 0.0]]).round(4).tolist()
        [[0.5, 0.0], [0.0, 0.0]]
    """
    _matrices("pinv", x)
    u, row, vh = _pseudo("pinv", x, rcond)
    return p.matmul(_scaled(_adjoint(vh), row), _adjoint(u))


@op(operands="a b", dtype=floating)
@_precise(2)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """Return the `x` of least norm among those that minimise the norm of `a @ x - b`.

    Args:
        a: (..., m, n).
        b: (..., m) vectors, or (..., m, k).
        rcond: as in `pinv`.

    Example:
        >>> lstsq([[1.0], [1.0]], [1.0, 3.0]).round(4).tolist()
        [2.0]
    """
    columns, vector = _columns("lstsq", a, b)
    u, row, vh = _pseudo("lstsq", a, rcond)
    return _flat(p.matmul(_scaled(_adjoint(vh), row), p.matmul(_adjoint(u), columns)), vector)


@op(dtype=floating)
@_precise()
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """Return the number (int32) of singular values above a tolerance.

    Args:
        x: (..., m, n).
        tol: the tolerance; the largest singular value times `max(m, n)` times the dtype's epsilon by default.

    Example:
        >>> matrix_rank([[1.0, 2.0], [2.0, 4.0]]).item()
        1
    """
    dims = _matrices("matrix_rank", x)
    s = p.svd(x, False)[1]
    last = (ndim(s) - 1,)
    if tol is None:
        tol = p.multiply(p.max(s, last, True), _largest_side("matrix_rank", dims) * _epsilon(s))
    return p.sum(cast(p.less(tol, s), "int32"), last, False)


# -- norms ---------------------------------------------------------------------------------------------------------------------------------
def _root(total: Any, order: float) -> Any:
    """Return `total ** (1 / order)`, with a gradient of zero rather than infinity at zero."""
    zero = p.equal(total, 0)
    base = p.where(zero, 1.0, total)
    return p.where(zero, 0.0, p.sqrt(base) if order == 2 else p.power(base, 1.0 / order))


def _vector_norm(x: Any, order: Any, axes: tuple, keepdims: bool) -> Any:
    size = p.abs(x)
    if isinstance(order, str):
        raise ValueError(f"norm: order {order!r} is one of matrices, which need two axes; received axis {axes}.")
    if order in (math.inf, -math.inf):
        return (p.max if order > 0 else p.min)(size, axes, keepdims)
    if order is None or order == 2:
        return _root(p.sum(p.multiply(size, size), axes, keepdims), 2)
    if order == 0:
        return p.sum(cast(p.logical_not(p.equal(size, 0)), dtype_of(size)), axes, keepdims)
    if order == 1:
        return p.sum(size, axes, keepdims)
    return _root(p.sum(p.power(size, float(order)), axes, keepdims), float(order))


def _matrix_norm(x: Any, order: Any, axes: tuple, keepdims: bool) -> Any:
    rows, columns = axes
    if order is None or order == "fro":
        return _vector_norm(x, None, axes, keepdims)
    if order in (1, -1, math.inf, -math.inf):
        inner, outer = (rows, columns) if order in (1, -1) else (columns, rows)
        sums = p.sum(p.abs(x), (inner,), True)
        out = (p.max if order > 0 else p.min)(sums, (outer,), True)
    elif order in (2, -2, "nuc"):
        n = ndim(x)
        s = p.svd(p.transpose(x, (*(i for i in range(n) if i not in axes), rows, columns)), False)[1]
        out = (p.sum if order == "nuc" else p.max if order == 2 else p.min)(s, (n - 2,), False)
    else:
        raise ValueError(f'norm: the order of a matrix norm must be None, "fro", "nuc", inf, -inf, 1, -1, 2 or -2; received {order!r}.')
    dims = shape(x)
    return p.reshape(out, tuple(1 if i in axes else d for i, d in enumerate(dims) if keepdims or i not in axes))


@op(dtype=floating)
@_precise()
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """Return the norm of vectors along one axis, or of matrices along two.

    Args:
        x: tensor.
        ord: None for the root of the sum of squares. Vectors: a number, inf or -inf; 0 counts the elements that are not zero.
            Matrices: "fro", "nuc" (sum of singular values), inf, -inf, 1, -1 (sums of rows, of columns), 2 or -2 (singular values).
        axis: int, or two ints; None for all elements without `ord`, and for the whole vector or matrix with it.
        keepdims: whether reduced axes stay with size one.

    Raises:
        ValueError: an order that the number of axes does not have.

    Example:
        >>> norm([[3.0, 4.0], [0.0, 0.0]], axis=1)
        array([5., 0.], dtype=float32)
    """
    axes = canonical_axes("norm", axis, ndim(x))
    if axis is None and ord is None:
        return _vector_norm(x, None, axes, bool(keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, bool(keepdims))
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, bool(keepdims))
    raise ValueError(f"norm: order {ord!r} needs one axis or two; received axis {axis!r} for shape {show(shape(x))}.")
