"""Graphs of functional models as configs, in Keras' schema, and back.

A call of a layer is an inbound node of that layer; a tensor is (name of the layer, number of the call, number of the result). `op_config` has the calls
of ops.
"""

from collections.abc import Callable
from typing import Any

from pronghorn.layers.layer import Layer
from pronghorn.layers.operation import Operation
from pronghorn.models.graph import Source, operation_of
from pronghorn.models.op_config import op_call, op_entry
from pronghorn.saving.serialization import deserialize_keras_object, revive, serialize_keras_object
from pronghorn.symbolic.graph import sorted_specs
from pronghorn.symbolic.spec import Spec


# -- to a config ---------------------------------------------------------------------------------------------------------------------------
def graph_config(model: Any) -> dict[str, Any]:
    """Return the config of a functional model."""
    names = operation_names(model)
    place: dict[int, tuple[str, int, int]] = {}
    calls_of: dict[int, list[Any]] = {}
    for spec in model.inputs:
        place[id(spec)] = (spec.input_layer.name, 0, 0)
    for node in model._calls:
        calls_of.setdefault(id(operation_of(node)), []).append(node)
    for op in model._operations:
        calls = calls_of.get(id(op), [])
        if isinstance(op, Operation) and len(calls) > 1:  # number them in the order in which they were made
            rank = {id(node): i for i, (node, _) in enumerate(op._inbound)}
            calls.sort(key=lambda node: rank.get(id(node), 0))
        for i, node in enumerate(calls):
            for spec in node.outputs:
                place[id(spec)] = (names[id(op)], i, spec.index)

    def reference(spec: Spec) -> dict[str, Any]:
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(spec.shape), "dtype": spec.dtype, "keras_history": list(place[id(spec)])},
        }

    entries = []
    for op in model._operations:
        calls = calls_of.get(id(op), [])
        if isinstance(op, Operation):
            entry = serialize_keras_object(op)
            nodes = [{"args": _plain(list(n.args), reference), "kwargs": _plain(n.kwargs, reference)} for n in calls]
        else:
            entry, node = op_entry(op, names[id(op)], lambda value: _plain(value, reference))
            nodes = [node]
        entry["name"] = names[id(op)]
        entry["inbound_nodes"] = nodes
        entries.append(entry)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": entries,
        "input_layers": _structure(model._inputs_nest, place),
        "output_layers": _structure(model._outputs_nest, place),
    }


def operation_names(model: Any) -> dict[int, str]:
    """Return the name of each operation by id; calls of one op are numbered."""
    found = {id(op): op.name for op in model._operations if isinstance(op, Operation)}
    taken = set(found.values())
    for op in model._operations:
        if isinstance(op, (Operation, Source)):
            continue
        name, n = op.name, 0
        while name in taken:
            n += 1
            name = f"{op.name}_{n}"
        taken.add(name)
        found[id(op)] = name
    return found


def _structure(nest: Any, place: dict[int, tuple]) -> Any:
    if isinstance(nest, dict):
        return {k: _structure(v, place) for k, v in nest.items()}
    if isinstance(nest, (list, tuple)):
        return [_structure(v, place) for v in nest]
    return list(place[id(nest)])


def _plain(value: Any, reference: Callable[[Spec], Any]) -> Any:
    if isinstance(value, Spec):
        return reference(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v, reference) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v, reference) for k, v in value.items()}
    return serialize_keras_object(value)


# -- from a config -------------------------------------------------------------------------------------------------------------------------
def _callable(entry: dict[str, Any]) -> Any:
    return op_call(entry) or deserialize_keras_object({k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")})


def model_from_graph_config(cls: type, config: dict[str, Any]) -> Any:
    """Return the functional model that `graph_config` described.

    Raises:
        ValueError: a call refers to a tensor that no call makes.
    """
    from pronghorn.models.functional import Functional
    from pronghorn.models.model import Model

    made: dict[str, Any] = {}
    results: dict[tuple[str, int], list[Spec]] = {}
    waiting: list[tuple[str, int, dict[str, Any]]] = []
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        if name in made:
            raise ValueError(f'The config lists the layer "{name}" twice.')
        made[name] = _callable(entry)
        nodes = entry.get("inbound_nodes") or []
        if not nodes and isinstance(made[name], Layer) and hasattr(made[name], "tensor"):
            results[name, 0] = [made[name].output]
        waiting += [(name, i, node) for i, node in enumerate(nodes)]

    def ready(value: Any) -> bool:
        return all((h[0], h[1]) in results for h in _histories(value))

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                name, i, j = value["config"]["keras_history"]
                return results[name, i][j]
            if value.get("class_name") == "__tensor__":
                return revive({**value, "class_name": "__numpy__"})  # a constant of the graph goes with the model to any engine
            if "class_name" in value and "config" in value:
                return revive(value)
            return {k: resolve(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [resolve(v) for v in value]
        return value

    while waiting:
        later = []
        blocked: set[str] = set()
        for name, i, node in waiting:
            if name in blocked or not ready(node):
                blocked.add(name)  # calls of one layer are made in their order
                later.append((name, i, node))
                continue
            args, kwargs = _arguments(node, resolve)
            results[name, i] = list(sorted_specs(made[name](*args, **kwargs)))
        if len(later) == len(waiting):
            raise ValueError(f"The config of the model is incomplete: {', '.join(sorted({n for n, _, _ in later}))} need tensors that nothing makes.")
        waiting = later

    def tensors(nest: Any) -> Any:
        if isinstance(nest, dict):
            return {k: tensors(v) for k, v in nest.items()}
        if len(nest) == 3 and isinstance(nest[0], str) and isinstance(nest[1], int):
            found = results.get((nest[0], nest[1]))
            if found is None:
                raise ValueError(f'The config names a tensor of layer "{nest[0]}" (call {nest[1]}) that nothing makes.')
            return found[nest[2]]
        return [tensors(v) for v in nest]

    kwargs = {k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers", "name", "trainable")}
    target = Functional if cls is Model else cls
    model = target(inputs=tensors(config["input_layers"]), outputs=tensors(config["output_layers"]), name=config.get("name"), **kwargs)
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _histories(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"]
        else:
            for v in value.values():
                yield from _histories(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _histories(v)


def _arguments(node: Any, resolve: Callable[[Any], Any]) -> tuple[list[Any], dict[str, Any]]:
    if not isinstance(node, dict):
        raise ValueError("The config of the model is in a format older than Keras 3. Save it again with Keras 3 first.")
    kwargs = resolve(node.get("kwargs") or {})
    return resolve(node.get("args") or []), {k: v for k, v in kwargs.items() if v is not None}
