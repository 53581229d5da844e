"""Bringing features to mean zero and variance one, by statistics of the data."""

from typing import Any

import numpy as np

from pronghorn import ops
from pronghorn.backend.settings import epsilon
from pronghorn.layers.layer import Layer
from pronghorn.layers.preprocessing.adapting import batches


class Normalization(Layer):
    """Shifts and scales features to mean zero and variance one, with statistics that are given or learned by `adapt`.

    Args:
        axis: axis or axes with statistics of their own; None for one mean and variance of everything.
        mean, variance: statistics, both or none.
        invert: whether normalised data is turned back.

    Example:
        >>> import numpy as np
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[1.0], [3.0]], "float32"))
        >>> layer(np.array([[3.0]], "float32")).tolist()
        [[1.0]]
    """

    _keys = "axis invert mean variance"

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization: mean and variance must be given together; received mean={mean} and variance={variance}.")
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.mean: Any = None
        self.variance: Any = None
        self._wide: tuple = ()

    def build(self, input_shape: Any) -> None:
        """Make the statistics, unless they were given."""
        n = len(input_shape)
        if any(not -n <= a < n for a in self.axis):
            raise ValueError(f'Layer "{self.name}" (Normalization): axis {self.axis} is out of range for inputs of shape {tuple(input_shape)}.')
        keep = sorted(a % n for a in self.axis)
        if any(input_shape[a] is None for a in keep):
            raise ValueError(f'Layer "{self.name}" (Normalization): the sizes of the axes {self.axis} must be known; received shape {tuple(input_shape)}.')
        self._keep = keep
        self._wide = tuple(d if i in keep else 1 for i, d in enumerate(input_shape))
        if self.input_mean is not None:
            self.mean, self.variance = (self._spread(np.asarray(v, "float32")) for v in (self.input_mean, self.input_variance))
            return
        shape = tuple(input_shape[a] for a in keep)
        self.adapt_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.adapt_variance = self.add_weight(shape=shape, initializer="ones", trainable=False, name="variance")
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")
        self.finalize_state()

    def _spread(self, values: np.ndarray) -> np.ndarray:
        """Give statistics the axes of the inputs."""
        kept = tuple(d for d in self._wide if d != 1) or (1,)
        return np.broadcast_to(values, tuple(self._wide[a] for a in self._keep)).reshape(self._wide) if values.shape != kept else values.reshape(self._wide)

    def adapt(self, data: Any) -> None:
        """Learn mean and variance.

        Args:
            data: array, or an iterable of batches.

        Raises:
            ValueError: the layer was made with a mean and a variance, or there is no data.
        """
        if self.input_mean is not None:
            raise ValueError(f'Layer "{self.name}" (Normalization) was made with a mean and a variance, so adapt() has nothing to learn.')
        count, mean, spread = 0, np.float64(0), np.float64(0)
        for array in batches(data):
            x = np.asarray(array, "float64")
            if not self.built:
                self.build((None, *x.shape[1:]) if not any(a % x.ndim == 0 for a in self.axis) else x.shape)
            axes = tuple(i for i in range(x.ndim) if i not in self._keep)
            n = int(np.prod([x.shape[a] for a in axes]))
            here = x.mean(axes)
            total = count + n
            spread = spread + ((x - x.mean(axes, keepdims=True)) ** 2).sum(axes) + (here - mean) ** 2 * (count * n / total)
            mean, count = mean + (here - mean) * (n / total), total
        if not count:
            raise ValueError(f'Layer "{self.name}" (Normalization): adapt() got no data.')
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(spread / count)
        self.finalize_state()

    def finalize_state(self) -> None:
        """Take the statistics from the variables."""
        if self.input_mean is None and self.built or self.__dict__.get("count") is not None:
            self.mean, self.variance = (np.asarray(v.numpy()).reshape(self._wide) for v in (self.adapt_mean, self.adapt_variance))

    def load_own_variables(self, store: Any) -> None:
        """Read the statistics from a file."""
        super().load_own_variables(store)
        self.finalize_state()

    def call(self, inputs: Any) -> Any:
        """Normalise, or turn back with `invert`."""
        kind = self.compute_dtype
        x = ops.cast(inputs, kind)
        mean = ops.convert_to_tensor(self.mean.astype("float32"), kind)
        scale = ops.convert_to_tensor(np.maximum(np.sqrt(self.variance), epsilon()).astype("float32"), kind)
        return ops.add(mean, ops.multiply(x, scale)) if self.invert else ops.divide(ops.subtract(x, mean), scale)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis, "mean": _plain(self.input_mean), "variance": _plain(self.input_variance)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else np.asarray(value).tolist()
