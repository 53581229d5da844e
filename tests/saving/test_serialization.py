"""Objects to configs and back."""

import json

import numpy as np
import pytest

import pronghorn as ph
from pronghorn.saving import deserialize_keras_object as load
from pronghorn.saving import serialize_keras_object as dump


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def through_json(value):
    return load(json.loads(json.dumps(dump(value))))


@pytest.mark.parametrize("value", [None, 1, 2.5, "text", True, [1, [2, None]], {"a": [1], "b": {"c": 2}}, slice(1, None, 2), Ellipsis, b"ab"])
def test_plain_values_come_back(value):
    assert through_json(value) == value


def test_tuples_become_lists_as_in_keras():
    assert dump((1, (2,))) == [1, [2]]


def test_arrays_come_back_as_tensors():
    y = through_json(np.array([[1.5, 2.0]], "float32"))
    assert y.dtype == np.float32 and y.tolist() == [[1.5, 2.0]]


@pytest.mark.parametrize(
    "make, module",
    [
        (lambda: ph.layers.Dense(3, activation="relu"), "keras.layers"),
        (lambda: ph.initializers.HeNormal(seed=1), "keras.initializers"),
        (lambda: ph.regularizers.L1L2(0.1, 0.2), "keras.regularizers"),
        (lambda: ph.losses.Huber(delta=2.0), "keras.losses"),
        (lambda: ph.metrics.TopKCategoricalAccuracy(k=3), "keras.metrics"),
        (lambda: ph.optimizers.Adam(1e-4), "keras.optimizers"),
        (lambda: ph.optimizers.schedules.CosineDecay(0.1, 10), "keras.optimizers.schedules"),
        (lambda: ph.DTypePolicy("mixed_bfloat16"), "keras"),
        (lambda: ph.random.SeedGenerator(3), "keras.random"),
        (lambda: ph.Sequential([ph.layers.Dense(2)]), "keras"),
    ],
)
def test_objects_name_the_modules_of_keras_and_come_back_equal(make, module):
    value = make()
    config = dump(value)
    assert (config["module"], config["class_name"], config["registered_name"]) == (module, type(value).__name__, None)
    again = through_json(value)
    assert type(again) is type(value) and dump(again) == config


@pytest.mark.parametrize("module", ["keras.src.layers.core.dense", "keras.layers", "tf_keras.src.layers.core.dense"])
def test_internal_module_names_of_keras_resolve(module):
    config = {"module": module, "class_name": "Dense", "config": {"units": 2}, "registered_name": None}
    assert type(load(config)) is ph.layers.Dense


def test_registered_names_win_and_conflicts_are_refused():
    @ph.saving.register_keras_serializable("pkg", name="Twice")
    class Double(ph.Layer):
        def call(self, x):
            return x * 2

    assert ph.saving.get_registered_name(Double) == "pkg>Twice" and ph.saving.get_registered_object("pkg>Twice") is Double
    assert dump(Double(name="d"))["registered_name"] == "pkg>Twice"
    assert type(through_json(Double())) is Double
    with pytest.raises(ValueError, match='"pkg>Twice" is registered already'):

        @ph.saving.register_keras_serializable("pkg", name="Twice")
        class Other(ph.Layer):
            pass


def test_functions_are_names():
    assert dump(ph.activations.gelu)["config"] == "gelu" and through_json(ph.activations.gelu) is ph.activations.gelu
    with pytest.raises(ValueError, match="never hold code"):
        dump(lambda x: x)


def test_scope_is_left_behind():
    with ph.saving.custom_object_scope({"thing": int}):
        assert ph.saving.get_registered_object("thing") is int
    assert ph.saving.get_registered_object("thing") is None


def test_object_without_config_is_refused():
    with pytest.raises(ValueError, match="no get_config"):
        dump(object())
