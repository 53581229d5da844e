"""Reading the data that `adapt` gets: an array, or a dataset of batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pronghorn.ops.creation import convert_to_numpy, is_tensor


def batches(data: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """Yield the data as arrays: an array, tensor or list as one, anything else batch by batch.

    Args:
        data: array, tensor, list, or an iterable of batches (of tuples, the first entry counts).
        steps: number of batches to read; all by default.
    """
    if isinstance(data, (np.ndarray, list, tuple)) or is_tensor(data):
        yield host(data)
        return
    if hasattr(data, "__array__") and not hasattr(data, "__iter__"):
        yield np.asarray(data)
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ValueError(f"adapt: expected an array or an iterable of batches; received {type(data).__name__}.")
    iterator = iter(data) if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    for i, batch in enumerate(iterator):
        if steps is not None and i >= steps:
            return
        yield host(batch[0] if isinstance(batch, tuple) else batch)


def host(x: Any) -> np.ndarray:
    """Return one batch as a NumPy array; bytes become strings."""
    array = np.asarray(convert_to_numpy(x)) if is_tensor(x) else np.asarray(x.numpy() if hasattr(x, "numpy") else x)
    return strings(array) if array.dtype.kind in "SO" else array


def strings(array: np.ndarray, encoding: str = "utf-8") -> np.ndarray:
    """Return an array of bytes or objects as one of strings, where it holds any."""
    flat = [v.decode(encoding) if isinstance(v, bytes) else v for v in array.reshape(-1).tolist()]
    if not all(isinstance(v, str) for v in flat):
        return array
    return np.array(flat, dtype=str).reshape(array.shape) if flat else np.zeros(array.shape, "U1")
