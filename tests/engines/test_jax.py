"""The JAX engine's primitives against the NumPy reference."""

import itertools

import ml_dtypes
import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

from pronghorn.backend import primitives as p  # noqa: E402
from pronghorn.backend import registry  # noqa: E402
from pronghorn.backend.op import PRIMITIVES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy on inf and nan
NAN, INF = np.nan, np.inf
FLOATS = np.array([-INF, -2.5, -1.0, -0.5, -0.0, 0.0, 0.3, 0.5, 1.0, 1.5, 2.5, 40.0, INF, NAN], "float32")
INTS = np.array([-7, -3, -1, 0, 1, 2, 5, 100], "int32")
BOOLS = np.array([True, False, True])


@pytest.fixture(autouse=True)
def _active():
    jax.config.update("jax_disable_most_optimizations", True)  # every case compiles its own function once
    with registry.use_backend("jax"):
        yield registry.get("jax")
    jax.config.update("jax_disable_most_optimizations", False)


def reference(name, *args):
    """The primitive on NumPy arrays."""
    with registry.use_backend("numpy"):
        return getattr(p, name)(*args)


def native(x):
    return registry.get("jax").convert_to_tensor(x, x.dtype.name) if isinstance(x, np.ndarray) else x


def same(name, *args, tolerance=2e-6):
    """Compare a primitive with the reference: shape and dtype eager and traced, values eager (where a primitive is one jitted function)."""
    expected = reference(name, *[list(a) if isinstance(a, list) else a for a in args])
    tensors = [[native(v) for v in a] if isinstance(a, list) else native(a) for a in args]
    moving = [i for i, a in enumerate(tensors) if isinstance(a, (jax.Array, list))]

    def call(*xs):
        full = list(tensors)
        for i, x in zip(moving, xs, strict=True):
            full[i] = x
        return getattr(p, name)(*full)

    pairs = [v if isinstance(v, tuple) else (v,) for v in (call(*[tensors[i] for i in moving]), expected)]
    traced = jax.tree.leaves(jax.eval_shape(call, *[tensors[i] for i in moving]))
    for g, e, t in zip(*pairs, traced, strict=True):
        assert isinstance(g, jax.Array) and g.dtype == t.dtype == e.dtype and g.shape == t.shape == e.shape, (name, g.dtype, e.dtype, g.shape, e.shape)
        loose = {2: 2e-2, 1: 0.3}.get(e.dtype.itemsize, tolerance) if e.dtype.kind not in "iub" else 0
        wide = (lambda v: np.asarray(v, "float64")) if e.dtype.kind in "Vf" else np.asarray
        np.testing.assert_allclose(wide(g), wide(e), rtol=loose, atol=loose, err_msg=name)


UNARY_FLOAT = [n for n, o in PRIMITIVES.items() if o.capability is None and o.required and len(o.signature.parameters) == 1 and n not in
               ("round", "trunc", "negative", "abs", "sign", "isfinite", "logical_not", "bitwise_not", "stop_gradient")]  # fmt: skip


@pytest.mark.parametrize("name", UNARY_FLOAT)
def test_unary_float_matches_reference(name):
    same(name, FLOATS)
    same(name, FLOATS.astype(ml_dtypes.bfloat16)[np.abs(np.nan_to_num(FLOATS)) < 3])
    same(name, np.float32(0.5).reshape(()))
    if name in ("exp", "floor", "erf"):
        same(name, np.zeros((0, 3), "float16"))
        same(name, INTS)


@pytest.mark.parametrize("name", ["round", "trunc", "negative", "abs", "sign", "isfinite", "stop_gradient", "logical_not"])
def test_unary_matches_reference(name):
    same(name, FLOATS)
    same(name, INTS)
    if name not in ("sign", "round", "trunc"):  # NumPy's own have no bool form
        same(name, BOOLS)
    same(name, np.array([0, 3, 255], "uint8"))
    same(name, np.array([1 + 2j, -3j, 0], "complex64")) if name in ("negative", "abs", "isfinite") else None


def test_unary_of_booleans_is_identity_where_numpy_has_none():
    for name in ("sign", "round", "trunc"):
        assert (np.asarray(getattr(p, name)(jnp.asarray(BOOLS))) == BOOLS).all()


BINARY = [n for n, o in PRIMITIVES.items() if o.required and len(o.signature.parameters) == len(o.operands) == 2 and n != "matmul"]


@pytest.mark.parametrize("name", BINARY)
def test_binary_matches_reference(name):
    integral = name.startswith("bitwise")
    small = np.array([-2.5, -1.0, 0.0, 0.5, 3.0, INF, NAN], "float32")
    if not integral:
        pairs = np.array(list(itertools.product(small, small)), "float32")
        if name in ("floor_divide", "mod"):
            pairs = pairs[np.isfinite(pairs).all(1)]
        same(name, pairs[:, 0], pairs[:, 1], tolerance=1e-5)
        same(name, np.array([[1.0], [2.0]], "float16"), np.array([0.5, 4.0, -1.0], "float16"))
    ints = np.array(list(itertools.product([-7, -1, 2, 5], [1, 2, 3])), "int32")
    same(name, ints[:, 0], ints[:, 1])
    if name not in ("divide", "arctan2", "power", "equal", "logical_and", "logical_or"):
        same(name, ints[:, 0].astype("uint8") % 8, ints[:, 1].astype("uint8"))
    if "shift" not in name and name != "power":
        same(name, BOOLS, BOOLS[::-1].copy()) if name not in ("subtract", "divide", "floor_divide", "mod", "arctan2") else None
    same(name, np.zeros((0, 2), "int32"), np.ones((2,), "int32"))


@pytest.mark.parametrize("name", sorted(registry.get("jax").scalar_operands - {"where"}))
def test_python_scalars_keep_the_tensors_dtype(name):
    integral = name.startswith("bitwise") or name.startswith("logical")
    kinds = ["uint8"] if integral else ["int32", "bfloat16"]
    for kind in kinds:
        x = np.array([1, 2, 3]).astype(ml_dtypes.bfloat16 if kind == "bfloat16" else kind)
        same(name, x, 2)
        same(name, 2, x)


def test_large_python_integers_fit_unsigned_tensors():
    for kind in ("uint32", "uint8"):
        top = int(np.iinfo(kind).max)
        big = p.bitwise_or(jnp.ones(2, kind), top - 1)
        assert big.dtype == kind and int(big[0]) == top


def test_where_and_scalars():
    c = np.array([[True], [False]])
    same("where", c, FLOATS, FLOATS[::-1].copy())
    same("where", c, FLOATS, 0.0)
    same("where", c, 1, INTS)
    same("where", np.array([0, 2, 0]), BOOLS, False)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all"])
@pytest.mark.parametrize("axis,keepdims", [((0,), False), ((0, 1), True), ((), False), ((2, 0), False)])
def test_reductions_match_reference(name, axis, keepdims):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    same(name, x, axis, keepdims, tolerance=1e-5)
    same(name, (x * 3).astype("int8"), axis, keepdims)
    same(name, x > 0, axis, keepdims)
    x[0, 1, 2] = NAN
    same(name, x, axis, keepdims, tolerance=1e-5)
    same(name, (x / 4).astype("float16"), axis, keepdims)
    if name not in ("max", "min"):
        same(name, np.zeros((0, 3, 2), "float32"), axis, keepdims)


@pytest.mark.parametrize("x", [np.array([[1, 5, 5], [7, 2, 7]]), np.array([[NAN, 1, NAN]], "float32"), np.array([[False, True, True]])])
def test_arg_reductions_take_the_first(x):
    x = x if x.dtype.kind != "i" else x.astype("int32")
    for axis in (0, 1):
        same("argmax", x, axis)
        same("argmin", x, axis)


def test_scans_and_casts():
    x = np.arange(12, dtype="float32").reshape(3, 4) / 8
    for name in ("cumsum", "cumprod"):
        for v in (x, x.astype("int32"), x > 0.5, x.astype("float16"), x[:0]):
            same(name, v, 0)
            same(name, v, 1)
    for kind in ("int32", "uint8", "bool", "float16", "bfloat16", "complex64", "float8_e4m3fn"):
        same("cast", np.array([[1.7, 0.0, 2.0, 0.1]], "float32"), kind)
        same("cast", np.array([1.5 + 2j, 0j, 2j], "complex64"), kind)
        same("cast", BOOLS, kind)
    same("cast", -np.array([1.7, 2.2], "float32"), "int32")
    same("view", np.array([1.0, -2.0], "float32"), "int32")
    same("view", np.array([-1, 7], "int32"), "uint32")
    same("view", BOOLS, "uint8")


def test_shape_primitives():
    x = np.arange(24, dtype="int32").reshape(2, 3, 4)
    for s in ((6, 4), (-1,), (2, -1, 2), (24, 1)):
        same("reshape", x, s)
    same("reshape", np.zeros((0, 3)).astype("f"), (3, 0))
    same("reshape", x[0, 0, 0].reshape(()), (1, 1))
    same("transpose", x, (2, 0, 1))
    same("broadcast_to", x[:, :1], (5, 2, 3, 4))
    same("concatenate", [x, x[:, :, :2]], 2)
    same("concatenate", [x[:0], x], 0)
    same("pad", x, ((0, 1), (2, 0), (0, 0)), 7)
    same("pad", x.astype("float16"), ((0, 1), (2, 0), (0, 0)), -INF)
    same("pad", x > 5, ((0, 1), (2, 0), (0, 0)), True)
    same("flip", x, (0, 2))
    same("flip", x, ())
    same("slice", x, (0, 1, 1), (2, 3, 4), (1, 2, 2))
    same("slice", x, (1, 1, 1), (2, 3, 4), (1, 1, 1))
    same("slice", x, (1, 2, 1), (2, 1, 4), (1, 1, 1))
    same("slice", x[0, 0, 0].reshape(()), (), (), ())


def test_indexing_primitives():
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    same("take", x, np.array([[2, 0], [1, 1]], "int32"), 1)
    same("take", x, np.array(1, "int32"), 2)
    same("take", x, np.zeros((0,), "int32"), 0)
    same("take", x > 4, np.array([1, 0], "uint8"), 0)
    same("take_along_axis", x, np.array([[[1], [0], [1]]], "int32"), 0)
    same("take_along_axis", x, np.argsort(x, 2).astype("int32"), 2)
    index = np.array([[0, 1], [1, 2], [0, 1]], "int32")
    rows = np.arange(12, dtype="float32").reshape(3, 4) + 1
    for mode in ("add", "max", "min", "multiply"):
        same("scatter", x, index, rows, mode)
        same("scatter", x > 20, index, rows > 6, mode)
    same("scatter", x, index[:2], rows[:2], "set")
    same("scatter", x[0, 0], np.array([[[3], [0]]], "int32"), np.array([[9.0, 8.0]], "float32"), "set")
    same("slice_update", x, (1, 0, 9), np.ones((1, 2, 3), "float32"))
    same("slice_update", x, (-3, np.array(1, "int32"), 0), np.ones((1, 2, 3), "float32"))


def test_sorting_primitives():
    x = np.array([[3.0, NAN, -1.0, 0.0, -0.0, INF, 3.0, -INF], [1, 1, 1, 1, NAN, NAN, 0, 0]], "float32")
    for v in (x, x.astype("bfloat16"), np.array([[3, 1, 2, 1]], "int32"), np.array([[True, False, True]]), np.array([[3, 255, 0]], "uint8")):
        for axis in (0, 1):
            same("sort", v, axis)
            same("argsort", v, axis)
        for k in (0, 1, 3):
            same("top_k", v, k)
    negative_nan = np.array([1.0, -NAN, 2.0], "float32")
    assert np.asarray(p.top_k(jnp.asarray(negative_nan), 2)[1]).tolist() == [1, 2]
    for side in ("left", "right"):
        same("searchsorted", np.array([1.0, 2.0, 2.0, 5.0], "float32"), np.array([[2.0, 0.0], [7.0, NAN]], "float32"), side)
        same("searchsorted", np.zeros((0,), "int32"), np.array([1, 2], "int32"), side)


def test_matmul():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 1, 3, 4)).astype("float32"), rng.normal(size=(2, 4, 6)).astype("float32")
    same("matmul", a, b, tolerance=1e-5)
    same("matmul", (a * 3).astype("int32"), (b * 3).astype("int32"))
    same("matmul", a > 0, b > 0)
    same("matmul", a.astype("float16"), b.astype("float16"))
    same("matmul", a[:, :, :, :0], b[:, :0])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_windows(n):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, *(7, 6, 5)[:n], 4)).astype("float32")
    pads, ones = ((1, 2), (0, 1), (2, 0))[:n], (1,) * n
    k = rng.normal(size=(*(3, 2, 2)[:n], 2, 6)).astype("float32")
    same("conv", x, k, (2, 1, 2)[:n], pads, ones, 2, tolerance=1e-5)
    same("conv", x, k, ones, pads, (2, 3, 1)[:n], 2, tolerance=1e-5)
    k = rng.normal(size=(*(3, 2, 2)[:n], 5, 4)).astype("float32")
    for pad, out in ((pads, (0,) * n), (((0, 0),) * n, (1, 0, 1)[:n])):
        same("conv_transpose", x, k, (2, 1, 3)[:n], pad, out, ones, tolerance=1e-5)
        same("conv_transpose", x, k, (2, 1, 2)[:n], pad, out, (2, 1, 1)[:n], tolerance=1e-5)
    for v in (x, x.astype("float16"), x.astype(ml_dtypes.bfloat16), (x * 9).astype("int32")):
        same("max_pool", v, (3, 2, 2)[:n], (2, 1, 1)[:n], ((1, 1), (0, 1), (1, 0))[:n])
        same("average_pool", v, (3, 2, 2)[:n], (2, 1, 1)[:n], ((1, 1), (0, 1), (1, 0))[:n])
        same("average_pool", v, (3, 2, 2)[:n], ones, ((0, 0),) * n)
    x[0, 0] = NAN
    same("max_pool", x, (2,) * n, ones, ((0, 0),) * n)
    same("max_pool", x > 0, (2,) * n, ones, ((0, 1),) * n)


def test_linear_algebra():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(2, 4, 4)).astype("float32")
    spd = a @ a.swapaxes(1, 2) + 4 * np.eye(4, dtype="float32")
    same("cholesky", spd, tolerance=1e-4)
    same("lu_factor", a, tolerance=1e-4)
    same("solve_triangular", spd, a, True, tolerance=1e-4)
    same("solve_triangular", spd[:1], a, False, tolerance=1e-4)
    w, v = p.eigh(jnp.asarray(spd))
    np.testing.assert_allclose(np.linalg.eigh(spd)[0], w, rtol=1e-4)
    np.testing.assert_allclose(v * w[:, None] @ v.swapaxes(1, 2), spd, atol=1e-4)
    for m in (a[:, :, :3], a[:, :2]):
        for mode in ("reduced", "complete"):
            q, r = p.qr(jnp.asarray(m), mode)
            expected = np.linalg.qr(m, mode)
            assert (q.shape, r.shape) == (expected[0].shape, expected[1].shape)
            np.testing.assert_allclose(q @ r, m, atol=1e-5)
        for full in (True, False):
            u, s, vh = p.svd(jnp.asarray(m), full)
            assert (u.shape, vh.shape) == tuple(np.linalg.svd(m, full)[i].shape for i in (0, 2))
            np.testing.assert_allclose(s, np.linalg.svd(m, full)[1], rtol=1e-4)
    w, v = p.eig(jnp.asarray(a))
    assert w.dtype == v.dtype == "complex64"
    np.testing.assert_allclose(a @ v, v * w[:, None], atol=1e-4)


def test_complex():
    rng = np.random.default_rng(4)
    re, im = rng.normal(size=(2, 3, 7)).astype("float32")
    z = (re + 1j * im).astype("complex64")
    for name in ("real", "imag"):
        same(name, z)
        same(name, re)
    same("view_as_complex", re, im)
    same("view_as_complex", re.astype("float16"), im.astype("float16"))
    same("fft", z, tolerance=1e-5)
    same("rfft", re, tolerance=1e-5)
    same("rfft", re.astype("float16"))
    for n in (12, 13):
        same("irfft", z, n, tolerance=1e-5)
    assert [i.tolist() for i in p.nonzero(jnp.asarray([[0, 1], [2, 0]]))] == [[0, 1], [1, 0]]
