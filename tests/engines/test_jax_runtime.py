"""The JAX engine beyond its primitives: overrides, tracing, runtime, control flow, gradients, executor, native functions."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

from pronghorn import ops  # noqa: E402
from pronghorn.backend import primitives as p  # noqa: E402
from pronghorn.backend import registry  # noqa: E402


@pytest.fixture(autouse=True)
def _active():
    with registry.use_backend("jax"):
        yield registry.get("jax")


# -- overrides ---------------------------------------------------------------------------------------------------------------------------------
def test_compiled_bodies_name_real_ops():
    import pronghorn.random  # noqa: F401
    from pronghorn.backend.op import OPS
    from pronghorn_jax.overrides import BODIES, TENSORS

    assert set(OPS) >= BODIES
    for name, tensors in TENSORS.items():
        assert tensors <= set(OPS[name].signature.parameters)


def test_native_overrides_have_the_ops_parameters():
    import inspect

    from pronghorn.backend.op import OPS

    for name in ("relu", "relu6", "sigmoid", "rsqrt", "erfinv", "softmax", "log_softmax", "einsum", "tensordot"):
        assert list(inspect.signature(getattr(registry.get("jax"), name)).parameters) == list(OPS[name].signature.parameters), name


@pytest.mark.parametrize("kind", ["float32", "float16", "int32"])
@pytest.mark.parametrize("call", [
    ops.relu, ops.relu6, ops.sigmoid, ops.softmax, ops.log_softmax, ops.gelu, lambda x: ops.softmax(x, axis=[0, 1]), lambda x: ops.logsumexp(x, axis=(0,)),
    lambda x: ops.var(x, axis=[1], keepdims=True), lambda x: ops.einsum("ij,kj->ik", x, x), lambda x: ops.tensordot(x, x, [[1], [1]]),
    lambda x: ops.split(x, 3, axis=1), lambda x: ops.layer_normalization(x, ops.ones(6), axis=-1), lambda x: ops.tile(x, [2, 1]),
    lambda x: ops.one_hot(ops.cast(x, "int32"), 4), lambda x: ops.erfinv(ops.tanh(ops.multiply(x, 0.2))), lambda x: ops.rsqrt(ops.abs(x) + 1),
])  # fmt: skip
def test_overrides_match_the_bodies(call, kind):
    x = (np.random.default_rng(5).normal(size=(4, 6)) * 3).astype(kind)
    with registry.use_backend("numpy"):
        expected = call(x)
    for g, e in zip(*[v if isinstance(v, list) else [v] for v in (call(jnp.asarray(x)), expected)], strict=True):
        assert g.dtype == e.dtype and g.shape == e.shape
        tolerance = 3e-3 if e.dtype == "float16" else 1e-5
        np.testing.assert_allclose(np.asarray(g, "float64"), np.asarray(e, "float64"), rtol=tolerance, atol=tolerance)


def test_relu_has_no_gradient_at_zero():
    for f, expected in ((ops.relu, [0, 0, 1, 1]), (ops.relu6, [0, 0, 1, 0])):
        assert jax.grad(lambda x: f(x).sum())(jnp.array([-1.0, 0.0, 1.0, 6.0 if f is ops.relu6 else 9.0])).tolist() == expected  # noqa: B023


def test_repeated_products_have_gradients():
    index, x, u = jnp.array([[0], [2], [0], [1], [1]]), jnp.array([2.0, 3.0, 5.0]), jnp.array([3.0, 4.0, 7.0, 0.0, 6.0])
    f = lambda x, u: p.sum(p.multiply(p.scatter(x, index, u, "multiply"), jnp.array([1.0, 10.0, 100.0])), (0,), False)
    plain = lambda x, u: x[0] * u[0] * u[2] + 10 * x[1] * u[3] * u[4] + 100 * x[2] * u[1]
    for got, expected in zip(jax.jit(jax.grad(f, (0, 1)))(x, u), jax.grad(plain, (0, 1))(x, u), strict=True):
        assert got.tolist() == expected.tolist()


def test_settings_are_not_baked_into_compiled_bodies():
    from pronghorn.backend import settings

    x, before = jnp.ones((1, 2)), settings.epsilon()
    try:
        settings.set_epsilon(1e-7)
        small = ops.rms_normalization(x)
        settings.set_epsilon(3.0)
        assert float(small[0, 0]) == pytest.approx(1) and float(ops.rms_normalization(x)[0, 0]) == pytest.approx(0.5)
    finally:
        settings.set_epsilon(before)


def test_errors_of_compiled_bodies_are_the_bodies_own():
    with pytest.raises(ValueError, match="axis 5 is out of range"):
        ops.var(jnp.ones((2, 2)), axis=5)


# -- dispatch under JAX's transformations --------------------------------------------------------------------------------------------------
def test_ops_work_on_tracers():
    x = jnp.arange(6.0).reshape(2, 3)
    f = lambda x: ops.sum(ops.softmax(ops.exp(x) * 0.5 + np.float32(1), axis=-1) * ops.arange(3, dtype="float32"))
    assert float(jax.jit(f)(x)) == pytest.approx(float(f(x)))
    numeric = (f(x.at[0, 1].add(1e-2)) - f(x.at[0, 1].add(-1e-2))) / 2e-2
    assert float(jax.grad(f)(x)[0, 1]) == pytest.approx(float(numeric), rel=1e-3)
    assert float(jax.jit(jax.grad(f))(x)[0, 1]) == pytest.approx(float(numeric), rel=1e-3)
    assert jax.vmap(f)(x[:, None]).shape == (2,)
    assert jax.jit(jax.vmap(jax.grad(f)))(x[:, None]).shape == (2, 1, 3)


def test_constants_made_inside_a_trace_outlive_it(_active):
    kept = []

    @jax.jit
    def f(x):
        kept.append(_active.convert_to_tensor(np.ones(2, "float32"), "float32"))
        return x + kept[0] + ops.zeros(2) + ops.arange(2)

    assert f(jnp.ones(2)).tolist() == [2, 3] and kept[0].tolist() == [1, 1] and _active.is_concrete(kept[0])


# -- runtime -----------------------------------------------------------------------------------------------------------------------------------
def test_dtypes_follow_x64(_active):
    assert "float64" not in _active.dtypes and _active.dtype(ops.convert_to_tensor(np.arange(3, dtype="int64"))) == "int32"
    with pytest.raises(TypeError, match="jax_enable_x64"):
        ops.zeros(2, dtype="float64")
    jax.config.update("jax_enable_x64", True)
    try:
        x = ops.zeros(2, dtype="float64")
        assert x.dtype == "float64" and p.exp(x).dtype == "float64" and p.argmax(x, 0).dtype == "int32"
        assert ops.convert_to_tensor(np.arange(3, dtype="int64")).dtype == "int64" and p.sum(jnp.arange(3, dtype="int64"), (0,), False).dtype == "int64"
        for name, args in (("argsort", (0,)), ("top_k", (1,)), ("searchsorted", (x, "left"))):
            out = getattr(p, name)(x, *args)
            assert (out[-1] if name == "top_k" else out).dtype == "int32"
    finally:
        jax.config.update("jax_enable_x64", False)


def test_converted_arrays_share_no_memory(_active):
    buffer = np.zeros(100_016, "float32")
    start = (-buffer.ctypes.data % 64) // 4  # aligned, so that JAX could share it
    for size in (3, 100_000):
        host = buffer[start : start + size]
        host[0] = 0
        arrays = [_active.convert_to_tensor(host, "float32"), _active.executor().put([host])[0]]
        host[0] = 7
        assert [float(a[0]) for a in arrays] == [0, 0]


def test_ownership_and_devices(_active):
    assert _active.owns(type(jnp.ones(1))) and not _active.owns(np.ndarray)
    seen = []
    jax.jit(lambda x: seen.append((type(x), _active.is_concrete(x))) or x)(1.0)
    jax.grad(lambda x: seen.append((type(x), _active.is_concrete(x))) or x)(1.0)
    assert [(_active.owns(t), c) for t, c in seen] == [(True, False), (True, True)]
    name = _active.devices()[0]
    with _active.device_scope(name):
        assert str(ops.ones(2).device.platform) == name.partition(":")[0]
    assert _active.put(jnp.ones(2), name).tolist() == [1, 1]
    with pytest.raises(ValueError, match='no device "tpu:9"'):
        _active.device_scope("tpu:9")


def test_random_bits_follow_the_key(_active):
    key = lambda a, b: (jnp.int32(a), jnp.int32(b))
    x, y, z = (_active.random_bits((1000,), k) for k in (key(1, 2), key(1, 2), key(2, 1)))
    assert x.dtype == "int32" and (x == y).all() and not (x == z).any() and 400 < int((x < 0).sum()) < 600


def test_a_variable_cannot_start_with_a_traced_value():
    from pronghorn.state import StateError, Variable

    with pytest.raises(StateError, match="build"):
        jax.jit(lambda x: Variable(x).value)(jnp.ones(2))


# -- control flow and gradients ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("compiled", [False, True])
def test_control_flow(_active, compiled):
    run = jax.jit if compiled else (lambda f: f)
    branch = run(lambda x: _active.cond(p.less(x, 0), lambda: {"a": p.negative(x), "b": None}, lambda: {"a": x, "b": None}))
    assert [float(branch(jnp.float32(v))["a"]) for v in (-2, 3)] == [2, 3]
    count = run(lambda n: _active.while_loop(lambda i, s: p.less(i, n), lambda i, s: (p.add(i, 1), p.add(s, i)), (0, np.int32(0)), None))
    assert [int(v) for v in count(jnp.int32(5))] == [5, 10]
    limited = run(lambda n: _active.while_loop(lambda i: True, lambda i: (p.add(i, n),), (jnp.int32(0),), 4))
    assert int(limited(jnp.int32(2))[0]) == 8
    step = lambda c, x: (p.add(c, x["v"]), {"sum": p.add(c, x["v"]), "none": None})
    for reverse in (False, True):
        scan = run(lambda v: _active.scan(step, jnp.float32(0), {"v": v}, None, reverse, 1))  # noqa: B023
        last, ys = scan(jnp.arange(4.0))
        assert float(last) == 6 and ys["sum"].tolist() == ([6, 6, 5, 3] if reverse else [0, 1, 3, 6])
    last, ys = run(lambda c: _active.scan(lambda c, _: (p.multiply(c, 2.0), c), c, None, 300, False, 1))(jnp.float32(0))
    assert float(last) == 0 and ys.shape == (300,)
    assert _active.scan(step, jnp.float32(0), {"v": jnp.zeros((0,))}, None, False, 1)[1]["sum"].shape == (0,)


def test_gradients_of_nests_and_integers(_active):
    def loss(values):
        w, n, unused = values
        return p.sum(p.multiply(p.multiply(w, w), n), (0,), False), {"aux": n, "none": None}

    (value, aux), grads = _active.value_and_grad(loss, [jnp.array([1.0, 2.0]), jnp.int32(3), jnp.ones(2)])
    assert float(value) == 15 and int(aux["aux"]) == 3 and aux["none"] is None
    assert grads[0].tolist() == [6, 12] and grads[1] is None and grads[2].tolist() == [0, 0]


def test_gradient_through_eager_loops(_active):
    power = lambda x: _active.while_loop(lambda i, y: p.less(i, 3), lambda i, y: (p.add(i, 1), p.multiply(y, x)), (0, 1.0), None)[1]
    assert float(jax.grad(power)(2.0)) == 12
    total = lambda x: _active.scan(lambda c, v: (p.add(p.multiply(c, x), v), None), jnp.float32(1), jnp.ones(2), None, False, 1)[0]
    assert float(jax.grad(total)(3.0)) == float(jax.jit(jax.grad(total))(3.0)) == 7


def test_custom_gradient_vmap_and_jvp(_active):
    def clipped(x, n):
        return (p.multiply(x, 2.0), p.add(x, 1.0)), lambda a, b: (p.multiply(a, 10.0), None)

    f = _active.custom_gradient(clipped)
    assert [float(v) for v in f(jnp.float32(3), jnp.int32(1))] == [6, 4]
    assert float(jax.grad(lambda x: f(x, 1)[0])(3.0)) == 10
    straight = _active.custom_gradient(lambda x: (p.round(x), lambda upstream: upstream))
    assert float(jax.jit(jax.grad(straight))(2.3)) == 1
    with pytest.raises(ValueError, match="returned 1 gradients for 2"):
        jax.grad(_active.custom_gradient(lambda x, y: (x, lambda g: g)))(1.0, 2.0)
    rows = _active.vectorized_map(lambda t: p.sum(p.multiply(t["a"], t["b"]), (0,), False), {"a": jnp.ones((3, 2)), "b": np.ones((3, 2), "float32")})
    assert rows.tolist() == [2, 2, 2]
    value, slope = _active.jvp(lambda x: p.multiply(x, x), [jnp.float32(3)], [1.0])
    assert (float(value), float(slope)) == (9, 6)


# -- executor ----------------------------------------------------------------------------------------------------------------------------------
@pytest.fixture
def training(_active):
    """A step of gradient descent with momentum and a counter, its variables, and how often it was traced."""
    from pronghorn.state import Variable, value_and_grad

    w, m = Variable(np.array([1.0, 2.0], "float32"), name="w"), Variable(np.zeros(2, "float32"), name="m")
    seen, scale = Variable(0, dtype="int32", name="seen"), Variable(np.float32(1), name="scale")
    traces = []

    def step(x, y=None):
        traces.append(x.shape)

        def loss():
            seen.assign(p.add(seen, 1))
            return ops.mean(p.multiply(p.multiply(x, w), scale))

        value, (g,) = value_and_grad(loss, [w])
        m.assign(p.add(p.multiply(m, 0.5), g))
        w.assign(p.subtract(w, m.value))
        return {"loss": value, "y": y}

    return step, [w, m, seen, scale], traces


def test_compiled_steps_train(_active, training):
    step, variables, traces = training
    w, _, seen, scale = variables
    run = _active.executor().compile(step, variables)
    x = jnp.ones((4, 2))
    logs = [_active.executor().fetch(run(x, None)) for _ in range(3)]
    assert [float(v["loss"]) for v in logs] == [1.5, 1.0, 0.25] and logs[0]["y"] is None
    assert w.numpy().tolist() == [-1.125, -0.125] and int(seen.numpy()) == 3 and len(traces) == 1
    run(jnp.ones((2, 2)), None)
    assert len(traces) == 2 and int(seen.numpy()) == 4
    eager = _active.executor().compile(step, variables, jit=False)
    eager(x, None)
    assert int(seen.numpy()) == 5 and _active.is_concrete(w.storage)
    assert float(scale.numpy()) == 1


def test_repeated_steps_equal_single_ones(_active, training):
    step, variables, traces = training
    executor = _active.executor()
    start = [v.numpy() for v in variables]
    batches = [(jnp.full((4, 2), float(i)), jnp.float32(i)) for i in range(5)]
    single = executor.compile(step, variables)
    for b in batches:
        expected = single(*b)
    wanted = [v.numpy() for v in variables]
    for v, s in zip(variables, start, strict=True):
        v.assign(s)
    many = executor.compile(step, variables, repeat=5)
    result = many(batches)
    assert float(result["loss"]) == pytest.approx(float(expected["loss"])) and float(result["y"]) == 4
    for v, x in zip(variables, wanted, strict=True):
        np.testing.assert_allclose(v.numpy(), x, rtol=1e-6)
    ragged = [*batches[:2], (jnp.ones((1, 2)), jnp.float32(9))]
    assert float(many(ragged)["y"]) == 9 and int(variables[2].numpy()) == 8


def test_arrays_held_elsewhere_survive_donation(_active, training):
    from pronghorn.state import Variable

    step, variables, _ = training
    w = variables[0]
    twin = Variable(w.value, name="twin")
    held, view = w.value, np.asarray(variables[1].value)
    run = _active.executor().compile(lambda x: (step(x), twin.assign(p.add(twin, 1.0))), [*variables, twin])
    for _ in range(3):
        run(jnp.ones((4, 2)))
    assert held.tolist() == [1, 2] and view.tolist() == [0, 0] and twin.numpy().tolist() == [4, 5]
    before = w.value
    run(w.value[None])
    assert not before.is_deleted()


def test_failing_steps_leave_the_state_alone(_active, training):
    from pronghorn.backend.errors import MixedBackendsError
    from pronghorn.state import StateError, Variable

    step, variables, _ = training
    stray = Variable(np.zeros(2, "float32"), name="stray")
    executor, x = _active.executor(), jnp.ones((4, 2))
    run = executor.compile(step, variables)
    run(x)
    before = [v.numpy() for v in variables]

    def leak(x):
        out = step(x)
        stray.assign(p.add(stray, 1.0))
        return out

    with pytest.raises(StateError, match='"stray"'):
        executor.compile(leak, variables)(x)
    with pytest.raises(ValueError, match="broadcast"):
        run(jnp.ones((4, 3)))
    assert [v.numpy().tolist() for v in variables] == [b.tolist() for b in before] and stray.numpy().tolist() == [0, 0]
    run(x)
    with registry.use_backend("numpy"):
        foreign = Variable(np.zeros(2, "float32"), name="foreign")
    with pytest.raises(MixedBackendsError, match='"foreign" lives on numpy'):
        executor.compile(step, [*variables, foreign])


def test_later_signatures_may_write_more(_active):
    from pronghorn.state import Variable

    a, b = Variable(0.0, name="a"), Variable(0.0, name="b")

    def step(x):
        a.assign(p.add(a, 1.0))
        if x.shape[0] > 1:
            b.assign(p.add(b, 1.0))

    run = _active.executor().compile(step, [a, b])
    for n in (1, 2, 1, 2):
        run(jnp.ones(n))
    assert (float(a.numpy()), float(b.numpy())) == (4, 2)

    def other(x):
        if x.shape[0] > 1:
            b.assign(p.add(b, 1.0))

    run = _active.executor().compile(other, [a, b])
    for n in (2, 1, 2):
        run(jnp.ones(n))
    assert (float(a.numpy()), float(b.numpy())) == (4, 4)


def test_one_thread_predicts_while_another_trains(_active, training):
    import threading

    step, variables, _ = training
    w = variables[0]
    executor, x = _active.executor(), jnp.zeros((4, 2))
    train, predict = executor.compile(step, variables), executor.compile(lambda x: p.multiply(x, w), variables)
    train(x), predict(x)
    failures = []

    def serve():
        with registry.use_backend("jax"):
            try:
                for _ in range(300):
                    assert np.isfinite(np.asarray(predict(x))).all()
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=serve) for _ in range(2)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        train(x)
    assert not failures


def test_put_applies_the_dtype_rules(_active):
    executor = _active.executor()
    step = executor.compile(lambda batch: batch, [], jit=False)
    for _ in range(20):  # past the point where moving is compiled
        batch = step(executor.put({"x": np.ones((2, 3)), "y": np.arange(2), "none": None, "native": jnp.ones(1, "float16"), "u": np.ones(2, "uint8")}))
        assert {k: None if v is None else str(v.dtype) for k, v in batch.items()} == {
            "x": "float32", "y": "int32", "none": None, "native": "float16", "u": "uint8",
        }  # fmt: skip
        assert all(v is None or isinstance(v, jax.Array) for v in batch.values())


# -- native functions --------------------------------------------------------------------------------------------------------------------------
def test_native_function_is_pure(_active):
    from pronghorn.state import Variable

    class Layer:
        built = True

        def __init__(self):
            self.w, self.count = Variable(np.float32(3), name="w"), Variable(np.float32(0), trainable=False, name="count")
            self.variables = [self.w, self.count]

        def __call__(self, x, training=False):
            if training:
                self.count.assign(p.add(self.count, 1.0))
            return p.multiply(x, self.w)

    layer = Layer()
    apply, params = _active.interop(layer)
    assert sorted(params) == ["count", "w"] and params["w"] is layer.w.storage
    assert float(apply(params, jnp.float32(2))) == float(jax.jit(apply)(params, 2.0)) == 6
    gradient = jax.jit(jax.grad(lambda q: apply(q, jnp.float32(2), training=True)))(params)
    assert {k: float(v) for k, v in gradient.items()} == {"w": 2, "count": 0}
    assert float(apply(params, 1.0, training=True, mutable=True)[1]["count"]) == 1 and float(layer.count.numpy()) == 0
    with pytest.raises(KeyError, match="count"):
        apply({"w": params["w"]}, 1.0)
