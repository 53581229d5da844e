"""Running a cell along a sequence."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn import activations, ops
from pronghorn.backend.dtypes import numpy_dtype
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.layers.tracking import Carried
from pronghorn.ops.recurrent import along, swap_steps
from pronghorn.state.naming import to_snake_case
from pronghorn.state.tree import flatten, map_structure, pack
from pronghorn.state.variable import Variable


class StackedRNNCells(Layer):
    """Several cells on top of each other as one cell.

    Args:
        cells: the cells, the lowest first.
    """

    def __init__(self, cells: list[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "state_size"):
                raise ValueError(f"StackedRNNCells: every cell needs a state_size; {cell!r} has none.")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """State sizes of the cells."""
        return [c.state_size for c in self.cells]

    @property
    def output_size(self) -> Any:
        """Output size of the last cell."""
        return self.cells[-1].output_size

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return the initial states of the cells."""
        found = [c.get_initial_state(batch_size=batch_size) for c in self.cells]
        # a cell with one state, whose size is no list, has a tensor in the place of a list
        return [s[0] if isinstance(s, (list, tuple)) and not isinstance(c.state_size, (list, tuple)) else s for c, s in zip(self.cells, found, strict=True)]

    def build(self, input_shape: Any) -> None:
        """Build the cells one after the other."""
        for cell in self.cells:
            if not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], cell.output_size)

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        """Run one step through all cells."""
        new = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, found = cell(inputs, state if isinstance(state, (list, tuple)) else [state], training=training)
            new.append(found if isinstance(state, (list, tuple)) else (found[0] if isinstance(found, (list, tuple)) else found))
        return inputs, new

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        from pronghorn.saving.registry import serialize_keras_object

        return {**super().get_config(), "cells": [serialize_keras_object(c) for c in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StackedRNNCells":
        """Return the layer of a config."""
        from pronghorn.saving.registry import deserialize_keras_object

        config = dict(config)
        return cls([deserialize_keras_object(c, custom_objects) for c in config.pop("cells")], **config)


class RNN(Layer):
    """Runs a cell along the second axis of (batch, steps, ...).

    Args:
        cell: a layer with `state_size` and `call(inputs, states) -> (output, new states)`, or a list of them.
        return_sequences: return the output of every step instead of the last.
        return_state: also return the final states.
        go_backwards: run from the last step to the first.
        stateful: start where the batch before ended.
        unroll: a Python loop instead of the engine's; for short sequences.
        zero_output_for_mask: with a mask and `return_sequences`, masked steps give zeros instead of the output before them.
    """

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
        unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        cell = StackedRNNCells(list(cell)) if isinstance(cell, (list, tuple)) else cell
        for what in ("call", "state_size"):
            if not hasattr(cell, what):
                raise ValueError(f"RNN: the cell needs {what}; received {cell!r}.")
        self.cell = cell
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        self.supports_masking = True
        self.input_spec: Any = None
        self._carried: Any = None

    @property
    def states(self) -> Any:
        """Variables that carry the state from batch to batch; None where nothing is carried."""
        return None if self._carried is None else map_structure(lambda c: c.state, self._carried)

    @property
    def state_size(self) -> Any:
        """State size of the cell."""
        return self.cell.state_size

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell, and the carried state of a stateful layer."""
        if not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            self._make_states(sequences_shape[0])

    def _make_states(self, batch: Any) -> None:
        if batch is None:
            raise ValueError(
                f'Layer "{self.name}" is stateful, so it needs a fixed batch size. '
                "Give it with Input(batch_shape=(size, ...)) or build((size, steps, features))."
            )
        self._carried = map_structure(lambda s: Carried(self._zeros(ops.shape(s))), self._start(batch))

    def _zeros(self, shape: tuple) -> Any:
        path = f"{self.path}/rnn_state"
        return Variable(np.zeros(shape, numpy_dtype(self.variable_dtype)), dtype=self.variable_dtype, trainable=False, name="rnn_state", path=path)

    def _start(self, batch: Any, sequences: Any = None) -> list[Any]:
        found = self.cell.get_initial_state(batch_size=batch) if hasattr(self.cell, "get_initial_state") else None
        if found is None:
            sizes = self.cell.state_size if isinstance(self.cell.state_size, (list, tuple)) else [self.cell.state_size]
            found = [ops.zeros((batch, *(s if isinstance(s, tuple) else (s,))), dtype=self.compute_dtype) for s in sizes]
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Return the state a sequence starts with."""
        return self._start(batch_size)

    def reset_state(self) -> None:
        """Set the carried state to zero."""
        if self.states is not None:
            for v in flatten(self.states):
                v.assign(ops.zeros(v.shape, v.dtype))

    reset_states = reset_state

    def compute_mask(self, _: Any, mask: Any) -> Any:
        """Return the mask of the outputs: that of the steps where sequences are returned."""
        mask = flatten(mask)[0] if mask is not None else None
        out = mask if self.return_sequences else None
        return [out] + [None] * len(flatten(self.state_size)) if self.return_state else out

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """Return outputs (batch, [steps,] units), followed by the final states with `return_state`."""
        if isinstance(sequences, (list, tuple)):
            sequences, *rest = sequences
            initial_state = rest if initial_state is None and rest else initial_state
        steps = ops.shape(sequences)[1]
        if self.unroll and not isinstance(steps, int):
            raise ValueError(f'Layer "{self.name}": unroll=True needs a known number of steps.')
        if initial_state is not None:
            start = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        elif self.stateful and self.states is not None:
            start = map_structure(lambda v: v.value, self.states)
        else:
            start = self._start(ops.shape(sequences)[0], sequences)
        last, outputs, state = self.inner_loop(sequences, start, mask, training)
        if self.stateful and self.states is not None:
            for v, s in zip(flatten(self.states), flatten(state), strict=True):
                v.assign(s)
        out = outputs if self.return_sequences else last
        return (out, *state) if self.return_state else out

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple[Any, Any, Any]:
        """Return (last output, outputs of all steps, final state) for sequences that start with `initial_state`."""
        found = self._whole(sequences, initial_state, training) if mask is None and not self.unroll else None
        if found is not None:
            return found
        prepares = hasattr(self.cell, "prepare")
        if prepares:
            self.cell.prepare(sequences[:, 0], flatten(initial_state)[0], training)
        try:
            return self._run(sequences, initial_state, mask, training)
        finally:
            if prepares:
                self.cell.reset_masks()

    def _whole(self, sequences: Any, state: list[Any], training: bool) -> Any:
        """Run what engines have one kernel for; None where the cell has to be run step by step."""
        return None

    def _run(self, sequences: Any, start: list[Any], mask: Any, training: bool) -> tuple[Any, Any, Any]:
        steps = ops.shape(sequences)[1]
        xs = swap_steps(sequences)
        masks = None
        if mask is not None:
            masks = ops.transpose(ops.cast(mask, "bool"), (1, 0))
        flat = flatten(start)

        def step(carry: Any, x: Any) -> Any:
            states, before = carry
            inputs, keep = x if masks is not None else (x, None)
            output, new = self.cell(inputs, pack(start, states), training=training) if _takes_training(self.cell) else self.cell(inputs, pack(start, states))
            new = flatten(new)
            shown = output
            if keep is not None:

                def choose(a: Any, b: Any) -> Any:
                    return ops.where(ops.reshape(keep, (-1,) + (1,) * (len(ops.shape(a)) - 1)), a, b)

                new = [choose(a, b) for a, b in zip(new, states, strict=True)]
                output = choose(output, before)
                shown = choose(shown, ops.zeros_like(shown)) if self.zero_output_for_mask else output
            return (new, output), shown

        blank = self._blank(sequences, flat)
        if self.unroll:
            carry: Any = (flat, blank)
            shown = []
            order = range(steps - 1, -1, -1) if self.go_backwards else range(steps)
            for i in order:
                carry, y = step(carry, (xs[i], masks[i]) if masks is not None else xs[i])
                shown.append(y)
            outputs = ops.stack(shown, axis=1)
        else:
            carry, outputs = along(step, (flat, blank), (xs, masks) if masks is not None else xs, self.go_backwards)
        states, last = carry
        return last, outputs, pack(start, states)

    def _blank(self, sequences: Any, flat: list[Any]) -> Any:
        """The output that masked steps repeat where no step came before them."""
        size = self.cell.output_size if hasattr(self.cell, "output_size") else flatten(self.cell.state_size)[0]
        return ops.zeros((ops.shape(sequences)[0], *(size if isinstance(size, (list, tuple)) else (size,))), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        config = {**super().get_config(), **{n: getattr(self, n) for n in names}}
        if type(self) is RNN:
            from pronghorn.saving.registry import serialize_keras_object

            config["cell"] = serialize_keras_object(self.cell)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the layer of a config."""
        config = dict(config)
        if "cell" in config:
            from pronghorn.saving.registry import deserialize_keras_object

            config["cell"] = deserialize_keras_object(config["cell"], custom_objects)
        return cls(**config)


def _takes_training(cell: Any) -> bool:
    from pronghorn.layers.signature import call_info

    return call_info(type(cell)).has_training


class CellRNN(RNN):
    """Base of the layers that make their own cell; arguments of the cell read and write through."""

    cell_class: Any = None

    def _make(self, units: int, cell: dict[str, Any], rnn: dict[str, Any], kwargs: dict[str, Any]) -> None:
        self._around(lambda **base: self.cell_class(units, **cell, **base), rnn, kwargs)
        self.input_spec = InputSpec(ndim=3)

    def _around(self, make: Callable, rnn: dict[str, Any], kwargs: dict[str, Any]) -> None:
        """Make the cell with what it has in common with the layer, and the layer around it."""
        base = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        RNN.__init__(self, make(**base, name=to_snake_case(self.cell_class.__name__)), **rnn, **kwargs)

    def _standard(self, sequences: Any, state: list[Any], training: bool) -> bool:
        """Whether the cell does what engines' kernels do: their activations, no dropout, one dtype, and at least one step."""
        cell = self.cell
        return (
            cell.activation is activations.tanh
            and cell.recurrent_activation is activations.sigmoid
            and self.use_cudnn is not False
            and not (training and (cell.dropout or cell.recurrent_dropout))
            and cell.compute_dtype == self.compute_dtype
            and all(ops.dtype_of(x) == self.compute_dtype for x in (sequences, *state))
            and ops.shape(sequences)[1] != 0
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a config."""
        return super().from_config(config)

    def __getattr__(self, name: str) -> Any:
        cell = self.__dict__.get("cell")
        if cell is not None and (name == "units" or name in cell.arguments):
            return getattr(cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        from pronghorn import regularizers

        own = self.cell.get_config()
        own["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {**super().get_config(), **{k: v for k, v in own.items() if k not in ("name", "trainable", "dtype")}}
