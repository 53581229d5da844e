"""Projections of weights, applied after each update."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import settings


class Constraint:
    """A projection: called with a tensor, it returns the one that takes its place.

    A subclass writes `__call__(w)`, and `get_config` if it has arguments.

    Example:
        >>> class Sum(Constraint):
        ...     def __call__(self, w):
        ...         return ops.divide(w, ops.sum(w))
        >>> Sum()([1.0, 3.0])
        array([0.25, 0.75], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, w).")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constraint":
        """Make a constraint from what `get_config` returned."""
        return cls(**config)


def _norms(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Shrink weight vectors to a norm of at most `max_value`.

    Args:
        max_value: largest norm.
        axis: axis or axes of a vector.

    Example:
        >>> MaxNorm(1.0)([3.0, 4.0]).round(4)
        array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        return ops.multiply(w, ops.divide(ops.clip(norms, 0, self.max_value), ops.add(norms, settings.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Set negative weights to zero.

    Example:
        >>> NonNeg()([-1.0, 2.0])
        array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """Scale weight vectors to norm one.

    Args:
        axis: axis or axes of a vector.

    Example:
        >>> UnitNorm()([3.0, 4.0]).round(4)
        array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return ops.divide(w, ops.add(_norms(w, self.axis), settings.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Move the norm of weight vectors towards an interval.

    Args:
        min_value, max_value: the interval.
        rate: part of the way that one step goes.
        axis: axis or axes of a vector.

    Example:
        >>> MinMaxNorm(1.0, 2.0, rate=0.5)([3.0, 4.0]).round(4)
        array([2.1, 2.8], dtype=float32)
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        wanted = ops.add(ops.multiply(ops.clip(norms, self.min_value, self.max_value), self.rate), ops.multiply(norms, 1.0 - self.rate))
        return ops.multiply(w, ops.divide(wanted, ops.add(norms, settings.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}
