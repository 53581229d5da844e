"""Models for the file checks in `files.py`: every builder is written once and runs on Keras and on pronghorn (`k` is either of them)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ZOO: dict[str, Callable[[Any], Any]] = {}
#: inputs of a model that are not plain float data: name of the model -> function of a generator
INPUTS: dict[str, Callable[[np.random.Generator], Any]] = {}
_CUSTOM: dict[int, dict[str, type]] = {}


def zoo(fn: Callable) -> Callable:
    """Add a builder to the zoo."""
    ZOO[fn.__name__] = fn
    return fn


def inputs_of(name: str, model: Any, rng: np.random.Generator) -> Any:
    """Return a batch of four rows for a model."""
    if name in INPUTS:
        return INPUTS[name](rng)
    found = [rng.normal(size=(4, *(d or 5 for d in x.shape[1:]))).astype("float32") for x in model.inputs]
    return found[0] if len(found) == 1 else found


def custom(k: Any) -> dict[str, type]:
    """Return the registered classes of the zoo, for one library."""
    if id(k) in _CUSTOM:
        return _CUSTOM[id(k)]

    @k.saving.register_keras_serializable("zoo")
    class Scale(k.layers.Layer):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, input_shape):
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

        def call(self, x):
            return x * self.gain * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    @k.saving.register_keras_serializable("zoo")
    class Residual(k.layers.Layer):
        def __init__(self, units, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.activation = k.activations.get(activation)
            self.steps = [k.layers.Dense(units), k.layers.Dense(units, use_bias=False)]
            self.by_name = {"norm": k.layers.LayerNormalization(), "drop": k.layers.Dropout(0.3, seed=4)}
            self._hidden = k.layers.Dense(units)

        def build(self, input_shape):
            shape = (*input_shape[:-1], self.units)
            self.steps[0].build(input_shape)
            self.steps[1].build(shape)
            self.by_name["norm"].build(shape)
            self.by_name["drop"].build(shape)
            self._hidden.build(shape)

        def call(self, x, training=None):
            y = self.activation(self.steps[0](x))
            y = self.by_name["norm"](self.steps[1](y))
            return self._hidden(self.by_name["drop"](y, training=training)) + y

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], self.units)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "activation": k.activations.serialize(self.activation)}

    @k.saving.register_keras_serializable("zoo")
    class Net(k.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = k.layers.Dense(units, activation="tanh")
            self.blocks = [Scale(), Scale(0.5)]
            self.last = k.layers.Dense(2)

        def call(self, x):
            x = self.first(x)
            for block in self.blocks:
                x = block(x)
            return self.last(x)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @k.saving.register_keras_serializable("zoo")
    class Split(k.layers.Layer):
        """Several inputs by name, several outputs."""

        def call(self, first, second=None, scale=1.0):
            return first * scale, first - second

        def compute_output_shape(self, first_shape, second_shape=None):
            return first_shape, first_shape

    @k.saving.register_keras_serializable("zoo")
    class Counting(k.layers.Layer):
        """Holds a metric, and layers under names that the libraries use themselves or nearly."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = k.metrics.Mean(name="seen")
            self._steps = [k.layers.Dense(3)]
            self.dense = k.layers.Dense(3)

        def build(self, input_shape):
            self._steps[0].build(input_shape)
            self.dense.build(input_shape)

        def call(self, x):
            return self._steps[0](x) + self.dense(x)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 3)

    @k.saving.register_keras_serializable("zoo")
    class Tower(k.Model):
        """A functional model by inheritance."""

        def __init__(self, width=4, **kwargs):
            self.width = width
            x = k.Input((6,))
            dense = k.layers.Dense(width)
            super().__init__(x, k.layers.Dense(2)(dense(x)), **kwargs)
            self.first = dense

        def get_config(self):
            return {"width": self.width, "name": self.name}

    @k.saving.register_keras_serializable("zoo")
    def swish_twice(x):
        return k.ops.silu(k.ops.silu(x))

    @k.saving.register_keras_serializable("zoo")
    def double_mse(y_true, y_pred):
        return 2.0 * k.ops.mean(k.ops.square(y_true - y_pred), axis=-1)

    _CUSTOM[id(k)] = {c.__name__: c for c in (Scale, Residual, Net, Split, Counting, Tower, swish_twice, double_mse)}
    return _CUSTOM[id(k)]


# -- architectures ---------------------------------------------------------------------------------------------------------------------------
@zoo
def mlp_adam(k):
    L = k.layers
    m = k.Sequential(
        [k.Input((6,)), L.Dense(5, activation="relu", kernel_regularizer=k.regularizers.L2(0.01)), L.Dropout(0.4), L.Dense(2, activation="softmax")]
    )
    m.compile(k.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
    return m


@zoo
def sequential_without_input(k):
    L = k.layers
    m = k.Sequential(
        [L.Dense(5, kernel_initializer=k.initializers.HeNormal(seed=3)), L.UnitNormalization(), L.Dense(1, kernel_constraint="non_neg")], name="lazy"
    )
    m.build((None, 6))
    m.compile("sgd", "mse")
    return m


@zoo
def nested_sequential(k):
    L = k.layers
    inner = k.Sequential([k.Input((4,)), L.Dense(4, activation="gelu"), L.BatchNormalization()], name="inner")
    m = k.Sequential([k.Input((6,)), L.Dense(4), inner, L.Dense(3)])
    m.compile(k.optimizers.SGD(0.01, momentum=0.9, nesterov=True), k.losses.MeanAbsoluteError())
    return m


@zoo
def shared_layers(k):
    L = k.layers
    a, b = k.Input((5,), name="a"), k.Input((5,), name="b")
    shared, norm = L.Dense(4, activation="tanh", name="shared"), L.BatchNormalization(name="norm")
    x, y = norm(shared(a)), norm(shared(b))
    z = L.Add()([x, y])
    z = L.Concatenate()(
        [shared(L.Dense(5)(z)), L.Multiply()([x, y]), L.Subtract()([x, y]), L.Average()([x, y]), L.Maximum()([x, y]), L.Minimum()([x, y]), L.Dot(1)([x, y])]
    )
    m = k.Model([a, b], L.Dense(2)(z), name="siamese")
    m.compile(k.optimizers.RMSprop(0.01, momentum=0.5, centered=True), "mse")
    return m


@zoo
def dict_inputs_and_outputs(k):
    L = k.layers
    a, b = k.Input((3,), name="left"), k.Input((4,), name="right")
    h = L.Concatenate(name="cat")([a, b])
    m = k.Model({"left": a, "right": b}, {"value": L.Dense(1, name="value")(h), "kind": L.Dense(3, activation="softmax", name="kind")(h)})
    m.compile(
        k.optimizers.Nadam(0.01),
        loss={"value": k.losses.Huber(0.5), "kind": "categorical_crossentropy"},
        loss_weights={"value": 0.3, "kind": 1.0},
        metrics={"value": ["mae"], "kind": [k.metrics.CategoricalAccuracy(name="acc"), k.metrics.AUC(num_thresholds=7)]},
    )
    return m


INPUTS["dict_inputs_and_outputs"] = lambda rng: {"left": rng.normal(size=(4, 3)).astype("float32"), "right": rng.normal(size=(4, 4)).astype("float32")}


@zoo
def list_outputs(k):
    L = k.layers
    x = k.Input((6,))
    h = L.Dense(4, activation="selu")(x)
    m = k.Model(x, [L.Dense(1)(h), L.Dense(2)(h), h])
    m.compile(k.optimizers.AdamW(0.01, weight_decay=0.02), loss=["mse", "mae", None], metrics=[["mae"], [k.metrics.MeanSquaredError()], []])
    return m


@zoo
def nested_functional(k):
    L = k.layers
    i = k.Input((4, 4, 3))
    h = L.Conv2D(4, 3, padding="same")(i)
    inner = k.Model(i, [h, L.GlobalAveragePooling2D()(h)], name="features")
    x, y = k.Input((4, 4, 3)), k.Input((4, 4, 3))
    maps, pooled = inner(x)
    other = inner(y)[1]
    deeper = k.Sequential([k.Input((4, 4, 4)), L.Flatten(), L.Dense(4)], name="deeper")
    m = k.Model([x, y], L.Dense(2)(L.Concatenate()([deeper(maps), pooled, other])))
    inner.trainable = False
    m.compile(k.optimizers.Adagrad(0.01), "mse")
    return m


@zoo
def op_nodes(k):
    ops, L = k.ops, k.layers
    x, y = k.Input((6,), name="x"), k.Input((6,), name="y")
    z = x + y
    z = z * 2.0 - y / 3.0 + (1.0 - x) ** 2
    z = ops.relu(z) + ops.concatenate([x, y], axis=-1)[:, 3:9]
    first, last = z[:, 0], z[:, -1:]
    z = L.Dense(4)(z) + ops.expand_dims(first, -1) + last
    z = ops.softmax(z, axis=-1) + ops.mean(z, axis=1, keepdims=True)
    z = ops.reshape(z, (-1, 2, 2))
    z = ops.matmul(z, ops.transpose(z, (0, 2, 1)))
    z = ops.sum(z, axis=[1, 2])
    m = k.Model([x, y], [ops.stack([z, first], axis=1), abs(-z) > 0.5])
    return m


@zoo
def more_op_nodes(k):
    ops = k.ops
    x = k.Input((4, 6))
    a, b = ops.split(x, 2, axis=-1)
    h = ops.einsum("bij,bkj->bik", a, b)
    h = ops.where(h > 0, h, 0.1 * h)
    h = ops.clip(h, -1.0, 2.0) + ops.maximum(h, 0.5) + ops.log1p(ops.abs(h)) + ops.power(h, 2)
    h = ops.pad(h, [[0, 0], [1, 1], [0, 0]])
    one = ops.one_hot(ops.argmax(h, axis=-1), 4, dtype="float32")
    h = h + one + ops.cast(ops.argmin(h, axis=-1), "float32")[..., None]
    h = ops.concatenate(
        [h, ops.tile(ops.max(h, axis=1, keepdims=True), (1, 2, 1)), ops.repeat(h, 2, axis=1), ops.flip(h, axis=1), ops.roll(h, 1, axis=1)], axis=1
    )
    h = ops.squeeze(ops.expand_dims(h, 1), 1)
    h = ops.take(h, [0, 2], axis=-1)
    h = ops.swapaxes(ops.cumsum(h, axis=1), 1, 2)
    h = ops.leaky_relu(h, negative_slope=0.1) + ops.sigmoid(h) + ops.gelu(h, approximate=False) + ops.log_softmax(h, axis=1)
    v = ops.var(h, axis=-1) + ops.std(h, axis=-1) + ops.logsumexp(h, axis=-1) + ops.prod(h, axis=-1) * 0 + ops.norm(h, axis=-1) * 0
    return k.Model(x, [ops.broadcast_to(ops.arctan2(v, v + 1)[:, None], (4, 1, 2)), h[..., ::2], h[:, 0, 1:]])


@zoo
def convolutions(k):
    L = k.layers
    x = k.Input((8, 8, 3))
    h = L.Rescaling(1 / 3.0, offset=-0.5)(x)
    h = L.Conv2D(4, 3, strides=2, padding="same", activation="relu", kernel_regularizer="l1", bias_regularizer=k.regularizers.L1L2(0.1, 0.2))(h)
    h = L.BatchNormalization(momentum=0.8, epsilon=1e-4)(h)
    h = L.DepthwiseConv2D(3, depth_multiplier=2)(h)
    h = L.PReLU(shared_axes=[1, 2])(h)
    h = L.SeparableConv2D(4, 2, padding="same", dilation_rate=1)(h)
    h = L.Conv2DTranspose(3, 3, strides=2)(h)
    h = L.GroupNormalization(groups=3)(h)
    h = L.MaxPooling2D()(h)
    h = L.ZeroPadding2D(((1, 0), (0, 1)))(h)
    h = L.UpSampling2D(2, interpolation="bilinear")(h)
    h = L.Cropping2D(1)(h)
    h = L.SpatialDropout2D(0.2)(h)
    h = L.LeakyReLU(negative_slope=0.2)(h)
    m = k.Model(x, L.Dense(2)(L.GlobalMaxPooling2D()(h)))
    m.compile(k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9, staircase=True), amsgrad=True), "mse")
    return m


@zoo
def convolutions_1d_3d(k):
    L = k.layers
    x, y = k.Input((8, 3)), k.Input((4, 4, 4, 2))
    h = L.Conv1D(4, 3, padding="causal", dilation_rate=2)(x)
    h = L.SeparableConv1D(4, 2)(L.DepthwiseConv1D(2)(h))
    h = L.Conv1DTranspose(3, 2)(h)
    h = L.GlobalAveragePooling1D()(L.AveragePooling1D(2)(h))
    g = L.Conv3DTranspose(3, 2)(L.MaxPooling3D(2)(L.Conv3D(3, 2, padding="same", groups=1)(y)))
    g = L.Reshape((-1,))(L.LayerNormalization(axis=[-1, -2])(g))
    m = k.Model([x, y], L.Dense(2)(L.Concatenate()([h, g])))
    m.compile(k.optimizers.Adamax(0.01), "mse")
    return m


def _tokens(rng: np.random.Generator) -> np.ndarray:
    x = rng.integers(1, 9, (4, 6))
    x[0, 3:] = 0
    x[1, 5:] = 0
    return x.astype("int32")


@zoo
def embedding_mask_lstm(k):
    L = k.layers
    m = k.Sequential(
        [
            k.Input((6,), dtype="int32"),
            L.Embedding(9, 5, mask_zero=True),
            L.LSTM(4, return_sequences=True, dropout=0.2, recurrent_dropout=0.1),
            L.LSTM(3),
            L.Dense(2),
        ]
    )
    m.compile(k.optimizers.Adadelta(0.01), "mse")
    return m


@zoo
def bidirectional(k):
    L = k.layers
    x = k.Input((None,), dtype="int32")
    h = L.Embedding(9, 5, mask_zero=True)(x)
    h = L.Bidirectional(L.LSTM(3, return_sequences=True))(h)
    h = L.Bidirectional(
        L.GRU(2, return_sequences=True), merge_mode="sum", backward_layer=L.GRU(2, return_sequences=True, go_backwards=True, activation="relu")
    )(h)
    m = k.Model(x, L.Dense(2)(L.Bidirectional(L.SimpleRNN(2), merge_mode="ave")(h)))
    m.compile(k.optimizers.Ftrl(0.01), "mse")
    return m


@zoo
def recurrent_cells(k):
    L = k.layers
    x = k.Input((5, 3))
    h, *states = L.RNN([L.LSTMCell(3), L.GRUCell(2, reset_after=False), L.SimpleRNNCell(4)], return_sequences=True, return_state=True)(x)
    h = L.RNN(L.StackedRNNCells([L.GRUCell(3), L.GRUCell(2)]), return_sequences=True)(h)
    seq, hidden, carry = L.LSTM(3, return_state=True, return_sequences=True)(h)
    out = L.LSTM(3, stateful=False)(seq, initial_state=[hidden, carry])
    m = k.Model(x, L.Dense(2)(L.Concatenate()([out, states[-1]])))
    m.compile(k.optimizers.Lion(0.001), "mse")
    return m


@zoo
def time_distributed(k):
    L = k.layers
    x = k.Input((5, 6))
    h = L.TimeDistributed(L.Dense(4, activation="relu"))(L.Masking(0.5)(x))
    h = L.TimeDistributed(k.Sequential([k.Input((4,)), L.Dense(3), L.BatchNormalization()]))(h)
    m = k.Model(x, L.Dense(2)(L.GRU(3, reset_after=True, go_backwards=True, unroll=True)(L.RepeatVector(2)(L.Flatten()(h)))))
    m.compile(k.optimizers.Lamb(0.01), "mse")
    return m


@zoo
def transformer_block(k):
    L = k.layers
    x = k.Input((6,), dtype="int32")
    h = L.Embedding(9, 8)(x)
    a = L.MultiHeadAttention(2, 4, value_dim=3, dropout=0.1)(h, h, use_causal_mask=True)
    h = L.LayerNormalization(epsilon=1e-6)(h + a)
    h = L.LayerNormalization()(h + L.Dense(8)(L.Dense(16, activation="gelu")(h)))
    m = k.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))
    m.compile(k.optimizers.AdamW(1e-2, clipnorm=1.0, use_ema=True, ema_momentum=0.9), k.losses.MeanSquaredError(reduction="sum"))
    return m


@zoo
def attention(k):
    L = k.layers
    q, v = k.Input((4, 3)), k.Input((5, 3))
    h = L.Attention(use_scale=True, score_mode="concat")([q, v])
    h = L.Concatenate()([h, L.AdditiveAttention()([q, v]), L.MultiHeadAttention(2, 2)(q, v, v)])
    m = k.Model([q, v], L.EinsumDense("abc,cd->abd", output_shape=(None, 2), bias_axes="d")(h))
    m.compile(k.optimizers.Adafactor(0.01), "mse")
    return m


for _name in ("embedding_mask_lstm", "bidirectional", "transformer_block"):
    INPUTS[_name] = _tokens


@zoo
def normalizations_and_activations(k):
    L = k.layers
    x = k.Input((4, 6))
    h = L.RMSNormalization()(L.LayerNormalization(center=False)(x))
    h = L.BatchNormalization(axis=1, scale=False)(h)
    h = L.PReLU(alpha_initializer=k.initializers.Constant(0.2))(L.ELU(0.5)(L.ReLU(max_value=3.0, negative_slope=0.1, threshold=0.05)(h)))
    h = L.Activation("swish")(L.Activation(custom(k)["swish_twice"])(L.Softmax(axis=1)(h)))
    h = L.Permute((2, 1))(L.GaussianDropout(0.1)(L.GaussianNoise(0.1)(L.AlphaDropout(0.1)(L.ActivityRegularization(0.1, 0.2)(h)))))
    m = k.Model(x, L.Dense(2, activation=k.activations.leaky_relu)(L.Flatten()(h)))
    m.compile(k.optimizers.SGD(0.01, weight_decay=0.1, global_clipnorm=1.0, gradient_accumulation_steps=2), custom(k)["double_mse"])
    return m


@zoo
def registered_layers(k):
    c, L = custom(k), k.layers
    x = k.Input((6,))
    h = c["Residual"](4, "swish")(c["Scale"](3.0)(x))
    a, b = c["Split"]()(h, second=L.Dense(4)(h), scale=0.5)
    m = k.Model(x, L.Dense(2)(c["Residual"](3)(a + b)))
    m.compile(k.optimizers.Adam(0.01), "mse")
    return m


@zoo
def subclassed_model(k):
    m = custom(k)["Net"](4)
    m.build((None, 6))
    m.compile(k.optimizers.Adam(0.01), k.losses.LogCosh(), metrics=[k.metrics.RootMeanSquaredError()])
    return m


INPUTS["subclassed_model"] = lambda rng: rng.normal(size=(4, 6)).astype("float32")


@zoo
def mixed_bfloat16(k):
    L = k.layers
    policy = k.DTypePolicy("mixed_bfloat16")
    m = k.Sequential([k.Input((6,)), L.Dense(8, activation="relu", dtype="mixed_bfloat16"), L.LayerNormalization(dtype=policy), L.Dense(2, dtype="float32")])
    m.compile(k.optimizers.Adam(0.01), "mse")
    return m


@zoo
def bfloat16_weights(k):
    L = k.layers
    m = k.Sequential([k.Input((6,)), L.Dense(8, dtype="bfloat16"), L.Dense(4, dtype="float16"), L.Dense(2)])
    return m


@zoo
def loss_scaling(k):
    L = k.layers
    m = k.Sequential([k.Input((6,)), L.Dense(8, activation="relu"), L.Dense(2)])
    m.compile(k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.01), initial_scale=64.0), "mse")
    return m


@zoo
def frozen_layers(k):
    L = k.layers
    m = k.Sequential([k.Input((6,)), L.Dense(5, trainable=False), L.BatchNormalization(trainable=False), L.Dense(4), L.BatchNormalization(), L.Dense(2)])
    m.layers[2].trainable = False
    m.compile(
        k.optimizers.RMSprop(k.optimizers.schedules.CosineDecay(0.01, 100)),
        k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        metrics=[k.metrics.BinaryAccuracy(threshold=0.3)],
        weighted_metrics=["mse"],
    )
    return m


@zoo
def dropout_seeds(k):
    L = k.layers
    m = k.Sequential([k.Input((6,)), L.Dense(5), L.Dropout(0.5, seed=7), L.Dense(4), L.Dropout(0.5, noise_shape=(None, 1)), L.Dense(2)])
    m.compile(k.optimizers.Nadam(0.01), "mse", jit_compile=False)
    return m


@zoo
def optional_and_typed_inputs(k):
    L = k.layers
    a, b = k.Input(batch_shape=(4, 3), name="a"), k.Input((2,), dtype="int32", name="b")
    e = L.Flatten()(L.Embedding(5, 2, embeddings_initializer="glorot_uniform", embeddings_constraint=k.constraints.MaxNorm(2, axis=1))(b))
    return k.Model([a, b], L.Dense(2, use_bias=False)(L.Concatenate(axis=1)([a, e])))


INPUTS["optional_and_typed_inputs"] = lambda rng: [rng.normal(size=(4, 3)).astype("float32"), rng.integers(0, 5, (4, 2)).astype("int32")]


@zoo
def metric_in_a_layer(k):
    m = k.Sequential([k.Input((6,)), custom(k)["Counting"](), k.layers.Dense(2)])
    m.layers[0].seen.update_state([1.0, 4.0])
    return m


@zoo
def functional_subclass(k):
    m = custom(k)["Tower"](5)
    m.compile(k.optimizers.Adam(0.01), "mse")
    return m


@zoo
def dicts_inside(k):
    """A nested model whose inputs and outputs are dicts, in an order that is not alphabetical."""
    L = k.layers
    z, b = k.Input((2,), name="z"), k.Input((3,), name="b")
    h = L.Concatenate()([z, b])
    inner = k.Model({"z": z, "b": b}, {"wide": L.Dense(4)(h), "narrow": L.Dense(2)(h)}, name="inner")
    x, y = k.Input((2,), name="x"), k.Input((3,), name="a")
    found = inner({"z": x, "b": y})
    m = k.Model([x, y], [L.Dense(3)(found["wide"]), found["narrow"] * 2.0])
    m.compile(k.optimizers.Adam(0.01), loss=["mse", "mae"])
    return m


@zoo
def mixed_float16(k):
    L = k.layers
    m = k.Sequential([k.Input((6,)), L.Dense(8, activation="relu", dtype="mixed_float16"), L.BatchNormalization(), L.Dense(2)])
    m.compile(k.optimizers.Adam(0.01), "mse")
    return m
