"""Training beside Keras: every scenario runs on both and must give the same numbers, names and order.

python3 dev.py run bench python benchmarks/peers/training.py [NAME ...]
"""

import os
import sys
import tempfile
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
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


@scenario
def plain(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae", "accuracy"])
    return fit(m, X, Y, epochs=3), m.get_weights(), m.evaluate(X, Y, verbose=0), m.evaluate(X, Y, verbose=0, return_dict=True), m.metrics_names


@scenario
def predict_shapes(k):
    m = two(k)
    m.compile("sgd", "mse")
    return [m.predict([X, X2], batch_size=3, verbose=0), m.predict({"a": X, "b": X2}, batch_size=3, verbose=0), m.predict_on_batch([X[:2], X2[:2]])]


@scenario
def losses_as_string(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=[["mae"], ["mse"]])
    return fit(m, [X, X2], [Y, Y2], epochs=2, validation_data=([X, X2], [Y, Y2])), m.evaluate([X, X2], [Y, Y2], verbose=0), m.metrics_names


@scenario
def losses_as_list(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1), ["mse", "mae"], loss_weights=[0.3, 2.0], metrics=[["mae", "mse"], None], weighted_metrics=[None, ["mae"]])
    return fit(m, [X, X2], [Y, Y2], epochs=2, sample_weight=[W, W]), m.evaluate([X, X2], [Y, Y2], verbose=0), m.metrics_names


@scenario
def losses_as_dict(k):
    m = two(k)
    m.compile(
        k.optimizers.SGD(0.1), {"p": "mse", "q": "mae"}, loss_weights={"p": 1.0, "q": 0.5}, metrics={"p": ["mae"], "q": "mse"}, weighted_metrics={"p": ["mae"]}
    )
    r = fit(m, {"a": X, "b": X2}, {"p": Y, "q": Y2}, epochs=2)
    return r, m.evaluate([X, X2], {"p": Y, "q": Y2}, verbose=0), m.evaluate([X, X2], {"p": Y, "q": Y2}, verbose=0, return_dict=True)


@scenario
def losses_of_dict_model(k):
    m = two(k, as_dict=True)
    m.compile(k.optimizers.SGD(0.1), {"p": "mse", "q": "mae"}, metrics={"p": ["mae"], "q": ["mse", "mae"]})
    r = fit(m, {"a": X, "b": X2}, {"p": Y, "q": Y2}, epochs=2)
    p = m.predict({"a": X, "b": X2}, verbose=0)
    return r, sorted(p), m.evaluate([X, X2], {"p": Y, "q": Y2}, verbose=0)


@scenario
def some_outputs_without_loss(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1), {"p": "mse"}, metrics={"q": ["mae"]})
    return fit(m, {"a": X, "b": X2}, {"p": Y, "q": Y2}, epochs=2)


@scenario
def loss_list_with_none(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1), ["mse", None])
    return fit(m, [X, X2], [Y, Y2], epochs=2)


@scenario
def same_loss_objects(k):
    m = two(k)
    m.compile(k.optimizers.SGD(0.1), [k.losses.MeanSquaredError(name="l"), k.losses.MeanSquaredError(name="l")], metrics=["mae", "mse"])
    return fit(m, [X, X2], [Y, Y2], epochs=1)


@scenario
def metrics_of_all_kinds(k):
    m = linear(k, 3, activation="softmax")
    m.compile(
        k.optimizers.SGD(0.1),
        k.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", "acc", k.metrics.SparseCategoricalAccuracy(name="mine"), "crossentropy", "ce", k.losses.sparse_categorical_crossentropy],
        weighted_metrics=["accuracy", "sparse_categorical_crossentropy", k.metrics.SparseTopKCategoricalAccuracy(k=2)],
    )
    return fit(m, X, C, epochs=2, sample_weight=W), m.evaluate(X, C, verbose=0, sample_weight=W), m.metrics_names


@scenario
def metrics_function(k):
    def mine(y_true, y_pred):
        return k.ops.mean(y_pred)

    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), lambda t, p: k.ops.mean(k.ops.square(t - p), -1), metrics=[mine, "mae"])
    return fit(m, X, Y, epochs=2)


@scenario
def weights_of_classes(k):
    m = linear(k, 3, activation="softmax")
    m.compile(k.optimizers.SGD(0.1), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    a = fit(m, X, C, epochs=2, class_weight={0: 0.5, 1: 2.0, 2: 1.5})
    b = m.train_on_batch(X, C, class_weight={0: 0.5, 1: 2.0, 2: 1.0})
    onehot = np.eye(3, dtype="float32")[C]
    n = linear(k, 3, activation="softmax")
    n.compile(k.optimizers.SGD(0.1), "categorical_crossentropy")
    return a, b, fit(n, X, onehot, class_weight={0: 0.5, 1: 2.0, 2: 1.5})


@scenario
def classes_and_samples(k):
    m = linear(k, 3, activation="softmax")
    m.compile(k.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    try:
        return fit(m, X, C, class_weight={0: 0.5, 1: 2.0, 2: 1.5}, sample_weight=W)
    except ValueError:
        return "ValueError"


@scenario
def validation(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mse"])
    a = fit(m, X, Y, epochs=4, validation_split=0.25, validation_freq=2)
    b = fit(m, X, Y, epochs=5, initial_epoch=2, validation_data=(X, Y, W), validation_freq=[3, 5], validation_batch_size=3, validation_steps=2)
    return a, b


@scenario
def generator(k):
    def batches():
        while True:
            for i in range(0, 8, 4):
                yield X[i : i + 4], Y[i : i + 4], W[i : i + 4]

    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", weighted_metrics=["mse"])
    a = fit(m, batches(), epochs=3, steps_per_epoch=3, batch_size="drop", shuffle="drop", validation_data=batches(), validation_steps=3)
    return a, m.evaluate(batches(), steps=2, verbose=0), m.predict(batches(), steps=3, verbose=0).shape


@scenario
def pydataset(k):
    class Data(k.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.ended = 0

        def __len__(self):
            return 2

        def __getitem__(self, i):
            return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4], W[4 * i : 4 * i + 4]

        def on_epoch_end(self):
            self.ended += 1

    m = linear(k)
    d = Data()
    m.compile(k.optimizers.SGD(0.1), "mse", weighted_metrics=["mse"])
    a = fit(m, d, epochs=3, batch_size="drop")
    return a, d.ended, m.evaluate(Data(), verbose=0), m.predict(Data(), verbose=0).shape


@scenario
def loader(k):
    import torch

    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse")
    return fit(m, torch.utils.data.DataLoader(data, batch_size=4), epochs=2, batch_size="drop", validation_data=torch.utils.data.DataLoader(data, batch_size=4))


@scenario
def tfdata(k):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse")
    a = fit(m, data, epochs=2, batch_size="drop", validation_data=data)
    return a, fit(m, data.repeat(), epochs=2, steps_per_epoch=4, batch_size="drop"), m.predict(data, verbose=0).shape, m.evaluate(data, verbose=0)


@scenario
def tables(k):
    import pandas as pd

    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse")
    return fit(m, pd.DataFrame(X), pd.Series(Y[:, 0]), epochs=2), fit(m, pd.DataFrame(X), pd.DataFrame(Y), epochs=2, sample_weight=pd.Series(W))


@scenario
def executions(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"], steps_per_execution=2)
    return fit(m, X, Y, epochs=2, validation_data=(X, Y)), m.evaluate(X, Y, batch_size=4, verbose=0), m.predict(X, batch_size=4, verbose=0)


@scenario
def on_batch(k):
    m = linear(k)
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return [
        m.train_on_batch(X, Y),
        m.train_on_batch(X, Y, return_dict=True),
        m.test_on_batch(X, Y),
        m.test_on_batch(X, Y, sample_weight=W, return_dict=True),
        type(m.train_on_batch(X, Y)[0]).__name__,
        type(m.predict_on_batch(X)).__name__,
    ]


@scenario
def regularized(k):
    m = linear(k, kernel_regularizer=k.regularizers.L2(0.1), activity_regularizer=k.regularizers.L1(0.01))
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return fit(m, X, Y, epochs=2, validation_data=(X, Y)), m.evaluate(X, Y, verbose=0)


@scenario
def added(k):
    class Layer(k.layers.Layer):
        def __init__(self):
            super().__init__(name="l")
            self.seen = k.metrics.Mean(name="seen")

        def call(self, x):
            self.add_loss(0.5 * k.ops.mean(k.ops.square(x)))
            self.seen.update_state(k.ops.mean(x))
            return x

    m = k.Sequential([k.Input((3,)), k.layers.Dense(1, kernel_initializer="ones"), Layer()])
    m.compile(k.optimizers.SGD(0.1), "mse", metrics=["mae"])
    a = fit(m, X, Y, epochs=2, validation_data=(X, Y)), m.metrics_names, m.evaluate(X, Y, verbose=0)
    n = k.Sequential([k.Input((3,)), k.layers.Dense(1, kernel_initializer="ones"), Layer()])
    n.compile(k.optimizers.SGD(0.1))
    return a, fit(n, X, epochs=2)


@scenario
def own_losses_and_metrics(k):
    class Model(k.Model):
        def __init__(self, *a, **kw):
            super().__init__(*a, **kw)
            self.tracker = k.metrics.Mean(name="tracked")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = k.ops.mean(k.ops.abs(y - y_pred))
            self.tracker.update_state(loss)
            return loss

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            r = super().compute_metrics(x, y, y_pred, sample_weight)
            r["extra"] = self.tracker.result() * 2
            return r

    i = k.Input((3,))
    m = Model(i, k.layers.Dense(1, kernel_initializer="ones")(i))
    m.compile(k.optimizers.SGD(0.1), metrics=["mse"])
    return fit(m, X, Y, epochs=2, validation_data=(X, Y)), m.metrics_names, m.evaluate(X, Y, verbose=0)


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
        results.append(m.get_compile_config())
    finally:
        k.config.set_dtype_policy("float32")
    return results


#: differences that are meant: scenario -> why
EXPLAINED = {
    "some_outputs_without_loss": "a dict of losses may leave outputs out here; Keras wants an entry for each",
    "pydataset": "on_epoch_end is called once per epoch here; Keras calls it once more",
    "hooks_of_executions": "the last, shorter group ends at its last batch here; predict() has hooks for each batch here",
}
IGNORED = (".module", ".registered_name", ".jit_compile", ".optimizer.config.name")  # Keras names its modules of one backend; files here name none


def same(a, b, path=""):
    """Return where two results differ."""
    if hasattr(a, "numpy"):
        a = a.numpy()
    if hasattr(b, "numpy"):
        b = b.numpy()
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            return [f"{path}: keys {list(a)} != {list(b)}"]
        return [d for key in a for d in same(a[key], b[key], f"{path}.{key}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        if len(a) != len(b):
            return [f"{path}: {len(a)} items {str(a)[:300]} != {len(b)} items {str(b)[:300]}"]
        return [d for i, (v, w) in enumerate(zip(a, b)) for d in same(v, w, f"{path}[{i}]")]
    if isinstance(a, (float, int, np.ndarray, np.generic)) and isinstance(b, (float, int, np.ndarray, np.generic)):
        if np.shape(a) != np.shape(b) or not np.allclose(a, b, rtol=2e-3, atol=2e-4, equal_nan=True):
            return [f"{path}: {a} != {b}"]
        return []
    if path.endswith(IGNORED):
        return []
    return [] if a == b or str(a).replace("keras.src", "keras") == str(b) else [f"{path}: {a!r} != {b!r}"]


def main(names):
    failed = 0
    for name in names or SCENARIOS:
        got = []
        for k in (keras, ph):
            try:
                got.append(SCENARIOS[name](k))
            except Exception as error:  # noqa: BLE001
                got.append(f"{type(error).__name__}: {error}"[:300])
        found = same(*got)
        why = EXPLAINED.get(name)
        if isinstance(got[0], str) and "Error" in got[0] and not isinstance(got[1], str):
            why = why or f"Keras fails: {got[0][:100]!r}"
        failed += bool(found) and why is None
        print(f"{name:28s} {'same' if not found else why or 'DIFFERENT (keras != pronghorn)'}")
        for line in found[:6] if why is None else []:
            print("    ", line[:600])
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
