"""Transposed convolutions."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.convolutional.conv import _Convolution
from pronghorn.layers.pooling import sizes


class _ConvTranspose(_Convolution):
    _keys = (
        "filters kernel_size strides padding output_padding data_format dilation_rate activation use_bias kernel_initializer bias_initializer "
        "kernel_regularizer bias_regularizer activity_regularizer kernel_constraint bias_constraint"
    )

    def _arguments(self, values: dict[str, Any]) -> None:
        filters = values["filters"]
        if isinstance(filters, bool) or not isinstance(filters, int) or filters < 1:
            raise ValueError(f"{type(self).__name__}: filters must be a positive integer; received {filters!r}.")
        self.filters, self.use_bias = filters, values["use_bias"]
        self._window(values["kernel_size"], values["strides"], values["padding"], values["data_format"], values["dilation_rate"])
        more = values["output_padding"]
        self.output_padding = None if more is None else sizes(self, "output_padding", more, self._rank, least=0)
        if self.output_padding is not None and any(o >= s for o, s in zip(self.output_padding, self.strides, strict=True)):
            raise ValueError(f"{type(self).__name__}: output_padding must be below strides {self.strides}; received {self.output_padding}.")
        names = "activation kernel_initializer bias_initializer kernel_regularizer bias_regularizer kernel_constraint bias_constraint"
        self._configure(**{n: values[n] for n in names.split()})

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        channels = self._channels(input_shape)
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, self.filters, channels),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Return the upsampled inputs."""
        x = ops.conv_transpose(inputs, self.kernel.value, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate)
        return self._finish(x)


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of sequences: the gradient of `Conv1D` with respect to its input.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: ints.
        padding: "valid", or "same" for `steps * stride` outputs.
        output_padding: by how much the output is longer than the shortest that fits; worked out by default.
        data_format, activation, use_bias and the others: as in `Conv1D`.

    Example:
        >>> Conv1DTranspose(3, 2, strides=2)([[[1.0], [2.0]]]).shape
        (1, 4, 3)
    """

    _rank = 1

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._arguments(values)


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images; arguments as in `Conv1DTranspose`."""

    _rank = 2

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", output_padding: Any = None,
                 data_format: Any = None, dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._arguments(values)


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes; arguments as in `Conv1DTranspose`."""

    _rank = 3

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: Any = None,
                 output_padding: Any = None, dilation_rate: Any = (1, 1, 1), activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any):  # fmt: skip
        values = locals()
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._arguments(values)


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
