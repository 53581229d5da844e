"""Whose a tensor is: the class of an operand leads to its engine, a symbolic one to the symbolic backend, host values to the active backend."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend.errors import MixedBackendsError

#: types that stand for a tensor -> how to get it (Variable registers itself)
UNWRAP: dict[type, Callable[[Any], Any]] = {}

#: tensor class -> its backend, None for host data; `owner` fills it
OWNERS: dict[type, Any] = {}
_SYMBOLIC: list[Any] = []  # the symbolic backend, once it is imported


def add_symbolic(backend: Any) -> None:
    """Make `backend` the owner of symbolic tensors; it is asked before every engine."""
    _SYMBOLIC.append(backend)


def symbolic_backend() -> Any:
    return _SYMBOLIC[0] if _SYMBOLIC else None


def owner(kind: type) -> Any:
    """Return the backend whose tensors have this type, or None for host values."""
    try:
        return OWNERS[kind]
    except KeyError:
        pass
    found = None
    if _SYMBOLIC and _SYMBOLIC[0].owns(kind):
        found = _SYMBOLIC[0]
    elif kind not in dtypes.WEAK and not issubclass(kind, (np.ndarray, np.generic, list, tuple, dict, str, type(None))):
        name = _engine_of(kind)
        if name is None:
            return None  # not cached: its engine may be loaded later
        found = registry.LOADED[name]
    OWNERS[kind] = found
    return found


def _engine_of(kind: type) -> str | None:
    """Return the name of the backend that owns a type, loading it if need be; None for types of nobody."""
    for name, b in list(registry.LOADED.items()):
        if not b.host_tensors and b.owns(kind):
            return name
    found = registry.engine_of({base.__module__.partition(".")[0] for base in kind.__mro__})
    return None if found is None or registry.get(found).host_tensors or not registry.get(found).owns(kind) else found


_engine_of._dynamo_marked_constant = True  # type: ignore[attr-defined]  # torch's compiler is to call it, not to read how plugins are found and loaded


def unwrap(x: Any) -> Any:
    """Return the native tensor that a Variable stands for; anything else as it is."""
    get = UNWRAP.get(type(x))
    return x if get is None else get(x)


def is_host(x: Any) -> bool:
    """Tell whether `x` is host data: a number, an array or a nest of lists."""
    return owner(type(x)) is None


def pick(name: str, values: list[Any]) -> Any:
    """Return the backend that a call of op `name` on these operands belongs to."""
    found = None
    for v in values:
        b = owner(type(v))
        if b is None:
            continue
        if _SYMBOLIC and b is _SYMBOLIC[0]:
            return b
        if found is None:
            found = b
        elif b is not found:
            raise MixedBackendsError(
                f'{name}: got tensors of two engines, {found.name} and {b.name}. Move one over first, for example with ops.convert(x, backend="{found.name}").'
            )
    return found or registry.active()
