"""Special functions and number theory."""

import math
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.families import floating, integral
from pronghorn.backend.op import op
from pronghorn.ops.control import while_loop
from pronghorn.ops.creation import cast, dtype_of
from pronghorn.ops.elementwise import isnan

__all__ = ["erfc", "gcd", "i0", "lcm", "nextafter"]

# Chebyshev coefficients of (1 + 2x) exp(x**2) erfc(x) in (x - 3) / (x + 3), for x from zero to infinity; twelve give eight digits, all of them sixteen
_ERFC = (
    1.17756257419656, 0.005353904539615676, -0.09377550342284209, 0.05436652555744322, -0.018976596707845208, 0.004453426061462712,
    -0.0006335531710553147, 1.7661719523171593e-05, 1.2841532864056671e-05, -2.0072285659059913e-06, -1.807522790414837e-07, 7.549828343825093e-08,
    1.885668523838603e-09, -2.699519049798364e-09, -1.4600791199391048e-11, 1.036160744596949e-10, 1.475715976623473e-12, -4.277340064396911e-12,
    -2.07922492859799e-13, 1.8134502003176963e-13, 1.973425574544739e-14, -7.287943737592673e-15, -1.5169878690228116e-15, 2.3514112258781403e-16,
)  # fmt: skip
_SPLIT = 18.0  # where the power series of i0 gives way to its expansion at infinity


def _chebyshev(u: Any, coefficients: tuple[float, ...]) -> Any:
    """The sum of Chebyshev polynomials with `coefficients`, by Clenshaw's recurrence."""
    double = p.multiply(u, 2.0)
    one: Any = coefficients[-1]
    two: Any = 0.0
    for c in coefficients[-2:0:-1]:
        one, two = p.add(p.subtract(p.multiply(double, one), two), c), one
    return p.add(p.subtract(p.multiply(u, one), two), coefficients[0])


def _wide(x: Any) -> Any:
    return cast(x, "float32") if dtype_of(x) in ("float16", "bfloat16") else x


@op(dtype=floating)
def erfc(x: Any) -> Any:
    """Return the complementary error function `1 - erf(x)`, exact also where that difference is close to zero.

    Example:
        >>> float(erfc(0.0))
        1.0
    """
    name = dtype_of(x)
    z = _wide(x)
    near = p.less(p.abs(z), 0.5)
    far = p.minimum(p.where(near, 1.0, p.abs(z)), 30.0)  # beyond, the result is zero in every dtype
    u = p.divide(p.subtract(far, 3.0), p.add(far, 3.0))
    scaled = p.divide(_chebyshev(u, _ERFC if name == "float64" else _ERFC[:12]), p.add(p.multiply(far, 2.0), 1.0))
    # exp(-x**2) from a part of x whose square is exact and the small rest: the rounding error of x**2 would show in the result
    head = p.divide(p.floor(p.multiply(p.stop_gradient(far), 16.0)), 16.0)
    gauss = p.multiply(p.exp(p.negative(p.multiply(head, head))), p.exp(p.multiply(p.subtract(head, far), p.add(head, far))))
    tail = p.multiply(gauss, scaled)
    return cast(p.where(near, p.subtract(1.0, p.erf(p.where(near, z, 0.0))), p.where(p.less(z, 0), p.subtract(2.0, tail), tail)), name)


@op(dtype=floating)
def i0(x: Any) -> Any:
    """Return the modified Bessel function of the first kind of order zero.

    Example:
        >>> i0([0.0])
        array([1.], dtype=float32)
    """
    name = dtype_of(x)
    z = p.abs(_wide(x))
    exact = name == "float64"
    series = p.less(z, _SPLIT)
    t = p.multiply(p.where(series, _wide(x), 0.0), 0.5)
    t = p.multiply(t, t)
    small: Any = 1.0
    for k in range(38 if exact else 25, 0, -1):  # the sum of t**k / k!**2, innermost factor first
        small = p.add(p.multiply(p.multiply(t, small), 1.0 / k**2), 1.0)
    far = p.where(series, _SPLIT, z)
    y = p.divide(1.0, far)
    large: Any = 1.0
    for k in range(30 if exact else 8, 0, -1):
        large = p.add(p.multiply(p.multiply(y, large), (2 * k - 1) ** 2 / (8 * k)), 1.0)
    half = p.exp(p.multiply(far, 0.5))  # twice, since exp(x) overflows before the result does
    large = p.multiply(p.multiply(large, half), p.divide(half, p.sqrt(p.multiply(far, 2 * math.pi))))
    out = p.where(series, small, p.where(p.equal(z, math.inf), math.inf, large))
    return cast(p.where(isnan(z), z, out), name)


# -- integers ------------------------------------------------------------------------------------------------------------------------------
def _integers(name: str, x1: Any, x2: Any) -> tuple:
    """Absolute values of both, of one shape."""
    if dtype_of(x1) == "bool":
        raise TypeError(f"{name}: expected integers; received booleans.")
    a, b = p.abs(x1), p.abs(x2)
    return p.add(a, p.multiply(b, 0)), p.add(b, p.multiply(a, 0))


@op(operands="x1 x2", dtype=integral)
def gcd(x1: Any, x2: Any) -> Any:
    """Return the greatest common divisor of integers.

    Raises:
        TypeError: operands that are not integers.

    Example:
        >>> gcd([12, -18], [8, 27])
        array([4, 9], dtype=int32)
    """
    a, b = _integers("gcd", x1, x2)

    def rest(a: Any, b: Any) -> tuple:
        done = p.equal(b, 0)
        return p.where(done, a, b), p.where(done, b, p.mod(a, p.where(done, 1, b)))

    def unfinished(a: Any, b: Any) -> Any:
        return p.any(p.less(0, b), tuple(range(len(b.shape))), False)

    return while_loop(unfinished, rest, (a, b))[0]


@op(operands="x1 x2", dtype=integral)
def lcm(x1: Any, x2: Any) -> Any:
    """Return the least common multiple of integers, zero where one is zero.

    Raises:
        TypeError: operands that are not integers.

    Example:
        >>> lcm([4, 0], [6, 5])
        array([12,  0], dtype=int32)
    """
    a, b = _integers("lcm", x1, x2)
    d = gcd(a, b)
    return p.multiply(p.floor_divide(a, p.where(p.equal(d, 0), 1, d)), b)


@op(operands="x1 x2", dtype=floating)
def nextafter(x1: Any, x2: Any) -> Any:
    """Return the next float after `x1` in the direction of `x2`.

    Example:
        >>> float(nextafter(1.0, 2.0)) - 1.0
        1.1920928955078125e-07
    """
    name = dtype_of(x1)
    bits = 8 * dtypes.numpy_dtype(name).itemsize
    top = (1 << (bits - 1)) - 1

    def place(x: Any) -> Any:
        """The position of a float among all floats, zero for both zeros."""
        i = p.view(x, f"int{bits}")
        return p.where(p.less(i, 0), p.negative(p.bitwise_and(i, top)), i)

    start, end = place(x1), place(x2)
    step = p.subtract(cast(p.less(start, end), f"int{bits}"), cast(p.less(end, start), f"int{bits}"))
    at = p.add(start, step)
    moved = p.view(p.where(p.less(at, 0), p.subtract(p.subtract(p.negative(at), top), 1), at), name)
    moved = p.where(p.equal(step, 0), p.add(x2, p.multiply(x1, 0.0)), moved)
    return p.where(isnan(p.add(x1, x2)), p.add(x1, x2), moved)
