"""Linear algebra: gradients against finite differences, complex matrices, unknown sizes, compilers and errors; values are in the conformance kit."""

import numpy as np
import pytest
import scipy.linalg

import pronghorn as ph
from pronghorn import ops

RNG = np.random.default_rng(0)
M = RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
B = RNG.normal(size=(2, 3, 2))
W = RNG.normal(size=(3, 3))
TALL = RNG.normal(size=(5, 3))


def positive(x):
    return ops.matmul(x, ops.swapaxes(x, -1, -2)) + ops.cast(ops.eye(3), ops.dtype(x))


def weighted(x):
    return ops.sum(x * ops.cast(ops.reshape(ops.arange(1.0, 1.0 + np.prod(ops.shape(x)[-2:])), ops.shape(x)[-2:]), ops.dtype(x)))


# functions of any matrix, none of which depends on the signs of the factors
FUNCTIONS = {
    "det": lambda x: ops.sum(ops.det(x)),
    "logdet": lambda x: ops.sum(ops.logdet(x)),
    "inv": lambda x: weighted(ops.inv(x)),
    "solve": lambda x: weighted(ops.solve(x, ops.cast(B, ops.dtype(x)))),
    "solve_triangular": lambda x: weighted(ops.solve_triangular(x, ops.cast(B, ops.dtype(x)), lower=True)),
    "cholesky": lambda x: weighted(ops.cholesky(positive(x))),
    "cholesky_inverse": lambda x: weighted(ops.cholesky_inverse(ops.cholesky(positive(x)))),
    "eigh values": lambda x: ops.sum(ops.eigh(positive(x))[0] * ops.cast([1.0, 2.0, 3.0], ops.dtype(x))),
    "eigh vectors": lambda x: weighted(ops.eigh(positive(x))[1] ** 2),
    "qr": lambda x: weighted(ops.abs(ops.qr(x)[1])),
    "qr square": lambda x: weighted(ops.qr(x)[0] ** 2),
    "svd values": lambda x: ops.sum(ops.svd(x, compute_uv=False) * ops.cast([3.0, 2.0, 1.0], ops.dtype(x))),
    "svd vectors": lambda x: weighted(ops.svd(x)[0] ** 2) + weighted(ops.svd(x)[2] ** 2),
    "pinv": lambda x: weighted(ops.pinv(x)),
    "norm": lambda x: ops.sum(ops.norm(x, axis=-1)) + ops.sum(ops.norm(x, ord=3, axis=1)) + ops.sum(ops.norm(x, ord="nuc", axis=(1, 2))),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradient_is_the_finite_difference(engine, name):
    if "autodiff" not in engine.capabilities:
        return
    f, direction, h = FUNCTIONS[name], RNG.normal(size=M.shape), 1e-6
    with ph.use_backend("numpy"):
        slope = (float(f(M + h * direction)) - float(f(M - h * direction))) / (2 * h)
    kind = "float64" if "float64" in engine.dtypes else "float32"
    _, (gradient,) = engine.value_and_grad(lambda v: (f(v[0]), None), [ops.convert_to_tensor(M, kind)])
    found = float((ops.convert_to_numpy(gradient) * direction).sum())
    assert found == pytest.approx(slope, rel=1e-6 if kind == "float64" else 2e-3, abs=1e-6 if kind == "float64" else 2e-3)


@pytest.mark.parametrize("order", [None, 2, 3])
def test_gradient_of_a_norm_of_zero_is_zero(engine, order):
    if "autodiff" not in engine.capabilities:
        return
    x = ops.zeros((2, 3))
    _, (gradient,) = engine.value_and_grad(lambda v: (ops.sum(ops.norm(v[0], ord=order, axis=1)), None), [x])
    assert ops.convert_to_numpy(gradient).tolist() == [[0.0] * 3] * 2


def test_complex_matrices(engine):
    z = (RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))).astype("complex64")
    h = z @ z.conj().T + np.eye(3, dtype="complex64")
    x, y = ops.convert_to_tensor(z, "complex64"), ops.convert_to_tensor(h, "complex64")
    host = ops.convert_to_numpy
    np.testing.assert_allclose(host(ops.det(x)), np.linalg.det(z), rtol=1e-4)
    np.testing.assert_allclose(host(ops.inv(x)), np.linalg.inv(z), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(host(ops.pinv(x)), np.linalg.pinv(z), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(host(ops.cholesky(y, upper=True)), scipy.linalg.cholesky(h), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(host(ops.eigh(y)[0]), np.linalg.eigvalsh(h), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(host(ops.norm(x)), np.linalg.norm(z), rtol=1e-5)
    sign, size = (host(v) for v in ops.slogdet(x))
    np.testing.assert_allclose([sign, size], np.linalg.slogdet(z), rtol=1e-4, atol=1e-5)


def test_singular_matrices(engine):
    flat = np.ones((2, 2), "float32")
    sign, size = (float(ops.convert_to_numpy(v)) for v in ops.slogdet(flat))
    assert (sign, size) == (0.0, -np.inf)
    assert float(ops.convert_to_numpy(ops.det(flat))) == 0.0
    assert int(ops.convert_to_numpy(ops.matrix_rank(flat))) == 1
    np.testing.assert_allclose(ops.convert_to_numpy(ops.lstsq(flat, [1.0, 1.0])), [0.5, 0.5], rtol=1e-5)


def test_lstsq_of_a_stack(engine):
    a, b = RNG.normal(size=(2, 5, 3)).astype("float32"), RNG.normal(size=(2, 5, 2)).astype("float32")
    expected = [np.linalg.lstsq(u, v, rcond=None)[0] for u, v in zip(a, b, strict=True)]
    np.testing.assert_allclose(ops.convert_to_numpy(ops.lstsq(a, b)), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.lstsq(a, b[..., 0])), np.array(expected)[..., 0], rtol=1e-3, atol=1e-4)


def test_unknown_number_of_matrices():
    x = ph.KerasTensor((None, 4, 3))
    assert [v.shape for v in ops.lu_factor(x)] == [(None, 4, 3), (None, 3)]
    assert [v.dtype for v in ops.lu_factor(x)] == ["float32", "int32"]
    square = ph.KerasTensor((None, 3, 3), "int32")
    assert [v.shape for v in ops.slogdet(square)] == [(None,), (None,)]
    assert ops.inv(square).dtype == "float32"
    assert [(v.shape, v.dtype) for v in ops.eig(square)] == [((None, 3), "complex64"), ((None, 3, 3), "complex64")]
    assert ops.norm(ph.KerasTensor((None, None, 3)), axis=1).shape == (None, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.det(TALL), r"det: expected square matrices; received shape \(5, 3\)"),
        (lambda: ops.cholesky([1.0]), r"cholesky: expected matrices.*\(1,\)"),
        (lambda: ops.qr(TALL, mode="raw"), 'qr: mode must be "reduced" or "complete"'),
        (lambda: ops.solve(M, np.ones((4,))), r"solve: a of shape \(2, 3, 3\) needs b"),
        (lambda: ops.solve(M, np.ones((2, 4, 1))), r"solve: a of shape \(2, 3, 3\) has 3 rows; b of shape \(2, 4, 1\) has 4"),
        (lambda: ops.norm(M, ord="fro", axis=1), "norm: order 'fro' is one of matrices"),
        (lambda: ops.norm(M, ord=2), "norm: order 2 needs one axis or two"),
        (lambda: ops.norm(W, ord=3), 'norm: the order of a matrix norm must be None, "fro"'),
        (lambda: ops.svd(ph.KerasTensor((2, None, 3))), "svd: the numbers of rows and columns must be known"),
    ],
)
def test_errors_say_what_does_not_fit(call, message):
    with ph.use_backend("numpy"), pytest.raises(ValueError, match=message):
        call()
