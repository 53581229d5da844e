"""Bringing inputs to another range."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.layer import Layer


class Rescaling(Layer):
    """Computes `inputs * scale + offset`, in the layer's compute dtype.

    Args:
        scale: factor, or one per feature.
        offset: what is added, or one number per feature.

    Example:
        >>> Rescaling(1 / 255.0)([[0.0, 255.0]]).tolist()
        [[0.0, 1.0]]
    """

    supports_masking = True
    _keys = "scale offset"

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Scale and shift."""
        factor, shift = self.convert_weight(self.scale), self.convert_weight(self.offset)
        return ops.add(ops.multiply(ops.cast(inputs, self.compute_dtype), factor), shift)

    def convert_weight(self, weight: Any) -> Any:
        """Return a factor or offset as it takes part in the computation: a number, or a tensor of the compute dtype."""
        return weight if isinstance(weight, (int, float)) else ops.convert_to_tensor(weight, self.compute_dtype)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the layer that `get_config` described."""
        return super().from_config(config)
