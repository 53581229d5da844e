"""The graph of a functional model: which calls, in which order, and a flat program that replays them."""

from collections.abc import Iterable
from typing import Any

from pronghorn.layers.operation import Operation
from pronghorn.symbolic.graph import Node, order, replace, specs_in
from pronghorn.symbolic.spec import Spec


class Source:
    """An input tensor, in the place of a call."""

    def __init__(self, spec: Spec):
        self.spec = spec
        self.fn = spec.input_layer if "input_layer" in spec.__dict__ else None

    def inputs(self) -> list[Spec]:
        """An input needs nothing."""
        return []


def operation_of(node: Any) -> Any:
    """What is called at a node, as an object that stands for all its calls: the layer or operation; for an op, the call itself."""
    return node.fn if isinstance(node.fn, Operation) else node


def arrange(inputs: list[Spec], outputs: list[Spec]) -> tuple[list[Node], list[Any]]:
    """Return the calls in the order of execution, and the operations (layers, and calls of ops) in Keras' order.

    Operations are ordered by their longest distance from an output, the farthest first; those of one distance in the order in which a depth-first walk from
    the outputs meets them. Weights are listed in this order, so files depend on it.
    """
    sources = {id(s): Source(s) for s in inputs}
    calls = order(outputs, inputs)

    def maker(spec: Spec) -> Any:
        return sources.get(id(spec)) or spec.node

    met: dict[int, int] = {}
    walked: list[Any] = []
    seen: set[int] = set()

    def walk(start: Spec) -> None:
        stack: list[tuple[Any, bool]] = [(maker(start), False)]
        while stack:
            node, done = stack.pop()
            if done:
                walked.append(node)
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            met.setdefault(id(operation_of(node)), len(met))
            stack.append((node, True))
            stack.extend((maker(s), False) for s in reversed(node.inputs()))

    for spec in outputs:
        walk(spec)
    depth: dict[int, int] = {}
    depth_of: dict[int, int] = {}
    operations: dict[int, Any] = {}
    for node in reversed(walked):
        op = operation_of(node)
        operations[id(op)] = op
        d = max(depth.setdefault(id(node), 0), depth_of.get(id(op), 0))
        depth_of[id(op)] = depth[id(node)] = d
        for spec in node.inputs():
            above = maker(spec)
            depth[id(above)] = max(d + 1, depth.get(id(above), 0))
    for source in sources.values():
        op = operation_of(source)
        if id(op) not in depth_of:  # an input that no output depends on
            depth_of[id(op)], operations[id(op)] = 0, op
            met[id(op)] = -1
    ranked = sorted(operations.values(), key=lambda op: (-depth_of[id(op)], met[id(op)]))
    return calls, ranked


class Program:
    """A graph as a list of steps over numbered values, which frees each value after its last use."""

    def __init__(self, calls: Iterable[Node], inputs: list[Spec], outputs: Any):
        slots: dict[int, int] = {}
        for spec in inputs:
            slots.setdefault(id(spec), len(slots))
        self.count_inputs = [slots[id(s)] for s in inputs]
        steps: list[list[Any]] = []
        last: dict[int, int] = {}
        for i, node in enumerate(calls):
            used = {slots[id(s)] for s in node.inputs()}
            for spec in node.outputs:
                slots[id(spec)] = len(slots)
            for slot in used:
                last[slot] = i
            single = len(node.args) == 1 and not node.kwargs and type(node.args[0]) is Spec
            source = slots[id(node.args[0])] if single else None
            targets = [slots[id(s)] for s in node.outputs]
            steps.append([node.fn, source, node.args, node.kwargs, targets[0] if len(targets) == 1 else targets, ()])
        kept = {slots[id(s)] for s in specs_in(outputs)}
        for slot, i in last.items():
            if slot not in kept:
                steps[i][5] = (*steps[i][5], slot)
        self.steps = [tuple(s) for s in steps]
        self.slots, self.size, self.outputs = slots, len(slots), outputs
        self.only = slots[id(outputs)] if type(outputs) is Spec else None

    def run(self, flat: list[Any]) -> Any:
        """Return the outputs for the inputs `flat`."""
        values: list[Any] = [None] * self.size
        for slot, x in zip(self.count_inputs, flat, strict=True):
            values[slot] = x
        slots = self.slots
        for fn, source, args, kwargs, target, freed in self.steps:
            if source is not None:
                result = fn(values[source])
            else:

                def value(spec: Spec) -> Any:
                    return values[slots[id(spec)]]

                result = fn(*replace(args, value), **replace(kwargs, value))
            if type(target) is int:
                values[target] = result if not isinstance(result, (list, tuple, dict)) else next(iter(leaves(result)))
            else:
                for slot, v in zip(target, leaves(result), strict=True):
                    values[slot] = v
            for slot in freed:
                values[slot] = None
        if self.only is not None:
            return values[self.only]
        return replace(self.outputs, lambda s: values[slots[id(s)]])


def leaves(value: Any) -> Iterable[Any]:
    """Yield the leaves of a nest, dicts in the order of insertion."""
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from leaves(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from leaves(v)
    else:
        yield value


def by_key(value: Any) -> Iterable[Any]:
    """Yield the leaves of a nest, dicts by sorted key: the order in which a model lists its inputs and outputs."""
    if isinstance(value, (list, tuple)):
        for v in value:
            yield from by_key(v)
    elif isinstance(value, dict):
        for k in sorted(value):
            yield from by_key(value[k])
    else:
        yield value
