"""Control flow and transformations of functions on nests of JAX tensors."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from pronghorn.backend.owners import owner, unwrap
from pronghorn_jax.jitting import concrete, tracing

#: an eager scan of more steps than this is worth a compilation
_EAGER_STEPS = 256

_row = jax.jit(lambda x, i: lax.dynamic_index_in_dim(x, i, 0, keepdims=False))
_stack = jax.jit(lambda *rows: jnp.stack(rows))


def _native(nest: Any) -> Any:
    """Return a nest with Variables and host values as JAX tensors."""
    from pronghorn.backend.registry import get

    def leaf(x: Any) -> Any:
        x = unwrap(x)
        return get("jax").from_host(x) if owner(type(x)) is None else x

    return jax.tree.map(leaf, nest)


def _eager(nest: Any) -> bool:
    """Tell whether every tensor holds values, so that Python can run the control flow without compiling anything."""
    return not tracing() or all(concrete(x) for x in jax.tree.leaves(nest))


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Return the result of one of two functions; compiled only where `pred` is not known yet."""
    if concrete(pred):
        return true_fn() if bool(pred) else false_fn()
    return lax.cond(pred, lambda: _native(true_fn()), lambda: _native(false_fn()))


def while_loop(cond: Callable, body: Callable, loop_vars: tuple, maximum_iterations: Any) -> Any:
    """Repeat `body` while `cond` holds: in Python on values, which also keeps reverse-mode gradients possible, else compiled."""
    state, steps = tuple(_native(loop_vars)), 0
    first = cond(*state)
    if concrete(first) and _eager(state):
        holds = bool(first)
        while holds and (maximum_iterations is None or steps < maximum_iterations):
            state = tuple(body(*state))
            steps += 1
            holds = bool(cond(*state))
        return state

    def go_on(carry: Any) -> Any:
        i, values = carry
        holds = cond(*values)
        return holds if maximum_iterations is None else jnp.logical_and(i < maximum_iterations, holds)

    return lax.while_loop(go_on, lambda c: (c[0] + 1, tuple(_native(tuple(body(*c[1]))))), (jnp.int32(0), state))[1]


def scan(f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
    """Carry a state along the leading axis; a short eager scan runs in Python, since compiling a fresh function costs more than it saves."""
    init, xs = _native(init), _native(xs)
    leaves = jax.tree.leaves(xs)
    n = int(length) if length is not None else leaves[0].shape[0]
    if n == 0 or n > _EAGER_STEPS or not _eager((init, xs)):
        return lax.scan(lambda c, x: _native(tuple(f(c, x))), init, xs, n, bool(reverse), unroll=unroll or 1)
    carry, rows = init, [None] * n
    for i in range(n - 1, -1, -1) if reverse else range(n):
        carry, rows[i] = f(carry, jax.tree.map(lambda x: _row(x, i), xs))
    return carry, jax.tree.map(lambda *ys: _stack(*ys), *_native(rows))


def value_and_grad(fn: Callable, values: Any) -> Any:
    """Return `((loss, aux), gradients)` of `fn(values) -> (loss, aux)`; integer tensors have the gradient None."""
    values = list(values)
    wanted = [i for i, v in enumerate(values) if jnp.issubdtype(v.dtype, jnp.inexact)]

    def function(floats: list) -> Any:
        new = list(values)
        for i, x in zip(wanted, floats, strict=True):
            new[i] = x
        return fn(new)

    result, found = jax.value_and_grad(function, has_aux=True)([values[i] for i in wanted])
    gradients: list[Any] = [None] * len(values)
    for i, g in zip(wanted, found, strict=True):
        gradients[i] = g
    return result, gradients


def custom_gradient(f: Callable) -> Callable:
    """Return `f`, which gives `(output, grad_fn)`, as a function of tensors with that gradient; `grad_fn` takes one tensor per output."""

    def pair(*args: Any) -> Any:
        output, grad_fn = f(*args)

        def rule(upstream: Any) -> tuple:
            several = isinstance(output, (tuple, list))
            found = grad_fn(*upstream) if several else grad_fn(upstream)
            found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
            if len(found) != len(args):
                raise ValueError(f"custom_gradient: the gradient function returned {len(found)} gradients for {len(args)} arguments.")
            return tuple(g if g is not None and jnp.issubdtype(jnp.result_type(a), jnp.inexact) else None for a, g in zip(args, found, strict=True))

        return _native(output), rule

    @functools.wraps(f)
    def call(*args: Any) -> Any:
        return jax.custom_gradient(pair)(*[unwrap(a) for a in args])

    return call


def vectorized_map(function: Callable, elements: Any) -> Any:
    """Apply `function` to each slice along the leading axis of a nest, all at once."""
    return jax.vmap(lambda x: _native(function(x)))(_native(elements))


def jvp(fn: Callable, primals: Any, tangents: Any) -> Any:
    """Return `fn(*primals)` and its derivative in the direction of `tangents`."""
    return jax.jvp(lambda *xs: _native(fn(*xs)), tuple(_native(tuple(primals))), tuple(_native(tuple(tangents))))
