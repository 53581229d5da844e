"""Callbacks are core's alone, so one engine shows them; where they touch the state of the device, every engine does."""

import numpy as np
import pytest

import pronghorn as ph

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")


@pytest.fixture
def data():
    return X, Y


@pytest.fixture(autouse=True)
def on_torch():
    with ph.use_backend("torch"):
        yield


@pytest.fixture
def model():
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(1, kernel_initializer="ones")])
    m.compile(ph.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return m


@pytest.fixture
def scripted(model):
    """Return a function that lets a callback see a sequence of results; the weights are the number of the epoch.

    It returns the epochs that ran, the learning rate after each, and the weight at the end.
    """

    def run(callback, values, name="val_loss"):
        model.optimizer.learning_rate = 0.1
        callback.set_params({"epochs": len(values)})
        callback.set_model(model)
        model.stop_training = False
        rates = []
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            callback.on_epoch_begin(epoch, {})
            model.set_weights([np.full((3, 1), epoch), np.zeros(1)])
            callback.on_epoch_end(epoch, {} if value is None else {name: value})
            rates.append(round(float(model.optimizer.learning_rate.numpy()), 6))
            if model.stop_training:
                break
        callback.on_train_end()
        return len(rates), rates, int(model.get_weights()[0][0, 0])

    return run
