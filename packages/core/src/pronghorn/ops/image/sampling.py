"""Reading tensors at places between their elements, and the transforms of images that do so."""

import itertools
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.errors import closest
from pronghorn.backend.op import op
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, shape
from pronghorn.ops.image.layout import as_before, as_float, images_last
from pronghorn.ops.image.scaling import known_number

__all__ = ["affine_transform", "map_coordinates", "perspective_transform"]

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}


def one_of(name: str, argument: str, value: Any, allowed: Any) -> None:
    """Raise `ValueError` for a value that is not among the allowed ones."""
    if value not in allowed:
        raise ValueError(f"{name}: {argument} must be one of {', '.join(map(str, allowed))}; received {value!r}.{closest(value, map(str, allowed))}")


def _inside(i: Any, n: Any, mode: str) -> tuple[Any, Any]:
    """Return indices within an axis of `n` elements for any integers, and where they are real ones (None: everywhere)."""
    last = n - 1
    if mode in ("constant", "nearest"):
        valid = p.logical_and(p.less_equal(0, i), p.less_equal(i, last)) if mode == "constant" else None
        return p.minimum(p.maximum(i, 0), last), valid
    if mode == "wrap":
        return p.mod(i, n), None
    period, again = (last * 2, 0) if mode == "mirror" else (n * 2, 1)
    period = max(period, 1) if isinstance(period, int) else p.maximum(period, 1)
    j = p.mod(i, period)
    return p.where(p.less(last, j), p.subtract(period - again, j), j), None


def sample(table: Any, dims: tuple, places: list[Any], order: int, mode: str, fill_value: Any, start: Any = 0) -> Any:
    """Read a table of rows, which are the elements of a tensor of shape `dims` in order, at places of one shape.

    Args:
        table: (elements, channels).
        dims: sizes of the axes that the elements lie along.
        places: one float tensor per axis.
        order: 0 for the nearest element, 1 for linear interpolation.
        mode: one of `FILL_MODES`.
        fill_value: number outside, for "constant".
        start: where the elements of each place begin in the table.

    Returns:
        (*places, channels).
    """
    corners: list[list[tuple]] = []
    for place, d in zip(places, dims, strict=True):
        n = known_number(d, cast(place, "int32"))
        if mode in ("constant", "nearest") and isinstance(n, int):  # far away is as good as just outside, and fits into int32
            place = p.minimum(p.maximum(place, -2.0), n + 1.0)
        if order == 0:
            low = p.floor(p.add(place, 0.5))
            corners.append([(*_inside(cast(p.stop_gradient(low), "int32"), n, mode), None)])
        else:
            low = p.stop_gradient(p.floor(place))
            share, i = cast(p.subtract(place, low), dtype_of(table)), cast(low, "int32")
            corners.append([(*_inside(i, n, mode), p.subtract(1.0, share)), (*_inside(p.add(i, 1), n, mode), share)])
    fill = cast(convert_to_tensor(fill_value), dtype_of(table)) if mode == "constant" else None
    total: Any = None
    for choice in itertools.product(*corners):
        index, valid, weight = start, None, None
        for (i, v, w), d in zip(choice, dims, strict=True):
            index = p.add(p.multiply(index, known_number(d, i)) if not (isinstance(index, int) and index == 0) else 0, i)
            valid = v if valid is None else valid if v is None else p.logical_and(valid, v)
            weight = w if weight is None else weight if w is None else p.multiply(weight, w)
        value = p.take(table, index, 0)
        if valid is not None:
            value = p.where(p.reshape(valid, (*shape(valid), 1)), value, fill)
        if weight is not None:
            value = p.multiply(value, p.reshape(weight, (*shape(weight), 1)))
        total = value if total is None else p.add(total, value)
    return total


def _places(x: Any) -> Any:
    """Return coordinates as floats that tell pixels apart."""
    return x if dtype_of(x) in ("float32", "float64") else cast(x, "float32")


@op(operands="inputs coordinates")
def map_coordinates(inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0) -> Any:
    """Return the values of a tensor at places between its elements.

    Args:
        inputs: tensor of any rank n.
        coordinates: (n, ...), where along each axis.
        order: 0 for the nearest element (halves go up), 1 for linear interpolation.
        fill_mode: what lies outside: "constant", "nearest" (the last element), "wrap" (the other end), "mirror" (back again, without
            the last element), "reflect" (with it).
        fill_value: number outside, for "constant".

    Returns:
        `coordinates.shape[1:]`, in the dtype of `inputs`.

    Raises:
        ValueError: another order or mode, or coordinates for another number of axes.

    Example:
        >>> map_coordinates([[0.0, 1.0], [2.0, 3.0]], [[0.5], [1.0]], 1)
        array([2.], dtype=float32)
    """
    name = "map_coordinates"
    one_of(name, "order", order, (0, 1))
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    dims, grid = shape(inputs), shape(coordinates)
    if not dims or len(grid) < 2 or (isinstance(grid[0], int) and grid[0] != len(dims)):
        raise ValueError(f"{name}: inputs of shape {show(dims)} need coordinates of shape ({len(dims)}, ...); received {show(grid)}.")
    places = _places(coordinates)
    rest = (0,) * (len(grid) - 1)
    axes = [p.reshape(p.slice(places, (i, *rest), (i + 1, *grid[1:]), (1,) * len(grid)), grid[1:]) for i in range(len(dims))]
    table = p.reshape(inputs if order == 0 else as_float(inputs), (-1, 1))
    out = p.reshape(sample(table, dims, axes, order, fill_mode, _fill(table, fill_value)), grid[1:])
    return as_before(out, dtype_of(inputs)) if order else out


def _fill(table: Any, value: Any) -> Any:
    """Return a fill value that the dtype of the table has."""
    name = dtype_of(table)
    return value if name in dtypes.FLOAT or not isinstance(value, (int, float)) else bool(value) if name == "bool" else int(value)


def pixels(x: Any) -> tuple[Any, Any]:
    """Return the columns (1, 1, width) and rows (1, height, 1) of channels-last images as float32."""
    _, height, width, _ = shape(x)
    return (
        p.reshape(cast(arange(width, dtype="int32"), "float32"), (1, 1, width)),
        p.reshape(cast(arange(height, dtype="int32"), "float32"), (1, height, 1)),
    )


def warp(images: Any, x: Any, across: Any, down: Any, order: int, mode: str, fill_value: Any) -> Any:
    """Read channels-last images at places (batch, height, width), one field for all where that batch is one; in the dtype of `images`."""
    batch, height, width, channels = shape(x)
    wide = x if order == 0 else as_float(x)
    first = p.reshape(arange(batch, dtype="int32"), (batch, 1, 1))
    table = p.reshape(wide, (-1, channels))
    out = sample(table, (height, width), [down, across], order, mode, _fill(table, fill_value), first)
    return as_before(out, dtype_of(images)) if order else out


def _mapped(x: Any, m: list[Any]) -> tuple[Any, Any]:
    """Return where a projective transform of nine numbers (each (batch, 1, 1), or a number) takes each pixel."""
    across, down = pixels(x)

    def line(a: Any, b: Any, c: Any) -> Any:
        return p.add(p.add(p.multiply(across, a), p.multiply(down, b)), c)

    below = line(*m[6:])
    return p.divide(line(*m[:3]), below), p.divide(line(*m[3:6]), below)


def _per_image(name: str, what: str, value: Any, tail: tuple[int, ...], batch: Any) -> Any:
    """Return an argument as (batch or 1, *tail) in float32."""
    v = cast(convert_to_tensor(value), "float32")
    dims = shape(v)
    rows = dims[0] if len(dims) == len(tail) + 1 else 1
    fits = dims[-len(tail) :] == tail and len(dims) in (len(tail), len(tail) + 1)
    if not fits or (isinstance(rows, int) and isinstance(batch, int) and rows not in (1, batch)):
        raise ValueError(f"{name}: {what} must have shape {show(tail)}, or one of that per image ({show((batch, *tail))}); received {show(dims)}.")
    return p.reshape(v, (rows, *tail))


def _column(v: Any, *at: int) -> Any:
    """Return one element of each image's argument as (batch, 1, 1)."""
    rows = shape(v)[0]
    return p.reshape(p.slice(v, (0, *at), (rows, *(i + 1 for i in at)), (1,) * (len(at) + 1)), (rows, 1, 1))


@op(operands="images transform")
def affine_transform(
    images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0, data_format: str | None = None
) -> Any:
    """Return images transformed by matrices that take each new pixel to the place it comes from.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        transform: (batch, 8) or (8,): a0, a1, a2, b0, b1, b2, c0, c1. The pixel in column x and row y comes from column
            (a0 x + a1 y + a2) / k and row (b0 x + b1 y + b2) / k with k = c0 x + c1 y + 1.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "nearest", "wrap", "mirror" or "reflect", as in `map_coordinates`.
        fill_value: number outside, for "constant".
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: an unknown mode, or shapes that do not fit.

    Example:
        >>> affine_transform([[[1.0], [2.0]]], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]).ravel()
        array([2., 0.], dtype=float32)
    """
    name = "affine_transform"
    one_of(name, "interpolation", interpolation, tuple(ORDERS))
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    x, back = images_last(name, images, data_format)
    t = _per_image(name, "transform", transform, (8,), shape(x)[0])
    across, down = _mapped(x, [*(_column(t, i) for i in range(8)), 1.0])
    return back(warp(images, x, across, down, ORDERS[interpolation], fill_mode, fill_value))


def _adjugate(m: list[Any]) -> list[Any]:
    """Return the inverse of a 3 x 3 matrix times its determinant, which homogeneous coordinates do not notice."""

    def minor(a: int, b: int, c: int, d: int) -> Any:
        return p.subtract(p.multiply(m[a], m[d]), p.multiply(m[b], m[c]))

    return [
        minor(4, 5, 7, 8), minor(2, 1, 8, 7), minor(1, 2, 4, 5), minor(5, 3, 8, 6), minor(0, 2, 6, 8), minor(2, 0, 5, 3), minor(3, 4, 6, 7), minor(1, 0, 7, 6),
        minor(0, 1, 3, 4),
    ]  # fmt: skip


def _product(a: list[Any], b: list[Any]) -> list[Any]:
    def entry(i: int, j: int) -> Any:
        return p.add(p.add(p.multiply(a[3 * i], b[j]), p.multiply(a[3 * i + 1], b[3 + j])), p.multiply(a[3 * i + 2], b[6 + j]))

    return [entry(i, j) for i in range(3) for j in range(3)]


def _basis(points: Any, scale: Any) -> list[Any]:
    """Return the matrix that takes the three axes and (1, 1, 1) to four points (Heckbert, 1989), given as (batch, 4, 2)."""
    x, y = ([p.divide(_column(points, i, axis), scale) for i in range(4)] for axis in range(2))
    m = [x[0], x[1], x[2], y[0], y[1], y[2], 1.0, 1.0, 1.0]
    inverse = _adjugate(m)
    factors = [p.add(p.add(p.multiply(inverse[3 * i], x[3]), p.multiply(inverse[3 * i + 1], y[3])), inverse[3 * i + 2]) for i in range(3)]
    return [p.multiply(factors[i % 3], v) for i, v in enumerate(m)]


@op(operands="images start_points end_points")
def perspective_transform(
    images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear", fill_value: float = 0, data_format: str | None = None
) -> Any:
    """Return images in another perspective: what is at the four start points comes to the four end points.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        start_points: (batch, 4, 2) or (4, 2): column and row of four points, of which no three are on one line.
        end_points: the same, in the result.
        interpolation: "bilinear" or "nearest".
        fill_value: number outside the image.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: an unknown interpolation, or shapes that do not fit.

    Example:
        >>> corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
        >>> swapped = [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        >>> perspective_transform([[[1.0], [2.0]], [[3.0], [4.0]]], corners, swapped)[..., 0].round(3).tolist()
        [[2.0, 1.0], [4.0, 3.0]]
    """
    name = "perspective_transform"
    one_of(name, "interpolation", interpolation, tuple(ORDERS))
    x, back = images_last(name, images, data_format)
    batch, height, width, _ = shape(x)
    start, end = (_per_image(name, what, v, (4, 2), batch) for what, v in (("start_points", start_points), ("end_points", end_points)))
    scale = float(max(height, width)) if isinstance(height, int) and isinstance(width, int) else 256.0  # keeps products of points small
    m = _product(_basis(start, scale), _adjugate(_basis(end, scale)))
    last = m[8]
    m = [p.divide(v, last) for v in m]  # so that products with pixels stay small as well
    m = [v if i in (0, 1, 3, 4, 8) else p.multiply(v, scale) if i in (2, 5) else p.divide(v, scale) for i, v in enumerate(m)]
    across, down = _mapped(x, m)
    return back(warp(images, x, across, down, ORDERS[interpolation], "constant", fill_value))
