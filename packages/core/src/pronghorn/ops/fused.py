"""What layers do in one step that engines have a kernel for; no part of the public API."""

from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend.families import floating
from pronghorn.backend.op import op

__all__: list[str] = []


@op(operands="x kernel bias", dtype=floating)
def linear(x: Any, kernel: Any, bias: Any) -> Any:
    """Return `x @ kernel + bias` for `x` of at least two axes, a matrix `kernel` and a vector `bias`.

    Example:
        >>> linear([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).tolist()
        [[3.5]]
    """
    return p.add(p.matmul(x, kernel), bias)


@op(operands="x kernel bias", dtype=floating)
def biased_conv(x: Any, kernel: Any, bias: Any, strides: Any, padding: Any, dilation: Any, groups: Any) -> Any:
    """Return the primitive `conv` of its arguments plus a vector with a number for each output channel.

    Example:
        >>> biased_conv([[[1.0], [2.0]]], [[[2.0]]], [0.5], (1,), ((0, 0),), (1,), 1).tolist()
        [[[2.5], [4.5]]]
    """
    return p.add(p.conv(x, kernel, strides, padding, dilation, groups), bias)
