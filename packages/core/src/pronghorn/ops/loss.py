"""Cross-entropies between targets and predictions."""

from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend import settings
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.ops.axes import canonical_axis
from pronghorn.ops.creation import cast, dtype_of, ndim, shape
from pronghorn.ops.elementwise import clip
from pronghorn.ops.nn import log_softmax, softplus

__all__ = ["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]


def _one_shape(name: str, target: Any, output: Any) -> None:
    a, b = shape(target), shape(output)
    if len(a) != len(b) or not all(same_dim(i, j) for i, j in zip(a, b, strict=True)):
        raise ValueError(f"{name}: target and output must have one shape; received {show(a)} and {show(b)}.")


def _inside(output: Any) -> Any:
    """Limit probabilities so that their logarithms stay finite."""
    return clip(output, settings.epsilon(), 1.0 - settings.epsilon())


@op(operands="target output", dtype=floating)
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return the cross-entropy of each element, a probability or logit against a target between 0 and 1.

    Args:
        target: tensor.
        output: probabilities, which are kept `epsilon` away from 0 and 1, or logits; the target's shape.
        from_logits: which of the two.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> binary_crossentropy([1.0, 0.0], [0.0, 0.0], from_logits=True)
        array([0.6931472, 0.6931472], dtype=float32)
    """
    _one_shape("binary_crossentropy", target, output)
    if from_logits:
        return p.subtract(softplus(output), p.multiply(target, output))
    name = dtype_of(output)
    if name in ("float16", "bfloat16"):  # there, 1 - epsilon is 1
        target, output = cast(target, "float32"), cast(output, "float32")
    output = _inside(output)
    likelihood = p.add(p.multiply(target, p.log(output)), p.multiply(p.subtract(1.0, target), p.log(p.subtract(1.0, output))))
    return cast(p.negative(likelihood), name)


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return log_softmax(output, axis)
    return p.log(_inside(p.divide(output, p.sum(output, (axis,), True))))


@op(operands="target output", dtype=floating)
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return the cross-entropy of distributions along an axis.

    Args:
        target: probabilities, such as one-hot vectors.
        output: probabilities, which are normalised and kept `epsilon` away from 0 and 1, or logits; the target's shape.
        from_logits: which of the two.
        axis: the axis of classes.

    Raises:
        ValueError: the shapes differ, or the tensors are scalars.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.0, 0.0]], from_logits=True)
        array([0.6931472], dtype=float32)
    """
    _one_shape("categorical_crossentropy", target, output)
    if not shape(target):
        raise ValueError("categorical_crossentropy: target and output need at least one axis.")
    a = canonical_axis("categorical_crossentropy", axis, ndim(output))
    return p.negative(p.sum(p.multiply(target, _log_probabilities(output, from_logits, a)), (a,), False))


@op(operands="target output")
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Return the cross-entropy of class numbers against distributions along an axis.

    Args:
        target: class numbers in the output's shape without the class axis (a last axis of size one is dropped); a number outside gives zero.
        output: probabilities, which are normalised and kept `epsilon` away from 0 and 1, or logits.
        from_logits: which of the two.
        axis: the axis of classes.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.0, 0.0]], from_logits=True)
        array([0.6931472], dtype=float32)
    """
    name = "sparse_categorical_crossentropy"
    dims, labels = shape(output), shape(target)
    if not dims:
        raise ValueError(f"{name}: output needs at least one axis.")
    a = canonical_axis(name, axis, len(dims))
    if len(labels) == len(dims) and labels[-1] == 1:
        target, labels = p.reshape(target, labels[:-1]), labels[:-1]
    rest = dims[:a] + dims[a + 1 :]
    if len(labels) != len(rest) or not all(same_dim(i, j) for i, j in zip(labels, rest, strict=True)):
        raise ValueError(f"{name}: an output of shape {show(dims)} with classes on axis {a} needs a target of shape {show(rest)}; received {show(labels)}.")
    if dtype_of(output) not in ("float16", "bfloat16", "float32", "float64"):
        output = cast(output, settings.floatx())
    index = target if dtype_of(target) in ("int32", "int64") else cast(target, "int32")
    known = p.logical_and(p.less_equal(0, index), p.less(index, dims[a]))
    index = p.reshape(p.where(known, index, 0), (*rest[:a], 1, *rest[a:]))
    log_p = p.take_along_axis(_log_probabilities(output, from_logits, a), index, a)
    return p.where(known, p.negative(p.reshape(log_p, rest)), 0.0)
