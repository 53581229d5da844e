"""The engine: a tensor class of its own, so that it cannot be mistaken for NumPy's arrays."""

import numpy as np


class TinyTensor:
    """An immutable array."""

    __slots__ = ("array", "dtype", "shape")

    def __init__(self, array):
        self.array = np.asarray(array)
        self.dtype = self.array.dtype.name
        self.shape = self.array.shape

    def __repr__(self):
        return f"TinyTensor({self.array!r})"
