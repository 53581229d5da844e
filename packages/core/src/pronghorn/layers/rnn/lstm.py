"""Long short-term memory (Hochreiter and Schmidhuber, 1997)."""

from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.backend.dtypes import numpy_dtype
from pronghorn.layers.rnn.cell import Cell
from pronghorn.layers.rnn.rnn import CellRNN
from pronghorn.ops.recurrent import lstm, lstm_step, projected


class LSTMCell(Cell):
    """One step of `LSTM`.

    Args:
        units: size of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the
            state.
        unit_forget_bias: start the forget gate at one.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        seed: seed of the dropout.
    """

    gates = 4
    arguments = (
        "activation",
        "recurrent_activation",
        "use_bias",
        "kernel_initializer",
        "recurrent_initializer",
        "bias_initializer",
        "unit_forget_bias",
        "kernel_regularizer",
        "recurrent_regularizer",
        "bias_regularizer",
        "kernel_constraint",
        "recurrent_constraint",
        "bias_constraint",
        "dropout",
        "recurrent_dropout",
        "seed",
    )

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        values = locals()
        self._set(units, {name: values[name] for name in self.arguments})
        self.state_size = [units, units]

    def _bias(self) -> Any:
        if not self.unit_forget_bias:
            return super()._bias()

        def start(shape: Any, dtype: Any = None) -> Any:
            n = self.units
            parts = [self.bias_initializer((n,), dtype), np.ones((n,)), self.bias_initializer((2 * n,), dtype)]
            return np.concatenate([np.asarray(p) for p in parts]).astype(numpy_dtype(dtype))

        return (self.units * 4,), start

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Return the output and the new states, output and cell."""
        x, h = self._dropped(inputs, states[0], training)
        z = ops.add(projected(x, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel))
        out, carry = lstm_step(z, states[1], self.activation, self.recurrent_activation)
        return out, [out, carry]


class LSTM(CellRNN):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    Args:
        units: size of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the
            state.
        unit_forget_bias: start the forget gate at one.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        seed: seed of the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Example:
        >>> import numpy as np
        >>> LSTM(4)(np.ones((2, 5, 3), "float32")).shape
        (2, 4)
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        values = locals()
        cell = {name: values[name] for name in LSTMCell.arguments}
        rnn = {name: values[name] for name in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")}
        self._make(units, cell, rnn, {"activity_regularizer": activity_regularizer, **kwargs})
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f'LSTM: use_cudnn must be "auto", True or False; received {use_cudnn!r}.')
        self.use_cudnn = use_cudnn

    def _whole(self, sequences: Any, state: list[Any], training: bool) -> Any:
        cell = self.cell
        if type(cell) is not LSTMCell or not self._standard(sequences, state, training):
            return None
        outputs, h, c = lstm(sequences, *state, cell.kernel, cell.recurrent_kernel, cell.bias, self.go_backwards)
        return h, outputs, [h, c]
