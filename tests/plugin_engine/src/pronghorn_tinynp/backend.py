"""The required primitives, no more: 90 short functions of NumPy arrays inside `TinyTensor`s."""
# ruff: noqa: A001, A002, A003, N805

import builtins
import functools
import itertools
import math

import numpy as np
from tinynp import TinyTensor

from pronghorn.backend import dtypes
from pronghorn.backend.contract import Backend
from pronghorn.tree import flatten, map_structure

_UNARY = (
    "exp log log1p expm1 sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh floor ceil trunc negative abs sign isfinite "
    "logical_not bitwise_not round"
)
_BINARY = (
    "add subtract multiply floor_divide mod power maximum minimum arctan2 equal less less_equal logical_and logical_or bitwise_and bitwise_or "
    "bitwise_xor bitwise_left_shift bitwise_right_shift"
)
_erf = np.vectorize(math.erf, otypes=["float64"])


def _raw(x):
    if isinstance(x, TinyTensor):
        return x.array
    return [_raw(v) for v in x] if type(x) is list else x


def lifted(fn):
    """Make a function of arrays one of tensors, as a static method."""

    @functools.wraps(fn)
    def call(*args):
        with np.errstate(all="ignore"):
            out = fn(*[_raw(a) for a in args])
        return tuple(TinyTensor(o) for o in out) if isinstance(out, tuple) else TinyTensor(out)

    return staticmethod(call)


def _table(names):
    """NumPy functions as static methods."""
    for name in names.split():
        yield name, lifted(lambda *args, _fn=getattr(np, name): _fn(*args))


def _like(x, out):
    return np.asarray(out).astype(x.dtype, copy=False)


def _taps(shape, strides, dilation, out):
    """For each tap of a window: its index, and where it lies in the input for every position."""
    for tap in np.ndindex(*shape):
        yield tap, (slice(None), *[slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, out, strides, strict=True)])


def _window(x, size, strides, padding, dilation, value):
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)
    return x, [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation, strict=True)]


class TinyBackend(Backend):
    """An engine that only computes."""

    name = "tinynp"
    types = (TinyTensor,)
    dtypes = frozenset(dtypes.ALL)

    locals().update(_table(_UNARY))
    locals().update(_table(_BINARY))

    # -- create and convert
    def convert_to_tensor(self, x, dtype):
        return TinyTensor(np.array(x, dtypes.numpy_dtype(dtype)))

    def convert_to_numpy(self, x):
        return x.array

    def shape(self, x):
        return x.shape

    def dtype(self, x):
        return x.dtype

    def full(self, shape, fill_value, dtype):
        return TinyTensor(np.full(shape, fill_value, dtypes.numpy_dtype(dtype)))

    def arange(self, start, stop, step, dtype):
        return TinyTensor(np.arange(start, stop, step).astype(dtypes.numpy_dtype(dtype)))

    @lifted
    def cast(x, dtype):
        if x.dtype.kind == "c" and dtype not in dtypes.COMPLEX:
            x = x != 0 if dtype == "bool" else x.real
        return x.astype(dtypes.numpy_dtype(dtype))

    @lifted
    def view(x, dtype):
        return np.ascontiguousarray(x).view(dtypes.numpy_dtype(dtype)).reshape(x.shape)

    # -- elementwise
    @lifted
    def divide(x1, x2):
        return np.true_divide(x1, x2)

    @lifted
    def erf(x):
        return _like(x, _erf(x.astype("float64")) if x.size else x)

    @lifted
    def where(condition, x1, x2):
        return np.where(condition, x1, x2)

    def stop_gradient(self, x):
        return x

    # -- reductions and scans
    @lifted
    def sum(x, axis, keepdims):
        wide = x.astype("float32") if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x
        return _like(x, np.sum(wide, axis=axis, keepdims=keepdims))

    @lifted
    def prod(x, axis, keepdims):
        return _like(x, np.prod(x, axis=axis, keepdims=keepdims))

    @lifted
    def max(x, axis, keepdims):
        return np.max(x, axis=axis, keepdims=keepdims)

    @lifted
    def min(x, axis, keepdims):
        return np.min(x, axis=axis, keepdims=keepdims)

    @lifted
    def any(x, axis, keepdims):
        return np.any(x, axis=axis, keepdims=keepdims)

    @lifted
    def all(x, axis, keepdims):
        return np.all(x, axis=axis, keepdims=keepdims)

    @lifted
    def argmax(x, axis):
        return np.argmax(x, axis=axis).astype("int32")

    @lifted
    def argmin(x, axis):
        return np.argmin(x, axis=axis).astype("int32")

    @lifted
    def cumsum(x, axis):
        return np.cumsum(x, axis=axis, dtype=x.dtype)

    @lifted
    def cumprod(x, axis):
        return np.cumprod(x, axis=axis, dtype=x.dtype)

    # -- shape
    @lifted
    def reshape(x, shape):
        return np.reshape(x, shape)

    @lifted
    def transpose(x, axes):
        return np.transpose(x, axes)

    @lifted
    def broadcast_to(x, shape):
        return np.broadcast_to(x, shape)

    @lifted
    def concatenate(xs, axis):
        return np.concatenate(xs, axis)

    @lifted
    def pad(x, pad_width, constant_values):
        return np.pad(x, pad_width, constant_values=np.asarray(constant_values).astype(x.dtype))

    @lifted
    def flip(x, axis):
        return np.flip(x, axis)

    @lifted
    def slice(x, start, stop, step):
        return x[tuple(builtins.slice(*bounds) for bounds in zip(start, stop, step, strict=True))]

    # -- index and sort
    @lifted
    def take(x, indices, axis):
        return np.take(x, indices, axis)

    @lifted
    def take_along_axis(x, indices, axis):
        rest = np.broadcast_shapes(np.delete(x.shape, axis), np.delete(indices.shape, axis))
        x, indices = (np.broadcast_to(a, (*rest[:axis], a.shape[axis], *rest[axis:])) for a in (x, indices))
        return np.take_along_axis(x, indices, axis)

    @lifted
    def scatter(x, indices, updates, mode):
        out, at = np.array(x), tuple(np.moveaxis(indices, -1, 0))
        if mode == "set":
            out[at] = updates
        else:
            {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}[mode].at(out, at, updates)
        return out

    def slice_update(self, x, start, updates):
        out = np.array(x.array)
        begin = [int(np.clip(int(_raw(s)), 0, n - m)) for s, n, m in zip(start, x.shape, updates.shape, strict=True)]
        out[tuple(builtins.slice(b, b + m) for b, m in zip(begin, updates.shape, strict=True))] = updates.array
        return TinyTensor(out)

    @lifted
    def sort(x, axis):
        return np.sort(x, axis=axis)

    @lifted
    def argsort(x, axis):
        return np.argsort(x, axis=axis, kind="stable").astype("int32")

    @lifted
    def top_k(x, k):
        order = np.flip(np.argsort(x, axis=-1, kind="stable"), -1)[..., :k]
        return np.take_along_axis(x, order, -1), order.astype("int32")

    @lifted
    def searchsorted(sorted_sequence, values, side):
        return np.searchsorted(sorted_sequence, values, side).astype("int32")

    # -- products and windows
    @lifted
    def matmul(x1, x2):
        return _like(x1, np.matmul(x1, x2))

    @lifted
    def conv(x, kernel, strides, padding, dilation, groups):
        x, out = _window(x, kernel.shape[:-2], strides, padding, dilation, 0)
        parts = []
        for inputs, weights in zip(np.split(x, groups, -1), np.split(kernel, groups, -1), strict=True):
            parts.append(builtins.sum(inputs[at] @ weights[tap] for tap, at in _taps(kernel.shape[:-2], strides, dilation, out)))
        return _like(x, np.concatenate(parts, -1))

    @lifted
    def conv_transpose(x, kernel, strides, padding, output_padding, dilation):
        taps, size = kernel.shape[:-2], x.shape[1:-1]
        full = [(n - 1) * s + d * (k - 1) + 1 + o for n, s, d, k, o in zip(size, strides, dilation, taps, output_padding, strict=True)]
        y = np.zeros((x.shape[0], *full, kernel.shape[-2]), x.dtype)
        for tap, at in _taps(taps, strides, dilation, size):
            y[at] += _like(x, x @ kernel[tap].T)
        return y[(builtins.slice(None), *[builtins.slice(a, n - b) for (a, b), n in zip(padding, full, strict=True)])]

    @lifted
    def max_pool(x, pool_size, strides, padding):
        ones = (1,) * len(pool_size)
        low = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else False if x.dtype.kind == "b" else -np.inf
        x, out = _window(x, pool_size, strides, padding, ones, low)
        return functools.reduce(np.maximum, [x[at] for _, at in _taps(pool_size, strides, ones, out)])

    @lifted
    def average_pool(x, pool_size, strides, padding):
        ones = (1,) * len(pool_size)
        wide, out = _window(x.astype("float32") if x.dtype.itemsize == 2 else x, pool_size, strides, padding, ones, 0)
        inside, _ = _window(np.ones_like(x, wide.dtype), pool_size, strides, padding, ones, 0)
        total, count = (builtins.sum(a[at] for _, at in _taps(pool_size, strides, ones, out)) for a in (wide, inside))
        return _like(x, total / count)

    # -- control flow
    def cond(self, pred, true_fn, false_fn):
        return true_fn() if pred.array else false_fn()

    def while_loop(self, cond, body, loop_vars, maximum_iterations):
        for _ in itertools.count() if maximum_iterations is None else range(maximum_iterations):
            if not cond(*loop_vars).array:
                break
            loop_vars = tuple(body(*loop_vars))
        return loop_vars

    def scan(self, f, init, xs, length, reverse, unroll):
        n = int(length) if length is not None else flatten(xs)[0].shape[0]
        carry, rows = init, []
        for i in range(n)[:: -1 if reverse else 1]:
            carry, y = f(carry, None if xs is None else map_structure(lambda x: TinyTensor(x.array[i]), xs))
            rows.append(y)
        rows = rows[:: -1 if reverse else 1]
        return carry, map_structure(lambda *ys: None if ys[0] is None else TinyTensor(np.stack([y.array for y in ys])), *rows) if rows else None
