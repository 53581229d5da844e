"""Running steps on torch: eagerly, or traced whole (forward, backward, update) and compiled by inductor."""

import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from pronghorn.backend import contract
from pronghorn.backend.convert import held_once
from pronghorn.state.binding import StateError, bind
from pronghorn.state.tree import flatten, map_structure, pack

_DIRECT = frozenset(np.dtype(n) for n in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32"))  # dtypes of batches that stay
_MOVING = threading.Lock()
_SIGNATURES = 16  # of one step; beyond it shapes vary too much for compiling to pay


class Executor(contract.Executor):
    """Executes steps on torch.

    `jit="auto"` and `False` run eagerly: on CPU torch's kernels and list-level optimizers beat the compiler on most models, and nothing is compiled
    twice. `jit=True` traces the step once per signature of its arguments; a step that cannot be traced or compiled runs eagerly, with one warning.
    """

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: bool | str = "auto", repeat: int = 1) -> Callable:
        _lay_out(variables)
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
            if type(x) is np.ndarray and x.dtype in _DIRECT:
                return torch.from_numpy(x.copy()) if device.type == "cpu" else torch.from_numpy(np.require(x, requirements="CW")).to(device)
            return b.from_host(x)

        if type(batch) is not tuple:
            return map_structure(move, batch)
        out: list[Any] = []
        for x in batch:
            if type(x) is np.ndarray and x.dtype in _DIRECT and device.type == "cpu":
                out.append(torch.from_numpy(x if held_once(x) and x.flags.carray else x.copy()))
            else:
                out.append(None if x is None else map_structure(move, x))
        return tuple(out)

    def fetch(self, values: Any) -> Any:
        if isinstance(values, torch.Tensor):
            return self.backend.convert_to_numpy(values)
        leaves = flatten(values)
        moved = [x.detach().to("cpu", non_blocking=True) if isinstance(x, torch.Tensor) else x for x in leaves]
        if any(isinstance(x, torch.Tensor) and x.device.type != "cpu" for x in leaves):
            torch.accelerator.synchronize()  # once for all of them
        return pack(values, [self.backend.convert_to_numpy(x) if isinstance(x, torch.Tensor) else x for x in moved])


def _lay_out(variables: Sequence[Any]) -> None:
    """Put kernels of images and volumes, and their optimizer slots, in memory with the output channels first.

    Shapes stay. What torch's convolutions are given, `(out, in, *window)`, is then in memory format channels_last, as the inputs are; kernels in the order
    of their shape would be copied in every call, and gradients copied back. Writes keep the strides, so each variable moves once.
    """
    with _MOVING:  # a second thread must not move what the first one already trains
        for v in variables:
            storage = v.storage
            if storage.ndim in (4, 5) and storage.is_floating_point() and storage.is_contiguous():
                storage.data = torch.movedim(torch.movedim(storage.data, -1, 0).contiguous(), 0, -1)


class _Eager:
    """A step run as it is, without autograd graphs outside gradients."""

    def __init__(self, step: Callable, variables: Sequence[Any]):
        self.step = step
        self.storages = frozenset(id(v.storage) for v in variables)

    def __call__(self, *args: Any) -> Any:
        with torch.no_grad():
            return self._apart(self.step(*args))

    def _apart(self, out: Any) -> Any:
        """Copy results that are a variable's storage: the next step writes it in place."""
        if isinstance(out, torch.Tensor):
            return out.clone() if id(out if out._base is None else out._base) in self.storages else out
        if isinstance(out, (list, tuple, dict)):
            return map_structure(lambda x: self._apart(x) if isinstance(x, torch.Tensor) else x, out)
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
        key = _signature(args), self.variables[0].storage.device if self.variables else None
        found = self.graphs.get(key)
        if found is None:
            if len(self.graphs) >= _SIGNATURES:
                return self.eager(*args)
            try:
                with self.lock:
                    if key not in self.graphs:
                        self.graphs[key] = self._trace(args, leaves, tensors)
                    found = self.graphs[key]
            except StateError:
                raise
            except Exception as error:
                return self._give_up(error, args)
        graph, finish = found
        with torch.no_grad():
            return finish(graph(*[v.storage.detach() for v in self.variables], *tensors))

    def _give_up(self, error: Exception, args: tuple) -> Any:
        """Run eagerly from now on; an error of the step itself is raised here and changes nothing."""
        out = self.eager(*args)
        if not self.failed:
            self.failed = True
            reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
            warnings.warn(f"torch cannot compile this step, so it runs eagerly ({reason}). Pass jit_compile=False to say so.", stacklevel=4)
        return out

    def _trace(self, args: tuple, leaves: list, tensors: list) -> tuple[Callable, Callable]:
        from torch._inductor.compile_fx import compile_fx
        from torch.fx.experimental.proxy_tensor import make_fx

        variables, n = self.variables, len(self.variables)
        shape: dict[str, Any] = {}

        def pure(*flat: Any) -> list:
            values, rest = flat[:n], iter(flat[n:])
            given = pack(args, [next(rest) if isinstance(x, torch.Tensor) else x for x in leaves])
            with bind(variables, values) as scope:
                out = self.step(*given)
            outs = flatten(out)
            results = [o.detach() for o in outs if isinstance(o, torch.Tensor)]
            written = [i for i, v in enumerate(variables) if v in scope.written and scope.values[v] is not values[i]]
            news = [scope.values[variables[i]].detach() for i in written]
            shared = _sharing([*results, *news], values)
            shape.update(out=out, is_tensor=[isinstance(o, torch.Tensor) for o in outs], results=len(results), written=written, shared=shared)
            if shared:
                return [*results, *news]
            for i, new in zip(written, news, strict=True):
                values[i].copy_(new)  # fused with what computes it
            return results

        values = [v.storage.detach() for v in variables]
        with torch.no_grad():
            graph = make_fx(pure, tracing_mode="fake", _allow_non_fake_inputs=True)(*values, *tensors)
            compiled = compile_fx(graph, [*values, *tensors])
        is_tensor, count, written, shared = shape["is_tensor"], shape["results"], shape["written"], shape["shared"]
        constants = [None if t else o for o, t in zip(flatten(shape["out"]), is_tensor, strict=True)]
        structure = pack(shape["out"], constants)

        def finish(outs: Sequence[Any]) -> Any:
            if shared:  # results that are a variable's old value, which inductor would let another write overtake
                outs = [o.clone() if i in shared else o for i, o in enumerate(outs)]
                torch._foreach_copy_([variables[i].storage.detach() for i in written], outs[count:])
            found = iter(outs)
            return pack(structure, [next(found) if t else c for t, c in zip(is_tensor, constants, strict=True)])

        return compiled, finish


def _sharing(results: Sequence[Any], values: Sequence[Any]) -> frozenset[int]:
    """Positions of the results that share memory with the values of variables."""
    storages = {v.untyped_storage()._cdata for v in values}
    return frozenset(i for i, x in enumerate(results) if x.untyped_storage()._cdata in storages)


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
