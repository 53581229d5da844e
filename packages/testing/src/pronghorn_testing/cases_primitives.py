"""Primitives with one or two tensors and nothing else: elementwise functions and their edge values."""

import math

import numpy as np

from pronghorn_testing.case import ANY, FLOATS, NUMBERS, B, C, I, OpCase, P, V, X

INF, NAN = math.inf, math.nan
SMOOTH = "exp expm1 sin cos tan arctan sinh cosh tanh arcsinh erf"
UNIT = "arcsin arccos arctanh"
POSITIVE = "log log1p sqrt"
STEPS = "floor ceil round trunc sign"
EDGES = [-INF, -2.5, -1.5, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 1.5, 2.5, 30.0, INF, NAN]

_erf = np.vectorize(math.erf, otypes=[float])


def _np(name: str):
    fn = _erf if name == "erf" else getattr(np, name)
    return lambda x: fn(x.astype("float64"))


CASES = [
    *[OpCase(f"p.{n}", [X(2, 3)], dtypes=(*FLOATS, "int32", "bool"), expected=_np(n)) for n in SMOOTH.split()],
    *[OpCase(f"p.{n}", [X(2, 3, low=-0.9, high=0.9)], dtypes=FLOATS, expected=_np(n)) for n in UNIT.split()],
    *[OpCase(f"p.{n}", [P(2, 3)], dtypes=(*FLOATS, "int32"), expected=_np(n)) for n in POSITIVE.split()],
    OpCase("p.arccosh", [X(2, 3, low=1.2, high=4.0)], dtypes=FLOATS, expected=np.arccosh),
    *[OpCase(f"p.{n}", [X(2, 3, low=-4.0, high=4.0)], dtypes=(*FLOATS, "int32"), expected=_np(n)) for n in STEPS.split()],
    OpCase("p.negative", [X(2, 3)], dtypes=(*FLOATS, "int32"), expected=np.negative),
    OpCase("p.abs", [X(2, 3)], dtypes=(*FLOATS, "int32", "uint8"), expected=np.abs),
    OpCase("p.abs", [C(2, 3)], label="complex", needs="complex", expected=np.abs),
    OpCase("p.isfinite", [V(EDGES)], dtypes=FLOATS, expected=np.isfinite),
    OpCase("p.isfinite", [I(3)], label="int", expected=np.isfinite),
    OpCase("p.logical_not", [X(2, 3)], dtypes=ANY, expected=np.logical_not),
    OpCase("p.bitwise_not", [X(2, 3)], dtypes=("int32", "uint8", "bool"), expected=np.bitwise_not),
    OpCase("p.stop_gradient", [X(2, 3)], dtypes=ANY, grad=False, expected=lambda x: x),
    # inf, nan, signed zeros, halves
    *[OpCase(f"p.{n}", [V(EDGES)], label="edges", dtypes=("float32", "bfloat16"), expected=_np(n)) for n in f"{SMOOTH} {UNIT} {POSITIVE} {STEPS}".split() if n not in ("sin", "cos", "tan")],
    *[OpCase(f"p.{n}", [X()], label="scalar", expected=_np(n)) for n in ("exp", "tanh", "negative")],
    *[OpCase(f"p.{n}", [X(0, 3)], label="empty", expected=_np(n), grad=False) for n in ("exp", "negative")],
    # binary, with broadcasting
    *[OpCase(f"p.{n}", [X(2, 3), X(2, 3)], dtypes=(*FLOATS, "int32", "bool"), expected=getattr(np, n)) for n in ("add", "multiply", "maximum", "minimum")],
    *[OpCase(f"p.{n}", [X(2, 1, 3), X(4, 1)], label="broadcast", expected=getattr(np, n)) for n in ("add", "subtract", "multiply", "maximum")],
    *[OpCase(f"p.{n}", [X(2, 3), 2], label="python-int", dtypes=("float32", "int32", "bfloat16"), expected=getattr(np, n)) for n in ("add", "subtract", "multiply")],
    *[OpCase(f"p.{n}", [2.5, X(2, 3)], label="python-float", dtypes=("float32", "bfloat16"), expected=getattr(np, n)) for n in ("add", "subtract", "multiply")],
    OpCase("p.subtract", [X(2, 3), X(2, 3)], dtypes=(*FLOATS, "int32", "uint8"), expected=np.subtract),
    OpCase("p.divide", [X(2, 3), P(2, 3)], dtypes=(*FLOATS, "int32"), expected=np.divide),
    OpCase("p.divide", [V([1.0, -1.0, 0.0, INF]), V([0.0, 0.0, 0.0, INF])], label="zero", expected=lambda x, y: np.array([INF, -INF, NAN, NAN])),
    OpCase("p.floor_divide", [X(2, 3, low=-9.0, high=9.0), P(2, 3)], dtypes=("float32", "float64", "int32", "uint8"), grad=False, expected=np.floor_divide),
    OpCase("p.floor_divide", [V([7, -7, 7, -7]), V([2, 2, -2, -2])], label="signs", dtypes=("int32", "float32"), expected=np.floor_divide),
    OpCase("p.mod", [X(2, 3, low=-9.0, high=9.0), P(2, 3)], dtypes=("float32", "float64", "int32", "uint8"), expected=np.mod),
    OpCase("p.mod", [V([7, -7, 7, -7, 6]), V([3, 3, -3, -3, 3])], label="signs", dtypes=("int32", "float32"), expected=np.mod),
    OpCase("p.power", [P(2, 3), X(2, 3)], dtypes=("float32", "float64", "bfloat16"), expected=np.power),
    OpCase("p.power", [I(2, 3, low=-3, high=3), I(2, 3, low=0, high=4)], label="int", expected=np.power),
    OpCase("p.power", [X(2, 3), 2], label="square", dtypes=("float32", "bfloat16", "int32"), expected=np.power),
    OpCase("p.power", [V([0.0, 2.0, -1.0, NAN]), V([0.0, -1.0, 0.5, 0.0])], label="edges", expected=np.power),
    OpCase("p.arctan2", [X(2, 3), X(2, 3)], dtypes=FLOATS, expected=np.arctan2),
    OpCase("p.arctan2", [V([0.0, 1.0, -1.0, 0.0, -0.0]), V([1.0, 0.0, 0.0, -1.0, -1.0])], label="axes", expected=np.arctan2),
    *[OpCase(f"p.{n}", [V([NAN, 1.0, -INF]), V([1.0, NAN, INF])], label="nan", expected=getattr(np, n)) for n in ("maximum", "minimum")],
    *[OpCase(f"p.{n}", [X(2, 3, low=0, high=2), X(2, 3, low=0, high=2)], dtypes=(*NUMBERS, "bool"), expected=getattr(np, n)) for n in ("equal", "less", "less_equal")],
    *[OpCase(f"p.{n}", [V([NAN, 1.0, INF]), V([NAN, NAN, INF])], label="nan", expected=getattr(np, n)) for n in ("equal", "less", "less_equal")],
    *[OpCase(f"p.{n}", [I(3), X(3)], label="mixed", dtypes=("float32", "bfloat16"), grad=False, expected=getattr(np, n)) for n in ("equal", "add", "less")],
    *[OpCase(f"p.{n}", [B(2, 3), X(3, low=-1, high=1)], dtypes=ANY, expected=getattr(np, n)) for n in ("logical_and", "logical_or")],
    *[OpCase(f"p.{n}", [X(2, 3), X(3)], dtypes=("int32", "uint8", "bool"), expected=getattr(np, n)) for n in ("bitwise_and", "bitwise_or", "bitwise_xor")],
    *[OpCase(f"p.bitwise_{n}", [X(2, 3), X(2, 3, low=0, high=5)], dtypes=("int32", "uint8"), expected=getattr(np, n)) for n in ("left_shift", "right_shift")],
    OpCase("p.bitwise_left_shift", [V([1, 3, -1], "int32"), V([31, 30, 4], "int32")], label="wrap", expected=np.left_shift),
    OpCase("p.where", [B(2, 3), X(2, 3), X(2, 3)], dtypes=(*FLOATS, "int32", "bool"), expected=np.where),
    OpCase("p.where", [B(2, 1), X(3), X(2, 3)], label="broadcast", expected=np.where),
    OpCase("p.where", [B(2, 3), X(2, 3), 0.0], label="python", dtypes=("float32", "bfloat16"), expected=np.where),
]
