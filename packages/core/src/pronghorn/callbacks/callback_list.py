"""Calling all callbacks, and only those that listen."""

from collections.abc import Callable
from typing import Any

from pronghorn.callbacks.backup import BackupAndRestore
from pronghorn.callbacks.callback import Callback
from pronghorn.callbacks.history import History
from pronghorn.callbacks.progbar_logger import ProgbarLogger


class CallbackList:
    """A list of callbacks called as one.

    Args:
        callbacks: a callback or a list of them.
        add_history: whether a `History` is added if there is none.
        add_progbar: whether a `ProgbarLogger` is added if there is none.
        model: the model that is trained.
        **params: parameters of the run, handed to every callback.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None, **params: Any):
        if callbacks is None:
            found: list[Any] = []
        elif isinstance(callbacks, (list, tuple)):
            found = _flat(callbacks)
        else:
            found = [callbacks]
        for c in found:
            if not isinstance(c, Callback):
                raise TypeError(f"callbacks must be Callback objects; received {c!r}.")
        self.history = next((c for c in found if isinstance(c, History)), None)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in found):
            found.append(ProgbarLogger())
        if add_history and self.history is None:
            self.history = History()
            found.append(self.history)
        late = [c for c in found if isinstance(c, BackupAndRestore)]  # they store what the others have done
        self.callbacks = [c for c in found if c not in late] + late
        for c in late:
            c.others = self.callbacks[: -len(late)]
        self.params = params
        self.set_params(params)
        self.set_model(model)

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand parameters to every callback."""
        self.params = params
        for c in self.callbacks:
            c.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to every callback."""
        self.model = model
        if model is not None:
            for c in self.callbacks:
                c.set_model(model)

    def batch_hooks(self, kind: str) -> tuple[Callable | None, Callable | None]:
        """Return what to call before and after each batch of "train", "test" or "predict"; None where nobody listens."""
        return self._listening(f"on_{kind}_batch_begin", kind), self._listening(f"on_{kind}_batch_end", kind)

    def _listening(self, name: str, kind: str) -> Callable | None:
        short = name.replace("_train", "")
        hooks = [
            getattr(c, name)
            for c in self.callbacks
            if getattr(type(c), name) is not getattr(Callback, name)
            or name in vars(c)
            or kind == "train"
            and (getattr(type(c), short) is not getattr(Callback, short) or short in vars(c))
        ]
        if not hooks:
            return None
        if len(hooks) == 1:
            return hooks[0]

        def call(batch: int, logs: Any = None) -> None:
            for hook in hooks:
                hook(batch, logs)

        return call

    def position(self) -> tuple[int, int] | None:
        """Return the epoch and step at which an interrupted run goes on, None where there is none."""
        return next((c.position for c in self.callbacks if isinstance(c, BackupAndRestore) and c.position is not None), None)

    def close(self) -> None:
        """Let callbacks give back what they hold (the terminal, a file) however the run ended."""
        for c in self.callbacks:
            release = getattr(c, "_release", None)
            if release is not None:
                release()

    def _all(self, name: str, *args: Any) -> None:
        *where, logs = args
        if logs is None:
            logs = {}
        for c in self.callbacks:
            getattr(c, name)(*where, logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training batch."""
        self._all("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training batch."""
        self._all("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training batch."""
        self._all("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training batch."""
        self._all("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of evaluation."""
        self._all("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of evaluation."""
        self._all("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of prediction."""
        self._all("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of prediction."""
        self._all("on_predict_batch_end", batch, logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch."""
        self._all("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch."""
        self._all("on_epoch_end", epoch, logs)

    def on_train_begin(self, logs: Any = None) -> None:
        """Before training."""
        self._all("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        """After training."""
        self._all("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Before evaluation."""
        self._all("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        """After evaluation."""
        self._all("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before prediction."""
        self._all("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """After prediction."""
        self._all("on_predict_end", logs)


def _flat(callbacks: Any) -> list[Any]:
    found: list[Any] = []
    for c in callbacks:
        found += _flat(c) if isinstance(c, (list, tuple)) else [c]
    return found
