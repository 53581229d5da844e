"""Control flow and functions of functions.

The functions given here may write variables, even where an engine traces them: a write inside a traced branch or loop is found, the variable is then
carried through as one more value, and the write takes effect once, outside.
"""
# ruff: noqa: A001

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import primitives as p
from pronghorn.backend import registry
from pronghorn.backend.dims import Dim
from pronghorn.backend.owners import owner, pick, unwrap
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.creation import convert_to_numpy, convert_to_tensor, ndim, shape
from pronghorn.state.binding import STATE, Scope, commit
from pronghorn.state.tree import flatten, map_structure
from pronghorn.symbolic.graph import TRACE, record
from pronghorn.symbolic.spec import Spec

__all__ = ["associative_scan", "cond", "fori_loop", "map", "scan", "switch", "while_loop"]


# -- variables written inside --------------------------------------------------------------------------------------------------------------
class _Write(BaseException):
    """A variable is written that the loop does not carry yet."""

    def __init__(self, variable: Any):
        self.variable = variable


class _Carried(Scope):
    """A scope that knows every variable it may write."""

    def write(self, variable: Any, value: Any) -> None:
        if variable not in self.values:
            raise _Write(variable)
        self.values[variable] = self.written[variable] = value


def _carrying(run: Callable[[list], tuple[Any, list]]) -> Any:
    """Call `run(variables)` until `variables` holds all that it writes; it returns a result and the variables' last values."""
    variables: list[Any] = []
    if STATE.scope is not None and STATE.scope.symbolic:
        return run(variables)[0]
    while True:
        try:
            out, values = run(variables)
        except _Write as found:
            if found.variable in variables:
                raise RuntimeError(f"The write to variable {found.variable.path} cannot be carried out of this function.") from None
            variables.append(found.variable)
            continue
        commit(dict(zip(variables, values, strict=True)))
        return out


def _inside(fn: Callable, variables: list, values: Any, *args: Any) -> tuple[Any, list]:
    """Run `fn` with the carried variables bound; return its result and their new values."""
    if STATE.scope is not None and STATE.scope.symbolic:
        return fn(*args), []
    with _Carried(variables, values) as scope:
        out = fn(*args)
    return out, [scope.values[v] for v in variables]


# -- nests and specs -----------------------------------------------------------------------------------------------------------------------
def _backend(name: str, *nests: Any) -> Any:
    return pick(name, [unwrap(v) for v in flatten(nests)])


def _native(b: Any, nest: Any) -> Any:
    """A nest with every leaf a tensor of `b`; None stays."""

    def to(v: Any) -> Any:
        v = unwrap(v)
        if v is None or owner(type(v)) is not None or isinstance(v, Spec):
            return v
        with _within(b):
            return convert_to_tensor(v)

    return map_structure(to, nest)


def _symbolic(*nests: Any) -> bool:
    """Whether shapes alone are asked for; while a compiler records a tape, specs are tensors of the symbolic backend."""
    return TRACE.tape is None and any(isinstance(v, Spec) for v in flatten(nests))


def _within(b: Any) -> Any:
    """The context in which functions of tensors of `b` run."""
    return registry.use_backend(b.name if b.name in registry.LOADED else "numpy")


def _recorded(fn: Callable, args: tuple, kwargs: dict, infer: Callable[[], Any]) -> Any:
    """The specs that `infer` gives, as one node of the graph."""
    TRACE.depth += 1
    try:
        with registry.use_backend("numpy"):
            out = infer()
    finally:
        TRACE.depth -= 1
    return out if TRACE.depth or TRACE.tape is not None else record(fn, args, kwargs, out, fn.__name__)


def _spec(x: Any) -> Any:
    from pronghorn.symbolic.backend import aval

    if x is None or isinstance(x, Spec):
        return x
    found = aval(x)
    return Spec(found.dims, found.dtype)


def _row(x: Any) -> Any:
    """The spec of one slice along the leading axis."""
    if x is None:
        return None
    s = _spec(x)
    if not s.dims:
        raise ValueError("Expected tensors with a leading axis; received a scalar.")
    return Spec(s.dims[1:], s.dtype)


def _rows(x: Any, n: Any) -> Any:
    if x is None:
        return None
    s = _spec(x)
    return Spec((n, *s.dims), s.dtype)


# -- branches ------------------------------------------------------------------------------------------------------------------------------
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Return the result of one of two functions without arguments.

    Args:
        pred: scalar boolean.
        true_fn, false_fn: functions that return nests of tensors of one structure, shapes and dtypes.

    Example:
        >>> cond(True, lambda: 1, lambda: 2)
        1
    """
    pred = unwrap(pred)
    if isinstance(pred, Spec) and TRACE.tape is None:
        return _recorded(cond, (pred, true_fn, false_fn), {}, lambda: _both(true_fn, false_fn))
    b = owner(type(pred))
    if b is None or b.is_concrete(pred):
        # with the value known there is nothing to trace: the branch runs as plain code
        chosen = bool(pred) if b is None else bool(b.convert_to_numpy(pred))
        return true_fn() if chosen else false_fn()
    if ndim(pred):
        raise ValueError(f"cond: pred must be a scalar; received shape {b.static_shape(pred)}.")
    flag = pred if b.dtype(pred) == "bool" else b.cast(pred, "bool")

    def run(variables: list) -> tuple[Any, list]:
        def branch(fn: Callable) -> Callable:
            def call() -> Any:
                out, values = _inside(fn, variables, [v.value for v in variables])
                return _native(b, out), values

            return call

        return b.cond(flag, branch(true_fn), branch(false_fn))

    return _carrying(run)


def _both(true_fn: Callable, false_fn: Callable) -> Any:
    one, two = true_fn(), false_fn()

    def join(a: Any, b: Any) -> Any:
        if a is None and b is None:
            return None
        s, t = _spec(a), _spec(b)
        if len(s.dims) != len(t.dims) or s.dtype != t.dtype:
            raise ValueError(f"cond: the branches give different tensors: {s} and {t}.")
        return Spec(tuple(i if i == j else Dim() for i, j in zip(s.dims, t.dims, strict=True)), s.dtype)

    return map_structure(join, one, two)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Return the result of one of several functions of `operands`; an index outside is moved to the nearest.

    Args:
        index: scalar integer.
        branches: functions that return nests of tensors of one structure, shapes and dtypes.
        *operands: their arguments.

    Example:
        >>> switch(1, [lambda x: x, lambda x: -x], 5)
        -5
    """
    branches = list(branches)
    if not branches:
        raise ValueError("switch: expected at least one branch.")
    index = unwrap(index)
    b = owner(type(index))
    if not isinstance(index, Spec) and (b is None or b.is_concrete(index)):
        return branches[min(max(int(convert_to_numpy(index)), 0), len(branches) - 1)](*operands)

    def choose(i: int) -> Any:
        if i == len(branches) - 1:
            return branches[i](*operands)
        return cond(p.less_equal(index, i), lambda: branches[i](*operands), lambda: choose(i + 1))

    if isinstance(index, Spec) and TRACE.tape is None:
        return _recorded(switch, (index, branches, *operands), {}, lambda: choose(0))
    return choose(0)


# -- loops ---------------------------------------------------------------------------------------------------------------------------------
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `body` while `cond` holds.

    Args:
        cond: function of the loop's values that returns a scalar boolean.
        body: function of the loop's values that returns new ones of the same structure, shapes and dtypes.
        loop_vars: start values, a tuple or list of nests; a single tensor stands for itself.
        maximum_iterations: upper limit, or None.

    Returns:
        The last values, in the structure of `loop_vars`.

    Example:
        >>> int(while_loop(lambda i: i < 10, lambda i: i + 3, 0))
        12
    """
    many = isinstance(loop_vars, (tuple, list))
    start = tuple(loop_vars) if many else (loop_vars,)
    if _symbolic(start):
        return _recorded(while_loop, (cond, body, loop_vars, maximum_iterations), {}, lambda: map_structure(_spec, loop_vars))
    b = _backend("while_loop", start)
    start = _native(b, start)

    def step(values: tuple) -> tuple:
        out = body(*values)
        out = tuple(out) if many and isinstance(out, (tuple, list)) else (out,)
        if len(out) != len(start):
            raise ValueError(f"while_loop: body must return {len(start)} values like loop_vars; it returned {len(out)}.")
        return _native(b, out)

    def run(variables: list) -> tuple[Any, list]:
        n = len(start)

        def test(*values: Any) -> Any:
            flag = _inside(cond, variables, values[n:], *values[:n])[0]
            return _native(b, flag)

        def go(*values: Any) -> tuple:
            out, new = _inside(step, variables, values[n:], values[:n])
            return (*out, *new)

        with _within(b):
            out = tuple(b.while_loop(test, go, (*start, *(v.value for v in variables)), maximum_iterations))
        return out[:n], list(out[n:])

    out = _carrying(run)
    return type(loop_vars)(out) if many and not hasattr(loop_vars, "_fields") else out if many else out[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """Apply `body_fun(i, value)` for each i from `lower` to below `upper`, beginning with `init_val`.

    Example:
        >>> int(fori_loop(0, 4, lambda i, v: v + i, 0))
        6
    """

    def body(i: Any, value: Any) -> tuple:
        return p.add(i, 1), body_fun(i, value)

    return while_loop(lambda i, _: p.less(i, upper), body, (lower, init_val))[1]


def scan(f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1) -> tuple[Any, Any]:
    """Carry a state along the leading axis.

    Args:
        f: `f(carry, x) -> (carry, y)`; the carry keeps its structure, shapes and dtypes.
        init: the first carry.
        xs: nest of tensors, cut along their leading axis; or None.
        length: number of steps, needed where `xs` is None.
        reverse: whether to begin at the end.
        unroll: a hint for compilers: how many steps to write out.

    Returns:
        The last carry, and the ys stacked in the order of `xs`.

    Raises:
        ValueError: no length, or lengths that differ.

    Example:
        >>> [v.tolist() for v in scan(lambda c, x: (c + x, c * x), 0, np.array([1, 2, 3]))]
        [6, [0, 2, 9]]
    """
    if not callable(f):
        raise TypeError(f"scan: f must be a function; received {f!r}.")
    found = [shape(v)[0] for v in flatten(xs) if v is not None]
    n = length if length is not None else found[0] if found else None
    if n is None:
        raise ValueError("scan: without xs the argument length is needed.")
    if any(isinstance(v, int) and isinstance(n, (int, np.integer)) and v != n for v in found):
        raise ValueError(f"scan: the leading axes of xs must have one size, and length too; received {found} and length={length}.")
    if _symbolic(init, xs):

        def infer() -> tuple[Any, Any]:
            carry = map_structure(_spec, init)
            _, ys = f(carry, map_structure(_row, xs))
            return carry, map_structure(lambda y: _rows(y, n), ys)

        return _recorded(scan, (f, init, xs, length, reverse, unroll), {}, infer)
    b = _backend("scan", init, xs)
    init, xs = _native(b, init), _native(b, xs)

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        out = f(carry, x)
        if not isinstance(out, (tuple, list)) or len(out) != 2:
            raise ValueError("scan: f must return a pair (carry, y).")
        return _native(b, out[0]), _native(b, out[1])

    def run(variables: list) -> tuple[Any, list]:
        if not variables:  # the carry goes to the engine as it is

            def plain(carry: Any, x: Any) -> Any:
                return _inside(step, variables, (), carry, x)[0]

            with _within(b):
                return b.scan(plain, init, xs, n, reverse, unroll), []

        def go(state: Any, x: Any) -> Any:
            (carry, y), values = _inside(step, variables, state[1], state[0], x)
            return (carry, values), y

        with _within(b):
            (carry, values), ys = b.scan(go, (init, [v.value for v in variables]), xs, n, reverse, unroll)
        return (carry, ys), list(values)

    return _carrying(run)


def map(f: Callable, xs: Any) -> Any:
    """Apply `f` to each slice along the leading axis, one after the other, and stack the results.

    Example:
        >>> map(lambda x: x * x, np.array([1, 2, 3])).tolist()
        [1, 4, 9]
    """
    if not flatten(xs):
        raise ValueError("map: expected at least one tensor.")
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return all partial results of an associative function, in a number of steps that grows with the logarithm of the length.

    Args:
        f: `f(a, b)` of two nests like `elems`, applied to many pairs at once along the axis.
        elems: nest of tensors whose sizes along the axis agree.
        reverse: whether to begin at the end.
        axis: the axis.

    Example:
        >>> associative_scan(lambda a, b: a + b, np.array([1, 2, 3, 4])).tolist()
        [1, 3, 6, 10]
    """
    if not callable(f):
        raise TypeError(f"associative_scan: f must be a function; received {f!r}.")
    leaves = [convert_to_tensor(v) for v in flatten(elems)]
    if not leaves:
        raise ValueError("associative_scan: expected at least one tensor.")
    axes = [canonical_axis("associative_scan", axis, ndim(v)) for v in leaves]
    lengths = {shape(v)[a] for v, a in zip(leaves, axes, strict=True)}
    if len(lengths) != 1 or not isinstance(n := lengths.pop(), int):
        raise ValueError(f"associative_scan: the sizes along axis {axis} must be known and equal.")

    def cut(values: list, start: int, stop: int, step: int = 1) -> list:
        out = []
        for v, a in zip(values, axes, strict=True):
            dims = shape(v)
            low, high, by = [0] * len(dims), list(dims), [1] * len(dims)
            low[a], high[a], by[a] = start, stop, step
            out.append(p.slice(v, tuple(low), tuple(high), tuple(by)))
        return out

    def combine(a: list, b: list) -> list:
        from pronghorn.state.tree import pack

        return flatten(f(pack(elems, a), pack(elems, b)))

    def interleave(even: list, odd: list) -> list:
        """Even and odd places of one sequence; there is one more even place, or as many."""
        out = []
        for e, o, a in zip(even, odd, axes, strict=True):
            dims, m = shape(e), shape(o)[a]
            pairs = p.concatenate([p.reshape(t, (*dims[:a], m, 1, *dims[a + 1 :])) for t in (cut_one(e, a, 0, m), o)], a + 1)
            flat = p.reshape(pairs, (*dims[:a], 2 * m, *dims[a + 1 :]))
            out.append(flat if dims[a] == m else p.concatenate([flat, cut_one(e, a, m, m + 1)], a))
        return out

    def cut_one(v: Any, a: int, start: int, stop: int) -> Any:
        dims = shape(v)
        low, high = [0] * len(dims), list(dims)
        low[a], high[a] = start, stop
        return p.slice(v, tuple(low), tuple(high), (1,) * len(dims))

    def go(values: list, n: int) -> list:
        if n < 2:
            return values
        # G. Blelloch, "Prefix sums and their applications" (1990): results at odd places from the scan of pairs, then those between
        half = n // 2
        odd = go(combine(cut(values, 0, 2 * half, 2), cut(values, 1, 2 * half, 2)), half)
        first = cut(values, 0, 1)
        rest = (n - 1) // 2
        if not rest:
            return interleave(first, odd)
        even = combine(cut(odd, 0, rest), cut(values, 2, n, 2))
        even = [p.concatenate([u, v], a) for u, v, a in zip(first, even, axes, strict=True)]
        return interleave(even, odd)

    from pronghorn.state.tree import pack

    def turn(values: list) -> list:
        return [p.flip(v, (a,)) for v, a in zip(values, axes, strict=True)] if reverse else values

    return pack(elems, turn(go(turn(leaves), n)))


# -- functions of functions ----------------------------------------------------------------------------------------------------------------
