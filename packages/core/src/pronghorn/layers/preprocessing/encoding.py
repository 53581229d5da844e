"""What layers that produce category numbers share: turning numbers into indicators and counts."""

from typing import Any

from pronghorn import ops

MODES = ("int", "one_hot", "multi_hot", "count")


def check_mode(name: str, mode: Any, known: tuple[str, ...] = MODES) -> None:
    """Raise `ValueError` for an output mode that a layer does not have."""
    if mode not in known:
        from pronghorn.backend.errors import closest

        raise ValueError(f"{name}: output_mode must be one of {', '.join(known)}; received {mode!r}.{closest(str(mode), known)}")


def check_dense(name: str, sparse: bool) -> None:
    """Raise `ValueError` where a sparse output is asked for."""
    if sparse:
        raise ValueError(f"{name}: sparse outputs are not supported yet. Use sparse=False.")


def encode(x: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """Return category numbers as they are, or as indicators or counts of `depth` categories.

    Args:
        x: integers; all but the last axis are batch axes. A last axis of size one is dropped for "one_hot".
        mode: "int", "one_hot" (one more axis), "multi_hot" or "count" (in place of the last axis).
        depth: number of categories.
        dtype: dtype of indicators and counts.
        weights: for "count", what each entry counts.
    """
    if mode == "int":
        return x
    dims = ops.shape(x)
    if mode == "one_hot":
        if len(dims) > 1 and dims[-1] == 1:
            x = ops.squeeze(x, axis=-1)
        return ops.one_hot(x, depth, dtype=dtype)
    if not dims:
        return ops.one_hot(x, depth, dtype=dtype)
    hot = ops.one_hot(x, depth, dtype=dtype)
    if mode == "multi_hot":
        return ops.max(hot, axis=-2)
    if weights is not None:
        hot = ops.multiply(hot, ops.expand_dims(ops.cast(weights, dtype), -1))
    return ops.cast(ops.sum(hot, axis=-2), dtype)
