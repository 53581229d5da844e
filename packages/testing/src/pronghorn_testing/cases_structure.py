"""Primitives with axes and shapes: reductions, scans, reshaping, indexing, sorting."""

import math

import numpy as np

from pronghorn_testing.case import ANY, NUMBERS, C, I, OpCase, V, X

NAN = math.nan


def _reduced(fn):
    return lambda x, axis, keepdims: fn(x, axis=axis, keepdims=keepdims)


def _scattered(x, indices, updates, mode):
    out = np.array(x)
    for at in np.ndindex(*indices.shape[:-1]):
        where = tuple(indices[at])
        out[where] = {"set": lambda a, b: b, "add": np.add, "max": np.maximum, "min": np.minimum, "multiply": np.multiply}[mode](out[where], updates[at])
    return out


def _largest(out, x):
    """Equal elements may come in any order."""
    values, places = out
    np.testing.assert_array_equal(values, [3, 3, 3, 2])
    np.testing.assert_array_equal(x[places], values)
    assert len(set(places.tolist())) == 4 and places.dtype == np.int32


REDUCE = "sum prod max min"
CASES = [
    *[OpCase(f"p.{n}", [X(2, 3, 4), a, k], label=f"{a}{k}", dtypes=("float32", "int32"), expected=_reduced(getattr(np, n)))
      for n in REDUCE.split() for a, k in (((1,), False), ((0, 2), True))],
    *[OpCase(f"p.{n}", [X(2, 3), (0, 1), False], label="all", dtypes=("float32", "float64", "bfloat16", "float16"), expected=_reduced(getattr(np, n))) for n in REDUCE.split()],
    *[OpCase(f"p.{n}", [X(2, 3), (), False], label="no-axes", expected=lambda x, *_: x) for n in REDUCE.split()],
    *[OpCase(f"p.{n}", [X(0, 3), (0,), False], label="empty", grad=False, batch=False, expected=_reduced(getattr(np, n))) for n in ("sum", "prod")],
    OpCase("p.sum", [X(3, 200, low=0.0, high=2.0), (1,), False], label="long", dtypes=("float32", "bfloat16", "float16")),
    *[OpCase(f"p.{n}", [V([[1.0, NAN], [2.0, 3.0]]), (1,), False], label="nan", expected=_reduced(getattr(np, n))) for n in ("max", "min", "sum")],
    *[OpCase(f"p.{n}", [X(2, 3), (1,), k], label=f"{k}", dtypes=ANY, expected=_reduced(getattr(np, n))) for n in ("any", "all") for k in (False, True)],
    *[OpCase(f"p.{n}", [X(2, 3, 4), 1], dtypes=("float32", "int32", "bfloat16"), expected=lambda x, a, f=getattr(np, n): f(x, axis=a)) for n in ("argmax", "argmin")],
    *[OpCase(f"p.{n}", [V([2, 5, 5, 2, 5]), 0], label="ties", dtypes=NUMBERS, batch=False, expected=lambda x, a, f=getattr(np, n): f(x)) for n in ("argmax", "argmin")],
    *[OpCase(f"p.{n}", [X(2, 3, 4), a], label=str(a), dtypes=("float32", "int32", "bfloat16"), expected=lambda x, a, f=getattr(np, n): f(x, axis=a))
      for n in ("cumsum", "cumprod") for a in (0, 2)],
    # conversion
    *[OpCase("p.cast", [X(2, 3, low=-3.0, high=3.0), d], label=f"to-{d}", dtypes=("float32", "int32", "bool"), grad=False, expected=lambda x, d: x.astype(d))
      for d in ("float32", "int32", "bool", "float16")],
    OpCase("p.cast", [X(2, 3), "float64"], label="to-float64", needs="float64", expected=lambda x, d: x.astype(d)),
    OpCase("p.cast", [V([0.5, 1.9, 200.0]), "uint8"], label="to-uint8", expected=lambda x, d: np.array([0, 1, 200], "uint8")),
    OpCase("p.cast", [X(2, 3), "bfloat16"], label="to-bfloat16", grad=False, dtypes=("float32", "int32", "float16")),
    OpCase("p.cast", [X(2, 3), "complex64"], label="to-complex", needs="complex", grad=False),
    OpCase("p.view", [X(2, 3), "int32"], label="int", grad=False, expected=lambda x, d: x.view(d)),
    OpCase("p.view", [V([0, 1, -5, 1 << 30], "int32"), "float32"], label="float", expected=lambda x, d: x.view(d)),
    OpCase("p.view", [I(3, low=-9), "uint32"], label="sign", expected=lambda x, d: x.view(d)),
    # shape
    OpCase("p.reshape", [X(2, 3, 4), (6, 4)], batch=False, dtypes=ANY, expected=np.reshape),
    OpCase("p.reshape", [X(2, 3, 4), (-1, 12)], label="rest", expected=np.reshape),
    OpCase("p.reshape", [X(1, 1), ()], label="scalar", batch=False, expected=np.reshape),
    OpCase("p.transpose", [X(2, 3, 4), (2, 0, 1)], dtypes=ANY, expected=np.transpose),
    OpCase("p.broadcast_to", [X(3, 1), (2, 3, 4)], batch=False, dtypes=ANY, expected=np.broadcast_to),
    OpCase("p.concatenate", [[X(2, 3), X(1, 3), X(2, 3)], 0], dtypes=ANY, expected=np.concatenate),
    OpCase("p.concatenate", [[X(2, 3), X(2, 1)], 1], label="last", expected=np.concatenate),
    OpCase("p.pad", [X(2, 3), ((1, 0), (2, 1)), 7], dtypes=("float32", "int32", "bfloat16"), expected=lambda x, w, v: np.pad(x, w, constant_values=v)),
    OpCase("p.pad", [X(2, 3), ((0, 0), (0, 2)), False], label="bool", dtypes=("bool",), expected=lambda x, w, v: np.pad(x, w, constant_values=v)),
    OpCase("p.flip", [X(2, 3, 4), (0, 2)], dtypes=ANY, expected=np.flip),
    OpCase("p.slice", [X(4, 5), (1, 0), (3, 5), (1, 2)], batch=False, dtypes=ANY, expected=lambda x, *_: x[1:3, 0:5:2]),
    OpCase("p.slice", [X(4, 5), (2, 0), (2, 5), (1, 1)], label="empty", batch=False, grad=False, expected=lambda x, *_: x[2:2]),
    # index
    OpCase("p.take", [X(2, 5, 3), I(4), 1], dtypes=ANY, expected=np.take),
    OpCase("p.take", [X(5, 3), I(2, 2), 0], label="matrix", expected=np.take),
    OpCase("p.take", [X(5, 3), I(), 0], label="scalar", expected=np.take),
    OpCase("p.take", [X(2, 5), I(3, dtype="uint8"), 1], label="uint8", expected=np.take),
    OpCase("p.take_along_axis", [X(2, 5), I(2, 3), 1], dtypes=ANY, expected=np.take_along_axis),
    OpCase("p.take_along_axis", [X(5, 3), I(2, 1), 0], label="broadcast", batch=False, expected=lambda x, i, a: np.take_along_axis(x, np.broadcast_to(i, (2, 3)), a)),
    *[OpCase("p.scatter", [X(5, 3), V([[0], [2], [4]], "int32"), X(3, 3), m], label=m, dtypes=("float32", "int32"), batch=False, expected=_scattered) for m in ("set", "add", "max", "min", "multiply")],
    *[OpCase("p.scatter", [X(5), V([[1], [1], [4], [1]], "int32"), X(4), m], label=f"twice-{m}", batch=False, expected=_scattered) for m in ("add", "max", "min", "multiply")],
    OpCase("p.scatter", [X(3, 4, 2), V([[0, 1], [2, 3]], "int32"), X(2, 2), "add"], label="depth2", batch=False, expected=_scattered),
    OpCase("p.scatter", [X(3, 4), V([[[0, 1], [0, 1]], [[2, 3], [1, 0]]], "int32"), X(2, 2), "set"], label="grid", batch=False, grad=False,
           check=lambda out, x, i, u: np.testing.assert_allclose(out[(2, 1), (3, 0)], u[1])),
    OpCase("p.scatter", [X(4), V([[0], [2]], "int32"), X(2), "set"], label="bool", dtypes=("bool",), batch=False, expected=_scattered),
    OpCase("p.slice_update", [X(4, 5), (1, 2), X(2, 3)], dtypes=ANY, batch=False, expected=lambda x, s, u: np.block([[x[:1]], [x[1:3, :2], u], [x[3:]]])),
    OpCase("p.slice_update", [X(4, 5), (3, 4), X(2, 3)], label="clamped", batch=False, expected=lambda x, s, u: np.block([[x[:2]], [x[2:, :2], u]])),
    OpCase("p.slice_update", [X(4, 5), (V(1, "int32"), V(2, "int32")), X(2, 3)], label="tensors", batch=False, expected=lambda x, s, u: np.block([[x[:1]], [x[1:3, :2], u], [x[3:]]])),
    # sort
    OpCase("p.sort", [X(2, 5), 1], dtypes=("float32", "int32", "bfloat16"), expected=np.sort),
    OpCase("p.sort", [X(4, 3), 0], label="first", batch=False, expected=np.sort),
    OpCase("p.sort", [V([2.0, NAN, -1.0, math.inf]), 0], label="nan", batch=False, expected=np.sort),
    OpCase("p.argsort", [X(2, 9), 1], dtypes=("float32", "int32", "bfloat16"), expected=lambda x, a: np.argsort(x, a, kind="stable")),
    OpCase("p.argsort", [V([2.0, NAN, -1.0, 2.0, -1.0]), 0], label="nan", batch=False, expected=lambda x, a: np.array([2, 4, 0, 3, 1])),
    OpCase("p.top_k", [X(2, 6), 3], dtypes=("float32", "bfloat16"), expected=lambda x, k: (np.sort(x)[:, ::-1][:, :k], np.argsort(-x, kind="stable")[:, :k])),
    OpCase("p.top_k", [V([3, 1, 3, 2, 3]), 4], label="ties", dtypes=("int32", "float32"), batch=False, check=_largest),
    *[OpCase("p.searchsorted", [V([-1, 0, 0, 2, 4]), X(2, 3, low=-2, high=5), s], label=s, dtypes=("float32", "int32"), batch=False, expected=np.searchsorted) for s in ("left", "right")],
    OpCase("p.nonzero", [V([[0, 3, 0], [1, 0, 2]])], dtypes=ANY, compiled=False, batch=False, expected=np.nonzero),
    # complex parts
    OpCase("p.real", [C(2, 3)], expected=np.real),
    OpCase("p.imag", [C(2, 3)], expected=np.imag),
    OpCase("p.view_as_complex", [X(2, 3), X(2, 3)], dtypes=("float32", "float64"), expected=lambda a, b: a + 1j * b),
]
