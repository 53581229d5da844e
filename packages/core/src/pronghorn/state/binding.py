"""Stateful code as pure functions: inside `bind`, variables read the values they are given and writes are recorded.

Binding is per thread: while one thread traces, every other thread reads the real values.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any


class _State(threading.local):
    """What this thread's variables read: a scope, or None for their own storage."""

    scope: "Scope | None" = None
    autocast: str | None = None


STATE = _State()


class StateError(RuntimeError):
    """A variable outside the bound state was written to while a step was traced."""


class Scope:
    """Variables bound to values; writes replace the value in the scope and are recorded.

    Args:
        variables: what is bound.
        values: native tensors (or specs) they read as.
        closed: whether a write to a variable that no enclosing scope binds is an error. True while a compiler traces; when False
            (an eager gradient) such a write is recorded here and takes effect when the scope's owner commits it.
        symbolic: variables that are not bound read as specs of their shape and dtype, and writes are dropped.
    """

    __slots__ = ("values", "written", "outer", "closed", "symbolic")

    def __init__(self, variables: Iterable[Any] = (), values: Iterable[Any] = (), *, closed: bool = True, symbolic: bool = False):
        self.values: dict[Any, Any] = dict(zip(variables, values, strict=True))
        self.written: dict[Any, Any] = {}
        self.outer: Scope | None = None
        self.closed, self.symbolic = closed, symbolic

    def __enter__(self) -> "Scope":
        self.outer, STATE.scope = STATE.scope, self
        return self

    def __exit__(self, *_: Any) -> None:
        STATE.scope = self.outer

    def read(self, variable: Any) -> Any:
        """Return what `variable` reads as here."""
        if variable in self.values:
            return self.values[variable]
        if self.symbolic:
            return variable.spec()
        return variable.storage if self.outer is None else self.outer.read(variable)

    def write(self, variable: Any, value: Any) -> None:
        """Record a new value; raise `StateError` where it would be lost."""
        if self.symbolic:
            return
        scope: Scope | None = self
        while scope is not None:
            if variable in scope.values or not scope.closed:
                break
            if scope.closed:
                raise _foreign(variable)
            scope = scope.outer
        self.values[variable] = value
        self.written[variable] = value


def _foreign(variable: Any) -> StateError:
    return StateError(
        f'Variable "{variable.path}" is written inside a compiled step that does not hold it, so the write would be lost. '
        "Make it part of the model, its metrics or its optimizer (assign the layer or variable to an attribute), or pass run_eagerly=True."
    )


class writable(Scope):
    """Context in which variables are read and written where they are, and writing to any but `variables` is an error.

    For engines whose compiled steps change their storage in place, so that nothing needs to be bound.
    """

    __slots__ = ("allowed",)

    def __init__(self, variables: Iterable[Any]):
        super().__init__()
        self.allowed = frozenset(variables)

    def write(self, variable: Any, value: Any) -> None:
        """Write through to the storage, or to the scope around this one."""
        if variable not in self.allowed:
            raise _foreign(variable)
        if self.outer is not None:
            self.outer.write(variable, value)
        else:
            variable.storage = variable.backend.assign(variable.storage, value)


def bind(variables: Sequence[Any], values: Sequence[Any], **options: Any) -> Scope:
    """Return a context in which `variables` read `values` and writes are recorded (`Scope.written`)."""
    return Scope(variables, values, **options)


def symbolic_state() -> Scope:
    """Return a context in which variables read as specs and writes are dropped: for shape inference."""
    return Scope(symbolic=True)


def commit(written: dict[Any, Any]) -> None:
    """Let recorded writes take effect in the enclosing scope, or in the variables themselves."""
    for variable, value in written.items():
        variable.assign(value)


class autocast:
    """Context in which float variables read as `dtype`; None for none."""

    def __init__(self, dtype: str | None):
        self.dtype = dtype

    def __enter__(self) -> None:
        self.outer, STATE.autocast = STATE.autocast, self.dtype

    def __exit__(self, *_: Any) -> None:
        STATE.autocast = self.outer


def pure(fn: Callable, variables: Sequence[Any]) -> Callable:
    """Return `fn` as a pure function `(values, *args, **kwargs) -> (result, new values)` of the variables it reads and writes.

    Example:
        >>> import pronghorn as ph
        >>> v = ph.Variable(1.0)
        >>> out, (new,) = pure(lambda: v.assign(v * 2.0), [v])([v.value])
        >>> float(new), float(v.numpy())
        (2.0, 1.0)
    """
    variables = list(variables)

    def call(values: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        with bind(variables, values) as scope:
            result = fn(*args, **kwargs)
        return result, [scope.values[v] for v in variables]

    return call
