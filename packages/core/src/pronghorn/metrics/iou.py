"""Intersection over union of classes."""

from collections.abc import Sequence
from typing import Any

from pronghorn import ops
from pronghorn.losses.loss import as_tensor, backend_of
from pronghorn.metrics.metric import Metric


class _Confusion(Metric):
    """A table of targets by predictions."""

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes, self.ignore_class = num_classes, ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", name="total_confusion_matrix", dtype=self.dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        b = backend_of(y_pred, y_true)
        y_true, y_pred = as_tensor(y_true, b), as_tensor(y_pred, b)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        y_true, y_pred = (ops.reshape(ops.cast(v, "int32"), (-1,)) for v in (y_true, y_pred))
        if sample_weight is None:
            weight = ops.ones_like(y_true, dtype=self.dtype)
        else:
            # counts are integers by default, so fractions of weights are cut off, as in Keras
            weight = ops.reshape(ops.cast(as_tensor(sample_weight, b), self.dtype), (-1,))
        if self.ignore_class is not None:
            valid = ops.not_equal(y_true, self.ignore_class)
            y_true, y_pred = ops.where(valid, y_true, 0), ops.where(valid, y_pred, 0)
            weight = ops.where(valid, weight, ops.zeros_like(weight))
        index = ops.stack([y_true, y_pred], axis=-1)
        table = ops.scatter(index, weight, (self.num_classes, self.num_classes))
        self.total_cm.assign(ops.add(self.total_cm, ops.cast(table, self.dtype)))

    def _ious(self) -> tuple[Any, Any]:
        """Return each class's ratio, and the denominators."""
        table = ops.cast(self.total_cm.value, "float32")
        hits = ops.diagonal(table)
        union = ops.subtract(ops.add(ops.sum(table, axis=0), ops.sum(table, axis=1)), hits)
        return ops.divide(hits, ops.add(union, 1e-7)), union

    def _mean(self, ids: Sequence[int] | None) -> Any:
        ious, union = self._ious()
        if ids is not None:
            index = as_tensor(list(ids), backend_of(ious), "int32")
            ious, union = ops.take(ious, index, axis=0), ops.take(union, index, axis=0)
        # classes that never occurred do not count
        found = ops.cast(ops.greater(union, 1e-9), "float32")
        return ops.divide_no_nan(ops.sum(ops.multiply(ious, found)), ops.sum(found))


class IoU(_Confusion):
    """Mean over chosen classes of true positives over all that are or are predicted to be of the class.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the chosen ones.
        name, dtype: as in `Metric`.
        ignore_class: class number whose samples do not count.
        sparse_y_true, sparse_y_pred: whether class numbers are given, not one-hot vectors or scores.
        axis: axis of the scores.

    Example:
        >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        if target_class_ids and max(target_class_ids) >= num_classes:
            raise ValueError(f"{type(self).__name__}: target_class_ids must be below num_classes={num_classes}; received {list(target_class_ids)}.")
        self.target_class_ids = list(target_class_ids)

    def result(self) -> Any:
        """Return the mean."""
        return self._mean(self.target_class_ids)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {
            **super().get_config(), "num_classes": self.num_classes, "target_class_ids": self.target_class_ids, "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true, "sparse_y_pred": self.sparse_y_pred, "axis": self.axis,
        }  # fmt: skip


class BinaryIoU(IoU):
    """`IoU` of two classes, told apart by a threshold on the score.

    Example:
        >>> round(float(BinaryIoU((0, 1), 0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
        0.3333
    """

    def __init__(self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        y_pred = as_tensor(y_pred, backend_of(y_pred, y_true))
        super().update_state(y_true, ops.greater_equal(y_pred, self.threshold), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        return {"target_class_ids": self.target_class_ids, "threshold": self.threshold, "name": self.name, "dtype": self.dtype}


class MeanIoU(IoU):
    """`IoU` over all classes.

    Example:
        >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(num_classes, list(range(num_classes)), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        config = super().get_config()
        del config["target_class_ids"]
        return config


class OneHotIoU(IoU):
    """`IoU` of one-hot targets; predictions are scores, or class numbers with `sparse_y_pred`."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets; predictions are scores, or class numbers with `sparse_y_pred`."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config


CLASSES = (BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU)
