"""Numbers to the numbers of their ranges."""

from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.layers.layer import Layer
from pronghorn.layers.preprocessing.adapting import batches
from pronghorn.layers.preprocessing.encoding import check_dense, check_mode, encode

_MOST = 1 << 17  # values kept while adapting; beyond, they are thinned out to half as many quantiles


class Discretization(Layer):
    """Returns for each number in which range it lies.

    Args:
        bin_boundaries: the boundaries, ascending; a number at a boundary belongs to the upper range.
        num_bins: number of ranges, whose boundaries `adapt` chooses so that each gets as many values.
        epsilon: accepted; the quantiles are exact up to a hundred thousand values.
        output_mode: "int", or "one_hot", "multi_hot", "count" for indicators and counts.
        sparse: not supported yet.
        dtype, name: as in `Layer`.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0])([[-1.0, 0.0, 5.0]]).tolist()
        [[0, 1, 2]]
    """

    _values: np.ndarray
    _weights: np.ndarray

    def __init__(
        self, bin_boundaries: Any = None, num_bins: int | None = None, epsilon: float = 0.01, output_mode: str = "int", sparse: bool = False,
        dtype: Any = None, name: str | None = None,
    ):  # fmt: skip
        super().__init__(name=name, dtype="float32" if dtype is None and output_mode == "int" else dtype)
        check_mode("Discretization", output_mode)
        check_dense("Discretization", sparse)
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"Discretization: num_bins must not be negative; received {num_bins}.")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(f"Discretization: pass either num_bins or bin_boundaries; received {num_bins} and {bin_boundaries}.")
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        self.num_bins, self.epsilon, self.output_mode, self.sparse = num_bins, epsilon, output_mode, sparse
        if self.bin_boundaries is not None and sorted(self.bin_boundaries) != self.bin_boundaries:
            raise ValueError(f"Discretization: bin_boundaries must ascend; received {bin_boundaries}.")
        self.reset_state()
        self.built = True

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Choose the boundaries so that each range gets as many values.

        Args:
            data: array, or an iterable of batches.
            steps: number of batches to read.

        Raises:
            ValueError: the layer was made with boundaries.
        """
        if self.num_bins is None:
            raise ValueError(f'Layer "{self.name}" (Discretization) was made with bin_boundaries, so adapt() has nothing to learn.')
        self.reset_state()
        for array in batches(data, steps):
            self.update_state(array)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take a batch into account."""
        values = np.asarray(data, "float64").reshape(-1)
        self._values = np.concatenate([self._values, values])
        self._weights = np.concatenate([self._weights, np.ones_like(values)])
        if len(self._values) > _MOST:
            share = np.arange(1, _MOST // 2 + 1) / (_MOST // 2)
            total = self._weights.sum()
            self._values = self._quantiles(share)
            self._weights = np.full(_MOST // 2, total / (_MOST // 2))

    def _quantiles(self, shares: np.ndarray) -> np.ndarray:
        order = np.argsort(self._values, kind="stable")
        reached = np.cumsum(self._weights[order])
        return np.interp(shares, reached / reached[-1], self._values[order])

    def finalize_state(self) -> None:
        """Set the boundaries to the quantiles of what was seen."""
        if self.num_bins is not None and len(self._values):
            self.bin_boundaries = self._quantiles(np.arange(1, self.num_bins) / self.num_bins).astype("float32").tolist()
            self._plans.clear()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._values, self._weights = np.zeros(0), np.zeros(0)

    def call(self, inputs: Any) -> Any:
        """Return the numbers of the ranges, or their encoding."""
        if self.bin_boundaries is None:
            raise ValueError(f'Layer "{self.name}" (Discretization) has no boundaries yet. Pass bin_boundaries, or call adapt(data) first.')
        found = ops.cast(ops.digitize(inputs, np.asarray(self.bin_boundaries, "float32")), "int32")
        return encode(found, self.output_mode, len(self.bin_boundaries) + 1, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer, the boundaries that were learned among them."""
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name", "dtype")
        return {n: getattr(self, n) for n in names}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the layer that `get_config` described."""
        config = dict(config)
        learned = config.pop("bin_boundaries", None) if config.get("num_bins") is not None else None
        layer = cls(**config)
        if learned is not None:
            layer.bin_boundaries = list(learned)
        return layer
