"""Gated recurrent unit (Cho et al., 2014)."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.rnn.cell import Cell, one
from pronghorn.layers.rnn.rnn import CellRNN
from pronghorn.ops.recurrent import gru, gru_step, mixed, projected


class GRUCell(Cell):
    """One step of `GRU`.

    Args:
        units: size of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        reset_after: apply the reset gate after the product with the recurrent kernel.
        seed: seed of the dropout.
    """

    gates = 3
    arguments = (
        "activation",
        "recurrent_activation",
        "use_bias",
        "kernel_initializer",
        "recurrent_initializer",
        "bias_initializer",
        "kernel_regularizer",
        "recurrent_regularizer",
        "bias_regularizer",
        "kernel_constraint",
        "recurrent_constraint",
        "bias_constraint",
        "dropout",
        "recurrent_dropout",
        "reset_after",
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        values = locals()
        self._set(units, {name: values[name] for name in self.arguments})

    def _bias(self) -> Any:
        # the engines' kernels have a bias of their own for the recurrent product
        return ((2, 3 * self.units) if self.reset_after else (3 * self.units,)), self.bias_initializer

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Return the output and the new state."""
        previous = one(states)
        x, h = self._dropped(inputs, previous, training)
        n, gate = self.units, self.recurrent_activation
        bias, recurrent_bias = (None, None) if self.bias is None else (self.bias, None) if not self.reset_after else ops.unstack(self.bias)
        x = projected(x, self.kernel, bias)
        if self.reset_after:
            out = gru_step(x, projected(h, self.recurrent_kernel, recurrent_bias), previous, self.activation, gate)
        else:
            kernel = self.recurrent_kernel
            xz, xr, xh = ops.split(x, 3, axis=-1)
            hz, hr = ops.split(ops.matmul(h, kernel[:, : 2 * n]), 2, axis=-1)
            hh = ops.matmul(ops.multiply(gate(ops.add(xr, hr)), h), kernel[:, 2 * n :])
            out = mixed(gate(ops.add(xz, hz)), previous, self.activation(ops.add(xh, hh)))
        return out, [out] if isinstance(states, (list, tuple)) else out


class GRU(CellRNN):
    """Gated recurrent unit (Cho et al., 2014).

    Args:
        units: size of the output.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        reset_after: apply the reset gate after the product with the recurrent kernel.
        seed: seed of the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Example:
        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 5, 3), "float32")).shape
        (2, 4)
    """

    cell_class = GRUCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        values = locals()
        cell = {name: values[name] for name in GRUCell.arguments}
        rnn = {name: values[name] for name in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")}
        self._make(units, cell, rnn, {"activity_regularizer": activity_regularizer, **kwargs})
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f'GRU: use_cudnn must be "auto", True or False; received {use_cudnn!r}.')
        self.use_cudnn = use_cudnn

    def _whole(self, sequences: Any, state: list[Any], training: bool) -> Any:
        cell = self.cell
        if type(cell) is not GRUCell or not cell.reset_after or not self._standard(sequences, state, training):
            return None
        outputs, h = gru(sequences, *state, cell.kernel, cell.recurrent_kernel, cell.bias, self.go_backwards)
        return h, outputs, [h]
