"""F-scores, coefficients of determination and correlations."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import epsilon
from pronghorn.losses.loss import as_tensor, backend_of, same_rank
from pronghorn.losses.loss import pair as _pair
from pronghorn.metrics.metric import Metric
from pronghorn.metrics.reduction import MeanMetricWrapper


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall, per class.

    Args:
        average: None for one result per class; "micro", "macro" or "weighted" (by the classes' frequencies) for their mean.
        beta: how many times as much recall counts as precision.
        threshold: a class is predicted where the score is above; None for the class with the largest score.
        name, dtype: as in `Metric`.

    Example:
        >>> FBetaScore(beta=2.0, threshold=0.5)([[1, 1], [1, 0]], [[0.9, 0.1], [0.6, 0.2]]).round(3).tolist()
        [1.0, 0.0]
    """

    _direction = "up"

    def __init__(self, average: str | None = None, beta: float = 1.0, threshold: float | None = None, name: str = "fbeta_score", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f'{type(self).__name__}: average must be None, "micro", "macro" or "weighted"; received {average!r}.')
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"{type(self).__name__}: beta must be a float above 0; received {beta!r}.")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ValueError(f"{type(self).__name__}: threshold must be a float above 0 and at most 1; received {threshold!r}.")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2:
            raise ValueError(
                f"{type(self).__name__}: expected y_true and y_pred of shape (samples, classes); received {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
            )
        n = int(y_pred.shape[1])
        shape = () if self.average == "micro" else (n,)
        self.num_classes = n
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, "zeros", name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        b = backend_of(y_pred, y_true)
        y_true, y_pred = as_tensor(y_true, b, self.dtype), as_tensor(y_pred, b, self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        if self.threshold is None:
            top = ops.max(y_pred, axis=-1, keepdims=True)
            y_pred = ops.logical_and(ops.equal(y_pred, top), ops.greater(ops.abs(y_pred), 1e-9))
        else:
            y_pred = ops.greater(y_pred, self.threshold)
        y_pred = ops.cast(y_pred, self.dtype)
        weight = None if sample_weight is None else ops.expand_dims(as_tensor(sample_weight, b, self.dtype), -1)

        def total(value: Any) -> Any:
            return ops.sum(value if weight is None else ops.multiply(value, weight), axis=self.axis)

        for name, value in (
            ("true_positives", ops.multiply(y_pred, y_true)),
            ("false_positives", ops.multiply(y_pred, ops.subtract(1.0, y_true))),
            ("false_negatives", ops.multiply(ops.subtract(1.0, y_pred), y_true)),
            ("intermediate_weights", y_true),
        ):
            variable = getattr(self, name)
            variable.assign(ops.add(variable, total(value)))

    def result(self) -> Any:
        """Return the score, or scores."""
        tp = self.true_positives.value
        precision = ops.divide_no_nan(tp, ops.add(tp, self.false_positives))
        recall = ops.divide_no_nan(tp, ops.add(tp, self.false_negatives))
        square = self.beta**2
        both = ops.add(ops.multiply(precision, square), recall)
        score = ops.multiply(ops.divide(ops.multiply(precision, recall), ops.add(both, epsilon())), 1.0 + square)
        if self.average == "weighted":
            weights = ops.divide(self.intermediate_weights.value, ops.add(ops.sum(self.intermediate_weights.value), epsilon()))
            return ops.sum(ops.multiply(score, weights))
        return score if self.average is None else ops.mean(score)

    def reset_state(self) -> None:
        """Start over."""
        if self._built:
            super().reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall, per class; arguments as in `FBetaScore`.

    Example:
        >>> F1Score(average="macro", threshold=0.5)([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]]).shape
        ()
    """

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        config = super().get_config()
        del config["beta"]
        return config


class R2Score(Metric):
    """Coefficient of determination: one minus the share of the variance that is left.

    Args:
        class_aggregation: None for one result per output; "uniform_average" or "variance_weighted_average" for their mean.
        num_regressors: number of inputs, for the adjusted coefficient; 0 for the plain one.
        name, dtype: as in `Metric`.

    Example:
        >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
        0.5714
    """

    _direction = "up"

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(f'R2Score: class_aggregation must be None, "uniform_average" or "variance_weighted_average"; received {class_aggregation!r}.')
        if num_regressors < 0:
            raise ValueError(f"R2Score: num_regressors must be 0 or more; received {num_regressors}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2:
            raise ValueError(f"R2Score: expected y_true and y_pred of shape (samples, outputs); received {tuple(y_true.shape)} and {tuple(y_pred.shape)}.")
        n = int(y_pred.shape[1])
        self.squared_sum = self.add_variable((n,), "zeros", name="squared_sum")
        self.sum = self.add_variable((n,), "zeros", name="sum")
        self.total_mse = self.add_variable((n,), "zeros", name="residual")
        self.count = self.add_variable((n,), "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        b = backend_of(y_pred, y_true)
        y_true, y_pred = same_rank(as_tensor(y_true, b, self.dtype), as_tensor(y_pred, b, self.dtype))
        if not self._built:
            self._build(y_true, y_pred)
        weight = ops.ones_like(y_true[:, :1]) if sample_weight is None else as_tensor(sample_weight, b, self.dtype)
        if len(weight.shape) < 2:
            weight = ops.expand_dims(weight, -1) if len(weight.shape) else ops.multiply(ops.ones_like(y_true[:, :1]), weight)
        weighted = ops.multiply(y_true, weight)
        residual = ops.square(ops.subtract(y_true, y_pred))
        for variable, value in (
            (self.sum, weighted),
            (self.squared_sum, ops.multiply(y_true, weighted)),
            (self.total_mse, ops.multiply(residual, weight)),
            (self.count, weight),
        ):
            variable.assign(ops.add(variable, ops.sum(value, axis=0)))
        from pronghorn.metrics.reduction import _count

        self.num_samples.assign(ops.add(self.num_samples, ops.cast(_count(y_true), self.dtype)))

    def result(self) -> Any:
        """Return the coefficient, or coefficients."""
        mean = ops.divide_no_nan(self.sum.value, self.count.value)
        total = ops.subtract(self.squared_sum.value, ops.multiply(self.sum.value, mean))
        raw = ops.subtract(1.0, ops.divide(self.total_mse.value, total))
        raw = ops.where(ops.isinf(raw), 0.0, raw)
        if self.class_aggregation == "uniform_average":
            raw = ops.mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            raw = ops.divide(ops.sum(ops.multiply(raw, total)), ops.sum(total))
        if self.num_regressors:
            n = self.num_samples.value
            raw = ops.subtract(1.0, ops.divide(ops.multiply(ops.subtract(1.0, raw), ops.subtract(n, 1.0)), ops.subtract(n, 1.0 + self.num_regressors)))
        return raw

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}


def _centred(x: Any, axis: Any) -> Any:
    return ops.subtract(x, ops.mean(x, axis=axis, keepdims=True))


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Correlation of targets and predictions along an axis; not a number where either is constant.

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4).tolist()
        [1.0]
    """
    a, b = (_centred(v, axis) for v in _pair(y_true, y_pred))
    length = lambda v: ops.sqrt(ops.sum(ops.square(v), axis=axis))  # noqa: E731
    return ops.divide(ops.sum(ops.multiply(a, b), axis=axis), ops.multiply(length(a), length(b)))


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Lin's concordance: the correlation, lowered where means or spreads differ."""
    t, p = _pair(y_true, y_pred)
    a, b = _centred(t, axis), _centred(p, axis)
    covariance = ops.mean(ops.multiply(a, b), axis=axis)
    shift = ops.square(ops.subtract(ops.mean(t, axis=axis), ops.mean(p, axis=axis)))
    spread = ops.add(ops.mean(ops.square(a), axis=axis), ops.mean(ops.square(b), axis=axis))
    return ops.divide(ops.multiply(covariance, 2.0), ops.add(ops.add(spread, shift), epsilon()))


class PearsonCorrelation(MeanMetricWrapper):
    """Mean correlation of targets and predictions."""

    _direction = "up"

    def __init__(self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean concordance of targets and predictions."""

    _direction = "up"

    def __init__(self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


FUNCTIONS = (concordance_correlation, pearson_correlation)
CLASSES = (ConcordanceCorrelation, F1Score, FBetaScore, PearsonCorrelation, R2Score)
