"""The results of every epoch."""

from typing import Any

from pronghorn.callbacks.callback import Callback


class History(Callback):
    """Keeps the results of every epoch; `fit` returns it.

    Attributes:
        history: lists of results by name.
        epoch: the epochs' numbers.
    """

    _progress = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Start over the epochs; results go on."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the results."""
        self.epoch.append(epoch)
        for k, v in (logs or {}).items():
            self.history.setdefault(k, []).append(v)
        self.model.history = self
