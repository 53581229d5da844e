"""Distributions: the same numbers on every engine, the right moments, and the meaning of seeds."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops, random
from pronghorn.state import StateError

DRAWS = {
    "uniform": lambda s: random.uniform((301,), seed=s),
    "uniform_scaled": lambda s: random.uniform((301,), -2.0, 7.0, seed=s),
    "normal": lambda s: random.normal((301,), 1.0, 2.0, seed=s),
    "truncated_normal": lambda s: random.truncated_normal((301,), seed=s),
    "randint": lambda s: random.randint((301,), -3, 9, seed=s),
    "randint_wide": lambda s: random.randint((301,), 0, 2**31 - 2, seed=s),
    "categorical": lambda s: random.categorical(np.log(np.array([[0.1, 0.2, 0.7]], "float32")), 301, seed=s),
    "dropout": lambda s: random.dropout(np.ones((7, 43), "float32"), 0.3, seed=s),
    "shuffle": lambda s: random.shuffle(np.arange(301, dtype="int32"), seed=s),
    "gamma": lambda s: random.gamma((301,), 0.7, seed=s),
    "beta": lambda s: random.beta((301,), 2.0, 3.0, seed=s),
    "binomial": lambda s: random.binomial((301,), np.float32(40.0), np.array(0.3, "float32"), seed=s),
}
EXACT = ("uniform", "randint", "randint_wide", "dropout", "shuffle", "categorical", "binomial")


def _np(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_the_same_on_every_engine(engine, name):
    with ph.use_backend("numpy"):
        expected = DRAWS[name](5)
    got = _np(DRAWS[name](5))
    assert got.dtype == expected.dtype
    if name in EXACT:
        np.testing.assert_array_equal(got, expected)
    else:  # the bits are equal; logarithms and fused multiply-adds differ in the last digits
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4)


MOMENTS = {
    "uniform": (lambda n: random.uniform((n,), -2.0, 7.0, seed=1), 2.5, 81 / 12),
    "normal": (lambda n: random.normal((n,), 1.0, 2.0, seed=1), 1.0, 4.0),
    "truncated_normal": (lambda n: random.truncated_normal((n,), seed=1), 0.0, 0.7737),
    "randint": (lambda n: random.randint((n,), -3, 9, seed=1), 2.5, 143 / 12),
    "randint_wide": (lambda n: random.randint((n,), 0, 1_500_000_000, seed=1) / 1.5e9, 0.5, 1 / 12),
    "gamma_small": (lambda n: random.gamma((n,), 0.5, seed=1), 0.5, 0.5),
    "gamma": (lambda n: random.gamma((n,), 3.0, seed=1), 3.0, 3.0),
    "beta": (lambda n: random.beta((n,), 2.0, 3.0, seed=1), 0.4, 0.04),
    "binomial_few": (lambda n: random.binomial((n,), 10.0, 0.3, seed=1), 3.0, 2.1),
    "binomial_many": (lambda n: random.binomial((n,), 200.0, 0.7, seed=1), 140.0, 42.0),
    "dropout": (lambda n: random.dropout(np.ones(n, "float32"), 0.3, seed=1), 1.0, 3 / 7),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name):
    n = 60_000
    draw, mean, variance = MOMENTS[name]
    with ph.use_backend("numpy"):
        x = np.asarray(draw(n), "float64")
    assert abs(x.mean() - mean) < 5 * (variance / n) ** 0.5
    assert abs(x.var() / variance - 1) < 0.05


def test_categorical_follows_the_logits():
    with ph.use_backend("numpy"):
        x = random.categorical(np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]], "float32") + 1e-30), 20_000, seed=1)
    for row, p in zip(x, ([0.1, 0.2, 0.7], [0.5, 0.5, 0.0]), strict=True):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / 20_000, p, atol=0.015)


def test_randint_covers_its_range_evenly():
    with ph.use_backend("numpy"):
        counts = np.bincount(random.randint((70_000,), 0, 7, seed=2))
        assert random.randint((5,), 2**40, 2**40 + 3, dtype="int64", seed=1).min() >= 2**40
    assert len(counts) == 7 and np.abs(counts / 10_000 - 1).max() < 0.06


def test_dtypes_are_honoured_and_uniform_stays_below_one(engine):
    for dtype in ("float16", "bfloat16", "float32"):
        for draw in (random.uniform, random.normal, random.truncated_normal):
            out = draw((500,), dtype=dtype, seed=3)
            assert engine.dtype(out) == dtype
        assert _np(random.uniform((500,), dtype=dtype, seed=3)).astype("float32").max() < 1
    with pytest.raises(ValueError, match="uniform: dtype must be a float"):
        random.uniform((2,), dtype="int32")


def test_dropout_noise_shape_and_edges(engine):
    x = np.ones((4, 6, 3), "float32")
    out = _np(random.dropout(x, 0.5, noise_shape=(None, 1, None), seed=1))
    assert (out == out[:, :1]).all() and set(np.unique(out)) == {0.0, 2.0}
    assert (_np(random.dropout(x, 0.0)) == 1).all() and (_np(random.dropout(x, 1.0)) == 0).all()
    with pytest.raises(ValueError, match="does not broadcast"):
        random.dropout(x, 0.5, noise_shape=(4, 2, 3))
    with pytest.raises(ValueError, match="rate must be a number from 0 to 1"):
        random.dropout(x, 1.5)


def test_shuffle_moves_whole_slices(engine):
    x = np.arange(12).reshape(3, 4)
    out = _np(random.shuffle(x, axis=1, seed=4))
    assert sorted(out[0].tolist()) == [0, 1, 2, 3] and (np.diff(out, axis=0) == 4).all()


# -- seeds ---------------------------------------------------------------------------------------------------------------------------------
def test_a_generator_advances_in_compiled_steps_as_eagerly(engine):
    def fresh():
        return random.SeedGenerator(9)

    eager, compiled = fresh(), fresh()
    step = engine.executor().compile(lambda: random.uniform((4,), seed=compiled), [compiled.state])
    rows = []
    for _ in range(3):
        a, b = _np(random.uniform((4,), seed=eager)), _np(step())
        np.testing.assert_array_equal(a, b)
        rows.append(a)
    assert len({tuple(r) for r in rows}) == 3
    np.testing.assert_array_equal(eager.state.numpy(), compiled.state.numpy())


def test_streams_of_neighbouring_seeds_share_nothing(engine):
    def rows(seed):
        g = random.SeedGenerator(seed)
        return {tuple(_np(random.randint((4,), 0, 1000, seed=g)).tolist()) for _ in range(20)}

    assert not rows(1) & rows(2)


def test_set_random_seed_starts_over_and_none_moves_on():
    with ph.use_backend("numpy"):
        random.set_random_seed(5)
        a, b, g = random.normal((3,)), random.normal((3,)), random.SeedGenerator().state.numpy()
        random.set_random_seed(5)
        assert (random.normal((3,)) == a).all() and (random.normal((3,)) == b).all() and (a != b).all()
        assert (random.SeedGenerator().state.numpy() == g).all() and (random.SeedGenerator().state.numpy() != g).any()
        random.set_random_seed(6)
        assert (random.normal((3,)) != a).all()
    assert random.get_random_seed() == 6
    with pytest.raises(ValueError, match="seed must be an integer from 0"):
        random.set_random_seed(-1)


def test_a_compiled_draw_without_seed_is_refused():
    v = ph.Variable(0.0)
    from pronghorn.state import pure

    with ph.use_backend("numpy"), pytest.raises(StateError, match="would be the same at every step"):
        pure(lambda: random.uniform((2,)), [v])([v.value])


def test_generator_round_trips_through_its_config():
    g = random.SeedGenerator.from_config(random.SeedGenerator(3, name="g").get_config())
    assert g.get_config() == {"seed": 3, "name": "g"} and (g.state.numpy() == random.SeedGenerator(3).state.numpy()).all()
    with pytest.raises(ValueError, match="seed must be an integer or None"):
        random.SeedGenerator("a")


def test_a_symbolic_draw_is_one_node_that_draws_anew():
    from pronghorn.symbolic import order, run

    g, x = None, ph.KerasTensor((None, 8))
    with ph.use_backend("numpy"):
        g = random.SeedGenerator(1)
        y = random.dropout(x, 0.5, seed=g)
        nodes = order(y, [x])
        assert y.shape == (None, 8) and [n.name for n in nodes] == ["dropout"]
        one, two = (run(nodes, {id(x): np.ones((2, 8), "float32")}, y) for _ in range(2))
    assert set(np.unique(one)) <= {0.0, 2.0} and (one != two).any()


def test_negative_sizes_are_refused():
    for draw in (random.uniform, random.normal, random.truncated_normal):
        with pytest.raises(ValueError, match="sizes must not be negative"):
            draw((2, -1))
