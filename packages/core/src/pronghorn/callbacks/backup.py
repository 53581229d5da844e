"""Going on after an interruption as if nothing had happened."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pronghorn.callbacks.callback import Callback
from pronghorn.callbacks.checkpoint import BatchCounter

_LATEST, _PREVIOUS = "latest.h5", "previous.h5"
_FORMAT = 1


class BackupAndRestore(Callback):
    """Saves everything that training depends on, and goes on from there when `fit` is called again after an interruption.

    Weights, the optimizer's state, metrics, seeds, the order of the data, the results so far and the state of `EarlyStopping`, `ReduceLROnPlateau` and
    `ModelCheckpoint` are kept. An interrupted epoch goes on at the batch after the last save, with the same order of samples: training ends as it would
    have without the interruption. Generators are taken to start each epoch anew; the batches of the epoch that were used are read away.

    The file is written beside the previous one and takes its place in one step, so that an interruption while saving harms nothing. This callback
    always runs after all others.

    Args:
        backup_dir: folder for this run alone; it is made if it does not exist.
        save_freq: "epoch", or a number of batches between two saves.
        double_checkpoint: whether the save before the last is kept, too; it is used where the last one cannot be read.
        delete_checkpoint: whether the saves are deleted when training has come to its end.

    Raises:
        ValueError: an empty `backup_dir`, a bad `save_freq`; when training begins, a save of another model.

    Example:
        >>> BackupAndRestore("backup", save_freq=100).save_freq
        100
    """

    def __init__(self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False, delete_checkpoint: bool = True):
        super().__init__()
        if not str(backup_dir):
            raise ValueError("BackupAndRestore: backup_dir is empty.")
        self.backup_dir, self.save_freq = Path(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        #: epoch and step at which this run goes on; None for a run from the beginning
        self.position: tuple[int, int] | None = None
        #: the other callbacks of the run
        self.others: list[Callback] = []
        self._counter = BatchCounter(save_freq, "BackupAndRestore")
        self._epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore what an interrupted run has saved."""
        self.position = None
        found = self._read()
        if found is None:
            return
        from pronghorn.training.state import collect

        state, arrays = found
        model = self.model
        self._build()
        variables = collect(model)
        saved = state["variables"]
        if [tuple(v.shape) for v in variables] != [tuple(s["shape"]) for s in saved]:
            raise ValueError(
                f"BackupAndRestore: {self.backup_dir} holds a save of another model ({len(saved)} variables, this one has {len(variables)}, or other "
                "shapes). Delete the folder to start over, or give every run a folder of its own."
            )
        for i, v in enumerate(variables):
            v.assign(arrays[str(i)])
        model._order_key, model._fits = int(state["order_key"], 16), state["fits"]
        self._counter.seen = state["batches"]
        for callback, progress in zip(self._resumable(), state["callbacks"], strict=False):
            if progress["class"] == type(callback).__name__:
                _restore(callback, progress["values"], arrays)
        self.position = (state["epoch"], state["step"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch
        self._counter.start(self.position[1] if self.position is not None and self.position[0] == epoch else 0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after every so many batches."""
        if self._counter.due(batch):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        """Delete the saves of a run that has come to its end."""
        if not self.delete_checkpoint or not self.backup_dir.is_dir():
            return
        for name in (_LATEST, _PREVIOUS):
            (self.backup_dir / name).unlink(missing_ok=True)
        if not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()

    def _resumable(self) -> list[Callback]:
        return [c for c in self.others if c._progress]

    def _build(self) -> None:
        """Make the variables that come with the first step otherwise."""
        model = self.model
        if model.built and model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)

    def _save(self, epoch: int, step: int) -> None:
        import h5py

        from pronghorn.saving.files import replacing
        from pronghorn.saving.weights import Store
        from pronghorn.training.state import collect

        model = self.model
        variables = collect(model)
        arrays: dict[str, Any] = {str(i): v.numpy() for i, v in enumerate(variables)}
        callbacks = [{"class": type(c).__name__, "values": _progress(c, f"callback{i}", arrays)} for i, c in enumerate(self._resumable())]
        state = {
            "format": _FORMAT, "epoch": epoch, "step": step, "order_key": f"{model._order_key:x}", "fits": model._fits, "batches": self._counter.seen,
            "variables": [{"path": v.path, "shape": [int(n) for n in v.shape]} for v in variables], "callbacks": callbacks,
        }  # fmt: skip
        path = self.backup_dir / _LATEST
        with replacing(path) as temporary:
            with h5py.File(temporary, "w") as file:
                store = Store(file.create_group("arrays"), str(path))
                for name, value in arrays.items():
                    store[name] = value
                file["state"] = np.frombuffer(json.dumps(state).encode(), "uint8")
            if self.double_checkpoint and path.exists():
                os.replace(path, self.backup_dir / _PREVIOUS)

    def _read(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        import h5py

        from pronghorn.saving.weights import Store, check_file

        faults = []
        for name in (_LATEST, _PREVIOUS):
            path = self.backup_dir / name
            if not path.exists():
                continue
            try:
                with h5py.File(path, "r") as file:
                    check_file(file)
                    state = json.loads(Store(file, str(path))["state"].tobytes())
                    store = Store(file["arrays"], str(path))
                    arrays = {k: store[k] for k in store.keys()}
                if state.get("format") != _FORMAT:
                    raise ValueError(f"format {state.get('format')} of a later release")
                return state, arrays
            except (OSError, KeyError, ValueError) as error:
                faults.append(f"{path}: {error}")
        if faults:
            raise ValueError(f"BackupAndRestore: no save can be read ({'; '.join(faults)}). Delete the folder to start over.")
        return None


def _progress(callback: Callback, prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return a callback's state as JSON values; arrays go into `arrays`."""
    values: dict[str, Any] = {}
    for name in callback._progress:
        value = getattr(callback, name)
        if isinstance(value, list) and value and all(isinstance(v, np.ndarray) for v in value):
            arrays.update({f"{prefix}.{name}.{i}": v for i, v in enumerate(value)})
            value = {"arrays": [f"{prefix}.{name}.{i}" for i in range(len(value))]}
        values[name] = _json(value)
    return values


def _restore(callback: Callback, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    for name in callback._progress:
        value = values.get(name)
        if isinstance(value, dict) and list(value) == ["arrays"]:
            value = [arrays[k] for k in value["arrays"]]
        setattr(callback, name, value)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(v) for v in value]
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value
