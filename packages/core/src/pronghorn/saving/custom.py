"""The registry of custom classes and functions: the only names, besides pronghorn's own, that a file can refer to."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")
_OBJECTS: dict[str, Any] = {}  # "package>name" -> object
_NAMES: dict[Any, str] = {}


class _Scoped(threading.local):
    def __init__(self) -> None:
        self.stack: list[dict[str, Any]] = []


_SCOPED = _Scoped()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[_T], _T]:
    """Register a class or function, so that files that refer to it can be loaded.

    Args:
        package: prefix that keeps names of different projects apart.
        name: its name; that of the object by default.

    Raises:
        ValueError: a class without `get_config`, or a name that another object has.

    Example:
        >>> import pronghorn as ph
        >>> @register_keras_serializable("docs")
        ... class Twice(ph.Layer):
        ...     def call(self, x):
        ...         return x * 2
        >>> get_registered_name(Twice)
        'docs>Twice'
    """

    def decorate(obj: Any) -> Any:
        label = f"{package}>{name or obj.__name__}"
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(f"register_keras_serializable: {obj.__name__} has no get_config(), so it cannot be saved. Define it.")
        known = _OBJECTS.get(label)
        if known is not None and (known.__module__, known.__qualname__) != (obj.__module__, obj.__qualname__):
            raise ValueError(f'"{label}" is registered already, for {known.__module__}.{known.__qualname__}. Choose another package or name.')
        if known is not None:
            _NAMES.pop(known, None)
        _OBJECTS[label] = obj
        _NAMES[obj] = label
        return obj

    return decorate


def get_custom_objects() -> dict[str, Any]:
    """Return the registry itself: registered name → object. What is added to it can be loaded."""
    return _OBJECTS


def get_registered_name(obj: Any) -> str:
    """Return the registered name of a class or function, its own name if it is not registered."""
    try:
        return _NAMES.get(obj) or obj.__name__
    except TypeError:
        return obj.__name__


def get_registered_object(name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None) -> Any:
    """Return what is registered as `name`, or None.

    Args:
        name: registered name ("package>name"), or the name given in `custom_objects`.
        custom_objects, module_objects: further places to look, in this order after scopes.
    """
    for scope in reversed(_SCOPED.stack):
        if name in scope:
            return scope[name]
    for place in (_OBJECTS, custom_objects, module_objects):
        if place and name in place:
            return place[name]
    return None


class CustomObjectScope:
    """Context in which names stand for the given classes and functions.

    Example:
        >>> with CustomObjectScope({"double": lambda x: x * 2}):
        ...     get_registered_object("double")(4)
        8
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> "CustomObjectScope":
        _SCOPED.stack.append(self.custom_objects)
        return self

    def __exit__(self, *_: Any) -> None:
        _SCOPED.stack.pop()


custom_object_scope = CustomObjectScope
