"""The portable generator's numbers follow their distributions, and those of neighbouring seeds, counters and places have nothing to do with each other.

Seeds are fixed, so a test gives the same answer on every run; limits are those a right generator exceeds once in a million seeds or less.
"""

import math

import numpy as np
import pytest
from scipy import stats

import pronghorn as ph
from pronghorn import random

N = 20_000
#: a sample of N follows its distribution function as closely as this, but for once in about 10 million (Kolmogorov: P = 2 exp(-2 N D²))
NEAR = math.sqrt(math.log(2 / 1e-7) / (2 * N))

CONTINUOUS = {
    "uniform": (lambda s: random.uniform((N,), seed=s), stats.uniform()),
    "uniform of a range": (lambda s: random.uniform((N,), -2.0, 7.0, seed=s), stats.uniform(-2, 9)),
    "normal": (lambda s: random.normal((N,), 1.0, 2.0, seed=s), stats.norm(1, 2)),
    "truncated normal": (lambda s: random.truncated_normal((N,), 1.0, 2.0, seed=s), stats.truncnorm(-2, 2, 1, 2)),
    "gamma below one": (lambda s: random.gamma((N,), 0.3, seed=s), stats.gamma(0.3)),
    "gamma": (lambda s: random.gamma((N,), 4.5, seed=s), stats.gamma(4.5)),
    "beta": (lambda s: random.beta((N,), 2.0, 5.0, seed=s), stats.beta(2, 5)),
    "beta below one": (lambda s: random.beta((N,), 0.5, 0.5, seed=s), stats.beta(0.5, 0.5)),
}
DISCRETE = {
    "binomial of few": (lambda s: random.binomial((N,), 9.0, 0.3, seed=s), stats.binom(9, 0.3), range(10)),
    "binomial of many": (lambda s: random.binomial((N,), 60.0, 0.7, seed=s), stats.binom(60, 0.7), range(31, 54)),
    "randint": (lambda s: random.randint((N,), -3, 10, seed=s), stats.randint(-3, 10), range(-3, 10)),
    "categorical": (
        lambda s: random.categorical(np.log(np.array([[0.05, 0.15, 0.3, 0.5]], "float32")), N, seed=s)[0],
        stats.rv_discrete(values=(range(4), (0.05, 0.15, 0.3, 0.5))),
        range(4),
    ),
    "dropout": (lambda s: random.dropout(np.ones(N, "float32"), 0.3, seed=s) > 0, stats.bernoulli(0.7), range(2)),
    "first of a shuffle": (
        lambda s: np.array([random.shuffle(np.arange(6, dtype="int32"), seed=g)[0] for g in [random.SeedGenerator(s)] for _ in range(900)]),
        stats.randint(0, 6),
        range(6),
    ),
}


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_the_distribution_function_and_its_moments(name):
    draw, law = CONTINUOUS[name]
    for seed in (1, 2):
        x = np.sort(np.asarray(draw(seed), "float64"))
        expected, places = law.cdf(x), np.arange(N + 1) / N
        assert max(np.max(places[1:] - expected), np.max(expected - places[:-1])) < NEAR
        mean, variance, _, excess = map(float, law.stats("mvsk"))
        assert abs(x.mean() - mean) < 5 * math.sqrt(variance / N)
        assert abs(x.var() / variance - 1) < 5 * math.sqrt((excess + 2) / N)


@pytest.mark.parametrize("name", DISCRETE)
def test_counts_are_those_of_the_distribution(name):
    draw, law, values = DISCRETE[name]
    x = np.asarray(draw(1)).astype("int64")
    counts = np.array([np.sum(x == v) for v in values])
    expected = np.array([law.pmf(v) for v in values]) * len(x)
    # what lies outside of the listed values is one more class, where there is such
    if (rest := len(x) - expected.sum()) > 1:
        counts, expected = np.append(counts, len(x) - counts.sum()), np.append(expected, rest)
    assert counts.sum() == len(x)
    assert stats.chi2(len(counts) - 1).sf(np.sum((counts - expected) ** 2 / expected)) > 1e-7


STREAMS = {
    "uniform": lambda s: random.uniform((4096,), seed=s),
    "normal": lambda s: random.normal((4096,), seed=s),
    "truncated_normal": lambda s: random.truncated_normal((4096,), seed=s),
    "gamma": lambda s: random.gamma((4096,), 2.0, seed=s),
    "beta": lambda s: random.beta((4096,), 2.0, 3.0, seed=s),
    "binomial": lambda s: random.binomial((4096,), 20.0, 0.4, seed=s),
    "randint": lambda s: random.randint((4096,), 0, 1000, seed=s),
    "categorical": lambda s: random.categorical(np.zeros((1, 16), "float32"), 4096, seed=s)[0],
    "dropout": lambda s: random.dropout(np.ones(4096, "float32"), 0.5, seed=s),
    "shuffle": lambda s: random.shuffle(np.arange(4096, dtype="float32"), seed=s),
}


def _largest_correlation(rows):
    """The largest correlation of two rows, in units of what chance gives."""
    matrix = np.corrcoef(np.asarray(rows, "float64"))
    return np.abs(matrix - np.eye(len(matrix))).max() * math.sqrt(np.shape(rows)[1])


@pytest.mark.parametrize("name", STREAMS)
def test_neighbouring_seeds_and_counters_are_uncorrelated(name):
    draw = STREAMS[name]
    generator = random.SeedGenerator(7)
    by_seed = np.array([draw(s) for s in (0, 1, 2, 3, 2**16, 2**16 + 1)])
    by_counter = np.array([draw(generator) for _ in range(6)])
    assert _largest_correlation(by_seed) < 5.5
    assert _largest_correlation(by_counter) < 5.5
    # nor does one replay another some places later, or itself
    for shift in (1, 2, 64, 2048):
        assert _largest_correlation([by_seed[0], np.roll(by_seed[1], shift)]) < 5.5
        assert _largest_correlation([by_counter[0], np.roll(by_counter[1], shift)]) < 5.5
        assert _largest_correlation([by_seed[0], np.roll(by_seed[0], shift)]) < 5.5


def test_a_seed_and_a_generator_of_that_seed_do_not_replay_the_neighbour():
    rows = [set(np.asarray(random.randint((64,), 0, 2**31 - 1, seed=s)).tolist()) for s in range(40)]
    generator = random.SeedGenerator(0)
    rows += [set(np.asarray(random.randint((64,), 0, 2**31 - 1, seed=generator)).tolist()) for _ in range(40)]
    assert len(set().union(*rows)) > 80 * 64 - 5
