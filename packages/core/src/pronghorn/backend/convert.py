"""Host data to arrays of the right dtype, and back: the one place where Python values become tensors."""

import ctypes
import functools
import sys
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend.settings import floatx

_SCALARS = (bool, int, float, complex)


def is_scalar(x: Any) -> bool:
    """Tell whether `x` is a Python scalar, which takes the dtype of the tensor it meets."""
    return type(x) in dtypes.WEAK


def host_dtype(array: Any, weak: bool) -> str:
    """Return the dtype that host data gets where none is asked for: float64 becomes floatx, int64 from Python ints int32."""
    name = dtypes.name_of(array.dtype)
    if name == "float64":
        return floatx()
    if name == "complex128":
        return "complex64"
    if weak and name == "int64":
        return "int32"
    return name


def not_dense(value: Any) -> TypeError:
    """Return the error for a sparse or ragged tensor."""
    return TypeError(
        f"Sparse and ragged tensors are not supported yet; received a {type(value).__name__}. Make it dense first: x.to_dense() in PyTorch, "
        "tf.sparse.to_dense(x) or x.to_tensor() in TensorFlow, x.todense() in JAX, x.toarray() in SciPy."
    )


def looks_not_dense(value: Any) -> bool:
    """Whether a foreign object has the methods by which SciPy, TensorFlow and JAX mark sparse and ragged arrays."""
    return any(hasattr(value, name) for name in ("todense", "toarray", "to_tensor", "dense_shape"))


def require_dense(own: Any, value: Any) -> Any:
    """Return `value`, a native tensor of backend `own`, if it is dense.

    Raises:
        TypeError: a sparse tensor.
    """
    if not own.is_dense(value):
        raise not_dense(value)
    return value


def host_array(value: Any, backend: Any, dtype: str | None = None) -> np.ndarray:
    """Return host data as an array with a dtype that `backend` has.

    Args:
        value: array, scalar, or nested list; anything with `__array__`.
        backend: the engine that will hold it.
        dtype: explicit dtype name, honoured or refused, never changed.

    Raises:
        TypeError: data that is not numeric, or an explicit dtype the engine lacks.
        OverflowError: integers that do not fit.
    """
    weak = not isinstance(value, (np.ndarray, np.generic)) and not hasattr(value, "__array__")
    if isinstance(value, (list, tuple)):
        value = _nested(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"Cannot convert nested lists of uneven lengths to a tensor: {error}") from None
    if array.dtype.kind in "OUSMmV" and dtypes.name_of(array.dtype) not in dtypes.ALL:
        if looks_not_dense(value):
            raise not_dense(value)
        hint = " Strings are not tensors here." if array.dtype.kind in "US" else ""
        raise TypeError(f"Cannot convert a value of type {type(value).__name__} (dtype {array.dtype}) to a tensor.{hint}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None:
        want = host_dtype(array, weak)
        name = backend.canonical(want)
        if weak and want == "int32" and dtypes.name_of(array.dtype) == "int64" and array.size and not _fits(array, "int32"):
            name = backend.canonical("int64")
    else:
        name = backend.require(dtype)
    if dtypes.name_of(array.dtype) == name:
        return array
    if weak and array.dtype.kind == "c" and name not in dtypes.COMPLEX:
        raise TypeError(f'Complex numbers do not fit {name}. Pass dtype="complex64", or their real part.')
    if array.dtype.kind in "iu" and name in dtypes.INTEGER and (dtype is None or weak) and not _fits(array, name):
        whose = f", the widest integer here on {backend.name}" if dtype is None else ""
        hint = f" {backend.dtype_hint}" if backend.dtype_hint and dtype is None else ""
        raise OverflowError(f"{array.dtype} data with values from {array.min()} to {array.max()} does not fit {name}{whose}.{hint}")
    return array.astype(dtypes.numpy_dtype(name))


@functools.cache
def limits(name: str) -> tuple[int, int]:
    """Return the smallest and the largest number of an integer dtype."""
    info = np.iinfo(dtypes.numpy_dtype(name))
    return int(info.min), int(info.max)


def _fits(array: np.ndarray, name: str) -> bool:
    if not array.size:
        return True
    low, high = limits(name)
    return bool(low <= array.min() and array.max() <= high)


def _nested(value: Any) -> Any:
    """Replace tensors inside nested lists by host arrays, so that NumPy can stack them."""
    if isinstance(value, (list, tuple)):
        return [_nested(v) for v in value]
    if is_scalar(value) or isinstance(value, (np.ndarray, np.generic)):
        return value
    from pronghorn.backend.owners import owner, unwrap

    value = unwrap(value)
    backend = owner(type(value))
    return backend.convert_to_numpy(value) if backend is not None else value


def scalar_for(name: str, op: str) -> Any:
    """Return a function that checks a Python scalar against dtype `name` and gives it back in that kind."""
    if name in dtypes.INTEGER:
        low, high = limits(name)

        def integer(v: Any) -> Any:
            if not low <= v <= high:
                raise OverflowError(f"{op}: the number {v} does not fit {name}, the dtype of the tensor it meets.")
            return int(v)

        return integer
    return bool if name == "bool" else complex if name in dtypes.COMPLEX else float


def address(array: np.ndarray) -> int:
    """Return where in memory a contiguous, writable array of at least one element begins; NumPy's own attributes take three times as long to say it."""
    return ctypes.addressof(ctypes.c_char.from_buffer(array.data))


def held_once(x: np.ndarray) -> bool:
    """Tell whether an array, asked about in `for x in batch`, belongs to that batch alone, so that an engine may take its memory over."""
    return x.base is None and sys.getrefcount(x) == _ONCE


def _once() -> int:
    def seen(x: np.ndarray) -> int:
        return sys.getrefcount(x)

    for x in (np.zeros(1),):
        found = seen(x)
    return found


_ONCE = _once()
