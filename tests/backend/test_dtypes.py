import itertools

import ml_dtypes  # noqa: F401  (registers bfloat16 with NumPy)
import numpy as np
import pytest

from pronghorn.backend import dtypes

KINDS = ["bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "bfloat16", "float32"]


@pytest.mark.parametrize("a, b", list(itertools.combinations_with_replacement(KINDS, 2)))
def test_promote_agrees_with_jax(a, b):
    jnp = pytest.importorskip("jax.numpy")
    expected = jnp.promote_types(a, b).name
    got = dtypes.result_type(a, b)
    # without 64-bit mode JAX itself narrows the lattice's int64
    assert dtypes.NARROWER.get(got, got) == dtypes.NARROWER.get(expected, expected)


@pytest.mark.parametrize("a", KINDS)
@pytest.mark.parametrize("scalar", [2, 2.5, True])
def test_python_scalars_are_weak_as_in_jax(a, scalar):
    jnp = pytest.importorskip("jax.numpy")
    expected = (jnp.zeros((), a) + scalar).dtype.name
    assert dtypes.result_type(a, dtypes.WEAK[type(scalar)]) == expected


def test_promotion_is_commutative_and_associative():
    names = [n for n in dtypes.ALL if not n.startswith("float8")] + ["int*", "float*"]
    for a, b, c in itertools.product(names, repeat=3):
        assert dtypes.promote(a, b) == dtypes.promote(b, a)
        assert dtypes.promote(dtypes.promote(a, b), c) == dtypes.promote(a, dtypes.promote(b, c))


def test_standardize_knows_names_python_types_and_engine_dtypes():
    torch = pytest.importorskip("torch")
    assert dtypes.standardize(np.float16) == "float16"
    assert dtypes.standardize(torch.bfloat16) == "bfloat16"
    assert dtypes.standardize(int) == "int32"
    assert dtypes.standardize(None) == "float32"
    with pytest.raises(ValueError, match='Did you mean "float32"'):
        dtypes.standardize("flaot32")
