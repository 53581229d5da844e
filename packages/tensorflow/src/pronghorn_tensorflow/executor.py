"""Compiling a training step with `tf.function`, XLA where it pays."""

import functools
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from pronghorn.backend import contract
from pronghorn.state.binding import writable
from pronghorn.state.tree import flatten


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


def _graph(step: Callable, xla: bool, repeat: int) -> Callable:
    # autograph would give Python's `if` another meaning here than on other engines; XLA compiles for one shape at a time anyway
    make = functools.partial(tf.function, jit_compile=xla or None, autograph=False, reduce_retracing=not xla)
    if repeat == 1:
        return make(step) if xla else _ByRank(lambda: make(step))
    inner = tf.function(step, autograph=False)  # traced once per shape, however large `repeat` is

    def several(batches: Sequence[tuple]) -> Any:
        out = None
        for batch in batches:
            out = inner(*batch)
        return out

    return make(several) if xla else _ByRank(lambda: make(several))


class _ByRank:
    """One graph for each combination of ranks: TensorFlow alone would make one for tensors of any rank, whose shapes nobody knows."""

    def __init__(self, make: Callable[[], Callable]):
        self._make, self._graphs, self._lock = make, {}, threading.Lock()  # type: ignore[var-annotated]

    def __call__(self, *args: Any) -> Any:
        key = tuple([getattr(v, "ndim", None) for v in flatten(args)])
        run = self._graphs.get(key)
        if run is None:
            with self._lock:
                run = self._graphs.setdefault(key, self._make())
        return run(*args)


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
