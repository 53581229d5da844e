"""Small callbacks: functions, schedules, and stopping on nan."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import _EVENTS, Callback


class LambdaCallback(Callback):
    """A callback made of functions, one per event.

    Example:
        >>> seen = []
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)).on_epoch_end(3, {})
        >>> seen
        [3]
    """

    def __init__(
        self, on_epoch_begin: Callable | None = None, on_epoch_end: Callable | None = None, on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None, on_train_batch_begin: Callable | None = None, on_train_batch_end: Callable | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
        }  # fmt: skip
        self.__dict__.update({k: v for k, v in {**given, **kwargs}.items() if v is not None or k not in _EVENTS})


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Args:
        schedule: function of the epoch and the present rate that returns the new rate.
        verbose: 1 to say what it sets.
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the rate."""
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, float(np.asarray(optimizer.learning_rate)))
        except TypeError:  # a schedule of the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(f"LearningRateScheduler: the schedule should return a float; it returned {rate!r}.")
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the rate."""
        if logs is not None:
            logs["learning_rate"] = float(np.asarray(self.model.optimizer.learning_rate))


class TerminateOnNaN(Callback):
    """Stops training when the loss is nan or infinite.

    Reading the loss waits for the device after every step.

    Args:
        raise_error: raise instead of stopping.

    Raises:
        RuntimeError: with `raise_error`, when the loss is not finite.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(np.asarray(loss)).all():
            return
        text = f"Batch {batch}: the loss is {float(np.asarray(loss))}; training stops. Check the targets and inputs for nan, or lower the learning rate."
        if self.raise_error:
            raise RuntimeError(text)
        print(text)
        self.model.stop_training = True
