"""Losses against closed forms and torch.nn.functional, on every engine."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import pronghorn as ph
from pronghorn import losses

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(5, 4)).astype("float32"), RNG.normal(size=(5, 4)).astype("float32")
LABELS = np.array([0, 2, 3, 1, 2])
HOT = np.eye(4, dtype="float32")[LABELS]
BITS = (Y > 0).astype("float32")
P = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
S = 1 / (1 + np.exp(-X))


def host(x):
    return np.asarray(ph.ops.convert_to_numpy(x))


def on(backend, *arrays):
    return [ph.ops.convert_to_tensor(a) for a in arrays]


# name -> targets, predictions, options, value per sample
CLOSED = {
    "mean_squared_error": (Y, X, {}, ((X - Y) ** 2).mean(-1)),
    "mean_absolute_error": (Y, X, {}, np.abs(X - Y).mean(-1)),
    "mean_absolute_percentage_error": (Y, X, {}, 100 * np.abs((X - Y) / Y).mean(-1)),
    "mean_squared_logarithmic_error": (S, P, {}, ((np.log1p(S) - np.log1p(P)) ** 2).mean(-1)),
    "log_cosh": (Y, X, {}, np.log(np.cosh(X - Y)).mean(-1)),
    "hinge": (BITS, X, {}, np.maximum(1 - (2 * BITS - 1) * X, 0).mean(-1)),
    "squared_hinge": (BITS, X, {}, (np.maximum(1 - (2 * BITS - 1) * X, 0) ** 2).mean(-1)),
    "categorical_hinge": (HOT, X, {}, np.maximum(((1 - HOT) * X).max(-1) - (HOT * X).sum(-1) + 1, 0)),
    "cosine_similarity": (Y, X, {}, -(X * Y).sum(-1) / np.linalg.norm(X, axis=-1) / np.linalg.norm(Y, axis=-1)),
    "categorical_generalized_cross_entropy": (LABELS, P, {"q": 0.7}, (1 - P[np.arange(5), LABELS] ** 0.7) / 0.7),
    "dice": (BITS, S, {"axis": -1}, 1 - 2 * (BITS * S).sum(-1) / (BITS + S).sum(-1)),
    "tversky": (
        BITS,
        S,
        {"alpha": 0.3, "beta": 0.7, "axis": -1},
        1 - (BITS * S).sum(-1) / ((BITS * S).sum(-1) + 0.3 * (BITS * (1 - S)).sum(-1) + 0.7 * ((1 - BITS) * S).sum(-1)),
    ),
    "binary_focal_crossentropy": (
        BITS,
        S,
        {"gamma": 2.0},
        (-BITS * (1 - S) ** 2 * np.log(S) - (1 - BITS) * S**2 * np.log(1 - S)).mean(-1),
    ),
    "categorical_focal_crossentropy": (HOT, P, {"alpha": 0.25, "gamma": 2.0}, -(0.25 * HOT * (1 - P) ** 2 * np.log(P)).sum(-1)),
}


@pytest.mark.parametrize("name", CLOSED)
def test_value_per_sample_is_the_closed_form(engine, name):
    t, p, options, expected = CLOSED[name]
    found = getattr(losses, name)(*on(engine, t, p), **options)
    np.testing.assert_allclose(host(found), expected, rtol=2e-4, atol=2e-6)


def test_losses_agree_with_torch(engine):
    x, y, p = torch.tensor(X), torch.tensor(Y), torch.tensor(P)
    labels, bits = torch.tensor(LABELS), torch.tensor(BITS)
    pairs = [
        (losses.Huber(delta=0.7)(*on(engine, Y, X)), F.huber_loss(x, y, delta=0.7)),
        (losses.CategoricalCrossentropy(from_logits=True)(*on(engine, HOT, X)), F.cross_entropy(x, labels)),
        (losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)(*on(engine, HOT, X)), F.cross_entropy(x, labels, label_smoothing=0.2)),
        (losses.SparseCategoricalCrossentropy(from_logits=True)(*on(engine, LABELS, X)), F.cross_entropy(x, labels)),
        (losses.SparseCategoricalCrossentropy()(*on(engine, LABELS, P)), F.nll_loss(torch.log(p), labels)),
        (losses.SparseCategoricalCrossentropy(True, ignore_class=2)(*on(engine, LABELS, X)), F.cross_entropy(x, labels, ignore_index=2)),
        (losses.BinaryCrossentropy(from_logits=True)(*on(engine, BITS, X)), F.binary_cross_entropy_with_logits(x, bits)),
        (losses.BinaryCrossentropy()(*on(engine, BITS, S)), F.binary_cross_entropy(torch.tensor(S), bits)),
        (
            losses.KLDivergence()(*on(engine, S / S.sum(-1, keepdims=True), P)),
            F.kl_div(torch.log(p), torch.tensor(S / S.sum(-1, keepdims=True)), reduction="batchmean"),
        ),
        (losses.Poisson()(*on(engine, BITS, S)), F.poisson_nll_loss(torch.tensor(S), bits, log_input=False)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(host(ours), theirs.numpy(), rtol=1e-4)


def test_ctc_agrees_with_torch(engine):
    logits = RNG.normal(size=(2, 7, 4)).astype("float32")
    labels = np.array([[1, 2, 1], [3, 3, 0]])
    log_p = F.log_softmax(torch.tensor(logits), -1).transpose(0, 1)
    expected = F.ctc_loss(log_p, torch.tensor(labels), torch.tensor([7, 7]), torch.tensor([3, 2]), reduction="none")
    np.testing.assert_allclose(host(losses.ctc(*on(engine, labels, logits))), expected.numpy(), rtol=1e-4)


def test_circle_pulls_pairs_of_one_class_together():
    embeddings = np.array([[1, 0], [0.6, 0.8], [0, 1]], "float32")
    labels, gamma, m = np.array([0, 0, 1]), 4.0, 0.25
    s = embeddings @ embeddings.T
    expected = []
    for i, (same, other) in enumerate([([1], [2]), ([0], [2]), ([], [0, 1])]):
        pull = sum(np.exp(-gamma * (1 + m - s[i, j]) * (s[i, j] - 1 + m)) for j in same)
        push = sum(np.exp(gamma * max(s[i, j] + m, 0) * (s[i, j] - m)) for j in other)
        expected.append(np.log1p(pull * push))
    with ph.use_backend("numpy"):
        np.testing.assert_allclose(losses.circle(labels, embeddings, gamma=gamma, margin=m), expected, rtol=1e-5, atol=1e-6)


def test_gradients_stay_finite_at_certain_predictions():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    with ph.use_backend("torch"):
        for loss in (losses.BinaryCrossentropy(), losses.CategoricalCrossentropy(), losses.BinaryFocalCrossentropy(), losses.CosineSimilarity()):
            x = torch.tensor(np.zeros((2, 2), "float32") if isinstance(loss, losses.CosineSimilarity) else certain, requires_grad=True)
            loss(torch.tensor(certain[::-1].copy()), x).backward()
            assert torch.isfinite(x.grad).all(), loss


# -- reductions ----------------------------------------------------------------------------------------------------------------------------
VALUES = ((X - Y) ** 2).mean(-1)
W = np.array([0.5, 1.0, 0.0, 2.0, 1.0], "float32")


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", (VALUES * W).mean()),
        ("mean", (VALUES * W).mean()),
        ("sum", (VALUES * W).sum()),
        ("mean_with_sample_weight", (VALUES * W).sum() / W.sum()),
        ("none", VALUES * W),
        (None, VALUES * W),
    ],
)
def test_reductions_of_weighted_values(engine, reduction, expected):
    t, p, w = on(engine, Y, X, W)
    np.testing.assert_allclose(host(losses.MeanSquaredError(reduction=reduction)(t, p, w)), expected, rtol=1e-5)
    np.testing.assert_allclose(np.squeeze(host(losses.MeanSquaredError(reduction=reduction)(t, p, w[:, None]))), expected, rtol=1e-5)


def test_masked_samples_do_not_count_in_means():
    mask = np.array([True, False, True, True, False])
    with ph.use_backend("numpy"):
        np.testing.assert_allclose(losses.MeanSquaredError()(Y, X, mask=mask), VALUES[mask].mean(), rtol=1e-5)
        np.testing.assert_allclose(losses.MeanSquaredError("sum")(Y, X, W, mask=mask), (VALUES * W)[mask].sum(), rtol=1e-5)
        assert losses.MeanSquaredError()(Y, X, mask=np.zeros(5, bool)) == 0


def test_one_weight_per_sample_weighs_all_steps_of_a_sequence():
    t, p, w = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 4)), np.array([1.0, 3.0])
    with ph.use_backend("numpy"):
        expected = (((t - p) ** 2).mean(-1) * w[:, None]).mean()
        np.testing.assert_allclose(losses.MeanSquaredError()(t, p, w), expected, rtol=1e-5)


def test_empty_batch_and_labels_of_small_dtypes():
    with ph.use_backend("numpy"):
        assert losses.MeanSquaredError()(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)  # nothing to take a mean of
        loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
        np.testing.assert_allclose(loss(LABELS.astype("uint8"), P), -np.log(P[np.arange(5), LABELS]).mean(), rtol=1e-5)


def test_lists_numbers_and_columns_are_accepted():
    with ph.use_backend("numpy"):
        assert float(losses.MeanAbsoluteError()([[1.0], [2.0]], [[2.0], [4.0]])) == 1.5
        column = losses.mean_squared_error(Y[:, 0], X[:, :1])
        np.testing.assert_allclose(column, (X[:, 0] - Y[:, 0]) ** 2, rtol=1e-5)


# -- names, configurations, errors ---------------------------------------------------------------------------------------------------------
def test_configuration_makes_the_same_loss_again():
    for made in (
        losses.Huber(0.3, name="h"), losses.SparseCategoricalCrossentropy(True, ignore_class=3), losses.Tversky(0.2, 0.8, axis=[1, 2]),
        losses.BinaryFocalCrossentropy(True, 0.4, reduction="sum"), losses.CosineSimilarity(axis=1), losses.MeanSquaredError(dtype="float16"),
    ):  # fmt: skip
        again = type(made).from_config(made.get_config())
        assert again.get_config() == made.get_config()
        assert losses.deserialize(losses.serialize(made)).get_config() == made.get_config()


def test_names_and_aliases():
    assert losses.get("mse") is losses.get("MSE") is losses.mean_squared_error
    assert isinstance(losses.get("CategoricalCrossentropy"), losses.CategoricalCrossentropy)
    assert losses.get(None) is None and losses.get(abs) is abs
    with pytest.raises(ValueError, match="mean_squared_error"):
        losses.get("mean_squared_eror")
    with pytest.raises(ValueError, match="interpret"):
        losses.get(3)


def test_wrong_use_says_what_to_do():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match="sum_over_batch_size"):
            losses.MeanSquaredError(reduction="average")
        with pytest.raises(ValueError, match="sparse_categorical_crossentropy"):
            losses.categorical_crossentropy(LABELS[:, None], P)
        with pytest.raises(ValueError, match="categorical_crossentropy"):
            losses.sparse_categorical_crossentropy(HOT, P)
        with pytest.raises(ValueError, match=r"\(5, 4\).*\(5, 3\)"):
            losses.mean_squared_error(Y, X[:, :3])
        with pytest.raises(ValueError, match="sample_weight of shape"):
            losses.MeanSquaredError()(Y, X, np.ones(3))
        with pytest.raises(ValueError, match="label_smoothing"):
            losses.categorical_crossentropy(HOT, P, label_smoothing=1.5)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))
        assert "one class only" in str(caught[0].message)
