"""Automatic names: `dense`, `dense_1`, ..."""

import re
from collections import Counter

_USED: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """Return a class name in snake case.

    Example:
        >>> to_snake_case("MeanSquaredError"), to_snake_case("RMSprop"), to_snake_case("AUC")
        ('mean_squared_error', 'rm_sprop', 'auc')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """Return `prefix` in snake case, numbered from the second time on."""
    prefix = to_snake_case(prefix)
    n = _USED[prefix]
    _USED[prefix] += 1
    return prefix if n == 0 else f"{prefix}_{n}"


def reset() -> None:
    """Start numbering again."""
    _USED.clear()
