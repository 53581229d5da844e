"""Data that comes in batches: generators, iterables, loaders of other libraries, and PyDatasets."""

import itertools
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from pronghorn.random import host, keys
from pronghorn.training.data.arrays import apply_class_weight, class_table
from pronghorn.utils.data import PyDataset, unpack_x_y_sample_weight


class IterableData:
    """Batches from an iterator, or from anything that gives a new one for each pass.

    Args:
        source: an iterator (used up once), or an iterable of batches.
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

    @property
    def num_batches(self) -> int | None:
        """Batches of one pass, None where that is not known."""
        if self.one_shot:
            return None
        try:
            n = len(self.source)
        except (TypeError, NotImplementedError, AttributeError):
            return None
        return n if n >= 0 else None

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

    def _unpacked(self, batch: Any) -> tuple:
        x, y, w = unpack_x_y_sample_weight(batch)
        if self.class_weight is not None:
            w = apply_class_weight(self.class_weight, y, w)
        return x, y, w

    def one_pass(self) -> Iterator[tuple]:
        """Yield the batches of one pass, or of what is left of it."""
        if self._iterator is None:
            self._iterator = iter(self.source)
        while True:
            if self._ahead:
                batch = self._ahead.pop()
            else:
                try:
                    batch = next(self._iterator)
                except StopIteration:
                    break
            yield self._unpacked(batch)
        if not self.one_shot:
            self._iterator = None

    def skip(self, count: int) -> None:
        """Leave batches of the current pass out."""
        for _ in itertools.islice(self.one_pass(), count):
            pass


class PyDatasetData:
    """Batches of a `PyDataset`, prepared by threads or processes.

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
        """Batches of one pass."""
        return self.dataset.num_batches

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
        x, y, w = unpack_x_y_sample_weight(batch)
        if self.class_weight is not None:
            w = apply_class_weight(self.class_weight, y, w)
        return x, y, w

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
        pool = self._pool()
        try:
            while True:
                self.dataset.on_epoch_begin()
                indices = iter(list(self._indices(number))[skip:]) if n else self._indices(number)
                for i, batch in enumerate(self._fetched(pool, indices), skip):
                    unpacked = self._unpacked(batch)
                    if i + 1 == n:  # all are fetched; nobody may come back to ask for more
                        self.dataset.on_epoch_end()
                    yield unpacked
                number, skip = number + 1, 0
        finally:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _pool(self) -> Executor | None:
        if self.dataset.use_multiprocessing:
            return ProcessPoolExecutor(max(1, self.dataset.workers), initializer=_remember, initargs=(self.dataset,))
        return ThreadPoolExecutor(self.dataset.workers) if self.dataset.workers > 1 else None

    def _fetched(self, pool: Executor | None, indices: Iterator[int]) -> Iterator[Any]:
        """Yield batches in order, `max_queue_size` of them ahead."""
        if pool is None:
            for i in indices:
                yield self.dataset[i]
            return
        pending: list[Future] = []
        processes = isinstance(pool, ProcessPoolExecutor)
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
