"""Layers that work on strings, which no engine has: on the host, on NumPy arrays."""

from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.layers.layer import Layer
from pronghorn.layers.preprocessing.adapting import host, strings
from pronghorn.ops.creation import convert_to_tensor, is_tensor
from pronghorn.state.tree import flatten
from pronghorn.symbolic.spec import Spec


class HostLayer(Layer):
    """Base of layers whose `call` takes and returns NumPy arrays; what they return becomes a tensor of the active engine.

    They belong into the input pipeline (`dataset.map(layer)`), in front of the model; in a graph or a compiled step there is nothing for them to work on.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for x in flatten((args, kwargs)):
            if isinstance(x, Spec):
                raise ValueError(
                    f'Layer "{self.name}" ({type(self).__name__}) works on the host and cannot be part of a graph. Apply it to the data before the model.'
                )
        inputs = [self._host(a) for a in args]
        if not self.built:
            self.built = True
        out = self.call(*inputs, **{k: self._host(v) for k, v in kwargs.items()})
        if isinstance(out, np.ndarray) and out.dtype.kind not in "US":
            return convert_to_tensor(out)
        return out

    def _host(self, value: Any) -> Any:
        """Return an argument as an array; a tuple or list of arrays item by item."""
        if value is None or isinstance(value, (bool, np.ndarray)):
            return strings(value) if isinstance(value, np.ndarray) and value.dtype.kind in "SO" else value
        if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) or is_tensor(v) for v in value):
            return type(value)(self._host(v) for v in value)
        backend = registry.active()
        if is_tensor(value) and not backend.is_concrete(value):
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}) works on the host and cannot be compiled. Apply it to the data before the model.')
        return host(value)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the spec of the outputs."""
        return Spec(self.compute_output_shape(args[0].shape), "int32")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, by encoding."""
        mode = getattr(self, "output_mode", "int")
        shape = tuple(input_shape)
        if mode == "int":
            return shape
        depth = self._depth()
        if mode == "one_hot":
            return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
        return (*shape[:-1], depth)

    def _depth(self) -> int:
        """Number of categories of indicators and counts."""
        raise NotImplementedError(f"{type(self).__name__} has no encoded outputs.")


def encode_host(x: np.ndarray, mode: str, depth: int, dtype: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Return category numbers as they are, or as indicators, counts or weighted counts ("tf_idf"), as `encoding.encode` does on tensors."""
    if mode == "int":
        return x
    if mode == "one_hot" and x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    hot = (x[..., None] == np.arange(depth)).astype(dtype)
    if mode == "one_hot" or x.ndim == 0:
        return hot
    if mode == "multi_hot":
        return hot.max(axis=-2) if x.shape[-1] else np.zeros((*x.shape[:-1], depth), dtype)
    counts = hot.sum(axis=-2).astype(dtype)
    return counts if weights is None else (counts * weights).astype(dtype)
