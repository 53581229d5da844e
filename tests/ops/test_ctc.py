"""Connectionist temporal classification against torch's kernel, and limits; small cases against all alignments are in the conformance kit."""

import numpy as np
import pytest
import torch

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(3, 40, 9)).astype("float32")
LABELS = RNG.integers(1, 9, (3, 12))
LABELS[1, :6] = 5  # repeated labels need blanks between them
SIZES, TIMES = np.array([12, 6, 1]), np.array([40, 31, 20])


def reference():
    x = torch.tensor(SCORES, requires_grad=True)
    loss = torch.nn.functional.ctc_loss(
        torch.log_softmax(x, -1).transpose(0, 1), torch.tensor(LABELS), torch.tensor(TIMES), torch.tensor(SIZES), reduction="none"
    )
    loss.sum().backward()
    return loss.detach().numpy(), x.grad.numpy()


def test_loss_and_gradient_are_torchs(engine):
    loss, gradient = reference()
    np.testing.assert_allclose(ops.convert_to_numpy(ops.ctc_loss(LABELS, SCORES, SIZES, TIMES)), loss, rtol=1e-4)
    if "autodiff" in engine.capabilities:
        (_, _), (found,) = engine.value_and_grad(lambda v: (ops.sum(ops.ctc_loss(LABELS, v[0], SIZES, TIMES)), None), [ops.convert_to_tensor(SCORES)])
        np.testing.assert_allclose(ops.convert_to_numpy(found), gradient, atol=2e-5)


def test_labels_without_an_alignment_have_a_finite_loss_and_no_gradient(engine):
    times = np.array([3, 31, 20])
    loss = ops.convert_to_numpy(ops.ctc_loss(LABELS, SCORES, SIZES, times))
    assert loss[0] == 1e5 and (loss[1:] < 1e3).all()
    if "autodiff" in engine.capabilities:
        _, (found,) = engine.value_and_grad(lambda v: (ops.sum(ops.ctc_loss(LABELS, v[0], SIZES, times)), None), [ops.convert_to_tensor(SCORES)])
        found = ops.convert_to_numpy(found)
        assert not found[0].any() and np.isfinite(found).all() and found[1].any()


def test_scores_of_a_beam_are_losses_of_its_labels(engine):
    labels, scores = (ops.convert_to_numpy(v) for v in ops.ctc_decode(SCORES[:, :12], np.array([12, 9, 5]), "beam_search", beam_width=200, top_paths=2))
    assert labels.shape == (2, 3, 12) and (np.diff(scores) <= 0).all()
    for row, score in zip(labels, scores.T, strict=True):
        loss = ops.ctc_loss(np.maximum(row, 0), SCORES[:, :12], (row >= 0).sum(1), np.array([12, 9, 5]))
        # the beam leaves out what it has dropped on the way, so it finds a little less
        np.testing.assert_allclose(ops.convert_to_numpy(loss), -score, rtol=0.05)
        assert (-score >= ops.convert_to_numpy(loss) - 1e-3).all()


def test_unknown_sizes():
    scores, sizes = ph.KerasTensor((None, None, 9)), ph.KerasTensor((None,), "int32")
    assert ops.ctc_loss(ph.KerasTensor((None, None), "int32"), scores, sizes, sizes).shape == (None,)
    labels, values = ops.ctc_decode(scores, sizes, strategy="beam_search", beam_width=5, top_paths=2)
    assert (labels.shape, labels.dtype, values.shape) == ((2, None, None), "int32", (None, 2))
    assert ops.ctc_decode(scores, sizes)[0].shape == (1, None, None)


def test_errors_say_what_does_not_fit():
    with ph.use_backend("numpy"):
        with pytest.raises(ValueError, match='strategy must be "greedy" or "beam_search"'):
            ops.ctc_decode(SCORES, TIMES, strategy="best")
        with pytest.raises(ValueError, match="top_paths must be between 1 and beam_width; received 3 and 2"):
            ops.ctc_decode(SCORES, TIMES, "beam_search", beam_width=2, top_paths=3)
        with pytest.raises(ValueError, match="mask_index must be the number of one of 9 classes; received 9"):
            ops.ctc_loss(LABELS, SCORES, SIZES, TIMES, mask_index=9)
