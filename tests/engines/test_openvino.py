"""The OpenVINO engine: exact integers, nan, layouts, control flow, compiled steps and models. The op-by-op comparison is the conformance kit's."""

import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("pronghorn_openvino.engine")

import pronghorn as ph
from pronghorn import layers, ops
from pronghorn.backend import primitives as p
from pronghorn.backend.errors import CapabilityError
from pronghorn.state.tree import flatten
from pronghorn_openvino.interop import model as ov_model

RNG = np.random.default_rng(7)


@pytest.fixture
def engine():
    with ph.use_backend("openvino") as backend:
        yield backend


def compiled(engine, fn, *xs):
    return engine.executor().compile(fn, [])(*xs)


def f32(*shape):
    return RNG.normal(size=shape).astype("float32")


def check(engine, fn, *xs, tolerance=2e-6):
    """Compiled on openvino against the numpy engine: values, shapes and dtypes."""
    got = compiled(engine, fn, *xs)
    with ph.use_backend("numpy"):
        expected = fn(*xs)
    for a, b in zip(flatten(got), flatten(expected), strict=True):
        b = np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=tolerance, atol=tolerance)


# -- numbers -------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_integer_arithmetic_is_exact_and_wraps(engine, dtype):
    info = np.iinfo(dtype)
    edge = np.array([info.min, info.max, info.max - 1, 1, 0, 77, 3], dtype)
    x = np.concatenate([edge, RNG.integers(info.min, info.max, 60).astype(dtype)])
    y = np.concatenate([np.roll(edge, 2), RNG.integers(info.min, info.max, 60).astype(dtype)])
    small = (y % 5).astype(dtype)
    with np.errstate(all="ignore"):
        cases = {
            "add": (y, x + y), "subtract": (y, x - y), "multiply": (y, x * y), "floor_divide": (y, x // y), "mod": (y, x % y), "maximum": (y, np.maximum(x, y)),
            "less": (y, x < y), "less_equal": (y, x <= y), "equal": (y, x == y), "power": (small, x**small), "bitwise_xor": (y, x ^ y),
            "bitwise_left_shift": (small, x << small), "bitwise_right_shift": (small, x >> small),
        }  # fmt: skip
    for name, (second, expected) in cases.items():
        got = getattr(p, name)(x, second)
        if name == "floor_divide":  # min // -1 overflows in NumPy too
            keep = ~((x == info.min) & (second == -1)) if info.min else np.ones(x.shape, bool)
            got, expected = got[keep], expected[keep]
        np.testing.assert_array_equal(got, expected, err_msg=f"{name} {dtype}")
    m = x[:66].reshape(6, 11)
    for got, expected in (
        (p.sum(m, (0,), False), m.sum(0, dtype=dtype)), (p.prod(m, (1,), False), m.prod(1, dtype=dtype)), (ops.max(m, 1), m.max(1)), (ops.min(m), m.min()),
        (ops.sort(m, 1), np.sort(m, 1)), (p.argmax(m, 1), m.argmax(1).astype("int32")), (p.cumsum(m, 1), m.cumsum(1, dtype=dtype)),
        (p.cumprod(m, 0), m.cumprod(0, dtype=dtype)), (p.matmul(m, m.T.copy()), m @ m.T), (ops.cast(m, "float32"), m.astype("float32")),
    ):  # fmt: skip
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype


def test_nan_is_kept(engine):
    x = np.array([1, np.nan, np.inf, -np.inf, 3, np.nan, 3], "float32")
    np.testing.assert_array_equal(p.exp(x), np.exp(x))
    for name in ("maximum", "minimum"):
        for a, b in ((x, np.float32(2.0) * np.ones(7, "float32")), (x[::-1].copy(), x)):
            np.testing.assert_array_equal(getattr(p, name)(a, b), getattr(np, name)(a, b))
    assert np.isnan(ops.max(x)) and np.isnan(ops.min(x))
    assert int(ops.argmax(x)) == 1 and int(ops.argmin(x)) == 1
    np.testing.assert_array_equal(ops.sort(x), np.sort(x))
    np.testing.assert_array_equal(ops.argsort(x), np.argsort(x, kind="stable"))
    values, places = ops.top_k(x, 4)
    assert places.tolist() == [1, 5, 2, 4] and np.isnan(values[:2]).all()


def test_float_functions_are_accurate(engine):
    x = np.concatenate([f32(500), 10.0 ** RNG.uniform(-10, 1, 500), -(10.0 ** RNG.uniform(-10, 1, 500))]).astype("float32")
    wide = x.astype("float64")
    for name in ("expm1", "tanh", "arcsinh", "sin", "erf"):
        import math

        expected = np.vectorize(math.erf)(wide) if name == "erf" else getattr(np, name)(wide)
        np.testing.assert_allclose(getattr(p, name)(x), expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(p.log1p(np.abs(x)), np.log1p(np.abs(wide)), rtol=1e-6)
    y, z = np.array([0.0, -0.0, 1, -1, 0, np.inf, 3], "float32"), np.array([-1, -0.0, -0.0, 0, 0, np.inf, -4], "float32")
    np.testing.assert_allclose(p.arctan2(y, z), np.arctan2(y, z), rtol=1e-6)
    assert np.signbit(p.arctan2(y, z)[1])


def test_bits_of_floats_survive_a_round_trip_in_a_compiled_step(engine):
    bits = np.concatenate([RNG.integers(-(2**31), 2**31, 500), [0, -(2**31), 1, 0x7F800000, 0x7F7FFFFF, 0x800000]]).astype("int32")
    floats = bits.view("float32")
    got = compiled(engine, lambda b: p.view(b, "float32"), bits)
    np.testing.assert_array_equal(got, floats)
    kept = ~np.isnan(floats)
    np.testing.assert_array_equal(compiled(engine, lambda x: p.view(x, "int32"), floats)[kept], bits[kept])


def test_dtypes_that_the_plugin_computes_differently_are_refused_or_narrowed(engine):
    with pytest.raises(TypeError, match="64-bit numbers in 32"):
        ops.cast(np.ones(2, "float32"), "float64")
    assert ops.add(np.array([1, 2]), 1).dtype == np.int32
    with pytest.raises(OverflowError):
        ops.add(np.array([2**40]), 1)


# -- shapes and layouts --------------------------------------------------------------------------------------------------------------------
def test_convolutions_run_without_transposes_between_them(engine):
    kernel, second, bias = f32(3, 3, 4, 8), f32(3, 3, 8, 8), f32(8)

    def net(x):
        x = ops.relu(ops.conv(x, kernel, padding="same") + bias)
        x = ops.max_pool(ops.conv(x, second, padding="same") * bias, 2)
        return ops.mean(ops.tanh(x), (1, 2))

    x = f32(2, 8, 8, 4)
    check(engine, net, x)
    step = engine.executor().compile(net, [])
    step(x)
    (program,) = step.programs.values()
    model = [node.get_rt_info()["layerType"].value for node in program.compiled.get_runtime_model().get_ops()]
    assert model.count("Transpose") == 0


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_windows_match_numpy(engine, rank):
    x, kernel = f32(2, *[7] * rank, 4), f32(*[3] * rank, 2, 6)
    check(engine, lambda x: ops.conv(x, kernel, strides=2, padding="same"), x)
    check(engine, lambda x: ops.conv_transpose(x, f32(*[3] * rank, 5, 4) * 0 + 0.5, strides=2, padding="same"), x)
    check(engine, lambda x: (ops.max_pool(x, 3, 2, "same"), ops.average_pool(x, 3, 2, "same")), x)
    whole = RNG.integers(-(2**31), 2**31, x.shape).astype("int32")
    check(engine, lambda x: ops.max_pool(x, 3, 2, "same"), whole)


def test_axes_are_followed_through_lazy_transposes(engine):
    x, y = f32(2, 3, 4, 5), f32(5, 2, 4, 3)

    def fn(x, y):
        t = p.transpose(x, (3, 0, 2, 1))
        u = t * y + ops.sum(t, 1, keepdims=True)
        return (
            u,
            ops.max(u, (0, 2)),
            p.concatenate([u, y], 1),
            ops.flip(u, 3),
            u[1:, :, ::2],
            ops.pad(u, ((1, 0), (0, 2), (0, 0), (3, 1))),
            ops.cumsum(u, 2),
            u + x[0, 0, :, :3],
        )

    check(engine, fn, x, y, tolerance=1e-5)


def test_empty_tensors(engine):
    none = np.zeros((0, 3), "float32")
    check(
        engine, lambda x: (x + 1, ops.sum(x, 0), ops.prod(x), ops.concatenate([x, np.ones((2, 3), "float32")]), p.matmul(x, np.ones((3, 2), "float32"))), none
    )
    check(engine, lambda x: p.matmul(np.ones((2, 0), "float32"), x), none)


def test_scatter_and_update(engine):
    x, where, new = f32(5, 3), np.array([[1], [1], [4]], "int32"), f32(3, 3)
    for mode in ("add", "max", "min", "multiply"):
        check(engine, lambda x, w, n, mode=mode: p.scatter(x, w, n, mode), x, where, new)
    check(engine, lambda x, n, i: ops.slice_update(x, (i, 1), n[:2, :2]), x, new, np.asarray(9, "int32"))


# -- control flow --------------------------------------------------------------------------------------------------------------------------
def test_loops_and_branches_are_lowered(engine):
    x, h, w = f32(6, 3), f32(1, 3), np.eye(3, dtype="float32") * 0.5
    for reverse in (False, True):
        check(engine, lambda x, h, r=reverse: ops.scan(lambda c, v: (ops.tanh(ops.matmul(c, w) + v), c * 2), h, x, reverse=r), x, h)
    check(engine, lambda h: ops.scan(lambda c, _: (c * 2, c + 1), h, None, length=4, reverse=True), h)
    for n in (0, 4):
        check(engine, lambda h, n: ops.while_loop(lambda i, v: i < n, lambda i, v: (i + 1, v * 2 + h), (n * 0, h)), h, np.asarray(n, "int32"))
    for sign in (1, -1):
        check(engine, lambda h: ops.cond(ops.sum(h) > 0, lambda: ops.matmul(h, w), lambda: h - 1), np.full((1, 3), sign, "float32"))
    check(engine, lambda i, h: ops.switch(i, [lambda h: h + 1, lambda h: h * 3, lambda h: -h], h), np.asarray(1, "int32"), h)


def test_writes_inside_a_loop_take_effect(engine):
    v = ph.Variable(np.zeros((), "float32"))
    x = f32(4, 2)

    def step(x):
        def body(carry, row):
            v.assign(v + ops.sum(row))
            return carry, row

        return ops.scan(body, ops.zeros(()), x)[1]

    run = engine.executor().compile(step, [v])
    run(x), run(x)
    np.testing.assert_allclose(v.numpy(), 2 * x.sum(), rtol=1e-5)


# -- steps ---------------------------------------------------------------------------------------------------------------------------------
def test_variables_are_constants_until_they_change(engine):
    w, count = ph.Variable(f32(2000, 2)), ph.Variable(np.zeros((), "int32"))

    def step(x):
        count.assign(count + 1)
        return {"y": ops.matmul(x, w), "n": (count.value, None, 3)}

    run = engine.executor().compile(step, [w, count])
    x = f32(3, 2000)
    for i in range(5):
        out = run(x)
        np.testing.assert_allclose(out["y"], x @ w.numpy(), rtol=1e-4, atol=1e-4)
        assert int(out["n"][0]) == int(count.numpy()) == i + 1 and out["n"][1:] == (None, 3)
        w.assign(f32(2000, 2))
    (program,) = run.programs.values()
    assert w in program.parameters  # after two changes it is an input, so that nothing is compiled again
    with pytest.raises(ValueError):
        w.value[0] = 1.0  # the compiled model shares this memory


def test_steps_run_from_several_threads(engine):
    w = ph.Variable(f32(64, 64))
    run = engine.executor().compile(lambda x: ops.relu(ops.matmul(x, w)), [w])
    inputs, wrong = [f32(3, 64) for _ in range(4)], []

    def work(x):
        expected = np.maximum(x @ w.numpy(), 0)
        for _ in range(50):
            if not np.allclose(run(x), expected, atol=1e-4):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(x,)) for x in inputs]
    [t.start() for t in threads], [t.join() for t in threads]
    assert not wrong and len(run.programs) == 1


def test_programs_of_eager_calls_share_one_limit(engine, monkeypatch):
    from pronghorn_openvino import backend, executor

    monkeypatch.setattr(backend, "MAX_EAGER", 3)
    monkeypatch.setattr(backend, "_PROGRAMS", kept := executor.deque())
    for n, name in enumerate(["expm1", "log1p", "expm1", "log1p", "expm1"], 40):  # sizes no other test has, for new steps
        x = np.linspace(0, 1, n, dtype="float32")
        for _ in range(2):
            for k in (1, 2):
                np.testing.assert_allclose(p.slice(x, (k,), (n,), (1,)), x[k:])
            np.testing.assert_allclose(getattr(ops, name)(x), getattr(np, name)(x), atol=1e-6)
        assert len(kept) <= 3
    assert len(kept) == 3


def test_missing_lowering_is_an_error_that_names_the_op(engine):
    with pytest.raises(CapabilityError, match='cholesky.*capability "linalg"'):
        compiled(engine, lambda x: p.cholesky(x), np.eye(3, dtype="float32"))
    with pytest.raises(CapabilityError, match="view.*float16"):
        compiled(engine, lambda x: p.view(x, "int16"), np.ones(3, "float16"))


# -- models --------------------------------------------------------------------------------------------------------------------------------
def small_convnet():
    inputs = layers.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    return ph.Model(inputs, layers.Dense(4, activation="softmax")(x))


def test_model_moves_over_and_agrees(engine):
    with ph.use_backend("numpy"):
        model = small_convnet()
        x = f32(5, 12, 12, 3)
        expected = model(x)
        model.to("openvino")
    np.testing.assert_allclose(model(x), expected, atol=1e-6)
    assert len(model._plans["program"].programs) == 1  # one program for the whole call
    np.testing.assert_allclose(model.predict(x, verbose=0, batch_size=2), expected, atol=1e-6)
    native = ph.native(model)
    assert native.inputs[0].get_any_name() == "image" and native.inputs[0].get_partial_shape()[0].is_dynamic
    np.testing.assert_allclose(native(x[:2])[0], expected[:2], atol=1e-6)


RECURRENT = {
    "LSTM": lambda: ph.layers.LSTM(4, return_sequences=True), "LSTM backwards": lambda: ph.layers.LSTM(4, go_backwards=True, use_bias=False),
    "GRU": lambda: ph.layers.GRU(4, return_sequences=True), "GRU backwards": lambda: ph.layers.GRU(4, go_backwards=True, use_bias=False),
    "SimpleRNN": lambda: ph.layers.SimpleRNN(4), "Bidirectional": lambda: ph.layers.Bidirectional(ph.layers.LSTM(4)),
}  # fmt: skip


@pytest.mark.parametrize("steps", [6, None])
@pytest.mark.parametrize("layer", RECURRENT)
def test_recurrent_models_agree_with_the_batch_size_open_too(layer, steps):
    x = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
    with ph.use_backend("numpy"):
        model = ph.Sequential([ph.Input((steps, 2)), RECURRENT[layer]()])
        expected = model.predict(x, verbose=0)
    model.to("openvino")
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    native = ph.native(model)
    np.testing.assert_allclose(native(x)[0], expected, atol=1e-6)
    np.testing.assert_allclose(native(x[:1])[0], expected[:1], atol=1e-6)
    loops = {"SimpleRNN": 1}.get(layer, 0)  # the others are sequences that the plugin has a kernel for
    kinds = [node.get_type_name() for node in ov_model(model).get_ops()]
    assert kinds.count("TensorIterator") + kinds.count("Loop") == loops


def test_evaluate_agrees_and_fit_is_refused():
    x, y = f32(20, 12, 12, 3), RNG.integers(0, 4, 20).astype("int32")
    with ph.use_backend("numpy"):
        model = small_convnet()
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        expected = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
        model.to("openvino")
    got = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    assert got == pytest.approx(expected, rel=1e-5)
    with pytest.raises(CapabilityError, match="cannot train"):
        model.fit(x, y, verbose=0)


def test_masks_pass_through_a_recurrent_model():
    tokens = np.array([[1, 2, 0, 0], [3, 4, 5, 0]], "int32")
    with ph.use_backend("numpy"):
        model = ph.Sequential([layers.Embedding(10, 4, mask_zero=True), layers.LSTM(3)])
        expected = model(tokens)
        model.to("openvino")
    np.testing.assert_allclose(model(tokens), expected, atol=1e-6)


def test_importing_the_engine_starts_no_process():
    code = """
import os, sys
os.fork = lambda: sys.exit("forked")
import pronghorn as ph
ph.set_backend("openvino")
import numpy as np
assert ph.Sequential([ph.Input((2,)), ph.layers.Dense(1)]).predict(np.ones((1, 2)), verbose=0).shape == (1, 1)
assert "openvino_telemetry" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
