"""Choosing how data is turned into batches."""

from collections.abc import Callable
from typing import Any

from pronghorn.training.data.arrays import ArrayData, is_nest_of_arrays
from pronghorn.training.data.iterables import IterableData, PyDatasetData
from pronghorn.utils.data import PyDataset

#: functions `(x) -> iterable of batches, or None`, asked in turn; engines and libraries add theirs
_ADAPTERS: list[Callable[[Any], Any]] = []


def register_data_adapter(adapter: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add a way to read a kind of data.

    Args:
        adapter: gets what the user passed as `x`, and returns an iterable of batches (with `__len__`, if the number is known) or None.

    Example:
        >>> @register_data_adapter
        ... def csv_reader(x):
        ...     return x.batches() if hasattr(x, "batches") else None
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

    Raises:
        ValueError: options that do not go with the kind of data, or data of a kind that is not known.
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
            if hasattr(x, "__iter__") and not isinstance(x, (str, bytes, dict)):
                if isinstance(x, (list, tuple)) and not x:
                    raise ValueError("The data is empty: x has no samples.")
                source = IterableData(x, class_weight)
    if source is None:
        raise ValueError(
            f"Cannot read batches from x of type {type(x).__name__}. Pass arrays, tensors, a PyDataset, a generator, or any iterable of (x, y) batches."
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(f"{name} must not be given when x is a {type(x).__name__}: its batches bring their own {name}.")
    if batch_size is not None and not isinstance(x, PyDataset) and not hasattr(x, "__next__"):
        raise ValueError(f"batch_size must not be given when x is a {type(x).__name__}: its batches have their size already.")
    return source
