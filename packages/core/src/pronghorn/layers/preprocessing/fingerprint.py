"""Hashes of strings that TensorFlow and Keras use, so that the same string falls into the same bin: FarmHash's Fingerprint64 and SipHash-2-4.

Sources: the published FarmHash (Pike and Alakuijala, 2014) and Aumasson and Bernstein, 2012.
"""

import struct

_FULL = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _half(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _rotate(x: int, by: int) -> int:
    x &= _FULL
    return (x >> by | x << (64 - by)) & _FULL


def _mix(x: int) -> int:
    x &= _FULL
    return x ^ x >> 47


def _pair(u: int, v: int, factor: int) -> int:
    a = _mix((u ^ v) * factor)
    return _mix((v ^ a) * factor) * factor & _FULL


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(data, at + i) for i in (0, 8, 16, 24))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return (a + z) & _FULL, (b + c) & _FULL


def fingerprint64(data: bytes) -> int:
    """Return FarmHash's Fingerprint64, an unsigned integer of 64 bits.

    Example:
        >>> fingerprint64(b"") == 0x9AE16A3B2F90404F
        True
    """
    n = len(data)
    factor = _K2 + 2 * n
    if n > 64:
        return _long(data)
    if n > 32:
        a, b, c, d = _word(data, 0) * _K2, _word(data, 8), _word(data, n - 8) * factor, _word(data, n - 16) * _K2
        y = _rotate(a + b, 43) + _rotate(c, 30) + d
        z = _pair(y & _FULL, (a + _rotate(b + _K2, 18) + c) & _FULL, factor)
        e, f = _word(data, 16) * factor, _word(data, 24)
        g, h = (y + _word(data, n - 32)) * factor, (z + _word(data, n - 24)) * factor
        return _pair((_rotate(e + f, 43) + _rotate(g, 30) + h) & _FULL, (e + _rotate(f + a, 18) + g) & _FULL, factor)
    if n > 16:
        a, b, c, d = _word(data, 0) * _K1, _word(data, 8), _word(data, n - 8) * factor, _word(data, n - 16) * _K2
        return _pair((_rotate(a + b, 43) + _rotate(c, 30) + d) & _FULL, (a + _rotate(b + _K2, 18) + c) & _FULL, factor)
    if n >= 8:
        a, b = _word(data, 0) + _K2, _word(data, n - 8)
        return _pair((_rotate(b, 37) * factor + a) & _FULL, (_rotate(a, 25) + b) * factor & _FULL, factor)
    if n >= 4:
        return _pair((n + (_half(data, 0) << 3)) & _FULL, _half(data, n - 4), factor)
    if n:
        y, z = data[0] + (data[n >> 1] << 8), n + (data[n - 1] << 2)
        return _mix(y * _K2 ^ z * _K0) * _K2 & _FULL
    return _K2


def _long(data: bytes) -> int:
    n = len(data)
    x, y = 81, 81 * _K1 + 113
    z = _mix(y * _K2 + 113) * _K2
    v, w = (0, 0), (0, 0)
    x = x * _K2 + _word(data, 0)
    last = (n - 1) // 64 * 64
    for at in range(0, last, 64):
        x = _rotate(x + y + v[0] + _word(data, at + 8), 37) * _K1 ^ w[1]
        y = _rotate(y + v[1] + _word(data, at + 48), 42) * _K1 + v[0] + _word(data, at + 40)
        z = _rotate(z + w[0], 33) * _K1
        v = _weak(data, at, v[1] * _K1, x + w[0])
        w = _weak(data, at + 32, z + w[1], y + _word(data, at + 16))
        x, z = z & _FULL, x & _FULL
    factor = _K1 + ((z & 0xFF) << 1)
    at = n - 64
    w = (w[0] + ((n - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x = _rotate(x + y + v[0] + _word(data, at + 8), 37) * factor ^ w[1] * 9
    y = _rotate(y + v[1] + _word(data, at + 48), 42) * factor + v[0] * 9 + _word(data, at + 40)
    z = _rotate(z + w[0], 33) * factor
    v = _weak(data, at, v[1] * factor, x + w[0])
    w = _weak(data, at + 32, z + w[1], y + _word(data, at + 16))
    x, z = z & _FULL, x & _FULL
    return _pair((_pair(v[0], w[0], factor) + _mix(y) * _K0 + z) & _FULL, (_pair(v[1], w[1], factor) + x) & _FULL, factor)


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """Return SipHash-2-4 of `data` under a key of two 64-bit integers."""
    k0, k1 = key[0] & _FULL, key[1] & _FULL
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573

    def rounds(count: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0, v2 = (v0 + v1) & _FULL, (v2 + v3) & _FULL
            v1, v3 = _rotate(v1, 51) ^ v0, _rotate(v3, 48) ^ v2
            v0 = _rotate(v0, 32)
            v2, v0 = (v2 + v1) & _FULL, (v0 + v3) & _FULL
            v1, v3 = _rotate(v1, 47) ^ v2, _rotate(v3, 43) ^ v0
            v2 = _rotate(v2, 32)

    whole = len(data) // 8 * 8
    words = [*struct.unpack(f"<{whole // 8}Q", data[:whole]), int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56]
    for word in words:
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def combine(first: int, second: int) -> int:
    """Return one fingerprint of two, in order."""
    factor = 0xC6A4A7935BD1E995
    result = first ^ factor
    result ^= _mix(second * factor) * factor & _FULL
    result = result * factor & _FULL
    return _mix(_mix(result) * factor)
