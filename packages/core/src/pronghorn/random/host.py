"""Random arrays drawn on the host: initial weights, shuffles and splits, equal bit for bit on every machine.

Philox bits (Salmon et al., 2011; NumPy guarantees the stream) become numbers through integer operations and the five operations that IEEE 754
rounds correctly; no library's logarithm or cosine takes part, since those differ between processors.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pronghorn.backend import dtypes
from pronghorn.backend.convert import address

_CHUNK = 1 << 16  # elements worked on at a time, so that intermediate results stay in the cache

# M. Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (1988), PPND16: numerator and denominator, highest power first
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def raw(key: int, count: int, start: int = 0) -> np.ndarray:
    """Return `count` uint64 words of a key's stream, beginning at word `start` (a multiple of four)."""
    bits = np.random.Philox(key=key)
    if start:
        bits.advance(start // 4)
    return bits.random_raw(count)


def permutation(key: int, count: int) -> np.ndarray:
    """Return the numbers below `count` in random order, as int64."""
    return np.argsort(raw(key, count), kind="stable")


def _chunks(key: int, count: int, wide: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the stream as (position, uint64 words) where `wide`, else as uint32 words."""
    source = np.random.Philox(key=key)
    for i in range(0, count, _CHUNK):
        n = min(_CHUNK, count - i)
        yield i, source.random_raw(n) if wide else source.random_raw(-(-n // 2)).astype("<u8", copy=False).view("<u4")[:n]


def _empty(count: int, dtype: str) -> np.ndarray:
    """An uninitialised vector; a long one begins where engines can take it over without a copy, at a multiple of 64 bytes."""
    if count < _CHUNK // 16:
        return np.empty(count, dtype)
    size = count * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, "uint8")
    start = -address(memory) % 64
    return memory[start : start + size].view(dtype)


def uniform(key: int, shape: tuple, low: float = 0.0, high: float = 1.0, dtype: str = "float32") -> np.ndarray:
    """Return numbers of the interval from `low` to below `high`."""
    count, wide = math.prod(shape), dtype == "float64"
    out = _empty(count, "float64" if wide else "float32")
    low, high = out.dtype.type(low), out.dtype.type(high)
    scale, last = high - low, np.nextafter(high, low)
    bits = 53 if wide else 24
    drop, unit = (np.uint64(11) if wide else np.uint32(8)), out.dtype.type(2.0**-bits)
    # a power of two may be multiplied in first, unless the product is subnormal; results are monotonic in the word, so the largest tells whether rounding
    # reaches the end that is excluded
    steps = (scale * unit,) if scale * unit > np.finfo(out.dtype).smallest_normal else (unit, scale)
    top = out.dtype.type(2**bits - 1)
    for factor in steps:
        top = top * factor
    above = high > low and top + low > last
    for i, words in _chunks(key, count, wide):
        words >>= drop
        u = out[i : i + _CHUNK]
        u[:] = words.view("i8" if wide else "<i4")  # processors convert signed integers faster
        for factor in steps:
            u *= factor
        u += low
        if above:
            np.minimum(u, last, out=u)
    return _finish(out, shape, dtype)


def normal(key: int, shape: tuple, mean: float = 0.0, stddev: float = 1.0, dtype: str = "float32") -> np.ndarray:
    """Return numbers of the normal distribution."""
    return _normal(key, shape, mean, stddev, dtype, 0.0, 1.0)


def truncated_normal(key: int, shape: tuple, mean: float = 0.0, stddev: float = 1.0, dtype: str = "float32") -> np.ndarray:
    """Return numbers of the normal distribution within two standard deviations of the mean."""
    return _normal(key, shape, mean, stddev, dtype, 0.022750131948179207, 0.9772498680518208)


def _normal(key: int, shape: tuple, mean: float, stddev: float, dtype: str, low: float, high: float) -> np.ndarray:
    count, wide = math.prod(shape), dtype == "float64"
    unit = 2.0**-52 if wide else 2.0**-32
    out = _empty(count, "float64" if wide else "float32")
    for i, words in _chunks(key, count, wide):
        p = (words >> np.uint64(12)).astype("float64") if wide else words.astype("float64")
        p += 0.5
        p *= unit * (high - low)
        p += low
        z = normal_quantile(p)
        if low > 0:
            np.clip(z, -2.0, 2.0, out=z)
        z *= stddev
        z += mean
        out[i : i + _CHUNK] = z
    return _finish(out, shape, dtype)


def _finish(out: np.ndarray, shape: tuple, dtype: str) -> np.ndarray:
    return out.reshape(shape).astype(dtypes.numpy_dtype(dtype), copy=False)


def _ratio(table: tuple, r: np.ndarray) -> np.ndarray:
    numerator, denominator = (np.full_like(r, c[0]) for c in table)
    for c in table[0][1:]:
        numerator *= r
        numerator += c
    for c in table[1][1:]:
        denominator *= r
        denominator += c
    numerator /= denominator
    return numerator


def _minus_log(x: np.ndarray) -> np.ndarray:
    """`-log(x)` of positive numbers by the series of the inverse hyperbolic tangent, from correctly rounded operations only."""
    m, e = np.frexp(x)
    small = m < math.sqrt(0.5)
    m, e = np.where(small, m * 2.0, m), e - small
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = np.full_like(s, 1.0 / 23.0)
    for k in range(21, 0, -2):
        series = series * square + 1.0 / k
    return -(2.0 * s * series + e * 0.6931471805599453)


def normal_quantile(p: np.ndarray) -> np.ndarray:
    """Return the standard normal quantiles of probabilities strictly between 0 and 1, in float64.

    Example:
        >>> normal_quantile(np.array([0.5, 0.975])).round(6).tolist()
        [0.0, 1.959964]
    """
    q = p - 0.5
    out = q * _ratio(_CENTRE, 0.180625 - q * q)
    outer: Any = np.flatnonzero(np.abs(q) > 0.425)
    if outer.size:
        r = np.sqrt(_minus_log(np.minimum(p[outer], 1.0 - p[outer])))
        tail = _ratio(_MIDDLE, r - 1.6)
        far = r > 5.0
        if far.any():
            tail[far] = _ratio(_FAR, r[far] - 5.0)
        out[outer] = np.copysign(tail, q[outer])
    return out
