"""Activation functions, and what goes with class labels.

Kinks have the one-sided gradient that every framework agrees on (zero for relu at zero), and no branch makes infinities that turn into nan backwards.
"""

import math
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.families import floating, numeric, real
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.creation import arange, cast, dtype_of, ndim, ones_like, shape
from pronghorn.ops.elementwise import clip, hypot, isfinite
from pronghorn.ops.reduction import max as maximum_of
from pronghorn.ops.reduction import mean
from pronghorn.ops.reduction import sum as sum_of

__all__ = [
    "celu", "depth_to_space", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "log_sigmoid",
    "log_softmax", "logsumexp", "multi_hot", "one_hot", "polar", "psnr", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "space_to_depth", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh_shrink", "threshold",
]  # fmt: skip

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


# -- rectifiers ----------------------------------------------------------------------------------------------------------------------------
@op(dtype=real(numeric))
def relu(x: Any) -> Any:
    """Return `max(x, 0)`.

    Example:
        >>> relu([-1.0, 2.0])
        array([0., 2.], dtype=float32)
    """
    return p.where(p.less_equal(x, 0), 0, x)


@op(dtype=real(numeric))
def relu6(x: Any) -> Any:
    """Return `min(max(x, 0), 6)`.

    Example:
        >>> relu6([-1.0, 2.0, 9.0])
        array([0., 2., 6.], dtype=float32)
    """
    return clip(x, 0, 6)


@op(dtype=floating)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Return `x` where positive, else `negative_slope * x`.

    Example:
        >>> leaky_relu([-1.0, 2.0])
        array([-0.2,  2. ], dtype=float32)
    """
    return p.where(p.less(x, 0), p.multiply(x, negative_slope), x)


@op(dtype=floating)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return `x` where positive, else `alpha * (exp(x) - 1)`.

    Example:
        >>> elu([-1e9, 2.0])
        array([-1.,  2.], dtype=float32)
    """
    positive = p.less(0, x)
    return p.where(positive, x, p.multiply(p.expm1(p.where(positive, 0.0, x)), alpha))


@op(dtype=floating)
def selu(x: Any) -> Any:
    """Return the scaled exponential linear unit (Klambauer et al., 2017), which keeps mean zero and variance one.

    Example:
        >>> selu([0.0, 1.0])
        array([0.      , 1.050701], dtype=float32)
    """
    return p.multiply(elu(x, _SELU_ALPHA), _SELU_SCALE)


@op(dtype=floating)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return `x` where positive, else `alpha * (exp(x / alpha) - 1)`; smooth for every alpha.

    Example:
        >>> celu([-1e9, 2.0], alpha=3.0)
        array([-3.,  2.], dtype=float32)
    """
    positive = p.less(0, x)
    return p.where(positive, x, p.multiply(p.expm1(p.divide(p.where(positive, 0.0, x), alpha)), alpha))


@op(dtype=floating)
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Return `x` where above `threshold`, else `default_value`.

    Example:
        >>> threshold([0.5, 2.0], 1.0, -7.0)
        array([-7.,  2.], dtype=float32)
    """
    return p.where(p.less(threshold, x), x, default_value)


@op(dtype=floating)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return `x` where its size exceeds `threshold`, else zero.

    Example:
        >>> hard_shrink([-1.0, 0.2, 0.5])
        array([-1.,  0.,  0.], dtype=float32)
    """
    return p.where(p.less_equal(p.abs(x), threshold), 0.0, x)


@op(dtype=floating)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return `x` moved towards zero by `threshold`.

    Example:
        >>> soft_shrink([-1.0, 0.2, 2.0])
        array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return p.where(p.less_equal(p.abs(x), threshold), 0.0, p.subtract(x, p.multiply(p.sign(x), threshold)))


@op(dtype=floating)
def tanh_shrink(x: Any) -> Any:
    """Return `x - tanh(x)`.

    Example:
        >>> tanh_shrink([0.0, 100.0])
        array([ 0., 99.], dtype=float32)
    """
    return p.subtract(x, p.tanh(x))


@op(dtype=floating)
def hard_tanh(x: Any) -> Any:
    """Limit `x` to the interval from -1 to 1.

    Example:
        >>> hard_tanh([-3.0, 0.5])
        array([-1. ,  0.5], dtype=float32)
    """
    return clip(x, -1, 1)


@op(dtype=floating)
def hard_sigmoid(x: Any) -> Any:
    """Return `relu6(x + 3) / 6`.

    Example:
        >>> hard_sigmoid([-3.0, 0.0, 3.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return p.divide(clip(p.add(x, 3.0), 0, 6), 6.0)


@op(dtype=floating)
def hard_silu(x: Any) -> Any:
    """Return `x * hard_sigmoid(x)`.

    Example:
        >>> hard_silu([-3.0, 3.0])
        array([-0.,  3.], dtype=float32)
    """
    return p.multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


# -- smooth functions ----------------------------------------------------------------------------------------------------------------------
@op(dtype=real(floating))
def sigmoid(x: Any) -> Any:
    """Return `1 / (1 + exp(-x))`.

    Example:
        >>> sigmoid([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    low = p.less(x, 0)
    e = p.exp(p.where(low, x, p.negative(x)))  # at most one, so it never overflows
    return p.divide(p.where(low, e, ones_like(e)), p.add(e, 1.0))


@op(dtype=floating)
def softplus(x: Any) -> Any:
    """Return `log(1 + exp(x))`.

    Example:
        >>> softplus([-1000.0, 1000.0])
        array([   0., 1000.], dtype=float32)
    """
    high = p.less(0, x)
    e = p.log1p(p.exp(p.where(high, p.negative(x), x)))
    return p.where(high, p.add(x, e), e)


@op(dtype=floating)
def log_sigmoid(x: Any) -> Any:
    """Return `log(sigmoid(x))` without underflow.

    Example:
        >>> log_sigmoid([-1000.0, 1000.0])
        array([-1000.,    -0.], dtype=float32)
    """
    return p.negative(softplus(p.negative(x)))


@op(dtype=real(floating))
def silu(x: Any) -> Any:
    """Return `x * sigmoid(x)`, also known as swish.

    Example:
        >>> silu([0.0, 100.0])
        array([  0., 100.], dtype=float32)
    """
    return p.multiply(x, sigmoid(x))


swish = silu


@op(dtype=real(floating))
def gelu(x: Any, approximate: bool = True) -> Any:
    """Return `x` times the normal distribution function of `x`.

    Args:
        x: tensor.
        approximate: whether to use the approximation by tanh (Hendrycks and Gimpel, 2016).

    Example:
        >>> gelu([-100.0, 0.0, 100.0])
        array([ -0.,   0., 100.], dtype=float32)
    """
    if approximate:
        inner = p.multiply(p.multiply(x, p.add(p.multiply(p.multiply(x, x), 0.044715), 1.0)), math.sqrt(2.0 / math.pi))
        return p.multiply(p.multiply(x, 0.5), p.add(p.tanh(inner), 1.0))
    return p.multiply(p.multiply(x, 0.5), p.add(p.erf(p.multiply(x, math.sqrt(0.5))), 1.0))


@op(dtype=floating)
def softsign(x: Any) -> Any:
    """Return `x / (1 + |x|)`.

    Example:
        >>> softsign([-1.0, 0.0, 3.0])
        array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return p.divide(x, p.add(p.abs(x), 1.0))


@op(dtype=floating)
def squareplus(x: Any, b: float = 4) -> Any:
    """Return `(x + sqrt(x**2 + b)) / 2`.

    Example:
        >>> squareplus([0.0, 1.5])
        array([1., 2.], dtype=float32)
    """
    root = hypot(x, b**0.5)  # a square would overflow
    low = p.less(x, 0)  # where the sum cancels, b over the difference is the same number
    return p.where(low, p.divide(0.5 * b, p.subtract(root, p.where(low, x, 0.0))), p.multiply(p.add(x, root), 0.5))


@op(dtype=floating)
def sparse_plus(x: Any) -> Any:
    """Return 0 below -1, `x` above 1, and `(x + 1)**2 / 4` between.

    Example:
        >>> sparse_plus([-2.0, 0.0, 2.0])
        array([0.  , 0.25, 2.  ], dtype=float32)
    """
    z = p.add(clip(x, -1, 1), 1.0)
    return p.where(p.less(x, 1), p.multiply(p.multiply(z, z), 0.25), x)


@op(dtype=floating)
def sparse_sigmoid(x: Any) -> Any:
    """Return 0 below -1, 1 above 1, and `(x + 1) / 2` between.

    Example:
        >>> sparse_sigmoid([-2.0, 0.0, 2.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    return p.multiply(p.add(clip(x, -1, 1), 1.0), 0.5)


@op(dtype=real(floating))
def glu(x: Any, axis: int = -1) -> Any:
    """Return the first half of `x` along an axis times the sigmoid of the second.

    Raises:
        ValueError: the axis has an odd size.

    Example:
        >>> glu([1.0, 2.0, 0.0, 0.0])
        array([0.5, 1. ], dtype=float32)
    """
    dims = shape(x)
    a = canonical_axis("glu", axis, len(dims))
    if isinstance(dims[a], int) and dims[a] % 2:
        raise ValueError(f"glu: the size of axis {a} must be even; received {dims[a]}.")
    half, zero, one = dims[a] // 2, (0,) * len(dims), (1,) * len(dims)
    first = p.slice(x, zero, (*dims[:a], half, *dims[a + 1 :]), one)
    second = p.slice(x, (*zero[:a], half, *zero[a + 1 :]), tuple(dims), one)
    return p.multiply(first, sigmoid(second))


# -- over an axis --------------------------------------------------------------------------------------------------------------------------
@op(dtype=real(floating))
def softmax(x: Any, axis: Any = -1) -> Any:
    """Normalise `exp(x)` along an axis, or several, to sum to one.

    Example:
        >>> softmax([0.0, 0.0, -1e9])
        array([0.5, 0.5, 0. ], dtype=float32)
    """
    e = p.exp(p.subtract(x, p.stop_gradient(_top(x, axis))))
    return p.divide(e, sum_of(e, axis, True))


def _top(x: Any, axis: Any) -> Any:
    """The largest element along axes, which stay with size one; 0 where there is none, so that nothing remains nothing."""
    return maximum_of(x, axis, True, 0.0 if 0 in [d for d in shape(x) if isinstance(d, int)] else None)


@op(dtype=real(floating))
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Return the logarithm of `softmax`.

    Example:
        >>> log_softmax([0.0, -1000.0])
        array([    0., -1000.], dtype=float32)
    """
    z = p.subtract(x, p.stop_gradient(_top(x, axis)))
    return p.subtract(z, p.log(sum_of(p.exp(z), axis, True)))


@op(dtype=real(floating))
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return `log(sum(exp(x)))` along axes without overflow.

    Example:
        >>> logsumexp([[1000.0, 1000.0]], axis=1)
        array([1000.6932], dtype=float32)
    """
    top = p.stop_gradient(_top(x, axis))
    top = p.where(isfinite(top), top, 0.0)
    total = sum_of(p.exp(p.subtract(x, top)), axis, keepdims)
    return p.add(p.log(total), top if keepdims else p.reshape(top, shape(total)))


@op(dtype=floating)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Project `x` onto the probability simplex along an axis (Martins and Astudillo, 2016).

    Example:
        >>> sparsemax([2.0, 1.5, -3.0])
        array([0.75, 0.25, 0.  ], dtype=float32)
    """
    dims = shape(x)
    a = canonical_axis("sparsemax", axis, len(dims))
    z = p.flip(p.sort(x, a), (a,))
    rank = p.reshape(arange(1, dims[a] + 1, dtype=dtype_of(x)), (1,) * a + (dims[a],) + (1,) * (len(dims) - a - 1))
    support = p.less(p.cumsum(z, a), p.add(p.multiply(rank, z), 1.0))
    count = p.sum(cast(support, dtype_of(x)), (a,), True)
    tau = p.divide(p.subtract(p.sum(p.where(support, z, 0.0), (a,), True), 1.0), count)
    return relu(p.subtract(x, tau))


# -- labels --------------------------------------------------------------------------------------------------------------------------------
def _dense_only(name: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{name}: sparse tensors are not supported yet. Use sparse=False.")


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Return indicator vectors of class numbers; numbers outside give zeros.

    Args:
        x: integers.
        num_classes: length of the new axis.
        axis: where the new axis goes.
        dtype: dtype of the result, floatx by default.
        sparse: must be False.

    Example:
        >>> one_hot([2, 0, -1], 3)
        array([[0., 0., 1.],
               [1., 0., 0.],
               [0., 0., 0.]], dtype=float32)
    """
    _dense_only("one_hot", sparse)
    dims = shape(x)
    n = len(dims) + 1
    a = canonical_axis("one_hot", axis, n)
    if dtype_of(x) not in dtypes.INTEGER or dtype_of(x) in dtypes.UNSIGNED:
        x = cast(x, "int64" if dtype_of(x) in ("uint32", "uint64") else "int32")
    classes = p.reshape(arange(num_classes, dtype=dtype_of(x)), (1,) * a + (num_classes,) + (1,) * (n - a - 1))
    return cast(p.equal(p.reshape(x, (*dims[:a], 1, *dims[a:])), classes), dtypes.standardize(dtype))


@op(operands="inputs")
def multi_hot(inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any) -> Any:
    """Return which classes occur in each row of class numbers.

    Args:
        inputs: integers (..., k); a single vector is one row.
        num_classes: length of the new axis.
        axis: where the new axis goes.
        dtype: dtype of the result, floatx by default.
        sparse: must be False.
        **kwargs: `num_tokens`, the former name of `num_classes`.

    Example:
        >>> multi_hot([[0, 2], [1, 1]], 3)
        array([[1., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    if num_classes is None:
        num_classes = kwargs.pop("num_tokens", None)
    if kwargs:
        raise TypeError(f"multi_hot() got unexpected arguments: {', '.join(kwargs)}.")
    if num_classes is None:
        raise ValueError("multi_hot: num_classes is needed.")
    _dense_only("multi_hot", sparse)
    reduced = 1 if ndim(inputs) > 1 else 0
    found = p.max(one_hot(inputs, num_classes, axis, "int32"), (reduced,), False)
    return cast(found, dtypes.standardize(dtype))


# -- rearranging channels ------------------------------------------------------------------------------------------------------------------
@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Move square blocks of pixels into channels.

    Raises:
        ValueError: height or width is no multiple of `block_size`.

    Example:
        >>> space_to_depth(np.arange(4).reshape(1, 2, 2, 1), 2).tolist()
        [[[[0, 1, 2, 3]]]]
    """
    last = _channels_last(data_format)
    n, *dims = shape(x)
    h, w, c = dims if last else (*dims[1:], dims[0])
    b = block_size
    if any(isinstance(d, int) and d % b for d in (h, w)):
        raise ValueError(f"space_to_depth: height {h} and width {w} must be multiples of block_size={b}.")
    if not last:  # the pixels of a channel stay together
        return p.reshape(p.transpose(p.reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4)), (n, c * b * b, h // b, w // b))
    return p.reshape(p.transpose(p.reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5)), (n, h // b, w // b, b * b * c))


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Move channels into square blocks of pixels.

    Raises:
        ValueError: the channels are no multiple of `block_size**2`.

    Example:
        >>> depth_to_space(np.arange(4).reshape(1, 1, 1, 4), 2).shape
        (1, 2, 2, 1)
    """
    last = _channels_last(data_format)
    n, *dims = shape(x)
    h, w, c = dims if last else (*dims[1:], dims[0])
    b = block_size
    if isinstance(c, int) and c % (b * b):
        raise ValueError(f"depth_to_space: the number of channels {c} must be a multiple of block_size**2={b * b}.")
    if not last:  # the channels of a block stand together
        return p.reshape(p.transpose(p.reshape(x, (n, c // (b * b), b, b, h, w)), (0, 1, 4, 2, 5, 3)), (n, c // (b * b), h * b, w * b))
    return p.reshape(p.transpose(p.reshape(x, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5)), (n, h * b, w * b, c // (b * b)))


def _channels_last(data_format: Any) -> bool:
    from pronghorn.backend.settings import standardize_data_format

    return standardize_data_format(data_format) == "channels_last"


# -- others --------------------------------------------------------------------------------------------------------------------------------
@op(operands="x1 x2", dtype=floating)
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Return the peak signal-to-noise ratio of two tensors in decibels.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> round(float(psnr([0.0, 0.0], [1.0, 1.0], max_val=10.0)), 3)
        20.0
    """
    from pronghorn.backend.dims import same_dim, show

    a, b = shape(x1), shape(x2)
    if len(a) != len(b) or not all(same_dim(i, j) for i, j in zip(a, b, strict=True)):
        raise ValueError(f"psnr: the two tensors must have one shape; received {show(a)} and {show(b)}.")
    difference = p.subtract(x1, x2)
    error = mean(p.multiply(difference, difference))
    peak = 20.0 * math.log10(max_val) if isinstance(max_val, (int, float, np.generic)) else p.multiply(p.log(max_val), 20.0 / math.log(10.0))
    return p.subtract(peak, p.multiply(p.log(error), 10.0 / math.log(10.0)))


@op(operands="abs_ angle", dtype=floating)
def polar(abs_: Any, angle: Any) -> Any:
    """Return complex numbers of given absolute values and angles in radians.

    Example:
        >>> polar([2.0], [0.0])
        array([2.+0.j], dtype=complex64)
    """
    return p.view_as_complex(p.multiply(abs_, p.cos(angle)), p.multiply(abs_, p.sin(angle)))
