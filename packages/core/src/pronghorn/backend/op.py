"""One function is one op: `@primitive` declares what an engine implements, `@op` defines everything else in terms of other ops.

Dispatch of a call: a symbolic operand leads to the symbolic backend, a native tensor to its engine, host values alone to the active backend. The
answer (which implementation, which casts) is a *plan*, cached under the operands' types and dtypes, so a repeated call costs one dictionary look-up.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from pronghorn.backend import failures, registry
from pronghorn.backend.convert import is_scalar, not_dense
from pronghorn.backend.dims import show
from pronghorn.backend.forwarding import defaults, forwarding, parameters, plain
from pronghorn.backend.owners import UNWRAP, owner, pick, symbolic_backend, unwrap
from pronghorn.backend.plans import make_plan

OPS: dict[str, "Op"] = {}
PRIMITIVES: dict[str, "Op"] = {}
NONE: dict[Any, Any] = {}  # never written to
_PLAIN = frozenset((int, float))  # torch's compiler cannot look for attributes of a symbolic number


class Op:
    """What is known of one op; the public function carries it as `function.op`."""

    __slots__ = (
        "name", "body", "parameters", "_signature", "operands", "defaults", "variadic", "listed", "compute", "rule", "capability", "plans", "quick", "hosted",
        "public", "required", "doc", "override", "pair", "optional",
    )  # fmt: skip

    def __init__(self, name: str, body: Callable, operands: tuple[str, ...], compute: Callable | None, rule: Callable | None, capability: str | None):
        self.name, self.body, self.compute, self.rule, self.capability = name, body, compute, rule, capability
        self.parameters = parameters(body)
        self._signature: inspect.Signature | None = None
        self.variadic = operands[-1].startswith("*") if operands else False
        self.listed = bool(operands) and operands[0][0] in "[("
        self.pair = self.listed and operands[0][0] == "("  # real and imaginary part: one tensor is not taken for a list of its rows
        self.operands = tuple(o.strip("*[]()?") for o in operands)
        given = defaults(body)
        self.defaults = tuple([given.get(o, inspect.Parameter.empty) for o in self.operands])
        #: positions of operands that may be None
        self.optional = frozenset([i for i, (o, default) in enumerate(zip(operands, self.defaults, strict=True)) if default is None or o[-1] == "?"])
        self.required = rule is not None and capability is None
        #: the attribute with which an engine replaces the body; a derived op that shares its name with a primitive needs another one
        self.override = name + "_op" if rule is None and name in PRIMITIVES else name
        # two steps, types and then dtypes, so that a table never holds dtypes of two engines: torch's compiler reads whole tables and cannot hash foreign ones
        self.plans: dict[Any, dict[Any, Callable]] = {}
        # type of all operands -> dtype of all operands (-> their count, for lists) -> plan; for engines with dtype objects of their own
        self.quick: dict[Any, dict[Any, Any]] = {}
        # name of the backend -> types -> dtypes -> plan, for operands on the host, which are the active backend's
        self.hosted: dict[str, dict[Any, dict[Any, Callable]]] = {}
        self.public: Callable
        self.doc = body.__doc__ or ""

    @property
    def signature(self) -> inspect.Signature:
        """Parameters, defaults and annotations of the body; made when first asked for, as the 370 of them take a tenth of the import."""
        if self._signature is None:
            self._signature = inspect.signature(self.body)
        return self._signature

    def forget(self) -> None:
        """Drop every plan, for whoever replaces an engine's function or the body."""
        for table in (self.hosted, self.plans, self.quick):
            table.clear()


def defined(backend: str, name: str, *args: Any, **kwargs: Any) -> Any:
    """Run the definition of the derived op `name` while `backend` is active, for overrides that do not cover every case."""
    body = OPS[name].body
    if registry.active().name == backend:
        return body(*args, **kwargs)
    with registry.use_backend(backend):
        return body(*args, **kwargs)


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
        table = op.quick.setdefault(np.ndarray, {})
        if op.listed or op.variadic:
            if len(set(kinds)) == 1:
                entries.append((table.setdefault(kinds[0], {}), len(types)))
        elif len(types) == 3:
            entries.append((table, kinds))
        elif len(types) == 2 and kinds[0] == kinds[1]:
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
            table = op.quick.setdefault(type(first), {})
            if many:
                table.setdefault(first.dtype, {})[len(values)] = plan
            else:
                table[first.dtype] = plan
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
                plan = quick[t][kind][len(values)]
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

    else:

        quick = op.quick

        def call(*args: Any, **kwargs: Any) -> Any:
            if len(args) < n:
                return _slow(op, args, kwargs, None)
            types: tuple
            kinds: tuple
            if n == 3:
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

    if op.listed and op.parameters == ("xs", "axis"):
        call = _joining(op, call)
    if n in _LOOK and not op.listed and plain(op.body):
        call = _short(op, n)
    op.public = functools.wraps(op.body)(call)
    op.public.op = op  # type: ignore[attr-defined]
    return op.public


def _joining(op: Op, general: Callable) -> Callable:
    """The shortest path for a list of tensors of one class and dtype and an axis."""
    quick, default = op.quick, defaults(op.body).get("axis", inspect.Parameter.empty)

    def join(xs: Any, axis: Any = default) -> Any:
        try:
            first, last, n = xs[0], xs[-1], len(xs)
            t, kind = type(first), first.dtype
            if type(last) is not t or last.dtype is not kind or n > 2 and any(type(x) is not t or x.dtype is not kind for x in xs):
                return general(xs, axis)
            plan = quick[t][kind][n]
        except (IndexError, KeyError, AttributeError, TypeError):
            return general(xs, axis)
        if type(xs) is not list and type(xs) is not tuple:
            return general(xs, axis)
        try:
            return plan(xs, axis)
        except Exception as error:
            _reraise(op, error, (xs, axis), {})

    return join


#: the shortest path of ops of one and of two operands: the table's answer is exact for their classes and dtypes
_LOOK = {
    1: "plan = table[type({0})][{0}.dtype]",
    2: """kind, first = {0}.dtype, type({0})
    if type({1}) is not first and (first is np.ndarray or getattr({1}, "dtype", None) is not kind) or {1}.dtype is not kind:
        return other({every})
    plan = table[first][kind]""",
}
_SHORT = """try:
    look
except (KeyError, AttributeError):
    return other({every})
try:
    return plan({every})
except Exception as error:
    _reraise(entry, error, ({every},), NONE)"""


def _one(op: Op, *args: Any) -> Any:
    """Find the plan of an op of one operand under keys that the shortest path does not know."""
    x = args[0]
    key = (type(x), getattr(x, "dtype", None))
    plan = op.plans.get(key[0], NONE).get(key[1])
    return _slow(op, args, {}, key) if plan is None else _run(op, plan, args, {})


def _two(op: Op, *args: Any) -> Any:
    """Find the plan of an op of two operands, of whatever classes."""
    x1, x2 = args[:2]
    types = t1, t2 = type(x1), type(x2)
    kinds = (None if t1 in _PLAIN else getattr(x1, "dtype", None), None if t2 in _PLAIN else getattr(x2, "dtype", None))
    plan = op.plans.get(types, NONE).get(kinds)
    if plan is not None:
        return _run(op, plan, args, {})
    if t1 in UNWRAP or t2 in UNWRAP:
        return op.public(unwrap(x1), unwrap(x2), *args[2:])
    return _slow(op, args, {}, (types, kinds))


def _short(op: Op, n: int) -> Callable:
    """The shortest path, for ops of one or two tensors and settings that may be given by name."""
    names = {"entry": op, "table": op.plans if n == 1 else op.quick, "other": functools.partial(_one if n == 1 else _two, op)}
    return forwarding(op.body, _SHORT.replace("look", _LOOK[n]), names, __name__)


def primitive(family: Any, *, capability: str | None = None, operands: str | None = None) -> Callable[[Callable], Callable]:
    """Declare a primitive: the function's signature is the contract's, its docstring the specification, `family` the dtype and shape rule.

    Args:
        family: how operands are promoted and what comes out (`pronghorn.backend.families`).
        capability: name of the capability that gates it; None for required primitives.
        operands: names of the tensor operands, `"[xs]"` for a list, `"x?"` for one that may be None without being None by default; by default the
            family's count of leading parameters.
    """

    def declare(fn: Callable) -> Callable:
        names = tuple(operands.split()) if operands else parameters(fn)[: family.operands]
        entry = Op(fn.__name__, fn, names, family.compute, family.rule, capability)
        PRIMITIVES[entry.name] = entry
        return _wrap(entry)

    return declare


def op(fn: Callable | None = None, *, operands: str | None = None, dtype: Callable | None = None) -> Any:
    """Define a derived op: the body is its meaning, its shape and dtype rule, and the oracle of native overrides.

    Args:
        fn: the body, plain Python over other ops.
        operands: names of the tensor parameters, which come first (`"x"` by default: the first parameter); `"[xs]"` a list, `"(x)"` a pair, `"*xs"` variadic,
            `"x?"` one that may be None without being None by default.
        dtype: promotion applied to the operands before body or override (`pronghorn.backend.families`: `same`, `floating`, ...).
            Without one, operands become tensors and keep their dtypes, and Python scalars stay scalars next to a tensor.
    """
    if fn is None:
        return lambda f: op(f, operands=operands, dtype=dtype)
    names = tuple(operands.split()) if operands is not None else parameters(fn)[:1]
    entry = Op(fn.__name__, fn, names, dtype, None, None)
    if entry.name in OPS:
        raise ValueError(f"The op {entry.name} is defined twice.")
    OPS[entry.name] = entry
    return _wrap(entry)
