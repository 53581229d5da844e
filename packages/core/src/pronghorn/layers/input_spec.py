"""What a layer demands of its inputs."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend import dtypes


class InputSpec:
    """Rank, sizes and dtype that an input must have; None accepts anything.

    Args:
        dtype: expected dtype name.
        shape: expected sizes, None for any; fixes the rank.
        ndim, max_ndim, min_ndim: expected rank, or its bounds.
        axes: size by axis.
        allow_last_axis_squeeze: accept an input that lacks, or has in excess, a last axis of size 1.
        name: expected name of a symbolic input.
        optional: whether None is accepted.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 3}).problem((8, 4), "float32")
        'axis -1 of size 3'
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, Any] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else dtypes.standardize(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        bound = self.ndim if self.ndim is not None else max_ndim
        if bound is not None and any(a >= bound for a in self.axes):
            raise ValueError(f"InputSpec: axis {max(self.axes)} is out of range for a rank of {bound}.")
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.get_config().items() if v is not None and v != {}}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in shown.items())})"

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal spec."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {n: getattr(self, n) for n in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputSpec":
        """Return the spec that `get_config` described."""
        return cls(**config)

    def problem(self, shape: tuple, dtype: str | None) -> str | None:
        """Return what was expected where an input does not fit, or None. Sizes that are not known yet fit."""
        n = len(shape)
        if self.allow_last_axis_squeeze and self.shape is not None:
            if n == len(self.shape) + 1 and shape[-1] == 1:
                shape, n = shape[:-1], n - 1
            elif n == len(self.shape) - 1 and self.shape[-1] == 1:
                shape, n = (*shape, 1), n + 1
        if self.ndim is not None and n != self.ndim:
            return f"ndim={self.ndim}"
        if self.max_ndim is not None and n > self.max_ndim:
            return f"max_ndim={self.max_ndim}"
        if self.min_ndim is not None and n < self.min_ndim:
            return f"min_ndim={self.min_ndim}"
        if self.dtype is not None and dtype is not None and dtype != self.dtype:
            return f"dtype {self.dtype}"
        for axis, size in self.axes.items():
            if size is not None and isinstance(shape[axis], int) and shape[axis] != size:
                return f"axis {axis} of size {size}"
        if self.shape is not None:
            for size, got in zip(self.shape, shape, strict=True):
                if size is not None and isinstance(got, int) and got != size:
                    return f"shape {self.shape}"
        return None

    def quick(self) -> Callable[[Any], bool] | None:
        """Return a fast test of a shape, or None where nothing is to be tested; what it rejects, `problem` looks at again."""
        if self.shape is not None or self.dtype is not None or self.max_ndim is not None:
            return lambda shape: self.problem(tuple(shape), self.dtype) is None
        low, exact, axes = self.min_ndim or 0, self.ndim, [(a, s) for a, s in self.axes.items() if s is not None]
        if len(axes) == 1:
            axis, size = axes[0]
            if exact is None:
                return lambda shape: len(shape) >= low and shape[axis] == size
            return lambda shape: len(shape) == exact and shape[axis] == size
        if not axes and not low and exact is None:
            return None
        return lambda shape: (len(shape) == exact if exact is not None else len(shape) >= low) and all(shape[a] == s for a, s in axes)
