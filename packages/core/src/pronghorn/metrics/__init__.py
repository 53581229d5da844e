"""Metrics: numbers that tell how good predictions are."""

from collections.abc import Callable
from typing import Any

from pronghorn.losses import functions as _functions
from pronghorn.metrics import accuracy as _accuracy
from pronghorn.metrics import confusion as _confusion
from pronghorn.metrics import iou as _iou
from pronghorn.metrics import scores as _scores
from pronghorn.metrics import values as _values
from pronghorn.metrics.accuracy import *  # noqa: F403
from pronghorn.metrics.auc import AUC
from pronghorn.metrics.confusion import *  # noqa: F403
from pronghorn.metrics.iou import *  # noqa: F403
from pronghorn.metrics.metric import Metric
from pronghorn.metrics.reduction import Mean, MeanMetricWrapper, Sum
from pronghorn.metrics.scores import *  # noqa: F403
from pronghorn.metrics.values import *  # noqa: F403
from pronghorn.state.naming import to_snake_case as _snake
from pronghorn.utils.identify import deserialize_object, interpret, serialize_object

_LOSSES = (
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "hinge",
    "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "poisson", "sparse_categorical_crossentropy", "squared_hinge",
)  # fmt: skip
_FUNCTIONS: dict[str, Any] = {name: getattr(_functions, name) for name in _LOSSES} | {f.__name__: f for f in (*_accuracy.FUNCTIONS, *_scores.FUNCTIONS)}
_CLASSES: list[Any] = [AUC, Metric, Mean, MeanMetricWrapper, Sum, *_accuracy.CLASSES, *_confusion.CLASSES, *_iou.CLASSES, *_scores.CLASSES,
                       *_values.CLASSES]  # fmt: skip
globals().update(_FUNCTIONS)

#: every name that `get` understands
NAMES: dict[str, Any] = {}
for _c in _CLASSES:
    NAMES[_c.__name__] = NAMES[_snake(_c.__name__)] = _c
for _short, _long in (
    ("mse", "MeanSquaredError"), ("mae", "MeanAbsoluteError"), ("mape", "MeanAbsolutePercentageError"), ("msle", "MeanSquaredLogarithmicError"),
    ("bce", "BinaryCrossentropy"),
):  # fmt: skip
    NAMES[_short] = NAMES[_short.upper()] = NAMES[_long]

__all__ = sorted({c.__name__ for c in _CLASSES} | set(_FUNCTIONS)) + ["deserialize", "get", "serialize"]


def serialize(metric: Any) -> Any:
    """Return the config of a metric for a file."""
    return serialize_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Metric | Callable:
    """Return the metric for a name or a config that `serialize` made."""
    return deserialize_object(config, NAMES | _FUNCTIONS, custom_objects, "metric")


def get(identifier: Any) -> Metric | Callable | None:
    """Return a metric for a name, a config, or a metric itself.

    Raises:
        ValueError: an unknown name, with the closest known one.

    Example:
        >>> get("mae").name
        'mean_absolute_error'
    """
    return interpret(identifier, NAMES, "metric")
