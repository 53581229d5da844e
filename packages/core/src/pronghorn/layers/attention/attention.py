"""Attention of queries over values, without projections."""

from typing import Any

from pronghorn import ops, random
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.random.seed_generator import SeedGenerator


class Attention(Layer):
    """Dot-product attention (Luong et al., 2015): inputs are `[query, value]` or `[query, value, key]`.

    Args:
        use_scale: whether the scores are scaled by a learned number.
        score_mode: "dot", or "concat" for the sum of the hyperbolic tangent of query plus key.
        dropout: fraction of the scores that is dropped in training.
        seed: seed of the dropout.

    Shapes: `(batch, queries, d)` and `(batch, values, d)` to `(batch, queries, d)`.

    Example:
        >>> import numpy as np
        >>> Attention()([np.ones((1, 1, 1), "float32"), np.full((1, 1, 1), 2.0, "float32")]).tolist()
        [[[2.0]]]
    """

    supports_masking = True
    _keys = "use_scale score_mode dropout seed"

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f'Attention: score_mode must be "dot" or "concat"; received {score_mode!r}.')
        self.use_scale, self.score_mode, self.dropout, self.seed = use_scale, score_mode, dropout, seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Make the scales."""
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale") if self.use_scale else None
        self.concat_score_weight = self.add_weight(shape=(), initializer="ones", name="concat_score_weight") if self.score_mode == "concat" else None

    def _scores(self, query: Any, key: Any) -> Any:
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else ops.multiply(scores, self.scale.value)
        pairs = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
        if self.scale is not None:
            pairs = ops.multiply(pairs, self.scale.value)
        return ops.multiply(ops.sum(ops.tanh(pairs), axis=-1), self.concat_score_weight.value)  # type: ignore[union-attr]

    def call(self, inputs: Any, mask: Any = None, training: bool = False, return_attention_scores: bool = False, use_causal_mask: bool = False) -> Any:
        """Return the attended values, with the scores behind them if asked for."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ValueError(f"{type(self).__name__}: expected [query, value] or [query, value, key]; received {type(inputs).__name__}.")
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) == 3 else value
        masks = list(mask) if isinstance(mask, (list, tuple)) else [mask, None]
        scores = self._scores(query, key)
        allowed = None if masks[1] is None else ops.expand_dims(ops.cast(masks[1], "bool"), -2)
        if use_causal_mask:
            queries, keys = shape(scores)[-2:]
            past = ops.greater_equal(ops.expand_dims(ops.arange(queries), -1), ops.expand_dims(ops.arange(keys), 0))
            allowed = ops.expand_dims(past, 0) if allowed is None else ops.logical_and(allowed, ops.expand_dims(past, 0))
        if allowed is not None:
            low = 65504.0 if dtype_of(scores) == "float16" else 1.0e9
            scores = ops.subtract(scores, ops.multiply(ops.cast(ops.logical_not(allowed), dtype_of(scores)), low))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        result = ops.matmul(weights, value)
        if masks[0] is not None:
            result = ops.multiply(result, ops.cast(ops.expand_dims(masks[0], -1), dtype_of(result)))
        return (result, weights) if return_attention_scores else result

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the queries."""
        return mask[0] if isinstance(mask, (list, tuple)) else None


class AdditiveAttention(Attention):
    """Additive attention (Bahdanau et al., 2015); inputs as in `Attention`.

    Args:
        use_scale: whether the scores are scaled by learned numbers, one per feature.
        dropout: fraction of the scores that is dropped in training.
        seed: seed of the dropout.
    """

    _keys = "use_scale dropout seed"

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Make the scale."""
        self.scale = self.add_weight(shape=(input_shape[0][-1],), initializer="glorot_uniform", name="scale") if self.use_scale else None

    def _scores(self, query: Any, key: Any) -> Any:
        pairs = ops.tanh(ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3)))
        return ops.sum(pairs if self.scale is None else ops.multiply(pairs, self.scale.value), axis=-1)
