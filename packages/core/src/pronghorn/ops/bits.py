"""Operations on the bits of integers."""
# ruff: noqa: A001

from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend.families import integral
from pronghorn.backend.op import op


@op(operands="x y", dtype=integral)
def bitwise_and(x: Any, y: Any) -> Any:
    """Return the bits set in both.

    Example:
        >>> bitwise_and([6], 3)
        array([2], dtype=int32)
    """
    return p.bitwise_and(x, y)


@op(operands="x y", dtype=integral)
def bitwise_or(x: Any, y: Any) -> Any:
    """Return the bits set in either.

    Example:
        >>> bitwise_or([6], 3)
        array([7], dtype=int32)
    """
    return p.bitwise_or(x, y)


@op(operands="x y", dtype=integral)
def bitwise_xor(x: Any, y: Any) -> Any:
    """Return the bits set in exactly one.

    Example:
        >>> bitwise_xor([6], 3)
        array([5], dtype=int32)
    """
    return p.bitwise_xor(x, y)


@op(dtype=integral)
def bitwise_not(x: Any) -> Any:
    """Return the bits inverted.

    Example:
        >>> bitwise_not([6])
        array([-7], dtype=int32)
    """
    return p.bitwise_not(x)


bitwise_invert = bitwise_not


@op(operands="x y", dtype=integral)
def bitwise_left_shift(x: Any, y: Any) -> Any:
    """Return the bits of `x` moved up by `y`.

    Example:
        >>> bitwise_left_shift([3], 2)
        array([12], dtype=int32)
    """
    return p.bitwise_left_shift(x, y)


@op(operands="x y", dtype=integral)
def bitwise_right_shift(x: Any, y: Any) -> Any:
    """Return the bits of `x` moved down by `y`; the sign is kept.

    Example:
        >>> bitwise_right_shift([-8], 1)
        array([-4], dtype=int32)
    """
    return p.bitwise_right_shift(x, y)


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift
