"""Optimizers: how gradients change variables."""

from typing import Any

from pronghorn.optimizers import schedules
from pronghorn.optimizers.adafactor import Adafactor
from pronghorn.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from pronghorn.optimizers.adaptive import Adadelta, Adagrad, Ftrl
from pronghorn.optimizers.loss_scale import LossScaleOptimizer
from pronghorn.optimizers.multi import MultiOptimizer, OptimizerMap
from pronghorn.optimizers.muon import Muon
from pronghorn.optimizers.optimizer import Optimizer
from pronghorn.optimizers.schedule_free import ScheduleFreeAdamW
from pronghorn.optimizers.sgd import SGD, Lion, RMSprop
from pronghorn.utils.identify import deserialize_object, serialize_object

_CLASSES = (
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl, Lamb, Lion, LossScaleOptimizer, MultiOptimizer, Muon, Nadam, Optimizer, RMSprop, SGD,
    ScheduleFreeAdamW,
)  # fmt: skip
#: every name that `get` understands, in lower case and as written
NAMES: dict[str, Any] = {c.__name__: c for c in _CLASSES} | {c.__name__.lower(): c for c in _CLASSES}
__all__ = [*(c.__name__ for c in _CLASSES), "OptimizerMap", "deserialize", "get", "schedules", "serialize"]


def serialize(optimizer: Any) -> Any:
    """Return the config of an optimizer for a file."""
    return serialize_object(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """Return the optimizer that `serialize` described."""
    if isinstance(config, dict) and str(config.get("class_name", "")).lower() in NAMES:
        config = config | {"class_name": NAMES[config["class_name"].lower()].__name__}
    return deserialize_object(config, NAMES, custom_objects, "optimizer")


def get(identifier: Any) -> Optimizer | None:
    """Return an optimizer for a name, a config, or an optimizer itself.

    Raises:
        ValueError: an unknown name, with the closest known one.

    Example:
        >>> get("adam").name.startswith("adam")
        True
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        name = identifier if identifier in NAMES else identifier.lower()
        identifier = deserialize_object(name, NAMES, None, "optimizer")
    elif isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    raise ValueError(f"Cannot interpret {identifier!r} as an optimizer: expected a name, a config, or an Optimizer.")
