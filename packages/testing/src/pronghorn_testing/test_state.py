"""Variables, binding and recorded writes, gradients with side writes, and compiled steps."""

import threading

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.backend.dtypes import standardize
from pronghorn.backend.errors import CapabilityError
from pronghorn.state import StateError, bind, pure, value_and_grad
from pronghorn_testing import kit

pytestmark = pytest.mark.conformance
pytest_generate_tests = kit.generate
backend = kit.backend


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x)).tolist()


def test_assignment(backend):
    """A variable keeps its dtype, takes tensors, numbers and arrays, and refuses another shape."""
    v = ph.Variable([1.0, 2.0], name="v")
    v.assign([3, 4])
    v.assign_add(ops.convert_to_tensor([1.0, 1.0]))
    v.assign_sub(np.array([0.5, 0.5]))
    assert numbers(v) == [3.5, 4.5] and v.dtype == "float32" and v.shape == (2,)
    assert numbers(ops.multiply(v, 2.0)) == [7.0, 9.0]
    with pytest.raises(ValueError, match=r"v: cannot assign a value of shape \(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    counter = ph.Variable(0, dtype="int32", trainable=False)
    counter.assign_add(1)
    assert counter.numpy() == 1 and counter.numpy().dtype == np.int32


def test_assignment_does_not_reach_earlier_results(backend):
    """What was computed before an assignment stays, and so does the array the variable started from."""
    start = np.array([1.0, 2.0], "float32")
    v = ph.Variable(start)
    before = ops.add(v, 1.0)
    v.assign([10.0, 20.0])
    assert numbers(before) == [2.0, 3.0] and start.tolist() == [1.0, 2.0]
    source = ops.convert_to_tensor([5.0, 6.0])
    v.assign(source)
    v.assign_add([1.0, 1.0])
    assert numbers(source) == [5.0, 6.0]


def test_binding(backend):
    """Bound variables read what they are given, writes are recorded and reach nothing outside."""
    v = ph.Variable([1.0])
    function = pure(lambda x: v.assign(ops.add(v, x)), [v])
    _, (new,) = function([ops.convert_to_tensor([10.0])], ops.convert_to_tensor([5.0]))
    assert numbers(new) == [15.0] and numbers(v) == [1.0]


def test_binding_refuses_lost_writes(backend):
    """A write to a variable outside the bound state raises and names it."""
    v, stray = ph.Variable([1.0]), ph.Variable([1.0], name="stray")
    with bind([v], [v.value]), pytest.raises(StateError, match='"stray"'):
        stray.assign([2.0])
    assert numbers(stray) == [1.0]


def test_binding_is_per_thread(backend):
    """While one thread has bound a variable, another reads its own value."""
    v, seen = ph.Variable([1.0]), []

    def read():
        with registry.use_backend(backend.name):
            seen.append(numbers(v))

    with bind([v], [ops.convert_to_tensor([9.0])]):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        assert numbers(v.value) == [9.0]
    assert seen == [[1.0]]


def test_moving(backend):
    """Variables move to numpy and back with their values."""
    v = ph.Variable([1.0, 2.0])
    v.to(registry.get("numpy"))
    assert type(v.value) is np.ndarray
    v.to(backend)
    v.assign_add([1.0, 1.0])
    assert backend.owns(type(v.value)) and numbers(v) == [2.0, 3.0]


# -- gradients -----------------------------------------------------------------------------------------------------------------------------
@kit.needs("autodiff")
def test_gradients(backend):
    """Loss, gradients and auxiliary results come in the function's own form; an unconnected variable has none or zeros."""
    w, unused = ph.Variable([2.0, 3.0]), ph.Variable([1.0])
    loss, (g, none) = value_and_grad(lambda: ops.sum(ops.power(w, 3)), [w, unused])
    assert float(numbers(loss)) == 35.0 and numbers(g) == [12.0, 27.0]
    assert none is None or not np.any(numbers(none))
    (loss, aux), (g,) = value_and_grad(lambda: (ops.sum(ops.multiply(w, w)), {"double": ops.multiply(w, 2.0)}), [w])
    assert float(numbers(loss)) == 13.0 and numbers(g) == [4.0, 6.0] and numbers(aux["double"]) == [4.0, 6.0]


@kit.needs("autodiff")
def test_gradients_with_writes(backend):
    """Writes inside the function take effect once, and what is read after a write is the new value."""
    w, calls, mean = ph.Variable([2.0, 4.0]), ph.Variable(0.0, trainable=False), ph.Variable([0.0, 0.0], trainable=False)

    def loss():
        calls.assign_add(1.0)
        mean.assign(ops.add(ops.multiply(mean, 0.5), ops.multiply(w, 0.5)))
        return ops.sum(ops.multiply(w, ops.stop_gradient(mean.value))), calls.value

    (value, aux), (g,) = value_and_grad(loss, [w])
    assert numbers(value) == 10.0 and numbers(aux) == 1.0 and numbers(g) == [1.0, 2.0]
    assert numbers(calls) == 1.0 and numbers(mean) == [1.0, 2.0] and numbers(w) == [2.0, 4.0]


@kit.needs("autodiff")
def test_gradients_leave_integers_alone(backend):
    """Integer work inside the function is no obstacle."""
    w, ids = ph.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), ops.convert_to_tensor([2, 0, 2])
    _, (g,) = value_and_grad(lambda: ops.sum(ops.take(w, ids, axis=0)), [w])
    assert numbers(g) == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


@kit.needs("autodiff")
def test_custom_gradient(backend):
    """A function with a gradient of its own."""

    @ops.custom_gradient
    def clipped(x):
        return ops.multiply(x, 3.0), lambda *args, upstream=None: ops.clip(args[0] if upstream is None else upstream, -1.0, 1.0)

    w = ph.Variable([1.0, 2.0])
    loss, (g,) = value_and_grad(lambda: ops.sum(ops.multiply(clipped(w.value), ops.convert_to_tensor([0.5, 10.0]))), [w])
    assert numbers(loss) == 61.5 and numbers(g) == [0.5, 1.0]


@kit.needs("autodiff")
def test_jvp(backend):
    """Value and directional derivative."""
    x, t = ops.convert_to_tensor([1.0, 2.0]), ops.convert_to_tensor([1.0, 0.5])
    value, slope = ops.jvp(lambda v: ops.power(v, 2), (x,), (t,))
    assert numbers(value) == [1.0, 4.0] and numbers(slope) == [2.0, 2.0]


def test_no_gradients_is_said_early(backend):
    """A backend without gradients says where to train."""
    if "autodiff" in backend.capabilities:
        return
    v = ph.Variable([1.0])
    with pytest.raises(CapabilityError, match=f"{backend.name} cannot train"):
        value_and_grad(lambda: ops.sum(v), [v])


# -- compiled steps ------------------------------------------------------------------------------------------------------------------------
def descend(w, count):
    """A training step by hand: two writes, a nest as result."""

    def step(x, batch):
        def loss():
            count.assign_add(1.0)
            return ops.mean(ops.square(ops.subtract(ops.matmul(x, w), batch["y"])))

        value, (g,) = value_and_grad(loss, [w])
        w.assign_sub(ops.multiply(g, 0.1))
        return {"loss": value, "count": count.value}

    return step


def batches(n):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(4, 3)).astype("float32"), {"y": rng.normal(size=(4, 1)).astype("float32")}) for _ in range(n)]


def train(jit, repeat=1):
    w, count = ph.Variable(np.ones((3, 1), "float32")), ph.Variable(0.0, trainable=False)
    executor = registry.active().executor()
    step = executor.compile(descend(w, count), [w, count], jit=jit, repeat=repeat)
    data = [executor.put(b) for b in batches(4)]
    if repeat == 1:
        logs = [step(*b) for b in data]
    else:
        logs = [step(data[i : i + repeat]) for i in range(0, len(data), repeat)]
    return executor.fetch(logs)[-1], w.numpy(), count.numpy()


def by_hand():
    w = np.ones((3, 1))
    for x, b in batches(4):
        d = x @ w - b["y"]
        w = w - 0.1 * 2 * x.T @ d / d.size
    return (d**2).mean(), w


@kit.needs("autodiff")
@pytest.mark.parametrize("jit", [False, "auto", True])
def test_compiled_training_step(backend, jit):
    """A compiled step trains like arithmetic by hand, writes every variable back and returns its logs."""
    loss, w = by_hand()
    logs, found, count = train(jit)
    np.testing.assert_allclose(found, w, rtol=2e-5)
    np.testing.assert_allclose(logs["loss"], loss, rtol=2e-5)
    assert count == 4.0 and logs["count"] == 4.0


@kit.needs("autodiff")
def test_several_steps_in_one_call(backend):
    """`repeat` runs several steps per call and returns the last result."""
    loss, w = by_hand()
    logs, found, count = train("auto", repeat=2)
    np.testing.assert_allclose(found, w, rtol=2e-5)
    np.testing.assert_allclose(logs["loss"], loss, rtol=2e-5)
    assert count == 4.0


def test_compiled_step_refuses_lost_writes(backend):
    """A compiled step that writes a variable it does not hold raises, or writes it; the write is never lost."""
    v, stray = ph.Variable([1.0]), ph.Variable([0.0], name="stray")

    def step(x):
        stray.assign_add([1.0])
        return ops.add(v, x)

    try:
        backend.executor().compile(step, [v], jit="auto")(ops.convert_to_tensor([1.0]))
    except StateError as error:
        assert "stray" in str(error) and numbers(stray) == [0.0]
    else:
        assert numbers(stray) == [1.0]


def test_compiled_step_takes_other_shapes(backend):
    """A compiled function is called with another batch size, another dtype, and nests with None."""
    v = ph.Variable([2.0, 3.0])
    step = backend.executor().compile(lambda x, rest: ops.sum(ops.multiply(x, v), axis=-1), [v], jit="auto")
    for n in (2, 5, 2):
        assert numbers(step(ops.convert_to_tensor(np.ones((n, 2), "float32")), {"mask": None, "id": (None,)})) == [5.0] * n
    v.assign([1.0, 1.0])
    assert numbers(step(ops.convert_to_tensor(np.ones((2, 2), "float32")), {"mask": None, "id": (None,)})) == [2.0, 2.0]


def test_batches_go_in_and_logs_come_out(backend):
    """`put` makes what a step takes of a nest of arrays, with the dtypes of host data; steps see tensors, and `fetch` makes arrays of them."""
    executor = backend.executor()
    host = np.ones((2, 2)), (np.array([1, 2], "int32"), None)
    batch = executor.put(host)
    host[0][:] = 7.0  # the batch is a copy

    def step(x, rest):
        y, none = rest
        assert all(backend.owns(type(v)) or isinstance(v, ph.KerasTensor) for v in (x, y)) and none is None
        assert [standardize(v.dtype) for v in (x, y)] == ["float32", "int32"]
        return {"a": x, "b": [y, None]}

    for jit in ("auto", False):
        back = executor.fetch(executor.compile(step, [], jit=jit)(*batch))
        assert back["a"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert type(back["a"]) is np.ndarray and back["b"][0].tolist() == [1, 2] and back["b"][1] is None
