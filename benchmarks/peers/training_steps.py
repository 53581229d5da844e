"""Scenarios of training.py: steps, losses, metrics, weights, what a model may override."""

import numpy as np
from training_common import X2, Y2, C, W, X, Y, fit, linear, scenario, two


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
