"""Penalties on the size or the shape of weights, added to the loss."""

import math
from typing import Any

from pronghorn import ops


class Regularizer:
    """A penalty: called with a tensor, it returns a scalar that is added to the loss.

    A subclass writes `__call__(x)`, and `get_config` if it has arguments.

    Example:
        >>> class Size(Regularizer):
        ...     def __call__(self, x):
        ...         return ops.max(ops.abs(x))
        >>> float(Size()([1.0, -3.0]))
        3.0
    """

    def __call__(self, x: Any) -> Any:
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Regularizer":
        """Make a regularizer from what `get_config` returned."""
        return cls(**config)


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Regularizer: {name} must be a number that is not negative; received {value!r}.")
    return value


class L1L2(Regularizer):
    """The sum of absolute values times `l1` plus the sum of squares times `l2`.

    Args:
        l1, l2: factors.

    Raises:
        ValueError: a negative factor.

    Example:
        >>> round(float(L1L2(l1=1.0, l2=0.5)([1.0, -2.0])), 4)
        5.5
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1, self.l2 = _factor("l1", 0.0 if l1 is None else l1), _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        if not self.l1:
            return ops.multiply(ops.sum(ops.square(x)), self.l2)
        total = ops.multiply(ops.sum(ops.abs(x)), self.l1)
        return ops.add(total, ops.multiply(ops.sum(ops.square(x)), self.l2)) if self.l2 else total

    def get_config(self) -> dict[str, Any]:
        return {"l1": float(self.l1), "l2": float(self.l2)}


class L1(Regularizer):
    """The sum of absolute values times `l1`.

    Args:
        l1: factor.

    Example:
        >>> round(float(L1(0.5)([1.0, -2.0])), 4)
        1.5
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return ops.multiply(ops.sum(ops.abs(x)), self.l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": float(self.l1)}


class L2(Regularizer):
    """The sum of squares times `l2`.

    Args:
        l2: factor.

    Example:
        >>> round(float(L2(0.5)([1.0, -2.0])), 4)
        2.5
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        return ops.multiply(ops.sum(ops.square(x)), self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": float(self.l2)}


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between rows (or columns) of a matrix, times a factor.

    Args:
        factor: factor.
        mode: "rows" or "columns".

    Raises:
        ValueError: an unknown mode, or when called with a tensor that is no matrix.

    Example:
        >>> float(OrthogonalRegularizer(1.0)([[1.0, 0.0], [0.0, 2.0]]))
        0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f'OrthogonalRegularizer: mode must be "rows" or "columns"; received {mode!r}.')
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        dims = ops.shape(x)
        if len(dims) != 2:
            raise ValueError(f"OrthogonalRegularizer: expected a matrix; received rank {len(dims)}.")
        rows = x if self.mode == "rows" else ops.transpose(x)
        rows = ops.normalize(rows, axis=1)
        n = ops.shape(rows)[0]
        cosines = ops.abs(ops.matmul(rows, ops.transpose(rows)))
        off = ops.subtract(ops.sum(cosines), ops.trace(cosines))
        return ops.multiply(off, 0.5 * self.factor / max(n * (n - 1) / 2.0, 1.0))

    def get_config(self) -> dict[str, Any]:
        return {"factor": float(self.factor), "mode": self.mode}
