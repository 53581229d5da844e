"""The tensorflow engine: primitives against the NumPy reference, unknown sizes, control flow, gradients, compiled steps, and native code around it.

The conformance kit compares every op and override with core's bodies; here is what it does not ask.
"""

import logging
import threading
import warnings

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from pronghorn import ops  # noqa: E402
from pronghorn.backend import dtypes, registry  # noqa: E402
from pronghorn.backend import primitives as p  # noqa: E402
from pronghorn.backend.op import OPS, PRIMITIVES  # noqa: E402
from pronghorn.state import StateError, Variable, bind, value_and_grad  # noqa: E402
from pronghorn_tensorflow import executor, overrides  # noqa: E402

TF = registry.get("tensorflow")
RNG = np.random.default_rng(0)
TOLERANCE = {
    "float16": 5e-3, "bfloat16": 4e-2, "float32": 3e-5, "float64": 1e-10, "complex64": 5e-5, "complex128": 1e-10, "float8_e4m3fn": 0.2, "float8_e5m2": 0.4,
}  # fmt: skip
ORDERED = tuple(d for d in dtypes.ALL if d not in dtypes.COMPLEX)
FLOATS = ("float16", "bfloat16", "float32", "float64")


@pytest.fixture(autouse=True)
def _tensorflow_is_active():
    with registry.use_backend("tensorflow"):
        yield


def data(dtype, shape, special=False):
    kind = dtypes.numpy_dtype(dtype)
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    if dtype in dtypes.INTEGER:
        return RNG.integers(0 if dtype in dtypes.UNSIGNED else -3, 4, shape).astype(kind)
    x = np.asarray(RNG.normal(size=shape) * 2)
    if dtype in dtypes.COMPLEX:
        x = x + 1j * RNG.normal(size=shape)
    elif special and x.size >= 4:
        x.reshape(-1)[:4] = np.nan, np.inf, -0.0, -np.inf
    return np.asarray(x).astype(kind)


def native(x):
    return TF.convert_to_tensor(x, x.dtype.name) if isinstance(x, np.ndarray) else [native(v) for v in x] if isinstance(x, list) else x


def same(got, want, tolerance=None):
    if isinstance(want, tuple):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w, tolerance)
        return
    want = np.asarray(want)
    assert isinstance(got, tf.Tensor)
    assert (got.dtype.name, tuple(got.shape)) == (want.dtype.name, want.shape)
    wide = "complex128" if want.dtype.kind == "c" else "float64" if want.dtype.name in dtypes.FLOAT else want.dtype
    near = TOLERANCE.get(want.dtype.name, 0) if tolerance is None else tolerance
    np.testing.assert_allclose(got.numpy().astype(wide), want.astype(wide), rtol=near, atol=near)


def agrees(name, *args, tolerance=None):
    with registry.use_backend("numpy"), np.errstate(all="ignore"):
        want = getattr(p, name)(*args)
    same(getattr(p, name)(*[native(a) for a in args]), want, tolerance)


# -- primitives ----------------------------------------------------------------------------------------------------------------------------
ARITHMETIC = "add subtract multiply divide maximum minimum equal less less_equal logical_and logical_or".split()
INTEGRAL = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()


@pytest.mark.parametrize("dtype", dtypes.ALL)
def test_elementwise_primitives_agree_with_numpy_in_every_dtype(dtype):
    orderless = dtype in dtypes.COMPLEX
    for name, op in PRIMITIVES.items():
        if len(op.operands) == len(op.signature.parameters) == 1 and op.capability is None:
            if orderless and name in ("erf", "floor", "ceil", "round", "trunc") or dtype == "bool" and name in ("round", "sign"):
                continue  # the contract has no such primitive, or one of another dtype
            if name == "bitwise_not" and dtype in dtypes.INEXACT:
                continue
            for shape in ((), (0,), (2, 3)):
                agrees(name, data(dtype, shape, special=not dtype.startswith("float8")))
    for name in ARITHMETIC + INTEGRAL * (dtype in dtypes.INTEGER):
        if orderless and name in ("maximum", "minimum", "less", "less_equal"):
            continue
        for a, b in (((), ()), ((0,), (1,)), ((2, 1), (3,))):
            x, y = data(dtype, a), data(dtype, b)
            agrees(name, abs(x) if name in INTEGRAL else x, abs(y) if name in INTEGRAL else y)


@pytest.mark.parametrize("dtype", ORDERED)
def test_reductions_sorting_and_indexing_agree_with_numpy_in_every_dtype(dtype):
    loose = {"tolerance": 0.1} if dtype in ("float16", "bfloat16") else {"tolerance": 0.7} if dtype.startswith("float8") else {}
    special = dtype in ("float16", "float32", "float64")
    for name in ("sum", "prod", "max", "min", "any", "all"):
        for shape, axis in (((2, 3), (0,)), ((2, 3), (0, 1)), ((2, 3), ()), ((), ())):
            agrees(name, data(dtype, shape), axis, True, **loose)
    for name in ("argmax", "argmin", "sort", "argsort"):
        agrees(name, data(dtype, (4, 5), special), 1)
        agrees(name, data(dtype, (4, 2, 3), special), 0)
    for name in ("cumsum", "cumprod"):
        agrees(name, data(dtype, (3, 2)), 0, **loose)
    agrees("top_k", data(dtype, (3, 5)), 2)
    agrees("searchsorted", np.sort(data(dtype, (6,))), data(dtype, (2, 2)), "right")
    for mode in ("set", "add", "max", "min", "multiply"):
        rows = [[0], [2]] if mode == "set" else [[0], [2], [0]]
        agrees("scatter", data(dtype, (3, 4)), np.array(rows, "int32"), data(dtype, (len(rows), 4)), mode)
    agrees("take_along_axis", data(dtype, (2, 4)), np.array([[3], [0]], "int64"), 1)
    agrees("slice_update", data(dtype, (3, 4)), (2, -1), data(dtype, (2, 2)))
    agrees("matmul", data(dtype, (2, 3, 4)), data(dtype, (4, 5)), **loose)
    agrees("pad", data(dtype, (2, 3)), ((1, 0), (0, 2)), 1)
    agrees("flip", data(dtype, (2, 3)), (0, 1))
    agrees("where", data("bool", (3,)), data(dtype, (2, 3)), data(dtype, ()))


def test_values_that_kernels_get_wrong():
    nan, inf = np.nan, np.inf
    agrees("argmax", np.array([[1, nan, 3, nan]], "float32"), 1)
    agrees("sort", np.array([inf, nan, -nan, 0.0, -0.0, -inf], "float32"), 0)
    agrees("erf", np.array([inf, -inf, nan, 7.0], "float64"))
    agrees("floor_divide", np.array([1.0, -1.0, inf, 5.0, -5.0, 1.0], "float32"), np.array([0.1, inf, 2.0, 0.0, -inf, nan], "float32"))
    agrees("floor_divide", np.array([7, -7], "int32"), np.array([0, 2], "int32"))
    agrees("mod", np.array([7, -7], "int8"), np.array([0, 2], "int8"))
    agrees("power", np.array([250, 3], "uint8"), np.array([2, 5], "uint8"))
    agrees("sign", np.array([nan, -0.0, 3], "float32"))
    agrees("lu_factor", np.ones((3, 3), "float32"))
    agrees("lu_factor", data("float64", (2, 5, 3)))
    agrees("lu_factor", data("float64", (3, 5)))


@pytest.mark.parametrize("dtype", dtypes.ALL)
@pytest.mark.parametrize("compiled", [False, True])
def test_python_numbers_take_the_tensors_dtype_on_either_side(dtype, compiled):
    for name in sorted(TF.scalar_operands - {"where"}):
        if dtype in dtypes.COMPLEX and name not in ("add", "subtract", "multiply", "divide", "equal", "power"):
            continue
        x, number = np.array([1, 2, 1]).astype(dtypes.numpy_dtype(dtype)), True if dtype == "bool" else 2
        with registry.use_backend("numpy"):
            wants = [np.asarray(getattr(p, name)(x, number)), np.asarray(getattr(p, name)(number, x))]
        for fn, want in zip((lambda t: getattr(p, name)(t, number), lambda t: getattr(p, name)(number, t)), wants):
            same((tf.function(fn, autograph=False) if compiled else fn)(native(x)), want)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_convolutions_and_pools_agree_with_numpy_and_have_gradients(n):
    spatial = (7, 6, 5)[:n]
    for stride, dilation, groups, padding in ((1, 1, 1, (0, 0)), (2, 1, 2, (1, 2)), (1, 2, 4, (1, 1)), (2, 2, 1, (2, 1))):
        s, d, pads = (stride,) * n, (dilation,) * n, (padding,) * n
        x, kernel = data("float32", (2, *spatial, 4)), data("float32", (*(3,) * n, 4 // groups, 8))
        agrees("conv", x, kernel, s, pads, d, groups, tolerance=1e-4)
        agrees("conv_transpose", x, data("float32", (*(3,) * n, 5, 4)), s, pads, (stride - 1,) * n, d, tolerance=1e-4)
        for name in ("max_pool", "average_pool"):
            agrees(name, x, (3,) * n, s, ((1, 1),) * n)
            agrees(name, data("float64", (2, *spatial, 2)), (2,) * n, s, ((0, 1),) * n)
        with tf.GradientTape() as tape:
            inputs = [native(x), native(kernel)]
            tape.watch(inputs)
            y = tf.reduce_sum(p.conv(*inputs, s, pads, d, groups))
        assert [tuple(g.shape) for g in tape.gradient(y, inputs)] == [x.shape, kernel.shape]


@pytest.mark.parametrize("size, stride, pads", [(8, 1, (1, 1)), (8, 2, (0, 1)), (7, 2, (1, 1)), (8, 1, (2, 0)), (8, 2, (1, 1))])
def test_convolutions_and_their_gradients_are_never_padded_by_numbers_on_cpu(size, stride, pads):
    """oneDNN has no gradients for those, and the kernels that TensorFlow takes instead are three times slower."""
    strides, padding = (stride, stride), (pads, pads)

    @tf.function(autograph=False)
    def gradients(x, kernel, other):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel, other])
            y = tf.reduce_sum(p.conv(x, kernel, strides, padding, (1, 1), 1) ** 2)
            z = tf.reduce_sum(p.conv_transpose(x, other, strides, padding, (stride - 1,) * 2, (1, 1)) ** 2)
        return tape.gradient([y, z], [x, kernel, other])

    graph = gradients.get_concrete_function(tf.zeros((2, size, size, 3)), tf.zeros((3, 3, 3, 4)), tf.zeros((3, 3, 4, 3))).graph
    modes = [op.get_attr("padding") for op in graph.get_operations() if op.type.startswith("Conv2D")]
    assert len(modes) == 6
    assert set(modes) <= {b"VALID", b"SAME", *([b"EXPLICIT"] if tf.config.list_logical_devices("GPU") else [])}  # cuDNN has them


@pytest.mark.parametrize("shape", [(None, 8, 8, 4), (2, None, None, 4), (None, 8, 4), (32, 64, 64, 4), (32, 64, 64, 0)])
def test_normalisation_by_given_statistics_in_one_pass(shape):
    """Two passes over an image take twice the time, and a convolution takes in one kernel alone."""
    rng, size = np.random.default_rng(0), tuple(3 if d is None else d for d in shape)
    x = rng.normal(size=size).astype("float32")
    x.flat[:1] = np.nan
    mean, scale, offset = rng.normal(size=(3, shape[-1])).astype("float32")
    variance = np.full(shape[-1], 0.5, "float32")
    variance[1:2], mean[2:3] = np.inf, np.inf
    step = tf.function(lambda x, m, v, o, s: ops.batch_normalization(x, m, v, -1, o, s, 1e-12), autograph=False)
    specs = [tf.TensorSpec(shape, tf.float32), *[tf.TensorSpec(shape[-1:], tf.float32)] * 4]
    concrete = step.get_concrete_function(*specs)
    assert any(op.type == "FusedBatchNormV3" for op in concrete.graph.get_operations()) == (shape[-1] > 0)
    expected = (x - mean) / np.sqrt(variance + 1e-12) * scale + offset
    for values in (x, x[:0]):
        if values.shape[0] or shape[0] is None:
            np.testing.assert_allclose(concrete(*map(tf.constant, (values, mean, variance, offset, scale))), expected[: len(values)], rtol=1e-4, atol=1e-5)


def test_one_statistic_for_all_features_of_a_large_image():
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 32)).astype("float32")
    np.testing.assert_allclose(ops.batch_normalization(x, [0.5], [4.0], -1, epsilon=0.0), (x - 0.5) / 2, atol=1e-6)


def test_orderings_of_complex_numbers_say_that_there_are_none():
    with pytest.raises(TypeError, match="maximum: not defined for complex64"):
        p.maximum(tf.complex(1.0, 2.0), tf.complex(1.0, 2.0))


def test_overrides_are_all_of_ops_that_exist():
    assert set(overrides._OVERRIDES) - set(OPS) <= {"det", "inv", "solve"}
    assert {"relu", "softmax", "mean", "einsum"} <= set(vars(TF))


# -- sizes unknown while tracing -----------------------------------------------------------------------------------------------------------
def trace(fn, *shapes):
    return tf.function(fn, autograph=False).get_concrete_function(*[tf.TensorSpec(s) for s in shapes]).structured_outputs


def test_known_sizes_survive_next_to_unknown_ones():
    assert trace(lambda x: ops.reshape(x, (ops.shape(x)[0], -1)), (None, 3, 4)).shape == (None, 12)
    assert trace(lambda x: x[:, 1:3], (None, 4)).shape == (None, 2)
    assert trace(lambda x: ops.broadcast_to(x, (ops.shape(x)[0], 2, 4)), (None, 2, 1)).shape == (None, 2, 4)
    assert trace(lambda x: ops.matmul(x, tf.ones((4, 5))), (None, 3, 4)).shape == (None, 3, 5)
    size = ops.shape(tf.ones((2, 3)))
    assert size == (2, 3)
    assert all(type(d) is int for d in size)


@pytest.mark.parametrize(
    ("fn", "x"),
    [
        (lambda x: TF.full((ops.shape(x)[0], 2), 7, "float32"), (3, 2)),
        (lambda x: TF.arange(0, ops.shape(x)[0], 1, "int32"), (3, 2)),
        (lambda x: p.slice(x, (0, 0), (ops.shape(x)[0] - 1, 2), (1, 1)), (3, 2)),
        (lambda x: p.sort(x, 0), (5, 3)),
        (lambda x: p.take_along_axis(x, tf.constant([[0, 2, 1]]), 1), (5, 3)),
        (lambda x: ops.softmax(x, 0), (5, 3)),
        (lambda x: p.conv(x, tf.ones((3, 3, 1, 4)), (2, 1), ((1, 1), (2, 2)), (1, 2), 2), (2, 8, 9, 2)),
        (lambda x: p.conv_transpose(x, tf.ones((3, 3, 5, 2)), (2, 2), ((1, 1), (0, 0)), (1, 1), (1, 1)), (2, 4, 5, 2)),
        (lambda x: p.average_pool(x, (3, 3), (1, 1), ((1, 1), (1, 1))), (2, 4, 5, 2)),
        (lambda x: ops.mean(ops.one_hot(ops.argmax(x, 1), 3)), (5, 3)),
    ],
)
def test_unknown_sizes_give_what_eager_gives(fn, x):
    x = tf.constant(data("float32", x))
    unknown = tf.function(fn, input_signature=[tf.TensorSpec([None] * (x.shape.rank - 1) + [x.shape[-1]])], autograph=False)
    same(unknown(x), fn(x).numpy())


# -- control flow and functions of functions -----------------------------------------------------------------------------------------------
XS = np.arange(6, dtype="float32").reshape(3, 2)
MODES = ("eager", "graph", "unknown", "xla")


def run(mode, fn, *args):
    if mode == "eager":
        return fn(*[tf.constant(a) for a in args])
    specs = [tf.TensorSpec((None, *a.shape[1:]) if mode == "unknown" else a.shape, a.dtype) for a in args]
    return tf.function(fn, input_signature=specs, autograph=False, jit_compile=mode == "xla")(*args)


@pytest.mark.parametrize("mode", MODES)
def test_scan_carries_nests_both_ways_and_has_gradients(mode):
    (c, none), ys = run(mode, lambda x: TF.scan(lambda c, v: ((c[0] + v, None), {"y": c[0] * v, "none": None}), (tf.zeros(2), None), x, None, True, 1), XS)
    assert none is None
    assert ys["none"] is None
    assert c.numpy().tolist() == [6, 9]
    assert ys["y"].numpy().tolist() == [[0, 8], [8, 15], [0, 0]]

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            c, ys = TF.scan(lambda c, v: (c * v + 1, c * c), tf.ones(2), x, None, False, 1)
            total = tf.reduce_sum(ys) + tf.reduce_sum(c)
        return tape.gradient(total, x)

    assert run(mode, gradient, XS).numpy().tolist() == [[22, 61], [10, 38], [3, 7]]
    _, ys = run(mode, lambda x: TF.scan(lambda c, v: (c + v, c * v), tf.zeros(2), x, None, False, 1), XS[:0])
    assert tuple(ys.shape) == (0, 2)
    _, ys = run(mode, lambda x: TF.scan(lambda c, v: (c + 1.0, c), tf.reduce_sum(x), None, 3, False, 1), XS)
    assert ys.numpy().tolist() == [15, 16, 17]


@pytest.mark.parametrize("mode", MODES)
def test_cond_and_while_loop_take_nests_with_none(mode):
    out = run(mode, lambda x: TF.cond(tf.reduce_sum(x) > 0, lambda: {"a": (x + 1,), "b": None}, lambda: {"a": (x - 1,), "b": None}), XS)
    assert out["b"] is None
    assert out["a"][0].numpy().tolist() == (XS + 1).tolist()
    i, (x, none) = run(mode, lambda x: TF.while_loop(lambda i, s: i < 3, lambda i, s: [i + 1, (s[0] * 2, None)], (tf.constant(0), (x, None)), None), XS)
    assert int(i) == 3
    assert none is None
    assert x.numpy().tolist() == (XS * 8).tolist()
    (i,) = run(mode, lambda x: TF.while_loop(lambda i: i < 300, lambda i: (i + 1,), (tf.constant(0),), 5), XS)
    assert int(i) == 5
    rows = run(
        mode, lambda x: TF.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, p.slice_update(y, (i, 0), tf.fill((1, 2), 9.0))), (tf.constant(0), x), 3), XS
    )[1]
    assert rows.numpy().tolist() == [[9, 9]] * 3


@pytest.mark.parametrize("mode", MODES)
def test_value_and_grad_is_dense_keeps_aux_and_nests(mode):
    def embed(x):
        return TF.value_and_grad(lambda v: (tf.reduce_sum(tf.gather(v[0], [0, 0]) ** 2), {"aux": v[0] * 2}), [x, tf.ones(3)])

    (loss, aux), (g, missing) = run(mode, embed, XS)
    assert float(loss) == 2
    assert missing is None
    assert aux["aux"].numpy().tolist() == (XS * 2).tolist()
    assert g.numpy().tolist() == [[0, 4], [0, 0], [0, 0]]

    def twice(x):
        def inner(v):
            _, (g,) = TF.value_and_grad(lambda w: (tf.reduce_sum(w[0] ** 3), None), v)
            return tf.reduce_sum(g), None

        return TF.value_and_grad(inner, [x])[1][0]

    assert run(mode, twice, XS).numpy().tolist() == (6 * XS).tolist()


def test_value_and_grad_wants_a_scalar():
    with pytest.raises(ValueError, match=r"must be a scalar; received a tensor of shape \(2,\)"):
        TF.value_and_grad(lambda v: (v[0], None), [tf.ones(2)])


@pytest.mark.parametrize("mode", MODES)
def test_functions_of_functions(mode):
    double = TF.custom_gradient(lambda a: (a * 2, lambda up: up * 100))
    assert (
        run(mode, lambda x: TF.value_and_grad(lambda v: (tf.reduce_sum(double(v[0])), None), [x])[1][0], XS).numpy().tolist() == np.full((3, 2), 100.0).tolist()
    )
    out = run(mode, lambda x: TF.vectorized_map(lambda e: {"s": tf.reduce_sum(e[0]), "none": None}, (x, x)), XS)
    assert out["none"] is None
    assert out["s"].numpy().tolist() == [1, 5, 9]
    value, slope = run(mode, lambda x: TF.jvp(lambda a: (a * a, None), [x], [tf.ones_like(x)]), XS)
    assert value[0].numpy().tolist() == (XS * XS).tolist()
    assert slope[0].numpy().tolist() == (2 * XS).tolist()
    bits = run(mode, lambda x: TF.random_bits((ops.shape(x)[0],), (tf.constant(1), tf.constant(2))), XS)
    assert bits.numpy().tolist() == TF.random_bits((3,), (tf.constant(1), tf.constant(2))).numpy().tolist()


# -- steps ---------------------------------------------------------------------------------------------------------------------------------
def regression():
    w, count = Variable(np.zeros((3, 1), "float32")), Variable(0, dtype="int32", trainable=False)

    def step(x, y):
        def forward():
            count.assign(ops.add(count, 1))
            return ops.mean(ops.square(ops.subtract(ops.matmul(x, w), y)))

        loss, (g,) = value_and_grad(forward, [w])
        w.assign(ops.subtract(w, ops.multiply(g, 0.1)))
        return {"loss": loss, "none": None}

    return w, count, step


def batch(n=8):
    x = RNG.normal(size=(n, 3)).astype("float32")
    return x, x @ np.array([[1.0], [2.0], [3.0]], "float32")


@pytest.mark.parametrize("jit", [False, True, "auto"])
def test_compiled_steps_change_variables_as_eager_steps_do(jit):
    x, y = TF.executor().put(batch())
    results = []
    for compiled in (False, True):
        w, count, step = regression()
        step = TF.executor().compile(step, [w, count], jit=jit) if compiled else step
        for _ in range(5):
            out = step(x, y)
        assert out["none"] is None
        results.append((float(out["loss"]), w.numpy(), int(count.numpy())))
    assert results[0][2] == results[1][2] == 5
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-5)
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)


def test_repeat_runs_several_batches_in_one_call_and_returns_the_last():
    w, count, step = regression()
    batches = [TF.executor().put(batch()) for _ in range(3)]
    for b in batches:
        last = step(*b)
    want = w.numpy()
    w.assign(np.zeros((3, 1), "float32"))
    out = TF.executor().compile(step, [w, count], jit=False, repeat=3)(batches)
    np.testing.assert_allclose(w.numpy(), want, rtol=1e-5)
    np.testing.assert_allclose(out["loss"], last["loss"], rtol=1e-5)
    assert int(count.numpy()) == 6


def test_batches_of_many_sizes_are_traced_at_most_three_times():
    w, count, step = regression()
    traced = []
    run = TF.executor().compile(lambda x, y: traced.append(1) or step(x, y), [w, count], jit=False)
    for n in (8, 7, 6, 5, 4):
        run(*TF.executor().put(batch(n)))
    assert len(traced) <= 3


@pytest.mark.parametrize("jit", [False, True])
def test_writing_a_variable_that_the_step_does_not_hold_raises(jit):
    w, count, step = regression()
    with pytest.raises(StateError, match="written inside a compiled step that does not hold it"):
        TF.executor().compile(step, [w], jit=jit)(*TF.executor().put(batch()))
    assert int(count.numpy()) == 0


def test_variables_may_be_made_while_a_step_is_traced():
    def step(x):
        a, b = Variable(np.ones(3, "float32")), Variable(ops.zeros((3,)))
        return ops.sum(ops.add(ops.add(a, b), x))

    run = TF.executor().compile(step, [], jit=False)
    assert float(run(tf.ones(3))) == float(run(tf.ones((1, 3)))) == 6
    with pytest.raises(TypeError, match="its initial value is computed inside tf.function"):
        TF.executor().compile(lambda x: Variable(ops.exp(x)).value, [], jit=False)(tf.ones(3))


def test_a_step_that_xla_cannot_compile_falls_back_where_xla_was_not_asked_for(monkeypatch):
    def step(x):
        return tf.strings.length(tf.strings.as_string(x))

    with pytest.raises(tf.errors.InvalidArgumentError):
        TF.executor().compile(step, [], jit=True)(tf.ones(2))
    monkeypatch.setattr(executor, "use_xla", bool)
    run = TF.executor().compile(step, [], jit="auto")
    with pytest.warns(UserWarning, match="XLA cannot compile this step"):
        assert run(tf.ones(2)).numpy().tolist() == [8, 8]
    assert run(tf.zeros(2)).numpy().tolist() == [8, 8]


def test_threads_train_and_read_one_model():
    w, count, step = regression()
    runs = [TF.executor().compile(step, [w, count], jit=False) for _ in range(4)]
    data = [TF.executor().put(batch()) for _ in runs]
    failed = []

    def work(run, b):
        try:
            for _ in range(10):
                run(*b)
                ops.matmul(b[0], w).numpy()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(runs, data)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed
    assert np.isfinite(w.numpy()).all()


@pytest.mark.parametrize(("kind", "names"), [("adam", ("momentum", "velocity")), ("sgd", ("momentum",)), ("sgd", ())])
def test_fused_updates_agree_with_their_formulas(kind, names):
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64"):
        start, g = rng.normal(size=(3, 2)).astype(dtype), rng.normal(size=(3, 2)).astype(dtype)
        w = tf.Variable(start)
        slots = {n: [tf.Variable(np.full((3, 2), 0.5, dtype))] for n in names}
        options = {
            "learning_rate": 0.1, "iterations": tf.constant(2), "weight_decay": 0.01, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7, "momentum": 0.8,
            "nesterov": True,
        }  # fmt: skip
        values, _ = TF.optimizer_update(kind, [tf.constant(g)], [w], slots, options)
        assert values[0] is w
        want = start * (1 - 0.1 * 0.01)
        if kind == "adam":
            m, v = 0.5 + (g - 0.5) * 0.1, 0.5 + (g * g - 0.5) * 0.01
            want = want - 0.1 * np.sqrt(1 - 0.99**3) / (1 - 0.9**3) * m / (np.sqrt(v) + 1e-7)
        elif names:
            m = 0.8 * 0.5 - 0.1 * g
            want = want + 0.8 * m - 0.1 * g
        else:
            want = want - 0.1 * g
        np.testing.assert_allclose(w.numpy(), want, rtol=1e-5)


def test_fused_updates_leave_bound_values_alone():
    v = Variable(np.ones(2, "float32"))
    with bind([v], [v.value]):
        assert TF.optimizer_update("sgd", [tf.ones(2)], [v.value], {}, {"learning_rate": 1.0, "iterations": 0}) is None
    assert v.numpy().tolist() == [1, 1]


# -- native code around pronghorn ----------------------------------------------------------------------------------------------------------
class Layer:
    """What `interop` needs of a layer."""

    def __init__(self):
        self.w, self.seen = Variable(np.ones((3, 2), "float32"), name="w"), Variable(0.0, trainable=False, name="seen")
        self.variables, self.trainable_variables = [self.w, self.seen], [self.w]

    def __call__(self, x, training=False):
        if training:
            self.seen.assign(ops.add(self.seen, 1.0))
        return ops.relu(ops.matmul(x, self.w))


def test_module_shares_variables_and_trains_natively():
    layer = Layer()
    module = TF.interop(layer)
    assert module.trainable_variables[0] is layer.w.storage
    assert [v is layer.seen.storage for v in module.non_trainable_variables] == [True]
    assert [v.name for v in module.variables] == [f"{v.name}:0" for v in (layer.w, layer.seen)]  # what weight decay in native code goes by
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(module(tf.ones((2, 3)), training=True))
    (g,) = tape.gradient(loss, module.trainable_variables)
    module.trainable_variables[0].assign_sub(g)
    assert layer.w.numpy().tolist() == [[-1, -1]] * 3
    assert float(layer.seen.numpy()) == 1
    layer.trainable_variables = []
    assert module.trainable_variables == ()


def test_module_is_saved_as_a_saved_model(tmp_path):
    module = TF.interop(Layer())
    serve = tf.function(lambda x: module(x), input_signature=[tf.TensorSpec((None, 3))])
    tf.saved_model.save(module, str(tmp_path), signatures=serve.get_concrete_function())
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    assert next(iter(loaded(tf.ones((4, 3))).values())).numpy().tolist() == [[3, 3]] * 4


def test_functions_of_users_trace_pronghorn_code_without_rewriting_it(caplog):
    layer = Layer()

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def predict(x):
        return ops.softmax(layer(x)) if tf.reduce_sum(x) > 0 else layer(x)

    @tf.function
    def train(x):
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(layer(x, training=True)))
        return loss, tape.gradient(loss, layer.w.storage)

    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert predict(tf.ones((5, 3))).numpy().tolist() == [[0.5, 0.5]] * 5
        loss, g = train(tf.ones((5, 3)))
    assert "AutoGraph" not in caplog.text
    assert float(loss) == 9
    assert tuple(g.shape) == (3, 2)
    assert float(layer.seen.numpy()) == 1


def test_values_of_traced_tensors_are_refused_with_the_reason():
    with pytest.raises(TypeError, match="inside tf.function has no values yet"):
        tf.function(lambda x: TF.convert_to_numpy(x), autograph=False)(tf.ones(2))
    seen = []
    tf.function(lambda x: seen.append(TF.is_concrete(x)), autograph=False)(tf.ones(2))
    assert seen == [False]
    assert TF.is_concrete(tf.ones(2))


def test_devices_are_named_and_checked():
    assert "cpu:0" in TF.devices()
    with TF.device_scope("cpu:0"):
        assert "CPU:0" in tf.constant(1.0).device
    assert float(TF.put(tf.constant(2.0), "cpu:0")) == 2
    with pytest.raises(ValueError, match='has no device "cpu:7"'):
        TF.device_scope("cpu:7")
