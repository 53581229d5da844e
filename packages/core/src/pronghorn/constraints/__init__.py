"""Projections of weights after each update."""

from typing import Any

from pronghorn.constraints.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from pronghorn.utils.identify import deserialize_object, interpret, serialize_object

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_KNOWN: dict[str, Any] = {
    "MaxNorm": MaxNorm, "MinMaxNorm": MinMaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm,
    "max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm,
}  # fmt: skip


def serialize(constraint: Any) -> Any:
    """Return the configuration of a constraint.

    Example:
        >>> serialize(UnitNorm())["config"]
        {'axis': 0}
    """
    return serialize_object(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the constraint that a configuration or a name describes.

    Example:
        >>> deserialize({"class_name": "UnitNorm", "config": {"axis": 1}}).axis
        1
    """
    found = deserialize_object(config, _KNOWN, custom_objects, "constraint")
    return found() if isinstance(found, type) else found


def get(identifier: Any) -> Any:
    """Return the constraint that is meant: by None, a name, a configuration, a class, or a function.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> type(get("non_neg")).__name__
        'NonNeg'
    """
    return interpret(identifier, _KNOWN, "constraint")


__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip
