"""Compiling a training step with `tf.function`, XLA where it pays."""

import functools
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pronghorn.backend import contract
from pronghorn.backend.convert import held_once
from pronghorn.state.binding import writable
from pronghorn.state.tree import flatten
from pronghorn_tensorflow.support import SHARED, copied, only_cpus, taken

#: look-ups kept per step; graphs for shapes that vary are few, as TensorFlow makes one for all sizes
_MAX_SIGNATURES = 1024

#: dtypes of batches that stay what they are: float64 becomes float32
_KEPT = frozenset(np.dtype(n) for n in SHARED if n != "float64")


def use_xla(jit: Any) -> bool:
    """Decide whether XLA compiles the step: when asked for, and for "auto" where there is a GPU.

    On CPU XLA's convolutions were measured 2.5 times slower than oneDNN's, which costs more than it saves on dense layers.
    """
    if jit == "auto":
        return bool(tf.config.list_logical_devices("GPU"))
    return bool(jit)


class Executor(contract.Executor):
    """Runs steps as graphs. Variables are `tf.Variable`s, which a graph reads and writes in place, so nothing is passed around."""

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: Any = True, repeat: int = 1) -> Callable:
        """Return `step` as a `tf.function`; a write to a variable that is not in `variables` raises `StateError` when it is traced."""
        allowed = list(variables)

        @functools.wraps(step)
        def guarded(*args: Any) -> Any:
            with writable(allowed):
                return step(*args)

        xla = use_xla(jit)
        run = _graph(guarded, xla, repeat)
        # nobody asked for XLA by name, so an operation that it cannot compile is no reason to fail
        return _FallBack(run, lambda: _graph(guarded, False, repeat)) if xla and jit == "auto" else run

    def put(self, batch: Any) -> Any:
        """Return a batch as tensors; an array that only the batch holds gives its memory, without a copy."""
        if type(batch) is not tuple or not only_cpus():
            return super().put(batch)
        out: list[Any] = []
        for x in batch:
            if type(x) is np.ndarray and x.dtype in _KEPT:
                out.append(taken(x) if held_once(x) else copied(x, x.dtype))
            else:
                out.append(None if x is None else super().put(x))
        return tuple(out)


def _graph(step: Callable, xla: bool, repeat: int) -> Callable:
    # autograph would give Python's `if` another meaning here than on other engines; XLA compiles for one shape at a time anyway
    make = functools.partial(tf.function, jit_compile=xla or None, autograph=False, reduce_retracing=not xla)
    if repeat == 1:
        return _Traced(lambda: make(step), one_shape=xla)
    inner = tf.function(step, autograph=False)  # traced once per shape, however large `repeat` is

    def several(batches: Sequence[tuple]) -> Any:
        out = None
        for batch in batches:
            out = inner(*batch)
        return out

    return _Traced(lambda: make(several), one_shape=xla)


class _Traced:
    """Graphs by shapes and dtypes. TensorFlow finds the graph for a call by looking at each argument again, which takes as long as a small model.

    Args:
        make: makes a `tf.function`.
        one_shape: whether graphs are for one shape each; else there is a function for each combination of ranks, since TensorFlow alone would make a graph
            for tensors of any rank, whose shapes nobody knows.
    """

    def __init__(self, make: Callable[[], Any], one_shape: bool):
        self._make, self._one_shape, self._lock = make, one_shape, threading.Lock()
        self._functions: dict[Any, Any] = {}
        self._graphs: dict[Any, Callable] = {}

    def __call__(self, *args: Any) -> Any:
        if not tf.executing_eagerly() or tf.config.functions_run_eagerly():
            return self._function(args)(*args)
        key = _signature(args)
        run = self._graphs.get(key)
        if run is None:
            function = self._function(args)
            if key is None:
                return function(*args)
            with self._lock:
                if len(self._graphs) >= _MAX_SIGNATURES:
                    self._graphs.clear()
                run = self._graphs[key] = function.get_concrete_function(*args)
        return run(*args)

    def _function(self, args: tuple) -> Any:
        key = None if self._one_shape else tuple([getattr(v, "ndim", None) for v in flatten(args)])
        found = self._functions.get(key)
        if found is None:
            with self._lock:
                found = self._functions.setdefault(key, self._make())
        return found


def _signature(value: Any) -> Any:
    """Return a key of a nest of tensors; None where something else is in it."""
    if value is None:
        return ()
    if isinstance(value, tf.Tensor):
        return value.shape, value.dtype
    if type(value) in (tuple, list):
        parts = tuple([_signature(v) for v in value])
    elif type(value) is dict:
        parts = tuple([(k, _signature(v)) for k, v in value.items()])
        return None if any(p is None for _, p in parts) else (dict, parts)
    else:
        return None
    return None if None in parts else (type(value), parts)


class _FallBack:
    """A compiled step that goes on without XLA where XLA cannot compile it."""

    def __init__(self, fast: Callable, safe: Callable[[], Callable]):
        self._run, self._safe, self._lock, self._sure = fast, safe, threading.Lock(), False

    def __call__(self, *args: Any) -> Any:
        if self._sure:
            return self._run(*args)
        try:
            out = self._run(*args)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            if "compil" not in str(error).lower() and "xla" not in str(error).lower():
                raise
            with self._lock:
                if not self._sure:
                    reason = str(error).strip().partition("\n")[0]
                    warnings.warn(f"XLA cannot compile this step; it runs without XLA. Pass jit_compile=False to skip the attempt. ({reason})", stacklevel=2)
                    self._run, self._sure = self._safe(), True
            return self._run(*args)
        self._sure = True
        return out
