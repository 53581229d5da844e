"""Data that comes in batches: generators, iterables, loaders of other libraries, and PyDatasets."""

import itertools
import sys
from collections.abc import Iterator
from concurrent import futures  # imports its pools when they are first named, and multiprocessing with them
from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.backend.convert import looks_not_dense, not_dense, require_dense
from pronghorn.backend.owners import owner, unwrap
from pronghorn.random import host, keys
from pronghorn.training.data.arrays import apply_class_weight, class_table, is_array, is_number_list, to_arrays
from pronghorn.utils.data import PyDataset, unpack_x_y_sample_weight


def is_not_dense(value: Any) -> bool:
    """Tell whether `value` is a sparse or ragged array of a library that is no engine in use."""
    known = isinstance(value, (np.ndarray, list, tuple, dict)) or owner(type(value)) is not None
    return not known and looks_not_dense(value)


def _readable(value: Any, what: str) -> Any:
    """Return a part of a batch with what engines do not read made into arrays: lists of numbers, tables, tensors that only their own engine reads.

    Raises:
        ValueError: text, or objects that are no numbers.
        TypeError: a sparse or ragged array.
    """
    if type(value) is np.ndarray:
        return to_arrays(value, what) if value.dtype.kind in "OUS" else value
    if value is None or isinstance(value, (bool, int, float, np.generic)):
        return value
    if isinstance(value, dict):
        return {k: _readable(v, what) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not is_number_list(value):
        parts = [_readable(v, what) for v in value]
        return parts if isinstance(value, list) else type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    own = owner(type(unwrap(value)))
    if own is None:
        if is_not_dense(value):
            raise not_dense(value)
        return to_arrays(value, what) if is_array(value) or isinstance(value, (str, bytes)) else value
    require_dense(own, unwrap(value))
    if own is registry.active():
        return value
    try:  # without a copy, where its memory can be read from here
        array = np.asarray(value)
    except (TypeError, RuntimeError):  # on a device, with gradients, or of a dtype that NumPy lacks
        array = own.convert_to_numpy(unwrap(value))
    return to_arrays(array, what) if array.dtype.kind in "OUS" else array


class Batched:
    """What all data that comes in batches shares."""

    class_weight: Any = None

    def _unpacked(self, batch: Any) -> tuple:
        parts = unpack_x_y_sample_weight(batch)
        x, y, w = [_readable(v, name) for v, name in zip(parts, ("x", "y", "sample_weight"), strict=True)]
        if x is None:
            raise ValueError("A batch has no x: it is None. Batches are x, (x,), (x, y) or (x, y, sample_weight).")
        if self.class_weight is not None:
            w = apply_class_weight(self.class_weight, to_arrays(y, "y"), to_arrays(w, "sample_weight"))
        return x, y, w


class IterableData(Batched):
    """Batches from an iterator, or from anything that gives a new one for each pass.

    Args:
        source: an iterator (used up once), or an iterable of batches; its `__len__` may be missing or raise TypeError.
        class_weight: weight of each class number in `y`.
    """

    bytes_per_batch: int | None = None
    prepared = False

    def __init__(self, source: Any, class_weight: Any = None):
        self.source = source
        self.one_shot = hasattr(source, "__next__")
        self.class_weight = None if class_weight is None else class_table(class_weight)
        self._iterator: Any = None
        self._ahead: list[Any] = []
        self._begun = False

    def _length(self) -> int | None:
        if self.one_shot:
            return None
        try:
            n = len(self.source)
        except OverflowError:
            return sys.maxsize
        except (TypeError, NotImplementedError, AttributeError):
            return None
        return n if n >= 0 else None

    @property
    def num_batches(self) -> int | None:
        """Batches of one pass, None where that is not known or has no end."""
        n = self._length()
        return n if n != sys.maxsize else None

    @property
    def endless(self) -> bool:
        """Whether the source says that a pass has no end: `tf.data` and grain do so after `repeat()`."""
        if self._length() == sys.maxsize:
            return True
        cardinality = getattr(self.source, "cardinality", None)
        return callable(cardinality) and int(cardinality()) == -1

    def first(self) -> tuple:
        """Return the first batch; it is kept for the stream.

        Raises:
            ValueError: there is none.
        """
        if not self._ahead:
            self._iterator = iter(self.source)
            try:
                self._ahead.append(next(self._iterator))
            except StopIteration:
                raise ValueError(f"The data is empty: {type(self.source).__name__} gave no batch.") from None
        return self._unpacked(self._ahead[0])

    def restart(self) -> None:
        """Begin a new pass, unless nothing but the first batch was looked at in this one; iterators go on where they are."""
        if self._begun and not self.one_shot:
            self._iterator, self._begun = None, False
            self._ahead.clear()

    def one_pass(self) -> Iterator[tuple]:
        """Yield the batches of one pass, or of what is left of it."""
        if self._iterator is None:
            self._iterator = iter(self.source)
        self._begun = True
        while True:
            if self._ahead:
                batch = self._ahead.pop()
            else:
                try:
                    batch = next(self._iterator)
                except StopIteration:
                    break
            unpacked = self._unpacked(batch)
            del batch  # an engine takes over arrays that nobody else holds
            yield unpacked
        if not self.one_shot:
            self._iterator, self._begun = None, False

    def skip(self, count: int) -> None:
        """Leave batches of the current pass out."""
        for _ in itertools.islice(self.one_pass(), count):
            pass


class PyDatasetData(Batched):
    """Batches of a `PyDataset`, prepared by threads or processes.

    Processes are started for each pass, so that they see what `on_epoch_begin` and `on_epoch_end` have done to the dataset.

    Args:
        dataset: gives batches by number.
        shuffle: whether each pass takes the batches in another order.
        key: 64-bit key of the orders.
        class_weight: weight of each class number in `y`.
    """

    one_shot = False
    bytes_per_batch: int | None = None

    def __init__(self, dataset: PyDataset, shuffle: bool = False, key: int = 0, class_weight: Any = None):
        self.dataset, self.shuffle, self.key = dataset, bool(shuffle), key
        self.class_weight = None if class_weight is None else class_table(class_weight)
        self._first: Any = None
        # with workers of its own, batches are prepared there
        self.prepared = dataset.workers > 1 or dataset.use_multiprocessing

    @property
    def num_batches(self) -> int | None:
        """Batches of one pass, None for no end."""
        return self.dataset.num_batches

    @property
    def endless(self) -> bool:
        """Whether a pass has no end."""
        return self.num_batches is None

    def first(self) -> tuple:
        """Return batch 0."""
        n = self.num_batches
        if n is not None and n <= 0:
            raise ValueError(f"The data is empty: {type(self.dataset).__name__} has {n} batches.")
        if self._first is None:
            self._first = self.dataset[0]
        return self._unpacked(self._first)

    def _unpacked(self, batch: Any) -> tuple:
        if not isinstance(batch, (tuple, list, dict)) and not hasattr(batch, "shape"):
            name, got = type(self.dataset).__name__, type(batch).__name__
            raise ValueError(f"{name}.__getitem__ must return a batch: (x, y) or (x, y, sample_weight); received {got}.")
        return super()._unpacked(batch)

    def _indices(self, number: int) -> Iterator[int]:
        n = self.num_batches
        if n is None:
            i = 0
            while True:
                yield i
                i += 1
        yield from (host.permutation(keys.derive(self.key, "shuffle", "", number), n).tolist() if self.shuffle else range(n))

    def stream(self, start: int) -> Iterator[tuple]:
        """Yield batches without end, pass after pass, from batch `start` on."""
        n = self.num_batches
        number, skip = divmod(start, n) if n else (0, start)
        pool: futures.Executor | None = None
        try:
            while True:
                self.dataset.on_epoch_begin()
                if pool is None or isinstance(pool, futures.ProcessPoolExecutor):
                    if pool is not None:
                        pool.shutdown(wait=False)
                    pool = self._pool()
                indices = iter(list(self._indices(number))[skip:]) if n else self._indices(number)
                done = skip
                for batch in self._fetched(pool, indices):
                    unpacked = self._unpacked(batch)
                    del batch  # an engine takes over arrays that nobody else holds
                    done += 1
                    if done == n:  # all are fetched; nobody may come back to ask for more
                        self.dataset.on_epoch_end()
                    yield unpacked
                number, skip = number + 1, 0
        finally:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _pool(self) -> futures.Executor | None:
        if self.dataset.use_multiprocessing:
            return futures.ProcessPoolExecutor(max(1, self.dataset.workers), initializer=_remember, initargs=(self.dataset,))
        return futures.ThreadPoolExecutor(self.dataset.workers) if self.dataset.workers > 1 else None

    def _fetched(self, pool: futures.Executor | None, indices: Iterator[int]) -> Iterator[Any]:
        """Yield batches in order, `max_queue_size` of them ahead."""
        if pool is None:
            for i in indices:
                yield self.dataset[i]
            return
        pending: list[futures.Future] = []
        processes = isinstance(pool, futures.ProcessPoolExecutor)
        for i in indices:
            pending.append(pool.submit(_item, i) if processes else pool.submit(self.dataset.__getitem__, i))
            if len(pending) > max(1, self.dataset.max_queue_size):
                yield pending.pop(0).result()
        while pending:
            yield pending.pop(0).result()


_DATASET: Any = None


def _remember(dataset: Any) -> None:
    """Give a worker process its dataset once, so that only numbers travel afterwards."""
    global _DATASET
    _DATASET = dataset


def _item(index: int) -> Any:
    return _DATASET[index]
