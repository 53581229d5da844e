"""Elementwise ops against NumPy and closed forms, and their gradients where formulas are fragile."""

import math

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

SPECIAL = np.array([-np.inf, np.inf, np.nan, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 0.5, 100.0, -100.0], "float32")

UNARY = {
    "square": np.square, "reciprocal": lambda x: 1 / x, "cbrt": np.cbrt, "exp2": np.exp2, "log2": np.log2, "log10": np.log10, "isnan": np.isnan,
    "isinf": np.isinf, "isposinf": np.isposinf, "isneginf": np.isneginf, "signbit": np.signbit, "fabs": np.fabs, "deg2rad": np.deg2rad,
    "rad2deg": np.rad2deg, "sinc": np.sinc, "angle": np.angle, "nan_to_num": np.nan_to_num, "real": np.real, "isreal": np.isreal, "round": np.round,
}  # fmt: skip
BINARY = {
    "greater": np.greater, "greater_equal": np.greater_equal, "not_equal": np.not_equal, "logical_xor": np.logical_xor, "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2, "hypot": np.hypot, "fmax": np.fmax, "fmin": np.fmin, "heaviside": np.heaviside,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary_op_equals_numpy_on_special_values(engine, name):
    with np.errstate(all="ignore"):
        expected = UNARY[name](SPECIAL)
    got = ops.convert_to_numpy(getattr(ops, name)(SPECIAL))
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", BINARY)
def test_binary_op_equals_numpy_on_special_values(engine, name):
    with np.errstate(all="ignore"):
        expected = BINARY[name](SPECIAL[:, None], SPECIAL[None])
    got = ops.convert_to_numpy(getattr(ops, name)(SPECIAL[:, None], SPECIAL[None]))
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=2e-6)


def test_remainders_have_the_sign_of_their_operand(engine):
    x = np.array([-7, 7, -6, 5], "int32")
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.fmod(x, 3)), np.fmod(x, 3))
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.mod(x, 3)), np.mod(x, 3))


def test_clip_accepts_numbers_and_tensors_and_keeps_integers(engine):
    x = np.array([-3, 0, 3], "int32")
    out = ops.clip(x, -1, np.array([1, 1, 2], "int32"))
    assert ops.convert_to_numpy(out).tolist() == [-1, 0, 2] and ops.convert_to_numpy(out).dtype == "int32"


def test_round_to_decimals_and_tens(engine):
    np.testing.assert_allclose(ops.convert_to_numpy(ops.round([1.25, -2.351], 1)), [1.2, -2.4], rtol=1e-6)
    assert ops.convert_to_numpy(ops.round(np.array([14, 26], "int32"), -1)).tolist() == [10, 30]
    for decimals in (0, 1):
        parts = np.array([1.25 - 2.5j, 3.5 + 0.04j], "complex64")
        np.testing.assert_allclose(ops.convert_to_numpy(ops.round(parts, decimals)), np.round(parts, decimals), rtol=1e-6)


def test_ldexp_does_not_overflow_between(engine):
    got = ops.convert_to_numpy(ops.ldexp(np.array([2.0**-100], "float32"), np.array([200], "int32")))
    assert got.tolist() == [2.0**100]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_erfinv_inverts_erf(engine, dtype):
    dtype = engine.canonical(dtype)  # float32 where there is no float64
    x = np.array([-1.0, -0.9999, -0.7, 0.0, 1e-6, 0.3, 0.99, 0.999999, 1.0, 1.5])
    got = ops.convert_to_numpy(ops.erfinv(ops.convert_to_tensor(x, dtype))).astype("float64")
    assert got[0] == -math.inf and got[-2] == math.inf and np.isnan(got[-1])
    inner = x.astype(dtype).astype("float64")[1:-2]
    keep = np.abs(inner) < 1  # float16 rounds 0.999999 to one
    back = np.array([math.erf(v) for v in got[1:-2]])
    np.testing.assert_allclose(back[keep], inner[keep], atol={"float32": 3e-7, "float64": 1e-15, "float16": 2e-3}[dtype])


def test_bit_operations(engine):
    x, y = np.array([6, -8], "int32"), np.array([3, 1], "int32")
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"):
        np.testing.assert_array_equal(ops.convert_to_numpy(getattr(ops, name)(x, y)), getattr(np, name)(x, y))
    with pytest.raises(TypeError, match="bitwise_and: expected integers"):
        ops.bitwise_and(np.ones(2, "float32"), 1)


def _gradient(fn, x):
    v = ph.Variable(np.asarray(x, "float32"))
    return ops.convert_to_numpy(ph.value_and_grad(lambda: ops.sum(fn(v)), [v])[1][0])


KINKS = {
    "relu": ([-1.0, 0.0, 2.0], [0, 0, 1]), "relu6": ([-1.0, 0.0, 3.0, 7.0], [0, None, 1, 0]), "elu": ([-100.0, 0.0, 100.0], [0, 1, 1]),
    "softplus": ([-100.0, 0.0, 100.0], [0, 0.5, 1]), "sigmoid": ([-1000.0, 0.0, 1000.0], [0, 0.25, 0]), "silu": ([-1000.0, 0.0, 1000.0], [0, 0.5, 1]),
    "log_sigmoid": ([-1000.0, 0.0, 1000.0], [1, 0.5, 0]), "softsign": ([-1.0, 0.0, 3.0], [0.25, 1, 1 / 16]), "sinc": ([0.0, 1.0], [0, -1]),
    "squareplus": ([-3e4, 0.0], [0, 0.5]), "celu": ([-100.0, 100.0], [0, 1]), "selu": ([-1000.0, 1.0], [0, 1.05070098]),
    "cbrt": ([1.0, 0.0, -8.0], [1 / 3, None, 1 / 12]), "erfinv": ([0.0, 0.5], [math.sqrt(math.pi) / 2, 1.1125851]),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_gradient_is_right_at_kinks_and_far_out(training_engine, name):
    x, expected = KINKS[name]
    got = _gradient(getattr(ops, name), x)
    assert np.isfinite(got).all()
    for g, e in zip(got, expected, strict=True):
        assert e is None or abs(g - e) < 2e-5


def test_gradient_of_pairs_is_finite_at_equal_and_zero_operands(training_engine):
    a, b = ph.Variable(np.array([0.0, 3.0, -np.inf], "float32")), ph.Variable(np.array([0.0, 3.0, 1.0], "float32"))
    for g in ph.value_and_grad(lambda: ops.sum(ops.logaddexp(a, b)[:2]), [a, b])[1]:
        np.testing.assert_allclose(ops.convert_to_numpy(g)[:2], [0.5, 0.5], atol=1e-6)
    for g in ph.value_and_grad(lambda: ops.sum(ops.divide_no_nan(b, a)[:2]), [a, b])[1]:
        assert np.isfinite(ops.convert_to_numpy(g)[:2]).all()
    for g in ph.value_and_grad(lambda: ops.sum(ops.hypot(a, b)[:2]), [a, b])[1]:
        np.testing.assert_allclose(ops.convert_to_numpy(g)[:2], [0.0, math.sqrt(0.5)], atol=1e-6)
