"""What optimizers do to gradients before they use them, and to scalars."""

from collections.abc import Sequence
from typing import Any

from pronghorn import ops
from pronghorn.state.variable import Variable


def check_gradients(grads: Sequence[Any], variables: Sequence[Variable]) -> bool:
    """Return whether some gradients are missing (None), and warn of that.

    Raises:
        ValueError: all are missing.
    """
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if not missing:
        return False
    if len(missing) == len(grads):
        raise ValueError(f"No gradients for any variable ({', '.join(missing[:5])}): the loss does not depend on them.")
    import warnings

    warnings.warn(f"No gradients for {', '.join(missing)}: the loss does not depend on them. They stay as they are.", stacklevel=5)
    return True


def clip_gradients(grads: list[Any], clipnorm: float | None, global_clipnorm: float | None, clipvalue: float | None) -> list[Any]:
    """Limit each gradient's norm, or the norm of all together, or each element; at most one of the limits is given."""
    if clipnorm and clipnorm > 0:
        return [_clipped(g, ops.sqrt(ops.sum(ops.square(g))), clipnorm) for g in grads]
    if global_clipnorm and global_clipnorm > 0:
        squares = [ops.sum(ops.square(ops.cast(g, "float32") if ops.dtype_of(g) in ("float16", "bfloat16") else g)) for g in grads]
        total = squares[0]
        for s in squares[1:]:
            total = ops.add(total, s)
        norm = ops.sqrt(total)
        return [_clipped(g, norm, global_clipnorm) for g in grads]
    if clipvalue and clipvalue > 0:
        return [ops.clip(g, -clipvalue, clipvalue) for g in grads]
    return grads


def _clipped(gradient: Any, norm: Any, limit: float) -> Any:
    """Scale a gradient down to `limit` where `norm` is larger."""
    scale = ops.divide(limit, ops.maximum(norm, limit))
    return ops.multiply(gradient, ops.cast(scale, ops.dtype_of(gradient)))


def like(scalar: Any, x: Any) -> Any:
    """Return a scalar, computed in float32 or wider, in the dtype of `x`, which may have half the precision."""
    return ops.cast(scalar, ops.dtype_of(x))
