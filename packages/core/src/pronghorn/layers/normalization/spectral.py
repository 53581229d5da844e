"""Spectral normalisation of another layer's weights."""

from typing import Any

from pronghorn import initializers, ops
from pronghorn.layers.core.simple import Wrapper
from pronghorn.layers.input_spec import InputSpec


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by an estimate of its largest singular value in every training step (Miyato et al., 2018).

    Args:
        layer: layer with a `kernel` or `embeddings`.
        power_iterations: steps of the power method per training step.

    Example:
        >>> import numpy as np
        >>> import pronghorn as ph
        >>> SpectralNormalization(ph.layers.Dense(4))(np.ones((2, 3), "float32"), training=True).shape
        (2, 4)
    """

    def __init__(self, layer: Any, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(f"SpectralNormalization: power_iterations must be positive; received {power_iterations}.")
        self.power_iterations = power_iterations

    def build(self, input_shape: Any) -> None:
        """Build the layer and make the vector of the power method."""
        super().build(input_shape)
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))
        found = next((name for name in ("kernel", "embeddings") if getattr(self.layer, name, None) is not None), None)
        if found is None:
            raise ValueError(
                f'Layer "{self.name}" (SpectralNormalization): layer "{self.layer.name}" ({type(self.layer).__name__}) has neither kernel nor embeddings.'
            )
        self.kernel = getattr(self.layer, found)
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight(shape=(1, self.kernel.shape[-1]), initializer=start, trainable=False, name="vector_u", dtype=self.kernel.dtype)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the layer's output; with `training` normalise its kernel first."""
        if training:
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """Return the next vector of the power method and the kernel divided by the largest singular value; a kernel of zeros stays."""
        kernel, u = self.kernel.value, self.vector_u.value
        rows = ops.reshape(kernel, (-1, self.kernel.shape[-1]))
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(rows)), axis=-1)
            u = ops.normalize(ops.matmul(v, rows), axis=-1)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        sigma = ops.reshape(ops.matmul(ops.matmul(v, rows), ops.transpose(u)), ())
        empty = ops.equal(sigma, 0.0)
        return ops.where(empty, self.vector_u.value, u), ops.divide(kernel, ops.where(empty, 1.0, sigma))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "power_iterations": self.power_iterations}
