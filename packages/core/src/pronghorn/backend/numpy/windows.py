"""Convolution and pooling on NumPy arrays, through strided windows."""

from typing import Any

import numpy as np


def _windows(x: Any, size: tuple, strides: tuple, dilation: tuple) -> Any:
    """View (N, spatial..., C) as (N, out..., C, taps...)."""
    span = tuple(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    axes = tuple(range(1, 1 + len(size)))
    view = np.lib.stride_tricks.sliding_window_view(x, span, axes)  # N, positions..., C, span...
    n = len(size)
    index = (slice(None), *[slice(None, None, s) for s in strides], slice(None), *[slice(None, None, d) for d in dilation])
    return view[index[: 2 + n + n]]


def _padded(x: Any, padding: tuple, value: Any) -> Any:
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def conv(x: Any, kernel: Any, strides: tuple, padding: tuple, dilation: tuple, groups: int) -> Any:
    """Cross-correlation, channels last."""
    taps, n = kernel.shape[:-2], kernel.ndim - 2
    view = _windows(_padded(x, padding, 0), taps, strides, dilation)
    size, outputs = kernel.shape[-2], kernel.shape[-1] // groups
    parts = []
    for g in range(groups):
        part = view[(slice(None),) * (1 + n) + (slice(g * size, (g + 1) * size),)]
        weights = kernel[..., g * outputs : (g + 1) * outputs]
        # contract channels and taps: window axes (C, taps...) with kernel axes (taps..., C)
        parts.append(np.tensordot(part, weights, axes=([1 + n, *range(2 + n, 2 + 2 * n)], [n, *range(n)])))
    return np.concatenate(parts, -1).astype(x.dtype, copy=False)


def conv_transpose(x: Any, kernel: Any, strides: tuple, padding: tuple, output_padding: tuple, dilation: tuple) -> Any:
    """Gradient of `conv` with respect to its input: spread every input element over the kernel's taps."""
    taps = kernel.shape[:-2]
    full = [(d - 1) * s + r * (k - 1) + 1 for d, s, r, k in zip(x.shape[1:-1], strides, dilation, taps, strict=True)]
    room = [f + max(0, o - p[1]) for f, o, p in zip(full, output_padding, padding, strict=True)]
    out = np.zeros((x.shape[0], *room, kernel.shape[-2]), x.dtype)
    for tap in np.ndindex(*taps):
        where = tuple(slice(t * r, t * r + (d - 1) * s + 1, s) for t, r, d, s in zip(tap, dilation, x.shape[1:-1], strides, strict=True))
        out[(slice(None), *where)] += np.matmul(x, kernel[tap].T).astype(x.dtype, copy=False)
    keep = tuple(slice(p[0], f - p[1] + o) for f, p, o in zip(full, padding, output_padding, strict=True))
    return out[(slice(None), *keep)]


def max_pool(x: Any, pool_size: tuple, strides: tuple, padding: tuple) -> Any:
    """Largest element of each window."""
    low = -np.inf if x.dtype.kind not in "iub" else (np.iinfo(x.dtype).min if x.dtype.kind != "b" else False)
    view = _windows(_padded(x, padding, np.asarray(low).astype(x.dtype)), pool_size, strides, (1,) * len(pool_size))
    return view.max(axis=tuple(range(-len(pool_size), 0)))


def average_pool(x: Any, pool_size: tuple, strides: tuple, padding: tuple) -> Any:
    """Mean of the elements of each window that lie inside the input."""
    axes, ones = tuple(range(-len(pool_size), 0)), (1,) * len(pool_size)
    total = _windows(_padded(x, padding, 0), pool_size, strides, ones).sum(axis=axes, dtype=x.dtype if x.dtype.itemsize > 2 else "float32")
    count = _windows(_padded(np.ones((1, *x.shape[1:-1], 1), x.dtype), padding, 0), pool_size, strides, ones).sum(axis=axes, dtype=total.dtype)
    return (total / count).astype(x.dtype)
