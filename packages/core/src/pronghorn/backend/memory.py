"""What the C library does with memory that steps have freed.

A step on the CPU frees tens of megabytes and asks for them again a moment later. GNU's allocator hands them back to the system in between, and the system
clears every page anew: a tenth to a third of a small convnet's time on PyTorch and JAX (`benchmarks/malloc.py`). So it is told to keep them.

Threads other than the first get memory in heaps of 64 MiB, each of which goes back as soon as it is empty unless the heap before it has less room than the
padding (malloc/arena.c, heap_trim): a padding of a whole heap keeps them. What does not fit a heap is mapped, and goes back, each time.
"""

import ctypes
import functools
import os

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # M_TRIM_THRESHOLD and so on of malloc.h
#: freed memory of the first thread that is kept at most, and the size from which a block is the system's business again; bytes
_KEPT, _LARGE = 1 << 30, 1 << 28
#: a thread's heap, bytes: what the allocator asks the system for at a time; the system gives pages when they are used
_HEAP = 1 << 26
ENVIRONMENT = "PRONGHORN_KEEP_MEMORY"
#: a user who sets one of these has decided
_CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


@functools.cache
def keep_freed() -> bool:
    """Tell GNU's malloc to keep freed memory for the next step: up to 1 GiB of the first thread's, and what other threads freed.

    Other C libraries, and a user's own choice, are left alone. `PRONGHORN_KEEP_MEMORY=0` in the environment forbids it.

    Returns:
        Whether the allocator was told.

    Raises:
        ValueError: another value than 0 or 1 in that variable.
    """
    asked = os.environ.get(ENVIRONMENT, "").strip()
    if asked not in ("", "0", "1"):
        raise ValueError(f"The environment variable {ENVIRONMENT} is {asked!r}; expected 0 (leave the C library's allocator as it is) or 1.")
    if asked == "0" or any(name in os.environ for name in _CHOSEN) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  (others have a mallopt that means something else)
        told = library.mallopt
    except (AttributeError, OSError, TypeError):
        return False
    # older versions refuse more than 32 MiB here; a threshold must be set, since setting the other one ends its adaptation
    if not told(_MMAP_THRESHOLD, _LARGE):
        told(_MMAP_THRESHOLD, 1 << 25)
    return bool(told(_TRIM_THRESHOLD, _KEPT) and told(_TOP_PAD, _HEAP))
