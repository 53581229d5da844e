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
        objects, memory = grows(lambda: model.predict(X[:8], verbose=0), 2000)
    assert objects < 50 and memory < 1, (objects, memory)


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
