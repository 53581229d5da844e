"""Changing, joining and cutting shapes."""
# ruff: noqa: A001

import builtins
from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import Dim, plain_sizes, show
from pronghorn.backend.families import broadcast_dims
from pronghorn.backend.op import op
from pronghorn.backend.owners import unwrap
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.creation import arange, convert_to_tensor, ndim, shape, sizes


@op
def reshape(x: Any, newshape: Any) -> Any:
    """Return the elements of `x` in another shape; one size may be -1.

    Raises:
        ValueError: the sizes do not fit.

    Example:
        >>> reshape([1, 2, 3, 4], (2, -1))
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    return p.reshape(x, newshape if plain_sizes(newshape) else sizes(_minus_one(newshape), "reshape"))


def _minus_one(newshape: Any) -> Any:
    if isinstance(newshape, (list, tuple)):
        return tuple(-1 if d is None else d for d in newshape)
    return newshape


@op
def ravel(x: Any) -> Any:
    """Return the elements of `x` as a vector.

    Example:
        >>> ravel([[1, 2], [3, 4]])
        array([1, 2, 3, 4], dtype=int32)
    """
    return p.reshape(x, (-1,))


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """Return `x` with its axes in another order, reversed by default.

    Example:
        >>> transpose([[1, 2], [3, 4]])
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    n = ndim(x)
    if axes is None:
        return p.transpose(x, tuple(range(n - 1, -1, -1)))
    axes = tuple(canonical_axis("transpose", a, n) for a in axes)
    if sorted(axes) != list(range(n)):
        raise ValueError(f"transpose: axes {axes} are not a permutation of the {n} axes of the tensor.")
    return x if axes == tuple(range(n)) else p.transpose(x, axes)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Move axes to other positions; the others keep their order.

    Example:
        >>> moveaxis([[[1, 2, 3]]], 0, -1).shape
        (1, 3, 1)
    """
    n = ndim(x)
    src, dst = canonical_axes("moveaxis", source, n), canonical_axes("moveaxis", destination, n)
    if len(src) != len(dst):
        raise ValueError(f"moveaxis: source {src} and destination {dst} must have the same length.")
    order = [i for i in range(n) if i not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return transpose(x, order)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Exchange two axes.

    Example:
        >>> swapaxes([[1, 2, 3]], 0, 1).shape
        (3, 1)
    """
    n = ndim(x)
    a, b = canonical_axis("swapaxes", axis1, n), canonical_axis("swapaxes", axis2, n)
    order = list(range(n))
    order[a], order[b] = b, a
    return transpose(x, order)


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """Insert axes of size one so that they are at `axis` in the result.

    Example:
        >>> expand_dims([1, 2], 0).shape
        (1, 2)
    """
    dims = list(shape(x))
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    total = len(dims) + len(axes)
    for a in sorted(canonical_axes("expand_dims", axes, total)):
        dims.insert(a, 1)
    return p.reshape(x, tuple(dims))


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """Remove axes of size one.

    Raises:
        ValueError: an axis named has another size.

    Example:
        >>> squeeze([[1, 2]]).shape
        (2,)
    """
    dims = shape(x)
    if axis is None:
        axes = tuple(i for i, d in enumerate(dims) if isinstance(d, int) and d == 1)
    else:
        axes = canonical_axes("squeeze", axis, len(dims))
        for a in axes:
            if isinstance(dims[a], int) and dims[a] != 1:
                raise ValueError(f"squeeze: axis {a} of shape {tuple(dims)} has size {dims[a]}; only axes of size 1 can be removed.")
    return p.reshape(x, tuple(d for i, d in enumerate(dims) if i not in axes))


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """Repeat `x` along axes of size one and new leading axes.

    Example:
        >>> broadcast_to([1, 2], (2, 2)).shape
        (2, 2)
    """
    return p.broadcast_to(x, sizes(shape, "broadcast_to"))


def broadcast_shapes(*shapes: Any) -> tuple:
    """Return the shape that `shapes` broadcast to.

    Example:
        >>> broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    found = broadcast_dims("broadcast_shapes", *[tuple(Dim() if d is None else d for d in s) for s in shapes])
    return tuple(None if isinstance(d, Dim) else d for d in found)


@op(operands="[xs]")
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Join tensors along an existing axis; dtypes are promoted.

    Example:
        >>> concatenate([[1, 2], [3]])
        array([1, 2, 3], dtype=int32)
    """
    return p.concatenate(xs, canonical_axis("concatenate", axis, ndim(xs[0])))


@op(operands="[x]")
def stack(x: Any, axis: int = 0) -> Any:
    """Join tensors of one shape along a new axis.

    Example:
        >>> stack([[1, 2], [3, 4]], axis=1)
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    n = ndim(x[0])
    a = canonical_axis("stack", axis, n + 1)
    for v in x[1:]:
        if ndim(v) != n:
            raise ValueError(f"stack: all tensors must have one shape; received {', '.join(str(tuple(shape(v))) for v in x)}.")
    return p.concatenate([expand_dims(v, a) for v in x], a)


@op(operands="[xs]")
def hstack(xs: Any) -> Any:
    """Join along the second axis, vectors along the first."""
    xs = [p.reshape(x, (1,)) if not shape(x) else x for x in xs]
    return concatenate(xs, 0 if ndim(xs[0]) == 1 else 1)


@op(operands="[xs]")
def vstack(xs: Any) -> Any:
    """Join along the first axis; vectors become rows."""
    return concatenate([p.reshape(x, (1, -1)) if ndim(x) < 2 else x for x in xs], 0)


@op(operands="[xs]")
def dstack(xs: Any) -> Any:
    """Join along the third axis; vectors and matrices get one."""

    def grow(x: Any) -> Any:
        n = ndim(x)
        return p.reshape(x, (1, -1, 1)) if n < 2 else expand_dims(x, 2) if n == 2 else x

    return concatenate([grow(x) for x in xs], 2)


def _cut(x: Any, axis: int, start: Any, stop: Any) -> Any:
    dims = shape(x)
    begin, end = [0] * len(dims), list(dims)
    begin[axis], end[axis] = start, stop
    return p.slice(x, tuple(begin), tuple(end), (1,) * len(dims))


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Cut a tensor into a list: equal parts for an int, at the given positions for a sequence.

    Raises:
        ValueError: the axis does not divide into that many parts.

    Example:
        >>> [v.shape for v in split([1, 2, 3, 4], 2)]
        [(2,), (2,)]
    """
    a = canonical_axis("split", axis, ndim(x))
    size = shape(x)[a]
    if isinstance(indices_or_sections, (int, np.integer)):
        n = int(indices_or_sections)
        if isinstance(size, int) and (n <= 0 or size % n):
            raise ValueError(f"split: axis {a} of size {size} does not divide into {n} equal parts.")
        step = size // n
        edges = [step * i for i in range(n + 1)]
    else:
        points = [int(i) for i in np.asarray(unwrap(indices_or_sections)).reshape(-1)]
        if isinstance(size, int):
            points = [builtins.min(i + size if i < 0 else i, size) for i in points]
        edges = [0, *points, size]
    return [_cut(x, a, lo, hi if not isinstance(hi, int) else builtins.max(lo, hi)) for lo, hi in zip(edges, edges[1:], strict=False)]


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Cut a tensor into parts whose sizes differ by at most one."""
    a = canonical_axis("array_split", axis, ndim(x))
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, a)
    n, size = int(indices_or_sections), shape(x)[a]
    more = size % n
    points = [(size // n) * i + builtins.min(i, more) for i in range(1, n)]
    return split(x, points, a)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """Return the slices along an axis as a list.

    Example:
        >>> [v.tolist() for v in unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    a = canonical_axis("unstack", axis, ndim(x))
    n = shape(x)[a] if num is None else num
    if not isinstance(n, int):
        raise ValueError(f"unstack: the size of axis {a} is not known; pass num.")
    if isinstance(shape(x)[a], int) and shape(x)[a] != n:
        raise ValueError(f"unstack: axis {a} of shape {show(shape(x))} has size {shape(x)[a]}; received num={num!r}.")
    return [squeeze(_cut(x, a, i, i + 1), a) for i in range(n)]


@op
def flip(x: Any, axis: Any = None) -> Any:
    """Reverse the order along axes, all by default.

    Example:
        >>> flip([1, 2, 3])
        array([3, 2, 1], dtype=int32)
    """
    return p.flip(x, canonical_axes("flip", axis, ndim(x)))


@op
def tile(x: Any, repeats: Any) -> Any:
    """Repeat the whole tensor along each axis.

    Example:
        >>> tile([1, 2], 2)
        array([1, 2, 1, 2], dtype=int32)
    """
    reps = sizes(repeats, "tile")
    if builtins.any(isinstance(r, int) and r < 0 for r in reps):
        raise ValueError(f"tile: repeats must not be negative; received {repeats!r}.")
    dims = shape(x)
    n = builtins.max(len(reps), len(dims))
    dims, reps = (1,) * (n - len(dims)) + tuple(dims), (1,) * (n - len(reps)) + reps
    wide = [d for r, s in zip(reps, dims, strict=True) for d in (r, s)]
    narrow = [d for s in dims for d in (1, s)]
    out = p.broadcast_to(p.reshape(x, tuple(narrow)), tuple(wide))
    return p.reshape(out, tuple(r * s for r, s in zip(reps, dims, strict=True)))


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element along an axis, of the flattened tensor without one.

    Args:
        x: tensor.
        repeats: an int, or one int per element of the axis (host data).
        axis: axis; None flattens first.

    Example:
        >>> repeat([1, 2], 2)
        array([1, 1, 2, 2], dtype=int32)
    """
    if axis is None:
        x, a = p.reshape(x, (-1,)), 0
    else:
        a = canonical_axis("repeat", axis, ndim(x))
    dims = shape(x)
    counts = None if isinstance(repeats, int) else np.asarray(unwrap(repeats))
    if repeats < 0 if counts is None else counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"repeat: repeats must be integers, zero or more; received {repeats!r}.")
    if counts is None or counts.size == 1:
        n = repeats if counts is None else int(counts.reshape(()))
        wide = p.broadcast_to(p.reshape(x, (*dims[: a + 1], 1, *dims[a + 1 :])), (*dims[: a + 1], n, *dims[a + 1 :]))
        return p.reshape(wide, (*dims[:a], dims[a] * n, *dims[a + 1 :]))
    if isinstance(dims[a], int) and counts.shape != (dims[a],):
        raise ValueError(f"repeat: expected {dims[a]} counts for axis {a}; received shape {counts.shape}.")
    return p.take(x, convert_to_tensor(np.repeat(np.arange(counts.size), counts), "int32"), a)


@op
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Shift elements along axes, those that fall off re-enter at the other end.

    Example:
        >>> roll([1, 2, 3], 1)
        array([3, 1, 2], dtype=int32)
    """
    dims = shape(x)
    if axis is None:
        return p.reshape(roll(p.reshape(x, (-1,)), shift, 0), dims)
    axes = canonical_axes("roll", axis, len(dims))
    shifts = (int(shift),) * len(axes) if isinstance(shift, (int, np.integer)) else tuple(int(s) for s in shift)
    for a, s in zip(axes, shifts, strict=True):
        size = shape(x)[a]
        if isinstance(size, int) and (size == 0 or s % size == 0):
            continue
        cut = (size - s % size) % size
        x = p.concatenate([_cut(x, a, cut, size), _cut(x, a, 0, cut)], a)
    return x


_PAD_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


def _widths(pad_width: Any, n: int) -> tuple[tuple[int, int], ...]:
    """One pair of widths for each of `n` axes."""
    widths: tuple
    if isinstance(pad_width, int):
        widths = ((pad_width, pad_width),) * n
    elif isinstance(pad_width, (list, tuple)) and len(pad_width) == n and builtins.all(isinstance(v, (list, tuple)) and len(v) == 2 for v in pad_width):
        widths = tuple((a, b) for a, b in pad_width)
    else:
        try:
            widths = tuple((a.item(), b.item()) for a, b in np.broadcast_to(np.asarray(unwrap(pad_width)), (n, 2)))
        except ValueError:
            raise ValueError(f"pad: pad_width must be an int, a pair or one pair for each of {n} axes; received {pad_width!r}.") from None
    for pair in widths:
        for v in pair:
            if not isinstance(v, (int, np.integer)):
                raise TypeError(f"pad: widths must be integers; received {pad_width!r}.")
            if v < 0:
                raise ValueError(f"pad: widths must not be negative; received {pad_width!r}.")
    return tuple((int(a), int(b)) for a, b in widths)


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Put elements around a tensor.

    Args:
        x: tensor.
        pad_width: an int, a pair, or one pair per axis.
        mode: "constant", "reflect" (without the edge), "symmetric" (with it), "edge", or "wrap" (from the other end).
        constant_values: number for "constant", zero by default.

    Example:
        >>> pad([1, 2, 3], 2, mode="reflect")
        array([3, 2, 1, 2, 3, 2, 1], dtype=int32)
    """
    if mode not in _PAD_MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(_PAD_MODES)}; received {mode!r}.")
    if constant_values is not None and mode != "constant":
        raise ValueError(f'pad: constant_values only goes with mode="constant"; received mode={mode!r}.')
    n = ndim(x)
    widths = _widths(pad_width, n)
    if mode == "constant":
        value = 0 if constant_values is None else constant_values
        if not isinstance(value, (bool, int, float, complex)):
            value = np.asarray(unwrap(value)).item()
        return p.pad(x, widths, value)
    for a, (before, after) in enumerate(widths):
        size = shape(x)[a]
        if before == after == 0:
            continue
        if not isinstance(size, int):
            raise ValueError(f"pad: mode {mode!r} needs to know the size of axis {a}.")
        index = np.pad(np.arange(size), (before, after), mode=mode)  # type: ignore[call-overload]
        x = p.take(x, convert_to_tensor(index, "int32"), a)
    return x


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Rotate by 90 degrees `k` times in the plane of two axes."""
    n = ndim(array)
    a, b = (canonical_axis("rot90", v, n) for v in axes)
    if a == b:
        raise ValueError(f"rot90: the two axes must differ; received {tuple(axes)}.")
    k %= 4
    if k == 0:
        return array
    if k == 2:
        return flip(array, (a, b))
    return flip(swapaxes(array, a, b), a) if k == 1 else swapaxes(flip(array, a), a, b)


@op
def size(x: Any) -> Any:
    """Return the number of elements.

    Example:
        >>> size([[1, 2], [3, 4]])
        4
    """
    from pronghorn.backend.families import size_of

    return size_of(shape(x))


def meshgrid(*x: Any, indexing: str = "xy") -> list:
    """Return coordinate grids from vectors.

    Example:
        >>> [g.shape for g in meshgrid([1, 2, 3], [4, 5])]
        [(2, 3), (2, 3)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing must be "xy" or "ij"; received {indexing!r}.')
    vectors = [p.reshape(convert_to_tensor(v), (-1,)) for v in x]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    full = tuple(shape(vectors[i])[0] for i in order)
    grids = []
    for i, v in enumerate(vectors):
        dims = [1] * len(order)
        dims[order.index(i)] = shape(v)[0]
        grids.append(p.broadcast_to(p.reshape(v, tuple(dims)), full))
    return grids


def indices(dimensions: Any, dtype: Any = "int32") -> Any:
    """Return the indices of a grid, one array per axis, stacked."""
    grids = meshgrid(*[arange(d, dtype=dtype) for d in dimensions], indexing="ij")
    return stack(grids)


@op
def atleast_1d(x: Any) -> Any:
    """Return `x` with at least one axis."""
    return x if shape(x) else p.reshape(x, (1,))


@op
def atleast_2d(x: Any) -> Any:
    """Return `x` with at least two axes, new ones in front."""
    dims = shape(x)
    return x if len(dims) >= 2 else p.reshape(x, (1,) * (2 - len(dims)) + tuple(dims))


@op
def atleast_3d(x: Any) -> Any:
    """Return `x` with at least three axes, as NumPy places them."""
    dims = shape(x)
    if len(dims) >= 3:
        return x
    return p.reshape(x, {0: (1, 1, 1), 1: (1, *dims, 1), 2: (*dims, 1)}[len(dims)])
