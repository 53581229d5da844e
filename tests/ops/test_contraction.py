"""Products of tensors against NumPy."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 4)).astype("float32")
B = RNG.normal(size=(4, 5)).astype("float32")
D = RNG.normal(size=(2, 3, 3)).astype("float32")

EINSUMS = [
    ("bij,jk->bik", (A, B)), ("bij,jk", (A, B)), ("...ij,jk->...k", (A, B)), ("bii->bi", (D,)), ("bii", (D,)), ("bij,jk,bil->kl", (A, B, D)), ("bij->", (A,)),
    ("...a,...a->...", (A, A[:1])), ("bij,bij->ijb", (A, A)), ("i,j->ji", (B[0], B[:, 0])), ("bhi,bji->bhj", (A, A)), ("ijk,kji->", (A, A.T)),
    ("ij...,j->i...", (A, A[0, :, 0])), ("bij,bij,bij->b", (A, A, A)), ("ij->ji", (B,)),
]  # fmt: skip
CASES = [
    ("dot", (A, B)), ("dot", (A, np.swapaxes(A, 1, 2))), ("inner", (A, B.T)), ("outer", (B, B)), ("kron", (A, B)), ("vdot", (A, A)), ("cross", (D, D)),
    ("matmul", (A, B[:, 0])), ("matmul", (B[:, 0], B)), ("matmul", (B[:, 0], B[:, 1])), ("matmul", (A[:, None], D[None].repeat(2, 0)[..., :1].repeat(4, -1).swapaxes(-1, -2))),
    ("trace", (D,)), ("diag", (B,)), ("diag", (B[0], -2)), ("diag", (B[0], 1)), ("diagonal", (A, 1, 0, 2)), ("diagonal", (B, -1)), ("tril", (A, 1)), ("triu", (A, -1)),
    ("diagflat", (B, 1)), ("tensordot", (A, A, ((0, 2), (0, 2)))), ("tensordot", (A, B, 1)), ("tensordot", (A, B, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("subscripts", "operands"), EINSUMS, ids=[s for s, _ in EINSUMS])
def test_einsum_equals_numpy(engine, subscripts, operands):
    got = ops.einsum(subscripts, *operands)
    np.testing.assert_allclose(ops.convert_to_numpy(got), np.einsum(subscripts, *operands), rtol=2e-4, atol=2e-4)
    spec = ops.einsum(subscripts, *[ph.KerasTensor(x.shape) for x in operands])
    assert spec.shape == tuple(engine.static_shape(got))


@pytest.mark.parametrize(("name", "args"), CASES, ids=[f"{n}{i}" for i, (n, _) in enumerate(CASES)])
def test_contraction_equals_numpy(engine, name, args):
    expected = getattr(np, name)(*args)
    got = ops.convert_to_numpy(getattr(ops, name)(*args))
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5)


def test_einsum_names_malformed_subscripts():
    with ph.use_backend("numpy"), pytest.raises(ValueError, match="is for 1 tensors; received 2"):
        ops.einsum("ij->ij", B, B)
    with ph.use_backend("numpy"), pytest.raises(ValueError, match='the term "ijk" of "ijk->i" does not fit a tensor of rank 2'):
        ops.einsum("ijk->i", B)


def test_einsum_accepts_unknown_sizes():
    x = ph.KerasTensor((None, None, 4))
    assert ops.einsum("bij,jk->bik", x, B).shape == (None, None, 5)


def test_small_integers_are_summed_in_int32(engine):
    x = np.full((1, 100), 100, "int8")
    assert ops.convert_to_numpy(ops.matmul(x, x.T)).tolist() == [[1_000_000]]


def test_cross_of_plane_vectors(engine):
    assert ops.convert_to_numpy(ops.cross([1.0, 0.0], [0.0, 1.0])) == 1.0
    assert ops.convert_to_numpy(ops.cross([1.0, 0.0], [0.0, 1.0, 0.0])).tolist() == [0, 0, 1]
