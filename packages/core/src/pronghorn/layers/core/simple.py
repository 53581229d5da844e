"""Small layers: identity, masking, functions as layers, and the base of layers around layers."""

from typing import Any

from pronghorn import ops
from pronghorn.layers.layer import Layer
from pronghorn.ops.creation import cast, dtype_of


class Identity(Layer):
    """Return the inputs.

    Example:
        >>> Identity()([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    supports_masking = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs


class Masking(Layer):
    """Mask the time steps at which every feature equals a value; later layers skip them.

    Args:
        mask_value: the value that marks padding.

    Shapes: `(batch, time, features)`, unchanged.

    Example:
        >>> Masking()([[[1.0, 2.0], [0.0, 0.0]]]).shape
        (1, 2, 2)
    """

    supports_masking = True
    _keys = "mask_value"

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.built = True

    def _makes_mask(self) -> bool:
        return True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return where any feature differs from the value."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        """Return the inputs with masked steps set to zero."""
        keep = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * cast(keep, dtype_of(inputs))


class Lambda(Layer):
    """Make a layer of a function.

    A file refers to the function by its registered name; it never holds its code.

    Args:
        function: takes the inputs, and `mask` and `training` if it names them.
        output_shape: shape without the batch axis, or a function of the input shape; worked out by tracing by default.
        mask: mask of the outputs, or a function of inputs and mask.
        arguments: further keyword arguments of the function.

    Example:
        >>> Lambda(lambda x: x * 2)([1.0, 2.0]).tolist()
        [2.0, 4.0]
    """

    _keys = "arguments"

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: dict | None = None, **kwargs: Any):
        import inspect

        super().__init__(**kwargs)
        if not callable(function):
            raise ValueError(f"Lambda: expected a function; received {function!r}.")
        self.function, self.arguments, self._output_shape = function, arguments or {}, output_shape
        if mask is not None:
            self.supports_masking = True
        self.mask = mask
        try:
            names = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            names = set()
        self._takes_mask, self._takes_training = "mask" in names, "training" in names
        self.built = True

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        """Return the function's value."""
        extra = dict(self.arguments)
        if self._takes_mask:
            extra["mask"] = mask
        if self._takes_training:
            extra["training"] = training
        return self.function(inputs, **extra)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the specs of the outputs."""
        if self._output_shape is None:
            return super().compute_output_spec(*args, **kwargs)
        return self._specs_from_rule(args[0] if args else kwargs["inputs"])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = input_shape[0] if not isinstance(input_shape[0], (list, tuple)) else input_shape[0][0]
        return (batch, *self._output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask that was given, or computed by the function given for it."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer; the function by its registered name."""
        from pronghorn.saving.serialization import serialize_keras_object

        try:
            function = serialize_keras_object(self.function)
        except ValueError as error:
            raise ValueError(f'Lambda layer "{self.name}": {error}') from None
        config = super().get_config()
        config["function"] = function
        for key, value in (("output_shape", self._output_shape), ("mask", self.mask)):
            if value is not None:
                config[key] = serialize_keras_object(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: Any = None) -> "Lambda":
        """Return the layer that `get_config` described.

        Raises:
            ValueError: the config holds bytecode, which is never run; the message says which function to pass.
        """
        from pronghorn.saving.custom import get_registered_object
        from pronghorn.saving.serialization import revive

        config = dict(config)
        name = config.get("name", "lambda")
        given = get_registered_object(name)
        for key in ("function", "mask", "output_shape"):
            value = config.get(key)
            code = isinstance(value, dict) and value.get("class_name") == "__lambda__" or key == "function" and isinstance(value, list)
            if key == "function" and given is not None and callable(given):
                config[key] = given
            elif code:
                raise ValueError(
                    f'The file holds the bytecode of a Python lambda as {key} of the Lambda layer "{name}". It is never run here, with or without safe_mode, '
                    f"since it could do anything. Load with custom_objects={{{name!r}: <the function>}}."
                )
            else:
                config[key] = revive(value)
        for key in ("module", "function_type", "output_shape_type", "output_shape_module"):  # written by Keras 2
            config.pop(key, None)
        if isinstance(config.get("output_shape"), list):
            config["output_shape"] = tuple(config["output_shape"])
        return cls(**{k: v for k, v in config.items() if v is not None or k == "mask"})


class Wrapper(Layer):
    """Base of layers around another layer.

    Args:
        layer: the layer inside.
    """

    def __init__(self, layer: Any, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__}: expected a layer; received {layer!r}.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        from pronghorn.saving.serialization import serialize_keras_object

        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Return the layer that `get_config` described."""
        from pronghorn.saving.serialization import deserialize_keras_object

        config = dict(config)
        config["layer"] = deserialize_keras_object(config["layer"], custom_objects)
        return super().from_config(config)
