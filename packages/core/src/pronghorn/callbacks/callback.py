"""The base class of callbacks, and running several of them."""

from collections.abc import Iterable
from typing import Any

_EVENTS = (
    "on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_begin", "on_train_batch_end", "on_test_begin", "on_test_end",
    "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end", "on_predict_batch_begin", "on_predict_batch_end",
)  # fmt: skip


class Callback:
    """Base class: override the events you need.

    Attributes:
        params: dict with `verbose`, `epochs`, `steps`.
        model: the model in training.

    Example:
        >>> class Tell(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> Tell().on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    params: dict[str, Any]

    def __init__(self) -> None:
        self.params = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model in training."""
        return getattr(self, "_model", None)

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch of training."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch of training and its validation; `logs` has the metrics, validation's with `val_` in front."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a training step; reading a value of `logs` waits for the device."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After an evaluation step."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a prediction step."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a prediction step; `logs["outputs"]` holds the predictions."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Before training."""

    def on_train_end(self, logs: Any = None) -> None:
        """After training; `logs` is that of the last epoch."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Before evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After evaluation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After prediction."""


class CallbackList(Callback):
    """Several callbacks as one.

    Args:
        callbacks: callbacks, or a nest of lists of them.
        add_history: add a `History` unless there is one.
        add_progbar: add a `ProgbarLogger` unless there is one.
        model: given to all of them.
        **params: given to all of them as `params`.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None, **params: Any):
        super().__init__()
        from pronghorn.callbacks.history import History
        from pronghorn.callbacks.progbar import ProgbarLogger

        self.callbacks: list[Callback] = list(_flat(callbacks))
        for c in self.callbacks:
            if not isinstance(c, Callback):
                raise TypeError(f"callbacks must be instances of Callback; received {c!r}.{' Create it first.' if isinstance(c, type) else ''}")
        self._history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self.set_model(model)
        self.set_params(params)
        # events nobody listens to cost nothing
        self._listeners = {event: [getattr(c, event) for c in self.callbacks if self._listens(c, event)] for event in _EVENTS}
        for event in _EVENTS:
            if not self._listeners[event]:
                setattr(self, event, _nothing)

    @staticmethod
    def _listens(callback: Callback, event: str) -> bool:
        if isinstance(callback, CallbackList):
            return bool(callback._listeners[event])
        own = {getattr(type(callback), event, None), *([vars(callback).get(event)] if event in vars(callback) else [])}
        if own - {getattr(Callback, event), None}:
            return True
        older = event.replace("_train_batch_", "_batch_")
        return older != event and getattr(type(callback), older) is not getattr(Callback, older)

    def has(self, event: str) -> bool:
        """Tell whether any callback listens to an event, such as `"on_train_batch_end"`."""
        return bool(self._listeners[event])

    def set_model(self, model: Any) -> None:
        """Give the model to all."""
        super().set_model(model)
        for c in self.callbacks:
            c.set_model(model)
        if model is not None and self._history is not None:
            model.history = self._history

    def set_params(self, params: dict[str, Any]) -> None:
        """Give the parameters to all."""
        super().set_params(params)
        for c in self.callbacks:
            c.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add one more."""
        self.callbacks.append(callback)
        for event in _EVENTS:
            if self._listens(callback, event):
                self._listeners[event].append(getattr(callback, event))
                vars(self).pop(event, None)


def _nothing(*_: Any) -> None:
    """Called for events nobody listens to."""


def _flat(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for c in callbacks:
            yield from _flat(c)
    else:
        yield callbacks


def _event(name: str) -> Any:
    if "epoch" in name or "batch" in name:

        def call(self: CallbackList, index: int, logs: Any = None) -> None:
            for listener in self._listeners[name]:
                listener(index, logs)
    else:

        def call(self: CallbackList, logs: Any = None) -> None:  # type: ignore[misc]
            for listener in self._listeners[name]:
                listener(logs)

    call.__name__, call.__doc__ = name, getattr(Callback, name).__doc__
    return call


for _name in _EVENTS:
    setattr(CallbackList, _name, _event(_name))
