"""Making a layer's variables with start values that do not depend on the engine."""

import functools
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend.dims import Dim
from pronghorn.state.naming import SCOPES, new_key
from pronghorn.state.undrawn import undrawn, waits
from pronghorn.state.variable import Variable


def make_variable(layer: Any, shape: Any, initializer: Any, dtype: Any, trainable: bool, autocast: bool, aggregation: str, name: str | None) -> Variable:
    """Return a new variable of `layer` (see `Layer.add_weight`)."""
    from pronghorn import initializers

    shape = () if shape is None else tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    if any(d is None or isinstance(d, Dim) for d in shape):
        raise ValueError(
            f'Layer "{layer.name}": weight "{name}" has the shape {shape}, and not every size is known. Give the input a fixed size on the axes it depends on.'
        )
    shape = tuple(int(d) for d in shape)
    kind = dtypes.standardize(dtype) if dtype is not None else layer.variable_dtype
    if initializer is None:
        initializer = "glorot_uniform" if kind in dtypes.FLOAT else "zeros"
    start = initializers.get(initializer) if not callable(initializer) or isinstance(initializer, type) else initializer
    names = [o.name for o in SCOPES.stack if "name" in o.__dict__]
    if not names or SCOPES.stack[-1] is not layer:
        names.append(layer.name)
    label = name or f"variable_{len(layer._own)}"
    key = f"{layer._key}/{new_key(label, layer._key_counters)}"
    name, path = label.replace("/", "_"), "/".join([*names, label])
    options: dict[str, Any] = {"trainable": trainable, "autocast": autocast, "aggregation": aggregation, "name": name, "path": path}
    private = isinstance(start, initializers.RandomInitializer) and type(start).__call__ is initializers.RandomInitializer.__call__
    if private and waits():
        return undrawn(functools.partial(start._sample, start._key(key), shape, kind), shape, kind, **options)
    value = start.draw(shape, kind, key) if isinstance(start, initializers.Initializer) else start(shape, dtype=kind)
    value = getattr(value, "value", value) if isinstance(value, Variable) else value
    if isinstance(value, (bool, int, float)):
        value = np.full(shape, value, dtypes.numpy_dtype(kind))
    return Variable(value, shape, kind, private=private, **options)
