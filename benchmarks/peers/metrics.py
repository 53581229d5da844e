"""Metrics against Keras: results over batches, weights of several ranks, state and configurations.

Run: python3 dev.py run bench python benchmarks/peers/metrics.py
"""

import itertools
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import numpy as np
from comparing import Comparison, host

import pronghorn as ph

EXPLAINED: dict[str, str] = {
    "* vector with weights: only Keras raises*": "a single value for a batch, of which each sample has its share here",
    "Poisson() vector: only Keras raises*": "the same",
    "BinaryCrossentropy(*) vector: only Keras raises*": "the same",
    "* scalar with weights: only Keras raises*": "the same",
    "*Hinge() column to vector*": "Keras' function makes (n, n) of (n,) and (n, 1)",
    "Poisson() column to vector*": "the same",
    "BinaryCrossentropy(*) column to vector: only Keras raises*": "works here",
    "R2Score(*) *[[]0]: ours [[]*], Keras [[]*]": "Keras counts every number as a sample, where there are several outputs",
    "R2Score({'num_regressors': 2}) *": "the same",
    "CosineSimilarity({'axis': *}) config: config axis: *": "Keras forgets the axis",
    "*'class_id': 1}) *: only Keras raises*": "works here",
    "* weights[[]0]: ours [[]*], Keras [[]0.]": "at a limit of 1, rounding of Keras' sums decides",
    "IoU(* with -1*": "a label outside the classes counts for none; Keras counts it for the last",
    "MeanIoU(* with -1*": "the same",
    "*({'threshold': 2}) made*": "nonsense, found early here",
    "Recall({'thresholds': []}) made*": "the same",
    "AUC({'thresholds': [[]2.0]}) made*": "the same",
    "SparseCategoricalCrossentropy(* cube with *: only Keras raises*": "weights of samples of several steps work here",
    "*'class_id': 1}) column*: only ours raises*": "there is no such class; jax reads another",
}

rng = np.random.default_rng(0)


def f32(*shape: int) -> np.ndarray:
    """Return normal numbers."""
    return rng.normal(size=shape).astype("float32")


def share(*shape: int) -> np.ndarray:
    """Return numbers between 0 and 1."""
    return rng.uniform(size=shape).astype("float32")


def softmax(x: np.ndarray) -> np.ndarray:
    """Return probabilities."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def ints(n: int, *shape: int) -> np.ndarray:
    """Return class numbers."""
    return rng.integers(0, n, shape)


def hot(labels: np.ndarray, n: int) -> np.ndarray:
    """Return one-hot vectors."""
    return np.eye(n, dtype="float32")[labels]


#: kind -> name of the data -> batches of targets, predictions and weights
DATA: dict[str, dict[str, list[tuple]]] = {
    "regression": {
        "matrix": [(f32(4, 3), f32(4, 3)), (f32(5, 3), f32(5, 3))],
        "weights": [(f32(4, 3), f32(4, 3), share(4)), (f32(5, 3), f32(5, 3), share(5))],
        "column weights": [(f32(4, 3), f32(4, 3), share(4, 1))],
        "element weights": [(f32(4, 3), f32(4, 3), share(4, 3))],
        "scalar weight": [(f32(4, 3), f32(4, 3), 2.0)],
        "zero weights": [(f32(4, 3), f32(4, 3), np.zeros(4, "float32"))],
        "vector": [(f32(4), f32(4))],
        "vector with weights": [(f32(4), f32(4), share(4))],
        "column to vector": [(f32(4), f32(4, 1))],
        "column": [(f32(4, 1), f32(4, 1)), (f32(2, 1), f32(2, 1), share(2))],
        "cube": [(f32(2, 3, 4), f32(2, 3, 4))],
        "cube with weights": [(f32(2, 3, 4), f32(2, 3, 4), share(2))],
        "cube with step weights": [(f32(2, 3, 4), f32(2, 3, 4), share(2, 3))],
        "equal": [(np.ones((3, 2), "float32"), np.ones((3, 2), "float32"))],
        "none": [],
    },
    "binary": {
        "matrix": [(ints(2, 6, 3), share(6, 3)), (ints(2, 4, 3), share(4, 3))],
        "column": [(ints(2, 6, 1), share(6, 1)), (ints(2, 4, 1), share(4, 1))],
        "column to vector": [(ints(2, 6), share(6, 1))],
        "vector": [(ints(2, 20), share(20)), (ints(2, 10), share(10), share(10))],
        "weights": [(ints(2, 6, 3), share(6, 3), share(6))],
        "column weights": [(ints(2, 6, 3), share(6, 3), share(6, 1))],
        "element weights": [(ints(2, 6, 3), share(6, 3), share(6, 3))],
        "integer weights": [(ints(2, 6, 3), share(6, 3), np.array([1, 0, 2, 1, 0, 3]))],
        "scalar weight": [(ints(2, 6, 3), share(6, 3), 0.5)],
        "at the thresholds": [(np.array([0, 1, 1, 0, 1, 0]), np.array([0.0, 0.5, 1.0, 0.25, 0.75, 1.0], "float32"))],
        "floats": [(ints(2, 6, 3).astype("float32"), share(6, 3))],
        "bools": [(ints(2, 6, 3) > 0, share(6, 3))],
        "all positive": [(np.ones((5, 2)), share(5, 2))],
        "all negative": [(np.zeros((5, 2)), share(5, 2))],
        "nothing predicted": [(ints(2, 5, 2), np.zeros((5, 2), "float32"))],
        "none": [],
        "outside": [(ints(2, 5, 2), f32(5, 2) * 3)],
        "soft targets": [(share(6, 3), share(6, 3), share(6))],
    },
    "one hot": {
        "matrix": [(hot(ints(5, 8), 5), softmax(f32(8, 5))), (hot(ints(5, 4), 5), softmax(f32(4, 5)))],
        "weights": [(hot(ints(5, 8), 5), softmax(f32(8, 5)), share(8))],
        "column weights": [(hot(ints(5, 8), 5), softmax(f32(8, 5)), share(8, 1))],
        "cube": [(hot(ints(5, 4, 3), 5), softmax(f32(4, 3, 5)))],
        "cube with weights": [(hot(ints(5, 4, 3), 5), softmax(f32(4, 3, 5)), share(4, 3))],
        "cube with sample weights": [(hot(ints(5, 4, 3), 5), softmax(f32(4, 3, 5)), share(4))],
        "ties": [(hot(ints(5, 4), 5), np.full((4, 5), 0.2, "float32"))],
        "none": [],
    },
    "sparse": {
        "matrix": [(ints(5, 8), softmax(f32(8, 5))), (ints(5, 4), softmax(f32(4, 5)))],
        "column": [(ints(5, 8, 1), softmax(f32(8, 5)))],
        "floats": [(ints(5, 8).astype("float32"), softmax(f32(8, 5)))],
        "uint8": [(ints(5, 8).astype("uint8"), softmax(f32(8, 5)))],
        "weights": [(ints(5, 8), softmax(f32(8, 5)), share(8))],
        "column weights": [(ints(5, 8, 1), softmax(f32(8, 5)), share(8, 1))],
        "cube": [(ints(5, 4, 3), softmax(f32(4, 3, 5)))],
        "cube column": [(ints(5, 4, 3, 1), softmax(f32(4, 3, 5)))],
        "cube with weights": [(ints(5, 4, 3), softmax(f32(4, 3, 5)), share(4, 3))],
        "cube with sample weights": [(ints(5, 4, 3), softmax(f32(4, 3, 5)), share(4))],
        "with -1": [(np.array([0, -1, 2, 4, -1]), softmax(f32(5, 5)))],
        "with -1 and weights": [(np.array([0, -1, 2, 4, -1]), softmax(f32(5, 5)), share(5))],
        "cube with -1 and weights": [(ints(5, 4, 3) - 1, softmax(f32(4, 3, 5)), share(4))],
        "ties": [(ints(5, 4), np.full((4, 5), 0.2, "float32"))],
    },
    "labels": {
        "vector": [(ints(3, 20), ints(3, 20)), (ints(3, 5), ints(3, 5))],
        "weights": [(ints(3, 20), ints(3, 20), share(20) * 3)],
        "integer weights": [(ints(3, 6), ints(3, 6), np.array([1, 2, 0, 3, 1, 1]))],
        "images": [(ints(3, 2, 4, 4), ints(3, 2, 4, 4))],
        "images with weights": [(ints(3, 2, 4, 4), ints(3, 2, 4, 4), np.ones((2, 4, 4)))],
        "one class": [(np.zeros(4, "int32"), np.zeros(4, "int32"))],
        "with 2 ignored": [(np.array([0, 1, 2, 2]), np.array([0, 1, 1, 0]))],
        "with -1": [(np.array([0, 1, -1, 2]), np.array([0, 1, 1, 0]))],
        "none": [],
    },
    "scores": {
        "matrix": [(ints(2, 12, 3), share(12, 3)), (ints(2, 6, 3), share(6, 3))],
        "weights": [(ints(2, 12, 3), share(12, 3), share(12))],
        "one hot": [(hot(ints(3, 9), 3), softmax(f32(9, 3)))],
        "zeros": [(ints(2, 4, 3), np.zeros((4, 3), "float32"))],
        "one column": [(ints(2, 8, 1), share(8, 1))],
        "vector": [(ints(2, 8), share(8))],
    },
    "values": {
        "vector": [(f32(4),), (f32(3),)],
        "weights": [(f32(4), share(4)), (f32(3),)],
        "scalar": [(3.0,), (4.0,)],
        "scalar with weight": [(3.0, 2.0), (4.0, 0.5)],
        "scalar with weights": [(3.0, share(3))],
        "matrix": [(f32(4, 3),)],
        "matrix with weights": [(f32(4, 3), share(4))],
        "matrix with column weights": [(f32(4, 3), share(4, 1))],
        "matrix with element weights": [(f32(4, 3), share(4, 3))],
        "list": [([1, 2, 3],), ([True, False],)],
        "integers": [(np.arange(5),)],
        "mask": [(f32(4), np.array([True, False, True, True]))],
        "weights that do not fit": [(f32(4), share(5))],
        "none": [],
        "cube": [(f32(2, 3, 4), share(2))],
        "nan": [(np.array([1.0, np.nan], "float32"),)],
    },
}
CUBES = {"cube", "cube with weights", "cube with step weights"}
THRESHOLDS: list[dict] = [{}, {"thresholds": 0.3}, {"thresholds": [0.1, 0.5, 0.9]}, {"thresholds": [0.9, 0.2]}, {"thresholds": [0.0, 1.0]}]
AT = [{}, {"num_thresholds": 1}, {"num_thresholds": 5}, {"class_id": 1}]
#: metric -> kind of data, and options
METRICS: dict[str, tuple[str, list[dict]]] = {
    **{n: ("regression", [{}]) for n in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
                                         "MeanSquaredLogarithmicError", "LogCoshError", "Hinge", "SquaredHinge", "CategoricalHinge", "Accuracy")},
    "Poisson": ("binary", [{}]),
    "KLDivergence": ("one hot", [{}]),
    "CosineSimilarity": ("regression", [{}, {"axis": 0}, {"axis": 1}]),
    "PearsonCorrelation": ("regression", [{}, {"axis": 0}]),
    "ConcordanceCorrelation": ("regression", [{}, {"axis": 0}]),
    "R2Score": ("regression", [{}, {"class_aggregation": None}, {"class_aggregation": "variance_weighted_average"}, {"num_regressors": 2}]),
    "BinaryAccuracy": ("binary", [{}, {"threshold": 0.2}, {"threshold": 0.0}]),
    "BinaryCrossentropy": ("binary", [{}, {"from_logits": True}, {"label_smoothing": 0.2}]),
    "CategoricalAccuracy": ("one hot", [{}]),
    "CategoricalCrossentropy": ("one hot", [{}, {"from_logits": True}, {"label_smoothing": 0.2}]),
    "TopKCategoricalAccuracy": ("one hot", [{}, {"k": 1}, {"k": 3}]),
    "SparseCategoricalAccuracy": ("sparse", [{}]),
    "SparseCategoricalCrossentropy": ("sparse", [{}, {"from_logits": True}, {"ignore_class": -1}, {"ignore_class": 2}]),
    "SparseTopKCategoricalAccuracy": ("sparse", [{"k": 1}, {"k": 3}]),
    **{n: ("binary", THRESHOLDS) for n in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")},
    **{n: ("binary", [*THRESHOLDS, {"top_k": 2}, {"class_id": 1}, {"top_k": 1, "class_id": 1}, {"top_k": 2, "thresholds": 0.5}])
       for n in ("Precision", "Recall")},
    "SensitivityAtSpecificity": ("binary", [{"specificity": s, **o} for s in (0.3, 0.8, 1.0) for o in AT]),
    "SpecificityAtSensitivity": ("binary", [{"sensitivity": s, **o} for s in (0.3, 0.8, 1.0) for o in AT]),
    "PrecisionAtRecall": ("binary", [{"recall": s, **o} for s in (0.3, 0.8, 1.0) for o in AT]),
    "RecallAtPrecision": ("binary", [{"precision": s, **o} for s in (0.3, 0.8, 1.0) for o in AT]),
    "AUC": ("binary", [{"curve": c, "summation_method": m} for c in ("ROC", "PR", "PRGAIN") for m in ("interpolation", "minoring", "majoring")]
            + [{"num_thresholds": 5}, {"num_thresholds": 2}, {"thresholds": [0.2, 0.5, 0.6]}, {"thresholds": [0.5]}, {"thresholds": [0.0, 0.5, 1.0]},
               {"from_logits": True}, {"label_weights": [0.2, 0.3, 0.5]}, {"curve": "PR", "thresholds": [0.9, 0.3]}]),
    "F1Score": ("scores", [{}, {"average": "micro"}, {"average": "macro"}, {"average": "weighted"}, {"threshold": 0.5}, {"average": "macro", "threshold": 0.3}]),
    "FBetaScore": ("scores", [{}, {"beta": 2.0}, {"beta": 0.5, "average": "weighted", "threshold": 0.5}, {"average": "micro", "threshold": 0.4}]),
    "IoU": ("labels", [{"num_classes": 3, "target_class_ids": [0]}, {"num_classes": 3, "target_class_ids": [0, 2], "ignore_class": 2},
                       {"num_classes": 3, "target_class_ids": [0, 1], "ignore_class": -1}, {"num_classes": 4, "target_class_ids": [3]},
                       {"num_classes": 3, "target_class_ids": [0, 1], "dtype": "float32"}]),
    "MeanIoU": ("labels", [{"num_classes": 3}, {"num_classes": 4, "ignore_class": 0}, {"num_classes": 3, "ignore_class": -1},
                           {"num_classes": 3, "dtype": "float32"}]),
    "BinaryIoU": ("binary", [{}, {"threshold": 0.3, "target_class_ids": [1]}, {"target_class_ids": [0]}, {"dtype": "float32"}]),
    "OneHotIoU": ("one hot", [{"num_classes": 5, "target_class_ids": [0, 2]}, {"num_classes": 5, "target_class_ids": [1], "ignore_class": 2}]),
    "OneHotMeanIoU": ("one hot", [{"num_classes": 5}, {"num_classes": 5, "ignore_class": 1}]),
    "Mean": ("values", [{}]),
    "Sum": ("values", [{}]),
}  # fmt: skip
FUNCTIONS: dict[str, tuple[str, list[dict]]] = {
    "binary_accuracy": ("binary", [{}, {"threshold": 0.2}]), "categorical_accuracy": ("one hot", [{}]), "sparse_categorical_accuracy": ("sparse", [{}]),
    "top_k_categorical_accuracy": ("one hot", [{}, {"k": 2}]), "sparse_top_k_categorical_accuracy": ("sparse", [{}, {"k": 2}]),
    "pearson_correlation": ("regression", [{}, {"axis": 0}]), "concordance_correlation": ("regression", [{}, {"axis": 0}]),
}  # fmt: skip


def stream(package: Any, name: str, options: dict, batches: list[tuple]) -> list:
    """Return the result after each batch, then the state, then the result after a reset."""
    metric = getattr(package.metrics, name)(**options)
    results = []
    if not batches and name not in ("R2Score", "F1Score", "FBetaScore"):
        results.append(metric.result())
    for batch in batches:
        metric.update_state(*batch)
        results.append(host(metric.result()))
    results.append([np.array(v.numpy() if package is ph else keras.ops.convert_to_numpy(v.value)) for v in metric.variables])
    metric.reset_state()
    return results


def described_state(package: Any, metric: Any) -> list:
    """Return names, shapes and dtypes of the variables."""
    return [(v.name, v.path, tuple(v.shape), str(v.dtype)) for v in metric.variables]


def results(c: Comparison) -> None:
    """Compare results and state."""
    for name, (kind, options) in METRICS.items():
        for o, (case, batches) in itertools.product(options, DATA[kind].items()):
            c.value(f"{name}({o or ''}) {case}", lambda: stream(ph, name, o, batches), lambda: stream(keras, name, o, batches), 2e-5, 2e-6)
        for o in options:
            a, b = (getattr(p.metrics, name)(**o, name="m") for p in (ph, keras))
            c.config(f"{name}({o or ''}) config", a, b)
            c.equal(f"{name}({o or ''}) state", described_state(ph, a), described_state(keras, b))
    for name, (kind, options) in FUNCTIONS.items():
        for o, (case, batches) in itertools.product(options, DATA[kind].items()):
            for batch in batches[:1]:
                c.value(
                    f"{name}({o or ''}) {case}",
                    lambda: getattr(ph.metrics, name)(*batch[:2], **o),
                    lambda: getattr(keras.metrics, name)(*batch[:2], **o),
                    2e-5,
                    2e-6,
                )
    ids = np.array([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
    for k in (1, 2, 5):
        o = {"k": k, "from_sorted_ids": True}
        c.value(
            f"sorted ids {k}",
            lambda: stream(ph, "SparseTopKCategoricalAccuracy", o, [(np.array([1, 1]), ids)]),
            lambda: stream(keras, "SparseTopKCategoricalAccuracy", o, [(np.array([1, 1]), ids)]),
        )
    multi = [(ints(2, 30, 3), share(30, 3)), (ints(2, 20, 3), share(20, 3))]
    weighted = [(*batch, share(len(batch[0]))) for batch in multi]
    column = [(*batch, share(len(batch[0]), 1)) for batch in multi]
    for o in ({}, {"num_labels": 3}, {"label_weights": [0.5, 0.2, 0.3]}, {"curve": "PR"}, {"curve": "PR", "label_weights": [1, 0, 1], "num_labels": 3},
              {"curve": "PRGAIN"}, {"summation_method": "minoring"}, {"from_logits": True}, {"thresholds": [0.2, 0.7]}):  # fmt: skip
        for case, batches in (("plain", multi), ("weights", weighted), ("column weights", column)):
            options = {"multi_label": True, **o}
            c.value(f"AUC multi-label {o} {case}", lambda: stream(ph, "AUC", options, batches), lambda: stream(keras, "AUC", options, batches), 2e-5, 2e-6)
    wrapped = [{}, {"dtype": "float16"}, {"name": "x"}]
    for o in wrapped:
        made = [k.metrics.MeanMetricWrapper(k.losses.mean_absolute_error, **o) for k in (ph, keras)]
        t, p = DATA["regression"]["weights"][0][:2]
        c.value(f"MeanMetricWrapper({o})", lambda: made[0](t, p), lambda: made[1](t, p), 1e-3, 1e-3)
    for dtype in ("float16", "bfloat16", "float32"):
        for name in ("Mean", "MeanSquaredError", "AUC", "Precision", "R2Score", "F1Score"):
            o = {"dtype": dtype, "name": "m"}
            c.config(f"{name} dtype {dtype} config", getattr(ph.metrics, name)(**o), getattr(keras.metrics, name)(**o))
    for name, o in (("Precision", {"thresholds": 1.5}), ("AUC", {"curve": "x"}), ("AUC", {"num_thresholds": 1}), ("AUC", {"summation_method": "x"}),
                    ("F1Score", {"average": "x"}), ("F1Score", {"threshold": 1}), ("FBetaScore", {"beta": 1}), ("FBetaScore", {"beta": -1.0}),
                    ("FBetaScore", {"threshold": 0.0}), ("R2Score", {"num_regressors": -1}), ("R2Score", {"class_aggregation": "x"}),
                    ("IoU", {"num_classes": 2, "target_class_ids": [3]}), ("BinaryAccuracy", {"threshold": 2}), ("Recall", {"thresholds": []}),
                    ("SensitivityAtSpecificity", {"specificity": 2}), ("PrecisionAtRecall", {"recall": -1}), ("RecallAtPrecision", {"precision": 1.2}),
                    ("SpecificityAtSensitivity", {"sensitivity": 0.5, "num_thresholds": 0}), ("AUC", {"num_labels": 2}), ("Precision", {"top_k": 0}),
                    ("AUC", {"thresholds": [2.0]}), ("AUC", {"label_weights": [-1.0]}), ("TruePositives", {"thresholds": [-0.1]})):  # fmt: skip
        c.equal(f"{name}({o}) made", *[_raises(lambda k=k: getattr(k.metrics, name)(**o)) for k in (ph, keras)])


def _raises(fn: Any) -> str:
    try:
        fn()
    except Exception as e:
        return type(e).__name__
    return "nothing"


def stateless(c: Comparison) -> None:
    """Compare the stateless methods and composite metrics."""
    t, p = DATA["binary"]["vector"][0]
    for name in ("Mean", "BinaryAccuracy", "AUC", "Precision"):
        found = []
        for package in (ph, keras):
            m = getattr(package.metrics, name)()
            batch = (p,) if name == "Mean" else (t, p)
            state = m.stateless_update_state(m.stateless_reset_state(), *batch)
            state = m.stateless_update_state(state, *batch)
            found.append([m.stateless_result(state), [package.ops.convert_to_numpy(v) for v in state], m.result()])
        c.value(f"{name} stateless", lambda f=found: f[0], lambda f=found: f[1])


if __name__ == "__main__":
    comparison = Comparison("metrics", EXPLAINED)
    ph.set_backend("numpy")
    results(comparison)
    stateless(comparison)
    comparison.finish()
