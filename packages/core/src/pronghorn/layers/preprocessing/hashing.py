"""Strings and integers to bins, by a hash."""

from typing import Any

import numpy as np

from pronghorn.layers.preprocessing.encoding import check_dense, check_mode
from pronghorn.layers.preprocessing.fingerprint import combine, fingerprint64, siphash
from pronghorn.layers.preprocessing.host import HostLayer, encode_host

_CROSS_SEED = 0xDECAFCAFFE


def text(value: Any) -> bytes:
    """Return what a value is hashed as."""
    return value.encode() if isinstance(value, str) else str(value).encode()


class Hashing(HostLayer):
    """Puts strings or integers into bins by a hash, the same one as TensorFlow's.

    Args:
        num_bins: number of bins, the one for `mask_value` included.
        mask_value: value that goes to bin 0, which no other value gets.
        salt: an int or a pair of ints, for another hash.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: not supported yet.

    Example:
        >>> Hashing(3)([["A"], ["B"], ["C"]]).tolist()
        [[1], [0], [1]]
    """

    _keys = "num_bins salt mask_value output_mode sparse"

    def __init__(self, num_bins: int, mask_value: Any = None, salt: Any = None, output_mode: str = "int", sparse: bool = False, **kwargs: Any):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else None
        super().__init__(**kwargs)
        check_mode("Hashing", output_mode)
        check_dense("Hashing", sparse)
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"Hashing: num_bins must be positive; received {num_bins!r}.")
        if (
            salt is not None
            and not isinstance(salt, int)
            and not (isinstance(salt, (list, tuple)) and len(salt) == 2 and all(isinstance(s, int) for s in salt))
        ):
            raise ValueError(f"Hashing: salt must be an int or a pair of ints; received {salt!r}.")
        self.num_bins, self.mask_value, self.output_mode, self.sparse = num_bins, mask_value, output_mode, sparse
        self.salt = [salt, salt] if isinstance(salt, int) else list(salt) if salt is not None else None
        self.built = True

    def _depth(self) -> int:
        return self.num_bins

    def _bin(self, value: Any) -> int:
        masks = self.mask_value is not None
        if masks and value == self.mask_value:
            return 0
        bins = self.num_bins - 1 if masks and self.num_bins > 1 else self.num_bins
        data = text(value)
        hashed = fingerprint64(data) if self.salt is None else siphash(data, (self.salt[0], self.salt[1]))
        return hashed % bins + (1 if masks and self.num_bins > 1 else 0)

    def call(self, inputs: np.ndarray) -> np.ndarray:
        """Return the bins, or their encoding."""
        unique, places = np.unique(inputs, return_inverse=True)
        bins = np.array([self._bin(v) for v in unique.tolist()], "int32")
        found = bins[places].reshape(inputs.shape) if unique.size else np.zeros(inputs.shape, "int32")
        return encode_host(found, self.output_mode, self.num_bins, self.compute_dtype if self.output_mode != "int" else "int32")


class HashedCrossing(HostLayer):
    """Puts combinations of features into bins by a hash, the same one as TensorFlow's.

    Args:
        num_bins: number of bins.
        output_mode: "int" or "one_hot".
        sparse: not supported yet.
        name, dtype: as in `Layer`.

    Example:
        >>> import numpy as np
        >>> HashedCrossing(5)((np.array(["A", "B", "A"]), np.array([101, 101, 102]))).tolist()
        [1, 4, 3]
    """

    def __init__(self, num_bins: int, output_mode: str = "int", sparse: bool = False, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype="int64" if dtype is None and output_mode == "int" else dtype, **kwargs)
        check_mode("HashedCrossing", output_mode, ("int", "one_hot"))
        check_dense("HashedCrossing", sparse)
        if num_bins is None or num_bins <= 0:
            raise ValueError(f"HashedCrossing: num_bins must be positive; received {num_bins!r}.")
        self.num_bins, self.output_mode, self.sparse = num_bins, output_mode, sparse
        self.built = True

    def call(self, inputs: Any) -> np.ndarray:
        """Return the bins of the combinations of the features `inputs`, a list of arrays of one shape."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f'Layer "{self.name}" (HashedCrossing) expects at least two features in a list; received {type(inputs).__name__}.')
        arrays = [np.asarray(x) for x in inputs]
        shapes = {a.shape for a in arrays}
        if len(shapes) > 1:
            raise ValueError(f'Layer "{self.name}" (HashedCrossing): the features must have one shape; received {[a.shape for a in arrays]}.')
        if any(a.dtype.kind not in "iuUb" for a in arrays):
            raise ValueError(f'Layer "{self.name}" (HashedCrossing): features must be strings or integers; received {[a.dtype.name for a in arrays]}.')
        out = np.zeros(arrays[0].size, "int64")
        for i, values in enumerate(zip(*(a.reshape(-1).tolist() for a in arrays), strict=True)):
            hashed = _CROSS_SEED
            for v in values:
                hashed = combine(hashed, fingerprint64(v.encode()) if isinstance(v, str) else int(v) & (1 << 64) - 1)
            out[i] = hashed % self.num_bins
        found = out.reshape(arrays[0].shape)
        return encode_host(found, self.output_mode, self.num_bins, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for the features' shapes."""
        shape = tuple(input_shape[0]) if isinstance(input_shape[0], (list, tuple)) else tuple(input_shape)
        if self.output_mode == "int":
            return shape
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), self.num_bins)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {"num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": self.sparse, "name": self.name, "dtype": self.dtype}
