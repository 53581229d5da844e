"""The TensorFlow engine: primitives on `tf.Tensor`s and `tf.Variable`s, and the runtime around them.

Kernels are called through `tf.raw_ops`, which take a third of the time of the functions above them in eager mode; core has already converted and
promoted the operands that those functions would look at.
"""
# ruff: noqa: A001, A002

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from pronghorn.backend import contract, dtypes
from pronghorn_tensorflow import control, linalg, overrides, windows
from pronghorn_tensorflow.executor import Executor
from pronghorn_tensorflow.interop import interop
from pronghorn_tensorflow.support import COMPLEX, F8, ORDERED, cast, const, detours, dtype_of, ints, order_key, plain, raw, sizes, via, with_axis_last

_UNSIGNED = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"}
_BYTES = {**F8, "bool": "uint8"}
_MATMUL = {**F8, "bool": "int32", "uint8": "int32", "int8": "int32", "uint16": "int32", "int16": "int32", "uint32": "int64", "uint64": "int64"}
_INT32 = {"bool": "int32"}
_INDEX_KINDS = frozenset({tf.int32.as_datatype_enum, tf.int64.as_datatype_enum})

# primitive -> raw op, dtypes that take a detour
_UNARY: dict[str, tuple[str, Mapping[str, str | None]]] = {
    **{
        name: (op, F8)
        for name, op in {
            "exp": "Exp", "log": "Log", "log1p": "Log1p", "expm1": "Expm1", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin",
            "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh",
        }.items()
    },
    "floor": ("Floor", {**F8, **COMPLEX}), "ceil": ("Ceil", {**F8, **COMPLEX}), "negative": ("Neg", {**F8, **_UNSIGNED}),
}  # fmt: skip
# primitive -> raw op, detours, whether the result has the operands' dtype, what stands in for booleans
_BINARY: dict[str, tuple[str, Mapping[str, str | None], bool, str | None]] = {
    "add": ("AddV2", F8, True, "LogicalOr"),
    "subtract": ("Sub", F8, True, None),
    "multiply": ("Mul", F8, True, "LogicalAnd"),
    "divide": ("RealDiv", F8, True, None),
    "maximum": ("Maximum", {**F8, **COMPLEX}, True, "LogicalOr"),
    "minimum": ("Minimum", {**F8, **COMPLEX}, True, "LogicalAnd"),
    "equal": ("Equal", F8, False, None),
    "less": ("Less", ORDERED, False, None),
    "less_equal": ("LessEqual", ORDERED, False, None),
    "logical_and": ("LogicalAnd", {}, True, None),
    "logical_or": ("LogicalOr", {}, True, None),
    "bitwise_and": ("BitwiseAnd", {}, True, "LogicalAnd"),
    "bitwise_or": ("BitwiseOr", {}, True, "LogicalOr"),
    "bitwise_xor": ("BitwiseXor", {}, True, "NotEqual"),
    "bitwise_left_shift": ("LeftShift", {"bool": "uint8"}, True, None),
    "bitwise_right_shift": ("RightShift", {"bool": "uint8"}, True, None),
}
# primitive -> raw op, detours, what stands in for booleans
_REDUCE: dict[str, tuple[str, Mapping[str, str | None], str | None]] = {
    "sum": ("Sum", F8, "Any"),
    "prod": ("Prod", F8, "All"),
    "max": ("Max", {**F8, **COMPLEX}, "Any"),
    "min": ("Min", {**F8, **COMPLEX}, "All"),
    "any": ("Any", {}, None),
    "all": ("All", {}, None),
}
_BOOL = tf.bool.as_datatype_enum


def _unary(op: Callable, table: Mapping[str, str | None], name: str) -> Callable:
    odd = detours(table)

    def plain_call(x: Any) -> Any:
        return op(x=x)

    detour = via(plain_call, table, name=name)

    def call(x: Any) -> Any:
        return detour(x) if x.dtype.as_datatype_enum in odd else op(x=x)

    return call


def _binary(op: Callable, table: Mapping[str, str | None], back: bool, logical: str | None, name: str) -> Callable:
    odd = frozenset(detours(table))
    on_bool = getattr(raw, logical) if logical else op
    detour = via(lambda x, y: op(x=x, y=y), table, 2, back=back, name=name)

    def call(x1: Any, x2: Any) -> Any:
        try:
            kind = x1.dtype.as_datatype_enum
        except AttributeError:  # a Python number next to a tensor
            kind = x2.dtype.as_datatype_enum
        if kind == _BOOL:
            return detour(x1, x2) if kind in odd else on_bool(x=x1, y=x2)
        return detour(x1, x2) if kind in odd else op(x=x1, y=x2)

    return call


def _not_empty(name: str, x: Any, axes: tuple) -> None:
    dims = x.shape
    if dims.rank is not None and any(dims[a] == 0 for a in axes):
        raise ValueError(f"{name}: cannot reduce an axis of size zero; received shape {tuple(dims)} and axis {axes}.")


def _reduce(op: Callable, table: Mapping[str, str | None], logical: str | None, name: str) -> Callable:
    odd = frozenset(detours(table))
    on_bool = getattr(raw, logical) if logical else op
    detour = via(lambda x, axis, keepdims: op(input=x, axis=const(axis), keep_dims=keepdims), table, name=name)
    extreme = name in ("max", "min")

    def call(x: Any, axis: Any, keepdims: bool) -> Any:
        if extreme:
            _not_empty(name, x, axis)
        kind = x.dtype.as_datatype_enum
        if kind in odd:
            return detour(x, axis, keepdims)
        return (on_bool if kind == _BOOL else op)(input=x, axis=const(axis), keep_dims=keepdims)

    return call


def _arg(op: Callable, loser: float, name: str) -> Callable:
    def run(x: Any, axis: int) -> Any:
        _not_empty(name, x, (axis,))
        if x.dtype.is_floating:  # the first nan wins, as everywhere else; the kernel passes over it
            x = raw.SelectV2(condition=raw.IsNan(x=x), t=tf.constant(loser, x.dtype), e=x)
        return op(input=x, dimension=const(axis), output_type=tf.int32)

    return via(run, {**F8, **COMPLEX}, back=False, name=name)


def _safe(divide: Callable, on_zero: Callable) -> Callable:
    """Integer division that gives 0 for a zero divisor, where TensorFlow's CPU kernel would stop the program."""

    def call(x1: Any, x2: Any) -> Any:
        dtype = dtype_of(x1, x2)
        if not dtype.is_integer:
            return on_zero(x1, x2)
        if not hasattr(x2, "dtype") and x2 != 0:
            return divide(x=x1, y=x2)
        zero = raw.Equal(x=x2, y=tf.zeros((), dtype))
        out = divide(x=x1, y=raw.SelectV2(condition=zero, t=tf.ones((), dtype), e=x2))
        return raw.SelectV2(condition=zero, t=tf.zeros((), dtype), e=out)

    return call


def _float_floor_divide(x1: Any, x2: Any) -> Any:
    # by way of the remainder: x1 / x2 may round up to the next integer
    quotient = raw.RealDiv(x=x1, y=x2)
    exact = raw.Round(x=raw.RealDiv(x=raw.Sub(x=x1, y=raw.FloorMod(x=x1, y=x2)), y=x2))
    zero = tf.zeros((), exact.dtype)
    below = raw.Less(x=x1, y=zero) != raw.Less(x=x2, y=zero)
    by_infinity = tf.where(raw.LogicalAnd(x=below, y=raw.NotEqual(x=x1, y=zero)), -tf.ones((), exact.dtype), zero)
    out = tf.where(raw.IsFinite(x=quotient), tf.where(raw.IsFinite(x=x2), exact, by_infinity), quotient)
    return tf.where(raw.IsFinite(x=x1), out, tf.constant(float("nan"), exact.dtype))


def _erf(x: Any) -> Any:
    # the kernel for 64 bits gives nan at infinity; beyond 6 the result is 1 to the last bit
    return raw.Erf(x=raw.Maximum(x=raw.Minimum(x=x, y=6.0), y=-6.0) if x.dtype == tf.float64 else x)


def _power(x1: Any, x2: Any) -> Any:
    if not hasattr(x2, "dtype") and x2 == 2:
        return raw.Square(x=x1)
    return raw.Pow(x=x1, y=x2)


def _abs(x: Any) -> Any:
    kind = x.dtype
    if kind.is_complex:
        return raw.ComplexAbs(x=x, Tout=kind.real_dtype)
    return plain(x) if kind.is_unsigned or kind.is_bool else raw.Abs(x=x)


def _round(x: Any) -> Any:
    if x.dtype.is_complex:
        return tf.complex(raw.Round(x=tf.math.real(x)), raw.Round(x=tf.math.imag(x)))
    return raw.Round(x=x) if x.dtype.is_floating else plain(x)


def _trunc(x: Any) -> Any:
    return raw.SelectV2(condition=raw.Less(x=x, y=0), t=raw.Ceil(x=x), e=raw.Floor(x=x)) if x.dtype.is_floating else plain(x)


def _sign(x: Any) -> Any:
    kind = x.dtype
    if kind.is_floating:
        return raw.SelectV2(condition=raw.IsNan(x=x), t=x, e=raw.Sign(x=x))
    return cast(cast(x, tf.bool), kind) if kind.is_unsigned or kind.is_bool else raw.Sign(x=x)


def _isfinite(x: Any) -> Any:
    if x.dtype.is_complex:
        return raw.LogicalAnd(x=raw.IsFinite(x=tf.math.real(x)), y=raw.IsFinite(x=tf.math.imag(x)))
    return raw.IsFinite(x=x)


class Backend(contract.Backend):
    """TensorFlow."""

    name = "tensorflow"
    types = (tf.Tensor, tf.Variable)
    capabilities = frozenset({"linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"})
    scalar_operands = frozenset("add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less less_equal where".split())

    for _n, (_op, _table) in _UNARY.items():
        locals()[_n] = staticmethod(_unary(getattr(raw, _op), _table, _n))
    for _n, (_op, _table, _back, _logical) in _BINARY.items():
        locals()[_n] = staticmethod(_binary(getattr(raw, _op), _table, _back, _logical, _n))
    for _n, (_op, _table, _logical) in _REDUCE.items():
        locals()[_n] = staticmethod(_reduce(getattr(raw, _op), _table, _logical, _n))
    del _n, _op, _table, _back, _logical

    abs = staticmethod(via(_abs, F8))
    sign = staticmethod(via(_sign, F8))
    round = staticmethod(via(_round, F8))
    trunc = staticmethod(via(_trunc, F8))
    isfinite = staticmethod(via(_isfinite, F8, back=False))
    floor_divide = staticmethod(via(_safe(raw.FloorDiv, _float_floor_divide), {**F8, **COMPLEX}, 2, name="floor_divide"))
    mod = staticmethod(via(_safe(raw.FloorMod, lambda x1, x2: raw.FloorMod(x=x1, y=x2)), {**F8, **COMPLEX}, 2, name="mod"))
    erf = staticmethod(via(_erf, {**F8, **COMPLEX}, name="erf"))
    arctan2 = staticmethod(via(lambda x1, x2: raw.Atan2(y=x1, x=x2), {**F8, **COMPLEX}, 2, name="arctan2"))
    power = staticmethod(via(_power, {**F8, **_UNSIGNED}, 2))
    argmax = staticmethod(_arg(raw.ArgMax, float("inf"), "argmax"))
    argmin = staticmethod(_arg(raw.ArgMin, float("-inf"), "argmin"))
    cumsum = staticmethod(via(lambda x, axis: raw.Cumsum(x=x, axis=const(axis)), F8))
    cumprod = staticmethod(via(lambda x, axis: raw.Cumprod(x=x, axis=const(axis)), F8))
    conv = staticmethod(windows.conv)
    conv_transpose = staticmethod(windows.conv_transpose)
    max_pool = staticmethod(windows.max_pool)
    average_pool = staticmethod(windows.average_pool)
    cond = staticmethod(control.cond)
    while_loop = staticmethod(control.while_loop)
    scan = staticmethod(control.scan)
    value_and_grad = staticmethod(control.value_and_grad)
    vectorized_map = staticmethod(control.vectorized_map)
    jvp = staticmethod(control.jvp)
    for _n in linalg.PRIMITIVES:
        locals()[_n] = staticmethod(getattr(linalg, _n))
    del _n

    def __init__(self) -> None:
        for name, fn in overrides.available().items():
            setattr(self, name, fn)

    def logical_not(self, x: Any) -> Any:
        return raw.LogicalNot(x=x)

    def bitwise_not(self, x: Any) -> Any:
        return raw.LogicalNot(x=x) if x.dtype.is_bool else raw.Invert(x=x)

    def stop_gradient(self, x: Any) -> Any:
        return tf.stop_gradient(x)

    def where(self, condition: Any, x1: Any, x2: Any) -> Any:
        kind = getattr(x1, "dtype", None) or getattr(x2, "dtype", None)
        if kind is not None and kind.name in F8:
            return cast(raw.SelectV2(condition=condition, t=cast(x1, tf.float32), e=cast(x2, tf.float32)), kind)
        return raw.SelectV2(condition=condition, t=x1, e=x2)

    # -- create and convert
    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
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

    # -- contraction
    def matmul(self, x1: Any, x2: Any) -> Any:
        return _matmul(x1, x2)

    def custom_gradient(self, f: Any) -> Any:
        return tf.custom_gradient(f)

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
        with tf.init_scope():  # a graph that is being traced must not own it
            return tf.Variable(value, trainable=trainable, name=name)

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


def _plain_matmul(x1: Any, x2: Any) -> Any:
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


_matmul = via(_plain_matmul, _MATMUL, 2, name="matmul")
