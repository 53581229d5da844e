"""Wrong use gives an error that says what to do."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.backend.errors import CapabilityError

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")


def model(engine="jax", units=1):
    with ph.use_backend(engine):
        net = ph.Sequential([ph.layers.Input((4,)), ph.layers.Dense(3, name="hidden"), ph.layers.Dense(units)])
        return net


@pytest.mark.parametrize("engine", ["openvino", "numpy"])
def test_fit_on_an_engine_without_gradients(engine):
    net = model(engine)
    net.compile("sgd", "mse")
    with pytest.raises(CapabilityError, match=rf'{engine} cannot train \(no autodiff\). Train on jax, torch, tensorflow, then model.to\("{engine}"\)'):
        net.fit(X, Y, verbose=0)


def test_wrong_input_shape_names_layer_and_shapes():
    net = model()
    with pytest.raises(ValueError, match=r"(?s)(hidden|sequential).*4.*\(.*5\)"):
        net(np.ones((2, 5), "float32"))


def test_loss_and_output_shapes_that_do_not_fit():
    net = model(units=3)
    net.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"\(.*3\).*\(.*2\)|\(.*2\).*\(.*3\)"):
        net.fit(X, np.ones((8, 2), "float32"), verbose=0)


def test_x_and_y_of_different_sizes():
    net = model()
    net.compile("sgd", "mse")
    with pytest.raises(ValueError, match="8.*7|7.*8"):
        net.fit(X, Y[:7], verbose=0)


def test_nan_targets_stop_training():
    net = model()
    net.compile("sgd", "mse")
    stopper = ph.callbacks.TerminateOnNaN()
    history = net.fit(X, np.full((8, 1), np.nan, "float32"), batch_size=2, epochs=5, callbacks=[stopper], verbose=0)
    assert len(history.epoch) <= 1


@pytest.mark.parametrize("what, options", [("adam", {"optimizer": "adma"}), ("mse|mean_squared_error", {"loss": "mean_sqared_error"})])
def test_unknown_names_suggest_the_closest(what, options):
    with pytest.raises(ValueError, match=rf"(?i)did you mean.*({what})"):
        model().compile(**{"optimizer": "sgd", "loss": "mse", **options})


def test_fit_before_compile():
    with pytest.raises((ValueError, RuntimeError), match="compile"):
        model().fit(X, Y, verbose=0)


def test_native_of_an_unbuilt_model():
    with pytest.raises(ValueError, match="not built"):
        ph.native(ph.Sequential([ph.layers.Dense(2)]))


def test_unknown_name_in_the_package():
    with pytest.raises(AttributeError, match='Did you mean "layers"'):
        _ = ph.layrs
