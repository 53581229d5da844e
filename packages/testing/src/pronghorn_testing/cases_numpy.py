"""NumPy's functions at their edges: nan and infinity, ties, empty and scalar tensors, narrow dtypes, names that were left out elsewhere."""

import math

import numpy as np

from pronghorn_testing.case import B, I, Input, OpCase, P, V, X

INF, NAN = math.inf, math.nan


def _holes(rng, shape):
    """Normal numbers of which the second in each row is nan, and of the last row all are."""
    x = rng.normal(size=shape)
    x[:, 1] = NAN
    x[-1] = NAN
    return x


def _holes_somewhere(rng, shape):
    x = rng.normal(size=shape)
    x[:, 1] = NAN
    return x


def _constant_row(rng, shape):
    """Normal numbers with one row of equal ones."""
    x = rng.normal(size=shape)
    x[0] = 1.5
    return x


def _with_zero(rng, shape):
    x = rng.normal(size=shape)
    x[0] = 0.0
    return x


def _np(name):
    fn = getattr(np, name)
    return lambda x, *args, **kw: fn(x.astype("float64") if x.dtype.kind == "f" else x, *args, **kw)


def _relative(fn):
    """Every number right to five digits, however small it is."""

    def check(out, x):
        np.testing.assert_allclose(out, fn(x.astype("float64")), rtol=2e-5 if out.dtype == np.float32 else 1e-12)

    return check


def _unique(return_all=True, **kw):
    def expected(x, *_, **__):
        flags = {f"return_{k}": True for k in ("index", "inverse", "counts")} if return_all else {}
        return np.unique(x, equal_nan=False, **flags, **kw)

    return expected


def _bins(x, minlength=0):
    return np.stack([np.bincount(row, minlength=max(minlength, x.max() + 1)) for row in x])


def _segments(fn, start):
    def expected(x, ids, num_segments):
        out = np.full((num_segments, *x.shape[1:]), start, x.dtype)
        for row, i in zip(x, ids, strict=True):
            if 0 <= i < num_segments:
                out[i] = fn(out[i], row)
        return out

    return expected


def _arrays(*lists):
    return tuple(np.array(v) for v in lists)


_ALL = {"return_index": True, "return_inverse": True, "return_counts": True}
_bessel_at = [0.0, 0.5, 3.0, 17.9, 18.1, 60.0]
_bessel = lambda x: np.vectorize(lambda v: math.fsum(math.exp(2 * k * math.log(v / 2) - 2 * math.lgamma(k + 1)) if v else float(k == 0) for k in range(120)))(
    np.abs(x)
)
_cdist = lambda x, y: np.sqrt(((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(-1))

CASES = [
    # special functions
    OpCase("erfc", [V([-3.0, -0.5, 0.49, 0.5, 2.0, 6.0, 9.0])], dtypes=("float32", "float64"), label="relative", check=_relative(np.vectorize(math.erfc))),
    OpCase("erfc", [V([-INF, INF, NAN, 40.0])], dtypes=("float32", "bfloat16"), label="limits", expected=lambda x: np.array([2.0, 0.0, NAN, 0.0])),
    OpCase("erfc", [X(2, 3)], dtypes=("int32", "float16"), label="narrow", expected=np.vectorize(math.erfc, otypes=[float])),
    OpCase("erfc", [X(4, make=_with_zero)], label="origin", expected=np.vectorize(math.erfc, otypes=[float])),
    OpCase("i0", [V(_bessel_at)], dtypes=("float32", "float64"), label="relative", check=_relative(_bessel)),
    OpCase("i0", [V([-INF, INF, NAN])], label="limits", expected=lambda x: np.array([INF, INF, NAN])),
    OpCase("i0", [X(4, make=_with_zero)], label="origin", dtypes=("float32", "bfloat16", "int32"), expected=_np("i0")),
    OpCase("gcd", [V([0, 0, -12, 7, 36]), V([0, 5, 18, -7, 48])], label="signs", dtypes=("int32", "int64"), expected=np.gcd),
    OpCase("lcm", [V([0, 0, -12, 7, 36]), V([0, 5, 18, -7, 48])], label="signs", dtypes=("int32", "int64"), expected=np.lcm),
    OpCase("gcd", [I(3, low=1, high=90, dtype="uint8"), I(3, low=1, high=90, dtype="uint8")], label="uint8", expected=np.gcd),
    OpCase(
        "nextafter",
        [V([0.0, 0.0, -0.0, INF, -INF, 1.0, 3.0, -2.0]), V([1.0, -1.0, 1.0, 0.0, 0.0, INF, 3.0, 0.0])],
        dtypes=("float32", "float64"),
        label="limits",
        expected=np.nextafter,
    ),
    OpCase("nextafter", [V([NAN, 1.0]), V([1.0, NAN])], dtypes=("float32", "bfloat16"), label="nan", expected=np.nextafter),
    OpCase(
        "nextafter",
        [V([1.0, -1.0]), V([2.0, 0.0])],
        dtypes=("bfloat16",),
        label="bfloat16",
        compiled=False,
        check=lambda out, x, y: np.testing.assert_array_equal(out.astype("float64"), [1 + 2**-7, -1 + 2**-8]),
    ),
    # bits and ranges
    OpCase("view", [V([[1.0, -2.5], [0.0, 3.0]]), "uint8"], label="narrower", expected=lambda x, d: x.view(d)),
    OpCase("view", [I(2, 8, low=0, high=255, dtype="uint8"), "int32"], label="wider", expected=lambda x, d: x.view(d)),
    OpCase("view", [I(2, 4, low=0, high=9, dtype="uint8"), "float16"], label="half", compiled=False, expected=lambda x, d: x.view(d)),
    OpCase("view", [I(2, 4, low=-99, high=99, dtype="int16"), "int8"], label="int8", expected=lambda x, d: x.view(d)),
    OpCase("view", [B(2, 4), "uint8"], label="bool", expected=lambda x, d: x.view(d)),
    OpCase("view", [X(2, 3)], label="none", expected=lambda x: x),
    OpCase(
        "saturate_cast",
        [V([-1e10, -1.5, 2147483520.0, 3e9, INF, -INF, NAN]), "int32"],
        label="wide",
        expected=lambda x, d: np.array([-(2**31), -1, 2147483520, 2**31 - 1, 2**31 - 1, -(2**31), 0], d),
    ),
    OpCase("saturate_cast", [V([-1e10, 1.5, 1e30, NAN]), "float16"], label="float16", expected=lambda x, d: np.array([-65504, 1.5, 65504, NAN], d)),
    OpCase("saturate_cast", [V([-7, 5, 2000000000], "int32"), "uint8"], label="unsigned", expected=lambda x, d: np.array([0, 5, 255], d)),
    OpCase("saturate_cast", [V([3, 200], "uint8"), "int8"], label="signed", expected=lambda x, d: np.array([3, 127], d)),
    OpCase("saturate_cast", [V([-70000, 70000], "int32"), "float16"], label="int-float16", expected=lambda x, d: np.array([-65504, 65504], d)),
    OpCase("saturate_cast", [V([True, False], "bool"), "int32"], label="bool", expected=lambda x, d: x.astype(d)),
    # quantiles
    OpCase("quantile", [V([[1.0, NAN, 3.0], [5.0, 2.0, 9.0]]), 0.5], {"axis": 1}, label="nan", batch=False, expected=np.quantile),
    OpCase("quantile", [V([4.0, 1.0, INF, INF]), V([0.0, 0.4, 0.6, 1.0])], label="infinite", batch=False, expected=lambda x, q: np.array([1.0, INF, INF, INF])),
    OpCase("quantile", [X(2, 3, 4), [0.25, 0.5]], {"axis": (0, -1), "keepdims": True}, label="list", batch=False, expected=_np("quantile")),
    OpCase("quantile", [X(2, 3), Input((2, 2), 0.1, 0.9, "float32")], {"axis": 0}, label="levels", batch=False, grad=False, expected=_np("quantile")),
    OpCase("quantile", [X(3, 4), 0.3], {"axis": 0}, label="unknown", expected=_np("quantile")),
    OpCase("quantile", [X(3, 4), 0.7], label="narrow", dtypes=("float16", "int32", "bool"), expected=lambda x, q: np.quantile(x.astype("float64"), q)),
    OpCase("percentile", [X(5), [0.0, 100.0, 12.5]], label="list", batch=False, expected=_np("percentile")),
    OpCase(
        "percentile",
        [X(2, 5), V([20.0, 80.0], "float32")],
        {"axis": 1, "method": "nearest"},
        label="levels",
        batch=False,
        grad=False,
        expected=_np("percentile"),
    ),
    OpCase(
        "median",
        [X(3, 4)],
        {"axis": 0, "keepdims": True},
        dtypes=("float32", "bfloat16", "int32", "bool"),
        expected=lambda x, **kw: np.median(x.astype("float64"), **kw),
    ),
    OpCase("median", [X(0, 3)], {"axis": 0}, label="empty", batch=False, grad=False, expected=lambda x, axis: np.full(3, NAN)),
    OpCase("median", [X()], label="scalar", expected=np.median),
    *[
        OpCase(
            "nanquantile", [X(3, 5, make=_holes), [0.3, 0.9]], {"axis": 1, "method": m, "keepdims": True}, batch=False, expected=_np("nanquantile"), grad=False
        )
        for m in ("linear", "lower", "midpoint")
    ],
    OpCase("nanquantile", [X(3, 5, make=_holes_somewhere), 0.6], {"axis": (0, 1)}, label="gradient", expected=_np("nanquantile")),
    OpCase("nanmedian", [X(3, 5, make=_holes_somewhere)], {"axis": 1}, label="gradient", expected=_np("nanmedian")),
    OpCase("nanmedian", [X(3, 4)], {"axis": 0}, label="int", dtypes=("int32",), expected=_np("nanmedian")),
    OpCase(
        "nanpercentile",
        [X(3, 5, make=_holes_somewhere), V([10.0, 60.0], "float32")],
        {"axis": 1},
        label="levels",
        batch=False,
        grad=False,
        expected=_np("nanpercentile"),
    ),
    # passing over nan
    *[
        OpCase(n, [X(3, 4, make=_holes)], {"axis": 1}, label="empty-row", grad=n in ("nansum", "nanprod"), expected=_np(n))
        for n in "nansum nanprod nanmax nanmin nanmean nanvar nanstd".split()
    ],
    *[
        OpCase(n, [X(3, 4, make=_holes_somewhere)], {"axis": 1}, label="gradient", dtypes=("float32", "bfloat16", "float16"), expected=_np(n))
        for n in "nansum nanprod nanmax nanmin nanmean nanvar nanstd nancumsum".split()
    ],
    OpCase("nancumprod", [X(3, 4, make=_holes_somewhere)], {"axis": 1}, label="gradient", expected=_np("nancumprod")),
    OpCase("nanstd", [X(3, 4, make=_constant_row)], {"axis": 1}, label="zero", tolerance=2, expected=_np("nanstd")),
    *[
        OpCase(n, [X(2, 3)], {"axis": 1}, label="integers", dtypes=("int32", "uint8", "bool"), expected=_np(n))
        for n in "nansum nanprod nanmax nanmin nanmean nanvar nanstd nancumsum".split()
    ],
    *[
        OpCase(
            n,
            [X(3, 4, make=_holes)],
            {"axis": 1, "keepdims": True},
            label="none",
            expected=lambda x, f=f, v=v, **kw: np.where(np.isnan(x).all(1, keepdims=True), -1, f(np.where(np.isnan(x), v, x), **kw)),
        )
        for n, f, v in (("nanargmax", np.argmax, -INF), ("nanargmin", np.argmin, INF))
    ],
    *[OpCase(n, [X(3, 4, make=_holes)], label="flat", expected=getattr(np, n)) for n in ("nanargmax", "nanargmin")],
    OpCase("nancumsum", [V([1.0, NAN, 2.5])], {"dtype": "int32"}, label="dtype", expected=lambda x, dtype: np.array([1, 1, 3], dtype)),
    # statistics
    OpCase("amax", [X(2, 3)], {"axis": 1, "keepdims": True}, dtypes=("float32", "int32", "uint8"), expected=np.max),
    OpCase("amin", [X(2, 3)], {"axis": 0}, dtypes=("float32", "int32", "uint8"), expected=np.min),
    OpCase(
        "average",
        [X(2, 3), None, P(2, 3)],
        label="whole",
        dtypes=("float32", "int32", "bfloat16"),
        expected=lambda x, axis, weights: np.average(x.astype("float64"), axis, weights.astype("float64")),
    ),
    OpCase("average", [X(2, 3, 4), (2, 0), P(4, 2)], label="axes", batch=False, expected=lambda x, axis, weights: np.average(x, (0, 2), weights.T)),
    OpCase("average", [X(2, 3)], label="bool", dtypes=("bool", "float16"), expected=lambda x: np.mean(x, dtype="float64")),
    OpCase("ptp", [X(2, 3)], {"axis": -1}, dtypes=("int32", "uint8", "bfloat16"), expected=np.ptp),
    OpCase("corrcoef", [X(5)], label="vector", batch=False, grad=False, expected=np.corrcoef),
    OpCase("corrcoef", [X(2, 6)], label="narrow", dtypes=("float16", "int32"), batch=False, tolerance=5, expected=lambda x: np.corrcoef(x.astype("float64"))),
    *[OpCase("correlate", [X(3), X(6), m], label=f"{m}-swapped", batch=False, expected=np.correlate) for m in ("valid", "same", "full")],
    OpCase(
        "correlate",
        [X(6), X(3), "full"],
        label="narrow",
        dtypes=("int32", "bool"),
        batch=False,
        expected=lambda a, v, m: np.correlate(a.astype(float), v.astype(float), m),
    ),
    OpCase("correlate", [X(7), X(4), "same"], label="even", batch=False, expected=np.correlate),
    OpCase("diff", [X(4, 3)], {"axis": 0}, dtypes=("float32", "uint8", "bool", "int32"), expected=np.diff),
    OpCase("diff", [X(2, 3)], {"n": 0}, label="none", expected=np.diff),
    OpCase("diff", [X(2, 3)], {"n": 5}, label="empty", grad=False, expected=np.diff),
    OpCase(
        "trapezoid",
        [X(3, 4)],
        {"axis": 0, "dx": 2},
        label="narrow",
        dtypes=("int32", "bool", "bfloat16"),
        expected=lambda y, **kw: np.trapezoid(y.astype("float64"), **kw),
    ),
    OpCase("trapezoid", [X(3, 4), X(3, 4)], {"axis": 0}, label="places", expected=np.trapezoid),
    OpCase("cdist", [X(2, 1, 3, 2), X(5, 4, 2)], label="broadcast", expected=_cdist),
    OpCase(
        "cdist",
        [X(3, 2), V([[1.0, 2.0], [0.0, 0.0]])],
        label="narrow",
        dtypes=("int32", "float16"),
        expected=lambda x, y: _cdist(x.astype("float64"), y.astype("float64")),
    ),
    OpCase("cdist", [V([[1.0, 2.0], [1e4, 1e4]]), V([[1.0, 2.0], [1e4, 1e4 + 0.0625]])], label="close", expected=_cdist),
    # counting
    OpCase("bincount", [V([[1, 0, 3], [2, 2, 2]], "int32")], label="rows", compiled=False, batch=False, expected=_bins),
    OpCase(
        "bincount",
        [V([[1, 0, 3], [2, 2, 2]], "int32"), X(2, 3)],
        label="row-weights",
        compiled=False,
        batch=False,
        expected=lambda x, w: np.stack([np.bincount(r, v, 4) for r, v in zip(x, w, strict=True)]),
    ),
    OpCase("bincount", [V([1, 0, 3, 1], "uint8")], {"minlength": 2}, label="uint8", compiled=False, batch=False, expected=np.bincount),
    OpCase("bincount", [V([], "int32")], {"minlength": 3}, label="empty", compiled=False, batch=False, expected=np.bincount),
    OpCase("bincount", [V([1, 1, 0], "int32"), V([True, True, False], "bool")], label="bool", compiled=False, batch=False, expected=np.bincount),
    OpCase("digitize", [V([0.5, 1.0, 2.5, NAN, INF, -INF]), V([2.0, 1.0, 0.0])], label="descending", expected=np.digitize),
    OpCase("digitize", [V([1.0, NAN, INF, -INF]), V([0.0, 1.0, 2.0])], label="limits", expected=np.digitize),
    OpCase("digitize", [I(2, 3, high=5), V([0.5, 1.0, 3.5])], label="int", expected=np.digitize),
    OpCase("digitize", [X(), V([0.0, 1.0])], label="scalar", expected=np.digitize),
    OpCase(
        "histogram",
        [X(30)],
        {"bins": 7},
        dtypes=("float32", "int32"),
        batch=False,
        grad=False,
        expected=lambda x, bins: np.histogram(x.astype("float64"), bins),
    ),
    OpCase("histogram", [V([2.0, 2.0, 2.0])], {"bins": 4}, label="equal", batch=False, expected=np.histogram),
    OpCase("histogram", [X(0)], {"bins": 2}, label="empty", batch=False, grad=False, expected=np.histogram),
    OpCase(
        "histogram",
        [V([0.0, 1.0, 4.0, 5.0, -1.0, NAN, INF])],
        {"bins": 4, "range": (0, 4)},
        label="outside",
        batch=False,
        expected=lambda x, bins, range: _arrays([1, 1, 0, 1], [0, 1, 2, 3, 4]),
    ),
    OpCase("isin", [V([1.0, NAN, 2.0, INF]), V([[NAN, 2.0], [INF, 5.0]])], label="nan", expected=np.isin),
    OpCase("isin", [I(2, 3), V([], "int32")], label="empty", expected=np.isin),
    OpCase("isin", [B(2, 3), V([1], "int32")], label="bool", expected=np.isin),
    OpCase("isclose", [I(2, 3), I(3)], label="int", expected=np.isclose),
    OpCase("isclose", [V([INF, -INF, INF, 1e-9]), V([INF, INF, 1.0, 0.0])], label="infinite", expected=np.isclose),
    OpCase("isclose", [V([1.0, 2.0]), V([1.05, 2.3])], {"rtol": 0.1, "atol": 0.0}, dtypes=("float32", "bfloat16"), expected=np.isclose),
    OpCase(
        "select",
        [[V([True, False], "bool"), V([[True], [False]], "bool")], [X(2), 3]],
        label="broadcast",
        dtypes=("float32", "int32"),
        batch=False,
        expected=np.select,
    ),
    OpCase(
        "select",
        [[I(2, 3, high=1), B(3)], [X(2, 3), I(3)], 0.5],
        label="mixed",
        batch=False,
        expected=lambda c, v, d: np.where(c[0] != 0, v[0], np.where(c[1], v[1], d)),
    ),
    OpCase(
        "argpartition",
        [X(2, 3), 1],
        {"axis": None},
        batch=False,
        check=lambda out, x: np.testing.assert_array_equal(x.ravel()[out][:2], np.sort(x.ravel())[:2]),
    ),
    # distinct elements
    OpCase(
        "unique",
        [V([3, 1, 3, 2, 1])],
        _ALL,
        label="all",
        dtypes=("float32", "int32", "uint8"),
        needs="dynamic_shapes",
        compiled=False,
        batch=False,
        expected=_unique(),
    ),
    OpCase(
        "unique",
        [V([[3, 1], [2, 3]])],
        {"return_inverse": True},
        label="matrix",
        needs="dynamic_shapes",
        compiled=False,
        batch=False,
        expected=lambda x, **kw: np.unique(x, **kw),
    ),
    OpCase("unique", [V([NAN, 1.0, NAN])], label="nan", needs="dynamic_shapes", compiled=False, batch=False, expected=_unique(False)),
    OpCase("unique", [B(5)], {"return_counts": True}, label="bool", needs="dynamic_shapes", compiled=False, batch=False, expected=np.unique),
    OpCase(
        "unique",
        [V([[3, 1], [3, 1], [1, 2], [3, 0]])],
        {**_ALL, "axis": 0},
        label="rows",
        needs="dynamic_shapes",
        compiled=False,
        batch=False,
        expected=_unique(axis=0),
    ),
    OpCase(
        "unique",
        [V([[[3, 1], [3, 1]], [[3, 1], [4, 1]]])],
        {**_ALL, "axis": -1},
        label="last",
        needs="dynamic_shapes",
        compiled=False,
        batch=False,
        expected=_unique(axis=-1),
    ),
    OpCase(
        "unique",
        [V([3, 1, 3, 2, 1])],
        {**_ALL, "size": 5, "fill_value": 9},
        label="filled",
        dtypes=("float32", "int32"),
        batch=False,
        expected=lambda x, **kw: _arrays([1, 2, 3, 9, 9], [1, 3, 0, 1, 1], [2, 0, 2, 1, 0], [2, 1, 2, 0, 0]),
    ),
    OpCase(
        "unique", [V([3, 1, 3, 2, 1])], {**_ALL, "size": 2}, label="cut", batch=False, expected=lambda x, **kw: _arrays([1, 2], [1, 3], [2, 0, 2, 1, 0], [2, 1])
    ),
    OpCase(
        "unique",
        [V([[3, 1], [1, 2], [3, 1]])],
        {"size": 3, "axis": 0, "return_counts": True},
        label="size-rows",
        batch=False,
        expected=lambda x, **kw: _arrays([[1, 2], [3, 1], [0, 0]], [1, 2, 0]),
    ),
    OpCase("unique", [X(0)], {"size": 2}, label="nothing", batch=False, grad=False, expected=lambda x, size: np.zeros(2)),
    # segments
    *[
        OpCase(
            f"segment_{n}",
            [X(6, 2), V([0, -1, 1, 5, 1, 0], "int32")],
            {"num_segments": 2},
            label="outside",
            dtypes=("float32", "int32", "float16"),
            batch=False,
            expected=_segments(f, s),
        )
        for n, f, s in (("sum", np.add, 0), ("prod", np.multiply, 1))
    ],
    *[
        OpCase(f"segment_{n}", [X(5), V([1, 0, 1, 0, 1], "int32")], {"num_segments": 2}, label="whole", batch=False, expected=_segments(f, s))
        for n, f, s in (("max", np.maximum, -INF), ("min", np.minimum, INF))
    ],
    *[
        OpCase(
            f"segment_{n}",
            [X(4), V([0, 2, 0, 2], "int32")],
            {"num_segments": 3},
            label="int",
            dtypes=("int32", "uint8"),
            batch=False,
            expected=lambda x, i, num_segments, f=f, v=v: _segments(f, v(np.iinfo(x.dtype)))(x, i, num_segments),
        )
        for n, f, v in (("max", np.maximum, lambda t: t.min), ("min", np.minimum, lambda t: t.max))
    ],
    *[
        OpCase(
            f"segment_{n}",
            [V([True, False, False], "bool"), V([0, 0, 2], "int32")],
            {"num_segments": 3},
            label="bool",
            batch=False,
            expected=lambda x, i, num_segments, e=e: np.array(e),
        )
        for n, e in (("sum", [True, False, False]), ("max", [True, False, False]), ("min", [False, True, False]), ("prod", [False, True, False]))
    ],
    OpCase("segment_sum", [X(4), V([2, 0, 2, 0], "int32")], label="counted", compiled=False, batch=False, expected=lambda x, i: np.bincount(i, x)),
    OpCase(
        "segment_max",
        [V([1.0, NAN, 3.0]), V([0, 0, 1], "int32")],
        {"num_segments": 2},
        label="nan",
        batch=False,
        expected=lambda x, i, num_segments: np.array([NAN, 3.0]),
    ),
    # spaces, powers, windows
    OpCase("linspace", [I(2, 1), X(3)], {"num": 4, "axis": -1}, label="axis", batch=False, expected=np.linspace),
    OpCase(
        "linspace",
        [X(3), 2.0],
        {"num": 5},
        label="narrow",
        dtypes=("bfloat16", "float16", "int32"),
        batch=False,
        expected=lambda a, b, num: np.linspace(a.astype("float64"), b, num),
    ),
    OpCase("linspace", [X(2), X(2)], {"num": 5, "retstep": True}, label="step", batch=False, expected=np.linspace),
    *[OpCase("linspace", [X(2), X(2)], {"num": n}, label=f"{n}", batch=False, grad=n > 0, expected=np.linspace) for n in (0, 1)],
    OpCase("linspace", [-3, 4], {"num": 4, "dtype": "int32"}, expected=lambda a, b, num, dtype: np.linspace(a, b, num, dtype=dtype)),
    OpCase(
        "logspace",
        [X(3, low=-1.0, high=1.0), X(3, low=-1.0, high=1.0)],
        {"num": 4, "base": 2.0, "axis": -1},
        label="tensors",
        batch=False,
        expected=np.logspace,
    ),
    OpCase("geomspace", [P(3), P(3)], {"num": 4, "endpoint": False}, label="tensors", batch=False, expected=np.geomspace),
    OpCase("geomspace", [V([-1.0, 2.0]), V([-16.0, 0.5])], {"num": 5}, label="signs", batch=False, expected=np.geomspace),
    OpCase("geomspace", [1, 16], {"num": 5, "dtype": "int32"}, expected=lambda a, b, num, dtype: np.array([1, 2, 4, 8, 16], dtype)),
    OpCase("vander", [X(4, make=_with_zero)], label="zero", batch=False, expected=np.vander),
    OpCase(
        "vander", [X(3)], {"N": 5}, label="narrow", dtypes=("int32", "bool", "bfloat16"), batch=False, expected=lambda x, N: np.vander(x.astype("float64"), N)
    ),
    OpCase("vander", [X(3)], {"N": 0}, label="nothing", batch=False, grad=False, expected=np.vander),
    OpCase("eye", [0, 2], label="empty", expected=np.eye),
    OpCase("tri", [2], {"dtype": "bool", "k": 1}, expected=lambda n, dtype, k: np.tri(n, k=k, dtype=dtype)),
    *[OpCase(n, [k], label=str(k), expected=getattr(np, n)) for n in "bartlett blackman hamming hanning".split() for k in (0, 1, 8)],
    *[OpCase("kaiser", [k, b], label=f"{k},{b}", tolerance=5, expected=np.kaiser) for k, b in ((1, 2.0), (8, 14))],
    # make, join, cut, name
    OpCase("array", [X(2, 3)], dtypes=("float32", "int32", "bool"), expected=np.array),
    OpCase("array", [[1.5, 2.0]], {"dtype": "int32"}, expected=np.array),
    OpCase("append", [I(2, 3), X(2, 2)], {"axis": -1}, label="axis", expected=np.append),
    OpCase("append", [X(), 2.0], label="scalars", expected=np.append),
    OpCase("hsplit", [X(4), [1, 3]], label="vector", batch=False, expected=np.hsplit),
    OpCase("rearrange", [X(2, 3, 4), "a ... b -> b (... a)"], label="ellipsis", expected=lambda x, s: x.transpose(2, 1, 0).reshape(4, 6)),
    OpCase(
        "rearrange",
        [X(2, 12), "n (h w c) -> n (c h) w 1"],
        {"h": 3, "c": 2},
        label="three",
        expected=lambda x, s, h, c: x.reshape(2, 3, 2, 2).transpose(0, 3, 1, 2).reshape(2, 6, 2, 1),
    ),
    OpCase("rearrange", [X(1, 3), "1 a -> a () 1"], label="ones", batch=False, expected=lambda x, s: x.reshape(3, 1, 1)),
    OpCase(
        "unravel_index", [V([[5], [-1]], "int32"), (3, 4)], label="negative", batch=False, expected=lambda i, s: (np.array([[1], [2]]), np.array([[1], [3]]))
    ),
    OpCase("unravel_index", [V(200, "uint8"), (30, 10)], label="uint8", batch=False, expected=np.unravel_index),
]
