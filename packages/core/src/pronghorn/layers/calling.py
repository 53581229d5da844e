"""The whole protocol of a layer's call: conversion, input check, building, training flag, masks, losses. `Layer.__call__` comes here when no plan fits.

A plan is what a repeated call with one tensor needs to know: the engine, a fast test of the shape, and how `call` takes the training flag.
"""

from typing import Any

import numpy as np

from pronghorn.backend import dtypes, registry
from pronghorn.backend.owners import UNWRAP, owner
from pronghorn.layers.context import CONTEXT, add_loss, clear_losses, get_mask, set_mask, training_scope
from pronghorn.layers.signature import CallInfo, call_info
from pronghorn.layers.tracking import flatten_layers, sublayers
from pronghorn.state.binding import STATE, symbolic_state
from pronghorn.state.naming import naming_scope
from pronghorn.state.tree import flatten, map_structure
from pronghorn.symbolic.backend import to_specs
from pronghorn.symbolic.graph import TRACE, Node, record, silent
from pronghorn.symbolic.spec import Spec

_NOT_DATA = (type(None), str, bytes, bool, int, float, complex)
_MAX_PLANS = 64


def general(layer: Any, args: tuple, kwargs: dict) -> Any:
    """Run `layer` on any arguments."""
    info = call_info(type(layer))
    kwargs = dict(kwargs)
    training = _training_argument(info, args, kwargs)
    if args and isinstance(args[0], (list, tuple)) and _is_number_list(args[0]):
        args = (np.asarray(args[0]), *args[1:])
    leaves = flatten((args, kwargs))
    if TRACE.tape is None and any(type(x) is Spec for x in leaves):
        return _symbolic(layer, info, args, kwargs, training)
    backend = registry.active() if TRACE.tape is not None else layer._find_backend(leaves)
    if backend.compile_calls and CONTEXT.depth == 0 and TRACE.tape is None and TRACE.depth == 0 and (STATE.scope is None or not STATE.scope.symbolic):
        return _compiled(layer, info, backend, args, kwargs, training)
    if registry.active() is backend:
        return _eager(layer, info, backend, args, kwargs, training, leaves)
    with registry.use_backend(backend.name):
        return _eager(layer, info, backend, args, kwargs, training, leaves)


def _training_argument(info: CallInfo, args: tuple, kwargs: dict) -> Any:
    """Return the training flag the caller gave, if any."""
    if "training" in kwargs:
        return kwargs["training"] if info.has_training or info.any_keyword and "training" in info.accepted else kwargs.pop("training")
    if info.has_training and len(args) > 1 and "training" in info.names[: len(args)]:
        return args[info.names.index("training")]
    return None


def _is_number_list(value: Any) -> bool:
    while isinstance(value, (list, tuple)):
        if not value:
            return False
        value = value[0]
    return isinstance(value, (bool, int, float, np.generic))


def _resolve_training(info: CallInfo, given: Any) -> Any:
    if given is not None:
        return given
    return CONTEXT.training if CONTEXT.training is not None else info.training_default


def _convert(layer: Any, backend: Any, x: Any, target: str | None) -> Any:
    """Return one argument as a native tensor, floats in the layer's compute dtype."""
    kind = type(x)
    if kind in _NOT_DATA:
        return x
    get = UNWRAP.get(kind)
    if get is not None:
        x = get(x)
        kind = type(x)
    own = owner(kind)
    if own is not None:
        if target is not None:
            name = own.dtype(x)
            if name != target and name in dtypes.FLOAT:
                return own.cast(x, target)
        return x
    if isinstance(x, (np.ndarray, np.generic)):
        name = dtypes.name_of(x.dtype)
        if backend.host_tensors:
            return x.astype(dtypes.numpy_dtype(target)) if target is not None and name != target and name in dtypes.FLOAT else x
        return backend.from_host(x, backend.require(target) if target is not None and name in dtypes.FLOAT else None)
    if hasattr(x, "__array__"):  # a container of another library, such as a pandas frame
        return _convert(layer, backend, np.asarray(x), target)
    return x


def check_inputs(layer: Any, inputs: Any) -> None:
    """Compare inputs with the layer's input spec; raise `ValueError` naming layer, expectation and what was received."""
    specs = layer.input_spec
    if specs is None:
        return
    if isinstance(specs, dict):
        if not isinstance(inputs, dict):
            raise ValueError(f'Layer "{layer.name}" expects a dict of inputs with keys {sorted(specs)}; received {type(inputs).__name__}.')
        missing = [k for k in specs if k not in inputs]
        if missing:
            raise ValueError(f'Layer "{layer.name}" expects the inputs {sorted(specs)}; {", ".join(map(str, missing))} missing.')
        pairs = [(specs[k], inputs[k]) for k in specs]
    else:
        flat_specs = flatten(specs)
        flat = flatten(inputs)
        if len(flat) != len(flat_specs):
            raise ValueError(f'Layer "{layer.name}" expects {len(flat_specs)} input(s); received {len(flat)}: {_shapes(inputs)}.')
        pairs = list(zip(flat_specs, flat, strict=True))
    for i, (spec, x) in enumerate(pairs):
        if spec is None:
            continue
        if x is None:
            if spec.optional:
                continue
            raise ValueError(f'Layer "{layer.name}": input {i} is None, and it is not optional.')
        shape = static_shape(x)
        if shape is None:
            raise ValueError(f'Layer "{layer.name}" ({type(layer).__name__}): expected a tensor as input {i}; received {type(x).__name__}.')
        expected = spec.problem(shape, _dtype(x) if spec.dtype is not None else None)
        if expected:
            which = f"input {i}" if len(pairs) > 1 else "input"
            raise ValueError(
                f'Layer "{layer.name}" ({type(layer).__name__}) does not fit its {which}: expected {expected}, received shape {shape} (rank {len(shape)}).'
            )


def static_shape(x: Any) -> tuple | None:
    """Return the shape of a tensor or array with None for unknown sizes; None for what is no tensor."""
    if type(x) is Spec:
        return x.shape
    if type(x) in UNWRAP:
        return tuple(x.shape)
    own = owner(type(x))
    if own is not None:
        return tuple(own.static_shape(x))
    if isinstance(x, (np.ndarray, np.generic)):
        return x.shape
    return None


def shapes_of(value: Any) -> Any:
    """Return the nest of shapes of a nest of tensors; None for what holds none."""
    if isinstance(value, dict):
        found = {k: shapes_of(v) for k, v in value.items()}
        return found if any(v is not None for v in found.values()) else None
    if isinstance(value, (list, tuple)):
        items = [shapes_of(v) for v in value]
        return type(value)(items) if any(v is not None for v in items) and not hasattr(value, "_fields") else None
    return static_shape(value)


def _dtype(x: Any) -> str | None:
    own = owner(type(x))
    return own.dtype(x) if own is not None else x.dtype.name


def _shapes(value: Any) -> str:
    return ", ".join(str(static_shape(x)) if static_shape(x) is not None else type(x).__name__ for x in flatten(value))


# -- building ------------------------------------------------------------------------------------------------------------------------------


def build_for(layer: Any, info: CallInfo, named: dict[str, Any], trace: bool) -> None:
    """Build a layer for arguments of these shapes.

    Args:
        layer: what is to be built.
        info: facts of its class.
        named: arguments of the call by name.
        trace: whether sublayers that a layer without `build` creates or uses are to be built now, by tracing `call`; otherwise they are built when called.
    """
    shapes = {f"{k}_shape": s for k, v in named.items() if (s := shapes_of(v)) is not None}
    if info.build_names is None:
        if trace and any(not child.built for child in sublayers(layer)):
            _trace(layer, *_as_specs(named, info))
        if len(shapes) == 1 and layer._build_shapes is None:  # with them a file can say how to build the layers below
            layer._build_shapes = {"input_shape": next(iter(shapes.values()))}
        layer._mark_built()
        return
    names = info.build_names
    if not names:
        layer.build()
    elif len(names) == 1:
        layer.build(next(iter(shapes.values()), None))
    elif any(n in shapes for n in names):
        layer.build(**{n: s for n, s in shapes.items() if n in names})
    else:
        layer.build(*shapes.values())


def _as_specs(named: dict[str, Any], info: CallInfo) -> tuple[tuple, dict]:
    return (), {k: (to_specs(v) if shapes_of(v) is not None else v) for k, v in named.items() if k in info.accepted or info.any_keyword}


def _trace(layer: Any, args: tuple, kwargs: dict) -> Any:
    """Run `call` on symbolic tensors without leaving nodes."""
    cast = layer.compute_dtype if layer.autocast and layer.compute_dtype != layer.variable_dtype else None
    outer = STATE.autocast
    STATE.autocast = cast
    try:
        with naming_scope(layer), silent(), symbolic_state():
            return layer.call(*args, **kwargs)
    finally:
        STATE.autocast = outer


# -- symbolic ------------------------------------------------------------------------------------------------------------------------------


def _symbolic(layer: Any, info: CallInfo, args: tuple, kwargs: dict, given: Any) -> Any:
    target = layer.compute_dtype if layer.autocast else None

    def cast(x: Any) -> Any:
        if type(x) is not Spec or target is None or x.dtype == target or x.dtype not in dtypes.FLOAT:
            return x
        made = Spec(x.dims, target, name=x.name)
        made.mask = x.mask
        return made

    inner_args, inner_kwargs = map_structure(cast, args), {k: map_structure(cast, v) for k, v in kwargs.items()}
    named = info.bind(layer, inner_args, inner_kwargs)
    first = next(iter(named.values()), None)
    check_inputs(layer, first)
    outer, CONTEXT.training = CONTEXT.training, _resolve_training(info, given)
    try:
        if not layer.built:
            with naming_scope(layer):
                build_for(layer, info, named, trace=False)
            check_inputs(layer, first)
        _fill(info, named, inner_args, inner_kwargs, CONTEXT.training)
        mask = inner_kwargs.get("mask", map_structure(lambda x: get_mask(x), first))
        if not info.any_keyword:
            inner_kwargs = {k: v for k, v in inner_kwargs.items() if k in info.accepted}
        outputs = layer.compute_output_spec(*inner_args, **inner_kwargs)
    except (ValueError, TypeError) as error:
        _explain(layer, args, error)
        raise
    finally:
        CONTEXT.training = outer
    outputs = to_specs(outputs)
    if TRACE.depth == 0 and TRACE.tape is None:
        outputs = record(layer, args, kwargs, outputs, layer.name)
        node = next(s.node for s in flatten(outputs) if type(s) is Spec)
        layer._inbound.append((node, outputs))
    else:  # results must be new objects: a mask set on them must not end up on the inputs
        outputs = map_structure(_copy, outputs)
    with silent(), symbolic_state():
        _propagate(layer, first, outputs, mask)
    return outputs


def _copy(x: Any) -> Any:
    if type(x) is not Spec:
        return x
    made = Spec(x.dims, x.dtype, name=x.name)
    made.node, made.index, made.mask = x.node, x.index, x.mask
    return made


def infer(layer: Any, args: tuple, kwargs: dict) -> Any:
    """Return the output specs of `call` on these specs; the default `compute_output_spec`."""
    return _trace(layer, args, kwargs)


# -- eager ---------------------------------------------------------------------------------------------------------------------------------


def _eager(layer: Any, info: CallInfo, backend: Any, args: tuple, kwargs: dict, given: Any, leaves: list) -> Any:
    target = layer.compute_dtype if layer.autocast else None
    outermost = CONTEXT.depth == 0
    if outermost and CONTEXT.losses:
        clear_losses(flatten_layers(layer))
    plain = len(args) == 1 and (not kwargs or (len(kwargs) == 1 and "training" in kwargs))
    masks = CONTEXT.masks or TRACE.tape is not None  # on a tape, tensors are specs, which carry their masks
    first_given = args[0] if args else next(iter(kwargs.values()), None)
    mask = map_structure(get_mask, first_given) if masks else None
    mask_by_name = {n: map_structure(get_mask, v) for n, v in info.bind(layer, args, kwargs).items()} if masks else {}
    if plain and len(leaves) == len(kwargs) + 1:
        x = _convert(layer, backend, args[0], target)
        same, args = x is args[0], (x,)
    else:
        same = False
        args = map_structure(lambda x: _convert(layer, backend, x, target), args)
        kwargs = {k: map_structure(lambda x: _convert(layer, backend, x, target), v) for k, v in kwargs.items()}
    first = args[0] if args else next(iter(kwargs.values()), None)
    if layer.input_spec is not None:
        check_inputs(layer, first)
    outer_training, outer_cast = CONTEXT.training, STATE.autocast
    CONTEXT.training = training = _resolve_training(info, given)
    CONTEXT.depth += 1
    cast = target if target is not None and target != layer.variable_dtype else None
    try:
        if not layer._called:
            with naming_scope(layer):
                outputs = _first(layer, info, backend, args, kwargs, training, mask, mask_by_name, first)
            if plain and same and cast is None and not masks and not CONTEXT.losses:
                _plan(layer, info, backend, args[0])
            return outputs
        STATE.autocast = cast
        call_kwargs = _fill_eager(info, kwargs, args, training, mask_by_name, mask) if masks or info.has_training or kwargs else kwargs
        outputs = _function(layer, args)(*args, **call_kwargs)
        STATE.autocast = outer_cast
        _finish(layer, first, outputs, kwargs.get("mask", mask))
        if plain and same and cast is None and not masks and not CONTEXT.losses:
            _plan(layer, info, backend, args[0])
        return outputs
    except Exception as error:
        _explain(layer, args, error)
        raise
    finally:
        STATE.autocast, CONTEXT.training = outer_cast, outer_training
        CONTEXT.depth -= 1


def _compiled(layer: Any, info: CallInfo, backend: Any, args: tuple, kwargs: dict, given: Any) -> Any:
    """Run a call from outside as one compiled program, on an engine where single ops are slow."""
    target = layer.compute_dtype if layer.autocast else None
    masks = map_structure(get_mask, (args, kwargs)) if CONTEXT.masks else None
    if len(args) == 1 and not kwargs and type(args[0]) is np.ndarray:
        args = (_convert(layer, backend, args[0], target),)
    else:
        args, kwargs = map_structure(lambda x: _convert(layer, backend, x, target), (args, kwargs))
    if not layer._called:  # what a call builds is built before it is compiled
        with silent():
            specs, named = map_structure(to_specs, (args, kwargs))
            _symbolic(layer, info, specs, named, given)
    program = layer._plans.get("program")
    if program is None:

        def step(args: tuple, kwargs: dict, masks: Any, training: Any) -> Any:
            if masks is not None:
                map_structure(lambda x, m: None if m is None else set_mask(x, m), (args, kwargs), masks)
            with training_scope(training):
                outputs = general(layer, args, kwargs)
            return outputs, map_structure(get_mask, outputs)

        program = layer._plans["program"] = backend.executor().compile(step, [])
    outputs, found = program(args, kwargs, masks, _resolve_training(info, given))
    if found is not None:
        map_structure(lambda x, m: None if m is None else set_mask(x, m), outputs, found)
    return outputs


def _function(layer: Any, args: tuple) -> Any:
    """What computes the outputs: `call`, rematerialised if the layer was made in a `RematScope` that covers it."""
    scope = layer._remat
    if scope is None or not scope.covers(layer, shapes_of(args[0]) if args else None):
        return layer.call
    from pronghorn.state.remat import remat

    return remat(layer.call)


def _first(layer: Any, info: CallInfo, backend: Any, args: tuple, kwargs: dict, training: Any, mask: Any, mask_by_name: dict, first: Any) -> Any:
    """The first eager call of a layer: build it, then run."""
    if not layer.built:
        concrete = all(backend.is_concrete(x) for x in flatten((args, kwargs)) if owner(type(x)) is not None)
        build_for(layer, info, info.bind(layer, args, kwargs), trace=not concrete)
        check_inputs(layer, first)
    outer = STATE.autocast
    STATE.autocast = layer.compute_dtype if layer.autocast and layer.compute_dtype != layer.variable_dtype else None
    outputs = _function(layer, args)(*args, **_fill_eager(info, kwargs, args, training, mask_by_name, mask))
    STATE.autocast = outer
    layer._called = True
    _finish(layer, first, outputs, kwargs.get("mask", mask))
    return outputs


def _fill(info: CallInfo, named: dict, args: tuple, kwargs: dict, training: Any) -> None:
    """Put the training flag and the masks into the keyword arguments of a symbolic call, where `call` takes them."""
    if info.has_training and training is not None and "training" not in info.names[: len(args)]:
        kwargs["training"] = training
    masks = {n: map_structure(get_mask, v) for n, v in named.items() if n not in info.mask_names and n != "training"}
    _fill_masks(info, args, kwargs, masks)


def _fill_eager(info: CallInfo, kwargs: dict, args: tuple, training: Any, mask_by_name: dict, mask: Any) -> dict:
    kwargs = {k: v for k, v in kwargs.items() if k in info.accepted or info.any_keyword and k != "training"}
    if info.has_training and "training" not in info.names[: len(args)]:
        if training is not None:
            kwargs["training"] = training
        else:
            kwargs.pop("training", None)
    if mask_by_name:
        _fill_masks(info, args, kwargs, mask_by_name)
    return kwargs


def _fill_masks(info: CallInfo, args: tuple, kwargs: dict, masks: dict[str, Any]) -> None:
    positional = info.names[: len(args)]
    only = sum(1 for n, m in masks.items() if n not in info.mask_names and n != "training")
    for name in info.mask_names:
        if name in positional or kwargs.get(name) is not None:
            continue
        source = next(iter(masks), None) if name == "mask" and (only == 1 or "mask" in info.accepted) else name[: -len("_mask")]
        found = masks.get(source) if source is not None else None
        if found is not None and any(m is not None for m in flatten(found)):
            kwargs[name] = found


def _finish(layer: Any, first: Any, outputs: Any, mask: Any) -> None:
    regularizer = layer.activity_regularizer
    if regularizer is not None:
        for x in flatten(outputs):
            if x is not None:
                add_loss(layer, _per_example(regularizer(x), x))
    if mask is not None or CONTEXT.masks or layer._makes_mask():
        _propagate(layer, first, outputs, mask)


def _per_example(loss: Any, x: Any) -> Any:
    """Return a penalty on the batch `x` divided by the batch's size, so that it does not grow with it."""
    from pronghorn.ops.creation import cast, dtype_of, shape

    dims = shape(x)
    if not dims:
        return loss
    return loss / dims[0] if isinstance(dims[0], int) else loss / cast(dims[0], dtype_of(loss))


def _propagate(layer: Any, inputs: Any, outputs: Any, mask: Any) -> None:
    """Give the outputs the masks that the layer computes from those of its inputs."""
    if not layer._makes_mask():
        if mask is None or all(m is None for m in flatten(mask)):
            return
        if not layer.supports_masking:
            layer._warn_mask_lost()
            return
    flat = flatten(outputs)
    if all(get_mask(x) is not None for x in flat):
        return
    found = layer.compute_mask(inputs, mask)
    if found is None:
        return
    masks = flatten(found)
    if len(masks) == 1 and len(flat) > 1:
        masks = masks * len(flat)
    for x, m in zip(flat, masks, strict=False):
        if m is not None and get_mask(x) is None:
            set_mask(x, m)


def _plan(layer: Any, info: CallInfo, backend: Any, x: Any) -> None:
    """Remember how to make a call like this one directly, where nothing else is to be done for it."""
    if backend.traced() or layer._remat is not None or layer.activity_regularizer is not None or layer._makes_mask() or layer._uses_losses or not layer.built:
        return
    if layer.input_spec is None:
        check = None
    elif isinstance(layer.input_spec, (list, tuple, dict)):
        return
    else:
        check = layer.input_spec.quick()
    if len(layer._plans) >= _MAX_PLANS:
        layer._plans.clear()
    composite = bool(sublayers(layer))
    layer._plans[type(x), getattr(x, "dtype", None)] = (backend, check, info.has_training, info.training_default, composite)


def _explain(layer: Any, args: tuple, error: Exception) -> None:
    """Note on an exception which layer it came from, once."""
    if getattr(error, "_layer_noted", False):
        return
    try:
        error._layer_noted = True  # type: ignore[attr-defined]
        error.add_note(f'Raised while calling layer "{layer.name}" ({type(layer).__name__}) on inputs of shape {_shapes(args)}.')
    except AttributeError:
        pass


__all__ = ["Node", "build_for", "check_inputs", "general", "infer", "shapes_of", "static_shape"]
