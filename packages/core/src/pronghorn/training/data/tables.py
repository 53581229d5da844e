"""Tables of named columns, such as Hugging Face datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pronghorn.backend.errors import closest
from pronghorn.training.data.arrays import ArrayData, class_table
from pronghorn.training.data.iterables import Batched, IterableData


def is_table(x: Any) -> bool:
    """Tell whether `x` is a table of named columns that libraries read in batches of rows, such as a Hugging Face dataset."""
    return hasattr(x, "column_names") and hasattr(x, "with_format") and not isinstance(x, dict)


class _Columns:
    """How the columns of a table make a batch.

    Args:
        table: has `column_names`, None where they are not known yet.
        y: name of the column with the targets, a list of names for several outputs, or None.
        sample_weight: name of the column with the weights, or None.

    Raises:
        ValueError: names that are no columns, or that leave none for x.
    """

    def __init__(self, table: Any, y: Any, sample_weight: Any):
        self.y, self.sample_weight = y, sample_weight
        for what, names in (("y", y if isinstance(y, (list, tuple)) else [y]), ("sample_weight", [sample_weight])):
            if any(not isinstance(name, (str, type(None))) for name in names):
                raise ValueError(f"{what} of a {type(table).__name__} must be the name of a column; received {type(names[0]).__name__}.")
        self.taken = [name for name in (*(y if isinstance(y, (list, tuple)) else [y]), sample_weight) if name is not None]
        if table.column_names is not None:
            self._check(table.column_names)

    def _check(self, known: Any) -> None:
        for name in self.taken:
            if name not in known:
                raise ValueError(f'The table has no column "{name}".{closest(name, known)} Columns: {", ".join(known)}.')
        if not set(known) - set(self.taken):
            raise ValueError(f"No column is left for x: all of {', '.join(known)} are targets or weights.")

    def __call__(self, columns: dict[str, Any]) -> tuple:
        """Return (x, y, sample_weight) of rows; x is a dict by name, or the array of its only column."""
        self._check(columns)
        x = {name: value for name, value in columns.items() if name not in self.taken}
        y = self.y
        targets = [columns[name] for name in y] if isinstance(y, (list, tuple)) else None if y is None else columns[y]
        weights = None if self.sample_weight is None else columns[self.sample_weight]
        return next(iter(x.values())) if len(x) == 1 else x, targets, weights


class _TableStream:
    """Batches of a table that is read in order, anew for each pass: `table.iter(batch_size)` gives dicts of columns."""

    def __init__(self, table: Any, columns: _Columns, batch_size: int):
        self.table, self.columns, self.batch_size = table, columns, batch_size

    def __iter__(self) -> Iterator[tuple]:
        return map(self.columns, self.table.iter(batch_size=self.batch_size))


class TableData(Batched, ArrayData):
    """Batches of a table whose rows are read by number: `table[numbers]` and `table[slice]` give dicts of columns.

    Args:
        table: has `__len__`, `__getitem__`.
        columns: makes a batch of them.
        batch_size: rows per batch; the last batch may be smaller.
        shuffle, key, class_weight: as for `ArrayData`.

    Raises:
        ValueError: no rows.
    """

    def __init__(self, table: Any, columns: _Columns, batch_size: int, shuffle: Any = False, key: int = 0, class_weight: Any = None):
        self.table, self.columns, self.count = table, columns, len(table)
        if not self.count:
            raise ValueError("The data is empty: x has no rows.")
        self.batch_size, self.shuffle, self.key = min(batch_size, self.count), shuffle, key
        self.class_weight = None if class_weight is None else class_table(class_weight)
        self.bytes_per_batch: Any = None  # reading rows takes time: in the background

    def batch(self, index: Any) -> tuple:
        """Return the rows of a slice or of an array of numbers."""
        return self._unpacked(self.columns(self.table[index if isinstance(index, slice) else index.tolist()]))


def table_data(table: Any, y: Any, sample_weight: Any, *, batch_size: int | None, shuffle: Any, key: int, class_weight: Any) -> Any:
    """Return the batches of a table of columns.

    Args:
        table: such as a `datasets.Dataset`, or a `datasets.IterableDataset`, which is read in its own order.
        y, sample_weight: names of columns; `y` may be a list of names. The others are x.
        batch_size: rows per batch, 32 by default.
        shuffle, key, class_weight: as for `ArrayData`.

    Raises:
        ValueError: unknown columns, or a wrong batch size.
    """
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"batch_size must be an integer of 1 or more; received {batch_size!r}.")
    size = 32 if batch_size is None else int(batch_size)
    columns = _Columns(table, y, sample_weight)
    if hasattr(table, "__len__"):
        if table.format["type"] is None:  # else the user chose what rows are made into
            table = table.with_format("numpy")
        return TableData(table, columns, size, shuffle, key, class_weight)
    return IterableData(_TableStream(table.with_format("numpy"), columns, size), class_weight)
