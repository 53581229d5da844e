"""Outputs by name: how losses, metrics, targets and weights given as one, a list or a dict are matched to a model's outputs."""

from collections.abc import Callable
from typing import Any

from pronghorn.backend.errors import closest


def output_items(y_pred: Any, names: list[str] | None) -> list[tuple[str | None, Any]]:
    """Return (name, output) pairs; the name is the dict's key or the model's name for the output, None where there is none.

    Args:
        y_pred: a tensor, or a list, tuple or dict of them (nested ones are flattened with joined names).
        names: the model's output names, where it has any.
    """
    found = list(_leaves(y_pred, ""))
    if isinstance(y_pred, dict):
        return [(path, leaf) for path, leaf in found]
    if len(found) == 1 and not isinstance(y_pred, (list, tuple)):
        return [(names[0] if names and len(names) == 1 else None, y_pred)]
    if names and len(names) == len(found):
        return [(n, leaf) for n, (_, leaf) in zip(names, found, strict=True)]
    return [(path if path and not path.isdigit() else None, leaf) for path, leaf in found]


def _leaves(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        for k, v in value.items():
            yield from _leaves(v, f"{path}/{k}" if path else str(k))
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            yield from _leaves(v, f"{path}/{i}" if path else str(i))
    else:
        yield path, value


def match(given: Any, names: list[str | None], what: str, is_leaf: Callable[[Any], bool], single: bool) -> list[Any]:
    """Return what belongs to each output.

    Args:
        given: None, one thing, a list with one per output, or a dict by output name.
        names: the outputs' names, None for a single output without one.
        what: word for messages.
        is_leaf: tells one thing from a list of things.
        single: whether one thing serves every output.

    Raises:
        ValueError: wrong number, or unknown names with the closest known.
    """
    n = len(names)
    if given is None:
        return [None] * n
    if isinstance(given, dict) and not is_leaf(given):
        flat = dict(_flat_dict(given, ""))
        if n == 1 and len(flat) == 1 and (names[0] is None or next(iter(flat)) not in names):
            if names[0] is None or names[0] in flat:
                return list(flat.values())
        known = [k for k in names if k is not None]
        if n > 1 and not known:
            raise ValueError(f"{what}: the model's {n} outputs have no names; give a list with one for each, or return a dict from call().")
        for key in flat:
            if key not in known:
                raise ValueError(f'{what}: there is no output "{key}".{closest(key, known)} Outputs: {", ".join(known) or "one without a name"}.')
        return [flat.get(k) for k in names]  # type: ignore[arg-type]
    if isinstance(given, (list, tuple)) and not is_leaf(given):
        flat_list = list(_flat_list(given, is_leaf))
        if len(flat_list) != n:
            raise ValueError(f"{what}: {len(flat_list)} given for {n} output{'s' if n > 1 else ''}{_named(names)}.")
        return flat_list
    if single or n == 1:
        return [given] * n
    raise ValueError(f"{what}: the model has {n} outputs{_named(names)}; give a list with one for each, or a dict.")


def _named(names: list[str | None]) -> str:
    shown = [k for k in names if k]
    return f" ({', '.join(shown)})" if shown else ""


def _flat_dict(given: dict, path: str) -> Any:
    for k, v in given.items():
        full = f"{path}/{k}" if path else str(k)
        if isinstance(v, dict) and "class_name" not in v:
            yield from _flat_dict(v, full)
        else:
            yield full, v


def _flat_list(given: Any, is_leaf: Callable[[Any], bool]) -> Any:
    for v in given:
        if isinstance(v, (list, tuple)) and not is_leaf(v):
            yield from _flat_list(v, is_leaf)
        else:
            yield v


def targets_for(y: Any, names: list[str | None], what: str = "targets (y)") -> list[Any]:
    """Return the target of each output from a tensor, list, tuple or dict."""
    n = len(names)
    if isinstance(y, dict):
        flat = dict(_leaves(y, ""))
        if n == 1 and len(flat) == 1:
            return list(flat.values())
        known = [k for k in names if k is not None]
        if not any(k in flat for k in known):
            raise ValueError(f"{what}: keys {', '.join(flat)} name none of the outputs {', '.join(known)}.")
        return [flat.get(k) for k in names]  # type: ignore[arg-type]
    if isinstance(y, (list, tuple)):
        found = [leaf for _, leaf in _leaves(y, "")]
        if len(found) != n:
            raise ValueError(f"{what}: {len(found)} given for {n} output{'s' if n > 1 else ''}{_named(names)}.")
        return found
    return [y] * n if what.startswith("sample") else [y, *[None] * (n - 1)] if n > 1 and y is None else [y] * n
