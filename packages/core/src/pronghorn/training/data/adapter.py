"""Choosing how data is turned into batches."""

import warnings
from collections.abc import Callable
from typing import Any

from pronghorn.backend.convert import not_dense
from pronghorn.training.data.arrays import ArrayData, is_nest_of_arrays
from pronghorn.training.data.iterables import IterableData, PyDatasetData, is_not_dense
from pronghorn.training.data.tables import is_table, table_data
from pronghorn.utils.data import PyDataset

#: functions `(x) -> iterable of batches, or None`, asked in turn; engines and libraries add theirs
_ADAPTERS: list[Callable[[Any], Any]] = []


def register_data_adapter(adapter: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add a way to read a kind of data.

    Args:
        adapter: gets what the user passed as `x`, and returns an iterable of batches (with `__len__`, if the number is known) or None.

    Example:
        >>> class Recording:
        ...     def chunks(self):
        ...         yield np.ones((4, 3)), np.ones((4, 1))
        >>> @register_data_adapter
        ... def read_recording(x):
        ...     return x.chunks() if isinstance(x, Recording) else None
    """
    _ADAPTERS.append(adapter)
    return adapter


def get_data(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    shuffle: Any = False,
    key: int = 0,
    class_weight: Any = None,
) -> Any:
    """Return the batches of what a user passed to `fit`, `evaluate` or `predict`.

    Args:
        x: arrays, a `PyDataset`, a table of columns such as a Hugging Face dataset, what an adapter reads, or an iterable of batches.
        y, sample_weight: with arrays, arrays with as many entries; with a table, names of its columns; else None.
        batch_size: with arrays and tables, 32 by default; otherwise not used, with a warning.
        shuffle: whether each pass has its own order; sources that give batches in an order of their own keep it.
        key: 64-bit key of the orders.
        class_weight: weight of each class number in `y`.

    Raises:
        ValueError: options that do not go with the kind of data, or data of a kind that is not known.
        TypeError: a sparse or ragged array.
    """
    if isinstance(x, (ArrayData, IterableData, PyDatasetData)):
        return x
    source: Any = None
    if isinstance(x, PyDataset):
        source = PyDatasetData(x, shuffle=shuffle, key=key, class_weight=class_weight)
    elif x is None or is_nest_of_arrays(x):
        if x is None:
            raise ValueError("No data: x is None.")
        return ArrayData(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, key=key, class_weight=class_weight)
    else:
        for adapter in reversed(_ADAPTERS):
            found = adapter(x)
            if found is not None:
                source = IterableData(found, class_weight)
                break
        else:
            if is_not_dense(x):
                raise not_dense(x)
            if is_table(x):
                return table_data(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, key=key, class_weight=class_weight)
            if hasattr(x, "__iter__") and not isinstance(x, (str, bytes, dict)):
                if isinstance(x, (list, tuple)) and not x:
                    raise ValueError("The data is empty: x has no samples.")
                source = IterableData(x, class_weight)
    if source is None:
        rows = hasattr(x, "__getitem__") and not isinstance(x, (str, bytes, dict))
        hint = " What gives single samples by number goes through a DataLoader or a PyDataset." if rows else ""
        raise ValueError(
            f"Cannot read batches from x of type {type(x).__name__}. Pass arrays, tensors, a PyDataset, a generator, or any iterable of (x, y) batches.{hint}"
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(f"{name} must not be given when x is a {type(x).__name__}: its batches bring their own {name}.")
    if batch_size is not None:
        warnings.warn(f"batch_size is not used when x is a {type(x).__name__}: its batches have their size already.", stacklevel=4)
    return source
