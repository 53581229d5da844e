"""`fit`, `evaluate` and `predict`, written once for every engine.

Nothing here waits for the device at each step: results stay there until a callback or the progress bar reads them.
"""

import warnings
from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.backend.settings import SETTINGS, limited
from pronghorn.callbacks.callback_list import CallbackList
from pronghorn.callbacks.history import History
from pronghorn.random import keys
from pronghorn.random.seed import process_seed
from pronghorn.state.grad import require_autodiff
from pronghorn.state.tree import flatten, map_structure
from pronghorn.training.compile_metrics import CompileMetrics
from pronghorn.training.data.adapter import get_data
from pronghorn.training.data.arrays import is_one_batch, split
from pronghorn.training.feed import Feed
from pronghorn.training.logs import LazyLogs, to_float
from pronghorn.utils.data import unpack_x_y_sample_weight

#: steps that may be under way on the device before the host waits
_IN_FLIGHT = 32


class Loop:
    """The loops of a `Trainer`."""

    _fits = 0
    #: what the order of the data derives from, in this `fit`
    _order_key = 0

    # -- getting ready ---------------------------------------------------------------------------------------------------------------------
    def _require_compiled(self, what: str) -> None:
        if not self.compiled:  # type: ignore[attr-defined]
            raise ValueError(f"{what}() needs a compiled model. Call compile(optimizer=..., loss=...) first.")

    def _prepare(self, kind: str, batch: Any) -> None:
        """Build what is not built, and run the step on shapes alone, so that misfits are found before anything is computed."""
        from pronghorn.training.trainer import Trainer

        method = {"train": "train_step", "test": "test_step", "predict": "predict_step"}[kind]
        own = getattr(type(self), method) is getattr(Trainer, method)
        if own:
            try:
                self._made.dry_run(self, kind, batch)  # type: ignore[attr-defined]
            except ValueError as error:
                if _single_sample(self, batch):
                    error.add_note("The data seems to give single samples: each has one dimension less than the model takes. Batch it, e.g. dataset.batch(32).")
                raise
            return
        if self.run_eagerly:  # type: ignore[attr-defined]
            return
        try:
            self._made.dry_run(self, kind, batch)  # type: ignore[attr-defined]
        except Exception as error:  # an override may do what shapes alone cannot
            self._dry_run_error = error

    def _prepare_once(self, kind: str, batch: Any) -> None:
        """Prepare for a batch of other shapes or dtypes than those before."""
        signature = kind, tuple([None if a is None else (tuple(a.shape), a.dtype) if hasattr(a, "dtype") else (np.shape(a), type(a)) for a in flatten(batch)])
        checked = self.__dict__.setdefault("_checked", set())
        if signature not in checked or not self.built:  # type: ignore[attr-defined]
            self._prepare(kind, batch)
            checked.add(signature)

    def _function(self, kind: str, repeat: int = 1) -> Any:
        """Return the compiled step; the first step of an override that could not be run on shapes runs as plain Python, which builds its state."""
        error = self.__dict__.pop("_dry_run_error", None)
        if error is None:
            return self._made.get(self, kind, repeat)  # type: ignore[attr-defined]
        eager, self._run_eagerly = self._run_eagerly, True  # type: ignore[has-type]
        try:
            first = self._made.get(self, kind, repeat)  # type: ignore[attr-defined]
        finally:
            self._run_eagerly = eager
        used = False

        def run(data: Any) -> Any:
            nonlocal used
            if not used:
                used = True
                return first(data)
            return self._made.get(self, kind, repeat)(data)  # type: ignore[attr-defined]

        return run

    def make_train_function(self, force: bool = False) -> Any:
        """Return the compiled training step, a function of one batch."""
        if force:
            self._made.clear()  # type: ignore[attr-defined]
        self.train_function = self._function("train")
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """Return the compiled evaluation step, a function of one batch."""
        if force:
            self._made.clear()  # type: ignore[attr-defined]
        self.test_function = self._function("test")
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """Return the compiled prediction step, a function of one batch."""
        if force:
            self._made.clear()  # type: ignore[attr-defined]
        self.predict_function = self._function("predict")
        return self.predict_function

    # -- fit -------------------------------------------------------------------------------------------------------------------------------
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Train on data, epoch after epoch.

        Args:
            x: inputs: an array or tensor, a list or dict of them for several inputs, a pandas table, a `PyDataset`, a generator, or any iterable of
                batches `(x, y)` or `(x, y, sample_weight)`.
            y: targets, like `x`; not with data that comes in batches.
            batch_size: samples per step, 32 by default; not with data that comes in batches.
            epochs: number of the last epoch.
            verbose: 0 for silence, 1 for a progress bar, 2 for a line per epoch, "auto" for 1 where somebody watches.
            callbacks: list of `Callback`s.
            validation_split: share of the samples, taken from the end, to validate on.
            validation_data: what to validate on: `(x, y)`, `(x, y, sample_weight)`, or batches.
            shuffle: whether the order changes at each epoch; "batch" to move whole batches only.
            class_weight: dict from class numbers to weights.
            sample_weight: weight of each sample, or of each step of each sample.
            initial_epoch: epoch to start at, to go on with an earlier run.
            steps_per_epoch: batches per epoch; all by default.
            validation_steps: batches to validate on; all by default.
            validation_batch_size: samples per validation step.
            validation_freq: after how many epochs to validate, or a list of epochs.

        Returns:
            The `History` callback, whose `history` holds the results of each epoch.

        Raises:
            ValueError: data and model do not fit; before the first step.
            CapabilityError: the engine cannot train.
        """
        self._require_compiled("fit")
        backend = self.backend  # type: ignore[attr-defined]
        require_autodiff(backend)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split((x, y, sample_weight), validation_split)
        if SETTINGS.max_epochs is not None and epochs > SETTINGS.max_epochs:
            warnings.warn(f"fit: {epochs} epochs are limited to {SETTINGS.max_epochs} by set_max_epochs().", stacklevel=2)
        epochs = limited(epochs, SETTINGS.max_epochs)  # type: ignore[assignment]
        self._order_key = key = keys.derive(process_seed(), "fit", getattr(self, "_key", ""), self._fits)
        self._fits += 1
        with registry.use_backend(backend.name):
            data = get_data(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, key=key, class_weight=class_weight)
            _check_steps("steps_per_epoch", steps_per_epoch)
            first = data.first()
            self._prepare("train", first)
            feed = Feed(data, steps_per_epoch, self.steps_per_execution)  # type: ignore[attr-defined]
            validation = self._validation(validation_data, validation_batch_size or batch_size)
            callbacks = _callback_list(callbacks, self, verbose, epochs=epochs, steps=feed.steps)
            self.stop_training = False
            logs: dict[str, Any] = {}
            callbacks.on_train_begin()
            start = 0
            position = callbacks.position()
            if position is not None:
                initial_epoch, start = position
                data.key = self._order_key
                feed.skip_to(initial_epoch, start)
            try:
                for epoch in range(initial_epoch, epochs):
                    logs = self._epoch(feed, epoch, callbacks, start if epoch == initial_epoch else 0)
                    if validation is not None and _due(validation_freq, epoch):
                        results = self._evaluate(validation, validation_steps, callbacks)
                        logs = _sorted(logs | {f"val_{k}": v for k, v in results.items()})
                    callbacks.on_epoch_end(epoch, logs)
                    if self.stop_training:
                        break
            finally:
                callbacks.close()
            if self.optimizer is not None and epochs > initial_epoch:  # type: ignore[attr-defined]
                self.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
            callbacks.on_train_end(logs)
        self.history = callbacks.history
        return self.history

    def _epoch(self, feed: Feed, epoch: int, callbacks: CallbackList, start: int) -> dict[str, Any]:
        if not start:  # else the metrics hold what came before
            self.reset_metrics()  # type: ignore[attr-defined]
        callbacks.on_epoch_begin(epoch)
        run = self._function("train", feed.repeat)
        results, step = self._steps(feed, epoch, run, callbacks, "train", start)
        if results is None and start:  # interrupted between the last step and the end of the epoch
            results, step = self.get_metrics_result(), start  # type: ignore[attr-defined]
        if results is None:
            if feed.data.one_shot and epoch:
                warnings.warn(f"The data ran out before epoch {epoch + 1}: pass a dataset that can be read again, or fewer epochs.", stacklevel=4)
                self.stop_training = True
                return {}
            raise ValueError("The data is empty: no batch came.")
        if feed.steps is not None and step < feed.steps and not self.stop_training:
            warnings.warn(
                f"The data ran out after {step} of {feed.steps} steps of epoch {epoch + 1}. It must have steps_per_epoch * epochs batches.", stacklevel=4
            )
            self.stop_training = self.stop_training or feed.data.one_shot
        if feed.steps is None and not feed.data.one_shot:
            feed.steps = step
            callbacks.params["steps"] = step
        return _sorted(to_float(feed.executor.fetch(results)))

    def _steps(self, feed: Feed, epoch: int, run: Any, callbacks: CallbackList, kind: str, start: int = 0) -> tuple[Any, int]:
        """Run the batches of an epoch; returns the last results, on the device, and the number of steps."""
        begin, end = callbacks.batch_hooks(kind)
        fetch, repeat = feed.executor.fetch, feed.repeat
        results: Any = None
        waiting: list[Any] = []
        last = 0
        for step, batch in feed.epoch(epoch, start):
            if begin is not None:
                begin(step, {})
            results = run(batch)
            last = step + (len(batch) if repeat > 1 else 1)
            if end is not None:
                end(last - 1, LazyLogs(results, fetch) if isinstance(results, dict) else results)
            waiting.append(results)
            if len(waiting) >= _IN_FLIGHT:  # bound how far the host runs ahead of the device
                fetch(flatten(waiting[0])[:1])
                waiting.clear()
            if self.stop_training:
                break
        return results, last

    # -- evaluate --------------------------------------------------------------------------------------------------------------------------
    def _validation(self, validation_data: Any, batch_size: int | None) -> Any:
        if validation_data is None:
            return None
        if isinstance(validation_data, (tuple, list)) and len(validation_data) in (1, 2, 3):
            x, y, w = unpack_x_y_sample_weight(validation_data)
        else:
            x, y, w = validation_data, None, None
        in_memory = y is not None or not hasattr(x, "__next__")
        data = get_data(x, y, w, batch_size=batch_size if in_memory and _takes_batch_size(x) else None)
        self._prepare("test", data.first())
        return data

    def _evaluate(self, data: Any, steps: int | None, callbacks: CallbackList) -> dict[str, Any]:
        feed = Feed(data, steps, self.steps_per_execution)  # type: ignore[attr-defined]
        self.reset_metrics()  # type: ignore[attr-defined]
        callbacks.on_test_begin()
        results, _ = self._steps(feed, 0, self._function("test", feed.repeat), callbacks, "test")
        if results is None:
            raise ValueError("The validation data is empty: no batch came. If it is a generator, it may be used up: pass a dataset that can be read again.")
        logs = to_float(feed.executor.fetch(results))
        callbacks.on_test_end(logs)
        return logs

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return loss and metrics on data.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: batches to use; all by default.
            return_dict: whether results come as a dict; otherwise as a list with the loss first, or the loss alone.
            **kwargs: none.

        Raises:
            ValueError: the model is not compiled, or data and model do not fit.
        """
        if kwargs:
            raise ValueError(f"evaluate() got unexpected arguments: {', '.join(kwargs)}.")
        self._require_compiled("evaluate")
        backend = self.backend  # type: ignore[attr-defined]
        with registry.use_backend(backend.name):
            data = get_data(x, y, sample_weight, batch_size=batch_size)
            _check_steps("steps", steps)
            self._prepare("test", data.first())
            total = limited(steps or data.num_batches, SETTINGS.max_steps_per_epoch)
            callbacks = _callback_list(callbacks, self, verbose, epochs=1, steps=total, history=False)
            self.stop_training = False
            try:
                logs = self._evaluate(data, steps, callbacks)
            finally:
                callbacks.close()
        return _sorted(logs) if return_dict else self._in_order(logs)

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """Return results as Keras does: the loss first; a single one alone."""
        names: dict[str, None] = {}
        for m in self.metrics:  # type: ignore[attr-defined]
            for single in m.metrics if isinstance(m, CompileMetrics) else (m,):
                names[single.name] = None
        ordered = [k for k in names if k in logs] + sorted(k for k in logs if k not in names)
        values = [v for k in ordered for v in flatten(logs[k])]
        return values[0] if len(values) == 1 else values

    # -- predict ---------------------------------------------------------------------------------------------------------------------------
    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """Return the outputs for inputs, as NumPy arrays.

        Args:
            x: inputs, as in `fit`.
            batch_size: samples per step, 32 by default.
            verbose: as in `fit`.
            steps: batches to use; all by default.
            callbacks: list of `Callback`s.
        """
        if callbacks is steps is None and verbose == 0 and is_one_batch(x, batch_size):
            self.stop_training = False
            return _writable(self._on_batch("predict", (x, None, None)))
        backend = self.backend  # type: ignore[attr-defined]
        with registry.use_backend(backend.name):
            data = get_data(x, batch_size=batch_size)
            _check_steps("steps", steps)
            self._prepare_once("predict", data.first())
            total = limited(steps or data.num_batches, SETTINGS.max_steps_per_epoch)
            callbacks = _callback_list(callbacks, self, verbose, epochs=1, steps=total, history=False)
            feed = Feed(data, steps)
            run = self._function("predict")
            begin, end = callbacks.batch_hooks("predict")
            fetch = feed.executor.fetch
            collected: list[Any] = []
            self.stop_training = False
            try:
                callbacks.on_predict_begin()
                waiting: Any = None
                for step, batch in feed.epoch(0):
                    if begin is not None:
                        begin(step, {})
                    outputs = run(batch)
                    if waiting is not None:  # fetch one step late, so that the device is never idle
                        collected.append(fetch(waiting))
                    waiting = outputs
                    if end is not None:
                        end(step, {"outputs": outputs})
                    if self.stop_training:
                        break
                if waiting is None:
                    raise ValueError("The data is empty: no batch came.")
                collected.append(fetch(waiting))
                callbacks.on_predict_end()
            finally:
                callbacks.close()
        return _writable(collected[0]) if len(collected) == 1 else map_structure(lambda *parts: np.concatenate(parts), *collected)

    # -- single batches --------------------------------------------------------------------------------------------------------------------
    def _on_batch(self, kind: str, batch: tuple) -> Any:
        backend = self.backend  # type: ignore[attr-defined]
        with registry.use_backend(backend.name):
            executor = backend.executor()
            self._prepare_once(kind, batch)
            if kind != "predict":
                self.reset_metrics()  # type: ignore[attr-defined]
            return executor.fetch(self._function(kind)(executor.put(batch)))

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """Train on one batch and return its loss and metrics.

        Args:
            x, y, sample_weight, class_weight: as in `fit`.
            return_dict: whether results come as a dict.
        """
        self._require_compiled("train_on_batch")
        require_autodiff(self.backend)  # type: ignore[attr-defined]
        if class_weight is not None:
            from pronghorn.training.data.arrays import apply_class_weight, class_table

            sample_weight = apply_class_weight(class_table(class_weight), y, sample_weight)
        logs = to_float(self._on_batch("train", _batch(x, y, sample_weight)))
        return _sorted(logs) if return_dict else self._in_order(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return loss and metrics on one batch."""
        self._require_compiled("test_on_batch")
        logs = to_float(self._on_batch("test", _batch(x, y, sample_weight)))
        return _sorted(logs) if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, as NumPy arrays."""
        return _writable(self._on_batch("predict", (x, None, None) if type(x) is np.ndarray else _batch(x)))


def _single_sample(model: Any, batch: Any) -> bool:
    """Whether every input of a batch lacks one dimension of what the model takes."""
    inputs, given = flatten(getattr(model, "inputs", None)), flatten(batch[0])
    return len(inputs) == len(given) and all(i is not None and len(np.shape(x)) == len(i.shape) - 1 for i, x in zip(inputs, given, strict=True))


def _writable(outputs: Any) -> Any:
    """Return arrays that the user may write to, where an engine lends its memory."""
    if type(outputs) is np.ndarray:
        return outputs if outputs.flags.writeable else outputs.copy()
    return map_structure(lambda x: x.copy() if isinstance(x, np.ndarray) and not x.flags.writeable else x, outputs)


def _batch(x: Any, y: Any = None, sample_weight: Any = None) -> tuple:
    """Return a batch with lists of numbers turned into arrays."""
    from pronghorn.training.data.arrays import is_number_list

    def convert(v: Any) -> Any:
        if isinstance(v, dict):
            return {k: convert(i) for k, i in v.items()}
        if isinstance(v, (list, tuple)):
            return np.asarray(v) if is_number_list(v) else type(v)(convert(i) for i in v)
        return np.asarray(v) if isinstance(v, (bool, int, float)) or type(v).__module__.startswith("pandas") else v

    return convert(x), convert(y), convert(sample_weight)


def _takes_batch_size(x: Any) -> bool:
    from pronghorn.training.data.arrays import is_nest_of_arrays

    return is_nest_of_arrays(x)


def _check_steps(name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
        raise ValueError(f"{name} must be an integer of 1 or more, or None; received {value!r}.")


def _due(validation_freq: Any, epoch: int) -> bool:
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    if not isinstance(validation_freq, int) or validation_freq < 1:
        raise ValueError(f"validation_freq must be an integer of 1 or more, or a list of epochs; received {validation_freq!r}.")
    return (epoch + 1) % validation_freq == 0


def _sorted(logs: Any) -> Any:
    return {k: logs[k] for k in sorted(logs)} if isinstance(logs, dict) else logs


def _callback_list(callbacks: Any, model: Any, verbose: Any, epochs: int, steps: int | None, history: bool = True) -> CallbackList:
    if isinstance(callbacks, CallbackList):
        return callbacks
    return CallbackList(callbacks, add_history=history, add_progbar=verbose != 0, verbose=verbose, model=model, epochs=epochs, steps=steps)
