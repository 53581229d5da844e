"""Learning rates that change with the step."""

from typing import Any

from pronghorn.optimizers.schedules.schedule import CLASSES as _CLASSES
from pronghorn.optimizers.schedules.schedule import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from pronghorn.utils.identify import deserialize_object, serialize_object

NAMES: dict[str, Any] = {c.__name__: c for c in _CLASSES}
__all__ = [*NAMES, "deserialize", "serialize"]


def serialize(learning_rate_schedule: Any) -> Any:
    """Return the config of a schedule for a file."""
    return serialize_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the schedule that `serialize` described."""
    return deserialize_object(config, NAMES, custom_objects, "learning rate schedule")
