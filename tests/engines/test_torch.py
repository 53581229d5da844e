"""The torch engine against the NumPy reference, and its gradients, executor and native module."""

import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pronghorn import ops  # noqa: E402
from pronghorn.backend import dtypes, registry  # noqa: E402
from pronghorn.backend import primitives as p  # noqa: E402
from pronghorn.backend.op import OPS, PRIMITIVES  # noqa: E402
from pronghorn.state import StateError, Variable, value_and_grad  # noqa: E402

NUMPY, TORCH = registry.get("numpy"), registry.get("torch")
RNG = np.random.default_rng(0)
TOLERANCE = {
    "float16": 4e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-12, "complex64": 2e-5, "complex128": 1e-12,
    "float8_e4m3fn": 0.13, "float8_e5m2": 0.26,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _torch_is_active():
    with registry.use_backend("torch"):
        yield


def data(shape, dtype, low=-3.0, high=3.0):
    """Random values; integers stay small, so that products fit."""
    kind = dtypes.numpy_dtype(dtype)
    if dtype == "bool":
        return RNG.random(shape) < 0.5
    if dtype in dtypes.INTEGER:
        return RNG.integers(0 if dtype in dtypes.UNSIGNED else int(low), int(high) + 1, shape).astype(kind)
    x = RNG.uniform(low, high, shape)
    return (x + 1j * RNG.uniform(low, high, shape)).astype(kind) if dtype in dtypes.COMPLEX else x.astype(kind)


def native(x):
    return TORCH.convert_to_tensor(x, x.dtype.name) if isinstance(x, np.ndarray) else [native(v) for v in x] if isinstance(x, list) else x


def host(x):
    return tuple(host(v) for v in x) if isinstance(x, tuple) else TORCH.convert_to_numpy(x)


def same(got, want, tolerance=None):
    if isinstance(want, tuple):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w, tolerance)
        return
    want = np.asarray(want)
    assert isinstance(got, torch.Tensor)
    assert TORCH.dtype(got) == want.dtype.name
    assert tuple(got.shape) == want.shape
    got, name = host(got), want.dtype.name
    if name in dtypes.INEXACT:
        wide = "complex128" if name in dtypes.COMPLEX else "float64"
        t = TOLERANCE[name] if tolerance is None else tolerance
        np.testing.assert_allclose(got.astype(wide), want.astype(wide), rtol=t, atol=t)
    else:
        np.testing.assert_array_equal(got, want)


def check(op, *args, tolerance=None):
    """Run a primitive on both engines through dispatch and compare values, shapes and dtypes."""
    fn = getattr(p, op)
    with registry.use_backend("numpy"), np.errstate(all="ignore"):
        want = fn(*args)
    n = len(PRIMITIVES[op].operands)
    same(fn(*[native(a) if i < n else a for i, a in enumerate(args)]), want, tolerance)


FLOATS = ("float16", "bfloat16", "float32", "float64")
INTS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
SMOOTH = "exp expm1 sin cos arctan sinh cosh tanh arcsinh erf floor ceil round trunc negative abs sign isfinite".split()
EDGES = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1.5, np.inf, -np.inf, np.nan], "float32")


def test_backend_fits_the_contract():
    assert TORCH.name == "torch" and TORCH.devices()[-1].startswith(("cpu", "cuda", "mps"))
    assert [n for n in PRIMITIVES if not hasattr(TORCH, n)] == []


@pytest.mark.parametrize("op", [*SMOOTH, "log", "log1p", "sqrt", "tan", "arcsin", "arccos", "arccosh", "arctanh"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_unary_floats(op, dtype):
    domain = {
        "log": (0.1, 3), "log1p": (-0.9, 3), "sqrt": (0, 3), "tan": (-1, 1), "arcsin": (-0.9, 0.9), "arccos": (-0.9, 0.9), "arctanh": (-0.9, 0.9),
        "arccosh": (1.1, 3),
    }  # fmt: skip
    check(op, data((3, 4), dtype, *domain.get(op, (-3, 3))), tolerance=5e-2 if dtype == "bfloat16" else None)


@pytest.mark.parametrize("op", [*SMOOTH, "log", "log1p", "sqrt", "arcsin", "arctanh", "arccosh"])
def test_unary_edges(op):
    for x in (EDGES, np.zeros((0, 3), "float32"), np.array(0.5, "float32"), EDGES[::-2], np.asfortranarray(data((3, 4), "float32", 0.1, 0.9))):
        check(op, x)


@pytest.mark.parametrize("op", "round trunc abs sign negative logical_not isfinite bitwise_not exp floor".split())
@pytest.mark.parametrize("dtype", [*INTS, "bool"])
def test_unary_integers(op, dtype):
    check(op, data((7,), dtype))


BINARY = "add subtract multiply maximum minimum equal less less_equal divide floor_divide mod power arctan2"


@pytest.mark.parametrize("op", [*BINARY.split(), "logical_and", "logical_or"])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, "bool"])
def test_binary(op, dtype):
    x, y = data((3, 1, 4), dtype), data((2, 4), dtype)
    if op in ("divide", "floor_divide", "mod"):
        if dtype == "bool":
            y = np.ones_like(y)
        y = np.where(y == 0, y + 1, y).astype(y.dtype)
    if op == "power":
        x, y = np.abs(x), np.abs(y)
    check(op, x, y)
    if op not in ("arctan2",) and dtype in ("float32", "int32"):
        scalar = 2 if dtype == "int32" else 1.5
        check(op, np.abs(x) + 1, scalar)
        check(op, scalar, np.abs(x) + 1)


@pytest.mark.parametrize("op", BINARY.split())
def test_binary_edges(op):
    x, y = np.meshgrid(EDGES, EDGES)
    if op == "power":
        x = np.where(x == -1, np.float32(1), x)
    check(op, x, y)
    check(op, np.zeros((0, 2), "float32"), np.zeros((2,), "float32"))
    check(op, np.array(2.0, "float32"), np.array(3.0, "float32"))
    for s in (0.0, 1.5, float("nan")):
        check(op, EDGES, s)
        check(op, s, EDGES)


@pytest.mark.parametrize("op", "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split())
@pytest.mark.parametrize("dtype", INTS)
def test_bits(op, dtype):
    check(op, data((5, 1), dtype), np.abs(data((4,), dtype)))
    check(op, data((5,), dtype), 2)
    if "shift" not in op:
        check(op, data((5,), "bool"), data((5,), "bool"))


def test_mixed_dtypes_follow_the_lattice():
    pairs = "int32 float16, uint8 int8, bfloat16 float16, bool float32, int64 float32, float32 complex64, uint32 int32"
    for a, b in (pair.split() for pair in pairs.split(", ")):
        check("add", data((3,), a), data((3,), b))
    same(p.add(native(np.array([1, 2], "int8")), 3), np.array([4, 5], "int8"))
    same(p.multiply(native(np.array([1, 2], "int32")), 0.5), np.array([0.5, 1.0], "float32"))
    same(p.add(np.array([1.5]), 1), np.array([2.5], "float32"))
    same(p.where(native(np.array([True, False])), native(np.array([1, 2], "int32")), 0.5), np.array([1.0, 0.5], "float32"))
    with pytest.raises(OverflowError, match="300"):
        p.add(native(np.array([1], "int8")), 300)


def test_where():
    for dtype in (*FLOATS, *INTS, "bool", "complex64"):
        check("where", data((3, 1), "bool"), data((4,), dtype), data((3, 4), dtype))
    x = data((3,), "float32")
    check("where", x > 0, x, 0.0)
    check("where", x > 0, 1.0, x)
    check("where", True, x, 2.0)
    check("where", x > 0, True, False)


@pytest.mark.parametrize("op", "sum prod max min any all".split())
@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, "bool"])
def test_reductions(op, dtype):
    x = data((2, 3, 4), dtype, -2, 2)
    for axis in ((), (1,), (0, 2), (0, 1, 2)):
        for keepdims in (False, True):
            check(op, x, axis, keepdims, tolerance=0.1 if dtype == "bfloat16" else None)
    check(op, x[0, 0, 0:1].reshape(()), (), False)
    if op not in ("max", "min"):
        check(op, x[:0], (0,), False)
    check(op, x[:, :0], (0,), True)


def test_reductions_of_nan_and_empty():
    for op in ("max", "min", "sum"):
        check(op, EDGES, (0,), False)
        with pytest.raises(ValueError, match="size zero") if op != "sum" else warnings.catch_warnings():
            p.__dict__[op](native(np.zeros((0, 2), "float32")), (0,), False)
    for op in ("argmax", "argmin"):
        check(op, EDGES, 0)
        check(op, np.array([[3, 5, 5], [1, 1, 0]], "int32"), 1)
        check(op, np.array([False, True, True]), 0)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS])
def test_scans_sorts_and_searches(dtype):
    x = data((3, 5), dtype, -2, 2)
    for op in ("cumsum", "cumprod"):
        check(op, x, 1, tolerance=0.1 if dtype == "bfloat16" else None)
        check(op, x[:0], 0)
    for op in ("sort", "argsort", "argmax", "argmin"):
        check(op, x, 0)
        check(op, x[::-1, ::-2], 1)
    check("top_k", x if dtype in INTS else RNG.permuted(np.arange(15.0)).reshape(3, 5).astype(x.dtype), 2)
    for side in ("left", "right"):
        check("searchsorted", np.sort(x[0]), x[1:], side)


def test_sort_puts_nan_last():
    check("sort", EDGES, 0)
    check("argsort", EDGES, 0)
    check("argsort", np.array([1, 0, 1, 0, 1], "int32"), 0)
    check("sort", np.array([True, False, True]), 0)
    check("top_k", np.array([True, False, True]), 2)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, "bool", "float8_e4m3fn", "float8_e5m2", "complex64"])
def test_shapes(dtype):
    x = data((2, 3, 4), dtype)
    check("reshape", x, (4, -1))
    check("reshape", x[:0], (-1, 12))
    check("reshape", x[:, ::-1, ::2], (12,))
    check("transpose", x, (2, 0, 1))
    check("broadcast_to", x[:, :1], (5, 2, 3, 4))
    check("concatenate", [x, x[:, :1], x[:, :0]], 1)
    check("flip", x, (0, 2))
    check("flip", x, ())
    check("slice", x, (0, 1, 0), (2, 3, 4), (1, 1, 3))
    check("take", x, np.array([[1, 0], [2, 2]], "int32"), 1)
    check("take", x, np.array(1, "int64"), 0)
    check("take", x[0], np.array([[2, 0]], "int8"), 0)
    check("take_along_axis", x, np.array([[[1], [0], [1]]], "int32"), 2)
    same(p.slice_update(native(x), (0, 2, 1), native(x[:1, :2, :2])), NUMPY.slice_update(x, (0, 2, 1), x[:1, :2, :2]))
    if "8_" not in dtype:
        check("pad", x, ((0, 1), (2, 0), (1, 1)), 1)
    for mode in ("set", "add"):
        check("scatter", x, np.array([[0, 1], [1, 2]], "int32"), x[:, 0], mode)


def test_scatter_modes_accumulate():
    x, u = data((4, 3), "float32"), data((3, 3), "float32")
    for mode in ("add", "max", "min", "multiply"):
        check("scatter", x, np.array([[1], [3], [1]], "int32"), u, mode)
        check("scatter", x, np.array([[1, 1], [3, 2], [1, 1]], "int64"), u[:, 0], mode)
        check("scatter", x.astype("int32"), np.array([[1], [-1], [1]], "int32"), u.astype("int32"), mode)


def test_slice_update_takes_tensor_starts_and_clamps():
    x, u = data((4, 5), "float32"), data((2, 2), "float32")
    want = NUMPY.slice_update(x, (3, 1), u)
    same(p.slice_update(native(x), (native(np.array(3, "int32")), native(np.array(1, "int32"))), native(u)), want)
    same(p.slice_update(native(x), (3, 1), native(u)), want)


@pytest.mark.parametrize("source", ["bool", "uint8", "int32", "uint32", "float16", "bfloat16", "float32", "float64", "complex64"])
def test_casts(source):
    x = np.abs(data((6,), source)) if source != "bool" else data((6,), "bool")
    for target in ("bool", "int8", "uint16", "uint32", "int64", "float8_e5m2", "bfloat16", "float32", "complex64"):
        check("cast", x.astype(dtypes.numpy_dtype(source)), target)
    check("cast", np.array([1.9, -1.9, np.nan], "float32"), "bool")


def test_view_keeps_bits():
    for a, b in (("float32", "int32"), ("int32", "uint32"), ("bfloat16", "int16"), ("float64", "int64"), ("float16", "uint16")):
        x = data((3, 4), a)
        check("view", x, b)
        check("view", x.T, b)


def test_create_and_convert():
    for dtype in sorted(TORCH.dtypes):
        x = data((2, 3), dtype)
        for v in (x, x[::-1, ::-2], x[0, 0], x[:0]):
            t = TORCH.convert_to_tensor(np.asarray(v), dtype)
            assert TORCH.dtype(t) == dtype
            np.testing.assert_array_equal(TORCH.convert_to_numpy(t), np.asarray(v))
        same(TORCH.full((2,), 1, dtype), np.full((2,), 1, dtypes.numpy_dtype(dtype)))
        if dtype not in dtypes.COMPLEX:
            same(TORCH.arange(0, 2, 1, dtype), NUMPY.arange(0, 2, 1, dtype))
    same(TORCH.arange(0, 2.5, 0.5, "int32"), NUMPY.arange(0, 2.5, 0.5, "int32"))
    same(TORCH.arange(5, 0, -2, "float32"), NUMPY.arange(5, 0, -2, "float32"))


def test_conversion_shares_no_memory():
    a = np.zeros(3, "float32")
    t = TORCH.convert_to_tensor(a, "float32")
    back = TORCH.convert_to_numpy(t)
    a += 1
    t += 2
    assert t.tolist() == [2, 2, 2] and back.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool", "uint32", "bfloat16", "complex64"])
def test_matmul(dtype):
    check("matmul", data((5, 1, 2, 3), dtype), data((4, 3, 6), dtype), tolerance=0.2 if dtype == "bfloat16" else None)
    check("matmul", data((2, 0), dtype), data((0, 3), dtype))
    with pytest.raises(ValueError, match="do not fit"):
        p.matmul(native(data((2, 3), dtype)), native(data((2, 3), dtype)))


CONVS = [
    # input, kernel, strides, padding, dilation, groups
    ((2, 9, 3), (3, 3, 4), (2,), ((1, 2),), (1,), 1),
    ((2, 9, 4), (2, 2, 6), (1,), ((0, 0),), (3,), 2),
    ((2, 8, 7, 3), (3, 2, 3, 4), (1, 2), ((1, 1), (0, 1)), (1, 1), 1),
    ((1, 8, 7, 4), (3, 3, 1, 8), (2, 1), ((1, 1), (1, 1)), (2, 1), 4),
    ((1, 5, 6, 4, 2), (2, 3, 2, 2, 3), (1, 2, 1), ((0, 1), (1, 1), (0, 0)), (1, 1, 1), 1),
]


@pytest.mark.parametrize("case", CONVS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_conv(case, dtype):
    x, kernel, *rest = case
    check("conv", data(x, dtype), data(kernel, dtype), *rest, tolerance=0.5 if dtype == "bfloat16" else 1e-4)


@pytest.mark.parametrize(
    "case",
    [
        ((2, 5, 3), (3, 4, 3), (2,), ((1, 0),), (0,), (1,)),
        ((2, 5, 3), (3, 4, 3), (2,), ((0, 1),), (1,), (2,)),
        ((2, 5, 3), (2, 4, 3), (3,), ((0, 0),), (2,), (1,)),
        ((1, 4, 5, 3), (3, 3, 2, 3), (1, 2), ((1, 1), (1, 2)), (0, 1), (1, 1)),
        ((1, 4, 5, 3), (3, 4, 2, 3), (2, 2), ((0, 2), (2, 0)), (0, 0), (1, 1)),
        ((1, 3, 3, 2, 2), (2, 2, 2, 3, 2), (2, 1, 1), ((0, 0), (1, 0), (0, 0)), (1, 0, 0), (1, 2, 1)),
    ],
)
def test_conv_transpose(case):
    x, kernel, *rest = case
    check("conv_transpose", data(x, "float32"), data(kernel, "float32"), *rest, tolerance=1e-4)


@pytest.mark.parametrize("op", ["max_pool", "average_pool"])
@pytest.mark.parametrize(
    "case",
    [
        ((2, 9, 3), (3,), (2,), ((1, 1),)),
        ((2, 9, 3), (2,), (2,), ((0, 1),)),
        ((2, 8, 7, 3), (3, 2), (2, 1), ((1, 1), (0, 0))),
        ((2, 8, 7, 3), (3, 3), (2, 2), ((0, 1), (1, 2))),
        ((1, 5, 6, 4, 2), (2, 3, 2), (1, 2, 2), ((0, 0), (1, 1), (0, 1))),
    ],
)
def test_pools(op, case):
    x, *rest = case
    for dtype in ("float32", "float64", "int32") if op == "max_pool" else ("float32", "float64"):
        check(op, data(x, dtype), *rest)


def test_windows_move_no_data():
    x = torch.randn(2, 8, 8, 16)
    y = p.conv(x, torch.randn(3, 3, 16, 4), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    z = p.max_pool(y, (2, 2), (2, 2), ((0, 0), (0, 0)))
    assert y.is_contiguous() and z.is_contiguous()


def test_linear_algebra():
    a = data((2, 4, 4), "float32")
    spd = a @ a.swapaxes(-1, -2) + np.eye(4, dtype="float32")
    check("cholesky", spd, tolerance=1e-4)
    check("lu_factor", a, tolerance=1e-4)
    check("solve_triangular", a + 9 * np.eye(4, dtype="float32"), data((2, 4, 3), "float32"), True, tolerance=1e-4)
    check("solve_triangular", a + 9 * np.eye(4, dtype="float32"), data((2, 4, 3), "float32"), False, tolerance=1e-4)
    for x in (data((2, 5, 3), "float32"), data((3, 5), "float64")):
        for mode in ("reduced", "complete"):
            q, r = p.qr(native(x), mode)
            with registry.use_backend("numpy"):
                assert [v.shape for v in p.qr(x, mode)] == [tuple(q.shape), tuple(r.shape)]
            np.testing.assert_allclose(host(q @ r), x, atol=1e-5)
        for full in (True, False):
            u, s, vh = p.svd(native(x), full)
            k = min(x.shape[-2:])
            np.testing.assert_allclose(host(u[..., :k] * s[..., None, :] @ vh[..., :k, :]), x, atol=1e-5)
            np.testing.assert_allclose(host(s), np.linalg.svd(x)[1], atol=1e-5)
    w, v = p.eigh(native(spd))
    np.testing.assert_allclose(host(v * w[..., None, :] @ v.mT), spd, atol=1e-4)
    w, v = p.eig(native(a))
    assert TORCH.dtype(w) == "complex64"
    np.testing.assert_allclose(host(v * w[..., None, :]), a @ host(v), atol=1e-4)
    assert TORCH.dtype(p.cholesky(native(spd.astype("float16")))) == "float16"


def test_complex():
    x, y = data((3, 8), "float32"), data((8,), "float32")
    check("view_as_complex", x, y)
    check("view_as_complex", x.astype("float16"), x.astype("float16"), tolerance=1e-3)
    z = (x + 1j * x[::-1]).astype("complex64")
    for op in ("real", "imag", "fft", "abs", "sign", "negative"):
        check(op, z)
    for dtype in ("float32", "float64", "float16"):
        check("rfft", x.astype(dtype), tolerance=1e-2 if dtype == "float16" else None)
    for length in (8, 7):
        check("irfft", np.fft.rfft(x[:, :length]).astype("complex64"), length)


def test_nonzero():
    check("nonzero", data((3, 4), "int32") > 0)
    check("nonzero", np.zeros((0, 2), "float32"))


def test_native_random_bits():
    key = (torch.tensor(3, dtype=torch.int32), torch.tensor(-4, dtype=torch.int32))
    a, b = TORCH.random_bits((1000,), key), TORCH.random_bits((1000,), key)
    assert a.dtype == torch.int32 and torch.equal(a, b)
    assert not torch.equal(a, TORCH.random_bits((1000,), key[::-1])) and a.min() < -(2**30) and a.max() > 2**30


# -- overrides: the definition on NumPy is the oracle --------------------------------------------------------------------------------------------
def check_op(name, *args, tolerance=None, **kwargs):
    fn = getattr(ops, name)
    with registry.use_backend("numpy"), np.errstate(all="ignore"):
        want = fn(*args, **kwargs)
    got = fn(*[native(a) for a in args], **{k: native(v) for k, v in kwargs.items()})
    if isinstance(want, list):
        got, want = tuple(got), tuple(want)
    same(got, want, tolerance)


ELEMENTWISE = (
    "sigmoid silu log_sigmoid hard_sigmoid hard_silu relu selu square rsqrt reciprocal exp2 log2 log10 erfinv isnan isinf softplus elu "
    "leaky_relu gelu"
)


@pytest.mark.parametrize("name", ELEMENTWISE.split())
def test_elementwise_overrides(name):
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        low, high = (0.05, 0.95) if name in ("rsqrt", "log2", "log10", "erfinv") else (-6, 6)
        check_op(name, data((4, 5), dtype, low, high), tolerance=5e-2 if dtype == "bfloat16" else None)
    check_op(name, np.array([0.0, 1.0, -1.0, np.nan, 30.0, -30.0], "float32"))
    if name not in ("gelu", "hard_silu", "silu", "elu"):  # the definitions give nan at infinity there
        check_op(name, np.array([np.inf, -np.inf], "float32"))
    check_op(name, data((4,), "int32", 1, 3))
    check_op(name, data((4,), "bool"))
    check_op(name, data((4,), "uint32"))


def test_overrides_with_arguments():
    x, y = data((4, 6), "float64", -50, 50), data((4, 6), "float64")
    check_op("softplus", x)
    check_op("gelu", y, approximate=False)
    check_op("elu", y, alpha=0.5)
    check_op("leaky_relu", y, negative_slope=0.1)
    check_op("glu", y, axis=1)
    for name in ("logaddexp", "hypot", "fmax", "fmin", "fmod", "greater", "greater_equal", "not_equal", "logical_xor"):
        check_op(name, x, y)
        check_op(name, x.astype("float32"), np.array([0.0, np.nan, 1, 2, 3, 4], "float32"))
    same(ops.greater(2.0, native(y)), 2.0 > y)
    same(ops.not_equal(native(y), 2), y != 2)
    check_op("greater_equal", np.array([0, 65535], "uint16"), np.array([1, 1], "uint16"))


def test_clip_override():
    x = np.array([-2.0, 0.5, np.nan, np.inf, 3.0], "float32")
    for bounds in ((0, 1), (None, 0.5), (-1.0, None), (None, None), (2, 1), (np.float32(0.0), 1.0), (np.array([0, 0, 0, 1, 1], "float32"), 2.0)):
        check_op("clip", x, *bounds)
    check_op("clip", np.array([-3, 4], "int32"), 0, 2)
    check_op("clip", np.array([-3, 4], "int32"), 0.5, 2)
    check_op("clip", np.array([True, False]), 0, 1)
    check_op("clip", np.array([3, 200], "uint8"), 5, 100)
    check_op("clip", np.array([3, 200], "float16"), 5, 100.5)
    t = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    ops.clip(t, 0.0, 1.0).sum().backward()
    assert t.grad.tolist() == [1, 1, 0]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "mean", "var", "std"])
def test_overrides_over_axes(name):
    for dtype in ("float16", "float32", "float64"):
        x = data((2, 3, 4), dtype)
        for axis in (-1, 1, (0, 2), None):
            check_op(name, x, axis=axis)
            if name not in ("softmax", "log_softmax"):
                check_op(name, x, axis=axis, keepdims=True)
    check_op(name, data((2, 3), "int32", -2, 2))
    check_op(name, np.array([[np.inf, 0.0], [-np.inf, -np.inf]], "float32"), axis=1)
    with pytest.raises(ValueError, match="axis 3"):
        getattr(ops, name)(native(data((2, 3), "float32")), axis=3)


def test_attention_without_an_allowed_position_gives_the_mean_whatever_torch_makes_of_numbers():
    q, k, v = (torch.from_numpy(data((2, 3, 1, 4), "float32")) for _ in range(3))
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float16)  # its range is too short for the finite mask
    try:
        out = ops.dot_product_attention(q, k, v, mask=torch.zeros(1, 1, 3, 3, dtype=torch.bool))
    finally:
        torch.set_default_dtype(before)
    np.testing.assert_allclose(out, v.mean(1, keepdim=True).expand(v.shape), atol=1e-6)


def test_moments_and_normalisation_overrides():
    x, m, v, o, s = data((5, 3, 4), "float32"), data((4,), "float32"), np.abs(data((4,), "float32")), data((4,), "float32"), data((4,), "float32")
    for dtype in ("float32", "float16", "bfloat16"):
        for keepdims in (True, False):
            check_op("moments", x.astype(dtypes.numpy_dtype(dtype)), axes=(0, 1), keepdims=keepdims)
    check_op("batch_normalization", x, m, v, axis=-1)
    check_op("batch_normalization", x, m, v, axis=2, offset=o, scale=s)
    check_op("batch_normalization", x, m, v, axis=2, offset=o)
    check_op("batch_normalization", x, m[:3], v[:3], axis=1, scale=s[:3])
    check_op("layer_normalization", x)
    check_op("layer_normalization", x, s, o, epsilon=1e-3)
    check_op("layer_normalization", x, data((3, 4), "float32"), None, axis=(1, 2))
    check_op("layer_normalization", x, s[:3], o[:3], axis=1)
    check_op("layer_normalization", x.astype("float16"), s, o, tolerance=1e-2)
    check_op("layer_normalization", x, s, None, rms_scaling=True)
    check_op("rms_normalization", x, s)
    check_op("rms_normalization", x, s[:3], axis=1)
    check_op("layer_normalization", data((3, 4), "int32"))


@pytest.mark.parametrize("case", ["plain", "causal", "mask", "bias", "mask+causal", "empty row", "groups", "rank 3", "scale", "cap", "half"])
def test_attention_override(case):
    q, k, v = data((2, 5, 4, 8), "float32"), data((2, 6, 4, 8), "float32"), data((2, 6, 4, 8), "float32")
    mask, bias = RNG.random((2, 1, 5, 6)) < 0.7, data((2, 4, 5, 6), "float32")
    mask[..., 0] = True
    kwargs = {
        "causal": {"is_causal": True}, "mask": {"mask": mask}, "bias": {"bias": bias}, "mask+causal": {"mask": mask, "bias": bias, "is_causal": True},
        "scale": {"scale": 0.1}, "cap": {"attn_logits_soft_cap": 2.0},
    }.get(case, {})  # fmt: skip
    if case == "empty row":
        mask[0, 0, 2] = False
        kwargs = {"mask": mask}
    if case == "groups":
        k, v = k[:, :, :2], v[:, :, :2]
    if case == "rank 3":
        q, k, v = q[0], k[0], v[0]
    if case == "half":
        q, k, v = (t.astype("float16") for t in (q, k, v))
    check_op("dot_product_attention", q, k, v, tolerance=1e-2 if case == "half" else 1e-4, **kwargs)


def test_shape_and_contraction_overrides():
    x, y = data((2, 3), "float32"), data((2, 3), "float32")
    for axis in (0, 1, -1):
        same(ops.stack([native(x), native(y)], axis), np.stack([x, y], axis))
        check_op("expand_dims", x, axis=axis)
        check_op("unstack", x, axis=axis)
    same(ops.stack([native(x), native(data((2, 3), "int32") * 0)]), np.stack([x, x * 0]))
    check_op("split", data((2, 6), "uint16"), 3, axis=1)
    check_op("split", data((2, 6), "float32"), [1, 4], axis=1)
    check_op("expand_dims", x, axis=(0, 3))
    for k in (-1, 0, 1):
        check_op("tril", data((2, 3, 4), "int32"), k)
        check_op("triu", data((3, 3), "bool"), k)
    with pytest.raises(ValueError, match="equal parts"):
        ops.split(native(x), 2, axis=1)
    sums = (
        ("ij,jk->ik", ((2, 3), (3, 4))), ("bi...,bj...->ij", ((2, 3, 4), (2, 5, 4))), ("ii->i", ((3, 3),)), ("ij", ((2, 3),)),
        ("abc,cd,de->be", ((2, 3, 4), (4, 5), (5, 2))),
    )  # fmt: skip
    for text, shapes in sums:
        operands = [data(s, "float32") for s in shapes]
        with registry.use_backend("numpy"):
            want = ops.einsum(text, *operands)
        same(ops.einsum(text, *[native(o) for o in operands]), want, 1e-4)
    with pytest.raises(ValueError, match="einsum"):
        ops.einsum("ij,jk->ik", native(x), native(y))
    check_op("tensordot", data((2, 3, 4), "float32"), data((3, 4, 5), "float32"), axes=2, tolerance=1e-4)
    check_op("tensordot", data((2, 3, 4), "int32"), data((4, 2), "int32"), axes=((0, 2), (1, 0)))


def test_cross_entropy_overrides():
    logits, labels = data((4, 6), "float32", -5, 5), np.array([0, 5, -1, 9], "int32")
    target = np.eye(6, dtype="float32")[[0, 1, 2, 3]]
    for from_logits, output in ((True, logits), (False, np.exp(logits) / np.exp(logits).sum(1, keepdims=True))):
        check_op("sparse_categorical_crossentropy", labels, output, from_logits=from_logits)
        check_op("sparse_categorical_crossentropy", labels[:, None], output, from_logits=from_logits)
        check_op("sparse_categorical_crossentropy", data((4, 3), "uint8"), data((4, 6, 3), "float64", 0.1, 1), from_logits=from_logits, axis=1)
        check_op("categorical_crossentropy", target, output, from_logits=from_logits)
        check_op("binary_crossentropy", target, output, from_logits=from_logits)
    with pytest.raises(ValueError, match="one shape"):
        ops.binary_crossentropy(native(target), native(logits[:2]), from_logits=True)


def test_gradients_of_overrides_match_their_definitions():
    x = torch.randn(3, 4, dtype=torch.float64)
    names = "sigmoid silu gelu elu selu softplus log_sigmoid softmax log_softmax logsumexp layer_normalization rms_normalization var relu"
    for name in names.split():
        weights = torch.randn(3, 4, dtype=torch.float64)
        grads = []
        for fn in (getattr(ops, name), OPS[name].body):
            _, (g,) = TORCH.value_and_grad(lambda v: (p.sum(p.multiply(fn(v[0]), weights), (0, 1), False), None), [x])
            grads.append(g)
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (32, 10), (5000, 10), (700, 100), (5, 40_000)])
def test_crossentropy_of_labels_and_its_gradient_follow_the_formula(shape, threads, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)  # the kernel depends on the size and on whether there are several
    rng = np.random.default_rng(4)
    logits, labels = rng.normal(scale=300, size=shape).astype("float32"), rng.integers(0, shape[1], shape[0])
    labels[-1] = -1 if shape[0] % 2 else labels[-1]  # of no class
    wide = logits.astype("float64") - logits.max(1, keepdims=True)
    log_p = wide - np.log(np.exp(wide).sum(1, keepdims=True))
    hot = (labels[:, None] == np.arange(shape[1])).astype("float64")
    x = native(logits).requires_grad_()
    loss = ops.sparse_categorical_crossentropy(native(labels), x, from_logits=True)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    np.testing.assert_allclose(host(loss.detach()), -(log_p * hot).sum(1), rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(host(gradient), (np.exp(log_p) - hot) * hot.sum(1, keepdims=True), atol=1e-5)


# -- control ---------------------------------------------------------------------------------------------------------------------------------
def test_control_flow():
    one = torch.tensor(1.0)
    assert TORCH.cond(one > 0, lambda: {"a": one}, lambda: {"a": -one})["a"] == 1
    assert TORCH.while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s + i), (torch.tensor(0), torch.tensor(0)), None)[1] == 10
    assert TORCH.while_loop(lambda i: i < 5, lambda i: (i + 1,), (torch.tensor(0),), 3)[0] == 3
    xs = {"x": torch.arange(4.0), "n": None}
    carry, ys = TORCH.scan(lambda c, v: (c + v["x"], (c, None)), torch.tensor(0.0), xs, None, True, 1)
    assert carry == 6 and ys[0].tolist() == [6, 5, 3, 0] and ys[1] is None
    carry, ys = TORCH.scan(lambda c, v: (c + 1, c), torch.tensor(0), None, 3, False, 1)
    assert carry == 3 and ys.tolist() == [0, 1, 2]


# -- gradients -------------------------------------------------------------------------------------------------------------------------------
def test_value_and_grad_on_parameters_and_tensors():
    a, b, n, u = Variable(np.array([1.0, 2.0], "float32")), torch.tensor([3.0, 4.0]), torch.tensor(2), torch.tensor(0.0)
    (loss, aux), grads = TORCH.value_and_grad(lambda v: ((v[0] * v[1]).sum() * v[2], {"y": v[0] * 2}), [a.value, b, n, u])
    assert loss == 22 and not loss.requires_grad and not aux["y"].requires_grad
    assert grads[0].tolist() == [6, 8] and grads[1].tolist() == [2, 4] and grads[2] is None and grads[3] is None
    assert a.value.grad is None and not b.requires_grad


def test_value_and_grad_without_a_dependence():
    (loss, _), grads = TORCH.value_and_grad(lambda v: (torch.tensor(1.0), None), [torch.tensor(2.0)])
    assert loss == 1 and grads == [None]


def test_value_and_grad_nests():
    def outer(v):
        (_, _), (g,) = TORCH.value_and_grad(lambda w: ((w[0] ** 3).sum(), None), [v[0]])
        return (g**2).sum(), None

    _, (g,) = TORCH.value_and_grad(outer, [torch.tensor([2.0])])
    assert g.tolist() == [2 * 3 * 4 * 6 * 2.0]  # d (3 x²)² / dx = 2 · 3x² · 6x


def test_gradient_of_stateful_code_writes_once():
    w, seen = Variable(2.0), Variable(0.0, trainable=False)

    def forward():
        seen.assign(p.add(seen.value, p.multiply(w.value, 3.0)))
        return p.multiply(w.value, w.value), seen.value

    (loss, aux), (g,) = value_and_grad(forward, [w])
    assert float(loss) == 4 and float(g) == 4 and float(aux) == 6 and float(seen.numpy()) == 6
    assert not seen.value.requires_grad


def test_custom_gradient_vmap_and_jvp():
    def f(x, y):
        return {"z": x * y}, lambda upstream: (upstream * 10, upstream * 20)

    x = torch.tensor(3.0, requires_grad=True)
    out = TORCH.custom_gradient(f)(x, torch.tensor(2.0))
    out["z"].backward()
    assert out["z"] == 6 and x.grad == 10
    assert TORCH.vectorized_map(lambda e: p.sum(e["a"], (0,), False), {"a": torch.ones(3, 2)}).tolist() == [2, 2, 2]
    value, tangent = TORCH.jvp(lambda a: p.multiply(a, a), (torch.tensor(3.0),), (torch.tensor(1.0),))
    assert value == 9 and tangent == 6


# -- variables and devices -------------------------------------------------------------------------------------------------------------------
def test_variables_are_parameters_and_assigned_in_place():
    v, s, n = Variable(np.eye(2, dtype="float32") * [[1, 2]]), Variable(1.0, trainable=False), Variable(3, dtype="int32")
    assert isinstance(v.storage, torch.nn.Parameter) and type(s.storage) is torch.Tensor and type(n.storage) is torch.Tensor
    storage = v.storage
    v.assign(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert v.storage is storage and v.numpy().tolist() == [[1, 2], [3, 4]]
    before = v.numpy()
    v.assign(p.transpose(v.value, (1, 0)))
    assert v.numpy().tolist() == [[1, 3], [2, 4]] and before.tolist() == [[1, 2], [3, 4]]
    v.assign(v)
    v.assign(p.reshape(v.value, (2, 2)))
    assert v.numpy().tolist() == [[1, 3], [2, 4]]
    copy = Variable(v.value)
    v.assign(np.zeros((2, 2)))
    assert copy.numpy().tolist() == [[1, 3], [2, 4]]
    assert Variable(np.ones(2), dtype="float64").storage.dtype == torch.float64


def test_devices():
    with TORCH.device_scope("cpu:0"):
        assert TORCH.full((1,), 0, "float32").device.type == "cpu"
    assert TORCH.put(torch.ones(1), "cpu").device.type == "cpu"
    with pytest.raises(ValueError, match="Devices: "):
        with TORCH.device_scope("tpu:3"):
            pass
    assert TORCH.is_concrete(torch.ones(1)) and TORCH.static_shape(torch.ones(2, 3)) == (2, 3)
    TORCH.memory_cleanup()


# -- executor --------------------------------------------------------------------------------------------------------------------------------
class Model:
    """A small classifier on ops and variables alone, with a step that trains it."""

    def __init__(self, sizes=(6, 8, 3), seed=0):
        rng = np.random.default_rng(seed)
        pairs = list(enumerate(zip(sizes, sizes[1:])))
        self.weights = [Variable((rng.normal(size=s) * 0.5).astype("float32"), path=f"dense_{i}/kernel") for i, s in pairs]
        self.biases = [Variable(np.zeros(n, "float32"), path=f"dense_{i}/bias") for i, (_, n) in pairs]
        self.moments = [Variable(np.zeros(w.shape, "float32"), trainable=False) for w in self.trainable]
        self.steps = Variable(0, dtype="int32", trainable=False, path="steps")
        self.total = Variable(0.0, trainable=False, path="total")
        self.name, self.built, self.backend = "model", True, TORCH

    @property
    def trainable(self):
        return [*self.weights, *self.biases]

    @property
    def variables(self):
        return [*self.trainable, self.steps]

    @property
    def state(self):
        return [*self.variables, *self.moments, self.total]

    def __call__(self, x, training=False):
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = p.add(p.matmul(x, w), b)
            x = ops.relu(x) if i + 1 < len(self.weights) else x
        return p.multiply(x, 0.5) if training else x

    def step(self, x, y):
        def forward():
            loss = ops.mean(ops.sparse_categorical_crossentropy(y, self(x), from_logits=True))
            self.total.assign(p.add(self.total.value, loss))
            return loss

        loss, grads = value_and_grad(forward, self.trainable)
        self.steps.assign(p.add(self.steps.value, 1))
        for v, g, m in zip(self.trainable, grads, self.moments):
            m.assign(p.subtract(p.multiply(m.value, 0.9), p.multiply(g, 0.1)))
            v.assign(p.add(v.value, m.value))
        return {"loss": loss, "total": self.total.value, "steps": self.steps.value, "none": None, "n": 3}


X = RNG.normal(size=(16, 6)).astype("float32")
Y = X[:, :3].argmax(1).astype("int32")


def train(model, run, steps=4):
    batch = TORCH.executor().put((X, Y))
    return [run(*batch) for _ in range(steps)]


def test_eager_steps_train_without_graphs_or_aliases():
    model = Model()
    logs = train(model, TORCH.executor().compile(model.step, model.state))
    losses = [float(r["loss"]) for r in logs]
    assert losses[-1] < losses[0] and not logs[0]["loss"].requires_grad
    assert [int(r["steps"]) for r in logs] == [1, 2, 3, 4]  # earlier results do not change with the variables
    np.testing.assert_allclose([float(r["total"]) for r in logs], np.cumsum(losses), rtol=1e-6)
    assert not TORCH.executor().compile(model, model.state)(torch.ones(1, 6)).requires_grad
    fetched = TORCH.executor().fetch(logs[-1])
    assert isinstance(fetched["loss"], np.ndarray) and fetched["none"] is None and fetched["n"] == 3


def test_repeat_runs_several_batches():
    model = Model()
    run = TORCH.executor().compile(model.step, model.state, repeat=3)
    assert int(run([TORCH.executor().put((X, Y))] * 3)["steps"]) == 3


@pytest.fixture(scope="module")
def _inductor():
    """Inductor needs a C++ compiler where there is no GPU."""
    import shutil

    if not torch.cuda.is_available() and not any(map(shutil.which, ("g++", "clang++"))):
        pytest.skip("no C++ compiler")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_steps_equal_eager_ones(_inductor):
    eager, compiled = Model(), Model()
    want = train(eager, TORCH.executor().compile(eager.step, eager.state))
    storages = [v.storage for v in compiled.state]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run = TORCH.executor().compile(compiled.step, compiled.state, jit=True)
        got = train(compiled, run)
    assert len(run.graphs) == 1
    for a, b in zip(got, want):
        assert a["none"] is None and a["n"] == 3
        for k in ("loss", "total", "steps"):
            torch.testing.assert_close(a[k], b[k], rtol=1e-5, atol=1e-6)
    for a, b, storage in zip(compiled.state, eager.state, storages):
        assert a.storage is storage
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_writes_are_simultaneous(_inductor):
    a, b = Variable(np.ones(2, "float32")), Variable(np.zeros(2, "float32"))

    def swap():
        first = a.value
        a.assign(b.value)
        b.assign(first)
        return a.value

    run = TORCH.executor().compile(swap, [a, b], jit=True)
    out = run()
    assert a.numpy().tolist() == [0, 0] and b.numpy().tolist() == [1, 1] and out.tolist() == [0, 0]
    run()
    assert a.numpy().tolist() == [1, 1] and out.tolist() == [0, 0]


def test_uncompilable_steps_run_eagerly_with_one_warning():
    v = Variable(0.0)

    def step(x):
        if float(p.sum(x, (0,), False)) > 0:  # needs a value while tracing
            v.assign(p.add(v.value, 1.0))
        return v.value

    run = TORCH.executor().compile(step, [v], jit=True)
    with pytest.warns(UserWarning, match="runs eagerly") as caught:
        assert [float(run(torch.ones(2))) for _ in range(3)] == [1, 2, 3]
    assert sum("eagerly" in str(w.message) for w in caught) == 1


def test_errors_of_a_compiled_step_are_its_own():
    model = Model()
    run = TORCH.executor().compile(model.step, model.state, jit=True)
    with pytest.raises(ValueError, match="do not fit"):
        run(torch.ones(2, 5), torch.zeros(2, dtype=torch.int32))
    assert not run.failed and int(model.steps.numpy()) == 0
    outside = Variable(0.0)
    with pytest.raises(StateError, match="compiled step"):
        TORCH.executor().compile(lambda: outside.assign(1.0), [], jit=True)()


def test_threads_train_and_predict_on_one_model():
    model, errors = Model(), []
    run, predict = TORCH.executor().compile(model.step, model.state), TORCH.executor().compile(model, model.state)

    def work():
        try:
            with registry.use_backend("torch"):
                for _ in range(20):
                    assert tuple(predict(native(X)).shape) == (16, 3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    train(model, run, 20)
    for t in threads:
        t.join()
    assert not errors and int(model.steps.numpy()) == 20


# -- native modules and torch's own compiler -----------------------------------------------------------------------------------------------------
def test_native_module_shares_weights():
    model = Model()
    module = TORCH.interop(model)
    assert sorted(module.state_dict()) == ["dense_0.bias", "dense_0.kernel", "dense_1.bias", "dense_1.kernel", "steps"]
    assert {id(q) for q in module.parameters()} == {id(v.storage) for v in model.trainable}
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    before = model.weights[0].numpy()
    loss = torch.nn.functional.cross_entropy(module(native(X)), native(Y).long())
    loss.backward()
    optimizer.step()
    assert not np.array_equal(before, model.weights[0].numpy())
    torch.testing.assert_close(module(native(X)), model(native(X)) * 0.5)
    torch.testing.assert_close(module.eval()(native(X)), model(native(X)))
    module.load_state_dict({k: torch.zeros_like(v) for k, v in module.state_dict().items()})
    assert not model.weights[1].numpy().any()
    assert module.to("cpu") is module and model.weights[0].storage is dict(module.named_parameters())["dense_0.kernel"]
    with pytest.raises(TypeError, match="dtype policy"):
        module.half()
    model.biases[0].trainable = False
    assert [n for n, q in TORCH.interop(model).named_parameters() if not q.requires_grad] == ["dense_0.bias"]


def test_native_module_names_never_clash():
    model = Model()
    for v, path in zip(model.trainable, ("float/kernel", "float/kernel", "float", "a.b/training")):
        v.path = path
    names = sorted(TORCH.interop(model).state_dict())
    assert names == ["a_b.training_", "float_.kernel", "float_.kernel_", "float__", "steps"]


def test_torch_compile_may_be_what_loads_the_engine():
    code = "import torch; from pronghorn import ops; f = torch.compile(lambda x: ops.add(x, ops.stack([x, x])[0]), fullgraph=True, backend='eager')\n"
    subprocess.run([sys.executable, "-c", code + "assert f(torch.ones(2)).tolist() == [2.0, 2.0]"], check=True)


@pytest.mark.parametrize("warm", [True, False])
def test_torch_compile_traces_through_dispatch(warm):
    torch._dynamo.reset()
    model = Model()

    def forward(x):
        y = ops.softmax(model(x))
        y = ops.reshape(ops.stack([y, p.multiply(y, 2.0)], 1), (-1, 3))
        return ops.layer_normalization(y), ops.sum(p.cast(p.less(y, 0.5), "int32")), ops.var(y, axis=0)

    if not warm:
        for op in (*OPS.values(), *PRIMITIVES.values()):
            op.forget()
    for engine in ("tensorflow", "jax", "numpy"):  # what ops remember of other engines is nothing to torch's compiler
        with registry.use_backend(engine):
            x = ops.convert_to_tensor(np.ones((4, 3), "float32"))
            ops.layer_normalization(ops.concatenate([ops.stack([x, p.multiply(x, 2.0)])[0], ops.softmax(x)]))
    compiled = torch.compile(forward, fullgraph=True, backend="eager")
    x = torch.randn(4, 6)
    for a, b in zip(compiled(x), forward(x)):
        torch.testing.assert_close(a, b)
    compiled(torch.randn(7, 6))
