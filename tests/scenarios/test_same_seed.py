"""The same seed gives the same model, and the same training, on every engine."""

import numpy as np
import pytest

import pronghorn as ph

ENGINES = ["numpy", "jax", "torch", "tensorflow", "openvino"]
TRAINING = ["jax", "torch", "tensorflow"]


def model(dropout=0.0):
    ph.utils.set_random_seed(5)
    layers = ph.layers
    net = ph.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            *([layers.Dropout(dropout)] if dropout else []),
            layers.Dense(16, activation="gelu", kernel_initializer="he_normal"),
            layers.Dense(4, kernel_initializer="orthogonal"),
        ]
    )
    net.compile(ph.optimizers.Adam(1e-3), ph.losses.SparseCategoricalCrossentropy(from_logits=True))
    return net


def first_steps(engine, dropout=0.0, steps=20):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16 * steps, 8, 8, 3)).astype("float32")
    y = rng.integers(0, 4, len(x)).astype("int32")
    with ph.use_backend(engine):
        net = model(dropout)
        return [float(net.train_on_batch(x[i : i + 16], y[i : i + 16])) for i in range(0, len(x), 16)]


def test_initial_weights_are_bit_identical():
    weights = {}
    for engine in ENGINES:
        with ph.use_backend(engine):
            weights[engine] = model().get_weights()
    for engine in ENGINES[1:]:
        for a, b in zip(weights["numpy"], weights[engine], strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b), engine


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_losses_of_the_first_steps_agree(dropout):
    losses = np.array([first_steps(engine, dropout) for engine in TRAINING])
    np.testing.assert_allclose(losses, np.broadcast_to(losses[0], losses.shape), rtol=1e-4)
    assert losses[0, -1] != losses[0, 0]
