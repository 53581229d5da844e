"""Category numbers to indicators and counts."""

from typing import Any

import numpy as np

from pronghorn.layers.layer import Layer
from pronghorn.layers.preprocessing.encoding import check_dense, check_mode, encode


class CategoryEncoding(Layer):
    """Turns category numbers into indicators or counts.

    Args:
        num_tokens: number of categories.
        output_mode: "multi_hot", "one_hot" or "count".
        sparse: not supported yet.

    Example:
        >>> CategoryEncoding(4, output_mode="count")([[0, 1], [3, 3]]).tolist()
        [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]
    """

    _keys = "num_tokens output_mode"

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        check_mode("CategoryEncoding", output_mode, ("one_hot", "multi_hot", "count"))
        check_dense("CategoryEncoding", sparse)
        if num_tokens is None or num_tokens < 1:
            raise ValueError(f"CategoryEncoding: num_tokens must be a positive integer; received {num_tokens!r}. Where it is not known, use IntegerLookup.")
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse
        self.built = True

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Return the encoding; `count_weights` are what the entries count, for "count"."""
        from pronghorn import ops

        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f'Layer "{self.name}" (CategoryEncoding): count_weights go with output_mode="count"; it is "{self.output_mode}".')
        if isinstance(inputs, np.ndarray) and inputs.size and not 0 <= inputs.min() <= inputs.max() < self.num_tokens:
            raise ValueError(
                f'Layer "{self.name}" (CategoryEncoding): categories must lie in [0, {self.num_tokens}); received {inputs.min()} to {inputs.max()}.'
            )
        return encode(ops.cast(inputs, "int32"), self.output_mode, self.num_tokens, self.compute_dtype, count_weights)
