"""The batches of an epoch, prepared for the device."""

import itertools
from collections.abc import Iterator
from typing import Any

from pronghorn.backend import registry
from pronghorn.backend.settings import SETTINGS, limited
from pronghorn.training.data.iterables import IterableData
from pronghorn.training.data.prefetch import SMALL_BATCH, prefetched


class Feed:
    """Batches of one `fit` or `evaluate`, ready for the active engine's device, in groups for one call of the compiled function.

    Args:
        data: what `get_data` returned.
        steps: batches per epoch; those of one pass by default.
        repeat: batches per group.

    Raises:
        ValueError: data without an end, and no number of steps.
    """

    def __init__(self, data: Any, steps: int | None = None, repeat: int = 1):
        self.data, self.repeat = data, repeat
        self.backend = registry.active()
        self.executor = self.backend.executor()
        self.pass_size = n = data.num_batches
        limit = SETTINGS.max_steps_per_epoch
        if limit is not None and (steps is not None or n is not None):
            steps = limited(n if steps is None else steps, limit)
        if steps is None and n is None and getattr(data, "endless", False):
            if limit is None:
                raise ValueError("The data has no end. Give steps_per_epoch (or validation_steps) to fit(), steps to evaluate() or predict().")
            steps = limit
        if isinstance(data, IterableData):
            data.restart()
        self.given = steps
        self.steps = n if steps is None else steps
        self._stream: Any = None
        self._position = 0

    def _put(self, group: Any) -> Any:
        put = self.executor.put
        if self.repeat == 1:
            return 1, put(group)
        return len(group), [(put(batch),) for batch in group]

    def epoch(self, number: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Yield (first step, prepared group) of an epoch, from step `start` on."""
        batches = self._batches(number, start)
        groups: Any = batches if self.repeat == 1 else _grouped(batches, self.repeat)
        size = self.data.bytes_per_batch
        thread = not self.data.prepared and (size is None or size * self.repeat > SMALL_BATCH)
        step = start
        for count, group in prefetched(groups, self._put, self.backend, thread=thread):
            yield step, group
            step += count

    def _batches(self, number: int, start: int) -> Iterator[Any]:
        if hasattr(self.data, "stream"):
            if self.steps is None:
                return self.data.stream(start)
            position = number * self.steps + start
            if self._stream is None or self._position != position:
                self._stream, self._position = self.data.stream(position), position
            self._position = number * self.steps + self.steps
            return itertools.islice(self._stream, self.steps - start)
        if self.given is None:
            return itertools.islice(self.data.one_pass(), SETTINGS.max_steps_per_epoch)
        return self._limited(self.given - start)

    def skip_to(self, number: int, start: int) -> None:
        """Leave out what an interrupted run has had before step `start` of epoch `number`.

        Batches that are found by number need none of this. An iterator is taken to start each epoch anew, so only this epoch's batches are read away.
        """
        if hasattr(self.data, "stream"):
            return
        done = start
        if self.given is not None and not self.data.one_shot and self.pass_size:
            done = (number * self.given + start) % self.pass_size
        self.data.skip(done)

    def _limited(self, count: int) -> Iterator[Any]:
        """Yield `count` batches, starting over where a source that can ends before."""
        left = count
        while left:
            any_batch = False
            for batch in self.data.one_pass():
                any_batch = True
                yield batch
                left -= 1
                if not left:
                    return
            if self.data.one_shot or not any_batch:
                return


def _grouped(batches: Iterator[Any], size: int) -> Iterator[list]:
    while group := list(itertools.islice(batches, size)):
        yield group
