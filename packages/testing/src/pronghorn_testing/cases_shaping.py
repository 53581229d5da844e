"""Ops that make, move and join, read and write parts, sort and search."""


import numpy as np

from pronghorn_testing.case import ANY, B, I, OpCase, V, X

_NP = lambda name: getattr(np, name)
_written = lambda x, i, u, reduction=None: _scatter(x, i, u, reduction)


def _scatter(x, indices, updates, reduction):
    out = np.array(x)
    for at in np.ndindex(*indices.shape[:-1]):
        where = tuple(indices[at])
        out[where] = {None: lambda a, b: b, "add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction](out[where], updates[at])
    return out


def _key(*key):
    return key if len(key) != 1 else key[0]


KEYS = {
    "int": 1,
    "negative": (-1, 0),
    "slices": (slice(1, None), slice(None, -1), slice(0, 4, 2)),
    "backwards": (slice(None), slice(None, None, -1)),
    "new": (None, Ellipsis, 0, None),
    "ellipsis": (Ellipsis, slice(1, 3)),
}
CASES = [
    # constants
    *[OpCase(n, [X(2, 3)], dtypes=ANY, expected=_NP(n)) for n in ("zeros_like", "ones_like")],
    OpCase("full_like", [X(2, 3), 2], dtypes=("float32", "int32"), expected=np.full_like),
    OpCase("zeros_like", [X(2, 3)], {"dtype": "int32"}, expected=np.zeros_like),
    OpCase("empty_like", [X(2, 3)], expected=np.zeros_like),
    *[OpCase(n, [(2, 3)], {"dtype": d}, batch=False, expected=_NP(n)) for n in ("zeros", "ones") for d in ("float32", "int32", "bool")],
    OpCase("empty", [(2, 3)], {"dtype": "float32"}, check=lambda out: None),
    OpCase("full", [(2, 3), 7], {"dtype": "int32"}, expected=np.full),
    OpCase("full", [(2, 3), 1.5], expected=np.full),
    *[OpCase("arange", a, label=",".join(map(str, a)), expected=np.arange) for a in ([5], [1, 5], [1, 9, 3], [5, 1, -2])],
    OpCase("arange", [0.0, 1.0, 0.25], label="float", expected=np.arange),
    OpCase("linspace", [0.0, 1.0], {"num": 5}, expected=np.linspace),
    OpCase("linspace", [X(3), X(3)], {"num": 4, "endpoint": False}, batch=False, expected=np.linspace),
    OpCase("logspace", [0.0, 2.0], {"num": 5}, tolerance=5, expected=np.logspace),
    OpCase("geomspace", [1.0, 16.0], {"num": 5}, tolerance=5, expected=np.geomspace),
    OpCase("eye", [3], expected=np.eye),
    OpCase("eye", [3, 4], {"k": 1, "dtype": "int32"}, expected=np.eye),
    OpCase("identity", [3], expected=np.identity),
    OpCase("tri", [3, 4], {"k": -1}, expected=np.tri),
    *[OpCase(n, [5], expected=_NP(n)) for n in "bartlett blackman hamming hanning".split()],
    OpCase("kaiser", [5, 3.0], tolerance=5, expected=np.kaiser),
    OpCase("vander", [X(3)], {"N": 4}, batch=False, expected=np.vander),
    OpCase("vander", [X(3)], {"N": 3, "increasing": True}, batch=False, expected=np.vander),
    OpCase("meshgrid", [X(3), X(2)], {"indexing": "ij"}, batch=False, expected=lambda *a, **kw: np.meshgrid(*a, **kw)),
    OpCase("meshgrid", [X(3), X(2)], label="xy", batch=False, expected=lambda *a: np.meshgrid(*a)),
    OpCase("indices", [(2, 3)], expected=np.indices),
    # shape
    OpCase("reshape", [X(2, 6), (3, 4)], dtypes=ANY, batch=False, expected=np.reshape),
    OpCase("reshape", [X(2, 6), (-1, 2, 3)], label="rest", expected=np.reshape),
    OpCase("ravel", [X(2, 3)], expected=np.ravel),
    OpCase("transpose", [X(2, 3, 4)], expected=np.transpose),
    OpCase("transpose", [X(2, 3, 4), (1, -1, 0)], label="axes", expected=np.transpose),
    OpCase("moveaxis", [X(2, 3, 4), 0, -1], expected=np.moveaxis),
    OpCase("moveaxis", [X(2, 3, 4), (0, 1), (2, 0)], label="two", expected=np.moveaxis),
    OpCase("swapaxes", [X(2, 3, 4), 0, -1], expected=np.swapaxes),
    *[OpCase("expand_dims", [X(2, 3), a], label=str(a), expected=np.expand_dims) for a in (0, -1, (0, 2))],
    OpCase("squeeze", [X(1, 3, 1)], batch=False, expected=np.squeeze),
    OpCase("squeeze", [X(1, 3, 1), -1], label="axis", expected=np.squeeze),
    OpCase("broadcast_to", [X(3, 1), (2, 3, 4)], batch=False, expected=np.broadcast_to),
    *[OpCase(f"atleast_{n}d", [X(*s)], label=f"{len(s)}", batch=False, expected=_NP(f"atleast_{n}d")) for n in (1, 2, 3) for s in ((), (3,), (2, 3))],
    *[OpCase("flip", [X(2, 3)], kw, expected=np.flip) for kw in ({}, {"axis": 1}, {"axis": (0, 1)})],
    OpCase("fliplr", [X(2, 3)], expected=np.fliplr),
    OpCase("flipud", [X(2, 3)], expected=np.flipud),
    OpCase("rot90", [X(2, 3)], expected=np.rot90),
    OpCase("rot90", [X(2, 3, 2), 3, (1, 2)], label="axes", expected=np.rot90),
    *[OpCase("roll", [X(2, 3), s], kw, label=f"{s}{kw or ''}".replace(" ", ""), expected=np.roll) for s, kw in ((2, {}), (-1, {"axis": 1}), ((1, 1), {"axis": (0, 1)}))],
    OpCase("tile", [X(2, 3), (2, 1)], expected=np.tile),
    OpCase("tile", [X(2, 3), (2, 1, 2)], label="more", expected=np.tile),
    OpCase("repeat", [X(2, 3), 2], batch=False, expected=np.repeat),
    OpCase("repeat", [X(2, 3), 2, 1], label="axis", expected=np.repeat),
    OpCase("repeat", [X(2, 3), [1, 0, 2], 1], label="counts", expected=np.repeat),
    *[OpCase("pad", [X(3, 4), ((1, 2), (0, 1))], {"mode": m}, batch=False, expected=np.pad) for m in ("constant", "reflect", "symmetric", "edge") if m != "edge"],
    OpCase("pad", [X(2, 3), 1], {"constant_values": 4.0}, expected=np.pad),
    # join and cut
    OpCase("concatenate", [[X(2, 3), X(1, 3)]], dtypes=ANY, expected=np.concatenate),
    OpCase("concatenate", [[X(2, 3), I(2, 1)], -1], label="mixed", expected=np.concatenate),
    *[OpCase("stack", [[X(2, 3), X(2, 3)], a], label=str(a), expected=np.stack) for a in (0, -1)],
    *[OpCase(n, [[X(2, 3), X(2, 3)]], expected=_NP(n)) for n in "hstack vstack dstack".split()],
    OpCase("append", [X(2, 3), X(1, 3), 0], batch=False, expected=np.append),
    OpCase("append", [X(2, 3), X(2)], label="flat", batch=False, expected=np.append),
    OpCase("split", [X(4, 6), 3, 1], expected=np.split),
    OpCase("split", [X(4, 6), [1, 4], 1], label="at", expected=np.split),
    OpCase("array_split", [X(2, 7), 3, 1], expected=np.array_split),
    OpCase("hsplit", [X(2, 4), 2], expected=np.hsplit),
    OpCase("vsplit", [X(4, 2), 2], batch=False, expected=np.vsplit),
    OpCase("dsplit", [X(2, 2, 4), 2], expected=np.dsplit),
    OpCase("unstack", [X(2, 3)], {"axis": 1}, expected=lambda x, axis: list(np.moveaxis(x, axis, 0))),
    OpCase("rearrange", [X(2, 6, 3), "b (h w) c -> b c h w"], {"h": 2}, label="split", expected=lambda x, _, h: x.reshape(2, 2, 3, 3).transpose(0, 3, 1, 2)),
    OpCase("rearrange", [X(2, 3, 4), "b h w -> b (w h)"], label="merge", expected=lambda x, _: x.transpose(0, 2, 1).reshape(2, -1)),
    OpCase("extract_sequences", [X(2, 7), 3, 2], expected=lambda x, n, s: np.stack([x[:, i : i + n] for i in range(0, 5, s)], 1)),
    # read
    OpCase("take", [X(5, 3), I(2, 2), 0], dtypes=ANY, batch=False, expected=np.take),
    OpCase("take", [X(2, 3), V([-1, 0, 4], "int32")], label="flat", batch=False, expected=np.take),
    OpCase("take", [X(3, 2), [2, -1], 0], label="list", batch=False, expected=np.take),
    OpCase("take_along_axis", [X(2, 5), V([[0, -1], [3, 2]], "int32"), 1], expected=np.take_along_axis),
    OpCase("slice", [X(4, 5), (1, 2), (2, 3)], batch=False, expected=lambda x, *_: x[1:3, 2:5]),
    OpCase("slice", [X(4, 5), V([1, 2], "int32"), (2, 3)], label="tensor", batch=False, expected=lambda x, *_: x[1:3, 2:5]),
    *[OpCase("getitem", [X(3, 4, 5), k], label=n, batch=n in ("ellipsis",), expected=lambda x, k: x[k]) for n, k in KEYS.items()],
    OpCase("getitem", [X(3, 4, 5), (slice(None), I(2, high=3))], label="tensor", expected=lambda x, k: x[k]),
    OpCase("getitem", [X(3, 4, 5), (I(2, high=2), I(2, high=3))], label="tensors", batch=False, expected=lambda x, k: x[k]),
    OpCase("get_item", [X(3, 4), 1], batch=False, expected=lambda x, k: x[k]),
    OpCase("where", [B(2, 3), X(3), 0.5], dtypes=("float32",), expected=np.where),
    OpCase("where", [B(2, 3), X(3), I(2, 3)], label="mixed", expected=np.where),
    OpCase("select", [[B(2, 3), B(2, 3)], [X(2, 3), X(2, 3)]], {"default": 1.5}, expected=np.select),
    OpCase("nonzero", [V([[0, 3], [1, 0]])], needs="dynamic_shapes", compiled=False, batch=False, expected=np.nonzero),
    # write
    *[OpCase("scatter_update", [X(4, 2), V([[3], [1]], "int32"), X(2, 2)], {"reduction": r}, batch=False, expected=_written) for r in (None, "add", "max", "min", "mul")],
    OpCase("scatter", [V([[0], [2], [0]], "int32"), X(3, 2), (4, 2)], batch=False, expected=lambda i, v, s: np.stack([v[0] + v[2], 0 * v[0], v[1], 0 * v[0]])),
    OpCase("slice_update", [X(4, 5), (1, 2), X(2, 3)], batch=False, expected=lambda x, s, u: np.block([[x[:1]], [x[1:3, :2], u], [x[3:]]])),
    # sort and search
    *[OpCase("sort", [X(3, 4)], kw, expected=np.sort, batch=kw.get("axis") != 0) for kw in ({}, {"axis": 0})],
    OpCase("argsort", [X(3, 4)], expected=np.argsort),
    OpCase("argpartition", [X(2, 6), 2], check=lambda out, x: np.testing.assert_array_equal(np.sort(np.take_along_axis(x, out, 1)[:, :3]), np.sort(x)[:, :3])),
    OpCase("top_k", [X(2, 6), 2], expected=lambda x, k: (np.sort(x)[:, :-3:-1], np.argsort(x)[:, :-3:-1])),
    OpCase("in_top_k", [V([1, 0, 2], "int32"), X(3, 4), 2], grad=False, expected=lambda t, x, k: (x > x[np.arange(3), t][:, None]).sum(1) < k),
    OpCase("searchsorted", [V([-1.0, 0.0, 0.0, 2.0]), X(2, 3)], batch=False, expected=np.searchsorted),
    OpCase("unique", [V([3, 1, 3, 2, 1])], dtypes=("float32", "int32"), needs="dynamic_shapes", compiled=False, batch=False, expected=np.unique),
    OpCase("unravel_index", [V([5, 0, 11], "int32"), (3, 4)], batch=False, expected=np.unravel_index),
    # triangles and diagonals
    *[OpCase(n, [X(2, 3, 4)], {"k": k}, dtypes=ANY, expected=_NP(n)) for n in ("tril", "triu") for k in (0, 1, -1)],
    *[OpCase("diagonal", [X(3, 4, 2)], kw, batch=False, expected=np.diagonal) for kw in ({}, {"offset": 1}, {"offset": -1, "axis1": 1, "axis2": 2})],
    OpCase("trace", [X(3, 4, 2)], {"offset": 1}, batch=False, expected=np.trace),
    *[OpCase("diag", [X(*s)], {"k": k}, label=f"{len(s)}d{k}", batch=False, expected=np.diag) for s in ((3,), (3, 4)) for k in (0, 1, -1)],
    OpCase("diagflat", [X(2, 2)], {"k": 1}, batch=False, expected=np.diagflat),
]
