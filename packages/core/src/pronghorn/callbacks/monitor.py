"""Callbacks that watch one result."""

import warnings
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback
from pronghorn.callbacks.simple import learning_rate_of

#: words in the names of results that no metric of the model has, of which more is better
_LARGER = frozenset({"acc", "accuracy", "auc", "precision", "recall", "f1", "iou", "r2"})


class MonitorCallback(Callback):
    """Base of callbacks that compare one result with the best so far.

    Args:
        monitor: name of the result, such as "val_loss".
        mode: "min", "max", or "auto" to judge by the name and the metric.
        initial_value_threshold: what the first value must beat.
        min_delta: least change that counts.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", initial_value_threshold: float | None = None, min_delta: float = 0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f'{type(self).__name__}: mode must be "auto", "min" or "max"; received {mode!r}. Using "auto".', stacklevel=3)
            mode = "auto"
        self.monitor, self.mode = monitor, mode
        self.best: Any = initial_value_threshold
        self.min_delta = abs(min_delta)
        self.monitor_op: Any = None

    def _set_monitor_op(self) -> None:
        if self.mode != "auto":
            self.monitor_op = np.less if self.mode == "min" else np.greater
            return
        name = self.monitor.removeprefix("val_")
        direction = self._direction_of(name)
        if direction is None and any(w in name.split("_") for w in _LARGER):
            direction = "up"
        if direction is None:
            raise ValueError(f'{type(self).__name__}: whether "{self.monitor}" should be large or small is not known. Pass mode="max" or mode="min".')
        self.monitor_op = np.greater if direction == "up" else np.less

    def _direction_of(self, name: str) -> str | None:
        """Return "up" or "down" for what is better, as the metric of that name says, or one with the name of an output before it."""
        if name == "loss" or name.endswith("_loss"):
            return "down"
        metrics = [m for metric in getattr(self.model, "metrics", ()) for m in (metric, *getattr(metric, "metrics", ()))]
        for found in ([m for m in metrics if m.name == name], [m for m in metrics if name.endswith(f"_{m.name}")]):
            for m in found:
                if m._direction is not None:
                    return m._direction
        return None

    def _is_improvement(self, value: Any, best: Any) -> bool:
        if best is None:
            return True
        if self.monitor_op is np.less:
            return bool(value < best - self.min_delta)
        return bool(value > best + self.min_delta)

    def get_monitor_value(self, logs: Any) -> Any:
        """Return the watched result; None, with a warning, where it is missing."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f'{type(self).__name__}: there is no result "{self.monitor}". Available: {", ".join(logs) or "none"}.'
                + (" Give fit() validation_data for results that begin with val_." if self.monitor.startswith("val_") else ""),
                stacklevel=3,
            )
        return value


class EarlyStopping(MonitorCallback):
    """Stops training when a result no longer improves.

    Args:
        monitor: name of the result.
        min_delta: least change that counts as an improvement.
        patience: epochs without improvement before training stops.
        verbose: 1 to tell.
        mode: "min", "max" or "auto".
        baseline: what the result must beat at first.
        restore_best_weights: whether the weights of the best epoch are put back.
        start_from_epoch: epochs to wait before watching.

    Example:
        >>> EarlyStopping(monitor="loss", patience=3).patience
        3
    """

    _progress = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Start over."""
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and stop if there was no improvement for long enough."""
        if self.monitor_op is None:
            self._set_monitor_op()
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Put the best weights back."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: stopped early")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Weights of the best epoch, {self.best_epoch + 1}, are restored")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a result no longer improves.

    Args:
        monitor: name of the result.
        factor: what the learning rate is multiplied by, below 1.
        patience: epochs without improvement before that.
        verbose: 1 to tell.
        mode: "min", "max" or "auto".
        min_delta: least change that counts as an improvement.
        cooldown: epochs to wait after a change.
        min_lr: the lowest learning rate.
    """

    _progress = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 0.0001,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1; received {factor}.")
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau() got unexpected arguments: {', '.join(kwargs)}.")
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait, self.cooldown_counter = 0, 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start over."""
        self.wait, self.cooldown_counter, self.best = 0, 0, None

    def in_cooldown(self) -> bool:
        """Tell whether it waits after a change."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and lower the learning rate if there was no improvement for long enough."""
        if self.monitor_op is None:
            self._set_monitor_op()
        rate = learning_rate_of(self.model.optimizer)
        if isinstance(logs, dict):
            logs["learning_rate"] = rate
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                new = max(rate * self.factor, self.min_lr)
                self.model.optimizer.learning_rate = new
                if self.verbose:
                    print(f"Epoch {epoch + 1}: learning rate lowered to {new:.4g}")
                self.cooldown_counter, self.wait = self.cooldown, 0
