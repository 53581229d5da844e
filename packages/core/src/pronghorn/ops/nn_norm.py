"""Statistics and normalisation, and attention."""

import math
from typing import Any

from pronghorn.backend import dtypes, settings
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.families import floating, real
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axes, canonical_axis
from pronghorn.ops.creation import arange, cast, dtype_of, ndim, shape
from pronghorn.ops.elementwise import rsqrt
from pronghorn.ops.nn import softmax
from pronghorn.ops.reduction import max as maximum_of
from pronghorn.ops.reduction import mean
from pronghorn.ops.reduction import sum as sum_of

__all__ = ["batch_normalization", "dot_product_attention", "layer_normalization", "moments", "normalize", "rms_normalization"]

_LOW = ("float16", "bfloat16")


@op(dtype=floating)
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Any:
    """Divide `x` by its norm along an axis.

    Args:
        x: tensor.
        axis: axis, or several.
        order: order of the norm: a positive number or infinity.
        epsilon: smallest norm to divide by; `ph.config.epsilon()` by default.

    Example:
        >>> normalize([3.0, 4.0])
        array([0.6, 0.8], dtype=float32)
    """
    if not isinstance(order, (int, float)) or not order > 0:
        raise ValueError(f"normalize: order must be a positive number; received {order!r}.")
    small = settings.epsilon() if epsilon is None else epsilon
    if order == 2:
        return p.multiply(x, rsqrt(p.maximum(sum_of(p.multiply(x, x), axis, True), small * small)))
    if order == math.inf:
        size = maximum_of(p.abs(x), axis, True)
    elif order == 1:
        size = sum_of(p.abs(x), axis, True)
    else:
        total = sum_of(p.power(p.abs(x), float(order)), axis, True)
        size = p.power(p.maximum(total, small**order), 1.0 / order)
    return p.divide(x, p.maximum(size, small))


@op(dtype=floating)
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return mean and variance along axes; halves are computed in float32.

    Args:
        x: tensor.
        axes: axis or axes.
        keepdims: whether reduced axes stay, with size one.
        synchronized: accepted; data-parallel steps see the whole batch already.

    Example:
        >>> [v.tolist() for v in moments([[1.0, 3.0], [5.0, 5.0]], 1)]
        [[2.0, 5.0], [1.0, 0.0]]
    """
    name = dtype_of(x)
    axes = canonical_axes("moments", axes, ndim(x))
    z = cast(x, "float32") if name in _LOW else x
    centre = mean(z, axes, True)
    # the mean's gradient through the deviations is zero, so it is cut
    deviation = p.subtract(z, p.stop_gradient(centre))
    variance = mean(p.multiply(deviation, deviation), axes, keepdims)
    if not keepdims:
        centre = p.reshape(centre, shape(variance))
    return cast(_within(centre, name), name), cast(_within(variance, name), name)


def _within(x: Any, name: str) -> Any:
    """Keep float32 statistics inside the range of float16."""
    return p.minimum(p.maximum(x, -65504.0), 65504.0) if name == "float16" else x


@op(operands="x mean variance", dtype=floating)
def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    """Normalise `x` by given statistics of the slices along `axis`, then scale and shift.

    Args:
        x: tensor.
        mean, variance: one number per slice along `axis`.
        axis: the axis of features.
        offset, scale: one number per slice, or None.
        epsilon: added to the variance.

    Example:
        >>> batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0).tolist()
        [[-1.0], [1.0]]
    """
    dims = shape(x)
    a = canonical_axis("batch_normalization", axis, len(dims))
    wide = (1,) * a + (dims[a],) + (1,) * (len(dims) - a - 1)
    factor = rsqrt(p.add(variance, epsilon))
    if scale is not None:
        factor = p.multiply(factor, scale)
    shift = p.negative(p.multiply(mean, factor))
    if offset is not None:
        shift = p.add(shift, offset)
    if a != len(dims) - 1:
        factor, shift = p.reshape(factor, wide), p.reshape(shift, wide)
    return cast(p.add(p.multiply(x, factor), shift), dtype_of(x))


def _affine(x: Any, v: Any, axes: tuple) -> Any:
    """Reshape a weight over the normalised axes so that it broadcasts against `x`."""
    dims = shape(x)
    if axes == tuple(range(len(dims) - len(axes), len(dims))) or ndim(v) == len(dims):
        return v
    return p.reshape(v, tuple(d if i in axes else 1 for i, d in enumerate(dims)))


@op(operands="x gamma beta")
def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any) -> Any:
    """Normalise `x` along axes to mean zero and variance one, then scale and shift.

    Args:
        x: tensor.
        gamma, beta: weights over the normalised axes, or None.
        axis: axis or axes to normalise over.
        epsilon: added to the variance; `ph.config.epsilon()` by default.
        **kwargs: `rms_scaling=True` divides by the standard deviation only, for old files.

    Example:
        >>> layer_normalization([[1.0, 3.0]], epsilon=0.0)
        array([[-1.,  1.]], dtype=float32)
    """
    rms = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization() got unexpected arguments: {', '.join(kwargs)}.")
    small = settings.epsilon() if epsilon is None else epsilon
    name = dtypes.to_float(dtype_of(x))
    z = cast(x, "float32" if name in _LOW else name)
    axes = canonical_axes("layer_normalization", axis, ndim(x))
    if rms:
        deviation = p.subtract(z, mean(z, axes, True))
        out = p.multiply(z, rsqrt(p.add(mean(p.multiply(deviation, deviation), axes, True), small)))
        beta = None
    else:
        deviation = p.subtract(z, mean(z, axes, True))
        out = p.multiply(deviation, rsqrt(p.add(mean(p.multiply(deviation, deviation), axes, True), small)))
    if gamma is not None:
        out = p.multiply(out, cast(_affine(x, gamma, axes), dtype_of(z)))
    if beta is not None:
        out = p.add(out, cast(_affine(x, beta, axes), dtype_of(z)))
    return cast(out, name)


@op(operands="x scale")
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """Divide `x` by its root mean square along axes, then scale (Zhang and Sennrich, 2019).

    Args:
        x: tensor.
        scale: weight over the normalised axes, or None.
        axis: axis or axes.
        epsilon: added to the mean square; `ph.config.epsilon()` by default.

    Example:
        >>> rms_normalization([[2.0, -2.0]], epsilon=0.0)
        array([[ 1., -1.]], dtype=float32)
    """
    small = settings.epsilon() if epsilon is None else epsilon
    name = dtypes.to_float(dtype_of(x))
    z = cast(x, "float32" if name in _LOW else name)
    axes = canonical_axes("rms_normalization", axis, ndim(x))
    out = p.multiply(z, rsqrt(p.add(mean(p.multiply(z, z), axes, True), small)))
    if scale is not None:
        out = p.multiply(out, cast(_affine(x, scale, axes), dtype_of(z)))
    return cast(out, name)


@op(operands="query key value", dtype=real(floating))
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Return scaled dot-product attention (Vaswani et al., 2017).

    Args:
        query: (batch, T, heads, size), or without batch.
        key, value: (batch, S, key heads, size); the key heads divide the heads.
        bias: added to the logits (batch, heads, T, S).
        mask: booleans that broadcast to the logits, true where attention is allowed.
        scale: factor of the logits; by default one over the root of the size.
        is_causal: whether a position attends only to itself and those before it.
        flash_attention: a wish that an engine may follow; the result is the same.
        attn_logits_soft_cap: limit that logits approach through tanh.

    Returns:
        Tensor of the query's shape, with the value's size.

    Example:
        >>> x = [[[[1.0, 0.0]], [[0.0, 1.0]]]]
        >>> dot_product_attention(x, x, x, is_causal=True)[0, 0, 0].tolist()
        [1.0, 0.0]
    """
    dims = [shape(t) for t in (query, key, value)]
    rank = len(dims[0])
    if rank not in (3, 4) or any(len(d) != rank for d in dims):
        shapes = ", ".join(show(d) for d in dims)
        raise ValueError(f"dot_product_attention: query, key and value must have rank 4 (batch, length, heads, size), or all rank 3; received {shapes}.")
    if rank == 3:
        query, key, value = (p.reshape(t, (1, *d)) for t, d in zip((query, key, value), dims, strict=True))
    batch, length, heads, size = shape(query)
    _, source, groups, width = shape(value)
    if isinstance(heads, int) and isinstance(groups, int) and heads % groups:
        raise ValueError(f"dot_product_attention: {heads} query heads are no multiple of {groups} key heads.")
    name = dtype_of(query)
    scale = 1.0 / math.sqrt(size) if scale is None else scale
    # (batch, length, heads, size) → (batch, heads, length, size); the heads that share a key become one longer query
    share = heads // groups
    q = p.transpose(p.multiply(query, scale), (0, 2, 1, 3))
    k, v = p.transpose(key, (0, 2, 3, 1)), p.transpose(value, (0, 2, 1, 3))
    if share != 1:
        q = p.reshape(q, (batch, groups, share * length, size))
    logits = p.matmul(q, k)
    if share != 1:
        logits = p.reshape(logits, (batch, heads, length, source))
    logits = cast(logits, "float32") if name in _LOW else logits
    if attn_logits_soft_cap is not None:
        logits = p.multiply(p.tanh(p.divide(logits, attn_logits_soft_cap)), attn_logits_soft_cap)
    if bias is not None:
        logits = p.add(logits, cast(bias, dtype_of(logits)))
    allowed = None if mask is None else cast(mask, "bool")
    if is_causal:
        causal = p.less_equal(p.reshape(arange(source), (1, source)), p.reshape(arange(length), (length, 1)))
        allowed = causal if allowed is None else p.logical_and(allowed, causal)
    if allowed is not None:
        # finite, so that a row without any allowed position gives the mean instead of nan
        logits = p.where(allowed, logits, -0.7 * 3.4028234663852886e38)
    weights = cast(softmax(logits, -1), name)
    if share != 1:
        weights = p.reshape(weights, (batch, groups, share * length, source))
    out = p.matmul(weights, v)
    if share != 1:
        out = p.reshape(out, (batch, heads, length, width))
    out = p.transpose(out, (0, 2, 1, 3))
    return p.reshape(out, shape(out)[1:]) if rank == 3 else out
