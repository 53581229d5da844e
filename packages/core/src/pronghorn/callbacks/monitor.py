"""Callbacks that watch a metric: stop, save, lower the learning rate."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback


class Monitor(Callback):
    """Base of callbacks that ask whether a metric got better.

    Args:
        monitor: name of the metric, such as `"val_loss"`.
        mode: "min", "max", or "auto": by the metric's name (loss and error go down, accuracy, AUC and the like up).
        min_delta: smallest change that counts.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f'{type(self).__name__}: mode {mode!r} is unknown; using "auto".', stacklevel=3)
            mode = "auto"
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)

    def goes_up(self) -> bool:
        """Tell whether larger is better."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", None) or []:
            for m in (metric, *getattr(metric, "metrics", [])):
                direction = getattr(m, "_direction", None)
                if getattr(m, "name", None) == name and direction in ("up", "down"):
                    return direction == "up"
        if any(part in name for part in ("loss", "error")) or name in ("mse", "mae", "mape", "msle"):
            return False
        return any(part in name for part in ("acc", "auc", "precision", "recall", "f1", "iou", "fmeasure", "r2", "cosine"))

    def better(self, value: float, than: float | None) -> bool:
        """Tell whether `value` improves on `than` by more than `min_delta`."""
        if than is None:
            return True
        return bool(value - self.min_delta > than) if self.goes_up() else bool(value + self.min_delta < than)

    def value(self, logs: Any) -> float | None:
        """Return the watched metric, or warn and return None where it is not there."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not available. Available: {', '.join(logs) or 'nothing'}.", stacklevel=3
            )
            return None
        return float(logs[self.monitor])


class EarlyStopping(Monitor):
    """Stops training when a metric no longer gets better.

    Args:
        monitor: name of the metric.
        min_delta: smallest change that counts as better.
        patience: epochs without improvement to wait for.
        verbose: 1 to say when it stops.
        mode: "auto", "min" or "max".
        baseline: value that must be improved upon.
        restore_best_weights: go back to the weights of the best epoch.
        start_from_epoch: epochs before watching begins.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto", baseline: float | None = None,
        restore_best_weights: bool = False, start_from_epoch: int = 0,
    ):  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Start afresh."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and stop the model when patience is at an end."""
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.better(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Restore the best weights where asked to."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(Monitor):
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
    """

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
        mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None,
    ):  # fmt: skip
        super().__init__(monitor, mode)
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        self.best = initial_value_threshold
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f'ModelCheckpoint: save_freq must be "epoch" or a number of batches; received {save_freq!r}.')
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(f"ModelCheckpoint: filepath must end in {endings[0]}; received {self.filepath!r}.")
        self._batches, self._epoch, self._last = 0, 0, 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start counting batches."""
        self._last = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch for the file's name."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after every so many batches."""
        if self.save_freq == "epoch":
            return
        self._batches += batch + 1 if batch < self._last else batch + 1 - self._last
        self._last = batch + 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _path(self, epoch: int, batch: int | None, logs: Any) -> Path:
        values = {k: float(v) for k, v in (logs or {}).items() if np.ndim(v) == 0}
        try:
            where = {"batch": batch + 1} if batch is not None else {}
            return Path(self.filepath.format(epoch=epoch + 1, **where, **values))
        except KeyError as error:
            raise KeyError(f"ModelCheckpoint: filepath {self.filepath!r} asks for {error}, which is not among {', '.join(values)}.") from None

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is None:
                return
            if not self.better(current, self.best):
                if self.verbose > 0:
                    print(f"Epoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            if self.verbose > 0:
                was = "no value yet" if self.best is None else f"{self.best:.5f}"
                print(f"Epoch {epoch + 1}: {self.monitor} improved from {was} to {current:.5f}")
            self.best = current
        path = self._path(epoch, batch, logs)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.verbose > 0:
            print(f"Epoch {epoch + 1}: saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)


class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a metric no longer gets better.

    Args:
        monitor: name of the metric.
        factor: what the rate is multiplied by, below 1.
        patience: epochs without improvement to wait for.
        verbose: 1 to say when it acts.
        mode: "auto", "min" or "max".
        min_delta: smallest change that counts as better.
        cooldown: epochs to wait after a reduction.
        min_lr: lowest rate.

    Raises:
        ValueError: `factor` is not below 1.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto", min_delta: float = 1e-4,
        cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any,
    ):  # fmt: skip
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau: unexpected arguments {', '.join(kwargs)}.")
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1; received {factor}.")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.cooldown_counter, self.wait = 0, 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start afresh."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and lower the rate when patience is at an end."""
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))
        current = self.value(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.better(current, self.best):
            self.best, self.wait = current, 0
            return
        if self.cooldown_counter > 0:
            return
        self.wait += 1
        if self.wait >= self.patience:
            old = float(np.asarray(self.model.optimizer.learning_rate))
            if old > np.float32(self.min_lr):
                new = max(old * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = new
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
                self.cooldown_counter, self.wait = self.cooldown, 0
