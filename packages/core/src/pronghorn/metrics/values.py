"""Losses as metrics: means of an error per sample."""

from typing import Any

from pronghorn import ops
from pronghorn.losses import functions as f
from pronghorn.losses.loss import pair
from pronghorn.metrics.reduction import Mean, MeanMetricWrapper


class _Named(MeanMetricWrapper):
    """A mean of a fixed function, without options."""

    _direction = "down"

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {"name": self.name, "dtype": self.dtype} | self._fn_kwargs


class MeanSquaredError(_Named):
    """Mean of squared differences.

    Example:
        >>> float(MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]]))
        5.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(f.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """Square root of the mean of squared differences.

    Example:
        >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]]))
        3.0
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        y_true, y_pred = pair(y_true, y_pred, self.dtype)
        super().update_state(ops.square(ops.subtract(y_pred, y_true)), sample_weight=sample_weight)

    def result(self) -> Any:
        """Return the root."""
        return ops.sqrt(super().result())


class MeanAbsoluteError(_Named):
    """Mean of absolute differences."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(f.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(_Named):
    """Mean absolute difference relative to the target, in percent."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(f.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(_Named):
    """Mean squared difference of `log(1 + y)`."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(f.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(_Named):
    """Mean of `log(cosh(difference))`."""

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(f.log_cosh, name, dtype)


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return ops.negative(f.cosine_similarity(y_true, y_pred, axis))


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between targets and predictions.

    Example:
        >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
        1.0
    """

    _quiet = {"axis": -1}

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(_cosine, name, dtype, axis=axis)


class Hinge(_Named):
    """Mean of `max(1 - y_true * y_pred, 0)`."""

    def __init__(self, name: str = "hinge", dtype: Any = None):
        super().__init__(f.hinge, name, dtype)


class SquaredHinge(_Named):
    """Mean of the squared hinge."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(f.squared_hinge, name, dtype)


class CategoricalHinge(_Named):
    """Mean of the categorical hinge."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(f.categorical_hinge, name, dtype)


class KLDivergence(_Named):
    """Mean Kullback-Leibler divergence."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(f.kl_divergence, name, dtype)


class Poisson(_Named):
    """Mean negative log-likelihood of counts."""

    def __init__(self, name: str = "poisson", dtype: Any = None):
        super().__init__(f.poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of targets 0 and 1."""

    _direction = "down"

    def __init__(self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0):
        super().__init__(f.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot targets."""

    _direction = "down"

    def __init__(self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0, axis: int = -1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(f.categorical_crossentropy, name, dtype, **options)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of class numbers; those of `ignore_class` count as zero, or not at all where samples are weighted."""

    _direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(f.sparse_categorical_crossentropy, name, dtype, **options)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions; with weights, those of the ignored class are zero."""
        ignored = self._fn_kwargs["ignore_class"]
        if ignored is not None and sample_weight is not None:
            labels = ops.convert_to_tensor(y_true)
            if len(labels.shape) == len(y_pred.shape) and labels.shape[-1] == 1:
                labels = ops.squeeze(labels, -1)
            valid, weight = ops.cast(f.other_class(labels, ignored), self.dtype), ops.cast(sample_weight, self.dtype)
            if len(weight.shape) == len(labels.shape) + 1:
                weight = ops.squeeze(weight, -1)
            missing = len(valid.shape) - len(weight.shape)
            weight = ops.reshape(weight, (*ops.shape(weight), *[1] * missing)) if missing > 0 else weight
            sample_weight = ops.multiply(valid, weight)
        super().update_state(y_true, y_pred, sample_weight)


CLASSES = (
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge, KLDivergence, LogCoshError, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson, RootMeanSquaredError, SparseCategoricalCrossentropy,
    SquaredHinge,
)  # fmt: skip
