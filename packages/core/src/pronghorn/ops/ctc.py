"""Connectionist temporal classification (Graves et al., 2006): labels for sequences without an alignment."""

from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.op import op
from pronghorn.ops.control import scan
from pronghorn.ops.creation import arange, cast, convert_to_tensor, dtype_of, full, ndim, ones, shape, zeros
from pronghorn.ops.nn import log_softmax, one_hot

__all__ = ["ctc_decode", "ctc_loss"]

#: stands for the logarithm of zero: finite, so that sums and gradients stay so
_NEVER = -1e30
#: the loss of labels that no alignment of that length gives
_IMPOSSIBLE = 1e5


def _either(a: Any, b: Any) -> Any:
    """`log(exp(a) + exp(b))` of logarithms, of which none is infinite."""
    high, gap = p.maximum(a, b), p.subtract(a, b)
    return p.add(high, p.log1p(p.exp(p.where(p.less(gap, 0), gap, p.negative(gap)))))


def _floats(x: Any) -> Any:
    name = dtype_of(x)
    return cast(x, name if name in ("float32", "float64") else "float32")


def _scores(name: str, x: Any) -> tuple[Any, tuple]:
    """Return the inputs in at least float32, and their shape."""
    dims = shape(x)
    if len(dims) != 3 or not isinstance(dims[2], int):
        raise ValueError(f"{name}: expected scores (batch, time, classes) of a known number of classes; received shape {show(dims)}.")
    return _floats(x), dims


def _blank(name: str, mask_index: Any, classes: int) -> int:
    if mask_index is None:
        return 0
    if isinstance(mask_index, bool) or not isinstance(mask_index, (int, np.integer)) or not -classes <= mask_index < classes:
        raise ValueError(f"{name}: mask_index must be the number of one of {classes} classes; received {mask_index!r}.")
    return int(mask_index) % classes


def _by_time(x: Any) -> Any:
    """Exchange batch and time."""
    return p.transpose(x, (1, 0, *range(2, ndim(x))))


def _moved(x: Any, n: int, fill: float) -> Any:
    """Move the last axis up by `n` elements."""
    dims = shape(x)
    wide = p.pad(x, ((0, 0), (n, 0)), fill)
    return p.slice(wide, (0, 0), dims, (1, 1))


# -- loss ----------------------------------------------------------------------------------------------------------------------------------
@op(operands="target output target_length output_length")
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """Return minus the logarithm of the probability of labels, summed over every way to spread them over time.

    Args:
        target: (batch, labels) class numbers; those from `target_length` on do not matter.
        output: (batch, time, classes) logits.
        target_length: (batch,) numbers of labels.
        output_length: (batch,) numbers of time steps.
        mask_index: the class that stands for no label.

    Returns:
        (batch,) losses; 100000, without gradient, for labels that do not fit into the time.

    Raises:
        ValueError: ranks or sizes that do not fit.

    Example:
        >>> print(ctc_loss([[1]], [[[0.0, 0.0], [0.0, 0.0]]], [1], [2]).round(4))
        [0.2877]
    """
    scores, (batch, _, classes) = _scores("ctc_loss", output)
    labels = shape(target)
    if len(labels) != 2 or not same_dim(labels[0], batch):
        raise ValueError(f"ctc_loss: expected target of shape (batch, labels) for an output of shape {show(shape(output))}; received {show(labels)}.")
    blank = _blank("ctc_loss", mask_index, classes)
    n = labels[1]
    states = n * 2 + 1
    # blank, label, blank, label, ..., blank
    label = p.minimum(p.maximum(cast(target, "int32"), 0), classes - 1)
    pairs = p.reshape(p.pad(p.reshape(p.subtract(label, blank), (batch, n, 1)), ((0, 0), (0, 0), (1, 0)), 0), (batch, n * 2))
    line = p.add(p.pad(pairs, ((0, 0), (0, 1)), 0), blank)
    # a blank may be left out between labels that differ
    jump = p.logical_and(p.logical_not(p.equal(line, blank)), p.logical_not(p.equal(line, p.add(_moved(p.subtract(line, blank), 2, 0), blank))))
    every = p.take_along_axis(log_softmax(scores, -1), p.reshape(line, (batch, 1, states)), 2)
    ends = cast(output_length, "int32")

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        now, alpha = carry
        reached = _either(alpha, _moved(alpha, 1, _NEVER))
        reached = p.where(jump, _either(reached, _moved(alpha, 2, _NEVER)), reached)
        inside = p.reshape(p.less(now, ends), (batch, 1))
        return (p.add(now, 1), p.where(inside, p.maximum(p.add(reached, x), _NEVER), alpha)), ()

    first = p.reshape(p.equal(arange(states, dtype="int32"), 0), (1, states))
    start = p.add(p.multiply(zeros((batch, 1), dtype_of(scores)), 0.0), p.where(first, 0.0, cast(_NEVER, dtype_of(scores))))
    _, alpha = scan(step, (p.multiply(ends, 0), start), _by_time(every))[0]
    last = p.reshape(p.multiply(cast(target_length, "int32"), 2), (batch, 1))
    total = p.take_along_axis(alpha, last, 1)
    before = p.take_along_axis(alpha, p.maximum(p.subtract(last, 1), 0), 1)
    total = p.reshape(p.where(p.less(0, last), _either(total, before), total), (batch,))
    loss = p.where(p.less(total, _NEVER / 10), _IMPOSSIBLE, p.negative(total))
    return loss if dtype_of(output) not in dtypes.FLOAT else cast(loss, dtype_of(output))


# -- decoding ------------------------------------------------------------------------------------------------------------------------------
@op(operands="inputs sequence_lengths")
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple:
    """Return the most likely labels.

    Args:
        inputs: (batch, time, classes) logits.
        sequence_lengths: (batch,) numbers of time steps.
        strategy: "greedy" takes the best class of each step; "beam_search" sums over alignments and keeps the best prefixes.
        beam_width: number of prefixes kept.
        top_paths: number of results of the beam search, at most `beam_width`.
        merge_repeated: whether the greedy strategy merges neighbouring equal classes. The beam search always does.
        mask_index: the class that stands for no label.

    Returns:
        The labels, int32 (results, batch, time), filled up with -1, and scores (batch, results): logarithms of
        probabilities for the beam search, minus the sum of the largest inputs for the greedy strategy, which has one result.

    Raises:
        ValueError: an unknown strategy, or more results than prefixes.

    Example:
        >>> labels, scores = ctc_decode([[[0.0, 9.0], [0.0, 9.0], [9.0, 0.0]]], [3])
        >>> labels.tolist()
        [[[1, -1, -1]]]
    """
    scores, dims = _scores("ctc_decode", inputs)
    blank = _blank("ctc_decode", mask_index, dims[2])
    lengths = cast(sequence_lengths, "int32")
    if strategy == "greedy":
        return _greedy(scores, dims, lengths, bool(merge_repeated), blank)
    if strategy == "beam_search":
        if not 1 <= top_paths <= beam_width:
            raise ValueError(f"ctc_decode: top_paths must be between 1 and beam_width; received {top_paths} and {beam_width}.")
        return _beam_search(scores, dims, lengths, int(beam_width), int(top_paths), blank)
    raise ValueError(f'ctc_decode: strategy must be "greedy" or "beam_search"; received {strategy!r}.')


def _greedy(scores: Any, dims: tuple, lengths: Any, merge: bool, blank: int) -> tuple:
    batch, time, _ = dims
    best, top = p.argmax(scores, 2), p.max(scores, (2,), False)
    at = p.reshape(arange(time, dtype="int32"), (1, time))
    inside = p.less(at, p.reshape(lengths, (batch, 1)))
    keep = p.logical_and(inside, p.logical_not(p.equal(best, blank)))
    if merge:
        keep = p.logical_and(keep, p.logical_not(p.equal(best, p.subtract(_moved(p.add(best, 1), 1, 0), 1))))
    count = p.sum(cast(keep, "int32"), (1,), True)
    order = p.argsort(cast(p.logical_not(keep), "int32"), 1)  # stable, so labels stay in order
    labels = p.where(p.less(at, count), p.take_along_axis(best, order, 1), -1)
    score = p.negative(p.sum(p.where(inside, top, 0.0), (1,), True))
    return p.reshape(labels, (1, batch, time)), score


# prefixes are compared by two hashes of 32 bits each, taken in arithmetic that wraps
_FACTORS = (0x01000193, 0x5BD1E995)


def _hashes(old: tuple, label: Any) -> tuple:
    return tuple(p.add(p.multiply(h, f), p.add(label, 1)) for h, f in zip(old, _FACTORS, strict=True))


def _beam_search(scores: Any, dims: tuple, lengths: Any, width: int, paths: int, blank: int) -> tuple:
    """Prefix beam search: a prefix has two scores, of alignments that end in a blank and of those that end in its last label."""
    batch, time, classes = dims
    name = dtype_of(scores)
    blanks = convert_to_tensor((np.arange(classes) == blank).reshape(1, 1, -1))
    grown = np.arange(width * (classes + 1)) - width  # candidates: all prefixes as they are, then each with each class
    origin_of = convert_to_tensor(np.where(grown < 0, np.arange(grown.size), grown // classes).astype("int32"))
    class_of = convert_to_tensor(np.where(grown < 0, -1, grown % classes).astype("int32"))
    position = p.reshape(arange(time, dtype="int32"), (1, 1, time))

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        now, ended, open_, last, size, own, parent, path = carry
        either = _either(ended, open_)
        alive = p.logical_and(p.less(_NEVER / 10, either), p.less(0, size))
        row = p.reshape(x, (batch, 1, classes))
        at = p.maximum(last, 0)
        # as they are
        as_blank = p.add(either, p.slice(x, (0, blank), (batch, blank + 1), (1, 1)))
        as_same = p.where(p.less(last, 0), _NEVER, p.add(open_, p.take_along_axis(x, at, 1)))
        # with one more label: the last one again only after a blank
        again = p.equal(p.reshape(last, (batch, width, 1)), convert_to_tensor(np.arange(classes).astype("int32").reshape(1, 1, -1)))
        more = p.add(p.where(again, p.reshape(ended, (batch, width, 1)), p.reshape(either, (batch, width, 1))), row)
        more = p.where(blanks, _NEVER, more)
        # a longer prefix that is there already takes the score
        same = p.reshape(alive, (batch, 1, width))
        for h, g in zip(own, parent, strict=True):
            same = p.logical_and(same, p.equal(p.reshape(h, (batch, width, 1)), p.reshape(g, (batch, 1, width))))
        gain = p.take_along_axis(more, p.reshape(at, (batch, 1, width)), 2)
        as_same = _either(as_same, p.max(p.where(same, gain, _NEVER), (1,), False))
        taken = p.less(0.5, p.matmul(cast(same, name), one_hot(last, classes, dtype=name)))
        more = p.reshape(p.where(taken, _NEVER, more), (batch, width * classes))
        # the best of all
        total = p.concatenate([_either(as_blank, as_same), more], 1)
        _, found = p.top_k(p.maximum(total, _NEVER), width)
        nothing = p.add(p.multiply(more, 0.0), _NEVER)
        new_ended = p.take_along_axis(p.concatenate([as_blank, nothing], 1), found, 1)
        new_open = p.take_along_axis(p.concatenate([as_same, more], 1), found, 1)
        origin, label = p.take(origin_of, found, 0), p.take(class_of, found, 0)
        longer = p.less(-1, label)
        olds = [p.take_along_axis(v, origin, 1) for v in (last, size, *own, *parent)]
        last2, size2, own2, parent2 = olds[0], olds[1], tuple(olds[2:4]), tuple(olds[4:])
        rows = p.take_along_axis(path, p.reshape(origin, (batch, width, 1)), 1)
        end = p.logical_and(p.reshape(longer, (batch, width, 1)), p.equal(position, p.reshape(size2, (batch, width, 1))))
        new = (
            p.maximum(new_ended, _NEVER),
            p.maximum(new_open, _NEVER),
            p.where(longer, label, last2),
            p.add(size2, cast(longer, "int32")),
            tuple(p.where(longer, h, o) for h, o in zip(_hashes(own2, label), own2, strict=True)),
            tuple(p.where(longer, o, g) for o, g in zip(own2, parent2, strict=True)),
            p.where(end, p.reshape(label, (batch, width, 1)), rows),
        )
        inside = p.reshape(p.less(now, lengths), (batch, 1))
        kept = (ended, open_, last, size, own, parent, path)
        return (p.add(now, 1), *(_chosen(inside, a, b) for a, b in zip(new, kept, strict=True))), ()

    zero = p.multiply(p.reshape(lengths, (batch, 1)), zeros((1, width), "int32"))
    first = p.reshape(p.equal(arange(width, dtype="int32"), 0), (1, width))
    none = p.add(cast(zero, name), _NEVER)
    empty = p.add(p.multiply(p.reshape(zero, (batch, width, 1)), ones((1, 1, time), "int32")), -1)
    start = (p.multiply(lengths, 0), p.where(first, 0.0, none), none, p.add(zero, -1), zero, (zero, zero), (zero, zero), empty)
    carry, _ = scan(step, start, _by_time(log_softmax(scores, -1)))
    _, ended, open_, *_, path = carry
    best, found = p.top_k(_either(ended, open_), paths)
    dead = p.less(best, _NEVER / 10)
    labels = p.take_along_axis(path, p.reshape(found, (batch, paths, 1)), 1)
    labels = p.where(p.reshape(dead, (batch, paths, 1)), -1, labels)
    return p.transpose(labels, (1, 0, 2)), p.where(dead, full((), -np.inf, name), best)


def _chosen(flag: Any, a: Any, b: Any) -> Any:
    """Where `flag` (batch, 1) holds `a`, else `b`; tensors with batch and more axes, or tuples of them."""
    if isinstance(a, tuple):
        return tuple(_chosen(flag, i, j) for i, j in zip(a, b, strict=True))
    dims = shape(a)
    return p.where(p.reshape(flag, (dims[0], *(1,) * (len(dims) - 1))), a, b)
