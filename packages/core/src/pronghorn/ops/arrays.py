"""Making, viewing, joining and cutting arrays: the rest of NumPy's vocabulary."""

import builtins
import re
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import same, size_of
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, ndim, shape, sizes, zeros_like
from pronghorn.ops.elementwise import clip, isnan
from pronghorn.ops.indexing import getitem
from pronghorn.ops.shaping import flip, split, transpose

__all__ = [
    "append", "array", "dsplit", "dtype", "empty_like", "fliplr", "flipud", "get_item", "hsplit", "rearrange", "saturate_cast", "unravel_index",
    "view", "vsplit",
]  # fmt: skip

get_item = getitem


def array(x: Any, dtype: Any = None) -> Any:
    """Return `x` as a tensor of the active backend.

    Example:
        >>> array([1, 2])
        array([1, 2], dtype=int32)
    """
    return convert_to_tensor(x, dtype)


def dtype(x: Any) -> str:
    """Return the dtype of a tensor as a string.

    Example:
        >>> dtype(array([1.0]))
        'float32'
    """
    return dtype_of(x)


@op
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Return a tensor of the shape and dtype of `x` whose values are not specified (here: zeros).

    Example:
        >>> empty_like([[1, 2]]).shape
        (1, 2)
    """
    return zeros_like(x, dtype)


@op(operands="x1 x2", dtype=same)
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """Join two tensors along an axis, both flattened without one.

    Raises:
        ValueError: with an axis, shapes that differ elsewhere.

    Example:
        >>> append([1, 2], [[3, 4]])
        array([1, 2, 3, 4], dtype=int32)
    """
    if axis is None:
        return p.concatenate([p.reshape(x1, (-1,)), p.reshape(x2, (-1,))], 0)
    return p.concatenate([x1, x2], canonical_axis("append", axis, ndim(x1)))


# -- cut and reverse -----------------------------------------------------------------------------------------------------------------------
def _at_least(name: str, x: Any, rank: int) -> int:
    n = ndim(x)
    if n < rank:
        raise ValueError(f"{name}: expected a tensor of rank {rank} or more; received shape {show(shape(x))}.")
    return n


@op
def hsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut along the second axis, a vector along its only one.

    Example:
        >>> [v.tolist() for v in hsplit([[1, 2, 3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    return split(x, indices_or_sections, builtins.min(1, _at_least("hsplit", x, 1) - 1))


@op
def vsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut along the first axis of a tensor of rank two or more.

    Example:
        >>> [v.tolist() for v in vsplit([[1, 2], [3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    _at_least("vsplit", x, 2)
    return split(x, indices_or_sections, 0)


@op
def dsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut along the third axis.

    Example:
        >>> [v.tolist() for v in dsplit([[[1, 2]]], 2)]
        [[[[1]]], [[[2]]]]
    """
    _at_least("dsplit", x, 3)
    return split(x, indices_or_sections, 2)


@op
def fliplr(x: Any) -> Any:
    """Reverse the second axis.

    Example:
        >>> fliplr([[1, 2], [3, 4]])
        array([[2, 1],
               [4, 3]], dtype=int32)
    """
    _at_least("fliplr", x, 2)
    return flip(x, 1)


@op
def flipud(x: Any) -> Any:
    """Reverse the first axis.

    Example:
        >>> flipud([[1, 2], [3, 4]])
        array([[3, 4],
               [1, 2]], dtype=int32)
    """
    _at_least("flipud", x, 1)
    return flip(x, 0)


# -- bits and ranges of dtypes -------------------------------------------------------------------------------------------------------------
_SIGNED = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}


def _bytes(name: str) -> int:
    return int(dtypes.numpy_dtype(name).itemsize)


@op
def view(x: Any, dtype: Any = None) -> Any:
    """Read the bits of `x` as another dtype, little end first.

    Args:
        x: tensor, (..., n).
        dtype: dtype name; None returns `x`. A narrower one makes the last axis longer, a wider one shorter.

    Raises:
        ValueError: the last axis does not hold a whole number of elements.

    Example:
        >>> view(array([1.0, 2.0]), "int32")
        array([1065353216, 1073741824], dtype=int32)
    """
    if dtype is None:
        return x
    source, target = dtype_of(x), dtypes.standardize(dtype)
    if dtypes.COMPLEX & {source, target}:
        raise TypeError(f"view: complex numbers have no bits to read; received {source} and {target}. Use ops.view_as_real.")
    old, new = _bytes(source), _bytes(target)
    if source == target:
        return x
    bits = x if source == _SIGNED[old] else p.cast(x, "int8") if source == "bool" else p.view(x, _SIGNED[old])
    if old != new:
        dims = shape(x)
        if not dims:
            raise ValueError(f"view: a scalar of {source} cannot be read as {target}, which has another width.")
        bits = _narrower(bits, dims, old, new) if new < old else _wider(bits, dims, old, new, (source, target))
    if target == _SIGNED[new]:
        return bits
    return p.cast(bits, "bool") if target == "bool" else p.view(bits, target)


def _narrower(bits: Any, dims: tuple, old: int, new: int) -> Any:
    """Cut each integer into parts, the lowest first."""
    parts = []
    for i in range(old // new):
        top = p.bitwise_left_shift(bits, 8 * (old - new * (i + 1))) if i + 1 < old // new else bits
        parts.append(p.reshape(p.cast(p.bitwise_right_shift(top, 8 * (old - new)), _SIGNED[new]), (*dims, 1)))
    return p.reshape(p.concatenate(parts, len(dims)), (*dims[:-1], dims[-1] * (old // new)))


def _wider(bits: Any, dims: tuple, old: int, new: int, names: tuple) -> Any:
    """Put neighbouring integers together, the first lowest."""
    n = new // old
    if isinstance(dims[-1], int) and dims[-1] % n:
        raise ValueError(f"view: {names[1]} is {n} times as wide as {names[0]}; the last axis of shape {show(dims)} does not divide by that.")
    wide = p.cast(p.reshape(bits, (*dims[:-1], dims[-1] // n, n)), _SIGNED[new])
    out: Any = None
    for i in range(n):
        start = (0,) * len(dims) + (i,)
        part = p.reshape(p.slice(wide, start, (*shape(wide)[:-1], i + 1), (1,) * len(start)), (*dims[:-1], dims[-1] // n))
        if i + 1 < n:  # the highest part brings the sign, of the others only their own bits count
            part = p.bitwise_and(part, (1 << 8 * old) - 1)
        part = p.bitwise_left_shift(part, 8 * old * i) if i else part
        out = part if out is None else p.bitwise_or(out, part)
    return out


def _finite_range(name: str) -> tuple:
    """The smallest and the largest finite number of a dtype."""
    if name == "bool":
        return 0, 1
    if name in dtypes.INTEGER:
        info = np.iinfo(name)
        return int(info.min), int(info.max)
    import ml_dtypes

    largest = float(ml_dtypes.finfo(dtypes.numpy_dtype(name)).max)
    return -largest, largest


@op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """Convert to another dtype; numbers outside its range become the nearest one inside. Nan becomes 0 in an integer dtype.

    Example:
        >>> saturate_cast([-5.5, 3.7, 300.0], "uint8")
        array([  0,   3, 255], dtype=uint8)
    """
    source, target = dtype_of(x), dtypes.standardize(dtype)
    if source == "bool" or target == "bool" or dtypes.COMPLEX & {source, target}:
        return cast(x, target)
    (low, high), (least, most) = _finite_range(target), _finite_range(source)
    if source in dtypes.INTEGER or target in dtypes.FLOAT:
        if low <= least and most <= high:
            return cast(x, target)
        bounds = builtins.max(low, least), builtins.min(high, most)
        if target == "float16" and source == "bfloat16":  # which has no number for the limit
            x = cast(x, "float32")
        return cast(clip(x, *(bounds if source in dtypes.FLOAT else (int(v) for v in bounds))), target)
    # the limits of wide integers are no floats: convert what is inside for sure, then put the limits in
    bottom, top = _inside(low, source), _inside(high, source)
    z = p.where(isnan(x), 0.0, x)
    out = cast(clip(z, bottom, top), target)
    out = p.where(p.less(top, z), high, out) if top < high else out
    return p.where(p.less(z, bottom), low, out) if bottom > low else out


def _inside(limit: int, name: str) -> float:
    """The float of dtype `name` closest to an integer limit on the side of zero."""
    kind = dtypes.numpy_dtype(name).type
    with np.errstate(over="ignore"):
        near = kind(limit)
    return float(near if builtins.abs(float(near)) <= builtins.abs(limit) else np.nextafter(near, kind(0)))


# -- positions and axes by name ------------------------------------------------------------------------------------------------------------
@op(operands="indices")
def unravel_index(indices: Any, shape: Any) -> tuple:
    """Return the coordinates of flat indices in a tensor of `shape`, one tensor per axis; negative indices count from the end.

    Raises:
        TypeError: indices that are not integers.

    Example:
        >>> unravel_index([5, 0], (3, 4))
        (array([1, 0], dtype=int32), array([1, 0], dtype=int32))
    """
    name = dtype_of(indices)
    if name not in dtypes.INTEGER:
        raise TypeError(f"unravel_index: indices must be integers; received {name}. Cast them first.")
    dims = sizes(shape, "unravel_index")
    rest = indices if name in ("int32", "int64", "uint32", "uint64") else cast(indices, "int32")
    if name not in dtypes.UNSIGNED:
        rest = p.where(p.less(rest, 0), p.add(rest, size_of(dims)), rest)
    out: list[Any] = []
    for d in reversed(dims):
        out.append(cast(p.mod(rest, d), name))
        rest = p.floor_divide(rest, d)
    return tuple(reversed(out))


_TOKEN = re.compile(r"\(|\)|\.\.\.|\w+")


def _groups(side: str, pattern: str) -> list[list[str]]:
    """One side of a pattern as a list of groups of names, one per axis."""
    if _TOKEN.sub("", side).strip():
        raise ValueError(f"rearrange: cannot read {_TOKEN.sub('', side).strip()!r} in {pattern!r}: use names, 1, ... and parentheses.")
    groups: list[list[str]] = []
    inside: list[str] | None = None
    for token in _TOKEN.findall(side):
        if token == "(" and inside is None:
            inside = []
        elif token == ")" and inside is not None:
            groups.append(inside)
            inside = None
        elif token in "()":
            raise ValueError(f"rearrange: the parentheses of {pattern!r} do not match.")
        elif inside is not None:
            inside.append(token)
        else:
            groups.append([token])
    if inside is not None:
        raise ValueError(f"rearrange: the parentheses of {pattern!r} do not match.")
    return groups


def _spread(groups: list[list[str]], hidden: list[str]) -> list[list[str]]:
    """Put the names of the axes that `...` stands for in its place."""
    out: list[list[str]] = []
    for group in groups:
        if group == ["..."]:
            out += [[h] for h in hidden]
        else:
            out.append([n for name in group if name != "1" for n in (hidden if name == "..." else [name])])
    return out


def _lengths(left: list[list[str]], dims: tuple, given: dict[str, Any], pattern: str) -> dict[str, Any]:
    """The size of every name: given, or what is left of its axis."""
    found: dict[str, Any] = dict(given)
    for group, d in zip(left, dims, strict=True):
        unknown = [n for n in group if n not in found]
        known = size_of(found[n] for n in group if n in found)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: {pattern!r} leaves the sizes of {', '.join(unknown)} open; pass all but one of them by name.")
        fits = not (isinstance(d, int) and isinstance(known, int)) or (d == known if not unknown else known > 0 and d % known == 0)
        if not fits:
            raise ValueError(f"rearrange: axis ({' '.join(group)}) of {pattern!r} has size {d}, which does not fit the sizes {given}.")
        if unknown:
            found[unknown[0]] = d if isinstance(known, int) and known == 1 else d // known
    return found


@op(operands="tensor")
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Transpose, merge and split axes, described by their names.

    Args:
        tensor: tensor.
        pattern: names of the axes before and after `->`; parentheses merge or split, `1` is an axis of size one, `...` any others.
        axes_lengths: sizes of names that the shape does not give.

    Raises:
        ValueError: a pattern that cannot be read or does not fit the shape.

    Example:
        >>> rearrange([[1, 2, 3, 4]], "n (h w) -> n w h", h=2)
        array([[[1, 3],
                [2, 4]]], dtype=int32)
    """
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f'rearrange: a pattern has two sides around one "->"; received {pattern!r}.')
    before, after = (_groups(s, pattern) for s in sides)
    dims = shape(tensor)
    flat = [n for g in before for n in g]
    if flat.count("...") > 1 or any("..." in g and len(g) > 1 for g in before):
        raise ValueError(f"rearrange: {pattern!r} has an ellipsis more than once or in parentheses on its left side.")
    hidden = [f"...{i}" for i in range(len(dims) - len(before) + 1)] if "..." in flat else []
    left, right = _spread(before, hidden), _spread(after, hidden)
    if len(left) != len(dims):
        raise ValueError(f"rearrange: {pattern!r} describes {len(left)} axes; the tensor has shape {show(dims)}.")
    names, order = [n for g in left for n in g], [n for g in right for n in g]
    if len(set(names)) != len(names) or sorted(names) != sorted(order):
        raise ValueError(f"rearrange: both sides of {pattern!r} must have the same names, each once.")
    if unknown := [n for n in axes_lengths if n not in names]:
        raise ValueError(f"rearrange: sizes were given for {', '.join(unknown)}, which {pattern!r} does not name.")
    found = _lengths(left, dims, axes_lengths, pattern)
    out = p.reshape(tensor, tuple(found[n] for n in names))
    out = transpose(out, [names.index(n) for n in order])
    return p.reshape(out, tuple(size_of(found[n] for n in g) for g in right))
