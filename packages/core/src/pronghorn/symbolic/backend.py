"""The symbolic backend: primitives are their families' rules, derived ops run their bodies on shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend.contract import Backend
from pronghorn.backend.convert import host_array, is_scalar
from pronghorn.backend.dims import Dim
from pronghorn.backend.errors import UnknownValueError
from pronghorn.backend.families import Out
from pronghorn.backend.op import Op
from pronghorn.backend.owners import add_symbolic, owner, unwrap
from pronghorn.symbolic.graph import TRACE, record, replace
from pronghorn.symbolic.spec import Spec


class SpecBackend(Backend):
    """Runs ops on shapes and dtypes."""

    name = "spec"
    types = (Spec,)

    def dtype(self, x: Any) -> str:
        """Return the dtype name of a spec."""
        return x.dtype

    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        """Return the shape, None where unknown."""
        return x.shape

    def is_concrete(self, x: Any) -> bool:
        """A spec never holds values."""
        return False

    def shape(self, x: Any) -> tuple:
        """Return the sizes; unknown ones as `Dim`."""
        return x.dims

    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        """Host data stays as it is: a constant of the graph."""
        return x

    def constant(self, x: Any, dtype: str) -> Any:
        """Return a native tensor as a constant of the graph, in another dtype if needed."""
        b = owner(type(x))
        return x if b.dtype(x) == dtype else b.cast(x, dtype)

    def cast(self, x: Any, dtype: str) -> Any:
        """Return `x` with another dtype."""
        from pronghorn.backend.primitives import cast

        return cast(x, dtype)

    def convert_to_numpy(self, x: Any) -> Any:
        """Raise: there are no values."""
        return np.asarray(x)

    # -- control flow, while a compiler records a tape: bodies become tapes of their own
    def _traced(self, fn: Callable, *args: Any) -> tuple[list, Any]:
        outer = TRACE.tape
        assert outer is not None
        TRACE.tape = tape = type(outer)()
        try:
            return tape, fn(*args)
        finally:
            TRACE.tape = outer

    def _record(self, name: str, args: tuple, out: Any) -> Any:
        assert TRACE.tape is not None
        TRACE.tape.append((name, args, out))
        return out

    def cond(self, pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
        """Record both branches: `(pred, (tape, result), (tape, result))`."""
        one, two = self._traced(true_fn), self._traced(false_fn)
        _same_specs("cond: the branches give different tensors", one[1], two[1])
        return self._record("cond", (pred, one, two), _fresh(one[1]))

    def while_loop(self, cond: Callable, body: Callable, loop_vars: tuple, maximum_iterations: Any) -> Any:
        """Record `(start values, what stands for them inside, (tape, flag), (tape, new values), maximum)`."""
        inside = _fresh(loop_vars)
        test, (tape, new) = self._traced(cond, *inside), self._traced(body, *inside)
        _same_specs("while_loop: body changes the shape or dtype of a value", inside, new)
        return self._record("while_loop", (loop_vars, inside, test, (tape, tuple(new)), maximum_iterations), _fresh(loop_vars))

    def scan(self, f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
        """Record `(init, xs, what stands for carry and slice inside, (tape, (new carry, y)), length, reverse)`."""
        carry, row = _fresh(init), _fresh(xs, lambda dims: dims[1:])
        traced = self._traced(f, carry, row)
        _same_specs("scan: f changes the shape or dtype of the carry", carry, traced[1][0])
        out = (_fresh(init), _fresh(traced[1][1], lambda dims: (length, *dims)))
        return self._record("scan", (init, xs, carry, row, traced, length, reverse), out)

    def runner(self, op: Op) -> Callable:
        """Return what runs `op` on specs."""
        return self._primitive(op) if op.rule is not None else self._derived(op)

    def _primitive(self, op: Op) -> Callable:
        rule, name = op.rule, op.name
        assert rule is not None

        def run(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                args = op.signature.bind(*args, **kwargs).args
            out = rule(name, *_shown(op, args))
            result: Any = Spec(out.dims, out.dtype) if isinstance(out, Out) else tuple(Spec(o.dims, o.dtype) for o in out)
            if TRACE.tape is not None:
                TRACE.tape.append((name, args, result))
                return result
            return result if TRACE.depth else record(op.public, args, {}, result, name)

        return run

    def _derived(self, op: Op) -> Callable:
        body, name = op.body, op.name

        def run(*args: Any, **kwargs: Any) -> Any:
            tape = TRACE.tape
            whole = tape is not None and name in getattr(tape, "whole", ())
            if whole:  # one entry for the op, which also holds its primitives
                TRACE.tape = []
            TRACE.depth += 1
            try:
                with registry.use_backend("numpy"):
                    out = body(*args, **kwargs)
            finally:
                TRACE.depth -= 1
                inner, TRACE.tape = TRACE.tape, tape
            if whole:
                bound = op.signature.bind(*args, **kwargs)
                bound.apply_defaults()
                assert tape is not None
                tape.append((name, tuple(bound.arguments.values()), out, inner))
            if TRACE.depth or TRACE.tape is not None:
                return out
            return record(op.public, args, kwargs, out, name)

        return run

    def known(self, x: Any) -> Any:
        """Return something with `.dims` and `.dtype` for any operand."""
        return aval(x)

    def values(self, x: Any) -> np.ndarray | None:
        """Return the values of an operand, None where they are not known."""
        b = owner(type(x))
        if b is None:
            return np.asarray(x)
        return np.asarray(b.convert_to_numpy(x)) if b.is_concrete(x) else None

    def diagnose(self, op: Op, args: tuple, kwargs: dict) -> Exception | None:
        """Return what `op` raises for specs like these native arguments, or None where their shapes and dtypes give no reason to refuse them."""
        n = len(op.operands)
        if op.listed:
            args = (_all_specs(args[0]), *args[1:])
        else:
            last = len(args) if op.variadic else n
            args = (*_all_specs(args[:last]), *args[last:])
        if not any(isinstance(a, Spec) for a in (args[0] if op.listed else args)):
            return None
        depth, tape = TRACE.depth, TRACE.tape
        TRACE.depth, TRACE.tape = depth + 1, None
        try:
            with registry.use_backend("numpy"):
                op.public(*args, **kwargs)
        except UnknownValueError:
            return None
        except (ValueError, TypeError, IndexError, OverflowError) as reason:
            return None if hasattr(reason, "needs_values") else reason
        except Exception:  # the definition needs what only an engine has
            return None
        finally:
            TRACE.depth, TRACE.tape = depth, tape
        return None


def _all_specs(values: Any) -> list[Any]:
    """Operands as specs; numbers stay numbers next to a tensor, and data that is no tensor stays as it is."""
    values = [unwrap(v) for v in values]
    alone = all(v is None or is_scalar(v) for v in values)
    return [_one_spec(v) if alone or not is_scalar(v) else v for v in values]


def _one_spec(value: Any) -> Any:
    if value is None or isinstance(value, Spec):
        return value
    b = owner(type(value))
    try:
        if b is None:
            value = host_array(value, SPEC) if not isinstance(value, (np.ndarray, np.generic)) else value
        found = aval(value)
        return Spec(found.dims, found.dtype)
    except (TypeError, ValueError, OverflowError):
        return value


def _shown(op: Op, args: tuple) -> list[Any]:
    """The arguments of a primitive as its rule sees them."""
    if op.listed:
        return [[aval(a) for a in args[0]], *args[1:]]
    n = len(op.operands)
    return [aval(a) if i < n else a for i, a in enumerate(args)]


def _fresh(nest: Any, dims: Callable = tuple) -> Any:
    """Return a nest of tensors as new specs, with `dims(sizes)` as their sizes; None stays."""
    from pronghorn.state.tree import map_structure

    return map_structure(lambda x: None if x is None else Spec(dims(aval(x).dims), aval(x).dtype), nest)


def _same_specs(what: str, one: Any, two: Any) -> None:
    from pronghorn.state.tree import flatten

    a, b = ([None if x is None else (tuple(aval(x).dims), aval(x).dtype) for x in flatten(nest)] for nest in (one, two))
    if a != b:
        raise ValueError(f"{what}: {a} and {b}.")


def aval(x: Any) -> Any:
    """Return something with `.dims` and `.dtype` for a tensor of any kind."""
    if isinstance(x, Spec):
        return x
    b = owner(type(x))
    if b is None:
        if is_scalar(x):
            return Out((), dtypes.name_of(host_array(x, SPEC).dtype))
        array = np.asarray(x)
        return Out(array.shape, dtypes.name_of(array.dtype))
    return Out(tuple(Dim() if d is None else d for d in b.static_shape(x)), b.dtype(x))


def evaluate(fn: Callable, *args: Any, **kwargs: Any) -> Any:
    """Run `fn` on specs without recording and return its results; shape and dtype inference for any function of ops.

    Example:
        >>> from pronghorn import ops
        >>> evaluate(lambda x: ops.exp(x), Spec((None, 2))).shape
        (None, 2)
    """
    TRACE.depth += 1
    try:
        with registry.use_backend("numpy"):
            return fn(*args, **kwargs)
    finally:
        TRACE.depth -= 1


def to_specs(value: Any) -> Any:
    """Return a nest of tensors as specs of the same shapes and dtypes."""
    if isinstance(value, Spec):
        return value
    if isinstance(value, (list, tuple, dict)):
        items = [(k, to_specs(v)) for k, v in (value.items() if isinstance(value, dict) else enumerate(value))]
        return dict(items) if isinstance(value, dict) else type(value)(v for _, v in items)
    if value is None or isinstance(value, str):
        return value
    found = aval(value)
    return Spec(found.dims, found.dtype)


SPEC = SpecBackend()
add_symbolic(SPEC)

__all__ = ["SPEC", "SpecBackend", "aval", "evaluate", "replace", "to_specs"]
