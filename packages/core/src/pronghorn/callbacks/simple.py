"""Small callbacks: functions, schedules, tables, and stopping on nan."""

import csv
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: functions `(epoch, logs)`.
        on_train_begin, on_train_end: functions `(logs)`.
        on_train_batch_begin, on_train_batch_end: functions `(batch, logs)`.
        **kwargs: functions for other methods, by name.

    Example:
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3)
        3
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for name, fn in given.items():
            if fn is None:
                continue
            if not hasattr(Callback, name):
                raise ValueError(f"LambdaCallback: there is no method {name}.")
            first = "logs" if name.endswith(("train_begin", "train_end", "test_begin", "test_end", "predict_begin", "predict_end")) else "index"
            setattr(self, name, _one(fn) if first == "logs" else _two(fn))


def _one(fn: Callable) -> Callable:
    return lambda logs=None: fn(logs)


def _two(fn: Callable) -> Callable:
    return lambda index, logs=None: fn(index, logs)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: function `(epoch, learning_rate) -> learning_rate`, or `(epoch)`.
        verbose: 1 to tell.
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        rate = learning_rate_of(optimizer)
        new = self.schedule(epoch, rate) if _takes_two(self.schedule) else self.schedule(epoch)
        if not isinstance(new, (float, np.floating, int)) or isinstance(new, bool):
            raise ValueError(f"LearningRateScheduler: the schedule must return a number; received {new!r}.")
        optimizer.learning_rate = new
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate set to {float(new):.4g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put the learning rate into the results."""
        if logs is not None:
            logs["learning_rate"] = learning_rate_of(self.model.optimizer)


def _takes_two(schedule: Callable) -> bool:
    """Tell whether a schedule takes the learning rate, too; asking it, instead of trying, leaves its own errors alone."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a function without a signature
        return True
    return True


def learning_rate_of(optimizer: Any) -> float:
    """Return the learning rate of an optimizer now, as a number."""
    from pronghorn.ops import convert_to_numpy

    return float(convert_to_numpy(optimizer.learning_rate))


class TerminateOnNaN(Callback):
    """Stops training when the loss is nan or infinite.

    Args:
        raise_error: whether to raise a `RuntimeError` instead of stopping.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(loss)):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} at batch {batch}. Lower the learning rate, or clip gradients with the optimizer's clipnorm.")
        print(f"Batch {batch}: the loss is {loss}, training stops")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Writes the results of each epoch into a table.

    Args:
        filename: path of the file.
        separator: what separates columns.
        append: whether rows are added to a file that exists.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.sep, self.append = str(filename), separator, append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        self._header = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        import os

        self._header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")
        self.append = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a row."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            validation = [f"val_{k}" for k in self.keys if not k.startswith("val_") and f"val_{k}" not in self.keys]
            if not any(k.startswith("val_") for k in self.keys):
                self.keys += validation
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, ["epoch", *self.keys], delimiter=self.sep, extrasaction="ignore")
            if self._header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch} | {k: _cell(logs.get(k, "NA")) for k in self.keys})
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, (str, float, int)):
        return value
    if np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, np.asarray(value).tolist()))}]"' if isinstance(value, Iterable) else value
