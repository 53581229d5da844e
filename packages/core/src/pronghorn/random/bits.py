"""Threefry 2x32, the portable generator of random bits inside steps: the same bits on every engine, eager or compiled.

J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), 20 rounds, written in int32 additions, exclusive ors and shifts, which every
engine has. The key chooses the stream, the element's number is the counter.
"""

from typing import Any

from pronghorn.backend import primitives as p
from pronghorn.backend import registry
from pronghorn.backend.families import size_of
from pronghorn.backend.op import op
from pronghorn.backend.owners import owner
from pronghorn.ops.creation import arange

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


class _Mode:
    native = False


def set_rng(kind: str) -> None:
    """Choose where the random numbers inside steps come from.

    Args:
        kind: "portable" for threefry, equal bits on every engine; "native" for the engine's own generator where it has one, which is
            faster eagerly and reproducible on one engine only.

    Example:
        >>> set_rng("portable")
    """
    if kind not in ("portable", "native"):
        raise ValueError(f'set_rng: expected "portable" or "native"; received {kind!r}.')
    _Mode.native = kind == "native"


def get_rng() -> str:
    """Return "portable" or "native"."""
    return "native" if _Mode.native else "portable"


def shift_right(x: Any, n: int) -> Any:
    """Move the bits of int32 `x` down by `n`, zeros coming in at the top."""
    return p.bitwise_and(p.bitwise_right_shift(x, n), (1 << (32 - n)) - 1)


def rounds(key: tuple[Any, Any], first: Any, second: Any) -> tuple[Any, Any]:
    """Return the two int32 results of threefry 2x32 with 20 rounds for a key and two counters."""
    k0, k1 = key
    keys = (k0, k1, p.bitwise_xor(p.bitwise_xor(k0, k1), _PARITY))
    x0, x1 = p.add(first, k0), p.add(second, k1)
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            x0 = p.add(x0, x1)
            x1 = p.bitwise_xor(p.bitwise_or(p.bitwise_left_shift(x1, r), shift_right(x1, 32 - r)), x0)
        x0 = p.add(x0, keys[(i + 1) % 3])
        x1 = p.add(x1, p.add(keys[(i + 2) % 3], i + 1))
    return x0, x1


@op(operands="key")
def threefry(key: Any, shape: tuple, stream: Any = 0) -> Any:
    """Return int32 tensors of random bits.

    Args:
        key: int32 tensor of two elements.
        shape: sizes of the result.
        stream: which of a key's streams, an int or an int32 scalar tensor.

    Example:
        >>> import numpy as np
        >>> threefry(np.zeros(2, "int32"), (2,)).view("uint32").tolist() == [0x6B200159, 0x99BA4EFE]
        True
    """
    n = size_of(shape)
    half = (n + 1) // 2
    k0, k1 = p.slice(key, (0,), (1,), (1,)), p.slice(key, (1,), (2,), (1,))
    counter = arange(half, dtype="int32")
    x0, x1 = rounds((k0, k1), counter, p.add(p.multiply(counter, 0), stream))
    both = p.concatenate([x0, x1], 0)
    if not (isinstance(n, int) and n % 2 == 0):
        both = p.slice(both, (0,), (n,), (1,))
    return p.reshape(both, tuple(shape))


def random_bits(key: Any, dims: tuple, rng: str, stream: Any = 0) -> Any:
    """Return int32 random bits from threefry, or from the engine where `rng` is "native" and the engine can."""
    if rng == "native":
        backend = owner(type(key)) or registry.active()
        if "native_rng" in backend.capabilities:
            key = key if backend.owns(type(key)) else backend.from_host(key)
            if not (isinstance(stream, int) and stream == 0):
                key = fold(key, stream)
            parts = [p.reshape(p.slice(key, (i,), (i + 1,), (1,)), ()) for i in range(2)]
            return backend.random_bits(tuple(dims), tuple(parts))
    return threefry(key, tuple(dims), stream)


def fold(key: Any, number: Any) -> Any:
    """Return another key made from `key` and a number (an int or an int32 scalar tensor): the stream of one part of a draw."""
    k0, k1 = p.slice(key, (0,), (1,), (1,)), p.slice(key, (1,), (2,), (1,))
    zero = p.multiply(k0, 0)
    x0, x1 = rounds((k0, k1), p.add(zero, number), p.add(zero, -1))  # the second counter of element streams is zero
    return p.concatenate([x0, x1], 0)


__all__ = ["fold", "get_rng", "random_bits", "rounds", "set_rng", "shift_right", "threefry"]
