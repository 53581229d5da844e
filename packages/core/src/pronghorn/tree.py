"""Nests of tuples, lists and dicts, under Keras' names."""

from collections.abc import Callable
from typing import Any

from pronghorn.state import tree as _tree
from pronghorn.state.tree import leaves, pack

__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested", "lists_to_tuples", "map_shape_structure",
    "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None into the result."""


def is_nested(structure: Any) -> bool:
    """Tell whether `structure` is a container that these functions look into.

    Example:
        >>> is_nested([1]), is_nested("ab")
        (True, False)
    """
    return _tree.is_nested(structure)


def flatten(structure: Any) -> list:
    """Return the leaves of a nest, those of dicts in the order of their sorted keys.

    Example:
        >>> flatten({"b": [1, 2], "a": (3,)})
        [3, 1, 2]
    """
    return _tree.flatten(structure)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to corresponding leaves of nests of one structure.

    Args:
        func: function of one leaf per nest.
        *structures: the nests.
        none_is_leaf: whether `func` gets to see None; otherwise None stays None.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """

    def leaf(*values: Any) -> Any:
        if any(map(is_nested, values)):
            raise ValueError(f"Structures differ: where one nest has a leaf, another has a {next(type(v).__name__ for v in values if is_nested(v))}.")
        return None if not none_is_leaf and all(v is None for v in values) else func(*values)

    for other in structures[1:]:
        _expect_types(structures[0], other)
    return _tree.map_structure(leaf, *structures)


def _expect_types(a: Any, b: Any) -> None:
    """Raise where a sequence of `b` is of another type than that of `a`."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if type(a) is not type(b):
            raise ValueError(f"Structures differ: where one nest has a {type(a).__name__}, another has a {type(b).__name__}.")
        for x, y in zip(a, b, strict=False):
            _expect_types(x, y)
    elif isinstance(a, dict) and isinstance(b, dict):
        for k in a.keys() & b.keys():
            _expect_types(a[k], b[k])


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Return the nest `structure` with its leaves replaced, in order.

    Example:
        >>> pack_sequence_as([0, (0,)], [1, 2])
        [1, (2,)]
    """
    return pack(structure, flat_sequence)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Return (path, leaf) pairs.

    Example:
        >>> flatten_with_path({"a": [5]})
        [(('a', 0), 5)]
    """
    return list(leaves(structure))


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise `ValueError` unless both nests have one structure.

    Args:
        a, b: the nests.
        check_types: accepted for older code.
    """
    map_structure(lambda *_: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise `ValueError` unless both nests have leaves at the same paths."""
    first, second = ({path for path, _ in leaves(v)} for v in (a, b))
    if first != second:
        raise ValueError(f"Structures differ at the paths {sorted(first ^ second, key=str)}.")


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Apply `func` at the leaves of `shallow_structure`, to what the other nests hold there.

    Raises:
        ValueError: a nest has another container, other keys or another length than `shallow_structure`.
    """
    if is_nested(shallow_structure):
        for s in structures:
            if type(s) is not type(shallow_structure) or len(s) != len(shallow_structure):
                raise ValueError(f"Structures differ: expected a {type(shallow_structure).__name__} of {len(shallow_structure)}; received {s!r}.")
            if isinstance(s, dict) and set(s) != set(shallow_structure):
                raise ValueError(f"Structures differ: expected the keys {list(shallow_structure)}; received {list(s)}.")
    if isinstance(shallow_structure, dict):
        return {k: map_structure_up_to(v, func, *[s[k] for s in structures]) for k, v in shallow_structure.items()}
    if isinstance(shallow_structure, (list, tuple)):
        parts = [map_structure_up_to(v, func, *rest) for v, *rest in zip(shallow_structure, *structures, strict=True)]
        return pack(shallow_structure, parts) if not any(is_nested(v) for v in shallow_structure) else type(shallow_structure)(parts)
    return func(*structures)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Replace subtrees: where `func` returns something other than None, that stands in.

    Example:
        >>> traverse(lambda v: v * 2 if isinstance(v, int) else None, [1, (2,)])
        [2, (4,)]
    """

    def children(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: traverse(func, v, top_down) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            items = [traverse(func, v, top_down) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return value

    before = structure if top_down else children(structure)
    found = func(before)
    if found is MAP_TO_NONE:
        return None
    if found is not None:
        return found
    return children(structure) if top_down else before


def lists_to_tuples(structure: Any) -> Any:
    """Turn every list of a nest into a tuple."""
    return traverse(lambda v: tuple(v) if isinstance(v, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Apply `func` to the shapes of a nest: tuples and lists of ints and None count as leaves."""

    def is_shape(v: Any) -> bool:
        return isinstance(v, (list, tuple)) and all(d is None or isinstance(d, int) for d in v)

    if is_shape(structure):
        return func(tuple(structure))
    if isinstance(structure, dict):
        return {k: map_shape_structure(func, v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(map_shape_structure(func, v) for v in structure)
    raise ValueError(f"map_shape_structure: expected shapes; received {structure!r}.")
