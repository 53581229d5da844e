"""Elementwise ops, reductions, shapes, indices and products against Keras': values, dtypes and refusals, on NumPy and on JAX.

Run: python3 dev.py run bench python benchmarks/peers/ops_elementwise.py
"""

import itertools
from typing import Any

import numpy as np
from op_calls import Known, draw, main

DTYPES = ("float32", "int32", "uint8", "float16", "bool", "int8")
EDGES = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 80.0, np.inf, -np.inf, np.nan], "float32")

EXPLAINED = [
    Known("numpy", "*_shift", "dtype int32, Keras int8", "booleans count as int32, as on JAX", "int8 on NumPy"),
    Known("numpy", "top_k", "only we refuse*k must be*", "more than there are is refused, as on JAX", "as many as there are on NumPy"),
    Known("numpy", "where", "dtype int32, Keras int64", "indices are int32, on every engine", "int64 on NumPy"),
    Known("numpy", "cbrt", "value*", "integers are computed in floatx", "8-bit integers are computed in 16 bits on NumPy"),
    Known("numpy", "deg2rad", "value*", "integers are computed in floatx", "8-bit integers and booleans are computed in 16 bits on NumPy"),
    Known("numpy", "rad2deg", "value*", "integers are computed in floatx", "8-bit integers and booleans are computed in 16 bits on NumPy"),
    Known("numpy", "hypot", "value*", "integers are computed in floatx", "8-bit integers are computed in 16 bits on NumPy"),
    Known("numpy", "logaddexp2", "value*", "integers are computed in floatx", "8-bit integers are computed in 16 bits on NumPy"),
    Known("numpy", "psnr", "value*", "integers are computed in floatx", "8-bit integers are computed in 16 bits on NumPy"),
    Known("numpy", "erf", "value*", "integers become floatx", "the result is cut off to the integer on NumPy"),
    Known("jax", "erf", "only Keras refuses*", "integers become floatx", "refused on JAX"),
    Known("numpy", "reciprocal", "value*", "integers become floatx", "the result is cut off to the integer on NumPy"),
    Known("numpy", "rsqrt", "value*", "integers become floatx", "the result is cut off to the integer on NumPy"),
    Known("jax", "rsqrt", "only Keras refuses*", "integers become floatx", "refused on JAX"),
    Known("numpy", "conj*", "dtype bool, Keras int8", "booleans stay booleans, as on JAX", "int8 on NumPy"),
    Known("*", "negative", "only Keras refuses*", "booleans are taken as int32", "refused"),
    Known("*", "sign", "only Keras refuses*", "booleans are taken as int32", "refused"),
    Known("*", "subtract", "only Keras refuses*", "booleans are taken as int32", "refused"),
    Known("numpy", "round", "dtype int32, Keras float16", "booleans are taken as int32", "float16 on NumPy, refused on JAX"),
    Known("jax", "round", "only Keras refuses*", "booleans are taken as int32", "float16 on NumPy, refused on JAX"),
    Known("numpy", "floor_divide", "dtype int32, Keras int8", "booleans are taken as int32, as on JAX", "int8 on NumPy"),
    Known("numpy", "power", "dtype int32, Keras int8", "booleans are taken as int32, as on JAX", "int8 on NumPy"),
    Known("numpy", "heaviside", "dtype float32, Keras bool", "booleans become floatx, as on JAX", "bool on NumPy"),
    Known("numpy", "hypot", "dtype float32, Keras bool", "booleans become floatx, as on JAX", "bool on NumPy"),
    Known("*", "ldexp", "only Keras refuses*dtype=bool", "a boolean exponent is 0 or 1", "refused"),
    Known("numpy", "top_k", "dtype int32, Keras int64", "indices are int32, on every engine", "int64 on NumPy"),
    Known("numpy", "top_k", "value*", "of equal elements the first comes first, and results are sorted, as on JAX", "any order on NumPy"),
    Known("numpy", "tril", "only we refuse*", "a vector is no matrix, as on JAX", "repeats it as rows on NumPy"),
    Known("numpy", "triu", "only we refuse*", "a vector is no matrix, as on JAX", "repeats it as rows on NumPy"),
    Known(
        "*",
        "pad",
        "only we refuse*linear_ramp*",
        "modes constant, reflect, symmetric, edge and wrap, on every engine",
        "more modes on NumPy and JAX, fewer elsewhere",
    ),
    Known("*", "clip", "only we refuse*does not fit*", "a limit that the dtype cannot hold is refused", "wraps around on JAX, another dtype on NumPy"),
    Known("numpy", "clip", "value*", "a float limit makes floats of integers, as on JAX", "the limit is cut off on NumPy"),
    Known("numpy", "clip", "dtype*", "a float limit makes floats of integers, as on JAX", "the limit is cut off on NumPy"),
    Known("numpy", "polar", "dtype complex64, Keras complex128", "complex64 for integers", "complex128 on NumPy"),
    Known("numpy", "logsumexp", "dtype float32, Keras float64", "integers become floatx", "float64 on NumPy"),
    Known("numpy", "argsort", "value*", "of equal elements the first comes first, as on JAX", "any order on NumPy where `axis` is None"),
    Known("*", "dot", "dtype int32, Keras int8", "8-bit products are added up in int32, as in Keras' matmul", "int8, wraps around"),
    Known("*", "inner", "dtype int32, Keras int8", "8-bit products are added up in int32, as in Keras' matmul", "int8, wraps around"),
    Known("*", "matmul", "dtype int32, Keras int8", "8-bit products are added up in int32, with booleans, too", "int8 where one is boolean"),
    Known("*", "tensordot", "dtype int32, Keras int8", "8-bit products are added up in int32, as in Keras' matmul", "int8, wraps around"),
    Known("*", "array_split", "only Keras refuses*", "places to split at are taken, as in NumPy", "refused"),
    Known("jax", "repeat", "only Keras refuses*list*", "a list of numbers is taken, as on NumPy", "refused on JAX"),
    Known("*", "unstack", "only we refuse*", "a `num` that is not the size of the axis is refused", "ignored on NumPy and JAX"),
    Known("numpy", "arange", "value*", "the step is not cut off, as on JAX", "NumPy adds up a cut off step"),
    Known("*", "empty", "value*", "zeros", "values are not specified"),
    Known("*", "shape", "only Keras refuses*", "the shape of a number is ()", "refused"),
    Known("*", "in_top_k", "value*", "as many predictions are greater than the target's; nan is not", "nan counts in another order on each engine"),
]

UNARY = (
    "abs absolute arccos arccosh arcsin arcsinh arctan arctanh bitwise_invert bitwise_not cbrt ceil conj conjugate copy cos cosh deg2rad erf erfinv exp exp2 expm1 fabs floor "
    "imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2 logical_not nan_to_num negative ones_like rad2deg ravel real reciprocal round rsqrt sign "
    "signbit sin sinc sinh size sqrt square stop_gradient tan tanh trunc zeros_like angle ndim"
).split()
BINARY = (
    "add arctan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor divide divide_no_nan equal floor_divide fmax fmin fmod greater greater_equal heaviside "
    "hypot ldexp left_shift less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply not_equal power right_shift subtract true_divide"
).split()


def calls() -> Any:
    """Every call: name, positional arguments, keywords. Arrays become tensors."""
    rng = np.random.default_rng(11)
    d = lambda shape, dtype="float32", special=False: draw(rng, shape, dtype, special)
    for name in UNARY:
        yield name, [EDGES], {}
        for dtype in DTYPES:
            yield name, [d((2, 3), dtype)], {}
        yield name, [d((0,))], {}
        if name in ("abs", "conj", "conjugate", "real", "imag", "angle", "isreal", "square", "exp", "negative"):
            yield name, [d((4,), "complex64")], {}
    for kw in ({"nan": 1.0}, {"posinf": 5.0, "neginf": -5.0}):
        yield "nan_to_num", [EDGES], kw
        yield "nan_to_num", [EDGES.astype("float16")], kw
    for decimals, dtype in itertools.product((0, 2, -1), ("float32", "int32", "float16")):
        yield "round", [(d((6,)) * 30).astype(dtype), decimals], {}
    for name in BINARY:
        yield name, [EDGES[:, None], EDGES[None]], {}
        for a, b in itertools.product(DTYPES, ("float32", "int32", "bool", "uint8")):
            y = d((3,), b)
            yield name, [d((2, 3), a), np.abs(y) if "shift" in name or name == "ldexp" else y], {}
        yield name, [d((2, 3)), 2], {}
        yield name, [d((2, 3), "int32"), 2], {}
        yield name, [d((2, 3), "int32"), 2.5], {}
        yield name, [2, d((3,), "float16")], {}
        yield name, [d((2,)), d((3,))], {}
        yield name, [np.array([7, -7, 7, -7], "int32"), np.array([2, 2, -2, 0], "int32")], {}
    for dtype in DTYPES:
        yield "clip", [d((4,), dtype), -1, 2], {}
        yield "clip", [d((4,), dtype), -0.5, 1.5], {}
        yield "where", [d((2, 3), "bool"), d((3,), dtype), d((2, 1), "float32")], {}
        yield "where", [d((2, 3), "bool"), d((3,), dtype), 2], {}
        yield "polar", [np.abs(d((3,), dtype)), d((3,))], {}
        yield "cast", [d((3,), dtype), "float16"], {}
        yield "cast", [d((3,), dtype), "bool"], {}
        for kw in ({}, {"axis": 1}, {"axis": (0, 1)}, {"axis": -1, "keepdims": True}):
            for name in "all any max mean min prod std sum var logsumexp".split():
                yield name, [d((2, 3), dtype)], kw
            if "keepdims" not in kw:
                yield "count_nonzero", [d((2, 3), dtype)], kw
            if not isinstance(kw.get("axis"), tuple):
                yield "argmax", [d((2, 3), dtype)], kw
                yield "argmin", [d((2, 3), dtype)], kw
        for kw in ({}, {"axis": 1}, {"axis": -2, "dtype": "float32"}):
            yield "cumsum", [d((2, 3), dtype)], kw
            yield "cumprod", [d((2, 3), dtype)], kw
        for kw in ({}, {"axis": 0}, {"axis": None}):
            yield "sort", [d((3, 4), dtype)], kw
            yield "argsort", [d((3, 4), dtype)], kw
        yield "top_k", [d((2, 5), dtype), 3], {}
        yield "top_k", [d((2, 5), dtype)], {"k": 2, "sorted": False}
        for side in ("left", "right"):
            yield "searchsorted", [np.sort(d((5,), dtype)), d((2, 2), dtype)], {"side": side}
        yield "nonzero", [d((3, 3), dtype)], {}
        for name in "dot inner outer vdot kron matmul".split():
            yield name, [d((3,), dtype), d((3,), "float32")], {}
            yield name, [d((3,), dtype), d((3,), "int8")], {}
            yield name, [d((2, 3), dtype), d((2, 3), dtype).T.copy()], {}
        yield "einsum", ["ij,jk->ik", d((2, 3), dtype), d((3, 2), dtype)], {}
        yield "tensordot", [d((2, 3), dtype), d((3, 2), dtype)], {"axes": 1}
        yield "cross", [d((2, 3), dtype), d((3,), "float32")], {}
        for name in "diag diagflat tril triu diagonal trace".split():
            for k in (0, 1, -2):
                yield name, [d((3, 4), dtype), k], {}
            yield name, [d((4,), dtype)], {}
        yield "full_like", [d((2, 3), dtype), 3], {}
        yield "full_like", [d((2, 3), dtype), 2.5], {"dtype": "int32"}
        yield "concatenate", [[d((2, 3), dtype), d((1, 3))]], {}
        yield "concatenate", [[d((2, 3), dtype), d((2, 3), "int8")]], {"axis": -1}
        yield "stack", [[d((2, 3), dtype), d((2, 3), "int8")]], {"axis": 1}
        for name in ("hstack", "vstack", "dstack"):
            yield name, [[d((3,), dtype), d((3,), "float32")]], {}
            yield name, [[d((2, 3), dtype), d((2, 3), "int32")]], {}
        for mode in ("constant", "reflect", "symmetric", "edge", "wrap", "linear_ramp"):
            yield "pad", [d((3, 4), dtype), ((1, 2), (0, 1))], {"mode": mode}
        yield "pad", [d((3, 4), dtype), 1], {"constant_values": 2}
        yield "take", [d((3, 4), dtype), np.array([[0, 2], [-1, 1]], "int32")], {"axis": 0}
        yield "take_along_axis", [d((3, 4), dtype), np.array([[0], [2], [-1]], "int32")], {"axis": 1}
        yield "meshgrid", [d((2,), dtype), d((3,), "int32")], {}
    cube = d((2, 3, 4))
    for axis in (-1, 0, (0, 2)):
        yield "argmax", [d((0, 2)), *([axis] if isinstance(axis, int) else [])], {}
        yield "flip", [cube, axis], {}
        yield "expand_dims", [cube, axis], {}
        yield "squeeze", [d((1, 3, 1)), axis], {}
        yield "logsumexp", [np.array([[-np.inf, -np.inf], [np.inf, 1]], "float32")], {"axis": axis if isinstance(axis, int) else (0, 1)}
        yield "sum", [cube], {"axis": axis}
        yield "roll", [cube, 2 if isinstance(axis, int) else (1, -1)], {"axis": axis}
    yield "roll", [cube, 5], {}
    for name in ("flip", "squeeze", "transpose", "ravel", "nonzero", "take", "trace", "std"):
        yield name, [cube, 1] if name == "take" else [cube], {}
    yield "transpose", [cube, (2, 0, 1)], {}
    yield "transpose", [cube, (2, 0)], {}
    yield "moveaxis", [cube, (0, 1), (-1, 0)], {}
    yield "moveaxis", [cube, 0, 5], {}
    yield "swapaxes", [cube, 0, -1], {}
    for shape in ((6, 4), (-1, 2), (2, -1, 2), (5, 5), (-1, -1)):
        yield "reshape", [cube, shape], {}
    for shape in ((5, 2, 3, 4), (2, 3, 4), (1, 3, 4), (3, 4)):
        yield "broadcast_to", [cube, shape], {}
    for repeats, axis in itertools.product((2, [1, 2, 0], np.array([1, 2, 1], "int32")), (None, 1)):
        yield "repeat", [cube if axis else d((3,)), repeats], {"axis": axis}
    for reps in (2, (2, 1), (1, 2, 1, 2), [1, 1, 3]):
        yield "tile", [cube, reps], {}
    for k, axes in itertools.product((1, 2, -1, 5), ((0, 1), (2, 0), (1, 1))):
        yield "rot90", [cube, k], {"axes": axes}
    for parts, axis in itertools.product((1, 2, 3, [1, 3], [0, 9]), (0, 1, -1)):
        yield "split", [cube, parts], {"axis": axis}
        yield "array_split", [cube, parts], {"axis": axis}
    for axis, num in ((0, None), (1, 3), (-1, None), (0, 5)):
        yield "unstack", [cube], {"axis": axis, "num": num}
    for axis in (None, 0, 1, -1, 4):
        yield "take", [cube, np.array([1, 0], "int32")], {"axis": axis}
        yield "take", [cube, 7], {"axis": axis}
        yield "take_along_axis", [cube, np.zeros((2, 3, 4), "int32")] if axis is not None else [cube, np.array([0, 5, -1], "int32")], {"axis": axis}
    yield "take_along_axis", [cube, np.zeros((2, 1, 4), "int32")], {"axis": 1}
    for indexing in ("xy", "ij", "other"):
        yield "meshgrid", [d((2,)), d((3,)), d((4,))], {"indexing": indexing}
    for width in (1, (1, 2), ((1, 2),), ((0, 0), (1, 2), (3, 0)), ((-1, 0), (0, 0), (0, 0))):
        yield "pad", [cube, width], {}
        yield "pad", [cube, width], {"mode": "reflect"}
    yield "pad", [cube, 1], {"mode": "reflect", "constant_values": 1}
    yield "pad", [cube, 1], {"mode": "nonsense"}
    for a, b in (
        ((), (3,)),
        ((2, 3, 4), (4, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (2, 3, 4)),
        ((2, 3), (2, 3)),
        ((1, 2, 3), (5, 3, 2)),
    ):
        for name in ("matmul", "dot", "inner", "outer", "kron", "vdot"):
            yield name, [d(a), d(b)], {}
    for axes in (0, 1, 2, ([1], [0]), ([0, 1], [1, 0]), ((-1,), (0,)), ([0], [0, 1])):
        yield "tensordot", [d((3, 3)), d((3, 3))], {"axes": axes}
    for equation, shapes in (("ij,jk", ((2, 3), (3, 4))), ("ii->i", ((3, 3),)), ("ii", ((3, 3),)), ("...ij,...jk->...ik", ((2, 2, 3), (2, 3, 4))), ("ij->ji", ((2, 3),)),
                             ("a,b,c->abc", ((2,), (3,), (4,))), ("bhqd,bhkd->bhqk", ((1, 2, 3, 4), (1, 2, 5, 4))), ("ij->", ((2, 3),)), ("ij,kl->ijl", ((2, 3), (4, 5))),
                             ("ij,jk->iz", ((2, 3), (3, 4))), ("ij,jk->ik", ((2, 3), (4, 3)))):  # fmt: skip
        yield "einsum", [equation, *[d(s) for s in shapes]], {}
    for a, b, kw in (((2, 3), (2, 3), {}), ((2, 2), (2, 2), {}), ((2, 3), (2, 2), {}), ((3, 4), (3, 4), {"axis": 0}), ((4, 3), (3, 4), {"axisa": 1, "axisb": 0, "axisc": 0}), ((4,), (4,), {})):  # fmt: skip
        yield "cross", [d(a), d(b)], kw
    for offset, axes in itertools.product((0, 1, -1), ((0, 1), (1, 2), (2, 0))):
        yield "diagonal", [cube, offset, *axes], {}
        yield "trace", [cube, offset, *axes], {}
    for args, kw in itertools.product(([4], [1, 5], [5, 1, -2], [0.5, 2.0, 0.5], [3, 3], [np.float32(2.0)]), ({}, {"dtype": "float16"}, {"dtype": "int32"})):
        yield "arange", args, kw
    for name, args in (("zeros", []), ("ones", []), ("empty", []), ("full", [7]), ("full", [2.5])):
        for shape, dtype in itertools.product(((2, 3), (), (0,), 3), (None, "int8", "bool")):
            yield name, [shape, *args], {"dtype": dtype}
    yield "full", [(2, 3), np.array([1.0, 2.0, 3.0], "float32")], {}
    for name in ("ones_like", "zeros_like"):
        yield name, [cube], {"dtype": "int32"}
    for name in ("shape", "size", "ndim"):
        yield name, [cube], {}
        yield name, [3.0], {}
    for k in (0, 1, 6):
        yield "top_k", [d((2, 5)), k], {}
        yield "in_top_k", [np.array([1, 0, 4], "int32"), d((3, 5)), k], {}
    yield "in_top_k", [np.array([0, 1], "int32"), np.array([[1, 1, 0], [np.nan, 2, 1]], "float32"), 1], {}
    yield "in_top_k", [np.array([7, -1], "int32"), d((2, 3)), 2], {}
    yield "searchsorted", [d((2, 3)), d((2,))], {}
    yield "searchsorted", [d((3,)), d((2,))], {"side": "other"}
    yield "sort", [np.array([3, np.nan, 1, np.inf], "float32")], {}
    yield "argmax", [np.array([3, np.nan, 1, np.inf], "float32")], {}
    yield "where", [d((2, 3), "bool")], {}
    yield "where", [d((2, 3), "bool"), d((2, 3))], {}
    yield "where", [d((2, 3), "int32"), 1, 0.5], {}
    yield "psnr", [d((2, 3)), d((2, 3)), 4.0], {}
    yield "psnr", [d((2, 3)), d((3, 3)), 4.0], {}
    yield "psnr", [d((2, 3), "uint8"), d((2, 3), "uint8"), 255], {}


if __name__ == "__main__":
    main(__file__, calls, EXPLAINED, few=6, every=17)
