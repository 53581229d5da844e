"""What a long run costs besides its steps: no memory that grows, and no waiting for the device at every step."""

import gc
from pathlib import Path

import numpy as np
import pytest

import pronghorn as ph

STATUS = Path("/proc/self/status")
X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
Y = X[:, :3].argmax(1)


def make():
    model = ph.Sequential([ph.layers.Dense(16, activation="relu"), ph.layers.Dense(3)])
    model.compile(ph.optimizers.Adam(1e-3), ph.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def footprint():
    """Python objects alive, and MiB of memory where the system tells."""
    gc.collect()
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return len(gc.get_objects()), next((int(ln.split()[1]) / 1024 for ln in lines if ln.startswith("VmRSS")), 0.0)


def grows(call, times):
    """Least growth, in objects and MiB, over three of four equal parts of `times` calls: what leaks does so in each, what settles does not."""
    found = []
    before = None
    for _ in range(4):
        for _ in range(times // 4):
            call()
        after = footprint()
        if before is not None:
            found.append((after[0] - before[0], after[1] - before[1]))
        before = after
    return [min(values) for values in zip(*found, strict=True)]


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow", "openvino", "numpy"])
def test_two_thousand_predictions_leave_nothing(name):
    with ph.use_backend(name):
        model = make()
        objects, memory = grows(lambda: (model.predict(X[:8], verbose=0), model.predict(X, verbose=0)), 1000)  # one batch, and a loop over two
    assert objects < 50 and memory < 1, (objects, memory)


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow", "openvino", "numpy"])
def test_predictions_belong_to_the_caller(name):
    with ph.use_backend(name):
        model = make()
        for predict in (lambda: model.predict(X[:8], verbose=0), lambda: model.predict(X, verbose=0), lambda: model.predict_on_batch(X[:8])):
            first = predict()
            kept = first.copy()
            first += 1  # the engine's memory is not lent to us
            np.testing.assert_array_equal(predict(), kept)


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow", "openvino", "numpy"])
def test_inputs_that_do_not_fit_a_model_in_use_are_found_before_the_first_batch(name):
    with ph.use_backend(name):
        model = make()
        expected = model.predict(X, verbose=0)
        for predict in (lambda x: model.predict(x, verbose=0), model.predict_on_batch):
            with pytest.raises(ValueError, match="does not fit its input: expected axis -1"):
                predict(X[:, :-1])
            np.testing.assert_allclose(predict(X), expected, rtol=1e-5, atol=1e-6)  # batches of 32 and of 64


def test_fifty_fits_leave_nothing(engine):
    model = make()
    objects, memory = grows(lambda: model.fit(X, Y, batch_size=16, verbose=0), 52)
    assert objects < 50 and memory < 1, (objects, memory)


def test_the_loop_waits_for_the_device_once_in_many_steps(engine, monkeypatch):
    model = make()
    model.fit(X, Y, batch_size=1, verbose=0)
    waits = []
    kind = type(model.backend.executor())
    original = kind.fetch
    monkeypatch.setattr(kind, "fetch", lambda self, values: waits.append(1) or original(self, values))
    read = type(model.backend).convert_to_numpy
    reads = []
    monkeypatch.setattr(type(model.backend), "convert_to_numpy", lambda self, x: reads.append(1) or read(self, x))
    model.fit(X, Y, batch_size=1, epochs=3, verbose=0)
    assert len(waits) <= 3 * (64 // 32 + 1) and len(reads) <= 3 * (64 // 32 + 2)


@pytest.mark.parametrize("change", ["attribute", "list", "another list", "nested", "trainable", "weight", "replaced in place", "taken away"])
def test_a_prediction_notices_what_changed_since_the_last_one(change):
    class Chain(ph.Model):
        def __init__(self):
            super().__init__()
            self.blocks, self.table = [], {"inner": [ph.layers.Rescaling(1.0)]}
            self.shift = None

        def call(self, x):
            for block in (*self.blocks, *self.table["inner"]):
                x = block(x)
            return x if getattr(self, "shift", None) is None else x + self.shift

    def bias(value):
        layer = ph.layers.Dense(2, kernel_initializer="identity", bias_initializer=ph.initializers.Constant(value))
        layer.build((None, 2))
        return layer

    with ph.use_backend("jax"):
        model, x = Chain(), np.ones((3, 2), "float32")
        model.blocks.append(bias(1))
        if change == "taken away":
            model.shift = ph.Variable(10.0)
            np.testing.assert_allclose(model.predict(x, verbose=0), x + 11)
            model.shift = None
            np.testing.assert_allclose(model.predict(x, verbose=0), x + 1)
            model.shift = ph.Variable(10.0)
            np.testing.assert_allclose(model.predict(x, verbose=0), x + 11)
            del model.shift
        for _ in range(2):
            np.testing.assert_allclose(model.predict(x, verbose=0), x + 1)
            np.testing.assert_allclose(model.predict_on_batch(x), x + 1)
        expected = x + 11
        if change == "attribute":
            model.shift = ph.Variable(10.0)
        elif change == "list":
            model.blocks.append(bias(10))
        elif change == "another list":
            model.blocks = [bias(11)]
        elif change == "nested":
            model.table["inner"].append(bias(10))
        elif change == "weight":
            model.blocks[0].bias.assign([11, 11])
        elif change == "replaced in place":
            model.blocks[0] = bias(11)
        else:
            model.blocks[0].trainable, expected = change == "taken away", x + 1
        np.testing.assert_allclose(model.predict(x, verbose=0), expected)
        np.testing.assert_allclose(model.predict_on_batch(x), expected)
