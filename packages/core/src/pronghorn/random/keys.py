"""Keys of random streams: 64 bits hashed from everything that tells one stream from another.

Seeds are never added up or counted through, so neighbouring seeds have nothing in common, and the order in which objects are made does not matter.
"""

import hashlib

import numpy as np


def derive(seed: int, purpose: str, path: str = "", counter: int = 0) -> int:
    """Return the 64-bit key of a stream.

    Args:
        seed: any integer.
        purpose: what the numbers are for, such as "initializer" or "shuffle".
        path: whose they are, such as "dense/kernel".
        counter: which of them, such as the epoch.

    Example:
        >>> hex(derive(1, "shuffle")), hex(derive(2, "shuffle"))
        ('0x19c3c8cf40f40447', '0xd1406a02775eccc5')
    """
    parts = (str(int(seed)), purpose, path, str(int(counter)))
    text = "".join(f"{len(part.encode())}:{part}" for part in parts)  # lengths, so that no two lists of parts make one text
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, person=b"pronghorn").digest(), "little")


def words(key: int) -> np.ndarray:
    """Return a 64-bit key as two int32 numbers, the form in which it goes to a device.

    Example:
        >>> words(2**32 - 1)
        array([ 0, -1], dtype=int32)
    """
    return np.array([key >> 32 & 0xFFFFFFFF, key & 0xFFFFFFFF], "uint32").view("int32")


def from_words(pair: np.ndarray) -> int:
    """Return the 64-bit key that `words` split."""
    high, low = np.asarray(pair).astype("int64").reshape(-1)[:2].tolist()
    return (high & 0xFFFFFFFF) << 32 | (low & 0xFFFFFFFF)
