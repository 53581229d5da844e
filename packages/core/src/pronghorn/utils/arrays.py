"""Small helpers on host arrays."""

from typing import Any

import numpy as np

from pronghorn.backend.owners import owner, unwrap


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return integer labels as one-hot vectors.

    Args:
        x: integers, of any shape; a trailing axis of size one is dropped. Host data gives a NumPy array, a tensor gives a tensor.
        num_classes: size of the new axis; the largest label plus one by default.

    Raises:
        ValueError: labels outside `0 .. num_classes - 1`.

    Example:
        >>> to_categorical([0, 2]).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    x = unwrap(x)
    if owner(type(x)) is not None:
        from pronghorn.ops import max as largest
        from pronghorn.ops import one_hot, squeeze

        if num_classes is None:
            num_classes = int(np.asarray(owner(type(x)).convert_to_numpy(largest(x)))) + 1
        return one_hot(squeeze(x, -1) if len(x.shape) > 1 and x.shape[-1] == 1 else x, num_classes)
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    size = int(labels.max()) + 1 if num_classes is None and labels.size else int(num_classes or 0)
    if labels.size and (labels.min() < 0 or labels.max() >= size):
        raise ValueError(f"to_categorical: labels run from {labels.min()} to {labels.max()}; with num_classes={size} they must be in 0 to {size - 1}.")
    return (labels[..., None] == np.arange(size)).astype("float32")


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Divide by the norm of each vector along `axis`; zero vectors stay zero.

    Example:
        >>> normalize([[3.0, 4.0]]).tolist()
        [[0.6, 0.8]]
    """
    if owner(type(unwrap(x))) is not None:
        from pronghorn import ops

        return ops.normalize(x, axis=axis, order=order)
    array = np.atleast_1d(np.asarray(x))
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm)


def pad_sequences(
    sequences: Any, maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre", value: Any = 0.0
) -> np.ndarray:
    """Return sequences of different lengths as one array.

    Args:
        sequences: list of sequences; steps may be arrays of one shape.
        maxlen: length of the result; the longest sequence by default.
        dtype: dtype of the result.
        padding, truncating: "pre" or "post": where padding goes and where long sequences are cut.
        value: what pads.

    Example:
        >>> pad_sequences([[1], [2, 3]]).tolist()
        [[0, 1], [2, 3]]
    """
    for name, where in (("padding", padding), ("truncating", truncating)):
        if where not in ("pre", "post"):
            raise ValueError(f'pad_sequences: {name} must be "pre" or "post"; received {where!r}.')
    if not hasattr(sequences, "__len__") or any(not hasattr(s, "__len__") for s in sequences):
        raise ValueError("pad_sequences: expected a list of sequences.")
    arrays = [np.asarray(s) for s in sequences]
    step = next((a.shape[1:] for a in arrays if len(a)), ())
    length = max((len(a) for a in arrays), default=0) if maxlen is None else maxlen
    out = np.full((len(arrays), length, *step), value, dtype)
    for row, a in zip(out, arrays, strict=True):
        if not len(a) or not length:
            continue
        if a.shape[1:] != step:
            raise ValueError(f"pad_sequences: steps have shapes {step} and {a.shape[1:]}; they must be the same.")
        cut = a[-length:] if truncating == "pre" else a[:length]
        row[(length - len(cut)) if padding == "pre" else 0 :][: len(cut)] = cut
    return out


def is_keras_tensor(x: Any) -> bool:
    """Tell whether `x` is a symbolic tensor.

    Example:
        >>> is_keras_tensor(3)
        False
    """
    from pronghorn.symbolic.spec import Spec

    return isinstance(x, Spec)
