"""Pooling over windows and over whole axes."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import cast, dtype_of


def sizes(layer: Layer, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """Return an int or a sequence of ints as one int per axis."""
    items = (value,) * n if isinstance(value, int) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(items) != n or not all(isinstance(v, int) and not isinstance(v, bool) and v >= least for v in items):
        raise ValueError(f"{type(layer).__name__}: {name} must be an int or {n} ints, each at least {least}; received {value!r}.")
    return items


def padding_mode(layer: Layer, padding: Any, allowed: tuple[str, ...] = ("valid", "same")) -> str:
    """Return the name of a padding in lower case."""
    mode = str(padding).lower()
    if mode not in allowed:
        raise ValueError(f"{type(layer).__name__}: padding must be {' or '.join(map(repr, allowed))}; received {padding!r}.")
    return mode


class _Pooling(Layer):
    _keys = "pool_size padding strides data_format"
    _rank = 0
    _op: Any = None

    def __init__(self, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.pool_size = sizes(self, "pool_size", pool_size, self._rank)
        self.strides = self.pool_size if strides is None else sizes(self, "strides", strides, self._rank)
        self.padding = padding_mode(self, padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return one value per window and channel."""
        return type(self)._op(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _MaxPooling(_Pooling):
    _op = staticmethod(ops.max_pool)


class MaxPooling1D(_MaxPooling):
    """Largest element of each window of a sequence.

    Args:
        pool_size: length of the window.
        strides: step of the window, its length by default.
        padding: "valid", or "same" for ceil(size / stride) outputs.
        data_format: "channels_last" or "channels_first".

    Shapes: `(batch, steps, channels)` to `(batch, fewer steps, channels)`.

    Example:
        >>> MaxPooling1D(2)([[[1.0], [3.0]]]).tolist()
        [[[3.0]]]
    """

    _rank = 1

    def __init__(self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None, name: Any = None, **kwargs: Any):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(_MaxPooling):
    """Largest element of each window of an image; arguments as in `MaxPooling1D`.

    Example:
        >>> MaxPooling2D()([[[[1.0], [2.0]], [[3.0], [4.0]]]]).tolist()
        [[[[4.0]]]]
    """

    _rank = 2

    def __init__(self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: Any = None, name: Any = None, **kwargs: Any):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(_MaxPooling):
    """Largest element of each window of a volume; arguments as in `MaxPooling1D`."""

    _rank = 3

    def __init__(self, pool_size: Any = (2, 2, 2), strides: Any = None, padding: str = "valid", data_format: Any = None, name: Any = None, **kwargs: Any):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class _AveragePooling(_Pooling):
    _op = staticmethod(ops.average_pool)


class AveragePooling1D(_AveragePooling):
    """Mean of each window of a sequence; arguments as in `MaxPooling1D`.

    Example:
        >>> AveragePooling1D(2)([[[1.0], [3.0]]]).tolist()
        [[[2.0]]]
    """

    _rank = 1


class AveragePooling2D(_AveragePooling):
    """Mean of each window of an image; arguments as in `MaxPooling1D`."""

    _rank = 2


class AveragePooling3D(_AveragePooling):
    """Mean of each window of a volume; arguments as in `MaxPooling1D`."""

    _rank = 3


class _GlobalPooling(Layer):
    _keys = "data_format keepdims"
    _rank = 0

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format, self.keepdims = standardize_data_format(data_format), keepdims
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self.built = True

    def _axes(self) -> tuple[int, ...]:
        return tuple(range(2, self._rank + 2) if self.data_format == "channels_first" else range(1, self._rank + 1))


class _GlobalMax(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        """Return the largest element of each channel."""
        return ops.max(inputs, axis=self._axes(), keepdims=self.keepdims)


class _GlobalAverage(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        """Return the mean of each channel."""
        return ops.mean(inputs, axis=self._axes(), keepdims=self.keepdims)


class GlobalMaxPooling1D(_GlobalMax):
    """Largest element of each channel of a sequence.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: whether the pooled axes stay, with size 1.

    Example:
        >>> GlobalMaxPooling1D()([[[1.0], [3.0]]]).tolist()
        [[3.0]]
    """

    _rank = 1


class GlobalMaxPooling2D(_GlobalMax):
    """Largest element of each channel of an image; arguments as in `GlobalMaxPooling1D`."""

    _rank = 2


class GlobalMaxPooling3D(_GlobalMax):
    """Largest element of each channel of a volume; arguments as in `GlobalMaxPooling1D`."""

    _rank = 3


class GlobalAveragePooling1D(_GlobalAverage):
    """Mean of each channel of a sequence, over the steps that the mask keeps; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalAveragePooling1D()([[[1.0], [3.0]]]).tolist()
        [[2.0]]
    """

    _rank = 1
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mean of each channel."""
        if mask is None:
            return super().call(inputs)
        axis = self._axes()[0]
        weights = ops.expand_dims(cast(mask, dtype_of(inputs)), 2 if self.data_format == "channels_last" else 1)
        total = ops.sum(ops.multiply(inputs, weights), axis=axis, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(weights, axis=axis, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return None: the steps are gone."""
        return None


class GlobalAveragePooling2D(_GlobalAverage):
    """Mean of each channel of an image; arguments as in `GlobalMaxPooling1D`."""

    _rank = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """Mean of each channel of a volume; arguments as in `GlobalMaxPooling1D`."""

    _rank = 3


class _AdaptivePooling(Layer):
    _keys = "output_size data_format"
    _rank = 0
    _op: Any = None

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.output_size = sizes(self, "output_size", output_size, self._rank)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Any) -> Any:
        """Return outputs of the size asked for."""
        return type(self)._op(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """Means over windows chosen so that the output has the size asked for.

    Args:
        output_size: int or one per spatial axis.
        data_format: "channels_last" or "channels_first".
    """

    _rank, _op = 1, staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """Means over windows of an image; arguments as in `AdaptiveAveragePooling1D`."""

    _rank, _op = 2, staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """Means over windows of a volume; arguments as in `AdaptiveAveragePooling1D`."""

    _rank, _op = 3, staticmethod(ops.adaptive_average_pool)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """Largest elements of windows chosen so that the output has the size asked for; arguments as in `AdaptiveAveragePooling1D`."""

    _rank, _op = 1, staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """Largest elements of windows of an image; arguments as in `AdaptiveAveragePooling1D`."""

    _rank, _op = 2, staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """Largest elements of windows of a volume; arguments as in `AdaptiveAveragePooling1D`."""

    _rank, _op = 3, staticmethod(ops.adaptive_max_pool)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
