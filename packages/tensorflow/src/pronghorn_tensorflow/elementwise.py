"""Elementwise primitives and reductions: a name table, and by hand what TensorFlow's kernels do otherwise."""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from pronghorn_tensorflow.support import COMPLEX, F8, ORDERED, cast, const, detours, dtype_of, lead, plain, raw, via

_UNSIGNED = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"}

# primitive -> raw op, dtypes that take a detour
_UNARY: dict[str, tuple[str, Mapping[str, str | None]]] = {
    **{
        name: (op, F8)
        for name, op in {
            "exp": "Exp", "log": "Log", "log1p": "Log1p", "expm1": "Expm1", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin",
            "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh",
        }.items()
    },
    "floor": ("Floor", {**F8, **COMPLEX}), "ceil": ("Ceil", {**F8, **COMPLEX}), "negative": ("Neg", {**F8, **_UNSIGNED}),
}  # fmt: skip
# primitive -> raw op, detours, whether the result has the operands' dtype, what stands in for booleans
_BINARY: dict[str, tuple[str, Mapping[str, str | None], bool, str | None]] = {
    "add": ("AddV2", F8, True, "LogicalOr"),
    "subtract": ("Sub", F8, True, None),
    "multiply": ("Mul", F8, True, "LogicalAnd"),
    "divide": ("RealDiv", F8, True, None),
    "maximum": ("Maximum", {**F8, **COMPLEX}, True, "LogicalOr"),
    "minimum": ("Minimum", {**F8, **COMPLEX}, True, "LogicalAnd"),
    "equal": ("Equal", F8, False, None),
    "less": ("Less", ORDERED, False, None),
    "less_equal": ("LessEqual", ORDERED, False, None),
    "logical_and": ("LogicalAnd", {}, True, None),
    "logical_or": ("LogicalOr", {}, True, None),
    "bitwise_and": ("BitwiseAnd", {}, True, "LogicalAnd"),
    "bitwise_or": ("BitwiseOr", {}, True, "LogicalOr"),
    "bitwise_xor": ("BitwiseXor", {}, True, "NotEqual"),
    "bitwise_left_shift": ("LeftShift", {"bool": "uint8"}, True, None),
    "bitwise_right_shift": ("RightShift", {"bool": "uint8"}, True, None),
}
# primitive -> raw op, detours, what stands in for booleans
_REDUCE: dict[str, tuple[str, Mapping[str, str | None], str | None]] = {
    "sum": ("Sum", F8, "Any"),
    "prod": ("Prod", F8, "All"),
    "max": ("Max", {**F8, **COMPLEX}, "Any"),
    "min": ("Min", {**F8, **COMPLEX}, "All"),
    "any": ("Any", {}, None),
    "all": ("All", {}, None),
}
_BOOL = tf.bool.as_datatype_enum


def _unary(op: Callable, table: Mapping[str, str | None], name: str) -> Callable:
    odd = detours(table)

    def plain_call(x: Any) -> Any:
        return op(x=x)

    detour = via(plain_call, table, name=name)

    def call(x: Any) -> Any:
        return detour(x) if x.dtype.as_datatype_enum in odd else op(x=x)

    return call


def _binary(op: Callable, table: Mapping[str, str | None], back: bool, logical: str | None, name: str) -> Callable:
    odd = frozenset(detours(table))
    on_bool = getattr(raw, logical) if logical else op
    detour = via(lambda x, y: op(x=x, y=y), table, 2, back=back, name=name)

    def call(x1: Any, x2: Any) -> Any:
        try:
            kind = x1.dtype.as_datatype_enum
        except AttributeError:  # a Python number next to a tensor
            kind, x1 = x2.dtype.as_datatype_enum, lead(x1, x2)
        if kind == _BOOL:
            return detour(x1, x2) if kind in odd else on_bool(x=x1, y=x2)
        return detour(x1, x2) if kind in odd else op(x=x1, y=x2)

    return call


def _add(x1: Any, x2: Any) -> Any:
    """A sum; in a graph as a bias where it is one, which TensorFlow fuses into the product before it, and whose gradient is one kernel."""
    if tf.is_symbolic_tensor(x1) and x1.dtype.is_floating and getattr(x2, "shape", None) is not None and x2.shape.rank == 1:
        wide = x1.shape.rank
        if wide is not None and wide > 1 and x2.shape[0] is not None and x1.shape[-1] == x2.shape[0]:
            return raw.BiasAdd(value=x1, bias=x2)
    return raw.AddV2(x=x1, y=x2)


def _not_empty(name: str, x: Any, axes: tuple) -> None:
    dims = x.shape
    if dims.rank is not None and any(dims[a] == 0 for a in axes):
        raise ValueError(f"{name}: cannot reduce an axis of size zero; received shape {tuple(dims)} and axis {axes}.")


def _reduce(op: Callable, table: Mapping[str, str | None], logical: str | None, name: str) -> Callable:
    odd = frozenset(detours(table))
    on_bool = getattr(raw, logical) if logical else op
    detour = via(lambda x, axis, keepdims: op(input=x, axis=const(axis), keep_dims=keepdims), table, name=name)
    extreme = name in ("max", "min")

    def call(x: Any, axis: Any, keepdims: bool) -> Any:
        if extreme:
            _not_empty(name, x, axis)
        kind = x.dtype.as_datatype_enum
        if kind in odd:
            return detour(x, axis, keepdims)
        return (on_bool if kind == _BOOL else op)(input=x, axis=const(axis), keep_dims=keepdims)

    return call


def _arg(op: Callable, name: str) -> Callable:
    def run(x: Any, axis: int) -> Any:
        _not_empty(name, x, (axis,))
        out = op(input=x, dimension=const(axis), output_type=tf.int32)
        if not x.dtype.is_floating:
            return out
        undefined = raw.IsNan(x=x)  # the first nan wins, as everywhere else; the kernel passes over it
        first = raw.ArgMax(input=raw.Cast(x=undefined, DstT=tf.int32), dimension=const(axis), output_type=tf.int32)
        return raw.SelectV2(condition=raw.Any(input=undefined, axis=const(axis)), t=first, e=out)

    return via(run, {**F8, **COMPLEX}, back=False, name=name)


def _safe(divide: Callable, on_zero: Callable) -> Callable:
    """Integer division that gives 0 for a zero divisor, where TensorFlow's CPU kernel would stop the program."""

    def call(x1: Any, x2: Any) -> Any:
        dtype = dtype_of(x1, x2)
        if not dtype.is_integer:
            return on_zero(x1, x2)
        if not hasattr(x2, "dtype") and x2 != 0:
            return divide(x=x1, y=x2)
        zero = raw.Equal(x=x2, y=tf.zeros((), dtype))
        out = divide(x=x1, y=raw.SelectV2(condition=zero, t=tf.ones((), dtype), e=x2))
        return raw.SelectV2(condition=zero, t=tf.zeros((), dtype), e=out)

    return call


def _float_floor_divide(x1: Any, x2: Any) -> Any:
    x2 = x2 if hasattr(x2, "dtype") else tf.constant(x2, x1.dtype)
    # by way of the remainder: x1 / x2 may round up to the next integer
    quotient = raw.RealDiv(x=x1, y=x2)
    exact = raw.Round(x=raw.RealDiv(x=raw.Sub(x=x1, y=raw.FloorMod(x=x1, y=x2)), y=x2))
    zero = tf.zeros((), exact.dtype)
    below = raw.Less(x=x1, y=zero) != raw.Less(x=x2, y=zero)
    by_infinity = tf.where(raw.LogicalAnd(x=below, y=raw.NotEqual(x=x1, y=zero)), -tf.ones((), exact.dtype), zero)
    out = tf.where(raw.IsFinite(x=quotient), tf.where(raw.IsFinite(x=x2), exact, by_infinity), quotient)
    return tf.where(raw.IsFinite(x=x1), out, tf.constant(float("nan"), exact.dtype))


def _erf(x: Any) -> Any:
    # the kernel for 64 bits gives nan at infinity; beyond 6 the result is 1 to the last bit
    return raw.Erf(x=raw.Maximum(x=raw.Minimum(x=x, y=6.0), y=-6.0) if x.dtype == tf.float64 else x)


def _power(x1: Any, x2: Any) -> Any:
    if not hasattr(x2, "dtype") and x2 == 2:
        return raw.Square(x=x1)
    return raw.Pow(x=x1, y=x2)


def _abs(x: Any) -> Any:
    kind = x.dtype
    if kind.is_complex:
        return raw.ComplexAbs(x=x, Tout=kind.real_dtype)
    return plain(x) if kind.is_unsigned or kind.is_bool else raw.Abs(x=x)


def _round(x: Any) -> Any:
    if x.dtype.is_complex:
        return tf.complex(raw.Round(x=tf.math.real(x)), raw.Round(x=tf.math.imag(x)))
    return raw.Round(x=x) if x.dtype.is_floating else plain(x)


def _trunc(x: Any) -> Any:
    return raw.SelectV2(condition=raw.Less(x=x, y=0), t=raw.Ceil(x=x), e=raw.Floor(x=x)) if x.dtype.is_floating else plain(x)


def _sign(x: Any) -> Any:
    kind = x.dtype
    if kind.is_floating:
        return raw.SelectV2(condition=raw.IsNan(x=x), t=x, e=raw.Sign(x=x))
    return cast(cast(x, tf.bool), kind) if kind.is_unsigned or kind.is_bool else raw.Sign(x=x)


def _isfinite(x: Any) -> Any:
    if x.dtype.is_complex:
        return raw.LogicalAnd(x=raw.IsFinite(x=tf.math.real(x)), y=raw.IsFinite(x=tf.math.imag(x)))
    return raw.IsFinite(x=x)


def _where(condition: Any, x1: Any, x2: Any) -> Any:
    kind = getattr(x1, "dtype", None) or getattr(x2, "dtype", None)
    if kind is not None and kind.name in F8:
        return cast(raw.SelectV2(condition=condition, t=cast(x1, tf.float32), e=cast(x2, tf.float32)), kind)
    return raw.SelectV2(condition=condition, t=lead(x1, x2), e=x2)


PRIMITIVES: dict[str, Callable] = {
    **{n: _unary(getattr(raw, op), table, n) for n, (op, table) in _UNARY.items()},
    **{n: _binary(getattr(raw, op), table, back, logical, n) for n, (op, table, back, logical) in _BINARY.items()},
    **{n: _reduce(getattr(raw, op), table, logical, n) for n, (op, table, logical) in _REDUCE.items()},
    "abs": via(_abs, F8),
    "sign": via(_sign, F8),
    "round": via(_round, F8),
    "trunc": via(_trunc, F8),
    "erf": via(_erf, {**F8, **COMPLEX}, name="erf"),
    "isfinite": via(_isfinite, F8, back=False),
    "logical_not": lambda x: raw.LogicalNot(x=x),
    "bitwise_not": lambda x: raw.LogicalNot(x=x) if x.dtype.is_bool else raw.Invert(x=x),
    "stop_gradient": lambda variable: tf.stop_gradient(variable),
    "floor_divide": via(_safe(raw.FloorDiv, _float_floor_divide), {**F8, **COMPLEX}, 2, name="floor_divide"),
    "mod": via(_safe(raw.FloorMod, lambda x1, x2: raw.FloorMod(x=x1, y=x2)), {**F8, **COMPLEX}, 2, name="mod"),
    "power": via(_power, {**F8, **_UNSIGNED}, 2),
    "arctan2": via(lambda x1, x2: raw.Atan2(y=x1, x=x2), {**F8, **COMPLEX}, 2, name="arctan2"),
    "where": _where,
    "argmax": _arg(raw.ArgMax, "argmax"),
    "argmin": _arg(raw.ArgMin, "argmin"),
    "cumsum": via(lambda x, axis: raw.Cumsum(x=x, axis=const(axis)), F8),
    "cumprod": via(lambda x, axis: raw.Cumprod(x=x, axis=const(axis)), F8),
}


def _kernel(op: Callable, operands: int) -> Callable:
    return (lambda x: op(x=x)) if operands == 1 else (lambda x1, x2: op(x=x1, y=x2))


#: primitive -> its kernel without a look at the dtype, and the dtypes it cannot take
KERNELS: dict[str, tuple[Callable, frozenset[str]]] = {
    **{n: (_kernel(getattr(raw, op), 1), frozenset(table)) for n, (op, table) in _UNARY.items()},
    **{n: (_kernel(getattr(raw, op), 2), frozenset((*table, "bool") if logical else table)) for n, (op, table, _, logical) in _BINARY.items()},
    "add": (_add, frozenset((*F8, "bool"))),
}
