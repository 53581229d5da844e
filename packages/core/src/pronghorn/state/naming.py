"""Names of layers, losses and other objects, and the keys their random start values are drawn by.

Two counters, for two purposes. *Names* are what users see: `dense`, `dense_1`, ... counted over the whole process as in Keras. *Keys* decide
which random numbers a weight gets. They count from the last seed, within the object that encloses the new one, so that seeding again and building the same
model again gives the same weights although the names have moved on.
"""

import functools
import re
import threading
from typing import Any

_LOCK = threading.Lock()
_NAMES: dict[str, int] = {}
_KEYS: dict[str, int] = {}


@functools.cache
def to_snake_case(name: str) -> str:
    """Return a class name as a lower-case name with underscores.

    Example:
        >>> to_snake_case("MultiHeadAttention"), to_snake_case("Conv2D"), to_snake_case("LSTM")
        ('multi_head_attention', 'conv2d', 'lstm')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _count(counters: dict[str, int], name: str) -> str:
    with _LOCK:
        n = counters.get(name, 0)
        counters[name] = n + 1
    return f"{name}_{n}" if n else name


def auto_name(prefix: str) -> str:
    """Return `prefix`, `prefix_1`, `prefix_2`, ...: a name not given before in this process.

    Example:
        >>> auto_name("doctest_thing"), auto_name("doctest_thing")
        ('doctest_thing', 'doctest_thing_1')
    """
    return _count(_NAMES, to_snake_case(prefix))


def new_key(name: str, counters: dict[str, int] | None = None) -> str:
    """Return the key of a new object called `name`, counted in `counters` (those of the whole process by default)."""
    return _count(_KEYS if counters is None else counters, name)


def reset_keys() -> None:
    """Start counting keys again; called whenever the seed of the process is set."""
    with _LOCK:
        _KEYS.clear()


def reset_names() -> None:
    """Start counting names and keys again: the naming part of `clear_session`."""
    with _LOCK:
        _NAMES.clear()
        _KEYS.clear()


class _Scopes(threading.local):
    """The layers that are being made, built or called for the first time on this thread, outermost first."""

    def __init__(self) -> None:
        self.stack: list[Any] = []


SCOPES = _Scopes()


class naming_scope:
    """Context in which `owner` (with `name`, `_key` and `_key_counters`) encloses the objects and variables that are made."""

    def __init__(self, owner: Any):
        self.owner = owner

    def __enter__(self) -> None:
        SCOPES.stack.append(self.owner)

    def __exit__(self, *_: Any) -> None:
        SCOPES.stack.pop()


class name_scope:
    """Context that puts a name in front of the paths of variables made inside.

    Args:
        name: the name, without "/".
        **kwargs: `caller` and `deduplicate`, accepted.

    Raises:
        ValueError: the name is empty or has a "/".

    Example:
        >>> import pronghorn as ph
        >>> with name_scope("encoder"):
        ...     v = ph.Variable(1.0, name="gain")
        >>> v.path
        'encoder/gain'
    """

    def __init__(self, name: str, **kwargs: Any):
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f'name_scope: name must be a string without "/"; received {name!r}.')
        for key in kwargs:
            if key not in ("caller", "deduplicate", "override_parent"):
                raise TypeError(f"name_scope() got an unexpected argument {key!r}.")
        self.name = name

    def __enter__(self) -> "name_scope":
        SCOPES.stack.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        SCOPES.stack.remove(self)


def scoped(name: str) -> str:
    """Return `name` behind the names of the `name_scope`s around."""
    if not SCOPES.stack:
        return name
    return "/".join([*(o.name for o in SCOPES.stack if type(o) is name_scope), name])
