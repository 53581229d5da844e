"""Files that Keras 3.15 wrote (by `make_data.py`) load on every engine: the same predictions, the same optimizer, ready for further training."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import pronghorn as ph

DATA = Path(__file__).resolve().parent / "data"
L = ph.layers


def stored(name):
    """Return the arrays beside a model: inputs, outputs, targets, optimizer state."""
    parts = {"input": {}, "output": {}, "target": {}, "slot": {}}
    with np.load(DATA / f"{name}.npz") as file:
        for key in file.files:
            kind, _, rest = key.partition(":")
            parts[kind][rest] = file[key]
    return parts


def one_or_dict(values):
    return next(iter(values.values())) if len(values) == 1 else values


FILES = ["convolutional.keras", "recurrent.keras", "graph.keras", "attention.keras", "chain.h5"]


@pytest.mark.parametrize("engine", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("file", FILES)
def test_model_predicts_what_keras_predicted(file, engine):
    parts = stored(file.partition(".")[0])
    with ph.use_backend(engine):
        model = ph.models.load_model(DATA / file)
        got = model.predict_on_batch(one_or_dict(parts["input"]))
        tolerance = 2e-2 if file == "attention.keras" else 1e-5  # the attention model computes in bfloat16
        for key, wanted in parts["output"].items():
            np.testing.assert_allclose(got[key] if isinstance(got, dict) else got, wanted, rtol=tolerance, atol=tolerance)
        for v, wanted in zip(model.optimizer.variables, parts["slot"].values(), strict=True):
            np.testing.assert_allclose(v.numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("file", FILES)
def test_training_goes_on_where_keras_left_off(file):
    parts = stored(file.partition(".")[0])
    with ph.use_backend("torch"):
        model = ph.models.load_model(DATA / file)
        before = [v.numpy() for v in model.trainable_variables]
        loss = model.train_on_batch(one_or_dict(parts["input"]), one_or_dict(parts["target"]))
        assert np.isfinite(np.asarray(loss, "float64")).all()
        assert int(model.optimizer.iterations.numpy()) == 3
        assert any((a != v.numpy()).any() for a, v in zip(before, model.trainable_variables, strict=True))


@pytest.mark.parametrize("file", FILES[:4])
def test_saving_again_keeps_everything(tmp_path, file):
    parts = stored(file.partition(".")[0])
    with ph.use_backend("numpy"):
        first = ph.models.load_model(DATA / file)
        first.save(tmp_path / "again.keras")
        second = ph.models.load_model(tmp_path / "again.keras")
        assert second.get_config() == first.get_config()
        x = one_or_dict(parts["input"])
        a, b = first.predict_on_batch(x), second.predict_on_batch(x)
        for key in parts["output"]:
            np.testing.assert_array_equal(b[key] if isinstance(b, dict) else b, a[key] if isinstance(a, dict) else a)
        for v, w in zip(first.optimizer.variables, second.optimizer.variables, strict=True):
            np.testing.assert_array_equal(v.numpy(), w.numpy())


def chain():
    return ph.Sequential([ph.Input((5,)), L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dense(3, activation="softmax")])


@pytest.mark.parametrize("file", ["chain.weights.h5", "chain.h5"])
def test_weights_files_of_keras_fill_a_model_made_in_code(file):
    parts = stored("chain")
    with ph.use_backend("numpy"):
        model = chain()
        model.compile("adam", "mse")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.load_weights(DATA / file)
        np.testing.assert_allclose(model(one_or_dict(parts["input"])), parts["output"]["out"], rtol=1e-5)
        if file == "chain.weights.h5":
            assert int(model.optimizer.iterations.numpy()) == 2


def test_weights_of_another_optimizer_are_left_out_with_a_warning():
    with ph.use_backend("numpy"):
        model = chain()
        model.compile(ph.optimizers.SGD(0.1, momentum=0.5), "mse")
        with pytest.warns(UserWarning, match="optimizer: 8 variables in the model, 14 in the file"):
            model.load_weights(DATA / "chain.weights.h5")
        np.testing.assert_allclose(model(one_or_dict(stored("chain")["input"])), stored("chain")["output"]["out"], rtol=1e-5)


def test_older_weights_go_to_layers_by_name_and_must_fit():
    with ph.use_backend("numpy"):
        names = [layer.name for layer in ph.models.load_model(DATA / "chain.h5").layers]
        other = ph.Sequential([ph.Input((5,)), L.Dense(4, name=names[0]), L.Dense(7, name="new")])
        kept = other.layers[1].get_weights()
        other.load_weights(DATA / "chain.h5", by_name=True)
        with h5py.File(DATA / "chain.h5") as file:
            np.testing.assert_array_equal(other.layers[0].get_weights()[0], file[f"model_weights/{names[0]}/sequential/{names[0]}/kernel"])
        np.testing.assert_array_equal(other.layers[1].get_weights()[0], kept[0])
        with pytest.raises(ValueError, match="2 layers with weights, the file 3"):
            other.load_weights(DATA / "chain.h5")


def test_functional_model_as_keras_2_wrote_it(tmp_path):
    """The schema of Keras 2: calls as nested lists, `batch_input_shape`, dtypes as names, no modules."""

    def dense(name, units, nodes):
        zeros, uniform = {"class_name": "Zeros", "config": {}}, {"class_name": "GlorotUniform", "config": {"seed": None}}
        config = {"name": name, "trainable": True, "dtype": "float32", "units": units, "activation": "linear", "use_bias": True,
                  "kernel_initializer": uniform, "bias_initializer": zeros, "kernel_regularizer": None, "bias_regularizer": None,
                  "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None}  # fmt: skip
        return {"class_name": "Dense", "config": config, "name": name, "inbound_nodes": nodes}

    source = {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    layers = [
        {"class_name": "InputLayer", "config": source, "name": "x", "inbound_nodes": []},
        dense("d", 2, [[["x", 0, 0, {}]]]),
        dense("e", 2, [[["x", 0, 0, {}]]]),
        {
            "class_name": "Add",
            "config": {"name": "a", "trainable": True, "dtype": "float32"},
            "name": "a",
            "inbound_nodes": [[["d", 0, 0, {}], ["e", 0, 0, {}]]],
        },
    ]
    config = {"class_name": "Functional", "config": {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["a", 0, 0]]}}
    rng = np.random.default_rng(0)
    arrays = {n: (rng.normal(size=(3, 2)).astype("float32"), rng.normal(size=2).astype("float32")) for n in "de"}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [n.encode() for n in "xdea"]
        for n in "xdea":
            group.create_group(n).attrs["weight_names"] = [f"{n}/kernel:0".encode(), f"{n}/bias:0".encode()] if n in arrays else []
        for n, (kernel, bias) in arrays.items():
            group[n][f"{n}/kernel:0"], group[n][f"{n}/bias:0"] = kernel, bias
    with ph.use_backend("numpy"):
        model = ph.models.load_model(tmp_path / "old.h5")
        x = rng.normal(size=(4, 3)).astype("float32")
        np.testing.assert_allclose(model.predict_on_batch(x), x @ (arrays["d"][0] + arrays["e"][0]) + arrays["d"][1] + arrays["e"][1], rtol=1e-4, atol=1e-5)


def test_layer_shared_by_two_nested_models_is_one_layer_again(tmp_path):
    with ph.use_backend("numpy"):
        shared = L.Dense(3, name="shared")
        x = ph.Input((3,))
        a, b = ph.Sequential([ph.Input((3,)), shared], name="a"), ph.Sequential([ph.Input((3,)), shared, L.Dense(2)], name="b")
        model = ph.Model(x, [a(x), b(x)])
        path = tmp_path / "m.keras"
        model.save(path)
        for number_first in (True, False):  # Keras leaves the number out where the layer occurs first
            if not number_first:
                with zipfile.ZipFile(path) as archive:
                    parts = {n: archive.read(n) for n in archive.namelist()}
                parts["config.json"] = parts["config.json"].replace(b', "shared_object_id": 1', b"", 1)
                with zipfile.ZipFile(path, "w") as archive:
                    for n, content in parts.items():
                        archive.writestr(n, content)
            back = ph.models.load_model(path)
            assert back.get_layer("a").layers[0] is back.get_layer("b").layers[0] and len(back.weights) == 4
            data = np.ones((2, 3), "float32")
            for got, wanted in zip(back.predict_on_batch(data), model.predict_on_batch(data), strict=True):
                np.testing.assert_array_equal(got, wanted)
