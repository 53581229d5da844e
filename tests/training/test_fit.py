"""`fit`, `evaluate` and `predict` do what gradient descent written in NumPy does, on every engine and for every kind of data."""

import numpy as np
import pytest

import pronghorn as ph

QUIET = {"verbose": 0, "shuffle": False}


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, {"steps_per_execution": 2}], ids=str)
def test_linear_model_follows_gradient_descent(engine, reference, data, linear, options):
    x, y, w = data
    m = linear(metrics=["mae"], weighted_metrics=["mse"], **options)
    h = m.fit(x, y, sample_weight=w, batch_size=4, epochs=2, validation_data=(x, y, w), **QUIET)
    for epoch in range(2):
        close(h.history["loss"][epoch], reference.epoch(x, y, w))
        close(h.history["val_loss"][epoch], reference.evaluate(x, y, w))
        close(h.history["val_mae"][epoch], np.abs(reference.predict(x) - y).mean())
        close(h.history["val_mse"][epoch], (w[:, None] * (reference.predict(x) - y) ** 2).sum() / w.sum())
    close(m.get_weights()[0], reference.kernel)
    close(m.get_weights()[1], reference.bias)
    assert int(m.optimizer.iterations.numpy()) == 6
    close(m.predict(x, batch_size=4, verbose=0), reference.predict(x))
    loss, mae, mse = m.evaluate(x, y, batch_size=4, sample_weight=w, verbose=0)
    close([loss, mae], [reference.evaluate(x, y, w), np.abs(reference.predict(x) - y).mean()])
    assert m.evaluate(x, y, batch_size=4, sample_weight=w, verbose=0, return_dict=True) == {"loss": loss, "mae": mae, "mse": mse}


def pairs(x, y, w, size=4):
    return [(x[i : i + size], y[i : i + size], w[i : i + size]) for i in range(0, len(x), size)]


class Batches(ph.utils.PyDataset):
    def __init__(self, batches, **options):
        super().__init__(**options)
        self.batches, self.begun, self.ended = batches, 0, 0

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return self.batches[i]

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def torch_loader(x, y, w):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*map(torch.tensor, (x, y, w))), batch_size=4)


def tf_dataset(x, y, w):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y, w)).batch(4)


def generator(x, y, w):
    while True:
        yield from pairs(x, y, w)


KINDS = {
    "torch_loader": torch_loader,
    "tf_dataset": tf_dataset,
    "generator": generator,
    "list_of_batches_object": lambda x, y, w: iter_again(pairs(x, y, w)),
    "pydataset": lambda x, y, w: Batches(pairs(x, y, w)),
    "pydataset_threads": lambda x, y, w: Batches(pairs(x, y, w), workers=2),
}


class iter_again:
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


@pytest.mark.parametrize("kind", KINDS)
def test_batched_data_of_every_kind(engine, reference, data, linear, kind):
    m = linear()
    steps = {"steps_per_epoch": 3} if kind == "generator" else {}
    h = m.fit(KINDS[kind](*data), epochs=2, **steps, **QUIET)
    close(h.history["loss"], [reference.epoch(*data), reference.epoch(*data)])
    steps = {"steps": 3} if kind == "generator" else {}
    close(m.evaluate(KINDS[kind](*data), verbose=0, **steps), reference.evaluate(*data))
    close(m.predict(KINDS[kind](*data), verbose=0, **steps), reference.predict(data[0]))


def test_arrays_of_every_kind(engine, reference, data, linear):
    import pandas as pd
    import torch

    x, y, w = data
    expected = reference.epoch(x, y, w)
    for a, b, c in (
        (ph.ops.convert_to_tensor(x), ph.ops.convert_to_tensor(y), ph.ops.convert_to_tensor(w)),
        (torch.tensor(x), torch.tensor(y), w),
        (pd.DataFrame(x), pd.DataFrame(y), pd.Series(w)),
        (pd.DataFrame(x), pd.Series(y[:, 0]), w),
        (x.tolist(), y.tolist(), w.tolist()),
        (x.astype("float64"), y.astype("float64"), w),
        (np.asfortranarray(x), y[::-1][::-1], w),
    ):
        close(linear().fit(a, b, sample_weight=c, batch_size=4, **QUIET).history["loss"], [expected])


def test_dataset_hooks_are_called_once_per_epoch(on_torch, data, linear):
    d = Batches(pairs(*data))
    linear().fit(d, epochs=3, **QUIET)
    assert (d.begun, d.ended) == (3, 3)


def test_steps_per_epoch_goes_on_where_the_last_epoch_ended(engine, reference, data, linear):
    x, y, _ = data
    order = [slice(i, i + 4) for i in (0, 4, 8)] * 2
    m = linear()
    seen = []
    log = ph.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    m.fit(x, y, batch_size=4, epochs=3, steps_per_epoch=2, callbacks=[log], **QUIET)
    for cut in order:
        reference.step(x[cut], y[cut])
    close(m.get_weights()[0], reference.kernel)
    assert seen == [0, 1] * 3


def test_steps_per_execution_with_a_shorter_last_group(engine, data, linear):
    x, y, _ = data
    seen = []
    log = ph.callbacks.LambdaCallback(on_train_batch_begin=lambda b, logs: seen.append(b), on_train_batch_end=lambda b, logs: seen.append(b))
    a, b = linear(steps_per_execution=3), linear()
    for m, callbacks in ((a, [log]), (b, [])):
        m.fit(x, y, batch_size=2, epochs=2, callbacks=callbacks, **QUIET)
    assert seen == [0, 2, 3, 4] * 2
    close(a.get_weights()[0], b.get_weights()[0])


def test_class_weight_multiplies_sample_weight(engine, data, linear):
    x, _, w = data
    classes = np.array([0, 1, 2, 2, 1, 0, 0, 1, 2, 2])
    table = {0: 0.5, 1: 3.0}
    weight = np.array([table.get(c, 1.0) for c in classes])
    for targets, loss in ((classes, "sparse_categorical_crossentropy"), (np.eye(3)[classes], "categorical_crossentropy")):
        for sample_weight in (None, w):
            m = linear(loss=loss, units=3, activation="softmax")
            m.set_weights([np.zeros((3, 3)), np.zeros(3)])
            h = m.fit(x, targets, batch_size=10, class_weight=table, sample_weight=sample_weight, **QUIET)
            close(h.history["loss"], [np.mean(weight * (1 if sample_weight is None else w)) * np.log(3)])


def test_validation_split_takes_the_last_samples(engine, reference, data, linear):
    x, y, _ = data
    h = linear().fit(x, y, batch_size=4, epochs=3, validation_split=0.25, validation_freq=2, **QUIET)
    losses, validation = [], []
    for _ in range(3):
        losses.append(reference.epoch(x[:7], y[:7]))
        validation.append(reference.evaluate(x[7:], y[7:]))
    close(h.history["loss"], losses)
    close(h.history["val_loss"], validation[1:2])


def test_validation_options(on_torch, data, linear):
    x, y, _ = data
    h = linear().fit(x, y, epochs=5, initial_epoch=2, validation_data=(x, y), validation_freq=[3, 5], validation_batch_size=3, validation_steps=2, **QUIET)
    assert h.epoch == [2, 3, 4]
    assert [len(h.history[k]) for k in ("loss", "val_loss")] == [3, 2]
    seen = []
    log = ph.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))
    linear().fit(x, y, validation_data=(x, y), validation_batch_size=3, validation_steps=2, callbacks=[log], **QUIET)
    assert seen == [0, 1]


def test_shuffling_depends_on_the_seed_alone(data, linear):
    x, y, _ = data
    weights = []
    for engine in ("jax", "torch", "tensorflow", "torch"):
        with ph.use_backend(engine):
            ph.utils.set_random_seed(3)
            m = linear()
            m.fit(x, y, batch_size=3, epochs=2, verbose=0)
            weights.append(m.get_weights()[0])
    for other in weights[1:]:
        close(other, weights[0])
    with ph.use_backend("torch"):
        m = linear()
        m.fit(x, y, batch_size=3, epochs=2, **QUIET)
        assert np.abs(m.get_weights()[0] - weights[0]).max() > 1e-4


def test_batches_one_at_a_time(engine, reference, data, linear):
    x, y, w = data
    m = linear(metrics=["mae"])
    for _ in range(2):  # each call stands alone
        mae = np.abs(reference.predict(x) - y).mean()
        close(m.train_on_batch(x, y, sample_weight=w), [reference.step(x, y, w), mae])
    mae = np.abs(reference.predict(x) - y).mean()
    close(m.test_on_batch(x, y), [reference.loss(x, y), mae])
    result = m.test_on_batch(x, y, return_dict=True)
    assert list(result) == ["loss", "mae"]
    predicted = m.predict_on_batch(x)
    assert isinstance(predicted, np.ndarray)
    close(predicted, reference.predict(x))


def test_limits_of_the_process(on_torch, data, linear):
    x, y, _ = data
    ph.config.set_max_epochs(2)
    ph.config.set_max_steps_per_epoch(3)
    try:
        seen = []
        log = ph.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
        with pytest.warns(UserWarning, match="limited to 2"):
            h = linear().fit(x, y, batch_size=1, epochs=5, callbacks=[log], **QUIET)
        assert h.epoch == [0, 1] and seen == [0, 1, 2] * 2
        assert linear().predict(x, batch_size=1, verbose=0).shape == (3, 1)
        assert linear().fit(iter_again(pairs(*data, size=1)), **QUIET).epoch == [0]
    finally:
        ph.config.set_max_epochs(None)
        ph.config.set_max_steps_per_epoch(None)
    with pytest.raises(ValueError, match="1 or more"):
        ph.config.set_max_epochs(0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda x, y: {"x": x, "y": y[:5]}, "same number of samples"),
        (lambda x, y: {"x": x, "y": y, "class_weight": [1, 2]}, "class_weight"),
        (lambda x, y: {"x": x, "y": y, "steps_per_epoch": 0}, "steps_per_epoch"),
        (lambda x, y: {"x": x[:0], "y": y[:0]}, "empty"),
        (lambda x, y: {"x": iter([]), "y": y}, "y must not be given"),
        (lambda x, y: {"x": iter([])}, "empty"),
        (lambda x, y: {"x": np.array([["a"]])}, "text"),
        (lambda x, y: {"x": x[:1], "y": y[:1], "validation_split": 0.1}, "leaves no samples for training"),
        (lambda x, y: {"x": x, "y": y, "batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_data_is_named_before_training(on_torch, data, linear, arguments, message):
    x, y, _ = data
    m = linear()
    with pytest.raises(ValueError, match=message):
        m.fit(**arguments(x, y), **QUIET)
    assert int(m.optimizer.iterations.numpy()) == 0
