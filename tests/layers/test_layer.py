"""The base layer: building, variables, training flag, masks, losses, dtypes, engines, configuration."""

import copy
import threading

import numpy as np
import pytest

import pronghorn as ph
from pronghorn import ops
from pronghorn.layers.context import get_mask

L = ph.layers
ENGINES = ["numpy", "jax", "torch", "tensorflow"]
X = np.arange(12, dtype="float32").reshape(3, 4)


@pytest.fixture(autouse=True)
def on_numpy():
    with ph.use_backend("numpy"):
        yield


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


class Scale(ph.Layer):
    """One weight per feature and a counter of calls in training."""

    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer=lambda shape, dtype: np.full(shape, self.start, dtype), name="factor")
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x, training=False):
        if training:
            self.calls.assign(self.calls + 1.0)
        return x * self.factor


# -- building and variables -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ENGINES)
def test_layer_builds_on_first_call_and_computes_natively(engine):
    with ph.use_backend(engine) as backend:
        layer = Scale()
        y = layer(X)
        assert backend.owns(type(y))
        np.testing.assert_array_equal(numpy(y), 2 * X)
        assert [v.path for v in layer.weights] == [f"{layer.name}/factor", f"{layer.name}/calls"]
        assert [v.name for v in layer.trainable_weights] == ["factor"]
        assert layer.count_params() == 5


def test_symbolic_call_builds_and_infers_shape_without_touching_state():
    layer = Scale()
    y = layer(ph.Input((4,)), training=True)
    assert y.shape == (None, 4) and layer.built
    assert float(layer.calls.numpy()) == 0


def test_build_gets_shapes_by_argument_name():
    seen = {}

    class Pair(ph.Layer):
        def build(self, query_shape, value_shape):
            seen.update(query=query_shape, value=value_shape)

        def call(self, query, value, scale=1.0):
            return query * scale + value

    Pair()(X, value=X, scale=2.0)
    assert seen == {"query": (3, 4), "value": (3, 4)}


def test_sublayers_are_found_in_attributes_lists_and_dicts():
    class Net(ph.Layer):
        def __init__(self):
            super().__init__()
            self.first = L.Dense(2, name="first")
            self.rest = [L.Dense(2, name="a"), {"b": L.Dense(1, name="b")}]
            self.again = self.first

        def call(self, x):
            return self.rest[1]["b"](self.rest[0](self.first(x)))

    net = Net()
    assert net(X).shape == (3, 1)
    assert [v.path.partition("/")[2] for v in net.weights] == ["first/kernel", "first/bias", "a/kernel", "a/bias", "b/kernel", "b/bias"]


def test_layers_made_and_built_inside_call_belong_to_the_model():
    class Lazy(ph.Model):
        def __init__(self):
            super().__init__()
            self.inner = None

        def call(self, x):
            if self.inner is None:
                self.inner = L.Dense(2)
            return self.inner(x)

    model = Lazy()
    model(X)
    assert len(model.trainable_weights) == 2 and model.inner.path.startswith(model.name)


def test_unknown_size_of_a_weight_names_layer_and_shape():
    with pytest.raises(ValueError, match=r'"d".*kernel.*\(None, 2\)'):
        L.Dense(2, name="d").build((None, None))


def test_forgotten_super_init_is_explained():
    class Bad(ph.Layer):
        def __init__(self):
            self.x = 1

    with pytest.raises(RuntimeError, match="super"):
        Bad()


def test_get_and_set_weights_check_shapes_before_assigning():
    layer = L.Dense(2)
    layer.build((None, 4))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"bias.*\(2,\).*\(3,\)"):
        layer.set_weights([np.zeros((4, 2)), np.zeros(3)])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    layer.set_weights([np.ones((4, 2)), np.zeros(2)])
    np.testing.assert_array_equal(numpy(layer(X)), X.sum(1, keepdims=True).repeat(2, 1))


def test_trainable_reaches_everything_below_and_comes_back():
    bn = L.BatchNormalization()
    bn.build((None, 4))
    bn.trainable = False
    assert bn.trainable_weights == [] and len(bn.non_trainable_weights) == 4
    bn.trainable = True
    assert [v.name for v in bn.trainable_weights] == ["gamma", "beta"]
    frozen = L.Dense(1, trainable=False)
    model = ph.Sequential([ph.Input((4,)), frozen, L.Dense(1)])
    assert len(model.trainable_weights) == 2


# -- same weights everywhere ------------------------------------------------------------------------------------------------------------------
def small():
    ph.utils.set_random_seed(3)
    return ph.Sequential([ph.Input((4,)), L.Dense(5), L.Dense(5), L.Dense(1)])


def test_same_seed_gives_the_same_weights_on_every_engine_and_every_time():
    reference = small().get_weights()
    for engine in ENGINES:
        with ph.use_backend(engine):
            for a, b in zip(reference, small().get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_weights_do_not_depend_on_the_order_of_building():
    ph.utils.set_random_seed(3)
    a, b = L.Dense(3), L.Dense(3)
    a.build((None, 4)), b.build((None, 4))
    first = a.get_weights()[0], b.get_weights()[0]
    ph.utils.set_random_seed(3)
    c, d = L.Dense(3), L.Dense(3)
    d.build((None, 4)), c.build((None, 4))
    np.testing.assert_array_equal(first[0], c.get_weights()[0])
    np.testing.assert_array_equal(first[1], d.get_weights()[0])
    assert not np.array_equal(*first)


# -- calls ------------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("args, expected", [((), 0), ((True,), 1), ((False,), 0)])
def test_training_flag_given_by_position_or_not_at_all(args, expected):
    layer = Scale()
    layer(X, *args)
    assert float(layer.calls.numpy()) == expected


def test_training_flag_comes_from_the_enclosing_call_unless_given():
    class Outer(ph.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = Scale(), Scale()

        def call(self, x):
            return self.b(self.a(x), training=False)

    outer = Outer()
    for _ in range(3):  # the first call builds, the second resolves, the third goes the short way
        outer(X, training=True)
    outer(X)
    assert float(outer.a.calls.numpy()) == 3 and float(outer.b.calls.numpy()) == 0


def test_repeated_calls_check_shapes_too():
    layer = L.Dense(2, name="head")
    for _ in range(3):
        layer(X)
    with pytest.raises(ValueError, match=r'"head".*axis -1 of size 4.*\(3, 5\)'):
        layer(np.ones((3, 5), "float32"))


def test_unknown_argument_of_call_offers_the_closest():
    with pytest.raises(TypeError, match='Did you mean "query"'):
        L.MultiHeadAttention(1, 2)(qery=X[None], value=X[None])


def test_lists_and_float64_arrays_become_tensors_of_the_layers_dtype():
    layer = L.Dense(1)
    assert layer([[1.0, 2.0]]).dtype == "float32"
    assert layer(np.ones((1, 2))).dtype == "float32"


@pytest.mark.parametrize("engine", ["jax", "torch", "tensorflow"])
def test_a_layer_runs_on_the_engine_of_its_variables(engine):
    with ph.use_backend(engine) as backend:
        layer = L.Dense(2)
        layer(X)
        expected = numpy(layer(X))
    y = layer(X)  # numpy is active here
    assert backend.owns(type(y))
    np.testing.assert_allclose(numpy(y), expected, atol=1e-6)
    moved = layer.to("numpy")
    assert moved is layer and isinstance(layer(X), np.ndarray)
    np.testing.assert_allclose(layer(X), expected, atol=1e-5)


def test_errors_inside_call_name_the_layer_once():
    class Fails(ph.Layer):
        def call(self, x):
            raise ValueError("inner trouble")

    model = ph.Sequential([Fails(name="culprit")])
    with pytest.raises(ValueError) as caught:
        model.call(X)
    assert len(caught.value.__notes__) == 1 and "culprit" in caught.value.__notes__[0]


def test_calls_from_several_threads_keep_their_own_training_flag():
    layer, results = L.Dropout(0.5, seed=1), {}
    layer(X)

    def run(training):
        results[training] = [numpy(layer(X, training=training)) for _ in range(20)]

    threads = [threading.Thread(target=run, args=(t,)) for t in (True, False)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(np.array_equal(y, X) for y in results[False])
    assert not any(np.array_equal(y, X) for y in results[True])


# -- masks ----------------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ENGINES)
def test_mask_travels_from_embedding_to_recurrent_layer(engine):
    ids = np.array([[1, 2, 0, 0], [3, 0, 0, 0]], "int32")
    with ph.use_backend(engine):
        embedding, dense, lstm = L.Embedding(5, 3, mask_zero=True), L.Dense(3), L.LSTM(2)
        model = ph.Sequential([embedding, dense, L.Dropout(0.3), lstm])
        y = numpy(model(ids))
        # outside a model, tensor by tensor
        np.testing.assert_allclose(numpy(lstm(dense(embedding(ids)))), y, atol=1e-6)
        # only the first steps count
        short = numpy(lstm(dense(embedding(ids[:1, :2]))))
        np.testing.assert_allclose(y[:1], short, atol=1e-6)
        assert numpy(get_mask(embedding(ids))).tolist() == (ids != 0).tolist() if engine == "jax" else True


def test_mask_of_a_tensor_lives_as_long_as_the_tensor():
    from pronghorn.layers.context import CONTEXT

    before = set(CONTEXT.masks)  # tensors that other tests left to the garbage collector
    x = L.Masking()(np.zeros((1, 2, 3), "float32"))
    assert get_mask(x).tolist() == [[False, False]] and set(CONTEXT.masks) - before
    del x
    assert not set(CONTEXT.masks) - before


def test_layer_that_does_not_support_masks_warns_once():
    x = L.Masking()(np.ones((1, 2, 3), "float32"))
    layer = L.Flatten()
    with pytest.warns(UserWarning, match="does not support masking"):
        y = layer(x)
    assert get_mask(y) is None


def test_mean_over_time_skips_masked_steps():
    x = np.array([[[1.0], [3.0], [9.0]]], "float32")
    y = L.GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]]))
    assert y.tolist() == [[2.0]]


# -- losses ---------------------------------------------------------------------------------------------------------------------------------------
def test_losses_of_the_last_call_only_with_weight_penalties_behind():
    class Penalised(ph.Layer):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(1, kernel_regularizer=ph.regularizers.L2(0.5), kernel_initializer="ones", activity_regularizer="l1")

        def call(self, x):
            self.add_loss(ops.sum(x))
            return self.dense(x)

    layer = Penalised()
    for _ in range(3):
        layer(np.ones((1, 4), "float32"))
    assert [round(float(v), 5) for v in layer.losses] == [4.0, 0.04, 2.0]


def test_stateless_call_changes_nothing_and_returns_the_new_state():
    layer = Scale()
    layer(X)
    y, new, losses = layer.stateless_call([np.full(4, 3.0, "float32")], [np.float32(7)], X, training=True, return_losses=True)
    np.testing.assert_array_equal(y, 3 * X)
    assert float(new[0]) == 8 and losses == [] and float(layer.calls.numpy()) == 0
    with pytest.raises(ValueError, match="1 trainable.*received 2"):
        layer.stateless_call([1, 2], [0], X)


# -- dtypes -----------------------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ENGINES)
def test_mixed_precision_computes_in_bfloat16_on_float32_weights(engine):
    with ph.use_backend(engine):
        layer = L.Dense(2, dtype="mixed_bfloat16")
        y = layer(X)
        assert layer.kernel.dtype == "float32" and ops.dtype_of(y) == "bfloat16"
        model = ph.Sequential([ph.Input((4,)), layer, L.Dense(1, dtype="float32")])
        assert ops.dtype_of(model(X)) == "float32"
        assert model.layers[0](ph.Input((4,))).dtype == "bfloat16"


def test_unknown_policy_offers_the_closest():
    with pytest.raises(ValueError, match='Did you mean "mixed_bfloat16"'):
        L.Dense(1, dtype="mixed_bfloat")


# -- configuration ------------------------------------------------------------------------------------------------------------------------------------
def test_config_is_captured_from_init_where_no_get_config_is_written():
    layer = Scale(start=3.0, name="s")
    config = layer.get_config()
    assert config["start"] == 3.0 and config["name"] == "s" and config["trainable"] is True
    np.testing.assert_array_equal(Scale.from_config(config)(X), 3 * X)

    class Strict(ph.Layer):
        def __init__(self, units):
            super().__init__(name="strict")

    made = Strict.from_config({**Strict(2).get_config(), "trainable": False})
    assert Strict(2).get_config() == {"units": 2} and made.trainable is False


def test_config_of_dense_has_the_keys_of_keras():
    config = L.Dense(3, activation="relu", activity_regularizer="l2", name="d").get_config()
    assert list(config) == [
        "name", "trainable", "dtype", "activity_regularizer", "units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint", "quantization_config",
    ]  # fmt: skip
    assert config["activation"] == "relu"
    assert config["kernel_initializer"] == {
        "module": "keras.initializers",
        "class_name": "GlorotUniform",
        "config": {"seed": None, "input_axes": None, "output_axes": None},
        "registered_name": None,
    }


def test_unknown_constructor_argument_offers_the_closest():
    with pytest.raises(TypeError, match='Did you mean "activation"'):
        L.Dense(2, activaton="relu")


def test_deep_copies_share_nothing():
    layer = L.Dense(2)
    layer(X), layer(X)
    twin = copy.deepcopy(layer)
    twin.kernel.assign(np.zeros((4, 2)))
    assert numpy(layer(X)).any() and not numpy(twin(X)).any()


def test_assignments_reach_the_other_base_classes_of_a_layer():
    class Noting:
        def __setattr__(self, name, value):
            self.__dict__.setdefault("noted", []).append(name)
            super().__setattr__(name, value)

        def __delattr__(self, name):
            self.noted.append(f"no {name}")
            super().__delattr__(name)

    class Both(Scale, Noting):
        pass

    layer = Both()
    layer.extra = 1
    del layer.extra
    assert layer.noted[-2:] == ["extra", "no extra"] and "start" in layer.noted and not hasattr(layer, "extra")
