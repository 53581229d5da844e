"""Layers on every engine: what NumPy computes, and gradients for every weight."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

L = ph.layers
RNG = np.random.default_rng(3)
SEQ, IMG = RNG.normal(size=(2, 6, 4)).astype("float32"), RNG.normal(size=(2, 6, 5, 4)).astype("float32")
LAYERS = {
    "Dense": (lambda: L.Dense(3, activation="gelu"), SEQ),
    "Conv1D": (lambda: L.Conv1D(3, 3, padding="causal", dilation_rate=2), SEQ),
    "Conv2D": (lambda: L.Conv2D(4, 3, strides=2, padding="same", groups=2), IMG),
    "Conv2DTranspose": (lambda: L.Conv2DTranspose(3, 3, strides=2, padding="same"), IMG),
    "SeparableConv2D": (lambda: L.SeparableConv2D(3, 3), IMG),
    "BatchNormalization": (lambda: L.BatchNormalization(), IMG),
    "LayerNormalization": (lambda: L.LayerNormalization(), SEQ),
    "GroupNormalization": (lambda: L.GroupNormalization(2), IMG),
    "SpectralNormalization": (lambda: L.SpectralNormalization(L.Dense(3)), SEQ),
    "ConvLSTM1D": (lambda: L.ConvLSTM1D(2, 2, return_sequences=True), IMG),
    "Bidirectional": (lambda: L.Bidirectional(L.GRU(2)), SEQ),
    "Pooling": (lambda: ph.Sequential([L.Conv2D(3, 2), L.MaxPooling2D(2), L.UpSampling2D(2), L.ZeroPadding2D(1), L.AveragePooling2D(2, padding="same")]), IMG),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_layers_compute_the_same_and_their_weights_have_gradients(name, engine):
    make, x = LAYERS[name]
    with ph.use_backend("numpy"):
        reference = make()
        reference.build(x.shape)
        weights = [(RNG.normal(size=w.shape) * 0.5 + 1).astype("float32") for w in reference.weights]
        reference.set_weights(weights)
        expected = {training: reference(x, training=training) for training in ((False,) if name == "SpectralNormalization" else (False, True))}
    with ph.use_backend(engine):
        layer = make()
        layer.build(x.shape)
        for training, y in expected.items():
            layer.set_weights(weights)
            np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=training)), y, atol=2e-5)
        _, grads = ph.value_and_grad(lambda: ops.sum(ops.square(layer(x, training=True))), layer.trainable_variables)
        for variable, g in zip(layer.trainable_variables, grads, strict=True):
            g = np.asarray(ops.convert_to_numpy(g))
            assert g.shape == variable.shape and np.isfinite(g).all() and g.any(), variable.path


@pytest.mark.parametrize("engine", ["numpy", "jax", "torch", "tensorflow"])
def test_stateful_convolutional_lstm_continues_where_the_batch_before_ended(engine):
    with ph.use_backend(engine):
        whole, carrying = L.ConvLSTM1D(2, 2, padding="same"), L.ConvLSTM1D(2, 2, padding="same", stateful=True)
        expected = ops.convert_to_numpy(whole(IMG))
        carrying.build((2, 3, 5, 4))
        carrying.set_weights(whole.get_weights())
        carrying(IMG[:, :3])
        np.testing.assert_allclose(ops.convert_to_numpy(carrying(IMG[:, 3:])), expected, atol=1e-5)
        assert [v.name for v in carrying.variables if v not in carrying.weights][:2] == ["rnn_state"] * 2  # the carried state is no weight


@pytest.mark.parametrize("engine", ["numpy", "jax", "torch", "tensorflow"])
def test_activity_penalty_is_per_example(engine):
    with ph.use_backend(engine):
        layer = L.Dense(2, kernel_initializer="ones", activity_regularizer=ph.regularizers.L1(1.0))
        for n in (1, 3):
            layer(np.ones((n, 4), "float32"))
            assert float(layer.losses[0]) == pytest.approx(8.0)  # two outputs of 4 in each row
