"""Windows that slide along an axis: the positions that they cover, cutting them out, and adding them up again."""

from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, ndim, shape, zeros


def frame_index(length: int, stride: int, count: Any, dilation: int = 1) -> Any:
    """Return the positions (count, length), int32, of the elements of `count` windows."""
    inside = np.arange(length) * dilation
    if isinstance(count, int):
        return convert_to_tensor((np.arange(count)[:, None] * stride + inside).astype("int32"))
    starts = p.reshape(p.multiply(arange(count, dtype="int32"), stride), (count, 1))
    return p.add(starts, convert_to_tensor(inside.astype("int32").reshape(1, -1)))


def frame_count(size: Any, length: int, stride: int, dilation: int = 1) -> Any:
    """Return how many windows fit into `size` elements."""
    count = (size - dilation * (length - 1) - 1) // stride + 1
    return max(count, 0) if isinstance(count, int) else count


def overlap_add(x: Any, index: Any, size: Any) -> Any:
    """Add the rows of `x`, of shape (*index.shape, rest...), up at their positions; (size, rest...)."""
    n = ndim(index)
    kind = dtype_of(x)
    target = zeros((size, *shape(x)[n:]), kind)
    # next to symbolic tensors a constant counts as host data, whose float64 is narrowed
    return cast(p.scatter(target, p.reshape(index, (*shape(index), 1)), x, "add"), kind)
