"""Recurrences as OpenVINO's own sequences, where the weights are constants; loops over the steps otherwise."""

from typing import Any

import numpy as np

from pronghorn_openvino.engine import o
from pronghorn_openvino.graph import Graph, Value, ints
from pronghorn_openvino.lowering import lower


def _weights(array: Any, gates: tuple[int, ...]) -> Any:
    """A matrix (rows, gates * units) or biases (gates * units,) as OpenVINO wants them: (1, gates * units, ...), the gates in another order."""
    parts = np.split(np.asarray(array, np.float32), len(gates), axis=-1)
    return o.constant(np.ascontiguousarray(np.concatenate([parts[g] for g in gates], axis=-1).T[None]))


def _start(x: Value) -> Any:
    return o.unsqueeze(x.plain, ints([1]))


def _lengths(x: Value) -> Any:
    """All steps, for each sample."""
    shape = o.shape_of(x.plain, "i32")
    return o.broadcast(o.gather(shape, ints([1]), ints(0)), o.gather(shape, ints([0]), ints(0)))


def _outputs(node: Any, dtype: str, go_backwards: bool) -> tuple[Value, ...]:
    """The outputs of all steps, (samples, 1, steps, units) and in the order of time, and the last states, (samples, 1, units)."""
    steps, *states = [Value(o.squeeze(part, ints([1])), dtype) for part in node.outputs()]
    if go_backwards:
        steps = Value(o.slice(steps.node, ints([-1]), ints([np.iinfo(np.int64).min]), ints([-1]), ints([1])), dtype)
    return steps, *states


def _known(*values: Any) -> bool:
    return all(not isinstance(v, Value) or v.array is not None for v in values)


@lower("lstm")
def _lstm(g: Graph, out: Any, x: Value, h: Value, c: Value, kernel: Value, recurrent: Value, bias: Any, go_backwards: bool) -> Any:
    if not _known(kernel, recurrent, bias):
        return None
    gates, units = (1, 0, 2, 3), h.dims[-1]
    node = o.lstm_sequence(
        x.plain, _start(h), _start(c), _lengths(x), _weights(kernel.array, gates), _weights(recurrent.array, gates),
        _weights(np.zeros(4 * units) if bias is None else bias.array, gates), units, "reverse" if go_backwards else "forward",
    )  # fmt: skip
    return _outputs(node, x.dtype, go_backwards)


@lower("gru")
def _gru(g: Graph, out: Any, x: Value, h: Value, kernel: Value, recurrent: Value, bias: Any, go_backwards: bool) -> Any:
    if not _known(kernel, recurrent, bias):
        return None
    gates, units = (0, 1, 2), h.dims[-1]
    own, state = np.zeros((2, 3 * units), np.float32) if bias is None else np.asarray(bias.array, np.float32)
    biases = np.concatenate([(own + state)[: 2 * units], own[2 * units :], state[2 * units :]])
    node = o.gru_sequence(
        x.plain, _start(h), _lengths(x), _weights(kernel.array, gates), _weights(recurrent.array, gates), o.constant(biases[None]), units,
        "reverse" if go_backwards else "forward", linear_before_reset=True,
    )  # fmt: skip
    return _outputs(node, x.dtype, go_backwards)
