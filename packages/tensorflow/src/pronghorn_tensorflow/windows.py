"""Convolution and pooling in one to three dimensions, channels last, with padding given in numbers."""

import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from pronghorn_tensorflow.support import const, ints, raw, sizes, via

_WIDE_CONV: dict[str, str | None] = {"float8_e4m3fn": "float32", "float8_e5m2": "float32", "complex64": None, "complex128": None}
_WIDE_POOL = {**_WIDE_CONV, "bool": "uint8", "uint32": "int64", "uint64": "int64"}


def _flat(padding: tuple) -> list[int]:
    return [0, 0, *[int(p) for pair in padding for p in pair], 0, 0]


def _mode(spatial: list, taps: list, strides: tuple, padding: tuple) -> tuple[str, list[int]]:
    """TensorFlow's name for the padding, and its list where it has no name."""
    if not any(p for pair in padding for p in pair):
        return "VALID", []
    return ("SAME", []) if _is_same(spatial, taps, strides, padding) else ("EXPLICIT", _flat(padding))


def _framed(x: Any, taps: list, strides: tuple, padding: tuple) -> tuple[Any, str, list[int]]:
    """The input of a convolution with its padding. On CPU a list of numbers would cost the gradients oneDNN's kernels, so zeros are written first."""
    mode, explicit = _mode(x.shape.as_list()[1:-1], taps, strides, padding)
    return (x, mode, explicit) if mode != "EXPLICIT" or _has_gpu() else (_padded(x, padding), "VALID", [])


def _around(values: tuple) -> list[int]:
    return [1, *[int(v) for v in values], 1]


def _two(x: Any, kernel: Any, settings: tuple) -> tuple[Any, Any, tuple]:
    """A one-dimensional problem as one of two dimensions."""
    grown = [((0, 0) if isinstance(s[0], tuple) else 1, *s) for s in settings]
    return tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), tuple(grown)


def _is_same(spatial: Any, taps: Any, strides: tuple, padding: tuple) -> bool:
    """Whether `padding` is what TensorFlow calls SAME for an input of these sizes; None for one that is not known."""
    for d, k, s, p in zip(spatial, taps, strides, padding, strict=True):
        if not isinstance(d, int) and s != 1:
            return False
        total = k - 1 if s == 1 else max((-(-d // s) - 1) * s + k - d, 0)
        if tuple(p) != (total // 2, total - total // 2):
            return False
    return True


def _padded(x: Any, padding: tuple, value: Any = 0) -> Any:
    if not any(p for pair in padding for p in pair):
        return x
    widths = const(((0, 0), *[tuple(int(p) for p in pair) for pair in padding], (0, 0)))
    return raw.PadV2(input=x, paddings=widths, constant_values=tf.constant(value, x.dtype))


@functools.cache
def _has_gpu() -> bool:
    """Whether kernels with dilation and groups exist; the CPU's cannot be differentiated, so there both are taken apart."""
    return bool(tf.config.list_logical_devices("GPU"))


def _conv(x: Any, kernel: Any, strides: tuple, padding: tuple, dilation: tuple, groups: int) -> Any:
    n = kernel.shape.rank - 2
    if n == 1:
        x, kernel, (strides, padding, dilation) = _two(x, kernel, (strides, padding, dilation))
        return tf.squeeze(_conv(x, kernel, strides, padding, dilation, groups), 1)
    if not _has_gpu() and any(d > 1 for d in dilation):
        return _atrous(x, kernel, strides, padding, dilation, groups)
    if n == 2 and (groups == 1 or _has_gpu()):
        reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape.as_list()[:2], dilation, strict=True)]
        x, mode, explicit = _framed(x, reach, strides, padding)
        return raw.Conv2D(input=x, filter=kernel, strides=_around(strides), padding=mode, explicit_paddings=explicit, dilations=_around(dilation))
    if n == 2 and kernel.shape[-2] == 1:
        return _depthwise(x, kernel, strides, padding, groups)
    if groups > 1:
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
        return tf.concat([_conv(a, k, strides, padding, dilation, 1) for a, k in parts], -1)
    return raw.Conv3D(input=_padded(x, padding), filter=kernel, strides=_around(strides), padding="VALID", dilations=_around(dilation))


def _depthwise(x: Any, kernel: Any, strides: tuple, padding: tuple, groups: int) -> Any:
    high, wide, _, outputs = kernel.shape
    kernel = tf.reshape(kernel, (high, wide, groups, outputs // groups))
    stride = strides if len(set(strides)) == 1 else (1, 1)  # the kernel has one stride: take every output, then some of them
    x, mode, explicit = _framed(x, [high, wide], stride, padding)
    out = raw.DepthwiseConv2dNative(input=x, filter=kernel, strides=_around(stride), padding=mode, explicit_paddings=explicit)
    return out if stride == strides else out[:, :: strides[0], :: strides[1]]


def _atrous(x: Any, kernel: Any, strides: tuple, padding: tuple, dilation: tuple, groups: int) -> Any:
    """Every `dilation`-th element belongs to one of several small images without dilation; convolve those and interleave them again."""
    x = _padded(x, padding)
    spatial, n = sizes(x)[1:-1], len(dilation)
    fill = [(-size) % d for size, d in zip(spatial, dilation, strict=True)]
    blocks = const(tuple(int(d) for d in dilation))
    widths = tf.stack([ints((0, f)) for f in fill]) if any(not isinstance(f, int) for f in fill) else const(tuple((0, f) for f in fill))
    x = raw.SpaceToBatchND(input=x, block_shape=blocks, paddings=widths)
    x = _conv(x, kernel, (1,) * n, ((0, 0),) * n, (1,) * n, groups)
    x = raw.BatchToSpaceND(input=x, block_shape=blocks, crops=const(((0, 0),) * n))
    outputs = [size - d * (k - 1) for size, d, k in zip(spatial, dilation, kernel.shape[:-2], strict=True)]
    return x[(slice(None), *[slice(0, o, s) for o, s in zip(outputs, strides, strict=True)])]


def _spread(kernel: Any, dilation: tuple) -> Any:
    """The kernel with zeros between its taps."""
    for axis, d in enumerate(dilation):
        if d > 1:
            k = kernel.shape[axis]
            places = tf.constant(np.eye(k * d - d + 1)[::d], kernel.dtype)  # (taps, spread taps)
            kernel = tf.tensordot(places, kernel, ([0], [axis]))
            kernel = tf.transpose(kernel, [*range(1, axis + 1), 0, *range(axis + 1, kernel.shape.rank)])
    return kernel


def _conv_transpose(x: Any, kernel: Any, strides: tuple, padding: tuple, output_padding: tuple, dilation: tuple) -> Any:
    taps = kernel.shape.as_list()[:-2]
    if len(taps) == 1:
        x, kernel, (strides, padding, dilation) = _two(x, kernel, (strides, padding, dilation))
        return tf.squeeze(_conv_transpose(x, kernel, strides, padding, (0, *output_padding), dilation), 1)
    batch, *spatial, _ = sizes(x)
    if not _has_gpu() and any(d > 1 for d in dilation):
        kernel, dilation = _spread(kernel, dilation), (1,) * len(taps)
        taps = kernel.shape.as_list()[:-2]
    # the full result, which has room for everything; a part of it is what was asked for
    full = [(d - 1) * s + r * (k - 1) + 1 for d, s, r, k in zip(spatial, strides, dilation, taps, strict=True)]
    keep = [f - p[0] - p[1] + o for f, p, o in zip(full, padding, output_padding, strict=True)]
    outputs = kernel.shape[-2]
    if len(taps) == 2:
        mode, explicit = _mode(keep, [r * (k - 1) + 1 for r, k in zip(dilation, taps, strict=True)], strides, padding)
        exact = all(0 <= o < s and min(p) >= 0 for o, s, p in zip(output_padding, strides, padding, strict=True))
        exact = exact and (mode != "EXPLICIT" or _has_gpu())  # as in `_framed`
        mode, explicit = (mode, explicit) if exact else ("VALID", [])
        out = raw.Conv2DBackpropInput(
            input_sizes=ints((batch, *(keep if exact else full), outputs)), filter=kernel, out_backprop=x, strides=_around(strides),
            padding=mode, explicit_paddings=explicit, dilations=_around(dilation),
        )  # fmt: skip
        if exact:
            return out
    else:
        out = raw.Conv3DBackpropInputV2(
            input_sizes=ints((batch, *full, outputs)), filter=kernel, out_backprop=x, strides=_around(strides), padding="VALID", dilations=_around(dilation)
        )
    room = tuple(max(0, o - p[1]) for o, p in zip(output_padding, padding, strict=True))
    out = _padded(out, tuple((0, r) for r in room))
    begin = (0, *[p[0] for p in padding], 0)
    return raw.Slice(input=out, begin=const(begin), size=ints((batch, *keep, outputs)))


def _pool(kind: str, x: Any, size: tuple, strides: tuple, padding: str) -> Any:
    """One pooling without padding, or with TensorFlow's SAME."""
    n = len(size)
    if n == 1:
        return tf.squeeze(_pool(kind, tf.expand_dims(x, 1), (1, *size), (1, *strides), padding), 1)
    if n == 2:
        if kind == "max":
            return raw.MaxPool(input=x, ksize=_around(size), strides=_around(strides), padding=padding)
        return raw.AvgPool(value=x, ksize=_around(size), strides=_around(strides), padding=padding)
    if x.dtype in (tf.float32, tf.bfloat16):
        op = raw.MaxPool3D if kind == "max" else raw.AvgPool3D
        return op(input=x, ksize=_around(size), strides=_around(strides), padding=padding)
    # volumes of other dtypes: along the last two axes, then along the first
    batch, depth, height, width, channels = sizes(x)
    flat = _pool(kind, tf.reshape(x, ints((batch * depth, height, width, channels))), size[1:], strides[1:], padding)
    _, high, wide, _ = sizes(flat)
    flat = _pool(kind, tf.reshape(flat, ints((batch, depth, high * wide, channels))), (size[0], 1), (strides[0], 1), padding)
    return tf.reshape(flat, ints((batch, sizes(flat)[1], high, wide, channels)))


def _max_pool(x: Any, pool_size: tuple, strides: tuple, padding: tuple) -> Any:
    if _is_same(x.shape.as_list()[1:-1], pool_size, strides, padding):
        return _pool("max", x, pool_size, strides, "SAME")
    low = -math.inf if x.dtype.is_floating else x.dtype.min
    return _pool("max", _padded(x, padding, low), pool_size, strides, "VALID")


def _average_pool(x: Any, pool_size: tuple, strides: tuple, padding: tuple) -> Any:
    padded = any(p for pair in padding for p in pair)
    if padded and _is_same(x.shape.as_list()[1:-1], pool_size, strides, padding):
        return _pool("average", x, pool_size, strides, "SAME")
    out = _pool("average", _padded(x, padding), pool_size, strides, "VALID")
    if not padded:
        return out
    ones = tf.ones(ints((1, *sizes(x)[1:-1], 1)), x.dtype)
    share = _pool("average", _padded(ones, padding), pool_size, strides, "VALID")  # of each window inside the input
    return out / share


conv = via(_conv, _WIDE_CONV, 2, name="conv")
conv_transpose = via(_conv_transpose, _WIDE_CONV, 2, name="conv_transpose")
max_pool = via(_max_pool, _WIDE_POOL, name="max_pool")
average_pool = via(_average_pool, _WIDE_CONV, name="average_pool")
