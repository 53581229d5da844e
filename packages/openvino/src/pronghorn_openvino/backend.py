"""The OpenVINO engine: no kernels of its own to call one by one, so every primitive is a small compiled model, and steps are whole ones."""
# ruff: noqa: A003

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from pronghorn.backend import registry
from pronghorn.backend.contract import Backend as Base
from pronghorn.backend.contract import Executor
from pronghorn.backend.dtypes import numpy_dtype
from pronghorn.backend.numpy import control
from pronghorn.backend.op import OPS, PRIMITIVES
from pronghorn.symbolic.graph import TRACE
from pronghorn_openvino.executor import MAX_EAGER, OpenVINOExecutor, Step
from pronghorn_openvino.lowering import WHOLE

_DTYPES = "bool uint8 uint16 uint32 int8 int16 int32 bfloat16 float16 float32".split()
_MAX_STEPS = 1024
_PROGRAMS: deque = deque()  # of all ops, oldest first


class _Eager:
    """One op as a callable on arrays: compiled per shapes, dtypes and static arguments. While a step is traced, host data goes through NumPy."""

    def __init__(self, name: str, op: Any):
        self.name, self.op = name, op
        self.steps: OrderedDict[Any, Step] = OrderedDict()
        self.lock = threading.Lock()
        n = len(op.operands)
        self.operands = n + 2 if name == "slice_update" else n  # its start and updates may be tensors
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            bound = self.op.signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args = tuple(bound.arguments.values())
        if TRACE.tape is not None:
            reference = registry.get("numpy")
            with registry.use_backend("numpy"):
                return getattr(reference, self.name)(*args) if self.op.rule is not None else self.op.body(*args)
        n = self.operands
        tensors, rest = args[:n], args[n:]
        key = repr(rest) if rest else None  # static arguments are tuples of numbers and names
        step = self.steps.get(key)
        if step is None:
            with self.lock:
                step = self.steps[key] = Step(lambda *xs: self.op.public(*xs, *rest), _PROGRAMS, MAX_EAGER)
                while len(self.steps) > _MAX_STEPS:
                    self.steps.popitem(last=False)
        return step(*tensors)


class Backend(Base):
    """Compile-only engine: native tensors are NumPy arrays, models run as compiled OpenVINO models."""

    name = "openvino"
    types = (np.ndarray, np.generic)
    host_tensors = True
    capabilities = frozenset({"compile_only"})
    dtypes = frozenset(_DTYPES)
    dtype_hint = "The CPU plugin computes 64-bit numbers in 32 bits."
    compile_calls = True

    for _n, _op in PRIMITIVES.items():
        if _op.capability is None:
            locals()[_n] = _Eager(_n, _op)
    del _n, _op

    def __init__(self) -> None:
        import pronghorn.ops  # noqa: F401  the derived ops must be known before they can be overridden

        for name in WHOLE:
            setattr(self, name, _Eager(name, OPS[name]))
        self._executor = OpenVINOExecutor(self)

    # -- create and convert
    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        return np.array(x, numpy_dtype(dtype))

    def convert_to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def shape(self, x: Any) -> Any:
        return np.shape(x)

    def full(self, shape: Any, fill_value: Any, dtype: str) -> Any:
        return np.full(shape, fill_value, numpy_dtype(dtype))

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Any:
        return np.arange(start, stop, step).astype(numpy_dtype(dtype))

    _cast: Callable = locals()["cast"]
    _view: Callable = locals()["view"]

    def cast(self, x: Any, dtype: str) -> Any:
        x = np.asarray(x)
        if x.dtype.name in self.dtypes and dtype in self.dtypes:
            return self._cast(x, dtype)
        from pronghorn.backend.convert import host_array

        return host_array(x, self, None if x.dtype.kind in "iu" and dtype == self.canonical(x.dtype.name) else self.require(dtype)).astype(numpy_dtype(dtype))

    def view(self, x: Any, dtype: str) -> Any:
        return np.ascontiguousarray(x).view(numpy_dtype(self.require(dtype))).reshape(np.shape(x))

    # -- control: the bodies are functions of arrays, run one by one; inside a compiled step they are lowered
    cond = staticmethod(control.cond)
    while_loop = staticmethod(control.while_loop)
    scan = staticmethod(control.scan)

    # -- runtime
    def is_concrete(self, x: Any) -> bool:
        return isinstance(x, self.types)

    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        return _frozen(value)

    def assign(self, storage: Any, value: Any) -> Any:
        return _frozen(value)

    def executor(self) -> Executor:
        return self._executor

    def interop(self, layer: Any) -> Any:
        """Return an `ov.CompiledModel` of a built model, with the batch size left open."""
        from pronghorn_openvino.interop import compiled

        return compiled(layer)

    def memory_cleanup(self) -> None:
        for holder in (type(self), self):
            for fn in vars(holder).values():
                if isinstance(fn, _Eager):
                    fn.steps.clear()


def _frozen(value: Any) -> np.ndarray:
    """Copy an array and make it read-only: compiled models share the memory of variables, and know a new value by its identity."""
    array = np.array(value).view()  # OpenVINO asks for writable memory: that is the view's base
    array.flags.writeable = False
    return array
