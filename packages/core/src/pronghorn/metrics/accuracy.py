"""How often predictions are right."""

from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes
from pronghorn.losses.loss import as_tensor, backend_of, same_rank
from pronghorn.metrics.reduction import MeanMetricWrapper


def _tensors(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    b = backend_of(y_pred, y_true)
    return as_tensor(y_true, b), as_tensor(y_pred, b)


def _fit(name: str, y_true: Any, y_pred: Any) -> None:
    if any(isinstance(i, int) and isinstance(j, int) and i != j and 1 not in (i, j) for i, j in zip(reversed(y_true.shape), reversed(y_pred.shape))):
        raise ValueError(f"{name}: targets of shape {tuple(y_true.shape)} do not fit predictions of shape {tuple(y_pred.shape)}.")


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where predictions equal targets."""
    y_true, y_pred = same_rank(*_tensors(y_true, y_pred))
    _fit("accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), dtypes.SETTINGS.floatx)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where a prediction lies on the right side of `threshold`.

    Example:
        >>> binary_accuracy([1, 0], [0.7, 0.6])
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = same_rank(*_tensors(y_true, y_pred))
    _fit("binary_accuracy", y_true, y_pred)
    y_true = ops.cast(y_true, dtypes.SETTINGS.floatx)
    above = ops.cast(ops.greater(y_pred, threshold), dtypes.SETTINGS.floatx)
    return ops.cast(ops.equal(y_true, above), dtypes.SETTINGS.floatx)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the most likely class is the one of the one-hot target.

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.1, 0.9]])
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    _fit("categorical_accuracy", y_true, y_pred)
    y_true = ops.argmax(y_true, axis=-1)
    return ops.cast(ops.equal(y_true, ops.argmax(y_pred, axis=-1)), dtypes.SETTINGS.floatx)


def _class_numbers(name: str, y_true: Any, y_pred: Any) -> Any:
    """Return integer labels without the trailing axis of size one; raise where they do not fit the predictions."""
    if len(y_true.shape) == len(y_pred.shape) and len(y_true.shape) > 0 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    found, rest = tuple(y_true.shape), tuple(y_pred.shape[:-1])
    if len(found) != len(rest) or any(isinstance(i, int) and isinstance(j, int) and i != j for i, j in zip(found, rest)):
        raise ValueError(f"{name}: targets of shape {found} do not fit predictions of shape {tuple(y_pred.shape)}: expected class numbers of shape {rest}.")
    return y_true if ops.dtype_of(y_true) in dtypes.INTEGER else ops.cast(y_true, "int32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the most likely class is the target's class number.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.1, 0.9]])
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    y_true = _class_numbers("sparse_categorical_accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), ops.dtype_of(y_true))), dtypes.SETTINGS.floatx)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the one-hot target is among the `k` most likely."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where the target's class number is among the `k` most likely.

    Args:
        y_true: class numbers.
        y_pred: scores, or class numbers in order of likelihood with `from_sorted_ids`.
        k: how many count.
        from_sorted_ids: what `y_pred` holds.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    given = ops.shape(y_true)
    y_true = _class_numbers("sparse_top_k_categorical_accuracy", y_true, y_pred)
    y_true, y_pred = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1, ops.shape(y_pred)[-1]))
    if from_sorted_ids:
        hit = ops.any(ops.equal(ops.expand_dims(y_true, -1), ops.cast(y_pred[:, :k], ops.dtype_of(y_true))), axis=-1)
    else:
        hit = ops.in_top_k(y_true, y_pred, k=k)
    return ops.reshape(ops.cast(hit, dtypes.SETTINGS.floatx), given)


class Accuracy(MeanMetricWrapper):
    """How often predictions equal targets.

    Example:
        >>> float(Accuracy()([[1], [2]], [[1], [3]]))
        0.5
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(fn=accuracy, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {"name": self.name, "dtype": self.dtype}


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions lie on the right side of a threshold.

    Example:
        >>> float(BinaryAccuracy()([[1], [0]], [[0.7], [0.6]]))
        0.5
    """

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"BinaryAccuracy: threshold must be between 0 and 1; received {threshold}.")
        super().__init__(fn=binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold
        self._direction = "up"


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most likely class is the one of the one-hot target."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None):
        super().__init__(fn=categorical_accuracy, name=name, dtype=dtype)
        self._direction = "up"


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most likely class is the target's class number.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.1, 0.9]]))
        0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(fn=sparse_categorical_accuracy, name=name, dtype=dtype)
        self._direction = "up"


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of the one-hot target is among the `k` most likely."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(fn=top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = k
        self._direction = "up"


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the target's class number is among the `k` most likely."""

    _quiet = {"from_sorted_ids": False}

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: Any = None, from_sorted_ids: bool = False):
        super().__init__(fn=sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = k
        self.from_sorted_ids = from_sorted_ids
        self._direction = "up"


FUNCTIONS = (
    binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
)  # fmt: skip
CLASSES = (
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
)  # fmt: skip
