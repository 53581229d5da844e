"""Two arms side by side: ratios of rounds measured in turns."""

import statistics
from collections.abc import Iterable
from typing import Any


def paired(ours: Iterable[float], other: Iterable[float]) -> tuple[float, tuple[float, float]]:
    """Return the median of the rounds' ratios, and their quartiles."""
    ratios = sorted(a / b for a, b in zip(ours, other, strict=True))
    quarter = len(ratios) // 4
    return statistics.median(ratios), (ratios[quarter], ratios[-1 - quarter])


def against(row: dict[str, Any], other: str) -> str:
    """Return the ratio to an arm as tables show it; a dash where the arm was not measured."""
    if f"vs_{other}" not in row:
        return "–"
    middle, (low, high) = row[f"vs_{other}"], row[f"vs_{other}_spread"]
    return f"{middle:.2f}" if low == high else f"{middle:.2f} ({low:.2f}–{high:.2f})"
