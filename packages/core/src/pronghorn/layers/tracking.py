"""What a layer holds: variables, sublayers, metrics and seeds are found by walking its attributes, in the order of assignment."""

import functools
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

from pronghorn.layers.context import CONTEXT
from pronghorn.state.variable import Variable

NOTHING, VARIABLE, LAYER, METRIC, SEED, CONTAINER = range(6)
_KINDS: dict[type, int] = {}
#: attributes of every layer that hold none of its own state
INTERNAL = frozenset({
    "_plans", "_init_args", "_inbound", "_build_shapes", "_key_counters", "_own", "_frozen", "_dtype_policy", "input_spec", "_home", "activity_regularizer",
    "name", "_key", "_path", "_trainable", "built", "autocast", "supports_masking", "_building", "_called", "_first_variable",
})  # fmt: skip


class Carried:
    """Holder of a variable that is no weight but carried from call to call, as the state of a seed is: it is not counted and not in files."""

    __slots__ = ("state",)

    def __init__(self, state: Variable):
        self.state = state


def kind_of(cls: type) -> int:
    """Classify the type of an attribute's value."""
    found = _KINDS.get(cls)
    if found is None:
        found = _KINDS[cls] = _classify(cls)
    return found


def _classify(cls: type) -> int:
    if issubclass(cls, Variable):
        return VARIABLE
    if issubclass(cls, (list, tuple, dict)):
        return CONTAINER
    if cls.__module__ in ("builtins", "numpy"):
        return NOTHING
    from pronghorn.layers.layer import Layer

    if issubclass(cls, Layer):
        return LAYER
    from pronghorn.metrics.metric import Metric
    from pronghorn.random.seed_generator import SeedGenerator

    return METRIC if issubclass(cls, Metric) else SEED if issubclass(cls, (SeedGenerator, Carried)) else NOTHING


def _inside(container: Any) -> Iterator[tuple[int, Any]]:
    for value in container.values() if isinstance(container, dict) else container:
        kind = kind_of(type(value))
        if kind == CONTAINER:
            yield from _inside(value)
        elif kind:
            yield kind, value


class settled:
    """Context in which layers are taken to hold what they held when they were first looked at: the steps of one `fit`, which compiled steps settle too.

    Args:
        memo: what was found so far, kept by the caller from step to step; None looks every time.
    """

    def __init__(self, memo: dict[Any, tuple[Any, list]] | None):
        self.memo = memo

    def __enter__(self) -> None:
        self.outer, CONTEXT.structure = CONTEXT.structure, self.memo

    def __exit__(self, *_: Any) -> None:
        CONTEXT.structure = self.outer


def children(layer: Any) -> Iterable[tuple[int, Any]]:
    """Return (kind, object) for everything with state that hangs on a layer directly; no duplicates."""
    memo = CONTEXT.structure
    if memo is None:
        return _look(layer)
    found = memo.get(id(layer))
    if found is None:
        found = memo[id(layer)] = layer, list(_look(layer))  # with the layer, so that its id stays its own
    return found[1]


def _look(layer: Any) -> Iterator[tuple[int, Any]]:
    seen: set[int] = set()
    hidden = layer._hidden_names
    for v in layer._own:
        seen.add(id(v))
        yield VARIABLE, v
    for name, value in vars(layer).items():
        kind = _KINDS.get(type(value))
        if kind == NOTHING or name in INTERNAL or name in hidden:
            continue
        if kind is None:
            kind = kind_of(type(value))
            if kind == NOTHING:
                continue
        for k, child in _inside(value) if kind == CONTAINER else ((kind, value),):
            if id(child) not in seen:
                seen.add(id(child))
                yield k, child


def _remembered(walk: Callable[..., list]) -> Callable[..., list]:
    """A walk over a layer that is made once per fit where layers are settled."""

    @functools.wraps(walk)
    def run(layer: Any, *options: bool, **named: bool) -> list:
        memo = CONTEXT.structure
        if memo is None:
            return walk(layer, *options, **named)
        key = walk, id(layer), options, *named.items()
        found = memo.get(key)
        if found is None:
            found = memo[key] = layer, walk(layer, *options, **named)
        return [*found[1]]

    return run


class Changes:
    """Which state hangs on which layer, of the whole process: `token` is another object after each change by assignment."""

    __slots__ = ("token",)

    def __init__(self) -> None:
        self.token = object()

    def note(self) -> None:
        """Take note of a change that was made."""
        self.token = object()


CHANGES = Changes()


class Held:
    """What a layer and everything below it held when it was looked at.

    Comparing the objects one by one takes a tenth of the time of looking for state again; it is left out while nothing was assigned to any layer. What lists
    and dicts hold changes without an assignment and is compared each time.
    """

    __slots__ = ("containers", "seeds", "token", "values")

    def __init__(self, layer: Any):
        self.token = CHANGES.token  # before looking
        self.values: list[tuple[Any, list]] = []  # a live view, and what it showed
        self.containers: list[tuple[Any, list]] = []
        self.seeds: list[tuple[Any, Variable]] = []
        for item in flatten_layers(layer):
            hidden = item._hidden_names
            for view in (item._own, vars(item).values()):
                self.values.append((view, list(view)))
            for name, value in vars(item).items():
                if kind_of(type(value)) == CONTAINER and name not in INTERNAL and name not in hidden:
                    self._deeply(value)
            self.seeds += [(child, child.state) for kind, child in _look(item) if kind == SEED]

    def _deeply(self, container: Any) -> None:
        view = container.values() if isinstance(container, dict) else container
        if type(container) is not tuple:
            self.containers.append((view, list(view)))
        for value in view:
            if kind_of(type(value)) == CONTAINER:
                self._deeply(value)

    def still(self) -> bool:
        """Tell whether it all holds the same objects."""
        token = CHANGES.token
        if token is not self.token:
            if not _same(self.values):
                return False
            self.token = token
        return _same(self.containers) and all([seed.state is then for seed, then in self.seeds])


def _same(views: list[tuple[Any, list]]) -> bool:
    for view, then in views:
        if len(view) != len(then) or not all(map(is_, view, then)):
            return False
    return True


def own_variables(layer: Any) -> list[Variable]:
    """Variables of the layer itself, those created trainable first."""
    found = [v for kind, v in children(layer) if kind == VARIABLE]
    frozen = layer._frozen
    first = [v for v in found if v.trainable or any(v is f for f in frozen)]
    return first + [v for v in found if not any(v is f for f in first)]


def sublayers(layer: Any) -> list[Any]:
    """Layers that hang on a layer directly."""
    return [child for kind, child in children(layer) if kind == LAYER]


@_remembered
def metrics(layer: Any) -> list[Any]:
    """Metrics of a layer and of everything below it."""
    direct = list(children(layer))
    found = [child for kind, child in direct if kind == METRIC]
    for kind, child in direct:
        if kind == LAYER:
            found += [m for m in child.metrics if not any(m is f for f in found)]
    return found


@_remembered
def flatten_layers(layer: Any, include_self: bool = True) -> list[Any]:
    """Return a layer and everything below it, depth first, each once."""
    found: list[Any] = []
    seen: set[int] = set()

    def visit(item: Any, keep: bool) -> None:
        if id(item) in seen:
            return
        seen.add(id(item))
        if keep:
            found.append(item)
        for child in sublayers(item):
            visit(child, True)

    visit(layer, include_self)
    return found


def first_variable(layer: Any) -> Variable | None:
    """Some variable of a layer or of what is below it, the first to be found; None where there is none."""
    known = vars(layer).get("_first_variable")
    if known is not None:
        variable, way = known
        try:
            if all([holder[key] is held for holder, key, held in way]):  # looking again takes twenty times as long
                return variable
        except LookupError:
            pass
    path: list = []
    variable = _search(layer, set(), path)
    vars(layer)["_first_variable"] = None if variable is None else (variable, path[::-1])
    return variable


def _search(item: Any, seen: set[int], path: list) -> Variable | None:
    """Look for a variable below a layer; `path` takes where it was found, the last step first."""
    if item._own:
        path.append((item._own, 0, item._own[0]))
        return item._own[0]
    seen.add(id(item))
    hidden = item._hidden_names
    for name, value in vars(item).items():
        kind = kind_of(type(value))
        if kind != NOTHING and name not in INTERNAL and name not in hidden:
            found = _search_in(vars(item), name, value, kind, seen, path)
            if found is not None:
                return found
    return None


def _search_in(holder: Any, key: Any, value: Any, kind: int, seen: set[int], path: list) -> Variable | None:
    found = None
    if kind == VARIABLE:
        found = value
    elif kind == SEED:
        found = value.state
    elif kind == LAYER and id(value) not in seen:
        found = _search(value, seen, path)
    elif kind == CONTAINER:
        for k, v in value.items() if isinstance(value, dict) else enumerate(value):
            found = _search_in(value, k, v, kind_of(type(v)), seen, path)
            if found is not None:
                break
    if found is not None:
        path.append((holder, key, value))
    return found


@_remembered
def variables(layer: Any, seeds: bool = True) -> list[Variable]:
    """Variables of a layer and of everything below it, in the order of Keras: own trainable, own others, seeds, then layer by layer."""
    found: dict[int, Variable] = {}

    def visit(item: Any) -> None:
        direct = list(children(item))
        own = [v for kind, v in direct if kind == VARIABLE]
        frozen = item._frozen
        late = []
        for v in own:
            if v.trainable or any(v is f for f in frozen):
                found.setdefault(id(v), v)
            else:
                late.append(v)
        for v in late:
            found.setdefault(id(v), v)
        if seeds:
            for kind, child in direct:
                if kind == SEED:
                    found.setdefault(id(child.state), child.state)
        for kind, child in direct:
            if kind == LAYER and id(child) not in visited:
                visited.add(id(child))
                visit(child)

    visited = {id(layer)}
    visit(layer)
    return list(found.values())
