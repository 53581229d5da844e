"""Attention with several heads."""

import math
from typing import Any

import numpy as np

from pronghorn import constraints, initializers, ops, random, regularizers
from pronghorn.layers.layer import Layer
from pronghorn.ops.fused import linear_axes, linears_to_axes

_PARTS = {
    "kernel_initializer": initializers, "bias_initializer": initializers, "kernel_regularizer": regularizers, "bias_regularizer": regularizers,
    "kernel_constraint": constraints, "bias_constraint": constraints,
}  # fmt: skip


class _Projection(Layer):
    """A dense map between axes: contracts the last `contract` axes with a kernel and adds a bias of the new axes."""

    def __init__(self, contract: int, shape: tuple, use_bias: bool, options: dict[str, Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.contract, self.shape, self.use_bias, self.options = contract, tuple(shape), use_bias, options

    def build(self, input_shape: Any) -> None:
        o = self.options
        inner = tuple(input_shape[-self.contract :])
        self.kernel = self.add_weight(
            shape=(*inner, *self.shape), name="kernel", initializer=o["kernel_initializer"], regularizer=o["kernel_regularizer"],
            constraint=o["kernel_constraint"],
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=self.shape, name="bias", initializer=o["bias_initializer"], regularizer=o["bias_regularizer"], constraint=o["bias_constraint"]
            )

    def call(self, x: Any) -> Any:
        return linear_axes(x, self.kernel, self.bias, self.contract)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; the layer is saved as part of the attention, never by itself."""
        return {**super().get_config(), "contract": self.contract, "shape": self.shape, "use_bias": self.use_bias}


class HeadsBase(Layer):
    """What attention layers with projections share: options, projections, masks."""

    supports_masking = True

    def _shared(self, values: dict[str, Any]) -> None:
        window = values["sliding_window"]
        if window is not None and (not isinstance(window, int) or window <= 0):
            raise ValueError(f"{type(self).__name__}: sliding_window must be a positive integer; received {window!r}.")
        for name in ("dropout", "use_bias", "seed", "use_gate", "sliding_window", "flash_attention"):
            setattr(self, name, values[name])
        for name, module in _PARTS.items():
            setattr(self, name, module.get(values[name]))
        self.seed_generator = random.SeedGenerator(self.seed) if self.dropout > 0 else None

    def _part_configs(self) -> dict[str, Any]:
        config = {n: module.serialize(getattr(self, n)) for n, module in _PARTS.items()}
        return {**config, "activity_regularizer": regularizers.serialize(self.activity_regularizer)}

    def _projection(self, contract: int, shape: tuple, name: str) -> _Projection:
        options = {}
        for part, module in _PARTS.items():
            value = getattr(self, part)
            # each weight draws for itself, as if every projection had its own initializer
            options[part] = type(value).from_config(value.get_config()) if module is initializers and hasattr(value, "get_config") else value
        return _Projection(contract, shape, self.use_bias, options, name=name, dtype=self.dtype_policy)

    def _project(self, query: tuple[Any, Any], key: tuple[Any, Any], value: tuple[Any, Any]) -> list[Any]:
        """Apply the projections of `(projection, input)`; where all take one input, together, which an engine may do in one product."""
        pairs = (query, key, value)
        together = query[1] is key[1] is value[1] and self.use_bias
        # a projection may have been exchanged for another layer, or compute in a dtype of its own
        if together and all([type(d) is _Projection and d.compute_dtype == self.compute_dtype and d._remat is None for d, _ in pairs]):
            return linears_to_axes(query[1], [(d.kernel, d.bias) for d, _ in pairs])
        return [d(x) for d, x in pairs]

    def _mask(self, query: Any, value: Any, value_mask: Any, key_mask: Any, attention_mask: Any, causal: bool) -> Any:
        """Combine the masks into one (batch, queries, keys), or None."""
        found = None if attention_mask is None else ops.cast(attention_mask, "bool")

        def both(a: Any, b: Any) -> Any:
            return b if a is None else ops.logical_and(a, b)

        for m in (value_mask, key_mask):
            if m is not None:
                found = both(found, ops.expand_dims(ops.cast(m, "bool"), -2))
        if causal or self.sliding_window is not None:
            n, m = ops.shape(query)[1], ops.shape(value)[1]
            i = ops.reshape(ops.arange(n, dtype="int32"), (1, -1, 1))
            j = ops.reshape(ops.arange(m, dtype="int32"), (1, 1, -1))
            if causal:
                found = both(found, ops.greater_equal(i, j))
            if self.sliding_window is not None:
                found = both(found, ops.less(ops.abs(ops.subtract(i, j)), self.sliding_window))
        return found

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the query's mask."""
        return previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask


class MultiHeadAttention(HeadsBase):
    """Attends from queries to keys and values with several heads (Vaswani et al., 2017).

    Args:
        num_heads: number of heads.
        key_dim: size of each head for query and key.
        value_dim: size of each head for value, `key_dim` by default.
        dropout: fraction of attention weights dropped.
        use_bias: whether the projections have biases.
        output_shape: size of the output, that of the query by default.
        attention_axes: axes that attention goes over, all between batch and features by default.
        sliding_window: with a number, a query only attends to keys at most that many steps away.
        flash_attention: accepted; the engine chooses the kernel.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as in `Dense`.
        use_gate: multiply the attended values by a sigmoid gate computed from the query.
        seed: seed of the dropout.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 5, 8), "float32")
        >>> MultiHeadAttention(num_heads=2, key_dim=4)(x, x).shape
        (2, 5, 8)
    """

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True, output_shape: Any = None,
        attention_axes: Any = None, sliding_window: int | None = None, flash_attention: bool | None = None, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, bias_constraint: Any = None, use_gate: bool = False, seed: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        for name, value in (("num_heads", num_heads), ("key_dim", key_dim)):
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"MultiHeadAttention: {name} must be a positive integer; received {value!r}.")
        self.num_heads, self.key_dim, self.value_dim = num_heads, key_dim, value_dim or key_dim
        self._output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape) if output_shape is not None else None
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else tuple(attention_axes) if attention_axes is not None else None
        self._shared(locals())

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        """Make the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        heads, rank = self.num_heads, len(query_shape)
        over = tuple(range(1, rank - 1)) if self._attention_axes is None else self._attention_axes
        if not over or any(not -rank <= a < rank or a % rank == rank - 1 for a in over) or {len(value_shape), len(key_shape)} != {rank}:
            raise ValueError(
                f'Layer "{self.name}" (MultiHeadAttention) expects query, value and key of one rank, with axes to attend over between batch and features; '
                f"received shapes {tuple(query_shape)}, {tuple(value_shape)} and {tuple(key_shape)}, and attention_axes={self._attention_axes}."
            )
        if value_shape[1:-1] != key_shape[1:-1]:
            raise ValueError(f"MultiHeadAttention: key and value must have the same steps; received shapes {key_shape} and {value_shape}.")
        self.query_dense = self._projection(1, (heads, self.key_dim), "query")
        self.key_dense = self._projection(1, (heads, self.key_dim), "key")
        if self.use_gate:
            self.gate_dense = self._projection(1, (heads, self.value_dim), "gate")
            self.gate_dense.build(query_shape)
        self.value_dense = self._projection(1, (heads, self.value_dim), "value")
        self.output_dense = self._projection(2, self._output_shape or (query_shape[-1],), "attention_output")
        for layer, shape in ((self.query_dense, query_shape), (self.key_dense, key_shape), (self.value_dense, value_shape)):
            layer.build(shape)
        self.output_dense.build((*query_shape[:-1], heads, self.value_dim))
        self._axes = tuple(a % rank for a in over)

    def call(
        self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, training: Any = None, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """Return attended values; with `return_attention_scores` also the weights (batch, heads, ..., queries, keys).

        Args:
            query: (batch, ..., features).
            value: what is attended to.
            key: what queries are compared with, `value` by default.
            query_mask: (batch, steps) bool; only passed on as the mask of the outputs.
            value_mask, key_mask: (batch, steps) bool, false for steps that no query attends to.
            attention_mask: (batch, queries, keys) bool, true where attention is allowed.
            return_attention_scores: also return the weights.
            training: whether dropout is active.
            use_causal_mask: a query only attends to itself and what is before it.
        """
        key = value if key is None else key
        mask = self._mask(query, value, value_mask, key_mask, attention_mask, use_causal_mask)
        q, k, v = self._project((self.query_dense, query), (self.key_dense, key), (self.value_dense, value))
        out, scores = self._attend(q, k, v, mask, bool(training), return_attention_scores)
        if self.use_gate:
            out = ops.multiply(out, ops.sigmoid(self.gate_dense(query)))
        out = self.output_dense(out)
        return (out, scores) if return_attention_scores else out

    def _attend(self, q: Any, k: Any, v: Any, mask: Any, training: bool, want_scores: bool) -> tuple[Any, Any]:
        scale = 1.0 / math.sqrt(float(self.key_dim))
        rank = len(ops.shape(q))
        if rank == 4 and self._axes == (1,) and not want_scores and not (training and self.dropout > 0):
            shaped = None if mask is None else ops.expand_dims(mask, 1) if len(ops.shape(mask)) == 3 else mask
            return ops.dot_product_attention(q, k, v, mask=shaped, scale=scale), None
        batch = [a for a in range(rank - 2) if a not in self._axes]
        # (batch axes..., heads, attention axes flattened, features)
        qs, ks, vs = (self._fold(x, batch) for x in (q, k, v))
        logits = ops.multiply(ops.matmul(qs, ops.swapaxes(ks, -1, -2)), scale)
        if mask is not None:
            mask = self._fit(mask, logits)
            logits = ops.where(mask, logits, np.finfo("float16").min if self.compute_dtype == "float16" else -1e9)
        weights = ops.softmax(logits, axis=-1)
        if mask is not None:  # a query that may attend to nothing gets zeros
            weights = ops.multiply(weights, ops.cast(mask, ops.dtype_of(weights)))
        used = random.dropout(weights, self.dropout, seed=self.seed_generator) if training and self.dropout > 0 else weights
        out = self._unfold(ops.matmul(used, vs), ops.shape(q), batch)
        if want_scores and len(self._axes) > 1:
            dims = ops.shape(weights)
            axes = [ops.shape(q)[a] for a in self._axes] + [ops.shape(k)[a] for a in self._axes]
            weights = ops.reshape(weights, (*dims[:-2], *axes))
        return out, weights

    def _fold(self, x: Any, batch: list[int]) -> Any:
        rank, dims = len(ops.shape(x)), ops.shape(x)
        moved = ops.transpose(x, [*batch, rank - 2, *self._axes, rank - 1])
        return ops.reshape(moved, (*[dims[a] for a in batch], dims[rank - 2], math.prod(dims[a] for a in self._axes), dims[rank - 1]))

    def _unfold(self, x: Any, like: tuple, batch: list[int]) -> Any:
        rank = len(like)
        order = [*batch, rank - 2, *self._axes, rank - 1]
        wide = ops.reshape(x, (*[like[a] for a in batch], like[rank - 2], *[like[a] for a in self._axes], ops.shape(x)[-1]))
        return ops.transpose(wide, [order.index(a) for a in range(rank)])

    @staticmethod
    def _fit(mask: Any, logits: Any) -> Any:
        """Give the mask an axis for the heads, and more where there are several batch axes."""
        missing = len(ops.shape(logits)) - len(ops.shape(mask))
        dims = ops.shape(mask)
        return ops.reshape(mask, (*dims[:-2], *(1,) * missing, *dims[-2:])) if missing > 0 else mask

    @property
    def attention_axes(self) -> tuple[int, ...] | None:
        """Axes that attention goes over; None where they are not known before the layer is built."""
        return self.__dict__.get("_axes", self._attention_axes)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "sliding_window", "use_gate", "seed")
        config = {n: getattr(self, n) for n in names}
        config |= {"output_shape": self._output_shape, "attention_axes": getattr(self, "_axes", self._attention_axes)}
        return {**super().get_config(), **config, **self._part_configs()}

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        """Return the query's shape with the output's features."""
        return (*query_shape[:-1], *(self._output_shape or (query_shape[-1],)))
