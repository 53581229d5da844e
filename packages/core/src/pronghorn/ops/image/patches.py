"""Cutting images and volumes into patches."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.op import op
from pronghorn.backend.settings import standardize_data_format
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.ops.frames import frame_count, frame_index
from pronghorn.ops.nn_conv import _from_last, _padding, _pairs, _per_axis, _to_last

__all__ = ["extract_patches", "extract_patches_3d"]


def _cut(name: str, x: Any, size: Any, strides: Any, dilation_rate: Any, padding: Any, data_format: Any, n: int) -> Any:
    """Cut patches out along `n` spatial axes; each becomes a vector, its channels innermost."""
    layout = standardize_data_format(data_format)
    rank = len(shape(x))
    if rank not in (n + 1, n + 2):
        raise ValueError(f"{name}: expected a tensor of rank {n + 1} or a batch of rank {n + 2}; received shape {show(shape(x))}.")
    taps = _per_axis(name, "size", size, n)
    steps = taps if strides is None else _per_axis(name, "strides", strides, n)
    dilation = _per_axis(name, "dilation_rate", dilation_rate, n)
    mode = _padding(name, padding)
    x = _to_last(p.reshape(x, (1, *shape(x))) if rank == n + 1 else x, layout)
    if mode == "same":
        pairs = _pairs(mode, shape(x)[1:-1], taps, steps, dilation)
        x = p.pad(x, ((0, 0), *pairs, (0, 0)), False if dtype_of(x) == "bool" else 0)
    dims = shape(x)
    counts = [frame_count(d, k, s, r) for d, k, s, r in zip(dims[1:-1], taps, steps, dilation, strict=True)]
    if any(isinstance(c, int) and c < 1 for c in counts):
        raise ValueError(f"{name}: patches of {taps} with dilation {dilation} do not fit into {show(dims[1:-1])}. Use a smaller size or padding='same'.")
    if steps == taps and set(dilation) == {1}:  # side by side: no element is copied
        x = p.slice(x, (0,) * (n + 2), (dims[0], *(c * k for c, k in zip(counts, taps, strict=True)), dims[-1]), (1,) * (n + 2))
        x = p.reshape(x, (dims[0], *(v for pair in zip(counts, taps, strict=True) for v in pair), dims[-1]))
    else:
        for i in reversed(range(n)):
            x = p.take(x, frame_index(taps[i], steps[i], counts[i], dilation[i]), i + 1)
    out = p.transpose(x, (0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1))
    depth = dims[-1]
    for k in taps:
        depth = depth * k
    out = _from_last(p.reshape(out, (dims[0], *counts, depth)), layout)
    return p.reshape(out, shape(out)[1:]) if rank == n + 1 else out


@op
def extract_patches(images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: str | None = None) -> Any:
    """Cut images, or volumes, into patches.

    Args:
        images: (batch, height, width, channels), or channels first, or one image. With a `size` of three ints, volumes as for `extract_patches_3d`.
        size: int, or height and width of a patch.
        strides: int or one per axis, from one patch to the next; `size` by default, that is, patches side by side.
        dilation_rate: int or one per axis, the distance of neighbouring elements of a patch.
        padding: "valid", or "same" for ceil(size / stride) patches over an image with zeros around it.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Returns:
        (batch, rows, columns, patch height * patch width * channels), or channels first.

    Raises:
        ValueError: patches that do not fit, or arguments of another form.

    Example:
        >>> extract_patches([[[1.0], [2.0]], [[3.0], [4.0]]], 2)
        array([[[1., 2., 3., 4.]]], dtype=float32)
    """
    volumes = not isinstance(size, (int, np.integer)) and len(size) == 3
    return _cut("extract_patches", images, size, strides, dilation_rate, padding, data_format, 3 if volumes else 2)


@op
def extract_patches_3d(volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: str | None = None) -> Any:
    """Cut volumes into patches.

    Args:
        volumes: (batch, depth, height, width, channels), or channels first, or one volume.
        size: int, or depth, height and width of a patch.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Returns:
        (batch, slices, rows, columns, patch depth * patch height * patch width * channels), or channels first.

    Example:
        >>> extract_patches_3d([[[[1.0], [2.0]]]], (1, 1, 2)).tolist()
        [[[[1.0, 2.0]]]]
    """
    return _cut("extract_patches_3d", volumes, size, strides, dilation_rate, padding, data_format, 3)
