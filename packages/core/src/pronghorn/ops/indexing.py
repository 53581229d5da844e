"""Reading and writing parts of tensors, sorting and searching."""
# ruff: noqa: A001

import builtins
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import Dim, show
from pronghorn.backend.op import op
from pronghorn.backend.owners import is_host, unwrap
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, ndim, shape, sizes, zeros


def _wrapped(indices: Any, size: Any, name: str = "take") -> Any:
    """Return indices with negative ones counted from the end."""
    if is_host(indices) and isinstance(size, int):
        found = np.asarray(indices)
        if found.dtype.kind == "b":
            return found.astype("int32")
        if found.dtype.kind not in "iu":
            if found.size:
                raise TypeError(f"{name}: indices must be integers; received {found.dtype}. Cast them first.")
            found = found.astype("int32")
        if found.size and (found.min() < -size or found.max() >= size):
            raise IndexError(f"{name}: index {int(found.min() if found.min() < -size else found.max())} is out of range for an axis of size {size}.")
        found = np.where(found < 0, found + size, found).astype("int32")
        return found
    if dtype_of(indices) in dtypes.UNSIGNED:
        return indices
    total = size if isinstance(size, int) else size
    if isinstance(total, Dim):
        return indices
    shifted = p.add(indices, cast(total, dtype_of(indices)) if not isinstance(total, int) else total)
    return p.where(p.less(indices, 0), shifted, indices)


@op(operands="x indices")
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return slices of `x` at `indices` along an axis, of the flattened tensor without one; negative indices count from the end.

    Example:
        >>> take([10, 20, 30], [2, -3])
        array([30, 10], dtype=int32)
    """
    if axis is None:
        x, a = p.reshape(x, (-1,)), 0
    else:
        a = canonical_axis("take", axis, ndim(x))
    return p.take(x, _wrapped(indices, shape(x)[a]), a)


@op(operands="x indices")
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the elements of `x` at `indices` along an axis; the other axes broadcast.

    Example:
        >>> take_along_axis([[3, 1], [2, 4]], [[1], [0]], axis=1)
        array([[1],
               [2]], dtype=int32)
    """
    if axis is None:
        x, a = p.reshape(x, (-1,)), 0
        indices = p.reshape(indices, (-1,))
    else:
        a = canonical_axis("take_along_axis", axis, ndim(x))
        if ndim(indices) != ndim(x):
            raise ValueError(f"take_along_axis: x of shape {show(shape(x))} and indices of shape {show(shape(indices))} must have the same rank.")
    return p.take_along_axis(x, _wrapped(indices, shape(x)[a], "take_along_axis"), a)


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Return zeros of `shape` with `values` added at `indices`; duplicates accumulate.

    Args:
        indices: (..., k) integers that index the first k axes.
        values: what to put there.
        shape: shape of the result.

    Example:
        >>> scatter([[0], [2]], [5.0, 7.0], (4,))
        array([5., 0., 7., 0.], dtype=float32)
    """
    return _scatter(values, indices, sizes(shape, "scatter"))


@op(operands="values indices")
def _scatter(values: Any, indices: Any, shape: tuple) -> Any:
    return p.scatter(zeros(shape, dtype_of(values)), indices, values, "add")


_REDUCTIONS = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@op(operands="inputs indices updates")
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Return `inputs` with `updates` written at `indices`, or combined in by "add", "max", "min" or "mul".

    Example:
        >>> scatter_update([1, 2, 3], [[0], [2]], [9, 8])
        array([9, 2, 8], dtype=int32)
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"scatter_update: reduction must be one of {list(_REDUCTIONS)}; received {reduction!r}.")
    return p.scatter(inputs, indices, cast(updates, dtype_of(inputs)), _REDUCTIONS[reduction])


@op(operands="inputs")
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Return the block of `shape` that begins at `start_indices`; a size of -1 reaches to the end.

    Example:
        >>> slice([1, 2, 3, 4], [1], [2])
        array([2, 3], dtype=int32)
    """
    from pronghorn.ops.creation import shape as shape_of

    dims, block = shape_of(inputs), sizes(shape, "slice")
    start = _starts(start_indices)
    if len(block) != len(dims) or len(start) != len(dims):
        raise ValueError(f"slice: start_indices and shape need one entry per axis of {show(dims)}; received {len(start)} and {len(block)}.")
    for i, (s, b, d) in enumerate(zip(start, block, dims, strict=True)):
        if isinstance(s, int) and isinstance(d, int) and isinstance(b, int) and (s < 0 or s + builtins.max(b, 0) > d):
            raise ValueError(f"slice: start {s} and size {b} reach outside axis {i} of size {d}.")
    if builtins.all(isinstance(s, int) for s in start):
        stop = tuple(d if isinstance(b, int) and b == -1 else s + b for s, b, d in zip(start, block, dims, strict=True))
        return p.slice(inputs, start, stop, (1,) * len(dims))
    out = inputs
    for a, (s, b, d) in enumerate(zip(start, block, dims, strict=True)):
        if isinstance(s, int) and s == 0 and b in (-1, d):
            continue
        limit = d - b
        begin = p.minimum(p.maximum(cast(s, "int32"), 0), limit)
        out = p.take(out, p.add(arange(b, dtype="int32"), begin), a)
    return out


def _starts(value: Any) -> tuple:
    value = unwrap(value)
    if isinstance(value, (list, tuple)):
        return tuple([v if type(v) is int else int(v) if isinstance(v, (int, np.integer)) else unwrap(v) for v in value])
    if is_host(value):
        return tuple(int(v) for v in np.asarray(value).reshape(-1))
    return tuple(p.reshape(p.slice(value, (i,), (i + 1,), (1,)), ()) for i in range(int(shape(value)[0])))


@op(operands="inputs")
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Return `inputs` with the block `updates` written at `start_indices`.

    Example:
        >>> slice_update([1, 2, 3], [1], [9])
        array([1, 9, 3], dtype=int32)
    """
    return p.slice_update(inputs, _starts(start_indices), cast(updates, dtype_of(inputs)))


@op(operands="condition x1 x2")
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where the condition holds, else `x2`; without them, the indices of true elements.

    Example:
        >>> where([True, False], 1.0, 2.0)
        array([1., 2.], dtype=float32)
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("where: pass both x1 and x2, or neither.")
    return nonzero(condition) if x1 is None else p.where(condition, x1, x2)


@op
def nonzero(x: Any) -> Any:
    """Return the indices of nonzero elements, one int32 vector per axis.

    Raises:
        CapabilityError: the engine has no results of data-dependent shape.

    Example:
        >>> nonzero([0, 3, 4])
        (array([1, 2], dtype=int32),)
    """
    return p.nonzero(x)


@op
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Return the number (int32) of nonzero elements along axes.

    Example:
        >>> count_nonzero([0, 3, 4])
        array(2, dtype=int32)
    """
    return p.sum(cast(cast(x, "bool"), "int32"), canonical_axes("count_nonzero", axis, ndim(x)), False)


@op
def sort(x: Any, axis: int = -1) -> Any:
    """Return the elements in ascending order along an axis, nan last.

    Example:
        >>> sort([3, 1, 2])
        array([1, 2, 3], dtype=int32)
    """
    if axis is None:
        return p.sort(p.reshape(x, (-1,)), 0)
    return p.sort(x, canonical_axis("sort", axis, ndim(x)))


@op
def argsort(x: Any, axis: int = -1) -> Any:
    """Return the indices (int32) that sort, stably, along an axis.

    Example:
        >>> argsort([3, 1, 2])
        array([1, 2, 0], dtype=int32)
    """
    if axis is None:
        return p.argsort(p.reshape(x, (-1,)), 0)
    return p.argsort(x, canonical_axis("argsort", axis, ndim(x)))


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the k largest elements of the last axis in descending order, and their indices (int32).

    Example:
        >>> top_k([1, 9, 5], 2)
        (array([9, 5], dtype=int32), array([1, 2], dtype=int32))
    """
    n = shape(x)[-1] if shape(x) else 0
    if k < 0 or (isinstance(n, int) and k > n):
        raise ValueError(f"top_k: k must be between 0 and the size of the last axis, {n}; received {k}.")
    return p.top_k(x, int(k))


@op(operands="targets predictions")
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Tell for each row whether the prediction of its target class is among the k largest; ties count as in.

    Example:
        >>> in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], k=1)
        array([ True, False])
    """
    mine = p.take_along_axis(predictions, p.reshape(cast(targets, "int32"), (-1, 1)), 1)
    better = p.sum(cast(p.less(mine, predictions), "int32"), (1,), False)
    return p.logical_and(p.less(better, k), p.isfinite(p.reshape(mine, (-1,))))


@op(operands="sorted_sequence values")
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Return where values would be inserted into a sorted vector (int32).

    Example:
        >>> searchsorted([1.0, 3.0, 5.0], [2.0, 5.0])
        array([1, 2], dtype=int32)
    """
    if side not in ("left", "right"):
        raise ValueError(f'searchsorted: side must be "left" or "right"; received {side!r}.')
    return p.searchsorted(sorted_sequence, values, side)


@op
def getitem(x: Any, key: Any) -> Any:
    """Return `x[key]` for ints, slices, None, Ellipsis, and one or more integer or boolean tensors.

    Example:
        >>> getitem([[1, 2], [3, 4]], (0, -1))
        array(2, dtype=int32)
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    dims = list(shape(x))
    keys = [unwrap(k) for k in keys]
    used = builtins.sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > len(dims):
        raise IndexError(f"Too many indices: {used} for a tensor of shape {show(dims)}.")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    if at is None:
        keys.append(Ellipsis)
        at = len(keys) - 1
    keys[at : at + 1] = [builtins.slice(None)] * (len(dims) - used)
    start: list[Any] = []
    stop: list[Any] = []
    step: list[int] = []
    flips: list[int] = []
    new: list[Any] = []
    arrays: list[Any] = []

    def cut(a: Any, b: Any, s: int) -> None:
        start.append(a)
        stop.append(b)
        step.append(s)

    axis = 0
    for k in keys:
        if k is None:
            new.append(1)
            continue
        d = dims[axis]
        if isinstance(k, builtins.slice):
            a, b, s = _bounds(k, d)
            if s < 0:
                flips.append(axis)
            cut(a, b, builtins.abs(s))
            new.append(("axis", axis))
        elif isinstance(k, (int, np.integer)) and not isinstance(k, bool):
            i = int(k)
            if isinstance(d, int) and not -d <= i < d:
                raise IndexError(f"Index {i} is out of range for axis {axis} of size {d}.")
            i = i if i >= 0 else d + i
            cut(i, i + 1, 1)
        else:
            cut(0, d, 1)
            new.append(("array", axis))
            arrays.append((axis, convert_to_tensor(k)))
        axis += 1
    out = x
    if builtins.any(not (isinstance(a, int) and a == 0 and b is d and s == 1) for a, b, s, d in zip(start, stop, step, dims, strict=True)):
        out = p.slice(x, tuple(start), tuple(stop), tuple(step))
    if flips:
        out = p.flip(out, tuple(flips))
    now = shape(out)
    kept = [n if n == 1 else now[n[1]] for n in new]
    if len(kept) != len(now) or builtins.any(n == 1 for n in new):
        out = p.reshape(out, tuple(kept))
    if not arrays:
        return out
    places = [i for i, n in enumerate(new) if n != 1 and n[0] == "array"]
    values = [v for _, v in arrays]
    if len(values) == 1 and dtype_of(values[0]) == "bool":
        raise TypeError("Indexing with a boolean tensor has a data-dependent shape; use ops.where or ops.nonzero with ops.take.")
    if len(values) == 1:
        return take(out, values[0], places[0])
    if places != list(range(places[0], places[0] + len(places))):
        raise IndexError("Several index tensors must be next to each other.")
    flat: Any = None
    for place, v in zip(places, values, strict=True):
        n = shape(out)[place]
        flat = _wrapped(v, n) if flat is None else p.add(p.multiply(flat, n), _wrapped(v, n))
    merged = (*shape(out)[: places[0]], -1, *shape(out)[places[-1] + 1 :])
    return p.take(p.reshape(out, merged), flat, places[0])


def _bounds(k: Any, d: Any) -> tuple[Any, Any, int]:
    """Bounds of a slice within an axis of size `d`, for a positive step; a negative step is read backwards afterwards."""
    s = 1 if k.step is None else int(k.step)
    if s == 0:
        raise ValueError("A slice step cannot be zero.")
    if isinstance(d, int):
        a, b, s = builtins.slice(*(None if v is None else v.__index__() for v in (k.start, k.stop, k.step))).indices(d)
        if s > 0:
            return a, (d if b >= d else builtins.max(a, b)), s
        n = len(range(a, b, s))
        return (0, 0, s) if n == 0 else (a + (n - 1) * s, a + 1, s)
    if s < 0:
        if k.start is None and k.stop is None:
            if s == -1:
                return 0, d, s
        raise ValueError("A slice with a negative step needs an axis of known size.")
    a = 0 if k.start is None else k.start if _count_up(k.start) else d + k.start
    b = d if k.stop is None else k.stop if _count_up(k.stop) else d + k.stop
    return a, b, s


def _count_up(v: Any) -> bool:
    return not (isinstance(v, int) and v < 0)
