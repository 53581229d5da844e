"""Normalisation over groups of channels."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import shape


class GroupNormalization(Layer):
    """Normalise each sample over groups of channels and all positions (Wu and He, 2018).

    Args:
        groups: number of groups; -1 for one per channel.
        axis: axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there is a learned shift and scale.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: for shift and scale.

    Example:
        >>> GroupNormalization(1, epsilon=0.0)([[1.0, 3.0]]).tolist()
        [[-1.0, 1.0]]
    """

    supports_masking = True
    _keys = "groups axis epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint"

    def __init__(
        self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
        gamma_constraint: Any = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.groups, self.axis, self.epsilon, self.center, self.scale = groups, axis, epsilon, center, scale
        self._configure(
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )

    def build(self, input_shape: Any) -> None:
        """Make scale and shift."""
        size = input_shape[self.axis]
        if size is None:
            raise ValueError(f'Layer "{self.name}" (GroupNormalization): the size of axis {self.axis} must be known; received shape {input_shape}.')
        if self.groups == -1:
            self.groups = size
        if size % self.groups:
            raise ValueError(f'Layer "{self.name}" (GroupNormalization): {size} channels are no multiple of groups={self.groups}.')
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape=(size,), initializer=self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint, name="gamma"
            )
        if self.center:
            self.beta = self.add_weight(
                shape=(size,), initializer=self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint, name="beta"
            )

    def call(self, inputs: Any) -> Any:
        """Return the normalised inputs."""
        dims = shape(inputs)
        n, axis = len(dims), self.axis % len(dims)
        x = ops.cast(inputs, "float32") if self.compute_dtype in ("float16", "bfloat16") else inputs
        each = dims[axis] // self.groups
        x = ops.reshape(x, (*dims[:axis], self.groups, each, *dims[axis + 1 :]))
        axes = tuple(i for i in range(1, n + 1) if i != axis)
        mean, variance = ops.moments(x, axes, keepdims=True)
        x = ops.multiply(ops.subtract(x, mean), ops.rsqrt(ops.add(variance, self.epsilon)))
        x = ops.reshape(x, dims)
        broad = tuple(dims[axis] if i == axis else 1 for i in range(n))
        if self.gamma is not None:
            x = ops.multiply(x, ops.reshape(self.gamma.value, broad))
        if self.beta is not None:
            x = ops.add(x, ops.reshape(self.beta.value, broad))
        return ops.cast(x, self.compute_dtype)
