"""Steps as compiled models: trace on specs, lower, compile once per signature, run with one infer request per thread."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, is_, itemgetter
from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.backend.contract import Executor
from pronghorn.backend.errors import CapabilityError
from pronghorn.state.binding import STATE, Scope
from pronghorn.state.tree import flatten, map_structure, sorted_keys
from pronghorn.symbolic.graph import TRACE
from pronghorn.symbolic.spec import Spec
from pronghorn_openvino import control as control  # noqa: F401  registers its lowerings
from pronghorn_openvino import lowering
from pronghorn_openvino import recurrent as recurrent  # noqa: F401  likewise
from pronghorn_openvino.engine import ov
from pronghorn_openvino.graph import Graph, Value, from_carrier, to_carrier

#: programs kept per step or primitive; the oldest goes first
MAX_PROGRAMS = 32
#: programs kept for all eager calls together: each holds two threads for as long as it lives
MAX_EAGER = 256
#: a variable that changes this often becomes an input instead of a constant
MAX_RELOWER = 2

_CARRIERS = frozenset({"float32", "int32", "bool"})
_CHECKED = frozenset({"int64", "uint64", "uint32"})
_CORE = ov.Core()
_STORAGE = attrgetter("storage")


def precision() -> str:
    """Return the inference precision: f32, or what `PRONGHORN_OPENVINO_PRECISION` says (f32, bf16, f16)."""
    chosen = os.environ.get("PRONGHORN_OPENVINO_PRECISION", "f32")
    if chosen not in ("f32", "bf16", "f16"):
        raise ValueError(f"PRONGHORN_OPENVINO_PRECISION must be f32, bf16 or f16; received {chosen!r}.")
    return chosen


class Tape(list):
    """Primitives in the order they ran; derived ops in `whole` come as one entry that also holds its primitives."""

    whole = lowering.WHOLE


class _Bound(Scope):
    """Variables read as specs, whichever they are, and every write is recorded."""

    def __init__(self) -> None:
        super().__init__(closed=False)
        self.specs: dict[Any, Spec] = {}

    def read(self, variable: Any) -> Any:
        if variable not in self.values:
            self.values[variable] = self.specs[variable] = variable.spec()
        return self.values[variable]


class Trace:
    """A step run once on specs.

    Args:
        step: function of the leaves' nest.
        args, kwargs: nest whose specs are the inputs.
        inputs: those specs, in order.
    """

    def __init__(self, step: Callable, args: Sequence[Any], kwargs: dict, inputs: list[Spec]):
        self.inputs, self.tape = inputs, Tape()
        outer, depth = TRACE.tape, TRACE.depth
        TRACE.tape, TRACE.depth = self.tape, 0
        try:
            scope = _Bound()
            with registry.use_backend("openvino"), scope:
                self.result = step(*args, **kwargs)
        finally:
            TRACE.tape, TRACE.depth = outer, depth
        self.specs = scope.specs
        self.written = [(v, x) for v, x in scope.written.items()]
        self.leaves = flatten(self.result)
        self.outputs = [x for x in (*self.leaves, *[x for _, x in self.written]) if isinstance(x, Spec)]

    def lower(self, parameters: Sequence[Any], current: dict[Any, np.ndarray]) -> tuple[Graph, list[tuple[int, Any]], list[Any]]:
        """Build the graph; `parameters` are the variables that become inputs, `current` collects the values used of the others.

        Returns:
            the graph, its (index, input) pairs in the order of its parameters, where an input is a number or a variable, and the outputs' nodes.
        """
        g = Graph()
        fed: list[tuple[int, Any]] = []

        def feed(spec: Spec, source: Any) -> Value:
            node = g.parameter(spec.dims, spec.dtype)
            g.entry(node, spec)
            fed.append((len(fed), source))
            return Value(node, spec.dtype)

        def constant(variable: Any) -> Value:
            current[variable] = read(variable)
            return g.constant(current[variable])

        for i, spec in enumerate(self.inputs):
            g.later(spec, lambda s=spec, i=i: feed(s, i))
        for v, spec in self.specs.items():
            g.lazy[id(spec)] = (lambda s=spec, v=v: feed(s, v)) if v in parameters else (lambda v=v: constant(v))
        lowering.run(g, self.tape, self.outputs)
        return g, fed, [g.value(x).plain for x in self.outputs]


def read(variable: Any) -> np.ndarray:
    """Return the array that a variable reads as in the caller's scope."""
    return variable.storage if STATE.scope is None else STATE.scope.read(variable)


def compile_model(model: ov.Model) -> ov.CompiledModel:
    """Compile for the CPU in the chosen precision."""
    return _CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision(), "PERFORMANCE_HINT": "LATENCY"})


class Program:
    """A compiled model for one signature of a step."""

    def __init__(self, trace: Trace, parameters: Sequence[Any]):
        self.trace = trace
        self.parameters = tuple(parameters)
        current: dict[Any, np.ndarray] = {}
        graph, fed, nodes = trace.lower(parameters, current)
        self.constants, self.values = list(current), list(current.values())
        self.fed = [source for _, source in fed]
        self.graph = graph  # keeps the memory of the constants
        # inputs that NumPy converts as it copies them; the others need a look at their values or bits
        self.direct = [dtype not in _CHECKED for dtype in (trace.inputs[s].dtype if type(s) is int else s._dtype for s in self.fed)]
        dtypes = [registry.get("openvino").canonical(x.dtype) for x in trace.outputs]
        self.convert = [(i, d) for i, d in enumerate(dtypes) if d not in _CARRIERS]
        made = iter(range(len(dtypes)))
        self.build = _builder(trace.result, made)
        self.written = [(v, _builder(x, made)) for v, x in trace.written]
        self.compiled = compile_model(ov.Model(nodes, graph.parameters, "step")) if nodes else None
        self.local = threading.local()

    def fresh(self) -> bool:
        """Tell whether the variables that became constants still hold the same arrays."""
        if STATE.scope is None:
            return all(map(is_, map(_STORAGE, self.constants), self.values))
        return all(read(v) is x for v, x in zip(self.constants, self.values, strict=True))

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Infer on the inputs' arrays; returns one array per traced output."""
        if self.compiled is None:
            return []
        local = self.local
        try:
            request, views = local.request
        except AttributeError:
            request = self.compiled.create_infer_request()
            views = [request.get_input_tensor(i).data for i in range(len(self.fed))]
            local.request = request, views
        # copying into the request's own memory costs less than handing over an array (two Python layers and a check)
        for view, source, direct in zip(views, self.fed, self.direct, strict=True):
            array = arrays[source] if type(source) is int else read(source)
            np.copyto(view, array if direct else to_carrier(array), casting="unsafe")
        results = request.infer()
        found = [results[i] for i in range(len(results))]
        for i, d in self.convert:
            found[i] = from_carrier(found[i], d)
        return found

    def __call__(self, arrays: list[np.ndarray]) -> Any:
        found = self.run(arrays)
        for v, build in self.written:
            v.assign(build(found))
        return self.build(found)


def _builder(nest: Any, numbers: Iterator[int]) -> Callable[[list], Any]:
    """Return a function that makes `nest` of a list of arrays, with array after array in place of the specs."""
    if isinstance(nest, Spec):
        return itemgetter(next(numbers))
    if isinstance(nest, dict):
        keys = sorted_keys(nest)
        made = dict(zip(keys, [_builder(nest[k], numbers) for k in keys], strict=True))
        kind = type(nest) if type(nest) is not dict else dict
        return lambda found: kind({k: made[k](found) for k in nest})
    if isinstance(nest, (list, tuple)):
        parts = [_builder(v, numbers) for v in nest]
        if hasattr(nest, "_fields"):
            return lambda found: type(nest)(*[part(found) for part in parts])
        return lambda found: type(nest)([part(found) for part in parts])
    return lambda found: nest


class Step:
    """A step as a callable that compiles once per signature; safe to call from several threads.

    Args:
        step: function of nests of arrays.
        together: the programs of the steps that share one limit, oldest first; by default a step has its own.
        limit: how many programs are kept.
    """

    def __init__(self, step: Callable, together: deque | None = None, limit: int = MAX_PROGRAMS):
        self.step, self.limit = step, limit
        self.programs: dict[Any, Program] = {}
        self.order: deque[tuple[dict, Any]] = deque() if together is None else together
        self.lock = threading.RLock()
        self.changed: dict[Any, int] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays: list[np.ndarray] = []
        key = _signature((args, kwargs) if kwargs else args, arrays)
        program = self.programs.get(key)
        if program is None or not program.fresh():
            program = self._make(key, args, kwargs)
        return program(arrays)

    def _make(self, key: Any, args: tuple, kwargs: dict) -> Program:
        with self.lock:
            program = self.programs.get(key)
            if program is not None and program.fresh():  # made while waiting
                return program
            if program is None:
                inputs: list[Spec] = []

                def spec(x: Any) -> Any:
                    if not isinstance(x, (np.ndarray, np.generic)):
                        return x
                    inputs.append(Spec(x.shape, x.dtype.name))
                    return inputs[-1]

                # map_structure visits the leaves in the order of `_signature`
                given, named = map_structure(spec, (args, kwargs)) if kwargs else (map_structure(spec, args), {})
                trace = Trace(self.step, given, named, inputs)
                parameters = [v for v, _ in trace.written]
            else:
                trace, parameters = program.trace, list(program.parameters)
                for v, x in zip(program.constants, program.values, strict=True):
                    if read(v) is not x:
                        self.changed[v] = self.changed.get(v, 0) + 1
            parameters += [v for v, times in self.changed.items() if times >= MAX_RELOWER and v not in parameters]
            made = Program(trace, parameters)
            if key not in self.programs:
                self.order.append((self.programs, key))
            self.programs[key] = made
            while len(self.order) > self.limit:
                programs, oldest = self.order.popleft()
                programs.pop(oldest, None)
            return made


def _signature(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return a hashable key of a nest, and collect its arrays."""
    kind = type(value)
    if kind is np.ndarray:
        arrays.append(value)
        return value.shape, value.dtype
    if isinstance(value, dict):
        return kind, tuple([(k, _signature(value[k], arrays)) for k in sorted_keys(value)])
    if isinstance(value, (list, tuple)):
        return kind, tuple([_signature(v, arrays) for v in value])
    if isinstance(value, np.generic):
        arrays.append(np.asarray(value))
        return (), value.dtype
    if isinstance(value, float) and value != value:
        return kind, "nan"
    try:
        hash(value)
    except TypeError:
        raise CapabilityError(f"openvino: an argument of type {kind.__name__} cannot be part of a compiled step. Pass arrays, numbers or strings.") from None
    return kind, value


class OpenVINOExecutor(Executor):
    """Compile steps through `Trace` and `Program`."""

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: Any = True, repeat: int = 1) -> Callable:
        """Return `step` compiled; `jit=False` runs it op by op."""
        return super().compile(step if jit is False else Step(step), variables, jit=bool(jit), repeat=repeat)
