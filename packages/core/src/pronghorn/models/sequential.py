"""Models that are a chain of layers."""

from typing import Any

from pronghorn import ops
from pronghorn.backend.dtypes import is_float
from pronghorn.layers.context import set_mask
from pronghorn.layers.core.input_layer import InputLayer
from pronghorn.layers.layer import Layer
from pronghorn.models.model import Model
from pronghorn.ops.creation import cast, dtype_of
from pronghorn.state.naming import auto_name
from pronghorn.symbolic.spec import Spec


class Sequential(Model):
    """A chain of layers, each called on what the one before returns.

    Args:
        layers: the layers; an `Input` in front fixes the shape and builds them now, otherwise the first call does.
        trainable: whether training updates the weights.
        name: name of the model.

    Example:
        >>> import pronghorn as ph
        >>> model = Sequential([ph.Input((3,)), ph.layers.Dense(4, activation="relu"), ph.layers.Dense(1)])
        >>> model.count_params()
        21
    """

    _untracked = ("_input", "_output", "_stages", "_accepted")

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        self._stages: tuple[Layer, ...] = ()
        self._input: Any = None
        self._output: Any = None
        self._typed, self._rank = False, 0
        self._accepted: set[Any] = set()
        if layers is not None:
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self.add(layer, rebuild=False)
            self._maybe_build()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append a layer.

        Raises:
            ValueError: no layer, a name that is taken, or an input behind other layers.
        """
        if isinstance(layer, Spec) and "input_layer" in layer.__dict__:
            layer = layer.input_layer
        if not isinstance(layer, Layer):
            if callable(layer):
                from pronghorn.layers.core.simple import Lambda

                layer = Lambda(layer)
            else:
                raise ValueError(f'Sequential "{self.name}": expected a layer; received {layer!r}.')
        if isinstance(layer, InputLayer):
            if self._layers:
                raise ValueError(f'Sequential "{self.name}": an Input must come first; it has {len(self._layers)} layer(s) already.')
        elif not self._layers and layer._input_shape_arg is not None:
            self._layers.append(InputLayer(batch_shape=layer._input_shape_arg))
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f'Sequential "{self.name}": two layers are called "{layer.name}". Give them different names.')
        self._layers.append(layer)
        self._reset()
        if rebuild:
            self._maybe_build()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it."""
        if not self._layers:
            raise ValueError(f'Sequential "{self.name}" has no layers to remove.')
        layer = self._layers.pop()
        self._reset()
        if rebuild:
            self._maybe_build()
        return layer

    def _reset(self) -> None:
        self.built = self._called = False
        self._input = self._output = None
        self._plans.clear()
        self._accepted.clear()
        self._stages = tuple(layer for layer in self._layers if not isinstance(layer, InputLayer))

    def _maybe_build(self) -> None:
        if self._layers and isinstance(self._layers[0], InputLayer) and len(self._layers) > 1:
            self.build(self._layers[0].batch_shape)

    def build(self, input_shape: Any = None) -> None:
        """Build all layers for inputs of this shape."""
        if not self._layers:
            raise ValueError(f'Sequential "{self.name}" has no layers yet. Add some, then build it.')
        first = self._layers[0]
        if isinstance(first, InputLayer):
            if input_shape is not None and tuple(input_shape) != first.batch_shape and len(input_shape) != len(first.batch_shape):
                raise ValueError(f'Sequential "{self.name}" has an Input of shape {first.batch_shape}; build() received {tuple(input_shape)}.')
            spec = first.output
        else:
            if input_shape is None:
                raise ValueError(f'Sequential "{self.name}" needs the shape of its input: start with Input(...), or call build((None, ...)).')
            spec = Spec(input_shape, first.compute_dtype, name=f"{self.name}_input") if _is_shape(input_shape) else None
            if spec is None:
                raise ValueError(f'Sequential "{self.name}" takes one input; received the shapes {input_shape}.')
            InputLayer(input_tensor=spec)
        auto_name("functional")  # Keras makes a functional model here; counting it keeps the names of later models equal
        self._typed, self._rank = isinstance(first, InputLayer), len(spec.dims)
        x: Any = spec
        for layer in self._stages:
            x = layer(x)
        self._input, self._output = spec, x

    def call(self, inputs: Any, training: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        """Return the last layer's output."""
        if self._typed and ((type(inputs), getattr(inputs, "dtype", None)) not in self._accepted or len(inputs.shape) != self._rank):
            inputs = self._fit(inputs)
        if mask is not None:
            set_mask(inputs, mask)
        x = inputs
        for layer in self._stages:
            x = layer(x, **kwargs) if kwargs else layer(x)
        return x

    def _fit(self, x: Any) -> Any:
        """Give an input the rank and dtype of the `Input` the chain starts with."""
        spec = self._input
        if isinstance(x, (list, tuple, dict)) or spec is None:
            if isinstance(x, (list, tuple)) and len(x) == 1:
                return x[0]
            return x
        rank, n = len(spec.dims), len(x.shape)
        if n != rank:
            if n == rank + 1 and x.shape[-1] == 1:
                x = ops.squeeze(x, axis=-1)
            elif n == rank - 1 and spec.dims[-1] == 1:
                x = ops.expand_dims(x, -1)
        name = dtype_of(x)
        if name != spec.dtype and not (is_float(name) and is_float(spec.dtype)):
            return cast(x, spec.dtype)
        if n == rank and not isinstance(x, Spec):
            self._accepted.add((type(x), getattr(x, "dtype", None)))
        return x

    supports_masking = True

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return None: masks travel with the tensors inside the model."""
        return None

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return list(self._stages)

    def _symbolic(self, what: str) -> Any:
        value = self._input if what.startswith("input") else self._output
        if value is None:
            raise AttributeError(f'Sequential "{self.name}" has no {what} yet: it is not built. Start with Input(...), or call it on data.')
        return value

    @property
    def inputs(self) -> list[Any]:
        """Symbolic inputs."""
        return [self._symbolic("inputs")]

    @property
    def outputs(self) -> list[Any]:
        """Symbolic outputs."""
        from pronghorn.state.tree import flatten

        return flatten(self._symbolic("outputs"))

    @property
    def input(self) -> Any:
        """Symbolic input."""
        return self._symbolic("input")

    @property
    def output(self) -> Any:
        """Symbolic output."""
        return self._symbolic("output")

    @property
    def input_shape(self) -> Any:
        """Shape of the input."""
        return self._symbolic("input_shape").shape

    @property
    def output_shape(self) -> Any:
        """Shape of the output."""
        from pronghorn.layers.calling import shapes_of

        return shapes_of(self._symbolic("output_shape"))

    @property
    def input_dtype(self) -> str:
        """Dtype of the input."""
        return self._layers[0].input_dtype if self._layers else super().input_dtype

    def get_config(self) -> dict[str, Any]:
        """Return the layers' configs and the shape the model was built with."""
        from pronghorn.saving.serialization import serialize_keras_object

        config = Layer.get_config(self) if type(self).__module__.startswith("pronghorn.") else self._base_config()
        layers = self._layers
        if self._input is not None:
            config["build_input_shape"] = self._input.shape
            if not isinstance(layers[0], InputLayer):
                layers = [self._input.input_layer, *layers]
        config["layers"] = [serialize_keras_object(layer) for layer in layers]
        return config

    def _base_config(self) -> dict[str, Any]:
        from pronghorn import dtype_policies

        return {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the model that `get_config` described."""
        from pronghorn.saving.custom import CustomObjectScope
        from pronghorn.saving.serialization import deserialize_keras_object

        with CustomObjectScope(custom_objects):
            model = cls(name=config.get("name"))
            model.trainable = config.get("trainable", True)
            if config.get("dtype") is not None:
                model.dtype_policy = config["dtype"]
            for entry in config["layers"]:
                model.add(deserialize_keras_object(entry), rebuild=False)
            model._maybe_build()
            shape = config.get("build_input_shape")
            if not model.built and shape:
                model.build(tuple(shape))
        return model

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layers, unless they are."""
        if not self.built:
            super().build_from_config(config)


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(d is None or isinstance(d, int) for d in value)
