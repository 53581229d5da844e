"""Losses: what training makes small."""

from collections.abc import Callable
from typing import Any

from pronghorn.losses import functions as _functions
from pronghorn.losses.functions import *  # noqa: F403
from pronghorn.losses.loss import Loss
from pronghorn.losses.losses import *  # noqa: F403
from pronghorn.losses.losses import CLASSES as _CLASSES
from pronghorn.losses.losses import LossFunctionWrapper
from pronghorn.utils.identify import deserialize_object, interpret, serialize_object

_ALIASES = {
    "mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error", "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy", "kld": "kl_divergence", "logcosh": "log_cosh",
}  # fmt: skip
_FUNCTIONS = {name: getattr(_functions, name) for name in _functions.__all__}
#: every name that `get` understands
NAMES: dict[str, Any] = {c.__name__: c for c in _CLASSES} | {"LossFunctionWrapper": LossFunctionWrapper} | _FUNCTIONS
for _short, _long in _ALIASES.items():
    NAMES[_short] = NAMES[_short.upper()] = _FUNCTIONS[_long]

__all__ = sorted({c.__name__ for c in _CLASSES} | set(_FUNCTIONS)) + ["deserialize", "get", "serialize"]


def serialize(loss: Any) -> Any:
    """Return the config of a loss (or the reference to a function) for a file."""
    return serialize_object(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Loss | Callable:
    """Return the loss for a name or a config that `serialize` made."""
    return deserialize_object(name, NAMES, custom_objects, "loss")


def get(identifier: Any) -> Loss | Callable | None:
    """Return a loss for a name, a config, or a loss itself.

    Raises:
        ValueError: an unknown name, with the closest known one.

    Example:
        >>> get("mse").__name__, type(get({"class_name": "Huber", "config": {}})).__name__
        ('mean_squared_error', 'Huber')
    """
    return interpret(identifier, NAMES, "loss")
