"""Keys and bits: known answers, equal on every engine, eager and compiled."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.random import host
from pronghorn.random.bits import fold, random_bits, rounds, threefry
from pronghorn.random.keys import derive, from_words, words

# Random123's kat_vectors for threefry2x32 with 20 rounds: counter, key, result
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def _i32(*values):
    return [np.array([v], "uint32").view("int32") for v in values]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_threefry_gives_the_published_answers(engine, counter, key, result):
    tensors = [ops.convert_to_tensor(v) for v in (*_i32(*key), *_i32(*counter))]
    got = [ops.convert_to_numpy(v).view("uint32").item() for v in rounds(tuple(tensors[:2]), *tensors[2:])]
    assert got == list(result)


def test_bits_are_the_same_on_every_engine_eagerly_and_compiled(engine):
    key = words(derive(3, "test"))
    with ph.use_backend("numpy"):
        expected = threefry(key, (5, 7)), threefry(key, (5, 7), 2)
    step = engine.executor().compile(lambda k: (threefry(k, (5, 7)), threefry(k, (5, 7), 2)), [])
    for got in ((threefry(key, (5, 7)), threefry(key, (5, 7), 2)), step(engine.from_host(key))):
        for g, e in zip(got, expected, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(g), e)
    assert (expected[0] != expected[1]).all()


def test_bits_look_random():
    with ph.use_backend("numpy"):
        bits = threefry(words(derive(1, "test")), (100_000,)).view("uint8")
    ones = np.unpackbits(bits).reshape(-1, 32).mean(0)
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / 100_000**0.5
    assert len(np.unique(bits.view("uint32"))) > 99_990
    with ph.use_backend("numpy"):
        other = fold(words(derive(1, "test")), 1)
    assert len(np.unique(np.concatenate([threefry(other, (1000,)), threefry(words(derive(1, "test")), (1000,))]))) == 2000


def test_keys_separate_everything_they_are_made_of():
    made = [derive(s, p, path, c) for s in (1, 2, 12) for p in ("a", "b") for path in ("", "x", "x/1") for c in (0, 1, 11)]
    assert len(set(made)) == len(made)
    assert derive(1, "ab") != derive(1, "a", "b")
    assert from_words(words(made[0])) == made[0]
    with ph.use_backend("numpy"):
        first, second = (threefry(words(derive(s, "x")), (4096,)) for s in (7, 8))
    assert not np.isin(first, second).mean() > 1e-3  # neighbouring seeds do not replay each other


def test_native_generator_is_reproducible_and_used(engine):
    key = words(derive(1, "x"))
    one, two, three = (ops.convert_to_numpy(random_bits(key, (100,), "native", s)) for s in (0, 0, 1))
    assert (one == two).all() and (one != three).any() and one.dtype == "int32"
    ph.random.set_rng("native")
    try:
        assert ops.convert_to_numpy(ph.random.uniform((3,), seed=1)).shape == (3,)
    finally:
        ph.random.set_rng("portable")


GOLDEN = {
    "uniform": [1054196036, 1060799953, 1046134952], "normal": [3193262447, 1058786575, 3209379150], "truncated": [3192617706, 1058265028, 3208640980],
}  # fmt: skip


# -- the host's numbers --------------------------------------------------------------------------------------------------------------------
def test_host_numbers_are_golden():
    """These values may never change: they are everybody's initial weights."""
    key = derive(42, "initializer")
    assert key == 0x15B18414F89A9E6A
    assert host.uniform(key, (3,)).view("uint32").tolist() == GOLDEN["uniform"]
    assert host.normal(key, (3,)).view("uint32").tolist() == GOLDEN["normal"]
    assert host.truncated_normal(key, (3,)).view("uint32").tolist() == GOLDEN["truncated"]


def test_host_normal_quantile_equals_the_standard_library():
    import statistics

    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 999), 10.0 ** -np.arange(2, 300, 7)])
    expected = [statistics.NormalDist().inv_cdf(v) for v in p]
    np.testing.assert_allclose(host.normal_quantile(p), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_host_distributions_have_their_moments_and_bounds(dtype):
    n = 200_000
    u = host.uniform(1, (n,), -1.0, 3.0, dtype).astype("float64")
    assert u.min() >= -1 and abs(u.mean() - 1) < 0.01 and abs(u.var() - 16 / 12) < 0.02
    z = host.normal(2, (n,), 1.0, 2.0, dtype).astype("float64")
    assert abs(z.mean() - 1) < 0.03 and abs(z.std() - 2) < 0.02
    t = host.truncated_normal(3, (n,), 0.0, 1.0, dtype).astype("float64")
    assert np.abs(t).max() <= 2 and abs(t.std() - 0.8796) < 0.01 and abs(t.mean()) < 0.01


def test_host_uniform_never_reaches_its_upper_bound():
    assert (host.uniform(1, (100_000,), 1.0, 1.0 + 2.0**-20) < 1.0 + 2.0**-20).all()


def test_host_permutation_is_one():
    assert sorted(host.permutation(5, 1000).tolist()) == list(range(1000))
    assert host.permutation(5, 1000).tolist() != host.permutation(6, 1000).tolist()
