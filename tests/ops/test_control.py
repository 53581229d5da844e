"""Control flow eagerly, compiled, symbolically, and with variables written inside."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops


def _np(x):
    return ops.convert_to_numpy(x)


def _compiled(engine, fn, *args, variables=()):
    """Run `fn` through the engine's executor."""
    step = engine.executor().compile(fn, list(variables))
    return step(*[engine.from_host(np.asarray(a)) for a in args])


def test_cond_and_switch_choose_by_value(engine):
    def fn(x):
        return ops.cond(ops.greater(ops.sum(x), 0), lambda: x * 2, lambda: x - 1)

    for run in (lambda x: fn(ops.convert_to_tensor(x)), lambda x: _compiled(engine, fn, x)):
        assert _np(run(np.array([1.0], "float32"))).tolist() == [2.0]
        assert _np(run(np.array([-1.0], "float32"))).tolist() == [-2.0]

    def pick(i, x):
        return ops.switch(i, [lambda v: v, lambda v: v * 10, lambda v: v * 100], x)

    for i, expected in ((-3, 2), (0, 2), (1, 20), (2, 200), (9, 200)):
        assert _np(_compiled(engine, pick, np.int32(i), np.int32(2))) == expected


def test_while_loop_keeps_structure_and_stops_at_the_limit(engine):
    total, i = ops.while_loop(lambda s, i: ops.less(i, 5), lambda s, i: (s + i, i + 1), (0, 0))
    assert (int(_np(total)), int(_np(i))) == (10, 5)
    assert int(_np(ops.while_loop(lambda i: True, lambda i: i + 1, 0, maximum_iterations=3))) == 3
    assert int(_np(ops.fori_loop(2, 5, lambda i, v: v * i, 1))) == 24
    out = _compiled(engine, lambda x: ops.while_loop(lambda v: ops.sum(v) < 100.0, lambda v: v * 2.0, x), np.ones(3, "float32"))
    assert _np(out).tolist() == [64.0] * 3


def test_scan_both_ways_and_nested(engine):
    xs = {"a": np.arange(4, dtype="float32"), "b": np.ones((4, 2), "float32")}

    def f(carry, x):
        carry = carry + x["a"]
        return carry, (carry, x["b"] * carry)

    for run in (lambda: ops.scan(f, np.float32(0), xs), lambda: _compiled(engine, lambda c: ops.scan(f, c, xs), np.float32(0))):
        last, (sums, scaled) = run()
        assert float(_np(last)) == 6 and _np(sums).tolist() == [0, 1, 3, 6] and _np(scaled)[:, 1].tolist() == [0, 1, 3, 6]
    assert _np(ops.scan(f, np.float32(0), xs, reverse=True)[1][0]).tolist() == [6, 6, 5, 3]
    last, ys = ops.scan(lambda c, _: (c * 2, None), np.int32(1), length=5)
    assert int(_np(last)) == 32 and ys is None


def test_map_and_vectorized_map(engine):
    x = np.arange(6, dtype="float32").reshape(3, 2)
    for fn in (ops.map, ops.vectorized_map):
        assert _np(fn(lambda v: ops.sum(v) * 2.0, x)).tolist() == [2, 10, 18]
        out = fn(lambda v: {"s": v[0] + v[1]}, (x, x))
        np.testing.assert_array_equal(_np(out["s"]), 2 * x)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan_equals_the_sequential_one(engine, n, reverse):
    x = np.random.default_rng(n).normal(size=(2, n)).astype("float32")
    expected = np.cumsum(x[:, ::-1], 1)[:, ::-1] if reverse else np.cumsum(x, 1)
    np.testing.assert_allclose(_np(ops.associative_scan(ops.add, x, reverse=reverse, axis=1)), expected, rtol=1e-5, atol=1e-5)
    # not commutative: affine maps y -> a y + b
    a, b = x, x[::-1]
    got = ops.associative_scan(lambda p, q: (p[0] * q[0], q[0] * p[1] + q[1]), (ops.convert_to_tensor(a), ops.convert_to_tensor(b.copy())), axis=1)[1]
    if not reverse:
        state, want = np.zeros(2, "float32"), []
        for t in range(n):
            state = a[:, t] * state + b[:, t]
            want.append(state)
        np.testing.assert_allclose(_np(got), np.stack(want, 1), rtol=1e-4, atol=1e-4)


def test_variables_written_inside_loops_and_branches_take_effect_once(engine):
    v, w = ph.Variable(np.float32(1.0)), ph.Variable(np.int32(0))

    def body(carry, x):
        v.assign(v * x)
        w.assign_add(1)
        return carry + v.value, v.value

    def step(xs):
        out, ys = ops.scan(body, np.float32(0), xs)
        ops.while_loop(lambda i: i < 2, lambda i: (w.assign_add(10), i + 1)[1], 0)
        ops.cond(ops.sum(xs) > 0, lambda: w.assign_add(100), lambda: w.value)
        return out, ys

    for factor, run in ((1, lambda: step(ops.convert_to_tensor([2.0, 3.0]))), (2, lambda: _compiled(engine, step, np.array([2.0, 3.0], "float32"), variables=[v, w]))):
        v.assign(1.0)
        out, ys = run()
        assert float(_np(out)) == 8.0 and _np(ys).tolist() == [2.0, 6.0] and float(v.numpy()) == 6.0
        assert int(w.numpy()) == factor * 122


def test_custom_gradient_is_used(engine):
    @ops.custom_gradient
    def double(x):
        return x * 2.0, lambda *args, upstream=None: (args[0] if upstream is None else upstream) * 7.0

    assert float(_np(double(np.float32(3.0)))) == 6.0
    if "autodiff" in engine.capabilities:
        v = ph.Variable(np.float32(3.0))
        assert float(_np(ph.value_and_grad(lambda: double(v.value) * 1.0, [v])[1][0])) == 7.0


def test_jvp_is_the_directional_derivative(engine):
    if "autodiff" not in engine.capabilities:
        with pytest.raises(Exception, match="has no derivatives. Backends that do"):
            ops.jvp(ops.square, (3.0,), (1.0,))
        return
    value, tangent = ops.jvp(lambda x: ops.sum(x * x), (np.array([1.0, 2.0], "float32"),), (np.array([1.0, 10.0], "float32"),))
    assert (float(_np(value)), float(_np(tangent))) == (5.0, 42.0)


def test_gradients_flow_through_scan(training_engine):
    v = ph.Variable(np.float32(2.0))
    xs = np.ones(3, "float32")
    loss, (g,) = ph.value_and_grad(lambda: ops.scan(lambda c, x: (c * v.value * x, c), np.float32(1.0), xs)[0], [v])
    assert (float(_np(loss)), float(_np(g))) == (8.0, 12.0)


def test_symbolic_control_flow_infers_shapes_and_replays():
    from pronghorn.symbolic import order, run

    x = ph.KerasTensor((None, 3))
    carry, ys = ops.scan(lambda c, row: (c + row, row * 2.0), np.zeros(3, "float32"), x)
    assert carry.shape == (3,) and ys.shape == (None, 3)
    with ph.use_backend("numpy"):
        data = np.ones((4, 3), "float32")
        got = run(order((carry, ys), [x]), {id(x): data}, (carry, ys))
        assert got[0].tolist() == [4.0] * 3 and got[1].shape == (4, 3)
    assert ops.vectorized_map(ops.sum, x).shape == (None,)
    assert ops.while_loop(lambda v: True, lambda v: v, x).shape == (None, 3)


def test_vectorize_broadcasts_with_a_signature(engine):
    f = ops.vectorize(lambda m, v: ops.sum(m * v, axis=-1), signature="(m,n),(n)->(m)")
    m, v = np.ones((5, 1, 2, 3), "float32"), np.arange(12, dtype="float32").reshape(4, 3)
    np.testing.assert_allclose(_np(f(m, v)), np.broadcast_to(v.sum(-1)[None, :, None], (5, 4, 2)))
