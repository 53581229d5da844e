"""One function is one op: `@primitive` declares what an engine implements, `@op` defines everything else in terms of other ops.

Dispatch of a call: a symbolic operand leads to the symbolic backend, a native tensor to its engine, host values alone to the active backend. The
answer (which implementation, which casts) is a *plan*, cached under the operands' types and dtypes, so a repeated call costs one dictionary look-up.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from pronghorn.backend import dtypes, failures, registry
from pronghorn.backend.convert import host_array, host_dtype, is_scalar, not_dense, require_dense, scalar_for
from pronghorn.backend.dims import show
from pronghorn.backend.errors import CapabilityError
from pronghorn.backend.owners import UNWRAP, owner, pick, symbolic_backend, unwrap

OPS: dict[str, "Op"] = {}
PRIMITIVES: dict[str, "Op"] = {}
NONE: dict[Any, Any] = {}  # never written to
_PLAIN = frozenset((int, float))  # torch's compiler cannot look for attributes of a symbolic number


class Op:
    """What is known of one op; the public function carries it as `function.op`."""

    __slots__ = (
        "name", "body", "signature", "operands", "defaults", "variadic", "listed", "compute", "rule", "capability", "plans", "quick", "hosted", "public",
        "required", "doc", "override", "pair",
    )  # fmt: skip

    def __init__(self, name: str, body: Callable, operands: tuple[str, ...], compute: Callable | None, rule: Callable | None, capability: str | None):
        self.name, self.body, self.compute, self.rule, self.capability = name, body, compute, rule, capability
        self.signature = inspect.signature(body)
        self.variadic = operands[-1].startswith("*") if operands else False
        self.listed = bool(operands) and operands[0][0] in "[("
        self.pair = self.listed and operands[0][0] == "("  # real and imaginary part: one tensor is not taken for a list of its rows
        self.operands = tuple(o.strip("*[]()") for o in operands)
        self.defaults = tuple(self.signature.parameters[o].default for o in self.operands)
        self.required = rule is not None and capability is None
        #: the attribute with which an engine replaces the body; a derived op that shares its name with a primitive needs another one
        self.override = name + "_op" if rule is None and name in PRIMITIVES else name
        # two steps, types and then dtypes, so that a table never holds dtypes of two engines: torch's compiler reads whole tables and cannot hash foreign ones
        self.plans: dict[Any, dict[Any, Callable]] = {}
        # type of all operands (and their count) -> dtype of all operands -> plan; for engines with dtype objects of their own
        self.quick: dict[Any, dict[Any, Callable]] = {}
        # name of the backend -> types -> dtypes -> plan, for operands on the host, which are the active backend's
        self.hosted: dict[str, dict[Any, dict[Any, Callable]]] = {}
        self.public: Callable
        self.doc = body.__doc__ or ""

    def forget(self) -> None:
        """Drop every plan, for whoever replaces an engine's function or the body."""
        for table in (self.hosted, self.plans, self.quick):
            table.clear()


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
    return host_array(v, b).dtype.name


def _converter(op: Op, b: Any, v: Any, target: str | None, scalar_ok: bool) -> tuple[Callable | None, bool]:
    """How operand `v` becomes a native tensor of dtype `target`, and whether that holds for every value of its type and dtype."""
    if v is None or target is None:
        return None, True
    own = owner(type(v))
    if own is b or (own is None and b.host_tensors and isinstance(v, (np.ndarray, np.generic)) and v.dtype.isnative):
        return (None if _explicit_dtype(b, v) == target else lambda x: b.cast(x, target)), True
    if is_scalar(v):
        check = scalar_for(target, op.name)
        if scalar_ok and op.name in b.scalar_operands and target not in ("uint32", "uint64"):  # engines read Python ints as signed
            return (None if check is type(v) else check), True
        return (lambda x: b.convert_to_tensor(host_array(check(x), b, target), target)), True
    if own is not None:  # a native tensor in a symbolic call: a constant
        return (lambda x: b.constant(x, target)), True
    return (lambda x: b.convert_to_tensor(host_array(x, b, target), target)), False


def _flatten(op: Op, args: tuple) -> list[Any]:
    if op.listed:
        return [*args[0]]
    n = len(op.operands)
    if op.variadic:
        return [*args[n - 1 :]]
    flat: list[Any] = []
    for a in args[:n]:
        flat.append(a)
    return flat


def make_plan(op: Op, b: Any, values: list[Any]) -> tuple[Callable, bool]:
    """Build the callable that runs `op` on operands like `values` on backend `b`; also say whether it may be cached."""
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
    pairs = [_converter(op, b, v, t, t in tensor_at) for v, t in zip(values, targets, strict=True)]
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


def _tensors(op: Op, values: list[Any], targets: list[str | None]) -> tuple[int, ...]:
    """Positions of the arguments that are tensors; none for lists, whose tensors a plan looks at itself."""
    if op.listed:
        return ()
    first = len(op.operands) - 1 if op.variadic else 0
    return tuple([i for i, (v, t) in enumerate(zip(values, targets, strict=True), first) if t is not None and not is_scalar(v)])


def _converting(op: Op, impl: Callable, converters: list[Callable | None]) -> Callable:
    if op.listed:

        def run_list(xs: Any, *args: Any, **kwargs: Any) -> Any:
            return impl([x if c is None else c(x) for c, x in zip(converters, xs, strict=True)], *args, **kwargs)

        return run_list
    first = len(op.operands) - 1 if op.variadic else 0
    if first == 0 and len(converters) == 2 and not op.variadic:
        c0, c1 = converters
        if len(op.signature.parameters) == 2:
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


def _implementation(op: Op, b: Any, symbolic: bool) -> Callable:
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


def defined(backend: str, name: str, *args: Any, **kwargs: Any) -> Any:
    """Run the definition of the derived op `name` while `backend` is active, for overrides that do not cover every case."""
    body = OPS[name].body
    if registry.active().name == backend:
        return body(*args, **kwargs)
    with registry.use_backend(backend):
        return body(*args, **kwargs)


def _complete(op: Op, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Move operands given by name, and the defaults of those not given, among the positional arguments."""
    new, rest = list(args), dict(kwargs)
    for i in range(len(args), len(op.operands)):
        name, default = op.operands[i], op.defaults[i]
        if name not in rest and default is inspect.Parameter.empty:
            op.signature.bind(*args, **kwargs)  # says what is missing
        new.append(rest.pop(name, default))
    return tuple(new), rest


def place(b: Any, entries: list[tuple[dict, Any]], plan: Callable, other: Callable, value: Callable = lambda plan: plan) -> None:
    """Let `entries` of tables lead from operands on the host to `plan` of backend `b`, whose they are only while it is active.

    While no other backend can be active, the entries are the plan itself; else they look which one is, and turn to `other` where it is not `b`.
    """

    def shorten() -> None:
        for table, key in entries:
            registry.shorten(b, table, key, value(plan))

    def run(*args: Any, **kwargs: Any) -> Any:
        if active() is not b:
            return other(*args, **kwargs)
        if not scopes:
            shorten()
        return plan(*args, **kwargs)

    scopes, active = registry._open, registry.active
    if not scopes:
        return shorten()
    for table, key in entries:
        table[key] = value(run)


def _hosted(op: Op, b: Any, plan: Callable, key: Any) -> Callable:
    """Place a plan for operands on the host in the op's tables, and return it."""
    types, kinds = key
    entries = [(op.plans.setdefault(types, {}), kinds)]
    if type(types) is tuple and set(types) == {np.ndarray}:
        table = op.quick.setdefault((np.ndarray, len(types)) if op.listed or op.variadic else np.ndarray, {})
        if len(types) == 3 and not op.listed and not op.variadic:
            entries.append((table, kinds))
        elif len(set(kinds)) == 1 and (op.listed or op.variadic or len(types) == 2):
            entries.append((table, kinds[0]))
    place(b, entries, plan, lambda *args, **kwargs: _slow(op, args, kwargs, key))
    return plan


def _slow(op: Op, args: tuple, kwargs: dict, key: Any) -> Any:
    if op.hosted and key is not None:
        b = registry.active()
        plan = op.hosted.get(b.name, NONE).get(key[0], NONE).get(key[1])
        if plan is not None:
            return _run(op, _hosted(op, b, plan, key), args, kwargs)
    n = len(op.operands)
    if not op.variadic and len(args) < n:
        args, kwargs = _complete(op, args, kwargs)
        return op.public(*args, **kwargs)
    if op.listed:
        xs = args[0]
        if op.pair and hasattr(xs, "shape"):
            raise ValueError(f"{op.name}: expected a pair of tensors, real and imaginary part; received one of shape {show(xs.shape)}.")
        if isinstance(xs, np.ndarray) or (owner(type(xs)) is not None) or type(xs) in UNWRAP:
            xs = list(unwrap(xs))
        if not isinstance(xs, (list, tuple)):
            raise TypeError(f"{op.name}: expected a list of tensors; received {type(xs).__name__}.")
        if not xs:
            raise ValueError(f"{op.name}: expected at least one tensor; received an empty list.")
        if xs is not args[0] or any(type(x) in UNWRAP for x in xs):  # what is cached is for the tensors themselves
            return op.public([unwrap(x) for x in xs], *args[1:], **kwargs)
    elif any(type(a) in UNWRAP for a in (args if op.variadic else args[:n])):
        last = len(args) if op.variadic else n
        return op.public(*[unwrap(a) if i < last else a for i, a in enumerate(args)], **kwargs)
    values = _flatten(op, args)
    b = pick(op.name, values)
    try:
        plan, cacheable = make_plan(op, b, values)
    except Exception as error:
        raise failures.named(op, error, args, symbolic_backend())  # noqa: B904 - the same error
    if b.traced():
        key = None
    if cacheable and key is not None:
        op.plans.setdefault(key[0], {})[key[1]] = plan
        first = values[0]
        many = op.listed or op.variadic
        if b.own_dtypes and (many or len(values) == 2) and all(b.owns(type(v)) and v.dtype is first.dtype for v in values):
            op.quick.setdefault((type(first), len(values)) if many else type(first), {})[first.dtype] = plan
        elif b.own_dtypes and len(values) == 3 and all(type(v) is type(first) for v in values):
            op.quick.setdefault(type(first), {})[key[1]] = plan
    elif key is not None and b.host_tensors and all(type(v) is np.ndarray or is_scalar(v) or v is None for v in values):
        op.hosted.setdefault(b.name, {}).setdefault(key[0], {})[key[1]] = plan
    return _run(op, plan, args, kwargs)


def _run(op: Op, plan: Callable, args: tuple, kwargs: dict) -> Any:
    """Run a plan; a failure that the op's definition explains is raised in the definition's words."""
    try:
        return plan(*args, **kwargs)
    except Exception as error:
        _reraise(op, error, args, kwargs)


def _reraise(op: Op, error: Exception, args: tuple, kwargs: dict) -> NoReturn:
    for v in args[0] if op.listed and isinstance(args[0], (list, tuple)) else args:  # plans do not tell sparse tensors from others
        if (own := owner(type(v))) is not None and not own.is_dense(v):
            raise failures.named(op, not_dense(v), args, None) from error
    ours = failures.explain(op, error, args, kwargs, symbolic_backend())
    if ours is error:
        raise error
    raise ours from error


def _wrap(op: Op) -> Callable:
    """Make the public function: look the plan up by the operands' types and dtypes, else resolve it."""
    plans = op.plans
    n = len(op.operands)
    call: Callable
    if op.listed or op.variadic:
        listed, first, quick = op.listed, n - 1, op.quick

        def call(*args: Any, **kwargs: Any) -> Any:
            plan: Any
            values = (args[0] if args else ()) if listed else args[first:]
            if not isinstance(values, (list, tuple)):
                return _slow(op, args, kwargs, None)
            try:
                t, kind = type(values[0]), values[0].dtype
                plan = quick[t, len(values)][kind]
                for x in values:
                    if type(x) is not t or x.dtype is not kind:
                        plan = None
                        break
            except (IndexError, KeyError, AttributeError):
                plan = None
            if plan is None:
                types, kinds = tuple(map(type, values)), tuple([getattr(v, "dtype", None) for v in values])
                plan = plans.get(types, NONE).get(kinds)
                if plan is None:
                    return _slow(op, args, kwargs, (types, kinds))
            try:
                return plan(*args, **kwargs)
            except Exception as error:
                _reraise(op, error, args, kwargs)

    elif n == 1:

        def call(*args: Any, **kwargs: Any) -> Any:
            plan: Any
            try:
                x = args[0]
                plan = plans[type(x)][x.dtype]
            except (IndexError, KeyError, AttributeError):
                if not args:
                    return _slow(op, args, kwargs, None)
                key = (type(x), getattr(x, "dtype", None))
                plan = plans.get(key[0], NONE).get(key[1])
                if plan is None:
                    return _slow(op, args, kwargs, key)
            try:
                return plan(*args, **kwargs)
            except Exception as error:
                _reraise(op, error, args, kwargs)

    else:

        quick = op.quick

        def call(*args: Any, **kwargs: Any) -> Any:
            if len(args) < n:
                return _slow(op, args, kwargs, None)
            if n == 2:
                a, b = args[0], args[1]
                types: tuple = (type(a), type(b))
                kinds: tuple = (getattr(a, "dtype", None) if types[0] not in _PLAIN else None, getattr(b, "dtype", None) if types[1] not in _PLAIN else None)
            elif n == 3:
                a, b, c = args if len(args) == 3 else args[:3]
                ta, tb, tc = type(a), type(b), type(c)
                if ta is tb and tb is tc and ta in quick:
                    kinds = (a.dtype, b.dtype, c.dtype)
                    plan = quick[ta].get(kinds)
                    if plan is not None:
                        try:
                            return plan(*args, **kwargs)
                        except Exception as error:
                            _reraise(op, error, args, kwargs)
                types = (ta, tb, tc)
                kinds = (
                    None if ta in _PLAIN else getattr(a, "dtype", None), None if tb in _PLAIN else getattr(b, "dtype", None),
                    None if tc in _PLAIN else getattr(c, "dtype", None),
                )  # fmt: skip
            else:
                types = tuple([type(v) for v in args[:n]])
                kinds = tuple([None if t in _PLAIN else getattr(v, "dtype", None) for t, v in zip(types, args, strict=False)])
            plan = plans.get(types, NONE).get(kinds)
            if plan is None:
                return _slow(op, args, kwargs, (types, kinds))
            try:
                return plan(*args, **kwargs)
            except Exception as error:
                _reraise(op, error, args, kwargs)

    if op.listed and tuple(op.signature.parameters) == ("xs", "axis"):
        call = _joining(op, call)
    alone = tuple(op.signature.parameters) in (("x",), ("x1", "x2")) and len(op.signature.parameters) == n
    if alone and not op.listed and not op.variadic and set(op.defaults) == {inspect.Parameter.empty}:
        call = _elementwise(op, n)
    op.public = functools.wraps(op.body)(call)
    op.public.op = op  # type: ignore[attr-defined]
    return op.public


def _joining(op: Op, general: Callable) -> Callable:
    """The shortest path for a list of tensors of one class and dtype and an axis."""
    quick, default = op.quick, op.signature.parameters["axis"].default

    def join(xs: Any, axis: Any = default) -> Any:
        try:
            first = xs[0]
            t, kind = type(first), first.dtype
            plan = quick[t, len(xs)][kind]
            for x in xs:
                if type(x) is not t or x.dtype is not kind:
                    return general(xs, axis)
        except (IndexError, KeyError, AttributeError, TypeError):
            return general(xs, axis)
        if type(xs) is not list and type(xs) is not tuple:
            return general(xs, axis)
        try:
            return plan(xs, axis)
        except Exception as error:
            _reraise(op, error, (xs, axis), {})

    return join


def _elementwise(op: Op, n: int) -> Callable:
    """The shortest path, for ops of one or two tensors and nothing else."""
    plans, quick = op.plans, op.quick
    if n == 1:

        def unary(x: Any) -> Any:
            plan: Any
            try:
                plan = plans[type(x)][x.dtype]
            except (KeyError, AttributeError):
                key = (type(x), getattr(x, "dtype", None))
                plan = plans.get(key[0], NONE).get(key[1])
                if plan is None:
                    return _slow(op, (x,), {}, key)
            try:
                return plan(x)
            except Exception as error:
                _reraise(op, error, (x,), {})

        return unary

    def general(x1: Any, x2: Any) -> Any:
        types = t1, t2 = type(x1), type(x2)
        kinds = (None if t1 in _PLAIN else getattr(x1, "dtype", None), None if t2 in _PLAIN else getattr(x2, "dtype", None))
        plan = plans.get(types, NONE).get(kinds)
        if plan is None:
            if t1 in UNWRAP or t2 in UNWRAP:
                return op.public(unwrap(x1), unwrap(x2))
            return _slow(op, (x1, x2), {}, (types, kinds))
        try:
            return plan(x1, x2)
        except Exception as error:
            _reraise(op, error, (x1, x2), {})

    def binary(x1: Any, x2: Any) -> Any:
        t = type(x1)
        try:
            kind = x1.dtype
            if type(x2) is not t and (t is np.ndarray or getattr(x2, "dtype", None) is not kind) or x2.dtype is not kind:
                return general(x1, x2)
            plan = quick[t][kind]
        except (KeyError, AttributeError):
            return general(x1, x2)
        try:
            return plan(x1, x2)
        except Exception as error:
            _reraise(op, error, (x1, x2), {})

    return binary


def primitive(family: Any, *, capability: str | None = None, operands: str | None = None) -> Callable[[Callable], Callable]:
    """Declare a primitive: the function's signature is the contract's, its docstring the specification, `family` the dtype and shape rule.

    Args:
        family: how operands are promoted and what comes out (`pronghorn.backend.families`).
        capability: name of the capability that gates it; None for required primitives.
        operands: names of the tensor operands, `"[xs]"` for a list; by default the family's count of leading parameters.
    """

    def declare(fn: Callable) -> Callable:
        names = tuple(operands.split()) if operands else tuple(inspect.signature(fn).parameters)[: family.operands]
        entry = Op(fn.__name__, fn, names, family.compute, family.rule, capability)
        PRIMITIVES[entry.name] = entry
        return _wrap(entry)

    return declare


def op(fn: Callable | None = None, *, operands: str | None = None, dtype: Callable | None = None) -> Any:
    """Define a derived op: the body is its meaning, its shape and dtype rule, and the oracle of native overrides.

    Args:
        fn: the body, plain Python over other ops.
        operands: names of the tensor parameters, which come first (`"x"` by default: the first parameter); `"[xs]"` a list, `"(x)"` a pair, `"*xs"` variadic.
        dtype: promotion applied to the operands before body or override (`pronghorn.backend.families`: `same`, `floating`, ...).
            Without one, operands become tensors and keep their dtypes, and Python scalars stay scalars next to a tensor.
    """
    if fn is None:
        return lambda f: op(f, operands=operands, dtype=dtype)
    names = tuple(operands.split()) if operands is not None else tuple(inspect.signature(fn).parameters)[:1]
    entry = Op(fn.__name__, fn, names, dtype, None, None)
    if entry.name in OPS:
        raise ValueError(f"The op {entry.name} is defined twice.")
    OPS[entry.name] = entry
    return _wrap(entry)
