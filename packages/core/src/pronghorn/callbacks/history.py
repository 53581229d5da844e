"""What happened, kept in memory or written to a file."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback


class History(Callback):
    """Keeps the metrics of every epoch; `fit` returns one.

    Attributes:
        epoch: numbers of the epochs.
        history: metric name to the list of its values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget the epochs of an earlier fit."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the metrics."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class CSVLogger(Callback):
    """Writes the metrics of every epoch to a file of comma-separated values.

    Args:
        filename: path of the file.
        separator: character between columns.
        append: go on in an existing file instead of starting anew.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.separator, self.append = str(filename), separator, append
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        path = Path(self.filename)
        self._header_there = self.append and path.exists() and path.stat().st_size > 0
        self._keys: list[str] | None = None
        if self._header_there:
            with open(path, newline="", encoding="utf-8") as f:
                self._keys = next(csv.reader(f, delimiter=self.separator))[1:]
        self._file = open(path, "a" if self.append else "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, delimiter=self.separator)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line; it is in the file when the epoch ends."""
        logs = logs or {}
        if self._keys is None:
            # a metric of validation that comes later still gets its column
            self._keys = list(logs)
            if not any(k.startswith("val_") for k in self._keys) and getattr(self.model, "_validates", False):
                self._keys += [f"val_{k}" for k in self._keys if k != "learning_rate"]
        if not self._header_there:
            self._writer.writerow(["epoch", *self._keys])
            self._header_there = True
        self._writer.writerow([epoch, *[_plain(logs[k]) if k in logs else "NA" for k in self._keys]])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = self._writer = None


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else f'"[{", ".join(map(str, array.tolist()))}]"'
