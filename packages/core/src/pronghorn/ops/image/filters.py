"""Filters over neighbourhoods of pixels, and a measure of likeness made of them."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, shape
from pronghorn.ops.image.layout import as_before, as_float, images_last, two_numbers
from pronghorn.ops.reduction import mean

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _known_channels(name: str, x: Any) -> int:
    channels = shape(x)[-1]
    if not isinstance(channels, int):
        raise ValueError(f"{name}: the number of channels must be known; received shape {show(shape(x))}.")
    return channels


def correlate(x: Any, taps: np.ndarray, axis: int, padding: tuple[int, int]) -> Any:
    """Correlate channels-last images with one vector along an axis, each channel by itself."""
    channels = shape(x)[-1]
    size = (len(taps), 1) if axis == 1 else (1, len(taps))
    kernel = np.broadcast_to(np.asarray(taps).reshape(*size, 1, 1), (*size, 1, channels)).astype(dtype_of(x))
    pairs = (padding, (0, 0)) if axis == 1 else ((0, 0), padding)
    return p.conv(x, convert_to_tensor(kernel, dtype_of(x)), (1, 1), pairs, (1, 1), channels)


def bell(taps: int, sigma: float) -> np.ndarray:
    """Return the normal density at `taps` points around its middle, summing to one."""
    at = np.arange(taps) - (taps - 1) / 2
    weights = np.exp(-0.5 * (at / max(sigma, 1e-8)) ** 2)
    return weights / weights.sum()


@op
def gaussian_blur(images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None) -> Any:
    """Return the means of neighbourhoods weighted by a normal density; outside the image there are zeros.

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        kernel_size: width and height of the neighbourhood.
        sigma: standard deviation along the width and along the height.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: sizes that are not two positive numbers.

    Example:
        >>> gaussian_blur([[[0.0], [1.0], [0.0]]], (3, 1), (1.0, 1.0)).round(2).ravel().tolist()
        [0.27000001072883606, 0.44999998807907104, 0.27000001072883606]
    """
    width, height = two_numbers("gaussian_blur", "kernel_size", kernel_size)
    across, down = two_numbers("gaussian_blur", "sigma", sigma, float, 0.0)
    x, back = images_last("gaussian_blur", images, data_format)
    _known_channels("gaussian_blur", x)
    out = correlate(as_float(x), bell(height, down), 1, ((height - 1) // 2, height // 2))
    out = correlate(out, bell(width, across), 2, ((width - 1) // 2, width // 2))
    return back(as_before(out, dtype_of(images)))


def _edge(x: Any, axis: int) -> Any:
    """Repeat the first and the last row or column."""
    dims = shape(x)
    first = p.slice(x, (0,) * 4, tuple(1 if i == axis else d for i, d in enumerate(dims)), (1,) * 4)
    last = p.slice(x, tuple(dims[axis] - 1 if i == axis else 0 for i in range(4)), dims, (1,) * 4)
    return p.concatenate([first, x, last], axis)


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Return how images change downwards and to the right, by Sobel's filters; pixels of the border are repeated outside it.

    Args:
        images: (batch, height, width, channels), or channels first, or one image; integers give float32.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Returns:
        The shape of `images` and a last axis of two: the vertical and the horizontal change.

    Example:
        >>> sobel_edges([[[0.0], [1.0], [2.0]]])[0, :, 0].tolist()
        [[0.0, 4.0], [0.0, 8.0], [0.0, 4.0]]
    """
    x, back = images_last("sobel_edges", images, data_format)
    _known_channels("sobel_edges", x)
    name = dtype_of(images)
    wide = _edge(_edge(as_float(x), 1), 2)
    slope, smooth = np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0])
    parts = [back(correlate(correlate(wide, a, 1, (0, 0)), b, 2, (0, 0))) for a, b in ((slope, smooth), (smooth, slope))]
    out = p.concatenate([p.reshape(v, (*shape(v), 1)) for v in parts], len(shape(parts[0])))
    return cast(out, name) if name in ("float16", "bfloat16") else out


@op(operands="image1 image2", dtype=floating)
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Return the structural similarity (Wang et al., 2004), 1 for equal images, as a mean over pixels and channels.

    Args:
        image1, image2: (batch, height, width, channels), or channels first, or one image each; at least `filter_size` high and wide.
        max_val: the difference of the largest and the smallest value that pixels can have.
        filter_size, filter_sigma: width and standard deviation of the normal weights of a neighbourhood.
        k1, k2: constants that keep quotients finite.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Returns:
        (batch,), or a scalar for one image.

    Raises:
        ValueError: images that are smaller than the filter, or of different shapes.

    Example:
        >>> import numpy as np
        >>> image = np.linspace(0.0, 1.0, 144).reshape(12, 12, 1)
        >>> float(ssim(image, image))
        1.0
    """
    x, _ = images_last("ssim", image1, data_format)
    y, _ = images_last("ssim", image2, data_format)
    name, dims = dtype_of(x), shape(x)
    if any(not same_dim(a, b) for a, b in zip(dims, shape(y), strict=True)):
        raise ValueError(f"ssim: the images must have one shape; received {show(shape(image1))} and {show(shape(image2))}.")
    channels = _known_channels("ssim", x)
    if any(isinstance(d, int) and d < filter_size for d in dims[1:3]):
        raise ValueError(f"ssim: images of shape {show(shape(image1))} are smaller than the filter of {filter_size} pixels. Pass a smaller filter_size.")
    x, y = as_float(x), as_float(y)
    weights = bell(int(filter_size), float(filter_sigma))
    both = p.concatenate([x, y, p.multiply(x, x), p.multiply(y, y), p.multiply(x, y)], 3)
    smooth = correlate(correlate(both, weights, 1, (0, 0)), weights, 2, (0, 0))
    rows = shape(smooth)[:-1]
    mx, my, mxx, myy, mxy = (p.slice(smooth, (0, 0, 0, i * channels), (*rows, (i + 1) * channels), (1,) * 4) for i in range(5))
    c1, c2 = (float(k1) * float(max_val)) ** 2, (float(k2) * float(max_val)) ** 2
    product, squares = p.multiply(mx, my), p.add(p.multiply(mx, mx), p.multiply(my, my))
    light = p.divide(p.add(p.multiply(product, 2.0), c1), p.add(squares, c1))
    shared = p.multiply(p.subtract(mxy, product), 2.0)
    structure = p.divide(p.add(shared, c2), p.add(p.subtract(p.add(mxx, myy), squares), c2))
    out = cast(mean(p.multiply(light, structure), (1, 2, 3)), name)
    return p.reshape(out, ()) if len(shape(image1)) == 3 else out
