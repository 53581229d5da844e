"""Layers that act in training only: dropout and noise; and penalties on activities."""

from typing import Any

from pronghorn import ops, random
from pronghorn.backend.settings import standardize_data_format
from pronghorn.layers.input_spec import InputSpec
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import dtype_of, shape
from pronghorn.random.seed_generator import SeedGenerator


def _rate(layer: Layer, rate: Any) -> float:
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ValueError(f"{type(layer).__name__}: rate must be a number from 0 to 1; received {rate!r}.")
    return rate


class Dropout(Layer):
    """In training, set elements to zero at random and scale the others up so that the mean stays.

    Args:
        rate: fraction of elements that is dropped.
        noise_shape: shape of the mask, which broadcasts; None in it stands for the input's size.
        seed: seed of the noise.

    Reference: Srivastava et al., 2014 (https://jmlr.org/papers/v15/srivastava14a.html).

    Example:
        >>> Dropout(0.5)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    supports_masking = True
    _keys = "rate seed noise_shape"

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate, self.seed = _rate(self, rate), seed
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.built = True

    def _noise_shape(self, inputs: Any) -> Any:
        return self.noise_shape

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, with noise if `training`."""
        if training and self.rate > 0:
            return random.dropout(inputs, self.rate, noise_shape=self._noise_shape(inputs), seed=self.seed_generator)
        return inputs


class _SpatialDropout(Dropout):
    _rank = 0

    def __init__(self, rate: float, data_format: Any = None, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return config if self._rank == 1 else {**config, "data_format": self.data_format}

    def _noise_shape(self, inputs: Any) -> Any:
        dims = shape(inputs)
        ones = (1,) * self._rank
        return (dims[0], dims[1], *ones) if self.data_format == "channels_first" else (dims[0], *ones, dims[-1])


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences.

    Args:
        rate: fraction of channels that is dropped.
        seed: seed of the noise.

    Example:
        >>> SpatialDropout1D(0.5)([[[1.0]]]).shape
        (1, 1, 1)
    """

    _rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, "channels_last", seed, name, dtype)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images."""

    _rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels of volumes."""

    _rank = 3


class GaussianNoise(Layer):
    """In training, add normal noise.

    Args:
        stddev: standard deviation.
        seed: seed of the noise.

    Example:
        >>> GaussianNoise(0.1)([1.0]).tolist()
        [1.0]
    """

    supports_masking = True
    _keys = "stddev seed"

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= stddev <= 1:
            raise ValueError(f"GaussianNoise: stddev must be a number from 0 to 1; received {stddev!r}.")
        self.stddev, self.seed = stddev, seed
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, with noise if `training`."""
        if training and self.stddev > 0:
            return ops.add(inputs, random.normal(shape(inputs), 0.0, self.stddev, dtype_of(inputs), seed=self.seed_generator))
        return inputs


class GaussianDropout(Layer):
    """In training, multiply by normal noise of mean one and the variance that dropout has.

    Args:
        rate: rate of the dropout that has the same variance.
        seed: seed of the noise.

    Reference: Srivastava et al., 2014 (https://jmlr.org/papers/v15/srivastava14a.html).
    """

    supports_masking = True
    _keys = "rate seed"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate, self.seed = _rate(self, rate), seed
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, with noise if `training`."""
        if training and self.rate > 0:
            stddev = (self.rate / (1.0 - self.rate)) ** 0.5
            return ops.multiply(inputs, random.normal(shape(inputs), 1.0, stddev, dtype_of(inputs), seed=self.seed_generator))
        return inputs


class AlphaDropout(Layer):
    """Dropout that keeps mean and variance of inputs to self-normalising networks.

    Args:
        rate: fraction of elements that is dropped.
        noise_shape: shape of the mask, which broadcasts.
        seed: seed of the noise.

    Reference: Klambauer et al., 2017 (https://arxiv.org/abs/1706.02515).
    """

    supports_masking = True
    _keys = "rate seed noise_shape"

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate, self.seed, self.noise_shape = _rate(self, rate), seed, noise_shape
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, with noise if `training`."""
        if not training or self.rate == 0:
            return inputs
        low = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717  # the value SELU tends to
        dims = shape(inputs)
        noise = dims if self.noise_shape is None else tuple(dims[i] if d is None else d for i, d in enumerate(self.noise_shape))
        kept = ops.cast(ops.greater_equal(random.uniform(noise, seed=self.seed_generator), self.rate), dtype_of(inputs))
        a = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        b = -a * low * self.rate
        return a * (inputs * kept + low * (1 - kept)) + b


class ActivityRegularization(Layer):
    """Add a penalty on the inputs to the loss.

    Args:
        l1, l2: factors of the sums of absolute values and of squares.

    Example:
        >>> layer = ActivityRegularization(l2=1.0)
        >>> _ = layer([3.0])
        >>> float(layer.losses[0])
        9.0
    """

    supports_masking = True
    _keys = "l1 l2"

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        from pronghorn import regularizers

        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return config
