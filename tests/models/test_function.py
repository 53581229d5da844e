"""Operations, functions made of graphs, and the public contexts around state."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


class Power(ph.Operation):
    """A power with its exponent as configuration."""

    def __init__(self, exponent, name=None):
        super().__init__(name=name)
        self.exponent = exponent

    def call(self, x):
        return x**self.exponent


def test_operation_is_a_node_on_symbolic_tensors_and_a_call_on_others():
    op, x = Power(2, name="square"), ph.Input((3,))
    y = op(x)
    assert y.shape == (None, 3) and op.input is x and op.output is y
    np.testing.assert_array_equal(op(X), X**2)
    model = ph.Model(x, ops.sqrt(op(y)))
    np.testing.assert_allclose(model(X), X**2, rtol=1e-6)
    assert isinstance(ph.layers.Dense(1), ph.Operation) and [layer.name for layer in model.layers] == [x.name]
    with pytest.raises(AttributeError, match="called 2 times"):
        _ = op.output


def test_operation_comes_back_from_the_config_of_a_model():
    x = ph.Input((3,))
    model = ph.Model(x, Power(3)(x))
    with ph.saving.custom_object_scope({"Power": Power}):
        again = ph.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(X), X**3)
    with pytest.raises(NotImplementedError, match='argument "exponent" is a ndarray'):
        Power(np.ones(3)).get_config()


def test_function_runs_a_graph():
    a, b = ph.Input((3,), name="a"), ph.Input((3,), name="b")
    dense = ph.layers.Dense(2)
    f = ph.Function({"a": a, "b": b}, [dense(a) + 1.0, a * b])
    w, c = dense.get_weights()
    first, second = f({"a": X, "b": X})
    np.testing.assert_allclose(first, X @ w + c + 1, rtol=1e-6)
    np.testing.assert_array_equal(second, X * X)
    assert [s.shape for s in f({"a": ph.Input((3,)), "b": ph.Input((3,))})] == [(None, 2), (None, 3)]
    assert f.compute_output_shape({"a": (5, 3), "b": (5, 3)}) == [(5, 2), (5, 3)]
    assert f.inputs == [a, b] and dense in f.operations and len(f.outputs) == 2
    with pytest.raises(ValueError, match="missing: b"):
        f({"a": X})
    with pytest.raises(ValueError, match=r"should have shape \(None, 3\); received shape \(2, 4\)"):
        ph.Function(a, a * 2)(np.ones((2, 4), "float32"))
    with pytest.raises(ValueError, match="disconnected"):
        ph.Function(a, a * b)


def test_stateless_scope_keeps_what_is_assigned_and_what_is_lost():
    v, w = ph.Variable(np.ones(2, "float32")), ph.Variable(0.0)

    class Costly(ph.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    with ph.StatelessScope([(v, np.zeros(2, "float32"))], collect_losses=True) as scope:
        assert v.numpy().tolist() == [0, 0] and scope.get_current_value(w) is None
        v.assign_add([3.0, 4.0])
        scope.add_update((w, ops.convert_to_tensor(7.0)))
        assert v.numpy().tolist() == [3, 4] and float(w.numpy()) == 7
        Costly()(X)
    assert np.asarray(scope.get_current_value(v)).tolist() == [3, 4] and [float(x) for x in scope.losses] == [15.0]
    assert v.numpy().tolist() == [1, 1] and float(w.numpy()) == 0
    with pytest.raises(ValueError, match=r"should have shape \(2,\); received shape \(3,\)"):
        ph.StatelessScope([(v, np.zeros(3, "float32"))])
    with pytest.raises(ValueError, match="must be variables"):
        ph.StatelessScope([(1, 2)])


def test_variables_read_as_symbolic_tensors_in_a_symbolic_scope():
    v = ph.Variable(np.ones((2, 3)))
    with ph.SymbolicScope():
        assert isinstance(v.value, ph.KerasTensor) and ops.matmul(v, ph.KerasTensor((3, None))).shape == (2, None)
    assert isinstance(v.value, np.ndarray)


def test_name_scopes_stand_in_front_of_paths():
    with ph.name_scope("encoder"):
        v = ph.Variable(1.0, name="gain")
        with ph.name_scope("block"):
            layer = ph.layers.Dense(2, name="proj")
            layer.build((None, 3))
    assert v.path == "encoder/gain" and [w.path for w in layer.weights] == ["encoder/block/proj/kernel", "encoder/block/proj/bias"]
    assert ph.Variable(1.0, name="outside").path == "outside"
    with pytest.raises(ValueError, match='without "/"'):
        ph.name_scope("a/b")


def test_unknown_device_lists_the_known_ones():
    with ph.device("cpu"):
        assert ops.ones(2).tolist() == [1, 1]
    with pytest.raises(ValueError, match="Devices: cpu:0"), ph.device("quantum:3"):
        pass


# -- rematerialisation ------------------------------------------------------------------------------------------------------------------------
def trained(mode):
    """Losses of two epochs with dropout and batch statistics, which a second forward run must not disturb."""
    ph.utils.set_random_seed(1)
    with ph.RematScope(mode=mode, output_size_threshold=3):
        layers = [ph.layers.Dense(8, activation="tanh"), ph.layers.BatchNormalization(), ph.layers.Dropout(0.5, seed=1), ph.layers.Dense(1)]
        model = ph.Sequential([ph.Input((4,)), *layers])
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    model.compile("sgd", "mse")
    losses = model.fit(x, x[:, :1], epochs=2, batch_size=8, verbose=0, shuffle=False).history["loss"]
    return losses, model.layers[1].moving_mean.numpy()


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_rematerialised_layers_train_alike(engine):
    with ph.use_backend(engine):
        losses, mean = trained(None)
        for mode in ("full", "larger_than"):
            other, moved = trained(mode)
            np.testing.assert_allclose(other, losses, rtol=1e-6)
            np.testing.assert_allclose(moved, mean, rtol=1e-6)


def test_remat_runs_the_function_again_for_the_gradient():
    import torch

    calls = []

    def f(x):
        calls.append(1)
        return ops.sin(ops.sin(x))

    with ph.use_backend("torch"):
        x = torch.ones(2, requires_grad=True)
        y = ph.remat(f)(x)
        assert len(calls) == 1
        y.sum().backward()
    assert len(calls) == 2
    np.testing.assert_allclose(x.grad.numpy(), np.cos(np.sin(1.0)) * np.cos(1.0) * np.ones(2), rtol=1e-6)


def test_unknown_remat_mode_lists_the_known_ones():
    with pytest.raises(ValueError, match="'larger_than'"):
        ph.RematScope(mode="fast")
