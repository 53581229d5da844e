"""The base class of initializers."""

import copy
from typing import Any

import numpy as np

from pronghorn.backend import dtypes


class Initializer:
    """A rule for start values: called with a shape and a dtype, it returns a host array.

    A subclass writes `__call__(shape, dtype=None)`, and `get_config` if it has arguments.

    Example:
        >>> class Twos(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 2.0, dtype)
        >>> Twos()((2,), "float32")
        array([2., 2.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, shape, dtype=None).")

    def draw(self, shape: tuple, dtype: Any = None, path: str = "") -> Any:
        """Return start values for the variable at `path`; random ones without a seed depend on the path and the process's seed alone."""
        return self(tuple(shape), dtype=dtypes.standardize(dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Initializer":
        """Make an initializer from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> "Initializer":
        """Return another initializer with the same configuration."""
        return type(self).from_config(copy.deepcopy(self.get_config()))


def host_dtype(dtype: Any) -> np.dtype:
    """Return the NumPy dtype for an argument `dtype`, floatx for None."""
    return dtypes.numpy_dtype(dtypes.standardize(dtype))
