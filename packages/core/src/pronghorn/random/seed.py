"""The seed of the process."""

import random
import secrets
import threading

import numpy as np

from pronghorn.random.keys import derive

_LOCK = threading.Lock()


class _Global:
    seed: int | None = None  # None: nobody has set one and nobody has asked yet
    chosen = False
    counter = 0


def set_random_seed(seed: int) -> None:
    """Seed everything that draws without a seed of its own: pronghorn on every engine, NumPy's and Python's global generators.

    The same seed gives the same model and the same training on every engine; seeding again starts over.

    Args:
        seed: a non-negative integer below 2**32.

    Example:
        >>> import pronghorn as ph
        >>> set_random_seed(1); a = ph.random.uniform((2,))
        >>> set_random_seed(1); (ph.random.uniform((2,)) == a).tolist()
        [True, True]
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: seed must be an integer from 0 to 2**32 - 1; received {seed!r}.")
    from pronghorn.state import naming

    with _LOCK:
        _Global.seed, _Global.chosen, _Global.counter = int(seed), True, 0
    random.seed(int(seed))
    np.random.seed(int(seed))
    naming.reset_keys()


def get_random_seed() -> int | None:
    """Return the seed given to `set_random_seed`, None if there was none."""
    return _Global.seed if _Global.chosen else None


def process_seed() -> int:
    """Return the seed that everything without one of its own derives from: the one that was set, or one drawn from the operating system."""
    with _LOCK:
        if _Global.seed is None:
            _Global.seed = secrets.randbits(64)
        return _Global.seed


def next_key(purpose: str) -> int:
    """Return a new key for a draw that names neither seed nor path; they are counted from the last `set_random_seed`."""
    seed = process_seed()
    with _LOCK:
        counter = _Global.counter
        _Global.counter += 1
    return derive(seed, purpose, "", counter)
