"""Scenarios of training.py: masks, configurations, callbacks, precision and settings."""

import os
import tempfile

import numpy as np
from training_common import X, Y, fit, hist, linear, scenario, two


@scenario
def masked(k):
    m = k.Sequential([k.Input((None,)), k.layers.Embedding(5, 3, mask_zero=True, embeddings_initializer="ones"), k.layers.Dense(1, kernel_initializer="ones")])
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mse"])
    i = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [1, 1, 1, 1]], "int32")
    t = np.arange(12, dtype="float32").reshape(3, 4, 1)
    return fit(m, i, t, epochs=2), fit(m, i, t, epochs=2, sample_weight=np.array([1, 2, 3], "float32"))


@scenario
def config(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1, name="o"), {"p": "mse", "q": k.losses.Huber(name="h")}, loss_weights={"p": 1.0, "q": 2.0}, metrics={"p": ["mae"]})
    return m.get_compile_config()


@scenario
def config_of_functions(k):
    m = linear(k)
    m.compile("adam", "mse", metrics=["mae", k.metrics.MeanSquaredError(name="e")], weighted_metrics=["mse"], steps_per_execution=2, jit_compile=False)
    c = m.get_compile_config()
    m2 = linear(k)
    m2.compile_from_config(c)
    r = fit(m2, X, Y)
    del c["optimizer"]
    return c, r


def run_order(k, **kw):
    log = []
    names = [n for n in dir(k.callbacks.Callback) if n.startswith("on_")]

    class All(k.callbacks.Callback):
        pass

    def hook(name):
        def call(self, *a, **kwargs):
            shown = [sorted(v) if hasattr(v, "keys") else v for v in [*a, *kwargs.values()]]
            log.append([name, *shown])

        return call

    for n in names:
        if n not in ("on_batch_begin", "on_batch_end"):
            setattr(All, n, hook(n))
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"], **kw)
    c = All()
    m.fit(X, Y, batch_size=4, epochs=2, verbose=0, validation_data=(X, Y), shuffle=False, callbacks=[c])
    m.evaluate(X, Y, batch_size=5, verbose=0, callbacks=[c])
    m.predict(X, batch_size=5, verbose=0, callbacks=[c])
    return log, c.params


@scenario
def hooks(k):
    return run_order(k)


@scenario
def hooks_of_executions(k):
    return run_order(k, steps_per_execution=2)


class Scripted:
    """A loss sequence for callbacks that only look at logs."""

    @staticmethod
    def run(k, callback, values, key="val_loss", model=None):
        m = model or linear(k)
        if not getattr(m, "compiled", False):
            m.compile(k.optimizers.SGD(0.1), "mse", metrics=["accuracy"])
        callback.set_model(m)
        callback.set_params({"epochs": len(values)})
        m.stop_training = False
        out = []
        callback.on_train_begin()
        for i, v in enumerate(values):
            callback.on_epoch_begin(i)
            logs = {key: v, "loss": 1.0} if v is not None else {"loss": 1.0}
            m.set_weights([np.full((3, 1), i, "float32"), np.zeros(1, "float32")])
            callback.on_epoch_end(i, logs)
            rate = m.optimizer.learning_rate
            out.append([bool(m.stop_training), round(float(np.asarray(rate.numpy() if hasattr(rate, "numpy") else rate)), 8), sorted(logs)])
            if m.stop_training:
                break
        callback.on_train_end()
        return out, float(m.get_weights()[0][0, 0])


@scenario
def early_stopping(k):
    values = [1.0, 0.9, 0.95, 0.8, 0.85, 0.84, 0.79, 0.9, 0.9, 0.9, 0.9]
    results = []
    for kw in (
        {}, {"patience": 1}, {"patience": 2}, {"patience": 3}, {"patience": 2, "min_delta": 0.05}, {"patience": 2, "restore_best_weights": True},
        {"patience": 2, "baseline": 0.5}, {"patience": 2, "baseline": 0.5, "restore_best_weights": True}, {"patience": 2, "start_from_epoch": 4},
        {"patience": 1, "mode": "max"}, {"patience": 3, "min_delta": -0.05}, {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True},
        {"patience": 30, "restore_best_weights": True}, {"patience": 2, "baseline": 0.85},
    ):  # fmt: skip
        c = k.callbacks.EarlyStopping(**kw)
        results.append([str(kw), Scripted.run(k, c, values), c.best, c.best_epoch, c.wait, c.stopped_epoch])
    c = k.callbacks.EarlyStopping("val_loss", patience=1)
    results.append([Scripted.run(k, c, [1.0, None, None, 2.0, 3.0])])
    c = k.callbacks.EarlyStopping("val_loss", patience=2)
    results.append([Scripted.run(k, c, [float("nan"), 1.0, float("nan"), float("nan")])])
    return results


@scenario
def plateau(k):
    values = [1.0, 0.9, 0.95, 0.89995, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    results = []
    for kw in (
        {"patience": 1}, {"patience": 2, "factor": 0.5}, {"patience": 1, "cooldown": 2}, {"patience": 1, "min_lr": 0.02}, {"patience": 2, "min_delta": 0},
        {"patience": 1, "mode": "max"}, {"patience": 0}, {"patience": 1, "cooldown": 1, "factor": 0.3},
    ):  # fmt: skip
        results.append([str(kw), Scripted.run(k, k.callbacks.ReduceLROnPlateau(**kw), values)])
    return results


@scenario
def checkpoints(k):
    results = []
    for kw in (
        {"filepath": "{epoch:02d}-{val_loss:.2f}.keras"}, {"filepath": "best.keras", "save_best_only": True},
        {"filepath": "w{epoch}.weights.h5", "save_weights_only": True, "save_best_only": True, "initial_value_threshold": 0.95},
        {"filepath": "m{epoch}.keras", "mode": "max", "save_best_only": True}, {"filepath": "sub/{epoch}/x.keras"},
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            c = k.callbacks.ModelCheckpoint(**kw | {"filepath": os.path.join(folder, kw["filepath"])})
            Scripted.run(k, c, [1.0, 0.9, 0.95, 0.8])
            results.append([str(kw), sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, fs in os.walk(folder) for f in fs), c.best])
    for freq in (2, 3, 5):
        with tempfile.TemporaryDirectory() as folder:
            m = linear(k)
            m.compile("sgd", "mse")
            c = k.callbacks.ModelCheckpoint(folder + "/{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=freq)
            m.fit(X, Y, batch_size=3, epochs=3, verbose=0, callbacks=[c])
            results.append(sorted(os.listdir(folder)))
    return results


@scenario
def csv(k):
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for i, kw in enumerate(({}, {"separator": ";"}, {"append": True})):
            path = os.path.join(folder, f"{i}.csv")
            for _ in range(2):
                m = linear(k)
                m.compile(k.optimizers.SGD(0.125), "mse", metrics=["mae"])
                m.fit(
                    X,
                    Y,
                    batch_size=4,
                    epochs=3,
                    verbose=0,
                    shuffle=False,
                    callbacks=[k.callbacks.CSVLogger(path, **kw)],
                    validation_data=(X, Y),
                    validation_freq=2,
                )
            with open(path, newline="") as f:
                text = [[round(float(c), 4) if c[:1].isdigit() else c for c in line.replace(";", ",").split(",")] for line in f.read().split("\n")]
            results.append(text)
        path = os.path.join(folder, "missing.csv")
        c = k.callbacks.CSVLogger(path)
        c.set_model(linear(k))
        c.on_train_begin()
        c.on_epoch_end(0, {"loss": 1.0, "b": np.array([1.0, 2.0]), "s": "word"})
        c.on_epoch_end(1, {"loss": 2.0, "new": 3})
        c.on_train_end()
        with open(path, newline="") as f:
            results.append(f.read())
    return results


@scenario
def schedules(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse")
    a = hist(m.fit(X, Y, batch_size=4, epochs=3, verbose=0, shuffle=False, callbacks=[k.callbacks.LearningRateScheduler(lambda e, lr: lr * 0.5)]))
    b = hist(m.fit(X, Y, batch_size=4, epochs=3, verbose=0, shuffle=False, callbacks=[k.callbacks.LearningRateScheduler(lambda e: 0.1 / (e + 1))]))
    return a, b


@scenario
def nan(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse")
    seen = []
    y = Y.copy()
    y[5] = np.nan
    log = k.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b), on_epoch_end=lambda e, logs: seen.append("end"))
    m.fit(X, y, batch_size=2, epochs=2, verbose=0, shuffle=False, callbacks=[k.callbacks.TerminateOnNaN(), log])
    return seen


@scenario
def averages(k):
    results = []
    for kw in ({}, {"swap_on_epoch": True}):
        m = linear(k)
        m.compile(k.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=100), "mse")
        seen = []
        log = k.callbacks.LambdaCallback(
            on_epoch_begin=lambda e, logs: seen.append(m.get_weights()[0].copy()), on_epoch_end=lambda e, logs: seen.append(m.get_weights()[0].copy())
        )
        h = fit(m, X, Y, epochs=2, validation_data=(X, Y), callbacks=[log, k.callbacks.SwapEMAWeights(**kw), log])
        results.append([h, seen, m.get_weights()])
        results.append(m.evaluate(X, Y, verbose=0, callbacks=[k.callbacks.SwapEMAWeights(**kw)]))
        results.append(m.get_weights())
    return results


@scenario
def scaled(k):
    o = k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    v = k.Variable(np.array([1.0], "float32"))
    out = []
    for g in (4.0, 4.0, np.inf, 4.0, 4.0, np.nan, np.nan):
        o.apply([k.ops.convert_to_tensor(np.array([g], "float32"))], [v])
        state = [float(k.ops.convert_to_numpy(x.value)) for x in (o.dynamic_scale, o.step_counter, o.iterations)]
        out.append([float(k.ops.convert_to_numpy(v.value)[0]), *state])
    c = o.get_config()
    c.pop("inner_optimizer")
    c.pop("name")
    return out, c, len(o.variables), [tuple(x.shape) for x in o.variables]


@scenario
def policies(k):
    results = []
    for n in ("mixed_float16", "mixed_bfloat16", "float16", "float32", "float64", "int8"):
        p = k.mixed_precision.Policy(n)
        results.append([p.name, p.compute_dtype, p.variable_dtype, p.get_config(), repr(p), str(p)])
    k.mixed_precision.set_global_policy("mixed_float16")
    try:
        m = linear(k)
        m.compile("sgd", "mse")
        results += [type(m.optimizer).__name__, m.compute_dtype, k.config.dtype_policy().name, k.mixed_precision.global_policy().name, m.variable_dtype]
        n = linear(k)
        n.compile("sgd", "mse", auto_scale_loss=False)
        results.append(type(n.optimizer).__name__)
        results.append({key: value for key, value in m.get_compile_config().items() if key != "optimizer"})
    finally:
        k.config.set_dtype_policy("float32")
    return results


@scenario
def scaled_in_files(k):
    k.mixed_precision.set_global_policy("mixed_float16")
    try:
        m = linear(k)
        m.compile("sgd", "mse")
        return m.get_compile_config()["optimizer"]["class_name"]
    finally:
        k.config.set_dtype_policy("float32")
