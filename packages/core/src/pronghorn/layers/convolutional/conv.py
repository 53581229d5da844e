"""Convolutions: plain, depthwise, separable and transposed, each for one to three spatial axes."""

from typing import Any

from pronghorn import activations, ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.layers.pooling import padding_mode, sizes
from pronghorn.ops.creation import shape
from pronghorn.ops.nn_conv import convolved


class _Convolution(Layer):
    """What all convolutions share: arguments, bias, activation."""

    _rank = 0
    _paddings: tuple[str, ...] = ("valid", "same")

    def _window(self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any) -> None:
        n = self._rank
        self.kernel_size = sizes(self, "kernel_size", kernel_size, n)
        self.strides = sizes(self, "strides", strides, n)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, n)
        self.padding = padding_mode(self, padding, self._paddings)
        self.data_format = standardize_data_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides and dilation_rate cannot both be above 1; received strides={self.strides}, dilation_rate={self.dilation_rate}."
            )
        if self.padding == "causal" and self.data_format == "channels_first":
            raise ValueError(f'{type(self).__name__}: padding="causal" needs data_format="channels_last".')
        self.input_spec = InputSpec(min_ndim=n + 2)

    def _channels(self, input_shape: Any) -> int:
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}): the number of input channels (axis {axis}) is not known; received {input_shape}.')
        self.input_spec = InputSpec(min_ndim=self._rank + 2, axes={axis: channels})
        return channels

    def _make_bias(self, size: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(size,), initializer=self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias"
            )
        self._linear = self.activation is activations.linear

    def _finish(self, x: Any) -> Any:
        if self.bias is not None:
            bias = self.bias.value
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, -1) + (1,) * self._rank)
            x = ops.add(x, bias)
        return x if self._linear else self.activation(x)

    def _causal(self, inputs: Any) -> Any:
        before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
        return ops.pad(inputs, ((0, 0), (before, 0), (0, 0)))


class BaseConv(_Convolution):
    """Convolution over any number of spatial axes.

    Args:
        rank: number of spatial axes.
        filters: number of output channels.
        kernel_size: int or one per spatial axis.
        strides: the same.
        padding: "valid", or "same" for ceil(size / stride) outputs; "causal" for sequences whose outputs must not see later steps.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the taps.
        groups: into how many parts the channels are split, each convolved alone.
        activation: function or name.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: start values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections applied after updates.
    """

    _keys = (
        "filters kernel_size strides padding data_format dilation_rate groups activation use_bias kernel_initializer bias_initializer "
        "kernel_regularizer bias_regularizer activity_regularizer kernel_constraint bias_constraint"
    )

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._rank = self.rank = rank
        self.filters, self.groups, self.use_bias = filters, groups, use_bias
        if isinstance(filters, bool) or not isinstance(filters, int) or filters < 1:
            raise ValueError(f"{type(self).__name__}: filters must be a positive integer; received {filters!r}.")
        if groups < 1 or filters % groups:
            raise ValueError(f"{type(self).__name__}: filters must be a multiple of groups; received filters={filters}, groups={groups}.")
        self._window(kernel_size, strides, padding, data_format, dilation_rate)
        self._configure(
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias."""
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(f'Layer "{self.name}": {channels} input channels are no multiple of groups={self.groups}.')
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, channels // self.groups, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self._make_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Return the convolved inputs."""
        if type(self).convolution_op is not BaseConv.convolution_op:
            return self._finish(self.convolution_op(inputs, self.kernel.value))
        x = self._convolved(inputs, self.kernel.value, None if self.bias is None else self.bias.value)
        return x if self._linear else self.activation(x)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return `inputs` convolved with `kernel`, without bias and activation; the place to override in layers that rework the kernel."""
        return self._convolved(inputs, kernel, None)

    def _convolved(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._causal(inputs), "valid"
        lead: tuple | None = None
        if len(inputs.shape) > self._rank + 2:  # further leading axes count as batch
            dims = shape(inputs)
            lead = dims[: -self._rank - 1]
            inputs = ops.reshape(inputs, (-1, *dims[-self._rank - 1 :]))
        x = convolved(inputs, kernel, bias, self.strides, padding, self.data_format, self.dilation_rate)
        if lead is not None:
            x = ops.reshape(x, (*lead, *shape(x)[1:]))
        return x


class Conv1D(BaseConv):
    """Convolution of sequences.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: ints.
        padding: "valid", "same" or "causal".
        data_format: "channels_last" or "channels_first".
        groups: into how many parts the channels are split, each convolved alone.
        activation, use_bias, kernel_initializer and the others: as in `Dense`.

    Shapes: `(batch, steps, channels)` to `(batch, new steps, filters)`.

    Example:
        >>> Conv1D(4, 3)([[[1.0], [2.0], [3.0]]]).shape
        (1, 1, 4)
    """

    _paddings = ("valid", "same", "causal")
    _rank = 1

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 groups: int = 1, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip


class Conv2D(BaseConv):
    """Convolution of images; arguments as in `Conv1D`, sizes as ints or pairs.

    Shapes: `(batch, rows, columns, channels)` to `(batch, new rows, new columns, filters)`.

    Example:
        >>> Conv2D(4, 2)([[[[1.0], [2.0]], [[3.0], [4.0]]]]).shape
        (1, 1, 1, 4)
    """

    _rank = 2

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = (1, 1), groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip


class Conv3D(BaseConv):
    """Convolution of volumes; arguments as in `Conv1D`, sizes as ints or triples."""

    _rank = 3

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = (1, 1, 1), groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
