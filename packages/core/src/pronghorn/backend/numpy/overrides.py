"""Derived ops that NumPy has a shorter way for; what it does differently is left to the op's definition."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pronghorn.backend.dims import plain_sizes
from pronghorn.backend.op import defined

_add: Any = np.add.reduce
_WIDE = frozenset({"float32", "float64"})

_definition = functools.partial(defined, "numpy")


def _is_axis(x: Any, axis: Any) -> bool:
    return type(axis) is int and -x.ndim <= axis < x.ndim


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def softmax(x: Any, axis: Any = -1) -> Any:
    if not _is_axis(x, axis) or not x.size:
        return _definition("softmax", x, axis)
    e = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
    e /= _add(e, axis, keepdims=True)
    return e


def sum_op(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if not _is_axis(x, axis):
        return _definition("sum", x, axis, keepdims)
    return np.asarray(_add(x, axis, keepdims=bool(keepdims)))


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if not _is_axis(x, axis) or not x.shape[axis]:
        return _definition("mean", x, axis, keepdims)
    return np.asarray(_add(x, axis, keepdims=bool(keepdims)) / x.dtype.type(x.shape[axis]))


def matmul_op(x1: Any, x2: Any) -> Any:
    return np.asarray(np.matmul(x1, x2))


def concatenate_op(xs: Any, axis: int = 0) -> Any:
    return np.concatenate(xs, axis) if type(axis) is int else _definition("concatenate", xs, axis)


def where_op(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    return _definition("where", condition, x1, x2)  # but for tensors of one dtype, see `specialize`


def reshape_op(x: Any, newshape: Any) -> Any:
    return x.reshape(newshape) if plain_sizes(newshape) and x.size else _definition("reshape", x, newshape)


def transpose_op(x: Any, axes: Any = None) -> Any:
    return x.T if axes is None else _definition("transpose", x, axes)


def expand_dims(x: Any, axis: Any) -> Any:
    if type(axis) is not int or not -x.ndim - 1 <= axis <= x.ndim:
        return _definition("expand_dims", x, axis)
    return np.asarray(x)[(slice(None),) * (axis if axis >= 0 else axis + x.ndim + 1) + (None,)]


#: overrides that hold for the wide floats alone
_FLOATS = frozenset({"relu", "softmax", "sum_op", "mean", "matmul_op"})
NAMES = ("relu", "softmax", "sum_op", "mean", "matmul_op", "concatenate_op", "where_op", "reshape_op", "transpose_op", "expand_dims")


def specialize(name: str, impl: Callable, operands: Sequence[str | None], scalars: Sequence[bool]) -> Callable:
    """Return what runs a primitive or override on operands of these dtypes."""
    if name == "where_op" and operands[0] == "bool" and operands[1] == operands[2] is not None and not any(scalars):
        return np.where
    narrow = name in _FLOATS and not _WIDE.issuperset(operands)
    mixed = name == "concatenate_op" and len(set(operands)) > 1
    return functools.partial(_definition, name.removesuffix("_op")) if narrow or mixed else impl

