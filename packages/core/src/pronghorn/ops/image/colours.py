"""Colour spaces."""

from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.op import op
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, shape
from pronghorn.ops.image.layout import as_float, images_last

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]


def _channels(name: str, x: Any) -> list[Any]:
    """Return the three channels of channels-last images, each with a channel axis."""
    dims = shape(x)
    if isinstance(dims[-1], int) and dims[-1] != 3:
        raise ValueError(f"{name}: expected images of three channels; received {dims[-1]}.")
    return [p.slice(x, (0, 0, 0, i), (*dims[:-1], i + 1), (1,) * 4) for i in range(3)]


def _float_images(name: str, images: Any) -> None:
    if dtype_of(images) not in dtypes.FLOAT:
        raise ValueError(f"{name}: expected float images with values from 0 to 1; received {dtype_of(images)}. Cast and divide by 255 first.")


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Return images of one channel, by the weights 0.2989, 0.587 and 0.114 of red, green and blue (ITU-R BT.601).

    Args:
        images: (batch, height, width, channels), or channels first, or one image; three channels, or one, which stays as it is.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: another rank or number of channels.

    Example:
        >>> rgb_to_grayscale([[[1.0, 0.0, 0.0]]])
        array([[[0.2989]]], dtype=float32)
    """
    x, back = images_last("rgb_to_grayscale", images, data_format)
    channels = shape(x)[-1]
    if isinstance(channels, int) and channels == 1:
        return images
    if isinstance(channels, int) and channels != 3:
        raise ValueError(f"rgb_to_grayscale: expected images of three channels or one; received shape {show(shape(images))}.")
    wide = as_float(x)
    weights = convert_to_tensor(np.array([[0.2989], [0.587], [0.114]]), dtype_of(wide))
    return back(cast(p.matmul(wide, weights), dtype_of(images)))


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Return hue, saturation and value, each from 0 to 1, of images in red, green and blue.

    Args:
        images: float (batch, height, width, 3) from 0 to 1, or channels first, or one image.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: integers, or another rank or number of channels.

    Example:
        >>> rgb_to_hsv([[[0.0, 0.5, 0.0]]]).round(3).tolist()
        [[[0.3330000042915344, 1.0, 0.5]]]
    """
    _float_images("rgb_to_hsv", images)
    x, back = images_last("rgb_to_hsv", images, data_format)
    r, g, b = _channels("rgb_to_hsv", as_float(x))
    high, low = p.maximum(p.maximum(r, g), b), p.minimum(p.minimum(r, g), b)
    spread = p.subtract(high, low)
    grey, black = p.equal(spread, 0), p.less_equal(high, 0)
    safe = p.where(grey, 1.0, spread)

    def sixth(i: Any, j: Any, start: float) -> Any:
        return p.add(p.divide(p.subtract(i, j), safe), start)

    from_red = sixth(g, b, 0.0)
    from_red = p.where(p.less(from_red, 0), p.add(from_red, 6.0), from_red)
    hue = p.where(p.equal(high, r), from_red, p.where(p.equal(high, g), sixth(b, r, 2.0), sixth(r, g, 4.0)))
    hue = p.where(grey, 0.0, p.divide(hue, 6.0))
    saturation = p.where(black, 0.0, p.divide(spread, p.where(black, 1.0, high)))
    return back(cast(p.concatenate([hue, saturation, high], 3), dtype_of(images)))


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Return red, green and blue, each from 0 to 1, of images in hue, saturation and value.

    Args:
        images: float (batch, height, width, 3) from 0 to 1, or channels first, or one image.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: integers, or another rank or number of channels.

    Example:
        >>> hsv_to_rgb([[[0.5, 1.0, 1.0]]])
        array([[[0., 1., 1.]]], dtype=float32)
    """
    _float_images("hsv_to_rgb", images)
    x, back = images_last("hsv_to_rgb", images, data_format)
    hue, saturation, value = _channels("hsv_to_rgb", as_float(x))
    sixths = p.multiply(hue, 6.0)

    def ramp(centre: float, rises: bool) -> Any:
        """How far from grey: a trapezium of the hue around `centre`, or outside it."""
        away = p.subtract(p.abs(p.subtract(sixths, centre)), 1.0 if rises else 2.0)
        part = away if rises else p.negative(away)
        return p.minimum(p.maximum(part, 0.0), 1.0)

    pure = [ramp(3.0, True), ramp(2.0, False), ramp(4.0, False)]
    parts = [p.multiply(value, p.add(p.multiply(saturation, p.subtract(c, 1.0)), 1.0)) for c in pure]
    return back(cast(p.concatenate(parts, 3), dtype_of(images)))
