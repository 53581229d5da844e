"""LSTMs whose products are convolutions (Shi et al., 2015)."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.pooling import padding_mode, sizes
from pronghorn.layers.rnn.cell import Cell
from pronghorn.layers.rnn.lstm import LSTMCell
from pronghorn.layers.rnn.rnn import CellRNN
from pronghorn.state.binding import symbolic_state
from pronghorn.symbolic.backend import evaluate
from pronghorn.symbolic.spec import Spec


class ConvLSTMCell(LSTMCell):
    """One step of a convolutional LSTM: the state is an image (or sequence, or volume) of `filters` channels."""

    arguments = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", *LSTMCell.arguments)

    def __init__(self, rank: int, options: dict[str, Any], **kwargs: Any):
        super(Cell, self).__init__(**kwargs)
        own, rest = {n: options[n] for n in self.arguments[:6]}, {n: options[n] for n in LSTMCell.arguments}
        self._set(own["filters"], rest)
        self.rank, self.filters = rank, own["filters"]
        self.kernel_size = sizes(self, "kernel_size", own["kernel_size"], rank)
        self.strides = sizes(self, "strides", own["strides"], rank)
        self.dilation_rate = sizes(self, "dilation_rate", own["dilation_rate"], rank)
        self.padding = padding_mode(self, own["padding"], ("valid", "same"))
        self.data_format = standardize_data_format(own["data_format"])
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"ConvLSTM{rank}D: strides and dilation_rate cannot both be above 1; received {self.strides} and {self.dilation_rate}.")
        self.state_size = [-1, -1]  # the shape follows from the inputs

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias."""
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(f'Layer "{self.name}": the number of input channels (axis {axis}) is not known; received shape {tuple(input_shape)}.')
        for name, label, inside in (("kernel", "kernel", channels), ("recurrent_kernel", "recurrent", self.filters)):
            parts = {part: getattr(self, f"{label}_{part}") for part in ("initializer", "regularizer", "constraint")}
            setattr(self, name, self.add_weight(shape=(*self.kernel_size, inside, self.filters * 4), name=name, **parts))
        self.bias = None
        if self.use_bias:
            shape, start = self._bias()
            self.bias = self.add_weight(shape=shape, name="bias", initializer=start, regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})

    def state_shape(self, x: Any) -> tuple:
        """Return the shape of the state for one step of input, a tensor."""
        dims = ops.shape(self._input_part(x))
        return (dims[0], self.filters, *dims[2:]) if self.data_format == "channels_first" else (*dims[:-1], self.filters)

    def _input_part(self, x: Any) -> Any:
        out = ops.conv(x, self.kernel.value, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.bias is None:
            return out
        return ops.add(out, ops.reshape(self.bias.value, (1, -1) + (1,) * self.rank) if self.data_format == "channels_first" else self.bias.value)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Return the output and the new states, output and cell."""
        x, h = self._dropped(inputs, states[0], training)
        z = ops.add(self._input_part(x), ops.conv(h, self.recurrent_kernel.value, 1, "same", self.data_format))
        i, f, c, o = ops.split(z, 4, axis=1 if self.data_format == "channels_first" else -1)
        gate = self.recurrent_activation
        carry = ops.add(ops.multiply(gate(f), states[1]), ops.multiply(gate(i), self.activation(c)))
        out = ops.multiply(gate(o), self.activation(carry))
        return out, [out, carry]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        config.pop("units")
        return {**config, "rank": self.rank}


class _ConvLSTM(CellRNN):
    cell_class = ConvLSTMCell
    _rank = 0

    def _arguments(self, values: dict[str, Any], kwargs: dict[str, Any]) -> None:
        options = {n: values[n] for n in ConvLSTMCell.arguments}
        rnn = {name: values[name] for name in ("return_sequences", "return_state", "go_backwards", "stateful")}
        self._around(lambda **base: ConvLSTMCell(self._rank, options, **base), rnn, {"activity_regularizer": values["activity_regularizer"], **kwargs})
        self.input_spec = InputSpec(ndim=self._rank + 3)

    def _start(self, batch: Any, sequences: Any = None) -> list[Any]:
        """Return zeros of the state's shape, which the inputs decide."""
        if sequences is None:
            shape = (batch, *self._state_sizes)
        else:
            dims = ops.shape(sequences)
            if all(isinstance(d, int) for d in dims[2:]):  # worked out on shapes
                shape = (dims[0], *self._sizes((None, *dims[2:])))
            else:
                shape = self.cell.state_shape(sequences[:, 0])
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def _sizes(self, step: tuple) -> tuple:
        with symbolic_state():
            return Spec(evaluate(lambda: self.cell.state_shape(Spec(step, self.compute_dtype)))).shape[1:]

    def _blank(self, sequences: Any, flat: list[Any]) -> Any:
        return ops.zeros_like(flat[0])

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell, and the carried state of a stateful layer."""
        step = (sequences_shape[0], *sequences_shape[2:])
        if not self.cell.built:
            self.cell.build(step)
        self._state_sizes = self._sizes(step)
        super().build(sequences_shape, initial_state_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        config.pop("rank", None)
        return config


class ConvLSTM1D(_ConvLSTM):
    """Convolutional LSTM along a sequence of sequences, as in Shi et al., 2015.

    Args:
        filters: number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the inputs, as in `Conv1D`; that of the state keeps its size.
        activation, recurrent_activation, use_bias, kernel_initializer and the others: as in `LSTM`.

    Shapes: `(batch, time, steps, channels)` to `(batch, [time,] new steps, filters)`.

    Example:
        >>> import numpy as np
        >>> ConvLSTM1D(4, 3)(np.ones((2, 5, 8, 1), "float32")).shape
        (2, 6, 4)
    """

    _rank = 1

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
        activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False, **kwargs: Any,
    ):  # fmt: skip
        self._arguments(locals(), kwargs)


class ConvLSTM2D(_ConvLSTM):
    """Convolutional LSTM along a sequence of images; arguments as in `ConvLSTM1D`.

    Shapes: `(batch, time, rows, columns, channels)` to `(batch, [time,] new rows, new columns, filters)`.
    """

    _rank = 2

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
        activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False, **kwargs: Any,
    ):  # fmt: skip
        self._arguments(locals(), kwargs)


class ConvLSTM3D(_ConvLSTM):
    """Convolutional LSTM along a sequence of volumes; arguments as in `ConvLSTM1D`."""

    _rank = 3

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
        activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False, **kwargs: Any,
    ):  # fmt: skip
        self._arguments(locals(), kwargs)
