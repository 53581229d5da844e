"""What layers do in one step that engines have a kernel for; no part of the public API."""

import math
from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.contraction import matmul
from pronghorn.ops.creation import shape
from pronghorn.ops.nn_norm import batch_normalization, moments
from pronghorn.ops.shaping import reshape

__all__: list[str] = []


@op(operands="x kernel bias", dtype=floating)
def linear(x: Any, kernel: Any, bias: Any) -> Any:
    """Return `x @ kernel + bias` for `x` of at least two axes, a matrix `kernel` and a vector `bias`.

    Example:
        >>> linear([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).tolist()
        [[3.5]]
    """
    return p.add(p.matmul(x, kernel), bias)


@op(operands="[tensors]", dtype=floating)
def linears(tensors: Any) -> Any:
    """Return a tuple with `x @ kernel + bias` for the first tensor `x` and each pair of kernel and bias after it; the shapes are those of `linear`.

    Example:
        >>> first, second = linears([[[1.0, 2.0]], [[1.0], [1.0]], [0.5], [[1.0], [0.0]], [0.0]])
        >>> first.tolist(), second.tolist()
        ([[3.5]], [[1.0]])
    """
    if len(tensors) < 3:
        raise ValueError(f"linears: expected an input, a kernel and a bias at least; received {len(tensors)} tensors.")
    x, kernels, biases = tensors[0], tensors[1::2], tensors[2::2]
    return tuple([linear(x, kernel, bias) for kernel, bias in zip(kernels, biases, strict=True)])


@op(operands="x kernel bias", dtype=floating)
def biased_conv(x: Any, kernel: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    """Return the primitive `conv` of its arguments plus a vector with a number for each output channel.

    Example:
        >>> biased_conv([[[1.0], [2.0]]], [[[2.0]]], [0.5], (1,), ((0, 0),), (1,), 1).tolist()
        [[[2.5], [4.5]]]
    """
    return p.add(p.conv(x, kernel, strides, padding, dilation, groups), bias)


@op(operands="x", dtype=floating)
def normalized_batch(x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    """Return `(out, mean, variance)`: `x` normalised by its own mean and (biased) variance along `axis`, and these, through which no gradient flows.

    Example:
        >>> out, mean, variance = normalized_batch([[1.0], [3.0]], -1, epsilon=0.0)
        >>> out.tolist(), mean.tolist(), variance.tolist()
        ([[-1.0], [1.0]], [2.0], [1.0])
    """
    rank = len(shape(x))
    axis = canonical_axis("normalized_batch", axis, rank)
    mean, variance = moments(x, axes=[a for a in range(rank) if a != axis])
    return batch_normalization(x, mean, variance, axis, offset, scale, epsilon), p.stop_gradient(mean), p.stop_gradient(variance)


def linear_axes(x: Any, kernel: Any, bias: Any, contract: int) -> Any:
    """Contract the last `contract` axes of `x` with as many first ones of `kernel`, and add a bias of the kernel's other axes, or None.

    Example:
        >>> import numpy as np
        >>> linear_axes(np.ones((2, 3, 4)), np.ones((3, 4, 5, 6)), None, 2).shape
        (2, 5, 6)
    """
    if len(kernel.shape) == 2:
        return matmul(x, kernel) if bias is None else linear(x, kernel, bias)
    inner, outer = kernel.shape[:contract], kernel.shape[contract:]
    lead, rows, columns = shape(x)[:-contract], math.prod(inner), math.prod(outer)
    flat, matrix = x if contract == 1 else reshape(x, (*lead, rows)), reshape(kernel, (rows, columns))
    out = matmul(flat, matrix) if bias is None else linear(flat, matrix, reshape(bias, (columns,)))
    return out if len(outer) == 1 else reshape(out, (*lead, *outer))


def linears_to_axes(x: Any, parts: list[tuple[Any, Any]]) -> list[Any]:
    """Contract the last axis of `x` with the first of each kernel and add the bias of its other axes, for `(kernel, bias)` of `parts`.

    Example:
        >>> import numpy as np
        >>> [out.shape for out in linears_to_axes(np.ones((2, 3)), [(np.ones((3, 4, 5)), np.ones((4, 5))), (np.ones((3, 4, 6)), np.ones((4, 6)))])]
        [(2, 4, 5), (2, 4, 6)]
    """
    lead, flat = shape(x)[:-1], [x]
    for kernel, bias in parts:
        flat += [reshape(kernel, (kernel.shape[0], -1)), reshape(bias, (-1,))]
    return [reshape(out, (*lead, *kernel.shape[1:])) for out, (kernel, _) in zip(linears(flat), parts, strict=True)]
