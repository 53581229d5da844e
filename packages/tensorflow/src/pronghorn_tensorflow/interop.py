"""A layer as a `tf.Module` that shares its variables."""

from typing import Any

import tensorflow as tf


class LayerModule(tf.Module):
    """TensorFlow's view of a layer: its own `tf.Variable`s, for `GradientTape`, `tf.train.Checkpoint` and `tf.saved_model.save`.

    Args:
        layer: a built layer whose variables live on this engine.
    """

    def __init__(self, layer: Any):
        super().__init__()
        self._layer = layer
        self._state = tuple(layer.variables)
        self.storage = [v.storage for v in self._state]

    @property
    def variables(self) -> tuple[tf.Variable, ...]:
        """Every `tf.Variable` of the layer, in the layer's order."""
        return tuple(self.storage)

    @property
    def trainable_variables(self) -> tuple[tf.Variable, ...]:
        """Those that the layer trains now; follows `layer.trainable`."""
        chosen = {id(v) for v in self._layer.trainable_variables}
        return tuple(s for v, s in zip(self._state, self.storage, strict=True) if id(v) in chosen)

    @property
    def non_trainable_variables(self) -> tuple[tf.Variable, ...]:
        """The others, such as moving averages."""
        trained = {id(s) for s in self.trainable_variables}
        return tuple(s for s in self.storage if id(s) not in trained)

    def __call__(self, *args: Any, training: bool = False, **kwargs: Any) -> Any:
        """Call the layer on tensors."""
        return self._layer(*args, training=training, **kwargs)


def interop(layer: Any) -> LayerModule:
    """Return the `tf.Module` for `layer`."""
    return LayerModule(layer)
