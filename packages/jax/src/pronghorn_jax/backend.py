"""The JAX engine: primitives as jitted functions, so that an eager call costs one compiled dispatch and a traced one is inlined."""
# ruff: noqa: A001, A002, A003

import builtins
import functools
import gc
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pronghorn.backend import contract, dtypes
from pronghorn.state.binding import StateError
from pronghorn_jax import control
from pronghorn_jax.executor import Executor
from pronghorn_jax.jitting import concrete, jitted, tracing
from pronghorn_jax.overrides import Overrides

#: contract name -> jax.numpy name where the semantics are the same
_SAME = (
    "exp log log1p expm1 sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh floor ceil trunc negative abs isfinite "
    "logical_not bitwise_not add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less less_equal logical_and "
    "logical_or bitwise_and bitwise_or bitwise_xor where matmul real imag"
)
_RENAMED = {"bitwise_left_shift": jnp.left_shift, "bitwise_right_shift": jnp.right_shift, "erf": lax.erf, "stop_gradient": lax.stop_gradient}
#: below this many elements a constant is made on the host: compiling a fill for every new shape costs more than the copy
_SMALL = 1 << 16
#: `jnp.array` takes half as long as `device_put`, and compiles a program for every shape, which takes as long as some hundred of them
_OFTEN = 256
_SEEN: dict[Any, int] = {}  # shape and dtype -> how often one was made, up to _OFTEN


class Backend(Overrides, contract.Backend):
    """JAX."""

    name = "jax"
    types = (jax.Array, jax.core.Tracer)
    capabilities = frozenset({"linalg", "complex", "autodiff", "native_rng"})
    dtype_hint = 'Enable 64-bit types with jax.config.update("jax_enable_x64", True).'
    scalar_operands = frozenset(
        "add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less less_equal logical_and logical_or bitwise_and "
        "bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift where".split()
    )

    for _n in _SAME.split():
        locals()[_n] = jitted()(getattr(jnp, _n))
    for _n, _f in _RENAMED.items():
        locals()[_n] = jitted()(_f)

    @property
    def dtypes(self) -> frozenset[str]:  # type: ignore[override]
        """Dtypes available now: the 64-bit ones depend on `jax_enable_x64`."""
        return _ALL if jax.config.jax_enable_x64 else _NARROW  # type: ignore[attr-defined]

    @jitted()
    def round(x: Any) -> Any:
        return jnp.round(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x

    @jitted()
    def sign(x: Any) -> Any:
        return x if x.dtype == bool else jnp.sign(x)

    # -- create and convert
    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        array = np.array(x, dtypes.numpy_dtype(dtype))
        if not tracing():
            return _put(array)
        with jax.ensure_compile_time_eval():  # a constant also inside a traced function: it stays usable after the trace
            return jnp.array(array)

    def convert_to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def full(self, shape: Any, fill_value: Any, dtype: str) -> Any:
        size = math.prod(shape)
        if tracing() or (size > _SMALL and jax.default_backend() != "cpu"):
            return jnp.full(shape, fill_value, dtypes.numpy_dtype(dtype))
        array = np.full(shape, fill_value, dtypes.numpy_dtype(dtype))
        return _put(array)

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Any:
        if tracing() and step == 1 and dtype in ("int32", "int64") and isinstance(start, int) and isinstance(stop, int):
            return lax.iota(dtype, builtins.max(stop - start, 0)) + start
        return self.convert_to_tensor(np.arange(start, stop, step), dtype)

    def shape(self, x: Any) -> Any:
        return x.shape

    @jitted("dtype")
    def cast(x: Any, dtype: Any) -> Any:
        if jnp.issubdtype(x.dtype, jnp.complexfloating) and dtype not in dtypes.COMPLEX:
            x = x != 0 if dtype == "bool" else jnp.real(x)
        return lax.convert_element_type(x, dtypes.numpy_dtype(dtype))

    @jitted("dtype")
    def view(x: Any, dtype: Any) -> Any:
        return x.view(dtypes.numpy_dtype(dtype))

    # -- reductions
    @jitted("axis", "keepdims")
    def sum(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)

    @jitted("axis", "keepdims")
    def prod(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype)

    @jitted("axis", "keepdims")
    def max(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.max(x, axis=axis, keepdims=keepdims)

    @jitted("axis", "keepdims")
    def min(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.min(x, axis=axis, keepdims=keepdims)

    @jitted("axis", "keepdims")
    def any(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.any(x, axis=axis, keepdims=keepdims)

    @jitted("axis", "keepdims")
    def all(x: Any, axis: Any, keepdims: Any) -> Any:
        return jnp.all(x, axis=axis, keepdims=keepdims)

    @jitted("axis")
    def argmax(x: Any, axis: Any) -> Any:
        return lax.argmax(x, axis, jnp.int32)

    @jitted("axis")
    def argmin(x: Any, axis: Any) -> Any:
        return lax.argmin(x, axis, jnp.int32)

    @jitted("axis")
    def cumsum(x: Any, axis: Any) -> Any:
        return jnp.cumsum(x, axis=axis, dtype=x.dtype)

    @jitted("axis")
    def cumprod(x: Any, axis: Any) -> Any:
        return jnp.cumprod(x, axis=axis, dtype=x.dtype)

    # -- shape
    @jitted("shape")
    def reshape(x: Any, shape: Any) -> Any:
        return jnp.reshape(x, shape)

    @jitted("axes")
    def transpose(x: Any, axes: Any) -> Any:
        return lax.transpose(x, axes)

    @jitted("shape")
    def broadcast_to(x: Any, shape: Any) -> Any:
        return jnp.broadcast_to(x, shape)

    @jitted("axis")
    def concatenate(xs: Any, axis: Any) -> Any:
        return lax.concatenate(xs, axis)

    @jitted("pad_width")
    def _pad(x: Any, pad_width: Any, value: Any) -> Any:
        return lax.pad(x, value, [(a, b, 0) for a, b in pad_width])

    def pad(self, x: Any, pad_width: Any, constant_values: Any) -> Any:
        if not isinstance(constant_values, jax.core.Tracer):
            constant_values = np.asarray(constant_values).astype(x.dtype)
        return self._pad(x, tuple((int(a), int(b)) for a, b in pad_width), constant_values)

    @jitted("axis")
    def flip(x: Any, axis: Any) -> Any:
        return lax.rev(x, axis)

    @jitted("start", "stop", "step")
    def _slice(x: Any, start: Any, stop: Any, step: Any) -> Any:
        return lax.slice(x, start, [builtins.max(a, b) for a, b in zip(start, stop, strict=True)], step)

    @jitted("sizes")
    def _block(x: Any, start: Any, sizes: Any) -> Any:
        return lax.dynamic_slice(x, [start[i] for i in range(x.ndim)], sizes)

    def slice(self, x: Any, start: Any, stop: Any, step: Any) -> Any:
        if isinstance(x, jax.core.Tracer) or not start or builtins.any(s != 1 for s in step):
            return self._slice(x, start, stop, step)
        # one compiled function for every position of a block, so that a loop over x[i] compiles once
        sizes = tuple(builtins.max(b - a, 0) for a, b in zip(start, stop, strict=True))
        return self._block(x, np.array(start, np.uint32), sizes)

    # -- index and sort; indices are unsigned below, which spares JAX's treatment of negative ones
    @jitted("axis")
    def take(x: Any, indices: Any, axis: Any) -> Any:
        return x.at[(builtins.slice(None),) * axis + (indices.astype(jnp.uint32),)].get(mode="clip")

    @jitted("axis")
    def take_along_axis(x: Any, indices: Any, axis: Any) -> Any:
        return jnp.take_along_axis(x, indices.astype(jnp.uint32), axis, mode="clip")

    @jitted("mode")
    def scatter(x: Any, indices: Any, updates: Any, mode: Any) -> Any:
        where = tuple(indices[..., i] for i in range(indices.shape[-1]))
        if x.dtype == bool and mode != "set":
            mode = {"add": "max", "multiply": "min"}.get(mode, mode)
            return getattr(x.astype(jnp.uint8).at[where], mode)(updates.astype(jnp.uint8)).astype(bool)
        if mode == "multiply" and jnp.issubdtype(x.dtype, jnp.inexact):
            return _multiplied(x, updates, where)
        return getattr(x.at[where], mode)(updates)

    @jitted()
    def slice_update(x: Any, start: Any, updates: Any) -> Any:
        return lax.dynamic_update_slice(x, updates, [lax.convert_element_type(jnp.maximum(s, 0), jnp.uint32) for s in start])

    @jitted("axis")
    def sort(x: Any, axis: Any) -> Any:
        return jnp.sort(x, axis=axis)

    @jitted("axis")
    def argsort(x: Any, axis: Any) -> Any:
        return jnp.argsort(x, axis=axis, stable=True).astype(jnp.int32)

    @jitted("k")
    def top_k(x: Any, k: Any) -> Any:
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return tuple(lax.top_k(x, k))
        # XLA orders by bits: -0 below 0 and a nan with its sign bit set last. Order by value instead.
        z = lax.stop_gradient(x)
        z = jnp.where(jnp.isnan(z), jnp.nan, jnp.where(z == 0, 0, z)).astype(x.dtype)
        order = lax.top_k(z, k)[1]
        return jnp.take_along_axis(x, order.astype(jnp.uint32), -1, mode="clip"), order

    @jitted("side")
    def searchsorted(sorted_sequence: Any, values: Any, side: Any) -> Any:
        return jnp.searchsorted(sorted_sequence, values, side=side).astype(jnp.int32)

    # -- windows
    @jitted("strides", "padding", "dilation", "groups")
    def conv(x: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: Any) -> Any:
        return lax.conv_general_dilated(x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=_layout(x.ndim), feature_group_count=groups)

    @jitted("strides", "padding", "output_padding", "dilation")
    def conv_transpose(x: Any, kernel: Any, strides: Any, padding: Any, output_padding: Any, dilation: Any) -> Any:
        # the convolution of x, spread out by the strides, with the mirrored kernel
        n = x.ndim - 2
        spans = [d * (k - 1) for d, k in zip(dilation, kernel.shape, strict=False)]
        pads = [(s - p[0], s - p[1] + o) for s, p, o in zip(spans, padding, output_padding, strict=True)]
        mirrored = jnp.swapaxes(lax.rev(kernel, tuple(range(n))), -1, -2)
        return lax.conv_general_dilated(x, mirrored, (1,) * n, pads, lhs_dilation=strides, rhs_dilation=dilation, dimension_numbers=_layout(x.ndim))

    @jitted("pool_size", "strides", "padding")
    def max_pool(x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
        if x.dtype == bool:
            low: Any = False
        else:
            low = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        return lax.reduce_window(x, np.asarray(low, x.dtype), lax.max, *_window(pool_size, strides, padding))

    @jitted("pool_size", "strides", "padding")
    def average_pool(x: Any, pool_size: Any, strides: Any, padding: Any) -> Any:
        z = x.astype(np.float32) if x.dtype.itemsize <= 2 else x
        window = _window(pool_size, strides, padding)
        total = lax.reduce_window(z, np.zeros((), z.dtype), lax.add, *window)
        if not builtins.any(map(builtins.any, padding)):
            return (total / math.prod(pool_size)).astype(x.dtype)
        inside = jnp.ones((1, *x.shape[1:-1], 1), z.dtype)
        return (total / lax.reduce_window(inside, np.zeros((), z.dtype), lax.add, *window)).astype(x.dtype)

    # -- linear algebra
    @jitted()
    def cholesky(x: Any) -> Any:
        return lax.linalg.cholesky(x, symmetrize_input=False)

    @jitted("mode")
    def qr(x: Any, mode: Any) -> Any:
        return tuple(jnp.linalg.qr(x, mode=mode))

    @jitted("full_matrices")
    def svd(x: Any, full_matrices: Any) -> Any:
        return tuple(jnp.linalg.svd(x, full_matrices=full_matrices))

    @jitted()
    def eigh(x: Any) -> Any:
        return tuple(jnp.linalg.eigh(x))

    @jitted()
    def eig(x: Any) -> Any:
        return tuple(jnp.linalg.eig(x))

    @jitted()
    def lu_factor(x: Any) -> Any:
        packed, pivots, _ = lax.linalg.lu(x)
        return packed, pivots

    @jitted("lower")
    def solve_triangular(a: Any, b: Any, lower: Any) -> Any:
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        grow = lambda m: jnp.broadcast_to(m, batch + m.shape[-2:])
        return lax.linalg.triangular_solve(grow(a), grow(b), left_side=True, lower=lower)

    # -- complex numbers
    @jitted()
    def view_as_complex(real: Any, imag: Any) -> Any:
        wide = np.float64 if real.dtype == np.float64 else np.float32
        return lax.complex(*jnp.broadcast_arrays(real.astype(wide), imag.astype(wide)))

    @jitted()
    def fft(x: Any) -> Any:
        return jnp.fft.fft(x)

    @jitted()
    def rfft(x: Any) -> Any:
        return jnp.fft.rfft(x if x.dtype in (np.float32, np.float64) else x.astype(np.float32))

    @jitted("length")
    def irfft(x: Any, length: Any) -> Any:
        return jnp.fft.irfft(x, length)

    def nonzero(self, x: Any) -> Any:
        """Outside compiled code only: the sizes depend on values."""
        if not self.is_concrete(x):
            raise jax.errors.ConcretizationTypeError(x, "nonzero: the number of results depends on values, so it cannot be compiled. Use where.")
        return tuple(self.convert_to_tensor(i, "int32") for i in np.nonzero(np.asarray(x)))

    # -- control flow, gradients, random bits
    cond = staticmethod(control.cond)
    while_loop = staticmethod(control.while_loop)
    scan = staticmethod(control.scan)
    value_and_grad = staticmethod(control.value_and_grad)
    custom_gradient = staticmethod(control.custom_gradient)
    vectorized_map = staticmethod(control.vectorized_map)
    jvp = staticmethod(control.jvp)

    @jitted("shape", "impl", "words")
    def _random_bits(k0: Any, k1: Any, shape: Any, impl: Any, words: Any) -> Any:
        data = lax.bitcast_convert_type(jnp.stack([k0, k1]).astype(jnp.int32), jnp.uint32)
        key = jax.random.wrap_key_data(jnp.resize(data, words), impl=impl)
        return lax.bitcast_convert_type(jax.random.bits(key, shape, jnp.uint32), jnp.int32)

    def random_bits(self, shape: Any, key: Any) -> Any:
        impl = str(jax.config.jax_default_prng_impl)  # type: ignore[attr-defined]
        return self._random_bits(*key, tuple(shape), impl, 2 if impl == "threefry2x32" else 4)

    # -- runtime
    def owns(self, kind: type) -> bool:
        """Tell whether `kind` is an array or a tracer."""
        return issubclass(kind, self.types)

    def dtype(self, x: Any) -> str:
        """Return the dtype name."""
        return dtypes.name_of(x.dtype)

    def is_concrete(self, x: Any) -> bool:
        """Tell whether `x` holds values now."""
        return concrete(x)

    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        """Return the array that a variable starts with."""
        if not self.owns(type(value)):
            if isinstance(value, np.ndarray) and value.ndim and dtypes.name_of(value.dtype) in self.dtypes and not tracing():
                return jax.device_put(value)  # compiles nothing, and makes no copy where the memory fits: nobody else has it
            return self.from_host(value)
        if not concrete(value):
            raise StateError(
                f'Variable "{name}" would start with a value that is only known inside the function being compiled. '
                "Create it before: call the layer's build() or the model on data once."
            )
        return value

    def devices(self) -> list[str]:
        """List the devices, the default one first."""
        return [f"{d.platform}:{d.id}" for d in jax.devices()] + ([] if jax.default_backend() == "cpu" else ["cpu:0"])

    def _device(self, name: str) -> Any:
        kind, _, index = name.partition(":")
        if name not in self.devices() and not (not index and builtins.any(d.startswith(kind + ":") for d in self.devices())):
            raise ValueError(f'jax has no device "{name}". Devices: {", ".join(self.devices())}.')
        return next(d for d in jax.devices(kind) if not index or d.id == int(index))

    def device_scope(self, device: str) -> Any:
        """Return a context that places new tensors on `device`, such as "gpu:0"."""
        return jax.default_device(self._device(device))

    def put(self, x: Any, device: str | None) -> Any:
        """Move a tensor to a device."""
        return jax.device_put(x, None if device is None else self._device(device))

    def rematerialize(self, fn: Callable) -> Callable:
        """Return `fn` under `jax.checkpoint`."""
        return jax.checkpoint(fn)

    def constrain(self, x: Any, layout: Any) -> Any:
        """Shard `x` as a JAX sharding says; None leaves it alone."""
        if layout is None:
            return x
        return lax.with_sharding_constraint(x, layout) if tracing() else jax.device_put(x, layout)

    def executor(self) -> Executor:
        """Return the executor, which compiles steps with `jax.jit`."""
        return self._executor

    @functools.cached_property
    def _executor(self) -> Executor:
        return Executor(self)

    def interop(self, layer: Any) -> Any:
        """Return `(apply, params)` for a built layer or model."""
        from pronghorn_jax.interop import functional

        return functional(layer)

    def memory_cleanup(self) -> None:
        """Drop what only reference cycles keep alive, compiled functions of deleted models included."""
        gc.collect()


_ALL = frozenset(dtypes.ALL)
_NARROW = _ALL - {"int64", "uint64", "float64", "complex128"}
_scalar = jax.jit(jnp.copy)


def _put(array: np.ndarray) -> Any:
    """Return the tensor of an array that nobody else has."""
    if array.ndim == 0:
        return _scalar(array)
    if array.size <= _SMALL:
        kind = array.shape, array.dtype
        count = _SEEN.get(kind, 0)
        if count >= _OFTEN:
            return jnp.array(array)
        if not count and len(_SEEN) >= 4096:
            _SEEN.clear()
        _SEEN[kind] = count + 1
    return jax.device_put(array)


@jax.custom_jvp
def _multiplied(x: Any, updates: Any, where: Any) -> Any:
    """`x` multiplied by updates, with the derivative for repeated indices that JAX's own scatter lacks."""
    return x.at[where].multiply(updates)


@_multiplied.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x, updates, where), (dx, dupdates, _) = primals, tangents
    ones, zero = jnp.ones_like(x), updates == 0
    factor = _multiplied(ones, updates, where)
    # what one update is multiplied by: the others at its place, which is the whole product over it unless a factor is zero
    others = _multiplied(ones, jnp.where(zero, 1, updates), where)[where] / jnp.where(zero, 1, updates)
    zeros = jnp.zeros(x.shape, np.int32).at[where].add(zero.astype(np.int32))[where]
    rest = jnp.where(zeros == zero, x[where] * others, 0)
    return x * factor, dx * factor + jnp.zeros_like(x).at[where].add(dupdates * rest)


def _layout(ndim: int) -> Any:
    """Channels last: (N, spatial, C), (spatial, C, O), (N, spatial, C)."""
    n = ndim - 2
    image = (0, n + 1, *range(1, n + 1))
    return lax.ConvDimensionNumbers(image, (n + 1, n, *range(n)), image)


def _window(size: Any, strides: Any, padding: Any) -> tuple:
    """Window arguments of `lax.reduce_window` for (N, spatial, C)."""
    return (1, *size, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0))
