"""Metrics made of counts of right and wrong decisions at thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.backend.settings import epsilon
from pronghorn.losses.loss import as_tensor, backend_of, same_rank
from pronghorn.metrics.metric import Metric

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def check_thresholds(name: str, thresholds: Any, default: float) -> list[float]:
    """Return thresholds as a list; raise `ValueError` for values outside 0 to 1."""
    if thresholds is None:
        return [default]
    found = [float(t) for t in (thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds])]
    if not found or any(not 0 <= t <= 1 for t in found):
        raise ValueError(f"{name}: thresholds must be between 0 and 1; received {thresholds}.")
    return found


def even_thresholds(count: int) -> list[float]:
    """Return `count` thresholds from just below 0 to just above 1."""
    return [-epsilon(), *[(i + 1) / (count - 1) for i in range(count - 2)], 1.0 + epsilon()]


def confusion(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    sample_weight: Any,
    dtype: str,
    *,
    top_k: int | None = None,
    class_id: int | None = None,
    per_label: bool = False,
    label_weights: Any = None,
    within: bool = False,
) -> tuple[Any, Any, Any, Any]:
    """Return weighted counts of true positives, false positives, true negatives and false negatives at each threshold.

    Every prediction falls into one interval between sorted thresholds; counts are sums over intervals, so the work does not grow with the number of
    thresholds.

    Args:
        y_true, y_pred: targets (anything but zero is positive) and scores, of one shape.
        thresholds: a prediction is positive where it is above.
        sample_weight: weights, or None.
        dtype: dtype of the counts.
        top_k: if given, only the k largest scores of the last axis can be positive.
        class_id: if given, only this entry of the last axis counts.
        per_label: whether labels (the last axis) are counted apart: results are (thresholds, labels).
        label_weights: weights of the labels.
        within: whether scores below 0 and above 1 count as 0 and 1.
    """
    b = backend_of(y_pred, y_true)
    y_true, y_pred = same_rank(as_tensor(y_true, b, dtype), as_tensor(y_pred, b, dtype))
    if any(isinstance(i, int) and isinstance(j, int) and i != j for i, j in zip(y_true.shape, y_pred.shape)) or len(y_true.shape) != len(y_pred.shape):
        raise ValueError(f"Targets of shape {tuple(y_true.shape)} do not fit predictions of shape {tuple(y_pred.shape)}.")
    y_true = ops.cast(ops.cast(y_true, "bool"), dtype)
    if within:
        y_pred = ops.clip(y_pred, 0.0, 1.0)
    if top_k is not None:
        best = ops.one_hot(ops.top_k(y_pred, top_k)[1], int(y_pred.shape[-1]), dtype=dtype)  # of equal scores, the first
        y_pred = ops.where(ops.greater(ops.sum(best, axis=-2), 0.0), y_pred, -1e10)
    weight = None if sample_weight is None else as_tensor(sample_weight, b, dtype)
    if weight is not None and 0 < len(weight.shape) < len(y_pred.shape):
        weight = ops.reshape(weight, (*ops.shape(weight), *[1] * (len(y_pred.shape) - len(weight.shape))))
    if weight is not None:
        weight = ops.broadcast_to(weight, ops.shape(y_pred))
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
        weight = None if weight is None else weight[..., class_id]
    if label_weights is not None:
        labels = ops.broadcast_to(as_tensor(label_weights, b, dtype), ops.shape(y_pred))
        weight = labels if weight is None else ops.multiply(weight, labels)
    labels_count = int(y_pred.shape[-1]) if per_label else 1
    positive = y_true if weight is None else ops.multiply(y_true, weight)
    negative = ops.subtract(1.0, y_true)
    negative = negative if weight is None else ops.multiply(negative, weight)

    order = np.argsort(np.asarray(thresholds, dtype), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ascending = as_tensor(np.asarray(thresholds, "float32")[order], b, dtype)
    n = len(order) + 1
    # how many thresholds lie below each prediction
    bucket = ops.searchsorted(ascending, ops.reshape(y_pred, (-1,)), side="left")
    if per_label:
        offsets = ops.broadcast_to(as_tensor(np.arange(labels_count, dtype="int32") * n, b, "int32"), ops.shape(y_pred))
        bucket = ops.add(ops.cast(bucket, "int32"), ops.reshape(offsets, (-1,)))
    index = ops.expand_dims(ops.cast(bucket, "int32"), -1)

    def above(values: Any) -> tuple[Any, Any]:
        """Weight above each threshold, and in all: (thresholds,) or (thresholds, labels)."""
        sums = ops.reshape(ops.scatter(index, ops.reshape(values, (-1,)), (labels_count * n,)), (labels_count, n))
        tail = ops.flip(ops.cumsum(ops.flip(sums, axis=1), axis=1), axis=1)
        found = ops.take(tail[:, 1:], rank.astype("int32"), axis=1)
        if per_label:
            return ops.transpose(found), tail[:, 0]
        return found[0], tail[0, 0]

    tp, positives = above(positive)
    fp, negatives = above(negative)
    return tp, fp, ops.subtract(negatives, fp), ops.subtract(positives, tp)


class _Count(Metric):
    """One of the four counts."""

    which = 0

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = check_thresholds(type(self).__name__, thresholds, 0.5)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        found = confusion(y_true, y_pred, self.thresholds, sample_weight, self.dtype)
        self.accumulator.assign(ops.add(self.accumulator, found[self.which]))

    def result(self) -> Any:
        """Return the count: a scalar for one threshold, else one per threshold."""
        return self.accumulator.value[0] if len(self.thresholds) == 1 else self.accumulator.value

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Number of positive predictions of positives.

    Example:
        >>> float(TruePositives()([0, 1, 1], [1, 0, 1]))
        1.0
    """

    which = 0


class FalsePositives(_Count):
    """Number of positive predictions of negatives."""

    which = 1


class TrueNegatives(_Count):
    """Number of negative predictions of negatives."""

    which = 2


class FalseNegatives(_Count):
    """Number of negative predictions of positives."""

    which = 3


class _Ratio(Metric):
    """True positives over themselves and one kind of mistake."""

    _direction = "up"
    mistake = "false_positives"

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        # without a threshold of their own, the k largest scores are positive whatever they are
        self.thresholds = check_thresholds(type(self).__name__, thresholds, 0.5 if top_k is None else -1e9)
        self.true_positives = self.add_variable((len(self.thresholds),), "zeros", name="true_positives")
        self._mistakes = self.add_variable((len(self.thresholds),), "zeros", name=self.mistake)
        setattr(self, self.mistake, self._mistakes)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        counts = confusion(y_true, y_pred, self.thresholds, sample_weight, self.dtype, top_k=self.top_k, class_id=self.class_id)
        self.true_positives.assign(ops.add(self.true_positives, counts[0]))
        self._mistakes.assign(ops.add(self._mistakes, counts[COUNTS.index(self.mistake)]))

    def result(self) -> Any:
        """Return the ratio: a scalar for one threshold, else one per threshold."""
        value = ops.divide_no_nan(self.true_positives.value, ops.add(self.true_positives, self._mistakes))
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


class Precision(_Ratio):
    """Share of positive predictions that are right.

    Args:
        thresholds: a prediction is positive where it is above; 0.5 by default; several give several results.
        top_k: if given, the k largest scores of the last axis are positive.
        class_id: if given, only this entry of the last axis counts.
        name, dtype: as in `Metric`.

    Example:
        >>> float(Precision()([0, 1, 1, 1], [1, 0, 1, 1]))
        0.6666666865348816
    """

    mistake = "false_positives"


class Recall(_Ratio):
    """Share of positives that are predicted.

    Args:
        thresholds, top_k, class_id, name, dtype: as in `Precision`.

    Example:
        >>> float(Recall()([0, 1, 1, 1], [1, 0, 1, 1]))
        0.6666666865348816
    """

    mistake = "false_negatives"


class _Counted(Metric):
    """The four counts at many thresholds."""

    _direction = "up"
    num_thresholds: int
    _shape_tail: tuple[int, ...] = ()

    def _make_counts(self, shape: tuple) -> None:
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(shape, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")

    def _count(self, y_true: Any, y_pred: Any, thresholds: Sequence[float], sample_weight: Any, **options: Any) -> None:
        counts = confusion(y_true, y_pred, thresholds, sample_weight, self.dtype, **options)
        for name, value in zip(COUNTS, counts, strict=True):
            variable = getattr(self, name)
            variable.assign(ops.add(variable, value))


class _OneAtOther(_Counted):
    """The best of one ratio among the thresholds at which another is high enough."""

    value_name = ""
    #: per ratio: numerator and the count added in the denominator
    ratios: tuple[tuple[str, str], tuple[str, str]] = (("", ""), ("", ""))

    def __init__(self, value: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"{type(self).__name__}: {self.value_name} must be between 0 and 1; received {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"{type(self).__name__}: num_thresholds must be above 0; received {num_thresholds}.")
        self.value, self.class_id, self.num_thresholds = value, class_id, num_thresholds
        setattr(self, self.value_name, value)
        self.thresholds = [0.5] if num_thresholds == 1 else [i / (num_thresholds - 1) for i in range(num_thresholds)]
        if num_thresholds > 1:
            self.thresholds = [0.0, *[(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)], 1.0]
        self._make_counts((len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        self._count(y_true, y_pred, self.thresholds, sample_weight, class_id=self.class_id, within=True)

    def result(self) -> Any:
        """Return the best value, zero if no threshold qualifies."""
        wanted, given = (ops.divide_no_nan(getattr(self, a).value, ops.add(getattr(self, a), getattr(self, b))) for a, b in self.ratios)
        allowed = ops.greater_equal(given, self.value)
        return ops.max(ops.where(allowed, wanted, 0.0))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        own = {self.value_name: self.value, "num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**super().get_config(), **own}


_SENSITIVITY, _SPECIFICITY = ("true_positives", "false_negatives"), ("true_negatives", "false_positives")
_PRECISION = ("true_positives", "false_positives")


class SensitivityAtSpecificity(_OneAtOther):
    """Best sensitivity where the specificity is at least a given value."""

    value_name, ratios = "specificity", (_SENSITIVITY, _SPECIFICITY)

    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_OneAtOther):
    """Best specificity where the sensitivity is at least a given value."""

    value_name, ratios = "sensitivity", (_SPECIFICITY, _SENSITIVITY)

    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_OneAtOther):
    """Best precision where the recall is at least a given value."""

    value_name, ratios = "recall", (_PRECISION, _SENSITIVITY)

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_OneAtOther):
    """Best recall where the precision is at least a given value."""

    value_name, ratios = "precision", (_SENSITIVITY, _PRECISION)

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)


CLASSES = (
    FalseNegatives, FalsePositives, Precision, PrecisionAtRecall, Recall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity,
    TrueNegatives, TruePositives,
)  # fmt: skip
