"""Depthwise and separable convolutions."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.convolutional.conv import _Convolution


class _Depthwise(_Convolution):
    """Arguments and weights that depthwise and separable convolutions share."""

    def _arguments(self, depth_multiplier: int, values: dict[str, Any]) -> None:
        if isinstance(depth_multiplier, bool) or not isinstance(depth_multiplier, int) or depth_multiplier < 1:
            raise ValueError(f"{type(self).__name__}: depth_multiplier must be a positive integer; received {depth_multiplier!r}.")
        self.depth_multiplier, self.use_bias = depth_multiplier, values["use_bias"]
        self._window(values["kernel_size"], values["strides"], values["padding"], values["data_format"], values["dilation_rate"])
        names = "activation depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer pointwise_regularizer bias_regularizer "
        names += "depthwise_constraint pointwise_constraint bias_constraint"
        self._configure(**{n: values[n] for n in names.split() if n in values})

    def _depthwise_weight(self, channels: int, name: str) -> Any:
        return self.add_weight(
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name=name,
        )


class _DepthwiseConv(_Depthwise):
    _keys = (
        "depth_multiplier kernel_size strides padding data_format dilation_rate activation use_bias depthwise_initializer bias_initializer "
        "depthwise_regularizer bias_regularizer activity_regularizer depthwise_constraint bias_constraint"
    )

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        channels = self._channels(input_shape)
        self.kernel = self._depthwise_weight(channels, "kernel")
        self._make_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        """Return the convolved inputs."""
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._causal(inputs), "valid"
        return self._finish(ops.depthwise_conv(inputs, self.kernel.value, self.strides, padding, self.data_format, self.dilation_rate))


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of sequences in which each channel has its own filters.

    Args:
        kernel_size, strides, dilation_rate: ints.
        padding: "valid", "same" or "causal".
        depth_multiplier: number of filters of each channel.
        data_format, activation, use_bias and the others: as in `Conv1D`.

    Shapes: `(batch, steps, channels)` to `(batch, new steps, channels * depth_multiplier)`.

    Example:
        >>> DepthwiseConv1D(2)([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 1, 2)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")

    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._arguments(depth_multiplier, values)


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of images in which each channel has its own filters; arguments as in `DepthwiseConv1D`.

    Example:
        >>> DepthwiseConv2D(1)([[[[1.0, 2.0]]]]).shape
        (1, 1, 1, 2)
    """

    _rank = 2

    def __init__(self, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", depth_multiplier: int = 1, data_format: Any = None,
                 dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._arguments(depth_multiplier, values)


class _SeparableConv(_Depthwise):
    _keys = (
        "depth_multiplier filters kernel_size strides padding data_format dilation_rate activation use_bias depthwise_initializer "
        "pointwise_initializer bias_initializer depthwise_regularizer pointwise_regularizer bias_regularizer activity_regularizer "
        "depthwise_constraint pointwise_constraint bias_constraint"
    )

    def build(self, input_shape: Any) -> None:
        """Make both kernels and the bias."""
        channels = self._channels(input_shape)
        self.depthwise_kernel = self._depthwise_weight(channels, "depthwise_kernel")
        self.pointwise_kernel = self.add_weight(
            shape=(*(1,) * self._rank, channels * self.depth_multiplier, self.filters),
            initializer=self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Return the convolved inputs."""
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._causal(inputs), "valid"
        kernels = self.depthwise_kernel.value, self.pointwise_kernel.value
        return self._finish(ops.separable_conv(inputs, *kernels, self.strides, padding, self.data_format, self.dilation_rate))


class SeparableConv1D(_SeparableConv):
    """Depthwise convolution of sequences, followed by a mixing of channels.

    Args:
        filters: number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier: of the depthwise step, as in `DepthwiseConv1D`.
        activation, use_bias and the others: as in `Conv1D`.

    Example:
        >>> SeparableConv1D(4, 2)([[[1.0, 2.0], [3.0, 4.0]]]).shape
        (1, 1, 4)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", depthwise_regularizer: Any = None,
                 pointwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = filters
        self._arguments(depth_multiplier, values)


class SeparableConv2D(_SeparableConv):
    """Depthwise convolution of images, followed by a mixing of channels; arguments as in `SeparableConv1D`."""

    _rank = 2

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = (1, 1), depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, pointwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, pointwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = filters
        self._arguments(depth_multiplier, values)


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
