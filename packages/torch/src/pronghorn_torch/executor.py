"""Running steps on torch: eagerly, or traced whole (forward, backward, update) and compiled by inductor."""

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from pronghorn.backend import contract
from pronghorn.state.binding import bind
from pronghorn.state.tree import flatten, map_structure, pack

_SIGNATURES = 16  # of one step; beyond it shapes vary too much for compiling to pay


class Executor(contract.Executor):
    """Executes steps on torch.

    `jit="auto"` and `False` run eagerly: on CPU torch's kernels and list-level optimizers beat the compiler on most models, and nothing is compiled
    twice. `jit=True` traces the step once per signature of its arguments; a step that cannot be traced or compiled runs eagerly, with one warning.
    """

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: bool | str = "auto", repeat: int = 1) -> Callable:
        one = _Compiled(self.backend, step, variables) if jit is True else _Eager(step, variables)
        if repeat == 1:
            return one

        def run(batches: Sequence[tuple]) -> Any:
            out = None
            for batch in batches:
                out = one(*batch)
            return out

        return run

    def put(self, batch: Any) -> Any:
        b = self.backend
        device = b._device

        def move(x: Any) -> Any:
            if x is None:
                return None
            if isinstance(x, torch.Tensor):
                return x if x.device == device else x.to(device, non_blocking=True)
            return b.from_host(x)

        return map_structure(move, batch)

    def fetch(self, values: Any) -> Any:
        leaves = flatten(values)
        tensors = [isinstance(x, torch.Tensor) for x in leaves]
        moved = [x.detach().to("cpu", non_blocking=True) if t else x for x, t in zip(leaves, tensors, strict=True)]
        if any(t and x.is_cuda for x, t in zip(leaves, tensors, strict=True)):
            torch.cuda.synchronize()  # once for all of them
        return pack(values, [self.backend.convert_to_numpy(x) if t else x for x, t in zip(moved, tensors, strict=True)])


class _Eager:
    """A step run as it is, without autograd graphs outside gradients."""

    def __init__(self, step: Callable, variables: Sequence[Any]):
        self.step, self.variables = step, variables

    def __call__(self, *args: Any) -> Any:
        with torch.no_grad():
            return _apart(self.step(*args), self.variables)


def _apart(out: Any, variables: Sequence[Any]) -> Any:
    """Copy results that are a variable's storage: the next step writes it in place."""
    if isinstance(out, torch.Tensor):
        base = out if out._base is None else out._base
        return out.clone() if any(v.storage is base for v in variables) else out
    if isinstance(out, (list, tuple, dict)):
        return map_structure(lambda x: _apart(x, variables) if isinstance(x, torch.Tensor) else x, out)
    return out


class _Compiled:
    """A step as one graph per signature of its arguments. Variables enter as their storages and are written by the graph itself."""

    def __init__(self, backend: Any, step: Callable, variables: Sequence[Any]):
        self.backend, self.step, self.variables = backend, step, list(variables)
        self.eager = _Eager(step, variables)
        self.graphs: dict[Any, tuple[Callable, Callable]] = {}
        self.lock = threading.Lock()
        self.failed = False

    def __call__(self, *args: Any) -> Any:
        if self.failed:
            return self.eager(*args)
        leaves = flatten(args)
        tensors = [x for x in leaves if isinstance(x, torch.Tensor)]
        key = _signature(args), *[v.storage.device for v in self.variables[:1]]
        found = self.graphs.get(key)
        if found is None:
            if len(self.graphs) >= _SIGNATURES:
                return self.eager(*args)
            with self.lock:
                found = self.graphs.get(key) or self._build(key, args, leaves, tensors)
            if found is None:
                return self.eager(*args)
        graph, finish = found
        with torch.no_grad():
            return finish(graph(*[v.storage.detach() for v in self.variables], *tensors))

    def _build(self, key: Any, args: tuple, leaves: list, tensors: list) -> tuple[Callable, Callable] | None:
        try:
            found = self._trace(args, leaves, tensors)
        except Exception as error:  # whatever the compiler or the step may raise: the step itself will tell when it runs eagerly
            self.failed = True
            reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
            warnings.warn(f"torch cannot compile this step, so it runs eagerly ({reason}). Pass jit_compile=False to say so.", stacklevel=4)
            return None
        self.graphs[key] = found
        return found

    def _trace(self, args: tuple, leaves: list, tensors: list) -> tuple[Callable, Callable]:
        from torch._inductor.compile_fx import compile_fx
        from torch.fx.experimental.proxy_tensor import make_fx

        variables, n = self.variables, len(self.variables)
        layout: list[Any] = []

        def pure(*flat: Any) -> list:
            values, rest = flat[:n], iter(flat[n:])
            given = pack(args, [next(rest) if isinstance(x, torch.Tensor) else x for x in leaves])
            with bind(variables, values) as scope:
                out = self.step(*given)
            outs = flatten(out)
            layout[:] = [out, [isinstance(o, torch.Tensor) for o in outs]]
            results = [_own(o.detach(), values) for o in outs if isinstance(o, torch.Tensor)]
            written = [(old, scope.values[v]) for v, old in zip(variables, values, strict=True) if v in scope.written]
            written = [(old, _own(new.detach(), values)) for old, new in written if new is not old]
            for old, new in written:
                old.copy_(new)
            return results

        values = [v.storage.detach() for v in variables]
        with torch.no_grad():
            graph = make_fx(pure, tracing_mode="fake", _allow_non_fake_inputs=True)(*values, *tensors)
            compiled = compile_fx(graph, [*values, *tensors])
        structure, is_tensor = layout
        constants = [None if t else o for o, t in zip(flatten(structure), is_tensor, strict=True)]
        structure = pack(structure, constants)

        def finish(results: Sequence[Any]) -> Any:
            found = iter(results)
            return pack(structure, [next(found) if t else c for t, c in zip(is_tensor, constants, strict=True)])

        return compiled, finish


def _own(x: Any, values: Sequence[Any]) -> Any:
    """Copy `x` if it shares memory with a variable, which the graph is going to write."""
    storage = x.untyped_storage()._cdata
    return x.clone() if any(v.untyped_storage()._cdata == storage for v in values) else x


def _signature(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.dtype, value.device, value.stride()
    if isinstance(value, (list, tuple)):
        return type(value), tuple([_signature(v) for v in value])
    if isinstance(value, dict):
        return tuple([(k, _signature(v)) for k, v in value.items()])
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value
