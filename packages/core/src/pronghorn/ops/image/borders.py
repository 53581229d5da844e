"""Adding to and taking from the borders of images."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.op import op
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.ops.image.layout import images_last

__all__ = ["crop_images", "pad_images"]


def _sides(name: str, what: str, axis: str, sides: tuple[str, str], given: tuple, size: Any, sign: int) -> tuple[Any, Any]:
    """Return how much is added (`sign` 1) or taken (-1) before and after along an axis, from exactly two of both and the target."""
    first, second, target = given
    for label, v in ((f"{sides[0]}_{what}", first), (f"{sides[1]}_{what}", second), (f"target_{axis}", target)):
        if v is not None and (isinstance(v, bool) or not isinstance(v, (int, np.integer))):
            raise ValueError(f"{name}: {label} must be an int; received {v!r}.")
    if sum(v is None for v in given) != 1:
        raise ValueError(f"{name}: pass exactly two of {sides[0]}_{what}, {sides[1]}_{what} and target_{axis}; received {first}, {second} and {target}.")
    if target is not None:
        change = (target - size) * sign
        if first is None:
            first = change - second
        else:
            second = change - first
    for label, v in ((f"{sides[0]}_{what}", first), (f"{sides[1]}_{what}", second)):
        if isinstance(v, (int, np.integer)) and v < 0:
            raise ValueError(f"{name}: {label} must not be negative; it is {v} for a {axis} of {size}.")
    if sign < 0 and isinstance(size, int) and isinstance(first, int) and isinstance(second, int) and first + second > size:
        raise ValueError(f"{name}: cannot take {first} and {second} from a {axis} of {size}.")
    return first, second


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Add zeros around images.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        top_padding, bottom_padding, target_height: exactly two of them: rows added above and below, and the height of the result.
        left_padding, right_padding, target_width: exactly two of them: columns added on either side, and the width of the result.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: not two of each, or a result that is smaller.

    Example:
        >>> pad_images([[[1.0]]], top_padding=1, left_padding=0, target_height=2, target_width=2)[..., 0].tolist()
        [[0.0, 0.0], [1.0, 0.0]]
    """
    x, back = images_last("pad_images", images, data_format)
    _, height, width, _ = shape(x)
    rows = _sides("pad_images", "padding", "height", ("top", "bottom"), (top_padding, bottom_padding, target_height), height, 1)
    columns = _sides("pad_images", "padding", "width", ("left", "right"), (left_padding, right_padding, target_width), width, 1)
    return back(_sized(p.pad(x, ((0, 0), rows, columns, (0, 0)), False if dtype_of(x) == "bool" else 0), target_height, target_width))


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Take rows and columns from the borders of images.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        top_cropping, bottom_cropping, target_height: exactly two of them: rows taken above and below, and the height of the result.
        left_cropping, right_cropping, target_width: exactly two of them: columns taken on either side, and the width of the result.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: not two of each, or more taken than there is.

    Example:
        >>> crop_images([[[1.0], [2.0]], [[3.0], [4.0]]], top_cropping=1, left_cropping=1, bottom_cropping=0, right_cropping=0)
        array([[[4.]]], dtype=float32)
    """
    x, back = images_last("crop_images", images, data_format)
    batch, height, width, channels = shape(x)
    top, bottom = _sides("crop_images", "cropping", "height", ("top", "bottom"), (top_cropping, bottom_cropping, target_height), height, -1)
    left, right = _sides("crop_images", "cropping", "width", ("left", "right"), (left_cropping, right_cropping, target_width), width, -1)
    return back(_sized(p.slice(x, (0, top, left, 0), (batch, height - bottom, width - right, channels), (1,) * 4), target_height, target_width))


def _sized(x: Any, height: Any, width: Any) -> Any:
    """Give a result the sizes that were asked for, where they do not follow from symbolic ones."""
    dims = shape(x)
    wanted = (dims[0], dims[1] if height is None else height, dims[2] if width is None else width, dims[3])
    known = all(a is b or isinstance(a, int) and isinstance(b, int) and a == b for a, b in zip(dims, wanted, strict=True))
    return x if known else p.reshape(x, wanted)
