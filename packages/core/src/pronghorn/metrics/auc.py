"""Area under a curve over thresholds."""

from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.backend.settings import epsilon
from pronghorn.losses.loss import as_tensor, backend_of
from pronghorn.metrics.confusion import _Counted, even_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "minoring", "majoring")


class AUC(_Counted):
    """Area under the ROC or the precision-recall curve, from counts at thresholds.

    Args:
        num_thresholds: how many thresholds; more are more accurate.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation" (between points), "minoring" (from below) or "majoring" (from above).
        name, dtype: as in `Metric`.
        thresholds: thresholds between 0 and 1, in place of evenly spaced ones.
        multi_label: whether the last axis holds labels whose areas are averaged.
        num_labels: how many labels; needed to make the state before the first batch.
        label_weights: weights of the labels.
        from_logits: whether predictions come before the sigmoid.

    Example:
        >>> float(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
        0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        curve = str(getattr(curve, "value", curve)).upper()
        summation_method = str(getattr(summation_method, "value", summation_method)).lower()
        if curve not in _CURVES:
            raise ValueError(f"AUC: curve must be one of {', '.join(_CURVES)}; received {curve!r}.")
        if summation_method not in _METHODS:
            raise ValueError(f"AUC: summation_method must be one of {', '.join(_METHODS)}; received {summation_method!r}.")
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        if thresholds is not None:
            inner = sorted(float(t) for t in thresholds)
            if any(not 0 <= t <= 1 for t in inner):
                raise ValueError(f"AUC: thresholds must be between 0 and 1; received {thresholds}.")
            self._thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
            steps = np.diff(np.array([0.0, *inner, 1.0]))
            self._even = bool(np.allclose(steps, steps[0], atol=epsilon()))
        else:
            if num_thresholds <= 1:
                raise ValueError(f"AUC: num_thresholds must be above 1; received {num_thresholds}.")
            self._thresholds = even_thresholds(num_thresholds)
            self._even = True
        self.num_thresholds = len(self._thresholds)
        self.curve, self.summation_method = curve, summation_method
        self.multi_label, self.num_labels, self.label_weights, self._from_logits = multi_label, num_labels, label_weights, from_logits
        self._built = False
        if multi_label:
            if num_labels:
                self._build((None, num_labels))
        elif num_labels:
            raise ValueError("AUC: num_labels needs multi_label=True.")
        else:
            self._build(None)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, with one just below 0 and one just above 1."""
        return list(self._thresholds)

    def _build(self, shape: Any) -> None:
        if self.multi_label:
            if len(shape) != 2:
                raise ValueError(f"AUC: multi_label needs predictions of shape (samples, labels); received {tuple(shape)}.")
            self.num_labels = int(shape[1])
            self._make_counts((self.num_thresholds, self.num_labels))
        else:
            self._make_counts((self.num_thresholds,))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        y_pred = as_tensor(y_pred, backend_of(y_pred, y_true))
        if not self._built:
            self._build(y_pred.shape)
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        self._count(
            y_true, y_pred, self._thresholds, sample_weight, per_label=self.multi_label, within=self._even,
            label_weights=None if self.multi_label else self.label_weights,
        )  # fmt: skip

    def interpolate_pr_auc(self) -> Any:
        """Return the area under the precision-recall curve, interpolated as Davis and Goadrich (2006) do: linear in true positives, not in precision."""
        tp, fp, fn = self.true_positives.value, self.false_positives.value, self.false_negatives.value
        last = self.num_thresholds - 1
        dtp = ops.subtract(tp[:last], tp[1:])
        p = ops.add(tp, fp)
        dp = ops.subtract(p[:last], p[1:])
        slope = ops.divide_no_nan(dtp, ops.maximum(dp, 0.0))
        intercept = ops.subtract(tp[1:], ops.multiply(slope, p[1:]))
        usable = ops.logical_and(ops.greater(p[:last], 0.0), ops.greater(p[1:], 0.0))
        ratio = ops.where(usable, ops.divide_no_nan(p[:last], ops.maximum(p[1:], 0.0)), ops.ones_like(p[1:]))
        gained = ops.multiply(slope, ops.add(dtp, ops.multiply(intercept, ops.log(ratio))))
        increments = ops.divide_no_nan(gained, ops.maximum(ops.add(tp[1:], fn[1:]), 0.0))
        if self.multi_label:
            return self._average(ops.sum(increments, axis=0))
        return ops.sum(increments)

    def _average(self, per_label: Any) -> Any:
        if self.label_weights is None:
            return ops.mean(per_label)
        weights = as_tensor(self.label_weights, backend_of(per_label), self.dtype)
        return ops.divide_no_nan(ops.sum(ops.multiply(per_label, weights)), ops.sum(weights))

    def result(self) -> Any:
        """Return the area."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        tp, fp, tn, fn = (getattr(self, n).value for n in ("true_positives", "false_positives", "true_negatives", "false_negatives"))
        recall = ops.divide_no_nan(tp, ops.add(tp, fn))
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, ops.add(fp, tn)), recall
        elif self.curve == "PR":
            x, y = recall, ops.divide_no_nan(tp, ops.add(tp, fp))
        else:  # Flach and Kull (2015)
            positives, negatives = ops.add(tp[0:1], fn[0:1]), ops.add(fp[0:1], tn[0:1])
            odds = ops.divide_no_nan(positives, negatives)
            y = ops.subtract(1.0, ops.multiply(odds, ops.divide_no_nan(fp, tp)))
            x = ops.subtract(1.0, ops.multiply(odds, ops.divide_no_nan(fn, tp)))
            # without positive predictions there is no gain; a negative recall gain counts as none
            x = ops.where(ops.greater(tp, 0.0), ops.maximum(x, 0.0), 0.0)
        last = self.num_thresholds - 1
        left, right = y[:last], y[1:]
        if self.summation_method == "interpolation":
            heights = ops.multiply(ops.add(left, right), 0.5)
        else:
            heights = ops.minimum(left, right) if self.summation_method == "minoring" else ops.maximum(left, right)
        areas = ops.multiply(ops.subtract(x[:last], x[1:]), heights)
        return self._average(ops.sum(areas, axis=0)) if self.multi_label else ops.sum(areas)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        own: dict[str, Any] = {
            "num_thresholds": self.num_thresholds, "curve": self.curve, "summation_method": self.summation_method, "multi_label": self.multi_label,
            "num_labels": self.num_labels, "label_weights": self.label_weights, "from_logits": self._from_logits,
        }  # fmt: skip
        if self._init_from_thresholds:  # without the two that are added outside 0 to 1
            own["thresholds"] = self._thresholds[1:-1]
        return {**super().get_config(), **own}
