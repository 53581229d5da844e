"""Control flow and LU factorisation on NumPy arrays, as plain Python loops."""

from collections.abc import Callable
from typing import Any

import numpy as np


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Call one of two functions."""
    return true_fn() if bool(pred) else false_fn()


def while_loop(cond: Callable, body: Callable, loop_vars: tuple, maximum_iterations: Any) -> Any:
    """Repeat `body` while `cond` holds."""
    steps = 0
    while (maximum_iterations is None or steps < maximum_iterations) and bool(cond(*loop_vars)):
        loop_vars = tuple(body(*loop_vars))
        steps += 1
    return loop_vars


def scan(f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
    """Carry a state along the leading axis."""
    from pronghorn.state.tree import flatten, map_structure

    leaves = flatten(xs)
    n = int(length) if length is not None else leaves[0].shape[0]
    carry, ys = init, []
    for i in range(n - 1, -1, -1) if reverse else range(n):
        carry, y = f(carry, None if xs is None else map_structure(lambda x: x[i], xs))  # noqa: B023
        ys.append(y)
    if reverse:
        ys.reverse()
    if not ys:
        return carry, None
    return carry, map_structure(lambda *rows: None if rows[0] is None else np.stack(rows), *ys)


def lu_factor(x: Any) -> tuple[Any, Any]:
    """Gaussian elimination with partial pivoting (LAPACK getrf), packed."""
    lu = np.array(x)
    m, n = lu.shape[-2:]
    k = min(m, n)
    flat = lu.reshape(-1, m, n)
    pivots = np.zeros((flat.shape[0], k), "int32")
    for a, p in zip(flat, pivots, strict=True):
        for j in range(k):
            row = j + int(np.argmax(np.abs(a[j:, j])))
            p[j] = row
            a[[j, row]] = a[[row, j]]
            if a[j, j] != 0:
                a[j + 1 :, j] /= a[j, j]
                a[j + 1 :, j + 1 :] -= np.outer(a[j + 1 :, j], a[j, j + 1 :])
    return flat.reshape(lu.shape), pivots.reshape(*lu.shape[:-2], k)
