"""Model files: what comes back is what was saved, on any engine; a failed save harms nothing; a file cannot run code."""

import json
import os
import zipfile

import h5py
import numpy as np
import pytest

import pronghorn as ph
from pronghorn.random import host

L = ph.layers
X = np.linspace(-1, 1, 40, dtype="float32").reshape(2, 5, 4)


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


@ph.saving.register_keras_serializable("tests")
class Residual(ph.Layer):
    """A layer with parts in a list."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.steps = [L.Dense(width), L.Dense(width)]

    def build(self, input_shape):
        for step in self.steps:
            step.build((*input_shape[:-1], self.width))
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, x):
        for step in self.steps:
            x = x + step(x) * self.gain
        return x


@ph.saving.register_keras_serializable("tests")
class Projected(ph.Layer):
    """A layer that stores one of its two random weights, and reads and changes one while it is built."""

    def build(self, input_shape):
        self.kept = self.add_weight(shape=(4, 4), initializer="glorot_uniform", name="kept")
        self.projection = self.add_weight(shape=(4, 4), initializer="random_normal", trainable=False, name="projection")
        self.scaled = np.abs(self.projection.numpy()).max()
        self.projection.assign(self.projection / self.scaled)

    def call(self, x):
        return x @ self.kept @ self.projection

    def save_own_variables(self, store):
        store["kept"] = self.kept

    def load_own_variables(self, store):
        self.kept.assign(store["kept"])


@pytest.mark.parametrize("engine", ["numpy", "jax", "torch", "tensorflow"])
def test_weights_that_a_file_lacks_are_drawn_as_in_a_new_model(tmp_path, engine):
    path = tmp_path / "m.keras"
    with ph.use_backend(engine):
        ph.utils.set_random_seed(3)
        net = ph.Sequential([ph.Input((4,)), Projected(name="projected"), L.Dense(2)])
        for v in (net.layers[0].kept, *net.layers[1].weights):
            v.assign(np.full(v.shape, 2.0))
        net.save(path)
        ph.utils.set_random_seed(3)
        back = ph.models.load_model(path, compile=False)
        assert [type(v) for v in back.variables] == [ph.Variable] * len(net.variables)
        for v, then in zip(back.variables, net.variables, strict=True):
            np.testing.assert_array_equal(v.numpy(), then.numpy())
        assert back.layers[0].scaled == net.layers[0].scaled
        assert [v.trainable for v in back.variables] == [v.trainable for v in net.variables]


def test_loading_draws_no_values_that_the_file_has(tmp_path, monkeypatch):
    def recurrent():
        return ph.Sequential([ph.Input((5, 4)), L.LSTM(4), L.Dense(2, kernel_initializer="random_normal")])

    net, drawn = recurrent(), []
    net.save(tmp_path / "m.keras")
    for name in ("uniform", "normal", "truncated_normal"):
        draw = getattr(host, name)
        monkeypatch.setattr(host, name, lambda key, shape, *args, draw=draw, **options: drawn.append(shape) or draw(key, shape, *args, **options))
    back = ph.models.load_model(tmp_path / "m.keras")
    assert drawn == []
    for v, then in zip(back.weights, net.weights, strict=True):
        np.testing.assert_array_equal(v.numpy(), then.numpy())
    recurrent()
    assert drawn == [(4, 16), (16, 4), (4, 2)]


def model():
    x = ph.Input((5, 4))
    h = L.LSTM(4, return_sequences=True)(x)
    h = L.Bidirectional(L.GRU(3))(h)
    h = ph.Sequential([ph.Input((6,)), L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dropout(0.5)], name="inner")(h)
    return ph.Model(x, L.Dense(2)(Residual(4)(h)))


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_model_file_travels_between_engines_with_its_optimizer(tmp_path, engine):
    path = tmp_path / "m.keras"
    with ph.use_backend(engine):
        net = model()
        net.compile("adam", "mse", metrics=["mae"])
        net.fit(X, np.ones((2, 2), "float32"), epochs=2, verbose=0)
        expected = net.predict(X, verbose=0)
        net.save(path)
        slots = [v.numpy() for v in net.optimizer.variables]
    back = ph.models.load_model(path)  # numpy is active
    np.testing.assert_allclose(back.predict(X, verbose=0), expected, atol=1e-5)
    assert [v.shape for v in back.weights] == [v.shape for v in net.weights]
    for a, v in zip(slots, back.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, v.numpy())
    with ph.use_backend(engine):
        ph.models.load_model(path).fit(X, np.ones((2, 2), "float32"), verbose=0)


def test_archive_has_the_layout_of_keras(tmp_path):
    net = model()
    net.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        assert (config["module"], config["class_name"]) == ("keras.src.models.functional", "Functional")
        archive.extract("model.weights.h5", tmp_path)
    with h5py.File(tmp_path / "model.weights.h5") as file:
        found = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    assert {name.rpartition("/vars")[0] for name in found} == {
        "layers/lstm/cell", "layers/bidirectional/forward_layer/cell", "layers/bidirectional/backward_layer/cell", "layers/sequential/layers/dense",
        "layers/sequential/layers/batch_normalization", "layers/residual", "layers/residual/steps/dense", "layers/residual/steps/dense_1", "layers/dense",
    }  # fmt: skip


def test_weights_go_into_another_model_of_the_same_architecture_only(tmp_path):
    path = tmp_path / "m.weights.h5"
    a, b = model(), model()
    a.save_weights(path)
    b.load_weights(path)
    np.testing.assert_array_equal(a(X), b(X))
    other = ph.Sequential([ph.Input((4,)), L.Dense(3)])
    before = other.get_weights()
    with pytest.raises(ValueError, match="do not fit"):
        other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    net = ph.Sequential([ph.Input((4,)), L.Dense(3)])
    net.save(path)
    old = path.read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        net.save(path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["m.keras"]


def rewrite(path, change):
    """Change the config inside an archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "entry, message",
    [
        ({"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": None}, "Nothing is imported"),
        ({"module": "pronghorn.saving.files", "class_name": "load_model", "config": {}, "registered_name": None}, "not known here"),
        ({"module": "keras.layers", "class_name": "deserialize", "config": {}, "registered_name": None}, "not known here"),
        ({"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"}, '"eval".*not known here'),
        (
            {"module": "keras.layers", "class_name": "Lambda", "registered_name": None,
             "config": {"name": "trick", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}}},
            r"never run.*custom_objects=\{'trick'",
        ),
    ],
)  # fmt: skip
def test_config_cannot_name_code(tmp_path, entry, message):
    path = tmp_path / "m.keras"
    ph.Sequential([ph.Input((4,)), L.Dense(3)]).save(path)
    rewrite(path, lambda config: config["config"]["layers"].__setitem__(1, entry))
    with pytest.raises((TypeError, ValueError), match=message):
        ph.models.load_model(path)


def test_lambda_of_a_file_becomes_the_function_that_is_passed(tmp_path):
    path = tmp_path / "m.keras"
    ph.Sequential([ph.Input((4,)), L.Dense(4)]).save(path)
    code = {"name": "trick", "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}, "arguments": {}}
    entry = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None, "config": code}
    rewrite(path, lambda config: config["config"]["layers"].append(entry))
    back = ph.models.load_model(path, custom_objects={"trick": lambda x: x * 0})
    assert not back(X[0]).any()
    with pytest.raises(ValueError, match="never hold code"):
        ph.Sequential([ph.Input((4,)), L.Lambda(lambda x: x)]).save(path)


@pytest.mark.parametrize("kind", ["link", "external", "huge"])
def test_weights_file_cannot_lead_elsewhere_or_exhaust_memory(tmp_path, kind):
    path, other = tmp_path / "m.weights.h5", tmp_path / "other.h5"
    net = ph.Sequential([ph.Input((4,)), L.Dense(3, name="d")])
    net.save_weights(path)
    with h5py.File(other, "w") as file:
        file["x"] = np.zeros((4, 3), "float32")
    with h5py.File(path, "a") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        if kind == "link":
            group["0"] = h5py.ExternalLink(str(other), "x")
        elif kind == "external":
            group.create_dataset("0", (4, 3), "float32", external=[(str(other), 0, 48)])
        else:
            group.create_dataset("0", (2**40, 2**10), "float32", chunks=(2**10, 2**10))
    before = net.get_weights()
    with pytest.raises(ValueError):
        net.load_weights(path)
    np.testing.assert_array_equal(net.get_weights()[1], before[1])


def test_unregistered_class_says_what_to_pass(tmp_path):
    class Hidden(ph.Layer):
        def call(self, x):
            return x * 2

    path = tmp_path / "m.keras"
    ph.Sequential([ph.Input((4,)), Hidden()]).save(path)
    with pytest.raises(TypeError, match=r"custom_objects=\{'Hidden'"):
        ph.models.load_model(path)
    back = ph.models.load_model(path, custom_objects={"Hidden": Hidden})
    np.testing.assert_array_equal(back(X[0]), X[0] * 2)


@pytest.fixture
def on_jax():
    with ph.use_backend("jax"):
        yield


@pytest.mark.parametrize("own", ["a layer's", "the model's"])
def test_the_optimizer_of_half_precision_comes_back_with_or_without_its_scaling(tmp_path, own, on_jax):
    """A layer's own policy does not make compile() scale losses, the global one does; either state is in the file."""
    x, y = np.random.default_rng(0).normal(size=(2, 32, 4)).astype("float32")
    before = ph.config.dtype_policy()
    try:
        if own == "the model's":
            ph.mixed_precision.set_global_policy("mixed_float16")
        model = ph.Sequential([ph.Input((4,)), L.Dense(4, dtype="mixed_float16"), L.Dense(4, dtype="float32")])
        model.compile(ph.optimizers.Adam(0.01), "mse")
    finally:
        ph.config.set_dtype_policy(before)
    assert (type(model.optimizer).__name__ == "LossScaleOptimizer") == (own == "the model's")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = ph.models.load_model(tmp_path / "m.keras")
    assert type(again.optimizer) is type(model.optimizer)
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0))
