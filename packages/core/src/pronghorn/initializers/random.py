"""Random initializers, drawn on the host: the same bits on every engine and machine."""

import math
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.initializers.initializer import Initializer
from pronghorn.random import host
from pronghorn.random import seed as global_seed
from pronghorn.random.keys import derive, from_words

# standard deviation of the standard normal distribution cut at two
_TRUNCATED = 0.8796256610342398


class RandomInitializer(Initializer):
    """Base class of random initializers.

    With an int as seed the values depend on the seed and the shape alone, so equal initializers give equal values. Without a seed they derive
    from the process's seed and the path of the variable, whatever the order of creation. A `SeedGenerator` gives new values each time.
    """

    def __init__(self, seed: Any = None):
        from pronghorn.random.seed_generator import SeedGenerator

        if isinstance(seed, dict):
            seed = SeedGenerator.from_config(seed["config"])
        if seed is not None and not isinstance(seed, SeedGenerator) and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"{type(self).__name__}: seed must be an integer, a SeedGenerator or None; received {seed!r}.")
        self.seed = seed
        self._own_key: int | None = None

    def _key(self, path: str | None) -> int:
        if isinstance(self.seed, (int, np.integer)):
            return derive(int(self.seed), "initializer")
        if self.seed is not None:
            from pronghorn.ops.creation import convert_to_numpy

            return from_words(convert_to_numpy(self.seed.next()))
        if path:
            return derive(global_seed.process_seed(), "initializer", path)
        if self._own_key is None:
            self._own_key = global_seed.next_key("initializer")
        return self._own_key

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return self._sample(self._key(None), tuple(int(d) for d in shape), dtypes.standardize(dtype))

    def draw(self, shape: tuple, dtype: Any = None, path: str = "") -> Any:
        if type(self).__call__ is not RandomInitializer.__call__:  # a subclass with a rule of its own
            return super().draw(shape, dtype, path)
        return self._sample(self._key(path), tuple(int(d) for d in shape), dtypes.standardize(dtype))

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        from pronghorn.saving.registry import serialize_keras_object

        return {"seed": serialize_keras_object(self.seed)}


class RandomNormal(RandomInitializer):
    """Normally distributed numbers.

    Args:
        mean, stddev: of the distribution.
        seed: an int, a `SeedGenerator` or None.

    Example:
        >>> RandomNormal(seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        return host.normal(key, shape, self.mean, self.stddev, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normally distributed numbers within two standard deviations of the mean.

    Args:
        mean, stddev: of the distribution before it is cut.
        seed: an int, a `SeedGenerator` or None.

    Example:
        >>> bool((abs(TruncatedNormal(stddev=1.0, seed=1)((100,))) <= 2).all())
        True
    """

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        return host.truncated_normal(key, shape, self.mean, self.stddev, dtype)


class RandomUniform(RandomInitializer):
    """Uniformly distributed numbers.

    Args:
        minval, maxval: bounds; the upper one is excluded.
        seed: an int, a `SeedGenerator` or None.

    Example:
        >>> bool((RandomUniform(2.0, 3.0, seed=1)((100,)) >= 2).all())
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        return host.uniform(key, shape, self.minval, self.maxval, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


def fans(shape: tuple, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """Return how many numbers flow into and out of one unit of a weight.

    Args:
        shape: of the weight; its last two axes are inputs and outputs, those before are taps, unless both of the following are given.
        input_axes, output_axes: axes whose sizes make the two numbers.

    Example:
        >>> fans((3, 3, 4, 8)), fans((4, 2, 5), (0,), (1, 2))
        ((36, 72), (4, 10))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        n = shape[0] if shape else 1
        return n, n
    taps = math.prod(shape[:-2])
    return shape[-2] * taps, shape[-1] * taps


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class VarianceScaling(RandomInitializer):
    """Random numbers whose variance is `scale / n`, so that activations or gradients keep their size from layer to layer.

    Args:
        scale: positive factor.
        mode: what `n` is: "fan_in" (inputs of a unit), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (also "normal"), "untruncated_normal" or "uniform".
        seed: an int, a `SeedGenerator` or None.
        input_axes, output_axes: which axes of the weight are inputs and outputs; by default the last two, with those before as taps of both.

    Raises:
        ValueError: a scale that is not positive, or an unknown word.

    Example:
        >>> bool((abs(VarianceScaling(3.0, "fan_avg", "uniform", seed=1)((9, 9))) <= 1).all())
        True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if not isinstance(scale, (int, float, np.number)) or not scale > 0:
            raise ValueError(f"VarianceScaling: scale must be a positive number; received {scale!r}.")
        mode, distribution = str(mode).lower(), str(distribution).lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        for what, value, known in (("mode", mode, _MODES), ("distribution", distribution, _DISTRIBUTIONS)):
            if value not in known:
                from pronghorn.backend.errors import closest

                raise ValueError(f"VarianceScaling: {what} must be one of {', '.join(known)}; received {value!r}.{closest(value, known)}")
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes = None if input_axes is None else tuple(input_axes)
        self.output_axes = None if output_axes is None else tuple(output_axes)
        super().__init__(seed)

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": float(fan_in), "fan_out": float(fan_out), "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return host.uniform(key, shape, -limit, limit, dtype)
        if self.distribution == "untruncated_normal":
            return host.normal(key, shape, 0.0, math.sqrt(variance), dtype)
        return host.truncated_normal(key, shape, 0.0, math.sqrt(variance) / _TRUNCATED, dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Named(VarianceScaling):
    """A variance scaling with its own name; its configuration holds only what can be chosen."""

    _ARGUMENTS: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
        super().__init__(*self._ARGUMENTS, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Named):
    """Uniform numbers within `sqrt(6 / (inputs + outputs))` of zero (Glorot and Bengio, 2010).

    Args:
        seed: an int, a `SeedGenerator` or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> bool((abs(GlorotUniform(seed=1)((3, 3))) <= 1).all())
        True
    """

    _ARGUMENTS = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Named):
    """Truncated normal numbers of variance `2 / (inputs + outputs)` (Glorot and Bengio, 2010); arguments as in `GlorotUniform`."""

    _ARGUMENTS = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Named):
    """Truncated normal numbers of variance `1 / inputs` (LeCun et al., 1998); arguments as in `GlorotUniform`."""

    _ARGUMENTS = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Named):
    """Uniform numbers within `sqrt(3 / inputs)` of zero (LeCun et al., 1998); arguments as in `GlorotUniform`."""

    _ARGUMENTS = (1.0, "fan_in", "uniform")


class HeNormal(_Named):
    """Truncated normal numbers of variance `2 / inputs` (He et al., 2015); arguments as in `GlorotUniform`."""

    _ARGUMENTS = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Named):
    """Uniform numbers within `sqrt(6 / inputs)` of zero (He et al., 2015); arguments as in `GlorotUniform`."""

    _ARGUMENTS = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix: its rows, or its columns if there are fewer of them, are orthogonal to each other (Saxe et al., 2014).

    Axes before the last are flattened into rows.

    Args:
        gain: length of the rows or columns.
        seed: an int, a `SeedGenerator` or None.

    Raises:
        ValueError: when called with fewer than two axes.

    Example:
        >>> w = Orthogonal(seed=1)((3, 3))
        >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
        True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        super().__init__(seed)

    def _sample(self, key: int, shape: tuple, dtype: str) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected at least two axes; received shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        # in float64, so that what differs between linear algebra libraries is lost in the rounding to float32
        q, r = np.linalg.qr(host.normal(key, (max(rows, columns), min(rows, columns)), dtype="float64"))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # makes the distribution uniform over orthogonal matrices
        q = q.T if rows < columns else q
        return (self.gain * q.reshape(shape)).astype(dtypes.numpy_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}
