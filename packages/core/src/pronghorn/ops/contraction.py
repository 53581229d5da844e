"""Products of tensors: matmul and what reduces to it, and the triangles and diagonals of matrices."""
# ruff: noqa: A001

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.families import same, size_of
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.complex import conj
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, ndim, shape
from pronghorn.ops.reduction import sum as sum_of

__all__ = [
    "cross", "diag", "diagflat", "diagonal", "dot", "einsum", "inner", "kron", "matmul", "outer", "tensordot", "trace", "tril", "triu", "vdot",
]  # fmt: skip


@op(operands="x1 x2", dtype=same)
def matmul(x1: Any, x2: Any) -> Any:
    """Return the matrix product of the last two axes; leading axes broadcast, vectors count as one row or column. int8 is summed in int32.

    Raises:
        ValueError: a scalar, or sizes that do not fit.

    Example:
        >>> matmul([[1.0, 2.0]], [3.0, 4.0])
        array([11.], dtype=float32)
    """
    a, b, name = ndim(x1), ndim(x2), dtype_of(x1)
    if name == "bool":
        return cast(matmul(cast(x1, "int32"), cast(x2, "int32")), "bool")
    if name == "int8":
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    if a > 1 and b > 1:
        return p.matmul(x1, x2)
    if not a or not b:
        raise ValueError("matmul: scalars have no matrix product. Use multiply.")
    out = p.matmul(x1 if a > 1 else p.reshape(x1, (1, -1)), x2 if b > 1 else p.reshape(x2, (-1, 1)))
    dims = shape(out)
    rest = dims[:-2] + (() if a == 1 else dims[-2:-1]) + (() if b == 1 else dims[-1:])
    return p.reshape(out, rest)


@op(operands="x1 x2", dtype=same)
def dot(x1: Any, x2: Any) -> Any:
    """Return the sum over the last axis of `x1` and the last but one of `x2`; scalars multiply.

    Example:
        >>> dot([1, 2], [[3], [4]])
        array([11], dtype=int32)
    """
    a, b = ndim(x1), ndim(x2)
    if not a or not b:
        return p.multiply(x1, x2)
    if a <= 2 and b <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, ((a - 1,), (b - 2 if b > 1 else 0,)))


@op(operands="x1 x2", dtype=same)
def vdot(x1: Any, x2: Any) -> Any:
    """Return the sum of the products of all elements, the first operand conjugated.

    Example:
        >>> float(vdot([[1.0, 2.0]], [[3.0, 4.0]]))
        11.0
    """
    return p.reshape(p.matmul(p.reshape(conj(x1), (1, -1)), p.reshape(x2, (-1, 1))), ())


@op(operands="x1 x2", dtype=same)
def inner(x1: Any, x2: Any) -> Any:
    """Return the sum over the last axes of both; scalars multiply.

    Example:
        >>> inner([[1, 2], [3, 4]], [5, 6])
        array([17, 39], dtype=int32)
    """
    a, b = ndim(x1), ndim(x2)
    return tensordot(x1, x2, ((a - 1,), (b - 1,))) if a and b else p.multiply(x1, x2)


@op(operands="x1 x2", dtype=same)
def outer(x1: Any, x2: Any) -> Any:
    """Return the products of each element of `x1` with each of `x2`.

    Example:
        >>> outer([1, 2], [3, 4])
        array([[3, 4],
               [6, 8]], dtype=int32)
    """
    return p.multiply(p.reshape(x1, (-1, 1)), p.reshape(x2, (1, -1)))


@op(operands="x1 x2", dtype=same)
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Return the sum of products over pairs of axes.

    Args:
        x1, x2: tensors.
        axes: how many last axes of `x1` meet first axes of `x2`; or a pair of axes or lists of axes, one for each.

    Raises:
        ValueError: sizes that do not fit.

    Example:
        >>> tensordot([[1, 2], [3, 4]], [[5, 6], [7, 8]], axes=2).item()
        70
    """
    a, b = shape(x1), shape(x2)
    if isinstance(axes, (int, np.integer)):
        left, right = tuple(range(len(a) - int(axes), len(a))), tuple(range(int(axes)))
    else:
        left, right = axes
    left, right = canonical_axes("tensordot", left, len(a)), canonical_axes("tensordot", right, len(b))
    if len(left) != len(right) or not all(same_dim(a[i], b[j]) for i, j in zip(left, right, strict=True)):
        raise ValueError(f"tensordot: the axes {left} of shape {show(a)} and {right} of shape {show(b)} do not fit.")
    keep_a, keep_b = ([i for i in range(len(d)) if i not in used] for d, used in ((a, left), (b, right)))
    size = size_of(a[i] for i in left)
    one = p.reshape(_permuted(x1, (*keep_a, *left)), (size_of(a[i] for i in keep_a), size))
    two = p.reshape(_permuted(x2, (*right, *keep_b)), (size, size_of(b[j] for j in keep_b)))
    return p.reshape(matmul(one, two), (*(a[i] for i in keep_a), *(b[j] for j in keep_b)))


def _permuted(x: Any, order: tuple) -> Any:
    return x if order == tuple(range(len(order))) else p.transpose(x, order)


# -- einsum --------------------------------------------------------------------------------------------------------------------------------
def _parse(subscripts: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """Return the labels of each operand and of the result; axes under an ellipsis are labelled "...0", counted from the right."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f'einsum: "{subscripts}" is for {len(terms)} tensors; received {len(ranks)}.')

    def labels(term: str, hidden: int) -> list[str]:
        before, dots, after = term.partition("...")
        if not all(c.isalpha() for c in before + after):
            raise ValueError(f'einsum: "{subscripts}" may hold letters, commas, "..." and "->" only.')
        return [*before, *(f"...{i}" for i in range(hidden - 1, -1, -1) if dots), *after]

    operands, widest = [], 0
    for term, rank in zip(terms, ranks, strict=True):
        hidden = rank - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ValueError(f'einsum: the term "{term}" of "{subscripts}" does not fit a tensor of rank {rank}.')
        operands.append(labels(term, hidden))
        widest = max(widest, hidden if "..." in term else 0)
    if arrow:
        out = labels(right, widest)
    else:
        every = [c for names in operands for c in names if not c.startswith(".")]
        out = [f"...{i}" for i in range(widest - 1, -1, -1)] + sorted(c for c in set(every) if every.count(c) == 1)
    known = {c for names in operands for c in names}
    if len(set(out)) != len(out) or not known.issuperset(out):
        raise ValueError(f'einsum: the result of "{subscripts}" must name labels of the operands, each once.')
    return operands, out


def _without_repeats(x: Any, names: list[str]) -> tuple[Any, list[str]]:
    """Take the diagonal where a label occurs twice."""
    for c in dict.fromkeys(names):
        while names.count(c) > 1:
            i = names.index(c)
            j = names.index(c, i + 1)
            x = diagonal(x, 0, i, j)
            names = [n for k, n in enumerate(names) if k not in (i, j)] + [c]
    return x, names


def _summed(x: Any, names: list[str], keep: Any) -> tuple[Any, list[str]]:
    """Sum over the labels that are not in `keep`."""
    gone = tuple(i for i, c in enumerate(names) if c not in keep)
    if not gone:
        return x, names
    return p.sum(x, gone, False), [c for c in names if c in keep]


def _contract(x: Any, a: list[str], y: Any, b: list[str], keep: set[str]) -> tuple[Any, list[str]]:
    """Multiply two tensors and sum over the labels that nobody else needs."""
    x, a = _summed(x, a, keep | {*b})
    y, b = _summed(y, b, keep | {*a})
    # an axis of size one under a shared label broadcasts: drop it, the other operand's stays
    for c in [c for c in a if c in b]:
        i, j = a.index(c), b.index(c)
        m, n = shape(x)[i], shape(y)[j]
        if isinstance(m, int) and isinstance(n, int) and m != n and 1 in (m, n):
            if m == 1:
                x, a = p.reshape(x, shape(x)[:i] + shape(x)[i + 1 :]), a[:i] + a[i + 1 :]
            else:
                y, b = p.reshape(y, shape(y)[:j] + shape(y)[j + 1 :]), b[:j] + b[j + 1 :]
        elif not same_dim(m, n):
            raise ValueError(f'einsum: label "{c}" stands for {m} in one tensor and for {n} in another.')
    x, a = _summed(x, a, keep | {*b})
    y, b = _summed(y, b, keep | {*a})
    size = {**dict(zip(b, shape(y), strict=True)), **dict(zip(a, shape(x), strict=True))}
    batch = [c for c in a if c in b and c in keep]
    inner_ = [c for c in a if c in b and c not in keep]
    rows, columns = [c for c in a if c not in b], [c for c in b if c not in a]
    one = _permuted(x, tuple(a.index(c) for c in (*batch, *rows, *inner_)))
    two = _permuted(y, tuple(b.index(c) for c in (*batch, *inner_, *columns)))
    lead = tuple(size[c] for c in batch)
    m, k, n = (size_of(size[c] for c in group) for group in (rows, inner_, columns))
    if inner_:
        out = matmul(p.reshape(one, (*lead, m, k)), p.reshape(two, (*lead, k, n)))
    else:
        out = p.multiply(p.reshape(one, (*lead, m, 1)), p.reshape(two, (*lead, 1, n)))
    names = [*batch, *rows, *columns]
    return p.reshape(out, tuple(size[c] for c in names)), names


@op(operands="subscripts *operands", dtype=same)
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Return the sum of products that Einstein's notation describes.

    Args:
        subscripts: such as `"bij,bjk->bik"`; `...` for further axes, which broadcast. Without `->`, labels that occur once are kept, in order.
        *operands: tensors.
        **kwargs: `optimize` and the like are accepted; pairs are contracted from left to right.

    Raises:
        ValueError: a malformed string, or sizes that do not fit.

    Example:
        >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
        array([3., 7.], dtype=float32)
    """
    names, out = _parse(subscripts, [ndim(x) for x in operands])
    pairs = [_without_repeats(x, n) for x, n in zip(operands, names, strict=True)]
    x, a = pairs[0]
    for i, (y, b) in enumerate(pairs[1:], 2):
        x, a = _contract(x, a, y, b, {*out}.union(*(n for _, n in pairs[i:])))
    x, a = _summed(x, a, out)
    return _permuted(x, tuple(a.index(c) for c in out))


# -- vectors and matrices ------------------------------------------------------------------------------------------------------------------
@op(operands="x1 x2", dtype=same)
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Return the cross product of vectors of two or three components; of two pairs, the third component alone.

    Args:
        x1, x2: tensors; the other axes broadcast.
        axisa, axisb: where the components are.
        axisc: where they go.
        axis: all three at once.

    Example:
        >>> cross([1, 0, 0], [0, 1, 0])
        array([0, 0, 1], dtype=int32)
    """
    from pronghorn.ops.shaping import moveaxis, stack, unstack

    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = unstack(x1, axis=axisa), unstack(x2, axis=axisb)
    if len(a) not in (2, 3) or len(b) not in (2, 3):
        raise ValueError(f"cross: vectors need 2 or 3 components; received {len(a)} and {len(b)}.")

    def minor(i: int, j: int) -> Any:
        terms = []
        for u, v in ((i, j), (j, i)):
            terms.append(p.multiply(a[u], b[v]) if u < len(a) and v < len(b) else None)
        first, second = terms
        if first is None:
            return p.negative(second)
        return first if second is None else p.subtract(first, second)

    if len(a) == len(b) == 2:
        return minor(0, 1)
    return moveaxis(stack([minor(1, 2), minor(2, 0), minor(0, 1)], -1), -1, axisc)


@op(operands="x1 x2", dtype=same)
def kron(x1: Any, x2: Any) -> Any:
    """Return the Kronecker product.

    Example:
        >>> kron([1, 10], [1, 2])
        array([ 1,  2, 10, 20], dtype=int32)
    """
    a, b = shape(x1), shape(x2)
    n = builtins.max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + tuple(a), (1,) * (n - len(b)) + tuple(b)
    wide = p.multiply(p.reshape(x1, tuple(v for d in a for v in (d, 1))), p.reshape(x2, tuple(v for d in b for v in (1, d))))
    return p.reshape(wide, tuple(i * j for i, j in zip(a, b, strict=True)))


def _below(rows: Any, columns: Any, k: int) -> Any:
    """Booleans of a matrix, true on and below the k-th diagonal."""
    return p.less_equal(p.reshape(arange(columns), (1, columns)), p.add(p.reshape(arange(rows), (rows, 1)), k))


def _matrix_dims(name: str, x: Any) -> tuple:
    dims = shape(x)
    if len(dims) < 2:
        raise ValueError(f"{name}: expected a matrix; received shape {show(dims)}.")
    return dims


@op
def tril(x: Any, k: int = 0) -> Any:
    """Return the lower triangle of matrices, zeros above the k-th diagonal.

    Example:
        >>> tril([[1, 2], [3, 4]])
        array([[1, 0],
               [3, 4]], dtype=int32)
    """
    *_, m, n = _matrix_dims("tril", x)
    return p.where(_below(m, n, k), x, 0 if dtype_of(x) != "bool" else False)


@op
def triu(x: Any, k: int = 0) -> Any:
    """Return the upper triangle of matrices, zeros below the k-th diagonal.

    Example:
        >>> triu([[1, 2], [3, 4]])
        array([[1, 2],
               [0, 4]], dtype=int32)
    """
    *_, m, n = _matrix_dims("triu", x)
    return p.where(_below(m, n, k - 1), 0 if dtype_of(x) != "bool" else False, x)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return a diagonal of the matrices that two axes form, as the last axis.

    Example:
        >>> diagonal([[1, 2], [3, 4]])
        array([1, 4], dtype=int32)
    """
    dims = _matrix_dims("diagonal", x)
    a, b = canonical_axis("diagonal", axis1, len(dims)), canonical_axis("diagonal", axis2, len(dims))
    if a == b:
        raise ValueError(f"diagonal: axis1 and axis2 must differ; received {axis1} and {axis2}.")
    m, n = dims[a], dims[b]
    if not (isinstance(m, int) and isinstance(n, int)):
        raise ValueError(f"diagonal: the sizes of axes {a} and {b} must be known; received shape {show(dims)}.")
    rest = [i for i in range(len(dims)) if i not in (a, b)]
    flat = p.reshape(_permuted(x, (*rest, a, b)), (*(dims[i] for i in rest), m * n))
    rows = np.arange(m)
    rows = rows[(rows + offset >= 0) & (rows + offset < n)]
    return p.take(flat, convert_to_tensor((rows * n + rows + offset).astype("int32")), len(rest))


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal.

    Example:
        >>> trace([[1, 2], [3, 4]]).item()
        5
    """
    return sum_of(diagonal(x, offset, axis1, axis2), -1)


@op
def diag(x: Any, k: int = 0) -> Any:
    """Return the k-th diagonal of a matrix, or the matrix that has a vector as its k-th diagonal.

    Example:
        >>> diag([1, 2])
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    dims = shape(x)
    if len(dims) == 2:
        return diagonal(x, k)
    if len(dims) != 1:
        raise ValueError(f"diag: expected a vector or a matrix; received shape {show(dims)}.")
    more = builtins.abs(k)
    n = dims[0] + more
    line = p.pad(x, ((0, more),), 0)
    rows, columns = p.reshape(arange(n), (n, 1)), p.reshape(arange(n), (1, n))
    line = p.reshape(line, (n, 1) if k >= 0 else (1, n))
    zero = False if dtype_of(x) == "bool" else 0.0 if dtype_of(x) in dtypes.INEXACT else 0
    return p.where(p.equal(columns, p.add(rows, k)), line, zero)


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """Return the matrix that has the elements of `x` as its k-th diagonal.

    Example:
        >>> diagflat([[1, 2]]).tolist()
        [[1, 0], [0, 2]]
    """
    return diag(p.reshape(x, (-1,)), k)
