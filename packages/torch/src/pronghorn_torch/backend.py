"""PyTorch: primitives, control flow, gradients and the runtime.

Most primitives are torch functions under another name and stay unwrapped, so that a call costs what torch's own costs. Where torch lacks kernels
for a dtype (unsigned and 8-bit floats, booleans in numeric ops, half precision in linear algebra), `specialize` computes in a wider one.
"""
# ruff: noqa: A001, A002, A003

import builtins
import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from pronghorn.backend import contract, dtypes
from pronghorn.state.tree import flatten, map_structure, pack
from pronghorn_torch.executor import Executor
from pronghorn_torch.kernels import CARRIER, KIND, NAME, dense_only, specialize
from pronghorn_torch.overrides import Overrides, tracing
from pronghorn_torch.windows import Windows, flat_pads

_SAME_NAME = (
    "exp log log1p expm1 sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf floor ceil round trunc negative abs "
    "isfinite logical_not bitwise_not add subtract multiply divide floor_divide arctan2 logical_and logical_or bitwise_and bitwise_or bitwise_xor "
    "bitwise_left_shift bitwise_right_shift where maximum minimum matmul broadcast_to flip"
)
_RENAMED = {
    "mod": torch.remainder, "power": torch.pow, "equal": torch.eq, "less": torch.lt, "less_equal": torch.le, "stop_gradient": torch.detach,
    "transpose": torch.permute, "fft": torch.fft.fft,
}  # fmt: skip


#: elements from which the copy of an array counts
_LARGE = 4096


class _Thread(threading.local):
    """Where new tensors of this thread go, and how many gradients are being taken around it."""

    device: torch.device | None = None
    depth = 0


_THREAD = _Thread()


def _accelerator() -> str | None:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return None if found is None else found.type


class Backend(Overrides, Windows, contract.Backend):
    """The torch engine."""

    name = "torch"
    types = (torch.Tensor,)
    capabilities = frozenset({"linalg", "complex", "dynamic_shapes", "autodiff", "native_rng"})
    dtypes = frozenset(KIND)
    dtype_hint = "Use int64."
    own_dtypes = True
    scalar_operands = frozenset(
        "add subtract multiply divide power floor_divide mod equal less less_equal maximum minimum where greater greater_equal not_equal "
        "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()
    )

    for _n in _SAME_NAME.split():
        locals()[_n] = staticmethod(getattr(torch, _n))
    for _n, _native in _RENAMED.items():
        locals()[_n] = staticmethod(_native)
    specialize = staticmethod(specialize)
    dense_only = staticmethod(dense_only)

    def __init__(self) -> None:
        kind = _accelerator()
        self._default = torch.device(kind, 0) if kind is not None and kind != "mps" else torch.device("cpu")

    # -- create and convert ------------------------------------------------------------------------------------------------------------------
    @property
    def _device(self) -> torch.device:
        return _THREAD.device or self._default

    def traced(self) -> bool:
        return torch.compiler.is_compiling()

    def convert_to_tensor(self, x: Any, dtype: str) -> Any:
        device = self._device
        if isinstance(x, torch.Tensor):
            return x.to(device, KIND[dtype], copy=True)
        if torch.compiler.is_compiling():
            return torch.as_tensor(x, dtype=KIND[dtype], device=device)
        array = np.array(x, dtypes.numpy_dtype(dtype), order="C")
        carrier = CARRIER.get(dtype)
        out = torch.from_numpy(array) if carrier is None else torch.from_numpy(array.view(carrier)).view(KIND[dtype])
        if torch._C._len_torch_dispatch_stack() > 0:
            out = torch.ops.aten.lift_fresh.default(out)
        return out if device.type == "cpu" else out.to(device)

    def convert_to_numpy(self, x: Any) -> Any:
        host = x.detach().cpu()
        if host is x or host.data_ptr() == x.data_ptr():
            host = host.clone()  # variables are written in place, arrays must not change with them
        return _numpy(host)

    def full(self, shape: Any, fill_value: Any, dtype: str) -> Any:
        return torch.full(shape, fill_value, dtype=KIND[dtype], device=self._device)

    def arange(self, start: Any, stop: Any, step: Any, dtype: str) -> Any:
        if dtype == "int32" and type(start) is type(stop) is type(step) is int and builtins.max(abs(start), abs(stop), abs(step)) < 2**31:
            return torch.arange(start, stop, step, dtype=torch.int32, device=self._device)
        bounds = [v.item() if isinstance(v, torch.Tensor) else v for v in (start, stop, step)]
        whole = dtype in dtypes.INTEGER or dtype == "bool"
        kind = KIND[dtype]
        if whole:
            compute = torch.float64 if builtins.any(isinstance(v, float) for v in bounds) else torch.int64
        else:
            compute = torch.float32 if dtype in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2") else kind
        out = torch.arange(*bounds, dtype=compute, device=self._device)
        return out if compute == kind else out.to(kind)

    def cast(self, x: Any, dtype: str) -> Any:
        kind = KIND[dtype]
        if x.is_complex() and not kind.is_complex:
            x = x != 0 if kind == torch.bool else x.real
        return x.to(kind)

    def view(self, x: Any, dtype: str) -> Any:
        return x.view(KIND[dtype])

    def shape(self, x: Any) -> tuple:
        return tuple(x.shape)

    # -- elementwise -------------------------------------------------------------------------------------------------------------------------
    def sign(self, x: Any) -> Any:
        if x.is_floating_point():
            return torch.where(x == x, torch.sign(x), x)
        return torch.sgn(x)

    # -- reductions; an empty tuple of axes means "every axis" to torch ----------------------------------------------------------------------
    def sum(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.sum(x, axis, keepdims, dtype=x.dtype) if axis else x

    def prod(self, x: Any, axis: Any, keepdims: bool) -> Any:
        for a in sorted(axis, reverse=True):
            x = torch.prod(x, a, keepdims, dtype=x.dtype)
        return x

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.amax(x, axis, keepdims) if axis else x

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.amin(x, axis, keepdims) if axis else x

    def any(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.any(x, axis, keepdims) if axis else x

    def all(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.all(x, axis, keepdims) if axis else x

    def argmax(self, x: Any, axis: int) -> Any:
        return torch.argmax(x, axis).to(torch.int32)

    def argmin(self, x: Any, axis: int) -> Any:
        return torch.argmin(x, axis).to(torch.int32)

    def cumsum(self, x: Any, axis: int) -> Any:
        return torch.cumsum(x, axis, dtype=x.dtype)

    def cumprod(self, x: Any, axis: int) -> Any:
        return torch.cumprod(x, axis, dtype=x.dtype)

    # -- shape -------------------------------------------------------------------------------------------------------------------------------
    def reshape(self, x: Any, shape: Any) -> Any:
        if -1 in shape and x.numel() == 0:  # torch cannot infer a size here
            rest = math.prod(d for d in shape if d != -1)
            shape = tuple((0 if rest == 0 else x.numel() // rest) if d == -1 else d for d in shape)
        return torch.reshape(x, shape)

    def concatenate(self, xs: Any, axis: int) -> Any:
        rank = xs[0].ndim
        for x in xs:
            if x.ndim != rank:  # torch would leave empty vectors out
                raise ValueError("tensors of different ranks")
        return torch.cat(xs, axis)

    def pad(self, x: Any, pad_width: Any, constant_values: Any) -> Any:
        return torch.constant_pad_nd(x, flat_pads(pad_width), constant_values)

    def slice(self, x: Any, start: Any, stop: Any, step: Any) -> Any:
        return x[tuple([builtins.slice(a, b, s) for a, b, s in zip(start, stop, step, strict=True)])]

    # -- index and sort ----------------------------------------------------------------------------------------------------------------------
    def take(self, x: Any, indices: Any, axis: int) -> Any:
        if indices.dtype not in _INDEX:
            indices = indices.to(torch.int32)
        if axis == 0 and x.ndim == 2 and x.is_floating_point():
            return torch.embedding(x, indices)  # its gradient is much faster than index_select's
        dims = x.shape
        out = torch.index_select(x, axis, indices.reshape(-1))
        return out if indices.ndim == 1 else out.reshape((*dims[:axis], *indices.shape, *dims[axis + 1 :]))

    def take_along_axis(self, x: Any, indices: Any, axis: int) -> Any:
        rest = torch.broadcast_shapes(x.shape[:axis] + x.shape[axis + 1 :], indices.shape[:axis] + indices.shape[axis + 1 :])
        x, indices = (v.expand((*rest[:axis], v.shape[axis], *rest[axis:])) for v in (x, indices))
        return torch.gather(x, axis, indices.to(torch.int64))

    def scatter(self, x: Any, indices: Any, updates: Any, mode: str) -> Any:
        depth = indices.shape[-1]
        indices = indices.to(torch.int64)
        if mode in ("set", "add"):
            return torch.index_put(x, indices.unbind(-1), updates, accumulate=mode == "add")
        lead, rest = x.shape[:depth], x.shape[depth:]
        flat, stride = 0, 1
        for i in range(depth - 1, -1, -1):
            part = indices[..., i]
            flat, stride = flat + torch.where(part < 0, part + lead[i], part) * stride, stride * lead[i]
        rows = updates.reshape((-1, math.prod(rest)))
        where = torch.as_tensor(flat).reshape(-1, 1).expand(rows.shape)
        how = {"max": "amax", "min": "amin", "multiply": "prod"}[mode]
        return torch.scatter_reduce(x.reshape((stride, rows.shape[1])), 0, where, rows, how).reshape(x.shape)

    def slice_update(self, x: Any, start: Any, updates: Any) -> Any:
        room = [d - n for d, n in zip(x.shape, updates.shape, strict=True)]
        if builtins.all(isinstance(s, int) for s in start):
            first = [builtins.min(builtins.max(s, 0), r) for s, r in zip(start, room, strict=True)]
            axes = [a for a, r in enumerate(room) if r]
            if len(axes) == 1:
                (a,) = axes
                return torch.slice_scatter(x, updates, a, first[a], first[a] + updates.shape[a])
            out = x.clone()
            out[tuple(builtins.slice(b, b + n) for b, n in zip(first, updates.shape, strict=True))] = updates
            return out
        index, last = [], x.ndim - 1
        for i, (s, r, n) in enumerate(zip(start, room, updates.shape, strict=True)):
            begin = torch.as_tensor(s, dtype=torch.int64, device=x.device).clamp(0, r)
            index.append((begin + torch.arange(n, device=x.device)).reshape((-1,) + (1,) * (last - i)))
        return torch.index_put(x, tuple(index), updates) if index else updates

    def sort(self, x: Any, axis: int) -> Any:
        return torch.sort(x, dim=axis).values

    def argsort(self, x: Any, axis: int) -> Any:
        return torch.sort(x, dim=axis, stable=True).indices.to(torch.int32)

    def top_k(self, x: Any, k: int) -> Any:
        if x.is_floating_point():
            values, indices = torch.topk(x, k)
        else:  # ties are common among integers: first come first
            values, indices = (v[..., :k] for v in torch.sort(x, dim=-1, descending=True, stable=True))
        return values, indices.to(torch.int32)

    def searchsorted(self, sorted_sequence: Any, values: Any, side: str) -> Any:
        return torch.searchsorted(sorted_sequence, values.contiguous(), side=side, out_int32=True)

    # -- linear algebra ----------------------------------------------------------------------------------------------------------------------
    cholesky = staticmethod(torch.linalg.cholesky)

    def qr(self, x: Any, mode: str) -> Any:
        return tuple(torch.linalg.qr(x, mode))

    def svd(self, x: Any, full_matrices: bool) -> Any:
        return tuple(torch.linalg.svd(x, full_matrices))

    def eigh(self, x: Any) -> Any:
        return tuple(torch.linalg.eigh(x))

    def eig(self, x: Any) -> Any:
        return tuple(torch.linalg.eig(x))

    def lu_factor(self, x: Any) -> Any:
        lu, pivots, _ = torch.linalg.lu_factor_ex(x)  # singular matrices have factors too
        return lu, pivots - 1

    def solve_triangular(self, a: Any, b: Any, lower: bool) -> Any:
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    # -- complex numbers ---------------------------------------------------------------------------------------------------------------------
    real = staticmethod(torch.real)

    def imag(self, x: Any) -> Any:
        return torch.imag(x) if x.is_complex() else torch.zeros_like(x)

    def view_as_complex(self, real: Any, imag: Any) -> Any:
        return torch.complex(real, imag)

    def rfft(self, x: Any) -> Any:
        return torch.fft.rfft(x)

    def irfft(self, x: Any, length: int) -> Any:
        return torch.fft.irfft(x, length)

    def nonzero(self, x: Any) -> Any:
        return tuple(i.to(torch.int32) for i in torch.nonzero(x, as_tuple=True)) if x.ndim else ()

    # -- control -----------------------------------------------------------------------------------------------------------------------------
    def cond(self, pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
        if isinstance(pred, torch.Tensor) and tracing():
            return map_structure(lambda a, b: None if a is None else torch.where(pred, a, b), true_fn(), false_fn())
        return true_fn() if bool(pred) else false_fn()

    def while_loop(self, cond: Callable, body: Callable, loop_vars: tuple, maximum_iterations: Any) -> Any:
        steps = 0
        while (maximum_iterations is None or steps < maximum_iterations) and bool(cond(*loop_vars)):
            loop_vars = tuple(body(*loop_vars))
            steps += 1
        return loop_vars

    def scan(self, f: Callable, init: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
        rows = [None if x is None else x.unbind(0) for x in flatten(xs)]
        n = int(length) if length is not None else next(len(r) for r in rows if r is not None)
        carry, ys = init, []
        for i in range(n - 1, -1, -1) if reverse else range(n):
            carry, y = f(carry, pack(xs, [None if r is None else r[i] for r in rows]))
            ys.append(y)
        if reverse:
            ys.reverse()
        return carry, map_structure(lambda *ts: None if ts[0] is None else torch.stack(ts), *ys) if ys else None

    # -- gradients ---------------------------------------------------------------------------------------------------------------------------
    def value_and_grad(self, fn: Callable, values: Sequence[Any]) -> Any:
        inner = _THREAD.depth > 0
        _THREAD.depth += 1
        try:
            with torch.enable_grad():
                xs = [v if v.requires_grad or not _differentiable(v) else v.detach().requires_grad_() for v in values]
                loss, aux = fn(xs)
                at = [i for i, x in enumerate(xs) if x.requires_grad]
                grads: list[Any] = [None] * len(xs)
                if at and isinstance(loss, torch.Tensor) and loss.requires_grad:
                    found = torch.autograd.grad(loss, [xs[i] for i in at], create_graph=inner, allow_unused=True)
                    for i, g in zip(at, found, strict=True):
                        grads[i] = g
        finally:
            _THREAD.depth -= 1
        return ((loss, aux) if inner else (_detached(loss), _detached(aux))), grads

    def custom_gradient(self, f: Callable) -> Callable:
        class Function(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, holder: list, *args: Any) -> Any:
                out, ctx.grad_fn = f(*args)
                ctx.set_materialize_grads(True)
                holder.append(out)
                return tuple(flatten(out))

            @staticmethod
            def backward(ctx: Any, *upstream: Any) -> Any:
                grads = ctx.grad_fn(*upstream)
                grads = tuple(grads) if isinstance(grads, (list, tuple)) else (grads,)
                return (None, *grads, *[None] * (len(ctx.needs_input_grad) - 1 - len(grads)))

        def call(*args: Any) -> Any:
            holder: list[Any] = []
            outs = iter(Function.apply(holder, *args))
            return map_structure(lambda _: next(outs), holder[0])

        return call

    def vectorized_map(self, function: Callable, elements: Any) -> Any:
        return torch.vmap(function, randomness="different")(elements)

    def jvp(self, fn: Callable, primals: Any, tangents: Any) -> Any:
        return torch.func.jvp(fn, tuple(primals), tuple(tangents))

    def random_bits(self, shape: Any, key: Any) -> Any:
        if tracing():  # compiled code draws from torch's own counter
            return torch.randint(-(2**31), 2**31, shape, dtype=torch.int32, device=self._device)
        high, low = (int(k) & 0xFFFFFFFF for k in key)
        generator = torch.Generator(self._device).manual_seed(high << 32 | low)
        return torch.randint(-(2**31), 2**31, shape, dtype=torch.int32, device=self._device, generator=generator)

    # -- runtime -----------------------------------------------------------------------------------------------------------------------------
    def owns(self, kind: type) -> bool:
        return issubclass(kind, torch.Tensor)

    def dtype(self, x: Any) -> str:
        return NAME[x.dtype]

    def is_dense(self, x: Any) -> bool:
        return x.layout is torch.strided

    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        return tuple(d if isinstance(d, int) else None for d in x.shape)

    def is_concrete(self, x: Any) -> bool:
        return not tracing() and not torch._C._functorch.is_functorch_wrapped_tensor(x)

    def variable(self, value: Any, trainable: bool, name: str) -> Any:
        if isinstance(value, torch.Tensor):
            value = value.detach().clone()
        elif value.size > _LARGE and dtypes.name_of(value.dtype) not in CARRIER and self._device.type == "cpu" and not tracing():
            value = torch.from_numpy(value)  # nobody else has it
        else:
            value = self.convert_to_tensor(value, dtypes.name_of(value.dtype))
        return torch.nn.Parameter(value) if trainable and _differentiable(value) else value

    def assign(self, storage: Any, value: Any) -> Any:
        if value is storage:
            return storage
        if value._base is not None and value.untyped_storage().data_ptr() == storage.untyped_storage().data_ptr():
            value = value.clone()  # such as the variable's own transpose
        if not torch.is_grad_enabled():
            storage.copy_(value)
            return storage
        with torch.no_grad():
            storage.copy_(value)
        return storage

    def devices(self) -> list[str]:
        kind = _accelerator()
        found = [] if kind is None else [f"{kind}:{i}" for i in range(torch.accelerator.device_count())]
        return ["cpu:0", *found] if self._default.type == "cpu" else [*found, "cpu:0"]

    @contextlib.contextmanager
    def device_scope(self, device: str) -> Iterator[None]:
        outer, _THREAD.device = _THREAD.device, self._resolve(device)
        try:
            yield
        finally:
            _THREAD.device = outer

    def rematerialize(self, fn: Callable) -> Callable:
        """Return `fn` under torch's activation checkpointing."""
        from torch.utils.checkpoint import checkpoint

        return lambda *tensors: checkpoint(fn, *tensors, use_reentrant=False)

    def put(self, x: Any, device: str | None) -> Any:
        return x.to(self._device if device is None else self._resolve(device), non_blocking=True)

    def _resolve(self, device: str) -> torch.device:
        kind, _, index = str(device).lower().partition(":")
        full = f"{'cuda' if kind == 'gpu' else kind}:{index or 0}"
        if full not in self.devices():
            raise ValueError(f'torch has no device "{device}". Devices: {", ".join(self.devices())}.')
        return torch.device("cpu") if full == "cpu:0" else torch.device(full)

    def executor(self) -> Any:
        return self._executor

    @functools.cached_property
    def _executor(self) -> Executor:
        return Executor(self)

    def interop(self, layer: Any) -> Any:
        from pronghorn_torch.interop import Module

        return Module(layer)

    def memory_cleanup(self) -> None:
        if _accelerator() == "cuda":
            torch.cuda.empty_cache()


# -- helpers -----------------------------------------------------------------------------------------------------------------------------------
_INDEX = frozenset({torch.int32, torch.int64})


def _numpy(x: torch.Tensor) -> np.ndarray:
    """A host tensor as an array on the same memory."""
    name = NAME[x.dtype]
    carrier = CARRIER.get(name)
    if carrier is not None:
        return x.view(torch.int16 if carrier is np.int16 else torch.uint8).numpy().view(dtypes.numpy_dtype(name))
    return x.resolve_conj().resolve_neg().numpy()


def _differentiable(x: Any) -> bool:
    return x.is_floating_point() or x.is_complex()


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, dict):
        return {k: _detached(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_detached(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
