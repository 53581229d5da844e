"""Recurrent and attention layers against the textbook's formulas, on every engine."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.layers.attention import MultiHeadAttention
from pronghorn.layers.rnn import GRU, LSTM, RNN, Bidirectional, GRUCell, LSTMCell, SimpleRNN, TimeDistributed

ENGINES = ["numpy", "jax", "torch", "tensorflow"]
X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 0, 1]], bool)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def simple(w, x, h):
    return [np.tanh(x @ w[0] + w[2] + h[0] @ w[1])]


def lstm(w, x, s):
    i, f, c, o = np.split(x @ w[0] + s[0] @ w[1] + w[2], 4, 1)
    carry = sigmoid(f) * s[1] + sigmoid(i) * np.tanh(c)
    return [sigmoid(o) * np.tanh(carry), carry]


def gru(w, x, s):
    xz, xr, xh = np.split(x @ w[0] + w[2][0], 3, 1)
    hz, hr, hh = np.split(s[0] @ w[1] + w[2][1], 3, 1)
    z = sigmoid(xz + hz)
    return [z * s[0] + (1 - z) * np.tanh(xh + sigmoid(xr + hr) * hh)]


def unrolled(step, weights, states, x, mask=None, backwards=False):
    shown, last = [], None
    for t in range(x.shape[1])[:: -1 if backwards else 1]:
        new = step(weights, x[:, t], states)
        if mask is not None:
            keep = mask[:, t : t + 1]
            new = [np.where(keep, n, s) for n, s in zip(new, states, strict=True)]
            last = np.where(keep, new[0], np.zeros_like(new[0]) if last is None else last)
        else:
            last = new[0]
        states = new
        shown.append(last)
    return np.stack(shown, 1), states


KINDS = [(SimpleRNN, simple, 1), (LSTM, lstm, 2), (GRU, gru, 1)]


@pytest.mark.parametrize("engine, backwards, masked", [("numpy", False, False), ("numpy", True, False), ("torch", False, False), ("torch", True, False), *[(e, False, True) for e in ENGINES]])
@pytest.mark.parametrize("kind, step, states", KINDS, ids=lambda v: getattr(v, "__name__", ""))
def test_formula(engine, kind, step, states, backwards, masked):
    with ph.use_backend(engine):
        layer = kind(6, return_sequences=True, return_state=True, go_backwards=backwards, bias_initializer="random_normal")
        out, *final = layer(X, mask=MASK if masked else None)
        weights = layer.get_weights()
        shown, last = unrolled(step, weights, [np.zeros((3, 6), "float32")] * states, X, MASK if masked else None, backwards)
        np.testing.assert_allclose(ph.ops.convert_to_numpy(out), shown, atol=1e-5)
        assert len(final) == states
        for a, b in zip(final, last, strict=True):
            np.testing.assert_allclose(ph.ops.convert_to_numpy(a), b, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_stateful_continues_where_the_batch_before_ended(engine):
    with ph.use_backend(engine):
        whole = LSTM(4, return_sequences=True)
        expected = ph.ops.convert_to_numpy(whole(X))
        carrying = LSTM(4, return_sequences=True, stateful=True)
        carrying.build((3, 5, 4))
        carrying.cell.set_weights(whole.get_weights())
        parts = [ph.ops.convert_to_numpy(carrying(X[:, :2])), ph.ops.convert_to_numpy(carrying(X[:, 2:]))]
        np.testing.assert_allclose(np.concatenate(parts, 1), expected, atol=1e-5)
        carrying.reset_state()
        np.testing.assert_allclose(ph.ops.convert_to_numpy(carrying(X)), expected, atol=1e-5)


def test_bidirectional_runs_both_ways():
    with ph.use_backend("numpy"):
        layer = Bidirectional(GRU(3, return_sequences=True))
        out = layer(X)
        forward, backward = layer.forward_layer.get_weights(), layer.backward_layer.get_weights()
        there, _ = unrolled(gru, forward, [np.zeros((3, 3))], X)
        back, _ = unrolled(gru, backward, [np.zeros((3, 3))], X, backwards=True)
        np.testing.assert_allclose(out, np.concatenate([there, back[:, ::-1]], -1), atol=1e-5)
        again = Bidirectional.from_config(layer.get_config())
        for part in ("layer", "backward_layer"):  # a built layer also says its input shape
            assert again.get_config()[part]["config"] == layer.get_config()[part]["config"]


def test_stacked_cells_equal_stacked_layers():
    with ph.use_backend("numpy"):
        stack = RNN([LSTMCell(3), GRUCell(2)])
        out = stack(X)
        first, second = LSTM(3, return_sequences=True), GRU(2)
        first.build(X.shape)
        second.build((3, 5, 3))
        first.set_weights(stack.get_weights()[:3])
        second.set_weights(stack.get_weights()[3:])
        np.testing.assert_allclose(out, second(first(X)), atol=1e-6)


def test_time_distributed_applies_to_every_step():
    with ph.use_backend("numpy"):
        inner = LSTM(2)
        x = np.stack([X, 2 * X], 1)
        out = TimeDistributed(inner)(x)
        np.testing.assert_allclose(out[:, 1], inner(2 * X), atol=1e-6)


def test_unknown_sizes():
    x = ph.KerasTensor((None, None, 4))
    assert LSTM(3)(x).shape == (None, 3)
    assert GRU(3, return_sequences=True)(x).shape == (None, None, 3)
    assert MultiHeadAttention(2, 3)(x, x).shape == (None, None, 4)
    with pytest.raises(ValueError, match="stateful, so it needs a fixed batch size"):
        LSTM(3, stateful=True)(x)


@pytest.mark.parametrize("query, value, axes", [
    ((4, 8), (4, 8), None), ((2, 3, 8), (2, 8), None), ((2, 5, 3, 8), (2, 5, 8), None), ((2, 3, 8), (2, 3, 8), 2), ((2, 3, 8), (2, 3, 8), -1), ((2, 3, 8), (2, 3, 8), 3),
])  # fmt: skip
def test_attention_needs_axes_between_batch_and_features(query, value, axes):
    layer = MultiHeadAttention(2, 3, attention_axes=axes, name="mha")
    with pytest.raises(ValueError, match='Layer "mha" .*between batch and features'):
        layer(np.ones(query, "float32"), np.ones(value, "float32"))


def attention(w, q, v, mask=None):
    wq, bq, wk, bk, wv, bv, wo, bo = w
    q, k, v = (np.einsum("bte,ehd->bthd", a, m) + b for a, m, b in ((q, wq, bq), (v, wk, bk), (v, wv, bv)))
    logits = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    if mask is not None:
        logits = np.where(mask, logits, -1e9)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return np.einsum("bqhd,hde->bqe", np.einsum("bhqk,bkhd->bqhd", weights, v), wo) + bo, weights


@pytest.mark.parametrize("engine, causal, scores", [("numpy", False, False), ("numpy", False, True), *[(e, True, False) for e in ENGINES]])
def test_attention_formula(engine, causal, scores):
    with ph.use_backend(engine):
        layer = MultiHeadAttention(2, 3, value_dim=5, output_shape=7, bias_initializer="random_normal")
        got = layer(X, X, use_causal_mask=causal, return_attention_scores=scores)
        expected, weights = attention(layer.get_weights(), X, X, np.tri(5, dtype=bool) if causal else None)
        out = got[0] if scores else got
        np.testing.assert_allclose(ph.ops.convert_to_numpy(out), expected, atol=1e-5)
        if scores:
            np.testing.assert_allclose(ph.ops.convert_to_numpy(got[1]), weights, atol=1e-5)


def test_attention_ignores_masked_keys():
    with ph.use_backend("numpy"):
        layer = MultiHeadAttention(2, 3)
        full = layer(X, X[:, :3])
        mask = np.array([[1, 1, 1, 0, 0]] * 3, bool)
        np.testing.assert_allclose(layer(X, X, value_mask=mask), full, atol=1e-6)


def test_attention_of_a_tensor_to_itself_and_its_gradients_follow_the_formula(training_engine):
    """One input lets an engine join the projections."""
    layer = MultiHeadAttention(2, 3, value_dim=5, output_shape=7, bias_initializer="random_normal")
    x = ph.ops.convert_to_tensor(X)
    out = ph.ops.convert_to_numpy(layer(x, x))
    weights = [w.astype("float64") for w in layer.get_weights()]
    np.testing.assert_allclose(out, attention(weights, X, X)[0], atol=1e-5)
    upstream = np.random.default_rng(1).normal(size=out.shape)
    _, gradients = ph.value_and_grad(lambda: ph.ops.sum(ph.ops.multiply(layer(x, x), upstream.astype("float32"))), layer.trainable_variables)
    for i, gradient in enumerate(gradients):
        direction = np.random.default_rng(i).normal(size=weights[i].shape)

        def loss(step, i=i, direction=direction):
            moved = [w + step * direction if j == i else w for j, w in enumerate(weights)]
            return (attention(moved, X, X)[0] * upstream).sum()

        slope = (loss(1e-5) - loss(-1e-5)) / 2e-5
        np.testing.assert_allclose((ph.ops.convert_to_numpy(gradient) * direction).sum(), slope, rtol=1e-3, atol=1e-3)


def test_a_projection_that_was_exchanged_is_the_one_that_is_used(engine):
    layer, x = MultiHeadAttention(2, 3), ph.ops.convert_to_tensor(X)
    layer(x, x)
    scaled, projection = layer.get_weights(), layer.value_dense

    class Doubled(ph.Layer):
        def call(self, value):
            return 2.0 * projection(value)

    scaled[4], scaled[5] = 2 * scaled[4], 2 * scaled[5]
    layer.value_dense = Doubled()
    np.testing.assert_allclose(ph.ops.convert_to_numpy(layer(x, x)), attention(scaled, X, X)[0], atol=1e-5)
