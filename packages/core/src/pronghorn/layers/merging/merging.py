"""Layers that make one tensor of several."""

from collections.abc import Callable
from typing import Any

from pronghorn import ops
from pronghorn.backend.dims import broadcast_dim
from pronghorn.layers.layer import Layer


class Merge(Layer):
    """Base of layers that combine a list of tensors element by element."""

    supports_masking = True
    _combine: Callable
    _count: int | None = None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        """Check that the shapes broadcast."""
        shapes = self._shapes(input_shape)
        if self._count is not None and len(shapes) != self._count:
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}) expects {self._count} inputs; received {len(shapes)}.')
        batches = {s[0] for s in shapes if s and s[0] is not None}
        if len(batches - {1}) > 1:
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}): the batch sizes differ: {shapes}.')
        ranks = {len(s) for s in shapes}
        if len(ranks) == 1:
            for sizes in zip(*shapes, strict=True):
                size: Any = 1
                for d in sizes:
                    if d is None:
                        break
                    size = broadcast_dim(size, d)
                    if size is None:
                        raise ValueError(f'Layer "{self.name}" ({type(self).__name__}): the shapes {shapes} do not broadcast together.')

    def _shapes(self, input_shape: Any) -> list[tuple]:
        if not isinstance(input_shape, (list, tuple)) or not input_shape or not isinstance(input_shape[0], (list, tuple)):
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}) expects a list of tensors; received one of shape {input_shape}.')
        return [tuple(s) for s in input_shape]

    def call(self, inputs: Any) -> Any:
        """Combine the inputs; those of lower rank get axes after the batch."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f'Layer "{self.name}" ({type(self).__name__}) expects a list of tensors; received {type(inputs).__name__}.')
        rank = max(len(ops.shape(x)) for x in inputs)
        return self._merge([self._grown(x, rank) for x in inputs])

    @staticmethod
    def _grown(x: Any, rank: int) -> Any:
        dims = ops.shape(x)
        missing = rank - len(dims)
        return ops.reshape(x, (dims[0], *(1,) * missing, *dims[1:])) if missing and dims else x

    def _merge(self, inputs: list[Any]) -> Any:
        out = inputs[0]
        for x in inputs[1:]:
            out = type(self)._combine(out, x)
        return out

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Keep a step where all masks keep it."""
        found = [m for m in mask if m is not None] if isinstance(mask, (list, tuple)) else []
        if not found:
            return None
        out = found[0]
        for m in found[1:]:
            out = ops.logical_and(out, m)
        return out


class Add(Merge):
    """Sum of tensors.

    Example:
        >>> import numpy as np
        >>> Add()([np.ones((1, 2), "float32"), np.ones((1, 2), "float32")]).tolist()
        [[2.0, 2.0]]
    """

    _combine = staticmethod(ops.add)


class Subtract(Merge):
    """Difference of two tensors."""

    _combine = staticmethod(ops.subtract)
    _count = 2


class Multiply(Merge):
    """Product of tensors."""

    _combine = staticmethod(ops.multiply)


class Average(Merge):
    """Mean of tensors."""

    _combine = staticmethod(ops.add)

    def _merge(self, inputs: list[Any]) -> Any:
        return ops.divide(super()._merge(inputs), float(len(inputs)))


class Maximum(Merge):
    """Largest elements of tensors."""

    _combine = staticmethod(ops.maximum)


class Minimum(Merge):
    """Smallest elements of tensors."""

    _combine = staticmethod(ops.minimum)


class Concatenate(Merge):
    """Tensors joined along an axis.

    Args:
        axis: the axis.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axis, int):
            raise TypeError(f"Concatenate: axis must be an int; received {axis!r}.")
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit."""
        shapes = self._shapes(input_shape)
        rest = []
        for s in shapes:
            if not -len(s) <= self.axis < len(s):
                raise ValueError(f'Layer "{self.name}" (Concatenate): axis {self.axis} is out of range for shape {s}.')
            rest.append([d for i, d in enumerate(s) if i != self.axis % len(s)])
        for other in rest[1:]:
            if len(other) != len(rest[0]) or any(a is not None and b is not None and a != b for a, b in zip(rest[0], other, strict=True)):
                raise ValueError(f'Layer "{self.name}" (Concatenate): the shapes {shapes} differ outside axis {self.axis}.')

    def call(self, inputs: Any) -> Any:
        """Join the inputs."""
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Join the masks; inputs without one count as kept."""
        if not isinstance(mask, (list, tuple)) or all(m is None for m in mask):
            return None
        masks = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                masks.append(ops.ones_like(x, dtype="bool"))
            else:
                m = ops.cast(m, "bool")
                missing = len(ops.shape(x)) - len(ops.shape(m))
                masks.append(ops.logical_and(ops.reshape(m, (*ops.shape(m), *(1,) * missing)), ops.ones_like(x, dtype="bool")))
        return ops.all(ops.concatenate(masks, axis=self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "axis": self.axis}


class Dot(Merge):
    """Dot product of two tensors along axes.

    Args:
        axes: axis, or one axis per input.
        normalize: divide by the norms first, which gives the cosine.
    """

    _count = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = isinstance(axes, (list, tuple)) and len(axes) == 2 and all(isinstance(a, int) for a in axes)
        if not isinstance(axes, int) and not pair:
            raise TypeError(f"Dot: axes must be an int or a pair of ints; received {axes!r}.")
        self.axes, self.normalize = axes, normalize

    def build(self, input_shape: Any) -> None:
        """Check that the axes fit."""
        shapes = self._shapes(input_shape)
        if len(shapes) != 2:
            raise ValueError(f'Layer "{self.name}" (Dot) expects 2 inputs; received {len(shapes)}.')
        a, b = self._pair(len(shapes[0]), len(shapes[1]))
        if None not in (shapes[0][a], shapes[1][b]) and shapes[0][a] != shapes[1][b]:
            raise ValueError(f'Layer "{self.name}" (Dot): axes {a} and {b} of the shapes {shapes} have different sizes.')

    def _pair(self, n: int, m: int) -> tuple[int, int]:
        a, b = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return a % n, b % m

    def call(self, inputs: Any) -> Any:
        """Contract the axes, sample by sample."""
        x, y = inputs
        a, b = self._pair(len(ops.shape(x)), len(ops.shape(y)))
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        dx, dy = ops.shape(x), ops.shape(y)
        rest_x = [i for i in range(1, len(dx)) if i != a]
        rest_y = [i for i in range(1, len(dy)) if i != b]
        left = ops.reshape(ops.transpose(x, [0, *rest_x, a]), (dx[0], -1, dx[a]))
        right = ops.reshape(ops.transpose(y, [0, b, *rest_y]), (dy[0], dy[b], -1))
        out = ops.matmul(left, right)
        dims = [dx[i] for i in rest_x] + [dy[i] for i in rest_y]
        return ops.reshape(out, (dx[0], *(dims or [1])))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The steps are gone, and their mask with them."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def add(inputs: Any, **kwargs: Any) -> Any:
    """Return the sum of tensors, through an `Add` layer."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Return the difference of two tensors, through a `Subtract` layer."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Return the product of tensors, through a `Multiply` layer."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Return the mean of tensors, through an `Average` layer."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Return the largest elements, through a `Maximum` layer."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Return the smallest elements, through a `Minimum` layer."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return tensors joined along an axis, through a `Concatenate` layer."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Return the dot product of two tensors along axes, through a `Dot` layer."""
    return Dot(axes=axes, **kwargs)(inputs)
