"""The TensorFlow engine: primitives on `tf.Tensor`s and `tf.Variable`s, and the runtime around them.

Kernels are called through `tf.raw_ops`, which take a third of the time of the functions above them in eager mode; core has already converted and
promoted the operands that those functions would look at.
"""
# ruff: noqa: A001, A002

import contextlib
import functools
import math
import os
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from pronghorn.backend import contract, dtypes
from pronghorn_tensorflow import control, elementwise, linalg, overrides, windows
from pronghorn_tensorflow.executor import Executor
from pronghorn_tensorflow.interop import interop
from pronghorn_tensorflow.optimizers import optimizer_update
from pronghorn_tensorflow.support import F8, SHARED, cast, const, copied, ints, only_cpus, order_key, plain, raw, sizes, taken, via, with_axis_last

_MATMUL = {**F8, "bool": "int32", "uint8": "int32", "int8": "int32", "uint16": "int32", "int16": "int32", "uint32": "int64", "uint64": "int64"}
_INDEX_KINDS = frozenset({tf.int32.as_datatype_enum, tf.int64.as_datatype_enum})


def _matmul(x1: Any, x2: Any) -> Any:
    a, b = x1.shape.rank, x2.shape.rank
    if b == 2:
        if a == 2:
            return raw.MatMul(a=x1, b=x2)
        # one product of tall matrices: broadcasting x2 would make its gradient a batch of matrices to be summed
        dims = sizes(x1)
        out = raw.MatMul(a=raw.Reshape(tensor=x1, shape=ints((_product(dims[:-1]), dims[-1]))), b=x2)
        return raw.Reshape(tensor=out, shape=ints((*dims[:-1], x2.shape[-1] if x2.shape[-1] is not None else sizes(x2)[-1])))
    return raw.BatchMatMulV2(x=x1, y=x2)


def _product(dims: Any) -> Any:
    unknown = [d for d in dims if not isinstance(d, int)]
    known = int(np.prod([d for d in dims if isinstance(d, int)], dtype=np.int64))
    if not unknown:
        return known
    return -1 if known and len(unknown) else tf.reduce_prod(tf.stack([tf.cast(d, tf.int32) for d in dims]))


def _keep_autograph_out() -> None:
    """Let `tf.function` trace pronghorn's code as it is, as it does with other libraries'; rewriting it takes seconds and changes nothing."""
    with contextlib.suppress(ImportError, AttributeError):  # not a public interface: without it tracing is slow, but works
        from tensorflow.python.autograph.core import config

        if not any(rule.matches("pronghorn") for rule in config.CONVERSION_RULES):
            ours = tuple(config.DoNotConvert(name) for name in ("pronghorn", "pronghorn_tensorflow"))
            config.CONVERSION_RULES = (*ours, *config.CONVERSION_RULES)


class Backend(contract.Backend):
    """TensorFlow."""

    name = "tensorflow"
    types = (tf.Tensor, tf.Variable)
    capabilities = frozenset({"linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"})
    own_dtypes = True
    scalar_operands = frozenset("add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less less_equal where".split())

    for _n, _f in {**elementwise.PRIMITIVES, **linalg.PRIMITIVES}.items():
        locals()[_n] = staticmethod(_f)
    del _n, _f
    conv = staticmethod(windows.conv)
    conv_transpose = staticmethod(windows.conv_transpose)
    max_pool = staticmethod(windows.max_pool)
    average_pool = staticmethod(windows.average_pool)
    cond = staticmethod(control.cond)
    while_loop = staticmethod(control.while_loop)
    scan = staticmethod(control.scan)
    matmul = staticmethod(via(_matmul, _MATMUL, 2, name="matmul"))
    custom_gradient = staticmethod(tf.custom_gradient)
    value_and_grad = staticmethod(control.value_and_grad)
    vectorized_map = staticmethod(control.vectorized_map)
    jvp = staticmethod(control.jvp)

    optimizer_update = staticmethod(optimizer_update)

    def __init__(self) -> None:
        _keep_autograph_out()
        for name, fn in overrides.available().items():
            setattr(self, name, fn)

    # -- create and convert
    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        if dtype in SHARED and tf.executing_eagerly() and only_cpus():
            return copied(np.asarray(x), dtype)
        return tf.constant(np.asarray(x), dtype)

    def convert_to_numpy(self, x: Any) -> Any:
        if not hasattr(x, "numpy") or (isinstance(x, tf.Variable) and not tf.executing_eagerly()):
            raise TypeError("A tensor inside tf.function has no values yet: return it and convert the result, or run eagerly.")
        return np.asarray(x.numpy())

    def full(self, shape: Any, fill_value: Any, dtype: str) -> Any:
        value = np.asarray(fill_value).astype(dtypes.numpy_dtype(dtype))
        if dtype in F8:
            return cast(raw.Fill(dims=ints(shape), value=value.astype("float32")), dtype)
        return raw.Fill(dims=ints(shape), value=value)

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Any:
        numbers = (start, stop, step)
        if any(isinstance(v, self.types) for v in numbers):
            kind = dtype if dtype in ("int32", "int64", "float32", "float64") else "int64" if dtype in dtypes.INTEGER else "float32"
            return tf.cast(tf.range(*[tf.cast(v, kind) for v in numbers]), dtype)
        if dtype in ("int32", "int64") and all(isinstance(v, int) for v in numbers):
            return tf.range(*numbers, dtype=dtype)
        return self.convert_to_tensor(np.arange(*numbers).astype(dtypes.numpy_dtype(dtype)), dtype)

    def cast(self, x: Any, dtype: str) -> Any:
        kind = tf.as_dtype(dtype)
        if (dtype in F8 and not x.dtype.is_floating) or (dtype == "bool" and x.dtype.name in F8):
            x = raw.Cast(x=tf.math.real(x) if x.dtype.is_complex else x, DstT=tf.float32)
        if x.dtype.is_complex and not kind.is_complex:
            x = raw.NotEqual(x=x, y=tf.zeros((), x.dtype)) if kind.is_bool else tf.math.real(x)
        return raw.Cast(x=x, DstT=kind)

    def view(self, x: Any, dtype: str) -> Any:
        mine = x.dtype.name
        if mine == dtype:
            return plain(x)
        for name in (mine, dtype):
            if name in F8:
                raise TypeError(f"view: TensorFlow cannot read the bits of {name}. Cast it, or view it on the host with NumPy.")
        x = raw.Cast(x=x, DstT=tf.uint8) if mine == "bool" else x
        if dtype == "bool":
            return raw.Cast(x=x, DstT=tf.bool)
        return plain(x) if x.dtype.name == dtype else raw.Bitcast(input=x, type=tf.as_dtype(dtype))

    # -- shape
    def shape(self, x: Any) -> Any:
        return sizes(x)

    def reshape(self, x: Any, shape: Any) -> Any:
        out = raw.Reshape(tensor=x, shape=ints(shape))
        if out.shape.rank and None in out.shape.as_list():
            _remember(x, shape, out)
        return out

    def transpose(self, x: Any, axes: Any) -> Any:
        return raw.Transpose(x=x, perm=const(tuple(axes)))

    def broadcast_to(self, x: Any, shape: Any) -> Any:
        return raw.BroadcastTo(input=x, shape=ints(shape))

    def concatenate(self, xs: Any, axis: int) -> Any:
        return plain(xs[0]) if len(xs) == 1 else raw.ConcatV2(values=list(xs), axis=const(axis))

    def pad(self, x: Any, pad_width: Any, constant_values: Any) -> Any:
        if x.dtype.name in F8:
            return cast(self.pad(cast(x, tf.float32), pad_width, constant_values), x.dtype)
        if not pad_width:
            return plain(x)
        pairs = tuple(tuple(p) for p in pad_width)
        still = all(type(v) is int for p in pairs for v in p)
        value = np.asarray(constant_values).astype(dtypes.numpy_dtype(x.dtype.name))
        return raw.PadV2(input=x, paddings=const(pairs) if still else tf.stack([ints(p) for p in pairs]), constant_values=value)

    def flip(self, x: Any, axis: Any) -> Any:
        if x.dtype.name in F8:
            return cast(self.flip(cast(x, tf.float32), axis), x.dtype)
        return raw.ReverseV2(tensor=x, axis=const(tuple(axis)))

    def slice(self, x: Any, start: Any, stop: Any, step: Any) -> Any:
        if not start:
            return plain(x)
        out = raw.StridedSlice(input=x, begin=ints(start), end=ints(stop), strides=ints(step))
        if out.shape.rank and None in out.shape.as_list():  # an unknown bound makes TensorFlow forget the sizes of the other axes
            known = [max(-(-(b - a) // s), 0) if all(type(v) is int for v in (a, b, s)) else None for a, b, s in zip(start, stop, step, strict=True)]
            out.set_shape(known)
        return out

    # -- index and sort
    def take(self, x: Any, indices: Any, axis: int) -> Any:
        return raw.GatherV2(params=x, indices=_index(indices), axis=const(axis))

    def take_along_axis(self, x: Any, indices: Any, axis: int) -> Any:
        x, _ = with_axis_last(x, axis)
        indices, back = with_axis_last(_index(indices), axis)
        lead = x.shape.as_list()[:-1]
        if None in lead or lead != indices.shape.as_list()[:-1]:
            rest = tf.broadcast_dynamic_shape(tf.shape(x)[:-1], tf.shape(indices)[:-1])
            common = tf.broadcast_static_shape(x.shape[:-1], indices.shape[:-1])
            rest = const(tuple(common)) if None not in common.as_list() else rest
            x = tf.broadcast_to(x, tf.concat([rest, tf.shape(x)[-1:]], 0))
            indices = tf.broadcast_to(indices, tf.concat([rest, tf.shape(indices)[-1:]], 0))
        return back(tf.gather(x, indices, axis=-1, batch_dims=x.shape.rank - 1))

    def scatter(self, x: Any, indices: Any, updates: Any, mode: str) -> Any:
        kind = x.dtype
        if kind.name in F8 or (kind.is_bool and mode != "set"):
            wide = tf.float32 if kind.name in F8 else tf.int32
            return cast(self.scatter(cast(x, wide), indices, cast(updates, wide), mode), kind)
        indices = _index(indices)
        if mode == "multiply":
            return _scatter_multiply(plain(x), indices, updates)
        op = {"set": raw.TensorScatterUpdate, "add": raw.TensorScatterAdd, "max": raw.TensorScatterMax, "min": raw.TensorScatterMin}[mode]
        return op(tensor=x, indices=indices, updates=updates)

    def slice_update(self, x: Any, start: Any, updates: Any) -> Any:
        if not start:
            return plain(updates)
        room = [d - u for d, u in zip(sizes(x), sizes(updates), strict=True)]
        if all(type(v) is int for v in (*start, *room)):
            begin = tuple(min(max(s, 0), r) for s, r in zip(start, room, strict=True))
            if x.dtype.name not in F8:
                end = tuple(b + u for b, u in zip(begin, sizes(updates), strict=True))
                return raw.TensorStridedSliceUpdate(input=x, begin=const(begin), end=const(end), strides=const((1,) * len(begin)), value=updates)
        at = tf.clip_by_value(ints(start), 0, tf.cast(ints(room), ints(start).dtype))
        grid = tf.meshgrid(*[tf.range(n) + tf.cast(at[i], tf.int32) for i, n in enumerate(sizes(updates))], indexing="ij")
        return self.scatter(x, tf.stack(grid, -1), updates, "set")

    def sort(self, x: Any, axis: int) -> Any:
        return self.take_along_axis(x, self.argsort(x, axis), axis)

    def argsort(self, x: Any, axis: int) -> Any:
        key, back = with_axis_last(order_key(x), axis)
        # top_k is stable and descending; inverting the bits turns the order round
        return back(raw.TopKV2(input=raw.Invert(x=key), k=sizes(key)[-1])[1])

    def top_k(self, x: Any, k: int) -> Any:
        key = order_key(x) if x.dtype.is_floating or x.dtype.is_bool else x
        values, indices = raw.TopKV2(input=key, k=k)
        return (values if key is x else tf.gather(x, indices, axis=-1, batch_dims=x.shape.rank - 1)), indices

    def searchsorted(self, sorted_sequence: Any, values: Any, side: str) -> Any:
        op = raw.LowerBound if side == "left" else raw.UpperBound
        found = op(sorted_inputs=order_key(sorted_sequence)[None], values=tf.reshape(order_key(values), (1, -1)), out_type=tf.int32)
        return tf.reshape(found, ints(sizes(values)))

    def random_bits(self, shape: Any, key: Any) -> Any:
        seed = tf.stack([tf.cast(k, tf.int32) for k in key])
        return tf.random.stateless_uniform(ints(shape), seed, minval=None, maxval=None, dtype=tf.int32, alg="philox")

    # -- runtime
    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        return tuple(x.shape.as_list())

    def is_concrete(self, x: Any) -> bool:
        return tf.executing_eagerly() if isinstance(x, tf.Variable) else not tf.is_symbolic_tensor(x)

    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        if isinstance(value, tf.Tensor) and tf.is_symbolic_tensor(value):
            known = tf.get_static_value(value)
            if known is None:
                raise TypeError(f'Variable "{name}": its initial value is computed inside tf.function. Create it outside, or start it from host values.')
            value = known
        if type(value) is np.ndarray and value.dtype.name in SHARED and only_cpus():
            value = taken(value)  # nobody else has it
        make = functools.partial(tf.Variable, value, trainable=trainable, name=name)
        if tf.executing_eagerly():
            return make()
        # tf.function refuses variables made while it traces; which functions trace is known per thread, and this one must not own it
        with futures.ThreadPoolExecutor(1) as outside:
            return outside.submit(make).result()

    def specialize(self, name: str, impl: Callable, operands: Sequence[str | None], scalars: Sequence[bool]) -> Callable:
        if name in overrides.KERNELS:
            kernel, kinds = overrides.KERNELS[name]
            return kernel if kinds.issuperset(operands) else impl
        kernel, odd = elementwise.KERNELS.get(name, (impl, frozenset()))
        return impl if odd.intersection(operands) or (scalars and scalars[0]) else kernel

    def assign(self, storage: Any, value: Any) -> Any:
        storage.assign(value, read_value=False)
        return storage

    def devices(self) -> list[str]:
        found = tf.config.list_logical_devices()
        names = [":".join(d.name.split(":")[-2:]).lower() for d in found]
        return sorted(names, key=lambda n: n.startswith("cpu"))

    def device_scope(self, device: str) -> Any:
        super().device_scope(device)
        return tf.device("/" + device.upper())

    def put(self, x: Any, device: str | None) -> Any:
        if device is None:
            return x
        with self.device_scope(device):
            return tf.identity(x)

    def executor(self) -> Executor:
        return self._executor

    @functools.cached_property
    def _executor(self) -> Executor:
        return Executor(self)

    def interop(self, layer: Any) -> Any:
        return interop(layer)


def _remember(x: Any, shape: tuple, out: Any) -> None:
    """Work out the size that -1 stands for where an unknown size of `x` is kept, which TensorFlow does not see."""
    before = x.shape.as_list()
    known = [1 if type(d) is int and d == -1 else d for d in shape]
    for i, d in enumerate(shape):
        of, axis = getattr(d, "_pronghorn_size", (None, 0))
        if of is x and before[axis] is None:
            before[axis] = known[i] = 1
    if all(type(d) is int for d in (*before, *known)):
        rest = math.prod(before) // max(math.prod(known), 1)
        out.set_shape([rest if type(d) is int and d == -1 else d if type(d) is int else None for d in shape])


def _index(indices: Any) -> Any:
    kind = indices.dtype
    if kind.as_datatype_enum in _INDEX_KINDS:
        return indices
    return raw.Cast(x=indices, DstT=tf.int64 if kind.size > 2 else tf.int32)


def _scatter_multiply(x: Any, indices: Any, updates: Any) -> Any:
    """There is no such kernel: multiply what falls on each place first, then the whole."""
    depth = indices.shape[-1]
    dims = sizes(x)
    lead, rest = dims[:depth], dims[depth:]
    flat = tf.zeros(sizes(indices)[:-1], indices.dtype)
    total: Any = 1
    for i in range(depth - 1, -1, -1):
        flat += indices[..., i] * tf.cast(total, indices.dtype)
        total *= lead[i]
    rows = tf.reshape(updates, ints((-1, *rest)))
    factors = tf.math.unsorted_segment_prod(rows, tf.reshape(flat, (-1,)), total)
    return x * tf.reshape(factors, ints(dims))
