"""Activations, labels, normalisation, attention and losses."""

import math

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(3, 4)) * 3).astype("float32")


def _np(x):
    return ops.convert_to_numpy(x)


def _erf(x):
    return np.vectorize(math.erf)(x)


X64 = X.astype("float64")
SIGMOID = 1 / (1 + np.exp(-X64))
FORMULAS = {
    "relu": np.maximum(X64, 0), "relu6": np.clip(X64, 0, 6), "leaky_relu": np.where(X64 < 0, 0.2 * X64, X64), "elu": np.where(X64 < 0, np.expm1(X64), X64),
    "celu": np.where(X64 < 0, np.expm1(X64), X64), "softplus": np.log1p(np.exp(X64)), "softsign": X64 / (1 + np.abs(X64)), "sigmoid": SIGMOID,
    "silu": X64 * SIGMOID, "log_sigmoid": np.log(SIGMOID), "hard_sigmoid": np.clip(X64 + 3, 0, 6) / 6, "hard_silu": X64 * np.clip(X64 + 3, 0, 6) / 6,
    "hard_tanh": np.clip(X64, -1, 1), "tanh_shrink": X64 - np.tanh(X64), "soft_shrink": np.sign(X64) * np.maximum(np.abs(X64) - 0.5, 0),
    "hard_shrink": np.where(np.abs(X64) > 0.5, X64, 0), "squareplus": (X64 + np.sqrt(X64**2 + 4)) / 2,
    "sparse_sigmoid": np.clip((X64 + 1) / 2, 0, 1), "sparse_plus": np.where(X64 >= 1, X64, np.where(X64 <= -1, 0, (X64 + 1) ** 2 / 4)),
    "gelu": 0.5 * X64 * (1 + np.tanh(math.sqrt(2 / math.pi) * (X64 + 0.044715 * X64**3))), "glu": X64[:, :2] * SIGMOID[:, 2:],
    "softmax": np.exp(X64) / np.exp(X64).sum(-1, keepdims=True), "log_softmax": X64 - np.log(np.exp(X64).sum(-1, keepdims=True)),
    "logsumexp": np.log(np.exp(X64).sum()),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_equals_its_formula(engine, name):
    got = _np(getattr(ops, name)(X))
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, FORMULAS[name], rtol=2e-5, atol=2e-6)
    spec = getattr(ops, name)(ph.KerasTensor((None, 4)))
    assert spec.dtype == "float32" and len(spec.shape) == got.ndim


def test_gelu_exact(engine):
    np.testing.assert_allclose(_np(ops.gelu(X, approximate=False)), 0.5 * X64 * (1 + _erf(X64 / math.sqrt(2))), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
def test_activations_keep_low_precision_and_make_integers_float(engine, dtype):
    x = ops.cast(np.array([-2, 0, 3]), dtype)
    for name in ("sigmoid", "softmax", "gelu", "elu", "softplus"):
        out = getattr(ops, name)(x)
        assert engine.dtype(out) == ("float32" if dtype == "int32" else dtype), name


def test_softmax_over_several_axes_and_with_masked_rows(engine):
    np.testing.assert_allclose(_np(ops.sum(ops.softmax(X, axis=(0, 1)))), 1.0, rtol=1e-6)
    assert _np(ops.softmax([0.0, -np.inf])).tolist() == [1.0, 0.0]
    assert _np(ops.logsumexp([-np.inf, -np.inf])) == -np.inf


def test_sparsemax_is_the_projection_onto_the_simplex(engine):
    got = _np(ops.sparsemax(X))
    assert (got >= 0).all()
    np.testing.assert_allclose(got.sum(-1), 1, rtol=1e-6)
    for row, z in zip(got, X, strict=True):  # optimality: inside the support all elements are moved by one amount
        moved = (z - row)[row > 0]
        assert np.ptp(moved) < 1e-6 and (z[row == 0] <= moved[0] + 1e-6).all()


def test_one_hot_axes_dtypes_and_numbers_outside(engine):
    out = _np(ops.one_hot(np.array([[0, 2], [5, -1]]), 3, axis=1, dtype="int32"))
    assert out.tolist() == [[[1, 0], [0, 0], [0, 1]], [[0, 0], [0, 0], [0, 0]]] and out.dtype == "int32"
    assert _np(ops.multi_hot(np.array([[0, 2], [1, 1]]), num_classes=3)).tolist() == [[1, 0, 1], [0, 1, 0]]


# -- normalisation -------------------------------------------------------------------------------------------------------------------------
IMAGES = RNG.normal(size=(2, 5, 6, 4)).astype("float32")
GAMMA, BETA = RNG.normal(size=4).astype("float32"), RNG.normal(size=4).astype("float32")


def test_layer_normalization_over_the_last_and_over_inner_axes(engine):
    z = (IMAGES - IMAGES.mean(-1, keepdims=True)) / np.sqrt(IMAGES.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(_np(ops.layer_normalization(IMAGES, GAMMA, BETA, epsilon=1e-3)), z * GAMMA + BETA, rtol=1e-4, atol=1e-5)
    z = (IMAGES - IMAGES.mean((1, 2), keepdims=True)) / np.sqrt(IMAGES.var((1, 2), keepdims=True) + 1e-3)
    weight = RNG.normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(_np(ops.layer_normalization(IMAGES, weight, axis=(1, 2), epsilon=1e-3)), z * weight[..., None], rtol=1e-4, atol=1e-5)


def test_rms_and_batch_normalization(engine):
    rms = IMAGES / np.sqrt((IMAGES**2).mean(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(_np(ops.rms_normalization(IMAGES, GAMMA, epsilon=1e-3)), rms * GAMMA, rtol=1e-4, atol=1e-5)
    mean, variance = RNG.normal(size=5).astype("float32"), RNG.random(5).astype("float32")
    got = ops.batch_normalization(IMAGES, mean, variance, 1, offset=mean, scale=variance)
    wide = [v[:, None, None] for v in (mean, variance)]
    np.testing.assert_allclose(_np(got), (IMAGES - wide[0]) / np.sqrt(wide[1] + 1e-3) * wide[1] + wide[0], rtol=1e-4, atol=1e-4)


def test_moments_of_halves_do_not_overflow(engine):
    x = np.full((4, 2), 300.0, "float16")
    x[::2] = -300.0
    mean, variance = ops.moments(x, 0)
    assert _np(mean).tolist() == [0, 0] and _np(variance).tolist() == [65504, 65504]  # the variance is 90000, beyond float16


def test_normalize_orders(engine):
    for order in (1, 2, 3, math.inf):
        expected = X64 / np.linalg.norm(X64, order, axis=-1, keepdims=True)
        np.testing.assert_allclose(_np(ops.normalize(X, order=order)), expected, rtol=1e-5, atol=1e-6)
    assert _np(ops.normalize(np.zeros((1, 3), "float32"))).tolist() == [[0, 0, 0]]


# -- attention -----------------------------------------------------------------------------------------------------------------------------
def _attention(q, k, v, allowed, bias=0.0, scale=None):
    k, v = (np.repeat(t, q.shape[2] // t.shape[2], axis=2) for t in (k, v))
    logits = np.einsum("btnh,bsnh->bnts", q, k) * (scale or 1 / math.sqrt(q.shape[-1])) + bias
    logits = np.where(allowed, logits, -1e30)
    w = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("bnts,bsnh->btnh", w / w.sum(-1, keepdims=True), v)


def test_attention_with_mask_bias_causal_and_shared_heads(engine):
    q, k = RNG.normal(size=(2, 5, 4, 3)).astype("float32"), RNG.normal(size=(2, 6, 2, 3)).astype("float32")
    mask, bias = RNG.random((2, 4, 5, 6)) > 0.4, RNG.normal(size=(2, 4, 5, 6)).astype("float32")
    mask[..., 0] = True
    np.testing.assert_allclose(_np(ops.dot_product_attention(q, k, k)), _attention(q, k, k, True), rtol=1e-4, atol=1e-5)
    got = ops.dot_product_attention(q, k, k, bias=bias, mask=mask, scale=0.7)
    np.testing.assert_allclose(_np(got), _attention(q, k, k, mask, bias, 0.7), rtol=1e-4, atol=1e-5)
    got = ops.dot_product_attention(q, q, q, is_causal=True)
    np.testing.assert_allclose(_np(got), _attention(q, q, q, np.tri(5, dtype=bool)), rtol=1e-4, atol=1e-5)
    assert np.isfinite(_np(ops.dot_product_attention(q, k, k, mask=np.zeros((2, 1, 5, 6), bool)))).all()


def test_attention_names_wrong_shapes():
    with ph.use_backend("numpy"), pytest.raises(ValueError, match="dot_product_attention: query, key and value must have rank 4"):
        ops.dot_product_attention(X, X, X)


# -- losses --------------------------------------------------------------------------------------------------------------------------------
P = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0], [0.2, 0.2, 0.2]], "float32")


def test_crossentropies_of_probabilities_are_clipped_and_normalised(engine):
    target = np.eye(3, dtype="float32")[[2, 0, 1]]
    expected = -np.log([0.7, 1e-7, 1 / 3])
    np.testing.assert_allclose(_np(ops.categorical_crossentropy(target, P)), expected, rtol=1e-4)
    np.testing.assert_allclose(_np(ops.sparse_categorical_crossentropy(np.array([[2], [0], [1]]), P)), expected, rtol=1e-4)
    np.testing.assert_allclose(_np(ops.binary_crossentropy([1.0, 0.0], [0.0, 0.25])), -np.log([1e-7, 0.75]), rtol=1e-4)


def test_crossentropies_of_logits_stay_finite_far_out(engine):
    logits = np.array([[1000.0, -1000.0]], "float32")
    assert _np(ops.sparse_categorical_crossentropy(np.array([1]), logits, from_logits=True)).tolist() == [2000.0]
    assert _np(ops.categorical_crossentropy(np.array([[0.0, 1.0]], "float32"), logits, from_logits=True)).tolist() == [2000.0]
    assert _np(ops.binary_crossentropy([1.0, 1.0], [-1000.0, 1000.0], from_logits=True)).tolist() == [1000.0, 0.0]


def test_sparse_crossentropy_of_an_unknown_class_is_zero_and_axes_may_be_inner(engine):
    out = _np(ops.sparse_categorical_crossentropy(np.array([2, -1, 9]), P))
    np.testing.assert_allclose(out, [-math.log(0.7), 0, 0], rtol=1e-5)
    logits = RNG.normal(size=(2, 3, 4)).astype("float32")
    labels = RNG.integers(0, 3, (2, 4))
    inner = _np(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True, axis=1))
    np.testing.assert_allclose(inner, _np(ops.sparse_categorical_crossentropy(labels, np.moveaxis(logits, 1, -1), from_logits=True)), rtol=1e-5)


def test_losses_name_shapes_that_differ(engine):
    with pytest.raises(ValueError, match=r"binary_crossentropy: target and output must have one shape; received \(2,\) and \(3,\)"):
        ops.binary_crossentropy([0.0, 1.0], [0.0, 1.0, 0.0])
