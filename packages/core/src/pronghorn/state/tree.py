"""Nests of tuples, lists and dicts: flatten, pack, map. None is a leaf."""

from collections.abc import Callable, Iterator
from typing import Any

_NESTS = (list, tuple, dict)


def is_nested(value: Any) -> bool:
    """Tell whether `value` is a container that these functions look into."""
    return isinstance(value, _NESTS)


def leaves(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Yield (path, leaf) pairs; dicts in the order of their sorted keys."""
    if isinstance(value, dict):
        for k in sorted_keys(value):
            yield from leaves(value[k], (*path, k))
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            yield from leaves(v, (*path, i))
    else:
        yield path, value


def sorted_keys(value: dict) -> list:
    """Keys in sorted order, in insertion order where they cannot be compared."""
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def flatten(value: Any) -> list:
    """Return the leaves of a nest.

    Example:
        >>> flatten({"b": [1, 2], "a": (3,)})
        [3, 1, 2]
    """
    if not isinstance(value, _NESTS):
        return [value]
    found: list = []
    _collect(value, found)
    return found


def _collect(nest: Any, found: list) -> None:
    for v in [nest[k] for k in sorted_keys(nest)] if isinstance(nest, dict) else nest:
        if isinstance(v, _NESTS):
            _collect(v, found)
        else:
            found.append(v)


def _same(value: Any, items: Any) -> Any:
    """Build a container like `value` from new items."""
    if isinstance(value, dict):
        made = dict(items)
        ordered = {k: made[k] for k in value}
        if type(value) is dict:
            return ordered
        try:
            return type(value)(ordered)
        except TypeError:
            return ordered
    if hasattr(value, "_fields"):
        return type(value)(*items)
    return tuple(items) if isinstance(value, tuple) else list(items)


def map_structure(fn: Callable, *values: Any) -> Any:
    """Apply `fn` to corresponding leaves of nests of one structure.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    first = values[0]
    if len(values) == 1:
        return _map_one(fn, first)
    if isinstance(first, dict):
        for v in values[1:]:
            if not isinstance(v, dict) or set(v) != set(first):
                raise ValueError(f"Structures differ: {_short(first)} and {_short(v)}.")
        return _same(first, {k: map_structure(fn, *[v[k] for v in values]) for k in sorted_keys(first)})
    if isinstance(first, (list, tuple)):
        for v in values[1:]:
            if not isinstance(v, (list, tuple)) or len(v) != len(first):
                raise ValueError(f"Structures differ: {_short(first)} and {_short(v)}.")
        return _same(first, [map_structure(fn, *vs) for vs in zip(*values, strict=True)])
    return fn(*values)


def _map_one(fn: Callable, nest: Any) -> Any:
    if not isinstance(nest, _NESTS):
        return fn(nest)
    if isinstance(nest, dict):
        return _same(nest, {k: _map_one(fn, nest[k]) for k in sorted_keys(nest)})
    items = [_map_one(fn, v) if isinstance(v, _NESTS) else fn(v) for v in nest]
    return items if type(nest) is list else _same(nest, items)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict with keys {list(value)}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a leaf of type {type(value).__name__}"


def pack(structure: Any, flat: Any) -> Any:
    """Return the nest `structure` with its leaves replaced, in order, by `flat`.

    Raises:
        ValueError: the number of leaves differs.
    """
    flat = list(flat)
    count = len(flatten(structure))
    if count != len(flat):
        raise ValueError(f"The structure has {count} leaves; received {len(flat)}.")
    it = iter(flat)
    return map_structure(lambda _: next(it), structure)
