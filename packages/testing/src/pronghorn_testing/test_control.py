"""Control flow, functions over slices, questions about tensors, and random bits."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.random import bits
from pronghorn.state import value_and_grad
from pronghorn.symbolic import Spec, evaluate
from pronghorn_testing import kit

pytestmark = pytest.mark.conformance
pytest_generate_tests = kit.generate
backend = kit.backend


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x)).tolist()


def both(backend, fn, *tensors):
    """The result of `fn`, eager and compiled, which must agree."""
    tensors = [ops.convert_to_tensor(t) for t in tensors]
    eager = registry.active().executor().fetch(fn(*tensors))
    compiled = backend.executor().fetch(backend.executor().compile(fn, [], jit="auto")(*tensors))
    flat = ph.tree.flatten(eager), ph.tree.flatten(compiled)
    for a, b in zip(*flat, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    return eager


def test_cond(backend):
    """Both branches, with nests, chosen by a tensor."""
    choose = lambda x: ops.cond(ops.less(ops.sum(x), 0.0), lambda: {"y": ops.negative(x)}, lambda: {"y": ops.multiply(x, 2.0)})
    assert both(backend, choose, [1.0, 2.0])["y"].tolist() == [2.0, 4.0]
    assert both(backend, choose, [-1.0, -2.0])["y"].tolist() == [1.0, 2.0]


def test_switch(backend):
    """The branch of a number; numbers outside take the nearest."""
    branches = [lambda x: ops.add(x, 1.0), lambda x: ops.multiply(x, 10.0)]
    pick = lambda i, x: ops.switch(i, branches, x)
    assert [both(backend, pick, np.array(i, "int32"), [2.0]).tolist() for i in (0, 1, 5)] == [[3.0], [20.0], [20.0]]


def test_while_loop(backend):
    """A loop over several variables, and one cut off by its number of iterations."""
    double = lambda x: ops.while_loop(lambda i, x: ops.less(i, 5), lambda i, x: (ops.add(i, 1), ops.multiply(x, 2.0)), (ops.convert_to_tensor(0), x))
    i, x = both(backend, double, [1.0, 3.0])
    assert int(i) == 5 and x.tolist() == [32.0, 96.0]
    endless = lambda x: ops.while_loop(lambda x: ops.less(x, 1e9), lambda x: (ops.multiply(x, 2.0),), (x,), maximum_iterations=3)
    assert float(ph.tree.flatten(both(backend, endless, 1.0))[0]) == 8.0


def test_fori_loop(backend):
    """A counted loop."""
    assert float(both(backend, lambda x: ops.fori_loop(1, 4, lambda i, v: ops.multiply(v, ops.cast(i, "float32")), x), 2.0)) == 12.0


def test_scan(backend):
    """A carry along the leading axis, forwards and backwards, nests on both sides."""
    def cell(carry, x):
        new = {"sum": ops.add(carry["sum"], x["a"])}
        return new, (new["sum"], ops.multiply(x["a"], x["b"]))

    for reverse in (False, True):
        run = lambda a, b, r=reverse: ops.scan(cell, {"sum": ops.zeros((2,))}, {"a": a, "b": b}, reverse=r)
        a, b = np.arange(6.0).reshape(3, 2).astype("float32"), np.full((3, 2), 2.0, "float32")
        carry, (sums, products) = both(backend, run, a, b)
        assert carry["sum"].tolist() == [6.0, 9.0] and products.tolist() == (a * b).tolist()
        assert sums.tolist() == (np.cumsum(a[::-1], 0)[::-1] if reverse else np.cumsum(a, 0)).tolist()


@kit.needs("autodiff")
def test_gradient_through_control_flow(backend):
    """Gradients pass through scan and cond."""
    w = ph.Variable([0.5, 2.0])
    xs = ops.convert_to_tensor(np.ones((3, 2), "float32"))

    def loss():
        carry, _ = ops.scan(lambda c, x: (ops.add(ops.multiply(c, w), x), None), ops.zeros((2,)), xs)
        return ops.cond(ops.less(ops.sum(carry), 0.0), lambda: ops.sum(carry), lambda: ops.multiply(ops.sum(carry), 2.0))

    value, (g,) = value_and_grad(loss, [w])
    np.testing.assert_allclose(numbers(value), 2 * (1.75 + 7.0))
    np.testing.assert_allclose(numbers(g), [2 * (1 + 2 * 0.5), 2 * (1 + 2 * 2.0)])


def test_writes_inside_loops(backend):
    """Variables written inside a loop hold the last value, eager and compiled."""
    count = ph.Variable(0.0, trainable=False)

    def step(x):
        def body(c, row):
            count.assign_add(1.0)
            return ops.add(c, row), None

        return ops.scan(body, ops.zeros((2,)), x)[0]

    x = ops.convert_to_tensor(np.ones((3, 2), "float32"))
    assert numbers(step(x)) == [3.0, 3.0] and count.numpy() == 3.0
    assert numbers(backend.executor().compile(step, [count], jit="auto")(x)) == [3.0, 3.0] and count.numpy() == 6.0


def test_map(backend):
    """A function of each row."""
    assert both(backend, lambda x: ops.map(lambda row: ops.sum(ops.square(row)), x), [[1.0, 2.0], [3.0, 4.0]]).tolist() == [5.0, 25.0]


def test_associative_scan(backend):
    """All partial sums, forwards and backwards."""
    x = np.arange(5.0, dtype="float32")
    assert both(backend, lambda v: ops.associative_scan(ops.add, v), x).tolist() == np.cumsum(x).tolist()
    assert both(backend, lambda v: ops.associative_scan(ops.add, v, reverse=True), x).tolist() == np.cumsum(x[::-1])[::-1].tolist()


def test_vectorized_map(backend):
    """A function applied to each slice."""
    assert both(backend, lambda x: ops.vectorized_map(lambda row: ops.matmul(row, row), x), [[1.0, 2.0], [3.0, 4.0]]).tolist() == [5.0, 25.0]


def test_vectorize(backend):
    """A function of vectors applied along the leading axes."""
    norm = ops.vectorize(lambda v: ops.sum(ops.square(v)), signature="(n)->()")
    assert both(backend, norm, [[1.0, 2.0], [3.0, 4.0]]).tolist() == [5.0, 25.0]


def test_symbolic_control_flow(backend):
    """Shapes and dtypes of control flow are inferred as for any op."""
    carry, ys = evaluate(lambda x: ops.scan(lambda c, row: (ops.add(c, row), ops.sum(row)), ops.zeros((3,)), x), Spec((4, 3)))
    assert (carry.shape, ys.shape, ys.dtype) == ((3,), (4,), "float32")


def test_conversions_and_questions(backend):
    """Shape, rank, size and dtype of a tensor."""
    x = ops.convert_to_tensor(np.zeros((2, 3), "float32"))
    assert tuple(ops.shape(x)) == (2, 3) and ops.ndim(x) == 2 and int(np.asarray(ops.convert_to_numpy(ops.size(x)))) == 6
    assert backend.dtype(x) == ops.dtype_of(x) == "float32" and ops.broadcast_shapes((2, 1), (3,)) == (2, 3)


# -- random numbers ------------------------------------------------------------------------------------------------------------------------
#: published test vectors of threefry 2x32 with 20 rounds: key, counter, result
THREEFRY = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


def words(pair):
    return [ops.convert_to_tensor(np.array([v], "uint32").view("int32")) for v in pair]


def test_random_bits_are_threefrys(backend):
    """The published vectors, eager and compiled."""
    for key, counter, expected in THREEFRY:
        for run in (bits.rounds, backend.executor().compile(bits.rounds, [], jit="auto")):
            found = run(tuple(words(key)), *words(counter))
            assert [int(np.asarray(ops.convert_to_numpy(v)).view("uint32")[0]) for v in found] == list(expected)


def test_random_numbers_are_the_references(backend):
    """One seed gives one draw everywhere: bits and integers exactly, floats to rounding."""
    draws = {
        "bits": lambda: bits.threefry(np.array([3, 4], "int32"), (3, 5)),
        "uniform": lambda: ph.random.uniform((4, 3), seed=7),
        "normal": lambda: ph.random.normal((4, 3), seed=7),
        "randint": lambda: ph.random.randint((4, 3), 0, 100, seed=7),
        "dropout": lambda: ph.random.dropout(ops.ones((4, 5)), 0.4, seed=7),
    }
    for name, draw in draws.items():
        with registry.use_backend("numpy"):
            expected = np.asarray(draw())
        found = draw()
        assert backend.owns(type(found)), name
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-6, err_msg=name)
        if name in ("bits", "randint"):
            np.testing.assert_array_equal(ops.convert_to_numpy(found), expected, err_msg=name)


def test_seed_generator_advances_inside_steps(backend):
    """A compiled step draws other numbers each time, the same as eager calls."""
    eager, compiled = ph.random.SeedGenerator(3), ph.random.SeedGenerator(3)
    plain = [numbers(ph.random.uniform((2,), seed=eager)) for _ in range(3)]
    step = backend.executor().compile(lambda x: ops.multiply(x, ph.random.uniform((2,), seed=compiled)), [compiled.state], jit="auto")
    found = [numbers(step(ops.ones((2,)))) for _ in range(3)]
    np.testing.assert_allclose(found, plain, rtol=1e-6)
    assert len({tuple(v) for v in plain}) == 3


@kit.needs("native_rng")
def test_native_random_bits(backend):
    """The backend's own generator: the key decides, all 32 bits vary."""
    key = tuple(ops.convert_to_tensor(np.array(v, "int32")) for v in (1, 2))
    one, two = (np.asarray(backend.convert_to_numpy(backend.random_bits((1000,), key))) for _ in range(2))
    other = np.asarray(backend.convert_to_numpy(backend.random_bits((1000,), (key[0], key[0]))))
    assert one.dtype == np.int32 and one.shape == (1000,)
    assert (one == two).all() and (one != other).mean() > 0.99
    share = np.unpackbits(one.view("uint8")).mean()
    assert 0.48 < share < 0.52
