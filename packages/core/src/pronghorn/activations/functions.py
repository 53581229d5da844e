"""Activation functions with the arguments that layers use."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import primitives as p
from pronghorn.ops.elementwise import clip
from pronghorn.ops.nn import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Return `x` where above `threshold`, else `negative_slope * (x - threshold)`, and at most `max_value`.

    Example:
        >>> relu([-2.0, 1.0, 9.0], negative_slope=0.5, max_value=6.0)
        array([-1.,  1.,  6.], dtype=float32)
    """
    if threshold == 0:
        out = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    elif negative_slope:
        out = ops.where(ops.less_equal(x, threshold), ops.multiply(ops.subtract(x, threshold), negative_slope), x)
    else:
        out = ops.where(ops.less_equal(x, threshold), 0.0, x)
    # the lower bound must not undo a negative slope
    return out if max_value is None else clip(out, None, max_value)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Return `x` times the normal distribution function of `x`; see `ops.gelu`.

    Example:
        >>> gelu([-100.0, 0.0, 100.0])
        array([ -0.,   0., 100.], dtype=float32)
    """
    return ops.gelu(x, approximate)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent.

    Example:
        >>> tanh([0.0, 100.0])
        array([0., 1.], dtype=float32)
    """
    return p.tanh(x)


def exponential(x: Any) -> Any:
    """Return `exp(x)`.

    Example:
        >>> exponential([0.0])
        array([1.], dtype=float32)
    """
    return p.exp(x)


def linear(x: Any) -> Any:
    """Return `x` unchanged.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


def mish(x: Any) -> Any:
    """Return `x * tanh(softplus(x))` (Misra, 2019).

    Example:
        >>> mish([0.0, 100.0])
        array([  0., 100.], dtype=float32)
    """
    return p.multiply(x, p.tanh(softplus(x)))


swish, hard_swish = silu, hard_silu
FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6,
    selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
