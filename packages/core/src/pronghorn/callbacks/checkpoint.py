"""Saving the model while it trains."""

from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.callbacks.monitor import MonitorCallback


class BatchCounter:
    """Tells when to save, with `save_freq` batches between two times.

    Args:
        save_freq: "epoch", or a number of batches.
        owner: name for messages.

    Raises:
        ValueError: a bad `save_freq`.
    """

    def __init__(self, save_freq: Any, owner: str):
        if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(f'{owner}: save_freq must be "epoch" or a number of batches of 1 or more; received {save_freq!r}.')
        self.save_freq = save_freq
        self.seen, self.last = 0, 0

    def start(self, batch: int = 0) -> None:
        """Note that an epoch begins, at a batch."""
        self.last = batch

    def due(self, batch: int) -> bool:
        """Count the batches up to and with `batch`; tell whether it is time to save."""
        if self.save_freq == "epoch":
            return False
        self.seen += batch + 1 - self.last
        self.last = batch + 1
        if self.seen < self.save_freq:
            return False
        self.seen = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Saves the model or its weights while it trains.

    Args:
        filepath: path, with `{epoch}` and metric names to be filled in; ends in `.keras`, or in `.weights.h5` with `save_weights_only`.
        monitor: name of the metric for `save_best_only`.
        verbose: 1 to say when it saves.
        save_best_only: save only when the metric got better.
        save_weights_only: save weights instead of the whole model.
        mode: "auto", "min" or "max".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: value that the first save must improve upon.

    Raises:
        ValueError: a path with another ending, or a bad `save_freq`.

    Example:
        >>> ModelCheckpoint("best.keras", save_best_only=True).save_freq
        'epoch'
    """

    _progress = ("best",)

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
        mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None,
    ):  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        self.best = initial_value_threshold
        self._counter = BatchCounter(save_freq, "ModelCheckpoint")
        ending = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(ending):
            raise ValueError(f"ModelCheckpoint: filepath must end in {ending}; received {self.filepath!r}.")
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch for the file's name."""
        self._epoch = epoch
        self._counter.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after every so many batches."""
        if self._counter.due(batch):
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _path(self, epoch: int, batch: int | None, logs: Any) -> Path:
        values = {k: float(np.asarray(v)) for k, v in dict(logs or {}).items() if np.ndim(v) == 0}
        where = {"batch": batch + 1} if batch is not None else {}
        try:
            return Path(self.filepath.format(epoch=epoch + 1, **where, **values))
        except KeyError as error:
            raise KeyError(f"ModelCheckpoint: filepath {self.filepath!r} asks for {error}, which is not among {', '.join(values)}.") from None

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        if self.save_best_only:
            self._set_monitor_op()
            current = self.get_monitor_value(logs)
            if current is None:
                return
            if not self._is_improvement(current, self.best):
                if self.verbose > 0:
                    print(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            if self.verbose > 0:
                print(f"Epoch {epoch + 1}: {self.monitor} improved to {float(current):.5f}")
            self.best = current
        path = self._path(epoch, batch, logs)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
