"""The metrics given to `compile`, matched to the model's outputs."""

from typing import Any

from pronghorn import metrics as metrics_module
from pronghorn import ops
from pronghorn.layers.context import get_mask
from pronghorn.losses.losses import LossFunctionWrapper
from pronghorn.metrics.metric import Metric
from pronghorn.metrics.reduction import MeanMetricWrapper
from pronghorn.training.compile_loss import kind_of_targets
from pronghorn.training.structure import match, output_items, targets_for

_BY_SHAPE = {
    "accuracy": {"binary": "BinaryAccuracy", "sparse_categorical": "SparseCategoricalAccuracy", "categorical": "CategoricalAccuracy"},
    "crossentropy": {"binary": "BinaryCrossentropy", "sparse_categorical": "SparseCategoricalCrossentropy", "categorical": "CategoricalCrossentropy"},
}
_ALIASES = {"acc": "accuracy", "ce": "crossentropy"}


def is_metric(value: Any) -> bool:
    """Tell whether `value` is one metric, as opposed to a list or dict of them."""
    return isinstance(value, (str, Metric)) or callable(value) or isinstance(value, dict) and "class_name" in value


def get_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric | None:
    """Return the metric object for what a user gave; "accuracy" and "crossentropy" depend on the shapes."""
    if identifier is None:
        return None
    name = None
    if isinstance(identifier, str):
        name = identifier
        kinds = _BY_SHAPE.get(_ALIASES.get(identifier, identifier))
        if kinds is not None:
            metric = getattr(metrics_module, kinds[kind_of_targets(y_true, y_pred)])()
            metric.name = identifier
            return metric
    found = metrics_module.get(identifier)
    if isinstance(found, Metric):
        if name is not None:
            found.name = name
        return found
    fn: Any = found
    return MeanMetricWrapper(fn, name=fn.name if isinstance(fn, LossFunctionWrapper) else getattr(fn, "__name__", type(fn).__name__))


class CompileMetrics(Metric):
    """All metrics of `compile` as one metric whose result is a dict.

    Args:
        metrics: metrics without sample weights.
        weighted_metrics: metrics with sample weights.
        output_names: names of the model's outputs, where it has any.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any, name: str = "compile_metrics", output_names: list[str] | None = None):
        super().__init__(name=name)
        for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given and not isinstance(given, (list, tuple, dict)):
                raise ValueError(f"compile: {what} must be a list, or a dict by output name; received {given!r} of type {type(given).__name__}.")
            _check_names(given)
        self._given = (metrics, weighted_metrics)
        self.output_names = output_names
        self.built = False
        self.names: list[str | None] = []
        self._sets: tuple[list[list[Metric]], list[list[Metric]]] = ([], [])
        self._used: list[bool] = []

    @property
    def metrics(self) -> list[Metric]:
        """The single metrics."""
        return [m for group in self._sets for per_output in group for m in per_output]

    @property
    def variables(self) -> list[Any]:
        """State of all of them."""
        found: dict[int, Any] = {}
        for m in self.metrics:
            for v in m.variables:
                found.setdefault(id(v), v)
        return list(found.values())

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match metrics to outputs; called with symbolic tensors or the first batch."""
        items = output_items(y_pred, self.output_names)
        self.names = [n for n, _ in items]
        targets = targets_for(y_true, self.names) if y_true is not None else [None] * len(items)
        self._sets = (
            _match(self._given[0], self.names, "metrics", targets, items),
            _match(self._given[1], self.names, "weighted_metrics", targets, items),
        )
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        items = output_items(y_pred, self.output_names)
        targets = targets_for(y_true, self.names) if y_true is not None else [None] * len(items)
        weights = targets_for(sample_weight, self.names, "sample_weight") if sample_weight is not None else [None] * len(items)
        plain, weighted = self._sets
        for i, (_, p) in enumerate(items):
            if not plain[i] and not weighted[i]:
                continue
            mask = get_mask(p)
            for m in plain[i]:
                _update(m, targets[i], p, mask)
            both = weights[i] if mask is None else _combined(weights[i], mask)
            for m in weighted[i]:
                _update(m, targets[i], p, both)

    def reset_state(self) -> None:
        """Start over."""
        if self.built:
            for m in self.metrics:
                m.reset_state()

    def result(self) -> dict[str, Any]:
        """Return results by name; with several outputs, the names begin with the output's."""
        if not self.built:
            raise ValueError("CompileMetrics: no batch was seen yet, so the metrics are not built.")
        results: dict[str, Any] = {}
        prefix = len(self.names) > 1
        for group, weighted in zip(self._sets, (False, True), strict=True):
            for output, per_output in zip(self.names, group, strict=True):
                start = f"{output}_" if prefix and output else ""
                for m in per_output:
                    value = m.result()
                    for key, v in (value if isinstance(value, dict) else {m.name: value}).items():
                        full = f"{start}{key}"
                        if weighted and full in results:
                            full = f"{start}weighted_{key}"
                        base, n = full, 1
                        while full in results:
                            full, n = f"{base}_{n}", n + 1
                        results[full] = v
        return results

    def get_config(self) -> dict[str, Any]:
        """Return what `compile` got."""
        from pronghorn.saving.registry import serialize_keras_object

        return {"metrics": serialize_keras_object(self._given[0]), "weighted_metrics": serialize_keras_object(self._given[1])}


def _update(metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any) -> None:
    if sample_weight is None:
        metric.update_state(y_true, y_pred)
    else:
        metric.update_state(y_true, y_pred, sample_weight=sample_weight)


def _combined(weight: Any, mask: Any) -> Any:
    if weight is None:
        return mask
    mask = ops.cast(mask, "float32")
    weight = ops.cast(weight, "float32")
    missing = len(mask.shape) - len(weight.shape)
    return ops.multiply(mask, ops.reshape(weight, (*ops.shape(weight), *[1] * missing)) if missing > 0 else weight)


def _match(given: Any, names: list[str | None], what: str, targets: list[Any], items: list[tuple]) -> list[list[Metric]]:
    n = len(names)
    if not given:
        return [[] for _ in range(n)]
    if n == 1 and not isinstance(given, dict):
        flat = list(_flatten(given))
        per_output: list[Any] = [flat]
    else:
        per_output = match(given, names, what, lambda v: is_metric(v) or v is None or isinstance(v, (list, tuple)) and v is not given, single=False)
    made = []
    for group, t, (_, p) in zip(per_output, targets, items, strict=True):
        found = [get_metric(m, t, p) for m in _flatten(group)]
        made.append([m for m in found if m is not None])
    return made


def _flatten(given: Any) -> Any:
    if given is None:
        return
    if isinstance(given, (list, tuple)):
        for v in given:
            yield from _flatten(v)
    else:
        yield given


def _check_names(given: Any) -> None:
    """Fail on misspelt names in `compile`, not in the first step."""
    if isinstance(given, str):
        if _ALIASES.get(given, given) not in _BY_SHAPE:
            from pronghorn.utils.identify import lookup

            lookup(given, metrics_module.NAMES, "metric")
    elif isinstance(given, (list, tuple)):
        for v in given:
            _check_names(v)
    elif isinstance(given, dict) and "class_name" not in given:
        for v in given.values():
            _check_names(v)
    elif given is not None and not is_metric(given):
        raise ValueError(f"compile: cannot interpret {given!r} as a metric; expected a name, a Metric, or a function.")
