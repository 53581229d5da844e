"""Functional and sequential models: graphs, structures, nesting, copies, configs."""

import copy
import json

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops

L = ph.layers
X = np.arange(8, dtype="float32").reshape(2, 4) / 8


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def branched():
    """Two inputs, a layer called twice, ops between layers, a nested model, outputs in a dict."""
    a, b = ph.Input((4,), name="a"), ph.Input((4,), name="b")
    shared = L.Dense(4, name="shared")
    inner = ph.Sequential([ph.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(2)], name="inner")
    h = ops.relu(shared(shared(a)) + b) * 2
    return ph.Model([a, b], {"deep": inner(h), "cut": h[:, 1:3], "mean": ops.mean(h, axis=-1, keepdims=True)}, name="branched")


def by_hand(model, a, b):
    shared, inner = model.get_layer("shared"), model.get_layer("inner")
    k, c = shared.get_weights()
    h = np.maximum((a @ k + c) @ k + c + b, 0) * 2
    k1, c1, k2, c2 = inner.get_weights()
    return {"deep": np.tanh(h @ k1 + c1) @ k2 + c2, "cut": h[:, 1:3], "mean": h.mean(-1, keepdims=True)}


@pytest.mark.parametrize("engine", ["numpy", "jax", "torch", "tensorflow"])
def test_graph_computes_what_its_parts_do(engine):
    with ph.use_backend(engine):
        model = branched()
        expected = by_hand(model, X, X + 1)
        for inputs in ([X, X + 1], {"a": X, "b": X + 1}, (X, X + 1)):
            y = model(inputs)
            assert list(y) == ["deep", "cut", "mean"]
            for key, value in expected.items():
                np.testing.assert_allclose(ops.convert_to_numpy(y[key]), value, atol=1e-5)


def test_shapes_layers_and_weights_of_a_graph():
    model = branched()
    assert model.output_shape == {"deep": (None, 2), "cut": (None, 2), "mean": (None, 1)}
    assert model.input_shape == [(None, 4), (None, 4)]
    assert [layer.name for layer in model.layers] == ["a", "shared", "b", "inner"]
    assert len(model.weights) == 6 and model.count_params() == 20 + 15 + 8
    assert model.get_layer(index=1) is model.get_layer("shared")
    with pytest.raises(ValueError, match='Did you mean "shared"'):
        model.get_layer("shard")


def test_layers_are_ordered_by_distance_from_the_output_as_in_keras():
    # the order of weights in files depends on it: the longer branch first, whatever was made first
    x = ph.Input((4,))
    short = L.Dense(4, name="short")(x)
    long = L.Dense(4, name="long2")(L.Dense(4, name="long1")(x))
    model = ph.Model(x, L.Add(name="sum")([short, long]))
    assert [layer.name for layer in model.layers][1:] == ["long1", "short", "long2", "sum"]


def test_intermediate_tensors_make_models_that_share_layers():
    x = ph.Input((4,))
    h = L.Dense(3, name="h")(x)
    y = L.Dense(1)(h)
    whole, front, back = ph.Model(x, y), ph.Model(x, h), ph.Model(h, y)
    np.testing.assert_array_equal(back(front(X)), whole(X))
    assert front.layers[1] is whole.layers[1]


def test_disconnected_graph_names_the_tensor():
    a, b = ph.Input((4,), name="a"), ph.Input((4,), name="b")
    with pytest.raises(ValueError, match="disconnected.*name=b"):
        ph.Model(a, a + b)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m([X]), r'"branched" expects 2 input\(s\) \(a, b\); received 1'),
        (lambda m: m({"a": X}), "missing: b"),
        (lambda m: m([X, np.ones((2, 5), "float32")]), r'"b" should have shape \(None, 4\); received shape \(2, 5\)'),
    ],
)
def test_wrong_inputs_name_model_and_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(branched())


def test_inputs_get_the_rank_and_dtype_the_model_was_made_for():
    model = ph.Sequential([ph.Input((1,)), L.Dense(1, kernel_initializer="ones")])
    assert model(np.array([1, 2])).tolist() == [[1.0], [2.0]]
    x = ph.Input((1,))
    model = ph.Model(x, x * 2)
    assert model(np.array([1, 2])).tolist() == [[2.0], [4.0]]


def test_config_makes_an_equal_model():
    model = branched()
    twin = ph.Model.from_config(json.loads(json.dumps(model.get_config())))
    twin.set_weights(model.get_weights())
    for a, b in zip(ph.tree.flatten(model([X, X])), ph.tree.flatten(twin([X, X])), strict=True):
        np.testing.assert_array_equal(a, b)
    assert ph.models.model_from_json(model.to_json()).name == "branched"


def test_config_writes_calls_as_keras_does():
    x = ph.Input((4,), name="x")
    d = L.Dense(4, name="d")
    config = ph.Model(x, ops.relu(d(d(x)))).get_config()
    tensor = lambda name, call: {  # noqa: E731
        "class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, 0]},
    }  # fmt: skip
    assert [entry["class_name"] for entry in config["layers"]] == ["InputLayer", "Dense", "Relu"]
    assert config["layers"][1]["inbound_nodes"] == [{"args": [tensor("x", 0)], "kwargs": {}}, {"args": [tensor("d", 0)], "kwargs": {}}]
    assert config["layers"][2]["module"] == "keras.src.ops.nn" and config["input_layers"] == ["x", 0, 0] and config["output_layers"] == ["relu", 0, 0]


@pytest.mark.parametrize("make", [lambda m: ph.models.clone_model(m), copy.deepcopy])
def test_copies_have_weights_of_their_own(make):
    model = branched()
    before = model.get_weights()
    twin = make(model)
    assert twin.output_shape == model.output_shape
    twin.set_weights([np.zeros_like(w) for w in before])
    assert not any(w.any() for w in twin.get_weights())
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not np.asarray(twin([X, X])["deep"]).any()


def test_clone_function_replaces_layers():
    model = ph.Sequential([ph.Input((4,)), L.Dense(3, activation="relu"), L.Dense(2)])
    wider = ph.models.clone_model(model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "activation": "linear"}))
    assert [layer.activation for layer in wider.layers] == [ph.activations.linear] * 2


def test_subclass_may_hand_inputs_and_outputs_to_super():
    class Tower(ph.Model):
        def __init__(self, width):
            x = ph.Input((4,))
            super().__init__(x, L.Dense(width)(x))
            self.width = width

        def get_config(self):
            return {"width": self.width}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    model = Tower(3)
    assert isinstance(model, Tower) and model(X).shape == (2, 3) and model.output_shape == (None, 3)
    with ph.saving.custom_object_scope({"Tower": Tower}):
        assert ph.models.model_from_json(model.to_json()).width == 3


def test_training_flag_reaches_layers_of_a_nested_graph():
    drop = L.Dropout(0.9, seed=1)
    x = ph.Input((4,))
    inner = ph.Model(x, drop(x))
    y = ph.Input((4,))
    outer = ph.Model(y, inner(y))
    ones = np.ones((2, 4), "float32")
    assert (outer(ones) == 1).all() and (outer(ones, training=True) == 0).any() and (outer(ones) == 1).all()


# -- sequential -------------------------------------------------------------------------------------------------------------------------------
def test_sequential_is_built_by_input_by_build_or_by_the_first_call():
    for model, build in (
        (ph.Sequential([ph.Input((4,)), L.Dense(2)]), lambda m: None),
        (ph.Sequential([L.Dense(2)]), lambda m: m.build((None, 4))),
        (ph.Sequential([L.Dense(2)]), lambda m: m(X)),
        (ph.Sequential([L.Dense(2, input_shape=(4,))]), lambda m: None),
    ):
        build(model)
        assert model.built and model.count_params() == 10 and model.output_shape[-1] == 2
        assert model.weights[0].path == f"{model.name}/{model.layers[0].name}/kernel"


def test_sequential_grows_and_shrinks():
    model = ph.Sequential([ph.Input((4,)), L.Dense(3)])
    model.add(L.Dense(2))
    assert model.output_shape == (None, 2)
    assert model.pop() is not None and model.output_shape == (None, 3) and model(X).shape == (2, 3)
    with pytest.raises(ValueError, match="two layers are called"):
        model.add(L.Dense(1, name=model.layers[0].name))
    with pytest.raises(ValueError, match="must come first"):
        model.add(ph.Input((3,)))


def test_summary_shows_layers_shapes_and_counts():
    text = []
    model = ph.Sequential([ph.Input((4,)), L.Dense(3, name="wide"), L.BatchNormalization(name="norm")], name="net")
    model.summary(print_fn=text.append)
    assert 'Model: "net"' in text[0]
    rows = [line.split("│")[1:-1] for line in text[0].splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["wide (Dense)", "(None, 3)", "15"],
        ["norm (BatchNormalization)", "(None, 3)", "12"],
    ]
    assert "Total params: 27 (108.00 B)" in text[0] and "Non-trainable params: 6 (24.00 B)" in text[0]
    branched().summary(print_fn=text.append)
    assert "shared[1][0]" in text[1] and "(GetItem)" in text[1] and "Connected to" in text[1]


def test_subclassed_model_builds_from_shapes_or_says_why_not():
    class Net(ph.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = L.Dense(3), L.Dense(1)

        def call(self, x, training=False):
            return self.b(self.a(x))

    net = Net()
    net.build((None, 4))
    assert net.built and net.count_params() == 15 + 4 and [layer.name for layer in net.layers] == [net.a.name, net.b.name]
    with pytest.raises(ValueError, match="needs the shape"):
        Net().build()
