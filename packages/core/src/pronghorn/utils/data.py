"""Batches: packing and unpacking them, and datasets of batches by number."""

from collections.abc import Iterator
from typing import Any


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return `(x, y, sample_weight)` of a batch, None for what it lacks.

    Raises:
        ValueError: a tuple of more than three.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) > 3 or not data:
        raise ValueError(f"A batch is x, (x,), (x, y) or (x, y, sample_weight); received a tuple of {len(data)}.")
    return (*data, None, None)[:3]  # type: ignore[return-value]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return a batch without trailing Nones; x alone if it is no list, tuple or dict.

    Example:
        >>> pack_x_y_sample_weight([1], [2]), pack_x_y_sample_weight(3)
        (([1], [2]), 3)
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple, dict)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


class PyDataset:
    """Base class of datasets that give batches by number: implement `__getitem__`, and `__len__` or `num_batches`.

    Args:
        workers: how many threads or processes prepare batches.
        use_multiprocessing: processes instead of threads; the dataset is pickled to them.
        max_queue_size: how many batches are prepared ahead.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         return [index], [index**2]
        >>> list(Squares())[2]
        ([2], [4])
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self._workers, self._use_multiprocessing, self._max_queue_size = workers, use_multiprocessing, max_queue_size

    def _option(self, name: str, default: Any) -> Any:
        if name not in self.__dict__:  # a subclass that did not call super().__init__()
            import warnings

            warnings.warn(f"{type(self).__name__}.__init__ should call super().__init__(**kwargs); using {name[1:]}={default}.", stacklevel=3)
            self.__dict__[name] = default
        return self.__dict__[name]

    @property
    def workers(self) -> int:
        """How many threads or processes prepare batches."""
        return self._option("_workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether processes are used instead of threads."""
        return self._option("_use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches are prepared ahead."""
        return self._option("_max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement __getitem__(index), which returns a batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None for no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} must implement __len__() or num_batches.")

    def __iter__(self) -> Iterator[Any]:
        i, n = 0, self.num_batches
        while n is None or i < n:
            yield self[i]
            i += 1

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""
