"""Preparing the next batches while the device computes."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pronghorn.backend import registry

#: below this size preparing a batch costs less than handing it from thread to thread
SMALL_BATCH = 1 << 18
_END = object()


def prefetched(batches: Iterable[Any], prepare: Callable[[Any], Any], backend: Any, ahead: int = 2, thread: bool = True) -> Iterator[Any]:
    """Yield `prepare(batch)` for each batch, prepared in the background.

    Args:
        batches: what to prepare.
        prepare: runs with `backend` active.
        backend: the engine.
        ahead: how many prepared batches may wait.
        thread: with False, batches are prepared when asked for.
    """
    if not thread:
        for batch in batches:
            yield prepare(batch)
        return
    ready: queue.Queue = queue.Queue(maxsize=ahead)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            with registry.use_backend(backend.name):
                for batch in batches:
                    if not put((prepare(batch), None)):
                        return
            put((_END, None))
        except BaseException as error:  # noqa: BLE001  (handed over to the thread that asked)
            put((_END, error))
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    worker = threading.Thread(target=work, name="pronghorn-prefetch", daemon=True)
    worker.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stop.set()
        worker.join(timeout=5)
