"""Callbacks that follow one result: what they do for given sequences, worked out by hand."""

import numpy as np
import pytest

import pronghorn as ph

VALUES = [1.0, 0.9, 0.95, 0.8, 0.85, 0.84, 0.79, 0.9, 0.9, 0.9]


@pytest.mark.parametrize(
    ("options", "epochs", "best", "weight"),
    [
        ({}, 3, 1, 2),
        ({"patience": 1}, 3, 1, 2),
        ({"patience": 2}, 6, 3, 5),
        ({"patience": 3}, 10, 6, 9),
        ({"patience": 2, "min_delta": 0.05}, 6, 3, 5),
        ({"patience": 2, "restore_best_weights": True}, 6, 3, 3),
        ({"patience": 3, "baseline": 0.5}, 3, 1, 2),  # improvements that do not beat the baseline do not start the count over
        ({"patience": 2, "start_from_epoch": 4}, 9, 6, 8),
        ({"patience": 2, "mode": "max"}, 3, 0, 2),
        ({"patience": 30, "restore_best_weights": True}, 10, 6, 6),
    ],
    ids=str,
)
def test_early_stopping(scripted, options, epochs, best, weight):
    c = ph.callbacks.EarlyStopping(**options)
    ran, _, left = scripted(c, VALUES)
    assert (ran, c.best_epoch, c.best, left) == (epochs, best, VALUES[best], weight)
    assert c.stopped_epoch == (epochs - 1 if epochs < 10 or options["patience"] == 3 else 0)


def test_early_stopping_of_a_missing_result_warns(scripted):
    c = ph.callbacks.EarlyStopping(patience=1)
    with pytest.warns(UserWarning, match="val_loss"):
        assert scripted(c, [1.0, None, None, 2.0, 3.0])[0] == 4


def test_early_stopping_of_nan(scripted):
    c = ph.callbacks.EarlyStopping(patience=2)
    assert scripted(c, [1.0, float("nan"), float("nan"), 0.5])[0] == 3


def test_direction_follows_the_metric(data, model):
    model.compile("sgd", "mse", metrics=["mae", ph.metrics.R2Score(name="fit"), lambda t, p: ph.ops.mean(p, -1)])
    for name, op in (("loss", np.less), ("val_loss", np.less), ("mae", np.less), ("val_fit", np.greater)):
        c = ph.callbacks.EarlyStopping(name)
        model.fit(*data, verbose=0, validation_data=data, callbacks=[c])
        assert c.monitor_op is op, name
    with pytest.raises(ValueError, match='mode="max"'):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.EarlyStopping("<lambda>")])


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({"patience": 1}, [0.1, 0.1, 0.01, 0.01, 0.001, 0.0001, 0.0001]),
        ({"patience": 2, "factor": 0.5}, [0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]),
        ({"patience": 1, "cooldown": 2}, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001]),
        ({"patience": 1, "min_lr": 0.02}, [0.1, 0.1, 0.02, 0.02, 0.02, 0.02, 0.02]),
        ({"patience": 2, "mode": "max", "factor": 0.5}, [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125]),
        ({"patience": 1, "min_delta": 0.5, "factor": 0.5}, [0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.001563]),
    ],
    ids=str,
)
def test_reduce_learning_rate(scripted, options, rates):
    assert scripted(ph.callbacks.ReduceLROnPlateau(**options), VALUES[:7])[1] == rates


def test_reduced_rate_is_in_the_results(data, model):
    h = model.fit(*data, epochs=3, verbose=0, validation_data=data, callbacks=[ph.callbacks.ReduceLROnPlateau(patience=1, min_delta=100.0, factor=0.5)])
    np.testing.assert_allclose(h.history["learning_rate"], [0.1, 0.1, 0.05], rtol=1e-6)
    with pytest.raises(ValueError, match="factor"):
        ph.callbacks.ReduceLROnPlateau(factor=1.5)


def test_learning_rate_schedule_of_epochs(data, model):
    for schedule, expected in ((lambda epoch, rate: rate * 0.5, [0.05, 0.025]), (lambda epoch: 0.2 / (epoch + 1), [0.2, 0.1])):
        model.optimizer.learning_rate = 0.1
        h = model.fit(*data, epochs=2, verbose=0, callbacks=[ph.callbacks.LearningRateScheduler(schedule)])
        np.testing.assert_allclose(h.history["learning_rate"], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="number"):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.LearningRateScheduler(lambda epoch: "fast")])


def test_an_error_inside_a_schedule_is_not_hidden(data, model):
    def schedule(epoch, rate):
        return rate + "1"

    with pytest.raises(TypeError, match="unsupported operand"):
        model.fit(*data, verbose=0, callbacks=[ph.callbacks.LearningRateScheduler(schedule)])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_terminate_on_nan(data, model, bad):
    x, y = data[0], data[1].copy()
    y[5] = bad
    seen = []
    log = ph.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b))
    h = model.fit(x, y, batch_size=2, epochs=2, verbose=0, shuffle=False, callbacks=[ph.callbacks.TerminateOnNaN(), log])
    assert seen == [0, 1, 2] and h.epoch == [0]
    with pytest.raises(RuntimeError, match="batch 2"):
        m = ph.models.clone_model(model)
        m.compile("sgd", "mse")
        m.fit(x, y, batch_size=2, verbose=0, shuffle=False, callbacks=[ph.callbacks.TerminateOnNaN(raise_error=True)])


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
@pytest.mark.parametrize("on_epoch", [False, True])
def test_averages_take_the_place_of_weights(data, engine, on_epoch):
    x, y = data
    with ph.use_backend(engine):
        m = ph.Sequential([ph.Input((3,)), ph.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
        m.compile(ph.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
        kernels = []
        log = ph.callbacks.LambdaCallback(
            on_train_batch_end=lambda b, logs: kernels.append(m.get_weights()[0]), on_epoch_end=lambda e, logs: kernels.append(m.get_weights()[0])
        )
        h = m.fit(x, y, batch_size=10, epochs=2, verbose=0, validation_data=data, callbacks=[ph.callbacks.SwapEMAWeights(on_epoch), log])
        kernel = average = np.ones((3, 1))
        for epoch in range(2):
            kernel = kernel - 0.1 * 2 * x.T @ (x @ kernel - y) / 10
            average = kernel if epoch == 0 else (average + kernel) / 2
            np.testing.assert_allclose(kernels[2 * epoch], kernel, rtol=1e-5)
            np.testing.assert_allclose(kernels[2 * epoch + 1], average if on_epoch else kernel, rtol=1e-5)
            np.testing.assert_allclose(h.history["val_loss"][epoch], np.mean((x @ average - y) ** 2), rtol=1e-5)
        np.testing.assert_allclose(m.get_weights()[0], average, rtol=1e-5)


def test_averages_are_needed_for_swapping(data, model):
    with pytest.raises(ValueError, match="use_ema=True"):
        model.evaluate(*data, verbose=0, callbacks=[ph.callbacks.SwapEMAWeights()])
