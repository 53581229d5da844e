"""Lowering of elementwise primitives: name -> function of the operands' dtype and their nodes, all in the graph's carriers.

The plugin drops nan in `exp`, `maximum` and `minimum`; the guards here keep it, as every other engine does.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn_openvino import graph as g
from pronghorn_openvino.engine import o
from pronghorn_openvino.graph import const


def _float(dtype: str) -> bool:
    return g.carrier(dtype) == "f32"


def _is_constant(node: Any) -> bool:
    return getattr(node, "get_node", lambda: node)().get_type_name() == "Constant"


def _with_nan(node: Any, *xs: Any) -> Any:
    """`node`, but nan where one of `xs` is."""
    for x in xs:
        if not _is_constant(x):
            node = o.select(o.is_nan(x), x, node)
    return node


def _exp(d: str, x: Any) -> Any:
    return _with_nan(o.exp(x), x)


def _log1p(d: str, x: Any) -> Any:
    near = o.multiply(const(2.0), o.atanh(o.divide(x, o.add(x, const(2.0)))))
    return o.select(o.less(o.abs(x), const(0.5)), near, o.log(o.add(x, const(1.0))))


def _expm1(d: str, x: Any) -> Any:
    return o.multiply(o.tanh(o.multiply(x, const(0.5))), o.add(o.exp(x), const(1.0)))


def _erf(d: str, x: Any) -> Any:
    # the plugin's is accurate to 5e-7 absolutely; the series keeps the relative accuracy near zero
    square, near = o.multiply(x, x), const(0.0)
    for k in range(6, -1, -1):
        near = o.add(o.multiply(near, square), const((-1.0) ** k * 2 / math.sqrt(math.pi) / (math.factorial(k) * (2 * k + 1))))
    return o.select(o.less(o.abs(x), const(0.5)), o.multiply(near, x), o.erf(x))


def _trunc(d: str, x: Any) -> Any:
    return o.select(o.less(x, const(0.0)), o.ceiling(x), o.floor(x)) if _float(d) else x


def _sign(d: str, x: Any) -> Any:
    if d == "bool":
        return x
    if _float(d):
        return o.sign(x)
    return o.convert(o.not_equal(x, const(0, np.int32)), "i32") if d.startswith("u") else o.maximum(o.minimum(x, const(1, np.int32)), const(-1, np.int32))


def _signbit(x: Any) -> Any:
    zero = const(0.0)
    return o.logical_or(o.less(x, zero), o.logical_and(o.equal(x, zero), o.less(o.divide(const(1.0), x), zero)))


def _largest(native: Callable, joined: Callable) -> Callable:
    def fn(d: str, x: Any, y: Any) -> Any:
        if d == "bool":
            return joined(x, y)
        if not _float(d):
            return g.unordered(native(g.ordered(x, d), g.ordered(y, d)), d)
        if _is_constant(y):
            x, y = y, x
        return native(x, y) if _is_constant(x) else _with_nan(native(x, y), x, y)  # the second operand's nan survives

    return fn


def _mod(d: str, x: Any, y: Any) -> Any:
    if not _float(d):
        return g.wrap(g.mod_ints(x, y, d), d)
    zero, inf = const(0.0), const(np.inf)
    kept = o.logical_and(o.equal(o.abs(y), inf), o.less(o.abs(x), inf))  # x mod inf is x, or inf if the signs differ
    opposite = o.less(o.multiply(o.sign(x), o.sign(y)), zero)
    return o.select(kept, o.select(opposite, y, x), o.floor_mod(x, y))


def _floor_divide(d: str, x: Any, y: Any) -> Any:
    return o.floor(o.divide(x, y)) if _float(d) else g.wrap(g.floor_divide_ints(x, y, d), d)


def _power(d: str, x: Any, y: Any) -> Any:
    return o.power(x, y) if _float(d) else g.power_ints(x, y)


def _arctan2(d: str, y: Any, x: Any) -> Any:
    ax, ay = o.abs(x), o.abs(y)
    low, high = o.minimum(ax, ay), o.maximum(ax, ay)
    ratio = o.select(o.equal(low, high), o.select(o.equal(high, const(0.0)), const(0.0), const(1.0)), o.divide(low, high))
    angle = o.atan(ratio)
    angle = o.select(o.greater(ay, ax), o.subtract(const(math.pi / 2), angle), angle)
    angle = o.select(_signbit(x), o.subtract(const(math.pi), angle), angle)
    return _with_nan(o.select(_signbit(y), o.negative(angle), angle), x, y)


def _bits(native: Callable, logical: Callable) -> Callable:
    return lambda d, *xs: logical(*xs) if d == "bool" else native(*xs)


_UNARY = {
    "log": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "floor": "floor", "ceil": "ceiling", "isfinite": "is_finite",
    "logical_not": "logical_not",
}  # fmt: skip

#: name -> function(dtype of the operands, *nodes)
ELEMENTWISE: dict[str, Callable] = {
    **{name: (lambda d, x, fn=getattr(o, native): fn(x)) for name, native in _UNARY.items()},
    "exp": _exp,
    "log1p": _log1p,
    "expm1": _expm1,
    "erf": _erf,
    "round": lambda d, x: o.round(x, "half_to_even") if _float(d) else x,
    "trunc": _trunc,
    "negative": lambda d, x: g.wrap(o.negative(x) if _float(d) else o.subtract(const(0, np.int32), x), d),
    "abs": lambda d, x: x if d == "bool" or d.startswith("u") else o.abs(x) if _float(d) else g.wrap(g.magnitude(x), d),
    "sign": _sign,
    "bitwise_not": lambda d, x: o.logical_not(x) if d == "bool" else g.wrap(o.bitwise_not(x), d),
    "stop_gradient": lambda d, x: x,
    "add": lambda d, x, y: g.wrap(o.logical_or(x, y) if d == "bool" else o.add(x, y), d),
    "subtract": lambda d, x, y: g.wrap(o.subtract(x, y), d),
    "multiply": lambda d, x, y: g.wrap(o.logical_and(x, y) if d == "bool" else o.multiply(x, y), d),
    "divide": lambda d, x, y: o.divide(x, y),
    "floor_divide": _floor_divide,
    "mod": _mod,
    "power": lambda d, x, y: g.wrap(_power(d, x, y), d),
    "maximum": _largest(o.maximum, o.logical_or),
    "minimum": _largest(o.minimum, o.logical_and),
    "arctan2": _arctan2,
    "equal": g.same,
    "less": g.below,
    "less_equal": lambda d, x, y: g.below(d, x, y, True),
    "logical_and": lambda d, x, y: o.logical_and(x, y),
    "logical_or": lambda d, x, y: o.logical_or(x, y),
    "bitwise_and": _bits(o.bitwise_and, o.logical_and),
    "bitwise_or": _bits(o.bitwise_or, o.logical_or),
    "bitwise_xor": _bits(o.bitwise_xor, o.logical_xor),
    "bitwise_left_shift": lambda d, x, y: g.wrap(g.left_shift(x, y), d),
    "bitwise_right_shift": lambda d, x, y: g.right_shift(x, y, d),
    "where": lambda d, p, x, y: g.select(d, p, x, y),
    # derived ops for which the plugin has a kernel
    "relu": lambda d, x: o.relu(x) if _float(d) else o.maximum(const(0, np.int32), x),
    "sigmoid": lambda d, x: o.sigmoid(x),
    "silu": lambda d, x: o.swish(x),
    "signbit": lambda d, x: _signbit(x) if _float(d) else o.not_equal(x, x) if d == "bool" or d.startswith("u") else o.less(x, const(0, np.int32)),
}


def float_bits(x: Any) -> Any:
    """Return the bits of a float32 as a 32-bit integer, by arithmetic: the exponent is the number of powers of two that do not exceed it."""
    size = o.abs(x)
    powers = np.array([*(2.0 ** np.arange(-126, 128)), np.inf], np.float32)
    nan = o.is_nan(x)
    size = o.select(nan, const(0.0), size)
    exponent = o.convert(o.search_sorted(const(powers), o.reshape(size, g.ints([-1]), False), True), "i32")
    exponent = o.reshape(exponent, o.shape_of(size), False)
    # to an integer of 24 bits; in two factors, from a table, since 2**149 is no float and constants would be joined
    shift = 150 - np.maximum(np.arange(256), 1)
    low, high = (o.gather(const(np.exp2(half.astype(float))), exponent, g.ints(0)) for half in (shift // 2, shift - shift // 2))
    leading = o.select(o.equal(exponent, const(0, np.int32)), const(0.0), const(2.0**23))
    fraction = o.subtract(o.multiply(o.multiply(size, low), high), leading)
    fraction = o.select(o.equal(exponent, const(255, np.int32)), const(0.0), fraction)
    bits = o.add(o.multiply(exponent, const(1 << 23, np.int32)), o.convert(fraction, "i32"))
    bits = g.choose(nan, const(0x7FC00000, np.int32), bits)
    return g.choose(_signbit(x), o.add(bits, const(-(2**31), np.int32)), bits)


def bits_float(x: Any) -> Any:
    """Return the float32 whose bits are a 32-bit integer, by arithmetic."""
    fraction = o.convert(o.bitwise_and(x, const((1 << 23) - 1, np.int32)), "f32")
    exponent = o.bitwise_and(o.bitwise_right_shift(x, const(23, np.int32)), const(255, np.int32))
    scale = o.gather(const([1, *(2.0 ** np.arange(-126, 128)), np.inf]), exponent, g.ints(0))
    normal = o.multiply(o.add(o.multiply(fraction, const(2.0**-23)), const(1.0)), scale)
    small = o.multiply(o.multiply(fraction, const(2.0**-75)), const(2.0**-74))
    size = o.select(o.equal(exponent, const(0, np.int32)), small, normal)
    nan = o.logical_and(o.equal(exponent, const(255, np.int32)), o.not_equal(fraction, const(0.0)))
    size = o.select(nan, const(np.nan), size)
    return o.select(o.less(x, const(0, np.int32)), o.negative(size), size)


def aligned(values: list[g.Value]) -> tuple[list[Any], tuple | None]:
    """Return the operands' nodes with one order of axes, ready to broadcast, and that order."""
    rank = max(v.rank for v in values)
    order = next((v.order for v in values if v.order is not None and v.rank == rank), None)
    if order is None:
        return [v.plain for v in values], None
    seen = [order.index(j) for j in range(rank)]  # the program's axis at each axis of the node
    nodes = []
    for v in values:
        dims = (1,) * (rank - v.rank) + v.dims
        if v.rank == rank and v.order == order:
            nodes.append(v.node)
        elif v.rank == rank:
            nodes.append(v.as_axes(seen))
        elif None not in dims and sum(d != 1 for d in dims) <= 1:  # such as a bias
            shape = [dims[a] for a in seen]
            nodes.append(o.constant(v.array.reshape(shape)) if v.array is not None else o.reshape(v.plain, g.ints(shape), False))
        else:
            wide = o.unsqueeze(v.plain, g.ints(list(range(rank - v.rank))))
            nodes.append(o.transpose(wide, g.ints(seen)))
    return nodes, order
