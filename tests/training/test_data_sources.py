"""`fit`, `evaluate` and `predict` read every source of batches alike: each trains to what gradient descent in NumPy finds, on every engine."""

import itertools
import sys
import time

import numpy as np
import pandas as pd
import pytest

import pronghorn as ph

QUIET = {"verbose": 0, "shuffle": False}
CUTS = [slice(0, 4), slice(4, 8), slice(8, 10)]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


class Again:
    """Batches anew for each pass, with no length."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return iter(self.make())


def cut(*arrays):
    return [tuple(a[c] for a in arrays) for c in CUTS]


def tf_data(*arrays):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays)


def loader(*arrays, **options):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*map(torch.tensor, arrays)), batch_size=4, **options)


# -- stand-ins, with what the classes of the libraries document --------------------------------------------------------------------------------
class GrainMap:
    """Like `grain.MapDataset`: by number, with a length that is `sys.maxsize` after `repeat()`."""

    def __init__(self, batches, times=1):
        self.batches, self.times = batches, times

    def __len__(self):
        return sys.maxsize if self.times is None else len(self.batches) * self.times

    def __getitem__(self, i):
        return self.batches[i % len(self.batches)]

    def __iter__(self):
        return (self[i] for i in (itertools.count() if self.times is None else range(len(self))))

    def repeat(self, times=None):
        return GrainMap(self.batches, times)


class GrainIter:
    """Like `grain.IterDataset` and `grain.DataLoader`: iterable, without a length."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class Table:
    """Like `datasets.Dataset`: rows by number, lists until a format is set."""

    def __init__(self, columns, kind=None):
        self.columns, self.format = columns, {"type": kind, "columns": list(columns)}

    column_names = property(lambda self: list(self.columns))

    def with_format(self, kind):
        return Table(self.columns, kind)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key):
        found = {k: v[key] for k, v in self.columns.items()}
        return found if self.format["type"] == "numpy" else {k: v.tolist() for k, v in found.items()}

    def __iter__(self):
        return ({k: v[i] for k, v in self.columns.items()} for i in range(len(self)))


class TableInOrder:
    """Like `datasets.IterableDataset`: batches in order, of columns whose names may not be known."""

    column_names = None

    def __init__(self, table):
        self.table = table

    def with_format(self, kind):
        return TableInOrder(self.table.with_format(kind))

    def iter(self, batch_size, drop_last_batch=False):
        return (self.table[i : i + batch_size] for i in range(0, len(self.table), batch_size))

    def __iter__(self):
        return iter(self.table)


def with_gradients(x, y):
    import torch

    return Again(lambda: [(torch.tensor(a, requires_grad=True), torch.tensor(b).to(torch.bfloat16)) for a, b in cut(x, y)])


SOURCES = {
    "tf_unknown_length": lambda x, y: tf_data(x, y).batch(4).filter(lambda *_: True),
    "tf_endless": lambda x, y: (tf_data(x, y).batch(4).repeat(), 3),
    "tf_float64": lambda x, y: tf_data(x.astype("float64"), y.astype("float64")).batch(4),
    "tf_uint8": lambda x, y: tf_data(x.astype("uint8"), y.astype("uint8")).batch(4),
    "loader_float64": lambda x, y: loader(x.astype("float64"), y.astype("float64")),
    "loader_uint8": lambda x, y: loader(x.astype("uint8"), y.astype("uint8")),
    "loader_gradients_bfloat16": with_gradients,
    "lists_of_numbers": lambda x, y: Again(lambda: [[a.tolist(), b.tolist()] for a, b in cut(x, y)]),
    "frames": lambda x, y: Again(lambda: [(pd.DataFrame(a), pd.Series(b[:, 0])) for a, b in cut(x, y)]),
    "frames_of_objects": lambda x, y: Again(lambda: [(pd.DataFrame(a).astype(object), pd.DataFrame(b)) for a, b in cut(x, y)]),
    "grain_map": lambda x, y: GrainMap(cut(x, y)),
    "grain_map_endless": lambda x, y: (GrainMap(cut(x, y)).repeat(), 3),
    "grain_iter": lambda x, y: GrainIter(cut(x, y)),
    "table": lambda x, y: {"x": Table({"a": x, "label": y}), "y": "label", "batch_size": 4},
    "table_in_order": lambda x, y: {"x": TableInOrder(Table({"a": x, "label": y})), "y": "label", "batch_size": 4},
}


@pytest.fixture
def whole():
    """Data that every dtype holds: small whole numbers."""
    rng = np.random.default_rng(1)
    return rng.integers(0, 3, (10, 3)).astype("float32"), rng.integers(0, 4, (10, 1)).astype("float32")


#: those that bring tensors and dtypes of their own; with the others, all is core's
FOREIGN = [kind for kind in SOURCES if kind.startswith(("tf_float", "tf_uint", "loader", "lists"))]


@pytest.mark.parametrize("kind", FOREIGN)
def test_tensors_of_every_library_train_every_engine(engine, reference, whole, linear, kind):
    trains_as_gradient_descent_does(kind, reference, whole, linear)


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind not in FOREIGN])
def test_batches_of_every_source(on_torch, reference, whole, linear, kind):
    trains_as_gradient_descent_does(kind, reference, whole, linear)


def trains_as_gradient_descent_does(kind, reference, whole, linear):
    source = SOURCES[kind](*whole)
    source, steps = source if isinstance(source, tuple) else (source, None)
    given = source if isinstance(source, dict) else {"x": source}
    m = linear()
    h = m.fit(**given, epochs=2, steps_per_epoch=steps, **QUIET)
    close(h.history["loss"], [reference.epoch(*whole), reference.epoch(*whole)])
    close(m.evaluate(**given, steps=steps, verbose=0), reference.evaluate(*whole))


INPUTS = {
    "tf_dicts": lambda a, b, y, w: tf_data({"a": a, "b": b}, y, w).batch(4),
    "loader_dicts": lambda a, b, y, w: loader_of_rows([({"a": a[i], "b": b[i]}, y[i], w[i]) for i in range(len(a))]),
    "loader_lists": lambda a, b, y, w: loader_of_rows([[[a[i], b[i]], y[i], w[i]] for i in range(len(a))]),
    "frames": lambda a, b, y, w: Again(lambda: [({"a": pd.DataFrame(i), "b": pd.Series(j[:, 0])}, k, pd.Series(n)) for i, j, k, n in cut(a, b, y, w)]),
    "table": lambda a, b, y, w: {"x": Table({"a": a, "b": b, "label": y, "weight": w}), "y": "label", "sample_weight": "weight", "batch_size": 4},
}


def loader_of_rows(rows):
    import torch

    return torch.utils.data.DataLoader(rows, batch_size=4)


@pytest.mark.parametrize("kind", INPUTS)
def test_several_inputs_and_weights(on_torch, reference, data, kind):
    x, y, w = data
    a, b = ph.Input((2,), name="a"), ph.Input((1,), name="b")
    out = ph.layers.Dense(1, kernel_initializer="ones")(ph.layers.Concatenate()([a, b]))
    m = ph.Model([a, b] if kind == "loader_lists" else {"a": a, "b": b}, out)
    m.compile(ph.optimizers.SGD(0.1), "mse")
    source = INPUTS[kind](x[:, :2], x[:, 2:], y, w)
    h = m.fit(**source if isinstance(source, dict) else {"x": source}, epochs=2, **QUIET)
    close(h.history["loss"], [reference.epoch(x, y, w), reference.epoch(x, y, w)])


@pytest.mark.parametrize("engine", ["numpy", "openvino"])
def test_engines_that_only_predict_read_them_too(engine, reference, whole, linear):
    x, y = whole
    with ph.use_backend(engine):
        m = linear()
        for source in (tf_data(x).batch(4), tf_data(x.astype("uint8"), y).batch(4), loader(x.astype("float64")), GrainIter(cut(x)), with_gradients(x, y)):
            close(m.predict(source, verbose=0), reference.predict(x))
        close(m.predict(Table({"a": x}), batch_size=4, verbose=0), reference.predict(x))
        close(m.evaluate(loader(x, y), verbose=0), reference.evaluate(x, y))


def test_grain_and_hugging_face_datasets(on_torch, reference, data, linear):
    x, y, w = data
    expected = reference.epoch(*data)
    import datasets
    import grain

    rows = grain.MapDataset.source(list(zip(x, y, w, strict=True)))
    close(linear().fit(rows.batch(4), **QUIET).history["loss"], [expected])
    close(linear().fit(rows.repeat().batch(5), steps_per_epoch=2, **QUIET).history["loss"], [type(reference)().epoch(*data, batch=5)])
    sampler = grain.samplers.IndexSampler(num_records=10, num_epochs=1, shuffle=False)
    one_by_one = grain.DataLoader(data_source=list(zip(x, y, w, strict=True)), sampler=sampler, operations=[grain.transforms.Batch(4)])
    close(linear().fit(one_by_one, **QUIET).history["loss"], [expected])
    close(linear().fit(rows.to_iter_dataset().batch(4), **QUIET).history["loss"], [expected])
    with pytest.raises(ValueError, match="no end"):
        linear().fit(rows.batch(4).repeat(), **QUIET)
    table = datasets.Dataset.from_dict({"a": x, "label": y, "weight": w})
    names = {"y": "label", "sample_weight": "weight", "batch_size": 4}
    for t in (table, table.with_format("torch"), table.to_iterable_dataset()):
        close(linear().fit(t, **names, **QUIET).history["loss"], [expected])
    close(linear().predict(table.select_columns("a"), verbose=0), type(reference)().predict(x))
    batches = Again(lambda: ((b["a"], b["label"]) for b in table.with_format("numpy").iter(10)))
    close(linear().fit(batches, **QUIET).history["loss"], [type(reference)().loss(x, y)])


def test_class_weight_reads_tensors_of_other_engines(engine, data, linear):
    import torch

    x, classes = data[0], (data[1] > 0).astype("int64")
    losses = [
        linear().fit(source, **more, class_weight={0: 1.0, 1: 3.0}, **QUIET).history["loss"]
        for source, more in (
            (x, {"y": classes, "batch_size": 4}),
            (loader(x, classes), {}),
            (tf_data(x, classes).batch(4), {}),
            (Again(lambda: [(torch.tensor(a), torch.tensor(b, dtype=torch.float32, requires_grad=True)) for a, b in cut(x, classes)]), {}),
            (Table({"a": x, "label": classes}), {"y": "label", "batch_size": 4}),
        )
    ]
    for other in losses[1:]:
        close(other, losses[0])


# -- passes ------------------------------------------------------------------------------------------------------------------------------------
def test_validation_steps_begin_at_the_first_batch_each_time(on_torch, reference, data, linear):
    x, y, _ = data
    sources = ((x, y), tf_data(x, y).batch(4), tf_data(x, y).batch(4).repeat(), loader(x, y), Again(lambda: cut(x, y)))
    for source in sources:
        options = {"validation_batch_size": 4} if isinstance(source, tuple) else {}
        h = linear(ph.optimizers.SGD(0.0)).fit(x, y, epochs=3, validation_data=source, validation_steps=2, **options, **QUIET)
        close(h.history["val_loss"], [reference.evaluate(x[:8], y[:8])] * 3)


def test_tables_are_shuffled_as_arrays_are(data, linear):
    x, y, _ = data
    table = Table({"a": x, "label": y})
    for shuffle in (True, "batch"):
        weights = []
        for source in ({"x": x, "y": y}, {"x": table, "y": "label"}):
            with ph.use_backend("torch"):
                ph.utils.set_random_seed(5)
                m = linear()
                m.fit(**source, batch_size=3, epochs=2, verbose=0, shuffle=shuffle)
                weights.append(m.get_weights()[0])
        close(weights[1], weights[0])


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_sources_with_an_order_of_their_own_keep_it(on_torch, reference, data, linear, shuffle):
    x, y, _ = data
    expected = reference.epoch(x, y)
    for source in (tf_data(x, y).batch(4), loader(x, y), GrainMap(cut(x, y)), iter(cut(x, y)), TableInOrder(Table({"a": x, "label": y}))):
        options = {"y": "label", "batch_size": 4} if isinstance(source, TableInOrder) else {}
        close(linear().fit(source, **options, verbose=0, shuffle=shuffle).history["loss"], [expected])


def test_a_generator_that_runs_out_ends_training_with_a_warning(on_torch, reference, data, linear):
    with pytest.warns(UserWarning, match="ran out before epoch 2"):
        h = linear().fit(iter(cut(*data)), epochs=3, **QUIET)
    close(h.history["loss"], [reference.epoch(*data)])


# -- PyDataset ---------------------------------------------------------------------------------------------------------------------------------
class Rows(ph.utils.PyDataset):
    """Batches of the rows `order`, which turns around after each epoch."""

    def __init__(self, x, y, delay=0.0, **options):
        super().__init__(**options)
        self.x, self.y, self.order, self.delay = x, y, np.arange(len(x)), delay

    def __len__(self):
        return -(-len(self.x) // 4)

    def __getitem__(self, i):
        time.sleep(self.delay)
        rows = self.order[4 * i : 4 * i + 4]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.order = self.order[::-1].copy()


@pytest.mark.filterwarnings("ignore:.*fork:RuntimeWarning", "ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("options", [{}, {"workers": 4}, {"workers": 2, "use_multiprocessing": True}], ids=str)
def test_workers_see_what_the_hooks_do_to_a_dataset(on_torch, reference, data, linear, options):
    x, y, _ = data
    h = linear().fit(Rows(x, y, **options), epochs=3, **QUIET)
    close(h.history["loss"], [reference.epoch(x, y), reference.epoch(x[::-1], y[::-1]), reference.epoch(x, y)])


def test_workers_wait_side_by_side_and_batches_keep_their_order(on_torch, reference, linear):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(96, 3)).astype("float32"), rng.normal(size=(96, 1)).astype("float32")
    dataset = Rows(x, y, delay=0.04, workers=8)
    m = linear()
    m.fit(x[:4], y[:4], epochs=1, **QUIET)
    m.set_weights([np.ones((3, 1)), np.zeros(1)])
    start = time.perf_counter()
    h = m.fit(dataset, **QUIET)
    assert time.perf_counter() - start < 0.7 * 24 * 0.04
    close(h.history["loss"], [reference.epoch(x, y)])


# -- wrong data --------------------------------------------------------------------------------------------------------------------------------
class Failing(Rows):
    def __getitem__(self, i):
        raise KeyError(f"file {i}")


class NoBatch(Rows):
    def __getitem__(self, i):
        return None


def sparse(x):
    import scipy.sparse

    return scipy.sparse.csr_matrix(x)


def ragged(rows):
    import tensorflow as tf

    return tf.ragged.constant(rows)


def torch_rows(x, y):
    import torch

    return torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))


WRONG = {
    "y of a loader": (lambda x, y: {"x": loader(x, y), "y": y}, ValueError, "y must not be given"),
    "weights of tf.data": (lambda x, y: {"x": tf_data(x, y).batch(4), "sample_weight": y[:, 0]}, ValueError, "sample_weight must not be given"),
    "no end, tf.data": (lambda x, y: {"x": tf_data(x, y).batch(4).repeat()}, ValueError, "no end.*steps_per_epoch"),
    "no end, grain": (lambda x, y: {"x": GrainMap(cut(x, y)).repeat()}, ValueError, "no end.*steps_per_epoch"),
    "not batched": (lambda x, y: {"x": tf_data(x, y)}, ValueError, r"\(3,\)"),
    "rows without a loader": (lambda x, y: {"x": torch_rows(x, y)}, ValueError, "DataLoader"),
    "no batches": (lambda x, y: {"x": tf_data(x, y).batch(4).take(0)}, ValueError, "empty"),
    "a batch of four": (lambda x, y: {"x": Again(lambda: [(x, y, y, y)])}, ValueError, "tuple of 4"),
    "a batch of nothing": (lambda x, y: {"x": Again(lambda: [None])}, ValueError, "no x"),
    "text": (lambda x, y: {"x": Again(lambda: [(np.array([["a", "b", "c"]]), y[:1])])}, ValueError, "text"),
    "text of tf.data": (lambda x, y: {"x": tf_data(np.array([["a", "b", "c"]] * 4), y[:4]).batch(4)}, ValueError, "no numbers"),
    "names": (lambda x, y: {"x": Again(lambda: [(["a", "b"], y[:2])])}, ValueError, "text|single"),
    "sparse": (lambda x, y: {"x": sparse(x), "y": y}, TypeError, "toarray"),
    "sparse batches": (lambda x, y: {"x": Again(lambda: [(sparse(x), y)])}, TypeError, "toarray"),
    "ragged batches": (lambda x, y: {"x": Again(lambda: [(ragged([[1.0, 2.0], [3.0]]), y[:2])])}, TypeError, "to_tensor"),
    "unknown column": (lambda x, y: {"x": Table({"a": x, "label": y}), "y": "lable"}, ValueError, 'no column "lable".*mean "label"'),
    "unknown column, in order": (lambda x, y: {"x": TableInOrder(Table({"a": x, "label": y})), "y": "lable"}, ValueError, 'mean "label"'),
    "no column left": (lambda x, y: {"x": Table({"label": y}), "y": "label"}, ValueError, "No column is left"),
    "y beside a table": (lambda x, y: {"x": Table({"a": x}), "y": y}, ValueError, "name of a column"),
    "batch_size of a table": (lambda x, y: {"x": Table({"a": x, "label": y}), "y": "label", "batch_size": 0}, ValueError, "1 or more"),
    "an empty table": (lambda x, y: {"x": Table({"a": x[:0], "label": y[:0]}), "y": "label"}, ValueError, "empty"),
    "an error of a worker": (lambda x, y: {"x": Failing(x, y, workers=2)}, KeyError, "file 0"),
    "no batch of a worker": (lambda x, y: {"x": NoBatch(x, y)}, ValueError, "NoBatch.__getitem__ must return a batch"),
}


SIZED = {
    "tf.data": lambda x, y: tf_data(x, y).batch(4), "loader": loader, "generator": lambda x, y: iter(cut(x, y)), "PyDataset": Rows,
}  # fmt: skip


@pytest.mark.parametrize("kind", SIZED)
def test_batch_size_of_batches_is_not_used(on_torch, data, linear, kind):
    m = linear()
    with pytest.warns(UserWarning, match="batch_size is not used"):
        m.fit(SIZED[kind](*data[:2]), batch_size=3, **QUIET)
    assert int(m.optimizer.iterations.numpy()) == -(-len(data[0]) // 4)


@pytest.mark.parametrize("what", WRONG)
def test_wrong_sources_are_named_before_training(on_torch, data, linear, what):
    make, kind, message = WRONG[what]
    m = linear()
    with pytest.raises(kind, match=message):
        m.fit(**make(*data[:2]), **QUIET)
    assert int(m.optimizer.iterations.numpy()) == 0


def test_predicting_and_evaluating_without_end_is_refused(on_torch, data, linear):
    m, endless = linear(), tf_data(*data).batch(4).repeat()
    for call in (m.predict, m.evaluate):
        with pytest.raises(ValueError, match="no end"):
            call(endless, verbose=0)
    assert m.predict(endless, steps=2, verbose=0).shape == (8, 1)
