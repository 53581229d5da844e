"""Results for TensorBoard."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback


class TensorBoard(Callback):
    """Writes results in the format of TensorBoard: `tensorboard --logdir logs` shows them.

    Results of training go to the folder `train`, those of validation to `validation`. It needs the package `tensorboard`, not TensorFlow.

    Args:
        log_dir: folder to write to.
        histogram_freq: epochs between two histograms of all weights; 0 for none.
        write_graph: accepted for compatibility; the graph is not written, `model.summary()` shows it.
        write_images: must be False: weights are written as histograms only.
        write_steps_per_second: whether the speed is written.
        update_freq: "epoch", "batch", or a number of batches between two writings; results of epochs are always written.
        profile_batch: must be 0: use the engine's own profiler.
        embeddings_freq: must be 0.
        embeddings_metadata: must be None.

    Raises:
        ValueError: what is not written is asked for, or a bad `update_freq`.
        ImportError: when training begins, if `tensorboard` is not installed.

    Example:
        >>> TensorBoard("logs", update_freq=100).update_freq
        100
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        given = {"write_images": write_images, "profile_batch": profile_batch, "embeddings_freq": embeddings_freq, "embeddings_metadata": embeddings_metadata}
        for name, value in given.items():
            if value:
                raise ValueError(f"TensorBoard: {name}={value!r} is not supported; scalars and histograms are written.")
        if update_freq not in ("epoch", "batch") and (isinstance(update_freq, bool) or not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(f'TensorBoard: update_freq must be "epoch", "batch" or a number of batches; received {update_freq!r}.')
        self.log_dir, self.histogram_freq, self.write_graph = str(log_dir), histogram_freq, write_graph
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._writers: dict[str, Any] = {}
        self._step = 0
        self._batches = 0
        self._since, self._from = 0.0, 0
        self._fitting = False

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = _EventFile(Path(self.log_dir) / part)
        return self._writers[part]

    def _scalars(self, part: str, values: dict[str, Any], step: int) -> None:
        for name, value in values.items():
            if np.ndim(value) == 0:
                self._writer(part).scalar(name, float(value), step)

    @property
    def summary(self) -> Any:
        """The writer of training results."""
        return self._writer("train")

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        self._fitting, self._step = True, 0
        self._writer("train")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write the results of batches, if they are asked for."""
        self._step += batch + 1 - self._batches
        before, self._batches = self._batches, batch + 1
        if isinstance(self.update_freq, int) and self._step // self.update_freq > (self._step - (batch + 1 - before)) // self.update_freq:
            self._scalars("train", {f"batch_{k}": v for k, v in (logs or {}).items()}, self._step)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._since, self._from, self._batches = time.perf_counter(), self._step, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the results of the epoch."""
        from pronghorn.callbacks.simple import learning_rate_of

        logs = dict(logs or {})
        train = {f"epoch_{k}": v for k, v in logs.items() if not k.startswith("val_")}
        if self.model.optimizer is not None:
            train["epoch_learning_rate"] = learning_rate_of(self.model.optimizer)
        if self.write_steps_per_second:
            train["epoch_steps_per_second"] = (self._step - self._from) / max(time.perf_counter() - self._since, 1e-9)
        self._scalars("train", train, epoch)
        self._scalars("validation", {f"epoch_{k[4:]}": v for k, v in logs.items() if k.startswith("val_")}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for v in self.model.weights:
                self._writer("train").histogram(f"{v.path}/histogram", v.numpy(), epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Any = None) -> None:
        """Write the results of an evaluation by the number of updates so far."""
        if self.model.optimizer is not None:
            from pronghorn.ops import convert_to_numpy

            step = int(convert_to_numpy(self.model.optimizer.iterations))
            self._scalars("validation", {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}, step)
        if not self._fitting:
            self._release()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the files."""
        self._release()

    def _release(self) -> None:
        self._fitting = False
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


class _EventFile:
    """A file of events, written by tensorboard's own writer.

    Args:
        folder: where the file is made.
    """

    def __init__(self, folder: Path):
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.plugins.histogram.summary_v2 import histogram_pb
            from tensorboard.plugins.scalar.summary_v2 import scalar_pb
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(f"callbacks.TensorBoard needs the package tensorboard ({error}). Run: pip install tensorboard") from None
        self._event, self._summary, self._scalar, self._histogram = Event, Summary, scalar_pb, histogram_pb
        self._file = EventFileWriter(str(folder))

    def _add(self, summary: Any, step: int) -> None:
        # where TensorFlow is installed, tensorboard's helpers return its messages instead of their own
        own = self._summary.FromString(summary.SerializeToString())
        self._file.add_event(self._event(wall_time=time.time(), step=step, summary=own))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        self._add(self._scalar(tag, np.float32(value)), step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Write how values are distributed."""
        self._add(self._histogram(tag, np.asarray(values, "float32")), step)

    def flush(self) -> None:
        """Write what is waiting."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
