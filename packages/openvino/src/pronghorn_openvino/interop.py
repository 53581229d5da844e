"""A layer or model as OpenVINO's own object."""

from typing import Any

from pronghorn.backend.dims import Dim
from pronghorn.state.tree import flatten
from pronghorn.symbolic.spec import Spec
from pronghorn_openvino.engine import ov


def model(layer: Any) -> ov.Model:
    """Return a built layer or model as an `ov.Model` for inference, with the batch size left open.

    Inputs and outputs carry the names of the model's; integers travel as i32 and low-precision floats as f32. The weights are constants, as they are now.

    Raises:
        ValueError: the input shapes are not known.
        CapabilityError: a part has no lowering, or needs a size that is left open.
    """
    from pronghorn_openvino.executor import Trace

    inputs = _inputs(layer)
    specs = flatten(inputs)
    trace = Trace(lambda x: layer(x, training=False) if _takes_training(layer) else layer(x), (inputs,), {}, specs)
    graph, fed, nodes = trace.lower((), {})
    sources = [source for _, source in fed]
    for i, spec in enumerate(specs):  # an input that nothing depends on is still an input
        if i not in sources:
            graph.value(spec)
    order = sorted(range(len(fed)), key=lambda n: fed[n][1])
    made = ov.Model(nodes[: len(_outputs(trace))], [graph.parameters[n] for n in order], str(getattr(layer, "name", "model")))
    for port, spec in zip(made.inputs, specs, strict=True):
        if spec.name:
            port.get_tensor().set_names({spec.name})
    names = list(getattr(layer, "output_names", None) or [])
    for port, name in zip(made.outputs, names, strict=False):
        port.get_tensor().set_names({name})
    made._pronghorn_memory = graph  # the constants share the memory of the variables' arrays
    return made


def compiled(layer: Any) -> ov.CompiledModel:
    """Return a built layer or model as an `ov.CompiledModel`; see `model`."""
    from pronghorn_openvino.executor import compile_model

    source = model(layer)
    made = compile_model(source)
    made._pronghorn_memory = source
    return made


def _outputs(trace: Any) -> list[Spec]:
    return [x for x in trace.leaves if isinstance(x, Spec)]


def _takes_training(layer: Any) -> bool:
    from pronghorn.layers.signature import call_info

    return call_info(type(layer)).has_training


def _inputs(layer: Any) -> Any:
    """Specs like the model's inputs, or of the shapes a layer was built for; a leading None is the batch."""
    known = getattr(layer, "inputs", None)
    batch = Dim("batch")

    def fresh(dims: Any, dtype: str, name: Any = None) -> Spec:
        return Spec([batch if i == 0 and not isinstance(d, int) else d for i, d in enumerate(dims)], dtype, name=name)

    if known:
        names = getattr(layer, "input_names", None) or [s.name for s in known]
        specs = [fresh(s.dims, s.dtype, n) for s, n in zip(known, names, strict=True)]
        return specs[0] if len(specs) == 1 else specs
    shapes = getattr(layer, "_build_shapes", None)
    if not shapes or len(shapes) != 1:
        raise ValueError(f'native: the input shapes of "{getattr(layer, "name", layer)}" are not known. Call it on data, or make it a functional model.')
    (shape,) = shapes.values()
    if isinstance(shape, (tuple, list)) and all(d is None or isinstance(d, int) for d in shape):
        return fresh(shape, layer.compute_dtype)
    raise ValueError("native: a layer with several inputs has no OpenVINO model of its own. Make it a functional model, with Input(...) for each.")


__all__ = ["compiled", "model"]
