"""Showing progress."""

import time
from typing import Any

from pronghorn.callbacks.callback import Callback
from pronghorn.utils.progbar import Progbar, resolve_verbose


class ProgbarLogger(Callback):
    """Shows a progress bar, or a line per epoch.

    Results are read from the device a few times per second, not at each step.
    """

    #: seconds between two looks at the results
    interval = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._fitting = False
        self._next = 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the run's parameters."""
        super().set_params(params)
        self.verbose = resolve_verbose(params.get("verbose", "auto"))
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def _start(self) -> None:
        self.target = self.params.get("steps")
        self.progbar = Progbar(self.target, verbose=self.verbose, unit_name="step", stateful_metrics=None)
        self.progbar.averaged = False
        self.seen, self._next = 0, 0.0

    def _batch(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.verbose != 1:
            return
        now = time.monotonic()
        if now >= self._next and self.progbar is not None:
            self.progbar.update(self.seen, list((logs or {}).items()), finalize=False)
            self._next = time.monotonic() + self.interval

    def _finish(self, logs: Any) -> None:
        if self.progbar is not None:
            self.progbar.target = self.progbar.target or self.seen
            self.progbar.update(self.progbar.target if self.seen == 0 else self.seen, list((logs or {}).items()), finalize=True)
        self.progbar = None

    def _release(self) -> None:
        if self.progbar is not None:
            self.progbar.abandon()
            self.progbar = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Note that validations belong to epochs."""
        self._fitting = True

    def on_train_end(self, logs: Any = None) -> None:
        """Note the end."""
        self._fitting = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Announce the epoch."""
        self._start()
        if self.verbose and self.epochs > 1:
            assert self.progbar is not None
            self.progbar.title(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show progress."""
        self._batch(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the results."""
        self._finish(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Start a bar, unless this is a validation."""
        if not self._fitting:
            self._start()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show progress."""
        if not self._fitting:
            self._batch(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Show the results."""
        if not self._fitting:
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Start a bar."""
        self._start()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show progress."""
        self._batch(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """End the bar."""
        self._finish(None)
