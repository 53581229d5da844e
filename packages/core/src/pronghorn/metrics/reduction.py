"""Sums and means of values over batches, and metrics made of a function per sample."""

from collections.abc import Callable
from typing import Any

from pronghorn import ops
from pronghorn.losses.loss import as_tensor, backend_of
from pronghorn.losses.loss import weigh as _weigh
from pronghorn.metrics.metric import Metric


def samplewise(values: Any, sample_weight: Any, dtype: str) -> tuple[Any, Any]:
    """Return one (weighted) value and one weight per sample; weights are None where none are given."""
    b = backend_of(values)
    values = as_tensor(values, b, dtype)
    if sample_weight is None:
        return _flat(values), None
    weight = as_tensor(sample_weight, b, dtype)
    if len(values.shape) > len(weight.shape):  # a weight is one of a sample, or of the whole batch
        values = ops.mean(values, axis=list(range(len(weight.shape), len(values.shape))))
    values, weight = _weigh(values, weight)
    if len(values.shape) and weight.shape != values.shape:
        weight = ops.broadcast_to(weight, ops.shape(values))
    return _flat(values), _flat(weight)


def _flat(x: Any) -> Any:
    return ops.mean(x, axis=list(range(1, len(x.shape)))) if len(x.shape) > 1 else x


def _count(values: Any) -> Any:
    dims = ops.shape(values)
    if not dims:
        return 1.0
    if isinstance(dims[0], int):
        return float(dims[0])
    from pronghorn.ops.reduction import cast_count

    return cast_count(dims[0], values)


class Sum(Metric):
    """Weighted sum.

    Example:
        >>> m = Sum()
        >>> m.update_state([1.0, 2.0]); m.update_state([4.0], [0.5])
        >>> float(m.result())
        5.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values."""
        b = backend_of(values)
        values = as_tensor(values, b, self.dtype)
        if sample_weight is not None:
            values, _ = _weigh(values, as_tensor(sample_weight, b, self.dtype))
        self.total.assign(ops.add(self.total, ops.sum(values)))

    def result(self) -> Any:
        """Return the sum."""
        return self.total.value


class Mean(Metric):
    """Weighted mean.

    Example:
        >>> m = Mean()
        >>> m.update_state([1.0, 3.0]); m.update_state([8.0], sample_weight=[2.0])
        >>> float(m.result())
        5.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values."""
        if type(sample_weight) is float:  # of a whole batch
            values = as_tensor(values, backend_of(values), self.dtype)
            if not len(values.shape):
                self.total.assign(ops.add(self.total, ops.multiply(values, sample_weight)))
                self.count.assign(ops.add(self.count, sample_weight))
                return
        values, weight = samplewise(values, sample_weight, self.dtype)
        self.total.assign(ops.add(self.total, ops.sum(values) if len(values.shape) else values))
        self.count.assign(ops.add(self.count, _count(values) if weight is None else ops.sum(weight)))

    def result(self) -> Any:
        """Return the mean, zero before any value."""
        return ops.divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """Mean of a function `fn(y_true, y_pred, **kwargs)` that returns one value per sample.

    Args:
        fn: the function.
        name: name in logs.
        dtype: dtype of the state.
        **kwargs: passed to `fn`.

    Example:
        >>> from pronghorn.losses import mean_absolute_error
        >>> float(MeanMetricWrapper(mean_absolute_error)([[0.0]], [[2.0]]))
        2.0
    """

    #: options left out of the config while they have these values, as in Keras' files
    _quiet: dict[str, Any] = {}

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)  # type: ignore[arg-type]
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in targets and predictions."""
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this metric again."""
        config = {"name": self.name, "dtype": self.dtype}
        if type(self) is MeanMetricWrapper:
            from pronghorn.saving.registry import serialize_keras_object

            config["fn"] = serialize_keras_object(self._fn)
        return config | {k: v for k, v in self._fn_kwargs.items() if k not in self._quiet or self._quiet[k] != v}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """Make the metric that `get_config` described."""
        if "fn" in config:
            from pronghorn.saving.registry import deserialize_keras_object

            config = config | {"fn": deserialize_keras_object(config["fn"])}
        return cls(**config)
