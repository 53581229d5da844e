"""Other sizes: resizing by interpolation, as products with matrices of weights."""

import math
from collections.abc import Callable
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.errors import closest
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, shape, sizes
from pronghorn.ops.image.layout import as_before, as_float, images_last, two_numbers
from pronghorn.ops.reduction import cast_count

__all__ = ["resize", "scale_and_translate"]


# -- weights of a sample at some distance ----------------------------------------------------------------------------------------------------
def _triangle(x: Any) -> Any:
    return p.maximum(p.subtract(1.0, x), 0.0)


def _cubic(x: Any) -> Any:
    """Keys' cubic convolution with a slope of -1/2 (1981)."""
    near = p.add(p.multiply(p.multiply(p.subtract(p.multiply(x, 1.5), 2.5), x), x), 1.0)
    far = p.add(p.multiply(p.subtract(p.multiply(p.add(p.multiply(x, -0.5), 2.5), x), 4.0), x), 2.0)
    return p.where(p.less(x, 1.0), near, p.where(p.less(x, 2.0), far, 0.0))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def weight(x: Any) -> Any:
        small = p.less(x, 1e-3)
        turn = p.multiply(p.where(small, 1.0, x), math.pi)
        wave = p.divide(p.multiply(p.multiply(p.sin(turn), p.sin(p.divide(turn, radius))), radius), p.multiply(turn, turn))
        return p.where(p.less(radius, x), 0.0, p.where(small, 1.0, wave))

    return weight


_KERNELS: dict[str, Callable[[Any], Any]] = {"bilinear": _triangle, "bicubic": _cubic, "lanczos3": _lanczos(3.0), "lanczos5": _lanczos(5.0)}
#: names that `scale_and_translate` takes too
_SAME = {"linear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "tricubic": "bicubic"}

_EDGE = 0.5 + 1e-4


def _kernel(name: str, argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{name}: {argument} must be one of {', '.join(allowed)}; received {value!r}.{closest(str(value), allowed)}")
    return _SAME.get(value, value)


def _normalized(weights: Any) -> Any:
    """Scale rows to a sum of one; rows of nothing stay zero."""
    total = p.sum(weights, (1,), True)
    some = p.less(1e-4, p.abs(total))
    return p.where(some, p.divide(weights, p.where(some, total, 1.0)), 0.0)


def _apply(x: Any, weights: Any, axis: int) -> Any:
    """Multiply the rows of `x` along an axis by a matrix (new size, old size)."""
    dims = shape(x)
    flat = x if axis == len(dims) - 2 else p.reshape(x, (*dims[: axis + 1], -1))
    if axis == len(dims) - 1:
        flat = p.reshape(x, (*dims, 1))
    out = p.matmul(weights, flat)
    return p.reshape(out, (*dims[:axis], shape(weights)[0], *dims[axis + 1 :]))


# -- resizing --------------------------------------------------------------------------------------------------------------------------------
def known_number(n: Any, like: Any) -> Any:
    """A size as a number, or as a scalar in the dtype of `like` where it is not known yet."""
    return n if isinstance(n, int) else cast_count(n, like)


def _places(new: int, old: Any, name: str) -> tuple[Any, Any]:
    """Return where the centres of `new` samples lie among `old` ones: the sample before (from -1), int32, and the exact rest of the way to the next."""
    steps = p.add(p.multiply(arange(new, dtype="int32"), 2), 1)
    ahead = p.subtract(p.multiply(steps, known_number(old, steps)), new)  # over 2 * new
    low = p.floor_divide(ahead, 2 * new)
    rest = p.subtract(ahead, p.multiply(low, 2 * new))
    return low, p.divide(cast(rest, name), 2.0 * new)


def _nearest(x: Any, new: int, axis: int) -> Any:
    old = shape(x)[axis]
    steps = p.add(p.multiply(arange(new, dtype="int32"), 2), 1)
    return p.take(x, p.floor_divide(p.multiply(steps, known_number(old, steps)), 2 * new), axis)


def _linear(x: Any, new: int, axis: int) -> Any:
    dims = shape(x)
    low, rest = _places(new, dims[axis], dtype_of(x))
    last = known_number(dims[axis], low) - 1
    first = p.take(x, p.maximum(low, 0), axis)
    second = p.take(x, p.minimum(p.add(low, 1), last), axis)
    rest = p.reshape(rest, (*(1,) * axis, new, *(1,) * (len(dims) - axis - 1)))
    return p.add(first, p.multiply(p.subtract(second, first), rest))


def _weighted(x: Any, new: int, axis: int, kernel: str, antialias: bool) -> Any:
    old, name = shape(x)[axis], dtype_of(x)
    low, rest = _places(new, old, name)
    gap = p.subtract(p.reshape(low, (new, 1)), p.reshape(arange(old, dtype="int32"), (1, old)))
    away = p.abs(p.add(cast(gap, name), p.reshape(rest, (new, 1))))
    if antialias:  # shrinking takes more samples together
        ratio = p.divide(known_number(old, x), float(new)) if not isinstance(old, int) else max(old / new, 1.0)
        away = p.divide(away, ratio if isinstance(old, int) else p.maximum(ratio, 1.0))
    return _apply(x, _normalized(_KERNELS[kernel](away)), axis)


def _resized(x: Any, size: tuple[int, int], kernel: str, antialias: bool) -> Any:
    for axis, new in zip((1, 2), size, strict=True):
        old = shape(x)[axis]
        if isinstance(old, int) and old == new:
            continue
        if kernel == "nearest":
            x = _nearest(x, new, axis)
        elif kernel == "bilinear" and not (antialias and not (isinstance(old, int) and old <= new)):
            x = _linear(x, new, axis)
        else:
            x = _weighted(x, new, axis, kernel, antialias)
    return x


def _known(name: str, what: str, height: Any, width: Any) -> None:
    if not (isinstance(height, int) and isinstance(width, int)):
        raise ValueError(f"{name}: {what} needs images of known height and width; received ({show((height, width))}).")


def _cropped(x: Any, size: tuple[int, int]) -> Any:
    """Cut the middle part that has the aspect ratio of `size`."""
    batch, height, width, channels = shape(x)
    _known("resize", "crop_to_aspect_ratio", height, width)
    h = min(height, max(int(width * size[0] / size[1]), 1))
    w = min(width, max(int(height * size[1] / size[0]), 1))
    top, left = (height - h) // 2, (width - w) // 2
    return p.slice(x, (0, top, left, 0), (batch, top + h, left + w, channels), (1,) * 4)


def _padded(x: Any, size: tuple[int, int], value: Any) -> Any:
    """Add a border so that the image has the aspect ratio of `size`."""
    _, height, width, _ = shape(x)
    _known("resize", "pad_to_aspect_ratio", height, width)
    h, w = max(height, int(width * size[0] / size[1])), max(width, int(height * size[1] / size[0]))
    rows, columns = (h - height) // 2, (w - width) // 2  # the same on either side, so the ratio may be missed by a pixel
    return p.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)), value)


@op
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Return images of another size; integers are rounded and stay within their range.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        size: height and width of the result.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5"; samples are centres of pixels.
        antialias: whether shrinking averages over all pixels that a new one covers.
        crop_to_aspect_ratio: whether to cut the middle part of the new aspect ratio out first.
        pad_to_aspect_ratio: whether to add a border first, for the new aspect ratio.
        fill_mode: "constant".
        fill_value: number in that border.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: an unknown interpolation, or arguments that exclude each other.

    Example:
        >>> resize([[[0.0], [1.0]]], (1, 4)).ravel()
        array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    kernel = _kernel("resize", "interpolation", interpolation, ("nearest", *_KERNELS))
    if fill_mode != "constant":
        raise ValueError(f'resize: fill_mode must be "constant"; received {fill_mode!r}.')
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True.")
    new = two_numbers("resize", "size", size)
    name = dtype_of(images)
    x, back = images_last("resize", images, data_format)
    if kernel != "nearest":
        x = as_float(x)
    if crop_to_aspect_ratio:
        x = _cropped(x, new)
    elif pad_to_aspect_ratio:
        x = _padded(x, new, fill_value if dtype_of(x) in dtypes.FLOAT else bool(fill_value) if dtype_of(x) == "bool" else int(fill_value))
    out = _resized(x, new, kernel, bool(antialias))
    return back(out if kernel == "nearest" else as_before(out, name))


# -- scaling and translating -----------------------------------------------------------------------------------------------------------------
@op(operands="images")
def scale_and_translate(images: Any, output_shape: Any, scale: Any, translation: Any, spatial_dims: Any, method: str, antialias: bool = True) -> Any:
    """Return images scaled, then moved, by interpolation; what lies outside the image is zero.

    Args:
        images: tensor of any rank.
        output_shape: its new shape, which differs along `spatial_dims` only.
        scale: vector of one factor per spatial axis.
        translation: vector of one distance per spatial axis, in new pixels.
        spatial_dims: the axes.
        method: "linear" (also "bilinear", "trilinear"), "cubic" (also "bicubic", "tricubic"), "lanczos3" or "lanczos5".
        antialias: whether shrinking averages over all pixels that a new one covers.

    Raises:
        ValueError: an unknown method, or shapes that do not fit.

    Example:
        >>> scale_and_translate([1.0, 2.0, 3.0], (3,), [1.0], [1.0], (0,), "linear")
        array([0., 1., 2.], dtype=float32)
    """
    title = "scale_and_translate"
    kernel = _kernel(title, "method", method, (*_SAME, *_KERNELS))
    dims = shape(images)
    axes = canonical_axes(title, spatial_dims, len(dims))
    wanted = sizes(output_shape, title)
    if len(wanted) != len(dims) or any(not same_dim(a, b) for i, (a, b) in enumerate(zip(dims, wanted, strict=True)) if i not in axes):
        raise ValueError(f"{title}: output_shape {show(wanted)} may differ from the shape {show(dims)} of images along the axes {axes} only.")
    name = dtype_of(images)
    x = as_float(images)
    factors, moves = (_vector(title, what, v, len(axes), dtype_of(x)) for what, v in (("scale", scale), ("translation", translation)))
    for i, axis in enumerate(axes):
        x = _moved(x, wanted[axis], axis, factors[i], moves[i], kernel, bool(antialias))
    return as_before(x, name)


def _vector(name: str, what: str, value: Any, n: int, dtype: str) -> list[Any]:
    """Return the elements of a vector as scalar tensors."""
    v = cast(convert_to_tensor(value), dtype)
    if shape(v) != (n,):
        raise ValueError(f"{name}: {what} must have one number per spatial axis, shape ({n},); received {show(shape(v))}.")
    return [p.slice(v, (i,), (i + 1,), (1,)) for i in range(n)]


def _moved(x: Any, new: Any, axis: int, factor: Any, move: Any, kernel: str, antialias: bool) -> Any:
    old, name = shape(x)[axis], dtype_of(x)
    step = p.divide(1.0, factor)
    centres = p.add(cast(arange(new, dtype="int32"), name), 0.5)
    at = p.subtract(p.subtract(p.multiply(centres, step), p.multiply(move, step)), 0.5)
    away = p.abs(p.subtract(p.reshape(at, (new, 1)), p.reshape(cast(arange(old, dtype="int32"), name), (1, old))))
    weights = _normalized(_KERNELS[kernel](p.divide(away, p.maximum(step, 1.0)) if antialias else away))
    # a sample on the very edge counts as inside, whichever way it was rounded
    inside = p.logical_and(p.less_equal(-_EDGE, at), p.less_equal(at, p.add(known_number(old, at) - 1, _EDGE)))
    return _apply(x, p.where(p.reshape(inside, (new, 1)), weights, 0.0), axis)
