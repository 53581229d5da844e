"""Metrics against scikit-learn and closed forms, on every engine."""

import numpy as np
import pytest
from sklearn import metrics as sk

import pronghorn as ph
from pronghorn import metrics, ops

RNG = np.random.default_rng(5)
BITS, SCORES, W = RNG.integers(0, 2, 60), RNG.uniform(size=60).astype("float32"), RNG.uniform(0.1, 1, 60).astype("float32")
CLASSES, PREDICTED = RNG.integers(0, 4, 48), RNG.dirichlet(np.ones(4), 48).astype("float32")
LABELS, LABEL_SCORES = RNG.integers(0, 2, (40, 3)), RNG.uniform(size=(40, 3)).astype("float32")


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


def streamed(metric, *arrays, parts=2):
    """Return the result after feeding the arrays in parts."""
    for batch in zip(*[np.array_split(a, parts) for a in arrays], strict=True):
        metric.update_state(*[ops.convert_to_tensor(b) for b in batch])
    return host(metric.result())


HARD = (SCORES > 0.5).astype(int)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: metrics.Precision(), sk.precision_score(BITS, HARD)),
        (lambda: metrics.Recall(), sk.recall_score(BITS, HARD)),
        (lambda: metrics.BinaryAccuracy(), sk.accuracy_score(BITS, HARD)),
        (lambda: metrics.BinaryCrossentropy(), sk.log_loss(BITS, SCORES)),
        (lambda: metrics.AUC(num_thresholds=4001), sk.roc_auc_score(BITS, SCORES)),
        (lambda: metrics.AUC(num_thresholds=4001, curve="PR"), sk.auc(*sk.precision_recall_curve(BITS, SCORES)[1::-1])),
        (lambda: metrics.MeanSquaredError(), sk.mean_squared_error(BITS, SCORES)),
        (lambda: metrics.RootMeanSquaredError(), sk.root_mean_squared_error(BITS, SCORES)),
        (lambda: metrics.MeanAbsoluteError(), sk.mean_absolute_error(BITS, SCORES)),
        (lambda: metrics.R2Score(), sk.r2_score(BITS, SCORES)),
        (lambda: metrics.MeanIoU(2), None),
        (lambda: metrics.TruePositives(), sk.confusion_matrix(BITS, HARD)[1, 1]),
        (lambda: metrics.FalsePositives(), sk.confusion_matrix(BITS, HARD)[0, 1]),
        (lambda: metrics.TrueNegatives(), sk.confusion_matrix(BITS, HARD)[0, 0]),
        (lambda: metrics.FalseNegatives(), sk.confusion_matrix(BITS, HARD)[1, 0]),
    ],
)
def test_binary_metrics_agree_with_scikit_learn(engine, make, expected):
    metric = make()
    predictions = SCORES[:, None]
    if isinstance(metric, metrics.MeanIoU):
        predictions, expected = HARD[:, None], sk.jaccard_score(BITS, HARD, average="macro")
    # between the exact curve's points, interpolation of precision differs a little
    tolerance = 1e-2 if getattr(metric, "curve", "") == "PR" else 1e-4
    np.testing.assert_allclose(streamed(metric, BITS[:, None], predictions), expected, rtol=tolerance)


def test_weighted_metrics_agree_with_scikit_learn(engine):
    for metric, expected in (
        (metrics.Precision(), sk.precision_score(BITS, HARD, sample_weight=W)),
        (metrics.Recall(), sk.recall_score(BITS, HARD, sample_weight=W)),
        (metrics.AUC(num_thresholds=4001), sk.roc_auc_score(BITS, SCORES, sample_weight=W)),
        (metrics.BinaryAccuracy(), sk.accuracy_score(BITS, HARD, sample_weight=W)),
        (metrics.MeanSquaredError(), sk.mean_squared_error(BITS, SCORES, sample_weight=W)),
        (metrics.R2Score(), sk.r2_score(BITS, SCORES, sample_weight=W)),
    ):
        np.testing.assert_allclose(streamed(metric, BITS[:, None], SCORES[:, None], W), expected, rtol=1e-4, err_msg=metric.name)


def test_class_metrics_agree_with_scikit_learn(engine):
    guess, hot = PREDICTED.argmax(-1), np.eye(4, dtype="float32")[CLASSES]
    accuracy = sk.accuracy_score(CLASSES, guess)
    np.testing.assert_allclose(streamed(metrics.SparseCategoricalAccuracy(), CLASSES, PREDICTED), accuracy, rtol=1e-6)
    np.testing.assert_allclose(streamed(metrics.CategoricalAccuracy(), hot, PREDICTED), accuracy, rtol=1e-6)
    np.testing.assert_allclose(streamed(metrics.Accuracy(), CLASSES[:, None], guess[:, None]), accuracy, rtol=1e-6)
    top2 = sk.top_k_accuracy_score(CLASSES, PREDICTED, k=2)
    np.testing.assert_allclose(streamed(metrics.SparseTopKCategoricalAccuracy(2), CLASSES, PREDICTED), top2, rtol=1e-6)
    np.testing.assert_allclose(streamed(metrics.TopKCategoricalAccuracy(2), hot, PREDICTED), top2, rtol=1e-6)
    np.testing.assert_allclose(streamed(metrics.SparseCategoricalCrossentropy(), CLASSES, PREDICTED), sk.log_loss(CLASSES, PREDICTED), rtol=1e-5)
    np.testing.assert_allclose(streamed(metrics.MeanIoU(4), CLASSES, guess), sk.jaccard_score(CLASSES, guess, average="macro"), rtol=1e-5)
    np.testing.assert_allclose(streamed(metrics.OneHotIoU(4, [1, 3]), hot, PREDICTED), sk.jaccard_score(CLASSES, guess, average=None)[[1, 3]].mean(), rtol=1e-5)
    for average in ("macro", "micro", "weighted", None):
        expected = sk.f1_score(CLASSES, guess, average=average)
        np.testing.assert_allclose(streamed(metrics.F1Score(average), hot, PREDICTED), expected, rtol=1e-4)
    np.testing.assert_allclose(streamed(metrics.FBetaScore("macro", 2.0), hot, PREDICTED), sk.fbeta_score(CLASSES, guess, beta=2, average="macro"), rtol=1e-4)


def test_multi_label_auc_is_the_mean_over_labels(engine):
    each = [sk.roc_auc_score(LABELS[:, i], LABEL_SCORES[:, i]) for i in range(3)]
    np.testing.assert_allclose(streamed(metrics.AUC(4001, multi_label=True), LABELS, LABEL_SCORES), np.mean(each), rtol=1e-4)
    weighted = metrics.AUC(4001, multi_label=True, label_weights=[0.5, 0.0, 1.5])
    np.testing.assert_allclose(streamed(weighted, LABELS, LABEL_SCORES), np.average(each, weights=[0.5, 0, 1.5]), rtol=1e-4)
    flat = metrics.AUC(4001, label_weights=[0.5, 0.1, 1.5])
    expected = sk.roc_auc_score(LABELS.ravel(), LABEL_SCORES.ravel(), sample_weight=np.tile([0.5, 0.1, 1.5], 40))
    np.testing.assert_allclose(streamed(flat, LABELS, LABEL_SCORES), expected, rtol=1e-4)


def test_auc_counts_scores_outside_0_and_1_as_0_and_1():
    with ph.use_backend("numpy"):
        inside, outside = metrics.AUC(), metrics.AUC()
        inside.update_state([0, 1, 1, 0], [0.0, 1.0, 0.4, 0.2])
        outside.update_state([0, 1, 1, 0], [-3.0, 7.0, 0.4, 0.2])
        assert float(inside.result()) == float(outside.result())


def test_best_ratio_where_the_other_is_high_enough(engine):
    thresholds = np.linspace(0, 1, 200)
    above = SCORES[:, None] > thresholds
    tp, fp = (above & (BITS == 1)[:, None]).sum(0), (above & (BITS == 0)[:, None]).sum(0)
    sensitivity, specificity = tp / (BITS == 1).sum(), 1 - fp / (BITS == 0).sum()
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(tp / (tp + fp))
    for metric, expected in (
        (metrics.SensitivityAtSpecificity(0.7), sensitivity[specificity >= 0.7].max()),
        (metrics.SpecificityAtSensitivity(0.7), specificity[sensitivity >= 0.7].max()),
        (metrics.PrecisionAtRecall(0.7), precision[sensitivity >= 0.7].max()),
        (metrics.RecallAtPrecision(0.5), sensitivity[precision >= 0.5].max()),
    ):
        np.testing.assert_allclose(streamed(metric, BITS, SCORES), expected, rtol=1e-5, err_msg=metric.name)


def test_top_k_of_precision_takes_exactly_k_of_equal_scores():
    with ph.use_backend("numpy"):
        metric = metrics.Precision(top_k=1)
        metric.update_state([[1, 0, 0], [0, 1, 0]], [[0.3, 0.3, 0.3], [0.3, 0.3, 0.3]])
        assert float(metric.true_positives.numpy()[0]) == 1 and float(metric.false_positives.numpy()[0]) == 1


def test_correlations(engine):
    x, y = RNG.normal(size=(6, 9)), RNG.normal(size=(6, 9))
    r = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(host(metrics.pearson_correlation(ops.convert_to_tensor(x), ops.convert_to_tensor(y))), r, rtol=1e-4)
    lin = [2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(streamed(metrics.ConcordanceCorrelation(), y.astype("float32"), x.astype("float32")), np.mean(lin), rtol=1e-4)
    cosine = (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)
    np.testing.assert_allclose(streamed(metrics.CosineSimilarity(), y.astype("float32"), x.astype("float32")), cosine.mean(), rtol=1e-4)


# -- means, sums, weights ------------------------------------------------------------------------------------------------------------------
def test_means_and_sums_of_weighted_values(engine):
    values, w = RNG.uniform(size=(6, 3)).astype("float32"), RNG.uniform(size=6).astype("float32")
    np.testing.assert_allclose(streamed(metrics.Mean(), values, w), (values.mean(1) * w).sum() / w.sum(), rtol=1e-5)
    np.testing.assert_allclose(streamed(metrics.Sum(), values, w), (values * w[:, None]).sum(), rtol=1e-5)
    mean = metrics.Mean()
    mean.update_state(4.0, sample_weight=3.0)
    mean.update_state(ops.convert_to_tensor(values), sample_weight=1.0)  # one weight: the batch counts once
    np.testing.assert_allclose(host(mean.result()), (12 + values.mean()) / 4, rtol=1e-5)
    assert float(host(metrics.Mean().result())) == 0


def test_ignored_classes_and_steps_of_sequences(engine):
    labels, p = np.array([[0, -1, 2], [3, 1, -1]]), RNG.dirichlet(np.ones(4), (2, 3)).astype("float32")
    w = np.array([1.0, 3.0], "float32")
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    nll = -np.log(np.take_along_axis(p, np.maximum(labels, 0)[..., None], -1)[..., 0]) * (labels >= 0)
    metric.update_state(ops.convert_to_tensor(labels), ops.convert_to_tensor(p), ops.convert_to_tensor(w))
    weight = w[:, None] * (labels >= 0)
    np.testing.assert_allclose(host(metric.result()), (nll * weight).sum() / weight.sum(), rtol=1e-4)
    top = metrics.sparse_top_k_categorical_accuracy(ops.convert_to_tensor(np.maximum(labels, 0)), ops.convert_to_tensor(p), k=2)
    expected = [[int(label in row.argsort()[-2:]) for label, row in zip(*pair, strict=True)] for pair in zip(np.maximum(labels, 0), p, strict=True)]
    np.testing.assert_array_equal(host(top), expected)


# -- state, configuration, errors ----------------------------------------------------------------------------------------------------------
def test_state_resets_and_pure_functions_leave_it_alone(engine):
    metric = metrics.AUC(name="a")
    assert [v.path for v in metric.variables] == [f"a/{n}" for n in ("true_positives", "false_positives", "true_negatives", "false_negatives")]
    state = metric.stateless_update_state(metric.stateless_reset_state(), ops.convert_to_tensor(BITS), ops.convert_to_tensor(SCORES))
    assert float(host(metric.result())) == 0
    expected = float(host(metric.stateless_result(state)))
    metric.update_state(ops.convert_to_tensor(BITS), ops.convert_to_tensor(SCORES))
    assert float(host(metric.result())) == pytest.approx(expected) and expected > 0
    metric.reset_state()
    assert float(host(metric.result())) == 0


def test_configuration_makes_the_same_metric_again():
    for made in (
        metrics.AUC(thresholds=[0.2, 0.6], curve="PR", multi_label=True, num_labels=2, label_weights=[1.0, 2.0]), metrics.Precision([0.2, 0.7], 3, 1),
        metrics.FBetaScore("macro", 0.5, 0.3), metrics.IoU(3, [0, 2], ignore_class=1), metrics.SparseTopKCategoricalAccuracy(3, from_sorted_ids=True),
        metrics.BinaryIoU([1], 0.3), metrics.CosineSimilarity(axis=1), metrics.RecallAtPrecision(0.4, 50, 1), metrics.R2Score(None, 2),
        metrics.MeanMetricWrapper(ph.losses.mean_absolute_error, name="w"), metrics.Mean(dtype="float16"),
    ):  # fmt: skip
        config = made.get_config()
        assert type(made).from_config(config).get_config() == config
        assert metrics.deserialize(metrics.serialize(made)).get_config() == config


def test_wrong_use_says_what_to_do():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match="SparseCategoricalAccuracy|sparse_categorical_accuracy"):
            metrics.get("sparse_categorical_acuracy")
        with pytest.raises(ValueError, match="ROC, PR, PRGAIN"):
            metrics.AUC(curve="roc2")
        with pytest.raises(ValueError, match="between 0 and 1"):
            metrics.Precision(thresholds=[0.5, 2.0])
        with pytest.raises(ValueError, match=r"\(3,\).*\(4, 2\)"):
            metrics.sparse_categorical_accuracy(np.zeros(3), np.zeros((4, 2)))
        with pytest.raises(ValueError, match=r"\(samples, classes\)"):
            metrics.F1Score().update_state([1, 0], [0.5, 0.5])
        with pytest.raises(ValueError, match="4 variables"):
            metrics.AUC().stateless_result([0.0])
        with pytest.raises(NotImplementedError, match="update_state"):
            metrics.Metric()(1)
