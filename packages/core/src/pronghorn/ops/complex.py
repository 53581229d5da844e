"""Parts of complex numbers."""
# ruff: noqa: A001

from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.op import op
from pronghorn.ops.creation import cast, dtype_of, zeros_like


@op
def real(x: Any) -> Any:
    """Return the real part."""
    return p.real(x) if dtype_of(x) in dtypes.COMPLEX else x


@op
def imag(x: Any) -> Any:
    """Return the imaginary part, zero for real numbers."""
    return p.imag(x) if dtype_of(x) in dtypes.COMPLEX else zeros_like(x)


@op
def conj(x: Any) -> Any:
    """Return the complex conjugate."""
    return p.view_as_complex(p.real(x), p.negative(p.imag(x))) if dtype_of(x) in dtypes.COMPLEX else x


conjugate = conj


@op
def angle(x: Any) -> Any:
    """Return the angle of complex numbers in radians; 0 or pi for real ones.

    Example:
        >>> angle([1.0, -1.0])
        array([0.       , 3.1415927], dtype=float32)
    """
    if dtype_of(x) in dtypes.COMPLEX:
        return p.arctan2(p.imag(x), p.real(x))
    z = cast(x, dtypes.to_float(dtype_of(x)))
    return p.arctan2(zeros_like(z), p.stop_gradient(z))
