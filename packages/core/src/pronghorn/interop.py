"""The engines' own objects for pronghorn's."""

from typing import Any


def native(layer: Any) -> Any:
    """Return the engine's own object for a layer or model, sharing its storage.

    Args:
        layer: built layer or model. Its variables' engine decides what comes back: an `nn.Module` with the same parameters, `(apply, params)`, a
            `tf.Module`, an `ov.CompiledModel`.

    Raises:
        ValueError: the layer is not built, so it has no variables yet.
        CapabilityError: the engine has no such object.

    Example:
        >>> import pronghorn as ph                       # doctest: +SKIP
        >>> module = ph.native(model)                    # doctest: +SKIP
    """
    if not getattr(layer, "built", False):
        raise ValueError(f'native: layer "{getattr(layer, "name", layer)}" is not built. Call it on data, or build(input_shape), first.')
    return layer.backend.interop(layer)
