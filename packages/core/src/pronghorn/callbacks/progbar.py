"""The progress bar as a callback."""

from typing import Any

from pronghorn.callbacks.callback import Callback


class ProgbarLogger(Callback):
    """Prints progress and metrics; `verbose` 1 rewrites a line per step in a terminal, 2 prints a line per epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.target = 0, None
        self._bar: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Read `verbose`, `epochs` and `steps`."""
        self.params = params
        self.verbose = params.get("verbose", 1)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def _start(self) -> None:
        from pronghorn.utils.progbar import Progbar

        self.seen = 0
        self._bar = Progbar(target=self.target, verbose=self.verbose, unit_name="step")

    def _step(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.verbose == 1:
            self._bar.update(self.seen, logs, finalize=False)

    def _finish(self, logs: Any) -> None:
        if self._bar is None:
            return
        if self.target is None:
            self.target = self._bar.target = self.seen
        self._bar.update(self.target, list((logs or {}).items()), finalize=True)
        self._bar = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Head of an epoch."""
        self._start()
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One step more."""
        self._step(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Metrics of the epoch."""
        self._finish(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Start, unless this is validation inside an epoch."""
        if self._bar is None:
            self._start()
            self._testing = True

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """One step more of an evaluation."""
        if getattr(self, "_testing", False):
            self._step(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        """End of an evaluation."""
        if getattr(self, "_testing", False):
            self._testing = False
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Start."""
        self._start()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """One step more; predictions are not shown."""
        self._step(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        """End."""
        self._finish(None)
