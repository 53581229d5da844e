"""Training is stated on every engine that can train; expectations come from gradient descent written in NumPy."""

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.backend.registry import list_backends

ENGINES = [b.name for b in list_backends() if b.status == "ready" and b.name not in ("numpy", "openvino")]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 3)).astype("float32")
Y = RNG.normal(size=(10, 1)).astype("float32")
W = RNG.uniform(0.2, 2, 10).astype("float32")


class Reference:
    """A linear model trained by gradient descent on the weighted mean of squares, in float64."""

    def __init__(self, rate=0.1):
        self.kernel, self.bias, self.rate = np.ones((3, 1)), np.zeros(1), rate

    def predict(self, x):
        return x.astype("float64") @ self.kernel + self.bias

    def loss(self, x, y, w=None):
        w = np.ones(len(x)) if w is None else w
        return float(np.mean(w[:, None] * (self.predict(x) - y) ** 2))

    def step(self, x, y, w=None):
        w = np.ones(len(x)) if w is None else w
        before = self.loss(x, y, w)
        slope = 2 * w[:, None] * (self.predict(x) - y) / len(x)
        self.kernel, self.bias = self.kernel - self.rate * x.T @ slope, self.bias - self.rate * slope.sum(0)
        return before

    def epoch(self, x, y, w=None, batch=4):
        """Train on batches in order and return the mean loss, each batch counted by its size."""
        cuts = [slice(i, i + batch) for i in range(0, len(x), batch)]
        losses = [(self.step(x[c], y[c], None if w is None else w[c]), len(x[c])) for c in cuts]
        return sum(value * n for value, n in losses) / len(x)

    def evaluate(self, x, y, w=None, batch=4):
        losses = [
            (self.loss(x[i : i + batch], y[i : i + batch], None if w is None else w[i : i + batch]), len(x[i : i + batch])) for i in range(0, len(x), batch)
        ]
        return sum(value * n for value, n in losses) / len(x)


@pytest.fixture
def reference():
    return Reference()


@pytest.fixture
def data():
    return X, Y, W


@pytest.fixture(params=ENGINES)
def engine(request):
    with ph.use_backend(request.param):
        yield request.param


@pytest.fixture
def on_torch():
    """One engine, where the behaviour is core's alone."""
    with ph.use_backend("torch"):
        yield


@pytest.fixture
def linear():
    """Return a function that makes the model of `Reference`, compiled."""

    def make(optimizer=None, loss="mse", units=1, activation=None, **options):
        m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(units, activation=activation, kernel_initializer="ones")])
        m.compile(optimizer or ph.optimizers.SGD(0.1), loss, **options)
        return m

    return make
