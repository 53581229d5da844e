"""What recurrent cells share: weights of gates, configuration, dropout masks held fixed along a sequence."""

from typing import Any

from pronghorn import activations, constraints, initializers, ops, random, regularizers
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer

# argument -> module that reads and writes it
_PARTS = {
    "activation": activations, "recurrent_activation": activations, "kernel_initializer": initializers, "recurrent_initializer": initializers,
    "bias_initializer": initializers, "kernel_regularizer": regularizers, "recurrent_regularizer": regularizers, "bias_regularizer": regularizers,
    "kernel_constraint": constraints, "recurrent_constraint": constraints, "bias_constraint": constraints,
}  # fmt: skip


class Cell(Layer):
    """Base of the built-in cells.

    Args:
        units: size of the state.
        gates: number of blocks side by side in the kernels.
        options: the remaining arguments of the cell, by name.
    """

    gates = 1
    arguments: tuple[str, ...] = ()

    def _set(self, units: int, options: dict[str, Any]) -> None:
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"{type(self).__name__}: units must be a positive integer; received {units!r}.")
        self.units = units
        self.dropout: float = 0.0
        self.recurrent_dropout: float = 0.0
        for name, value in options.items():
            setattr(self, name, _PARTS[name].get(value) if name in _PARTS else value)
        self.dropout = min(1.0, max(0.0, self.dropout))
        self.recurrent_dropout = min(1.0, max(0.0, self.recurrent_dropout))
        self.seed_generator = random.SeedGenerator(options.get("seed"))
        self.state_size: Any = units
        self.output_size = units
        self._input_mask: Any = None
        self._state_mask: Any = None

    def _bias(self) -> Any:
        """Shape and initializer of the bias."""
        return (self.units * self.gates,), self.bias_initializer

    def build(self, input_shape: Any) -> None:
        """Make kernel, recurrent kernel and bias."""
        width = self.units * self.gates
        for name, label, size in (("kernel", "kernel", input_shape[-1]), ("recurrent_kernel", "recurrent", self.units)):
            weight = self.add_weight(
                shape=(size, width),
                name=name,
                initializer=getattr(self, f"{label}_initializer"),
                regularizer=getattr(self, f"{label}_regularizer"),
                constraint=getattr(self, f"{label}_constraint"),
            )
            setattr(self, name, weight)
        self.bias = None
        if self.use_bias:
            shape, start = self._bias()
            self.bias = self.add_weight(shape=shape, name="bias", initializer=start, regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        self.input_spec = InputSpec(ndim=2, axes={-1: input_shape[-1]})

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return zeros for a batch."""
        sizes = self.state_size if isinstance(self.state_size, (list, tuple)) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def prepare(self, x: Any, state: Any, training: bool) -> None:
        """Draw the dropout masks that hold for a whole sequence; `x` and `state` show the shapes."""
        self.reset_masks()
        if training:
            self.get_dropout_mask(x)
            self.get_recurrent_dropout_mask(state)

    def get_dropout_mask(self, step_input: Any) -> Any:
        """Return the mask of the inputs, the same until it is reset; None without dropout."""
        if self._input_mask is None and self.dropout > 0:
            self._input_mask = random.dropout(ops.ones_like(step_input), self.dropout, seed=self.seed_generator)
        return self._input_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """Return the mask of the state, the same until it is reset; None without dropout."""
        if self._state_mask is None and self.recurrent_dropout > 0:
            self._state_mask = random.dropout(ops.ones_like(step_input), self.recurrent_dropout, seed=self.seed_generator)
        return self._state_mask

    def reset_dropout_mask(self) -> None:
        """Forget the mask of the inputs."""
        self._input_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Forget the mask of the state."""
        self._state_mask = None

    def reset_masks(self) -> None:
        """Forget both masks."""
        self._input_mask = self._state_mask = None

    def _dropped(self, x: Any, h: Any, training: bool) -> tuple[Any, Any]:
        """Apply dropout to the input and the state of one step."""
        if not training or not (self.dropout or self.recurrent_dropout):
            return x, h
        own = self._input_mask is None and self._state_mask is None
        if own:  # the cell is used by itself, a step at a time
            self.prepare(x, h, training)
        if self._input_mask is not None:
            x = ops.multiply(x, self._input_mask)
        if self._state_mask is not None:
            h = ops.multiply(h, self._state_mask)
        if own:
            self.reset_masks()
        return x, h

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = {"units": self.units}
        for name in self.arguments:
            value = getattr(self, name)
            config[name] = _PARTS[name].serialize(value) if name in _PARTS else value
        return {**super().get_config(), **config}


def one(states: Any) -> Any:
    """Return the first of a cell's states, given alone or in a list."""
    return states[0] if isinstance(states, (list, tuple)) else states
