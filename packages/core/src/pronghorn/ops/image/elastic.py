"""Images distorted as if they were printed on rubber."""

from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend.op import op
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.ops.image.filters import bell, correlate
from pronghorn.ops.image.layout import images_last
from pronghorn.ops.image.sampling import FILL_MODES, ORDERS, one_of, pixels, warp
from pronghorn.ops.shaping import split

__all__ = ["elastic_transform"]


@op
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Return images whose pixels are moved by smooth random fields, one for each image (Simard et al., 2003).

    Args:
        images: (batch, height, width, channels), or channels first, or one image.
        alpha: how far pixels move; the standard deviation is about 0.28 times that.
        sigma: how smooth the fields are: standard deviation of the blur, in pixels.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "nearest", "wrap", "mirror" or "reflect", as in `map_coordinates`.
        fill_value: number outside, for "constant".
        seed: None, an int (the same fields each time), or a `SeedGenerator`.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Raises:
        ValueError: an unknown mode, or a sigma that is not positive.

    Example:
        >>> elastic_transform([[[1.0], [2.0]]], alpha=0.0, seed=1).ravel()
        array([1., 2.], dtype=float32)
    """
    from pronghorn.random import normal

    name = "elastic_transform"
    one_of(name, "interpolation", interpolation, tuple(ORDERS))
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    if not sigma > 0:
        raise ValueError(f"{name}: sigma must be positive; received {sigma!r}.")
    x, back = images_last(name, images, data_format)
    batch, height, width, _ = shape(x)
    taps = int(6 * sigma) | 1  # three standard deviations on either side
    noise = normal((batch, height, width, 2), stddev=float(sigma), dtype="float64" if dtype_of(x) == "float64" else "float32", seed=seed)
    weights, padding = bell(taps, float(sigma)), (taps // 2, taps // 2)
    moves = p.multiply(correlate(correlate(noise, weights, 1, padding), weights, 2, padding), float(alpha))
    right, lower = (p.reshape(v, (batch, height, width)) for v in split(moves, 2, 3))
    across, down = pixels(x)
    return back(warp(images, x, p.add(across, right), p.add(down, lower), ORDERS[interpolation], fill_mode, fill_value))
