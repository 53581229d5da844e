"""Reductions, scans and statistics."""

import math

import numpy as np

from pronghorn_testing.case import ANY, FLOATS, B, I, OpCase, P, V, X

NAN = math.nan
HOLES = [[1.0, NAN, 3.0, -2.0], [4.0, 5.0, NAN, 0.5], [2.0, 2.0, 2.0, 2.5]]
_64 = lambda fn: lambda x, **kw: fn(x.astype("float64"), **kw)


def _kw(name):
    """The NumPy function of this name, called with the case's keywords."""
    fn = getattr(np, name)
    return lambda x, **kw: fn(x.astype("float64") if x.dtype.kind == "f" else x, **kw)


CASES = [
    *[
        OpCase(n, [X(2, 3, 4)], kw, dtypes=("float32", "int32"), expected=_kw(n))
        for n in "sum prod max min".split()
        for kw in ({}, {"axis": 1}, {"axis": (0, -1), "keepdims": True})
    ],
    *[
        OpCase(n, [X(2, 3, 4)], kw, dtypes=("float32", "int32") if kw else FLOATS, expected=_kw(n))
        for n in "mean var std".split()
        for kw in ({}, {"axis": 1}, {"axis": (0, -1), "keepdims": True})
    ],
    *[
        OpCase(n, [X(2, 3)], {"axis": -1}, dtypes=("uint8", "bool"), label="small", expected=lambda x, f=getattr(np, n), **kw: f(x, dtype="int64", **kw))
        for n in ("sum", "prod")
    ],
    *[OpCase(n, [X(2, 3)], {"axis": 1, "initial": 0.25}, expected=_kw(n)) for n in ("max", "min")],
    *[OpCase(n, [X(2, 3)], kw, dtypes=ANY, expected=_kw(n)) for n in "any all".split() for kw in ({}, {"axis": 0, "keepdims": True})],
    *[OpCase(n, [X(2, 3, 4)], kw, expected=_kw(n)) for n in "argmax argmin".split() for kw in ({}, {"axis": 1}, {"axis": -1, "keepdims": True})],
    *[OpCase(n, [X(2, 3)], kw, dtypes=("float32", "int32"), expected=_kw(n)) for n in "cumsum cumprod".split() for kw in ({}, {"axis": 1})],
    OpCase("cumsum", [B(2, 3)], {"axis": 1, "dtype": "float32"}, expected=_kw("cumsum")),
    OpCase("prod", [I(2, 3)], {"axis": 1, "dtype": "float32"}, expected=_kw("prod")),
    OpCase("count_nonzero", [X(2, 3, low=-1, high=1)], dtypes=ANY, expected=_kw("count_nonzero")),
    OpCase("count_nonzero", [X(2, 3, low=-1, high=1)], {"axis": 0}, dtypes=ANY, expected=_kw("count_nonzero")),
    OpCase("average", [X(2, 3)], {"axis": 1}, expected=_kw("average")),
    OpCase("average", [X(2, 3)], {"axis": 1, "weights": P(3)}, expected=_kw("average")),
    *[OpCase("ptp", [X(2, 3)], kw, expected=_kw("ptp")) for kw in ({}, {"axis": 0, "keepdims": True})],
    # quantiles
    *[
        OpCase("median", [X(*s)], kw, expected=_kw("median"), batch=False)
        for s, kw in (((2, 4), {}), ((2, 5), {"axis": 1}), ((2, 3, 4), {"axis": (0, 2), "keepdims": True}))
    ],
    *[
        OpCase("quantile", [X(2, 5), 0.3], {"axis": 1, "method": m}, batch=False, expected=lambda x, q, **kw: np.quantile(x.astype("float64"), q, **kw))
        for m in ("linear", "lower", "higher", "midpoint", "nearest")
    ],
    OpCase("quantile", [X(2, 5), V([0.0, 0.25, 1.0])], {"axis": 0}, batch=False, grad=False, expected=lambda x, q, **kw: np.quantile(x, q, **kw)),
    OpCase("percentile", [X(2, 5), 40.0], {"axis": 1, "keepdims": True}, batch=False, expected=lambda x, q, **kw: np.percentile(x, q, **kw)),
    # with holes
    *[
        OpCase(n, [V(HOLES)], kw, expected=_kw(n))
        for n in "nansum nanprod nanmax nanmin nanmean nanvar nanstd".split()
        for kw in ({}, {"axis": 1}, {"axis": 0, "keepdims": True})
    ],
    *[OpCase(n, [V(HOLES)], {"axis": 1}, expected=_kw(n)) for n in "nanargmax nanargmin nancumsum nancumprod".split()],
    *[OpCase("nanmedian", [V(HOLES)], kw, batch=False, expected=_kw("nanmedian")) for kw in ({}, {"axis": 1})],
    OpCase("nanquantile", [V(HOLES), 0.3], {"axis": 1}, batch=False, expected=lambda x, q, **kw: np.nanquantile(x, q, **kw)),
    OpCase("nanpercentile", [V(HOLES), 30.0], {"axis": 1}, batch=False, expected=lambda x, q, **kw: np.nanpercentile(x, q, **kw)),
    *[OpCase(n, [X(2, 3)], {"axis": 1}, label="whole", expected=_kw(n)) for n in "nansum nanmean nanmax nanvar".split()],
    # of several variables, along a line
    OpCase("corrcoef", [X(3, 6)], tolerance=5, batch=False, expected=_kw("corrcoef")),
    *[OpCase("correlate", [X(6), X(3), m], label=m, batch=False, expected=lambda a, v, m: np.correlate(a, v, m)) for m in ("valid", "same", "full")],
    OpCase("diff", [X(2, 5)], {"n": 2, "axis": 1}, expected=_kw("diff")),
    OpCase("trapezoid", [X(2, 5)], {"dx": 0.5}, expected=_kw("trapezoid")),
    OpCase("trapezoid", [X(2, 4), V([0.0, 1.0, 1.5, 3.0])], label="x", expected=lambda y, x: np.trapezoid(y, x)),
    OpCase("bincount", [V([1, 0, 3, 1, 1], "int32")], {"minlength": 6}, compiled=False, batch=False, expected=np.bincount),
    OpCase(
        "bincount",
        [V([1, 0, 3, 1, 1], "int32"), X(5)],
        {"minlength": 6},
        label="weights",
        compiled=False,
        batch=False,
        expected=lambda i, w, **kw: np.bincount(i, w, **kw),
    ),
    OpCase("histogram", [X(20)], {"bins": 4, "range": (-2.0, 2.0)}, batch=False, grad=False, expected=np.histogram),
    OpCase("digitize", [X(2, 3), V([-1.0, 0.0, 1.0])], expected=np.digitize),
    OpCase("logsumexp", [X(2, 3)], dtypes=("float32", "bfloat16"), expected=_64(lambda x: np.log(np.exp(x).sum()))),
    OpCase("logsumexp", [X(2, 3)], {"axis": 1, "keepdims": True}, expected=_64(lambda x, **kw: np.log(np.exp(x).sum(**kw)))),
    OpCase(
        "logsumexp",
        [V([[-math.inf, -math.inf], [1000.0, 1000.0]])],
        {"axis": 1},
        label="edges",
        expected=lambda x, axis: np.array([-math.inf, 1000.0 + math.log(2)]),
    ),
    # segments
    *[
        OpCase(
            f"segment_{n}",
            [X(5, 2), V([0, 0, 1, 3, 3], "int32")],
            {"num_segments": 4},
            batch=False,
            grad=math.isfinite(e),  # no finite differences of infinity
            expected=lambda x, i, num_segments, f=f, e=e: np.stack(
                [f(x[i == k], axis=0) if (i == k).any() else np.full(x.shape[1:], e) for k in range(num_segments)]
            ),
        )
        for n, f, e in (("sum", np.sum, 0.0), ("prod", np.prod, 1.0), ("max", np.max, -math.inf), ("min", np.min, math.inf))
    ],
    OpCase(
        "segment_sum",
        [X(5), V([2, 0, 2, 1, 0], "int32")],
        {"num_segments": 3},
        label="unsorted",
        batch=False,
        expected=lambda x, i, num_segments: np.bincount(i, x, num_segments),
    ),
]
