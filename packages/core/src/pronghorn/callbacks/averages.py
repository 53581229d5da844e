"""Judging a model by the moving averages of its weights."""

from typing import Any

from pronghorn import ops
from pronghorn.callbacks.callback import Callback
from pronghorn.optimizers.loss_scale import LossScaleOptimizer


class SwapEMAWeights(Callback):
    """Puts the moving averages that the optimizer keeps in place of the weights during evaluation and prediction.

    Args:
        swap_on_epoch: whether the averages are in place from the end of each epoch to the beginning of the next as well, so that callbacks that come
            after this one, such as `ModelCheckpoint`, see them.

    Raises:
        ValueError: when it runs, if the optimizer keeps no averages (`use_ema=True`).

    Example:
        >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
        True
    """

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _optimizer(self) -> Any:
        optimizer = self.model.optimizer
        if isinstance(optimizer, LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer
        if optimizer is None or not optimizer.use_ema:
            raise ValueError("SwapEMAWeights: the optimizer keeps no moving averages. Make it with use_ema=True.")
        return optimizer

    def _swap(self, averages: bool) -> None:
        """Put the averages in place, or the weights back."""
        if self._swapped == averages:
            return
        optimizer = self._optimizer()
        pairs = [(v, optimizer._averages[i]) for v, i in optimizer._index.items()]
        values = [(ops.copy(v.value), ops.copy(average.value)) for v, average in pairs]  # engines may write storages in place
        for (v, average), (value, mean) in zip(pairs, values, strict=True):
            v.assign(mean)
            average.assign(value)
        self._swapped = averages

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put the weights back."""
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put the averages in place."""
        if self.swap_on_epoch:
            self._swap(True)

    def on_test_begin(self, logs: Any = None) -> None:
        """Put the averages in place."""
        self._swap(True)

    def on_test_end(self, logs: Any = None) -> None:
        """Put the weights back."""
        self._swap(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Put the averages in place."""
        self._swap(True)

    def on_predict_end(self, logs: Any = None) -> None:
        """Put the weights back."""
        self._swap(False)

    def _release(self) -> None:
        """Put the weights back however the run ended; `fit` itself puts the averages in place at its end."""
        if self._swapped:
            self._swap(False)
