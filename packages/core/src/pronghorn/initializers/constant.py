"""Initializers without randomness."""

import math
from typing import Any

import numpy as np

from pronghorn.backend.errors import closest
from pronghorn.initializers.initializer import Initializer, host_dtype


class Zeros(Initializer):
    """All zeros.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return np.zeros(shape, host_dtype(dtype))


class Ones(Initializer):
    """All ones.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return np.ones(shape, host_dtype(dtype))


class Constant(Initializer):
    """One number, or an array that broadcasts to the shape.

    Args:
        value: the number or array.

    Example:
        >>> Constant(5.0)((2,))
        array([5., 5.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        from pronghorn.ops.creation import convert_to_numpy

        value = self.value if isinstance(self.value, (bool, int, float, complex)) else convert_to_numpy(self.value)
        return np.array(np.broadcast_to(np.asarray(value).astype(host_dtype(dtype)), shape))

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constant":
        from pronghorn.saving.registry import deserialize_keras_object

        return cls(deserialize_keras_object(config["value"]) if isinstance(config.get("value"), dict) else config.get("value", 0.0))


class Identity(Initializer):
    """The identity matrix times a factor.

    Args:
        gain: the factor.

    Raises:
        ValueError: when called with a shape that is no matrix.

    Example:
        >>> Identity()((2, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if len(shape) != 2:
            raise ValueError(f"Identity: expected the shape of a matrix; received {tuple(shape)}.")
        return (self.gain * np.eye(*shape)).astype(host_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        # Keras writes nothing here; the factor is added where it is not the default
        return {} if self.gain == 1.0 else {"gain": self.gain}


def _cosines(n: int, periodic: bool, *coefficients: float) -> np.ndarray:
    span = n if periodic else n - 1
    angle = 2.0 * math.pi * np.arange(n) / max(span, 1)
    return sum((-1) ** k * c * np.cos(k * angle) for k, c in enumerate(coefficients)) if n > 1 else np.ones(n)  # type: ignore[return-value]


_WINDOWS: dict[str, Any] = {
    "hann": lambda n, periodic: _cosines(n, periodic, 0.5, 0.5),
    "hamming": lambda n, periodic: _cosines(n, periodic, 0.54, 0.46),
    "blackman": lambda n, periodic: _cosines(n, periodic, 0.42, 0.5, 0.08),
    "bartlett": lambda n, periodic: np.bartlett(n + 1)[:-1] if periodic and n > 1 else np.bartlett(n),
    "boxcar": lambda n, periodic: np.ones(n),
}


class STFT(Initializer):
    """Kernels that make a convolution compute one part of a short-time Fourier transform: shape (frame length, 1, frequencies).

    Args:
        side: "real" or "imag".
        window: name of the window function, or None.
        scaling: how a window is scaled, "density", "spectrum" or None.
        periodic: whether the window is periodic instead of symmetric.

    Raises:
        ValueError: an unknown word.

    Example:
        >>> STFT(window=None, scaling=None)((2, 1, 2))[:, 0].tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """

    def __init__(self, side: str = "real", window: str | None = "hann", scaling: str | None = "density", periodic: bool = False):
        if side not in ("real", "imag"):
            raise ValueError(f'STFT: side must be "real" or "imag"; received {side!r}.')
        if window is not None and window not in _WINDOWS:
            raise ValueError(f"STFT: unknown window {window!r}.{closest(window, _WINDOWS)} Known: {', '.join(_WINDOWS)}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f'STFT: scaling must be "density", "spectrum" or None; received {scaling!r}.')
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if len(shape) != 3 or shape[1] != 1:
            raise ValueError(f"STFT: expected a shape (frame length, 1, frequencies); received {tuple(shape)}.")
        length, _, frequencies = shape
        window = np.ones(length) if self.window is None else _WINDOWS[self.window](length, self.periodic)
        if self.window is not None and self.scaling == "density":
            window = window / np.sqrt(np.sum(window**2))
        elif self.window is not None and self.scaling == "spectrum":
            window = window / np.sum(window)
        angle = 2.0 * math.pi / max((frequencies - 1) * 2, 1) * np.arange(length)[:, None] * np.arange(frequencies)
        wave = np.cos(angle) if self.side == "real" else -np.sin(angle)
        return (wave * window[:, None])[:, None].astype(host_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}
