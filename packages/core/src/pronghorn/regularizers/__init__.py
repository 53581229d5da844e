"""Penalties on weights and activations."""

from typing import Any

from pronghorn.regularizers.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from pronghorn.utils.identify import deserialize_object, interpret, serialize_object

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_KNOWN: dict[str, Any] = {
    "L1": L1, "L2": L2, "L1L2": L1L2, "OrthogonalRegularizer": OrthogonalRegularizer,
    "l1": L1, "l2": L2, "l1l2": L1L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer,
}  # fmt: skip


def serialize(regularizer: Any) -> Any:
    """Return the configuration of a regularizer.

    Example:
        >>> serialize(L2(0.5))["config"]
        {'l2': 0.5}
    """
    return serialize_object(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the regularizer that a configuration or a name describes.

    Example:
        >>> deserialize({"class_name": "L2", "config": {"l2": 0.5}}).l2
        0.5
    """
    found = deserialize_object(config, _KNOWN, custom_objects, "regularizer")
    return found() if isinstance(found, type) else found


def get(identifier: Any) -> Any:
    """Return the regularizer that is meant: by None, a name, a configuration, a class, or a function.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> get("l2").l2
        0.01
    """
    return interpret(identifier, _KNOWN, "regularizer")


__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2", "orthogonal_regularizer", "serialize",
]  # fmt: skip
