"""What an engine implements: a subclass of `Backend`.

A plugin's class offers, as attributes or methods, every required primitive (`pronghorn.backend.primitives`), whichever gated primitives its
capabilities name, any overrides of derived ops, and the runtime methods below. `validate` checks all of it in one go and reports every fault in one message.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pronghorn.backend.dtypes import ALL, NARROWER, name_of

#: optional list-level hooks and data adapters that core looks for
HOOKS = frozenset({"optimizer_update", "data_adapter"})


class ContractError(TypeError):
    """A backend class does not fit the contract; the message lists every fault."""


class Executor:
    """Turn a Python step into something that runs fast. This base class runs it as it is.

    A step is a function of native tensors that reads and assigns variables. `compile` returns a callable with the step's arguments and result.
    """

    def __init__(self, backend: "Backend"):
        self.backend = backend

    def compile(self, step: Callable, variables: Sequence[Any], *, jit: bool = True, repeat: int = 1) -> Callable:
        """Return `step` ready to run; all state that it reads or writes is in `variables`.

        Args:
            step: function of native tensors (nested in tuples, lists and dicts).
            variables: every `Variable` the step may read or write.
            jit: whether the engine's compiler is asked for. When False, run eagerly.
            repeat: with `repeat > 1` the callable takes a list of that many argument tuples, runs the step on each and returns the last result.
        """
        if repeat == 1:
            return step

        def run(batches: Sequence[tuple]) -> Any:
            out = None
            for batch in batches:
                out = step(*batch)
            return out

        return run

    def put(self, batch: Any) -> Any:
        """Return a nest of host arrays in the form in which `compile`'s functions take it.

        That is native tensors, with the dtypes that host data gets; or, where compiled functions move host data faster themselves, arrays of those dtypes
        that nobody else can write to.
        """
        from pronghorn.state.tree import map_structure

        b = self.backend
        return map_structure(lambda x: x if x is None or b.owns(type(x)) and not b.host_tensors else b.from_host(x), batch)

    def fetch(self, values: Any) -> Any:
        """Bring a nest of native tensors to the host as NumPy arrays, waiting for the device."""
        from pronghorn.state.tree import map_structure

        return map_structure(lambda x: x if x is None else self.backend.convert_to_numpy(x), values)


class Backend:
    """Base class of every engine. Attributes first, then the runtime methods; primitives are added by the subclass."""

    name: str = ""
    #: native tensor classes; their subclasses count too
    types: tuple[type, ...] = ()
    #: what the engine can do beyond the required primitives; unknown names are ignored
    capabilities: frozenset[str] = frozenset()
    #: dtype names that exist natively
    dtypes: frozenset[str] = frozenset(ALL)
    #: primitives that take a Python scalar as it is where the other operand is a tensor of the dtype it would take
    scalar_operands: frozenset[str] = frozenset()
    #: True where native tensors are NumPy arrays, which belong to this engine only while it is active
    host_tensors: bool = False
    #: True where no other engine's tensors have the same dtype objects, so that the dtype alone tells whose tensor it is
    own_dtypes: bool = False
    #: True where single ops are slow, so that a layer called by the user runs as one compiled program
    compile_calls: bool = False
    #: how to get a dtype that is missing, put into the error message
    dtype_hint: str = ""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Primitives, which the subclass adds."""

    def owns(self, kind: type) -> bool:
        """Tell whether `kind` is one of this engine's tensor classes."""
        return issubclass(kind, self.types)

    def dtype(self, x: Any) -> str:
        """Return the dtype name of a native tensor."""
        return name_of(x.dtype)

    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        """Return the shape of a native tensor, None for a size unknown while tracing."""
        return tuple(x.shape)

    def is_dense(self, x: Any) -> bool:
        """Tell whether a native tensor holds all of its elements; sparse ones are refused."""
        return True

    def is_concrete(self, x: Any) -> bool:
        """Tell whether `x` holds values now, that is, is not a tracer of the engine's compiler."""
        return True

    def traced(self) -> bool:
        """Tell whether a compiler is reading the Python code that runs now, so that nothing may be kept in shared tables."""
        return False

    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        """Return native storage for a variable that starts with the native tensor `value`, or with a host array that nobody else has and it may keep."""
        return value if self.owns(type(value)) and not self.host_tensors else self.from_host(value)

    def assign(self, storage: Any, value: Any) -> Any:
        """Write the native tensor `value` into `storage`, in place where the engine allows, and return the storage that now holds it."""
        return value

    def specialize(self, name: str, impl: Callable, operands: Sequence[str | None], scalars: Sequence[bool]) -> Callable:
        """Return what runs primitive or override `name` on operands of these dtypes, by default `impl`; asked once per op and signature.

        The place for kernels that an engine lacks (compute in a wider dtype) or that take Python scalars (`scalars` tells which operands are).
        """
        return impl

    def dense_only(self, name: str | None, impl: Callable, tensors: Sequence[int]) -> Callable:
        """Return what refuses tensors that are not dense and runs `impl` on others; `impl` itself where it refuses them or there are none.

        Asked once per op and signature: `name` is that of a primitive or override, None for an op that runs as defined; `tensors` are positions of arguments.
        """
        return impl

    def read(self, storage: Any) -> Any:
        """Return the native tensor in `storage`; engines whose storage works as a tensor return it as it is."""
        return storage

    def devices(self) -> list[str]:
        """List the devices, such as `["cpu:0"]`; the first is the default."""
        return ["cpu:0"]

    def device_scope(self, device: str) -> Any:
        """Return a context manager that places new tensors on `device`."""
        import contextlib

        if device not in self.devices():
            raise ValueError(f'{self.name} has no device "{device}". Devices: {", ".join(self.devices())}.')
        return contextlib.nullcontext()

    def put(self, x: Any, device: str | None) -> Any:
        """Move a native tensor to `device`."""
        return x

    def rematerialize(self, fn: Callable) -> Callable:
        """Return `fn`, a function of tensors, as one that computes its inner results again in the backward pass; by default it keeps them."""
        return fn

    def constrain(self, x: Any, layout: Any) -> Any:
        """Ask for a sharding of `x`; engines without sharding return it unchanged."""
        return x

    def executor(self) -> Executor:
        """Return the executor that compiles steps for this engine."""
        return Executor(self)

    def interop(self, layer: Any) -> Any:
        """Return the engine's own object for a layer, sharing storage with it."""
        from pronghorn.backend.errors import CapabilityError

        raise CapabilityError(f'{self.name} has no native object for a layer. Use model(x), or model.to("<engine>") first.')

    def memory_cleanup(self) -> None:
        """Free caches that are not needed."""

    # -- given by core ---------------------------------------------------------------------------------------------------------------------
    def canonical(self, name: str) -> str:
        """Return `name`, or the narrower dtype that stands in where the engine lacks it and nobody asked for it by name."""
        while name not in self.dtypes and name in NARROWER:
            name = NARROWER[name]
        return name

    def require(self, name: str) -> str:
        """Return `name` if the engine has this dtype; raise otherwise, since it was asked for explicitly."""
        if name not in self.dtypes:
            known = ", ".join(d for d in ALL if d in self.dtypes)
            raise TypeError(f"{self.name} has no dtype {name}.{' ' + self.dtype_hint if self.dtype_hint else ''} Available: {known}.")
        return name

    def from_host(self, value: Any, dtype: str | None = None) -> Any:
        """Convert host data (array, scalar, list) to a native tensor under pronghorn's dtype rules."""
        from pronghorn.backend.convert import host_array

        array = host_array(value, self, dtype)
        return self.convert_to_tensor(array, array.dtype.name)


def _parameters(fn: Any) -> list[str] | None:
    """Positional parameter names, or None where a native function hides them."""
    if not inspect.isfunction(fn) and not inspect.ismethod(fn):
        return None
    kinds = inspect.Parameter
    params = inspect.signature(fn).parameters.values()
    if any(p.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD) for p in params):
        return None
    return [p.name for p in params]


def _own_names(backend: Backend) -> Iterable[str]:
    for cls in type(backend).__mro__:
        if cls not in (Backend, object):
            yield from vars(cls)
    yield from vars(backend)


def validate(backend: Backend) -> Backend:
    """Check an engine against the contract and return it.

    Raises:
        ContractError: missing required primitives, promised gated primitives that are missing, public names that are neither primitive, override nor
            runtime method, and overrides whose parameters differ from the op's.
    """
    from pronghorn.backend import primitives
    from pronghorn.backend.op import OPS, PRIMITIVES

    functions = {**primitives.CREATION, **primitives.CONVERSION, **primitives.CONTROL}
    gated = {n: ("autodiff", v) for n, v in primitives.AUTODIFF.items()} | {n: ("native_rng", v) for n, v in primitives.NATIVE_RNG.items()}
    faults = []
    if not isinstance(backend, Backend):
        raise ContractError(f"{backend!r} is not a subclass of pronghorn.backend.contract.Backend.")
    missing = [n for n, p in PRIMITIVES.items() if (p.capability is None or p.capability in backend.capabilities) and not hasattr(backend, n)]
    missing += [n for n in functions if not hasattr(backend, n)]
    missing += [n for n, (capability, _) in gated.items() if capability in backend.capabilities and not hasattr(backend, n)]
    if missing:
        faults.append(f"missing primitives: {', '.join(missing)}")
    runtime = set(dir(Backend)) | set(functions) | set(gated) | HOOKS
    unknown = []
    overrides = {op.override: op for op in OPS.values()}
    for name in sorted(set(_own_names(backend))):
        if name.startswith("_") or name in runtime:
            continue
        op = PRIMITIVES.get(name) or overrides.get(name)
        if op is None:
            unknown.append(name)
            continue
        theirs, ours = _parameters(getattr(backend, name)), list(op.signature.parameters)
        if theirs is not None and theirs != ours and name not in PRIMITIVES:
            faults.append(f"override {name}({', '.join(theirs)}) does not have the op's parameters ({', '.join(ours)})")
        elif theirs is not None and len(theirs) != len(ours):
            faults.append(f"primitive {name}({', '.join(theirs)}) should take ({', '.join(ours)})")
    if unknown:
        faults.append(f"unknown public names (prefix helpers with an underscore): {', '.join(unknown)}")
    if faults:
        raise ContractError(f'Backend "{backend.name}" does not fit the contract: ' + "; ".join(faults) + ".")
    return backend
