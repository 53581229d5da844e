"""Native kernels for derived ops, with the ops' own parameters. Core's bodies are what they agree with, edge cases and gradients at kinks included."""

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from pronghorn.backend import dtypes
from pronghorn.backend.op import OPS, defined
from pronghorn_tensorflow.support import F8, cast, const, only_cpus, plain, raw, with_axis_last

_FLOATS = frozenset(d.as_datatype_enum for d in (tf.bfloat16, tf.float16, tf.float32, tf.float64))
_EINSUM = _FLOATS | frozenset(d.as_datatype_enum for d in (tf.int32, tf.int64, tf.complex64, tf.complex128))
_NO_TILE = frozenset({*F8, "uint16"})
_CUDNN_EPSILON = 1.001e-5  # the smallest that cuDNN takes
_PASSES = 2**17  # elements from which one pass of a larger kernel takes less time than two small kernels
_OVERRIDES: dict[str, Callable] = {}
#: override -> its kernel without a look at the dtype, and the dtypes that it takes
KERNELS: dict[str, tuple[Callable, frozenset[str]]] = {}


def available() -> dict[str, Callable]:
    """Return the overrides of those ops that core has."""
    return {name: fn for name, fn in _OVERRIDES.items() if name in OPS}


def _override(fn: Callable) -> Callable:
    _OVERRIDES[fn.__name__] = fn
    return fn

_body = functools.partial(defined, "tensorflow")


def _unary(name: str, kernel: Callable, kinds: frozenset[int] = _FLOATS) -> None:
    def call(x: Any) -> Any:
        return kernel(x) if x.dtype.as_datatype_enum in kinds else _body(name, x)

    call.__name__ = name
    _OVERRIDES[name] = call
    KERNELS[name] = kernel, frozenset(tf.as_dtype(k).name for k in kinds)


_COMPLEX = frozenset(d.as_datatype_enum for d in (tf.complex64, tf.complex128))
_unary("relu", lambda x: raw.Relu(features=x), frozenset(tf.as_dtype(d).as_datatype_enum for d in (dtypes.INTEGER | dtypes.FLOAT) - set(F8)))
_unary("sigmoid", lambda x: raw.Sigmoid(x=x), _FLOATS | _COMPLEX)
_unary("softplus", lambda x: raw.Softplus(features=x))
_unary("log_sigmoid", lambda x: raw.Neg(x=raw.Softplus(features=raw.Neg(x=x))))
_unary("silu", lambda x: raw.Mul(x=x, y=raw.Sigmoid(x=x)))
_unary("softsign", lambda x: raw.Softsign(features=x))
_unary("rsqrt", lambda x: raw.Rsqrt(x=x), _FLOATS | _COMPLEX)
_unary("reciprocal", lambda x: raw.Reciprocal(x=x), _FLOATS | _COMPLEX)
_unary("isnan", lambda x: raw.IsNan(x=x))
_unary("isinf", lambda x: raw.IsInf(x=x))


@_override
def square(x: Any) -> Any:
    return raw.Mul(x=x, y=x) if x.dtype.is_complex else _body("square", x) if x.dtype.name in F8 else raw.Square(x=x)


@_override
def elu(x: Any, alpha: float = 1.0) -> Any:
    return raw.Elu(features=x) if alpha == 1 and x.dtype.as_datatype_enum in _FLOATS else _body("elu", x, alpha)


@_override
def gelu(x: Any, approximate: bool = True) -> Any:
    if x.dtype.as_datatype_enum not in _FLOATS:
        return _body("gelu", x, approximate)
    half = raw.Mul(x=x, y=0.5)
    if approximate:
        cubic = raw.AddV2(x=raw.Mul(x=raw.Square(x=x), y=0.044715), y=1.0)
        inner = raw.Tanh(x=raw.Mul(x=raw.Mul(x=x, y=cubic), y=math.sqrt(2.0 / math.pi)))
    else:
        scaled = raw.Mul(x=x, y=math.sqrt(0.5))
        inner = raw.Erf(x=tf.clip_by_value(scaled, -6.0, 6.0) if x.dtype == tf.float64 else scaled)
    return raw.Mul(x=half, y=raw.AddV2(x=inner, y=1.0))


def _along(kernel: Callable, name: str) -> Callable:
    def call(x: Any, axis: Any = -1) -> Any:
        rank = x.shape.rank
        if not isinstance(axis, int) or not rank or not -rank <= axis < rank or x.dtype.as_datatype_enum not in _FLOATS:
            return _body(name, x, axis)
        moved, back = with_axis_last(x, axis % rank)
        return back(kernel(logits=moved))

    call.__name__ = name
    return _override(call)


softmax = _along(raw.Softmax, "softmax")
log_softmax = _along(raw.LogSoftmax, "log_softmax")


@_override
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    numbers = type(x_min) in (int, float) and type(x_max) in (int, float)
    if not numbers or not x_min <= x_max or x.dtype.as_datatype_enum not in _FLOATS:
        return _body("clip", x, x_min, x_max)
    return raw.ClipByValue(t=x, clip_value_min=float(x_min), clip_value_max=float(x_max))


@_override
def not_equal(x1: Any, x2: Any) -> Any:
    return _body("not_equal", x1, x2) if getattr(x1, "dtype", x2.dtype).name in F8 else raw.NotEqual(x=x1, y=x2)


@_override
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    rank = x.shape.rank
    axes = tuple(range(rank or 0)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    valid = rank is not None and all(isinstance(a, int) and -rank <= a < rank for a in axes) and len({a % rank for a in axes}) == len(axes)
    if not valid or x.dtype.as_datatype_enum not in _FLOATS:
        return _body("mean", x, axis, keepdims)
    small = x.dtype.size == 2
    out = raw.Mean(input=cast(x, tf.float32) if small else x, axis=const(axes), keep_dims=bool(keepdims))
    return cast(out, x.dtype) if small else out


@_override
def batch_normalization(x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    rank, count = x.shape.rank, x.shape.num_elements()
    features = x.shape[-1] if rank and axis in (-1, rank - 1) else None
    large = rank is not None and rank > 2 if count is None else count >= _PASSES
    vectors = [t for t in (mean, variance, offset, scale) if t is not None]
    if not features or not large or any(t.dtype != tf.float32 for t in (x, *vectors)) or any(t.shape != (features,) for t in vectors):
        return _body("batch_normalization", x, mean, variance, axis, offset, scale, epsilon)
    factor = raw.Rsqrt(x=raw.AddV2(x=variance, y=epsilon))
    if scale is not None:
        factor = raw.Mul(x=factor, y=scale)
    shift = raw.Neg(x=raw.Mul(x=mean, y=factor))
    if offset is not None:
        shift = raw.AddV2(x=shift, y=offset)
    # The kernel has no gradients of a mean and a variance that it is given, so it is given zeros and ones: it scales and shifts, in one pass, within a
    # convolution if it follows one.
    zeros, part, rest = _standard(features)
    image = x if rank == 4 else tf.reshape(x, (-1, 1, 1, features))
    out = raw.FusedBatchNormV3(x=image, scale=factor, offset=shift, mean=zeros, variance=part, epsilon=rest, is_training=False)[0]
    return out if rank == 4 else tf.reshape(out, tf.shape(x))


@functools.cache
def _standard(features: int) -> tuple[Any, Any, float]:
    """A mean of zeros, and a variance and an epsilon that add up to exactly one."""
    epsilon = 2.0**-10
    with tf.init_scope():
        return tf.zeros((features,)), tf.fill((features,), 1.0 - epsilon), epsilon


@_override
def normalized_batch(x: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3) -> Any:
    rank = x.shape.rank
    features = x.shape[-1] if rank and rank > 1 and axis in (-1, rank - 1) else None
    count = x.shape[:-1].num_elements() if features else 0
    exact = epsilon >= _CUDNN_EPSILON or only_cpus()
    if not features or count == 0 or not exact or any(t is not None and t.dtype != tf.float32 for t in (x, offset, scale)):
        return _body("normalized_batch", x, axis, offset, scale, epsilon)
    image = x if rank == 4 else tf.reshape(x, (-1, 1, 1, features))
    out, mean, variance, *_ = raw.FusedBatchNormV3(
        x=image, scale=tf.ones((features,)) if scale is None else plain(scale), offset=tf.zeros((features,)) if offset is None else plain(offset),
        mean=(), variance=(), epsilon=epsilon,
    )  # fmt: skip
    count = tf.cast(tf.size(x) // features, tf.float32) if count is None else float(count)
    # the kernel divides the squares by one less than their number
    return out if rank == 4 else tf.reshape(out, tf.shape(x)), tf.stop_gradient(mean), tf.stop_gradient(variance * ((count - 1.0) / count))


@_override
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    name = dtypes.standardize(dtype)
    rank = x.shape.rank
    if sparse or name in F8 or rank is None or not -rank - 1 <= axis <= rank or not x.dtype.is_integer or not isinstance(num_classes, int):
        return _body("one_hot", x, num_classes, axis, dtype, sparse)
    if x.dtype not in (tf.int32, tf.int64):
        x = cast(x, tf.int64 if x.dtype.size > 2 else tf.int32)
    kind = dtypes.numpy_dtype(name).type
    return raw.OneHot(indices=x, depth=const(num_classes), on_value=kind(1), off_value=kind(0), axis=axis % (rank + 1) if axis != -1 else -1)


@_override
def stack(x: Any, axis: int = 0) -> Any:
    rank = x[0].shape.rank
    if rank is None or not isinstance(axis, int) or not -rank - 1 <= axis <= rank or any(v.shape.rank != rank for v in x):
        return _body("stack", x, axis)
    return raw.Pack(values=list(x), axis=axis)


@_override
def tile(x: Any, repeats: Any) -> Any:
    reps = (repeats,) if isinstance(repeats, int) else repeats
    if not isinstance(reps, (tuple, list)) or x.shape.rank != len(reps) or not all(isinstance(r, int) and r >= 0 for r in reps) or x.dtype.name in _NO_TILE:
        return _body("tile", x, repeats)
    return raw.Tile(input=x, multiples=const(tuple(reps))) if reps else plain(x)


@_override
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    if len(operands) > 2 or not isinstance(subscripts, str) or operands[0].dtype.as_datatype_enum not in _EINSUM:
        return _body("einsum", subscripts, *operands)
    return tf.einsum(subscripts, *operands)


@_override
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    rank = output.shape.rank
    labels = target.shape.rank
    if rank and labels == rank and target.shape[-1] == 1:
        target, labels = tf.squeeze(target, -1), rank - 1
    fits = rank and axis in (-1, rank - 1) and labels == rank - 1 and target.shape.is_compatible_with(output.shape[:-1]) and output.shape[-1]
    if not from_logits or not fits or output.dtype.as_datatype_enum not in _FLOATS:
        return _body("sparse_categorical_crossentropy", target, output, from_logits, axis)
    index = target if target.dtype in (tf.int32, tf.int64) else tf.cast(target, tf.int32)
    known = raw.LogicalAnd(x=raw.GreaterEqual(x=index, y=0), y=raw.Less(x=index, y=output.shape[-1]))
    # a label outside is an error to the kernel, and zero to core
    out = tf.nn.sparse_softmax_cross_entropy_with_logits(raw.SelectV2(condition=known, t=index, e=tf.zeros((), index.dtype)), output)
    return raw.SelectV2(condition=known, t=out, e=tf.zeros((), out.dtype))


def _matrices(name: str, kernel: Callable) -> None:
    def call(x: Any) -> Any:
        square = x.shape.rank is not None and x.shape.rank > 1 and x.shape[-1] == x.shape[-2]
        return kernel(x) if square and x.dtype.size > 2 else _body(name, x)

    call.__name__ = name
    _OVERRIDES[name] = call


_matrices("det", tf.linalg.det)
_matrices("inv", tf.linalg.inv)


@_override
def solve(a: Any, b: Any) -> Any:
    if a.dtype.size < 4 or a.shape.rank != b.shape.rank:
        return _body("solve", a, b)
    return tf.linalg.solve(a, b)


@_override
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    rank = x.shape.rank
    size = x.shape[axis] if rank and isinstance(axis, int) and -rank <= axis < rank else None
    if type(indices_or_sections) is not int or size is None or indices_or_sections < 1 or size % indices_or_sections:
        return _body("split", x, indices_or_sections, axis)
    return list(raw.Split(axis=const(axis % rank), value=x, num_split=indices_or_sections))  # its gradient is one concatenation


@_override
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    rank = x.shape.rank
    size = x.shape[axis] if rank and isinstance(axis, int) and -rank <= axis < rank else None
    if size is None or num not in (None, size):
        return _body("unstack", x, num, axis)
    return list(raw.Unpack(value=x, num=size, axis=axis))


@functools.cache
def _graph(name: str) -> Callable:
    return tf.function(functools.partial(_body, name), autograph=False, reduce_retracing=True)


def _whole(name: str) -> None:
    """Let a recurrent op run as a graph where it would otherwise go step by step, which takes several times as long."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not tf.executing_eagerly() or tf.config.functions_run_eagerly():
            return _body(name, *args, **kwargs)
        # a graph is made anew for each variable among its arguments, but not for each tensor
        return _graph(name)(*[plain(a) for a in args], **{k: plain(v) for k, v in kwargs.items()})

    call.__name__ = name
    _override(call)


for _name in ("lstm", "gru"):
    _whole(_name)
