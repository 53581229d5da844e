"""What the rest of the package shares: cached constants for canonical arguments, and detours for dtypes that a kernel lacks."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from pronghorn.backend.convert import address
from pronghorn.state.tree import flatten, map_structure

raw = tf.raw_ops

#: dtype -> the dtype its values are computed in; None where the operation means nothing for it
F8: dict[str, str | None] = {"float8_e4m3fn": "float32", "float8_e5m2": "float32"}
COMPLEX: dict[str, str | None] = {"complex64": None, "complex128": None}
ORDERED = {**F8, **COMPLEX, "bool": "uint8"}

#: dtypes that NumPy passes on through DLPack
SHARED = frozenset({"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"})


@functools.cache
def only_cpus() -> bool:
    """Tell whether every device reads the host's memory."""
    return all(d.device_type == "CPU" for d in tf.config.list_logical_devices())


_ALIGNED = 64  # bytes; TensorFlow ends the process at a kernel whose operand begins elsewhere


def taken(array: np.ndarray) -> Any:
    """Return a tensor of an array that nobody else has, on the same memory where kernels can read it there. `tf.constant` takes ten times as long."""
    if not array.flags.carray or not array.size or address(array) % _ALIGNED:  # DLPack has no way to say that an array is read-only
        return copied(array, array.dtype)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def copied(array: np.ndarray, dtype: Any) -> Any:
    """Return a tensor of an array's values as `dtype`, one of `SHARED`."""
    kind = np.dtype(dtype)
    memory = np.empty(array.size * kind.itemsize + _ALIGNED, "uint8")
    out = np.ndarray(array.shape, kind, memory, -address(memory) % _ALIGNED)
    np.copyto(out, array, casting="unsafe")
    return tf.experimental.dlpack.from_dlpack(out.__dlpack__())


def plain(x: Any) -> Any:
    """Return the tensor itself; of a `tf.Variable`, its value now, so that a later assignment does not change the result."""
    return x.read_value() if isinstance(x, tf.Variable) else x


def cast(x: Any, dtype: Any) -> Any:
    """Cast without the checks of `tf.cast`; Python scalars pass through."""
    if hasattr(x, "dtype"):
        return raw.Cast(x=x, DstT=dtype)
    return int(x) if type(x) is bool else x


def detours(table: Mapping[str, str | None]) -> dict[int, tuple[Any, Any]]:
    """Return a table of dtype names as one of TensorFlow's dtype numbers, which hash faster."""
    return {tf.as_dtype(a).as_datatype_enum: (tf.as_dtype(a), None if b is None else tf.as_dtype(b)) for a, b in table.items()}


def dtype_of(*operands: Any) -> Any:
    """Return the dtype of the first operand that is a tensor."""
    for x in operands:
        found = getattr(x, "dtype", None)
        if found is not None:
            return found
    raise TypeError("expected a tensor among the operands")


def lead(x1: Any, x2: Any) -> Any:
    """Return the first of two operands so that both get one dtype: graphs take a Python number for float32 or int32, whatever comes second."""
    return x1 if hasattr(x1, "dtype") or not hasattr(x2, "dtype") or tf.executing_eagerly() else tf.constant(x1, x2.dtype)


def via(fn: Callable, table: Mapping[str, str | None], operands: int = 1, *, back: bool = True, name: str = "") -> Callable:
    """Wrap a primitive: operands whose dtype is in `table` are cast to what stands there, and the result back.

    Args:
        fn: takes `operands` tensors (or Python scalars) of one dtype, then other arguments.
        table: dtype name -> dtype name.
        operands: how many leading arguments are tensors.
        back: False where the result's dtype does not follow the operands' (comparisons, indices).
        name: for messages.
    """
    odd = detours(table)

    def detour(args: tuple) -> Any:
        mine, wide = odd[dtype_of(*args[:operands]).as_datatype_enum]
        if wide is None:
            raise TypeError(f"{name}: not defined for {mine.name} on tensorflow.")
        tensors = [cast(a, wide) for a in args[:operands]]
        if operands == 2:
            tensors[0] = lead(*tensors)
        out = fn(*tensors, *args[operands:])
        return cast(out, mine) if back else out

    def one(x: Any, *rest: Any) -> Any:
        return detour((x, *rest)) if x.dtype.as_datatype_enum in odd else fn(x, *rest)

    def two(x: Any, y: Any, *rest: Any) -> Any:
        return detour((x, y, *rest)) if dtype_of(x, y).as_datatype_enum in odd else fn(lead(x, y), y, *rest)

    return one if operands == 1 else two


@functools.lru_cache(maxsize=8192)
def const(value: Any) -> Any:
    """Return ints (a number or nested tuples of them) as a tensor on the host, made once: converting them costs more than most ops."""
    with tf.init_scope(), tf.device("CPU:0"):
        small = all(-(2**31) <= v < 2**31 for v in flatten(value))
        return tf.constant(value, tf.int32 if small else tf.int64)


def ints(values: Any) -> Any:
    """Return a tuple of ints and scalar tensors as one integer tensor."""
    values = tuple(values)
    if all(type(v) is int for v in values):
        return const(values)
    wide = any(getattr(v, "dtype", None) == tf.int64 for v in values)
    return tf.stack([tf.cast(v, tf.int64 if wide else tf.int32) for v in values])


def sizes(x: Any) -> tuple:
    """Return the shape as ints, and scalar tensors for sizes unknown while tracing."""
    if x.shape.rank is None:
        raise ValueError("The number of axes of a tensor is not known inside tf.function. Give its input_signature a shape such as (None, 3).")
    dims = x.shape.as_list()
    if None not in dims:
        return tuple(dims)
    now = raw.Shape(input=x)
    for axis, d in enumerate(dims):
        if d is None:
            dims[axis] = now[axis]
            dims[axis]._pronghorn_size = (x, axis)  # lets reshape keep track of the other sizes
    return tuple(dims)


def with_axis_last(x: Any, axis: int) -> tuple[Any, Any]:
    """Return `x` with `axis` moved to the end, and the function that moves it back."""
    n = x.shape.rank
    if axis == n - 1:
        return x, lambda y: y
    order = (*[i for i in range(n) if i != axis], axis)
    inverse = tuple(sorted(range(n), key=order.__getitem__))
    return raw.Transpose(x=x, perm=const(order)), lambda y: raw.Transpose(x=y, perm=const(inverse))


def order_key(x: Any) -> Any:
    """Return integers that sort as `x` does, with nan last: for kernels that only compare, which nan would confuse."""
    if x.dtype.is_bool:
        return cast(x, tf.int32)
    if x.dtype.is_integer:
        return plain(x)
    if x.dtype.is_complex:
        raise TypeError("sorting: not defined for complex numbers on tensorflow.")
    if x.dtype != tf.float64:
        x, kind, bits = cast(x, tf.float32), tf.int32, 31
    else:
        kind, bits = tf.int64, 63
    x = x + tf.zeros((), x.dtype)  # -0.0 becomes 0.0
    code = tf.bitcast(tf.where(raw.IsNan(x=x), tf.constant(float("nan"), x.dtype), x), kind)
    flipped = raw.BitwiseXor(x=code, y=tf.constant(2**bits - 1, kind))  # negative floats count backwards
    return tf.where(code < 0, flipped, code)


def nest_io(structure: Any) -> tuple[list[Any], Callable[[Any], Any]]:
    """Return the tensors of a nest (None left out) and the function that puts others in their places."""
    leaves = [v for v in flatten(structure) if v is not None]

    def rebuild(values: Any) -> Any:
        it = iter(values)
        return map_structure(lambda v: None if v is None else next(it), structure)

    return leaves, rebuild
