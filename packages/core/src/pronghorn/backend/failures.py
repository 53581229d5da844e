"""What a failing op says: one error for all engines.

Nothing is checked before an engine is called, so success costs nothing. When an engine fails, the op's definition is run once more on shapes and dtypes;
if it refuses them, its error is raised instead of the engine's. Failures that shapes and dtypes do not explain (memory, devices) pass unchanged.
"""

from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend.dims import show
from pronghorn.backend.errors import UnknownValueError

#: what definitions raise; exact classes, because engines derive their own from them
_OURS = frozenset((ValueError, TypeError, IndexError, OverflowError, UnknownValueError))


def explain(op: Any, error: Exception, args: tuple, kwargs: dict, symbolic: Any) -> Exception:
    """Return the error to raise for a failure of `op`: the definition's own if it objects too, else `error`.

    Args:
        op: what is known of the op.
        error: what its implementation raised.
        args, kwargs: the call's arguments, operands first.
        symbolic: the symbolic backend, None while it is not there yet.
    """
    if hasattr(error, "op_reason"):  # explained by an inner op
        return _labelled(op, error, args, symbolic)
    if symbolic is None:
        return error
    if any(symbolic.owns(type(v)) for v in _operands(op, args)):
        return _labelled(op, error, args, symbolic) if type(error) in _OURS else error
    found = symbolic.diagnose(op, args, kwargs)
    if found is None and op.rule is not None and op.name in ("take", "take_along_axis"):
        found = _out_of_range(op.name, symbolic, *op.signature.bind(*args, **kwargs).args)
    if found is None and type(error) in _OURS and str(error).startswith(f"{_name(op)}: "):  # the definition's own, about values
        error.op_reason, error.op_last = str(error), op  # type: ignore[attr-defined]
    return found or error


def named(op: Any, error: Exception, args: tuple, symbolic: Any) -> Exception:
    """Return `error`, raised while the operands were prepared, with the op's name in front of its message."""
    return _labelled(op, error, args, symbolic) if type(error) in _OURS else error


def _out_of_range(op: str, symbolic: Any, x: Any, indices: Any, axis: int) -> Exception | None:
    """What to raise for indices that an engine refused, if they are out of range."""
    size, values = symbolic.known(x).dims[axis], symbolic.values(indices)
    if values is None or not isinstance(size, int):
        return None
    wrong = values[(values < 0) | (values >= size)]
    if not wrong.size:
        return None
    first = int(wrong[0]) - (size if wrong[0] < 0 else 0)  # negative ones have been counted from the end by now
    return IndexError(f"{op}: index {first} is out of range for an axis of size {size}.")


def _name(op: Any) -> str:
    return op.name.lstrip("_")


def _operands(op: Any, args: tuple) -> tuple:
    if op.listed:
        return tuple(args[0]) if isinstance(args[0], (list, tuple)) else ()
    return args if op.variadic else args[: len(op.operands)]


def _labelled(op: Any, error: Any, args: tuple, symbolic: Any) -> Exception:
    """Put the op's name in front of an error's message; where ops are nested, the outermost and the innermost are named."""
    if getattr(error, "op_last", None) is op:
        return error
    inner = hasattr(error, "op_reason")
    if not inner:
        error.op_reason = str(error)
    error.op_last = op
    reason, name = error.op_reason, _name(op)
    if not reason.startswith(f"{name}: "):
        error.args = (f"{name}: {reason}{_received(op, args, reason, symbolic)}",)
    elif inner:
        error.args = (f"{reason}{_received(op, args, reason, symbolic)}",)
    return error


def _received(op: Any, args: tuple, reason: str, symbolic: Any) -> str:
    """The shapes of the operands as a sentence, if the reason does not hold them all."""
    if symbolic is None:
        return ""
    found, new = [], False
    names = [op.operands[0]] * len(_operands(op, args)) if op.listed or op.variadic else op.operands
    for name, value in zip(names, _operands(op, args), strict=False):
        if value is None:
            continue
        try:
            known = symbolic.known(value)
        except Exception:  # no tensor, which the reason says
            return ""
        if known.dtype not in dtypes.ALL:
            return ""
        found.append(f"{name} of shape {show(known.dims)}")
        new = new or show(known.dims) not in reason
    return f" Received {', '.join(found)}." if new else ""


__all__ = ["explain", "named"]
