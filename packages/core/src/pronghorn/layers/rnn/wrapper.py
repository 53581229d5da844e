"""Layers around a layer that sees one step, or a whole sequence."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.core.simple import Wrapper
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.layers.rnn.rnn import RNN
from pronghorn.state.tree import flatten


class TimeDistributed(Wrapper):
    """Applies a layer to every step of (batch, steps, ...).

    Args:
        layer: the layer.

    Example:
        >>> import numpy as np
        >>> import pronghorn as ph
        >>> TimeDistributed(ph.layers.Dense(4))(np.ones((2, 5, 3), "float32")).shape
        (2, 5, 4)
    """

    def __init__(self, layer: Any, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Build the layer for one step."""
        if len(input_shape) < 3:
            raise ValueError(f"TimeDistributed expects inputs of rank 3 or more, (batch, steps, ...); received shape {tuple(input_shape)}.")
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Fold the steps into the batch, apply the layer, unfold."""
        from pronghorn.layers.signature import call_info

        dims = ops.shape(inputs)
        options = {"training": training} if call_info(type(self.layer)).has_training else {}
        folded = self.layer(ops.reshape(inputs, (-1, *dims[2:])), **options)
        return ops.reshape(folded, (-1 if not isinstance(dims[0], int) else dims[0], dims[1], *ops.shape(folded)[1:]))


_MERGES: dict[Any, Any] = {
    "sum": ops.add,
    "mul": ops.multiply,
    "ave": lambda x, y: ops.divide(ops.add(x, y), 2.0),
    "concat": lambda x, y: ops.concatenate([x, y], axis=-1),
    None: None,
}


class Bidirectional(Layer):
    """Runs a recurrent layer forwards and a copy of it backwards.

    Args:
        layer: recurrent layer.
        merge_mode: "sum", "mul", "ave", "concat", or None for a list of both.
        weights: start weights, those of the forward layer first.
        backward_layer: another layer for backwards; it must have `go_backwards` opposite to that of `layer`.

    Example:
        >>> import numpy as np
        >>> import pronghorn as ph
        >>> Bidirectional(ph.layers.LSTM(4))(np.ones((2, 5, 3), "float32")).shape
        (2, 8)
    """

    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(f"Bidirectional: expected a layer; received {layer!r}.")
        if merge_mode not in _MERGES:
            raise ValueError(f"Bidirectional: merge_mode must be one of {list(_MERGES)}; received {merge_mode!r}.")
        if backward_layer is not None and backward_layer.go_backwards == layer.go_backwards:
            raise ValueError("Bidirectional: layer and backward_layer must differ in go_backwards.")
        super().__init__(**kwargs)
        config = layer.get_config()
        name = config["name"].removeprefix("forward_").removeprefix("backward_")
        self.forward_layer = type(layer).from_config({**config, "name": f"forward_{name}"})
        if backward_layer is None:
            config["go_backwards"] = not config["go_backwards"]
            self.backward_layer = type(layer).from_config({**config, "name": f"backward_{name}"})
        else:
            self.backward_layer = backward_layer
        if layer.return_sequences:  # the steps of padding come first for the layer that runs backwards: its outputs there must not leak
            for child in (self.forward_layer, self.backward_layer):
                child.zero_output_for_mask = True
        self.merge_mode, self.return_sequences, self.return_state = merge_mode, layer.return_sequences, layer.return_state
        self.stateful = layer.stateful
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)
        self._start_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._start_weights is not None:
            self.set_weights(self._start_weights)
            self._start_weights = None

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        """Return the merged outputs, followed by the states of both with `return_state`."""
        forward, backward = {}, {}
        if initial_state is not None:
            states = flatten(initial_state)
            half = len(states) // 2
            forward, backward = {"initial_state": states[:half]}, {"initial_state": states[half:]}
        options = {"training": training} if training is not None else {}
        if mask is not None:
            options["mask"] = mask
        a = self.forward_layer(sequences, **forward, **options)
        b = self.backward_layer(sequences, **backward, **options)
        states = []
        if self.return_state:
            states = [*a[1:], *b[1:]]
            a, b = a[0], b[0]
        if self.return_sequences:
            b = ops.flip(b, axis=1)
        out = (a, b) if self.merge_mode is None else _MERGES[self.merge_mode](a, b)
        if self.return_state:
            return (*out, *states) if self.merge_mode is None else (out, *states)
        return out

    def compute_mask(self, _: Any, mask: Any) -> Any:
        """Return the mask of the steps where sequences are returned."""
        mask = flatten(mask)[0] if mask is not None else None
        out = mask if self.return_sequences else None
        outs = [out, out] if self.merge_mode is None else [out]
        if self.return_state:
            return [*outs, *[None] * (2 * len(flatten(self.forward_layer.state_size)))]
        return outs if self.merge_mode is None else out

    def reset_state(self) -> None:
        """Set the carried states to zero."""
        for layer in (self.forward_layer, self.backward_layer):
            if isinstance(layer, RNN):
                layer.reset_state()

    reset_states = reset_state

    @property
    def states(self) -> Any:
        """Carried states of both layers, forward first; None where nothing is carried."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return None if not forward or not backward else (*forward, *backward)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        from pronghorn.saving.registry import serialize_keras_object

        inside = {"layer": serialize_keras_object(self.forward_layer), "backward_layer": serialize_keras_object(self.backward_layer)}
        return {**super().get_config(), "merge_mode": self.merge_mode, **inside}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the layer of a config."""
        from pronghorn.saving.registry import deserialize_keras_object

        config = dict(config)
        layer = deserialize_keras_object(config.pop("layer"), custom_objects)
        backward = config.pop("backward_layer", None)
        return cls(layer, backward_layer=None if backward is None else deserialize_keras_object(backward, custom_objects), **config)
