"""An embedding that also maps vectors back to scores of the integers."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.dtypes import is_int
from pronghorn.layers.core.embedding import Embedding
from pronghorn.ops.creation import cast, dtype_of


class ReversibleEmbedding(Embedding):
    """Looks integers up in a table of vectors; called with `reverse=True` on vectors, returns their products with all rows, as language models need.

    Args:
        input_dim: size of the table, one more than the largest integer.
        output_dim: length of the vectors.
        tie_weights: whether the way back uses the same table; otherwise one of its own.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as in `Embedding`.
        reverse_dtype: dtype of the way back, the compute dtype by default.
        logit_soft_cap: limit that the scores approach through tanh.

    Example:
        >>> layer = ReversibleEmbedding(10, 4)
        >>> layer(layer([[1, 2, 3]]), reverse=True).shape
        (1, 3, 10)
    """

    _keys = f"{Embedding._keys} tie_weights reverse_dtype logit_soft_cap"

    def __init__(
        self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None, mask_zero: bool = False, reverse_dtype: Any = None, logit_soft_cap: float | None = None, **kwargs: Any,
    ):  # fmt: skip
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap
        super().__init__(input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Make the table, and the second one for the way back unless the weights are tied."""
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                regularizer=self.embeddings_regularizer,
                constraint=self.embeddings_constraint,
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Return the vectors of integers, or with `reverse` the scores of all integers for vectors."""
        if not reverse:
            return super().call(inputs)
        kind = self.reverse_dtype or self.compute_dtype
        table = ops.transpose(self.embeddings.value) if self.tie_weights else self.reverse_embeddings.value
        table = cast(cast(table, self.compute_dtype), kind)  # weights are read in the compute dtype, whatever the products are in
        scores = ops.matmul(cast(inputs, kind), table)
        if self.logit_soft_cap is not None:
            scores = ops.multiply(ops.tanh(ops.divide(scores, self.logit_soft_cap)), self.logit_soft_cap)
        return scores

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where the integers are not 0, if `mask_zero`; vectors keep their mask."""
        return super().compute_mask(inputs, mask) if is_int(dtype_of(inputs)) else mask

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        """Return the shape of the outputs."""
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)
