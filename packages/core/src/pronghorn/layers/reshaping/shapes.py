"""Layers that change shapes."""

import math
from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import shape


class Flatten(Layer):
    """Join all axes except the batch axis.

    Args:
        data_format: "channels_first" moves the channels to the end first.

    Shapes: `(batch, a, b, ...)` to `(batch, a * b * ...)`; a vector gets a last axis of size one.

    Example:
        >>> Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).tolist()
        [[1.0, 2.0, 3.0, 4.0]]
    """

    _keys = "data_format"

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._first = self.data_format == "channels_first"

    def call(self, inputs: Any) -> Any:
        """Return the inputs as vectors."""
        dims = shape(inputs)
        if self._first and len(dims) > 1:
            inputs = ops.transpose(inputs, (0, *range(2, len(dims)), 1))
        rest = dims[1:]
        if all(isinstance(d, int) for d in rest):
            # with the other sizes known, the batch may be unknown
            return ops.reshape(inputs, (dims[0], math.prod(rest)) if isinstance(dims[0], int) else (-1, math.prod(rest)))
        size = rest[0]
        for d in rest[1:]:
            size = size * d
        return ops.reshape(inputs, (dims[0], size))


class Reshape(Layer):
    """Give each example another shape.

    Args:
        target_shape: sizes without the batch axis; one may be -1.

    Example:
        >>> Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
        (1, 2, 2)
    """

    _keys = "target_shape"

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape) if isinstance(target_shape, (list, tuple)) else (target_shape,)
        if sum(d == -1 for d in self.target_shape) > 1:
            raise ValueError(f"Reshape: at most one size may be -1; received {self.target_shape}.")
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the reshaped inputs."""
        dims = shape(inputs)
        target = self.target_shape
        if -1 in target and isinstance(dims[0], int) is False:
            known = -math.prod(target)
            if all(isinstance(d, int) for d in dims[1:]):
                total = math.prod(dims[1:])
                if known and total % known == 0:
                    target = tuple(total // known if d == -1 else d for d in target)
        return ops.reshape(inputs, (dims[0], *target))


class Permute(Layer):
    """Reorder the axes behind the batch axis.

    Args:
        dims: the new order, counted from 1.

    Example:
        >>> Permute((2, 1))([[[1.0, 2.0, 3.0]]]).shape
        (1, 3, 1)
    """

    _keys = "dims"

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must be the numbers from 1 to {len(self.dims)} in some order; received {dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        """Return the transposed inputs."""
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat each vector along a new axis of time.

    Args:
        n: number of repetitions.

    Shapes: `(batch, features)` to `(batch, n, features)`.

    Example:
        >>> RepeatVector(2)([[1.0]]).tolist()
        [[[1.0], [1.0]]]
    """

    _keys = "n"

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"RepeatVector: n must be an integer; received {n!r}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """Return the repeated inputs."""
        dims = shape(inputs)
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (dims[0], self.n, dims[1]))
