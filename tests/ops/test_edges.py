"""Edges of every family of ops, drawn by hypothesis: empty and scalar tensors, axes from the end, broadcasting, views, extreme values, odd containers.

Each draw runs on every eager engine and on symbolic tensors; what it must give is NumPy's own answer, computed in float64 where rounding matters.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pronghorn as ph
from pronghorn import ops

ENGINES = ("numpy", "jax", "torch", "tensorflow")
few = settings(derandomize=True, deadline=None, max_examples=25)
fewer = settings(few, max_examples=12)
#: few shapes, because engines that compile do so for each
SHAPES = [(), (0,), (1,), (3,), (2, 3), (1, 3), (2, 0), (2, 1, 3)]
EXTREME = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -1e-30, 1e30, -1e30, 3.4e38, float("inf"), float("-inf"), float("nan")]
#: ways to hold the same numbers
FORMS = {
    "plain": lambda x: x,
    "list": lambda x: x.tolist() if x.size else x,
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x,
    "reversed": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1] if x.ndim else x,
    "fortran": lambda x: np.asfortranarray(x) if x.ndim else x,
    "transposed": lambda x: x.T.copy().T,
    "read only": lambda x: np.broadcast_to(x, x.shape),
    "big endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "tensor": lambda x: ops.convert_to_tensor(x),
    "variable": lambda x: ph.Variable(x, trainable=False),
}


def shapes(least=0, most=3):
    return st.sampled_from([s for s in SHAPES if least <= len(s) <= most])


@st.composite
def arrays(draw, shape=None, least=0, most=3, elements=None, dtype="float32"):
    """Arrays of small numbers, or of given ones."""
    dims = draw(shapes(least, most)) if shape is None else shape
    if elements is None:
        elements = st.integers(-8, 8).map(lambda v: v / 4) if dtype == "float32" else st.integers(-9, 9)
    n = int(np.prod(dims))
    return np.array(draw(st.lists(elements, min_size=n, max_size=n)), dtype).reshape(dims)


@st.composite
def with_axis(draw, elements=None, dtype="float32", **kwargs):
    x = draw(arrays(least=1, elements=elements, dtype=dtype, **kwargs))
    return x, draw(st.integers(-x.ndim, x.ndim - 1))


@st.composite
def broadcastable(draw, count=2, elements=None, dtype="float32"):
    """Arrays whose shapes broadcast: axes of size one, axes left out."""
    full = draw(shapes())
    found = []
    for _ in range(count):
        cut = draw(st.integers(0, len(full)))
        dims = tuple(1 if draw(st.booleans()) else d for d in full[cut:])
        found.append(draw(arrays(shape=dims, elements=elements, dtype=dtype)))
    return found


def same(found, want, what, tolerance=1e-5):
    found = np.asarray(ops.convert_to_numpy(found))
    want = np.asarray(want)
    assert found.shape == want.shape, f"{what}: shape {found.shape} instead of {want.shape}"
    with np.errstate(over="ignore"):
        rounded = want.astype(found.dtype)
    np.testing.assert_allclose(found, rounded, rtol=tolerance, atol=tolerance, err_msg=what)


def flat(x):
    return list(x) if isinstance(x, (list, tuple)) else [x]


def check(fn, arrays_, want, form="plain", symbolic=True, tolerance=1e-5):
    """Compare `fn(*arrays)` with `want` on every engine, and its shape and dtype with those on symbolic tensors of known and of unknown sizes."""
    results = {}
    for engine in ENGINES:
        with ph.use_backend(engine) as backend:
            out = flat(fn(*[FORMS[form](x) for x in arrays_]))
            assert len(out) == len(flat(want))
            for one, expected in zip(out, flat(want), strict=True):
                same(one, expected, f"{engine}, {form}", tolerance)
            results[engine] = [(tuple(ops.shape(o)), backend.dtype(o)) for o in out]
    if not symbolic:
        return
    for unknown in (False, True):
        specs = [ph.KerasTensor([None if unknown and i == 0 else d for i, d in enumerate(x.shape)], x.dtype.name) for x in arrays_]
        out = flat(fn(*specs))
        for one, (dims, dtype) in zip(out, results["jax"], strict=True):
            assert len(one.shape) == len(dims) and all(a is None or a == b for a, b in zip(one.shape, dims, strict=True)), (one.shape, dims)
            assert unknown or None not in one.shape
            assert one.dtype == dtype


# -- elementwise ---------------------------------------------------------------------------------------------------------------------------
UNARY = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt, "tanh": np.tanh, "floor": np.floor, "ceil": np.ceil,
    "round": np.round, "trunc": np.trunc, "abs": np.abs, "negative": np.negative, "sign": np.sign, "square": np.square, "reciprocal": np.reciprocal,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "signbit": np.signbit, "logical_not": np.logical_not,
    "relu": lambda x: np.where(x <= 0, 0, x), "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.logaddexp(x, 0),
}  # fmt: skip
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum, "minimum": np.minimum,
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor, "arctan2": np.arctan2, "fmax": np.fmax, "fmin": np.fmin,
    "logaddexp": np.logaddexp, "hypot": np.hypot,
}  # fmt: skip


@few
@given(st.sampled_from(sorted(UNARY)), arrays(elements=st.sampled_from(EXTREME)))
def test_unary_of_extreme_values(name, x):
    with np.errstate(all="ignore"):
        want = UNARY[name](x if name == "square" else x.astype("float64")).astype(
            bool if name in ("isnan", "isinf", "isfinite", "signbit", "logical_not") else "float32"
        )
    check(getattr(ops, name), [x], want)


@few
@given(st.sampled_from(sorted(BINARY)), broadcastable(elements=st.sampled_from(EXTREME)))
def test_binary_of_extreme_values(name, operands):
    with np.errstate(all="ignore"):
        want = BINARY[name](*[v.astype("float64") for v in operands])
        want = want if want.dtype == bool else want.astype("float32")
    check(getattr(ops, name), operands, want)


@few
@given(st.sampled_from(sorted(FORMS)), st.sampled_from(["add", "less", "maximum"]), broadcastable())
def test_operands_in_any_container(form, name, operands):
    check(getattr(ops, name), operands, BINARY[name](*operands), form)


@few
@given(st.sampled_from(["floor_divide", "mod", "bitwise_and", "bitwise_xor", "maximum"]), broadcastable(dtype="int32"))
def test_integers_of_both_signs(name, operands):
    a, b = operands
    b = np.where(b == 0, 3, b).astype("int32")
    check(getattr(ops, name), [a, b], getattr(np, name)(a, b))


@few
@given(st.sampled_from(["int8", "uint8", "int32"]), st.sampled_from(["add", "subtract", "multiply"]))
def test_integers_wrap_around(dtype, name):
    info = np.iinfo(dtype)
    a, b = np.array([info.max, info.min, info.max], dtype), np.array([1, 1, info.max], dtype)
    with np.errstate(over="ignore"):
        check(getattr(ops, name), [a, b], getattr(np, name)(a, b))


@few
@given(broadcastable(3))
def test_where_broadcasts_all_three(operands):
    c, a, b = operands
    check(ops.where, [c > 0, a, b], np.where(c > 0, a, b))


# -- reductions and scans ------------------------------------------------------------------------------------------------------------------
REDUCE = {"sum": np.sum, "prod": np.prod, "any": np.any, "all": np.all, "count_nonzero": np.count_nonzero}


@st.composite
def with_axes(draw, elements=None):
    """An array and None, an axis or several, from either end; the empty tuple included."""
    x = draw(arrays(elements=elements))
    some = draw(st.lists(st.integers(0, x.ndim - 1), unique=True)) if x.ndim else []
    axes = tuple(a - x.ndim if draw(st.booleans()) else a for a in some)
    return x, draw(st.sampled_from([None, axes] if len(axes) != 1 else [None, axes, axes[0]]))


@few
@given(st.sampled_from(sorted(REDUCE)), with_axes(), st.booleans(), st.sampled_from(sorted(FORMS)))
def test_reductions(name, drawn, keepdims, form):
    x, axis = drawn
    if name == "count_nonzero":
        check(lambda v: ops.count_nonzero(v, axis), [x], np.count_nonzero(x, axis=axis) if axis != () else (x != 0).astype("int32"), form)
    else:
        check(lambda v: getattr(ops, name)(v, axis, keepdims), [x], REDUCE[name](x, axis=axis, keepdims=keepdims), form)


@few
@given(st.sampled_from(["mean", "var", "std", "max", "min", "logsumexp"]), with_axes(st.sampled_from(EXTREME[:8] + EXTREME[-3:])), st.booleans())
def test_reductions_of_extreme_values(name, drawn, keepdims):
    x, axis = drawn
    if name in ("max", "min", "logsumexp") and not x.size:
        return
    with np.errstate(all="ignore"):
        z = x.astype("float64")
        if name == "logsumexp":
            top = np.max(z, axis=axis, keepdims=True)
            safe = np.where(np.isfinite(top), top, 0)
            want = np.log(np.sum(np.exp(z - safe), axis=axis, keepdims=True)) + safe
            want = want if keepdims else np.squeeze(want, axis=tuple(range(x.ndim)) if axis is None else axis)
        elif name in ("var", "std") and x.size:
            if np.isfinite(z).all():
                z = np.clip(z, -1e15, 1e15)  # the square of 1e30 is no float32
                x = z.astype("float32")
            want = getattr(np, name)(z, axis=axis, keepdims=keepdims)
        else:
            want = getattr(np, name)(z, axis=axis, keepdims=keepdims) if x.size else None
    if want is None:
        return
    check(lambda v: getattr(ops, name)(v, axis, keepdims), [x], want, tolerance=1e-4)


@few
@given(st.sampled_from(["argmax", "argmin"]), with_axis(elements=st.sampled_from([0.0, 1.0, 1.0, -1.0, float("nan"), float("inf")])), st.booleans())
def test_first_extreme_wins_and_nan_before_all(name, drawn, keepdims):
    x, axis = drawn
    if not x.size:
        return
    check(lambda v: getattr(ops, name)(v, axis, keepdims), [x], getattr(np, name)(x, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("engine", ENGINES)
def test_nan_comes_before_infinity(engine):
    x = np.array([[1.0, float("inf"), float("nan"), float("nan")], [1.0, float("inf"), 3.0, float("inf")]], "float32")
    with ph.use_backend(engine):
        assert ops.convert_to_numpy(ops.argmax(x, 1)).tolist() == [2, 1]
        assert ops.convert_to_numpy(ops.argmin(-x, 1)).tolist() == [2, 1]


@few
@given(with_axis(), st.sampled_from([1, 2, np.inf]))
def test_norm_of_vectors(drawn, order):
    x, axis = drawn
    if order == np.inf and not x.shape[axis]:
        return
    check(lambda v: ops.norm(v, ord=order, axis=axis), [x], np.linalg.norm(x.astype("float64"), ord=order, axis=axis))


@few
@given(st.sampled_from(["cumsum", "cumprod"]), with_axis(), st.sampled_from(sorted(FORMS)))
def test_scans(name, drawn, form):
    x, axis = drawn
    check(lambda v: getattr(ops, name)(v, axis), [x], getattr(np, name)(x, axis=axis), form)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "any", "var", "logsumexp", "flip", "count_nonzero"])
def test_a_repeated_axis_is_an_error(name):
    for engine in ENGINES:
        with ph.use_backend(engine), pytest.raises(ValueError, match=r"an axis occurs twice in \(1, -1\)"):
            getattr(ops, name)(np.ones((2, 3), "float32"), axis=(1, -1))


# -- shapes --------------------------------------------------------------------------------------------------------------------------------
@fewer
@given(arrays(), st.sampled_from(sorted(FORMS)), st.data())
def test_reshape_and_transpose(x, form, data):
    order = data.draw(st.permutations(range(x.ndim)))
    order = tuple(a - x.ndim if data.draw(st.booleans()) else a for a in order)
    check(lambda v: ops.transpose(v, order), [x], np.transpose(x, order), form)
    if x.size:
        check(lambda v: ops.reshape(v, (-1, 1)), [x], x.reshape(-1, 1), form)
    check(lambda v: ops.reshape(v, (*x.shape[::-1], 1)), [x], x.reshape(*x.shape[::-1], 1), form)
    check(ops.ravel, [x], x.ravel(), form)


@fewer
@given(with_axis(), st.sampled_from(sorted(FORMS)), st.integers(-4, 4), st.data())
def test_flip_roll_tile_repeat(drawn, form, shift, data):
    x, axis = drawn
    check(lambda v: ops.flip(v, axis), [x], np.flip(x, axis), form)
    check(lambda v: ops.roll(v, shift, axis), [x], np.roll(x, shift, axis), form, symbolic=x.shape[axis] != 0)
    reps = tuple(data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=4)))
    check(lambda v: ops.tile(v, reps), [x], np.tile(x, reps), form)
    check(lambda v: ops.repeat(v, 2, axis), [x], np.repeat(x, 2, axis), form)


@fewer
@given(with_axis(), st.sampled_from(sorted(FORMS)), st.integers(1, 3))
def test_join_and_cut(drawn, form, count):
    x, axis = drawn
    check(lambda *v: ops.concatenate(v, axis), [x] * count, np.concatenate([x] * count, axis), form)
    check(lambda *v: ops.stack(v, axis), [x] * count, np.stack([x] * count, axis), form)
    cut = [1, x.shape[axis]]
    check(lambda v: ops.split(v, cut, axis), [x], np.split(x, cut, axis), form, symbolic=False)
    if x.shape[axis]:
        check(lambda v: ops.split(v, x.shape[axis], axis), [x], np.split(x, x.shape[axis], axis), form, symbolic=False)


@fewer
@given(arrays(), st.sampled_from(["constant", "edge", "reflect", "symmetric"]), st.data())
def test_pad(x, mode, data):
    if mode != "constant" and 0 in x.shape:
        return
    most = [2 if mode in ("constant", "edge") else d - (mode == "reflect") for d in x.shape]
    widths = tuple((data.draw(st.integers(0, m)), data.draw(st.integers(0, m))) for m in most)
    if widths:
        check(lambda v: ops.pad(v, widths, mode=mode), [x], np.pad(x, widths, mode=mode), symbolic=mode == "constant")


@few
@given(arrays(), st.data())
def test_getitem_is_numpys(x, data):
    keys = []
    for d in x.shape:
        options = [
            st.just(slice(None)),
            st.builds(slice, st.none() | st.integers(-4, 4), st.none() | st.integers(-4, 4), st.sampled_from([None, 1, 2, -1, -2])),
        ]
        if d:
            options.append(st.integers(-d, d - 1))
        keys.append(data.draw(st.one_of(*options)))
    keys = keys[: data.draw(st.integers(0, len(keys)))]
    for extra in (None, Ellipsis):
        if data.draw(st.booleans()):
            keys.insert(data.draw(st.integers(0, len(keys))), extra)
    key = tuple(keys)
    check(lambda v: ops.getitem(v, key), [x], x[key], symbolic=False)
    static = ops.getitem(ph.KerasTensor(x.shape), key)
    assert static.shape == x[key].shape


# -- indices, order, products --------------------------------------------------------------------------------------------------------------
@fewer
@given(with_axis(), st.sampled_from(sorted(FORMS)), st.data())
def test_take(drawn, form, data):
    x, axis = drawn
    n = x.shape[axis]
    at = data.draw(arrays(dtype="int32", most=2, elements=st.integers(-n, n - 1))) if n else np.zeros((0,), "int32")
    check(lambda v: ops.take(v, at, axis), [x], np.take(x, at, axis), form)
    if n:
        where = np.argsort(x, axis=axis).astype("int32") - data.draw(st.sampled_from([0, n]))
        check(lambda v: ops.take_along_axis(v, where, axis), [x], np.take_along_axis(x, where, axis), form)


@few
@given(with_axis(elements=st.sampled_from([0.0, 1.0, 1.0, -2.0, float("inf"), float("-inf"), float("nan")])), st.sampled_from(sorted(FORMS)))
def test_sort_is_stable_and_puts_nan_last(drawn, form):
    x, axis = drawn
    check(lambda v: ops.sort(v, axis), [x], np.sort(x, axis), form)
    check(lambda v: ops.argsort(v, axis), [x], np.argsort(x, axis, kind="stable"), form)


@few
@given(arrays(least=1, elements=st.sampled_from([0.0, 1.0, -2.0, 5.0, float("inf"), float("-inf")])), st.data())
def test_top_k(x, data):
    k = data.draw(st.integers(0, x.shape[-1]))
    want = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    check(lambda v: ops.top_k(v, k)[0], [x], np.take_along_axis(x, want, -1))


@fewer
@given(st.sampled_from([(2, 3, 2), (1, 3, 2), (2, 0, 2), (0, 3, 2), (1, 1, 1)]), st.sampled_from([(), (2,), (0,)]), st.sampled_from(sorted(FORMS)), st.data())
def test_matmul_einsum_tensordot(sizes, batch, form, data):
    m, k, n = sizes
    a, b = data.draw(arrays(shape=(*batch, m, k))), data.draw(arrays(shape=(k, n)))
    check(ops.matmul, [a, b], np.matmul(a, b), form)
    check(lambda x, y: ops.einsum("...ij,jk->...ik", x, y), [a, b], np.einsum("...ij,jk->...ik", a, b), form)
    check(lambda x, y: ops.tensordot(x, y, axes=[[-1], [0]]), [a, b], np.tensordot(a, b, axes=[[-1], [0]]), form)
    check(lambda x, y: ops.einsum("...ij,jk->k...", x, y), [a, b], np.einsum("...ij,jk->k...", a, b), form)
    check(ops.matmul, [a, b[:, 0] if n else np.ones(k, "float32")], np.matmul(a, b[:, 0] if n else np.ones(k, "float32")), form)


@few
@given(st.sampled_from(["softmax", "log_softmax"]), with_axis(elements=st.sampled_from([0.0, 1.0, -1.0, 80.0, -80.0, 1e4, -1e4, float("-inf")])))
def test_softmax(name, drawn):
    x, axis = drawn
    if not x.size:
        want = x
    else:
        with np.errstate(all="ignore"):
            z = x.astype("float64") - np.max(x, axis=axis, keepdims=True)
            total = np.sum(np.exp(z), axis=axis, keepdims=True)
            want = np.exp(z) / total if name == "softmax" else z - np.log(total)
    check(lambda v: getattr(ops, name)(v, axis), [x], want)


@few
@given(with_axis(elements=st.sampled_from([0.0, 1.0, -2.0, 3.0, 0.25])))
def test_normalize_leaves_zeros(drawn):
    x, axis = drawn
    size = np.sqrt(np.sum(x.astype("float64") ** 2, axis=axis, keepdims=True))
    check(lambda v: ops.normalize(v, axis=axis), [x], x / np.where(size == 0, 1, size))
