"""Recurrences along a sequence that engines have a kernel for; no part of the public API."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.control import scan
from pronghorn.ops.creation import ndim
from pronghorn.ops.fused import linear
from pronghorn.ops.nn import sigmoid
from pronghorn.ops.shaping import flip, split, unstack

__all__: list[str] = []


def swap_steps(x: Any) -> Any:
    """Exchange the first two axes, samples and steps."""
    return p.transpose(x, (1, 0, *range(2, ndim(x))))


def along(step: Callable, state: Any, xs: Any, go_backwards: bool = False) -> tuple[Any, Any]:
    """Scan the steps on the first axis of `xs`; return the last state and the outputs (samples, steps, ...) in the order in which they were computed."""
    state, ys = scan(step, state, xs, reverse=go_backwards)
    return state, swap_steps(flip(ys, 0) if go_backwards else ys)


def projected(x: Any, kernel: Any, bias: Any = None) -> Any:
    """Return `x @ kernel`, plus `bias` where there is one."""
    return p.matmul(x, kernel) if bias is None else linear(x, kernel, bias)


def lstm_step(z: Any, carry: Any, activation: Callable, gate: Callable) -> tuple[Any, Any]:
    """Return output and cell state for the sums `z` (samples, 4 * units) of the input, forget, candidate and output gates."""
    i, f, c, o = split(z, 4, axis=-1)
    carry = p.add(p.multiply(gate(f), carry), p.multiply(gate(i), activation(c)))
    return p.multiply(gate(o), activation(carry)), carry


def gru_step(x: Any, h: Any, state: Any, activation: Callable, gate: Callable) -> Any:
    """Return the new state for sums of the input and of the state (samples, 3 * units) each: update gate, reset gate, candidate."""
    (xz, xr, xh), (hz, hr, hh) = split(x, 3, axis=-1), split(h, 3, axis=-1)
    z, r = gate(p.add(xz, hz)), gate(p.add(xr, hr))
    return mixed(z, state, activation(p.add(xh, p.multiply(r, hh))))


def mixed(z: Any, state: Any, candidate: Any) -> Any:
    """Return `z * state + (1 - z) * candidate`."""
    return p.add(p.multiply(z, state), p.multiply(p.subtract(1.0, z), candidate))


@op(operands="x h c kernel recurrent_kernel bias", dtype=floating)
def lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, go_backwards: bool = False) -> tuple[Any, Any, Any]:
    """Run a long short-term memory (Hochreiter and Schmidhuber, 1997) along the second axis.

    Args:
        x: (samples, steps, features); at least one step.
        h, c: output and cell state to start with, (samples, units).
        kernel, recurrent_kernel, bias: (features, 4 * units), (units, 4 * units) and (4 * units,); the gates in the order input, forget, candidate, output.
        go_backwards: from the last step to the first.

    Returns:
        The outputs (samples, steps, units) in the order in which they were computed, the last output and the last cell state.

    Example:
        >>> lstm([[[1.0]]], [[0.0]], [[1.0]], [[0.0] * 4], [[0.0] * 4])[2].tolist()
        [[0.5]]
    """

    def step(state: Any, x: Any) -> Any:
        h, c = lstm_step(p.add(projected(x, kernel, bias), p.matmul(state[0], recurrent_kernel)), state[1], p.tanh, sigmoid)
        return (h, c), h

    (h, c), outputs = along(step, (h, c), swap_steps(x), go_backwards)
    return outputs, h, c


@op(operands="x h kernel recurrent_kernel bias", dtype=floating)
def gru(x: Any, h: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, go_backwards: bool = False) -> tuple[Any, Any]:
    """Run gated recurrent units (Cho et al., 2014), with the reset gate applied after the recurrent product, along the second axis.

    Args:
        x: (samples, steps, features); at least one step.
        h: state to start with, (samples, units).
        kernel, recurrent_kernel, bias: (features, 3 * units), (units, 3 * units) and (2, 3 * units), for the input and for the state; the gates stand in
            the order update, reset, candidate.
        go_backwards: from the last step to the first.

    Returns:
        The outputs (samples, steps, units) in the order in which they were computed, and the last state.

    Example:
        >>> gru([[[1.0]]], [[1.0]], [[0.0] * 3], [[0.0] * 3])[1].tolist()
        [[0.5]]
    """
    own, recurrent = (None, None) if bias is None else unstack(bias)

    def step(h: Any, x: Any) -> Any:
        h = gru_step(projected(x, kernel, own), projected(h, recurrent_kernel, recurrent), h, p.tanh, sigmoid)
        return h, h

    h, outputs = along(step, h, swap_steps(x), go_backwards)
    return outputs, h
