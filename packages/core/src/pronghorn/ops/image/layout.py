"""What the image ops share: one layout to compute in (batch, height, width, channels), and the dtypes to do so."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import show
from pronghorn.backend.settings import standardize_data_format
from pronghorn.ops.creation import cast, dtype_of, shape
from pronghorn.ops.elementwise import clip
from pronghorn.ops.nn_conv import _from_last, _to_last

#: the first and the last number of an integer dtype that float32 holds too
_RANGE = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767), "int32": (-(2**31), 2**31 - 128), "uint32": (0, 2**32 - 256)}


def images_last(name: str, images: Any, data_format: Any) -> tuple[Any, Callable]:
    """Return one image or a batch as a batch with channels last, and a function that undoes that on a result of rank 4.

    Raises:
        ValueError: a tensor of another rank.
    """
    layout = standardize_data_format(data_format)
    n = len(shape(images))
    if n not in (3, 4):
        raise ValueError(f"{name}: expected one image of rank 3 or a batch of rank 4; received shape {show(shape(images))}.")
    x = p.reshape(images, (1, *shape(images))) if n == 3 else images

    def back(y: Any) -> Any:
        y = _from_last(y, layout)
        return p.reshape(y, shape(y)[1:]) if n == 3 else y

    return _to_last(x, layout), back


def as_float(x: Any) -> Any:
    """Return `x` in float32, or float64 if it has it."""
    name = dtype_of(x)
    return x if name in ("float32", "float64") else cast(x, "float32")


def as_before(x: Any, name: str) -> Any:
    """Return float results in dtype `name`, rounded and kept within its range if that is an integer."""
    if name == "bool":
        return p.less_equal(0.5, x)
    if name in dtypes.INTEGER:
        low, high = _RANGE.get(name, (None, None))
        x = p.round(x)
        x = x if low is None else clip(x, low, high)
    return x if dtype_of(x) == name else cast(x, name)


def two_numbers(name: str, what: str, value: Any, kind: type = int, least: Any = 1) -> tuple:
    """Return a pair of numbers."""
    items = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else None
    allowed: tuple = (int, np.integer) if kind is int else (int, float, np.integer, np.floating)
    if items is None or len(items) != 2 or not all(isinstance(v, allowed) and not isinstance(v, bool) and v >= least for v in items):
        raise ValueError(f"{name}: {what} must be two {'ints' if kind is int else 'numbers'}, each at least {least}; received {value!r}.")
    return tuple(kind(v) for v in items)
