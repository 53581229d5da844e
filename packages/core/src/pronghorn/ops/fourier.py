"""Fourier transforms, and signals cut into frames. Complex results and arguments are pairs of real tensors, real and imaginary part."""

import math
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend import primitives as p
from pronghorn.backend.dims import same_dim, show
from pronghorn.backend.families import floating
from pronghorn.backend.op import op
from pronghorn.backend.owners import unwrap
from pronghorn.ops.creation import cast, convert_to_tensor, dtype_of, ndim, ones, shape
from pronghorn.ops.frames import frame_count, frame_index, overlap_add
from pronghorn.ops.reduction import cast_count

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft", "view_as_complex", "view_as_real"]


# -- pairs ---------------------------------------------------------------------------------------------------------------------------------
def _complex(name: str, x: Any, least: int = 1) -> Any:
    """Return a pair of real tensors as one complex tensor."""
    if len(x) != 2:
        raise ValueError(f"{name}: expected a pair of tensors, real and imaginary part; received {len(x)} of them.")
    a, b = shape(x[0]), shape(x[1])
    if len(a) != len(b) or any(not same_dim(i, j) for i, j in zip(a, b, strict=True)):
        raise ValueError(f"{name}: real and imaginary part must have one shape; received {show(a)} and {show(b)}.")
    if len(a) < least:
        raise ValueError(f"{name}: expected tensors of rank {least} or more; received shape {show(a)}.")
    if dtype_of(x[0]) in dtypes.COMPLEX:
        raise ValueError(f"{name}: expected a pair of real tensors; received {dtype_of(x[0])}.")
    return p.view_as_complex(x[0], x[1])


def _pair(z: Any) -> tuple[Any, Any]:
    return p.real(z), p.imag(z)


def _fitted(x: Any, size: int) -> Any:
    """Cut the last axis to `size` elements, or fill it up with zeros."""
    dims = shape(x)
    n = dims[-1]
    if not isinstance(n, int):  # long enough for either
        x = p.pad(x, (*((0, 0),) * (len(dims) - 1), (0, size)), 0.0)
    elif n < size:
        return p.pad(x, (*((0, 0),) * (len(dims) - 1), (0, size - n)), 0.0)
    return x if n is size else p.slice(x, (0,) * len(dims), (*dims[:-1], size), (1,) * len(dims))


@op
def view_as_complex(x: Any) -> Any:
    """Return pairs of real numbers along the last axis as complex numbers.

    Args:
        x: (..., 2).

    Example:
        >>> view_as_complex([[1.0, 2.0]])
        array([1.+2.j], dtype=complex64)
    """
    dims = shape(x)
    if not dims or (isinstance(dims[-1], int) and dims[-1] != 2):
        raise ValueError(f"view_as_complex: the last axis must have two elements, real and imaginary part; received shape {show(dims)}.")
    n = len(dims)
    parts = [p.reshape(p.slice(x, (*(0,) * (n - 1), i), (*dims[:-1], i + 1), (1,) * n), dims[:-1]) for i in range(2)]
    return p.view_as_complex(*parts)


@op
def view_as_real(x: Any) -> Any:
    """Return complex numbers as pairs of real numbers along a new last axis.

    Example:
        >>> view_as_real([1.0 + 2.0j])
        array([[1., 2.]], dtype=float32)
    """
    if dtype_of(x) not in dtypes.COMPLEX:
        raise ValueError(f"view_as_real: expected complex numbers; received {dtype_of(x)}.")
    dims = (*shape(x), 1)
    return p.concatenate([p.reshape(v, dims) for v in _pair(x)], len(dims) - 1)


# -- transforms ----------------------------------------------------------------------------------------------------------------------------
@op(operands="(x)", dtype=floating)
def fft(x: Any) -> tuple:
    """Return the discrete Fourier transform along the last axis.

    Args:
        x: pair of real tensors, real and imaginary part.

    Raises:
        CapabilityError: the engine has no complex numbers.

    Example:
        >>> real, imaginary = fft(([1.0, 0.0], [0.0, 0.0]))
        >>> real.tolist(), imaginary.tolist()
        ([1.0, 1.0], [0.0, 0.0])
    """
    return _pair(p.fft(_complex("fft", x)))


def _fft2(z: Any) -> Any:
    n = ndim(z)
    swap = (*range(n - 2), n - 1, n - 2)
    return p.transpose(p.fft(p.transpose(p.fft(z), swap)), swap)


@op(operands="(x)", dtype=floating)
def fft2(x: Any) -> tuple:
    """Return the discrete Fourier transform along the last two axes.

    Args:
        x: pair of real tensors, real and imaginary part.

    Example:
        >>> fft2(([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]))[0].tolist()
        [[10.0, -2.0], [-4.0, 0.0]]
    """
    return _pair(_fft2(_complex("fft2", x, 2)))


@op(operands="(x)", dtype=floating)
def ifft2(x: Any) -> tuple:
    """Return the inverse of `fft2`, scaled by the number of elements.

    Args:
        x: pair of real tensors, real and imaginary part.

    Example:
        >>> ifft2(([[10.0, -2.0], [-4.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))[0].tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    _complex("ifft2", x, 2)
    imaginary, real = _pair(_fft2(p.view_as_complex(x[1], x[0])))  # with both parts exchanged on both sides, the transform is its inverse
    *_, m, n = shape(real)
    total = m * n
    scale = float(total) if isinstance(total, int) else cast_count(total, real)
    return p.divide(real, scale), p.divide(imaginary, scale)


def _length(name: str, fft_length: Any) -> int:
    if isinstance(fft_length, bool) or not isinstance(fft_length, (int, np.integer)) or fft_length < 1:
        raise ValueError(f"{name}: fft_length must be a positive int; received {fft_length!r}.")
    return int(fft_length)


def _real(name: str, x: Any) -> None:
    if dtype_of(x) in dtypes.COMPLEX or not shape(x):
        raise ValueError(f"{name}: expected a real tensor of rank 1 or more; received {dtype_of(x)} of shape {show(shape(x))}.")


@op(dtype=floating)
def rfft(x: Any, fft_length: Any = None) -> tuple:
    """Return the frequencies from zero up of the discrete Fourier transform of real signals along the last axis.

    Args:
        x: real tensor.
        fft_length: number of elements transformed, cut or filled up with zeros; all of them by default.

    Returns:
        Pair of real tensors with `fft_length // 2 + 1` elements.

    Example:
        >>> rfft([1.0, 2.0, 3.0, 4.0])[0].tolist()
        [10.0, -2.0, -2.0]
    """
    _real("rfft", x)
    return _pair(p.rfft(x if fft_length is None else _fitted(x, _length("rfft", fft_length))))


@op(operands="(x)", dtype=floating)
def irfft(x: Any, fft_length: Any = None) -> Any:
    """Return real signals from the frequencies that `rfft` gives.

    Args:
        x: pair of real tensors, real and imaginary part.
        fft_length: number of elements of the result; twice the number of frequencies less two by default.

    Example:
        >>> irfft(([10.0, -2.0, -2.0], [0.0, 2.0, 0.0])).tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    z = _complex("irfft", x)
    if fft_length is None:
        return p.irfft(z, (shape(z)[-1] - 1) * 2)
    n = _length("irfft", fft_length)
    real, imaginary = (_fitted(v, n // 2 + 1) for v in x)
    return p.irfft(p.view_as_complex(real, imaginary), n)


# -- frames --------------------------------------------------------------------------------------------------------------------------------
def _frame_arguments(name: str, length: Any, stride: Any) -> tuple[int, int]:
    for what, v in (("sequence_length", length), ("sequence_stride", stride)):
        if isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < 1:
            raise ValueError(f"{name}: {what} must be a positive int; received {v!r}.")
    return int(length), int(stride)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Cut the last axis into frames that may overlap; what does not fill a frame is left out.

    Args:
        x: (..., time).
        sequence_length: elements of a frame.
        sequence_stride: elements from the start of one frame to that of the next.

    Returns:
        (..., frames, sequence_length).

    Example:
        >>> extract_sequences([1, 2, 3, 4, 5], 3, 2).tolist()
        [[1, 2, 3], [3, 4, 5]]
    """
    length, stride = _frame_arguments("extract_sequences", sequence_length, sequence_stride)
    dims = shape(x)
    if not dims:
        raise ValueError("extract_sequences: expected a tensor with a time axis; received a scalar.")
    return p.take(x, frame_index(length, stride, frame_count(dims[-1], length, stride)), len(dims) - 1)


def _window(name: str, window: Any, length: int, fft_length: int, dtype: str) -> Any:
    """Return the window of `fft_length` elements, zero outside the middle `length`; without one, ones everywhere."""
    before = (fft_length - length) // 2
    pads = (before, fft_length - length - before)
    if window is None:
        return ones((fft_length,), dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f'{name}: window must be "hann", "hamming", a tensor of {length} elements, or None; received {window!r}.')
        turn = np.cos(2.0 * math.pi * np.arange(length) / length)
        rise = 0.5 if window == "hann" else 0.46
        return cast(convert_to_tensor(np.pad((1.0 - rise) - rise * turn, pads).astype("float64" if dtype == "float64" else "float32")), dtype)
    value = cast(convert_to_tensor(unwrap(window)), dtype)
    if len(shape(value)) != 1 or not same_dim(shape(value)[0], length):
        raise ValueError(f"{name}: window must have sequence_length elements, shape ({length},); received {show(shape(value))}.")
    return p.pad(value, (pads,), 0.0)


def _stft_arguments(name: str, sequence_length: Any, sequence_stride: Any, fft_length: Any) -> tuple[int, int, int]:
    length, stride = _frame_arguments(name, sequence_length, sequence_stride)
    size = _length(name, fft_length)
    if size < length:
        raise ValueError(f"{name}: fft_length must be at least sequence_length; received {size} and {length}.")
    return length, stride, size


def _mirrored(x: Any, n: int) -> Any:
    """Continue the last axis by `n` elements on either side, mirrored at the first and the last element."""
    if not n:
        return x
    dims = shape(x)
    zeros, ones, last = (0,) * (len(dims) - 1), (1,) * len(dims), len(dims) - 1
    size = dims[-1]
    if isinstance(size, int) and size <= n:
        raise ValueError(f"stft: mirroring {n} elements at either end (center=True) needs more than {n} of them; received shape {show(dims)}.")
    first = p.slice(x, (*zeros, 1), (*dims[:-1], n + 1), ones)
    end = p.slice(x, (*zeros, size - n - 1), (*dims[:-1], size - 1), ones)
    return p.concatenate([p.flip(first, (last,)), x, p.flip(end, (last,))], last)


@op(dtype=floating)
def stft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True) -> tuple:
    """Return the short-time Fourier transform of real signals: `rfft` of windowed frames.

    Args:
        x: (..., time).
        sequence_length: elements of the window.
        sequence_stride: elements from one frame to the next.
        fft_length: elements of a frame, with the window in its middle; at least `sequence_length`.
        window: "hann", "hamming" (periodic), a tensor of `sequence_length` elements, or None for a whole frame of ones.
        center: whether the signal is mirrored at its ends, so that frame `i` is centred at `i * sequence_stride`.

    Returns:
        Pair of real tensors (..., frames, fft_length // 2 + 1).

    Raises:
        ValueError: an unknown window, or lengths that do not fit.

    Example:
        >>> real, imaginary = stft([1.0] * 8, 4, 2, 4)
        >>> real.shape
        (5, 3)
    """
    _real("stft", x)
    length, stride, size = _stft_arguments("stft", sequence_length, sequence_stride, fft_length)
    kernel = _window("stft", window, length, size, dtype_of(x))
    frames = extract_sequences(_mirrored(x, size // 2) if center else x, size, stride)
    return _pair(p.rfft(p.multiply(frames, kernel)))


@op(operands="(x)", dtype=floating)
def istft(x: Any, sequence_length: int, sequence_stride: int, fft_length: int, length: int | None = None, window: Any = "hann", center: bool = True) -> Any:
    """Return real signals from their short-time Fourier transform: windowed frames added up, divided by the sum of squared windows.

    Args:
        x: pair of real tensors (..., frames, fft_length // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: as given to `stft`.
        length: elements of the result; without it, as many as the frames determine.

    Returns:
        (..., time).

    Example:
        >>> signal = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
        >>> istft(stft(signal, 4, 2, 4), 4, 2, 4).round(3).tolist()
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    span, stride, size = _stft_arguments("istft", sequence_length, sequence_stride, fft_length)
    kernel = _window("istft", window, span, size, dtype_of(x[0]))
    frames = p.multiply(irfft(x, size), kernel)
    dims = shape(frames)
    n = len(dims)
    if n < 2:
        raise ValueError(f"istft: expected tensors (..., frames, frequencies); received shape {show(shape(x[0]))}.")
    count = dims[-2]
    total = (count - 1) * stride + size
    index = frame_index(size, stride, count)
    added = overlap_add(p.transpose(frames, (n - 2, n - 1, *range(n - 2))), index, total)
    weight = overlap_add(p.multiply(ones((count, 1), dtype_of(kernel)), p.multiply(kernel, kernel)), index, total)
    weight = p.where(p.less(1e-10, weight), weight, 1.0)  # where no window reaches
    out = p.divide(p.transpose(added, (*range(1, n - 1), 0)), weight)
    first = size // 2 if center else 0
    last = total - first
    if length is not None:
        last = min(first + length, total) if isinstance(total, int) else first + length
    return p.slice(out, (*(0,) * (n - 2), first), (*dims[:-2], last), (1,) * (n - 1))
