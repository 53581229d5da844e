"""Fully connected recurrence: the output is fed back as state."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.rnn.cell import Cell, one
from pronghorn.layers.rnn.rnn import CellRNN
from pronghorn.ops.recurrent import projected


class SimpleRNNCell(Cell):
    """One step of `SimpleRNN`.

    Args:
        units: size of the output.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        seed: seed of the dropout.
    """

    gates = 1
    arguments = (
        "activation",
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
        "seed",
    )

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        values = locals()
        self._set(units, {name: values[name] for name in self.arguments})

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        """Return the output and the new state."""
        x, h = self._dropped(sequence, one(states), training)
        out = ops.add(projected(x, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel))
        out = self.activation(out) if self.activation is not None else out
        return out, [out] if isinstance(states, (list, tuple)) else out


class SimpleRNN(CellRNN):
    """Fully connected recurrence: the output is fed back as state.

    Args:
        units: size of the output.
        activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer: see `Dense`; "recurrent" concerns the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint: for the weights.
        dropout, recurrent_dropout: fraction of inputs and of state entries dropped; the same along a sequence.
        seed: seed of the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Example:
        >>> import numpy as np
        >>> SimpleRNN(4)(np.ones((2, 5, 3), "float32")).shape
        (2, 4)
    """

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ):
        values = locals()
        cell = {name: values[name] for name in SimpleRNNCell.arguments}
        rnn = {name: values[name] for name in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")}
        self._make(units, cell, rnn, {"activity_regularizer": activity_regularizer, **kwargs})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; as in Keras, the seed only where there is one."""
        config = super().get_config()
        if config.get("seed") is None:
            config.pop("seed", None)
        return config
