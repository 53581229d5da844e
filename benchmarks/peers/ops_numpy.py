"""Ops in the manner of NumPy against Keras': values, shapes, dtypes and refusals, on NumPy and on JAX.

Run: python3 dev.py run bench python benchmarks/peers/ops_numpy.py
"""

import itertools
from typing import Any

import numpy as np
from op_calls import Known, draw, main

INF, NAN = float("inf"), float("nan")
EXPLAINED = [
    Known("jax", "saturate_cast", "value*", "what is not zero is true, as in NumPy", "cut off at 0 and 1 first on JAX"),
    Known("jax", "vsplit", "only Keras refuses*", "places beyond the end give empty parts, as in NumPy", "refused on JAX"),
    Known("jax", "get_item", "only we refuse*", "an index out of range is refused, as in NumPy", "taken for the last element on JAX"),
    Known("numpy", "select", "dtype*", "weak numbers take the tensors' dtype, on every engine", "weak numbers become NumPy's 64 bits"),
    Known("numpy", "unique", "dtype*int64*", "indices and counts are int32, on every engine", "int64 on NumPy, int32 elsewhere"),
    Known("numpy", "histogram", "dtype*", "counts and edges are floats of the input's dtype", "so on its other backends, another dtype on NumPy"),
    Known("numpy", "linspace", "dtype*float64*", "the step has the dtype of the numbers", "float64 on NumPy"),
    Known("numpy", "allclose", "python number*", "the answer is a tensor, on every engine", "a Python bool on NumPy"),
    Known("numpy", "cdist", "dtype*float64*", "float64 only where float64 went in", "float64 on NumPy"),
    Known(
        "numpy", "segment_*", "only Keras refuses*", "rows outside of the segments are left out, on every engine; nothing makes no segments", "fails on NumPy"
    ),
    Known("numpy", "trapezoid", "value*", "booleans are added as numbers", "a sum of booleans is a boolean on NumPy"),
    Known("numpy", "average", "only Keras refuses*", "weights that add up to zero give infinity", "so on its other backends, fails on NumPy"),
    Known("numpy", "quantile", "value*", "neighbours without weight do not count", "an infinite neighbour without weight gives nan on NumPy"),
    Known("numpy", "isclose", "value*", "differences of unsigned integers do not wrap around", "they do on NumPy"),
    Known("numpy", "bincount", "*Keras *True*", "booleans are weights of 0 and 1, and are counted", "a sum of booleans is a boolean on NumPy"),
    Known("numpy", "segment_m*", "value (*) *inf*", "integers stay integers; an empty segment holds the limit of the dtype", "float64 and infinities on NumPy"),
    Known("*", "cdist", "only Keras refuses*boolean*", "booleans are taken as numbers", "refused"),
    Known("*", "cdist", "only Keras refuses*dtype bool*", "booleans are taken as numbers", "refused"),
    Known("numpy", "unique", "value (int32)*", "under `size`, missing indices are that of the first element", "so on JAX, 1 on NumPy"),
    Known("numpy", "unravel_index", "only Keras refuses*", "host numbers are taken; out of range is not checked", "fails on NumPy"),
    Known("numpy", "geomspace", "value*", "whole numbers survive rounding errors before the cast to integers", "1 less where the power was rounded down"),
    Known("numpy", "saturate_cast", "value*", "limits of int32 hold for floats, too; nan becomes 0", "the limit is rounded to a float beyond int32"),
    Known("numpy", "nextafter", "value*", "integers become float32 first, so the step is one of float32", "a step of float64, lost in the result"),
    Known("numpy", "bincount", "only Keras refuses*", "rows share the length of the longest", "fails where lengths differ"),
    Known("numpy", "view", "only Keras refuses*", "without a dtype the tensor is returned", "so on its other backends, fails on NumPy"),
    Known("numpy", "i0", "value*", "infinity gives infinity", "nan"),
    Known("jax", "segment_*", "only Keras refuses*", "num_segments is only needed while a function is traced; booleans are taken", "needs num_segments on JAX"),
    Known("jax", "median", "only Keras refuses*", "the median of nothing is nan, as in NumPy", "fails on JAX"),
    Known("jax", "nanmedian", "only Keras refuses*", "the median of nothing is nan, as in NumPy", "fails on JAX"),
    Known(
        "jax",
        "*quantile",
        "value*",
        "nearest takes the even place of two, as in NumPy; neighbours without weight do not count",
        "the lower place on JAX; an infinite neighbour gives nan",
    ),
    Known("jax", "*percentile", "value*", "nearest takes the even place of two, as in NumPy", "the lower place on JAX"),
    Known("jax", "*quantile", "only we refuse*", "levels outside of the range are refused, as in NumPy", "nan or the nearest end on JAX"),
    Known("jax", "*percentile", "only we refuse*", "levels outside of the range are refused, as in NumPy", "nan or the nearest end on JAX"),
    Known("jax", "unique", "value*", "filled up with zeros under `size`, as documented", "filled up with the least element on JAX"),
    Known("jax", "unique", "only Keras refuses*", "nothing is filled up with zeros", "fails on JAX"),
    Known("jax", "bincount", "only we refuse*", "negative numbers are refused, as in NumPy", "counted as 0 on JAX"),
    Known("jax", "bincount", "only Keras refuses*", "booleans are weights of 0 and 1; rows share the length of the longest", "fails on JAX"),
    Known("jax", "geomspace", "only we refuse*", "zeros among host numbers are refused, as in NumPy", "nan on JAX"),
    Known("jax", "unravel_index", "value*", "out of range is not checked; negative numbers count from the end", "clipped on JAX"),
    Known("jax", "unravel_index", "only we refuse*", "floats are no indices, as in NumPy", "taken on JAX"),
    Known("jax", "vsplit", "only we refuse*", "a vector has no second axis, as in NumPy", "splits the first axis on JAX"),
    Known("jax", "i0", "value*", "infinity gives infinity", "nan"),
    Known("*", "argpartition", "value*", "any order on both sides of the element is right", "another order"),
    Known("*", "empty_like", "value*", "values are not specified", "other values"),
    Known("*", "rearrange", "only Keras refuses*", "axes of size one, ellipses and the last unknown size are understood", "fails"),
]

#: of the calls of one op on JAX, which compiles each shape, how many first ones are made and which of the others
FEW, EVERY = 6, 7


DTYPES = ("float32", "float16", "int32", "int8", "uint8", "bool")


def calls() -> Any:
    """Every call: name, positional arguments, keywords. Arrays become tensors."""
    rng = np.random.default_rng(7)
    d = lambda shape, dtype="float32", special=False: draw(rng, shape, dtype, special)
    axes = ({}, {"axis": -1}, {"axis": 0, "keepdims": True}, {"axis": (0, 1)})
    reductions = "median nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar ptp amax amin"
    for name, dtype, kw, special in itertools.product(reductions.split(), DTYPES, axes, (False, True)):
        if not (special and not dtype.startswith("float")):
            yield name, [d((3, 4), dtype, special)], kw
    for name, shape in itertools.product(reductions.split(), ((), (0,), (2, 0))):
        yield name, [d(shape)], {}
    for name, dtype, kw in itertools.product(("nanargmax", "nanargmin"), DTYPES, ({}, {"axis": 1}, {"axis": -2, "keepdims": True}, {"keepdims": True})):
        yield name, [d((3, 4), dtype, True)], kw
    for name, dtype, kw in itertools.product(("nancumsum", "nancumprod"), DTYPES, ({}, {"axis": 1}, {"axis": 0, "dtype": "float32"})):
        yield name, [d((3, 4), dtype, True)], kw
    all_nan = np.array([[NAN, NAN], [1.0, NAN]], "float32")
    for name in "nanmax nanmean nanmedian nanmin nanstd nanvar nanargmax nanargmin".split():
        yield name, [all_nan], {"axis": 1}
    for name, scale in (("quantile", 1.0), ("percentile", 100.0), ("nanquantile", 1.0), ("nanpercentile", 100.0)):
        methods = ({}, {"method": "lower"}, {"method": "higher"}, {"method": "midpoint"}, {"method": "nearest"}, {"method": "other"})
        for q, kw, extra in itertools.product((0.3, [0.0, 0.5, 1.0], np.array([0.25, 0.8], "float32"), 1.5), axes[:3], methods):
            q = q * scale if not isinstance(q, list) else [v * scale for v in q]
            yield name, [d((4, 5)), q], {**kw, **extra}
        for dtype in DTYPES:
            yield name, [d((4, 5), dtype, name.startswith("nan")), 0.4 * scale], {"axis": 1}
        yield name, [d((3, 4), "float32", True), 0.5 * scale], {"axis": 1}
        yield name, [d((0,)), 0.5 * scale], {}
    yield "quantile", [np.array([1.0, INF, 3.0, 4.0], "float32"), [0.0, 0.5, 0.9, 1.0]], {}
    yield "quantile", [d((4,)), np.array([[0.1, 0.5]], "float32")], {}
    for dtype, w in itertools.product(DTYPES, (None, "float32", "int32")):
        yield "average", [d((3, 4), dtype)], {"axis": 1, **({"weights": np.abs(d((4,), w)) + np.ones(4, w)} if w else {})}
    yield "average", [d((3, 4))], {"weights": d((4,))}
    yield "average", [d((3, 4))], {"weights": np.abs(d((3, 4)))}
    yield "average", [d((3, 2))], {"axis": 1, "weights": np.array([1.0, -1.0], "float32")}
    for dtype in DTYPES:
        if dtype != "bool":
            yield "corrcoef", [d((3, 9), dtype)], {}
        yield "trapezoid", [d((3, 4), dtype)], {"dx": 0.5}
        yield "trapezoid", [d((3, 4), dtype)], {"x": np.array([0, 1, 3], "int32"), "axis": 0}
        for n, axis in itertools.product((0, 1, 2, 6), (0, -1)):
            yield "diff", [d((3, 4), dtype)], {"n": n, "axis": axis}
        for mode, (a, b) in itertools.product(("valid", "same", "full", "other"), ((6, 3), (3, 6), (4, 4), (5, 2), (1, 3), (0, 3))):
            yield "correlate", [d((a,), dtype), d((b,), dtype), mode], {}
        yield "erfc", [d((9,), dtype)], {}
        yield "i0", [d((9,), dtype)], {}
        yield "cdist", [d((3, 2), dtype), d((4, 2), dtype)], {}
        yield "vander", [d((4,), dtype)], {}
        yield "vander", [d((4,), dtype), 6], {"increasing": True}
        for e in ({}, {"equal_nan": True}, {"rtol": 0.3, "atol": 0.1}):
            yield "isclose", [d((3, 4), dtype, True), d((4,), dtype, True)], e
            yield "allclose", [d((4,), dtype), d((4,), dtype)], e
        for other in ("float32", "int32", "bool"):
            yield "append", [d((2, 3), dtype), d((1, 3), other)], {}
            yield "append", [d((2, 3), dtype), d((1, 3), other)], {"axis": 0}
            yield "isin", [d((2, 3), dtype), d((5,), other)], {}
            yield "isin", [d((2, 3), dtype), d((2, 2), other)], {"invert": True}
            yield "nextafter", [d((3,), dtype), d((3,), other)], {}
            yield "gcd", [d((3,), dtype), d((3,), other)], {}
            yield "lcm", [d((3,), dtype), d((3,), other)], {}
            yield "digitize", [d((3, 2), dtype), np.sort(d((4,), other))], {}
            yield "select", [[d((3,), "bool"), d((3,), "bool")], [d((3,), dtype), d((3,), other)]], {}
            yield "select", [[d((3,), "bool")], [d((2, 3), dtype)], 0.5], {}
        yield "digitize", [d((3, 2), dtype, True), np.array([3.0, 0.5, -2.0], "float32")], {}
        for kw in ({}, {"size": 4}, {"size": 9, "fill_value": 7}, {"axis": 0}, {"axis": -1, "size": 3}):
            yield "unique", [d((4, 2), dtype)], kw
            yield "unique", [d((4, 2), dtype)], {**kw, "return_index": True, "return_inverse": True, "return_counts": True}
        for target in ("int8", "uint8", "int32", "float16", "float32", "bool"):
            yield "saturate_cast", [d((5,), dtype)], {"dtype": target}
            yield "view", [d((2, 4), dtype), target], {}
        for k in (0, 2, -1):
            yield "argpartition", [d((2, 4), dtype), k], {}
        for op in ("fliplr", "flipud", "empty_like", "array", "dtype"):
            yield op, [d((2, 3), dtype)], {}
        for n, kw in itertools.product(("sum", "prod", "max", "min"), ({}, {"num_segments": 4}, {"num_segments": 2})):
            yield f"segment_{n}", [d((5, 2), dtype), np.array([0, 2, 0, -1, 2], "int32")], kw
        if dtype.startswith(("int", "uint", "bool")):
            x = np.abs(d((6,), dtype))
            for w in (None, "float32", "int32", "bool"):
                yield "bincount", [x], {"minlength": 3, **({"weights": d((6,), w)} if w else {})}
            yield "bincount", [np.abs(d((2, 3), dtype))], {"minlength": 7}
        for kw in ({}, {"bins": 3}, {"bins": 4, "range": (-1, 2)}, {"bins": 2, "range": (2, 1)}, {"bins": -1}, {"bins": [0, 1]}):
            if not (dtype == "float16" and "range" not in kw):  # rounded edges move numbers over them
                yield "histogram", [d((12,), dtype)], kw
    yield "unique", [np.array([NAN, 1, NAN], "float32")], {}
    yield "unique", [d((0,))], {}
    yield "unique", [d((0,))], {"size": 2}
    yield "bincount", [np.array([1, -1], "int32")], {}
    yield "bincount", [d((3,))], {}
    yield "bincount", [np.array([[1, 3], [0, 0]], "int32")], {}
    yield "bincount", [np.zeros(0, "int32")], {"minlength": 2}
    yield "histogram", [d((0,))], {"bins": 2}
    yield "histogram", [d((2, 2))], {}
    yield "saturate_cast", [np.array([-300, 1.7, 300, NAN, INF, 1e10], "float32"), "int8"], {}
    yield "saturate_cast", [np.array([1e10, -1e10, NAN], "float32"), "int32"], {}
    yield "erfc", [np.array([-INF, INF, NAN, 9.0, 3.0], "float32")], {}
    yield "i0", [np.array([INF, NAN, 80.0, -20.0], "float32")], {}
    yield "nextafter", [np.array([NAN, 0, 0, INF, -INF], "float32"), np.array([1, -1, 0, 1, 0], "float32")], {}
    yield "cdist", [d((2, 1, 3, 4)), d((5, 2, 4))], {}
    yield "cdist", [d((3,)), d((3,))], {}
    yield "cdist", [d((2, 3)), d((2, 4))], {}
    for window, n in itertools.product(("bartlett", "blackman", "hamming", "hanning"), (0, 1, 2, 7, 8)):
        yield window, [n], {}
    for n, beta in itertools.product((0, 1, 7, 8), (0, 3.0, 14)):
        yield "kaiser", [n, beta], {}
    for args, kw in itertools.product(([3], [3, 4], [4, 2], [0]), ({}, {"k": 1}, {"k": -2}, {"dtype": "int32"}, {"dtype": "bool"})):
        yield "eye", args, kw
        yield "tri", args, kw
    yield "eye", [2.0], {}
    yield "identity", [3], {}
    yield "identity", [2], {"dtype": "int8"}
    for num, endpoint, dtype in itertools.product((0, 1, 2, 5), (True, False), (None, "int32", "float16")):
        kw = {"num": num, "endpoint": endpoint, "dtype": dtype}
        yield "linspace", [-3, 7], kw
        yield "linspace", [d((2,)), d((2,))], {**kw, "axis": -1}
        yield "logspace", [0, 2.5], kw
        yield "logspace", [d((2,)) / 4, 1.0], {**kw, "base": 2}
        yield "geomspace", [1, 16], kw
        yield "geomspace", [np.array([1, 2], "float32"), np.array([8, 0.5], "float32")], kw
    yield "linspace", [0, 10, 5], {"retstep": True}
    yield "linspace", [0, 10, -1], {}
    yield "geomspace", [0, 16, 5], {}
    yield "geomspace", [-1, -16, 5], {}
    for a, b in itertools.product(DTYPES, ("float32", "float16", "int32")):
        yield "linspace", [d((2,), a), d((2,), b), 3], {}
    x = d((2, 4, 6))
    for name, parts in itertools.product(("dsplit", "hsplit", "vsplit"), (1, 2, [1, 3], 5)):
        yield name, [x, parts], {}
        yield name, [d((4,)), parts], {}
    for pattern, kw in (
        ("a b c -> c a b", {}), ("a b c -> (a b) c", {}), ("a (b c) d -> a b c d", {"b": 2}), ("a b (c d) -> (a c) (b d)", {"d": 3}),
        ("a b -> b a", {}), ("a b c -> a b", {}), ("a b c", {}), ("a b c -> a b c 1", {}), ("... c -> c ...", {}), ("a (b c) d -> a b c d", {"b": 3}),
    ):  # fmt: skip
        yield "rearrange", [x, pattern], kw
    for i in (np.array([5, 0, 11], "int32"), np.array([[7]], "uint8"), np.array(-1, "int32"), np.array([50], "int32"), 5, np.array([1.0], "float32")):
        yield "unravel_index", [i, (3, 4)], {}
    yield "view", [d((3,))], {}
    yield "view", [np.arange(3, dtype="uint8"), "int32"], {}
    yield "view", [np.float32(1.0), "int16"], {}
    for key in (1, -1, slice(1, None), (0, 1), (slice(None), None), (Ellipsis, 0), 7):
        yield "get_item", [x, key], {}
    for name, kw in itertools.product(("max", "min"), ({"initial": 2}, {"initial": 2, "axis": 0}, {})):
        yield name, [d((2, 3))], kw
        yield name, [d((0,))], kw
        yield name, [d((2, 3), "int32")], kw


if __name__ == "__main__":
    main(__file__, calls, EXPLAINED, FEW, EVERY)
