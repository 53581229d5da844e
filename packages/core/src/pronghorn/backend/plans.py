"""From the operands of a call to what runs it: which implementation, after which casts. Built once for operands of a kind; `op.py` keeps the answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend.convert import host_array, host_dtype, is_scalar, require_dense, scalar_for
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.owners import owner, symbolic_backend

if TYPE_CHECKING:
    from pronghorn.backend.op import Op


def _explicit_dtype(b: Any, v: Any) -> str | None:
    """The dtype name that takes part in promotion (weak for Python scalars); None for an absent operand."""
    if v is None:
        return None
    if is_scalar(v):
        return dtypes.WEAK[type(v)]
    own = owner(type(v))
    if own is not None:
        return own.dtype(require_dense(own, v))
    if isinstance(v, (np.ndarray, np.generic)):
        if b.host_tensors:
            return dtypes.name_of(v.dtype)
        return b.canonical(host_dtype(v, weak=False))
    return dtypes.name_of(host_array(v, b).dtype)


def _converter(op: "Op", b: Any, v: Any, name: str | None, target: str | None, scalar_ok: bool) -> tuple[Callable | None, bool]:
    """How operand `v`, of dtype `name`, becomes a native tensor of dtype `target`, and whether that holds for every value of its type and dtype."""
    if v is None or target is None:
        return None, True
    own = owner(type(v))
    if own is b or (own is None and b.host_tensors and isinstance(v, (np.ndarray, np.generic)) and v.dtype.isnative):
        return (None if name == target else lambda x: b.cast(x, target)), True
    if is_scalar(v):
        check = scalar_for(target, op.name)
        if scalar_ok and op.name in b.scalar_operands and target not in ("uint32", "uint64"):  # engines read Python ints as signed
            return (None if check is type(v) else check), True
        return (lambda x: b.convert_to_tensor(host_array(check(x), b, target), target)), True
    if own is not None:  # a native tensor in a symbolic call: a constant
        return (lambda x: b.constant(x, target)), True
    return (lambda x: b.convert_to_tensor(host_array(x, b, target), target)), False


def make_plan(op: "Op", b: Any, values: list[Any]) -> tuple[Callable, bool]:
    """Build the callable that runs `op` on operands like `values` on backend `b`; also say whether it may be cached."""
    for i, v in enumerate(values):
        if v is None and i not in op.optional:
            name = f"{op.operands[-1]}[{i}]" if op.listed or op.variadic else op.operands[i]
            raise TypeError(f"{name} is None; expected a tensor.")
    symbolic = b is symbolic_backend() is not None
    names = [_explicit_dtype(b, v) for v in values]
    present = [n for n in names if n is not None]
    targets: list[str | None]
    if op.compute is not None and present:
        results = iter(op.compute(op.name, *present))
        targets = [None if n is None else b.canonical(next(results)) for n in names]
    else:  # a derived op without a dtype rule: scalars stay as they are next to a tensor
        any_tensor = any(n is not None and not n.endswith("*") and not is_scalar(v) for n, v in zip(names, values, strict=True))
        targets = [None if n is None or (is_scalar(v) and any_tensor) else b.canonical(dtypes.strong(n)) for n, v in zip(names, values, strict=True)]
    tensor_at: dict[str | None, int] = {}
    for v, t in zip(values, targets, strict=True):
        if v is not None and not is_scalar(v):
            tensor_at[t] = tensor_at.get(t, 0) + 1
    pairs = [_converter(op, b, v, n, t, t in tensor_at) for v, n, t in zip(values, names, targets, strict=True)]
    # numbers alone go to whichever engine is active at each call
    cacheable = all(ok for _, ok in pairs) and not b.host_tensors and any(owner(type(v)) is not None for v in values)
    if not op.listed and not op.variadic and any(isinstance(v, (list, tuple)) for v in values):
        cacheable = False
    impl = _implementation(op, b, symbolic)
    if not symbolic and (op.rule is not None or hasattr(b, op.override)):
        stays = op.name in b.scalar_operands
        impl = b.specialize(op.override, impl, targets, [stays and is_scalar(v) and t in tensor_at for v, t in zip(values, targets, strict=True)])
    if not symbolic:
        impl = b.dense_only(op.override if op.rule is not None or hasattr(b, op.override) else None, impl, _tensors(op, values, targets))
    converters = [c for c, _ in pairs]
    if any(converters):
        return _converting(op, impl, converters), cacheable
    return impl, cacheable


def _tensors(op: "Op", values: list[Any], targets: list[str | None]) -> tuple[int, ...]:
    """Positions of the arguments that are tensors; none for lists, whose tensors a plan looks at itself."""
    if op.listed:
        return ()
    first = len(op.operands) - 1 if op.variadic else 0
    return tuple([i for i, (v, t) in enumerate(zip(values, targets, strict=True), first) if t is not None and not is_scalar(v)])


def _converting(op: "Op", impl: Callable, converters: list[Callable | None]) -> Callable:
    if op.listed:

        def run_list(xs: Any, *args: Any, **kwargs: Any) -> Any:
            return impl([x if c is None else c(x) for c, x in zip(converters, xs, strict=True)], *args, **kwargs)

        return run_list
    first = len(op.operands) - 1 if op.variadic else 0
    if first == 0 and len(converters) == 2 and not op.variadic:
        c0, c1 = converters
        if len(op.parameters) == 2:
            if c0 is None:
                return lambda x, y: impl(x, c1(y))  # type: ignore[misc]
            if c1 is None:
                return lambda x, y: impl(c0(x), y)

        def run_two(x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
            return impl(x if c0 is None else c0(x), y if c1 is None else c1(y), *args, **kwargs)

        return run_two

    def run(*args: Any, **kwargs: Any) -> Any:
        new = list(args)
        for i, c in enumerate(converters, first):
            if c is not None:
                new[i] = c(new[i])
        return impl(*new, **kwargs)

    return run


def _implementation(op: "Op", b: Any, symbolic: bool) -> Callable:
    if symbolic:
        return b.runner(op)
    impl = getattr(b, op.override, None)
    if op.rule is not None:
        if impl is None:
            able = ", ".join(i.name for i in registry.list_backends() if op.capability in i.capabilities)
            raise CapabilityError(f'{b.name} does not implement {op.name} (capability "{op.capability}"). Backends that do: {able}.')
        return impl
    if impl is not None:
        return impl
    body, active, use = op.body, registry.active, registry.use_backend

    def run_body(*args: Any, **kwargs: Any) -> Any:
        if active() is b:
            return body(*args, **kwargs)
        with use(b.name):
            return body(*args, **kwargs)

    return run_body
