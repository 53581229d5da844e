"""One model in four threads at once: two train copies, two predict on one model, one of these while it is traced."""

import threading

import numpy as np
import pytest

import pronghorn as ph

TRAINING = ["jax", "torch", "tensorflow"]


def model():
    ph.utils.set_random_seed(2)
    net = ph.Sequential([ph.layers.Input((6,)), ph.layers.Dense(16, activation="tanh"), ph.layers.BatchNormalization(), ph.layers.Dense(1)])
    net.compile(ph.optimizers.SGD(0.05), "mse")
    return net


@pytest.mark.parametrize("engine", TRAINING)
def test_four_threads(engine):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(128, 6)).astype("float32")
    y = x.sum(1, keepdims=True)
    with ph.use_backend(engine):
        alone = model()
        alone.fit(x, y, epochs=3, shuffle=False, verbose=0)
        expected_weights = alone.get_weights()
        shared, copies = model(), [model(), model()]
    expected = np.asarray(shared.predict(x, verbose=0))
    problems, barrier = [], threading.Barrier(4)

    def run(work):
        def target():
            try:
                barrier.wait(30)
                work()
            except Exception as error:  # reported by the main thread
                problems.append(error)

        return threading.Thread(target=target)

    def trains(net):
        def work():
            net.fit(x, y, epochs=3, shuffle=False, verbose=0)

        return work

    def predicts():
        for size in (128, 50, 33):  # every new size is traced again
            for _ in range(5):
                np.testing.assert_allclose(np.asarray(shared.predict(x[:size], verbose=0)), expected[:size], rtol=1e-5, atol=1e-6)

    threads = [run(trains(copies[0])), run(trains(copies[1])), run(predicts), run(predicts)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not problems, problems
    for net in copies:
        for a, b in zip(net.get_weights(), expected_weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
