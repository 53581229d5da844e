"""Elementwise ops made of primitives."""

import math

import numpy as np

from pronghorn_testing.case import ANY, FLOATS, NUMBERS, B, C, I, OpCase, P, V, X

INF, NAN = math.inf, math.nan
EDGES = [-INF, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 30.0, INF, NAN]


def _wide(fn):
    """A closed form computed in float64."""
    return lambda *args, **kwargs: fn(*[a.astype("float64") if getattr(a, "dtype", None) is not None and a.dtype.kind in "biuf" else a for a in args], **kwargs)


_erfinv_at = np.array([-0.9, -0.3, 0.0, 0.25, 0.8])
_i0 = _wide(np.i0)

CASES = [
    # functions with a NumPy namesake, on ordinary numbers in several dtypes
    *[OpCase(n, [X(2, 3)], dtypes=("float32", "bfloat16", "int32"), expected=_wide(getattr(np, n))) for n in "cbrt exp2 fabs deg2rad rad2deg sinc".split()],
    *[OpCase(n, [P(2, 3)], dtypes=("float32", "bfloat16", "int32"), expected=_wide(getattr(np, n))) for n in "log2 log10 reciprocal".split()],
    OpCase("rsqrt", [P(2, 3)], dtypes=("float32", "bfloat16", "int32"), expected=_wide(lambda x: x**-0.5)),
    OpCase("square", [X(2, 3)], dtypes=(*FLOATS, "int32", "bool"), expected=lambda x: x * x if x.dtype != bool else x.astype(int)),
    OpCase("copy", [X(2, 3)], dtypes=ANY, expected=lambda x: x),
    *[OpCase(n, [V(EDGES)], label="edges", expected=_wide(getattr(np, n))) for n in "cbrt exp2 log2 log10 square reciprocal fabs".split()],
    OpCase("rsqrt", [V([0.0, 1.0, INF, NAN])], label="edges", expected=lambda x: np.array([INF, 1.0, 0.0, NAN])),
    *[OpCase(n, [V(EDGES)], dtypes=("float32", "bfloat16"), expected=getattr(np, n)) for n in "isnan isinf isposinf isneginf signbit isreal".split()],
    *[OpCase(n, [I(3, low=-2, high=2)], label="int", expected=getattr(np, n)) for n in "isnan isinf signbit isreal".split()],
    OpCase("isreal", [V([1 + 0j, 1j, 0j], "complex64")], label="complex", needs="complex", expected=np.isreal),
    OpCase("erfinv", [V(_erfinv_at)], label="values", expected=lambda x: np.array([-1.1630871536766743, -0.2724627147267543, 0.0, 0.22531205501217808, 0.9061938024368232])),
    OpCase("erfinv", [X(2, 3, low=-0.95, high=0.95)], dtypes=("float32", "float64"), tolerance=5),
    OpCase("erfinv", [V([-1.0, 1.0, 2.0])], label="edges", expected=lambda x: np.array([-INF, INF, NAN])),
    OpCase("erfc", [X(2, 3)], dtypes=("float32", "float64"), expected=np.vectorize(math.erfc, otypes=[float])),
    OpCase("erfc", [V([5.0, 9.0])], label="tail", tolerance=10, expected=np.vectorize(math.erfc, otypes=[float])),
    OpCase("i0", [X(2, 3, low=-5.0, high=5.0)], tolerance=5, expected=_i0),
    # two operands
    *[OpCase(n, [X(2, 3), X(3)], dtypes=("float32", "bfloat16", "int32"), expected=_wide(getattr(np, n))) for n in "logaddexp logaddexp2 hypot".split()],
    *[OpCase(n, [V([INF, -INF, -INF, 1000.0, NAN]), V([1.0, -INF, 1.0, 0.0, 1.0])], label="edges", expected=_wide(getattr(np, n))) for n in "logaddexp hypot".split()],
    OpCase("ldexp", [X(2, 3), I(3, low=-3, high=3)], expected=np.ldexp),
    OpCase("ldexp", [V([1.0, 3.0]), V([120, -120], "int32")], label="far", expected=np.ldexp),
    *[OpCase(n, [X(2, 3, low=0, high=2), X(3, low=0, high=2)], dtypes=NUMBERS, expected=getattr(np, n)) for n in "greater greater_equal not_equal".split()],
    *[OpCase(n, [V([NAN, 1.0]), V([1.0, NAN])], label="nan", expected=getattr(np, n)) for n in "greater greater_equal not_equal".split()],
    OpCase("logical_xor", [B(2, 3), X(3, low=-1, high=1)], dtypes=ANY, expected=np.logical_xor),
    *[OpCase(n, [X(2, 3), X(3)], dtypes=("float32", "int32"), expected=getattr(np, n)) for n in "fmax fmin".split()],
    *[OpCase(n, [V([NAN, 1.0, NAN]), V([1.0, NAN, NAN])], label="nan", expected=getattr(np, n)) for n in "fmax fmin".split()],
    OpCase("fmod", [X(2, 3, low=-9, high=9), P(3)], dtypes=("float32", "int32"), expected=np.fmod),
    OpCase("fmod", [V([7, -7, 7, -7]), V([3, 3, -3, -3])], label="signs", dtypes=("float32", "int32"), expected=np.fmod),
    OpCase("heaviside", [V([-1.0, 0.0, 2.0, NAN]), V([0.5, 0.5, 0.5, 0.5])], grad=False, expected=np.heaviside),
    OpCase("divide_no_nan", [X(2, 3), P(3)], expected=np.divide),
    OpCase("divide_no_nan", [V([1.0, 0.0]), V([0.0, 0.0])], label="zero", expected=lambda x, y: np.zeros(2)),
    OpCase("gcd", [I(2, 3, low=0, high=40), I(3, low=1, high=40)], batch=False, expected=np.gcd),
    OpCase("lcm", [I(2, 3, low=0, high=20), I(3, low=1, high=20)], batch=False, expected=np.lcm),
    OpCase("nextafter", [V([0.0, 1.0, -1.0, 2.0]), V([1.0, 2.0, -2.0, 2.0])], expected=np.nextafter),
    *[OpCase(f"bitwise_{n}", [X(2, 3), X(3)], dtypes=("int32", "uint8", "bool"), expected=getattr(np, f"bitwise_{n}")) for n in ("and", "or", "xor")],
    OpCase("bitwise_not", [X(2, 3)], dtypes=("int32", "uint8", "bool"), expected=np.bitwise_not),
    *[OpCase(n, [X(2, 3), I(3, low=0, high=3)], dtypes=("int32",), expected=getattr(np, n.removeprefix("bitwise_"))) for n in ("bitwise_left_shift", "bitwise_right_shift")],
    # rounding and limits
    *[OpCase("round", [X(2, 3, low=-20.0, high=20.0)], {"decimals": d}, dtypes=("float32", "int32"), grad=False, expected=np.round) for d in (0, 1, -1)],
    OpCase("clip", [X(2, 3), -0.5, 0.5], dtypes=("float32", "bfloat16"), expected=np.clip),
    OpCase("clip", [X(2, 3), -2, 2], label="int", dtypes=("int32", "float32"), expected=np.clip),
    OpCase("clip", [X(2, 3), X(3, low=-1.0, high=-0.2), X(2, 1, low=0.2, high=1.0)], label="tensors", expected=np.clip),
    OpCase("clip", [X(2, 3), None, 0.3], label="above", expected=lambda x, a, b: np.minimum(x, b)),
    OpCase("nan_to_num", [V(EDGES)], dtypes=("float32",), grad=False, expected=np.nan_to_num),
    OpCase("nan_to_num", [V(EDGES)], {"nan": 5.0, "posinf": 7.0, "neginf": -7.0}, grad=False, expected=np.nan_to_num),
    OpCase("nan_to_num", [I(3)], label="int", expected=lambda x: x),
    OpCase("stop_gradient", [X(2, 3)], grad=False, expected=lambda x: x),
    OpCase("saturate_cast", [V([-300.0, 1.7, 300.0]), "int8"], expected=lambda x, d: np.array([-128, 1, 127], "int8")),
    OpCase("saturate_cast", [V([-300, 1, 300], "int32"), "uint8"], label="int", expected=lambda x, d: np.array([0, 1, 255], "uint8")),
    OpCase("cast", [X(2, 3), "int32"], grad=False, expected=lambda x, d: x.astype(d)),
    OpCase("view", [X(2, 4), "int32"], grad=False, expected=lambda x, d: x.view(d)),
    # complex numbers
    *[OpCase(n, [C(2, 3)], label="complex", needs="complex", tolerance=2, expected=getattr(np, n)) for n in "real imag conj angle square".split()],
    *[OpCase(n, [X(2, 3)], label="real", expected=getattr(np, n), grad=n != "angle") for n in "real imag conj angle".split()],
    OpCase("view_as_complex", [X(2, 3, 2)], needs="complex", expected=lambda x: x[..., 0] + 1j * x[..., 1]),
    OpCase("view_as_real", [C(2, 3)], needs="complex", expected=lambda x: np.stack([x.real, x.imag], -1)),
    OpCase("polar", [P(2, 3), X(2, 3)], needs="complex", expected=lambda r, a: r * np.exp(1j * a)),
    # closeness
    *[OpCase(n, [V([1.0, 2.0, NAN, INF]), V([1.0, 2.1, NAN, INF])], {"equal_nan": e}, expected=getattr(np, n)) for n in ("isclose", "allclose") for e in (False, True)],
    OpCase("isin", [I(2, 3, high=6), V([1, 3, 5], "int32")], expected=np.isin),
    OpCase("isin", [I(2, 3, high=6), V([1, 3, 5], "int32")], {"invert": True}, expected=np.isin),
]
