"""Write the files of `data/` with Keras itself (3.15): KERAS_BACKEND=torch python tests/saving/make_data.py

Each model is trained for two steps; beside it lie its input, its predictions and the state of its optimizer.
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers as L
from keras import ops

HERE = Path(__file__).resolve().parent / "data"


def convolutional():
    x = keras.Input((6, 6, 2))
    h = L.BatchNormalization()(L.Conv2D(3, 3, padding="same", activation="relu")(L.Rescaling(0.5, offset=-0.1)(x)))
    h = L.PReLU(shared_axes=[1, 2])(L.SeparableConv2D(4, 2)(h))
    h = L.Dropout(0.3, seed=5)(L.GlobalAveragePooling2D()(h))
    return keras.Model(x, L.Dense(2, activation="softmax", kernel_regularizer="l2")(h)), keras.optimizers.RMSprop(0.01), "categorical_crossentropy"


def recurrent():
    x = keras.Input((5,), dtype="int32")
    h = L.Bidirectional(L.LSTM(3, return_sequences=True))(L.Embedding(9, 4, mask_zero=True)(x))
    h = L.RNN(L.StackedRNNCells([L.GRUCell(3), L.SimpleRNNCell(2)]), return_sequences=True)(h)
    h = L.TimeDistributed(L.Dense(3, activation="tanh"))(h)
    return keras.Model(x, L.Dense(2)(L.GRU(2, reset_after=False)(h))), keras.optimizers.SGD(0.01), "mse"


def graph():
    a, b = keras.Input((4,), name="left"), keras.Input((4,), name="also")
    shared = L.Dense(4, activation="tanh", name="shared")
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4), L.LayerNormalization()], name="inner")
    p, q = inner(shared(a)), shared(b)
    z = ops.relu(p - q / 2.0) + ops.concatenate([p[:, :2], q[:, 2:]], axis=-1) * (1.0 - p)
    z = ops.reshape(ops.matmul(z[:, None], ops.expand_dims(z, -1)), (-1, 1)) + ops.mean(abs(z), axis=1, keepdims=True)
    outputs = {"zeta": L.Dense(2, name="zeta")(z), "alpha": L.Dense(1, name="alpha")(L.Add()([p, q]))}
    return keras.Model({"left": a, "also": b}, outputs), keras.optimizers.SGD(0.01, momentum=0.9), {"zeta": "mse", "alpha": keras.losses.Huber()}


def attention():
    x = keras.Input((4, 6))
    h = x + L.MultiHeadAttention(2, 3, dropout=0.1)(x, x, use_causal_mask=True)
    h = L.LayerNormalization(axis=[1, 2])(h)
    h = L.Dense(4, activation="gelu", dtype="mixed_bfloat16")(h)
    frozen = L.Dense(3, trainable=False)
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)
    return keras.Model(x, L.Dense(2)(L.Flatten()(frozen(h)))), keras.optimizers.AdamW(rate, clipnorm=1.0), "mse"


def chain():
    layers = [keras.Input((5,)), L.Dense(4, activation="relu"), L.BatchNormalization(), L.Dense(3, activation="softmax")]
    return keras.Sequential(layers), keras.optimizers.Adam(0.01), "categorical_crossentropy"


def data(model, rng):
    """Return a batch and targets for it."""
    found = {
        x.name: rng.integers(0, 9, (4, *x.shape[1:])).astype("int32") if x.dtype == "int32" else rng.normal(size=(4, *x.shape[1:])).astype("float32")
        for x in model.inputs
    }
    x = found if len(found) > 1 else next(iter(found.values()))
    predicted = model.predict_on_batch(x)
    y = (
        {k: np.abs(v) for k, v in predicted.items()}
        if isinstance(predicted, dict)
        else np.eye(predicted.shape[-1], dtype="float32")[np.arange(4) % predicted.shape[-1]]
    )
    return found, x, y


def main():
    HERE.mkdir(exist_ok=True)
    for build, ending in ((convolutional, ".keras"), (recurrent, ".keras"), (graph, ".keras"), (attention, ".keras"), (chain, ".h5")):
        keras.utils.clear_session()
        keras.utils.set_random_seed(3)
        model, optimizer, loss = build()
        model.compile(optimizer, loss)
        found, x, y = data(model, np.random.default_rng(2))
        for _ in range(2):
            model.train_on_batch(x, y)
        model.save(HERE / f"{build.__name__}{ending}")
        predicted = model.predict_on_batch(x)
        outputs = predicted if isinstance(predicted, dict) else {"out": predicted}
        targets = y if isinstance(y, dict) else {"out": y}
        np.savez_compressed(
            HERE / f"{build.__name__}.npz",
            **{f"input:{k}": v for k, v in found.items()},
            **{f"output:{k}": v for k, v in outputs.items()},
            **{f"target:{k}": v for k, v in targets.items()},
            **{f"slot:{i:03}": v.numpy() for i, v in enumerate(model.optimizer.variables)},
        )
    model.save_weights(HERE / "chain.weights.h5")


if __name__ == "__main__":
    main()
