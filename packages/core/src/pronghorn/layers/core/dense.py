"""The fully connected layer."""

from typing import Any

from pronghorn import activations
from pronghorn.backend.primitives import matmul
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.fused import linear


class Dense(Layer):
    """`activation(inputs @ kernel + bias)` on the last axis.

    Args:
        units: size of the output's last axis.
        activation: function or name; None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: start values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections applied after updates.
        lora_rank, lora_alpha, quantization_config: accepted as None only; layers are rewritten from outside.

    Shapes: `(..., d)` to `(..., units)`.

    Example:
        >>> Dense(3)([[1.0, 2.0]]).shape
        (1, 3)
    """

    supports_masking = True
    _keys = (
        "units activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer kernel_constraint bias_constraint "
        "quantization_config"
    )

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse_rewriting(self, lora_rank, quantization_config)
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise ValueError(f"Dense: units must be a positive integer; received {units!r}.")
        self.units, self.use_bias, self.quantization_config = units, use_bias, None
        self._configure(
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self._linear = self.activation is activations.linear
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return `activation(inputs @ kernel + bias)`."""
        kernel, bias = self.kernel.value, self.bias
        x = matmul(inputs, kernel) if bias is None else linear(inputs, kernel, bias.value)
        return x if self._linear else self.activation(x)


def refuse_rewriting(layer: Layer, lora_rank: Any, quantization_config: Any) -> None:
    """Raise where a layer is asked to rewrite itself."""
    if lora_rank is not None or quantization_config is not None:
        what = "lora_rank" if lora_rank is not None else "quantization_config"
        raise ValueError(f"{type(layer).__name__}: {what} is not supported. Make the layer without it; adapters and quantisation are applied from outside.")
