"""The benchmark models, in the API that pronghorn and Keras share: `build(lib, kind)` with either of them."""

import functools
from typing import Any

import numpy as np
from natives import BLOCKS, HEADS, LENGTH, VOCABULARY, WIDTH

#: kind -> (input shape, batch size, integers below this or None for normal numbers)
DATA = {
    "mlp": ((784,), 32, None),
    "convnet": ((28, 28, 1), 64, None),
    "transformer": ((LENGTH,), 16, VOCABULARY),
    "lstm": ((100, 32), 32, None),
    "resnet18": ((32, 32, 3), 32, None),
}
#: built, saved and loaded only
SHAPES = {**{kind: shape for kind, (shape, _, _) in DATA.items()}, "resnet50": (224, 224, 3)}


def data(kind: str, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return random inputs and class indices below 10."""
    rng = np.random.default_rng(0)
    shape, _, below = DATA[kind]
    x = rng.normal(size=(samples, *shape)).astype("float32") if below is None else rng.integers(0, below, (samples, *shape)).astype("int32")
    return x, rng.integers(0, 10, samples).astype("int32")


def build(lib: Any, kind: str) -> Any:
    """Return an uncompiled model with ten logits."""
    inputs = lib.Input(SHAPES[kind], dtype="int32" if kind in DATA and DATA[kind][2] is not None else "float32")
    x = _STACKS[kind](lib, inputs)
    return lib.Model(inputs, lib.layers.Dense(10)(x))


def _mlp(lib: Any, x: Any) -> Any:
    for width in (256, 128):
        x = lib.layers.Dense(width, activation="relu")(x)
    return x


def _convnet(lib: Any, x: Any) -> Any:
    for width in (32, 64):
        x = lib.layers.MaxPooling2D()(lib.layers.Conv2D(width, 3, activation="relu")(x))
    return lib.layers.Flatten()(x)


def _positions(lib: Any) -> Any:
    """Return a layer that adds a vector per position, which it learns."""

    class Positions(lib.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(LENGTH, WIDTH), initializer="uniform", name="table")

        def call(self, x):
            return x + self.table

    return Positions()


def _transformer(lib: Any, tokens: Any) -> Any:
    layers = lib.layers
    x = layers.Embedding(VOCABULARY, WIDTH)(tokens)
    x = _positions(lib)(x)
    for _ in range(BLOCKS):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(h, h)
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="gelu")(h))
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-5)(x))


def _lstm(lib: Any, x: Any) -> Any:
    return lib.layers.LSTM(128)(x)


def _unit(lib: Any, x: Any, width: int, kernel: int, stride: int) -> Any:
    x = lib.layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
    return lib.layers.BatchNormalization(epsilon=1e-5)(x)


def _resnet18(lib: Any, x: Any) -> Any:
    layers, unit = lib.layers, functools.partial(_unit, lib)
    x = layers.ReLU()(unit(x, 64, 3, 1))
    for width, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        h = unit(layers.ReLU()(unit(x, width, 3, stride)), width, 3, 1)
        if stride > 1:
            x = unit(x, width, 1, stride)
        x = layers.ReLU()(x + h)
    return layers.GlobalAveragePooling2D()(x)


def _resnet50(lib: Any, x: Any) -> Any:
    layers, unit = lib.layers, functools.partial(_unit, lib)
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU()(unit(x, 64, 7, 2)))
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(blocks):
            step = stride if i == 0 else 1
            h = layers.ReLU()(unit(layers.ReLU()(unit(x, width, 1, step)), width, 3, 1))
            x = layers.ReLU()((unit(x, 4 * width, 1, step) if i == 0 else x) + unit(h, 4 * width, 1, 1))
    return layers.GlobalAveragePooling2D()(x)


_STACKS = {"mlp": _mlp, "convnet": _convnet, "transformer": _transformer, "lstm": _lstm, "resnet18": _resnet18, "resnet50": _resnet50}
