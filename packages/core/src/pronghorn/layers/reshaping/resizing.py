"""Padding, cropping and upsampling of sequences, images and volumes."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.layers.pooling import sizes
from pronghorn.ops.creation import shape


def pairs(layer: Layer, name: str, value: Any, n: int) -> tuple[tuple[int, int], ...]:
    """Return an int, one int per axis, or one pair per axis, as pairs."""
    if isinstance(value, int):
        value = (value,) * n
    if not isinstance(value, (list, tuple)) or len(value) != n:
        raise ValueError(f"{type(layer).__name__}: {name} must be an int, {n} ints or {n} pairs of ints; received {value!r}.")
    found = []
    for v in value:
        pair = (v, v) if isinstance(v, int) else tuple(v) if isinstance(v, (list, tuple)) else ()
        if len(pair) != 2 or not all(isinstance(x, int) and x >= 0 for x in pair):
            raise ValueError(f"{type(layer).__name__}: {name} must hold integers of at least 0; received {value!r}.")
        found.append(pair)
    return tuple(found)


class _Spatial(Layer):
    _rank = 0

    def _layout(self, data_format: Any) -> None:
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def _first(self) -> int:
        """Position of the first spatial axis."""
        return 2 if self.data_format == "channels_first" else 1


class _ZeroPadding(_Spatial):
    _keys = "padding data_format"

    def call(self, inputs: Any) -> Any:
        """Return the inputs with zeros around them."""
        around = [self.padding] if self._rank == 1 else list(self.padding)
        first = self._first()
        widths = [(0, 0)] * first + around
        return ops.pad(inputs, widths + [(0, 0)] * (self._rank + 2 - len(widths)))


class ZeroPadding1D(_ZeroPadding):
    """Put zeros before and behind sequences.

    Args:
        padding: an int, or a pair of ints for the two ends.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ZeroPadding1D()([[[1.0]]]).tolist()
        [[[0.0], [1.0], [0.0]]]
    """

    _rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding = sizes(self, "padding", padding, 2, least=0)
        self._layout(data_format)


class ZeroPadding2D(_ZeroPadding):
    """Put zeros around images.

    Args:
        padding: an int, one int per axis, or one pair per axis.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> ZeroPadding2D(1)([[[[1.0]]]]).shape
        (1, 3, 3, 1)
    """

    _rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding = pairs(self, "padding", padding, 2)
        self._layout(data_format)


class ZeroPadding3D(_ZeroPadding):
    """Put zeros around volumes; arguments as in `ZeroPadding2D`."""

    _rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding = pairs(self, "padding", padding, 3)
        self._layout(data_format)


class _Cropping(_Spatial):
    _keys = "cropping data_format"

    def call(self, inputs: Any) -> Any:
        """Return the inputs without their margins."""
        around = [self.cropping] if self._rank == 1 else list(self.cropping)
        dims, first = shape(inputs), self._first()
        index: list[Any] = [slice(None)] * len(dims)
        for axis, (before, after) in enumerate(around, first):
            size = dims[axis]
            if isinstance(size, int) and before + after >= size:
                raise ValueError(f'Layer "{self.name}": cropping {(before, after)} leaves nothing of axis {axis} with size {size}.')
            index[axis] = slice(before, -after if after else None)
        return ops.getitem(inputs, tuple(index))


class Cropping1D(_Cropping):
    """Cut steps off both ends of sequences.

    Args:
        cropping: an int, or a pair of ints for the two ends.

    Example:
        >>> Cropping1D()([[[1.0], [2.0], [3.0]]]).tolist()
        [[[2.0]]]
    """

    _rank = 1
    _keys = "cropping"

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = sizes(self, "cropping", cropping, 2, least=0)
        self._layout("channels_last")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        config = super().get_config()
        config.pop("data_format", None)
        return config


class Cropping2D(_Cropping):
    """Cut margins off images.

    Args:
        cropping: an int, one int per axis, or one pair per axis.
        data_format: "channels_last" or "channels_first".
    """

    _rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = pairs(self, "cropping", cropping, 2)
        self._layout(data_format)


class Cropping3D(_Cropping):
    """Cut margins off volumes; arguments as in `Cropping2D`."""

    _rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.cropping = pairs(self, "cropping", cropping, 3)
        self._layout(data_format)


class _UpSampling(_Spatial):
    def call(self, inputs: Any) -> Any:
        """Return the inputs with each step repeated."""
        factors = (self.size,) if isinstance(self.size, int) else self.size
        for axis, factor in enumerate(factors, self._first()):
            inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs


class UpSampling1D(_UpSampling):
    """Repeat each step of sequences.

    Args:
        size: number of repetitions.

    Example:
        >>> UpSampling1D(2)([[[1.0], [2.0]]]).tolist()
        [[[1.0], [1.0], [2.0], [2.0]]]
    """

    _rank = 1
    _keys = "size"

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = int(size)
        self._layout("channels_last")


class UpSampling2D(_UpSampling):
    """Enlarge images by whole factors.

    Args:
        size: an int, or one per axis.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Example:
        >>> UpSampling2D(2)([[[[1.0]]]]).shape
        (1, 2, 2, 1)
    """

    _rank = 2
    _keys = "size data_format interpolation"

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any):
        super().__init__(**kwargs)
        self.size = sizes(self, "size", size, 2)
        self.interpolation = str(interpolation).lower()
        known = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        if self.interpolation not in known:
            raise ValueError(f"UpSampling2D: interpolation must be one of {', '.join(known)}; received {interpolation!r}.")
        self._layout(data_format)

    def call(self, inputs: Any) -> Any:
        """Return the enlarged inputs."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        dims, first = shape(inputs), self._first()
        target = (dims[first] * self.size[0], dims[first + 1] * self.size[1])
        return ops.image.resize(inputs, target, interpolation=self.interpolation, data_format=self.data_format)


class UpSampling3D(_UpSampling):
    """Repeat each element of volumes along the three axes.

    Args:
        size: an int, or one per axis.
        data_format: "channels_last" or "channels_first".
    """

    _rank = 3
    _keys = "size data_format"

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = sizes(self, "size", size, 3)
        self._layout(data_format)
