"""Vectors for integers."""

from typing import Any

from pronghorn.backend.dtypes import is_int
from pronghorn.layers.core.dense import refuse_rewriting
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import cast, dtype_of
from pronghorn.ops.elementwise import not_equal
from pronghorn.ops.indexing import take


class Embedding(Layer):
    """Look integers up in a table of vectors.

    Args:
        input_dim: size of the table, one more than the largest integer.
        output_dim: length of the vectors.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: as in other layers.
        mask_zero: whether 0 is padding that later layers skip.
        weights: start values, an array of shape (input_dim, output_dim).
        lora_rank, lora_alpha, quantization_config: accepted as None only.

    Shapes: `(...)` of integers to `(..., output_dim)`.

    Example:
        >>> Embedding(10, 4)([[1, 2, 3]]).shape
        (1, 3, 4)
    """

    _keys = "input_dim output_dim embeddings_initializer embeddings_regularizer activity_regularizer embeddings_constraint mask_zero quantization_config"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        input_length = kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        if input_length is not None:
            self._input_shape_arg = (None, input_length)
        refuse_rewriting(self, lora_rank, quantization_config)
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Embedding: {name} must be a positive integer; received {value!r}.")
        self.input_dim, self.output_dim, self.mask_zero, self.quantization_config = input_dim, output_dim, mask_zero, None
        self._configure(
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )
        self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 and getattr(weights[0], "ndim", 0) == 2 else [weights])

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        if self.built:
            return
        self._embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    @property
    def embeddings(self) -> Any:
        """The table."""
        return self._embeddings

    def call(self, inputs: Any) -> Any:
        """Return the vectors."""
        if not is_int(dtype_of(inputs)):
            inputs = cast(inputs, "int32")
        found = take(self._embeddings.value, inputs, 0)
        return cast(found, self.compute_dtype) if self.compute_dtype != self.variable_dtype else found

    def _makes_mask(self) -> bool:
        return self.mask_zero

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where the integers are not 0, if `mask_zero`."""
        return not_equal(inputs, 0) if self.mask_zero else None
