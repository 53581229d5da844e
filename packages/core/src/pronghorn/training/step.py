"""The steps of training, evaluation and prediction, written once for every engine."""

import inspect
import warnings
from typing import Any

from pronghorn.layers.context import get_mask, set_mask
from pronghorn.state.grad import value_and_grad
from pronghorn.state.tree import flatten, map_structure
from pronghorn.training.compile_loss import batch_size_of
from pronghorn.utils.data import unpack_x_y_sample_weight

_ACCEPTS: dict[tuple[Any, str], bool] = {}


def accepts(fn: Any, name: str) -> bool:
    """Tell whether a function or method takes an argument of this name."""
    key = getattr(fn, "__func__", fn), name
    found = _ACCEPTS.get(key)
    if found is None:
        parameters = inspect.signature(fn).parameters
        found = _ACCEPTS[key] = name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return found


class Steps:
    """`train_step`, `test_step` and `predict_step`: override one to change what happens to a batch, on every engine."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Learn from one batch and return the metrics' results.

        An override gets one batch, computes gradients with `pronghorn.value_and_grad`, and lets `self.optimizer.apply` use them.

        Args:
            data: what `fit` was given, one batch of it: `(x, y, sample_weight)`.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        variables = self.trainable_variables  # type: ignore[attr-defined]

        def forward() -> tuple[Any, tuple]:
            y_pred = _call(self, x, True)
            masks = map_structure(get_mask, y_pred)
            loss = _loss(self, x, y, y_pred, sample_weight, True)
            return self.optimizer.scale_loss(loss), (loss, y_pred, masks)  # type: ignore[attr-defined]

        if variables:
            (_, (loss, y_pred, masks)), grads = value_and_grad(forward, variables)
            for p, m in zip(flatten(y_pred), flatten(masks), strict=True):
                if m is not None:
                    set_mask(p, m)
            self.optimizer.apply(grads, variables)  # type: ignore[attr-defined]
        else:
            warnings.warn("The model has no trainable variables, so nothing is learned.", stacklevel=2)
            _, (loss, y_pred, masks) = forward()
        self._track_loss(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)  # type: ignore[attr-defined]

    def test_step(self, data: Any) -> dict[str, Any]:
        """Judge one batch and return the metrics' results."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = _call(self, x, False)
        self._track_loss(_loss(self, x, y, y_pred, sample_weight, False), x)
        return self.compute_metrics(x, y, y_pred, sample_weight)  # type: ignore[attr-defined]

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for one batch."""
        return _call(self, unpack_x_y_sample_weight(data)[0], False)

    def _track_loss(self, loss: Any, x: Any) -> None:
        first = next((v for v in flatten(x) if v is not None), None)
        self._loss_tracker.update_state(loss, sample_weight=1.0 if first is None else batch_size_of(first))  # type: ignore[attr-defined]


def _call(model: Any, x: Any, training: bool) -> Any:
    return model(x, training=training) if accepts(model.call, "training") else model(x)


def _loss(model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
    options = {"training": training} if accepts(model.compute_loss, "training") else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)
