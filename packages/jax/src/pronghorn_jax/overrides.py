"""Derived ops for which JAX has something better than running their bodies primitive by primitive.

Two kinds. A few have a native function with better gradients or a better contraction. Most are the op's own body compiled as one function: the
meaning cannot differ, an eager call is one dispatch instead of several, and within a trace the function is inlined.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pronghorn.backend.op import OPS, Op, defined
from pronghorn.backend.owners import UNWRAP
from pronghorn.backend.registry import use_backend
from pronghorn.backend.settings import SETTINGS
from pronghorn_jax.jitting import jitted

#: ops whose bodies are compiled whole: several primitives, no state, no values looked at; their operands are tensors, or one list of them
BODIES = frozenset(
    """
    cbrt exp2 log2 log10 logaddexp logaddexp2 hypot logical_xor isnan isinf isposinf isneginf signbit fmax fmin fmod heaviside divide_no_nan nan_to_num
    sinc angle mean var std dot vdot inner outer cross kron tril triu diagonal trace diag diagflat count_nonzero in_top_k
    leaky_relu elu selu celu threshold hard_shrink soft_shrink tanh_shrink hard_tanh hard_sigmoid hard_silu softplus log_sigmoid silu gelu softsign
    squareplus sparse_plus sparse_sigmoid glu logsumexp sparsemax one_hot multi_hot space_to_depth depth_to_space psnr polar
    binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy depthwise_conv separable_conv adaptive_average_pool adaptive_max_pool
    linear biased_conv lstm gru
    normalize moments batch_normalization layer_normalization rms_normalization dot_product_attention hstack vstack dstack stack unstack tile roll rot90
    threefry keyed_uniform keyed_normal keyed_randint keyed_categorical keyed_dropout keyed_shuffle keyed_gamma keyed_binomial
    """.split()
)
#: parameters of these that are tensors though they are no operands
TENSORS = {"batch_normalization": {"offset", "scale"}, "dot_product_attention": {"bias", "mask"}}
#: calls of one op that a compiler could not take (values looked at, arguments without a hash) before no more are tried
_PATIENCE = 8


def compiled_body(op: Op) -> Callable:
    """Return the body of a derived op as a compiled function, which falls back to the plain body where it cannot be one."""
    tensors = {*op.operands} | TENSORS.get(op.name, set())
    names = list(op.signature.parameters)

    def traced(settings: Any, *args: Any, **kwargs: Any) -> Any:
        with use_backend("jax"):
            return op.body(*args, **kwargs)

    # settings are an argument, since bodies read them while they are traced
    static = (0, *[i + 1 for i, n in enumerate(names) if n not in tensors])
    function = jax.jit(traced, static_argnums=static, static_argnames=[n for n in names if n not in tensors], inline=True)
    failures = 0

    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal failures
        if failures < _PATIENCE:
            given = [_value(a) for a in args]
            try:
                return function(
                    (SETTINGS.floatx, SETTINGS.epsilon, SETTINGS.image_data_format), *given, **{k: _value(v) for k, v in kwargs.items()} if kwargs else {}
                )
            except Exception:  # the plain body either works, or fails with the message that is meant
                with use_backend("jax"):
                    result = op.body(*args, **kwargs)
                failures += 1
                return result
        with use_backend("jax"):
            return op.body(*args, **kwargs)

    return run


def _value(x: Any) -> Any:
    """Return what may enter a compiled function: a Variable's tensor, a list of numbers as a tuple, which has a hash."""
    get = UNWRAP.get(type(x))
    if get is not None:
        return get(x)
    return tuple(x) if type(x) is list and x and isinstance(x[0], int) else x


class Overrides:
    """Native versions of derived ops, with the ops' own parameters."""

    def __getattr__(self, name: str) -> Any:
        op = OPS.get(name) if name in BODIES else None
        if op is None:
            raise AttributeError(name)
        found = compiled_body(op)
        setattr(self, name, found)
        return found

    @jitted()
    def relu(x: Any) -> Any:
        return jax.nn.relu(x)

    @jitted()
    def relu6(x: Any) -> Any:
        return jnp.where(x <= 0, 0, jnp.where(x >= 6, 6, x)).astype(x.dtype)

    @jitted()
    def sigmoid(x: Any) -> Any:
        return lax.logistic(x)

    @jitted()
    def rsqrt(x: Any) -> Any:
        return lax.rsqrt(x)

    @jitted()
    def erfinv(x: Any) -> Any:
        return lax.erf_inv(x)

    def split(self, x: Any, indices_or_sections: Any, axis: int = 0) -> list:
        n = indices_or_sections
        if type(n) is not int or type(axis) is not int or not -x.ndim <= axis < x.ndim or n <= 0 or x.shape[axis] % n:
            return defined("jax", "split", x, n, axis)
        return _split(x, n, axis)  # its gradient is one concatenation; those of slices are padded and added up

    def softmax(self, x: Any, axis: Any = -1) -> Any:
        return _softmax(x, tuple(axis) if isinstance(axis, list) else axis)

    def log_softmax(self, x: Any, axis: Any = -1) -> Any:
        return _log_softmax(x, tuple(axis) if isinstance(axis, list) else axis)

    def einsum(self, subscripts: str, *operands: Any, **kwargs: Any) -> Any:
        return _einsum(subscripts, *operands, preferred=_accumulator(*operands))

    def tensordot(self, x1: Any, x2: Any, axes: Any = 2) -> Any:
        axes = axes if isinstance(axes, int) else tuple(tuple(a) if isinstance(a, (list, tuple)) else a for a in axes)
        return _tensordot(x1, x2, axes=axes, preferred=_accumulator(x1, x2))


_split = jax.jit(jnp.split, static_argnums=(1, 2), inline=True)
_softmax = jax.jit(jax.nn.softmax, static_argnums=1, inline=True)
_log_softmax = jax.jit(jax.nn.log_softmax, static_argnums=1, inline=True)
def _accumulator(*operands: Any) -> Any:
    """What products are summed in: int32 for int8, as everywhere; else JAX's choice."""
    return jnp.int32 if all(x.dtype == jnp.int8 for x in operands) else None


@functools.partial(jax.jit, static_argnums=0, static_argnames="preferred", inline=True)
def _einsum(subscripts: str, *operands: Any, preferred: Any) -> Any:
    return jnp.einsum(subscripts, *operands, preferred_element_type=preferred)


@functools.partial(jax.jit, static_argnames=("axes", "preferred"), inline=True)
def _tensordot(x1: Any, x2: Any, axes: Any, preferred: Any) -> Any:
    return jnp.tensordot(x1, x2, axes, preferred_element_type=preferred)
