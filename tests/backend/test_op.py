import threading

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.backend.errors import MixedBackendsError
from pronghorn.backend.op import OPS, PRIMITIVES
from pronghorn.symbolic import Spec

EAGER = ["numpy", "jax", "torch", "tensorflow"]


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("name", EAGER)
def test_result_is_the_engines_own_tensor(name):
    backend = registry.get(name)
    with ph.use_backend(name):
        x = ops.convert_to_tensor([[1.0, 2.0]])
        for out in (x, ops.add(x, 1), ops.mean(x), ops.concatenate([x, x])):
            assert isinstance(out, backend.types)


@pytest.mark.parametrize("name", EAGER)
def test_tensor_type_decides_not_the_active_backend(name):
    with ph.use_backend(name):
        x = ops.convert_to_tensor([1.0, 2.0])
    with ph.use_backend("numpy"):
        out = ops.mean(ops.multiply(x, np.array([3.0, 4.0], "float32")))
    assert isinstance(out, registry.get(name).types) or name == "numpy"
    assert float(host(out)) == 5.5


@pytest.mark.parametrize("name", EAGER)
def test_promotion_and_weak_scalars(name):
    with ph.use_backend(name):
        b = registry.active()
        i, h, f = (ops.cast([1, 2], d) for d in ("int32", "float16", "float32"))
        assert b.dtype(ops.add(i, h)) == "float16"
        assert b.dtype(ops.multiply(h, 2.5)) == "float16"
        assert b.dtype(ops.multiply(i, 2.5)) == "float32"
        assert b.dtype(ops.divide(i, i)) == "float32"
        assert b.dtype(ops.maximum(i, 1)) == "int32"
        assert b.dtype(ops.add(h, f)) == "float32"
        assert b.dtype(ops.exp(i)) == "float32"


@pytest.mark.parametrize("name", EAGER)
def test_host_float64_becomes_floatx_and_explicit_dtypes_are_honoured_or_refused(name):
    with ph.use_backend(name):
        b = registry.active()
        assert b.dtype(ops.convert_to_tensor([1.0])) == "float32"
        if name != "numpy":  # there an array is a tensor already
            assert b.dtype(ops.convert_to_tensor(np.zeros(2))) == "float32"
        if "float64" in b.dtypes:
            assert b.dtype(ops.convert_to_tensor([1.0], "float64")) == "float64"
        else:
            with pytest.raises(TypeError, match="has no dtype float64.*jax_enable_x64"):
                ops.convert_to_tensor([1.0], "float64")


def test_numbers_that_do_not_fit_are_refused():
    with ph.use_backend("numpy"), pytest.raises(OverflowError, match="300 does not fit uint8"):
        ops.add(np.zeros(2, "uint8"), 300)


def test_numbers_alone_go_to_the_engine_that_is_active_at_each_call():
    for name in ("torch", "numpy", "jax"):
        with ph.use_backend(name) as backend:
            assert backend.owns(type(ops.maximum(3, 1))) and backend.owns(type(ops.sqrt(2.0)))


def test_tensors_of_two_engines_in_one_op():
    with ph.use_backend("jax"):
        a = ops.ones((2,))
    with ph.use_backend("torch"):
        b = ops.ones((2,))
    with pytest.raises(MixedBackendsError, match=r"add: got tensors of two engines, jax and torch.*ops.convert"):
        ops.add(a, b)
    assert host(ops.add(a, ops.convert(b, backend="jax"))).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("name", EAGER)
def test_shape_errors_are_the_same_everywhere(name):
    with ph.use_backend(name):
        with pytest.raises(ValueError, match=r"add: shapes \(2, 3\) and \(4,\) do not broadcast together"):
            ops.add(ops.ones((2, 3)), ops.ones((4,)))
        with pytest.raises(ValueError, match=r"matmul: shapes \(2, 3\) and \(4, 5\) do not fit"):
            ops.matmul(ops.ones((2, 3)), ops.ones((4, 5)))
        with pytest.raises(ValueError, match="sum: axis 2 is out of range for a tensor of rank 2"):
            ops.sum(ops.ones((2, 3)), axis=2)


def test_shape_errors_on_specs_read_the_same():
    with pytest.raises(ValueError, match=r"add: shapes \(None, 3\) and \(4,\) do not broadcast together"):
        ops.add(Spec((None, 3)), Spec((4,)))


def test_keyword_operands():
    with ph.use_backend("numpy"):
        assert host(ops.add(x1=[1.0], x2=2)).tolist() == [3.0]
        assert host(ops.subtract([5.0], x2=[2.0])).tolist() == [3.0]
        assert float(host(ops.sum(x=[1.0, 2.0], axis=0))) == 3.0


def test_missing_argument_is_a_type_error():
    with pytest.raises(TypeError, match="x2"):
        ops.add(1.0)


def test_every_op_has_a_docstring():
    assert not [n for table in (OPS, PRIMITIVES) for n, op in table.items() if not op.doc.strip() and not n.startswith("_")]


def test_arrays_belong_to_the_active_engine_however_often_they_were_numpys():
    """Plans for arrays are short while no scope is open in any thread; one that opens elsewhere, or lists with another engine's tensors, must be seen."""
    jax = pytest.importorskip("jax")
    x, c = np.ones((2, 2), "float32"), np.array([[True, False]] * 2)
    calls = {
        "exp": lambda a: ops.exp(a), "add": lambda a: ops.add(a, a), "where": lambda a: ops.where(c, a, a), "fmax": lambda a: ops.fmax(a, a),
        "concatenate": lambda a: ops.concatenate([a, a]), "stack": lambda a: ops.stack([a, a]), "cast": lambda a: ops.cast(a, "int32"),
        "same": lambda a: ops.cast(a, "float32"),
    }  # fmt: skip
    before = registry.active_name()
    ph.set_backend("numpy")
    try:
        for _ in range(2):
            assert all(isinstance(call(x), np.ndarray) for call in calls.values())
        opened, leave, seen = threading.Event(), threading.Event(), {}

        def elsewhere():
            with ph.use_backend("jax"):
                opened.set()
                assert leave.wait(60)
                seen.update({name: isinstance(call(x), jax.Array) for name, call in calls.items()})

        thread = threading.Thread(target=elsewhere)
        thread.start()
        assert opened.wait(60)
        assert all(isinstance(call(x), np.ndarray) for call in calls.values())
        leave.set()
        thread.join()
        assert seen == dict.fromkeys(calls, True)
        theirs = jax.numpy.asarray(x)
        assert isinstance(ops.concatenate([x, theirs]), jax.Array) and isinstance(ops.stack([theirs, x]), jax.Array)
        ph.set_backend("jax")
        assert all(isinstance(call(x), jax.Array) for call in calls.values())
    finally:
        ph.set_backend(before)


def test_lists_may_hold_variables_however_often(engine):
    x = np.arange(4, dtype="float32").reshape(2, 2)
    v = ph.Variable(x)
    for _ in range(3):
        for xs in ([v, v], [v, ops.convert_to_tensor(x)], [ops.convert_to_tensor(x), v], [v, x], (v, v)):
            np.testing.assert_array_equal(ops.convert_to_numpy(ops.concatenate(xs)), np.concatenate([x, x]))
            np.testing.assert_array_equal(ops.convert_to_numpy(ops.stack(xs)), np.stack([x, x]))
            np.testing.assert_array_equal(ops.convert_to_numpy(ops.einsum("ij,jk", *xs)), x @ x)
