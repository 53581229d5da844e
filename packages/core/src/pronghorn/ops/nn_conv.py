"""Convolution and pooling with Keras' arguments, over the four window primitives (channels last, one pair of paddings per axis)."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend.dims import Dim, show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.backend.settings import standardize_data_format
from pronghorn.ops.creation import convert_to_tensor, dtype_of, ndim, shape
from pronghorn.ops.fused import biased_conv

__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "conv", "conv_transpose", "depthwise_conv", "max_pool", "separable_conv",
]  # fmt: skip


# -- arguments -----------------------------------------------------------------------------------------------------------------------------
def _per_axis(name: str, what: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """Return an int or a sequence of ints as one int per spatial axis."""
    items = (value,) * n if isinstance(value, (int, np.integer)) else tuple(value)
    if len(items) == 1:
        items *= n
    if len(items) != n or not all(isinstance(v, (int, np.integer)) and v >= least for v in items):
        raise ValueError(f"{name}: {what} must be an int or {n} ints, each at least {least}; received {value!r}.")
    return tuple(int(v) for v in items)


def _spatial(name: str, x: Any) -> int:
    """Number of spatial axes."""
    n = ndim(x) - 2
    if n not in (1, 2, 3):
        raise ValueError(f"{name}: expected an input of rank 3, 4 or 5; received shape {show(shape(x))}.")
    return n


def _to_last(x: Any, data_format: str) -> Any:
    """Move channels from axis 1 to the end."""
    n = ndim(x)
    return x if data_format == "channels_last" else p.transpose(x, (0, *range(2, n), 1))


def _from_last(x: Any, data_format: str) -> Any:
    n = ndim(x)
    return x if data_format == "channels_last" else p.transpose(x, (0, n - 1, *range(1, n - 1)))


def _padding(name: str, padding: Any) -> str:
    mode = str(padding).lower()
    if mode not in ("valid", "same"):
        raise ValueError(f'{name}: padding must be "valid" or "same"; received {padding!r}.')
    return mode


def _pairs(mode: str, sizes: tuple, taps: tuple, strides: tuple, dilation: tuple) -> tuple:
    """Padding per axis; for "same" so that the output has ceil(size / stride) elements, the odd one at the end."""
    if mode == "valid":
        return ((0, 0),) * len(taps)
    pairs = []
    for size, k, s, d in zip(sizes, taps, strides, dilation, strict=True):
        span = d * (k - 1) + 1
        if s == 1:  # does not depend on the size, which may be unknown
            total: Any = span - 1
        else:
            total = ((size + s - 1) // s - 1) * s + span - size
            if isinstance(total, Dim):  # a symbolic size: only the sum matters to the shape rule
                pairs.append((0, total))
                continue
            total = max(total, 0) if isinstance(total, int) else p.maximum(total, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _window(name: str, x: Any, taps: tuple, strides: Any, padding: Any, dilation: Any) -> tuple[tuple, tuple, tuple]:
    """Strides, paddings and dilations of a window over channels-last `x`."""
    n = len(taps)
    strides = _per_axis(name, "strides", strides, n)
    dilation = _per_axis(name, "dilation_rate", dilation, n)
    sizes, mode = shape(x)[1:-1], _padding(name, padding)
    for size, k, d in zip(sizes, taps, dilation, strict=True):
        if mode == "valid" and isinstance(size, int) and size < d * (k - 1) + 1:  # some engines would return nothing
            raise ValueError(f"{name}: a window of {taps} with dilation {dilation} does not fit into an input of spatial shape {show(sizes)}.")
    return strides, _pairs(mode, sizes, taps, strides, dilation), dilation


# -- convolution ---------------------------------------------------------------------------------------------------------------------------
@op(operands="inputs kernel", dtype=floating)
def conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1) -> Any:
    """Convolve in one, two or three dimensions.

    Args:
        inputs: (batch, spatial..., channels), or channels first.
        kernel: (taps..., channels / groups, outputs); the number of groups follows from the shapes.
        strides: int or one per spatial axis.
        padding: "valid", or "same" for ceil(size / stride) elements.
        data_format: "channels_last" or "channels_first"; the configured one by default.
        dilation_rate: int or one per spatial axis.

    Raises:
        ValueError: arguments that do not fit each other.

    Example:
        >>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[1.0]]]).tolist()
        [[[3.0], [5.0]]]
    """
    return convolved(inputs, kernel, None, strides, padding, data_format, dilation_rate)


def convolved(inputs: Any, kernel: Any, bias: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any) -> Any:
    """Return `conv` of the arguments, plus a bias per output channel unless it is None."""
    layout, n = standardize_data_format(data_format), _spatial("conv", inputs)
    x = _to_last(inputs, layout)
    taps = shape(kernel)
    if len(taps) != n + 2:
        raise ValueError(f"conv: an input of shape {show(shape(inputs))} needs a kernel of rank {n + 2}; received shape {show(taps)}.")
    channels, each = shape(x)[-1], taps[-2]
    if isinstance(channels, int) and channels % each:
        raise ValueError(f"conv: the input has {channels} channels, no multiple of the {each} that the kernel of shape {show(taps)} takes.")
    groups = channels // each if isinstance(channels, int) else 1
    if taps[-1] % groups:
        raise ValueError(f"conv: the number of outputs {taps[-1]} must be a multiple of the number of groups {groups}.")
    strides, pairs, dilation = _window("conv", x, taps[:-2], strides, padding, dilation_rate)
    window = strides, pairs, dilation, groups
    return _from_last(p.conv(x, kernel, *window) if bias is None else biased_conv(x, kernel, bias, *window), layout)


@op(operands="inputs kernel", dtype=floating)
def depthwise_conv(inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1) -> Any:
    """Convolve each channel with its own filters.

    Args:
        inputs: (batch, spatial..., channels), or channels first; one or two spatial axes.
        kernel: (taps..., channels, multiplier); output channel `c * multiplier + m` comes from input channel `c`.
        strides, padding, data_format, dilation_rate: as in `conv`.

    Example:
        >>> depthwise_conv([[[1.0, 10.0], [2.0, 20.0]]], [[[1.0], [2.0]]]).tolist()
        [[[1.0, 20.0], [2.0, 40.0]]]
    """
    layout, n = standardize_data_format(data_format), _spatial("depthwise_conv", inputs)
    x = _to_last(inputs, layout)
    *taps, channels, multiplier = shape(kernel)
    if len(taps) != n or (isinstance(shape(x)[-1], int) and shape(x)[-1] != channels):
        raise ValueError(f"depthwise_conv: a kernel of shape {show(shape(kernel))} does not fit an input of shape {show(shape(inputs))}.")
    strides, pairs, dilation = _window("depthwise_conv", x, tuple(taps), strides, padding, dilation_rate)
    flat = p.reshape(kernel, (*taps, 1, channels * multiplier))
    return _from_last(p.conv(x, flat, strides, pairs, dilation, channels), layout)


@op(operands="inputs depthwise_kernel pointwise_kernel", dtype=floating)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolve each channel, then mix channels with a kernel of one tap.

    Args:
        inputs: (batch, spatial..., channels), or channels first.
        depthwise_kernel: (taps..., channels, multiplier).
        pointwise_kernel: (1..., channels * multiplier, outputs).
        strides, padding, data_format, dilation_rate: as in `conv`, for the first step.

    Example:
        >>> separable_conv([[[1.0, 10.0]]], [[[1.0], [2.0]]], [[[1.0], [1.0]]]).tolist()
        [[[21.0]]]
    """
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


@op(operands="inputs kernel", dtype=floating)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolve transposed: the gradient of `conv` with respect to its input.

    Args:
        inputs: (batch, spatial..., channels), or channels first.
        kernel: (taps..., outputs, channels).
        strides: int or one per spatial axis.
        padding: "valid", or "same" for size * stride elements.
        output_padding: None, or by how much the output is longer than the shortest that fits.
        data_format, dilation_rate: as in `conv`.

    Example:
        >>> conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]], strides=2).tolist()
        [[[1.0], [10.0], [2.0], [20.0]]]
    """
    name = "conv_transpose"
    layout, n = standardize_data_format(data_format), _spatial(name, inputs)
    x = _to_last(inputs, layout)
    taps = shape(kernel)
    if len(taps) != n + 2:
        raise ValueError(f"{name}: an input of shape {show(shape(inputs))} needs a kernel of rank {n + 2}; received shape {show(taps)}.")
    steps, dilation = _per_axis(name, "strides", strides, n), _per_axis(name, "dilation_rate", dilation_rate, n)
    more = None if output_padding is None else _per_axis(name, "output_padding", output_padding, n, 0)
    mode = _padding(name, padding)
    cuts, extra = [], []
    for i, (k, s, d) in enumerate(zip(taps, steps, dilation, strict=False)):
        span = d * (k - 1) + 1
        if more is None:
            # the input that a forward convolution of this padding would have had: size * stride, or as far as the last window reaches
            length = max(span - s, 0) if mode == "valid" else 0  # beyond size * stride
        else:
            length = span - s + more[i] - (2 * (span // 2) if mode == "same" else 0)
        rest = length - (span - s)  # against the full result of (size - 1) * stride + span elements
        before = max(span - s - length, 0) // 2 if mode == "same" else 0
        cuts.append((before, max(-rest - before, 0)))
        extra.append(rest + before + cuts[-1][1])
    return _from_last(p.conv_transpose(x, kernel, steps, tuple(cuts), tuple(extra), dilation), layout)


# -- pooling -------------------------------------------------------------------------------------------------------------------------------
def _pool(name: str, primitive: Any, inputs: Any, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> Any:
    layout, n = standardize_data_format(data_format), _spatial(name, inputs)
    x = _to_last(inputs, layout)
    size = _per_axis(name, "pool_size", pool_size, n)
    steps, pairs, _ = _window(name, x, size, size if strides is None else strides, padding, 1)
    return _from_last(primitive(x, size, steps, pairs), layout)


@op(operands="inputs")
def max_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Any:
    """Return the largest element of each window.

    Args:
        inputs: (batch, spatial..., channels), or channels first.
        pool_size: int or one per spatial axis.
        strides: the same; `pool_size` by default.
        padding: "valid", or "same" for ceil(size / stride) elements.
        data_format: "channels_last" or "channels_first"; the configured one by default.

    Example:
        >>> max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2).tolist()
        [[[3.0], [2.0]]]
    """
    return _pool("max_pool", p.max_pool, inputs, pool_size, strides, padding, data_format)


@op(operands="inputs", dtype=floating)
def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None) -> Any:
    """Return the mean of each window over the elements inside the input.

    Args:
        inputs: (batch, spatial..., channels), or channels first.
        pool_size, strides, padding, data_format: as in `max_pool`.

    Example:
        >>> average_pool([[[1.0], [3.0], [2.0]]], 2, padding="same").tolist()
        [[[2.0], [2.0]]]
    """
    return _pool("average_pool", p.average_pool, inputs, pool_size, strides, padding, data_format)


def _bins(name: str, size: Any, count: int) -> list[range]:
    """The window of each output element: together they cover the axis, neighbours overlap by at most one element."""
    if not isinstance(size, int):
        raise ValueError(f"{name}: the spatial sizes must be known; received an unknown one.")
    return [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _adaptive(name: str, inputs: Any, output_size: Any, data_format: Any, one_axis: Any) -> Any:
    layout, n = standardize_data_format(data_format), _spatial(name, inputs)
    x = _to_last(inputs, layout)
    counts = _per_axis(name, "output_size", output_size, n)
    for axis, count in enumerate(counts, 1):
        size = shape(x)[axis]
        if not (isinstance(size, int) and size == count):
            x = one_axis(x, axis, _bins(name, size, count))
    return _from_last(x, layout)


@op(operands="inputs", dtype=floating)
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Return means over windows chosen so that the output has `output_size` elements per spatial axis.

    Example:
        >>> adaptive_average_pool([[[1.0], [3.0], [5.0]]], 2).tolist()
        [[[2.0], [4.0]]]
    """

    def one_axis(x: Any, axis: int, bins: list[range]) -> Any:
        weights = np.zeros((len(bins), shape(x)[axis]), "float32")
        for row, window in zip(weights, bins, strict=True):
            row[window.start : window.stop] = 1.0 / len(window)
        dims = shape(x)
        flat = p.reshape(x, (*dims[: axis + 1], -1)) if axis + 2 != len(dims) else x
        out = p.matmul(convert_to_tensor(weights, dtype_of(x)), flat)
        return p.reshape(out, (*dims[:axis], len(bins), *dims[axis + 1 :]))

    return _adaptive("adaptive_average_pool", inputs, output_size, data_format, one_axis)


@op(operands="inputs")
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Return the largest elements of windows chosen so that the output has `output_size` elements per spatial axis.

    Example:
        >>> adaptive_max_pool([[[1.0], [3.0], [5.0]]], 2).tolist()
        [[[3.0], [5.0]]]
    """

    def one_axis(x: Any, axis: int, bins: list[range]) -> Any:
        dims = shape(x)
        longest = max(len(w) for w in bins)
        index = np.array([[w[min(j, len(w) - 1)] for j in range(longest)] for w in bins], "int32")
        rows = p.take(x, convert_to_tensor(index.reshape(-1)), axis)
        rows = p.reshape(rows, (*dims[:axis], len(bins), longest, *dims[axis + 1 :]))
        return p.max(rows, (axis + 1,), False)

    return _adaptive("adaptive_max_pool", inputs, output_size, data_format, one_axis)
