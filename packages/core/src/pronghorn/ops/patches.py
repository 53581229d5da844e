"""Patches of images, channels first: `unfold` cuts them out, `fold` adds them up."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.op import op
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.ops.frames import frame_count, frame_index, overlap_add

__all__ = ["fold", "unfold"]


def _two(name: str, what: str, value: Any, least: int = 1) -> tuple[int, int]:
    """Return an int or a pair as a pair."""
    items = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(items) != 2 or not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) and v >= least for v in items):
        raise ValueError(f"{name}: {what} must be an int or two ints, each at least {least}; received {value!r}.")
    return int(items[0]), int(items[1])


def _arguments(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[tuple[int, int], ...]:
    return _two(name, "kernel_size", kernel_size), _two(name, "dilation", dilation), _two(name, "padding", padding, 0), _two(name, "stride", stride)


@op
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Cut patches out of images, each as one column.

    Args:
        x: (batch, channels, height, width).
        kernel_size: int, or height and width of a patch.
        dilation: int or two, the distance of neighbouring elements of a patch.
        padding: int or two, zeros added on either side.
        stride: int or two, the distance of neighbouring patches.

    Returns:
        (batch, channels * kernel height * kernel width, patches), patches row by row.

    Raises:
        ValueError: an input of another rank, or a patch that does not fit.

    Example:
        >>> unfold([[[[1, 2], [3, 4]]]], (1, 2)).tolist()
        [[[1, 3], [2, 4]]]
    """
    taps, dilation, pads, steps = _arguments("unfold", kernel_size, dilation, padding, stride)
    dims = shape(x)
    if len(dims) != 4:
        raise ValueError(f"unfold: expected images (batch, channels, height, width); received shape {show(dims)}.")
    if any(pads):
        x = p.pad(x, ((0, 0), (0, 0), (pads[0],) * 2, (pads[1],) * 2), False if dtype_of(x) == "bool" else 0)
    counts = [frame_count(d, k, s, r) for d, k, s, r in zip(shape(x)[2:], taps, steps, dilation, strict=True)]
    if any(isinstance(n, int) and n < 1 for n in counts):
        raise ValueError(f"unfold: patches of {taps} with dilation {dilation} do not fit into images of shape {show(dims)} with padding {pads}.")
    rows, columns = (frame_index(k, s, n, r) for k, s, n, r in zip(taps, steps, counts, dilation, strict=True))
    out = p.take(p.take(x, columns, 3), rows, 2)  # (batch, channels, rows, taps, columns, taps)
    out = p.transpose(out, (0, 1, 3, 5, 2, 4))
    return p.reshape(out, (dims[0], dims[1] * (taps[0] * taps[1]), counts[0] * counts[1]))


@op
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Add patches up to images: what `unfold` cuts out goes back to its place, and overlapping elements are summed.

    Args:
        x: (batch, channels * kernel height * kernel width, patches).
        output_size: int, or height and width of the images.
        kernel_size, dilation, padding, stride: as in `unfold`.

    Returns:
        (batch, channels, height, width).

    Raises:
        ValueError: shapes that do not fit each other.

    Example:
        >>> fold([[[1, 3], [2, 4]]], 2, (1, 2)).tolist()
        [[[[1, 2], [3, 4]]]]
    """
    taps, dilation, pads, steps = _arguments("fold", kernel_size, dilation, padding, stride)
    size = _two("fold", "output_size", output_size)
    dims = shape(x)
    if len(dims) != 3 or (isinstance(dims[1], int) and dims[1] % (taps[0] * taps[1])):
        raise ValueError(f"fold: expected (batch, channels * {taps[0]} * {taps[1]}, patches); received shape {show(dims)}.")
    wide = [d + 2 * a for d, a in zip(size, pads, strict=True)]
    counts = [frame_count(d, k, s, r) for d, k, s, r in zip(wide, taps, steps, dilation, strict=True)]
    if isinstance(dims[2], int) and dims[2] != counts[0] * counts[1]:
        raise ValueError(f"fold: images of {size} have {counts[0]} x {counts[1]} patches of {taps}; received {dims[2]} in shape {show(dims)}.")
    channels = dims[1] // (taps[0] * taps[1])
    rows, columns = (frame_index(k, s, n, r) for k, s, n, r in zip(taps, steps, counts, dilation, strict=True))
    out = p.transpose(p.reshape(x, (dims[0], channels, *taps, *counts)), (5, 3, 4, 2, 0, 1))  # (columns, taps, rows, taps, batch, channels)
    out = p.transpose(overlap_add(out, columns, wide[1]), (1, 2, 3, 4, 0))
    out = p.transpose(overlap_add(out, rows, wide[0]), (1, 2, 0, 3))
    start = (0, 0, *pads)
    return p.slice(out, start, (dims[0], channels, pads[0] + size[0], pads[1] + size[1]), (1,) * 4) if any(pads) else out
