"""Copies of models with new weights."""

from collections.abc import Callable
from typing import Any

from pronghorn.layers.core.input_layer import InputLayer
from pronghorn.layers.layer import Layer
from pronghorn.models.functional import Functional
from pronghorn.models.graph import by_key, leaves
from pronghorn.models.sequential import Sequential
from pronghorn.symbolic.graph import replace
from pronghorn.symbolic.spec import Spec


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Return a model of the same architecture with new layers and new weights.

    Args:
        model: sequential, functional, or any model with a config.
        input_tensors: symbolic inputs of the new model; new ones by default.
        clone_function: makes the new layer from the old one, by default from its config.
        call_function: `(new layer, *args, **kwargs)` calls a new layer; to be used with functional models.
        recursive: whether layers of nested models are cloned one by one, too.

    Raises:
        ValueError: arguments that do not go with the kind of model.

    Example:
        >>> import pronghorn as ph
        >>> model = ph.Sequential([ph.Input((3,)), ph.layers.Dense(2)])
        >>> clone_model(model).count_params()
        8
    """
    kwargs.pop("cache", None)
    if kwargs:
        raise TypeError(f"clone_model() has no argument {next(iter(kwargs))!r}.")
    copy = clone_function or _copy

    def clone(layer: Layer) -> Layer:
        if recursive and isinstance(layer, (Functional, Sequential)):
            return clone_model(layer, clone_function=clone_function, call_function=call_function, recursive=True)
        if isinstance(layer, InputLayer):
            return layer
        return copy(layer)

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("clone_model: call_function goes with functional models only.")
        return _clone_sequential(model, input_tensors, clone)
    if isinstance(model, Functional):
        return _clone_functional(model, input_tensors, clone, call_function)
    if clone_function is not None or input_tensors is not None:
        raise ValueError("clone_model: clone_function and input_tensors go with sequential and functional models only.")
    return type(model).from_config(model.get_config())


def _copy(layer: Layer) -> Any:
    return type(layer).from_config(layer.get_config())


def _clone_sequential(model: Sequential, input_tensors: Any, clone: Callable) -> Sequential:
    layers = [clone(layer) for layer in model.layers]
    first = model._layers[0] if model._layers else None
    given = next(iter(leaves(input_tensors)), None) if input_tensors is not None else None
    if given is not None:
        if not isinstance(given, Spec):
            raise ValueError(f"clone_model: input_tensors must be symbolic; received {type(given).__name__}.")
        layers.insert(0, InputLayer(batch_shape=given.shape, dtype=given.dtype, name=given.name))
    elif isinstance(first, InputLayer):
        layers.insert(0, InputLayer(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name))
    copy = Sequential(layers, name=model.name, trainable=model.trainable)
    if not copy.built and model._input is not None:
        copy.build(model._input.shape)
    return copy


def _clone_functional(model: Functional, input_tensors: Any, clone: Callable, call_function: Callable | None) -> Any:
    if input_tensors is None:
        new = [InputLayer(batch_shape=s.shape, dtype=s.dtype, name=s.input_layer.name, optional=s.input_layer.optional).output for s in model.inputs]
    else:
        new = list(by_key(input_tensors))
        if len(new) != len(model.inputs) or not all(isinstance(s, Spec) for s in new):
            raise ValueError(f"clone_model: expected {len(model.inputs)} symbolic input_tensors; received {input_tensors!r}.")
    tensors = {id(old): s for old, s in zip(model.inputs, new, strict=True)}
    made: dict[int, Any] = {}
    for node in model._calls:
        args, kwargs = replace(node.args, lambda s: tensors[id(s)]), replace(node.kwargs, lambda s: tensors[id(s)])
        fn = node.fn
        if isinstance(fn, Layer):
            if id(fn) not in made:
                made[id(fn)] = clone(fn)
            fn = made[id(fn)]
            result = fn(*args, **kwargs) if call_function is None else call_function(fn, *args, **kwargs)
        else:
            result = fn(*args, **kwargs)
        for old, s in zip(node.outputs, (v for v in leaves(result) if isinstance(v, Spec)), strict=True):
            tensors[id(old)] = s
    inputs = replace(model._inputs_nest, lambda s: tensors[id(s)])
    outputs = replace(model._outputs_nest, lambda s: tensors[id(s)])
    copy = Functional(inputs, outputs, name=model.name)
    copy.trainable = model.trainable
    return copy
