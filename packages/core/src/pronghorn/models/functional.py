"""Models made of symbolic inputs and outputs."""

from collections.abc import Callable
from typing import Any

from pronghorn import ops
from pronghorn.backend.dtypes import is_float
from pronghorn.layers.calling import static_shape
from pronghorn.layers.context import set_mask
from pronghorn.layers.core.input_layer import InputLayer
from pronghorn.layers.layer import Layer
from pronghorn.models.graph import Program, arrange, by_key, leaves
from pronghorn.models.model import Model
from pronghorn.ops.creation import cast, dtype_of, is_tensor
from pronghorn.symbolic.graph import sorted_specs
from pronghorn.symbolic.spec import Spec


class Functional(Model):
    """A model given by symbolic inputs and outputs; `Model(inputs, outputs)` makes one.

    Args:
        inputs: symbolic tensor, or a list, tuple or dict of them.
        outputs: the same.
        name: name of the model.

    Raises:
        ValueError: an output depends on a tensor that is no input.

    Example:
        >>> import pronghorn as ph
        >>> a, b = ph.Input((2,)), ph.Input((2,))
        >>> model = Functional([a, b], a + b)
        >>> model([[[1.0, 2.0]], [[3.0, 4.0]]]).tolist()
        [[4.0, 6.0]]
    """

    _untracked = ("_program", "_inputs_nest", "_outputs_nest", "_calls", "_operations", "inputs", "outputs", "_names", "_accepted")

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        for what, nest in (("inputs", inputs), ("outputs", outputs)):
            bad = [x for x in leaves(nest) if not isinstance(x, Spec)]
            if bad or next(iter(leaves(nest)), None) is None:
                shown = type(bad[0]).__name__ if bad else "nothing"
                raise ValueError(f"Model: {what} must be symbolic tensors, as Input(...) and layers called on it return them; received {shown}.")
        self._inputs_nest, self._outputs_nest = inputs, outputs
        self.inputs: list[Spec] = list(sorted_specs(inputs))
        self.outputs: list[Spec] = list(sorted_specs(outputs))
        if len({id(s) for s in self.inputs}) != len(self.inputs):
            raise ValueError("Model: the same tensor is listed twice among the inputs.")
        for spec in self.inputs:
            if "input_layer" not in spec.__dict__:  # a tensor inside a larger graph becomes an input of this one
                InputLayer(input_tensor=spec)
        self._calls, self._operations = arrange(self.inputs, self.outputs)
        self._layers: list[Layer] = [op for op in self._operations if isinstance(op, Layer)]
        names: set[str] = set()
        for layer in self._layers:
            if layer.name in names:
                raise ValueError(f'Model: two layers are called "{layer.name}". Give them different names.')
            names.add(layer.name)
        self._program: Program | None = None
        self._accepted: set[Any] = set()
        self._admits: Callable[[Any], bool] | None = None
        self._names = [s.input_layer.name for s in self.inputs]
        self._mark_built()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_program": None, "_accepted": set(), "_admits": None}

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, in the order of their distance from the outputs."""
        return list(self._layers)

    # -- running ---------------------------------------------------------------------------------------------------------------------------
    def call(self, inputs: Any, training: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        """Return the outputs for `inputs`, a tensor or a nest like the one the model was made of."""
        program = self._program
        key = (type(inputs), getattr(inputs, "dtype", None))
        if key in self._accepted and program is not None and mask is None and self._admits is not None and self._admits(inputs.shape):
            return program.run([inputs])
        flat = self._flatten_inputs(inputs)
        for i, (x, spec) in enumerate(zip(flat, self.inputs, strict=True)):
            flat[i] = self._fit(x, spec)
        if len(flat) == 1 and flat[0] is inputs:  # the next tensor of this kind only needs its shape checked
            self._accepted.add(key)
            self._admits = shape_test(self.inputs[0])
        if mask is not None:
            for x, m in zip(flat, by_key(mask), strict=False):
                if m is not None:
                    set_mask(x, m)
        if program is None:
            program = self._program = Program(self._calls, self.inputs, self._outputs_nest)
        return program.run(flat)

    def _flatten_inputs(self, inputs: Any) -> list[Any]:
        nest = self._inputs_nest
        if not isinstance(inputs, (dict, list, tuple)):
            if len(self.inputs) == 1:
                return [inputs]
            if isinstance(nest, (list, tuple)) and is_tensor(inputs) and static_shape(inputs)[0] == len(self.inputs):  # type: ignore[index]
                return ops.unstack(inputs)
        elif isinstance(inputs, dict):
            if isinstance(nest, dict):
                missing = [k for k in nest if k not in inputs]
                if missing:
                    raise ValueError(f'Model "{self.name}" expects the inputs {", ".join(nest)}; missing: {", ".join(missing)}. Received: {", ".join(inputs)}.')
                return [x for k in sorted(nest) for x in by_key(inputs[k])]
            missing = [n for n in self._names if n not in inputs]
            if missing:
                raise ValueError(
                    f'Model "{self.name}" expects inputs named {", ".join(self._names)}; missing: {", ".join(missing)}. '
                    f"Received: {', '.join(map(str, inputs))}."
                )
            return [inputs[n] for n in self._names]
        flat = list(by_key(inputs))
        if len(flat) != len(self.inputs):
            raise ValueError(f'Model "{self.name}" expects {len(self.inputs)} input(s) ({", ".join(self._names)}); received {len(flat)}.')
        return flat

    def _fit(self, x: Any, spec: Spec) -> Any:
        """Return an input with the rank and dtype the model was made for."""
        if x is None:
            if spec.__dict__.get("optional"):
                return None
            raise ValueError(f'Model "{self.name}": the input "{spec.input_layer.name}" is None, and it is not optional.')
        shape = static_shape(x)
        if shape is None:
            raise ValueError(f'Model "{self.name}": expected a tensor as input "{spec.input_layer.name}"; received {type(x).__name__}.')
        expected = spec.shape
        n, rank = len(shape), len(expected)
        if n != rank:
            if n == rank + 1 and shape[-1] == 1:
                x = ops.squeeze(x, axis=-1)
            elif n == rank - 1 and expected[-1] == 1:
                x = ops.expand_dims(x, -1)
            else:
                self._refuse(spec, shape)
            shape = static_shape(x) or ()
        for d, e in zip(shape, expected, strict=True):
            if e is not None and d is not None and d != e:
                self._refuse(spec, shape)
        name = dtype_of(x)
        if name != spec.dtype and not (is_float(name) and is_float(spec.dtype)):
            x = cast(x, spec.dtype)
        return x

    def _refuse(self, spec: Spec, shape: tuple) -> None:
        raise ValueError(f'Model "{self.name}": the input "{spec.input_layer.name}" should have shape {spec.shape}; received shape {shape}.')

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return None: masks travel with the tensors inside the model."""
        return None

    supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: a functional model is built when it is made."""

    # -- shapes ----------------------------------------------------------------------------------------------------------------------------
    @property
    def input(self) -> Any:
        """Symbolic inputs, in the structure the model was made of."""
        return self._inputs_nest

    @property
    def output(self) -> Any:
        """Symbolic outputs, in the structure the model was made of."""
        return self._outputs_nest

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs."""
        return _shapes(self._inputs_nest)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs."""
        return _shapes(self._outputs_nest)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in order."""
        return list(self._names)

    # -- config ----------------------------------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """Return the graph: layers, how they are called, inputs and outputs."""
        if not _made_of_graph(type(self)):
            return Layer.get_config(self)
        from pronghorn.models.functional_config import graph_config

        return graph_config(self)

    def get_build_config(self) -> dict[str, Any]:
        """Return no shape: the graph has them."""
        return {"input_shape": None}


def shape_test(spec: Spec) -> Callable[[Any], bool]:
    """Return a fast test of whether a shape is one that `spec` stands for."""
    rank = len(spec.dims)
    fixed = [(i, d) for i, d in enumerate(spec.shape) if d is not None]
    if len(fixed) == 1:
        axis, size = fixed[0]
        return lambda shape: len(shape) == rank and shape[axis] == size
    return lambda shape: len(shape) == rank and all([shape[i] == d for i, d in fixed])


def _made_of_graph(cls: type) -> bool:
    """Whether a functional model can be made again from inputs and outputs alone."""
    public: Any = getattr(cls, "_public_class", cls)
    if public in (Model, Functional):
        return True
    names = public._init_names()
    return names is None or {"inputs", "outputs"} <= names


def _shapes(nest: Any) -> Any:
    if isinstance(nest, dict):
        return {k: _shapes(v) for k, v in nest.items()}
    if isinstance(nest, (list, tuple)):
        return type(nest)(_shapes(v) for v in nest)
    return nest.shape


_ADOPTED: dict[type, type] = {}


def adopt(model: Model) -> None:
    """Make an instance of a Model subclass a functional model, for one that hands inputs and outputs to `super().__init__`."""
    cls = type(model)
    made = _ADOPTED.get(cls)
    if made is None:
        made = type(cls.__name__, (cls, Functional), {"_public_class": cls, "__module__": cls.__module__, "__doc__": cls.__doc__})
        for name in ("call", "build", "get_config", "layers"):
            if getattr(cls, name) is getattr(Model, name):  # what the subclass left alone is the functional model's
                setattr(made, name, Functional.__dict__[name])
        _ADOPTED[cls] = made
    model.__class__ = made


def functional_from_config(cls: type, config: dict[str, Any]) -> Any:
    """Return the model that `Functional.get_config` described."""
    from pronghorn.models.functional_config import model_from_graph_config

    return model_from_graph_config(cls, config)
