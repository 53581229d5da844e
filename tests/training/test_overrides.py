"""What a user changes about a step, by a method or by an option of `compile`, works on every engine and compiled."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.training import unpack

QUIET = {"verbose": 0, "shuffle": False, "batch_size": 4}


def dense(cls=None, **options):
    x = ph.Input((3,))
    return (cls or ph.Model)(x, ph.layers.Dense(1, kernel_initializer="ones", **options)(x))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def test_train_step(engine, reference, data):
    class Net(ph.Model):
        def train_step(self, batch):
            x, y, w = unpack(batch)

            def forward():
                y_pred = self(x, training=True)
                return self.compute_loss(x, y, y_pred, w), y_pred

            (loss, y_pred), grads = ph.value_and_grad(forward, self.trainable_variables)
            self.optimizer.apply([2.0 * g for g in grads], self.trainable_variables)
            return {"twice": 2.0 * loss} | self.compute_metrics(x, y, y_pred, w, loss)

    x, y, w = data
    m = dense(Net)
    m.compile(ph.optimizers.SGD(0.05), "mse")
    h = m.fit(x, y, sample_weight=w, epochs=2, **QUIET)
    close(h.history["loss"], [reference.epoch(x, y, w), reference.epoch(x, y, w)])
    assert list(h.history) == ["loss", "twice"]
    close(m.get_weights()[0], reference.kernel)


def test_test_step_and_predict_step(engine, reference, data):
    class Net(ph.Model):
        def test_step(self, batch):
            x, y, _ = unpack(batch)
            return {"largest": ph.ops.max(ph.ops.abs(self(x, training=False) - y))}

        def predict_step(self, batch):
            return {"y": super().predict_step(batch), "x": unpack(batch)[0]}

    x, y, _ = data
    m = dense(Net)
    m.compile("sgd", "mse")
    close(m.evaluate(x, y, batch_size=10, verbose=0), np.abs(reference.predict(x) - y).max())
    found = m.predict(x, batch_size=4, verbose=0)
    close(found["y"], reference.predict(x))
    close(found["x"], x)


def test_compute_loss_and_compute_metrics(engine, reference, data):
    class Net(ph.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.tracked = ph.metrics.Mean(name="tracked")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training) * 3.0
            self.tracked.update_state(loss)
            return loss

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return super().compute_metrics(x, y, y_pred, sample_weight) | {"more": self.tracked.result() + 1.0}

    x, y, _ = data
    reference.rate = 0.3
    m = dense(Net)
    m.compile(ph.optimizers.SGD(0.1), "mse", metrics=["mae"])
    h = m.fit(x, y, verbose=0, shuffle=False, batch_size=5).history
    losses = [3 * reference.step(x[:5], y[:5]), 3 * reference.step(x[5:], y[5:])]
    assert list(h) == ["loss", "mae", "more", "tracked"]
    close([h["loss"][0], h["tracked"][0], h["more"][0]], [np.mean(losses), np.mean(losses), np.mean(losses) + 1])
    assert m.metrics_names == ["loss", "compile_metrics", "tracked"]


def test_regularizers_add_to_the_loss(engine, data):
    x, y, _ = data
    m = dense(kernel_regularizer=ph.regularizers.L2(0.1), activity_regularizer=ph.regularizers.L1(0.01))
    m.compile(ph.optimizers.SGD(0.1), "mse", metrics=["mse"])
    out = x.sum(1, keepdims=True).astype("float64")
    mse = np.mean((out - y) ** 2)
    h = m.fit(x, y, verbose=0, batch_size=10).history
    close([h["loss"][0], h["mse"][0]], [mse + 0.1 * 3 + 0.01 * np.abs(out).mean(), mse])
    slope = x.T @ (2 * (out - y) + 0.01 * np.sign(out)) / 10 + 2 * 0.1
    close(m.get_weights()[0], 1 - 0.1 * slope)


def test_add_loss_and_metrics_of_layers(engine, data):
    class Penalty(ph.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = ph.metrics.Mean(name="seen")

        def call(self, x):
            self.add_loss(0.5 * ph.ops.mean(ph.ops.square(x)))
            self.seen.update_state(ph.ops.mean(x))
            return x

    x, y, _ = data
    out = x.sum(1, keepdims=True).astype("float64")
    for loss, targets in (("mse", y), (None, None)):
        m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(1, kernel_initializer="ones"), Penalty()])
        m.compile(ph.optimizers.SGD(0.1), loss)
        h = m.fit(x, targets, verbose=0, batch_size=10).history
        expected = 0.5 * np.mean(out**2) + (0 if loss is None else np.mean((out - y) ** 2))
        close([h["loss"][0], h["seen"][0]], [expected, out.mean()])
        slope = x.T @ (out + (0 if loss is None else 2 * (out - y))) / 10
        close(m.get_weights()[0], 1 - 0.1 * slope)


def test_missing_loss_is_found_before_training(on_torch, data):
    m = dense()
    m.compile("sgd")
    with pytest.raises(ValueError, match="no loss"):
        m.fit(data[0], data[1], verbose=0)


def test_masks_weigh_losses_and_weighted_metrics(engine):
    m = ph.Sequential([ph.Input((None,)), ph.layers.Embedding(4, 1, mask_zero=True, embeddings_initializer="ones")])
    m.compile(ph.optimizers.SGD(0.0), "mse", metrics=["mse"], weighted_metrics=["mae"])
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [1, 1, 1, 1]], "int32")
    y = np.arange(12, dtype="float32").reshape(3, 4, 1)
    h = m.fit(tokens, y, verbose=0).history
    kept = (tokens != 0)[..., None]
    close(h["mae"], [np.abs(1 - y)[kept].mean()])
    close(h["loss"], [((1 - y) ** 2)[kept].mean()])
    close(h["mse"], [((1 - y) ** 2)[kept].mean()])


def test_frozen_layers_stay_and_unfreezing_takes_effect(engine, data):
    x, y, _ = data
    m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(3, kernel_initializer="identity"), ph.layers.Dense(1, kernel_initializer="ones")])
    m.layers[0].trainable = False
    m.compile("sgd", "mse")
    m.fit(x, y, **QUIET)
    close(m.layers[0].kernel.numpy(), np.eye(3))
    m.layers[0].trainable = True
    m.compile("sgd", "mse")
    m.fit(x, y, **QUIET)
    assert np.abs(m.layers[0].kernel.numpy() - np.eye(3)).max() > 1e-4


def test_compile_config_makes_the_same_training(engine, data, tmp_path):
    x, y, _ = data
    m = dense(name="out")
    m.compile(
        ph.optimizers.SGD(0.1, momentum=0.5), ph.losses.Huber(0.5), loss_weights=0.5, metrics=["mae", ph.metrics.MeanSquaredError(name="e")],
        weighted_metrics=["mse"], steps_per_execution=2,
    )  # fmt: skip
    config = m.get_compile_config()
    assert set(config) == {
        "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile",
    }  # fmt: skip
    other = dense()
    other.compile_from_config(config)
    a, b = (n.fit(x, y, epochs=2, **QUIET).history for n in (m, other))
    assert list(a) == list(b) == ["e", "loss", "mae", "mse"]
    for k in a:
        close(a[k], b[k])
    path = tmp_path / "m.keras"
    m.save(path)
    loaded = ph.models.load_model(path)
    close(loaded.evaluate(x, y, verbose=0), m.evaluate(x, y, verbose=0))
    a, b = (n.fit(x, y, **QUIET).history["loss"] for n in (m, loaded))
    close(a, b)


def test_uncompiled_model_says_so(on_torch, data):
    m = dense()
    assert m.get_compile_config() is None
    for call in (lambda: m.fit(data[0], data[1]), lambda: m.evaluate(data[0], data[1]), lambda: m.train_on_batch(data[0], data[1])):
        with pytest.raises(ValueError, match="compile"):
            call()
    assert m.predict(data[0], verbose=0).shape == (10, 1)


@pytest.mark.parametrize(
    "options", [{"steps_per_execution": 0}, {"run_eagerly": True, "jit_compile": True}, {"jit_compile": "yes"}, {"optimizer": "addam"}, {"metrics": "mae"}]
)
def test_bad_options_of_compile(on_torch, options):
    with pytest.raises(ValueError):
        dense().compile(**{"optimizer": "sgd", "loss": "mse"} | options)
