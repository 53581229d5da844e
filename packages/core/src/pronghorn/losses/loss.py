"""The base class of losses, and how values per sample become one number."""

import math
from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.backend import dtypes, registry
from pronghorn.backend.owners import owner, unwrap
from pronghorn.state.naming import auto_name
from pronghorn.state.tree import map_structure

REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None)


def check_reduction(reduction: Any) -> None:
    """Raise `ValueError` unless `reduction` is one of `REDUCTIONS`."""
    if reduction not in REDUCTIONS:
        from pronghorn.backend.errors import closest

        names = [r for r in REDUCTIONS if isinstance(r, str)]
        raise ValueError(f"Unknown reduction {reduction!r}.{closest(reduction, names)} Use one of {', '.join(names)} or None.")


def backend_of(*values: Any) -> Any:
    """Return the engine of the first native tensor among nests, else the active one."""
    spec = owner(type(values[0]))
    if spec is not None and spec.name != "spec":
        return spec
    stack = list(reversed(values))
    while stack:
        v = stack.pop()
        if isinstance(v, (list, tuple)):
            stack.extend(reversed(v))
            continue
        if isinstance(v, dict):
            stack.extend(v.values())
            continue
        found = owner(type(unwrap(v)))
        if found is not None and found.name != "spec":
            return found
        spec = spec or found
    return registry.active()


def as_tensor(x: Any, backend: Any, dtype: str | None = None) -> Any:
    """Return `x` as a tensor of `backend` (symbolic tensors stay symbolic), cast to `dtype` where one is given."""
    x = unwrap(x)
    own = owner(type(x))
    if own is None:
        return x if backend.host_tensors and dtype is not None and getattr(x, "dtype", None) == dtype else backend.from_host(x, dtype)
    return x if dtype is None or own.dtype(x) == dtype else ops.cast(x, dtype)


def _arrays(value: Any) -> Any:
    """Return lists of numbers as arrays, and nests of tensors as they are."""
    first = value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return np.asarray(value) if isinstance(value, (list, tuple)) and isinstance(first, (bool, int, float)) else value


def same_rank(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Make ranks that differ by one equal where a trailing axis has size one: (n, 1) with (n,) becomes (n, 1) twice."""
    s1, s2 = x1.shape, x2.shape
    if len(s1) == len(s2) + 1 and s1[-1] == 1:
        return (x1, ops.expand_dims(x2, -1)) if len(s2) == 1 else (ops.squeeze(x1, -1), x2)
    if len(s2) == len(s1) + 1 and s2[-1] == 1:
        return (ops.expand_dims(x1, -1), x2) if len(s1) == 1 else (x1, ops.squeeze(x2, -1))
    return x1, x2


def pair(y_true: Any, y_pred: Any, dtype: str | None = None) -> tuple[Any, Any]:
    """Return targets and predictions as tensors of one engine, one float dtype (that of `y_pred`) and one rank."""
    y_pred = unwrap(y_pred)
    b = backend_of(y_pred, y_true)
    y_pred = as_tensor(y_pred, b, dtype)
    name = ops.dtype_of(y_pred)
    if dtype is None and name not in dtypes.INEXACT:
        name = dtypes.SETTINGS.floatx
        y_pred = ops.cast(y_pred, name)
    return same_rank(as_tensor(y_true, b, name), y_pred)


def element_count(x: Any) -> Any:
    """Return the number of elements: an int where the shape is known, else a tensor or symbolic size."""
    return math.prod(ops.shape(x)) if len(ops.shape(x)) else 1


def _divide_by_count(total: Any, n: Any) -> Any:
    if isinstance(n, int):
        return ops.divide(total, float(max(n, 1)))
    from pronghorn.ops.reduction import cast_count

    return ops.divide(total, cast_count(n, total))


def weigh(values: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Multiply `values` by weights, which may lack trailing axes; returns both with broadcastable shapes.

    Raises:
        ValueError: the shapes do not fit.
    """
    values, sample_weight = same_rank(values, sample_weight)
    if not len(values.shape):  # one value for a whole batch, of which each sample has its share
        return ops.multiply(values, sample_weight), sample_weight
    sv, sw = values.shape, sample_weight.shape
    if len(sw) and len(sw) < len(sv):
        sample_weight = ops.reshape(sample_weight, (*ops.shape(sample_weight), *[1] * (len(sv) - len(sw))))
        sw = sample_weight.shape
    if len(sw) > len(sv) or any(_differ(a, b) for a, b in zip(reversed(sv), reversed(sw))):
        raise ValueError(
            f"sample_weight of shape {tuple(sample_weight.shape)} does not fit values of shape {tuple(sv)}: give one weight per sample or per element."
        )
    return ops.multiply(values, sample_weight), sample_weight


def _differ(a: Any, b: Any) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b and b != 1


def reduce_values(values: Any, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size") -> Any:
    """Reduce (already weighted) values to a scalar."""
    if reduction in (None, "none") or not values.shape or tuple(values.shape) == (0,):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(sample_weight))
    n = element_count(values)
    return ops.mean(values) if isinstance(n, int) and n else _divide_by_count(ops.sum(values), n)


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """Combine a mask with weights; for means, masked elements do not count."""
    mask = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        n = element_count(mask)
        if not isinstance(n, int):
            from pronghorn.ops.reduction import cast_count

            n = cast_count(n, mask)
        else:
            n = float(n)
        mask = ops.multiply(mask, ops.divide(n, ops.maximum(ops.sum(mask), 1e-7)))
    if sample_weight is None:
        return mask
    sample_weight = ops.cast(sample_weight, dtype)
    mask, sample_weight = same_rank(mask, sample_weight)
    small, large = sorted((mask, sample_weight), key=lambda t: len(t.shape))
    if 0 < len(small.shape) < len(large.shape):
        small = ops.reshape(small, (*ops.shape(small), *[1] * (len(large.shape) - len(small.shape))))
    return ops.multiply(small, large)


def reduce_weighted_values(
    values: Any, sample_weight: Any = None, mask: Any = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
) -> Any:
    """Weigh, mask and reduce the values of a loss."""
    name = dtype or ops.dtype_of(values)
    values = as_tensor(values, backend_of(values), name)
    if sample_weight is not None:
        sample_weight = as_tensor(sample_weight, backend_of(values), name)
    if mask is not None:
        sample_weight = apply_mask(sample_weight, as_tensor(mask, backend_of(values)), name, reduction)
    if sample_weight is not None:
        values, sample_weight = weigh(values, sample_weight)
    return reduce_values(values, sample_weight, reduction)


class Loss:
    """Base class of losses: implement `call(y_true, y_pred)`, which returns one value per sample.

    Args:
        name: name in logs and messages.
        reduction: "sum_over_batch_size" (or "mean"), "sum", "mean_with_sample_weight" or "none".
        dtype: dtype to compute in, floatx by default; a dtype policy counts with its compute dtype.

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> class Distance(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean(ops.abs(y_true - y_pred), axis=-1)
        >>> float(Distance()([[0.0, 2.0]], [[1.0, 1.0]]))
        1.0
    """

    #: whether integer targets (class numbers) keep their dtype
    keeps_labels = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        check_reduction(reduction)
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self._dtype_given = dtype
        self._dtype = dtypes.SETTINGS.floatx if dtype is None else dtypes.standardize(getattr(dtype, "compute_dtype", dtype))

    @property
    def dtype(self) -> str:
        """The dtype that the loss is computed in."""
        return self._dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value per sample; subclasses implement this."""
        raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, mask: Any = None) -> Any:
        b = backend_of(y_pred, y_true)
        dtype = self._dtype
        y_pred = map_structure(lambda x: as_tensor(x, b, dtype), _arrays(y_pred))
        if self.keeps_labels:
            y_true = map_structure(lambda x: _label(as_tensor(x, b), dtype), _arrays(y_true))
        else:
            y_true = map_structure(lambda x: as_tensor(x, b, dtype), _arrays(y_true))
        if b.name == "spec" or registry.active() is b:
            return self._reduced(y_true, y_pred, sample_weight, mask)
        with registry.use_backend(b.name):
            return self._reduced(y_true, y_pred, sample_weight, mask)

    def valid(self, y_true: Any, y_pred: Any) -> Any:
        """Return which samples count at all, a boolean tensor, or None for all."""
        return None

    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Any:
        values = self.call(y_true, y_pred)
        valid = self.valid(y_true, y_pred)
        if valid is not None:
            mask = valid if mask is None else ops.logical_and(valid, mask)
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make this loss again."""
        config: dict[str, Any] = {"name": self.name, "reduction": self.reduction}
        if self._dtype_given is not None:
            config["dtype"] = self._dtype
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """Make the loss that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _label(x: Any, dtype: str) -> Any:
    name = ops.dtype_of(x)
    return x if name in dtypes.INTEGER or name == dtype else ops.cast(x, dtype)
