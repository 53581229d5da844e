import threading

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry
from pronghorn.backend.errors import CapabilityError
from pronghorn.state import StateError, bind, pure, value_and_grad

EAGER = ["numpy", "jax", "torch", "tensorflow"]
TRAINING = ["jax", "torch", "tensorflow"]


@pytest.mark.parametrize("name", EAGER)
def test_assign(name):
    with ph.use_backend(name):
        v = ph.Variable([1.0, 2.0], name="v")
        v.assign([3, 4])
        v.assign_add(1.0)
        v.assign_sub(np.array([0.5, 0.5]))
        assert v.numpy().tolist() == [3.5, 4.5]
        assert v.dtype == "float32" and v.shape == (2,)
        with pytest.raises(ValueError, match=r"v: cannot assign a value of shape \(3,\)"):
            v.assign([1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", ["numpy", "torch", "tensorflow"])
def test_assigning_an_array_keeps_float64(name):
    with ph.use_backend(name):
        v = ph.Variable([0.0], dtype="float64")
        v.assign(np.array([1 / 3]))
        assert v.numpy()[0] == 1 / 3
        v.assign([2 / 3])
        assert v.numpy()[0] == 2 / 3


@pytest.mark.parametrize("name", EAGER)
def test_binding_reads_given_values_and_records_writes(name):
    with ph.use_backend(name):
        v = ph.Variable([1.0])
        function = pure(lambda x: v.assign(ops.add(v, x)), [v])
        _, (new,) = function([ops.convert_to_tensor([10.0])], ops.convert_to_tensor([5.0]))
        assert ops.convert_to_numpy(new).tolist() == [15.0]
        assert v.numpy().tolist() == [1.0]


def test_write_outside_the_bound_state_raises():
    with ph.use_backend("numpy"):
        v, stray = ph.Variable([1.0]), ph.Variable([1.0], name="stray")
        with bind([v], [v.value]), pytest.raises(StateError, match='"stray" is written inside a compiled step'):
            stray.assign([2.0])


def test_binding_is_per_thread():
    with ph.use_backend("numpy"):
        v = ph.Variable([1.0])
        seen = []
        with bind([v], [np.array([9.0], "float32")]):
            thread = threading.Thread(target=lambda: seen.append(float(v.value[0])))
            thread.start()
            thread.join()
            assert float(v.value[0]) == 9.0
        assert seen == [1.0]


@pytest.mark.parametrize("name", TRAINING)
def test_value_and_grad_with_aux_and_side_writes(name):
    with ph.use_backend(name):
        w, calls, unused = ph.Variable([2.0, 3.0]), ph.Variable(0.0, trainable=False), ph.Variable([1.0])

        def loss():
            calls.assign_add(1.0)
            return ops.sum(ops.multiply(w, ops.multiply(w, w))), calls.value

        (value, aux), (grad, none) = value_and_grad(loss, [w, unused])
        assert float(ops.convert_to_numpy(value)) == 35.0
        assert ops.convert_to_numpy(grad).tolist() == [12.0, 27.0]
        assert none is None or not np.any(ops.convert_to_numpy(none))
        assert float(ops.convert_to_numpy(aux)) == 1.0
        assert float(calls.numpy()) == 1.0


def test_an_engine_without_gradients_says_where_to_train():
    with ph.use_backend("numpy"):
        v = ph.Variable([1.0])
        with pytest.raises(CapabilityError, match=r"numpy cannot train \(no autodiff\). Train on jax, torch, tensorflow"):
            value_and_grad(lambda: ops.sum(v), [v])


@pytest.mark.parametrize("name", EAGER)
def test_move_between_engines(name):
    with ph.use_backend("numpy"):
        v = ph.Variable([1.0, 2.0])
    v.to(registry.get(name))
    assert isinstance(v.value, registry.get(name).types)
    assert v.numpy().tolist() == [1.0, 2.0]
