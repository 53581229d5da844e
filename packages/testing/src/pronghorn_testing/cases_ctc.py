"""Labels of sequences: losses and decoders against sums over every alignment."""

import itertools

import numpy as np

from pronghorn_testing.case import OpCase, V, X


def _alignments(scores, blank):
    """The probability of each sequence of labels, by adding up the paths that give it."""
    logs = scores.astype("float64") - np.log(np.exp(scores.astype("float64")).sum(-1, keepdims=True))
    found: dict[tuple, float] = {}
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        labels = tuple(c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c))
        found[labels] = found.get(labels, 0.0) + np.exp(sum(row[c] for row, c in zip(logs, path, strict=True)))
    return found


def _loss(target, output, target_length, output_length, mask_index=0):
    rows = zip(target, output, target_length, output_length, strict=True)
    return np.array([-np.log(_alignments(scores[:t], mask_index)[tuple(int(v) for v in labels[:n])]) for labels, scores, n, t in rows])


def _filled(rows, time):
    return np.array([[*labels, *[-1] * (time - len(labels))] for labels in rows], "int32")


def _best(inputs, lengths, strategy, beam_width, top_paths, mask_index=0):
    """What a beam wide enough for all prefixes finds."""
    found = []
    for scores, t in zip(inputs, lengths, strict=True):
        found.append(sorted(_alignments(scores[:t], mask_index).items(), key=lambda item: -item[1])[:top_paths])
    labels = np.stack([_filled([row[i][0] for row in found], inputs.shape[1]) for i in range(top_paths)])
    return labels, np.log([[p for _, p in row] for row in found])


def _greedy(inputs, lengths, merge_repeated=True, mask_index=0):
    rows = []
    for scores, t in zip(inputs, lengths, strict=True):
        path = scores[:t].argmax(-1)
        rows.append([c for i, c in enumerate(path) if c != mask_index and (not merge_repeated or i == 0 or path[i - 1] != c)])
    sums = [[-scores[:t].max(-1).sum()] for scores, t in zip(inputs, lengths, strict=True)]
    return _filled(rows, inputs.shape[1])[None], np.array(sums)


LABELS, LENGTHS = V([[1, 2, 1], [2, 2, 0]], "int32"), V([5, 4], "int32")
CASES = [
    OpCase("ctc_loss", [LABELS, X(2, 5, 3), V([3, 2], "int32"), LENGTHS], label="sum", tolerance=5, expected=_loss),
    OpCase("ctc_loss", [LABELS, X(2, 5, 4), V([2, 0], "int32"), LENGTHS], {"mask_index": 3}, tolerance=5, expected=_loss),
    OpCase("ctc_loss", [LABELS, X(2, 5, 3), V([3, 2], "int32"), V([2, 2], "int32")], label="impossible", expected=lambda *_: np.full(2, 1e5)),
    OpCase("ctc_decode", [X(2, 5, 3), LENGTHS], grad=False, tolerance=5, expected=_greedy),
    OpCase("ctc_decode", [X(2, 5, 3), LENGTHS], {"merge_repeated": False, "mask_index": 2}, grad=False, tolerance=5, expected=_greedy),
    OpCase("ctc_decode", [X(2, 5, 3), LENGTHS], {"strategy": "beam_search", "beam_width": 80, "top_paths": 3}, grad=False, tolerance=5, expected=_best),
    OpCase(
        "ctc_decode",
        [X(2, 4, 4), V([4, 3], "int32")],
        {"strategy": "beam_search", "beam_width": 90, "top_paths": 2, "mask_index": 3},
        grad=False,
        tolerance=5,
        expected=_best,
    ),
]
