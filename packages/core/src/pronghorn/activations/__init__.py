"""Activation functions by name."""

from collections.abc import Callable
from typing import Any

from pronghorn.activations.functions import (
    FUNCTIONS,
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from pronghorn.utils.identify import deserialize_object, serialize_object

_KNOWN: dict[str, Any] = {**{f.__name__: f for f in FUNCTIONS}, "swish": silu, "hard_swish": hard_silu}
_NAMES = {f: f.__name__ for f in FUNCTIONS}


def serialize(activation: Any) -> Any:
    """Return the name of a built-in function, the configuration of anything else.

    Raises:
        ValueError: a lambda, which no file can hold.

    Example:
        >>> serialize(relu)
        'relu'
    """
    if isinstance(activation, Callable) and activation in _NAMES:  # type: ignore[arg-type]
        return _NAMES[activation]
    return serialize_object(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the function that a name or a configuration describes.

    Example:
        >>> deserialize("relu") is relu
        True
    """
    return deserialize_object(config, _KNOWN, custom_objects, "activation function")


def get(identifier: Any) -> Any:
    """Return the function that is meant: by None (which is `linear`), a name, a configuration, or a callable.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    if identifier is None:
        return linear
    found = deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    if isinstance(found, type):
        return found()
    if callable(found):
        return found
    raise ValueError(f"Cannot interpret {identifier!r} as an activation function: expected a name, a configuration or a callable.")


__all__ = [
    "celu", "deserialize", "elu", "exponential", "gelu", "get", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "serialize", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip
