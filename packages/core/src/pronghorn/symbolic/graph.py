"""The record of symbolic calls, and replaying it on other tensors."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pronghorn.symbolic.spec import Spec


class Node:
    """One call with symbolic tensors: what was called, with which arguments, and what came out."""

    __slots__ = ("fn", "args", "kwargs", "outputs", "name")

    def __init__(self, fn: Callable, args: tuple, kwargs: dict, outputs: tuple[Spec, ...], name: str):
        self.fn, self.args, self.kwargs, self.outputs, self.name = fn, args, kwargs, outputs, name

    def inputs(self) -> list[Spec]:
        """Return the symbolic tensors among the arguments, in order."""
        return list(sorted_specs((self.args, self.kwargs)))

    def __repr__(self) -> str:
        return f"Node({self.name})"


class _Trace(threading.local):
    """What this thread is recording: nested calls below depth zero leave no node; a tape gets every primitive."""

    depth = 0
    tape: list | None = None


TRACE = _Trace()


class silent:
    """Context in which symbolic calls leave no nodes: the inside of a layer or a derived op."""

    def __enter__(self) -> None:
        TRACE.depth += 1

    def __exit__(self, *_: Any) -> None:
        TRACE.depth -= 1


def specs_in(value: Any) -> Iterator[Spec]:
    """Yield the symbolic tensors in a nest of tuples, lists and dicts."""
    if isinstance(value, Spec):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from specs_in(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from specs_in(v)


def sorted_specs(value: Any) -> Iterator[Spec]:
    """Yield the symbolic tensors in a nest, dicts by sorted key: the order in which results and inputs are numbered in files."""
    if isinstance(value, Spec):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from sorted_specs(v)
    elif isinstance(value, dict):
        for k in sorted(value):
            yield from sorted_specs(value[k])


def replace(value: Any, found: Callable[[Spec], Any]) -> Any:
    """Return the nest `value` with every symbolic tensor replaced by `found(spec)`."""
    if isinstance(value, Spec):
        return found(value)
    if isinstance(value, (list, tuple)):
        items = [replace(v, found) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: replace(v, found) for k, v in value.items()}
    return value


def record(fn: Callable, args: tuple, kwargs: dict, outputs: Any, name: str) -> Any:
    """Attach a node to fresh copies of `outputs` (a nest of specs) and return them."""
    made: list[Spec] = []

    def fresh(spec: Spec) -> Spec:
        copy = Spec(spec.dims, spec.dtype, name=spec.name)
        copy.mask = spec.mask
        made.append(copy)
        return copy

    outputs = replace(outputs, fresh)
    node = Node(fn, args, kwargs, tuple(made), name)
    for spec in made:
        spec.node = node
    for i, spec in enumerate(sorted_specs(outputs)):
        spec.index = i
    return outputs


def order(outputs: Any, inputs: Iterable[Spec] = ()) -> list[Node]:
    """Return the nodes that lead from `inputs` to `outputs`, each after those it needs.

    Raises:
        ValueError: a needed symbolic tensor was made by no call and is no input.
    """
    known = {id(s) for s in inputs}
    done: set[int] = set()
    result: list[Node] = []
    stack: list[tuple[Any, bool]] = [(s, False) for s in reversed(list(specs_in(outputs)))]
    while stack:
        item, ready = stack.pop()
        if ready:
            if id(item) not in done:
                done.add(id(item))
                result.append(item)
            continue
        if id(item) in known:
            continue
        node = item.node
        if node is None:
            raise ValueError(
                f"The graph is disconnected: {item} is needed but is neither an input of the model nor made by a layer or op. Add it to the inputs."
            )
        if id(node) in done:
            continue
        stack.append((node, True))
        stack.extend((s, False) for s in reversed(node.inputs()))
    return result


def run(nodes: Iterable[Node], values: dict[int, Any], outputs: Any, call: Callable[[Node, tuple, dict], Any] | None = None) -> Any:
    """Replay `nodes` with `values` (id of a spec → tensor) and return the nest `outputs` with tensors in place of specs.

    Args:
        nodes: calls in order.
        values: what the input specs stand for; filled in with every result.
        outputs: nest of specs.
        call: how to run one node, by default `node.fn(*args, **kwargs)`.
    """

    def value(spec: Spec) -> Any:
        return values[id(spec)]

    for node in nodes:
        args, kwargs = replace(node.args, value), replace(node.kwargs, value)
        result = node.fn(*args, **kwargs) if call is None else call(node, args, kwargs)
        if len(node.outputs) == 1 and not isinstance(result, (list, tuple, dict)):
            values[id(node.outputs[0])] = result
        else:
            for spec, v in zip(node.outputs, _leaves(result), strict=True):
                values[id(spec)] = v
    return replace(outputs, value)


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from _leaves(v)
    else:
        yield value
