"""What the scenarios of training.py share: data, models and their list."""

import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras as keras  # noqa: E402  here alone: after its engine is chosen
import numpy as np  # noqa: E402

import pronghorn as ph  # noqa: E402

ph.set_backend(os.environ["KERAS_BACKEND"])
warnings.simplefilter("ignore")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype("float32")
X2 = RNG.normal(size=(10, 2)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")
Y2 = RNG.normal(size=(10, 2)).astype("float32")
C = RNG.integers(0, 3, 10).astype("int32")
W = RNG.uniform(0.1, 2, 10).astype("float32")
SCENARIOS = {}


def scenario(fn):
    SCENARIOS[fn.__name__] = fn
    return fn


def linear(k, units=1, **options):
    m = k.Sequential([k.Input((3,)), k.layers.Dense(units, kernel_initializer="ones", name="d", **options)])
    return m


def two(k, cls=None, **named):
    a, b = k.Input((3,), name="a"), k.Input((2,), name="b")
    h = k.layers.Concatenate(name="cat")([a, b])
    p = k.layers.Dense(1, kernel_initializer="ones", name="p")(h)
    q = k.layers.Dense(2, kernel_initializer="ones", name="q")(h)
    return (cls or k.Model)([a, b], {"p": p, "q": q} if named.get("as_dict") else [p, q])


def hist(h):
    return [[key, [np.round(v, 4) for v in values]] for key, values in h.history.items()] + [h.epoch]


def fit(m, *a, **kw):
    kw = {"verbose": 0, "shuffle": False, "batch_size": 4} | kw
    return hist(m.fit(*a, **{n: v for n, v in kw.items() if v != "drop"}))
