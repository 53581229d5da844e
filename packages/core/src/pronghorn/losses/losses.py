"""Losses as classes: a function of targets and predictions with its options and a reduction."""

from collections.abc import Callable
from typing import Any

from pronghorn import ops
from pronghorn.losses import functions as f
from pronghorn.losses.loss import Loss

_AVERAGE = "sum_over_batch_size"


class LossFunctionWrapper(Loss):
    """A loss made from a function `fn(y_true, y_pred, **kwargs)` that returns one value per sample.

    Args:
        fn: the function.
        reduction, name, dtype: as in `Loss`.
        **kwargs: passed to `fn`.
    """

    #: options left out of the config while they have these values, as in Keras' files
    _quiet: dict[str, Any] = {}

    def __init__(self, fn: Callable, reduction: str | None = _AVERAGE, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per sample."""
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        config = super().get_config()
        if type(self) is LossFunctionWrapper:
            from pronghorn.saving.registry import serialize_keras_object

            config["fn"] = serialize_keras_object(self.fn)
        return config | {k: v for k, v in self._fn_kwargs.items() if k not in self._quiet or self._quiet[k] != v}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """Make the loss that `get_config` described."""
        if "fn" in config:
            from pronghorn.saving.registry import deserialize_keras_object

            config = config | {"fn": deserialize_keras_object(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({getattr(self.fn, '__name__', self.fn)}, kwargs={self._fn_kwargs})>"


class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(f.mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of absolute differences."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(f.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean absolute difference relative to the target, in percent."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(f.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean squared difference of `log(1 + y)`."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(f.mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Negative cosine of the angle between targets and predictions: -1 where they point the same way."""

    _quiet = {"axis": -1}

    def __init__(self, axis: int = -1, reduction: str | None = _AVERAGE, name: str = "cosine_similarity", dtype: Any = None):
        super().__init__(f.cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """Half the squared difference up to `delta`, linear beyond."""

    _quiet = {"delta": 1.0}

    def __init__(self, delta: float = 1.0, reduction: str | None = _AVERAGE, name: str = "huber_loss", dtype: Any = None):
        super().__init__(f.huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """Mean of `log(cosh(difference))`."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "log_cosh", dtype: Any = None):
        super().__init__(f.log_cosh, reduction, name, dtype)


class Hinge(LossFunctionWrapper):
    """Mean of `max(1 - y_true * y_pred, 0)`."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "hinge", dtype: Any = None):
        super().__init__(f.hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """Mean of the squared hinge."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(f.squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """Margin by which the best wrong class comes within one of the right one."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(f.categorical_hinge, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """Kullback-Leibler divergence of predicted from target distributions."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(f.kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """Negative log-likelihood of counts."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "poisson", dtype: Any = None):
        super().__init__(f.poisson, reduction, name, dtype)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of targets 0 and 1 and predicted probabilities, or logits.

    Example:
        >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _AVERAGE,
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(f.binary_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross-entropy that gives easy examples less weight (Lin et al. 2017)."""

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _AVERAGE,
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        options |= {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        super().__init__(f.binary_focal_crossentropy, reduction, name, dtype, **options)


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of one-hot (or soft) targets and predicted probabilities, or logits.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _AVERAGE,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(f.categorical_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical cross-entropy that gives easy examples less weight."""

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _AVERAGE,
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis, "alpha": alpha, "gamma": gamma}
        super().__init__(f.categorical_focal_crossentropy, reduction, name, dtype, **options)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of class numbers and predicted probabilities, or logits.

    Args:
        from_logits: whether predictions come before the softmax.
        ignore_class: class number whose samples do not count, such as -1 for padding.
        reduction, name, dtype: as in `Loss`.
        axis: axis of the classes.

    Example:
        >>> round(float(SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.5, 0.5], [0.9, 0.1]])), 4)
        0.6931
    """

    keeps_labels = True
    _quiet = {"axis": -1}

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _AVERAGE,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(f.sparse_categorical_crossentropy, reduction, name, dtype, **options)
        self.ignore_class = ignore_class

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        """Leave samples of `ignore_class` out of means."""
        if self.ignore_class is None:
            return None
        if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1 and len(y_true.shape) > 1:
            y_true = ops.squeeze(y_true, -1)
        return f.other_class(y_true, self.ignore_class)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`(1 - p**q) / q` of the probability of the true class number, for labels that are partly wrong."""

    keeps_labels = True

    def __init__(self, q: float = 0.5, reduction: str | None = _AVERAGE, name: str = "categorical_generalized_cross_entropy", dtype: Any = None):
        if not 0 < q < 1:
            raise ValueError(f"CategoricalGeneralizedCrossEntropy: q must be between 0 and 1; received {q}.")
        super().__init__(f.categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class Dice(LossFunctionWrapper):
    """One minus the Dice coefficient."""

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "dice", axis: Any = None, dtype: Any = None):
        super().__init__(f.dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """One minus the Tversky index: overlap of sets where misses count `alpha` and false alarms `beta`."""

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = _AVERAGE, name: str = "tversky", axis: Any = None, dtype: Any = None):
        super().__init__(f.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


class Circle(LossFunctionWrapper):
    """Circle loss of L2-normalised embeddings (Sun et al. 2020)."""

    keeps_labels = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = _AVERAGE,
        name: str = "circle",
        dtype: Any = None,
    ):
        super().__init__(f.circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification (Graves et al. 2006)."""

    keeps_labels = True

    def __init__(self, reduction: str | None = _AVERAGE, name: str = "ctc", dtype: Any = None):
        super().__init__(f.ctc, reduction, name, dtype)


CLASSES = (
    BinaryCrossentropy, BinaryFocalCrossentropy, CTC, CategoricalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy,
    CategoricalHinge, Circle, CosineSimilarity, Dice, Hinge, Huber, KLDivergence, LogCosh, Loss, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge, Tversky,
)  # fmt: skip
