"""A small model: the same weights everywhere, training, prediction, saving here and loading there, moving."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.backend import registry
from pronghorn_testing import kit

pytestmark = pytest.mark.conformance
pytest_generate_tests = kit.generate
backend = kit.backend


def small(seed=0):
    ph.utils.set_random_seed(seed)
    layers = ph.layers
    return ph.Sequential([ph.Input((4,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(3, activation="softmax")])


def data(n=96):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4)).astype("float32")
    return x, np.argmax(x[:, :3], -1).astype("int32")


def compiled(model, **kwargs):
    model.compile(optimizer=ph.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"], **kwargs)
    return model


def test_same_seed_same_model(backend):
    """One seed gives the reference's weights bit for bit, and predictions to rounding."""
    x, _ = data(8)
    with registry.use_backend("numpy"):
        reference = small()
        expected = reference.predict(x, verbose=0)
    with registry.use_backend(backend.name):
        model = small()
        for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        found = model.predict(x, verbose=0)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@kit.needs("autodiff")
@pytest.mark.parametrize("how", ["default", "eager"])
def test_fit(backend, how):
    """Training lowers the loss, evaluation agrees with it, and logs are numbers."""
    with registry.use_backend(backend.name):
        x, y = data()
        model = compiled(small(), **({"run_eagerly": True} if how == "eager" else {}))
        history = model.fit(x, y, batch_size=32, epochs=8 if how == "default" else 3, verbose=0, validation_data=(x, y))
        losses = history.history["loss"]
        assert losses[-1] < losses[0] * 0.9 and set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert all(isinstance(v, float) for v in losses)
        found = model.evaluate(x, y, batch_size=40, verbose=0, return_dict=True)
        np.testing.assert_allclose(found["loss"], history.history["val_loss"][-1], rtol=1e-5)


@kit.needs("autodiff")
def test_training_agrees_between_eager_and_default(backend):
    """The same seed and data lead to the same weights, with dropout."""
    with registry.use_backend(backend.name):
        x, y = data()
        found = []
        for options in ({}, {"run_eagerly": True}):
            model = compiled(small(), **options)
            model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0)
            found.append(model.get_weights())
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@kit.needs("autodiff")
def test_own_training_step(backend):
    """A train_step written once, with `value_and_grad`."""

    class Own(ph.Model):
        def __init__(self):
            super().__init__()
            self.dense = ph.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, batch):
            x, y = batch[:2]
            loss, grads = ph.value_and_grad(lambda: ops.mean(ops.square(ops.subtract(self(x, training=True), y))), self.trainable_variables)
            self.optimizer.apply(grads, self.trainable_variables)
            return {"mse": loss}

    with registry.use_backend(backend.name):
        x, _ = data()
        model = Own()
        model.compile(optimizer=ph.optimizers.SGD(0.1))
        history = model.fit(x, x[:, :1] * 2, batch_size=32, epochs=4, verbose=0)
        assert history.history["mse"][-1] < history.history["mse"][0]


def test_save_here_load_there(backend, tmp_path):
    """A file saved on this backend loads on the reference, and the other way round, with equal predictions."""
    x, _ = data(8)
    names = [backend.name, "numpy"]
    for saves, loads in (names, names[::-1]):
        path = tmp_path / f"{saves}-{loads}.keras"
        with registry.use_backend(saves):
            model = small(1)
            model.save(path)
            expected = model.predict(x, verbose=0)
        with registry.use_backend(loads):
            np.testing.assert_allclose(ph.models.load_model(path).predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_moving_a_model(backend):
    """`model.to` moves a model to the reference and back."""
    x, _ = data(8)
    with registry.use_backend(backend.name):
        model = small()
        expected = model.predict(x, verbose=0)
        model.to("numpy")
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
        model.to(backend.name)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_training_without_gradients_is_refused(backend):
    """A backend without gradients refuses `fit` before work starts."""
    if "autodiff" in backend.capabilities:
        return
    with registry.use_backend(backend.name):
        x, y = data(8)
        with pytest.raises(ph.CapabilityError, match=f"{backend.name} cannot train"):
            compiled(small()).fit(x, y, verbose=0)
