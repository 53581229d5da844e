"""Attention whose query heads share keys and values in groups."""

import math
from typing import Any

import numpy as np

from pronghorn import ops, random
from pronghorn.layers.attention.multi_head_attention import HeadsBase


class GroupedQueryAttention(HeadsBase):
    """Attention in which several query heads share one head of keys and values (Ainslie et al., 2023).

    Args:
        head_dim: size of each head.
        num_query_heads: number of query heads, a multiple of `num_key_value_heads`.
        num_key_value_heads: number of key and value heads.
        dropout: fraction of attention weights dropped.
        use_bias: whether the projections have biases.
        sliding_window: with a number, a query only attends to keys less than that many steps away.
        flash_attention: accepted; the engine chooses the kernel.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as in `Dense`.
        use_gate: multiply the attended values by a sigmoid gate computed from the query.
        seed: seed of the dropout.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 5, 8), "float32")
        >>> GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
        (2, 5, 8)
    """

    def __init__(
        self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0, use_bias: bool = True, sliding_window: int | None = None,
        flash_attention: bool | None = None, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, use_gate: bool = False,
        seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name, value in (("head_dim", head_dim), ("num_query_heads", num_query_heads), ("num_key_value_heads", num_key_value_heads)):
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"GroupQueryAttention: {name} must be a positive integer; received {value!r}.")
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"GroupQueryAttention: num_query_heads must be a multiple of num_key_value_heads; received {num_query_heads} and {num_key_value_heads}."
            )
        self.head_dim, self.num_query_heads, self.num_key_value_heads = head_dim, num_query_heads, num_key_value_heads
        self._shared(locals())

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        for name, shape in (("query", query_shape), ("value", value_shape), ("key", key_shape)):
            if len(shape) != 3:
                raise ValueError(f'Layer "{self.name}" (GroupQueryAttention) expects {name} as (batch, steps, features); received shape {tuple(shape)}.')
        many, few = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        self._query_dense = self._projection(1, many, "query")
        self._key_dense = self._projection(1, few, "key")
        if self.use_gate:
            self._gate_dense = self._projection(1, many, "gate")
            self._gate_dense.build(query_shape)
        self._value_dense = self._projection(1, few, "value")
        self._output_dense = self._projection(2, (query_shape[-1],), "attention_output")
        for layer, shape in ((self._query_dense, query_shape), (self._key_dense, key_shape), (self._value_dense, value_shape)):
            layer.build(shape)
        self._output_dense.build((*query_shape[:-1], *many))

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """Return attended values; with `return_attention_scores` also the weights (batch, query heads, queries, keys).

        Arguments as in `MultiHeadAttention`; queries that `query_mask` leaves out attend to nothing.
        """
        key = value if key is None else key
        mask = self._mask(query, value, value_mask, key_mask, attention_mask, use_causal_mask)
        if query_mask is not None:
            rows = ops.expand_dims(ops.cast(query_mask, "bool"), -1)
            mask = rows if mask is None else ops.logical_and(mask, rows)
        mask = None if mask is None else ops.expand_dims(mask, 1) if len(ops.shape(mask)) == 3 else mask
        q, k, v = self._project((self._query_dense, query), (self._key_dense, key), (self._value_dense, value))
        out, scores = self._attend(q, k, v, mask, bool(training), return_attention_scores)
        if self.use_gate:
            out = ops.multiply(out, ops.sigmoid(self._gate_dense(query)))
        out = self._output_dense(out)
        return (out, scores) if return_attention_scores else out

    def _attend(self, q: Any, k: Any, v: Any, mask: Any, training: bool, want_scores: bool) -> tuple[Any, Any]:
        scale = 1.0 / math.sqrt(float(self.head_dim))
        drops = training and self.dropout > 0
        if not want_scores and not drops:
            return ops.dot_product_attention(q, k, v, mask=mask, scale=scale), None
        share = self.num_query_heads // self.num_key_value_heads
        k, v = ops.repeat(k, share, axis=2), ops.repeat(v, share, axis=2)
        q, k, v = (ops.transpose(x, (0, 2, 1, 3)) for x in (q, k, v))
        logits = ops.multiply(ops.matmul(q, ops.swapaxes(k, -1, -2)), scale)
        if mask is not None:
            logits = ops.where(mask, logits, np.finfo("float16").min if self.compute_dtype == "float16" else -1e9)
        weights = ops.softmax(logits, axis=-1)
        if mask is not None:  # a query that may attend to nothing gets zeros
            weights = ops.multiply(weights, ops.cast(mask, ops.dtype_of(weights)))
        used = random.dropout(weights, self.dropout, seed=self.seed_generator) if drops else weights
        return ops.transpose(ops.matmul(used, v), (0, 2, 1, 3)), weights

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate", "sliding_window", "dropout", "seed")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}, **self._part_configs()}

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        """Return the query's shape."""
        return query_shape


GroupQueryAttention = GroupedQueryAttention  # the public name; files and paths of weights have the other
