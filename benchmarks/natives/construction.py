"""The start values of a ResNet-50, each drawn and handed to the engine: the part of construction that hand-written code pays as well."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def shapes() -> Iterator[tuple[int, ...]]:
    """Yield the shapes of all 267 weights: kernels, and four vectors for each batch normalization."""

    def unit(inputs: int, outputs: int, taps: int) -> Iterator[tuple[int, ...]]:
        yield (taps, taps, inputs, outputs)
        yield from [(outputs,)] * 4

    yield from unit(3, 64, 7)
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(blocks):
            yield from (*unit(inputs, width, 1), *unit(width, width, 3), *unit(width, 4 * width, 1))
            if i == 0:
                yield from unit(inputs, 4 * width, 1)
            inputs = 4 * width
    yield from ((inputs, 10), (10,))


def prepare(engine: str) -> Callable[[], Any]:
    """Import the engine and return what makes the weights as its own variables or arrays; on torch the whole module."""
    if engine == "torch":
        from natives.on_torch import NETS

        return NETS["resnet50"]
    if engine == "tensorflow":
        import tensorflow as tf

        make: Any = tf.Variable
    else:
        import jax

        make = jax.device_put
    rng = np.random.default_rng()

    def value(shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) == 1:
            return np.zeros(shape, "float32")
        limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        drawn = rng.random(shape, "float32")  # the quickest of these engines' generators and NumPy's, and nothing is compiled
        drawn *= 2 * limit
        drawn -= limit
        return drawn

    return lambda: [make(value(shape)) for shape in shapes()]
