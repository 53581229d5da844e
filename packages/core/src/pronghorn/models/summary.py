"""The table that `Model.summary()` prints."""

import re
from typing import Any

from pronghorn.layers.calling import shapes_of
from pronghorn.layers.core.input_layer import InputLayer
from pronghorn.layers.layer import Layer
from pronghorn.layers.operation import Operation

_BYTES = {"float64": 8, "int64": 8, "uint64": 8, "complex64": 8, "complex128": 16, "float16": 2, "bfloat16": 2, "int16": 2, "uint16": 2}


def count_params(variables: Any) -> int:
    """Return the number of elements of variables, each counted once."""
    total = 0
    for v in {id(v): v for v in variables}.values():
        n = 1
        for d in v.shape:
            n *= d
        total += n
    return total


def memory_size(variables: Any) -> int:
    """Return the bytes of variables, each counted once."""
    total = 0
    for v in {id(v): v for v in variables}.values():
        n = _BYTES.get(v.dtype, 1 if v.dtype in ("bool", "int8", "uint8") or v.dtype.startswith("float8") else 4)
        for d in v.shape:
            n *= d
        total += n
    return total


def readable_size(size: int) -> str:
    """Return a number of bytes with its unit.

    Example:
        >>> readable_size(300), readable_size(2048)
        ('300.00 B', '2.00 KB')
    """
    value = float(size)
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            return f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} PB"


def _calls(layer: Any, model: Any) -> list[Any]:
    """Calls of a layer inside a model."""
    nodes = getattr(model, "_calls", None)
    if nodes is None:
        return [node for node, _ in layer._inbound]
    return [node for node in nodes if node.fn is layer]


def output_shape_text(layer: Any, model: Any = None) -> str:
    """Return the output shape(s) of a layer as text, "?" where it was never called."""
    if isinstance(layer, InputLayer):
        return str(layer.batch_shape)
    shapes = []
    for node, outputs in layer._inbound:
        if model is None or not hasattr(model, "_calls") or any(n is node for n in model._calls):
            text = _shape_text(shapes_of(outputs))
            if text not in shapes:
                shapes.append(text)
    if shapes:
        return ", ".join(shapes)
    if layer.built and layer._build_shapes and len(layer._build_shapes) == 1:
        (only,) = layer._build_shapes.values()
        try:
            return _shape_text(layer.compute_output_shape(only))
        except Exception:
            return "?"
    return "?"


def _shape_text(shape: Any) -> str:
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{k}: {_shape_text(v)}" for k, v in shape.items()) + "}"
    if isinstance(shape, (list, tuple)) and not all(d is None or isinstance(d, int) for d in shape):
        return "[" + ", ".join(_shape_text(s) for s in shape) + "]"
    return str(tuple(shape)) if isinstance(shape, (list, tuple)) else str(shape)


def _places(model: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Names of a functional model's operations by id, and for each tensor where it comes from: "dense[0][0]"."""
    from pronghorn.models.functional_config import operation_names
    from pronghorn.models.graph import operation_of

    names = operation_names(model)
    sources = {id(s): f"{s.input_layer.name}[0][0]" for s in model.inputs}
    count: dict[int, int] = {}
    for node in model._calls:
        key = id(operation_of(node))
        i = count[key] = count.get(key, -1) + 1
        for j, spec in enumerate(node.outputs):
            sources[id(spec)] = f"{names[key]}[{i}][{j}]"
    return names, sources


def _is_chain(model: Any) -> bool:
    """Whether a model is a line of layers, so that no column needs to tell what is connected."""
    calls = getattr(model, "_calls", None)
    if calls is None:
        return True
    if len(model.inputs) > 1:
        return False
    used: dict[int, int] = {}
    for node in calls:
        if len(node.inputs()) > 1:
            return False
        for s in node.inputs():
            used[id(s)] = used.get(id(s), 0) + 1
    layers = [node.fn for node in calls if isinstance(node.fn, Layer)]
    return all(n == 1 for n in used.values()) and len({id(x) for x in layers}) == len(layers)


def _rows(model: Any) -> list[Any]:
    """What the table lists: the operations of a functional model, the layers of any other."""
    return list(getattr(model, "_operations", None) or model.layers)


def _selected(layers: list[Any], layer_range: Any) -> list[Any]:
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(r, str) for r in layer_range):
        raise ValueError(f"summary: layer_range must be two names; received {layer_range!r}.")
    names = [layer.name for layer in layers]
    start = next((i for i, n in enumerate(names) if re.match(layer_range[0], n)), None)
    stop = next((i for i in range(len(names) - 1, -1, -1) if re.match(layer_range[1], names[i])), None)
    if start is None or stop is None or start > stop:
        raise ValueError(f"summary: layer_range {tuple(layer_range)} matches no layers. Layers: {', '.join(names)}.")
    return layers[start : stop + 1]


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Any = None,
    print_fn: Any = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Print the table of a model (see `Model.summary`)."""
    import rich.box
    import rich.console
    import rich.table
    from rich.markup import escape

    from pronghorn.models.op_config import class_label

    chain = _is_chain(model)
    columns = ["Layer (type)", "Output Shape", "Param #"] + ([] if chain else ["Connected to"]) + (["Trai..."] if show_trainable else [])
    width = line_length or (80 if chain else 100) + (8 if show_trainable else 0)
    ratios = [45, 30, 17] if chain else [28, 24, 12, 27]
    if positions is not None:
        last, ratios = 0.0, []
        for p in positions:
            ratios.append(max(int((p - last) * (100 if p <= 1 else 1)), 1))
            last = p
    table = rich.table.Table(width=width, box=rich.box.HEAVY_HEAD, show_lines=True)
    for i, name in enumerate(columns):
        right = name == "Param #"
        ratio = ratios[i] if i < len(ratios) else 8
        table.add_column(escape(name), justify="right" if right else "center" if name == "Trai..." else "left", ratio=ratio)

    def add(op: Any, owner: Any, indent: str) -> None:
        names, sources = _places(owner) if hasattr(owner, "_calls") else ({}, {})
        if isinstance(op, Layer):
            params = f"{count_params(op.weights):,}" if op.built else "0 (unbuilt)"
            cells = [f"{indent}{op.name} ({type(op).__name__})", output_shape_text(op, owner), params]
            used = [s for node in _calls(op, owner) for s in node.inputs()]
            state = "-" if not op.weights else "Y" if op.trainable else "N"
        else:  # the call of an op, or an operation with all its calls
            label = type(op).__name__ if isinstance(op, Operation) else class_label(op.name)
            calls = _calls(op, owner) if isinstance(op, Operation) else [op]
            shapes = ", ".join(str(s.shape) for s in calls[0].outputs)
            cells, used, state = [f"{indent}{names[id(op)]} ({label})", shapes, "0"], [s for node in calls for s in node.inputs()], "-"
        if not chain:
            cells.append(",\n".join(sources.get(id(s), "?") for s in used) or "-")
        if show_trainable:
            cells.append(state)
        table.add_row(*[escape(c) for c in cells])
        if expand_nested and isinstance(op, Layer) and getattr(op, "layers", None):
            for child in _rows(op):
                add(child, op, indent + "    ")

    for row in _selected(_rows(model), layer_range):
        add(row, model, "")

    trainable, others = count_params(model.trainable_weights), count_params(model.non_trainable_weights)
    lines = []
    optimizer = getattr(model, "optimizer", None)
    slots = list(getattr(optimizer, "variables", ()) or ()) if optimizer is not None and getattr(optimizer, "built", False) else []
    weights = model.weights
    extra = count_params(slots)
    lines.append(f" Total params: {trainable + others + extra:,} ({readable_size(memory_size([*weights, *slots]))})")
    lines.append(f" Trainable params: {trainable:,} ({readable_size(memory_size(model.trainable_weights))})")
    lines.append(f" Non-trainable params: {others:,} ({readable_size(memory_size(model.non_trainable_weights))})")
    if slots:
        lines.append(f" Optimizer params: {extra:,} ({readable_size(memory_size(slots))})")

    title = f'Model: "{model.name}"'
    if print_fn is None:
        console = rich.console.Console(width=width, highlight=False)
        console.print(escape(title))
        console.print(table)
        for line in lines:
            console.print(escape(line))
        return
    import io

    buffer = rich.console.Console(file=io.StringIO(), width=width, highlight=False, color_system=None)
    buffer.print(escape(title))
    buffer.print(table)
    for line in lines:
        buffer.print(escape(line))
    text = buffer.file.getvalue()  # type: ignore[attr-defined]
    print_fn(text)
