"""Data in memory: batches are gathered by index, so nothing is copied as a whole and every batch is a function of (key, pass, number)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pronghorn.backend.convert import require_dense
from pronghorn.backend.owners import owner, unwrap
from pronghorn.random import host, keys
from pronghorn.state.tree import flatten, map_structure


def is_array(x: Any) -> bool:
    """Tell whether `x` is an array, a tensor, a table, or a list of numbers."""
    x = unwrap(x)
    if isinstance(x, np.ndarray) or owner(type(x)) is not None:
        return True
    if hasattr(x, "__array__") and hasattr(x, "shape"):
        return True
    return is_number_list(x)


def is_number_list(x: Any) -> bool:
    """Tell whether `x` is a nest of lists of numbers, as opposed to a list of arrays."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, (bool, int, float, np.generic)) and not isinstance(x, np.ndarray)


def is_nest_of_arrays(value: Any) -> bool:
    """Tell whether `value` holds arrays only."""
    if isinstance(value, dict):
        return bool(value) and all(is_nest_of_arrays(v) for v in value.values())
    if is_array(value):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(is_nest_of_arrays(v) for v in value)


def is_one_batch(x: Any, batch_size: int | None) -> bool:
    """Tell whether `x` is one array of numbers with no more samples than a batch has: it needs no loop."""
    size = 32 if batch_size is None else batch_size
    return type(x) is np.ndarray and x.ndim > 0 and x.dtype.kind in "biuf" and isinstance(size, (int, np.integer)) and 0 < len(x) <= size


def holds_text(what: str, dtype: Any) -> ValueError:
    """Return the error for data of strings."""
    kind = "text or objects" if str(dtype) == "object" else "text"
    return ValueError(f"{what} holds {kind} (dtype {dtype}). Turn it into numbers first, for example with layers.StringLookup or a table of class numbers.")


def to_arrays(value: Any, what: str) -> Any:
    """Return a nest of NumPy arrays (views where possible)."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: to_arrays(v, what) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not is_number_list(value):
        items = [to_arrays(v, what) for v in value]
        return items if isinstance(value, list) else tuple(items)
    return _array(value, what)


def _array(value: Any, what: str) -> np.ndarray:
    value = unwrap(value)
    own = owner(type(value))
    if own is not None:
        return own.convert_to_numpy(require_dense(own, value))
    if type(value).__module__.partition(".")[0] == "pandas":
        value = value.to_numpy()
    array = np.asarray(value)
    if array.dtype.kind == "O":
        try:
            array = array.astype("float32")
        except (TypeError, ValueError):
            raise ValueError(f"{what} holds objects that are no numbers (dtype object). Convert it to a numeric array first.") from None
    if array.dtype.kind in "US":
        raise holds_text(what, array.dtype)
    if array.ndim == 0:
        raise ValueError(f"{what} is a single number; expected one entry per sample.")
    return array


class ArrayData:
    """Batches of arrays that are in memory.

    Args:
        x, y, sample_weight: nests of arrays with one entry per sample.
        batch_size: samples per batch; the last batch may be smaller.
        shuffle: whether each pass has its own order; `"batch"` shuffles whole batches.
        key: 64-bit key of the orders.
        class_weight: weight of each class number in `y`, multiplied into the sample weights.

    Raises:
        ValueError: sizes that differ, or no samples.
    """

    one_shot = False
    prepared = False

    def __init__(
        self, x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int | None = None, shuffle: Any = False, key: int = 0, class_weight: Any = None
    ):
        if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
            raise ValueError(f"batch_size must be an integer of 1 or more; received {batch_size!r}.")
        self.parts = tuple(to_arrays(v, n) for v, n in ((x, "x"), (y, "y"), (sample_weight, "sample_weight")))
        arrays = [a for a in flatten(self.parts) if a is not None]
        found = {a.shape[0] for a in arrays}
        if len(found) > 1:
            sizes = {name: {a.shape[0] for a in flatten(v) if a is not None} for name, v in zip(("x", "y", "sample_weight"), self.parts, strict=True)}
            shown = ", ".join(f"{name} has {' and '.join(map(str, sorted(n)))}" for name, n in sizes.items() if n)
            raise ValueError(f"All data must have the same number of samples: {shown}.")
        self.count = found.pop() if found else 0
        if self.count == 0:
            raise ValueError("The data is empty: x has no samples.")
        self.batch_size = min(int(batch_size or 32), self.count) if batch_size is None else int(batch_size)
        self.shuffle, self.key = shuffle, key
        self.class_weight = None if class_weight is None else class_table(class_weight)
        self.bytes_per_batch = sum([a.nbytes for a in arrays]) // self.count * self.batch_size

    @property
    def num_batches(self) -> int:
        """Batches of one pass."""
        return -(-self.count // self.batch_size)

    def order(self, number: int) -> np.ndarray | None:
        """Return the order of pass `number`; None for the order as it is."""
        if not self.shuffle:
            return None
        key = keys.derive(self.key, "shuffle", "", number)
        if self.shuffle == "batch":
            full = self.count // self.batch_size
            blocks = host.permutation(key, full)
            order = (blocks[:, None] * self.batch_size + np.arange(self.batch_size)).reshape(-1)
            return np.concatenate([order, np.arange(full * self.batch_size, self.count)])
        return host.permutation(key, self.count)

    def batch(self, index: Any) -> tuple:
        """Return the samples of a slice or of an array of indices."""
        part = isinstance(index, slice)

        def take(a: Any) -> Any:
            return None if a is None else a[index] if part else a.take(index, 0)

        x, y, w = [take(v) if v is None or type(v) is np.ndarray else map_structure(take, v) for v in self.parts]
        if self.class_weight is not None:
            w = apply_class_weight(self.class_weight, y, w)
        return x, y, w

    def first(self) -> tuple:
        """Return a batch like the first one, for shapes and dtypes."""
        return self.batch(slice(0, self.batch_size))

    def stream(self, start: int) -> Iterator[tuple]:
        """Yield batches without end, pass after pass, from batch `start` on."""
        n, size = self.num_batches, self.batch_size
        number, i = divmod(start, n)
        while True:
            order = self.order(number)
            while i < n:
                span = slice(i * size, min((i + 1) * size, self.count))
                yield self.batch(span if order is None else order[span])
                i += 1
            number, i = number + 1, 0


def class_table(class_weight: dict) -> np.ndarray:
    """Return weights by class number as an array; classes that are not named weigh one."""
    if not isinstance(class_weight, dict) or any(not isinstance(k, (int, np.integer)) or k < 0 for k in class_weight):
        raise ValueError(f"class_weight must be a dict from class numbers to weights; received {class_weight!r}.")
    table = np.ones(max(class_weight, default=0) + 1, "float32")
    for k, v in class_weight.items():
        table[k] = v
    return table


def apply_class_weight(table: np.ndarray, y: Any, sample_weight: Any) -> Any:
    """Return sample weights multiplied by the weights of the samples' classes; one-hot targets count by their largest entry.

    Raises:
        ValueError: several outputs, or no targets.
    """
    if y is None or isinstance(y, (list, tuple, dict)) and len(flatten(y)) != 1:
        raise ValueError("class_weight needs one output with class numbers or one-hot targets. For several outputs pass sample_weight.")
    labels = np.asarray(flatten(y)[0] if isinstance(y, (list, tuple, dict)) else y)
    if labels.ndim > 1:
        labels = np.argmax(labels, -1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = np.rint(labels).astype("int64")
    inside = (labels >= 0) & (labels < len(table))
    weight = np.where(inside, table[np.where(inside, labels, 0)], np.float32(1))
    return weight if sample_weight is None else np.asarray(sample_weight, "float32").reshape(weight.shape) * weight


def split(arrays: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """Cut the last share of the samples off, before any shuffling.

    Raises:
        ValueError: data that is no array, or a split that leaves one side empty.
    """
    present = [v for v in arrays if v is not None]
    if not all(is_nest_of_arrays(v) for v in present):
        raise ValueError("validation_split works on arrays and tensors only. Pass validation_data for other data.")
    arrays = tuple(to_arrays(v, "data") for v in arrays)
    counts = {a.shape[0] for v in arrays for a in flatten(v) if a is not None}
    if len(counts) > 1:
        raise ValueError(f"All data must have the same number of samples; found {', '.join(map(str, sorted(counts)))}.")
    n = counts.pop()
    at = int(np.floor(n * (1.0 - validation_split)))
    if at == 0 or at == n:
        raise ValueError(f"validation_split={validation_split} of {n} samples leaves no samples for {'training' if at == 0 else 'validation'}.")
    cut = lambda s: tuple(None if v is None else map_structure(lambda a: None if a is None else a[s], v) for v in arrays)  # noqa: E731
    return cut(slice(0, at)), cut(slice(at, None))
