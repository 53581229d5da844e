"""The loss given to `compile`: one function, or one per output with weights."""

from collections.abc import Callable
from typing import Any

from pronghorn import losses as losses_module
from pronghorn import ops
from pronghorn.layers.context import get_mask
from pronghorn.losses.loss import Loss
from pronghorn.losses.losses import LossFunctionWrapper
from pronghorn.metrics.reduction import Mean
from pronghorn.training.structure import match, output_items, targets_for


def is_loss(value: Any) -> bool:
    """Tell whether `value` is one loss, as opposed to a list or dict of them."""
    return value is None or isinstance(value, (str, Loss)) or callable(value) or isinstance(value, dict) and "class_name" in value


def get_loss(identifier: Any, y_true: Any, y_pred: Any) -> Loss | None:
    """Return the loss object for what a user gave; "crossentropy" depends on the shapes."""
    if identifier in ("crossentropy", "ce"):
        identifier = f"{kind_of_targets(y_true, y_pred)}_crossentropy"
    found = losses_module.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    kept = found in (losses_module.sparse_categorical_crossentropy,)
    wrapped = LossFunctionWrapper(found, name=getattr(found, "__name__", type(found).__name__))
    if kept or not _is_builtin(found):
        wrapped.keeps_labels = kept  # class numbers stay integers
    return wrapped


def _is_builtin(fn: Callable) -> bool:
    return getattr(fn, "__module__", "").startswith("pronghorn.")


def kind_of_targets(y_true: Any, y_pred: Any) -> str:
    """Return "binary", "sparse_categorical" or "categorical", judging by the shapes of targets and predictions."""
    t, p = tuple(getattr(y_true, "shape", ())), tuple(y_pred.shape)
    if p and p[-1] == 1:
        return "binary"
    if len(t) < len(p) or (len(t) == len(p) and t and t[-1] == 1 and p[-1] != 1):
        return "sparse_categorical"
    return "categorical"


class CompileLoss:
    """The weighted sum of the losses of a model's outputs.

    Args:
        loss: what `compile` got.
        loss_weights: one number per output, as a list or a dict.
        output_names: names of the model's outputs, where it has any.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, reduction: str = "sum_over_batch_size", output_names: list[str] | None = None):
        if not is_loss(loss) and not isinstance(loss, (list, tuple, dict)):
            raise ValueError(f"compile: cannot interpret loss={loss!r}; expected a name, a Loss, a function, or a list or dict of them.")
        _check_names(loss)
        self.loss, self.loss_weights, self.output_names = loss, loss_weights, output_names
        self.reduction = reduction
        self.name = "compile_loss"
        self.built = False
        self.losses: list[Loss | None] = []
        self.weights: list[Any] = []
        self.names: list[str | None] = []
        self.trackers: list[Mean] = []

    @property
    def metrics(self) -> list[Mean]:
        """Means of the single losses, where there are several."""
        return self.trackers

    @property
    def variables(self) -> list[Any]:
        """State of `metrics`."""
        return [v for m in self.trackers for v in m.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Match losses to outputs; called with symbolic tensors or the first batch."""
        items = output_items(y_pred, self.output_names)
        self.names = [n for n, _ in items]
        targets = targets_for(y_true, self.names) if y_true is not None else [None] * len(items)
        given = match(self.loss, self.names, "loss", is_loss, single=True)
        self.losses = [None if g is None else get_loss(g, t, p) for g, t, (_, p) in zip(given, targets, items, strict=True)]
        weights = match(self.loss_weights, self.names, "loss_weights", lambda v: isinstance(v, (int, float)) or hasattr(v, "dtype"), single=True)
        self.weights = weights
        used: list[str] = []
        for n, loss, g in zip(self.names, self.losses, given, strict=True):
            if loss is not None:
                base = n or (g if isinstance(g, str) else loss.name)
                k = sum(u == base or u.rpartition("_")[0] == base and u.rpartition("_")[2].isdigit() for u in used)
                used.append(base if not k else f"{base}_{k}")
        if len(used) > 1:
            self.trackers = [Mean(name=f"{n}_loss") for n in used]
        self.built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the total loss, or None if no output has one."""
        if not self.built:
            self.build(y_true, y_pred)
        items = output_items(y_pred, self.output_names)
        targets = targets_for(y_true, self.names) if y_true is not None else [None] * len(items)
        weights = targets_for(sample_weight, self.names, "sample_weight") if sample_weight is not None else [None] * len(items)
        total, tracker = None, iter(self.trackers)
        for name, (_, p), t, sw, loss, factor in zip(self.names, items, targets, weights, self.losses, self.weights, strict=True):
            if loss is None:
                continue
            ours = isinstance(loss, Loss) and type(loss).__call__ is Loss.__call__
            if ours and t is None:
                of = "" if name is None else f' of output "{name}"'
                raise ValueError(f'The loss "{loss.name}"{of} compares with targets, and the data has none. Pass y, or give batches as (inputs, targets).')
            try:
                value = loss(t, p, sw, mask=get_mask(p)) if ours else loss(t, p, sw)
            except ValueError as error:
                if name is not None and not getattr(error, "_output_noted", False):
                    error.add_note(f'Raised by the loss "{getattr(loss, "name", loss)}" of output "{name}".')
                    error._output_noted = True  # type: ignore[attr-defined]
                raise
            if self.trackers:
                next(tracker).update_state(value, sample_weight=batch_size_of(p))
            if factor is not None:
                value = ops.multiply(value, ops.cast(factor, ops.dtype_of(value)) if not isinstance(factor, (int, float)) else float(factor))
            total = value if total is None else ops.add(total, value)
        return total

    def get_config(self) -> Any:
        """Return what `compile` got."""
        from pronghorn.saving.registry import serialize_keras_object

        return serialize_keras_object(self.loss)


def batch_size_of(x: Any) -> Any:
    """Return the leading size as a float, or as a scalar of floatx where it is not a Python number."""
    dims = ops.shape(x)
    if not dims:
        return 1.0
    if isinstance(dims[0], int):
        return float(dims[0])
    from pronghorn.ops.reduction import cast_count

    return cast_count(dims[0], x) if ops.dtype_of(x).startswith(("float", "bfloat")) else ops.cast(dims[0], "float32")


def _check_names(loss: Any) -> None:
    """Fail on misspelt names in `compile`, not in the first step."""
    if isinstance(loss, str):
        if loss not in ("crossentropy", "ce"):
            losses_module.get(loss)
    elif isinstance(loss, (list, tuple)):
        for v in loss:
            _check_names(v)
    elif isinstance(loss, dict) and "class_name" not in loss:
        for v in loss.values():
            _check_names(v)
