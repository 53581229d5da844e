"""Reshaping, padding, cropping, upsampling, merging, dense maps and embeddings by NumPy's own functions."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import pronghorn as ph

L = ph.layers
RNG = np.random.default_rng(2)
DATA = {n: RNG.normal(size=(2, *(5, 6, 4)[:n], 3)).astype("float32") for n in (1, 2, 3)}


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def planes(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def random_weights(layer, *shapes):
    layer.build(*shapes)
    layer.set_weights([RNG.normal(size=w.shape).astype("float32") for w in layer.weights])
    return layer.get_weights()


# -- shapes -----------------------------------------------------------------------------------------------------------------------------------
def test_reshaping():
    x = DATA[2]
    np.testing.assert_array_equal(L.Flatten()(x), x.reshape(2, -1))
    np.testing.assert_array_equal(L.Flatten(data_format="channels_first")(planes(x)), x.reshape(2, -1))
    np.testing.assert_array_equal(L.Reshape((-1, 9))(x), x.reshape(2, -1, 9))
    np.testing.assert_array_equal(L.Permute((3, 1, 2))(x), x.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(L.RepeatVector(3)(x[:, 0, 0]), np.stack([x[:, 0, 0]] * 3, 1))


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (lambda: L.Flatten(), (None, 4, 3), (None, 12)),
        (lambda: L.Flatten(), (None, None, 3), (None, None)),
        (lambda: L.Reshape((-1, 2)), (None, 4, 3), (None, 6, 2)),
        (lambda: L.Reshape((-1, 2)), (None, None, 3), (None, None, 2)),
        (lambda: L.Permute((2, 1)), (None, None, 3), (None, 3, None)),
        (lambda: L.ZeroPadding2D(1), (None, None, 4, 3), (None, None, 6, 3)),
        (lambda: L.Cropping1D((1, 2)), (None, 9, 3), (None, 6, 3)),
        (lambda: L.UpSampling2D((2, 3)), (None, None, 4, 3), (None, None, 12, 3)),
        (lambda: L.Conv1D(2, 3, padding="same", strides=2), (None, None, 3), (None, None, 2)),
        (lambda: L.MaxPooling1D(2), (None, 7, 3), (None, 3, 3)),
        (lambda: L.Embedding(9, 2), (None, None), (None, None, 2)),
        (lambda: L.Dense(5), (None, None, 3), (None, None, 5)),
    ],
)
def test_symbolic_shapes_keep_what_is_known(layer, shape, expected):
    assert layer()(ph.Input(batch_shape=shape)).shape == expected
    assert layer().compute_output_shape(shape) == expected


@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding_cropping_and_upsampling(n):
    x = DATA[n]
    pairs = [(1, 2), (0, 1), (1, 1)][:n]
    argument = pairs[0] if n == 1 else pairs
    np.testing.assert_array_equal(getattr(L, f"ZeroPadding{n}D")(argument)(x), np.pad(x, [(0, 0), *pairs, (0, 0)]))
    np.testing.assert_array_equal(
        getattr(L, f"ZeroPadding{n}D")(argument, data_format="channels_first")(planes(x)), np.pad(planes(x), [(0, 0), (0, 0), *pairs])
    )
    inside = (slice(None), *(slice(a, d - b) for (a, b), d in zip(pairs, x.shape[1:], strict=False)))
    np.testing.assert_array_equal(getattr(L, f"Cropping{n}D")(argument)(x), x[inside])
    np.testing.assert_array_equal(getattr(L, f"UpSampling{n}D")(2)(x), np.moveaxis(F.interpolate(torch.from_numpy(planes(x)), scale_factor=2).numpy(), 1, -1))


# -- merging ----------------------------------------------------------------------------------------------------------------------------------
def test_merging_layers_broadcast_as_numpy_does():
    a, b, c = (RNG.normal(size=s).astype("float32") for s in ((2, 5, 3), (2, 5, 3), (2, 1, 3)))
    for layer, expected in (
        (L.Add(), a + b + c), (L.Multiply(), a * b * c), (L.Average(), (a + b + c) / 3), (L.Maximum(), np.maximum(np.maximum(a, b), c)),
        (L.Minimum(), np.minimum(np.minimum(a, b), c)),
    ):  # fmt: skip
        np.testing.assert_allclose(layer([a, b, c]), expected, atol=1e-6)
    np.testing.assert_array_equal(L.Subtract()([a, c]), a - c)
    np.testing.assert_array_equal(L.Concatenate(axis=1)([a, c]), np.concatenate([a, c], 1))
    np.testing.assert_allclose(L.Dot(axes=(1, 1))([a, b]), np.einsum("bti,btj->bij", a, b), atol=1e-5)
    cosine = (a[:, 0] * b[:, 0]).sum(-1) / np.linalg.norm(a[:, 0], axis=-1) / np.linalg.norm(b[:, 0], axis=-1)
    np.testing.assert_allclose(L.Dot(axes=1, normalize=True)([a[:, 0], b[:, 0]])[:, 0], cosine, rtol=1e-5)


def test_concatenation_joins_masks():
    x = np.ones((1, 2, 3), "float32")
    masked = L.Masking()(np.array([[[1.0, 0, 0], [0, 0, 0]]], "float32"))
    from pronghorn.layers.context import get_mask

    assert get_mask(L.Concatenate(axis=1)([masked, x])).tolist() == [[True, False, True, True]]


# -- dense, embedding, attention --------------------------------------------------------------------------------------------------------------
def test_dense_and_einsum_dense():
    x = DATA[1]
    dense = L.Dense(4, activation="tanh")
    w, b = random_weights(dense, x.shape)
    np.testing.assert_allclose(dense(x), np.tanh(x @ w + b), atol=1e-5)
    for equation, shape, axes in (
        ("abc,cde->abde", (None, 2, 4), "e"),
        ("abc,cde->abde", (None, 2, 4), "de"),
        ("abc,bcd->ad", 4, "d"),
        ("...c,cd->...d", 4, "d"),
        ("abc,cd->abd", (None, 4), None),
        ("abc,bd->adc", (4, x.shape[2]), "d"),
    ):
        einsum = L.EinsumDense(equation, shape, bias_axes=axes)
        w, *b = random_weights(einsum, x.shape)
        np.testing.assert_allclose(einsum(x), np.einsum(equation, x, w) + (b[0] if b else 0.0), atol=1e-5)


def test_embedding_and_its_way_back():
    layer = L.ReversibleEmbedding(7, 3, logit_soft_cap=2.0)
    (table,) = random_weights(layer, (None, 4))
    ids = np.array([[1, 0, 6], [2, 2, 3]], "int32")
    np.testing.assert_array_equal(layer(ids), table[ids])
    np.testing.assert_allclose(layer(layer(ids), reverse=True), 2 * np.tanh(table[ids] @ table.T / 2), atol=1e-5)
    untied = L.ReversibleEmbedding(7, 3, tie_weights=False)
    table, back = random_weights(untied, (None, 4))
    np.testing.assert_allclose(untied(table[ids], reverse=True), table[ids] @ back, atol=1e-5)


def test_attention_without_projections():
    q, k, v = (torch.from_numpy(RNG.normal(size=(2, n, 4)).astype("float32")) for n in (3, 5, 5))
    mask = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]], bool)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=torch.from_numpy(mask)[:, None], scale=1.0).numpy()
    y, weights = L.Attention()([q.numpy(), v.numpy(), k.numpy()], mask=[None, mask, None], return_attention_scores=True)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)
    assert (weights[0][:, ~mask[0]] == 0).all()
    additive = L.AdditiveAttention(use_scale=False)
    scores = np.tanh(q.numpy()[:, :, None] + k.numpy()[:, None]).sum(-1)
    soft = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(additive([q.numpy(), v.numpy(), k.numpy()]), soft @ v.numpy(), atol=1e-5)


@pytest.mark.parametrize("scores", [False, True])
def test_heads_that_share_keys_are_as_if_the_keys_were_repeated(scores):
    x, y = (RNG.normal(size=(2, n, 6)) / 4 for n in (3, 5))
    layer = L.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
    wq, bq, wk, bk, wv, bv, wo, bo = (w.astype("float64") for w in random_weights(layer, x.shape, y.shape))  # the expectation in float64
    q, k, v = (np.einsum("btd,dhe->bhte", t, w) + b[:, None] for t, w, b in ((x, wq, bq), (y, wk, bk), (y, wv, bv)))
    mask = (RNG.normal(size=(2, 3, 5)) > -0.5) | (np.arange(5) == 0)  # every query has a key
    heads = F.scaled_dot_product_attention(*(torch.from_numpy(t) for t in (q, k.repeat(2, 1), v.repeat(2, 1))), attn_mask=torch.from_numpy(mask)[:, None])
    expected = np.einsum("bhte,hed->btd", heads.numpy(), wo) + bo
    got = layer(x.astype("float32"), y.astype("float32"), attention_mask=mask, return_attention_scores=scores)
    np.testing.assert_allclose(got[0] if scores else got, expected, atol=1e-5)


# -- wrong use --------------------------------------------------------------------------------------------------------------------------------
ONES = np.ones((2, 3), "float32")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: L.Add(name="sum")([ONES, np.ones((2, 4), "float32")]), r'"sum" \(Add\).*\(2, 3\), \(2, 4\).*do not broadcast'),
        (lambda: L.Add(name="sum")(ONES), r'"sum" \(Add\) expects a list'),
        (lambda: L.Subtract(name="less")([ONES] * 3), '"less".*expects 2 inputs; received 3'),
        (lambda: L.Concatenate(name="cat")([ONES, np.ones((2, 3, 1), "float32")]), '"cat".*differ outside axis -1'),
        (lambda: L.Dot(axes=1, name="dot")([ONES, np.ones((2, 4), "float32")]), '"dot".*axes 1 and 1.*different sizes'),
        (lambda: L.Permute((2, 1), name="turn")(ONES), r'"turn".*ndim=3.*\(2, 3\)'),
        (lambda: L.Cropping1D(2, name="cut")(np.ones((1, 4, 1), "float32")), '"cut".*leaves nothing of axis 1 with size 4'),
        (lambda: L.RepeatVector(2, name="again")(np.ones((1, 2, 3), "float32")), r'"again".*ndim=2.*\(1, 2, 3\)'),
        (lambda: L.GroupQueryAttention(4, 4, 2, name="share")(ONES, ONES), r'"share".*\(batch, steps, features\).*\(2, 3\)'),
        (lambda: L.EinsumDense("abc,cd->abd", (2, 4), name="map")(ONES), r"rank 3.*\(2, 3\)"),
    ],
)
def test_wrong_inputs_name_the_layer_and_the_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_built_einsum_takes_inputs_of_its_shape_only():
    layer = L.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e", name="map")
    layer(np.ones((2, 6, 3, 4), "float32"))
    assert layer(np.ones((1, 7, 3, 4), "float32")).shape == (1, 7, 5)
    for shape in ((2, 6, 4, 3), (6, 3, 4), (1, 2, 6, 3, 4), (2, 6, 12, 1)):
        with pytest.raises(ValueError, match=f'"map".*{re.escape(str(shape))}'):
            layer(np.ones(shape, "float32"))


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: L.Reshape((-1, -1)), ValueError, "at most one size may be -1"),
        (lambda: L.Permute((1, 3)), ValueError, "numbers from 1 to 2"),
        (lambda: L.ZeroPadding2D((1, -1)), ValueError, "at least 0"),
        (lambda: L.Embedding(0, 3), ValueError, "input_dim must be a positive integer"),
        (lambda: L.GroupQueryAttention(4, 3, 2), ValueError, "num_query_heads must be a multiple"),
        (lambda: L.Dot(axes="x"), TypeError, "axes must be an int or a pair"),
        (lambda: L.Dropout(1.5), ValueError, "number from 0 to 1; received 1.5"),
    ],
)
def test_wrong_arguments_are_refused_when_the_layer_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()
