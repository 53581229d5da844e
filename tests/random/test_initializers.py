"""Initializers: variances, seeds and paths, and names."""

import math

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import initializers, random

SCALED = {
    "glorot_uniform": 2 / (300 + 200), "glorot_normal": 2 / (300 + 200), "he_uniform": 2 / 300, "he_normal": 2 / 300, "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300, "random_normal": 0.05**2, "random_uniform": 0.1**2 / 12, "truncated_normal": (0.05 * 0.8796) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("name", SCALED)
def test_variance_follows_the_fans(name):
    x = initializers.get(name)((300, 200))
    assert isinstance(x, np.ndarray) and x.dtype == "float32"
    assert abs(x.mean()) < 5 * math.sqrt(SCALED[name] / x.size) and abs(x.var() / SCALED[name] - 1) < 0.03


def test_fans_of_kernels_and_named_axes():
    assert abs(initializers.HeNormal(seed=1)((3, 3, 20, 50)).var() * 9 * 20 / 2 - 1) < 0.06
    x = initializers.VarianceScaling(1.0, "fan_out", "untruncated_normal", seed=1, input_axes=(0,), output_axes=(1, 2))((40, 5, 60))
    assert abs(x.var() * 300 - 1) < 0.06


def test_values_depend_on_seed_and_path_not_on_order():
    random.set_random_seed(1)
    a, b = (initializers.GlorotUniform().draw((4, 4), "float32", path) for path in ("one/kernel", "two/kernel"))
    random.set_random_seed(1)
    b2, a2 = (initializers.GlorotUniform().draw((4, 4), "float32", path) for path in ("two/kernel", "one/kernel"))
    assert (a == a2).all() and (b == b2).all() and (a != b).any()
    random.set_random_seed(2)
    assert (initializers.GlorotUniform().draw((4, 4), "float32", "one/kernel") != a).any()


def test_an_integer_seed_alone_decides_as_in_keras():
    a, b = initializers.GlorotUniform(seed=3), initializers.GlorotUniform(seed=3)
    assert (a((5,)) == b((5,))).all() and (a((5,)) == a((5,))).all() and (a.draw((5,), "float32", "x") == b.draw((5,), "float32", "y")).all()
    unseeded = initializers.RandomNormal()
    assert (unseeded((5,)) == unseeded((5,))).all() and (unseeded((5,)) != initializers.RandomNormal()((5,))).any()
    with ph.use_backend("numpy"):
        moving = initializers.RandomNormal(seed=random.SeedGenerator(3))
        assert (moving((5,)) != moving((5,))).any()


def test_the_engine_does_not_matter(engine):
    x = initializers.TruncatedNormal(seed=7)((3,), "bfloat16")
    with ph.use_backend("numpy"):
        assert (initializers.TruncatedNormal(seed=7)((3,), "bfloat16") == x).all()


def test_orthogonal_rows_or_columns():
    for shape in ((3, 5), (5, 3), (2, 3, 4), (4, 4)):
        q = initializers.Orthogonal(gain=2.0, seed=1)(shape).reshape(-1, shape[-1])
        gram = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_constants():
    assert initializers.Constant([1.0, 2.0])((2, 2)).tolist() == [[1, 2], [1, 2]]
    assert initializers.Identity(3.0)((2, 3)).tolist() == [[3, 0, 0], [0, 3, 0]]
    with pytest.raises(ValueError, match="expected the shape of a matrix"):
        initializers.Identity()((2,))


def test_stft_kernels_are_the_windowed_fourier_matrix():
    real, imag = (initializers.STFT(side, "hann", None, periodic=True)((8, 1, 5))[:, 0] for side in ("real", "imag"))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    x = np.random.default_rng(0).normal(size=8)
    np.testing.assert_allclose(x @ (real + 1j * imag), np.fft.rfft(x * window), atol=1e-5)
    for periodic in (False, True):  # a single sample stays as it is, whatever the window
        for name in ("hann", "hamming", "blackman", "bartlett", "boxcar"):
            np.testing.assert_array_equal(initializers.STFT("real", name, "density", periodic)((1, 1, 2)).ravel(), [1, 1])


@pytest.mark.parametrize("cls", initializers._CLASSES, ids=lambda c: c.__name__)
def test_config_round_trip_and_schema(cls):
    first = cls(seed=3) if issubclass(cls, initializers.RandomInitializer) else cls()
    config = initializers.serialize(first)
    assert config["module"] == "keras.initializers" and config["class_name"] == cls.__name__ and config["registered_name"] is None
    again = initializers.deserialize(config)
    assert type(again) is cls and again.get_config() == first.get_config() and type(first.clone()) is cls


def test_get_understands_every_kind_of_identifier():
    assert initializers.get(None) is None
    for identifier in ("zeros", "Zeros", "zero", initializers.Zeros, initializers.Zeros(), {"class_name": "Zeros", "config": {}}):
        assert isinstance(initializers.get(identifier), initializers.Zeros)
    function = lambda shape, dtype=None: np.ones(shape)  # noqa: E731
    assert initializers.get(function) is function
    with pytest.raises(ValueError, match='Did you mean "glorot_uniform"'):
        initializers.get("glorot_unifrom")


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="VarianceScaling: scale must be a positive number; received -1"):
        initializers.VarianceScaling(-1)
    with pytest.raises(ValueError, match='Did you mean "fan_in"'):
        initializers.VarianceScaling(mode="fan_im")
    with pytest.raises(ValueError, match="GlorotUniform: seed must be an integer"):
        initializers.GlorotUniform(seed="a")
