"""When callbacks are called, and with what."""

import numpy as np
import pytest

import pronghorn as ph

HOOKS = [n for n in dir(ph.callbacks.Callback) if n.startswith("on_") and n not in ("on_batch_begin", "on_batch_end")]


class Recorder(ph.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


def _recording(name):
    def hook(self, *args):
        *where, logs = args
        self.calls.append((name, *where, sorted(logs)))

    return hook


for _name in HOOKS:
    setattr(Recorder, _name, _recording(_name))


def test_order_and_arguments(data, model):
    r = Recorder()
    model.fit(*data, batch_size=5, epochs=2, verbose=0, validation_data=data, validation_batch_size=10, callbacks=[r])
    results = ["loss", "mae"]
    epoch = lambda i: [  # noqa: E731
        ("on_epoch_begin", i, []),
        ("on_train_batch_begin", 0, []),
        ("on_train_batch_end", 0, results),
        ("on_train_batch_begin", 1, []),
        ("on_train_batch_end", 1, results),
        ("on_test_begin", []),
        ("on_test_batch_begin", 0, []),
        ("on_test_batch_end", 0, results),
        ("on_test_end", results),
        ("on_epoch_end", i, [*results, "val_loss", "val_mae"]),
    ]
    assert r.calls == [("on_train_begin", []), *epoch(0), *epoch(1), ("on_train_end", [*results, "val_loss", "val_mae"])]
    assert r.params == {"verbose": 0, "epochs": 2, "steps": 2}
    assert r.model is model


def test_evaluate_and_predict(data, model):
    r = Recorder()
    model.evaluate(*data, batch_size=10, verbose=0, callbacks=[r])
    model.predict(data[0], batch_size=10, verbose=0, callbacks=r)
    results = ["loss", "mae"]
    assert r.calls == [
        ("on_test_begin", []), ("on_test_batch_begin", 0, []), ("on_test_batch_end", 0, results), ("on_test_end", results),
        ("on_predict_begin", []), ("on_predict_batch_begin", 0, []), ("on_predict_batch_end", 0, ["outputs"]), ("on_predict_end", []),
    ]  # fmt: skip


def test_older_names_of_batch_hooks(data, model):
    seen = []

    class Old(ph.callbacks.Callback):
        def on_batch_begin(self, batch, logs=None):
            seen.append(batch)

        def on_batch_end(self, batch, logs=None):
            seen.append(float(logs["loss"]))

    model.fit(*data, batch_size=10, verbose=0, callbacks=[Old()])
    out = data[0].sum(1, keepdims=True)
    assert seen == [0, pytest.approx(np.mean((out - data[1]) ** 2), rel=1e-5)]


def test_results_of_batches_are_means_of_the_epoch_so_far(data, model):
    seen = []
    model.optimizer.learning_rate = 0.0
    log = ph.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(logs["mae"]))
    model.fit(*data, batch_size=5, epochs=2, verbose=0, shuffle=False, callbacks=[log])
    errors = np.abs(data[0].sum(1, keepdims=True) - data[1])
    np.testing.assert_allclose(seen, [errors[:5].mean(), errors.mean()] * 2, rtol=1e-5)


def test_callbacks_pass_results_on(data, model):
    class Adds(ph.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = epoch

    h = model.fit(*data, epochs=2, verbose=0, callbacks=[Adds()])
    assert h.history["added"] == [0, 1] and h.epoch == [0, 1]
    assert all(type(v) is float for k in ("loss", "mae") for v in h.history[k])
    assert model.history is h


def test_history_given_by_the_user_is_returned(data, model):
    own = ph.callbacks.History()
    assert model.fit(*data, epochs=1, verbose=0, callbacks=[own]) is own
    model.fit(*data, initial_epoch=1, epochs=3, verbose=0, callbacks=[own])
    assert own.epoch == [1, 2] and len(own.history["loss"]) == 3


def test_a_callback_can_stop_training(data, model):
    r = Recorder()
    stop = ph.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: setattr(model, "stop_training", True))
    assert model.fit(*data, batch_size=2, epochs=3, verbose=0, callbacks=[stop, r]).epoch == [0]
    assert [c[0] for c in r.calls].count("on_train_batch_end") == 1
    assert r.calls[-1][0] == "on_train_end"


def test_list_of_callbacks():
    inner = ph.callbacks.Callback()
    found = ph.callbacks.CallbackList([inner, [ph.callbacks.History()]], add_history=True, add_progbar=True, epochs=3, steps=1, verbose=0)
    assert [type(c).__name__ for c in found.callbacks] == ["Callback", "History", "ProgbarLogger"]
    assert inner.params == {"epochs": 3, "steps": 1, "verbose": 0}
    with pytest.raises(TypeError, match="Callback"):
        ph.callbacks.CallbackList([print])


def test_lambda_callback_takes_every_hook():
    seen = []
    c = ph.callbacks.LambdaCallback(on_epoch_begin=lambda e, logs: seen.append(e), on_test_end=lambda logs: seen.append(logs))
    c.on_epoch_begin(1, {})
    c.on_test_end({"a": 1})
    c.on_train_end({})
    assert seen == [1, {"a": 1}]
    with pytest.raises(ValueError, match="on_epoch"):
        ph.callbacks.LambdaCallback(on_epoch=print)
