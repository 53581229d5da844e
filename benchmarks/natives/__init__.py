"""Hand-written training steps and predictions on each engine: what pronghorn is measured against.

`make(engine, kind, mixed)` returns `(fit, predict)`: `fit(x, y, batch)` runs one pass in order and returns the last loss, `predict(x)` returns an array.
The layers, shapes, initial distributions, Adam's formula and the loss are those of `benchmarks/models.py`, written as somebody who knows the engine would.
They run on the engine's accelerator if it finds one; with `mixed`, in bfloat16 on weights that are kept in float32.
"""

import importlib
from collections.abc import Callable, Iterator

import numpy as np

LEARNING_RATE, EPSILON = 1e-3, 1e-7
WIDTH, HEADS, BLOCKS, VOCABULARY, LENGTH = 128, 4, 4, 10_000, 128


def make(engine: str, kind: str, mixed: bool = False) -> tuple[Callable, Callable]:
    """Return `(fit, predict)` of a model on an engine."""
    return importlib.import_module(f"natives.on_{engine}").make(kind, mixed)


def batches(x: np.ndarray, y: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield slices in order."""
    for i in range(0, len(x), size):
        yield x[i : i + size], y[i : i + size]


def glorot(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return Glorot-uniform weights for a kernel whose last two axes are inputs and outputs."""
    taps = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    limit = np.sqrt(6 / (taps * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape).astype("float32")
