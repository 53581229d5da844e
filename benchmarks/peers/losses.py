"""Losses, regularizers, constraints, activations and initializers against Keras.

Run: python3 dev.py run bench python benchmarks/peers/losses.py
"""

import itertools
import os
import re
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported

import keras
import numpy as np
from comparing import Comparison

import pronghorn as ph

EXPLAINED: dict[str, str] = {
    "* config dtype: config dtype: 'float16', Keras '-'": "Keras forgets the dtype, and a loss made again computes in another",
    "* config {*}: config *, Keras '-'": "Keras forgets options that are not the default, and makes another object again",
    "Identity({'gain': 2.0}) config: *": "the same",
    "* integers *": "Keras computes with integers there: divisions, constants and results are cut off, or it fails",
    "* of integers: *": "the same",
    "* column to vector*": "Keras' function makes (n, n) of (n,) and (n, 1), or fails; its class does not. Ours agree",
    "* vector to column*": "the same",
    "*'label_smoothing': 2.0}: only ours raises*": "nonsense, which Keras finds in the categorical losses alone",
    "?ategorical*eneralized* column*": "Keras makes (n, n) of labels (n, 1)",
    "SparseCategoricalCrossentropy axis 1 *: only Keras raises*": "works here",
    "categorical_*axis 1*'label_smoothing': 0.2*": "Keras divides by the size of the last axis, not by the number of classes",
    "weights *: only Keras raises *": "weights or masks of fewer axes than the loss values count for all elements of a sample here",
    "dtype float64: *": "Keras on jax has no float64",
    "OrthogonalRegularizer* of one row: *": "Keras divides zero by zero: a single row is orthogonal to no other",
    "activation * of line: *": "not-a-number comes out as such here; Keras makes it zero, and -inf not-a-number in squareplus",
    "activation relu({'max_value': 6.0, 'threshold': -1.0}) *": "as documented, what lies between a negative threshold and zero stays; Keras sets it to zero",
    "activation sparsemax*": "Keras' results do not sum to one",
    "Constant({'value': ?1.0, 2.0, 3.0?}) () *: only ours*": "an array does not become a scalar; Keras returns the array",
    "Identity(*: dtype *, Keras float32": "Keras ignores the dtype",
    "STFT(* bool: only Keras raises*": "works here",
    "STFT(* int32: dtype int32, Keras float32": "Keras ignores the dtype",
    "STFT(*(4, 2, 3)*: only ours raises*": "Keras returns another shape than it was asked for",
    "losses.*eneralized*ross*ntropy*: *": "Keras forgot to register the loss",
    "*.get('*'): ours '*', Keras 'error'": "a name that Keras does not know",
    "metrics.deserialize(serialize(*)): *": "Keras cannot read what it wrote, functions as metrics",
    "*.get('*'): ours 'error', Keras *": "an abstract class is no use",
    "*serialize(Regularizer)*": "the same",
    "*.serialize(*): *'class_name': '*', 'config': {*}, 'registered_name': None}, Keras {'module': 'keras', *": "base classes, which no file holds",
}

rng = np.random.default_rng(0)
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def f32(*shape: int) -> np.ndarray:
    """Return normal numbers."""
    return rng.normal(size=shape).astype("float32")


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return probabilities."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return (e / e.sum(axis, keepdims=True)).astype("float32")


def one_hot(labels: np.ndarray, n: int) -> np.ndarray:
    """Return one-hot vectors."""
    return np.eye(n, dtype="float32")[labels]


LABELS, LABELS2 = np.array([0, 2, 4, 1]), np.array([[0, 2, 1], [3, 4, 2]])
EXTREME = np.array([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0.2] * 5, [0, 0.5, 0.5, 0, 0]], "float32")
REGRESSION = {
    "matrix": (f32(4, 3), f32(4, 3)),
    "vector": (f32(4), f32(4)),
    "cube": (f32(2, 3, 4), f32(2, 3, 4)),
    "column to vector": (f32(4), f32(4, 1)),
    "vector to column": (f32(4, 1), f32(4)),
    "columns": (f32(4, 1), f32(4, 1)),
    "broadcast": (f32(1, 3), f32(4, 3)),
    "zeros": (np.zeros((4, 3), "float32"), np.zeros((4, 3), "float32")),
    "zero targets": (np.zeros((4, 3), "float32"), f32(4, 3)),
    "integers": (np.arange(12).reshape(4, 3), np.arange(12)[::-1].reshape(4, 3)),
    "0 and 1": (np.array([[0, 1, 1], [1, 0, 0]], "float32"), f32(2, 3)),
    "large": (1e4 * f32(4, 3), -1e4 * f32(4, 3)),
    "float64": (f32(4, 3).astype("float64"), f32(4, 3).astype("float64")),
    "float16": (f32(4, 3).astype("float16"), f32(4, 3).astype("float16")),
    "empty": (np.zeros((0, 3), "float32"), np.zeros((0, 3), "float32")),
    "nan": (np.array([[1.0, np.nan]], "float32"), np.array([[1.0, 2.0]], "float32")),
    "lists": ([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]),
    "do not fit": (f32(4, 3), f32(4, 2)),
}
POSITIVE = {k: (np.abs(a), np.abs(b)) for k, (a, b) in REGRESSION.items() if k not in ("lists", "nan")}
BINARY = {
    "matrix": (np.array([[0, 1], [1, 0], [1, 1]], "float32"), softmax(f32(3, 2))),
    "extreme": (np.array([[0, 1], [1, 0]], "float32"), np.array([[0, 1], [0, 1]], "float32")),
    "logits": (np.array([[0, 1], [1, 0]], "float32"), 20 * f32(2, 2)),
    "vector": (np.array([0, 1, 1], "float32"), np.array([0.1, 0.9, 0.4], "float32")),
    "column to vector": (np.array([0, 1, 1]), np.array([[0.1], [0.9], [0.4]], "float32")),
    "integers": (np.array([[0], [1], [1]]), np.array([[0.1], [0.9], [0.4]], "float32")),
    "cube": (rng.integers(0, 2, (2, 3, 4)).astype("float32"), softmax(f32(2, 3, 4))),
    "empty": (np.zeros((0, 2), "float32"), np.zeros((0, 2), "float32")),
    "broadcast": (np.ones((1, 2), "float32"), softmax(f32(3, 2))),
    "do not fit": (np.ones((3, 2), "float32"), softmax(f32(3, 3))),
}
CATEGORICAL = {
    "matrix": (one_hot(LABELS, 5), softmax(f32(4, 5))),
    "extreme": (one_hot(LABELS, 5), EXTREME),
    "logits": (one_hot(LABELS, 5), 5 * f32(4, 5)),
    "huge logits": (one_hot(LABELS, 5), 500 * f32(4, 5)),
    "unnormalised": (one_hot(LABELS, 5), np.abs(f32(4, 5))),
    "soft targets": (softmax(f32(4, 5)), softmax(f32(4, 5))),
    "cube": (one_hot(LABELS2, 5), softmax(f32(2, 3, 5))),
    "vector": (np.array([0, 1, 0], "float32"), np.array([0.2, 0.7, 0.1], "float32")),
    "one class": (np.ones((3, 1), "float32"), np.ones((3, 1), "float32") * 0.3),
    "empty": (np.zeros((0, 5), "float32"), np.zeros((0, 5), "float32")),
    "zeros": (np.zeros((2, 5), "float32"), np.zeros((2, 5), "float32")),
    "class numbers": (LABELS, softmax(f32(4, 5))),
    "do not fit": (one_hot(LABELS, 5), softmax(f32(4, 4))),
    "integers": (one_hot(LABELS, 5).astype("int64"), softmax(f32(4, 5))),
}
SPARSE = {
    "matrix": (LABELS, softmax(f32(4, 5))),
    "column": (LABELS[:, None], softmax(f32(4, 5))),
    "float labels": (LABELS.astype("float32"), softmax(f32(4, 5))),
    "int32": (LABELS.astype("int32"), softmax(f32(4, 5))),
    "uint8": (LABELS.astype("uint8"), softmax(f32(4, 5))),
    "extreme": (LABELS, EXTREME),
    "logits": (LABELS, 5 * f32(4, 5)),
    "unnormalised": (LABELS, np.abs(f32(4, 5))),
    "cube": (LABELS2, softmax(f32(2, 3, 5))),
    "cube column": (LABELS2[..., None], softmax(f32(2, 3, 5))),
    "with -1": (np.array([0, -1, 4, -1]), softmax(f32(4, 5))),
    "cube with -1": (np.array([[0, -1, 1], [-1, -1, 2]]), softmax(f32(2, 3, 5))),
    "all -1": (np.array([-1, -1]), softmax(f32(2, 5))),
    "with 255": (np.array([0, 255, 4, 1], "uint8"), softmax(f32(4, 5))),
    "one hot": (one_hot(LABELS, 5), softmax(f32(4, 5))),
    "empty": (np.zeros((0,), "int32"), np.zeros((0, 5), "float32")),
    "do not fit": (LABELS[:3], softmax(f32(4, 5))),
}
CHANNELS = {  # classes on axis 1
    "one hot": (np.moveaxis(one_hot(LABELS2, 5), -1, 1), softmax(f32(2, 5, 3), 1)),
    "sparse": (LABELS2, softmax(f32(2, 5, 3), 1)),
    "sparse with -1": (np.array([[0, -1, 1], [-1, -1, 2]]), softmax(f32(2, 5, 3), 1)),
}
OVERLAP = {**{k: BINARY[k] for k in ("matrix", "extreme", "cube", "empty", "vector", "column to vector")},
           "images": (rng.integers(0, 2, (2, 4, 4, 1)).astype("float32"), rng.uniform(size=(2, 4, 4, 1)).astype("float32")),
           "zeros": (np.zeros((2, 3), "float32"), np.zeros((2, 3), "float32"))}  # fmt: skip
UNIT = f32(6, 4)
UNIT /= np.linalg.norm(UNIT, axis=1, keepdims=True)
EMBEDDINGS = {
    "unit": (np.array([0, 0, 1, 1, 2, 2]), UNIT),
    "column": (np.array([[0], [0], [1], [1], [2], [2]]), UNIT),
    "any length": (np.array([0, 0, 1, 1, 2, 2]), f32(6, 4)),
    "alone": (np.array([0, 1, 2, 3, 4, 5]), UNIT),
    "all the same": (np.zeros(6, "int32"), UNIT),
    "float labels": (np.array([0.0, 0, 1, 1, 2, 2], "float32"), UNIT),
}
SEQUENCES = {
    "plain": (np.array([[1, 2, 1], [2, 3, 0]]), f32(2, 7, 4)),
    "repeats": (np.array([[1, 1, 0], [2, 2, 2]]), f32(2, 9, 4)),
    "large logits": (np.array([[1, 2, 1], [2, 3, 0]]), 30 * f32(2, 7, 4)),
    "wrong rank": (np.array([1, 2]), f32(2, 7, 4)),
}

#: loss -> cases, and options to combine
FLAGS = {"from_logits": (False, True), "label_smoothing": (0.0, 0.1, 1.0)}
FUNCTIONS: dict[str, tuple[dict, list[dict]]] = {
    **{
        n: (REGRESSION, [{}])
        for n in ("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "log_cosh", "hinge", "squared_hinge", "categorical_hinge")
    },  # fmt: skip
    "mean_squared_logarithmic_error": (REGRESSION, [{}]),
    "poisson": (POSITIVE, [{}]),
    "kl_divergence": ({**CATEGORICAL, "any": REGRESSION["matrix"]}, [{}]),
    "huber": (REGRESSION, [{}, {"delta": 0.5}, {"delta": 3}]),
    "cosine_similarity": ({**REGRESSION}, [{}, {"axis": 0}]),
    "binary_crossentropy": (BINARY, [dict(zip(FLAGS, c, strict=True)) for c in itertools.product(*FLAGS.values())] + [{"axis": 0}, {"label_smoothing": 2.0}]),
    "binary_focal_crossentropy": (
        BINARY,
        [{}, {"from_logits": True}, {"label_smoothing": 0.1}, {"apply_class_balancing": True, "alpha": 0.4}, {"gamma": 0.0}, {"gamma": 3.5}, {"axis": 0}],
    ),
    "categorical_crossentropy": (CATEGORICAL, [dict(zip(FLAGS, c, strict=True)) for c in itertools.product(*FLAGS.values())] + [{"axis": 0}]),
    "categorical_focal_crossentropy": (
        CATEGORICAL,
        [{}, {"from_logits": True}, {"label_smoothing": 0.1}, {"alpha": 0.7, "gamma": 1.0}, {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, {"axis": 0}],
    ),
    "categorical_generalized_cross_entropy": ({k: v for k, v in SPARSE.items() if "-1" not in k and "255" not in k}, [{"q": 0.5}, {"q": 0.9}]),
    "sparse_categorical_crossentropy": (SPARSE, [{}, {"from_logits": True}, {"ignore_class": -1}, {"ignore_class": 255}, {"ignore_class": 0}]),
    "dice": (OVERLAP, [{}, {"axis": -1}, {"axis": 1}, {"axis": (1, 2)}]),
    "tversky": (OVERLAP, [{}, {"alpha": 0.2, "beta": 0.8}, {"axis": -1}]),
    "circle": (EMBEDDINGS, [{}, {"gamma": 10, "margin": 0.2}, {"remove_diagonal": False}]),
    "ctc": (SEQUENCES, [{}]),
}
CLASS_OF = {
    "mean_squared_error": "MeanSquaredError", "mean_absolute_error": "MeanAbsoluteError", "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "log_cosh": "LogCosh", "hinge": "Hinge", "squared_hinge": "SquaredHinge", "categorical_hinge": "CategoricalHinge",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError", "poisson": "Poisson", "kl_divergence": "KLDivergence", "huber": "Huber",
    "cosine_similarity": "CosineSimilarity", "binary_crossentropy": "BinaryCrossentropy", "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy", "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy", "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "dice": "Dice", "tversky": "Tversky", "circle": "Circle", "ctc": "CTC",
}  # fmt: skip


def losses(c: Comparison) -> None:
    """Compare functions, classes with reductions, weights and masks, configurations and names."""
    for name, (cases, options) in FUNCTIONS.items():
        ours, theirs = getattr(ph.losses, name), getattr(keras.losses, name)
        a_class, b_class = getattr(ph.losses, CLASS_OF[name]), getattr(keras.losses, CLASS_OF[name])
        for (case, (t, p)), o in itertools.product(cases.items(), options):
            tolerance = 1e-2 if case == "float16" else 2e-5
            c.value(f"{name} {case} {o or ''}", lambda f=ours: f(t, p, **o), lambda f=theirs: f(t, p, **o), tolerance, tolerance / 10)
            c.value(f"{CLASS_OF[name]} {case} {o or ''}", lambda: a_class(**o)(t, p), lambda: b_class(**o)(t, p), 2e-5, 2e-6)
        for o in options:
            try:
                theirs_object = b_class(**o)
            except Exception:
                continue
            c.config(f"{CLASS_OF[name]} config {o or ''}", a_class(**o), theirs_object)
        for reduction in REDUCTIONS:
            c.config(f"{CLASS_OF[name]} config {reduction}", a_class(reduction=reduction), b_class(reduction=reduction))
        c.config(f"{CLASS_OF[name]} config dtype", a_class(dtype="float16", name="x"), b_class(dtype="float16", name="x"))
    for (case, (t, p)), o in itertools.product({"one hot": CHANNELS["one hot"]}.items(), ({}, {"from_logits": True}, {"label_smoothing": 0.2})):
        for name in ("categorical_crossentropy", "categorical_focal_crossentropy"):
            o1 = {**o, "axis": 1}
            c.value(f"{name} axis 1 {case} {o}", lambda: getattr(ph.losses, name)(t, p, **o1), lambda: getattr(keras.losses, name)(t, p, **o1))
    for case in ("sparse", "sparse with -1"):
        t, p = CHANNELS[case]
        for o in ({}, {"from_logits": True}, {"ignore_class": -1}):
            o1 = {**o, "axis": 1}
            name = "SparseCategoricalCrossentropy"
            c.value(f"{name} axis 1 {case} {o}", lambda: getattr(ph.losses, name)(**o1)(t, p), lambda: getattr(keras.losses, name)(**o1)(t, p))


WEIGHTS: dict[str, Any] = {
    "none": None, "scalar": 2.0, "int": 3, "vector": np.array([0.5, 1, 2, 0], "float32"), "column": np.array([[0.5], [1], [2], [0]], "float32"),
    "int vector": np.array([1, 0, 2, 1]), "bool vector": np.array([True, False, True, True]), "list": [1.0, 2.0, 0.0, 1.0], "zeros": np.zeros(4, "float32"),
    "elements": np.arange(12, dtype="float32").reshape(4, 3), "too long": np.ones(5, "float32"), "cube": np.ones((4, 3, 2), "float32"),
}  # fmt: skip
MASKS: dict[str, Any] = {
    "none": None, "vector": np.array([True, False, True, True]), "all false": np.zeros(4, bool), "column": np.array([[True], [False], [True], [True]]),
    "elements": np.arange(12).reshape(4, 3) % 3 > 0,
}  # fmt: skip


def reductions(c: Comparison) -> None:
    """Compare reductions with weights and masks of several ranks."""
    data = {"matrix": REGRESSION["matrix"], "cube": (f32(4, 3, 2), f32(4, 3, 2)), "vector": REGRESSION["vector"]}
    for (d, (t, p)), (wn, w), (mn, m), r in itertools.product(data.items(), WEIGHTS.items(), MASKS.items(), REDUCTIONS):
        if r == "mean" and (wn, mn) != ("vector", "vector"):
            continue
        c.value(
            f"weights {d}, weight {wn}, mask {mn}, {r}",
            lambda: ph.losses.MeanSquaredError(reduction=r)(t, p, sample_weight=w, mask=m) if m is not None else ph.losses.MeanSquaredError(r)(t, p, w),
            lambda: _keras_masked(r, t, p, w, m),
        )
    t, p = SPARSE["with -1"]
    for (wn, w), r in itertools.product(WEIGHTS.items(), REDUCTIONS):
        for o in ({"ignore_class": -1}, {"ignore_class": 4}):
            c.value(
                f"weights SparseCategoricalCrossentropy {o}, weight {wn}, {r}",
                lambda: ph.losses.SparseCategoricalCrossentropy(reduction=r, **o)(t, p, sample_weight=w),
                lambda: keras.losses.SparseCategoricalCrossentropy(reduction=r, **o)(t, p, sample_weight=w),
            )
    for dtype in ("float16", "bfloat16", "float64"):
        t, p = REGRESSION["matrix"]
        c.value(f"dtype {dtype}", lambda: ph.losses.Huber(dtype=dtype)(t, p), lambda: keras.losses.Huber(dtype=dtype)(t, p), 1e-2, 1e-2)
    t, p = {"a": f32(3, 2), "b": f32(3)}, {"a": f32(3, 2), "b": f32(3)}
    c.equal("reduction unknown", *[_raises(lambda k=k: k.losses.MeanSquaredError(reduction="median")) for k in (ph, keras)])


def _keras_masked(reduction: Any, t: Any, p: Any, w: Any, mask: Any) -> Any:
    if mask is not None:
        p = keras.ops.convert_to_tensor(p)
        keras.src.backend.set_keras_mask(p, keras.ops.convert_to_tensor(mask))
    return keras.losses.MeanSquaredError(reduction=reduction)(t, p, sample_weight=w)


def _raises(fn: Any) -> str:
    try:
        fn()
    except Exception as e:
        return type(e).__name__
    return "nothing"


def identifiers(c: Comparison) -> None:
    """Compare what `get` understands and how objects are written."""
    for kind in ("losses", "metrics", "regularizers", "constraints", "initializers", "activations"):
        a, b = getattr(ph, kind), getattr(keras, kind)
        names = {n.rpartition(".")[2] for n in c.surface if n.startswith(kind + ".")}
        names |= (
            {_snake(n) for n in names} | {n.lower() for n in names} | {"mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"}
        )
        names |= {"logcosh", "one", "zero", "uniform", "normal", "l1_l2", "nonsense", "accuracy", "cosine", "auc", "top_k_categorical_accuracy", "none"}
        for n in sorted(names):
            c.equal(f"{kind}.get({n!r})", *[_described(lambda k=k: k.get(n)) for k in (a, b)])
        for odd in (None, 3, 3.5, {}, [], object):
            c.equal(f"{kind}.get({odd!r})", *[_described(lambda k=k: k.get(odd)) for k in (a, b)])
        for n in sorted({n.rpartition(".")[2] for n in c.surface if n.startswith(kind + ".")}):
            if n in ("get", "serialize", "deserialize"):
                continue
            x, y = getattr(a, n, None), getattr(b, n)
            if isinstance(y, type):
                try:
                    x, y = x(), y()
                except TypeError:
                    continue
            c.equal(f"{kind}.serialize({n})", *[_serialized(k, v) for k, v in ((a, x), (b, y))])
            c.equal(f"{kind}.deserialize(serialize({n}))", *[_described(lambda k=k, v=v: k.deserialize(k.serialize(v))) for k, v in ((a, x), (b, y))])


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _described(fn: Any) -> str:
    try:
        found = fn()
    except Exception:
        return "error"
    return found.__name__ if hasattr(found, "__name__") else type(found).__name__


def _serialized(package: Any, value: Any) -> Any:
    try:
        found = package.serialize(value)
    except Exception as e:
        return type(e).__name__
    if isinstance(found, dict) and isinstance(found.get("config"), dict):
        found = {**found, "config": {k: v for k, v in found["config"].items() if k != "name" or type(value).__name__ not in str(found)}}
    return found


def small_objects(c: Comparison) -> None:
    """Compare regularizers, constraints, activations and deterministic initializers."""
    arrays = {"matrix": f32(4, 3), "zeros": np.zeros((3, 3), "float32"), "vector": f32(5), "kernel": f32(3, 3, 2, 4), "large": 100 * f32(3, 4),
              "float16": f32(4, 3).astype("float16"), "one row": f32(1, 3), "integers": np.arange(-3, 3, dtype="int32").reshape(2, 3)}  # fmt: skip
    made = {
        "regularizers": [("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 2}), ("L1L2", {}), ("L1L2", {"l1": 0.1, "l2": 0.2}),
                         ("L1L2", {"l1": None, "l2": 0.2}), ("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
                         ("L1", {"l1": -1}), ("L2", {"l2": "x"}), ("L2", {"l2": None}), ("OrthogonalRegularizer", {"mode": "x"})],
        "constraints": [("MaxNorm", {}), ("MaxNorm", {"max_value": 0.5, "axis": [0, 1]}), ("MinMaxNorm", {}), ("NonNeg", {}), ("UnitNorm", {}),
                        ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.7, "rate": 0.3, "axis": 1}), ("UnitNorm", {"axis": 1})],
    }  # fmt: skip
    for kind, objects in made.items():
        for name, o in objects:
            a, b = getattr(getattr(ph, kind), name), getattr(getattr(keras, kind), name)
            c.equal(f"{name}({o}) made", *[_raises(lambda k=k: k(**o)) for k in (a, b)])
            if _raises(lambda k=b: k(**o)) != "nothing":
                continue
            c.config(f"{name}({o}) config", a(**o), b(**o))
            for case, x in arrays.items():
                tolerance = 1e-2 if case == "float16" else 2e-5
                c.value(f"{name}({o}) of {case}", lambda: a(**o)(x), lambda: b(**o)(keras.ops.convert_to_tensor(x)), tolerance, tolerance / 10)
    line = np.concatenate([np.linspace(-8, 8, 33), [-100, 100, 0.0, -0.0, 1e-4, -3, 3, np.inf, -np.inf, np.nan]]).astype("float32")
    inputs = {"line": line, "matrix": f32(4, 6), "cube": f32(2, 3, 4), "integers": np.arange(-4, 4, dtype="int32"), "float16": np.linspace(-4, 4, 8).astype("float16"),
              "empty": np.zeros((0, 4), "float32"), "vector": f32(4)}  # fmt: skip
    options: dict[str, list[dict]] = {
        "celu": [{}, {"alpha": 0.3}], "elu": [{}, {"alpha": 2.0}], "gelu": [{}, {"approximate": True}], "glu": [{}, {"axis": 0}],
        "hard_shrink": [{}, {"threshold": 1.0}], "leaky_relu": [{}, {"negative_slope": 0.5}], "log_softmax": [{}, {"axis": 0}],
        "relu": [{}, {"negative_slope": 0.2}, {"max_value": 2.0}, {"threshold": 1.0}, {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.5},
                 {"max_value": 6.0, "threshold": -1.0}, {"negative_slope": 0.1, "threshold": -1.0}, {"max_value": 0.0}],
        "soft_shrink": [{}, {"threshold": 1.0}], "softmax": [{}, {"axis": 0}, {"axis": (0, 1)}], "sparsemax": [{}, {"axis": 0}], "squareplus": [{}, {"b": 1}],
        "threshold": [{"threshold": 0.5, "default_value": -1.0}],
    }  # fmt: skip
    for full in c.surface:
        kind, _, name = full.rpartition(".")
        if kind != "activations" or name in ("get", "serialize", "deserialize"):
            continue
        a, b = getattr(ph.activations, name), getattr(keras.activations, name)
        for (case, x), o in itertools.product(inputs.items(), options.get(name, [{}])):
            tolerance = 1e-2 if case == "float16" else 2e-5
            c.value(f"activation {name}({o or ''}) of {case}", lambda: a(x, **o), lambda: b(keras.ops.convert_to_tensor(x), **o), tolerance, tolerance / 10)
    initializers = [("Zeros", {}), ("Ones", {}), ("Constant", {}), ("Constant", {"value": 3.5}), ("Constant", {"value": [1.0, 2.0, 3.0]}), ("Identity", {}),
                    ("Identity", {"gain": 2.0})]  # fmt: skip
    for side, window, scaling, periodic in itertools.product(
        ("real", "imag"), (None, "hann", "hamming", "blackman", "bartlett", "boxcar"), (None, "density", "spectrum"), (False, True)
    ):
        if side == "imag" and scaling != "density":
            continue
        initializers.append(("STFT", {"side": side, "window": window, "scaling": scaling, "periodic": periodic}))
    shapes = {"STFT": [(8, 1, 5), (7, 1, 9), (1, 1, 2), (4, 2, 3)]}
    for name, o in initializers:
        a, b = getattr(ph.initializers, name)(**o), getattr(keras.initializers, name)(**o)
        c.config(f"{name}({o}) config", a, b)
        for shape, dtype in itertools.product(shapes.get(name, [(2, 3), (3, 3), (3,), (), (0, 3)]), (None, "float16", "int32", "bool")):
            c.value(
                f"{name}({o}) {shape} {dtype}",
                lambda: a(shape, dtype=dtype),
                lambda: b(shape, dtype=dtype),
                *((1e-2, 2e-2) if dtype == "float16" else (1e-4, 1e-5)),
            )
    random = ["GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal", "RandomNormal", "RandomUniform",
              "TruncatedNormal", "VarianceScaling"]  # fmt: skip
    for name in random:
        a, b = getattr(ph.initializers, name), getattr(keras.initializers, name)
        c.config(f"{name} config", a(seed=3), b(seed=3))
        for shape in ((64, 32), (3, 3, 16, 32), (5000,)):
            if name == "Orthogonal" and len(shape) == 1:
                c.equal(f"{name} of {shape}", *[_raises(lambda k=k: k(seed=1)(shape)) for k in (a, b)])
                continue
            x, y = np.asarray(a(seed=1)(shape)), np.asarray(b(seed=1)(shape))
            c.value(f"{name} of {shape}: spread", lambda: x.std(), lambda: y.std(), 0.06, 1e-3, dtype=False)
            c.value(f"{name} of {shape}: largest", lambda: np.abs(x).max(), lambda: np.abs(y).max(), 0.4, 1e-3, dtype=False)
    for o in ({"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}, {"mode": "fan_avg", "distribution": "normal"}, {"scale": -1.0}, {"mode": "x"},
              {"distribution": "untruncated_normal"}, {"distribution": "x"}, {"input_axes": (0,), "output_axes": (1, 2)}, {"input_axes": (0,)}):  # fmt: skip
        a, b = ph.initializers.VarianceScaling, keras.initializers.VarianceScaling
        c.equal(f"VarianceScaling({o}) made", *[_raises(lambda k=k: k(**o)) for k in (a, b)])
        if _raises(lambda: b(**o)) == "nothing":
            c.config(f"VarianceScaling({o}) config", a(**o, seed=2), b(**o, seed=2))


if __name__ == "__main__":
    comparison = Comparison("losses, regularizers, constraints, activations, initializers", EXPLAINED)
    ph.set_backend("numpy")
    losses(comparison)
    reductions(comparison)
    small_objects(comparison)
    identifiers(comparison)
    comparison.finish()
