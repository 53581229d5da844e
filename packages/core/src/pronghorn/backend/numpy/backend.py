"""The NumPy reference: every primitive as its definition says, with clarity before speed. It cannot train."""
# ruff: noqa: A001, A002, A003

import builtins
import math
import warnings
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend.contract import Backend
from pronghorn.backend.numpy import control, overrides, windows

_UNARY = (
    "exp log log1p expm1 sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh floor ceil trunc negative abs sign "
    "isfinite logical_not bitwise_not"
)
_BINARY = (
    "add subtract multiply divide floor_divide mod power maximum minimum arctan2 equal less less_equal logical_and logical_or bitwise_and bitwise_or "
    "bitwise_xor bitwise_left_shift bitwise_right_shift"
)
_SMALL = frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2"})


# inf and nan are ordinary results here; ufuncs are called from core's dispatch, where NumPy would report them as warnings
warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"pronghorn\.backend\.")


class NumpyBackend(Backend):
    """Reference engine on NumPy arrays."""

    name = "numpy"
    types = (np.ndarray, np.generic)
    host_tensors = True
    capabilities = frozenset({"linalg", "complex", "dynamic_shapes", "native_rng"})

    for _n in (_UNARY + " " + _BINARY).split():
        locals()[_n] = getattr(np, _n)
    for _n in overrides.NAMES:
        locals()[_n] = staticmethod(getattr(overrides, _n))
    specialize = staticmethod(overrides.specialize)

    def owns(self, kind: type) -> bool:
        return issubclass(kind, (np.ndarray, np.generic))

    def round(self, x: Any) -> Any:
        return x if x.dtype.kind in "biu" else np.round(x)

    def sign(self, x: Any) -> Any:
        return x if x.dtype.kind == "b" else np.sign(x)

    def erf(self, x: Any) -> Any:
        if x.dtype.name in ("float64", "float32"):
            return _erf(x)
        return _erf(x.astype("float32")).astype(x.dtype)

    def stop_gradient(self, x: Any) -> Any:
        return x

    def where(self, condition: Any, x1: Any, x2: Any) -> Any:
        return np.where(condition, x1, x2)

    # -- create and convert
    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        return np.array(x, dtypes.numpy_dtype(dtype))

    def convert_to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def full(self, shape: Any, fill_value: Any, dtype: str) -> Any:
        return np.full(shape, fill_value, dtypes.numpy_dtype(dtype))

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Any:
        return np.arange(start, stop, step).astype(dtypes.numpy_dtype(dtype))

    def cast(self, x: Any, dtype: str) -> Any:
        if x.dtype.kind == "c" and dtype not in dtypes.COMPLEX:
            x = x.real if dtype != "bool" else x != 0
        return np.asarray(x).astype(dtypes.numpy_dtype(dtype))

    def view(self, x: Any, dtype: str) -> Any:
        return np.ascontiguousarray(x).view(dtypes.numpy_dtype(dtype)).reshape(x.shape)

    # -- reductions
    def sum(self, x: Any, axis: Any, keepdims: bool) -> Any:
        if x.dtype.name in _SMALL or x.dtype == np.float16:
            return np.asarray(np.sum(x.astype("float32"), axis=axis, keepdims=keepdims)).astype(x.dtype)
        return np.asarray(np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype))

    def prod(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.asarray(np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype))

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.asarray(np.max(x, axis=axis, keepdims=keepdims))

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.asarray(np.min(x, axis=axis, keepdims=keepdims))

    def any(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.asarray(np.any(x, axis=axis, keepdims=keepdims))

    def all(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.asarray(np.all(x, axis=axis, keepdims=keepdims))

    def argmax(self, x: Any, axis: int) -> Any:
        return np.argmax(x, axis=axis).astype("int32")

    def argmin(self, x: Any, axis: int) -> Any:
        return np.argmin(x, axis=axis).astype("int32")

    def cumsum(self, x: Any, axis: int) -> Any:
        return np.cumsum(x, axis=axis, dtype=x.dtype)

    def cumprod(self, x: Any, axis: int) -> Any:
        return np.cumprod(x, axis=axis, dtype=x.dtype)

    # -- shape
    def shape(self, x: Any) -> Any:
        return np.shape(x)

    def reshape(self, x: Any, shape: Any) -> Any:
        return x.reshape(shape)

    def transpose(self, x: Any, axes: Any) -> Any:
        return np.transpose(x, axes)

    def broadcast_to(self, x: Any, shape: Any) -> Any:
        return np.broadcast_to(x, shape)

    def concatenate(self, xs: Any, axis: int) -> Any:
        return np.concatenate(xs, axis=axis)

    def pad(self, x: Any, pad_width: Any, constant_values: Any) -> Any:
        return np.pad(x, pad_width, constant_values=np.asarray(constant_values).astype(x.dtype))

    def flip(self, x: Any, axis: Any) -> Any:
        return np.flip(x, axis)

    def slice(self, x: Any, start: Any, stop: Any, step: Any) -> Any:
        return x[tuple(builtins.slice(a, b, s) for a, b, s in zip(start, stop, step, strict=True))]

    # -- index and sort
    def take(self, x: Any, indices: Any, axis: int) -> Any:
        return np.take(x, indices, axis=axis)

    def take_along_axis(self, x: Any, indices: Any, axis: int) -> Any:
        rest = np.broadcast_shapes(_without(x.shape, axis), _without(indices.shape, axis))
        grow = lambda a: np.broadcast_to(a, (*rest[:axis], a.shape[axis], *rest[axis:]))  # noqa: E731
        return np.take_along_axis(grow(x), grow(indices), axis)

    def scatter(self, x: Any, indices: Any, updates: Any, mode: str) -> Any:
        out = np.array(x)
        where = tuple(np.moveaxis(indices, -1, 0))
        if mode == "set":
            out[where] = updates
        else:
            {"add": np.add, "max": np.maximum, "min": np.minimum, "multiply": np.multiply}[mode].at(out, where, updates)
        return out

    def slice_update(self, x: Any, start: Any, updates: Any) -> Any:
        out = np.array(x)
        begin = [int(np.clip(int(s), 0, d - n)) for s, d, n in zip(start, x.shape, updates.shape, strict=True)]
        out[tuple(builtins.slice(b, b + n) for b, n in zip(begin, updates.shape, strict=True))] = updates
        return out

    def sort(self, x: Any, axis: int) -> Any:
        return np.sort(_sortable(x), axis=axis, kind="stable").astype(x.dtype, copy=False)

    def argsort(self, x: Any, axis: int) -> Any:
        return np.argsort(_sortable(x), axis=axis, kind="stable").astype("int32")

    def top_k(self, x: Any, k: int) -> Any:
        order = x.shape[-1] - 1 - np.flip(np.argsort(np.flip(_sortable(x), -1), axis=-1, kind="stable"), -1)[..., :k]
        return np.take_along_axis(x, order, -1), order.astype("int32")

    def searchsorted(self, sorted_sequence: Any, values: Any, side: str) -> Any:
        return np.searchsorted(sorted_sequence, values, side=side).astype("int32")  # type: ignore[call-overload]

    # -- contraction and windows
    def matmul(self, x1: Any, x2: Any) -> Any:
        return np.asarray(np.matmul(x1, x2)).astype(x1.dtype, copy=False)

    conv = staticmethod(windows.conv)
    conv_transpose = staticmethod(windows.conv_transpose)
    max_pool = staticmethod(windows.max_pool)
    average_pool = staticmethod(windows.average_pool)

    # -- control
    cond = staticmethod(control.cond)
    while_loop = staticmethod(control.while_loop)
    scan = staticmethod(control.scan)

    # -- linear algebra
    def cholesky(self, x: Any) -> Any:
        return np.linalg.cholesky(_wide(x)).astype(x.dtype)

    def qr(self, x: Any, mode: str) -> Any:
        return tuple(np.linalg.qr(x, mode))  # type: ignore[call-overload]

    def svd(self, x: Any, full_matrices: bool) -> Any:
        return tuple(np.linalg.svd(x, full_matrices=full_matrices))

    def eigh(self, x: Any) -> Any:
        return tuple(np.linalg.eigh(x))

    def eig(self, x: Any) -> Any:
        values, vectors = np.linalg.eig(x)
        kind = dtypes.COMPLEX_OF.get(x.dtype.name, x.dtype.name)
        return values.astype(kind), vectors.astype(kind)

    def lu_factor(self, x: Any) -> Any:
        return control.lu_factor(x)

    def solve_triangular(self, a: Any, b: Any, lower: bool) -> Any:
        return np.linalg.solve(np.tril(_wide(a)) if lower else np.triu(_wide(a)), _wide(b)).astype(a.dtype)

    # -- complex numbers
    def real(self, x: Any) -> Any:
        return np.real(x)

    def imag(self, x: Any) -> Any:
        return np.imag(x)

    def view_as_complex(self, real: Any, imag: Any) -> Any:
        return (real + 1j * imag).astype(dtypes.COMPLEX_OF[real.dtype.name])

    def fft(self, x: Any) -> Any:
        return np.fft.fft(x).astype(x.dtype)

    def rfft(self, x: Any) -> Any:
        return np.fft.rfft(x).astype(dtypes.COMPLEX_OF[x.dtype.name])

    def irfft(self, x: Any, length: int) -> Any:
        return np.fft.irfft(x, length).astype(dtypes.REAL_OF[x.dtype.name])

    def nonzero(self, x: Any) -> Any:
        return tuple(i.astype("int32") for i in np.nonzero(x))

    def random_bits(self, shape: Any, key: Any) -> Any:
        seed = [int(k) & 0xFFFFFFFF for k in key]
        bits = np.random.Generator(np.random.Philox(key=seed)).integers(0, 2**32, shape, dtype=np.uint32)
        return bits.view(np.int32)

    # -- runtime
    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        return np.asarray(value)

    def assign(self, storage: Any, value: Any) -> Any:
        return np.array(value)


def _wide(x: Any) -> Any:
    """LAPACK has no half precision."""
    return x.astype("float32") if x.dtype.name in ("float16", "bfloat16") else x


def _sortable(x: Any) -> Any:
    """NumPy sorts nan last for its own dtypes only, not for those of ml_dtypes."""
    return x.astype("float32") if x.dtype.name in _SMALL else x


def _without(shape: tuple, axis: int) -> tuple:
    return shape[:axis] + shape[axis + 1 :]


_erf = np.vectorize(math.erf, otypes=[float])
_erf_scalar = _erf


def _erf(x: Any) -> Any:  # type: ignore[no-redef]
    return np.asarray(_erf_scalar(x) if np.size(x) else np.zeros(np.shape(x))).astype(x.dtype)
