"""Steps as compiled functions: bind the state to traced values, run the step once in Python, donate the old state, write the new one back."""

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pronghorn.backend import contract, dtypes
from pronghorn.backend.convert import held_once, host_array
from pronghorn.backend.errors import MixedBackendsError
from pronghorn.backend.owners import owner
from pronghorn.state.binding import STATE, bind

#: batches of one signature after which moving them compiles a function for it (25 µs instead of 45 per array)
_FREQUENT = 16
#: signatures that are counted at a time
_SIGNATURES = 1024
#: donation and reading of storages exclude each other: an array must not be donated between being read and being used
_LOCK = threading.RLock()

_move = jax.jit(lambda *xs: xs)
_copy = jax.jit(jnp.copy)
_stack = jax.jit(lambda *batches: jax.tree.map(lambda *xs: jnp.stack(xs), *batches))


#: host dtypes that stay what they are
_KEPT = frozenset(dtypes.numpy_dtype(n) for n in dtypes.ALL if n not in ("int64", "uint64", "float64", "complex128"))


def _private(x: Any, backend: Any) -> np.ndarray:
    """Return host data as an array that nobody else can write to."""
    if type(x) is np.ndarray and x.dtype in _KEPT:
        return np.array(x)
    array = host_array(x, backend)
    return np.array(array) if array is x or array.base is not None else array


@functools.cache
def _on_host() -> bool:
    return jax.default_backend() == "cpu"


def _count(x: Any) -> int:
    return sys.getrefcount(x)


class _Slot:
    storage = np.zeros(0)


def _lone() -> int:
    """References that `_Step._state` sees on an array that only its variable holds."""
    slot = _Slot()
    slot.storage = np.zeros(1)
    for v in (slot,):
        x = v.storage
        found = _count(x)
    return found


_LONE = _lone()


class Executor(contract.Executor):
    """Compiles steps with `jax.jit`, the state donated."""

    def __init__(self, backend: Any):
        super().__init__(backend)
        self._seen: dict[Any, int] = {}

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: Any = True, repeat: int = 1) -> Callable:
        """Return `step` compiled; see `contract.Executor.compile`. "auto" compiles: JAX is made for it."""
        if not jit:
            return super().compile(lambda *args: step(*self._moved(args)), variables, jit=False, repeat=repeat)
        variables = list(dict.fromkeys(variables))
        for v in variables:
            if v.backend is not self.backend:
                raise MixedBackendsError(
                    f'Variable "{v.path}" lives on {v.backend.name}; a step compiled by jax needs its state on jax. Move it: model.to("jax").'
                )
        compiled = _Step(step, variables)
        return compiled.call if repeat == 1 else compiled.call_many

    def put(self, batch: Any) -> Any:
        """Bring a nest of host arrays into the form in which steps take it; None stays.

        A compiled step moves host arrays itself, five times faster than a call that only moves; a device of its own is better served ahead of time.
        """
        own, ready = self.backend, []
        # arrays that nobody else can write to, since transfers go on after the call and share memory where they can
        for x in batch if type(batch) is tuple else (batch,):
            if type(x) is np.ndarray:
                ready.append(x if x.dtype in _KEPT and held_once(x) else _private(x, own))
            else:
                ready.append(None if x is None else jax.tree.map(lambda v: v if owner(type(v)) is own else _private(v, own), x))
        out = tuple(ready) if type(batch) is tuple else ready[0]
        return out if _on_host() else self._moved(out)

    def _moved(self, batch: Any) -> Any:
        leaves, structure = jax.tree.flatten(batch)
        places = [i for i, x in enumerate(leaves) if type(x) is np.ndarray]
        if not places:
            return batch
        arrays = [leaves[i] for i in places]
        signature = tuple([(a.shape, a.dtype) for a in arrays])
        if len(self._seen) > _SIGNATURES:
            self._seen.clear()
        self._seen[signature] = seen = self._seen.get(signature, 0) + 1
        for i, x in zip(places, _move(*arrays) if seen > _FREQUENT else jax.device_put(arrays), strict=True):
            leaves[i] = x
        return jax.tree.unflatten(structure, leaves)

    def fetch(self, values: Any) -> Any:
        """Bring a nest to the host: all transfers are started before the first is waited for."""
        if isinstance(values, jax.Array):
            return np.asarray(values)
        return jax.tree.map(np.asarray, jax.device_get(values))


class _Step:
    """One compiled step and the variables that it may touch.

    Which variables a step writes is learned by tracing it once (the trace is reused for compiling); only those are donated, since a donated array must
    come back as a result. A later signature that writes more still gets those written back.
    """

    def __init__(self, step: Callable, variables: list[Any]):
        self.step, self.variables = step, variables
        self.donated: tuple[int, ...] = ()
        self.loop_pays = True
        self.single: Any = None
        self.many: Any = None

        # plain functions, not methods: JAX caches traces by function identity
        def pure(*args: Any) -> Any:
            return self._pure(args[:-1], args[-1])

        def pure_many(*args: Any) -> Any:
            return self._pure_many(args[:-1], args[-1])

        self._functions = pure, pure_many

    def _pure(self, values: Sequence[Any], args: tuple) -> tuple[Any, dict[int, Any]]:
        """The step as a function of state and arguments; returns its result and the new values of written or donated variables by position."""
        with bind(self.variables, values) as scope:
            result = self.step(*args)
        keep = set(self.donated)
        return result, {i: _strong(scope.values[v], v) for i, v in enumerate(self.variables) if i in keep or v in scope.written}

    def _pure_many(self, values: Sequence[Any], batches: Any) -> tuple[Any, dict[int, Any]]:
        """The step on each slice of stacked arguments, as one loop on the device."""
        first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batches)
        like, written = jax.eval_shape(self._functions[0], *values, first)
        result = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), like)

        def body(carry: Any, args: tuple) -> Any:
            state, _ = carry
            out, new = self._pure([state.get(i, x) for i, x in enumerate(values)], args)
            return (new, jax.tree.map(lambda x, s: lax.convert_element_type(x, s.dtype), out, like)), None

        (state, result), _ = lax.scan(body, ({i: values[i] for i in written}, result), batches)
        return result, state

    def _learn(self, args: tuple) -> None:
        """Trace the step once, without compiling, to see what it writes."""
        pure, pure_many = self._functions
        traced = jax.jit(pure).trace(*[v.storage for v in self.variables], args)
        self.donated = tuple(sorted(traced.out_info[1]))
        # XLA's CPU loops run convolutions on one thread without oneDNN: several times slower than separate steps
        self.loop_pays = not _on_host() or not _contains(traced.jaxpr.jaxpr, "conv_general_dilated")
        self.many = jax.jit(pure_many, donate_argnums=self.donated)
        self.single = jax.jit(pure, donate_argnums=self.donated)

    def _state(self) -> list[Any]:
        """Storages to pass; of those to be donated, a copy where somebody else holds the array and could still read it."""
        values = []
        if not self.donated:
            return [v.storage for v in self.variables]
        donated = set(self.donated)
        for i, v in enumerate(self.variables):
            x = v.storage
            if i in donated and _count(x) > _LONE:
                x = _copy(x)
            values.append(x)
        return values

    def call(self, *args: Any) -> Any:
        """Run the step."""
        if STATE.scope is not None:  # inside another trace, whose scope takes the writes
            return self.step(*args)
        if self.single is None:
            self._learn(args)
        return self._run(self.single, args)

    def call_many(self, batches: Sequence[tuple]) -> Any:
        """Run the step on each tuple of arguments and return the last result."""
        if STATE.scope is None and len(batches) > 1:
            if self.single is None:
                self._learn(batches[0])
            if self.loop_pays and len({jax.tree.structure(b) for b in batches}) == len({tuple(map(_aval, jax.tree.leaves(b))) for b in batches}) == 1:
                return self._run(self.many, _stack(*batches))
        result = None
        for batch in batches:
            result = self.call(*batch)
        return result

    def _run(self, compiled: Callable, args: Any) -> Any:
        variables = self.variables
        with _LOCK:
            values = self._state()
            try:
                result, new = compiled(*values, args)
            except Exception as error:
                lost = [v.path for v in variables if v.storage.is_deleted()]
                if lost:
                    error.add_note(
                        f"The step failed while running, after its state was handed over: {', '.join(lost[:3])} and others are lost. Load a checkpoint."
                    )
                raise
            for i, x in new.items():
                variables[i].storage = x
        return result


def _strong(x: Any, variable: Any) -> Any:
    """A new value without a weak type or another dtype, which would compile the next call anew."""
    return lax.convert_element_type(x, variable.storage.dtype)


def _aval(x: Any) -> tuple:
    return np.shape(x), getattr(x, "dtype", type(x))


def _contains(jaxpr: Any, primitive: str) -> bool:
    """Tell whether a jaxpr or one inside it has an equation of `primitive`."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == primitive:
            return True
        for value in eqn.params.values():
            for inner in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns") and _contains(inner, primitive):
                    return True
    return False
