"""Control flow on nests of tensors, gradients, and functions of functions."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pronghorn.state.tree import map_structure
from pronghorn_tensorflow.support import nest_io, plain


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Result of one of two functions."""
    if tf.executing_eagerly():
        return true_fn() if bool(pred) else false_fn()
    rebuild: Any = None

    def flat(fn: Callable) -> Callable:
        def run() -> list:
            nonlocal rebuild
            values, rebuild = nest_io(fn())
            return [tf.convert_to_tensor(v) for v in values]

        return run

    return rebuild_after(tf.cond(pred, flat(true_fn), flat(false_fn)), lambda: rebuild)


def rebuild_after(values: Any, rebuild: Callable) -> Any:
    """Put a flat result into the nest that tracing found; TensorFlow unpacks lists of one."""
    return rebuild()(values if isinstance(values, (list, tuple)) else [values])


def while_loop(cond: Callable, body: Callable, loop_vars: tuple, maximum_iterations: Any) -> Any:
    """Repeat `body` while `cond` holds."""
    start, rebuild = nest_io(loop_vars)
    start = [tf.convert_to_tensor(plain(v)) for v in start]
    if tf.executing_eagerly():
        steps, limit = 0, None if maximum_iterations is None else int(maximum_iterations)
        values = rebuild(start)
        while (limit is None or steps < limit) and bool(cond(*values)):
            values = tuple(body(*values))
            steps += 1
        return values
    out = tf.while_loop(
        lambda *flat: cond(*rebuild(flat)),
        lambda *flat: [tf.convert_to_tensor(v) for v in nest_io(tuple(body(*rebuild(flat))))[0]],
        start,
        maximum_iterations=maximum_iterations,
    )
    return rebuild(out if isinstance(out, (list, tuple)) else [out])


def scan(f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
    """Carry a state along the leading axis."""
    start, carry_of = nest_io(init)
    inputs, x_of = nest_io(xs)
    start, inputs = [tf.convert_to_tensor(plain(v)) for v in start], [tf.convert_to_tensor(plain(v)) for v in inputs]
    n = length if length is not None else inputs[0].shape[0]
    n = tf.shape(inputs[0])[0] if n is None else n if tf.is_tensor(n) and not tf.executing_eagerly() else int(n)
    static = isinstance(n, int)

    def step(carry: Sequence, x: Sequence) -> tuple[list, list, Callable]:
        new, y = f(carry_of(carry), x_of(x))
        found, y_of = nest_io(y)
        return [tf.convert_to_tensor(v) for v in nest_io(new)[0]], [tf.convert_to_tensor(v) for v in found], y_of

    if static and n and (tf.executing_eagerly() or unroll is True):
        carry, rows, y_of = start, [], lambda _: None
        slices = [tf.unstack(v, n) for v in inputs]
        for i in range(n - 1, -1, -1) if reverse else range(n):
            carry, y, y_of = step(carry, [s[i] for s in slices])
            rows.append(y)
        columns = zip(*(reversed(rows) if reverse else rows), strict=True)
        return carry_of(carry), y_of([tf.stack(c) for c in columns])

    # what `f` returns for one element decides the arrays of the loop: trace it once on the side
    y_of = carry_of

    def probe(carry: Any, x: Any) -> list:
        nonlocal y_of
        _, y, y_of = step(carry, x)
        return y

    outputs = (
        tf.function(probe, autograph=False)
        .get_concrete_function([tf.TensorSpec(v.shape, v.dtype) for v in start], [tf.TensorSpec(v.shape[1:], v.dtype) for v in inputs])
        .structured_outputs
    )
    if static and not n:
        return carry_of(start), y_of([tf.zeros((0, *y.shape), y.dtype) for y in outputs])
    # reading rows from an array, not by slicing: the gradient of a slice is as large as the whole, at every step
    queues = [tf.TensorArray(v.dtype, n, element_shape=v.shape[1:], clear_after_read=False).unstack(v) for v in inputs]
    arrays = [tf.TensorArray(y.dtype, n, element_shape=y.shape, clear_after_read=False) for y in outputs]

    def body(i: Any, carry: Any, arrays: Any) -> tuple:
        at = n - 1 - i if reverse else i
        new, y, _ = step(carry, [q.read(at) for q in queues])
        return i + 1, new, [a.write(at, v) for a, v in zip(arrays, y, strict=True)]

    _, carry, arrays = tf.while_loop(
        lambda i, *_: i < n, body, (tf.constant(0), start, arrays), maximum_iterations=n, shape_invariants=None, parallel_iterations=32
    )
    stacked = [a.stack() for a in arrays]
    for s, y in zip(stacked, outputs, strict=True):
        s.set_shape((n if static else None, *y.shape))
    return carry_of(carry), y_of(stacked)


def value_and_grad(fn: Callable, values: Sequence[Any]) -> tuple[tuple[Any, Any], list[Any]]:
    """Value, aux and gradients of `fn(values)`."""
    values = [tf.convert_to_tensor(plain(v)) for v in values]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, aux = fn(values)
    if not tf.is_tensor(loss) or loss.shape.rank not in (0, None):
        found = f"a tensor of shape {tuple(loss.shape)}" if tf.is_tensor(loss) else repr(loss)
        raise ValueError(f"value_and_grad: the loss must be a scalar; received {found}. Use ops.mean or ops.sum.")
    # an embedding's gradient arrives as slices of rows
    grads = [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(loss, values)]
    return (loss, aux), grads


def jvp(fn: Callable, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Value of `fn(*primals)` and its derivative along `tangents`."""
    primals = [tf.convert_to_tensor(plain(v)) for v in primals]
    with tf.autodiff.ForwardAccumulator(primals, list(tangents)) as forward:
        out = fn(*primals)
    zeros = tf.UnconnectedGradients.ZERO
    return out, map_structure(lambda y: None if y is None else forward.jvp(y, zeros), out)


def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` on each slice along the leading axis."""
    flat, rebuild = nest_io(elements)
    out_of: Any = None

    def each(rows: Any) -> list:
        nonlocal out_of
        values, out_of = nest_io(function(rebuild(rows)))
        return [tf.convert_to_tensor(v) for v in values]

    return rebuild_after(tf.vectorized_map(each, [tf.convert_to_tensor(plain(v)) for v in flat]), lambda: out_of)
