"""Losses as functions: targets and predictions in, one value per sample out (the last axis is averaged)."""

import math
from typing import Any

from pronghorn import ops
from pronghorn.backend import dtypes
from pronghorn.backend.settings import epsilon
from pronghorn.losses.loss import as_tensor, backend_of, pair


def _fit(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets and predictions as comparable tensors; raise `ValueError` naming both shapes where they do not fit."""
    y_true, y_pred = pair(y_true, y_pred)
    for a, b in zip(reversed(y_true.shape), reversed(y_pred.shape)):
        if isinstance(a, int) and isinstance(b, int) and a != b and 1 not in (a, b):
            raise ValueError(f"{name}: targets of shape {tuple(y_true.shape)} do not fit predictions of shape {tuple(y_pred.shape)}.")
    return y_true, y_pred


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean of squared differences over the last axis.

    Example:
        >>> mean_squared_error([[1.0, 2.0]], [[2.0, 4.0]])
        array([2.5], dtype=float32)
    """
    y_true, y_pred = _fit("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean of absolute differences over the last axis.

    Example:
        >>> mean_absolute_error([[1.0, 2.0]], [[2.0, 4.0]])
        array([1.5], dtype=float32)
    """
    y_true, y_pred = _fit("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Mean absolute difference relative to the target, in percent.

    Example:
        >>> mean_absolute_percentage_error([[10.0]], [[9.0]])
        array([10.], dtype=float32)
    """
    y_true, y_pred = _fit("mean_absolute_percentage_error", y_true, y_pred)
    relative = ops.abs(ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.abs(y_true), epsilon())))
    return ops.multiply(ops.mean(relative, axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean squared difference of `log(1 + y)`; values below zero count as zero."""
    y_true, y_pred = _fit("mean_squared_logarithmic_error", y_true, y_pred)
    difference = ops.subtract(ops.log1p(ops.maximum(y_pred, epsilon())), ops.log1p(ops.maximum(y_true, epsilon())))
    return ops.mean(ops.square(difference), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Half the squared difference up to `delta`, linear beyond (Huber 1964).

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
        array([1.5], dtype=float32)
    """
    y_true, y_pred = _fit("huber", y_true, y_pred)
    error = ops.abs(ops.subtract(y_pred, y_true))
    inside = ops.multiply(ops.square(error), 0.5)
    outside = ops.subtract(ops.multiply(error, delta), 0.5 * delta * delta)
    return ops.mean(ops.where(ops.less_equal(error, delta), inside, outside), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean of `log(cosh(difference))`: about half the square near zero and the absolute value far away."""
    y_true, y_pred = _fit("log_cosh", y_true, y_pred)
    d = ops.subtract(y_pred, y_true)
    return ops.mean(ops.subtract(ops.logaddexp(d, ops.negative(d)), math.log(2.0)), axis=-1)


def _signs(y_true: Any) -> Any:
    """Turn targets 0 and 1 into -1 and 1, where there are no others."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean of `max(1 - y_true * y_pred, 0)`; targets are -1 and 1, or 0 and 1.

    Example:
        >>> hinge([[-1.0, 1.0]], [[-2.0, 0.5]])
        array([0.25], dtype=float32)
    """
    y_true, y_pred = _fit("hinge", y_true, y_pred)
    return ops.mean(ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean of the squared hinge."""
    y_true, y_pred = _fit("squared_hinge", y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(ops.subtract(1.0, ops.multiply(_signs(y_true), y_pred)), 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Margin by which the best wrong class comes within one of the right one; targets are one-hot."""
    y_true, y_pred = _fit("categorical_hinge", y_true, y_pred)
    positive = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    negative = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(negative, positive), 1.0), 0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Kullback-Leibler divergence `sum(y_true * log(y_true / y_pred))` over the last axis."""
    y_true, y_pred = _fit("kl_divergence", y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, epsilon(), 1.0), ops.clip(y_pred, epsilon(), 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Negative log-likelihood of counts, up to a constant: mean of `y_pred - y_true * log(y_pred)`."""
    y_true, y_pred = _fit("poisson", y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, epsilon())))), axis=-1)


def _unit(x: Any, axis: Any) -> Any:
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Negative cosine of the angle between targets and predictions: -1 where they point the same way.

    Example:
        >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]])
        array([-1.], dtype=float32)
    """
    y_true, y_pred = _fit("cosine_similarity", y_true, y_pred)
    return ops.negative(ops.sum(ops.multiply(_unit(y_true, axis), _unit(y_pred, axis)), axis=axis))


# -- cross-entropies -----------------------------------------------------------------------------------------------------------------------
def _check_smoothing(name: str, label_smoothing: Any) -> None:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be between 0 and 1; received {label_smoothing}.")


def _check_classes(name: str, y_pred: Any) -> None:
    if y_pred.shape and y_pred.shape[-1] == 1:
        import warnings

        warnings.warn(
            f"{name}: the predictions have shape {tuple(y_pred.shape)}, one class only, so the loss is always zero. "
            "Use binary_crossentropy, or an output of two or more classes.",
            stacklevel=4,
        )


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Cross-entropy of one-hot (or soft) targets and predicted probabilities, or logits.

    Args:
        y_true: targets, of the shape of `y_pred`.
        y_pred: probabilities, or logits with `from_logits`.
        from_logits: whether `y_pred` comes before the softmax.
        label_smoothing: share of each target spread evenly over all classes.
        axis: axis of the classes.
    """
    _check_smoothing("categorical_crossentropy", label_smoothing)
    y_true, y_pred = _fit("categorical_crossentropy", y_true, y_pred)
    _same_shape("categorical_crossentropy", y_true, y_pred)
    _check_classes("categorical_crossentropy", y_pred)
    if label_smoothing:
        n = y_pred.shape[axis]
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / n)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def _same_shape(name: str, y_true: Any, y_pred: Any) -> None:
    a, b = tuple(y_true.shape), tuple(y_pred.shape)
    if len(a) != len(b) or any(isinstance(i, int) and isinstance(j, int) and i != j for i, j in zip(a, b)):
        hint = " For class numbers as targets use sparse_categorical_crossentropy." if name.startswith("categorical") and len(a) and a[-1] == 1 else ""
        raise ValueError(f"{name}: targets of shape {a} must have the shape of the predictions, {b}.{hint}")


def other_class(labels: Any, ignore_class: int) -> Any:
    """Return where class numbers differ from `ignore_class`, which their dtype may be too small to hold."""
    small = ops.dtype_of(labels) in ("bool", "int8", "int16", "uint8", "uint16")
    return ops.not_equal(ops.cast(labels, "int32") if small else labels, ignore_class)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1) -> Any:
    """Cross-entropy of class numbers and predicted probabilities, or logits.

    Args:
        y_true: class numbers, of the shape of `y_pred` without `axis` (or with size one there).
        y_pred: probabilities, or logits with `from_logits`.
        from_logits: whether `y_pred` comes before the softmax.
        ignore_class: class number whose samples count as zero.
        axis: axis of the classes.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        array([0.6931472], dtype=float32)
    """
    b = backend_of(y_pred, y_true)
    y_true, y_pred = as_tensor(y_true, b), as_tensor(y_pred, b)
    if ops.dtype_of(y_pred) not in dtypes.INEXACT:
        y_pred = ops.cast(y_pred, dtypes.SETTINGS.floatx)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1 and len(y_true.shape) > 1:
        y_true = ops.squeeze(y_true, -1)
    a = axis % len(y_pred.shape) if y_pred.shape else 0
    rest = tuple(y_pred.shape[:a]) + tuple(y_pred.shape[a + 1 :])
    found = tuple(y_true.shape)
    if len(found) != len(rest) or any(isinstance(i, int) and isinstance(j, int) and i != j for i, j in zip(found, rest)):
        hint = " For one-hot targets use categorical_crossentropy." if found == tuple(y_pred.shape) else ""
        raise ValueError(
            f"sparse_categorical_crossentropy: targets of shape {found} do not fit predictions of shape {tuple(y_pred.shape)}: "
            f"expected class numbers of shape {rest}.{hint}"
        )
    if ops.dtype_of(y_true) not in dtypes.INTEGER:
        y_true = ops.cast(y_true, "int32")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    valid = other_class(y_true, ignore_class)
    losses = ops.sparse_categorical_crossentropy(ops.where(valid, y_true, 0), y_pred, from_logits=from_logits, axis=axis)
    return ops.where(valid, losses, 0.0)


def _smooth_binary(y_true: Any, label_smoothing: float) -> Any:
    return ops.add(ops.multiply(y_true, 1.0 - label_smoothing), 0.5 * label_smoothing) if label_smoothing else y_true


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Cross-entropy of targets 0 and 1 and predicted probabilities (or logits), averaged over `axis`.

    Example:
        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
        array([0.6931472], dtype=float32)
    """
    _check_smoothing("binary_crossentropy", label_smoothing)
    y_true, y_pred = _fit("binary_crossentropy", y_true, y_pred)
    _same_shape("binary_crossentropy", y_true, y_pred)
    y_true = _smooth_binary(y_true, label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy that gives easy examples less weight (Lin et al. 2017).

    Args:
        y_true, y_pred: targets 0 and 1, and probabilities or logits.
        apply_class_balancing: whether class 1 is weighted with `alpha` and class 0 with `1 - alpha`.
        alpha: weight of class 1.
        gamma: how much less easy examples count; 0 gives the plain cross-entropy.
        from_logits, label_smoothing, axis: as in `binary_crossentropy`.
    """
    y_true, y_pred = _fit("binary_focal_crossentropy", y_true, y_pred)
    _same_shape("binary_focal_crossentropy", y_true, y_pred)
    y_true = _smooth_binary(y_true, label_smoothing)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    entropy = ops.binary_crossentropy(y_true, p, from_logits=False)
    q = ops.subtract(1.0, y_true)
    right = ops.add(ops.multiply(y_true, p), ops.multiply(q, ops.subtract(1.0, p)))
    focal = ops.multiply(ops.power(ops.subtract(1.0, right), gamma), entropy)
    if apply_class_balancing:
        focal = ops.multiply(ops.add(ops.multiply(y_true, alpha), ops.multiply(q, 1.0 - alpha)), focal)
    return ops.mean(focal, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Categorical cross-entropy that gives easy examples less weight (Lin et al. 2017); `alpha` is one weight or one per class."""
    y_true, y_pred = _fit("categorical_focal_crossentropy", y_true, y_pred)
    _same_shape("categorical_focal_crossentropy", y_true, y_pred)
    _check_classes("categorical_focal_crossentropy", y_pred)
    if label_smoothing:
        y_true = ops.add(ops.multiply(y_true, 1.0 - label_smoothing), label_smoothing / y_pred.shape[axis])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    p = ops.clip(p, epsilon(), 1.0 - epsilon())
    entropy = ops.negative(ops.multiply(y_true, ops.log(p)))
    weight = ops.power(ops.subtract(1.0, p), gamma)
    weight = ops.multiply(weight, alpha if isinstance(alpha, (int, float)) else as_tensor(alpha, backend_of(y_pred), ops.dtype_of(y_pred)))
    return ops.sum(ops.multiply(weight, entropy), axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p**q) / q` of the probability `p` of the true class number: less sensitive to wrong labels (Zhang and Sabuncu 2018)."""
    b = backend_of(y_pred, y_true)
    y_true, y_pred = as_tensor(y_true, b), as_tensor(y_pred, b)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=ops.dtype_of(y_pred))
    p = ops.sum(ops.multiply(y_pred, hot), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


# -- overlap of sets -----------------------------------------------------------------------------------------------------------------------
def _overlap(name: str, y_true: Any, y_pred: Any, axis: Any) -> tuple[Any, Any, Any]:
    y_true, y_pred = _fit(name, y_true, y_pred)
    axis = list(axis) if isinstance(axis, (list, tuple)) else axis
    intersection = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    return intersection, ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """One minus the Dice coefficient `2 |A and B| / (|A| + |B|)`; over all elements, or over `axis`."""
    both, a, b = _overlap("dice", y_true, y_pred, axis)
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), ops.add(ops.add(a, b), epsilon())))


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """One minus the Tversky index (Salehi et al. 2017): Dice with `alpha` for what is missed and `beta` for what is predicted too much, as Keras computes it.

    Example:
        >>> round(float(tversky([[1.0, 1.0]], [[1.0, 0.0]], alpha=1.0, beta=0.0)), 4)
        0.5
    """
    both, a, b = _overlap("tversky", y_true, y_pred, axis)
    bottom = ops.add(ops.add(both, ops.multiply(ops.subtract(a, both), alpha)), ops.multiply(ops.subtract(b, both), beta))
    return ops.subtract(1.0, ops.divide(both, ops.add(bottom, epsilon())))


# -- metric learning and sequences ---------------------------------------------------------------------------------------------------------
def circle(
    y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None, remove_diagonal: bool = True, gamma: float = 80, margin: float = 0.4
) -> Any:
    """Circle loss of L2-normalised embeddings: pulls embeddings of one class together, pushes others apart (Sun et al. 2020).

    Args:
        y_true: class numbers (n,).
        y_pred: embeddings (n, d) of length one.
        ref_labels, ref_embeddings: what to compare with; the batch itself by default.
        remove_diagonal: whether an embedding is not compared with itself.
        gamma: scale.
        margin: how far pairs have to be apart.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    name = ops.dtype_of(y_pred)
    y_true = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
    labels = y_true if ref_labels is None else ops.reshape(ops.cast(ref_labels, "int32"), (-1, 1))
    others = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    similarity = ops.minimum(ops.matmul(y_pred, ops.transpose(others)), 1.0)
    same = ops.equal(y_true, ops.transpose(labels))
    different = ops.logical_not(same)
    if remove_diagonal:
        rows, columns = ops.shape(same)
        same = ops.logical_and(same, ops.not_equal(ops.expand_dims(ops.arange(rows), 1), ops.arange(columns)))
    s = ops.stop_gradient(similarity)
    low = -1e9
    positive = ops.multiply(ops.multiply(ops.relu(ops.subtract(1.0 + margin, s)), ops.subtract(similarity, 1.0 - margin)), -gamma)
    negative = ops.multiply(ops.multiply(ops.relu(ops.add(s, margin)), ops.subtract(similarity, margin)), gamma)
    positive = ops.logsumexp(ops.where(same, positive, low), axis=1)
    negative = ops.logsumexp(ops.where(different, negative, low), axis=1)
    return ops.cast(ops.softplus(ops.add(positive, negative)), name)


def ctc(y_true: Any, y_pred: Any) -> Any:
    """Connectionist temporal classification (Graves et al. 2006): logits (n, time, classes), labels (n, length) where 0 is blank and pads."""
    b = backend_of(y_pred, y_true)
    y_true, y_pred = as_tensor(y_true, b), as_tensor(y_pred, b)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            f"ctc: expected labels of shape (batch, length) and logits of shape (batch, time, classes); "
            f"received {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    y_true = ops.cast(y_true, "int32")
    target_length = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=1)
    n, time = ops.shape(y_pred)[:2]
    output_length = ops.multiply(ops.ones_like(target_length), time)
    return ops.ctc_loss(y_true, y_pred, target_length, output_length, mask_index=0)


__all__ = [
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "categorical_hinge", "circle", "cosine_similarity", "ctc", "dice", "hinge", "huber", "kl_divergence",
    "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson",
    "sparse_categorical_crossentropy", "squared_hinge", "tversky",
]  # fmt: skip
