"""Names of dtypes, and kernels for operands that torch's own functions do not take: odd dtypes and Python numbers."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch

from pronghorn.backend import dtypes
from pronghorn.backend.convert import not_dense
from pronghorn.backend.forwarding import named, parameters, plain
from pronghorn.backend.op import OPS, PRIMITIVES
from pronghorn_torch.overrides import defined, tracing

KIND: dict[str, torch.dtype] = {n: getattr(torch, n) for n in dtypes.ALL if n != "uint64"}
NAME = {kind: name for name, kind in KIND.items()}
CARRIER = {"bfloat16": np.int16, "float8_e4m3fn": np.uint8, "float8_e5m2": np.uint8}  # what NumPy and torch exchange bits of

_ANY_DTYPE = frozenset("cast view reshape transpose broadcast_to concatenate slice where stop_gradient pad equal nonzero".split())
_NO_BOOL = frozenset(
    "abs sign round trunc argmax argmin top_k searchsorted matmul max_pool bitwise_left_shift bitwise_right_shift scatter sort argsort "
    "cumsum cumprod".split()
)
_NO_HALF = frozenset("cholesky qr svd eigh eig lu_factor solve_triangular rfft irfft view_as_complex".split())
_FLOATS_ONLY = frozenset({"sum_op", "matmul_op"})
_WIDER = {
    "uint16": torch.int64, "uint32": torch.int64, "bool": torch.int64,
    "float8_e4m3fn": torch.float32, "float8_e5m2": torch.float32, "float16": torch.float32, "bfloat16": torch.float32,
}  # fmt: skip


def _lacks(name: str, dtype: str | None, scalars: bool) -> bool:
    if dtype in ("float16", "bfloat16"):
        return name in _NO_HALF
    if dtype == "bool":
        return name in _NO_BOOL or (scalars and name in ("maximum", "minimum"))
    return dtype in _WIDER and name not in _ANY_DTYPE


def _widened(impl: Callable, narrow: torch.dtype) -> Callable:
    """Run `impl` in a wider dtype; what comes out in that dtype goes back. Index results are int32, which is nobody's wider dtype."""
    wide = _WIDER[NAME[narrow]]

    def up(x: Any) -> Any:
        if isinstance(x, list):
            return [up(v) for v in x]
        return x.to(wide) if isinstance(x, torch.Tensor) and x.dtype == narrow else x

    def down(x: Any) -> Any:
        return x.to(narrow) if isinstance(x, torch.Tensor) and x.dtype == wide else x

    def call(*args: Any) -> Any:
        out = impl(*[up(a) for a in args])
        return tuple(down(o) for o in out) if isinstance(out, tuple) else down(out)

    return call


def _matmul(x1: Any, x2: Any) -> Any:
    """Integer product; CUDA has none, so it goes through float64, exact up to 2**53."""
    if x1.device.type == "cpu":
        return torch.matmul(x1, x2)
    return torch.matmul(x1.to(torch.float64), x2.to(torch.float64)).to(x1.dtype)


# -- Python numbers ----------------------------------------------------------------------------------------------------------------------------
def _select(condition: Any, x1: Any, x2: Any) -> Any:
    if type(condition) is bool:
        like = x1 if isinstance(x1, torch.Tensor) else x2
        condition = torch.full((), condition, dtype=torch.bool, device=like.device)
    return torch.where(condition, x1, x2)


def _swapped(fn: Callable) -> Callable:
    return lambda x1, x2: fn(x2, x1)


#: what takes over where the first operand is a number, and where the second is
_NUMBER_FIRST: dict[str, Callable] = {
    "maximum": _swapped(torch.clamp_min), "minimum": _swapped(torch.clamp_max), "where": _select, "equal": _swapped(torch.eq),
    "not_equal": _swapped(torch.ne), "less": _swapped(torch.gt), "less_equal": _swapped(torch.ge), "greater": _swapped(torch.lt),
    "greater_equal": _swapped(torch.le),
}  # fmt: skip
_NUMBER_SECOND: dict[str, Callable] = {"maximum": torch.clamp_min, "minimum": torch.clamp_max}


def specialize(name: str, impl: Callable, operands: Sequence[str | None], scalars: Sequence[bool]) -> Callable:
    """Return what runs a primitive or override on operands of these dtypes."""
    if any(scalars):
        impl = (_NUMBER_FIRST if scalars[0] else _NUMBER_SECOND).get(name, impl)
    if name == "where_op" and operands[0] == "bool" and operands[1] == operands[2] is not None and not any(scalars):
        return torch.where
    if name not in PRIMITIVES:
        odd = any(k in _WIDER and k not in ("float16", "bfloat16", "bool") for k in operands)
        odd = odd or name in _FLOATS_ONLY and not dtypes.INEXACT.issuperset(operands) or name == "concatenate_op" and len(set(operands)) > 1
        return functools.partial(defined, name.removesuffix("_op")) if odd else impl
    if name == "matmul" and operands[0] not in dtypes.INEXACT:
        impl = _matmul
    for kind in operands:
        if _lacks(name, kind, any(scalars)):
            return _widened(impl, KIND[kind])  # type: ignore[index]
    return impl


# -- sparse tensors ----------------------------------------------------------------------------------------------------------------------------
#: what PyTorch also runs on its sparse tensors; looking at the layout costs 0.1 µs, so that nothing else does
_TAKES_SPARSE = frozenset(
    "abs add arcsin arcsinh arctan arctanh cast categorical_crossentropy ceil erf erfinv expand_dims expm1 floor imag isinf isnan layer_normalization "
    "linear log1p matmul matmul_op multiply negative ones_like real relu rms_normalization round sign sin sinh sqrt square stop_gradient subtract sum sum_op "
    "tan tanh transpose transpose_op trunc unstack zeros_like".split()
)


_STRIDED = torch.strided


def _guard_1(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x):  # type: ignore[no-untyped-def]
        if x.layout is _STRIDED:
            return impl(x)
        _refuse(tensors, x)

    return call


def _guard_1_of_2(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x, y):  # type: ignore[no-untyped-def]
        if x.layout is _STRIDED:
            return impl(x, y)
        _refuse(tensors, x, y)

    return call


def _guard_2_of_2(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x, y):  # type: ignore[no-untyped-def]
        if y.layout is _STRIDED:
            return impl(x, y)
        _refuse(tensors, x, y)

    return call


def _guard_2(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x, y):  # type: ignore[no-untyped-def]
        if x.layout is _STRIDED and y.layout is _STRIDED:
            return impl(x, y)
        _refuse(tensors, x, y)

    return call


def _guard_1_of_3(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x, y, z):  # type: ignore[no-untyped-def]
        if x.layout is _STRIDED:
            return impl(x, y, z)
        _refuse(tensors, x, y, z)

    return call


def _guard_3(impl: Callable, tensors: Sequence[int]) -> Callable:
    def call(x, y, z):  # type: ignore[no-untyped-def]
        if x.layout is _STRIDED and y.layout is _STRIDED and z.layout is _STRIDED:
            return impl(x, y, z)
        _refuse(tensors, x, y, z)

    return call


#: by the number of parameters and which of them are tensors: written out, since `*args` costs 0.2 µs a call and code made at run time 0.3 ms to compile
_GUARDS = {
    (1, (0,)): _guard_1, (2, (0,)): _guard_1_of_2, (2, (1,)): _guard_2_of_2, (2, (0, 1)): _guard_2, (3, (0,)): _guard_1_of_3, (3, (0, 1, 2)): _guard_3,
}  # fmt: skip


def dense_only(name: str | None, impl: Callable, tensors: Sequence[int]) -> Callable:
    """Return `impl`, behind a look at its tensors where it would take sparse ones; ops that run as defined are among these."""
    if not tensors or name is not None and name not in _TAKES_SPARSE:
        return impl
    entry = None if name is None or tracing() else PRIMITIVES.get(name) or OPS.get(name.removesuffix("_op"))
    if entry is not None and plain(entry.body):
        guard = _GUARDS.get((len(parameters(entry.body)), tensors))
        if guard is not None:
            return named(guard(impl, tensors), entry.body)

    def several(*args: Any, **settings: Any) -> Any:
        for i in tensors:
            if args[i].layout is not _STRIDED:
                _refuse(tensors, *args)
        return impl(*args, **settings)

    return several


def _refuse(tensors: Sequence[int], *args: Any) -> NoReturn:
    raise not_dense(next(args[i] for i in tensors if args[i].layout is not torch.strided))
