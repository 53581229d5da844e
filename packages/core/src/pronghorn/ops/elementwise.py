"""Elementwise functions: those every engine has, and those made of them.

Where a formula would divide by zero or overflow in a branch that is not taken, the branch gets a harmless argument first, so that gradients stay finite.
"""
# ruff: noqa: A001

import builtins
import math
from typing import Any

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.families import boolean, floating, numeric, real, same
from pronghorn.backend.op import op
from pronghorn.backend.primitives import (
    abs,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    ceil,
    cos,
    cosh,
    divide,
    equal,
    erf,
    exp,
    expm1,
    floor,
    floor_divide,
    isfinite,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    power,
    sign,
    sin,
    sinh,
    sqrt,
    subtract,
    tan,
    tanh,
    trunc,
)
from pronghorn.ops.creation import cast, dtype_of, ones_like, zeros_like

__all__ = [
    "abs", "absolute", "add", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "ceil", "clip", "copy", "cos",
    "cosh", "deg2rad", "divide", "divide_no_nan", "equal", "erf", "erfinv", "exp", "exp2", "expm1", "fabs", "floor", "floor_divide", "fmax", "fmin",
    "fmod", "greater", "greater_equal", "heaviside", "hypot", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "ldexp", "less",
    "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "maximum",
    "minimum", "mod", "multiply", "nan_to_num", "negative", "not_equal", "power", "rad2deg", "reciprocal", "round", "rsqrt", "sign", "signbit",
    "sin", "sinc", "sinh", "sqrt", "square", "stop_gradient", "subtract", "tan", "tanh", "true_divide", "trunc",
]  # fmt: skip

absolute = abs
true_divide = divide

# name -> (largest finite number, bits of the significand)
_LIMITS = {
    "float16": (65504.0, 11),
    "bfloat16": (3.3895313892515355e38, 8),
    "float32": (3.4028234663852886e38, 24),
    "float64": (1.7976931348623157e308, 53),
}


# -- powers and logarithms -----------------------------------------------------------------------------------------------------------------
@op(dtype=numeric)
def square(x: Any) -> Any:
    """Return `x * x`.

    Example:
        >>> square([1.0, -3.0])
        array([1., 9.], dtype=float32)
    """
    return p.multiply(x, x)


@op(dtype=floating)
def rsqrt(x: Any) -> Any:
    """Return `1 / sqrt(x)`.

    Example:
        >>> rsqrt([4.0, 16.0])
        array([0.5 , 0.25], dtype=float32)
    """
    return p.divide(1.0, p.sqrt(x))


@op(dtype=floating)
def reciprocal(x: Any) -> Any:
    """Return `1 / x`.

    Example:
        >>> reciprocal([2.0, 4.0])
        array([0.5 , 0.25], dtype=float32)
    """
    return p.divide(1.0, x)


@op(dtype=floating)
def cbrt(x: Any) -> Any:
    """Return the real cube root; zero has a zero gradient here, where the true one is infinite.

    Example:
        >>> cbrt([-8.0, 0.0, 27.0])
        array([-2.,  0.,  3.], dtype=float32)
    """
    zero = p.equal(x, 0)
    magnitude = p.where(zero, 1.0, p.abs(x))
    root = p.exp(p.divide(p.log(magnitude), 3.0))
    # one Newton step takes the rounding of exp and log away; infinities and nan skip it
    better = p.subtract(root, p.divide(p.subtract(root, p.divide(p.divide(magnitude, root), root)), 3.0))
    root = p.where(p.isfinite(magnitude), better, magnitude)
    return p.where(zero, x, p.multiply(p.sign(x), root))


@op(dtype=floating)
def exp2(x: Any) -> Any:
    """Return `2**x`.

    Example:
        >>> exp2([1.0, 3.0])
        array([2., 8.], dtype=float32)
    """
    return p.power(2.0, x)


@op(dtype=floating)
def log2(x: Any) -> Any:
    """Return the logarithm to base 2.

    Example:
        >>> log2([1.0, 8.0])
        array([0., 3.], dtype=float32)
    """
    return p.divide(p.log(x), math.log(2.0))


@op(dtype=floating)
def log10(x: Any) -> Any:
    """Return the logarithm to base 10.

    Example:
        >>> log10([1.0, 100.0])
        array([0., 2.], dtype=float32)
    """
    return p.divide(p.log(x), math.log(10.0))


@op(operands="x1 x2", dtype=real(floating))
def logaddexp(x1: Any, x2: Any) -> Any:
    """Return `log(exp(x1) + exp(x2))` without overflow.

    Example:
        >>> logaddexp(-1000.0, 0.0)
        array(0., dtype=float32)
    """
    high, difference = p.maximum(x1, x2), p.subtract(x1, x2)
    undefined = logical_not(isfinite(difference))  # an infinity of either sign, two equal ones, or nan
    apart = p.where(undefined, 0.0, difference)
    # a difference of zero must not lose its gradient through abs: where keeps one half for each operand
    out = p.add(_larger(x1, x2), p.log1p(p.exp(p.where(p.less(apart, 0), apart, p.negative(apart)))))
    return p.where(undefined, high, out)


def _larger(x1: Any, x2: Any) -> Any:
    """The larger of two; where equal, the first, so that the whole gradient of a difference of zero is well defined."""
    return p.where(p.less(p.subtract(x1, x2), 0), x2, x1)


@op(operands="x1 x2", dtype=real(floating))
def logaddexp2(x1: Any, x2: Any) -> Any:
    """Return `log2(2**x1 + 2**x2)` without overflow."""
    c = math.log(2.0)
    return p.divide(logaddexp(p.multiply(x1, c), p.multiply(x2, c)), c)


@op(operands="x1 x2")
def ldexp(x1: Any, x2: Any) -> Any:
    """Return `x1 * 2**x2`.

    Raises:
        TypeError: `x2` is not an integer.
    """
    if dtype_of(x2) not in dtypes.INTEGER | dtypes.BOOL:
        raise TypeError(f"ldexp: x2 must be integers; received {dtype_of(x2)}.")
    name = dtypes.to_float(dtype_of(x1))
    # two halves, so that neither factor leaves the range before the product does
    half = p.floor_divide(cast(x2, "int32"), 2)
    rest = p.subtract(cast(x2, "int32"), half)
    powers = [p.power(2.0, cast(e, name)) for e in (half, rest)]
    return p.multiply(p.multiply(cast(x1, name), powers[0]), powers[1])


@op(operands="x1 x2", dtype=floating)
def hypot(x1: Any, x2: Any) -> Any:
    """Return `sqrt(x1**2 + x2**2)` without overflow; the gradient at the origin is zero.

    Example:
        >>> hypot(3.0, 4.0)
        array(5., dtype=float32)
    """
    a, b = p.abs(x1), p.abs(x2)
    swap = p.less(a, b)  # selections instead of maximum and minimum: at equal operands each keeps its own gradient
    high, low = p.where(swap, b, a), p.where(swap, a, b)
    high = p.where(isnan(low), low, high)
    plain = p.logical_or(p.equal(high, 0), logical_not(isfinite(high)))
    ratio = p.divide(p.where(plain, 0.0, low), p.where(plain, 1.0, high))
    out = p.multiply(p.where(plain, 1.0, high), p.sqrt(p.add(1.0, p.multiply(ratio, ratio))))
    infinite = p.logical_or(isinf(a), isinf(b))
    return p.where(plain, p.where(infinite, math.inf, p.add(p.stop_gradient(a), p.stop_gradient(b))), out)


# -- comparisons and predicates ------------------------------------------------------------------------------------------------------------
@op(operands="x1 x2", dtype=same)
def greater(x1: Any, x2: Any) -> Any:
    """Return `x1 > x2`.

    Example:
        >>> greater([1, 2], [2, 1])
        array([False,  True])
    """
    return p.less(x2, x1)


@op(operands="x1 x2", dtype=same)
def greater_equal(x1: Any, x2: Any) -> Any:
    """Return `x1 >= x2`.

    Example:
        >>> greater_equal([1, 2], 2)
        array([False,  True])
    """
    return p.less_equal(x2, x1)


@op(operands="x1 x2", dtype=same)
def not_equal(x1: Any, x2: Any) -> Any:
    """Return `x1 != x2`.

    Example:
        >>> not_equal([1, 2], [1, 3])
        array([False,  True])
    """
    return p.logical_not(p.equal(x1, x2))


@op(operands="x1 x2", dtype=boolean)
def logical_xor(x1: Any, x2: Any) -> Any:
    """Return where exactly one of two is true.

    Example:
        >>> logical_xor([True, True], [True, False])
        array([False,  True])
    """
    return p.logical_not(p.equal(x1, x2))


@op(dtype=floating)
def isnan(x: Any) -> Any:
    """Return where `x` is not a number.

    Example:
        >>> isnan([1.0, float("nan")])
        array([False,  True])
    """
    return p.logical_not(p.equal(x, x))


@op(dtype=floating)
def isinf(x: Any) -> Any:
    """Return where `x` is infinite.

    Example:
        >>> isinf([1.0, float("-inf")])
        array([False,  True])
    """
    return p.equal(p.abs(x), math.inf)


@op(dtype=floating)
def isposinf(x: Any) -> Any:
    """Return where `x` is plus infinity."""
    return p.equal(x, math.inf)


@op(dtype=floating)
def isneginf(x: Any) -> Any:
    """Return where `x` is minus infinity."""
    return p.equal(x, -math.inf)


@op
def isreal(x: Any) -> Any:
    """Return where `x` has no imaginary part.

    Example:
        >>> isreal([1.0, 2.0])
        array([ True,  True])
    """
    return p.equal(p.imag(x), 0) if dtype_of(x) in dtypes.COMPLEX else ones_like(x, "bool")


@op
def signbit(x: Any) -> Any:
    """Return where the sign bit is set, which tells -0.0 from 0.0.

    Example:
        >>> signbit([-0.0, 0.0, -1.0])
        array([ True, False,  True])
    """
    name = dtype_of(x)
    if name in dtypes.FLOAT:
        bits = {2: "int16", 4: "int32", 8: "int64"}[dtypes.numpy_dtype(name).itemsize]
        return p.less(p.view(x, bits), 0)
    return zeros_like(x, "bool") if name in dtypes.UNSIGNED | dtypes.BOOL else p.less(x, 0)


# -- rounding, limits and signs ------------------------------------------------------------------------------------------------------------
@op
def round(x: Any, decimals: int = 0) -> Any:
    """Round to `decimals` places, halves to even; both parts of complex numbers.

    Example:
        >>> round([0.5, 1.5, 2.26], 1)
        array([0.5, 1.5, 2.3], dtype=float32)
    """
    name = dtype_of(x)
    if name in dtypes.COMPLEX:
        return p.view_as_complex(round(p.real(x), decimals), round(p.imag(x), decimals))
    if decimals == 0:
        return cast(x, "int32") if name == "bool" else p.round(x)
    factor = 10.0 ** builtins.abs(decimals)
    z = cast(x, dtypes.to_float(name))
    z = p.divide(p.round(p.multiply(z, factor)), factor) if decimals > 0 else p.multiply(p.round(p.divide(z, factor)), factor)
    return cast(z, name) if name in dtypes.INTEGER else z


@op(operands="x x_min? x_max?")
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Limit `x` to the interval from `x_min` to `x_max`.

    Example:
        >>> clip([-1.0, 0.5, 2.0], 0, 1)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    if dtype_of(x) == "bool":
        x = cast(x, "int32")
    # comparisons instead of maximum: an element on the border keeps its whole gradient
    low = x if x_min is None else p.where(p.less(x, x_min), x_min, x)
    return low if x_max is None else p.where(p.less(x_max, low), x_max, low)


@op(dtype=floating)
def fabs(x: Any) -> Any:
    """Return the absolute value as a float."""
    return p.abs(x)


@op(operands="x1 x2", dtype=same)
def fmax(x1: Any, x2: Any) -> Any:
    """Return the larger of two, a number rather than nan."""
    return p.where(isnan(x1), x2, p.where(isnan(x2), x1, p.maximum(x1, x2)))


@op(operands="x1 x2", dtype=same)
def fmin(x1: Any, x2: Any) -> Any:
    """Return the smaller of two, a number rather than nan."""
    return p.where(isnan(x1), x2, p.where(isnan(x2), x1, p.minimum(x1, x2)))


@op(operands="x1 x2", dtype=numeric)
def fmod(x1: Any, x2: Any) -> Any:
    """Return the remainder with the sign of `x1`.

    Example:
        >>> fmod([-3.0, 5.0], 2.0)
        array([-1.,  1.], dtype=float32)
    """
    rest = p.mod(p.abs(x1), p.abs(x2))
    return p.where(p.less(x1, 0), p.negative(rest), rest)


@op(operands="x1 x2", dtype=floating)
def heaviside(x1: Any, x2: Any) -> Any:
    """Return 0 for negative `x1`, 1 for positive, `x2` at zero.

    Example:
        >>> heaviside([-1.0, 0.0, 2.0], 0.5)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    step = p.where(p.less(x1, 0), zeros_like(x1), ones_like(x1))
    return p.where(p.equal(x1, 0), x2, p.where(isnan(x1), x1, step))


@op(operands="x1 x2", dtype=floating)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Return `x1 / x2`, zero where `x2` is zero.

    Example:
        >>> divide_no_nan([1.0, 2.0], [0.0, 4.0])
        array([0. , 0.5], dtype=float32)
    """
    zero = p.equal(x2, 0)
    return p.where(zero, 0.0, p.divide(x1, p.where(zero, 1.0, x2)))


@op
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace nan and infinities by numbers; by default zero and the largest finite ones.

    Example:
        >>> nan_to_num([1.0, float("nan"), float("inf")], posinf=9.0)
        array([1., 0., 9.], dtype=float32)
    """
    name = dtype_of(x)
    if name not in _LIMITS:
        return x
    limit = _LIMITS[name][0]
    x = p.where(isnan(x), nan, x)
    x = p.where(isposinf(x), limit if posinf is None else posinf, x)
    return p.where(isneginf(x), -limit if neginf is None else neginf, x)


@op
def copy(x: Any) -> Any:
    """Return a copy of `x`."""
    return p.where(zeros_like(x, "bool"), x, x)


@op(operands="variable")
def stop_gradient(variable: Any) -> Any:
    """Return the tensor unchanged, with no gradient flowing through it.

    Example:
        >>> stop_gradient([1.0])
        array([1.], dtype=float32)
    """
    return p.stop_gradient(variable)


# -- angles --------------------------------------------------------------------------------------------------------------------------------
@op(dtype=floating)
def deg2rad(x: Any) -> Any:
    """Convert degrees to radians."""
    return p.multiply(x, math.pi / 180.0)


@op(dtype=floating)
def rad2deg(x: Any) -> Any:
    """Convert radians to degrees."""
    return p.multiply(x, 180.0 / math.pi)


@op(dtype=floating)
def sinc(x: Any) -> Any:
    """Return `sin(pi x) / (pi x)`, one at zero.

    Example:
        >>> sinc([0.0, 1.0]).round(6)
        array([ 1., -0.], dtype=float32)
    """
    zero = p.equal(x, 0)
    z = p.multiply(p.where(zero, 1.0, x), math.pi)
    return p.where(zero, 1.0, p.divide(p.sin(z), z))


# -- error function --------------------------------------------------------------------------------------------------------------------------
# M. Giles, "Approximating the erfinv function" (2012): polynomials in w = -log(1 - x**2), in w - 2.5 below 5 and in sqrt(w) - 3 above
_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def polynomial(z: Any, coefficients: tuple[float, ...]) -> Any:
    """Return the polynomial with `coefficients`, highest power first, by Horner's rule."""
    out: Any = coefficients[0]
    for c in coefficients[1:]:
        out = p.add(p.multiply(z, out), c)
    return out


@op(dtype=floating)
def erfinv(x: Any) -> Any:
    """Return the inverse of the error function; infinite at -1 and 1, nan outside.

    Example:
        >>> float(erf(erfinv([0.5]))[0])
        0.5
    """
    name = dtype_of(x)
    z = cast(x, "float32") if name in ("float16", "bfloat16") else x
    inside = p.less(p.abs(z), 1.0)
    z = p.where(inside, z, 0.0)
    w = p.negative(p.add(p.log1p(z), p.log1p(p.negative(z))))
    centre = p.less(w, 5.0)
    near = polynomial(p.subtract(p.where(centre, w, 2.5), 2.5), _CENTRE)
    far = polynomial(p.subtract(p.sqrt(p.where(centre, 9.0, w)), 3.0), _TAIL)
    y = p.multiply(p.where(centre, near, far), z)
    if name == "float64":  # the polynomials give seven digits; Halley's method triples them
        for _ in range(2):
            d = p.divide(p.subtract(p.erf(y), z), p.multiply(p.exp(p.negative(p.multiply(y, y))), 2.0 / math.sqrt(math.pi)))
            y = p.subtract(y, p.divide(d, p.add(1.0, p.multiply(y, d))))
    # constants: infinity times x would make the gradient nan, also where this branch is not taken
    outside = p.where(p.equal(x, 1.0), math.inf, p.where(p.equal(x, -1.0), -math.inf, math.nan))
    return p.where(inside, cast(y, name), cast(outside, name))
